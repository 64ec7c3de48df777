/* A change of authority is one of the rings whose reading it decides: who waits for changes of a
 * ring learns of it. */
#include "run_internal.h"

#include <string.h>

#include <signet/policy/authority.h>

#define LAST "\x7f" /* of all owners' names: they are ASCII */

struct change {
    const struct sg_profiles *before, *after;
    const char *profile; /* of RDATALIB, that was changed; or NULL */
    const char *owner;   /* whom a Unix user was attached to or detached from; or NULL */
    bool facility;       /* what decides where no profile of RDATALIB does was changed */
    struct sg_store *store;
};

static bool permits_owner(const struct sg_profile *profile, const char *owner)
{
    for (size_t i = 0; i < profile->permit_count; i++) {
        const struct sg_subject *subject = &profile->permits[i].subject;
        if (subject->kind == SG_SUBJECT_OWNER && strcmp(subject->owner.text, owner) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_changed(const struct change *change, const struct sg_profile *profile)
{
    if (change->owner != NULL) {
        return permits_owner(profile, change->owner);
    }
    return change->profile != NULL && strcmp(profile->name, change->profile) == 0;
}

/* Did it decide about the ring before, or does it now? */
static bool decides(const struct change *change, const struct sg_profiles *profiles,
                    const char *owner, const char *ring)
{
    const struct sg_profile *profile = sg_ring_profile(profiles, owner, ring, false);
    return profile == NULL ? change->facility : is_changed(change, profile);
}

static bool is_concerned(void *context, const char *owner, const char *ring)
{
    const struct change *change = context;
    struct sg_profile_name resource;
    sg_ring_resource(owner, ring, false, &resource);
    if (change->profile != NULL && !sg_profile_matches(change->profile, resource.text)) {
        return false;
    }
    return decides(change, change->before, owner, ring) ||
           (change->after != change->before && decides(change, change->after, owner, ring));
}

static sg_status count(struct change *change, struct sg_error *err)
{
    return sg_store_ring_bump_between(change->store, "", LAST, is_concerned, change, err);
}

/* What FACILITY decides of reading rings and using their keys. */
static const enum sg_function functions[] = {SG_FUNCTION_LISTRING, SG_FUNCTION_GENCERT};

static void function_resource(enum sg_function function, char resource[64])
{
    (void)snprintf(resource, 64, "IRR.DIGTCERT.%s", sg_function_name(function));
}

static bool decides_functions(const char *profile)
{
    for (size_t i = 0; i < SG_COUNT(functions); i++) {
        char resource[64];
        function_resource(functions[i], resource);
        if (sg_profile_matches(profile, resource)) {
            return true;
        }
    }
    return false;
}

static bool functions_permit(const struct sg_profiles *profiles, const char *owner)
{
    for (size_t i = 0; i < SG_COUNT(functions); i++) {
        char resource[64];
        function_resource(functions[i], resource);
        const struct sg_profile *profile = sg_profile_find(profiles, SG_CLASS_FACILITY, resource);
        if (profile != NULL && permits_owner(profile, owner)) {
            return true;
        }
    }
    return false;
}

/* Does any profile of rings permit the owner something? Mostly none does, and no ring is looked at.
 */
static bool rings_permit(const struct sg_profiles *profiles, const char *owner)
{
    size_t end = profiles->classes[SG_CLASS_RDATALIB].end;
    for (size_t i = profiles->classes[SG_CLASS_RDATALIB].first; i < end; i++) {
        if (permits_owner(&profiles->list[i], owner)) {
            return true;
        }
    }
    return false;
}

sg_status sg_count_profile(struct sg_run *run, enum sg_class class, const char *profile,
                           struct sg_error *err)
{
    SG_CLEANUP(sg_profile_set_unrefp) struct sg_profile_set *set = NULL;
    struct change change = {.before = run->profiles,
                            .profile = class == SG_CLASS_RDATALIB ? profile : NULL,
                            .facility = class == SG_CLASS_FACILITY && decides_functions(profile),
                            .store = run->service->store};
    if (change.profile == NULL && !change.facility) {
        return SG_OK;
    }
    sg_status s = sg_service_profiles(run->service, &set, err);
    if (s != SG_OK) {
        return s;
    }
    change.after = &set->profiles;
    return count(&change, err);
}

sg_status sg_count_attachment(struct sg_run *run, const char *owner, struct sg_error *err)
{
    struct change change = {.before = run->profiles,
                            .after = run->profiles,
                            .owner = owner,
                            .facility = functions_permit(run->profiles, owner),
                            .store = run->service->store};
    bool elsewhere = change.facility || rings_permit(run->profiles, owner);
    sg_status s = sg_store_ring_bump_owner(change.store, owner, err);
    return s == SG_OK && elsewhere ? count(&change, err) : s;
}
