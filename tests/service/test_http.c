/* Routes, callers, parameters and answers of the HTTP server. Its limits are test_http_limits.c's.
 */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_fixture.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: x\r\n\r\n"

static void expect(struct fixture *fixture, const char *request, int code, const char *error)
{
    struct reply reply = ask(fixture, request);
    if (reply.code != code || strcmp(error_code(&reply), error) != 0) {
        fail_msg("%.60s: got %d %.300s", request, reply.code, reply.body);
    }
    assert_non_null(strcasestr(reply.head, "\r\nContent-Type: application/json\r\n"));
    reply_done(&reply);
}

static void get_reaches_the_handler_with_its_parameters(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply = ask(fixture, GET("/v1/cert/list?owner=CAF%C3%89+1%2b&limit=25"));
    assert_int_equal(reply.code, 200);
    assert_string_equal(reply.body, "{\"noun\":\"cert\",\"verb\":\"list\"}\n");
    assert_non_null(strstr(reply.head, "Cache-Control: no-store"));
    assert_int_equal(fixture->operation, SG_OP_CERT_LIST);
    assert_false(fixture->dry_run);
    assert_string_equal(json_string_value(json_object_get(fixture->params, "owner")),
                        "CAF\xc3\x89 1+");
    assert_int_equal(json_integer_value(json_object_get(fixture->params, "limit")), 25);
    reply_done(&reply);
}

static void one_word_operations_have_a_route(void **state)
{
    struct reply reply = ask(*state, GET("/v1/status"));
    assert_int_equal(reply.code, 200);
    reply_done(&reply);
}

static void post_reaches_the_handler_with_its_body(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply = post(fixture, "/v1/ring/add", "{\"ring\": \"A/B\"}");
    assert_int_equal(reply.code, 200);
    assert_int_equal(fixture->operation, SG_OP_RING_ADD);
    assert_false(fixture->dry_run);
    assert_string_equal(json_string_value(json_object_get(fixture->params, "ring")), "A/B");
    reply_done(&reply);
}

static void dry_run_is_a_query_parameter(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply = post(fixture, "/v1/ring/add?dry_run=1", "{\"ring\": \"A/B\"}");
    assert_int_equal(reply.code, 200);
    assert_true(fixture->dry_run);
    reply_done(&reply);
    reply = post(fixture, "/v1/ring/add?dry_run=0", "{\"ring\": \"A/B\"}");
    assert_int_equal(reply.code, 200);
    assert_false(fixture->dry_run);
    reply_done(&reply);
}

static void dry_run_must_be_0_or_1_and_alone(void **state)
{
    static const char *const targets[] = {
        "/v1/ring/add?dry_run=yes",
        "/v1/ring/add?dry_run=",
        "/v1/ring/add?dry_run",
        "/v1/ring/add?ring=A/B",
        "/v1/ring/add?dry_run=1&x=1",
        "/v1/ring/add?dryrun=1",
        "/v1/ring/add?dry_run=1&dry_run=1",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SG_COUNT(targets); i++) {
        struct reply reply = post(fixture, targets[i], "{\"ring\": \"A/B\"}");
        assert_int_equal(reply.code, 400);
        reply_done(&reply);
    }
    expect(fixture, GET("/v1/cert/list?dry_run=1"), 400, "bad_parameter");
    assert_int_equal(fixture->calls, 0);
}

static void the_caller_is_known_by_the_socket(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply = ask(fixture, "GET /v1/status HTTP/1.1\r\nHost: x\r\nX-Uid: 4711\r\n"
                                      "Authorization: Basic cm9vdDo=\r\n\r\n");
    assert_int_equal(reply.code, 200);
    assert_int_equal(fixture->peer.uid, geteuid());
    assert_int_equal(fixture->peer.gid, getegid());
    assert_int_equal(fixture->peer.pid, getpid());
    reply_done(&reply);
}

