/* cert check: files, and what of them is here; cert chain: what holds for all of it. */
#include <string.h>

#include "operations_fixture.h"

static json_t *file_json(X509 *first, X509 *second, X509 *third)
{
    json_t *list = json_array();
    X509 *const all[] = {first, second, third};
    for (size_t i = 0; i < SG_COUNT(all); i++) {
        if (all[i] != NULL) {
            json_array_append_new(list, certificate_json(all[i]));
        }
    }
    return json_pack("{s:o}", "certificates", list);
}

static json_t *item(const struct world *world, size_t i)
{
    return json_array_get(json_object_get(world->answer, "items"), i);
}

static const char *item_text(const struct world *world, size_t i, const char *key)
{
    return json_string_value(json_object_get(item(world, i), key));
}

static bool is(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_boolean(value));
    return json_is_true(value);
}

struct outside {
    struct outside_ca ca;
    EVP_PKEY *key;
    X509 *leaf;
};

static void outside_make(struct outside *made)
{
    outside_ca_make(&made->ca);
    made->key = new_key();
    made->leaf = outside(&(struct recipe){.name = "leaf",
                                          .key = made->key,
                                          .issuer = made->ca.intermediate,
                                          .signer = made->ca.int_key});
}

static void outside_done(struct outside *made)
{
    X509_free(made->leaf);
    EVP_PKEY_free(made->key);
    outside_ca_done(&made->ca);
}

static void a_file_is_told_leaf_first(void **state)
{
    struct world *world = *state;
    struct outside made;
    outside_make(&made);
    struct snapshot before = snapshot(world);
    must_json(world, "cert check", file_json(made.ca.root, made.ca.intermediate, made.leaf));
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 3);
    assert_non_null(strstr(item_text(world, 0, "subject"), "leaf"));
    assert_string_equal(item_text(world, 0, "issuer"), item_text(world, 1, "subject"));
    assert_string_equal(item_text(world, 1, "issuer"), item_text(world, 2, "subject"));
    assert_false(is(item(world, 0), "installed"));
    assert_false(is(item(world, 0), "private_key"));
    assert_true(is(world->answer, "complete"));
    assert_false(is(world->answer, "expired"));
    assert_false(is(world->answer, "not_trusted"));
    assert_int_equal(json_integer_value(json_object_get(world->answer, "count")), 3);
    assert_null(json_object_get(world->answer, "warnings"));
    struct snapshot after = snapshot(world);
    assert_same(&before, &after);
    outside_done(&made);
}

static void what_is_here_is_told_by_its_name(void **state)
{
    struct world *world = *state;
    struct outside made;
    outside_make(&made);
    must_json(world, "cert add",
              bundle_json("START1/mine", made.leaf, made.ca.intermediate, made.ca.root, NULL));
    must(world, "cert alter", "{'certificate': 'START1/mine', 'status': 'notrust'}");
    must_json(world, "cert check", file_json(made.leaf, NULL, NULL));
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 1);
    assert_true(is(item(world, 0), "installed"));
    assert_string_equal(item_text(world, 0, "owner"), "START1");
    assert_string_equal(item_text(world, 0, "label"), "mine");
    assert_string_equal(item_text(world, 0, "status"), "NOTRUST");
    assert_true(is(world->answer, "not_trusted"));
    assert_false(is(world->answer, "complete"));
    assert_true(is(world->answer, "complete_here"));
    assert_says(world, "warnings", "is missing in it");
    outside_done(&made);
}

static void what_one_may_not_list_is_not_told(void **state)
{
    struct world *world = *state;
    struct outside made;
    outside_make(&made);
    must_json(world, "cert add",
              bundle_json("START1/mine", made.leaf, made.ca.intermediate, made.ca.root, NULL));
    must(world, "cert generate", "{'certificate': 'START1/key', 'subject': 'CN=key'}");
    X509 *placeholder = answered_certificate(world);
    world->caller = &owner_of_start1;
    must_json(world, "cert check", file_json(made.leaf, made.ca.root, placeholder));
    size_t installed = 0;
    for (size_t i = 0; i < 3; i++) {
        const char *owner = item_text(world, i, "owner");
        assert_true(owner == NULL || strcmp(owner, "START1") == 0);
        installed += is(item(world, i), "installed") ? 1 : 0;
    }
    assert_int_equal(installed, 2); /* not the root: it stands under CERTAUTH */
    assert_null(json_object_get(world->answer, "complete_here"));
    world->caller = &stranger;
    must_json(world, "cert check", file_json(made.leaf, made.ca.root, placeholder));
    for (size_t i = 0; i < 3; i++) {
        assert_false(is(item(world, i), "installed"));
        assert_null(item_text(world, i, "owner"));
        assert_null(item_text(world, i, "status"));
        assert_null(item_text(world, i, "key_of"));
        /* whether there is one is not for everybody to know */
        assert_true(json_is_null(json_object_get(item(world, i), "private_key")));
        assert_null(json_object_get(item(world, i), "token"));
    }
    assert_false(is(world->answer, "not_trusted"));
    X509_free(placeholder);
    outside_done(&made);
}

/* The CA's answer: not here yet, but its key is. */
static void the_key_of_a_certificate_is_found(void **state)
{
    struct world *world = *state;
    struct outside_ca ca;
    outside_ca_make(&ca);
    must(world, "cert generate", "{'certificate': 'START1/web', 'subject': 'CN=web'}");
    X509 *reply = certify(world, &ca, "START1", "web");
    must_json(world, "cert check", file_json(reply, NULL, NULL));
    assert_false(is(item(world, 0), "installed"));
    assert_true(is(item(world, 0), "private_key"));
    assert_string_equal(item_text(world, 0, "key_of"), "START1/web");
    assert_false(is(world->answer, "complete_here"));
    X509_free(reply);
    outside_ca_done(&ca);
}

