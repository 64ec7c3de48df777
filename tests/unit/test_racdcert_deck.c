/* Decks: lines become commands. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <signet/racdcert/deck.h>

struct reading {
    struct sg_deck deck;
    struct sg_deck_command command;
    struct sg_error err;
};

static int begin(void **state)
{
    struct reading *reading = calloc(1, sizeof *reading);
    sg_deck_command_init(&reading->command);
    *state = reading;
    return 0;
}

static int end(void **state)
{
    struct reading *reading = *state;
    sg_deck_command_done(&reading->command);
    free(reading);
    return 0;
}

static void open_deck(struct reading *reading, const char *text)
{
    struct sg_bytes bytes = {(const unsigned char *)text, strlen(text)};
    assert_int_equal(sg_deck_begin(&reading->deck, bytes, &reading->err), SG_OK);
}

/* Blanks that continuation leaves behind do not matter here. */
static void expect(struct reading *reading, const char *wanted)
{
    SG_BUFFER echo;
    sg_buffer_init(&echo, 1 << 20);
    sg_status s = sg_deck_next(&reading->deck, &reading->command, &reading->err);
    if (s != SG_OK) {
        fail_msg("%s instead of \"%s\"", reading->err.text, wanted);
    }
    assert_int_equal(sg_deck_echo(&reading->command, 10000, &echo, &reading->err), SG_OK);
    assert_string_equal(echo.len > 0 ? (const char *)echo.data : "", wanted);
}

static void expect_end(struct reading *reading)
{
    assert_int_equal(sg_deck_next(&reading->deck, &reading->command, &reading->err), SG_OK);
    assert_int_equal(reading->command.text.len, 0);
}

static void expect_fault(struct reading *reading, const char *code, unsigned line, unsigned column)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_not_equal(sg_deck_next(&reading->deck, &reading->command, &err), SG_OK);
    assert_string_equal(err.code, code);
    struct sg_place place = sg_deck_place(&reading->command, reading->command.fault);
    assert_int_equal(place.line, line);
    assert_int_equal(place.column, column);
}

static void lines_are_commands_and_blank_ones_nothing(void **state)
{
    struct reading *reading = *state;
    open_deck(reading, "\n  RACDCERT LIST  \r\n\n \t \nSETROPTS REFRESH");
    expect(reading, "RACDCERT LIST");
    assert_int_equal(sg_deck_place(&reading->command, 2).line, 2);
    assert_int_equal(sg_deck_place(&reading->command, 2).column, 3);
    expect(reading, "SETROPTS REFRESH");
    expect_end(reading);
    expect_end(reading);
}

static void plus_drops_and_minus_keeps_leading_blanks(void **state)
{
    struct reading *reading = *state;
    open_deck(reading, "A('x+\n   y')\nA('x-\n   y')\nA -  \n  B +\n  C\n");
    expect(reading, "A('xy')");
    assert_int_equal(sg_deck_next(&reading->deck, &reading->command, &reading->err), SG_OK);
    assert_string_equal((const char *)reading->command.text.data, "A('x   y')");
    assert_int_equal(sg_deck_place(&reading->command, 9).line, 4);
    expect(reading, "A B C");
    expect_end(reading);
}

static void a_blank_line_ends_a_continued_command(void **state)
{
    struct reading *reading = *state;
    open_deck(reading, "A -\n\nB\n");
    expect(reading, "A");
    expect(reading, "B");
}

static void comments_are_blanks_but_not_in_strings(void **state)
{
    struct reading *reading = *state;
    open_deck(reading, "/* first */\nA/* in */B /* end */\nC('/* no */') /* a -\n b */ D\n");
    expect(reading, "A B");
    assert_int_equal(sg_deck_place(&reading->command, 2).column, 10);
    expect(reading, "C('/* no */') D");
    expect_end(reading);
}

