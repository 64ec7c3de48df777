/* Mechanisms as our own fields: what crosses between our processes instead of CK_MECHANISM bytes.
 */
#ifndef SIGNET_TOKEN_MECHANISM_H
#define SIGNET_TOKEN_MECHANISM_H

#include <stdint.h>

enum sg_mechanism_kind {
    SG_MECHANISM_RSA_PKCS =
        1, /**< sign: DigestInfo given; decrypt: v1.5 padding (PKCS#11 v2.40 mechanisms, 2.1.6) */
    SG_MECHANISM_RSA_X_509 = 2,       /**< raw; only where the capability allows decryption */
    SG_MECHANISM_RSA_PKCS_HASHED = 3, /**< message given, hashed in the token with .hash */
    SG_MECHANISM_RSA_PSS = 4,         /**< digest given; .hash, .mgf_hash, .salt_len */
    SG_MECHANISM_RSA_OAEP = 5,        /**< decrypt; .hash, .mgf_hash; no label */
    SG_MECHANISM_ECDSA = 6,           /**< digest given; signature r || s */
    SG_MECHANISM_EDDSA = 7,           /**< message given (pure Ed25519, RFC 8032) */
    SG_MECHANISM_ECDH = 8, /**< derive: X9.63 without KDF; data is the peer's point, uncompressed */
};
#define SG_MECHANISM_KIND_COUNT 9

enum sg_hash {
    SG_HASH_NONE,
    SG_HASH_SHA1,
    SG_HASH_SHA224,
    SG_HASH_SHA256,
    SG_HASH_SHA384,
    SG_HASH_SHA512
};
#define SG_HASH_COUNT 6

struct sg_mechanism {
    uint32_t kind;     /**< enum sg_mechanism_kind */
    uint32_t hash;     /**< enum sg_hash */
    uint32_t mgf_hash; /**< enum sg_hash, for PSS and OAEP */
    uint32_t salt_len; /**< bytes, for PSS */
};

#define SG_SIGNATURE_MAX 2048   /**< bytes: RSA of 16384 bits */
#define SG_TOKEN_DATA_MAX 49152 /**< bytes of data to sign, decrypt or store in one request */

#endif
