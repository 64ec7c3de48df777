#include "store_internal.h"

#include <string.h>

/* ---- connecting ---- */

/* A query of ring and certificate. */
static sg_status open_pair(struct sg_store *store, enum sg_query_id id, int64_t ring_id,
                           int64_t certificate_id, struct sg_query *out, struct sg_error *err)
{
    sg_status s = sg_query_open(store, id, out, err);
    if (s == SG_OK) {
        sg_query_int(out, ring_id);
        sg_query_int(out, certificate_id);
    }
    return s;
}

static sg_status is_connected(struct sg_store *store, int64_t ring_id, int64_t certificate_id,
                              bool *connected, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = open_pair(store, SG_Q_CONNECTED, ring_id, certificate_id, &query, err);
    return s == SG_OK ? sg_query_step(&query, connected, "looking for a connection", err) : s;
}

static sg_status find_other_default(struct sg_store *store, int64_t ring_id, int64_t certificate_id,
                                    struct sg_certificate_name *out, struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    sg_status s = open_pair(store, SG_Q_DEFAULT_OTHER, ring_id, certificate_id, &query, err);
    s = s == SG_OK ? sg_query_step(&query, &row, "looking for the default", err) : s;
    if (s != SG_OK || !row) {
        return s;
    }
    s = sg_query_column(&query, 0, out->owner.text, sizeof out->owner.text, err);
    return s == SG_OK ? sg_query_column(&query, 1, out->label.text, sizeof out->label.text, err)
                      : s;
}

static sg_status clear_other_default(struct sg_store *store, int64_t ring_id,
                                     int64_t certificate_id, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = open_pair(store, SG_Q_DEFAULT_CLEAR, ring_id, certificate_id, &query, err);
    return s == SG_OK ? sg_query_run(&query, "taking the default away", err) : s;
}

static sg_status displace(struct sg_store *store, int64_t ring_id, int64_t certificate_id,
                          struct sg_certificate_name *out, struct sg_error *err)
{
    sg_status s = find_other_default(store, ring_id, certificate_id, out, err);
    return s == SG_OK && out->owner.text[0] != '\0'
               ? clear_other_default(store, ring_id, certificate_id, err)
               : s;
}

static sg_status ends_missing(struct sg_store *store, int rc, int64_t ring_id,
                              int64_t certificate_id, struct sg_error *err)
{
    struct sg_ring_row ring;
    bool found = false;
    sg_status s = sg_ring_read(store, ring_id, &ring, &found, err);
    if (s != SG_OK) {
        return s;
    }
    (void)(found ? sg_certificate_missing(certificate_id, err) : sg_ring_missing(ring_id, err));
    err->sql = rc;
    return err->status;
}

static sg_status write_connection(struct sg_store *store, int64_t ring_id, int64_t certificate_id,
                                  enum sg_usage usage, bool is_default, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = open_pair(store, SG_Q_CONNECT, ring_id, certificate_id, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, usage);
    sg_query_int(&query, is_default);
    int rc = sg_query_try(&query);
    if (rc == SQLITE_CONSTRAINT_FOREIGNKEY) {
        return ends_missing(store, rc, ring_id, certificate_id, err);
    }
    return rc == SQLITE_DONE ? SG_OK : sg_store_fail(store, rc, "connecting a certificate", err);
}

sg_status sg_store_connect(struct sg_store *store, int64_t ring_id, int64_t certificate_id,
                           enum sg_usage usage, bool is_default, bool *replaced,
                           struct sg_certificate_name *displaced, struct sg_error *err)
{
    SG_SCOPE scope = {0};
    struct sg_certificate_name other = {.owner = {""}};
    bool connected = false;
    sg_status s = sg_scope_open(store, &scope, err);
    s = s == SG_OK ? is_connected(store, ring_id, certificate_id, &connected, err) : s;
    s = s == SG_OK && is_default ? displace(store, ring_id, certificate_id, &other, err) : s;
    s = s == SG_OK ? write_connection(store, ring_id, certificate_id, usage, is_default, err) : s;
    s = s == SG_OK ? sg_scope_keep(&scope, err) : s;
    if (s != SG_OK) {
        return s;
    }
    if (replaced != NULL) {
        *replaced = connected;
    }
    if (displaced != NULL) {
        *displaced = other;
    }
    return SG_OK;
}

sg_status sg_store_ring_default(struct sg_store *store, int64_t ring_id,
                                struct sg_certificate_name *out, struct sg_error *err)
{
    *out = (struct sg_certificate_name){.owner = {""}};
    return find_other_default(store, ring_id, 0, out, err); /* no certificate has the id 0 */
}

sg_status sg_store_disconnect(struct sg_store *store, int64_t ring_id, int64_t certificate_id,
                              struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = open_pair(store, SG_Q_DISCONNECT, ring_id, certificate_id, &query, err);
    s = s == SG_OK ? sg_query_run(&query, "removing a connection", err) : s;
    if (s == SG_OK && sqlite3_changes(store->db) == 0) {
        return sg_fail(err, SG_E_NOT_FOUND, "not_connected",
                       "the certificate is not connected to the ring");
    }
    return s;
}

