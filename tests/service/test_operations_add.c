/* cert add: what a CA sent back, in every order and with everything that can be wrong with it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/rsa.h>

#include "operations_fixture.h"

/* The CA outside, and START1/web waiting for its answer, connected to START1/KEY. */
static struct outside_ca ca;

static int setup(void **state)
{
    int failed = world_setup(state);
    struct world *world = *state;
    outside_ca_make(&ca);
    must(world, "cert generate",
         "{'certificate': 'START1/web', 'subject': 'CN=web.example.com', 'usage': ['handshake']}");
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': true}");
    return failed;
}

static int teardown(void **state)
{
    outside_ca_done(&ca);
    return world_teardown(state);
}

/* Takes params; status NULL: none. */
static json_t *with(json_t *params, const char *status, bool force)
{
    if (status != NULL) {
        json_object_set_new(params, "status", json_string(status));
    }
    if (force) {
        json_object_set_new(params, "force", json_true());
    }
    return params;
}

static void trust_the_ca(struct world *world)
{
    must_json(world, "cert add", bundle_json("CERTAUTH", ca.root, ca.intermediate, NULL));
}

static void check_web(struct world *world, X509 *expected, enum sg_trust trust)
{
    unsigned char *der = NULL;
    int len = i2d_X509(expected, &der);
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "web");
    assert_int_equal(row.der_len, len);
    assert_memory_equal(row.der, der, (size_t)len);
    assert_int_equal(row.trust, trust);
    assert_false(row.placeholder);
    assert_true(row.has_key);
    OPENSSL_free(der);
}

/* ---- the answer ---- */

static void the_answer_replaces_the_placeholder(void **state)
{
    struct world *world = *state;
    trust_the_ca(world);
    must(world, "cert request", "{'certificate': 'START1/web'}");
    X509 *leaf = certify(world, &ca, "START1", "web");
    struct snapshot before = snapshot(world);
    uint64_t sequence = sequence_of(world, "START1", "KEY");
    unsigned narrowed = world->narrowed;
    must_json(world, "cert add", bundle_json("START1", leaf, NULL));
    struct snapshot after = snapshot(world);
    assert_says(world, "did", "replaced the placeholder of START1/web");
    check_web(world, leaf, SG_TRUST);
    assert_int_equal(after.counts.certificates, before.counts.certificates);
    assert_int_equal(after.counts.connections, 1);
    assert_int_equal(after.counts.intents, 0);
    assert_int_equal(after.certificates, before.certificates + 1);
    assert_true(sequence_of(world, "START1", "KEY") > sequence);
    assert_int_equal(world->narrowed, narrowed + 1);
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "web");
    assert_false(row.requested);
    X509_free(leaf);
}

static void the_chain_comes_in_any_order(void **state)
{
    struct world *world = *state;
    X509 *leaf = certify(world, &ca, "START1", "web");
    X509 *orders[][3] = {{leaf, ca.intermediate, ca.root}, {leaf, ca.root, ca.intermediate},
                         {ca.intermediate, leaf, ca.root}, {ca.intermediate, ca.root, leaf},
                         {ca.root, leaf, ca.intermediate}, {ca.root, ca.intermediate, leaf}};
    for (size_t i = 0; i < SG_COUNT(orders); i++) {
        /* a dry run of each, so that each finds the same store */
        assert_int_equal(ask(world, "cert add",
                             bundle_json("START1/web", orders[i][0], orders[i][1], orders[i][2],
                                         orders[i][i % 3], NULL),
                             true),
                         SG_OK);
        assert_says(world, "effects", "replaced the placeholder of START1/web");
        assert_says(world, "effects", "added CERTAUTH/Outside Root");
        assert_says(world, "effects", "added CERTAUTH/Outside Intermediate");
        assert_int_equal(json_array_size(json_object_get(world->answer, "effects")), 3);
    }
    must_json(world, "cert add",
              bundle_json("START1", ca.root, leaf, ca.intermediate, leaf, ca.root, NULL));
    check_web(world, leaf, SG_TRUST);
    assert_true(has_row(world, "CERTAUTH", "Outside Root"));
    assert_true(has_row(world, "CERTAUTH", "Outside Intermediate"));
    assert_int_equal(counts(world).certificates, 3);
    X509_free(leaf);
}

static void what_does_not_belong_is_left_out_with_a_word(void **state)
{
    struct world *world = *state;
    EVP_PKEY *key = new_key();
    X509 *leaf = certify(world, &ca, "START1", "web");
    X509 *other = outside(&(struct recipe){.name = "Unrelated", .key = key, .ca = true});
    must_json(world, "cert add",
              bundle_json("START1/web", other, leaf, ca.intermediate, ca.root, NULL));
    assert_says(world, "warnings", "left out 1 certificate");
    assert_false(has_row(world, "CERTAUTH", "Unrelated"));
    X509_free(other);
    X509_free(leaf);
    EVP_PKEY_free(key);
}

static void labels_of_issuers_do_not_collide(void **state)
{
    struct world *world = *state;
    struct outside_ca second;
    outside_ca_make(&second);
    trust_the_ca(world);
    must_json(world, "cert add", bundle_json("CERTAUTH", second.intermediate, second.root, NULL));
    assert_true(has_row(world, "CERTAUTH", "Outside Root-2"));
    assert_true(has_row(world, "CERTAUTH", "Outside Intermediate-2"));
    outside_ca_done(&second);
}

static void an_issuer_that_is_somebody_elses_is_said(void **state)
{
    struct world *world = *state;
    X509 *leaf = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", bundle_json("START2/root", ca.root, NULL));
    must_json(world, "cert add", bundle_json("START1/web", leaf, ca.intermediate, ca.root, NULL));
    assert_says(world, "warnings", "START2/root");
    assert_true(has_row(world, "CERTAUTH", "Outside Intermediate"));
    assert_false(has_row(world, "CERTAUTH", "Outside Root"));
    X509_free(leaf);
}

