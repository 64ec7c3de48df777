/* The policy at work: what is made here and what a CA sends back is refused as it would be stored,
 * other people's certificates are warned about; certificate profiles. */
#include <string.h>

#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "operations_fixture.h"

static void set_policy(struct world *world, const char *name, const char *value)
{
    struct sg_policy_settings settings = {0};
    assert_true(sg_policy_setting_parse(name, value, &settings));
    world->service.policy = sg_crypto_policy_resolve(&settings);
}

static void what_breaks_a_rule_is_not_made(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *name, *value, *params, *code, *says;
    } rows[] = {
        {"minimum_rsa_bits", "3072", "'key': 'rsa:2048'", "policy_key_size", "2048"},
        {"curves", "p384", "'key': 'ec:p256'", "policy_curve", "p384"},
        {"curves", "p256", "'key': 'ed25519'", "policy_curve", "p256"},
        {"signature_digests", "sha384", "'key': 'ec:p256'", "policy_digest", "sha256"},
        {"leaf_days_max", "30", "'days': 31", "policy_validity", "--days 30"},
        {"policy", "browser", "'days': 201", "policy_validity", "200"},
        {"policy", "browser", "'not_after': '2027-10-14T17:46:40Z'", "policy_validity", "browser"},
        {"policy", "browser", "'key': 'ec:secp256k1', 'days': 1", "policy_curve", "secp256k1"},
        {"policy", "browser", "'profile': 'server'", "policy_san", "--san dns:HOST"},
        {"policy", "browser", "'eku': ['clientAuth', 'serverAuth']", "policy_san", "START1/web"},
        /* of RACF: for any purpose, and TLS is what is meant */
        {"policy", "browser", "'usage': ['handshake']", "policy_san", "START1/web"},
        {"policy", "browser", "'usage': ['handshake'], 'san': ['email:a@b.example']", "policy_san",
         "START1/web"},
        /* nobody finds a server by these */
        {"policy", "browser", "'profile': 'server', 'san': ['email:a@b.example']", "policy_san",
         "ip:ADDRESS"},
        {"policy", "browser", "'profile': 'server', 'san': ['uri:https://b.example/']",
         "policy_san", "ip:ADDRESS"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        char params[300];
        set_policy(world, rows[i].name, rows[i].value);
        snprintf(params, sizeof params, "{'certificate': 'START1/web', 'subject': 'CN=web', %s}",
                 rows[i].params);
        refused(world, "cert generate", params, SG_E_INPUT, rows[i].code);
        assert_told(world, rows[i].says);
        assert_told(world, "START1/web");
        /* a dry run says it too */
        assert_int_equal(ask(world, "cert generate", json_of(params), true), SG_E_INPUT);
    }
}

static void a_ca_is_held_to_rules_of_its_own(void **state)
{
    struct world *world = *state;
    set_policy(world, "ca_days_max", "3650");
    refused(world, "cert generate",
            "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA', 'days': 3651}", SG_E_INPUT,
            "policy_validity");
    set_policy(world, "ec_ca", "no");
    refused(world, "cert generate", "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA'}",
            SG_E_INPUT, "policy_ca_key");
    set_policy(world, "leaf_days_max", "10"); /* for leaves */
    must(world, "cert generate",
         "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA', 'days': 3650}");
    refused(world, "cert generate",
            "{'certificate': 'START1/x', 'subject': 'CN=x', 'days': 11,"
            " 'signed_by': 'CERTAUTH/CA'}",
            SG_E_INPUT, "policy_validity");
}

static void what_is_for_no_server_needs_no_name(void **state)
{
    struct world *world = *state;
    set_policy(world, "policy", "browser");
    must(world, "cert generate",
         "{'certificate': 'START1/a', 'subject': 'CN=a', 'usage': ['docsign']}");
    must(world, "cert generate",
         "{'certificate': 'START1/b', 'subject': 'CN=b', 'usage': ['handshake'],"
         " 'eku': ['clientAuth']}");
    must(world, "cert generate",
         "{'certificate': 'START1/c', 'subject': 'CN=c', 'usage': ['handshake'],"
         " 'san': ['dns:c.example']}");
    set_policy(world, "policy", "default");
    must(world, "cert generate",
         "{'certificate': 'START1/d', 'subject': 'CN=d', 'usage': ['handshake']}");
    assert_null(json_object_get(world->answer, "warnings"));
}

static void without_days_a_certificate_takes_what_is_allowed(void **state)
{
    struct world *world = *state;
    set_policy(world, "policy", "browser");
    must(world, "cert generate", "{'certificate': 'START1/a', 'subject': 'CN=a'}");
    assert_string_equal(answered(world, "not_before"), "2026-10-14T17:46:40Z");
    assert_string_equal(answered(world, "not_after"), "2027-05-02T17:46:39Z");
    must(world, "cert generate", "{'certificate': 'START1/b', 'subject': 'CN=b', 'days': 200}");
    set_policy(world, "policy", "default");
    must(world, "cert generate", "{'certificate': 'START1/c', 'subject': 'CN=c'}");
    assert_string_equal(answered(world, "not_after"), "2027-10-14T17:46:40Z");
}