static void job_control_is_skipped_and_counted(void **state)
{
    struct reading *reading = *state;
    open_deck(reading, "//J JOB\n//* remark\n//S.SYSTSIN DD *\nA\n/*\n//\n/*JOBPARM S=X\nB\n");
    expect(reading, "A");
    assert_int_equal(reading->command.skipped_first, 1);
    assert_int_equal(reading->command.skipped_last, 3);
    expect(reading, "B");
    assert_int_equal(reading->command.skipped_first, 5);
    assert_int_equal(reading->command.skipped_last, 7);
    expect_end(reading);
}

static void data_of_other_statements_is_skipped(void **state)
{
    struct reading *reading = *state;
    open_deck(reading, "//SYSIN DD *\nA\n/*\n//X DD DATA,DLM='@@'\n// B\nC\n@@\n"
                       "//SYSTSIN DD *,DLM=QQ\nD\nQQ\n//MYSYSTSIN DD *\nE\n//Y DD DSN=Z\nF\n");
    expect(reading, "D");
    expect(reading, "F");
    expect_end(reading);
}

static void sequence_numbers_are_taken_off_a_numbered_deck_only(void **state)
{
    struct reading *reading = *state;
    char deck[400];
    snprintf(deck, sizeof deck, "%-72s00000100\n%-71s-00000200\n%-72s00000300\n", "A", "B", "C");
    open_deck(reading, deck);
    expect(reading, "A");
    expect(reading, "B C");
    expect_end(reading);
    snprintf(deck, sizeof deck, "A\n%-71s 00000100\n", "B");
    open_deck(reading, deck);
    expect(reading, "A");
    expect(reading, "B 00000100");
}

static void a_byte_order_mark_is_no_command(void **state)
{
    struct reading *reading = *state;
    open_deck(reading, "\xef\xbb\xbf"
                       "A\n");
    expect(reading, "A");
}

static void faults_have_their_place_and_the_deck_goes_on(void **state)
{
    struct reading *reading = *state;
    open_deck(reading, "A\n  B('x)\nC\nD -\n/*\nE\x01\nF +");
    expect(reading, "A");
    expect_fault(reading, "unclosed_string", 2, 5);
    expect(reading, "C");
    expect_fault(reading, "unfinished_command", 4, 3);
    expect_fault(reading, "bad_character", 6, 2);
    expect_fault(reading, "unfinished_command", 7, 3);
    expect_end(reading);
}

/* What a refused line continues with could be read as a command. */
static void the_rest_of_a_refused_command_is_none(void **state)
{
    struct reading *reading = *state;
    open_deck(reading, "A\x01 -\nRACDCERT DELETE +\n REST\nC\nD\x02+\n//STEP EXEC\nE\n");
    expect_fault(reading, "bad_character", 1, 2);
    expect(reading, "C");
    expect_fault(reading, "bad_character", 5, 2);
}

static void an_unclosed_comment_ends_the_deck(void **state)
{
    struct reading *reading = *state;
    open_deck(reading, "A\nB /* note\nRACDCERT DELETE\n*/\n");
    expect(reading, "A");
    expect_fault(reading, "unclosed_comment", 2, 3);
    assert_true(reading->deck.broken);
    expect_end(reading);
}

static void what_is_too_long_is_refused(void **state)
{
    struct reading *reading = *state;
    size_t room = (size_t)SG_DECK_COMMAND_MAX * 3;
    char *deck = malloc(room);
    memset(deck, 'A', SG_DECK_LINE_MAX + 1);
    memcpy(deck + SG_DECK_LINE_MAX + 1, "\nB\n", 4);
    open_deck(reading, deck);
    expect_fault(reading, "line_too_long", 1, 1);
    expect(reading, "B");
    size_t used = 0;
    while (used < SG_DECK_COMMAND_MAX + 2000) {
        used += (size_t)snprintf(deck + used, room - used, "%-99s-\n", "A");
    }
    snprintf(deck + used, room - used, "B\nC\n");
    open_deck(reading, deck);
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_deck_next(&reading->deck, &reading->command, &err), SG_E_LIMIT);
    assert_string_equal(err.code, "command_too_long");
    expect(reading, "C");
    struct sg_bytes huge = {(const unsigned char *)deck, (size_t)SG_DECK_MAX + 1};
    assert_int_equal(sg_deck_begin(&reading->deck, huge, &err), SG_E_LIMIT);
    assert_string_equal(err.code, "deck_too_large");
    free(deck);
}

