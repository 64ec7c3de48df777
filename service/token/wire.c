#include "wire_internal.h"

#include <stdio.h>
#include <string.h>

/* What a verb's request may carry. */
struct verb_rule {
    bool known, key, mechanism, number, count, generate, uid, flags, label;
    size_t body_max;
    size_t fds;
};

#define USE                                                                                        \
    {                                                                                              \
        .known = true, .key = true, .mechanism = true, .number = true,                             \
        .body_max = SG_TOKEN_DATA_MAX                                                              \
    }
static const struct verb_rule rules[] = {
    [WIRE_SIGN] = USE,
    [WIRE_DECRYPT] = USE,
    [WIRE_DERIVE] = USE,
    [WIRE_INFO] = {.known = true},
    [WIRE_LOGIN] = {.known = true},
    [WIRE_GENERATE] = {.known = true, .key = true, .generate = true, .flags = true, .label = true},
    [WIRE_STORE] = {.known = true, .key = true, .label = true, .body_max = SG_TOKEN_DATA_MAX},
    [WIRE_DESTROY] = {.known = true, .key = true},
    [WIRE_SYNC] = {.known = true},
    [WIRE_GRANT] = {.known = true, .number = true, .count = true, .uid = true, .fds = 2},
    [WIRE_REGRANT] = {.known = true, .number = true, .count = true, .fds = 1},
    [WIRE_REVOKE] = {.known = true, .number = true},
    [WIRE_FORGET] = {.known = true},
    [WIRE_TRANSPORT] = {.known = true},
    [WIRE_IMPORT] = {.known = true,
                     .key = true,
                     .flags = true,
                     .label = true,
                     .body_max = SG_TRANSPORT_PACKAGE_MAX},
    [WIRE_EXPORT] = {.known = true, .key = true, .body_max = sizeof(struct wire_export)},
    [WIRE_USES] = {.known = true, .fds = 1},
};

static bool all_zero(const void *data, size_t len)
{
    const unsigned char *bytes = data;
    unsigned char seen = 0;
    for (size_t i = 0; i < len; i++) {
        seen |= bytes[i];
    }
    return seen == 0;
}

static bool unused_fields_empty(const struct verb_rule *rule, const struct wire_request *head)
{
    return (rule->key || all_zero(&head->key, sizeof head->key)) &&
           (rule->mechanism || all_zero(&head->mechanism, sizeof head->mechanism)) &&
           (rule->number || head->number == 0) && (rule->count || head->count == 0) &&
           (rule->label || head->label_len == 0) &&
           (rule->generate || (head->family == 0 && head->curve == 0)) &&
           (rule->generate || rule->uid || head->bits == 0) && (rule->flags || head->flags == 0);
}

static bool in_range(const struct wire_request *head)
{
    const unsigned flags = WIRE_FLAG_DECRYPT | WIRE_FLAG_DERIVE | WIRE_FLAG_EXTRACTABLE;
    return head->mechanism.kind < SG_MECHANISM_KIND_COUNT && head->mechanism.hash < SG_HASH_COUNT &&
           head->mechanism.mgf_hash < SG_HASH_COUNT && head->count <= SG_GRANTED_KEYS_MAX &&
           head->label_len <= WIRE_LABEL_MAX && head->family <= SG_FAMILY_ED25519 &&
           head->curve <= SG_CURVE_SECP256K1 && (head->flags & ~flags) == 0 &&
           (head->verb > WIRE_DERIVE || head->number <= UINT32_MAX);
}

bool sg_token_wire_request_decode(const unsigned char *packet, size_t len, size_t fd_count,
                                  struct wire_call *out)
{
    struct wire_request *head = &out->head;
    if (len < sizeof *head) {
        return false;
    }
    memcpy(head, packet, sizeof *head);
    if (head->magic != WIRE_MAGIC || head->version != WIRE_VERSION ||
        head->verb >= SG_COUNT(rules) || !rules[head->verb].known) {
        return false;
    }
    const struct verb_rule *rule = &rules[head->verb];
    if (fd_count != rule->fds || head->body_len > rule->body_max || !in_range(head) ||
        !unused_fields_empty(rule, head)) {
        return false;
    }
    if (len != sizeof *head + head->label_len + head->body_len) {
        return false;
    }
    out->label = (struct sg_bytes){packet + sizeof *head, head->label_len};
    out->body = (struct sg_bytes){packet + sizeof *head + head->label_len, head->body_len};
    return memchr(out->label.data, '\0', out->label.len) == NULL;
}

