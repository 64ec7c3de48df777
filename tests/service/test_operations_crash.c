/* Deletion, destruction, and what is left when the token process is killed between any two
 * requests. */
#include <string.h>

#include "operations_fixture.h"

static const char make_web[] = "{'certificate': 'START1/web', 'subject': 'CN=web'}";
static const char make_ca[] = "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA'}";

/* ---- deleting ---- */

static void deleting_destroys_the_key(void **state)
{
    struct world *world = *state;
    struct snapshot before = snapshot(world);
    must(world, "cert generate", make_ca);
    must(world, "cert delete", "{'certificate': 'CERTAUTH/CA'}");
    assert_says(world, "did", "deleted CERTAUTH/CA and its private key");
    struct snapshot after = snapshot(world);
    assert_same(&before, &after);
    refused(world, "cert delete", "{'certificate': 'CERTAUTH/CA'}", SG_E_NOT_FOUND,
            "certificate_not_found");
}

static void a_pending_request_protects_its_key(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_web);
    must(world, "cert request", "{'certificate': 'START1/web'}");
    refused(world, "cert delete", "{'certificate': 'START1/web'}", SG_E_CONFLICT,
            "request_pending");
    assert_told(world, "for ever");
    must(world, "cert delete", "{'certificate': 'START1/web', 'force': true}");
    assert_int_equal(counts(world).keys, 0);
}

static void a_ring_protects_its_members(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_web);
    must(world, "ring add", "{'ring': 'START2/TRUST'}");
    must(world, "ring connect", "{'ring': 'START2/TRUST', 'certificate': 'START1/web'}");
    refused(world, "cert delete", "{'certificate': 'START1/web'}", SG_E_CONFLICT, "in_use");
    assert_told(world, "START2/TRUST");
    uint64_t sequence = sequence_of(world, "START2", "TRUST");
    unsigned narrowed = world->narrowed;
    must(world, "cert delete", "{'certificate': 'START1/web', 'force': true}");
    assert_says(world, "did", "removed from its rings: ");
    assert_true(sequence_of(world, "START2", "TRUST") > sequence);
    assert_int_equal(world->narrowed, narrowed + 1);
    assert_int_equal(counts(world).connections, 0);
}

/* RACF's DELETE leaves the rings without a word; a request that is out protects all the same. */
static void disconnecting_is_not_forcing(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_web);
    must(world, "ring add", "{'ring': 'START2/TRUST'}");
    must(world, "ring connect", "{'ring': 'START2/TRUST', 'certificate': 'START1/web'}");
    must(world, "cert request", "{'certificate': 'START1/web'}");
    refused(world, "cert delete", "{'certificate': 'START1/web', 'disconnect': true}",
            SG_E_CONFLICT, "request_pending");
    must(world, "cert delete", "{'certificate': 'START1/web', 'force': true}");
    must(world, "cert generate", make_web);
    must(world, "ring connect", "{'ring': 'START2/TRUST', 'certificate': 'START1/web'}");
    must(world, "cert delete", "{'certificate': 'START1/web', 'disconnect': true}");
    assert_says(world, "did", "removed from its rings: ");
    assert_int_equal(counts(world).connections, 0);
}

static sg_status add_twin(struct world *world, struct sg_certificate_row *row)
{
    row->id = 0;
    snprintf(row->name.label.text, sizeof row->name.label.text, "twin");
    snprintf(row->serial, sizeof row->serial, "7777");
    return sg_store_certificate_add(world->service.store, row, &world->err);
}

