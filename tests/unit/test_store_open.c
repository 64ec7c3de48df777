/* Opening: migration, refusals, one process only, full disks, read-only directories, transactions.
 */
#include "store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/file.h>

#include "store_internal.h"

#define OTHER_UID 65534

static void write_file(const char *path, const void *data, size_t len)
{
    SG_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
}

static void read_file(const char *path, struct sg_buffer *out)
{
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(out, 16u << 20);
    assert_int_equal(sg_file_read(path, "store", out, &err), SG_OK);
}

/* Make a store, then change it past the store. */
static void make_store_then(struct fixture *fixture, const char *sql)
{
    assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
    sg_store_close(SG_STEAL(fixture->store));
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void open_makes_a_new_file_with_schema_and_anchors(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
    assert_int_equal(number_of_sql(fixture, "PRAGMA user_version"), SG_STORE_VERSION);
    assert_int_equal(number_of_sql(fixture, "PRAGMA application_id"), SG_STORE_APPLICATION);
    assert_int_equal(number_of_sql(fixture, "PRAGMA synchronous"), 2);
    assert_int_equal(number_of_sql(fixture, "PRAGMA foreign_keys"), 1);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM owner"), 3);
    struct stat info;
    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    char wal[128];
    snprintf(wal, sizeof wal, "%s-wal", fixture->path);
    assert_int_equal(stat(wal, &info), 0);
    assert_int_equal(info.st_mode & 0077, 0);
}

static void open_migrates_an_empty_file(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture->path, "", 0);
    assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
    assert_int_equal(number_of_sql(fixture, "PRAGMA user_version"), SG_STORE_VERSION);
}

/* SQLite would throw away what the log holds, and with it what a file that is put back lacks. */
static void open_keeps_a_log_whose_file_is_gone(void **state)
{
    struct fixture *fixture = *state;
    static const bool emptied[] = {false, true};
    char wal[128];
    SG_BUFFER before, after;
    snprintf(wal, sizeof wal, "%s-wal", fixture->path);
    write_file(wal, "what was committed last", 23);
    read_file(wal, &before);
    for (size_t i = 0; i < SG_COUNT(emptied); i++) {
        if (emptied[i]) {
            write_file(fixture->path, "", 0);
        }
        assert_fails(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err),
                     SG_E_STORAGE, "store_damaged");
        assert_has(fixture->err.text, fixture->path);
        assert_has(fixture->err.text, emptied[i] ? "is empty" : "is not there");
        assert_has(fixture->err.hint, "signet.db-wal");
        assert_int_equal(access(fixture->path, F_OK), emptied[i] ? 0 : -1);
    }
    read_file(wal, &after);
    assert_int_equal(before.len, after.len);
    write_file(wal, "", 0); /* which tells of nothing */
    assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
}

static void open_keeps_what_was_stored(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
    assert_ok(fixture, sg_store_owner_add(fixture->store, "START1", &fixture->err));
    fixture_reopen(fixture);
    bool exists = false;
    assert_ok(fixture, sg_store_owner_exists(fixture->store, "START1", &exists, &fixture->err));
    assert_true(exists);
}

static void open_takes_rights_from_others(void **state)
{
    struct fixture *fixture = *state;
    make_store_then(fixture, "SELECT 1");
    assert_int_equal(chmod(fixture->path, 0664), 0);
    assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
    struct stat info;
    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
}

static void open_takes_no_name_for_a_command(void **state)
{
    struct fixture *fixture = *state;
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(chdir(fixture->directory), 0);
    assert_ok(fixture, sg_store_open(":memory:", &fixture->store, &fixture->err));
    assert_int_equal(access(":memory:", F_OK), 0);
    sg_store_close(SG_STEAL(fixture->store));
    assert_int_equal(fchdir(here), 0);
    (void)close(here);
}

