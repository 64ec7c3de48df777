/* A token process as the rings see it: the real wire, keys in OpenSSL. */
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <p11-kit/pkcs11.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <signet/base/packet.h>

#include "cmocka_all.h"
#include "rings_fixture.h"
#include "wire_internal.h"

static const EVP_MD *digest_of(uint32_t hash)
{
    switch ((enum sg_hash)hash) {
    case SG_HASH_SHA1:
        return EVP_sha1();
    case SG_HASH_SHA224:
        return EVP_sha224();
    case SG_HASH_SHA256:
        return EVP_sha256();
    case SG_HASH_SHA384:
        return EVP_sha384();
    case SG_HASH_SHA512:
        return EVP_sha512();
    case SG_HASH_NONE:
        break;
    }
    return NULL;
}

static bool set_padding(EVP_PKEY_CTX *context, const struct sg_mechanism *mechanism)
{
    const EVP_MD *hash = digest_of(mechanism->hash);
    const EVP_MD *mgf = digest_of(mechanism->mgf_hash);
    switch ((enum sg_mechanism_kind)mechanism->kind) {
    case SG_MECHANISM_RSA_PKCS:
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    case SG_MECHANISM_RSA_X_509:
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1;
    case SG_MECHANISM_RSA_PSS:
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_signature_md(context, hash) == 1 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(context, mgf) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(context, (int)mechanism->salt_len) == 1;
    case SG_MECHANISM_RSA_OAEP:
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_oaep_md(context, hash) == 1 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(context, mgf) == 1;
    case SG_MECHANISM_ECDSA:
        return true;
    case SG_MECHANISM_RSA_PKCS_HASHED:
    case SG_MECHANISM_EDDSA:
    case SG_MECHANISM_ECDH:
        break;
    }
    return false;
}

/* DER to r || s. */
static bool flatten(unsigned char *out, size_t *len, int half)
{
    const unsigned char *at = out;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)*len);
    if (signature == NULL) {
        return false;
    }
    bool done = BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, half) == half &&
                BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + half, half) == half;
    ECDSA_SIG_free(signature);
    *len = 2 * (size_t)half;
    return done;
}

static bool use(EVP_PKEY *key, const struct wire_call *call, unsigned char *out, size_t *len)
{
    bool sign = call->head.verb == WIRE_SIGN;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool done = context != NULL &&
                (sign ? EVP_PKEY_sign_init(context) : EVP_PKEY_decrypt_init(context)) == 1 &&
                set_padding(context, &call->head.mechanism);
    if (done && sign) {
        done = EVP_PKEY_sign(context, out, len, call->body.data, call->body.len) == 1;
    } else if (done) {
        done = EVP_PKEY_decrypt(context, out, len, call->body.data, call->body.len) == 1;
    }
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    if (done && call->head.mechanism.kind == SG_MECHANISM_ECDSA) {
        done = flatten(out, len, (EVP_PKEY_get_bits(key) + 7) / 8);
    }
    return done;
}

static EVP_PKEY *find_key(const struct rings_material *material, const struct sg_key_id *id)
{
    for (enum material i = M_CA; i < M_COUNT; i++) {
        if (memcmp(&material->ids[i], id, sizeof *id) == 0) {
            return material->keys[i];
        }
    }
    return NULL;
}

static uint32_t crowded;

static void reply(int socket, const struct wire_call *call, sg_status status, unsigned long rv,
                  const void *body, size_t len)
{
    struct sg_error err = SG_ERROR_INIT;
    struct wire_reply head = {.magic = WIRE_MAGIC,
                              .version = WIRE_VERSION,
                              .verb = call->head.verb,
                              .sequence = call->head.sequence,
                              .status = status,
                              .ck_rv = rv,
                              .body_len = (uint32_t)len,
                              .crowded = crowded};
    (void)!sg_packet_send(socket, &head, sizeof head, body, len, NULL, 0, &err);
}

static void refuse(int socket, const struct wire_call *call, sg_status status, unsigned long rv)
{
    struct sg_error err = SG_ERROR_INIT;
    struct wire_failure failure;
    sg_fail(&err, status, NULL, "the test's token refuses");
    err.ck_rv = rv;
    sg_token_wire_failure_from(&err, &failure);
    reply(socket, call, status, rv, &failure, sizeof failure);
}

static bool take_one(_Atomic int *knob)
{
    int left = atomic_load(knob);
    while (left > 0) {
        if (atomic_compare_exchange_weak(knob, &left, left - 1)) {
            return true;
        }
    }
    return false;
}

static void answer(int socket, const struct rings_material *material, struct rings_knobs *knobs,
                   const struct wire_call *call)
{
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = sizeof out;
    EVP_PKEY *key = find_key(material, &call->head.key);
    atomic_fetch_add(&knobs->uses, 1);
    crowded = (uint32_t)atomic_load(&knobs->crowded);
    if (take_one(&knobs->deaths)) {
        _exit(0);
    }
    if (take_one(&knobs->token_silent)) {
        return;
    }
    if (take_one(&knobs->denials)) {
        refuse(socket, call, SG_E_DENIED, 0);
    } else if (take_one(&knobs->refusals)) {
        refuse(socket, call, SG_E_TOKEN, atomic_load(&knobs->refusal_rv));
    } else if (key == NULL || call->head.verb == WIRE_DERIVE) {
        refuse(socket, call, SG_E_DENIED, 0);
    } else if (use(key, call, out, &len)) {
        reply(socket, call, SG_OK, 0, out, len);
    } else {
        refuse(socket, call, SG_E_TOKEN, CKR_ENCRYPTED_DATA_INVALID);
    }
}

void rings_token_serve(int socket, const struct rings_material *material, struct rings_knobs *knobs)
{
    static struct sg_packet packet;
    struct sg_error err = SG_ERROR_INIT;
    struct wire_call call;
    while (sg_packet_receive(socket, -1, &packet, &err) == SG_OK) {
        if (!sg_token_wire_request_decode(packet.data, packet.len, packet.fd_count, &call)) {
            return; /* the rings side speaks another language: tests see a dead token */
        }
        answer(socket, material, knobs, &call);
    }
}
