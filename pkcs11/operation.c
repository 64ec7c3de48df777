#include <signet/pkcs11/mechanism.h>

#include <signet/base/unconst.h>

#include "mechanism_internal.h"
#include "object_internal.h"
#include "rsa_keys_internal.h"
#include "session_copy_internal.h"
#include "template_internal.h"

struct operation {
    enum sg_pkcs11_use use;
    bool rsa; /* the mechanism is one of RSA's */
    CK_MECHANISM *mechanism;
    struct sg_bytes data;
    unsigned char *out;
    CK_ULONG out_len;
    bool begun; /* the token has taken key and mechanism: what fails now may be the data */
};

/* Cryptoki has no const for what it only reads. */
static CK_BYTE_PTR input_of(const struct operation *operation)
{
    return sg_unconst(operation->data.data);
}

static CK_RV sign(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE key,
                  struct operation *operation)
{
    CK_RV rv = session->call->C_SignInit(session->handle, operation->mechanism, key);
    operation->begun = rv == CKR_OK;
    return rv != CKR_OK ? rv
                        : session->call->C_Sign(session->handle, input_of(operation),
                                                (CK_ULONG)operation->data.len, operation->out,
                                                &operation->out_len);
}

static CK_RV decrypt(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE key,
                     struct operation *operation)
{
    CK_RV rv = session->call->C_DecryptInit(session->handle, operation->mechanism, key);
    operation->begun = rv == CKR_OK;
    return rv != CKR_OK ? rv
                        : session->call->C_Decrypt(session->handle, input_of(operation),
                                                   (CK_ULONG)operation->data.len, operation->out,
                                                   &operation->out_len);
}

/* Derivation has no beginning of its own: what the token says of key and mechanism comes before it
 * looks at the point. */
static bool is_about_key(CK_RV rv)
{
    switch (rv) {
    case CKR_MECHANISM_INVALID:
    case CKR_FUNCTION_NOT_SUPPORTED:
    case CKR_KEY_HANDLE_INVALID:
    case CKR_OBJECT_HANDLE_INVALID:
    case CKR_KEY_TYPE_INCONSISTENT:
    case CKR_KEY_FUNCTION_NOT_PERMITTED:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
        return true;
    default:
        return false;
    }
}

/* The shared secret is a session object that may be read, is read, and is destroyed at once. */
static CK_RV derive(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE key,
                    struct operation *operation)
{
    static const CK_OBJECT_CLASS ck_class = CKO_SECRET_KEY;
    static const CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG len = (CK_ULONG)(operation->data.len - 1) / 2; /* one coordinate */
    struct template template = {.count = 0};
    sg_pkcs11_template_add(&template, CKA_CLASS, &ck_class, sizeof ck_class);
    sg_pkcs11_template_add(&template, CKA_KEY_TYPE, &type, sizeof type);
    sg_pkcs11_template_add_bool(&template, CKA_TOKEN, false);
    sg_pkcs11_template_add_bool(&template, CKA_SENSITIVE, false);
    sg_pkcs11_template_add_bool(&template, CKA_EXTRACTABLE, true);
    sg_pkcs11_template_add(&template, CKA_VALUE_LEN, &len, sizeof len);
    CK_OBJECT_HANDLE secret = CK_INVALID_HANDLE;
    CK_RV rv = session->call->C_DeriveKey(session->handle, operation->mechanism, key, template.rows,
                                          template.count, &secret);
    operation->begun = !is_about_key(rv);
    if (rv != CKR_OK) {
        return rv;
    }
    CK_ATTRIBUTE value = {CKA_VALUE, operation->out, operation->out_len};
    rv = session->call->C_GetAttributeValue(session->handle, secret, &value, 1);
    operation->out_len = value.ulValueLen;
    (void)session->call->C_DestroyObject(session->handle, secret);
    return rv;
}

static CK_RV perform(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE key,
                     struct operation *operation)
{
    switch (operation->use) {
    case SG_PKCS11_SIGN:
        return sign(session, key, operation);
    case SG_PKCS11_DECRYPT:
        return decrypt(session, key, operation);
    case SG_PKCS11_DERIVE:
        return derive(session, key, operation);
    }
    return CKR_FUNCTION_NOT_SUPPORTED;
}

