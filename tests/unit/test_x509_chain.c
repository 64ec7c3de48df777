/* Bags of certificates in any order, put in order and checked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "cmocka_all.h"
#include "x509_fixture.h"

/* A root, two levels below it, and a leaf; keys are reused: what matters are the names and who
 * signed. */
static struct test_key *root_key, *middle_key, *low_key, *leaf_key, *other_key;
static struct sg_certificate *root, *middle, *low, *leaf;

static struct sg_certificate *make_ca(const char *subject, struct test_key *key,
                                      const struct sg_certificate *issuer, struct test_key *signer)
{
    return test_certificate(&(struct test_recipe){.subject = subject,
                                                  .key = key,
                                                  .issuer = issuer,
                                                  .issuer_key = signer,
                                                  .ca = true,
                                                  .usage = SG_X509_KEY_CERT_SIGN});
}

static int make_chain(void **state)
{
    (void)state;
    root_key = test_key_new("ec:P-256");
    middle_key = test_key_new("ec:P-256");
    low_key = test_key_new("ec:P-256");
    leaf_key = test_key_new("ec:P-256");
    other_key = test_key_new("ec:P-256");
    root = make_ca("CN=Root", root_key, NULL, NULL);
    middle = make_ca("CN=Middle", middle_key, root, root_key);
    low = make_ca("CN=Low", low_key, middle, middle_key);
    leaf = test_certificate(&(struct test_recipe){
        .subject = "CN=leaf", .key = leaf_key, .issuer = low, .issuer_key = low_key});
    return 0;
}

static int drop_chain(void **state)
{
    (void)state;
    struct sg_certificate *certificates[] = {root, middle, low, leaf};
    struct test_key *keys[] = {root_key, middle_key, low_key, leaf_key, other_key};
    for (size_t i = 0; i < SG_COUNT(certificates); i++) {
        sg_certificate_free(certificates[i]);
    }
    for (size_t i = 0; i < SG_COUNT(keys); i++) {
        test_key_free(keys[i]);
    }
    return 0;
}

static void expect_chain(const struct sg_certificate *start,
                         const struct sg_certificate *const *bag, size_t bag_count,
                         const struct sg_certificate *const *expected, size_t count, bool complete)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_chain chain;
    if (sg_chain_build(start, bag, bag_count, &chain, &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(chain.count, count);
    assert_int_equal(chain.complete, complete);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(chain.members[i], expected[i]);
    }
}

static void every_order_gives_the_same_chain(void **state)
{
    (void)state;
    const struct sg_certificate *const expected[] = {leaf, low, middle, root};
    const struct sg_certificate *all[] = {leaf, low, middle, root};
    size_t order[4];
    size_t tried = 0;
    for (size_t code = 0; code < 256; code++) {
        const struct sg_certificate *bag[4];
        bool used[4] = {false};
        bool permutation = true;
        for (size_t i = 0; i < 4; i++) {
            order[i] = code >> (2 * i) & 3;
            permutation = permutation && !used[order[i]];
            used[order[i]] = true;
            bag[i] = all[order[i]];
        }
        if (permutation) {
            expect_chain(leaf, bag, 4, expected, 4, true);
            tried++;
        }
    }
    assert_int_equal(tried, 24);
}

static void duplicates_and_strangers_do_not_matter(void **state)
{
    (void)state;
    SG_CERTIFICATE *stranger = make_ca("CN=Stranger", other_key, NULL, NULL);
    SG_CERTIFICATE *again = NULL;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_certificate_parse(sg_certificate_facts(middle)->der, &again, &err), SG_OK);
    const struct sg_certificate *const bag[] = {root, stranger, leaf, middle, root, low, low, leaf};
    const struct sg_certificate *const expected[] = {leaf, low, middle, root};
    expect_chain(leaf, bag, SG_COUNT(bag), expected, 4, true);
    const struct sg_certificate *const twice[] = {root, again, middle, low};
    struct sg_chain chain;
    assert_int_equal(sg_chain_build(leaf, twice, 4, &chain, &err), SG_OK);
    assert_int_equal(chain.count, 4);
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_OK);
}

