#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/pkcs11/key.h>

#include "process_internal.h"

#define FRESH_MS 5000 /* after its login a process shows what the token holds */

static struct sg_pkcs11_id id_of(const struct wire_call *call)
{
    struct sg_pkcs11_id id;
    memcpy(id.bytes, call->head.key.bytes, sizeof id.bytes);
    return id;
}

static void label_of(const struct wire_call *call, char out[WIRE_LABEL_MAX + 1])
{
    memcpy(out, call->label.data, call->label.len);
    out[call->label.len] = '\0';
}

static sg_status info(struct process *process)
{
    struct wire_info info;
    sg_token_state_info(&process->state, &info);
    memcpy(process->answer, &info, sizeof info);
    process->answer_len = sizeof info;
    return SG_OK;
}

static sg_status key_type(const struct wire_request *head, struct sg_pkcs11_key_request *out,
                          struct sg_error *err)
{
    switch ((enum sg_key_family)head->family) {
    case SG_FAMILY_RSA:
        out->type = SG_PKCS11_RSA;
        return SG_OK;
    case SG_FAMILY_ED25519:
        out->type = SG_PKCS11_ED25519;
        return SG_OK;
    case SG_FAMILY_EC:
        out->type = SG_PKCS11_EC;
        break;
    }
    switch ((enum sg_curve)head->curve) {
    case SG_CURVE_P256:
        out->curve = SG_PKCS11_P256;
        return SG_OK;
    case SG_CURVE_P384:
        out->curve = SG_PKCS11_P384;
        return SG_OK;
    case SG_CURVE_P521:
        out->curve = SG_PKCS11_P521;
        return SG_OK;
    case SG_CURVE_SECP256K1:
        out->curve = SG_PKCS11_SECP256K1;
        return SG_OK;
    case SG_CURVE_NONE:
        break;
    }
    return sg_fail(err, SG_E_INPUT, "bad_key_request", "an EC key needs a curve");
}

static sg_status generate(struct process *process, const struct wire_call *call,
                          struct sg_error *err)
{
    char label[WIRE_LABEL_MAX + 1];
    label_of(call, label);
    struct sg_pkcs11_key_request request = {
        .bits = call->head.bits,
        .id = id_of(call),
        .label = label,
        .decrypt = (call->head.flags & WIRE_FLAG_DECRYPT) != 0,
        .derive = (call->head.flags & WIRE_FLAG_DERIVE) != 0,
        .extractable = (call->head.flags & WIRE_FLAG_EXTRACTABLE) != 0,
    };
    sg_status s = key_type(&call->head, &request, err);
    if (s != SG_OK) {
        return s;
    }
    SG_BUFFER spki;
    sg_buffer_init(&spki, ANSWER_MAX);
    s = sg_pkcs11_key_generate(process->state.session, &request, &spki, err);
    if (s == SG_OK) {
        memcpy(process->answer, spki.data, spki.len);
        process->answer_len = spki.len;
    }
    return s;
}

static sg_status store(struct process *process, const struct wire_call *call, struct sg_error *err)
{
    char label[WIRE_LABEL_MAX + 1];
    label_of(call, label);
    struct sg_pkcs11_id id = id_of(call);
    return sg_pkcs11_certificate_store(process->state.session, &id, label, call->body, err);
}

/* A module whose token went away, or that failed to destroy an object before, may show less than
 * the token holds: only one that has just read it is believed. */
static sg_status read_anew(struct process *process, struct sg_error *err)
{
    process->reread = true;
    sg_fail(err, SG_E_TOKEN, SG_TOKEN_IN_DOUBT,
            "token \"%s\" may hold more than it shows: it is read anew",
            process->state.settings->name);
    return sg_hint(err, "It is done as soon as the token is ready again.");
}

static bool is_fresh(const struct process *process)
{
    return sg_monotonic_ms(sg_clock_system()) - process->state.logged_in_ms < FRESH_MS;
}

/* Is it known without the token that it holds nothing of this key? */
static bool is_refused(const struct process *process, const struct wire_call *call)
{
    return memcmp(&process->refused, &call->head.key, sizeof call->head.key) == 0;
}

static sg_status destroy(struct process *process, const struct wire_call *call,
                         struct sg_error *err)
{
    struct sg_pkcs11_id id = id_of(call);
    unsigned count = 0;
    sg_status s = sg_pkcs11_object_destroy(process->state.session, &id, &count, err);
    s = s == SG_OK && count == 0 && !is_fresh(process) && !is_refused(process, call)
            ? read_anew(process, err)
            : s;
    if (s == SG_OK) {
        uint32_t number = count;
        memcpy(process->answer, &number, sizeof number);
        process->answer_len = sizeof number;
    }
    return s;
}

/* A grant may name a key that a sibling process has just made: what was missing before is looked up
 * again. */
static void forget_missing(struct process *process)
{
    if (process->state.session != NULL) {
        sg_pkcs11_object_forget_missing(process->state.session);
    }
}

