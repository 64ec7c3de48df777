/* token add, delete, show, bind, unbind. */
#include <stdio.h>
#include <string.h>

#include "operations_fixture.h"

static int setup(void **state)
{
    int failed = world_setup(state);
    must(*state, "cert generate", "{'certificate': 'START1/web', 'subject': 'CN=web'}");
    must(*state, "cert generate", "{'certificate': 'START1/app', 'subject': 'CN=app'}");
    must(*state, "cert generate", "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA'}");
    must(*state, "token add", "{'token': 'ftp.srv'}");
    return failed;
}

static const json_t *bound(struct world *world, size_t i)
{
    must(world, "token show", "{'token': 'FTP.SRV'}");
    return json_array_get(json_object_get(world->answer, "items"), i);
}

static size_t bound_count(struct world *world)
{
    must(world, "token show", "{'token': 'FTP.SRV'}");
    return json_array_size(json_object_get(world->answer, "items"));
}

static const char *text_of(const json_t *item, const char *key)
{
    return json_string_value(json_object_get(item, key));
}

static bool is(const json_t *item, const char *key)
{
    return json_is_true(json_object_get(item, key));
}

/* ---- tokens ---- */

static void a_token_is_made_once(void **state)
{
    struct world *world = *state;
    assert_string_equal(answered(world, "token"), "FTP.SRV");
    refused(world, "token add", "{'token': 'FTP.SRV'}", SG_E_CONFLICT, "token_exists");
    refused(world, "token add", "{'token': 'Ftp.Srv'}", SG_E_CONFLICT, "token_exists");
    refused(world, "token add", "{'token': ''}", SG_E_INPUT, "bad_token_name");
    refused(world, "token add", "{'token': '1a'}", SG_E_INPUT, "bad_token_name");
    refused(world, "token add", "{'token': 'a/b'}", SG_E_INPUT, "bad_token_name");
    refused(world, "token add", "{'token': 'IRRTOKEN/x'}", SG_E_INPUT, "bad_token_name");
}

/* Both kinds of tokens are asked for by one name. */
static void configured_tokens_keep_their_names(void **state)
{
    struct world *world = *state;
    struct sg_token_state configured = {0};
    world->service.tokens.state(world->service.tokens.context, 0, &configured);
    refused_json(world, "token add", json_pack("{s:s}", "token", configured.name), SG_E_CONFLICT,
                 "token_exists");
    assert_told(world, "configured");
    must(world, "token list", "{}");
    const json_t *items = json_object_get(world->answer, "items");
    assert_int_equal(json_array_size(items), 2);
    assert_string_equal(text_of(json_array_get(items, 0), "kind"), "configured");
    assert_string_equal(text_of(json_array_get(items, 1), "kind"), "served");
    assert_string_equal(text_of(json_array_get(items, 1), "name"), "FTP.SRV");
}

static void a_token_that_is_not_there_is_told(void **state)
{
    struct world *world = *state;
    refused(world, "token show", "{'token': 'NONE'}", SG_E_NOT_FOUND, "token_not_found");
    assert_told(world, "signet token add");
    refused(world, "token delete", "{'token': 'NONE'}", SG_E_NOT_FOUND, "token_not_found");
    refused(world, "token bind", "{'token': 'NONE', 'certificate': 'START1/web'}", SG_E_NOT_FOUND,
            "token_not_found");
    refused(world, "token unbind", "{'token': 'NONE', 'certificate': 'START1/web'}", SG_E_NOT_FOUND,
            "token_not_found");
}

static void a_token_in_use_is_deleted_by_force_only(void **state)
{
    struct world *world = *state;
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}");
    refused(world, "token delete", "{'token': 'FTP.SRV'}", SG_E_CONFLICT, "token_not_empty");
    must(world, "token delete", "{'token': 'FTP.SRV', 'force': true}");
    assert_true(has_row(world, "START1", "web"));
    refused(world, "token show", "{'token': 'FTP.SRV'}", SG_E_NOT_FOUND, "token_not_found");
    must(world, "token add", "{'token': 'FTP.SRV'}");
    assert_int_equal(bound_count(world), 0);
    must(world, "token delete", "{'token': 'FTP.SRV'}");
}

/* ---- binding ---- */

