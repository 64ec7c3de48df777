/* One signature by a key that was brought into the token, checked outside of it: that its
 * attributes are right does not prove that the token understood the key. */
#include <string.h>

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <signet/pkcs11/mechanism.h>

#include "key_read_internal.h"

#define SIGNATURE_MAX 2048

SG_DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
SG_DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)
SG_DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)

/* What is signed, as DigestInfo of SHA-256 (RFC 8017, 9.2, note 1); EC signs the digest in it, and
 * Ed25519 the whole. The digest is that of nothing anybody would sign: zeros. */
static const unsigned char info[19 + 32] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                            0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                            0x01, 0x05, 0x00, 0x04, 0x20};
static const unsigned char *const digest = info + 19;

static bool verify(EVP_PKEY *key, struct sg_bytes signature, int padding)
{
    SG_CLEANUP(EVP_PKEY_CTX_freep)
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    return context != NULL && EVP_PKEY_verify_init(context) == 1 &&
           (padding == 0 || EVP_PKEY_CTX_set_rsa_padding(context, padding) == 1) &&
           EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
           EVP_PKEY_verify(context, signature.data, signature.len, digest, 32) == 1;
}

static bool verify_ec(EVP_PKEY *key, struct sg_bytes raw)
{
    unsigned char der[SIGNATURE_MAX];
    unsigned char *at = der;
    SG_CLEANUP(ECDSA_SIG_freep) ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw.data, (int)raw.len / 2, NULL);
    BIGNUM *s = BN_bin2bn(raw.data + raw.len / 2, (int)raw.len / 2, NULL);
    if (signature == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(signature, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return false;
    }
    int len = i2d_ECDSA_SIG(signature, NULL);
    if (len <= 0 || (size_t)len > sizeof der || i2d_ECDSA_SIG(signature, &at) != len) {
        return false;
    }
    return verify(key, (struct sg_bytes){der, (size_t)len}, 0);
}

static bool verify_ed25519(EVP_PKEY *key, struct sg_bytes signature)
{
    SG_CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
    return context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
           EVP_DigestVerify(context, signature.data, signature.len, info, sizeof info) == 1;
}

static bool is_right(enum sg_pkcs11_key_type type, EVP_PKEY *key, struct sg_bytes signature)
{
    switch (type) {
    case SG_PKCS11_RSA:
        return verify(key, signature, RSA_PKCS1_PADDING);
    case SG_PKCS11_EC:
        return verify_ec(key, signature);
    case SG_PKCS11_ED25519:
        return verify_ed25519(key, signature);
    }
    return false;
}

sg_status sg_pkcs11_key_try(struct sg_pkcs11_session *session,
                            const struct sg_pkcs11_key_request *request, EVP_PKEY *key,
                            struct sg_error *err)
{
    static const enum sg_pkcs11_mechanism_kind kinds[] = {[SG_PKCS11_RSA] = SG_PKCS11_RSA_PKCS,
                                                          [SG_PKCS11_EC] = SG_PKCS11_ECDSA,
                                                          [SG_PKCS11_ED25519] = SG_PKCS11_EDDSA};
    const struct sg_pkcs11_mechanism mechanism = {.kind = kinds[request->type]};
    struct sg_bytes data = request->type == SG_PKCS11_EC ? (struct sg_bytes){digest, 32}
                                                         : (struct sg_bytes){info, sizeof info};
    unsigned char signature[SIGNATURE_MAX];
    size_t len = sizeof signature;
    sg_status s = sg_pkcs11_use_key(session, SG_PKCS11_SIGN, &request->id, &mechanism, data,
                                    signature, &len, NULL, err);
    if (s != SG_OK) {
        return s;
    }
    bool right = is_right(request->type, key, (struct sg_bytes){signature, len});
    ERR_clear_error();
    return right ? SG_OK
                 : sg_fail(err, SG_E_TOKEN, "key_not_understood",
                           "the token signs wrongly with the key that it was given");
}
