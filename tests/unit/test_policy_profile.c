/* Profile names: what is one, what it covers, which of two decides. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/cleanup.h>
#include <signet/policy/profile.h>

static void names_are_folded_to_upper_case(void **state)
{
    (void)state;
    struct sg_profile_name name;
    struct sg_error err = SG_ERROR_INIT;
    static const char *const pairs[][2] = {
        {"irr.digtcert.list", "IRR.DIGTCERT.LIST"},
        {"START1.Key-2.lst", "START1.KEY-2.LST"},
        {"**", "**"},
        {"*", "*"},
        {"start1.**.lst", "START1.**.LST"},
        {"A%%.B*.C", "A%%.B*.C"},
        {"APPLID=x.SYSID=*", "APPLID=X.SYSID=*"},
        {"start1.gr\xc3\xbc\xc3\x9f.upd", "START1.GR\xc3\xbc\xc3\x9f.UPD"},
    };
    for (size_t i = 0; i < SG_COUNT(pairs); i++) {
        assert_int_equal(sg_profile_name_read(pairs[i][0], &name, &err), SG_OK);
        assert_string_equal(name.text, pairs[i][1]);
    }
}

static void what_is_no_name_is_refused_with_its_position(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } wrong[] = {
        {"", "nothing at character 0"},
        {"A..B", "an empty qualifier at character 3"},
        {".A", "an empty qualifier at character 1"},
        {"A.", "an empty qualifier"},
        {"A B", "a blank at character 2"},
        {"A&B", "an & at character 2"},
        {"A*B", "* before the end of a qualifier at character 2"},
        {"A.B**", "** is more than a qualifier at character 4"},
        {"A.**B", "** is more than a qualifier at character 3"},
        {"**.A.**", "a second ** at character 6"},
        {"***", "** is more than a qualifier"},
        {"A\nB", "a control character at character 2"},
        {"A\xc3", "no UTF-8 at character 2"},
        {"A\xe2\x80\xa8", "a control character at character 2"},
    };
    for (size_t i = 0; i < SG_COUNT(wrong); i++) {
        struct sg_profile_name name = {.text = "before"};
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(sg_profile_name_read(wrong[i].text, &name, &err), SG_E_INPUT);
        assert_string_equal(err.code, "bad_profile");
        assert_non_null(strstr(err.text, wrong[i].said));
        assert_null(strchr(err.text, '\n'));
        assert_string_equal(name.text, "before");
    }
}

static void names_have_a_maximum(void **state)
{
    (void)state;
    char text[SG_PROFILE_BYTES + 100];
    struct sg_profile_name name;
    struct sg_error err = SG_ERROR_INIT;
    memset(text, 'A', sizeof text);
    text[SG_PROFILE_MAX] = '\0';
    assert_int_equal(sg_profile_name_read(text, &name, &err), SG_OK);
    text[SG_PROFILE_MAX] = 'A';
    text[SG_PROFILE_MAX + 1] = '\0';
    assert_int_equal(sg_profile_name_read(text, &name, &err), SG_E_INPUT);
    text[SG_PROFILE_MAX + 1] = 'A';
    text[sizeof text - 1] = '\0';
    assert_int_equal(sg_profile_name_read(text, &name, &err), SG_E_INPUT);
}

static void generic_names_cover_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *profile, *resource;
        bool covers;
    } cases[] = {
        {"A.B", "A.B", true},
        {"A.B", "A.BC", false},
        {"A.B", "A", false},
        {"A.%", "A.B", true},
        {"A.%", "A.BC", false},
        {"A.%", "A.", false},
        {"A%C", "A.C", false},
        {"A.%%", "A.B\xc3\xbc", true},
        {"A.%.C", "A.B.C", true},
        {"A.*", "A.B", true},
        {"A.*", "A.B.C", true},
        {"A.*", "A", false},
        {"A*", "A", true},
        {"A*", "ABC.D", true},
        {"A*", "B", false},
        {"*", "A.B.C", true},
        {"A.*.C", "A.B.C", true},
        {"A.*.C", "A.B.B.C", false},
        {"A.*.C", "A.C", false},
        {"A.B*.C", "A.BX.C", true},
        {"A.B*.C", "A.B.C", true},
        {"A.B*.C", "A.BX.Y.C", false},
        {"A.**", "A", true},
        {"A.**", "A.B", true},
        {"A.**", "A.B.C", true},
        {"A.**", "AB", false},
        {"A.**.C", "A.C", true},
        {"A.**.C", "A.B.C", true},
        {"A.**.C", "A.B.B.C", true},
        {"A.**.C", "A.B.D", false},
        {"A.**.C", "A.C.D", false},
        {"**.LST", "START1.KEY.LST", true},
        {"**.LST", "LST", true},
        {"**.LST", "START1.KEY.UPD", false},
        {"**.LST", "XLST", false},
        {"**", "A.B", true},
        {"**.B*", "A.C.BX.Y", true},
        {"A.**.B%.D", "A.X.BY.BZ.D", true},
        {"*.KEY.LST", "A.KEY.LST", true},
        {"*.KEY.LST", "A.B.KEY.LST", false},
        {"%.KEY.LST", "AB.KEY.LST", false},
    };
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        if (sg_profile_matches(cases[i].profile, cases[i].resource) != cases[i].covers) {
            fail_msg("%s and %s", cases[i].profile, cases[i].resource);
        }
    }
}

static void sort_names(const char *const *names, size_t count, struct sg_profile *list,
                       struct sg_profiles *out)
{
    for (size_t i = 0; i < count; i++) { /* backwards: the sort has something to do */
        list[i] = (struct sg_profile){
            .class = SG_CLASS_RDATALIB, .name = names[count - 1 - i], .appldata = ""};
    }
    sg_profiles_index(list, count, out);
}