static void make_old_store(const struct fixture *fixture, size_t version)
{
    size_t count = 0;
    char identity[160];
    sqlite3 *db = NULL;
    const char *const *migrations = sg_store_migrations(&count);
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    for (size_t i = 0; i < version; i++) {
        assert_int_equal(sqlite3_exec(db, migrations[i], NULL, NULL, NULL), SQLITE_OK);
    }
    snprintf(identity, sizeof identity,
             "PRAGMA application_id = %d; PRAGMA user_version = %zu;"
             "INSERT INTO owner (name) VALUES ('KEPT')",
             SG_STORE_APPLICATION, version);
    assert_int_equal(sqlite3_exec(db, identity, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void open_brings_every_older_version_up(void **state)
{
    struct fixture *fixture = *state;
    for (size_t version = 1; version < SG_STORE_VERSION; version++) {
        bool kept = false;
        (void)unlink(fixture->path);
        make_old_store(fixture, version);
        assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
        assert_int_equal(number_of_sql(fixture, "PRAGMA user_version"), SG_STORE_VERSION);
        assert_ok(fixture, sg_store_owner_exists(fixture->store, "KEPT", &kept, &fixture->err));
        assert_true(kept);
        sg_store_close(fixture->store);
        fixture->store = NULL;
    }
}

/* A placeholder signed itself; that older versions did not write so made all of one name count each
 * other. */
static void open_knows_of_older_placeholders_that_they_signed_themselves(void **state)
{
    static const char rows[] =
        "INSERT INTO certificate (owner, label, serial, issuer, subject, issuer_text, subject_text,"
        " spki_sha256, not_before, not_after, trust, placeholder, requested, usage, key_type, der)"
        " SELECT 'KEPT', 'p' || n, n, x'3000', x'3000', '', '', zeroblob(32), 0, 1, 1, n, 0, 0, '',"
        " x'3000' FROM (SELECT 0 AS n UNION SELECT 1)";
    struct fixture *fixture = *state;
    sqlite3 *db = NULL;
    make_old_store(fixture, 9);
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, rows, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
    assert_int_equal(number_of_sql(fixture, "SELECT self_signed FROM certificate WHERE label='p1'"),
                     1);
    assert_int_equal(number_of_sql(fixture, "SELECT self_signed FROM certificate WHERE label='p0'"),
                     0);
}

static void open_refuses_a_newer_file_and_leaves_it_alone(void **state)
{
    struct fixture *fixture = *state;
    make_store_then(fixture, "PRAGMA user_version = 77");
    SG_BUFFER before;
    SG_BUFFER after;
    read_file(fixture->path, &before);
    assert_fails(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err),
                 SG_E_STORAGE, "store_newer");
    assert_null(fixture->store);
    assert_has(fixture->err.text, "77");
    assert_has(fixture->err.text, fixture->path);
    assert_true(fixture->err.hint[0] != '\0');
    read_file(fixture->path, &after);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
}

/* A newer Signet that was killed left its last transactions in the WAL: they stay there. */
static void open_refuses_a_newer_file_with_a_wal_and_leaves_both_alone(void **state)
{
    struct fixture *fixture = *state;
    make_store_then(fixture, "SELECT 1");
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 78", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    SG_BUFFER before;
    SG_BUFFER after;
    SG_BUFFER wal;
    read_file(fixture->path, &before);
    assert_fails(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err),
                 SG_E_STORAGE, "store_newer");
    read_file(fixture->path, &after);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    char path[128];
    snprintf(path, sizeof path, "%s-wal", fixture->path);
    read_file(path, &wal);
    assert_true(wal.len > 0);
}

static void open_refuses_what_is_no_database(void **state)
{
    struct fixture *fixture = *state;
    char page[8192];
    memset(page, 'x', sizeof page);
    write_file(fixture->path, page, sizeof page);
    assert_fails(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err),
                 SG_E_STORAGE, "store_damaged");
    assert_int_equal(fixture->err.sql & 0xFF, SQLITE_NOTADB);
    assert_has(fixture->err.text, fixture->path);
    assert_has(fixture->err.hint, "backup");
    struct stat info;
    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(info.st_size, sizeof page);
}

static void open_refuses_another_programs_database(void **state)
{
    struct fixture *fixture = *state;
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE theirs (a)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_fails(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err),
                 SG_E_STORAGE, "store_damaged");
    assert_has(fixture->err.text, "another program");
}

