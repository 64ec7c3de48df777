#include "store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/base/file.h>

static void close_storep(struct sg_store **store)
{
    sg_store_close(*store);
}
#define SG_STORE SG_CLEANUP(close_storep)

/* ---- the file ---- */

static sg_status file_failure(const char *path, const char *doing, struct sg_error *err)
{
    int reason = errno;
    const char *code = "store_unavailable";
    if (reason == ENOSPC || reason == EDQUOT) {
        code = "disk_full";
    } else if (reason == EACCES || reason == EPERM || reason == EROFS) {
        code = "store_read_only";
    }
    (void)sg_fail_errno(err, SG_E_STORAGE, code, "cannot %s the store %s", doing, path);
    (void)sg_object(err, "%s", path);
    return sg_hint(err, "Let the service write %s and the directory it is in.", path);
}

/* The new name must survive a power cut as the commits in the file do. */
static sg_status sync_directory(const char *path, struct sg_error *err)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    SG_FD int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL)) {
        return file_failure(path, "sync the directory of", err);
    }
    return SG_OK;
}

/* A first start has none, and neither has a kill in the middle of one: the file gets its first page
 * before it gets a log. */
static bool has_log(const char *path)
{
    char log[PATH_MAX];
    struct stat info;
    int len = snprintf(log, sizeof log, "%s-wal", path);
    return len > 0 && (size_t)len < sizeof log && stat(log, &info) == 0 && info.st_size > 0;
}

/* SQLite would take the log for worthless and remove it. */
static sg_status refuse_log_alone(const char *path, const char *what, struct sg_error *err)
{
    (void)sg_fail(err, SG_E_STORAGE, "store_damaged",
                  "the store %s %s, but its log %s-wal is there", path, what, path);
    (void)sg_object(err, "%s", path);
    return sg_hint(err, "Put the signet.db back that this signet.db-wal belongs to, or both from a "
                        "backup. To begin with an empty store move signet.db-wal away.");
}

static sg_status create_file(const char *path, struct sg_error *err)
{
    SG_FD int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST) {
        return file_failure(path, "create", err);
    }
    return fd < 0 ? SG_OK : sync_directory(path, err);
}

/* A file that is there is looked at by name only: closing a descriptor of it would drop the locks
 * that another handle of this process holds on it (fcntl(2)). */
static sg_status prepare_file(const char *path, struct sg_error *err)
{
    struct stat info;
    bool there = stat(path, &info) == 0;
    if (!there && errno != ENOENT) {
        return file_failure(path, "open", err);
    }
    if (!there) {
        return has_log(path) ? refuse_log_alone(path, "is not there", err) : create_file(path, err);
    }
    if (S_ISREG(info.st_mode) && info.st_size == 0 && has_log(path)) {
        return refuse_log_alone(path, "is empty", err);
    }
    if (!S_ISREG(info.st_mode)) {
        (void)sg_fail(err, SG_E_STORAGE, "store_damaged", "the store %s is not a file", path);
        return sg_object(err, "%s", path);
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0 && chmod(path, info.st_mode & S_IRWXU) != 0) {
        return file_failure(path, "take others' rights from", err);
    }
    return SG_OK;
}

/* ---- what it is ---- */

static sg_status read_number(struct sg_store *store, const char *sql, int64_t *out,
                             struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    sg_status s = sg_query_prepare(store, sql, &query, err);
    s = s == SG_OK ? sg_query_step(&query, &row, "opening", err) : s;
    if (s == SG_OK) {
        *out = row ? sqlite3_column_int64(query.stmt, 0) : 0;
    }
    return s;
}

static sg_status refuse_foreign(const struct sg_store *store, struct sg_error *err)
{
    (void)sg_fail(err, SG_E_STORAGE, "store_damaged",
                  "the file %s is a database of another program", store->path);
    (void)sg_object(err, "%s", store->path);
    return sg_hint(err, "Configure another state directory, or move that file away.");
}

