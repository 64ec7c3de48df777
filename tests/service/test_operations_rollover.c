/* cert rekey and cert rollover: RACF's REKEY and ROLLOVER. */
#include <string.h>

#include <openssl/x509v3.h>

#include "operations_fixture.h"

static const char make_web[] =
    "{'certificate': 'START1/web', 'subject': 'CN=web.example.com,O=Example,C=GB',"
    " 'san': ['dns:web.example.com', 'ip:127.0.0.1'], 'eku': ['serverAuth'],"
    " 'usage': ['handshake', 'docsign'], 'days': 30}";
static const char rekey_web[] = "{'certificate': 'START1/web', 'label': 'web-2'}";
static const char roll_web[] = "{'certificate': 'START1/web', 'label': 'web-2'}";
static const char force_web[] = "{'certificate': 'START1/web', 'label': 'web-2', 'force': true}";

static struct outside_ca ca;

static int setup(void **state)
{
    int failed = world_setup(state);
    must(*state, "cert generate", make_web);
    must(*state, "ring add", "{'ring': 'START1/KEY'}");
    must(*state, "ring add", "{'ring': 'START2/OTHER'}");
    outside_ca_make(&ca);
    return failed;
}

static int teardown(void **state)
{
    outside_ca_done(&ca);
    return world_teardown(state);
}

/* The CA outside answers for OWNER/LABEL. */
static void certify_here(struct world *world, const char *owner, const char *label)
{
    char target[200];
    X509 *made = certify(world, &ca, owner, label);
    snprintf(target, sizeof target, "%s/%s", owner, label);
    must_json(world, "cert add", bundle_json(target, made, ca.intermediate, ca.root, NULL));
    X509_free(made);
}

/* ---- rekey ---- */

static void rekeying_makes_the_same_certificate_for_another_key(void **state)
{
    struct world *world = *state;
    struct snapshot before = snapshot(world);
    must(world, "cert rekey", rekey_web);
    assert_says(world, "did", "generated an ec:p256 key");
    assert_says(world, "did", "made certificate START1/web-2 as START1/web is");
    struct snapshot after = snapshot(world);
    assert_int_equal(after.private_keys, before.private_keys + 1);
    assert_int_equal(after.counts.certificates, before.counts.certificates + 1);
    X509 *made = answered_certificate(world);
    assert_int_equal(X509_check_host(made, "web.example.com", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(made, "127.0.0.1", 0), 1);
    assert_int_equal(X509_get_extended_key_usage(made), XKU_SSL_SERVER);
    assert_int_equal(X509_get_key_usage(made), KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
    assert_int_equal(X509_self_signed(made, 1), 1);
    X509_free(made);
    SG_CERTIFICATE_ROW old = row_of(world, "START1", "web");
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "web-2");
    assert_true(old.has_key && row.has_key && row.placeholder);
    assert_int_equal(old.subject.len, row.subject.len);
    assert_memory_equal(old.subject.data, row.subject.data, row.subject.len);
    assert_memory_not_equal(old.spki_sha256, row.spki_sha256, sizeof row.spki_sha256);
    assert_string_not_equal(old.serial, row.serial);
}

static void rekeying_takes_another_kind_of_key(void **state)
{
    struct world *world = *state;
    must(world, "cert rekey",
         "{'certificate': 'START1/web', 'label': 'big', 'key': 'rsa:2048', 'days': 7}");
    assert_string_equal(answered(world, "key"), "rsa:2048");
    assert_string_equal(answered(world, "not_after"), "2026-10-21T17:46:40Z");
    /* and back: keyEncipherment is RSA's */
    must(world, "cert generate",
         "{'certificate': 'START1/rsa', 'subject': 'CN=r', 'key': 'rsa:2048',"
         " 'usage': ['handshake']}");
    must(world, "cert rekey", "{'certificate': 'START1/rsa', 'label': 'ec', 'key': 'ec:p384'}");
    X509 *made = answered_certificate(world);
    assert_int_equal(X509_get_key_usage(made), KU_DIGITAL_SIGNATURE);
    X509_free(made);
    must(world, "cert rekey", "{'certificate': 'START1/rsa', 'label': 'rsa2'}");
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "rsa2");
    assert_true(row.may_decrypt);
    must(world, "cert generate",
         "{'certificate': 'START1/crypt', 'subject': 'CN=r', 'key': 'rsa:2048',"
         " 'usage': ['dataencrypt']}");
    refused(world, "cert rekey", "{'certificate': 'START1/crypt', 'label': 'x', 'key': 'ec:p256'}",
            SG_E_INPUT, "usage_not_for_key");
}

