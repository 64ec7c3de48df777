/* ring check: every finding, what it says and what it suggests; a sound ring has none. */
#include <string.h>

#include "operations_fixture.h"

static const char make_ca[] = "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA', 'days': 3650}";
static const char make_web[] =
    "{'certificate': 'START1/web', 'subject': 'CN=web', 'san': ['dns:www.example.com',"
    " 'dns:*.apps.example.com', 'ip:192.0.2.7', 'ip:2001:db8::1'], 'eku': ['serverAuth'],"
    " 'days': 300, 'signed_by': 'CERTAUTH/CA'}";

static void connect(struct world *world, const char *certificate, const char *usage, bool first)
{
    must_json(world, "ring connect",
              json_pack("{s:s, s:s, s:s, s:b}", "ring", "START1/R", "certificate", certificate,
                        "usage", usage, "default", (int)first));
}

/* A ring as it should be. */
static void make_sound(struct world *world)
{
    must(world, "cert generate", make_ca);
    must(world, "cert generate", make_web);
    must(world, "ring add", "{'ring': 'START1/R'}");
    connect(world, "START1/web", "personal", true);
    connect(world, "CERTAUTH/CA", "certauth", false);
}

static json_t *check(struct world *world, const char *more)
{
    char params[300];
    snprintf(params, sizeof params, "{'ring': 'START1/R'%s}", more);
    return must(world, "ring check", params);
}

static const json_t *find(const struct world *world, const char *code)
{
    size_t i = 0;
    const json_t *item = NULL;
    json_array_foreach(json_object_get(world->answer, "items"), i, item)
    {
        if (strcmp(json_string_value(json_object_get(item, "code")), code) == 0) {
            return item;
        }
    }
    return NULL;
}

/* There is this finding, of this gravity, about this one, with this in its sentence and this to be
 * done. */
static void assert_found(const struct world *world, const char *severity, const char *code,
                         const char *certificate, const char *says, const char *next)
{
    const json_t *item = find(world, code);
    if (item == NULL) {
        char *text = json_dumps(world->answer, JSON_INDENT(1));
        fail_msg("no finding %s in %s", code, text);
        free(text);
        return;
    }
    assert_string_equal(json_string_value(json_object_get(item, "severity")), severity);
    const char *named = json_string_value(json_object_get(item, "certificate"));
    assert_string_equal(named != NULL ? named : "-", certificate != NULL ? certificate : "-");
    const char *text = json_string_value(json_object_get(item, "text"));
    if (strstr(text, says) == NULL) {
        fail_msg("%s says \"%s\"", code, text);
    }
    const char *command = json_string_value(json_object_get(item, "next"));
    if (strstr(command != NULL ? command : "-", next != NULL ? next : "-") == NULL) {
        fail_msg("%s suggests \"%s\"", code, command);
    }
    bool error = strcmp(severity, "error") == 0;
    assert_true(!error || json_is_false(json_object_get(world->answer, "ok")));
}

static size_t found(const struct world *world)
{
    return json_array_size(json_object_get(world->answer, "items"));
}

static void a_sound_ring_has_no_findings(void **state)
{
    struct world *world = *state;
    make_sound(world);
    static const char *const hosts[] = {"www.example.com", "WWW.EXAMPLE.COM",
                                        "one.apps.example.com", "192.0.2.7", "2001:DB8:0::1"};
    for (size_t i = 0; i < SG_COUNT(hosts); i++) {
        char more[100];
        snprintf(more, sizeof more, ", 'host': '%s'", hosts[i]);
        check(world, more);
        assert_int_equal(found(world), 0);
        assert_true(json_is_true(json_object_get(world->answer, "ok")));
    }
    assert_string_equal(answered(world, "identity"), "START1/web");
    assert_string_equal(answered(world, "owner"), "START1");
    assert_string_equal(answered(world, "ring"), "R");
}

static void a_name_that_is_not_in_the_certificate_is_told(void **state)
{
    struct world *world = *state;
    make_sound(world);
    static const char *const hosts[] = {"example.com",
                                        "web",
                                        "a.b.apps.example.com",
                                        ".apps.example.com",
                                        "apps.example.com",
                                        "*.example.com",
                                        "192.0.2.8",
                                        "2001:db8::2",
                                        "www.example.com."};
    for (size_t i = 0; i < SG_COUNT(hosts); i++) {
        char more[100];
        snprintf(more, sizeof more, ", 'host': '%s'", hosts[i]);
        check(world, more);
        assert_found(world, "error", "host_not_named", "START1/web", "dns:www.example.com",
                     "signet cert request 'START1/web' --san ");
        assert_int_equal(found(world), 1);
    }
}

