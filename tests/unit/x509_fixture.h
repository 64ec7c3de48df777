/* Keys that stand in for a token's, and certificates made with them. */
#ifndef SIGNET_TESTS_X509_FIXTURE_H
#define SIGNET_TESTS_X509_FIXTURE_H

#include <openssl/evp.h>

#include <signet/x509/certificate.h>

#define TEST_NOW INT64_C(1792000000) /* 2026-10-14 */
#define TEST_DAY INT64_C(86400)

struct test_key {
    EVP_PKEY *pkey;
    unsigned char *spki;
    struct sg_signer signer;
    struct sg_mechanism last; /* what it was asked for last */
    size_t last_len;          /* bytes it was asked to sign */
    bool lie;                 /* answers with a signature of something else */
    bool refuse;              /* answers with an error */
    bool odd;                 /* answers with one byte less */
};
/** Make a key: "rsa:2048", "ec:P-256" (any curve OpenSSL names), "ed25519". Fails the test when
 * that does not work. */
struct test_key *test_key_new(const char *spec);
void test_key_free(struct test_key *key);
struct sg_bytes test_key_spki(const struct test_key *key);

/** What test_certificate() makes. */
struct test_recipe {
    const char *subject;
    struct test_key *key;
    const struct sg_certificate *issuer; /* NULL: self-signed */
    struct test_key *issuer_key;
    int64_t not_before_s, not_after_s; /* 0: valid around TEST_NOW */
    bool ca;
    unsigned usage;
    unsigned char serial; /* 0: one that counts up */
};
/** Build and parse; fails the test when that does not work. */
struct sg_certificate *test_certificate(const struct test_recipe *recipe);

#endif
