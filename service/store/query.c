#include "store_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <signet/base/clock.h>

/* ---- what SQLite's codes mean here ---- */

static sg_status fail(const struct sg_store *store, int rc, sg_status status, const char *code,
                      const char *doing, struct sg_error *err)
{
    /* Which constraint it was is worth knowing; those texts name tables and columns, never values.
     */
    bool constraint = (rc & 0xFF) == SQLITE_CONSTRAINT && store->db != NULL;
    const char *reason = constraint ? sqlite3_errmsg(store->db) : sqlite3_errstr(rc);
    (void)sg_fail(err, status, code, "%s: the store %s: %s", doing, store->path, reason);
    err->sql = rc;
    return sg_object(err, "%s", store->path);
}

static bool is_out_of_space(const struct sg_store *store, int rc)
{
    int reason = store->db != NULL ? sqlite3_system_errno(store->db) : 0;
    return (rc & 0xFF) == SQLITE_FULL ||
           ((rc & 0xFF) == SQLITE_IOERR && (reason == ENOSPC || reason == EDQUOT));
}

static bool is_read_only(const struct sg_store *store, int rc)
{
    int reason = store->db != NULL ? sqlite3_system_errno(store->db) : 0;
    return (rc & 0xFF) == SQLITE_READONLY || (rc & 0xFF) == SQLITE_PERM ||
           ((rc & 0xFF) == SQLITE_CANTOPEN &&
            (reason == EACCES || reason == EROFS || reason == EPERM));
}

static sg_status fail_other(const struct sg_store *store, int rc, const char *doing,
                            struct sg_error *err)
{
    int kind = rc & 0xFF;
    if (kind == SQLITE_NOMEM) {
        (void)sg_fail_memory(err);
        err->sql = rc;
        return err->status;
    }
    if (kind == SQLITE_CONSTRAINT || kind == SQLITE_RANGE || kind == SQLITE_MISUSE) {
        return fail(store, rc, SG_E_INTERNAL, "store_constraint", doing, err);
    }
    return fail(store, rc, SG_E_STORAGE, "store_failed", doing, err);
}

static sg_status explain(const struct sg_store *store, int rc, const char *doing,
                         struct sg_error *err)
{
    int kind = rc & 0xFF;
    if (store->copied && kind == SQLITE_FULL) {
        (void)fail(store, rc, SG_E_SERVICE, "rehearsal_full", doing, err);
        return sg_hint(err, "Rehearse fewer commands at a time.");
    }
    if (is_out_of_space(store, rc)) {
        (void)fail(store, rc, SG_E_STORAGE, "disk_full", doing, err);
        return sg_hint(err, "Free space on the file system of %s; nothing was changed.",
                       store->path);
    }
    if (kind == SQLITE_BUSY || kind == SQLITE_LOCKED) {
        (void)fail(store, rc, SG_E_STORAGE, "store_busy", doing, err);
        return sg_hint(
            err,
            "Another process has %s open, and only one may: stop the other signetd, or configure another state directory.",
            store->path);
    }
    if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB) {
        (void)fail(store, rc, SG_E_STORAGE, "store_damaged", doing, err);
        return sg_hint(err, "Keep %s and the files beside it as they are, and restore a backup.",
                       store->path);
    }
    if (is_read_only(store, rc)) {
        (void)fail(store, rc, SG_E_STORAGE, "store_read_only", doing, err);
        return sg_hint(err, "Let the service write %s and the directory it is in.", store->path);
    }
    return fail_other(store, rc, doing, err);
}

/* Whatever it was said of, it was a write. */
static bool is_about_writing(const struct sg_store *store, int rc)
{
    return is_out_of_space(store, rc) || is_read_only(store, rc) || rc == SQLITE_IOERR_WRITE ||
           rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC || rc == SQLITE_IOERR_TRUNCATE;
}

sg_status sg_store_fail(struct sg_store *store, int rc, const char *doing, struct sg_error *err)
{
    bool writing = !store->copied && is_about_writing(store, rc); /* errno changes */
    sg_status s = explain(store, rc, doing, err);
    if (writing) {
        store->write_failure = *err;
        store->write_failed_s = sg_now_s(sg_clock_system());
    }
    return s;
}

/* Something of a transaction, or of a scope that was one, is in the file; by what was kept back,
 * the disk is as full as before. */
static void note_written(struct sg_store *store)
{
    if (sqlite3_total_changes64(store->db) != store->changes_before && !store->reserve_spent) {
        sg_error_clear(&store->write_failure);
    }
}

bool sg_store_write_failed(const struct sg_store *store, struct sg_error *why, int64_t *at_s)
{
    *why = store->write_failure;
    *at_s = store->write_failed_s;
    return store->write_failure.status != SG_OK;
}

/* ---- one use of a statement ---- */

/* SQLite rolls a whole transaction back by itself on some failures (SQLITE_FULL, SQLITE_IOERR).
 * Whoever went on regardless would write single statements durably; nothing runs until the caller's
 * rollback. */
