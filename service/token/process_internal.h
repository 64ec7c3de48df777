/* The state of a token process. One thread. */
#ifndef SIGNET_TOKEN_PROCESS_INTERNAL_H
#define SIGNET_TOKEN_PROCESS_INTERNAL_H

#include <signet/base/log.h>
#include <signet/base/packet.h>
#include <signet/token/process.h>

#include "crowd_internal.h"
#include "grants_internal.h"
#include "token_state_internal.h"
#include "transport_internal.h"
#include "uses_internal.h"
#include "wire_internal.h"

#define DOUBTFUL_MAX 64
#define ANSWER_MAX (WIRE_REPLY_MAX - WIRE_REPLY_LEN)

struct process {
    struct token_state state;
    struct grants grants;
    struct offers offers;
    struct uses uses;
    int poller;      /* epoll */
    int admin;       /* the administrative link */
    int signals;     /* signalfd */
    bool login_lost; /* the token no longer knows us: end, so that a fresh process logs in */
    bool key_asked;  /* the token has been asked with the key of the request being served */
    bool reread;     /* end, so that a fresh process reads the token */
    /* Keys of writes that failed: what the module shows of them may not be what the token holds.
     * The oldest gives way. */
    struct sg_key_id doubtful[DOUBTFUL_MAX];
    size_t doubtful_count;
    struct sg_key_id refused; /* the last import of which the token is known to hold nothing */
    struct crowd crowd;
    struct sg_log_pace malformed; /* requests of holders */
    size_t answer_len;
    unsigned char answer[ANSWER_MAX];
    struct sg_packet packet; /* the request being served; last, for it is large */
};

/* Serve the request in process->packet. origin is NULL for the administrative link. False: close
 * where it came from. */
SG_CHECKED bool sg_token_dispatch(struct process *process, struct capability *origin);

/* Did a write of the request's key fail in this process? */
bool sg_token_is_doubtful(const struct process *process, const struct wire_call *call);

/* The handlers of the administrative verbs. Results go to process->answer. */
SG_CHECKED sg_status sg_token_administer(struct process *process, const struct wire_call *call,
                                         struct sg_error *err);

/* The handlers of transport, import and export. */
SG_CHECKED sg_status sg_token_carry(struct process *process, const struct wire_call *call,
                                    struct sg_error *err);

/* Start and stop listening to a capability's socket. */
SG_CHECKED sg_status sg_token_watch(struct process *process, struct capability *capability,
                                    struct sg_error *err);
void sg_token_drop(struct process *process, struct capability *capability);

#endif
