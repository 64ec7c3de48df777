/* Staged roll-overs in the store. */
#include <stdio.h>
#include <string.h>

#include <signet/store/rollover.h>

#include "store_fixture.h"

#define LABELS 200 /* bytes */

static void start(struct fixture *fixture, int64_t old, int64_t successor)
{
    struct sg_rollover_row row = {
        .old_id = old, .successor_id = successor, .made = true, .started_s = 100};
    assert_ok(fixture, sg_store_rollover_add(fixture->store, &row, &fixture->err));
}

static void note(struct fixture *fixture, int64_t old, int64_t ring, enum sg_life_note what)
{
    struct sg_rollover_note made = {.ring_id = ring, .note = what};
    assert_ok(fixture, sg_store_rollover_note(fixture->store, old, &made, &fixture->err));
}

static bool find(struct fixture *fixture, int64_t certificate, struct sg_rollover_row *out)
{
    bool found = false;
    assert_ok(fixture,
              sg_store_rollover_of(fixture->store, certificate, out, &found, &fixture->err));
    return found;
}

static sg_status add_label(void *context, const struct sg_certificate_row *row,
                           struct sg_error *err SG_UNUSED)
{
    char *labels = context;
    size_t used = strlen(labels);
    snprintf(labels + used, LABELS - used, "%s ", row->name.label.text);
    return SG_OK;
}

static void assert_held(struct fixture *fixture, int64_t ring, const char *expected)
{
    char labels[LABELS] = "";
    assert_ok(fixture,
              sg_store_rollover_held_each(fixture->store, ring, add_label, labels, &fixture->err));
    assert_string_equal(labels, expected);
}

static void connect(struct fixture *fixture, int64_t ring, int64_t certificate, enum sg_usage usage)
{
    assert_ok(fixture, sg_store_connect(fixture->store, ring, certificate, usage, false, NULL, NULL,
                                        &fixture->err));
}

static void it_comes_back_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct sg_rollover_row row;
    int64_t old = add_keyed(fixture, "START1", "old", 1, 1);
    int64_t successor = add_keyed(fixture, "START1", "new", 2, 2);
    int64_t third = add_keyed(fixture, "START1", "third", 3, 3);
    assert_false(find(fixture, old, &row));
    start(fixture, old, successor);
    fixture_reopen(fixture);
    for (int i = 0; i < 2; i++) {
        assert_true(find(fixture, i == 0 ? old : successor, &row));
        assert_int_equal(row.old_id, old);
        assert_int_equal(row.successor_id, successor);
        assert_string_equal(row.old_name.label.text, "old");
        assert_string_equal(row.successor_name.label.text, "new");
        assert_true(row.made);
        assert_int_equal(row.started_s, 100);
        assert_int_equal(row.switched_s, 0);
    }
    assert_false(find(fixture, third, &row));
    assert_ok(fixture, sg_store_rollover_set_switched(fixture->store, old, 200, &fixture->err));
    assert_true(find(fixture, old, &row));
    assert_int_equal(row.switched_s, 200);
    assert_ok(fixture, sg_store_rollover_set_switched(fixture->store, old, 0, &fixture->err));
    assert_true(find(fixture, old, &row));
    assert_int_equal(row.switched_s, 0);
    assert_ok(fixture, sg_store_rollover_end(fixture->store, old, &fixture->err));
    assert_false(find(fixture, successor, &row));
    assert_fails(fixture, sg_store_rollover_end(fixture->store, old, &fixture->err), SG_E_NOT_FOUND,
                 "rollover_not_found");
    assert_fails(fixture, sg_store_rollover_set_switched(fixture->store, old, 300, &fixture->err),
                 SG_E_NOT_FOUND, "rollover_not_found");
}

