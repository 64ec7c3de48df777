/* Signatures that are none: taken where they were made, refused everywhere else. */
#include "cmocka_all.h"

#include <string.h>

#include <openssl/x509.h>

#include <signet/x509/pretence.h>

#include "x509_fixture.h"

static const char *const kinds[] = {"rsa:2048", "ec:P-256", "ec:P-384", "ec:P-521", "ed25519"};

static struct sg_pretence mine, theirs;
static const struct sg_pretence *signs; /* with which the signers below sign */

static sg_status pretend(void *context, const struct sg_mechanism *mechanism, struct sg_bytes data,
                         unsigned char *out, size_t *out_len, struct sg_error *err)
{
    return sg_pretence_sign(signs, test_key_spki(context), mechanism, data, out, out_len, err);
}

static int setup(void **state SG_UNUSED)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_pretence_init(&mine, &err), SG_OK);
    assert_int_equal(sg_pretence_init(&theirs, &err), SG_OK);
    assert_memory_not_equal(mine.secret, theirs.secret, sizeof mine.secret);
    signs = &mine;
    return 0;
}

static int teardown(void **state SG_UNUSED)
{
    (void)sg_pretence_enter(NULL);
    return 0;
}

static struct test_key *pretending_key(const char *kind)
{
    struct test_key *key = test_key_new(kind);
    key->signer.sign = pretend;
    key->signer.context = key;
    return key;
}

static sg_status verdict(const struct sg_certificate *certificate,
                         const struct sg_certificate *issuer)
{
    struct sg_error err = SG_ERROR_INIT;
    sg_status s = sg_certificate_verify_issued(certificate, issuer, &err);
    assert_true(s == SG_OK || strcmp(err.code, "bad_signature") == 0);
    return s;
}

static void they_count_within_their_scope_alone(void **state SG_UNUSED)
{
    for (size_t i = 0; i < SG_COUNT(kinds); i++) {
        struct test_key *key = pretending_key(kinds[i]);
        (void)sg_pretence_enter(&mine);
        struct sg_certificate *made = test_certificate(
            &(struct test_recipe){.subject = "CN=CA", .key = key, .ca = true, .usage = 0x60});
        assert_int_equal(verdict(made, made), SG_OK);
        assert_ptr_equal(sg_pretence_enter(&theirs), &mine);
        assert_int_equal(verdict(made, made), SG_E_INPUT);
        assert_ptr_equal(sg_pretence_enter(NULL), &theirs);
        assert_int_equal(verdict(made, made), SG_E_INPUT);
        /* nor for anybody else */
        const unsigned char *der = sg_certificate_facts(made)->der.data;
        X509 *x509 = d2i_X509(NULL, &der, (long)sg_certificate_facts(made)->der.len);
        assert_true(X509_verify(x509, X509_get0_pubkey(x509)) != 1);
        X509_free(x509);
        sg_certificate_free(made);
        test_key_free(key);
    }
}

static void none_is_made_without_a_scope(void **state SG_UNUSED)
{
    struct sg_error err = SG_ERROR_INIT;
    struct test_key *key = pretending_key("ec:P-256");
    const struct sg_x509_request request = {
        .subject = "CN=web", .not_before_s = TEST_NOW, .not_after_s = TEST_NOW + TEST_DAY};
    const unsigned char serial[16] = {1};
    SG_BUFFER der;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    assert_int_equal(sg_x509_build_certificate(&request, test_key_spki(key), NULL, &key->signer,
                                               serial, &der, &err),
                     SG_E_TOKEN);
    assert_string_equal(err.code, "bad_token_signature");
    assert_int_equal(sg_x509_build_csr(&request, &key->signer, &der, &err), SG_E_TOKEN);
    (void)sg_pretence_enter(&theirs);
    assert_int_equal(sg_x509_build_csr(&request, &key->signer, &der, &err), SG_E_TOKEN);
    assert_int_equal(der.len, 0);
    test_key_free(key);
}

static void requests_likewise(void **state SG_UNUSED)
{
    for (size_t i = 0; i < SG_COUNT(kinds); i++) {
        struct sg_error err = SG_ERROR_INIT;
        struct test_key *key = pretending_key(kinds[i]);
        const struct sg_x509_request request = {.subject = "CN=web"};
        struct sg_csr_facts *facts = calloc(1, sizeof *facts);
        SG_BUFFER der;
        sg_buffer_init(&der, SG_CERTIFICATE_MAX);
        (void)sg_pretence_enter(&mine);
        assert_int_equal(sg_x509_build_csr(&request, &key->signer, &der, &err), SG_OK);
        const struct sg_bytes bytes = {der.data, der.len};
        assert_int_equal(sg_csr_parse(bytes, facts, &err), SG_OK);
        (void)sg_pretence_enter(&theirs);
        assert_int_equal(sg_csr_parse(bytes, facts, &err), SG_E_INPUT);
        assert_string_equal(err.code, "bad_signature");
        (void)sg_pretence_enter(NULL);
        assert_int_equal(sg_csr_parse(bytes, facts, &err), SG_E_INPUT);
        assert_string_equal(err.code, "bad_signature");
        free(facts);
        test_key_free(key);
    }
}

