/* Rings and connections. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "store_internal.h"

static struct sg_ring_row ring_row(struct fixture *fixture, const char *owner, const char *ring)
{
    struct sg_ring_ref name = ring_of(owner, ring);
    struct sg_ring_row row;
    assert_ok(fixture, sg_store_ring_get(fixture->store, &name, &row, &fixture->err));
    return row;
}

static void connect(struct fixture *fixture, int64_t ring, int64_t certificate, enum sg_usage usage,
                    bool is_default)
{
    assert_ok(fixture, sg_store_connect(fixture->store, ring, certificate, usage, is_default, NULL,
                                        NULL, &fixture->err));
}

static void a_ring_comes_back_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = add_ring(fixture, "START1", "web Ring");
    struct sg_ring_row row = ring_row(fixture, "START1", "web Ring");
    assert_int_equal(row.id, id);
    assert_string_equal(row.name.owner.text, "START1");
    assert_string_equal(row.name.ring.text, "web Ring");
    assert_int_equal(row.connections, 0);
}

static void a_ring_is_added_once_by_an_owner(void **state)
{
    struct fixture *fixture = *state;
    (void)add_ring(fixture, "START1", "ring");
    (void)add_ring(fixture, "START2", "ring");
    (void)add_ring(fixture, "START1", "Ring");
    struct sg_ring_ref name = ring_of("START1", "ring");
    int64_t id = 77;
    assert_fails(fixture, sg_store_ring_add(fixture->store, &name, &id, &fixture->err),
                 SG_E_CONFLICT, "ring_exists");
    assert_string_equal(fixture->err.object, "START1/ring");
    assert_int_equal(id, 77);
}

static void an_owner_of_a_ring_must_exist(void **state)
{
    struct fixture *fixture = *state;
    struct sg_ring_ref name = ring_of("NOBODY", "ring");
    int64_t id = 0;
    assert_fails(fixture, sg_store_ring_add(fixture->store, &name, &id, &fixture->err),
                 SG_E_NOT_FOUND, "owner_not_found");
}

static void the_anchors_own_no_ring(void **state)
{
    struct fixture *fixture = *state;
    const char *const anchors[] = {"CERTAUTH", "SITE"};
    for (size_t i = 0; i < SG_COUNT(anchors); i++) {
        struct sg_ring_ref name = ring_of(anchors[i], "ring");
        int64_t id = 0;
        assert_fails(fixture, sg_store_ring_add(fixture->store, &name, &id, &fixture->err),
                     SG_E_INTERNAL, "store_constraint");
    }
}

/* Served tokens are IRRTOKEN's rings; IRRTOKEN is nothing else. */
static void the_owner_of_served_tokens_is_nobody(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = add_ring(fixture, SG_SERVED_TOKENS, "FTP.SRV");
    int64_t certificate = add_certificate(fixture, "START1", "web", 1);
    connect(fixture, id, certificate, SG_USAGE_PERSONAL, true);
    assert_int_equal(ring_row(fixture, SG_SERVED_TOKENS, "FTP.SRV").connections, 1);
    struct sg_store_counts counts;
    assert_ok(fixture, sg_store_count(fixture->store, &counts, &fixture->err));
    assert_int_equal(counts.rings, 0);
    assert_int_equal(counts.owners, 4); /* CERTAUTH, SITE, START1, START2 */
    const char *const bad[] = {"ftp", "A B", "1A",
                               ".A",  "A/B", "A23456789012345678901234567890123"};
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        struct sg_ring_ref name = ring_of(SG_SERVED_TOKENS, bad[i]);
        assert_fails(fixture, sg_store_ring_add(fixture->store, &name, &id, &fixture->err),
                     SG_E_INTERNAL, "store_constraint");
    }
    assert_int_not_equal(run_sql(fixture, "DELETE FROM owner WHERE name = 'IRRTOKEN'"), 0);
    assert_int_not_equal(run_sql(fixture, "INSERT INTO attachment VALUES (1, 'IRRTOKEN')"), 0);
    struct sg_certificate_row row = row_of(SG_SERVED_TOKENS, "web", 2);
    assert_fails(fixture, sg_store_certificate_add(fixture->store, &row, &fixture->err),
                 SG_E_INTERNAL, "store_constraint");
    sg_certificate_row_done(&row);
}

static void a_ring_name_holds_237_characters_of_any_width(void **state)
{
    struct fixture *fixture = *state;
    const char *const characters[] = {"r", "\xC3\xA9", "\xF0\x9F\x94\x91"};
    for (size_t i = 0; i < SG_COUNT(characters); i++) {
        struct sg_ring_ref name = ring_of("START1", "");
        size_t width = strlen(characters[i]);
        for (size_t n = 0; n < 237; n++) {
            memcpy(name.ring.text + n * width, characters[i], width);
        }
        (void)add_ring(fixture, "START1", name.ring.text);
        struct sg_ring_row row = ring_row(fixture, "START1", name.ring.text);
        assert_string_equal(row.name.ring.text, name.ring.text);
    }
}

static void the_schema_refuses_bad_ring_names(void **state)
{
    struct fixture *fixture = *state;
    char long_name[239];
    memset(long_name, 'r', 238);
    long_name[238] = '\0';
    const char *const bad[] = {"", "*", " r", "r ", "a\nb", "\x7F", "\xC2\x85", long_name};
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        struct sg_ring_ref name = ring_of("START1", bad[i]);
        int64_t id = 0;
        assert_fails(fixture, sg_store_ring_add(fixture->store, &name, &id, &fixture->err),
                     SG_E_INTERNAL, "store_constraint");
    }
}

static void delete (struct fixture *fixture, int64_t ring)
{
    assert_ok(fixture, sg_store_ring_delete(fixture->store, ring, &fixture->err));
}

static int64_t sequence_of_ring(struct fixture *fixture, int64_t id)
{
    char sql[80];
    snprintf(sql, sizeof sql, "SELECT sequence FROM ring WHERE id = %lld", (long long)id);
    return number_of_sql(fixture, sql);
}

