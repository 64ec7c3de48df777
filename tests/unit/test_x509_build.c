/* Certificates and requests that are built here, signed by somebody else's key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "cmocka_all.h"
#include "x509_fixture.h"

static const char *const specs[] = {"rsa:2048", "ec:P-256",     "ec:P-384",
                                    "ec:P-521", "ec:secp256k1", "ed25519"};
static struct test_key *keys[SG_COUNT(specs)];
enum { RSA2048, P256, P384, P521, K256, ED };

static const unsigned char serial[16] = {0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static int make_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < SG_COUNT(specs); i++) {
        keys[i] = test_key_new(specs[i]);
    }
    return 0;
}

static int drop_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < SG_COUNT(specs); i++) {
        test_key_free(keys[i]);
    }
    return 0;
}

static struct sg_x509_request request_for(const char *subject)
{
    return (struct sg_x509_request){
        .subject = subject, .not_before_s = TEST_NOW, .not_after_s = TEST_NOW + TEST_DAY};
}

static sg_status build(const struct sg_x509_request *request, struct test_key *key,
                       const struct sg_certificate *issuer, struct test_key *signer,
                       struct sg_buffer *out, struct sg_error *err)
{
    sg_error_clear(err);
    return sg_x509_build_certificate(request, test_key_spki(key), issuer, &signer->signer, serial,
                                     out, err);
}

static X509 *parse_openssl(const struct sg_buffer *der)
{
    const unsigned char *at = der->data;
    X509 *x509 = d2i_X509(NULL, &at, (long)der->len);
    assert_non_null(x509);
    assert_ptr_equal(at, der->data + der->len);
    return x509;
}

static void every_kind_of_key_signs_itself(void **state)
{
    (void)state;
    static const char *const texts[] = {"sha256WithRSAEncryption", "ecdsa-with-SHA256",
                                        "ecdsa-with-SHA384",       "ecdsa-with-SHA512",
                                        "ecdsa-with-SHA256",       "ED25519"};
    static const char *const names[] = {"RSA 2048", "EC P-256",     "EC P-384",
                                        "EC P-521", "EC secp256k1", "Ed25519"};
    for (size_t i = 0; i < SG_COUNT(specs); i++) {
        struct sg_error err = SG_ERROR_INIT;
        SG_CERTIFICATE *made =
            test_certificate(&(struct test_recipe){.subject = "CN=web", .key = keys[i]});
        const struct sg_certificate_facts *f = sg_certificate_facts(made);
        assert_string_equal(f->signature_text, texts[i]);
        assert_string_equal(f->key_text, names[i]);
        assert_true(f->self_issued);
        assert_int_equal(sg_certificate_verify_issued(made, made, &err), SG_OK);
        assert_int_equal(f->spki.len, test_key_spki(keys[i]).len);
        assert_memory_equal(f->spki.data, test_key_spki(keys[i]).data, f->spki.len);
    }
}

/* RFC 4055, 5: NULL; RFC 5758, 3.2 and RFC 8410, 3: absent; the same inside and outside (RFC
 * 5280, 4.1.1.2). */
static void algorithm_parameters_are_those_of_the_rfcs(void **state)
{
    (void)state;
    for (size_t i = 0; i < SG_COUNT(specs); i++) {
        SG_CERTIFICATE *made =
            test_certificate(&(struct test_recipe){.subject = "CN=web", .key = keys[i]});
        struct sg_bytes der = sg_certificate_facts(made)->der;
        const unsigned char *at = der.data;
        X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
        const X509_ALGOR *outer = NULL;
        int type = 0;
        X509_get0_signature(NULL, &outer, x509);
        assert_int_equal(X509_ALGOR_cmp(outer, X509_get0_tbs_sigalg(x509)), 0);
        X509_ALGOR_get0(NULL, &type, NULL, outer);
        assert_int_equal(type, i == RSA2048 ? V_ASN1_NULL : V_ASN1_UNDEF);
        X509_free(x509);
    }
}

