/* A session on a token. One thread owns it at a time. */
#ifndef SIGNET_PKCS11_SESSION_H
#define SIGNET_PKCS11_SESSION_H

#include <signet/base/secret.h>
#include <signet/pkcs11/module.h>

struct sg_pkcs11_session;

/** Open a read-write session on a slot. The module must outlive it. SG_E_TOKEN with the CK_RV's
 * code. */
SG_CHECKED sg_status sg_pkcs11_session_open(struct sg_pkcs11_module *module, unsigned long slot,
                                            struct sg_pkcs11_session **out, struct sg_error *err);
/** Close; NULL is allowed. Closing the last session of a token logs out (PKCS#11 v2.40 base, 5.6).
 */
void sg_pkcs11_session_free(struct sg_pkcs11_session *session);
SG_DEFINE_CLEANUP(struct sg_pkcs11_session *, sg_pkcs11_session_free)

/** Log the user in, by C_Login itself. Sends the PIN exactly once, whatever happens. A login that
 * this application already has counts as success. SG_E_TOKEN, code "pin_incorrect", "pin_locked",
 * "pin_not_set" …; ck_rv is what C_Login answered (sg_pkcs11_login_verdict). */
SG_CHECKED sg_status sg_pkcs11_session_login(struct sg_pkcs11_session *session,
                                             struct sg_secret *pin, struct sg_error *err);

/** Whether the token still takes this session for the user's. Talks to the token. */
bool sg_pkcs11_session_logged_in(const struct sg_pkcs11_session *session);

#endif
