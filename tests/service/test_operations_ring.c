/* ring … and owner …, names that try to be something else, and the lines of provision. */
#include <stdio.h>
#include <string.h>

#include <signet/policy/name.h>

#include "operations_fixture.h"

static int setup(void **state)
{
    int failed = world_setup(state);
    must(*state, "cert generate", "{'certificate': 'START1/web', 'subject': 'CN=web'}");
    must(*state, "cert generate", "{'certificate': 'START1/app', 'subject': 'CN=app'}");
    must(*state, "cert generate", "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA'}");
    must(*state, "ring add", "{'ring': 'START1/KEY'}");
    return failed;
}

static const json_t *member(const struct world *world, size_t i)
{
    return json_array_get(json_object_get(world->answer, "items"), i);
}

static void check_member(const struct world *world, size_t i, const char *label, const char *usage,
                         bool is_default, bool visible)
{
    assert_string_equal(json_string_value(json_object_get(member(world, i), "label")), label);
    assert_string_equal(json_string_value(json_object_get(member(world, i), "usage")), usage);
    assert_int_equal(json_is_true(json_object_get(member(world, i), "default")), is_default);
    assert_int_equal(json_is_true(json_object_get(member(world, i), "visible")), visible);
}

/* ---- rings ---- */

static void a_ring_is_made_once(void **state)
{
    struct world *world = *state;
    refused(world, "ring add", "{'ring': 'START1/KEY'}", SG_E_CONFLICT, "ring_exists");
    refused(world, "ring add", "{'ring': 'start1/KEY'}", SG_E_CONFLICT, "ring_exists");
    must(world, "ring add", "{'ring': 'START1/key'}");
    must(world, "ring add", "{'ring': 'START2/KEY'}");
    must(world, "ring add", "{'ring': 'NEWONE/KEY'}");
    assert_says(world, "did", "created owner NEWONE");
    refused(world, "ring add", "{'ring': 'CERTAUTH/KEY'}", SG_E_INPUT, "owner_cannot_have_rings");
    refused(world, "ring add", "{'ring': 'SITE/KEY'}", SG_E_INPUT, "owner_cannot_have_rings");
    refused(world, "ring add", "{'ring': 'START1/*'}", SG_E_INPUT, "bad_ring_name");
    refused(world, "ring add", "{'ring': 'START1/'}", SG_E_INPUT, "bad_ring_name");
    refused(world, "ring add", "{'ring': 'START1'}", SG_E_INPUT, "bad_ring_name");
}

static void a_certificate_that_no_program_takes_is_told_of(void **state)
{
    struct world *world = *state;
    const char *connect = "{'ring': 'START1/KEY', 'certificate': 'CERTAUTH/CA'}";
    must(world, "ring connect", connect);
    assert_false(says(world, "warnings", "programs refuse it"));
    world->now_s = NOW - 2 * DAY;
    must(world, "ring connect", connect);
    assert_says(world, "warnings", "CERTAUTH/CA is not valid before ");
    world->now_s = NOW + 10000 * DAY;
    must(world, "ring connect", connect);
    assert_says(world, "warnings", "CERTAUTH/CA expired on ");
}

static void connecting_goes_by_the_owner(void **state)
{
    struct world *world = *state;
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': true}");
    assert_says(world, "did", "as PERSONAL, the default");
    assert_says(world, "warnings", "placeholder");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'CERTAUTH/CA'}");
    assert_says(world, "did", "as CERTAUTH");
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/app', 'default': true}");
    assert_says(world, "did", "START1/web is no longer the default");
    must(world, "ring show", "{'ring': 'START1/KEY'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 3);
    check_member(world, 0, "app", "PERSONAL", true, true);
    check_member(world, 1, "web", "PERSONAL", false, true);
    check_member(world, 2, "CA", "CERTAUTH", false, true);
    assert_string_equal(answered(world, "token_label"), "START1/KEY");
    /* again replaces usage and default */
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/app', 'usage': 'site'}");
    assert_says(world, "did", "reconnected START1/app to START1/KEY as SITE");
    assert_says(world, "did", "START1/app is no longer the default: the ring has none");
    assert_says(world, "warnings", "no private key through this ring");
    must(world, "ring show", "{'ring': 'START1/KEY'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 3);
}

static void what_will_not_work_is_said_at_connect(void **state)
{
    struct world *world = *state;
    struct outside_ca ca;
    outside_ca_make(&ca);
    must_json(world, "cert add", bundle_json("START1/root", ca.root, NULL));
    assert_says(world, "warnings", "START1/root is a CA's");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/root'}");
    assert_says(world, "warnings", "START1/root has no private key here");
    assert_says(world, "warnings", "START1/root is self-signed");
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    assert_says(world, "warnings", "START1/web is NOTRUST");
    must(world, "cert generate",
         "{'certificate': 'START1/ed', 'subject': 'CN=ed', 'key': 'ed25519'}");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/ed'}");
    assert_says(world, "warnings", "Ed25519");
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'CERTAUTH/CA', 'usage': 'personal'}");
    assert_says(world, "warnings", "CONTROL");
    must(world, "ring show", "{'ring': 'START1/KEY'}");
    check_member(world, 1, "web", "PERSONAL", false, false);
    outside_ca_done(&ca);
}

