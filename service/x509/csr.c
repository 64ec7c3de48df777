/* PKCS#10 requests (RFC 2986): building ours, reading others'. */
#include "x509_internal.h"

#include <string.h>

#include <openssl/err.h>

/* ---- building ---- */

static sg_status fill(X509_REQ *csr, const struct sg_x509_request *request, struct sg_bytes spki,
                      struct sg_error *err)
{
    SG_CLEANUP(X509_NAME_freep) X509_NAME *subject = NULL;
    sg_status s = sg_x509_request_subject(request, &subject, err);
    if (s == SG_OK) {
        s = sg_x509_put_key(X509_REQ_get_X509_PUBKEY(csr), spki, err);
    }
    if (s != SG_OK) {
        return s;
    }
    SG_X509_EXTRAS extras = {.usage = 0};
    SG_CLEANUP(sg_x509_extensions_freep) STACK_OF(X509_EXTENSION) *list = NULL;
    s = sg_x509_extras_collect(request, &extras, err);
    if (s == SG_OK) {
        s = sg_x509_extras_encode(&extras, X509_NAME_entry_count(subject) == 0, &list, err);
    }
    if (s != SG_OK) {
        return s;
    }
    if (X509_REQ_set_version(csr, X509_REQ_VERSION_1) != 1 ||
        X509_REQ_set_subject_name(csr, subject) != 1 ||
        (list != NULL && X509_REQ_add_extensions(csr, list) != 1)) {
        return sg_x509_broken(err, "filling in a request");
    }
    return SG_OK;
}

