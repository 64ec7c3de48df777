#include <string.h>

#include <signet/base/clock.h>
#include <signet/base/log.h>
#include <signet/pkcs11/mechanism.h>
#include <signet/pkcs11/result.h>

#include "process_internal.h"

_Static_assert(SG_KEY_ID_LEN == SG_PKCS11_ID_LEN, "a key's id is its CKA_ID");
_Static_assert(SG_SIGNATURE_MAX <= ANSWER_MAX, "every signature fits into an answer");

static const enum sg_pkcs11_mechanism_kind kinds[SG_MECHANISM_KIND_COUNT] = {
    [SG_MECHANISM_RSA_PKCS] = SG_PKCS11_RSA_PKCS,
    [SG_MECHANISM_RSA_X_509] = SG_PKCS11_RSA_X_509,
    [SG_MECHANISM_RSA_PKCS_HASHED] = SG_PKCS11_RSA_PKCS_HASHED,
    [SG_MECHANISM_RSA_PSS] = SG_PKCS11_RSA_PSS,
    [SG_MECHANISM_RSA_OAEP] = SG_PKCS11_RSA_OAEP,
    [SG_MECHANISM_ECDSA] = SG_PKCS11_ECDSA,
    [SG_MECHANISM_EDDSA] = SG_PKCS11_EDDSA,
    [SG_MECHANISM_ECDH] = SG_PKCS11_ECDH,
};
/* NONE stands where the mechanism has no hash; sg_token_wire_mechanism_valid saw to the others. */
static const enum sg_pkcs11_hash hashes[SG_HASH_COUNT] = {
    [SG_HASH_NONE] = SG_PKCS11_SHA1,     [SG_HASH_SHA1] = SG_PKCS11_SHA1,
    [SG_HASH_SHA224] = SG_PKCS11_SHA224, [SG_HASH_SHA256] = SG_PKCS11_SHA256,
    [SG_HASH_SHA384] = SG_PKCS11_SHA384, [SG_HASH_SHA512] = SG_PKCS11_SHA512,
};
static const enum sg_pkcs11_use uses[] = {
    [WIRE_SIGN] = SG_PKCS11_SIGN,
    [WIRE_DECRYPT] = SG_PKCS11_DECRYPT,
    [WIRE_DERIVE] = SG_PKCS11_DERIVE,
};

static bool is_use(const struct wire_call *call)
{
    return call->head.verb < SG_COUNT(uses);
}

static sg_status use_key(struct process *process, const struct wire_call *call,
                         struct sg_error *err)
{
    const struct sg_mechanism *asked = &call->head.mechanism;
    if (!is_use(call) || !sg_token_wire_mechanism_valid((enum wire_verb)call->head.verb, asked)) {
        return sg_fail(err, SG_E_INPUT, "bad_mechanism", "this mechanism cannot do that");
    }
    sg_status s = sg_token_state_check(&process->state, err);
    if (s != SG_OK) {
        return s;
    }
    const struct sg_pkcs11_mechanism mechanism = {
        .kind = kinds[asked->kind],
        .hash = hashes[asked->hash],
        .mgf_hash = hashes[asked->mgf_hash],
        .salt_len = asked->salt_len,
    };
    struct sg_pkcs11_id id;
    memcpy(id.bytes, call->head.key.bytes, sizeof id.bytes);
    size_t len = SG_SIGNATURE_MAX;
    s = sg_pkcs11_use_key(process->state.session, uses[call->head.verb], &id, &mechanism,
                          call->body, process->answer, &len, &process->key_asked, err);
    if (s == SG_OK) {
        process->answer_len = len;
    }
    return s;
}

static sg_status serve_holder(struct process *process, struct capability *origin,
                              const struct wire_call *call, struct sg_error *err)
{
    sg_status s = sg_token_capability_check(origin, call, err);
    return s == SG_OK ? use_key(process, call, err) : s;
}

static sg_status serve(struct process *process, struct capability *origin,
                       const struct wire_call *call, struct sg_error *err)
{
    if (origin != NULL) {
        return serve_holder(process, origin, call, err);
    }
    return is_use(call) ? use_key(process, call, err) : sg_token_administer(process, call, err);
}

/* A token that forgot our login, or went away, is helped by a fresh process only. What the token
 * says about the session decides, not the CK_RV alone: a single key may ask for a login of its own.
 * Logged out, private keys look missing. */
static bool is_login_lost(const struct process *process, const struct sg_error *err)
{
    return (err->ck_rv != 0 || err->status == SG_E_NOT_FOUND) && process->state.logged_in &&
           !sg_pkcs11_session_logged_in(process->state.session);
}

bool sg_token_is_doubtful(const struct process *process, const struct wire_call *call)
{
    size_t known = process->doubtful_count < DOUBTFUL_MAX ? process->doubtful_count : DOUBTFUL_MAX;
    for (size_t i = 0; i < known; i++) {
        if (memcmp(&process->doubtful[i], &call->head.key, sizeof call->head.key) == 0) {
            return true;
        }
    }
    return false;
}

