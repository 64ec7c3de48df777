/* The client's bytes, in as few system calls and wake-ups as they need. p11-kit's RPC loop reads a
 * message's head, options and body apart and writes head and body apart, each with a call of its
 * own; every write wakes the client, the first of them for nothing. Here what is written is kept
 * until the next read would wait, and a read takes all that is there
 * (docs/decisions/0009-joined-rpc-writes.md). */
#ifndef SIGNET_RINGS_STREAM_INTERNAL_H
#define SIGNET_RINGS_STREAM_INTERNAL_H

#include <stddef.h>
#include <sys/types.h>

#define SG_STREAM_ROOM 1024 /* bytes each way; what is longer goes by in several calls */

/** One connected stream socket. */
struct sg_stream {
    int fd; /**< stays the caller's; -1: none */
    size_t in_start, in_end, out_len;
    unsigned char in[SG_STREAM_ROOM], out[SG_STREAM_ROOM];
};

/** As read(2): at least one byte, unless it is the end (0) or an error (-1 and errno). Sends what
 * was kept before it waits. */
ssize_t sg_stream_read(struct sg_stream *stream, void *data, size_t len);
/** As write(2), with everything taken. What was kept is lost with the client: the next read or
 * write says so. */
ssize_t sg_stream_write(struct sg_stream *stream, const void *data, size_t len);
/** Send what is kept. 0, or -1 and errno. */
int sg_stream_flush(struct sg_stream *stream);

/** From now on read(2) and write(2) of this process, as libraries call them, use a stream for its
 * own descriptor. The stream must live until another, or NULL, takes its place. For a process of
 * one thread. */
void sg_stream_join(struct sg_stream *stream);

#endif
