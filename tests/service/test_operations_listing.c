/* What the listings are made from: lists with details, in pages. */
#include <stdio.h>
#include <string.h>

#include <signet/racdcert/listing.h>

#include "operations_fixture.h"

static json_t *items(const struct world *world)
{
    return json_object_get(world->answer, "items");
}

static const char *text_of(const struct world *world, size_t i, const char *key)
{
    return json_string_value(json_object_get(json_array_get(items(world), i), key));
}

static void add_many(struct world *world, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "START1/c%03zu", i);
        EVP_PKEY *key = new_key();
        X509 *certificate = outside(&(struct recipe){.name = name, .key = key});
        must_json(world, "cert add", bundle_json(name, certificate, NULL));
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
}

/* The listing of the last answer, as RACDCERT prints it. */
static void assert_lists(const struct world *world, enum sg_racdcert_listing kind,
                         const char *piece)
{
    SG_BUFFER out;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_racdcert_listing_options options = {.now_s = NOW};
    sg_buffer_init(&out, 1 << 20);
    assert_int_equal(sg_racdcert_listing(kind, world->answer, &options, &out, &err), SG_OK);
    if (strstr((const char *)out.data, piece) == NULL) {
        print_error("not found:\n%s\nin:\n%s\n", piece, (const char *)out.data);
        fail();
    }
}

static void details_are_those_of_show(void **state)
{
    struct world *world = *state;
    must(world, "cert generate",
         "{'certificate': 'START1/web', 'subject': 'CN=web,ST=Kent', 'usage': ['handshake'], "
         "'san': ['dns:web.example', 'email:a@b.example'], 'eku': ['serverAuth']}");
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    json_t *shown = json_deep_copy(must(world, "cert show", "{'certificate': 'START1/web'}"));
    assert_int_equal(json_object_del(shown, "uses"), 0); /* of the key: what show alone says */
    must(world, "cert list", "{'owner': 'START1', 'details': true}");
    assert_int_equal(json_array_size(items(world)), 1);
    assert_true(json_equal(json_array_get(items(world), 0), shown));
    assert_int_equal(json_integer_value(json_object_get(shown, "key_bits")), 256);
    must(world, "cert chain", "{'certificate': 'START1/web', 'details': true}");
    assert_true(json_equal(json_array_get(items(world), 0), shown));
    json_decref(shown);
    must(world, "cert list", "{'owner': 'START1'}");
    assert_null(text_of(world, 0, "fingerprint_sha256"));
    must(world, "cert chain", "{'certificate': 'START1/web'}");
    assert_null(text_of(world, 0, "fingerprint_sha256"));
}

static void real_answers_can_be_listed(void **state)
{
    struct world *world = *state;
    must(world, "cert generate",
         "{'certificate': 'CERTAUTH/MY CA', 'subject': 'CN=My CA,O=Org\\\\, Inc.,C=GB', 'key': "
         "'rsa:2048'}");
    must(world, "cert generate",
         "{'certificate': 'START1/web', 'subject': 'CN=web,ST=Kent', 'usage': ['handshake'], "
         "'san': ['email:a@b.example'], 'signed_by': 'CERTAUTH/MY CA'}");
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'CERTAUTH/MY CA'}");
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': true}");
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    must(world, "ring show", "{'ring': 'START1/KEY'}");
    assert_lists(world, SG_LISTING_LISTRING,
                 "  web                                ID(START1)     PERSONAL     YES\n"
                 "  MY CA                              CERTAUTH       CERTAUTH     NO\n"
                 "\n  *** web of START1: hidden from programs (NOTRUST) ***\n");
    must(world, "cert show", "{'certificate': 'START1/web'}");
    assert_lists(world, SG_LISTING_LIST, "       >CN=My CA.O=Org, Inc..C=GB<\n");
    assert_lists(world, SG_LISTING_LIST, "       >CN=web.SP=Kent<\n");
    assert_lists(world, SG_LISTING_LIST,
                 "    EMail: a at b.example\n  Signing Algorithm: sha256RSA\n"
                 "  Key Usage: HANDSHAKE\n  Key Type: NIST ECC\n  Key Size: 256\n"
                 "  Private Key: YES\n");
    must(world, "cert chain", "{'certificate': 'START1/web', 'details': true}");
    assert_lists(world, SG_LISTING_LISTCHAIN,
                 "Chain information:\n  Chain contains 2 certificate(s), chain is complete\n"
                 "  Chain contains NOTRUST certificate(s)\n"
                 "  Chain contains ring in common: START1/KEY\n");
    must(world, "cert list", "{'owner': 'CERTAUTH', 'details': true}");
    assert_lists(world, SG_LISTING_LIST,
                 "  Key Usage: CERTSIGN\n  Key Type: RSA\n  Key Size: 2048\n");
}

