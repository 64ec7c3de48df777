#include <signet/policy/crypto_policy.h>

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DAY_S 86400
#define RSA_BITS_FLOOR 1024u
#define RSA_BITS_CEILING 16384u
#define DAYS_CEILING 36525u /* a century, as "cert generate --days" */

#define NIST_CURVES (SG_POLICY_P256 | SG_POLICY_P384 | SG_POLICY_P521)
#define ALL_CURVES (NIST_CURVES | SG_POLICY_SECP256K1 | SG_POLICY_BRAINPOOL | SG_POLICY_ED25519)
#define SHA2 (SG_POLICY_SHA256 | SG_POLICY_SHA384 | SG_POLICY_SHA512)

static const char *const profile_names[] = {"default", "fips", "browser", "legacy"};
static_assert(SG_COUNT(profile_names) == SG_PROFILE_COUNT, "a name for each profile");

/* docs/policy.md has the same table for people, with the sources; a test holds the two together. */
static const struct sg_crypto_policy profiles[] = {
    [SG_PROFILE_DEFAULT] = {.profile = SG_PROFILE_DEFAULT,
                            .minimum_rsa_bits = 2048,
                            .curves = ALL_CURVES,
                            .digests = SHA2,
                            .leaf_days_max = SG_DAYS_NONE,
                            .ca_days_max = SG_DAYS_NONE,
                            .server_san = false,
                            .extractable_keys = true,
                            .ec_ca = true},
    /* SP 800-131A Rev. 2 (112 bits of strength, no SHA-1 for signatures), FIPS 186-5 and SP 800-186
     * (curves; Ed25519 among them, secp256k1 for ledgers only). */
    [SG_PROFILE_FIPS] = {.profile = SG_PROFILE_FIPS,
                         .minimum_rsa_bits = 2048,
                         .curves = NIST_CURVES | SG_POLICY_ED25519,
                         .digests = SHA2,
                         .leaf_days_max = SG_DAYS_NONE,
                         .ca_days_max = SG_DAYS_NONE,
                         .server_san = false,
                         .extractable_keys = false,
                         .ec_ca = true},
    /* TLS Baseline Requirements: 6.1.5 (keys), 7.1.3.2 (signatures), 6.3.2 and 7.1.2.1 (validity),
     * 7.1.2.7 (subjectAltName). */
    [SG_PROFILE_BROWSER] = {.profile = SG_PROFILE_BROWSER,
                            .minimum_rsa_bits = 2048,
                            .curves = NIST_CURVES,
                            .digests = SHA2,
                            .leaf_days_max = SG_DAYS_BASELINE,
                            .ca_days_max = 9132,
                            .server_san = true,
                            .extractable_keys = true,
                            .ec_ca = true},
    [SG_PROFILE_LEGACY] = {.profile = SG_PROFILE_LEGACY,
                           .minimum_rsa_bits = RSA_BITS_FLOOR,
                           .curves = ALL_CURVES,
                           .digests = SHA2 | SG_POLICY_SHA1,
                           .leaf_days_max = SG_DAYS_NONE,
                           .ca_days_max = SG_DAYS_NONE,
                           .server_san = false,
                           .extractable_keys = true,
                           .ec_ca = true},
};
static_assert(SG_COUNT(profiles) == SG_PROFILE_COUNT, "each profile");

const char *sg_policy_profile_name(enum sg_policy_profile profile)
{
    return (size_t)profile < SG_COUNT(profile_names) ? profile_names[profile] : "unknown";
}

struct sg_crypto_policy sg_crypto_policy_of(enum sg_policy_profile profile)
{
    return profiles[(size_t)profile < SG_COUNT(profiles) ? profile : SG_PROFILE_DEFAULT];
}

/* ---- settings ---- */

