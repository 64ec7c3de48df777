/* Authority profiles and permits. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

#include <signet/store/profiles.h>

#include "store_internal.h"

#define FACILITY SG_CLASS_FACILITY
#define RDATALIB SG_CLASS_RDATALIB

static const struct sg_permit start1_reads = {
    .subject = {.kind = SG_SUBJECT_OWNER, .owner = {"START1"}}, .level = SG_LEVEL_READ};
static const struct sg_permit group_updates = {.subject = {.kind = SG_SUBJECT_GROUP, .id = 33},
                                               .level = SG_LEVEL_UPDATE};
static const struct sg_permit user_controls = {.subject = {.kind = SG_SUBJECT_USER, .id = 33},
                                               .level = SG_LEVEL_CONTROL};
static const struct sg_permit all_none = {.subject = {.kind = SG_SUBJECT_ALL},
                                          .level = SG_LEVEL_NONE};

static void define(struct fixture *fixture, enum sg_class class, const char *name)
{
    assert_ok(fixture, sg_store_profile_define(fixture->store, class, name, SG_LEVEL_NONE, "",
                                               &fixture->err));
}

static void permit(struct fixture *fixture, enum sg_class class, const char *name,
                   const struct sg_permit *what)
{
    assert_ok(fixture, sg_store_permit_set(fixture->store, class, name, what, &fixture->err));
}

static struct sg_profile_set *load(struct fixture *fixture)
{
    struct sg_profile_set *set = NULL;
    assert_ok(fixture, sg_store_profiles_load(fixture->store, &set, &fixture->err));
    return set;
}

static int64_t stamp(struct fixture *fixture)
{
    int64_t value = 0;
    assert_ok(fixture, sg_store_profiles_stamp(fixture->store, &value, &fixture->err));
    return value;
}

static void a_new_store_has_no_profiles(void **state)
{
    struct fixture *fixture = *state;
    struct sg_profile_set *set = load(fixture);
    assert_int_equal(set->count, 0);
    assert_null(sg_profile_find(&set->profiles, FACILITY, "IRR.DIGTCERT.LIST"));
    sg_profile_set_unref(set);
}

static void what_was_defined_is_loaded_with_its_permits(void **state)
{
    struct fixture *fixture = *state;
    define(fixture, RDATALIB, "START1.**");
    define(fixture, RDATALIB, "START1.KEY.LST");
    assert_ok(fixture, sg_store_profile_define(fixture->store, SG_CLASS_DIGTCRIT, "APPLID=X",
                                               SG_LEVEL_READ, "ROYALID", &fixture->err));
    permit(fixture, RDATALIB, "START1.KEY.LST", &user_controls);
    permit(fixture, RDATALIB, "START1.KEY.LST", &start1_reads);
    permit(fixture, RDATALIB, "START1.**", &group_updates);
    permit(fixture, RDATALIB, "START1.KEY.LST", &all_none);
    fixture_reopen(fixture);
    struct sg_profile_set *set = load(fixture);
    assert_int_equal(set->count, 3);
    const struct sg_profile *key = sg_profile_find(&set->profiles, RDATALIB, "START1.KEY.LST");
    assert_string_equal(key->name, "START1.KEY.LST");
    assert_int_equal(key->permit_count, 3);
    assert_string_equal(sg_subject_text(&key->permits[0].subject).text, "owner:START1");
    assert_int_equal(key->permits[0].level, SG_LEVEL_READ);
    assert_string_equal(sg_subject_text(&key->permits[1].subject).text, "user:33");
    assert_string_equal(sg_subject_text(&key->permits[2].subject).text, "*");
    const struct sg_profile *rest = sg_profile_find(&set->profiles, RDATALIB, "START1.A.UPD");
    assert_int_equal(rest->permit_count, 1);
    assert_int_equal(rest->permits[0].subject.id, 33);
    const struct sg_profile *criterion =
        sg_profile_get(&set->profiles, SG_CLASS_DIGTCRIT, "APPLID=X");
    assert_string_equal(criterion->appldata, "ROYALID");
    assert_int_equal(criterion->uacc, SG_LEVEL_READ);
    assert_int_equal(criterion->permit_count, 0);
    sg_profile_set_unref(set);
}

static void a_snapshot_stays_while_somebody_holds_it(void **state)
{
    struct fixture *fixture = *state;
    define(fixture, FACILITY, "IRR.DIGTCERT.LIST");
    struct sg_profile_set *set = load(fixture);
    struct sg_profile_set *mine = sg_profile_set_ref(set);
    sg_profile_set_unref(set);
    assert_ok(fixture, sg_store_profile_delete(fixture->store, FACILITY, "IRR.DIGTCERT.LIST",
                                               &fixture->err));
    assert_non_null(sg_profile_get(&mine->profiles, FACILITY, "IRR.DIGTCERT.LIST"));
    sg_profile_set_unref(mine);
    sg_profile_set_unref(NULL);
}

static void a_name_exists_once_in_a_class(void **state)
{
    struct fixture *fixture = *state;
    define(fixture, FACILITY, "A");
    define(fixture, RDATALIB, "A");
    assert_fails(
        fixture,
        sg_store_profile_define(fixture->store, FACILITY, "A", SG_LEVEL_READ, "", &fixture->err),
        SG_E_CONFLICT, "profile_exists");
    assert_has(fixture->err.text, "FACILITY");
    assert_has(fixture->err.hint, "signet authority alter FACILITY A");
}

static void what_does_not_exist_is_not_changed(void **state)
{
    struct fixture *fixture = *state;
    enum sg_level uacc = SG_LEVEL_READ;
    define(fixture, FACILITY, "A");
    assert_fails(fixture,
                 sg_store_profile_alter(fixture->store, RDATALIB, "A", &uacc, NULL, &fixture->err),
                 SG_E_NOT_FOUND, "profile_not_found");
    assert_fails(fixture, sg_store_profile_delete(fixture->store, FACILITY, "B", &fixture->err),
                 SG_E_NOT_FOUND, "profile_not_found");
    assert_fails(fixture,
                 sg_store_permit_set(fixture->store, FACILITY, "B", &all_none, &fixture->err),
                 SG_E_NOT_FOUND, "profile_not_found");
    assert_fails(
        fixture,
        sg_store_permit_delete(fixture->store, FACILITY, "B", &all_none.subject, &fixture->err),
        SG_E_NOT_FOUND, "profile_not_found");
    assert_fails(
        fixture,
        sg_store_permit_delete(fixture->store, FACILITY, "A", &all_none.subject, &fixture->err),
        SG_E_NOT_FOUND, "permit_not_found");
    permit(fixture, FACILITY, "A", &user_controls);
    assert_fails(fixture, /* the same number, another kind */
                 sg_store_permit_delete(fixture->store, FACILITY, "A", &group_updates.subject,
                                        &fixture->err),
                 SG_E_NOT_FOUND, "permit_not_found");
}

