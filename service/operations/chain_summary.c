/* cert chain: what is to be said of all its members together. */
#include "chain_summary_internal.h"

#include <string.h>

void sg_chain_summary_done(struct sg_chain_summary *summary)
{
    free(summary->rings);
}

static sg_status add_ring(void *context, const struct sg_ring_row *ring, enum sg_usage usage,
                          bool is_default, struct sg_error *err)
{
    struct sg_chain_summary *summary = context;
    (void)usage;
    (void)is_default;
    if (summary->ring_count % 16 == 0) {
        struct sg_common_ring *more =
            reallocarray(summary->rings, summary->ring_count + 16, sizeof *more);
        if (more == NULL) {
            return sg_fail_memory(err);
        }
        summary->rings = more;
    }
    summary->rings[summary->ring_count++] =
        (struct sg_common_ring){.id = ring->id, .name = ring->name, .holds = 1};
    return SG_OK;
}

static sg_status mark_ring(void *context, const struct sg_ring_row *ring, enum sg_usage usage,
                           bool is_default, struct sg_error *err)
{
    struct sg_chain_summary *summary = context;
    (void)usage;
    (void)is_default;
    (void)err;
    for (size_t i = 0; i < summary->ring_count; i++) {
        summary->rings[i].holds += summary->rings[i].id == ring->id ? 1 : 0;
    }
    return SG_OK;
}

sg_status sg_chain_summary_add(struct sg_run *run, const struct sg_certificate_row *row,
                               struct sg_chain_summary *summary, struct sg_error *err)
{
    bool first = summary->count++ == 0;
    summary->expired = summary->expired || sg_now_s(run->service->clock) > row->not_after_s;
    summary->not_trusted = summary->not_trusted || row->trust == SG_NOTRUST;
    return sg_store_membership_each(run->service->store, row->id, first ? add_ring : mark_ring,
                                    summary, err);
}

static sg_status answer_rings(struct sg_run *run, const struct sg_chain_summary *summary,
                              struct sg_error *err)
{
    json_t *rings = json_array();
    sg_status s = sg_run_set(run->answer, "rings", rings, err);
    for (size_t i = 0; s == SG_OK && i < summary->ring_count; i++) {
        const struct sg_common_ring *ring = &summary->rings[i];
        if (ring->holds < summary->count || !sg_run_ring_allowed(run, &ring->name)) {
            continue;
        }
        json_t *item =
            json_pack("{s:s, s:s}", "owner", ring->name.owner.text, "ring", ring->name.ring.text);
        s = item != NULL && json_array_append_new(rings, item) == 0 ? SG_OK : sg_fail_memory(err);
    }
    return s;
}

sg_status sg_chain_summary_answer(struct sg_run *run, const struct sg_chain_summary *summary,
                                  struct sg_error *err)
{
    sg_status s = sg_run_set(run->answer, "count", json_integer((json_int_t)summary->count), err);
    s = s == SG_OK ? sg_run_set(run->answer, "expired", json_boolean(summary->expired), err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "not_trusted", json_boolean(summary->not_trusted), err)
                   : s;
    return s == SG_OK ? answer_rings(run, summary, err) : s;
}
