/* A roll-over in one ring: connections, and the notes that undo goes by. */
#include "rollover_internal.h"

static sg_status note(struct sg_run *run, const struct sg_rollover *rollover, size_t ring,
                      enum sg_life_note what, struct sg_error *err)
{
    const struct sg_rollover_ring *extra = &rollover->extra[ring];
    struct sg_rollover_note made = extra->note;
    if (made.note != SG_LIFE_NOTE_REPLACED && what == SG_LIFE_NOTE_REPLACED) {
        made.had_own = rollover->rings[ring].has_new;
        made.own_usage = extra->new_usage;
        made.own_default = extra->new_default;
    }
    made.ring_id = extra->id;
    made.note = what;
    return sg_store_rollover_note(run->service->store, rollover->old_row.id, &made, err);
}

/* A user's certificate as a trust anchor is a matter of CERTAUTH, as when it is connected. A dry
 * run of start has nothing to connect yet. */
static sg_status connect_beside(struct sg_run *run, const struct sg_rollover *rollover, size_t ring,
                                bool staged, struct sg_error *err)
{
    bool promotes = sg_owner_kind(rollover->facts.new_one.name.owner.text) == SG_OWNER_USER;
    sg_status s = promotes ? sg_run_require(run, SG_FUNCTION_ADD, "CERTAUTH", err) : SG_OK;
    if (s != SG_OK || rollover->new_row.id == 0) {
        return s;
    }
    s = sg_store_connect(run->service->store, rollover->extra[ring].id, rollover->new_row.id,
                         rollover->rings[ring].usage, false, NULL, NULL, err);
    return s == SG_OK && staged ? note(run, rollover, ring, SG_LIFE_NOTE_BESIDE, err) : s;
}

static sg_status replace(struct sg_run *run, const struct sg_rollover *rollover, size_t ring,
                         bool staged, struct sg_error *err)
{
    sg_status s = sg_store_connection_replace(run->service->store, rollover->extra[ring].id,
                                              rollover->old_row.id, rollover->new_row.id, err);
    return s == SG_OK && staged ? note(run, rollover, ring, SG_LIFE_NOTE_REPLACED, err) : s;
}

/* The connection that somebody else had made for the new one, as it was. */
static sg_status restore_own(struct sg_run *run, const struct sg_rollover *rollover, size_t ring,
                             struct sg_error *err)
{
    const struct sg_rollover_note *noted = &rollover->extra[ring].note;
    return noted->had_own ? sg_store_connect(run->service->store, rollover->extra[ring].id,
                                             rollover->new_row.id, noted->own_usage,
                                             noted->own_default, NULL, NULL, err)
                          : SG_OK;
}

static sg_status put_back(struct sg_run *run, const struct sg_rollover *rollover, size_t ring,
                          struct sg_error *err)
{
    sg_status s = sg_store_connection_replace(run->service->store, rollover->extra[ring].id,
                                              rollover->new_row.id, rollover->old_row.id, err);
    s = s == SG_OK ? restore_own(run, rollover, ring, err) : s;
    return s == SG_OK ? note(run, rollover, ring, SG_LIFE_NOTE_RETURNED, err) : s;
}

sg_status sg_rollover_ring(struct sg_run *run, struct sg_rollover *rollover,
                           const struct sg_life_action *action, bool staged, struct sg_error *err)
{
    switch ((int)action->effect) {
    case SG_LIFE_CONNECT_BESIDE:
        return connect_beside(run, rollover, action->ring, staged, err);
    case SG_LIFE_REPLACE:
    case SG_LIFE_DROP: /* the new one is there; being the default passes over to it */
        return replace(run, rollover, action->ring, staged, err);
    case SG_LIFE_PUT_BACK:
        return put_back(run, rollover, action->ring, err);
    case SG_LIFE_LEAVE_RING:
        return note(run, rollover, action->ring, SG_LIFE_NOTE_RETURNED, err);
    case SG_LIFE_REMOVE_NEW:
        return sg_store_disconnect(run->service->store, rollover->extra[action->ring].id,
                                   rollover->new_row.id, err);
    default:
        break;
    }
    return sg_fail(err, SG_E_INTERNAL, "bad_action", "action %d of a roll-over in a ring",
                   (int)action->effect);
}