static void every_kind_of_key_is_certified_by_every_kind(void **state)
{
    (void)state;
    for (size_t ca = 0; ca < SG_COUNT(specs); ca++) {
        SG_CERTIFICATE *root = test_certificate(&(struct test_recipe){
            .subject = "CN=Root,C=GB", .key = keys[ca], .ca = true, .usage = 0x60});
        for (size_t i = 0; i < SG_COUNT(specs); i++) {
            struct sg_error err = SG_ERROR_INIT;
            SG_CERTIFICATE *leaf = test_certificate(&(struct test_recipe){
                .subject = "CN=web", .key = keys[i], .issuer = root, .issuer_key = keys[ca]});
            assert_int_equal(sg_certificate_verify_issued(leaf, root, &err), SG_OK);
            assert_string_equal(sg_certificate_facts(leaf)->issuer_text, "CN=Root,C=GB");
        }
    }
}

static void dates_change_their_form_in_2050(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER der;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    struct sg_x509_request request = request_for("CN=web");
    request.not_before_s = 2524607999; /* 2049-12-31T23:59:59Z */
    request.not_after_s = 2524608000;
    assert_int_equal(build(&request, keys[P256], NULL, keys[P256], &der, &err), SG_OK);
    X509 *x509 = parse_openssl(&der);
    assert_int_equal(ASN1_STRING_type(X509_get0_notBefore(x509)), V_ASN1_UTCTIME);
    assert_int_equal(ASN1_STRING_type(X509_get0_notAfter(x509)), V_ASN1_GENERALIZEDTIME);
    X509_free(x509);
    SG_CERTIFICATE *made = NULL;
    assert_int_equal(sg_certificate_parse((struct sg_bytes){der.data, der.len}, &made, &err),
                     SG_OK);
    assert_int_equal(sg_certificate_facts(made)->not_before_s, 2524607999);
    assert_int_equal(sg_certificate_facts(made)->not_after_s, 2524608000);
}

static void serials_are_positive_and_never_zero(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER der;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    struct sg_x509_request request = request_for("CN=web");
    assert_int_equal(build(&request, keys[P256], NULL, keys[P256], &der, &err), SG_OK);
    SG_CERTIFICATE *made = NULL;
    assert_int_equal(sg_certificate_parse((struct sg_bytes){der.data, der.len}, &made, &err),
                     SG_OK);
    assert_string_equal(sg_certificate_facts(made)->serial, "7F0102030405060708090A0B0C0D0E0F");
    static const unsigned char zero[16] = {0x80};
    SG_BUFFER none;
    sg_buffer_init(&none, SG_CERTIFICATE_MAX);
    assert_int_equal(sg_x509_build_certificate(&request, test_key_spki(keys[P256]), NULL,
                                               &keys[P256]->signer, zero, &none, &err),
                     SG_E_INTERNAL);
    assert_int_equal(none.len, 0);
}

