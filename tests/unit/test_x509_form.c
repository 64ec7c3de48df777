/* What RFC 5280 says of one certificate by itself: which are sound, which are not, and why. */
#include <stdio.h>
#include <string.h>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "cmocka_all.h"
#include "x509_fixture.h"

static struct test_key *key;

static int make_key(void **state)
{
    (void)state;
    key = test_key_new("ec:P-256");
    return 0;
}

static int drop_key(void **state)
{
    (void)state;
    test_key_free(key);
    return 0;
}

static X509 *bare(const char *subject, const char *issuer)
{
    X509 *x509 = X509_new();
    assert_non_null(x509);
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)(TEST_NOW - TEST_DAY));
    ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)(TEST_NOW + TEST_DAY));
    X509_set_pubkey(x509, key->pkey);
    if (subject[0] != '\0') {
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                                   (const unsigned char *)subject, -1, -1, 0);
    }
    X509_NAME *name = X509_NAME_new();
    if (issuer[0] != '\0') {
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)issuer, -1, -1,
                                   0);
    }
    X509_set_issuer_name(x509, name);
    X509_NAME_free(name);
    return x509;
}

static void extend(X509 *x509, const char *name, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf(NULL, &context, name, value);
    assert_non_null(extension);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
}

/* Takes the certificate. why: a part of it; NULL when it is sound. */
static void expect_form(X509 *x509, enum sg_x509_form form, const char *why)
{
    char text[SG_FORM_TEXT] = "untouched";
    unsigned char *der = NULL;
    SG_CERTIFICATE *parsed = NULL;
    struct sg_error err = SG_ERROR_INIT;
    assert_true(X509_sign(x509, key->pkey, EVP_sha256()) > 0);
    int len = i2d_X509(x509, &der);
    assert_true(len > 0);
    struct sg_bytes bytes = {der, (size_t)len};
    assert_int_equal(sg_der_form(bytes, text), form);
    if (strstr(text, why != NULL ? why : "untouched") == NULL) {
        fail_msg("\"%s\", not \"%s\"", text, why != NULL ? why : "untouched");
    }
    assert_int_equal(sg_certificate_parse(bytes, &parsed, &err), SG_OK);
    assert_int_equal(sg_certificate_form(parsed, text), form);
    assert_int_equal(sg_form_reason(form)[0] == '\0', form == SG_FORM_SOUND);
    OPENSSL_free(der);
    X509_free(x509);
}

static void expect_extension(const char *name, const char *value, enum sg_x509_form form,
                             const char *why)
{
    X509 *x509 = bare("web", "ca");
    extend(x509, name, value);
    expect_form(x509, form, why);
}

#define NOT_ABSOLUTE "holds a URI that is not absolute"

static void a_uri_is_absolute(void **state)
{
    (void)state;
    static const char *const good[] = {"URI:https://a.example/b?c#d",
                                       "URI:urn:x",
                                       "URI:spiffe://a/b",
                                       "URI:a+b-c.d:e",
                                       "URI:h2:%20",
                                       "URI:x:[::1]"};
    static const char *const bad[] = {
        "URI:/a/b",  "URI:a/b",     "URI:a",      "URI:http:",     "URI::a",
        "URI:1a:b",  "URI:a b:c",   "URI:a:b c",  "URI:a_b:c",     "URI:a/b:c",
        "URI:a:<b>", "URI:a:\"b\"", "URI:a:{b}",  "URI:a:b|c",     "URI:a:b\\\\c",
        "URI:a:b^c", "URI:a:b`c",   "URI:a:\x7f", "URI:a:\xc3\xa9"};
    char value[64];
    for (size_t i = 0; i < SG_COUNT(good); i++) {
        snprintf(value, sizeof value, "critical,%s", good[i]);
        expect_extension("subjectAltName", value, SG_FORM_SOUND, NULL);
    }
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        snprintf(value, sizeof value, "critical,%s", bad[i]);
        expect_extension("subjectAltName", value, SG_FORM_UNREADABLE,
                         "its critical extension subjectAltName " NOT_ABSOLUTE);
        expect_extension("subjectAltName", bad[i], SG_FORM_SOUND, NULL); /* may be passed over */
    }
    expect_extension("subjectAltName", "critical,DER:30028600", SG_FORM_UNREADABLE, NOT_ABSOLUTE);
    expect_extension("subjectAltName", "critical,DNS:a,URI:b,DNS:c", SG_FORM_UNREADABLE,
                     NOT_ABSOLUTE);
}