static void a_rings_number_is_never_used_for_another(void **state)
{
    struct fixture *fixture = *state;
    int64_t last = add_ring(fixture, "START1", "last");
    delete (fixture, last);
    fixture_reopen(fixture);
    int64_t other = add_ring(fixture, "START1", "other");
    assert_true(other > last);
    assert_true(add_ring(fixture, "START2", "last") > other); /* another owner's */
}

static void a_ring_made_anew_has_its_number_and_counts_on(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "KEY");
    int64_t a = add_certificate(fixture, "START1", "a", 1);
    (void)add_ring(fixture, "START1", "OTHER");
    for (int round = 0; round < 3; round++) {
        connect(fixture, ring, a, SG_USAGE_PERSONAL, true);
        int64_t before = sequence_of_ring(fixture, ring);
        delete (fixture, ring);
        fixture_reopen(fixture);
        assert_int_equal(add_ring(fixture, "START1", "KEY"), ring);
        assert_true(sequence_of_ring(fixture, ring) > before);
        assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM connection"), 0);
        assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM former_ring"), 0);
    }
}

static void the_last_thousand_are_remembered(void **state)
{
    struct fixture *fixture = *state;
    char name[16];
    int64_t first = add_ring(fixture, "START1", "R0");
    delete (fixture, first);
    for (int i = 1; i <= 1000; i++) {
        snprintf(name, sizeof name, "R%d", i);
        delete (fixture, add_ring(fixture, "START1", name));
    }
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM former_ring"), 1000);
    assert_int_equal(add_ring(fixture, "START1", "R1"), first + 1);
    assert_true(add_ring(fixture, "START1", "R0") > first + 1000);
}

/* Whoever is an owner of that name later is somebody else. */
static void nothing_is_remembered_of_an_owner_that_is_gone(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "KEY");
    delete (fixture, ring);
    assert_int_equal(run_sql(fixture, "DELETE FROM owner WHERE name = 'START1'"), SQLITE_OK);
    assert_int_equal(run_sql(fixture, "INSERT INTO owner (name) VALUES ('START1')"), SQLITE_OK);
    assert_true(add_ring(fixture, "START1", "KEY") > ring);
}

static void deleting_a_ring_takes_its_connections_and_no_certificate(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t other = add_ring(fixture, "START1", "other");
    int64_t certificate = add_certificate(fixture, "START1", "web", 1);
    connect(fixture, ring, certificate, SG_USAGE_PERSONAL, true);
    connect(fixture, other, certificate, SG_USAGE_PERSONAL, true);
    assert_ok(fixture, sg_store_ring_delete(fixture->store, ring, &fixture->err));
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM connection"), 1);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM certificate"), 1);
    assert_fails(fixture, sg_store_ring_delete(fixture->store, ring, &fixture->err), SG_E_NOT_FOUND,
                 "ring_not_found");
}

struct list {
    struct sg_store *store;
    char text[2048];
    unsigned seen, stop_after;
};

static sg_status list_ring(void *context, const struct sg_ring_row *row, struct sg_error *err)
{
    struct list *list = context;
    size_t used = strlen(list->text);
    snprintf(list->text + used, sizeof list->text - used, "%s/%s(%u);", row->name.owner.text,
             row->name.ring.text, (unsigned)row->connections);
    if (++list->seen == list->stop_after) {
        return sg_fail(err, SG_E_LIMIT, "enough", "enough");
    }
    return SG_OK;
}

static void rings_are_listed_by_owner_and_name(void **state)
{
    struct fixture *fixture = *state;
    struct list all = {.store = fixture->store};
    struct list one = {.store = fixture->store};
    struct list none = {.store = fixture->store};
    struct list stopped = {.store = fixture->store, .stop_after = 1};
    (void)add_ring(fixture, "START2", "b");
    (void)add_ring(fixture, "START1", "z");
    (void)add_ring(fixture, "START1", "Z");
    assert_ok(fixture, sg_store_ring_each(fixture->store, NULL, list_ring, &all, &fixture->err));
    assert_string_equal(all.text, "START1/Z(0);START1/z(0);START2/b(0);");
    assert_ok(fixture,
              sg_store_ring_each(fixture->store, "START2", list_ring, &one, &fixture->err));
    assert_string_equal(one.text, "START2/b(0);");
    assert_ok(fixture,
              sg_store_ring_each(fixture->store, "NOBODY", list_ring, &none, &fixture->err));
    assert_string_equal(none.text, "");
    assert_fails(fixture,
                 sg_store_ring_each(fixture->store, NULL, list_ring, &stopped, &fixture->err),
                 SG_E_LIMIT, "enough");
}

static sg_status delete_ring(void *context, const struct sg_ring_row *row, struct sg_error *err)
{
    struct list *list = context;
    struct list inner = {.store = list->store};
    list->seen++;
    sg_status s = sg_store_ring_each(list->store, NULL, list_ring, &inner, err);
    return s == SG_OK ? sg_store_ring_delete(list->store, row->id, err) : s;
}

static void a_sink_may_delete_the_ring_it_is_given(void **state)
{
    struct fixture *fixture = *state;
    struct list list = {.store = fixture->store};
    (void)add_ring(fixture, "START2", "b");
    (void)add_ring(fixture, "START1", "z");
    assert_ok(fixture, sg_store_ring_each(fixture->store, NULL, delete_ring, &list, &fixture->err));
    assert_int_equal(list.seen, 2);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM ring"), 0);
}

/* ---- connections ---- */

static sg_status list_member(void *context, const struct sg_certificate_row *row,
                             enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct list *list = context;
    size_t used = strlen(list->text);
    assert_non_null(row->der);
    snprintf(list->text + used, sizeof list->text - used, "%s:%s%s;", row->name.label.text,
             sg_usage_name(usage), is_default ? "*" : "");
    if (++list->seen == list->stop_after) {
        return sg_fail(err, SG_E_LIMIT, "enough", "enough");
    }
    return SG_OK;
}

static void assert_members(struct fixture *fixture, int64_t ring, const char *expected)
{
    struct list list = {.store = fixture->store};
    assert_ok(fixture,
              sg_store_connection_each(fixture->store, ring, list_member, &list, &fixture->err));
    assert_string_equal(list.text, expected);
}

