#include "store_internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static bool by_ring(const struct sg_certificate_filter *filter)
{
    return filter->connected_to != 0;
}

/* Which index leads. SQLite has no statistics here and would as soon read all of an owner's
 * certificates to save a sort of three; so the statement says which one it is. */
static const char *source(const struct sg_certificate_filter *filter)
{
    if (filter->spki_sha256 != NULL) {
        return "certificate c INDEXED BY certificate_spki";
    }
    if (filter->key != NULL) {
        return "certificate c INDEXED BY certificate_key";
    }
    if (filter->subject != NULL) {
        return "certificate c INDEXED BY certificate_subject";
    }
    if (filter->issuer != NULL) {
        return "certificate c INDEXED BY sqlite_autoindex_certificate_2";
    }
    if (by_ring(filter)) {
        return "connection n CROSS JOIN certificate c ON c.id = n.certificate";
    }
    return "certificate c INDEXED BY sqlite_autoindex_certificate_1";
}

static sg_status check_filter(const struct sg_certificate_filter *filter, struct sg_error *err)
{
    if (filter->after_label != NULL && filter->owner == NULL) {
        return sg_fail(err, SG_E_INTERNAL, "bad_filter", "paging by label needs an owner");
    }
    if (filter->limit > INT_MAX) {
        return sg_fail(err, SG_E_INTERNAL, "bad_filter", "a limit of %zu rows", filter->limit);
    }
    return SG_OK;
}

struct condition {
    bool wanted;
    const char *sql;
};

/* The values are bound in the order of these conditions: bind_filter. */
sg_status sg_certificate_walk_sql(const struct sg_certificate_filter *filter, char sql[SG_WALK_SQL],
                                  struct sg_error *err)
{
    bool joined = by_ring(filter) && strncmp(source(filter), "connection", 10) == 0;
    const struct condition conditions[] = {
        {joined, " AND n.ring = ?"},
        {by_ring(filter) && !joined,
         " AND EXISTS (SELECT 1 FROM connection WHERE ring = ? AND certificate = c.id)"},
        {filter->spki_sha256 != NULL, " AND c.spki_sha256 = ?"},
        {filter->key != NULL, " AND c.key = ?"},
        {filter->subject != NULL, " AND c.subject = ?"},
        {filter->issuer != NULL, " AND c.issuer = ?"},
        {filter->serial != NULL, " AND c.serial = ?"},
        {filter->owner != NULL, " AND c.owner = ?"},
        {filter->after_label != NULL, " AND c.label > ?"},
        {filter->with_key, " AND c.key IS NOT NULL"},
    };
    sg_status s = check_filter(filter, err);
    if (s != SG_OK) {
        return s;
    }
    size_t used = (size_t)snprintf(sql, SG_WALK_SQL, "SELECT c.id FROM %s WHERE 1", source(filter));
    for (size_t i = 0; i < SG_COUNT(conditions); i++) {
        const char *part = conditions[i].wanted ? conditions[i].sql : "";
        used += (size_t)snprintf(sql + used, SG_WALK_SQL - used, "%s", part);
    }
    (void)snprintf(sql + used, SG_WALK_SQL - used, " ORDER BY c.owner, c.label%s",
                   filter->limit > 0 ? " LIMIT ?" : "");
    return SG_OK;
}

static void bind_filter(const struct sg_certificate_filter *filter, struct sg_query *query)
{
    if (by_ring(filter)) {
        sg_query_int(query, filter->connected_to);
    }
    if (filter->spki_sha256 != NULL) {
        sg_query_blob(query, filter->spki_sha256, 32);
    }
    if (filter->key != NULL) {
        sg_query_blob(query, filter->key->bytes, SG_KEY_ID_LEN);
    }
    if (filter->subject != NULL) {
        sg_query_blob(query, filter->subject, filter->subject_len);
    }
    if (filter->issuer != NULL) {
        sg_query_blob(query, filter->issuer, filter->issuer_len);
    }
    if (filter->serial != NULL) {
        sg_query_text(query, filter->serial);
    }
    if (filter->owner != NULL) {
        sg_query_text(query, filter->owner);
    }
    if (filter->after_label != NULL) {
        sg_query_text(query, filter->after_label);
    }
    if (filter->limit > 0) {
        sg_query_int(query, (int64_t)filter->limit);
    }
}

static sg_status find(struct sg_store *store, const struct sg_certificate_filter *filter,
                      struct sg_ids *ids, struct sg_error *err)
{
    char sql[SG_WALK_SQL];
    SG_QUERY query = {0};
    sg_status s = sg_certificate_walk_sql(filter, sql, err);
    s = s == SG_OK ? sg_query_prepare(store, sql, &query, err) : s;
    if (s != SG_OK) {
        return s;
    }
    bind_filter(filter, &query);
    return sg_query_ids(&query, ids, "reading the certificates", err);
}

static sg_status tell(struct sg_store *store, int64_t id, sg_certificate_sink sink, void *context,
                      struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {.id = 0};
    bool found = false;
    sg_status s = sg_certificate_read(store, id, &row, &found, err);
    return s == SG_OK && found ? sink(context, &row, err) : s;
}

sg_status sg_store_certificate_each(struct sg_store *store,
                                    const struct sg_certificate_filter *filter,
                                    sg_certificate_sink sink, void *context, struct sg_error *err)
{
    SG_IDS ids = {0};
    sg_status s = find(store, filter, &ids, err);
    for (size_t i = 0; s == SG_OK && i < ids.count; i++) {
        s = tell(store, ids.items[i], sink, context, err);
    }
    return s;
}

sg_status sg_store_count(struct sg_store *store, struct sg_store_counts *out, struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    sg_status s = sg_query_open(store, SG_Q_COUNTS, &query, err);
    s = s == SG_OK ? sg_query_step(&query, &row, "counting", err) : s;
    if (s == SG_OK) {
        *out = (struct sg_store_counts){
            .owners = (uint64_t)sqlite3_column_int64(query.stmt, 0),
            .certificates = (uint64_t)sqlite3_column_int64(query.stmt, 1),
            .keys = (uint64_t)sqlite3_column_int64(query.stmt, 2),
            .rings = (uint64_t)sqlite3_column_int64(query.stmt, 3),
            .connections = (uint64_t)sqlite3_column_int64(query.stmt, 4),
            .intents = (uint64_t)sqlite3_column_int64(query.stmt, 5),
        };
    }
    return s;
}
