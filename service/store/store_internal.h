/* Inside the store: the handle, prepared queries, scopes. Only this room and its tests include it.
 */
#ifndef SIGNET_STORE_STORE_INTERNAL_H
#define SIGNET_STORE_STORE_INTERNAL_H

#include <sqlite3.h>

#include <signet/store/store.h>

/** "Sign": what the file says it is (PRAGMA application_id). */
#define SG_STORE_APPLICATION 0x5369676E
/** The schema that this program writes: the number of migrations (PRAGMA user_version). */
#define SG_STORE_VERSION 14

/** Every fixed statement, by name; the texts are in queries.c. */
enum sg_query_id {
    SG_Q_BEGIN,
    SG_Q_COMMIT,
    SG_Q_ROLLBACK,
    SG_Q_SCOPE_OPEN,
    SG_Q_SCOPE_KEEP,
    SG_Q_SCOPE_UNDO,
    SG_Q_OWNER_ADD,
    SG_Q_OWNER_EXISTS,
    SG_Q_OWNER_NAMES,
    SG_Q_OWNER_COUNTS,
    SG_Q_OWNER_UIDS,
    SG_Q_ATTACH,
    SG_Q_DETACH,
    SG_Q_OWNERS_OF_UID,
    SG_Q_KEY_ADD,
    SG_Q_KEY_EXISTS,
    SG_Q_KEY_DELETE_UNUSED,
    SG_Q_KEY_RETIRE,
    SG_Q_KEY_LEAVE,
    SG_Q_KEY_USE_ADD,
    SG_Q_KEY_USES,
    SG_Q_KEY_USE_TOTAL,
    SG_Q_KEY_LAST_USE,
    SG_Q_KEY_USERS,
    SG_Q_CERTIFICATE_ADD,
    SG_Q_CERTIFICATE_REPLACE,
    SG_Q_CERTIFICATE_TRUST,
    SG_Q_CERTIFICATE_LABEL,
    SG_Q_CERTIFICATE_REQUESTED,
    SG_Q_CERTIFICATE_DELETE,
    SG_Q_CERTIFICATE_KEY,
    SG_Q_CERTIFICATE_BY_ID,
    SG_Q_CERTIFICATE_BY_NAME,
    SG_Q_CERTIFICATE_LABEL_USED,
    SG_Q_CERTIFICATE_SAME,
    SG_Q_CERTIFICATE_NAME,
    SG_Q_COUNTS,
    SG_Q_RING_ADD,
    SG_Q_RING_DELETE,
    SG_Q_RING_BY_ID,
    SG_Q_RING_BY_NAME,
    SG_Q_RING_IDS,
    SG_Q_RING_IDS_ALL,
    SG_Q_RINGS_BETWEEN,
    SG_Q_RING_OUTLINES,
    SG_Q_RINGS_BEGINNING,
    SG_Q_RING_BUMP_HOLDING,
    SG_Q_RING_BUMP,
    SG_Q_RING_BUMP_OWNER,
    SG_Q_CONNECTED,
    SG_Q_DEFAULT_OTHER,
    SG_Q_DEFAULT_CLEAR,
    SG_Q_CONNECT,
    SG_Q_DISCONNECT,
    SG_Q_CONNECTION_DEFAULT,
    SG_Q_CONNECTION_REPLACE,
    SG_Q_MEMBERS,
    SG_Q_MEMBERSHIPS,
    SG_Q_MAP_ADD,
    SG_Q_MAP_FREE_LABEL,
    SG_Q_MAP_ALTER,
    SG_Q_MAP_DELETE,
    SG_Q_MAP_BY_ID,
    SG_Q_MAP_BY_NAME,
    SG_Q_MAP_BY_FILTER,
    SG_Q_MAP_IDS,
    SG_Q_MAP_IDS_ALL,
    SG_Q_INTENT_ADD,
    SG_Q_INTENT_REMOVE,
    SG_Q_INTENT_BY_ID,
    SG_Q_INTENT_IDS,
    SG_Q_LOGIN_GET,
    SG_Q_LOGIN_SET,
    SG_Q_PROFILE_ADD,
    SG_Q_PROFILE_ALTER,
    SG_Q_PROFILE_DELETE,
    SG_Q_PROFILE_ID,
    SG_Q_PROFILE_SIZES,
    SG_Q_PROFILE_STAMP,
    SG_Q_PROFILES,
    SG_Q_PERMIT_SET,
    SG_Q_PERMIT_DELETE,
    SG_Q_PERMITS,
    SG_Q_ROLLOVER_ADD,
    SG_Q_ROLLOVER_SWITCH,
    SG_Q_ROLLOVER_END,
    SG_Q_ROLLOVER_OF,
    SG_Q_ROLLOVERS,
    SG_Q_ROLLOVER_NOTE,
    SG_Q_ROLLOVER_NOTE_GET,
    SG_Q_ROLLOVER_NOTES,
    SG_Q_ROLLOVER_HELD,
    SG_Q_ISSUED,
    SG_Q_LABELS,
    SG_Q_LABEL_ELSEWHERE,
    SG_Q_RING_NAMES,
    SG_Q_RING_ELSEWHERE,
};
#define SG_QUERY_COUNT (SG_Q_RING_ELSEWHERE + 1)

