/* The virtual PKCS#11 module: a CK_FUNCTION_LIST over one connection's view and capabilities.
 * PKCS#11 v2.40 base. */
#ifndef SIGNET_RINGS_MODULE_INTERNAL_H
#define SIGNET_RINGS_MODULE_INTERNAL_H

#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>

#include <signet/token/mechanism.h>

#include "connection_internal.h"

#define SG_SESSIONS_MAX 512 /**< open sessions of one client */
/** Bytes of random numbers, or of attributes' values, that one call may ask for. */
#define SG_ANSWER_MAX ((size_t)1 << 20)
#define SG_VIEWS_PAST_MAX 4 /**< views that are out of date and that sessions still hold */

/** One row for each mechanism that means something here. */
struct sg_mechanism_row {
    CK_MECHANISM_TYPE type;
    enum sg_mechanism_kind kind;
    enum sg_hash
        hash; /**< what is hashed here before the key is used; SG_HASH_NONE: the caller has */
    enum sg_view_family family;
    CK_FLAGS flags; /**< CKF_SIGN … */
};

/** A signature, verification, encryption or decryption between its Init and its end. */
struct sg_operation {
    const struct sg_mechanism_row *row; /**< NULL: none is active */
    struct sg_mechanism mechanism;
    struct sg_view_key key;
    CK_SLOT_ID ring;      /**< through which the key is used */
    bool updated;         /**< has seen an Update: only Final may end it */
    EVP_MD_CTX *digest;   /**< for mechanisms that hash */
    EVP_PKEY *public_key; /**< for verification and encryption */
};

struct sg_search {
    bool active;
    CK_OBJECT_HANDLE
    *handles; /**< what was found at FindObjectsInit; changes of the view do not touch it */
    size_t count, next;
};

struct sg_session {
    CK_SESSION_HANDLE handle;
    CK_SLOT_ID slot;
    bool read_write, logged_in;
    struct sg_view *seen; /**< what its last search looked at; NULL: it has not searched */
    struct sg_search search;
    struct sg_operation sign, verify, encrypt, decrypt;
    EVP_MD_CTX *digest; /**< NULL: none is active */
    bool digest_updated;
};

/** What a token has said of OAEP: a bit for each pair of hash and mask. */
struct sg_oaep_answers {
    uint32_t asked, able;
};

struct sg_module {
    CK_FUNCTION_LIST functions;
    struct sg_connection *connection;
    int64_t told_ms;                    /**< when rings was told of failures last, monotonic */
    uint64_t failures;                  /**< since then */
    struct sg_error failure;            /**< the last one */
    struct sg_used_place failure_place; /**< and where it was */
    bool initialized;
    bool slots_counted; /**< the caller has asked for the number of slots and comes back for them */
    uint32_t serial;    /**< of the session opened last */
    struct sg_session *sessions[SG_SESSIONS_MAX];
    struct sg_oaep_answers oaep[SG_TOKENS_MAX];
};

/** Make the process's only module. */
SG_CHECKED sg_status sg_module_new(struct sg_connection *connection, CK_FUNCTION_LIST **out,
                                   struct sg_error *err);
void sg_module_free(CK_FUNCTION_LIST *module);
/** The module, or NULL when C_Initialize has not been called. */
struct sg_module *sg_module_current(void);
/** Fill a blank-padded field without a NUL. */
void sg_module_pad(unsigned char *field, size_t len, const char *text);
/** What a failure is to a PKCS#11 client. */
CK_RV sg_module_rv(const struct sg_error *err);

/* ---- sessions ---- */
CK_RV sg_session_find(CK_SESSION_HANDLE handle, struct sg_session **out);
void sg_sessions_close_all(struct sg_module *module);
/** The session's object and the view that it stands in, or NULL. Another session's search, which
 * may have brought a newer view, takes nothing from what sessions have found before: it stays until
 * they search again themselves. */
const struct sg_view_object *sg_session_object(const struct sg_session *session,
                                               CK_OBJECT_HANDLE handle,
                                               const struct sg_view **view);
/** The session looks at the connection's view from now on. */
void sg_session_see(struct sg_session *session);
/** Take views that only sessions hold from them, the oldest first, until all of them together have
 * no more than that many bytes. */
void sg_sessions_make_room(size_t bytes);

/* ---- mechanisms and operations ---- */
const struct sg_mechanism_row *sg_mechanism_find(CK_MECHANISM_TYPE type);
/** The digest for a hash; NULL for SG_HASH_NONE. */
const EVP_MD *sg_mechanism_digest(enum sg_hash hash);
/** Translate a mechanism's parameters; key_len is the modulus' length in bytes. */
CK_RV sg_mechanism_translate(const struct sg_mechanism_row *row, const CK_MECHANISM *mechanism,
                             size_t key_len, struct sg_mechanism *out);
