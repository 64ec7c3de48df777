/* Which rehearsal a request is a part of, over which connection it came, and when that ended. */
#include "cmocka_all.h"

#include <string.h>
#include <unistd.h>

#include "http_fixture.h"

#define NAME "0123456789abcdef0123456789abcdef"
#define GET(target) "GET " target " HTTP/1.1\r\nHost: x\r\n\r\n"

/* Over an open connection; gives the status of the answer. */
static int over(struct fixture *fixture, int fd, const char *request)
{
    assert_true(client_say(fixture, fd, request));
    struct reply reply = client_reply(fixture, fd, 3000);
    int code = reply.code;
    reply_done(&reply);
    return code;
}

static void refused_as(struct fixture *fixture, struct reply reply, const char *code)
{
    assert_int_equal(reply.code, 400);
    assert_string_equal(error_code(&reply), code);
    assert_int_equal(fixture->calls, 0);
    reply_done(&reply);
}

static void connections_have_numbers_of_their_own(void **state)
{
    struct fixture *fixture = *state;
    int first = client_open(fixture);
    int second = client_open(fixture);
    assert_int_equal(over(fixture, first, GET("/v1/status")), 200);
    uint64_t number = fixture->peer.connection;
    assert_int_not_equal(number, 0);
    assert_int_equal(over(fixture, second, GET("/v1/status")), 200);
    assert_int_not_equal(fixture->peer.connection, 0);
    assert_int_not_equal(fixture->peer.connection, number);
    assert_int_equal(over(fixture, first, GET("/v1/status")), 200);
    assert_int_equal(fixture->peer.connection, number);
    assert_string_equal(fixture->peer.rehearsal, "");
    assert_int_equal(fixture->gone_count, 0);
    close(first);
    pump(fixture, 50);
    assert_int_equal(fixture->gone_count, 1);
    assert_int_equal(fixture->gone, number);
    close(second);
    pump(fixture, 50);
    assert_int_equal(fixture->gone_count, 2);
    assert_int_not_equal(fixture->gone, number);
}

static void a_connection_that_says_nothing_is_not_told_of(void **state)
{
    struct fixture *fixture = *state;
    int silent = client_open(fixture);
    pump(fixture, 20);
    close(silent);
    pump(fixture, 50);
    assert_int_equal(fixture->gone_count, 0);
}

static void one_that_is_cut_has_ended(void **state)
{
    struct fixture *fixture = *state;
    int idle = client_open(fixture);
    assert_int_equal(over(fixture, idle, GET("/v1/status")), 200);
    pump(fixture, FIXTURE_DEADLINE_S * 1000 + 500);
    assert_int_equal(fixture->gone_count, 1);
    assert_int_equal(fixture->gone, fixture->peer.connection);
    close(idle);
}

static void one_that_ends_with_the_server_has_ended(void **state)
{
    struct fixture *fixture = *state;
    int open = client_open(fixture);
    assert_int_equal(over(fixture, open, GET("/v1/status")), 200);
    fixture_stop_server(fixture);
    assert_int_equal(fixture->gone_count, 1);
    close(open);
}

static void requests_say_which_rehearsal_they_are_of(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply = ask(fixture, GET("/v1/cert/list?owner=A&rehearsal=" NAME));
    assert_int_equal(reply.code, 200);
    assert_string_equal(fixture->peer.rehearsal, NAME);
    assert_null(json_object_get(fixture->params, "rehearsal"));
    assert_string_equal(json_string_value(json_object_get(fixture->params, "owner")), "A");
    reply_done(&reply);
    reply = post(fixture, "/v1/ring/add?rehearsal=" NAME, "{\"ring\": \"A/B\"}");
    assert_int_equal(reply.code, 200);
    assert_string_equal(fixture->peer.rehearsal, NAME);
    assert_false(fixture->dry_run);
    reply_done(&reply);
    reply = post(fixture, "/v1/ring/add?dry_run=1&rehearsal=" NAME, "{\"ring\": \"A/B\"}");
    assert_int_equal(reply.code, 200);
    assert_string_equal(fixture->peer.rehearsal, NAME);
    assert_true(fixture->dry_run);
    reply_done(&reply);
    reply = ask(fixture, GET("/v1/status"));
    assert_string_equal(fixture->peer.rehearsal, "");
    reply_done(&reply);
}

static void the_end_of_one_names_it_as_a_parameter(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply = ask(fixture, GET("/v1/rehearsal/close?rehearsal=" NAME));
    assert_int_equal(reply.code, 200);
    assert_string_equal(fixture->peer.rehearsal, "");
    assert_string_equal(json_string_value(json_object_get(fixture->params, "rehearsal")), NAME);
    reply_done(&reply);
}

static void what_is_no_name_is_refused(void **state)
{
    struct fixture *fixture = *state;
    refused_as(fixture, ask(fixture, GET("/v1/status?rehearsal=")), "bad_parameter");
    refused_as(fixture, ask(fixture, GET("/v1/status?rehearsal=1")), "bad_parameter");
    refused_as(fixture, ask(fixture, GET("/v1/status?rehearsal=" NAME "0")), "bad_parameter");
    refused_as(fixture, ask(fixture, GET("/v1/status?rehearsal=0123456789ABCDEF0123456789ABCDEF")),
               "bad_parameter");
    refused_as(fixture, ask(fixture, GET("/v1/status?rehearsal=" NAME "&rehearsal=" NAME)),
               "bad_query");
    refused_as(fixture, post(fixture, "/v1/ring/add?rehearsal=x", "{\"ring\": \"A/B\"}"),
               "bad_parameter");
    refused_as(fixture, post(fixture, "/v1/ring/add?rehearsals=" NAME, "{\"ring\": \"A/B\"}"),
               "bad_parameter");
    /* in the body it would be taken for the operation's own */
    refused_as(fixture,
               post(fixture, "/v1/ring/add", "{\"ring\": \"A/B\", \"rehearsal\": \"" NAME "\"}"),
               "bad_parameter");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(connections_have_numbers_of_their_own),
        TEST(a_connection_that_says_nothing_is_not_told_of),
        TEST(one_that_is_cut_has_ended),
        TEST(one_that_ends_with_the_server_has_ended),
        TEST(requests_say_which_rehearsal_they_are_of),
        TEST(the_end_of_one_names_it_as_a_parameter),
        TEST(what_is_no_name_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
