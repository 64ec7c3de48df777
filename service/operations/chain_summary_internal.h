/* What is said of a chain as a whole: how many, whether one has expired or is NOTRUST, which rings
 * hold all of them. */
#ifndef SIGNET_OPERATIONS_CHAIN_SUMMARY_INTERNAL_H
#define SIGNET_OPERATIONS_CHAIN_SUMMARY_INTERNAL_H

#include "run_internal.h"

struct sg_common_ring {
    int64_t id;
    struct sg_ring_ref name;
    size_t holds; /**< members of the chain */
};

/** All zero to begin with; end it with sg_chain_summary_done. */
struct sg_chain_summary {
    size_t count;
    bool expired, not_trusted;
    struct sg_common_ring *rings; /**< those that hold the first member; owned */
    size_t ring_count;
};
void sg_chain_summary_done(struct sg_chain_summary *summary);
/** Count a member in. */
SG_CHECKED sg_status sg_chain_summary_add(struct sg_run *run, const struct sg_certificate_row *row,
                                          struct sg_chain_summary *summary, struct sg_error *err);
/** Into the answer; of the rings those that the caller may list. */
SG_CHECKED sg_status sg_chain_summary_answer(struct sg_run *run,
                                             const struct sg_chain_summary *summary,
                                             struct sg_error *err);

#endif
