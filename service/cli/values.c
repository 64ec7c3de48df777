#include <signet/cli/values.h>

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <signet/cli/arguments.h>

bool sg_value_integer(const char *text, int64_t *out)
{
    bool negative = *text == '-';
    const char *digit = negative ? text + 1 : text;
    int64_t value = 0;
    if (*digit == '\0') {
        return false;
    }
    for (; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9') {
            return false;
        }
        int step = negative ? '0' - *digit : *digit - '0';
        if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_add_overflow(value, (int64_t)step, &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

/* Exactly width digits; moves *text behind them. */
static bool digits(const char **text, int width, int *out)
{
    int value = 0;
    for (int i = 0; i < width; i++, (*text)++) {
        if (**text < '0' || **text > '9') {
            return false;
        }
        value = value * 10 + (**text - '0');
    }
    *out = value;
    return true;
}

static bool literal(const char **text, const char *allowed)
{
    if (**text == '\0' || strchr(allowed, **text) == NULL) {
        return false;
    }
    (*text)++;
    return true;
}

static bool read_date(const char **text, struct tm *tm)
{
    if (!digits(text, 4, &tm->tm_year) || !literal(text, "-") || !digits(text, 2, &tm->tm_mon) ||
        !literal(text, "-") || !digits(text, 2, &tm->tm_mday)) {
        return false;
    }
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return tm->tm_year >= 50;
}

static bool read_clock(const char **text, struct tm *tm)
{
    if (!literal(text, "Tt ") || !digits(text, 2, &tm->tm_hour) || !literal(text, ":") ||
        !digits(text, 2, &tm->tm_min) || !literal(text, ":") || !digits(text, 2, &tm->tm_sec)) {
        return false;
    }
    if (**text == '.') {
        int ignored;
        (*text)++;
        if (!digits(text, 1, &ignored)) {
            return false;
        }
        while (**text >= '0' && **text <= '9') {
            (*text)++;
        }
    }
    return tm->tm_hour <= 23 && tm->tm_min <= 59 && tm->tm_sec <= 59;
}

/* "Z", or "+hh:mm" in seconds east of Greenwich. */
static bool read_offset(const char **text, int *offset_s)
{
    if (literal(text, "Zz")) {
        *offset_s = 0;
        return **text == '\0';
    }
    bool west = **text == '-';
    int hours, minutes;
    if (!literal(text, "+-") || !digits(text, 2, &hours) || !literal(text, ":") ||
        !digits(text, 2, &minutes) || **text != '\0' || hours > 23 || minutes > 59) {
        return false;
    }
    *offset_s = (hours * 60 + minutes) * 60 * (west ? -1 : 1);
    return true;
}

/* timegm() folds 31 February into March: what comes back must be what went in. */
static bool to_seconds(const struct tm *tm, int64_t *out)
{
    struct tm folded = *tm;
    *out = (int64_t)timegm(&folded);
    return folded.tm_mon == tm->tm_mon && folded.tm_mday == tm->tm_mday &&
           folded.tm_year == tm->tm_year;
}

bool sg_value_time(const char *text, bool end_of_day, char out[SG_TIME_TEXT])
{
    struct tm tm = {.tm_isdst = 0};
    int offset_s = 0;
    int64_t time_s;
    if (!read_date(&text, &tm)) {
        return false;
    }
    if (*text == '\0' && end_of_day) {
        tm.tm_hour = 23;
        tm.tm_min = tm.tm_sec = 59;
    } else if (*text != '\0' && (!read_clock(&text, &tm) || !read_offset(&text, &offset_s))) {
        return false;
    }
    if (!to_seconds(&tm, &time_s)) {
        return false;
    }
    sg_time_format(time_s - offset_s, out);
    return true;
}

static sg_status look_up(const char *name, uid_t *out, struct sg_error *err)
{
    char room[16384];
    struct passwd entry, *found = NULL;
    int failed = getpwnam_r(name, &entry, room, sizeof room, &found);
    if (found != NULL) {
        *out = found->pw_uid;
        return SG_OK;
    }
    errno = failed;
    if (failed != 0 && failed != ENOENT && failed != ESRCH && failed != EBADF && failed != EPERM) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_look_up", "cannot look up Unix user \"%s\"",
                             sg_excerpt(name).text);
    }
    sg_fail(err, SG_E_NOT_FOUND, "unknown_unix_user", "there is no Unix user \"%s\"",
            sg_excerpt(name).text);
    sg_object(err, "%s", sg_excerpt(name).text);
    return sg_hint(err, "Give a name from \"getent passwd\", or the user's number.");
}

sg_status sg_value_unix_user(const char *text, uid_t *out, struct sg_error *err)
{
    int64_t number;
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0') {
        return look_up(text, out, err);
    }
    if (!sg_value_integer(text, &number) || number >= (int64_t)UINT32_MAX) {
        return sg_fail(err, SG_E_USAGE, "bad_value", "\"%s\" is no Unix user's number",
                       sg_excerpt(text).text);
    }
    *out = (uid_t)number;
    return SG_OK;
}