static void an_issuer_in_the_store_is_not_one_in_the_ring(void **state)
{
    struct world *world = *state;
    make_sound(world);
    must(world, "ring remove", "{'ring': 'START1/R', 'certificate': 'CERTAUTH/CA'}");
    check(world, "");
    assert_found(world, "error", "chain_incomplete", "START1/web", "\"CN=CA\" is missing",
                 "signet ring connect 'START1/R' 'CERTAUTH/CA' --usage certauth");
    world->caller = &owner_of_start1; /* who may not know what CERTAUTH has */
    check(world, "");
    assert_found(world, "error", "chain_incomplete", "START1/web", "\"CN=CA\" is missing",
                 "signet cert add CERTAUTH FILE");
    world->caller = &administrator;
    connect(world, "CERTAUTH/CA", "certauth", false);
    must(world, "cert alter", "{'certificate': 'CERTAUTH/CA', 'status': 'notrust'}");
    check(world, "");
    assert_found(world, "error", "chain_incomplete", "START1/web", "is missing", "signet");
    assert_found(world, "warning", "hidden", "CERTAUTH/CA", "NOTRUST",
                 "signet cert alter 'CERTAUTH/CA' --trust");
}

static void a_ring_without_a_default_is_told(void **state)
{
    struct world *world = *state;
    make_sound(world);
    connect(world, "START1/web", "personal", false);
    check(world, "");
    assert_found(world, "warning", "no_default", "START1/web", "no default",
                 "signet ring connect 'START1/R' 'START1/web' --usage personal --default");
    assert_true(json_is_true(json_object_get(world->answer, "ok")));
}

static void a_default_that_cannot_serve_is_an_error(void **state)
{
    struct world *world = *state;
    make_sound(world);
    connect(world, "START1/web", "certauth", true);
    check(world, "");
    assert_found(world, "error", "default_not_usable", "START1/web", "not connected as PERSONAL",
                 "'START1/web' --usage personal --default");
    /* a CA is no server: another one is */
    connect(world, "START1/web", "personal", false);
    connect(world, "CERTAUTH/CA", "certauth", true);
    check(world, "");
    assert_found(world, "error", "default_not_usable", "CERTAUTH/CA", "not connected as PERSONAL",
                 "signet ring connect 'START1/R' 'START1/web' --usage personal --default");
    must(world, "ring remove", "{'ring': 'START1/R', 'certificate': 'START1/web'}");
    check(world, "");
    assert_found(world, "error", "default_not_usable", "CERTAUTH/CA", "not connected as PERSONAL",
                 "signet ring connect 'START1/R' 'START1/LABEL' --usage personal --default");
    connect(world, "CERTAUTH/CA", "certauth", false);
    connect(world, "START1/web", "personal", true);
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    check(world, "");
    assert_found(world, "error", "default_not_usable", "START1/web", "NOTRUST",
                 "signet cert alter 'START1/web' --trust");
    must(world, "cert generate",
         "{'certificate': 'START1/ed', 'subject': 'CN=ed', 'key': 'ed25519'}");
    connect(world, "START1/ed", "personal", true);
    check(world, "");
    assert_found(world, "error", "default_not_usable", "START1/ed", "Ed25519",
                 "signet ring connect 'START1/R' 'START1/LABEL' --usage personal --default");
    must(world, "cert generate", "{'certificate': 'START2/web', 'subject': 'CN=other'}");
    connect(world, "START2/web", "personal", true);
    check(world, "");
    assert_found(world, "error", "default_not_usable", "START2/web", "private key", "personal");
    assert_found(world, "warning", "key_not_deliverable", "START1/ed", "Ed25519",
                 "signet ring remove 'START1/R' 'START1/ed'");
}

