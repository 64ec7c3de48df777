#include "lingering.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_on_loopback(struct sockaddr_in *address)
{
    socklen_t len = sizeof *address;
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)address, sizeof *address) == 0 &&
        listen(fd, 1) == 0 && getsockname(fd, (struct sockaddr *)address, &len) == 0) {
        return fd;
    }
    (void)close(fd);
    return -1;
}

static bool fill(int fd)
{
    static const char bytes[65536];
    const struct linger linger = {.l_onoff = 1, .l_linger = LINGERING_S};
    ssize_t sent = 0;
    while (sent >= 0) {
        sent = send(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return errno == EAGAIN && setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0;
}

bool lingering_make(int *out, int *peer)
{
    struct sockaddr_in address;
    int listener = listen_on_loopback(&address);
    *out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *peer = -1;
    bool made = listener >= 0 && *out >= 0 &&
                connect(*out, (struct sockaddr *)&address, sizeof address) == 0 &&
                (*peer = accept(listener, NULL, NULL)) >= 0 && fill(*out);
    (void)close(listener);
    return made;
}

bool lingering_send(int unix_socket, const char *text, int lingering)
{
    return lingering_send_as(unix_socket, text, lingering, 0);
}

bool lingering_send_as(int unix_socket, const char *text, int lingering, int flags)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof lingering)];
    } control = {.bytes = {0}};
    char copy[512];
    struct iovec piece = {.iov_base = copy, .iov_len = strlen(text)};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof lingering);
    memcpy(CMSG_DATA(rights), &lingering, sizeof lingering);
    memcpy(copy, text, piece.iov_len);
    ssize_t sent = sendmsg(unix_socket, &message, MSG_NOSIGNAL | flags);
    int reason = errno;
    if (sent >= 0) {
        (void)close(lingering); /* the copy under way is the last one */
    }
    errno = reason;
    return sent >= 0;
}