static void the_more_specific_name_comes_first(void **state)
{
    (void)state;
    static const char *const order[] = {"A.B",  "A.B.*", "A.B.**", "A.B%", "A.B*", "A.*.C", "A.*",
                                        "A.**", "%.B",   "*.B",    "*",    "**.B", "**"};
    for (size_t i = 0; i < SG_COUNT(order); i++) {
        for (size_t k = 0; k < SG_COUNT(order); k++) {
            int sign = sg_profile_order(order[i], order[k]);
            bool fits = i == k ? sign == 0 : i < k ? sign < 0 : sign > 0;
            if (!fits) {
                fail_msg("%s and %s: %d", order[i], order[k], sign);
            }
        }
    }
}

static void the_most_specific_profile_that_covers_decides(void **state)
{
    (void)state;
    static const char *const names[] = {
        "START1.KEY.LST", "START1.KE%.LST", "START1.K*.LST", "START1.*.LST",
        "START1.**",      "*.KEY.LST",      "**.LST",        "**"};
    static const struct {
        const char *resource, *decides;
    } cases[] = {
        {"START1.KEY.LST", "START1.KEY.LST"},
        {"START1.KEX.LST", "START1.KE%.LST"},
        {"START1.KEYS.LST", "START1.K*.LST"},
        {"START1.WEB.LST", "START1.*.LST"},
        {"START1.A.B.LST", "START1.**"},
        {"START1.KEY.UPD", "START1.**"},
        {"START2.KEY.LST", "*.KEY.LST"},
        {"START2.WEB.LST", "**.LST"},
        {"START2.KEY.UPD", "**"},
    };
    struct sg_profile list[SG_COUNT(names)];
    struct sg_profiles profiles;
    sort_names(names, SG_COUNT(names), list, &profiles);
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        const struct sg_profile *found =
            sg_profile_find(&profiles, SG_CLASS_RDATALIB, cases[i].resource);
        assert_non_null(found);
        assert_string_equal(found->name, cases[i].decides);
    }
}

