/* A private key outside of a token, as OpenSSL holds it. */
#ifndef SIGNET_PKCS11_KEY_READ_INTERNAL_H
#define SIGNET_PKCS11_KEY_READ_INTERNAL_H

#include <openssl/evp.h>

#include "key_internal.h"

/* Read PKCS#8 (RFC 5958) DER, all of it; prove that its halves belong together; say its kind in
 * request (type, bits, curve). SG_E_INPUT "bad_private_key", "unsupported_key". */
SG_CHECKED sg_status sg_pkcs11_private_read(struct sg_bytes pkcs8,
                                            struct sg_pkcs11_key_request *request, EVP_PKEY **out,
                                            struct sg_error *err);
/* Append it as PKCS#8 in the one form that we give tokens and people: no attributes, EC with its
 * public half. */
SG_CHECKED sg_status sg_pkcs11_private_write(EVP_PKEY *key, struct sg_buffer *pkcs8,
                                             struct sg_error *err);
/* Append its SubjectPublicKeyInfo. */
SG_CHECKED sg_status sg_pkcs11_private_spki(EVP_PKEY *key, struct sg_buffer *spki,
                                            struct sg_error *err);

/* key_create.c: objects out of values. The handle of a session object where the token stages. */
CK_RV sg_pkcs11_create_public(struct sg_pkcs11_session *session,
                              const struct sg_pkcs11_key_request *request, EVP_PKEY *key,
                              CK_OBJECT_HANDLE *out);
CK_RV sg_pkcs11_create_private(struct sg_pkcs11_session *session,
                               const struct sg_pkcs11_key_request *request, EVP_PKEY *key,
                               CK_OBJECT_HANDLE *out);

/* key_trial.c: sign once and verify. SG_E_TOKEN "key_not_understood" or the CK_RV's. */
SG_CHECKED sg_status sg_pkcs11_key_try(struct sg_pkcs11_session *session,
                                       const struct sg_pkcs11_key_request *request, EVP_PKEY *key,
                                       struct sg_error *err);
CK_KEY_TYPE sg_pkcs11_ck_key_type(enum sg_pkcs11_key_type type);

#endif
