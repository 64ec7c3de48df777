/* Digests and random numbers: PKCS#11 v2.40 base, 5.10 and 5.17. No key is involved, so no token is
 * asked. */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <sys/random.h>

#include "module_internal.h"

void sg_module_warm_up(void)
{
    static const enum sg_hash hashes[] = {SG_HASH_SHA1, SG_HASH_SHA224, SG_HASH_SHA256,
                                          SG_HASH_SHA384, SG_HASH_SHA512};
    unsigned char digest[EVP_MAX_MD_SIZE];
    /* No configuration file: it could load engines and providers into a process that must hold
     * none. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    for (size_t i = 0; i < SG_COUNT(hashes); i++) {
        (void)EVP_Digest("", 0, digest, NULL, sg_mechanism_digest(hashes[i]), NULL);
    }
    ERR_clear_error();
}

static void end_digest(struct sg_session *session)
{
    EVP_MD_CTX_free(session->digest);
    session->digest = NULL;
    session->digest_updated = false;
}

CK_RV sg_C_DigestInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    if (mechanism == NULL) {
        return CKR_ARGUMENTS_BAD;
    }
    if (session->digest != NULL) {
        return CKR_OPERATION_ACTIVE;
    }
    const EVP_MD *hash = sg_mechanism_plain_digest(mechanism->mechanism);
    if (hash == NULL) {
        return CKR_MECHANISM_INVALID;
    }
    session->digest = EVP_MD_CTX_new();
    if (session->digest == NULL || EVP_DigestInit_ex(session->digest, hash, NULL) != 1) {
        end_digest(session);
        return CKR_HOST_MEMORY;
    }
    return CKR_OK;
}

static CK_RV add(struct sg_session *session, const unsigned char *part, CK_ULONG len)
{
    if (part == NULL && len > 0) {
        return CKR_ARGUMENTS_BAD;
    }
    return len == 0 || EVP_DigestUpdate(session->digest, part, len) == 1 ? CKR_OK : CKR_HOST_MEMORY;
}

/* True when *rv is the answer already and the operation goes on. */
static bool wants_length(const struct sg_session *session, const unsigned char *digest,
                         CK_ULONG *digest_len, CK_RV *rv)
{
    *rv = CKR_OK;
    if (digest_len == NULL) {
        *rv = CKR_ARGUMENTS_BAD;
        return true;
    }
    CK_ULONG needed = (CK_ULONG)EVP_MD_CTX_get_size(session->digest);
    if (digest != NULL && *digest_len >= needed) {
        return false;
    }
    *rv = digest == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
    *digest_len = needed;
    return true;
}

static CK_RV finish(struct sg_session *session, unsigned char *digest, CK_ULONG *digest_len)
{
    unsigned len = 0;
    if (EVP_DigestFinal_ex(session->digest, digest, &len) != 1) {
        return CKR_HOST_MEMORY;
    }
    *digest_len = len;
    return CKR_OK;
}

CK_RV sg_C_Digest(CK_SESSION_HANDLE handle, unsigned char *data, CK_ULONG len,
                  unsigned char *digest, CK_ULONG *digest_len)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    if (session->digest == NULL || session->digest_updated) {
        end_digest(session);
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    if (wants_length(session, digest, digest_len, &rv)) {
        return rv;
    }
    rv = add(session, data, len);
    rv = rv == CKR_OK ? finish(session, digest, digest_len) : rv;
    end_digest(session);
    return rv;
}

CK_RV sg_C_DigestUpdate(CK_SESSION_HANDLE handle, unsigned char *part, CK_ULONG len)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    if (session->digest == NULL) {
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    session->digest_updated = true;
    rv = add(session, part, len);
    if (rv != CKR_OK) {
        end_digest(session);
    }
    return rv;
}

CK_RV sg_C_DigestFinal(CK_SESSION_HANDLE handle, unsigned char *digest, CK_ULONG *digest_len)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    if (session->digest == NULL) {
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    if (wants_length(session, digest, digest_len, &rv)) {
        return rv;
    }
    rv = finish(session, digest, digest_len);
    end_digest(session);
    return rv;
}

CK_RV sg_C_GenerateRandom(CK_SESSION_HANDLE handle, unsigned char *random, CK_ULONG len)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    if (random == NULL && len > 0) {
        return CKR_ARGUMENTS_BAD;
    }
    if (len > SG_ANSWER_MAX) {
        return CKR_DEVICE_MEMORY;
    }
    for (CK_ULONG done = 0; done < len;) {
        ssize_t got = getrandom(random + done, len - done, 0);
        if (got < 0 && errno != EINTR) {
            return CKR_DEVICE_ERROR;
        }
        done += got > 0 ? (CK_ULONG)got : 0;
    }
    return CKR_OK;
}
