/* Public keys: what kind, how large, and whether we serve them. */
#include "x509_internal.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/provider.h>
#include <openssl/sha.h>

static bool rsa_exponent_is_sound(EVP_PKEY *key)
{
    SG_CLEANUP(BN_freep) BIGNUM *exponent = NULL;
    /* With an exponent of 1 every signature verifies; an even one is no RSA key. */
    return EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
           BN_is_odd(exponent) && !BN_is_one(exponent);
}

#define RSA_EXPONENT 65537

static const char *rsa_not_taken(EVP_PKEY *key, unsigned bits)
{
    SG_CLEANUP(BN_freep) BIGNUM *exponent = NULL;
    if (bits != 2048 && bits != 3072 && bits != 4096) {
        return "RSA of another size";
    }
    bool usual = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
                 BN_is_word(exponent, RSA_EXPONENT);
    return usual ? NULL : "RSA with another exponent";
}

static void describe_rsa(EVP_PKEY *key, struct sg_x509_key *out)
{
    out->family = SG_FAMILY_RSA;
    out->supported = rsa_exponent_is_sound(key);
    out->not_taken = rsa_not_taken(key, out->bits);
    (void)snprintf(out->text, sizeof(out->text), "RSA %u%s", out->bits,
                   out->supported ? "" : " (bad exponent)");
}

/* Of the curves that keys are kept on; NULL for any other. */
static const char *kept_curve_text(int nid)
{
    static const struct {
        int nid;
        const char *text;
    } curves[] = {{NID_X9_62_prime256v1, "P-256"},
                  {NID_secp384r1, "P-384"},
                  {NID_secp521r1, "P-521"},
                  {NID_secp256k1, "secp256k1"}};
    for (size_t i = 0; i < SG_COUNT(curves); i++) {
        if (curves[i].nid == nid) {
            return curves[i].text;
        }
    }
    return NULL;
}

static const char *curve_text(int nid)
{
    const char *kept = kept_curve_text(nid);
    return kept != NULL ? kept : OBJ_nid2sn(nid);
}

static void describe_ec(EVP_PKEY *key, struct sg_x509_key *out)
{
    char group[64] = "";
    size_t len = 0;
    out->family = SG_FAMILY_EC;
    out->supported = EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1;
    const char *text = out->supported ? curve_text(OBJ_sn2nid(group)) : "unknown curve";
    bool kept = out->supported && kept_curve_text(OBJ_sn2nid(group)) != NULL;
    out->not_taken = kept ? NULL : "EC on another curve";
    (void)snprintf(out->text, sizeof(out->text), "EC %s", text);
}

static void describe(EVP_PKEY *key, struct sg_x509_key *out)
{
    int bits = EVP_PKEY_get_bits(key);
    out->bits = bits > 0 ? (unsigned)bits : 0;
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        describe_rsa(key, out);
        break;
    case EVP_PKEY_EC:
        describe_ec(key, out);
        break;
    case EVP_PKEY_ED25519:
        out->family = SG_FAMILY_ED25519;
        out->bits = 256;
        out->supported = true;
        (void)snprintf(out->text, sizeof(out->text), "Ed25519");
        break;
    default:
        (void)snprintf(out->text, sizeof(out->text), "%s %u", OBJ_nid2sn(EVP_PKEY_get_base_id(key)),
                       out->bits);
        break;
    }
}

/* A key that OpenSSL does not decode still has an algorithm to name. */
static void describe_unknown(const ASN1_OBJECT *algorithm, struct sg_x509_key *out)
{
    char text[80] = "";
    if (OBJ_obj2txt(text, sizeof(text), algorithm, 0) <= 0) {
        (void)snprintf(text, sizeof(text), "unknown");
    }
    (void)snprintf(out->text, sizeof(out->text), "%.31s", text);
}

static bool has_explicit_curve(const ASN1_OBJECT *algorithm, const X509_ALGOR *identifier)
{
    int type = V_ASN1_UNDEF;
    X509_ALGOR_get0(NULL, &type, NULL, identifier);
    return OBJ_obj2nid(algorithm) == NID_X9_62_id_ecPublicKey && type != V_ASN1_OBJECT;
}