static void a_ring_without_default_is_said(void **state)
{
    struct world *world = *state;
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    assert_says(
        world, "warnings",
        "START1/KEY has no default: programs that ask for it find none: signet ring connect "
        "'START1/KEY' 'START1/web' --usage personal --default");
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/app', 'default': true}");
    assert_false(says(world, "warnings", "no default"));
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    assert_false(says(world, "warnings", "no default")); /* another one is */
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'CERTAUTH/CA'}");
    assert_false(says(world, "warnings", "self-signed"));
    must(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    assert_false(says(world, "did", "no longer"));
    must(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'START1/app'}");
    assert_says(world, "did", "START1/app is no longer the default: the ring has none");
}

static void what_is_not_there_is_not_connected(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *params;
        sg_status status;
        const char *code;
    } rows[] = {
        {"{'ring': 'START1/NONE', 'certificate': 'START1/web'}", SG_E_NOT_FOUND, "ring_not_found"},
        {"{'ring': 'START1/key', 'certificate': 'START1/web'}", SG_E_NOT_FOUND, "ring_not_found"},
        {"{'ring': 'NOBODY/KEY', 'certificate': 'START1/web'}", SG_E_NOT_FOUND, "ring_not_found"},
        {"{'ring': 'START1/KEY', 'certificate': 'START1/none'}", SG_E_NOT_FOUND,
         "certificate_not_found"},
        {"{'ring': 'START1/KEY', 'certificate': 'START1/web', 'usage': 'PERSONALLY'}", SG_E_USAGE,
         "bad_parameter"},
        {"{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': 'yes'}", SG_E_USAGE,
         "bad_parameter"},
        {"{'ring': 'START1/KEY'}", SG_E_USAGE, "bad_parameter"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        refused(world, "ring connect", rows[i].params, rows[i].status, rows[i].code);
    }
    refused(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}",
            SG_E_NOT_FOUND, "not_connected");
    refused(world, "ring delete", "{'ring': 'START1/NONE'}", SG_E_NOT_FOUND, "ring_not_found");
    refused(world, "ring show", "{'ring': 'START1/NONE'}", SG_E_NOT_FOUND, "ring_not_found");
}

static void removing_and_deleting_keep_the_certificates(void **state)
{
    struct world *world = *state;
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/app'}");
    must(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    uint64_t certificates = counts(world).certificates;
    must(world, "ring delete", "{'ring': 'START1/KEY'}");
    assert_says(world, "did", "with 1 connection");
    assert_int_equal(counts(world).certificates, certificates);
    assert_int_equal(counts(world).connections, 0);
}

static void every_change_of_a_ring_is_told(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *operation, *params;
    } changes[] = {
        {"ring add", "{'ring': 'START1/R'}"},
        {"ring connect", "{'ring': 'START1/R', 'certificate': 'START1/web'}"},
        {"cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}"},
        {"cert alter", "{'certificate': 'START1/web', 'label': 'renamed'}"},
        {"ring remove", "{'ring': 'START1/R', 'certificate': 'START1/renamed'}"},
        {"ring delete", "{'ring': 'START1/R'}"},
        {"owner attach", "{'owner': 'START1', 'uid': 4711}"},
        {"owner detach", "{'owner': 'START1', 'uid': 4711}"},
    };
    for (size_t i = 0; i < SG_COUNT(changes); i++) {
        struct snapshot before = snapshot(world);
        unsigned narrowed = world->narrowed;
        unsigned widened = world->widened;
        world->refuse_narrow = true;
        refused(world, changes[i].operation, changes[i].params, SG_E_STORAGE, "cannot_narrow");
        world->refuse_narrow = false;
        must(world, changes[i].operation, changes[i].params);
        assert_int_equal(world->narrowed, narrowed + 2);
        assert_int_equal(world->widened, widened + 2);
        struct snapshot after = snapshot(world);
        assert_true(before.digest != after.digest);
    }
}

