/* The control process: store, operations, HTTP; decides all authority, grants all capabilities. */
#ifndef SIGNET_DAEMON_CONTROL_H
#define SIGNET_DAEMON_CONTROL_H

#include <signet/daemon/config.h>
#include <signet/daemon/link.h>

/** Serve until the master's socket closes or a stop signal comes. http_listener: listening Unix
 * socket; generation_page: memfd of struct sg_generation_page (rings/link.h), mapped writable;
 * master: SOCK_SEQPACKET (daemon/link.h); page: where it says that it lives and learns of rings
 * (NULL: nobody watches). Sends SG_MASTER_READY when it serves. */
SG_CHECKED sg_status sg_control_run(const struct sg_config *config, int http_listener,
                                    int generation_page, int master, struct sg_control_page *page,
                                    struct sg_error *err);

#endif
