#include "session_copy_internal.h"

#include "rsa_keys_internal.h"

/* Some 3 KiB each in SoftHSM's memory, and 5 more of an RSA key that is kept. */
#define COPIES_MAX SG_PKCS11_RSA_KEYS_MAX

static CK_OBJECT_HANDLE make(struct sg_pkcs11_session *session, const struct sg_pkcs11_id *id,
                             CK_OBJECT_HANDLE original)
{
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE into_session = {CKA_TOKEN, &no, sizeof no};
    CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
    struct sg_error err = SG_ERROR_INIT;
    if (session->call->C_CopyObject(session->handle, original, &into_session, 1, &copy) != CKR_OK) {
        return original;
    }
    if (sg_pkcs11_index_put(&session->copies, SG_PKCS11_PRIVATE_KEY, id, INDEX_PRESENT, copy,
                            &err) != SG_OK) {
        (void)session->call->C_DestroyObject(session->handle, copy);
        return original;
    }
    return copy;
}

CK_OBJECT_HANDLE sg_pkcs11_session_copy(struct sg_pkcs11_session *session,
                                        const struct sg_pkcs11_id *id, CK_OBJECT_HANDLE original)
{
    unsigned long copy = CK_INVALID_HANDLE;
    if (!session->staged) {
        return original;
    }
    if (sg_pkcs11_index_get(&session->copies, SG_PKCS11_PRIVATE_KEY, id, &copy) == INDEX_PRESENT) {
        return copy;
    }
    bool full = session->copies.present[SG_PKCS11_PRIVATE_KEY] >= COPIES_MAX;
    return full ? original : make(session, id, original);
}

void sg_pkcs11_session_copy_drop(struct sg_pkcs11_session *session, const struct sg_pkcs11_id *id)
{
    unsigned long copy = CK_INVALID_HANDLE;
    if (sg_pkcs11_index_get(&session->copies, SG_PKCS11_PRIVATE_KEY, id, &copy) == INDEX_PRESENT) {
        sg_pkcs11_rsa_keys_forget(copy);
        (void)session->call->C_DestroyObject(session->handle, copy);
        sg_pkcs11_index_drop(&session->copies, SG_PKCS11_PRIVATE_KEY, id);
    }
}

void sg_pkcs11_session_copies_ended(struct sg_pkcs11_session *session)
{
    sg_pkcs11_rsa_keys_forget_all();
    sg_pkcs11_index_clear(&session->copies);
}

void sg_pkcs11_copies_forget(struct sg_pkcs11_session *session)
{
    for (size_t i = 0; i < session->copies.places; i++) {
        const struct index_entry *entry = &session->copies.entries[i];
        if (entry->state == INDEX_PRESENT) {
            (void)session->call->C_DestroyObject(session->handle, entry->handle);
        }
    }
    sg_pkcs11_session_copies_ended(session);
}
