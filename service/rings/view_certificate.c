/* A member's attributes from its certificate: PKCS#11 v2.40 base, 4.6 (certificates), 4.8 and 4.9
 * (keys), and for the key types v2.40 mechanisms, 2.1.2, 2.1.3 (RSA), 2.3.3, 2.3.4 (EC). */
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/provider.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <string.h>

#include "view_writer_internal.h"

/* CKA_CERTIFICATE_CATEGORY, PKCS#11 v2.40 base, 4.6.2 */
enum { CATEGORY_TOKEN_USER = 1, CATEGORY_AUTHORITY = 2, CATEGORY_OTHER = 3 };

static void free_certificate(X509 *certificate)
{
    X509_free(certificate);
}
SG_DEFINE_CLEANUP(X509 *, free_certificate)

/* Appends to a writer until something fails; then does nothing more and keeps the first status. */
struct builder {
    struct sg_view_writer *writer;
    struct sg_error *err;
    sg_status status;
    bool hidden; /* all objects of the member */
};

/* What the objects of one member share. */
struct member_pieces {
    struct sg_view_piece id, label, subject, public_key_info;
    struct sg_view_piece key_type, modulus, exponent, parameters, point;
    unsigned char digest[SG_VIEW_ID_LEN]; /* CKA_ID */
    enum sg_view_family family;
    uint32_t bits;
};

static struct sg_view_piece put(struct builder *b, const void *bytes, size_t len)
{
    struct sg_view_piece piece = {0, 0};
    if (b->status == SG_OK) {
        b->status = sg_view_put(b->writer, bytes, len, &piece, b->err);
    }
    return piece;
}

static struct sg_view_piece put_number(struct builder *b, CK_ULONG number)
{
    return put(b, &number, sizeof number);
}

/* Takes what an i2d_ function made. */
static struct sg_view_piece put_der(struct builder *b, int len, unsigned char *der)
{
    struct sg_view_piece piece = {0, 0};
    if (len <= 0 || der == NULL) {
        if (b->status == SG_OK) {
            b->status = sg_fail_memory(b->err);
        }
        return piece;
    }
    piece = put(b, der, (size_t)len);
    OPENSSL_free(der);
    return piece;
}

static void attribute(struct builder *b, CK_ATTRIBUTE_TYPE type, struct sg_view_piece value)
{
    if (b->status == SG_OK) {
        b->status = sg_view_put_attribute(b->writer, type, value, b->err);
    }
}

static void truth(struct builder *b, CK_ATTRIBUTE_TYPE type, bool value)
{
    attribute(b, type, value ? SG_VIEW_PIECE_TRUE : SG_VIEW_PIECE_FALSE);
}

static void number(struct builder *b, CK_ATTRIBUTE_TYPE type, CK_ULONG value)
{
    attribute(b, type, put_number(b, value));
}

static void begin(struct builder *b, CK_OBJECT_CLASS object_class, struct sg_bytes identity,
                  uint32_t key)
{
    if (b->status == SG_OK) {
        b->status = sg_view_begin_object(b->writer, (uint32_t)object_class, identity, key,
                                         b->hidden, b->err);
    }
    number(b, CKA_CLASS, object_class);
    truth(b, CKA_TOKEN, true);
    truth(b, CKA_PRIVATE, false);
    truth(b, CKA_MODIFIABLE, false);
    truth(b, CKA_COPYABLE, false);
    truth(b, CKA_DESTROYABLE, false);
}

/* ---- the certificate ---- */

static CK_ULONG category(enum sg_usage usage)
{
    switch (usage) {
    case SG_USAGE_PERSONAL:
        return CATEGORY_TOKEN_USER;
    case SG_USAGE_CERTAUTH:
        return CATEGORY_AUTHORITY;
    case SG_USAGE_SITE:
        return CATEGORY_OTHER;
    }
    return CATEGORY_OTHER;
}