static void extensions_are_those_asked_for(void **state)
{
    (void)state;
    static const char *const sans[] = {"dns:web.example.com",      "ip:192.0.2.1",
                                       "ip:2001:db8::1",           "email:jo@example.com",
                                       "uri:https://example.com/", "dns:web.example.com"};
    static const char *const ekus[] = {"serverAuth", "clientAuth", "serverauth"};
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER der;
    SG_BUFFER text;
    size_t count = 0;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    sg_buffer_init(&text, SG_CERTIFICATE_MAX);
    struct sg_x509_request request = request_for("CN=web");
    request.sans = sans;
    request.san_count = SG_COUNT(sans);
    request.ekus = ekus;
    request.eku_count = SG_COUNT(ekus);
    request.usage = SG_X509_DIGITAL_SIGNATURE | SG_X509_KEY_ENCIPHERMENT;
    assert_int_equal(build(&request, keys[RSA2048], NULL, keys[RSA2048], &der, &err), SG_OK);
    SG_CERTIFICATE *made = NULL;
    assert_int_equal(sg_certificate_parse((struct sg_bytes){der.data, der.len}, &made, &err),
                     SG_OK);
    assert_int_equal(sg_certificate_sans(made, &text, &count, &err), SG_OK);
    assert_int_equal(count, 5); /* the duplicate is gone */
    static const char expected[] = "dns:web.example.com\0ip:192.0.2.1\0ip:2001:db8::1\0"
                                   "email:jo@example.com\0uri:https://example.com/";
    assert_int_equal(text.len, sizeof(expected));
    assert_memory_equal(text.data, expected, sizeof(expected));
    sg_buffer_done(&text);
    assert_int_equal(sg_certificate_ekus(made, &text, &count, &err), SG_OK);
    assert_int_equal(count, 2);
    assert_memory_equal(text.data, "serverAuth\0clientAuth", 22);
    assert_int_equal(sg_certificate_usage(made), request.usage);
    assert_false(sg_certificate_facts(made)->ca);

    X509 *x509 = parse_openssl(&der);
    int critical = 0;
    void *usage = X509_get_ext_d2i(x509, NID_key_usage, &critical, NULL);
    assert_int_equal(critical, 1);
    ASN1_BIT_STRING_free(usage);
    GENERAL_NAMES_free(X509_get_ext_d2i(x509, NID_subject_alt_name, &critical, NULL));
    assert_int_equal(critical, 0);
    assert_null(X509_get_ext_d2i(x509, NID_basic_constraints, &critical, NULL));
    assert_int_equal(critical, -1);
    assert_non_null(X509_get0_subject_key_id(x509));
    assert_null(X509_get0_authority_key_id(x509));
    X509_free(x509);
}

/* RFC 5280, 4.2.1.6 */
static void alternative_names_are_critical_without_a_subject(void **state)
{
    (void)state;
    static const char *const sans[] = {"dns:web.example.com"};
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER der;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    SG_CERTIFICATE *root = test_certificate(
        &(struct test_recipe){.subject = "CN=Root", .key = keys[P256], .ca = true});
    struct sg_x509_request request = request_for("");
    request.sans = sans;
    request.san_count = 1;
    assert_int_equal(build(&request, keys[P384], root, keys[P256], &der, &err), SG_OK);
    X509 *x509 = parse_openssl(&der);
    int critical = 0;
    GENERAL_NAMES_free(X509_get_ext_d2i(x509, NID_subject_alt_name, &critical, NULL));
    assert_int_equal(critical, 1);
    assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(x509),
                                           X509_get0_subject_key_id(x509)) != 0,
                     1);
    X509_free(x509);
}

/* RFC 5280, 4.1.2.4 */
static void an_issuer_has_a_name_even_without_a_subject(void **state)
{
    (void)state;
    static const char *const sans[] = {"dns:web.example.com"};
    struct sg_error err = SG_ERROR_INIT;
    char why[SG_FORM_TEXT] = "";
    SG_BUFFER der;
    SG_CERTIFICATE *made = NULL;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    struct sg_x509_request request = request_for("");
    request.sans = sans;
    request.san_count = 1;
    assert_int_equal(build(&request, keys[P384], NULL, keys[P384], &der, &err), SG_OK);
    struct sg_bytes bytes = {der.data, der.len};
    assert_int_equal(sg_certificate_parse(bytes, &made, &err), SG_OK);
    assert_string_equal(sg_certificate_facts(made)->issuer_text, "CN=self-signed placeholder");
    assert_string_equal(sg_certificate_facts(made)->subject_text, "");
    assert_int_equal(sg_certificate_form(made, why), SG_FORM_SOUND);
    X509 *x509 = parse_openssl(&der);
    int critical = 0;
    GENERAL_NAMES_free(X509_get_ext_d2i(x509, NID_subject_alt_name, &critical, NULL));
    assert_int_equal(critical, 1);
    EVP_PKEY *key = X509_get0_pubkey(x509);
    assert_int_equal(X509_verify(x509, key), 1);
    X509_free(x509);
}