static void members_come_default_first_then_in_order(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    assert_members(fixture, ring, "");
    int64_t c = add_certificate(fixture, "CERTAUTH", "c", 3);
    int64_t a = add_certificate(fixture, "START1", "a", 1);
    int64_t b = add_certificate(fixture, "SITE", "b", 2);
    connect(fixture, ring, c, SG_USAGE_CERTAUTH, false);
    connect(fixture, ring, b, SG_USAGE_SITE, false);
    connect(fixture, ring, a, SG_USAGE_PERSONAL, true);
    assert_members(fixture, ring, "a:PERSONAL*;c:CERTAUTH;b:SITE;");
    assert_int_equal(ring_row(fixture, "START1", "ring").connections, 3);
}

static void a_second_default_displaces_the_first_and_names_it(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t a = add_certificate(fixture, "START1", "a", 1);
    int64_t b = add_certificate(fixture, "START2", "b", 2);
    struct sg_certificate_name displaced = name_of("X", "x");
    bool replaced = true;
    assert_ok(fixture, sg_store_connect(fixture->store, ring, a, SG_USAGE_PERSONAL, true, &replaced,
                                        &displaced, &fixture->err));
    assert_false(replaced);
    assert_string_equal(displaced.owner.text, "");
    assert_string_equal(displaced.label.text, "");
    assert_ok(fixture, sg_store_connect(fixture->store, ring, b, SG_USAGE_PERSONAL, true, &replaced,
                                        &displaced, &fixture->err));
    assert_false(replaced);
    assert_string_equal(displaced.owner.text, "START1");
    assert_string_equal(displaced.label.text, "a");
    assert_members(fixture, ring, "b:PERSONAL*;a:PERSONAL;");
}

static void a_default_in_another_ring_stays(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t other = add_ring(fixture, "START1", "other");
    int64_t a = add_certificate(fixture, "START1", "a", 1);
    int64_t b = add_certificate(fixture, "START1", "b", 2);
    connect(fixture, other, a, SG_USAGE_PERSONAL, true);
    connect(fixture, ring, b, SG_USAGE_PERSONAL, true);
    assert_members(fixture, other, "a:PERSONAL*;");
}

static void connecting_again_replaces_usage_and_default(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t a = add_certificate(fixture, "START1", "a", 1);
    int64_t b = add_certificate(fixture, "START1", "b", 2);
    bool replaced = false;
    struct sg_certificate_name displaced = name_of("X", "x");
    connect(fixture, ring, a, SG_USAGE_PERSONAL, true);
    connect(fixture, ring, b, SG_USAGE_PERSONAL, false);
    assert_ok(fixture, sg_store_connect(fixture->store, ring, a, SG_USAGE_CERTAUTH, true, &replaced,
                                        &displaced, &fixture->err));
    assert_true(replaced);
    assert_string_equal(displaced.label.text, ""); /* its own default is nobody else's */
    assert_members(fixture, ring, "a:CERTAUTH*;b:PERSONAL;");
    connect(fixture, ring, a, SG_USAGE_SITE, false);
    assert_members(fixture, ring, "a:SITE;b:PERSONAL;");
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM connection"), 2);
}

static void deleting_the_default_leaves_none(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t a = add_certificate(fixture, "START1", "a", 1);
    int64_t b = add_certificate(fixture, "START1", "b", 2);
    bool orphaned = false;
    connect(fixture, ring, a, SG_USAGE_PERSONAL, true);
    connect(fixture, ring, b, SG_USAGE_PERSONAL, false);
    assert_ok(fixture, sg_store_certificate_delete(fixture->store, a, &orphaned, &fixture->err));
    assert_members(fixture, ring, "b:PERSONAL;");
}

static void the_schema_allows_one_default(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    connect(fixture, ring, add_certificate(fixture, "START1", "a", 1), SG_USAGE_PERSONAL, true);
    connect(fixture, ring, add_certificate(fixture, "START1", "b", 2), SG_USAGE_PERSONAL, false);
    assert_int_equal(run_sql(fixture, "UPDATE connection SET is_default = 1"),
                     SQLITE_CONSTRAINT_UNIQUE);
    assert_int_equal(run_sql(fixture, "UPDATE connection SET is_default = 2 WHERE id = 2"),
                     SQLITE_CONSTRAINT_CHECK);
    assert_int_equal(run_sql(fixture, "UPDATE connection SET usage = 3"), SQLITE_CONSTRAINT_CHECK);
    assert_int_equal(run_sql(fixture,
                             "INSERT INTO connection (ring, certificate, usage, is_default)"
                             " SELECT ring, certificate, 0, 0 FROM connection"),
                     SQLITE_CONSTRAINT_UNIQUE);
}

static void both_ends_of_a_connection_must_exist(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t a = add_certificate(fixture, "START1", "a", 1);
    bool replaced = true;
    struct sg_certificate_name displaced = name_of("X", "x");
    assert_fails(fixture,
                 sg_store_connect(fixture->store, ring, a + 100, SG_USAGE_PERSONAL, false,
                                  &replaced, &displaced, &fixture->err),
                 SG_E_NOT_FOUND, "certificate_not_found");
    assert_fails(fixture,
                 sg_store_connect(fixture->store, ring + 100, a, SG_USAGE_PERSONAL, false,
                                  &replaced, &displaced, &fixture->err),
                 SG_E_NOT_FOUND, "ring_not_found");
    assert_true(replaced); /* results are written on success only */
    assert_string_equal(displaced.label.text, "x");
}

/* The default is taken from the old one before the new connection fails: both or neither. */
static void a_failed_connect_leaves_the_default_where_it_was(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t a = add_certificate(fixture, "START1", "a", 1);
    connect(fixture, ring, a, SG_USAGE_PERSONAL, true);
    for (int in_transaction = 0; in_transaction < 2; in_transaction++) {
        if (in_transaction != 0) {
            assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
            assert_ok(fixture, sg_store_owner_add(fixture->store, "INSIDE", &fixture->err));
        }
        assert_fails(fixture,
                     sg_store_connect(fixture->store, ring, a + 1, SG_USAGE_PERSONAL, true, NULL,
                                      NULL, &fixture->err),
                     SG_E_NOT_FOUND, "certificate_not_found");
    }
    assert_ok(fixture, sg_store_commit(fixture->store, &fixture->err));
    assert_members(fixture, ring, "a:PERSONAL*;");
    bool exists = false;
    assert_ok(fixture, sg_store_owner_exists(fixture->store, "INSIDE", &exists, &fixture->err));
    assert_true(exists);
}