static void a_ring_with_nobody_to_serve_is_told(void **state)
{
    struct world *world = *state;
    make_sound(world);
    must(world, "ring remove", "{'ring': 'START1/R', 'certificate': 'START1/web'}");
    check(world, "");
    assert_found(world, "note", "no_personal", NULL, "truststore", "--usage personal --default");
    assert_true(json_is_true(json_object_get(world->answer, "ok")));
    check(world, ", 'host': 'www.example.com'");
    assert_found(world, "error", "no_personal", NULL, "truststore", "personal");
    check(world, ", 'mq': true");
    assert_found(world, "error", "no_personal", NULL, "truststore", "personal");
    must(world, "cert generate",
         "{'certificate': 'START1/ed', 'subject': 'CN=ed', 'key': 'ed25519'}");
    connect(world, "START1/ed", "personal", false);
    check(world, "");
    assert_found(world, "error", "no_usable_key", NULL, "none of the PERSONAL", "signet");
    must(world, "ring remove", "{'ring': 'START1/R', 'certificate': 'START1/ed'}");
    must(world, "ring remove", "{'ring': 'START1/R', 'certificate': 'CERTAUTH/CA'}");
    check(world, "");
    assert_found(world, "error", "ring_empty", NULL, "holds nothing", "signet ring connect");
    assert_int_equal(found(world), 1);
}

static void time_is_told_before_it_runs_out(void **state)
{
    struct world *world = *state;
    make_sound(world);
    world->now_s = NOW + 280 * DAY;
    check(world, ", 'days': 10");
    assert_int_equal(found(world), 0);
    check(world, "");
    assert_found(world, "warning", "expires_soon", "START1/web", "expires in 20 days",
                 "signet cert request 'START1/web'");
    world->now_s = NOW + 300 * DAY + 1;
    check(world, "");
    assert_found(world, "error", "expired", "START1/web", "expired on 2027-08-10", "cert request");
    world->now_s = NOW - 1;
    check(world, "");
    assert_found(world, "error", "not_yet_valid", "START1/web", "2026-10-14", NULL);
    world->now_s = NOW;
    /* an old root that nobody here needs is no error */
    EVP_PKEY *key = new_key();
    X509 *old = outside(&(struct recipe){
        .name = "old root", .key = key, .from_s = NOW - 9 * DAY, .until_s = NOW + DAY, .ca = true});
    must_json(world, "cert add", bundle_json("CERTAUTH/old", old, NULL));
    connect(world, "CERTAUTH/old", "certauth", false);
    world->now_s = NOW + 2 * DAY;
    check(world, "");
    assert_found(world, "warning", "expired", "CERTAUTH/old", "expired on",
                 "signet ring remove 'START1/R' 'CERTAUTH/old'");
    assert_true(json_is_true(json_object_get(world->answer, "ok")));
    X509_free(old);
    EVP_PKEY_free(key);
}

static void small_keys_are_told_before_a_peer_does(void **state)
{
    struct world *world = *state;
    make_sound(world);
    must(world, "cert generate",
         "{'certificate': 'START1/rsa', 'subject': 'CN=rsa', 'key': 'rsa:2048',"
         " 'signed_by': 'CERTAUTH/CA'}");
    connect(world, "START1/rsa", "personal", false);
    check(world, "");
    assert_null(find(world, "rsa_too_small"));
    check(world, ", 'minimum_rsa': 2049");
    assert_found(world, "warning", "rsa_too_small", "START1/rsa", "2048 bits", "--key rsa:3072");
    connect(world, "START1/rsa", "personal", true);
    check(world, ", 'minimum_rsa': 4096, 'mq': true");
    assert_found(world, "error", "rsa_too_small", "START1/rsa", "MinimumRSAKeySize",
                 "--key rsa:4096");
    assert_found(world, "note", "mq_label", "START1/rsa", "CERTLABL", "ALTER QMGR CERTLABL('rsa')");
}