static void open_refuses_a_foreign_application_id(void **state)
{
    struct fixture *fixture = *state;
    make_store_then(fixture, "PRAGMA application_id = 99");
    assert_fails(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err),
                 SG_E_STORAGE, "store_damaged");
}

static void open_refuses_a_directory(void **state)
{
    struct fixture *fixture = *state;
    assert_fails(fixture, sg_store_open(fixture->directory, &fixture->store, &fixture->err),
                 SG_E_STORAGE, "store_damaged");
}

static void open_refuses_a_path_that_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    assert_fails(fixture, sg_store_open("/nonexistent/store.db", &fixture->store, &fixture->err),
                 SG_E_STORAGE, "store_unavailable");
    assert_int_equal(fixture->err.sys_errno, 2);
}

static void open_finds_a_damaged_page(void **state)
{
    struct fixture *fixture = *state;
    make_store_then(fixture, "INSERT INTO owner VALUES ('START1')");
    SG_BUFFER content;
    read_file(fixture->path, &content);
    for (size_t page = 2; page * 4096 < content.len; page++) {
        memset(content.data + page * 4096, 0xA5,
               64); /* every page but the first two loses its head */
    }
    write_file(fixture->path, content.data, content.len);
    assert_fails(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err),
                 SG_E_STORAGE, "store_damaged");
}

static void open_finds_a_row_that_breaks_the_rules(void **state)
{
    struct fixture *fixture = *state;
    make_store_then(fixture, "PRAGMA ignore_check_constraints = ON;"
                             "INSERT INTO owner VALUES ('no owner')");
    assert_fails(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err),
                 SG_E_STORAGE, "store_damaged");
}

static void open_finds_what_the_schema_lacks(void **state)
{
    static const struct {
        const char *sql, *missing;
    } cases[] = {
        {"DROP TABLE key_use", "table key_use"},
        {"PRAGMA foreign_keys = OFF; DROP TABLE certificate", "certificate"},
        {"DROP INDEX key_use_ring", "index key_use_ring"},
        {"ALTER TABLE key DROP COLUMN imported", "column key.imported"},
        {"ALTER TABLE key_use DROP COLUMN done", "column key_use.done"},
        {"DROP TABLE key_use; PRAGMA user_version = 7", "table key_use"},
        {"ALTER TABLE login RENAME TO logout", "table login"},
        {"DROP TRIGGER connection_gone", "trigger connection_gone"},
        {"DROP TRIGGER issuer_changed", "trigger issuer_changed"},
        {"DROP TRIGGER held_gone", "trigger held_gone"},
        {"DROP TRIGGER ring_leaves; PRAGMA user_version = 9", "trigger ring_leaves"},
    };
    struct fixture *fixture = *state;
    char log[140];
    snprintf(log, sizeof log, "%s-wal", fixture->path);
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        make_store_then(fixture, cases[i].sql);
        assert_fails(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err),
                     SG_E_STORAGE, "store_damaged");
        assert_has(fixture->err.text, fixture->path);
        assert_has(fixture->err.text, cases[i].missing);
        assert_has(fixture->err.hint, "restore a backup");
        assert_int_equal(unlink(fixture->path), 0);
        (void)unlink(log);
    }
    make_store_then(fixture, "CREATE INDEX mine ON certificate (der)"); /* more is no harm */
    assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
}

/* Run in a child and give its exit status. */
static int in_child(int (*run)(struct fixture *), struct fixture *fixture)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(run(fixture));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int expect_busy(struct fixture *fixture)
{
    struct sg_store *second = NULL;
    struct sg_error err = SG_ERROR_INIT;
    sg_status s = sg_store_open(fixture->path, &second, &err);
    bool right = s == SG_E_STORAGE && strcmp(err.code, "store_busy") == 0 && second == NULL &&
                 strstr(err.hint, "other signetd") != NULL && (err.sql & 0xFF) == SQLITE_BUSY;
    return right ? 0 : 1;
}