static void unknown_routes_are_not_found_and_say_what_was_meant(void **state)
{
    struct fixture *fixture = *state;
    static const char *const requests[] = {
        GET("/"),
        GET("/v1"),
        GET("/v1/"),
        GET("/v1/cert"),
        GET("/v1/cert/"),
        GET("/v1/cert/list/"),
        GET("/v2/cert/list"),
        GET("/v1/cert/%6cist"),
        GET("/v1/../v1/cert/list"),
        GET("//v1/cert/list"),
        GET("/v1/CERT/LIST"),
        GET("/v1/dev/env"),
        GET("/v1/status/"),
    };
    for (size_t i = 0; i < SG_COUNT(requests); i++) {
        expect(fixture, requests[i], 404, "unknown_route");
    }
    struct reply reply = ask(fixture, GET("/v1/cert/lst"));
    assert_int_equal(reply.code, 404);
    assert_non_null(strstr(reply.body, "Did you mean /v1/cert/list?"));
    reply_done(&reply);
    assert_int_equal(fixture->calls, 0);
}

static void client_operations_have_no_route(void **state)
{
    struct fixture *fixture = *state;
    size_t count = 0;
    unsigned refused = 0;
    const struct sg_operation *rows = sg_operations(&count);
    for (size_t i = 0; i < count; i++) {
        char target[100];
        if ((rows[i].flags & SG_OP_CLIENT) != 0) {
            snprintf(target, sizeof target, "/v1/%s/%s", rows[i].noun, rows[i].verb);
            struct reply reply = post(fixture, target, "{}");
            assert_int_equal(reply.code, 404);
            reply_done(&reply);
            refused++;
        }
    }
    assert_true(refused > 0);
    assert_int_equal(fixture->calls, 0);
}

static void wrong_methods_are_answered_with_the_right_one(void **state)
{
    struct fixture *fixture = *state;
    static const char *const methods[] = {"PUT",   "DELETE", "PATCH", "OPTIONS",
                                          "TRACE", "FOO",    "HEAD"};
    for (size_t i = 0; i < SG_COUNT(methods); i++) {
        char request[128];
        snprintf(request, sizeof request, "%s /v1/cert/list HTTP/1.1\r\nHost: x\r\n\r\n",
                 methods[i]);
        struct reply reply = ask(fixture, request);
        assert_int_equal(reply.code, 405);
        assert_non_null(strstr(reply.head, "\r\nAllow: GET\r\n"));
        reply_done(&reply);
    }
    struct reply reply = ask(fixture, GET("/v1/ring/add"));
    assert_int_equal(reply.code, 405);
    assert_non_null(strstr(reply.head, "\r\nAllow: POST\r\n"));
    assert_string_equal(error_code(&reply), "wrong_method");
    reply_done(&reply);
    reply = post(fixture, "/v1/openapi.json", "");
    assert_int_equal(reply.code, 405);
    reply_done(&reply);
    assert_int_equal(fixture->calls, 0);
}

static void head_has_no_body(void **state)
{
    struct fixture *fixture = *state;
    int fd = client_open(fixture);
    assert_true(client_say(fixture, fd, "HEAD /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"));
    struct reply reply = client_reply(fixture, fd, 5000);
    assert_int_equal(reply.code, 405);
    reply_done(&reply);
    assert_true(client_say(fixture, fd, GET("/v1/status")));
    reply = client_reply(fixture, fd, 5000); /* nothing of the first answer is left over */
    assert_int_equal(reply.code, 200);
    reply_done(&reply);
    close(fd);
}

static void bad_bodies_are_refused(void **state)
{
    static const char *const bodies[] = {
        "{",
        "{\"ring\": }",
        "[]",
        "\"text\"",
        "null",
        "true",
        "{\"ring\": \"A/B\"} x",
        "{\"ring\": \"A/B\", \"ring\": \"A/C\"}",
        "{\"ring\": \"A\\u0000B\"}",
        "{\"ri\\u0000ng\": \"A\"}",
        "{\"ring\": \"\xff\"}",
        "{\"ring\": \"\xed\xa0\x80\"}",
        "{'ring': 'A/B'}",
        "ring=A/B",
        " ",
        "{\"ring\": 1e999}",
        "{\"ring\": 99999999999999999999}",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SG_COUNT(bodies); i++) {
        struct reply reply = post(fixture, "/v1/ring/add", bodies[i]);
        if (reply.code != 400 || strcmp(error_code(&reply), "bad_json") != 0) {
            fail_msg("%s: got %d %s", bodies[i], reply.code, reply.body);
        }
        reply_done(&reply);
    }
    assert_int_equal(fixture->calls, 0);
}

