#include "places_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/base/stranger.h>

#define LOCK_POLL_MS 25
#define BACKLOG 4096 /* the kernel cuts it to net.core.somaxconn */

static sg_status refuse_owner(const char *state, uid_t owner, struct sg_error *err)
{
    sg_fail(err, SG_E_CONFLICT, "bad_state_directory",
            "the state directory %.200s belongs to user number %u", state, (unsigned)owner);
    sg_hint(err,
            "Give it to the user of the setting user (chown), or set another state directory.");
    return sg_object(err, "%s", state);
}

/* Ours alone, whoever made it. */
static sg_status take_directory(const char *state, int fd, const struct sg_identity *owner,
                                struct sg_error *err)
{
    struct stat info;
    uid_t uid = owner->change ? owner->uid : geteuid();
    if (fstat(fd, &info) != 0) {
        return sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot read about %.200s", state);
    }
    if (info.st_uid != uid && info.st_uid != geteuid()) {
        return refuse_owner(state, info.st_uid, err);
    }
    if (owner->change && info.st_uid != uid && fchown(fd, owner->uid, owner->gid) != 0) {
        return sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot give %.200s to user number %u", state,
                             (unsigned)uid);
    }
    if ((info.st_mode & 077) == 0) {
        return SG_OK;
    }
    sg_log(SG_LOG_WARNING, "event=state_directory_closed path=\"%s\" mode=%04o now=0700", state,
           (unsigned)(info.st_mode & 07777));
    return fchmod(fd, 0700) == 0
               ? SG_OK
               : sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot change the mode of %.200s", state);
}

static sg_status lock_within(int fd, const char *state, struct sg_error *err)
{
    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited += LOCK_POLL_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot lock %.200s/%s", state,
                                 SG_LOCK_FILE);
        }
        if (waited >= SG_LOCK_WAIT_MS) {
            sg_fail(err, SG_E_CONFLICT, "already_running",
                    "signetd is already running with the state directory %.200s", state);
            sg_hint(err, "Stop it first (systemctl stop signetd, signet dev down DIR).");
            return sg_object(err, "%s", state);
        }
        (void)poll(NULL, 0, LOCK_POLL_MS);
    }
    return SG_OK;
}

sg_status sg_state_lock(const char *state, const struct sg_identity *owner, int *out_lock,
                        struct sg_error *err)
{
    if (mkdir(state, 0700) != 0 && errno != EEXIST) {
        sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot make the state directory %.200s", state);
        return sg_hint(err, "Make the directory above it, or change the setting state.");
    }
    SG_FD int directory = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        return sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot open the state directory %.200s",
                             state);
    }
    sg_status s = take_directory(state, directory, owner, err);
    if (s != SG_OK) {
        return s;
    }
    /* The directory's owner may be a user whom we, as root, do not trust: no link is followed and
     * no pipe waited for. */
    SG_FD int lock = openat(directory, SG_LOCK_FILE,
                            O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (lock < 0) {
        return sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot open %.200s/%s", state, SG_LOCK_FILE);
    }
    s = lock_within(lock, state, err);
    if (s == SG_OK) {
        *out_lock = sg_fd_steal(&lock);
    }
    return s;
}

static sg_status make_parent(const char *path, struct sg_error *err)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    const char *parent = dirname(copy);
    mode_t before = umask(022);
    int made = mkdir(parent, 0755);
    int reason = errno;
    umask(before);
    if (made != 0 && reason != EEXIST) {
        errno = reason;
        sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot make the directory %.200s", parent);
        return sg_hint(err, "Make the directory above it, or change the socket's path.");
    }
    return SG_OK;
}

static sg_status refuse_live(const char *path, struct sg_error *err)
{
    sg_fail(err, SG_E_CONFLICT, "already_running", "somebody already listens on %.200s", path);
    sg_hint(err, "signetd is already running, or two configurations name the same socket.");
    return sg_object(err, "%s", path);
}

/* Only a socket that refuses connections is stale; anything else in that place is not ours to
 * remove. */
static sg_status remove_stale(const struct sockaddr_un *address, struct sg_error *err)
{
    struct stat info;
    const char *path = address->sun_path;
    if (lstat(path, &info) != 0) {
        return errno == ENOENT
                   ? SG_OK
                   : sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot look at %.200s", path);
    }
    if (!S_ISSOCK(info.st_mode)) {
        sg_fail(err, SG_E_CONFLICT, "not_a_socket", "%.200s exists and is not a socket", path);
        return sg_hint(err, "Remove it, or change the socket's path.");
    }
    SG_FD int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot make a socket");
    }
    if (connect(probe, (const struct sockaddr *)address, sizeof *address) == 0 ||
        errno != ECONNREFUSED) {
        return refuse_live(path, err);
    }
    return unlink(path) == 0 || errno == ENOENT
               ? SG_OK
               : sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot remove the old socket %.200s",
                               path);
}

/* bind() makes the file with its final mode: there is no moment in which it is closed or open to
 * the wrong people. */
static int bind_open(int fd, const struct sockaddr_un *address)
{
    mode_t before = umask(0111);
    int bound = bind(fd, (const struct sockaddr *)address, sizeof *address);
    int reason = errno;
    umask(before);
    errno = reason;
    return bound;
}

static sg_status listen_on(struct sg_listener *listener, struct sg_error *err)
{
    const char *path = listener->address.sun_path;
    struct stat info;
    if (bind_open(listener->fd, &listener->address) != 0) {
        return errno == EADDRINUSE
                   ? refuse_live(path, err)
                   : sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot make the socket %.200s", path);
    }
    sg_stranger_listen(listener->fd);
    if (listen(listener->fd, BACKLOG) != 0 || lstat(path, &info) != 0) {
        return sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot listen on %.200s", path);
    }
    listener->device = info.st_dev;
    listener->inode = info.st_ino;
    return SG_OK;
}

sg_status sg_listener_open(const char *path, struct sg_listener *out, struct sg_error *err)
{
    struct sg_listener listener = {.fd = -1, .address = {.sun_family = AF_UNIX}};
    if (strlen(path) >= sizeof listener.address.sun_path) {
        return sg_fail(err, SG_E_INPUT, "bad_configuration", "the path of a socket is too long");
    }
    memcpy(listener.address.sun_path, path, strlen(path));
    sg_status s = make_parent(path, err);
    if (s == SG_OK) {
        s = remove_stale(&listener.address, err);
    }
    if (s != SG_OK) {
        return s;
    }
    SG_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot make a socket");
    }
    listener.fd = fd;
    s = listen_on(&listener, err);
    if (s == SG_OK) {
        (void)sg_fd_steal(&fd);
        *out = listener;
    }
    return s;
}

/* Who waits in its queue may have sent what one must not close (base/stranger.h). */
void sg_listener_withdraw(const struct sg_listener *listener)
{
    if (listener->fd < 0) {
        return;
    }
    const char *path = listener->address.sun_path;
    struct stat info;
    if (lstat(path, &info) == 0 && info.st_dev == listener->device &&
        info.st_ino == listener->inode) {
        (void)unlink(path);
    }
}
