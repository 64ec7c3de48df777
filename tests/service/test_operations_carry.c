/* Private keys from outside: cert transport and cert add with a key, and everything that can be
 * wrong with it. What is refused leaves store and token as they were. */
#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <signet/token/transport.h>

#include "operations_fixture.h"

static struct outside_ca ca;
static EVP_PKEY *key;
static X509 *leaf;

static X509 *issue(EVP_PKEY *pkey, const char *name)
{
    return outside(&(struct recipe){
        .name = name, .key = pkey, .issuer = ca.intermediate, .signer = ca.int_key});
}

static int setup(void **state)
{
    int failed = world_setup(state);
    outside_ca_make(&ca);
    key = new_key();
    leaf = issue(key, "web");
    return failed;
}

static int teardown(void **state)
{
    X509_free(leaf);
    EVP_PKEY_free(key);
    outside_ca_done(&ca);
    return world_teardown(state);
}

/* ---- what a command does ---- */

static size_t decode(const char *text, unsigned char *out, size_t room)
{
    size_t len = strlen(text);
    size_t padding = len > 1 && text[len - 2] == '=' ? 2 : text[len - 1] == '=' ? 1 : 0;
    assert_true(len / 4 * 3 <= room + 2);
    unsigned char all[4200];
    int made = EVP_DecodeBlock(all, (const unsigned char *)text, (int)len);
    assert_true(made > 0);
    memcpy(out, all, (size_t)made - padding);
    return (size_t)made - padding;
}

static void digest_of(X509 *certificate, unsigned char out[32])
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    SHA256(der, (size_t)len, out);
    OPENSSL_free(der);
}

static void pkcs8_of(EVP_PKEY *pkey, struct sg_buffer *out)
{
    struct sg_error err = SG_ERROR_INIT;
    unsigned char *der = NULL;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    sg_buffer_init(out, 65536);
    assert_int_equal(sg_buffer_append(out, der, (size_t)len, &err), SG_OK);
    OPENSSL_free(der);
    PKCS8_PRIV_KEY_INFO_free(info);
}

/* The key, encrypted for the token process, said to be the certificate's. */
static void seal(struct world *world, EVP_PKEY *pkey, X509 *certificate, struct sg_buffer *package)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_transport_context context = {.purpose = SG_TRANSPORT_IMPORT};
    unsigned char id[SG_TRANSPORT_ID_LEN];
    unsigned char point[SG_TRANSPORT_POINT_LEN];
    SG_BUFFER pkcs8;
    assert_int_equal(ask(world, "cert transport", json_of("{'target': 'START1'}"), false), SG_OK);
    assert_int_equal(decode(answered(world, "id"), id, sizeof id), sizeof id);
    assert_int_equal(decode(answered(world, "point"), point, sizeof point), sizeof point);
    assert_string_equal(answered(world, "token"), "store");
    digest_of(certificate, context.spki_sha256);
    pkcs8_of(pkey, &pkcs8);
    sg_buffer_init(package, 8192);
    assert_int_equal(sg_buffer_append(package, id, sizeof id, &err), SG_OK);
    assert_int_equal(sg_buffer_append(package, context.spki_sha256, 32, &err), SG_OK);
    assert_int_equal(
        sg_transport_seal(point, &context, (struct sg_bytes){pkcs8.data, pkcs8.len}, package, &err),
        SG_OK);
}

/* Takes params. */
static json_t *carry(json_t *params, const struct sg_buffer *package)
{
    json_object_set_new(params, "private_key", der_json(package->data, (int)package->len));
    return params;
}

static json_t *with_key(struct world *world, const char *target, EVP_PKEY *pkey, X509 *certificate)
{
    SG_BUFFER package;
    seal(world, pkey, certificate, &package);
    return carry(bundle_json(target, certificate, ca.intermediate, ca.root, NULL), &package);
}

/* Takes params. */
static json_t *flagged(json_t *params, const char *flag)
{
    json_object_set_new(params, flag, json_true());
    return params;
}

