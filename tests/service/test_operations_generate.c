/* cert generate: keys, certificates, other people's requests, and everything that is refused before
 * a key is made. */
#include <string.h>

#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "operations_fixture.h"

static const char make_ca[] = "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=House CA,O=House',"
                              " 'key': 'ec:p256', 'days': 3650}";
static const char make_web[] =
    "{'certificate': 'START1/web', 'subject': 'CN=web.example.com,O=Example,C=GB',"
    " 'san': ['dns:web.example.com', 'ip:127.0.0.1'], 'eku': ['serverAuth'],"
    " 'usage': ['handshake'], 'days': 30}";

/* ---- somebody's request ---- */

static json_t *request_json(EVP_PKEY *key, const char *extension, bool tampered)
{
    X509_REQ *request = X509_REQ_new();
    X509_NAME *name = X509_NAME_new();
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"theirs", -1, -1,
                               0);
    assert_int_equal(X509_REQ_set_subject_name(request, name), 1);
    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    sk_X509_EXTENSION_push(extensions,
                           X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:theirs"));
    if (extension != NULL) {
        sk_X509_EXTENSION_push(extensions,
                               X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, extension));
    }
    assert_int_equal(X509_REQ_add_extensions(request, extensions), 1);
    assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int len = i2d_X509_REQ(request, &der);
    der[len - 1] ^= tampered ? 1 : 0;
    json_t *value = der_json(der, len);
    OPENSSL_free(der);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_NAME_free(name);
    X509_REQ_free(request);
    return value;
}

/* Parameters with a request in them. Takes request. */
static json_t *with_request(const char *params, json_t *request)
{
    json_t *object = json_of(params);
    json_object_set_new(object, "from_request", request);
    return object;
}

/* ---- what is made ---- */

static void check_self_signed(const struct world *world, const char *spec)
{
    X509 *certificate = answered_certificate(world);
    EVP_PKEY *key = X509_get_pubkey(certificate);
    if (key == NULL || X509_verify(certificate, key) != 1) {
        fail_msg("%s: the certificate does not verify", spec);
    }
    assert_int_equal(X509_self_signed(certificate, 1), 1);
    assert_false(ASN1_INTEGER_get_uint64(&(uint64_t){0}, X509_get0_serialNumber(certificate)));
    EVP_PKEY_free(key);
    X509_free(certificate);
}

static void every_key_type_is_generated(void **state)
{
    struct world *world = *state;
    size_t count = 0;
    const struct sg_key_spec *specs = sg_key_specs(&count);
    assert_int_equal(count, 8);
    for (size_t i = 0; i < count; i++) {
        struct snapshot before = snapshot(world);
        char label[64];
        snprintf(label, sizeof label, "START1/key %zu", i);
        must_json(world, "cert generate",
                  json_pack("{s:s, s:s, s:s}", "certificate", label, "subject", "CN=x", "key",
                            specs[i].name));
        struct snapshot after = snapshot(world);
        assert_int_equal(after.private_keys, before.private_keys + 1);
        assert_int_equal(after.certificates,
                         before.certificates); /* a placeholder is the store's */
        assert_int_equal(after.counts.keys, before.counts.keys + 1);
        assert_int_equal(after.counts.intents, 0);
        assert_string_equal(answered(world, "key"), specs[i].name);
        assert_string_equal(answered(world, "token"), "store");
        assert_string_equal(answered(world, "status"), "TRUST");
        assert_int_equal(strlen(answered(world, "key_id")), 32);
        assert_true(json_is_true(json_object_get(world->answer, "private_key")));
        assert_true(json_is_true(json_object_get(world->answer, "placeholder")));
        assert_true(json_is_false(json_object_get(world->answer, "extractable")));
        check_self_signed(world, specs[i].name);
    }
}

