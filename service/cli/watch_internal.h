/* The parts of signet watch. */
#ifndef SIGNET_CLI_WATCH_INTERNAL_H
#define SIGNET_CLI_WATCH_INTERNAL_H

#include <signet/cli/arguments.h>
#include <signet/cli/client.h>

#define SG_WATCH_COMMAND_S 600 /* seconds that a command may take */

/** Text for standard error: "signet: …". What cannot be written is lost. */
void sg_watch_say(const char *format, ...) SG_PRINTF(1, 2);
/** The same for an error and its hint. */
void sg_watch_say_error(const struct sg_error *failure);

/* ---- signals (watch_signal.c): they end the process where nothing is half done, and wait
 * elsewhere ---- */

SG_CHECKED sg_status sg_watch_signals(struct sg_error *err);
/** Between these two SIGTERM and SIGINT end the process, status 0. */
void sg_watch_interruptible(void);
void sg_watch_uninterruptible(void);
void sg_watch_sleep(unsigned ms);

/* ---- files (watch_files.c) ---- */

/** Bring the files that --chain and --trust name up to date. *changed: one of them has another
 * content now. A ring that has nothing for a file leaves the file as it is, with a warning. */
SG_CHECKED sg_status sg_watch_files(struct sg_client *client,
                                    const struct sg_invocation *invocation, bool *changed,
                                    struct sg_error *err);

/* ---- the command (watch_signal.c) ---- */

/** Run a command by /bin/sh, its output to standard error, with SIGNET_RING and SIGNET_SEQUENCE. A
 * failure of it is SG_E_UNSUPPORTED "command_failed". */
SG_CHECKED sg_status sg_watch_command(const char *command, const char *ring, int64_t sequence,
                                      struct sg_error *err);

#endif
