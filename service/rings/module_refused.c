/* What no ring does: whatever would write (certificates and keys are administered through control),
 * and what neither the mechanisms offered nor any client met so far has a use for. None of these
 * looks at its arguments beyond the session: hostile ones do no harm. */
#include "module_internal.h"

/* A read-only session says so; a read-write one opens, because clients open it without need, and
 * finds that the token does not take it. */
static CK_RV refuse_write(CK_SESSION_HANDLE handle)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    return session->read_write ? CKR_TOKEN_WRITE_PROTECTED : CKR_SESSION_READ_ONLY;
}

static CK_RV unsupported(CK_SESSION_HANDLE handle)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    return rv == CKR_OK ? CKR_FUNCTION_NOT_SUPPORTED : rv;
}

/* ---- writing ---- */

static CK_RV init_token(CK_SLOT_ID slot SG_UNUSED, unsigned char *pin SG_UNUSED,
                        CK_ULONG len SG_UNUSED, unsigned char *label SG_UNUSED)
{
    return sg_module_current() == NULL ? CKR_CRYPTOKI_NOT_INITIALIZED : CKR_TOKEN_WRITE_PROTECTED;
}

static CK_RV init_pin(CK_SESSION_HANDLE session, unsigned char *pin SG_UNUSED,
                      CK_ULONG len SG_UNUSED)
{
    return refuse_write(session);
}

static CK_RV set_pin(CK_SESSION_HANDLE session, unsigned char *old_pin SG_UNUSED,
                     CK_ULONG old_len SG_UNUSED, unsigned char *new_pin SG_UNUSED,
                     CK_ULONG new_len SG_UNUSED)
{
    return refuse_write(session);
}

static CK_RV create_object(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes SG_UNUSED,
                           CK_ULONG count SG_UNUSED, CK_OBJECT_HANDLE *made SG_UNUSED)
{
    return refuse_write(session);
}

static CK_RV copy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object SG_UNUSED,
                         CK_ATTRIBUTE *attributes SG_UNUSED, CK_ULONG count SG_UNUSED,
                         CK_OBJECT_HANDLE *made SG_UNUSED)
{
    return refuse_write(session);
}

static CK_RV destroy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object SG_UNUSED)
{
    return refuse_write(session);
}

static CK_RV set_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object SG_UNUSED,
                                 CK_ATTRIBUTE *attributes SG_UNUSED, CK_ULONG count SG_UNUSED)
{
    return refuse_write(session);
}

static CK_RV generate_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism SG_UNUSED,
                          CK_ATTRIBUTE *attributes SG_UNUSED, CK_ULONG count SG_UNUSED,
                          CK_OBJECT_HANDLE *made SG_UNUSED)
{
    return refuse_write(session);
}

static CK_RV
generate_key_pair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism SG_UNUSED,
                  CK_ATTRIBUTE *public_attributes SG_UNUSED, CK_ULONG public_count SG_UNUSED,
                  CK_ATTRIBUTE *private_attributes SG_UNUSED, CK_ULONG private_count SG_UNUSED,
                  CK_OBJECT_HANDLE *public_key SG_UNUSED, CK_OBJECT_HANDLE *private_key SG_UNUSED)
{
    return refuse_write(session);
}

static CK_RV unwrap_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism SG_UNUSED,
                        CK_OBJECT_HANDLE key SG_UNUSED, unsigned char *wrapped SG_UNUSED,
                        CK_ULONG len SG_UNUSED, CK_ATTRIBUTE *attributes SG_UNUSED,
                        CK_ULONG count SG_UNUSED, CK_OBJECT_HANDLE *made SG_UNUSED)
{
    return refuse_write(session);
}

static void enter_writing(CK_FUNCTION_LIST *functions)
{
    functions->C_InitToken = init_token;
    functions->C_InitPIN = init_pin;
    functions->C_SetPIN = set_pin;
    functions->C_CreateObject = create_object;
    functions->C_CopyObject = copy_object;
    functions->C_DestroyObject = destroy_object;
    functions->C_SetAttributeValue = set_attribute_value;
    functions->C_GenerateKey = generate_key;
    functions->C_GenerateKeyPair = generate_key_pair;
    functions->C_UnwrapKey = unwrap_key;
}

/* ---- not supported ---- */

static CK_RV get_state(CK_SESSION_HANDLE session, unsigned char *state SG_UNUSED,
                       CK_ULONG *len SG_UNUSED)
{
    return unsupported(session);
}

static CK_RV set_state(CK_SESSION_HANDLE session, unsigned char *state SG_UNUSED,
                       CK_ULONG len SG_UNUSED, CK_OBJECT_HANDLE encryption SG_UNUSED,
                       CK_OBJECT_HANDLE authentication SG_UNUSED)
{
    return unsupported(session);
}