static void names_of_the_issuer_are_read_alike(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum sg_x509_form form;
        const char *why;
    } cases[] = {
        {"critical,DNS:a,URI:x:y,IP:192.0.2.1,IP:::1", SG_FORM_SOUND, NULL},
        {"critical,URI:/relative", SG_FORM_UNREADABLE, "issuerAltName " NOT_ABSOLUTE},
        {"critical,DER:3000", SG_FORM_UNREADABLE, "issuerAltName holds no name"},
        {"critical,DER:30058703010203", SG_FORM_UNREADABLE, "issuerAltName holds an IP address"},
        {"critical,DER:30128710000102030405060708090A0B0C0D0E0F", SG_FORM_SOUND, NULL},
        {"critical,DER:3013871100000102030405060708090A0B0C0D0E0F", SG_FORM_UNREADABLE,
         "issuerAltName holds an IP address"},
        {"critical,DER:0500", SG_FORM_UNREADABLE, "issuerAltName is malformed"},
        {"DER:3000", SG_FORM_SOUND, NULL},
        {"DER:0500", SG_FORM_SOUND, NULL},
    };
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        expect_extension("issuerAltName", cases[i].value, cases[i].form, cases[i].why);
    }
}

static X509 *with_extensions(unsigned count)
{
    X509 *x509 = bare("web", "ca");
    char oid[32];
    for (unsigned i = 0; i < count; i++) {
        snprintf(oid, sizeof oid, "1.2.3.4.%u", i);
        extend(x509, oid, "DER:0500");
    }
    return x509;
}

/* No fault of the certificate: it is said to be a limit of ours. */
static void more_extensions_than_are_looked_at(void **state)
{
    (void)state;
    expect_form(with_extensions(128), SG_FORM_SOUND, NULL);
    expect_form(with_extensions(129), SG_FORM_CROWDED,
                "it has 129 extensions, at most 128 are taken");
    X509 *twice = with_extensions(127);
    extend(twice, "1.2.3.4.126", "DER:0500");
    expect_form(twice, SG_FORM_FORBIDDEN, "it has the extension 1.2.3.4.126 twice");
    X509 *many = with_extensions(2000); /* nor is it looked at for long */
    extend(many, "1.2.3.4.1999", "DER:0500");
    expect_form(many, SG_FORM_CROWDED, "it has 2001 extensions");
    assert_non_null(strstr(sg_form_reason(SG_FORM_CROWDED), "limit of Signet"));
    assert_null(strstr(sg_form_reason(SG_FORM_CROWDED), "RFC"));
}

static void names_must_be_there(void **state)
{
    (void)state;
    expect_form(bare("web", ""), SG_FORM_FORBIDDEN, "its issuer has no name");
    expect_form(bare("", "ca"), SG_FORM_FORBIDDEN, "it has no subject");
    X509 *soft = bare("", "ca");
    extend(soft, "subjectAltName", "DNS:a");
    expect_form(soft, SG_FORM_FORBIDDEN, "no critical subjectAltName in its place");
    X509 *hard = bare("", "ca");
    extend(hard, "subjectAltName", "critical,DNS:a");
    expect_form(hard, SG_FORM_SOUND, NULL);
    X509 *alone = bare("", "");
    extend(alone, "subjectAltName", "critical,DNS:a");
    expect_form(alone, SG_FORM_FORBIDDEN, "its issuer has no name");
}

static void what_is_no_certificate_is_not_sound(void **state)
{
    (void)state;
    char why[SG_FORM_TEXT] = "";
    static const unsigned char none[] = {0x30, 0x00};
    assert_int_equal(sg_der_form((struct sg_bytes){none, sizeof none}, why), SG_FORM_FORBIDDEN);
    assert_string_equal(why, "it cannot be read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uri_is_absolute),
        cmocka_unit_test(names_of_the_issuer_are_read_alike),
        cmocka_unit_test(more_extensions_than_are_looked_at),
        cmocka_unit_test(names_must_be_there),
        cmocka_unit_test(what_is_no_certificate_is_not_sound),
    };
    return cmocka_run_group_tests(tests, make_key, drop_key);
}