static void altering_changes_what_was_given_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    enum sg_level uacc = SG_LEVEL_UPDATE;
    define(fixture, FACILITY, "A");
    permit(fixture, FACILITY, "A", &start1_reads);
    assert_ok(fixture,
              sg_store_profile_alter(fixture->store, FACILITY, "A", &uacc, NULL, &fixture->err));
    assert_ok(fixture,
              sg_store_profile_alter(fixture->store, FACILITY, "A", NULL, "X", &fixture->err));
    struct sg_profile_set *set = load(fixture);
    assert_int_equal(set->list[0].uacc, SG_LEVEL_UPDATE);
    assert_string_equal(set->list[0].appldata, "X");
    assert_int_equal(set->list[0].permit_count, 1);
    sg_profile_set_unref(set);
}

static void a_second_permit_replaces_the_first(void **state)
{
    struct fixture *fixture = *state;
    struct sg_permit more = start1_reads;
    more.level = SG_LEVEL_CONTROL;
    define(fixture, FACILITY, "A");
    permit(fixture, FACILITY, "A", &start1_reads);
    permit(fixture, FACILITY, "A", &more);
    struct sg_profile_set *set = load(fixture);
    assert_int_equal(set->list[0].permit_count, 1);
    assert_int_equal(set->list[0].permits[0].level, SG_LEVEL_CONTROL);
    sg_profile_set_unref(set);
}