static void date(struct builder *b, CK_ATTRIBUTE_TYPE type, const ASN1_TIME *time)
{
    struct tm tm = {0};
    char text[40];
    if (ASN1_TIME_to_tm(time, &tm) != 1) {
        return; /* the attribute is optional */
    }
    int len =
        snprintf(text, sizeof text, "%04d%02d%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    if (len == (int)sizeof(CK_DATE)) {
        attribute(b, type, put(b, text, sizeof(CK_DATE)));
    }
}

static void issuer_and_serial(struct builder *b, const X509 *certificate)
{
    unsigned char *issuer = NULL;
    unsigned char *serial = NULL;
    int len = i2d_X509_NAME(X509_get_issuer_name(certificate), &issuer);
    attribute(b, CKA_ISSUER, put_der(b, len, issuer));
    len = i2d_ASN1_INTEGER(X509_get0_serialNumber(certificate), &serial);
    attribute(b, CKA_SERIAL_NUMBER, put_der(b, len, serial));
}

static void certificate_object(struct builder *b, const struct sg_view_member *member,
                               const X509 *certificate, const struct member_pieces *pieces)
{
    unsigned char digest[SHA_DIGEST_LENGTH];
    SHA1(member->der.data, member->der.len, digest);
    begin(b, CKO_CERTIFICATE, member->der, SG_VIEW_NO_KEY);
    attribute(b, CKA_LABEL, pieces->label);
    attribute(b, CKA_ID, pieces->id);
    number(b, CKA_CERTIFICATE_TYPE, CKC_X_509);
    number(b, CKA_CERTIFICATE_CATEGORY, category(member->usage));
    /* Java shows no certificate without a key unless it is trusted (SunPKCS11, mapLabels). */
    truth(b, CKA_TRUSTED, member->usage != SG_USAGE_PERSONAL);
    attribute(b, CKA_CHECK_VALUE, put(b, digest, 3));
    date(b, CKA_START_DATE, X509_get0_notBefore(certificate));
    date(b, CKA_END_DATE, X509_get0_notAfter(certificate));
    attribute(b, CKA_SUBJECT, pieces->subject);
    issuer_and_serial(b, certificate);
    attribute(b, CKA_VALUE, put(b, member->der.data, member->der.len));
    attribute(b, CKA_PUBLIC_KEY_INFO, pieces->public_key_info);
}

/* ---- the keys ---- */

static CK_ULONG mechanism_of_birth(const struct sg_view_member *member,
                                   const struct member_pieces *pieces)
{
    if (member->imported) {
        return CK_UNAVAILABLE_INFORMATION;
    }
    return pieces->family == SG_VIEW_RSA ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN;
}

static void key_begin(struct builder *b, CK_OBJECT_CLASS object_class,
                      const struct sg_view_member *member, const struct member_pieces *pieces,
                      uint32_t key)
{
    struct sg_bytes identity = {pieces->digest, sizeof pieces->digest};
    begin(b, object_class, identity, key);
    attribute(b, CKA_LABEL, pieces->label);
    attribute(b, CKA_ID, pieces->id);
    attribute(b, CKA_KEY_TYPE, pieces->key_type);
    attribute(b, CKA_SUBJECT, pieces->subject);
    /* No dates: a key may be used for as long as it is here (PKCS#11 v2.40 base, 4.7: empty). */
    attribute(b, CKA_START_DATE, put(b, "", 0));
    attribute(b, CKA_END_DATE, put(b, "", 0));
    truth(b, CKA_LOCAL, !member->imported);
    number(b, CKA_KEY_GEN_MECHANISM, mechanism_of_birth(member, pieces));
    attribute(b, CKA_PUBLIC_KEY_INFO, pieces->public_key_info);
    switch (pieces->family) {
    case SG_VIEW_RSA:
        attribute(b, CKA_MODULUS, pieces->modulus);
        attribute(b, CKA_PUBLIC_EXPONENT, pieces->exponent);
        break;
    case SG_VIEW_EC:
        attribute(b, CKA_EC_PARAMS, pieces->parameters);
        break;
    }
}