static void the_answer_tells_what_is_in_the_certificate(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_web);
    X509 *certificate = answered_certificate(world);
    assert_int_equal(X509_check_host(certificate, "web.example.com", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
    assert_int_equal(X509_get_extended_key_usage(certificate), XKU_SSL_SERVER);
    assert_int_equal(X509_get_key_usage(certificate), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_check_ca(certificate), 0);
    X509_free(certificate);
    assert_string_equal(answered(world, "owner"), "START1");
    assert_string_equal(answered(world, "label"), "web");
    assert_string_equal(answered(world, "key"), "ec:p256");
    assert_string_equal(answered(world, "not_before"), "2026-10-14T17:46:40Z");
    assert_string_equal(answered(world, "not_after"), "2026-11-13T17:46:40Z");
    assert_non_null(strstr(answered(world, "subject"), "CN=web.example.com"));
}

static void a_ca_is_no_placeholder_and_stands_in_the_token(void **state)
{
    struct world *world = *state;
    struct snapshot before = snapshot(world);
    must(world, "cert generate", make_ca);
    struct snapshot after = snapshot(world);
    assert_int_equal(after.certificates, before.certificates + 1);
    assert_int_equal(after.counts.intents, 0);
    X509 *certificate = answered_certificate(world);
    assert_int_equal(X509_check_ca(certificate), 1);
    assert_int_equal(X509_get_key_usage(certificate), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    assert_true(json_is_false(json_object_get(world->answer, "placeholder")));
    X509_free(certificate);
}

static void a_house_ca_signs(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_ca);
    X509 *ca = answered_certificate(world);
    must(world, "cert generate",
         "{'certificate': 'START1/web', 'subject': 'CN=web', 'key': 'rsa:2048',"
         " 'signed_by': 'CERTAUTH/CA'}");
    X509 *leaf = answered_certificate(world);
    assert_int_equal(X509_check_issued(ca, leaf), X509_V_OK);
    assert_int_equal(X509_verify(leaf, X509_get0_pubkey(ca)), 1);
    assert_true(json_is_false(json_object_get(world->answer, "placeholder")));
    assert_says(world, "did", "signed by CERTAUTH/CA");
    X509_free(leaf);
    X509_free(ca);
}

static void what_will_surprise_is_said(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_ca);
    must(world, "cert generate",
         "{'certificate': 'START1/a', 'subject': 'CN=a', 'key': 'ec:secp256k1'}");
    assert_says(world, "warnings", "TLS");
    must(world, "cert generate",
         "{'certificate': 'START1/b', 'subject': 'CN=b', 'key': 'ED25519'}");
    assert_says(world, "warnings", "not delivered through rings");
    must(world, "cert generate",
         "{'certificate': 'START1/c', 'subject': 'CN=c', 'usage': ['certsign']}");
    assert_says(world, "warnings", "outside CERTAUTH");
    must(world, "cert generate",
         "{'certificate': 'START1/d', 'subject': 'CN=d', 'signed_by': 'CERTAUTH/CA',"
         " 'days': 4000}");
    assert_says(world, "warnings", "past its issuer's end");
    must(world, "cert alter", "{'certificate': 'CERTAUTH/CA', 'status': 'notrust'}");
    must(world, "cert generate",
         "{'certificate': 'START1/e', 'subject': 'CN=e', 'signed_by': 'CERTAUTH/CA'}");
    assert_says(world, "warnings", "CERTAUTH/CA is NOTRUST");
}

static void an_administrator_brings_an_owner_into_being(void **state)
{
    struct world *world = *state;
    uint64_t owners = counts(world).owners;
    must(world, "cert generate", "{'certificate': 'new.one/x', 'subject': 'CN=x'}");
    assert_says(world, "did", "created owner NEW.ONE");
    assert_int_equal(counts(world).owners, owners + 1);
    assert_true(has_row(world, "NEW.ONE", "x"));
}

/* A label of 32 characters may have 128 bytes, and with its owner more than a CKA_LABEL takes. */
static void a_label_of_many_bytes_is_a_label(void **state)
{
    struct world *world = *state;
    static const char key[] = "\xF0\x9F\x94\x91";
    char name[300] = "START1/";
    for (size_t len = strlen(name), i = 0; i < 32; i++, len += sizeof key - 1) {
        memcpy(name + len, key, sizeof key);
    }
    must_json(world, "cert generate",
              json_pack("{s:s, s:s}", "certificate", name, "subject", "CN=keys"));
    assert_string_equal(answered(world, "label"), name + 7);
    assert_says(world, "did", name);
}

