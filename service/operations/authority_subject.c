/* Whom a permit is for, as a person writes it. */
#include "authority_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <signet/base/ascii.h>
#include <signet/operations/unix_groups.h>
#include <signet/policy/name.h>

#include "unix_names.h"

static sg_status bad_subject(struct sg_error *err, const char *reason)
{
    sg_fail(err, SG_E_INPUT, "bad_subject", "that is nobody: %s", reason);
    return sg_hint(err, "Write owner:START1, user:nginx, user:1001, group:www-data, or * for "
                        "everybody.");
}

static bool is_name(const char *text)
{
    size_t len = strnlen(text, SG_UNIX_NAME);
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] >= 0x7f || text[i] == ':' || text[i] == '/') {
            return false;
        }
    }
    return len > 0 && len < SG_UNIX_NAME;
}

static bool is_number(const char *text, uint32_t *out)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 10 || text[digits] != '\0') {
        return false;
    }
    unsigned long long number = strtoull(text, NULL, 10);
    *out = (uint32_t)number;
    return number < UINT32_MAX; /* (uid_t)-1 is nobody */
}

/* Names of RACF's decks are in upper case, the system's in lower: tried as written, then folded. */
static const char *lower(const char *text, char out[SG_UNIX_NAME])
{
    for (size_t i = 0; i < SG_UNIX_NAME; i++) {
        out[i] = sg_ascii_lower(text[i]);
        if (text[i] == '\0') {
            break;
        }
    }
    return out;
}

static sg_status find_user(const char *name, bool fold, uid_t *out, bool *found,
                           struct sg_error *err)
{
    char folded[SG_UNIX_NAME];
    *found = false;
    if (!is_name(name)) {
        return SG_OK;
    }
    sg_status s = sg_unix_user_find(name, out, found, err);
    return s == SG_OK && !*found && fold ? sg_unix_user_find(lower(name, folded), out, found, err)
                                         : s;
}

static sg_status find_group(const char *name, bool fold, gid_t *out, bool *found,
                            struct sg_error *err)
{
    char folded[SG_UNIX_NAME];
    *found = false;
    if (!is_name(name)) {
        return SG_OK;
    }
    sg_status s = sg_unix_group_find(name, out, found, err);
    return s == SG_OK && !*found && fold ? sg_unix_group_find(lower(name, folded), out, found, err)
                                         : s;
}

/* What is not a name is not repeated. */
static const char *shown(const char *name)
{
    return is_name(name) ? name : "that name";
}

sg_status sg_subject_read_user(const char *text, uid_t *out, struct sg_error *err)
{
    uint32_t number = 0;
    bool found = false;
    if (is_number(text, &number)) {
        *out = number;
        return SG_OK;
    }
    sg_status s = find_user(text, false, out, &found, err);
    if (s == SG_OK && !found) {
        sg_fail(err, SG_E_NOT_FOUND, "unknown_unix_user", "there is no Unix user %s", shown(text));
        return sg_hint(err, "Give a name from \"getent passwd\", or the user's number.");
    }
    return s;
}

static sg_status read_group(const char *text, uint32_t *out, struct sg_error *err)
{
    gid_t gid = 0;
    bool found = false;
    if (is_number(text, out)) {
        return SG_OK;
    }
    sg_status s = find_group(text, false, &gid, &found, err);
    if (s == SG_OK && !found) {
        sg_fail(err, SG_E_NOT_FOUND, "unknown_unix_group", "there is no Unix group %s",
                shown(text));
        return sg_hint(err, "Give a name from \"getent group\", or the group's number.");
    }
    *out = gid;
    return s;
}

static sg_status read_owner(struct sg_service *service, const char *text, bool *exists,
                            struct sg_owner_name *out, struct sg_error *err)
{
    sg_status s = sg_name_user(text, out, err);
    return s == SG_OK ? sg_store_owner_exists(service->store, out->text, exists, err) : s;
}

static sg_status unknown_id(const char *text, struct sg_error *err)
{
    sg_fail(err, SG_E_NOT_FOUND, "unknown_id",
            "%s is neither an owner nor a group or user of "
            "this system",
            shown(text));
    sg_hint(err, "Make the owner: signet owner add NAME, and attach its users; or name a group of "
                 "\"getent group\" or a user of \"getent passwd\".");
    return is_name(text) ? sg_object(err, "%s", text) : err->status;
}

