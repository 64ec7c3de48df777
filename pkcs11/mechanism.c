#include <signet/pkcs11/mechanism.h>

#include <signet/base/unconst.h>

#include "mechanism_internal.h"

/* CKM_SHA…_RSA_PKCS, the hash itself, and its mask generation function. */
struct hash_row {
    CK_MECHANISM_TYPE rsa_pkcs, hash;
    unsigned long mgf;
};
static const struct hash_row hashes[SG_PKCS11_HASH_COUNT] = {
    [SG_PKCS11_SHA1] = {CKM_SHA1_RSA_PKCS, CKM_SHA_1, CKG_MGF1_SHA1},
    [SG_PKCS11_SHA224] = {CKM_SHA224_RSA_PKCS, CKM_SHA224, CKG_MGF1_SHA224},
    [SG_PKCS11_SHA256] = {CKM_SHA256_RSA_PKCS, CKM_SHA256, CKG_MGF1_SHA256},
    [SG_PKCS11_SHA384] = {CKM_SHA384_RSA_PKCS, CKM_SHA384, CKG_MGF1_SHA384},
    [SG_PKCS11_SHA512] = {CKM_SHA512_RSA_PKCS, CKM_SHA512, CKG_MGF1_SHA512},
};

static void set(struct ck_mechanism_full *out, CK_MECHANISM_TYPE type, void *parameter, size_t len)
{
    out->mechanism = (CK_MECHANISM){type, parameter, (CK_ULONG)len};
}

static void set_pss(const struct sg_pkcs11_mechanism *mechanism, struct ck_mechanism_full *out)
{
    CK_RSA_PKCS_PSS_PARAMS *pss = &out->parameters.pss;
    pss->hashAlg = hashes[mechanism->hash].hash;
    pss->mgf = hashes[mechanism->mgf_hash].mgf;
    pss->sLen = mechanism->salt_len;
    set(out, CKM_RSA_PKCS_PSS, pss, sizeof *pss);
}

static void set_oaep(const struct sg_pkcs11_mechanism *mechanism, struct ck_mechanism_full *out)
{
    CK_RSA_PKCS_OAEP_PARAMS *oaep = &out->parameters.oaep;
    oaep->hashAlg = hashes[mechanism->hash].hash;
    oaep->mgf = hashes[mechanism->mgf_hash].mgf;
    oaep->source = CKZ_DATA_SPECIFIED;
    oaep->pSourceData = NULL;
    oaep->ulSourceDataLen = 0;
    set(out, CKM_RSA_PKCS_OAEP, oaep, sizeof *oaep);
}

static void set_ecdh(struct sg_bytes point, struct ck_mechanism_full *out)
{
    CK_ECDH1_DERIVE_PARAMS *ecdh = &out->parameters.ecdh;
    ecdh->kdf = CKD_NULL;
    ecdh->ulSharedDataLen = 0;
    ecdh->pSharedData = NULL;
    ecdh->ulPublicDataLen = (CK_ULONG)point.len;
    ecdh->pPublicData = sg_unconst(point.data); /* only read */
    set(out, CKM_ECDH1_DERIVE, ecdh, sizeof *ecdh);
}

static bool has_hashes(const struct sg_pkcs11_mechanism *mechanism)
{
    return (unsigned)mechanism->hash < SG_PKCS11_HASH_COUNT &&
           (unsigned)mechanism->mgf_hash < SG_PKCS11_HASH_COUNT;
}

bool sg_pkcs11_mechanism_make(const struct sg_pkcs11_mechanism *mechanism, enum sg_pkcs11_use use,
                              struct sg_bytes data, struct ck_mechanism_full *out)
{
    if (!has_hashes(mechanism)) {
        return false;
    }
    switch (mechanism->kind) {
    case SG_PKCS11_RSA_PKCS:
        set(out, CKM_RSA_PKCS, NULL, 0);
        return use != SG_PKCS11_DERIVE;
    case SG_PKCS11_RSA_X_509:
        set(out, CKM_RSA_X_509, NULL, 0);
        return use != SG_PKCS11_DERIVE;
    case SG_PKCS11_RSA_PKCS_HASHED:
        set(out, hashes[mechanism->hash].rsa_pkcs, NULL, 0);
        return use == SG_PKCS11_SIGN;
    case SG_PKCS11_RSA_PSS:
        set_pss(mechanism, out);
        return use == SG_PKCS11_SIGN;
    case SG_PKCS11_RSA_OAEP:
        set_oaep(mechanism, out);
        return use == SG_PKCS11_DECRYPT;
    case SG_PKCS11_ECDSA:
        set(out, CKM_ECDSA, NULL, 0);
        return use == SG_PKCS11_SIGN;
    case SG_PKCS11_EDDSA:
        set(out, CKM_EDDSA, NULL, 0);
        return use == SG_PKCS11_SIGN;
    case SG_PKCS11_ECDH:
        set_ecdh(data, out);
        return use == SG_PKCS11_DERIVE;
    }
    return false;
}

bool sg_pkcs11_mechanism_is_rsa(enum sg_pkcs11_mechanism_kind kind)
{
    switch (kind) {
    case SG_PKCS11_RSA_PKCS:
    case SG_PKCS11_RSA_X_509:
    case SG_PKCS11_RSA_PKCS_HASHED:
    case SG_PKCS11_RSA_PSS:
    case SG_PKCS11_RSA_OAEP:
        return true;
    case SG_PKCS11_ECDSA:
    case SG_PKCS11_EDDSA:
    case SG_PKCS11_ECDH:
        return false;
    }
    return false;
}
