/* Owners and the Unix users attached to them. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "store_internal.h"

static void an_owner_is_added_once(void **state)
{
    struct fixture *fixture = *state;
    assert_fails(fixture, sg_store_owner_add(fixture->store, "START1", &fixture->err),
                 SG_E_CONFLICT, "owner_exists");
    assert_has(fixture->err.text, "START1");
    assert_string_equal(fixture->err.object, "START1");
    assert_int_equal(fixture->err.sql, SQLITE_CONSTRAINT_PRIMARYKEY);
}

static void the_anchors_are_there_and_cannot_be_added(void **state)
{
    struct fixture *fixture = *state;
    const char *const anchors[] = {"CERTAUTH", "SITE"};
    for (size_t i = 0; i < SG_COUNT(anchors); i++) {
        bool exists = false;
        assert_ok(fixture,
                  sg_store_owner_exists(fixture->store, anchors[i], &exists, &fixture->err));
        assert_true(exists);
        assert_fails(fixture, sg_store_owner_add(fixture->store, anchors[i], &fixture->err),
                     SG_E_CONFLICT, "owner_exists");
    }
}

static void an_unknown_owner_does_not_exist(void **state)
{
    struct fixture *fixture = *state;
    bool exists = true;
    assert_ok(fixture, sg_store_owner_exists(fixture->store, "start1", &exists, &fixture->err));
    assert_false(exists);
}

/* Names were checked before; the schema refuses them all the same. */
static void the_schema_refuses_bad_owners(void **state)
{
    struct fixture *fixture = *state;
    const char *const bad[] = {
        "",        "start1",   "1START",   "-A",       ".A",
        "A B",     "A/B",      "A*",       "A\nB",     "\xC3\x84",
        "MULTIID", "IRRCERTA", "IRRSITEC", "IRRMULTI", "ABCDEFGHIJKLMNOPQRSTUVWXYZ1234567",
    };
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        assert_fails(fixture, sg_store_owner_add(fixture->store, bad[i], &fixture->err),
                     SG_E_INTERNAL, "store_constraint");
    }
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM owner"), 5);
}

static void the_schema_takes_every_allowed_character(void **state)
{
    struct fixture *fixture = *state;
    const char *const good[] = {
        "@A", "#A", "$A", "A-B_C.D", "Z", "ABCDEFGHIJKLMNOPQRSTUVWXYZ123456", "A0123456789"};
    for (size_t i = 0; i < SG_COUNT(good); i++) {
        assert_ok(fixture, sg_store_owner_add(fixture->store, good[i], &fixture->err));
    }
}

static void the_anchors_cannot_be_deleted_or_renamed(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(run_sql(fixture, "DELETE FROM owner WHERE name = 'CERTAUTH'"),
                     SQLITE_CONSTRAINT_TRIGGER);
    assert_int_equal(run_sql(fixture, "DELETE FROM owner WHERE name = 'SITE'"),
                     SQLITE_CONSTRAINT_TRIGGER);
    assert_int_equal(run_sql(fixture, "UPDATE owner SET name = 'X' WHERE name = 'SITE'"),
                     SQLITE_CONSTRAINT_TRIGGER);
    assert_int_equal(run_sql(fixture, "DELETE FROM owner WHERE name = 'START2'"), SQLITE_OK);
}

static void an_owner_of_something_cannot_be_deleted(void **state)
{
    struct fixture *fixture = *state;
    (void)add_certificate(fixture, "START1", "web", 1);
    (void)add_ring(fixture, "START2", "ring");
    assert_int_not_equal(run_sql(fixture, "DELETE FROM owner WHERE name = 'START1'"), SQLITE_OK);
    assert_int_not_equal(run_sql(fixture, "DELETE FROM owner WHERE name = 'START2'"), SQLITE_OK);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM owner"), 5);
}

/* ---- attaching ---- */