struct word {
    const char *word;
    unsigned bit;
};
static const struct word curve_words[] = {
    {"p256", SG_POLICY_P256},           {"p384", SG_POLICY_P384},
    {"p521", SG_POLICY_P521},           {"secp256k1", SG_POLICY_SECP256K1},
    {"brainpool", SG_POLICY_BRAINPOOL}, {"ed25519", SG_POLICY_ED25519},
};
static const struct word digest_words[] = {
    {"sha1", SG_POLICY_SHA1},
    {"sha256", SG_POLICY_SHA256},
    {"sha384", SG_POLICY_SHA384},
    {"sha512", SG_POLICY_SHA512},
};

static const char *word_of(const struct word *words, size_t count, unsigned bit)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i].bit == bit) {
            return words[i].word;
        }
    }
    return NULL;
}

const char *sg_policy_curve_word(unsigned bit)
{
    return word_of(curve_words, SG_COUNT(curve_words), bit);
}

const char *sg_policy_digest_word(unsigned bit)
{
    return word_of(digest_words, SG_COUNT(digest_words), bit);
}

static bool parse_word(const struct word *words, size_t count, const char *text, size_t len,
                       unsigned *mask)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(words[i].word) == len && strncasecmp(words[i].word, text, len) == 0) {
            bool twice = (*mask & words[i].bit) != 0;
            *mask |= words[i].bit;
            return !twice;
        }
    }
    return false;
}

/* "p256, p384" */
static bool parse_words(const struct word *words, size_t count, const char *text, unsigned *out)
{
    unsigned mask = 0;
    for (;;) {
        text += strspn(text, " \t");
        size_t len = strcspn(text, ", \t");
        if (!parse_word(words, count, text, len, &mask)) {
            return false;
        }
        text += len;
        text += strspn(text, " \t");
        if (*text == '\0') {
            *out = mask;
            return true;
        }
        if (*text++ != ',') {
            return false;
        }
    }
}

static bool parse_number(const char *text, unsigned min, unsigned max, unsigned *out)
{
    unsigned number = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 6 || strspn(text, "0123456789") != len) {
        return false;
    }
    for (; *text != '\0'; text++) {
        number = number * 10 + (unsigned)(*text - '0');
    }
    if (number < min || number > max) {
        return false;
    }
    *out = number;
    return true;
}

static bool parse_choice(const char *text, const char *no, const char *yes, bool *out)
{
    if (strcasecmp(text, no) != 0 && strcasecmp(text, yes) != 0) {
        return false;
    }
    *out = strcasecmp(text, yes) == 0;
    return true;
}

static bool parse_rsa(const char *text, struct sg_crypto_policy *out)
{
    return parse_number(text, RSA_BITS_FLOOR, RSA_BITS_CEILING, &out->minimum_rsa_bits);
}

static bool parse_curves(const char *text, struct sg_crypto_policy *out)
{
    return parse_words(curve_words, SG_COUNT(curve_words), text, &out->curves);
}

static bool parse_digests(const char *text, struct sg_crypto_policy *out)
{
    return parse_words(digest_words, SG_COUNT(digest_words), text, &out->digests);
}

static bool parse_days(const char *text, unsigned *out)
{
    if (strcasecmp(text, "none") == 0) {
        *out = SG_DAYS_NONE;
        return true;
    }
    return parse_number(text, 1, DAYS_CEILING, out);
}

static bool parse_leaf_days(const char *text, struct sg_crypto_policy *out)
{
    if (strcasecmp(text, "baseline") == 0) {
        out->leaf_days_max = SG_DAYS_BASELINE;
        return true;
    }
    return parse_days(text, &out->leaf_days_max);
}

static bool parse_ca_days(const char *text, struct sg_crypto_policy *out)
{
    return parse_days(text, &out->ca_days_max);
}

static bool parse_server_san(const char *text, struct sg_crypto_policy *out)
{
    return parse_choice(text, "no", "yes", &out->server_san);
}

static bool parse_extractable(const char *text, struct sg_crypto_policy *out)
{
    return parse_choice(text, "never", "allowed", &out->extractable_keys);
}

static bool parse_ec_ca(const char *text, struct sg_crypto_policy *out)
{
    return parse_choice(text, "no", "yes", &out->ec_ca);
}

