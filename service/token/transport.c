#include <signet/token/transport.h>

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#define SECRET_LEN 32 /* bytes of a P-256 coordinate */
#define KEY_LEN 32
#define NONCE_LEN 12
#define TAG_LEN 16

SG_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
SG_DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
SG_DEFINE_CLEANUP(EVP_KDF *, EVP_KDF_free)
SG_DEFINE_CLEANUP(EVP_KDF_CTX *, EVP_KDF_CTX_free)
SG_DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)

struct sg_transport_key {
    EVP_PKEY *pair;
    unsigned char point[SG_TRANSPORT_POINT_LEN];
};

/* AES key and nonce of one sealed key. The nonce may be derived, for no key is used twice. */
struct keys {
    unsigned char key[KEY_LEN], nonce[NONCE_LEN];
};
_Static_assert(sizeof(struct keys) == KEY_LEN + NONCE_LEN, "filled in one go");

static void keys_done(struct keys *keys)
{
    explicit_bzero(keys, sizeof *keys);
}

/* Both ends compute it: whatever differs in it makes another key. */
struct binding {
    char text[24];
    unsigned char purpose;
    unsigned char spki_sha256[32];
    unsigned char sender[SG_TRANSPORT_POINT_LEN], recipient[SG_TRANSPORT_POINT_LEN];
};
_Static_assert(sizeof(struct binding) == 24 + 1 + 32 + 2 * SG_TRANSPORT_POINT_LEN, "no padding");

static struct binding bind_to(const struct sg_transport_context *context,
                              const unsigned char *sender, const unsigned char *recipient)
{
    struct binding binding = {.text = "signet key transport 1",
                              .purpose = (unsigned char)context->purpose};
    memcpy(binding.spki_sha256, context->spki_sha256, sizeof binding.spki_sha256);
    memcpy(binding.sender, sender, sizeof binding.sender);
    memcpy(binding.recipient, recipient, sizeof binding.recipient);
    return binding;
}

static sg_status broken(struct sg_error *err)
{
    sg_fail(err, SG_E_INTERNAL, NULL, "OpenSSL cannot encrypt a private key for transport");
    err->ossl = ERR_peek_last_error();
    ERR_clear_error();
    return err->status;
}

static sg_status damaged(struct sg_error *err)
{
    ERR_clear_error();
    sg_fail(err, SG_E_INPUT, "sealed_key_damaged",
            "the encrypted private key does not open: it was altered, or encrypted for another "
            "recipient, key or purpose");
    return sg_hint(err, "Repeat the command; each one encrypts the key anew.");
}

static bool read_point(EVP_PKEY *pair, unsigned char out[SG_TRANSPORT_POINT_LEN])
{
    size_t len = 0;
    return EVP_PKEY_get_octet_string_param(pair, OSSL_PKEY_PARAM_PUB_KEY, out,
                                           SG_TRANSPORT_POINT_LEN, &len) == 1 &&
           len == SG_TRANSPORT_POINT_LEN && out[0] == POINT_CONVERSION_UNCOMPRESSED;
}

sg_status sg_transport_key_new(struct sg_transport_key **out, struct sg_error *err)
{
    SG_TRANSPORT_KEY *key = calloc(1, sizeof *key);
    if (key == NULL) {
        return sg_fail_memory(err);
    }
    key->pair = EVP_EC_gen("P-256");
    if (key->pair == NULL || !read_point(key->pair, key->point)) {
        return broken(err);
    }
    *out = SG_STEAL(key);
    return SG_OK;
}

void sg_transport_key_free(struct sg_transport_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pair); /* which wipes the private half */
        free(key);
    }
}

const unsigned char *sg_transport_key_point(const struct sg_transport_key *key)
{
    return key->point;
}

/* A point that is not on the curve makes no key; deriving checks it once more (SP
 * 800-56A, 5.6.2.3).
 */
static EVP_PKEY *key_of_point(const unsigned char point[SG_TRANSPORT_POINT_LEN])
{
    char group[] = "P-256";
    unsigned char copy[SG_TRANSPORT_POINT_LEN];
    memcpy(copy, point, sizeof copy);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof copy),
        OSSL_PARAM_construct_end(),
    };
    SG_CLEANUP(EVP_PKEY_CTX_freep)
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    bool done = copy[0] == POINT_CONVERSION_UNCOMPRESSED && context != NULL &&
                EVP_PKEY_fromdata_init(context) == 1 &&
                EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1;
    return done ? key : NULL;
}

static bool agree(EVP_PKEY *own, EVP_PKEY *peer, unsigned char out[SECRET_LEN])
{
    size_t len = SECRET_LEN;
    SG_CLEANUP(EVP_PKEY_CTX_freep)
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    return context != NULL && EVP_PKEY_derive_init(context) == 1 &&
           EVP_PKEY_derive_set_peer(context, peer) == 1 &&
           EVP_PKEY_derive(context, out, &len) == 1 && len == SECRET_LEN;
}

