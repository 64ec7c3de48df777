#ifndef SIGNET_PKCS11_KEY_INTERNAL_H
#define SIGNET_PKCS11_KEY_INTERNAL_H

#include <signet/pkcs11/key.h>

#include "session_internal.h"

#define POINT_MAX 160 /* bytes: uncompressed P-521 with its OCTET STRING header is 136 */

/* A named curve, as PKCS#11 and OpenSSL call it. */
struct curve {
    const char *group;               /* OpenSSL's name */
    size_t field_len;                /* bytes of one coordinate */
    const unsigned char *parameters; /* DER of the OBJECT IDENTIFIER, for CKA_EC_PARAMS */
    size_t parameters_len;
};
const struct curve *sg_pkcs11_curve(enum sg_pkcs11_curve curve);

/* Take the point out of CKA_EC_POINT, which is a DER OCTET STRING (PKCS#11 v2.40, 2.3.3) or, with
 * some tokens, the bare point. point_len is what the point must have. NULL when it is neither. */
const unsigned char *sg_pkcs11_point(const unsigned char *value, size_t len, size_t point_len);

/* Read a public key object, check it against the request, append its SubjectPublicKeyInfo. */
SG_CHECKED sg_status sg_pkcs11_public_key_read(struct sg_pkcs11_session *session,
                                               CK_OBJECT_HANDLE handle,
                                               const struct sg_pkcs11_key_request *request,
                                               struct sg_buffer *spki, struct sg_error *err);

#endif
