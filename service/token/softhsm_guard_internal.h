/* Keeps SoftHSM from losing a token. SoftHSM 2.6.1 rewrites token.object at each login by
 * truncating it first, and never syncs: killed in that moment it leaves a token without label, PIN
 * and master key, and with it every key is lost. With the file at mode 0400 and no CAP_DAC_OVERRIDE
 * the write fails, and the login succeeds all the same. Should the file be damaged nevertheless, a
 * verified copy beside it brings it back. Not needed from SoftHSM 2.7 on. */
#ifndef SIGNET_TOKEN_SOFTHSM_GUARD_INTERNAL_H
#define SIGNET_TOKEN_SOFTHSM_GUARD_INTERNAL_H

#include <limits.h>

#include <signet/token/process.h>

/* Before the module is loaded: replace a damaged token.object (empty, cut short, fewer attributes
 * than its copy) by the copy. One that is sound but differs from its copy has got a new PIN: the
 * copy is renewed. Either way token.object ends at mode 0400. Failures are logged: a token that is
 * no SoftHSM has nothing to guard. */
void sg_softhsm_guard_check(const struct sg_token_settings *settings);

/* Around C_Login. The failed write has a price: from then on SoftHSM takes its token.object for
 * invalid, and at the next object that another process makes it gives up the whole token
 * (OSToken::index): new keys of siblings stay invisible, nothing can be generated. It reads the
 * file again, and recovers, when the generation number at its head has changed. So: put a copy with
 * a higher number beside it, log in, rename it over the original, and ask for something that makes
 * SoftHSM look. */
struct softhsm_login {
    char object[PATH_MAX], fresh[PATH_MAX]; /* fresh is empty when there is nothing to do */
};
/* Before C_Login; does nothing unless the token is guarded. */
void sg_softhsm_login_prepare(const struct sg_token_settings *settings, struct softhsm_login *out);
/* Directly after C_Login, whatever it said. True when the token is guarded: then it must be asked
 * for its information, and is unfit when it has none. */
bool sg_softhsm_login_finish(struct softhsm_login *login);

#endif
