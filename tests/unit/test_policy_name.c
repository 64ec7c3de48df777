/* Names from outside. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <signet/policy/name.h>

#define KEY "\xF0\x9F\x94\x91" /* one character, four bytes */

/* A failure is SG_E_INPUT with its code, and its text holds nothing that could disturb a terminal.
 */
static void assert_refused(const struct sg_error *err, sg_status s, const char *code)
{
    assert_int_equal(s, SG_E_INPUT);
    assert_int_equal(err->status, SG_E_INPUT);
    assert_string_equal(err->code, code);
    assert_true(err->text[0] != '\0');
    for (const char *c = err->text; *c != '\0'; c++) {
        assert_in_range(*c, 0x20, 0x7E);
    }
}

static void repeat(char *out, const char *character, size_t count)
{
    size_t width = strlen(character);
    for (size_t i = 0; i < count; i++) {
        memcpy(out + i * width, character, width);
    }
    out[count * width] = '\0';
}

/* ---- owners ---- */

static void owners_are_folded_to_upper_case(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"start1", "START1"},
        {"START1", "START1"},
        {"@a", "@A"},
        {"#1", "#1"},
        {"$.-_", "$.-_"},
        {"z", "Z"},
        {"a.b-c_d", "A.B-C_D"},
        {"certauth", "CERTAUTH"},
        {"Site", "SITE"},
        {"abcdefghijklmnopqrstuvwxyz@#$012", "ABCDEFGHIJKLMNOPQRSTUVWXYZ@#$012"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_owner_name name;
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(sg_name_owner(rows[i][0], &name, &err), SG_OK);
        assert_string_equal(name.text, rows[i][1]);
    }
}

static void bad_owners_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",      " ",        "1abc",  "-a",  "_a",
        ".a",    "a b",      "a/b",   "a*",  "a\n",
        "a\x7F", "\xC3\xA4", "a\xFF", "a'b", "a\"",
        "a\\",   "a:b",      "a%",    "..",  "abcdefghijklmnopqrstuvwxyz1234567",
    };
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        struct sg_owner_name name = {.text = "UNTOUCHED"};
        struct sg_error err = SG_ERROR_INIT;
        sg_status s = sg_name_owner(bad[i], &name, &err);
        assert_refused(&err, s, "bad_owner");
        assert_string_equal(name.text, "UNTOUCHED");
    }
}

static void reserved_names_are_no_owners(void **state)
{
    (void)state;
    static const char *const reserved[] = {"MULTIID",  "IRRCERTA", "IRRSITEC", "IRRMULTI",
                                           "IRRTOKEN", "irrtoken", "multiid",  "irrcerta",
                                           "IrrSitec", "irrMULTI"};
    for (size_t i = 0; i < SG_COUNT(reserved); i++) {
        struct sg_owner_name name;
        struct sg_error err = SG_ERROR_INIT;
        sg_status s = sg_name_owner(reserved[i], &name, &err);
        assert_refused(&err, s, "bad_owner");
        s = sg_name_user(reserved[i], &name, &err);
        assert_refused(&err, s, "bad_owner");
    }
    struct sg_owner_name name;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_name_owner("MULTIID1", &name, &err), SG_OK);
}

static void a_user_is_neither_certauth_nor_site(void **state)
{
    (void)state;
    static const char *const anchors[] = {"CERTAUTH", "SITE", "certauth", "Site"};
    struct sg_owner_name name;
    struct sg_error err = SG_ERROR_INIT;
    for (size_t i = 0; i < SG_COUNT(anchors); i++) {
        assert_refused(&err, sg_name_user(anchors[i], &name, &err), "bad_owner");
    }
    assert_int_equal(sg_name_user("start1", &name, &err), SG_OK);
    assert_string_equal(name.text, "START1");
}

