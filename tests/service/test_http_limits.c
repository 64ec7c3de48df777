/* What the HTTP server does with clients that send too much, too slowly, or nonsense. */
#include "cmocka_all.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_fixture.h"
#include "lingering.h"
#include "patience.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: x\r\n\r\n"

/* Write a text, with the NUL behind it, where there is room for it; its length. */
static size_t put(char *out, const char *text)
{
    size_t len = strlen(text);
    memcpy(out, text, len + 1);
    return len;
}

/* Whatever happened before: the next client is served. */
static void assert_serves(struct fixture *fixture)
{
    struct reply reply = ask(fixture, GET("/v1/status"));
    assert_int_equal(reply.code, 200);
    reply_done(&reply);
}

/* ---- descriptors that come along ---- */

static void assert_undisturbed(struct fixture *fixture, int64_t begin_ms)
{
    assert_serves(fixture);
    pump(fixture, 50);
    assert_in_range(now_ms() - begin_ms, 0, patiently(LINGERING_S * 1000 / 6));
}

/* Were it the last to close one, the server would wait for as long as the client likes. */
static void check_descriptor(struct fixture *fixture, const char *before, const char *with,
                             bool leaves)
{
    int lingering = -1, peer = -1;
    int fd = client_open(fixture);
    int64_t begin_ms = now_ms();
    assert_true(client_say(fixture, fd, before));
    assert_true(lingering_make(&lingering, &peer));
    assert_true(lingering_send(fd, with, lingering));
    if (leaves) {
        close(fd);
    } else {
        struct reply reply = client_reply(fixture, fd, 5000);
        assert_int_equal(reply.code, 0);
        assert_true(reply.closed);
        reply_done(&reply);
        close(fd);
    }
    assert_undisturbed(fixture, begin_ms);
    (void)close(peer);
}

static void descriptors_end_the_connection_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    check_descriptor(fixture, "", GET("/v1/status"), false);
    check_descriptor(fixture, "GET /v1/sta", "tus HTTP/1.1\r\nHost: x\r\n\r\n", false);
    check_descriptor(fixture, "", "G", true);
    check_descriptor(fixture, "POST /v1/ring/add HTTP/1.1\r\nContent-Length: 9\r\n\r\n", "{", true);
}

/* It is not read from any more when it is closed. */
static void descriptors_behind_a_request_that_is_answered_and_closed(void **state)
{
    struct fixture *fixture = *state;
    int lingering = -1, peer = -1;
    int fd = client_open(fixture);
    int64_t begin_ms = now_ms();
    static const char request[] = "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    assert_true(lingering_make(&lingering, &peer));
    assert_true(lingering_send(fd, "x", lingering));
    struct reply reply = client_reply(fixture, fd, 5000);
    reply_done(&reply);
    close(fd);
    assert_undisturbed(fixture, begin_ms);
    (void)close(peer);
}

static void descriptors_of_a_cut_client_hold_nobody_up(void **state)
{
    struct fixture *fixture = *state;
    int lingering = -1, peer = -1;
    int fd = client_open(fixture);
    assert_true(client_say(fixture, fd, "G"));
    pump(fixture, FIXTURE_DEADLINE_S * 1000 - 200);
    assert_true(lingering_make(&lingering, &peer));
    int64_t begin_ms = now_ms();
    bool sent = lingering_send(fd, "E", lingering);
    if (!sent) { /* it was cut already, on a slow machine */
        (void)close(peer);
        (void)close(lingering);
    }
    pump(fixture, 400);
    assert_undisturbed(fixture, begin_ms);
    close(fd);
    if (sent) {
        (void)close(peer);
    }
}

/* They neither hide a descriptor nor keep the server busy. */
static void bytes_out_of_band_are_bytes(void **state)
{
    static const char rest[] = "ET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
    struct fixture *fixture = *state;
    int lingering = -1, peer = -1;
    int fd = client_open(fixture);
    int64_t begin_ms = now_ms();
    assert_true(lingering_make(&lingering, &peer));
    assert_true(lingering_send_as(fd, "G", lingering, MSG_OOB));
    (void)client_say(fixture, fd, rest);
    struct reply reply = client_reply(fixture, fd, 5000);
    assert_int_equal(reply.code, 0);
    reply_done(&reply);
    close(fd);
    assert_undisturbed(fixture, begin_ms);
    (void)close(peer);
    fd = client_open(fixture);
    assert_int_equal(send(fd, "G", 1, MSG_OOB | MSG_NOSIGNAL), 1);
    assert_true(client_say(fixture, fd, rest));
    reply = client_reply(fixture, fd, 5000);
    assert_int_equal(reply.code, 200);
    reply_done(&reply);
    close(fd);
}

