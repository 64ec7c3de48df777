/* What a certificate of ours may be: the profiles, the settings that override them, the rules.
 * Pure. docs/policy.md says where each number comes from. */
#ifndef SIGNET_POLICY_CRYPTO_POLICY_H
#define SIGNET_POLICY_CRYPTO_POLICY_H

#include <signet/base/error.h>
#include <signet/policy/crypto_rules.h>

enum sg_policy_profile {
    SG_PROFILE_DEFAULT,
    SG_PROFILE_FIPS,
    SG_PROFILE_BROWSER,
    SG_PROFILE_LEGACY,
};
#define SG_PROFILE_COUNT 4

/** Public keys without a size to compare: bits of a mask. */
enum sg_policy_curve {
    SG_POLICY_P256 = 1u << 0,
    SG_POLICY_P384 = 1u << 1,
    SG_POLICY_P521 = 1u << 2,
    SG_POLICY_SECP256K1 = 1u << 3,
    SG_POLICY_BRAINPOOL = 1u << 4,
    SG_POLICY_ED25519 = 1u << 5,
};
/** Digests of signatures: bits of a mask. */
enum sg_policy_digest {
    SG_POLICY_SHA1 = 1u << 0,
    SG_POLICY_SHA256 = 1u << 1,
    SG_POLICY_SHA384 = 1u << 2,
    SG_POLICY_SHA512 = 1u << 3,
};

#define SG_DAYS_NONE 0u           /**< no maximum */
#define SG_DAYS_BASELINE 1000000u /**< the schedule of the TLS Baseline Requirements, 6.3.2 */

struct sg_crypto_policy {
    enum sg_policy_profile profile;
    unsigned minimum_rsa_bits; /**< 1024 … 16384 */
    unsigned curves;           /**< enum sg_policy_curve */
    unsigned digests;          /**< enum sg_policy_digest; an Ed25519 signature names none */
    unsigned leaf_days_max;    /**< or SG_DAYS_NONE, SG_DAYS_BASELINE */
    unsigned ca_days_max;      /**< or SG_DAYS_NONE */
    bool server_san;           /**< a server's certificate must have subject alternative names */
    bool extractable_keys;     /**< keys may be made so that they can be exported */
    bool ec_ca;                /**< keys of CA certificates may be other than RSA */
};

/** A profile together with the settings that override single values of it, as a configuration
 * names them in any order. All zero: the profile "default". */
struct sg_policy_settings {
    enum sg_policy_profile profile;
    unsigned given; /**< which members of .value were set: a bit each, in crypto_policy.c */
    struct sg_crypto_policy value;
};

/** "default" … "legacy"; never NULL. */
const char *sg_policy_profile_name(enum sg_policy_profile profile);
/** The word of one bit of enum sg_policy_curve, of enum sg_policy_digest; NULL when it is none. */
const char *sg_policy_curve_word(unsigned bit);
const char *sg_policy_digest_word(unsigned bit);
/** What a profile contains by itself. */
struct sg_crypto_policy sg_crypto_policy_of(enum sg_policy_profile profile);
/** Read one setting of the configuration ("policy", "minimum_rsa_bits", "curves" …). False, and
 * nothing changed, when there is no such setting or this is no value of it. */
bool sg_policy_setting_parse(const char *name, const char *value, struct sg_policy_settings *out);
/** The profile with its overrides. */
struct sg_crypto_policy sg_crypto_policy_resolve(const struct sg_policy_settings *settings);

/** What the rules look at: the certificate as it would be stored, whatever was asked for. */
struct sg_policy_certificate {
    enum sg_key_family family;
    unsigned key_bits;
    const char *key_text; /**< "EC P-256", "EC brainpoolP256r1", or a key spec's name: "ec:p256" */
    const char *digest;   /**< of its signature: "sha256"; "" when the algorithm names none */
    int64_t not_before_s, not_after_s;
    bool ca;           /**< basicConstraints cA */
    bool server;       /**< its extended key usages say serverAuth */
    bool names_server; /**< a DNS name or an IP address is among its alternative names: what TLS
                            clients look for (RFC 9525; Baseline Requirements, 7.1.2.7.12) */
    bool extractable;  /**< its key is ours and can be exported */
};

/** The rules, in the order in which they are asked. */
enum sg_policy_rule {
    SG_RULE_KEY_SIZE,
    SG_RULE_CURVE,
    SG_RULE_DIGEST,
    SG_RULE_VALIDITY,
    SG_RULE_SAN,
    SG_RULE_EXTRACTABLE,
    SG_RULE_CA_KEY,
};
#define SG_RULE_COUNT 7

/** Ask one rule. A refusal names the setting, the value, the limit and the profile; its hint what
 * to do. Codes: policy_key_size, policy_curve, policy_digest, policy_validity, policy_san (all
 * SG_E_INPUT), policy_extractable (SG_E_DENIED), policy_ca_key (SG_E_INPUT). */
SG_CHECKED sg_status sg_crypto_policy_ask(const struct sg_crypto_policy *policy,
                                          enum sg_policy_rule rule,
                                          const struct sg_policy_certificate *certificate,
                                          struct sg_error *err);
/** Ask all of them: the first refusal. */
SG_CHECKED sg_status sg_crypto_policy_check(const struct sg_crypto_policy *policy,
                                            const struct sg_policy_certificate *certificate,
                                            struct sg_error *err);
/** Days that a certificate may be valid, both its first and its last second counted; SG_DAYS_NONE
 * when there is no maximum. A Baseline Requirements schedule goes by the day of issue. */
unsigned sg_crypto_policy_days(const struct sg_crypto_policy *policy, bool ca,
                               int64_t not_before_s);
/** Refuse weak public keys from outside as sg_key_strength_check does, but take RSA keys that the
 * policy's minimum allows. */
SG_CHECKED sg_status sg_crypto_policy_strength(const struct sg_crypto_policy *policy,
                                               enum sg_key_family family, unsigned bits,
                                               struct sg_error *err);

#endif