/* ---- it works ---- */

static void the_key_goes_into_the_token_and_signs(void **state)
{
    struct world *world = *state;
    struct snapshot before = snapshot(world);
    must_json(world, "cert add", with_key(world, "START1/web", key, leaf));
    assert_says(world, "did", "took a private key into token \"store\"");
    assert_says(world, "did", "added START1/web");
    struct snapshot after = snapshot(world);
    assert_int_equal(after.private_keys, before.private_keys + 1);
    assert_int_equal(after.certificates, before.certificates + 1); /* beside its key */
    assert_int_equal(after.counts.certificates, before.counts.certificates + 3);
    assert_int_equal(after.counts.intents, 0);
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "web");
    assert_true(row.has_key);
    assert_false(row.extractable);
    assert_true(row.imported);
    assert_string_equal(row.key_type, "ec:p256");
    /* its signature verifies: the request is checked against the certificate's key */
    must(world, "cert request", "{'certificate': 'START1/web'}");
    X509_REQ *request = answered_request(world);
    assert_int_equal(X509_REQ_verify(request, key), 1);
    X509_REQ_free(request);
    must(world, "cert delete", "{'certificate': 'START1/web', 'force': true}");
    after = snapshot(world);
    assert_int_equal(after.private_keys, before.private_keys);
}

static void without_a_label_it_is_called_by_its_name(void **state)
{
    struct world *world = *state;
    must_json(world, "cert add", with_key(world, "START1", key, leaf));
    assert_true(has_row(world, "START1", "web"));
}

static void a_ca_with_its_key_keeps_its_issuers_apart(void **state)
{
    struct world *world = *state;
    SG_BUFFER package;
    seal(world, ca.int_key, ca.intermediate, &package);
    json_t *params = carry(bundle_json("CERTAUTH", ca.root, ca.intermediate, NULL), &package);
    json_object_set_new(params, "racf", json_true());
    must_json(world, "cert add", params);
    SG_CERTIFICATE_ROW row = row_of(world, "CERTAUTH", "LABEL00000001");
    assert_true(row.has_key);
    assert_false(row.may_decrypt);
    assert_true(has_row(world, "CERTAUTH", "LABEL00000002"));
}

static void rsa_keys_do_what_their_certificate_says(void **state)
{
    struct world *world = *state;
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    X509 *certificate = issue(rsa, "rsa");
    must_json(world, "cert add", with_key(world, "START1/rsa", rsa, certificate));
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "rsa");
    assert_string_equal(row.key_type, "rsa:2048");
    assert_true(row.may_decrypt); /* no keyUsage: everything */
    X509_free(certificate);
    EVP_PKEY_free(rsa);
}

static void extractable_only_where_token_and_policy_allow(void **state)
{
    struct world *world = *state;
    refused_json(world, "cert add",
                 flagged(with_key(world, "START1/web", key, leaf), "extractable"), SG_E_DENIED,
                 "extractable_not_allowed");
    world->extractable_allowed = true;
    world->service.policy.extractable_keys = false;
    refused_json(world, "cert add",
                 flagged(with_key(world, "START1/web", key, leaf), "extractable"), SG_E_DENIED,
                 "policy_extractable");
    world->service.policy.extractable_keys = true;
    must_json(world, "cert add", flagged(with_key(world, "START1/web", key, leaf), "extractable"));
    assert_says(world, "did", "it can be exported again");
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "web");
    assert_true(row.extractable);
}

static void a_key_that_is_here_is_not_taken_again(void **state)
{
    struct world *world = *state;
    must_json(world, "cert add", with_key(world, "START1/web", key, leaf));
    struct snapshot before = snapshot(world);
    X509 *renewed = issue(key, "web");
    must_json(world, "cert add", with_key(world, "START1/web", key, renewed));
    assert_says(world, "warnings", "in its token already");
    assert_says(world, "did", "renewed START1/web");
    struct snapshot after = snapshot(world);
    assert_int_equal(after.private_keys, before.private_keys);
    X509_free(renewed);
}