static void a_renewal_keeps_the_status_unless_told(void **state)
{
    struct world *world = *state;
    trust_the_ca(world);
    X509 *first = certify(world, &ca, "START1", "web");
    X509 *second = certify(world, &ca, "START1", "web");
    X509 *third = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", bundle_json("START1", first, NULL));
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    must_json(world, "cert add", bundle_json("START1", second, NULL));
    check_web(world, second, SG_NOTRUST);
    assert_says(world, "warnings", "stays NOTRUST");
    must_json(world, "cert add", with(bundle_json("START1", third, NULL), "trust", false));
    check_web(world, third, SG_TRUST);
    assert_says(world, "did", "renewed START1/web");
    X509_free(first);
    X509_free(second);
    X509_free(third);
}

/* ---- the wrong one ---- */

static void a_certificate_for_another_key_is_refused(void **state)
{
    struct world *world = *state;
    trust_the_ca(world);
    must(world, "cert generate", "{'certificate': 'START1/app', 'subject': 'CN=app'}");
    must(world, "cert generate", "{'certificate': 'START2/far', 'subject': 'CN=far'}");
    X509 *app = certify(world, &ca, "START1", "app");
    X509 *far = certify(world, &ca, "START2", "far");
    EVP_PKEY *key = new_key();
    X509 *nobody = outside(&(struct recipe){
        .name = "nobody", .key = key, .issuer = ca.intermediate, .signer = ca.int_key});
    refused_json(world, "cert add", bundle_json("START1/web", app, NULL), SG_E_CONFLICT,
                 "wrong_key");
    assert_told(world, "signet cert add 'START1/app'");
    refused_json(world, "cert add", bundle_json("START1/web", far, NULL), SG_E_CONFLICT,
                 "wrong_key");
    assert_told(world, "START2/far");
    refused_json(world, "cert add", bundle_json("START1/web", nobody, NULL), SG_E_CONFLICT,
                 "wrong_key");
    assert_told(world, "signet cert request 'START1/web'");
    refused_json(world, "cert add", bundle_json("START1/new", app, NULL), SG_E_CONFLICT,
                 "wrong_label");
    assert_told(world, "START1/app");
    /* by RACF's rules it is a renewal, and the label is ignored, with a word */
    json_t *params = bundle_json("START1/new", app, NULL);
    json_object_set_new(params, "racf", json_true());
    must_json(world, "cert add", params);
    assert_says(world, "warnings", "the label \"new\" is not taken");
    assert_string_equal(answered(world, "label"), "app");
    assert_false(has_row(world, "START1", "new"));
    params = bundle_json("START1/web", app, NULL);
    json_object_set_new(params, "racf", json_true());
    refused_json(world, "cert add", params, SG_E_CONFLICT, "wrong_key");
    X509_free(nobody);
    X509_free(far);
    X509_free(app);
    EVP_PKEY_free(key);
}

static void the_label_says_which_of_two(void **state)
{
    struct world *world = *state;
    trust_the_ca(world);
    must(world, "cert generate", "{'certificate': 'START1/app', 'subject': 'CN=app'}");
    X509 *app = certify(world, &ca, "START1", "app");
    X509 *web = certify(world, &ca, "START1", "web");
    refused_json(world, "cert add", bundle_json("START1", app, web, NULL), SG_E_INPUT,
                 "ambiguous_bundle");
    refused_json(world, "cert add", bundle_json("START1", web, app, NULL), SG_E_INPUT,
                 "ambiguous_bundle");
    must_json(world, "cert add", bundle_json("START1/web", app, web, NULL));
    check_web(world, web, SG_TRUST);
    assert_says(world, "warnings", "left out 1 certificate");
    must_json(world, "cert add", bundle_json("START1", app, NULL));
    X509_free(app);
    X509_free(web);
}

/* Own issuers in the bundle are issuers, whatever stands first. */
static void an_own_issuer_is_not_taken_for_the_answer(void **state)
{
    struct world *world = *state;
    must(world, "cert generate",
         "{'certificate': 'CERTAUTH/House', 'subject': 'CN=House', 'days': 3650}");
    must(world, "cert generate",
         "{'certificate': 'CERTAUTH/Sub', 'subject': 'CN=Sub', 'days': 3000}");
    SG_CERTIFICATE_ROW row = row_of(world, "CERTAUTH", "House");
    const unsigned char *at = row.der;
    X509 *house = d2i_X509(NULL, &at, (long)row.der_len);
    must(world, "cert request", "{'certificate': 'CERTAUTH/Sub'}");
    json_t *request = json_incref(json_object_get(world->answer, "csr"));
    /* what signing outside and adding would have brought: House signs Sub */
    assert_int_equal(
        ask(world, "cert generate",
            json_pack("{s:s, s:s, s:o, s:b}", "certificate", "CERTAUTH/Sub", "signed_by",
                      "CERTAUTH/House", "from_request", request, "force", 1),
            false),
        SG_OK);
    X509 *sub = answered_certificate(world);
    refused_json(world, "cert add", bundle_json("CERTAUTH", house, sub, NULL), SG_E_CONFLICT,
                 "certificate_exists");
    assert_told(world, "CERTAUTH/Sub");
    X509_free(sub);
    X509_free(house);
}

static void a_duplicate_is_named(void **state)
{
    struct world *world = *state;
    trust_the_ca(world);
    X509 *leaf = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", bundle_json("START1", leaf, NULL));
    refused_json(world, "cert add", bundle_json("START1", leaf, NULL), SG_E_CONFLICT,
                 "certificate_exists");
    assert_told(world, "START1/web");
    refused_json(world, "cert add", bundle_json("START2/copy", leaf, NULL), SG_E_CONFLICT,
                 "certificate_exists");
    refused_json(world, "cert add", bundle_json("CERTAUTH", ca.root, NULL), SG_E_CONFLICT,
                 "certificate_exists");
    refused_json(world, "cert add", bundle_json("CERTAUTH", ca.root, ca.intermediate, NULL),
                 SG_E_CONFLICT, "certificate_exists");
    X509_free(leaf);
}