static void a_second_process_finds_the_store_busy(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(in_child(expect_busy, fixture), 0);
    assert_ok(fixture, sg_store_owner_add(fixture->store, "AFTER", &fixture->err));
    assert_int_equal(in_child(expect_busy, fixture), 0);
}

static int expect_free(struct fixture *fixture)
{
    struct sg_store *second = NULL;
    struct sg_error err = SG_ERROR_INIT;
    sg_status s = sg_store_open(fixture->path, &second, &err);
    sg_store_close(second);
    return s == SG_OK ? 0 : 1;
}

static void a_closed_store_is_free_for_the_next_process(void **state)
{
    struct fixture *fixture = *state;
    sg_store_close(SG_STEAL(fixture->store));
    assert_int_equal(in_child(expect_free, fixture), 0);
    assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
}

static void a_second_handle_of_the_same_process_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct sg_store *second = NULL;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_store_open(fixture->path, &second, &err), SG_E_STORAGE);
    assert_string_equal(err.code, "store_busy");
    assert_null(second);
    /* and did not take the first one's lock away (fcntl locks go with any closed descriptor) */
    assert_int_equal(in_child(expect_busy, fixture), 0);
}

#define RACERS 6
static void of_many_processes_at_once_one_gets_the_store(void **state)
{
    struct fixture *fixture = *state;
    int gate[2];
    int hold[2];
    pid_t children[RACERS];
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
    for (int i = 0; i < RACERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            char byte = 0;
            struct sg_store *store = NULL;
            struct sg_error err = SG_ERROR_INIT;
            close(gate[1]);
            (void)!read(gate[0], &byte, 1);
            sg_status s = sg_store_open(fixture->path, &store, &err);
            byte = '?';
            if (s == SG_OK) {
                byte = 'y';
            } else if (strcmp(err.code, "store_busy") == 0) {
                byte = 'n';
            }
            (void)!write(hold[1], &byte, 1);
            close(hold[1]);
            sleep(20); /* holds the store until it is killed */
            _exit(0);
        }
    }
    close(gate[0]);
    close(gate[1]);
    close(hold[1]);
    char answers[RACERS + 1] = "";
    for (size_t got = 0; got < RACERS; got++) {
        assert_int_equal(read(hold[0], answers + got, 1), 1);
    }
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(kill(children[i], SIGKILL), 0);
        assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
    }
    close(hold[0]);
    int winners = 0;
    for (size_t i = 0; i < RACERS; i++) {
        assert_true(answers[i] == 'y' || answers[i] == 'n');
        winners += answers[i] == 'y';
    }
    assert_in_range(winners, 0, 1); /* two that meet at the first write may both give way */
    assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
}

/* ---- no room, no rights ---- */

/* The disk is full from now on: certificates until one does not fit. *count: those that did. */
static sg_status fill_store(struct fixture *fixture, unsigned *count)
{
    sg_store_limit_pages(fixture->store, (unsigned)number_of_sql(fixture, "PRAGMA page_count"));
    for (*count = 0; *count < 1000; ++*count) {
        char label[16];
        snprintf(label, sizeof label, "c%u", *count);
        SG_CERTIFICATE_ROW row = row_of("START1", label, *count);
        sg_status s = sg_store_certificate_add(fixture->store, &row, &fixture->err);
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}

static void a_full_disk_is_said_and_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    unsigned number = 0;
    assert_fails(fixture, fill_store(fixture, &number), SG_E_STORAGE, "disk_full");
    assert_int_equal(fixture->err.sql & 0xFF, SQLITE_FULL);
    assert_has(fixture->err.hint, "Free space");
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM certificate"), number);
    sg_store_limit_pages(fixture->store, 0);
    (void)add_certificate(fixture, "START1", "fits now", 5000);
}

static bool write_failed(const struct fixture *fixture, struct sg_error *why)
{
    int64_t at_s = 0;
    bool failed = sg_store_write_failed(fixture->store, why, &at_s);
    assert_true(!failed || at_s > 1700000000);
    return failed;
}

