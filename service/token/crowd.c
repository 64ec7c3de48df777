#include "crowd_internal.h"

#include <stddef.h>
#include <string.h>

#include <signet/base/clock.h>

void sg_token_crowd_start(struct crowd *crowd, unsigned processor)
{
    *crowd = (struct crowd){.level = 0};
    sg_processors_read(&crowd->processors, processor);
    sg_processors_keep(&crowd->processors);
}

/* Puts the holder in front. True when so many different ones were served with little time between
 * them. */
static bool is_crowded(struct crowd *crowd, uint64_t holder)
{
    size_t at = 0;
    while (at < CROWD - 1 && crowd->recent[at].holder != holder) {
        at++;
    }
    memmove(&crowd->recent[1], &crowd->recent[0], at * sizeof crowd->recent[0]);
    crowd->recent[0].holder = holder;
    crowd->recent[0].request = ++crowd->requests;
    crowd->recent[0].idle_ms = crowd->idle_ms;
    return crowd->recent[CROWD - 1].holder != 0 &&
           crowd->requests - crowd->recent[CROWD - 1].request < CROWD_SPAN &&
           crowd->idle_ms - crowd->recent[CROWD - 1].idle_ms <= CROWD_MS;
}

static void turn(struct crowd *crowd, bool batch)
{
    crowd->batch = batch;
    sg_schedule_batch(batch);
    if (batch) {
        sg_processors_leave(&crowd->processors);
    } else {
        sg_processors_keep(&crowd->processors);
    }
}

/* Who is woken to sign for a client or two works at once, on a busy machine too, and on a processor
 * where no other process of its token works. With many clients that would only interrupt others
 * who are at work for us: then requests are let come together, and the kernel finds them a place.
 */
void sg_token_crowd_note(struct crowd *crowd, uint64_t holder)
{
    if (crowd->ended_ms != 0) {
        crowd->idle_ms += sg_monotonic_ms(sg_clock_system()) - crowd->ended_ms;
        crowd->ended_ms = 0;
    }
    if (is_crowded(crowd, holder)) {
        crowd->level += crowd->level < CROWD_LEVELS ? 1 : 0;
    } else {
        crowd->level -= crowd->level > 0 ? 1 : 0;
    }
    bool batch = crowd->batch ? crowd->level > 0 : crowd->level == CROWD_LEVELS;
    if (batch != crowd->batch) {
        turn(crowd, batch);
    }
}

void sg_token_crowd_look(struct crowd *crowd, int64_t now_ms)
{
    if (crowd->ended_ms == 0 || now_ms - crowd->ended_ms < CROWD_PAUSE_MS) {
        return;
    }
    crowd->level = 0;
    if (crowd->batch) {
        turn(crowd, false);
    }
}

void sg_token_crowd_done(struct crowd *crowd)
{
    crowd->ended_ms = sg_monotonic_ms(sg_clock_system());
}