static void permits_go_with_their_profile(void **state)
{
    struct fixture *fixture = *state;
    define(fixture, FACILITY, "A");
    permit(fixture, FACILITY, "A", &start1_reads);
    permit(fixture, FACILITY, "A", &all_none);
    assert_ok(fixture, sg_store_permit_delete(fixture->store, FACILITY, "A", &all_none.subject,
                                              &fixture->err));
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM permit"), 1);
    assert_ok(fixture, sg_store_profile_delete(fixture->store, FACILITY, "A", &fixture->err));
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM permit"), 0);
}

static void a_permit_needs_an_owner_that_exists(void **state)
{
    struct fixture *fixture = *state;
    struct sg_permit unknown = {.subject = {.kind = SG_SUBJECT_OWNER, .owner = {"NOBODY"}},
                                .level = SG_LEVEL_READ};
    define(fixture, FACILITY, "A");
    assert_fails(fixture,
                 sg_store_permit_set(fixture->store, FACILITY, "A", &unknown, &fixture->err),
                 SG_E_NOT_FOUND, "owner_not_found");
    unknown.subject.owner = (struct sg_owner_name){"CERTAUTH"};
    assert_int_not_equal(
        sg_store_permit_set(fixture->store, FACILITY, "A", &unknown, &fixture->err), SG_OK);
}

static void the_schema_refuses_what_is_no_profile(void **state)
{
    struct fixture *fixture = *state;
    static const char *const wrong[] = {
        "INSERT INTO profile (class, name, uacc, appldata) VALUES (3, 'A', 0, '')",
        "INSERT INTO profile (class, name, uacc, appldata) VALUES (0, '', 0, '')",
        "INSERT INTO profile (class, name, uacc, appldata) VALUES (0, 'a', 0, '')",
        "INSERT INTO profile (class, name, uacc, appldata) VALUES (0, 'A B', 0, '')",
        "INSERT INTO profile (class, name, uacc, appldata) VALUES (0, 'A&', 0, '')",
        "INSERT INTO profile (class, name, uacc, appldata) VALUES (0, 'A', 4, '')",
        "INSERT INTO permit (profile, kind, owner, number, level) VALUES (99, 3, NULL, 0, 0)",
        "INSERT INTO permit (profile, kind, owner, number, level) VALUES (1, 0, NULL, 0, 0)",
        "INSERT INTO permit (profile, kind, owner, number, level) VALUES (1, 1, 'START1', 5, 0)",
        "INSERT INTO permit (profile, kind, owner, number, level) VALUES (1, 1, NULL, -1, 0)",
        "INSERT INTO permit (profile, kind, owner, number, level) VALUES (1, 1, NULL, 4294967295, 0)",
        "INSERT INTO permit (profile, kind, owner, number, level) VALUES (1, 3, NULL, 7, 0)",
        "INSERT INTO permit (profile, kind, owner, number, level) VALUES (1, 3, NULL, 0, 9)",
        "INSERT INTO authority (one, stamp) VALUES (2, 5)",
    };
    define(fixture, FACILITY, "FIRST");
    for (size_t i = 0; i < SG_COUNT(wrong); i++) {
        if ((run_sql(fixture, wrong[i]) & 0xff) != SQLITE_CONSTRAINT) {
            fail_msg("%s", wrong[i]);
        }
    }
}

static void the_stamp_is_another_after_every_change_and_no_other_time(void **state)
{
    struct fixture *fixture = *state;
    int64_t seen[8];
    size_t count = 0;
    seen[count++] = stamp(fixture);
    assert_int_equal(stamp(fixture), seen[0]);
    define(fixture, FACILITY, "A");
    seen[count++] = stamp(fixture);
    permit(fixture, FACILITY, "A", &start1_reads);
    seen[count++] = stamp(fixture);
    permit(fixture, FACILITY, "A", &start1_reads);
    seen[count++] = stamp(fixture);
    assert_ok(fixture, sg_store_permit_delete(fixture->store, FACILITY, "A", &start1_reads.subject,
                                              &fixture->err));
    seen[count++] = stamp(fixture);
    assert_ok(fixture,
              sg_store_profile_alter(fixture->store, FACILITY, "A", NULL, "X", &fixture->err));
    seen[count++] = stamp(fixture);
    assert_ok(fixture, sg_store_profile_delete(fixture->store, FACILITY, "A", &fixture->err));
    seen[count++] = stamp(fixture);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(seen[i], seen[k]);
        }
    }
    (void)add_certificate(fixture, "START1", "a", 1);
    assert_int_equal(stamp(fixture), seen[count - 1]);
}

