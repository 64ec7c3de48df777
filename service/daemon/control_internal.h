/* The parts of the control process. */
#ifndef SIGNET_DAEMON_CONTROL_INTERNAL_H
#define SIGNET_DAEMON_CONTROL_INTERNAL_H

#include <event2/event.h>

#include <signet/base/log.h>
#include <signet/base/packet.h>
#include <signet/daemon/config.h>
#include <signet/http/server.h>
#include <signet/operations/service.h>
#include <signet/rings/link.h>
#include <signet/token/key_list.h>
#include <signet/token/uses.h>

/* ---- token processes and their logins (control_tokens.c) ---- */

enum pool_state {
    POOL_ABSENT,    /**< no process, or it died: the master brings a new one */
    POOL_CONNECTED, /**< there, not logged in yet */
    POOL_READY,
    POOL_WAITING, /**< for an operator: the PIN was refused, or may have been */
    POOL_FAILED,  /**< the module or the token is not usable: tried again later */
};

struct pool_process {
    enum pool_state state;
    struct sg_token_link link;
    struct event *gone; /**< readable outside a call: end of file */
    uint32_t pid;
    unsigned grants;
    bool deferred; /**< has come and is to be logged in */
    bool held;     /**< has come while an operation waits for its token: logs in after it */
    bool calling;  /**< a call waits for its answer */
    int successor; /**< link of a new process that came under a call; -1: none */
    uint32_t successor_pid;
    int successor_page;
    const struct sg_busy_page *busy; /**< what it says that it does; NULL: not known */
    int64_t failed_ms;               /**< when it failed */
    char problem[320]; /**< why it, or the one before it, was not ready; empty once one is */
    char hint[640];    /**< what the token process says is to be done about it, or empty */
    struct sg_token_info info;
    struct uses_page *uses; /**< where it counts; NULL: nowhere */
};

struct pool_token {
    const struct sg_config_token *config;
    struct pool_process processes[SG_TOKEN_PROCESSES_MAX + 1]; /**< 0 serves the operations */
    uint64_t
        refused_pin; /**< pin_version that must not be tried, the store's word apart; 0: none */
    bool refusal_unstored; /**< the store does not know of it yet */
    int64_t refusal_ms;    /**< when it was to be stored last, monotonic */
};

struct control;

struct pool {
    struct control *control;
    struct pool_token tokens[SG_TOKENS_MAX];
    size_t count;
};

void sg_pool_init(struct pool *pool, struct control *control);
void sg_pool_done(struct pool *pool);
/** A token process has come: take its link and log in. page is the descriptor of its struct
 * sg_busy_page, which stays the caller's; -1: none. */
void sg_pool_attach(struct pool *pool, uint32_t token, uint32_t process, uint32_t pid, int socket,
                    int page);
/** Replace the processes that failed a while ago: the token may be back. Store the refusals of PINs
 * that could not be stored: there may be space again. Outside of transactions. */
void sg_pool_retry(struct pool *pool);
/** True while a process is in one call of the module for so long that nobody should wait for it. */
bool sg_pool_is_stuck(const struct pool *pool, uint32_t token, uint32_t process);
/** Start what had to wait for an operation's end. Outside of transactions. */
void sg_pool_resume(struct pool *pool);
/** A call begins or ends to wait for what comes over a process's link. Meanwhile nobody else reads
 * it, and the link is not replaced. */
void sg_pool_calling(struct pool *pool, int socket, bool calling);
/** Its link does not work any more: close it and have it replaced. */
void sg_pool_drop(struct pool *pool, uint32_t token, uint32_t process);
/** The process that serves rings and has the fewest grants, of those that answer; -1 when there is
 * none. */
int sg_pool_choose(const struct pool *pool, uint32_t token);
/** True when none of those processes is ready or will be by itself: an operator must do something.
 */
bool sg_pool_waits(const struct pool *pool, uint32_t token);
/** Index of a configured token; -1 when there is none of that name. context: struct pool. */
int sg_pool_index(void *context, const char *name);
/** True when every process has been judged once: ready, waiting or failed. */
bool sg_pool_settled(const struct pool *pool);
/** Settle what operations left behind in tokens that are ready; those that are not get it done when
 * they are. */
void sg_pool_recover(struct pool *pool);
/** The table of functions for the operations. */
struct sg_tokens sg_pool_tokens(struct pool *pool);

/* ---- capabilities (control_grants.c) ---- */

struct grant {
    uint64_t number, connection;
    uid_t uid;
    gid_t gid;
    uint32_t ring; /**< the only one; 0 = all that the user may see */
    uint32_t token, process;
    struct sg_key_list keys; /**< equal ones are shared */
};

struct grants {
    struct control *control;
    struct grant *list;
    size_t count, capacity;
    uint64_t last_number;
};

void sg_grants_done(struct grants *grants);
/** Take every capability back, acknowledged by the token processes: those who hold them answer to
 * nobody any more. */
void sg_grants_revoke(struct grants *grants);
/** Grant a connection what its caller may use of a token; *out_socket is its end. */
SG_CHECKED sg_status sg_grants_make(struct grants *grants, const struct sg_rings_packet *request,
                                    int *out_socket, struct sg_error *err);
/** The connection has ended. */
void sg_grants_forget(struct grants *grants, uint64_t connection);
/** A token process has died: its grants are void. */
void sg_grants_process_gone(struct grants *grants, uint32_t token, uint32_t process);
/** The change listener of the operations. */
struct sg_change_listener sg_grants_listener(struct grants *grants);