/* ---- requests ---- */

static const char theirs[] = "{'certificate': 'START1/theirs', 'signed_by': 'CERTAUTH/CA'}";

static void a_request_is_certified_for_a_key_elsewhere(void **state)
{
    struct world *world = *state;
    EVP_PKEY *key = new_key();
    must(world, "cert generate", make_ca);
    struct snapshot before = snapshot(world);
    must_json(world, "cert generate", with_request(theirs, request_json(key, NULL, false)));
    struct snapshot after = snapshot(world);
    X509 *certificate = answered_certificate(world);
    assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(certificate), key), 1);
    assert_int_equal(X509_check_host(certificate, "theirs", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ca(certificate), 0);
    assert_true(json_is_false(json_object_get(world->answer, "private_key")));
    assert_says(world, "did", "elsewhere");
    assert_int_equal(after.private_keys, before.private_keys);
    assert_int_equal(after.certificates, before.certificates);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void a_request_becomes_a_ca_only_under_certauth(void **state)
{
    struct world *world = *state;
    EVP_PKEY *key = new_key();
    must(world, "cert generate", make_ca);
    refused_json(world, "cert generate",
                 with_request(theirs, request_json(key, "critical,CA:TRUE", false)), SG_E_INPUT,
                 "request_wants_ca");
    refused_json(world, "cert generate",
                 with_request("{'certificate': 'CERTAUTH/SUB', 'signed_by': 'CERTAUTH/CA'}",
                              request_json(key, "critical,CA:FALSE", false)),
                 SG_E_INPUT, "request_wants_no_ca");
    must_json(world, "cert generate",
              with_request("{'certificate': 'CERTAUTH/SUB', 'signed_by': 'CERTAUTH/CA'}",
                           request_json(key, "critical,CA:TRUE", false)));
    X509 *certificate = answered_certificate(world);
    assert_int_equal(X509_check_ca(certificate), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* RACF: a KEYUSAGE that is given takes the place of the request's. */
static void a_usage_that_is_said_takes_the_place_of_the_requests(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_ca);
    must(world, "cert generate",
         "{'certificate': 'START1/kk', 'subject': 'CN=k',"
         " 'usage': ['handshake', 'docsign', 'certsign']}");
    must(world, "cert request", "{'certificate': 'START1/kk'}");
    json_t *request = json_incref(json_object_get(world->answer, "csr"));
    static const char plain[] = "{'certificate': 'START1', 'signed_by': 'CERTAUTH/CA'}";
    static const char said[] =
        "{'certificate': 'START1', 'signed_by': 'CERTAUTH/CA', 'usage': ['handshake']}";
    refused_json(world, "cert generate", with_request(plain, json_incref(request)), SG_E_INPUT,
                 "request_wants_ca");
    must_json(world, "cert generate", with_request(said, request));
    assert_says(world, "did", "renewed START1/kk");
    X509 *certificate = answered_certificate(world);
    assert_int_equal(X509_get_key_usage(certificate), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_check_ca(certificate), 0);
    X509_free(certificate);
    EVP_PKEY *key = new_key();
    json_t *ca = with_request(said, request_json(key, "critical,CA:TRUE", false));
    refused_json(world, "cert generate", ca, SG_E_INPUT, "request_wants_ca");
    EVP_PKEY_free(key);
}

static void what_is_not_valid_now_is_said(void **state)
{
    struct world *world = *state;
    must(world, "cert generate",
         "{'certificate': 'START1/a', 'subject': 'CN=a', 'not_before': '2020-01-01T00:00:00Z',"
         " 'not_after': '2021-01-01T00:00:00Z'}");
    assert_says(world, "warnings", "expired already, since 2021-01-01T00:00:00Z");
    must(world, "cert generate",
         "{'certificate': 'START1/b', 'subject': 'CN=b', 'not_before': '2040-01-01T00:00:00Z',"
         " 'not_after': '2041-01-01T00:00:00Z'}");
    assert_says(world, "warnings", "not valid before 2040-01-01T00:00:00Z");
}

static json_t *own_request(struct world *world)
{
    must(world, "cert request", "{'certificate': 'START1/web'}");
    return json_incref(json_object_get(world->answer, "csr"));
}

/* What is renewed is called by its own name, and what it loses is said. */
static void a_renewal_speaks_of_what_it_renews(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_ca);
    must(world, "cert generate", make_web);
    json_t *request = own_request(world);
    static const char by_ca[] = "{'certificate': 'START1', 'signed_by': 'CERTAUTH/CA', %s}";
    char params[300];
    world->service.policy.leaf_days_max = 100;
    snprintf(params, sizeof params, by_ca, "'not_after': '2028-01-01T00:00:00Z', 'shorten': true");
    must_json(world, "cert generate", with_request(params, json_incref(request)));
    assert_says(world, "warnings", "START1/web is valid until");
    snprintf(params, sizeof params, by_ca, "'days': 10");
    must_json(world, "cert generate", with_request(params, request));
    assert_says(world, "warnings", "the one that it replaces was valid longer");
}

static void bad_requests_are_refused(void **state)
{
    struct world *world = *state;
    EVP_PKEY *key = new_key();
    EVP_PKEY *weak = EVP_RSA_gen(1024);
    must(world, "cert generate", make_ca);
    refused_json(world, "cert generate", with_request(theirs, request_json(key, NULL, true)),
                 SG_E_INPUT, "bad_signature");
    refused_json(world, "cert generate", with_request(theirs, request_json(weak, NULL, false)),
                 SG_E_INPUT, "weak_key");
    refused_json(world, "cert generate", with_request(theirs, json_string("AAAA")), SG_E_INPUT,
                 "not_a_request");
    refused_json(world, "cert generate", with_request(theirs, json_string("AAA")), SG_E_USAGE,
                 "bad_parameter");
    static const char *const companions[] = {
        "{'certificate': 'START1/theirs'}",
        "{'certificate': 'START1/theirs', 'signed_by': 'CERTAUTH/CA', 'key': 'ec:p256'}",
        "{'certificate': 'START1/theirs', 'signed_by': 'CERTAUTH/CA', 'token': 'store'}",
        "{'certificate': 'START1/theirs', 'signed_by': 'CERTAUTH/CA', 'extractable': true}",
    };
    for (size_t i = 0; i < SG_COUNT(companions); i++) {
        refused_json(world, "cert generate",
                     with_request(companions[i], request_json(key, NULL, false)), SG_E_USAGE,
                     "bad_parameter");
    }
    EVP_PKEY_free(weak);
    EVP_PKEY_free(key);
}

static void a_request_of_our_own_renews_in_place(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_ca);
    must(world, "cert generate", make_web);
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    uint64_t sequence = sequence_of(world, "START1", "KEY");
    struct snapshot before = snapshot(world);
    unsigned widened = world->widened;
    json_t *request = own_request(world);
    must_json(world, "cert generate",
              with_request("{'certificate': 'START1/web', 'signed_by': 'CERTAUTH/CA'}", request));
    assert_says(world, "did", "renewed START1/web");
    struct snapshot after = snapshot(world);
    assert_int_equal(after.counts.certificates, before.counts.certificates);
    assert_int_equal(after.counts.connections, 1);
    assert_int_equal(after.private_keys, before.private_keys);
    assert_int_equal(after.certificates, before.certificates + 1);
    assert_true(sequence_of(world, "START1", "KEY") > sequence);
    assert_true(world->widened > widened);
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "web");
    assert_false(row.placeholder);
    assert_false(row.requested);
    assert_true(row.has_key);
}