/* A user may own a CA certificate. Issuers are looked for with the certificate's owner first, then
 * under CERTAUTH, never with another user. */
static void a_chain_is_found_across_owners(void **state)
{
    struct world *world = *state;
    struct outside_ca ca;
    outside_ca_make(&ca);
    EVP_PKEY *key = new_key();
    X509 *leaf = outside(&(struct recipe){
        .name = "peer", .key = key, .issuer = ca.intermediate, .signer = ca.int_key});
    must_json(world, "cert add", bundle_json("CERTAUTH/root", ca.root, NULL));
    must_json(world, "cert add", bundle_json("START2/theirs", ca.intermediate, NULL));
    json_t *params = bundle_json("START1/peer", leaf, NULL);
    json_object_set_new(params, "status", json_string("notrust"));
    must_json(world, "cert add", params);
    must(world, "cert chain", "{'certificate': 'START1/peer', 'details': true}");
    assert_lists(world, SG_LISTING_LISTCHAIN,
                 "  Chain contains 1 certificate(s), chain is incomplete\n");
    must(world, "cert delete", "{'certificate': 'START2/theirs'}");
    must_json(world, "cert add", bundle_json("START1/mine", ca.intermediate, NULL));
    must(world, "cert chain", "{'certificate': 'START1/peer', 'details': true}");
    assert_lists(world, SG_LISTING_LISTCHAIN,
                 "Certificate 2:\nDigital certificate information for user START1:\n\n"
                 "  Label: mine\n");
    assert_lists(world, SG_LISTING_LISTCHAIN,
                 "Certificate 3:\nDigital certificate information for CERTAUTH:\n\n"
                 "  Label: root\n");
    assert_lists(world, SG_LISTING_LISTCHAIN,
                 "  Chain contains 3 certificate(s), chain is complete\n");
    X509_free(leaf);
    EVP_PKEY_free(key);
    outside_ca_done(&ca);
}

/* ---- virtual rings ---- */

static void a_virtual_ring_holds_what_its_owner_has(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'CERTAUTH/ca', 'subject': 'CN=ca'}");
    must(world, "cert generate", "{'certificate': 'SITE/site', 'subject': 'CN=site'}");
    add_many(world, 2);
    must(world, "cert alter", "{'certificate': 'START1/c000', 'status': 'notrust'}");
    must(world, "ring show", "{'ring': 'START1/*'}");
    assert_string_equal(answered(world, "owner"), "START1");
    assert_string_equal(answered(world, "ring"), "*");
    assert_int_equal(json_array_size(items(world)), 2);
    assert_string_equal(text_of(world, 0, "usage"), "PERSONAL");
    assert_true(json_is_false(json_object_get(json_array_get(items(world), 0), "visible")));
    assert_true(json_is_true(json_object_get(json_array_get(items(world), 1), "visible")));
    assert_lists(world, SG_LISTING_LISTRING,
                 "  c001                               ID(START1)     PERSONAL     NO\n");
    static const char *const same[] = {"{'ring': '*AUTH*/*'}", "{'ring': '*auth*/*'}",
                                       "{'ring': 'CERTAUTH/*'}"};
    for (size_t i = 0; i < SG_COUNT(same); i++) {
        must(world, "ring show", same[i]);
        assert_int_equal(json_array_size(items(world)), 1);
        assert_string_equal(text_of(world, 0, "owner"), "CERTAUTH");
        assert_string_equal(text_of(world, 0, "usage"), "CERTAUTH");
    }
    must(world, "ring show", "{'ring': '*SITE*/*'}");
    assert_string_equal(text_of(world, 0, "usage"), "SITE");
}

