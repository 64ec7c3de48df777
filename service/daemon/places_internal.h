/* Where the service lives in the file system: its state directory with the lock, and its two
 * sockets. */
#ifndef SIGNET_DAEMON_PLACES_INTERNAL_H
#define SIGNET_DAEMON_PLACES_INTERNAL_H

#include <sys/stat.h>
#include <sys/un.h>

#include "identity_internal.h"

#define SG_LOCK_FILE "signetd.lock"
#define SG_LOCK_WAIT_MS                                                                            \
    1500 /**< how long a master waits for the children of one that was killed to end */

/** A socket that we listen on, and which file it is. */
struct sg_listener {
    int fd;
    struct sockaddr_un address;
    dev_t device;
    ino_t inode;
};

/** Make the state directory when absent (0700, the owner's), and lock it. *out_lock: descriptor;
 * the lock ends when no process holds a copy of it. SG_E_CONFLICT "already_running". */
SG_CHECKED sg_status sg_state_lock(const char *state, const struct sg_identity *owner,
                                   int *out_lock, struct sg_error *err);

/** Listen on a Unix socket that everybody may connect to (mode 0666), non-blocking. Its directory
 * is made when absent; a socket that nobody listens on is replaced. SG_E_CONFLICT "already_running"
 * when somebody does. */
SG_CHECKED sg_status sg_listener_open(const char *path, struct sg_listener *out,
                                      struct sg_error *err);
/** Remove its file, unless that has become another one. It is closed when the process ends, which
 * waits for nobody. fd -1 is nothing. */
void sg_listener_withdraw(const struct sg_listener *listener);

#endif
