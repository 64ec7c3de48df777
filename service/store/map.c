/* Certificate name filters. */
#include "store_internal.h"

#include <string.h>

#include <signet/base/shell.h>

static sg_status from_query(struct sg_query *query, struct sg_map_row *out, struct sg_error *err)
{
    struct sg_map_row row = {
        .id = sqlite3_column_int64(query->stmt, 0),
        .trusted = sqlite3_column_int(query->stmt, 3) != 0,
    };
    const struct {
        int column;
        char *text;
        size_t size;
    } texts[] = {
        {1, row.name.owner.text, sizeof row.name.owner.text},
        {2, row.name.label.text, sizeof row.name.label.text},
        {4, row.subject, sizeof row.subject},
        {5, row.issuer, sizeof row.issuer},
        {6, row.criteria, sizeof row.criteria},
    };
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < SG_COUNT(texts); i++) {
        s = sg_query_column(query, texts[i].column, texts[i].text, texts[i].size, err);
    }
    if (s == SG_OK) {
        *out = row;
    }
    return s;
}

static sg_status read_one(struct sg_query *query, struct sg_map_row *out, bool *found,
                          struct sg_error *err)
{
    sg_status s = sg_query_step(query, found, "reading a name filter", err);
    return s == SG_OK && *found ? from_query(query, out, err) : s;
}

static sg_status read_by_id(struct sg_store *store, int64_t id, struct sg_map_row *out, bool *found,
                            struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_MAP_BY_ID, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, id);
    return read_one(&query, out, found, err);
}

/* A query of two texts. */
static sg_status read_by_pair(struct sg_store *store, enum sg_query_id id, const char *first,
                              const char *second, struct sg_map_row *out, bool *found,
                              struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, id, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, first);
    sg_query_text(&query, second);
    return read_one(&query, out, found, err);
}

sg_status sg_store_map_find(struct sg_store *store, const char *subject, const char *issuer,
                            struct sg_map_row *out, bool *found, struct sg_error *err)
{
    return read_by_pair(store, SG_Q_MAP_BY_FILTER, subject, issuer, out, found, err);
}

/* ---- adding and changing ---- */

static sg_status label_in_use(const struct sg_certificate_name *name, struct sg_error *err)
{
    (void)sg_fail(err, SG_E_CONFLICT, "label_in_use",
                  "%s has a name filter labelled \"%s\" already", name->owner.text,
                  name->label.text);
    (void)sg_object(err, "%s/%s", name->owner.text, name->label.text);
    return sg_hint(err, "See what there is: signet map list %s",
                   sg_shell_quote(name->owner.text).text);
}

static sg_status check_filter(struct sg_store *store, const struct sg_map_row *row,
                              struct sg_error *err)
{
    struct sg_map_row other;
    bool found = false;
    sg_status s = sg_store_map_find(store, row->subject, row->issuer, &other, &found, err);
    if (s != SG_OK || !found) {
        return s;
    }
    (void)sg_fail(err, SG_E_CONFLICT, "filter_exists", "the same filter exists already: %s/%s",
                  other.name.owner.text, other.name.label.text);
    (void)sg_object(err, "%s/%s", other.name.owner.text, other.name.label.text);
    return sg_hint(err,
                   "A filter leads to one owner only. To change the owner: signet map delete "
                   "%s, then add it again.",
                   sg_shell_word(other.name.owner.text, other.name.label.text).text);
}

static sg_status pick_label(struct sg_store *store, struct sg_map_row *row, struct sg_error *err)
{
    SG_QUERY query = {0};
    bool found = false;
    sg_status s = sg_query_open(store, SG_Q_MAP_FREE_LABEL, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, row->name.owner.text);
    s = sg_query_step(&query, &found, "looking for a free label", err);
    return s == SG_OK
               ? sg_query_column(&query, 0, row->name.label.text, sizeof row->name.label.text, err)
               : s;
}

static sg_status insert(struct sg_store *store, struct sg_map_row *row, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_MAP_ADD, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, row->name.owner.text);
    sg_query_text(&query, row->name.label.text);
    sg_query_int(&query, row->trusted);
    sg_query_text(&query, row->subject);
    sg_query_text(&query, row->issuer);
    sg_query_text(&query, row->criteria);
    int rc = sg_query_try(&query);
    if (rc == SQLITE_DONE) {
        row->id = sqlite3_last_insert_rowid(store->db);
        return SG_OK;
    }
    if (rc == SQLITE_CONSTRAINT_UNIQUE) {
        (void)label_in_use(&row->name, err); /* the filter was looked for before */
    } else if (rc == SQLITE_CONSTRAINT_FOREIGNKEY) {
        (void)sg_owner_missing(row->name.owner.text, err);
    } else {
        return sg_store_fail(store, rc, "adding a name filter", err);
    }
    err->sql = rc;
    return err->status;
}

