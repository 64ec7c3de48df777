/* The command's side of HTTP: answers in all forms that the standard allows, and what is none. */
#include "cmocka_all.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <signet/cli/client.h>

#include "http_internal.h"
#include "scratch.h"

#define CLOSE "<close>"
#define UNREAD "<unread>"

struct place {
    char dir[40];
    char socket[sizeof((struct sockaddr_un *)NULL)->sun_path];
    pid_t server;
    struct sg_http http;
    struct sg_buffer answer;
    unsigned status;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    snprintf(place->dir, sizeof place->dir, "/tmp/signet-http.XXXXXX");
    assert_true(scratch_make(place->dir));
    snprintf(place->socket, sizeof place->socket, "%s/socket", place->dir);
    place->http = (struct sg_http){.socket = place->socket, .fd = -1};
    sg_buffer_init(&place->answer, 1000);
    *state = place;
    return 0;
}

static void stop(struct place *place)
{
    if (place->server > 0) {
        (void)kill(place->server, SIGKILL);
        (void)waitpid(place->server, NULL, 0);
    }
    place->server = 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    stop(place);
    sg_http_close(&place->http);
    sg_buffer_done(&place->answer);
    scratch_remove(place->dir);
    free(place);
    return 0;
}

/* ---- a server that says what it was told to ---- */

static void nap(void)
{
    struct timespec pause = {.tv_nsec = 20000000};
    (void)nanosleep(&pause, NULL);
}

/* Read up to the empty line; what a body adds comes in the same piece or is left unread. */
static bool read_request(int fd)
{
    char data[4096];
    size_t len = 0;
    while (len < sizeof data - 1) {
        ssize_t got = read(fd, data + len, sizeof data - 1 - len);
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        data[len] = '\0';
        if (strstr(data, "\r\n\r\n") != NULL) {
            return true;
        }
    }
    return true;
}

/* The pieces for one connection, each its own write; CLOSE ends the connection, an empty piece
 * waits for the next request. Returns where it stopped: at CLOSE, or at the end. */
static const char *const *speak(int fd, const char *const *piece)
{
    bool goes_on = true;
    if (strcmp(*piece, UNREAD) != 0) {
        goes_on = read_request(fd);
    } else {
        piece++;
    }
    for (; goes_on && *piece != NULL && strcmp(*piece, CLOSE) != 0; piece++) {
        if (**piece == '\0') {
            goes_on = read_request(fd);
            continue;
        }
        (void)!write(fd, *piece, strlen(*piece));
        nap();
    }
    return piece;
}

static void serve(int listener, const char *const *piece)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN);
    while (*piece != NULL) {
        int fd = accept(listener, NULL, NULL);
        piece = speak(fd, piece);
        if (*piece == NULL) {
            (void)pause(); /* that one stays open */
            _exit(0);
        }
        piece++; /* CLOSE */
        (void)close(fd);
    }
    (void)pause();
}

static void server_says(struct place *place, const char *const *pieces)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", place->socket);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 4), 0);
    place->server = fork();
    assert_true(place->server >= 0);
    if (place->server == 0) {
        serve(listener, pieces);
        _exit(0);
    }
    (void)close(listener);
}
#define SAYS(...) ((const char *const[]){__VA_ARGS__, NULL})

static enum sg_http_outcome get_within(struct place *place, const char *body, int timeout_s)
{
    struct sg_http_request request = {.method = body != NULL ? "POST" : "GET",
                                      .target = "/v1/status",
                                      .body = body,
                                      .timeout_s = timeout_s};
    place->answer.len = 0;
    return sg_http_exchange(&place->http, &request, &place->answer, &place->status);
}

static enum sg_http_outcome get(struct place *place)
{
    return get_within(place, NULL, 20);
}

static void expect_answer(struct place *place, unsigned status, const char *body)
{
    assert_int_equal(get(place), SG_HTTP_ANSWERED);
    assert_int_equal(place->status, status);
    assert_int_equal(place->answer.len, strlen(body));
    assert_memory_equal(place->answer.data, body, strlen(body));
}

#define FIXED "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

/* ---- what is an answer ---- */

static void an_answer_may_come_in_any_pieces(void **state)
{
    struct place *place = *state;
    server_says(place, SAYS("HTT", "P/1.1 20", "0 OK\r", "\nContent-Len", "gth: 5\r\n", "\r\n{\"",
                            "a", "\"}"));
    expect_answer(place, 200, "{\"a\"}");
}