/* What an import is refused for before anything of it goes to the token. */
static bool is_refused_unwritten(const struct sg_error *err)
{
    static const char *const codes[] = {"transport_key_gone", "sealed_key_damaged",
                                        "bad_private_key", "unsupported_key"};
    for (size_t i = 0; i < SG_COUNT(codes); i++) {
        if (strcmp(err->code, codes[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* After a write that failed half-way a module may go on with what it remembers: SoftHSM loses sight
 * of an object that it could not delete, and of a token whose directory was away for a moment.
 * Somebody waits for a new key and will ask again: the next process is to be ready by then. What
 * the journal repeats by itself is told from the rest by its key, which alone waits for another
 * process: one object that cannot be destroyed keeps nothing else waiting. */
static void note_doubt(struct process *process, const struct wire_call *call,
                       const struct sg_error *err)
{
    uint32_t verb = call->head.verb;
    bool makes = verb == WIRE_GENERATE || verb == WIRE_IMPORT;
    if (verb == WIRE_IMPORT && is_refused_unwritten(err)) {
        process->refused = call->head.key;
    }
    if (!sg_pkcs11_leaves_doubt(err->ck_rv)) {
        return;
    }
    process->reread = process->reread || makes;
    if (verb == WIRE_STORE || verb == WIRE_DESTROY) {
        process->doubtful[process->doubtful_count++ % DOUBTFUL_MAX] = call->head.key;
    }
}

static sg_status send_answer(const struct process *process, int socket,
                             const struct wire_request *request, const struct sg_error *err)
{
    struct wire_failure failure;
    struct wire_reply reply = {.magic = WIRE_MAGIC,
                               .version = WIRE_VERSION,
                               .verb = request->verb,
                               .sequence = request->sequence,
                               .status = (uint32_t)err->status,
                               .crowded = process->crowd.company.reached,
                               .ck_rv = err->ck_rv};
    const void *body = process->answer;
    size_t len = process->answer_len;
    if (err->status != SG_OK) {
        sg_token_wire_failure_from(err, &failure);
        body = &failure;
        len = sizeof failure;
    }
    reply.body_len = (uint32_t)len;
    struct sg_error ignored =
        SG_ERROR_INIT; /* whoever does not read is dropped, whatever the reason */
    return sg_packet_send(socket, &reply, sizeof reply, body, len, NULL, 0, &ignored);
}

/* By the module itself: who guesses with ciphertexts that do not decrypt has used the key as well.
 * Nothing is no ciphertext: a question whether the token knows the mechanism. What the end of our
 * login cut short is asked again of our successor, who counts it. */
static bool is_use_of_key(const struct process *process, const struct wire_call *call)
{
    bool asks = call->head.verb == WIRE_DECRYPT && call->body.len == 0;
    return process->key_asked && !asks && !process->login_lost;
}

/* Modules say anything of a peer's point that they do not take. */
static bool tells_of_token(const struct wire_call *call, const struct sg_error *err)
{
    return is_use(call) && (err->status == SG_OK || call->head.verb != WIRE_DERIVE);
}

static enum sg_busy_kind kind_of(const struct wire_call *call)
{
    return is_use(call)                    ? SG_BUSY_USE
           : call->head.verb == WIRE_LOGIN ? SG_BUSY_LOGIN
                                           : SG_BUSY_CALL;
}

/* Serve and answer. False when the other end is to be dropped. */
static bool answer(struct process *process, struct capability *origin, const struct wire_call *call)
{
    struct sg_error err = SG_ERROR_INIT;
    process->answer_len = 0;
    process->key_asked = false;
    struct sg_busy_page *busy = process->state.settings->busy;
    sg_busy_set(busy, kind_of(call), sg_monotonic_ms(sg_clock_system()));
    sg_status s = serve(process, origin, call, &err);
    if (s != SG_OK) {
        process->login_lost = is_login_lost(process, &err);
        note_doubt(process, call, &err);
        if (process->login_lost && is_use(call)) {
            /* Not the request's fault: it is repeated with our successor. */
            sg_fail(&err, SG_E_SERVICE, SG_TOKEN_LOGIN_LOST, "the token ended our login");
        }
    }
    if (origin != NULL && is_use_of_key(process, call)) {
        sg_token_uses_count(&process->uses, origin, &call->head.key, (uint32_t)call->head.number,
                            s == SG_OK);
    }
    if (origin != NULL && tells_of_token(call, &err)) {
        sg_token_uses_judge(&process->uses, &err);
    }
    sg_busy_beat(busy, sg_monotonic_ms(sg_clock_system())); /* many may be served in one go */
    sg_busy_set(busy, SG_BUSY_NOT, 0);
    int socket = origin != NULL ? origin->socket : process->admin;
    bool sent = send_answer(process, socket, &call->head, &err) == SG_OK;
    if (call->head.verb != WIRE_SIGN) {
        explicit_bzero(process->answer, process->answer_len); /* a plaintext or a shared secret */
    }
    return sent;
}

/* A capability's holder that sends anything else than a request is broken or worse, and loses its
 * socket. The administrative link is our own control process: it hears of its mistake. */
static bool refuse(struct process *process, const struct capability *origin)
{
    const struct sg_packet *packet = &process->packet;
    uint64_t count = sg_log_due(&process->malformed, sg_monotonic_ms(sg_clock_system()));
    if (count > 0) {
        sg_log(SG_LOG_WARNING,
               "event=malformed_request token=\"%s\" capability=%llu uid=%lld bytes=%zu count=%llu",
               process->state.settings->name,
               origin != NULL ? (unsigned long long)origin->number : 0ull,
               origin != NULL ? (long long)origin->uid : -1LL, packet->len,
               (unsigned long long)count);
    }
    if (origin != NULL) {
        return false;
    }
    struct wire_request head = {0};
    struct sg_error err = SG_ERROR_INIT;
    memcpy(&head, packet->data, packet->len < sizeof head ? packet->len : sizeof head);
    sg_fail(&err, SG_E_USAGE, "malformed_request", "the token process does not know this request");
    return send_answer(process, process->admin, &head, &err) == SG_OK;
}

bool sg_token_dispatch(struct process *process, struct capability *origin)
{
    struct wire_call call;
    const struct sg_packet *packet = &process->packet;
    bool keep = sg_token_wire_request_decode(packet->data, packet->len, packet->fd_count, &call)
                    ? answer(process, origin, &call)
                    : refuse(process, origin);
    sg_packet_close_fds(&process->packet);
    return keep;
}
