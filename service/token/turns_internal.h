/* Whose request is next: users take turns, and so do the capabilities of one user. */
#ifndef SIGNET_TOKEN_TURNS_INTERNAL_H
#define SIGNET_TOKEN_TURNS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <signet/base/error.h>

struct turn;

/* Part of each capability. */
struct turn_place {
    struct turn *turn; /* its user's; NULL once it has left */
    bool waits;
    TAILQ_ENTRY(turn_place) next;
};
TAILQ_HEAD(turn_places, turn_place);

/* One user with capabilities. */
struct turn {
    uint32_t uid;
    size_t members;
    struct turn_places waiting;
    TAILQ_ENTRY(turn) next; /* among those of whom somebody waits */
    LIST_ENTRY(turn) other; /* among all */
};
TAILQ_HEAD(turn_queue, turn);
LIST_HEAD(turn_list, turn);

struct turns {
    struct turn_queue queue;
    struct turn_list all;
};

void sg_token_turns_init(struct turns *turns);
/* place belongs to uid from now on, until it leaves. SG_E_NO_MEMORY. */
SG_CHECKED sg_status sg_token_turns_join(struct turns *turns, struct turn_place *place,
                                         uint32_t uid, struct sg_error *err);
void sg_token_turns_leave(struct turns *turns, struct turn_place *place);
/* It has a request; nothing happens when that is known, or when it has left. */
void sg_token_turns_wait(struct turns *turns, struct turn_place *place);
/* Whose turn it is: it does not wait any more. NULL: nobody waits. */
struct turn_place *sg_token_turns_next(struct turns *turns);
bool sg_token_turns_none(const struct turns *turns);

#endif