/* With the last bit of its signature turned. */
static X509 *altered(X509 *certificate)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    assert_true(len > 0);
    der[len - 1] ^= 1;
    const unsigned char *at = der;
    X509 *made = d2i_X509(NULL, &at, len);
    assert_non_null(made);
    OPENSSL_free(der);
    return made;
}

/* The same issuer and serial number; otherwise another. */
static X509 *twin_of(X509 *certificate, const struct recipe *recipe)
{
    X509 *made = outside(recipe);
    assert_int_equal(X509_set_serialNumber(made, X509_get_serialNumber(certificate)), 1);
    assert_true(X509_sign(made, recipe->signer, EVP_sha256()) > 0);
    return made;
}

static void what_was_altered_is_no_duplicate(void **state)
{
    struct world *world = *state;
    trust_the_ca(world);
    X509 *leaf = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", bundle_json("START1", leaf, NULL));
    X509 *bad_leaf = altered(leaf);
    X509 *bad_root = altered(ca.root);
    const char *const targets[] = {"START1", "START1/web", "START2/copy"};
    for (size_t i = 0; i < SG_COUNT(targets); i++) {
        refused_json(world, "cert add", bundle_json(targets[i], bad_leaf, NULL), SG_E_INPUT,
                     "bad_signature");
        refused_json(world, "cert add",
                     with(bundle_json(targets[i], bad_leaf, NULL), "notrust", false), SG_E_INPUT,
                     "bad_signature");
    }
    refused_json(world, "cert add", bundle_json("CERTAUTH", bad_root, NULL), SG_E_INPUT,
                 "bad_signature");
    refused_json(world, "cert add", bundle_json("CERTAUTH", bad_root, ca.intermediate, NULL),
                 SG_E_INPUT, "bad_signature");
    X509_free(bad_root);
    X509_free(bad_leaf);
    X509_free(leaf);
}

static void another_with_its_serial_number_is_no_duplicate(void **state)
{
    struct world *world = *state;
    trust_the_ca(world);
    EVP_PKEY *key = new_key();
    X509 *leaf = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", bundle_json("START1", leaf, NULL));
    X509 *twin = twin_of(
        leaf, &(struct recipe){
                  .name = "twin", .key = key, .issuer = ca.intermediate, .signer = ca.int_key});
    X509 *authority = twin_of(
        ca.intermediate,
        &(struct recipe){
            .name = "Twin", .key = key, .issuer = ca.root, .signer = ca.root_key, .ca = true});
    refused_json(world, "cert add", bundle_json("START2", twin, NULL), SG_E_CONFLICT,
                 "serial_number_taken");
    assert_told(world, "another certificate");
    assert_told(world, "START1/web");
    refused_json(world, "cert add", with(bundle_json("START2", twin, NULL), "notrust", false),
                 SG_E_CONFLICT, "serial_number_taken");
    refused_json(world, "cert add", bundle_json("CERTAUTH", authority, NULL), SG_E_CONFLICT,
                 "serial_number_taken");
    refused_json(world, "cert add", bundle_json("CERTAUTH", ca.root, authority, NULL),
                 SG_E_CONFLICT, "serial_number_taken");
    X509 *below =
        outside(&(struct recipe){.name = "below", .key = key, .issuer = authority, .signer = key});
    must_json(world, "cert add", bundle_json("START2", below, authority, NULL));
    assert_says(world, "warnings", "is not stored under CERTAUTH: another certificate");
    X509_free(below);
    X509_free(authority);
    X509_free(twin);
    X509_free(leaf);
    EVP_PKEY_free(key);
}

