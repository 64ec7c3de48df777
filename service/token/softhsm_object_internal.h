/* SoftHSM's token.object, as far as the guard needs it. */
#ifndef SIGNET_TOKEN_SOFTHSM_OBJECT_INTERNAL_H
#define SIGNET_TOKEN_SOFTHSM_OBJECT_INTERNAL_H

#include <signet/base/buffer.h>

#define SOFTHSM_OBJECT_MAX 65536 /* bytes; a real one has 320 */

struct softhsm_object {
    size_t attributes;
    char label[33], serial[17]; /* trailing blanks cut */
};

/* Read a token.object (SoftHSM 2.6, src/lib/object_store/ObjectFile.cpp): a generation number, then
 * attributes up to the end of the file: type and kind, 64 bits each, big-endian, then one byte
 * (kind 1), 64 bits (2), or a length of 64 bits and as many bytes (3). False when it is cut short
 * or anything else. */
SG_CHECKED bool sg_softhsm_object_parse(struct sg_bytes file, struct softhsm_object *out);

#endif
