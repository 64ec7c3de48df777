/* What the private key does: signing and decryption, PKCS#11 v2.40 base, 5.11 and 5.9. Init is kept
 * here and checked; only the operation itself goes to the token process: one round trip. */
#include <string.h>

#include "module_internal.h"

/* ---- signing ---- */

CK_RV sg_C_SignInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    return sg_operation_begin(session, &session->sign, CKF_SIGN, mechanism, key);
}

/* PKCS#11 v2.40 mechanisms, 2.1.6, 2.1.10 (PSS: the input is the hash), 2.3.6 */
static bool input_fits(const struct sg_operation *operation, size_t len)
{
    size_t key_len = sg_operation_key_len(operation);
    switch (operation->row->kind) {
    case SG_MECHANISM_RSA_PKCS:
        return len + 11 <= key_len;
    case SG_MECHANISM_RSA_X_509:
        return len <= key_len;
    case SG_MECHANISM_RSA_PSS:
        return len == (size_t)EVP_MD_get_size(
                          sg_mechanism_digest((enum sg_hash)operation->mechanism.hash));
    case SG_MECHANISM_ECDSA:
        return true;
    case SG_MECHANISM_RSA_OAEP:
    case SG_MECHANISM_RSA_PKCS_HASHED:
    case SG_MECHANISM_EDDSA:
    case SG_MECHANISM_ECDH:
        break;
    }
    return false;
}

/* ECDSA takes the leftmost bits of what is longer than the order (mechanisms, 2.3.1, 2.3.6): the
 * bytes beyond do nothing, and a token might refuse them. */
static struct sg_bytes leftmost(const struct sg_operation *operation, struct sg_bytes input)
{
    size_t key_len = sg_operation_key_len(operation);
    bool longer = operation->row->kind == SG_MECHANISM_ECDSA && input.len > key_len;
    return (struct sg_bytes){input.data, longer ? key_len : input.len};
}

/* A modulus' or two orders' length, leading zeros included (PKCS#11 v2.40 mechanisms, 2.1.6, 2.3.1;
 * RFC 8017, 8.2.1). A client that gets less or more may send it on as it is. */
static CK_RV refuse_signature(const struct sg_operation *operation, size_t len)
{
    struct sg_error err = SG_ERROR_INIT;
    sg_fail(&err, SG_E_TOKEN, "bad_signature", "the token's signature has %zu bytes, not %zu", len,
            sg_operation_signature_len(operation));
    sg_connection_blame(sg_module_current()->connection, operation->ring, &operation->key);
    return sg_module_rv(&err);
}

static CK_RV sign(const struct sg_operation *operation, struct sg_bytes input,
                  unsigned char *signature, CK_ULONG *signature_len)
{
    unsigned char made[SG_SIGNATURE_MAX];
    size_t len = sizeof made;
    struct sg_error err = SG_ERROR_INIT;
    if (!input_fits(operation, input.len)) {
        return CKR_DATA_LEN_RANGE;
    }
    if (sg_connection_use(sg_module_current()->connection, operation->ring, SG_VERB_SIGN,
                          &operation->key, &operation->mechanism, leftmost(operation, input), made,
                          &len, &err) != SG_OK) {
        return sg_module_rv(&err);
    }
    if (len != sg_operation_signature_len(operation)) {
        return refuse_signature(operation, len);
    }
    memcpy(signature, made, len);
    *signature_len = len;
    return CKR_OK;
}

/* A question for the length and too small a buffer leave the operation as it is (PKCS#11 v2.40
 * base, 5.2). */
static bool wants_length(const struct sg_operation *operation, const unsigned char *signature,
                         CK_ULONG *signature_len, CK_RV *rv)
{
    size_t needed = sg_operation_signature_len(operation);
    *rv = CKR_OK;
    if (signature_len == NULL) {
        *rv = CKR_ARGUMENTS_BAD;
        return true;
    }
    if (signature != NULL && *signature_len >= needed) {
        return false;
    }
    *rv = signature == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
    *signature_len = needed;
    return true;
}