static void a_missing_body_is_an_empty_object(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply = post(fixture, "/v1/ring/add", "");
    assert_int_equal(reply.code, 400);
    assert_string_equal(error_code(&reply), "bad_parameter");
    assert_non_null(strstr(reply.body, "\\\"ring\\\" is missing"));
    reply_done(&reply);
}

static void a_get_takes_no_body(void **state)
{
    expect(*state, "GET /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 400,
           "bad_parameter");
    expect(*state, "GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", 400,
           "bad_parameter");
}

static void bad_query_strings_are_refused(void **state)
{
    static const char *const requests[] = {
        GET("/v1/cert/list?owner=%"),
        GET("/v1/cert/list?owner=%4"),
        GET("/v1/cert/list?owner=%zz"),
        GET("/v1/cert/list?owner=%00"),
        GET("/v1/cert/list?owner=A%00B"),
        GET("/v1/cert/list?%=A"),
        GET("/v1/cert/list?owner=%ff"),
        GET("/v1/cert/list?owner=%c3"),
        GET("/v1/cert/list?%ff=A"),
        GET("/v1/cert/list?owner"),
        GET("/v1/cert/list?=A"),
        GET("/v1/cert/list?owner=A&"),
        GET("/v1/cert/list?&owner=A"),
        GET("/v1/cert/list?owner=A&owner=B"),
        GET("/v1/cert/list?owner=A&&limit=1"),
        GET("/v1/cert/list?owner=%+1"),
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SG_COUNT(requests); i++) {
        expect(fixture, requests[i], 400, "bad_query");
    }
    assert_int_equal(fixture->calls, 0);
}

static void parameters_are_checked_before_the_handler(void **state)
{
    static const char *const requests[] = {
        GET("/v1/cert/list?owners=A"),
        GET("/v1/cert/list?limit=x"),
        GET("/v1/cert/list?limit=0"),
        GET("/v1/cert/list?limit=10001"),
        GET("/v1/cert/list?limit=1.5"),
        GET("/v1/cert/list?limit=-1"),
        GET("/v1/cert/list?limit=+1"),
        GET("/v1/cert/list?limit=99999999999999999999999"),
        GET("/v1/cert/show"),
        GET("/v1/cert/export?certificate=A/B&out=x"),
        GET("/v1/cert/export?certificate=A/B&chain=maybe"),
        GET("/v1/provision?program=emacs&ring=A/B"),
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SG_COUNT(requests); i++) {
        expect(fixture, requests[i], 400, "bad_parameter");
    }
    assert_int_equal(fixture->calls, 0);
}

static void failures_are_json_with_code_status_text_hint_and_object(void **state)
{
    struct reply reply = ask(*state, GET("/v1/cert/list?owner=DENIED"));
    assert_int_equal(reply.code, 403);
    assert_string_equal(
        reply.body,
        "{\"error\":{\"code\":\"not_yours\",\"status\":\"denied\",\"text\":\"you may not touch "
        "\\\"DENIED\\\"\",\"hint\":\"Ask an administrator.\",\"object\":\"DENIED\"}}\n");
    reply_done(&reply);
}

static void a_text_that_is_not_utf8_is_still_answered(void **state)
{
    struct reply reply = ask(*state, GET("/v1/cert/list?owner=CUT"));
    assert_int_equal(reply.code, 422);
    assert_non_null(strstr(reply.body, "caf? and ? inside"));
    reply_done(&reply);
}