static void wrong_parties_are_refused(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER der;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    struct sg_x509_request request = request_for("CN=web");
    SG_CERTIFICATE *root = test_certificate(
        &(struct test_recipe){.subject = "CN=Root", .key = keys[P256], .ca = true});
    SG_CERTIFICATE *leaf =
        test_certificate(&(struct test_recipe){.subject = "CN=Leaf", .key = keys[P256]});
    SG_CERTIFICATE *mute = test_certificate(&(struct test_recipe){
        .subject = "CN=Mute", .key = keys[P256], .ca = true, .usage = SG_X509_DIGITAL_SIGNATURE});
    assert_int_equal(build(&request, keys[RSA2048], NULL, keys[P256], &der, &err), SG_E_INPUT);
    assert_string_equal(err.code, "wrong_signer");
    assert_int_equal(build(&request, keys[RSA2048], root, keys[P384], &der, &err), SG_E_INPUT);
    assert_string_equal(err.code, "wrong_signer");
    assert_non_null(strstr(err.text, "CN=Root"));
    assert_int_equal(build(&request, keys[RSA2048], leaf, keys[P256], &der, &err), SG_E_INPUT);
    assert_string_equal(err.code, "issuer_not_a_ca");
    assert_int_equal(build(&request, keys[RSA2048], mute, keys[P256], &der, &err), SG_E_INPUT);
    assert_string_equal(err.code, "issuer_not_a_ca");
    assert_int_equal(der.len, 0);
}

static void wrong_validity_is_refused(void **state)
{
    (void)state;
    static const int64_t rows[][2] = {{TEST_NOW, TEST_NOW},
                                      {TEST_NOW, TEST_NOW - 1},
                                      {INT64_C(-631152001), TEST_NOW},
                                      {TEST_NOW, INT64_C(253402300800)},
                                      {INT64_MIN, INT64_MAX}};
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_error err = SG_ERROR_INIT;
        SG_BUFFER der;
        sg_buffer_init(&der, SG_CERTIFICATE_MAX);
        struct sg_x509_request request = request_for("CN=web");
        request.not_before_s = rows[i][0];
        request.not_after_s = rows[i][1];
        assert_int_equal(build(&request, keys[P256], NULL, keys[P256], &der, &err), SG_E_INPUT);
        assert_string_equal(err.code, "bad_validity");
    }
}

static void a_token_that_lies_does_not_get_through(void **state)
{
    (void)state;
    for (size_t i = 0; i < SG_COUNT(specs); i++) {
        struct sg_error err = SG_ERROR_INIT;
        SG_BUFFER der;
        sg_buffer_init(&der, SG_CERTIFICATE_MAX);
        struct sg_x509_request request = request_for("CN=web");
        keys[i]->lie = true;
        assert_int_equal(build(&request, keys[i], NULL, keys[i], &der, &err), SG_E_TOKEN);
        assert_string_equal(err.code, "bad_token_signature");
        assert_int_equal(sg_x509_build_csr(&request, &keys[i]->signer, &der, &err), SG_E_TOKEN);
        keys[i]->lie = false;
        keys[i]->odd = true;
        assert_int_equal(build(&request, keys[i], NULL, keys[i], &der, &err), SG_E_TOKEN);
        keys[i]->odd = false;
        assert_int_equal(der.len, 0);
    }
}

static void a_token_that_refuses_is_quoted(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER der;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    struct sg_x509_request request = request_for("CN=web");
    keys[P256]->refuse = true;
    assert_int_equal(build(&request, keys[P256], NULL, keys[P256], &der, &err), SG_E_TOKEN);
    assert_string_equal(err.code, "token_gone");
    assert_int_equal(sg_x509_build_csr(&request, &keys[P256]->signer, &der, &err), SG_E_TOKEN);
    keys[P256]->refuse = false;
    assert_int_equal(der.len, 0);
}

