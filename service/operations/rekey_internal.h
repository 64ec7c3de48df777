/* A new key with a certificate that says what an old one says. */
#ifndef SIGNET_OPERATIONS_REKEY_INTERNAL_H
#define SIGNET_OPERATIONS_REKEY_INTERNAL_H

#include "new_certificate_internal.h"

/** Plan it from the run's options (key, days, not_before, not_after, token); warns and describes.
 * The plan borrows from the old row. SG_E_CONFLICT "no_private_key", "label_in_use", SG_E_INPUT
 * "usage_not_for_key", "unknown_key_type". */
SG_CHECKED sg_status sg_rekey_plan(struct sg_run *run, const struct sg_certificate_row *old,
                                   const struct sg_label *label, struct sg_new_certificate *made,
                                   struct sg_error *err);

#endif
