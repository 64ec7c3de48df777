/* Time as a parameter: the wall clock for validity, the monotonic clock for intervals. */
#ifndef SIGNET_BASE_CLOCK_H
#define SIGNET_BASE_CLOCK_H

#include <stdint.h>

/** A source of time; tests bring their own. */
struct sg_clock {
    int64_t (*now_s)(void *context);        /**< seconds since 1970-01-01T00:00:00Z */
    int64_t (*monotonic_ms)(void *context); /**< milliseconds since some fixed point */
    void *context;
};

/** The system's clocks. */
const struct sg_clock *sg_clock_system(void);
static inline int64_t sg_now_s(const struct sg_clock *clock)
{
    return clock->now_s(clock->context);
}
static inline int64_t sg_monotonic_ms(const struct sg_clock *clock)
{
    return clock->monotonic_ms(clock->context);
}

#define SG_TIME_TEXT 24
/** Write seconds since 1970 as RFC 3339 UTC ("2026-11-21T18:00:00Z") into out[SG_TIME_TEXT]. */
void sg_time_format(int64_t time_s, char out[SG_TIME_TEXT]);

#endif
