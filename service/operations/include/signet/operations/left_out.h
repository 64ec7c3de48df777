/* Rings that a user may see and is not shown, for want of room in its view. Kept from one view to
 * the next: for the log, status and ring check. */
#ifndef SIGNET_OPERATIONS_LEFT_OUT_H
#define SIGNET_OPERATIONS_LEFT_OUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <signet/policy/model.h>

#define SG_LEFT_OUT_USERS 32 /**< who is one too many takes the place of the one longest ago */

struct sg_left_out {
    struct sg_left_out_user {
        uid_t uid;
        gid_t gid;
        uint32_t alone;  /**< it asked for this ring and no other; 0: for all */
        uint32_t *rings; /**< their numbers, sorted by owner and name; malloc'd, may be NULL */
        size_t count;    /**< 0: nobody stands here */
        struct sg_ring_ref first;
        int64_t last_s; /**< when the view was made */
    } users[SG_LEFT_OUT_USERS];
};
void sg_left_out_done(struct sg_left_out *left_out);

#endif