/* ---- uses of keys (control_uses.c) ---- */

/** Uses that failed in a token since control started, for what the token says of itself. */
struct use_failures {
    uint64_t count;
    uint64_t rv;       /**< the last one's CK_RV */
    int64_t last_s;    /**< when that was */
    int64_t failed_ms; /**< the same, monotonic; 0: never */
    int64_t done_ms;   /**< when a use last succeeded, monotonic; 0: never */
};

struct uses_page;
struct uses {
    struct control *control;
    struct event *timer;
    bool due;
    struct uses_page *pages;
    struct use_failures failures[SG_TOKENS_MAX]; /**< from pages that are gone */
};
/** Begin to store counts, every few seconds. */
SG_CHECKED sg_status sg_uses_watch(struct uses *uses, struct control *control,
                                   struct sg_error *err);
/** Store what is there, and end. The store is still open. */
void sg_uses_done(struct uses *uses);
/** A token process that serves rings is ready: have it count, in a new page. What fails is logged.
 */
sg_status sg_uses_begin(struct uses *uses, struct pool_process *process);
/** Its link is closed: what it has counted is stored with the rest. */
void sg_uses_end(struct pool_process *process);
/** Store what is new. Outside of transactions, like the next one. */
void sg_uses_store(struct uses *uses);
/** Between two turns: what the timer wants done. */
void sg_uses_work(struct uses *uses);
/** What failed in a token, by its index. */
struct use_failures sg_uses_failures(const struct uses *uses, uint32_t token);
/** Its last use failed. */
bool sg_uses_fail(const struct uses *uses, uint32_t token);

/* ---- the groups of Unix users (control_groups.c) ---- */

#define GROUP_CACHE 256 /* users */

/** What the system's database said of a user, and when. */
struct user_groups {
    uid_t uid;
    gid_t gid;
    gid_t *list; /**< NULL: nothing here */
    size_t count;
    int64_t read_ms;
    int64_t unfound_ms; /**< since when a group of it is not found any more; 0: all are */
};
struct groups {
    struct control *control;
    struct event *timer;
    bool changed; /**< somebody who is served has other groups than before */
    struct user_groups users[GROUP_CACHE];
    size_t next;            /**< the one to be forgotten next */
    size_t watched;         /**< the one to be looked at next */
    int64_t spent_ms;       /**< waiting for those of whom something was known, when they asked */
    int64_t rests_until_ms; /**< until then what is known stands when they ask */
};
/** The table of functions for the operations. */
struct sg_groups sg_groups_source(struct groups *groups);
/** Begin to look for changes, every few seconds. */
SG_CHECKED sg_status sg_groups_watch(struct groups *groups, struct control *control,
                                     struct sg_error *err);
void sg_groups_done(struct groups *groups);

/* ---- views for rings (control_views.c) ---- */

#define VIEW_CACHE 16
struct views {
    struct control *control;
    struct event *event;
    int link; /**< to rings; -1 when there is none */
    struct {
        uint64_t generation; /**< 0 = empty */
        uid_t uid;
        gid_t gid;
        uint32_t ring; /**< the only one; 0 = all */
        int memfd;
    } cache[VIEW_CACHE];
    size_t next;
    struct sg_refused_clients refused;
    struct sg_left_out left_out;
    struct sg_log_pace failures; /* requests that could not be granted */
};
void sg_views_init(struct views *views, struct control *control);
void sg_views_done(struct views *views);
/** Serve one request of rings, if there is one. */
void sg_views_serve(struct views *views);
/** A rings process has come. */
void sg_views_attach(struct views *views, int socket);

/* ---- all of it (control.c) ---- */

struct control {
    const struct sg_config *config;
    struct event_base *base;
    struct sg_store *store;
    struct sg_service service;
    struct pool pool;
    struct grants grants;
    struct views views;
    struct groups groups;
    struct uses uses;
    struct sg_generation_page *page;
    struct sg_control_page *shared; /**< with the master; NULL: nobody watches */
    int master;
    bool announced;
    struct sg_http_server *server;
    bool dispatching;                   /**< within the event loop, which does not nest */
    bool stopping;                      /**< the end of the process has been asked for */
    bool recovery_due;                  /**< intents are to be settled between two turns */
    bool operating;                     /**< an operation is under way */
    bool waiting;                       /**< it waits for its token; a transaction may be open */
    bool starting;                      /**< a token process is being logged in: one at a time */
    unsigned settle_pause, settle_wait; /**< in turns of the timer */
    struct sg_packet packet;            /**< for the event loop's receiving; 64 KiB */
};

/** Wait until socket is readable (true) or timeout_ms have passed (false), serving rings and the
 * master meanwhile: whoever attaches or signs does not wait for an operation's token. socket -1:
 * return after the first thing that was served. context: struct control. */
bool sg_control_wait(void *context, int socket, int timeout_ms);
/** Take what the master has sent; waits up to timeout_ms for the first packet. False at end of
 * file. */
bool sg_control_from_master(struct control *control, int timeout_ms);
/** Say that we live: from the event loop, and from whatever may take long. */
void sg_control_beat(const struct control *control);
/** Tell the master to replace a token process. */
void sg_control_replace(struct control *control, uint32_t token, uint32_t process, uint32_t pid);

#endif