static void a_bad_usage_is_refused(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t a = add_certificate(fixture, "START1", "a", 1);
    assert_fails(fixture,
                 sg_store_connect(fixture->store, ring, a, (enum sg_usage)3, false, NULL, NULL,
                                  &fixture->err),
                 SG_E_INTERNAL, "store_constraint");
}

static void disconnecting_takes_one_away(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t a = add_certificate(fixture, "START1", "a", 1);
    int64_t b = add_certificate(fixture, "START1", "b", 2);
    connect(fixture, ring, a, SG_USAGE_PERSONAL, true);
    connect(fixture, ring, b, SG_USAGE_PERSONAL, false);
    assert_ok(fixture, sg_store_disconnect(fixture->store, ring, a, &fixture->err));
    assert_members(fixture, ring, "b:PERSONAL;");
    assert_fails(fixture, sg_store_disconnect(fixture->store, ring, a, &fixture->err),
                 SG_E_NOT_FOUND, "not_connected");
}

static sg_status list_membership(void *context, const struct sg_ring_row *ring, enum sg_usage usage,
                                 bool is_default, struct sg_error *err)
{
    struct list *list = context;
    size_t used = strlen(list->text);
    (void)err;
    snprintf(list->text + used, sizeof list->text - used, "%s/%s:%s%s(%u);", ring->name.owner.text,
             ring->name.ring.text, sg_usage_name(usage), is_default ? "*" : "",
             (unsigned)ring->connections);
    return SG_OK;
}

static void memberships_name_every_ring(void **state)
{
    struct fixture *fixture = *state;
    struct list list = {.store = fixture->store};
    int64_t a = add_certificate(fixture, "START1", "a", 1);
    connect(fixture, add_ring(fixture, "START2", "x"), a, SG_USAGE_SITE, false);
    connect(fixture, add_ring(fixture, "START1", "y"), a, SG_USAGE_PERSONAL, true);
    (void)add_ring(fixture, "START1", "empty");
    assert_ok(fixture,
              sg_store_membership_each(fixture->store, a, list_membership, &list, &fixture->err));
    assert_string_equal(list.text, "START1/y:PERSONAL*(1);START2/x:SITE(1);");
}

static sg_status disconnect_it(void *context, const struct sg_certificate_row *row,
                               enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct list *list = context;
    (void)usage;
    (void)is_default;
    list->seen++;
    return sg_store_disconnect(list->store, 1, row->id, err);
}

static void a_sink_may_disconnect_the_member_it_is_given(void **state)
{
    struct fixture *fixture = *state;
    struct list list = {.store = fixture->store};
    int64_t ring = add_ring(fixture, "START1", "ring");
    assert_int_equal(ring, 1);
    for (unsigned i = 0; i < 40; i++) {
        char label[16];
        snprintf(label, sizeof label, "c%u", i);
        connect(fixture, ring, add_certificate(fixture, "START1", label, i), SG_USAGE_PERSONAL,
                i == 20);
    }
    assert_ok(fixture,
              sg_store_connection_each(fixture->store, ring, disconnect_it, &list, &fixture->err));
    assert_int_equal(list.seen, 40);
    assert_members(fixture, ring, "");
}

/* ---- the sequence ---- */

static uint64_t sequence_of(struct fixture *fixture)
{
    return ring_row(fixture, "START1", "ring").sequence;
}

static void every_change_a_reader_could_see_is_counted(void **state)
{
    struct fixture *fixture = *state;
    struct sg_store *store = fixture->store;
    struct sg_error *err = &fixture->err;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t a = add_certificate(fixture, "START1", "a", 1);
    int64_t b = add_certificate(fixture, "START1", "b", 2);
    bool orphaned = false;
    SG_CERTIFICATE_ROW renewed = row_of("START1", "a", 3);
    renewed.id = a;
    uint64_t before = sequence_of(fixture);
#define COUNTS(call)                                                                               \
    do {                                                                                           \
        assert_ok(fixture, (call));                                                                \
        assert_true(sequence_of(fixture) > before);                                                \
        before = sequence_of(fixture);                                                             \
    } while (0)
    COUNTS(sg_store_connect(store, ring, a, SG_USAGE_PERSONAL, true, NULL, NULL, err));
    COUNTS(sg_store_connect(store, ring, b, SG_USAGE_PERSONAL, true, NULL, NULL, err));
    COUNTS(sg_store_connect(store, ring, b, SG_USAGE_SITE, false, NULL, NULL, err));
    COUNTS(sg_store_certificate_set_trust(store, a, SG_NOTRUST, err));
    COUNTS(sg_store_certificate_set_label(store, a, "A", err));
    COUNTS(sg_store_certificate_replace(store, &renewed, err));
    COUNTS(sg_store_ring_bump_holding(store, a, err));
    COUNTS(sg_store_disconnect(store, ring, b, err));
    COUNTS(sg_store_certificate_delete(store, a, &orphaned, err));
#undef COUNTS
}

static void what_a_reader_does_not_see_is_not_counted(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t a = add_certificate(fixture, "START1", "a", 1);
    int64_t elsewhere = add_certificate(fixture, "START1", "elsewhere", 2);
    int64_t other = add_ring(fixture, "START1", "other");
    connect(fixture, ring, a, SG_USAGE_PERSONAL, true);
    uint64_t before = sequence_of(fixture);
    connect(fixture, other, elsewhere, SG_USAGE_PERSONAL, true);
    assert_ok(fixture,
              sg_store_certificate_set_trust(fixture->store, elsewhere, SG_NOTRUST, &fixture->err));
    assert_ok(fixture, sg_store_ring_bump_holding(fixture->store, elsewhere, &fixture->err));
    assert_ok(fixture, sg_store_certificate_set_requested(fixture->store, a, &fixture->err));
    assert_int_equal(sequence_of(fixture), before);
}