/* ---- added and connected at once ---- */

/* Takes params. */
static json_t *connected(json_t *params, const char *ring, const char *usage, bool is_default)
{
    json_object_set_new(params, "connect", json_string(ring));
    if (usage != NULL) {
        json_object_set_new(params, "usage", json_string(usage));
    }
    return is_default ? flagged(params, "default") : params;
}

static void a_key_comes_in_and_is_the_default_of_a_ring(void **state)
{
    struct world *world = *state;
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    uint64_t sequence = sequence_of(world, "START1", "KEY");
    must_json(world, "cert add",
              connected(with_key(world, "START1/web", key, leaf), "START1/KEY", NULL, true));
    assert_says(world, "did", "connected START1/web to START1/KEY as PERSONAL, the default");
    const json_t *made = json_object_get(world->answer, "connection");
    assert_string_equal(json_string_value(json_object_get(made, "usage")), "PERSONAL");
    assert_true(json_is_true(json_object_get(made, "default")));
    assert_true(sequence_of(world, "START1", "KEY") > sequence);
    assert_int_equal(counts(world).connections, 1);
}

static void certificates_and_renewals_are_connected_too(void **state)
{
    struct world *world = *state;
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    must_json(world, "cert add",
              connected(bundle_json("CERTAUTH/Root", ca.root, NULL), "START1/KEY", NULL, false));
    assert_says(world, "did", "connected CERTAUTH/Root to START1/KEY as CERTAUTH");
    must(world, "cert generate", "{'certificate': 'START1/own', 'subject': 'CN=own'}");
    X509 *answer = certify(world, &ca, "START1", "own");
    must_json(world, "cert add",
              connected(bundle_json("START1/own", answer, ca.intermediate, NULL), "START1/KEY",
                        "personal", true));
    assert_says(world, "did", "replaced the placeholder of START1/own");
    assert_says(world, "did", "connected START1/own to START1/KEY as PERSONAL, the default");
    assert_int_equal(counts(world).connections, 2);
    X509_free(answer);
}

static void both_are_done_or_neither(void **state)
{
    struct world *world = *state;
    refused_json(world, "cert add",
                 connected(with_key(world, "START1/web", key, leaf), "START1/NONE", NULL, true),
                 SG_E_NOT_FOUND, "ring_not_found");
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    world->refuse_narrow = true;
    refused_json(world, "cert add",
                 connected(with_key(world, "START1/web", key, leaf), "START1/KEY", NULL, true),
                 SG_E_STORAGE, "cannot_narrow");
    world->refuse_narrow = false;
    refused_json(world, "cert add",
                 connected(bundle_json("CERTAUTH", ca.root, ca.intermediate, NULL), "START1/KEY",
                           NULL, false),
                 SG_E_USAGE, "bad_parameter");
    refused_json(world, "cert add", flagged(bundle_json("CERTAUTH/Root", ca.root, NULL), "default"),
                 SG_E_USAGE, "bad_parameter");
}

