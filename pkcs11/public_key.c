#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "key_internal.h"

#define MODULUS_MAX 2048 /* bytes: 16384 bits */
#define RSA_EXPONENT 65537

SG_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
SG_DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
SG_DEFINE_CLEANUP(OSSL_PARAM *, OSSL_PARAM_free)
SG_DEFINE_CLEANUP(OSSL_PARAM_BLD *, OSSL_PARAM_BLD_free)
SG_DEFINE_CLEANUP(BIGNUM *, BN_free)

/* RFC 5480, 2.1.1.1; SEC 2, A.2 for secp256k1 */
static const unsigned char oid_p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48,
                                         0xce, 0x3d, 0x03, 0x01, 0x07};
static const unsigned char oid_p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
static const unsigned char oid_p521[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};
static const unsigned char oid_secp256k1[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a};

static const struct curve curves[SG_PKCS11_CURVE_COUNT] = {
    [SG_PKCS11_P256] = {"prime256v1", 32, oid_p256, sizeof oid_p256},
    [SG_PKCS11_P384] = {"secp384r1", 48, oid_p384, sizeof oid_p384},
    [SG_PKCS11_P521] = {"secp521r1", 66, oid_p521, sizeof oid_p521},
    [SG_PKCS11_SECP256K1] = {"secp256k1", 32, oid_secp256k1, sizeof oid_secp256k1},
};

const struct curve *sg_pkcs11_curve(enum sg_pkcs11_curve curve)
{
    return (unsigned)curve < SG_PKCS11_CURVE_COUNT ? &curves[curve] : NULL;
}

bool sg_pkcs11_curve_find(const char *group, enum sg_pkcs11_curve *out)
{
    for (unsigned i = 0; i < SG_COUNT(curves); i++) {
        if (strcmp(curves[i].group, group) == 0) {
            *out = (enum sg_pkcs11_curve)i;
            return true;
        }
    }
    return false;
}

const unsigned char *sg_pkcs11_point(const unsigned char *value, size_t len, size_t point_len)
{
    if (len == point_len) {
        return value;
    }
    size_t header = point_len < 0x80 ? 2 : 3;
    if (len != header + point_len || value[0] != 0x04) {
        return NULL;
    }
    bool fits = header == 2 ? value[1] == point_len : value[1] == 0x81 && value[2] == point_len;
    return fits ? value + header : NULL;
}

static sg_status fail_public(struct sg_error *err, const char *why)
{
    sg_fail(err, SG_E_TOKEN, "bad_public_key", "the token's public key is not valid: %s", why);
    err->ossl = ERR_peek_last_error();
    ERR_clear_error();
    return SG_E_TOKEN;
}

static sg_status read_attribute(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE handle,
                                CK_ATTRIBUTE *attribute, struct sg_error *err)
{
    const CK_ULONG room = attribute->ulValueLen;
    CK_RV rv = session->call->C_GetAttributeValue(session->handle, handle, attribute, 1);
    if (rv == CKR_OK && attribute->ulValueLen == CK_UNAVAILABLE_INFORMATION) {
        rv = CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (rv == CKR_OK && attribute->ulValueLen > room) {
        rv = CKR_BUFFER_TOO_SMALL;
    }
    return rv == CKR_OK ? SG_OK : sg_pkcs11_fail(err, rv, "cannot read the public key");
}

static EVP_PKEY *from_parameters(const char *algorithm, OSSL_PARAM_BLD *builder)
{
    SG_CLEANUP(OSSL_PARAM_freep) OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    SG_CLEANUP(EVP_PKEY_CTX_freep)
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
    EVP_PKEY *key = NULL;
    if (parameters == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
        return NULL;
    }
    return key;
}

static sg_status read_rsa(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE handle, unsigned bits,
                          EVP_PKEY **out, struct sg_error *err)
{
    unsigned char modulus[MODULUS_MAX];
    unsigned char exponent[16];
    CK_ATTRIBUTE n = {CKA_MODULUS, modulus, sizeof modulus};
    CK_ATTRIBUTE e = {CKA_PUBLIC_EXPONENT, exponent, sizeof exponent};
    sg_status s = read_attribute(session, handle, &n, err);
    if (s == SG_OK) {
        s = read_attribute(session, handle, &e, err);
    }
    if (s != SG_OK) {
        return s;
    }
    SG_CLEANUP(BN_freep) BIGNUM *big_n = BN_bin2bn(modulus, (int)n.ulValueLen, NULL);
    SG_CLEANUP(BN_freep) BIGNUM *big_e = BN_bin2bn(exponent, (int)e.ulValueLen, NULL);
    SG_CLEANUP(OSSL_PARAM_BLD_freep) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (big_n == NULL || big_e == NULL || builder == NULL ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, big_n) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, big_e) != 1) {
        return sg_fail_memory(err);
    }
    if ((unsigned)BN_num_bits(big_n) != bits || !BN_is_odd(big_n)) {
        return fail_public(err, "the modulus has another size than asked for");
    }
    if (!BN_is_word(big_e, RSA_EXPONENT)) {
        return fail_public(err, "the exponent is not 65537");
    }
    *out = from_parameters("RSA", builder);
    return *out != NULL ? SG_OK : fail_public(err, "OpenSSL refuses it");
}