/* 1,000 long names make more than one request to a token may carry. */
static void large_certificates_are_hashed_here(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER der;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    static char names[1000][80];
    static const char *sans[1000];
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "dns:%060u.example", i);
        sans[i] = names[i];
    }
    struct sg_x509_request request = request_for("CN=web");
    request.sans = sans;
    request.san_count = 720;
    assert_int_equal(build(&request, keys[RSA2048], NULL, keys[RSA2048], &der, &err), SG_OK);
    assert_true(der.len > SG_TOKEN_DATA_MAX);
    assert_int_equal(keys[RSA2048]->last.kind, SG_MECHANISM_RSA_PKCS);
    assert_int_equal(keys[RSA2048]->last_len, 51);
    sg_buffer_done(&der);
    assert_int_equal(build(&request, keys[P384], NULL, keys[P384], &der, &err), SG_OK);
    assert_int_equal(keys[P384]->last_len, 48);
    sg_buffer_done(&der);
    assert_int_equal(build(&request, keys[ED], NULL, keys[ED], &der, &err), SG_E_LIMIT);
    request.san_count = 1000;
    assert_int_equal(build(&request, keys[RSA2048], NULL, keys[RSA2048], &der, &err), SG_E_LIMIT);
    assert_int_equal(der.len, 0);
}

static void a_path_length_of_zero_is_obeyed(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER der;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    /* Path length comes in through a copied certificate only; make one with OpenSSL. */
    X509 *x509 = X509_new();
    X509_NAME *name = X509_NAME_new();
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Short", -1, -1, 0);
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 5);
    X509_set_subject_name(x509, name);
    X509_set_issuer_name(x509, name);
    X509_gmtime_adj(X509_getm_notBefore(x509), 0);
    X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
    X509_set_pubkey(x509, keys[P256]->pkey);
    X509_EXTENSION *limits =
        X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    X509_add_ext(x509, limits, -1);
    assert_true(X509_sign(x509, keys[P256]->pkey, EVP_sha256()) > 0);
    unsigned char *bytes = NULL;
    int len = i2d_X509(x509, &bytes);
    SG_CERTIFICATE *issuer = NULL;
    struct sg_bytes short_der = {bytes, (size_t)len};
    assert_int_equal(sg_certificate_parse(short_der, &issuer, &err), SG_OK);

    struct sg_x509_request request = request_for("CN=Sub");
    assert_int_equal(build(&request, keys[P384], issuer, keys[P256], &der, &err), SG_OK);
    sg_buffer_done(&der);
    request.ca = true;
    assert_int_equal(build(&request, keys[P384], issuer, keys[P256], &der, &err), SG_E_INPUT);
    assert_string_equal(err.code, "path_too_long");
    /* Re-issuing keeps it. */
    request.extensions_from = short_der;
    assert_int_equal(build(&request, keys[P256], NULL, keys[P256], &der, &err), SG_OK);
    X509 *again = parse_openssl(&der);
    assert_int_equal(X509_get_pathlen(again), 0);
    X509_free(again);
    X509_EXTENSION_free(limits);
    X509_NAME_free(name);
    X509_free(x509);
    OPENSSL_free(bytes);
}