/* ADD alone connects nothing: the ring's own gate is asked. */
static void connecting_takes_authority_of_its_own(void **state)
{
    struct world *world = *state;
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    must(world, "authority define",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.ADD', 'uacc': 'control'}");
    world->caller = &owner_of_start1;
    refused_json(world, "cert add",
                 connected(bundle_json("START1/web", leaf, ca.intermediate, ca.root, NULL),
                           "START1/KEY", NULL, false),
                 SG_E_DENIED, "not_authorised");
    must_json(world, "cert add", bundle_json("START1/web", leaf, ca.intermediate, ca.root, NULL));
    world->caller = &administrator;
}

/* ---- it is refused ---- */

static void what_is_here_already_is_not_added(void **state)
{
    struct world *world = *state;
    must_json(world, "cert add", with_key(world, "START1/web", key, leaf));
    refused_json(world, "cert add", with_key(world, "START2/web", key, leaf), SG_E_CONFLICT,
                 "certificate_exists");
    X509 *other = issue(key, "other");
    refused_json(world, "cert add", with_key(world, "START2/other", key, other), SG_E_CONFLICT,
                 "key_exists");
    assert_told(world, "START1/web");
    X509_free(other);
}

static void a_certificate_that_stands_keyless_gets_its_key_by_force(void **state)
{
    struct world *world = *state;
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    must_json(world, "cert add",
              connected(bundle_json("START1/web", leaf, ca.intermediate, ca.root, NULL),
                        "START1/KEY", "personal", true));
    uint64_t sequence = sequence_of(world, "START1", "KEY");
    refused_json(world, "cert add", with_key(world, "START1/web", key, leaf), SG_E_CONFLICT,
                 "key_not_here");
    assert_told(world, "--force");
    refused_json(world, "cert add", flagged(with_key(world, "START1", key, leaf), "racf"),
                 SG_E_CONFLICT, "key_not_here");
    assert_told(world, "FORCE");
    must_json(world, "cert add", flagged(with_key(world, "START1", key, leaf), "force"));
    assert_says(world, "did",
                "took the place of START1/web without its private key, in 1 ring too");
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "web");
    assert_true(row.has_key);
    assert_int_equal(counts(world).connections, 1);
    assert_true(sequence_of(world, "START1", "KEY") > sequence);
    assert_ring(world, "START1/KEY", "web PERSONAL*");
    must(world, "cert request", "{'certificate': 'START1/web'}");
}

static void force_brings_a_key_and_no_trust(void **state)
{
    struct world *world = *state;
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    must_json(world, "cert add",
              connected(bundle_json("START1/web", leaf, ca.intermediate, ca.root, NULL),
                        "START1/KEY", "personal", true));
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    must_json(world, "cert add", flagged(with_key(world, "START1", key, leaf), "force"));
    assert_says(world, "warnings", "START1/web stays NOTRUST");
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "web");
    assert_true(row.has_key);
    assert_int_equal(row.trust, SG_NOTRUST);
}

/* Another certificate of the same key, under the label that was named. */
static void an_earlier_certificate_without_its_key_goes_too(void **state)
{
    struct world *world = *state;
    must_json(world, "cert add", bundle_json("START1/web", leaf, ca.intermediate, ca.root, NULL));
    X509 *renewed = issue(key, "web");
    refused_json(world, "cert add", with_key(world, "START1/web", key, renewed), SG_E_CONFLICT,
                 "key_not_here");
    must_json(world, "cert add", flagged(with_key(world, "START1/web", key, renewed), "force"));
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "web");
    assert_true(row.has_key);
    assert_int_equal(counts(world).certificates, 3);
    X509_free(renewed);
}

/* What is another owner's stays: neither its place nor its name is anybody else's. */
static void force_takes_no_place_of_another_owner(void **state)
{
    struct world *world = *state;
    must_json(world, "cert add", bundle_json("START2/web", leaf, ca.intermediate, ca.root, NULL));
    refused_json(world, "cert add", flagged(with_key(world, "START1/web", key, leaf), "force"),
                 SG_E_CONFLICT, "certificate_exists");
    SG_CERTIFICATE_ROW row = row_of(world, "START2", "web");
    assert_false(row.has_key);
}

static void a_label_of_another_key_is_in_the_way(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'START1/web', 'subject': 'CN=x'}");
    refused_json(world, "cert add", with_key(world, "START1/web", key, leaf), SG_E_CONFLICT,
                 "wrong_key");
}

static void another_key_than_was_said_is_destroyed_again(void **state)
{
    struct world *world = *state;
    EVP_PKEY *other = new_key();
    refused_json(world, "cert add", with_key(world, "START1/web", other, leaf), SG_E_INPUT,
                 "wrong_key");
    EVP_PKEY_free(other);
}

