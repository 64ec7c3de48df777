#include "cmocka_all.h"

#include "http_fixture.h"
#include "patience.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/log.h>

int64_t now_ms(void)
{
    return sg_monotonic_ms(sg_clock_system());
}

static json_t *big_answer(void)
{
    char *text = malloc(FIXTURE_BIG);
    assert_non_null(text);
    memset(text, 'x', FIXTURE_BIG);
    json_t *answer = json_pack("{s:s%}", "text", text, FIXTURE_BIG);
    free(text);
    return answer;
}

static void note(struct fixture *fixture, char what)
{
    size_t len = strlen(fixture->trace);
    if (len + 1 < sizeof fixture->trace) {
        fixture->trace[len] = what;
    }
}

/* As an operation that waits for its token does. */
static void hold(struct fixture *fixture)
{
    note(fixture, 'H');
    pump(fixture, FIXTURE_HOLD_MS);
    for (unsigned i = 0; i < fixture->meanwhile && sg_http_server_meanwhile(fixture->server);) {
        i++;
    }
    note(fixture, 'h');
}

static sg_status handle(void *context, const struct sg_http_peer *peer,
                        const struct sg_operation *operation, json_t *params, bool dry_run,
                        json_t **answer, struct sg_error *err)
{
    struct fixture *fixture = context;
    fixture->calls++;
    fixture->peer = *peer;
    fixture->operation = operation->id;
    fixture->dry_run = dry_run;
    json_decref(fixture->params);
    fixture->params = json_deep_copy(params);
    const char *owner = json_string_value(json_object_get(params, "owner"));
    if (owner != NULL && strcmp(owner, "BIG") == 0) {
        *answer = big_answer();
        return SG_OK;
    }
    if (owner != NULL && strcmp(owner, "DENIED") == 0) {
        sg_fail(err, SG_E_DENIED, "not_yours", "you may not touch \"%s\"", owner);
        sg_object(err, "%s", owner);
        return sg_hint(err, "Ask an administrator.");
    }
    if (owner != NULL && strcmp(owner, "CUT") == 0) { /* a text that never was UTF-8 */
        return sg_fail(err, SG_E_INPUT, "bad_owner", "caf\xc3 and \xff inside");
    }
    if (owner != NULL && strcmp(owner, "SLOW") == 0) {
        (void)poll(NULL, 0, FIXTURE_DEADLINE_S * 1000 + 500);
    }
    if (owner != NULL && strcmp(owner, "HELD") == 0) {
        hold(fixture);
        *answer = json_object();
        return SG_OK;
    }
    if (operation->id == SG_OP_RING_WAIT) {
        note(fixture, 'W');
        *answer = json_pack("{s:b}", "changed", fixture->changed);
        return SG_OK;
    }
    if (owner != NULL && strcmp(owner, "SILENT") == 0) {
        return SG_E_TOKEN;
    }
    if (owner != NULL && strcmp(owner, "NOTHING") == 0) {
        return SG_OK;
    }
    note(fixture, operation->id == SG_OP_STATUS ? 'S' : '.');
    *answer = json_pack("{s:s, s:s}", "noun", operation->noun, "verb", operation->verb);
    return SG_OK;
}

static void note_gone(void *context, uint64_t connection)
{
    struct fixture *fixture = context;
    fixture->gone_count++;
    fixture->gone = connection;
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 128), 0);
    return fd;
}

static size_t fixture_per_user = FIXTURE_CONNECTIONS;

int fixture_setup_three(void **state)
{
    fixture_per_user = 3;
    int rc = fixture_setup(state);
    fixture_per_user = FIXTURE_CONNECTIONS;
    return rc;
}

int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct sg_error err = SG_ERROR_INIT;
    assert_non_null(fixture);
    (void)signal(SIGPIPE, SIG_IGN);
    sg_log_init("test", SG_LOG_ERROR);
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/signet-http-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    snprintf(fixture->path, sizeof fixture->path, "%s/s", fixture->directory);
    fixture->listener = listen_at(fixture->path);
    fixture->base = event_base_new();
    assert_non_null(fixture->base);
    struct sg_http_settings settings = {
        .listener = fixture->listener,
        .body_max = FIXTURE_BODY,
        .header_max = FIXTURE_HEADER,
        .connections_max = FIXTURE_CONNECTIONS,
        .connections_per_user_max = fixture_per_user,
        .watches_max = FIXTURE_WATCHES + 1,
        .watches_per_user_max = FIXTURE_WATCHES,
        .request_deadline_s = FIXTURE_DEADLINE_S,
        .handler = handle,
        .gone = note_gone,
        .context = fixture,
    };
    assert_int_equal(sg_http_server_new(fixture->base, &settings, &fixture->server, &err), SG_OK);
    *state = fixture;
    return 0;
}

