/* cert request, alter, list, show, chain, export. */
#include <ctype.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "operations_fixture.h"

static const char make_web[] =
    "{'certificate': 'START1/web', 'subject': 'CN=web.example.com,O=Example',"
    " 'san': ['dns:web.example.com'], 'eku': ['serverAuth'], 'usage': ['handshake']}";

static bool request_has_san(X509_REQ *request, const char *name)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    bool found = false;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *entry = sk_GENERAL_NAME_value(names, i);
        found = found || (entry->type == GEN_DNS &&
                          strcmp((const char *)ASN1_STRING_get0_data(entry->d.dNSName), name) == 0);
    }
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return found;
}

static bool request_has_eku(X509_REQ *request, int nid)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
    EXTENDED_KEY_USAGE *usages = X509V3_get_d2i(extensions, NID_ext_key_usage, NULL, NULL);
    bool found = false;
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++) {
        found = found || OBJ_obj2nid(sk_ASN1_OBJECT_value(usages, i)) == nid;
    }
    EXTENDED_KEY_USAGE_free(usages);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return found;
}

static int request_usage(X509_REQ *request)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
    ASN1_BIT_STRING *bits = X509V3_get_d2i(extensions, NID_key_usage, NULL, NULL);
    int usage = bits != NULL && bits->length > 0 ? bits->data[0] : 0;
    ASN1_BIT_STRING_free(bits);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return usage;
}

static void a_request_says_what_the_certificate_says(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_web);
    EVP_PKEY *key = key_of(world, "START1", "web");
    must(world, "cert request", "{'certificate': 'START1/web'}");
    X509_REQ *request = answered_request(world);
    assert_int_equal(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
    assert_int_equal(EVP_PKEY_eq(X509_REQ_get0_pubkey(request), key), 1);
    assert_true(request_has_san(request, "web.example.com"));
    assert_true(request_has_eku(request, NID_server_auth));
    assert_int_equal(request_usage(request), KU_DIGITAL_SIGNATURE);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "web");
    assert_true(row.requested);
}

static void a_request_may_say_something_else(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_web);
    must(world, "cert request",
         "{'certificate': 'START1/web', 'san': ['dns:other.example.com'], 'eku': ['clientAuth']}");
    X509_REQ *request = answered_request(world);
    assert_int_equal(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
    assert_true(request_has_san(request, "other.example.com"));
    assert_false(request_has_san(request, "web.example.com"));
    assert_true(request_has_eku(request, NID_client_auth));
    assert_false(request_has_eku(request, NID_server_auth));
    X509_REQ_free(request);
}

static void every_kind_of_key_signs_its_request(void **state)
{
    struct world *world = *state;
    static const char *const specs[] = {"rsa:2048", "ec:p384", "ec:p521", "ec:secp256k1",
                                        "ed25519"};
    for (size_t i = 0; i < SG_COUNT(specs); i++) {
        char name[40];
        snprintf(name, sizeof name, "START1/%zu", i);
        must_json(
            world, "cert generate",
            json_pack("{s:s, s:s, s:s}", "certificate", name, "subject", "CN=x", "key", specs[i]));
        must_json(world, "cert request", json_pack("{s:s}", "certificate", name));
        X509_REQ *request = answered_request(world);
        if (X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) != 1) {
            fail_msg("%s", specs[i]);
        }
        X509_REQ_free(request);
    }
}

static void bad_requests_are_refused(void **state)
{
    struct world *world = *state;
    struct outside_ca ca;
    outside_ca_make(&ca);
    must_json(world, "cert add", bundle_json("CERTAUTH/root", ca.root, NULL));
    must(world, "cert generate", make_web);
    refused(world, "cert request", "{'certificate': 'CERTAUTH/root'}", SG_E_CONFLICT,
            "no_private_key");
    assert_told(world, "CERTAUTH/root");
    refused(world, "cert request", "{'certificate': 'START1/none'}", SG_E_NOT_FOUND,
            "certificate_not_found");
    refused(world, "cert request", "{'certificate': 'START1/web', 'san': ['bad']}", SG_E_INPUT,
            "bad_san");
    refused(world, "cert request", "{'certificate': 'START1/web', 'eku': ['bad']}", SG_E_INPUT,
            "unknown_eku");
    refused(world, "cert request", "{}", SG_E_USAGE, "bad_parameter");
    world->down = true;
    refused(world, "cert request", "{'certificate': 'START1/web'}", SG_E_TOKEN,
            "token_unavailable");
    outside_ca_done(&ca);
}

static void altering(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_web);
    must(world, "cert generate", "{'certificate': 'START1/other', 'subject': 'CN=o'}");
    refused(world, "cert alter", "{'certificate': 'START1/web'}", SG_E_USAGE, "bad_parameter");
    refused(world, "cert alter", "{'certificate': 'START1/web', 'status': 'TRUSTED'}", SG_E_USAGE,
            "bad_parameter");
    refused(world, "cert alter", "{'certificate': 'START1/web', 'label': 'other'}", SG_E_CONFLICT,
            "label_in_use");
    refused(world, "cert alter", "{'certificate': 'START1/web', 'label': ' '}", SG_E_INPUT,
            "bad_label");
    /* all or nothing */
    refused(world, "cert alter",
            "{'certificate': 'START1/web', 'status': 'notrust', 'label': 'other'}", SG_E_CONFLICT,
            "label_in_use");
    refused(world, "cert alter", "{'certificate': 'START1/none', 'status': 'trust'}",
            SG_E_NOT_FOUND, "certificate_not_found");
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'hightrust'}");
    assert_says(world, "warnings", "HIGHTRUST is for CERTAUTH");
    unsigned narrowed = world->narrowed;
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust', 'label': 'new'}");
    assert_says(world, "did", "hidden from all rings");
    assert_int_equal(world->narrowed, narrowed + 1);
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "new");
    assert_int_equal(row.trust, SG_NOTRUST);
}

