#ifndef SIGNET_PKCS11_KEY_INTERNAL_H
#define SIGNET_PKCS11_KEY_INTERNAL_H

#include <signet/pkcs11/key.h>

#include "session_internal.h"
#include "template_internal.h"

#define POINT_MAX 160 /* bytes: uncompressed P-521 with its OCTET STRING header is 136 */

/* A named curve, as PKCS#11 and OpenSSL call it. */
struct curve {
    const char *group;               /* OpenSSL's name */
    size_t field_len;                /* bytes of one coordinate */
    const unsigned char *parameters; /* DER of the OBJECT IDENTIFIER, for CKA_EC_PARAMS */
    size_t parameters_len;
};
const struct curve *sg_pkcs11_curve(enum sg_pkcs11_curve curve);

struct key_pair {
    CK_OBJECT_HANDLE public_key, private_key;
};
/* Where the private key came from: what the token must say of it. */
enum pair_origin { PAIR_BORN_HERE, PAIR_BROUGHT };

/* Whether there is such a kind of key and it can do what is asked. SG_E_INPUT "bad_key_request". */
SG_CHECKED sg_status sg_pkcs11_key_request_check(const struct sg_pkcs11_key_request *request,
                                                 struct sg_error *err);
/* What the template of either half of a pair begins with. The private half is signing, sensitive,
 * and everything else only as asked: what is not is refused by name. */
void sg_pkcs11_private_rows(const struct sg_pkcs11_session *session, struct template *template,
                            const struct sg_pkcs11_key_request *request);
void sg_pkcs11_public_rows(const struct sg_pkcs11_session *session, struct template *template,
                           const struct sg_pkcs11_key_request *request);
/* SG_E_CONFLICT "key_exists" when an object bears the CKA_ID. */
SG_CHECKED sg_status sg_pkcs11_id_unused(const struct sg_pkcs11_session *session,
                                         const struct sg_pkcs11_id *id, struct sg_error *err);
/* Put a pair, made as session objects where the token stages and in the token otherwise, into the
 * token; read its attributes back and compare; append its SubjectPublicKeyInfo to spki; enter it
 * into the index. On failure nothing of it stays. */
SG_CHECKED sg_status sg_pkcs11_pair_keep(struct sg_pkcs11_session *session, struct key_pair *pair,
                                         const struct sg_pkcs11_key_request *request,
                                         enum pair_origin origin, struct sg_buffer *spki,
                                         struct sg_error *err);

/* The curve that OpenSSL calls by this name; false when it is none of ours. */
bool sg_pkcs11_curve_find(const char *group, enum sg_pkcs11_curve *out);

/* Take the point out of CKA_EC_POINT, which is a DER OCTET STRING (PKCS#11 v2.40, 2.3.3) or, with
 * some tokens, the bare point. point_len is what the point must have. NULL when it is neither. */
const unsigned char *sg_pkcs11_point(const unsigned char *value, size_t len, size_t point_len);

/* Read a public key object, check it against the request, append its SubjectPublicKeyInfo. */
SG_CHECKED sg_status sg_pkcs11_public_key_read(struct sg_pkcs11_session *session,
                                               CK_OBJECT_HANDLE handle,
                                               const struct sg_pkcs11_key_request *request,
                                               struct sg_buffer *spki, struct sg_error *err);

#endif
