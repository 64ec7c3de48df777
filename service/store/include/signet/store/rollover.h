/* Staged roll-overs under way (policy/lifecycle.h says what a stage means): which certificate
 * follows which, and what has been done in each ring. */
#ifndef SIGNET_STORE_ROLLOVER_H
#define SIGNET_STORE_ROLLOVER_H

#include <signet/policy/lifecycle.h>
#include <signet/store/store.h>

struct sg_rollover_row {
    int64_t old_id, successor_id;
    struct sg_certificate_name old_name, successor_name; /**< on reading */
    bool made;                     /**< the successor was made by the roll-over */
    int64_t started_s, switched_s; /**< seconds since 1970; switched_s 0: not switched */
};

/** Record that it has been started. A certificate is in one roll-over only: SG_E_STORAGE
 * "store_constraint" otherwise. */
SG_CHECKED sg_status sg_store_rollover_add(struct sg_store *store,
                                           const struct sg_rollover_row *row, struct sg_error *err);
/** switched_s 0: back to started. SG_E_NOT_FOUND "rollover_not_found". */
SG_CHECKED sg_status sg_store_rollover_set_switched(struct sg_store *store, int64_t old_id,
                                                    int64_t switched_s, struct sg_error *err);
/** Forget it, with its notes. SG_E_NOT_FOUND "rollover_not_found". */
SG_CHECKED sg_status sg_store_rollover_end(struct sg_store *store, int64_t old_id,
                                           struct sg_error *err);
/** The one that a certificate is in, as the old one or as the successor; *found tells. */
SG_CHECKED sg_status sg_store_rollover_of(struct sg_store *store, int64_t certificate_id,
                                          struct sg_rollover_row *out, bool *found,
                                          struct sg_error *err);
typedef sg_status (*sg_rollover_sink)(void *context, const struct sg_rollover_row *row,
                                      struct sg_error *err);
/** All of them, by the old certificate's owner and label. */
SG_CHECKED sg_status sg_store_rollover_each(struct sg_store *store, sg_rollover_sink sink,
                                            void *context, struct sg_error *err);

/** What has been done in a ring. */
struct sg_rollover_note {
    int64_t ring_id;
    enum sg_life_note note; /**< not SG_LIFE_NOTE_NONE */
    bool had_own; /**< the successor was connected there before, by somebody: own_usage, own_default
                   */
    enum sg_usage own_usage;
    bool own_default;
};
/** Note it, in the place of what was noted of the ring. */
SG_CHECKED sg_status sg_store_rollover_note(struct sg_store *store, int64_t old_id,
                                            const struct sg_rollover_note *note,
                                            struct sg_error *err);
typedef sg_status (*sg_rollover_note_sink)(void *context, const struct sg_ring_row *ring,
                                           const struct sg_rollover_note *note,
                                           struct sg_error *err);
SG_CHECKED sg_status sg_store_rollover_note_each(struct sg_store *store, int64_t old_id,
                                                 sg_rollover_note_sink sink, void *context,
                                                 struct sg_error *err);
/** Certificates that a ring held until the other one of their roll-over took their place: nobody
 * finds them there any more, but whoever uses their key may go on. Only while the other one stands
 * there as PERSONAL. */
SG_CHECKED sg_status sg_store_rollover_held_each(struct sg_store *store, int64_t ring_id,
                                                 sg_certificate_sink sink, void *context,
                                                 struct sg_error *err);

/** Certificates with this issuer's name that a ring holds or that are issuers themselves. */
SG_CHECKED sg_status sg_store_issued_each(struct sg_store *store, struct sg_bytes issuer,
                                          sg_certificate_sink sink, void *context,
                                          struct sg_error *err);

#endif
