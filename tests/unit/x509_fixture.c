#include "x509_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "cmocka_all.h"

static const EVP_MD *digest_of(uint32_t hash)
{
    return hash == SG_HASH_SHA256 ? EVP_sha256() : NULL;
}

/* PKCS#1 v1.5: of a DigestInfo that is given, or of a message. */
static bool sign_rsa(struct test_key *key, struct sg_bytes data, unsigned char *out, size_t *len)
{
    if (key->last.kind == SG_MECHANISM_RSA_PKCS_HASHED) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        bool ok =
            EVP_DigestSignInit(context, NULL, digest_of(key->last.hash), NULL, key->pkey) == 1 &&
            EVP_DigestSign(context, out, len, data.data, data.len) == 1;
        EVP_MD_CTX_free(context);
        return ok;
    }
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key->pkey, NULL);
    bool ok = key->last.kind == SG_MECHANISM_RSA_PKCS && EVP_PKEY_sign_init(context) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
              EVP_PKEY_sign(context, out, len, data.data, data.len) == 1;
    EVP_PKEY_CTX_free(context);
    return ok;
}

/* r || s, as a token gives it. */
static bool sign_ecdsa(struct test_key *key, struct sg_bytes data, unsigned char *out, size_t *len)
{
    unsigned char der[256];
    size_t der_len = sizeof(der);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key->pkey, NULL);
    bool ok = key->last.kind == SG_MECHANISM_ECDSA && EVP_PKEY_sign_init(context) == 1 &&
              EVP_PKEY_sign(context, der, &der_len, data.data, data.len) == 1;
    EVP_PKEY_CTX_free(context);
    const unsigned char *at = der;
    ECDSA_SIG *signature = ok ? d2i_ECDSA_SIG(NULL, &at, (long)der_len) : NULL;
    int half = (EVP_PKEY_get_bits(key->pkey) + 7) / 8;
    ok = signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, half) == half &&
         BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + half, half) == half;
    *len = 2 * (size_t)half;
    ECDSA_SIG_free(signature);
    return ok;
}

static bool sign_eddsa(struct test_key *key, struct sg_bytes data, unsigned char *out, size_t *len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = key->last.kind == SG_MECHANISM_EDDSA &&
              EVP_DigestSignInit(context, NULL, NULL, NULL, key->pkey) == 1 &&
              EVP_DigestSign(context, out, len, data.data, data.len) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

static sg_status sign(void *context, const struct sg_mechanism *mechanism, struct sg_bytes data,
                      unsigned char *out, size_t *out_len, struct sg_error *err)
{
    struct test_key *key = context;
    key->last = *mechanism;
    key->last_len = data.len;
    if (key->refuse) {
        return sg_fail(err, SG_E_TOKEN, "token_gone", "token \"test\" is not there");
    }
    bool ok = false;
    switch (EVP_PKEY_get_base_id(key->pkey)) {
    case EVP_PKEY_RSA:
        ok = sign_rsa(key, data, out, out_len);
        break;
    case EVP_PKEY_EC:
        ok = sign_ecdsa(key, data, out, out_len);
        break;
    default:
        ok = sign_eddsa(key, data, out, out_len);
        break;
    }
    if (key->lie) {
        out[*out_len - 1] ^= 1;
    }
    *out_len -= key->odd ? 1 : 0;
    return ok ? SG_OK : sg_fail(err, SG_E_TOKEN, NULL, "the test key could not sign");
}

struct test_key *test_key_new(const char *spec)
{
    struct test_key *key = calloc(1, sizeof(*key));
    assert_non_null(key);
    if (strncmp(spec, "rsa:", 4) == 0) {
        key->pkey = EVP_RSA_gen((unsigned)strtoul(spec + 4, NULL, 10));
    } else if (strncmp(spec, "ec:", 3) == 0) {
        key->pkey = EVP_EC_gen(spec + 3);
    } else {
        key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
    assert_non_null(key->pkey);
    int len = i2d_PUBKEY(key->pkey, &key->spki);
    assert_true(len > 0);
    key->signer = (struct sg_signer){sign, key, {key->spki, (size_t)len}};
    return key;
}

void test_key_free(struct test_key *key)
{
    EVP_PKEY_free(key->pkey);
    OPENSSL_free(key->spki);
    free(key);
}

struct sg_bytes test_key_spki(const struct test_key *key)
{
    return key->signer.spki;
}

struct sg_certificate *test_certificate(const struct test_recipe *recipe)
{
    static unsigned counter = 1;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER der;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    unsigned char serial[16] = {
        0, [14] = (unsigned char)(counter >> 8), [15] = (unsigned char)counter};
    counter++;
    if (recipe->serial != 0) {
        memset(serial, 0, sizeof(serial));
        serial[15] = recipe->serial;
    }
    const struct sg_x509_request request = {
        .subject = recipe->subject,
        .ca = recipe->ca,
        .usage = recipe->usage,
        .not_before_s = recipe->not_before_s != 0 ? recipe->not_before_s : TEST_NOW - TEST_DAY,
        .not_after_s = recipe->not_after_s != 0 ? recipe->not_after_s : TEST_NOW + 365 * TEST_DAY,
    };
    struct test_key *signer = recipe->issuer_key != NULL ? recipe->issuer_key : recipe->key;
    sg_status s = sg_x509_build_certificate(&request, test_key_spki(recipe->key), recipe->issuer,
                                            &signer->signer, serial, &der, &err);
    if (s != SG_OK) {
        fail_msg("%s: %s", recipe->subject, err.text);
    }
    struct sg_certificate *made = NULL;
    s = sg_certificate_parse((struct sg_bytes){der.data, der.len}, &made, &err);
    if (s != SG_OK) {
        fail_msg("%s: %s", recipe->subject, err.text);
    }
    return made;
}
