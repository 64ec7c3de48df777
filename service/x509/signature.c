/* Signatures by somebody else's key: what is sent to the signer, and what X.509 wants from its
 * answer. */
#include "x509_internal.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

SG_DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)

/* DigestInfo of SHA-256 up to the digest (RFC 8017, 9.2, note 1). */
static const unsigned char sha256_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                            0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                            0x01, 0x05, 0x00, 0x04, 0x20};

static void plan_ec(unsigned bits, struct sg_x509_signing *out)
{
    out->component_len = (bits + 7) / 8;
    if (bits <= 256) {
        out->signature_nid = NID_ecdsa_with_SHA256;
        out->digest = EVP_sha256();
    } else if (bits <= 384) {
        out->signature_nid = NID_ecdsa_with_SHA384;
        out->digest = EVP_sha384();
    } else {
        out->signature_nid = NID_ecdsa_with_SHA512;
        out->digest = EVP_sha512();
    }
}

const char *sg_x509_signing_digest(enum sg_key_family family, unsigned bits)
{
    switch (family) {
    case SG_FAMILY_RSA:
        return "sha256";
    case SG_FAMILY_EC:
        return bits <= 256 ? "sha256" : bits <= 384 ? "sha384" : "sha512";
    case SG_FAMILY_ED25519:
        break;
    }
    return "";
}

sg_status sg_x509_signing_plan(const struct sg_signer *signer, struct sg_x509_signing *out,
                               struct sg_error *err)
{
    struct sg_x509_signing plan = {.family = SG_FAMILY_RSA};
    unsigned bits = 0;
    char text[32];
    sg_status s = sg_spki_describe(signer->spki, &plan.family, &bits, text, err);
    if (s != SG_OK) {
        return s;
    }
    switch (plan.family) {
    case SG_FAMILY_RSA:
        plan.signature_nid = NID_sha256WithRSAEncryption;
        plan.digest = EVP_sha256();
        break;
    case SG_FAMILY_EC:
        plan_ec(bits, &plan);
        break;
    case SG_FAMILY_ED25519:
        plan.signature_nid = NID_ED25519;
        break;
    }
    *out = plan;
    return SG_OK;
}

sg_status sg_x509_signing_algorithm(const struct sg_x509_signing *signing, X509_ALGOR *out,
                                    struct sg_error *err)
{
    int parameters = signing->family == SG_FAMILY_RSA ? V_ASN1_NULL : V_ASN1_UNDEF;
    if (X509_ALGOR_set0(out, OBJ_nid2obj(signing->signature_nid), parameters, NULL) != 1) {
        return sg_x509_broken(err, "writing a signature algorithm");
    }
    return SG_OK;
}

static sg_status hash(const EVP_MD *digest, struct sg_bytes data, unsigned char *out, size_t *len,
                      struct sg_error *err)
{
    unsigned used = 0;
    if (EVP_Digest(data.data, data.len, out, &used, digest, NULL) != 1) {
        return sg_x509_broken(err, "hashing");
    }
    *len = used;
    return SG_OK;
}

static sg_status sign_rsa(const struct sg_x509_signing *signing, const struct sg_signer *signer,
                          struct sg_bytes tbs, unsigned char *out, size_t *len,
                          struct sg_error *err)
{
    struct sg_mechanism mechanism = {.kind = SG_MECHANISM_RSA_PKCS_HASHED, .hash = SG_HASH_SHA256};
    if (tbs.len <= SG_TOKEN_DATA_MAX) {
        return signer->sign(signer->context, &mechanism, tbs, out, len, err);
    }
    unsigned char info[sizeof(sha256_info) + EVP_MAX_MD_SIZE];
    size_t digest_len = 0;
    memcpy(info, sha256_info, sizeof(sha256_info));
    sg_status s = hash(signing->digest, tbs, info + sizeof(sha256_info), &digest_len, err);
    if (s != SG_OK) {
        return s;
    }
    mechanism = (struct sg_mechanism){.kind = SG_MECHANISM_RSA_PKCS};
    struct sg_bytes data = {info, sizeof(sha256_info) + digest_len};
    return signer->sign(signer->context, &mechanism, data, out, len, err);
}