static void an_owners_fault_is_located(void **state)
{
    (void)state;
    struct sg_owner_name name;
    struct sg_error err = SG_ERROR_INIT;
    assert_refused(&err, sg_name_owner("abc!e", &name, &err), "bad_owner");
    assert_non_null(strstr(err.text, "character 4"));
    char long_name[200];
    repeat(long_name, "A", 150);
    assert_refused(&err, sg_name_owner(long_name, &name, &err), "bad_owner");
    assert_non_null(strstr(err.text, "150"));
    assert_null(strstr(err.text, "AAAA"));
}

/* ---- labels ---- */

static void good_labels_are_kept_exactly(void **state)
{
    (void)state;
    static const char *const good[] = {
        "web",
        "CICS server 2025",
        "a/b",
        "*",
        "%s",
        "'; DROP TABLE",
        "Michael's",
        "\xC3\xA4",
        KEY,
        "\xC2\xA0",
        "\xE2\x80\x8D",
        "\xEF\xBF\xBD",
        "\xF4\x8F\xBF\xBF",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
    };
    for (size_t i = 0; i < SG_COUNT(good); i++) {
        struct sg_label label;
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(sg_name_label(good[i], &label, &err), SG_OK);
        assert_string_equal(label.text, good[i]);
    }
}

static void trailing_blanks_of_a_label_do_not_count(void **state)
{
    (void)state;
    struct sg_label label;
    struct sg_error err = SG_ERROR_INIT;
    char long_label[200];
    repeat(long_label, "a", 32);
    snprintf(long_label + 32, sizeof long_label - 32, "%20s", "");
    assert_int_equal(sg_name_label(long_label, &label, &err), SG_OK);
    assert_int_equal(strlen(label.text), 32);
    assert_int_equal(sg_name_label("a b  ", &label, &err), SG_OK);
    assert_string_equal(label.text, "a b");
}

static void a_label_has_32_characters_not_bytes(void **state)
{
    (void)state;
    static const char *const characters[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", KEY};
    for (size_t i = 0; i < SG_COUNT(characters); i++) {
        struct sg_label label;
        struct sg_error err = SG_ERROR_INIT;
        char text[200];
        repeat(text, characters[i], 32);
        assert_int_equal(sg_name_label(text, &label, &err), SG_OK);
        assert_string_equal(label.text, text);
        repeat(text, characters[i], 33);
        assert_refused(&err, sg_name_label(text, &label, &err), "bad_label");
        assert_non_null(strstr(err.text, "33"));
    }
}

static void bad_labels_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "   ",
        " a",
        "a\nb",
        "\t",
        "a\xE2\x80\xAEx", /* NOLINT(misc-misleading-bidirectional): that is what is refused */
        "\xE2\x81\xA6z",  /* NOLINT(misc-misleading-bidirectional) */
        "a\xE2\x80\xA8",
        "\x01",
        "a\x1F",
        "a\x7F",
        "\xC2\x80",
        "\xC2\x85",
        "\xC2\x9F",
        "a\r",
        "\x1B[2J",
        "\xE2\x80\xA8",
        "a\xE2\x80\xA9"};
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        struct sg_label label = {.text = "untouched"};
        struct sg_error err = SG_ERROR_INIT;
        assert_refused(&err, sg_name_label(bad[i], &label, &err), "bad_label");
        assert_string_equal(label.text, "untouched");
    }
}

