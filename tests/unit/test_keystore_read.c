/* Reading whatever file a person has: PEM in all its disguises, DER, PKCS#7, and things that are
 * something else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <signet/keystore/read.h>
#include <signet/keystore/write.h>

#include "cmocka_all.h"
#include "x509_fixture.h"

#define ROOM (1u << 20)

static struct test_key *key, *other;
static struct sg_certificate *first, *second;
static struct sg_buffer pem_first, pem_both; /* as we write them */

static struct sg_bytes der_of(const struct sg_certificate *certificate)
{
    return sg_certificate_facts(certificate)->der;
}

static int make_certificates(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    key = test_key_new("rsa:2048");
    other = test_key_new("ec:P-256");
    first = test_certificate(&(struct test_recipe){.subject = "CN=first", .key = key});
    second = test_certificate(&(struct test_recipe){.subject = "CN=second", .key = other});
    const struct sg_entry entries[] = {{der_of(first), "first"}, {der_of(second), "second"}};
    sg_buffer_init(&pem_first, ROOM);
    sg_buffer_init(&pem_both, ROOM);
    assert_int_equal(sg_keystore_write_pem(entries, 1, &pem_first, &err), SG_OK);
    assert_int_equal(sg_keystore_write_pem(entries, 2, &pem_both, &err), SG_OK);
    return 0;
}

static int drop_certificates(void **state)
{
    (void)state;
    sg_buffer_done(&pem_first);
    sg_buffer_done(&pem_both);
    sg_certificate_free(first);
    sg_certificate_free(second);
    test_key_free(key);
    test_key_free(other);
    return 0;
}

/* What the sink saw. */
struct seen {
    size_t count, first, second;
};

static sg_status see(void *context, struct sg_bytes der, struct sg_error *err)
{
    struct seen *seen = context;
    (void)err;
    seen->count++;
    seen->first +=
        der.len == der_of(first).len && memcmp(der.data, der_of(first).data, der.len) == 0;
    seen->second +=
        der.len == der_of(second).len && memcmp(der.data, der_of(second).data, der.len) == 0;
    return SG_OK;
}

static sg_status read_all(const void *data, size_t len, struct seen *seen, struct sg_error *err)
{
    /* A copy without a byte to spare: AddressSanitizer sees the first one read beyond it. */
    unsigned char *copy = malloc(len == 0 ? 1 : len);
    assert_non_null(copy);
    if (len > 0) {
        memcpy(copy, data, len);
    }
    *seen = (struct seen){.count = 0};
    sg_error_clear(err);
    sg_status s =
        sg_keystore_read_certificates("file.pem", (struct sg_bytes){copy, len}, see, seen, err);
    free(copy);
    return s;
}

static void expect_found(const char *what, const void *data, size_t len, size_t firsts,
                         size_t seconds)
{
    struct seen seen;
    struct sg_error err = SG_ERROR_INIT;
    if (read_all(data, len, &seen, &err) != SG_OK) {
        fail_msg("%s: %s", what, err.text);
    }
    assert_int_equal(seen.count, firsts + seconds);
    assert_int_equal(seen.first, firsts);
    assert_int_equal(seen.second, seconds);
}

static void expect_error(const char *what, const void *data, size_t len, const char *code,
                         const char *text)
{
    struct seen seen;
    struct sg_error err = SG_ERROR_INIT;
    sg_status s = read_all(data, len, &seen, &err);
    if (s == SG_OK || strcmp(err.code, code) != 0 || strstr(err.text, text) == NULL) {
        fail_msg("%s: %s: %s, not %s: %s", what, err.code, err.text, code, text);
    }
    assert_int_equal(seen.count, 0); /* nothing is handed out in part */
    assert_non_null(strstr(err.text, "file.pem"));
    assert_string_equal(err.object, "file.pem");
}

