#include <signet/policy/crypto_rules.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* secp256k1 is for ledgers: it has no TLS 1.3 code point (RFC 8446, 4.2.7). */
static const struct sg_key_spec specs[] = {
    {"rsa:2048", SG_FAMILY_RSA, 2048, SG_CURVE_NONE, true},
    {"rsa:3072", SG_FAMILY_RSA, 3072, SG_CURVE_NONE, true},
    {"rsa:4096", SG_FAMILY_RSA, 4096, SG_CURVE_NONE, true},
    {"ec:p256", SG_FAMILY_EC, 256, SG_CURVE_P256, true},
    {"ec:p384", SG_FAMILY_EC, 384, SG_CURVE_P384, true},
    {"ec:p521", SG_FAMILY_EC, 521, SG_CURVE_P521, true},
    {"ec:secp256k1", SG_FAMILY_EC, 256, SG_CURVE_SECP256K1, false},
    {"ed25519", SG_FAMILY_ED25519, 255, SG_CURVE_NONE, true},
};

/* KEYUSAGE (racf-compatibility.md): the word, its bit, the X.509 bits it stands for. */
struct usage_row {
    const char *word;
    unsigned bit;
    unsigned x509;
};
static const struct usage_row usages[] = {
    {"handshake", SG_KEY_HANDSHAKE, SG_X509_DIGITAL_SIGNATURE},
    {"dataencrypt", SG_KEY_DATAENCRYPT, SG_X509_DATA_ENCIPHERMENT},
    {"docsign", SG_KEY_DOCSIGN, SG_X509_NON_REPUDIATION},
    {"certsign", SG_KEY_CERTSIGN, SG_X509_KEY_CERT_SIGN | SG_X509_CRL_SIGN},
    {"keyagree", SG_KEY_KEYAGREE, SG_X509_KEY_AGREEMENT},
};

const struct sg_key_spec *sg_key_specs(size_t *count)
{
    *count = SG_COUNT(specs);
    return specs;
}

#define SHOWN_MAX 32 /* characters of an unknown word in a message */

static bool can_be_shown(const char *word)
{
    size_t len = strlen(word);
    bool plain = len > 0 && len <= SHOWN_MAX;
    for (size_t i = 0; plain && i < len; i++) {
        plain = word[i] > 0x1f && word[i] < 0x7f;
    }
    return plain;
}

/* What somebody typed may be long and may hold anything: it is shown when it can be, else its
 * length. */
static sg_status unknown_word(const char *code, const char *noun, const char *word,
                              struct sg_error *err)
{
    return can_be_shown(word)
               ? sg_fail(err, SG_E_INPUT, code, "the %s \"%s\" is not known", noun, word)
               : sg_fail(err, SG_E_INPUT, code, "the %s of %zu characters is not known", noun,
                         strlen(word));
}

static sg_status hint_words(struct sg_error *err, const char *list)
{
    return sg_hint(err, "One of: %s.", list);
}

static void add_word(char *list, size_t size, const char *word)
{
    size_t used = strlen(list);
    (void)snprintf(list + used, size - used, "%s%s", used > 0 ? ", " : "", word);
}

sg_status sg_key_spec_find(const char *name, const struct sg_key_spec **out, struct sg_error *err)
{
    char list[200] = "";
    for (size_t i = 0; i < SG_COUNT(specs); i++) {
        if (strcasecmp(specs[i].name, name) == 0) {
            *out = &specs[i];
            return SG_OK;
        }
        add_word(list, sizeof list, specs[i].name);
    }
    (void)unknown_word("unknown_key_type", "key type", name, err);
    return hint_words(err, list);
}

sg_status sg_key_usage_parse(const char *word, unsigned *bit, struct sg_error *err)
{
    char list[200] = "";
    for (size_t i = 0; i < SG_COUNT(usages); i++) {
        if (strcasecmp(usages[i].word, word) == 0) {
            *bit = usages[i].bit;
            return SG_OK;
        }
        add_word(list, sizeof list, usages[i].word);
    }
    (void)unknown_word("unknown_usage", "usage", word, err);
    return hint_words(err, list);
}

const char *sg_key_usage_word(unsigned bit)
{
    for (size_t i = 0; i < SG_COUNT(usages); i++) {
        if (usages[i].bit == bit) {
            return usages[i].word;
        }
    }
    return NULL;
}

static unsigned all_usages(void)
{
    unsigned all = 0;
    for (size_t i = 0; i < SG_COUNT(usages); i++) {
        all |= usages[i].bit;
    }
    return all;
}