static sg_status check_transaction(const struct sg_store *store, struct sg_error *err)
{
    if (store->in_transaction && sqlite3_get_autocommit(store->db) != 0) {
        return sg_fail(err, SG_E_STORAGE, "transaction_lost",
                       "an earlier failure undid the transaction in the store %s", store->path);
    }
    return SG_OK;
}

static sg_status prepare(struct sg_store *store, const char *sql, unsigned flags,
                         sqlite3_stmt **out, struct sg_error *err)
{
    int rc = sqlite3_prepare_v3(store->db, sql, -1, flags, out, NULL);
    return rc == SQLITE_OK ? SG_OK : sg_store_fail(store, rc, "preparing a query", err);
}

sg_status sg_query_open(struct sg_store *store, enum sg_query_id id, struct sg_query *out,
                        struct sg_error *err)
{
    sqlite3_stmt **kept = &store->prepared[id];
    sg_status s = check_transaction(store, err);
    s = s == SG_OK && store->hurries ? sg_store_wait_for_disk(store, true, err) : s;
    if (s == SG_OK && *kept == NULL) {
        s = prepare(store, sg_query_text_of(id), SQLITE_PREPARE_PERSISTENT, kept, err);
    }
    if (s != SG_OK) {
        return s;
    }
    if (sqlite3_stmt_busy(*kept) != 0) {
        (void)sg_fail(err, SG_E_INTERNAL, "query_in_use", "query %d of the store is in use",
                      (int)id);
        return SG_E_INTERNAL;
    }
    *out = (struct sg_query){.store = store, .stmt = *kept, .rc = SQLITE_OK};
    return SG_OK;
}

sg_status sg_query_prepare(struct sg_store *store, const char *sql, struct sg_query *out,
                           struct sg_error *err)
{
    sqlite3_stmt *stmt = NULL;
    sg_status s = check_transaction(store, err);
    s = s == SG_OK ? prepare(store, sql, 0, &stmt, err) : s;
    if (s == SG_OK) {
        *out = (struct sg_query){.store = store, .stmt = stmt, .rc = SQLITE_OK, .fresh = true};
    }
    return s;
}

void sg_query_done(struct sg_query *query)
{
    if (query->stmt == NULL) {
        return;
    }
    if (query->fresh) {
        (void)sqlite3_finalize(query->stmt);
    } else {
        (void)sqlite3_reset(query->stmt); /* repeats the failure that was told already */
        (void)sqlite3_clear_bindings(query->stmt);
    }
    query->stmt = NULL;
}

static void remember(struct sg_query *query, int rc)
{
    if (query->rc == SQLITE_OK) {
        query->rc = rc;
    }
}

void sg_query_text(struct sg_query *query, const char *text)
{
    remember(query, sqlite3_bind_text(query->stmt, ++query->bound, text, -1, SQLITE_STATIC));
}

void sg_query_blob(struct sg_query *query, const void *data, size_t len)
{
    if (len > INT_MAX) {
        remember(query, SQLITE_TOOBIG);
        return;
    }
    remember(query, sqlite3_bind_blob(query->stmt, ++query->bound, data, (int)len, SQLITE_STATIC));
}

void sg_query_int(struct sg_query *query, int64_t value)
{
    remember(query, sqlite3_bind_int64(query->stmt, ++query->bound, value));
}

void sg_query_null(struct sg_query *query)
{
    remember(query, sqlite3_bind_null(query->stmt, ++query->bound));
}

int sg_query_try(struct sg_query *query)
{
    return query->rc != SQLITE_OK ? query->rc : sqlite3_step(query->stmt);
}

sg_status sg_query_step(struct sg_query *query, bool *row, const char *doing, struct sg_error *err)
{
    int rc = sg_query_try(query);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        return sg_store_fail(query->store, rc, doing, err);
    }
    *row = rc == SQLITE_ROW;
    return SG_OK;
}

sg_status sg_query_run(struct sg_query *query, const char *doing, struct sg_error *err)
{
    bool row = false;
    sg_status s = sg_query_step(query, &row, doing, err);
    if (s == SG_OK && row) {
        return sg_fail(err, SG_E_INTERNAL, "unexpected_row", "%s gave a row", doing);
    }
    return s;
}

sg_status sg_query_column(struct sg_query *query, int column, char *out, size_t size,
                          struct sg_error *err)
{
    const unsigned char *text = sqlite3_column_text(query->stmt, column);
    size_t len = (size_t)sqlite3_column_bytes(query->stmt, column);
    if (text == NULL && sqlite3_column_type(query->stmt, column) != SQLITE_NULL) {
        return sg_fail_memory(err);
    }
    if (len >= size) {
        return sg_store_fail(query->store, SQLITE_CORRUPT, "reading a name that is too long", err);
    }
    if (text != NULL) {
        memcpy(out, text, len);
    }
    out[len] = '\0';
    return SG_OK;
}