/* A key whose users have changed is looked at anew. */
static void forget_copies(struct process *process)
{
    if (process->state.session != NULL) {
        sg_pkcs11_copies_forget(process->state.session);
    }
}

/* The holder must not be able to make us wait by not reading. The flag belongs to our end of the
 * pair only. */
static sg_status make_nonblocking(int socket, struct sg_error *err)
{
    int flags = fcntl(socket, F_GETFL);
    if (flags < 0 || fcntl(socket, F_SETFL, flags | O_NONBLOCK) != 0) {
        return sg_fail_errno(err, SG_E_USAGE, "bad_socket", "the capability's socket is not one");
    }
    return SG_OK;
}

static sg_status grant(struct process *process, const struct wire_call *call, struct sg_error *err)
{
    SG_FD int keys = sg_packet_take_fd(&process->packet, 0);
    SG_FD int socket = sg_packet_take_fd(&process->packet, 1);
    SG_KEY_LIST list = {0};
    sg_status s = sg_token_keys_read(keys, call->head.count, &list, err);
    if (s == SG_OK) {
        sg_token_grants_join(&process->grants, &list);
        s = make_nonblocking(socket, err);
    }
    struct capability *capability = NULL;
    if (s == SG_OK) {
        s = sg_token_grants_add(&process->grants, call->head.number, call->head.bits, &socket,
                                &list, &capability, err);
    }
    if (s != SG_OK) {
        return s;
    }
    forget_missing(process);
    s = sg_token_watch(process, capability, err);
    if (s != SG_OK) {
        sg_token_drop(process, capability);
    }
    return s;
}

static sg_status count_uses(struct process *process, struct sg_error *err)
{
    SG_FD int page = sg_packet_take_fd(&process->packet, 0);
    return sg_token_uses_take(&process->uses, page, err);
}

static sg_status find_capability(const struct process *process, const struct wire_call *call,
                                 struct capability **out, struct sg_error *err)
{
    *out = sg_token_grants_find(&process->grants, call->head.number);
    return *out != NULL ? SG_OK
                        : sg_fail(err, SG_E_NOT_FOUND, "no_such_capability",
                                  "the holder of capability %llu is gone",
                                  (unsigned long long)call->head.number);
}

static sg_status regrant(struct process *process, const struct wire_call *call,
                         struct sg_error *err)
{
    SG_FD int keys = sg_packet_take_fd(&process->packet, 0);
    SG_KEY_LIST list = {0};
    struct capability *capability = NULL;
    sg_status s = find_capability(process, call, &capability, err);
    if (s == SG_OK) {
        s = sg_token_keys_read(keys, call->head.count, &list, err);
    }
    if (s != SG_OK) {
        return s;
    }
    forget_missing(process);
    forget_copies(process);
    sg_token_grants_join(&process->grants, &list);
    struct sg_key_list old = sg_key_list_steal(&capability->list);
    capability->list = sg_key_list_steal(&list);
    sg_key_list_done(&old);
    return SG_OK;
}

static sg_status revoke(struct process *process, const struct wire_call *call, struct sg_error *err)
{
    struct capability *capability = NULL;
    sg_status s = find_capability(process, call, &capability, err);
    if (s == SG_OK) {
        sg_token_drop(process, capability);
        forget_copies(process);
    }
    return s;
}

/* What changes the token, for which it must be logged in. */
static sg_status change(struct process *process, const struct wire_call *call, struct sg_error *err)
{
    sg_status s = sg_token_state_check(&process->state, err);
    if (s != SG_OK) {
        return s;
    }
    if (call->head.verb == WIRE_GENERATE) {
        return generate(process, call, err);
    }
    if (sg_token_is_doubtful(process, call)) {
        return read_anew(process, err);
    }
    return call->head.verb == WIRE_STORE ? store(process, call, err) : destroy(process, call, err);
}

sg_status sg_token_administer(struct process *process, const struct wire_call *call,
                              struct sg_error *err)
{
    switch ((enum wire_verb)call->head.verb) {
    case WIRE_INFO:
        return info(process);
    case WIRE_LOGIN:
        return sg_token_state_login(&process->state, err);
    case WIRE_GENERATE:
    case WIRE_STORE:
    case WIRE_DESTROY:
        return change(process, call, err);
    case WIRE_SYNC:
        return sg_token_state_sync(&process->state, err);
    case WIRE_GRANT:
        return grant(process, call, err);
    case WIRE_REGRANT:
        return regrant(process, call, err);
    case WIRE_REVOKE:
        return revoke(process, call, err);
    case WIRE_USES:
        return count_uses(process, err);
    case WIRE_FORGET:
        forget_copies(process);
        return SG_OK;
    case WIRE_TRANSPORT:
    case WIRE_IMPORT:
    case WIRE_EXPORT:
        return sg_token_carry(process, call, err);
    case WIRE_SIGN:
    case WIRE_DECRYPT:
    case WIRE_DERIVE:
        break; /* dispatch.c */
    }
    return sg_fail(err, SG_E_INTERNAL, "unknown_verb", "unknown verb %u", call->head.verb);
}
