/* Lists of granted keys that are held in memory once. */
#include <string.h>

#include <signet/token/key_list.h>

#include "cmocka_all.h"

/* Of keys with ascending numbers; all of them may sign. */
static struct sg_key_list made(size_t count, unsigned char first)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_key_list list = {0};
    struct sg_granted_key *keys = calloc(count + 7, sizeof *keys);
    assert_non_null(keys);
    for (size_t i = 0; i < count; i++) {
        keys[i] = (struct sg_granted_key){.sign = 1};
        keys[i].id.bytes[0] = (unsigned char)(first + i);
    }
    assert_int_equal(sg_key_list_take(keys, count, &list, &err), SG_OK);
    assert_int_equal(list.count, count);
    return list;
}

static void equal_lists_share_their_keys(void **state)
{
    (void)state;
    SG_KEY_LIST one = made(5, 1);
    SG_KEY_LIST other = made(5, 1);
    assert_ptr_not_equal(one.keys, other.keys);
    assert_true(sg_key_list_equal(&one, &other));
    assert_true(sg_key_list_join(&one, &other));
    assert_ptr_equal(one.keys, other.keys);
    assert_int_equal(*one.holders, 2);
    assert_true(sg_key_list_join(&one, &other)); /* again, and with itself: nothing is lost */
    assert_true(sg_key_list_join(&one, &one));
    assert_int_equal(*one.holders, 2);
}

static void whoever_is_left_keeps_the_keys(void **state)
{
    (void)state;
    SG_KEY_LIST one = made(5, 1);
    struct sg_key_list other = sg_key_list_share(&one);
    SG_KEY_LIST third = sg_key_list_steal(&other);
    assert_null(other.keys);
    assert_int_equal(other.count, 0);
    sg_key_list_done(&other);
    assert_int_equal(*third.holders, 2);
    sg_key_list_done(&one);
    sg_key_list_done(&one);
    assert_int_equal(*third.holders, 1);
    assert_int_equal(third.keys[4].id.bytes[0], 5);
}

static void check_apart(struct sg_key_list *one, struct sg_key_list *other)
{
    const struct sg_granted_key *keys = one->keys;
    assert_false(sg_key_list_equal(one, other));
    assert_false(sg_key_list_join(one, other));
    assert_ptr_equal(one->keys, keys);
}

static void lists_that_differ_stay_apart(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_KEY_LIST one = made(5, 1);
    SG_KEY_LIST shorter = made(4, 1);
    SG_KEY_LIST later = made(5, 2);
    check_apart(&one, &shorter);
    check_apart(&shorter, &one);
    check_apart(&one, &later);
    struct sg_granted_key *less = calloc(5, sizeof *less);
    assert_non_null(less);
    memcpy(less, one.keys, 5 * sizeof *less);
    less[4].sign = 0; /* the same keys, and not the same that may be done with them */
    SG_KEY_LIST weaker = {0};
    assert_int_equal(sg_key_list_take(less, 5, &weaker, &err), SG_OK);
    check_apart(&one, &weaker);
    weaker.digest = one.digest; /* the digest alone makes nothing equal */
    check_apart(&one, &weaker);
    check_apart(&weaker, &one);
}

static void nothing_is_a_list_too(void **state)
{
    (void)state;
    SG_KEY_LIST none = made(0, 0);
    SG_KEY_LIST never = {0};
    SG_KEY_LIST one = made(1, 1);
    assert_null(none.keys);
    assert_true(sg_key_list_equal(&none, &never));
    assert_true(sg_key_list_join(&none, &never));
    check_apart(&none, &one);
    check_apart(&one, &none);
    SG_KEY_LIST shared = sg_key_list_share(&none);
    assert_int_equal(shared.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_lists_share_their_keys),
        cmocka_unit_test(whoever_is_left_keeps_the_keys),
        cmocka_unit_test(lists_that_differ_stay_apart),
        cmocka_unit_test(nothing_is_a_list_too),
    };
    return cmocka_run_group_tests_name("key list", tests, NULL, NULL);
}