static void a_key_without_its_certificate_is_refused(void **state)
{
    struct world *world = *state;
    SG_BUFFER package;
    seal(world, key, leaf, &package);
    refused_json(world, "cert add",
                 carry(bundle_json("START1/web", ca.intermediate, ca.root, NULL), &package),
                 SG_E_INPUT, "key_without_certificate");
}

static void a_package_serves_once(void **state)
{
    struct world *world = *state;
    SG_BUFFER package;
    seal(world, key, leaf, &package);
    must_json(world, "cert add",
              carry(bundle_json("START1/web", leaf, ca.intermediate, ca.root, NULL), &package));
    must(world, "cert delete", "{'certificate': 'START1/web', 'force': true}");
    refused_json(world, "cert add", carry(bundle_json("START1/web", leaf, NULL), &package),
                 SG_E_CONFLICT, "transport_key_gone");
}

static void a_damaged_package_opens_for_nobody(void **state)
{
    struct world *world = *state;
    SG_BUFFER package;
    seal(world, key, leaf, &package);
    package.data[package.len - 1] ^= 1;
    refused_json(world, "cert add",
                 carry(bundle_json("START1/web", leaf, ca.intermediate, ca.root, NULL), &package),
                 SG_E_INPUT, "sealed_key_damaged");
    package.len = SG_TRANSPORT_HEAD_LEN;
    refused_json(world, "cert add", carry(bundle_json("START1/web", leaf, NULL), &package),
                 SG_E_INPUT, "sealed_key_damaged");
    json_t *params = bundle_json("START1/web", leaf, NULL);
    json_object_set_new(params, "private_key", json_string("AAA"));
    refused_json(world, "cert add", params, SG_E_USAGE, "bad_parameter");
}

static void weak_and_strange_keys_are_refused_before_the_token(void **state)
{
    struct world *world = *state;
    EVP_PKEY *rsa = EVP_RSA_gen(1024);
    X509 *weak = issue(rsa, "weak");
    refused_json(world, "cert add", with_key(world, "START1/weak", rsa, weak), SG_E_INPUT,
                 "weak_key");
    world->service.policy.minimum_rsa_bits = 3072;
    EVP_PKEY *rsa2 = EVP_RSA_gen(2048);
    X509 *small = issue(rsa2, "small");
    refused_json(world, "cert add", with_key(world, "START1/small", rsa2, small), SG_E_INPUT,
                 "policy_key_size");
    EVP_PKEY *ed448 = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    X509 *strange = issue(ed448, "strange");
    refused_json(world, "cert add", with_key(world, "START1/strange", ed448, strange), SG_E_INPUT,
                 "unsupported_key");
    X509_free(strange);
    EVP_PKEY_free(ed448);
    X509_free(small);
    EVP_PKEY_free(rsa2);
    X509_free(weak);
    EVP_PKEY_free(rsa);
}

/* The public key tells, so that a dry run knows it as well. */
static void a_key_that_no_token_takes_is_refused_in_a_dry_run_too(void **state)
{
    struct world *world = *state;
    EVP_PKEY *keys[] = {EVP_PKEY_Q_keygen(NULL, NULL, "EC", "brainpoolP256r1"), EVP_RSA_gen(2056)};
    for (size_t i = 0; i < SG_COUNT(keys); i++) {
        X509 *odd = issue(keys[i], "odd");
        json_t *params = with_key(world, "START1/odd", keys[i], odd);
        assert_int_equal(ask(world, "cert add", json_deep_copy(params), true), SG_E_INPUT);
        assert_string_equal(world->err.code, "unsupported_key");
        assert_told(world, "the private key cannot be taken");
        refused_json(world, "cert add", params, SG_E_INPUT, "unsupported_key");
        X509_free(odd);
        EVP_PKEY_free(keys[i]);
    }
}

