#include <signet/base/buffer.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sg_buffer_init(struct sg_buffer *buffer, size_t max)
{
    *buffer = (struct sg_buffer){.max = max};
}

void sg_buffer_done(struct sg_buffer *buffer)
{
    if (buffer->data != NULL) {
        explicit_bzero(buffer->data, buffer->capacity);
    }
    free(buffer->data);
    buffer->data = NULL;
    buffer->len = 0;
    buffer->capacity = 0;
}

/* realloc would leave a copy of a secret behind, so: new block, copy, wipe. */
static sg_status grow(struct sg_buffer *buffer, size_t needed, struct sg_error *err)
{
    size_t capacity = buffer->capacity < 64 ? 64 : buffer->capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    unsigned char *data = malloc(capacity);
    if (data == NULL) {
        return sg_fail_memory(err);
    }
    if (buffer->data != NULL) {
        memcpy(data, buffer->data, buffer->len + 1);
        explicit_bzero(buffer->data, buffer->capacity);
        free(buffer->data);
    }
    data[buffer->len] = 0;
    buffer->data = data;
    buffer->capacity = capacity;
    return SG_OK;
}

sg_status sg_buffer_reserve(struct sg_buffer *buffer, size_t len, unsigned char **out,
                            struct sg_error *err)
{
    if (len > buffer->max || buffer->len > buffer->max - len) {
        sg_fail(err, SG_E_LIMIT, "too_large", "more than %zu bytes", buffer->max);
        return SG_E_LIMIT;
    }
    size_t needed = buffer->len + len + 1;
    sg_status s = needed > buffer->capacity ? grow(buffer, needed, err) : SG_OK;
    if (s != SG_OK) {
        return s;
    }
    *out = buffer->data + buffer->len;
    return SG_OK;
}

sg_status sg_buffer_append(struct sg_buffer *buffer, const void *data, size_t len,
                           struct sg_error *err)
{
    unsigned char *room = NULL;
    sg_status s = sg_buffer_reserve(buffer, len, &room, err);
    if (s != SG_OK) {
        return s;
    }
    if (len > 0) {
        memcpy(room, data, len);
    }
    buffer->len += len;
    buffer->data[buffer->len] = 0;
    return SG_OK;
}

sg_status sg_buffer_format(struct sg_buffer *buffer, struct sg_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0) {
        return sg_fail_memory(err);
    }
    sg_status s = sg_buffer_append(buffer, text, (size_t)len, err);
    free(text);
    return s;
}

unsigned char *sg_buffer_take(struct sg_buffer *buffer, size_t *len)
{
    unsigned char *data = buffer->data;
    if (len != NULL) {
        *len = buffer->len;
    }
    buffer->data = NULL;
    buffer->len = 0;
    buffer->capacity = 0;
    return data;
}
