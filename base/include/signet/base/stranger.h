/* Unix sockets of strangers. Whoever may write to one may send descriptors along (SCM_RIGHTS,
 * unix(7)). Nobody here wants any, and the kernel closes what is not taken, but in the process that
 * reads, or that closes the socket with them still in it; and the last close of a TCP socket with
 * SO_LINGER (socket(7)) waits for as long as its owner wished. Taking them would be worse: close(2)
 * asks the file's own file system (FUSE), and nothing ends that. So they are neither taken nor
 * dropped here: the socket goes to a process that does nothing but end, for an ending process does
 * not linger. */
#ifndef SIGNET_BASE_STRANGER_H
#define SIGNET_BASE_STRANGER_H

#include <sys/types.h>
#include <sys/uio.h>

/** Let nobody send descriptors over this listener's connections, where the kernel knows how
 * (SO_PASSRIGHTS, Linux 6.16: their sendmsg(2) fails with EPERM). Elsewhere nothing changes. */
void sg_stranger_listen(int listener);

/** What readv(2) does, without waiting; when descriptors come with the bytes, nothing is read and
 * it fails with EPROTO, which no socket says by itself. A byte out of band is one of the others. */
ssize_t sg_stranger_readv(int fd, const struct iovec *iov, int count);

/** Nothing more is taken from this connection, whatever was in it is gone, and close(fd) waits for
 * nobody, unless no process can be made. Processes that have copies of fd must have closed them.
 * What was sent to the client stays readable there. */
void sg_stranger_end(int fd);
/** That, and closed. -1: nothing to do. For cleanup: sg_stranger_closep. */
void sg_stranger_close(int fd);
static inline void sg_stranger_closep(const int *fd)
{
    sg_stranger_close(*fd);
}

#endif
