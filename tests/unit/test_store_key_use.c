/* Uses of keys: added up by key, ring and user. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store_internal.h"

/* SQLite's call comes here: how often it has waited for the disk. */
static unsigned waits;
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    waits++;
    return (int)syscall(SYS_fdatasync, fd);
}

/* START1/WEB and START1/TWO hold the key of bytes 5. */
struct rings {
    int64_t web, two, empty;
};

static struct sg_key_id key_of_bytes(unsigned char byte)
{
    struct sg_key_id key;
    memset(key.bytes, byte, sizeof key.bytes);
    return key;
}

static struct rings make_rings(struct fixture *fixture)
{
    struct rings rings = {.web = add_ring(fixture, "START1", "WEB"),
                          .two = add_ring(fixture, "START1", "TWO"),
                          .empty = add_ring(fixture, "START1", "EMPTY")};
    int64_t certificate = add_keyed(fixture, "START1", "web", 1, 5);
    assert_ok(fixture, sg_store_connect(fixture->store, rings.web, certificate, SG_USAGE_PERSONAL,
                                        true, NULL, NULL, &fixture->err));
    assert_ok(fixture, sg_store_connect(fixture->store, rings.two, certificate, SG_USAGE_PERSONAL,
                                        true, NULL, NULL, &fixture->err));
    return rings;
}

static void add(struct fixture *fixture, unsigned char key, int64_t ring, uint32_t uid,
                uint64_t count, int64_t last_s)
{
    const struct sg_key_use use = {key_of_bytes(key), (uint32_t)ring, uid, count, last_s, last_s};
    assert_ok(fixture, sg_store_key_uses_add(fixture->store, &use, 1, &fixture->err));
}

static void add_failed(struct fixture *fixture, unsigned char key, int64_t ring, uint32_t uid,
                       int64_t last_s)
{
    const struct sg_key_use use = {key_of_bytes(key), (uint32_t)ring, uid, 1, last_s, 0};
    assert_ok(fixture, sg_store_key_uses_add(fixture->store, &use, 1, &fixture->err));
}

static size_t read_uses(struct fixture *fixture, int64_t ring, struct sg_key_use *out, size_t room)
{
    const struct sg_key_id key = key_of_bytes(5);
    size_t count = 0;
    assert_ok(fixture,
              sg_store_key_uses(fixture->store, &key, ring, out, room, &count, &fixture->err));
    return count;
}

static uint64_t total(struct fixture *fixture, int64_t ring)
{
    const struct sg_key_id key = key_of_bytes(5);
    uint64_t out = 77;
    assert_ok(fixture, sg_store_key_use_total(fixture->store, &key, ring, &out, &fixture->err));
    return out;
}

static void uses_are_added_up_by_user_the_latest_first(void **state)
{
    struct fixture *fixture = *state;
    struct rings rings = make_rings(fixture);
    struct sg_key_use uses[4];
    assert_int_equal(read_uses(fixture, rings.web, uses, 4), 0);
    assert_int_equal(total(fixture, rings.web), 0);
    add(fixture, 5, rings.web, 33, 2, 1000);
    add(fixture, 5, rings.web, 0, 1, 3000);
    add(fixture, 5, rings.web, 33, 5, 2000);
    add(fixture, 5, rings.web, 33, 1, 500); /* an older one does not set the time back */
    fixture_reopen(fixture);
    assert_int_equal(read_uses(fixture, rings.web, uses, 4), 2);
    assert_int_equal(uses[0].uid, 0);
    assert_int_equal(uses[0].count, 1);
    assert_int_equal(uses[0].last_s, 3000);
    assert_int_equal(uses[1].uid, 33);
    assert_int_equal(uses[1].count, 8);
    assert_int_equal(uses[1].last_s, 2000);
    assert_int_equal(read_uses(fixture, rings.web, uses, 1), 1);
    assert_int_equal(total(fixture, rings.web), 9);
    assert_int_equal(total(fixture, rings.two), 0);
}

static void each_ring_has_its_own_counts(void **state)
{
    struct fixture *fixture = *state;
    struct rings rings = make_rings(fixture);
    add(fixture, 5, rings.web, 33, 2, 1000);
    add(fixture, 5, rings.two, 33, 4, 1000);
    assert_int_equal(total(fixture, rings.web), 2);
    assert_int_equal(total(fixture, rings.two), 4);
}