/* Who may not list the other one does not learn whose it is. */
static void a_twin_of_another_owner_is_not_named(void **state)
{
    struct world *world = *state;
    trust_the_ca(world);
    EVP_PKEY *key = new_key();
    EVP_PKEY *own = new_key();
    X509 *theirs = outside(&(struct recipe){
        .name = "theirs", .key = key, .issuer = ca.intermediate, .signer = ca.int_key});
    must_json(world, "cert add", bundle_json("START2/theirs", theirs, NULL));
    X509 *twin = twin_of(
        theirs, &(struct recipe){
                    .name = "twin", .key = own, .issuer = ca.intermediate, .signer = ca.int_key});
    must(world, "authority define",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.ADD', 'uacc': 'read'}");
    world->caller = &owner_of_start1;
    refused_json(world, "cert add", bundle_json("START1", twin, NULL), SG_E_CONFLICT,
                 "serial_number_taken");
    assert_null(strstr(world->err.text, "START2"));
    assert_null(strstr(world->err.hint, "START2"));
    world->caller = &administrator;
    X509_free(twin);
    X509_free(theirs);
    EVP_PKEY_free(own);
    EVP_PKEY_free(key);
}

static void a_label_in_use_is_not_overwritten(void **state)
{
    struct world *world = *state;
    must_json(world, "cert add", bundle_json("START2/root", ca.root, NULL));
    refused_json(world, "cert add",
                 with(bundle_json("START2/root", ca.intermediate, NULL), "notrust", false),
                 SG_E_CONFLICT, "label_in_use");
}

static void two_end_entities_are_ambiguous(void **state)
{
    struct world *world = *state;
    EVP_PKEY *keys[2] = {new_key(), new_key()};
    X509 *leaves[2];
    for (int i = 0; i < 2; i++) {
        leaves[i] = outside(&(struct recipe){.name = i == 0 ? "one" : "two",
                                             .key = keys[i],
                                             .issuer = ca.intermediate,
                                             .signer = ca.int_key});
    }
    refused_json(world, "cert add",
                 bundle_json("START2", leaves[0], ca.intermediate, leaves[1], ca.root, NULL),
                 SG_E_INPUT, "ambiguous_bundle");
    assert_told(world, "one at a time");
    for (int i = 0; i < 2; i++) {
        X509_free(leaves[i]);
        EVP_PKEY_free(keys[i]);
    }
}

/* ---- what does not verify ---- */

static X509 *web_with(struct world *world, int64_t from_s, int64_t until_s)
{
    EVP_PKEY *key = key_of(world, "START1", "web");
    X509 *made = outside(&(struct recipe){.name = "web.example.com",
                                          .key = key,
                                          .issuer = ca.intermediate,
                                          .signer = ca.int_key,
                                          .from_s = from_s,
                                          .until_s = until_s});
    EVP_PKEY_free(key);
    return made;
}

static void a_missing_issuer_is_named(void **state)
{
    struct world *world = *state;
    X509 *leaf = certify(world, &ca, "START1", "web");
    refused_json(world, "cert add", bundle_json("START1", leaf, NULL), SG_E_INPUT,
                 "chain_incomplete");
    assert_told(world, "Outside Intermediate");
    refused_json(world, "cert add", bundle_json("START1", leaf, ca.intermediate, NULL), SG_E_INPUT,
                 "chain_incomplete");
    assert_told(world, "Outside Root");
    refused_json(world, "cert add", bundle_json("START1", leaf, ca.root, NULL), SG_E_INPUT,
                 "chain_incomplete");
    must_json(world, "cert add", with(bundle_json("START1", leaf, NULL), "notrust", false));
    check_web(world, leaf, SG_NOTRUST);
    assert_says(world, "warnings", "stored NOTRUST: the chain ends at");
    X509_free(leaf);
}

/* A CA that was made anew, under its old name. */
static void an_issuer_with_a_new_key_is_told_from_a_missing_one(void **state)
{
    struct world *world = *state;
    struct outside_ca anew;
    X509 *leaf = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", bundle_json("START1", leaf, ca.intermediate, ca.root, NULL));
    outside_ca_make(&anew);
    X509 *other = certify(world, &anew, "START1", "web");
    refused_json(world, "cert add", bundle_json("START1", other, NULL), SG_E_INPUT,
                 "chain_incomplete");
    assert_told(world, "CERTAUTH/");
    assert_told(world, "that CA has a new key");
    outside_ca_done(&anew);
    X509_free(other);
    X509_free(leaf);
}

static void a_validity_beyond_the_issuers_is_said(void **state)
{
    struct world *world = *state;
    X509 *leaf = web_with(world, NOW - DAY, NOW + 100000 * DAY);
    must_json(world, "cert add", bundle_json("START1", leaf, ca.intermediate, ca.root, NULL));
    assert_says(world, "warnings", "reaches past its issuer's end");
    X509_free(leaf);
    leaf = web_with(world, NOW - DAY, NOW + DAY);
    must_json(world, "cert add", bundle_json("START1", leaf, NULL));
    assert_false(says(world, "warnings", "issuer's end"));
    X509_free(leaf);
}

static json_t *by_racf(json_t *params)
{
    json_object_set_new(params, "racf", json_true());
    return params;
}

/* docs/racf-compatibility.md, trust status: what does not verify is stored NOTRUST, unless somebody
 * says TRUST. Its issuers do not become trust anchors by the way. */
static void racf_stores_what_does_not_verify_notrust(void **state)
{
    struct world *world = *state;
    X509 *leaf = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", by_racf(bundle_json("START1", leaf, ca.intermediate, NULL)));
    check_web(world, leaf, SG_NOTRUST);
    assert_says(world, "warnings", "stored NOTRUST: the chain ends at");
    assert_says(world, "warnings", "its issuers were not stored");
    must_json(world, "cert delete", json_of("{'certificate': 'START1/web', 'force': true}"));
    must_json(world, "cert add",
              by_racf(with(bundle_json("START1", leaf, ca.intermediate, NULL), "trust", false)));
    assert_string_equal(answered(world, "label"), "LABEL00000001");
    assert_string_equal(answered(world, "status"), "TRUST");
    assert_says(world, "warnings", "stored TRUST as asked: the chain ends at");
    assert_says(world, "warnings", "its issuers were not stored");
    assert_int_equal(counts(world).certificates, 1);
    X509_free(leaf);
}

/* Last year's file in this year's deck. */
static void what_serves_is_not_lost_to_what_does_not_verify(void **state)
{
    struct world *world = *state;
    X509 *good = web_with(world, NOW - DAY, NOW + DAY);
    X509 *expired = web_with(world, NOW - 9 * DAY, NOW - 1);
    must_json(world, "cert add", bundle_json("START1", good, ca.intermediate, ca.root, NULL));
    refused_json(world, "cert add", by_racf(bundle_json("START1", expired, NULL)), SG_E_CONFLICT,
                 "would_lose_trust");
    check_web(world, good, SG_TRUST);
    must_json(world, "cert add",
              by_racf(with(bundle_json("START1", expired, NULL), "notrust", false)));
    check_web(world, expired, SG_NOTRUST);
    X509_free(expired);
    X509_free(good);
}

/* A ring that trusts a certificate trusts what takes its place. */
static void a_renewal_brings_no_anchor_in(void **state)
{
    struct world *world = *state;
    X509 *leaf = certify(world, &ca, "START1", "web");
    EVP_PKEY *key = key_of(world, "START1", "web");
    X509 *evil = outside(&(struct recipe){
        .name = "My CA", .key = key, .issuer = ca.intermediate, .signer = ca.int_key, .ca = true});
    X509 *renamed = outside(&(struct recipe){
        .name = "another", .key = key, .issuer = ca.intermediate, .signer = ca.int_key});
    must_json(world, "cert add", bundle_json("START1", leaf, ca.intermediate, ca.root, NULL));
    must(world, "ring add", "{'ring': 'START2/TR'}");
    must(world, "ring connect",
         "{'ring': 'START2/TR', 'certificate': 'START1/web', 'usage': 'certauth'}");
    must(world, "authority define",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.ADD', 'uacc': 'read'}");
    world->caller = &owner_of_start1;
    refused_json(world, "cert add", bundle_json("START1", evil, NULL), SG_E_DENIED,
                 "not_authorised");
    refused_json(world, "cert add", bundle_json("START1", renamed, NULL), SG_E_DENIED,
                 "not_authorised");
    X509 *again = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", bundle_json("START1", again, NULL)); /* the same, renewed */
    world->caller = &administrator;
    must_json(world, "cert add", bundle_json("START1", renamed, NULL));
    assert_says(world, "warnings", "the subject changes from");
    X509_free(again);
    X509_free(renamed);
    X509_free(evil);
    EVP_PKEY_free(key);
    X509_free(leaf);
}

static void racf_numbers_the_issuers(void **state)
{
    struct world *world = *state;
    X509 *leaf = certify(world, &ca, "START1", "web");
    must_json(world, "cert add",
              by_racf(bundle_json("START1", leaf, ca.root, ca.intermediate, NULL)));
    assert_true(has_row(world, "CERTAUTH", "LABEL00000001"));
    assert_true(has_row(world, "CERTAUTH", "LABEL00000002"));
    assert_false(has_row(world, "CERTAUTH", "Outside Root"));
    X509_free(leaf);
}

static void out_of_its_time_it_is_refused(void **state)
{
    struct world *world = *state;
    trust_the_ca(world);
    X509 *expired = web_with(world, NOW - 9 * DAY, NOW - 1);
    X509 *early = web_with(world, NOW + 60, NOW + 9 * DAY);
    refused_json(world, "cert add", bundle_json("START1", expired, NULL), SG_E_INPUT,
                 "certificate_expired");
    assert_told(world, "--notrust");
    refused_json(world, "cert add", with(bundle_json("START1", expired, NULL), "trust", false),
                 SG_E_INPUT, "certificate_expired");
    refused_json(world, "cert add", bundle_json("START1", early, NULL), SG_E_INPUT,
                 "certificate_not_yet_valid");
    must_json(world, "cert add", with(bundle_json("START1", early, NULL), "notrust", false));
    check_web(world, early, SG_NOTRUST);
    assert_says(world, "warnings", "stored NOTRUST");
    must_json(world, "cert add", with(bundle_json("START1", expired, NULL), "notrust", false));
    check_web(world, expired, SG_NOTRUST);
    assert_says(world, "warnings", "ends earlier");
    X509_free(early);
    X509_free(expired);
}

static void an_expired_issuer_counts_too(void **state)
{
    struct world *world = *state;
    X509 *leaf = certify(world, &ca, "START1", "web");
    world->now_s = NOW + 80 * DAY;
    EVP_PKEY *key = new_key();
    X509 *old = outside(
        &(struct recipe){.name = "Old Root", .key = key, .ca = true, .until_s = NOW + 20 * DAY});
    EVP_PKEY *own = key_of(world, "START1", "web");
    X509 *under =
        outside(&(struct recipe){.name = "web", .key = own, .issuer = old, .signer = key});
    refused_json(world, "cert add", bundle_json("START1", under, old, NULL), SG_E_INPUT,
                 "certificate_expired");
    assert_told(world, "Old Root");
    must_json(world, "cert add", bundle_json("START1", leaf, ca.root, ca.intermediate, NULL));
    X509_free(under);
    X509_free(old);
    X509_free(leaf);
    EVP_PKEY_free(own);
    EVP_PKEY_free(key);
}

static void a_bad_signature_is_never_stored(void **state)
{
    struct world *world = *state;
    trust_the_ca(world);
    EVP_PKEY *own = key_of(world, "START1", "web");
    EVP_PKEY *forger = new_key();
    X509 *forged = outside(&(struct recipe){
        .name = "web.example.com", .key = own, .issuer = ca.intermediate, .signer = forger});
    refused_json(world, "cert add", bundle_json("START1", forged, NULL), SG_E_INPUT,
                 "bad_signature");
    refused_json(world, "cert add", with(bundle_json("START1", forged, NULL), "notrust", false),
                 SG_E_INPUT, "bad_signature");
    refused_json(
        world, "cert add",
        with(bundle_json("START1", forged, ca.root, ca.intermediate, NULL), "notrust", true),
        SG_E_INPUT, "bad_signature");
    refused_json(world, "cert add",
                 by_racf(with(bundle_json("START1", forged, NULL), "trust", true)), SG_E_INPUT,
                 "bad_signature");
    X509_free(forged);
    EVP_PKEY_free(forger);
    EVP_PKEY_free(own);
}

static void an_issuer_that_is_no_ca_is_refused(void **state)
{
    struct world *world = *state;
    EVP_PKEY *own = key_of(world, "START1", "web");
    EVP_PKEY *key = new_key();
    X509 *not_ca = outside(
        &(struct recipe){.name = "Not a CA", .key = key, .issuer = ca.root, .signer = ca.root_key});
    X509 *leaf =
        outside(&(struct recipe){.name = "web", .key = own, .issuer = not_ca, .signer = key});
    refused_json(world, "cert add", bundle_json("START1", leaf, not_ca, ca.root, NULL), SG_E_INPUT,
                 "issuer_not_a_ca");
    assert_told(world, "Not a CA");
    must_json(world, "cert add",
              with(bundle_json("START1", leaf, not_ca, ca.root, NULL), "notrust", false));
    check_web(world, leaf, SG_NOTRUST);
    assert_says(world, "warnings", "issuers were not stored");
    assert_false(has_row(world, "CERTAUTH", "Not a CA"));
    X509_free(leaf);
    X509_free(not_ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(own);
}

static void a_distrusted_issuer_passes_no_trust_on(void **state)
{
    struct world *world = *state;
    trust_the_ca(world);
    must(world, "cert alter",
         "{'certificate': 'CERTAUTH/Outside Intermediate', 'status': 'notrust'}");
    X509 *leaf = certify(world, &ca, "START1", "web");
    refused_json(world, "cert add", bundle_json("START1", leaf, NULL), SG_E_INPUT,
                 "issuer_not_trusted");
    assert_told(world, "CERTAUTH/Outside Intermediate");
    /* nor does it by being in the bundle too, wherever it stands there */
    refused_json(world, "cert add", bundle_json("START1", ca.intermediate, leaf, NULL), SG_E_INPUT,
                 "issuer_not_trusted");
    refused_json(world, "cert add", bundle_json("START1", leaf, ca.intermediate, ca.root, NULL),
                 SG_E_INPUT, "issuer_not_trusted");
    must_json(world, "cert add", with(bundle_json("START1", leaf, NULL), "notrust", false));
    check_web(world, leaf, SG_NOTRUST);
    assert_says(world, "warnings", "is NOTRUST");
    X509_free(leaf);
}

static void weak_and_malformed_ones_are_refused(void **state)
{
    struct world *world = *state;
    EVP_PKEY *weak = EVP_RSA_gen(1024);
    X509 *root = outside(&(struct recipe){.name = "Weak", .key = weak, .ca = true});
    X509 *leaf = certify(world, &ca, "START1", "web");
    refused_json(world, "cert add", bundle_json("CERTAUTH/weak", root, NULL), SG_E_INPUT,
                 "weak_key");
    refused_json(world, "cert add", with(bundle_json("CERTAUTH/weak", root, NULL), "notrust", true),
                 SG_E_INPUT, "weak_key");
    refused_json(world, "cert add", bundle_json("START1", leaf, ca.intermediate, root, NULL),
                 SG_E_INPUT, "weak_key");
    refused(world, "cert add", "{'target': 'START1', 'certificates': ['AAAA']}", SG_E_INPUT,
            "not_a_certificate");
    refused(world, "cert add", "{'target': 'START1', 'certificates': []}", SG_E_USAGE,
            "bad_parameter");
    refused(world, "cert add", "{'target': 'START1', 'certificates': ['*']}", SG_E_USAGE,
            "bad_parameter");
    refused_json(world, "cert add", bundle_json("NOBODY$/", leaf, NULL), SG_E_INPUT, "bad_label");
    X509_free(leaf);
    X509_free(root);
    EVP_PKEY_free(weak);
}

/* RFC 5280, 4.1.2.4, 4.1.2.6, 4.2: no such certificate may be. */
static void what_must_not_exist_is_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        enum malformed how;
        const char *text;
    } rows[] = {{EMPTY_ISSUER, "issuer has no name"},
                {EMPTY_SUBJECT, "no subject, and no critical subjectAltName"},
                {EXTENSION_TWICE, "extension 1.2.3.4 twice"}};
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        X509 *bad = malformed_ca(rows[i].how, "Bad");
        refused_json(world, "cert add", bundle_json("CERTAUTH", bad, NULL), SG_E_INPUT,
                     "malformed_certificate");
        assert_told(world, rows[i].text);
        assert_told(world, "Nothing was changed");
        refused_json(world, "cert add", with(bundle_json("CERTAUTH", bad, NULL), "notrust", true),
                     SG_E_INPUT, "malformed_certificate");
        refused_json(world, "cert add", bundle_json("CERTAUTH", ca.root, bad, NULL), SG_E_INPUT,
                     "malformed_certificate");
        json_t *params = bundle_json("CERTAUTH", bad, NULL);
        json_object_set_new(params, "racf", json_true());
        refused_json(world, "cert add", params, SG_E_INPUT, "malformed_certificate");
        must_json(world, "cert check", json_pack("{s:[o]}", "certificates", certificate_json(bad)));
        assert_says(world, "warnings", rows[i].text);
        X509_free(bad);
    }
}

