/* Aimed at sg_token_wire_request_decode and sg_token_wire_reply_decode: what a hostile holder sends
 * a token process, and what a hostile token process sends back. The first byte chooses: its lowest
 * bit the end, the rest the number of descriptors. */
#include <stdlib.h>
#include <string.h>

#include "wire_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte that the decoder points at must lie in the packet. */
static void touch(struct sg_bytes bytes, const uint8_t *packet, size_t len)
{
    if (bytes.data < packet || bytes.len > len || bytes.data + bytes.len > packet + len) {
        abort();
    }
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        sum = (uint8_t)(sum + bytes.data[i]);
    }
}

static void try_request(const uint8_t *packet, size_t len, size_t fds)
{
    struct wire_call call;
    if (!sg_token_wire_request_decode(packet, len, fds, &call)) {
        return;
    }
    touch(call.label, packet, len);
    touch(call.body, packet, len);
    /* one encoding only: head, label and body are the whole packet */
    if (memcmp(packet, &call.head, sizeof call.head) != 0 ||
        sizeof call.head + call.label.len + call.body.len != len || len > WIRE_REQUEST_MAX) {
        abort();
    }
    bool use = call.head.verb <= WIRE_DERIVE;
    if (sg_token_wire_mechanism_valid((enum wire_verb)call.head.verb, &call.head.mechanism) &&
        !use) {
        abort();
    }
}

static void try_reply(const uint8_t *packet, size_t len)
{
    struct wire_reply head;
    struct sg_bytes body;
    if (!sg_token_wire_reply_decode(packet, len, &head, &body)) {
        return;
    }
    touch(body, packet, len);
    if (head.status != SG_OK) {
        struct sg_error err = SG_ERROR_INIT;
        if (sg_token_wire_failure_raise(&head, body, &err) != (sg_status)head.status) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if ((data[0] & 1u) == 0) {
        try_request(data + 1, size - 1, data[0] >> 1);
    } else {
        try_reply(data + 1, size - 1);
    }
    return 0;
}