static bool expand(unsigned char secret[SECRET_LEN], struct binding *binding, struct keys *out)
{
    char digest[] = "SHA256";
    SG_CLEANUP(EVP_KDF_freep) EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    SG_CLEANUP(EVP_KDF_CTX_freep)
    EVP_KDF_CTX *context = hkdf != NULL ? EVP_KDF_CTX_new(hkdf) : NULL;
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, SECRET_LEN),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, binding, sizeof *binding),
        OSSL_PARAM_construct_end(),
    };
    return context != NULL &&
           EVP_KDF_derive(context, (unsigned char *)out, sizeof *out, parameters) == 1;
}

static bool derive(EVP_PKEY *own, EVP_PKEY *peer, struct binding binding, struct keys *out)
{
    unsigned char secret[SECRET_LEN];
    bool done = agree(own, peer, secret) && expand(secret, &binding, out);
    explicit_bzero(secret, sizeof secret);
    return done;
}

static bool encrypt(const struct keys *keys, struct sg_bytes in, unsigned char *out)
{
    int len = 0;
    int rest = 0;
    SG_CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    return context != NULL &&
           EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, keys->key, keys->nonce) == 1 &&
           EVP_EncryptUpdate(context, out, &len, in.data, (int)in.len) == 1 &&
           EVP_EncryptFinal_ex(context, out + len, &rest) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_LEN, out + in.len) == 1;
}

/* in ends in the tag. */
static bool decrypt(const struct keys *keys, struct sg_bytes in, unsigned char *out)
{
    int len = 0;
    int rest = 0;
    unsigned char tag[TAG_LEN];
    memcpy(tag, in.data + in.len - TAG_LEN, TAG_LEN);
    SG_CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    return context != NULL &&
           EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, keys->key, keys->nonce) == 1 &&
           EVP_DecryptUpdate(context, out, &len, in.data, (int)(in.len - TAG_LEN)) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1 &&
           EVP_DecryptFinal_ex(context, out + len, &rest) == 1;
}

sg_status sg_transport_seal(const unsigned char point[SG_TRANSPORT_POINT_LEN],
                            const struct sg_transport_context *context, struct sg_bytes key,
                            struct sg_buffer *out, struct sg_error *err)
{
    SG_CLEANUP(keys_done) struct keys keys = {.key = {0}};
    SG_TRANSPORT_KEY *sender = NULL;
    unsigned char *room = NULL;
    if (key.len == 0 || key.len > SG_TRANSPORT_KEY_MAX) {
        return sg_fail(err, SG_E_LIMIT, "key_too_large",
                       "a private key of %zu bytes: 1 to %d can be taken", key.len,
                       SG_TRANSPORT_KEY_MAX);
    }
    SG_CLEANUP(EVP_PKEY_freep) EVP_PKEY *peer = key_of_point(point);
    if (peer == NULL) {
        ERR_clear_error();
        return sg_fail(err, SG_E_INPUT, "bad_transport_key",
                       "what a private key shall be encrypted to is no public key on P-256");
    }
    sg_status s = sg_transport_key_new(&sender, err);
    s = s == SG_OK ? sg_buffer_reserve(out, key.len + SG_TRANSPORT_OVERHEAD, &room, err) : s;
    if (s != SG_OK || sender == NULL || room == NULL) {
        return s;
    }
    memcpy(room, sender->point, sizeof sender->point);
    if (!derive(sender->pair, peer, bind_to(context, sender->point, point), &keys) ||
        !encrypt(&keys, key, room + SG_TRANSPORT_POINT_LEN)) {
        return broken(err);
    }
    out->len += key.len + SG_TRANSPORT_OVERHEAD;
    out->data[out->len] = 0;
    return SG_OK;
}

sg_status sg_transport_open(const struct sg_transport_key *key,
                            const struct sg_transport_context *context, struct sg_bytes sealed,
                            struct sg_buffer *out, struct sg_error *err)
{
    SG_CLEANUP(keys_done) struct keys keys = {.key = {0}};
    unsigned char *room = NULL;
    if (sealed.len <= SG_TRANSPORT_OVERHEAD ||
        sealed.len > SG_TRANSPORT_KEY_MAX + SG_TRANSPORT_OVERHEAD) {
        return damaged(err);
    }
    SG_CLEANUP(EVP_PKEY_freep) EVP_PKEY *sender = key_of_point(sealed.data);
    if (sender == NULL ||
        !derive(key->pair, sender, bind_to(context, sealed.data, key->point), &keys)) {
        return damaged(err);
    }
    struct sg_bytes text = {sealed.data + SG_TRANSPORT_POINT_LEN,
                            sealed.len - SG_TRANSPORT_POINT_LEN};
    sg_status s = sg_buffer_reserve(out, text.len, &room, err);
    if (s != SG_OK) {
        return s;
    }
    if (!decrypt(&keys, text, room)) {
        explicit_bzero(room, text.len); /* what was decrypted before the tag was seen to be wrong */
        return damaged(err);
    }
    out->len += text.len - TAG_LEN;
    out->data[out->len] = 0;
    return SG_OK;
}
