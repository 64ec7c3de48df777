/* signet dev: throw-away instances. */
#ifndef SIGNET_CLI_DEV_H
#define SIGNET_CLI_DEV_H

#include <jansson.h>

#include <signet/cli/arguments.h>

/** Perform dev up, env or down. *answer: new reference, as a service would answer. */
SG_CHECKED sg_status sg_dev_run(const struct sg_invocation *invocation, json_t **answer,
                                struct sg_error *err);

#endif