static void a_virtual_ring_is_exported_without_what_is_not_trusted(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'CERTAUTH/one', 'subject': 'CN=one'}");
    must(world, "cert generate", "{'certificate': 'CERTAUTH/two', 'subject': 'CN=two'}");
    must(world, "cert alter", "{'certificate': 'CERTAUTH/one', 'status': 'notrust'}");
    must(world, "ring export", "{'ring': '*AUTH*/*'}");
    json_t *entries = json_object_get(world->answer, "entries");
    assert_int_equal(json_array_size(entries), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(entries, 0), "name")),
                        "two");
    refused(world, "ring export", "{'ring': 'SITE/*'}", SG_E_NOT_FOUND, "nothing_to_export");
    refused(world, "ring export", "{'ring': 'START1/*'}", SG_E_CONFLICT, "nothing_to_export");
    assert_told(world, "PERSONAL");
    refused(world, "ring export", "{'ring': 'CERTAUTH/*', 'chain': true}", SG_E_CONFLICT,
            "nothing_to_export");
}

static void nothing_is_done_to_a_virtual_ring(void **state)
{
    struct world *world = *state;
    add_many(world, 1);
    static const char *const verbs[] = {"ring add", "ring delete"};
    for (size_t i = 0; i < SG_COUNT(verbs); i++) {
        refused(world, verbs[i], "{'ring': 'START1/*'}", SG_E_INPUT, "bad_ring_name");
        assert_told(world, "virtual ring");
        refused(world, verbs[i], "{'ring': '*AUTH*/*'}", SG_E_INPUT, "bad_owner");
    }
    refused(world, "ring connect", "{'ring': 'START1/*', 'certificate': 'START1/c000'}", SG_E_INPUT,
            "bad_ring_name");
    refused(world, "ring remove", "{'ring': 'START1/*', 'certificate': 'START1/c000'}", SG_E_INPUT,
            "bad_ring_name");
    refused(world, "ring show", "{'ring': 'NOONE/*'}", SG_E_NOT_FOUND, "owner_not_found");
    refused(world, "ring show", "{'ring': '*NONE*/*'}", SG_E_INPUT, "bad_owner");
    refused(world, "ring show", "{'ring': 'MULTIID/*'}", SG_E_INPUT, "bad_owner");
    refused(world, "ring show", "{'ring': '*AUTH*/x'}", SG_E_INPUT, "bad_owner");
    refused(world, "ring show", "{'ring': 'START1/**'}", SG_E_NOT_FOUND, "ring_not_found");
}

static void a_virtual_ring_is_shown_to_whom_its_certificates_belong(void **state)
{
    struct world *world = *state;
    add_many(world, 1);
    world->caller = &owner_of_start1;
    must(world, "ring show", "{'ring': 'START1/*'}");
    assert_int_equal(json_array_size(items(world)), 1);
    refused(world, "ring show", "{'ring': 'START2/*'}", SG_E_DENIED, "not_authorised");
    refused(world, "ring show", "{'ring': '*AUTH*/*'}", SG_E_DENIED, "not_authorised");
    refused(world, "ring export", "{'ring': '*AUTH*/*'}", SG_E_DENIED, "not_authorised");
    world->caller = &stranger;
    refused(world, "ring show", "{'ring': 'START1/*'}", SG_E_DENIED, "not_authorised");
}