/* RACF's year is nobody's wish: where less is allowed, less is taken, and said. */
static void an_end_that_nobody_asked_for_is_shortened(void **state)
{
    struct world *world = *state;
    set_policy(world, "policy", "browser");
    refused(world, "cert generate",
            "{'certificate': 'START1/a', 'subject': 'CN=a', 'not_after': '2027-10-14T23:59:59Z'}",
            SG_E_INPUT, "policy_validity");
    must(world, "cert generate",
         "{'certificate': 'START1/a', 'subject': 'CN=a', 'not_after': '2027-10-14T23:59:59Z',"
         " 'shorten': true}");
    assert_string_equal(answered(world, "not_after"), "2027-05-02T17:46:39Z");
    assert_says(world, "warnings", "2027-05-02T17:46:39Z only: policy \"browser\" allows 200 days");
    must(world, "cert generate",
         "{'certificate': 'START1/b', 'subject': 'CN=b', 'not_after': '2026-12-31T23:59:59Z',"
         " 'shorten': true}");
    assert_string_equal(answered(world, "not_after"), "2026-12-31T23:59:59Z");
    assert_null(json_object_get(world->answer, "warnings"));
    must(world, "cert rekey",
         "{'certificate': 'START1/b', 'label': 'c', 'not_after': '2027-10-14T23:59:59Z',"
         " 'shorten': true}");
    assert_says(world, "warnings", "allows 200 days");
}

static void extractable_takes_the_policy_and_the_token(void **state)
{
    struct world *world = *state;
    static const char params[] =
        "{'certificate': 'START1/k', 'subject': 'CN=k', 'extractable': true}";
    world->extractable_allowed = true;
    set_policy(world, "policy", "fips");
    refused(world, "cert generate", params, SG_E_DENIED, "policy_extractable");
    assert_told(world, "\"fips\"");
    set_policy(world, "extractable_keys", "allowed");
    world->extractable_allowed = false;
    refused(world, "cert generate", params, SG_E_DENIED, "extractable_not_allowed");
    world->extractable_allowed = true;
    must(world, "cert generate", params);
}

static void a_cas_answer_is_judged_by_what_it_is(void **state)
{
    struct world *world = *state;
    struct outside_ca ca;
    outside_ca_make(&ca);
    must(world, "cert generate", "{'certificate': 'START1/web', 'subject': 'CN=web', 'days': 9}");
    EVP_PKEY *key = key_of(world, "START1", "web");
    X509 *longer = outside(&(struct recipe){.name = "web",
                                            .key = key,
                                            .issuer = ca.intermediate,
                                            .signer = ca.int_key,
                                            .from_s = NOW - DAY,
                                            .until_s = NOW + 300 * DAY});
    X509 *shorter = outside(&(struct recipe){.name = "web",
                                             .key = key,
                                             .issuer = ca.intermediate,
                                             .signer = ca.int_key,
                                             .from_s = NOW - DAY,
                                             .until_s = NOW + 29 * DAY});
    set_policy(world, "leaf_days_max", "31");
    refused_json(world, "cert add", bundle_json("START1", longer, ca.intermediate, ca.root, NULL),
                 SG_E_INPUT, "policy_validity");
    assert_told(world, "302 days");
    struct sg_certificate_row row = row_of(world, "START1", "web");
    assert_true(row.placeholder);
    sg_certificate_row_done(&row);
    must_json(world, "cert add", bundle_json("START1", shorter, ca.intermediate, ca.root, NULL));
    assert_says(world, "did", "replaced the placeholder of START1/web");
    X509_free(longer);
    X509_free(shorter);
    EVP_PKEY_free(key);
    outside_ca_done(&ca);
}

static void other_peoples_certificates_are_warned_about(void **state)
{
    struct world *world = *state;
    struct outside_ca ca;
    outside_ca_make(&ca);
    EVP_PKEY *key = new_key();
    X509 *partner = outside(&(struct recipe){.name = "partner",
                                             .key = key,
                                             .issuer = ca.intermediate,
                                             .signer = ca.int_key,
                                             .until_s = NOW + 800 * DAY});
    set_policy(world, "curves", "p384");
    must_json(world, "cert add",
              bundle_json("START1/partner", partner, ca.intermediate, ca.root, NULL));
    assert_says(world, "warnings", "CN=partner");
    assert_says(world, "warnings", "allows these curves: p384 (curves)");
    assert_int_equal(counts(world).certificates, 3);
    X509_free(partner);
    EVP_PKEY_free(key);
    outside_ca_done(&ca);
}

static void weak_keys_need_the_policys_word(void **state)
{
    struct world *world = *state;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    X509 *old = outside(&(struct recipe){.name = "old partner", .key = key});
    refused_json(world, "cert add", bundle_json("START1/old", old, NULL), SG_E_INPUT, "weak_key");
    set_policy(world, "policy", "browser");
    refused_json(world, "cert add", bundle_json("START1/old", old, NULL), SG_E_INPUT, "weak_key");
    set_policy(world, "policy", "legacy");
    must_json(world, "cert add", bundle_json("START1/old", old, NULL));
    X509_free(old);
    EVP_PKEY_free(key);
}