/* Replace every occurrence. */
static char *replaced(const char *text, const char *old, const char *new)
{
    char *out = calloc(1, 8 * strlen(text) + 1000);
    assert_non_null(out);
    char *at = out;
    for (const char *hit = strstr(text, old); hit != NULL; hit = strstr(text, old)) {
        at = mempcpy(at, text, (size_t)(hit - text));
        at = stpcpy(at, new);
        text = hit + strlen(old);
    }
    stpcpy(at, text);
    return out;
}

static const char *pem_text(const struct sg_buffer *pem)
{
    return (const char *)pem->data;
}

static void expect_variant(const char *what, const char *old, const char *new)
{
    char *text = replaced(pem_text(&pem_both), old, new);
    expect_found(what, text, strlen(text), 1, 1);
    free(text);
}

static void pem_is_read_in_all_its_disguises(void **state)
{
    (void)state;
    expect_variant("as it is", "nothing", "nothing");
    expect_variant("CR LF", "\n", "\r\n");
    expect_variant("CR alone", "\n", "\r");
    expect_variant("blanks at line ends", "\n", "  \n");
    expect_variant("blank lines", "\n", "\n\n");
    expect_variant("indented", "\n", "\n    ");
    expect_variant("fixed records of 80", "\n", "               ");
    expect_variant("tabs", "\n", "\n\t");
    expect_variant("mail quoting", "\n", "\n> ");
    expect_variant("mail quoting twice", "\n", "\n>> ");
    expect_variant("one line", "\n", " ");
    expect_variant("no line ends at all", "\n", "");
    expect_variant("line ends written out", "\n", "\\n");
    expect_variant("CR LF written out", "\n", "\\r\\n");
    expect_variant("old label", "CERTIFICATE", "X509 CERTIFICATE");
    expect_variant("text before", "-----BEGIN", "subject=CN = x\nissuer=CN = y\n-----BEGIN");
    expect_variant("text behind", "CERTIFICATE-----\n-", "CERTIFICATE-----\nthat was it\n-");
    expect_variant("no text between", "-----\n-----", "----------");
    expect_variant("no padding", "=", "");
}

static void the_edges_of_a_file_do_not_matter(void **state)
{
    (void)state;
    const char *text = pem_text(&pem_both);
    expect_found("no line end at the end", text, strlen(text) - 1, 1, 1);
    SG_BUFFER with_bom;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&with_bom, ROOM);
    assert_int_equal(sg_buffer_format(&with_bom, &err, "\xef\xbb\xbf%s", text), SG_OK);
    expect_found("byte order mark", with_bom.data, with_bom.len, 1, 1);
    sg_buffer_done(&with_bom);
    assert_int_equal(
        sg_buffer_format(&with_bom, &err, " 0 s:CN = x\r\n   i:CN = y\r\n%s\n\nDone\n", text),
        SG_OK);
    expect_found("output of s_client", with_bom.data, with_bom.len, 1, 1);
    sg_buffer_done(&with_bom);
    assert_int_equal(sg_buffer_format(&with_bom, &err, "0%s", text), SG_OK);
    expect_found("begins with the byte of DER", with_bom.data, with_bom.len, 1, 1);
}

static void der_is_read(void **state)
{
    (void)state;
    struct sg_bytes der = der_of(first);
    SG_BUFFER copy;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&copy, ROOM);
    expect_found("DER", der.data, der.len, 1, 0);
    assert_int_equal(sg_buffer_append(&copy, der.data, der.len, &err), SG_OK);
    assert_int_equal(sg_buffer_append(&copy, "\r\n", 2, &err), SG_OK);
    expect_found("DER and a line end", copy.data, copy.len, 1, 0);
    assert_int_equal(sg_buffer_append(&copy, "x", 1, &err), SG_OK);
    expect_error("DER and more", copy.data, copy.len, "not_a_certificate",
                 "3 bytes follow its end");
    expect_error("DER cut off", der.data, der.len - 10, "not_a_certificate", "cut off");
}