/* Forget a connection, if there is one; *is_default: it was the ring's default. */
static sg_status take_away(struct sg_store *store, int64_t ring_id, int64_t certificate_id,
                           bool *is_default, struct sg_error *err)
{
    SG_QUERY query = {0};
    bool found = false;
    sg_status s = open_pair(store, SG_Q_CONNECTION_DEFAULT, ring_id, certificate_id, &query, err);
    s = s == SG_OK ? sg_query_step(&query, &found, "reading a connection", err) : s;
    if (s != SG_OK || !found) {
        return s;
    }
    *is_default = sqlite3_column_int(query.stmt, 0) != 0;
    sg_query_done(&query);
    return sg_store_disconnect(store, ring_id, certificate_id, err);
}

static sg_status put_in_place(struct sg_store *store, int64_t ring_id, int64_t certificate_id,
                              int64_t other_id, bool is_default, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = open_pair(store, SG_Q_CONNECTION_REPLACE, ring_id, certificate_id, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, other_id);
    sg_query_int(&query, is_default);
    s = sg_query_run(&query, "replacing a connection", err);
    if (s == SG_OK && sqlite3_changes(store->db) == 0) {
        return sg_fail(err, SG_E_NOT_FOUND, "not_connected",
                       "the certificate is not connected to the ring");
    }
    return s;
}

sg_status sg_store_connection_replace(struct sg_store *store, int64_t ring_id,
                                      int64_t certificate_id, int64_t other_id,
                                      struct sg_error *err)
{
    SG_SCOPE scope = {0};
    bool was_default = false;
    sg_status s = sg_scope_open(store, &scope, err);
    s = s == SG_OK ? take_away(store, ring_id, other_id, &was_default, err) : s;
    s = s == SG_OK ? put_in_place(store, ring_id, certificate_id, other_id, was_default, err) : s;
    return s == SG_OK ? sg_scope_keep(&scope, err) : s;
}

/* ---- walking ---- */

/* What is at the other end of a connection. */
struct end {
    int64_t id;
    enum sg_usage usage;
    bool is_default;
};
struct ends {
    struct end *items;
    size_t count, capacity;
};

static void ends_done(struct ends *ends)
{
    free(ends->items);
}

static sg_status add_end(struct ends *ends, struct sg_query *query, struct sg_error *err)
{
    if (ends->count == ends->capacity) {
        size_t capacity = ends->capacity == 0 ? 16 : ends->capacity * 2;
        struct end *items = reallocarray(ends->items, capacity, sizeof *items);
        if (items == NULL) {
            return sg_fail_memory(err);
        }
        ends->items = items;
        ends->capacity = capacity;
    }
    ends->items[ends->count++] = (struct end){
        .id = sqlite3_column_int64(query->stmt, 0),
        .usage = (enum sg_usage)sqlite3_column_int(query->stmt, 1),
        .is_default = sqlite3_column_int(query->stmt, 2) != 0,
    };
    return SG_OK;
}

static sg_status find(struct sg_store *store, enum sg_query_id id, int64_t of, struct ends *ends,
                      struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, id, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, of);
    for (;;) {
        bool row = false;
        s = sg_query_step(&query, &row, "reading connections", err);
        if (s != SG_OK || !row) {
            return s;
        }
        s = add_end(ends, &query, err);
        if (s != SG_OK) {
            return s;
        }
    }
}

static sg_status tell_member(struct sg_store *store, const struct end *end, sg_connection_sink sink,
                             void *context, struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {.id = 0};
    bool found = false;
    sg_status s = sg_certificate_read(store, end->id, &row, &found, err);
    return s == SG_OK && found ? sink(context, &row, end->usage, end->is_default, err) : s;
}

sg_status sg_store_connection_each(struct sg_store *store, int64_t ring_id, sg_connection_sink sink,
                                   void *context, struct sg_error *err)
{
    SG_CLEANUP(ends_done) struct ends ends = {0};
    sg_status s = find(store, SG_Q_MEMBERS, ring_id, &ends, err);
    for (size_t i = 0; s == SG_OK && i < ends.count; i++) {
        s = tell_member(store, &ends.items[i], sink, context, err);
    }
    return s;
}

static sg_status tell_ring(struct sg_store *store, const struct end *end, sg_membership_sink sink,
                           void *context, struct sg_error *err)
{
    struct sg_ring_row ring;
    bool found = false;
    sg_status s = sg_ring_read(store, end->id, &ring, &found, err);
    return s == SG_OK && found ? sink(context, &ring, end->usage, end->is_default, err) : s;
}

sg_status sg_store_membership_each(struct sg_store *store, int64_t certificate_id,
                                   sg_membership_sink sink, void *context, struct sg_error *err)
{
    SG_CLEANUP(ends_done) struct ends ends = {0};
    sg_status s = find(store, SG_Q_MEMBERSHIPS, certificate_id, &ends, err);
    for (size_t i = 0; s == SG_OK && i < ends.count; i++) {
        s = tell_ring(store, &ends.items[i], sink, context, err);
    }
    return s;
}
