/* What the roll-overs share: the facts of two certificates and their rings, and doing what the
 * planner says (policy/lifecycle.h). */
#ifndef SIGNET_OPERATIONS_ROLLOVER_INTERNAL_H
#define SIGNET_OPERATIONS_ROLLOVER_INTERNAL_H

#include <signet/policy/lifecycle.h>
#include <signet/store/rollover.h>

#include "run_internal.h"

/** Beside the planner's facts of a ring: what the store needs. */
struct sg_rollover_ring {
    int64_t id;
    enum sg_usage new_usage; /**< the new one's connection as it is, where there is one */
    bool new_default;
    struct sg_rollover_note note; /**< as it was recorded; .note NONE: nothing */
};

struct sg_rollover {
    struct sg_certificate_row old_row, new_row; /**< new_row.id 0: it is not there yet */
    struct sg_rollover_row row;                 /**< of a staged one under way */
    struct sg_life_facts facts;
    struct sg_life_ring *rings;     /**< owned; facts.rings */
    struct sg_rollover_ring *extra; /**< owned; of the same length */
    size_t capacity;
};
void sg_rollover_done(struct sg_rollover *rollover);
#define SG_ROLLOVER SG_CLEANUP(sg_rollover_done) struct sg_rollover

/** Gather the facts: the old certificate must be there; the new one may not be. Of a staged
 * roll-over that is under way, the recorded successor is the new one, whatever is given; NULL: only
 * that one. */
SG_CHECKED sg_status sg_rollover_load(struct sg_run *run, const struct sg_certificate_name *old,
                                      const struct sg_certificate_name *successor,
                                      struct sg_rollover *out, struct sg_error *err);
/** Take the row that is there now as the new certificate. */
void sg_rollover_tell_new(struct sg_rollover *rollover);
/** Do what the planner says for a step, and say it. */
SG_CHECKED sg_status sg_rollover_take(struct sg_run *run, struct sg_rollover *rollover,
                                      enum sg_life_step step, struct sg_error *err);
/** Refuse to retire a key that another certificate stands on too, unless forced. SG_E_CONFLICT
 * "key_shared". */
SG_CHECKED sg_status sg_rollover_check_shared(struct sg_run *run,
                                              const struct sg_rollover *rollover,
                                              struct sg_error *err);
/** Find who may still hold the old key: facts.holders, facts.holder. Where out is given, append
 * whoever has used it lately to it, at most 100: ring, uid, user, old_last_used, new_last_used,
 * changed. */
SG_CHECKED sg_status sg_rollover_find_holders(struct sg_run *run, struct sg_rollover *rollover,
                                              json_t *out, struct sg_error *err);
/** What is refused without force is done, and said. */
SG_CHECKED sg_status sg_rollover_warn_holders(struct sg_run *run,
                                              const struct sg_rollover *rollover,
                                              struct sg_error *err);
/** Warn where the new certificate is not what the old one was. */
SG_CHECKED sg_status sg_rollover_warn(struct sg_run *run, const struct sg_rollover *rollover,
                                      struct sg_error *err);
/** owner, label, new_label into the answer. */
SG_CHECKED sg_status sg_rollover_answer(struct sg_run *run, const struct sg_rollover *rollover,
                                        struct sg_error *err);
/** The label that an option names, or the lowest free one. */
SG_CHECKED sg_status sg_rollover_successor(struct sg_run *run,
                                           const struct sg_certificate_name *old,
                                           struct sg_certificate_name *out, struct sg_error *err);

/* ---- in one ring (rollover_ring.c) ---- */
/** Do what an action says in its ring, and note it when the roll-over is staged. */
SG_CHECKED sg_status sg_rollover_ring(struct sg_run *run, struct sg_rollover *rollover,
                                      const struct sg_life_action *action, bool staged,
                                      struct sg_error *err);

/* ---- who stands below an issuer (rollover_root.c) ---- */
/** Count the connected certificates that were issued under the old one: facts.dependents. */
SG_CHECKED sg_status sg_rollover_count_dependents(struct sg_run *run, struct sg_rollover *rollover,
                                                  struct sg_error *err);
/** Has the new one been put to a use of its own? facts.new_one.in_use. */
SG_CHECKED sg_status sg_rollover_find_use(struct sg_run *run, struct sg_rollover *rollover,
                                          struct sg_error *err);

#endif
