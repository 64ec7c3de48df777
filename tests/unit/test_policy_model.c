/* The words of the model. */
#include "cmocka_all.h"

#include <string.h>

#include <signet/policy/model.h>

static void owners_have_a_kind(void **state)
{
    (void)state;
    assert_int_equal(sg_owner_kind("CERTAUTH"), SG_OWNER_CERTAUTH);
    assert_int_equal(sg_owner_kind("SITE"), SG_OWNER_SITE);
    const char *const users[] = {"START1", "", "CERTAUTH1", "CERTAUT", "SITES", "SIT", "certauth"};
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        assert_int_equal(sg_owner_kind(users[i]), SG_OWNER_USER);
    }
}

static void trust_is_read_in_any_case(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sg_trust trust;
    } rows[] = {{"TRUST", SG_TRUST},     {"trust", SG_TRUST},         {"NoTrust", SG_NOTRUST},
                {"NOTRUST", SG_NOTRUST}, {"HIGHTRUST", SG_HIGHTRUST}, {"hightrust", SG_HIGHTRUST}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum sg_trust trust = (enum sg_trust)SG_TRUST_COUNT;
        assert_true(sg_trust_parse(rows[i].text, &trust));
        assert_int_equal(trust, rows[i].trust);
    }
}

static void what_is_no_trust_is_refused_and_writes_nothing(void **state)
{
    (void)state;
    const char *const bad[] = {"", " TRUST", "TRUST ", "TRUSTED", "HIGH", "NO", "0", "NONE"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        enum sg_trust trust = SG_HIGHTRUST;
        assert_false(sg_trust_parse(bad[i], &trust));
        assert_int_equal(trust, SG_HIGHTRUST);
    }
}

static void names_of_trust_and_usage_are_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < SG_TRUST_COUNT; i++) {
        enum sg_trust trust = (enum sg_trust)SG_TRUST_COUNT;
        assert_true(sg_trust_parse(sg_trust_name((enum sg_trust)i), &trust));
        assert_int_equal(trust, i);
    }
    for (int i = 0; i < SG_USAGE_COUNT; i++) {
        enum sg_usage usage = (enum sg_usage)SG_USAGE_COUNT;
        assert_true(sg_usage_parse(sg_usage_name((enum sg_usage)i), &usage));
        assert_int_equal(usage, i);
    }
}

static void a_number_that_is_no_trust_never_reads_as_trusted(void **state)
{
    (void)state;
    assert_string_equal(sg_trust_name((enum sg_trust)3), "NOTRUST");
    assert_string_equal(sg_trust_name((enum sg_trust) - 1), "NOTRUST");
    assert_non_null(sg_usage_name((enum sg_usage)99));
    assert_string_equal(sg_level_name((enum sg_level)99), "NONE");
}

static void what_is_no_usage_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"", "PERSON", "PERSONAL ", "CERT", "USER", "?", "1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        enum sg_usage usage = SG_USAGE_SITE;
        assert_false(sg_usage_parse(bad[i], &usage));
        assert_int_equal(usage, SG_USAGE_SITE);
    }
}

static void levels_grow(void **state)
{
    (void)state;
    assert_true(SG_LEVEL_NONE < SG_LEVEL_READ);
    assert_true(SG_LEVEL_READ < SG_LEVEL_UPDATE);
    assert_true(SG_LEVEL_UPDATE < SG_LEVEL_CONTROL);
    assert_string_equal(sg_level_name(SG_LEVEL_NONE), "NONE");
    assert_string_equal(sg_level_name(SG_LEVEL_READ), "READ");
    assert_string_equal(sg_level_name(SG_LEVEL_UPDATE), "UPDATE");
    assert_string_equal(sg_level_name(SG_LEVEL_CONTROL), "CONTROL");
}

static void usage_follows_the_nature_of_the_owner(void **state)
{
    (void)state;
    assert_int_equal(sg_usage_default("START1"), SG_USAGE_PERSONAL);
    assert_int_equal(sg_usage_default("CERTAUTH"), SG_USAGE_CERTAUTH);
    assert_int_equal(sg_usage_default("SITE"), SG_USAGE_SITE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_have_a_kind),
        cmocka_unit_test(trust_is_read_in_any_case),
        cmocka_unit_test(what_is_no_trust_is_refused_and_writes_nothing),
        cmocka_unit_test(names_of_trust_and_usage_are_read_back),
        cmocka_unit_test(a_number_that_is_no_trust_never_reads_as_trusted),
        cmocka_unit_test(what_is_no_usage_is_refused),
        cmocka_unit_test(levels_grow),
        cmocka_unit_test(usage_follows_the_nature_of_the_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