static char *nested(size_t depth)
{
    char *text = malloc(2 * depth + 32);
    assert_non_null(text);
    size_t len = put(text, "{\"ring\": ");
    memset(text + len, '[', depth);
    memset(text + len + depth, ']', depth);
    (void)put(text + len + 2 * depth, "}");
    return text;
}

static void deep_json_is_refused_before_it_is_parsed(void **state)
{
    static const size_t depths[] = {32, 33, 100, 2047, 10000};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SG_COUNT(depths); i++) {
        char *body = nested(depths[i]);
        struct reply reply = post(fixture, "/v1/ring/add", body);
        assert_int_equal(reply.code, 400);
        assert_string_equal(error_code(&reply), "bad_json");
        assert_non_null(strstr(reply.body, "nested too deeply"));
        reply_done(&reply);
        free(body);
    }
    char *body =
        nested(31); /* with the object around it as deep as is allowed: refused for its type */
    struct reply reply = post(fixture, "/v1/ring/add", body);
    assert_string_equal(error_code(&reply), "bad_parameter");
    reply_done(&reply);
    free(body);
    assert_int_equal(fixture->calls, 0);
}

static void brackets_inside_a_string_are_no_nesting(void **state)
{
    struct fixture *fixture = *state;
    char body[400] = "{\"ring\": \"A/\\\"\\\\";
    memset(body + strlen(body), '[', 100);
    (void)put(body + strlen(body), ",{\"}");
    struct reply reply = post(fixture, "/v1/ring/add", body);
    assert_int_equal(reply.code, 200);
    reply_done(&reply);
}

static void very_many_values_are_refused(void **state)
{
    struct fixture *fixture = *state;
    char *body = malloc(90000);
    assert_non_null(body);
    size_t len = put(body, "{\"ring\": [[]");
    while (len < 80000) {
        len += put(body + len, ",[]");
    }
    (void)put(body + len, "]}");
    struct reply reply = post(fixture, "/v1/ring/add", body);
    assert_int_equal(reply.code, 400);
    assert_non_null(strstr(reply.body, "too many values"));
    reply_done(&reply);
    free(body);
}

/* Whoever refuses it, the answer is one of ours; 0 and below are none. */
static void assert_told_in_json(const struct reply *reply, const char *request)
{
    const char *code = reply->code == 413 ? "request_too_large" : "bad_request";
    if (reply->code > 0 && (strcmp(error_code(reply), code) != 0 ||
                            strstr(reply->head, "Content-Type: application/json\r\n") == NULL ||
                            strstr(reply->head, "Connection: close\r\n") == NULL)) {
        fail_msg("%.60s: got %d %.300s", request, reply->code, reply->body);
    }
}

static void assert_refused_early(struct fixture *fixture, const char *head)
{
    int fd = client_open(fixture);
    fixture_watch(fixture);
    int64_t start = now_ms();
    assert_true(client_say(fixture, fd, head));
    struct reply reply = client_reply(fixture, fd, 5000);
    if (reply.code != 0 && reply.code != 400 && reply.code != 413) {
        fail_msg("%.100s: got %d", head, reply.code);
    }
    assert_true(now_ms() - start < patiently(1000) + fixture->longest_gap_ms);
    assert_told_in_json(&reply, head);
    reply_done(&reply);
    close(fd);
    assert_int_equal(fixture->calls, 0);
}

static void a_body_of_100_megabytes_is_refused_early(void **state)
{
    assert_refused_early(
        *state, "POST /v1/ring/add HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n");
    assert_refused_early(*state,
                         "POST /v1/ring/add HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n");
    assert_refused_early(*state, "POST /v1/ring/add HTTP/1.1\r\nHost: x\r\n"
                                 "Transfer-Encoding: chunked\r\n\r\n6400000\r\n");
    assert_serves(*state);
}

