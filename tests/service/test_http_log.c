/* What the log says of requests that fail, and how often. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <signet/base/log.h>

#include "http_fixture.h"
#include "http_internal.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: x\r\n\r\n"

/* Have the log go to a file; its descriptor, and where it went before. */
static int catch_log(FILE **log)
{
    int before = dup(STDERR_FILENO);
    *log = tmpfile();
    assert_non_null(*log);
    sg_log_init("test", SG_LOG_INFO);
    assert_true(before >= 0 && dup2(fileno(*log), STDERR_FILENO) >= 0);
    return before;
}

/* What the lines about failed requests say: how many lines, how many requests. */
struct told {
    unsigned lines;
    unsigned long count;
    char last[4000]; /* line */
};

static struct told read_log(FILE *log, int before)
{
    struct told told = {.lines = 0};
    char line[sizeof told.last];
    (void)dup2(before, STDERR_FILENO);
    close(before);
    sg_log_init("test", SG_LOG_ERROR);
    rewind(log);
    while (fgets(line, sizeof line, log) != NULL) {
        const char *count = strstr(line, " count=");
        if (strstr(line, "event=http_request_failed ") != NULL) {
            assert_non_null(count);
            told.lines++;
            told.count += strtoul(count + 7, NULL, 10);
            memcpy(told.last, line, sizeof told.last);
        }
    }
    (void)fclose(log);
    return told;
}

static void fail_often(struct fixture *fixture, unsigned times)
{
    int fd = client_open(fixture);
    for (unsigned i = 0; i < times; i++) {
        assert_true(client_say(fixture, fd, GET("/v1/nonsense")));
        struct reply reply = client_reply(fixture, fd, 1000);
        assert_int_equal(reply.code, 404);
        reply_done(&reply);
    }
    close(fd);
}

static void whoever_fails_in_a_loop_does_not_fill_the_log(void **state)
{
    struct fixture *fixture = *state;
    FILE *log = NULL;
    int64_t start_ms = now_ms();
    int before = catch_log(&log);
    fail_often(fixture, 400);
    pump(fixture, 2200);
    unsigned seconds = (unsigned)((now_ms() - start_ms) / 1000);
    struct told told = read_log(log, before);
    assert_int_equal(told.count, 400);
    assert_in_range(told.lines, 2, seconds + 1);
    assert_non_null(strstr(told.last, " method=GET route=- uid="));
    assert_non_null(strstr(told.last, " code=unknown_route "));
}

static void many_small_failures_hide_no_grave_one(void **state)
{
    struct fixture *fixture = *state;
    FILE *log = NULL;
    int before = catch_log(&log);
    fail_often(fixture, 2);
    struct reply reply = ask(fixture, GET("/v1/ring/list?owner=DENIED"));
    assert_string_equal(error_code(&reply), "not_yours");
    reply_done(&reply);
    fail_often(fixture, 5);
    pump(fixture, 1500);
    struct told told = read_log(log, before);
    assert_int_equal(told.count, 8);
    assert_non_null(strstr(told.last, " route=/v1/ring/list "));
    assert_non_null(strstr(told.last, " code=not_yours "));
}

static void what_is_not_told_is_told_at_the_end(void **state)
{
    struct fixture *fixture = *state;
    FILE *log = NULL;
    int before = catch_log(&log);
    fail_often(fixture, 7);
    fixture_stop_server(fixture);
    struct told told = read_log(log, before);
    assert_int_equal(told.count, 7);
}

/* More users than there are rows. */
static void many_users_have_as_many_lines_as_there_are_rows(void **state)
{
    struct fixture *fixture = *state;
    struct sg_http_failures failures = {.timer = NULL};
    struct sg_error err = SG_ERROR_INIT, why = SG_ERROR_INIT;
    FILE *log = NULL;
    int before = catch_log(&log);
    sg_fail(&why, SG_E_DENIED, "not_yours", "no");
    assert_int_equal(sg_http_failures_init(&failures, fixture->base, &err), SG_OK);
    for (uid_t uid = 1; uid <= 500; uid++) {
        sg_http_failures_note(&failures, uid, "uid=x", &why);
    }
    sg_http_failures_done(&failures);
    struct told told = read_log(log, before);
    assert_int_equal(told.count, 500);
    assert_in_range(told.lines, SG_HTTP_FAILURES, SG_HTTP_FAILURES + 2);
}

static void one_who_fails_a_lot_does_not_silence_another(void **state)
{
    struct fixture *fixture = *state;
    struct sg_http_failures failures = {.timer = NULL};
    struct sg_error err = SG_ERROR_INIT, why = SG_ERROR_INIT;
    FILE *log = NULL;
    int before = catch_log(&log);
    sg_fail(&why, SG_E_DENIED, "not_yours", "no");
    assert_int_equal(sg_http_failures_init(&failures, fixture->base, &err), SG_OK);
    for (int i = 0; i < 100; i++) {
        sg_http_failures_note(&failures, 1, "uid=1", &why);
    }
    sg_http_failures_note(&failures, 2, "uid=2", &why);
    struct told told = read_log(log, before);
    sg_http_failures_done(&failures); /* into standard error, which nobody reads */
    assert_int_equal(told.lines, 2);
    assert_int_equal(told.count, 2);
    assert_non_null(strstr(told.last, " uid=2 count=1 "));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(whoever_fails_in_a_loop_does_not_fill_the_log),
        CASE(many_small_failures_hide_no_grave_one),
        CASE(what_is_not_told_is_told_at_the_end),
        CASE(many_users_have_as_many_lines_as_there_are_rows),
        CASE(one_who_fails_a_lot_does_not_silence_another),
    };
    return cmocka_run_group_tests_name("http_log", tests, NULL, NULL);
}
