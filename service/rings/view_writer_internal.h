/* The writer's tables, and the certificate's attributes that go into them. */
#ifndef SIGNET_RINGS_VIEW_WRITER_INTERNAL_H
#define SIGNET_RINGS_VIEW_WRITER_INTERNAL_H

#include <signet/rings/view.h>

#include "view_internal.h"

/** A run of the data; several attributes may share one. */
struct sg_view_piece {
    uint32_t at, len;
};

/* Pieces that were put lately, by a hash of their bytes: what many rings have in common, above all
 * their trust anchors, stands in the data once. A newer piece takes an older one's place. */
#define SG_VIEW_RECENT 16384

/* How long the tables were. */
struct sg_view_mark {
    size_t slots, objects, attributes, keys, data;
};

struct sg_view_writer {
    uint64_t generation;
    struct sg_buffer slots, objects, attributes, keys, data;
    struct sg_view_mark before_slot; /* the one begun last */
    struct sg_view_piece recent[SG_VIEW_RECENT];
};

struct sg_view_mark sg_view_mark(const struct sg_view_writer *writer);
/* Take away what has been added since. */
void sg_view_return(struct sg_view_writer *writer, const struct sg_view_mark *mark);
/* Every view's data begins with the two values of a CK_BBOOL. */
#define SG_VIEW_PIECE_FALSE ((struct sg_view_piece){0, 1})
#define SG_VIEW_PIECE_TRUE ((struct sg_view_piece){1, 1})

SG_CHECKED sg_status sg_view_put(struct sg_view_writer *writer, const void *bytes, size_t len,
                                 struct sg_view_piece *out, struct sg_error *err);
/** Begin an object of the slot begun last. identity names it within slot and class: what keeps its
 * handle. */
SG_CHECKED sg_status sg_view_begin_object(struct sg_view_writer *writer, uint32_t object_class,
                                          struct sg_bytes identity, uint32_t key, bool hidden,
                                          struct sg_error *err);
/** Give the object begun last an attribute. */
SG_CHECKED sg_status sg_view_put_attribute(struct sg_view_writer *writer, uint64_t type,
                                           struct sg_view_piece value, struct sg_error *err);
SG_CHECKED sg_status sg_view_put_key(struct sg_view_writer *writer, const struct sg_view_key *key,
                                     uint32_t *out_index, struct sg_error *err);
/** Is there an object of that class and CKA_ID in the slot begun last? */
bool sg_view_has_object(const struct sg_view_writer *writer, uint32_t object_class,
                        struct sg_bytes id);

#endif