/* What was rolled back must not look like what comes next. */
static void a_rolled_back_change_leaves_no_stamp_behind(void **state)
{
    struct fixture *fixture = *state;
    int64_t before = stamp(fixture);
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    define(fixture, FACILITY, "A");
    int64_t inside = stamp(fixture);
    sg_store_rollback(fixture->store);
    assert_int_equal(stamp(fixture), before);
    define(fixture, FACILITY, "B");
    assert_int_not_equal(stamp(fixture), before);
    assert_int_not_equal(stamp(fixture), inside);
}

static void there_is_a_maximum_of_profiles(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(run_sql(fixture,
                             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM "
                             "n WHERE i < 10000) INSERT INTO profile (class, name, uacc, "
                             "appldata) SELECT 1, 'P' || i, 0, '' FROM n"),
                     SQLITE_OK);
    assert_fails(
        fixture,
        sg_store_profile_define(fixture->store, FACILITY, "A", SG_LEVEL_NONE, "", &fixture->err),
        SG_E_LIMIT, "too_many_profiles");
    struct sg_profile_set *set = load(fixture);
    assert_int_equal(set->count, SG_PROFILES_MAX);
    assert_non_null(sg_profile_get(&set->profiles, RDATALIB, "P10000"));
    sg_profile_set_unref(set);
}

/* ---- rings between ---- */

struct seen {
    char text[200];
};

static bool is_wanted(void *context, const char *owner, const char *ring)
{
    (void)context;
    (void)owner;
    return ring[0] != 'x';
}

static sg_status note(void *context, const struct sg_ring_row *row, struct sg_error *err)
{
    struct seen *seen = context;
    (void)err;
    size_t used = strlen(seen->text);
    snprintf(seen->text + used, sizeof seen->text - used, "%s/%s ", row->name.owner.text,
             row->name.ring.text);
    return SG_OK;
}

static void rings_of_some_owners_are_walked_in_order(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *first, *last, *seen;
    } cases[] = {{"START1", "START1", "START1/a START1/b "},
                 {"START1", "START2", "START1/a START1/b START2/a "},
                 {"START", "START\x7f", "START1/a START1/b START2/a "},
                 {"", "A", ""}};
    (void)add_ring(fixture, "START2", "a");
    (void)add_ring(fixture, "START1", "b");
    (void)add_ring(fixture, "START1", "x");
    (void)add_ring(fixture, "START1", "a");
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        struct seen seen = {""};
        assert_ok(fixture, sg_store_ring_each_between(fixture->store, cases[i].first, cases[i].last,
                                                      is_wanted, note, &seen, &fixture->err));
        assert_string_equal(seen.text, cases[i].seen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define IN_STORE(name) cmocka_unit_test_setup_teardown(name, fixture_store, fixture_gone)
        IN_STORE(a_new_store_has_no_profiles),
        IN_STORE(what_was_defined_is_loaded_with_its_permits),
        IN_STORE(a_snapshot_stays_while_somebody_holds_it),
        IN_STORE(a_name_exists_once_in_a_class),
        IN_STORE(what_does_not_exist_is_not_changed),
        IN_STORE(altering_changes_what_was_given_and_nothing_else),
        IN_STORE(a_second_permit_replaces_the_first),
        IN_STORE(permits_go_with_their_profile),
        IN_STORE(a_permit_needs_an_owner_that_exists),
        IN_STORE(the_schema_refuses_what_is_no_profile),
        IN_STORE(the_stamp_is_another_after_every_change_and_no_other_time),
        IN_STORE(a_rolled_back_change_leaves_no_stamp_behind),
        IN_STORE(there_is_a_maximum_of_profiles),
        IN_STORE(rings_of_some_owners_are_walked_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
