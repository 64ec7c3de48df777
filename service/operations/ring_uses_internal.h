/* Uses of a ring's keys. */
#ifndef SIGNET_OPERATIONS_RING_USES_INTERNAL_H
#define SIGNET_OPERATIONS_RING_USES_INTERNAL_H

#include "run_internal.h"

/* Say in a member's item how often its key was used through the ring, when last, and by whom. */
SG_CHECKED sg_status sg_ring_uses(struct sg_run *run, int64_t ring,
                                  const struct sg_certificate_row *row, json_t *item,
                                  struct sg_error *err);

#endif
