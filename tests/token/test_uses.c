/* The page of uses in a token process: rows for everybody. */
#include <string.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "uses_internal.h"

struct world {
    struct uses uses;
    struct sg_uses_page *page;
};

static int setup(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    struct world *world = calloc(1, sizeof *world);
    int fd = -1;
    assert_non_null(world);
    assert_int_equal(sg_uses_page_new(&world->page, &fd, &err), SG_OK);
    assert_int_equal(sg_token_uses_take(&world->uses, fd, &err), SG_OK);
    close(fd);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    sg_token_uses_done(&world->uses);
    sg_uses_page_free(world->page);
    free(world);
    return 0;
}

/* Uses of so many keys, through one ring each. */
static void use(struct world *world, uint32_t uid, uint32_t first, uint32_t count)
{
    const struct capability capability = {.uid = uid};
    for (uint32_t i = first; i < first + count; i++) {
        struct sg_key_id key = {.bytes = {(unsigned char)(i & 15)}};
        sg_token_uses_count(&world->uses, &capability, &key, i, true);
    }
}

static uint32_t rows_of(const struct world *world, uint32_t uid)
{
    uint32_t rows = 0;
    for (uint32_t i = 0; i < atomic_load(&world->page->used); i++) {
        rows += world->page->rows[i].uid == uid ? 1 : 0;
    }
    return rows;
}

static void one_user_does_not_fill_a_page(void **state)
{
    struct world *world = *state;
    use(world, 1000, 1, 3 * SG_USES_MAX);
    assert_int_equal(rows_of(world, 1000), SG_USES_MAX / 4 * 3);
    assert_int_equal(atomic_load(&world->page->lost), 3 * SG_USES_MAX - SG_USES_MAX / 4 * 3);
    use(world, 1001, 1, 100);
    use(world, 0, 1, 100);
    assert_int_equal(rows_of(world, 1001), 100);
    assert_int_equal(rows_of(world, 0), 100);
    use(world, 1002, 1, SG_USES_MAX);
    assert_in_range(rows_of(world, 1002), 100, SG_USES_MAX / 2);
    use(world, 1003, 1, 1);
    assert_int_equal(rows_of(world, 1003), 1);
}

static void what_has_a_row_is_counted_on(void **state)
{
    struct world *world = *state;
    for (uint32_t uid = 1; uid <= 40; uid++) {
        use(world, uid, 1, 1000);
    }
    uint64_t lost = atomic_load(&world->page->lost);
    assert_true(lost > 0 && atomic_load(&world->page->used) <= SG_USES_MAX);
    use(world, 1, 1, 1000);
    assert_int_equal(atomic_load(&world->page->lost), lost);
    assert_int_equal(rows_of(world, 1), 1000);
    assert_int_equal(atomic_load(&world->page->rows[999].count), 2);
}

static void what_failed_is_counted_and_no_success(void **state)
{
    struct world *world = *state;
    const struct capability capability = {.uid = 1000};
    const struct sg_key_id key = {.bytes = {1}};
    const struct sg_use_row *row = &world->page->rows[0];
    sg_token_uses_count(&world->uses, &capability, &key, 1, false);
    assert_int_equal(atomic_load(&row->count), 1);
    assert_true(atomic_load(&row->last_s) != 0);
    assert_int_equal(atomic_load(&row->done_s), 0);
    sg_token_uses_count(&world->uses, &capability, &key, 1, true);
    int64_t done_s = atomic_load(&row->done_s);
    assert_true(done_s != 0);
    sg_token_uses_count(&world->uses, &capability, &key, 1, false);
    assert_int_equal(atomic_load(&row->count), 3);
    assert_int_equal(atomic_load(&row->done_s), done_s);
}

static void fail_with(struct world *world, unsigned long rv)
{
    const struct sg_error failure = {.status = SG_E_TOKEN, .ck_rv = rv};
    sg_token_uses_judge(&world->uses, &failure);
}

static bool last_failed(const struct world *world)
{
    return atomic_load(&world->page->failed_ms) > atomic_load(&world->page->done_ms);
}

static void what_the_token_fails_at_is_counted_apart(void **state)
{
    struct world *world = *state;
    const struct sg_error well = SG_ERROR_INIT;
    sg_token_uses_judge(&world->uses, &well);
    assert_false(last_failed(world));
    fail_with(world, 0x30); /* CKR_DEVICE_ERROR */
    fail_with(world, 0x06); /* CKR_FUNCTION_FAILED */
    assert_true(last_failed(world));
    assert_int_equal(atomic_load(&world->page->failed), 2);
    assert_int_equal(atomic_load(&world->page->failed_rv), 0x06);
    assert_true(atomic_load(&world->page->failed_s) > 1700000000);
    sg_token_uses_judge(&world->uses, &well); /* in the same millisecond */
    assert_false(last_failed(world));
    assert_int_equal(atomic_load(&world->page->failed), 2);
}

static void key_that_is_not_there_is_a_failure_of_the_token(void **state)
{
    struct world *world = *state;
    const struct sg_error missing = {.status = SG_E_NOT_FOUND, .ck_rv = 0x60};
    sg_token_uses_judge(&world->uses, &missing);
    assert_int_equal(atomic_load(&world->page->failed), 1);
    assert_int_equal(atomic_load(&world->page->failed_rv), 0x60); /* CKR_KEY_HANDLE_INVALID */
    assert_true(last_failed(world));
}

static void what_a_caller_gets_wrong_is_no_failure_of_the_token(void **state)
{
    struct world *world = *state;
    const struct sg_error denied = {.status = SG_E_DENIED};
    fail_with(world, 0x20); /* CKR_DATA_INVALID */
    fail_with(world, 0x40); /* CKR_ENCRYPTED_DATA_INVALID */
    fail_with(world, 0x70); /* CKR_MECHANISM_INVALID */
    fail_with(world, 0x07); /* CKR_ARGUMENTS_BAD */
    sg_token_uses_judge(&world->uses, &denied);
    assert_int_equal(atomic_load(&world->page->failed), 0);
    assert_false(last_failed(world));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_user_does_not_fill_a_page, setup, teardown),
        cmocka_unit_test_setup_teardown(what_failed_is_counted_and_no_success, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_a_row_is_counted_on, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_token_fails_at_is_counted_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(key_that_is_not_there_is_a_failure_of_the_token, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_a_caller_gets_wrong_is_no_failure_of_the_token, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
