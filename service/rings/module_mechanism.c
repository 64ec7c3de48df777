/* Mechanisms: what is offered (PKCS#11 v2.40 base, 5.5) and how parameters become our own fields
 * (mechanisms, 2.1). */
#include "module_internal.h"

#define BOTH_RSA (CKF_SIGN | CKF_VERIFY | CKF_ENCRYPT | CKF_DECRYPT)
#define SIGNING (CKF_SIGN | CKF_VERIFY)

enum { RSA_BITS_MIN = 1024, EC_BITS_MIN = 256, EC_BITS_MAX = 521 };

/* clang-format off */
static const struct sg_mechanism_row rows[] = {
    {CKM_RSA_PKCS,        SG_MECHANISM_RSA_PKCS,  SG_HASH_NONE,   SG_VIEW_RSA, BOTH_RSA},
    {CKM_RSA_X_509,       SG_MECHANISM_RSA_X_509, SG_HASH_NONE,   SG_VIEW_RSA, BOTH_RSA},
    {CKM_SHA1_RSA_PKCS,   SG_MECHANISM_RSA_PKCS,  SG_HASH_SHA1,   SG_VIEW_RSA, SIGNING},
    {CKM_SHA256_RSA_PKCS, SG_MECHANISM_RSA_PKCS,  SG_HASH_SHA256, SG_VIEW_RSA, SIGNING},
    {CKM_SHA384_RSA_PKCS, SG_MECHANISM_RSA_PKCS,  SG_HASH_SHA384, SG_VIEW_RSA, SIGNING},
    {CKM_SHA512_RSA_PKCS, SG_MECHANISM_RSA_PKCS,  SG_HASH_SHA512, SG_VIEW_RSA, SIGNING},
    {CKM_RSA_PKCS_PSS,    SG_MECHANISM_RSA_PSS,   SG_HASH_NONE,   SG_VIEW_RSA, SIGNING},
    {CKM_RSA_PKCS_OAEP,   SG_MECHANISM_RSA_OAEP,  SG_HASH_NONE,   SG_VIEW_RSA, CKF_ENCRYPT | CKF_DECRYPT},
    {CKM_ECDSA,           SG_MECHANISM_ECDSA,     SG_HASH_NONE,   SG_VIEW_EC,  SIGNING},
    {CKM_ECDSA_SHA1,      SG_MECHANISM_ECDSA,     SG_HASH_SHA1,   SG_VIEW_EC,  SIGNING},
};
/* clang-format on */

/* What a hash is called as a mechanism of its own and as a mask generation function. */
static const struct hash_row {
    CK_MECHANISM_TYPE type;
    CK_RSA_PKCS_MGF_TYPE mgf;
    enum sg_hash hash;
} hashes[] = {
    {CKM_SHA_1, CKG_MGF1_SHA1, SG_HASH_SHA1},      {CKM_SHA224, CKG_MGF1_SHA224, SG_HASH_SHA224},
    {CKM_SHA256, CKG_MGF1_SHA256, SG_HASH_SHA256}, {CKM_SHA384, CKG_MGF1_SHA384, SG_HASH_SHA384},
    {CKM_SHA512, CKG_MGF1_SHA512, SG_HASH_SHA512},
};

const struct sg_mechanism_row *sg_mechanism_find(CK_MECHANISM_TYPE type)
{
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        if (rows[i].type == type) {
            return &rows[i];
        }
    }
    return NULL;
}

const EVP_MD *sg_mechanism_digest(enum sg_hash hash)
{
    switch (hash) {
    case SG_HASH_NONE:
        return NULL;
    case SG_HASH_SHA1:
        return EVP_sha1();
    case SG_HASH_SHA224:
        return EVP_sha224();
    case SG_HASH_SHA256:
        return EVP_sha256();
    case SG_HASH_SHA384:
        return EVP_sha384();
    case SG_HASH_SHA512:
        return EVP_sha512();
    }
    return NULL;
}

struct sg_bytes sg_mechanism_digest_info(enum sg_hash hash)
{
    static const unsigned char sha1[] = {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e,
                                         0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14};
#define SHA2(total, arc, len)                                                                      \
    {                                                                                              \
        0x30, total, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc,  \
            0x05, 0x00, 0x04, len                                                                  \
    }
    static const unsigned char sha224[] = SHA2(0x2d, 0x04, 0x1c);
    static const unsigned char sha256[] = SHA2(0x31, 0x01, 0x20);
    static const unsigned char sha384[] = SHA2(0x41, 0x02, 0x30);
    static const unsigned char sha512[] = SHA2(0x51, 0x03, 0x40);
    switch (hash) {
    case SG_HASH_NONE:
        break;
    case SG_HASH_SHA1:
        return (struct sg_bytes){sha1, sizeof sha1};
    case SG_HASH_SHA224:
        return (struct sg_bytes){sha224, sizeof sha224};
    case SG_HASH_SHA256:
        return (struct sg_bytes){sha256, sizeof sha256};
    case SG_HASH_SHA384:
        return (struct sg_bytes){sha384, sizeof sha384};
    case SG_HASH_SHA512:
        return (struct sg_bytes){sha512, sizeof sha512};
    }
    return (struct sg_bytes){NULL, 0};
}

static const struct hash_row *find_hash(CK_MECHANISM_TYPE type)
{
    for (size_t i = 0; i < SG_COUNT(hashes); i++) {
        if (hashes[i].type == type) {
            return &hashes[i];
        }
    }
    return NULL;
}

