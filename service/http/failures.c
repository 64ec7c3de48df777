/* Failed requests in the log. Whoever asks for what is refused, in a loop, makes thousands a
 * second: a line a second for each user, or journald would drop other lines of the service. */
#include "http_internal.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/clock.h>

#define PAUSE_MS 1000 /* between two lines of one user */

static enum sg_log_level level_of(sg_status status)
{
    if (status == SG_E_INTERNAL || status == SG_E_STORAGE || status == SG_E_NO_MEMORY) {
        return SG_LOG_ERROR;
    }
    return status == SG_E_DENIED ? SG_LOG_NOTICE : SG_LOG_INFO;
}

static void tell(struct sg_http_failure *row, int64_t now_ms)
{
    char event[sizeof row->request + 64];
    snprintf(event, sizeof event, "http_request_failed %s count=%llu", row->request,
             (unsigned long long)row->count);
    sg_log_error(row->level, event, &row->why);
    row->count = 0;
    row->told_ms = now_ms;
}

static bool is_due(const struct sg_http_failure *row, int64_t now_ms)
{
    return row->told_ms == 0 || now_ms - row->told_ms >= PAUSE_MS;
}

static struct sg_http_failure *row_for(struct sg_http_failures *failures, uid_t uid, int64_t now_ms)
{
    struct sg_http_failure *vacant = NULL;
    for (size_t i = 0; i < SG_HTTP_FAILURES; i++) {
        struct sg_http_failure *row = &failures->rows[i];
        if (row->told_ms != 0 && row->uid == uid) {
            return row;
        }
        vacant = vacant == NULL && row->count == 0 && is_due(row, now_ms) ? row : vacant;
    }
    return vacant != NULL ? vacant : &failures->rows[SG_HTTP_FAILURES - 1];
}

/* Look when the row is due, or when another one is. */
static void arm(struct sg_http_failures *failures, const struct sg_http_failure *row,
                int64_t now_ms)
{
    int64_t left_ms = row->told_ms + PAUSE_MS - now_ms;
    struct timeval left = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
    if (!event_pending(failures->timer, EV_TIMEOUT, NULL)) {
        (void)event_base_update_cache_time(event_get_base(failures->timer));
        (void)event_add(failures->timer, &left);
    }
}

void sg_http_failures_note(struct sg_http_failures *failures, uid_t uid, const char *request,
                           const struct sg_error *why)
{
    int64_t now_ms = sg_monotonic_ms(sg_clock_system());
    struct sg_http_failure *row = row_for(failures, uid, now_ms);
    enum sg_log_level level = level_of(why->status);
    row->count++;
    if (row->count == 1 || level <= row->level) {
        row->uid = uid;
        row->level = level;
        row->why = *why;
        snprintf(row->request, sizeof row->request, "%s", request);
    }
    if (is_due(row, now_ms)) {
        tell(row, now_ms);
    } else {
        arm(failures, row, now_ms);
    }
}

static void on_time(evutil_socket_t unused, short what, void *context)
{
    struct sg_http_failures *failures = context;
    int64_t now_ms = sg_monotonic_ms(sg_clock_system());
    const struct sg_http_failure *next = NULL;
    (void)unused;
    (void)what;
    for (size_t i = 0; i < SG_HTTP_FAILURES; i++) {
        struct sg_http_failure *row = &failures->rows[i];
        if (row->count > 0 && is_due(row, now_ms)) {
            tell(row, now_ms);
        } else if (row->count > 0 && (next == NULL || row->told_ms < next->told_ms)) {
            next = row;
        }
    }
    if (next != NULL) {
        arm(failures, next, now_ms);
    }
}

sg_status sg_http_failures_init(struct sg_http_failures *failures, struct event_base *base,
                                struct sg_error *err)
{
    failures->timer = evtimer_new(base, on_time, failures);
    return failures->timer != NULL ? SG_OK : sg_fail_memory(err);
}

void sg_http_failures_done(struct sg_http_failures *failures)
{
    for (size_t i = 0; i < SG_HTTP_FAILURES; i++) {
        if (failures->rows[i].count > 0) {
            tell(&failures->rows[i], 0);
        }
    }
    if (failures->timer != NULL) {
        event_free(failures->timer);
        failures->timer = NULL;
    }
}