static void a_root_alone_is_a_chain(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    const struct sg_certificate *const expected[] = {root};
    expect_chain(root, NULL, 0, expected, 1, true);
    expect_chain(root, expected, 1, expected, 1, true);
    /* A self-signed certificate that is no CA, too: placeholders are such. */
    SG_CERTIFICATE *own =
        test_certificate(&(struct test_recipe){.subject = "CN=own", .key = leaf_key});
    const struct sg_certificate *const alone[] = {own};
    expect_chain(own, NULL, 0, alone, 1, true);
    struct sg_chain chain = {.members = {own}, .count = 1, .complete = true};
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_OK);
}

static void a_missing_issuer_is_named(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_chain chain;
    const struct sg_certificate *const bag[] = {root, low};
    const struct sg_certificate *const expected[] = {leaf, low};
    expect_chain(leaf, bag, 2, expected, 2, false);
    assert_int_equal(sg_chain_build(leaf, bag, 2, &chain, &err), SG_OK);
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_E_INPUT);
    assert_string_equal(err.code, "chain_incomplete");
    assert_non_null(strstr(err.hint, "\"CN=Middle\""));
    assert_non_null(strstr(err.text, "\"CN=Low\""));
}

static void dates_are_checked_and_told(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_chain chain;
    SG_CERTIFICATE *old = test_certificate(&(struct test_recipe){.subject = "CN=old",
                                                                 .key = leaf_key,
                                                                 .issuer = low,
                                                                 .issuer_key = low_key,
                                                                 .not_before_s = 1735776000,
                                                                 .not_after_s = 1767312000});
    const struct sg_certificate *const bag[] = {root, low, middle};
    assert_int_equal(sg_chain_build(old, bag, 3, &chain, &err), SG_OK);
    int64_t now = 1767312000 + 323 * TEST_DAY;
    assert_int_equal(sg_certificate_check_time(old, now, &err), SG_E_INPUT);
    assert_string_equal(err.code, "certificate_expired");
    assert_non_null(strstr(err.text, "\"CN=old\" expired 2026-01-02T00:00:00Z, 323 days ago"));
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_E_INPUT);
    assert_string_equal(err.code, "certificate_expired");
    assert_non_null(strstr(err.text, "2026-01-02"));
    assert_int_equal(sg_certificate_check_time(old, 1767312000, &err), SG_OK);
    assert_int_equal(sg_certificate_check_time(old, 1735776000, &err), SG_OK);
    assert_int_equal(sg_certificate_check_time(old, 1735776000 - 3600, &err), SG_E_INPUT);
    assert_string_equal(err.code, "certificate_not_yet_valid");
    assert_non_null(strstr(err.text, "2025-01-02T00:00:00Z, in 1 hour"));
}

static void an_expired_or_future_issuer_is_found_out(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_chain chain = {.members = {leaf, low, middle, root}, .count = 4, .complete = true};
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_OK);
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW - 2 * TEST_DAY, &err), SG_E_INPUT);
    assert_string_equal(err.code, "certificate_not_yet_valid");
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW + 366 * TEST_DAY, &err), SG_E_INPUT);
    assert_string_equal(err.code, "certificate_expired");
    SG_CERTIFICATE *stale =
        test_certificate(&(struct test_recipe){.subject = "CN=Stale",
                                               .key = other_key,
                                               .issuer = root,
                                               .issuer_key = root_key,
                                               .ca = true,
                                               .not_before_s = TEST_NOW - 9 * TEST_DAY,
                                               .not_after_s = TEST_NOW - TEST_DAY});
    SG_CERTIFICATE *fresh = test_certificate(&(struct test_recipe){
        .subject = "CN=fresh", .key = leaf_key, .issuer = stale, .issuer_key = other_key});
    chain = (struct sg_chain){.members = {fresh, stale, root}, .count = 3, .complete = true};
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_E_INPUT);
    assert_string_equal(err.code, "certificate_expired");
    assert_non_null(strstr(err.text, "CN=Stale"));
}