/* ---- certificate profiles ---- */

static void check_profile(struct world *world, const char *params, uint32_t usage, uint32_t eku)
{
    must(world, "cert generate", params);
    X509 *certificate = answered_certificate(world);
    assert_int_equal(X509_get_key_usage(certificate), usage);
    assert_int_equal(X509_get_extended_key_usage(certificate), eku);
    assert_int_equal(X509_check_ca(certificate), 0);
    int critical = -1;
    BASIC_CONSTRAINTS *basic =
        X509_get_ext_d2i(certificate, NID_basic_constraints, &critical, NULL);
    assert_non_null(basic);
    assert_int_equal(basic->ca, 0);
    BASIC_CONSTRAINTS_free(basic);
    X509_free(certificate);
}

static void a_profile_fills_in_what_was_not_said(void **state)
{
    struct world *world = *state;
    check_profile(world,
                  "{'certificate': 'START1/a', 'subject': 'CN=a', 'profile': 'server',"
                  " 'key': 'rsa:2048', 'san': ['dns:a']}",
                  KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT, XKU_SSL_SERVER);
    check_profile(world, "{'certificate': 'START1/b', 'subject': 'CN=b', 'profile': 'client'}",
                  KU_DIGITAL_SIGNATURE, XKU_SSL_CLIENT);
    check_profile(world, "{'certificate': 'START1/c', 'subject': 'CN=c', 'profile': 'code'}",
                  KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION, XKU_CODE_SIGN);
}

static void what_was_said_goes_before_the_profile(void **state)
{
    struct world *world = *state;
    check_profile(world,
                  "{'certificate': 'START1/a', 'subject': 'CN=a', 'profile': 'server',"
                  " 'eku': ['clientAuth']}",
                  KU_DIGITAL_SIGNATURE, XKU_SSL_CLIENT);
    check_profile(world,
                  "{'certificate': 'START1/b', 'subject': 'CN=b', 'profile': 'code',"
                  " 'usage': ['handshake']}",
                  KU_DIGITAL_SIGNATURE, XKU_CODE_SIGN);
}

static void profiles_are_for_ends(void **state)
{
    struct world *world = *state;
    refused(world, "cert generate",
            "{'certificate': 'CERTAUTH/x', 'subject': 'CN=x', 'profile': 'server'}", SG_E_USAGE,
            "bad_parameter");
    refused(world, "cert generate",
            "{'certificate': 'START1/x', 'subject': 'CN=x', 'profile': 'ca'}", SG_E_USAGE,
            "bad_parameter");
    refused(world, "cert generate", "{'certificate': 'START1/x', 'subject': 'CN=x', 'profile': ''}",
            SG_E_USAGE, "bad_parameter");
}

static void a_server_without_a_name_is_told_so(void **state)
{
    struct world *world = *state;
    must(world, "cert generate",
         "{'certificate': 'START1/a', 'subject': 'CN=a', 'profile': 'server'}");
    assert_says(world, "warnings", "names no server");
    must(world, "cert generate",
         "{'certificate': 'START1/b', 'subject': 'CN=b', 'profile': 'server',"
         " 'san': ['dns:b']}");
    assert_false(says(world, "warnings", "names no server"));
}

static void status_shows_what_is_in_force(void **state)
{
    struct world *world = *state;
    set_policy(world, "policy", "browser");
    world->caller = &stranger; /* whoever asks for certificates may know */
    must(world, "status", "{}");
    const json_t *policy = json_object_get(world->answer, "policy");
    assert_string_equal(json_string_value(json_object_get(policy, "profile")), "browser");
    assert_int_equal(json_integer_value(json_object_get(policy, "leaf_days_max")), 200);
    assert_int_equal(json_array_size(json_object_get(policy, "curves")), 3);
    assert_true(json_is_true(json_object_get(policy, "server_san_required")));
    set_policy(world, "policy", "default");
    must(world, "status", "{}");
    policy = json_object_get(world->answer, "policy");
    assert_true(json_is_null(json_object_get(policy, "leaf_days_max")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        TEST(what_breaks_a_rule_is_not_made),
        TEST(a_ca_is_held_to_rules_of_its_own),
        TEST(what_is_for_no_server_needs_no_name),
        TEST(without_days_a_certificate_takes_what_is_allowed),
        TEST(an_end_that_nobody_asked_for_is_shortened),
        TEST(extractable_takes_the_policy_and_the_token),
        TEST(a_cas_answer_is_judged_by_what_it_is),
        TEST(other_peoples_certificates_are_warned_about),
        TEST(weak_keys_need_the_policys_word),
        TEST(a_profile_fills_in_what_was_not_said),
        TEST(what_was_said_goes_before_the_profile),
        TEST(profiles_are_for_ends),
        TEST(a_server_without_a_name_is_told_so),
        TEST(status_shows_what_is_in_force),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
