/* The server identity of a ring: what provision names is what ring export --chain writes, and what
 * users of the ring's owner are given. */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "operations_fixture.h"

static const char ask_nginx[] = "{'program': 'nginx', 'ring': 'START1/KEY'}";
static const char ask_chain[] = "{'ring': 'START1/KEY', 'chain': true}";

static int setup(void **state)
{
    int failed = world_setup(state);
    must(*state, "cert generate", "{'certificate': 'START1/web', 'subject': 'CN=web'}");
    must(*state, "cert generate", "{'certificate': 'START1/app', 'subject': 'CN=app'}");
    must(*state, "cert generate", "{'certificate': 'START2/other', 'subject': 'CN=other'}");
    must(*state, "cert generate", "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA'}");
    must(*state, "cert generate",
         "{'certificate': 'START1/ed', 'subject': 'CN=ed', 'key': 'ed25519'}");
    must(*state, "ring add", "{'ring': 'START1/KEY'}");
    return failed;
}

static void connect_it(struct world *world, const char *certificate, const char *usage,
                       bool is_default)
{
    must_json(world, "ring connect",
              json_pack("{s:s, s:s, s:s, s:b}", "ring", "START1/KEY", "certificate", certificate,
                        "usage", usage, "default", (int)is_default));
}

/* The key of the first certificate of an export, by the SHA-1 of its public key: its CKA_ID. */
static void uri_of_first(const struct world *world, char uri[200])
{
    const json_t *first = json_array_get(json_object_get(world->answer, "entries"), 0);
    const char *base64 = json_string_value(json_object_get(first, "der"));
    unsigned char der[8192];
    const unsigned char *at = der;
    unsigned char id[SHA_DIGEST_LENGTH];
    assert_true(base64 != NULL && strlen(base64) < sizeof der);
    int len = EVP_DecodeBlock(der, (const unsigned char *)base64, (int)strlen(base64));
    X509 *certificate = d2i_X509(NULL, &at, len);
    assert_non_null(certificate);
    assert_int_equal(X509_pubkey_digest(certificate, EVP_sha1(), id, NULL), 1);
    X509_free(certificate);
    size_t used = (size_t)snprintf(uri, 200, "pkcs11:token=START1%%2FKEY;id=");
    for (size_t i = 0; i < sizeof id; i++) {
        used += (size_t)snprintf(uri + used, 200 - used, "%%%02X", id[i]);
    }
    snprintf(uri + used, 200 - used, ";type=private");
}

/* Both take the same one. */
static void check_identity(struct world *world, const char *label, bool warned)
{
    char uri[200];
    must(world, "ring export", ask_chain);
    uri_of_first(world, uri);
    must(world, "provision", ask_nginx);
    assert_string_equal(answered(world, "pkcs11_uri"), uri);
    assert_non_null(strstr(answered(world, "text"), uri));
    assert_int_equal(says(world, "warnings", "has no default certificate"), warned);
    must(world, "ring export", ask_chain);
    const json_t *first = json_array_get(json_object_get(world->answer, "entries"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "name")), label);
    assert_int_equal(says(world, "warnings", "has no default certificate"), warned);
    if (warned) {
        char name[64];
        snprintf(name, sizeof name, "START1/%s is used", label);
        assert_says(world, "warnings", name);
        assert_says(world, "warnings", "signet ring connect 'START1/KEY' 'START1/");
    }
}

/* Neither takes one; why and the way out are said. */
static void check_refused(struct world *world, sg_status status, const char *provision_code,
                          const char *export_code, const char *why, const char *hint)
{
    refused(world, "provision", ask_nginx, status, provision_code);
    assert_told(world, why);
    assert_string_equal(world->err.hint, hint);
    assert_true(world->err.object[0] != '\0');
    refused(world, "ring export", ask_chain, status, export_code);
    assert_told(world, why);
    assert_string_equal(world->err.hint, hint);
}

static void check_bad_default(struct world *world, const char *why, const char *hint)
{
    check_refused(world, SG_E_CONFLICT, "default_not_usable", "default_not_usable", why, hint);
}