sg_status sg_x509_key_describe(X509_PUBKEY *key, struct sg_x509_key *out, struct sg_error *err)
{
    ASN1_OBJECT *algorithm = NULL;
    X509_ALGOR *identifier = NULL;
    struct sg_x509_key found = {.supported = false};
    if (X509_PUBKEY_get0_param(&algorithm, NULL, NULL, &identifier, key) != 1) {
        return sg_x509_broken(err, "reading a public key");
    }
    if (has_explicit_curve(algorithm, identifier)) {
        sg_fail(err, SG_E_INPUT, "explicit_curve",
                "the EC public key spells its curve out instead of naming it");
        return sg_hint(err, "Make the key again with a named curve (openssl: -pkeyopt "
                            "ec_param_enc:named_curve); RFC 5480 forbids explicit parameters.");
    }
    EVP_PKEY *pkey = X509_PUBKEY_get0(key);
    if (pkey != NULL) {
        describe(pkey, &found);
    } else {
        describe_unknown(algorithm, &found);
    }
    ERR_clear_error();
    *out = found;
    return SG_OK;
}

/* ---- without decoding ---- */

static OSSL_LIB_CTX *keyless_context;

static void make_keyless(void)
{
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
    if (context != NULL && OSSL_PROVIDER_load(context, "null") == NULL) {
        OSSL_LIB_CTX_free(context);
        context = NULL;
    }
    keyless_context = context;
    ERR_clear_error();
}

OSSL_LIB_CTX *sg_x509_keyless(void)
{
    static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
    return CRYPTO_THREAD_run_once(&once, make_keyless) == 1 ? keyless_context : NULL;
}

static inline void sequence_free(ASN1_SEQUENCE_ANY *sequence)
{
    sk_ASN1_TYPE_pop_free(sequence, ASN1_TYPE_free);
}
SG_DEFINE_CLEANUP(ASN1_SEQUENCE_ANY *, sequence_free)

/* RSAPublicKey (RFC 8017, A.1.1): the modulus comes first. */
static bool glance_rsa(const unsigned char *bytes, int len, struct sg_x509_key *out)
{
    SG_CLEANUP(sequence_freep)
    ASN1_SEQUENCE_ANY *numbers = d2i_ASN1_SEQUENCE_ANY(NULL, &bytes, len);
    const ASN1_TYPE *first = sk_ASN1_TYPE_num(numbers) == 2 ? sk_ASN1_TYPE_value(numbers, 0) : NULL;
    if (first == NULL || first->type != V_ASN1_INTEGER) {
        return false;
    }
    SG_CLEANUP(BN_freep) BIGNUM *modulus = ASN1_INTEGER_to_BN(first->value.integer, NULL);
    int bits = modulus != NULL ? BN_num_bits(modulus) : 0;
    out->family = SG_FAMILY_RSA;
    out->bits = bits > 0 ? (unsigned)bits : 0;
    (void)snprintf(out->text, sizeof(out->text), "RSA %u", out->bits);
    return bits > 0;
}

static bool glance_ec(const X509_ALGOR *identifier, struct sg_x509_key *out)
{
    static const struct {
        int nid;
        unsigned bits;
    } curves[] = {{NID_X9_62_prime256v1, 256},
                  {NID_secp384r1, 384},
                  {NID_secp521r1, 521},
                  {NID_secp256k1, 256}};
    int type = V_ASN1_UNDEF;
    const void *value = NULL;
    X509_ALGOR_get0(NULL, &type, &value, identifier);
    int nid = type == V_ASN1_OBJECT ? OBJ_obj2nid(value) : NID_undef;
    for (size_t i = 0; i < SG_COUNT(curves); i++) {
        if (curves[i].nid == nid) {
            out->family = SG_FAMILY_EC;
            out->bits = curves[i].bits;
            (void)snprintf(out->text, sizeof(out->text), "EC %s", curve_text(nid));
            return true;
        }
    }
    return false;
}

