/* Signatures that only a rehearsal takes for some: a keyed digest of what was to be signed, spread
 * over the length of a signature. */
#include <signet/x509/pretence.h>

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "x509_internal.h"

static _Thread_local const struct sg_pretence *current;

const struct sg_pretence *sg_pretence_enter(const struct sg_pretence *pretence)
{
    const struct sg_pretence *before = current;
    current = pretence;
    return before;
}

sg_status sg_pretence_init(struct sg_pretence *out, struct sg_error *err)
{
    return RAND_bytes(out->secret, (int)sizeof out->secret) == 1
               ? SG_OK
               : sg_fail(err, SG_E_INTERNAL, "no_random", "no random numbers");
}

/* ---- making one ---- */

static size_t signature_len(enum sg_key_family family, unsigned bits)
{
    switch (family) {
    case SG_FAMILY_RSA:
        return (bits + 7) / 8;
    case SG_FAMILY_EC:
        return 2 * (((size_t)bits + 7) / 8);
    case SG_FAMILY_ED25519:
        break;
    }
    return 64;
}

/* What is digested: which block of the signature, whose, how, and of what. */
struct block {
    unsigned char number;
    unsigned char mechanism;
    unsigned char spki[SHA256_DIGEST_LENGTH], data[SHA256_DIGEST_LENGTH];
};

static sg_status fill(const struct sg_pretence *pretence, struct block *block, unsigned char *out,
                      size_t len, struct sg_error *err)
{
    for (size_t done = 0; done < len; done += SHA256_DIGEST_LENGTH, block->number++) {
        unsigned char digest[SHA256_DIGEST_LENGTH];
        unsigned digest_len = 0;
        size_t part = len - done < sizeof digest ? len - done : sizeof digest;
        if (HMAC(EVP_sha256(), pretence->secret, (int)sizeof pretence->secret,
                 (const unsigned char *)block, sizeof *block, digest, &digest_len) == NULL) {
            return sg_x509_broken(err, "pretending a signature");
        }
        memcpy(out + done, digest, part);
    }
    return SG_OK;
}

sg_status sg_pretence_sign(const struct sg_pretence *pretence, struct sg_bytes spki,
                           const struct sg_mechanism *mechanism, struct sg_bytes data,
                           unsigned char *out, size_t *out_len, struct sg_error *err)
{
    enum sg_key_family family = SG_FAMILY_RSA;
    unsigned bits = 0;
    char text[32];
    struct block block = {.mechanism = (unsigned char)mechanism->kind};
    sg_status s = sg_spki_describe(spki, &family, &bits, text, err);
    if (s != SG_OK) {
        return s;
    }
    size_t len = signature_len(family, bits);
    if (len > *out_len) {
        return sg_fail(err, SG_E_LIMIT, "buffer_too_small", "the signature has %zu bytes", len);
    }
    (void)SHA256(spki.data, spki.len, block.spki);
    (void)SHA256(data.data, data.len, block.data);
    s = fill(pretence, &block, out, len, err);
    if (s == SG_OK) {
        *out_len = len;
    }
    return s;
}

/* ---- recognising one ---- */

static sg_status sign_current(void *context, const struct sg_mechanism *mechanism,
                              struct sg_bytes data, unsigned char *out, size_t *out_len,
                              struct sg_error *err)
{
    const struct sg_bytes *spki = context;
    return sg_pretence_sign(current, *spki, mechanism, data, out, out_len, err);
}

/* The first member of a SEQUENCE, with its own head: what was to be signed. */
static struct sg_bytes first_member(const unsigned char *der, size_t len)
{
    const unsigned char *at = der;
    long inner = 0;
    int tag = 0;
    int class = 0;
    if ((ASN1_get_object(&at, &inner, &tag, &class, (long)len) & 0x80) != 0) {
        return (struct sg_bytes){NULL, 0};
    }
    const unsigned char *first = at;
    if ((ASN1_get_object(&at, &inner, &tag, &class, (long)len - (at - der)) & 0x80) != 0) {
        return (struct sg_bytes){NULL, 0};
    }
    return (struct sg_bytes){first, (size_t)(at - first) + (size_t)inner};
}

static bool is_pretended(const unsigned char *der, int len, struct sg_bytes spki,
                         const ASN1_BIT_STRING *signature, const X509_ALGOR *algorithm)
{
    struct sg_error ignored = SG_ERROR_INIT;
    struct sg_x509_signing signing = {.signature_nid = NID_undef};
    const struct sg_signer signer = {.sign = sign_current, .context = &spki, .spki = spki};
    SG_BUFFER expected;
    sg_buffer_init(&expected, SG_SIGNATURE_MAX);
    struct sg_bytes tbs = len > 0 ? first_member(der, (size_t)len) : (struct sg_bytes){NULL, 0};
    bool made = tbs.data != NULL && sg_x509_signing_plan(&signer, &signing, &ignored) == SG_OK &&
                sg_x509_sign(&signing, &signer, tbs, &expected, &ignored) == SG_OK;
    const ASN1_OBJECT *named = NULL;
    X509_ALGOR_get0(&named, NULL, NULL, algorithm);
    bool whole = (signature->flags & 0x07) == 0; /* no bits left over */
    return made && whole && OBJ_obj2nid(named) == signing.signature_nid &&
           (size_t)ASN1_STRING_length(signature) == expected.len &&
           CRYPTO_memcmp(ASN1_STRING_get0_data(signature), expected.data, expected.len) == 0;
}

bool sg_x509_pretended(X509 *x509, struct sg_bytes spki)
{
    const ASN1_BIT_STRING *signature = NULL;
    const X509_ALGOR *algorithm = NULL;
    SG_DER unsigned char *der = NULL;
    if (current == NULL) {
        return false;
    }
    X509_get0_signature(&signature, &algorithm, x509);
    int len = i2d_X509(x509, &der);
    return is_pretended(der, len, spki, signature, algorithm);
}

bool sg_x509_pretended_by(X509 *x509, X509 *issuer)
{
    SG_DER unsigned char *spki = NULL;
    int len = current != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &spki) : 0;
    return len > 0 && sg_x509_pretended(x509, (struct sg_bytes){spki, (size_t)len});
}

bool sg_x509_pretended_request(X509_REQ *csr, struct sg_bytes spki)
{
    const ASN1_BIT_STRING *signature = NULL;
    const X509_ALGOR *algorithm = NULL;
    SG_DER unsigned char *der = NULL;
    if (current == NULL) {
        return false;
    }
    X509_REQ_get0_signature(csr, &signature, &algorithm);
    int len = i2d_X509_REQ(csr, &der);
    return is_pretended(der, len, spki, signature, algorithm);
}