static void that_the_last_write_failed_is_kept_until_one_succeeds(void **state)
{
    struct fixture *fixture = *state;
    struct sg_error why = SG_ERROR_INIT;
    struct sg_store_counts counts;
    unsigned number = 0;
    assert_false(write_failed(fixture, &why));
    assert_int_equal(fill_store(fixture, &number), SG_E_STORAGE);
    assert_true(write_failed(fixture, &why));
    assert_string_equal(why.code, "disk_full");
    /* neither reading nor a transaction that writes nothing makes it good */
    assert_ok(fixture, sg_store_count(fixture->store, &counts, &fixture->err));
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    assert_ok(fixture, sg_store_commit(fixture->store, &fixture->err));
    assert_true(write_failed(fixture, &why));
    sg_store_limit_pages(fixture->store, 0);
    assert_true(write_failed(fixture, &why));
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    assert_ok(fixture, sg_store_owner_add(fixture->store, "LATER", &fixture->err));
    assert_true(write_failed(fixture, &why));
    assert_ok(fixture, sg_store_commit(fixture->store, &fixture->err));
    assert_false(write_failed(fixture, &why));
}

static void a_refusal_is_no_failed_write(void **state)
{
    struct fixture *fixture = *state;
    struct sg_error why = SG_ERROR_INIT;
    assert_fails(fixture, sg_store_owner_add(fixture->store, "START1", &fixture->err),
                 SG_E_CONFLICT, "owner_exists");
    assert_false(write_failed(fixture, &why));
}

/* SQLite undoes the whole transaction when the disk is full; nothing that follows may slip into the
 * file alone. */
static void a_transaction_lost_on_a_full_disk_takes_all_with_it(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    assert_ok(fixture, sg_store_owner_add(fixture->store, "BEFORE", &fixture->err));
    unsigned number = 0;
    assert_fails(fixture, fill_store(fixture, &number), SG_E_STORAGE, "disk_full");
    sg_store_limit_pages(fixture->store, 0);
    if (sqlite3_get_autocommit(fixture->store->db) != 0) {
        assert_fails(fixture, sg_store_owner_add(fixture->store, "ALONE", &fixture->err),
                     SG_E_STORAGE, "transaction_lost");
        assert_fails(fixture, sg_store_commit(fixture->store, &fixture->err), SG_E_STORAGE,
                     "transaction_lost");
    }
    sg_store_rollback(fixture->store);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM certificate"), 0);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM owner"), 5);
    assert_ok(fixture, sg_store_owner_add(fixture->store, "ALONE", &fixture->err));
}

/* The same without waiting for SQLite to do it: its transaction ends behind the store's back. */
static void nothing_is_written_after_a_transaction_was_lost(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    assert_int_equal(run_sql(fixture, "ROLLBACK"), SQLITE_OK);
    assert_fails(fixture, sg_store_owner_add(fixture->store, "ALONE", &fixture->err), SG_E_STORAGE,
                 "transaction_lost");
    assert_fails(fixture, sg_store_commit(fixture->store, &fixture->err), SG_E_STORAGE,
                 "transaction_lost");
    sg_store_rollback(fixture->store);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM owner"), 5);
}

/* ---- what is kept back ---- */

#define RESERVE ((off_t)512 << 10)
#define PART ((off_t)128 << 10)

static void reserve_path(const struct fixture *fixture, char *out, size_t size)
{
    snprintf(out, size, "%s-reserve", fixture->path);
}

static off_t reserve_len(const struct fixture *fixture)
{
    char path[128];
    struct stat info = {.st_size = 0};
    reserve_path(fixture, path, sizeof path);
    return stat(path, &info) == 0 ? info.st_size : -1;
}

static void a_reserve_is_kept_and_spent_part_by_part(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(reserve_len(fixture), -1);
    sg_store_reserve_keep(fixture->store);
    assert_int_equal(reserve_len(fixture), RESERVE);
    assert_int_equal(sg_store_reserve_left(fixture->store), RESERVE);
    for (off_t left = RESERVE - PART; left >= PART; left -= PART) {
        assert_true(sg_store_reserve_spend(fixture->store, false));
        assert_int_equal(reserve_len(fixture), left);
    }
    assert_false(sg_store_reserve_spend(fixture->store, false)); /* not the last one */
    assert_int_equal(reserve_len(fixture), PART);
    assert_true(sg_store_reserve_spend(fixture->store, true));
    assert_int_equal(reserve_len(fixture), 0);
    assert_false(sg_store_reserve_spend(fixture->store, true));
    assert_int_equal(sg_store_reserve_left(fixture->store), 0);
    sg_store_reserve_keep(fixture->store);
    assert_int_equal(reserve_len(fixture), RESERVE);
}

