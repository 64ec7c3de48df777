/* What a view leaves out: noted when it is made, told by status and ring check. */
#ifndef SIGNET_OPERATIONS_LEFT_OUT_INTERNAL_H
#define SIGNET_OPERATIONS_LEFT_OUT_INTERNAL_H

#include "ring_check_internal.h"

/** Bytes that a view of this service may have. */
size_t sg_view_limit(const struct sg_service *service);
/** A view was made for a user: everything but .last_s is filled in, .count 0: nothing was left out.
 * A line in the log, if that is not what it was the time before. Takes .rings. */
void sg_left_out_note(struct sg_service *service, struct sg_left_out_user *now);
/** A list of a token's keys was made for a user, of so many at most, without those of so many
 * rings. A line in the log, likewise; more users than there are rows have one a minute at most. */
void sg_keys_left_out_note(struct sg_service *service, const struct sg_keys_left_out *now,
                           size_t limit);
/** Say of everybody who is not shown all rings how many, and which is the first. What has changed
 * since the user looked is not told, nor what was seen longer than SG_LEFT_OUT_S ago. */
SG_CHECKED sg_status sg_left_out_status(struct sg_run *run, struct sg_error *err);
/** Say who is not shown the ring that is checked, likewise. */
SG_CHECKED sg_status sg_ring_check_room(struct sg_ring_check *check, struct sg_error *err);

#endif
