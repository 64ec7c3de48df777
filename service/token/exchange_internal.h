/* One request and its answer over a link. */
#ifndef SIGNET_TOKEN_EXCHANGE_INTERNAL_H
#define SIGNET_TOKEN_EXCHANGE_INTERNAL_H

#include "wire_internal.h"

struct exchange {
    struct wire_request head;       /* magic, version, sequence and body_len are filled in */
    struct sg_bytes label_and_body; /* head.label_len bytes of label first */
    const int *fds;
    size_t fd_count;
    struct sg_bytes result; /* points into reply */
    _Alignas(8) unsigned char reply[WIRE_REPLY_MAX];
};

/* What answers when there is no process: fills .result, or fails as the process would. */
struct sg_token_stand_in {
    sg_status (*answer)(struct exchange *exchange, struct sg_error *err);
};

/* Send and wait. Only .head, .label_and_body, .fds and .fd_count need to be set before. */
SG_CHECKED sg_status sg_token_exchange(struct sg_token_link *link, struct exchange *exchange,
                                       struct sg_error *err);

/* The two halves, where there is no stand-in. The answer is found by .head's sequence and verb. */
SG_CHECKED sg_status sg_token_send(struct sg_token_link *link, struct exchange *exchange,
                                   struct sg_error *err);
SG_CHECKED sg_status sg_token_receive(struct sg_token_link *link, struct exchange *exchange,
                                      struct sg_error *err);

/* SG_E_INPUT "label_too_long". */
SG_CHECKED sg_status sg_token_label_check(const char *label, struct sg_error *err);
/* The wire's flags of a key to be made. */
uint32_t sg_token_key_flags(const struct sg_generate_request *request);

#endif