static void exporting(void **state)
{
    struct world *world = *state;
    refused(world, "ring export", "{'ring': 'START1/KEY'}", SG_E_NOT_FOUND, "nothing_to_export");
    refused(world, "ring export", "{'ring': 'START1/KEY', 'chain': true}", SG_E_NOT_FOUND,
            "no_default");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    refused(world, "ring export", "{'ring': 'START1/KEY'}", SG_E_NOT_FOUND, "nothing_to_export");
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': true}");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'CERTAUTH/CA'}");
    must(world, "ring export", "{'ring': 'START1/KEY'}");
    json_t *entries = json_object_get(world->answer, "entries");
    assert_int_equal(json_array_size(entries), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(entries, 0), "name")),
                        "CA");
    must(world, "ring export", "{'ring': 'START1/KEY', 'chain': true}");
    entries = json_object_get(world->answer, "entries");
    assert_int_equal(json_array_size(entries), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(entries, 0), "name")),
                        "web");
    must(world, "cert alter", "{'certificate': 'CERTAUTH/CA', 'status': 'notrust'}");
    refused(world, "ring export", "{'ring': 'START1/KEY'}", SG_E_NOT_FOUND, "nothing_to_export");
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    refused(world, "ring export", "{'ring': 'START1/KEY', 'chain': true}", SG_E_CONFLICT,
            "default_not_usable");
    refused(world, "ring export", "{'ring': 'START1/KEY', 'format': 'pem'}", SG_E_USAGE,
            "bad_parameter"); /* that is the client's */
}

static void assert_exported(const struct world *world, const char *first, const char *second,
                            const char *third)
{
    const char *const expected[] = {first, second, third};
    const json_t *entries = json_object_get(world->answer, "entries");
    size_t i = 0;
    for (; i < SG_COUNT(expected) && expected[i] != NULL; i++) {
        assert_string_equal(json_string_value(json_object_get(json_array_get(entries, i), "name")),
                            expected[i]);
    }
    assert_int_equal(json_array_size(entries), i);
}

/* As through a ring, programs are shown nothing of it; and it is said. */
static void a_chain_ends_before_what_is_not_trusted(void **state)
{
    struct world *world = *state;
    struct outside_ca ca;
    static const char export[] = "{'ring': 'START1/KEY', 'chain': true}";
    outside_ca_make(&ca);
    X509 *leaf = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", bundle_json("CERTAUTH/Root", ca.root, NULL));
    must_json(world, "cert add", bundle_json("CERTAUTH/Int", ca.intermediate, NULL));
    must_json(world, "cert add", bundle_json("START1/web", leaf, NULL));
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': true}");
    must(world, "ring export", export);
    assert_exported(world, "web", "Int", "Root");
    assert_null(json_object_get(world->answer, "warnings"));
    must(world, "cert alter", "{'certificate': 'CERTAUTH/Root', 'status': 'notrust'}");
    must(world, "ring export", export);
    assert_exported(world, "web", "Int", NULL);
    assert_says(world, "warnings", "CERTAUTH/Root, which is NOTRUST");
    assert_says(world, "warnings", "signet cert alter 'CERTAUTH/Root' --trust");
    must(world, "cert alter", "{'certificate': 'CERTAUTH/Int', 'status': 'notrust'}");
    must(world, "ring export", export);
    assert_exported(world, "web", NULL, NULL);
    assert_says(world, "warnings", "CERTAUTH/Int, which is NOTRUST");
    must(world, "cert export", "{'certificate': 'START1/web', 'chain': true}");
    assert_exported(world, "web", NULL, NULL);
    assert_says(world, "warnings", "CERTAUTH/Int, which is NOTRUST");
    must(world, "cert alter", "{'certificate': 'CERTAUTH/Int', 'status': 'trust'}");
    must(world, "cert alter", "{'certificate': 'CERTAUTH/Root', 'status': 'hightrust'}");
    must(world, "ring export", export);
    assert_exported(world, "web", "Int", "Root");
    assert_null(json_object_get(world->answer, "warnings"));
    X509_free(leaf);
    outside_ca_done(&ca);
}

