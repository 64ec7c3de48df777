#ifndef SIGNET_PKCS11_OBJECT_INTERNAL_H
#define SIGNET_PKCS11_OBJECT_INTERNAL_H

#include <signet/pkcs11/object.h>

#include "session_internal.h"

#define SAME_ID_MAX 64 /* objects with one CKA_ID that are looked at in one go */

CK_OBJECT_CLASS sg_pkcs11_ck_class(enum sg_pkcs11_class object_class);
/* Find up to room handles that match; *found says how many were written. */
CK_RV sg_pkcs11_search(struct sg_pkcs11_session *session, CK_ATTRIBUTE *match, CK_ULONG count,
                       CK_OBJECT_HANDLE *handles, CK_ULONG room, CK_ULONG *found);

#endif
