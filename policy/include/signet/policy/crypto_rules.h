/* Keys, usages and what fits together. Pure. */
#ifndef SIGNET_POLICY_CRYPTO_RULES_H
#define SIGNET_POLICY_CRYPTO_RULES_H

#include <signet/base/error.h>
#include <signet/policy/model.h>

enum sg_key_family { SG_FAMILY_RSA, SG_FAMILY_EC, SG_FAMILY_ED25519 };
enum sg_curve { SG_CURVE_NONE, SG_CURVE_P256, SG_CURVE_P384, SG_CURVE_P521, SG_CURVE_SECP256K1 };

/** What kind of key: a row of a fixed table. */
struct sg_key_spec {
    const char *name; /**< "rsa:2048", "ec:p256", "ed25519" */
    enum sg_key_family family;
    unsigned bits;       /**< modulus or field size */
    enum sg_curve curve; /**< for EC */
    bool tls;            /**< TLS implementations take it */
};
/** Find a spec by its name (any case). SG_E_INPUT, code "unknown_key_type", the hint lists all. */
SG_CHECKED sg_status sg_key_spec_find(const char *name, const struct sg_key_spec **out,
                                      struct sg_error *err);
/** All specs; *count rows. */
const struct sg_key_spec *sg_key_specs(size_t *count);

/** --usage words (RACF's KEYUSAGE): bits of a mask. */
enum sg_key_usage {
    SG_KEY_HANDSHAKE = 1u << 0,
    SG_KEY_DATAENCRYPT = 1u << 1,
    SG_KEY_DOCSIGN = 1u << 2,
    SG_KEY_CERTSIGN = 1u << 3,
    SG_KEY_KEYAGREE = 1u << 4,
};
/** Read one word ("handshake", any case) into its bit. SG_E_INPUT, code "unknown_usage". */
SG_CHECKED sg_status sg_key_usage_parse(const char *word, unsigned *bit, struct sg_error *err);
/** The word of one bit; NULL when it is none. */
const char *sg_key_usage_word(unsigned bit);
/** Refuse usages that the family cannot have: DATAENCRYPT is RSA's, KEYAGREE EC's (code
 * "usage_not_for_key"). */
SG_CHECKED sg_status sg_key_usage_check(enum sg_key_family family, unsigned usage,
                                        struct sg_error *err);

/** X.509 keyUsage bits, numbered as in RFC 5280, 4.2.1.3 (bit 0 = digitalSignature). */
enum sg_x509_usage {
    SG_X509_DIGITAL_SIGNATURE = 1u << 0,
    SG_X509_NON_REPUDIATION = 1u << 1,
    SG_X509_KEY_ENCIPHERMENT = 1u << 2,
    SG_X509_DATA_ENCIPHERMENT = 1u << 3,
    SG_X509_KEY_AGREEMENT = 1u << 4,
    SG_X509_KEY_CERT_SIGN = 1u << 5,
    SG_X509_CRL_SIGN = 1u << 6,
};
/** keyUsage bits for RACF usages (racf-compatibility.md, KEYUSAGE); 0 means: no extension. certauth
 * forces certSign + cRLSign. */
unsigned sg_key_usage_x509(enum sg_key_family family, unsigned usage, bool certauth);

/** What a certificate is for: defaults for usage and extended key usages (RFC 5280, 4.2.1.3 and
 * 4.2.1.12); all of them say in basicConstraints that they are no CA. */
struct sg_certificate_profile {
    const char *name; /**< "server", "client", "code" */
    unsigned usage;   /**< enum sg_key_usage */
    unsigned x509;    /**< enum sg_x509_usage beside what .usage stands for */
    const char *eku;  /**< "serverAuth" … */
};
/** Find a profile by its name (any case); NULL when there is none. */
const struct sg_certificate_profile *sg_certificate_profile_find(const char *name);

/** What the token lets the private key do. Signing always. */
struct sg_key_abilities {
    bool decrypt; /**< RSA with HANDSHAKE (RSA key exchange), DATAENCRYPT, or no usage named */
    bool derive;  /**< EC with KEYAGREE */
};
struct sg_key_abilities sg_key_abilities(enum sg_key_family family, unsigned usage, bool certauth);

/** Refuse weak public keys from outside: RSA below 2048 or above 16384 bits, EC below 256 (code
 * "weak_key"). bits 0 = unknown. */
SG_CHECKED sg_status sg_key_strength_check(enum sg_key_family family, unsigned bits,
                                           struct sg_error *err);

#endif
