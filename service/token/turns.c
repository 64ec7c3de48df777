#include "turns_internal.h"

#include <stdlib.h>

void sg_token_turns_init(struct turns *turns)
{
    TAILQ_INIT(&turns->queue);
    LIST_INIT(&turns->all);
}

static struct turn *find(const struct turns *turns, uint32_t uid)
{
    struct turn *turn = LIST_FIRST(&turns->all);
    while (turn != NULL && turn->uid != uid) {
        turn = LIST_NEXT(turn, other);
    }
    return turn;
}

static struct turn *turn_new(struct turns *turns, uint32_t uid)
{
    struct turn *turn = calloc(1, sizeof *turn);
    if (turn != NULL) {
        turn->uid = uid;
        TAILQ_INIT(&turn->waiting);
        LIST_INSERT_HEAD(&turns->all, turn, other);
    }
    return turn;
}

sg_status sg_token_turns_join(struct turns *turns, struct turn_place *place, uint32_t uid,
                              struct sg_error *err)
{
    struct turn *turn = find(turns, uid);
    turn = turn != NULL ? turn : turn_new(turns, uid);
    if (turn == NULL) {
        return sg_fail_memory(err);
    }
    turn->members++;
    *place = (struct turn_place){.turn = turn};
    return SG_OK;
}

static void take(struct turns *turns, struct turn_place *place)
{
    struct turn *turn = place->turn;
    TAILQ_REMOVE(&turn->waiting, place, next);
    place->waits = false;
    if (TAILQ_EMPTY(&turn->waiting)) {
        TAILQ_REMOVE(&turns->queue, turn, next);
    }
}

void sg_token_turns_leave(struct turns *turns, struct turn_place *place)
{
    struct turn *turn = place->turn;
    if (place->waits) {
        take(turns, place);
    }
    place->turn = NULL;
    if (--turn->members == 0) {
        LIST_REMOVE(turn, other);
        free(turn);
    }
}

void sg_token_turns_wait(struct turns *turns, struct turn_place *place)
{
    struct turn *turn = place->turn;
    if (turn == NULL || place->waits) {
        return;
    }
    if (TAILQ_EMPTY(&turn->waiting)) {
        TAILQ_INSERT_TAIL(&turns->queue, turn, next);
    }
    TAILQ_INSERT_TAIL(&turn->waiting, place, next);
    place->waits = true;
}

struct turn_place *sg_token_turns_next(struct turns *turns)
{
    struct turn *turn = TAILQ_FIRST(&turns->queue);
    if (turn == NULL) {
        return NULL;
    }
    struct turn_place *place = TAILQ_FIRST(&turn->waiting);
    take(turns, place);
    if (!TAILQ_EMPTY(&turn->waiting)) {
        TAILQ_REMOVE(&turns->queue, turn, next);
        TAILQ_INSERT_TAIL(&turns->queue, turn, next);
    }
    return place;
}

bool sg_token_turns_none(const struct turns *turns)
{
    return TAILQ_EMPTY(&turns->queue);
}
