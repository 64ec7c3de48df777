/* Certificates from outside: strange ones, damaged ones, hostile ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "cmocka_all.h"
#include "x509_fixture.h"

static EVP_PKEY *plain;

static int make_key(void **state)
{
    (void)state;
    plain = EVP_EC_gen("P-256");
    return plain != NULL ? 0 : -1;
}

static int drop_key(void **state)
{
    (void)state;
    EVP_PKEY_free(plain);
    return 0;
}

static X509 *new_x509(EVP_PKEY *key)
{
    X509 *x509 = X509_new();
    X509_NAME *name = X509_NAME_new();
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"odd", -1, -1, 0);
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 0);
    X509_set_subject_name(x509, name);
    X509_set_issuer_name(x509, name);
    ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)TEST_NOW);
    ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)(TEST_NOW + TEST_DAY));
    X509_set_pubkey(x509, key);
    X509_NAME_free(name);
    return x509;
}

/* Sign with some key, encode, free. */
static void finish(X509 *x509, struct sg_buffer *out)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_true(X509_sign(x509, plain, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    assert_true(len > 0);
    sg_buffer_init(out, SG_CERTIFICATE_MAX);
    assert_int_equal(sg_buffer_append(out, der, (size_t)len, &err), SG_OK);
    OPENSSL_free(der);
    X509_free(x509);
}

static struct sg_certificate *parse(const struct sg_buffer *der)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_certificate *made = NULL;
    if (sg_certificate_parse((struct sg_bytes){der->data, der->len}, &made, &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
    return made;
}

static void expect_refusal(const void *data, size_t len, const char *text)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_certificate *made = NULL;
    assert_int_equal(sg_certificate_parse((struct sg_bytes){data, len}, &made, &err), SG_E_INPUT);
    assert_null(made);
    assert_string_equal(err.code, "not_a_certificate");
    if (strstr(err.text, text) == NULL) {
        fail_msg("%s: %s", text, err.text);
    }
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER der;
    finish(new_x509(plain), &der);
    expect_refusal("", 0, "nothing there");
    expect_refusal("-----BEGIN CERTIFICATE-----", 27, "no DER structure");
    expect_refusal("0", 1, "no DER structure");
    expect_refusal("\x02\x01\x01", 3, "no DER structure");
    expect_refusal("\x30\x00", 2, "not a certificate");
    expect_refusal("\x30\x03\x02\x01\x01", 5, "not a certificate");
    expect_refusal("\x30\x84\xff\xff\xff\xff\x00", 7, "not a certificate");
    char text[60];
    (void)snprintf(text, sizeof(text), "cut off, %zu of %zu bytes", der.len - 1, der.len);
    expect_refusal(der.data, der.len - 1, text);
    assert_int_equal(sg_buffer_append(&der, "ab", 2, &err), SG_OK);
    expect_refusal(der.data, der.len, "2 bytes follow its end");
    unsigned char *huge = calloc(1, SG_CERTIFICATE_MAX + 1);
    expect_refusal(huge, SG_CERTIFICATE_MAX + 1, "at most 65536");
    free(huge);
}

/* Nor to be shown. */
static void damage_is_not_shown(void **state)
{
    (void)state;
    SG_BUFFER der;
    finish(new_x509(plain), &der);
    for (size_t len = 0; len < der.len; len += 3) {
        struct sg_error err = SG_ERROR_INIT;
        SG_CERTIFICATE *shown = NULL;
        assert_int_equal(
            sg_certificate_parse_to_show((struct sg_bytes){der.data, len}, &shown, &err),
            SG_E_INPUT);
        assert_string_equal(err.code, "not_a_certificate");
    }
}

static void no_prefix_of_a_certificate_is_one(void **state)
{
    (void)state;
    SG_BUFFER der;
    finish(new_x509(plain), &der);
    for (size_t len = 0; len < der.len; len++) {
        unsigned char *copy = malloc(len + 1);
        memcpy(copy, der.data, len);
        expect_refusal(copy, len, "");
        free(copy);
    }
}

/* Every single altered byte is survived: read or refused, never more. */
static void altered_bytes_are_survived(void **state)
{
    (void)state;
    SG_BUFFER der;
    finish(new_x509(plain), &der);
    size_t read = 0;
    for (size_t at = 0; at < der.len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct sg_error err = SG_ERROR_INIT;
            SG_CERTIFICATE *made = NULL;
            der.data[at] ^= (unsigned char)(1u << bit);
            if (sg_certificate_parse((struct sg_bytes){der.data, der.len}, &made, &err) == SG_OK) {
                assert_int_not_equal(sg_certificate_verify_issued(made, made, &err), SG_OK);
                read++;
            }
            der.data[at] ^= (unsigned char)(1u << bit);
        }
    }
    assert_true(read > 500);
}