static void a_key_that_two_certificates_have_survives_one(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_ca);
    struct sg_certificate_row row = row_of(world, "CERTAUTH", "CA");
    assert_int_equal(add_twin(world, &row), SG_OK);
    sg_certificate_row_done(&row);
    struct snapshot before = snapshot(world);
    must(world, "cert delete", "{'certificate': 'CERTAUTH/CA'}");
    assert_false(says(world, "did", "private key"));
    struct snapshot after = snapshot(world);
    assert_int_equal(after.private_keys, before.private_keys);
    assert_int_equal(after.certificates, before.certificates);
    must(world, "cert delete", "{'certificate': 'CERTAUTH/twin'}");
    assert_says(world, "did", "and its private key");
    after = snapshot(world);
    assert_int_equal(after.private_keys, before.private_keys - 1);
    assert_int_equal(after.certificates, before.certificates - 1);
}

static void what_cannot_be_narrowed_is_not_deleted(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_web);
    world->refuse_narrow = true;
    refused(world, "cert delete", "{'certificate': 'START1/web'}", SG_E_STORAGE, "cannot_narrow");
    assert_int_equal(world->counted,
                     1); /* widened to what is stored, not to what was about to be */
}

static void a_key_is_destroyed_when_its_token_is_back(void **state)
{
    struct world *world = *state;
    unsigned settled = 0;
    struct snapshot before = snapshot(world);
    must(world, "cert generate", make_web);
    world->down = true;
    must(world, "cert delete", "{'certificate': 'START1/web'}");
    assert_says(world, "warnings", "\"store\" could not follow at once");
    assert_int_equal(counts(world).intents, 1);
    assert_int_not_equal(sg_operations_recover(&world->service, "store", &settled, &world->err),
                         SG_OK);
    assert_int_equal(counts(world).intents, 1);
    world_reopen(world);
    world->down = false;
    assert_int_equal(sg_operations_recover(&world->service, "store", &settled, &world->err), SG_OK);
    struct snapshot after = snapshot(world);
    assert_same(&before, &after);
}

/* ---- recovery ---- */

/* Two intents; the first is to store a certificate of that many bytes, none of them DER. */
static sg_status recover_beside_nonsense(struct world *world, size_t bytes, unsigned *settled)
{
    must(world, "cert generate", make_ca);
    SG_CERTIFICATE_ROW row = row_of(world, "CERTAUTH", "CA");
    struct sg_intent first = {.kind = SG_INTENT_CERTIFICATE, .key = row.key, .token = "store"};
    struct sg_intent orphan = {.kind = SG_INTENT_DESTROY, .key = key_id(0x5a), .token = "store"};
    row.der = realloc(row.der, bytes);
    assert_non_null(row.der);
    memset(row.der, 0, bytes);
    row.der_len = bytes;
    assert_int_equal(sg_store_certificate_replace(world->service.store, &row, &world->err), SG_OK);
    assert_int_equal(sg_store_intent_add(world->service.store, &first, &world->err), SG_OK);
    assert_int_equal(sg_store_intent_add(world->service.store, &orphan, &world->err), SG_OK);
    return sg_operations_recover(&world->service, "store", settled, &world->err);
}

/* The token does not take what is no certificate; the next intent must not wait for that. */
static void one_intent_does_not_hold_up_the_others(void **state)
{
    struct world *world = *state;
    unsigned settled = 0;
    assert_int_equal(recover_beside_nonsense(world, 100, &settled), SG_E_INPUT);
    assert_int_equal(settled, 1);
    assert_int_equal(counts(world).intents, 1);
}

/* What is too large for one request of the inner protocol never fits: it is given up. */
static void what_never_fits_is_given_up(void **state)
{
    struct world *world = *state;
    unsigned settled = 0;
    assert_int_equal(recover_beside_nonsense(world, SG_TOKEN_DATA_MAX + 1, &settled), SG_OK);
    assert_int_equal(settled, 2);
    assert_int_equal(counts(world).intents, 0);
}

