#include "store_internal.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/shell.h>

sg_status sg_owner_missing(const char *owner, struct sg_error *err)
{
    (void)sg_fail(err, SG_E_NOT_FOUND, "owner_not_found", "owner %s does not exist", owner);
    (void)sg_object(err, "%s", owner);
    return sg_hint(err, "An administrator makes it: signet owner add %s",
                   sg_shell_quote(owner).text);
}

sg_status sg_store_owner_add(struct sg_store *store, const char *owner, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_OWNER_ADD, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, owner);
    int rc = sg_query_try(&query);
    if (rc == SQLITE_DONE) {
        return SG_OK;
    }
    if (rc == SQLITE_CONSTRAINT_PRIMARYKEY) {
        (void)sg_fail(err, SG_E_CONFLICT, "owner_exists", "owner %s exists already", owner);
        err->sql = rc;
        return sg_object(err, "%s", owner);
    }
    return sg_store_fail(store, rc, "adding an owner", err);
}

sg_status sg_store_owner_exists(struct sg_store *store, const char *owner, bool *exists,
                                struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_OWNER_EXISTS, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, owner);
    return sg_query_step(&query, exists, "looking for an owner", err);
}

/* ---- Unix users ---- */

static sg_status attach_refused(struct sg_store *store, int rc, const char *owner, uid_t uid,
                                struct sg_error *err)
{
    if (rc == SQLITE_CONSTRAINT_PRIMARYKEY) {
        (void)sg_fail(err, SG_E_CONFLICT, "already_attached",
                      "uid %lu is attached to owner %s already", (unsigned long)uid, owner);
    } else if (rc == SQLITE_CONSTRAINT_FOREIGNKEY) {
        (void)sg_owner_missing(owner, err);
    } else if (rc == SQLITE_CONSTRAINT_CHECK) {
        (void)sg_fail(err, SG_E_INPUT, "cannot_attach", "uid %lu cannot be attached to owner %s",
                      (unsigned long)uid, owner);
        (void)sg_hint(
            err,
            "Real Unix users are attached to user IDs: not the overflow uid, and not to CERTAUTH or SITE.");
    } else {
        return sg_store_fail(store, rc, "attaching a user", err);
    }
    err->sql = rc;
    return sg_object(err, "%s", owner);
}

sg_status sg_store_owner_attach(struct sg_store *store, const char *owner, uid_t uid,
                                struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_ATTACH, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, owner);
    sg_query_int(&query, uid);
    int rc = sg_query_try(&query);
    return rc == SQLITE_DONE ? SG_OK : attach_refused(store, rc, owner, uid, err);
}

sg_status sg_store_owner_detach(struct sg_store *store, const char *owner, uid_t uid,
                                struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_DETACH, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, owner);
    sg_query_int(&query, uid);
    s = sg_query_run(&query, "detaching a user", err);
    if (s == SG_OK && sqlite3_changes(store->db) == 0) {
        (void)sg_fail(err, SG_E_NOT_FOUND, "not_attached", "uid %lu is not attached to owner %s",
                      (unsigned long)uid, owner);
        return sg_object(err, "%s", owner);
    }
    return s;
}

/* ---- listings ---- */

struct names {
    struct sg_owner_name *items;
    size_t count, capacity;
};

static void names_done(struct names *names)
{
    free(names->items);
}

static sg_status add_name(struct names *names, struct sg_query *query, struct sg_error *err)
{
    if (names->count == names->capacity) {
        size_t capacity = names->capacity == 0 ? 8 : names->capacity * 2;
        struct sg_owner_name *items = reallocarray(names->items, capacity, sizeof *items);
        if (items == NULL) {
            return sg_fail_memory(err);
        }
        names->items = items;
        names->capacity = capacity;
    }
    char *text = names->items[names->count].text;
    sg_status s = sg_query_column(query, 0, text, sizeof names->items[0].text, err);
    names->count += s == SG_OK;
    return s;
}

static sg_status read_names(struct sg_query *query, struct names *names, struct sg_error *err)
{
    for (;;) {
        bool row = false;
        sg_status s = sg_query_step(query, &row, "reading the owners", err);
        if (s != SG_OK || !row) {
            return s;
        }
        s = add_name(names, query, err);
        if (s != SG_OK) {
            return s;
        }
    }
}

sg_status sg_store_owners_of_uid(struct sg_store *store, uid_t uid, struct sg_owner_name **out,
                                 size_t *count, struct sg_error *err)
{
    SG_CLEANUP(names_done) struct names names = {0};
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_OWNERS_OF_UID, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, uid);
    s = read_names(&query, &names, err);
    if (s == SG_OK) {
        *count = names.count;
        *out = SG_STEAL(names.items);
    }
    return s;
}

/* What a listing says of one owner. */
struct summary {
    uint64_t certificates, rings;
    uid_t *uids;
    size_t uid_count;
};

static void summary_done(struct summary *summary)
{
    free(summary->uids);
}

static sg_status read_counts(struct sg_store *store, const char *owner, struct summary *out,
                             struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    sg_status s = sg_query_open(store, SG_Q_OWNER_COUNTS, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, owner);
    s = sg_query_step(&query, &row, "counting", err);
    if (s == SG_OK) {
        out->certificates = (uint64_t)sqlite3_column_int64(query.stmt, 0);
        out->rings = (uint64_t)sqlite3_column_int64(query.stmt, 1);
    }
    return s;
}

static sg_status read_uids(struct sg_store *store, const char *owner, struct summary *out,
                           struct sg_error *err)
{
    SG_IDS ids = {0};
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_OWNER_UIDS, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, owner);
    s = sg_query_ids(&query, &ids, "reading the attached users", err);
    if (s != SG_OK || ids.count == 0) {
        return s;
    }
    out->uids = calloc(ids.count, sizeof *out->uids);
    if (out->uids == NULL) {
        return sg_fail_memory(err);
    }
    for (; out->uid_count < ids.count; out->uid_count++) {
        out->uids[out->uid_count] = (uid_t)ids.items[out->uid_count];
    }
    return SG_OK;
}

static sg_status tell_owner(struct sg_store *store, const char *owner, sg_owner_sink sink,
                            void *context, struct sg_error *err)
{
    SG_CLEANUP(summary_done) struct summary summary = {0};
    sg_status s = read_counts(store, owner, &summary, err);
    s = s == SG_OK ? read_uids(store, owner, &summary, err) : s;
    return s != SG_OK ? s
                      : sink(context, owner, summary.uids, summary.uid_count, summary.certificates,
                             summary.rings, err);
}

static sg_status all_names(struct sg_store *store, struct names *names, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_OWNER_NAMES, &query, err);
    return s == SG_OK ? read_names(&query, names, err) : s;
}

sg_status sg_store_owner_each(struct sg_store *store, sg_owner_sink sink, void *context,
                              struct sg_error *err)
{
    SG_CLEANUP(names_done) struct names names = {0};
    sg_status s = all_names(store, &names, err);
    for (size_t i = 0; s == SG_OK && i < names.count; i++) {
        s = tell_owner(store, names.items[i].text, sink, context, err);
    }
    return s;
}