static void the_default_is_taken(void **state)
{
    struct world *world = *state;
    connect_it(world, "START1/web", "personal", false);
    connect_it(world, "START1/app", "personal", true);
    check_identity(world, "app", false);
    connect_it(world, "START1/web", "personal", true);
    check_identity(world, "web", false);
}

static void without_a_default_the_first_that_works(void **state)
{
    struct world *world = *state;
    connect_it(world, "CERTAUTH/CA", "personal", false);
    connect_it(world, "START2/other", "personal", false);
    connect_it(world, "START1/ed", "personal", false);
    connect_it(world, "START1/app", "personal", false);
    connect_it(world, "START1/web", "personal", false);
    check_identity(world, "app", true);
    must(world, "cert alter", "{'certificate': 'START1/app', 'status': 'notrust'}");
    check_identity(world, "web", true);
}

static void a_default_that_does_not_work_is_refused(void **state)
{
    struct world *world = *state;
    static const char connect_web[] =
        "signet ring connect 'START1/KEY' 'START1/web' --usage personal --default";
    connect_it(world, "START1/web", "personal", false);
    connect_it(world, "CERTAUTH/CA", "certauth", true);
    check_bad_default(world, "CERTAUTH/CA, the default of ring START1/KEY: it is not connected as",
                      connect_web);
    connect_it(world, "CERTAUTH/CA", "personal", true);
    check_bad_default(world, "that the users of the ring's owner are not given", connect_web);
    connect_it(world, "START2/other", "personal", true);
    check_bad_default(world, "START2/other, the default", connect_web);
    connect_it(world, "START1/ed", "personal", true);
    check_bad_default(world, "Ed25519", connect_web);
    connect_it(world, "START1/web", "personal", true);
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    connect_it(world, "START1/app", "personal", false);
    check_bad_default(world, "is NOTRUST", "signet cert alter 'START1/web' --trust");
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'trust'}");
    check_identity(world, "web", false);
}

