/* What the public key does: verification and encryption, PKCS#11 v2.40 base, 5.12 and 5.8. Done
 * here, by OpenSSL. */
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include "module_internal.h"

static void free_context(EVP_PKEY_CTX *context)
{
    EVP_PKEY_CTX_free(context);
}
SG_DEFINE_CLEANUP(EVP_PKEY_CTX *, free_context)

static bool set_pss(EVP_PKEY_CTX *context, const struct sg_mechanism *mechanism)
{
    const EVP_MD *hash = sg_mechanism_digest((enum sg_hash)mechanism->hash);
    const EVP_MD *mgf = sg_mechanism_digest((enum sg_hash)mechanism->mgf_hash);
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(context, hash) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, mgf) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, (int)mechanism->salt_len) == 1;
}

static bool set_oaep(EVP_PKEY_CTX *context, const struct sg_mechanism *mechanism)
{
    const EVP_MD *hash = sg_mechanism_digest((enum sg_hash)mechanism->hash);
    const EVP_MD *mgf = sg_mechanism_digest((enum sg_hash)mechanism->mgf_hash);
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, hash) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, mgf) == 1;
}

static bool set_padding(EVP_PKEY_CTX *context, const struct sg_operation *operation)
{
    switch (operation->row->kind) {
    case SG_MECHANISM_RSA_PKCS:
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    case SG_MECHANISM_RSA_X_509:
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) == 1;
    case SG_MECHANISM_RSA_PSS:
        return set_pss(context, &operation->mechanism);
    case SG_MECHANISM_RSA_OAEP:
        return set_oaep(context, &operation->mechanism);
    case SG_MECHANISM_ECDSA:
        return true;
    case SG_MECHANISM_RSA_PKCS_HASHED:
    case SG_MECHANISM_EDDSA:
    case SG_MECHANISM_ECDH:
        break;
    }
    return false;
}

/* ---- verification ---- */

/* OpenSSL wants ECDSA signatures in DER, PKCS#11 has r || s. */
static int ecdsa_der(struct sg_bytes signature, unsigned char **out)
{
    int half = (int)(signature.len / 2);
    BIGNUM *r = BN_bin2bn(signature.data, half, NULL);
    BIGNUM *s = BN_bin2bn(signature.data + half, half, NULL);
    ECDSA_SIG *both = ECDSA_SIG_new();
    int len = -1;
    if (r != NULL && s != NULL && both != NULL && ECDSA_SIG_set0(both, r, s) == 1) {
        r = NULL;
        s = NULL;
        len = i2d_ECDSA_SIG(both, out);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(both);
    return len;
}

static bool verify_ecdsa(EVP_PKEY_CTX *context, struct sg_bytes input, struct sg_bytes signature)
{
    unsigned char *der = NULL;
    int len = ecdsa_der(signature, &der);
    bool good = len > 0 && EVP_PKEY_verify(context, der, (size_t)len, input.data, input.len) == 1;
    OPENSSL_free(der);
    return good;
}

/* What the signature holds is the input; of raw RSA, with zeros in front. EVP_PKEY_verify takes an
 * empty input for a failure. */
static bool verify_recovered(EVP_PKEY_CTX *context, struct sg_bytes input,
                             struct sg_bytes signature, bool raw)
{
    unsigned char block[SG_SIGNATURE_MAX];
    size_t len = sizeof block;
    if (EVP_PKEY_verify_recover(context, block, &len, signature.data, signature.len) != 1 ||
        len < input.len || (!raw && len != input.len)) {
        return false;
    }
    unsigned char differs = 0;
    for (size_t i = 0; i < len; i++) {
        size_t lead = len - input.len;
        differs |= block[i] ^ (i < lead ? 0 : input.data[i - lead]);
    }
    return differs == 0;
}

static CK_RV verify(const struct sg_operation *operation, struct sg_bytes input,
                    struct sg_bytes signature)
{
    if (signature.data == NULL || signature.len != sg_operation_signature_len(operation)) {
        return CKR_SIGNATURE_LEN_RANGE;
    }
    bool raw = operation->row->kind == SG_MECHANISM_RSA_X_509;
    bool recovers = raw || operation->row->kind == SG_MECHANISM_RSA_PKCS;
    SG_CLEANUP(free_contextp) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(operation->public_key, NULL);
    if (context == NULL ||
        (recovers ? EVP_PKEY_verify_recover_init(context) : EVP_PKEY_verify_init(context)) != 1 ||
        !set_padding(context, operation)) {
        ERR_clear_error();
        return CKR_FUNCTION_FAILED;
    }
    bool good = false;
    if (recovers) {
        good = verify_recovered(context, input, signature, raw);
    } else if (operation->row->family == SG_VIEW_EC) {
        good = verify_ecdsa(context, input, signature);
    } else {
        good = EVP_PKEY_verify(context, signature.data, signature.len, input.data, input.len) == 1;
    }
    ERR_clear_error();
    return good ? CKR_OK : CKR_SIGNATURE_INVALID;
}

static CK_RV verify_hashed(struct sg_operation *operation, struct sg_bytes signature)
{
    unsigned char input[SG_SIGN_INPUT_MAX];
    size_t len = 0;
    CK_RV rv = sg_operation_hashed(operation, input, &len);
    return rv == CKR_OK ? verify(operation, (struct sg_bytes){input, len}, signature) : rv;
}

CK_RV sg_C_VerifyInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    return sg_operation_begin(session, &session->verify, CKF_VERIFY, mechanism, key);
}