static void put_block(struct sg_buffer *out, const char *label, struct sg_bytes der)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_keystore_write_pem_block(label, der, out, &err), SG_OK);
}

static void pkcs7_is_read_under_every_label(void **state)
{
    (void)state;
    static const char *const labels[] = {"PKCS7", "PKCS #7 SIGNED DATA", "CMS", "CERTIFICATE",
                                         "X509 CERTIFICATE"};
    const struct sg_entry entries[] = {{der_of(first), "first"}, {der_of(second), "second"}};
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER package;
    sg_buffer_init(&package, ROOM);
    assert_int_equal(sg_keystore_write_pkcs7(entries, 2, &package, &err), SG_OK);
    struct sg_bytes der = {package.data, package.len};
    expect_found("PKCS#7 in DER", package.data, package.len, 1, 1);
    for (size_t i = 0; i < SG_COUNT(labels); i++) {
        SG_BUFFER text;
        sg_buffer_init(&text, ROOM);
        put_block(&text, labels[i], der);
        expect_found(labels[i], text.data, text.len, 1, 1);
    }
    expect_error("PKCS#7 cut off", package.data, package.len - 1, "not_a_certificate", "PKCS#7");
    SG_BUFFER text;
    sg_buffer_init(&text, ROOM);
    put_block(&text, "PKCS7", der_of(first)); /* the label lies: content decides */
    expect_found("certificate under PKCS7", text.data, text.len, 1, 0);
}

static void trust_settings_of_openssl_are_cut_off(void **state)
{
    (void)state;
    struct sg_bytes der = der_of(first);
    const unsigned char *at = der.data;
    X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
    assert_int_equal(X509_add1_trust_object(x509, OBJ_nid2obj(NID_server_auth)), 1);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_X509_AUX(bio, x509), 1);
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    assert_non_null(memmem(text, (size_t)len, "TRUSTED", 7));
    expect_found("TRUSTED CERTIFICATE", text, (size_t)len, 1, 0);
    BIO_free(bio);
    X509_free(x509);
}

static void keys_beside_certificates_are_passed_over(void **state)
{
    (void)state;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL), 1);
    assert_true(BIO_write(bio, pem_both.data, (int)pem_both.len) > 0);
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    expect_found("key and certificates", text, (size_t)len, 1, 1);
    BIO_free(bio);
}

static void damaged_blocks_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *what, *old, *new, *text;
    } rows[] = {
        {"no END", "-----END CERTIFICATE-----", "", "END line is missing"},
        {"other END", "END CERTIFICATE", "END X509 CRL", "does not fit"},
        {"four dashes at END", "-----END CERTIFICATE-----", "----END CERTIFICATE----", "END line"},
        {"bad character", "\nMII", "\nM!I", "character \"!\" on line 2"},
        {"em dash inside", "\nMII", "\n\xe2\x80\x94II", "byte 0xe2 on line 2"},
        {"one character lost", "\nMII", "\nMI", "block 1 (CERTIFICATE, line 1)"},
        {"first line lost", "\nMII", "\n\n", "block 1 (CERTIFICATE, line 1)"},
        {"header inside", "\nMII", "\nProc-Type: 4,ENCRYPTED\n\nMII", "line 2"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        char *text = replaced(pem_text(&pem_first), rows[i].old, rows[i].new);
        expect_error(rows[i].what, text, strlen(text), "not_a_certificate", rows[i].text);
        free(text);
    }
    const char *empty = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    expect_error("nothing inside", empty, strlen(empty), "not_a_certificate", "it is empty");
}

