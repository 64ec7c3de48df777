/* Using a private key: signing, decrypting, deriving, with typed parameters. */
#ifndef SIGNET_PKCS11_MECHANISM_H
#define SIGNET_PKCS11_MECHANISM_H

#include <signet/pkcs11/object.h>
#include <signet/pkcs11/session.h>

enum sg_pkcs11_mechanism_kind {
    SG_PKCS11_RSA_PKCS,        /**< CKM_RSA_PKCS */
    SG_PKCS11_RSA_X_509,       /**< CKM_RSA_X_509: raw */
    SG_PKCS11_RSA_PKCS_HASHED, /**< CKM_SHA1_RSA_PKCS …, by .hash */
    SG_PKCS11_RSA_PSS,         /**< CKM_RSA_PKCS_PSS: .hash, .mgf_hash, .salt_len */
    SG_PKCS11_RSA_OAEP,        /**< CKM_RSA_PKCS_OAEP: .hash, .mgf_hash, no label */
    SG_PKCS11_ECDSA,           /**< CKM_ECDSA */
    SG_PKCS11_EDDSA,           /**< CKM_EDDSA without parameters: pure Ed25519 */
    SG_PKCS11_ECDH,            /**< CKM_ECDH1_DERIVE with CKD_NULL; the peer's point is the data */
};
enum sg_pkcs11_hash {
    SG_PKCS11_SHA1,
    SG_PKCS11_SHA224,
    SG_PKCS11_SHA256,
    SG_PKCS11_SHA384,
    SG_PKCS11_SHA512,
};
#define SG_PKCS11_HASH_COUNT 5

struct sg_pkcs11_mechanism {
    enum sg_pkcs11_mechanism_kind kind;
    enum sg_pkcs11_hash hash, mgf_hash; /**< where the kind has them */
    unsigned salt_len;                  /**< bytes, for PSS */
};

enum sg_pkcs11_use { SG_PKCS11_SIGN, SG_PKCS11_DECRYPT, SG_PKCS11_DERIVE };

/** Use the private key with this CKA_ID. *out_len holds the room in out on entry, the result's
 * length on return (2048 bytes suffice for every result). When the token answers that the key's
 * handle or the session is not valid, the key is looked up again, or the session opened anew, and
 * the operation is tried once more. Allocates nothing. *asked, where asked is not NULL: the token
 * took key and mechanism, and what it answered is about the data, whatever it was. SG_E_NOT_FOUND
 * "key_missing"; SG_E_INPUT "bad_mechanism" for a kind that cannot do this, "bad_point" for a
 * peer's point that is not uncompressed; SG_E_TOKEN with the CK_RV. */
SG_CHECKED sg_status sg_pkcs11_use_key(struct sg_pkcs11_session *session, enum sg_pkcs11_use use,
                                       const struct sg_pkcs11_id *id,
                                       const struct sg_pkcs11_mechanism *mechanism,
                                       struct sg_bytes data, unsigned char *out, size_t *out_len,
                                       bool *asked, struct sg_error *err);

#endif