/** Can the key's token decrypt with the operation's OAEP parameters? Asks it once for each hash and
 * mask. CKR_MECHANISM_PARAM_INVALID when it cannot. */
CK_RV sg_oaep_check(const struct sg_operation *operation);
/** The bytes of a DigestInfo before the digest (RFC 8017, 9.2, note 1). */
struct sg_bytes sg_mechanism_digest_info(enum sg_hash hash);
/** The mechanism that hashes alone (CKM_SHA256 …); NULL when it is none. */
const EVP_MD *sg_mechanism_plain_digest(CK_MECHANISM_TYPE type);

/** Begin an operation: verb is one of CKF_SIGN, CKF_VERIFY, CKF_ENCRYPT, CKF_DECRYPT. */
CK_RV sg_operation_begin(struct sg_session *session, struct sg_operation *operation, CK_FLAGS verb,
                         const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
void sg_operation_end(struct sg_operation *operation);
/** Bytes of modulus or field. */
size_t sg_operation_key_len(const struct sg_operation *operation);
/** Bytes of a signature. */
size_t sg_operation_signature_len(const struct sg_operation *operation);
/** Add to the message of a mechanism that hashes. */
CK_RV sg_operation_update(struct sg_operation *operation, const CK_BYTE *part, CK_ULONG len);

#define SG_SIGN_INPUT_MAX 128 /**< bytes: a DigestInfo with SHA-512 */
/** The hash of what was added, as the key takes it: with the DigestInfo in front for RSA. */
CK_RV sg_operation_hashed(struct sg_operation *operation, unsigned char out[SG_SIGN_INPUT_MAX],
                          size_t *out_len);

/* ---- the functions, by concept ---- */
CK_RV sg_C_GetSlotList(CK_BBOOL token_present, CK_SLOT_ID *list, CK_ULONG *count);
CK_RV sg_C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info);
CK_RV sg_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info);
CK_RV sg_C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved);
CK_RV sg_C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count);
CK_RV sg_C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info);

CK_RV sg_C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                       CK_SESSION_HANDLE *session);
CK_RV sg_C_CloseSession(CK_SESSION_HANDLE session);
CK_RV sg_C_CloseAllSessions(CK_SLOT_ID slot);
CK_RV sg_C_GetSessionInfo(CK_SESSION_HANDLE session, CK_SESSION_INFO *info);
CK_RV sg_C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin, CK_ULONG len);
CK_RV sg_C_Logout(CK_SESSION_HANDLE session);

CK_RV sg_C_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                             CK_ATTRIBUTE *attributes, CK_ULONG count);
CK_RV sg_C_GetObjectSize(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ULONG *size);
CK_RV sg_C_FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count);
CK_RV sg_C_FindObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG max,
                       CK_ULONG *count);
CK_RV sg_C_FindObjectsFinal(CK_SESSION_HANDLE session);

CK_RV sg_C_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV sg_C_Sign(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG len,
                unsigned char *signature, CK_ULONG *signature_len);
CK_RV sg_C_SignUpdate(CK_SESSION_HANDLE session, unsigned char *part, CK_ULONG len);
CK_RV sg_C_SignFinal(CK_SESSION_HANDLE session, unsigned char *signature, CK_ULONG *signature_len);
CK_RV sg_C_DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV sg_C_Decrypt(CK_SESSION_HANDLE session, unsigned char *encrypted, CK_ULONG encrypted_len,
                   unsigned char *data, CK_ULONG *len);

CK_RV sg_C_VerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV sg_C_Verify(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG len,
                  unsigned char *signature, CK_ULONG signature_len);
CK_RV sg_C_VerifyUpdate(CK_SESSION_HANDLE session, unsigned char *part, CK_ULONG len);
CK_RV sg_C_VerifyFinal(CK_SESSION_HANDLE session, unsigned char *signature, CK_ULONG signature_len);
CK_RV sg_C_EncryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV sg_C_Encrypt(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG len,
                   unsigned char *encrypted, CK_ULONG *encrypted_len);

CK_RV sg_C_DigestInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism);
CK_RV sg_C_Digest(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG len,
                  unsigned char *digest, CK_ULONG *digest_len);
CK_RV sg_C_DigestUpdate(CK_SESSION_HANDLE session, unsigned char *part, CK_ULONG len);
CK_RV sg_C_DigestFinal(CK_SESSION_HANDLE session, unsigned char *digest, CK_ULONG *digest_len);
CK_RV sg_C_GenerateRandom(CK_SESSION_HANDLE session, unsigned char *random, CK_ULONG len);

/** Enter the functions that no ring performs: whatever writes, and whatever is not supported. */
void sg_module_refusals(CK_FUNCTION_LIST *functions);
/** Load what the functions need of OpenSSL while files may still be read: before the sandbox, best
 * before the fork. */
void sg_module_warm_up(void);

#endif