static void what_is_too_trusting_or_ambiguous_is_told(void **state)
{
    struct world *world = *state;
    make_sound(world);
    must(world, "cert generate", "{'certificate': 'SITE/partner', 'subject': 'CN=partner'}");
    connect(world, "SITE/partner", "site", false);
    check(world, "");
    assert_found(world, "warning", "site_usage", "SITE/partner", "WITHOUT VALIDATING",
                 "signet ring connect 'START1/R' 'SITE/partner' --usage certauth");
    must(world, "cert generate",
         "{'certificate': 'START1/twin', 'subject': 'CN=web', 'signed_by': 'CERTAUTH/CA'}");
    connect(world, "START1/twin", "personal", false);
    check(world, "");
    assert_found(world, "warning", "same_subject", "START1/twin", "START1/web",
                 "signet ring remove 'START1/R' 'START1/twin'");
    must(world, "cert generate",
         "{'certificate': 'CERTAUTH/CA 2', 'subject': 'CN=CA', 'key': 'ed25519'}");
    connect(world, "CERTAUTH/CA 2", "certauth", false);
    must(world, "ring remove", "{'ring': 'START1/R', 'certificate': 'START1/twin'}");
    check(world, "");
    assert_found(world, "note", "same_subject", "CERTAUTH/CA 2", "rolls over", "'CERTAUTH/CA 2'");
    assert_found(world, "note", "ed25519", "CERTAUTH/CA 2", "Ed25519", NULL);
}

static void labels_of_several_owners_are_told(void **state)
{
    struct world *world = *state;
    make_sound(world);
    must(world, "cert generate", "{'certificate': 'SITE/anchor', 'subject': 'CN=anchor'}");
    must(world, "cert generate", "{'certificate': 'CERTAUTH/anchor', 'subject': 'CN=anchor CA'}");
    connect(world, "SITE/anchor", "certauth", false);
    connect(world, "CERTAUTH/anchor", "certauth", false);
    check(world, "");
    assert_false(find(world, "same_label") != NULL);
    must(world, "cert generate", "{'certificate': 'CERTAUTH/web', 'subject': 'CN=web CA'}");
    connect(world, "CERTAUTH/web", "certauth", false);
    check(world, "");
    assert_found(world, "warning", "same_label", "CERTAUTH/web", "same label as START1/web",
                 "signet cert alter 'CERTAUTH/web' --label NEW-LABEL");
    must(world, "cert alter", "{'certificate': 'CERTAUTH/web', 'status': 'notrust'}");
    check(world, "");
    assert_false(find(world, "same_label") != NULL);
}

static void what_no_ca_has_signed_is_told(void **state)
{
    struct world *world = *state;
    make_sound(world);
    must(world, "cert generate",
         "{'certificate': 'START1/new', 'subject': 'CN=new', 'eku': ['clientAuth'],"
         " 'san': ['dns:new']}");
    connect(world, "START1/new", "personal", true);
    check(world, ", 'host': 'new'");
    assert_found(world, "warning", "placeholder", "START1/new", "no CA has answered",
                 "signet cert request 'START1/new'");
    assert_found(world, "error", "not_for_servers", "START1/new", "serverAuth",
                 "signet cert request 'START1/new' --eku serverAuth");
    check(world, "");
    assert_null(find(world, "not_for_servers"));
}

/* Its issuer is a name that nothing has: none is missing. */
static void a_placeholder_without_a_subject_is_one(void **state)
{
    struct world *world = *state;
    must(world, "cert generate",
         "{'certificate': 'START1/web', 'subject': '', 'san': ['dns:www.example.com']}");
    must(world, "ring add", "{'ring': 'START1/R'}");
    connect(world, "START1/web", "personal", true);
    check(world, "");
    assert_found(world, "warning", "placeholder", "START1/web", "no CA has answered",
                 "signet cert request 'START1/web'");
    assert_null(find(world, "malformed"));
    assert_null(find(world, "chain_incomplete"));
    assert_null(find(world, "chain_broken"));
    assert_true(json_is_true(json_object_get(world->answer, "ok")));
    must(world, "cert rekey", "{'certificate': 'START1/web', 'label': 'web-2'}");
    connect(world, "START1/web-2", "personal", true);
}

static void a_stricter_policy_is_told_of_what_is_there(void **state)
{
    struct world *world = *state;
    make_sound(world);
    world->service.policy = sg_crypto_policy_of(SG_PROFILE_BROWSER);
    check(world, "");
    assert_found(world, "warning", "policy_validity", "START1/web", "leaf_days_max", NULL);
    assert_int_equal(found(world), 1);
}

