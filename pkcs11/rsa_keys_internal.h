/* RSA keys that SoftHSM would make ready anew for each use. */
#ifndef SIGNET_PKCS11_RSA_KEYS_INTERNAL_H
#define SIGNET_PKCS11_RSA_KEYS_INTERNAL_H

#include <stddef.h>

#define SG_PKCS11_RSA_KEYS_MAX 4096 /* are kept, and as many copies made */

/* SoftHSM (2.6.1) makes an OpenSSL key from its own form each time a key is used, and has OpenSSL
 * blind it anew: with RSA-2048 nearly as long as the signature. Between these two calls this thread
 * has the module use a copy of a key in its session (session_copy.c): what the module makes of it
 * first is kept, and serves in the place of what it makes of it later. Key, blinding and arithmetic
 * are libcrypto's as before. docs/decisions/0022-rsa-keys-kept.md. */
void sg_pkcs11_rsa_keys_begin(unsigned long copy);
void sg_pkcs11_rsa_keys_end(void);
/* The copy is gone: what was kept of it is cleared and freed. */
void sg_pkcs11_rsa_keys_forget(unsigned long copy);
/* All copies are gone. */
void sg_pkcs11_rsa_keys_forget_all(void);
/* How many are kept. */
size_t sg_pkcs11_rsa_keys_kept(void);

#endif