static void excerpts_mark_the_fault_in_characters(void **state)
{
    struct reading *reading = *state;
    SG_BUFFER out;
    sg_buffer_init(&out, 4096);
    open_deck(reading, "X LABEL('Zoë') FOO -\n  BAR\n");
    assert_int_equal(sg_deck_next(&reading->deck, &reading->command, &reading->err), SG_OK);
    const char *text = (const char *)reading->command.text.data;
    reading->command.fault = (size_t)(strstr(text, "FOO") - text);
    reading->command.fault_len = 3;
    assert_int_equal(sg_deck_excerpt(&reading->command, &out, &reading->err), SG_OK);
    assert_string_equal((const char *)out.data,
                        "    X LABEL('Zoë') FOO \n                   ^^^\n");
    assert_int_equal(sg_deck_place(&reading->command, reading->command.fault).column, 16);
}

static void passwords_are_never_shown(void **state)
{
    static const char *const decks[] = {
        "ADD(X) PASSWORD('geheim') FOO",
        "ADD(X) pass ( geheim ) FOO",
        "ADD(X) PASSWORD('geh''eim",
        "ADD(X) PA(geheim) FOO",
        "ADD(X) PASSWORD( -\n 'geheim') FOO",
        "ADD(X) LABEL('Server) PASSWORD('geheim')",
        "ADD(X) PASSWORD 'geheim'",
        "ADD(X) PASSWD('geheim')",
        "ADD(X) P('geheim')",
        "ADDUSER A PHRASE('geheim')",
        "ADD(X) PASSWORT(geheim)",
        "ADD(X) PASSPHRASE ('geheim')",
        "ADD('X') PA -\n SSWORD('geheim')",
        "ADD('X') PA +\n SSWORD('geheim')",
        "ADD('X') PA -\n SWORD('geheim')",
        "ADD('X') PASS WORD('geheim')",
        "ADD('X') P A S S W O R D('geheim')",
        "ADD('X') PASSWORD=('geheim')",
        "ADD('X') PASSWORD = geheim",
        "ADD('X') PASSWORD:'geheim'",
        "ADD('X') PKCS12PASSWORD('geheim')",
        "ADD('X') PASSWORD,('geheim')",
        "ADD('X') PASSWORD\t(geheim) FOO",
        "ADD('X') PASSWORD , ,('geheim') FOO",
        "ADD('X') PKCS12PASSWD ('geheim')",
    };
    struct reading *reading = *state;
    for (size_t i = 0; i < SG_COUNT(decks); i++) {
        SG_BUFFER out;
        sg_buffer_init(&out, 4096);
        open_deck(reading, decks[i]);
        struct sg_error err = SG_ERROR_INIT;
        if (sg_deck_next(&reading->deck, &reading->command, &err) != SG_OK) {
            assert_null(strstr(err.text, "eim"));
        }
        assert_int_equal(sg_deck_echo(&reading->command, 1000, &out, &err), SG_OK);
        reading->command.fault = reading->command.text.len;
        assert_int_equal(sg_deck_excerpt(&reading->command, &out, &err), SG_OK);
        assert_null(strstr((const char *)out.data, "eim"));
    }
}

static void echoed(struct reading *reading, const char *deck, const char *wanted)
{
    SG_BUFFER out;
    sg_buffer_init(&out, 4096);
    open_deck(reading, deck);
    assert_int_equal(sg_deck_next(&reading->deck, &reading->command, &reading->err), SG_OK);
    assert_int_equal(sg_deck_echo(&reading->command, 1000, &out, &reading->err), SG_OK);
    assert_string_equal((const char *)out.data, wanted);
}

