/* A view: what one caller sees through the ring socket, as a sealed block of bytes. Control writes
 * it, a connection process maps it. Layout: docs/protocol-rings.md. */
#ifndef SIGNET_RINGS_VIEW_H
#define SIGNET_RINGS_VIEW_H

#include <signet/base/buffer.h>
#include <signet/base/error.h>
#include <signet/policy/model.h>

#define SG_VIEW_MAX (64u << 20) /**< bytes in a view */
#define SG_VIEW_EMPTY 42u       /**< bytes in one without slots */

/** Bytes that all views of one connection process may take at a time, when its address space is
 * limited to memory_max bytes (0: it is not): three of SG_VIEW_MAX at most. */
size_t sg_views_room(size_t memory_max);
/** Bytes in a view for such a process, so that it has room for one whatever it holds. */
size_t sg_view_max(size_t memory_max);

/* ---- writing (control) ---- */
struct sg_view_writer;
SG_CHECKED sg_status sg_view_writer_new(uint64_t generation, struct sg_view_writer **out,
                                        struct sg_error *err);
void sg_view_writer_free(struct sg_view_writer *writer);
SG_DEFINE_CLEANUP(struct sg_view_writer *, sg_view_writer_free)

/** Begin a slot: the ring's stable number (1 …), its token label (32 bytes, padded) and change
 * counter. */
SG_CHECKED sg_status sg_view_add_slot(struct sg_view_writer *writer, uint64_t slot,
                                      const char label[32], uint64_t sequence,
                                      struct sg_error *err);

/** A member of the ring, in the order in which it shall be found (the default first). */
struct sg_view_member {
    struct sg_bytes der;
    const char *label;
    enum sg_usage usage;
    bool is_default;
    bool key_usable; /**< the caller gets the private key */
    struct sg_key_id key;
    uint32_t token; /**< index of the configured token that holds the key */
    bool may_decrypt, may_derive;
    bool retired;  /**< the key is kept for decryption: it signs no more */
    bool imported; /**< the key came from outside, where others may have it still */
    bool hidden;   /**< found by who names its CKA_ID or looks for private keys; who has a handle of
                      it may go on using it */
    bool extractable; /**< whoever administers the token could export the key; nobody through a ring
                       */
};
#define SG_VIEW_ID_LEN 20 /**< bytes of a CKA_ID in a ring */
/** The CKA_ID of a certificate and of its keys in every ring: SHA-1 of the public key's bits.
 * SG_E_INPUT "bad_certificate". */
SG_CHECKED sg_status sg_view_id(struct sg_bytes der, unsigned char out[SG_VIEW_ID_LEN],
                                struct sg_error *err);
/** Add a member to the slot begun last: a certificate object, and with .key_usable its public and
 * private key. Attributes are made here from the DER (PKCS#11 v2.40 base 4.6, 4.8, 4.9). CKA_ID is
 * that of sg_view_id. */
SG_CHECKED sg_status sg_view_add_member(struct sg_view_writer *writer,
                                        const struct sg_view_member *member, struct sg_error *err);
/** Take the slot begun last away again, with its members. Once for each. */
void sg_view_drop_slot(struct sg_view_writer *writer);
/** Bytes that the view would have now. What members have in common counts once. */
size_t sg_view_length(const struct sg_view_writer *writer);
/** End: a sealed memfd, which the caller closes. SG_E_LIMIT beyond SG_VIEW_MAX. */
SG_CHECKED sg_status sg_view_finish(struct sg_view_writer *writer, int *out_fd,
                                    struct sg_error *err);

#endif