/* From a backup that left holes out. */
static void a_reserve_without_blocks_is_none(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    struct stat info;
    reserve_path(fixture, path, sizeof path);
    write_file(path, "", 0);
    assert_int_equal(truncate(path, RESERVE), 0);
    assert_int_equal(sg_store_reserve_left(fixture->store), 0);
    assert_false(sg_store_reserve_spend(fixture->store, true));
    sg_store_reserve_keep(fixture->store);
    assert_int_equal(stat(path, &info), 0);
    assert_true(info.st_blocks * 512 >= RESERVE);
}

static void a_reserve_is_nobody_elses_file(void **state)
{
    struct fixture *fixture = *state;
    char path[128], other[128];
    struct stat info;
    reserve_path(fixture, path, sizeof path);
    snprintf(other, sizeof other, "%s/other", fixture->directory);
    write_file(other, "kept", 4);
    assert_int_equal(symlink(other, path), 0);
    sg_store_reserve_keep(fixture->store);
    assert_false(sg_store_reserve_spend(fixture->store, true));
    assert_int_equal(stat(other, &info), 0);
    assert_int_equal(info.st_size, 4);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    sg_store_reserve_keep(fixture->store);
    assert_false(sg_store_reserve_spend(fixture->store, true));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(unlink(other), 0);
}

static void a_copy_in_memory_has_none(void **state)
{
    struct fixture *fixture = *state;
    struct sg_store *copy = NULL;
    sg_store_reserve_keep(fixture->store);
    assert_ok(fixture, sg_store_copy(fixture->store, 1u << 20, &copy, &fixture->err));
    sg_store_reserve_keep(copy);
    assert_false(sg_store_reserve_spend(copy, true));
    assert_int_equal(sg_store_reserve_left(copy), 0);
    sg_store_close(copy);
    assert_int_equal(reserve_len(fixture), RESERVE);
}

/* What the reserve made possible says nothing of the disk. */
static void a_full_disk_is_remembered_until_there_is_room(void **state)
{
    struct fixture *fixture = *state;
    struct sg_error why = SG_ERROR_INIT;
    unsigned number = 0;
    sg_store_reserve_keep(fixture->store);
    assert_fails(fixture, fill_store(fixture, &number), SG_E_STORAGE, "disk_full");
    assert_true(sg_store_reserve_spend(fixture->store, true));
    sg_store_limit_pages(fixture->store, 0);
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    assert_ok(fixture, sg_store_owner_add(fixture->store, "LATER", &fixture->err));
    assert_ok(fixture, sg_store_commit(fixture->store, &fixture->err));
    assert_true(write_failed(fixture, &why));
    assert_string_equal(why.code, "disk_full");
    sg_store_reserve_keep(fixture->store);
    assert_false(write_failed(fixture, &why));
    assert_int_equal(reserve_len(fixture), RESERVE);
}

static int as_somebody_else(void)
{
    return geteuid() != 0 || (setgid(OTHER_UID) == 0 && setuid(OTHER_UID) == 0) ? 0 : -1;
}

static int expect_read_only(struct fixture *fixture)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_store *store = NULL;
    if (as_somebody_else() != 0) {
        return 2;
    }
    sg_status s = sg_store_open(fixture->path, &store, &err);
    bool right = s == SG_E_STORAGE && strcmp(err.code, "store_read_only") == 0 &&
                 strstr(err.text, fixture->path) != NULL && err.hint[0] != '\0';
    if (!right) {
        fprintf(stderr, "%s: %s\n", err.code, err.text);
    }
    return right ? 0 : 1;
}