static void private_key_object(struct builder *b, const struct sg_view_member *member,
                               const struct member_pieces *pieces, uint32_t key)
{
    /* CKA_DERIVE too, whatever the token lets the key do: no ring serves C_DeriveKey
     * (module_refused.c). */
    static const CK_ATTRIBUTE_TYPE no[] = {CKA_EXTRACTABLE,  CKA_UNWRAP,
                                           CKA_SIGN_RECOVER, CKA_ALWAYS_AUTHENTICATE,
                                           CKA_DERIVE,       CKA_WRAP_WITH_TRUSTED};
    key_begin(b, CKO_PRIVATE_KEY, member, pieces, key);
    for (size_t i = 0; i < SG_COUNT(no); i++) {
        truth(b, no[i], false);
    }
    truth(b, CKA_SIGN, !member->retired);
    truth(b, CKA_SENSITIVE, true);
    /* Outside of the token the key was neither (PKCS#11 v2.40 base, 5.13, C_UnwrapKey). */
    truth(b, CKA_ALWAYS_SENSITIVE, !member->imported);
    truth(b, CKA_NEVER_EXTRACTABLE, !member->imported && !member->extractable);
    truth(b, CKA_DECRYPT, pieces->family == SG_VIEW_RSA && member->may_decrypt);
}

static void public_key_object(struct builder *b, const struct sg_view_member *member,
                              const struct member_pieces *pieces, uint32_t key)
{
    static const CK_ATTRIBUTE_TYPE no[] = {CKA_WRAP, CKA_VERIFY_RECOVER, CKA_DERIVE, CKA_TRUSTED};
    key_begin(b, CKO_PUBLIC_KEY, member, pieces, key);
    truth(b, CKA_VERIFY, true);
    truth(b, CKA_ENCRYPT, pieces->family == SG_VIEW_RSA && member->may_decrypt);
    for (size_t i = 0; i < SG_COUNT(no); i++) {
        truth(b, no[i], false);
    }
    switch (pieces->family) {
    case SG_VIEW_RSA:
        number(b, CKA_MODULUS_BITS, pieces->bits);
        break;
    case SG_VIEW_EC:
        attribute(b, CKA_EC_POINT, pieces->point);
        break;
    }
}

/* A number of an RSAPublicKey (RFC 8017, A.1.1): big-endian without leading zeros. */
static struct sg_view_piece put_big(struct builder *b, const ASN1_TYPE *value, int *bits)
{
    struct sg_view_piece piece = {0, 0};
    unsigned char bytes[SG_VIEW_KEY_BITS_MAX / 8];
    BIGNUM *number =
        value->type == V_ASN1_INTEGER ? ASN1_INTEGER_to_BN(value->value.integer, NULL) : NULL;
    *bits = number != NULL ? BN_num_bits(number) : 0;
    if (*bits > 0 && *bits <= (int)SG_VIEW_KEY_BITS_MAX) {
        piece = put(b, bytes, (size_t)BN_bn2bin(number, bytes));
    }
    BN_free(number);
    return piece;
}

static bool rsa_pieces(struct builder *b, struct sg_bytes key, struct member_pieces *pieces)
{
    const unsigned char *at = key.data;
    int bits = 0;
    int exponent_bits = 0;
    ASN1_SEQUENCE_ANY *numbers = d2i_ASN1_SEQUENCE_ANY(NULL, &at, (long)key.len);
    bool two = sk_ASN1_TYPE_num(numbers) == 2;
    if (two) {
        pieces->key_type = put_number(b, CKK_RSA);
        pieces->modulus = put_big(b, sk_ASN1_TYPE_value(numbers, 0), &bits);
        pieces->exponent = put_big(b, sk_ASN1_TYPE_value(numbers, 1), &exponent_bits);
    }
    sk_ASN1_TYPE_pop_free(numbers, ASN1_TYPE_free);
    pieces->family = SG_VIEW_RSA;
    pieces->bits = (uint32_t)bits;
    return two && pieces->modulus.len > 0 && pieces->exponent.len > 0;
}

/* Of a curve on which keys are kept; 0 for any other, and for one that is spelt out: no stock
 * client takes that. */