/* root (real) <- intermediate (pretended) <- leaf (pretended) */
static void chains_hold_within_their_scope_alone(void **state SG_UNUSED)
{
    struct test_key *root_key = test_key_new("rsa:2048");
    struct test_key *int_key = pretending_key("ec:P-384");
    struct test_key *leaf_key = pretending_key("ed25519");
    struct sg_certificate *root = test_certificate(
        &(struct test_recipe){.subject = "CN=Root", .key = root_key, .ca = true, .usage = 0x60});
    root_key->signer.sign = pretend;
    root_key->signer.context = root_key;
    (void)sg_pretence_enter(&mine);
    struct sg_certificate *middle = test_certificate(&(struct test_recipe){.subject = "CN=Middle",
                                                                           .key = int_key,
                                                                           .issuer = root,
                                                                           .issuer_key = root_key,
                                                                           .ca = true,
                                                                           .usage = 0x60});
    struct sg_certificate *leaf = test_certificate(&(struct test_recipe){
        .subject = "CN=Leaf", .key = leaf_key, .issuer = middle, .issuer_key = int_key});
    const struct sg_certificate *const bag[] = {root, middle, leaf};
    struct sg_error err = SG_ERROR_INIT;
    struct sg_chain chain;
    assert_int_equal(sg_chain_build(leaf, bag, 3, &chain, &err), SG_OK);
    assert_int_equal(chain.count, 3);
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_OK);
    /* everything else about a chain is checked as ever */
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW + 5000 * TEST_DAY, &err), SG_E_INPUT);
    assert_string_equal(err.code, "certificate_expired");
    (void)sg_pretence_enter(&theirs);
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_signature");
    (void)sg_pretence_enter(NULL);
    assert_int_equal(sg_chain_verify(&chain, TEST_NOW, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_signature");
    assert_int_not_equal(sg_chain_build(leaf, bag, 3, &chain, &err), SG_OK);
    sg_certificate_free(leaf);
    sg_certificate_free(middle);
    sg_certificate_free(root);
    test_key_free(leaf_key);
    test_key_free(int_key);
    test_key_free(root_key);
}

static void real_ones_count_in_it_and_wrong_ones_do_not(void **state SG_UNUSED)
{
    struct test_key *key = test_key_new("ec:P-256");
    struct test_key *other = pretending_key("ec:P-256");
    struct sg_certificate *real = test_certificate(
        &(struct test_recipe){.subject = "CN=CA", .key = key, .ca = true, .usage = 0x60});
    (void)sg_pretence_enter(&mine);
    assert_int_equal(verdict(real, real), SG_OK);
    /* of another key under the same name */
    struct sg_certificate *same_name = test_certificate(
        &(struct test_recipe){.subject = "CN=CA", .key = other, .ca = true, .usage = 0x60});
    assert_int_equal(verdict(same_name, same_name), SG_OK);
    assert_int_equal(verdict(same_name, real), SG_E_INPUT);
    assert_int_equal(verdict(real, same_name), SG_E_INPUT);
    sg_certificate_free(same_name);
    sg_certificate_free(real);
    test_key_free(other);
    test_key_free(key);
}

/* One bit of what is signed, and it is another signature. */
static void an_altered_one_does_not_count(void **state SG_UNUSED)
{
    struct test_key *key = pretending_key("ec:P-256");
    (void)sg_pretence_enter(&mine);
    struct sg_certificate *made = test_certificate(
        &(struct test_recipe){.subject = "CN=CA", .key = key, .ca = true, .usage = 0x60});
    struct sg_bytes der = sg_certificate_facts(made)->der;
    unsigned char *copy = malloc(der.len);
    unsigned refused = 0;
    for (size_t at = 0; at < der.len; at++) {
        struct sg_error err = SG_ERROR_INIT;
        struct sg_certificate *altered = NULL;
        memcpy(copy, der.data, der.len);
        copy[at] ^= 1;
        if (sg_certificate_parse((struct sg_bytes){copy, der.len}, &altered, &err) == SG_OK) {
            assert_int_not_equal(sg_certificate_verify_issued(altered, made, &err), SG_OK);
            refused++;
            sg_certificate_free(altered);
        }
    }
    assert_true(refused > 100);
    free(copy);
    sg_certificate_free(made);
    test_key_free(key);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(they_count_within_their_scope_alone),
        TEST(none_is_made_without_a_scope),
        TEST(requests_likewise),
        TEST(chains_hold_within_their_scope_alone),
        TEST(real_ones_count_in_it_and_wrong_ones_do_not),
        TEST(an_altered_one_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