/* One setting, and how its value passes from the overrides to the policy. */
struct setting {
    const char *name;
    bool (*parse)(const char *text, struct sg_crypto_policy *out);
    size_t offset, size;
};
#define MEMBER(member)                                                                             \
    offsetof(struct sg_crypto_policy, member), sizeof(((struct sg_crypto_policy *)0)->member)
static const struct setting settings[] = {
    {"minimum_rsa_bits", parse_rsa, MEMBER(minimum_rsa_bits)},
    {"curves", parse_curves, MEMBER(curves)},
    {"signature_digests", parse_digests, MEMBER(digests)},
    {"leaf_days_max", parse_leaf_days, MEMBER(leaf_days_max)},
    {"ca_days_max", parse_ca_days, MEMBER(ca_days_max)},
    {"server_san_required", parse_server_san, MEMBER(server_san)},
    {"extractable_keys", parse_extractable, MEMBER(extractable_keys)},
    {"ec_ca", parse_ec_ca, MEMBER(ec_ca)},
};

static bool parse_profile(const char *value, enum sg_policy_profile *out)
{
    for (size_t i = 0; i < SG_COUNT(profile_names); i++) {
        if (strcasecmp(profile_names[i], value) == 0) {
            *out = (enum sg_policy_profile)i;
            return true;
        }
    }
    return false;
}

bool sg_policy_setting_parse(const char *name, const char *value, struct sg_policy_settings *out)
{
    if (strcmp(name, "policy") == 0) {
        return parse_profile(value, &out->profile);
    }
    for (size_t i = 0; i < SG_COUNT(settings); i++) {
        if (strcmp(settings[i].name, name) == 0) {
            bool good = settings[i].parse(value, &out->value);
            out->given |= good ? 1u << i : 0;
            return good;
        }
    }
    return false;
}

struct sg_crypto_policy sg_crypto_policy_resolve(const struct sg_policy_settings *from)
{
    struct sg_crypto_policy policy = sg_crypto_policy_of(from->profile);
    for (size_t i = 0; i < SG_COUNT(settings); i++) {
        if ((from->given & 1u << i) != 0) {
            memcpy((char *)&policy + settings[i].offset,
                   (const char *)&from->value + settings[i].offset, settings[i].size);
        }
    }
    return policy;
}

/* ---- rules ---- */

static void list_words(const struct word *words, size_t count, unsigned mask, char *out,
                       size_t room)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < count && used < room; i++) {
        if ((mask & words[i].bit) != 0) {
            int put =
                snprintf(out + used, room - used, "%s%s", used > 0 ? ", " : "", words[i].word);
            used += put > 0 ? (size_t)put : 0;
        }
    }
}

static sg_status ask_key_size(const struct sg_crypto_policy *policy,
                              const struct sg_policy_certificate *certificate, struct sg_error *err)
{
    if (certificate->family != SG_FAMILY_RSA || certificate->key_bits >= policy->minimum_rsa_bits) {
        return SG_OK;
    }
    (void)sg_fail(err, SG_E_INPUT, "policy_key_size",
                  "the RSA key has %u bits, and policy \"%s\" asks for at least %u "
                  "(minimum_rsa_bits)",
                  certificate->key_bits, sg_policy_profile_name(policy->profile),
                  policy->minimum_rsa_bits);
    return sg_hint(err, "Take a larger key: --key rsa:%u.",
                   policy->minimum_rsa_bits <= 2048   ? 2048u
                   : policy->minimum_rsa_bits <= 3072 ? 3072u
                                                      : 4096u);
}

