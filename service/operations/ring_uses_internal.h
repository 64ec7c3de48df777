/* Uses of keys. */
#ifndef SIGNET_OPERATIONS_RING_USES_INTERNAL_H
#define SIGNET_OPERATIONS_RING_USES_INTERNAL_H

#include "run_internal.h"

/** Say in a member's item how often its key was used through the ring or served token, when last,
 * and by whom. */
SG_CHECKED sg_status sg_ring_uses(struct sg_run *run, int64_t ring,
                                  const struct sg_certificate_row *row, json_t *item,
                                  struct sg_error *err);

/** The name of a ring, "START1/KEY", or of a served token, "FTP.SRV". NULL when memory is out. */
json_t *sg_place_json(const struct sg_ring_ref *ref);
/** Say how often a certificate's key was used through all rings and served tokens together: uses,
 * and where it was last_used, last_user, last_used_in. */
SG_CHECKED sg_status sg_key_uses(struct sg_run *run, const struct sg_certificate_row *row,
                                 json_t *item, struct sg_error *err);

#endif