static void lists_come_in_pages(void **state)
{
    struct world *world = *state;
    char after[64] = "";
    size_t seen = 0;
    for (int i = 0; i < 5; i++) {
        must_json(world, "cert generate",
                  json_pack("{s:o, s:s}", "certificate", json_sprintf("START1/%d", i), "subject",
                            "CN=x"));
    }
    for (;;) {
        json_t *params = json_pack("{s:s, s:i}", "owner", "start1", "limit", 2);
        if (after[0] != '\0') {
            json_object_set_new(params, "after", json_string(after));
        }
        json_t *items = json_object_get(must_json(world, "cert list", params), "items");
        size_t count = json_array_size(items);
        seen += count;
        if (count < 2) {
            break;
        }
        json_t *last = json_array_get(items, 1);
        snprintf(after, sizeof after, "%s", json_string_value(json_object_get(last, "label")));
    }
    assert_int_equal(seen, 5);
    refused(world, "cert list", "{'limit': 0}", SG_E_USAGE, "bad_parameter");
    refused(world, "cert list", "{'limit': 10001}", SG_E_USAGE, "bad_parameter");
    refused(world, "cert list", "{'after': 'x'}", SG_E_USAGE, "bad_parameter");
    refused(world, "cert list", "{'owner': 'no such'}", SG_E_INPUT, "bad_owner");
}

/* However it is written. */
static void lists_are_searched_by_serial_number(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_web);
    must(world, "cert generate", "{'certificate': 'START1/other', 'subject': 'CN=o'}");
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "web");
    char written[sizeof row.serial + 4];
    snprintf(written, sizeof written, "000%s", row.serial);
    for (char *c = written; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    json_t *items =
        json_object_get(must_json(world, "cert list",
                                  json_pack("{s:s, s:s}", "owner", "start1", "serial", written)),
                        "items");
    assert_int_equal(json_array_size(items), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "label")),
                        "web");
    must(world, "cert list", "{'owner': 'START1', 'serial': '0'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 0);
    refused(world, "cert list", "{'serial': '01'}", SG_E_USAGE, "bad_parameter");
    refused(world, "cert list", "{'owner': 'START1', 'serial': '0x1'}", SG_E_USAGE,
            "bad_parameter");
    refused(world, "cert list", "{'owner': 'START1', 'serial': ''}", SG_E_USAGE, "bad_parameter");
    refused(world, "cert list", "{'owner': 'START1', 'serial': '1%'}", SG_E_USAGE, "bad_parameter");
}

static void showing_chain_and_export(void **state)
{
    struct world *world = *state;
    struct outside_ca ca;
    outside_ca_make(&ca);
    must(world, "cert generate", make_web);
    X509 *leaf = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", bundle_json("START1", leaf, ca.intermediate, ca.root, NULL));
    must(world, "cert show", "{'certificate': 'START1/web'}");
    assert_int_equal(strlen(answered(world, "fingerprint_sha256")), 64);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(world->answer, "sans"), 0)),
        "dns:web.example.com");
    must(world, "cert chain", "{'certificate': 'START1/web'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 3);
    assert_true(json_is_true(json_object_get(world->answer, "complete")));
    must(world, "cert export", "{'certificate': 'START1/web', 'chain': true}");
    json_t *entries = json_object_get(world->answer, "entries");
    assert_int_equal(json_array_size(entries), 3);
    json_t *first = certificate_json(leaf);
    assert_true(json_equal(json_object_get(json_array_get(entries, 0), "der"), first));
    json_decref(first);
    must(world, "cert delete", "{'certificate': 'CERTAUTH/Outside Root'}");
    must(world, "cert chain", "{'certificate': 'START1/web'}");
    assert_true(json_is_false(json_object_get(world->answer, "complete")));
    assert_says(world, "warnings", "Outside Root");
    must(world, "cert export", "{'certificate': 'START1/web'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "entries")), 1);
    refused(world, "cert show", "{'certificate': 'START1/Web'}", SG_E_NOT_FOUND,
            "certificate_not_found");
    assert_told(world, "web");
    refused(world, "cert chain", "{'certificate': 'START1/none'}", SG_E_NOT_FOUND,
            "certificate_not_found");
    refused(world, "cert export", "{'certificate': 'START9/none'}", SG_E_NOT_FOUND,
            "certificate_not_found");
    X509_free(leaf);
    outside_ca_done(&ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        TEST(a_request_says_what_the_certificate_says),
        TEST(a_request_may_say_something_else),
        TEST(every_kind_of_key_signs_its_request),
        TEST(bad_requests_are_refused),
        TEST(altering),
        TEST(lists_come_in_pages),
        TEST(lists_are_searched_by_serial_number),
        TEST(showing_chain_and_export),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
