/* What passes between the master and its children, over SOCK_SEQPACKET. docs/processes.md */
#ifndef SIGNET_DAEMON_LINK_H
#define SIGNET_DAEMON_LINK_H

#include <stdatomic.h>
#include <stdint.h>

#include <signet/token/busy.h>

enum sg_master_kind {
    SG_MASTER_RINGS_LINK =
        1, /**< to control and to rings: one descriptor, the link between those two */
    SG_MASTER_TOKEN_LINK = 2, /**< to control: two descriptors, the administrative link of token
                                 .token's process .process (0 serves the operations, 1 … the rings),
                                 and its struct sg_busy_page, for reading */
    SG_MASTER_REPLACE = 3, /**< from control: kill token .token's process .process, number .pid; a
                              new one comes by itself */
    SG_MASTER_READY = 4,   /**< from control: serving */
};

struct sg_master_packet {
    uint8_t kind; /**< enum sg_master_kind */
    uint8_t reserved[3];
    uint32_t token, process;
    uint32_t pid; /**< of the token process */
};

/** What the master and control share: control says there that it lives, the master how rings is. */
struct sg_control_page {
    struct sg_busy_page busy;        /**< first: what any process has */
    _Atomic uint64_t rings_restarts; /**< since the master's start */
    _Atomic int64_t rings_due_ms;    /**< when it is started again, monotonic; 0: it runs */
    _Atomic int64_t rings_silent_ms; /**< for so long it has not said that it lives, though it
                                        should have; 0: it has */
    _Atomic uint32_t rings_starting; /**< 1: it runs and does not serve yet */
};

#endif
