#include "http_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <http_parser.h>

#define CONNECT_TIMEOUT_S 10
#define READ_SIZE ((size_t)65536)
#define HEAD_MAX ((size_t)131072)

struct exchange {
    int fd;
    const char *parts[2]; /* head, body */
    size_t left[2];       /* bytes of them that are not sent yet */
    struct sg_buffer *answer;
    int64_t deadline_ms;
    http_parser parser;
    bool complete, keep, too_large;
};

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the answer ---- */

static int on_body(http_parser *parser, const char *data, size_t len)
{
    struct exchange *exchange = parser->data;
    struct sg_error ignored = SG_ERROR_INIT; /* told by too_large */
    exchange->too_large = sg_buffer_append(exchange->answer, data, len, &ignored) != SG_OK;
    return exchange->too_large ? 1 : 0;
}

/* A provisional answer (1xx) is not the answer (RFC 9110, 15.2). */
static int on_complete(http_parser *parser)
{
    struct exchange *exchange = parser->data;
    if (parser->status_code / 100 != 1) {
        exchange->complete = true;
        exchange->keep = http_should_keep_alive(parser) != 0;
        http_parser_pause(parser, 1);
    }
    return 0;
}

static const http_parser_settings settings = {.on_body = on_body,
                                              .on_message_complete = on_complete};

/* len 0 is the end of the connection, which ends an answer without a length. What comes behind an
 * answer was not asked for: such a connection is not kept. */
static enum sg_http_outcome parse(struct exchange *exchange, const char *data, size_t len)
{
    size_t parsed = http_parser_execute(&exchange->parser, &settings, data, len);
    if (exchange->complete) {
        exchange->keep = exchange->keep && parsed == len && len > 0;
        return SG_HTTP_ANSWERED;
    }
    if (exchange->too_large) {
        return SG_HTTP_TOO_LARGE;
    }
    if (len == 0) {
        return SG_HTTP_GONE;
    }
    return HTTP_PARSER_ERRNO(&exchange->parser) == HPE_OK ? SG_HTTP_ANSWERED : SG_HTTP_GARBAGE;
}

static enum sg_http_outcome receive(struct exchange *exchange)
{
    char data[READ_SIZE];
    ssize_t len = recv(exchange->fd, data, sizeof data, 0);
    if (len < 0) {
        return errno == EAGAIN || errno == EINTR ? SG_HTTP_ANSWERED : SG_HTTP_GONE;
    }
    return parse(exchange, data, (size_t)len);
}

/* ---- the request ---- */

/* Who refuses a request in the middle of it answers all the same: that is read yet. */
static void transmit(struct exchange *exchange)
{
    int part = exchange->left[0] > 0 ? 0 : 1;
    ssize_t len = send(exchange->fd, exchange->parts[part], exchange->left[part], MSG_NOSIGNAL);
    if (len >= 0) {
        exchange->parts[part] += len;
        exchange->left[part] -= (size_t)len;
    } else if (errno != EAGAIN && errno != EINTR) {
        exchange->left[0] = 0;
        exchange->left[1] = 0;
    }
}

static bool is_sending(const struct exchange *exchange)
{
    return exchange->left[0] + exchange->left[1] > 0;
}

static enum sg_http_outcome wait_for(struct pollfd *end, int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - now_ms();
    if (left_ms <= 0) {
        return SG_HTTP_TIMEOUT;
    }
    int ready = poll(end, 1, left_ms < INT_MAX ? (int)left_ms : INT_MAX);
    if (ready < 0) {
        end->revents = 0;
        return errno == EINTR ? SG_HTTP_ANSWERED : SG_HTTP_GONE;
    }
    return SG_HTTP_ANSWERED;
}

static enum sg_http_outcome converse(struct exchange *exchange)
{
    enum sg_http_outcome outcome = SG_HTTP_ANSWERED;
    while (outcome == SG_HTTP_ANSWERED && !exchange->complete) {
        short wanted = is_sending(exchange) ? POLLIN | POLLOUT : POLLIN;
        struct pollfd end = {.fd = exchange->fd, .events = wanted};
        outcome = wait_for(&end, exchange->deadline_ms);
        if (outcome == SG_HTTP_ANSWERED && (end.revents & POLLOUT) != 0) {
            transmit(exchange);
        }
        if (outcome == SG_HTTP_ANSWERED && (end.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            outcome = receive(exchange);
        }
    }
    exchange->keep = exchange->keep && outcome == SG_HTTP_ANSWERED && !is_sending(exchange);
    return outcome;
}

static sg_status make_head(const struct sg_http_request *request, struct sg_buffer *head)
{
    struct sg_error err = SG_ERROR_INIT;
    sg_status s = sg_buffer_format(head, &err,
                                   "%s %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: signet/%s\r\n",
                                   request->method, request->target, SIGNET_VERSION);
    if (s == SG_OK && request->body != NULL) {
        s = sg_buffer_format(head, &err,
                             "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                             strlen(request->body));
    }
    return s == SG_OK ? sg_buffer_append(head, "\r\n", 2, &err) : s;
}

/* ---- the connection ---- */

/* connect(2) to a Unix socket waits for room in the listener's queue, as long as sending may. */
static bool open_connection(struct sg_http *http)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = CONNECT_TIMEOUT_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    snprintf(address.sun_path, sizeof address.sun_path, "%s", http->socket);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        int why = errno;
        (void)close(fd);
        errno = why;
        return false;
    }
    http->fd = fd;
    return true;
}

/* A kept connection that the service has ended meanwhile can be read from: its end. */
static bool is_usable(const struct sg_http *http)
{
    struct pollfd end = {.fd = http->fd, .events = POLLIN};
    return http->fd >= 0 && poll(&end, 1, 0) == 0;
}

void sg_http_close(struct sg_http *http)
{
    if (http->fd >= 0) {
        (void)close(http->fd);
    }
    http->fd = -1;
}

enum sg_http_outcome sg_http_exchange(struct sg_http *http, const struct sg_http_request *request,
                                      struct sg_buffer *answer, unsigned *status)
{
    SG_BUFFER head;
    sg_buffer_init(&head, HEAD_MAX);
    if (make_head(request, &head) != SG_OK) {
        return SG_HTTP_NO_MEMORY;
    }
    if (!is_usable(http)) {
        sg_http_close(http);
        if (!open_connection(http)) {
            return SG_HTTP_UNREACHABLE;
        }
    }
    const char *body = request->body != NULL ? request->body : "";
    struct exchange exchange = {.fd = http->fd,
                                .parts = {(const char *)head.data, body},
                                .left = {head.len, strlen(body)},
                                .answer = answer,
                                .deadline_ms = now_ms() + (int64_t)request->timeout_s * 1000};
    http_parser_init(&exchange.parser, HTTP_RESPONSE);
    exchange.parser.data = &exchange;
    enum sg_http_outcome outcome = converse(&exchange);
    *status = exchange.parser.status_code;
    if (!exchange.keep) {
        sg_http_close(http);
    }
    return outcome;
}

sg_status sg_http_escape(struct sg_buffer *out, const char *text, struct sg_error *err)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    sg_status s = SG_OK;
    while (s == SG_OK && *text != '\0') {
        size_t len = strspn(text, plain);
        s = len > 0 ? sg_buffer_append(out, text, len, err)
                    : sg_buffer_format(out, err, "%%%02X", (unsigned char)*text);
        text += len > 0 ? len : 1;
    }
    return s;
}