static const struct hash_row *find_mgf(CK_RSA_PKCS_MGF_TYPE mgf)
{
    for (size_t i = 0; i < SG_COUNT(hashes); i++) {
        if (hashes[i].mgf == mgf) {
            return &hashes[i];
        }
    }
    return NULL;
}

const EVP_MD *sg_mechanism_plain_digest(CK_MECHANISM_TYPE type)
{
    const struct hash_row *row = find_hash(type);
    return row == NULL ? NULL : sg_mechanism_digest(row->hash);
}

/* ---- parameters ---- */

static CK_RV translate_pss(const CK_MECHANISM *mechanism, size_t key_len, struct sg_mechanism *out)
{
    const CK_RSA_PKCS_PSS_PARAMS *given = mechanism->pParameter;
    if (given == NULL || mechanism->ulParameterLen != sizeof *given) {
        return CKR_MECHANISM_PARAM_INVALID;
    }
    const struct hash_row *hash = find_hash(given->hashAlg);
    const struct hash_row *mgf = find_mgf(given->mgf);
    if (hash == NULL || mgf != hash) { /* SoftHSM 2.6.1 takes no other, nobody was found who asks */
        return CKR_MECHANISM_PARAM_INVALID;
    }
    size_t hash_len = (size_t)EVP_MD_get_size(sg_mechanism_digest(hash->hash));
    if (key_len < hash_len + 2 || given->sLen > key_len - hash_len - 2) { /* RFC 8017, 9.1.1 */
        return CKR_MECHANISM_PARAM_INVALID;
    }
    out->hash = hash->hash;
    out->mgf_hash = mgf->hash;
    out->salt_len = (uint32_t)given->sLen;
    return CKR_OK;
}

static CK_RV translate_oaep(const CK_MECHANISM *mechanism, size_t key_len, struct sg_mechanism *out)
{
    const CK_RSA_PKCS_OAEP_PARAMS *given = mechanism->pParameter;
    if (given == NULL || mechanism->ulParameterLen != sizeof *given) {
        return CKR_MECHANISM_PARAM_INVALID;
    }
    const struct hash_row *hash = find_hash(given->hashAlg);
    const struct hash_row *mgf = find_mgf(given->mgf);
    /* A label (source data) does not pass our inner protocol; nobody was found who uses one. */
    if (hash == NULL || mgf == NULL || given->source != CKZ_DATA_SPECIFIED ||
        given->ulSourceDataLen != 0) {
        return CKR_MECHANISM_PARAM_INVALID;
    }
    size_t hash_len = (size_t)EVP_MD_get_size(sg_mechanism_digest(hash->hash));
    if (key_len < 2 * hash_len + 2) { /* RFC 8017, 7.1.1: not even nothing */
        return CKR_MECHANISM_PARAM_INVALID;
    }
    out->hash = hash->hash;
    out->mgf_hash = mgf->hash;
    return CKR_OK;
}

CK_RV sg_mechanism_translate(const struct sg_mechanism_row *row, const CK_MECHANISM *mechanism,
                             size_t key_len, struct sg_mechanism *out)
{
    *out = (struct sg_mechanism){.kind = row->kind};
    switch (row->kind) {
    case SG_MECHANISM_RSA_PSS:
        return translate_pss(mechanism, key_len, out);
    case SG_MECHANISM_RSA_OAEP:
        return translate_oaep(mechanism, key_len, out);
    case SG_MECHANISM_RSA_PKCS:
    case SG_MECHANISM_RSA_X_509:
    case SG_MECHANISM_ECDSA:
    case SG_MECHANISM_RSA_PKCS_HASHED:
    case SG_MECHANISM_EDDSA:
    case SG_MECHANISM_ECDH:
        break;
    }
    return mechanism->ulParameterLen == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

/* ---- lists ---- */

CK_RV sg_C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    (void)slot; /* all the same, whatever the ring holds */
    if (sg_module_current() == NULL) {
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    if (count == NULL) {
        return CKR_ARGUMENTS_BAD;
    }
    CK_ULONG room = *count;
    *count = SG_COUNT(rows);
    if (list == NULL) {
        return CKR_OK;
    }
    if (room < SG_COUNT(rows)) {
        return CKR_BUFFER_TOO_SMALL;
    }
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        list[i] = rows[i].type;
    }
    return CKR_OK;
}

CK_RV sg_C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    (void)slot;
    if (sg_module_current() == NULL) {
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    if (info == NULL) {
        return CKR_ARGUMENTS_BAD;
    }
    const struct sg_mechanism_row *row = sg_mechanism_find(type);
    if (row != NULL) {
        bool rsa = row->family == SG_VIEW_RSA;
        CK_FLAGS curve = rsa ? 0 : CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS;
        *info = (CK_MECHANISM_INFO){
            .ulMinKeySize = rsa ? RSA_BITS_MIN : EC_BITS_MIN,
            .ulMaxKeySize = rsa ? SG_VIEW_KEY_BITS_MAX : EC_BITS_MAX,
            .flags = row->flags | curve,
        };
        return CKR_OK;
    }
    /* Not in the list, or Java would send us what it can hash itself; but it asks here whether PSS
     * may use them. */
    if (find_hash(type) != NULL) {
        *info = (CK_MECHANISM_INFO){.flags = CKF_DIGEST};
        return CKR_OK;
    }
    return CKR_MECHANISM_INVALID;
}
