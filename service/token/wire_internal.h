/* The wire between a token process and those who talk to it: docs/protocol-token.md. Both ends are
 * the same build on the same machine, so numbers are in native order, and every version other than
 * ours is refused. */
#ifndef SIGNET_TOKEN_WIRE_INTERNAL_H
#define SIGNET_TOKEN_WIRE_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include <signet/base/buffer.h>
#include <signet/token/client.h>

#define WIRE_MAGIC 0x4e4b5453u /* "STKN" in memory on a little-endian machine */
#define WIRE_VERSION 1
#define WIRE_LABEL_MAX 128  /* bytes of CKA_LABEL */
#define WIRE_SALT_MAX 1024  /* bytes */
#define WIRE_REPLY_MAX 4096 /* bytes of a whole reply */

enum wire_verb {
    WIRE_SIGN = SG_VERB_SIGN,
    WIRE_DECRYPT = SG_VERB_DECRYPT,
    WIRE_DERIVE = SG_VERB_DERIVE,
    WIRE_INFO = 16,
    WIRE_LOGIN,
    WIRE_GENERATE,
    WIRE_STORE,
    WIRE_DESTROY,
    WIRE_SYNC,
    WIRE_GRANT,
    WIRE_REGRANT,
    WIRE_REVOKE,
    WIRE_FORGET,
    WIRE_TRANSPORT,
    WIRE_IMPORT,
    WIRE_EXPORT,
    WIRE_USES,
};

/* What a key shall be able to do: bits of wire_request.flags. */
#define WIRE_FLAG_DECRYPT 1u
#define WIRE_FLAG_DERIVE 2u
#define WIRE_FLAG_EXTRACTABLE 4u

/* The head of every request; label_len bytes of label and body_len bytes of body follow. Fields
 * that a verb does not use are 0. */
struct wire_request {
    uint32_t magic;
    uint16_t version;
    uint16_t verb; /* enum wire_verb */
    uint32_t sequence;
    uint32_t body_len;             /* bytes */
    struct sg_key_id key;          /* every verb about one key */
    struct sg_mechanism mechanism; /* sign, decrypt, derive */
    uint64_t number;    /* grant, regrant, revoke: the capability; sign, decrypt, derive: the ring
                           through which, as the holder says */
    uint32_t count;     /* grant, regrant: keys in the memfd */
    uint32_t label_len; /* generate, import, store: bytes */
    uint32_t family;    /* generate: enum sg_key_family */
    uint32_t bits;      /* generate; grant: the holder's uid */
    uint32_t curve;     /* generate: enum sg_curve */
    uint32_t flags;     /* generate, import */
};
#define WIRE_REQUEST_LEN 80
_Static_assert(sizeof(struct wire_request) == WIRE_REQUEST_LEN, "no padding on the wire");
#define WIRE_REQUEST_MAX (WIRE_REQUEST_LEN + WIRE_LABEL_MAX + SG_TOKEN_DATA_MAX)

/* The head of every reply; body_len bytes follow: the result, or a wire_failure when status is not
 * SG_OK. */
struct wire_reply {
    uint32_t magic;
    uint16_t version;
    uint16_t verb;
    uint32_t sequence; /* the request's */
    uint32_t status;   /* sg_status */
    uint64_t ck_rv;
    uint32_t body_len; /* bytes */
    uint32_t crowded;  /* 0 or 1: others waited as well, again and again */
};
#define WIRE_REPLY_LEN 32
_Static_assert(sizeof(struct wire_reply) == WIRE_REPLY_LEN, "no padding on the wire");

/* NUL-terminated texts for the person. */
struct wire_failure {
    char code[40], text[640], hint[640], object[320];
    int32_t sys_errno;
};
_Static_assert(sizeof(struct wire_failure) == 1644, "no padding on the wire");

/* The body of an info reply. */
struct wire_info {
    uint64_t private_keys, certificates, pin_version;
    uint32_t logged_in; /* 0 or 1 */
    char label[36], serial[20], manufacturer[36], model[20], problem[256];
    uint32_t pin_spent; /* 0 or 1 */
};
_Static_assert(sizeof(struct wire_info) == 400, "no padding on the wire");
_Static_assert(sizeof(struct sg_granted_key) == 24, "no padding in the memfd");

/* The body of a transport reply. */
struct wire_transport {
    unsigned char id[SG_TRANSPORT_ID_LEN];
    unsigned char point[SG_TRANSPORT_POINT_LEN];
};
_Static_assert(sizeof(struct wire_transport) == 81, "no padding on the wire");

/* The body of an export request. */
struct wire_export {
    unsigned char spki_sha256[32];
    unsigned char point[SG_TRANSPORT_POINT_LEN];
};
_Static_assert(sizeof(struct wire_export) == 97, "no padding on the wire");

/* A request taken apart; label and body point into the packet. */
struct wire_call {
    struct wire_request head;
    struct sg_bytes label, body;
};

/* Take a request apart. False unless every length fits exactly, the verb exists, and the fields
 * that it does not use are 0: what decodes has one encoding only. fd_count is the number of
 * descriptors that came with it. */
SG_CHECKED bool sg_token_wire_request_decode(const unsigned char *packet, size_t len,
                                             size_t fd_count, struct wire_call *out);
/* Take a reply apart. False unless lengths fit exactly and the texts of a failure end. */
SG_CHECKED bool sg_token_wire_reply_decode(const unsigned char *packet, size_t len,
                                           struct wire_reply *head, struct sg_bytes *body);

/* An error as the body of a reply, and back. */
void sg_token_wire_failure_from(const struct sg_error *err, struct wire_failure *out);
sg_status sg_token_wire_failure_raise(const struct wire_reply *head, struct sg_bytes body,
                                      struct sg_error *err);

/* Whether verb and mechanism belong together and the mechanism's numbers are in range. */
bool sg_token_wire_mechanism_valid(enum wire_verb verb, const struct sg_mechanism *mechanism);

#endif