static void chunks_are_joined(void **state)
{
    struct place *place = *state;
    server_says(place, SAYS("HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
                            "1\r\n}\r\n0\r\n\r\n"));
    expect_answer(place, 404, "{}");
}

static void an_answer_without_a_length_ends_with_the_connection(void **state)
{
    struct place *place = *state;
    server_says(place, SAYS("HTTP/1.0 200 OK\r\n\r\n{", "}", CLOSE, FIXED));
    expect_answer(place, 200, "{}");
    assert_int_equal(place->http.fd, -1);
    expect_answer(place, 200, "{}");
}

static void a_provisional_answer_is_not_the_answer(void **state)
{
    struct place *place = *state;
    server_says(place, SAYS("HTTP/1.1 100 Continue\r\n\r\n", FIXED));
    expect_answer(place, 200, "{}");
}

/* ---- the connection ---- */

static void a_connection_is_kept(void **state)
{
    struct place *place = *state;
    server_says(place, SAYS(FIXED, "", "HTTP/1.1 201 Made\r\nContent-Length: 1\r\n\r\n1"));
    expect_answer(place, 200, "{}");
    int fd = place->http.fd;
    assert_true(fd >= 0);
    expect_answer(place, 201, "1");
    assert_int_equal(place->http.fd, fd);
}

static void one_that_the_service_ended_is_opened_anew(void **state)
{
    struct place *place = *state;
    server_says(place, SAYS(FIXED, CLOSE, FIXED));
    expect_answer(place, 200, "{}");
    nap();
    nap();
    expect_answer(place, 200, "{}");
}

static void one_that_is_to_be_closed_is_not_kept(void **state)
{
    struct place *place = *state;
    server_says(place, SAYS("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"));
    expect_answer(place, 200, "{}");
    assert_int_equal(place->http.fd, -1);
}