struct sg_store {
    sqlite3 *db;
    char *path;
    bool copied;         /**< it stands in memory, and its room is bounded */
    bool in_transaction; /**< between sg_store_begin and commit or rollback, whatever SQLite did
                            meanwhile */
    bool hurries; /**< a commit does not wait for the disk, and could not be told to do so again */
    struct sg_error
        write_failure;      /**< of the last write, if that failed; .status SG_OK: it did not */
    int64_t write_failed_s; /**< when */
    bool reserve_whole;     /**< the space that is kept back is there */
    bool reserve_spent;     /**< a part of it was given to the disk since then */
    sqlite3_int64 changes_before;           /**< made by this handle until the transaction began */
    sqlite3_stmt *prepared[SG_QUERY_COUNT]; /**< prepared at first use, reset after each */
};

/** Whether a commit waits until it is on the disk; not while a transaction is open. */
SG_CHECKED sg_status sg_store_wait_for_disk(struct sg_store *store, bool wait,
                                            struct sg_error *err);

/** The text of a fixed statement. */
const char *sg_query_text_of(enum sg_query_id id);

/* ---- opening ---- */
/** The migrations, oldest first: entry i leads from version i to i+1. */
const char *const *sg_store_migrations(size_t *count);
/** Is everything there that a file of this version has? SG_E_STORAGE "store_damaged", naming what
 * is missing; more is no harm. */
SG_CHECKED sg_status sg_store_check_shape(struct sg_store *store, int64_t version,
                                          struct sg_error *err);
/** For tests: let the file grow to so many pages, so that the disk is "full" (SQLITE_FULL). 0 takes
 * the limit away. */
void sg_store_limit_pages(struct sg_store *store, unsigned pages);

/* ---- one use of a statement ---- */
/** Bind in order, then step. A failed bind is remembered and told by the first step. */
struct sg_query {
    struct sg_store *store;
    sqlite3_stmt *stmt;
    int bound;
    int rc;     /**< first failure of a bind */
    bool fresh; /**< prepared for this one use */
};
#define SG_QUERY SG_CLEANUP(sg_query_done) struct sg_query

/** Take the prepared statement. No sink is ever called while one is taken, so it is never in use.
 */
SG_CHECKED sg_status sg_query_open(struct sg_store *store, enum sg_query_id id,
                                   struct sg_query *out, struct sg_error *err);
/** Prepare a statement for one use. */
SG_CHECKED sg_status sg_query_prepare(struct sg_store *store, const char *sql, struct sg_query *out,
                                      struct sg_error *err);
void sg_query_done(struct sg_query *query);
/** Bytes and texts are bound in place: they live until the query is done. */
void sg_query_text(struct sg_query *query, const char *text);
void sg_query_blob(struct sg_query *query, const void *data, size_t len);
void sg_query_int(struct sg_query *query, int64_t value);
void sg_query_null(struct sg_query *query);
/** Step: SQLITE_ROW, SQLITE_DONE or the extended code of what failed. */
int sg_query_try(struct sg_query *query);
/** Step and say whether there is a row; everything else is a failure. doing: "reading the owners".
 */
