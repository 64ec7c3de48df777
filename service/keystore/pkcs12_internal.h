/* What reading and writing PKCS#12 share. */
#ifndef SIGNET_KEYSTORE_PKCS12_INTERNAL_H
#define SIGNET_KEYSTORE_PKCS12_INTERNAL_H

#include <openssl/pkcs12.h>

#include "keystore_internal.h"

static inline void sg_pkcs12_bags_free(STACK_OF(PKCS12_SAFEBAG) * bags)
{
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
}
SG_DEFINE_CLEANUP(STACK_OF(PKCS12_SAFEBAG) *, sg_pkcs12_bags_free)

static inline void sg_pkcs12_safes_free(STACK_OF(PKCS7) * safes)
{
    sk_PKCS7_pop_free(safes, PKCS7_free);
}
SG_DEFINE_CLEANUP(STACK_OF(PKCS7) *, sg_pkcs12_safes_free)

#define SG_PKCS12_ITERATIONS 10000 /**< of each key derivation that we write, as Java does */

/** Give a bag its friendlyName: UTF-8, beyond the basic plane too. */
bool sg_pkcs12_add_name(PKCS12_SAFEBAG *bag, const char *alias);
/** Seal and encode a store. what is for messages: "a PKCS#12 truststore". */
SG_CHECKED sg_status sg_pkcs12_seal(STACK_OF(PKCS7) * safes, struct sg_secret *password,
                                    const char *what, struct sg_buffer *out, struct sg_error *err);

#endif