/* The good block before it is not handed out: nothing in part. */
static void a_damaged_second_block_spoils_the_file(void **state)
{
    (void)state;
    char *text = strdup(pem_text(&pem_both));
    char *end = strrchr(text, '\n');
    *end = '\0';
    *strrchr(text, '\n') = '\0'; /* the last END line */
    char expected[80];
    size_t line = 1;
    for (const char *at = text; at < strstr(text + 1, "-----BEGIN"); at++) {
        line += *at == '\n';
    }
    (void)snprintf(expected, sizeof(expected), "block 2 (CERTIFICATE, line %zu)", line);
    expect_error("second block", text, strlen(text), "not_a_certificate", expected);
    free(text);
}

static void what_else_it_is_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t len;
        const char *code, *text;
    } rows[] = {
        {"", 0, "empty_file", "empty"},
        {" \r\n\t", 4, "empty_file", "empty"},
        {"\xfe\xed\xfe\xed\0\0\0\2", 8, "no_certificate", "JKS"},
        {"\xce\xce\xce\xce\0\0\0\2", 8, "no_certificate", "JCEKS"},
        {"7H\6\2\0\0\0\0X509KEY\0\0\0", 18, "no_certificate", ".kdb"},
        {"\0\0\0\0CERT", 8, "no_certificate", ".sst"},
        {"SQLite format 3\0", 16, "no_certificate", "SQLite"},
        {"PK\3\4", 4, "no_certificate", "ZIP"},
        {"<!DOCTYPE html><p>", 18, "no_certificate", "HTML"},
        {"\n  <HTML>", 9, "no_certificate", "HTML"},
        {"ssh-ed25519 AAAAC3Nz jo@host", 28, "no_certificate", "OpenSSH"},
        {"hello world", 11, "no_certificate", "text without"},
        {"\1\2\3\4\5", 5, "no_certificate", "binary"},
        {"\xff\xfe-\0-\0-\0-\0-\0B\0E\0G\0I\0N\0", 22, "no_certificate", "UTF-16"},
        {"\xfe\xff\0-\0-\0-\0-\0-\0B\0E\0G", 18, "no_certificate", "UTF-16"},
        {"-\0-\0-\0-\0-\0B\0E\0G\0I\0N\0", 20, "no_certificate", "UTF-16"},
        {"\x60\x60\x60\x60\x60\xc2\xc5\xc7\xc9\xd5\x40\xc3", 12, "no_certificate", "EBCDIC"},
        {"----BEGIN CERTIFICATE----\nMII\n", 30, "no_certificate", "dashes"},
        {"\xe2\x80\x94\xe2\x80\x93"
         "BEGIN CERTIFICATE\xe2\x80\x94",
         26, "no_certificate", "dashes"},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 59, "no_certificate",
         "a private key"},
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----\n-----END ENCRYPTED PRIVATE KEY-----\n", 74,
         "no_certificate", "encrypted"},
        {"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", 53, "no_certificate",
         "revocation list"},
        {"-----BEGIN PGP MESSAGE-----\n-----END PGP MESSAGE-----\n", 54, "no_certificate",
         "OpenPGP"},
        {"-----BEGIN -----\n", 17, "no_certificate", "text without"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        expect_error(rows[i].text, rows[i].data, rows[i].len, rows[i].code, rows[i].text);
    }
}

/* DER of other kinds, and the same under a label that lies. */
static void expect_other(struct sg_bytes der, const char *text)
{
    SG_BUFFER pem;
    sg_buffer_init(&pem, ROOM);
    expect_error(text, der.data, der.len, "no_certificate", text);
    put_block(&pem, "CERTIFICATE", der);
    expect_error(text, pem.data, pem.len, "no_certificate", text);
}