/* RFC 5280, 4.2: it may be there, but whoever uses it must reject it. */
static void what_must_be_rejected_is_never_trusted(void **state)
{
    struct world *world = *state;
    static const struct {
        enum malformed how;
        const char *text;
    } rows[] = {{SHORT_ADDRESS, "subjectAltName holds an IP address"},
                {NO_NAME, "subjectAltName holds no name"},
                {NO_USAGE, "keyUsage names no use"},
                {NO_PURPOSES, "extendedKeyUsage is malformed"}};
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        X509 *bad = malformed_ca(rows[i].how, "Bad");
        refused_json(world, "cert add", bundle_json("CERTAUTH/bad", bad, NULL), SG_E_INPUT,
                     "unreadable_extension");
        assert_told(world, rows[i].text);
        assert_told(world, "--notrust");
        refused_json(world, "cert add", with(bundle_json("CERTAUTH/bad", bad, NULL), "trust", true),
                     SG_E_INPUT, "unreadable_extension");
        json_t *params = with(bundle_json("CERTAUTH/bad", bad, NULL), "trust", false);
        json_object_set_new(params, "racf", json_true());
        must_json(world, "cert add", params);
        assert_says(world, "warnings", "stored NOTRUST: ");
        assert_says(world, "warnings", rows[i].text);
        refused(world, "cert alter", "{'certificate': 'CERTAUTH/bad', 'status': 'trust'}",
                SG_E_INPUT, "malformed_certificate");
        refused(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'CERTAUTH/bad'}",
                SG_E_INPUT, "malformed_certificate");
        must(world, "cert delete", "{'certificate': 'CERTAUTH/bad'}");
        X509_free(bad);
    }
}

