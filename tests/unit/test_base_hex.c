/* Hexadecimal text. */
#include "cmocka_all.h"

#include <string.h>

#include <signet/base/hex.h>

static void every_byte_reads_back(void **state)
{
    (void)state;
    unsigned char bytes[256];
    unsigned char back[256];
    char text[513];
    for (unsigned i = 0; i < 256; i++) {
        bytes[i] = (unsigned char)i;
    }
    sg_hex_encode(bytes, sizeof bytes, text);
    assert_int_equal(strlen(text), 512);
    assert_memory_equal(text, "000102030405060708090a0b0c0d0e0f10", 34);
    assert_string_equal(text + 508, "feff");
    assert_true(sg_hex_decode(text, back, sizeof back));
    assert_memory_equal(bytes, back, sizeof bytes);
}

static void both_cases_are_read(void **state)
{
    (void)state;
    unsigned char out[3];
    assert_true(sg_hex_decode("aBCdEf", out, 3));
    assert_memory_equal(out, "\xAB\xCD\xEF", 3);
}

static void nothing_is_an_empty_text(void **state)
{
    (void)state;
    char text[1] = {'x'};
    unsigned char out = 7;
    sg_hex_encode(&out, 0, text);
    assert_string_equal(text, "");
    assert_true(sg_hex_decode("", &out, 0));
    assert_int_equal(out, 7);
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "0",    "000",  "00000", "0g00",      "00 0",
                                      " 000", "0x00", "00:0", "000/",  "000:",      "000@",
                                      "000G", "000`", "-001", "+001",  "00\xC3\xA4"};
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        unsigned char out[2];
        assert_false(sg_hex_decode(bad[i], out, 2));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_reads_back),
        cmocka_unit_test(both_cases_are_read),
        cmocka_unit_test(nothing_is_an_empty_text),
        cmocka_unit_test(anything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