/* 0: a curve that the settings have no word for. */
static unsigned curve_of(const struct sg_policy_certificate *certificate)
{
    static const struct word names[] = {{"P-256", SG_POLICY_P256},         {"p256", SG_POLICY_P256},
                                        {"P-384", SG_POLICY_P384},         {"p384", SG_POLICY_P384},
                                        {"P-521", SG_POLICY_P521},         {"p521", SG_POLICY_P521},
                                        {"secp256k1", SG_POLICY_SECP256K1}};
    if (certificate->family == SG_FAMILY_ED25519) {
        return SG_POLICY_ED25519;
    }
    const char *name = certificate->key_text; /* behind "EC " or "ec:" */
    name += strncasecmp(name, "ec ", 3) == 0 || strncasecmp(name, "ec:", 3) == 0 ? 3 : 0;
    for (size_t i = 0; i < SG_COUNT(names); i++) {
        if (strcmp(names[i].word, name) == 0) {
            return names[i].bit;
        }
    }
    return strncmp(name, "brainpool", 9) == 0 ? SG_POLICY_BRAINPOOL : 0;
}

static sg_status ask_curve(const struct sg_crypto_policy *policy,
                           const struct sg_policy_certificate *certificate, struct sg_error *err)
{
    if (certificate->family == SG_FAMILY_RSA || (curve_of(certificate) & policy->curves) != 0) {
        return SG_OK;
    }
    char list[80];
    list_words(curve_words, SG_COUNT(curve_words), policy->curves, list, sizeof list);
    (void)sg_fail(err, SG_E_INPUT, "policy_curve",
                  "the key is %.32s, and policy \"%s\" allows these curves: %s (curves)",
                  certificate->key_text, sg_policy_profile_name(policy->profile), list);
    return sg_hint(err, "Take a key of one of them (--key ec:p256), or an RSA key.");
}

static unsigned digest_of(const char *name)
{
    for (size_t i = 0; i < SG_COUNT(digest_words); i++) {
        if (strcasecmp(digest_words[i].word, name) == 0) {
            return digest_words[i].bit;
        }
    }
    return 0;
}

static sg_status ask_digest(const struct sg_crypto_policy *policy,
                            const struct sg_policy_certificate *certificate, struct sg_error *err)
{
    if (certificate->digest[0] == '\0' || (digest_of(certificate->digest) & policy->digests) != 0) {
        return SG_OK;
    }
    char list[80];
    list_words(digest_words, SG_COUNT(digest_words), policy->digests, list, sizeof list);
    (void)sg_fail(err, SG_E_INPUT, "policy_digest",
                  "it is signed with %.16s, and policy \"%s\" allows %s (signature_digests)",
                  certificate->digest, sg_policy_profile_name(policy->profile), list);
    return sg_hint(err, "Ask its CA for a signature with one of them.");
}

/* The TLS Baseline Requirements, 6.3.2, as ballot SC-081v3 (2025) has it: by the day of issue. */
static unsigned baseline_days(int64_t not_before_s)
{
    static const struct {
        int64_t from_s;
        unsigned days;
    } steps[] = {
        {1868227200, 47},  /* 2029-03-15 */
        {1805068800, 100}, /* 2027-03-15 */
        {1773532800, 200}, /* 2026-03-15 */
    };
    for (size_t i = 0; i < SG_COUNT(steps); i++) {
        if (not_before_s >= steps[i].from_s) {
            return steps[i].days;
        }
    }
    return 398;
}

unsigned sg_crypto_policy_days(const struct sg_crypto_policy *policy, bool ca, int64_t not_before_s)
{
    if (ca) {
        return policy->ca_days_max;
    }
    return policy->leaf_days_max == SG_DAYS_BASELINE ? baseline_days(not_before_s)
                                                     : policy->leaf_days_max;
}

static sg_status ask_validity(const struct sg_crypto_policy *policy,
                              const struct sg_policy_certificate *certificate, struct sg_error *err)
{
    unsigned days = sg_crypto_policy_days(policy, certificate->ca, certificate->not_before_s);
    /* the first and the last second count (RFC 5280, 4.1.2.5), and a second more is a day more */
    int64_t seconds = certificate->not_after_s - certificate->not_before_s + 1;
    if (days == SG_DAYS_NONE || seconds <= (int64_t)days * DAY_S) {
        return SG_OK;
    }
    (void)sg_fail(err, SG_E_INPUT, "policy_validity",
                  "it is valid for %lld days, and policy \"%s\" allows %u (%s)",
                  (long long)((seconds + DAY_S - 1) / DAY_S),
                  sg_policy_profile_name(policy->profile), days,
                  certificate->ca ? "ca_days_max" : "leaf_days_max");
    return sg_hint(err, "Have it made for less: --days %u.", days);
}

