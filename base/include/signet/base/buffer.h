/* A growable run of bytes with a maximum that is given at creation. */
#ifndef SIGNET_BASE_BUFFER_H
#define SIGNET_BASE_BUFFER_H

#include <stddef.h>

#include <signet/base/error.h>

struct sg_buffer {
    unsigned char
        *data; /**< always followed by a NUL that len does not count, once anything was added */
    size_t len;
    size_t capacity;
    size_t max; /**< bytes; appending beyond it is SG_E_LIMIT */
};

/** Make an empty buffer that never grows beyond max bytes. Allocates nothing. */
void sg_buffer_init(struct sg_buffer *buffer, size_t max);
/** Wipe and free the content; the buffer may be used again. */
void sg_buffer_done(struct sg_buffer *buffer);
#define SG_BUFFER SG_CLEANUP(sg_buffer_done) struct sg_buffer

SG_CHECKED sg_status sg_buffer_append(struct sg_buffer *buffer, const void *data, size_t len,
                                      struct sg_error *err);
SG_CHECKED sg_status sg_buffer_format(struct sg_buffer *buffer, struct sg_error *err,
                                      const char *format, ...) SG_PRINTF(3, 4);
/** Make room for len more bytes and point *out at them; the caller adds what it used to
 * buffer->len. */
SG_CHECKED sg_status sg_buffer_reserve(struct sg_buffer *buffer, size_t len, unsigned char **out,
                                       struct sg_error *err);
/** Give the bytes away (malloc'd, NUL behind them; never NULL unless nothing was added) and be
 * empty again. */
unsigned char *sg_buffer_take(struct sg_buffer *buffer, size_t *len);

/** Bytes that somebody else owns. */
struct sg_bytes {
    const unsigned char *data;
    size_t len;
};

#endif
