/* What the roll-overs share: the facts of two certificates and their rings, and doing what the
 * planner says (policy/lifecycle.h). */
#ifndef SIGNET_OPERATIONS_ROLLOVER_INTERNAL_H
#define SIGNET_OPERATIONS_ROLLOVER_INTERNAL_H

#include <signet/policy/lifecycle.h>

#include "run_internal.h"

struct sg_rollover {
    struct sg_certificate_row old_row, new_row; /**< new_row.id 0: it is not there yet */
    struct sg_life_facts facts;
    struct sg_life_ring *rings; /**< owned; facts.rings */
    int64_t *ring_ids;          /**< owned; of the same length */
    size_t capacity;
};
void sg_rollover_done(struct sg_rollover *rollover);
#define SG_ROLLOVER SG_CLEANUP(sg_rollover_done) struct sg_rollover

/** Gather the facts: the old certificate must be there; the new one may not be. */
SG_CHECKED sg_status sg_rollover_load(struct sg_run *run, const struct sg_certificate_name *old,
                                      const struct sg_certificate_name *successor,
                                      struct sg_rollover *out, struct sg_error *err);
/** Do what the planner says for a step, and say it. */
SG_CHECKED sg_status sg_rollover_take(struct sg_run *run, struct sg_rollover *rollover,
                                      enum sg_life_step step, struct sg_error *err);
/** Refuse to retire a key that another certificate stands on too, unless forced. SG_E_CONFLICT
 * "key_shared". */
SG_CHECKED sg_status sg_rollover_check_shared(struct sg_run *run,
                                              const struct sg_rollover *rollover,
                                              struct sg_error *err);
/** Warn where the new certificate is not what the old one was. */
SG_CHECKED sg_status sg_rollover_warn(struct sg_run *run, const struct sg_rollover *rollover,
                                      struct sg_error *err);
/** owner, label, new_label into the answer. */
SG_CHECKED sg_status sg_rollover_answer(struct sg_run *run, const struct sg_rollover *rollover,
                                        struct sg_error *err);

#endif
