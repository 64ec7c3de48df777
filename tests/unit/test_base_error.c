/* The one error convention. */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <signet/base/error.h>

static void a_failure_sets_everything_and_gives_its_status(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    int line = __LINE__ + 1;
    sg_status s = sg_fail(&err, SG_E_CONFLICT, "label_in_use", "label %s, %d times", "web", 2);
    assert_int_equal(s, SG_E_CONFLICT);
    assert_int_equal(err.status, SG_E_CONFLICT);
    assert_string_equal(err.code, "label_in_use");
    assert_string_equal(err.text, "label web, 2 times");
    assert_string_equal(err.hint, "");
    assert_string_equal(err.object, "");
    assert_int_equal(err.line, line);
    assert_non_null(strstr(err.file, "test_base_error.c"));
    assert_int_equal(err.sys_errno, 0);
}

static void hint_and_object_keep_the_status(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    (void)sg_fail(&err, SG_E_DENIED, "denied", "no");
    assert_int_equal(sg_hint(&err, "Ask %s.", "her"), SG_E_DENIED);
    assert_int_equal(sg_object(&err, "%s/%s", "A", "b"), SG_E_DENIED);
    assert_string_equal(err.text, "no");
    assert_string_equal(err.hint, "Ask her.");
    assert_string_equal(err.object, "A/b");
}

static void a_cut_text_ends_in_a_whole_character(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    char name[1024];
    (void)state;
    for (size_t i = 0; i + 2 < sizeof name; i += 2) {
        memcpy(name + i, "\xC3\xA4", 3); /* ä */
    }
    for (int shift = 0; shift < 4; shift++) {
        (void)sg_fail(&err, SG_E_CONFLICT, "x", "%.*s%s", shift, "abc", name);
        (void)sg_object(&err, "%.*s%s", shift, "abc", name);
        sg_error_prefix(&err, "%.*s%s", shift, "abc", name);
        size_t len = strlen(err.object);
        assert_true(len > 300);
        assert_int_equal((unsigned char)err.object[len - 1], 0xA4);
        assert_int_equal((unsigned char)err.text[strlen(err.text) - 1], 0xA4);
    }
}

static void a_new_failure_forgets_the_old_one(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    (void)sg_fail(&err, SG_E_DENIED, "denied", "no");
    (void)sg_hint(&err, "Ask.");
    (void)sg_object(&err, "A");
    err.ck_rv = 7;
    err.sql = 9;
    (void)sg_fail(&err, SG_E_LIMIT, "limit", "too much");
    assert_string_equal(err.hint, "");
    assert_string_equal(err.object, "");
    assert_int_equal(err.ck_rv, 0);
    assert_int_equal(err.sql, 0);
}

static void a_failure_may_quote_the_error_it_replaces(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    (void)sg_fail(&err, SG_E_TOKEN, "token", "the token is gone");
    (void)sg_fail(&err, SG_E_SERVICE, "service", "could not sign: %s", err.text);
    assert_string_equal(err.text, "could not sign: the token is gone");
}

static void without_a_code_the_status_names_itself(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    (void)sg_fail(&err, SG_E_TOKEN, NULL, "gone");
    assert_string_equal(err.code, "token_unavailable");
}

static void errno_is_kept_and_told(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    errno = ENOENT;
    sg_status s = sg_fail_errno(&err, SG_E_STORAGE, "cannot_read", "cannot open %s", "x");
    assert_int_equal(s, SG_E_STORAGE);
    assert_int_equal(err.sys_errno, ENOENT);
    assert_string_equal(err.text, "cannot open x: No such file or directory");
}

static void no_memory_is_a_status(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    assert_int_equal(sg_fail_memory(&err), SG_E_NO_MEMORY);
    assert_string_equal(err.code, "no_memory");
}

static void texts_hold_no_line_breaks_or_escapes(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    const char evil[] = "a\nb\r\x1B[2Jc\x7F\td";
    (void)sg_fail(&err, SG_E_INPUT, "x", "%s", evil);
    (void)sg_hint(&err, "%s", evil);
    (void)sg_object(&err, "%s", evil);
    const char *const texts[] = {err.text, err.hint, err.object};
    for (size_t i = 0; i < SG_COUNT(texts); i++) {
        assert_string_equal(texts[i], "a?b??[2Jc??d");
    }
    sg_error_prefix(&err, "%s", "\n");
    assert_string_equal(err.text, "?: a?b??[2Jc??d");
    errno = EIO;
    (void)sg_fail_errno(&err, SG_E_INPUT, "x", "%s", evil);
    assert_null(strchr(err.text, '\n'));
}

static void text_that_came_as_data_is_no_format(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    (void)sg_fail(&err, SG_E_INPUT, "x", "%s", "%n%s%d");
    sg_error_prefix(&err, "%s", "%s%n");
    assert_string_equal(err.text, "%s%n: %n%s%d");
}

