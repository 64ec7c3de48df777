/* RACF's words for key usages, signature algorithms and kinds of keys. */
#include "listing_internal.h"

#include <stdio.h>
#include <string.h>

/* In the order of the bits of RFC 5280, 4.2.1.3. */
static const char *const usage_names[] = {"digitalSignature", "nonRepudiation", "keyEncipherment",
                                          "dataEncipherment", "keyAgreement",   "keyCertSign",
                                          "cRLSign"};
enum usage_bit {
    DIGITAL_SIGNATURE = 1u << 0,
    NON_REPUDIATION = 1u << 1,
    KEY_ENCIPHERMENT = 1u << 2,
    DATA_ENCIPHERMENT = 1u << 3,
    KEY_AGREEMENT = 1u << 4,
    KEY_CERT_SIGN = 1u << 5,
    CRL_SIGN = 1u << 6,
};

unsigned sg_listing_usage_bit(const char *name)
{
    for (size_t i = 0; i < SG_COUNT(usage_names); i++) {
        if (strcmp(usage_names[i], name) == 0) {
            return 1u << i;
        }
    }
    return 0;
}

/* Of two bits that belong to one word, either shows it: nothing that a key may do is hidden. */
void sg_listing_key_usage(unsigned bits, char out[SG_LISTING_WORD])
{
    static const struct {
        unsigned bits;
        const char *word;
    } words[] = {{DIGITAL_SIGNATURE | KEY_ENCIPHERMENT, "HANDSHAKE"},
                 {DATA_ENCIPHERMENT, "DATAENCRYPT"},
                 {NON_REPUDIATION, "DOCSIGN"},
                 {KEY_CERT_SIGN | CRL_SIGN, "CERTSIGN"},
                 {KEY_AGREEMENT, "KEYAGREE"}};
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < SG_COUNT(words); i++) {
        if ((bits & words[i].bits) != 0) {
            used += (size_t)snprintf(out + used, SG_LISTING_WORD - used, "%s%s",
                                     used > 0 ? ", " : "", words[i].word);
        }
    }
}

/* OpenSSL's long names. Those that RACF has no word for stand as they are: its UNKNOWN helps
 * nobody. */
void sg_listing_signature(const char *algorithm, char out[SG_LISTING_WORD])
{
    static const struct {
        const char *openssl, *racf;
    } words[] = {{"md2WithRSAEncryption", "md2RSA"},       {"md5WithRSAEncryption", "md5RSA"},
                 {"sha1WithRSAEncryption", "sha1RSA"},     {"sha224WithRSAEncryption", "sha224RSA"},
                 {"sha256WithRSAEncryption", "sha256RSA"}, {"sha384WithRSAEncryption", "sha384RSA"},
                 {"sha512WithRSAEncryption", "sha512RSA"}, {"dsaWithSHA1", "sha1DSA"},
                 {"dsa_with_SHA224", "sha224DSA"},         {"dsa_with_SHA256", "sha256DSA"},
                 {"ecdsa-with-SHA1", "sha1ECDSA"},         {"ecdsa-with-SHA224", "sha224ECDSA"},
                 {"ecdsa-with-SHA256", "sha256ECDSA"},     {"ecdsa-with-SHA384", "sha384ECDSA"},
                 {"ecdsa-with-SHA512", "sha512ECDSA"},     {"unknown", "UNKNOWN"}};
    for (size_t i = 0; i < SG_COUNT(words); i++) {
        if (strcmp(words[i].openssl, algorithm) == 0) {
            algorithm = words[i].racf;
            break;
        }
    }
    (void)snprintf(out, SG_LISTING_WORD, "%.63s", algorithm);
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* "rsa:2048", "ec:p256" for keys of ours, "RSA 1024", "EC brainpoolP256r1" for others'. */
void sg_listing_key_type(const char *key, char out[SG_LISTING_WORD])
{
    static const struct {
        const char *starts, *word;
    } types[] = {{"rsa:", "RSA"},
                 {"RSA ", "RSA"},
                 {"ec:p", "NIST ECC"},
                 {"EC P-", "NIST ECC"},
                 {"EC secp224r1", "NIST ECC"},
                 {"EC prime192v1", "NIST ECC"},
                 {"EC brainpool", "Brainpool ECC"},
                 {"DSA ", "DSA"},
                 {"ed25519", "Ed25519"},
                 {"ec:", "ECC "},
                 {"EC ", "ECC "}};
    for (size_t i = 0; i < SG_COUNT(types); i++) {
        if (starts(key, types[i].starts)) {
            const char *word = types[i].word;
            const char *rest = strcmp(word, "ECC ") == 0 ? key + strlen(types[i].starts) : "";
            (void)snprintf(out, SG_LISTING_WORD, "%s%.48s", word, rest);
            return;
        }
    }
    (void)snprintf(out, SG_LISTING_WORD, "%.63s", key);
}