/* ---- issuers ---- */

static void name_one(unsigned char name[8], unsigned number)
{
    memset(name, 0x41, 8);
    name[0] = (unsigned char)number;
    name[1] = (unsigned char)(0x41 + number / 256);
}

/* Number `subject`, issued by number `issuer`; each serial is another. */
static struct sg_certificate_row issued_row(const char *owner, const char *label, unsigned subject,
                                            unsigned issuer)
{
    static unsigned serial = 1000;
    struct sg_certificate_row row = row_of(owner, label, serial++);
    unsigned char *names = row.memory; /* what subject and issuer are borrowed from */
    name_one(names, subject);
    name_one(names + 8, issuer);
    return row;
}

static int64_t add_issued(struct fixture *fixture, const char *owner, const char *label,
                          unsigned subject, unsigned issuer)
{
    SG_CERTIFICATE_ROW row = issued_row(owner, label, subject, issuer);
    assert_ok(fixture, sg_store_certificate_add(fixture->store, &row, &fixture->err));
    return row.id;
}

#define RINGS 5
/* Rings r0… of START1: what their sequences are. */
struct counts {
    uint64_t of[RINGS];
};

static struct counts count_rings(struct fixture *fixture)
{
    struct counts counts;
    for (unsigned i = 0; i < RINGS; i++) {
        char name[8];
        snprintf(name, sizeof name, "r%u", i);
        counts.of[i] = ring_row(fixture, "START1", name).sequence;
    }
    return counts;
}

/* Those of the rings in `changed` have grown since, the others stand. */
static void assert_grown_at(struct fixture *fixture, struct counts *before, const char *changed,
                            int line)
{
    struct counts now = count_rings(fixture);
    for (unsigned i = 0; i < RINGS; i++) {
        bool grown = now.of[i] > before->of[i];
        if (grown != (strchr(changed, (int)('0' + i)) != NULL)) {
            print_error("ring r%u: %s\n", i, grown ? "counted" : "not counted");
            _fail(__FILE__, line);
        }
    }
    *before = now;
}
#define assert_grown(changed) assert_grown_at(fixture, &before, (changed), __LINE__)

/* r0 and r1: leaves below CERTAUTH's root 1 and intermediate 2; r2: a leaf of START2's below root 1
 * alone; r3: a leaf of another root; r4: the intermediate of r0 as an anchor, no key's chain. */
static int64_t add_two_levels(struct fixture *fixture, int64_t *root)
{
    int64_t rings[RINGS];
    for (unsigned i = 0; i < RINGS; i++) {
        char name[8];
        snprintf(name, sizeof name, "r%u", i);
        rings[i] = add_ring(fixture, "START1", name);
    }
    *root = add_issued(fixture, "CERTAUTH", "root", 1, 1);
    int64_t intermediate = add_issued(fixture, "CERTAUTH", "int", 2, 1);
    connect(fixture, rings[0], add_issued(fixture, "START1", "a", 10, 2), SG_USAGE_PERSONAL, true);
    connect(fixture, rings[1], add_issued(fixture, "START2", "b", 11, 2), SG_USAGE_PERSONAL, false);
    connect(fixture, rings[2], add_issued(fixture, "START2", "c", 12, 1), SG_USAGE_PERSONAL, true);
    connect(fixture, rings[3], add_issued(fixture, "START1", "d", 13, 3), SG_USAGE_PERSONAL, true);
    connect(fixture, rings[4], intermediate, SG_USAGE_CERTAUTH, false);
    return intermediate;
}

static void a_change_of_an_issuer_counts_in_the_rings_below_it(void **state)
{
    struct fixture *fixture = *state;
    struct sg_store *store = fixture->store;
    struct sg_error *err = &fixture->err;
    int64_t root = 0;
    int64_t intermediate = add_two_levels(fixture, &root);
    bool orphaned = false;
    struct counts before = count_rings(fixture);
    SG_CERTIFICATE_ROW renewed = issued_row("CERTAUTH", "int", 2, 1);
    renewed.id = intermediate;
    assert_ok(fixture, sg_store_certificate_replace(store, &renewed, err));
    assert_grown("014"); /* r4 holds it */
    assert_ok(fixture, sg_store_certificate_set_trust(store, root, SG_NOTRUST, err));
    assert_grown("012");
    assert_ok(fixture, sg_store_certificate_set_label(store, root, "root 2", err));
    assert_grown("012");
    (void)add_issued(fixture, "CERTAUTH", "root 3", 3, 3);
    assert_grown("3");
    (void)add_issued(fixture, "CERTAUTH", "crossed", 2, 3);
    assert_grown("01");
    assert_ok(fixture, sg_store_certificate_set_trust(store, root, SG_TRUST, err));
    assert_grown("012");
    assert_ok(fixture, sg_store_certificate_delete(store, root, &orphaned, err));
    assert_grown("012");
    (void)add_issued(fixture, "CERTAUTH", "stranger", 99, 99);
    (void)add_issued(fixture, "START1", "another leaf", 14, 2);
    assert_grown("");
}

/* One that changes its name leaves the chains of one and enters those of the other. */
static void an_issuer_that_is_renamed_counts_on_both_sides(void **state)
{
    struct fixture *fixture = *state;
    int64_t root = 0;
    (void)add_two_levels(fixture, &root);
    struct counts before = count_rings(fixture);
    SG_CERTIFICATE_ROW renamed = issued_row("CERTAUTH", "root", 3, 3);
    renamed.id = root;
    assert_ok(fixture, sg_store_certificate_replace(fixture->store, &renamed, &fixture->err));
    assert_grown("0123");
}

