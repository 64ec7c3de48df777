/* Reading one certificate and keeping what is worth knowing about it. */
#include "x509_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/sha.h>

#define SERIAL_BYTES_MAX 64

static sg_status not_a_certificate(struct sg_error *err, const char *reason)
{
    sg_fail(err, SG_E_INPUT, "not_a_certificate", "not a certificate: %s", reason);
    return sg_x509_ossl(err);
}

/* Length of the outermost DER value with its header, 0 when there is no SEQUENCE or its length is
 * not definite. */
static size_t outer_length(struct sg_bytes der)
{
    const unsigned char *at = der.data;
    long len = 0;
    int tag = 0;
    int class = 0;
    int flags = ASN1_get_object(&at, &len, &tag, &class, (long)der.len);
    bool sequence = tag == V_ASN1_SEQUENCE && class == V_ASN1_UNIVERSAL;
    /* 0x80: the value is longer than what is there; still worth saying how long. 1: indefinite
     * length. */
    if ((flags & 0x80) != 0 &&
        !(sequence && ERR_GET_REASON(ERR_peek_last_error()) == ASN1_R_TOO_LONG)) {
        ERR_clear_error();
        return 0;
    }
    ERR_clear_error();
    return sequence && (flags & 1) == 0 ? (size_t)(at - der.data) + (size_t)len : 0;
}

static sg_status check_frame(struct sg_bytes der, struct sg_error *err)
{
    if (der.len == 0) {
        return not_a_certificate(err, "nothing there");
    }
    if (der.len > SG_CERTIFICATE_MAX) {
        return sg_fail(err, SG_E_INPUT, "not_a_certificate",
                       "not a certificate we take: %zu bytes, at most %d are allowed", der.len,
                       SG_CERTIFICATE_MAX);
    }
    size_t outer = outer_length(der);
    if (outer == 0) {
        return not_a_certificate(err, "no DER structure (SEQUENCE)");
    }
    if (outer > der.len) {
        return sg_fail(err, SG_E_INPUT, "not_a_certificate",
                       "not a certificate: cut off, %zu of %zu bytes are there", der.len, outer);
    }
    if (outer < der.len) {
        return sg_fail(err, SG_E_INPUT, "not_a_certificate",
                       "not a certificate: %zu bytes follow its end", der.len - outer);
    }
    return SG_OK;
}

static bool fill_time(const ASN1_TIME *time, int64_t *out)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return false;
    }
    *out = (int64_t)timegm(&parts);
    return true;
}

static bool fill_serial(const ASN1_INTEGER *serial, char out[SG_SERIAL_TEXT])
{
    int len = ASN1_STRING_length(serial);
    if (len < 0 || len > SERIAL_BYTES_MAX) {
        return false;
    }
    const unsigned char *data = ASN1_STRING_get0_data(serial);
    char *at = out;
    if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER) {
        *at++ = '-';
    }
    if (len == 0) {
        (void)snprintf(at, 3, "00");
    }
    for (int i = 0; i < len; i++) {
        (void)snprintf(at + 2 * (size_t)i, 3, "%02X", data[i]);
    }
    return true;
}

static void fill_signature_text(const X509 *x509, char *out, size_t room)
{
    int nid = X509_get_signature_nid(x509);
    const X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *object = NULL;
    X509_get0_signature(NULL, &algorithm, x509);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    char dotted[80] = "unknown";
    if (nid == NID_undef) {
        (void)OBJ_obj2txt(dotted, sizeof(dotted), object, 1);
    }
    (void)snprintf(out, room, "%.47s", nid != NID_undef ? OBJ_nid2ln(nid) : dotted);
}

/* OpenSSL's short names, small: "sha256". RSASSA-PSS names it in its parameters. */
static void fill_digest_text(X509 *x509, char *out, size_t room)
{
    int nid = NID_undef;
    bool known = X509_get_signature_info(x509, &nid, NULL, NULL, NULL) == 1 && nid != NID_undef;
    (void)snprintf(out, room, "%.23s", known ? OBJ_nid2sn(nid) : "");
    for (char *next = out; *next != '\0'; next++) {
        *next = (char)tolower((unsigned char)*next);
    }
    ERR_clear_error();
}