/* Recovery deletes what an unacknowledged intent names and nothing else. */
static void recovery_spares_recorded_and_foreign_keys(void **state)
{
    struct world *world = *state;
    unsigned settled = 0;
    struct sg_buffer spki;
    must(world, "cert generate", make_web);
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "web");
    generate_key(&world->process.link, "ec:p256", key_id(0x77), (struct sg_key_abilities){0},
                 &spki);
    sg_buffer_done(&spki);
    struct snapshot before = snapshot(world);
    struct sg_intent recorded = {.kind = SG_INTENT_GENERATE, .key = row.key, .token = "store"};
    struct sg_intent elsewhere = {
        .kind = SG_INTENT_GENERATE, .key = key_id(0x77), .token = "other"};
    assert_int_equal(sg_store_intent_add(world->service.store, &recorded, &world->err), SG_OK);
    assert_int_equal(sg_store_intent_add(world->service.store, &elsewhere, &world->err), SG_OK);
    assert_int_equal(sg_operations_recover(&world->service, "store", &settled, &world->err), SG_OK);
    assert_int_equal(settled, 1);
    struct snapshot after = snapshot(world);
    assert_int_equal(after.private_keys, before.private_keys);
    assert_int_equal(after.counts.intents, 1);
}

/* ---- killed between any two requests ---- */

#define STEPS_MAX 16

static void recover(struct world *world)
{
    unsigned settled = 0;
    world_kill_token(world);
    world_start_token(world);
    if (sg_operations_recover(&world->service, "store", &settled, &world->err) != SG_OK) {
        fail_msg("%s", world->err.text);
    }
    assert_int_equal(counts(world).intents, 0);
}

/* Let the operation make `through` requests of the token, then kill it. True when it was not killed
 * before the change was made. */
static bool survives(struct world *world, const char *operation, const char *params,
                     unsigned through, bool does_the_last)
{
    struct snapshot before = snapshot(world);
    world_cut_after(world, through, does_the_last);
    sg_status s = ask(world, operation, json_of(params), false);
    if (s != SG_OK) {
        assert_int_equal(s, SG_E_TOKEN);
        assert_string_equal(world->err.code, "token_unavailable");
        assert_told(world, "store");
        assert_true(world->failures > 0);
        assert_int_equal(counts(world).certificates, before.counts.certificates);
        assert_int_equal(counts(world).owners, before.counts.owners);
        assert_int_equal(counts(world).keys, before.counts.keys);
        recover(world);
        struct snapshot after = snapshot(world);
        assert_same(&before, &after);
        return false;
    }
    recover(world);
    return true;
}

/* Whenever it dies, either nothing was made, or everything. */
static unsigned kill_everywhere(struct world *world, const char *operation, const char *params,
                                bool does_the_last)
{
    unsigned through = 0;
    while (!survives(world, operation, params, through, does_the_last)) {
        through++;
        assert_true(through < STEPS_MAX);
    }
    return through;
}

static void a_generation_cut_short_leaves_nothing(void **state)
{
    struct world *world = *state;
    for (int does = 0; does < 2; does++) {
        struct snapshot before = snapshot(world);
        unsigned steps = kill_everywhere(
            world, "cert generate", "{'certificate': 'NEWONE/x', 'subject': 'CN=x'}", does != 0);
        assert_true(steps >= 3); /* generate, sign, sync */
        struct snapshot after = snapshot(world);
        assert_int_equal(after.private_keys, before.private_keys + 1);
        assert_int_equal(after.counts.keys, before.counts.keys + 1);
        must(world, "cert delete", "{'certificate': 'NEWONE/x'}");
    }
}

static void a_ca_cut_short_is_completed_or_not_made(void **state)
{
    struct world *world = *state;
    for (int does = 0; does < 2; does++) {
        struct snapshot before = snapshot(world);
        (void)kill_everywhere(world, "cert generate", make_ca, does != 0);
        struct snapshot after = snapshot(world);
        assert_int_equal(after.private_keys, before.private_keys + 1);
        assert_int_equal(after.certificates, before.certificates + 1); /* recovery has stored it */
        must(world, "cert delete", "{'certificate': 'CERTAUTH/CA'}");
    }
}

