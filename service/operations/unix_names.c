#include "unix_names.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unix_pace_internal.h"

#define ROOM 65536      /* bytes: a group's members stand in its entry */
#define GROUPS_MAX 1024 /* of one user */

struct number {
    char text[24];
};

static sg_status failed(int error, const char *what, const char *name, struct sg_error *err)
{
    if (error == ENOMEM) {
        return sg_fail_memory(err);
    }
    errno = error;
    sg_fail_errno(err, SG_E_SERVICE, "name_service", "cannot look up the %s %.64s", what, name);
    return sg_hint(err, "The system's name service failed: getent %s",
                   what[0] == 'g' ? "group" : "passwd");
}

/* These say "there is none" in several ways (getpwnam_r(3)). */
static bool is_absent(int error)
{
    return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

sg_status sg_unix_user_find(const char *name, uid_t *uid, bool *found, struct sg_error *err)
{
    struct passwd entry;
    struct passwd *result = NULL;
    SG_FREE char *room = malloc(ROOM);
    if (sg_names_rest()) {
        return sg_names_resting("user", name, err);
    }
    struct sg_look_up look_up = sg_look_up_begin("user", name);
    int error = room == NULL ? ENOMEM : getpwnam_r(name, &entry, room, ROOM, &result);
    sg_look_up_end(&look_up);
    if (result == NULL && !is_absent(error)) {
        return failed(error, "user", name, err);
    }
    *found = result != NULL;
    *uid = result != NULL ? result->pw_uid : *uid;
    return SG_OK;
}

sg_status sg_unix_group_find(const char *name, gid_t *gid, bool *found, struct sg_error *err)
{
    struct group entry;
    struct group *result = NULL;
    SG_FREE char *room = malloc(ROOM);
    if (sg_names_rest()) {
        return sg_names_resting("group", name, err);
    }
    struct sg_look_up look_up = sg_look_up_begin("group", name);
    int error = room == NULL ? ENOMEM : getgrnam_r(name, &entry, room, ROOM, &result);
    sg_look_up_end(&look_up);
    if (result == NULL && !is_absent(error)) {
        return failed(error, "group", name, err);
    }
    *found = result != NULL;
    *gid = result != NULL ? result->gr_gid : *gid;
    return SG_OK;
}

static struct number number_text(unsigned long number)
{
    struct number it;
    (void)snprintf(it.text, sizeof it.text, "%lu", number);
    return it;
}

/* As getpwuid_r. */
static int find_by_uid(uid_t uid, struct passwd *entry, char *room, struct passwd **result)
{
    struct sg_look_up look_up = sg_look_up_begin("user", number_text(uid).text);
    int error = room == NULL ? ENOMEM : getpwuid_r(uid, entry, room, ROOM, result);
    sg_look_up_end(&look_up);
    return error;
}

void sg_unix_user_name(uid_t uid, char out[SG_UNIX_NAME])
{
    struct passwd entry;
    struct passwd *result = NULL;
    SG_FREE char *room = malloc(ROOM);
    out[0] = '\0';
    if (!sg_names_rest() && find_by_uid(uid, &entry, room, &result) == 0 && result != NULL) {
        (void)snprintf(out, SG_UNIX_NAME, "%s", result->pw_name);
    }
}

void sg_unix_group_name(gid_t gid, char out[SG_UNIX_NAME])
{
    struct group entry;
    struct group *result = NULL;
    SG_FREE char *room = malloc(ROOM);
    out[0] = '\0';
    if (room == NULL || sg_names_rest()) {
        return;
    }
    struct sg_look_up look_up = sg_look_up_begin("group", number_text(gid).text);
    if (getgrgid_r(gid, &entry, room, ROOM, &result) == 0 && result != NULL) {
        (void)snprintf(out, SG_UNIX_NAME, "%s", result->gr_name);
    }
    sg_look_up_end(&look_up);
}

bool sg_unix_primary_group(uid_t uid, gid_t *out)
{
    struct passwd entry;
    struct passwd *result = NULL;
    SG_FREE char *room = malloc(ROOM);
    if (sg_names_rest() || find_by_uid(uid, &entry, room, &result) != 0 || result == NULL) {
        return false;
    }
    *out = result->pw_gid;
    return true;
}

/* ---- a user's groups ---- */

static int compare(const void *a, const void *b)
{
    gid_t left = *(const gid_t *)a;
    gid_t right = *(const gid_t *)b;
    return (left > right) - (left < right);
}

static bool lists(const struct group *group, const char *user)
{
    for (char **member = group->gr_mem; member != NULL && *member != NULL; member++) {
        if (strcmp(*member, user) == 0) {
            return true;
        }
    }
    return false;
}

static sg_status unfound(struct sg_groups_before *before, const char *kind, const char *name,
                         struct sg_error *err)
{
    before->unfound = true;
    if (before->overdue) {
        return SG_OK;
    }
    sg_fail(err, SG_E_SERVICE, "name_service", "the %s %s is not found any more", kind, name);
    return sg_hint(err,
                   "It was deleted, or the system's name service failed; its members keep it for a "
                   "while: getent %s %s",
                   kind[0] == 'g' ? "group" : "passwd", name);
}

/* Of a group that the user had and is not told of now. What is found and does not list the user is
 * lost: also one that is too long to be read. */
static sg_status check_loss(struct sg_groups_before *before, gid_t gid, const char *user,
                            struct sg_error *err)
{
    struct group entry;
    struct group *result = NULL;
    const struct number number = number_text(gid);
    SG_FREE char *room = malloc(ROOM);
    int error = room == NULL ? ENOMEM : getgrgid_r(gid, &entry, room, ROOM, &result);
    if (error == ERANGE) {
        return SG_OK;
    }
    if (result == NULL) {
        return is_absent(error) ? unfound(before, "group", number.text, err)
                                : failed(error, "group", number.text, err);
    }
    if (!lists(result, user) || before->overdue) {
        return SG_OK;
    }
    before->unfound = true;
    sg_fail(err, SG_E_SERVICE, "name_service",
            "the group %s lists the user %.64s, whose groups lack it", number.text, user);
    return sg_hint(err, "The system's name service failed: getent initgroups %.64s", user);
}

/* getgrouplist cannot say that a source failed: it gives what the others have. user: NULL when
 * there is none. */
static sg_status check_losses(struct sg_groups_before *before, uid_t uid, const char *user,
                              const gid_t *groups, size_t count, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < before->count; i++) {
        if (bsearch(&before->list[i], groups, count, sizeof *groups, compare) == NULL) {
            s = user != NULL ? check_loss(before, before->list[i], user, err)
                             : unfound(before, "user", number_text(uid).text, err);
        }
    }
    return s;
}