/* Chains are looked for under the certificate's owner and CERTAUTH, nowhere else. */
static void an_owners_issuers_count_for_that_owner_alone(void **state)
{
    struct fixture *fixture = *state;
    int64_t root = 0;
    (void)add_two_levels(fixture, &root);
    struct counts before = count_rings(fixture);
    (void)add_issued(fixture, "START2", "own int", 2, 9);
    assert_grown("1");
    (void)add_issued(fixture, "SITE", "of a site", 2, 9);
    assert_grown("");
    (void)add_issued(fixture, "CERTAUTH", "root 9", 9, 9);
    assert_grown("1");
    (void)add_issued(fixture, "START1", "own root 9", 9, 9);
    assert_grown("");
    (void)add_issued(fixture, "START2", "own root", 1, 1);
    assert_grown("12"); /* above CERTAUTH's intermediate too */
}

/* Many that signed themselves have one name, as "CN=localhost": none is another's issuer. */
static void what_signed_itself_counts_for_itself_alone(void **state)
{
    struct fixture *fixture = *state;
    int64_t root = 0;
    (void)add_two_levels(fixture, &root);
    SG_CERTIFICATE_ROW own = issued_row("START1", "own", 50, 50);
    own.self_signed = true;
    assert_ok(fixture, sg_store_certificate_add(fixture->store, &own, &fixture->err));
    connect(fixture, ring_row(fixture, "START1", "r3").id, own.id, SG_USAGE_PERSONAL, false);
    int64_t signed_by_another = add_issued(fixture, "START1", "newer", 50, 50);
    connect(fixture, ring_row(fixture, "START1", "r4").id, signed_by_another, SG_USAGE_PERSONAL,
            false);
    struct counts before = count_rings(fixture);
    int64_t namesake = add_issued(fixture, "START1", "namesake", 50, 50);
    assert_grown("4");
    assert_ok(fixture,
              sg_store_certificate_set_trust(fixture->store, namesake, SG_NOTRUST, &fixture->err));
    assert_grown("4");
    SG_CERTIFICATE_ROW renewed = issued_row("START1", "own", 50, 2);
    renewed.id = own.id; /* a CA's answer: issued by the intermediate from now on */
    assert_ok(fixture, sg_store_certificate_replace(fixture->store, &renewed, &fixture->err));
    assert_grown("34");
    assert_ok(fixture,
              sg_store_certificate_set_trust(fixture->store, root, SG_NOTRUST, &fixture->err));
    assert_grown("01234");
}

/* Each has issued the other. */
static void a_loop_of_issuers_ends(void **state)
{
    struct fixture *fixture = *state;
    int64_t root = 0;
    (void)add_two_levels(fixture, &root);
    struct counts before = count_rings(fixture);
    (void)add_issued(fixture, "CERTAUTH", "loop", 1, 2);
    assert_grown("012");
    (void)add_issued(fixture, "CERTAUTH", "back", 3, 1);
    assert_grown("3");
    (void)add_issued(fixture, "CERTAUTH", "round", 1, 3);
    assert_grown("0123");
}

/* Of a name that many keep CERTAUTH's change counts for all, whoever issued their own: too often
 * for some, and never too seldom. */
static void a_name_that_many_keep_counts_for_all_owners(void **state)
{
    struct fixture *fixture = *state;
    char owner[8];
    int64_t root = 0;
    (void)add_two_levels(fixture, &root);
    int64_t other = add_issued(fixture, "CERTAUTH", "root 9", 9, 9);
    (void)add_issued(fixture, "START2", "own int", 2, 9);
    struct counts before = count_rings(fixture);
    assert_ok(fixture,
              sg_store_certificate_set_trust(fixture->store, other, SG_NOTRUST, &fixture->err));
    assert_grown("1");
    for (int i = 0; i < 3; i++) {
        snprintf(owner, sizeof owner, "O%d", i);
        assert_ok(fixture, sg_store_owner_add(fixture->store, owner, &fixture->err));
        (void)add_issued(fixture, owner, "own int", 2, 9);
        assert_grown("");
    }
    assert_ok(fixture,
              sg_store_certificate_set_trust(fixture->store, other, SG_TRUST, &fixture->err));
    assert_grown("01");
}

static int count_steps(void *context)
{
    (*(unsigned *)context)++;
    return 0;
}

/* SQLite's work on a change of that certificate, in hundreds of its steps. */
static unsigned work_of(struct fixture *fixture, int64_t certificate, enum sg_trust trust)
{
    unsigned steps = 0;
    sqlite3_progress_handler(fixture->store->db, 100, count_steps, &steps);
    assert_ok(fixture,
              sg_store_certificate_set_trust(fixture->store, certificate, trust, &fixture->err));
    sqlite3_progress_handler(fixture->store->db, 0, NULL, NULL);
    return steps;
}

/* Owners that keep a certificate of the name: not each of them has CERTAUTH's read. */
static void a_name_that_many_keep_is_followed_once(void **state)
{
    enum { ISSUED = 300, OWNERS = 60 };
    struct fixture *fixture = *state;
    char name[16];
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err)); /* it is quicker */
    int64_t root = add_issued(fixture, "CERTAUTH", "root", 1, 1);
    for (unsigned i = 0; i < ISSUED; i++) {
        snprintf(name, sizeof name, "i%u", i);
        (void)add_issued(fixture, "CERTAUTH", name, 1000 + i, 2);
    }
    (void)add_issued(fixture, "START1", "int", 2, 1);
    unsigned one = work_of(fixture, root, SG_NOTRUST);
    for (unsigned i = 0; i < OWNERS; i++) {
        snprintf(name, sizeof name, "O%u", i);
        assert_ok(fixture, sg_store_owner_add(fixture->store, name, &fixture->err));
        (void)add_issued(fixture, name, "int", 2, 1);
    }
    assert_true(one > 0);
    assert_in_range(work_of(fixture, root, SG_TRUST), 1, 3 * one);
    sg_store_rollback(fixture->store);
}

static void what_is_undone_counts_nothing(void **state)
{
    struct fixture *fixture = *state;
    int64_t root = 0;
    (void)add_two_levels(fixture, &root);
    struct counts before = count_rings(fixture);
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    assert_ok(fixture,
              sg_store_certificate_set_trust(fixture->store, root, SG_NOTRUST, &fixture->err));
    sg_store_rollback(fixture->store);
    assert_grown("");
}