static void a_deletion_cut_short_is_completed(void **state)
{
    struct world *world = *state;
    for (unsigned step = 0; step < 3; step++) {
        struct snapshot before = snapshot(world);
        must(world, "cert generate", make_ca);
        world_cut_after(world, step, step % 2 == 0);
        assert_int_equal(
            ask(world, "cert delete", json_of("{'certificate': 'CERTAUTH/CA'}"), false), SG_OK);
        recover(world);
        struct snapshot after = snapshot(world);
        assert_same(&before, &after);
    }
}

static void a_request_cut_short_is_not_recorded(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", make_web);
    assert_false(survives(world, "cert request", "{'certificate': 'START1/web'}", 0, true));
    SG_CERTIFICATE_ROW row = row_of(world, "START1", "web");
    assert_false(row.requested);
}

static void a_rollover_cut_short_is_not_started(void **state)
{
    struct world *world = *state;
    static const char start[] = "{'certificate': 'CERTAUTH/CA', 'label': 'CA2'}";
    must(world, "cert generate", make_ca);
    must(world, "ring add", "{'ring': 'START1/TRUST'}");
    must(world, "ring connect", "{'ring': 'START1/TRUST', 'certificate': 'CERTAUTH/CA'}");
    for (int does = 0; does < 2; does++) {
        struct snapshot before = snapshot(world);
        assert_true(kill_everywhere(world, "rollover start", start, does != 0) >= 3);
        struct snapshot after = snapshot(world);
        assert_int_equal(after.private_keys, before.private_keys + 1);
        assert_int_equal(after.counts.connections, before.counts.connections + 1);
        world_cut_after(world, 0, does != 0); /* undoing and finishing are completed */
        assert_int_equal(
            ask(world, "rollover undo", json_of("{'certificate': 'CERTAUTH/CA'}"), false), SG_OK);
        recover(world);
        assert_int_equal(snapshot(world).private_keys, before.private_keys);
    }
    must(world, "rollover start", start);
    must(world, "rollover switch", "{'certificate': 'CERTAUTH/CA'}");
    uint64_t keys = snapshot(world).private_keys;
    world_cut_after(world, 0, false);
    assert_int_equal(
        ask(world, "rollover finish", json_of("{'certificate': 'CERTAUTH/CA'}"), false), SG_OK);
    recover(world);
    assert_int_equal(snapshot(world).private_keys, keys - 1);
}

/* The service dies, the token too: what the store has is settled when both are back. */
static void a_service_that_died_settles_at_its_start(void **state)
{
    struct world *world = *state;
    struct snapshot before = snapshot(world);
    world_cut_after(world, 1, false); /* the key is made, the signature never comes */
    assert_int_equal(ask(world, "cert generate", json_of(make_web), false), SG_E_TOKEN);
    assert_int_equal(counts(world).intents, 1);
    world_reopen(world);
    assert_int_equal(counts(world).intents, 1);
    recover(world);
    struct snapshot after = snapshot(world);
    assert_same(&before, &after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        TEST(deleting_destroys_the_key),
        TEST(a_pending_request_protects_its_key),
        TEST(a_ring_protects_its_members),
        TEST(disconnecting_is_not_forcing),
        TEST(a_key_that_two_certificates_have_survives_one),
        TEST(what_cannot_be_narrowed_is_not_deleted),
        TEST(a_key_is_destroyed_when_its_token_is_back),
        TEST(one_intent_does_not_hold_up_the_others),
        TEST(what_never_fits_is_given_up),
        TEST(recovery_spares_recorded_and_foreign_keys),
        TEST(a_generation_cut_short_leaves_nothing),
        TEST(a_ca_cut_short_is_completed_or_not_made),
        TEST(a_deletion_cut_short_is_completed),
        TEST(a_request_cut_short_is_not_recorded),
        TEST(a_rollover_cut_short_is_not_started),
        TEST(a_service_that_died_settles_at_its_start),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
