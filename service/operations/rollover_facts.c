/* What the life-cycle planner is told about two certificates and their rings. */
#include "rollover_internal.h"

#include <string.h>

void sg_rollover_done(struct sg_rollover *rollover)
{
    sg_certificate_row_done(&rollover->old_row);
    sg_certificate_row_done(&rollover->new_row);
    free(rollover->rings);
    free(rollover->ring_ids);
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
    int64_t *ids = reallocarray(rollover->ring_ids, capacity, sizeof *ids);
    if (ids == NULL) {
        return sg_fail_memory(err);
    }
    rollover->ring_ids = ids;
    rollover->capacity = capacity;
    return SG_OK;
}

/* The ring's place in the list; a new one at its end. */
static sg_status place_of(struct sg_rollover *rollover, const struct sg_ring_row *ring, size_t *out,
                          struct sg_error *err)
{
    for (size_t i = 0; i < rollover->facts.ring_count; i++) {
        if (rollover->ring_ids[i] == ring->id) {
            *out = i;
            return SG_OK;
        }
    }
    sg_status s = grow(rollover, err);
    if (s == SG_OK) {
        *out = rollover->facts.ring_count++;
        rollover->ring_ids[*out] = ring->id;
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
        tell_certificate(&out->new_row, &out->facts.new_one);
        s = sg_store_membership_each(run->service->store, out->new_row.id, add_new, out, err);
    }
    return s;
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
    return s == SG_OK ? load_new(run, successor, out, err) : s;
}