/* Whether the module can be asked at all. SoftHSM (2.6.1) makes an RSA key without numbers of a key
 * of another type; its signatures with CKM_RSA_PKCS_PSS and CKM_RSA_X_509 then end the process. */
static CK_RV check_type(const struct sg_pkcs11_session *session, CK_OBJECT_HANDLE key,
                        const struct operation *operation)
{
    CK_KEY_TYPE type = CKK_RSA;
    CK_ATTRIBUTE row = {CKA_KEY_TYPE, &type, sizeof type};
    if (!session->staged || !operation->rsa) {
        return CKR_OK;
    }
    CK_RV rv = session->call->C_GetAttributeValue(session->handle, key, &row, 1);
    return rv == CKR_OK && type != CKK_RSA ? CKR_KEY_TYPE_INCONSISTENT : rv;
}

/* With the key's copy in the session, and what is kept of that, where there is one. */
static CK_RV perform_kept(struct sg_pkcs11_session *session, const struct sg_pkcs11_id *id,
                          CK_OBJECT_HANDLE key, struct operation *operation)
{
    CK_OBJECT_HANDLE copy = sg_pkcs11_session_copy(session, id, key);
    CK_RV rv = check_type(session, copy, operation);
    if (rv != CKR_OK) {
        return rv;
    }
    if (copy == key) {
        return perform(session, key, operation);
    }
    sg_pkcs11_rsa_keys_begin(copy);
    rv = perform(session, copy, operation);
    sg_pkcs11_rsa_keys_end();
    return rv;
}

/* After these the same call may succeed: network HSMs drop sessions and renumber handles.
 * OPERATION_ACTIVE is an earlier operation that a token did not end with its failure; only a new
 * session gets rid of it. Returns false when nothing could be repaired. */
static bool repair(struct sg_pkcs11_session *session, const struct sg_pkcs11_id *id, CK_RV rv)
{
    switch (rv) {
    case CKR_KEY_HANDLE_INVALID:
    case CKR_OBJECT_HANDLE_INVALID:
        sg_pkcs11_session_copy_drop(session, id);
        sg_pkcs11_object_forget(session, SG_PKCS11_PRIVATE_KEY, id);
        return true;
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_OPERATION_ACTIVE:
        /* Logged out, every private key would look missing: better to say what happened. */
        return sg_pkcs11_session_reopen(session) == CKR_OK && sg_pkcs11_session_logged_in(session);
    default:
        return false;
    }
}

static sg_status fail_use(enum sg_pkcs11_use use, CK_RV rv, struct sg_error *err)
{
    switch (use) {
    case SG_PKCS11_SIGN:
        return sg_pkcs11_fail(err, rv, "the token did not sign");
    case SG_PKCS11_DECRYPT:
        return sg_pkcs11_fail(err, rv, "the token did not decrypt");
    case SG_PKCS11_DERIVE:
        return sg_pkcs11_fail(err, rv, "the token did not derive");
    }
    return sg_pkcs11_fail(err, rv, "the token refused");
}

/* What a token says of data that do not decrypt. */
static bool is_about_data(CK_RV rv)
{
    switch (rv) {
    case CKR_GENERAL_ERROR: /* SoftHSM 2.6.1, whatever was wrong */
    case CKR_FUNCTION_FAILED:
    case CKR_DATA_INVALID:
    case CKR_DATA_LEN_RANGE:
    case CKR_ENCRYPTED_DATA_INVALID:
    case CKR_ENCRYPTED_DATA_LEN_RANGE:
        return true;
    default:
        return false;
    }
}

/* A token that is otherwise well has failed over the data: it says so in the word that the standard
 * has for it, and in no more than one, for who hears how a decryption failed can decrypt in the end
 * (Bleichenbacher, CRYPTO '98). Raw RSA is the only signature whose data the key may not take. */
