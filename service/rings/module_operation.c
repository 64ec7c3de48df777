/* What signing, verifying, encrypting and decrypting have in common: how an operation begins,
 * hashes and ends. */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "module_internal.h"

void sg_operation_end(struct sg_operation *operation)
{
    EVP_MD_CTX_free(operation->digest);
    EVP_PKEY_free(operation->public_key);
    *operation = (struct sg_operation){.row = NULL};
}

size_t sg_operation_key_len(const struct sg_operation *operation)
{
    return ((size_t)operation->key.bits + 7) / 8;
}

size_t sg_operation_signature_len(const struct sg_operation *operation)
{
    size_t len = sg_operation_key_len(operation);
    return operation->row->family == SG_VIEW_EC ? 2 * len : len; /* r || s */
}

static CK_OBJECT_CLASS class_for(CK_FLAGS verb)
{
    return verb == CKF_SIGN || verb == CKF_DECRYPT ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY;
}

/* The token process checks all this again from the capability; here the client gets its answer at
 * Init, where the standard wants it. Raw RSA is signing and decryption in one,
 * whatever it is called. */
static bool may(const struct sg_view_key *key, const struct sg_mechanism_row *row, CK_FLAGS verb)
{
    if (verb == CKF_VERIFY) {
        return true;
    }
    bool raw = row->kind == SG_MECHANISM_RSA_X_509;
    bool decrypts = verb != CKF_SIGN || raw;
    bool signs = verb == CKF_SIGN || (verb == CKF_DECRYPT && raw);
    return (!decrypts || key->may_decrypt == 1) && (!signs || key->retired == 0);
}

static CK_RV check(const struct sg_view_object *object, const struct sg_view_key *key,
                   const struct sg_mechanism_row *row, CK_FLAGS verb)
{
    if (object == NULL || key == NULL) {
        return CKR_KEY_HANDLE_INVALID;
    }
    if (row == NULL || (row->flags & verb) == 0) {
        return CKR_MECHANISM_INVALID;
    }
    if (object->object_class != class_for(verb)) {
        return CKR_KEY_FUNCTION_NOT_PERMITTED;
    }
    if (row->family != (enum sg_view_family)key->family) {
        return CKR_KEY_TYPE_INCONSISTENT;
    }
    return may(key, row, verb) ? CKR_OK : CKR_KEY_FUNCTION_NOT_PERMITTED;
}

static CK_RV load_public_key(struct sg_operation *operation, const struct sg_view *view,
                             const struct sg_view_object *object)
{
    struct sg_bytes der = {NULL, 0};
    if (!sg_view_find_attribute(view, object, CKA_PUBLIC_KEY_INFO, &der)) {
        return CKR_KEY_HANDLE_INVALID;
    }
    const unsigned char *at = der.data;
    operation->public_key = d2i_PUBKEY(NULL, &at, (long)der.len);
    ERR_clear_error();
    return operation->public_key == NULL ? CKR_HOST_MEMORY : CKR_OK;
}

static CK_RV start_digest(struct sg_operation *operation)
{
    operation->digest = EVP_MD_CTX_new();
    const EVP_MD *hash = sg_mechanism_digest(operation->row->hash);
    if (operation->digest == NULL || EVP_DigestInit_ex(operation->digest, hash, NULL) != 1) {
        ERR_clear_error();
        return CKR_HOST_MEMORY;
    }
    return CKR_OK;
}

static CK_RV fill(struct sg_operation *operation, const struct sg_view *view,
                  const struct sg_view_object *object, CK_FLAGS verb, const CK_MECHANISM *mechanism)
{
    CK_RV rv = sg_mechanism_translate(operation->row, mechanism, sg_operation_key_len(operation),
                                      &operation->mechanism);
    if (rv == CKR_OK && operation->row->kind == SG_MECHANISM_RSA_OAEP) {
        rv = sg_oaep_check(operation);
    }
    if (rv == CKR_OK && operation->row->hash != SG_HASH_NONE) {
        rv = start_digest(operation);
    }
    if (rv == CKR_OK && class_for(verb) == CKO_PUBLIC_KEY) {
        rv = load_public_key(operation, view, object);
    }
    return rv;
}

CK_RV sg_operation_begin(struct sg_session *session, struct sg_operation *operation, CK_FLAGS verb,
                         const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    if (mechanism == NULL) {
        return CKR_ARGUMENTS_BAD;
    }
    if (operation->row != NULL) {
        return CKR_OPERATION_ACTIVE;
    }
    const struct sg_view *view = NULL;
    const struct sg_view_object *object = sg_session_object(session, key, &view);
    const struct sg_view_key *view_key = object == NULL ? NULL : sg_view_key_of(view, object);
    const struct sg_mechanism_row *row = sg_mechanism_find(mechanism->mechanism);
    CK_RV rv = check(object, view_key, row, verb);
    if (rv != CKR_OK) {
        return rv;
    }
    /* The key is copied: the view may be replaced before the operation ends. */
    *operation = (struct sg_operation){.row = row, .key = *view_key, .ring = session->slot};
    rv = fill(operation, view, object, verb, mechanism);
    if (rv != CKR_OK) {
        sg_operation_end(operation);
    }
    return rv;
}

CK_RV sg_operation_update(struct sg_operation *operation, const CK_BYTE *part, CK_ULONG len)
{
    if (part == NULL && len > 0) {
        return CKR_ARGUMENTS_BAD;
    }
    if (operation->digest == NULL) {
        return CKR_FUNCTION_NOT_SUPPORTED; /* this mechanism works in one part only */
    }
    return len == 0 || EVP_DigestUpdate(operation->digest, part, len) == 1 ? CKR_OK
                                                                           : CKR_HOST_MEMORY;
}

CK_RV sg_operation_hashed(struct sg_operation *operation, unsigned char out[SG_SIGN_INPUT_MAX],
                          size_t *out_len)
{
    struct sg_bytes prefix = {NULL, 0};
    if (operation->row->family == SG_VIEW_RSA) {
        prefix = sg_mechanism_digest_info(operation->row->hash);
        memcpy(out, prefix.data, prefix.len);
    }
    unsigned len = 0;
    if (EVP_DigestFinal_ex(operation->digest, out + prefix.len, &len) != 1) {
        return CKR_HOST_MEMORY;
    }
    *out_len = prefix.len + len;
    return CKR_OK;
}