static void what_does_not_verify_brings_no_key_in(void **state)
{
    struct world *world = *state;
    SG_BUFFER package;
    seal(world, key, leaf, &package);
    refused_json(world, "cert add", carry(bundle_json("START1/web", leaf, NULL), &package),
                 SG_E_INPUT, "chain_incomplete");
    X509 *old = outside(&(struct recipe){.name = "old",
                                         .key = key,
                                         .issuer = ca.intermediate,
                                         .signer = ca.int_key,
                                         .from_s = NOW - 10 * DAY,
                                         .until_s = NOW - DAY});
    refused_json(world, "cert add", with_key(world, "START1/old", key, old), SG_E_INPUT,
                 "certificate_expired");
    X509_free(old);
}

static void whoever_may_not_add_may_not_bring_keys(void **state)
{
    struct world *world = *state;
    json_t *params = with_key(world, "START1/web", key, leaf);
    world->caller = &owner_of_start1;
    refused_json(world, "cert add", params, SG_E_DENIED, "not_authorised");
    refused(world, "cert transport", "{'target': 'START1'}", SG_E_DENIED, "not_authorised");
    world->caller = &stranger;
    refused(world, "cert transport", "{'target': 'START1'}", SG_E_DENIED, "not_authorised");
}

static void words_about_a_key_need_one(void **state)
{
    struct world *world = *state;
    refused_json(
        world, "cert add",
        flagged(bundle_json("START1/web", leaf, ca.intermediate, ca.root, NULL), "extractable"),
        SG_E_USAGE, "bad_parameter");
    refused(world, "cert transport", "{'target': 'START1', 'token': 'none'}", SG_E_NOT_FOUND,
            "token_not_found");
    world->down = true;
    refused(world, "cert transport", "{'target': 'START1'}", SG_E_TOKEN, "token_unavailable");
}

/* ---- out again ---- */

struct recipient {
    struct sg_transport_key *key;
    json_t *point;
};

static struct recipient recipient_new(void)
{
    struct recipient made;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_transport_key_new(&made.key, &err), SG_OK);
    made.point = der_json(sg_transport_key_point(made.key), SG_TRANSPORT_POINT_LEN);
    return made;
}

static void recipient_done(struct recipient *recipient)
{
    json_decref(recipient->point);
    sg_transport_key_free(recipient->key);
}
#define RECIPIENT SG_CLEANUP(recipient_done) struct recipient

static json_t *to(const char *params, const struct recipient *recipient)
{
    json_t *object = json_of(params);
    json_object_set(object, "recipient", recipient->point);
    return object;
}