/* Usages that this family can have. */
static unsigned family_usages(enum sg_key_family family)
{
    unsigned common = SG_KEY_HANDSHAKE | SG_KEY_DOCSIGN | SG_KEY_CERTSIGN;
    switch (family) {
    case SG_FAMILY_RSA:
        return common | SG_KEY_DATAENCRYPT;
    case SG_FAMILY_EC:
        return common | SG_KEY_KEYAGREE;
    case SG_FAMILY_ED25519:
        break;
    }
    return common;
}

static const char *family_name(enum sg_key_family family)
{
    switch (family) {
    case SG_FAMILY_RSA:
        return "RSA";
    case SG_FAMILY_EC:
        return "EC";
    case SG_FAMILY_ED25519:
        break;
    }
    return "Ed25519";
}

sg_status sg_key_usage_check(enum sg_key_family family, unsigned usage, struct sg_error *err)
{
    if ((usage & ~all_usages()) != 0) {
        return sg_fail(err, SG_E_INPUT, "unknown_usage", "the usage mask %#x holds unknown bits",
                       usage);
    }
    unsigned wrong = usage & ~family_usages(family);
    if (wrong == 0) {
        return SG_OK;
    }
    const char *word = sg_key_usage_word(wrong & (~wrong + 1)); /* the lowest bit of them */
    (void)sg_fail(err, SG_E_INPUT, "usage_not_for_key", "%s is not a usage of %s keys", word,
                  family_name(family));
    return sg_hint(err, "dataencrypt needs an RSA key, keyagree an EC key.");
}

unsigned sg_key_usage_x509(enum sg_key_family family, unsigned usage, bool certauth)
{
    unsigned bits = certauth ? SG_X509_KEY_CERT_SIGN | SG_X509_CRL_SIGN : 0u;
    for (size_t i = 0; i < SG_COUNT(usages); i++) {
        if ((usage & usages[i].bit) != 0) {
            bits |= usages[i].x509;
        }
    }
    /* Only RSA transports keys: HANDSHAKE adds keyEncipherment there (RFC 3279, 2.3.1; RFC 5480, 3
     * forbids it for EC). */
    if (family == SG_FAMILY_RSA && (usage & SG_KEY_HANDSHAKE) != 0) {
        bits |= SG_X509_KEY_ENCIPHERMENT;
    }
    return bits;
}

/* A key that signs code decrypts nothing: DOCSIGN, and the digitalSignature that verifiers of code
 * ask for. */
static const struct sg_certificate_profile certificate_profiles[] = {
    {"server", SG_KEY_HANDSHAKE, 0, "serverAuth"},
    {"client", SG_KEY_HANDSHAKE, 0, "clientAuth"},
    {"code", SG_KEY_DOCSIGN, SG_X509_DIGITAL_SIGNATURE, "codeSigning"},
};

const struct sg_certificate_profile *sg_certificate_profile_find(const char *name)
{
    for (size_t i = 0; i < SG_COUNT(certificate_profiles); i++) {
        if (strcasecmp(certificate_profiles[i].name, name) == 0) {
            return &certificate_profiles[i];
        }
    }
    return NULL;
}

struct sg_key_abilities sg_key_abilities(enum sg_key_family family, unsigned usage, bool certauth)
{
    /* Under CERTAUTH a key never goes without a usage: certSign is forced on, and an issuer's key
     * decrypts nothing unasked. */
    bool unnamed = usage == 0 && !certauth;
    bool encrypts = (usage & (SG_KEY_HANDSHAKE | SG_KEY_DATAENCRYPT)) != 0;
    return (struct sg_key_abilities){
        .decrypt = family == SG_FAMILY_RSA && (encrypts || unnamed),
        .derive = family == SG_FAMILY_EC && (usage & SG_KEY_KEYAGREE) != 0,
    };
}

static sg_status weak(enum sg_key_family family, unsigned bits, const char *rule,
                      struct sg_error *err)
{
    (void)sg_fail(err, SG_E_INPUT, "weak_key", "the %s key has %u bits", family_name(family), bits);
    return sg_hint(err, "%s", rule);
}

sg_status sg_key_strength_check(enum sg_key_family family, unsigned bits, struct sg_error *err)
{
    if (bits == 0) {
        return SG_OK;
    }
    switch (family) {
    case SG_FAMILY_RSA:
        if (bits < 2048 || bits > 16384) {
            return weak(family, bits, "RSA keys of 2048 to 16384 bits are accepted.", err);
        }
        break;
    case SG_FAMILY_EC:
        if (bits < 256) {
            return weak(family, bits, "EC keys of 256 bits and more are accepted.", err);
        }
        break;
    case SG_FAMILY_ED25519:
        break;
    }
    return SG_OK;
}
