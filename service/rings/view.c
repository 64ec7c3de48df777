#include <signet/rings/view.h>

#include <openssl/sha.h>
#include <p11-kit/pkcs11.h>
#include <string.h>

#include <signet/base/file.h>

#include "view_writer_internal.h"

#define VIEWS_AT_ONCE ((size_t)3)
#define ALL_ELSE ((size_t)64 << 20) /* bytes: the program, a request and its answer */

size_t sg_views_room(size_t memory_max)
{
    const size_t most = VIEWS_AT_ONCE * SG_VIEW_MAX;
    size_t all_else = memory_max / 4 * 3 < ALL_ELSE ? memory_max / 4 * 3 : ALL_ELSE;
    bool limited = memory_max != 0 && memory_max - all_else < most;
    return limited ? memory_max - all_else : most;
}

size_t sg_view_max(size_t memory_max)
{
    size_t room = sg_views_room(memory_max);
    return room < SG_VIEW_MAX ? room : SG_VIEW_MAX;
}

sg_status sg_view_writer_new(uint64_t generation, struct sg_view_writer **out, struct sg_error *err)
{
    SG_CLEANUP(sg_view_writer_freep) struct sg_view_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return sg_fail_memory(err);
    }
    writer->generation = generation;
    sg_buffer_init(&writer->slots, SG_VIEW_MAX);
    sg_buffer_init(&writer->objects, SG_VIEW_MAX);
    sg_buffer_init(&writer->attributes, SG_VIEW_MAX);
    sg_buffer_init(&writer->keys, SG_VIEW_MAX);
    sg_buffer_init(&writer->data, SG_VIEW_MAX);
    static const unsigned char truth[2] = {CK_FALSE, CK_TRUE};
    _Static_assert(sizeof(struct sg_view_header) + sizeof truth == SG_VIEW_EMPTY, "as announced");
    sg_status s = sg_buffer_append(&writer->data, truth, sizeof truth, err);
    if (s != SG_OK) {
        return s;
    }
    *out = SG_STEAL(writer);
    return SG_OK;
}

void sg_view_writer_free(struct sg_view_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    sg_buffer_done(&writer->slots);
    sg_buffer_done(&writer->objects);
    sg_buffer_done(&writer->attributes);
    sg_buffer_done(&writer->keys);
    sg_buffer_done(&writer->data);
    free(writer);
}

sg_status sg_view_add_slot(struct sg_view_writer *writer, uint64_t slot, const char label[32],
                           uint64_t sequence, struct sg_error *err)
{
    struct sg_view_slot row = {
        .number = slot,
        .sequence = sequence,
        .first = (uint32_t)(writer->objects.len / sizeof(struct sg_view_object)),
    };
    memcpy(row.label, label, sizeof row.label);
    writer->before_slot = sg_view_mark(writer);
    return sg_buffer_append(&writer->slots, &row, sizeof row, err);
}

struct sg_view_mark sg_view_mark(const struct sg_view_writer *writer)
{
    return (struct sg_view_mark){writer->slots.len, writer->objects.len, writer->attributes.len,
                                 writer->keys.len, writer->data.len};
}

static struct sg_view_slot *last_slot(const struct sg_view_writer *writer)
{
    unsigned char *end = writer->slots.data + writer->slots.len;
    return (void *)(end - sizeof(struct sg_view_slot));
}

void sg_view_return(struct sg_view_writer *writer, const struct sg_view_mark *mark)
{
    writer->slots.len = mark->slots;
    writer->objects.len = mark->objects;
    writer->attributes.len = mark->attributes;
    writer->keys.len = mark->keys;
    writer->data.len = mark->data;
    if (mark->slots > 0) {
        struct sg_view_slot *slot = last_slot(writer);
        slot->count = (uint32_t)(mark->objects / sizeof(struct sg_view_object)) - slot->first;
    }
}

void sg_view_drop_slot(struct sg_view_writer *writer)
{
    sg_view_return(writer, &writer->before_slot);
}

size_t sg_view_length(const struct sg_view_writer *writer)
{
    return sizeof(struct sg_view_header) + writer->slots.len + writer->objects.len +
           writer->attributes.len + writer->keys.len + writer->data.len;
}

static struct sg_view_object *object_at(const struct sg_view_writer *writer, size_t index)
{
    return (void *)(writer->objects.data + index * sizeof(struct sg_view_object));
}

/* FNV-1a */
static uint32_t hash(const unsigned char *bytes, size_t len)
{
    uint32_t value = 2166136261u;
    for (size_t i = 0; i < len; i++) {
        value = (value ^ bytes[i]) * 16777619u;
    }
    return value;
}

/* What a member that was rolled back had put may be overwritten by now: the bytes decide. */
static bool holds(const struct sg_view_writer *writer, struct sg_view_piece piece,
                  const void *bytes, size_t len)
{
    return piece.len == len && len > 0 && piece.at + (size_t)piece.len <= writer->data.len &&
           memcmp(writer->data.data + piece.at, bytes, len) == 0;
}

sg_status sg_view_put(struct sg_view_writer *writer, const void *bytes, size_t len,
                      struct sg_view_piece *out, struct sg_error *err)
{
    struct sg_view_piece *recent = &writer->recent[hash(bytes, len) % SG_VIEW_RECENT];
    if (!holds(writer, *recent, bytes, len)) {
        struct sg_view_piece piece = {(uint32_t)writer->data.len, (uint32_t)len};
        sg_status s = sg_buffer_append(&writer->data, bytes, len, err);
        if (s != SG_OK) {
            return s;
        }
        *recent = piece;
    }
    *out = *recent;
    return SG_OK;
}