static sg_status put_signature(X509_REQ *csr, struct sg_bytes signature, struct sg_error *err)
{
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    if (bits == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s = sg_x509_put_bits(bits, signature, err);
    X509_REQ_set0_signature(csr, bits);
    return s;
}

static sg_status sign(X509_REQ *csr, const struct sg_signer *key, struct sg_error *err)
{
    struct sg_x509_signing signing;
    SG_CLEANUP(X509_ALGOR_freep) X509_ALGOR *algorithm = X509_ALGOR_new();
    if (algorithm == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s = sg_x509_signing_plan(key, &signing, err);
    if (s == SG_OK) {
        s = sg_x509_signing_algorithm(&signing, algorithm, err);
    }
    if (s != SG_OK) {
        return s;
    }
    SG_DER unsigned char *tbs = NULL;
    int len = i2d_re_X509_REQ_tbs(csr, &tbs);
    if (len <= 0 || X509_REQ_set1_signature_algo(csr, algorithm) != 1) {
        return sg_x509_broken(err, "encoding a request");
    }
    SG_BUFFER signature;
    sg_buffer_init(&signature, SG_SIGNATURE_MAX);
    s = sg_x509_sign(&signing, key, (struct sg_bytes){tbs, (size_t)len}, &signature, err);
    return s == SG_OK ? put_signature(csr, (struct sg_bytes){signature.data, signature.len}, err)
                      : s;
}

/* Read back what was made, with the eyes of a stranger: a token that lies must not get through. */
static sg_status prove(struct sg_bytes der, struct sg_bytes spki, struct sg_error *err)
{
    const unsigned char *at = der.data;
    SG_CLEANUP(X509_REQ_freep) X509_REQ *csr = d2i_X509_REQ(NULL, &at, (long)der.len);
    SG_CLEANUP(X509_PUBKEY_freep) X509_PUBKEY *key = NULL;
    sg_status s = sg_x509_spki_parse(spki, &key, err);
    if (s != SG_OK) {
        return s;
    }
    if (csr != NULL && sg_x509_pretended_request(csr, spki)) {
        return SG_OK;
    }
    if (csr == NULL || X509_REQ_verify(csr, X509_PUBKEY_get0(key)) != 1) {
        sg_fail(err, SG_E_TOKEN, "bad_token_signature",
                "the token's signature does not verify with the key's public half");
        (void)sg_x509_ossl(err);
        return sg_hint(
            err, "The token's key is not the one on record: was the token replaced or restored?");
    }
    return SG_OK;
}

sg_status sg_x509_build_csr(const struct sg_x509_request *request, const struct sg_signer *key,
                            struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = sg_x509_request_check(request, err);
    if (s != SG_OK) {
        return s;
    }
    SG_CLEANUP(X509_REQ_freep) X509_REQ *csr = X509_REQ_new();
    if (csr == NULL) {
        return sg_fail_memory(err);
    }
    s = fill(csr, request, key->spki, err);
    if (s == SG_OK) {
        s = sign(csr, key, err);
    }
    if (s != SG_OK) {
        return s;
    }
    SG_DER unsigned char *der = NULL;
    int len = i2d_X509_REQ(csr, &der);
    if (len <= 0) {
        return sg_x509_broken(err, "encoding a request");
    }
    if (len > SG_CERTIFICATE_MAX) {
        return sg_fail(err, SG_E_LIMIT, "too_large",
                       "the request would have %d bytes, at most %d are allowed", len,
                       SG_CERTIFICATE_MAX);
    }
    s = prove((struct sg_bytes){der, (size_t)len}, key->spki, err);
    return s == SG_OK ? sg_buffer_append(out, der, (size_t)len, err) : s;
}

/* ---- reading ---- */

static sg_status not_a_request(struct sg_error *err, const char *reason)
{
    sg_fail(err, SG_E_INPUT, "not_a_request", "not a certificate request (PKCS#10): %s", reason);
    return sg_x509_ossl(err);
}

static sg_status copy_der(const unsigned char *der, size_t len, unsigned char *out, size_t room,
                          size_t *out_len, const char *what, struct sg_error *err)
{
    if (len > room) {
        return sg_fail(err, SG_E_INPUT, "too_large",
                       "the request's %s takes %zu bytes, at most %zu are allowed", what, len,
                       room);
    }
    memcpy(out, der, len);
    *out_len = len;
    return SG_OK;
}

static sg_status read_subject(X509_REQ *csr, struct sg_csr_facts *out, struct sg_error *err)
{
    const X509_NAME *subject = X509_REQ_get_subject_name(csr);
    const unsigned char *der = NULL;
    size_t len = 0;
    if (X509_NAME_get0_der(subject, &der, &len) != 1) {
        return not_a_request(err, sg_x509_reason());
    }
    sg_x509_name_text(subject, out->subject_text);
    return copy_der(der, len, out->subject, sizeof(out->subject), &out->subject_len, "subject",
                    err);
}

static sg_status read_key(X509_REQ *csr, struct sg_csr_facts *out, struct sg_error *err)
{
    char text[32];
    SG_DER unsigned char *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(csr), &spki);
    if (len <= 0) {
        return not_a_request(err, sg_x509_reason());
    }
    sg_status s = copy_der(spki, (size_t)len, out->spki, sizeof(out->spki), &out->spki_len,
                           "public key", err);
    if (s != SG_OK) {
        return s;
    }
    return sg_spki_describe((struct sg_bytes){out->spki, out->spki_len}, &out->family,
                            &out->key_bits, text, err);
}

static sg_status read_extras(X509_REQ *csr, struct sg_csr_facts *out, struct sg_error *err)
{
    SG_CLEANUP(sg_x509_extensions_freep)
    STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(csr);
    SG_X509_EXTRAS extras = {.usage = 0};
    ERR_clear_error();
    sg_status s = sg_x509_extras_read(list, &extras, err);
    out->wants_ca = extras.basic != NULL && extras.basic->ca != 0;
    out->refuses_ca = (extras.basic != NULL && extras.basic->ca == 0) ||
                      (extras.usage != 0 && (extras.usage & SG_X509_KEY_CERT_SIGN) == 0);
    out->usage = extras.usage;
    return s;
}

static sg_status check_signature(X509_REQ *csr, const struct sg_csr_facts *facts,
                                 struct sg_error *err)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(csr);
    if (sg_x509_pretended_request(csr, (struct sg_bytes){facts->spki, facts->spki_len})) {
        return SG_OK;
    }
    if (key == NULL || X509_REQ_verify(csr, key) != 1) {
        sg_fail(err, SG_E_INPUT, "bad_signature",
                "the request for \"%.300s\" does not verify with its own public key",
                facts->subject_text);
        (void)sg_x509_ossl(err);
        return sg_hint(err, "The request was altered or damaged on its way; have it made again.");
    }
    return SG_OK;
}

sg_status sg_csr_parse(struct sg_bytes der, struct sg_csr_facts *out, struct sg_error *err)
{
    if (der.len == 0 || der.len > SG_CERTIFICATE_MAX) {
        return not_a_request(err, der.len == 0 ? "nothing there" : "larger than 64 KiB");
    }
    const unsigned char *at = der.data;
    SG_CLEANUP(X509_REQ_freep) X509_REQ *csr = d2i_X509_REQ(NULL, &at, (long)der.len);
    if (csr == NULL || at != der.data + der.len) {
        return not_a_request(err, csr == NULL ? sg_x509_reason() : "more follows its end");
    }
    SG_FREE struct sg_csr_facts *facts = calloc(1, sizeof(*facts));
    if (facts == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s = read_subject(csr, facts, err);
    if (s == SG_OK) {
        s = read_key(csr, facts, err);
    }
    if (s == SG_OK) {
        s = check_signature(csr, facts, err);
    }
    if (s == SG_OK) {
        s = read_extras(csr, facts, err);
    }
    if (s == SG_OK) {
        *out = *facts;
    }
    return s;
}