static void a_ca_is_rekeyed_as_it_is(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA'}");
    must(world, "cert rekey", "{'certificate': 'CERTAUTH/CA', 'label': 'CA 2', 'days': 3650}");
    X509 *made = answered_certificate(world);
    assert_true(X509_check_ca(made) == 1);
    assert_int_equal(X509_get_key_usage(made), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    X509_free(made);
    SG_CERTIFICATE_ROW row = row_of(world, "CERTAUTH", "CA 2");
    assert_false(row.placeholder);
    assert_false(row.may_decrypt);
    must(world, "cert generate",
         "{'certificate': 'START1/leaf', 'subject': 'CN=leaf', 'signed_by': 'CERTAUTH/CA 2'}");
}

static void what_cannot_be_rekeyed_is_refused(void **state)
{
    struct world *world = *state;
    must_json(world, "cert add", bundle_json("CERTAUTH/root", ca.root, NULL));
    refused(world, "cert rekey", "{'certificate': 'CERTAUTH/root', 'label': 'x'}", SG_E_CONFLICT,
            "no_private_key");
    refused(world, "cert rekey", "{'certificate': 'START1/none', 'label': 'x'}", SG_E_NOT_FOUND,
            "certificate_not_found");
    refused(world, "cert rekey", "{'certificate': 'START1/web', 'label': 'web'}", SG_E_CONFLICT,
            "label_in_use");
    refused(world, "cert rekey", "{'certificate': 'START1/web', 'label': ' x'}", SG_E_INPUT,
            "bad_label");
    refused(world, "cert rekey", "{'certificate': 'START1/web', 'label': 'x', 'key': 'dsa'}",
            SG_E_INPUT, "unknown_key_type");
    refused(world, "cert rekey", "{'certificate': 'START1/web', 'label': 'x', 'token': 'none'}",
            SG_E_NOT_FOUND, "token_not_found");
    refused(world, "cert rekey",
            "{'certificate': 'START1/web', 'label': 'x', 'days': 3,"
            " 'not_after': '2030-01-01T00:00:00Z'}",
            SG_E_USAGE, "bad_parameter");
    world->down = true;
    refused(world, "cert rekey", rekey_web, SG_E_TOKEN, "token_unavailable");
}

/* ---- rollover ---- */

static void rolling_over_replaces_in_place(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'START1/first', 'subject': 'CN=first'}");
    must(world, "cert generate", "{'certificate': 'START1/last', 'subject': 'CN=last'}");
    connect_as(world, "START1/KEY", "START1/first", "personal", false);
    connect_as(world, "START1/KEY", "START1/web", "personal", false);
    connect_as(world, "START1/KEY", "START1/last", "personal", false);
    connect_as(world, "START2/OTHER", "START1/web", "personal", true);
    must(world, "cert rekey", rekey_web);
    certify_here(world, "START1", "web-2");
    uint64_t sequence = sequence_of(world, "START1", "KEY");
    SG_CERTIFICATE_ROW before = row_of(world, "START1", "web");
    struct snapshot keys = snapshot(world);
    unsigned narrowed = world->narrowed;
    must(world, "cert rollover", roll_web);
    assert_says(world, "did", "replaced START1/web by START1/web-2 in START1/KEY as PERSONAL");
    assert_says(world, "did", "in START2/OTHER as PERSONAL, the default");
    assert_says(world, "did", "destroyed the key of START1/web");
    assert_string_equal(answered(world, "old_key"), "destroyed");
    assert_string_equal(answered(world, "new_label"), "web-2");
    assert_ring(world, "START1/KEY", "first PERSONAL|web-2 PERSONAL|last PERSONAL");
    assert_ring(world, "START2/OTHER", "web-2 PERSONAL*");
    assert_true(sequence_of(world, "START1", "KEY") > sequence);
    assert_true(world->narrowed > narrowed);
    SG_CERTIFICATE_ROW after = row_of(world, "START1", "web");
    assert_false(after.has_key);
    assert_string_equal(after.key_type, "ec:p256");
    assert_int_equal(after.der_len, before.der_len);
    struct snapshot gone = snapshot(world);
    assert_int_equal(gone.private_keys, keys.private_keys - 1);
    assert_int_equal(gone.counts.keys, keys.counts.keys - 1);
    assert_int_equal(gone.counts.intents, 0);
    refused(world, "cert rollover", roll_web, SG_E_CONFLICT, "no_private_key");
    refused(world, "cert request", "{'certificate': 'START1/web'}", SG_E_CONFLICT,
            "no_private_key");
}

