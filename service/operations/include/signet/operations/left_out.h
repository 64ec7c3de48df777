/* Rings that a user may see and is not shown, for want of room in its view. Kept from one view to
 * the next: for the log, status and ring check. */
#ifndef SIGNET_OPERATIONS_LEFT_OUT_H
#define SIGNET_OPERATIONS_LEFT_OUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <signet/policy/model.h>

#define SG_KEYS_LEFT_OUT 256 /**< users and tokens */
#define SG_LEFT_OUT_USERS 32 /**< who is one too many takes the place of the one longest ago */
#define SG_LEFT_OUT_S 86400  /**< so long after the user has looked it is told */

struct sg_left_out {
    struct sg_left_out_user {
        uid_t uid;
        gid_t gid;
        uint32_t alone; /**< it asked for this ring and no other; 0: for all */
        struct sg_left_out_ring {
            uint32_t number;
            uint64_t sequence; /**< of changes, when the view was made */
        } * rings;             /**< by number; malloc'd, may be NULL */
        size_t count;          /**< 0: nobody stands here */
        struct sg_ring_ref first;
        int64_t last_s; /**< when the view was made, or asked for again */
    } users[SG_LEFT_OUT_USERS];
    /** Keys that a user may use, and that its capability has no room for. */
    struct sg_keys_left_out {
        uid_t uid;
        gid_t gid;
        uint32_t alone; /**< likewise */
        char token[SG_TOKEN_NAME_MAX + 1];
        size_t rings;   /**< through which they would be used; 0: nobody stands here */
        uint64_t count; /**< capabilities made so */
        int64_t last_s; /**< the last of them */
    } keys[SG_KEYS_LEFT_OUT];
};
void sg_left_out_done(struct sg_left_out *left_out);
/** A user has asked for a view again, and nothing has changed. */
void sg_left_out_seen(struct sg_left_out *left_out, uid_t uid, gid_t gid, uint32_t alone,
                      int64_t now_s);

#endif