/* Takes bad, which is to be found wrong with this code first. */
static void stays_untrusted(struct world *world, X509 *bad, X509 *issuer, const char *code)
{
    refused_json(world, "cert add", bundle_json("CERTAUTH/bad", bad, issuer, NULL), SG_E_INPUT,
                 code);
    json_t *params = with(bundle_json("CERTAUTH/bad", bad, issuer, NULL), "trust", false);
    must_json(world, "cert add", by_racf(params));
    assert_says(world, "warnings", "stored NOTRUST: ");
    assert_says(world, "warnings", "subjectAltName holds an IP address");
    SG_CERTIFICATE_ROW row = row_of(world, "CERTAUTH", "bad");
    assert_int_equal(row.trust, SG_NOTRUST);
    must(world, "cert delete", "{'certificate': 'CERTAUTH/bad'}");
    X509_free(bad);
}

static void whatever_else_is_found_first(void **state)
{
    struct world *world = *state;
    EVP_PKEY *key = new_key();
    EVP_PKEY *other = new_key();
    struct recipe recipe = {.name = "Bad", .key = key, .ca = true};
    recipe.from_s = NOW - 9 * DAY;
    recipe.until_s = NOW - DAY;
    stays_untrusted(world, malformed(SHORT_ADDRESS, &recipe), NULL, "certificate_expired");
    recipe.from_s = NOW + DAY;
    recipe.until_s = NOW + 9 * DAY;
    stays_untrusted(world, malformed(SHORT_ADDRESS, &recipe), NULL, "certificate_not_yet_valid");
    X509 *no_ca = outside(&(struct recipe){.name = "Not a CA", .key = other});
    recipe =
        (struct recipe){.name = "Bad", .key = key, .issuer = no_ca, .signer = other, .ca = true};
    stays_untrusted(world, malformed(SHORT_ADDRESS, &recipe), no_ca, "issuer_not_a_ca");
    X509_free(no_ca);
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
}

