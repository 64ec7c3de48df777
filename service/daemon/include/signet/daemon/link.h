/* What passes between the master and its children, over SOCK_SEQPACKET. docs/processes.md */
#ifndef SIGNET_DAEMON_LINK_H
#define SIGNET_DAEMON_LINK_H

#include <stdint.h>

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

#endif
