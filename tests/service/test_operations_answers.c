/* What the answers of changing operations hold besides their sentences, and what failures name. */
#include <stdio.h>
#include <string.h>

#include "operations_fixture.h"

static int setup(void **state)
{
    int failed = world_setup(state);
    must(*state, "cert generate", "{'certificate': 'START1/web', 'subject': 'CN=web'}");
    must(*state, "ring add", "{'ring': 'START1/KEY'}");
    return failed;
}

/* Keys of the last answer, up to NULL: name, text. */
static void check_texts(const struct world *world, const char *const *pairs)
{
    for (; pairs[0] != NULL; pairs += 2) {
        assert_string_equal(answered(world, pairs[0]), pairs[1]);
    }
}
#define TEXTS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static bool is(const struct world *world, const char *key)
{
    const json_t *value = json_object_get(world->answer, key);
    assert_true(json_is_boolean(value));
    return json_is_true(value);
}

static void rings_answer_with_their_names(void **state)
{
    struct world *world = *state;
    must(world, "ring add", "{'ring': 'START2/R'}");
    check_texts(world, TEXTS("owner", "START2", "ring", "R"));
    must(world, "ring connect",
         "{'ring': 'START2/R', 'certificate': 'START1/web', 'default': true}");
    check_texts(world, TEXTS("owner", "START2", "ring", "R", "certificate_owner", "START1", "label",
                             "web", "usage", "PERSONAL"));
    assert_true(is(world, "default"));
    assert_false(is(world, "replaced"));
    must(world, "ring connect",
         "{'ring': 'START2/R', 'certificate': 'START1/web', 'usage': 'site'}");
    check_texts(world, TEXTS("usage", "SITE"));
    assert_false(is(world, "default"));
    assert_true(is(world, "replaced"));
    must(world, "ring remove", "{'ring': 'START2/R', 'certificate': 'START1/web'}");
    check_texts(world, TEXTS("owner", "START2", "ring", "R", "certificate_owner", "START1", "label",
                             "web"));
    must(world, "ring delete", "{'ring': 'START2/R'}");
    check_texts(world, TEXTS("owner", "START2", "ring", "R"));
}

static void certificates_answer_with_their_names(void **state)
{
    struct world *world = *state;
    must(world, "cert request", "{'certificate': 'START1/web'}");
    check_texts(world, TEXTS("owner", "START1", "label", "web"));
    must(world, "cert alter",
         "{'certificate': 'START1/web', 'status': 'notrust', 'label': 'renamed'}");
    check_texts(world, TEXTS("owner", "START1", "label", "renamed", "status", "NOTRUST"));
    must(world, "cert alter", "{'certificate': 'START1/renamed', 'status': 'hightrust'}");
    check_texts(world, TEXTS("status", "TRUST"));
    must(world, "cert delete", "{'certificate': 'START1/renamed', 'force': true}");
    check_texts(world, TEXTS("owner", "START1", "label", "renamed"));
}

static void owners_answer_with_the_user(void **state)
{
    struct world *world = *state;
    static const char *const verbs[] = {"owner attach", "owner detach"};
    for (size_t i = 0; i < SG_COUNT(verbs); i++) {
        must(world, verbs[i], "{'owner': 'START1', 'uid': 4711}");
        check_texts(world, TEXTS("owner", "START1"));
        assert_int_equal(json_integer_value(json_object_get(world->answer, "uid")), 4711);
    }
}

static void a_dry_run_makes_no_objects_up(void **state)
{
    struct world *world = *state;
    assert_int_equal(ask(world, "ring add", json_of("{'ring': 'START1/R'}"), true), SG_OK);
    assert_null(json_object_get(world->answer, "ring"));
}

static const json_t *added(const struct world *world, size_t i)
{
    return json_array_get(json_object_get(world->answer, "added"), i);
}

static void check_added(const struct world *world, size_t i, const char *label)
{
    assert_string_equal(json_string_value(json_object_get(added(world, i), "owner")), "CERTAUTH");
    assert_string_equal(json_string_value(json_object_get(added(world, i), "label")), label);
    assert_non_null(json_object_get(added(world, i), "not_after"));
}