/* Lay DER, names and key out in one block; the names are OpenSSL's copies of the bytes that were in
 * the certificate. */
static sg_status fill_bytes(struct sg_certificate *c, struct sg_bytes der, struct sg_error *err)
{
    struct sg_certificate_facts *f = &c->facts;
    const unsigned char *subject = NULL;
    const unsigned char *issuer = NULL;
    size_t subject_len = 0;
    size_t issuer_len = 0;
    SG_DER unsigned char *spki = NULL;
    int spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c->x509), &spki);
    if (spki_len <= 0 ||
        X509_NAME_get0_der(X509_get_subject_name(c->x509), &subject, &subject_len) != 1 ||
        X509_NAME_get0_der(X509_get_issuer_name(c->x509), &issuer, &issuer_len) != 1) {
        return not_a_certificate(err, sg_x509_reason());
    }
    c->bytes = malloc(der.len + subject_len + issuer_len + (size_t)spki_len);
    if (c->bytes == NULL) {
        return sg_fail_memory(err);
    }
    unsigned char *at = c->bytes;
    const struct sg_bytes parts[] = {
        der, {subject, subject_len}, {issuer, issuer_len}, {spki, (size_t)spki_len}};
    struct sg_bytes *const targets[] = {&f->der, &f->subject, &f->issuer, &f->spki};
    for (size_t i = 0; i < SG_COUNT(parts); i++) {
        memcpy(at, parts[i].data, parts[i].len);
        *targets[i] = (struct sg_bytes){.data = at, .len = parts[i].len};
        at += parts[i].len;
    }
    (void)SHA256(f->der.data, f->der.len, f->sha256);
    sg_spki_sha256(f->spki, f->spki_sha256);
    return SG_OK;
}

static void set_key(struct sg_certificate *c, const struct sg_x509_key *key)
{
    c->facts.family = key->family;
    c->facts.key_bits = key->bits;
    c->facts.key_supported = key->supported;
    c->facts.key_not_taken = key->not_taken;
    memcpy(c->facts.key_text, key->text, sizeof(key->text));
}

static sg_status fill_key(struct sg_certificate *c, struct sg_error *err)
{
    struct sg_x509_key key;
    sg_status s = sg_x509_key_describe(X509_get_X509_PUBKEY(c->x509), &key, err);
    if (s != SG_OK) {
        sg_error_prefix(err, "certificate \"%.100s\"", c->facts.subject_text);
        return s;
    }
    set_key(c, &key);
    return SG_OK;
}

static void fill_names(struct sg_certificate *c)
{
    struct sg_certificate_facts *f = &c->facts;
    const X509_NAME *subject = X509_get_subject_name(c->x509);
    const X509_NAME *issuer = X509_get_issuer_name(c->x509);
    sg_x509_name_text(subject, f->subject_text);
    sg_x509_name_text(issuer, f->issuer_text);
    sg_x509_name_cn(subject, f->common_name, sizeof(f->common_name));
    f->self_issued = X509_NAME_cmp(subject, issuer) == 0;
    c->subject_hash = (uint32_t)X509_NAME_hash_ex(subject, NULL, NULL, NULL);
    c->issuer_hash = (uint32_t)X509_NAME_hash_ex(issuer, NULL, NULL, NULL);
}