static void utf8_is_read_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80", /* continuation alone */
        "\xBF",
        "\xC3", /* cut */
        "\xE2\x82",
        "\xF0\x9F\x94",
        "\xC0\x80",         /* overlong NUL */
        "\xC1\xBF",         /* overlong, two bytes */
        "\xE0\x80\xAF",     /* overlong slash */
        "\xE0\x9F\xBF",     /* overlong, three bytes */
        "\xF0\x80\x80\xAF", /* overlong slash */
        "\xF0\x8F\xBF\xBF", /* overlong, four bytes */
        "\xED\xA0\x80",     /* first surrogate */
        "\xED\xBF\xBF",     /* last surrogate */
        "\xF4\x90\x80\x80", /* U+110000 */
        "\xF5\x80\x80\x80",
        "\xF8\x88\x80\x80\x80",
        "\xFC\x84\x80\x80\x80\x80",
        "\xFE",
        "\xFF",
        "\xC3\x28", /* lead without continuation */
        "\xE2\x28\xA1",
        "\xE2\x82\x28",
        "\xF0\x28\x8C\xBC",
    };
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        struct sg_label label;
        struct sg_ring_name ring;
        struct sg_error err = SG_ERROR_INIT;
        char text[32];
        snprintf(text, sizeof text, "ab%s", bad[i]);
        assert_refused(&err, sg_name_label(text, &label, &err), "bad_label");
        assert_non_null(strstr(err.text, "byte 3"));
        assert_refused(&err, sg_name_ring(text, &ring, &err), "bad_ring_name");
        snprintf(text, sizeof text, "%sab", bad[i]);
        assert_refused(&err, sg_name_label(text, &label, &err), "bad_label");
        assert_non_null(strstr(err.text, "byte 1"));
    }
}

/* ---- rings ---- */

static void good_ring_names_are_kept_exactly(void **state)
{
    (void)state;
    static const char *const good[] = {"zOSMFRing2", "a b", "a/b", "**", "*a", KEY, "%n"};
    for (size_t i = 0; i < SG_COUNT(good); i++) {
        struct sg_ring_name ring;
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(sg_name_ring(good[i], &ring, &err), SG_OK);
        assert_string_equal(ring.text, good[i]);
    }
}

static void bad_ring_names_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", " ", "*", " a", "a ", "a\n", "\x7F", "\xC2\x85"};
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        struct sg_ring_name ring = {.text = "untouched"};
        struct sg_error err = SG_ERROR_INIT;
        assert_refused(&err, sg_name_ring(bad[i], &ring, &err), "bad_ring_name");
        assert_string_equal(ring.text, "untouched");
    }
}

static void a_ring_name_has_237_characters_not_bytes(void **state)
{
    (void)state;
    static const char *const characters[] = {"r", "\xC3\xA9", KEY};
    for (size_t i = 0; i < SG_COUNT(characters); i++) {
        struct sg_ring_name ring;
        struct sg_error err = SG_ERROR_INIT;
        char text[1000];
        repeat(text, characters[i], 237);
        assert_int_equal(sg_name_ring(text, &ring, &err), SG_OK);
        assert_string_equal(ring.text, text);
        repeat(text, characters[i], 238);
        assert_refused(&err, sg_name_ring(text, &ring, &err), "bad_ring_name");
    }
}

/* ---- OWNER/NAME ---- */

static void certificates_split_at_the_first_slash(void **state)
{
    (void)state;
    struct sg_certificate_name name;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_name_certificate("start1/a/b ", &name, &err), SG_OK);
    assert_string_equal(name.owner.text, "START1");
    assert_string_equal(name.label.text, "a/b");
    assert_int_equal(sg_name_certificate("CERTAUTH//", &name, &err), SG_OK);
    assert_string_equal(name.label.text, "/");
}

static void bad_certificate_names_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"web", "bad_label"},         {"", "bad_label"},
        {"START1/", "bad_label"},     {"START1/ web", "bad_label"},
        {"/web", "bad_owner"},        {"1/web", "bad_owner"},
        {"MULTIID/web", "bad_owner"}, {"ABCDEFGHIJKLMNOPQRSTUVWXYZ1234567/web", "bad_owner"},
        {"START1/a\nb", "bad_label"}, {"START1/\xFF", "bad_label"},
    };
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        struct sg_certificate_name name;
        struct sg_error err = SG_ERROR_INIT;
        memset(&name, 'x', sizeof name);
        assert_refused(&err, sg_name_certificate(bad[i][0], &name, &err), bad[i][1]);
        assert_int_equal(name.owner.text[0], 'x');
    }
}