/* Neither a password's length, nor that other words are hidden with it. */
static void masks_tell_nothing(void **state)
{
    struct reading *reading = *state;
    echoed(reading, "ADD(X) PASSWORD('a') TRUST", "ADD(X) PASSWORD(********) TRUST");
    echoed(reading, "ADD(X) PASSWORD('a long one, really') TRUST",
           "ADD(X) PASSWORD(********) TRUST");
    echoed(reading, "ADD(X) PASSWORD('a') FOO PASSWORD('bbbbbbbbbbbbb') BAR",
           "ADD(X) PASSWORD(********) FOO PASSWORD(********) BAR");
    echoed(reading, "ADD(PARTNER) TRUST WITHLABEL('PA') NEWLABEL('x')",
           "ADD(PARTNER) TRUST WITHLABEL('PA') NEWLABEL('x')");
}

static void blanks_in_strings_stay(void **state)
{
    echoed(*state, "ADDRING('O''Ring  x')  -\n   FOO", "ADDRING('O''Ring  x') FOO");
}

/* The caret stands under what is shown, whatever the passwords' lengths before it. */
static void carets_stand_right_of_masks(void **state)
{
    static const char *const decks[] = {"ADD(X) PASSWORD('a') FOO",
                                        "ADD(X) PASSWORD('a long one, really') FOO"};
    struct reading *reading = *state;
    for (size_t i = 0; i < SG_COUNT(decks); i++) {
        SG_BUFFER out;
        sg_buffer_init(&out, 4096);
        open_deck(reading, decks[i]);
        assert_int_equal(sg_deck_next(&reading->deck, &reading->command, &reading->err), SG_OK);
        const char *text = (const char *)reading->command.text.data;
        reading->command.fault = (size_t)(strstr(text, "FOO") - text);
        reading->command.fault_len = 3;
        assert_int_equal(sg_deck_excerpt(&reading->command, &out, &reading->err), SG_OK);
        assert_string_equal((const char *)out.data, "    ADD(X) PASSWORD(********) FOO\n"
                                                    "                              ^^^\n");
        assert_int_equal(sg_deck_place(&reading->command, reading->command.fault).column,
                         strstr(text, "FOO") - text + 1);
    }
}

static void a_single_command_is_one_line(void **state)
{
    struct reading *reading = *state;
    static const char text[] = "LIST(LABEL('a-'))";
    struct sg_bytes bytes = {(const unsigned char *)text, sizeof text - 1};
    assert_int_equal(sg_deck_single(bytes, &reading->command, &reading->err), SG_OK);
    assert_string_equal((const char *)reading->command.text.data, text);
    struct sg_bytes two = {(const unsigned char *)"A\nB", 3};
    assert_int_equal(sg_deck_single(two, &reading->command, &reading->err), SG_E_USAGE);
    struct sg_bytes open = {(const unsigned char *)"A /* b", 6};
    assert_int_equal(sg_deck_single(open, &reading->command, &reading->err), SG_E_USAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_are_commands_and_blank_ones_nothing),
        TEST(plus_drops_and_minus_keeps_leading_blanks),
        TEST(a_blank_line_ends_a_continued_command),
        TEST(comments_are_blanks_but_not_in_strings),
        TEST(job_control_is_skipped_and_counted),
        TEST(data_of_other_statements_is_skipped),
        TEST(sequence_numbers_are_taken_off_a_numbered_deck_only),
        TEST(a_byte_order_mark_is_no_command),
        TEST(faults_have_their_place_and_the_deck_goes_on),
        TEST(the_rest_of_a_refused_command_is_none),
        TEST(an_unclosed_comment_ends_the_deck),
        TEST(what_is_too_long_is_refused),
        TEST(excerpts_mark_the_fault_in_characters),
        TEST(passwords_are_never_shown),
        TEST(masks_tell_nothing),
        TEST(blanks_in_strings_stay),
        TEST(carets_stand_right_of_masks),
        TEST(a_single_command_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