static void renewing_says_which_one_and_whose(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_ca);
    must(world, "cert generate",
         "{'certificate': 'CERTAUTH/CA2', 'subject': 'CN=Second CA', 'days': 3650}");
    must(world, "cert generate", make_web);
    must_json(world, "cert generate",
              with_request("{'certificate': 'START1/other', 'signed_by': 'CERTAUTH/CA'}",
                           own_request(world)));
    assert_says(world, "warnings", "not START1/other");
    assert_false(has_row(world, "START1", "other"));
    must_json(world, "cert generate",
              with_request("{'certificate': 'START1/web', 'signed_by': 'CERTAUTH/CA2'}",
                           own_request(world)));
    assert_says(world, "warnings", "the issuer changes");
}

/* The old CA vouches for the new one: the root that others trust would be gone. */
static void a_root_is_replaced_by_force_only(void **state)
{
    struct world *world = *state;
    static const char params[] = "{'certificate': 'CERTAUTH/CA2', 'signed_by': 'CERTAUTH/CA'}";
    must(world, "cert generate", make_ca);
    must(world, "cert generate",
         "{'certificate': 'CERTAUTH/CA2', 'subject': 'CN=Second CA', 'days': 3650}");
    must(world, "cert request", "{'certificate': 'CERTAUTH/CA2'}");
    json_t *request = json_incref(json_object_get(world->answer, "csr"));
    refused_json(world, "cert generate", with_request(params, json_incref(request)), SG_E_CONFLICT,
                 "issuer_changes");
    assert_told(world, "--force");
    json_t *forced = with_request(params, request);
    json_object_set_new(forced, "force", json_true());
    must_json(world, "cert generate", forced);
    assert_says(world, "warnings", "the issuer changes");
    refused(world, "cert generate", "{'certificate': 'START1/x', 'subject': 'CN=x', 'force': true}",
            SG_E_USAGE, "bad_parameter");
}

