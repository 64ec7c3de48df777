#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/token/client.h>
#include <signet/token/uses.h>

#include "exchange_internal.h"

static sg_status ask(struct sg_token_link *link, struct exchange *exchange,
                     struct wire_request head, struct sg_error *err)
{
    exchange->head = head;
    exchange->label_and_body = (struct sg_bytes){NULL, 0};
    exchange->fds = NULL;
    exchange->fd_count = 0;
    return sg_token_exchange(link, exchange, err);
}

static sg_status fail_reply(struct sg_error *err)
{
    return sg_fail(err, SG_E_SERVICE, "bad_reply",
                   "the token process sent an answer of odd length");
}

sg_status sg_token_get_info(struct sg_token_link *link, struct sg_token_info *out,
                            struct sg_error *err)
{
    struct exchange exchange;
    sg_status s = ask(link, &exchange, (struct wire_request){.verb = WIRE_INFO}, err);
    if (s != SG_OK) {
        return s;
    }
    struct wire_info info;
    if (exchange.result.len != sizeof info) {
        return fail_reply(err);
    }
    memcpy(&info, exchange.result.data, sizeof info);
    *out = (struct sg_token_info){.logged_in = info.logged_in != 0,
                                  .pin_spent = info.pin_spent != 0,
                                  .private_keys = info.private_keys,
                                  .certificates = info.certificates,
                                  .pin_version = info.pin_version};
    /* A precision bounds each text, ended or not. */
    snprintf(out->label, sizeof out->label, "%.32s", info.label);
    snprintf(out->serial, sizeof out->serial, "%.16s", info.serial);
    snprintf(out->manufacturer, sizeof out->manufacturer, "%.32s", info.manufacturer);
    snprintf(out->model, sizeof out->model, "%.16s", info.model);
    snprintf(out->problem, sizeof out->problem, "%.255s", info.problem);
    return SG_OK;
}

sg_status sg_token_login(struct sg_token_link *link, struct sg_error *err)
{
    struct exchange exchange;
    return ask(link, &exchange, (struct wire_request){.verb = WIRE_LOGIN}, err);
}

sg_status sg_token_sync(struct sg_token_link *link, struct sg_error *err)
{
    struct exchange exchange;
    return ask(link, &exchange, (struct wire_request){.verb = WIRE_SYNC}, err);
}

sg_status sg_token_forget(struct sg_token_link *link, struct sg_error *err)
{
    struct exchange exchange;
    return ask(link, &exchange, (struct wire_request){.verb = WIRE_FORGET}, err);
}

sg_status sg_token_count_uses(struct sg_token_link *link, int page_fd, struct sg_error *err)
{
    struct exchange exchange;
    exchange.head = (struct wire_request){.verb = WIRE_USES};
    exchange.label_and_body = (struct sg_bytes){NULL, 0};
    exchange.fds = &page_fd;
    exchange.fd_count = 1;
    return sg_token_exchange(link, &exchange, err);
}

sg_status sg_token_revoke(struct sg_token_link *link, uint64_t number, struct sg_error *err)
{
    struct exchange exchange;
    return ask(link, &exchange, (struct wire_request){.verb = WIRE_REVOKE, .number = number}, err);
}

sg_status sg_token_destroy(struct sg_token_link *link, const struct sg_key_id *id, unsigned *count,
                           struct sg_error *err)
{
    struct exchange exchange;
    sg_status s =
        ask(link, &exchange, (struct wire_request){.verb = WIRE_DESTROY, .key = *id}, err);
    if (s != SG_OK) {
        return s;
    }
    uint32_t destroyed = 0;
    if (exchange.result.len != sizeof destroyed) {
        return fail_reply(err);
    }
    memcpy(&destroyed, exchange.result.data, sizeof destroyed);
    *count = destroyed;
    return SG_OK;
}

sg_status sg_token_label_check(const char *label, struct sg_error *err)
{
    size_t len = strlen(label);
    return len <= WIRE_LABEL_MAX ? SG_OK
                                 : sg_fail(err, SG_E_INPUT, "label_too_long",
                                           "a label of %zu bytes is too long", len);
}