/* groups has room for one more than GROUPS_MAX. */
static sg_status list_groups(uid_t uid, gid_t gid, struct sg_groups_before *before, gid_t *groups,
                             size_t *count, struct sg_error *err)
{
    struct passwd entry;
    struct passwd *result = NULL;
    SG_FREE char *room = malloc(ROOM);
    int found = GROUPS_MAX;
    int error = room == NULL ? ENOMEM : getpwuid_r(uid, &entry, room, ROOM, &result);
    bool known = result != NULL;
    if (!known && !is_absent(error)) {
        return failed(error, "user", number_text(uid).text, err);
    }
    int listed = known ? getgrouplist(result->pw_name, result->pw_gid, groups, &found) : -1;
    if (listed < 0) {
        found = found > GROUPS_MAX && known ? GROUPS_MAX : 0;
    }
    groups[found] = gid; /* the one it runs with, which it may have from newgrp or systemd */
    *count = (size_t)found + 1;
    qsort(groups, *count, sizeof *groups, compare);
    return before == NULL
               ? SG_OK
               : check_losses(before, uid, known ? result->pw_name : NULL, groups, *count, err);
}

sg_status sg_unix_groups(uid_t uid, gid_t gid, struct sg_groups_before *before, gid_t **out,
                         size_t *count, struct sg_error *err)
{
    SG_FREE gid_t *groups = calloc(GROUPS_MAX + 1, sizeof *groups);
    if (groups == NULL) {
        return sg_fail_memory(err);
    }
    if (sg_names_rest()) {
        return sg_names_resting("user", number_text(uid).text, err);
    }
    struct sg_look_up look_up = sg_look_up_begin("user", number_text(uid).text);
    sg_status s = list_groups(uid, gid, before, groups, count, err);
    sg_look_up_end(&look_up);
    if (s == SG_OK) {
        *out = SG_STEAL(groups);
    }
    return s;
}