static void the_command_that_is_told_mends_it(void **state)
{
    struct world *world = *state;
    connect_it(world, "START1/web", "site", true);
    check_bad_default(world, "is not connected as PERSONAL",
                      "signet ring connect 'START1/KEY' 'START1/web' --usage personal --default");
    connect_it(world, "START1/web", "personal", true);
    check_identity(world, "web", false);
    /* and where there is none, whose it must be */
    connect_it(world, "START1/web", "personal", false);
    must(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    connect_it(world, "START2/other", "personal", true);
    check_bad_default(world, "that the users of the ring's owner are not given",
                      "signet ring connect 'START1/KEY' 'START1/LABEL' --usage personal --default");
}

static void a_keyless_default_is_refused(void **state)
{
    struct world *world = *state;
    struct outside_ca ca;
    outside_ca_make(&ca);
    must_json(world, "cert add", bundle_json("START1/root", ca.root, NULL));
    connect_it(world, "START1/root", "personal", true);
    check_bad_default(world, "START1/root, the default of ring START1/KEY: it has no private key",
                      "signet ring connect 'START1/KEY' 'START1/LABEL' --usage personal --default");
    /* but for a program that has the key in a file */
    static const char ask_haproxy[] = "{'program': 'haproxy', 'ring': 'START1/KEY'}";
    must(world, "provision", ask_haproxy);
    assert_non_null(strstr(answered(world, "text"),
                           "signet cert export 'START1/root' --chain --format pem --out"));
    assert_null(strstr(answered(world, "watch"), "--chain"));
    must(world, "cert alter", "{'certificate': 'START1/root', 'status': 'notrust'}");
    refused(world, "provision", ask_haproxy, SG_E_CONFLICT, "default_not_usable");
    assert_told(world, "is NOTRUST");
    must(world, "cert alter", "{'certificate': 'START1/root', 'status': 'trust'}");
    connect_it(world, "START1/root", "certauth", true);
    refused(world, "provision", ask_haproxy, SG_E_CONFLICT, "default_not_usable");
    must(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'START1/root'}");
    refused(world, "provision", ask_haproxy, SG_E_NOT_FOUND, "no_usable_key");
    assert_told(world, "no PERSONAL one for a server to use");
    outside_ca_done(&ca);
}

/* Who trusts a root must not be told to serve it as a certificate of its own. */
static void a_ca_is_no_certificate_for_a_server(void **state)
{
    struct world *world = *state;
    static const char ask_haproxy[] = "{'program': 'haproxy', 'ring': 'START1/KEY'}";
    static const char any[] =
        "signet ring connect 'START1/KEY' 'START1/LABEL' --usage personal --default";
    static const char *const roots[] = {"CERTAUTH/root", "START1/root", "CERTAUTH/CA"};
    struct outside_ca ca;
    outside_ca_make(&ca);
    must_json(world, "cert add", bundle_json("CERTAUTH/root", ca.root, NULL));
    for (size_t i = 0; i < SG_COUNT(roots); i++) {
        if (strcmp(roots[i], "START1/root") == 0) {
            must(world, "cert delete", "{'certificate': 'CERTAUTH/root'}");
            must_json(world, "cert add", bundle_json("START1/root", ca.root, NULL));
        }
        connect_it(world, roots[i], "certauth", true);
        refused(world, "provision", ask_haproxy, SG_E_CONFLICT, "default_not_usable");
        assert_told(world, "is not connected as PERSONAL");
        assert_string_equal(world->err.hint, any);
        check_bad_default(world, "is not connected as PERSONAL", any);
        must_json(world, "ring remove",
                  json_pack("{s:s, s:s}", "ring", "START1/KEY", "certificate", roots[i]));
    }
    connect_it(world, "START1/root", "certauth", true);
    connect_it(world, "START1/web", "personal", false);
    refused(world, "provision", ask_haproxy, SG_E_CONFLICT, "default_not_usable");
    assert_string_equal(world->err.hint,
                        "signet ring connect 'START1/KEY' 'START1/web' --usage personal --default");
    outside_ca_done(&ca);
}

/* What is not asked for is not said to be missing. */
static void a_key_in_a_file_is_not_spoken_of(void **state)
{
    struct world *world = *state;
    connect_it(world, "START1/ed", "personal", false);
    must(world, "provision", "{'program': 'haproxy', 'ring': 'START1/KEY'}");
    assert_says(world, "warnings", "START1/ed is used, the first one that a server can use");
    connect_it(world, "START1/web", "personal", false);
    must(world, "provision", ask_nginx);
    assert_says(world, "warnings",
                "START1/web is used, the first one with a key that a server can use");
}

static void a_ring_of_trust_anchors_alone_is_a_trust_store(void **state)
{
    struct world *world = *state;
    static const char ask_java[] = "{'program': 'java', 'ring': 'START1/KEY'}";
    static const char ask_postgresql[] = "{'program': 'postgresql', 'ring': 'START1/KEY'}";
    refused(world, "provision", ask_java, SG_E_NOT_FOUND, "no_usable_key");
    connect_it(world, "CERTAUTH/CA", "certauth", false);
    must(world, "provision", ask_java);
    assert_string_equal(answered(world, "pkcs11_uri"), "pkcs11:token=START1%2FKEY");
    assert_non_null(strstr(answered(world, "text"), "javax.net.ssl.trustStoreType=PKCS11"));
    assert_null(strstr(answered(world, "text"), "keyStore"));
    must(world, "provision", ask_postgresql);
    assert_null(strstr(answered(world, "text"), "sslkey"));
    assert_string_equal(answered(world, "watch"),
                        "signet --socket /run/test/signet.sock watch 'START1/KEY' --trust "
                        "/etc/postgresql-common/signet-trust.pem");
    /* a server needs a key; so does whoever was given a certificate to show, usable or not */
    refused(world, "provision", ask_nginx, SG_E_NOT_FOUND, "no_usable_key");
    connect_it(world, "START1/ed", "personal", false);
    refused(world, "provision", ask_java, SG_E_NOT_FOUND, "no_usable_key");
    connect_it(world, "START1/web", "personal", true);
    must(world, "provision", ask_java);
    assert_non_null(strstr(answered(world, "text"), "javax.net.ssl.keyStoreType=PKCS11"));
    must(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    must(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'START1/ed'}");
    must(world, "cert alter", "{'certificate': 'CERTAUTH/CA', 'status': 'notrust'}");
    refused(world, "provision", ask_java, SG_E_NOT_FOUND, "no_usable_key");
}

static void none_at_all_says_what_came_near(void **state)
{
    struct world *world = *state;
    static const char any[] =
        "signet ring connect 'START1/KEY' 'START1/LABEL' --usage personal --default";
    check_refused(world, SG_E_NOT_FOUND, "no_usable_key", "no_default", "no PERSONAL one", any);
    connect_it(world, "CERTAUTH/CA", "certauth", false);
    check_refused(world, SG_E_NOT_FOUND, "no_usable_key", "no_default", "no PERSONAL one", any);
    connect_it(world, "START1/ed", "personal", false);
    check_refused(world, SG_E_NOT_FOUND, "no_usable_key", "no_default",
                  "START1/ed has an Ed25519 key", any);
    must(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'START1/ed'}");
    connect_it(world, "START1/web", "personal", false);
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    check_refused(world, SG_E_NOT_FOUND, "no_usable_key", "no_default", "START1/web is NOTRUST",
                  "signet cert alter 'START1/web' --trust");
    assert_string_equal(world->err.object, "START1/KEY");
}

/* ---- what is said of a member ---- */

static void check_member(struct world *world, const char *certificate, const char *usage,
                         bool delivered, const char *warning)
{
    connect_it(world, certificate, usage, false);
    if (warning != NULL) {
        assert_says(world, "warnings", warning);
    } else {
        assert_false(says(world, "warnings", "deliver"));
    }
    must(world, "ring show", "{'ring': 'START1/KEY'}");
    const json_t *item = json_array_get(json_object_get(world->answer, "items"), 0);
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 1);
    assert_true(json_is_boolean(json_object_get(item, "key_deliverable")));
    assert_int_equal(json_is_true(json_object_get(item, "key_deliverable")), delivered);
    must_json(world, "ring remove",
              json_pack("{s:s, s:s}", "ring", "START1/KEY", "certificate", certificate));
}

static void a_member_tells_whether_its_key_is_delivered(void **state)
{
    struct world *world = *state;
    check_member(world, "START1/web", "personal", true, NULL);
    check_member(world, "START1/web", "site", false, "delivers no private key");
    check_member(world, "START1/ed", "personal", false, "Ed25519");
    check_member(world, "START2/other", "personal", false,
                 "the private key of START2/other is not delivered to the users of START1");
    check_member(world, "CERTAUTH/CA", "certauth", false, NULL);
    check_member(world, "CERTAUTH/CA", "personal", false, "not delivered to the users of START1");
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    check_member(world, "START1/web", "personal", false, NULL);
    must(world, "cert generate", "{'certificate': 'SITE/s', 'subject': 'CN=s'}");
    check_member(world, "SITE/s", "personal", false, "not delivered to the users of START1");
}

static void a_token_that_serves_nobody_is_warned_of(void **state)
{
    struct world *world = *state;
    connect_it(world, "START1/web", "personal", true);
    world->serving = SG_SERVES_WHEN_TOLD;
    must(world, "provision", ask_nginx);
    assert_says(world, "warnings",
                "no program can use the key of START1/web now: token \"store\" waits for an "
                "operator: its PIN was refused. See: signet token login store");
    /* has its key in a file */
    must(world, "provision", "{'program': 'haproxy', 'ring': 'START1/KEY'}");
    assert_false(says(world, "warnings", "waits for an operator"));
    assert_says(world, "warnings", "the key of START1/web stays in token \"store\"");
    world->serving = SG_SERVES_SLOWLY;
    must(world, "provision", ask_nginx);
    assert_says(world, "warnings",
                "programs wait for the key of START1/web now: token \"store\" is busy");
    assert_false(says(world, "warnings", "no program can use"));
    world->serving = SG_SERVES;
    must(world, "provision", ask_nginx);
    assert_false(says(world, "warnings", "the key of START1/web now"));
}

/* Other certificates may bear the same label: only another owner's key has another id. */
static void a_label_that_another_one_bears_is_warned_of(void **state)
{
    struct world *world = *state;
    static const char ask_tomcat[] = "{'program': 'tomcat', 'ring': 'START1/KEY'}";
    must(world, "cert generate", "{'certificate': 'START2/web', 'subject': 'CN=web 2'}");
    connect_it(world, "START1/web", "personal", true);
    connect_it(world, "START1/app", "personal", false);
    must(world, "provision", ask_tomcat);
    assert_false(says(world, "warnings", "label"));
    connect_it(world, "START2/web", "personal", false);
    check_identity(world, "web", false);
    must(world, "provision", ask_nginx);
    assert_false(says(world, "warnings", "label"));
    must(world, "provision", "{'program': 'jetty', 'ring': 'START1/KEY'}");
    assert_false(says(world, "warnings", "label"));
    static const char *const by_label[] = {"tomcat", "dropwizard", "liberty", "mq", "nss"};
    for (size_t i = 0; i < SG_COUNT(by_label); i++) {
        must_json(world, "provision",
                  json_pack("{s:s, s:s}", "program", by_label[i], "ring", "START1/KEY"));
        assert_says(world, "warnings", by_label[i]);
        assert_says(world, "warnings", "START2/web has the same one in this ring as START1/web");
        assert_says(world, "warnings", "signet cert alter 'START1/web' --label NEW-LABEL");
    }
    must(world, "cert alter", "{'certificate': 'START2/web', 'status': 'notrust'}");
    must(world, "provision", ask_tomcat);
    assert_false(says(world, "warnings", "label"));
    must(world, "cert alter", "{'certificate': 'START2/web', 'status': 'trust'}");
    must(world, "cert alter", "{'certificate': 'START1/web', 'label': 'web-1'}");
    must(world, "provision", ask_tomcat);
    assert_false(says(world, "warnings", "label"));
}

/* What a server was told stays right when somebody tidies up the labels. */
static void another_label_changes_no_key_file(void **state)
{
    struct world *world = *state;
    char before[200];
    connect_it(world, "START1/web", "personal", true);
    must(world, "provision", ask_nginx);
    snprintf(before, sizeof before, "%s", answered(world, "pkcs11_uri"));
    must(world, "cert alter", "{'certificate': 'START1/web', 'label': 'old'}");
    check_identity(world, "old", false);
    must(world, "provision", ask_nginx);
    assert_string_equal(answered(world, "pkcs11_uri"), before);
    connect_it(world, "START1/app", "personal", true);
    must(world, "cert alter", "{'certificate': 'START1/app', 'label': 'web'}");
    check_identity(world, "web", false);
    must(world, "provision", ask_nginx);
    assert_string_not_equal(answered(world, "pkcs11_uri"), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
        TEST(the_default_is_taken),
        TEST(without_a_default_the_first_that_works),
        TEST(a_default_that_does_not_work_is_refused),
        TEST(the_command_that_is_told_mends_it),
        TEST(a_keyless_default_is_refused),
        TEST(a_ca_is_no_certificate_for_a_server),
        TEST(a_key_in_a_file_is_not_spoken_of),
        TEST(a_ring_of_trust_anchors_alone_is_a_trust_store),
        TEST(none_at_all_says_what_came_near),
        TEST(a_member_tells_whether_its_key_is_delivered),
        TEST(a_token_that_serves_nobody_is_warned_of),
        TEST(a_label_that_another_one_bears_is_warned_of),
        TEST(another_label_changes_no_key_file),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
