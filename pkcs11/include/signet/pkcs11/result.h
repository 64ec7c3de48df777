/* CK_RV in words. */
#ifndef SIGNET_PKCS11_RESULT_H
#define SIGNET_PKCS11_RESULT_H

#include <stddef.h>

#include <signet/base/error.h>

#define SG_PKCS11_NAME_MAX 48
/** Write the name of a CK_RV ("CKR_TOKEN_WRITE_PROTECTED"), or "CK_RV 0x80000001" for one that
 * PKCS#11 v2.40 does not list. */
void sg_pkcs11_result_name(unsigned long rv, char out[SG_PKCS11_NAME_MAX]);

/** Set the error for what a token answered and return the status in one step. The text gets the CKR
 * name in brackets behind it, the code is that name in lower case without "CKR_", ck_rv is rv.
 * SG_E_TOKEN, except that CKR_HOST_MEMORY is SG_E_NO_MEMORY. */
#define sg_pkcs11_fail(err, rv, ...) sg_pkcs11_fail_at((err), (rv), __FILE__, __LINE__, __VA_ARGS__)
sg_status sg_pkcs11_fail_at(struct sg_error *err, unsigned long rv, const char *file, int line,
                            const char *format, ...) SG_PRINTF(5, 6);

/** True for the CK_RVs after which a module that was to write may show something else than the
 * token holds. */
bool sg_pkcs11_leaves_doubt(unsigned long rv);
/** True for what a token says about the caller's input, and the caller may hear. Everything else is
 * about the token. */
bool sg_pkcs11_is_about_input(unsigned long rv);
/** True for what tells of the token when a key was used by its CKA_ID: whoever does that has no
 * handle to get wrong, so a key that is not there, which the caller may hear, is the token's matter
 * all the same. */
bool sg_pkcs11_is_about_token(unsigned long rv);

/** What an answer of C_Login says of the PIN. */
enum sg_pkcs11_verdict {
    SG_PKCS11_PIN_UNKNOWN, /**< nobody knows: it may have counted as a try (0, the default) */
    SG_PKCS11_PIN_REFUSED, /**< it was looked at, and is not good, or not good any more */
    SG_PKCS11_PIN_LOCKED,  /**< no PIN is looked at any more */
    SG_PKCS11_PIN_EXPIRED, /**< the token wants another one */
    SG_PKCS11_PIN_NOT_SET, /**< the token has none */
    SG_PKCS11_PIN_UNSEEN,  /**< the login did not get that far */
};
/** The verdict for the CK_RV of a C_Login that failed. Whatever is not known to be harmless
 * (vendors' codes, codes of later standards, codes that say nothing of a login) is
 * SG_PKCS11_PIN_UNKNOWN: a PIN may be sent again unasked after SG_PKCS11_PIN_UNSEEN only, for a
 * token locks itself after a few wrong ones. */
enum sg_pkcs11_verdict sg_pkcs11_login_verdict(unsigned long rv);

#endif