static void requests_carry_their_extensions(void **state)
{
    (void)state;
    static const char *const sans[] = {"dns:web.example.com"};
    static const char *const ekus[] = {"serverAuth"};
    for (size_t i = 0; i < SG_COUNT(specs); i++) {
        struct sg_error err = SG_ERROR_INIT;
        struct sg_csr_facts facts;
        SG_BUFFER der;
        sg_buffer_init(&der, SG_CERTIFICATE_MAX);
        const struct sg_x509_request request = {.subject = "CN=web,O=Org",
                                                .sans = sans,
                                                .san_count = 1,
                                                .ekus = ekus,
                                                .eku_count = 1,
                                                .usage = SG_X509_DIGITAL_SIGNATURE,
                                                .ca = i == RSA2048};
        assert_int_equal(sg_x509_build_csr(&request, &keys[i]->signer, &der, &err), SG_OK);
        struct sg_bytes bytes = {der.data, der.len};
        assert_int_equal(sg_csr_parse(bytes, &facts, &err), SG_OK);
        assert_string_equal(facts.subject_text, "CN=web,O=Org");
        assert_int_equal(facts.usage, SG_X509_DIGITAL_SIGNATURE);
        assert_int_equal(facts.wants_ca, i == RSA2048);
        assert_int_equal(facts.spki_len, test_key_spki(keys[i]).len);
        assert_memory_equal(facts.spki, test_key_spki(keys[i]).data, facts.spki_len);

        /* … and into the certificate that answers them. */
        SG_BUFFER answer;
        SG_BUFFER text;
        size_t count = 0;
        sg_buffer_init(&answer, SG_CERTIFICATE_MAX);
        sg_buffer_init(&text, 1000);
        SG_CERTIFICATE *root = test_certificate(
            &(struct test_recipe){.subject = "CN=Root", .key = keys[P256], .ca = true});
        struct sg_x509_request copy = request_for(NULL);
        copy.subject_der = (struct sg_bytes){facts.subject, facts.subject_len};
        copy.extensions_from = bytes;
        assert_int_equal(build(&copy, keys[i], root, keys[P256], &answer, &err), SG_OK);
        SG_CERTIFICATE *made = NULL;
        assert_int_equal(
            sg_certificate_parse((struct sg_bytes){answer.data, answer.len}, &made, &err), SG_OK);
        assert_string_equal(sg_certificate_facts(made)->subject_text, "CN=web,O=Org");
        assert_int_equal(sg_certificate_facts(made)->ca, i == RSA2048);
        assert_int_equal(sg_certificate_usage(made), SG_X509_DIGITAL_SIGNATURE);
        assert_int_equal(sg_certificate_sans(made, &text, &count, &err), SG_OK);
        assert_memory_equal(text.data, "dns:web.example.com", 20);
    }
}

static void what_is_given_wins_over_what_is_copied(void **state)
{
    (void)state;
    static const char *const old_sans[] = {"dns:old.example.com"};
    static const char *const new_sans[] = {"dns:new.example.com"};
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER csr;
    SG_BUFFER der;
    SG_BUFFER text;
    size_t count = 0;
    sg_buffer_init(&csr, SG_CERTIFICATE_MAX);
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    sg_buffer_init(&text, 1000);
    struct sg_x509_request old = {
        .subject = "CN=web", .sans = old_sans, .san_count = 1, .usage = SG_X509_DIGITAL_SIGNATURE};
    assert_int_equal(sg_x509_build_csr(&old, &keys[P256]->signer, &csr, &err), SG_OK);
    struct sg_x509_request request = request_for("CN=web");
    request.extensions_from = (struct sg_bytes){csr.data, csr.len};
    request.sans = new_sans;
    request.san_count = 1;
    request.usage = SG_X509_KEY_AGREEMENT;
    assert_int_equal(build(&request, keys[P256], NULL, keys[P256], &der, &err), SG_OK);
    SG_CERTIFICATE *made = NULL;
    assert_int_equal(sg_certificate_parse((struct sg_bytes){der.data, der.len}, &made, &err),
                     SG_OK);
    assert_int_equal(sg_certificate_sans(made, &text, &count, &err), SG_OK);
    assert_int_equal(count, 1);
    assert_string_equal((const char *)text.data, "dns:new.example.com");
    assert_int_equal(sg_certificate_usage(made), SG_X509_KEY_AGREEMENT);
}