static void classes_do_not_mix(void **state)
{
    (void)state;
    struct sg_profile list[] = {
        {.class = SG_CLASS_DIGTCRIT, .name = "A.*", .appldata = "X"},
        {.class = SG_CLASS_FACILITY, .name = "A.B", .appldata = ""},
        {.class = SG_CLASS_DIGTCRIT, .name = "A.B", .appldata = "Y"},
    };
    struct sg_profiles profiles;
    sg_profiles_index(list, SG_COUNT(list), &profiles);
    assert_null(sg_profile_find(&profiles, SG_CLASS_RDATALIB, "A.B"));
    assert_null(sg_profile_find(&profiles, SG_CLASS_FACILITY, "A.C"));
    assert_string_equal(sg_profile_find(&profiles, SG_CLASS_DIGTCRIT, "A.B")->appldata, "Y");
    assert_string_equal(sg_profile_find(&profiles, SG_CLASS_DIGTCRIT, "A.C")->appldata, "X");
    assert_null(sg_profile_get(&profiles, SG_CLASS_DIGTCRIT, "A.C"));
    assert_non_null(sg_profile_get(&profiles, SG_CLASS_DIGTCRIT, "A.*"));
    assert_null(sg_profile_get(&profiles, (enum sg_class)7, "A.B"));
}

static void nothing_covers_anything_where_there_is_nothing(void **state)
{
    (void)state;
    struct sg_profiles none;
    sg_profiles_index(NULL, 0, &none);
    assert_null(sg_profile_find(&none, SG_CLASS_FACILITY, "A"));
    assert_null(sg_profile_find(NULL, SG_CLASS_FACILITY, "A"));
    assert_null(sg_profile_get(NULL, SG_CLASS_FACILITY, "A"));
}

static void words_are_read_in_any_case_and_only_those(void **state)
{
    (void)state;
    enum sg_class class;
    enum sg_level level;
    assert_true(sg_class_parse("rDataLib", &class));
    assert_int_equal(class, SG_CLASS_RDATALIB);
    assert_false(sg_class_parse("CRYPTOZ", &class));
    assert_false(sg_class_parse("", &class));
    assert_true(sg_level_parse("control", &level));
    assert_int_equal(level, SG_LEVEL_CONTROL);
    assert_false(sg_level_parse("ALTER", &level));
    assert_false(sg_level_parse("READ ", &level));
    assert_string_equal(sg_class_name((enum sg_class)9), "?");
}

static void subjects_are_written_as_they_are_typed(void **state)
{
    (void)state;
    const struct sg_subject owner = {.kind = SG_SUBJECT_OWNER, .owner = {"START1"}};
    const struct sg_subject user = {.kind = SG_SUBJECT_USER, .id = 4294967294u};
    const struct sg_subject group = {.kind = SG_SUBJECT_GROUP, .id = 33};
    const struct sg_subject all = {.kind = SG_SUBJECT_ALL};
    assert_string_equal(sg_subject_text(&owner).text, "owner:START1");
    assert_string_equal(sg_subject_text(&user).text, "user:4294967294");
    assert_string_equal(sg_subject_text(&group).text, "group:33");
    assert_string_equal(sg_subject_text(&all).text, "*");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_folded_to_upper_case),
        cmocka_unit_test(what_is_no_name_is_refused_with_its_position),
        cmocka_unit_test(names_have_a_maximum),
        cmocka_unit_test(generic_names_cover_what_they_say),
        cmocka_unit_test(the_more_specific_name_comes_first),
        cmocka_unit_test(the_most_specific_profile_that_covers_decides),
        cmocka_unit_test(classes_do_not_mix),
        cmocka_unit_test(nothing_covers_anything_where_there_is_nothing),
        cmocka_unit_test(words_are_read_in_any_case_and_only_those),
        cmocka_unit_test(subjects_are_written_as_they_are_typed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
