/* Certificates, requests and chains: reading, building, checking. DER in, DER out; OpenSSL
 * underneath. No I/O, no token, time is a parameter. Texts name the certificate by its subject.
 * Bounds: one certificate 64 KiB, a chain 32 certificates, a bundle 1,000. */
#ifndef SIGNET_X509_CERTIFICATE_H
#define SIGNET_X509_CERTIFICATE_H

#include <signet/base/buffer.h>
#include <signet/base/error.h>
#include <signet/policy/crypto_rules.h>
#include <signet/policy/model.h>
#include <signet/policy/name_filter.h>
#include <signet/x509/signer.h>

#define SG_CERTIFICATE_MAX 65536 /**< bytes of DER */
#define SG_BUNDLE_MAX 1000       /**< certificates in one input */
#define SG_CHAIN_MAX 32
#define SG_SERIAL_TEXT                                                                             \
    132 /**< hexadecimal digits of a serial number and a NUL; RFC 5280 allows 20 bytes, reality    \
           more: 64 accepted */
#define SG_DN_TEXT 2048

/** A parsed certificate; owns everything. */
struct sg_certificate;

/** What is worth knowing without parsing again; lives as long as the certificate. */
struct sg_certificate_facts {
    struct sg_bytes der, subject, issuer; /**< DER; names as in the certificate */
    struct sg_bytes spki;                 /**< SubjectPublicKeyInfo DER */
    unsigned char spki_sha256[32];
    unsigned char sha256[32];    /**< fingerprint */
    char serial[SG_SERIAL_TEXT]; /**< upper-case hexadecimal, even number of digits, as LIST prints
                                    it */
    char subject_text[SG_DN_TEXT], issuer_text[SG_DN_TEXT]; /**< RFC 4514, UTF-8 */
    char common_name[256];             /**< the last CN of the subject, UTF-8, or empty */
    int64_t not_before_s, not_after_s; /**< seconds since 1970 */
    enum sg_key_family family;
    unsigned key_bits;
    char key_text[32];       /**< "RSA 2048", "EC P-256", "Ed25519", "EC brainpoolP256r1" */
    char signature_text[48]; /**< "sha256WithRSAEncryption" */
    char digest_text[24];    /**< of the signature: "sha256"; empty when the algorithm names none */
    bool self_issued;        /**< subject equals issuer */
    bool ca;                 /**< basicConstraints cA */
    bool key_supported;      /**< family is meaningful */
    const char *key_not_taken; /**< "RSA of another size": why a token does not take its private
                                    half (pkcs11/key_read.c asks the same of that); NULL: it does.
                                    Not said of a certificate that is parsed to show */
};

/** Parse one DER certificate. SG_E_INPUT "not_a_certificate" names the fault, also for trailing
 * bytes. */
SG_CHECKED sg_status sg_certificate_parse(struct sg_bytes der, struct sg_certificate **out,
                                          struct sg_error *err);
/** The same for a certificate that is only shown and was parsed before it was stored: the public
 * key is not decoded, which is most of the work. Kind and size of the key are there; nothing can be
 * verified with it or against it. */
SG_CHECKED sg_status sg_certificate_parse_to_show(struct sg_bytes der, struct sg_certificate **out,
                                                  struct sg_error *err);
void sg_certificate_free(struct sg_certificate *certificate);
SG_DEFINE_CLEANUP(struct sg_certificate *, sg_certificate_free)
#define SG_CERTIFICATE SG_CLEANUP(sg_certificate_freep) struct sg_certificate
const struct sg_certificate_facts *sg_certificate_facts(const struct sg_certificate *certificate);
/** Append the subjectAltName entries as they are typed ("dns:localhost", "ip:127.0.0.1", "email:…",
 * "uri:…"), each followed by a NUL; *count of them. */
SG_CHECKED sg_status sg_certificate_sans(const struct sg_certificate *certificate,
                                         struct sg_buffer *out, size_t *count,
                                         struct sg_error *err);
/** keyUsage bits (enum sg_x509_usage); 0 when the extension is absent. */
unsigned sg_certificate_usage(const struct sg_certificate *certificate);
/** Append the extended key usages as words ("serverAuth") or dotted OIDs, each followed by a NUL.
 */