static void a_certificate_is_in_one_only(void **state)
{
    struct fixture *fixture = *state;
    int64_t ids[] = {add_keyed(fixture, "START1", "a", 1, 1),
                     add_keyed(fixture, "START1", "b", 2, 2),
                     add_keyed(fixture, "START1", "c", 3, 3)};
    static const int refused[][2] = {{0, 2}, {2, 1}, {1, 2}, {2, 0}, {2, 2}, {0, 1}, {1, 0}};
    start(fixture, ids[0], ids[1]);
    for (size_t i = 0; i < SG_COUNT(refused); i++) {
        struct sg_rollover_row row = {
            .old_id = ids[refused[i][0]], .successor_id = ids[refused[i][1]], .started_s = 1};
        assert_int_not_equal(sg_store_rollover_add(fixture->store, &row, &fixture->err), SG_OK);
    }
    struct sg_rollover_row row = {.old_id = ids[2], .successor_id = 4711, .started_s = 1};
    assert_int_not_equal(sg_store_rollover_add(fixture->store, &row, &fixture->err), SG_OK);
}

static void what_was_replaced_is_held_while_the_other_stands_there(void **state)
{
    struct fixture *fixture = *state;
    int64_t old = add_keyed(fixture, "START1", "old", 1, 1);
    int64_t successor = add_keyed(fixture, "START1", "new", 2, 2);
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t elsewhere = add_ring(fixture, "START2", "ring");
    start(fixture, old, successor);
    assert_held(fixture, ring, "");
    note(fixture, old, ring, SG_LIFE_NOTE_REPLACED);
    assert_held(fixture, ring, "");
    connect(fixture, ring, successor, SG_USAGE_PERSONAL);
    assert_held(fixture, ring, "old ");
    assert_held(fixture, elsewhere, "");
    connect(fixture, elsewhere, successor, SG_USAGE_PERSONAL);
    assert_held(fixture, elsewhere, "");
    connect(fixture, ring, successor, SG_USAGE_SITE);
    assert_held(fixture, ring, "");
    note(fixture, old, ring, SG_LIFE_NOTE_RETURNED);
    assert_held(fixture, ring, "");
    connect(fixture, ring, old, SG_USAGE_PERSONAL);
    assert_held(fixture, ring, "new ");
    note(fixture, old, ring, SG_LIFE_NOTE_BESIDE);
    assert_held(fixture, ring, "");
    note(fixture, old, ring, SG_LIFE_NOTE_RETURNED);
    assert_ok(fixture, sg_store_rollover_end(fixture->store, old, &fixture->err));
    assert_held(fixture, ring, "");
}

static uint64_t sequence_of(struct fixture *fixture, int64_t ring)
{
    char sql[80];
    snprintf(sql, sizeof sql, "SELECT sequence FROM ring WHERE id = %lld", (long long)ring);
    return (uint64_t)number_of_sql(fixture, sql);
}

/* What it must be now, and was before: higher where something has changed. */
#define COUNTED(fixture, ring, before)                                                             \
    do {                                                                                           \
        assert_true(sequence_of(fixture, ring) > (before));                                        \
        (before) = sequence_of(fixture, ring);                                                     \
    } while (0)

static void what_a_ring_holds_by_a_rollover_counts_in_it(void **state)
{
    struct fixture *fixture = *state;
    bool orphaned = false;
    int64_t old = add_keyed(fixture, "START1", "old", 1, 1);
    int64_t successor = add_keyed(fixture, "START1", "new", 2, 2);
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t beside = add_ring(fixture, "START1", "beside");
    connect(fixture, ring, successor, SG_USAGE_PERSONAL);
    start(fixture, old, successor);
    uint64_t last = sequence_of(fixture, ring);
    uint64_t untouched = sequence_of(fixture, beside);
    note(fixture, old, ring, SG_LIFE_NOTE_REPLACED);
    note(fixture, old, beside, SG_LIFE_NOTE_BESIDE);
    COUNTED(fixture, ring, last);
    assert_ok(fixture,
              sg_store_certificate_set_trust(fixture->store, old, SG_NOTRUST, &fixture->err));
    COUNTED(fixture, ring, last);
    assert_ok(fixture, sg_store_certificate_set_label(fixture->store, old, "odd", &fixture->err));
    COUNTED(fixture, ring, last);
    struct sg_key_id key;
    memset(key.bytes, 1, sizeof key.bytes);
    assert_ok(fixture, sg_store_key_retire(fixture->store, &key, &fixture->err));
    COUNTED(fixture, ring, last);
    note(fixture, old, ring, SG_LIFE_NOTE_RETURNED);
    COUNTED(fixture, ring, last);
    assert_ok(fixture, sg_store_disconnect(fixture->store, ring, successor, &fixture->err));
    last = sequence_of(fixture, ring);
    assert_ok(fixture,
              sg_store_certificate_set_trust(fixture->store, successor, SG_NOTRUST, &fixture->err));
    COUNTED(fixture, ring, last);
    assert_ok(fixture, sg_store_rollover_end(fixture->store, old, &fixture->err));
    COUNTED(fixture, ring, last);
    assert_ok(fixture,
              sg_store_certificate_set_trust(fixture->store, successor, SG_TRUST, &fixture->err));
    assert_int_equal(sequence_of(fixture, ring), last);
    start(fixture, old, successor);
    note(fixture, old, ring, SG_LIFE_NOTE_REPLACED);
    COUNTED(fixture, ring, last);
    assert_ok(fixture, sg_store_certificate_delete(fixture->store, old, &orphaned, &fixture->err));
    COUNTED(fixture, ring, last);
    assert_int_equal(sequence_of(fixture, beside), untouched);
}