/* What was made for one of the keys is no server's any more. */
static void a_key_that_signs_no_more_counts(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t keyed = add_keyed(fixture, "START1", "keyed", 5, 7);
    struct sg_key_id key;
    memset(key.bytes, 7, sizeof key.bytes);
    connect(fixture, ring, keyed, SG_USAGE_PERSONAL, true);
    uint64_t before = sequence_of(fixture);
    assert_ok(fixture, sg_store_key_retire(fixture->store, &key, &fixture->err));
    assert_true(sequence_of(fixture) > before);
    before = sequence_of(fixture);
    assert_ok(fixture, sg_store_key_forget(fixture->store, &key, &fixture->err));
    assert_true(sequence_of(fixture) > before);
}

static void a_sequence_never_goes_back(void **state)
{
    struct fixture *fixture = *state;
    (void)add_ring(fixture, "START1", "ring");
    assert_int_equal(run_sql(fixture, "UPDATE ring SET sequence = 0"), SQLITE_CONSTRAINT_TRIGGER);
    assert_int_equal(run_sql(fixture, "UPDATE ring SET sequence = 1"), SQLITE_CONSTRAINT_TRIGGER);
}

/* ---- one in another's place ---- */

static void a_replacement_keeps_place_usage_and_default(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t first = add_certificate(fixture, "START1", "first", 1);
    int64_t old = add_certificate(fixture, "START1", "old", 2);
    int64_t last = add_certificate(fixture, "START1", "last", 3);
    int64_t other = add_certificate(fixture, "START1", "other", 4);
    connect(fixture, ring, first, SG_USAGE_PERSONAL, false);
    connect(fixture, ring, old, SG_USAGE_SITE, false);
    connect(fixture, ring, last, SG_USAGE_PERSONAL, true);
    uint64_t before = ring_row(fixture, "START1", "ring").sequence;
    assert_ok(fixture,
              sg_store_connection_replace(fixture->store, ring, old, other, &fixture->err));
    assert_members(fixture, ring, "last:PERSONAL*;first:PERSONAL;other:SITE;");
    assert_true(ring_row(fixture, "START1", "ring").sequence > before);
    assert_ok(fixture, sg_store_connection_replace(fixture->store, ring, last, old, &fixture->err));
    assert_members(fixture, ring, "old:PERSONAL*;first:PERSONAL;other:SITE;");
}

static void a_replacement_that_is_connected_moves(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t old = add_certificate(fixture, "START1", "old", 1);
    int64_t middle = add_certificate(fixture, "START1", "middle", 2);
    int64_t other = add_certificate(fixture, "START1", "other", 3);
    connect(fixture, ring, old, SG_USAGE_PERSONAL, false);
    connect(fixture, ring, middle, SG_USAGE_PERSONAL, false);
    connect(fixture, ring, other, SG_USAGE_CERTAUTH, true);
    assert_ok(fixture,
              sg_store_connection_replace(fixture->store, ring, old, other, &fixture->err));
    assert_members(fixture, ring, "other:PERSONAL*;middle:PERSONAL;");
}

static void what_is_not_connected_is_not_replaced(void **state)
{
    struct fixture *fixture = *state;
    int64_t ring = add_ring(fixture, "START1", "ring");
    int64_t old = add_certificate(fixture, "START1", "old", 1);
    int64_t other = add_certificate(fixture, "START1", "other", 2);
    connect(fixture, ring, other, SG_USAGE_PERSONAL, true);
    assert_fails(fixture,
                 sg_store_connection_replace(fixture->store, ring, old, other, &fixture->err),
                 SG_E_NOT_FOUND, "not_connected");
    assert_members(fixture, ring, "other:PERSONAL*;"); /* nothing of it stays */
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_store, fixture_gone)

/* ---- names that begin alike ---- */

struct alike {
    const char *wanted;
    unsigned asked;
};

static bool is_wanted(void *context, const char *owner, const char *ring)
{
    struct alike *alike = context;
    assert_string_equal(owner, "START1");
    alike->asked++;
    return strcmp(ring, alike->wanted) == 0;
}

/* How many names were looked at. */
static unsigned look(struct fixture *fixture, const char *exactly, const char *beginning,
                     const char *wanted, bool expected)
{
    struct alike alike = {.wanted = wanted};
    struct sg_ring_ref same = ring_of("START1", exactly);
    struct sg_ring_row row;
    bool found = !expected;
    assert_ok(fixture, sg_store_ring_find_alike(fixture->store, &same, beginning, is_wanted, &alike,
                                                &row, &found, &fixture->err));
    assert_int_equal(found, expected);
    if (found) {
        assert_string_equal(row.name.ring.text, wanted);
        assert_int_equal(row.id, ring_row(fixture, "START1", wanted).id);
    }
    return alike.asked;
}

static void of_rings_that_begin_alike_a_thousand_are_looked_at(void **state)
{
    struct fixture *fixture = *state;
    (void)add_ring(fixture, "START1", "Payroll");
    (void)add_ring(fixture, "START1", "payrol");
    (void)add_ring(fixture, "START1", "payroll");
    (void)add_ring(fixture, "START1", "payroll.\xc3\xa9");
    (void)add_ring(fixture, "START1", "payroln");
    (void)add_ring(fixture, "START2", "payroll.1");
    assert_int_equal(look(fixture, "", "payroll", "none", false), 2);
    assert_int_equal(look(fixture, "", "payroll", "payroll.\xc3\xa9", true), 2);
    assert_int_equal(look(fixture, "payroln", "payroll", "payroln", true), 1);
    assert_int_equal(look(fixture, "payroln", "payroll", "payrol", false), 3);
    assert_int_equal(look(fixture, "", "payroll.1", "payroll.1", false), 0);
    assert_int_equal(look(fixture, "", "", "payroln", true), 5);
    assert_int_equal(run_sql(fixture,
                             "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                             " WHERE i < 3000) INSERT INTO ring (owner, name)"
                             " SELECT 'START1', 'payroll.' || i FROM n"),
                     SQLITE_OK);
    assert_int_equal(look(fixture, "", "payroll", "payroln", false), SG_RINGS_ALIKE);
    assert_int_equal(look(fixture, "payroln", "payroll", "payroln", true), 1);
}

