/* Private keys across the token's border, in PKCS#8 under an AES key that lives for one call. */
#ifndef SIGNET_PKCS11_WRAPPING_INTERNAL_H
#define SIGNET_PKCS11_WRAPPING_INTERNAL_H

#include "session_internal.h"

#define PKCS8_MAX 4096               /* bytes; RSA of 4096 bits takes 2,400 */
#define WRAPPED_MAX (PKCS8_MAX + 16) /* RFC 5649, 3: to a multiple of 8, and 8 more */

/* An AES key that both we and the token know: a session object, which ends with wrapping_done. */
struct wrapping {
    struct sg_pkcs11_session *session;
    CK_OBJECT_HANDLE handle;
    unsigned char value[32];
};
void sg_pkcs11_wrapping_done(struct wrapping *wrapping);
#define WRAPPING SG_CLEANUP(sg_pkcs11_wrapping_done) struct wrapping
/* Make one. CKR_OK, or what the token said. */
CK_RV sg_pkcs11_wrapping_make(struct sg_pkcs11_session *session, struct wrapping *out);
/* AES key wrap with padding (RFC 5649), our side of it. False when what is unwrapped was altered.
 */
bool sg_pkcs11_wrap(const struct wrapping *wrapping, struct sg_bytes key, struct sg_buffer *out);
bool sg_pkcs11_unwrap(const struct wrapping *wrapping, struct sg_bytes wrapped,
                      struct sg_buffer *out);

#endif
