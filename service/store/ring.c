#include "store_internal.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/shell.h>

sg_status sg_ring_missing(int64_t id, struct sg_error *err)
{
    return sg_fail(err, SG_E_NOT_FOUND, "ring_not_found", "no ring has the number %lld (any more)",
                   (long long)id);
}

static sg_status ring_refused(struct sg_store *store, int rc, const struct sg_ring_ref *name,
                              struct sg_error *err)
{
    const char *owner = name->owner.text;
    const char *ring = name->ring.text;
    if (rc == SQLITE_CONSTRAINT_UNIQUE) {
        (void)sg_fail(err, SG_E_CONFLICT, "ring_exists", "%s has a ring \"%s\" already", owner,
                      ring);
        (void)sg_object(err, "%s/%s", owner, ring);
        (void)sg_hint(err, "See what is in it: signet ring show %s",
                      sg_shell_word(owner, ring).text);
    } else if (rc == SQLITE_CONSTRAINT_FOREIGNKEY) {
        (void)sg_owner_missing(owner, err);
    } else {
        return sg_store_fail(store, rc, "adding a ring", err);
    }
    err->sql = rc;
    return err->status;
}

sg_status sg_store_ring_add(struct sg_store *store, const struct sg_ring_ref *name, int64_t *id,
                            struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_RING_ADD, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, name->owner.text);
    sg_query_text(&query, name->ring.text);
    int rc = sg_query_try(&query);
    if (rc != SQLITE_DONE) {
        return ring_refused(store, rc, name, err);
    }
    *id = sqlite3_last_insert_rowid(store->db);
    return SG_OK;
}

sg_status sg_store_ring_delete(struct sg_store *store, int64_t id, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_RING_DELETE, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, id);
    s = sg_query_run(&query, "deleting a ring", err);
    return s == SG_OK && sqlite3_changes(store->db) == 0 ? sg_ring_missing(id, err) : s;
}

/* ---- reading ---- */

static sg_status from_query(struct sg_query *query, struct sg_ring_row *out, struct sg_error *err)
{
    struct sg_ring_row row = {
        .id = sqlite3_column_int64(query->stmt, 0),
        .sequence = (uint64_t)sqlite3_column_int64(query->stmt, 3),
        .connections = (uint64_t)sqlite3_column_int64(query->stmt, 4),
    };
    sg_status s = sg_query_column(query, 1, row.name.owner.text, sizeof row.name.owner.text, err);
    s = s == SG_OK ? sg_query_column(query, 2, row.name.ring.text, sizeof row.name.ring.text, err)
                   : s;
    if (s == SG_OK) {
        *out = row;
    }
    return s;
}

sg_status sg_ring_read(struct sg_store *store, int64_t id, struct sg_ring_row *out, bool *found,
                       struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_RING_BY_ID, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, id);
    s = sg_query_step(&query, found, "reading a ring", err);
    return s == SG_OK && *found ? from_query(&query, out, err) : s;
}

sg_status sg_store_ring_find(struct sg_store *store, int64_t id, struct sg_ring_row *out,
                             bool *found, struct sg_error *err)
{
    return sg_ring_read(store, id, out, found, err);
}

static sg_status get_by_name(struct sg_store *store, const struct sg_ring_ref *name,
                             struct sg_ring_row *out, bool *found, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_RING_BY_NAME, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, name->owner.text);
    sg_query_text(&query, name->ring.text);
    s = sg_query_step(&query, found, "reading a ring", err);
    return s == SG_OK && *found ? from_query(&query, out, err) : s;
}

sg_status sg_store_ring_get(struct sg_store *store, const struct sg_ring_ref *name,
                            struct sg_ring_row *out, struct sg_error *err)
{
    bool found = false;
    sg_status s = get_by_name(store, name, out, &found, err);
    if (s != SG_OK || found) {
        return s;
    }
    (void)sg_fail(err, SG_E_NOT_FOUND, "ring_not_found", "%s has no ring \"%s\"", name->owner.text,
                  name->ring.text);
    (void)sg_object(err, "%s/%s", name->owner.text, name->ring.text);
    return sg_suggest_ring(store, name, err);
}

static sg_status find(struct sg_store *store, const char *owner, struct sg_ids *ids,
                      struct sg_error *err)
{
    SG_QUERY query = {0};
    enum sg_query_id id = owner != NULL ? SG_Q_RING_IDS : SG_Q_RING_IDS_ALL;
    sg_status s = sg_query_open(store, id, &query, err);
    if (s != SG_OK) {
        return s;
    }
    if (owner != NULL) {
        sg_query_text(&query, owner);
    }
    return sg_query_ids(&query, ids, "reading the rings", err);
}

static sg_status tell(struct sg_store *store, const struct sg_ids *ids, sg_ring_sink sink,
                      void *context, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < ids->count; i++) {
        struct sg_ring_row row;
        bool found = false;
        s = sg_ring_read(store, ids->items[i], &row, &found, err);
        if (s == SG_OK && found) {
            s = sink(context, &row, err);
        }
    }
    return s;
}

sg_status sg_store_ring_each(struct sg_store *store, const char *owner, sg_ring_sink sink,
                             void *context, struct sg_error *err)
{
    SG_IDS ids = {0};
    sg_status s = find(store, owner, &ids, err);
    return s == SG_OK ? tell(store, &ids, sink, context, err) : s;
}

static sg_status filter_one(struct sg_query *query, sg_ring_filter filter, void *context,
                            struct sg_ids *ids, struct sg_error *err)
{
    struct sg_ring_ref ref;
    sg_status s = sg_query_column(query, 1, ref.owner.text, sizeof ref.owner.text, err);
    s = s == SG_OK ? sg_query_column(query, 2, ref.ring.text, sizeof ref.ring.text, err) : s;
    if (s == SG_OK && filter(context, ref.owner.text, ref.ring.text)) {
        s = sg_ids_add(ids, sqlite3_column_int64(query->stmt, 0), err);
    }
    return s;
}