/* r || s becomes Ecdsa-Sig-Value (RFC 3279, 2.2.3). */
static sg_status wrap_ecdsa(unsigned char *raw, size_t *len, struct sg_error *err)
{
    SG_CLEANUP(ECDSA_SIG_freep) ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, (int)(*len / 2), NULL);
    BIGNUM *s = BN_bin2bn(raw + *len / 2, (int)(*len / 2), NULL);
    if (signature == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(signature, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return sg_fail_memory(err);
    }
    SG_DER unsigned char *der = NULL;
    int der_len = i2d_ECDSA_SIG(signature, &der);
    if (der_len <= 0 || der_len > SG_SIGNATURE_MAX) {
        return sg_x509_broken(err, "encoding an ECDSA signature");
    }
    memcpy(raw, der, (size_t)der_len);
    *len = (size_t)der_len;
    return SG_OK;
}

static sg_status sign_ecdsa(const struct sg_x509_signing *signing, const struct sg_signer *signer,
                            struct sg_bytes tbs, unsigned char *out, size_t *len,
                            struct sg_error *err)
{
    const struct sg_mechanism mechanism = {.kind = SG_MECHANISM_ECDSA};
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct sg_bytes data = {.data = digest};
    sg_status s = hash(signing->digest, tbs, digest, &data.len, err);
    if (s == SG_OK) {
        s = signer->sign(signer->context, &mechanism, data, out, len, err);
    }
    if (s != SG_OK) {
        return s;
    }
    if (*len == 0 || *len % 2 != 0 || *len > 2 * signing->component_len) {
        return sg_fail(err, SG_E_TOKEN, "bad_token_signature",
                       "the token returned an ECDSA signature of %zu bytes, expected %zu", *len,
                       2 * signing->component_len);
    }
    return wrap_ecdsa(out, len, err);
}

static sg_status sign_eddsa(const struct sg_signer *signer, struct sg_bytes tbs, unsigned char *out,
                            size_t *len, struct sg_error *err)
{
    const struct sg_mechanism mechanism = {.kind = SG_MECHANISM_EDDSA};
    if (tbs.len > SG_TOKEN_DATA_MAX) {
        /* Pure Ed25519 signs the message itself; nothing can be hashed before. */
        return sg_fail(err, SG_E_LIMIT, "too_large",
                       "%zu bytes to sign with Ed25519, at most %d are possible", tbs.len,
                       SG_TOKEN_DATA_MAX);
    }
    return signer->sign(signer->context, &mechanism, tbs, out, len, err);
}

sg_status sg_x509_sign(const struct sg_x509_signing *signing, const struct sg_signer *signer,
                       struct sg_bytes tbs, struct sg_buffer *out, struct sg_error *err)
{
    unsigned char signature[SG_SIGNATURE_MAX];
    size_t len = sizeof(signature);
    sg_status s = SG_OK;
    switch (signing->family) {
    case SG_FAMILY_RSA:
        s = sign_rsa(signing, signer, tbs, signature, &len, err);
        break;
    case SG_FAMILY_EC:
        s = sign_ecdsa(signing, signer, tbs, signature, &len, err);
        break;
    case SG_FAMILY_ED25519:
        s = sign_eddsa(signer, tbs, signature, &len, err);
        break;
    }
    if (s == SG_OK && len > sizeof(signature)) {
        return sg_fail(err, SG_E_TOKEN, "bad_token_signature",
                       "the token returned a signature of %zu bytes", len);
    }
    return s == SG_OK ? sg_buffer_append(out, signature, len, err) : s;
}

sg_status sg_x509_put_bits(ASN1_BIT_STRING *target, struct sg_bytes bytes, struct sg_error *err)
{
    if (ASN1_STRING_set(target, bytes.data, (int)bytes.len) != 1) {
        return sg_fail_memory(err);
    }
    /* All bits count: without the flag OpenSSL drops zero bits at the end. */
    target->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
    target->flags |= ASN1_STRING_FLAG_BITS_LEFT;
    return SG_OK;
}
