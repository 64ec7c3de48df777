/* Speed by construction: no query that runs in the way of an operation reads a whole table. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "store_internal.h"

/* These walk a table because that is what they are asked for. */
static bool may_scan(enum sg_query_id id)
{
    switch ((int)id) {
    case SG_Q_OWNER_NAMES:   /* the owners */
    case SG_Q_COUNTS:        /* everything */
    case SG_Q_PROFILE_SIZES: /* all profiles */
    case SG_Q_PROFILES:
    case SG_Q_PERMITS:
    case SG_Q_RING_IDS_ALL:    /* all rings */
    case SG_Q_MAP_IDS_ALL:     /* all name filters */
    case SG_Q_INTENT_IDS:      /* a handful */
    case SG_Q_ROLLOVERS:       /* those under way */
    case SG_Q_LABEL_ELSEWHERE: /* each owner once, for a hint */
    case SG_Q_RING_ELSEWHERE:
        return true;
    default:
        return false;
    }
}

/* Walk the plan; gives the number of its lines. */
static unsigned read_plan(struct fixture *fixture, const char *sql, char *scans, size_t size)
{
    char explain[SG_WALK_SQL + 64];
    sqlite3_stmt *stmt = NULL;
    unsigned lines = 0;
    snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sql);
    assert_int_equal(sqlite3_prepare_v2(fixture->store->db, explain, -1, &stmt, NULL), SQLITE_OK);
    for (; sqlite3_step(stmt) == SQLITE_ROW; lines++) {
        const char *detail = (const char *)sqlite3_column_text(stmt, 3);
        assert_non_null(detail);
        if (strncmp(detail, "SCAN ", 5) == 0 && strcmp(detail, "SCAN CONSTANT ROW") != 0) {
            snprintf(scans + strlen(scans), size - strlen(scans), "%s; ", detail);
        }
    }
    (void)sqlite3_finalize(stmt);
    return lines;
}

static void no_fixed_query_scans(void **state)
{
    struct fixture *fixture = *state;
    unsigned checked = 0;
    for (int id = 0; id < SG_QUERY_COUNT; id++) {
        char scans[512] = "";
        const char *sql = sg_query_text_of((enum sg_query_id)id);
        assert_non_null(sql);
        unsigned lines = read_plan(fixture, sql, scans, sizeof scans);
        if (may_scan((enum sg_query_id)id)) {
            assert_string_not_equal(scans, ""); /* the exception is still one */
            continue;
        }
        if (scans[0] != '\0') {
            print_error("query %d scans: %s\n%s\n", id, scans, sql);
        }
        assert_string_equal(scans, "");
        checked += lines > 0;
    }
    assert_in_range(checked, 25, SG_QUERY_COUNT); /* inserts and transactions have no plan */
}

/* Of one search by certificate_issued that reads no more than it must: 1, or 2 by owner. */
static unsigned is_search(const char *detail)
{
    const char *all = "SEARCH c USING COVERING INDEX certificate_issued ";
    if (strncmp(detail, all, strlen(all)) != 0) {
        return 0;
    }
    return strcmp(detail + strlen(all), "(issuer=? AND self_signed=? AND owner=?)") == 0 ? 2 : 1;
}

/* What a changed certificate sets off in the rings below it: the certificates of each name come
 * from an index that has all that is asked for, by their owner unless the issuer serves everybody,
 * and nothing but the names and certificates that were found is walked. */
static void the_rings_below_an_issuer_are_found_by_indexes(void **state)
{
    struct fixture *fixture = *state;
    const enum sg_query_id changes[] = {SG_Q_CERTIFICATE_ADD, SG_Q_CERTIFICATE_REPLACE,
                                        SG_Q_CERTIFICATE_TRUST, SG_Q_CERTIFICATE_LABEL,
                                        SG_Q_CERTIFICATE_DELETE};
    assert_int_equal(
        sqlite3_db_config(fixture->store->db, SQLITE_DBCONFIG_TRIGGER_EQP, 1, (int *)NULL),
        SQLITE_OK);
    for (size_t i = 0; i < SG_COUNT(changes); i++) {
        char explain[SG_WALK_SQL + 64];
        sqlite3_stmt *stmt = NULL;
        unsigned found[3] = {0};
        snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sg_query_text_of(changes[i]));
        assert_int_equal(sqlite3_prepare_v2(fixture->store->db, explain, -1, &stmt, NULL),
                         SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            const char *detail = (const char *)sqlite3_column_text(stmt, 3);
            detail = detail != NULL ? detail : "";
            found[is_search(detail)]++;
            if (strncmp(detail, "SCAN ", 5) == 0 && strcmp(detail, "SCAN CONSTANT ROW") != 0 &&
                strcmp(detail, "SCAN b") != 0) {
                assert_string_equal(detail, "SCAN a");
            }
        }
        (void)sqlite3_finalize(stmt);
        assert_int_equal(found[1], 2);
        assert_int_equal(found[2], 3);
    }
}

/* The plan finder finds: a query that must scan is seen to. */
static void a_scan_is_recognised(void **state)
{
    struct fixture *fixture = *state;
    char scans[512] = "";
    (void)read_plan(fixture, "SELECT id FROM certificate WHERE subject_text = ?", scans,
                    sizeof scans);
    assert_has(scans, "SCAN certificate");
}

