/* Authority profiles and their permits in the store (policy/profile.h says what they mean). Names
 * were checked by sg_profile_name_read. */
#ifndef SIGNET_STORE_PROFILES_H
#define SIGNET_STORE_PROFILES_H

#include <signet/policy/profile.h>
#include <signet/store/store.h>

/** SG_E_CONFLICT "profile_exists"; SG_E_LIMIT "too_many_profiles". appldata: "" for none. */
SG_CHECKED sg_status sg_store_profile_define(struct sg_store *store, enum sg_class class,
                                             const char *name, enum sg_level uacc,
                                             const char *appldata, struct sg_error *err);
/** Change what is not NULL. SG_E_NOT_FOUND "profile_not_found". */
SG_CHECKED sg_status sg_store_profile_alter(struct sg_store *store, enum sg_class class,
                                            const char *name, const enum sg_level *uacc,
                                            const char *appldata, struct sg_error *err);
/** Delete it with its permits. SG_E_NOT_FOUND "profile_not_found". */
SG_CHECKED sg_status sg_store_profile_delete(struct sg_store *store, enum sg_class class,
                                             const char *name, struct sg_error *err);
/** Add a permit or replace its level. SG_E_NOT_FOUND "profile_not_found", "owner_not_found";
 * SG_E_LIMIT "too_many_permits". */
SG_CHECKED sg_status sg_store_permit_set(struct sg_store *store, enum sg_class class,
                                         const char *name, const struct sg_permit *permit,
                                         struct sg_error *err);
/** SG_E_NOT_FOUND "profile_not_found", "permit_not_found". */
SG_CHECKED sg_status sg_store_permit_delete(struct sg_store *store, enum sg_class class,
                                            const char *name, const struct sg_subject *subject,
                                            struct sg_error *err);

/** A number that is another one after every change of profiles and permits, whether it is committed
 * or rolled back: drawn at random, not counted. */
SG_CHECKED sg_status sg_store_profiles_stamp(struct sg_store *store, int64_t *out,
                                             struct sg_error *err);
/** Everything; shared by reference. */
struct sg_profile_set {
    struct sg_profiles profiles;
    unsigned references;
    size_t count;
    struct sg_profile *list;
    struct sg_permit *permits;
    char *texts;
    bool names_group; /**< some permit is for a Unix group */
};
/** One reference, the caller's. */
SG_CHECKED sg_status sg_store_profiles_load(struct sg_store *store, struct sg_profile_set **out,
                                            struct sg_error *err);
struct sg_profile_set *sg_profile_set_ref(struct sg_profile_set *set);
/** Give a reference back; the last one frees. NULL is nothing. */
void sg_profile_set_unref(struct sg_profile_set *set);
SG_DEFINE_CLEANUP(struct sg_profile_set *, sg_profile_set_unref)

#endif
