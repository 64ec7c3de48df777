/* Certificates beside their keys, and destroying. What a fresh process counts is what the token
 * really holds. */
#include <string.h>

#include "cmocka_all.h"
#include "softhsm_fixture.h"
#include "verify.h"

static int setup(void **state)
{
    struct softhsm_fixture *fixture = calloc(1, sizeof *fixture);
    softhsm_fixture_init(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    softhsm_fixture_done(*state);
    free(*state);
    return 0;
}

static void check_counts(void **state, uint64_t private_keys, uint64_t certificates)
{
    struct token_process process;
    struct sg_token_info info;
    struct sg_error err = SG_ERROR_INIT;
    token_process_start_ready(&process, &((struct softhsm_fixture *)*state)->settings);
    assert_int_equal(sg_token_get_info(&process.link, &info, &err), SG_OK);
    assert_int_equal(info.private_keys, private_keys);
    assert_int_equal(info.certificates, certificates);
    assert_int_equal(token_process_stop(&process), 0);
}

static sg_status store(struct token_process *process, struct sg_key_id id, const char *label,
                       const struct sg_buffer *der, struct sg_error *err)
{
    return sg_token_store_certificate(&process->link, &id, label,
                                      (struct sg_bytes){der->data, der->len}, err);
}

static void certificate_is_replaced_never_doubled(void **state)
{
    struct token_process process;
    struct sg_error err = SG_ERROR_INIT;
    token_process_start_ready(&process, &((struct softhsm_fixture *)*state)->settings);
    for (int i = 0; i < 3; i++) {
        SG_BUFFER der;
        sg_buffer_init(&der, 8192);
        make_certificate(i % 2 == 0 ? "first" : "second", &der);
        if (store(&process, key_id(1), "web", &der, &err) != SG_OK) {
            fail_msg("%s", err.text);
        }
    }
    assert_int_equal(token_process_stop(&process), 0);
    check_counts(state, 0, 1);
}

static void certificate_of_another_key_stays(void **state)
{
    struct token_process process;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER der;
    sg_buffer_init(&der, 8192);
    make_certificate("shared", &der);
    token_process_start_ready(&process, &((struct softhsm_fixture *)*state)->settings);
    assert_int_equal(store(&process, key_id(1), "one", &der, &err), SG_OK);
    assert_int_equal(store(&process, key_id(2), "", &der, &err), SG_OK);
    assert_int_equal(store(&process, key_id(1), "one", &der, &err), SG_OK);
    assert_int_equal(token_process_stop(&process), 0);
    check_counts(state, 0, 2);
}

static void what_is_no_certificate_is_refused_and_changes_nothing(void **state)
{
    struct token_process process;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER der;
    SG_BUFFER more;
    sg_buffer_init(&der, 8192);
    sg_buffer_init(&more, 8192);
    make_certificate("good", &der);
    token_process_start_ready(&process, &((struct softhsm_fixture *)*state)->settings);
    assert_int_equal(store(&process, key_id(1), "web", &der, &err), SG_OK);
    assert_int_equal(sg_buffer_append(&more, der.data, der.len, &err), SG_OK);
    assert_int_equal(sg_buffer_append(&more, "x", 1, &err), SG_OK);
    const struct sg_bytes bad[] = {{der.data, der.len - 1},
                                   {der.data, 0},
                                   {der.data + 1, der.len - 1},
                                   {more.data, more.len},
                                   {(const unsigned char *)"not DER", 7}};
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        struct sg_key_id id = key_id(1);
        assert_int_equal(sg_token_store_certificate(&process.link, &id, "web", bad[i], &err),
                         SG_E_INPUT);
        assert_string_equal(err.code, "bad_certificate");
    }
    assert_int_equal(token_process_stop(&process), 0);
    check_counts(state, 0, 1);
}

static void labels_and_certificates_have_a_maximum(void **state)
{
    static unsigned char long_der[SG_TOKEN_DATA_MAX + 1];
    struct token_process process;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_key_id id = key_id(1);
    char label[130];
    SG_BUFFER der;
    sg_buffer_init(&der, 8192);
    make_certificate("good", &der);
    memset(label, 'x', sizeof label);
    label[129] = '\0';
    token_process_start_ready(&process, &((struct softhsm_fixture *)*state)->settings);
    assert_int_equal(store(&process, id, label, &der, &err), SG_E_INPUT);
    assert_string_equal(err.code, "label_too_long");
    label[128] = '\0';
    assert_int_equal(store(&process, id, label, &der, &err), SG_OK);
    assert_int_equal(sg_token_store_certificate(&process.link, &id, "x",
                                                (struct sg_bytes){long_der, sizeof long_der}, &err),
                     SG_E_LIMIT);
    assert_int_equal(sg_token_store_certificate(&process.link, &id, "x",
                                                (struct sg_bytes){long_der, sizeof long_der - 1},
                                                &err),
                     SG_E_INPUT); /* fits into a packet, is no certificate */
    assert_int_equal(token_process_stop(&process), 0);
}

static void destroying_takes_everything_with_the_id_and_nothing_else(void **state)
{
    struct token_process process;
    struct sg_error err = SG_ERROR_INIT;
    unsigned count = 0;
    SG_BUFFER der;
    sg_buffer_init(&der, 8192);
    make_certificate("web", &der);
    token_process_start_ready(&process, &((struct softhsm_fixture *)*state)->settings);
    for (unsigned char i = 1; i <= 2; i++) {
        struct sg_buffer spki;
        generate_key(&process.link, "ec:p256", key_id(i), (struct sg_key_abilities){0}, &spki);
        sg_buffer_done(&spki);
        assert_int_equal(store(&process, key_id(i), "web", &der, &err), SG_OK);
    }
    struct sg_key_id id = key_id(1);
    assert_int_equal(sg_token_destroy(&process.link, &id, &count, &err), SG_OK);
    assert_int_equal(count, 3);
    assert_int_equal(sg_token_destroy(&process.link, &id, &count, &err), SG_OK);
    assert_int_equal(count, 0); /* none is no failure */
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = sizeof out;
    struct sg_mechanism ecdsa = {.kind = SG_MECHANISM_ECDSA};
    assert_int_equal(sg_token_use(&process.link, SG_VERB_SIGN, &id, &ecdsa,
                                  (struct sg_bytes){der.data, 32}, out, &len, &err),
                     SG_E_NOT_FOUND);
    assert_int_equal(token_process_stop(&process), 0);
    check_counts(state, 1, 1);
}

static void every_certificate_is_counted(void **state)
{
    enum { KEYS = 40 };
    struct token_process process;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER der;
    sg_buffer_init(&der, 8192);
    make_certificate("many", &der);
    token_process_start_ready(&process, &((struct softhsm_fixture *)*state)->settings);
    for (unsigned i = 0; i < KEYS; i++) {
        assert_int_equal(store(&process, key_id((unsigned char)i), "many", &der, &err), SG_OK);
    }
    assert_int_equal(token_process_stop(&process), 0);
    check_counts(state, 0, KEYS);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(certificate_is_replaced_never_doubled),
        TEST(certificate_of_another_key_stays),
        TEST(what_is_no_certificate_is_refused_and_changes_nothing),
        TEST(labels_and_certificates_have_a_maximum),
        TEST(destroying_takes_everything_with_the_id_and_nothing_else),
        TEST(every_certificate_is_counted),
    };
    return cmocka_run_group_tests_name("objects", tests, NULL, NULL);
}
