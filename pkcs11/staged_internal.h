/* Objects that are made in the session first and copied into the token whole. */
#ifndef SIGNET_PKCS11_STAGED_INTERNAL_H
#define SIGNET_PKCS11_STAGED_INTERNAL_H

#include "session_internal.h"

/* SoftHSM (2.6.1) writes and rewrites a token object's file once for each attribute while it makes
 * it: 61 truncations for a key pair, each waiting for the disk, 20 to 200 ms; and a kill in between
 * leaves half an object. C_CopyObject writes the finished object once. The copy keeps CKA_LOCAL,
 * CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE and CKA_KEY_GEN_MECHANISM (PKCS#11 v2.40 base, 5.7),
 * which is read back and checked like everything else. Other modules make their objects in the
 * token at once: many refuse session keys or copies. */
bool sg_pkcs11_wants_staging(CK_FUNCTION_LIST *call);
/* The value that CKA_TOKEN has in the template of an object to be made. */
static inline bool sg_pkcs11_made_in_token(const struct sg_pkcs11_session *session)
{
    return !session->staged;
}
/* Put a session object into the token; the session's own is destroyed. *handle becomes the token
 * object's. Does nothing when objects are made in the token at once. On failure nothing stays in
 * the token. */
CK_RV sg_pkcs11_staged_keep(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE *handle);

#endif
