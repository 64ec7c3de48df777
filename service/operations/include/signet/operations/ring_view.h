/* What a caller sees and may use through the ring socket, from the store and the rules. */
#ifndef SIGNET_OPERATIONS_RING_VIEW_H
#define SIGNET_OPERATIONS_RING_VIEW_H

#include <signet/operations/service.h>

/** Write the caller's view: of all rings that it may see, or (ring not 0) of that one if it may. Of
 * all there are no more than 8,192 rings and certificates in it, for everybody waits meanwhile.
 * token_index gives a token's number for its configured name (< 0: unknown, its keys are left out).
 * *out_fd: a sealed memfd, the caller's to close. */
SG_CHECKED sg_status sg_ring_view_write(struct sg_service *service, const struct sg_caller *caller,
                                        uint32_t ring, uint64_t generation,
                                        int (*token_index)(void *context, const char *name),
                                        void *context, int *out_fd, struct sg_error *err);
/** The keys of one token that the caller may use, through each of its rings or through one:
 * malloc'd array, sorted, each once for a ring; may be NULL when *count is 0. Of the rings
 * that the view is made of, also where it had no room for them. When there are more than a
 * capability can have, each ring's owner gets an equal share at least, ring by ring, and the log
 * says so. */
SG_CHECKED sg_status sg_ring_keys(struct sg_service *service, const struct sg_caller *caller,
                                  uint32_t ring, const char *token, struct sg_granted_key **out,
                                  size_t *count, struct sg_error *err);

#endif