/* A chain ends before it; no "cert alter --trust" would change that. */
static void a_malformed_issuer_is_said_to_be_that(void **state)
{
    struct world *world = *state;
    EVP_PKEY *key = new_key();
    EVP_PKEY *own = key_of(world, "START1", "web");
    X509 *bad = malformed(SHORT_ADDRESS, &(struct recipe){.name = "Bad", .key = key, .ca = true});
    X509 *leaf = outside(
        &(struct recipe){.name = "web.example.com", .key = own, .issuer = bad, .signer = key});
    must_json(world, "cert add", with(bundle_json("CERTAUTH/bad", bad, NULL), "notrust", false));
    must_json(world, "cert add", with(bundle_json("START1", leaf, NULL), "notrust", false));
    must(world, "cert export", "{'certificate': 'START1/web', 'chain': true}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "entries")), 1);
    assert_says(world, "warnings", "which is malformed");
    assert_false(says(world, "warnings", "--trust"));
    X509_free(leaf);
    X509_free(bad);
    EVP_PKEY_free(own);
    EVP_PKEY_free(key);
}

static void a_change_nobody_could_be_told_of_does_not_happen(void **state)
{
    struct world *world = *state;
    X509 *leaf = certify(world, &ca, "START1", "web");
    world->refuse_narrow = true;
    refused_json(world, "cert add", bundle_json("START1", leaf, ca.root, ca.intermediate, NULL),
                 SG_E_STORAGE, "cannot_narrow");
    /* and what is granted again is by the certificates that are stored: web alone */
    assert_int_equal(world->counted, 1);
    X509_free(leaf);
}

static void the_token_follows_when_it_is_back(void **state)
{
    struct world *world = *state;
    unsigned settled = 0;
    trust_the_ca(world);
    X509 *leaf = certify(world, &ca, "START1", "web");
    struct snapshot before = snapshot(world);
    world->down = true;
    must_json(world, "cert add", bundle_json("START1", leaf, NULL));
    assert_says(world, "warnings", "could not follow at once");
    check_web(world, leaf, SG_TRUST);
    assert_int_equal(counts(world).intents, 1);
    world->down = false;
    assert_int_equal(sg_operations_recover(&world->service, "store", &settled, &world->err), SG_OK);
    assert_int_equal(settled, 1);
    struct snapshot after = snapshot(world);
    assert_int_equal(after.counts.intents, 0);
    assert_int_equal(after.certificates, before.certificates + 1);
    X509_free(leaf);
}

/* ---- keyless, CERTAUTH ---- */

static void without_a_key_it_is_stored_with_a_word(void **state)
{
    struct world *world = *state;
    trust_the_ca(world);
    must(world, "cert generate", "{'certificate': 'START2/far', 'subject': 'CN=far'}");
    X509 *far = certify(world, &ca, "START2", "far");
    EVP_PKEY *key = new_key();
    X509 *partner = outside(&(struct recipe){
        .name = "partner", .key = key, .issuer = ca.intermediate, .signer = ca.int_key});
    must_json(world, "cert add", bundle_json("START1", partner, NULL));
    assert_says(world, "warnings", "START1/partner has no private key here");
    must_json(world, "cert add", bundle_json("START1/theirs", far, NULL));
    assert_says(world, "warnings", "its key is that of START2/far");
    X509 *again = certify(world, &ca, "START2", "far");
    must_json(world, "cert add", bundle_json("NEWONE/mine", again, NULL));
    X509_free(again);
    assert_says(world, "did", "created owner NEWONE");
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "partner");
    assert_false(row.has_key);
    X509_free(partner);
    X509_free(far);
    EVP_PKEY_free(key);
}

static void hightrust_is_for_certauth(void **state)
{
    struct world *world = *state;
    must_json(world, "cert add",
              with(bundle_json("CERTAUTH", ca.root, ca.intermediate, NULL), "hightrust", false));
    SG_CERTIFICATE_ROW root = row_of(world, "CERTAUTH", "Outside Root");
    assert_int_equal(root.trust, SG_HIGHTRUST);
    X509 *leaf = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", with(bundle_json("START1", leaf, NULL), "hightrust", false));
    assert_says(world, "warnings", "HIGHTRUST is for CERTAUTH");
    check_web(world, leaf, SG_TRUST);
    X509_free(leaf);
}

