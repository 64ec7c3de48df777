/* What the files of this room share: owners for OpenSSL's objects, the inside of a certificate,
 * names and extensions. */
#ifndef SIGNET_X509_INTERNAL_H
#define SIGNET_X509_INTERNAL_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <signet/x509/certificate.h>

SG_DEFINE_CLEANUP(X509 *, X509_free)
SG_DEFINE_CLEANUP(X509_REQ *, X509_REQ_free)
SG_DEFINE_CLEANUP(X509_NAME *, X509_NAME_free)
SG_DEFINE_CLEANUP(X509_PUBKEY *, X509_PUBKEY_free)
SG_DEFINE_CLEANUP(X509_ALGOR *, X509_ALGOR_free)
SG_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
SG_DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free)
SG_DEFINE_CLEANUP(GENERAL_NAME *, GENERAL_NAME_free)
SG_DEFINE_CLEANUP(EXTENDED_KEY_USAGE *, EXTENDED_KEY_USAGE_free)
SG_DEFINE_CLEANUP(BASIC_CONSTRAINTS *, BASIC_CONSTRAINTS_free)
SG_DEFINE_CLEANUP(AUTHORITY_KEYID *, AUTHORITY_KEYID_free)
SG_DEFINE_CLEANUP(ASN1_BIT_STRING *, ASN1_BIT_STRING_free)
SG_DEFINE_CLEANUP(ASN1_OCTET_STRING *, ASN1_OCTET_STRING_free)
SG_DEFINE_CLEANUP(ASN1_OBJECT *, ASN1_OBJECT_free)
SG_DEFINE_CLEANUP(ASN1_TIME *, ASN1_TIME_free)
SG_DEFINE_CLEANUP(BIGNUM *, BN_free)
SG_DEFINE_CLEANUP(BIO *, BIO_free_all)

static inline void sg_x509_extensions_free(STACK_OF(X509_EXTENSION) * extensions)
{
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}
SG_DEFINE_CLEANUP(STACK_OF(X509_EXTENSION) *, sg_x509_extensions_free)

static inline void sg_x509_der_free(unsigned char *der)
{
    OPENSSL_free(der);
}
/** DER that OpenSSL allocated: SG_DER unsigned char *der = NULL; int len = i2d_X(x, &der); */
SG_DEFINE_CLEANUP(unsigned char *, sg_x509_der_free)
#define SG_DER SG_CLEANUP(sg_x509_der_freep)

struct sg_certificate {
    X509 *x509;
    unsigned char *bytes;               /* what the facts point into */
    uint32_t subject_hash, issuer_hash; /* of the canonical names, for look-up among many */
    struct sg_certificate_facts facts;
};

/* text.c */

/** Keep OpenSSL's reason under the error that is set, empty OpenSSL's queue, return the status. */
sg_status sg_x509_ossl(struct sg_error *err);
/** A failure inside OpenSSL that input cannot cause; doing is "encoding the request". */
sg_status sg_x509_broken(struct sg_error *err, const char *doing);
/** OpenSSL's latest reason in words; never NULL. */
const char *sg_x509_reason(void);
/** Is this UTF-8 without surrogates and NUL? *characters may be NULL. */
bool sg_x509_utf8(const char *text, size_t len, size_t *characters);
/** Copy text so that it is valid UTF-8 without control characters (each bad byte becomes \XX), cut
 * at a character with "..." at its end when it does not fit. Writes a NUL. */
void sg_x509_clean(const unsigned char *text, size_t len, char *out, size_t room);
/** An object identifier in digits and dots; NULL when it is none. */
ASN1_OBJECT *sg_x509_dotted_object(const char *text);
/** A length of time in its largest unit: "323 days", "5 hours", "40 seconds". */
void sg_x509_duration(int64_t seconds, char out[32]);

/* key.c */

struct sg_x509_key {
    enum sg_key_family family;
    unsigned bits;
    char text[32];
    bool supported;
    const char *not_taken; /* why no token takes its private half; NULL: it does */
};
/** Describe a key. SG_E_INPUT "explicit_curve" for EC parameters that are not a named curve
 * (CVE-2020-0601 is why nobody takes them). */
SG_CHECKED sg_status sg_x509_key_describe(X509_PUBKEY *key, struct sg_x509_key *out,
                                          struct sg_error *err);
/** The same of a key that is not decoded, by what stands around it; false when that does not say.
 */
bool sg_x509_key_glance(const X509_PUBKEY *key, struct sg_x509_key *out);
/** OpenSSL without any algorithm: what it reads holds keys that are not decoded. NULL, the usual
 * OpenSSL, when memory is out. Made once, kept for good. */
OSSL_LIB_CTX *sg_x509_keyless(void);
/** Parse SubjectPublicKeyInfo, all of it. */
SG_CHECKED sg_status sg_x509_spki_parse(struct sg_bytes spki, X509_PUBKEY **out,
                                        struct sg_error *err);

/** Put a public key into a new certificate or request as it is: OpenSSL's setters encode it anew,
 * and not always the same way. */
SG_CHECKED sg_status sg_x509_put_key(X509_PUBKEY *target, struct sg_bytes spki,
                                     struct sg_error *err);

/* name.c */

SG_CHECKED sg_status sg_x509_name_parse(const char *text, X509_NAME **out, struct sg_error *err);
SG_CHECKED sg_status sg_x509_name_from_der(struct sg_bytes der, X509_NAME **out,
                                           struct sg_error *err);