/* Two buffers: every …Update of two operations, and the one-part forms with recovery. */
static CK_RV transform(CK_SESSION_HANDLE session, unsigned char *in SG_UNUSED,
                       CK_ULONG in_len SG_UNUSED, unsigned char *out SG_UNUSED,
                       CK_ULONG *out_len SG_UNUSED)
{
    return unsupported(session);
}

/* What is encrypted or decrypted here is one block: no parts. Whatever fails ends the operation
 * (PKCS#11 v2.40 base, 5.2). */
static CK_RV refuse_part(CK_SESSION_HANDLE handle, bool encrypts)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    struct sg_operation *operation = encrypts ? &session->encrypt : &session->decrypt;
    if (operation->row == NULL) {
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    sg_operation_end(operation);
    return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV encrypt_update(CK_SESSION_HANDLE session, unsigned char *in SG_UNUSED,
                            CK_ULONG in_len SG_UNUSED, unsigned char *out SG_UNUSED,
                            CK_ULONG *out_len SG_UNUSED)
{
    return refuse_part(session, true);
}

static CK_RV encrypt_final(CK_SESSION_HANDLE session, unsigned char *out SG_UNUSED,
                           CK_ULONG *out_len SG_UNUSED)
{
    return refuse_part(session, true);
}

static CK_RV decrypt_update(CK_SESSION_HANDLE session, unsigned char *in SG_UNUSED,
                            CK_ULONG in_len SG_UNUSED, unsigned char *out SG_UNUSED,
                            CK_ULONG *out_len SG_UNUSED)
{
    return refuse_part(session, false);
}

static CK_RV decrypt_final(CK_SESSION_HANDLE session, unsigned char *out SG_UNUSED,
                           CK_ULONG *out_len SG_UNUSED)
{
    return refuse_part(session, false);
}

static CK_RV begin_with_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism SG_UNUSED,
                            CK_OBJECT_HANDLE key SG_UNUSED)
{
    return unsupported(session);
}

static CK_RV digest_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key SG_UNUSED)
{
    return unsupported(session);
}

static CK_RV wrap_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism SG_UNUSED,
                      CK_OBJECT_HANDLE wrapping SG_UNUSED, CK_OBJECT_HANDLE key SG_UNUSED,
                      unsigned char *out SG_UNUSED, CK_ULONG *out_len SG_UNUSED)
{
    return unsupported(session);
}

/* No p11-kit client of Debian 12 can ask for it (0.24.1 refuses CKM_ECDH1_DERIVE before anything is
 * sent). */
static CK_RV derive_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism SG_UNUSED,
                        CK_OBJECT_HANDLE key SG_UNUSED, CK_ATTRIBUTE *attributes SG_UNUSED,
                        CK_ULONG count SG_UNUSED, CK_OBJECT_HANDLE *made SG_UNUSED)
{
    return unsupported(session);
}

static CK_RV seed_random(CK_SESSION_HANDLE session, unsigned char *seed SG_UNUSED,
                         CK_ULONG len SG_UNUSED)
{
    CK_RV rv = unsupported(session);
    return rv == CKR_FUNCTION_NOT_SUPPORTED ? CKR_RANDOM_SEED_NOT_SUPPORTED : rv;
}

static CK_RV not_parallel(CK_SESSION_HANDLE session SG_UNUSED)
{
    return CKR_FUNCTION_NOT_PARALLEL;
}

static void enter_unsupported(CK_FUNCTION_LIST *functions)
{
    functions->C_GetOperationState = get_state;
    functions->C_SetOperationState = set_state;
    functions->C_EncryptUpdate = encrypt_update;
    functions->C_EncryptFinal = encrypt_final;
    functions->C_DecryptUpdate = decrypt_update;
    functions->C_DecryptFinal = decrypt_final;
    functions->C_DigestKey = digest_key;
    functions->C_SignRecoverInit = begin_with_key;
    functions->C_SignRecover = transform;
    functions->C_VerifyRecoverInit = begin_with_key;
    functions->C_VerifyRecover = transform;
    functions->C_DigestEncryptUpdate = transform;
    functions->C_DecryptDigestUpdate = transform;
    functions->C_SignEncryptUpdate = transform;
    functions->C_DecryptVerifyUpdate = transform;
    functions->C_WrapKey = wrap_key;
    functions->C_DeriveKey = derive_key;
    functions->C_SeedRandom = seed_random;
    functions->C_GetFunctionStatus = not_parallel;
    functions->C_CancelFunction = not_parallel;
}

void sg_module_refusals(CK_FUNCTION_LIST *functions)
{
    enter_writing(functions);
    enter_unsupported(functions);
}