static void too_long_texts_are_cut_and_ended(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    char text[4000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)sg_fail(&err, SG_E_INPUT, text, "%s", text);
    (void)sg_hint(&err, "%s", text);
    (void)sg_object(&err, "%s", text);
    assert_int_equal(strlen(err.code), sizeof err.code - 1);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(strlen(err.hint), sizeof err.hint - 1);
    assert_int_equal(strlen(err.object), sizeof err.object - 1);
    sg_error_prefix(&err, "%s", text);
    assert_in_range(strlen(err.text), 600, sizeof err.text - 1);
    errno = EIO;
    (void)sg_fail_errno(&err, SG_E_INPUT, "x", "%s", text);
    assert_non_null(strstr(err.text, "Input/output error")); /* the reason survives a long name */
}

static void a_prefix_stands_before_the_text_and_changes_nothing_else(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    (void)sg_fail(&err, SG_E_TOKEN, "gone", "the token is gone");
    (void)sg_hint(&err, "Plug it in.");
    sg_error_prefix(&err, "rotating key \"%s\"", "web");
    assert_string_equal(err.text, "rotating key \"web\": the token is gone");
    assert_string_equal(err.hint, "Plug it in.");
    assert_string_equal(err.code, "gone");
    assert_int_equal(err.status, SG_E_TOKEN);
}

static void clear_is_ok_and_empty(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_error zero;
    (void)state;
    memset(&zero, 0, sizeof zero);
    (void)sg_fail(&err, SG_E_TOKEN, "gone", "the token is gone");
    sg_error_clear(&err);
    assert_int_equal(err.status, SG_OK);
    assert_memory_equal(&err, &zero, sizeof err);
}

static void every_status_has_a_name_of_its_own_that_reads_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SG_STATUS_COUNT; i++) {
        const struct sg_status_info *info = sg_status_info((sg_status)i);
        assert_non_null(info->name);
        assert_int_equal(sg_status_from_name(info->name), i);
        for (const char *c = info->name; *c != '\0'; c++) {
            assert_true((*c >= 'a' && *c <= 'z') || *c == '_');
        }
    }
}

/* design, section 5: 0 done, 1 usage, 2 not found, 3 conflict, 4 denied, 5 bad input, 6 token, 7
 * service, 8 other */
static void exit_codes_are_the_documented_ones(void **state)
{
    static const int expected[SG_STATUS_COUNT] = {
        [SG_OK] = 0,         [SG_E_USAGE] = 1,   [SG_E_NOT_FOUND] = 2,
        [SG_E_CONFLICT] = 3, [SG_E_DENIED] = 4,  [SG_E_INPUT] = 5,
        [SG_E_TOKEN] = 6,    [SG_E_SERVICE] = 7, [SG_E_UNSUPPORTED] = 8,
        [SG_E_LIMIT] = 5,    [SG_E_STORAGE] = 8, [SG_E_NO_MEMORY] = 8,
        [SG_E_INTERNAL] = 8,
    };
    (void)state;
    for (unsigned i = 0; i < SG_STATUS_COUNT; i++) {
        const struct sg_status_info *info = sg_status_info((sg_status)i);
        assert_int_equal(info->exit_code, expected[i]);
        assert_in_range(info->http_code, 200, 599);
        assert_int_equal(info->http_code < 300, i == SG_OK);
    }
}

static void what_is_no_status_is_internal(void **state)
{
    (void)state;
    assert_string_equal(sg_status_info((sg_status)999)->name, "internal");
    assert_int_equal(sg_status_from_name("nonsense"), SG_E_INTERNAL);
    assert_int_equal(sg_status_from_name(""), SG_E_INTERNAL);
    assert_int_equal(sg_status_from_name("OK"), SG_E_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_sets_everything_and_gives_its_status),
        cmocka_unit_test(hint_and_object_keep_the_status),
        cmocka_unit_test(a_cut_text_ends_in_a_whole_character),
        cmocka_unit_test(a_new_failure_forgets_the_old_one),
        cmocka_unit_test(a_failure_may_quote_the_error_it_replaces),
        cmocka_unit_test(without_a_code_the_status_names_itself),
        cmocka_unit_test(errno_is_kept_and_told),
        cmocka_unit_test(no_memory_is_a_status),
        cmocka_unit_test(texts_hold_no_line_breaks_or_escapes),
        cmocka_unit_test(text_that_came_as_data_is_no_format),
        cmocka_unit_test(too_long_texts_are_cut_and_ended),
        cmocka_unit_test(a_prefix_stands_before_the_text_and_changes_nothing_else),
        cmocka_unit_test(clear_is_ok_and_empty),
        cmocka_unit_test(every_status_has_a_name_of_its_own_that_reads_back),
        cmocka_unit_test(exit_codes_are_the_documented_ones),
        cmocka_unit_test(what_is_no_status_is_internal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