/* The same CA by another certificate of it, which is trusted. */
static void a_chain_goes_around_what_is_not_trusted(void **state)
{
    struct world *world = *state;
    struct outside_ca ca;
    outside_ca_make(&ca);
    X509 *again = outside(&(struct recipe){.name = "Outside Intermediate",
                                           .key = ca.int_key,
                                           .issuer = ca.root,
                                           .signer = ca.root_key,
                                           .ca = true,
                                           .until_s = NOW + 900 * DAY});
    X509 *leaf = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", bundle_json("CERTAUTH/Root", ca.root, NULL));
    must_json(world, "cert add", bundle_json("CERTAUTH/Int", ca.intermediate, NULL));
    must_json(world, "cert add", bundle_json("CERTAUTH/Again", again, NULL));
    must_json(world, "cert add", bundle_json("START1/web", leaf, NULL));
    must(world, "cert alter", "{'certificate': 'CERTAUTH/Int', 'status': 'notrust'}");
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': true}");
    must(world, "ring export", "{'ring': 'START1/KEY', 'chain': true}");
    assert_exported(world, "web", "Again", "Root");
    assert_null(json_object_get(world->answer, "warnings"));
    X509_free(leaf);
    X509_free(again);
    outside_ca_done(&ca);
}

/* ---- names ---- */

static bool check_found(const struct world *world, const char *code)
{
    for (size_t i = 0; member(world, i) != NULL; i++) {
        if (strcmp(json_string_value(json_object_get(member(world, i), "code")), code) == 0) {
            return true;
        }
    }
    return false;
}

/* A name that is cut to fit a token's label, and another that reads like what is left of it. */
static void two_rings_of_one_token_label_are_told_of(void **state)
{
    struct world *world = *state;
    static const char long_name[] = "averylongringnamethatgoesbeyondthirtytwobytes";
    struct sg_ring_ref ring = {.owner = {.text = "START1"}};
    char label[33] = "";
    snprintf(ring.ring.text, sizeof ring.ring.text, "%s", long_name);
    sg_name_token_label(&ring, label);
    must_json(world, "ring add", json_pack("{s:s+}", "ring", "START1/", long_name));
    assert_null(json_object_get(world->answer, "warnings"));
    must(world, "ring check", "{'ring': 'START1/KEY'}");
    assert_false(check_found(world, "same_token_label"));
    must_json(world, "ring check", json_pack("{s:s+}", "ring", "START1/", long_name));
    assert_false(check_found(world, "same_token_label"));
    must_json(world, "ring add", json_pack("{s:s}", "ring", label));
    assert_says(world, "warnings", "same token label as ring START1/averylong");
    must_json(world, "ring check", json_pack("{s:s}", "ring", label));
    assert_true(check_found(world, "same_token_label"));
    must_json(world, "ring check", json_pack("{s:s+}", "ring", "START1/", long_name));
    assert_true(check_found(world, "same_token_label"));
}

static void names_are_data(void **state)
{
    struct world *world = *state;
    static const char *const names[] = {"it's",
                                        "a\"quote",
                                        "a/slash/or two",
                                        "../../etc/passwd",
                                        "%s%n%p",
                                        "'; DROP TABLE certificate; --",
                                        "$(reboot) `reboot`",
                                        "\\\\server",
                                        "Schl\xC3\xBCssel \xE2\x82\xAC",
                                        "*x?",
                                        "-rf"};
    for (size_t i = 0; i < SG_COUNT(names); i++) {
        char certificate[100];
        char ring[100];
        snprintf(certificate, sizeof certificate, "START1/%s", names[i]);
        snprintf(ring, sizeof ring, "START1/%s", names[i]);
        must_json(world, "cert generate",
                  json_pack("{s:s, s:s}", "certificate", certificate, "subject", "CN=x"));
        assert_string_equal(answered(world, "label"), names[i]);
        assert_says(world, "did", certificate);
        must_json(world, "ring add", json_pack("{s:s}", "ring", ring));
        must_json(world, "ring connect",
                  json_pack("{s:s, s:s}", "ring", ring, "certificate", certificate));
        must_json(world, "ring show", json_pack("{s:s}", "ring", ring));
        assert_string_equal(answered(world, "ring"), names[i]);
        refused_json(world, "cert delete", json_pack("{s:s}", "certificate", certificate),
                     SG_E_CONFLICT, "in_use");
        assert_string_equal(world->err.object, certificate);
        /* a hint is pasted into a shell */
        if (strchr(names[i], '\'') != NULL) {
            assert_null(strstr(world->err.hint, certificate));
            assert_told(world, "'\\''");
        }
        must_json(world, "ring delete", json_pack("{s:s}", "ring", ring));
        must_json(world, "cert delete", json_pack("{s:s}", "certificate", certificate));
    }
    assert_int_equal(counts(world).certificates, 3);
}