static void serial_numbers_of_all_kinds_are_read(void **state)
{
    (void)state;
    SG_BUFFER zero;
    SG_BUFFER negative;
    SG_BUFFER longest;
    SG_BUFFER longer;
    finish(new_x509(plain), &zero);
    X509 *x509 = new_x509(plain);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), -5);
    finish(x509, &negative);
    BIGNUM *number = BN_new();
    x509 = new_x509(plain);
    BN_set_bit(number, 64 * 8 - 1);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509));
    finish(x509, &longest);
    x509 = new_x509(plain);
    BN_set_bit(number, 64 * 8);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509));
    finish(x509, &longer);
    BN_free(number);
    SG_CERTIFICATE *a = parse(&zero);
    SG_CERTIFICATE *b = parse(&negative);
    SG_CERTIFICATE *c = parse(&longest);
    assert_string_equal(sg_certificate_facts(a)->serial, "00");
    assert_string_equal(sg_certificate_facts(b)->serial, "-05");
    assert_int_equal(strlen(sg_certificate_facts(c)->serial), 128);
    expect_refusal(longer.data, longer.len, "serial number");
}

static void explicit_curves_are_refused(void **state)
{
    (void)state;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    EVP_PKEY *key = NULL;
    assert_true(EVP_PKEY_keygen_init(context) == 1 &&
                EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1 &&
                EVP_PKEY_CTX_set_ec_param_enc(context, OPENSSL_EC_EXPLICIT_CURVE) == 1 &&
                EVP_PKEY_keygen(context, &key) == 1);
    struct sg_error err = SG_ERROR_INIT;
    struct sg_certificate *made = NULL;
    SG_BUFFER der;
    finish(new_x509(key), &der);
    assert_int_equal(sg_certificate_parse((struct sg_bytes){der.data, der.len}, &made, &err),
                     SG_E_INPUT);
    assert_string_equal(err.code, "explicit_curve");
    assert_non_null(strstr(err.text, "CN=odd"));
    assert_non_null(strstr(err.hint, "named_curve"));
    X509_REQ *csr = X509_REQ_new();
    X509_REQ_set_pubkey(csr, key);
    X509_REQ_sign(csr, key, EVP_sha256());
    unsigned char *bytes = NULL;
    int len = i2d_X509_REQ(csr, &bytes);
    static struct sg_csr_facts facts;
    assert_int_equal(sg_csr_parse((struct sg_bytes){bytes, (size_t)len}, &facts, &err), SG_E_INPUT);
    assert_string_equal(err.code, "explicit_curve");
    OPENSSL_free(bytes);
    X509_REQ_free(csr);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
}

/* Read to be shown it says the same of itself. */
static void expect_same_shown(const struct sg_buffer *der)
{
    struct sg_error err = SG_ERROR_INIT;
    SG_CERTIFICATE *made = parse(der);
    SG_CERTIFICATE *shown = NULL;
    assert_int_equal(
        sg_certificate_parse_to_show((struct sg_bytes){der->data, der->len}, &shown, &err), SG_OK);
    struct sg_certificate_facts a = *sg_certificate_facts(made);
    struct sg_certificate_facts b = *sg_certificate_facts(shown);
    assert_string_equal(a.key_text, b.key_text);
    assert_int_equal(a.key_bits, b.key_bits);
    assert_int_equal(a.key_supported, b.key_supported);
    assert_int_equal(a.family, b.family);
    assert_int_equal(a.ca, b.ca);
    assert_string_equal(a.subject_text, b.subject_text);
    assert_string_equal(a.signature_text, b.signature_text);
    assert_string_equal(a.digest_text, b.digest_text);
    assert_memory_equal(a.sha256, b.sha256, sizeof a.sha256);
    assert_memory_equal(a.spki_sha256, b.spki_sha256, sizeof a.spki_sha256);
    assert_int_equal(sg_certificate_usage(made), sg_certificate_usage(shown));
}

static void expect_key(EVP_PKEY *key, const char *text, bool supported, unsigned bits)
{
    SG_BUFFER der;
    struct sg_error err = SG_ERROR_INIT;
    assert_non_null(key);
    finish(new_x509(key), &der);
    expect_same_shown(&der);
    SG_CERTIFICATE *made = parse(&der);
    const struct sg_certificate_facts *f = sg_certificate_facts(made);
    assert_string_equal(f->key_text, text);
    assert_int_equal(f->key_supported, supported);
    assert_int_equal(f->key_bits, bits);
    enum sg_key_family family = SG_FAMILY_RSA;
    unsigned found = 0;
    char described[32];
    sg_status s = sg_spki_describe(f->spki, &family, &found, described, &err);
    assert_int_equal(s, supported ? SG_OK : SG_E_INPUT);
    if (s == SG_OK) {
        assert_string_equal(described, text);
    } else {
        assert_string_equal(err.code, "unsupported_key");
    }
    EVP_PKEY_free(key);
}