static void der_of_other_kinds_is_recognised(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    unsigned char *der = NULL;
    int len = i2d_PrivateKey(key->pkey, &der);
    expect_other((struct sg_bytes){der, (size_t)len}, "a private key");
    OPENSSL_free(SG_STEAL(der));
    len = i2d_PrivateKey(other->pkey, &der);
    expect_other((struct sg_bytes){der, (size_t)len}, "a private key");
    OPENSSL_free(SG_STEAL(der));
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    expect_other((struct sg_bytes){der, (size_t)len}, "a private key");
    OPENSSL_free(SG_STEAL(der));
    X509_SIG *sealed = PKCS8_encrypt(-1, EVP_aes_256_cbc(), "secret", 6, NULL, 0, 1, info);
    len = i2d_X509_SIG(sealed, &der);
    expect_other((struct sg_bytes){der, (size_t)len}, "encrypted");
    OPENSSL_free(SG_STEAL(der));
    expect_other(test_key_spki(key), "public key");
    PKCS12 *store = PKCS12_create("secret", "x", key->pkey, NULL, NULL, 0, 0, 1, 1, 0);
    len = i2d_PKCS12(store, &der);
    expect_other((struct sg_bytes){der, (size_t)len}, "PKCS#12");
    OPENSSL_free(SG_STEAL(der));
    SG_BUFFER csr;
    sg_buffer_init(&csr, ROOM);
    const struct sg_x509_request request = {.subject = "CN=x"};
    assert_int_equal(sg_x509_build_csr(&request, &key->signer, &csr, &err), SG_OK);
    expect_other((struct sg_bytes){csr.data, csr.len}, "request");
    PKCS12_free(store);
    X509_SIG_free(sealed);
    PKCS8_PRIV_KEY_INFO_free(info);
}

static void bare_base64_gets_its_cure(void **state)
{
    (void)state;
    struct seen seen;
    struct sg_error err = SG_ERROR_INIT;
    char *text = replaced(pem_text(&pem_first), "-----BEGIN CERTIFICATE-----\n", "");
    char *bare = replaced(text, "-----END CERTIFICATE-----\n", "");
    expect_error("bare", bare, strlen(bare), "no_certificate", "base64 without BEGIN");
    assert_int_equal(read_all(bare, strlen(bare), &seen, &err), SG_E_INPUT);
    assert_non_null(strstr(err.hint, "base64 -d"));
    free(text);
    free(bare);
}

static sg_status stop(void *context, struct sg_bytes der, struct sg_error *err)
{
    (void)der;
    ++*(size_t *)context;
    return sg_fail(err, SG_E_CONFLICT, "enough", "enough");
}

static void a_sink_may_stop(void **state)
{
    (void)state;
    size_t calls = 0;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_bytes data = {pem_both.data, pem_both.len};
    assert_int_equal(sg_keystore_read_certificates("x", data, stop, &calls, &err), SG_E_CONFLICT);
    assert_int_equal(calls, 1);
    assert_string_equal(err.text, "enough");
}

static void there_is_a_maximum(void **state)
{
    (void)state;
    struct seen seen;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER many;
    sg_buffer_init(&many, (size_t)16 * ROOM);
    SG_BUFFER one;
    sg_buffer_init(&one, ROOM);
    put_block(&one, "CERTIFICATE", der_of(second));
    for (size_t i = 0; i < SG_BUNDLE_MAX; i++) {
        assert_int_equal(sg_buffer_append(&many, one.data, one.len, &err), SG_OK);
    }
    assert_int_equal(read_all(many.data, many.len, &seen, &err), SG_OK);
    assert_int_equal(seen.second, SG_BUNDLE_MAX);
    assert_int_equal(sg_buffer_append(&many, one.data, one.len, &err), SG_OK);
    assert_int_equal(read_all(many.data, many.len, &seen, &err), SG_E_INPUT);
    assert_string_equal(err.code, "too_many_certificates");
    unsigned char *huge = calloc(1, SG_INPUT_FILE_MAX + 1u);
    assert_int_equal(read_all(huge, SG_INPUT_FILE_MAX + 1u, &seen, &err), SG_E_LIMIT);
    assert_int_equal(seen.count, 0);
    free(huge);
}

