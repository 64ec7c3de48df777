/* Curves that SoftHSM would build anew for each signature. */
#ifndef SIGNET_PKCS11_CURVES_INTERNAL_H
#define SIGNET_PKCS11_CURVES_INTERNAL_H

#include <stddef.h>

/* SoftHSM (2.6.1) decodes a key's curve each time the key is used. For OpenSSL a name is enough to
 * build the whole curve from: with P-256 that takes nearly as long as the signature. From this call
 * on this process keeps each curve that a module decodes by its name, and a module gets a copy: a
 * tenth of the cost. docs/decisions/0018-curves-kept.md. */
void sg_pkcs11_curves_keep(void);
/* How many are kept. */
size_t sg_pkcs11_curves_kept(void);

#endif
