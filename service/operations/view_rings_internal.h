/* Which rings a view is made of, and the lists of keys that go with it: all that a caller may read,
 * or as many as control can look at without letting everybody else wait. */
#ifndef SIGNET_OPERATIONS_VIEW_RINGS_INTERNAL_H
#define SIGNET_OPERATIONS_VIEW_RINGS_INTERNAL_H

#include "run_internal.h"

/** Rings, each with its certificates counted, that one caller's view is made of. */
#define SG_VIEW_RINGS_WEIGHT 8192

struct sg_view_rings {
    struct sg_view_ring {
        int64_t id;
        uint64_t sequence;          /**< of changes */
        uint64_t weight;            /**< the ring, and its certificates */
        struct sg_owner_name owner; /**< whose share it counts on */
        bool left_out;              /**< it is one too many */
        bool no_room;               /**< the view has no room for it; for its maker */
    } * list;                       /**< by owner and name */
    size_t count, capacity;
    size_t at; /**< which one is walked */
};
void sg_view_rings_done(struct sg_view_rings *rings);
#define SG_VIEW_RINGS SG_CLEANUP(sg_view_rings_done) struct sg_view_rings
/** What all rings together may weigh. */
size_t sg_view_rings_limit(const struct sg_service *service);
/** The rings that a caller may read, or (only not 0) that one if it may. Where they weigh
 * too much, each owner is left an equal share at least, as of a view's bytes. One ring alone is
 * never too much. */
SG_CHECKED sg_status sg_view_rings_find(struct sg_service *service,
                                        const struct sg_profiles *profiles,
                                        const struct sg_caller *caller, uint32_t only,
                                        struct sg_view_rings *out, struct sg_error *err);
/** Walk those that are not left out. */
SG_CHECKED sg_status sg_view_rings_each(struct sg_service *service, struct sg_view_rings *rings,
                                        sg_ring_sink sink, void *context, struct sg_error *err);

#endif