static void a_token_that_serves_nobody_is_told(void **state)
{
    struct world *world = *state;
    static const struct {
        enum sg_serving serving;
        const char *severity, *code, *says, *next;
    } rows[] = {
        {SG_SERVES_WHEN_TOLD, "error", "token_unavailable",
         "token \"store\" waits for an operator: its PIN was refused", "signet token login store"},
        {SG_SERVES_NOT, "error", "token_unavailable", "token \"store\" is not available",
         "signet token login store"},
        {SG_SERVES_NOBODY, "error", "token_unavailable", "token \"store\" does not answer",
         "signet status"},
        {SG_SERVES_NO_MORE, "error", "token_unavailable", "token \"store\" is not configured",
         "signet status"},
        {SG_SERVES_SOON, "warning", "token_unavailable", "token \"store\" is starting",
         "signet status"},
        {SG_SERVES_SLOWLY, "warning", "token_busy",
         "programs wait for its key: token \"store\" is busy", "signet status"},
        {SG_SERVES_BADLY, "warning", "token_uses_fail",
         "programs may get errors when they use its key: token \"store\" answered the last use of a "
         "key with an error",
         "signet token list"},
    };
    make_sound(world);
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        world->serving = rows[i].serving;
        check(world, "");
        assert_found(world, rows[i].severity, rows[i].code, "START1/web", rows[i].says,
                     rows[i].next);
        assert_int_equal(found(world), 1);
        assert_int_equal(json_is_true(json_object_get(world->answer, "ok")),
                         strcmp(rows[i].severity, "warning") == 0);
    }
}

/* Whoever only trusts needs no token; of many keys in one token the first is told. */
static void a_token_is_told_once_and_where_it_matters(void **state)
{
    struct world *world = *state;
    world->serving = SG_SERVES_WHEN_TOLD;
    make_sound(world);
    must(world, "cert generate",
         "{'certificate': 'START1/second', 'subject': 'CN=second', 'signed_by': 'CERTAUTH/CA'}");
    connect(world, "START1/second", "personal", false);
    check(world, "");
    assert_found(world, "error", "token_unavailable", "START1/web", "waits for an operator",
                 "signet token login store");
    assert_int_equal(found(world), 1);
    must(world, "ring remove", "{'ring': 'START1/R', 'certificate': 'START1/web'}");
    must(world, "ring remove", "{'ring': 'START1/R', 'certificate': 'START1/second'}");
    check(world, "");
    assert_null(find(world, "token_unavailable"));
    connect(world, "START1/web", "site", false);
    check(world, "");
    assert_null(find(world, "token_unavailable"));
}

static void nobody_else_may_look(void **state)
{
    struct world *world = *state;
    make_sound(world);
    world->caller = &stranger;
    refused(world, "ring check", "{'ring': 'START1/R'}", SG_E_DENIED, "not_authorised");
    refused(world, "ring check", "{'ring': 'START1/none'}", SG_E_DENIED, "not_authorised");
    world->caller = &administrator;
    refused(world, "ring check", "{'ring': 'START1/none'}", SG_E_NOT_FOUND, "ring_not_found");
    refused(world, "ring check", "{'ring': 'START1'}", SG_E_INPUT, "bad_ring_name");
    refused(world, "ring check", "{'ring': 'START1/R', 'host': ''}", SG_E_USAGE, "bad_parameter");
    refused(world, "ring check", "{'ring': 'START1/R', 'minimum_rsa': 512}", SG_E_USAGE,
            "bad_parameter");
    refused(world, "ring check", "{'ring': 'START1/R', 'days': 0}", SG_E_USAGE, "bad_parameter");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        TEST(a_sound_ring_has_no_findings),
        TEST(a_name_that_is_not_in_the_certificate_is_told),
        TEST(an_issuer_in_the_store_is_not_one_in_the_ring),
        TEST(a_ring_without_a_default_is_told),
        TEST(a_default_that_cannot_serve_is_an_error),
        TEST(a_ring_with_nobody_to_serve_is_told),
        TEST(time_is_told_before_it_runs_out),
        TEST(small_keys_are_told_before_a_peer_does),
        TEST(what_is_too_trusting_or_ambiguous_is_told),
        TEST(labels_of_several_owners_are_told),
        TEST(what_no_ca_has_signed_is_told),
        TEST(a_placeholder_without_a_subject_is_one),
        TEST(a_stricter_policy_is_told_of_what_is_there),
        TEST(a_token_that_serves_nobody_is_told),
        TEST(a_token_is_told_once_and_where_it_matters),
        TEST(nobody_else_may_look),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