static void adding_answers_with_what_was_added(void **state)
{
    struct world *world = *state;
    struct outside_ca ca;
    outside_ca_make(&ca);
    X509 *leaf = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", bundle_json("START1", leaf, ca.intermediate, ca.root, NULL));
    check_texts(world,
                TEXTS("owner", "START1", "label", "web", "status", "TRUST", "key", "ec:p256"));
    assert_true(is(world, "replaced"));
    assert_true(is(world, "private_key"));
    assert_int_equal(json_array_size(json_object_get(world->answer, "added")), 2);
    check_added(world, 0, "Outside Root");
    check_added(world, 1, "Outside Intermediate");
    X509_free(leaf);
    /* somebody else's: new, its issuers are here */
    EVP_PKEY *key = new_key();
    leaf = outside(&(struct recipe){
        .name = "peer", .key = key, .issuer = ca.intermediate, .signer = ca.int_key});
    must_json(world, "cert add", bundle_json("START1/peer", leaf, NULL));
    check_texts(world, TEXTS("owner", "START1", "label", "peer"));
    assert_false(is(world, "replaced"));
    assert_false(is(world, "private_key"));
    assert_int_equal(json_array_size(json_object_get(world->answer, "added")), 0);
    X509_free(leaf);
    EVP_PKEY_free(key);
    outside_ca_done(&ca);
}

static void a_bundle_answers_with_all_of_it(void **state)
{
    struct world *world = *state;
    struct outside_ca ca;
    outside_ca_make(&ca);
    must_json(world, "cert add", bundle_json("CERTAUTH", ca.root, ca.intermediate, NULL));
    check_texts(world, TEXTS("owner", "CERTAUTH"));
    assert_null(json_object_get(world->answer, "label"));
    assert_false(is(world, "replaced"));
    assert_int_equal(json_array_size(json_object_get(world->answer, "added")), 2);
    assert_false(says(world, "warnings", "not a CA certificate"));
    outside_ca_done(&ca);
}

static void what_is_no_ca_is_called_so(void **state)
{
    struct world *world = *state;
    struct outside_ca ca;
    outside_ca_make(&ca);
    EVP_PKEY *key = new_key();
    struct recipe recipe = {
        .name = "server", .key = key, .issuer = ca.intermediate, .signer = ca.int_key};
    X509 *leaf = outside(&recipe);
    must_json(world, "cert add", bundle_json("CERTAUTH", leaf, ca.intermediate, ca.root, NULL));
    assert_says(world, "warnings", "is not a CA certificate: it can verify only itself");
    must(world, "cert delete", "{'certificate': 'CERTAUTH/server'}");
    must_json(world, "cert add", bundle_json("CERTAUTH/server", leaf, NULL));
    assert_says(world, "warnings", "CN=server");
    assert_says(world, "warnings", "is not a CA certificate");
    X509_free(leaf);
    recipe = (struct recipe){.name = "home-made", .key = key};
    leaf = outside(&recipe);
    must_json(world, "cert add", bundle_json("CERTAUTH/home", leaf, NULL));
    assert_false(says(world, "warnings", "not a CA certificate"));
    X509_free(leaf);
    EVP_PKEY_free(key);
    outside_ca_done(&ca);
}

/* ---- keys have one name ---- */

static EVP_PKEY *made(const char *type, const char *detail, size_t bits)
{
    EVP_PKEY *key = detail != NULL ? EVP_PKEY_Q_keygen(NULL, NULL, type, detail)
                    : bits > 0     ? EVP_PKEY_Q_keygen(NULL, NULL, type, bits)
                                   : EVP_PKEY_Q_keygen(NULL, NULL, type);
    assert_non_null(key);
    return key;
}

static void keys_from_outside_are_called_as_ours_are(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *type, *detail;
        size_t bits;
        const char *word;
    } rows[] = {
        {"RSA", NULL, 2048, "rsa:2048"},
        {"RSA", NULL, 3072, "rsa:3072"},
        {"EC", "P-256", 0, "ec:p256"},
        {"EC", "P-384", 0, "ec:p384"},
        {"EC", "P-521", 0, "ec:p521"},
        {"EC", "secp256k1", 0, "ec:secp256k1"},
        {"EC", "brainpoolP256r1", 0, "EC brainpoolP256r1"},
        {"RSA", NULL, 2056, "RSA 2056"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        char name[32];
        snprintf(name, sizeof name, "START1/key%zu", i);
        EVP_PKEY *key = made(rows[i].type, rows[i].detail, rows[i].bits);
        X509 *certificate = outside(&(struct recipe){.name = name, .key = key});
        must_json(world, "cert add", bundle_json(name, certificate, NULL));
        assert_string_equal(answered(world, "key"), rows[i].word);
        must_json(world, "cert show", json_pack("{s:s}", "certificate", name));
        assert_string_equal(answered(world, "key"), rows[i].word);
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
    must(world, "cert show", "{'certificate': 'START1/web'}");
    assert_string_equal(answered(world, "key"), "ec:p256");
}

/* ---- what did not change, what is not there ---- */

static void what_is_so_already_changes_nothing(void **state)
{
    struct world *world = *state;
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    struct snapshot before = snapshot(world);
    unsigned narrowed = world->narrowed;
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'trust'}");
    assert_says(world, "did", "START1/web is TRUST already");
    check_texts(world, TEXTS("owner", "START1", "label", "web", "status", "TRUST"));
    struct snapshot after = snapshot(world);
    assert_same(&before, &after);
    assert_int_equal(world->narrowed, narrowed);
    /* HIGHTRUST is TRUST here */
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'hightrust'}");
    assert_says(world, "did", "START1/web is TRUST already");
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    assert_says(world, "did", "from TRUST to NOTRUST");
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    assert_says(world, "did", "START1/web is NOTRUST already");
}