SG_CHECKED sg_status sg_certificate_ekus(const struct sg_certificate *certificate,
                                         struct sg_buffer *out, size_t *count,
                                         struct sg_error *err);

/** What the rules of a policy ask of extensions. */
struct sg_x509_outline {
    bool ca;           /**< basicConstraints cA */
    bool names_server; /**< a DNS name or an IP address is among its alternative names */
    bool has_eku;      /**< there are extended key usages */
    bool server;       /**< serverAuth is among them */
};
/** Of a certificate; malformed extensions count as absent. */
struct sg_x509_outline sg_certificate_outline(const struct sg_certificate *certificate);

/** What RFC 5280 says of a certificate by itself, whoever signed it. */
enum sg_x509_form {
    SG_FORM_SOUND,
    SG_FORM_FORBIDDEN,  /**< none such may be made: no issuer's name, an extension twice, neither
                           subject nor critical subjectAltName (4.1.2.4, 4.1.2.6, 4.2) */
    SG_FORM_UNREADABLE, /**< a critical extension that cannot be read: whoever uses the certificate
                           must reject it (4.2) */
    SG_FORM_CROWDED,    /**< more extensions than Signet looks at: no fault of its own */
};
#define SG_FORM_TEXT 200
/** why: what is wrong, "its issuer has no name"; untouched when it is sound. */
enum sg_x509_form sg_certificate_form(const struct sg_certificate *certificate,
                                      char why[SG_FORM_TEXT]);
/** The same of DER, without decoding the key. */
enum sg_x509_form sg_der_form(struct sg_bytes der, char why[SG_FORM_TEXT]);
/** Why one of this form is not taken, a sentence without its period; "" for SG_FORM_SOUND. */
const char *sg_form_reason(enum sg_x509_form form);

/** Subject and issuer as RACF prints them, for name filters and listings. */
void sg_certificate_dotted(const struct sg_certificate *certificate, struct sg_dotted_name *subject,
                           struct sg_dotted_name *issuer);

/** Does issuer's key verify certificate's signature, and issuer's subject match? SG_E_INPUT
 * "bad_signature" or "wrong_issuer". */
SG_CHECKED sg_status sg_certificate_verify_issued(const struct sg_certificate *certificate,
                                                  const struct sg_certificate *issuer,
                                                  struct sg_error *err);
/** SG_OK when now_s lies within the validity; SG_E_INPUT "certificate_expired" (says since when) or
 * "certificate_not_yet_valid". */
SG_CHECKED sg_status sg_certificate_check_time(const struct sg_certificate *certificate,
                                               int64_t now_s, struct sg_error *err);

/** Order a bag of certificates into leaf, issuer, …, root. */
struct sg_chain {
    const struct sg_certificate *members[SG_CHAIN_MAX]; /**< borrowed */
    size_t count;
    bool complete; /**< ends in a self-signed certificate */
};
/** Build the chain of leaf from candidates (any order, duplicates allowed), by names, key
 * identifiers and signatures. An issuer that is missing is no failure (.complete is false); a
 * signature that no candidate of the right name verifies is SG_E_INPUT "bad_signature". */
SG_CHECKED sg_status sg_chain_build(const struct sg_certificate *leaf,
                                    const struct sg_certificate *const *candidates, size_t count,
                                    struct sg_chain *out, struct sg_error *err);
/** Check a built chain as RFC 5280, 6.1 asks (X509_verify_cert with the last member as anchor, at
 * now_s, without revocation): signatures, validity, CA flags, path length, name constraints.
 * SG_E_INPUT with a code of its own each: certificate_expired, certificate_not_yet_valid,
 * issuer_not_a_ca, chain_incomplete (hint names the missing issuer's subject), bad_signature,
 * path_too_long, unreadable_extension (sg_certificate_form), chain_invalid. */
SG_CHECKED sg_status sg_chain_verify(const struct sg_chain *chain, int64_t now_s,
                                     struct sg_error *err);
/** Is every member SG_FORM_SOUND, whatever else is wrong with the chain? SG_E_INPUT
 * "unreadable_extension" names the first that is not. */
SG_CHECKED sg_status sg_chain_check_form(const struct sg_chain *chain, struct sg_error *err);

/* ---- building ---- */

