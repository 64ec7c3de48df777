/* Whose request is next. */
#include "cmocka_all.h"
#include "turns_internal.h"

#define PLACES 8

struct world {
    struct turns turns;
    struct turn_place places[PLACES];
};

/* Places 0 to 4 are user 10's, 5 and 6 user 20's, 7 is user 30's. */
static int setup(void **state)
{
    static struct world world;
    static const uint32_t users[PLACES] = {10, 10, 10, 10, 10, 20, 20, 30};
    struct sg_error err = SG_ERROR_INIT;
    sg_token_turns_init(&world.turns);
    for (size_t i = 0; i < PLACES; i++) {
        assert_int_equal(sg_token_turns_join(&world.turns, &world.places[i], users[i], &err),
                         SG_OK);
    }
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < PLACES; i++) {
        if (world->places[i].turn != NULL) {
            sg_token_turns_leave(&world->turns, &world->places[i]);
        }
    }
    assert_true(sg_token_turns_none(&world->turns));
    assert_true(LIST_EMPTY(&world->turns.all));
    return 0;
}

static void wait_all(struct world *world)
{
    for (size_t i = 0; i < PLACES; i++) {
        sg_token_turns_wait(&world->turns, &world->places[i]);
    }
}

static void expect(struct world *world, size_t place)
{
    struct turn_place *next = sg_token_turns_next(&world->turns);
    assert_non_null(next);
    assert_int_equal(next - world->places, place);
}

static void expect_none(struct world *world)
{
    assert_true(sg_token_turns_none(&world->turns));
    assert_null(sg_token_turns_next(&world->turns));
}

static void users_take_turns_and_so_do_their_capabilities(void **state)
{
    static const size_t order[PLACES] = {0, 5, 7, 1, 6, 2, 3, 4};
    wait_all(*state);
    for (size_t i = 0; i < PLACES; i++) {
        expect(*state, order[i]);
    }
    expect_none(*state);
}

static void who_comes_late_waits_for_one_of_each_other_user(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < 7; i++) {
        sg_token_turns_wait(&world->turns, &world->places[i]);
    }
    expect(world, 0);
    sg_token_turns_wait(&world->turns, &world->places[7]);
    sg_token_turns_wait(&world->turns, &world->places[0]);
    expect(world, 5);
    expect(world, 1);
    expect(world, 7);
    expect(world, 6);
    expect(world, 2);
    expect(world, 3);
    expect(world, 4);
    expect(world, 0);
    expect_none(world);
}

static void who_is_known_to_wait_has_one_place(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 3; i++) {
        sg_token_turns_wait(&world->turns, &world->places[5]);
    }
    expect(world, 5);
    expect_none(world);
}

static void who_leaves_is_not_waited_for(void **state)
{
    struct world *world = *state;
    wait_all(world);
    sg_token_turns_leave(&world->turns, &world->places[0]);
    sg_token_turns_leave(&world->turns, &world->places[3]);
    sg_token_turns_leave(&world->turns, &world->places[7]); /* the only one of its user */
    expect(world, 1);
    expect(world, 5);
    expect(world, 2);
    sg_token_turns_leave(&world->turns, &world->places[6]); /* the last that waits of its user */
    expect(world, 4);
    expect_none(world);
}

static void who_has_left_waits_no_more(void **state)
{
    struct world *world = *state;
    sg_token_turns_leave(&world->turns, &world->places[0]);
    sg_token_turns_leave(&world->turns, &world->places[7]);
    wait_all(world);
    expect(world, 1);
    expect(world, 5);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(users_take_turns_and_so_do_their_capabilities),
        TEST(who_comes_late_waits_for_one_of_each_other_user),
        TEST(who_is_known_to_wait_has_one_place),
        TEST(who_leaves_is_not_waited_for),
        TEST(who_has_left_waits_no_more),
    };
    return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