static sg_status ask_san(const struct sg_crypto_policy *policy,
                         const struct sg_policy_certificate *certificate, struct sg_error *err)
{
    if (!policy->server_san || !certificate->server || certificate->ca ||
        certificate->names_server) {
        return SG_OK;
    }
    (void)sg_fail(err, SG_E_INPUT, "policy_san",
                  "it is a server's certificate (serverAuth) without a DNS name or an IP address "
                  "among its subject alternative names, and policy \"%s\" asks for one "
                  "(server_san_required)",
                  sg_policy_profile_name(policy->profile));
    return sg_hint(err, "Name the server: --san dns:HOST or ip:ADDRESS.");
}

static sg_status ask_extractable(const struct sg_crypto_policy *policy,
                                 const struct sg_policy_certificate *certificate,
                                 struct sg_error *err)
{
    if (policy->extractable_keys || !certificate->extractable) {
        return SG_OK;
    }
    (void)sg_fail(err, SG_E_DENIED, "policy_extractable",
                  "its key can be exported, and policy \"%s\" allows that never "
                  "(extractable_keys)",
                  sg_policy_profile_name(policy->profile));
    return sg_hint(err, "Leave --extractable out: programs use the key through a ring.");
}

static sg_status ask_ca_key(const struct sg_crypto_policy *policy,
                            const struct sg_policy_certificate *certificate, struct sg_error *err)
{
    if (policy->ec_ca || !certificate->ca || certificate->family == SG_FAMILY_RSA) {
        return SG_OK;
    }
    (void)sg_fail(err, SG_E_INPUT, "policy_ca_key",
                  "it is a CA certificate with a key %.32s, and policy \"%s\" allows RSA keys only "
                  "(ec_ca)",
                  certificate->key_text, sg_policy_profile_name(policy->profile));
    return sg_hint(err, "Take an RSA key for the CA: --key rsa:3072.");
}

sg_status sg_crypto_policy_ask(const struct sg_crypto_policy *policy, enum sg_policy_rule rule,
                               const struct sg_policy_certificate *certificate,
                               struct sg_error *err)
{
    switch (rule) {
    case SG_RULE_KEY_SIZE:
        return ask_key_size(policy, certificate, err);
    case SG_RULE_CURVE:
        return ask_curve(policy, certificate, err);
    case SG_RULE_DIGEST:
        return ask_digest(policy, certificate, err);
    case SG_RULE_VALIDITY:
        return ask_validity(policy, certificate, err);
    case SG_RULE_SAN:
        return ask_san(policy, certificate, err);
    case SG_RULE_EXTRACTABLE:
        return ask_extractable(policy, certificate, err);
    case SG_RULE_CA_KEY:
        return ask_ca_key(policy, certificate, err);
    }
    return sg_fail(err, SG_E_INTERNAL, NULL, "no policy rule %d", (int)rule);
}

sg_status sg_crypto_policy_check(const struct sg_crypto_policy *policy,
                                 const struct sg_policy_certificate *certificate,
                                 struct sg_error *err)
{
    for (unsigned rule = 0; rule < SG_RULE_COUNT; rule++) {
        sg_status s = sg_crypto_policy_ask(policy, (enum sg_policy_rule)rule, certificate, err);
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}

sg_status sg_crypto_policy_strength(const struct sg_crypto_policy *policy,
                                    enum sg_key_family family, unsigned bits, struct sg_error *err)
{
    bool allowed =
        family == SG_FAMILY_RSA && bits >= policy->minimum_rsa_bits && bits <= RSA_BITS_CEILING;
    return allowed ? SG_OK : sg_key_strength_check(family, bits, err);
}