static void trust_anchors_stand_beside_each_other(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA'}");
    must(world, "cert rekey", "{'certificate': 'CERTAUTH/CA', 'label': 'CA2'}");
    connect_as(world, "START1/KEY", "CERTAUTH/CA", "certauth", false);
    connect_as(world, "START2/OTHER", "CERTAUTH/CA", "site", true);
    must(world, "cert rollover", "{'certificate': 'CERTAUTH/CA', 'label': 'CA2'}");
    assert_says(world, "did", "connected CERTAUTH/CA2 to START1/KEY as CERTAUTH, beside");
    assert_ring(world, "START1/KEY", "CA CERTAUTH|CA2 CERTAUTH");
    assert_ring(world, "START2/OTHER", "CA SITE*|CA2 SITE");
    refused(world, "cert generate",
            "{'certificate': 'START1/x', 'subject': 'CN=x', 'signed_by': 'CERTAUTH/CA'}",
            SG_E_CONFLICT, "no_private_key");
}

static void one_that_stands_there_already_takes_over(void **state)
{
    struct world *world = *state;
    must(world, "cert rekey", rekey_web);
    certify_here(world, "START1", "web-2");
    connect_as(world, "START1/KEY", "START1/web-2", "personal", true);
    connect_as(world, "START1/KEY", "START1/web", "personal", false);
    must(world, "cert rollover", roll_web);
    assert_ring(world, "START1/KEY", "web-2 PERSONAL*");
}

static void a_key_that_decrypts_is_kept_for_that(void **state)
{
    struct world *world = *state;
    must(world, "cert generate",
         "{'certificate': 'START1/mail', 'subject': 'CN=mail', 'key': 'rsa:2048',"
         " 'usage': ['handshake', 'dataencrypt']}");
    connect_as(world, "START1/KEY", "START1/mail", "personal", true);
    must(world, "cert rekey", "{'certificate': 'START1/mail', 'label': 'mail2'}");
    certify_here(world, "START1", "mail2");
    struct snapshot before = snapshot(world);
    must(world, "cert rollover", "{'certificate': 'START1/mail', 'label': 'mail2'}");
    assert_says(world, "did", "kept for decryption, it signs no more");
    assert_says(world, "warnings", "can still be read where it is connected");
    assert_string_equal(answered(world, "old_key"), "kept_for_decryption");
    struct snapshot after = snapshot(world);
    assert_int_equal(after.private_keys, before.private_keys);
    must(world, "cert show", "{'certificate': 'START1/mail'}");
    assert_true(json_is_false(json_object_get(world->answer, "may_sign")));
    must(world, "cert show", "{'certificate': 'START1/mail2'}");
    assert_true(json_is_true(json_object_get(world->answer, "may_sign")));
    refused(world, "cert request", "{'certificate': 'START1/mail'}", SG_E_CONFLICT, "key_retired");
    /* who needs it connects it */
    connect_as(world, "START1/KEY", "START1/mail", "personal", false);
    assert_says(world, "warnings", "its key decrypts and signs no more");
    refused(world, "cert rollover", "{'certificate': 'START1/mail2', 'label': 'mail'}",
            SG_E_CONFLICT, "key_retired");
    world_reopen(world);
    refused(world, "cert request", "{'certificate': 'START1/mail'}", SG_E_CONFLICT, "key_retired");
    must(world, "cert rollover",
         "{'certificate': 'START1/mail', 'label': 'mail2', 'force': true,"
         " 'destroy_key': true}");
    assert_string_equal(answered(world, "old_key"), "destroyed");
    assert_ring(world, "START1/KEY", "mail2 PERSONAL*");
}

