#include <signet/store/profiles.h>

#include <string.h>

#include <signet/base/shell.h>

#include "store_internal.h"

static sg_status name_object(struct sg_error *err, enum sg_class class, const char *name)
{
    return sg_object(err, "%s %.280s", sg_class_name(class), name);
}

static sg_status profile_missing(enum sg_class class, const char *name, struct sg_error *err)
{
    (void)sg_fail(err, SG_E_NOT_FOUND, "profile_not_found", "class %s has no profile %.280s",
                  sg_class_name(class), name);
    (void)sg_hint(err, "See what there is: signet authority list %s", sg_class_name(class));
    return name_object(err, class, name);
}

static void bind_key(struct sg_query *query, enum sg_class class, const char *name)
{
    sg_query_int(query, (int64_t) class);
    sg_query_text(query, name);
}

/* Room for one more: of profiles (column 0) or permits (column 1). */
static sg_status check_room(struct sg_store *store, int column, int64_t max, const char *code,
                            struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    sg_status s = sg_query_open(store, SG_Q_PROFILE_SIZES, &query, err);
    s = s == SG_OK ? sg_query_step(&query, &row, "counting the profiles", err) : s;
    if (s == SG_OK && sqlite3_column_int64(query.stmt, column) >= max) {
        (void)sg_fail(err, SG_E_LIMIT, code, "there are %lld already, which is the maximum",
                      (long long)max);
        return sg_hint(err, "Let one generic profile stand for many: START1.**.LST");
    }
    return s;
}

sg_status sg_store_profile_define(struct sg_store *store, enum sg_class class, const char *name,
                                  enum sg_level uacc, const char *appldata, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = check_room(store, 0, SG_PROFILES_MAX, "too_many_profiles", err);
    s = s == SG_OK ? sg_query_open(store, SG_Q_PROFILE_ADD, &query, err) : s;
    if (s != SG_OK) {
        return s;
    }
    bind_key(&query, class, name);
    sg_query_int(&query, (int64_t)uacc);
    sg_query_text(&query, appldata);
    int rc = sg_query_try(&query);
    if (rc == SQLITE_CONSTRAINT_UNIQUE) {
        (void)sg_fail(err, SG_E_CONFLICT, "profile_exists", "class %s has a profile %.280s already",
                      sg_class_name(class), name);
        (void)sg_hint(err, "Change it: signet authority alter %s %s", sg_class_name(class),
                      sg_shell_quote(name).text);
        return name_object(err, class, name);
    }
    return rc == SQLITE_DONE ? SG_OK : sg_store_fail(store, rc, "adding a profile", err);
}

/* A statement whose last two parameters are class and name, and which must hit a profile. */
static sg_status run_on_profile(struct sg_query *query, enum sg_class class, const char *name,
                                struct sg_error *err)
{
    bind_key(query, class, name);
    sg_status s = sg_query_run(query, "changing a profile", err);
    return s == SG_OK && sqlite3_changes(query->store->db) == 0 ? profile_missing(class, name, err)
                                                                : s;
}

sg_status sg_store_profile_alter(struct sg_store *store, enum sg_class class, const char *name,
                                 const enum sg_level *uacc, const char *appldata,
                                 struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_PROFILE_ALTER, &query, err);
    if (s != SG_OK) {
        return s;
    }
    if (uacc != NULL) {
        sg_query_int(&query, (int64_t)*uacc);
    } else {
        sg_query_null(&query);
    }
    if (appldata != NULL) {
        sg_query_text(&query, appldata);
    } else {
        sg_query_null(&query);
    }
    return run_on_profile(&query, class, name, err);
}

sg_status sg_store_profile_delete(struct sg_store *store, enum sg_class class, const char *name,
                                  struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_PROFILE_DELETE, &query, err);
    return s == SG_OK ? run_on_profile(&query, class, name, err) : s;
}

