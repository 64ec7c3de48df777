/* Something that signs: a token's key, by way of the token process. X.509 structures are built
 * here, only what is to be signed travels. */
#ifndef SIGNET_X509_SIGNER_H
#define SIGNET_X509_SIGNER_H

#include <signet/base/buffer.h>
#include <signet/base/error.h>
#include <signet/policy/crypto_rules.h>
#include <signet/token/mechanism.h>

struct sg_signer {
    /** Sign with the private key. *out_len: room on entry, length on return. */
    sg_status (*sign)(void *context, const struct sg_mechanism *mechanism, struct sg_bytes data,
                      unsigned char *out, size_t *out_len, struct sg_error *err);
    void *context;
    struct sg_bytes spki; /**< the key's SubjectPublicKeyInfo, DER */
};

#endif
