/* Bounded buffers. */
#include "cmocka_all.h"

#include <string.h>

#include <signet/base/buffer.h>

static void an_empty_buffer_holds_nothing(void **state)
{
    SG_BUFFER buffer;
    (void)state;
    sg_buffer_init(&buffer, 10);
    assert_null(buffer.data);
    assert_int_equal(buffer.len, 0);
    size_t len = 99;
    assert_null(sg_buffer_take(&buffer, &len));
    assert_int_equal(len, 0);
}

static void bytes_are_appended_with_a_nul_behind(void **state)
{
    SG_BUFFER buffer;
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    sg_buffer_init(&buffer, 1000);
    assert_int_equal(sg_buffer_append(&buffer, "ab\0c", 4, &err), SG_OK);
    assert_int_equal(sg_buffer_append(&buffer, "de", 2, &err), SG_OK);
    assert_int_equal(buffer.len, 6);
    assert_memory_equal(buffer.data, "ab\0cde", 7);
    assert_int_equal(sg_buffer_append(&buffer, NULL, 0, &err), SG_OK);
    assert_int_equal(buffer.len, 6);
}

static void a_buffer_fills_to_its_maximum_and_no_further(void **state)
{
    SG_BUFFER buffer;
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    sg_buffer_init(&buffer, 300);
    for (unsigned i = 0; i < 300; i++) {
        unsigned char byte = (unsigned char)i;
        assert_int_equal(sg_buffer_append(&buffer, &byte, 1, &err), SG_OK);
    }
    assert_int_equal(sg_buffer_append(&buffer, "x", 1, &err), SG_E_LIMIT);
    assert_string_equal(err.code, "too_large");
    assert_int_equal(buffer.len, 300);
    for (unsigned i = 0; i < 300; i++) {
        assert_int_equal(buffer.data[i], i & 0xFF);
    }
    assert_int_equal(buffer.data[300], 0);
}

static void absurd_lengths_are_refused(void **state)
{
    SG_BUFFER buffer;
    struct sg_error err = SG_ERROR_INIT;
    unsigned char *room = NULL;
    (void)state;
    sg_buffer_init(&buffer, 100);
    assert_int_equal(sg_buffer_append(&buffer, "abc", 3, &err), SG_OK);
    const size_t lengths[] = {98, 101, SIZE_MAX, SIZE_MAX - 2, SIZE_MAX - 3, SIZE_MAX / 2 + 1};
    for (size_t i = 0; i < SG_COUNT(lengths); i++) {
        assert_int_equal(sg_buffer_reserve(&buffer, lengths[i], &room, &err), SG_E_LIMIT);
        assert_null(room);
    }
    assert_int_equal(buffer.len, 3);
    assert_string_equal((char *)buffer.data, "abc");
}

static void a_maximum_of_zero_takes_nothing(void **state)
{
    SG_BUFFER buffer;
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    sg_buffer_init(&buffer, 0);
    assert_int_equal(sg_buffer_append(&buffer, "", 0, &err), SG_OK);
    assert_int_equal(sg_buffer_append(&buffer, "a", 1, &err), SG_E_LIMIT);
}

static void text_is_formatted_to_the_end(void **state)
{
    SG_BUFFER buffer;
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    sg_buffer_init(&buffer, 20);
    assert_int_equal(sg_buffer_format(&buffer, &err, "%s=%d;", "a", 1), SG_OK);
    assert_int_equal(sg_buffer_format(&buffer, &err, "%s", "%n%s"), SG_OK);
    assert_string_equal((char *)buffer.data, "a=1;%n%s");
    assert_int_equal(sg_buffer_format(&buffer, &err, "%020d", 1), SG_E_LIMIT);
    assert_string_equal((char *)buffer.data, "a=1;%n%s"); /* all or nothing */
}

static void reserved_room_is_used_by_the_caller(void **state)
{
    SG_BUFFER buffer;
    struct sg_error err = SG_ERROR_INIT;
    unsigned char *room = NULL;
    (void)state;
    sg_buffer_init(&buffer, 1000);
    assert_int_equal(sg_buffer_append(&buffer, "ab", 2, &err), SG_OK);
    assert_int_equal(sg_buffer_reserve(&buffer, 500, &room, &err), SG_OK);
    assert_ptr_equal(room, buffer.data + 2);
    memset(room, 'x', 500);
    buffer.len += 3;
    assert_int_equal(sg_buffer_append(&buffer, "c", 1, &err), SG_OK);
    assert_string_equal((char *)buffer.data, "abxxxc");
}

static void taken_bytes_belong_to_the_taker(void **state)
{
    SG_BUFFER buffer;
    struct sg_error err = SG_ERROR_INIT;
    size_t len = 0;
    (void)state;
    sg_buffer_init(&buffer, 100);
    assert_int_equal(sg_buffer_append(&buffer, "abc", 3, &err), SG_OK);
    unsigned char *taken = sg_buffer_take(&buffer, &len);
    assert_int_equal(len, 3);
    assert_string_equal((char *)taken, "abc");
    assert_null(buffer.data);
    assert_int_equal(sg_buffer_append(&buffer, "d", 1, &err),
                     SG_OK); /* and the buffer starts anew */
    assert_string_equal((char *)buffer.data, "d");
    assert_string_equal((char *)taken, "abc");
    free(taken);
    free(sg_buffer_take(&buffer, NULL));
}

static void a_finished_buffer_may_be_used_again(void **state)
{
    struct sg_buffer buffer;
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    sg_buffer_init(&buffer, 10);
    assert_int_equal(sg_buffer_append(&buffer, "abc", 3, &err), SG_OK);
    sg_buffer_done(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.len, 0);
    sg_buffer_done(&buffer);
    assert_int_equal(sg_buffer_append(&buffer, "0123456789", 10, &err), SG_OK);
    assert_int_equal(sg_buffer_append(&buffer, "x", 1, &err), SG_E_LIMIT); /* the maximum stays */
    sg_buffer_done(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_holds_nothing),
        cmocka_unit_test(bytes_are_appended_with_a_nul_behind),
        cmocka_unit_test(a_buffer_fills_to_its_maximum_and_no_further),
        cmocka_unit_test(absurd_lengths_are_refused),
        cmocka_unit_test(a_maximum_of_zero_takes_nothing),
        cmocka_unit_test(text_is_formatted_to_the_end),
        cmocka_unit_test(reserved_room_is_used_by_the_caller),
        cmocka_unit_test(taken_bytes_belong_to_the_taker),
        cmocka_unit_test(a_finished_buffer_may_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