static void give_to_somebody_else(const char *path)
{
    if (geteuid() == 0) {
        assert_int_equal(chown(path, OTHER_UID, OTHER_UID), 0);
    }
}

static void a_read_only_directory_is_said_for_a_new_store(void **state)
{
    struct fixture *fixture = *state;
    give_to_somebody_else(fixture->directory);
    assert_int_equal(chmod(fixture->directory, 0500), 0);
    assert_int_equal(in_child(expect_read_only, fixture), 0);
}

static void a_read_only_directory_is_said_for_an_old_store(void **state)
{
    struct fixture *fixture = *state;
    make_store_then(fixture, "SELECT 1");
    give_to_somebody_else(fixture->path);
    give_to_somebody_else(fixture->directory);
    assert_int_equal(chmod(fixture->directory, 0500), 0);
    assert_int_equal(in_child(expect_read_only, fixture), 0);
}

static void a_read_only_file_is_said(void **state)
{
    struct fixture *fixture = *state;
    make_store_then(fixture, "SELECT 1");
    give_to_somebody_else(fixture->path);
    give_to_somebody_else(fixture->directory);
    assert_int_equal(chmod(fixture->path, 0400), 0);
    assert_int_equal(in_child(expect_read_only, fixture), 0);
}

/* ---- transactions ---- */

static sg_status add_in_transaction(struct fixture *fixture, bool commit)
{
    SG_TRANSACTION struct sg_store *open = fixture->store;
    sg_status s = sg_store_begin(open, &fixture->err);
    s = s == SG_OK ? sg_store_owner_add(open, "INSIDE", &fixture->err) : s;
    return s == SG_OK && commit ? sg_store_commit(open, &fixture->err) : s;
}

static void a_transaction_is_rolled_back_when_its_scope_ends(void **state)
{
    struct fixture *fixture = *state;
    bool exists = true;
    assert_ok(fixture, add_in_transaction(fixture, false));
    assert_ok(fixture, sg_store_owner_exists(fixture->store, "INSIDE", &exists, &fixture->err));
    assert_false(exists);
}

static void a_committed_transaction_stays(void **state)
{
    struct fixture *fixture = *state;
    bool exists = false;
    assert_ok(fixture, add_in_transaction(fixture, true));
    fixture_reopen(fixture);
    assert_ok(fixture, sg_store_owner_exists(fixture->store, "INSIDE", &exists, &fixture->err));
    assert_true(exists);
}

static void closing_rolls_back(void **state)
{
    struct fixture *fixture = *state;
    bool exists = true;
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    assert_ok(fixture, sg_store_owner_add(fixture->store, "INSIDE", &fixture->err));
    fixture_reopen(fixture);
    assert_ok(fixture, sg_store_owner_exists(fixture->store, "INSIDE", &exists, &fixture->err));
    assert_false(exists);
}

static void transactions_do_not_nest(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    assert_fails(fixture, sg_store_begin(fixture->store, &fixture->err), SG_E_INTERNAL,
                 "transaction_nested");
    assert_ok(fixture, sg_store_commit(fixture->store, &fixture->err));
}

static void commit_needs_a_transaction(void **state)
{
    struct fixture *fixture = *state;
    assert_fails(fixture, sg_store_commit(fixture->store, &fixture->err), SG_E_INTERNAL,
                 "no_transaction");
    sg_store_rollback(fixture->store); /* and rolling nothing back is no failure */
}