static sg_status fill(struct sg_certificate *c, struct sg_bytes der,
                      const struct sg_x509_key *glanced, struct sg_error *err)
{
    struct sg_certificate_facts *f = &c->facts;
    if (!fill_time(X509_get0_notBefore(c->x509), &f->not_before_s) ||
        !fill_time(X509_get0_notAfter(c->x509), &f->not_after_s)) {
        return not_a_certificate(err, "its validity is malformed");
    }
    if (!fill_serial(X509_get0_serialNumber(c->x509), f->serial)) {
        return not_a_certificate(err, "its serial number is longer than 64 bytes");
    }
    fill_names(c);
    fill_signature_text(c->x509, f->signature_text, sizeof(f->signature_text));
    fill_digest_text(c->x509, f->digest_text, sizeof(f->digest_text));
    f->ca = (X509_get_extension_flags(c->x509) & EXFLAG_CA) != 0;
    sg_status s = fill_bytes(c, der, err);
    if (s != SG_OK || glanced == NULL) {
        return s != SG_OK ? s : fill_key(c, err);
    }
    set_key(c, glanced);
    return SG_OK;
}

sg_status sg_certificate_parse(struct sg_bytes der, struct sg_certificate **out,
                               struct sg_error *err)
{
    sg_status s = check_frame(der, err);
    if (s != SG_OK) {
        return s;
    }
    SG_CERTIFICATE *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return sg_fail_memory(err);
    }
    const unsigned char *at = der.data;
    c->x509 = d2i_X509(NULL, &at, (long)der.len);
    if (c->x509 == NULL || at != der.data + der.len) {
        return not_a_certificate(err, sg_x509_reason());
    }
    s = fill(c, der, NULL, err);
    if (s == SG_OK) {
        ERR_clear_error();
        *out = SG_STEAL(c);
    }
    return s;
}

/* The key stays closed; false when what stands around it does not say what it is. */
static bool read_keyless(struct sg_certificate *c, struct sg_bytes der, struct sg_x509_key *key)
{
    const unsigned char *at = der.data;
    OSSL_LIB_CTX *keyless = sg_x509_keyless();
    c->x509 = keyless != NULL ? X509_new_ex(keyless, NULL) : NULL;
    bool read = c->x509 != NULL && d2i_X509(&c->x509, &at, (long)der.len) != NULL &&
                at == der.data + der.len && sg_x509_key_glance(X509_get_X509_PUBKEY(c->x509), key);
    ERR_clear_error();
    return read;
}

sg_status sg_certificate_parse_to_show(struct sg_bytes der, struct sg_certificate **out,
                                       struct sg_error *err)
{
    struct sg_x509_key key;
    sg_status s = check_frame(der, err);
    SG_CERTIFICATE *c = s == SG_OK ? calloc(1, sizeof(*c)) : NULL;
    if (c == NULL) {
        return s != SG_OK ? s : sg_fail_memory(err);
    }
    if (!read_keyless(c, der, &key)) {
        return sg_certificate_parse(der, out, err);
    }
    s = fill(c, der, &key, err);
    if (s == SG_OK) {
        ERR_clear_error();
        *out = SG_STEAL(c);
    }
    return s;
}

void sg_certificate_free(struct sg_certificate *certificate)
{
    if (certificate != NULL) {
        X509_free(certificate->x509);
        free(certificate->bytes);
        free(certificate);
    }
}

const struct sg_certificate_facts *sg_certificate_facts(const struct sg_certificate *certificate)
{
    return &certificate->facts;
}

sg_status sg_certificate_sans(const struct sg_certificate *certificate, struct sg_buffer *out,
                              size_t *count, struct sg_error *err)
{
    SG_CLEANUP(GENERAL_NAMES_freep)
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate->x509, NID_subject_alt_name, NULL, NULL);
    ERR_clear_error();
    int number = names != NULL ? sk_GENERAL_NAME_num(names) : 0;
    for (int i = 0; i < number; i++) {
        sg_status s = sg_x509_san_text(sk_GENERAL_NAME_value(names, i), out, err);
        if (s != SG_OK) {
            return s;
        }
    }
    *count = (size_t)number;
    return SG_OK;
}

unsigned sg_certificate_usage(const struct sg_certificate *certificate)
{
    SG_CLEANUP(ASN1_BIT_STRING_freep)
    ASN1_BIT_STRING *bits = X509_get_ext_d2i(certificate->x509, NID_key_usage, NULL, NULL);
    ERR_clear_error();
    return bits != NULL ? sg_x509_usage_bits(bits) : 0;
}
