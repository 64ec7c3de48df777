/* Building certificates. No EVP_PKEY signs here: the to-be-signed bytes go to the signer, its
 * answer goes into the structure. */
#include "x509_internal.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/sha.h>

#include <signet/base/clock.h>

/* OpenSSL has setters for a request's signature and none for a certificate's; both getters point
 * into the certificate, which is ours and not const. Documented for i2d_re_X509_tbs(3) by way of
 * X509_get0_signature(3). */
static void *writable(const void *pointer)
{
    void *same = NULL;
    memcpy(&same, &pointer, sizeof(same));
    return same;
}

static sg_status set_serial(X509 *x509, const unsigned char serial[16], struct sg_error *err)
{
    unsigned char bytes[16];
    memcpy(bytes, serial, sizeof(bytes));
    bytes[0] &= 0x7f; /* positive in 16 bytes of DER */
    unsigned char any = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        any |= bytes[i];
    }
    if (any == 0) {
        return sg_fail(err, SG_E_INTERNAL, NULL, "a serial number of zero: no random numbers");
    }
    SG_CLEANUP(BN_freep) BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    if (number == NULL || BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) == NULL) {
        return sg_fail_memory(err);
    }
    return SG_OK;
}

static sg_status set_time(X509 *x509, int (*set)(X509 *, const ASN1_TIME *), int64_t time_s,
                          struct sg_error *err)
{
    /* UTCTime through 2049, GeneralizedTime from 2050 on (RFC 5280, 4.1.2.5): ASN1_TIME_set does
     * that. */
    SG_CLEANUP(ASN1_TIME_freep) ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)time_s);
    if (time == NULL || set(x509, time) != 1) {
        return sg_x509_broken(err, "encoding a date");
    }
    return SG_OK;
}

static sg_status check_validity(const struct sg_x509_request *request, struct sg_error *err)
{
    const int64_t first = -631152000;  /* 1950-01-01, where UTCTime begins */
    const int64_t last = 253402300799; /* 9999-12-31T23:59:59Z */
    if (request->not_before_s < first || request->not_after_s > last) {
        return sg_fail(err, SG_E_INPUT, "bad_validity",
                       "validity: years from 1950 to 9999 can be written in a certificate");
    }
    if (request->not_before_s >= request->not_after_s) {
        char from[SG_TIME_TEXT];
        char until[SG_TIME_TEXT];
        sg_time_format(request->not_before_s, from);
        sg_time_format(request->not_after_s, until);
        return sg_fail(err, SG_E_INPUT, "bad_validity",
                       "validity: it would end (%s) before it begins (%s)", until, from);
    }
    return SG_OK;
}

static bool same_bytes(struct sg_bytes a, struct sg_bytes b)
{
    return a.len == b.len && a.len > 0 && memcmp(a.data, b.data, a.len) == 0;
}

static sg_status check_issuer(const struct sg_certificate *issuer, const struct sg_signer *signer,
                              struct sg_error *err)
{
    if (X509_check_ca(issuer->x509) == 0) {
        sg_fail(err, SG_E_INPUT, "issuer_not_a_ca", "certificate \"%.300s\" is no CA certificate",
                issuer->facts.subject_text);
        sg_object(err, "%.300s", issuer->facts.subject_text);
        return sg_hint(err, "Sign with a certificate of CERTAUTH; it needs basicConstraints "
                            "CA:TRUE and, when it has a keyUsage, certificate signing in it.");
    }
    if (!same_bytes(signer->spki, issuer->facts.spki)) {
        sg_fail(err, SG_E_INPUT, "wrong_signer",
                "the signing key is not the key of issuer \"%.300s\"", issuer->facts.subject_text);
        return sg_object(err, "%.300s", issuer->facts.subject_text);
    }
    return SG_OK;
}

static sg_status check_parties(struct sg_bytes spki, const struct sg_certificate *issuer,
                               const struct sg_signer *signer, struct sg_error *err)
{
    if (issuer != NULL) {
        return check_issuer(issuer, signer, err);
    }
    return same_bytes(signer->spki, spki)
               ? SG_OK
               : sg_fail(err, SG_E_INPUT, "wrong_signer",
                         "a self-signed certificate is signed by its own key, not by another");
}

/* RFC 5280, 4.2.1.9: such a chain would verify nowhere. */
static sg_status check_path_length(const struct sg_x509_extras *extras,
                                   const struct sg_certificate *issuer, struct sg_error *err)
{
    bool ca = extras->basic != NULL && extras->basic->ca != 0;
    if (issuer != NULL && ca && X509_get_pathlen(issuer->x509) == 0) {
        sg_fail(err, SG_E_INPUT, "path_too_long",
                "issuer \"%.300s\" has path length 0: it may not issue CA certificates",
                issuer->facts.subject_text);
        return sg_object(err, "%.300s", issuer->facts.subject_text);
    }
    return SG_OK;
}