static void file_names_are_data(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct seen seen = {.count = 0};
    assert_int_equal(sg_keystore_read_certificates("%s%n\n\x1b[1m", (struct sg_bytes){NULL, 0}, see,
                                                   &seen, &err),
                     SG_E_INPUT);
    assert_non_null(strstr(err.text, "%s%n??[1m"));
}

/* ---- requests ---- */

static void requests_are_read(void **state)
{
    (void)state;
    static const char *const labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"};
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER csr;
    sg_buffer_init(&csr, ROOM);
    const struct sg_x509_request request = {.subject = "CN=x"};
    assert_int_equal(sg_x509_build_csr(&request, &key->signer, &csr, &err), SG_OK);
    struct sg_bytes der = {csr.data, csr.len};
    SG_BUFFER out;
    sg_buffer_init(&out, ROOM);
    assert_int_equal(sg_keystore_read_csr("x", der, &out, &err), SG_OK);
    assert_int_equal(out.len, der.len);
    for (size_t i = 0; i < SG_COUNT(labels); i++) {
        SG_BUFFER text;
        sg_buffer_init(&text, ROOM);
        sg_buffer_done(&out);
        put_block(&text, labels[i], der);
        assert_int_equal(
            sg_keystore_read_csr("x", (struct sg_bytes){text.data, text.len}, &out, &err), SG_OK);
        assert_int_equal(out.len, der.len);
        assert_memory_equal(out.data, der.data, der.len);
        put_block(&text, labels[i], der);
        assert_int_equal(
            sg_keystore_read_csr("x", (struct sg_bytes){text.data, text.len}, &out, &err),
            SG_E_INPUT);
        assert_string_equal(err.code, "too_many_requests");
        assert_int_equal(out.len, der.len);
    }
}

static void what_is_no_request_is_refused(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER out;
    sg_buffer_init(&out, ROOM);
    const struct {
        struct sg_bytes data;
        const char *code, *text;
    } rows[] = {
        {{(const unsigned char *)"", 0}, "empty_file", "empty"},
        {{pem_both.data, pem_both.len}, "no_request", "a certificate"},
        {der_of(first), "no_request", "a certificate"},
        {{(const unsigned char *)"hello", 5}, "no_request", "text"},
        {{(const unsigned char *)"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", 41},
         "no_request",
         "END line is missing"},
        {{(const unsigned char *)"-----BEGIN CERTIFICATE REQUEST-----\nA*\n-----END CERTIFICATE "
                                 "REQUEST-----",
          72},
         "no_request",
         "line 2"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        assert_int_equal(sg_keystore_read_csr("x.csr", rows[i].data, &out, &err), SG_E_INPUT);
        assert_string_equal(err.code, rows[i].code);
        assert_non_null(strstr(err.text, rows[i].text));
        assert_non_null(strstr(err.text, "x.csr"));
        assert_int_equal(out.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pem_is_read_in_all_its_disguises),
        cmocka_unit_test(the_edges_of_a_file_do_not_matter),
        cmocka_unit_test(der_is_read),
        cmocka_unit_test(pkcs7_is_read_under_every_label),
        cmocka_unit_test(trust_settings_of_openssl_are_cut_off),
        cmocka_unit_test(keys_beside_certificates_are_passed_over),
        cmocka_unit_test(damaged_blocks_are_named),
        cmocka_unit_test(a_damaged_second_block_spoils_the_file),
        cmocka_unit_test(what_else_it_is_is_said),
        cmocka_unit_test(der_of_other_kinds_is_recognised),
        cmocka_unit_test(bare_base64_gets_its_cure),
        cmocka_unit_test(a_sink_may_stop),
        cmocka_unit_test(there_is_a_maximum),
        cmocka_unit_test(file_names_are_data),
        cmocka_unit_test(requests_are_read),
        cmocka_unit_test(what_is_no_request_is_refused),
    };
    return cmocka_run_group_tests(tests, make_certificates, drop_certificates);
}