static void an_issuer_that_is_no_ca_is_refused(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_chain chain;
    /* The same name and key twice: as a CA, which signs, and as a plain certificate, which is what
     * the bag holds. */
    SG_CERTIFICATE *as_ca = make_ca("CN=Twice", other_key, root, root_key);
    SG_CERTIFICATE *plain = test_certificate(&(struct test_recipe){
        .subject = "CN=Twice", .key = other_key, .issuer = root, .issuer_key = root_key});
    SG_CERTIFICATE *mute =
        test_certificate(&(struct test_recipe){.subject = "CN=Twice",
                                               .key = other_key,
                                               .issuer = root,
                                               .issuer_key = root_key,
                                               .ca = true,
                                               .usage = SG_X509_DIGITAL_SIGNATURE});
    SG_CERTIFICATE *below = test_certificate(&(struct test_recipe){
        .subject = "CN=below", .key = leaf_key, .issuer = as_ca, .issuer_key = other_key});
    const struct sg_certificate *impostors[] = {plain, mute};
    for (size_t i = 0; i < 2; i++) {
        const struct sg_certificate *const bag[] = {root, impostors[i]};
        assert_int_equal(sg_chain_build(below, bag, 2, &chain, &err), SG_OK);
        assert_int_equal(chain.count, 3);
        assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_E_INPUT);
        assert_string_equal(err.code, "issuer_not_a_ca");
        assert_non_null(strstr(err.text, "CN=Twice"));
    }
}

