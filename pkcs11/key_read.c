#include "key_read_internal.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#define RSA_EXPONENT 65537

SG_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
SG_DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
SG_DEFINE_CLEANUP(PKCS8_PRIV_KEY_INFO *, PKCS8_PRIV_KEY_INFO_free)
SG_DEFINE_CLEANUP(BIGNUM *, BN_free)

static sg_status bad(struct sg_error *err, const char *why)
{
    sg_fail(err, SG_E_INPUT, "bad_private_key", "the private key is not valid: %s", why);
    err->ossl = ERR_peek_last_error();
    ERR_clear_error();
    return err->status;
}

static sg_status unsupported(struct sg_error *err, const char *what)
{
    ERR_clear_error();
    sg_fail(err, SG_E_INPUT, "unsupported_key", "the private key cannot be taken: %s", what);
    return sg_hint(err, "RSA of 2048, 3072 or 4096 bits with exponent 65537, EC on P-256, P-384, "
                        "P-521 or secp256k1, and Ed25519 can.");
}

static sg_status read_rsa(EVP_PKEY *key, struct sg_pkcs11_key_request *request,
                          struct sg_error *err)
{
    SG_CLEANUP(BN_freep) BIGNUM *exponent = NULL;
    request->type = SG_PKCS11_RSA;
    request->bits = (unsigned)EVP_PKEY_get_bits(key);
    if (request->bits != 2048 && request->bits != 3072 && request->bits != 4096) {
        return unsupported(err, "RSA of another size");
    }
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1 ||
        !BN_is_word(exponent, RSA_EXPONENT)) {
        return unsupported(err, "RSA with another exponent");
    }
    return SG_OK;
}

static sg_status read_ec(EVP_PKEY *key, struct sg_pkcs11_key_request *request, struct sg_error *err)
{
    char group[64] = "";
    size_t len = 0;
    request->type = SG_PKCS11_EC;
    bool known = EVP_PKEY_get_group_name(key, group, sizeof group, &len) == 1 &&
                 sg_pkcs11_curve_find(group, &request->curve);
    /* However the file had it, from here on the curve goes by its name and the point is whole. */
    bool plain =
        known &&
        EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING,
                                       OSSL_PKEY_EC_ENCODING_GROUP) == 1 &&
        EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) == 1;
    return plain ? SG_OK : unsupported(err, "EC on another curve");
}

static sg_status read_kind(EVP_PKEY *key, struct sg_pkcs11_key_request *request,
                           struct sg_error *err)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        return read_rsa(key, request, err);
    case EVP_PKEY_EC:
        return read_ec(key, request, err);
    case EVP_PKEY_ED25519:
        request->type = SG_PKCS11_ED25519;
        return SG_OK;
    default:
        return unsupported(err, "it is neither RSA, EC nor Ed25519");
    }
}

/* A key whose halves do not belong together gives itself away with its first signature (RSA by its
 * CRT). */
static sg_status check_pair(EVP_PKEY *key, struct sg_error *err)
{
    SG_CLEANUP(EVP_PKEY_CTX_freep)
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (context == NULL) {
        return sg_fail_memory(err);
    }
    return EVP_PKEY_check(context) == 1 ? SG_OK : bad(err, "its parts do not belong together");
}

sg_status sg_pkcs11_private_read(struct sg_bytes pkcs8, struct sg_pkcs11_key_request *request,
                                 EVP_PKEY **out, struct sg_error *err)
{
    const unsigned char *at = pkcs8.data;
    SG_CLEANUP(PKCS8_PRIV_KEY_INFO_freep)
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8.len);
    if (info == NULL || at != pkcs8.data + pkcs8.len) {
        return bad(err, "it is no PKCS#8");
    }
    SG_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = EVP_PKCS82PKEY(info);
    if (key == NULL) {
        return bad(err, "OpenSSL cannot read it");
    }
    sg_status s = read_kind(key, request, err);
    s = s == SG_OK ? check_pair(key, err) : s;
    if (s == SG_OK) {
        *out = SG_STEAL(key);
    }
    return s;
}

sg_status sg_pkcs11_private_write(EVP_PKEY *key, struct sg_buffer *pkcs8, struct sg_error *err)
{
    unsigned char *room = NULL;
    SG_CLEANUP(PKCS8_PRIV_KEY_INFO_freep) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    int len = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;
    if (len <= 0) {
        return bad(err, "it cannot be encoded");
    }
    sg_status s = sg_buffer_reserve(pkcs8, (size_t)len, &room, err);
    if (s == SG_OK) {
        pkcs8->len += (size_t)i2d_PKCS8_PRIV_KEY_INFO(info, &room);
        pkcs8->data[pkcs8->len] = 0;
    }
    return s;
}

sg_status sg_pkcs11_private_spki(EVP_PKEY *key, struct sg_buffer *spki, struct sg_error *err)
{
    unsigned char *room = NULL;
    int len = i2d_PUBKEY(key, NULL);
    if (len <= 0) {
        return bad(err, "its public half cannot be encoded");
    }
    sg_status s = sg_buffer_reserve(spki, (size_t)len, &room, err);
    if (s == SG_OK) {
        spki->len += (size_t)i2d_PUBKEY(key, &room);
        spki->data[spki->len] = 0;
    }
    return s;
}