static void what_was_used_stays_with_its_ring(void **state)
{
    struct fixture *fixture = *state;
    struct rings rings = make_rings(fixture);
    add(fixture, 5, rings.empty, 33, 2, 1000); /* which has lost the key since */
    assert_int_equal(total(fixture, rings.empty), 2);
    assert_int_equal(total(fixture, rings.web), 0);
    assert_int_equal(total(fixture, rings.two), 0);
}

struct told {
    char text[200]; /* "RING uid count last other|…" */
    unsigned stop;  /* after so many; 0: never */
};

static sg_status tell(void *context, const struct sg_key_user *user, struct sg_error *err)
{
    struct told *told = context;
    size_t used = strlen(told->text);
    snprintf(told->text + used, sizeof told->text - used, "%s/%s %u %llu %lld %lld|",
             user->ring.owner.text, user->ring.ring.text, user->uid,
             (unsigned long long)user->count, (long long)user->last_s, (long long)user->other_s);
    return told->stop > 0 && --told->stop == 0
               ? sg_fail(err, SG_E_INTERNAL, "test", "the test stops here")
               : SG_OK;
}

static void users_are_told_with_their_use_of_another_key(void **state)
{
    struct fixture *fixture = *state;
    struct rings rings = make_rings(fixture);
    const struct sg_key_id key = key_of_bytes(5);
    const struct sg_key_id other = key_of_bytes(6);
    struct told told = {0};
    (void)add_keyed(fixture, "START1", "other", 2, 6);
    assert_ok(fixture,
              sg_store_key_users_each(fixture->store, &key, &other, 0, tell, &told, &fixture->err));
    assert_string_equal(told.text, "");
    add(fixture, 5, rings.web, 33, 2, 1000);
    add(fixture, 5, rings.web, 34, 1, 3000);
    add(fixture, 5, rings.two, 33, 1, 2000);
    add(fixture, 6, rings.web, 33, 9, 1500);
    add(fixture, 6, rings.empty, 34, 9, 1500); /* through another ring */
    assert_ok(fixture, sg_store_key_users_each(fixture->store, &key, &other, 1000, tell, &told,
                                               &fixture->err));
    assert_string_equal(told.text,
                        "START1/WEB 34 1 3000 0|START1/TWO 33 1 2000 0|START1/WEB 33 2 1000 1500|");
    told = (struct told){0};
    assert_ok(fixture, sg_store_key_users_each(fixture->store, &key, NULL, 1001, tell, &told,
                                               &fixture->err));
    assert_string_equal(told.text, "START1/WEB 34 1 3000 0|START1/TWO 33 1 2000 0|");
    told = (struct told){.stop = 1};
    assert_int_equal(
        sg_store_key_users_each(fixture->store, &key, NULL, 0, tell, &told, &fixture->err),
        SG_E_INTERNAL);
    assert_string_equal(told.text, "START1/WEB 34 1 3000 0|");
}

/* Who tries another key in vain has not used it. */
static void of_another_key_only_success_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct rings rings = make_rings(fixture);
    const struct sg_key_id key = key_of_bytes(5);
    const struct sg_key_id other = key_of_bytes(6);
    struct told told = {0};
    (void)add_keyed(fixture, "START1", "other", 2, 6);
    add(fixture, 5, rings.web, 33, 2, 1000);
    add_failed(fixture, 6, rings.web, 33, 2000);
    assert_ok(fixture,
              sg_store_key_users_each(fixture->store, &key, &other, 0, tell, &told, &fixture->err));
    assert_string_equal(told.text, "START1/WEB 33 2 1000 0|");
    add(fixture, 6, rings.web, 33, 1, 2500);
    add_failed(fixture, 6, rings.web, 33, 3000);
    add_failed(fixture, 5, rings.web, 33, 3500); /* whoever tried holds it */
    told = (struct told){0};
    fixture_reopen(fixture);
    assert_ok(fixture,
              sg_store_key_users_each(fixture->store, &key, &other, 0, tell, &told, &fixture->err));
    assert_string_equal(told.text, "START1/WEB 33 3 3500 2500|");
}

static void of_what_is_gone_nothing_is_kept(void **state)
{
    struct fixture *fixture = *state;
    struct rings rings = make_rings(fixture);
    add(fixture, 9, rings.web, 33, 2, 1000); /* no such key */
    add(fixture, 5, 0, 33, 1, 1000);
    add(fixture, 5, UINT32_MAX, 33, 4, 1000); /* no such ring */
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM key_use"), 0);
}

