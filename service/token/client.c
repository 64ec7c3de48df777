#include <signet/token/client.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <signet/base/packet.h>

#include "exchange_internal.h"

#define STALE_MAX 64 /* late answers to requests that were given up, skipped before one answer */

static sg_status fail_gone(struct sg_error *err)
{
    return sg_fail(err, SG_E_SERVICE, "peer_gone", "the token process is gone");
}

static bool poll_readable(int socket, int timeout_ms)
{
    struct pollfd entry = {.fd = socket, .events = POLLIN};
    int ready = 0;
    do {
        ready = poll(&entry, 1, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

static sg_status wait_readable(const struct sg_token_link *link, struct sg_error *err)
{
    if (link->timeout_ms < 0) {
        return SG_OK;
    }
    bool ready = link->wait != NULL ? link->wait(link->context, link->socket, link->timeout_ms)
                                    : poll_readable(link->socket, link->timeout_ms);
    return ready ? SG_OK
                 : sg_fail(err, SG_E_SERVICE, "timeout",
                           "the token process did not answer within %d ms", link->timeout_ms);
}

/* Not sg_packet_receive: an answer is 4 KiB at most, a struct sg_packet is 64 KiB. And an answer
 * brings no descriptor: recv(2) takes none in. */
static sg_status receive(const struct sg_token_link *link, struct exchange *exchange, size_t *len,
                         struct sg_error *err)
{
    sg_status s = wait_readable(link, err);
    if (s != SG_OK) {
        return s;
    }
    ssize_t got = 0;
    do {
        got = recv(link->socket, exchange->reply, sizeof exchange->reply, MSG_TRUNC);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) { /* the socket's own SO_RCVTIMEO */
        return sg_fail(err, SG_E_SERVICE, "timeout", "the token process did not answer in time");
    }
    if (got < 0 && errno == ECONNRESET) {
        /* What unix(7) sockets say when the other end closed before it had read everything: the
         * request was never taken up. */
        return sg_fail_errno(err, SG_E_SERVICE, "peer_gone", "the token process is gone");
    }
    if (got <= 0) {
        return fail_gone(err);
    }
    *len = (size_t)got <= sizeof exchange->reply ? (size_t)got : 0; /* cut: it is no answer */
    return SG_OK;
}

static sg_status receive_answer(const struct sg_token_link *link, struct exchange *exchange,
                                struct wire_reply *head, struct sg_error *err)
{
    for (int i = 0; i < STALE_MAX; i++) {
        size_t len = 0;
        sg_status s = receive(link, exchange, &len, err);
        if (s != SG_OK) {
            return s;
        }
        if (!sg_token_wire_reply_decode(exchange->reply, len, head, &exchange->result)) {
            break;
        }
        if (head->sequence == exchange->head.sequence) {
            return head->verb == exchange->head.verb
                       ? SG_OK
                       : sg_fail(err, SG_E_SERVICE, "bad_reply", "the token process is confused");
        }
    }
    return sg_fail(err, SG_E_SERVICE, "bad_reply",
                   "the token process sent something that is not an answer");
}

sg_status sg_token_send(struct sg_token_link *link, struct exchange *exchange, struct sg_error *err)
{
    struct wire_request *head = &exchange->head;
    head->magic = WIRE_MAGIC;
    head->version = WIRE_VERSION;
    head->sequence = ++link->sequence;
    head->body_len = (uint32_t)(exchange->label_and_body.len - head->label_len);
    return sg_packet_send(link->socket, head, sizeof *head, exchange->label_and_body.data,
                          exchange->label_and_body.len, exchange->fds, exchange->fd_count, err);
}

sg_status sg_token_receive(struct sg_token_link *link, struct exchange *exchange,
                           struct sg_error *err)
{
    struct wire_reply reply;
    sg_status s = receive_answer(link, exchange, &reply, err);
    if (s != SG_OK) {
        return s;
    }
    link->crowded = reply.crowded == 1;
    return reply.status == SG_OK ? SG_OK
                                 : sg_token_wire_failure_raise(&reply, exchange->result, err);
}

sg_status sg_token_exchange(struct sg_token_link *link, struct exchange *exchange,
                            struct sg_error *err)
{
    if (link->stand_in != NULL) {
        return link->stand_in->answer(exchange, err);
    }
    sg_status s = sg_token_send(link, exchange, err);
    return s == SG_OK ? sg_token_receive(link, exchange, err) : s;
}

sg_status sg_token_use(struct sg_token_link *link, enum sg_key_verb verb,
                       const struct sg_key_id *key, const struct sg_mechanism *mechanism,
                       struct sg_bytes data, unsigned char *out, size_t *out_len,
                       struct sg_error *err)
{
    if (data.len > SG_TOKEN_DATA_MAX) {
        return sg_fail(err, SG_E_LIMIT, "data_too_long", "%zu bytes are too many for one operation",
                       data.len);
    }
    if (!sg_token_wire_mechanism_valid((enum wire_verb)verb, mechanism)) {
        return sg_fail(err, SG_E_INPUT, "bad_mechanism", "this mechanism cannot do that");
    }
    struct exchange exchange;
    exchange.head = (struct wire_request){
        .verb = (uint16_t)verb, .key = *key, .mechanism = *mechanism, .number = link->ring};
    exchange.label_and_body = data;
    exchange.fds = NULL;
    exchange.fd_count = 0;
    sg_status s = sg_token_exchange(link, &exchange, err);
    if (s != SG_OK) {
        return s;
    }
    bool fits = exchange.result.len <= *out_len;
    if (fits) {
        memcpy(out, exchange.result.data, exchange.result.len);
        *out_len = exchange.result.len;
    }
    if (verb != SG_VERB_SIGN) { /* a plaintext or a shared secret */
        explicit_bzero(exchange.reply, sizeof(struct wire_reply) + exchange.result.len);
    }
    return fits ? SG_OK
                : sg_fail(err, SG_E_LIMIT, "buffer_too_small", "the result has %zu bytes",
                          exchange.result.len);
}