/* The same name, another key: what a CA that was set up anew looks like. */
static void another_key_under_the_same_name_is_told_apart(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_chain chain;
    SG_CERTIFICATE *other_low = make_ca("CN=Low", other_key, middle, middle_key);
    const struct sg_certificate *const both[] = {other_low, low, middle, root};
    const struct sg_certificate *const expected[] = {leaf, low, middle, root};
    expect_chain(leaf, both, 4, expected, 4, true);
    /* Alone, its key identifier says already that it is not the issuer: that one is missing. */
    const struct sg_certificate *const wrong[] = {other_low, middle, root};
    assert_int_equal(sg_chain_build(leaf, wrong, 3, &chain, &err), SG_OK);
    assert_int_equal(chain.count, 1);
    assert_false(chain.complete);
    assert_int_equal(sg_certificate_verify_issued(leaf, other_low, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_signature");
    assert_int_equal(sg_certificate_verify_issued(leaf, root, &err), SG_E_INPUT);
    assert_string_equal(err.code, "wrong_issuer");
    assert_non_null(strstr(err.text, "CN=Low"));
    chain =
        (struct sg_chain){.members = {leaf, other_low, middle, root}, .count = 4, .complete = true};
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_signature");
    chain = (struct sg_chain){.members = {leaf, middle, root}, .count = 3, .complete = true};
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_E_INPUT);
    assert_string_equal(err.code, "wrong_issuer");
}

static struct sg_certificate *alter(const struct sg_certificate *certificate)
{
    struct sg_bytes der = sg_certificate_facts(certificate)->der;
    unsigned char *copy = malloc(der.len);
    struct sg_error err = SG_ERROR_INIT;
    struct sg_certificate *made = NULL;
    memcpy(copy, der.data, der.len);
    copy[der.len - 1] ^= 1;
    assert_int_equal(sg_certificate_parse((struct sg_bytes){copy, der.len}, &made, &err), SG_OK);
    free(copy);
    return made;
}

static void altered_certificates_are_bad_signatures(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_chain chain;
    SG_CERTIFICATE *bad_leaf = alter(leaf);
    SG_CERTIFICATE *bad_root = alter(root);
    const struct sg_certificate *const bag[] = {root, low, middle};
    assert_int_equal(sg_chain_build(bad_leaf, bag, 3, &chain, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_signature");
    assert_non_null(strstr(err.text, "CN=leaf"));
    assert_int_equal(sg_chain_build(bad_root, NULL, 0, &chain, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_signature");
    chain =
        (struct sg_chain){.members = {leaf, low, middle, bad_root}, .count = 4, .complete = true};
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_signature");
    /* A good copy beside the bad one is found. */
    const struct sg_certificate *const both[] = {bad_root, root, low, middle};
    const struct sg_certificate *const expected[] = {leaf, low, middle, root};
    expect_chain(leaf, both, 4, expected, 4, true);
}

/* Cross-certificates: "Cross" is certified by an old root that has run out, and by a new one. */
static void the_way_that_stays_valid_is_taken(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_chain chain;
    SG_CERTIFICATE *dead_root =
        test_certificate(&(struct test_recipe){.subject = "CN=Dead",
                                               .key = other_key,
                                               .ca = true,
                                               .not_before_s = TEST_NOW - 99 * TEST_DAY,
                                               .not_after_s = TEST_NOW - TEST_DAY});
    SG_CERTIFICATE *by_dead = make_ca("CN=Cross", middle_key, dead_root, other_key);
    SG_CERTIFICATE *by_root = make_ca("CN=Cross", middle_key, root, root_key);
    SG_CERTIFICATE *by_gone = make_ca("CN=Cross", middle_key, low, low_key);
    SG_CERTIFICATE *below = test_certificate(&(struct test_recipe){
        .subject = "CN=below", .key = leaf_key, .issuer = by_root, .issuer_key = middle_key});
    const struct sg_certificate *const bag[] = {by_dead, by_gone, dead_root, by_root, root};
    const struct sg_certificate *const expected[] = {below, by_root, root};
    expect_chain(below, bag, 5, expected, 3, true);
    assert_int_equal(sg_chain_build(below, bag, 5, &chain, &err), SG_OK);
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_OK);
    /* Only the dead way: still a chain, and verify says why not. */
    assert_int_equal(sg_chain_build(below, bag, 3, &chain, &err), SG_OK);
    assert_true(chain.complete);
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_E_INPUT);
    assert_string_equal(err.code, "certificate_expired");
    assert_non_null(strstr(err.text, "CN=Dead"));
}

static void loops_end(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_chain chain;
    SG_CERTIFICATE *a_self = make_ca("CN=A", root_key, NULL, NULL);
    SG_CERTIFICATE *b_self = make_ca("CN=B", other_key, NULL, NULL);
    SG_CERTIFICATE *a_by_b = make_ca("CN=A", root_key, b_self, other_key);
    SG_CERTIFICATE *b_by_a = make_ca("CN=B", other_key, a_self, root_key);
    SG_CERTIFICATE *below = test_certificate(&(struct test_recipe){
        .subject = "CN=below", .key = leaf_key, .issuer = a_self, .issuer_key = root_key});
    const struct sg_certificate *const bag[] = {a_by_b, b_by_a, b_self, a_self};
    assert_int_equal(sg_chain_build(below, bag, 2, &chain, &err), SG_OK);
    assert_false(chain.complete);
    assert_int_equal(chain.count, 3);
    const struct sg_certificate *const expected[] = {below, a_self};
    expect_chain(below, bag, 4, expected, 2, true);
}

static void endless_chains_end(void **state)
{
    (void)state;
    enum { LINKS = SG_CHAIN_MAX + 2 };
    struct sg_error err = SG_ERROR_INIT;
    struct sg_chain chain;
    struct sg_certificate *links[LINKS];
    struct test_key *keys[LINKS];
    for (size_t i = 0; i < LINKS; i++) {
        char subject[20];
        (void)snprintf(subject, sizeof(subject), "CN=Link %zu", i);
        keys[i] = test_key_new("ec:P-256");
        links[i] =
            make_ca(subject, keys[i], i > 0 ? links[i - 1] : NULL, i > 0 ? keys[i - 1] : NULL);
    }
    const struct sg_certificate *const *bag = (const struct sg_certificate *const *)links;
    assert_int_equal(sg_chain_build(links[SG_CHAIN_MAX - 1], bag, LINKS, &chain, &err), SG_OK);
    assert_int_equal(chain.count, SG_CHAIN_MAX);
    assert_true(chain.complete);
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_OK);
    assert_int_equal(sg_chain_build(links[LINKS - 1], bag, LINKS, &chain, &err), SG_E_LIMIT);
    assert_string_equal(err.code, "chain_too_long");
    for (size_t i = 0; i < LINKS; i++) {
        sg_certificate_free(links[i]);
        test_key_free(keys[i]);
    }
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* The same name a thousand times, none the issuer; then a thousand certificates of one name and key
 * that certify each other. */
static void a_thousand_candidates_are_quick(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    static const struct sg_certificate *bag[MANY + 3];
    static struct sg_certificate *made[MANY];
    struct sg_error err = SG_ERROR_INIT;
    struct sg_chain chain;
    struct timespec start;
    SG_CERTIFICATE *self = make_ca("CN=Same", root_key, NULL, NULL);
    for (size_t i = 0; i < MANY; i++) {
        made[i] = make_ca("CN=Same", i % 2 == 0 ? other_key : middle_key, self, root_key);
        bag[i] = made[i];
    }
    bag[MANY] = middle;
    bag[MANY + 1] = root;
    bag[MANY + 2] = low;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    const struct sg_certificate *const expected[] = {leaf, low, middle, root};
    expect_chain(leaf, bag, MANY + 3, expected, 4, true);
    assert_true(seconds_since(&start) < 5);

    SG_CERTIFICATE *below = test_certificate(&(struct test_recipe){
        .subject = "CN=below", .key = leaf_key, .issuer = made[0], .issuer_key = other_key});
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    sg_status s = sg_chain_build(below, bag, MANY, &chain, &err);
    assert_true(s == SG_OK || s == SG_E_LIMIT);
    assert_true(seconds_since(&start) < 20);
    for (size_t i = 0; i < MANY; i++) {
        sg_certificate_free(made[i]);
    }
}

static X509 *openssl_ca(const char *cn, EVP_PKEY *key, X509 *issuer, EVP_PKEY *signer,
                        const char *const extensions[][2])
{
    X509 *x509 = X509_new();
    X509_NAME *name = X509_NAME_new();
    X509V3_CTX context;
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_set_subject_name(x509, name);
    X509_set_issuer_name(x509, issuer != NULL ? X509_get_subject_name(issuer) : name);
    ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)(TEST_NOW - TEST_DAY));
    ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)(TEST_NOW + TEST_DAY));
    X509_set_pubkey(x509, key);
    X509V3_set_ctx(&context, issuer != NULL ? issuer : x509, x509, NULL, NULL, 0);
    for (size_t i = 0; extensions[i][0] != NULL; i++) {
        X509_EXTENSION *extension =
            X509V3_EXT_conf(NULL, &context, extensions[i][0], extensions[i][1]);
        assert_non_null(extension);
        X509_add_ext(x509, extension, -1);
        X509_EXTENSION_free(extension);
    }
    assert_true(X509_sign(x509, signer, EVP_sha256()) > 0);
    X509_NAME_free(name);
    return x509;
}