static char *repeated(const char *owner, const char *unit, size_t times)
{
    static char text[4000];
    size_t used = (size_t)snprintf(text, sizeof text, "%s/", owner);
    for (size_t i = 0; i < times; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s", unit);
    }
    return text;
}

static void bad_names_are_refused(void **state)
{
    struct world *world = *state;
    static const char *const bad[] = {"a\nb",     "a\rb",         "\x1b[31m", "a\x7f",
                                      "\xC2\x85", "\xE2\x80\xA8", "",         " a"};
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        char name[64];
        snprintf(name, sizeof name, "START1/%s", bad[i]);
        refused_json(world, "cert generate",
                     json_pack("{s:s, s:s}", "certificate", name, "subject", "CN=x"), SG_E_INPUT,
                     "bad_label");
        refused_json(world, "ring add", json_pack("{s:s}", "ring", name), SG_E_INPUT,
                     "bad_ring_name");
    }
    /* not UTF-8: JSON does not carry it, but a caller in the same process could */
    json_t *params = json_pack("{s:s}", "subject", "CN=x");
    json_object_set_new(params, "certificate", json_stringn_nocheck("START1/\xC3(", 9));
    refused_json(world, "cert generate", params, SG_E_INPUT, "bad_label");
    params = json_object();
    json_object_set_new(params, "ring", json_stringn_nocheck("START1/\xFF", 8));
    refused_json(world, "ring add", params, SG_E_INPUT, "bad_ring_name");
    /* lengths count characters */
    refused_json(
        world, "cert generate",
        json_pack("{s:s, s:s}", "certificate", repeated("START1", "x", 33), "subject", "CN=x"),
        SG_E_INPUT, "bad_label");
    refused_json(world, "ring add", json_pack("{s:s}", "ring", repeated("START1", "x", 238)),
                 SG_E_INPUT, "bad_ring_name");
    refused_json(world, "owner add", json_pack("{s:s}", "owner", repeated("A", "x", 40)),
                 SG_E_INPUT, "bad_owner");
    must_json(world, "cert generate",
              json_pack("{s:s, s:s}", "certificate", repeated("START1", "\xC3\xA4", 32), "subject",
                        "CN=x"));
}

/* The longest names of all, in sentences that are cut: the answer stays JSON. */
static void the_longest_names_are_told_as_far_as_they_go(void **state)
{
    struct world *world = *state;
    char ring[4000];
    snprintf(ring, sizeof ring, "%s", repeated("START1", "\xE2\x82\xAC", 237));
    must_json(world, "ring add", json_pack("{s:s}", "ring", ring));
    must_json(world, "ring connect",
              json_pack("{s:s, s:s}", "ring", ring, "certificate", "START1/web"));
    snprintf(ring, sizeof ring, "%s", repeated("START1", "\xF0\x9F\x94\x91", 237));
    must_json(world, "ring add", json_pack("{s:s}", "ring", ring));
    must_json(world, "ring connect",
              json_pack("{s:s, s:s}", "ring", ring, "certificate", "START1/web"));
    refused(world, "cert delete", "{'certificate': 'START1/web'}", SG_E_CONFLICT, "in_use");
    must_json(world, "ring delete", json_pack("{s:s}", "ring", ring));
    /* and names from outside, cut in the middle of the sentence */
    EVP_PKEY *key = new_key();
    static const char sign[] = "\xF0\x9F\x94\x91";
    char name[65] = "";
    for (size_t i = 0; i < 16; i++) {
        memcpy(name + i * (sizeof sign - 1), sign, sizeof sign);
    }
    X509 *root = outside(&(struct recipe){.name = name, .key = key, .ca = true});
    must_json(world, "cert add", bundle_json("CERTAUTH", root, NULL));
    X509_free(root);
    EVP_PKEY_free(key);
}

