/* Who a Unix user is to us: administrator by the configuration, owners by the store, groups by the
 * system. */
#include <signet/operations/service.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_internal.h"

void sg_loaded_caller_done(struct sg_loaded_caller *loaded)
{
    free(loaded->names);
    free(loaded->pointers);
    free(loaded->groups);
}

static bool is_administrator(const struct sg_service *service, uid_t uid)
{
    for (size_t i = 0; i < service->administrator_count; i++) {
        if (service->administrators[i] == uid) {
            return true;
        }
    }
    return false;
}

static sg_status point_at_names(struct sg_loaded_caller *out, size_t count, struct sg_error *err)
{
    out->pointers = calloc(count + 1, sizeof *out->pointers);
    if (out->pointers == NULL) {
        return sg_fail_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        out->pointers[i] = out->names[i].text;
    }
    return SG_OK;
}

/* Groups give an administrator nothing, and who must see to a name service that hangs does not wait
 * for it. While no profile permits a group, they give nobody anything. */
static sg_status groups_matter(struct sg_service *service, uid_t uid, bool *out,
                               struct sg_error *err)
{
    SG_CLEANUP(sg_profile_set_unrefp) struct sg_profile_set *set = NULL;
    *out = false;
    if (is_administrator(service, uid)) {
        return SG_OK;
    }
    sg_status s = sg_service_profiles(service, &set, err);
    *out = s == SG_OK && set->names_group;
    return s;
}

static sg_status load_groups(struct sg_service *service, uid_t uid, gid_t gid,
                             struct sg_loaded_caller *out, size_t *count, struct sg_error *err)
{
    const struct sg_groups *source = &service->groups;
    bool matter = false;
    sg_status s = groups_matter(service, uid, &matter, err);
    if (s != SG_OK) {
        return s;
    }
    if (matter) {
        return source->of_user(source->context, uid, gid, &out->groups, count, err);
    }
    out->groups = calloc(1, sizeof *out->groups);
    if (out->groups == NULL) {
        return sg_fail_memory(err);
    }
    out->groups[0] = gid;
    *count = 1;
    return SG_OK;
}

sg_status sg_caller_load(struct sg_service *service, uid_t uid, gid_t gid,
                         struct sg_loaded_caller *out, struct sg_error *err)
{
    size_t owners = 0;
    size_t groups = 0;
    sg_status s = sg_store_owners_of_uid(service->store, uid, &out->names, &owners, err);
    s = s == SG_OK ? point_at_names(out, owners, err) : s;
    s = s == SG_OK ? load_groups(service, uid, gid, out, &groups, err) : s;
    if (s != SG_OK) {
        return s;
    }
    out->caller = (struct sg_caller){.uid = uid,
                                     .gid = gid,
                                     .administrator = is_administrator(service, uid),
                                     .nobody = (int64_t)uid == sg_overflow_uid(),
                                     .owners = out->pointers,
                                     .owner_count = owners,
                                     .groups = out->groups,
                                     .group_count = groups};
    return SG_OK;
}

sg_status sg_caller_as_owner(const char *owner, struct sg_loaded_caller *out, struct sg_error *err)
{
    out->names = calloc(1, sizeof *out->names);
    if (out->names == NULL) {
        return sg_fail_memory(err);
    }
    (void)snprintf(out->names[0].text, sizeof out->names[0].text, "%s", owner);
    sg_status s = point_at_names(out, 1, err);
    if (s == SG_OK) {
        out->caller = (struct sg_caller){
            .uid = (uid_t)-1, .gid = (gid_t)-1, .owners = out->pointers, .owner_count = 1};
    }
    return s;
}
