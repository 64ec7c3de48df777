/* Who gets how much of a view that is too small for all. */
#include <stdio.h>
#include <string.h>

#include "cmocka_all.h"
#include "view_share.h"

static void add(struct view_shares *shares, const char *owner, size_t bytes)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_view_shares_add(shares, owner, bytes, &err), SG_OK);
}

static void divide(struct view_shares *shares, size_t room)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_view_shares_divide(shares, room, &err), SG_OK);
    assert_true(shares->promised <= room);
}

static void who_needs_little_is_promised_all_of_it(void **state)
{
    (void)state;
    struct view_shares shares = {0};
    add(&shares, "A", 70);
    add(&shares, "A", 20);
    add(&shares, "B", 25);
    add(&shares, "C", 5);
    add(&shares, "D", 5);
    assert_int_equal(shares.count, 4);
    divide(&shares, 100);
    assert_int_equal(shares.promised, 100); /* A: 65 */
    assert_int_equal(sg_view_shares_turn(&shares, "A"), 35);
    assert_int_equal(sg_view_shares_turn(&shares, "B"), 10);
    assert_int_equal(sg_view_shares_turn(&shares, "C"), 5);
    assert_int_equal(sg_view_shares_turn(&shares, "D"), 0);
    sg_view_shares_done(&shares);
}

/* What one brings that another has too is paid for once: whoever pays, nobody behind goes short. */
static void what_two_have_in_common_costs_no_third(void **state)
{
    (void)state;
    enum { ROOM = 100, COMMON = 20 };
    static const struct {
        const char *owner;
        size_t own;
        bool common;
        bool stays;
    } rings[] = {{"A", 70, false, false},
                 {"A", 2, true, true},
                 {"B", 5, true, true},
                 {"C", 5, false, true},
                 {"D", 5, false, true}};
    struct view_shares shares = {0};
    for (size_t i = 0; i < SG_COUNT(rings); i++) {
        add(&shares, rings[i].owner, rings[i].own + (rings[i].common ? COMMON : 0));
    }
    divide(&shares, ROOM);
    size_t used = 0;
    size_t left_free = 0;
    bool there = false;
    for (size_t i = 0; i < SG_COUNT(rings); i++) {
        if (i == 0 || strcmp(rings[i - 1].owner, rings[i].owner) != 0) {
            left_free = sg_view_shares_turn(&shares, rings[i].owner);
        }
        size_t costs = rings[i].own + (rings[i].common && !there ? COMMON : 0);
        bool fits = used + costs <= ROOM - left_free;
        assert_int_equal(fits, rings[i].stays);
        used += fits ? costs : 0;
        there = there || (fits && rings[i].common);
    }
    sg_view_shares_done(&shares);
}

struct walk {
    struct fair_walk fair;
    size_t used;
    char stays[8]; /* the names of the rings */
};

/* Two owners: A has a ring that is too large for any share, and a small one behind it. */
static sg_status pass_over(void *context, struct sg_error *err)
{
    static const struct {
        const char *owner, *ring;
        size_t bytes;
    } rings[] = {{"A", "1", 900}, {"A", "2", 20}, {"B", "3", 900}, {"B", "4", 20}};
    struct walk *walk = context;
    walk->used = 0;
    walk->stays[0] = '\0';
    for (size_t i = 0; i < SG_COUNT(rings); i++) {
        struct sg_ring_ref ref;
        bool stays = false;
        snprintf(ref.owner.text, sizeof ref.owner.text, "%s", rings[i].owner);
        snprintf(ref.ring.text, sizeof ref.ring.text, "%s", rings[i].ring);
        if (sg_fair_turns(&walk->fair, &ref) && walk->fair.pass == FAIR_MEASURE) {
            walk->used = 0;
        }
        if (sg_fair_skips(&walk->fair)) {
            continue;
        }
        size_t bytes = rings[i].bytes;
        sg_status s = sg_fair_weigh(&walk->fair, &ref, bytes, walk->used + bytes, &stays, err);
        if (s != SG_OK) {
            return s;
        }
        walk->used += stays ? bytes : 0;
        size_t len = strlen(walk->stays);
        snprintf(walk->stays + len, sizeof walk->stays - len, "%s", stays ? rings[i].ring : "");
    }
    return SG_OK;
}

static void a_large_ring_hides_no_small_one(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct walk walk = {.fair = {.limit = 640}};
    assert_int_equal(sg_fair_walk(&walk.fair, pass_over, &walk, &err), SG_OK);
    assert_string_equal(walk.stays, "24");
    assert_int_equal(walk.fair.left_out, 2);
    sg_fair_walk_done(&walk.fair);
}

static void equal_ones_get_equal_shares(void **state)
{
    (void)state;
    struct view_shares shares = {0};
    add(&shares, "A", 1000);
    add(&shares, "B", 1000);
    add(&shares, "C", 1000);
    divide(&shares, 100);
    assert_int_equal(shares.promised, 99);
    assert_int_equal(sg_view_shares_turn(&shares, "A"), 66);
    assert_int_equal(sg_view_shares_turn(&shares, "B"), 33);
    assert_int_equal(sg_view_shares_turn(&shares, "C"), 0);
    sg_view_shares_done(&shares);
}

static void what_fits_is_promised_whole(void **state)
{
    (void)state;
    struct view_shares shares = {0};
    divide(&shares, 0);
    assert_int_equal(sg_view_shares_turn(&shares, "A"), 0);
    add(&shares, "A", 40);
    add(&shares, "B", 60);
    divide(&shares, 100);
    assert_int_equal(shares.promised, 100);
    divide(&shares, 0);
    assert_int_equal(shares.promised, 0);
    sg_view_shares_done(&shares);
}

/* One who has come, or gone, since they were measured takes nothing from the others. */
static void an_unknown_one_is_promised_nothing(void **state)
{
    (void)state;
    struct view_shares shares = {0};
    add(&shares, "A", 20);
    add(&shares, "B", 60);
    add(&shares, "C", 60);
    divide(&shares, 100);
    assert_int_equal(sg_view_shares_turn(&shares, "A"), 80);
    assert_int_equal(sg_view_shares_turn(&shares, "C"), 0);
    assert_int_equal(sg_view_shares_turn(&shares, "D"), 0);
    sg_view_shares_done(&shares);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_needs_little_is_promised_all_of_it),
        cmocka_unit_test(what_two_have_in_common_costs_no_third),
        cmocka_unit_test(a_large_ring_hides_no_small_one),
        cmocka_unit_test(equal_ones_get_equal_shares),
        cmocka_unit_test(what_fits_is_promised_whole),
        cmocka_unit_test(an_unknown_one_is_promised_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
