/* Between the decision and its sentences. */
#ifndef SIGNET_POLICY_AUTHORITY_INTERNAL_H
#define SIGNET_POLICY_AUTHORITY_INTERNAL_H

#include <signet/policy/authority.h>

/** What a function is done to: "certificates". */
const char *sg_function_noun(enum sg_function function);
/** Is whoever is attached to the owner given READ where there is no profile? */
bool sg_function_is_own_use(enum sg_function function);
/** Fill reason and remedy of a check. */
void sg_authority_say(const struct sg_caller *caller, const struct sg_request *request,
                      struct sg_decision *decision);
/** The same for a private key. */
void sg_authority_say_key(const struct sg_caller *caller, const char *certificate_owner,
                          struct sg_decision *decision);

#endif
