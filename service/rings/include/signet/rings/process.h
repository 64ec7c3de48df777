/* The rings process: accepts clients on the ring socket and forks one connection process for each.
 */
#ifndef SIGNET_RINGS_PROCESS_H
#define SIGNET_RINGS_PROCESS_H

#include <stddef.h>

#include <signet/base/error.h>
#include <signet/policy/model.h>
#include <signet/token/busy.h>

struct sg_rings_settings {
    int listener;        /**< listening SOCK_STREAM Unix socket */
    int generation_page; /**< memfd of struct sg_generation_page, mapped read-only by connections */
    int master;          /**< SOCK_SEQPACKET to the master: new control links arrive on it (see
                            sg_daemon_link in daemon/link.h: a packet whose          first byte is 1 with one
                            descriptor: the new link to control); end of file means stop */
    size_t connections_max;          /**< in all */
    size_t connections_per_user_max; /**< for one uid */
    size_t memory_max;               /**< RLIMIT_AS of a connection process, bytes; 0 = none */
    const char *token_names[SG_TOKENS_MAX]; /**< as configured, for the log; borrowed */
    size_t token_count;
    int answer_timeout_ms; /**< how long a connection waits for control and for a token's answer */
    struct sg_busy_page *busy; /**< where the process says that it serves and lives; NULL: nobody
                                  watches */
    int beat_ms;               /**< how often it says so when nothing happens */
};

/** Serve until the master's socket closes or a stop signal comes. */
SG_CHECKED sg_status sg_rings_process_run(const struct sg_rings_settings *settings,
                                          struct sg_error *err);

#endif