CK_RV sg_C_Verify(CK_SESSION_HANDLE handle, unsigned char *data, CK_ULONG len,
                  unsigned char *signature, CK_ULONG signature_len)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    struct sg_operation *operation = &session->verify;
    struct sg_bytes given = {signature, signature_len};
    if (operation->row == NULL) {
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    if (operation->updated) {
        rv = CKR_OPERATION_NOT_INITIALIZED; /* a one-part operation is not */
    } else if (data == NULL && len > 0) {
        rv = CKR_ARGUMENTS_BAD;
    } else if (operation->digest == NULL) {
        rv = verify(operation, (struct sg_bytes){data, len}, given);
    } else {
        rv = sg_operation_update(operation, data, len);
        rv = rv == CKR_OK ? verify_hashed(operation, given) : rv;
    }
    sg_operation_end(operation);
    return rv;
}

CK_RV sg_C_VerifyUpdate(CK_SESSION_HANDLE handle, unsigned char *part, CK_ULONG len)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    if (session->verify.row == NULL) {
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    session->verify.updated = true;
    rv = sg_operation_update(&session->verify, part, len);
    if (rv != CKR_OK) {
        sg_operation_end(&session->verify);
    }
    return rv;
}

CK_RV sg_C_VerifyFinal(CK_SESSION_HANDLE handle, unsigned char *signature, CK_ULONG signature_len)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    struct sg_operation *operation = &session->verify;
    if (operation->row == NULL) {
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    rv = operation->digest == NULL
             ? CKR_FUNCTION_NOT_SUPPORTED
             : verify_hashed(operation, (struct sg_bytes){signature, signature_len});
    sg_operation_end(operation);
    return rv;
}

/* ---- encryption ---- */

CK_RV sg_C_EncryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    return sg_operation_begin(session, &session->encrypt, CKF_ENCRYPT, mechanism, key);
}

/* Raw RSA takes a whole block: what is shorter gets zeros in front (PKCS#11 v2.40
 * mechanisms, 2.1.9). */
static bool pad_raw(struct sg_bytes *input, size_t key_len, unsigned char block[SG_SIGNATURE_MAX])
{
    if (input->len > key_len) {
        return false;
    }
    memset(block, 0, key_len);
    if (input->len > 0) {
        memcpy(block + key_len - input->len, input->data, input->len);
    }
    *input = (struct sg_bytes){block, key_len};
    return true;
}

static CK_RV encrypt(const struct sg_operation *operation, struct sg_bytes input,
                     unsigned char *encrypted, CK_ULONG *encrypted_len)
{
    unsigned char block[SG_SIGNATURE_MAX];
    size_t len = *encrypted_len;
    if (operation->row->kind == SG_MECHANISM_RSA_X_509 &&
        !pad_raw(&input, sg_operation_key_len(operation), block)) {
        return CKR_DATA_LEN_RANGE;
    }
    SG_CLEANUP(free_contextp) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(operation->public_key, NULL);
    bool ready =
        context != NULL && EVP_PKEY_encrypt_init(context) == 1 && set_padding(context, operation);
    bool done = ready && EVP_PKEY_encrypt(context, encrypted, &len, input.data, input.len) == 1;
    ERR_clear_error();
    if (!ready) {
        return CKR_FUNCTION_FAILED;
    }
    if (!done) {
        return CKR_DATA_LEN_RANGE; /* the only thing that a public key minds */
    }
    *encrypted_len = len;
    return CKR_OK;
}

CK_RV sg_C_Encrypt(CK_SESSION_HANDLE handle, unsigned char *data, CK_ULONG len,
                   unsigned char *encrypted, CK_ULONG *encrypted_len)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    struct sg_operation *operation = &session->encrypt;
    if (operation->row == NULL) {
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    if (encrypted_len == NULL) {
        return CKR_ARGUMENTS_BAD;
    }
    size_t needed = sg_operation_key_len(operation);
    if (encrypted == NULL || *encrypted_len < needed) {
        *encrypted_len = needed;
        return encrypted == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
    }
    rv = data == NULL && len > 0
             ? CKR_ARGUMENTS_BAD
             : encrypt(operation, (struct sg_bytes){data, len}, encrypted, encrypted_len);
    sg_operation_end(operation);
    return rv;
}
