#include "stream_internal.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <signet/base/clock.h>

/* Bytes of a request or an answer: the heap may have grown much by it. */
#define SWELLS ((size_t)1 << 16)
#define PAUSE_MS 10  /* where poll tells of something that is none of our bytes (MSG_OOB) */
#define REST_MS 5000 /* without a request: the client rests */

static int end_as(struct sg_stream *stream, enum sg_stream_end end)
{
    stream->end = end;
    errno = end == SG_STREAM_TOO_LONG ? EMSGSIZE : ETIMEDOUT;
    return -1;
}

/* The clock is read only when the client has not taken all at once. */
static bool wait_for_room(struct sg_stream *stream, int64_t *end_ms)
{
    struct pollfd entry = {.fd = stream->fd, .events = POLLOUT};
    int64_t now_ms = sg_monotonic_ms(sg_clock_system());
    *end_ms = *end_ms == 0 ? now_ms + stream->answer_ms : *end_ms;
    if (now_ms >= *end_ms) {
        (void)end_as(stream, SG_STREAM_NOT_READ);
        return false;
    }
    (void)poll(&entry, 1, (int)(*end_ms - now_ms)); /* whatever it says, the next send knows */
    return true;
}

static int send_all(struct sg_stream *stream, const unsigned char *data, size_t len)
{
    int64_t end_ms = 0;
    while (len > 0) {
        ssize_t sent = send(stream->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EINTR && errno != EAGAIN) {
            stream->gone = true;
            return -1;
        }
        size_t done = sent > 0 ? (size_t)sent : 0;
        data += done;
        len -= done;
        if (len > 0 && !wait_for_room(stream, &end_ms)) {
            return -1;
        }
    }
    return 0;
}

/* Bytes that leave the socket wake its other end, for it could write now; a client that waits in
 * read(2) is woken as well, and finds nothing. So they leave when it is awake: after the answer. */
static void let_go(struct sg_stream *stream)
{
    unsigned char gone[SG_STREAM_ROOM];
    while (stream->held > 0) {
        ssize_t got = recv(stream->fd, gone, stream->held, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            stream->held = 0; /* cannot be: they have been seen there */
        }
        stream->held -= got > 0 ? (size_t)got : 0;
    }
}

int sg_stream_flush(struct sg_stream *stream)
{
    size_t len = stream->out_len;
    stream->out_len = 0;
    stream->request_len = 0;
    int rc = send_all(stream, stream->out, len);
    let_go(stream);
    return rc;
}

ssize_t sg_stream_write(struct sg_stream *stream, const void *data, size_t len)
{
    if (len > sizeof stream->out - stream->out_len && sg_stream_flush(stream) != 0) {
        return -1;
    }
    stream->taken = 0;
    stream->swollen = stream->swollen || len > SWELLS;
    if (len > sizeof stream->out) {
        stream->request_len = 0;
        return send_all(stream, data, len) == 0 ? (ssize_t)len : -1;
    }
    memcpy(stream->out + stream->out_len, data, len);
    stream->out_len += len;
    return (ssize_t)len;
}

static ssize_t take(struct sg_stream *stream, void *data, size_t len)
{
    size_t there = stream->in_end - stream->in_start;
    size_t taken = len < there ? len : there;
    memcpy(data, stream->in + stream->in_start, taken);
    stream->in_start += taken;
    stream->taken += taken;
    return (ssize_t)taken;
}

/* Of a request that has begun. */
static int64_t left_ms(const struct sg_stream *stream)
{
    return stream->request_ms + SG_STREAM_REQUEST_MS - sg_monotonic_ms(sg_clock_system());
}

/* What came belongs to a request: is it still one that we read? */
static ssize_t account(struct sg_stream *stream, ssize_t got)
{
    if (stream->request_len == 0) {
        stream->request_ms = sg_monotonic_ms(sg_clock_system());
    }
    stream->request_len += (size_t)got;
    stream->swollen = stream->swollen || stream->request_len > SWELLS;
    if (stream->request_len > SG_STREAM_REQUEST_MAX) {
        return end_as(stream, SG_STREAM_TOO_LONG);
    }
    return left_ms(stream) < 0 ? end_as(stream, SG_STREAM_TOO_LATE) : got;
}

/* Wait for the rest of a request. */
static bool rest_comes(const struct sg_stream *stream)
{
    struct pollfd end = {.fd = stream->fd, .events = POLLIN};
    int ready = -1;
    do {
        int64_t left = left_ms(stream);
        ready = left > 0 ? poll(&end, 1, (int)left) : 0;
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* A client that rests: what its last calls have left free in the heap is of no use to it. */
static void give_back(struct sg_stream *stream)
{
    struct pollfd end = {.fd = stream->fd, .events = POLLIN};
    if (poll(&end, 1, REST_MS) == 0) {
        (void)malloc_trim(0);
        stream->swollen = false;
    }
}

/* Between two requests it waits without end, and without waking: for thousands of clients that do
 * nothing, nothing is done. */
static ssize_t receive(struct sg_stream *stream, void *data, size_t len, int flags)
{
    let_go(stream);
    if (stream->request_len == 0 && stream->taken > 0) { /* it began behind the one before */
        stream->request_len = stream->taken;
        stream->request_ms = sg_monotonic_ms(sg_clock_system());
    }
    bool begun = stream->request_len > 0;
    bool looks = begun || stream->swollen;
    ssize_t got = recv(stream->fd, data, len, looks ? flags | MSG_DONTWAIT : flags);
    if (got < 0 && looks && errno == EAGAIN && !begun) {
        give_back(stream);
        got = recv(stream->fd, data, len, flags);
    }
    while (got < 0 && begun && errno == EAGAIN) {
        if (!rest_comes(stream)) {
            return end_as(stream, SG_STREAM_TOO_LATE);
        }
        got = recv(stream->fd, data, len, flags | MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) {
            (void)poll(NULL, 0, PAUSE_MS);
        }
    }
    stream->gone = stream->gone || got <= 0;
    return got > 0 ? account(stream, got) : got;
}

ssize_t sg_stream_read(struct sg_stream *stream, void *data, size_t len)
{
    if (len == 0 || stream->in_start < stream->in_end) {
        return take(stream, data, len);
    }
    if (stream->out_len > 0 && sg_stream_flush(stream) != 0) {
        return -1;
    }
    if (len >= sizeof stream->in) {
        return receive(stream, data, len, 0);
    }
    ssize_t got = receive(stream, stream->in, sizeof stream->in, MSG_PEEK);
    stream->in_start = 0;
    stream->in_end = got > 0 ? (size_t)got : 0;
    stream->held = stream->in_end;
    return got > 0 ? take(stream, data, len) : got;
}

/* ---- in the library's place ---- */

/* One for the process: read(2) and write(2) know nothing else to find it by. */
static struct sg_stream *joined;

void sg_stream_join(struct sg_stream *stream)
{
    joined = stream;
}

/* These two take the C library's place for every shared library of the process (ELF symbol
 * look-up: the program comes first). Everything but the client's stream goes to the kernel as
 * before. */
__attribute__((visibility("default"))) ssize_t read(int fd, void *data, size_t len)
{
    return joined != NULL && fd == joined->fd ? sg_stream_read(joined, data, len)
                                              : syscall(SYS_read, fd, data, len);
}

__attribute__((visibility("default"))) ssize_t write(int fd, const void *data, size_t len)
{
    return joined != NULL && fd == joined->fd ? sg_stream_write(joined, data, len)
                                              : syscall(SYS_write, fd, data, len);
}