/* What provision prints may be run again. */
static void who_is_attached_stays_so(void **state)
{
    struct world *world = *state;
    must(world, "owner attach", "{'owner': 'START1', 'uid': 4711}");
    assert_says(world, "did", "attached Unix user 4711 to START1");
    uint64_t sequence = sequence_of(world, "START1", "KEY");
    struct snapshot before = snapshot(world);
    unsigned widened = world->widened;
    must(world, "owner attach", "{'owner': 'START1', 'uid': 4711}");
    assert_says(world, "did", "Unix user 4711 is attached to START1 already");
    assert_string_equal(answered(world, "owner"), "START1");
    assert_int_equal(json_integer_value(json_object_get(world->answer, "uid")), 4711);
    struct snapshot after = snapshot(world);
    assert_same(&before, &after);
    assert_int_equal(world->widened, widened);
    assert_int_equal(sequence_of(world, "START1", "KEY"), sequence);
    must(world, "owner detach", "{'owner': 'START1', 'uid': 4711}");
    refused(world, "owner detach", "{'owner': 'START1', 'uid': 4711}", SG_E_NOT_FOUND,
            "not_attached");
}

static void lists_of_nobody_are_refused(void **state)
{
    struct world *world = *state;
    static const char *const lists[] = {"cert list", "ring list"};
    for (size_t i = 0; i < SG_COUNT(lists); i++) {
        refused(world, lists[i], "{'owner': 'NOONE'}", SG_E_NOT_FOUND, "owner_not_found");
        assert_told(world, "NOONE");
        assert_string_equal(world->err.object, "NOONE");
        must(world, lists[i], "{'owner': 'START2'}");
        assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 0);
        must(world, lists[i], "{'owner': 'CERTAUTH'}");
        must(world, lists[i], "{'owner': 'SITE'}");
        /* who may not ask does not learn who there is */
        world->caller = &stranger;
        refused(world, lists[i], "{'owner': 'NOONE'}", SG_E_DENIED, "not_authorised");
        world->caller = &administrator;
    }
}

/* ---- failures name what they are about ---- */

static void failures_name_the_object(void **state)
{
    struct world *world = *state;
    refused(world, "cert show", "{'certificate': 'MULTIID/x'}", SG_E_INPUT, "bad_owner");
    assert_string_equal(world->err.text, "\"MULTIID/x\": MULTIID is a reserved name, not an owner");
    assert_string_equal(world->err.object, "MULTIID/x");
    refused(world, "cert show", "{'certificate': '1A/x'}", SG_E_INPUT, "bad_owner");
    assert_told(world, "\"1A/x\": character 1");
    refused_json(world, "cert show", json_pack("{s:s}", "certificate", "A\x1b[31m/x"), SG_E_INPUT,
                 "bad_owner");
    assert_null(strstr(world->err.text, "["));
    refused(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}",
            SG_E_NOT_FOUND, "not_connected");
    assert_string_equal(world->err.text, "START1/web is not connected to ring START1/KEY");
    assert_string_equal(world->err.object, "START1/KEY");
    assert_told(world, "signet ring show 'START1/KEY'");
    refused(world, "ring export", "{'ring': 'START1/KEY'}", SG_E_NOT_FOUND, "nothing_to_export");
    assert_string_equal(world->err.object, "START1/KEY");
    refused(world, "cert generate",
            "{'certificate': 'START1/x', 'subject': 'CN=x', 'key': 'rsa:1024'}", SG_E_INPUT,
            "unknown_key_type");
    assert_told(world, "\"rsa:1024\" is not known");
}

/* ---- tokens that fail ---- */

static void a_pin_that_is_refused_again_is_said_so(void **state)
{
    struct world *world = *state;
    world->down = true;
    world->refuse_pin = true;
    refused(world, "token login", "{'token': 'store'}", SG_E_TOKEN, "token_unavailable");
    assert_told(world, "the token refused the PIN again: ");
    assert_told(world, "pin_file of [token store]");
    /* what is not about the PIN does not say so */
    world->refuse_pin = false;
    refused(world, "token login", "{'token': 'store'}", SG_E_TOKEN, "token_unavailable");
    assert_null(strstr(world->err.text, "PIN"));
    assert_null(strstr(world->err.hint, "pin_file"));
}

