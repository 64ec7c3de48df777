/* What the files of this room know of a session. */
#ifndef SIGNET_PKCS11_SESSION_INTERNAL_H
#define SIGNET_PKCS11_SESSION_INTERNAL_H

#include <signet/pkcs11/session.h>

#include "index_internal.h"
#include "module_internal.h"

struct sg_pkcs11_session {
    struct sg_pkcs11_module *module;
    CK_FUNCTION_LIST *call;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE handle;
    struct index index;  /* CKA_ID to handle */
    bool staged;         /* objects are made as session objects and then copied: staged.c */
    struct index copies; /* private keys copied into this session for use: session_copy.c */
    bool doubled;        /* at the last listing a CKA_ID had several certificates */
};

/* Replace the session by a new one on the same slot, before the old one is closed, so that the
 * login survives; forget every handle. */
CK_RV sg_pkcs11_session_reopen(struct sg_pkcs11_session *session);

#endif
