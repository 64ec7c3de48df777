#include <signet/store/rollover.h>

#include <string.h>

#include "store_internal.h"

/* A statement over the roll-over of an old certificate. */
static sg_status open_of(struct sg_store *store, enum sg_query_id id, int64_t of,
                         struct sg_query *out, struct sg_error *err)
{
    sg_status s = sg_query_open(store, id, out, err);
    if (s == SG_OK) {
        sg_query_int(out, of);
    }
    return s;
}

sg_status sg_store_rollover_add(struct sg_store *store, const struct sg_rollover_row *row,
                                struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = open_of(store, SG_Q_ROLLOVER_ADD, row->old_id, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, row->successor_id);
    sg_query_int(&query, row->made);
    sg_query_int(&query, row->started_s);
    return sg_query_run(&query, "recording a roll-over", err);
}

static sg_status must_change(const struct sg_store *store, struct sg_error *err)
{
    return sqlite3_changes(store->db) > 0
               ? SG_OK
               : sg_fail(err, SG_E_NOT_FOUND, "rollover_not_found", "no such roll-over");
}

sg_status sg_store_rollover_set_switched(struct sg_store *store, int64_t old_id, int64_t switched_s,
                                         struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = open_of(store, SG_Q_ROLLOVER_SWITCH, old_id, &query, err);
    if (s != SG_OK) {
        return s;
    }
    if (switched_s != 0) {
        sg_query_int(&query, switched_s);
    } else {
        sg_query_null(&query);
    }
    s = sg_query_run(&query, "recording a roll-over's stage", err);
    return s == SG_OK ? must_change(store, err) : s;
}

sg_status sg_store_rollover_end(struct sg_store *store, int64_t old_id, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = open_of(store, SG_Q_ROLLOVER_END, old_id, &query, err);
    s = s == SG_OK ? sg_query_run(&query, "ending a roll-over", err) : s;
    return s == SG_OK ? must_change(store, err) : s;
}

/* ---- reading ---- */

static sg_status read_name(struct sg_query *query, int column, struct sg_certificate_name *out,
                           struct sg_error *err)
{
    sg_status s = sg_query_column(query, column, out->owner.text, sizeof out->owner.text, err);
    return s == SG_OK
               ? sg_query_column(query, column + 1, out->label.text, sizeof out->label.text, err)
               : s;
}

static sg_status from_query(struct sg_query *query, struct sg_rollover_row *out,
                            struct sg_error *err)
{
    struct sg_rollover_row row = {
        .old_id = sqlite3_column_int64(query->stmt, 0),
        .successor_id = sqlite3_column_int64(query->stmt, 1),
        .made = sqlite3_column_int(query->stmt, 2) != 0,
        .started_s = sqlite3_column_int64(query->stmt, 3),
        .switched_s = sqlite3_column_int64(query->stmt, 4),
    };
    sg_status s = read_name(query, 5, &row.old_name, err);
    s = s == SG_OK ? read_name(query, 7, &row.successor_name, err) : s;
    if (s == SG_OK) {
        *out = row;
    }
    return s;
}

sg_status sg_store_rollover_of(struct sg_store *store, int64_t certificate_id,
                               struct sg_rollover_row *out, bool *found, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = open_of(store, SG_Q_ROLLOVER_OF, certificate_id, &query, err);
    s = s == SG_OK ? sg_query_step(&query, found, "reading a roll-over", err) : s;
    return s == SG_OK && *found ? from_query(&query, out, err) : s;
}

/* The first column of all rows of a statement over one thing. */
static sg_status find(struct sg_store *store, enum sg_query_id id, int64_t of, struct sg_ids *ids,
                      struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = open_of(store, id, of, &query, err);
    return s == SG_OK ? sg_query_ids(&query, ids, "reading roll-overs", err) : s;
}

static sg_status find_all(struct sg_store *store, struct sg_ids *ids, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_ROLLOVERS, &query, err);
    return s == SG_OK ? sg_query_ids(&query, ids, "reading the roll-overs", err) : s;
}

