/* How fast the system's name service answers. It is one for the whole process, and so is what we
 * know of it. */
#include "unix_pace_internal.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/clock.h>
#include <signet/base/log.h>

#define REST_FACTOR 10
#define LOG_EVERY_MS 300000

static struct sg_name_pace known;
static sg_names_listener listening;
static void *listening_context;

void sg_names_tell(sg_names_listener listener, void *context)
{
    listening = listener;
    listening_context = context;
}

static void tell(bool begins)
{
    if (listening != NULL) {
        listening(listening_context, begins);
    }
}

static int64_t now_ms(void)
{
    return sg_monotonic_ms(sg_clock_system());
}

static enum sg_name_news is_fast(struct sg_name_pace *pace)
{
    enum sg_name_news news = pace->logged ? SG_NAMES_ANSWER : SG_NAMES_NO_NEWS;
    pace->took_ms = 0;
    pace->logged = false;
    return news;
}

int64_t sg_names_rest_ms(int64_t took_ms)
{
    return took_ms < SG_NAMES_REST_MAX_MS / REST_FACTOR ? took_ms * REST_FACTOR
                                                        : SG_NAMES_REST_MAX_MS;
}

enum sg_name_news sg_name_pace_note(struct sg_name_pace *pace, const char *asked, int64_t began_ms,
                                    int64_t ended_ms)
{
    const int64_t took_ms = ended_ms - began_ms;
    if (took_ms <= SG_NAMES_SLOW_MS) {
        return is_fast(pace);
    }
    pace->took_ms = took_ms;
    pace->rests_until_ms = ended_ms + sg_names_rest_ms(took_ms);
    (void)snprintf(pace->asked, sizeof pace->asked, "%s", asked);
    if (pace->logged_ms != 0 && ended_ms - pace->logged_ms < LOG_EVERY_MS) {
        return SG_NAMES_NO_NEWS;
    }
    pace->logged = true;
    pace->logged_ms = ended_ms;
    return SG_NAMES_ARE_SLOW;
}

const struct sg_name_pace *sg_name_pace_now(void)
{
    return &known;
}

static bool rests_until(int64_t ms)
{
    return known.rests_until_ms != 0 && now_ms() < ms;
}

bool sg_names_rest(void)
{
    return rests_until(known.rests_until_ms);
}

bool sg_names_rest_for_known(void)
{
    return rests_until(known.rests_until_ms + SG_NAMES_FIRST_MS);
}

struct sg_look_up sg_look_up_begin(const char *kind, const char *name)
{
    struct sg_look_up it = {.began_ms = now_ms()};
    (void)snprintf(it.asked, sizeof it.asked, "%s %.64s", kind, name);
    tell(true);
    return it;
}

/* The log hears of it at most every five minutes, and once that it is over. */
void sg_look_up_end(const struct sg_look_up *it)
{
    tell(false);
    switch (sg_name_pace_note(&known, it->asked, it->began_ms, now_ms())) {
    case SG_NAMES_NO_NEWS:
        break;
    case SG_NAMES_ANSWER:
        sg_log(SG_LOG_NOTICE, "event=name_service_answers");
        break;
    case SG_NAMES_ARE_SLOW:
        sg_log(SG_LOG_WARNING,
               "event=name_service_slow asked=\"%s\" took_ms=%lld rests_ms=%lld hint=\"Everybody "
               "waited for it. See getent passwd and getent group, /etc/nsswitch.conf and the "
               "directory service behind it\"",
               it->asked, (long long)known.took_ms, (long long)(known.rests_until_ms - now_ms()));
        break;
    }
}

bool sg_names_failed(const struct sg_error *err)
{
    return err->status == SG_E_SERVICE &&
           (strcmp(err->code, "name_service") == 0 || strcmp(err->code, "name_service_slow") == 0);
}

sg_status sg_names_resting(const char *kind, const char *name, struct sg_error *err)
{
    const int64_t left_s = (known.rests_until_ms - now_ms() + 999) / 1000;
    sg_fail(err, SG_E_SERVICE, "name_service_slow",
            "the %s %.64s cannot be looked up now: the system's name service took %lld.%lld s to "
            "answer for %s",
            kind, name, (long long)(known.took_ms / 1000), (long long)(known.took_ms / 100 % 10),
            known.asked);
    const bool number = name[0] >= '0' && name[0] <= '9';
    return sg_hint(
        err,
        "So that not everybody waits, it is asked again in %lld s: try again then%s. See "
        "getent %s, and the directory service that /etc/nsswitch.conf names.",
        (long long)(left_s > 0 ? left_s : 0),
        number ? " (administrators need not be looked up)" : ", or give the number",
        kind[0] == 'g' ? "group" : "passwd");
}