/** What a certificate or request shall say. Strings are borrowed. */
struct sg_x509_request {
    const char *subject; /**< "CN=web,O=Org,C=GB" in the order typed, or with slashes
                            ("/C=GB/CN=web"); RFC 4514 escapes; NULL = .subject_der */
    struct sg_bytes subject_der;
    const char *const *sans; /**< "dns:…", "ip:…", "email:…", "uri:…" */
    size_t san_count;
    const char *const *ekus; /**< "serverAuth", "clientAuth", "codeSigning", "emailProtection",
                                "timeStamping", "OCSPSigning" or a dotted OID */
    size_t eku_count;
    unsigned usage;                    /**< X.509 keyUsage bits; 0 = no extension */
    bool ca;                           /**< basicConstraints cA, critical */
    bool leaf;                         /**< without .ca: basicConstraints that say so */
    int64_t not_before_s, not_after_s; /**< certificates only */
    struct sg_bytes
        extensions_from; /**< DER of a certificate or a CSR whose SAN, EKU, keyUsage,
                            basicConstraints are copied where not given above; may be empty */
};
/** Check the parts that a person typed before any key is made: subject, sans, ekus. SG_E_INPUT:
 * bad_subject, bad_san, unknown_eku …, naming the part. */
SG_CHECKED sg_status sg_x509_request_check(const struct sg_x509_request *request,
                                           struct sg_error *err);
/** Tell what a certificate built from this request would say, without building it. Fails as
 * building would: bad_san, unknown_eku, bad_extension. */
SG_CHECKED sg_status sg_x509_request_outline(const struct sg_x509_request *request,
                                             struct sg_x509_outline *out, struct sg_error *err);
/** The digest that a key of this kind signs with: "sha256"; "" for Ed25519. Never NULL. */
const char *sg_x509_signing_digest(enum sg_key_family family, unsigned bits);
/** Build a PKCS#10 request (RFC 2986) with the extensions inside it, signed by the key itself.
 * Appends DER. Curves are always named. */
SG_CHECKED sg_status sg_x509_build_csr(const struct sg_x509_request *request,
                                       const struct sg_signer *key, struct sg_buffer *out,
                                       struct sg_error *err);
/** Build a certificate for spki. issuer NULL: self-signed, signer is its own key;
 * where there is no subject, its issuer is "CN=self-signed placeholder". serial: 16 random
 * bytes, made positive here (127 bits). Adds subjectKeyIdentifier (SHA-1 of the key) and, when
 * issued, authorityKeyIdentifier. Refuses an issuer that is no CA (issuer_not_a_ca), and a signer
 * whose key is not the issuer's. Appends DER. */
SG_CHECKED sg_status sg_x509_build_certificate(const struct sg_x509_request *request,
                                               struct sg_bytes spki,
                                               const struct sg_certificate *issuer,
                                               const struct sg_signer *signer,
                                               const unsigned char serial[16],
                                               struct sg_buffer *out, struct sg_error *err);

/** Facts of a PKCS#10 request, after its own signature was verified (SG_E_INPUT "bad_signature",
 * "not_a_request"). */
struct sg_csr_facts {
    unsigned char spki[4096];
    size_t spki_len;
    unsigned char subject[4096]; /**< DER */
    size_t subject_len;
    char subject_text[SG_DN_TEXT];
    enum sg_key_family family;
    unsigned key_bits;
    bool wants_ca;   /**< basicConstraints cA asked for */
    bool refuses_ca; /**< basicConstraints without cA, or a keyUsage without keyCertSign */
    unsigned usage;  /**< keyUsage bits asked for */
};
SG_CHECKED sg_status sg_csr_parse(struct sg_bytes der, struct sg_csr_facts *out,
                                  struct sg_error *err);

/** SHA-256 over a SubjectPublicKeyInfo's DER, as in sg_certificate_facts.spki_sha256. */
void sg_spki_sha256(struct sg_bytes spki, unsigned char out[32]);
/** Describe a SubjectPublicKeyInfo: family, bits, "RSA 2048". SG_E_INPUT "unsupported_key" when it
 * is of no family we serve. */
SG_CHECKED sg_status sg_spki_describe(struct sg_bytes spki, enum sg_key_family *family,
                                      unsigned *bits, char text[32], struct sg_error *err);

#endif