static struct sg_certificate *adopt(X509 *x509)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_certificate *made = NULL;
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    assert_int_equal(sg_certificate_parse((struct sg_bytes){der, (size_t)len}, &made, &err), SG_OK);
    OPENSSL_free(der);
    return made;
}

/* Build root, CA and leaf with these extensions, verify, and return the code; "" when it verifies.
 */
static void expect_verdict(const char *const root_ext[][2], const char *const ca_ext[][2],
                           const char *const leaf_ext[][2], const char *code, const char *text)
{
    struct sg_error err = SG_ERROR_INIT;
    X509 *a = openssl_ca("Top", root_key->pkey, NULL, root_key->pkey, root_ext);
    X509 *b = openssl_ca("Sub", middle_key->pkey, a, root_key->pkey, ca_ext);
    X509 *c = openssl_ca("leaf.example.com", leaf_key->pkey, b, middle_key->pkey, leaf_ext);
    SG_CERTIFICATE *top = adopt(a);
    SG_CERTIFICATE *sub = adopt(b);
    SG_CERTIFICATE *end = adopt(c);
    const struct sg_certificate *const bag[] = {top, sub};
    struct sg_chain chain;
    assert_int_equal(sg_chain_build(end, bag, 2, &chain, &err), SG_OK);
    assert_int_equal(chain.count, 3);
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), code[0] == '\0' ? SG_OK : SG_E_INPUT);
    assert_string_equal(err.code, code);
    if (strstr(err.text, text) == NULL) {
        fail_msg("%s", err.text);
    }
    X509_free(a);
    X509_free(b);
    X509_free(c);
}

