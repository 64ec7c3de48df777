/* Private keys in and out of the token, sealed: transport, import, export. What is opened here
 * lives in buffers that are wiped, for as long as one request takes. */
#include <string.h>

#include <openssl/evp.h>

#include <signet/pkcs11/key.h>

#include "process_internal.h"

_Static_assert(SG_TRANSPORT_KEY_MAX + SG_TRANSPORT_OVERHEAD <= ANSWER_MAX,
               "every sealed key fits into an answer");

#define SPKI_MAX 1024 /* bytes: RSA of 4096 bits takes 550 */

static int64_t now_ms(void)
{
    return sg_monotonic_ms(sg_clock_system());
}

static sg_status transport(struct process *process, struct sg_error *err)
{
    const struct offer *offer = NULL;
    sg_status s = sg_token_offers_add(&process->offers, now_ms(), &offer, err);
    if (s != SG_OK) {
        return s;
    }
    struct wire_transport answer;
    memcpy(answer.id, offer->id, sizeof answer.id);
    memcpy(answer.point, sg_transport_key_point(offer->key), sizeof answer.point);
    memcpy(process->answer, &answer, sizeof answer);
    process->answer_len = sizeof answer;
    return SG_OK;
}

static bool has_digest(const struct sg_buffer *spki, const unsigned char expected[32])
{
    unsigned char digest[32];
    return EVP_Digest(spki->data, spki->len, digest, NULL, EVP_sha256(), NULL) == 1 &&
           memcmp(digest, expected, sizeof digest) == 0;
}

/* Open the package with the key pair that it names, which ends with this. */
static sg_status open_package(struct process *process, struct sg_bytes package,
                              struct sg_transport_context *context, struct sg_buffer *pkcs8,
                              struct sg_error *err)
{
    SG_TRANSPORT_KEY *key = NULL;
    if (package.len <= SG_TRANSPORT_HEAD_LEN) {
        return sg_fail(err, SG_E_INPUT, "sealed_key_damaged",
                       "the encrypted private key has %zu bytes only", package.len);
    }
    sg_status s = sg_token_offers_take(&process->offers, package.data, now_ms(), &key, err);
    if (s != SG_OK) {
        return s;
    }
    context->purpose = SG_TRANSPORT_IMPORT;
    memcpy(context->spki_sha256, package.data + SG_TRANSPORT_ID_LEN, sizeof context->spki_sha256);
    struct sg_bytes sealed = {package.data + SG_TRANSPORT_HEAD_LEN,
                              package.len - SG_TRANSPORT_HEAD_LEN};
    return sg_transport_open(key, context, sealed, pkcs8, err);
}

static struct sg_pkcs11_import import_of(const struct wire_call *call, const char *label)
{
    struct sg_pkcs11_import import = {
        .label = label,
        .decrypt = (call->head.flags & WIRE_FLAG_DECRYPT) != 0,
        .derive = (call->head.flags & WIRE_FLAG_DERIVE) != 0,
        .extractable = (call->head.flags & WIRE_FLAG_EXTRACTABLE) != 0,
    };
    memcpy(import.id.bytes, call->head.key.bytes, sizeof import.id.bytes);
    return import;
}

/* The sender said which public key it is: that is what control has decided upon. */
static sg_status check_same(struct process *process, const struct sg_pkcs11_import *import,
                            const struct sg_buffer *spki,
                            const struct sg_transport_context *context, struct sg_error *err)
{
    if (has_digest(spki, context->spki_sha256)) {
        return SG_OK;
    }
    unsigned count = 0;
    struct sg_error failed = SG_ERROR_INIT; /* control destroys what is left, by its journal */
    if (sg_pkcs11_object_destroy(process->state.session, &import->id, &count, &failed) != SG_OK) {
        process->reread = true; /* and sees then what is left */
    } else if (count > 0) {
        memcpy(process->refused.bytes, import->id.bytes, sizeof process->refused.bytes);
    }
    return sg_fail(err, SG_E_INPUT, "wrong_key",
                   "the encrypted private key is another one than was said");
}

static sg_status import(struct process *process, const struct wire_call *call, struct sg_error *err)
{
    char label[WIRE_LABEL_MAX + 1];
    struct sg_transport_context context;
    SG_BUFFER pkcs8;
    SG_BUFFER spki;
    sg_buffer_init(&pkcs8, SG_TRANSPORT_KEY_MAX + SG_TRANSPORT_OVERHEAD);
    sg_buffer_init(&spki, SPKI_MAX);
    memcpy(label, call->label.data, call->label.len);
    label[call->label.len] = '\0';
    struct sg_pkcs11_import wanted = import_of(call, label);
    sg_status s = open_package(process, call->body, &context, &pkcs8, err);
    s = s == SG_OK ? sg_pkcs11_key_import(process->state.session, &wanted,
                                          (struct sg_bytes){pkcs8.data, pkcs8.len}, &spki, err)
                   : s;
    s = s == SG_OK ? check_same(process, &wanted, &spki, &context, err) : s;
    if (s == SG_OK) {
        memcpy(process->answer, spki.data, spki.len);
        process->answer_len = spki.len;
    }
    return s;
}

static sg_status seal(struct process *process, const struct wire_export *asked,
                      const struct sg_buffer *pkcs8, struct sg_error *err)
{
    struct sg_transport_context context = {.purpose = SG_TRANSPORT_EXPORT};
    SG_BUFFER sealed;
    sg_buffer_init(&sealed, ANSWER_MAX);
    memcpy(context.spki_sha256, asked->spki_sha256, sizeof context.spki_sha256);
    sg_status s = sg_transport_seal(asked->point, &context,
                                    (struct sg_bytes){pkcs8->data, pkcs8->len}, &sealed, err);
    if (s == SG_OK) {
        memcpy(process->answer, sealed.data, sealed.len);
        process->answer_len = sealed.len;
    }
    return s;
}

static sg_status export(struct process *process, const struct wire_call *call, struct sg_error *err)
{
    struct wire_export asked;
    struct sg_pkcs11_id id;
    SG_BUFFER pkcs8;
    SG_BUFFER spki;
    sg_buffer_init(&pkcs8, SG_TRANSPORT_KEY_MAX);
    sg_buffer_init(&spki, SPKI_MAX);
    if (call->body.len != sizeof asked) {
        return sg_fail(err, SG_E_INPUT, "bad_transport_key",
                       "an export needs a public key to encrypt to");
    }
    memcpy(&asked, call->body.data, sizeof asked);
    memcpy(id.bytes, call->head.key.bytes, sizeof id.bytes);
    sg_status s = sg_pkcs11_key_export(process->state.session, &id, &pkcs8, &spki, err);
    if (s == SG_OK && !has_digest(&spki, asked.spki_sha256)) {
        return sg_fail(err, SG_E_CONFLICT, "wrong_key",
                       "the token holds another key than the certificate's");
    }
    return s == SG_OK ? seal(process, &asked, &pkcs8, err) : s;
}

sg_status sg_token_carry(struct process *process, const struct wire_call *call,
                         struct sg_error *err)
{
    sg_status s = sg_token_state_check(&process->state, err);
    if (s != SG_OK) {
        return s;
    }
    if (call->head.verb == WIRE_TRANSPORT) {
        return transport(process, err);
    }
    return call->head.verb == WIRE_IMPORT ? import(process, call, err) : export(process, call, err);
}
