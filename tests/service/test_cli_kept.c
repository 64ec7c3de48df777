/* Files that a rehearsed deck would have written. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <signet/cli/kept.h>

static struct sg_kept *kept;

static int setup(void **state SG_UNUSED)
{
    struct sg_error err = SG_ERROR_INIT;
    return sg_kept_new(&kept, &err) == SG_OK ? 0 : -1;
}

static int teardown(void **state SG_UNUSED)
{
    sg_kept_free(kept);
    return 0;
}

static struct sg_bytes text(const char *content)
{
    return (struct sg_bytes){(const unsigned char *)content, strlen(content)};
}

static void put(const char *path, const char *content)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_kept_put(kept, path, text(content), &err), SG_OK);
}

static void assert_content(const char *path, const char *expected)
{
    struct sg_error err = SG_ERROR_INIT;
    bool found = false;
    SG_BUFFER content;
    sg_buffer_init(&content, 1000);
    assert_int_equal(sg_kept_read(kept, path, &content, &found, &err), SG_OK);
    assert_true(found);
    assert_int_equal(content.len, strlen(expected));
    assert_memory_equal(content.data, expected, content.len);
}

static void assert_absent(const struct sg_kept *where, const char *path)
{
    struct sg_error err = SG_ERROR_INIT;
    bool found = true;
    SG_BUFFER content;
    sg_buffer_init(&content, 1000);
    assert_false(sg_kept_has(where, path));
    assert_int_equal(sg_kept_read(where, path, &content, &found, &err), SG_OK);
    assert_false(found);
    assert_int_equal(content.len, 0);
}

static void what_was_put_last_is_read(void **state SG_UNUSED)
{
    put("./A", "one");
    put("./B", "other");
    put("./A", "two, and longer");
    assert_content("./A", "two, and longer");
    assert_content("./B", "other");
}

static void other_names_are_not_kept(void **state SG_UNUSED)
{
    put("./A", "one");
    assert_absent(kept, "./a");
    assert_absent(kept, "A");
    assert_absent(kept, "./A ");
    assert_absent(kept, "");
    assert_absent(NULL, "./A");
}

static void what_is_not_known_is_said_so(void **state SG_UNUSED)
{
    struct sg_error err = SG_ERROR_INIT;
    bool found = false;
    SG_BUFFER content;
    sg_buffer_init(&content, 1000);
    put("./A", "one");
    assert_int_equal(sg_kept_put(kept, "./A", (struct sg_bytes){NULL, 0}, &err), SG_OK);
    assert_true(sg_kept_has(kept, "./A"));
    assert_int_equal(sg_kept_read(kept, "./A", &content, &found, &err), SG_E_UNSUPPORTED);
    assert_string_equal(err.code, "content_not_known");
    assert_non_null(strstr(err.text, "./A"));
    assert_int_equal(content.len, 0);
    put("./A", "known again");
    assert_content("./A", "known again");
}

static void files_are_bounded(void **state SG_UNUSED)
{
    struct sg_error err = SG_ERROR_INIT;
    char path[40];
    for (unsigned i = 0; i < SG_KEPT_FILES_MAX; i++) {
        snprintf(path, sizeof path, "./%u", i);
        put(path, "");
    }
    assert_int_equal(sg_kept_put(kept, "./one more", text("x"), &err), SG_E_LIMIT);
    assert_string_equal(err.code, "too_many_files");
    assert_absent(kept, "./one more");
    put("./7", "another"); /* one that has its place */
    assert_content("./7", "another");
}

static void bytes_are_bounded(void **state SG_UNUSED)
{
    struct sg_error err = SG_ERROR_INIT;
    size_t half = SG_KEPT_BYTES_MAX / 2;
    unsigned char *much = calloc(1, half + 1);
    assert_non_null(much);
    assert_int_equal(sg_kept_put(kept, "./A", (struct sg_bytes){much, half}, &err), SG_OK);
    assert_int_equal(sg_kept_put(kept, "./B", (struct sg_bytes){much, half + 1}, &err), SG_E_LIMIT);
    assert_string_equal(err.code, "too_many_files");
    assert_absent(kept, "./B");
    put("./A", "small");
    assert_int_equal(sg_kept_put(kept, "./B", (struct sg_bytes){much, half + 1}, &err), SG_OK);
    free(much);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_last_is_read),
        TEST(other_names_are_not_kept),
        TEST(what_is_not_known_is_said_so),
        TEST(files_are_bounded),
        TEST(bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
