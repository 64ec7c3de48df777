/* Processors: the one that a thread keeps to, and all that it had. */
#include "cmocka_all.h"

#include <sched.h>

#include <signet/base/schedule.h>

static cpu_set_t usable(void)
{
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    return set;
}

static void assert_usable(const cpu_set_t *expected)
{
    const cpu_set_t now = usable();
    assert_true(CPU_EQUAL(&now, expected));
}

static int restore(void **state)
{
    return sched_setaffinity(0, sizeof(cpu_set_t), *state);
}

static int remember(void **state)
{
    static cpu_set_t before;
    before = usable();
    *state = &before;
    return 0;
}

static void each_number_has_its_processor_and_they_come_round(void **state)
{
    const cpu_set_t *before = *state;
    unsigned count = (unsigned)CPU_COUNT(before);
    cpu_set_t seen;
    CPU_ZERO(&seen);
    for (unsigned number = 1; number <= count; number++) {
        struct sg_processors one;
        struct sg_processors round;
        sg_processors_read(&one, number);
        sg_processors_read(&round, number + count);
        assert_true(one.known && CPU_COUNT(&one.own) == 1 && CPU_EQUAL(&one.own, &round.own));
        CPU_OR(&seen, &seen, &one.own);
    }
    assert_true(CPU_EQUAL(&seen, before)); /* none twice, and none that was not ours */
}

static void kept_and_left(void **state)
{
    struct sg_processors processors;
    unsigned count = (unsigned)CPU_COUNT((cpu_set_t *)*state);
    sg_processors_read(&processors, 1);
    assert_int_equal(sg_processors_count(), count);
    sg_processors_keep(&processors);
    assert_usable(&processors.own);
    assert_int_equal(sg_processors_count(), 1);
    sg_processors_leave(&processors);
    assert_usable(*state);
    assert_int_equal(sg_processors_count(), count);
}

static void only_what_was_allowed_is_kept_to(void **state)
{
    struct sg_processors processors;
    struct sg_processors within;
    sg_processors_read(&processors, (unsigned)CPU_COUNT((cpu_set_t *)*state)); /* the last one */
    sg_processors_keep(&processors);
    for (unsigned number = 1; number <= 3; number++) {
        sg_processors_read(&within, number);
        assert_true(within.known && CPU_EQUAL(&within.own, &processors.own));
    }
    sg_processors_leave(&within);
    assert_usable(&processors.own); /* no way out of what was given */
}

static void without_a_number_nothing_changes(void **state)
{
    struct sg_processors processors;
    sg_processors_read(&processors, 0);
    assert_false(processors.known);
    sg_processors_keep(&processors);
    assert_usable(*state);
    sg_processors_leave(&processors);
    assert_usable(*state);
}

/* The kernel may move it on at once: in one of many times it does not. */
static bool is_seen_on(const struct sg_processors *first, unsigned processor)
{
    bool seen = false;
    for (int i = 0; i < 100 && !seen; i++) {
        sg_processors_keep(first);
        assert_true(sg_processors_visit(first, processor));
        seen = sched_getcpu() == (int)processor;
    }
    return seen;
}

static void visited_and_not_kept_to(void **state)
{
    struct sg_processors first;
    const cpu_set_t *before = *state;
    sg_processors_read(&first, 1);
    for (unsigned i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, before)) {
            assert_true(is_seen_on(&first, i));
            assert_usable(before);
        }
    }
}

static void none_is_visited_that_is_not_ours(void **state)
{
    struct sg_processors first;
    struct sg_processors within;
    (void)state;
    sg_processors_read(&first, 1);
    sg_processors_keep(&first);
    sg_processors_read(&within, 1);
    for (unsigned i = 0; i < 2 * CPU_SETSIZE; i++) {
        bool ours = i < CPU_SETSIZE && CPU_ISSET(i, &first.own);
        assert_int_equal(sg_processors_visit(&within, i), ours);
    }
    assert_false(sg_processors_visit(&within, ~0u));
    assert_usable(&first.own);
    sg_processors_read(&within, 0);
    assert_false(sg_processors_visit(&within, (unsigned)sched_getcpu())); /* unknown */
}

static void the_greatest_number_is_one_too(void **state)
{
    struct sg_processors processors;
    (void)state;
    sg_processors_read(&processors, ~0u);
    assert_true(processors.known && CPU_COUNT(&processors.own) == 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, remember, restore)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_number_has_its_processor_and_they_come_round),
        TEST(kept_and_left),
        TEST(only_what_was_allowed_is_kept_to),
        TEST(without_a_number_nothing_changes),
        TEST(visited_and_not_kept_to),
        TEST(none_is_visited_that_is_not_ours),
        TEST(the_greatest_number_is_one_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
