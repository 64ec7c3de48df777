/* Making key pairs in a token, and reading public keys out of it. */
#ifndef SIGNET_PKCS11_KEY_H
#define SIGNET_PKCS11_KEY_H

#include <signet/pkcs11/object.h>
#include <signet/pkcs11/session.h>

enum sg_pkcs11_key_type {
    SG_PKCS11_RSA,     /**< bits 2048, 3072 or 4096; public exponent 65537 */
    SG_PKCS11_EC,      /**< on a named curve */
    SG_PKCS11_ED25519, /**< RFC 8032 */
};
enum sg_pkcs11_curve {
    SG_PKCS11_P256,
    SG_PKCS11_P384,
    SG_PKCS11_P521,
    SG_PKCS11_SECP256K1,
};
#define SG_PKCS11_CURVE_COUNT 4

struct sg_pkcs11_key_request {
    enum sg_pkcs11_key_type type;
    unsigned bits;              /**< for RSA */
    enum sg_pkcs11_curve curve; /**< for EC */
    struct sg_pkcs11_id id;     /**< CKA_ID of both halves */
    const char *label;          /**< CKA_LABEL of both halves; may be empty */
    bool decrypt;               /**< CKA_DECRYPT, RSA only */
    bool derive;                /**< CKA_DERIVE, EC only */
    bool extractable;
};

/** Generate a key pair: token objects, private, sensitive, signing always, everything else only as
 * asked. The attributes of the private key are read back and compared, also CKA_ALWAYS_SENSITIVE,
 * CKA_NEVER_EXTRACTABLE and CKA_LOCAL where the token has them, and the public key is checked
 * (size, exponent, point on its curve). Appends its SubjectPublicKeyInfo (RFC 5280; RFC 5480 with
 * the curve by name; RFC 8410), DER, to spki. What does not pass is destroyed again. Blocks:
 * seconds for large RSA keys. SG_E_CONFLICT "key_exists" when an object bears the CKA_ID;
 * SG_E_INPUT "bad_key_request"; SG_E_TOKEN "key_attributes", "bad_public_key" or the CK_RV's. */
SG_CHECKED sg_status sg_pkcs11_key_generate(struct sg_pkcs11_session *session,
                                            const struct sg_pkcs11_key_request *request,
                                            struct sg_buffer *spki, struct sg_error *err);

/** What an imported key shall be; the kind of key is seen from the key itself. */
struct sg_pkcs11_import {
    struct sg_pkcs11_id id; /**< CKA_ID of both halves */
    const char *label;      /**< CKA_LABEL of both halves; may be empty */
    bool decrypt;           /**< CKA_DECRYPT, RSA only */
    bool derive;            /**< CKA_DERIVE, EC only */
    bool extractable;
};
/** Put a private key (PKCS#8 DER, RFC 5958, not encrypted) and its public half into the token, with
 * the attributes and checks of a generated pair, but that the token cannot say that the key was
 * never outside. It goes in through C_UnwrapKey, under an AES key made for this one call, or, where
 * the token cannot unwrap such a key, through C_CreateObject. A signature by the token, verified
 * here, ends it. Appends the SubjectPublicKeyInfo to spki. Leaves no copy of the key behind but
 * pkcs8 itself. SG_E_INPUT "bad_private_key", "unsupported_key"; SG_E_CONFLICT "key_exists";
 * SG_E_TOKEN as sg_pkcs11_key_generate. */
SG_CHECKED sg_status sg_pkcs11_key_import(struct sg_pkcs11_session *session,
                                          const struct sg_pkcs11_import *import,
                                          struct sg_bytes pkcs8, struct sg_buffer *spki,
                                          struct sg_error *err);

/** Take a copy of a private key out of the token (C_WrapKey under an AES key made for this one
 * call): appends its PKCS#8, DER, to pkcs8, and its SubjectPublicKeyInfo to spki. SG_E_DENIED
 * "key_not_extractable" when CKA_EXTRACTABLE is not true; SG_E_NOT_FOUND "key_missing"; SG_E_TOKEN.
 */
SG_CHECKED sg_status sg_pkcs11_key_export(struct sg_pkcs11_session *session,
                                          const struct sg_pkcs11_id *id, struct sg_buffer *pkcs8,
                                          struct sg_buffer *spki, struct sg_error *err);

#endif