static void a_retired_ca_signs_nothing(void **state)
{
    struct world *world = *state;
    must(world, "cert generate",
         "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA', 'key': 'rsa:2048',"
         " 'usage': ['dataencrypt']}");
    must(world, "cert rekey", "{'certificate': 'CERTAUTH/CA', 'label': 'CA2'}");
    must(world, "cert rollover", "{'certificate': 'CERTAUTH/CA', 'label': 'CA2'}");
    assert_string_equal(answered(world, "old_key"), "kept_for_decryption");
    refused(world, "cert generate",
            "{'certificate': 'START1/x', 'subject': 'CN=x', 'signed_by': 'CERTAUTH/CA'}",
            SG_E_CONFLICT, "key_retired");
    must(world, "cert generate",
         "{'certificate': 'START1/x', 'subject': 'CN=x', 'signed_by': 'CERTAUTH/CA2'}");
}

static json_t *add_keyless(struct world *world, const char *name)
{
    EVP_PKEY *key = new_key();
    X509 *foreign = outside(
        &(struct recipe){.name = "k", .key = key, .issuer = ca.intermediate, .signer = ca.int_key});
    json_t *answer =
        must_json(world, "cert add", bundle_json(name, foreign, ca.intermediate, NULL));
    X509_free(foreign);
    EVP_PKEY_free(key);
    return answer;
}

static void a_successor_that_is_not_ready_is_refused(void **state)
{
    struct world *world = *state;
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    refused(world, "cert rollover", roll_web, SG_E_NOT_FOUND, "certificate_not_found");
    assert_told(world, "cert rekey");
    refused(world, "cert rollover", "{'certificate': 'START1/web', 'label': 'web'}", SG_E_CONFLICT,
            "same_certificate");
    must(world, "cert rekey", rekey_web);
    refused(world, "cert rollover", roll_web, SG_E_CONFLICT, "placeholder");
    assert_told(world, "signet cert request 'START1/web-2'");
    certify_here(world, "START1", "web-2");
    must(world, "cert alter", "{'certificate': 'START1/web-2', 'status': 'notrust'}");
    refused(world, "cert rollover", roll_web, SG_E_CONFLICT, "not_trusted");
    must(world, "cert alter", "{'certificate': 'START1/web-2', 'status': 'trust'}");
    world->now_s += 5000 * DAY;
    refused(world, "cert rollover", roll_web, SG_E_INPUT, "certificate_expired");
    world->now_s -= 5000 * DAY;
    add_keyless(world, "START1/keyless");
    refused(world, "cert rollover", "{'certificate': 'START1/web', 'label': 'keyless'}",
            SG_E_CONFLICT, "no_private_key");
    refused(world, "cert rollover", "{'certificate': 'START1/keyless', 'label': 'web-2'}",
            SG_E_CONFLICT, "no_private_key");
    world->caller = &owner_of_start1;
    refused(world, "cert rollover", roll_web, SG_E_DENIED, "not_authorised");
    world->caller = &administrator;
    world->refuse_narrow = true;
    assert_int_not_equal(ask(world, "cert rollover", json_of(roll_web), false), SG_OK);
    world->refuse_narrow = false;
    assert_ring(world, "START1/KEY", "web PERSONAL*");
}

static void force_takes_what_is_there(void **state)
{
    struct world *world = *state;
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    must(world, "cert rekey", rekey_web);
    must(world, "cert rollover", force_web);
    assert_says(world, "warnings", "START1/web-2 is self-signed");
    assert_ring(world, "START1/KEY", "web-2 PERSONAL*");
}

/* Each thing for which it would be refused otherwise. */
static void force_says_what_will_not_work(void **state)
{
    struct world *world = *state;
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    certify_here(world, "START1", "web");
    add_keyless(world, "START1/web-2");
    must(world, "cert alter", "{'certificate': 'START1/web-2', 'status': 'notrust'}");
    world->now_s += 50000 * DAY;
    must(world, "cert rollover", force_web);
    assert_says(world, "warnings", "START1/web-2 has no private key here");
    assert_says(world, "warnings", "START1/web-2 is NOTRUST");
    assert_says(world, "warnings", "START1/web-2 is expired");
    world->now_s -= 50000 * DAY;
}

