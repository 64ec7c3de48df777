#include <signet/base/clock.h>

#include <stddef.h>
#include <stdio.h>
#include <time.h>

static int64_t system_now(void *context)
{
    (void)context;
    return (int64_t)time(NULL);
}

static int64_t system_monotonic(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const struct sg_clock *sg_clock_system(void)
{
    static const struct sg_clock clock = {system_now, system_monotonic, NULL};
    return &clock;
}

void sg_time_format(int64_t time_s, char out[SG_TIME_TEXT])
{
    time_t t = (time_t)time_s;
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL || strftime(out, SG_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        snprintf(out, SG_TIME_TEXT, "?");
    }
}
