/* One token in a process: module, slot, the one login, the session. */
#ifndef SIGNET_TOKEN_STATE_INTERNAL_H
#define SIGNET_TOKEN_STATE_INTERNAL_H

#include <signet/pkcs11/session.h>
#include <signet/pkcs11/token.h>
#include <signet/token/client.h>
#include <signet/token/process.h>

#include "wire_internal.h"

struct token_state {
    const struct sg_token_settings *settings;
    struct sg_pkcs11_module *module;
    struct sg_pkcs11_session *session;
    struct sg_pkcs11_token token; /* what it said before login */
    struct sg_error
        problem;      /* why it is not usable; status SG_OK when nothing is known against it */
    bool login_tried; /* the PIN went to the token: never again in this process */
    bool pin_spent;   /* what came of it may have counted as a wrong one, or would have */
    bool logged_in;
    int64_t logged_in_ms; /* monotonic */
    int storage;          /* the directory that the token writes to, or -1 */
};

/* Load the module and look for the token. Failures stay in .problem. */
void sg_token_state_open(struct token_state *state, const struct sg_token_settings *settings);
void sg_token_state_done(struct token_state *state);
/* The code of a login that succeeded but left the module unfit (softhsm_guard_internal.h). The
 * process stays to say that the PIN was good; a fresh one will do, and control asks for it. */
#define SG_TOKEN_BUSY "token_busy"
/* The verb "login". */
SG_CHECKED sg_status sg_token_state_login(struct token_state *state, struct sg_error *err);
/* SG_OK when logged in, else the problem or SG_E_TOKEN "not_logged_in". */
SG_CHECKED sg_status sg_token_state_check(const struct token_state *state, struct sg_error *err);
void sg_token_state_info(const struct token_state *state, struct wire_info *out);
SG_CHECKED sg_status sg_token_state_sync(const struct token_state *state, struct sg_error *err);

#endif
