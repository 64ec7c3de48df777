/* Capabilities: what the holder of a socket may ask for. */
#ifndef SIGNET_TOKEN_GRANTS_INTERNAL_H
#define SIGNET_TOKEN_GRANTS_INTERNAL_H

#include <signet/token/key_list.h>

#include "turns_internal.h"
#include "wire_internal.h"

#define GRANTS_MAX 65536 /* capabilities in one process; RLIMIT_NOFILE usually ends it earlier */

/* Take a key list out of a sealed memfd. SG_E_USAGE "bad_key_list" unless it is sealed, has that
 * many rows, and they are in order. */
SG_CHECKED sg_status sg_token_keys_read(int fd, size_t count, struct sg_key_list *out,
                                        struct sg_error *err);

struct capability {
    struct turn_place place_in_turn; /* first: it stands for the capability */
    uint64_t number;
    int socket; /* -1 once closed */
    struct sg_key_list list;
    uint32_t uid; /* whose holder it is: control's word */
    size_t place; /* in the table */
    struct capability *next_closed;
};
/* Whether the key list allows this request. SG_E_DENIED "not_granted". */
SG_CHECKED sg_status sg_token_capability_check(const struct capability *capability,
                                               const struct wire_call *call, struct sg_error *err);

struct grants {
    struct capability **table;
    size_t count, room;
    struct turns turns;        /* of those that have sent something */
    struct capability *closed; /* closed, but perhaps still named by a pending event */
};
void sg_token_grants_init(struct grants *grants);
void sg_token_grants_done(struct grants *grants);
/* Let the list share its keys with a capability that has the same ones. */
void sg_token_grants_join(const struct grants *grants, struct sg_key_list *list);
/* Enter a capability; takes socket and list when it succeeds. SG_E_CONFLICT "number_in_use",
 * SG_E_LIMIT. */
SG_CHECKED sg_status sg_token_grants_add(struct grants *grants, uint64_t number, uint32_t uid,
                                         int *socket, struct sg_key_list *list,
                                         struct capability **out, struct sg_error *err);
/* NULL when there is none. */
struct capability *sg_token_grants_find(const struct grants *grants, uint64_t number);
/* Close the socket and take the capability out of the table. It stays in memory until
 * sg_token_grants_bury. */
void sg_token_grants_close(struct grants *grants, struct capability *capability);
/* Free what was closed: when no event can name it any more. */
void sg_token_grants_bury(struct grants *grants);

#endif
