/* Certificate name filters in the store. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "store_internal.h"

static struct sg_map_row map_row(const char *owner, const char *label, const char *subject,
                                 const char *issuer)
{
    struct sg_map_row row = {.trusted = true};
    snprintf(row.name.owner.text, sizeof row.name.owner.text, "%s", owner);
    snprintf(row.name.label.text, sizeof row.name.label.text, "%s", label);
    snprintf(row.subject, sizeof row.subject, "%s", subject);
    snprintf(row.issuer, sizeof row.issuer, "%s", issuer);
    snprintf(row.criteria, sizeof row.criteria, "%s",
             strcmp(owner, SG_MULTIID) == 0 ? "APPLID=&APPLID" : "");
    return row;
}

static struct sg_map_row add(struct fixture *fixture, const char *owner, const char *label,
                             const char *subject, const char *issuer)
{
    struct sg_map_row row = map_row(owner, label, subject, issuer);
    assert_ok(fixture, sg_store_map_add(fixture->store, &row, &fixture->err));
    assert_true(row.id > 0);
    return row;
}

static void refuse(struct fixture *fixture, struct sg_map_row row, sg_status status,
                   const char *code)
{
    assert_fails(fixture, sg_store_map_add(fixture->store, &row, &fixture->err), status, code);
    assert_int_equal(row.id, 0);
}

static sg_status get(struct fixture *fixture, const char *owner, const char *label,
                     struct sg_map_row *out)
{
    struct sg_certificate_name name = name_of(owner, label);
    return sg_store_map_get(fixture->store, &name, out, &fixture->err);
}

static void a_filter_comes_back_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct sg_map_row row = add(fixture, SG_MULTIID, "All Employees", "O=IBM.C=UK", "CN=CA.O=x");
    fixture_reopen(fixture);
    struct sg_map_row back;
    assert_ok(fixture, get(fixture, SG_MULTIID, "All Employees", &back));
    assert_int_equal(back.id, row.id);
    assert_true(back.trusted);
    assert_string_equal(back.name.owner.text, SG_MULTIID);
    assert_string_equal(back.subject, "O=IBM.C=UK");
    assert_string_equal(back.issuer, "CN=CA.O=x");
    assert_string_equal(back.criteria, "APPLID=&APPLID");
}

static void a_filter_holds_255_characters_of_any_width(void **state)
{
    struct fixture *fixture = *state;
    struct sg_map_row row = map_row("START1", "wide", "", "");
    for (size_t i = 0; i < 255; i++) {
        memcpy(row.subject + 4 * i, "\xF0\x9F\x94\x91", 5);
    }
    assert_ok(fixture, sg_store_map_add(fixture->store, &row, &fixture->err));
    struct sg_map_row back;
    bool found = false;
    assert_ok(fixture,
              sg_store_map_find(fixture->store, row.subject, "", &back, &found, &fixture->err));
    assert_true(found);
    assert_string_equal(back.subject, row.subject);
}

static void labels_are_found_when_none_is_given(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(add(fixture, "START1", "", "O=a", "").name.label.text, "LABEL00000001");
    assert_string_equal(add(fixture, "START1", "", "O=b", "").name.label.text, "LABEL00000002");
    (void)add(fixture, "START1", "LABEL00000004", "O=c", "");
    assert_string_equal(add(fixture, "START1", "", "O=d", "").name.label.text, "LABEL00000003");
    assert_string_equal(add(fixture, "START1", "", "O=e", "").name.label.text, "LABEL00000005");
    assert_string_equal(add(fixture, "START2", "", "O=f", "").name.label.text, "LABEL00000001");
    struct sg_map_row first;
    assert_ok(fixture, get(fixture, "START1", "LABEL00000001", &first));
    assert_ok(fixture, sg_store_map_delete(fixture->store, first.id, &fixture->err));
    assert_string_equal(add(fixture, "START1", "", "O=g", "").name.label.text, "LABEL00000001");
}

static void a_label_stands_once_for_an_owner(void **state)
{
    struct fixture *fixture = *state;
    (void)add(fixture, "START1", "a", "O=a", "");
    (void)add(fixture, "START2", "a", "O=b", "");
    (void)add(fixture, "START1", "A", "O=c", "");
    refuse(fixture, map_row("START1", "a", "O=d", ""), SG_E_CONFLICT, "label_in_use");
    assert_string_equal(fixture->err.object, "START1/a");
}

static void a_filter_stands_once_whoever_owns_it(void **state)
{
    struct fixture *fixture = *state;
    (void)add(fixture, "START1", "a", "O=a", "CN=b");
    (void)add(fixture, "START1", "b", "O=a", "");
    (void)add(fixture, "START1", "c", "", "CN=b");
    refuse(fixture, map_row("START2", "x", "O=a", "CN=b"), SG_E_CONFLICT, "filter_exists");
    assert_has(fixture->err.text, "START1/a");
    refuse(fixture, map_row(SG_MULTIID, "x", "O=a", ""), SG_E_CONFLICT, "filter_exists");
    refuse(fixture, map_row("START1", "", "", "CN=b"), SG_E_CONFLICT, "filter_exists");
}

static void what_breaks_the_model_is_refused_by_the_schema_too(void **state)
{
    struct fixture *fixture = *state;
    refuse(fixture, map_row("NOBODY", "x", "O=a", ""), SG_E_NOT_FOUND, "owner_not_found");
    refuse(fixture, map_row("CERTAUTH", "x", "O=a", ""), SG_E_INTERNAL, "store_constraint");
    refuse(fixture, map_row("START1", "x", "", ""), SG_E_INTERNAL, "store_constraint");
    struct sg_map_row row = map_row("START1", "x", "O=a", "");
    snprintf(row.criteria, sizeof row.criteria, "APPLID=&APPLID");
    refuse(fixture, row, SG_E_INTERNAL, "store_constraint");
    row = map_row(SG_MULTIID, "x", "O=a", "");
    row.criteria[0] = '\0';
    refuse(fixture, row, SG_E_INTERNAL, "store_constraint");
    row = map_row("START1", "x", "O=a", "");
    memset(row.subject, 'a', 256);
    refuse(fixture, row, SG_E_INTERNAL, "store_constraint");
    struct sg_map_row kept = add(fixture, "START1", "x", "O=a", "");
    assert_int_not_equal(run_sql(fixture, "UPDATE map SET subject = 'O=b'"), 0);
    assert_int_not_equal(run_sql(fixture, "UPDATE map SET owner = 'START2'"), 0);
    assert_int_not_equal(run_sql(fixture, "PRAGMA foreign_keys = ON;"
                                          "DELETE FROM owner WHERE name = 'START1'"),
                         0);
    assert_ok(fixture, get(fixture, "START1", "x", &kept));
}

static void what_is_altered_comes_back_altered(void **state)
{
    struct fixture *fixture = *state;
    struct sg_map_row row = add(fixture, SG_MULTIID, "a", "O=a", "");
    (void)add(fixture, SG_MULTIID, "b", "O=b", "");
    row.trusted = false;
    snprintf(row.criteria, sizeof row.criteria, "SYSID=&SYSID");
    snprintf(row.name.label.text, sizeof row.name.label.text, "c");
    assert_ok(fixture, sg_store_map_alter(fixture->store, &row, &fixture->err));
    struct sg_map_row back;
    assert_ok(fixture, get(fixture, SG_MULTIID, "c", &back));
    assert_false(back.trusted);
    assert_string_equal(back.criteria, "SYSID=&SYSID");
    snprintf(row.name.label.text, sizeof row.name.label.text, "b");
    assert_fails(fixture, sg_store_map_alter(fixture->store, &row, &fixture->err), SG_E_CONFLICT,
                 "label_in_use");
    row.id = 4711;
    snprintf(row.name.label.text, sizeof row.name.label.text, "d");
    assert_fails(fixture, sg_store_map_alter(fixture->store, &row, &fixture->err), SG_E_NOT_FOUND,
                 "map_not_found");
    assert_fails(fixture, sg_store_map_delete(fixture->store, 4711, &fixture->err), SG_E_NOT_FOUND,
                 "map_not_found");
}

static void the_only_filter_needs_no_label(void **state)
{
    struct fixture *fixture = *state;
    struct sg_map_row back = {.id = 77};
    assert_fails(fixture, get(fixture, "START1", "", &back), SG_E_NOT_FOUND, "map_not_found");
    assert_fails(fixture, get(fixture, "START1", "a", &back), SG_E_NOT_FOUND, "map_not_found");
    (void)add(fixture, "START1", "a", "O=a", "");
    (void)add(fixture, "START2", "b", "O=b", "");
    assert_ok(fixture, get(fixture, "START1", "", &back));
    assert_string_equal(back.name.label.text, "a");
    (void)add(fixture, "START1", "c", "O=c", "");
    assert_fails(fixture, get(fixture, "START1", "", &back), SG_E_CONFLICT, "label_needed");
    assert_has(fixture->err.text, "2");
    assert_has(fixture->err.hint, "START1");
    assert_fails(fixture, get(fixture, "START1", "A", &back), SG_E_NOT_FOUND, "map_not_found");
}

struct seen {
    char text[200];
    size_t stop_after;
};

static sg_status see(void *context, const struct sg_map_row *row, struct sg_error *err)
{
    struct seen *seen = context;
    size_t used = strlen(seen->text);
    snprintf(seen->text + used, sizeof seen->text - used, "%s/%s ", row->name.owner.text,
             row->name.label.text);
    return --seen->stop_after == 0 ? sg_fail(err, SG_E_LIMIT, "enough", "enough") : SG_OK;
}

static void filters_are_walked_in_order(void **state)
{
    struct fixture *fixture = *state;
    (void)add(fixture, "START2", "a", "O=a", "");
    (void)add(fixture, SG_MULTIID, "z", "O=b", "");
    (void)add(fixture, "START1", "b", "O=c", "");
    (void)add(fixture, "START1", "a", "O=d", "");
    struct seen seen = {.stop_after = 100};
    assert_ok(fixture, sg_store_map_each(fixture->store, NULL, see, &seen, &fixture->err));
    assert_string_equal(seen.text, "MULTIID/z START1/a START1/b START2/a ");
    seen = (struct seen){.stop_after = 100};
    assert_ok(fixture, sg_store_map_each(fixture->store, "START1", see, &seen, &fixture->err));
    assert_string_equal(seen.text, "START1/a START1/b ");
    seen = (struct seen){.stop_after = 1};
    assert_fails(fixture, sg_store_map_each(fixture->store, NULL, see, &seen, &fixture->err),
                 SG_E_LIMIT, "enough");
}

static void finding_is_exact(void **state)
{
    struct fixture *fixture = *state;
    (void)add(fixture, "START1", "a", "O=a", "");
    static const char *const misses[][2] = {{"o=a", ""}, {"O=a", "O=a"}, {"", "O=a"}, {"O=a ", ""},
                                            {"O=", ""},  {"%", ""},      {"*", ""}};
    struct sg_map_row row;
    bool found = true;
    for (size_t i = 0; i < SG_COUNT(misses); i++) {
        assert_ok(fixture, sg_store_map_find(fixture->store, misses[i][0], misses[i][1], &row,
                                             &found, &fixture->err));
        assert_false(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_store, fixture_gone)
        TEST(a_filter_comes_back_as_it_was),
        TEST(a_filter_holds_255_characters_of_any_width),
        TEST(labels_are_found_when_none_is_given),
        TEST(a_label_stands_once_for_an_owner),
        TEST(a_filter_stands_once_whoever_owns_it),
        TEST(what_breaks_the_model_is_refused_by_the_schema_too),
        TEST(what_is_altered_comes_back_altered),
        TEST(the_only_filter_needs_no_label),
        TEST(filters_are_walked_in_order),
        TEST(finding_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