/* The token must answer with the curve asked for, by name: explicit parameters are refused, as RFC
 * 5480 does. */
static sg_status check_curve(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE handle,
                             const struct curve *curve, struct sg_error *err)
{
    unsigned char parameters[512];
    CK_ATTRIBUTE attribute = {CKA_EC_PARAMS, parameters, sizeof parameters};
    sg_status s = read_attribute(session, handle, &attribute, err);
    if (s == SG_OK && (attribute.ulValueLen != curve->parameters_len ||
                       memcmp(parameters, curve->parameters, curve->parameters_len) != 0)) {
        return fail_public(err, "it is on another curve than asked for");
    }
    return s;
}

static sg_status read_point(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE handle,
                            size_t point_len, unsigned char out[POINT_MAX], struct sg_error *err)
{
    unsigned char value[POINT_MAX];
    CK_ATTRIBUTE attribute = {CKA_EC_POINT, value, sizeof value};
    sg_status s = read_attribute(session, handle, &attribute, err);
    if (s != SG_OK) {
        return s;
    }
    const unsigned char *point = sg_pkcs11_point(value, attribute.ulValueLen, point_len);
    if (point == NULL) {
        return fail_public(err, "the point is not well-formed");
    }
    memcpy(out, point, point_len);
    return SG_OK;
}

/* EVP_PKEY_public_check proves that the point lies on the curve and has the curve's order (SP
 * 800-56A, 5.6.2.3.3). */
static sg_status check_point(EVP_PKEY *key, struct sg_error *err)
{
    SG_CLEANUP(EVP_PKEY_CTX_freep)
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (context == NULL) {
        return sg_fail_memory(err);
    }
    return EVP_PKEY_public_check(context) == 1 ? SG_OK
                                               : fail_public(err, "the point is not on the curve");
}

static sg_status read_ec(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE handle,
                         const struct curve *curve, EVP_PKEY **out, struct sg_error *err)
{
    unsigned char point[POINT_MAX];
    size_t len = 1 + 2 * curve->field_len;
    sg_status s = check_curve(session, handle, curve, err);
    if (s == SG_OK) {
        s = read_point(session, handle, len, point, err);
    }
    if (s != SG_OK) {
        return s;
    }
    SG_CLEANUP(OSSL_PARAM_BLD_freep) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (builder == NULL ||
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) !=
            1 ||
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, len) != 1) {
        return sg_fail_memory(err);
    }
    SG_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = from_parameters("EC", builder);
    if (key == NULL) {
        return fail_public(err, "the point is not on the curve");
    }
    s = check_point(key, err);
    if (s == SG_OK) {
        *out = SG_STEAL(key);
    }
    return s;
}

static sg_status read_ed25519(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE handle,
                              EVP_PKEY **out, struct sg_error *err)
{
    unsigned char point[POINT_MAX];
    sg_status s = read_point(session, handle, 32, point, err);
    if (s != SG_OK) {
        return s;
    }
    *out = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point, 32);
    return *out != NULL ? SG_OK : fail_public(err, "OpenSSL refuses it");
}

static sg_status read_key(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE handle,
                          const struct sg_pkcs11_key_request *request, EVP_PKEY **out,
                          struct sg_error *err)
{
    switch (request->type) {
    case SG_PKCS11_RSA:
        return read_rsa(session, handle, request->bits, out, err);
    case SG_PKCS11_EC:
        return read_ec(session, handle, sg_pkcs11_curve(request->curve), out, err);
    case SG_PKCS11_ED25519:
        return read_ed25519(session, handle, out, err);
    }
    return sg_fail(err, SG_E_INTERNAL, "bad_key_request", "unknown kind of key");
}

sg_status sg_pkcs11_public_key_read(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE handle,
                                    const struct sg_pkcs11_key_request *request,
                                    struct sg_buffer *spki, struct sg_error *err)
{
    SG_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    sg_status s = read_key(session, handle, request, &key, err);
    if (s != SG_OK) {
        return s;
    }
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    if (len <= 0) {
        return fail_public(err, "it cannot be encoded");
    }
    s = sg_buffer_append(spki, der, (size_t)len, err);
    OPENSSL_free(der);
    return s;
}