static void a_bundle_of_cas_is_not_added_untrusted(void **state)
{
    refused_json(*state, "cert add",
                 with(bundle_json("CERTAUTH", ca.root, ca.intermediate, NULL), "notrust", false),
                 SG_E_USAGE, "bad_parameter");
    must_json(*state, "cert add", with(bundle_json("CERTAUTH", ca.root, NULL), "notrust", false));
    refused_json(*state, "cert add", bundle_json("CERTAUTH", ca.intermediate, NULL), SG_E_INPUT,
                 "issuer_not_trusted");
}

static void another_issuer_under_certauth_needs_force(void **state)
{
    struct world *world = *state;
    struct outside_ca second;
    outside_ca_make(&second);
    trust_the_ca(world);
    must_json(world, "cert add", bundle_json("CERTAUTH", second.root, NULL));
    X509 *other_root =
        outside(&(struct recipe){.name = "Third Root", .key = second.root_key, .ca = true});
    X509 *third = outside(&(struct recipe){.name = "Outside Intermediate",
                                           .key = ca.int_key,
                                           .issuer = other_root,
                                           .signer = second.root_key,
                                           .ca = true});
    refused_json(world, "cert add",
                 bundle_json("CERTAUTH/Outside Intermediate", third, other_root, NULL),
                 SG_E_CONFLICT, "issuer_changes");
    assert_told(world, "--force");
    must_json(
        world, "cert add",
        with(bundle_json("CERTAUTH/Outside Intermediate", third, other_root, NULL), NULL, true));
    assert_says(world, "warnings", "the issuer changes");
    X509_free(third);
    X509_free(other_root);
    outside_ca_done(&second);
}

/* ---- many ---- */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A thousand, distinct or of one name; kept small by one key for all. */
static json_t *thousand(const char *target, bool one_name, X509 *also, X509 *and_also)
{
    EVP_PKEY *key = new_key();
    json_t *params = bundle_json(target, NULL);
    json_t *list = json_object_get(params, "certificates");
    for (int i = 0; i < (also != NULL ? 998 : 1000); i++) {
        char name[64];
        snprintf(name, sizeof name, "Root %04d", one_name ? 0 : i);
        X509 *root = outside(&(struct recipe){.name = name, .key = key, .ca = true});
        json_array_append_new(list, certificate_json(root));
        X509_free(root);
    }
    if (also != NULL) {
        json_array_insert_new(list, 500, certificate_json(also));
        json_array_insert_new(list, 900, certificate_json(and_also));
    }
    EVP_PKEY_free(key);
    return params;
}

static void a_thousand_cas_are_added_in_time(void **state)
{
    struct world *world = *state;
    for (int one_name = 0; one_name < 2; one_name++) {
        json_t *params = thousand("CERTAUTH", one_name != 0, NULL, NULL);
        double start = seconds();
        sg_status s = ask(world, "cert add", params, true);
        double took = seconds() - start;
        print_message("1,000 certificates%s: %.1f s\n", one_name ? " of one name" : "", took);
        if (s != SG_OK) {
            fail_msg("%s", world->err.text);
        }
        assert_int_equal(json_array_size(json_object_get(world->answer, "effects")), 1000);
        assert_true(took < 30);
    }
}

static void the_answer_is_found_among_a_thousand(void **state)
{
    struct world *world = *state;
    X509 *leaf = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", bundle_json("CERTAUTH", ca.root, NULL));
    json_t *params = thousand("START1", false, leaf, ca.intermediate);
    double start = seconds();
    must_json(world, "cert add", params);
    assert_true(seconds() - start < 30);
    check_web(world, leaf, SG_TRUST);
    assert_says(world, "warnings", "left out 998 certificates");
    X509_free(leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(the_answer_replaces_the_placeholder),
        TEST(the_chain_comes_in_any_order),
        TEST(what_does_not_belong_is_left_out_with_a_word),
        TEST(labels_of_issuers_do_not_collide),
        TEST(an_issuer_that_is_somebody_elses_is_said),
        TEST(a_renewal_keeps_the_status_unless_told),
        TEST(a_certificate_for_another_key_is_refused),
        TEST(the_label_says_which_of_two),
        TEST(an_own_issuer_is_not_taken_for_the_answer),
        TEST(a_duplicate_is_named),
        TEST(what_was_altered_is_no_duplicate),
        TEST(another_with_its_serial_number_is_no_duplicate),
        TEST(a_twin_of_another_owner_is_not_named),
        TEST(a_label_in_use_is_not_overwritten),
        TEST(two_end_entities_are_ambiguous),
        TEST(a_missing_issuer_is_named),
        TEST(an_issuer_with_a_new_key_is_told_from_a_missing_one),
        TEST(a_validity_beyond_the_issuers_is_said),
        TEST(racf_stores_what_does_not_verify_notrust),
        TEST(what_serves_is_not_lost_to_what_does_not_verify),
        TEST(a_renewal_brings_no_anchor_in),
        TEST(racf_numbers_the_issuers),
        TEST(out_of_its_time_it_is_refused),
        TEST(an_expired_issuer_counts_too),
        TEST(a_bad_signature_is_never_stored),
        TEST(an_issuer_that_is_no_ca_is_refused),
        TEST(a_distrusted_issuer_passes_no_trust_on),
        TEST(weak_and_malformed_ones_are_refused),
        TEST(what_must_not_exist_is_refused),
        TEST(what_must_be_rejected_is_never_trusted),
        TEST(whatever_else_is_found_first),
        TEST(a_malformed_issuer_is_said_to_be_that),
        TEST(a_change_nobody_could_be_told_of_does_not_happen),
        TEST(the_token_follows_when_it_is_back),
        TEST(without_a_key_it_is_stored_with_a_word),
        TEST(hightrust_is_for_certauth),
        TEST(a_bundle_of_cas_is_not_added_untrusted),
        TEST(another_issuer_under_certauth_needs_force),
        TEST(a_thousand_cas_are_added_in_time),
        TEST(the_answer_is_found_among_a_thousand),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