static void binding_goes_by_the_owner(void **state)
{
    struct world *world = *state;
    unsigned widened = world->widened;
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/web', 'default': true}");
    assert_true(world->widened > widened); /* whoever uses the token is told */
    assert_says(world, "did", "START1/web and its key in token FTP.SRV as PERSONAL, the default");
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'CERTAUTH/CA'}");
    assert_says(world, "did", "as CERTAUTH");
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/app', 'default': true}");
    assert_says(world, "did", "START1/web is no longer the default");
    assert_int_equal(bound_count(world), 3);
    assert_string_equal(text_of(bound(world, 0), "label"), "app");
    assert_true(is(bound(world, 0), "default"));
    assert_true(is(bound(world, 0), "key_deliverable"));
    assert_string_equal(text_of(bound(world, 2), "label"), "CA");
    assert_false(is(bound(world, 2), "key_deliverable"));
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/app', 'usage': 'site'}");
    assert_says(world, "did", "bound anew");
    assert_int_equal(bound_count(world), 3);
    assert_false(is(bound(world, 2), "key_deliverable"));
}

static void what_cannot_be_bound_is_refused(void **state)
{
    struct world *world = *state;
    must(world, "cert generate",
         "{'certificate': 'START1/ed', 'subject': 'CN=ed', 'key': 'ed25519'}");
    refused(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/ed'}", SG_E_CONFLICT,
            "key_cannot_be_bound");
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/ed', 'usage': 'site'}");
    must(world, "cert generate", "{'certificate': 'START2/web', 'subject': 'CN=other'}");
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}");
    refused(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START2/web'}", SG_E_CONFLICT,
            "label_in_use");
    assert_told(world, "START1/web");
    refused(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/none'}",
            SG_E_NOT_FOUND, "certificate_not_found");
    refused(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1'}", SG_E_INPUT,
            "bad_label");
    refused(world, "token bind",
            "{'token': 'FTP.SRV', 'certificate': 'START1/web', 'usage': 'mine'}", SG_E_USAGE,
            "bad_parameter");
}

static void what_will_surprise_is_said(void **state)
{
    struct world *world = *state;
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}");
    assert_says(world, "warnings", "NOTRUST");
    assert_false(is(bound(world, 0), "visible"));
    assert_false(is(bound(world, 0), "key_deliverable"));
    struct outside_ca ca;
    outside_ca_make(&ca);
    must_json(world, "cert add", bundle_json("START1/root", ca.root, (void *)NULL));
    must(world, "token bind",
         "{'token': 'FTP.SRV', 'certificate': 'START1/root', 'usage': 'personal'}");
    assert_says(world, "warnings", "no private key");
    assert_says(world, "did", "bound START1/root in token");
    outside_ca_done(&ca);
}

/* ---- unbinding ---- */

static void what_is_bound_is_taken_out_by_name_or_number(void **state)
{
    struct world *world = *state;
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}");
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/app'}");
    json_int_t number = json_integer_value(json_object_get(bound(world, 1), "sequence_number"));
    assert_true(number > 0);
    refused(world, "token unbind", "{'token': 'FTP.SRV'}", SG_E_USAGE, "bad_parameter");
    refused_json(world, "token unbind",
                 json_pack("{s:s, s:s, s:I}", "token", "FTP.SRV", "certificate", "START1/app",
                           "sequence", number),
                 SG_E_USAGE, "bad_parameter");
    refused_json(world, "token unbind",
                 json_pack("{s:s, s:I}", "token", "FTP.SRV", "sequence", number + 1000),
                 SG_E_NOT_FOUND, "not_bound");
    refused(world, "token unbind", "{'token': 'FTP.SRV', 'certificate': 'CERTAUTH/CA'}",
            SG_E_NOT_FOUND, "not_bound");
    must_json(world, "token unbind",
              json_pack("{s:s, s:I}", "token", "FTP.SRV", "sequence", number));
    assert_string_equal(answered(world, "label"), "app");
    must(world, "token unbind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}");
    refused(world, "token unbind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}",
            SG_E_NOT_FOUND, "not_bound");
    assert_true(has_row(world, "START1", "web"));
}

static void import(struct world *world, const char *target, json_int_t number, const char *status)
{
    must_json(world, "token import",
              json_pack("{s:s, s:s, s:I, s:s*}", "token", "FTP.SRV", "target", target, "sequence",
                        number, "status", status));
}

static void import_refused(struct world *world, const char *token, const char *target,
                           json_int_t number, sg_status status, const char *code)
{
    refused_json(world, "token import",
                 json_pack("{s:s, s:s, s:I}", "token", token, "target", target, "sequence", number),
                 status, code);
}