static sg_status keep_note(void *context, const struct sg_ring_row *ring,
                           const struct sg_rollover_note *found, struct sg_error *err SG_UNUSED)
{
    struct sg_rollover_note *out = context;
    assert_int_equal(ring->id, found->ring_id);
    assert_int_equal(out->ring_id, 0); /* one only */
    *out = *found;
    return SG_OK;
}

static void notes_go_with_their_ring(void **state)
{
    struct fixture *fixture = *state;
    int64_t old = add_keyed(fixture, "START1", "old", 1, 1);
    int64_t successor = add_keyed(fixture, "START1", "new", 2, 2);
    int64_t ring = add_ring(fixture, "START1", "ring");
    struct sg_rollover_note own = {.ring_id = ring,
                                   .note = SG_LIFE_NOTE_REPLACED,
                                   .had_own = true,
                                   .own_usage = SG_USAGE_SITE,
                                   .own_default = true};
    struct sg_rollover_note found = {.ring_id = 0};
    start(fixture, old, successor);
    note(fixture, old, ring, SG_LIFE_NOTE_BESIDE);
    assert_ok(fixture, sg_store_rollover_note(fixture->store, old, &own, &fixture->err));
    assert_ok(fixture,
              sg_store_rollover_note_each(fixture->store, old, keep_note, &found, &fixture->err));
    assert_int_equal(found.note, SG_LIFE_NOTE_REPLACED);
    assert_true(found.had_own && found.own_default);
    assert_int_equal(found.own_usage, SG_USAGE_SITE);
    assert_ok(fixture, sg_store_ring_delete(fixture->store, ring, &fixture->err));
    found.ring_id = 0;
    assert_ok(fixture,
              sg_store_rollover_note_each(fixture->store, old, keep_note, &found, &fixture->err));
    assert_int_equal(found.ring_id, 0);
}

static void it_goes_with_its_certificates(void **state)
{
    struct fixture *fixture = *state;
    struct sg_rollover_row row;
    bool orphaned = false;
    for (int i = 0; i < 2; i++) {
        int64_t old = add_keyed(fixture, "START1", "old", 1, 1);
        int64_t successor = add_keyed(fixture, "START1", "new", 2, 2);
        start(fixture, old, successor);
        assert_ok(fixture, sg_store_certificate_delete(fixture->store, i == 0 ? old : successor,
                                                       &orphaned, &fixture->err));
        assert_false(find(fixture, i == 0 ? successor : old, &row));
        assert_ok(fixture, sg_store_certificate_delete(fixture->store, i == 0 ? successor : old,
                                                       &orphaned, &fixture->err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_store, fixture_gone)
        TEST(it_comes_back_as_it_was),
        TEST(a_certificate_is_in_one_only),
        TEST(what_was_replaced_is_held_while_the_other_stands_there),
        TEST(what_a_ring_holds_by_a_rollover_counts_in_it),
        TEST(notes_go_with_their_ring),
        TEST(it_goes_with_its_certificates),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