static void a_chunked_body_that_grows_too_large_is_cut(void **state)
{
    struct fixture *fixture = *state;
    char chunk[4096 + 16];
    size_t len = put(chunk, "1000\r\n");
    memset(chunk + len, ' ', 4096);
    memcpy(chunk + len + 4096, "\r\n", 3);
    int fd = client_open(fixture);
    assert_true(
        client_say(fixture, fd,
                   "POST /v1/ring/add HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
    bool open = true;
    unsigned sent = 0;
    for (; open && sent < 200; sent++) {
        open = client_send(fixture, fd, chunk, len + 4098);
    }
    struct reply reply = client_reply(fixture, fd, 5000);
    assert_true(reply.code == 413 || reply.code == 400 || reply.code == 0);
    reply_done(&reply);
    close(fd);
    assert_int_equal(fixture->calls, 0);
    assert_serves(fixture);
}

static void over_long_heads_are_refused(void **state)
{
    char head[FIXTURE_HEADER * 3];
    size_t len = put(head, "GET /v1/status HTTP/1.1\r\nX: ");
    memset(head + len, 'a', FIXTURE_HEADER + 1);
    (void)put(head + len + FIXTURE_HEADER + 1, "\r\n\r\n");
    assert_refused_early(*state, head);
    len = put(head, "GET /v1/");
    memset(head + len, 'a', FIXTURE_HEADER + 1);
    (void)put(head + len + FIXTURE_HEADER + 1, " HTTP/1.1\r\n\r\n");
    assert_refused_early(*state, head);
    len = put(head, "GET /v1/status HTTP/1.1\r\n");
    while (len < FIXTURE_HEADER + 1000) { /* evhttp does not count the line ends */
        len += put(head + len, "Name: value\r\n");
    }
    (void)put(head + len, "\r\n");
    assert_refused_early(*state, head);
    assert_serves(*state);
}

static void nonsense_is_refused(void **state)
{
    static const char *const nonsense[] = {
        "\r\n\r\n\r\n\r\nnonsense\r\n\r\n",
        "GET\r\n\r\n",
        "GET /v1/status\r\n\r\n",
        "GET /v1/status HTTP/9.9\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\nno colon\r\n\r\n",
        "POST /v1/ring/add HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /v1/ring/add HTTP/1.1\r\nContent-Length: 1x\r\n\r\nab",
        "POST /v1/ring/add HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "\x16\x03\x01\x02\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SG_COUNT(nonsense); i++) {
        int fd = client_open(fixture);
        (void)client_say(fixture, fd, nonsense[i]);
        struct reply reply = client_reply(fixture, fd, 300);
        assert_true(reply.code != 200);
        assert_told_in_json(&reply, nonsense[i]);
        reply_done(&reply);
        close(fd);
    }
    assert_int_equal(fixture->calls, 0);
    assert_serves(fixture);
}

static void garbage_behind_a_good_request_does_not_hurt_it(void **state)
{
    struct fixture *fixture = *state;
    int fd = client_open(fixture);
    assert_true(client_say(fixture, fd, GET("/v1/status") "\x01\x02 garbage\r\n\r\n"));
    struct reply reply = client_reply(fixture, fd, 5000);
    assert_int_equal(reply.code, 200);
    reply_done(&reply);
    reply = client_reply(fixture, fd, 5000);
    assert_true(reply.code == 400 || reply.code == 0);
    reply_done(&reply);
    close(fd);
    assert_int_equal(fixture->calls, 1);
    assert_serves(fixture);
}

/* Cut at the deadline and not later than 900 ms behind it, counting only time in which this process
 * ran at all: what it was kept from running is measured, not supposed, and told when this fails. */
static void assert_cut_in_time(const struct fixture *fixture, int64_t took_ms)
{
    int64_t latest_ms = FIXTURE_DEADLINE_S * 1000 + 900 + fixture->longest_gap_ms;
    if (took_ms < FIXTURE_DEADLINE_S * 1000 - 300 || took_ms > latest_ms) {
        fail_msg("cut after %lld ms; the loop stood still for at most %lld ms", (long long)took_ms,
                 (long long)fixture->longest_gap_ms);
    }
}

/* Feed a byte every 100 ms until the server has had enough; how long it took. */
static int64_t drip(struct fixture *fixture, const char *text)
{
    int fd = client_open(fixture);
    fixture_watch(fixture);
    int64_t start = now_ms();
    bool open = true;
    while (open && now_ms() - start < patiently(6000)) {
        open = send(fd, text, 1, MSG_NOSIGNAL) == 1;
        text += text[1] != '\0' ? 1 : 0;
        pump(fixture, 100);
    }
    close(fd);
    assert_false(open);
    return now_ms() - start;
}

static void a_byte_at_a_time_is_cut_at_the_deadline(void **state)
{
    struct fixture *fixture = *state;
    static const char *const drips[] = {
        "GET /v1/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "POST /v1/ring/add HTTP/1.1\r\nHost: x\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    for (size_t i = 0; i < SG_COUNT(drips); i++) {
        int64_t took_ms = drip(fixture, drips[i]);
        assert_cut_in_time(fixture, took_ms);
    }
    assert_int_equal(fixture->calls, 0);
    assert_serves(fixture);
}

static void a_body_that_does_not_come_is_cut_at_the_deadline(void **state)
{
    struct fixture *fixture = *state;
    int fd = client_open(fixture);
    assert_true(client_say(fixture, fd,
                           "POST /v1/ring/add HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n{"));
    fixture_watch(fixture);
    int64_t start = now_ms();
    struct reply reply = client_reply(fixture, fd, 6000);
    assert_true(reply.closed);
    assert_cut_in_time(fixture, now_ms() - start);
    reply_done(&reply);
    close(fd);
}

static void answers_start_the_deadline_again(void **state)
{
    struct fixture *fixture = *state;
    int fd = client_open(fixture);
    for (int i = 0; i < 3; i++) { /* in all longer than one deadline */
        pump(fixture, FIXTURE_DEADLINE_S * 1000 - 1000);
        assert_true(client_say(fixture, fd, GET("/v1/status")));
        struct reply reply = client_reply(fixture, fd, 5000);
        assert_int_equal(reply.code, 200);
        reply_done(&reply);
    }
    struct reply reply = client_reply(fixture, fd, 6000); /* and then it is cut */
    assert_int_equal(reply.code, 0);
    reply_done(&reply);
    close(fd);
}

static void a_client_that_does_not_read_is_cut(void **state)
{
    struct fixture *fixture = *state;
    int fd = client_open(fixture);
    assert_true(client_say(fixture, fd, GET("/v1/ring/list?owner=BIG")));
    pump(fixture, FIXTURE_DEADLINE_S * 1000 + 700);
    char block[65536];
    size_t total = 0;
    ssize_t got = 0;
    while ((got = recv(fd, block, sizeof block, 0)) > 0) {
        total += (size_t)got;
        pump(fixture, 1);
    }
    assert_int_equal(got, 0);
    assert_true(total < FIXTURE_BIG);
    close(fd);
    assert_serves(fixture);
}

static void time_spent_in_a_handler_counts_against_nobody(void **state)
{
    struct fixture *fixture = *state;
    char request[FIXTURE_BODY];
    size_t len = put(
        request,
        "POST /v1/ring/add HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n{\"ring\": \"A/B\"}");
    memset(request + len, ' ', 90000);
    len += 90000 - strlen("{\"ring\": \"A/B\"}");
    int slow = client_open(fixture);
    int waiting = client_open(fixture);
    assert_true(client_say(fixture, waiting, "POST"));
    assert_true(client_say(fixture, slow, GET("/v1/cert/list?owner=SLOW")));
    struct reply reply = client_reply(fixture, slow, 6000);
    assert_int_equal(reply.code, 200);
    reply_done(&reply);
    pump(fixture, 100);
    assert_true(client_send(fixture, waiting, request + 4, len - 4));
    reply = client_reply(fixture, waiting, 3000);
    assert_int_equal(reply.code, 200);
    reply_done(&reply);
    close(slow);
    close(waiting);
}

static void further_connections_wait_for_room(void **state)
{
    struct fixture *fixture = *state;
    int idle[FIXTURE_CONNECTIONS];
    for (size_t i = 0; i < FIXTURE_CONNECTIONS; i++) {
        idle[i] = client_open(fixture);
        if (i % 2 == 0) { /* half of them have been served once */
            assert_true(client_say(fixture, idle[i], GET("/v1/status")));
            struct reply reply = client_reply(fixture, idle[i], 5000);
            reply_done(&reply);
        }
    }
    pump(fixture, 50);
    int late = client_open(fixture);
    assert_true(client_say(fixture, late, GET("/v1/status")));
    struct reply reply = client_reply(fixture, late, 400);
    assert_int_equal(reply.code, -1);
    reply_done(&reply);
    close(idle[0]);
    close(idle[1]);
    reply = client_reply(fixture, late, 5000);
    assert_int_equal(reply.code, 200);
    reply_done(&reply);
    close(late);
    for (size_t i = 2; i < FIXTURE_CONNECTIONS; i++) {
        close(idle[i]);
    }
    assert_serves(fixture);
}

static void one_user_does_not_take_all_connections(void **state)
{
    struct fixture *fixture = *state;
    int idle[3];
    for (size_t i = 0; i < SG_COUNT(idle); i++) {
        idle[i] = client_open(fixture);
    }
    pump(fixture, 50);
    int late = client_open(fixture);
    struct reply reply = client_reply(fixture, late, 5000); /* before it has said a word */
    assert_int_equal(reply.code, 503);
    assert_string_equal(error_code(&reply), "too_many_connections");
    reply_done(&reply);
    close(late);
    for (size_t i = 0; i < SG_COUNT(idle); i++) { /* those that came before are served */
        assert_true(client_say(fixture, idle[i], GET("/v1/status")));
        reply = client_reply(fixture, idle[i], 5000);
        assert_int_equal(reply.code, 200);
        reply_done(&reply);
    }
    close(idle[0]);
    pump(fixture, 50);
    assert_serves(fixture); /* there is room again */
    close(idle[1]);
    close(idle[2]);
}

static void connections_that_come_and_go_leave_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_serves(fixture);
    pump(fixture, 100);
    unsigned before = open_descriptors();
    for (unsigned i = 0; i < 200; i++) {
        int fd = client_open(fixture);
        if (i % 3 > 0) {
            (void)client_say(fixture, fd, i % 3 == 1 ? GET("/v1/status") : "GET /v1/st");
        }
        if (i % 2 == 0) {
            pump(fixture, 1);
        }
        close(fd);
    }
    int64_t end = now_ms() + patiently(3000);
    while (open_descriptors() != before && now_ms() < end) {
        pump(fixture, 20);
    }
    assert_int_equal(open_descriptors(), before);
    assert_serves(fixture);
}

static void the_server_can_be_freed_amid_connections(void **state)
{
    struct fixture *fixture = *state;
    int fresh = client_open(fixture);
    int half = client_open(fixture);
    int used = client_open(fixture);
    int reading = client_open(fixture);
    assert_true(client_say(fixture, half, "POST /v1/ring/add HTTP/1.1\r\nContent-Le"));
    assert_true(client_say(fixture, used, GET("/v1/status")));
    assert_true(client_say(fixture, reading, GET("/v1/ring/list?owner=BIG")));
    pump(fixture, 50);
    fixture_stop_server(fixture);
    pump(fixture, 50);
    close(fresh);
    close(half);
    close(used);
    close(reading);
}

/* ---- what a refused connection leaves for the next one, which gets its descriptor's number ----
 */

#define ROUNDS 12u
#define LARGE 90000
#define CHUNKED "POST /v1/ring/add HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

/* A large request, over a connection of its own, which is answered at once. */
static void assert_serves_large(struct fixture *fixture, const char *after)
{
    char *request = malloc(LARGE + 200);
    assert_non_null(request);
    int head = snprintf(request, 200,
                        "POST /v1/ring/add HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
                        "{\"ring\": \"A/B\"}",
                        LARGE);
    size_t rest = LARGE - strlen("{\"ring\": \"A/B\"}");
    memset(request + head, ' ', rest);
    int fd = client_open(fixture);
    (void)client_send(fixture, fd, request, (size_t)head + rest);
    struct reply reply = client_reply(fixture, fd, FIXTURE_DEADLINE_S * 1000 - 500);
    if (reply.code != 200) {
        fail_msg("after %.60s: got %d", after, reply.code);
    }
    reply_done(&reply);
    close(fd);
    free(request);
}

/* Its answer if it gets one, and the end of it: at once, and not at the deadline. */
static int say_and_be_closed(struct fixture *fixture, const char *text)
{
    int fd = client_open(fixture);
    (void)client_say(fixture, fd, text);
    struct reply reply = {.code = -1};
    for (bool closed = false; !closed; closed = reply.closed || reply.code < 0) {
        reply = client_reply(fixture, fd, FIXTURE_DEADLINE_S * 1000 - 500);
        reply_done(&reply);
    }
    if (reply.code < 0) {
        fail_msg("%.60s: still open", text);
    }
    return fd;
}

static void assert_leaves_the_next_alone(struct fixture *fixture, const char *text)
{
    pump(fixture, 10);
    unsigned before = open_descriptors();
    for (unsigned i = 0; i < ROUNDS; i++) {
        int fd = say_and_be_closed(fixture, text);
        if (i % 2 == 0) { /* the other half keep their end open */
            close(fd);
        }
        assert_serves_large(fixture, text);
        if (i % 2 != 0) {
            close(fd);
        }
    }
    pump(fixture, 10);
    assert_int_equal(open_descriptors(), before);
}

static void a_refused_connection_leaves_the_next_one_alone(void **state)
{
    static const char *const refused[] = {
        "NOISE\r\n\r\n",
        "GET /v1/status HTTP/9.9\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\nno colon\r\n\r\n",
        "BREW /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "POST /v1/ring/add HTTP/1.1\r\nHost: x\r\nExpect: foo\r\nContent-Length: 4\r\n\r\n",
        "POST /v1/ring/add HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n",
        "POST /v1/ring/add HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n",
        CHUNKED "ffffffffffffffff\r\n",
        CHUNKED "xyz\r\n",
        GET("/v1/status") "NOISE\r\n\r\n",
    };
    for (size_t i = 0; i < SG_COUNT(refused); i++) {
        assert_leaves_the_next_alone(*state, refused[i]);
    }
}

/* ---- what HTTP itself forbids ---- */

#define ADD(fields) "POST /v1/ring/add HTTP/1.1\r\nHost: x\r\n" fields "\r\n"
#define RING "{\"ring\": \"A/B\"}" /* 15 bytes */

static void refusals_of_http_itself_are_answers_like_others(void **state)
{
    static const struct {
        const char *request;
        int code;
    } cases[] = {
        {"NOISE\r\n\r\n", 400},
        {"GET /v1/status HTTP/1.1\r\nno colon\r\n\r\n", 400},
        {ADD("Content-Length: 104857600\r\n"), 413},
        {CHUNKED "ffffffffffffffff\r\n", 413},
        {ADD("Expect: foo\r\nContent-Length: 15\r\n") RING, 417},
        {ADD("Expect: 100-continue\r\nContent-Length: 104857600\r\n"), 413},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        int fd = client_open(fixture);
        (void)client_say(fixture, fd, cases[i].request);
        struct reply reply = client_reply(fixture, fd, 1000);
        if (reply.code != cases[i].code) {
            fail_msg("%s: got %d", cases[i].request, reply.code);
        }
        assert_told_in_json(&reply, cases[i].request);
        json_t *json = json_loads(reply.body, 0, NULL);
        const json_t *error = json_object_get(json, "error");
        assert_true(json_string_length(json_object_get(error, "text")) > 0);
        assert_true(json_string_length(json_object_get(error, "hint")) > 0);
        json_decref(json);
        reply_done(&reply);
        reply = client_reply(fixture, fd, 1000);
        assert_true(reply.closed);
        reply_done(&reply);
        close(fd);
    }
    assert_int_equal(fixture->calls, 0);
    assert_serves(fixture);
}

/* Over a connection that has been answered before, and behind a "go on" that nobody has read. */
static void they_are_so_later_on_a_connection_too(void **state)
{
    struct fixture *fixture = *state;
    int fd = client_open(fixture);
    (void)client_say(fixture, fd, GET("/v1/status") GET("/v1/ring/list?owner=BIG") "NOISE\r\n\r\n");
    for (int i = 0; i < 3; i++) {
        struct reply reply = client_reply(fixture, fd, 5000);
        assert_int_equal(reply.code, i < 2 ? 200 : 400);
        assert_true(i == 2 || error_code(&reply)[0] == '\0');
        assert_true(i < 2 || strcmp(error_code(&reply), "bad_request") == 0);
        reply_done(&reply);
    }
    close(fd);
    fd = client_open(fixture);
    (void)client_say(fixture, fd, ADD("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"));
    (void)client_say(fixture, fd, "xyz\r\n");
    struct reply reply = client_reply(fixture, fd, 1000);
    assert_int_equal(reply.code, 100);
    reply_done(&reply);
    reply = client_reply(fixture, fd, 1000);
    assert_true(reply.code >= 400);
    assert_told_in_json(&reply, "xyz");
    reply_done(&reply);
    close(fd);
}

/* Each could be another request for another reader. */
static void heads_with_two_meanings_are_refused(void **state)
{
    static const char *const requests[] = {
        ADD("Content-Length: 15\r\nContent-Length: 0\r\n") RING GET("/v1/status"),
        ADD("Content-Length: 0\r\nContent-Length: 15\r\n") RING,
        ADD("Content-Length: 15\r\ncontent-length: 15\r\n") RING,
        ADD("Content-Length: +15\r\n") RING,
        ADD("Content-Length: 15\r\nTransfer-Encoding: chunked\r\n") "f\r\n" RING "\r\n0\r\n\r\n",
        ADD("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") "f\r\n" RING
                                                                            "\r\n0\r\n\r\n",
        ADD("Transfer-Encoding: gzip\r\n") RING,
        ADD("Transfer-Encoding: gzip, chunked\r\n") "f\r\n" RING "\r\n0\r\n\r\n",
        ADD("Content-Length : 15\r\n") RING,
        "TRACE /v1/status HTTP/1.1\r\nContent-Length: 42\r\n\r\n" GET("/v1/status"),
        "FOO /v1/status HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" GET("/v1/status"),
        "GET /v1/status HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\nHost: x\r\nX Y: z\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\nHost: x\r\nX: a\x01z\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\nHost: x\r\nX: a\rz\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\nHost: x\r\nX\x80: z\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\nHost: x\r\n: z\r\n\r\n",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SG_COUNT(requests); i++) {
        int fd = client_open(fixture);
        (void)client_say(fixture, fd, requests[i]);
        struct reply reply = client_reply(fixture, fd, 1000);
        if (reply.code != 400) {
            fail_msg("%s: got %d", requests[i], reply.code);
        }
        assert_told_in_json(&reply, requests[i]);
        reply_done(&reply);
        reply = client_reply(fixture, fd, 1000); /* what stands behind it is no request */
        assert_true(reply.closed);
        reply_done(&reply);
        close(fd);
    }
    assert_int_equal(fixture->calls, 0);
    assert_serves(fixture);
}

static void heads_with_one_meaning_are_taken(void **state)
{
    static const char *const requests[] = {
        ADD("Content-Length:15\r\n") RING,
        ADD("content-LENGTH:\t 15\r\n") RING,
        ADD("Transfer-Encoding: Chunked\r\n") "f\r\n" RING "\r\n0\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\nX: a\tb \xc3\xa9\r\nX: twice\r\nY:\r\n\r\n",
        "GET /v1/status HTTP/1.0\r\n\r\n",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SG_COUNT(requests); i++) {
        struct reply reply = ask(fixture, requests[i]);
        if (reply.code != 200) {
            fail_msg("%s: got %d %s", requests[i], reply.code, reply.body);
        }
        reply_done(&reply);
    }
}

static void an_over_long_head_leaves_the_next_one_alone(void **state)
{
    char head[FIXTURE_HEADER * 2];
    size_t len = put(head, "GET /v1/status HTTP/1.1\r\nX: ");
    memset(head + len, 'a', FIXTURE_HEADER + 1);
    (void)put(head + len + FIXTURE_HEADER + 1, "\r\n\r\n");
    assert_leaves_the_next_alone(*state, head);
}

/* Everything that a client may leave behind when it goes by itself. */
static void a_client_that_leaves_leaves_the_next_one_alone(void **state)
{
    static const char *const texts[] = {
        "",
        "G",
        "NOISE\r\n\r\n",
        "POST /v1/ring/add HTTP/1.1\r\nContent-Length: 90\r\n\r\n{",
        "POST /v1/ring/add HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 90\r\n\r\n",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SG_COUNT(texts) * ROUNDS; i++) {
        const char *text = texts[i % SG_COUNT(texts)];
        int fd = client_open(fixture);
        (void)client_say(fixture, fd, text);
        if (i % 2 == 0) {
            pump(fixture, 1);
        }
        close(fd);
        assert_serves_large(fixture, text);
    }
}

static void a_connection_cut_at_the_deadline_leaves_the_next_one_alone(void **state)
{
    struct fixture *fixture = *state;
    int fd = client_open(fixture);
    assert_true(
        client_say(fixture, fd, "POST /v1/ring/add HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"));
    struct reply reply = client_reply(fixture, fd, 6000);
    assert_true(reply.closed);
    reply_done(&reply);
    assert_serves_large(fixture, "the deadline");
    close(fd);
}

/* Who was refused and writes on is not listened to. */
static void a_refused_client_is_not_read_from(void **state)
{
    static const char noise[65536];
    struct fixture *fixture = *state;
    int fd = say_and_be_closed(fixture, "NOISE\r\n\r\n");
    unsigned sent = 0;
    while (sent < 100 && client_send(fixture, fd, noise, sizeof noise)) {
        sent++;
    }
    assert_in_range(sent, 0, 1);
    close(fd);
}

/* "Go on" is an answer of evhttp's own too, and ends nothing. */
static void a_client_that_asks_first_is_served(void **state)
{
    struct fixture *fixture = *state;
    int fd = client_open(fixture);
    assert_true(client_say(fixture, fd,
                           "POST /v1/ring/add HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                           "Content-Length: 15\r\n\r\n"));
    struct reply reply = client_reply(fixture, fd, 1000);
    assert_int_equal(reply.code, 100);
    reply_done(&reply);
    pump(fixture, 200);
    assert_true(client_say(fixture, fd, "{\"ring\": \"A/B\"}"));
    reply = client_reply(fixture, fd, 1000);
    assert_int_equal(reply.code, 200);
    reply_done(&reply);
    close(fd);
}

/* Answered, and freed with the server before the answer was written, or just after. */
static void the_server_can_be_freed_amid_refusals(void **state)
{
    struct fixture *fixture = *state;
    int fds[4];
    for (size_t i = 0; i < SG_COUNT(fds); i++) {
        fds[i] = client_open(fixture);
        (void)client_say(fixture, fds[i], "NOISE\r\n\r\n");
        fixture_turn(fixture);
    }
    fixture_stop_server(fixture);
    pump(fixture, 20);
    for (size_t i = 0; i < SG_COUNT(fds); i++) {
        close(fds[i]);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(deep_json_is_refused_before_it_is_parsed),
        CASE(brackets_inside_a_string_are_no_nesting),
        CASE(descriptors_end_the_connection_and_nothing_else),
        CASE(descriptors_behind_a_request_that_is_answered_and_closed),
        CASE(descriptors_of_a_cut_client_hold_nobody_up),
        CASE(bytes_out_of_band_are_bytes),
        CASE(very_many_values_are_refused),
        CASE(a_body_of_100_megabytes_is_refused_early),
        CASE(a_chunked_body_that_grows_too_large_is_cut),
        CASE(over_long_heads_are_refused),
        CASE(nonsense_is_refused),
        CASE(garbage_behind_a_good_request_does_not_hurt_it),
        CASE(a_byte_at_a_time_is_cut_at_the_deadline),
        CASE(a_body_that_does_not_come_is_cut_at_the_deadline),
        CASE(answers_start_the_deadline_again),
        CASE(a_client_that_does_not_read_is_cut),
        CASE(time_spent_in_a_handler_counts_against_nobody),
        CASE(further_connections_wait_for_room),
        cmocka_unit_test_setup_teardown(one_user_does_not_take_all_connections, fixture_setup_three,
                                        fixture_teardown),
        CASE(connections_that_come_and_go_leave_nothing),
        CASE(the_server_can_be_freed_amid_connections),
        CASE(a_refused_connection_leaves_the_next_one_alone),
        CASE(refusals_of_http_itself_are_answers_like_others),
        CASE(they_are_so_later_on_a_connection_too),
        CASE(heads_with_two_meanings_are_refused),
        CASE(heads_with_one_meaning_are_taken),
        CASE(an_over_long_head_leaves_the_next_one_alone),
        CASE(a_client_that_leaves_leaves_the_next_one_alone),
        CASE(a_connection_cut_at_the_deadline_leaves_the_next_one_alone),
        CASE(a_refused_client_is_not_read_from),
        CASE(a_client_that_asks_first_is_served),
        CASE(the_server_can_be_freed_amid_refusals),
    };
    return cmocka_run_group_tests_name("http_limits", tests, NULL, NULL);
}