/* ---- extensions that only certificates have ---- */

static sg_status add_subject_key_id(STACK_OF(X509_EXTENSION) * *list, X509 *x509,
                                    struct sg_error *err)
{
    unsigned char digest[SHA_DIGEST_LENGTH]; /* RFC 5280, 4.2.1.2, method 1 */
    unsigned len = 0;
    SG_CLEANUP(ASN1_OCTET_STRING_freep) ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    if (id == NULL || X509_pubkey_digest(x509, EVP_sha1(), digest, &len) != 1 ||
        ASN1_OCTET_STRING_set(id, digest, (int)len) != 1) {
        return sg_x509_broken(err, "making a key identifier");
    }
    return sg_x509_extension_add(list, NID_subject_key_identifier, false, id, err);
}

static sg_status add_authority_key_id(STACK_OF(X509_EXTENSION) * *list,
                                      const struct sg_certificate *issuer, struct sg_error *err)
{
    const ASN1_OCTET_STRING *id = issuer != NULL ? X509_get0_subject_key_id(issuer->x509) : NULL;
    if (id == NULL) {
        return SG_OK; /* self-signed, or an issuer that names its key nowhere: nothing to point at
                       */
    }
    SG_CLEANUP(AUTHORITY_KEYID_freep) AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
    if (authority == NULL || (authority->keyid = ASN1_OCTET_STRING_dup(id)) == NULL) {
        return sg_fail_memory(err);
    }
    return sg_x509_extension_add(list, NID_authority_key_identifier, false, authority, err);
}

static sg_status put_extensions(X509 *x509, const STACK_OF(X509_EXTENSION) * list,
                                struct sg_error *err)
{
    for (int i = 0; i < sk_X509_EXTENSION_num(list); i++) {
        if (X509_add_ext(x509, sk_X509_EXTENSION_value(list, i), -1) != 1) {
            return sg_x509_broken(err, "adding an extension");
        }
    }
    return SG_OK;
}

static sg_status add_extensions(X509 *x509, const struct sg_x509_request *request,
                                const struct sg_certificate *issuer, struct sg_error *err)
{
    SG_X509_EXTRAS extras = {.usage = 0};
    SG_CLEANUP(sg_x509_extensions_freep) STACK_OF(X509_EXTENSION) *list = NULL;
    bool subject_empty = X509_NAME_entry_count(X509_get_subject_name(x509)) == 0;
    sg_status s = sg_x509_extras_collect(request, &extras, err);
    if (s == SG_OK) {
        s = check_path_length(&extras, issuer, err);
    }
    if (s == SG_OK) {
        s = sg_x509_extras_encode(&extras, subject_empty, &list, err);
    }
    if (s == SG_OK) {
        s = add_subject_key_id(&list, x509, err);
    }
    if (s == SG_OK) {
        s = add_authority_key_id(&list, issuer, err);
    }
    return s == SG_OK ? put_extensions(x509, list, err) : s;
}

/* ---- the certificate ---- */

/* RFC 5280, 4.1.2.4: an issuer has a name, and Java gives up a whole token for one without. A
 * certificate that its own key signs and that has no subject, only alternative names, has none to
 * give. */
static const char nameless_issuer[] = "CN=self-signed placeholder";

static sg_status set_names(X509 *x509, const struct sg_x509_request *request,
                           const struct sg_certificate *issuer, struct sg_error *err)
{
    SG_CLEANUP(X509_NAME_freep) X509_NAME *subject = NULL;
    SG_CLEANUP(X509_NAME_freep) X509_NAME *own = NULL;
    sg_status s = sg_x509_request_subject(request, &subject, err);
    bool nameless = s == SG_OK && issuer == NULL && X509_NAME_entry_count(subject) == 0;
    s = nameless ? sg_x509_name_parse(nameless_issuer, &own, err) : s;
    if (s != SG_OK) {
        return s;
    }
    const X509_NAME *from = issuer != NULL ? X509_get_subject_name(issuer->x509)
                            : nameless     ? own
                                           : subject;
    if (X509_NAME_entry_count(from) == 0) {
        return sg_fail(err, SG_E_INPUT, "bad_subject",
                       "subject: an issuer needs one (RFC 5280, 4.1.2.4), this is empty");
    }
    if (X509_set_subject_name(x509, subject) != 1 || X509_set_issuer_name(x509, from) != 1) {
        return sg_fail_memory(err);
    }
    return SG_OK;
}

