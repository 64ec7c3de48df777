#include <string.h>

#include "key_read_internal.h"
#include "wrapping_internal.h"

SG_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)

/* The key's bytes are only ever in the clear in our own memory. */
static CK_RV unwrap(struct sg_pkcs11_session *session, const struct sg_pkcs11_key_request *request,
                    CK_KEY_TYPE type, struct sg_bytes pkcs8, CK_OBJECT_HANDLE *out)
{
    static const CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    struct template template = {.count = 0};
    SG_BUFFER wrapped;
    WRAPPING wrapping;
    sg_buffer_init(&wrapped, WRAPPED_MAX + 16);
    CK_RV rv = sg_pkcs11_wrapping_make(session, &wrapping);
    if (rv != CKR_OK) {
        return rv;
    }
    if (!sg_pkcs11_wrap(&wrapping, pkcs8, &wrapped)) {
        return CKR_FUNCTION_FAILED;
    }
    sg_pkcs11_private_rows(session, &template, request);
    sg_pkcs11_template_add(&template, CKA_CLASS, &private_key, sizeof private_key);
    sg_pkcs11_template_add(&template, CKA_KEY_TYPE, &type, sizeof type);
    return session->call->C_UnwrapKey(session->handle, &mechanism, wrapping.handle, wrapped.data,
                                      (CK_ULONG)wrapped.len, template.rows, template.count, out);
}

/* Tokens differ in which keys they unwrap, and in which they let be made out of their values. */
static CK_RV make_private(struct sg_pkcs11_session *session,
                          const struct sg_pkcs11_key_request *request, EVP_PKEY *key,
                          struct sg_bytes pkcs8, CK_OBJECT_HANDLE *out)
{
    CK_RV rv = unwrap(session, request, sg_pkcs11_ck_key_type(request->type), pkcs8, out);
    return rv == CKR_OK ? rv : sg_pkcs11_create_private(session, request, key, out);
}

static sg_status make_pair(struct sg_pkcs11_session *session,
                           const struct sg_pkcs11_key_request *request, EVP_PKEY *key,
                           struct key_pair *out, struct sg_error *err)
{
    SG_BUFFER pkcs8;
    sg_buffer_init(&pkcs8, PKCS8_MAX);
    sg_status s = sg_pkcs11_private_write(key, &pkcs8, err);
    if (s != SG_OK) {
        return s;
    }
    CK_RV rv = make_private(session, request, key, (struct sg_bytes){pkcs8.data, pkcs8.len},
                            &out->private_key);
    if (rv != CKR_OK) {
        return sg_pkcs11_fail(err, rv, "the token did not take the private key");
    }
    rv = sg_pkcs11_create_public(session, request, key, &out->public_key);
    if (rv != CKR_OK) {
        (void)session->call->C_DestroyObject(session->handle, out->private_key);
        return sg_pkcs11_fail(err, rv, "the token did not take the public key");
    }
    return SG_OK;
}

static sg_status try_or_destroy(struct sg_pkcs11_session *session,
                                const struct sg_pkcs11_key_request *request, EVP_PKEY *key,
                                struct sg_error *err)
{
    unsigned count = 0;
    struct sg_error ignored = SG_ERROR_INIT; /* why it is destroyed is what matters */
    sg_status s = sg_pkcs11_key_try(session, request, key, err);
    if (s != SG_OK) {
        (void)!sg_pkcs11_object_destroy(session, &request->id, &count, &ignored);
    }
    return s;
}

sg_status sg_pkcs11_key_import(struct sg_pkcs11_session *session,
                               const struct sg_pkcs11_import *import, struct sg_bytes pkcs8,
                               struct sg_buffer *spki, struct sg_error *err)
{
    SG_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    struct key_pair pair = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
    struct sg_pkcs11_key_request request = {.id = import->id,
                                            .label = import->label,
                                            .decrypt = import->decrypt,
                                            .derive = import->derive,
                                            .extractable = import->extractable};
    sg_status s = sg_pkcs11_private_read(pkcs8, &request, &key, err);
    s = s == SG_OK ? sg_pkcs11_key_request_check(&request, err) : s;
    s = s == SG_OK ? sg_pkcs11_id_unused(session, &request.id, err) : s;
    s = s == SG_OK ? make_pair(session, &request, key, &pair, err) : s;
    if (s != SG_OK) {
        return s;
    }
    size_t spki_len = spki->len;
    s = sg_pkcs11_pair_keep(session, &pair, &request, PAIR_BROUGHT, spki, err);
    s = s == SG_OK ? try_or_destroy(session, &request, key, err) : s;
    if (s != SG_OK) {
        spki->len = spki_len;
    }
    return s;
}
