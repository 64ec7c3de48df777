#ifndef SIGNET_TOKEN_CONFINE_INTERNAL_H
#define SIGNET_TOKEN_CONFINE_INTERNAL_H

#include <signet/base/error.h>

/* Give up every capability(7) for good, core files, being traced, and new privileges; raise the
 * limit of open files. SG_E_INTERNAL "cannot_confine" when a capability is
 * left: then nothing may be loaded. */
SG_CHECKED sg_status sg_token_confine(struct sg_error *err);

#endif