static void deleting_a_ca_names_what_it_issued(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_ca);
    must(world, "cert generate",
         "{'certificate': 'CERTAUTH/Twin', 'subject': 'CN=House CA,O=House', 'days': 3650}");
    for (int i = 0; i < 5; i++) {
        must_json(world, "cert generate",
                  json_pack("{s:o, s:s, s:s}", "certificate", json_sprintf("START1/%d", i),
                            "subject", "CN=x", "signed_by", "CERTAUTH/CA"));
    }
    must(world, "cert delete", "{'certificate': 'CERTAUTH/Twin'}");
    assert_null(json_object_get(world->answer, "warnings"));
    must(world, "cert delete", "{'certificate': 'CERTAUTH/CA'}");
    assert_says(world, "warnings", "START1/0, START1/1, START1/2 and 2 more");
    assert_true(has_row(world, "START1", "4"));
}

/* ---- what is refused before a key is made ---- */

static void bad_parameters_are_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *params;
        sg_status status;
        const char *code;
    } rows[] = {
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'key': 'rsa:1024'}", SG_E_INPUT,
         "unknown_key_type"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'key': 'ec:p257'}", SG_E_INPUT,
         "unknown_key_type"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'key': ''}", SG_E_INPUT,
         "unknown_key_type"},
        {"{'certificate': 'START1/x'}", SG_E_USAGE, "bad_parameter"},
        {"{'certificate': 'START1/x', 'subject': ''}", SG_E_INPUT, "bad_subject"},
        {"{'certificate': 'START1/x', 'subject': 'web'}", SG_E_INPUT, "bad_subject"},
        {"{'certificate': 'START1/x', 'subject': 'XX=web'}", SG_E_INPUT, "bad_subject"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'san': ['web']}", SG_E_INPUT, "bad_san"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'san': ['ip:1.2.3']}", SG_E_INPUT,
         "bad_san"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'san': ['dns:']}", SG_E_INPUT, "bad_san"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'eku': ['serverauthority']}", SG_E_INPUT,
         "unknown_eku"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'usage': ['sign']}", SG_E_USAGE,
         "bad_parameter"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'usage': ['dataencrypt']}", SG_E_INPUT,
         "usage_not_for_key"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'key': 'rsa:2048', 'usage': ['keyagree']}",
         SG_E_INPUT, "usage_not_for_key"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'key': 'ed25519', 'usage': ['keyagree']}",
         SG_E_INPUT, "usage_not_for_key"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'days': 0}", SG_E_USAGE, "bad_parameter"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'days': 36526}", SG_E_USAGE,
         "bad_parameter"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'days': 9,"
         " 'not_after': '2027-01-01T00:00:00Z'}",
         SG_E_USAGE, "bad_parameter"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'not_before': '2027-01-01T00:00:00Z',"
         " 'not_after': '2027-01-01T00:00:00Z'}",
         SG_E_INPUT, "bad_validity"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'not_before': '2027-01-02T00:00:00Z',"
         " 'not_after': '2027-01-01T00:00:00Z'}",
         SG_E_INPUT, "bad_validity"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'not_after': '2027-02-30T00:00:00Z'}",
         SG_E_USAGE, "bad_parameter"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'token': 'other'}", SG_E_NOT_FOUND,
         "token_not_found"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'extractable': true}", SG_E_DENIED,
         "extractable_not_allowed"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'signed_by': 'CERTAUTH/none'}",
         SG_E_NOT_FOUND, "certificate_not_found"},
        {"{'certificate': 'START1/x', 'subject': 'CN=x', 'colour': 'red'}", SG_E_USAGE,
         "bad_parameter"},
        {"{'certificate': 'START1/', 'subject': 'CN=x'}", SG_E_INPUT, "bad_label"},
        {"{'certificate': '/x', 'subject': 'CN=x'}", SG_E_INPUT, "bad_owner"},
        {"{'certificate': 'MULTIID/x', 'subject': 'CN=x'}", SG_E_INPUT, "bad_owner"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        refused(world, "cert generate", rows[i].params, rows[i].status, rows[i].code);
    }
}

