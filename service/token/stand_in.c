/* The answers of a token that is not there. No private key is ever made that outlives its
 * function. */
#include <signet/token/stand_in.h>

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "exchange_internal.h"

SG_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
SG_DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
SG_DEFINE_CLEANUP(BIGNUM *, BN_free)
SG_DEFINE_CLEANUP(OSSL_PARAM_BLD *, OSSL_PARAM_BLD_free)
SG_DEFINE_CLEANUP(OSSL_PARAM *, OSSL_PARAM_free)

static void der_freep(unsigned char **der)
{
    OPENSSL_free(*der);
}

static sg_status put(struct exchange *exchange, const void *data, size_t len, struct sg_error *err)
{
    if (len > sizeof exchange->reply) {
        return sg_fail(err, SG_E_INTERNAL, NULL, "an answer of %zu bytes", len);
    }
    if (len > 0) {
        memcpy(exchange->reply, data, len);
    }
    exchange->result = (struct sg_bytes){exchange->reply, len};
    return SG_OK;
}

static sg_status broken(struct sg_error *err)
{
    return sg_fail(err, SG_E_INTERNAL, NULL, "making a public key for a rehearsal");
}

/* A modulus of the right size, whose factors nobody knows: finding primes takes a second and more,
 * in a process that everybody waits for. */
static EVP_PKEY *make_rsa(unsigned bits)
{
    EVP_PKEY *key = NULL;
    SG_CLEANUP(BN_freep) BIGNUM *modulus = BN_new();
    SG_CLEANUP(OSSL_PARAM_BLD_freep) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    SG_CLEANUP(EVP_PKEY_CTX_freep)
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (modulus == NULL || builder == NULL || context == NULL ||
        BN_rand(modulus, (int)bits, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
        OSSL_PARAM_BLD_push_uint(builder, OSSL_PKEY_PARAM_RSA_E, 65537) != 1) {
        return NULL;
    }
    SG_CLEANUP(OSSL_PARAM_freep) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    if (params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        return NULL;
    }
    return key;
}

static const char *group_of(uint32_t curve)
{
    switch ((enum sg_curve)curve) {
    case SG_CURVE_P256:
        return "P-256";
    case SG_CURVE_P384:
        return "P-384";
    case SG_CURVE_P521:
        return "P-521";
    case SG_CURVE_SECP256K1:
        return "secp256k1";
    case SG_CURVE_NONE:
        break;
    }
    return "";
}

static EVP_PKEY *make_key(const struct wire_request *head)
{
    switch ((enum sg_key_family)head->family) {
    case SG_FAMILY_RSA:
        return make_rsa(head->bits);
    case SG_FAMILY_EC:
        return EVP_EC_gen(group_of(head->curve));
    case SG_FAMILY_ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
    return NULL;
}

static sg_status generate(struct exchange *exchange, struct sg_error *err)
{
    SG_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = make_key(&exchange->head);
    SG_CLEANUP(der_freep) unsigned char *spki = NULL;
    int len = key != NULL ? i2d_PUBKEY(key, &spki) : 0;
    return len > 0 ? put(exchange, spki, (size_t)len, err) : broken(err);
}

/* To be sealed to, and never to be opened: the private half ends here. */
static sg_status offer(struct exchange *exchange, struct sg_error *err)
{
    SG_TRANSPORT_KEY *key = NULL;
    struct wire_transport answer;
    sg_status s = sg_transport_key_new(&key, err);
    if (s != SG_OK) {
        return s;
    }
    memcpy(answer.point, sg_transport_key_point(key), sizeof answer.point);
    if (RAND_bytes(answer.id, (int)sizeof answer.id) != 1) {
        return sg_fail(err, SG_E_INTERNAL, "no_random", "no random numbers");
    }
    return put(exchange, &answer, sizeof answer, err);
}

static sg_status answer(struct exchange *exchange, struct sg_error *err)
{
    const uint32_t destroyed = 0;
    switch ((enum wire_verb)exchange->head.verb) {
    case WIRE_GENERATE:
        return generate(exchange, err);
    case WIRE_TRANSPORT:
        return offer(exchange, err);
    case WIRE_DESTROY:
        return put(exchange, &destroyed, sizeof destroyed, err);
    case WIRE_IMPORT:
    case WIRE_STORE:
    case WIRE_SYNC:
        return put(exchange, NULL, 0, err);
    case WIRE_SIGN:
    case WIRE_DECRYPT:
    case WIRE_DERIVE:
    case WIRE_INFO:
    case WIRE_LOGIN:
    case WIRE_GRANT:
    case WIRE_REGRANT:
    case WIRE_REVOKE:
    case WIRE_FORGET:
    case WIRE_EXPORT:
    case WIRE_USES:
        break;
    }
    return sg_fail(err, SG_E_UNSUPPORTED, "not_rehearsed", "a rehearsal uses no key of a token");
}

struct sg_token_link sg_token_stand_in_link(void)
{
    static const struct sg_token_stand_in stand_in = {.answer = answer};
    return (struct sg_token_link){.socket = -1, .timeout_ms = 0, .stand_in = &stand_in};
}