static void assert_walk_uses(struct fixture *fixture, const struct sg_certificate_filter *filter,
                             const char *index)
{
    char sql[SG_WALK_SQL];
    char scans[512] = "";
    char explain[SG_WALK_SQL + 64];
    sqlite3_stmt *stmt = NULL;
    bool used = false;
    assert_ok(fixture, sg_certificate_walk_sql(filter, sql, &fixture->err));
    (void)read_plan(fixture, sql, scans, sizeof scans);
    assert_string_equal(scans, "");
    snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sql);
    assert_int_equal(sqlite3_prepare_v2(fixture->store->db, explain, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        used = used || strstr((const char *)sqlite3_column_text(stmt, 3), index) != NULL;
    }
    (void)sqlite3_finalize(stmt);
    if (!used) {
        print_error("%s not used by %s\n", index, sql);
    }
    assert_true(used);
}

static void every_filter_has_its_index(void **state)
{
    struct fixture *fixture = *state;
    const unsigned char bytes[32] = {0};
    for (int owned = 0; owned < 2; owned++) {
        for (int limited = 0; limited < 2; limited++) {
            struct sg_certificate_filter base = {.owner = owned != 0 ? "START1" : NULL,
                                                 .limit = limited != 0 ? 10 : 0};
            struct sg_certificate_filter filter = base;
            filter.spki_sha256 = bytes;
            assert_walk_uses(fixture, &filter, "certificate_spki (spki_sha256=?)");
            filter.with_key = true;
            assert_walk_uses(fixture, &filter, "certificate_spki (spki_sha256=?)");
            filter = base;
            filter.subject = bytes;
            filter.subject_len = 32;
            assert_walk_uses(fixture, &filter, "certificate_subject (subject=?)");
            filter = base;
            filter.issuer = bytes;
            filter.issuer_len = 32;
            assert_walk_uses(fixture, &filter, "(issuer=?)");
            filter.serial = "00";
            assert_walk_uses(fixture, &filter, "(issuer=? AND serial=?)");
            filter = base;
            filter.connected_to = 1;
            assert_walk_uses(fixture, &filter, "(ring=?)");
            filter.spki_sha256 = bytes;
            assert_walk_uses(fixture, &filter, "certificate_spki (spki_sha256=?)");
        }
    }
}

static void an_owners_pages_are_read_from_one_index(void **state)
{
    struct fixture *fixture = *state;
    struct sg_certificate_filter filter = {.owner = "START1"};
    assert_walk_uses(fixture, &filter, "USING COVERING INDEX");
    filter.limit = 100;
    filter.after_label = "a";
    assert_walk_uses(fixture, &filter, "(owner=? AND label>?)");
    filter.with_key = true;
    assert_walk_uses(fixture, &filter, "(owner=? AND label>?)");
}

static sg_status count_it(void *context, const struct sg_certificate_row *row, struct sg_error *err)
{
    unsigned *count = context;
    (void)err;
    *count += row->der_len == 700;
    return SG_OK;
}

#define MANY 10000

static void add_many(struct fixture *fixture, int64_t ring)
{
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    for (unsigned i = 0; i < MANY; i++) {
        char label[16];
        snprintf(label, sizeof label, "c%05u", i);
        int64_t id = add_certificate(fixture, i % 2 == 0 ? "START1" : "START2", label, i);
        if (i % 1000 == 0) {
            assert_ok(fixture, sg_store_connect(fixture->store, ring, id, SG_USAGE_PERSONAL, false,
                                                NULL, NULL, &fixture->err));
        }
    }
    assert_ok(fixture, sg_store_commit(fixture->store, &fixture->err));
}

/* Counted, not timed: steps that SQLite spent walking tables forward. */
static void ten_thousand_certificates_are_found_without_looking_at_all(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    unsigned count = 0;
    add_many(fixture, ring);
    for (unsigned i = 0; i < MANY; i += 97) {
        char label[16];
        snprintf(label, sizeof label, "c%05u", i);
        struct sg_certificate_name name = name_of(i % 2 == 0 ? "START1" : "START2", label);
        SG_CERTIFICATE_ROW row = {.id = 0};
        assert_ok(fixture, sg_store_certificate_get(fixture->store, &name, &row, &fixture->err));
    }
    sqlite3_stmt *by_name = fixture->store->prepared[SG_Q_CERTIFICATE_BY_NAME];
    assert_non_null(by_name);
    assert_int_equal(sqlite3_stmt_status(by_name, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0), 0);
    struct sg_certificate_filter filter = {.owner = "START2", .limit = 7, .after_label = "c05000"};
    assert_ok(fixture,
              sg_store_certificate_each(fixture->store, &filter, count_it, &count, &fixture->err));
    assert_int_equal(count, 7);
    filter = (struct sg_certificate_filter){.connected_to = ring};
    assert_ok(fixture,
              sg_store_certificate_each(fixture->store, &filter, count_it, &count, &fixture->err));
    assert_int_equal(count, 17);
    filter = (struct sg_certificate_filter){.owner = NULL};
    assert_ok(fixture,
              sg_store_certificate_each(fixture->store, &filter, count_it, &count, &fixture->err));
    assert_int_equal(count, 17 + MANY);
    fixture_reopen(fixture);
    struct sg_store_counts counts;
    assert_ok(fixture, sg_store_count(fixture->store, &counts, &fixture->err));
    assert_int_equal(counts.certificates, MANY);
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_store, fixture_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_STORE(no_fixed_query_scans),
        IN_STORE(the_rings_below_an_issuer_are_found_by_indexes),
        IN_STORE(a_scan_is_recognised),
        IN_STORE(every_filter_has_its_index),
        IN_STORE(an_owners_pages_are_read_from_one_index),
        IN_STORE(ten_thousand_certificates_are_found_without_looking_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
