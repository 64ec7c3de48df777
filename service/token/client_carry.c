/* Sealed private keys, from control's side: bytes that it passes on and cannot read. */
#include <string.h>

#include <signet/token/client.h>

#include "exchange_internal.h"

sg_status sg_token_transport(struct sg_token_link *link, struct sg_transport_offer *out,
                             struct sg_error *err)
{
    struct exchange exchange = {.head = {.verb = WIRE_TRANSPORT}};
    sg_status s = sg_token_exchange(link, &exchange, err);
    if (s != SG_OK) {
        return s;
    }
    struct wire_transport answer;
    if (exchange.result.len != sizeof answer) {
        return sg_fail(err, SG_E_SERVICE, "bad_reply",
                       "the token process sent an answer of odd length");
    }
    memcpy(&answer, exchange.result.data, sizeof answer);
    memcpy(out->id, answer.id, sizeof out->id);
    memcpy(out->point, answer.point, sizeof out->point);
    return SG_OK;
}

sg_status sg_token_import(struct sg_token_link *link, const struct sg_generate_request *request,
                          struct sg_bytes package, struct sg_buffer *spki, struct sg_error *err)
{
    const char *label = request->label != NULL ? request->label : "";
    if (package.len > SG_TRANSPORT_PACKAGE_MAX) {
        return sg_fail(err, SG_E_LIMIT, "key_too_large",
                       "an encrypted private key of %zu bytes is too long", package.len);
    }
    SG_BUFFER joined;
    sg_buffer_init(&joined, WIRE_LABEL_MAX + SG_TRANSPORT_PACKAGE_MAX);
    sg_status s = sg_token_label_check(label, err);
    s = s == SG_OK ? sg_buffer_append(&joined, label, strlen(label), err) : s;
    s = s == SG_OK ? sg_buffer_append(&joined, package.data, package.len, err) : s;
    if (s != SG_OK) {
        return s;
    }
    struct exchange exchange = {.head = {.verb = WIRE_IMPORT,
                                         .key = request->id,
                                         .label_len = (uint32_t)strlen(label),
                                         .flags = sg_token_key_flags(request)},
                                .label_and_body = {joined.data, joined.len}};
    s = sg_token_exchange(link, &exchange, err);
    return s == SG_OK ? sg_buffer_append(spki, exchange.result.data, exchange.result.len, err) : s;
}

sg_status sg_token_export(struct sg_token_link *link, const struct sg_key_id *id,
                          const unsigned char point[SG_TRANSPORT_POINT_LEN],
                          const unsigned char spki_sha256[32], struct sg_buffer *sealed,
                          struct sg_error *err)
{
    struct wire_export asked;
    memcpy(asked.point, point, sizeof asked.point);
    memcpy(asked.spki_sha256, spki_sha256, sizeof asked.spki_sha256);
    struct exchange exchange = {.head = {.verb = WIRE_EXPORT, .key = *id},
                                .label_and_body = {(const unsigned char *)&asked, sizeof asked}};
    sg_status s = sg_token_exchange(link, &exchange, err);
    return s == SG_OK ? sg_buffer_append(sealed, exchange.result.data, exchange.result.len, err)
                      : s;
}