static void what_is_wrong_with_a_file_is_told(void **state)
{
    struct world *world = *state;
    struct outside made;
    outside_make(&made);
    X509 *old = outside(&(struct recipe){
        .name = "old", .key = made.key, .from_s = NOW - 9 * DAY, .until_s = NOW - DAY});
    must_json(world, "cert check", file_json(old, NULL, NULL));
    assert_true(is(world->answer, "expired"));
    assert_true(is(world->answer, "complete")); /* its own root */
    /* the right name, another key */
    EVP_PKEY *other = new_key();
    X509 *forged = outside(&(struct recipe){
        .name = "leaf", .key = made.key, .issuer = made.ca.intermediate, .signer = other});
    must_json(world, "cert check", file_json(forged, made.ca.intermediate, made.ca.root));
    assert_says(world, "warnings", "broken");
    assert_false(is(world->answer, "complete"));
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 3);
    /* the same one twice is one */
    must_json(world, "cert check", file_json(made.leaf, made.leaf, NULL));
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 1);
    X509_free(forged);
    EVP_PKEY_free(other);
    X509_free(old);
    outside_done(&made);
}

static void what_is_no_certificate_is_refused(void **state)
{
    struct world *world = *state;
    refused(world, "cert check", "{'certificates': []}", SG_E_USAGE, "bad_parameter");
    refused(world, "cert check", "{'certificates': ['AAAA']}", SG_E_INPUT, "not_a_certificate");
    refused(world, "cert check", "{'certificates': ['?']}", SG_E_USAGE, "bad_parameter");
    refused(world, "cert check", "{'certificates': [1]}", SG_E_USAGE, "bad_parameter");
    refused(world, "cert check", "{}", SG_E_USAGE, "bad_parameter");
}

static void details_are_there_for_the_asking(void **state)
{
    struct world *world = *state;
    struct outside made;
    outside_make(&made);
    json_t *params = file_json(made.leaf, NULL, NULL);
    must_json(world, "cert check", json_incref(params));
    assert_null(json_object_get(item(world, 0), "signature_algorithm"));
    json_object_set_new(params, "details", json_true());
    must_json(world, "cert check", params);
    assert_non_null(item_text(world, 0, "signature_algorithm"));
    assert_null(json_object_get(item(world, 0), "rings"));
    outside_done(&made);
}

/* ---- cert chain ---- */

static void a_chain_is_summed_up(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA', 'days': 99}");
    must(world, "cert generate",
         "{'certificate': 'START1/web', 'subject': 'CN=web', 'signed_by': 'CERTAUTH/CA',"
         " 'days': 9}");
    static const char *const rings[] = {"START1/BOTH", "START1/LEAF", "START2/BOTH"};
    for (size_t i = 0; i < SG_COUNT(rings); i++) {
        must_json(world, "ring add", json_pack("{s:s}", "ring", rings[i]));
        must_json(world, "ring connect",
                  json_pack("{s:s, s:s}", "ring", rings[i], "certificate", "START1/web"));
        if (i != 1) {
            must_json(world, "ring connect",
                      json_pack("{s:s, s:s}", "ring", rings[i], "certificate", "CERTAUTH/CA"));
        }
    }
    must(world, "cert chain", "{'certificate': 'START1/web'}");
    assert_int_equal(json_integer_value(json_object_get(world->answer, "count")), 2);
    assert_true(is(world->answer, "complete"));
    assert_false(is(world->answer, "expired"));
    assert_false(is(world->answer, "not_trusted"));
    assert_int_equal(json_array_size(json_object_get(world->answer, "rings")), 2);
    world->caller = &owner_of_start1; /* who may not list START2's */
    must(world, "cert chain", "{'certificate': 'START1/web'}");
    const json_t *common = json_object_get(world->answer, "rings");
    assert_int_equal(json_array_size(common), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(common, 0), "owner")),
                        "START1");
    assert_string_equal(json_string_value(json_object_get(json_array_get(common, 0), "ring")),
                        "BOTH");
    /* nor CERTAUTH's certificates: of the issuer it is said what the chain itself says */
    const json_t *issuer = json_array_get(json_object_get(world->answer, "items"), 1);
    assert_string_equal(json_string_value(json_object_get(issuer, "subject")), "CN=CA");
    assert_null(json_object_get(issuer, "owner"));
    assert_null(json_object_get(issuer, "label"));
    assert_true(json_is_null(json_object_get(issuer, "private_key")));
    must(world, "cert chain", "{'certificate': 'START1/web', 'details': true}");
    issuer = json_array_get(json_object_get(world->answer, "items"), 1);
    assert_null(json_object_get(issuer, "rings"));
    refused(world, "cert show", "{'certificate': 'START1/wep'}", SG_E_NOT_FOUND,
            "certificate_not_found");
    assert_string_equal(world->err.hint, "Did you mean 'START1/web'?"); /* its own */
    world->caller = &administrator;
    must(world, "cert alter", "{'certificate': 'CERTAUTH/CA', 'status': 'notrust'}");
    world->now_s = NOW + 10 * DAY;
    must(world, "cert chain", "{'certificate': 'START1/web'}");
    assert_true(is(world->answer, "expired"));
    assert_true(is(world->answer, "not_trusted"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        TEST(a_file_is_told_leaf_first),         TEST(what_is_here_is_told_by_its_name),
        TEST(what_one_may_not_list_is_not_told), TEST(the_key_of_a_certificate_is_found),
        TEST(what_is_wrong_with_a_file_is_told), TEST(what_is_no_certificate_is_refused),
        TEST(details_are_there_for_the_asking),  TEST(a_chain_is_summed_up),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
