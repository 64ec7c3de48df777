/* Copies of the store in memory. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "store_internal.h"

#define MUCH ((uint64_t)1 << 24)

static struct sg_store *copy_of(struct fixture *fixture, uint64_t growth)
{
    struct sg_store *copy = NULL;
    assert_ok(fixture, sg_store_copy(fixture->store, growth, &copy, &fixture->err));
    assert_non_null(copy);
    return copy;
}

static bool has_owner(struct fixture *fixture, struct sg_store *store, const char *owner)
{
    bool exists = false;
    assert_ok(fixture, sg_store_owner_exists(store, owner, &exists, &fixture->err));
    return exists;
}

static void it_holds_what_the_store_holds(void **state)
{
    struct fixture *fixture = *state;
    int64_t certificate = add_certificate(fixture, "START1", "web", 1);
    int64_t number = add_ring(fixture, "START1", "KEY");
    struct sg_store *copy = copy_of(fixture, MUCH);
    SG_CERTIFICATE_ROW row = {0};
    struct sg_ring_row ring;
    const struct sg_certificate_name name = name_of("START1", "web");
    const struct sg_ring_ref ref = ring_of("START1", "KEY");
    assert_ok(fixture, sg_store_certificate_get(copy, &name, &row, &fixture->err));
    assert_int_equal(row.id, certificate);
    assert_ok(fixture, sg_store_ring_get(copy, &ref, &ring, &fixture->err));
    assert_int_equal(ring.id, number);
    sg_store_close(copy);
}

static void neither_knows_of_the_other_s_changes(void **state)
{
    struct fixture *fixture = *state;
    struct sg_store *copy = copy_of(fixture, MUCH);
    assert_ok(fixture, sg_store_owner_add(copy, "COPY", &fixture->err));
    assert_ok(fixture, sg_store_owner_add(fixture->store, "REAL", &fixture->err));
    assert_false(has_owner(fixture, fixture->store, "COPY"));
    assert_false(has_owner(fixture, copy, "REAL"));
    struct sg_store *second = copy_of(fixture, MUCH);
    assert_false(has_owner(fixture, second, "COPY"));
    assert_true(has_owner(fixture, second, "REAL"));
    sg_store_close(second);
    sg_store_close(copy);
    fixture_reopen(fixture);
    assert_false(has_owner(fixture, fixture->store, "COPY"));
}

static void its_transactions_do_not_hold_the_store_up(void **state)
{
    struct fixture *fixture = *state;
    struct sg_store *copy = copy_of(fixture, MUCH);
    assert_ok(fixture, sg_store_begin(copy, &fixture->err));
    assert_ok(fixture, sg_store_owner_add(copy, "COPY", &fixture->err));
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    assert_ok(fixture, sg_store_owner_add(fixture->store, "REAL", &fixture->err));
    assert_ok(fixture, sg_store_commit(fixture->store, &fixture->err));
    sg_store_rollback(copy);
    assert_false(has_owner(fixture, copy, "COPY"));
    sg_store_close(copy);
}

static void it_keeps_the_store_s_rules(void **state)
{
    struct fixture *fixture = *state;
    struct sg_store *copy = copy_of(fixture, MUCH);
    const struct sg_ring_ref nobody = ring_of("NOBODY", "KEY");
    int64_t ring = 0;
    assert_fails(fixture, sg_store_owner_add(copy, "START1", &fixture->err), SG_E_CONFLICT,
                 "owner_exists");
    assert_fails(fixture, sg_store_owner_add(copy, "no owner", &fixture->err), SG_E_INTERNAL,
                 "store_constraint");
    assert_fails(fixture, sg_store_ring_add(copy, &nobody, &ring, &fixture->err), SG_E_NOT_FOUND,
                 "owner_not_found");
    sg_store_close(copy);
}

static void it_does_not_grow_beyond_its_bound(void **state)
{
    struct fixture *fixture = *state;
    struct sg_store *copy = copy_of(fixture, 65536);
    sg_status s = SG_OK;
    unsigned added = 0;
    for (; s == SG_OK && added < 1000; added++) {
        char label[33];
        (void)snprintf(label, sizeof label, "certificate %u", added);
        struct sg_certificate_row row = row_of("START1", label, added + 1);
        s = sg_store_certificate_add(copy, &row, &fixture->err);
        sg_certificate_row_done(&row);
    }
    assert_int_equal(s, SG_E_SERVICE);
    assert_string_equal(fixture->err.code, "rehearsal_full");
    assert_true(added > 10);
    sg_store_rollback(copy);
    assert_false(has_owner(fixture, copy, "NOBODY"));
    sg_store_close(copy);
    /* the store itself has no such bound */
    (void)add_certificate(fixture, "START1", "real", 2000);
}

static void none_is_made_within_a_transaction(void **state)
{
    struct fixture *fixture = *state;
    struct sg_store *copy = NULL;
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    assert_int_equal(sg_store_copy(fixture->store, MUCH, &copy, &fixture->err), SG_E_INTERNAL);
    assert_null(copy);
    sg_store_rollback(fixture->store);
}

static void the_size_is_that_of_its_pages(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = 0;
    uint64_t after = 0;
    assert_ok(fixture, sg_store_size(fixture->store, &before, &fixture->err));
    assert_true(before >= 4096);
    for (unsigned i = 0; i < 200; i++) {
        char label[33];
        (void)snprintf(label, sizeof label, "certificate %u", i);
        (void)add_certificate(fixture, "START1", label, i + 1);
    }
    assert_ok(fixture, sg_store_size(fixture->store, &after, &fixture->err));
    assert_true(after > before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_store, fixture_gone)
    const struct CMUnitTest tests[] = {
        TEST(it_holds_what_the_store_holds),
        TEST(neither_knows_of_the_other_s_changes),
        TEST(its_transactions_do_not_hold_the_store_up),
        TEST(it_keeps_the_store_s_rules),
        TEST(it_does_not_grow_beyond_its_bound),
        TEST(none_is_made_within_a_transaction),
        TEST(the_size_is_that_of_its_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