void fixture_stop_server(struct fixture *fixture)
{
    sg_http_server_free(fixture->server);
    fixture->server = NULL;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    fixture_stop_server(fixture);
    assert_true(fcntl(fixture->listener, F_GETFD) >= 0); /* it stayed ours */
    event_base_free(fixture->base);
    close(fixture->listener);
    unlink(fixture->path);
    rmdir(fixture->directory);
    json_decref(fixture->params);
    free(fixture);
    return 0;
}

void fixture_watch(struct fixture *fixture)
{
    fixture->turned_ms = now_ms();
    fixture->longest_gap_ms = 0;
}

void fixture_turn(struct fixture *fixture)
{
    int64_t gap_ms = now_ms() - fixture->turned_ms;
    fixture->longest_gap_ms = gap_ms > fixture->longest_gap_ms ? gap_ms : fixture->longest_gap_ms;
    fixture->turned_ms = now_ms();
    (void)event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    if (fixture->server != NULL) {
        sg_http_server_work(fixture->server);
    }
}

void pump(struct fixture *fixture, int for_ms)
{
    int64_t end = now_ms() + for_ms;
    do {
        fixture_turn(fixture);
        (void)poll(NULL, 0, 1);
    } while (now_ms() < end);
}

int client_open(struct fixture *fixture)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", fixture->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    while (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        assert_int_equal(errno, EAGAIN); /* the listen queue is full for a moment */
        pump(fixture, 1);
    }
    return fd;
}

bool client_send(struct fixture *fixture, int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            return false;
        }
        if (sent > 0) {
            data += sent;
            len -= (size_t)sent;
        }
        fixture_turn(fixture);
    }
    return true;
}

bool client_say(struct fixture *fixture, int fd, const char *text)
{
    return client_send(fixture, fd, text, strlen(text));
}

/* Where the body starts in what has come so far, and how long it will be; false while the head is
 * not whole. */
static bool parse_head(struct reply *reply, const char *data, size_t len, size_t *start,
                       size_t *body_len)
{
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    if (end == NULL) {
        return false;
    }
    *start = (size_t)(end - data) + 4;
    assert_true(*start < sizeof reply->head);
    memcpy(reply->head, data, *start);
    reply->head[*start] = '\0';
    assert_int_equal(sscanf(reply->head, "HTTP/1.%*d %d", &reply->code), 1);
    const char *length = strcasestr(reply->head, "\r\nContent-Length:");
    *body_len = length != NULL ? (size_t)strtoul(length + 17, NULL, 10) : 0;
    return true;
}

struct reply client_reply(struct fixture *fixture, int fd, int wait_ms)
{
    struct reply reply = {.code = -1};
    size_t room = FIXTURE_BIG + 65536;
    size_t len = 0;
    size_t start = 0;
    size_t body_len = 0;
    char *data = malloc(room);
    assert_non_null(data);
    int64_t end = now_ms() + (wait_ms < 1000 ? wait_ms : patiently(wait_ms));
    while (now_ms() < end && !(reply.code > 0 && len >= start + body_len)) {
        fixture_turn(fixture);
        /* Not one byte more than this answer: the next one on the connection is another call's. */
        size_t want = reply.code > 0 ? start + body_len - len : 1;
        ssize_t got = recv(fd, data + len, want, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            reply.closed = true;
            reply.code = reply.code > 0 ? reply.code : 0;
            break;
        }
        len += got > 0 ? (size_t)got : 0;
        if (reply.code < 0) {
            (void)parse_head(&reply, data, len, &start, &body_len);
        }
    }
    reply.body_len = len > start ? len - start : 0;
    reply.body = calloc(1, reply.body_len + 1);
    assert_non_null(reply.body);
    memcpy(reply.body, data + start, reply.code > 0 ? reply.body_len : 0);
    free(data);
    return reply;
}

struct reply ask(struct fixture *fixture, const char *request)
{
    int fd = client_open(fixture);
    (void)client_say(fixture, fd, request);
    struct reply reply = client_reply(fixture, fd, 5000);
    close(fd);
    return reply;
}

struct reply post(struct fixture *fixture, const char *target, const char *body)
{
    char *request = NULL;
    assert_true(asprintf(&request, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
                         target, strlen(body), body) > 0);
    struct reply reply = ask(fixture, request);
    free(request);
    return reply;
}

void reply_done(struct reply *reply)
{
    free(reply->body);
    reply->body = NULL;
}

const char *error_code(const struct reply *reply)
{
    static char code[64];
    json_t *json = json_loads(reply->body, 0, NULL);
    const char *found = json_string_value(json_object_get(json_object_get(json, "error"), "code"));
    snprintf(code, sizeof code, "%s", found != NULL ? found : "");
    json_decref(json);
    return code;
}

unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}