static void every_field_of_an_error_is_made_utf8(void **state)
{
    static const char *const texts[][2] = {
        {"whole \xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x91",
         "whole \xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x91"},
        {"cut \xe2\x82", "cut ??"},
        {"cut \xf0\x9f\x94", "cut ???"},
        {"overlong \xc0\xaf \xe0\x80\xaf", "overlong ?? ???"},
        {"surrogate \xed\xa0\x80", "surrogate ???"},
        {"beyond \xf4\x90\x80\x80", "beyond ????"},
        {"alone \x80", "alone ?"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < SG_COUNT(texts);
         i++) { /* filled by hand: nobody has cleaned these before */
        struct sg_error err = {.status = SG_E_INPUT, .code = "x"};
        snprintf(err.text, sizeof err.text, "%s", texts[i][0]);
        snprintf(err.hint, sizeof err.hint, "%s", texts[i][0]);
        snprintf(err.object, sizeof err.object, "%s", texts[i][0]);
        json_t *json = sg_http_error_json(&err);
        const json_t *fields = json_object_get(json, "error");
        assert_string_equal(json_string_value(json_object_get(fields, "text")), texts[i][1]);
        assert_string_equal(json_string_value(json_object_get(fields, "hint")), texts[i][1]);
        assert_string_equal(json_string_value(json_object_get(fields, "object")), texts[i][1]);
        json_decref(json);
    }
}

static void a_handler_without_a_reason_is_still_a_failure(void **state)
{
    struct reply reply = ask(*state, GET("/v1/cert/list?owner=SILENT"));
    assert_int_equal(reply.code, 503);
    assert_string_equal(error_code(&reply), "token_unavailable");
    reply_done(&reply);
    reply = ask(*state, GET("/v1/cert/list?owner=NOTHING"));
    assert_int_equal(reply.code, 200);
    assert_string_equal(reply.body, "{}\n");
    reply_done(&reply);
}

static void nothing_from_outside_becomes_a_header(void **state)
{
    static const char *const requests[] = {
        GET("/v1/x%0d%0aX-Evil:%201"),
        GET("/v1/cert/list?owner=a%0d%0aX-Evil:%201&x=1"),
        GET("/v1/cert/list?%0d%0aX-Evil:%201=1"),
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SG_COUNT(requests); i++) {
        struct reply reply = ask(fixture, requests[i]);
        assert_true(reply.code == 404 || reply.code == 400);
        assert_null(strcasestr(reply.head, "Evil"));
        reply_done(&reply);
    }
}

static void a_thousand_requests_use_one_connection(void **state)
{
    struct fixture *fixture = *state;
    int fd = client_open(fixture);
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(client_say(fixture, fd, GET("/v1/status")));
        struct reply reply = client_reply(fixture, fd, 5000);
        assert_int_equal(reply.code, 200);
        reply_done(&reply);
    }
    assert_int_equal(fixture->calls, 1000);
    close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *fixture = *state;
    int fd = client_open(fixture);
    assert_true(client_say(fixture, fd, GET("/v1/status") GET("/v1/cert/list") GET("/v1/nothing")));
    struct reply reply = client_reply(fixture, fd, 5000);
    assert_non_null(strstr(reply.body, "status"));
    reply_done(&reply);
    reply = client_reply(fixture, fd, 5000);
    assert_non_null(strstr(reply.body, "list"));
    reply_done(&reply);
    reply = client_reply(fixture, fd, 5000);
    assert_int_equal(reply.code, 404);
    reply_done(&reply);
    close(fd);
}

static void http_1_0_closes_after_the_answer(void **state)
{
    struct fixture *fixture = *state;
    int fd = client_open(fixture);
    assert_true(client_say(fixture, fd, "GET /v1/status HTTP/1.0\r\n\r\n"));
    struct reply reply = client_reply(fixture, fd, 5000);
    assert_int_equal(reply.code, 200);
    reply_done(&reply);
    reply = client_reply(fixture, fd, 5000);
    assert_int_equal(reply.code, 0);
    reply_done(&reply);
    close(fd);
}