static void rings_split_at_the_first_slash(void **state)
{
    (void)state;
    struct sg_ring_ref ref;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_name_ring_ref("start1/Web/Ring", &ref, &err), SG_OK);
    assert_string_equal(ref.owner.text, "START1");
    assert_string_equal(ref.ring.text, "Web/Ring");
}

static void bad_ring_references_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"ring", "bad_ring_name"},
        {"START1/", "bad_ring_name"},
        {"START1/*", "bad_ring_name"},
        {"/ring", "bad_owner"},
        {"CERTAUTH/ring", "owner_cannot_have_rings"},
        {"site/ring", "owner_cannot_have_rings"},
        {"*AUTH*/*", "bad_owner"},
        {"IRRCERTA/ring", "bad_owner"},
        {"START1/r ", "bad_ring_name"},
    };
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        struct sg_ring_ref ref;
        struct sg_error err = SG_ERROR_INIT;
        memset(&ref, 'x', sizeof ref);
        assert_refused(&err, sg_name_ring_ref(bad[i][0], &ref, &err), bad[i][1]);
        assert_int_equal(ref.owner.text[0], 'x');
    }
}

/* ---- captions ---- */

static void assert_caption(const char *caption, size_t len, unsigned attempt, const char *expected)
{
    struct sg_label label;
    struct sg_label checked;
    struct sg_error err = SG_ERROR_INIT;
    sg_name_label_from_caption(caption, len, attempt, &label);
    assert_string_equal(label.text, expected);
    assert_int_equal(sg_name_label(label.text, &checked, &err), SG_OK);
    assert_string_equal(checked.text, expected);
}

static void captions_become_labels(void **state)
{
    (void)state;
#define CAPTION(text, attempt, expected)                                                           \
    assert_caption((text), sizeof(text) - 1, (attempt), (expected))
    CAPTION("DigiCert Root CA", 0, "DigiCert Root CA");
    CAPTION("DigiCert Root CA", 1, "DigiCert Root CA-2");
    CAPTION("DigiCert Root CA", 9, "DigiCert Root CA-10");
    CAPTION("", 0, "certificate");
    CAPTION("", 1, "certificate-2");
    CAPTION("   ", 0, "certificate");
    CAPTION("\n\x7F\xC2\x85\xFF\xFE", 0, "certificate");
    CAPTION("  a  ", 0, "a");
    CAPTION("a\nb\0c\x1B[2Jd", 0, "abc[2Jd");
    CAPTION("a\xC3", 0, "a");
    CAPTION("\xED\xA0\x80"
            "a\xE2\x80\xA8",
            0, "a");
    CAPTION("\n a", 0, "a");
    CAPTION("a \n", 0, "a");
    CAPTION("Autorit\xC3\xA9", 2, "Autorit\xC3\xA9-3");
    CAPTION("123456789012345678901234567890123", 0, "12345678901234567890123456789012");
    CAPTION("1234567890123456789012345678901 3", 0, "1234567890123456789012345678901");
    CAPTION("123456789012345678901234567890123", 1, "123456789012345678901234567890-2");
    CAPTION("12345678901234567890123456789 123", 1, "12345678901234567890123456789-2");
    CAPTION("123456789012345678901234567890123", 4294967295u, "123456789012345678901-4294967296");
#undef CAPTION
}

static void captions_are_cut_at_characters(void **state)
{
    (void)state;
    char caption[400];
    char expected[400];
    repeat(caption, KEY, 60);
    repeat(expected, KEY, 32);
    assert_caption(caption, strlen(caption), 0, expected);
    repeat(expected, KEY, 30);
    snprintf(expected + strlen(expected), 3, "-2");
    assert_caption(caption, strlen(caption), 1, expected);
    repeat(expected, KEY, 31);
    assert_caption(caption, 31 * 4 + 3, 0, expected); /* the last one is incomplete */
}