static void keys_of_all_kinds_are_described(void **state)
{
    (void)state;
    expect_key(EVP_EC_gen("brainpoolP256r1"), "EC brainpoolP256r1", true, 256);
    expect_key(EVP_EC_gen("P-256"), "EC P-256", true, 256);
    expect_key(EVP_EC_gen("P-384"), "EC P-384", true, 384);
    expect_key(EVP_EC_gen("P-521"), "EC P-521", true, 521);
    expect_key(EVP_EC_gen("secp256k1"), "EC secp256k1", true, 256);
    expect_key(EVP_RSA_gen(2048), "RSA 2048", true, 2048);
    expect_key(EVP_EC_gen("secp224r1"), "EC secp224r1", true, 224);
    expect_key(EVP_RSA_gen(1024), "RSA 1024", true, 1024);
    expect_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "Ed25519", true, 256);
    expect_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), "ED448 456", false, 456);
    expect_key(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "X25519 253", false, 253);
}

static void an_rsa_exponent_of_one_is_no_key(void **state)
{
    (void)state;
    EVP_PKEY *good = EVP_RSA_gen(1024);
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(good, &spki);
    unsigned char *exponent = memmem(spki, (size_t)len, "\x02\x03\x01\x00\x01", 5);
    assert_non_null(exponent);
    exponent[2] = 0;
    exponent[3] = 0; /* 00 00 01: not minimal, which OpenSSL refuses; 01 00 02 is even */
    struct sg_error err = SG_ERROR_INIT;
    enum sg_key_family family = SG_FAMILY_RSA;
    unsigned bits = 0;
    char text[32];
    assert_int_equal(
        sg_spki_describe((struct sg_bytes){spki, (size_t)len}, &family, &bits, text, &err),
        SG_E_INPUT);
    exponent[2] = 1;
    exponent[4] = 2;
    assert_int_equal(
        sg_spki_describe((struct sg_bytes){spki, (size_t)len}, &family, &bits, text, &err),
        SG_E_INPUT);
    assert_non_null(strstr(err.text, "bad exponent"));
    OPENSSL_free(spki);
    EVP_PKEY_free(good);
}

static void set_subject(X509 *x509, int type, const void *value, int len)
{
    X509_NAME *name = X509_NAME_new();
    assert_int_equal(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_ASC,
                                                (const unsigned char *)"first", -1, -1, 0),
                     1);
    assert_int_equal(X509_NAME_add_entry_by_NID(name, NID_commonName, type, value, len, -1, 0), 1);
    X509_set_subject_name(x509, name);
    X509_NAME_free(name);
}