static sg_status fill(X509 *x509, const struct sg_x509_request *request, struct sg_bytes spki,
                      const struct sg_certificate *issuer, const unsigned char serial[16],
                      struct sg_error *err)
{
    if (X509_set_version(x509, X509_VERSION_3) != 1) {
        return sg_fail_memory(err);
    }
    sg_status s = set_serial(x509, serial, err);
    if (s == SG_OK) {
        s = set_time(x509, X509_set1_notBefore, request->not_before_s, err);
    }
    if (s == SG_OK) {
        s = set_time(x509, X509_set1_notAfter, request->not_after_s, err);
    }
    if (s == SG_OK) {
        s = set_names(x509, request, issuer, err);
    }
    if (s == SG_OK) {
        s = sg_x509_put_key(X509_get_X509_PUBKEY(x509), spki, err);
    }
    return s == SG_OK ? add_extensions(x509, request, issuer, err) : s;
}

static sg_status sign(X509 *x509, const struct sg_signer *signer, struct sg_error *err)
{
    struct sg_x509_signing signing;
    const ASN1_BIT_STRING *bits = NULL;
    const X509_ALGOR *outer = NULL;
    X509_get0_signature(&bits, &outer, x509);
    sg_status s = sg_x509_signing_plan(signer, &signing, err);
    if (s == SG_OK) {
        s = sg_x509_signing_algorithm(&signing, writable(outer), err);
    }
    if (s == SG_OK) {
        s = sg_x509_signing_algorithm(&signing, writable(X509_get0_tbs_sigalg(x509)), err);
    }
    if (s != SG_OK) {
        return s;
    }
    SG_DER unsigned char *tbs = NULL;
    int len = i2d_re_X509_tbs(x509, &tbs);
    if (len <= 0) {
        return sg_x509_broken(err, "encoding a certificate");
    }
    SG_BUFFER signature;
    sg_buffer_init(&signature, SG_SIGNATURE_MAX);
    s = sg_x509_sign(&signing, signer, (struct sg_bytes){tbs, (size_t)len}, &signature, err);
    return s == SG_OK ? sg_x509_put_bits(writable(bits),
                                         (struct sg_bytes){signature.data, signature.len}, err)
                      : s;
}

/* Read back what was made, with the eyes of a stranger: a token that lies must not get through. */
static sg_status prove(struct sg_bytes der, struct sg_bytes spki, const struct sg_signer *signer,
                       struct sg_error *err)
{
    SG_CERTIFICATE *made = NULL;
    SG_CLEANUP(X509_PUBKEY_freep) X509_PUBKEY *key = NULL;
    sg_status s = sg_certificate_parse(der, &made, err);
    if (s == SG_OK) {
        s = sg_x509_spki_parse(signer->spki, &key, err);
    }
    if (s != SG_OK) {
        return s;
    }
    if (!same_bytes(made->facts.spki, spki)) {
        return sg_fail(err, SG_E_INPUT, "unsupported_key", "the public key is not encoded in DER");
    }
    if (sg_x509_pretended(made->x509, signer->spki)) {
        return SG_OK;
    }
    if (X509_verify(made->x509, X509_PUBKEY_get0(key)) != 1) {
        sg_fail(err, SG_E_TOKEN, "bad_token_signature",
                "the token's signature does not verify with the signing key's public half");
        (void)sg_x509_ossl(err);
        return sg_hint(
            err, "The token's key is not the one on record: was the token replaced or restored?");
    }
    return SG_OK;
}

static sg_status finish(X509 *x509, struct sg_bytes spki, const struct sg_signer *signer,
                        struct sg_buffer *out, struct sg_error *err)
{
    SG_DER unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    if (len <= 0) {
        return sg_x509_broken(err, "encoding a certificate");
    }
    if (len > SG_CERTIFICATE_MAX) {
        return sg_fail(err, SG_E_LIMIT, "too_large",
                       "the certificate would have %d bytes, at most %d are allowed", len,
                       SG_CERTIFICATE_MAX);
    }
    sg_status s = prove((struct sg_bytes){der, (size_t)len}, spki, signer, err);
    return s == SG_OK ? sg_buffer_append(out, der, (size_t)len, err) : s;
}

sg_status sg_x509_build_certificate(const struct sg_x509_request *request, struct sg_bytes spki,
                                    const struct sg_certificate *issuer,
                                    const struct sg_signer *signer, const unsigned char serial[16],
                                    struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = sg_x509_request_check(request, err);
    if (s == SG_OK) {
        s = check_validity(request, err);
    }
    if (s == SG_OK) {
        s = check_parties(spki, issuer, signer, err);
    }
    SG_CLEANUP(X509_freep) X509 *x509 = X509_new();
    if (x509 == NULL) {
        return sg_fail_memory(err);
    }
    if (s == SG_OK) {
        s = fill(x509, request, spki, issuer, serial, err);
    }
    if (s == SG_OK) {
        s = sign(x509, signer, err);
    }
    return s == SG_OK ? finish(x509, spki, signer, out, err) : s;
}