static void a_label_is_used_once(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_web);
    refused(world, "cert generate", make_web, SG_E_CONFLICT, "label_in_use");
    assert_told(world, "START1/web");
    refused(world, "cert generate", "{'certificate': 'start1/web   ', 'subject': 'CN=y'}",
            SG_E_CONFLICT, "label_in_use");
    must(world, "cert generate", "{'certificate': 'START1/WEB', 'subject': 'CN=exact'}");
    must(world, "cert generate", "{'certificate': 'START2/web', 'subject': 'CN=other owner'}");
}

static void without_a_label_the_lowest_number_is_taken(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'START1', 'subject': 'CN=a'}");
    assert_string_equal(answered(world, "label"), "LABEL00000001");
    must(world, "cert generate", "{'certificate': 'START1', 'subject': 'CN=b'}");
    assert_string_equal(answered(world, "label"), "LABEL00000002");
    must(world, "cert generate", "{'certificate': 'START2', 'subject': 'CN=c'}");
    assert_string_equal(answered(world, "label"), "LABEL00000001");
    must(world, "cert delete", "{'certificate': 'START1/LABEL00000001'}");
    must(world, "cert generate", "{'certificate': 'START1', 'subject': 'CN=d'}");
    assert_string_equal(answered(world, "label"), "LABEL00000001");
}

/* Serialised by control: whoever comes second finds the first one's certificate. */
static void of_two_runs_for_one_label_one_succeeds(void **state)
{
    struct world *world = *state;
    unsigned succeeded = 0;
    struct snapshot before = snapshot(world);
    for (int i = 0; i < 2; i++) {
        succeeded += ask(world, "cert generate", json_of(make_web), false) == SG_OK ? 1 : 0;
    }
    struct snapshot after = snapshot(world);
    assert_int_equal(succeeded, 1);
    assert_int_equal(after.private_keys, before.private_keys + 1);
    assert_int_equal(after.counts.keys, 1);
}

static const char by_issuer[] =
    "{'certificate': 'START1/x', 'subject': 'CN=x', 'signed_by': 'START2/issuer'}";

static void not_everything_can_sign(void **state)
{
    struct world *world = *state;
    struct outside_ca ca;
    outside_ca_make(&ca);
    must(world, "cert generate", "{'certificate': 'START2/issuer', 'subject': 'CN=no CA'}");
    refused(world, "cert generate", by_issuer, SG_E_INPUT, "issuer_not_a_ca");
    must_json(world, "cert add", bundle_json("CERTAUTH/root", ca.root, NULL));
    refused(world, "cert generate",
            "{'certificate': 'START1/x', 'subject': 'CN=x', 'signed_by': 'CERTAUTH/root'}",
            SG_E_CONFLICT, "no_private_key");
    assert_told(world, "CERTAUTH/root");
    must(world, "cert generate", make_ca);
    world->now_s = NOW + 3651 * DAY;
    refused(world, "cert generate",
            "{'certificate': 'START1/x', 'subject': 'CN=x', 'signed_by': 'CERTAUTH/CA'}",
            SG_E_INPUT, "certificate_expired");
    world->now_s = NOW - DAY;
    refused(world, "cert generate",
            "{'certificate': 'START1/x', 'subject': 'CN=x', 'signed_by': 'CERTAUTH/CA'}",
            SG_E_INPUT, "certificate_not_yet_valid");
    outside_ca_done(&ca);
}