uint32_t sg_token_key_flags(const struct sg_generate_request *request)
{
    return (request->abilities.decrypt ? WIRE_FLAG_DECRYPT : 0) |
           (request->abilities.derive ? WIRE_FLAG_DERIVE : 0) |
           (request->extractable ? WIRE_FLAG_EXTRACTABLE : 0);
}

sg_status sg_token_generate(struct sg_token_link *link, const struct sg_generate_request *request,
                            struct sg_buffer *spki, struct sg_error *err)
{
    const char *label = request->label != NULL ? request->label : "";
    sg_status s = sg_token_label_check(label, err);
    if (s != SG_OK) {
        return s;
    }
    struct exchange exchange;
    exchange.head = (struct wire_request){.verb = WIRE_GENERATE,
                                          .key = request->id,
                                          .label_len = (uint32_t)strlen(label),
                                          .family = (uint32_t)request->spec->family,
                                          .bits = request->spec->bits,
                                          .curve = (uint32_t)request->spec->curve,
                                          .flags = sg_token_key_flags(request)};
    exchange.label_and_body = (struct sg_bytes){(const unsigned char *)label, strlen(label)};
    exchange.fds = NULL;
    exchange.fd_count = 0;
    s = sg_token_exchange(link, &exchange, err);
    return s == SG_OK ? sg_buffer_append(spki, exchange.result.data, exchange.result.len, err) : s;
}

sg_status sg_token_store_certificate(struct sg_token_link *link, const struct sg_key_id *id,
                                     const char *label, struct sg_bytes der, struct sg_error *err)
{
    sg_status s = sg_token_label_check(label, err);
    if (s != SG_OK) {
        return s;
    }
    if (der.len > SG_TOKEN_DATA_MAX) {
        return sg_fail(err, SG_E_LIMIT, "data_too_long", "a certificate of %zu bytes is too long",
                       der.len);
    }
    SG_BUFFER joined;
    sg_buffer_init(&joined, WIRE_LABEL_MAX + SG_TOKEN_DATA_MAX);
    s = sg_buffer_append(&joined, label, strlen(label), err);
    if (s == SG_OK) {
        s = sg_buffer_append(&joined, der.data, der.len, err);
    }
    if (s != SG_OK) {
        return s;
    }
    struct exchange exchange;
    exchange.head =
        (struct wire_request){.verb = WIRE_STORE, .key = *id, .label_len = (uint32_t)strlen(label)};
    exchange.label_and_body = (struct sg_bytes){joined.data, joined.len};
    exchange.fds = NULL;
    exchange.fd_count = 0;
    return sg_token_exchange(link, &exchange, err);
}

int sg_granted_key_compare(const void *a, const void *b)
{
    const struct sg_granted_key *left = a;
    const struct sg_granted_key *right = b;
    int order = memcmp(left->id.bytes, right->id.bytes, sizeof left->id.bytes);
    return order != 0 ? order : (left->ring > right->ring) - (left->ring < right->ring);
}

/* The token process searches by halving, so the list is sorted here; a key that is named twice for
 * one ring gets what either row gives. */
static size_t sort_and_join(struct sg_granted_key *keys, size_t count)
{
    if (count == 0) {
        return 0;
    }
    qsort(keys, count, sizeof *keys, sg_granted_key_compare);
    size_t kept = 0;
    for (size_t i = 1; i < count; i++) {
        if (sg_granted_key_compare(&keys[kept], &keys[i]) != 0) {
            keys[++kept] = keys[i];
            continue;
        }
        keys[kept].sign |= keys[i].sign;
        keys[kept].decrypt |= keys[i].decrypt;
        keys[kept].derive |= keys[i].derive;
    }
    return kept + 1;
}