static bool ends(const char *text, size_t room)
{
    return memchr(text, '\0', room) != NULL;
}

static bool failure_valid(struct sg_bytes body)
{
    struct wire_failure failure;
    if (body.len != sizeof failure) {
        return false;
    }
    memcpy(&failure, body.data, sizeof failure);
    return ends(failure.code, sizeof failure.code) && ends(failure.text, sizeof failure.text) &&
           ends(failure.hint, sizeof failure.hint) && ends(failure.object, sizeof failure.object);
}

bool sg_token_wire_reply_decode(const unsigned char *packet, size_t len, struct wire_reply *head,
                                struct sg_bytes *body)
{
    if (len < sizeof *head || len > WIRE_REPLY_MAX) {
        return false;
    }
    memcpy(head, packet, sizeof *head);
    *body = (struct sg_bytes){packet + sizeof *head, head->body_len};
    if (head->magic != WIRE_MAGIC || head->version != WIRE_VERSION || head->crowded > 1 ||
        head->status >= SG_STATUS_COUNT || len - sizeof *head != head->body_len) {
        return false;
    }
    return head->status == SG_OK || failure_valid(*body);
}

void sg_token_wire_failure_from(const struct sg_error *err, struct wire_failure *out)
{
    memset(out, 0, sizeof *out);
    snprintf(out->code, sizeof out->code, "%s", err->code);
    snprintf(out->text, sizeof out->text, "%s", err->text);
    snprintf(out->hint, sizeof out->hint, "%s", err->hint);
    snprintf(out->object, sizeof out->object, "%s", err->object);
    out->sys_errno = err->sys_errno;
}

sg_status sg_token_wire_failure_raise(const struct wire_reply *head, struct sg_bytes body,
                                      struct sg_error *err)
{
    struct wire_failure failure;
    memcpy(&failure, body.data, sizeof failure);
    sg_fail(err, (sg_status)head->status, failure.code, "%s", failure.text);
    if (failure.hint[0] != '\0') {
        sg_hint(err, "%s", failure.hint);
    }
    if (failure.object[0] != '\0') {
        sg_object(err, "%s", failure.object);
    }
    err->ck_rv = (unsigned long)head->ck_rv;
    err->sys_errno = failure.sys_errno;
    return err->status;
}

bool sg_token_wire_mechanism_valid(enum wire_verb verb, const struct sg_mechanism *mechanism)
{
    bool sign = verb == WIRE_SIGN;
    bool decrypt = verb == WIRE_DECRYPT;
    bool hash = mechanism->hash != SG_HASH_NONE;
    bool mgf = mechanism->mgf_hash != SG_HASH_NONE;
    if (mechanism->hash >= SG_HASH_COUNT || mechanism->mgf_hash >= SG_HASH_COUNT) {
        return false;
    }
    switch ((enum sg_mechanism_kind)mechanism->kind) {
    case SG_MECHANISM_RSA_PKCS:
    case SG_MECHANISM_RSA_X_509:
        return sign || decrypt;
    case SG_MECHANISM_RSA_PKCS_HASHED:
        return sign && hash;
    case SG_MECHANISM_RSA_PSS:
        return sign && hash && mgf && mechanism->salt_len <= WIRE_SALT_MAX;
    case SG_MECHANISM_RSA_OAEP:
        return decrypt && hash && mgf;
    case SG_MECHANISM_ECDSA:
    case SG_MECHANISM_EDDSA:
        return sign;
    case SG_MECHANISM_ECDH:
        return verb == WIRE_DERIVE;
    }
    return false;
}
