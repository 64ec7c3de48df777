/* Tokens in the slots of a module. */
#ifndef SIGNET_PKCS11_TOKEN_H
#define SIGNET_PKCS11_TOKEN_H

#include <signet/base/secret.h>
#include <signet/pkcs11/module.h>

/** What a token says of itself. A plain value, read once before login: SoftHSM 2.6.1 whose
 * token.object is not writable fails C_GetTokenInfo after it. */
struct sg_pkcs11_token {
    unsigned long slot;
    char label[33], serial[17], manufacturer[33], model[17]; /**< trailing blanks cut */
    bool pin_set;                                            /**< CKF_USER_PIN_INITIALIZED */
    bool pin_final_try;                                      /**< CKF_USER_PIN_FINAL_TRY */
    bool pin_locked;                                         /**< CKF_USER_PIN_LOCKED */
};

/** Find the one initialised token with this label and serial number; NULL matches any. Talks to all
 * tokens of the module. SG_E_TOKEN, code "token_missing" or "token_ambiguous" (the hint lists what
 * is there). */
SG_CHECKED sg_status sg_pkcs11_token_find(struct sg_pkcs11_module *module, const char *label,
                                          const char *serial, struct sg_pkcs11_token *out,
                                          struct sg_error *err);

/** Whether the token in this slot still gives its information (C_GetTokenInfo). */
bool sg_pkcs11_token_answers(struct sg_pkcs11_module *module, unsigned long slot);
/** Whether the token in this slot says that a wrong user PIN was entered since the last login, that
 * one try is left, or none (CKF_USER_PIN_COUNT_LOW, _FINAL_TRY, _LOCKED). False when it does not
 * answer; tokens need not count. */
bool sg_pkcs11_token_counts_tries(struct sg_pkcs11_module *module, unsigned long slot);

/** Initialise the first uninitialised token of the module: label (1 to 32 bytes), SO PIN, user PIN.
 * libp11 keeps a clear copy of the SO PIN: call it in a process that ends soon. SG_E_CONFLICT
 * "token_exists" when a token has that label already, SG_E_TOKEN "no_free_slot" when none is left
 * to initialise. */
SG_CHECKED sg_status sg_pkcs11_token_initialise(struct sg_pkcs11_module *module, const char *label,
                                                struct sg_secret *so_pin,
                                                struct sg_secret *user_pin, struct sg_error *err);

#endif
