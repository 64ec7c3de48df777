#include <signet/pkcs11/session.h>

#include <stdio.h>

#include "curves_internal.h"
#include "session_copy_internal.h"
#include "staged_internal.h"

static CK_RV open_handle(const struct sg_pkcs11_session *session, CK_SESSION_HANDLE *out)
{
    return session->call->C_OpenSession(session->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
                                        NULL, out);
}

sg_status sg_pkcs11_session_open(struct sg_pkcs11_module *module, unsigned long slot,
                                 struct sg_pkcs11_session **out, struct sg_error *err)
{
    SG_FREE struct sg_pkcs11_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return sg_fail_memory(err);
    }
    session->module = module;
    session->call = module->call;
    session->slot = slot;
    CK_RV rv = open_handle(session, &session->handle);
    if (rv != CKR_OK) {
        return sg_pkcs11_fail(err, rv, "cannot open a session");
    }
    session->staged = sg_pkcs11_wants_staging(session->call);
    if (session->staged) {
        sg_pkcs11_curves_keep();
    }
    *out = SG_STEAL(session);
    return SG_OK;
}

CK_RV sg_pkcs11_session_reopen(struct sg_pkcs11_session *session)
{
    CK_SESSION_HANDLE fresh = 0;
    CK_RV rv = open_handle(session, &fresh);
    if (rv != CKR_OK) {
        return rv;
    }
    (void)session->call->C_CloseSession(session->handle); /* it may be invalid: that is why */
    session->handle = fresh;
    sg_pkcs11_index_forget_handles(&session->index);
    sg_pkcs11_session_copies_ended(session);
    return CKR_OK;
}

void sg_pkcs11_session_free(struct sg_pkcs11_session *session)
{
    if (session == NULL) {
        return;
    }
    (void)session->call->C_CloseSession(session->handle);
    sg_pkcs11_session_copies_ended(session);
    sg_pkcs11_index_done(&session->index);
    sg_pkcs11_index_done(&session->copies);
    free(session);
}

sg_status sg_pkcs11_session_login(struct sg_pkcs11_session *session, struct sg_secret *pin,
                                  struct sg_error *err)
{
    CK_RV rv = session->call->C_Login(session->handle, CKU_USER,
                                      (CK_UTF8CHAR_PTR)(void *)sg_secret_data(pin),
                                      (CK_ULONG)sg_secret_len(pin));
    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN) {
        return SG_OK;
    }
    if (rv == CKR_USER_PIN_NOT_INITIALIZED) {
        sg_pkcs11_fail(err, rv, "the token has no user PIN");
        snprintf(err->code, sizeof err->code, "pin_not_set");
        return err->status;
    }
    return sg_pkcs11_fail(err, rv, "the token refused the login");
}

bool sg_pkcs11_session_logged_in(const struct sg_pkcs11_session *session)
{
    CK_SESSION_INFO info = {.state = 0};
    CK_RV rv = session->call->C_GetSessionInfo(session->handle, &info);
    return rv == CKR_OK && info.state == CKS_RW_USER_FUNCTIONS;
}