static bool handle_taken(const struct sg_view_writer *writer, const struct sg_view_slot *slot,
                         uint32_t handle)
{
    for (uint32_t i = 0; i < slot->count; i++) {
        if (object_at(writer, slot->first + i)->handle == handle) {
            return true;
        }
    }
    return false;
}

/* A handle must survive every change of the view that leaves its object alone, because clients keep
 * handles for years. So it is a digest of what the object is and not a count. */
static uint32_t make_handle(const struct sg_view_writer *writer, const struct sg_view_slot *slot,
                            uint32_t object_class, struct sg_bytes identity)
{
    struct {
        uint64_t slot;
        uint32_t object_class, attempt;
        unsigned char identity[SHA256_DIGEST_LENGTH];
    } input = {.slot = slot->number, .object_class = object_class};
    SHA256(identity.data, identity.len, input.identity);
    uint32_t handle = 0;
    do {
        unsigned char digest[SHA256_DIGEST_LENGTH];
        SHA256((const unsigned char *)&input, sizeof input, digest);
        memcpy(&handle, digest, sizeof handle);
        handle &= INT32_MAX;
        input.attempt++;
    } while (handle == 0 || handle_taken(writer, slot, handle));
    return handle;
}

sg_status sg_view_begin_object(struct sg_view_writer *writer, uint32_t object_class,
                               struct sg_bytes identity, uint32_t key, bool hidden,
                               struct sg_error *err)
{
    struct sg_view_object row = {
        .handle = make_handle(writer, last_slot(writer), object_class, identity),
        .object_class = object_class,
        .first = (uint32_t)(writer->attributes.len / sizeof(struct sg_view_attribute)),
        .key = key,
        .hidden = hidden,
    };
    sg_status s = sg_buffer_append(&writer->objects, &row, sizeof row, err);
    if (s == SG_OK) {
        last_slot(writer)->count++;
    }
    return s;
}

sg_status sg_view_put_attribute(struct sg_view_writer *writer, uint64_t type,
                                struct sg_view_piece value, struct sg_error *err)
{
    struct sg_view_attribute row = {.type = (uint32_t)type, .len = value.len, .at = value.at};
    sg_status s = sg_buffer_append(&writer->attributes, &row, sizeof row, err);
    if (s == SG_OK) {
        object_at(writer, writer->objects.len / sizeof(struct sg_view_object) - 1)->count++;
    }
    return s;
}

sg_status sg_view_put_key(struct sg_view_writer *writer, const struct sg_view_key *key,
                          uint32_t *out_index, struct sg_error *err)
{
    uint32_t index = (uint32_t)(writer->keys.len / sizeof *key);
    sg_status s = sg_buffer_append(&writer->keys, key, sizeof *key, err);
    if (s != SG_OK) {
        return s;
    }
    *out_index = index;
    return SG_OK;
}

static bool has_id(const struct sg_view_writer *writer, const struct sg_view_object *object,
                   struct sg_bytes id)
{
    const struct sg_view_attribute *rows = (const void *)writer->attributes.data;
    for (uint32_t i = 0; i < object->count; i++) {
        const struct sg_view_attribute *row = &rows[object->first + i];
        if (row->type == CKA_ID) {
            return row->len == id.len && memcmp(writer->data.data + row->at, id.data, id.len) == 0;
        }
    }
    return false;
}

bool sg_view_has_object(const struct sg_view_writer *writer, uint32_t object_class,
                        struct sg_bytes id)
{
    const struct sg_view_slot *slot = last_slot(writer);
    for (uint32_t i = 0; i < slot->count; i++) {
        const struct sg_view_object *object = object_at(writer, slot->first + i);
        if (object->object_class == object_class && has_id(writer, object, id)) {
            return true;
        }
    }
    return false;
}

static struct sg_view_header make_header(const struct sg_view_writer *writer, size_t len)
{
    struct sg_view_header header = {
        .generation = writer->generation,
        .length = len,
        .slots = (uint32_t)(writer->slots.len / sizeof(struct sg_view_slot)),
        .objects = (uint32_t)(writer->objects.len / sizeof(struct sg_view_object)),
        .attributes = (uint32_t)(writer->attributes.len / sizeof(struct sg_view_attribute)),
        .keys = (uint32_t)(writer->keys.len / sizeof(struct sg_view_key)),
    };
    memcpy(header.magic, SG_VIEW_MAGIC, sizeof header.magic);
    return header;
}

sg_status sg_view_finish(struct sg_view_writer *writer, int *out_fd, struct sg_error *err)
{
    const struct sg_buffer *parts[] = {&writer->slots, &writer->objects, &writer->attributes,
                                       &writer->keys, &writer->data};
    struct sg_view_header header = make_header(writer, sg_view_length(writer));
    SG_BUFFER block;
    sg_buffer_init(&block, SG_VIEW_MAX);
    sg_status s = sg_buffer_append(&block, &header, sizeof header, err);
    for (size_t i = 0; s == SG_OK && i < SG_COUNT(parts); i++) {
        s = sg_buffer_append(&block, parts[i]->data, parts[i]->len, err);
    }
    if (s != SG_OK) {
        return s;
    }
    return sg_memfd_sealed("signet-view", block.data, block.len, out_fd, err);
}