static void append_request(struct sg_buffer *out, struct test_key *key, const char *extension_san,
                           int times)
{
    X509_REQ *csr = X509_REQ_new();
    STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
    X509_REQ_set_pubkey(csr, key->pkey);
    for (int i = 0; i < times; i++) {
        GENERAL_NAMES *names = GENERAL_NAMES_new();
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();
        ASN1_STRING_set(text, extension_san, i == 0 && times == 1 ? 9 : -1);
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
        sk_GENERAL_NAME_push(names, name);
        sk_X509_EXTENSION_push(list, X509V3_EXT_i2d(NID_subject_alt_name, 0, names));
        GENERAL_NAMES_free(names);
    }
    X509_REQ_add_extensions(csr, list);
    assert_true(X509_REQ_sign(csr, key->pkey, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int len = i2d_X509_REQ(csr, &der);
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_buffer_append(out, der, (size_t)len, &err), SG_OK);
    OPENSSL_free(der);
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    X509_REQ_free(csr);
}

static void hostile_requests_are_refused(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER csr;
    SG_BUFFER der;
    sg_buffer_init(&csr, SG_CERTIFICATE_MAX);
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    static struct sg_csr_facts facts;
    struct sg_x509_request request = request_for("CN=web");

    append_request(&csr, keys[P256], "a.com\0.b", 1); /* a NUL inside the name */
    request.extensions_from = (struct sg_bytes){csr.data, csr.len};
    assert_int_equal(build(&request, keys[P256], NULL, keys[P256], &der, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_san");
    assert_int_equal(der.len, 0);
    static const char *const instead[] = {"dns:a.example.com"};
    request.sans = instead;
    request.san_count = 1;
    assert_int_equal(build(&request, keys[P256], NULL, keys[P256], &der, &err), SG_OK);
    sg_buffer_done(&der);
    request.san_count = 0;

    sg_buffer_done(&csr);
    append_request(&csr, keys[P256], "a.example.com", 2); /* two extensions of one kind */
    request.extensions_from = (struct sg_bytes){csr.data, csr.len};
    assert_int_equal(sg_csr_parse(request.extensions_from, &facts, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_extension");
    assert_int_equal(build(&request, keys[P256], NULL, keys[P256], &der, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_extension");

    request.extensions_from = (struct sg_bytes){(const unsigned char *)"0\3\2\1\0", 5};
    assert_int_equal(build(&request, keys[P256], NULL, keys[P256], &der, &err), SG_E_INPUT);
    assert_string_equal(err.code, "not_a_request");
    assert_int_equal(der.len, 0);
}

static void altered_requests_are_refused(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER csr;
    sg_buffer_init(&csr, SG_CERTIFICATE_MAX);
    static struct sg_csr_facts facts;
    const struct sg_x509_request request = {.subject = "CN=web.example.com"};
    assert_int_equal(sg_x509_build_csr(&request, &keys[RSA2048]->signer, &csr, &err), SG_OK);
    struct sg_bytes der = {csr.data, csr.len};
    unsigned char *host = memmem(csr.data, csr.len, "web.", 4);
    assert_non_null(host);
    host[0] = 'v';
    assert_int_equal(sg_csr_parse(der, &facts, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_signature");
    assert_non_null(strstr(err.text, "CN=veb.example.com"));
    host[0] = 'w';
    assert_int_equal(sg_csr_parse(der, &facts, &err), SG_OK);
    for (size_t len = 0; len < der.len; len++) {
        assert_int_equal(sg_csr_parse((struct sg_bytes){der.data, len}, &facts, &err), SG_E_INPUT);
        assert_string_equal(err.code, "not_a_request");
    }
    assert_int_equal(sg_buffer_append(&csr, "", 1, &err), SG_OK);
    assert_int_equal(sg_csr_parse((struct sg_bytes){csr.data, csr.len}, &facts, &err), SG_E_INPUT);
    assert_string_equal(err.code, "not_a_request");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_key_signs_itself),
        cmocka_unit_test(algorithm_parameters_are_those_of_the_rfcs),
        cmocka_unit_test(every_kind_of_key_is_certified_by_every_kind),
        cmocka_unit_test(dates_change_their_form_in_2050),
        cmocka_unit_test(serials_are_positive_and_never_zero),
        cmocka_unit_test(extensions_are_those_asked_for),
        cmocka_unit_test(alternative_names_are_critical_without_a_subject),
        cmocka_unit_test(an_issuer_has_a_name_even_without_a_subject),
        cmocka_unit_test(wrong_parties_are_refused),
        cmocka_unit_test(wrong_validity_is_refused),
        cmocka_unit_test(a_token_that_lies_does_not_get_through),
        cmocka_unit_test(a_token_that_refuses_is_quoted),
        cmocka_unit_test(large_certificates_are_hashed_here),
        cmocka_unit_test(a_path_length_of_zero_is_obeyed),
        cmocka_unit_test(requests_carry_their_extensions),
        cmocka_unit_test(what_is_given_wins_over_what_is_copied),
        cmocka_unit_test(hostile_requests_are_refused),
        cmocka_unit_test(altered_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
