/* Aimed at: sg_http_exchange with whatever may sit at the service's socket, and sg_client_error.
 * The first byte says in how large pieces the rest arrives, 0: as large as they come. poll(2),
 * recv(2) and send(2) are wrapped by the linker: there is no other end. */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <signet/cli/client.h>

#include "http_internal.h"

#define ANSWER_MAX 4096u /* bytes; small, so that the limit is met */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_poll(struct pollfd *ends, nfds_t count, int timeout_ms);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t len, int flags);

static struct sg_bytes incoming;
static size_t piece;

static void require(bool invariant)
{
    if (!invariant) {
        abort();
    }
}

/* Who looks without waiting wants to know whether the connection is still good. */
int __wrap_poll(struct pollfd *ends, nfds_t count, int timeout_ms)
{
    require(count == 1);
    ends->revents = ends->events;
    return timeout_ms == 0 ? 0 : 1;
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
    (void)fd;
    (void)data;
    (void)flags;
    return (ssize_t)(len > 1 ? len / 2 : len);
}

ssize_t __wrap_recv(int fd, void *data, size_t len, int flags)
{
    (void)fd;
    (void)flags;
    len = piece > 0 && piece < len ? piece : len;
    len = incoming.len < len ? incoming.len : len;
    if (len > 0) {
        memcpy(data, incoming.data, len);
        incoming.data += len;
        incoming.len -= len;
    }
    return (ssize_t)len;
}

static void check_text(const char *text, size_t room)
{
    require(strnlen(text, room) < room);
}

/* Whatever an answer says, a failure has a status that is one, a code and a text. */
static void read_failure(const struct sg_buffer *answer)
{
    struct sg_error err = SG_ERROR_INIT;
    json_t *parsed = answer->len > 0 ? json_loadb((const char *)answer->data, answer->len,
                                                  JSON_REJECT_DUPLICATES, NULL)
                                     : NULL;
    sg_status s = sg_client_error(parsed, &err);
    require(s != SG_OK && s == err.status && err.text[0] != '\0' && err.code[0] != '\0');
    check_text(err.text, sizeof err.text);
    check_text(err.code, sizeof err.code);
    check_text(err.hint, sizeof err.hint);
    check_text(err.object, sizeof err.object);
    json_decref(parsed);
}

/* False: the connection is over. */
static bool ask(struct sg_http *http, const struct sg_http_request *request)
{
    unsigned status = 0;
    SG_BUFFER answer;
    sg_buffer_init(&answer, ANSWER_MAX);
    enum sg_http_outcome outcome = sg_http_exchange(http, request, &answer, &status);
    require(answer.len <= ANSWER_MAX);
    require(outcome == SG_HTTP_ANSWERED || outcome == SG_HTTP_GONE || outcome == SG_HTTP_GARBAGE ||
            outcome == SG_HTTP_TOO_LARGE);
    require(outcome == SG_HTTP_ANSWERED || http->fd < 0);
    if (outcome == SG_HTTP_ANSWERED) {
        require(status <= 999 && status / 100 != 1);
        read_failure(&answer);
    }
    return http->fd >= 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sg_http http = {.socket = "/nowhere", .fd = open("/dev/null", O_RDWR | O_CLOEXEC)};
    const struct sg_http_request post = {
        .method = "POST", .target = "/v1/owner/add", .body = "{}", .timeout_s = 60};
    const struct sg_http_request get = {.method = "GET", .target = "/v1/status", .timeout_s = 60};
    if (size > 0) {
        piece = data[0];
        incoming = (struct sg_bytes){data + 1, size - 1};
        require(http.fd >= 0);
        bool kept = ask(&http, &post);
        while (kept && incoming.len > 0) {
            kept = ask(&http, &get);
        }
    }
    sg_http_close(&http);
    return 0;
}