static uint32_t bits_of_curve(const X509_ALGOR *algorithm)
{
    static const struct {
        int nid;
        uint32_t bits;
    } curves[] = {{NID_X9_62_prime256v1, 256},
                  {NID_secp384r1, 384},
                  {NID_secp521r1, 521},
                  {NID_secp256k1, 256}};
    int type = V_ASN1_UNDEF;
    const void *value = NULL;
    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    int nid = type == V_ASN1_OBJECT ? OBJ_obj2nid(value) : NID_undef;
    for (size_t i = 0; i < SG_COUNT(curves); i++) {
        if (curves[i].nid == nid) {
            return curves[i].bits;
        }
    }
    return 0;
}

/* CKA_EC_PARAMS is the OBJECT IDENTIFIER, CKA_EC_POINT an OCTET STRING around the point, both in
 * DER. */
static bool ec_pieces(struct builder *b, const X509_ALGOR *algorithm, struct sg_bytes point,
                      struct member_pieces *pieces)
{
    unsigned char *parameters = NULL;
    unsigned char *wrapped = NULL;
    pieces->family = SG_VIEW_EC;
    pieces->bits = bits_of_curve(algorithm);
    if (pieces->bits == 0) {
        return false;
    }
    pieces->key_type = put_number(b, CKK_EC);
    int len = i2d_ASN1_OBJECT(algorithm->parameter->value.object, &parameters);
    pieces->parameters = put_der(b, len, parameters);
    ASN1_OCTET_STRING *string = ASN1_OCTET_STRING_new();
    if (string != NULL && ASN1_OCTET_STRING_set(string, point.data, (int)point.len) == 1) {
        len = i2d_ASN1_OCTET_STRING(string, &wrapped);
    }
    pieces->point = put_der(b, len, wrapped);
    ASN1_OCTET_STRING_free(string);
    return true;
}

/* From what stands in the certificate, for decoding the key would be most of the work. False when
 * the ring shows no key for such a certificate: an Ed25519 key makes libp11 0.4.12 lose every key
 * beside it, and no p11-kit client carries EdDSA. */
static bool key_pieces(struct builder *b, const X509 *certificate, struct member_pieces *pieces)
{
    ASN1_OBJECT *kind = NULL;
    X509_ALGOR *algorithm = NULL;
    const unsigned char *bytes = NULL;
    int len = 0;
    if (X509_PUBKEY_get0_param(&kind, &bytes, &len, &algorithm,
                               X509_get_X509_PUBKEY(certificate)) != 1) {
        return false;
    }
    struct sg_bytes key = {bytes, (size_t)len};
    switch (OBJ_obj2nid(kind)) {
    case NID_rsaEncryption:
        return rsa_pieces(b, key, pieces);
    case NID_X9_62_id_ecPublicKey:
        return ec_pieces(b, algorithm, key, pieces);
    default:
        return false;
    }
}

/* A renewed certificate stands in the ring beside the old one with the same key: one key object is
 * enough, and two with one CKA_ID would make every client choose. */
static void key_objects(struct builder *b, const struct sg_view_member *member,
                        const X509 *certificate, struct member_pieces *pieces)
{
    struct sg_bytes id = {pieces->digest, sizeof pieces->digest};
    if (b->status != SG_OK || sg_view_has_object(b->writer, CKO_PRIVATE_KEY, id) ||
        !key_pieces(b, certificate, pieces) || b->status != SG_OK) {
        return;
    }
    struct sg_view_key key = {
        .id = member->key,
        .token = member->token,
        .bits = pieces->bits,
        .family = (uint8_t)pieces->family,
        .may_decrypt = pieces->family == SG_VIEW_RSA && member->may_decrypt,
        .may_derive = pieces->family == SG_VIEW_EC && member->may_derive,
        .retired = member->retired,
    };
    uint32_t index = 0;
    b->status = sg_view_put_key(b->writer, &key, &index, b->err);
    private_key_object(b, member, pieces, index);
    public_key_object(b, member, pieces, index);
}

/* ---- the member ---- */

