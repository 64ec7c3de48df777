/* The rings process: one loop over the listener, the master, the control link and a channel for
 * each connection. */
#ifndef SIGNET_RINGS_PROCESS_INTERNAL_H
#define SIGNET_RINGS_PROCESS_INTERNAL_H

#include <sys/types.h>

#include <signet/base/log.h>
#include <signet/base/packet.h>
#include <signet/rings/link.h>
#include <signet/rings/process.h>

#include "notice_internal.h"
#include "sandbox_internal.h"

/** What a connection has asked for. At most one question at a time is out at control for each. */
struct sg_ring_question {
    bool wanted;   /**< asked and not answered */
    uint64_t turn; /**< who is asked about next: the least */
    bool sent;     /**< control has it */
    bool replaced; /**< the connection has given up what was sent and asks this now */
    uint32_t kind, token;
    uint32_t sequence;       /**< the connection's */
    uint32_t relay_sequence; /**< ours, as sent */
    int64_t sent_ms;         /**< monotonic */
};

/** A connection process and its client. */
struct sg_ring_client {
    bool used;
    bool waits;     /**< let in, and no process serves it yet */
    int socket;     /**< the client's, while it waits */
    uint64_t turn;  /**< who is served next: the least */
    bool announced; /**< the present control has heard of it */
    bool gone;      /**< ended; control must still be told */
    int channel;    /**< our end, or -1 */
    pid_t process;
    uint64_t number;
    uid_t uid;
    gid_t gid;
    pid_t pid;     /**< the client's */
    bool bound;    /**< its first question has said what .ring is */
    uint32_t ring; /**< the only one it asked for; 0 = all */
    struct sg_ring_question question;
    int64_t words_ms; /**< until when, monotonic, the time is taken by what it has said unasked */
};

/** Descriptors that clients do not get: for ourselves, and for what control's answers bring, which
 * is lost where there is none. */
#define SG_RINGS_SPARE 64

#define SG_REFUSALS 16           /* rows */
#define SG_REFUSALS_OF_USER 4    /* of them, whatever its connections tell */
#define SG_REFUSALS_TELL_MS 1000 /* between two times that they are told */

/** Who was not let in, given up, or failed, since it was told last. */
struct sg_rings_refusals {
    struct sg_rings_refusal_row {
        enum sg_rings_notice reason;
        int signal; /**< that the process died of */
        uid_t uid;
        uint64_t count; /**< 0: a free row */
        /* of the last one */
        pid_t pid;
        uint64_t connection;
        struct sg_rings_failure failure; /**< where it is one */
    } rows[SG_REFUSALS];
    int64_t told_ms; /**< monotonic */
    bool any;
};

/** Lies in memory that a forked process finds wiped: a connection learns nothing of other clients.
 */
struct sg_rings {
    const struct sg_rings_settings *settings;
    void *page_map; /**< what .page lies in */
    const struct sg_generation_page *page;
    const struct sg_sandbox *sandbox;
    int epoll, signals, null;
    int oom_score; /**< our own */
    int control;   /**< -1 while control is away */
    bool control_full;
    bool stop;
    bool accepting;
    size_t waiting;      /**< clients that wait */
    bool asks_wait;      /**< questions wait, for control has enough of them */
    uint64_t start_turn; /**< of who was served last */
    uint64_t ask_turn;   /**< of who was asked about last */
    uint64_t next_number;
    uint32_t relay_sequence;
    struct sg_rings_refusals refusals;
    struct sg_log_pace no_process, no_descriptor; /**< for clients; the log has a line a second */
    struct sg_packet packet;                      /**< for whatever is received next */
    size_t row_count;
    size_t rows_end; /**< rows from here on were never used, or are free */
    struct sg_ring_client rows[];
};

/* Turns. Users come in turns, whatever one of them asks for at once: what comes gets a number that
 * is one more than the last one of its user that still waits, or than the one whose turn it is. So
 * however many of one user wait, another's first is next (start-time fair queueing; Goyal, Vin,
 * Cheng, SIGCOMM '96). */

/* What an event belongs to: the row's index, or one of these. */
#define SG_EVENT_LISTENER UINT64_MAX
#define SG_EVENT_MASTER (UINT64_MAX - 1)
#define SG_EVENT_CONTROL (UINT64_MAX - 2)
#define SG_EVENT_SIGNALS (UINT64_MAX - 3)

/** Watch a descriptor for reading. */
SG_CHECKED sg_status sg_rings_watch(const struct sg_rings *rings, int fd, uint64_t what,
                                    struct sg_error *err);

/* ---- clients ---- */
/** Accept who comes, some at a time: refuse who is one too many, and let the others wait for their
 * turn. */
void sg_rings_accept(struct sg_rings *rings);
/** Fork connection processes for some of those whose turn it is. */
void sg_rings_start_waiting(struct sg_rings *rings);
/** Reap the connection processes that have ended. */
void sg_rings_reap(struct sg_rings *rings);
/** End a connection process; its end is seen by sg_rings_reap. */
void sg_rings_kill(struct sg_ring_client *client);
/** Note what the log shall say, .count times. More users than there are rows share the last one,
 * which counts the last one's reason only. */
void sg_rings_note(struct sg_rings *rings, const struct sg_rings_refusal_row *what);
/** Tell the log who was refused or given up, and control who was refused: once a second at most,
 * for whoever connects in a loop must neither fill the log nor keep control busy. */
void sg_rings_tell_refusals(struct sg_rings *rings);
/** Start listening again after a pause, when descriptors were running out. */
void sg_rings_resume(struct sg_rings *rings);

/* ---- questions and answers ---- */
/** A new link to control: everything that is not answered is asked again. Takes the descriptor. */
void sg_rings_set_control(struct sg_rings *rings, int control);
/** Read what control has sent. */
void sg_rings_read_control(struct sg_rings *rings);
/** Control reads again. */
void sg_rings_flush_control(struct sg_rings *rings);
/** Ask control what waits, in turns, as far as it has not enough to answer. */
void sg_rings_ask(struct sg_rings *rings);
/** Read what a connection asks, or tells. */
void sg_rings_read_channel(struct sg_rings *rings, struct sg_ring_client *client);
/** Its process has ended: read what it has told, and answer nothing any more. */
void sg_rings_read_last_words(struct sg_rings *rings, struct sg_ring_client *client);
/** Tell control of refusals. */
void sg_rings_send_refusal(struct sg_rings *rings, enum sg_rings_refusal reason, uid_t uid,
                           pid_t pid, uint64_t count);
/** Tell control that a connection has ended, and free its row. */
void sg_rings_tell_gone(struct sg_rings *rings, struct sg_ring_client *client);

#endif