static void a_half_closed_client_gets_its_whole_answer(void **state)
{
    static const char *const requests[] = {GET("/v1/status"), GET("/v1/ring/list?owner=BIG")};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SG_COUNT(requests); i++) {
        int fd = client_open(fixture);
        assert_int_equal(send(fd, requests[i], strlen(requests[i]), 0), strlen(requests[i]));
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        struct reply reply = client_reply(fixture, fd, 5000);
        assert_int_equal(reply.code, 200);
        assert_int_equal(reply.body[reply.body_len - 1], '\n');
        assert_true(i == 0 || reply.body_len > FIXTURE_BIG);
        reply_done(&reply);
        close(fd);
    }
}

static void openapi_names_every_route_once(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply = ask(fixture, GET("/v1/openapi.json"));
    assert_int_equal(reply.code, 200);
    json_t *document = json_loads(reply.body, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(document);
    assert_string_equal(json_string_value(json_object_get(document, "openapi")), "3.0.3");
    json_t *paths = json_object_get(document, "paths");
    size_t count = 0;
    size_t routes = 0;
    const struct sg_operation *rows = sg_operations(&count);
    for (size_t i = 0; i < count; i++) {
        char route[100];
        snprintf(route, sizeof route, "/v1/%s%s%s", rows[i].noun, rows[i].verb[0] ? "/" : "",
                 rows[i].verb);
        bool routed = (rows[i].flags & SG_OP_CLIENT) == 0;
        bool post_row = strcmp(sg_operation_method(&rows[i]), "POST") == 0;
        const json_t *path = json_object_get(paths, route);
        assert_int_equal(path != NULL, routed);
        const json_t *entry = json_object_get(path, post_row ? "post" : "get");
        assert_int_equal(entry != NULL, routed);
        routes += routed ? 1 : 0;
        for (const struct sg_param *param = rows[i].params; routed && param->name != NULL;
             param++) {
            char *text = json_dumps(entry, 0);
            char quoted[64];
            bool sent = param->type != SG_PARAM_CLIENT_FILE &&
                        param->type != SG_PARAM_CLIENT_WORD && param->type != SG_PARAM_CLIENT_FLAG;
            snprintf(quoted, sizeof quoted, post_row ? "\"%s\": {" : "\"name\": \"%s\"",
                     param->name);
            assert_int_equal(strstr(text, quoted) != NULL, sent);
            free(text);
        }
    }
    assert_int_equal(json_object_size(paths), routes);
    assert_true(routes > 20);
    json_decref(document);
    reply_done(&reply);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(get_reaches_the_handler_with_its_parameters),
        CASE(one_word_operations_have_a_route),
        CASE(post_reaches_the_handler_with_its_body),
        CASE(dry_run_is_a_query_parameter),
        CASE(dry_run_must_be_0_or_1_and_alone),
        CASE(the_caller_is_known_by_the_socket),
        CASE(unknown_routes_are_not_found_and_say_what_was_meant),
        CASE(client_operations_have_no_route),
        CASE(wrong_methods_are_answered_with_the_right_one),
        CASE(head_has_no_body),
        CASE(bad_bodies_are_refused),
        CASE(a_missing_body_is_an_empty_object),
        CASE(a_get_takes_no_body),
        CASE(bad_query_strings_are_refused),
        CASE(parameters_are_checked_before_the_handler),
        CASE(failures_are_json_with_code_status_text_hint_and_object),
        CASE(a_text_that_is_not_utf8_is_still_answered),
        cmocka_unit_test(every_field_of_an_error_is_made_utf8),
        CASE(a_handler_without_a_reason_is_still_a_failure),
        CASE(nothing_from_outside_becomes_a_header),
        CASE(a_thousand_requests_use_one_connection),
        CASE(pipelined_requests_are_answered_in_order),
        CASE(http_1_0_closes_after_the_answer),
        CASE(a_half_closed_client_gets_its_whole_answer),
        CASE(openapi_names_every_route_once),
    };
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
