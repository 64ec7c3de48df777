#include "crowd_internal.h"

#include <stddef.h>
#include <string.h>

#include <signet/base/clock.h>

void sg_token_crowd_start(struct crowd *crowd, unsigned processor)
{
    *crowd = (struct crowd){.requests = 0};
    sg_processors_read(&crowd->processors, processor);
    sg_processors_keep(&crowd->processors);
}

/* Puts the holder in front. */
static void enter(struct crowd *crowd, uint64_t holder)
{
    size_t at = 0;
    while (at < CROWD - 1 && crowd->recent[at].holder != holder) {
        at++;
    }
    memmove(&crowd->recent[1], &crowd->recent[0], at * sizeof crowd->recent[0]);
    crowd->recent[0].holder = holder;
    crowd->recent[0].request = ++crowd->requests;
    crowd->recent[0].idle_ms = crowd->idle_ms;
}

/* Whether so many different ones were served with little time between them. */
static bool are_together(const struct crowd *crowd, size_t count)
{
    return crowd->recent[count - 1].holder != 0 &&
           crowd->requests - crowd->recent[count - 1].request < CROWD_SPAN &&
           crowd->idle_ms - crowd->recent[count - 1].idle_ms <= CROWD_MS;
}

static void move(struct crowd_scale *scale, bool up)
{
    if (up) {
        scale->level += scale->level < CROWD_LEVELS ? 1 : 0;
    } else {
        scale->level -= scale->level > 0 ? 1 : 0;
    }
    scale->reached = scale->reached ? scale->level > 0 : scale->level == CROWD_LEVELS;
}

static void turn(const struct crowd *crowd)
{
    sg_schedule_batch(crowd->many.reached);
    if (crowd->many.reached) {
        sg_processors_leave(&crowd->processors);
    } else {
        sg_processors_keep(&crowd->processors);
    }
}

/* Who is woken to sign for a client or two works at once, on a busy machine too, and on a processor
 * where no other process of its token works. With many clients that would only interrupt others
 * who are at work for us: then requests are let come together, and the kernel finds them a place.
 * Those who wait for us interrupt others for nothing as soon as there are two of them.
 */
void sg_token_crowd_note(struct crowd *crowd, uint64_t holder)
{
    bool before = crowd->many.reached;
    if (crowd->ended_ms != 0) {
        crowd->idle_ms += sg_monotonic_ms(sg_clock_system()) - crowd->ended_ms;
        crowd->ended_ms = 0;
    }
    enter(crowd, holder);
    move(&crowd->company, are_together(crowd, COMPANY));
    move(&crowd->many, are_together(crowd, CROWD));
    if (crowd->many.reached != before) {
        turn(crowd);
    }
}

void sg_token_crowd_look(struct crowd *crowd, int64_t now_ms)
{
    if (crowd->ended_ms == 0 || now_ms - crowd->ended_ms < CROWD_PAUSE_MS) {
        return;
    }
    bool before = crowd->many.reached;
    crowd->company = crowd->many = (struct crowd_scale){.level = 0};
    if (before) {
        turn(crowd);
    }
}

void sg_token_crowd_done(struct crowd *crowd)
{
    crowd->ended_ms = sg_monotonic_ms(sg_clock_system());
}
