/* How libevent reads from clients. It takes no control data, so that descriptors sent along would
 * be dropped, and perhaps waited for, in this process (base/stranger.h). It offers nothing to be
 * hung in there, so that its system call is taken instead. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <signet/base/stranger.h>

#include "http_internal.h"

static bool guarded;

void sg_http_guard_reads(void)
{
    guarded = true;
}

static bool may_be_stranger(int fd)
{
    int flags = guarded ? fcntl(fd, F_GETFL) : -1;
    return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

/* This takes the C library's place for every shared library of the process (ELF symbol look-up: the
 * program comes first). What is no socket, or would wait, goes to the kernel as before. */
__attribute__((visibility("default"))) ssize_t readv(int fd, const struct iovec *iov, int count)
{
    if (may_be_stranger(fd)) {
        ssize_t got = sg_stranger_readv(fd, iov, count);
        if (got >= 0 || errno != ENOTSOCK) {
            return got;
        }
    }
    return syscall(SYS_readv, fd, iov, count);
}
