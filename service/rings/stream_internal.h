/* The client's bytes, in as few system calls and wake-ups as they need. p11-kit's RPC loop reads a
 * message's head, options and body apart and writes head and body apart, each with a call of its
 * own; every write wakes the client, the first of them for nothing. Here what is written is kept
 * until the next read would wait, and a read takes all that is there
 * (docs/decisions/0009-joined-rpc-writes.md). A request is taken from the socket after its answer
 * (docs/decisions/0017-requests-taken-late.md). */
#ifndef SIGNET_RINGS_STREAM_INTERNAL_H
#define SIGNET_RINGS_STREAM_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SG_STREAM_ROOM 1024 /* bytes each way; what is longer goes by in several calls */
/* p11-kit's loop keeps a whole message in memory, and waits for the rest of it for ever. */
#define SG_STREAM_REQUEST_MAX (4u << 20) /* bytes that a client may send without an answer */
#define SG_STREAM_REQUEST_MS 30000       /* from the first of them to the last */
#define SG_STREAM_ANSWER_MS 30000        /* that a client has to take what it asked for */

/** Why a stream ended, where the client is to blame. */
enum sg_stream_end {
    SG_STREAM_OPEN,     /**< it did not, or the client has gone */
    SG_STREAM_TOO_LONG, /**< a request had more than SG_STREAM_REQUEST_MAX bytes */
    SG_STREAM_TOO_LATE, /**< a request did not come within SG_STREAM_REQUEST_MS */
    SG_STREAM_NOT_READ, /**< an answer was not read within .answer_ms */
};

/** One connected stream socket. */
struct sg_stream {
    int fd;        /**< stays the caller's; -1: none */
    int answer_ms; /**< how long what is written is waited for to be taken */
    bool swollen;  /**< the heap may have grown since the client last rested */
    bool gone;     /**< the client has closed its end */
    enum sg_stream_end end;
    size_t request_len; /**< bytes that have come since the last answer */
    int64_t request_ms; /**< when the first of them came, monotonic */
    size_t taken;       /**< bytes handed out since the last write */
    size_t held;        /**< bytes of the request that stand in the socket still, read already */
    size_t in_start, in_end, out_len;
    unsigned char in[SG_STREAM_ROOM], out[SG_STREAM_ROOM];
};

/** As read(2): at least one byte, unless it is the end (0) or an error (-1 and errno). Sends what
 * was kept before it waits. EMSGSIZE: the client has sent more than SG_STREAM_REQUEST_MAX bytes
 * since the last answer. ETIMEDOUT: it did not send the rest of a request within
 * SG_STREAM_REQUEST_MS; for the first byte it is waited for ever. */
ssize_t sg_stream_read(struct sg_stream *stream, void *data, size_t len);
/** As write(2), with everything taken. What was kept is lost with the client: the next read or
 * write says so. ETIMEDOUT: the client has not taken it within .answer_ms. */
ssize_t sg_stream_write(struct sg_stream *stream, const void *data, size_t len);
/** Send what is kept. 0, or -1 and errno. */
int sg_stream_flush(struct sg_stream *stream);

/** From now on read(2) and write(2) of this process, as libraries call them, use a stream for its
 * own descriptor. The stream must live until another, or NULL, takes its place. For a process of
 * one thread. */
void sg_stream_join(struct sg_stream *stream);

#endif