static void a_user_is_attached_once(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, sg_store_owner_attach(fixture->store, "START1", 1000, &fixture->err));
    assert_fails(fixture, sg_store_owner_attach(fixture->store, "START1", 1000, &fixture->err),
                 SG_E_CONFLICT, "already_attached");
    assert_has(fixture->err.text, "START1");
    assert_has(fixture->err.text, "1000");
    assert_ok(fixture, sg_store_owner_attach(fixture->store, "START2", 1000, &fixture->err));
    assert_ok(fixture, sg_store_owner_attach(fixture->store, "START1", 0, &fixture->err));
}

static void nobody_is_attached_to_an_owner_that_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    assert_fails(fixture, sg_store_owner_attach(fixture->store, "NOBODY", 1000, &fixture->err),
                 SG_E_NOT_FOUND, "owner_not_found");
    assert_has(fixture->err.text, "NOBODY");
    assert_has(fixture->err.hint, "signet owner add NOBODY");
}

static void the_overflow_uid_and_the_anchors_are_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_fails(fixture, sg_store_owner_attach(fixture->store, "START1", 65534, &fixture->err),
                 SG_E_INPUT, "cannot_attach");
    assert_fails(fixture, sg_store_owner_attach(fixture->store, "START1", (uid_t)-1, &fixture->err),
                 SG_E_INPUT, "cannot_attach");
    assert_fails(fixture, sg_store_owner_attach(fixture->store, "CERTAUTH", 1000, &fixture->err),
                 SG_E_INPUT, "cannot_attach");
    assert_fails(fixture, sg_store_owner_attach(fixture->store, "SITE", 1000, &fixture->err),
                 SG_E_INPUT, "cannot_attach");
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM attachment"), 0);
}

static void detaching_takes_one_attachment_away(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, sg_store_owner_attach(fixture->store, "START1", 1000, &fixture->err));
    assert_ok(fixture, sg_store_owner_attach(fixture->store, "START1", 1001, &fixture->err));
    assert_ok(fixture, sg_store_owner_detach(fixture->store, "START1", 1000, &fixture->err));
    assert_fails(fixture, sg_store_owner_detach(fixture->store, "START1", 1000, &fixture->err),
                 SG_E_NOT_FOUND, "not_attached");
    assert_has(fixture->err.text, "1000");
    assert_fails(fixture, sg_store_owner_detach(fixture->store, "START2", 1001, &fixture->err),
                 SG_E_NOT_FOUND, "not_attached");
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM attachment"), 1);
}

static void a_uid_has_the_owners_it_is_attached_to(void **state)
{
    struct fixture *fixture = *state;
    struct sg_owner_name *owners = NULL;
    size_t count = 99;
    assert_ok(fixture,
              sg_store_owners_of_uid(fixture->store, 1000, &owners, &count, &fixture->err));
    assert_int_equal(count, 0);
    free(owners);
    assert_ok(fixture, sg_store_owner_attach(fixture->store, "START2", 1000, &fixture->err));
    assert_ok(fixture, sg_store_owner_attach(fixture->store, "START1", 1000, &fixture->err));
    assert_ok(fixture, sg_store_owner_attach(fixture->store, "START1", 1001, &fixture->err));
    assert_ok(fixture,
              sg_store_owners_of_uid(fixture->store, 1000, &owners, &count, &fixture->err));
    assert_int_equal(count, 2);
    assert_string_equal(owners[0].text, "START1");
    assert_string_equal(owners[1].text, "START2");
    free(owners);
}

static void a_uid_may_have_many_owners(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < 50; i++) {
        char owner[16];
        snprintf(owner, sizeof owner, "MANY%02u", i);
        assert_ok(fixture, sg_store_owner_add(fixture->store, owner, &fixture->err));
        assert_ok(fixture, sg_store_owner_attach(fixture->store, owner, 7, &fixture->err));
    }
    struct sg_owner_name *owners = NULL;
    size_t count = 0;
    assert_ok(fixture, sg_store_owners_of_uid(fixture->store, 7, &owners, &count, &fixture->err));
    assert_int_equal(count, 50);
    assert_string_equal(owners[49].text, "MANY49");
    free(owners);
}

/* ---- listing ---- */

struct listing {
    struct sg_store *store;
    char text[512];
    unsigned stop_after, seen;
};

