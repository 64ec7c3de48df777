#include "view_share.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VAIN_PART 8  /* of the whole, an owner's rings may be tried in vain */
#define RING_PART 32 /* of the whole, that counts at most of one such ring: it hides no others */

void sg_view_shares_done(struct view_shares *shares)
{
    free(shares->list);
    *shares = (struct view_shares){.count = 0};
}

static sg_status append(struct view_shares *shares, const char *owner, struct sg_error *err)
{
    if (shares->count == shares->capacity) {
        size_t capacity = shares->capacity == 0 ? 16 : shares->capacity * 2;
        struct view_share *list = reallocarray(shares->list, capacity, sizeof *list);
        if (list == NULL) {
            return sg_fail_memory(err);
        }
        shares->list = list;
        shares->capacity = capacity;
    }
    struct view_share *share = &shares->list[shares->count++];
    *share = (struct view_share){.bytes = 0};
    snprintf(share->owner, sizeof share->owner, "%s", owner);
    return SG_OK;
}

sg_status sg_view_shares_add(struct view_shares *shares, const char *owner, size_t bytes,
                             struct sg_error *err)
{
    if (shares->count == 0 || strcmp(shares->list[shares->count - 1].owner, owner) != 0) {
        sg_status s = append(shares, owner, err);
        if (s != SG_OK) {
            return s;
        }
    }
    shares->list[shares->count - 1].bytes += bytes;
    return SG_OK;
}

static int compare(const void *a, const void *b)
{
    size_t left = *(const size_t *)a;
    size_t right = *(const size_t *)b;
    return (left > right) - (left < right);
}

/* What each may have at most. sizes: ascending. */
static size_t most_of(const size_t *sizes, size_t count, size_t room)
{
    for (size_t i = 0; i < count; i++) {
        size_t equal = room / (count - i);
        if (sizes[i] > equal) {
            return equal;
        }
        room -= sizes[i];
    }
    return SIZE_MAX;
}

sg_status sg_view_shares_divide(struct view_shares *shares, size_t room, struct sg_error *err)
{
    SG_FREE size_t *sizes = calloc(shares->count + 1, sizeof *sizes);
    if (sizes == NULL) {
        return sg_fail_memory(err);
    }
    for (size_t i = 0; i < shares->count; i++) {
        sizes[i] = shares->list[i].bytes;
    }
    qsort(sizes, shares->count, sizeof *sizes, compare);
    size_t most = most_of(sizes, shares->count, room);
    shares->turn = 0;
    shares->promised = 0;
    for (size_t i = 0; i < shares->count; i++) {
        struct view_share *share = &shares->list[i];
        share->bytes = share->bytes < most ? share->bytes : most;
        shares->promised += share->bytes;
    }
    return SG_OK;
}

size_t sg_view_shares_turn(struct view_shares *shares, const char *owner)
{
    bool its_turn = false;
    while (shares->turn < shares->count && !its_turn) {
        const struct view_share *share = &shares->list[shares->turn++];
        its_turn = strcmp(share->owner, owner) == 0;
        shares->promised -= share->bytes;
    }
    return shares->promised;
}

/* ---- a walk over rings that may not all fit ---- */

void sg_fair_walk_done(struct fair_walk *fair)
{
    sg_view_shares_done(&fair->shares);
}

static sg_status start_pass(struct fair_walk *fair, enum fair_pass which,
                            sg_status (*pass)(void *context, struct sg_error *err), void *context,
                            struct sg_error *err)
{
    fair->pass = which;
    fair->left_out = 0;
    fair->owner = (struct sg_owner_name){.text = ""};
    return pass(context, err);
}

sg_status sg_fair_walk(struct fair_walk *fair,
                       sg_status (*pass)(void *context, struct sg_error *err), void *context,
                       struct sg_error *err)
{
    sg_status s = start_pass(fair, FAIR_ALL, pass, context, err);
    if (!fair->full) {
        return s;
    }
    if (!fair->exact) {
        sg_error_clear(err);
        s = start_pass(fair, FAIR_MEASURE, pass, context, err);
    }
    s = s == SG_OK ? sg_view_shares_divide(&fair->shares, fair->limit, err) : s;
    return s == SG_OK ? start_pass(fair, FAIR_DIVIDED, pass, context, err) : s;
}

static bool measures(const struct fair_walk *fair)
{
    return fair->pass == FAIR_MEASURE || (fair->pass == FAIR_ALL && fair->exact);
}

bool sg_fair_turns(struct fair_walk *fair, const struct sg_ring_ref *ring)
{
    if (strcmp(fair->owner.text, ring->owner.text) == 0) {
        return false;
    }
    fair->owner = ring->owner;
    fair->spent = 0;
    fair->end = fair->limit;
    if (fair->pass == FAIR_DIVIDED) {
        fair->end -= sg_view_shares_turn(&fair->shares, ring->owner.text);
    }
    return true;
}

bool sg_fair_skips(struct fair_walk *fair)
{
    size_t most = measures(fair) ? fair->limit : fair->limit / VAIN_PART;
    bool skips = fair->spent > most;
    fair->left_out += skips ? 1 : 0;
    return skips;
}

sg_status sg_fair_weigh(struct fair_walk *fair, const struct sg_ring_ref *ring, size_t takes,
                        size_t all, bool *stays, struct sg_error *err)
{
    bool fits = all <= fair->end;
    *stays = fits || fair->pass == FAIR_MEASURE;
    fair->full = fair->full || (fair->pass == FAIR_ALL && !fits);
    if (fits && !measures(fair)) {
        return SG_OK;
    }
    size_t vain = fair->limit / RING_PART;
    fair->spent += measures(fair) || takes < vain ? takes : vain;
    if (measures(fair)) {
        return sg_view_shares_add(&fair->shares, ring->owner.text, takes, err);
    }
    if (fair->pass == FAIR_ALL) {
        return sg_fail(err, SG_E_LIMIT, "not_all_rings", "not all rings fit");
    }
    fair->left_out++;
    return SG_OK;
}
