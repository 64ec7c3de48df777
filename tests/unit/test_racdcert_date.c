/* Dates of commands: local time, across the changes of the clock. */
#include "cmocka_all.h"

#include <string.h>
#include <time.h>

#include <signet/racdcert/command.h>

static int64_t read_time(const char *zone, const char *date, const char *time, bool *ambiguous)
{
    struct sg_error err = SG_ERROR_INIT;
    int64_t out = -1;
    assert_int_equal(setenv("TZ", zone, 1), 0);
    if (sg_rac_local_time(date, time, &out, ambiguous, &err) != SG_OK) {
        fail_msg("%s %s %s: %s", zone, date, time, err.text);
    }
    return out;
}

static void expect(const char *zone, const char *date, const char *time, int64_t wanted, bool twice)
{
    bool ambiguous = !twice;
    assert_int_equal(read_time(zone, date, time, &ambiguous), wanted);
    assert_int_equal(ambiguous, twice);
}

static void refused(const char *zone, const char *date, const char *time, const char *code)
{
    struct sg_error err = SG_ERROR_INIT;
    int64_t out = 77;
    bool ambiguous = false;
    assert_int_equal(setenv("TZ", zone, 1), 0);
    assert_int_not_equal(sg_rac_local_time(date, time, &out, &ambiguous, &err), SG_OK);
    assert_string_equal(err.code, code);
    assert_int_equal(out, 77);
}

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define NEW_YORK "EST5EDT,M3.2.0,M11.1.0"

static void summer_and_winter_have_their_offsets(void **state)
{
    (void)state;
    expect("UTC0", "2030-12-31", "23:59:59", 1924991999, false);
    expect(BERLIN, "2030/12/31", "23:59:59", 1924991999 - 3600, false);
    expect(BERLIN, "2030-07-01", "00:00:00", 1909087200, false);
    expect(NEW_YORK, "2030-07-01", "00:00:00", 1909087200 + 6 * 3600, false);
}

static void an_hour_that_comes_twice_is_the_earlier_one(void **state)
{
    (void)state;
    expect(BERLIN, "2030-10-27", "02:30:00", 1919291400, true);
    expect(BERLIN, "2030-10-27", "01:59:59", 1919289599, false);
    expect(BERLIN, "2030-10-27", "03:00:00", 1919296800, false);
}

static void an_hour_that_does_not_come_is_refused(void **state)
{
    (void)state;
    refused(BERLIN, "2030-03-31", "02:00:00", "no_such_time");
    refused(BERLIN, "2030-03-31", "02:59:59", "no_such_time");
    refused(NEW_YORK, "2030-03-10", "02:30:00", "no_such_time");
    expect(BERLIN, "2030-03-31", "03:00:00", 1901149200, false);
}

static void what_is_no_date_is_refused(void **state)
{
    static const char *const wrong[][2] = {
        {"2030-02-29", "00:00:00"},  {"2030-13-01", "00:00:00"},
        {"2030-00-10", "00:00:00"},  {"2030-06-31", "00:00:00"},
        {"30-06-01", "00:00:00"},    {"2030-6-1", "00:00:00"},
        {"2030-06-01x", "00:00:00"}, {"2030.06.01", "00:00:00"},
        {"2030-06/01", "00:00:00"},  {"", "00:00:00"},
        {"2030-06-01", ""},          {"2030-06-01", "24:00:00"},
        {"2030-06-01", "12:60:00"},  {"2030-06-01", "12:00:61"},
        {"2030-06-01", "12:00"},     {"2030-06-01", "1:00:00"},
        {"1949-12-31", "00:00:00"},  {"0000-01-01", "00:00:00"},
        {"tomorrow", "00:00:00"},    {"2030-06-01", "noon"},
    };
    (void)state;
    for (size_t i = 0; i < SG_COUNT(wrong); i++) {
        refused("UTC0", wrong[i][0], wrong[i][1], "bad_date");
    }
}

static void leap_days_and_the_last_second_exist(void **state)
{
    (void)state;
    expect("UTC0", "2028-02-29", "12:00:00", 1835438400, false);
    expect("UTC0", "9999-12-31", "23:59:59", 253402300799, false);
    expect("UTC0", "1950-01-01", "00:00:00", -631152000, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summer_and_winter_have_their_offsets),
        cmocka_unit_test(an_hour_that_comes_twice_is_the_earlier_one),
        cmocka_unit_test(an_hour_that_does_not_come_is_refused),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(leap_days_and_the_last_second_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