static sg_status refuse_newer(const struct sg_store *store, int64_t version, struct sg_error *err)
{
    (void)sg_fail(err, SG_E_STORAGE, "store_newer",
                  "the store %s has schema %lld, this Signet knows schemas up to %d", store->path,
                  (long long)version, SG_STORE_VERSION);
    (void)sg_object(err, "%s", store->path);
    return sg_hint(
        err,
        "Run the newer Signet that wrote it, or restore the backup from before the upgrade; the file is unchanged.");
}

/* Looks only: a file that is refused stays as it is. */
static sg_status identify(struct sg_store *store, int64_t *version, struct sg_error *err)
{
    int64_t application = 0;
    int64_t tables = 0;
    sg_status s = read_number(store, "PRAGMA application_id", &application, err);
    s = s == SG_OK ? read_number(store, "PRAGMA user_version", version, err) : s;
    s = s == SG_OK ? read_number(store, "SELECT count(*) FROM sqlite_schema", &tables, err) : s;
    if (s != SG_OK) {
        return s;
    }
    bool fresh = application == 0 && *version == 0 && tables == 0;
    if (!fresh && (application != SG_STORE_APPLICATION || *version < 1)) {
        return refuse_foreign(store, err);
    }
    return *version > SG_STORE_VERSION ? refuse_newer(store, *version, err) : SG_OK;
}

/* ---- opening it ---- */

static sg_status execute(struct sg_store *store, const char *sql, const char *doing,
                         struct sg_error *err)
{
    int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK) {
        return SG_OK;
    }
    return sg_store_fail(store, sqlite3_extended_errcode(store->db), doing, err);
}

/* Exclusive before the first read: SQLite then never makes the shared memory file, and a second
 * process gets SQLITE_BUSY at its first read. Nothing is checkpointed into the file before we know
 * that it is ours. */
static sg_status connect_file(struct sg_store *store, struct sg_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(store->path, &store->db, flags, NULL);
    if (rc != SQLITE_OK) {
        return sg_store_fail(store, rc, "opening", err);
    }
    if (sqlite3_db_readonly(store->db, "main") !=
        0) { /* what SQLite does with a file it may not write */
        return sg_store_fail(store, SQLITE_READONLY, "opening", err);
    }
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_limit(store->db, SQLITE_LIMIT_ATTACHED, 0);
    return execute(store,
                   "PRAGMA locking_mode = EXCLUSIVE;"
                   "PRAGMA synchronous = FULL;"
                   "PRAGMA foreign_keys = ON;"
                   "PRAGMA cell_size_check = ON;"
                   "PRAGMA temp_store = MEMORY;"
                   "PRAGMA cache_size = -16384;",
                   "opening", err);
}

/* A pragma that SQLite does not like is no error to it: read back what matters. */
static sg_status enter_wal(struct sg_store *store, struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    char mode[16] = "";
    sg_status s = sg_query_prepare(store, "PRAGMA journal_mode = WAL", &query, err);
    s = s == SG_OK ? sg_query_step(&query, &row, "opening", err) : s;
    s = s == SG_OK ? sg_query_column(&query, 0, mode, sizeof mode, err) : s;
    if (s == SG_OK && strcmp(mode, "wal") != 0) {
        return sg_store_fail(store, SQLITE_CANTOPEN, "entering WAL mode", err);
    }
    return s;
}

static sg_status check_settings(struct sg_store *store, struct sg_error *err)
{
    static const struct {
        const char *sql;
        int64_t expected;
    } settings[] = {{"PRAGMA foreign_keys", 1}, {"PRAGMA synchronous", 2}};
    for (size_t i = 0; i < SG_COUNT(settings); i++) {
        int64_t value = -1;
        sg_status s = read_number(store, settings[i].sql, &value, err);
        if (s != SG_OK) {
            return s;
        }
        if (value != settings[i].expected) {
            return sg_fail(err, SG_E_INTERNAL, "store_setting", "%s is %lld in this SQLite",
                           settings[i].sql, (long long)value);
        }
    }
    return SG_OK;
}