static sg_status find(struct sg_store *store, enum sg_class class, const char *name, int64_t *id,
                      struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    sg_status s = sg_query_open(store, SG_Q_PROFILE_ID, &query, err);
    if (s != SG_OK) {
        return s;
    }
    bind_key(&query, class, name);
    s = sg_query_step(&query, &row, "looking for a profile", err);
    if (s == SG_OK && !row) {
        return profile_missing(class, name, err);
    }
    *id = s == SG_OK ? sqlite3_column_int64(query.stmt, 0) : 0;
    return s;
}

static void bind_subject(struct sg_query *query, const struct sg_subject *subject)
{
    sg_query_int(query, (int64_t)subject->kind);
    if (subject->kind == SG_SUBJECT_OWNER) {
        sg_query_text(query, subject->owner.text);
    } else {
        sg_query_null(query);
    }
    bool numbered = subject->kind == SG_SUBJECT_USER || subject->kind == SG_SUBJECT_GROUP;
    sg_query_int(query, numbered ? subject->id : 0);
}

sg_status sg_store_permit_set(struct sg_store *store, enum sg_class class, const char *name,
                              const struct sg_permit *permit, struct sg_error *err)
{
    SG_QUERY query = {0};
    int64_t id = 0;
    sg_status s = find(store, class, name, &id, err);
    s = s == SG_OK ? check_room(store, 1, SG_PERMITS_MAX, "too_many_permits", err) : s;
    s = s == SG_OK ? sg_query_open(store, SG_Q_PERMIT_SET, &query, err) : s;
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, id);
    bind_subject(&query, &permit->subject);
    sg_query_int(&query, (int64_t)permit->level);
    int rc = sg_query_try(&query);
    if (rc == SQLITE_CONSTRAINT_FOREIGNKEY) {
        return sg_owner_missing(permit->subject.owner.text, err);
    }
    return rc == SQLITE_DONE ? SG_OK : sg_store_fail(store, rc, "adding a permit", err);
}

sg_status sg_store_permit_delete(struct sg_store *store, enum sg_class class, const char *name,
                                 const struct sg_subject *subject, struct sg_error *err)
{
    SG_QUERY query = {0};
    int64_t id = 0;
    sg_status s = find(store, class, name, &id, err);
    s = s == SG_OK ? sg_query_open(store, SG_Q_PERMIT_DELETE, &query, err) : s;
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, id);
    bind_subject(&query, subject);
    s = sg_query_run(&query, "removing a permit", err);
    if (s == SG_OK && sqlite3_changes(store->db) == 0) {
        (void)sg_fail(err, SG_E_NOT_FOUND, "permit_not_found",
                      "profile %.280s permits %s nothing by that name", name,
                      sg_subject_text(subject).text);
        (void)sg_hint(err, "See whom it permits: signet authority show %s %s", sg_class_name(class),
                      sg_shell_quote(name).text);
        return name_object(err, class, name);
    }
    return s;
}

/* ---- the snapshot ---- */

sg_status sg_store_profiles_stamp(struct sg_store *store, int64_t *out, struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    sg_status s = sg_query_open(store, SG_Q_PROFILE_STAMP, &query, err);
    s = s == SG_OK ? sg_query_step(&query, &row, "reading the authority's stamp", err) : s;
    if (s == SG_OK) {
        *out = row ? sqlite3_column_int64(query.stmt, 0) : 0;
    }
    return s;
}

struct sg_profile_set *sg_profile_set_ref(struct sg_profile_set *set)
{
    set->references++;
    return set;
}

void sg_profile_set_unref(struct sg_profile_set *set)
{
    if (set != NULL && --set->references == 0) {
        free(set->list);
        free(set->permits);
        free(set->texts);
        free(set);
    }
}

static sg_status make_room(struct sg_store *store, struct sg_profile_set *set, size_t *texts,
                           size_t *permits, struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    sg_status s = sg_query_open(store, SG_Q_PROFILE_SIZES, &query, err);
    s = s == SG_OK ? sg_query_step(&query, &row, "counting the profiles", err) : s;
    if (s != SG_OK) {
        return s;
    }
    size_t count = (size_t)sqlite3_column_int64(query.stmt, 0);
    *permits = (size_t)sqlite3_column_int64(query.stmt, 1);
    *texts = (size_t)sqlite3_column_int64(query.stmt, 2) + 2 * count; /* each ends with a NUL */
    set->count = count;
    set->list = calloc(count + 1, sizeof *set->list);
    set->permits = calloc(*permits + 1, sizeof *set->permits);
    set->texts = calloc(*texts + 1, 1);
    return set->list != NULL && set->permits != NULL && set->texts != NULL ? SG_OK
                                                                           : sg_fail_memory(err);
}

