/* The master's children: what the master knows of each, and how one is made. */
#ifndef SIGNET_DAEMON_CHILDREN_INTERNAL_H
#define SIGNET_DAEMON_CHILDREN_INTERNAL_H

#include <stdint.h>
#include <sys/types.h>

#include <signet/daemon/link.h>
#include <signet/daemon/master.h>
#include <signet/token/busy.h>

#include "identity_internal.h"
#include "places_internal.h"

enum sg_role { SG_ROLE_CONTROL, SG_ROLE_RINGS, SG_ROLE_TOKEN };

struct sg_child {
    enum sg_role role;
    uint32_t token, process; /**< of a token process: which token, and 0 for the operations or 1 …
                                for the rings */
    char name[24];           /**< "signet-token0.1"; ps shows its first 15 bytes */
    pid_t pid;               /**< 0: not running */
    int64_t started_ms;      /**< monotonic */
    int64_t due_ms;          /**< when to start it, while it does not run */
    uint64_t starts;
    unsigned backoff_ms;   /**< pause before the start after the next death */
    unsigned early_deaths; /**< before the service was ever ready */
    int channel;           /**< control and rings: our end of the master's channel; -1: none */
    int ended;             /**< wait status of the last one of it that died by itself */
    bool condemned;        /**< we killed it: its death is no fault of its own */
    int link; /**< token processes: the administrative link's end that control has yet to get; -1:
                 none */
    struct sg_busy_page *busy; /**< what it says that it does; NULL: none */
    int busy_fd;   /**< token processes: the same, for reading, on its way to control with .link */
    uint64_t beat; /**< control and rings: the last one that we saw */
    int64_t silent_ms; /**< and for how long none has come, counted by our own looks */
    bool hangs;        /**< killed for it, not reaped yet */
};

struct sg_master {
    const struct sg_config *config;
    const struct sg_master_roles *roles;
    pid_t pid;
    struct sg_identity user, token_user;
    struct sg_listener http, rings;
    int lock;
    int generation, generation_read_only; /**< two descriptions of one memfd */
    int signals;                          /**< signalfd */
    struct sg_child *children;            /**< control, rings, then every token's */
    size_t child_count;
    /* The link between control and rings: both ends while they are on their way. */
    bool link_due;
    int link_control, link_rings;
    bool control_ready, ever_ready;
    bool stopping, tokens_stopped, killed;
    int64_t looked_ms; /**< when the processes were last looked at; 0: never */
    int64_t excuse_ms; /**< until then nobody is blamed for silence: we were not there either */
    int64_t alive_ms;  /**< how often the service manager wants to hear that we live; 0: never */
    int64_t alive_due_ms;
    bool impatient;  /**< told to stop a second time */
    int64_t kill_ms; /**< when stopping: until then children may end by themselves */
    sg_status failure;
    struct sg_error *err; /**< why it failed */
};

static inline struct sg_child *sg_master_control(const struct sg_master *master)
{
    return &master->children[0];
}
static inline struct sg_child *sg_master_rings(const struct sg_master *master)
{
    return &master->children[1];
}

/** Lay out the table of children, all due now. */
SG_CHECKED sg_status sg_children_new(struct sg_master *master, struct sg_error *err);
void sg_children_free(struct sg_master *master);
/** Fork one child with its channel or link. It never returns in the child. */
SG_CHECKED sg_status sg_child_start(struct sg_master *master, struct sg_child *child,
                                    struct sg_error *err);
/** Close what the master holds of a child. */
void sg_child_close(struct sg_child *child);

/** Make the page of a process that is about to be forked, in place of its predecessor's. */
SG_CHECKED sg_status sg_watch_begin(struct sg_child *child, struct sg_error *err);
/** It is forked: the page is its and ours from now on. */
void sg_watch_keep(const struct sg_child *child);
void sg_watch_end(struct sg_child *child);
/** Kill the token processes that have been in one call for longer than their token's deadlines
 * allow, and those that are in none and do not come by any more: frozen, or spinning. The latter
 * goes for control and rings too. */
void sg_watch_kill_hung(struct sg_master *master);
/** What the master shares with control; NULL: control has not been started yet. */
struct sg_control_page *sg_watch_control_page(const struct sg_master *master);
/** Tell control how rings is. */
void sg_watch_tell_control(const struct sg_master *master);
/** How often rings says that it lives when nothing happens, ms. */
int sg_watch_beat_ms(const struct sg_master *master);
/** Milliseconds until they must be looked at again; -1: there are none. */
int sg_watch_timeout_ms(const struct sg_master *master);
/** How long a process may stay in the login that it is in, ms; 0 when it is in none, or too long.
 */
int64_t sg_watch_login_left_ms(const struct sg_master *master, const struct sg_child *child);

/** Hand over every link that is on its way. True when one must wait until control or rings read. */
bool sg_links_deliver(struct sg_master *master);
/** Forget the link between control and rings; a new one is made once both run. */
void sg_links_reset(struct sg_master *master);

/** Control is down, and stays so for longer than its clients should wait. */
bool sg_absence_is_long(const struct sg_master *master);
/** Then: say so to those who have connected to its socket. */
void sg_absence_answer(const struct sg_master *master);

/** Take note of children that ended and plan their successors. */
void sg_supervise_reap(struct sg_master *master);
/** Start whoever is due. */
void sg_supervise_start(struct sg_master *master);
/** Read what control sent. */
void sg_supervise_control(struct sg_master *master);
/** Milliseconds until somebody is due; -1: nobody. */
int sg_supervise_timeout_ms(const struct sg_master *master);
/** Tell the service manager that we live, where it asks for it (sd_watchdog_enabled(3)). */
void sg_supervise_tell_alive(struct sg_master *master);
/** Begin to stop; the second time at once. */
void sg_supervise_stop(struct sg_master *master);
/** Go on stopping. True when nothing is left. */
bool sg_supervise_stopped(struct sg_master *master);

#endif
