/* Who gets how much of what is too small for all: a view, a list of granted keys. */
#ifndef SIGNET_OPERATIONS_VIEW_SHARE_H
#define SIGNET_OPERATIONS_VIEW_SHARE_H

#include <stdbool.h>

#include <signet/base/error.h>
#include <signet/policy/name.h>

/* What one owner's rings take, in bytes (of keys: in rows): all that they need, also what others
 * have as well. */
struct view_share {
    char owner[SG_OWNER_MAX + 1];
    size_t bytes;
};

struct view_shares {
    struct view_share *list; /* in the order of the rings */
    size_t count, capacity;
    size_t turn;     /* whose it is next */
    size_t promised; /* bytes, to those whose turn has not come */
};
void sg_view_shares_done(struct view_shares *shares);
/* Add a ring. The rings of one owner come one after the other. */
SG_CHECKED sg_status sg_view_shares_add(struct view_shares *shares, const char *owner, size_t bytes,
                                        struct sg_error *err);
/* Divide room bytes: who takes less than an equal share is promised all of it, and leaves the rest
 * to the others. Then no owner has had a turn. */
SG_CHECKED sg_status sg_view_shares_divide(struct view_shares *shares, size_t room,
                                           struct sg_error *err);
/* It is this owner's turn, in the order in which they were added. The bytes that are promised to
 * those behind it, which it must leave free: so what one owner does not use, or has in common with
 * one before it, is there for the next. */
size_t sg_view_shares_turn(struct view_shares *shares, const char *owner);

/* ---- a walk over rings that may not all fit ---- */

/* When not all fit, what each owner needs is measured, and then it is divided. */
enum fair_pass { FAIR_ALL, FAIR_MEASURE, FAIR_DIVIDED };

struct fair_walk {
    size_t limit; /* of all rings together; the maker fills it in */
    bool exact;   /* what a ring takes depends on no other: the first walk measures */
    enum fair_pass pass;
    bool full;                  /* FAIR_ALL: not all fit */
    struct view_shares shares;  /* what each owner needs, or is promised */
    struct sg_owner_name owner; /* whose ring was last */
    size_t end;                 /* what there may be in all with its rings */
    size_t spent;               /* what was measured for it, or made in vain */
    size_t left_out;            /* rings */
};
void sg_fair_walk_done(struct fair_walk *fair);
/* Walk over all rings, from the beginning: once, and when that finds that not all fit, twice more
 * (once more when .exact). */
SG_CHECKED sg_status sg_fair_walk(struct fair_walk *fair,
                                  sg_status (*pass)(void *context, struct sg_error *err),
                                  void *context, struct sg_error *err);
/* Is it the first ring of another owner? When FAIR_MEASURE is on, begin again with nothing: each
 * owner is measured alone. */
bool sg_fair_turns(struct fair_walk *fair, const struct sg_ring_ref *ring);
/* Is the ring left out without having been made? An owner who needs the whole is measured no
 * further, and one for whom an eighth of it was made in vain gets no more; of one ring a 32nd
 * counts at most. */
bool sg_fair_skips(struct fair_walk *fair);
/* The ring takes so much, with which there is so much in all (SIZE_MAX: it could not be made).
 * *stays: whether it may; otherwise take it away again. SG_E_LIMIT ends a first walk that does not
 * measure. */
SG_CHECKED sg_status sg_fair_weigh(struct fair_walk *fair, const struct sg_ring_ref *ring,
                                   size_t takes, size_t all, bool *stays, struct sg_error *err);

#endif
