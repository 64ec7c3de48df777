/* What the parts of explain share. */
#ifndef SIGNET_OPERATIONS_EXPLAIN_INTERNAL_H
#define SIGNET_OPERATIONS_EXPLAIN_INTERNAL_H

#include "run_internal.h"

/** A check of the gate as an item; its sentences are worked on in place. New reference, NULL when
 * memory is out. */
json_t *sg_explain_check(struct sg_decision *decision);
/** Append what programs of the caller find in the ring that "object" names: first the gate's answer
 * about the ring, then the members in their order, or only "certificate". *allowed: the ring is
 * seen and, where a certificate was named, its key may sign. SG_E_NOT_FOUND "ring_not_found",
 * "not_connected" (only whoever may read the ring learns that). */
SG_CHECKED sg_status sg_explain_use(struct sg_run *run, const struct sg_caller *caller,
                                    json_t *items, bool *allowed, struct sg_error *err);

#endif
