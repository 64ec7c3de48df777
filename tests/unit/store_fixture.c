#include "store_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_internal.h"

int fixture_directory(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL) {
        return -1;
    }
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/signet-store-XXXXXX");
    *state = fixture;
    if (mkdtemp(fixture->directory) == NULL) {
        return -1;
    }
    snprintf(fixture->path, sizeof fixture->path, "%s/store.db", fixture->directory);
    return 0;
}

int fixture_store(void **state)
{
    if (fixture_directory(state) != 0) {
        return -1;
    }
    struct fixture *fixture = *state;
    if (sg_store_open(fixture->path, &fixture->store, &fixture->err) != SG_OK ||
        sg_store_owner_add(fixture->store, "START1", &fixture->err) != SG_OK ||
        sg_store_owner_add(fixture->store, "START2", &fixture->err) != SG_OK) {
        print_error("%s\n", fixture->err.text);
        (void)fixture_gone(state); /* cmocka runs no teardown after a setup that failed */
        return -1;
    }
    return 0;
}

static void remove_directory(const char *path)
{
    (void)chmod(path, 0700);
    DIR *directory = opendir(path);
    for (struct dirent *entry = NULL; directory != NULL && (entry = readdir(directory)) != NULL;) {
        (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    (void)rmdir(path);
}

int fixture_gone(void **state)
{
    struct fixture *fixture = *state;
    sg_store_close(fixture->store);
    remove_directory(fixture->directory);
    free(fixture);
    return 0;
}

void fixture_reopen(struct fixture *fixture)
{
    sg_store_close(SG_STEAL(fixture->store));
    assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
}

void assert_ok_at(const struct fixture *fixture, sg_status s, const char *file, int line)
{
    if (s != SG_OK) {
        print_error("%s: %s (%d)\n", fixture->err.code, fixture->err.text, fixture->err.sql);
        _fail(file, line);
    }
}

struct sg_certificate_name name_of(const char *owner, const char *label)
{
    struct sg_certificate_name name;
    memset(&name, 0, sizeof name);
    snprintf(name.owner.text, sizeof name.owner.text, "%s", owner);
    snprintf(name.label.text, sizeof name.label.text, "%s", label);
    return name;
}

struct sg_ring_ref ring_of(const char *owner, const char *ring)
{
    struct sg_ring_ref ref;
    memset(&ref, 0, sizeof ref);
    snprintf(ref.owner.text, sizeof ref.owner.text, "%s", owner);
    snprintf(ref.ring.text, sizeof ref.ring.text, "%s", ring);
    return ref;
}

struct sg_certificate_row row_of(const char *owner, const char *label, unsigned number)
{
    struct sg_certificate_row row;
    memset(&row, 0, sizeof row);
    row.name = name_of(owner, label);
    snprintf(row.serial, sizeof row.serial, "%08X", number);
    snprintf(row.subject_text, sizeof row.subject_text, "CN=subject %u", number % 100);
    snprintf(row.issuer_text, sizeof row.issuer_text, "CN=issuer %u", number % 7);
    snprintf(row.key_type, sizeof row.key_type, "RSA 2048");
    row.der_len = 700;
    row.der = malloc(row.der_len);
    unsigned char *names = malloc(16);
    if (row.der == NULL || names == NULL) {
        abort();
    }
    memset(row.der, (int)(number & 0xFF), row.der_len);
    memcpy(row.der, &number, sizeof number);
    memset(names, 0x30, 16);
    names[7] = (unsigned char)(number % 100);
    names[8] = 0x31; /* nobody here has issued anything */
    names[15] = (unsigned char)(number % 7);
    row.memory = names;
    row.subject = (struct sg_bytes){names, 8};
    row.issuer = (struct sg_bytes){names + 8, 8};
    memcpy(row.spki_sha256, &number, sizeof number);
    row.not_before_s = 1000;
    row.not_after_s = 2000 + (int64_t)number;
    return row;
}

struct sg_certificate_row keyed_row_of(const char *owner, const char *label, unsigned number,
                                       unsigned char key)
{
    struct sg_certificate_row row = row_of(owner, label, number);
    row.has_key = true;
    memset(row.key.bytes, key, sizeof row.key.bytes);
    memset(row.spki_sha256, key, sizeof row.spki_sha256);
    snprintf(row.token, sizeof row.token, "main");
    snprintf(row.key_type, sizeof row.key_type, "ec:p256");
    row.may_derive = true;
    return row;
}

int64_t add_certificate(struct fixture *fixture, const char *owner, const char *label,
                        unsigned number)
{
    SG_CERTIFICATE_ROW row = row_of(owner, label, number);
    assert_ok(fixture, sg_store_certificate_add(fixture->store, &row, &fixture->err));
    assert_true(row.id > 0);
    return row.id;
}

int64_t add_keyed(struct fixture *fixture, const char *owner, const char *label, unsigned number,
                  unsigned char key)
{
    SG_CERTIFICATE_ROW row = keyed_row_of(owner, label, number, key);
    bool recorded = false;
    assert_ok(fixture, sg_store_key_exists(fixture->store, &row.key, &recorded, &fixture->err));
    if (!recorded) {
        assert_ok(fixture, sg_store_key_add(fixture->store, &row, &fixture->err));
    }
    assert_ok(fixture, sg_store_certificate_add(fixture->store, &row, &fixture->err));
    return row.id;
}

int64_t add_ring(struct fixture *fixture, const char *owner, const char *ring)
{
    struct sg_ring_ref name = ring_of(owner, ring);
    int64_t id = 0;
    assert_ok(fixture, sg_store_ring_add(fixture->store, &name, &id, &fixture->err));
    assert_true(id > 0);
    return id;
}

int run_sql(struct fixture *fixture, const char *sql)
{
    int rc = sqlite3_exec(fixture->store->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? rc : sqlite3_extended_errcode(fixture->store->db);
}

int64_t number_of_sql(struct fixture *fixture, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(fixture->store->db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return number;
}