/* The token is away when the key is to go: the row is gone, the tombstone stays. */
static void a_token_that_is_away_follows_later(void **state)
{
    struct world *world = *state;
    must(world, "cert rekey", rekey_web);
    certify_here(world, "START1", "web-2");
    uint64_t keys = snapshot(world).private_keys;
    world->down = true;
    assert_int_equal(ask(world, "cert rollover", json_of(roll_web), false), SG_OK);
    assert_says(world, "warnings", "could not follow at once");
    world->down = false;
    assert_int_equal(counts(world).intents, 1);
    unsigned settled = 0;
    assert_int_equal(sg_operations_recover(&world->service, "store", &settled, &world->err), SG_OK);
    assert_int_equal(settled, 1);
    assert_int_equal(snapshot(world).private_keys, keys - 1);
}

/* ---- renewal, and a change of issuer ---- */

static void renewal_is_by_public_key_and_owner(void **state)
{
    struct world *world = *state;
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    certify_here(world, "START1", "web");
    X509 *again = certify(world, &ca, "START1", "web");
    must_json(world, "cert add", bundle_json("START1", again, NULL));
    assert_says(world, "did", "renewed START1/web");
    assert_ring(world, "START1/KEY", "web PERSONAL*");
    X509_free(again);
    /* under another owner the same key is nobody's: keyless, and nothing of START1's changes */
    X509 *theirs = certify(world, &ca, "START1", "web");
    SG_CERTIFICATE_ROW before = row_of(world, "START1", "web");
    must_json(world, "cert add", bundle_json("START2/web", theirs, NULL));
    assert_says(world, "warnings", "its key is that of START1/web, another owner's");
    SG_CERTIFICATE_ROW mine = row_of(world, "START1", "web");
    SG_CERTIFICATE_ROW other = row_of(world, "START2", "web");
    assert_true(mine.has_key && !other.has_key);
    assert_string_equal(mine.serial, before.serial);
    X509_free(theirs);
}

static void a_change_of_issuer_is_said(void **state)
{
    struct world *world = *state;
    struct outside_ca second;
    outside_ca_make(&second);
    certify_here(world, "START1", "web");
    EVP_PKEY *key = key_of(world, "START1", "web");
    X509 *other = outside(&(struct recipe){
        .name = "web.example.com", .key = key, .issuer = second.root, .signer = second.root_key});
    must_json(world, "cert add", bundle_json("START1/web", other, second.root, NULL));
    assert_says(world, "warnings", "the issuer changes from");
    X509_free(other);
    EVP_PKEY_free(key);
    /* a CA that another one certifies: the self-signed certificate is not replaced unasked */
    must(world, "cert generate", "{'certificate': 'CERTAUTH/New', 'subject': 'CN=New'}");
    key = key_of(world, "CERTAUTH", "New");
    X509 *cross = outside(&(struct recipe){
        .name = "New", .key = key, .issuer = second.root, .signer = second.root_key, .ca = true});
    refused_json(world, "cert add", bundle_json("CERTAUTH/New", cross, NULL), SG_E_CONFLICT,
                 "issuer_changes");
    assert_told(world, "Export the old one first");
    json_t *forced = bundle_json("CERTAUTH/New", cross, NULL);
    json_object_set_new(forced, "force", json_true());
    must_json(world, "cert add", forced);
    assert_says(world, "warnings", "the issuer changes from");
    X509_free(cross);
    EVP_PKEY_free(key);
    outside_ca_done(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(rekeying_makes_the_same_certificate_for_another_key),
        TEST(rekeying_takes_another_kind_of_key),
        TEST(a_ca_is_rekeyed_as_it_is),
        TEST(what_cannot_be_rekeyed_is_refused),
        TEST(rolling_over_replaces_in_place),
        TEST(trust_anchors_stand_beside_each_other),
        TEST(one_that_stands_there_already_takes_over),
        TEST(a_key_that_decrypts_is_kept_for_that),
        TEST(a_retired_ca_signs_nothing),
        TEST(a_successor_that_is_not_ready_is_refused),
        TEST(force_takes_what_is_there),
        TEST(force_says_what_will_not_work),
        TEST(a_token_that_is_away_follows_later),
        TEST(renewal_is_by_public_key_and_owner),
        TEST(a_change_of_issuer_is_said),
#undef TEST
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