/* Only names are read of rings that nobody wants. */
static sg_status filter_all(struct sg_query *query, sg_ring_filter filter, void *context,
                            struct sg_ids *ids, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (bool row = true; s == SG_OK && row;) {
        s = sg_query_step(query, &row, "reading the rings", err);
        s = s == SG_OK && row ? filter_one(query, filter, context, ids, err) : s;
    }
    return s;
}

static sg_status find_between(struct sg_store *store, const char *first, const char *last,
                              sg_ring_filter filter, void *context, struct sg_ids *ids,
                              struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_RINGS_BETWEEN, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, first);
    sg_query_text(&query, last);
    return filter_all(&query, filter, context, ids, err);
}

sg_status sg_store_ring_each_between(struct sg_store *store, const char *first, const char *last,
                                     sg_ring_filter filter, sg_ring_sink sink, void *context,
                                     struct sg_error *err)
{
    SG_IDS ids = {0};
    sg_status s = find_between(store, first, last, filter, context, &ids, err);
    return s == SG_OK ? tell(store, &ids, sink, context, err) : s;
}

/* ---- many in little time ---- */

static sg_status read_outline(struct sg_query *query, struct sg_ring_ref *ref,
                              struct sg_ring_outline *out, struct sg_error *err)
{
    sg_status s = sg_query_column(query, 1, ref->owner.text, sizeof ref->owner.text, err);
    s = s == SG_OK ? sg_query_column(query, 2, ref->ring.text, sizeof ref->ring.text, err) : s;
    *out = (struct sg_ring_outline){
        .id = sqlite3_column_int64(query->stmt, 0),
        .sequence = (uint64_t)sqlite3_column_int64(query->stmt, 3),
        .owner = ref->owner,
        .connections = (uint64_t)sqlite3_column_int64(query->stmt, 4),
    };
    return s;
}

sg_status sg_store_ring_outlines_between(struct sg_store *store, const char *first,
                                         const char *last, sg_ring_filter filter,
                                         sg_ring_outline_sink sink, void *context,
                                         struct sg_error *err)
{
    SG_QUERY query = {0};
    struct sg_ring_ref ref;
    struct sg_ring_outline ring;
    sg_status s = sg_query_open(store, SG_Q_RING_OUTLINES, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, first);
    sg_query_text(&query, last);
    for (bool row = true; s == SG_OK && row;) {
        s = sg_query_step(&query, &row, "reading the rings", err);
        s = s == SG_OK && row ? read_outline(&query, &ref, &ring, err) : s;
        if (s == SG_OK && row && filter(context, ref.owner.text, ref.ring.text)) {
            s = sink(context, &ring, err);
        }
    }
    return s;
}

#define BEHIND_ALL "\xF4\x8F\xBF\xBF" /* U+10FFFF: what begins alike comes before it */

static sg_status find_beginning(struct sg_store *store, const char *owner, const char *beginning,
                                sg_ring_filter filter, void *context, struct sg_ids *ids,
                                struct sg_error *err)
{
    SG_QUERY query = {0};
    char behind[SG_RING_BYTES + sizeof BEHIND_ALL];
    sg_status s = sg_query_open(store, SG_Q_RINGS_BEGINNING, &query, err);
    if (s != SG_OK) {
        return s;
    }
    (void)snprintf(behind, sizeof behind, "%.*s%s", SG_RING_BYTES, beginning, BEHIND_ALL);
    sg_query_text(&query, owner);
    sg_query_text(&query, beginning);
    sg_query_text(&query, behind);
    sg_query_int(&query, SG_RINGS_ALIKE);
    return filter_all(&query, filter, context, ids, err);
}

sg_status sg_store_ring_find_alike(struct sg_store *store, const struct sg_ring_ref *exactly,
                                   const char *beginning, sg_ring_filter filter, void *context,
                                   struct sg_ring_row *out, bool *found, struct sg_error *err)
{
    SG_IDS ids = {0};
    const char *owner = exactly->owner.text;
    sg_status s = get_by_name(store, exactly, out, found, err);
    if (s != SG_OK || (*found && filter(context, owner, exactly->ring.text))) {
        return s;
    }
    *found = false;
    s = find_beginning(store, owner, beginning, filter, context, &ids, err);
    return s == SG_OK && ids.count > 0 ? sg_ring_read(store, ids.items[0], out, found, err) : s;
}

static sg_status bump(struct sg_query *query, struct sg_error *err)
{
    return sg_query_run(query, "counting a change of rings", err);
}

sg_status sg_store_ring_bump_holding(struct sg_store *store, int64_t certificate_id,
                                     struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_RING_BUMP_HOLDING, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, certificate_id);
    return bump(&query, err);
}

static sg_status bump_one(struct sg_store *store, int64_t id, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_RING_BUMP, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, id);
    return bump(&query, err);
}

sg_status sg_store_ring_bump_between(struct sg_store *store, const char *first, const char *last,
                                     sg_ring_filter filter, void *context, struct sg_error *err)
{
    SG_IDS ids = {0};
    sg_status s = find_between(store, first, last, filter, context, &ids, err);
    for (size_t i = 0; s == SG_OK && i < ids.count; i++) {
        s = bump_one(store, ids.items[i], err);
    }
    return s;
}

sg_status sg_store_ring_bump_owner(struct sg_store *store, const char *owner, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_RING_BUMP_OWNER, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, owner);
    return bump(&query, err);
}