SG_CHECKED sg_status sg_query_step(struct sg_query *query, bool *row, const char *doing,
                                   struct sg_error *err);
/** Step a statement that gives no rows. */
SG_CHECKED sg_status sg_query_run(struct sg_query *query, const char *doing, struct sg_error *err);
/** Copy a text column; longer than the schema allows is SG_E_STORAGE "store_damaged". */
SG_CHECKED sg_status sg_query_column(struct sg_query *query, int column, char *out, size_t size,
                                     struct sg_error *err);

/** Say what SQLite's (extended) code means, with hint; keeps it in err->sql. That the file cannot
 * be written is kept in the store. */
sg_status sg_store_fail(struct sg_store *store, int rc, const char *doing, struct sg_error *err);

/* ---- several statements that happen together or not at all, inside or outside of a transaction
 * ---- */
struct sg_scope {
    struct sg_store *store; /**< NULL: nothing to undo */
};
#define SG_SCOPE SG_CLEANUP(sg_scope_undo) struct sg_scope
SG_CHECKED sg_status sg_scope_open(struct sg_store *store, struct sg_scope *out,
                                   struct sg_error *err);
SG_CHECKED sg_status sg_scope_keep(struct sg_scope *scope, struct sg_error *err);
void sg_scope_undo(struct sg_scope *scope);

/* ---- walks: the identities are read first, so a sink may do to the store what it likes ---- */
struct sg_ids {
    int64_t *items;
    size_t count, capacity;
};
void sg_ids_done(struct sg_ids *ids);
#define SG_IDS SG_CLEANUP(sg_ids_done) struct sg_ids
SG_CHECKED sg_status sg_ids_add(struct sg_ids *ids, int64_t id, struct sg_error *err);
/** Add the first column of every row. */
SG_CHECKED sg_status sg_query_ids(struct sg_query *query, struct sg_ids *ids, const char *doing,
                                  struct sg_error *err);

/* ---- rows ---- */
/** Read a certificate by id; *found false when it is not there (any more). */
SG_CHECKED sg_status sg_certificate_read(struct sg_store *store, int64_t id,
                                         struct sg_certificate_row *out, bool *found,
                                         struct sg_error *err);
/** The row that a query with the columns of SG_Q_CERTIFICATE_BY_ID stands on. */
SG_CHECKED sg_status sg_certificate_from_query(struct sg_query *query,
                                               struct sg_certificate_row *out,
                                               struct sg_error *err);
/** Owner and label of a certificate; empty when there is none. */
SG_CHECKED sg_status sg_certificate_name_of(struct sg_store *store, int64_t id,
                                            struct sg_certificate_name *out, struct sg_error *err);
/** "no certificate has the number 7" */
sg_status sg_certificate_missing(int64_t id, struct sg_error *err);
/** "no ring has the number 7" */
sg_status sg_ring_missing(int64_t id, struct sg_error *err);
SG_CHECKED sg_status sg_ring_read(struct sg_store *store, int64_t id, struct sg_ring_row *out,
                                  bool *found, struct sg_error *err);
/** "owner … does not exist" with a hint. */
sg_status sg_owner_missing(const char *owner, struct sg_error *err);

#define SG_WALK_SQL 1024
/** The statement that finds the certificates of a filter, in order; made of fixed parts only. */
SG_CHECKED sg_status sg_certificate_walk_sql(const struct sg_certificate_filter *filter,
                                             char sql[SG_WALK_SQL], struct sg_error *err);

/* ---- did you mean ---- */
/** Hint at certificates or rings that may have been meant; err is set already and stays the
 * failure. */
sg_status sg_suggest_certificate(struct sg_store *store, const struct sg_certificate_name *name,
                                 struct sg_error *err);
sg_status sg_suggest_ring(struct sg_store *store, const struct sg_ring_ref *name,
                          struct sg_error *err);

#endif
