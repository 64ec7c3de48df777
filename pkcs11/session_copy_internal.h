/* Private keys of a software token, copied into the session for use. */
#ifndef SIGNET_PKCS11_SESSION_COPY_INTERNAL_H
#define SIGNET_PKCS11_SESSION_COPY_INTERNAL_H

#include "session_internal.h"

/* SoftHSM (2.6.1) opens, locks and reads two files each time a token object is used, a third of the
 * cost of a P-256 signature; for a session object it does not. So the key is copied into the
 * session at its first use: as private, as sensitive and as unextractable as the original, within
 * the same module in the same process. Only for modules whose objects are staged
 * (staged_internal.h); for others, and when the copy is refused or there are COPIES_MAX already,
 * this gives the token's own object. */
CK_OBJECT_HANDLE sg_pkcs11_session_copy(struct sg_pkcs11_session *session,
                                        const struct sg_pkcs11_id *id, CK_OBJECT_HANDLE original);
/* Destroy one copy: its key is gone from the token, or its handle does not work. */
void sg_pkcs11_session_copy_drop(struct sg_pkcs11_session *session, const struct sg_pkcs11_id *id);
/* All copies are gone: their session was closed. */
void sg_pkcs11_session_copies_ended(struct sg_pkcs11_session *session);

#endif
