#ifndef SIGNET_OPERATIONS_OWNER_INTERNAL_H
#define SIGNET_OPERATIONS_OWNER_INTERNAL_H

#include "run_internal.h"

/** An owner comes into being when an administrator first uses it; for others it must exist
 * (SG_E_NOT_FOUND "owner_not_found"). */
SG_CHECKED sg_status sg_run_ensure_owner(struct sg_run *run, const char *owner,
                                         struct sg_error *err);
/** Whose things are to be listed exists: SG_E_NOT_FOUND "owner_not_found". CERTAUTH and SITE always
 * do. */
SG_CHECKED sg_status sg_run_owner_exists(struct sg_run *run, const char *owner,
                                         struct sg_error *err);

#endif