static void names_are_always_printable_utf8(void **state)
{
    (void)state;
    static const struct {
        int type, len;
        const char *value, *cn, *text;
    } rows[] = {
        {V_ASN1_BMPSTRING, 6, "\0B\0\xfc\x4e\x2d", "Bü中", "CN=Bü中,CN=first"},
        {V_ASN1_T61STRING, 2, "B\xfc", "Bü", "CN=Bü,CN=first"},
        {V_ASN1_UTF8STRING, 3, "a\0b", "a\\00b", "CN=a\\00b,CN=first"},
        {V_ASN1_UTF8STRING, 7, "a\nb\x1b[1m", "a\\0Ab\\1B[1m", "CN=a\\0Ab\\1B[1m,CN=first"},
        {V_ASN1_UTF8STRING, 3, "a\xc2\x85", "a\\C2\\85", "CN=a\\C2\\85,CN=first"},
        {V_ASN1_UTF8STRING, 3, "\xe2\x80\xa8", "\\E2\\80\\A8", "CN=\\E2\\80\\A8,CN=first"},
        {V_ASN1_PRINTABLESTRING, 0, "", "", "CN=,CN=first"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        SG_BUFFER der;
        X509 *x509 = new_x509(plain);
        set_subject(x509, rows[i].type, rows[i].value, rows[i].len);
        finish(x509, &der);
        SG_CERTIFICATE *made = parse(&der);
        assert_string_equal(sg_certificate_facts(made)->common_name, rows[i].cn);
        assert_string_equal(sg_certificate_facts(made)->subject_text, rows[i].text);
        assert_false(sg_certificate_facts(made)->self_issued);
    }
}

/* OpenSSL cannot bring such a name into its canonical form, so nothing could be compared with it.
 */
static void names_in_invalid_utf8_are_refused(void **state)
{
    (void)state;
    SG_BUFFER der;
    X509 *x509 = new_x509(plain);
    set_subject(x509, V_ASN1_UTF8STRING, "valid", 5);
    finish(x509, &der);
    unsigned char *name = memmem(der.data, der.len, "valid", 5);
    assert_non_null(name);
    name[2] = 0xff;
    expect_refusal(der.data, der.len, "not a certificate");
}

static void endless_names_are_cut_at_a_character(void **state)
{
    (void)state;
    char value[6001];
    for (size_t i = 0; i < 6000; i += 3) {
        memcpy(value + i, "中", 4);
    }
    SG_BUFFER der;
    X509 *x509 = new_x509(plain);
    set_subject(x509, V_ASN1_UTF8STRING, value, 6000);
    finish(x509, &der);
    SG_CERTIFICATE *made = parse(&der);
    const struct sg_certificate_facts *f = sg_certificate_facts(made);
    size_t len = strlen(f->subject_text);
    assert_true(len < SG_DN_TEXT && len > SG_DN_TEXT - 10);
    assert_string_equal(f->subject_text + len - 3, "...");
    assert_int_equal((len - 3 - 3) % 3, 0);
    assert_int_equal((strlen(f->common_name) - 3) % 3, 0);
    assert_memory_equal(f->subject.data, "\x30\x82", 2); /* the DER is whole */
}

static void version_1_certificates_are_read(void **state)
{
    (void)state;
    SG_BUFFER der;
    SG_BUFFER text;
    struct sg_error err = SG_ERROR_INIT;
    size_t count = 7;
    X509 *x509 = new_x509(plain);
    X509_set_version(x509, X509_VERSION_1);
    finish(x509, &der);
    sg_buffer_init(&text, 100);
    SG_CERTIFICATE *made = parse(&der);
    assert_false(sg_certificate_facts(made)->ca);
    assert_int_equal(sg_certificate_usage(made), 0);
    assert_int_equal(sg_certificate_sans(made, &text, &count, &err), SG_OK);
    assert_int_equal(count, 0);
    assert_int_equal(sg_certificate_ekus(made, &text, &count, &err), SG_OK);
    assert_int_equal(count, 0);
    assert_int_equal(text.len, 0);
}

static void all_kinds_of_alternative_names_are_listed(void **state)
{
    (void)state;
    SG_BUFFER der;
    SG_BUFFER text;
    struct sg_error err = SG_ERROR_INIT;
    size_t count = 0;
    X509 *x509 = new_x509(plain);
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                            "DNS:a.b,IP:::1,RID:1.2.3,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:jo");
    assert_non_null(names);
    X509_add_ext(x509, names, -1);
    X509_EXTENSION_free(names);
    finish(x509, &der);
    sg_buffer_init(&text, 1000);
    SG_CERTIFICATE *made = parse(&der);
    assert_int_equal(sg_certificate_sans(made, &text, &count, &err), SG_OK);
    assert_int_equal(count, 4);
    static const char expected[] = "dns:a.b\0ip:::1\0rid:1.2.3\0other:1.3.6.1.4.1.311.20.2.3";
    assert_memory_equal(text.data, expected, sizeof(expected));
}

/* RACF writes keyUsage 03 02 00 06: not minimal. To be read, not refused. */
static void a_key_usage_of_racf_is_read(void **state)
{
    (void)state;
    static const unsigned char bits[] = {0x03, 0x02, 0x00, 0x06};
    SG_BUFFER der;
    X509 *x509 = new_x509(plain);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, bits, sizeof(bits));
    X509_EXTENSION *usage = X509_EXTENSION_create_by_NID(NULL, NID_key_usage, 1, value);
    X509_add_ext(x509, usage, -1);
    X509_EXTENSION_free(usage);
    ASN1_OCTET_STRING_free(value);
    finish(x509, &der);
    SG_CERTIFICATE *made = parse(&der);
    assert_int_equal(sg_certificate_usage(made), SG_X509_KEY_CERT_SIGN | SG_X509_CRL_SIGN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(no_prefix_of_a_certificate_is_one),
        cmocka_unit_test(damage_is_not_shown),
        cmocka_unit_test(altered_bytes_are_survived),
        cmocka_unit_test(serial_numbers_of_all_kinds_are_read),
        cmocka_unit_test(explicit_curves_are_refused),
        cmocka_unit_test(keys_of_all_kinds_are_described),
        cmocka_unit_test(an_rsa_exponent_of_one_is_no_key),
        cmocka_unit_test(names_are_always_printable_utf8),
        cmocka_unit_test(names_in_invalid_utf8_are_refused),
        cmocka_unit_test(endless_names_are_cut_at_a_character),
        cmocka_unit_test(version_1_certificates_are_read),
        cmocka_unit_test(all_kinds_of_alternative_names_are_listed),
        cmocka_unit_test(a_key_usage_of_racf_is_read),
    };
    return cmocka_run_group_tests(tests, make_key, drop_key);
}