static void constraints_are_obeyed(void **state)
{
    (void)state;
    static const char *const ca[][2] = {{"basicConstraints", "critical,CA:TRUE"}, {NULL, NULL}};
    static const char *const shallow[][2] = {{"basicConstraints", "critical,CA:TRUE,pathlen:0"},
                                             {NULL, NULL}};
    static const char *const narrow[][2] = {{"basicConstraints", "critical,CA:TRUE"},
                                            {"nameConstraints", "critical,permitted;DNS:other.com"},
                                            {NULL, NULL}};
    static const char *const end[][2] = {{"subjectAltName", "DNS:leaf.example.com"}, {NULL, NULL}};
    static const char *const odd[][2] = {{"1.2.3.4.5", "critical,ASN1:NULL"}, {NULL, NULL}};
    expect_verdict(ca, ca, end, "", "");
    expect_verdict(shallow, ca, end, "path_too_long", "CN=Top");
    expect_verdict(ca, shallow, end, "", "");
    expect_verdict(ca, narrow, end, "chain_invalid", "leaf.example.com");
    expect_verdict(ca, ca, odd, "chain_invalid", "critical");
    /* OpenSSL would only say that it finds no issuer */
    static const char *const idle[][2] = {{"basicConstraints", "critical,CA:TRUE"},
                                          {"keyUsage", "critical,DER:030100"},
                                          {NULL, NULL}};
    static const char *const torn[][2] = {{"extendedKeyUsage", "DER:0500"}, {NULL, NULL}};
    static const char *const nameless[][2] = {{"subjectAltName", "critical,DER:3000"},
                                              {NULL, NULL}};
    expect_verdict(idle, ca, end, "issuer_not_a_ca", "no CA certificate");
    expect_verdict(ca, ca, torn, "chain_invalid", "its extension extendedKeyUsage is malformed");
    expect_verdict(ca, ca, nameless, "unreadable_extension", "subjectAltName holds no name");
}

static void an_empty_chain_is_none(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    const struct sg_chain chain = {.count = 0};
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_E_INPUT);
    assert_string_equal(err.code, "chain_invalid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_gives_the_same_chain),
        cmocka_unit_test(duplicates_and_strangers_do_not_matter),
        cmocka_unit_test(a_root_alone_is_a_chain),
        cmocka_unit_test(a_missing_issuer_is_named),
        cmocka_unit_test(dates_are_checked_and_told),
        cmocka_unit_test(an_expired_or_future_issuer_is_found_out),
        cmocka_unit_test(an_issuer_that_is_no_ca_is_refused),
        cmocka_unit_test(another_key_under_the_same_name_is_told_apart),
        cmocka_unit_test(altered_certificates_are_bad_signatures),
        cmocka_unit_test(the_way_that_stays_valid_is_taken),
        cmocka_unit_test(loops_end),
        cmocka_unit_test(endless_chains_end),
        cmocka_unit_test(a_thousand_candidates_are_quick),
        cmocka_unit_test(constraints_are_obeyed),
        cmocka_unit_test(an_empty_chain_is_none),
    };
    return cmocka_run_group_tests(tests, make_chain, drop_chain);
}