/* Whatever bytes a CN holds, what comes out is a label. */
static void any_bytes_give_a_label(void **state)
{
    (void)state;
    unsigned seed = 12345;
    for (unsigned round = 0; round < 20000; round++) {
        char caption[80];
        struct sg_label label;
        struct sg_label checked;
        struct sg_error err = SG_ERROR_INIT;
        size_t len = round % sizeof caption;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1103515245u + 12345u;
            unsigned byte = seed >> 16;
            caption[i] = (char)(round % 3 == 0 ? (byte | 0x80) : byte % 5 == 0 ? ' ' : byte);
        }
        sg_name_label_from_caption(caption, len, round % 4 == 0 ? round : 0, &label);
        assert_int_equal(sg_name_label(label.text, &checked, &err), SG_OK);
        assert_string_equal(label.text, checked.text);
    }
}

/* ---- token labels ---- */

static void assert_token_label(const char *owner, const char *ring, const char *expected)
{
    struct sg_ring_ref ref;
    char label[33];
    memset(&ref, 0, sizeof ref);
    snprintf(ref.owner.text, sizeof ref.owner.text, "%s", owner);
    snprintf(ref.ring.text, sizeof ref.ring.text, "%s", ring);
    memset(label, 'X', sizeof label);
    sg_name_token_label(&ref, label);
    assert_int_equal(label[32], 'X');
    label[32] = '\0';
    assert_string_equal(label, expected);
}

/* The digests were computed by another implementation of FNV-1a. */
static void token_labels_fill_32_bytes(void **state)
{
    (void)state;
    assert_token_label("START1", "web", "START1/web                      ");
    assert_token_label("START1", "1234567890123456789012345", "START1/1234567890123456789012345");
    assert_token_label("START1", "12345678901234567890123456",
                       "START1/1234567890123456~"
                       "5d694c55");
    assert_token_label("START1", "12345678901234567890123457",
                       "START1/1234567890123456~"
                       "5d694d55");
    assert_token_label("START1", KEY KEY KEY KEY KEY KEY KEY,
                       "START1/" KEY KEY KEY KEY "~"
                       "57ab984a");
    /* 7 + 3 + 4 * 3 = 22 bytes and a character that would end at 26: cut before it, padded behind
     */
    assert_token_label("START1", "abc" KEY KEY KEY KEY KEY KEY KEY,
                       "START1/abc" KEY KEY KEY "~"
                       "5b978ded"
                       " ");
}

static void a_served_token_is_labelled_by_its_name(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"ftp.Srv1", "FTP.SRV1                        "},
        {"@", "@                               "},
        {"a2345678901234567890123456789012", "A2345678901234567890123456789012"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_ring_ref ref;
        struct sg_error err = SG_ERROR_INIT;
        char label[33] = "";
        assert_int_equal(sg_name_token(rows[i][0], &ref, &err), SG_OK);
        assert_true(sg_is_served_token(&ref));
        sg_name_token_label(&ref, label);
        assert_string_equal(label, rows[i][1]);
    }
    struct sg_ring_ref ring;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_name_ring_ref("START1/IRRTOKEN", &ring, &err), SG_OK);
    assert_false(sg_is_served_token(&ring));
    assert_refused(&err, sg_name_ring_ref("IRRTOKEN/x", &ring, &err), "bad_owner");
}

static void other_texts_name_no_token(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",    "1A",  ".A", " A",  "A ", "A B",      "A/B",
        "A-B", "A_B", "A*", "A\n", "A%", "\xC3\xA4", "A23456789012345678901234567890123"};
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        struct sg_ring_ref ref = {.ring = {"UNTOUCHED"}};
        struct sg_error err = SG_ERROR_INIT;
        assert_refused(&err, sg_name_token(bad[i], &ref, &err), "bad_token_name");
        assert_string_equal(ref.ring.text, "UNTOUCHED");
    }
}

