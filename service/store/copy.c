/* A private copy of the store, in memory: what is done in it is done nowhere else. */
#include "store_internal.h"

#include <stdio.h>
#include <string.h>

static void close_storep(struct sg_store **store)
{
    sg_store_close(*store);
}
#define SG_STORE SG_CLEANUP(close_storep)

static sg_status read_number(struct sg_store *store, const char *sql, int64_t *out,
                             struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    sg_status s = sg_query_prepare(store, sql, &query, err);
    s = s == SG_OK ? sg_query_step(&query, &row, "copying", err) : s;
    if (s == SG_OK) {
        *out = row ? sqlite3_column_int64(query.stmt, 0) : 0;
    }
    return s;
}

static sg_status execute(struct sg_store *store, const char *sql, struct sg_error *err)
{
    int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK
               ? SG_OK
               : sg_store_fail(store, sqlite3_extended_errcode(store->db), "copying", err);
}

sg_status sg_store_size(struct sg_store *store, uint64_t *bytes, struct sg_error *err)
{
    int64_t size = 0;
    sg_status s = read_number(store,
                              "SELECT page_count * page_size"
                              " FROM pragma_page_count(), pragma_page_size()",
                              &size, err);
    if (s == SG_OK) {
        *bytes = size > 0 ? (uint64_t)size : 0;
    }
    return s;
}

static sg_status open_memory(struct sg_store *copy, struct sg_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY |
                SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(":memory:", &copy->db, flags, NULL);
    return rc == SQLITE_OK ? SG_OK : sg_store_fail(copy, rc, "opening", err);
}

/* All of it in one go: the store has one user, who waits here. */
static sg_status copy_pages(struct sg_store *from, struct sg_store *to, struct sg_error *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", from->db, "main");
    if (backup == NULL) {
        return sg_store_fail(to, sqlite3_extended_errcode(to->db), "copying", err);
    }
    int rc = sqlite3_backup_step(backup, -1);
    int end = sqlite3_backup_finish(backup);
    if (rc == SQLITE_DONE && end == SQLITE_OK) {
        return SG_OK;
    }
    return sg_store_fail(to, rc == SQLITE_DONE ? end : rc, "copying", err);
}

/* As the store itself is opened (open.c), but for what is about its file. */
static sg_status settle(struct sg_store *copy, uint64_t growth, struct sg_error *err)
{
    char limit[64];
    int64_t pages = 0;
    int64_t page_size = 0;
    (void)sqlite3_db_config(copy->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(copy->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_limit(copy->db, SQLITE_LIMIT_ATTACHED, 0);
    sg_status s = read_number(copy, "PRAGMA page_count", &pages, err);
    s = s == SG_OK ? read_number(copy, "PRAGMA page_size", &page_size, err) : s;
    if (s != SG_OK || page_size <= 0) {
        return s != SG_OK ? s : sg_fail(err, SG_E_INTERNAL, NULL, "pages without a size");
    }
    (void)snprintf(limit, sizeof limit, "PRAGMA max_page_count = %llu",
                   (unsigned long long)pages + growth / (uint64_t)page_size);
    s = execute(copy, limit, err);
    return s == SG_OK ? execute(copy, "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;", err)
                      : s;
}

sg_status sg_store_copy(struct sg_store *store, uint64_t growth, struct sg_store **out,
                        struct sg_error *err)
{
    if (store->in_transaction) {
        return sg_fail(err, SG_E_INTERNAL, NULL, "copying the store within a transaction");
    }
    SG_STORE struct sg_store *copy = calloc(1, sizeof *copy);
    if (copy == NULL || (copy->path = strdup("of the rehearsal")) == NULL) {
        return sg_fail_memory(err);
    }
    copy->copied = true;
    sg_status s = open_memory(copy, err);
    s = s == SG_OK ? copy_pages(store, copy, err) : s;
    s = s == SG_OK ? settle(copy, growth, err) : s;
    if (s == SG_OK) {
        *out = SG_STEAL(copy);
    }
    return s;
}