sg_status sg_store_rollover_each(struct sg_store *store, sg_rollover_sink sink, void *context,
                                 struct sg_error *err)
{
    SG_IDS ids = {0};
    sg_status s = find_all(store, &ids, err);
    for (size_t i = 0; s == SG_OK && i < ids.count; i++) {
        struct sg_rollover_row row;
        bool found = false;
        s = sg_store_rollover_of(store, ids.items[i], &row, &found, err);
        s = s == SG_OK && found ? sink(context, &row, err) : s;
    }
    return s;
}

/* ---- rings ---- */

sg_status sg_store_rollover_note(struct sg_store *store, int64_t old_id,
                                 const struct sg_rollover_note *note, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = open_of(store, SG_Q_ROLLOVER_NOTE, old_id, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, note->ring_id);
    sg_query_int(&query, note->note);
    if (note->had_own) {
        sg_query_int(&query, note->own_usage);
    } else {
        sg_query_null(&query);
    }
    sg_query_int(&query, note->had_own && note->own_default);
    return sg_query_run(&query, "noting a roll-over's ring", err);
}

static sg_status read_note(struct sg_store *store, int64_t old_id, int64_t ring_id,
                           struct sg_rollover_note *out, bool *found, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = open_of(store, SG_Q_ROLLOVER_NOTE_GET, old_id, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, ring_id);
    s = sg_query_step(&query, found, "reading a roll-over's ring", err);
    if (s != SG_OK || !*found) {
        return s;
    }
    *out = (struct sg_rollover_note){
        .ring_id = ring_id,
        .note = (enum sg_life_note)sqlite3_column_int(query.stmt, 0),
        .had_own = sqlite3_column_type(query.stmt, 1) != SQLITE_NULL,
        .own_usage = (enum sg_usage)sqlite3_column_int(query.stmt, 1),
        .own_default = sqlite3_column_int(query.stmt, 2) != 0,
    };
    return SG_OK;
}

static sg_status tell_note(struct sg_store *store, int64_t old_id, int64_t ring_id,
                           sg_rollover_note_sink sink, void *context, struct sg_error *err)
{
    struct sg_rollover_note note;
    struct sg_ring_row ring;
    bool found = false;
    sg_status s = read_note(store, old_id, ring_id, &note, &found, err);
    s = s == SG_OK && found ? sg_ring_read(store, ring_id, &ring, &found, err) : s;
    return s == SG_OK && found ? sink(context, &ring, &note, err) : s;
}

sg_status sg_store_rollover_note_each(struct sg_store *store, int64_t old_id,
                                      sg_rollover_note_sink sink, void *context,
                                      struct sg_error *err)
{
    SG_IDS ids = {0};
    sg_status s = find(store, SG_Q_ROLLOVER_NOTES, old_id, &ids, err);
    for (size_t i = 0; s == SG_OK && i < ids.count; i++) {
        s = tell_note(store, old_id, ids.items[i], sink, context, err);
    }
    return s;
}

/* ---- certificates ---- */

static sg_status tell_certificates(struct sg_store *store, const struct sg_ids *ids,
                                   sg_certificate_sink sink, void *context, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < ids->count; i++) {
        SG_CERTIFICATE_ROW row = {.id = 0};
        bool found = false;
        s = sg_certificate_read(store, ids->items[i], &row, &found, err);
        s = s == SG_OK && found ? sink(context, &row, err) : s;
    }
    return s;
}

sg_status sg_store_rollover_held_each(struct sg_store *store, int64_t ring_id,
                                      sg_certificate_sink sink, void *context, struct sg_error *err)
{
    SG_IDS ids = {0};
    sg_status s = find(store, SG_Q_ROLLOVER_HELD, ring_id, &ids, err);
    return s == SG_OK ? tell_certificates(store, &ids, sink, context, err) : s;
}

static sg_status find_issued(struct sg_store *store, struct sg_bytes issuer, struct sg_ids *ids,
                             struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_ISSUED, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_blob(&query, issuer.data, issuer.len);
    return sg_query_ids(&query, ids, "reading what an issuer issued", err);
}

sg_status sg_store_issued_each(struct sg_store *store, struct sg_bytes issuer,
                               sg_certificate_sink sink, void *context, struct sg_error *err)
{
    SG_IDS ids = {0};
    sg_status s = find_issued(store, issuer, &ids, err);
    return s == SG_OK ? tell_certificates(store, &ids, sink, context, err) : s;
}
