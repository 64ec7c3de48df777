/* A PKCS#11 module as a benchmark uses it: load it, open a session on the token with a given label,
 * log in if there is a PIN. Every failure ends the program with a sentence. */
#ifndef SIGNET_BENCH_MODULE_H
#define SIGNET_BENCH_MODULE_H

#include <p11-kit/pkcs11.h>

struct bench_module {
    CK_FUNCTION_LIST *calls;
    CK_SESSION_HANDLE session;
};

/** Load the module at path and open a session on the token. pin_file may be NULL: no login. */
void bench_module_open(struct bench_module *module, const char *path, const char *token,
                       const char *pin_file);
/** Close the session and finalize. */
void bench_module_close(struct bench_module *module);
/** End the program unless rv is CKR_OK. */
void bench_check(CK_RV rv, const char *what);

#endif