/** RFC 4514 text, always valid UTF-8, cut when too long. */
void sg_x509_name_text(const X509_NAME *name, char out[SG_DN_TEXT]);
/** The last CN, or an empty text. */
void sg_x509_name_cn(const X509_NAME *name, char *out, size_t room);

/* altname.c */

/** Read "dns:…" into a GENERAL_NAME. SG_E_INPUT "bad_san". */
SG_CHECKED sg_status sg_x509_san_parse(const char *text, GENERAL_NAME **out, struct sg_error *err);
/** Append "dns:…" and a NUL. */
SG_CHECKED sg_status sg_x509_san_text(const GENERAL_NAME *name, struct sg_buffer *out,
                                      struct sg_error *err);
/** Add name to names unless an equal one is there; takes it over when it returns SG_OK. */
SG_CHECKED sg_status sg_x509_san_add(GENERAL_NAMES *names, GENERAL_NAME **name,
                                     struct sg_error *err);
SG_CHECKED sg_status sg_x509_sans_parse(const char *const *sans, size_t count, GENERAL_NAMES **out,
                                        struct sg_error *err);

/* eku.c */

SG_CHECKED sg_status sg_x509_ekus_parse(const char *const *ekus, size_t count,
                                        EXTENDED_KEY_USAGE **out, struct sg_error *err);

/* extensions.c: from what was asked for to X.509 extensions, and back */

/** What a certificate or request says beside its subject; NULL = nothing. Owns its members. */
struct sg_x509_extras {
    GENERAL_NAMES *sans;
    EXTENDED_KEY_USAGE *ekus;
    BASIC_CONSTRAINTS *basic;
    unsigned usage; /* enum sg_x509_usage */
};
void sg_x509_extras_done(struct sg_x509_extras *extras);
#define SG_X509_EXTRAS SG_CLEANUP(sg_x509_extras_done) struct sg_x509_extras
/** Collect what request says itself and what it copies. */
SG_CHECKED sg_status sg_x509_extras_collect(const struct sg_x509_request *request,
                                            struct sg_x509_extras *out, struct sg_error *err);
/** Encode them; subjectAltName is critical when the subject is empty (RFC 5280, 4.2.1.6). *out
 * stays NULL when there is none. */
SG_CHECKED sg_status sg_x509_extras_encode(const struct sg_x509_extras *extras, bool subject_empty,
                                           STACK_OF(X509_EXTENSION) * *out, struct sg_error *err);
/** Encode one extension onto a list that is made when needed. */
SG_CHECKED sg_status sg_x509_extension_add(STACK_OF(X509_EXTENSION) * *list, int nid, bool critical,
                                           void *value, struct sg_error *err);
/** Read the extensions of a certificate or a request. SG_E_INPUT "bad_extension" for one that is
 * malformed or stands twice. */
SG_CHECKED sg_status sg_x509_extras_read(const STACK_OF(X509_EXTENSION) * list,
                                         struct sg_x509_extras *out, struct sg_error *err);
/** keyUsage as enum sg_x509_usage. */
unsigned sg_x509_usage_bits(const ASN1_BIT_STRING *bits);

/* form.c */

/** Is one of its extensions malformed, critical or not? */
bool sg_x509_extension_fault(const X509 *x509, char why[SG_FORM_TEXT]);

/* copy.c */

/** Read the extensions out of DER that is a certificate or a PKCS#10 request. */
SG_CHECKED sg_status sg_x509_extras_copy(struct sg_bytes der, struct sg_x509_extras *out,
                                         struct sg_error *err);

/* request.c */

/** The subject that request asks for, and whether it may be as it is. */
SG_CHECKED sg_status sg_x509_request_subject(const struct sg_x509_request *request, X509_NAME **out,
                                             struct sg_error *err);

/* signature.c */

/** How a key signs. */
struct sg_x509_signing {
    enum sg_key_family family;
    int signature_nid;    /* NID_sha256WithRSAEncryption … */
    const EVP_MD *digest; /* NULL for Ed25519 */
    size_t component_len; /* ECDSA: bytes of r and of s */
};
SG_CHECKED sg_status sg_x509_signing_plan(const struct sg_signer *signer,
                                          struct sg_x509_signing *out, struct sg_error *err);
/** Write the AlgorithmIdentifier: NULL parameters for RSA (RFC 4055), none for ECDSA and Ed25519
 * (RFC 5758, RFC 8410). */
SG_CHECKED sg_status sg_x509_signing_algorithm(const struct sg_x509_signing *signing,
                                               X509_ALGOR *out, struct sg_error *err);
/** Sign what is to be signed; appends the signature as X.509 wants it. */
SG_CHECKED sg_status sg_x509_sign(const struct sg_x509_signing *signing,
                                  const struct sg_signer *signer, struct sg_bytes tbs,
                                  struct sg_buffer *out, struct sg_error *err);
/** Fill a BIT STRING with whole bytes. */
SG_CHECKED sg_status sg_x509_put_bits(ASN1_BIT_STRING *target, struct sg_bytes bytes,
                                      struct sg_error *err);

/* pretence.c: all false outside of a rehearsal */

/** Is the signature one that this rehearsal made in the place of this key's? */
bool sg_x509_pretended(X509 *x509, struct sg_bytes spki);
bool sg_x509_pretended_by(X509 *x509, X509 *issuer);
bool sg_x509_pretended_request(X509_REQ *csr, struct sg_bytes spki);

#endif