/* Where the next text goes, and how much room is left. */
struct arena {
    char *next;
    size_t left;
};

static sg_status take_text(struct sg_query *query, int column, struct arena *arena,
                           const char **out, struct sg_error *err)
{
    sg_status s = sg_query_column(query, column, arena->next, arena->left, err);
    if (s != SG_OK) {
        return s;
    }
    size_t len = strlen(arena->next) + 1;
    *out = arena->next;
    arena->next += len;
    arena->left -= len;
    return SG_OK;
}

static sg_status read_profiles(struct sg_store *store, struct sg_profile_set *set, size_t texts,
                               struct sg_error *err)
{
    SG_QUERY query = {0};
    struct arena arena = {set->texts, texts};
    sg_status s = sg_query_open(store, SG_Q_PROFILES, &query, err);
    for (size_t i = 0; s == SG_OK && i < set->count; i++) {
        bool row = false;
        struct sg_profile *profile = &set->list[i];
        s = sg_query_step(&query, &row, "reading the profiles", err);
        if (s != SG_OK || !row) {
            break;
        }
        profile->class = (enum sg_class)sqlite3_column_int(query.stmt, 0);
        profile->uacc = (enum sg_level)sqlite3_column_int(query.stmt, 1);
        profile->permit_count = (size_t)sqlite3_column_int64(query.stmt, 2);
        s = take_text(&query, 3, &arena, &profile->name, err);
        s = s == SG_OK ? take_text(&query, 4, &arena, &profile->appldata, err) : s;
    }
    return s;
}

static sg_status read_permit(struct sg_query *query, struct sg_permit *out, struct sg_error *err)
{
    out->subject.kind = (enum sg_subject_kind)sqlite3_column_int(query->stmt, 0);
    out->subject.id = (uint32_t)sqlite3_column_int64(query->stmt, 2);
    out->level = (enum sg_level)sqlite3_column_int(query->stmt, 3);
    return out->subject.kind == SG_SUBJECT_OWNER
               ? sg_query_column(query, 1, out->subject.owner.text, sizeof out->subject.owner.text,
                                 err)
               : SG_OK;
}

/* In the order of the profiles, so that each has its own in one piece. */
static sg_status read_permits(struct sg_store *store, struct sg_profile_set *set, size_t permits,
                              struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_PERMITS, &query, err);
    for (size_t i = 0; s == SG_OK && i < permits; i++) {
        bool row = false;
        s = sg_query_step(&query, &row, "reading the permits", err);
        if (s != SG_OK || !row) {
            break;
        }
        s = read_permit(&query, &set->permits[i], err);
        bool group = s == SG_OK && set->permits[i].subject.kind == SG_SUBJECT_GROUP;
        set->names_group = set->names_group || group;
    }
    size_t next = 0;
    for (size_t i = 0; i < set->count; i++) {
        set->list[i].permits = set->permits + next;
        next += set->list[i].permit_count;
    }
    return s;
}

sg_status sg_store_profiles_load(struct sg_store *store, struct sg_profile_set **out,
                                 struct sg_error *err)
{
    size_t texts = 0;
    size_t permits = 0;
    SG_CLEANUP(sg_profile_set_unrefp)
    struct sg_profile_set *set = calloc(1, sizeof *set);
    if (set == NULL) {
        return sg_fail_memory(err);
    }
    set->references = 1;
    sg_status s = make_room(store, set, &texts, &permits, err);
    s = s == SG_OK ? read_profiles(store, set, texts + 1, err) : s;
    s = s == SG_OK ? read_permits(store, set, permits, err) : s;
    if (s != SG_OK) {
        return s;
    }
    sg_profiles_index(set->list, set->count, &set->profiles);
    *out = SG_STEAL(set);
    return SG_OK;
}