/* ---- transactions and scopes ---- */

/* Without waiting a commit is in the write-ahead log, survives us, and comes to the disk before the
 * next one that waits (https://sqlite.org/pragma.html#pragma_synchronous). */
sg_status sg_store_wait_for_disk(struct sg_store *store, bool wait, struct sg_error *err)
{
    const char *pragma = wait ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL";
    int rc = sqlite3_exec(store->db, pragma, NULL, NULL, NULL);
    store->hurries = wait && rc != SQLITE_OK;
    return rc == SQLITE_OK ? SG_OK : sg_store_fail(store, rc, "preparing a commit", err);
}

static sg_status run_fixed(struct sg_store *store, enum sg_query_id id, const char *doing,
                           struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, id, &query, err);
    return s == SG_OK ? sg_query_run(&query, doing, err) : s;
}

sg_status sg_store_begin(struct sg_store *store, struct sg_error *err)
{
    if (store->in_transaction) {
        return sg_fail(err, SG_E_INTERNAL, "transaction_nested", "a transaction is open already");
    }
    sg_status s = run_fixed(store, SG_Q_BEGIN, "beginning a transaction", err);
    store->in_transaction = s == SG_OK;
    store->changes_before = sqlite3_total_changes64(store->db);
    return s;
}

bool sg_store_is_clean(const struct sg_store *store)
{
    return !store->in_transaction || sqlite3_total_changes64(store->db) == store->changes_before;
}

sg_status sg_store_commit(struct sg_store *store, struct sg_error *err)
{
    if (!store->in_transaction) {
        return sg_fail(err, SG_E_INTERNAL, "no_transaction", "no transaction is open");
    }
    sg_status s = run_fixed(store, SG_Q_COMMIT, "committing", err);
    if (s == SG_OK) {
        store->in_transaction = false;
        note_written(store);
    }
    return s;
}

void sg_store_rollback(struct sg_store *store)
{
    struct sg_error ignored = SG_ERROR_INIT; /* what SQLite undid by itself needs no second time */
    if (store->in_transaction && sqlite3_get_autocommit(store->db) == 0) {
        (void)!run_fixed(store, SG_Q_ROLLBACK, "rolling back", &ignored);
    }
    store->in_transaction = false;
}

sg_status sg_scope_open(struct sg_store *store, struct sg_scope *out, struct sg_error *err)
{
    if (sqlite3_get_autocommit(store->db) != 0) {
        store->changes_before = sqlite3_total_changes64(store->db);
    }
    sg_status s = run_fixed(store, SG_Q_SCOPE_OPEN, "beginning a change", err);
    if (s == SG_OK) {
        out->store = store;
    }
    return s;
}

sg_status sg_scope_keep(struct sg_scope *scope, struct sg_error *err)
{
    /* Outside of a transaction this is the commit, and may fail as one; then the scope is still to
     * be undone. */
    sg_status s = run_fixed(scope->store, SG_Q_SCOPE_KEEP, "committing a change", err);
    if (s == SG_OK && sqlite3_get_autocommit(scope->store->db) != 0) {
        note_written(scope->store);
    }
    if (s == SG_OK) {
        scope->store = NULL;
    }
    return s;
}

void sg_scope_undo(struct sg_scope *scope)
{
    struct sg_error ignored = SG_ERROR_INIT;
    struct sg_store *store = SG_STEAL(scope->store);
    if (store != NULL && sqlite3_get_autocommit(store->db) == 0) {
        (void)!run_fixed(store, SG_Q_SCOPE_UNDO, "undoing a change", &ignored);
        (void)!run_fixed(store, SG_Q_SCOPE_KEEP, "undoing a change", &ignored);
    }
}

/* ---- identities for walks ---- */

void sg_ids_done(struct sg_ids *ids)
{
    free(ids->items);
    *ids = (struct sg_ids){0};
}

sg_status sg_ids_add(struct sg_ids *ids, int64_t id, struct sg_error *err)
{
    if (ids->count == ids->capacity) {
        size_t capacity = ids->capacity == 0 ? 64 : ids->capacity * 2;
        int64_t *items = reallocarray(ids->items, capacity, sizeof *items);
        if (items == NULL) {
            return sg_fail_memory(err);
        }
        ids->items = items;
        ids->capacity = capacity;
    }
    ids->items[ids->count++] = id;
    return SG_OK;
}

sg_status sg_query_ids(struct sg_query *query, struct sg_ids *ids, const char *doing,
                       struct sg_error *err)
{
    for (;;) {
        bool row = false;
        sg_status s = sg_query_step(query, &row, doing, err);
        if (s != SG_OK || !row) {
            return s;
        }
        s = sg_ids_add(ids, sqlite3_column_int64(query->stmt, 0), err);
        if (s != SG_OK) {
            return s;
        }
    }
}