sg_status sg_store_map_add(struct sg_store *store, struct sg_map_row *row, struct sg_error *err)
{
    SG_SCOPE scope = {0};
    struct sg_map_row added = *row;
    sg_status s = sg_scope_open(store, &scope, err);
    s = s == SG_OK ? check_filter(store, row, err) : s;
    s = s == SG_OK && row->name.label.text[0] == '\0' ? pick_label(store, &added, err) : s;
    s = s == SG_OK ? insert(store, &added, err) : s;
    s = s == SG_OK ? sg_scope_keep(&scope, err) : s;
    if (s == SG_OK) {
        *row = added;
    }
    return s;
}

static sg_status map_missing(int64_t id, struct sg_error *err)
{
    return sg_fail(err, SG_E_NOT_FOUND, "map_not_found",
                   "no name filter has the number %lld (any more)", (long long)id);
}

sg_status sg_store_map_alter(struct sg_store *store, const struct sg_map_row *row,
                             struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_MAP_ALTER, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, row->name.label.text);
    sg_query_int(&query, row->trusted);
    sg_query_text(&query, row->criteria);
    sg_query_int(&query, row->id);
    int rc = sg_query_try(&query);
    if (rc == SQLITE_CONSTRAINT_UNIQUE) {
        (void)label_in_use(&row->name, err);
        err->sql = rc;
        return err->status;
    }
    if (rc != SQLITE_DONE) {
        return sg_store_fail(store, rc, "changing a name filter", err);
    }
    return sqlite3_changes(store->db) == 0 ? map_missing(row->id, err) : SG_OK;
}

sg_status sg_store_map_delete(struct sg_store *store, int64_t id, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_MAP_DELETE, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, id);
    s = sg_query_run(&query, "deleting a name filter", err);
    return s == SG_OK && sqlite3_changes(store->db) == 0 ? map_missing(id, err) : s;
}

/* ---- reading ---- */

static sg_status find(struct sg_store *store, const char *owner, struct sg_ids *ids,
                      struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s =
        sg_query_open(store, owner != NULL ? SG_Q_MAP_IDS : SG_Q_MAP_IDS_ALL, &query, err);
    if (s != SG_OK) {
        return s;
    }
    if (owner != NULL) {
        sg_query_text(&query, owner);
    }
    return sg_query_ids(&query, ids, "reading the name filters", err);
}

static sg_status not_found(const struct sg_certificate_name *name, struct sg_error *err)
{
    const char *owner = name->owner.text;
    if (name->label.text[0] == '\0') {
        (void)sg_fail(err, SG_E_NOT_FOUND, "map_not_found", "%s has no name filter", owner);
        (void)sg_object(err, "%s", owner);
    } else {
        (void)sg_fail(err, SG_E_NOT_FOUND, "map_not_found", "%s has no name filter \"%s\"", owner,
                      name->label.text);
        (void)sg_object(err, "%s/%s", owner, name->label.text);
    }
    return sg_hint(err, "See what there is: signet map list %s", sg_shell_quote(owner).text);
}

static sg_status get_only(struct sg_store *store, const struct sg_certificate_name *name,
                          struct sg_map_row *out, struct sg_error *err)
{
    SG_IDS ids = {0};
    bool found = false;
    sg_status s = find(store, name->owner.text, &ids, err);
    if (s == SG_OK && ids.count > 1) {
        (void)sg_fail(err, SG_E_CONFLICT, "label_needed", "%s has %zu name filters: which one?",
                      name->owner.text, ids.count);
        (void)sg_object(err, "%s", name->owner.text);
        return sg_hint(err, "Write OWNER/LABEL; see the labels: signet map list %s",
                       sg_shell_quote(name->owner.text).text);
    }
    s = s == SG_OK && ids.count == 1 ? read_by_id(store, ids.items[0], out, &found, err) : s;
    return s == SG_OK && !found ? not_found(name, err) : s;
}

sg_status sg_store_map_get(struct sg_store *store, const struct sg_certificate_name *name,
                           struct sg_map_row *out, struct sg_error *err)
{
    bool found = false;
    if (name->label.text[0] == '\0') {
        return get_only(store, name, out, err);
    }
    sg_status s =
        read_by_pair(store, SG_Q_MAP_BY_NAME, name->owner.text, name->label.text, out, &found, err);
    return s == SG_OK && !found ? not_found(name, err) : s;
}

sg_status sg_store_map_each(struct sg_store *store, const char *owner, sg_map_sink sink,
                            void *context, struct sg_error *err)
{
    SG_IDS ids = {0};
    sg_status s = find(store, owner, &ids, err);
    for (size_t i = 0; s == SG_OK && i < ids.count; i++) {
        struct sg_map_row row;
        bool found = false;
        s = read_by_id(store, ids.items[i], &row, &found, err);
        s = s == SG_OK && found ? sink(context, &row, err) : s;
    }
    return s;
}