static void counting_changes_no_ring(void **state)
{
    struct fixture *fixture = *state;
    struct rings rings = make_rings(fixture);
    int64_t before = number_of_sql(fixture, "SELECT sum(sequence) FROM ring");
    add(fixture, 5, rings.web, 33, 2, 1000);
    assert_int_equal(number_of_sql(fixture, "SELECT sum(sequence) FROM ring"), before);
}

static void counts_go_with_their_ring(void **state)
{
    struct fixture *fixture = *state;
    struct rings rings = make_rings(fixture);
    add(fixture, 5, rings.web, 33, 2, 1000);
    add(fixture, 5, rings.two, 33, 1, 1000);
    assert_ok(fixture, sg_store_ring_delete(fixture->store, rings.web, &fixture->err));
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM key_use"), 1);
}

static void many_happen_together_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;
    struct rings rings = make_rings(fixture);
    const struct sg_key_use uses[] = {
        {key_of_bytes(5), (uint32_t)rings.web, 33, 2, 1000, 1000},
        {key_of_bytes(5), (uint32_t)rings.web, 34, 0, 1000, 1000}, /* the schema refuses it */
    };
    assert_int_not_equal(sg_store_key_uses_add(fixture->store, uses, SG_COUNT(uses), &fixture->err),
                         SG_OK);
    assert_int_equal(total(fixture, rings.web), 0);
}

/* Control does it every second, and serves nobody meanwhile. */
static void counting_alone_does_not_wait_for_the_disk(void **state)
{
    struct fixture *fixture = *state;
    struct rings rings = make_rings(fixture);
    waits = 0;
    add(fixture, 5, rings.web, 33, 1, 1000);
    add(fixture, 5, rings.web, 33, 1, 1000);
    assert_int_equal(waits, 0);
    (void)add_ring(fixture, "START1", "MORE"); /* every other change does, the one before with it */
    assert_int_equal(waits, 1);
    assert_int_equal(total(fixture, rings.web), 2);
}

static void what_is_counted_within_a_change_is_on_the_disk_with_it(void **state)
{
    struct fixture *fixture = *state;
    struct rings rings = make_rings(fixture);
    waits = 0;
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    add(fixture, 5, rings.web, 33, 1, 1000);
    assert_ok(fixture, sg_store_commit(fixture->store, &fixture->err));
    assert_int_equal(waits, 1);
}

static void counting_that_fails_leaves_the_others_waiting(void **state)
{
    struct fixture *fixture = *state;
    struct rings rings = make_rings(fixture);
    const struct sg_key_use bad = {key_of_bytes(5), (uint32_t)rings.web, 34, 0, 1000, 0};
    assert_int_not_equal(sg_store_key_uses_add(fixture->store, &bad, 1, &fixture->err), SG_OK);
    waits = 0;
    (void)add_ring(fixture, "START1", "MORE");
    assert_int_equal(waits, 1);
}

/* No memory, say: then the next query sees to it first. */
static void who_could_not_be_told_to_wait_again_is_told_later(void **state)
{
    struct fixture *fixture = *state;
    (void)make_rings(fixture);
    assert_ok(fixture, sg_store_wait_for_disk(fixture->store, false, &fixture->err));
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    assert_int_not_equal(sg_store_wait_for_disk(fixture->store, true, &fixture->err), SG_OK);
    assert_true(fixture->store->hurries); /* not while a transaction is open */
    sqlite3_exec(fixture->store->db, "ROLLBACK", NULL, NULL, NULL);
    fixture->store->in_transaction = false;
    waits = 0;
    (void)add_ring(fixture, "START1", "MORE");
    assert_false(fixture->store->hurries);
    assert_int_equal(waits, 1);
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_store, fixture_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_STORE(uses_are_added_up_by_user_the_latest_first),
        IN_STORE(each_ring_has_its_own_counts),
        IN_STORE(what_was_used_stays_with_its_ring),
        IN_STORE(users_are_told_with_their_use_of_another_key),
        IN_STORE(of_another_key_only_success_is_told),
        IN_STORE(of_what_is_gone_nothing_is_kept),
        IN_STORE(counting_changes_no_ring),
        IN_STORE(counts_go_with_their_ring),
        IN_STORE(many_happen_together_or_not_at_all),
        IN_STORE(counting_alone_does_not_wait_for_the_disk),
        IN_STORE(what_is_counted_within_a_change_is_on_the_disk_with_it),
        IN_STORE(counting_that_fails_leaves_the_others_waiting),
        IN_STORE(who_could_not_be_told_to_wait_again_is_told_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
