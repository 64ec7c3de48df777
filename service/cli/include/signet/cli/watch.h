/* signet watch: tells when a ring changes, keeps files of it, runs a command. */
#ifndef SIGNET_CLI_WATCH_H
#define SIGNET_CLI_WATCH_H

#include <jansson.h>

#include <signet/cli/arguments.h>

/** Watch until the ring goes, the authority does, or (--once) a change was told: the status says
 * which. SIGTERM and SIGINT end the process with status 0. Lines go to standard output as they
 * come. *answer: new reference with a dry run, else left alone. SG_E_UNSUPPORTED "command_failed"
 * with
 * --once. */
SG_CHECKED sg_status sg_watch_run(const struct sg_invocation *invocation, json_t **answer,
                                  struct sg_error *err);

#endif