/* ---- pages ---- */

static void pages_follow_each_other(void **state)
{
    struct world *world = *state;
    add_many(world, 7);
    must(world, "cert list", "{'owner': 'START1', 'limit': 3}");
    assert_int_equal(json_array_size(items(world)), 3);
    assert_string_equal(answered(world, "next"), "c002");
    must(world, "cert list", "{'owner': 'START1', 'limit': 3, 'after': 'c002', 'details': true}");
    assert_string_equal(text_of(world, 0, "label"), "c003");
    assert_string_equal(sg_racdcert_listing_next(world->answer), "c005");
    must(world, "cert list", "{'owner': 'START1', 'limit': 3, 'after': 'c005'}");
    assert_int_equal(json_array_size(items(world)), 1);
    assert_null(json_object_get(world->answer, "next"));
}

static void a_last_page_that_is_full_has_no_next(void **state)
{
    struct world *world = *state;
    add_many(world, 4);
    must(world, "cert list", "{'owner': 'START1', 'limit': 4}");
    assert_int_equal(json_array_size(items(world)), 4);
    assert_null(json_object_get(world->answer, "next"));
    must(world, "cert list", "{'owner': 'START1', 'after': 'zzz'}");
    assert_int_equal(json_array_size(items(world)), 0);
    assert_null(json_object_get(world->answer, "next"));
}

static void details_come_in_pages_unasked(void **state)
{
    struct world *world = *state;
    add_many(world, 101);
    must(world, "cert list", "{'owner': 'START1', 'details': true}");
    assert_int_equal(json_array_size(items(world)), 100);
    assert_string_equal(answered(world, "next"), "c099");
    must(world, "cert list", "{'owner': 'START1', 'details': true, 'limit': 500}");
    assert_int_equal(json_array_size(items(world)), 101);
    must(world, "cert list", "{'owner': 'START1'}");
    assert_int_equal(json_array_size(items(world)), 101);
}

static void details_of_everybody_or_too_many_are_refused(void **state)
{
    struct world *world = *state;
    refused(world, "cert list", "{'details': true}", SG_E_USAGE, "bad_parameter");
    assert_told(world, "one owner");
    refused(world, "cert list", "{'owner': 'START1', 'details': true, 'limit': 501}", SG_E_USAGE,
            "bad_parameter");
    assert_told(world, "500");
    refused(world, "cert list", "{'after': 'x'}", SG_E_USAGE, "bad_parameter");
    refused(world, "cert list", "{'owner': 'START1', 'details': 'yes'}", SG_E_USAGE,
            "bad_parameter");
    world->caller = &stranger;
    refused(world, "cert list", "{'owner': 'START1', 'details': true}", SG_E_DENIED,
            "not_authorised");
}

static void a_limit_over_many_owners_counts_those_that_are_seen(void **state)
{
    struct world *world = *state;
    add_many(world, 3);
    must(world, "cert list", "{'limit': 2}");
    assert_int_equal(json_array_size(items(world)), 2);
    assert_null(json_object_get(world->answer, "next"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        TEST(details_are_those_of_show),
        TEST(real_answers_can_be_listed),
        TEST(a_chain_is_found_across_owners),
        TEST(a_virtual_ring_holds_what_its_owner_has),
        TEST(a_virtual_ring_is_exported_without_what_is_not_trusted),
        TEST(nothing_is_done_to_a_virtual_ring),
        TEST(a_virtual_ring_is_shown_to_whom_its_certificates_belong),
        TEST(pages_follow_each_other),
        TEST(a_last_page_that_is_full_has_no_next),
        TEST(details_come_in_pages_unasked),
        TEST(details_of_everybody_or_too_many_are_refused),
        TEST(a_limit_over_many_owners_counts_those_that_are_seen),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
