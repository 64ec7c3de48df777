/* The master process: opens the listening sockets, starts the others and starts them again when
 * they die. It loads no module, knows no PIN and parses nothing that a client sent.
 * docs/processes.md */
#ifndef SIGNET_DAEMON_MASTER_H
#define SIGNET_DAEMON_MASTER_H

#include <signet/daemon/config.h>
#include <signet/daemon/link.h>
#include <signet/rings/process.h>
#include <signet/token/process.h>

/** What the master's children run, each in a freshly forked process that has given up everything it
 * does not need: sg_control_run, sg_rings_process_run, sg_token_process_run; tests bring their own.
 * A child ends when its function returns. */
struct sg_master_roles {
    sg_status (*control)(const struct sg_config *config, int http_listener, int generation_page,
                         int master, struct sg_control_page *page, struct sg_error *err);
    sg_status (*rings)(const struct sg_rings_settings *settings, struct sg_error *err);
    sg_status (*token)(const struct sg_token_settings *settings, int admin_socket,
                       struct sg_error *err);
};

/** Serve until SIGTERM or SIGINT; blocks. Call it in a process with one thread and no children: it
 * becomes the reaper of whatever its children leave behind. Nothing is left running when it
 * returns. @return SG_OK after a stop signal; SG_E_CONFLICT "already_running" when another one uses
 * the state directory or a socket; SG_E_SERVICE "cannot_start" when control or rings died
 * SG_MASTER_TRIES times before the service was ever ready; SG_E_INPUT or SG_E_STORAGE naming what
 * of the configuration cannot be used. */
SG_CHECKED sg_status sg_master_run(const struct sg_config *config,
                                   const struct sg_master_roles *roles, struct sg_error *err);
#define SG_MASTER_TRIES 5

/** Check what only this machine can tell: that the configured users exist when started as root.
 * Changes nothing. */
SG_CHECKED sg_status sg_master_check(const struct sg_config *config, struct sg_error *err);

#endif
