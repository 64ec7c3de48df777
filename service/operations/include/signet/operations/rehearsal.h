/* Rehearsals: operations that change nothing, each upon what the ones before it would have made. A
 * rehearsal is a service of its own: a private copy of the store in memory, a stand-in in the place
 * of each token, signatures that are none (x509/pretence.h), nobody who hears of changes. It
 * belongs to one user and one connection, and ends with that connection. */
#ifndef SIGNET_OPERATIONS_REHEARSAL_H
#define SIGNET_OPERATIONS_REHEARSAL_H

#include <signet/operations/service.h>

#define SG_REHEARSALS_MAX 8                /**< at a time; one of a user */
#define SG_REHEARSALS_RESERVED 2           /**< of them, those that only administrators get */
#define SG_REHEARSAL_LIFE_S 600            /**< seconds */
#define SG_REHEARSAL_ID_LEN 32             /**< hexadecimal digits */
#define SG_REHEARSAL_STORES_MAX 268435456u /**< bytes that all copies together have at first */
#define SG_REHEARSAL_GROWTH_MAX 16777216u  /**< bytes that one may grow by */

/** Let a service hold rehearsals: sets service->rehearsals. */
SG_CHECKED sg_status sg_rehearsals_allow(struct sg_service *service, struct sg_error *err);
/** End all of them; service->rehearsals is NULL afterwards. */
void sg_rehearsals_done(struct sg_service *service);

/** The service of a rehearsal: of this name, this user, over this connection. It lives until the
 * next sg_rehearsals_sweep at least. SG_E_SERVICE "rehearsal_gone" when there is none, or it is
 * somebody else's, or over; "rehearsal_outdated" when profiles, permits or the user's owners have
 * really changed since it was opened. */
SG_CHECKED sg_status sg_rehearsal_find(struct sg_service *service, const char *id, uid_t uid,
                                       uint64_t connection, struct sg_service **out,
                                       struct sg_error *err);
/** A connection has ended, and what was rehearsed over it. May be called while an operation is
 * under way: memory is freed by the next sweep. */
void sg_rehearsals_end_of(struct sg_service *service, uint64_t connection);
/** Free what is over. Not while an operation is under way. */
void sg_rehearsals_sweep(struct sg_service *service);
/** How many there are. */
size_t sg_rehearsals_count(const struct sg_service *service);

#endif
