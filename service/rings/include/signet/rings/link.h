/* What passes between rings and control, and (with who and number filled in by rings, never by the
 * sender) between a connection process and rings. Fixed-size packets over SOCK_SEQPACKET;
 * docs/protocol-rings.md. */
#ifndef SIGNET_RINGS_LINK_H
#define SIGNET_RINGS_LINK_H

#include <stdint.h>

enum sg_rings_kind {
    SG_RINGS_VIEW =
        1, /**< give the caller's view. Answer carries one descriptor: the view's memfd */
    SG_RINGS_GRANT = 2,   /**< give a capability on token number .token. Answer carries one
                             descriptor: its socket */
    SG_RINGS_GONE = 3,    /**< the connection has ended. No answer */
    SG_RINGS_REFUSED = 4, /**< clients of .uid were not let in, .connection of them, the last one
                             with .pid; .token is an enum sg_rings_refusal. No answer */
    SG_RINGS_FAILED = 5,  /**< to rings alone, as struct sg_rings_failure: for the log. No answer */
};

enum sg_rings_refusal {
    SG_RINGS_TOO_MANY = 1,         /**< connections_max */
    SG_RINGS_TOO_MANY_OF_USER = 2, /**< connections_per_user_max */
};

struct sg_rings_packet {
    uint32_t kind;          /**< enum sg_rings_kind */
    uint32_t sequence;      /**< echoed in the answer */
    uint64_t connection;    /**< unique among all connections since boot of the master */
    uint32_t uid, gid, pid; /**< the client's, from SO_PEERCRED */
    uint32_t token;         /**< for GRANT */
    uint32_t status;        /**< in answers: 0 or a sg_status; 0 is not success of a grant without a
                               descriptor */
    uint32_t ring;          /**< number of the only ring that the client asked for; 0 = all it may
                               see. What the first question says, all of them must */
};

enum sg_rings_failed {
    SG_RINGS_USE_FAILED = 0,        /**< calls of the client, for no fault of its own */
    SG_RINGS_CONNECTION_FAILED = 1, /**< the process ends */
};

/** What a connection process cannot say in the log, for it has none. */
struct sg_rings_failure {
    uint32_t kind;     /**< SG_RINGS_FAILED */
    uint32_t what;     /**< enum sg_rings_failed */
    uint64_t count;    /**< so often since it was said last */
    uint64_t ck_rv;    /**< of the last one, as all that follows; 0: none */
    int32_t sys_errno; /**< 0: none */
    uint32_t token;    /**< whose key was used, counted from 1; 0: none was */
    char ring[36];     /**< through which: its token label; ends in a NUL */
    char code[40];     /**< a word of a-z, 0-9 and _; ends in a NUL */
    char text[204];    /**< a sentence; ends in a NUL */
};

/** What a client may send before p11-kit's first byte (which is a small version number): it shall
 * see this ring alone. Host's order. */
struct sg_rings_preamble {
    unsigned char magic[4]; /**< SG_RINGS_PREAMBLE */
    uint32_t ring;          /**< its number, as CK_SLOT_ID; not 0 */
};
#define SG_RINGS_PREAMBLE "\xffSRG" /**< and no zero behind it */

/** The page that control writes and connections read: its number grows with every change that any
 * view could show. */
struct sg_generation_page {
    _Atomic uint64_t generation;
};

#endif
