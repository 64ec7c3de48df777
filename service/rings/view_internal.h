/* A view's bytes and the reader over them. Every offset, length and index is checked once, at
 * opening; afterwards the functions here cannot leave the block. docs/protocol-rings.md has the
 * layout in words. */
#ifndef SIGNET_RINGS_VIEW_INTERNAL_H
#define SIGNET_RINGS_VIEW_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include <signet/base/buffer.h>
#include <signet/base/error.h>
#include <signet/policy/model.h>

#define SG_VIEW_MAGIC "SGVIEW01"
#define SG_VIEW_NO_KEY UINT32_MAX
#define SG_VIEW_KEY_BITS_MAX 16384u

/* The block: header, slots, objects, attributes, keys, data; nothing between them, all numbers in
 * the host's order. */
struct sg_view_header {
    char magic[8];
    uint64_t generation;
    uint64_t length; /**< of the whole block, bytes */
    uint32_t slots, objects, attributes, keys;
};
struct sg_view_slot {
    uint64_t number;
    uint64_t sequence;
    char label[32];
    uint32_t first, count; /**< objects; the slots' ranges follow each other without a gap */
};
struct sg_view_object {
    uint32_t
        handle; /**< not 0, not above 2^31 - 1: a client with a 32-bit CK_ULONG sees it whole */
    uint32_t object_class;
    uint32_t first, count; /**< attributes; the objects' ranges follow each other without a gap */
    uint32_t key;          /**< index of the key behind a private or public key; SG_VIEW_NO_KEY */
    uint32_t hidden; /**< 1: found by its CKA_ID, or among private keys; handles go on working */
};
struct sg_view_attribute {
    uint32_t type;
    uint32_t len, at; /**< bytes, from the start of the data */
    uint32_t reserved;
};
enum sg_view_family { SG_VIEW_RSA = 1, SG_VIEW_EC = 2 };
struct sg_view_key {
    struct sg_key_id id;
    uint32_t token;
    uint32_t bits;  /**< modulus or field size */
    uint8_t family; /**< enum sg_view_family */
    uint8_t may_decrypt, may_derive;
    uint8_t retired; /**< 1: it signs no more */
    uint8_t reserved[4];
};

struct sg_view {
    uint64_t generation;
    const struct sg_view_slot *slots;
    const struct sg_view_object *objects;
    const struct sg_view_attribute *attributes;
    const struct sg_view_key *keys;
    const unsigned char *data;
    size_t slot_count, object_count, attribute_count, key_count, data_len;
    void *map; /**< what sg_view_free unmaps, or NULL */
    size_t map_len;
    unsigned kept; /**< times that sg_view_free does nothing yet */
};

/** Check a block (aligned to 8 bytes, stays the caller's and unchanged) and describe it. SG_E_INPUT
 * "bad_view". */
SG_CHECKED sg_status sg_view_parse(const void *block, size_t len, struct sg_view *out,
                                   struct sg_error *err);
/** Bytes that sg_view_open would map; 0: it would refuse. */
size_t sg_view_size(int fd);
/** Map a view and check it. The descriptor, which must be sealed against every change, stays the
 * caller's. */
SG_CHECKED sg_status sg_view_open(int fd, struct sg_view **out, struct sg_error *err);
/** A view that shows nothing. */
SG_CHECKED sg_status sg_view_empty(struct sg_view **out, struct sg_error *err);
/** One holder more: each holder frees it. Returns its argument, which may be NULL. */
struct sg_view *sg_view_keep(struct sg_view *view);
void sg_view_free(struct sg_view *view);
SG_DEFINE_CLEANUP(struct sg_view *, sg_view_free)

/** The slot of that number, or NULL. */
const struct sg_view_slot *sg_view_find_slot(const struct sg_view *view, uint64_t number);
/** The slot's object with that handle, or NULL (also when slot is NULL). */
const struct sg_view_object *sg_view_find_object(const struct sg_view *view,
                                                 const struct sg_view_slot *slot, uint64_t handle);
/** The object's attribute; false when it has none of that type. */
bool sg_view_find_attribute(const struct sg_view *view, const struct sg_view_object *object,
                            uint64_t type, struct sg_bytes *out);
/** The key behind an object, or NULL. */
const struct sg_view_key *sg_view_key_of(const struct sg_view *view,
                                         const struct sg_view_object *object);

#endif
