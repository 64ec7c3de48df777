/* How long a slow name service is left alone, and what the log is told. */
#include <string.h>

#include <signet/operations/unix_groups.h>

#include "cmocka_all.h"

static enum sg_name_news note(struct sg_name_pace *pace, int64_t began_ms, int64_t took_ms)
{
    return sg_name_pace_note(pace, "user 33", began_ms, began_ms + took_ms);
}

static void who_answers_at_once_is_asked_again(void **state)
{
    struct sg_name_pace pace = {0};
    (void)state;
    assert_int_equal(note(&pace, 5000, 0), SG_NAMES_NO_NEWS);
    assert_int_equal(note(&pace, 5000, SG_NAMES_SLOW_MS), SG_NAMES_NO_NEWS);
    assert_int_equal(pace.took_ms, 0);
    assert_int_equal(pace.rests_until_ms, 0);
}

static void the_rest_is_ten_times_as_long_within_bounds(void **state)
{
    static const struct {
        int64_t took_ms, rest_ms;
    } rows[] = {{1001, 10010},
                {5000, 50000},
                {11999, 119990},
                {12000, SG_NAMES_REST_MAX_MS},
                {INT64_MAX / 2, SG_NAMES_REST_MAX_MS}};
    (void)state;
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_name_pace pace = {0};
        assert_int_equal(note(&pace, 5000, rows[i].took_ms), SG_NAMES_ARE_SLOW);
        assert_int_equal(pace.took_ms, rows[i].took_ms);
        assert_int_equal(pace.rests_until_ms, 5000 + rows[i].took_ms + rows[i].rest_ms);
        assert_string_equal(pace.asked, "user 33");
    }
}

static void the_log_hears_it_every_five_minutes_and_once_that_it_is_over(void **state)
{
    struct sg_name_pace pace = {0};
    (void)state;
    assert_int_equal(note(&pace, 1, 2000), SG_NAMES_ARE_SLOW);
    assert_int_equal(note(&pace, 30000, 2000), SG_NAMES_NO_NEWS);
    assert_int_equal(note(&pace, 290000, 2000), SG_NAMES_NO_NEWS);
    assert_int_equal(note(&pace, 300001, 2000), SG_NAMES_ARE_SLOW);
    assert_int_equal(note(&pace, 310000, 1), SG_NAMES_ANSWER);
    assert_int_equal(pace.took_ms, 0);
    assert_int_equal(note(&pace, 310001, 1), SG_NAMES_NO_NEWS);
    assert_int_equal(note(&pace, 320000, 2000), SG_NAMES_NO_NEWS); /* told five minutes ago */
    assert_int_equal(note(&pace, 330000, 1), SG_NAMES_NO_NEWS);    /* nothing to take back */
}

static void whoever_was_asked_for_is_cut_to_fit(void **state)
{
    char name[200];
    struct sg_name_pace pace = {0};
    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(sg_name_pace_note(&pace, name, 0, 2000), SG_NAMES_ARE_SLOW);
    assert_int_equal(strlen(pace.asked), sizeof pace.asked - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_answers_at_once_is_asked_again),
        cmocka_unit_test(the_rest_is_ten_times_as_long_within_bounds),
        cmocka_unit_test(the_log_hears_it_every_five_minutes_and_once_that_it_is_over),
        cmocka_unit_test(whoever_was_asked_for_is_cut_to_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
