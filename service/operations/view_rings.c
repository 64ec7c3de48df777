#include "view_rings_internal.h"

#include <stdlib.h>

#include "view_share.h"

void sg_view_rings_done(struct sg_view_rings *rings)
{
    free(rings->list);
}

size_t sg_view_rings_limit(const struct sg_service *service)
{
    return service->view_rings_weight != 0 ? service->view_rings_weight : SG_VIEW_RINGS_WEIGHT;
}

static sg_status add(void *context, const struct sg_ring_outline *ring, struct sg_error *err)
{
    struct sg_view_rings *rings = context;
    if (rings->count == rings->capacity) {
        size_t capacity = rings->capacity == 0 ? 64 : rings->capacity * 2;
        struct sg_view_ring *list = reallocarray(rings->list, capacity, sizeof *list);
        if (list == NULL) {
            return sg_fail_memory(err);
        }
        rings->list = list;
        rings->capacity = capacity;
    }
    rings->list[rings->count++] = (struct sg_view_ring){.id = ring->id,
                                                        .sequence = ring->sequence,
                                                        .weight = 1 + ring->connections,
                                                        .owner = ring->owner};
    return SG_OK;
}

/* ---- too many ---- */

struct weighing {
    struct fair_walk fair;
    struct sg_view_rings *rings;
    struct sg_ring_ref ref; /* whose ring is weighed; its name does not matter */
    size_t weight;          /* of those that stay */
};

static void weighing_done(struct weighing *weighing)
{
    sg_fair_walk_done(&weighing->fair);
}

static sg_status weigh(struct weighing *weighing, struct sg_view_ring *ring, struct sg_error *err)
{
    bool stays = false;
    sg_status s = SG_OK;
    weighing->ref.owner = ring->owner;
    (void)sg_fair_turns(&weighing->fair, &weighing->ref);
    if (!sg_fair_skips(&weighing->fair)) {
        s = sg_fair_weigh(&weighing->fair, &weighing->ref, ring->weight,
                          weighing->weight + ring->weight, &stays, err);
    }
    weighing->weight += stays ? ring->weight : 0;
    ring->left_out = !stays;
    return s;
}

static sg_status weigh_all(void *context, struct sg_error *err)
{
    struct weighing *weighing = context;
    sg_status s = SG_OK;
    weighing->weight = 0;
    for (size_t i = 0; s == SG_OK && i < weighing->rings->count; i++) {
        s = weigh(weighing, &weighing->rings->list[i], err);
    }
    return s;
}

/* ---- finding ---- */

static sg_status find_one(struct sg_service *service, const struct sg_profiles *profiles,
                          const struct sg_caller *caller, uint32_t only, struct sg_view_rings *out,
                          struct sg_error *err)
{
    struct sg_ring_row row;
    bool found = false;
    sg_status s = sg_store_ring_find(service->store, only, &row, &found, err);
    if (s != SG_OK || !found ||
        !sg_authority_ring_visible(profiles, caller, row.name.owner.text, row.name.ring.text)) {
        return s;
    }
    const struct sg_ring_outline ring = {.id = row.id,
                                         .sequence = row.sequence,
                                         .owner = row.name.owner,
                                         .connections = row.connections};
    return add(out, &ring, err);
}

sg_status sg_view_rings_find(struct sg_service *service, const struct sg_profiles *profiles,
                             const struct sg_caller *caller, uint32_t only,
                             struct sg_view_rings *out, struct sg_error *err)
{
    if (only != 0) {
        return find_one(service, profiles, caller, only, out, err);
    }
    SG_CLEANUP(weighing_done)
    struct weighing weighing = {.fair = {.limit = sg_view_rings_limit(service), .exact = true},
                                .rings = out};
    sg_status s = sg_visible_ring_outlines(service, profiles, caller, add, out, err);
    return s == SG_OK ? sg_fair_walk(&weighing.fair, weigh_all, &weighing, err) : s;
}

sg_status sg_view_rings_each(struct sg_service *service, struct sg_view_rings *rings,
                             sg_ring_sink sink, void *context, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < rings->count; i++) {
        struct sg_ring_row row;
        bool found = false;
        if (rings->list[i].left_out) {
            continue;
        }
        rings->at = i;
        s = sg_store_ring_find(service->store, rings->list[i].id, &row, &found, err);
        s = s == SG_OK && found ? sink(context, &row, err) : s;
    }
    return s;
}