/* What stands behind "kind:", or NULL. */
static const char *after(const char *text, const char *kind)
{
    size_t len = strlen(kind);
    return strncasecmp(text, kind, len) == 0 ? text + len : NULL;
}

static void add_meaning(struct sg_subjects *out, const struct sg_subject *subject)
{
    out->list[out->count++] = *subject;
}

/* RACF's IDs are one name space, the system's names are three: an owner, else a user, else a group
 * is meant. What is found first is meant, whatever the name service does not tell of the others. */
static sg_status read_id(struct sg_service *service, const char *text, struct sg_subjects *out,
                         struct sg_error *err)
{
    struct sg_error ignored = SG_ERROR_INIT;
    struct sg_subject owner = {.kind = SG_SUBJECT_OWNER};
    bool found = false;
    gid_t gid = 0;
    uid_t uid = 0;
    if (read_owner(service, text, &found, &owner.owner, &ignored) == SG_OK && found) {
        add_meaning(out, &owner);
    }
    sg_status s = find_user(text, true, &uid, &found, err);
    if (s == SG_OK && found) {
        add_meaning(out, &(struct sg_subject){.kind = SG_SUBJECT_USER, .id = uid});
    }
    s = s == SG_OK ? find_group(text, true, &gid, &found, err) : s;
    if (s == SG_OK && found) {
        add_meaning(out, &(struct sg_subject){.kind = SG_SUBJECT_GROUP, .id = gid});
    }
    if (s != SG_OK && out->count > 0 && sg_names_failed(err)) {
        out->untold = *err;
        sg_error_clear(err);
        return SG_OK;
    }
    return s == SG_OK && out->count == 0 ? unknown_id(text, err) : s;
}

static sg_status read_kind(struct sg_service *service, const char *text, struct sg_subject *out,
                           struct sg_error *err)
{
    struct sg_subject subject = {.kind = SG_SUBJECT_ALL};
    const char *owner = after(text, "owner:");
    const char *user = after(text, "user:");
    const char *group = after(text, "group:");
    sg_status s = SG_OK;
    if (owner != NULL) {
        bool exists = false;
        subject.kind = SG_SUBJECT_OWNER;
        s = read_owner(service, owner, &exists, &subject.owner, err);
        if (s == SG_OK && !exists) {
            sg_fail(err, SG_E_NOT_FOUND, "owner_not_found", "there is no owner %s",
                    subject.owner.text);
            return sg_hint(err, "signet owner add %s", sg_shell_quote(subject.owner.text).text);
        }
    } else if (user != NULL) {
        subject.kind = SG_SUBJECT_USER;
        s = sg_subject_read_user(user, &subject.id, err);
    } else if (group != NULL) {
        subject.kind = SG_SUBJECT_GROUP;
        s = read_group(group, &subject.id, err);
    } else if (strcmp(text, "*") != 0) {
        return bad_subject(err, "it is not said whether an owner, a user or a group is meant");
    }
    if (s == SG_OK) {
        *out = subject;
    }
    return s;
}

/* ID('user:1002') says itself what is meant. */
static bool says_kind(const char *id)
{
    return strcmp(id, "*") == 0 || after(id, "owner:") != NULL || after(id, "user:") != NULL ||
           after(id, "group:") != NULL;
}

sg_status sg_subject_read(struct sg_service *service, const char *text, struct sg_subjects *out,
                          struct sg_error *err)
{
    const char *id = after(text, "id:");
    *out = (struct sg_subjects){.count = 0};
    if (id != NULL && !says_kind(id)) {
        return read_id(service, id, out, err);
    }
    sg_status s = read_kind(service, id != NULL ? id : text, &out->list[0], err);
    out->count = s == SG_OK ? 1 : 0;
    return s;
}

void sg_subject_name(const struct sg_subject *subject, char *out, size_t size)
{
    char name[SG_UNIX_NAME] = "";
    switch (subject->kind) {
    case SG_SUBJECT_USER:
        sg_unix_user_name(subject->id, name);
        break;
    case SG_SUBJECT_GROUP:
        sg_unix_group_name(subject->id, name);
        break;
    case SG_SUBJECT_OWNER:
    case SG_SUBJECT_ALL:
        break;
    }
    (void)snprintf(out, size, "%s", name);
}