static sg_status list_owner(void *context, const char *owner, const uid_t *uids, size_t uid_count,
                            uint64_t certificates, uint64_t rings, struct sg_error *err)
{
    struct listing *listing = context;
    size_t used = strlen(listing->text);
    snprintf(listing->text + used, sizeof listing->text - used, "%s[%zu,%u] %u %u;", owner,
             uid_count, uid_count > 0 ? (unsigned)uids[0] : 0, (unsigned)certificates,
             (unsigned)rings);
    if (++listing->seen == listing->stop_after) {
        return sg_fail(err, SG_E_LIMIT, "enough", "enough");
    }
    return SG_OK;
}

static void the_listing_counts_what_each_owner_has(void **state)
{
    struct fixture *fixture = *state;
    struct listing listing = {.store = fixture->store};
    (void)add_certificate(fixture, "START1", "a", 1);
    (void)add_certificate(fixture, "START1", "b", 2);
    (void)add_certificate(fixture, "CERTAUTH", "ca", 3);
    (void)add_ring(fixture, "START2", "r");
    assert_ok(fixture, sg_store_owner_attach(fixture->store, "START1", 1001, &fixture->err));
    assert_ok(fixture, sg_store_owner_attach(fixture->store, "START1", 1000, &fixture->err));
    assert_ok(fixture, sg_store_owner_each(fixture->store, list_owner, &listing, &fixture->err));
    assert_string_equal(listing.text,
                        "CERTAUTH[0,0] 1 0;SITE[0,0] 0 0;START1[2,1000] 2 0;START2[0,0] 0 1;");
}

static void a_sink_that_fails_ends_the_listing(void **state)
{
    struct fixture *fixture = *state;
    struct listing listing = {.store = fixture->store, .stop_after = 2};
    assert_fails(fixture, sg_store_owner_each(fixture->store, list_owner, &listing, &fixture->err),
                 SG_E_LIMIT, "enough");
    assert_int_equal(listing.seen, 2);
}

/* A sink that lists owners again and writes, in the middle of a listing. */
static sg_status meddle(void *context, const char *owner, const uid_t *uids, size_t uid_count,
                        uint64_t certificates, uint64_t rings, struct sg_error *err)
{
    struct listing *outer = context;
    struct listing inner = {.store = outer->store};
    char name[SG_OWNER_MAX + 1];
    (void)uids;
    (void)uid_count;
    (void)certificates;
    (void)rings;
    outer->seen++;
    snprintf(name, sizeof name, "NEW.%s", owner);
    sg_status s = sg_store_owner_add(outer->store, name, err);
    return s == SG_OK ? sg_store_owner_each(outer->store, list_owner, &inner, err) : s;
}

static void a_sink_may_use_the_store(void **state)
{
    struct fixture *fixture = *state;
    struct listing listing = {.store = fixture->store};
    assert_ok(fixture, sg_store_owner_each(fixture->store, meddle, &listing, &fixture->err));
    assert_int_equal(listing.seen, 4);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM owner"), 9);
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_store, fixture_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_STORE(an_owner_is_added_once),
        IN_STORE(the_anchors_are_there_and_cannot_be_added),
        IN_STORE(an_unknown_owner_does_not_exist),
        IN_STORE(the_schema_refuses_bad_owners),
        IN_STORE(the_schema_takes_every_allowed_character),
        IN_STORE(the_anchors_cannot_be_deleted_or_renamed),
        IN_STORE(an_owner_of_something_cannot_be_deleted),
        IN_STORE(a_user_is_attached_once),
        IN_STORE(nobody_is_attached_to_an_owner_that_is_not_there),
        IN_STORE(the_overflow_uid_and_the_anchors_are_refused),
        IN_STORE(detaching_takes_one_attachment_away),
        IN_STORE(a_uid_has_the_owners_it_is_attached_to),
        IN_STORE(a_uid_may_have_many_owners),
        IN_STORE(the_listing_counts_what_each_owner_has),
        IN_STORE(a_sink_that_fails_ends_the_listing),
        IN_STORE(a_sink_may_use_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