static sg_status seal_keys(const struct sg_granted_key *keys, size_t *count, int *out_fd,
                           struct sg_error *err)
{
    if (*count > SG_GRANTED_KEYS_MAX) {
        return sg_fail(err, SG_E_LIMIT, "too_many_keys", "%zu keys are too many for one client",
                       *count);
    }
    SG_FREE struct sg_granted_key *sorted = calloc(*count + 1, sizeof *sorted);
    if (sorted == NULL) {
        return sg_fail_memory(err);
    }
    if (*count > 0) {
        memcpy(sorted, keys, *count * sizeof *sorted);
    }
    *count = sort_and_join(sorted, *count);
    return sg_memfd_sealed("signet-keys", sorted, *count * sizeof *sorted, out_fd, err);
}

typedef sg_status exchange_step(struct sg_token_link *link, struct exchange *exchange,
                                struct sg_error *err);

/* Hands the list over by step: with the answer, or without waiting for it. */
static sg_status send_list(struct sg_token_link *link, struct exchange *exchange, int socket,
                           const struct sg_granted_key *keys, size_t count, exchange_step *step,
                           struct sg_error *err)
{
    SG_FD int list = -1;
    sg_status s = seal_keys(keys, &count, &list, err);
    if (s != SG_OK) {
        return s;
    }
    const int fds[2] = {list, socket};
    exchange->head.count = (uint32_t)count;
    exchange->label_and_body = (struct sg_bytes){NULL, 0};
    exchange->fds = fds;
    exchange->fd_count = exchange->head.verb == WIRE_GRANT ? 2 : 1;
    return step(link, exchange, err);
}

sg_status sg_token_grant(struct sg_token_link *link, uint64_t number, uint32_t uid, int socket,
                         const struct sg_granted_key *keys, size_t count, struct sg_error *err)
{
    struct exchange exchange;
    exchange.head = (struct wire_request){.verb = WIRE_GRANT, .number = number, .bits = uid};
    return send_list(link, &exchange, socket, keys, count, sg_token_exchange, err);
}

sg_status sg_token_regrant(struct sg_token_link *link, uint64_t number,
                           const struct sg_granted_key *keys, size_t count, struct sg_error *err)
{
    struct exchange exchange;
    exchange.head = (struct wire_request){.verb = WIRE_REGRANT, .number = number};
    return send_list(link, &exchange, -1, keys, count, sg_token_exchange, err);
}

/* ---- many at once ---- */

static sg_status no_process(struct sg_error *err)
{
    return sg_fail(err, SG_E_UNSUPPORTED, "not_rehearsed", "there is no token process");
}

static struct sg_token_ticket ticket_of(const struct exchange *exchange)
{
    return (struct sg_token_ticket){.sequence = exchange->head.sequence,
                                    .verb = exchange->head.verb};
}

sg_status sg_token_regrant_ask(struct sg_token_link *link, uint64_t number,
                               const struct sg_granted_key *keys, size_t count,
                               struct sg_token_ticket *out, struct sg_error *err)
{
    struct exchange exchange;
    exchange.head = (struct wire_request){.verb = WIRE_REGRANT, .number = number};
    if (link->stand_in != NULL) {
        return no_process(err);
    }
    sg_status s = send_list(link, &exchange, -1, keys, count, sg_token_send, err);
    *out = ticket_of(&exchange);
    return s;
}

sg_status sg_token_revoke_ask(struct sg_token_link *link, uint64_t number,
                              struct sg_token_ticket *out, struct sg_error *err)
{
    struct exchange exchange;
    exchange.head = (struct wire_request){.verb = WIRE_REVOKE, .number = number};
    exchange.label_and_body = (struct sg_bytes){NULL, 0};
    exchange.fds = NULL;
    exchange.fd_count = 0;
    if (link->stand_in != NULL) {
        return no_process(err);
    }
    sg_status s = sg_token_send(link, &exchange, err);
    *out = ticket_of(&exchange);
    return s;
}

sg_status sg_token_answer(struct sg_token_link *link, const struct sg_token_ticket *ticket,
                          struct sg_error *err)
{
    struct exchange exchange;
    exchange.head = (struct wire_request){.verb = ticket->verb, .sequence = ticket->sequence};
    return sg_token_receive(link, &exchange, err);
}
