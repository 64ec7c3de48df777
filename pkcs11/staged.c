#include "staged_internal.h"

#include <string.h>

bool sg_pkcs11_wants_staging(CK_FUNCTION_LIST *call)
{
    static const char softhsm[] = "SoftHSM";
    CK_INFO info;
    return call->C_GetInfo(&info) == CKR_OK &&
           memcmp(info.manufacturerID, softhsm, sizeof softhsm - 1) == 0;
}

CK_RV sg_pkcs11_staged_keep(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE *handle)
{
    if (!session->staged) {
        return CKR_OK;
    }
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE into_token = {CKA_TOKEN, &yes, sizeof yes};
    CK_OBJECT_HANDLE kept = CK_INVALID_HANDLE;
    CK_RV rv = session->call->C_CopyObject(session->handle, *handle, &into_token, 1, &kept);
    (void)session->call->C_DestroyObject(session->handle, *handle);
    *handle = rv == CKR_OK ? kept : CK_INVALID_HANDLE;
    return rv;
}
