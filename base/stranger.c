#include <signet/base/stranger.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/file.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

void sg_stranger_listen(int listener)
{
    const int no = 0;
    (void)setsockopt(listener, SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof no);
}

/* How many bytes of iov hold no more than len. */
static int shorten(struct iovec *iov, int count, size_t len)
{
    int kept = 0;
    while (kept < count && len > 0) {
        iov[kept].iov_len = iov[kept].iov_len < len ? iov[kept].iov_len : len;
        len -= iov[kept++].iov_len;
    }
    return kept;
}

#define PIECES_MAX 8

/* A byte out of band (MSG_OOB) has a descriptor of its own, which a look does not see and a read
 * drops; and alone it is no byte, but wakes who polls. In line it is a byte like others. */
static void take_in_line(int fd)
{
    const int yes = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &yes, sizeof yes);
}

/* Looked at first: what is looked at stays in the socket, its descriptors too, and without room for
 * them they are only announced (MSG_CTRUNC). Then no more is read than was seen. */
ssize_t sg_stranger_readv(int fd, const struct iovec *iov, int count)
{
    struct iovec pieces[PIECES_MAX];
    struct msghdr message = {.msg_iov = pieces};
    int used = count < PIECES_MAX ? count : PIECES_MAX;
    for (int i = 0; i < used; i++) {
        pieces[i] = iov[i];
    }
    message.msg_iovlen = (size_t)used;
    take_in_line(fd);
    ssize_t seen = recvmsg(fd, &message, MSG_PEEK | MSG_DONTWAIT);
    if (seen > 0 && (message.msg_flags & MSG_CTRUNC) != 0) {
        errno = EPROTO;
        return -1;
    }
    if (seen <= 0) {
        return seen;
    }
    message.msg_iovlen = (size_t)shorten(pieces, used, (size_t)seen);
    return recvmsg(fd, &message, MSG_DONTWAIT);
}

/* Read all that is there; false: it ends in descriptors. Nothing can be added meanwhile. (A client
 * that left without reading our answer makes it ECONNRESET, behind its last byte.) */
static bool is_emptied(int fd)
{
    char bytes[16384];
    const struct iovec whole = {.iov_base = bytes, .iov_len = sizeof bytes};
    ssize_t got = 0;
    do {
        got = sg_stranger_readv(fd, &whole, 1);
    } while (got > 0 || (got < 0 && errno == EINTR));
    return got == 0 || errno != EPROTO;
}

/* A grandchild, so that nobody here has to wait for its end: the master does. */
static _Noreturn void be_last(int gate)
{
    char byte = 0;
    if (fork() == 0) {
        (void)!read(gate, &byte, 1); /* the end of file: the other holder is gone */
    }
    _exit(0);
}

/* Somebody else closes the socket, and fd is something harmless from then on. Without another
 * process it stays what it was: then close(2) may wait. */
static void bury(int fd)
{
    int gate[2];
    SG_FD int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0 || pipe2(gate, O_CLOEXEC) != 0) {
        return;
    }
    SG_FD int out = gate[0];
    SG_FD int in = gate[1];
    pid_t child = fork();
    if (child == 0) {
        (void)close(in);
        be_last(out);
    }
    if (child > 0) {
        (void)dup3(nothing, fd, O_CLOEXEC);
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
    }
}

void sg_stranger_end(int fd)
{
    if (fd >= 0 && shutdown(fd, SHUT_RD) == 0 && !is_emptied(fd)) {
        bury(fd);
    }
}

void sg_stranger_close(int fd)
{
    if (fd >= 0) {
        sg_stranger_end(fd);
        (void)close(fd);
    }
}