static CK_RV sign_hashed(struct sg_operation *operation, unsigned char *signature,
                         CK_ULONG *signature_len)
{
    unsigned char input[SG_SIGN_INPUT_MAX];
    size_t len = 0;
    CK_RV rv = sg_operation_hashed(operation, input, &len);
    if (rv != CKR_OK) {
        return rv;
    }
    return sign(operation, (struct sg_bytes){input, len}, signature, signature_len);
}

CK_RV sg_C_Sign(CK_SESSION_HANDLE handle, unsigned char *data, CK_ULONG len,
                unsigned char *signature, CK_ULONG *signature_len)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    struct sg_operation *operation = &session->sign;
    if (operation->row == NULL) {
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    if (operation->updated) {
        sg_operation_end(operation);
        return CKR_OPERATION_NOT_INITIALIZED; /* a one-part operation is not */
    }
    if (wants_length(operation, signature, signature_len, &rv)) {
        return rv;
    }
    if (data == NULL && len > 0) {
        rv = CKR_ARGUMENTS_BAD;
    } else if (operation->digest == NULL) {
        rv = sign(operation, (struct sg_bytes){data, len}, signature, signature_len);
    } else {
        rv = sg_operation_update(operation, data, len);
        rv = rv == CKR_OK ? sign_hashed(operation, signature, signature_len) : rv;
    }
    sg_operation_end(operation);
    return rv;
}

CK_RV sg_C_SignUpdate(CK_SESSION_HANDLE handle, unsigned char *part, CK_ULONG len)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    if (session->sign.row == NULL) {
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    session->sign.updated = true;
    rv = sg_operation_update(&session->sign, part, len);
    if (rv != CKR_OK) {
        sg_operation_end(&session->sign);
    }
    return rv;
}

CK_RV sg_C_SignFinal(CK_SESSION_HANDLE handle, unsigned char *signature, CK_ULONG *signature_len)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    struct sg_operation *operation = &session->sign;
    if (operation->row == NULL) {
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    if (wants_length(operation, signature, signature_len, &rv)) {
        return rv;
    }
    rv = operation->digest == NULL ? CKR_FUNCTION_NOT_SUPPORTED
                                   : sign_hashed(operation, signature, signature_len);
    sg_operation_end(operation);
    return rv;
}

/* ---- decryption ---- */

CK_RV sg_C_DecryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    return sg_operation_begin(session, &session->decrypt, CKF_DECRYPT, mechanism, key);
}

/* *keep says whether the operation goes on: the caller's buffer was too small for what came out. */
static CK_RV decrypt(const struct sg_operation *operation, struct sg_bytes input,
                     unsigned char *data, CK_ULONG *data_len, bool *keep)
{
    unsigned char plain[SG_SIGNATURE_MAX];
    size_t len = sizeof plain;
    struct sg_error err = SG_ERROR_INIT;
    if (input.data == NULL || input.len != sg_operation_key_len(operation)) {
        return CKR_ENCRYPTED_DATA_LEN_RANGE;
    }
    if (sg_connection_use(sg_module_current()->connection, operation->ring, SG_VERB_DECRYPT,
                          &operation->key, &operation->mechanism, input, plain, &len,
                          &err) != SG_OK) {
        return sg_module_rv(&err);
    }
    *keep = len > *data_len;
    if (!*keep) {
        memcpy(data, plain, len);
    }
    *data_len = len;
    explicit_bzero(plain, sizeof plain);
    return *keep ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

CK_RV sg_C_Decrypt(CK_SESSION_HANDLE handle, unsigned char *encrypted, CK_ULONG encrypted_len,
                   unsigned char *data, CK_ULONG *len)
{
    struct sg_session *session = NULL;
    bool keep = false;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    struct sg_operation *operation = &session->decrypt;
    if (operation->row == NULL) {
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    if (len == NULL) {
        return CKR_ARGUMENTS_BAD;
    }
    if (data == NULL) {
        *len =
            sg_operation_key_len(operation); /* never more; how much less only decrypting tells */
        return CKR_OK;
    }
    rv = decrypt(operation, (struct sg_bytes){encrypted, encrypted_len}, data, len, &keep);
    if (!keep) {
        sg_operation_end(operation);
    }
    return rv;
}
