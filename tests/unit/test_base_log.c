/* The log: one event is one line, and no text in it can look like a field. */
#include "cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <signet/base/cleanup.h>
#include <signet/base/file.h>
#include <signet/base/log.h>

/* What was written to standard error between these two. */
static int saved;
static int ends[2];

static void capture(void)
{
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    assert_true(saved >= 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
}

static void captured(char *out, size_t size)
{
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
    close(ends[1]);
    ssize_t len = read(ends[0], out, size - 1);
    close(ends[0]);
    out[len > 0 ? len : 0] = '\0';
}

static void log_text(const char *text, char *line, size_t size)
{
    struct sg_error err = SG_ERROR_INIT;
    sg_fail(&err, SG_E_CONFLICT, "label_in_use", "%s", text);
    capture();
    sg_log_error(SG_LOG_ERROR, "failed", &err);
    captured(line, size);
}

static void a_label_cannot_forge_a_field(void **state)
{
    (void)state;
    char line[4096];
    log_text("label a\" code=ok text=\"b is in use", line, sizeof line);
    assert_non_null(
        strstr(line, "code=label_in_use text=\"label a\\\" code=ok text=\\\"b is in use\" ck_rv="));
}

static void a_backslash_cannot_take_the_quote_away(void **state)
{
    (void)state;
    char line[4096];
    log_text("ends with \\", line, sizeof line);
    assert_non_null(strstr(line, "text=\"ends with \\\\\" ck_rv=0x0 "));
}

static void a_hint_is_told_last_and_escaped(void **state)
{
    (void)state;
    char line[4096];
    struct sg_error err = SG_ERROR_INIT;
    sg_fail(&err, SG_E_CONFLICT, "busy", "busy");
    sg_hint(&err, "Run \"signet status\".");
    capture();
    sg_log_error(SG_LOG_ERROR, "failed", &err);
    captured(line, sizeof line);
    assert_non_null(strstr(line, " hint=\"Run \\\"signet status\\\".\"\n"));
    log_text("without", line, sizeof line);
    assert_null(strstr(line, "hint="));
}

static void a_text_of_quotes_fits(void **state)
{
    (void)state;
    char text[sizeof((struct sg_error *)NULL)->text];
    char line[4096];
    memset(text, '"', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_text(text, line, sizeof line);
    const char *end = strstr(line, "\" ck_rv=");
    assert_non_null(end);
    assert_int_equal(end - strstr(line, "text=\""), 6 + 2 * (long)(sizeof text - 1));
}

static void a_line_break_stays_in_the_line(void **state)
{
    (void)state;
    char line[4096];
    capture();
    sg_log(SG_LOG_ERROR, "event=x text=\"%s\"", "a\n<3>forged\x1b[2J\x7f");
    captured(line, sizeof line);
    assert_non_null(strstr(line, "text=\"a?<3>forged?[2J?\"\n"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void what_is_less_important_is_not_written(void **state)
{
    (void)state;
    char line[64];
    capture();
    sg_log(SG_LOG_DEBUG, "event=detail");
    captured(line, sizeof line);
    assert_string_equal(line, "");
}

static void what_repeats_is_a_line_a_second(void **state)
{
    (void)state;
    struct sg_log_pace pace = {.told_ms = 0};
    assert_int_equal(sg_log_due(&pace, 5000), 1);
    for (int64_t ms = 5000; ms < 6000; ms++) {
        assert_int_equal(sg_log_due(&pace, ms), 0);
    }
    assert_int_equal(sg_log_due(&pace, 6000), 1001);
    assert_int_equal(sg_log_due(&pace, 6999), 0);
    assert_int_equal(sg_log_due(&pace, 900000), 2);
    assert_int_equal(sg_log_due(&pace, 901000), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_label_cannot_forge_a_field),
        cmocka_unit_test(a_backslash_cannot_take_the_quote_away),
        cmocka_unit_test(a_hint_is_told_last_and_escaped),
        cmocka_unit_test(a_text_of_quotes_fits),
        cmocka_unit_test(a_line_break_stays_in_the_line),
        cmocka_unit_test(what_is_less_important_is_not_written),
        cmocka_unit_test(what_repeats_is_a_line_a_second),
    };
    sg_log_init("test", SG_LOG_INFO);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