/* ---- owners ---- */

static void owners(void **state)
{
    struct world *world = *state;
    refused(world, "owner add", "{'owner': 'START1'}", SG_E_CONFLICT, "owner_exists");
    refused(world, "owner add", "{'owner': 'start1'}", SG_E_CONFLICT, "owner_exists");
    refused(world, "owner add", "{'owner': 'CERTAUTH'}", SG_E_INPUT, "bad_owner");
    refused(world, "owner add", "{'owner': 'SITE'}", SG_E_INPUT, "bad_owner");
    refused(world, "owner add", "{'owner': 'irrcerta'}", SG_E_INPUT, "bad_owner");
    refused(world, "owner add", "{'owner': '1A'}", SG_E_INPUT, "bad_owner");
    must(world, "owner attach", "{'owner': 'START1', 'uid': 4711}");
    must(world, "owner attach", "{'owner': 'START2', 'uid': 4711}");
    refused(world, "owner attach", "{'owner': 'START1', 'uid': 65534}", SG_E_INPUT, "overflow_uid");
    refused(world, "owner attach", "{'owner': 'START1', 'uid': -1}", SG_E_USAGE, "bad_parameter");
    refused(world, "owner attach", "{'owner': 'START1', 'uid': 4294967295}", SG_E_USAGE,
            "bad_parameter");
    refused(world, "owner attach", "{'owner': 'START1', 'uid': '4711'}", SG_E_USAGE,
            "bad_parameter");
    refused(world, "owner attach", "{'owner': 'CERTAUTH', 'uid': 4711}", SG_E_INPUT, "bad_owner");
    must(world, "owner detach", "{'owner': 'START1', 'uid': 4711}");
    refused(world, "owner detach", "{'owner': 'START1', 'uid': 4711}", SG_E_NOT_FOUND,
            "not_attached");
    refused(world, "owner detach", "{'owner': 'NOBODY', 'uid': 4711}", SG_E_NOT_FOUND,
            "not_attached");
    must(world, "owner attach", "{'owner': 'NEWONE', 'uid': 12}");
    assert_says(world, "did", "created owner NEWONE");
}

