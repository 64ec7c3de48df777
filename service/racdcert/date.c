/* Dates as RACF takes them: local time, which may not exist, or exist twice. */
#include <signet/racdcert/command.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S 86400
#define YEAR_MIN 1950 /* RFC 5280, 4.1.2.5: what UTCTime and GeneralizedTime can say */
#define YEAR_MAX 9999

static bool all_of(const char *text, const char *pattern)
{
    size_t i = 0;
    for (; pattern[i] != '\0'; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (pattern[i] == '0' ? !digit : text[i] != pattern[i]) {
            return false;
        }
    }
    return text[i] == '\0';
}

static int number(const char *text, size_t digits)
{
    int value = 0;
    for (size_t i = 0; i < digits; i++) {
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static bool same_minute(const struct tm *a, const struct tm *b)
{
    return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon && a->tm_mday == b->tm_mday &&
           a->tm_hour == b->tm_hour && a->tm_min == b->tm_min && a->tm_sec == b->tm_sec;
}

static sg_status read_fields(const char *date, const char *time, struct tm *out,
                             struct sg_error *err)
{
    if (!all_of(date, "0000-00-00") && !all_of(date, "0000/00/00")) {
        sg_fail(err, SG_E_USAGE, "bad_date", "\"%.24s\" is no date", date);
        return sg_hint(err, "Write DATE(2030-12-31).");
    }
    if (!all_of(time, "00:00:00")) {
        sg_fail(err, SG_E_USAGE, "bad_date", "\"%.24s\" is no time of day", time);
        return sg_hint(err, "Write TIME(23:59:59).");
    }
    *out = (struct tm){.tm_year = number(date, 4) - 1900,
                       .tm_mon = number(date + 5, 2) - 1,
                       .tm_mday = number(date + 8, 2),
                       .tm_hour = number(time, 2),
                       .tm_min = number(time + 3, 2),
                       .tm_sec = number(time + 6, 2)};
    struct tm check = *out;
    (void)timegm(&check); /* turns the 31st of June into the 1st of July */
    bool possible = same_minute(out, &check) && out->tm_year >= YEAR_MIN - 1900 &&
                    out->tm_year <= YEAR_MAX - 1900;
    return possible ? SG_OK
                    : sg_fail(err, SG_E_USAGE, "bad_date", "there is no %.10s %.8s", date, time);
}

/* The moment that shows these fields under the offset that holds at another moment; false when the
 * clock shows something else then. */
static bool moment(const struct tm *fields, time_t utc, time_t offset_at, int64_t *out)
{
    struct tm there;
    struct tm back = {0};
    if (localtime_r(&offset_at, &there) == NULL) {
        return false;
    }
    time_t guess = utc - there.tm_gmtoff;
    *out = guess;
    return localtime_r(&guess, &back) != NULL && same_minute(fields, &back);
}

sg_status sg_rac_local_time(const char *date, const char *time, int64_t *out_s, bool *ambiguous,
                            struct sg_error *err)
{
    struct tm fields = {0};
    sg_status s = read_fields(date, time, &fields, err);
    if (s != SG_OK) {
        return s;
    }
    struct tm copy = fields;
    time_t utc = timegm(&copy);
    int64_t before = 0;
    int64_t after = 0;
    tzset();
    bool first = moment(&fields, utc, utc - DAY_S, &before);
    bool second = moment(&fields, utc, utc + DAY_S, &after);
    if (!first && !second) {
        sg_fail(err, SG_E_INPUT, "no_such_time",
                "there is no %.10s %.8s here: clocks are put forward over it", date, time);
        return sg_hint(err, "Give a time before or after that hour.");
    }
    *ambiguous = first && second && before != after;
    *out_s = !second || (first && before < after) ? before : after;
    return SG_OK;
}
