/* What rehearsals have in the place of a token process: it gives public keys, and uses none. */
#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <signet/token/stand_in.h>

static void generate(const struct sg_key_spec *spec, struct sg_buffer *spki)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_token_link link = sg_token_stand_in_link();
    const struct sg_generate_request request = {.spec = spec, .label = "START1/web"};
    sg_buffer_init(spki, 8192);
    assert_int_equal(sg_token_generate(&link, &request, spki, &err), SG_OK);
}

static void public_keys_are_of_their_kind_and_new_each_time(void **state SG_UNUSED)
{
    static const char *const types[] = {"RSA", "EC", "ED25519"};
    size_t count = 0;
    const struct sg_key_spec *specs = sg_key_specs(&count);
    for (size_t i = 0; i < count; i++) {
        SG_BUFFER first;
        SG_BUFFER second;
        generate(&specs[i], &first);
        generate(&specs[i], &second);
        assert_true(first.len != second.len || memcmp(first.data, second.data, first.len) != 0);
        const unsigned char *at = first.data;
        EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)first.len);
        assert_non_null(key);
        assert_ptr_equal(at, first.data + first.len);
        assert_true(EVP_PKEY_is_a(key, types[specs[i].family]));
        if (specs[i].family == SG_FAMILY_RSA) {
            assert_int_equal(EVP_PKEY_get_bits(key), specs[i].bits);
        }
        EVP_PKEY_free(key);
    }
}

static void a_label_that_no_token_takes_is_refused(void **state SG_UNUSED)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_token_link link = sg_token_stand_in_link();
    char label[200];
    SG_BUFFER spki;
    sg_buffer_init(&spki, 8192);
    memset(label, 'x', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    const struct sg_generate_request request = {.spec = sg_key_specs(&(size_t){0}), .label = label};
    assert_int_equal(sg_token_generate(&link, &request, &spki, &err), SG_E_INPUT);
    assert_string_equal(err.code, "label_too_long");
}

static void nothing_is_done_with_a_key(void **state SG_UNUSED)
{
    static const struct sg_mechanism mechanisms[] = {
        [0] = {.kind = 0},
        [SG_VERB_SIGN] = {.kind = SG_MECHANISM_ECDSA},
        [SG_VERB_DECRYPT] = {.kind = SG_MECHANISM_RSA_PKCS},
        [SG_VERB_DERIVE] = {.kind = SG_MECHANISM_ECDH}};
    struct sg_token_link link = sg_token_stand_in_link();
    const struct sg_key_id id = {.bytes = {1}};
    const unsigned char data[32] = {0};
    for (unsigned verb = SG_VERB_SIGN; verb <= SG_VERB_DERIVE; verb++) {
        struct sg_error err = SG_ERROR_INIT;
        unsigned char out[SG_SIGNATURE_MAX] = {0};
        size_t len = sizeof out;
        assert_int_equal(sg_token_use(&link, (enum sg_key_verb)verb, &id, &mechanisms[verb],
                                      (struct sg_bytes){data, sizeof data}, out, &len, &err),
                         SG_E_UNSUPPORTED);
        assert_string_equal(err.code, "not_rehearsed");
    }
}

static void it_is_no_token(void **state SG_UNUSED)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_token_link link = sg_token_stand_in_link();
    struct sg_token_info info;
    const struct sg_key_id id = {.bytes = {1}};
    const unsigned char point[SG_TRANSPORT_POINT_LEN] = {4};
    const unsigned char digest[32] = {0};
    struct sg_token_ticket ticket;
    SG_BUFFER sealed;
    sg_buffer_init(&sealed, 8192);
    assert_int_equal(sg_token_login(&link, &err), SG_E_UNSUPPORTED);
    assert_int_equal(sg_token_get_info(&link, &info, &err), SG_E_UNSUPPORTED);
    assert_int_equal(sg_token_export(&link, &id, point, digest, &sealed, &err), SG_E_UNSUPPORTED);
    assert_int_equal(sg_token_grant(&link, 1, 0, -1, NULL, 0, &err), SG_E_UNSUPPORTED);
    assert_int_equal(sg_token_regrant(&link, 1, NULL, 0, &err), SG_E_UNSUPPORTED);
    assert_int_equal(sg_token_revoke(&link, 1, &err), SG_E_UNSUPPORTED);
    assert_int_equal(sg_token_regrant_ask(&link, 1, NULL, 0, &ticket, &err), SG_E_UNSUPPORTED);
    assert_int_equal(sg_token_revoke_ask(&link, 1, &ticket, &err), SG_E_UNSUPPORTED);
    assert_int_equal(sealed.len, 0);
}

static void what_comes_is_taken_and_kept_nowhere(void **state SG_UNUSED)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_token_link link = sg_token_stand_in_link();
    struct sg_transport_offer first, second;
    const struct sg_transport_context context = {.purpose = SG_TRANSPORT_IMPORT};
    const struct sg_key_id id = {.bytes = {1}};
    const unsigned char key[] = "a private key";
    unsigned destroyed = 7;
    SG_BUFFER sealed;
    sg_buffer_init(&sealed, SG_TRANSPORT_PACKAGE_MAX);
    assert_int_equal(sg_token_transport(&link, &first, &err), SG_OK);
    assert_int_equal(sg_token_transport(&link, &second, &err), SG_OK);
    assert_memory_not_equal(first.id, second.id, sizeof first.id);
    assert_memory_not_equal(first.point, second.point, sizeof first.point);
    assert_int_equal(
        sg_transport_seal(first.point, &context, (struct sg_bytes){key, sizeof key}, &sealed, &err),
        SG_OK);
    const struct sg_generate_request request = {.id = id, .label = "START1/web"};
    SG_BUFFER spki;
    sg_buffer_init(&spki, 8192);
    assert_int_equal(
        sg_token_import(&link, &request, (struct sg_bytes){sealed.data, sealed.len}, &spki, &err),
        SG_OK);
    assert_int_equal(spki.len, 0);
    assert_int_equal(sg_token_store_certificate(&link, &id, "START1/web",
                                                (struct sg_bytes){key, sizeof key}, &err),
                     SG_OK);
    assert_int_equal(sg_token_destroy(&link, &id, &destroyed, &err), SG_OK);
    assert_int_equal(destroyed, 0);
    assert_int_equal(sg_token_sync(&link, &err), SG_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_keys_are_of_their_kind_and_new_each_time),
        cmocka_unit_test(a_label_that_no_token_takes_is_refused),
        cmocka_unit_test(nothing_is_done_with_a_key),
        cmocka_unit_test(it_is_no_token),
        cmocka_unit_test(what_comes_is_taken_and_kept_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
