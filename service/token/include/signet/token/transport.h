/* Private keys on their way between a command and a token process, encrypted end to end: whoever
 * stands between (the service's socket, control, its log and store) carries bytes that it cannot
 * read. ECDH on P-256 with a key pair of the recipient that is made for one use, HKDF-SHA256 (RFC
 * 5869), AES-256-GCM; the layout is in docs/keys-in-and-out.md. */
#ifndef SIGNET_TOKEN_TRANSPORT_H
#define SIGNET_TOKEN_TRANSPORT_H

#include <signet/base/buffer.h>
#include <signet/base/error.h>

#define SG_TRANSPORT_ID_LEN 16                              /**< bytes: which key pair */
#define SG_TRANSPORT_POINT_LEN 65                           /**< bytes: uncompressed P-256 */
#define SG_TRANSPORT_OVERHEAD (SG_TRANSPORT_POINT_LEN + 16) /**< bytes around the key */
#define SG_TRANSPORT_KEY_MAX 3072 /**< bytes of PKCS#8; RSA of 4096 bits takes 2,400 */

/** What a sealed key is for: sealed for one purpose and public key, it opens for no other. */
enum sg_transport_purpose { SG_TRANSPORT_IMPORT = 1, SG_TRANSPORT_EXPORT = 2 };
struct sg_transport_context {
    enum sg_transport_purpose purpose;
    unsigned char spki_sha256[32]; /**< SHA-256 of the SubjectPublicKeyInfo of the key inside */
};

/** In front of a sealed key that is to be imported: which key pair it was sealed to, and the
 * spki_sha256 of its context, both in clear. */
#define SG_TRANSPORT_HEAD_LEN (SG_TRANSPORT_ID_LEN + 32)
#define SG_TRANSPORT_PACKAGE_MAX                                                                   \
    (SG_TRANSPORT_HEAD_LEN + SG_TRANSPORT_KEY_MAX + SG_TRANSPORT_OVERHEAD) /**< bytes */

/** A recipient's key pair, made for one use. */
struct sg_transport_key;
SG_CHECKED sg_status sg_transport_key_new(struct sg_transport_key **out, struct sg_error *err);
/** Wipe and free; NULL is allowed. */
void sg_transport_key_free(struct sg_transport_key *key);
SG_DEFINE_CLEANUP(struct sg_transport_key *, sg_transport_key_free)
#define SG_TRANSPORT_KEY SG_CLEANUP(sg_transport_key_freep) struct sg_transport_key
/** The public half, to be given to the sender. */
const unsigned char *sg_transport_key_point(const struct sg_transport_key *key);

/** Append key (PKCS#8 DER, 1 to SG_TRANSPORT_KEY_MAX bytes), encrypted to the owner of point, to
 * out: SG_TRANSPORT_OVERHEAD bytes more than it has. SG_E_LIMIT "key_too_large"; SG_E_INPUT
 * "bad_transport_key" when the point is not one of P-256. */
SG_CHECKED sg_status sg_transport_seal(const unsigned char point[SG_TRANSPORT_POINT_LEN],
                                       const struct sg_transport_context *context,
                                       struct sg_bytes key, struct sg_buffer *out,
                                       struct sg_error *err);
/** Append what was sealed to this key pair for this context. SG_E_INPUT "sealed_key_damaged" for
 * everything else: altered, cut, for another recipient, purpose or public key. */
SG_CHECKED sg_status sg_transport_open(const struct sg_transport_key *key,
                                       const struct sg_transport_context *context,
                                       struct sg_bytes sealed, struct sg_buffer *out,
                                       struct sg_error *err);

#endif
