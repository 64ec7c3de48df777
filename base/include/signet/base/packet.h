/* Packets with descriptors over SOCK_SEQPACKET: how our own processes speak with each other. */
#ifndef SIGNET_BASE_PACKET_H
#define SIGNET_BASE_PACKET_H

#include <stddef.h>

#include <signet/base/error.h>

#define SG_PACKET_MAX 65536 /**< bytes in one packet */
#define SG_PACKET_FDS 4     /**< descriptors with one packet */

/** Make a connected pair, close-on-exec, with send buffers that hold at least one packet of
 * SG_PACKET_MAX. */
SG_CHECKED sg_status sg_packet_pair(int out[2], struct sg_error *err);

/** Send one packet gathered from two parts, with count descriptors (not closed here). Blocks unless
 * the socket is non-blocking. SG_E_SERVICE with code "peer_gone" when the other end is closed,
 * "would_block" when it is full, or there is no memory for it. */
SG_CHECKED sg_status sg_packet_send(int socket, const void *head, size_t head_len, const void *body,
                                    size_t body_len, const int *fds, size_t count,
                                    struct sg_error *err);

/** One received packet. */
struct sg_packet {
    size_t len;
    size_t fd_count;
    int fds[SG_PACKET_FDS];
    unsigned char data[SG_PACKET_MAX];
};
/** Close the descriptors that nobody took (taken ones are set to -1 by the taker). */
void sg_packet_close_fds(struct sg_packet *packet);
/** Take descriptor i out of the packet; -1 when there is none. */
int sg_packet_take_fd(struct sg_packet *packet, size_t i);

/** Receive one packet. timeout_ms < 0 waits for ever, 0 polls. SG_E_SERVICE with code "peer_gone"
 * at end of file, "timeout" when nothing came. A truncated packet is SG_E_INPUT, its beginning
 * in .data, without descriptors: it was too long, brought too many, or this process has no free
 * one. Descriptors arrive close-on-exec. */
SG_CHECKED sg_status sg_packet_receive(int socket, int timeout_ms, struct sg_packet *packet,
                                       struct sg_error *err);

#endif