/* It stands in the store once: whoever owns it has it, nobody else can. */
static void what_is_bound_is_imported_by_its_owner_only(void **state)
{
    struct world *world = *state;
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}");
    json_int_t number = json_integer_value(json_object_get(bound(world, 0), "sequence_number"));
    import(world, "START1", number, NULL);
    assert_says(world, "did", "START1/web is START1's already");
    assert_null(json_object_get(world->answer, "warnings"));
    import(world, "start1/web", number, "trust");
    assert_null(json_object_get(world->answer, "warnings"));
    import(world, "START1/other", number, "notrust");
    assert_says(world, "warnings", "keeps its label");
    assert_says(world, "warnings", "stays TRUST");
    assert_false(has_row(world, "START1", "other"));
    import_refused(world, "FTP.SRV", "START2", number, SG_E_CONFLICT, "certificate_exists");
    assert_told(world, "START1/web");
    import_refused(world, "FTP.SRV", "CERTAUTH/web", number, SG_E_CONFLICT, "certificate_exists");
    import_refused(world, "FTP.SRV", "START1", number + 1000, SG_E_NOT_FOUND, "not_bound");
    import_refused(world, "NONE", "START1", number, SG_E_NOT_FOUND, "token_not_found");
    import_refused(world, "FTP.SRV", "MULTIID", number, SG_E_INPUT, "bad_owner");
    import_refused(world, "FTP.SRV", "IRRTOKEN/x", number, SG_E_INPUT, "bad_owner");
    must(world, "token unbind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}");
    import_refused(world, "FTP.SRV", "START1", number, SG_E_NOT_FOUND, "not_bound");
}

/* ---- tokens are no rings ---- */

