#include "wrapping_internal.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "template_internal.h"

SG_DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)

void sg_pkcs11_wrapping_done(struct wrapping *wrapping)
{
    if (wrapping->handle != CK_INVALID_HANDLE) {
        (void)wrapping->session->call->C_DestroyObject(wrapping->session->handle, wrapping->handle);
    }
    explicit_bzero(wrapping, sizeof *wrapping);
}

static CK_RV create(struct sg_pkcs11_session *session, struct wrapping *wrapping)
{
    static const CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
    static const CK_KEY_TYPE aes = CKK_AES;
    struct template template = {.count = 0};
    sg_pkcs11_template_add(&template, CKA_CLASS, &secret, sizeof secret);
    sg_pkcs11_template_add(&template, CKA_KEY_TYPE, &aes, sizeof aes);
    sg_pkcs11_template_add(&template, CKA_VALUE, wrapping->value, sizeof wrapping->value);
    sg_pkcs11_template_add_bool(&template, CKA_TOKEN, false);
    sg_pkcs11_template_add_bool(&template, CKA_PRIVATE, true);
    sg_pkcs11_template_add_bool(&template, CKA_SENSITIVE, true);
    sg_pkcs11_template_add_bool(&template, CKA_EXTRACTABLE, false);
    sg_pkcs11_template_add_bool(&template, CKA_WRAP, true);
    sg_pkcs11_template_add_bool(&template, CKA_UNWRAP, true);
    return session->call->C_CreateObject(session->handle, template.rows, template.count,
                                         &wrapping->handle);
}

CK_RV sg_pkcs11_wrapping_make(struct sg_pkcs11_session *session, struct wrapping *out)
{
    *out = (struct wrapping){.session = session, .handle = CK_INVALID_HANDLE};
    if (RAND_priv_bytes(out->value, sizeof out->value) != 1) {
        ERR_clear_error();
        return CKR_FUNCTION_FAILED;
    }
    CK_RV rv = create(session, out);
    if (rv != CKR_OK) {
        out->handle = CK_INVALID_HANDLE;
    }
    return rv;
}

static bool transform(const struct wrapping *wrapping, int encrypt, struct sg_bytes in,
                      struct sg_buffer *out)
{
    struct sg_error ignored = SG_ERROR_INIT; /* the caller says what failed */
    unsigned char *room = NULL;
    int len = 0;
    int rest = 0;
    SG_CLEANUP(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context == NULL || in.len == 0 || in.len > WRAPPED_MAX ||
        sg_buffer_reserve(out, in.len + 16, &room, &ignored) != SG_OK) {
        return false;
    }
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    bool done = EVP_CipherInit_ex(context, EVP_aes_256_wrap_pad(), NULL, wrapping->value, NULL,
                                  encrypt) == 1 &&
                EVP_CipherUpdate(context, room, &len, in.data, (int)in.len) == 1 &&
                EVP_CipherFinal_ex(context, room + len, &rest) == 1;
    ERR_clear_error();
    if (done) {
        out->len += (size_t)len + (size_t)rest;
        out->data[out->len] = 0;
    }
    return done;
}

bool sg_pkcs11_wrap(const struct wrapping *wrapping, struct sg_bytes key, struct sg_buffer *out)
{
    return transform(wrapping, 1, key, out);
}

bool sg_pkcs11_unwrap(const struct wrapping *wrapping, struct sg_bytes wrapped,
                      struct sg_buffer *out)
{
    return transform(wrapping, 0, wrapped, out);
}