bool sg_x509_key_glance(const X509_PUBKEY *key, struct sg_x509_key *out)
{
    ASN1_OBJECT *algorithm = NULL;
    X509_ALGOR *identifier = NULL;
    const unsigned char *bytes = NULL;
    int len = 0;
    *out = (struct sg_x509_key){.supported = true};
    if (X509_PUBKEY_get0_param(&algorithm, &bytes, &len, &identifier, key) != 1) {
        return false;
    }
    switch (OBJ_obj2nid(algorithm)) {
    case NID_rsaEncryption:
        return glance_rsa(bytes, len, out);
    case NID_X9_62_id_ecPublicKey:
        return glance_ec(identifier, out);
    case NID_ED25519:
        out->family = SG_FAMILY_ED25519;
        out->bits = 256;
        (void)snprintf(out->text, sizeof(out->text), "Ed25519");
        return true;
    default:
        return false;
    }
}

sg_status sg_x509_spki_parse(struct sg_bytes spki, X509_PUBKEY **out, struct sg_error *err)
{
    const unsigned char *at = spki.data;
    SG_CLEANUP(X509_PUBKEY_freep)
    X509_PUBKEY *key = spki.len > 0 && spki.len <= SG_CERTIFICATE_MAX
                           ? d2i_X509_PUBKEY(NULL, &at, (long)spki.len)
                           : NULL;
    if (key == NULL || at != spki.data + spki.len) {
        sg_fail(err, SG_E_INPUT, "unsupported_key", "not a public key (SubjectPublicKeyInfo)");
        return sg_x509_ossl(err);
    }
    *out = SG_STEAL(key);
    return SG_OK;
}

/* A second owner for an algorithm's parameters: a curve's name, NULL, or nothing. */
static bool copy_parameters(int type, const void *value, void **out)
{
    *out = type == V_ASN1_OBJECT ? OBJ_dup(value) : NULL;
    return type == V_ASN1_OBJECT ? *out != NULL : type == V_ASN1_NULL || type == V_ASN1_UNDEF;
}

sg_status sg_x509_put_key(X509_PUBKEY *target, struct sg_bytes spki, struct sg_error *err)
{
    SG_CLEANUP(X509_PUBKEY_freep) X509_PUBKEY *source = NULL;
    sg_status s = sg_x509_spki_parse(spki, &source, err);
    if (s != SG_OK) {
        return s;
    }
    X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *object = NULL;
    const unsigned char *bits = NULL;
    const void *value = NULL;
    void *parameters = NULL;
    int len = 0;
    int type = V_ASN1_UNDEF;
    (void)X509_PUBKEY_get0_param(NULL, &bits, &len, &algorithm, source);
    X509_ALGOR_get0(&object, &type, &value, algorithm);
    SG_DER unsigned char *copy = len > 0 ? OPENSSL_memdup(bits, (size_t)len) : NULL;
    if (!copy_parameters(type, value, &parameters) || copy == NULL ||
        X509_PUBKEY_set0_param(target, OBJ_dup(object), type, parameters, copy, len) != 1) {
        ASN1_OBJECT_free(parameters);
        return sg_x509_broken(err, "copying a public key");
    }
    copy = NULL;
    return SG_OK;
}

sg_status sg_spki_describe(struct sg_bytes spki, enum sg_key_family *family, unsigned *bits,
                           char text[32], struct sg_error *err)
{
    SG_CLEANUP(X509_PUBKEY_freep) X509_PUBKEY *key = NULL;
    struct sg_x509_key found = {.supported = false};
    sg_status s = sg_x509_spki_parse(spki, &key, err);
    if (s == SG_OK) {
        s = sg_x509_key_describe(key, &found, err);
    }
    if (s != SG_OK) {
        return s;
    }
    if (!found.supported) {
        sg_fail(err, SG_E_INPUT, "unsupported_key", "public key of an unsupported kind (%s)",
                found.text);
        return sg_hint(err, "RSA, EC on a named curve and Ed25519 keys are served.");
    }
    *family = found.family;
    *bits = found.bits;
    memcpy(text, found.text, sizeof(found.text));
    return SG_OK;
}

void sg_spki_sha256(struct sg_bytes spki, unsigned char out[32])
{
    (void)SHA256(spki.data, spki.len, out);
}