static void lists_show_what_the_caller_may_see(void **state)
{
    struct world *world = *state;
    must(world, "ring add", "{'ring': 'START2/KEY'}");
    must(world, "owner list", "{}");
    assert_true(json_array_size(json_object_get(world->answer, "items")) >= 4);
    must(world, "ring list", "{}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 2);
    world->caller = &owner_of_start1;
    must(world, "owner list", "{}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 1);
    must(world, "ring list", "{}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 1);
    must(world, "cert list", "{'limit': 2}"); /* CERTAUTH's come first in the store */
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 2);
    refused(world, "ring list", "{'owner': 'START2'}", SG_E_DENIED, "not_authorised");
    refused(world, "cert list", "{'owner': 'CERTAUTH'}", SG_E_DENIED, "not_authorised");
    world->caller = &stranger;
    must(world, "owner list", "{}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 0);
    must(world, "cert list", "{}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 0);
    must(world, "status", "{}");
    assert_null(json_object_get(world->answer, "store"));
    assert_null(json_object_get(world->answer, "tokens"));
    world->caller = &administrator;
    must(world, "status", "{}");
    assert_string_equal(answered(world, "state"), "ready");
    assert_non_null(json_object_get(world->answer, "tokens"));
    world->down = true;
    must(world, "status", "{}");
    assert_string_equal(answered(world, "state"), "degraded");
}

static void logging_in_keeps_its_own_records(void **state)
{
    struct world *world = *state;
    must(world, "token login", "{'token': 'store'}");
    assert_int_equal(world->logins, 1);
    world->down = true;
    refused(world, "token login", "{'token': 'store'}", SG_E_TOKEN, "token_unavailable");
    refused(world, "token login", "{'token': 'other'}", SG_E_NOT_FOUND, "token_not_found");
    world->caller = &owner_of_start1;
    refused(world, "token login", "{'token': 'store'}", SG_E_DENIED, "not_authorised");
    assert_int_equal(world->logins, 3);
}

/* ---- provision ---- */

static unsigned times(const char *text, const char *part)
{
    unsigned found = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        found++;
    }
    return found;
}

static void provision_writes_lines_without_a_pin(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'START1/50% & more/x', 'subject': 'CN=x'}");
    must(world, "ring add", "{'ring': 'START1/my ring;pin-value=1'}");
    must(world, "ring connect",
         "{'ring': 'START1/my ring;pin-value=1',"
         " 'certificate': 'START1/50% & more/x', 'default': true}");
    must(world, "provision", "{'program': 'nginx', 'ring': 'START1/my ring;pin-value=1'}");
    const char *text = answered(world, "text");
    assert_non_null(strstr(text, "pkcs11:token=START1%2Fmy%20ring%3Bpin-value%3D1;id=%"));
    assert_non_null(strstr(text, "# of 'START1/50% & more/x' is named by its id"));
    assert_null(strstr(text, "object="));
    /* only as the ring is called, quoted, in a comment */
    assert_true(times(text, "pin-value=") == times(text, "'START1/my ring;pin-value=1'"));
    assert_null(strstr(answered(world, "pkcs11_uri"), "pin-value="));
    assert_null(strstr(text, "pin-source"));
    assert_non_null(strstr(text, "unix:path=/run/test/pkcs11.sock"));
    assert_non_null(strstr(text, answered(world, "pkcs11_uri")));
    must(world, "provision", "{'program': 'java', 'ring': 'START1/my ring;pin-value=1'}");
    assert_non_null(strstr(answered(world, "text"), "slot = "));
    assert_null(strstr(answered(world, "text"), "PIN"));
}

/* Another ring's anchors, by its own slot; the same ring's when none is named. */
static void provision_takes_anchors_from_another_ring(void **state)
{
    struct world *world = *state;
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': true}");
    must(world, "ring add", "{'ring': 'START1/TRUST'}");
    must(world, "ring show", "{'ring': 'START1/TRUST'}");
    long long slot = json_integer_value(json_object_get(world->answer, "slot"));
    char line[64];
    snprintf(line, sizeof line, "slot = %lld\n", slot);
    must(world, "provision", "{'program': 'java', 'ring': 'START1/KEY'}");
    assert_null(strstr(answered(world, "text"), line));
    must(world, "provision",
         "{'program': 'java', 'ring': 'START1/KEY', 'trust_ring': 'START1/TRUST'}");
    assert_non_null(strstr(answered(world, "text"), line));
    refused(world, "provision",
            "{'program': 'java', 'ring': 'START1/KEY', 'trust_ring': 'START1/NONE'}",
            SG_E_NOT_FOUND, "ring_not_found");
    /* for programs that read files, the ring is named in the command that writes them */
    must(world, "provision",
         "{'program': 'postgresql', 'ring': 'START1/KEY', 'trust_ring': 'START1/TRUST'}");
    assert_non_null(strstr(answered(world, "text"), "ring export 'START1/TRUST' --format pem"));
}

static void provision_needs_a_usable_key(void **state)
{
    struct world *world = *state;
    static const char ask_nginx[] = "{'program': 'nginx', 'ring': 'START1/KEY'}";
    refused(world, "provision", ask_nginx, SG_E_NOT_FOUND, "no_usable_key");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'CERTAUTH/CA'}");
    refused(world, "provision", ask_nginx, SG_E_NOT_FOUND, "no_usable_key");
    must(world, "cert generate",
         "{'certificate': 'START1/ed', 'subject': 'CN=ed', 'key': 'ed25519'}");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/ed'}");
    refused(world, "provision", ask_nginx, SG_E_NOT_FOUND, "no_usable_key");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    must(world, "provision", ask_nginx);
    assert_says(world, "warnings", "no default");
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    refused(world, "provision", ask_nginx, SG_E_NOT_FOUND, "no_usable_key");
    refused(world, "provision", "{'program': 'emacs', 'ring': 'START1/KEY'}", SG_E_USAGE,
            "bad_parameter");
    refused(world, "provision", "{'program': 'nginx', 'ring': 'START1/NONE'}", SG_E_NOT_FOUND,
            "ring_not_found");
}

/* A trust store is one ring; who names two wants to be somebody by the first. */
static void provision_of_anchors_alone_is_of_one_ring(void **state)
{
    struct world *world = *state;
    must(world, "ring add", "{'ring': 'START1/TRUST'}");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'CERTAUTH/CA'}");
    must(world, "provision", "{'program': 'java', 'ring': 'START1/KEY'}");
    assert_non_null(strstr(answered(world, "text"), "trust anchors alone"));
    must(world, "provision",
         "{'program': 'java', 'ring': 'START1/KEY', 'trust_ring': 'START1/KEY'}");
    assert_non_null(strstr(answered(world, "text"), "trust anchors alone"));
    refused(world, "provision",
            "{'program': 'java', 'ring': 'START1/KEY', 'trust_ring': 'START1/TRUST'}",
            SG_E_NOT_FOUND, "no_usable_key");
    refused(world, "provision",
            "{'program': 'postgresql', 'ring': 'START1/KEY', 'trust_ring': 'START1/TRUST'}",
            SG_E_NOT_FOUND, "no_usable_key");
    refused(world, "provision",
            "{'program': 'java', 'ring': 'START1/TRUST', 'trust_ring': 'START1/KEY'}",
            SG_E_NOT_FOUND, "no_usable_key");
}