static CK_RV about_data(const struct sg_pkcs11_session *session, const struct operation *operation,
                        CK_RV rv)
{
    bool decrypts = operation->use == SG_PKCS11_DECRYPT;
    bool raw = operation->use == SG_PKCS11_SIGN && operation->mechanism->mechanism == CKM_RSA_X_509;
    bool nothing = operation->data.len == 0 && rv == CKR_ARGUMENTS_BAD;
    if (!operation->begun || !(decrypts || raw) || !(nothing || is_about_data(rv)) ||
        !sg_pkcs11_session_logged_in(session)) {
        return rv;
    }
    return decrypts ? CKR_ENCRYPTED_DATA_INVALID : CKR_DATA_INVALID;
}

/* A call that fails ends its operation (PKCS#11 v2.40 base, 5.11), but not in every module:
 * whatever is asked of the session next, a search above all, would then fail with OPERATION_ACTIVE
 * in place of what is wrong. What is about the data a user may do as often as he likes: modules end
 * that, and a session costs what is known of its objects. C_DeriveKey leaves no operation active.
 */
static void leave_nothing_active(struct sg_pkcs11_session *session,
                                 const struct operation *operation, CK_RV rv)
{
    if (operation->begun && operation->use != SG_PKCS11_DERIVE && !sg_pkcs11_is_about_input(rv)) {
        (void)sg_pkcs11_session_reopen(session);
    }
}

static sg_status run(struct sg_pkcs11_session *session, const struct sg_pkcs11_id *id,
                     struct operation *operation, struct sg_error *err)
{
    const CK_ULONG room = operation->out_len;
    for (bool again = true;; again = false) {
        CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
        operation->begun = false;
        sg_status s = sg_pkcs11_object_find(session, SG_PKCS11_PRIVATE_KEY, id, &key, err);
        if (s != SG_OK && again && err->ck_rv == CKR_OPERATION_ACTIVE &&
            repair(session, id, CKR_OPERATION_ACTIVE)) {
            sg_error_clear(err);
            continue;
        }
        if (s != SG_OK) {
            return s;
        }
        operation->out_len = room;
        CK_RV rv = perform_kept(session, id, key, operation);
        if (rv == CKR_OK && operation->out_len <= room) {
            return SG_OK;
        }
        if (!again || !repair(session, id, rv)) {
            rv = about_data(session, operation, rv == CKR_OK ? CKR_BUFFER_TOO_SMALL : rv);
            leave_nothing_active(session, operation, rv);
            return fail_use(operation->use, rv, err);
        }
    }
}

/* X9.62 uncompressed: 04 || X || Y. The token checks that it is on the key's curve. */
static bool is_uncompressed(struct sg_bytes point)
{
    return point.len >= 3 && point.len % 2 == 1 && point.data[0] == 0x04;
}

sg_status sg_pkcs11_use_key(struct sg_pkcs11_session *session, enum sg_pkcs11_use use,
                            const struct sg_pkcs11_id *id,
                            const struct sg_pkcs11_mechanism *mechanism, struct sg_bytes data,
                            unsigned char *out, size_t *out_len, bool *asked, struct sg_error *err)
{
    struct ck_mechanism_full full;
    if (!sg_pkcs11_mechanism_make(mechanism, use, data, &full)) {
        return sg_fail(err, SG_E_INPUT, "bad_mechanism", "this mechanism cannot do that");
    }
    if (use == SG_PKCS11_DERIVE && !is_uncompressed(data)) {
        return sg_fail(err, SG_E_INPUT, "bad_point", "the peer's point is not uncompressed");
    }
    struct operation operation = {.use = use,
                                  .rsa = sg_pkcs11_mechanism_is_rsa(mechanism->kind),
                                  .mechanism = &full.mechanism,
                                  .data = data,
                                  .out = out,
                                  .out_len = (CK_ULONG)*out_len};
    sg_status s = run(session, id, &operation, err);
    if (s == SG_OK) {
        *out_len = operation.out_len;
    }
    if (asked != NULL) {
        *asked = operation.begun;
    }
    return s;
}