static void token_labels_of_different_rings_differ(void **state)
{
    (void)state;
    struct sg_ring_ref ref;
    char first[32];
    char second[32];
    memset(&ref, 0, sizeof ref);
    snprintf(ref.owner.text, sizeof ref.owner.text, "START1");
    repeat(ref.ring.text, KEY, 237);
    sg_name_token_label(&ref, first);
    ref.ring.text[236 * (size_t)4] = '\0';
    sg_name_token_label(&ref, second);
    assert_memory_not_equal(first, second, 32);
    assert_memory_equal(first, second, 23);
}

/* ---- alike ---- */

static void distances_are_counted_up_to_four(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        unsigned distance;
    } rows[] = {
        {"", "", 0},
        {"web", "web", 0},
        {"Web", "wEB", 0},
        {"web", "wab", 1},
        {"web", "we", 1},
        {"web", "webs", 1},
        {"web", "ewb", 2},
        {"kitten", "sitting", 3},
        {"", "abc", 3},
        {"", "abcd", 4},
        {"", "abcdefgh", 4},
        {"abcd", "wxyz", 4},
        {"abcdefgh", "stuvwxyz", 4},
        {"\xC3\xA9", "e", 1},
        {"\xC3\xA9", "\xC3\x89", 1},
        {"a" KEY "b", "ab", 1},
        {"\xFF", "\xFE", 1},
        {"xabcdefghij", "abcdefghijx", 2},
        {"abcdefghijklmnop", "bcdefghijklmnopq", 2},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        assert_int_equal(sg_name_distance(rows[i].a, rows[i].b), rows[i].distance);
        assert_int_equal(sg_name_distance(rows[i].b, rows[i].a), rows[i].distance);
    }
}

static void distances_of_the_longest_names_are_right(void **state)
{
    (void)state;
    char a[1000];
    char b[1000];
    repeat(a, KEY, 237);
    repeat(b, KEY, 236);
    assert_int_equal(sg_name_distance(a, b), 1);
    repeat(b, KEY, 233);
    assert_int_equal(sg_name_distance(a, b), 4);
    repeat(a, "a", 300); /* longer than any name: alike only when equal */
    repeat(b, "a", 300);
    assert_int_equal(sg_name_distance(a, b), 0);
    b[0] = 'b';
    assert_int_equal(sg_name_distance(a, b), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_are_folded_to_upper_case),
        cmocka_unit_test(bad_owners_are_refused),
        cmocka_unit_test(reserved_names_are_no_owners),
        cmocka_unit_test(a_user_is_neither_certauth_nor_site),
        cmocka_unit_test(an_owners_fault_is_located),
        cmocka_unit_test(good_labels_are_kept_exactly),
        cmocka_unit_test(trailing_blanks_of_a_label_do_not_count),
        cmocka_unit_test(a_label_has_32_characters_not_bytes),
        cmocka_unit_test(bad_labels_are_refused),
        cmocka_unit_test(utf8_is_read_strictly),
        cmocka_unit_test(good_ring_names_are_kept_exactly),
        cmocka_unit_test(bad_ring_names_are_refused),
        cmocka_unit_test(a_ring_name_has_237_characters_not_bytes),
        cmocka_unit_test(certificates_split_at_the_first_slash),
        cmocka_unit_test(bad_certificate_names_are_refused),
        cmocka_unit_test(rings_split_at_the_first_slash),
        cmocka_unit_test(bad_ring_references_are_refused),
        cmocka_unit_test(captions_become_labels),
        cmocka_unit_test(captions_are_cut_at_characters),
        cmocka_unit_test(any_bytes_give_a_label),
        cmocka_unit_test(token_labels_fill_32_bytes),
        cmocka_unit_test(a_served_token_is_labelled_by_its_name),
        cmocka_unit_test(other_texts_name_no_token),
        cmocka_unit_test(token_labels_of_different_rings_differ),
        cmocka_unit_test(distances_are_counted_up_to_four),
        cmocka_unit_test(distances_of_the_longest_names_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
