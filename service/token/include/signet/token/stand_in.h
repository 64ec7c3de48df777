/* What stands in the place of a token process where nothing may reach a token: in a rehearsal. */
#ifndef SIGNET_TOKEN_STAND_IN_H
#define SIGNET_TOKEN_STAND_IN_H

#include <signet/token/client.h>

/** A link without a process behind it, answered at once and from nothing. Generating gives the
 * public half of a pair that nobody has the private half of (RSA: not even a pair, a number of that
 * many bits); a key that comes is taken and was sealed to nobody; storing, destroying and syncing
 * succeed. Signing, and whatever else would need a key, is SG_E_UNSUPPORTED "not_rehearsed". Needs
 * no closing. */
struct sg_token_link sg_token_stand_in_link(void);

#endif
