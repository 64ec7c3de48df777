#include <signet/base/packet.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/base/unconst.h>

sg_status sg_packet_pair(int out[2], struct sg_error *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "no_socket", "cannot make a socket pair");
    }
    int size = 4 * SG_PACKET_MAX;
    for (int i = 0; i < 2; i++) {
        (void)setsockopt(out[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    return SG_OK;
}

static void attach(struct msghdr *message, void *control, const int *fds, size_t count)
{
    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(head), fds, count * sizeof(int));
}

static ssize_t send_with_fds(int socket, struct iovec *parts, int part_count, const int *fds,
                             size_t count)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)part_count};
    _Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(SG_PACKET_FDS * sizeof(int))] = {0};
    attach(&message, control, fds, count);
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}

static sg_status send_failure(struct sg_error *err)
{
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) {
        return sg_fail_errno(err, SG_E_SERVICE, "peer_gone", "the other process is gone");
    }
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
        return sg_fail_errno(err, SG_E_SERVICE, "would_block", "there is no room for a packet");
    }
    return sg_fail_errno(err, SG_E_INTERNAL, "cannot_send", "cannot send a packet");
}

/* What brings no descriptor goes by writev(2), for a process that may not call sendmsg(2). Streams
 * alone raise SIGPIPE, not sockets of packets (unix(7)). */
sg_status sg_packet_send(int socket, const void *head, size_t head_len, const void *body,
                         size_t body_len, const int *fds, size_t count, struct sg_error *err)
{
    if (head_len + body_len > SG_PACKET_MAX || count > SG_PACKET_FDS) {
        return sg_fail(err, SG_E_LIMIT, "packet_too_large", "a packet of %zu bytes is too large",
                       head_len + body_len);
    }
    struct iovec parts[2] = {{sg_unconst(head), head_len}, {sg_unconst(body), body_len}};
    int part_count = body_len > 0 ? 2 : 1;
    ssize_t sent;
    do {
        sent = count > 0 ? send_with_fds(socket, parts, part_count, fds, count)
                         : writev(socket, parts, part_count);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? send_failure(err) : SG_OK;
}

void sg_packet_close_fds(struct sg_packet *packet)
{
    for (size_t i = 0; i < packet->fd_count; i++) {
        sg_fd_closep(&packet->fds[i]);
        packet->fds[i] = -1;
    }
    packet->fd_count = 0;
}

int sg_packet_take_fd(struct sg_packet *packet, size_t i)
{
    return i < packet->fd_count ? sg_fd_steal(&packet->fds[i]) : -1;
}

static void detach(struct sg_packet *packet, struct msghdr *message)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL;
         head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count && packet->fd_count < SG_PACKET_FDS; i++) {
            memcpy(&packet->fds[packet->fd_count++], CMSG_DATA(head) + i * sizeof(int),
                   sizeof(int));
        }
    }
}

static sg_status wait_readable(int socket, int timeout_ms, struct sg_error *err)
{
    if (timeout_ms < 0) {
        return SG_OK;
    }
    struct pollfd entry = {.fd = socket, .events = POLLIN};
    int ready;
    do {
        ready = poll(&entry, 1, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready > 0) {
        return SG_OK;
    }
    return sg_fail(err, SG_E_SERVICE, "timeout", "no answer within %d ms", timeout_ms);
}

sg_status sg_packet_receive(int socket, int timeout_ms, struct sg_packet *packet,
                            struct sg_error *err)
{
    packet->len = 0;
    packet->fd_count = 0;
    sg_status s = wait_readable(socket, timeout_ms, err);
    if (s != SG_OK) {
        return s;
    }
    struct iovec part = {packet->data, sizeof packet->data};
    _Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(SG_PACKET_FDS * sizeof(int))];
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t got;
    do {
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno != ECONNRESET) {
        return send_failure(err);
    }
    if (got <= 0) {
        return sg_fail(err, SG_E_SERVICE, "peer_gone", "the other process is gone");
    }
    detach(packet, &message);
    packet->len = (size_t)got;
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        sg_packet_close_fds(packet);
        return sg_fail(err, SG_E_INPUT, "packet_truncated", "a packet was cut");
    }
    return SG_OK;
}
