#ifndef SIGNET_TOKEN_SETTINGS_INTERNAL_H
#define SIGNET_TOKEN_SETTINGS_INTERNAL_H

#include <signet/base/error.h>

/* Put every "NAME=value" of a NULL-terminated list (or NULL) into the environment. SG_E_INPUT
 * "bad_environment". */
SG_CHECKED sg_status sg_token_set_environment(const char *const *environment, struct sg_error *err);

#endif
