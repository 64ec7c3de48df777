/* What the life-cycle planner is told about two certificates and their rings. */
#include "rollover_internal.h"

#include <string.h>

#include <signet/policy/name.h>

void sg_rollover_done(struct sg_rollover *rollover)
{
    sg_certificate_row_done(&rollover->old_row);
    sg_certificate_row_done(&rollover->new_row);
    free(rollover->rings);
    free(rollover->extra);
}

static void tell_certificate(const struct sg_certificate_row *row, struct sg_life_certificate *out)
{
    *out = (struct sg_life_certificate){.name = row->name,
                                        .not_before_s = row->not_before_s,
                                        .not_after_s = row->not_after_s,
                                        .trust = row->trust,
                                        .exists = true,
                                        .has_key = row->has_key,
                                        .retired = row->retired,
                                        .decrypts = row->may_decrypt || row->may_derive,
                                        .placeholder = row->placeholder};
}

static sg_status grow(struct sg_rollover *rollover, struct sg_error *err)
{
    if (rollover->facts.ring_count < rollover->capacity) {
        return SG_OK;
    }
    size_t capacity = rollover->capacity == 0 ? 16 : rollover->capacity * 2;
    struct sg_life_ring *rings = reallocarray(rollover->rings, capacity, sizeof *rings);
    if (rings == NULL) {
        return sg_fail_memory(err);
    }
    rollover->rings = rings;
    rollover->facts.rings = rings;
    struct sg_rollover_ring *extra = reallocarray(rollover->extra, capacity, sizeof *extra);
    if (extra == NULL) {
        return sg_fail_memory(err);
    }
    rollover->extra = extra;
    rollover->capacity = capacity;
    return SG_OK;
}

/* The ring's place in the list; a new one at its end. */
static sg_status place_of(struct sg_rollover *rollover, const struct sg_ring_row *ring, size_t *out,
                          struct sg_error *err)
{
    for (size_t i = 0; i < rollover->facts.ring_count; i++) {
        if (rollover->extra[i].id == ring->id) {
            *out = i;
            return SG_OK;
        }
    }
    sg_status s = grow(rollover, err);
    if (s == SG_OK) {
        *out = rollover->facts.ring_count++;
        rollover->extra[*out] = (struct sg_rollover_ring){.id = ring->id};
        rollover->rings[*out] = (struct sg_life_ring){.name = ring->name};
    }
    return s;
}

static sg_status add_old(void *context, const struct sg_ring_row *ring, enum sg_usage usage,
                         bool is_default, struct sg_error *err)
{
    struct sg_rollover *rollover = context;
    size_t at = 0;
    sg_status s = place_of(rollover, ring, &at, err);
    if (s == SG_OK) {
        rollover->rings[at].has_old = true;
        rollover->rings[at].usage = usage;
        rollover->rings[at].is_default = is_default;
    }
    return s;
}

static sg_status add_new(void *context, const struct sg_ring_row *ring, enum sg_usage usage,
                         bool is_default, struct sg_error *err)
{
    struct sg_rollover *rollover = context;
    size_t at = 0;
    sg_status s = place_of(rollover, ring, &at, err);
    if (s == SG_OK && !rollover->rings[at].has_old) {
        rollover->rings[at].usage = usage;
        rollover->rings[at].is_default = is_default;
    }
    if (s == SG_OK) {
        rollover->rings[at].has_new = true;
        rollover->extra[at].new_usage = usage;
        rollover->extra[at].new_default = is_default;
    }
    return s;
}

static sg_status add_note(void *context, const struct sg_ring_row *ring,
                          const struct sg_rollover_note *note, struct sg_error *err)
{
    struct sg_rollover *rollover = context;
    size_t at = 0;
    sg_status s = place_of(rollover, ring, &at, err);
    if (s == SG_OK) {
        rollover->rings[at].note = note->note;
        rollover->extra[at].note = *note;
    }
    return s;
}

void sg_rollover_tell_new(struct sg_rollover *rollover)
{
    const struct sg_certificate_row *old = &rollover->old_row;
    const struct sg_certificate_row *row = &rollover->new_row;
    tell_certificate(row, &rollover->facts.new_one);
    rollover->facts.same_key =
        old->has_key && row->has_key && memcmp(&old->key, &row->key, sizeof old->key) == 0;
}

/* Does a certificate take part in a roll-over that is not this one? */
static sg_status find_other(struct sg_run *run, int64_t id, struct sg_rollover *out,
                            struct sg_error *err)
{
    struct sg_rollover_row other;
    bool found = false;
    sg_status s = sg_store_rollover_of(run->service->store, id, &other, &found, err);
    if (s == SG_OK && found && other.old_id != out->old_row.id) {
        out->facts.other = true;
        out->facts.other_old = other.old_name;
        out->facts.other_new = other.successor_name;
    }
    return s;
}

static sg_status load_new(struct sg_run *run, const struct sg_certificate_name *name,
                          struct sg_rollover *out, struct sg_error *err)
{
    sg_status s = sg_store_certificate_get(run->service->store, name, &out->new_row, err);
    out->facts.new_one.name = *name;
    if (s == SG_E_NOT_FOUND) {
        sg_error_clear(err);
        return SG_OK;
    }
    if (s == SG_OK) {
        sg_rollover_tell_new(out);
        s = sg_store_membership_each(run->service->store, out->new_row.id, add_new, out, err);
    }
    return s == SG_OK ? find_other(run, out->new_row.id, out, err) : s;
}

static sg_status load_stage(struct sg_run *run, struct sg_rollover *out, struct sg_error *err)
{
    struct sg_life_facts *facts = &out->facts;
    bool found = false;
    sg_status s =
        sg_store_rollover_of(run->service->store, out->old_row.id, &out->row, &found, err);
    if (s != SG_OK || !found || out->row.old_id != out->old_row.id) {
        return s == SG_OK ? find_other(run, out->old_row.id, out, err) : s;
    }
    facts->stage = out->row.switched_s != 0 ? SG_LIFE_SWITCHED : SG_LIFE_STARTED;
    facts->started_s = out->row.started_s;
    facts->switched_s = out->row.switched_s;
    return sg_store_rollover_note_each(run->service->store, out->old_row.id, add_note, out, err);
}

sg_status sg_rollover_load(struct sg_run *run, const struct sg_certificate_name *old,
                           const struct sg_certificate_name *successor, struct sg_rollover *out,
                           struct sg_error *err)
{
    struct sg_store *store = run->service->store;
    sg_status s = sg_store_certificate_get(store, old, &out->old_row, err);
    if (s != SG_OK) {
        return s;
    }
    out->facts.now_s = sg_now_s(run->service->clock);
    tell_certificate(&out->old_row, &out->facts.old_one);
    s = sg_store_membership_each(store, out->old_row.id, add_old, out, err);
    s = s == SG_OK ? load_stage(run, out, err) : s;
    const struct sg_certificate_name *name =
        out->facts.stage != SG_LIFE_NONE ? &out->row.successor_name : successor;
    return s == SG_OK && name != NULL ? load_new(run, name, out, err) : s;
}

sg_status sg_rollover_successor(struct sg_run *run, const struct sg_certificate_name *old,
                                struct sg_certificate_name *out, struct sg_error *err)
{
    const char *label = sg_run_text(run, "label");
    out->owner = old->owner;
    return label != NULL ? sg_name_label(label, &out->label, err)
                         : sg_run_free_label(run, old->owner.text, &out->label, err);
}