/* ---- issuers, which no ring holds ---- */

/* Runs dry first, which counts nothing. */
static void counts_in_key(struct world *world, const char *operation, const char *params,
                          bool counts)
{
    uint64_t before = sequence_of(world, "START1", "KEY");
    assert_int_equal(ask(world, operation, json_of(params), true), SG_OK);
    assert_int_equal(sequence_of(world, "START1", "KEY"), before);
    must(world, operation, params);
    if ((sequence_of(world, "START1", "KEY") > before) != counts) {
        print_error("%s %s: %s\n", operation, params, counts ? "not counted" : "counted");
        fail();
    }
}

static void a_ring_follows_the_issuers_of_its_keys(void **state)
{
    struct world *world = *state;
    must(world, "cert generate",
         "{'certificate': 'CERTAUTH/Int', 'subject': 'CN=Int', 'usage': ['certsign'],"
         " 'signed_by': 'CERTAUTH/CA'}");
    must(world, "cert generate",
         "{'certificate': 'START1/leaf', 'subject': 'CN=leaf', 'signed_by': 'CERTAUTH/Int'}");
    connect_as(world, "START1/KEY", "START1/leaf", "personal", true);
    counts_in_key(world, "cert alter", "{'certificate': 'CERTAUTH/Int', 'label': 'Int 2'}", true);
    counts_in_key(world, "cert alter", "{'certificate': 'CERTAUTH/CA', 'status': 'notrust'}", true);
    counts_in_key(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}", false);
    counts_in_key(world, "cert generate",
                  "{'certificate': 'START2/leaf', 'subject': 'CN=Int', 'usage': ['certsign']}",
                  false);
    counts_in_key(world, "cert generate",
                  "{'certificate': 'START1/Int', 'subject': 'CN=Int', 'usage': ['certsign']}",
                  true);
    counts_in_key(world, "cert delete", "{'certificate': 'CERTAUTH/Int 2', 'force': true}", true);
}

/* Placeholders are often called the same. */
static void what_signed_itself_follows_nobody(void **state)
{
    struct world *world = *state;
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    counts_in_key(world, "cert generate", "{'certificate': 'START1/w2', 'subject': 'CN=web'}",
                  false);
    counts_in_key(world, "cert delete", "{'certificate': 'START1/w2'}", false);
    counts_in_key(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
        TEST(a_ring_is_made_once),
        TEST(a_certificate_that_no_program_takes_is_told_of),
        TEST(connecting_goes_by_the_owner),
        TEST(what_will_not_work_is_said_at_connect),
        TEST(a_ring_without_default_is_said),
        TEST(what_is_not_there_is_not_connected),
        TEST(removing_and_deleting_keep_the_certificates),
        TEST(every_change_of_a_ring_is_told),
        TEST(exporting),
        TEST(a_chain_ends_before_what_is_not_trusted),
        TEST(a_chain_goes_around_what_is_not_trusted),
        TEST(two_rings_of_one_token_label_are_told_of),
        TEST(names_are_data),
        TEST(bad_names_are_refused),
        TEST(the_longest_names_are_told_as_far_as_they_go),
        TEST(owners),
        TEST(a_ring_follows_the_issuers_of_its_keys),
        TEST(what_signed_itself_follows_nobody),
        TEST(lists_show_what_the_caller_may_see),
        TEST(logging_in_keeps_its_own_records),
        TEST(provision_writes_lines_without_a_pin),
        TEST(provision_takes_anchors_from_another_ring),
        TEST(provision_needs_a_usable_key),
        TEST(provision_of_anchors_alone_is_of_one_ring),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