static void shared_pieces(struct builder *b, const struct sg_view_member *member,
                          const X509 *certificate, struct member_pieces *pieces)
{
    unsigned char *subject = NULL;
    unsigned char *info = NULL;
    pieces->id = put(b, pieces->digest, sizeof pieces->digest);
    pieces->label = put(b, member->label, strlen(member->label));
    int len = i2d_X509_NAME(X509_get_subject_name(certificate), &subject);
    pieces->subject = put_der(b, len, subject);
    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &info);
    pieces->public_key_info = put_der(b, len, info);
}

static OSSL_LIB_CTX *keyless_context;

static void make_keyless(void)
{
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
    if (context != NULL && OSSL_PROVIDER_load(context, "null") == NULL) {
        OSSL_LIB_CTX_free(context);
        context = NULL;
    }
    keyless_context = context;
    ERR_clear_error();
}

/* Certificates that are read with it keep their public key as it is. NULL, the usual one, where it
 * cannot be made: slower, and the same. */
static OSSL_LIB_CTX *keyless(void)
{
    static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
    return CRYPTO_THREAD_run_once(&once, make_keyless) == 1 ? keyless_context : NULL;
}

static sg_status parse(struct sg_bytes der, X509 **out, struct sg_error *err)
{
    const unsigned char *at = der.data;
    if (der.len > INT32_MAX) {
        return sg_fail(err, SG_E_LIMIT, "too_large", "a certificate of %zu bytes", der.len);
    }
    SG_CLEANUP(free_certificatep) X509 *certificate = X509_new_ex(keyless(), NULL);
    if (certificate == NULL) {
        return sg_fail_memory(err);
    }
    if (d2i_X509(&certificate, &at, (long)der.len) == NULL || at != der.data + der.len) {
        sg_status s =
            sg_fail(err, SG_E_INPUT, "bad_certificate", "a certificate is not well-formed");
        err->ossl = ERR_peek_error();
        ERR_clear_error();
        return s;
    }
    *out = SG_STEAL(certificate);
    return SG_OK;
}

static sg_status digest_key(const X509 *certificate, unsigned char out[SG_VIEW_ID_LEN],
                            struct sg_error *err)
{
    return X509_pubkey_digest(certificate, EVP_sha1(), out, NULL) == 1
               ? SG_OK
               : sg_fail(err, SG_E_INPUT, "bad_certificate", "a certificate has no public key");
}

sg_status sg_view_id(struct sg_bytes der, unsigned char out[SG_VIEW_ID_LEN], struct sg_error *err)
{
    SG_CLEANUP(free_certificatep) X509 *certificate = NULL;
    sg_status s = parse(der, &certificate, err);
    return s == SG_OK ? digest_key(certificate, out, err) : s;
}

static sg_status build(struct sg_view_writer *writer, const struct sg_view_member *member,
                       X509 *certificate, struct sg_error *err)
{
    struct builder b = {writer, err, SG_OK, member->hidden};
    struct member_pieces pieces = {.bits = 0};
    sg_status s = digest_key(certificate, pieces.digest, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_bytes id = {pieces.digest, sizeof pieces.digest};
    if (member->hidden && sg_view_has_object(writer, CKO_CERTIFICATE, id)) {
        return SG_OK; /* it stands in the ring openly as well */
    }
    shared_pieces(&b, member, certificate, &pieces);
    certificate_object(&b, member, certificate, &pieces);
    if (member->key_usable) {
        key_objects(&b, member, certificate, &pieces);
    }
    ERR_clear_error(); /* of keys that OpenSSL could not read and that are not shown therefore */
    return b.status;
}

sg_status sg_view_add_member(struct sg_view_writer *writer, const struct sg_view_member *member,
                             struct sg_error *err)
{
    if (writer->slots.len == 0 || member->token >= SG_TOKENS_MAX) {
        return sg_fail(err, SG_E_INTERNAL, NULL, "a member without a slot or with token %u",
                       (unsigned)member->token);
    }
    SG_CLEANUP(free_certificatep) X509 *certificate = NULL;
    sg_status s = parse(member->der, &certificate, err);
    if (s != SG_OK) {
        return s;
    }
    const struct sg_view_mark before = sg_view_mark(writer);
    s = build(writer, member, certificate, err);
    if (s != SG_OK) {
        sg_view_return(writer, &before);
    }
    return s;
}
