/* Who gets how much of a view that is too small for all. */
#ifndef SIGNET_OPERATIONS_VIEW_SHARE_H
#define SIGNET_OPERATIONS_VIEW_SHARE_H

#include <signet/base/error.h>
#include <signet/policy/name.h>

/* What one owner's rings take, in bytes. */
struct view_share {
    char owner[SG_OWNER_MAX + 1];
    size_t bytes;
};

struct view_shares {
    struct view_share *list;
    size_t count, capacity;
};
void sg_view_shares_done(struct view_shares *shares);
/* Add a ring. The rings of one owner come one after the other. */
SG_CHECKED sg_status sg_view_shares_add(struct view_shares *shares, const char *owner, size_t bytes,
                                        struct sg_error *err);
/* So much each owner may have when all of them get no more than room bytes: who takes less than an
 * equal share gets it all, and leaves the rest to the others. SIZE_MAX when there is room for
 * everything. */
size_t sg_view_shares_most(const struct view_shares *shares, size_t room);

#endif