static void extractable_only_where_the_policy_allows(void **state)
{
    struct world *world = *state;
    world->extractable_allowed = true;
    must(world, "cert generate",
         "{'certificate': 'START1/x', 'subject': 'CN=x', 'extractable': true}");
    assert_true(json_is_true(json_object_get(world->answer, "extractable")));
    must(world, "cert generate", "{'certificate': 'START1/y', 'subject': 'CN=y'}");
    assert_true(json_is_false(json_object_get(world->answer, "extractable")));
}

static void nothing_is_made_while_the_token_is_down(void **state)
{
    struct world *world = *state;
    world->down = true;
    refused(world, "cert generate", make_web, SG_E_TOKEN, "token_unavailable");
    assert_told(world, "store");
    /* nor is the owner that it would have brought into being */
    refused(world, "cert generate", "{'certificate': 'NEWONE/x', 'subject': 'CN=x'}", SG_E_TOKEN,
            "token_unavailable");
    world->down = false;
    must(world, "cert generate", make_web);
}

/* The new key is there already when its certificate cannot be signed. */
static void what_fails_half_way_is_taken_back(void **state)
{
    struct world *world = *state;
    unsigned count = 0;
    must(world, "cert generate", make_ca);
    SG_CERTIFICATE_ROW ca = row_of(world, "CERTAUTH", "CA");
    assert_int_equal(sg_token_destroy(&world->process.link, &ca.key, &count, &world->err), SG_OK);
    assert_true(count > 0);
    refused(world, "cert generate",
            "{'certificate': 'NEWONE/x', 'subject': 'CN=x', 'signed_by': 'CERTAUTH/CA'}",
            SG_E_TOKEN, "key_missing");
    assert_told(world, "\"store\" does not hold the key of CERTAUTH/CA");
    assert_int_equal(counts(world).intents, 0);
    assert_false(world->down);
}

/* A listener that cannot narrow keeps the change from happening; what it widens to is what is
 * stored. */
static void without_narrowing_there_is_no_renewal(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_ca);
    must(world, "cert generate", make_web);
    json_t *request = own_request(world);
    world->refuse_narrow = true;
    refused_json(world, "cert generate",
                 with_request("{'certificate': 'START1/web', 'signed_by': 'CERTAUTH/CA'}", request),
                 SG_E_STORAGE, "cannot_narrow");
    assert_int_equal(world->counted, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        TEST(every_key_type_is_generated),
        TEST(the_answer_tells_what_is_in_the_certificate),
        TEST(a_ca_is_no_placeholder_and_stands_in_the_token),
        TEST(a_house_ca_signs),
        TEST(what_will_surprise_is_said),
        TEST(an_administrator_brings_an_owner_into_being),
        TEST(a_label_of_many_bytes_is_a_label),
        TEST(a_request_is_certified_for_a_key_elsewhere),
        TEST(a_request_becomes_a_ca_only_under_certauth),
        TEST(a_usage_that_is_said_takes_the_place_of_the_requests),
        TEST(what_is_not_valid_now_is_said),
        TEST(a_renewal_speaks_of_what_it_renews),
        TEST(bad_requests_are_refused),
        TEST(a_request_of_our_own_renews_in_place),
        TEST(renewing_says_which_one_and_whose),
        TEST(a_root_is_replaced_by_force_only),
        TEST(deleting_a_ca_names_what_it_issued),
        TEST(bad_parameters_are_refused),
        TEST(a_label_is_used_once),
        TEST(without_a_label_the_lowest_number_is_taken),
        TEST(of_two_runs_for_one_label_one_succeeds),
        TEST(not_everything_can_sign),
        TEST(extractable_only_where_the_policy_allows),
        TEST(nothing_is_made_while_the_token_is_down),
        TEST(what_fails_half_way_is_taken_back),
        TEST(without_narrowing_there_is_no_renewal),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