static void tokens_do_not_show_among_rings(void **state)
{
    struct world *world = *state;
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}");
    must(world, "ring list", "{}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 0);
    must(world, "cert show", "{'certificate': 'START1/web'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "rings")), 0);
    const json_t *tokens = json_object_get(world->answer, "bound_in");
    assert_int_equal(json_array_size(tokens), 1);
    assert_string_equal(text_of(json_array_get(tokens, 0), "token"), "FTP.SRV");
    refused(world, "cert delete", "{'certificate': 'START1/web'}", SG_E_CONFLICT, "in_use");
    assert_told(world, "token FTP.SRV");
    refused(world, "ring show", "{'ring': 'IRRTOKEN/FTP.SRV'}", SG_E_INPUT, "bad_owner");
    refused(world, "ring list", "{'owner': 'IRRTOKEN'}", SG_E_INPUT, "bad_owner");
    refused(world, "ring connect", "{'ring': 'IRRTOKEN/FTP.SRV', 'certificate': 'START1/app'}",
            SG_E_INPUT, "bad_owner");
    refused(world, "owner add", "{'owner': 'IRRTOKEN'}", SG_E_INPUT, "bad_owner");
    refused(world, "owner attach", "{'owner': 'IRRTOKEN', 'uid': 4711}", SG_E_INPUT, "bad_owner");
    refused(world, "cert generate", "{'certificate': 'IRRTOKEN/x', 'subject': 'CN=x'}", SG_E_INPUT,
            "bad_owner");
    refused(world, "map add", "{'map': 'IRRTOKEN', 'subject_filter': 'O=x'}", SG_E_INPUT,
            "bad_owner");
    must(world, "owner list", "{}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 4);
}

static void tokens_are_the_administrators(void **state)
{
    struct world *world = *state;
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}");
    world->caller = &owner_of_start1;
    static const char *const rows[][2] = {
        {"token add", "{'token': 'OTHER'}"},
        {"token delete", "{'token': 'FTP.SRV', 'force': true}"},
        {"token show", "{'token': 'FTP.SRV'}"},
        {"token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}"},
        {"token unbind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}"},
        {"token import", "{'token': 'FTP.SRV', 'target': 'START1', 'sequence': 1}"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        refused(world, rows[i][0], rows[i][1], SG_E_DENIED, "not_authorised");
    }
    must(world, "token list", "{}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 0);
}

/* LISTTOKEN shows what is served, TOKEN what is configured. */
static void a_list_shows_what_one_may_see(void **state)
{
    struct world *world = *state;
    must(world, "token list", "{}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 2);
    must(world, "authority define",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LISTTOKEN', 'uacc': 'control'}");
    world->caller = &owner_of_start1;
    must(world, "token list", "{}");
    json_t *items = json_object_get(world->answer, "items");
    assert_int_equal(json_array_size(items), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "name")),
                        "FTP.SRV");
    world->caller = &administrator;
}

/* ---- uses ---- */

#define NOBODYS_UID 4000000001u /* has no name */

static void use(struct world *world, const char *owner, const char *ring, uint32_t uid,
                uint64_t count, int64_t ago_s)
{
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "web");
    struct sg_ring_ref ref = {{""}, {""}};
    struct sg_ring_row found;
    snprintf(ref.owner.text, sizeof ref.owner.text, "%s", owner);
    snprintf(ref.ring.text, sizeof ref.ring.text, "%s", ring);
    assert_int_equal(sg_store_ring_get(world->service.store, &ref, &found, &world->err), SG_OK);
    const struct sg_key_use used = {row.key, (uint32_t)found.id,   uid,
                                    count,   world->now_s - ago_s, world->now_s - ago_s};
    assert_int_equal(sg_store_key_uses_add(world->service.store, &used, 1, &world->err), SG_OK);
}

static int64_t number_of(const json_t *item, const char *key)
{
    const json_t *value = json_object_get(item, key);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static void uses_through_a_token_are_shown(void **state)
{
    struct world *world = *state;
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}");
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/app', 'usage': 'site'}");
    assert_int_equal(number_of(bound(world, 0), "uses"), 0);
    assert_null(json_object_get(bound(world, 0), "last_used"));
    assert_null(json_object_get(bound(world, 1), "uses")); /* gives no key */
    use(world, "IRRTOKEN", "FTP.SRV", NOBODYS_UID, 49, 20);
    use(world, "IRRTOKEN", "FTP.SRV", 0, 1, 10);
    const json_t *item = bound(world, 0);
    assert_int_equal(number_of(item, "uses"), 50);
    assert_string_equal(text_of(item, "last_used"), "2026-10-14T17:46:30Z");
    assert_string_equal(text_of(item, "last_user"), "root");
    const json_t *users = json_object_get(item, "used_by");
    assert_int_equal(json_array_size(users), 2);
    assert_int_equal(number_of(json_array_get(users, 0), "uid"), 0);
    assert_int_equal(number_of(json_array_get(users, 1), "uses"), 49);
    must(world, "token unbind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}");
    must(world, "token delete", "{'token': 'FTP.SRV', 'force': true}");
    must(world, "cert show", "{'certificate': 'START1/web'}");
    assert_int_equal(number_of(world->answer, "uses"), 0); /* they go with it */
}

static void a_certificate_tells_all_uses_of_its_key(void **state)
{
    struct world *world = *state;
    must(world, "cert show", "{'certificate': 'START1/web'}");
    assert_int_equal(number_of(world->answer, "uses"), 0);
    assert_null(json_object_get(world->answer, "last_used"));
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    must(world, "token bind", "{'token': 'FTP.SRV', 'certificate': 'START1/web'}");
    use(world, "START1", "KEY", NOBODYS_UID, 3, 30);
    must(world, "cert show", "{'certificate': 'START1/web'}");
    assert_int_equal(number_of(world->answer, "uses"), 3);
    assert_string_equal(answered(world, "last_user"), "4000000001");
    assert_string_equal(answered(world, "last_used_in"), "START1/KEY");
    use(world, "IRRTOKEN", "FTP.SRV", 0, 50, 10);
    must(world, "cert show", "{'certificate': 'START1/web'}");
    assert_int_equal(number_of(world->answer, "uses"), 53);
    assert_string_equal(answered(world, "last_used"), "2026-10-14T17:46:30Z");
    assert_string_equal(answered(world, "last_user"), "root");
    assert_string_equal(answered(world, "last_used_in"), "FTP.SRV");
    must(world, "cert show", "{'certificate': 'START1/app'}");
    assert_int_equal(number_of(world->answer, "uses"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
        TEST(a_token_is_made_once),
        TEST(configured_tokens_keep_their_names),
        TEST(a_token_that_is_not_there_is_told),
        TEST(a_token_in_use_is_deleted_by_force_only),
        TEST(binding_goes_by_the_owner),
        TEST(what_cannot_be_bound_is_refused),
        TEST(what_will_surprise_is_said),
        TEST(what_is_bound_is_taken_out_by_name_or_number),
        TEST(what_is_bound_is_imported_by_its_owner_only),
        TEST(tokens_do_not_show_among_rings),
        TEST(tokens_are_the_administrators),
        TEST(a_list_shows_what_one_may_see),
        TEST(uses_through_a_token_are_shown),
        TEST(a_certificate_tells_all_uses_of_its_key),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