/* Is the key of the last answer ours, and only for this recipient? */
static void opens_as(const struct world *world, const struct recipient *recipient, EVP_PKEY *pkey,
                     X509 *certificate)
{
    unsigned char bytes[4096];
    struct sg_error err = SG_ERROR_INIT;
    struct sg_transport_context context = {.purpose = SG_TRANSPORT_EXPORT};
    SG_BUFFER pkcs8;
    sg_buffer_init(&pkcs8, 65536);
    size_t len = decode(answered(world, "private_key"), bytes, sizeof bytes);
    digest_of(certificate, context.spki_sha256);
    struct sg_bytes sealed = {bytes, len};
    if (sg_transport_open(recipient->key, &context, sealed, &pkcs8, &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
    const unsigned char *at = pkcs8.data;
    EVP_PKEY *got = d2i_AutoPrivateKey(NULL, &at, (long)pkcs8.len);
    assert_int_equal(EVP_PKEY_eq(got, pkey), 1);
    EVP_PKEY_free(got);
    RECIPIENT other = recipient_new();
    assert_int_equal(sg_transport_open(other.key, &context, sealed, &pkcs8, &err), SG_E_INPUT);
}

static void bring_extractable(struct world *world)
{
    world->extractable_allowed = true;
    must_json(world, "cert add", flagged(with_key(world, "START1/web", key, leaf), "extractable"));
}

static void an_extractable_key_goes_out_as_it_came_in(void **state)
{
    struct world *world = *state;
    RECIPIENT recipient = recipient_new();
    bring_extractable(world);
    struct snapshot before = snapshot(world);
    assert_int_equal(ask(world, "cert export",
                         to("{'certificate': 'START1/web', 'chain': true}", &recipient), false),
                     SG_OK);
    opens_as(world, &recipient, key, leaf);
    assert_int_equal(json_array_size(json_object_get(world->answer, "entries")), 3);
    assert_int_equal(ask(world, "cert export", json_of("{'certificate': 'START1/web'}"), false),
                     SG_OK);
    assert_null(json_object_get(world->answer, "private_key"));
    struct snapshot after = snapshot(world);
    assert_same(&before, &after);
}

static void a_ring_exports_its_default_with_the_key(void **state)
{
    struct world *world = *state;
    RECIPIENT recipient = recipient_new();
    bring_extractable(world);
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    refused_json(world, "ring export", to("{'ring': 'START1/KEY'}", &recipient), SG_E_NOT_FOUND,
                 "no_default");
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': true}");
    assert_int_equal(ask(world, "ring export", to("{'ring': 'START1/KEY'}", &recipient), false),
                     SG_OK);
    opens_as(world, &recipient, key, leaf);
    assert_int_equal(json_array_size(json_object_get(world->answer, "entries")), 3);
    refused_json(world, "ring export", to("{'ring': 'CERTAUTH/*'}", &recipient), SG_E_USAGE,
                 "bad_parameter");
}

static void what_was_made_to_stay_stays(void **state)
{
    struct world *world = *state;
    RECIPIENT recipient = recipient_new();
    world->extractable_allowed = true;
    must(world, "cert generate", "{'certificate': 'START1/born', 'subject': 'CN=born'}");
    must_json(world, "cert add", with_key(world, "START1/web", key, leaf));
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': true}");
    refused_json(world, "cert export", to("{'certificate': 'START1/born'}", &recipient),
                 SG_E_DENIED, "key_not_extractable");
    refused_json(world, "cert export", to("{'certificate': 'START1/web'}", &recipient), SG_E_DENIED,
                 "key_not_extractable");
    refused_json(world, "ring export", to("{'ring': 'START1/KEY'}", &recipient), SG_E_DENIED,
                 "key_not_extractable");
    refused_json(world, "cert export", to("{'certificate': 'CERTAUTH/Outside Root'}", &recipient),
                 SG_E_CONFLICT, "no_private_key");
}

/* Whoever may see, use and change it may not have it: that is EXPORTKEY's to say. */
static void having_a_key_takes_authority_of_its_own(void **state)
{
    struct world *world = *state;
    RECIPIENT recipient = recipient_new();
    bring_extractable(world);
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': true}");
    world->caller = &owner_of_start1;
    assert_int_equal(ask(world, "cert export", json_of("{'certificate': 'START1/web'}"), false),
                     SG_OK);
    refused_json(world, "cert export", to("{'certificate': 'START1/web'}", &recipient), SG_E_DENIED,
                 "not_authorised");
    assert_told(world, "IRR.DIGTCERT.EXPORTKEY");
    refused_json(world, "ring export", to("{'ring': 'START1/KEY'}", &recipient), SG_E_DENIED,
                 "not_authorised");
    assert_told(world, "IRR.DIGTCERT.EXPORTKEY");
    world->caller = &administrator;
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.EXPORTKEY'}");
    must(world, "authority permit",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.EXPORTKEY', 'to': 'owner:START1', "
         "'level': 'read'}");
    world->caller = &owner_of_start1;
    assert_int_equal(
        ask(world, "cert export", to("{'certificate': 'START1/web'}", &recipient), false), SG_OK);
    opens_as(world, &recipient, key, leaf);
    /* EXPORTKEY without EXPORT is not enough either */
    world->caller = &administrator;
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.EXPORT'}");
    world->caller = &owner_of_start1;
    refused_json(world, "cert export", to("{'certificate': 'START1/web'}", &recipient), SG_E_DENIED,
                 "not_authorised");
    world->caller = &administrator;
}

static void a_recipient_is_a_point(void **state)
{
    struct world *world = *state;
    bring_extractable(world);
    static const char *const points[] = {"AAAA", "BAAA"};
    for (size_t i = 0; i < SG_COUNT(points); i++) {
        json_t *params = json_of("{'certificate': 'START1/web'}");
        json_object_set_new(params, "recipient", json_string(points[i]));
        refused_json(world, "cert export", params, SG_E_INPUT, "bad_transport_key");
    }
    unsigned char nowhere[SG_TRANSPORT_POINT_LEN] = {4, 1, 2, 3};
    json_t *params = json_of("{'certificate': 'START1/web'}");
    json_object_set_new(params, "recipient", der_json(nowhere, sizeof nowhere));
    refused_json(world, "cert export", params, SG_E_INPUT, "bad_transport_key");
}

/* ---- the token dies on the way ---- */

static void a_key_cut_short_leaves_nothing(void **state)
{
    struct world *world = *state;
    for (unsigned through = 0; through < 3; through++) {
        for (int does = 0; does < 2; does++) {
            struct snapshot before = snapshot(world);
            json_t *params = with_key(world, "START1/web", key, leaf);
            unsigned settled = 0;
            world_cut_after(world, through, does != 0);
            sg_status s = ask(world, "cert add", params, false);
            if (through < 2) { /* import, sync */
                assert_int_equal(s, SG_E_TOKEN);
                assert_string_equal(world->err.code, "token_unavailable");
            } else {
                assert_int_equal(s, SG_OK);
            }
            world_kill_token(world);
            world_start_token(world);
            assert_int_equal(sg_operations_recover(&world->service, "store", &settled, &world->err),
                             SG_OK);
            assert_int_equal(counts(world).intents, 0);
            struct snapshot after = snapshot(world);
            if (s == SG_OK) {
                assert_int_equal(after.private_keys, before.private_keys + 1);
                assert_int_equal(after.certificates, before.certificates + 1);
                must(world, "cert delete", "{'certificate': 'START1/web', 'force': true}");
            } else {
                assert_same(&before, &after);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(the_key_goes_into_the_token_and_signs),
        TEST(without_a_label_it_is_called_by_its_name),
        TEST(a_ca_with_its_key_keeps_its_issuers_apart),
        TEST(rsa_keys_do_what_their_certificate_says),
        TEST(extractable_only_where_token_and_policy_allow),
        TEST(a_key_that_is_here_is_not_taken_again),
        TEST(a_key_comes_in_and_is_the_default_of_a_ring),
        TEST(certificates_and_renewals_are_connected_too),
        TEST(both_are_done_or_neither),
        TEST(connecting_takes_authority_of_its_own),
        TEST(what_is_here_already_is_not_added),
        TEST(a_certificate_that_stands_keyless_gets_its_key_by_force),
        TEST(force_brings_a_key_and_no_trust),
        TEST(an_earlier_certificate_without_its_key_goes_too),
        TEST(force_takes_no_place_of_another_owner),
        TEST(a_label_of_another_key_is_in_the_way),
        TEST(another_key_than_was_said_is_destroyed_again),
        TEST(a_key_without_its_certificate_is_refused),
        TEST(a_package_serves_once),
        TEST(a_damaged_package_opens_for_nobody),
        TEST(weak_and_strange_keys_are_refused_before_the_token),
        TEST(a_key_that_no_token_takes_is_refused_in_a_dry_run_too),
        TEST(what_does_not_verify_brings_no_key_in),
        TEST(whoever_may_not_add_may_not_bring_keys),
        TEST(words_about_a_key_need_one),
        TEST(an_extractable_key_goes_out_as_it_came_in),
        TEST(a_ring_exports_its_default_with_the_key),
        TEST(what_was_made_to_stay_stays),
        TEST(having_a_key_takes_authority_of_its_own),
        TEST(a_recipient_is_a_point),
        TEST(a_key_cut_short_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