static sg_status migrate_one(struct sg_store *store, int64_t from, struct sg_error *err)
{
    SG_TRANSACTION struct sg_store *open = store;
    size_t count = 0;
    const char *const *migrations = sg_store_migrations(&count);
    char stamp[100];
    (void)snprintf(stamp, sizeof stamp, "PRAGMA application_id = %d; PRAGMA user_version = %lld;",
                   SG_STORE_APPLICATION, (long long)from + 1);
    sg_status s = sg_store_begin(store, err);
    s = s == SG_OK ? execute(store, migrations[from], "migrating", err) : s;
    s = s == SG_OK ? execute(store, stamp, "migrating", err) : s;
    s = s == SG_OK ? sg_store_commit(store, err) : s;
    (void)open;
    return s;
}

static sg_status migrate(struct sg_store *store, int64_t version, struct sg_error *err)
{
    sg_status s = SG_OK;
    while (s == SG_OK && version < SG_STORE_VERSION) {
        s = migrate_one(store, version++, err);
    }
    return s;
}

/* A damaged page is better found now than in the middle of a signature; 10,000 certificates take
 * some 50 ms. */
static sg_status check_health(struct sg_store *store, struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    char answer[16] = "";
    sg_status s = sg_query_prepare(
        store, "SELECT substr(quick_check, 1, 15) FROM pragma_quick_check(1)", &query, err);
    s = s == SG_OK ? sg_query_step(&query, &row, "checking", err) : s;
    s = s == SG_OK ? sg_query_column(&query, 0, answer, sizeof answer, err) : s;
    if (s == SG_OK && strcmp(answer, "ok") != 0) {
        return sg_store_fail(store, SQLITE_CORRUPT, "checking", err);
    }
    return s;
}

static sg_status settle(struct sg_store *store, struct sg_error *err)
{
    int64_t version = 0;
    sg_status s = connect_file(store, err);
    s = s == SG_OK ? identify(store, &version, err) : s;
    s = s == SG_OK ? enter_wal(store, err) : s;
    s = s == SG_OK ? check_settings(store, err) : s;
    s = s == SG_OK && version > 0 ? check_health(store, err) : s;
    s = s == SG_OK && version > 0 ? sg_store_check_shape(store, version, err) : s;
    s = s == SG_OK ? migrate(store, version, err) : s;
    if (s == SG_OK) {
        (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    }
    return s;
}

sg_status sg_store_open(const char *path, struct sg_store **out, struct sg_error *err)
{
    SG_STORE struct sg_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return sg_fail_memory(err);
    }
    /* SQLite reads meaning into names like ":memory:" and "file:…"; into a path with a directory it
     * does not. */
    if (asprintf(&store->path, "%s%s", path[0] == '/' ? "" : "./", path) < 0) {
        store->path = NULL;
        return sg_fail_memory(err);
    }
    sg_status s = prepare_file(store->path, err);
    s = s == SG_OK ? settle(store, err) : s;
    if (s == SG_OK) {
        *out = SG_STEAL(store);
    }
    return s;
}

const char *sg_store_path(const struct sg_store *store)
{
    return store->path;
}

void sg_store_close(struct sg_store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->db != NULL) {
        sg_store_rollback(store);
    }
    for (size_t i = 0; i < SG_QUERY_COUNT; i++) {
        (void)sqlite3_finalize(store->prepared[i]);
    }
    (void)sqlite3_close(store->db);
    free(store->path);
    free(store);
}

void sg_store_limit_pages(struct sg_store *store, unsigned pages)
{
    char sql[64];
    struct sg_error ignored = SG_ERROR_INIT;
    (void)snprintf(sql, sizeof sql, "PRAGMA max_page_count = %u", pages > 0 ? pages : 4294967294u);
    (void)!execute(store, sql, "limiting", &ignored);
}