static void a_refused_change_leaves_its_transaction_usable(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    assert_ok(fixture, sg_store_owner_add(fixture->store, "FIRST", &fixture->err));
    assert_fails(fixture, sg_store_owner_add(fixture->store, "FIRST", &fixture->err), SG_E_CONFLICT,
                 "owner_exists");
    assert_ok(fixture, sg_store_owner_add(fixture->store, "SECOND", &fixture->err));
    assert_ok(fixture, sg_store_commit(fixture->store, &fixture->err));
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM owner"), 7);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, fixture_directory, fixture_gone)
static void a_transaction_is_clean_until_it_writes(void **state)
{
    struct fixture *fixture = *state;
    bool exists = false;
    assert_true(sg_store_is_clean(fixture->store));
    assert_ok(fixture, sg_store_owner_add(fixture->store, "EARLIER", &fixture->err));
    assert_true(sg_store_is_clean(fixture->store));
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    assert_ok(fixture, sg_store_owner_exists(fixture->store, "EARLIER", &exists, &fixture->err));
    assert_true(sg_store_is_clean(fixture->store));
    assert_ok(fixture, sg_store_owner_add(fixture->store, "LATER", &fixture->err));
    assert_false(sg_store_is_clean(fixture->store));
    assert_ok(fixture, sg_store_commit(fixture->store, &fixture->err));
    assert_true(sg_store_is_clean(fixture->store));
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    assert_true(sg_store_is_clean(fixture->store));
    assert_ok(fixture, sg_store_owner_attach(fixture->store, "LATER", 1, &fixture->err));
    assert_false(sg_store_is_clean(fixture->store));
    sg_store_rollback(fixture->store);
    assert_true(sg_store_is_clean(fixture->store));
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_store, fixture_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(open_makes_a_new_file_with_schema_and_anchors),
        IN_DIRECTORY(open_migrates_an_empty_file),
        IN_DIRECTORY(open_keeps_a_log_whose_file_is_gone),
        IN_DIRECTORY(open_brings_every_older_version_up),
        IN_DIRECTORY(open_knows_of_older_placeholders_that_they_signed_themselves),
        IN_DIRECTORY(open_keeps_what_was_stored),
        IN_DIRECTORY(open_takes_rights_from_others),
        IN_DIRECTORY(open_takes_no_name_for_a_command),
        IN_DIRECTORY(open_refuses_a_newer_file_and_leaves_it_alone),
        IN_DIRECTORY(open_refuses_a_newer_file_with_a_wal_and_leaves_both_alone),
        IN_DIRECTORY(open_refuses_what_is_no_database),
        IN_DIRECTORY(open_refuses_another_programs_database),
        IN_DIRECTORY(open_refuses_a_foreign_application_id),
        IN_DIRECTORY(open_refuses_a_directory),
        IN_DIRECTORY(open_refuses_a_path_that_is_not_there),
        IN_DIRECTORY(open_finds_a_damaged_page),
        IN_DIRECTORY(open_finds_what_the_schema_lacks),
        IN_DIRECTORY(open_finds_a_row_that_breaks_the_rules),
        IN_STORE(a_second_process_finds_the_store_busy),
        IN_STORE(a_closed_store_is_free_for_the_next_process),
        IN_STORE(a_second_handle_of_the_same_process_is_refused),
        IN_DIRECTORY(of_many_processes_at_once_one_gets_the_store),
        IN_STORE(a_full_disk_is_said_and_changes_nothing),
        IN_STORE(that_the_last_write_failed_is_kept_until_one_succeeds),
        IN_STORE(a_refusal_is_no_failed_write),
        IN_STORE(a_transaction_lost_on_a_full_disk_takes_all_with_it),
        IN_STORE(a_reserve_is_kept_and_spent_part_by_part),
        IN_STORE(a_reserve_without_blocks_is_none),
        IN_STORE(a_reserve_is_nobody_elses_file),
        IN_STORE(a_copy_in_memory_has_none),
        IN_STORE(a_full_disk_is_remembered_until_there_is_room),
        IN_STORE(nothing_is_written_after_a_transaction_was_lost),
        IN_DIRECTORY(a_read_only_directory_is_said_for_a_new_store),
        IN_DIRECTORY(a_read_only_directory_is_said_for_an_old_store),
        IN_DIRECTORY(a_read_only_file_is_said),
        IN_STORE(a_transaction_is_rolled_back_when_its_scope_ends),
        IN_STORE(a_committed_transaction_stays),
        IN_STORE(closing_rolls_back),
        IN_STORE(transactions_do_not_nest),
        IN_STORE(commit_needs_a_transaction),
        IN_STORE(a_transaction_is_clean_until_it_writes),
        IN_STORE(a_refused_change_leaves_its_transaction_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