/* Its storage is taken away under the token, as a full or read-only disk would. */
static void a_token_that_cannot_write_says_where_to_look(void **state)
{
    struct world *world = *state;
    char aside[128];
    snprintf(aside, sizeof aside, "%s.aside", world->token.storage);
    assert_int_equal(rename(world->token.storage, aside), 0);
    sg_status s = ask(world, "cert generate",
                      json_of("{'certificate': 'START1/x', 'subject': 'CN=x'}"), false);
    assert_int_equal(rename(aside, world->token.storage), 0);
    world_kill_token(world);
    assert_int_equal(s, SG_E_TOKEN);
    assert_told(world, "CKR_");
    assert_non_null(strstr(world->err.hint, "storage directory is writable by the token's user"));
    assert_non_null(strstr(world->err.hint, "signet token list"));
    assert_false(has_row(world, "START1", "x"));
}

/* ---- how rings is ---- */

static void rings_as_told(void *context, struct sg_rings_state *out)
{
    *out = *(const struct sg_rings_state *)context;
}

static json_t *rings_of(struct world *world, struct sg_rings_state *rings)
{
    world->service.rings_state = rings_as_told;
    world->service.rings_context = rings;
    return json_object_get(must(world, "status", "{}"), "rings_process");
}

static void expect_rings(struct world *world, struct sg_rings_state rings, const char *word,
                         const char *state)
{
    const json_t *object = rings_of(world, &rings);
    assert_string_equal(json_string_value(json_object_get(object, "state")), word);
    assert_int_equal(json_integer_value(json_object_get(object, "restarts")), rings.restarts);
    assert_string_equal(json_string_value(json_object_get(world->answer, "state")), state);
    const json_t *due = json_object_get(object, "starts_in_s");
    const json_t *silent = json_object_get(object, "silent_s");
    assert_int_equal(due != NULL, rings.doing == SG_RINGS_RESTARTS);
    assert_int_equal(silent != NULL, rings.doing == SG_RINGS_SILENT);
    assert_int_equal(says(world, "warnings", "no program can attach to a ring"),
                     due != NULL || silent != NULL);
    if (due != NULL || silent != NULL) { /* never 0 while it is still waited for */
        assert_int_equal(json_integer_value(due != NULL ? due : silent), (rings.ms + 999) / 1000);
    }
}

static void the_status_says_how_rings_is(void **state)
{
    struct world *world = *state;
    expect_rings(world, (struct sg_rings_state){.doing = SG_RINGS_SERVES}, "serving", "ready");
    expect_rings(world, (struct sg_rings_state){.doing = SG_RINGS_STARTS, .restarts = 3},
                 "starting", "ready");
    expect_rings(world,
                 (struct sg_rings_state){.doing = SG_RINGS_RESTARTS, .ms = 12001, .restarts = 9},
                 "restarting", "degraded");
    expect_rings(world, (struct sg_rings_state){.doing = SG_RINGS_RESTARTS, .ms = 1}, "restarting",
                 "degraded");
    expect_rings(world, (struct sg_rings_state){.doing = SG_RINGS_SILENT, .ms = 11000}, "silent",
                 "degraded");
    world->service.rings_state = NULL;
    assert_null(json_object_get(must(world, "status", "{}"), "rings_process"));
}

/* Whose program cannot attach must not be an administrator to learn why. */
static void everybody_is_told_how_rings_is(void **state)
{
    struct world *world = *state;
    world->caller = &stranger;
    expect_rings(world, (struct sg_rings_state){.doing = SG_RINGS_RESTARTS, .ms = 2000},
                 "restarting", "degraded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
        TEST(rings_answer_with_their_names),
        TEST(certificates_answer_with_their_names),
        TEST(owners_answer_with_the_user),
        TEST(a_dry_run_makes_no_objects_up),
        TEST(adding_answers_with_what_was_added),
        TEST(a_bundle_answers_with_all_of_it),
        TEST(what_is_no_ca_is_called_so),
        TEST(keys_from_outside_are_called_as_ours_are),
        TEST(what_is_so_already_changes_nothing),
        TEST(who_is_attached_stays_so),
        TEST(lists_of_nobody_are_refused),
        TEST(failures_name_the_object),
        TEST(a_pin_that_is_refused_again_is_said_so),
        TEST(a_token_that_cannot_write_says_where_to_look),
        TEST(the_status_says_how_rings_is),
        TEST(everybody_is_told_how_rings_is),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