/* ---- many in little time ---- */

static bool is_no_secret(void *context, const char *owner, const char *ring)
{
    (void)context;
    (void)owner;
    return strcmp(ring, "secret") != 0;
}

static sg_status tell_outline(void *context, const struct sg_ring_outline *ring,
                              struct sg_error *err)
{
    char *text = context;
    size_t used = strlen(text);
    if (used > 60) {
        return sg_fail(err, SG_E_LIMIT, "enough", "no more of them");
    }
    snprintf(text + used, 100 - used, "%s %lld %llu|", ring->owner.text, (long long)ring->id,
             (unsigned long long)ring->connections);
    return SG_OK;
}

static void outlines_between(struct fixture *fixture, const char *first, const char *last,
                             char *told)
{
    told[0] = '\0';
    assert_ok(fixture, sg_store_ring_outlines_between(fixture->store, first, last, is_no_secret,
                                                      tell_outline, told, &fixture->err));
}

static void outlines_are_of_the_rings_that_a_filter_wants(void **state)
{
    struct fixture *fixture = *state;
    char told[100];
    char expected[100];
    int64_t b = add_ring(fixture, "START1", "b");
    int64_t a = add_ring(fixture, "START1", "a");
    int64_t other = add_ring(fixture, "START2", "a");
    (void)add_ring(fixture, "START1", "secret");
    connect(fixture, b, add_certificate(fixture, "START1", "one", 1), SG_USAGE_PERSONAL, false);
    connect(fixture, b, add_certificate(fixture, "START1", "two", 2), SG_USAGE_PERSONAL, true);
    outlines_between(fixture, "START1", "START1", told);
    snprintf(expected, sizeof expected, "START1 %lld 0|START1 %lld 2|", (long long)a, (long long)b);
    assert_string_equal(told, expected);
    outlines_between(fixture, "START11", "START9", told);
    snprintf(expected, sizeof expected, "START2 %lld 0|", (long long)other);
    assert_string_equal(told, expected);
}

static void whoever_is_told_outlines_may_have_enough(void **state)
{
    struct fixture *fixture = *state;
    char told[100] = "";
    (void)add_ring(fixture, "START1", "a");
    memset(told, 'x', 70);
    assert_fails(fixture,
                 sg_store_ring_outlines_between(fixture->store, "START1", "START1", is_no_secret,
                                                tell_outline, told, &fixture->err),
                 SG_E_LIMIT, "enough");
    outlines_between(fixture, "START1", "START1", told); /* the query is free again */
    assert_string_not_equal(told, "");
}

static void a_ring_is_found_by_its_number(void **state)
{
    struct fixture *fixture = *state;
    struct sg_ring_row row = {.id = 0};
    bool found = false;
    int64_t id = add_ring(fixture, "START1", "a");
    assert_ok(fixture, sg_store_ring_find(fixture->store, id, &row, &found, &fixture->err));
    assert_true(found);
    assert_string_equal(row.name.ring.text, "a");
    assert_ok(fixture, sg_store_ring_find(fixture->store, id + 1, &row, &found, &fixture->err));
    assert_false(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_STORE(a_ring_comes_back_as_it_was),
        IN_STORE(a_ring_is_added_once_by_an_owner),
        IN_STORE(an_owner_of_a_ring_must_exist),
        IN_STORE(the_anchors_own_no_ring),
        IN_STORE(the_owner_of_served_tokens_is_nobody),
        IN_STORE(a_ring_name_holds_237_characters_of_any_width),
        IN_STORE(the_schema_refuses_bad_ring_names),
        IN_STORE(a_rings_number_is_never_used_for_another),
        IN_STORE(a_ring_made_anew_has_its_number_and_counts_on),
        IN_STORE(the_last_thousand_are_remembered),
        IN_STORE(nothing_is_remembered_of_an_owner_that_is_gone),
        IN_STORE(deleting_a_ring_takes_its_connections_and_no_certificate),
        IN_STORE(rings_are_listed_by_owner_and_name),
        IN_STORE(a_sink_may_delete_the_ring_it_is_given),
        IN_STORE(members_come_default_first_then_in_order),
        IN_STORE(a_second_default_displaces_the_first_and_names_it),
        IN_STORE(a_default_in_another_ring_stays),
        IN_STORE(connecting_again_replaces_usage_and_default),
        IN_STORE(deleting_the_default_leaves_none),
        IN_STORE(the_schema_allows_one_default),
        IN_STORE(both_ends_of_a_connection_must_exist),
        IN_STORE(a_failed_connect_leaves_the_default_where_it_was),
        IN_STORE(a_bad_usage_is_refused),
        IN_STORE(disconnecting_takes_one_away),
        IN_STORE(memberships_name_every_ring),
        IN_STORE(a_sink_may_disconnect_the_member_it_is_given),
        IN_STORE(every_change_a_reader_could_see_is_counted),
        IN_STORE(what_a_reader_does_not_see_is_not_counted),
        IN_STORE(a_change_of_an_issuer_counts_in_the_rings_below_it),
        IN_STORE(an_issuer_that_is_renamed_counts_on_both_sides),
        IN_STORE(an_owners_issuers_count_for_that_owner_alone),
        IN_STORE(what_signed_itself_counts_for_itself_alone),
        IN_STORE(a_loop_of_issuers_ends),
        IN_STORE(a_name_that_many_keep_counts_for_all_owners),
        IN_STORE(a_name_that_many_keep_is_followed_once),
        IN_STORE(what_is_undone_counts_nothing),
        IN_STORE(a_key_that_signs_no_more_counts),
        IN_STORE(a_sequence_never_goes_back),
        IN_STORE(a_replacement_keeps_place_usage_and_default),
        IN_STORE(a_replacement_that_is_connected_moves),
        IN_STORE(what_is_not_connected_is_not_replaced),
        IN_STORE(of_rings_that_begin_alike_a_thousand_are_looked_at),
        IN_STORE(outlines_are_of_the_rings_that_a_filter_wants),
        IN_STORE(whoever_is_told_outlines_may_have_enough),
        IN_STORE(a_ring_is_found_by_its_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