/* An answer to nobody's question must not become the next question's. */
static void one_with_more_in_it_is_not_kept(void **state)
{
    struct place *place = *state;
    server_says(place, SAYS(FIXED "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL", CLOSE,
                            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"));
    expect_answer(place, 200, "{}");
    assert_int_equal(place->http.fd, -1);
    expect_answer(place, 200, "good");
}

/* More than the socket holds, of which the service reads nothing. */
static void a_refusal_in_the_middle_of_the_request_is_read(void **state)
{
    struct place *place = *state;
    size_t len = (size_t)4 * 1024 * 1024;
    char *body = malloc(len + 1);
    assert_non_null(body);
    memset(body, 'x', len);
    body[len] = '\0';
    server_says(place, SAYS(UNREAD, "HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\n{}", CLOSE));
    assert_int_equal(get_within(place, body, 20), SG_HTTP_ANSWERED);
    assert_int_equal(place->status, 413);
    assert_int_equal(place->http.fd, -1);
    free(body);
}

/* ---- what is none ---- */

#define OK_LINE "HTTP/1.1 200 OK\r\n"

static void what_is_no_http_is_told(void **state)
{
    struct place *place = *state;
    server_says(place, SAYS("SSH-2.0-OpenSSH_9.2\r\n", CLOSE, OK_LINE "Content-Length: -1\r\n\r\n",
                            CLOSE, OK_LINE "Content-Length: 1\r\nContent-Length: 2\r\n\r\n1", CLOSE,
                            "HTTP/1.1 20000 OK\r\n\r\n", CLOSE));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(get(place), SG_HTTP_GARBAGE);
        assert_int_equal(place->http.fd, -1);
    }
}

static void half_an_answer_is_none(void **state)
{
    struct place *place = *state;
    server_says(place,
                SAYS("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{", CLOSE, "HTTP/1.1 20", CLOSE,
                     CLOSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", CLOSE));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(get(place), SG_HTTP_GONE);
        assert_int_equal(place->http.fd, -1);
    }
}

static void an_answer_beyond_the_limit_is_told(void **state)
{
    struct place *place = *state;
    static char endless[3000];
    snprintf(endless, sizeof endless, "HTTP/1.1 200 OK\r\n\r\n%02000d", 1);
    server_says(place, SAYS(endless));
    assert_int_equal(get(place), SG_HTTP_TOO_LARGE);
    assert_true(place->answer.len <= 1000);
}

static void silence_ends(void **state)
{
    struct place *place = *state;
    server_says(place, SAYS("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{"));
    time_t before = time(NULL);
    assert_int_equal(get_within(place, NULL, 1), SG_HTTP_TIMEOUT);
    assert_true(time(NULL) - before < 10);
    assert_int_equal(place->http.fd, -1);
}

static void nobody_there_is_told(void **state)
{
    struct place *place = *state;
    assert_int_equal(get(place), SG_HTTP_UNREACHABLE);
    assert_int_equal(errno, ENOENT);
    server_says(place, SAYS(FIXED));
    stop(place);
    assert_int_equal(get(place), SG_HTTP_UNREACHABLE);
    assert_int_equal(errno, ECONNREFUSED);
}

static void what_a_query_cannot_hold_is_escaped(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER out;
    sg_buffer_init(&out, 100);
    assert_int_equal(sg_http_escape(&out, "a-Z_0.9~ /?&=%+\r\n\xC3\xA9", &err), SG_OK);
    assert_string_equal((const char *)out.data, "a-Z_0.9~%20%2F%3F%26%3D%25%2B%0D%0A%C3%A9");
}

/* ---- what the command says ---- */

static int listen_only(const struct place *place, int room)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", place->socket);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, room), 0);
    return listener;
}

static void ask(const struct place *place, const char *noun, const char *verb, const char *code,
                struct sg_error *err)
{
    json_t *params = json_object();
    json_t *answer = NULL;
    assert_int_equal(sg_client_call(place->socket, sg_operation_find(noun, verb), params, false, 1,
                                    &answer, err),
                     SG_E_SERVICE);
    assert_string_equal(err->code, code);
    assert_null(answer);
    json_decref(params);
}

static void expect_way_out(const struct sg_error *err)
{
    static const char *const parts[] = {"signet-control",
                                        "silence_deadline_s",
                                        "process_hangs",
                                        "journalctl -u signetd",
                                        "DIR/signetd.log",
                                        "systemctl restart signetd",
                                        "dev down DIR and up again."};
    for (size_t i = 0; i < SG_COUNT(parts); i++) {
        assert_non_null(strstr(err->hint, parts[i]));
    }
    assert_null(strstr(err->hint, "signet status")); /* which would wait likewise */
}

static void a_service_that_does_not_answer_is_no_circle(void **state)
{
    struct place *place = *state;
    struct sg_error err = SG_ERROR_INIT;
    int listener = listen_only(place, 4);
    ask(place, "status", "", "service_timeout", &err);
    expect_way_out(&err);
    assert_null(strstr(err.hint, "may have been done"));
    ask(place, "ring", "delete", "service_timeout", &err);
    expect_way_out(&err);
    assert_non_null(strstr(err.hint, "may have been done or not: look with signet ring list"));
    (void)close(listener);
}

static void a_queue_that_is_full_is_no_absent_service(void **state)
{
    struct place *place = *state;
    struct sg_error err = SG_ERROR_INIT;
    int listener = listen_only(place, 0);
    int first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", place->socket);
    assert_int_equal(connect(first, (const struct sockaddr *)&address, sizeof address), 0);
    ask(place, "status", "", "service_unreachable", &err);
    expect_way_out(&err);
    assert_null(strstr(err.hint, "Start signetd"));
    (void)close(first);
    (void)close(listener);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_may_come_in_any_pieces),
        TEST(chunks_are_joined),
        TEST(an_answer_without_a_length_ends_with_the_connection),
        TEST(a_provisional_answer_is_not_the_answer),
        TEST(a_connection_is_kept),
        TEST(one_that_the_service_ended_is_opened_anew),
        TEST(one_that_is_to_be_closed_is_not_kept),
        TEST(one_with_more_in_it_is_not_kept),
        TEST(a_refusal_in_the_middle_of_the_request_is_read),
        TEST(what_is_no_http_is_told),
        TEST(half_an_answer_is_none),
        TEST(an_answer_beyond_the_limit_is_told),
        TEST(silence_ends),
        TEST(nobody_there_is_told),
        TEST(a_service_that_does_not_answer_is_no_circle),
        TEST(a_queue_that_is_full_is_no_absent_service),
        cmocka_unit_test(what_a_query_cannot_hold_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
