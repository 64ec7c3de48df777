/* Writing certificates: what the bytes are. Whether the consumers like them is tests/consumers'
 * question. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>
#include <openssl/sha.h>

#include <signet/keystore/read.h>
#include <signet/keystore/write.h>

#include "cmocka_all.h"
#include "x509_fixture.h"

#define ROOM (4u << 20)

static struct test_key *key;
static struct sg_certificate *made;
static struct sg_secret *password;

static int make_certificate(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    key = test_key_new("ec:P-256");
    made = test_certificate(&(struct test_recipe){.subject = "CN=Root", .key = key, .ca = true});
    assert_int_equal(sg_secret_new(&password, &err), SG_OK);
    assert_int_equal(sg_secret_set(password, "changeit", 8, &err), SG_OK);
    return 0;
}

static int drop_certificate(void **state)
{
    (void)state;
    sg_certificate_free(made);
    test_key_free(key);
    sg_secret_free(password);
    return 0;
}

static struct sg_entry entry(const char *name)
{
    return (struct sg_entry){sg_certificate_facts(made)->der, name};
}

static sg_status write_pkcs12(const struct sg_entry *entries, size_t count,
                              struct sg_secret *secret, struct sg_buffer *out, struct sg_error *err)
{
    return sg_keystore_write_pkcs12_trust(entries, count, secret, out, err);
}

static sg_status write_jks(const struct sg_entry *entries, size_t count, struct sg_secret *secret,
                           struct sg_buffer *out, struct sg_error *err)
{
    return sg_keystore_write_jks_trust(entries, count, secret, TEST_NOW * 1000, out, err);
}

static sg_status (*const trust_writers[])(const struct sg_entry *, size_t, struct sg_secret *,
                                          struct sg_buffer *,
                                          struct sg_error *) = {write_pkcs12, write_jks};

static void pem_is_bare_and_64_columns_wide(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER out;
    sg_buffer_init(&out, ROOM);
    const struct sg_entry entries[] = {entry("a"), entry("b")};
    assert_int_equal(sg_keystore_write_pem(entries, 2, &out, &err), SG_OK);
    struct sg_bytes der = sg_certificate_facts(made)->der;
    BIO *bio = BIO_new(BIO_s_mem());
    const unsigned char *at = der.data;
    X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
    assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
    assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    assert_int_equal(out.len, len); /* byte for byte what OpenSSL writes */
    assert_memory_equal(out.data, text, out.len);
    X509_free(x509);
    BIO_free(bio);
}

static void base64_of_every_length_reads_back(void **state)
{
    (void)state;
    unsigned char data[200];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (unsigned char)(i * 7);
    }
    for (size_t len = 1; len <= sizeof(data); len++) {
        struct sg_error err = SG_ERROR_INIT;
        SG_BUFFER out;
        sg_buffer_init(&out, ROOM);
        assert_int_equal(sg_keystore_write_pem_block("X", (struct sg_bytes){data, len}, &out, &err),
                         SG_OK);
        BIO *bio = BIO_new_mem_buf(out.data, (int)out.len);
        char *name = NULL;
        char *header = NULL;
        unsigned char *back = NULL;
        long back_len = 0;
        assert_int_equal(PEM_read_bio(bio, &name, &header, &back, &back_len), 1);
        assert_int_equal(back_len, len);
        assert_memory_equal(back, data, len);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(back);
        BIO_free(bio);
    }
}

static void pkcs7_keeps_the_order(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER out;
    sg_buffer_init(&out, ROOM);
    SG_CERTIFICATE *other = test_certificate(&(struct test_recipe){.subject = "CN=A", .key = key});
    const struct sg_entry entries[] = {entry("root"), {sg_certificate_facts(other)->der, "a"}};
    assert_int_equal(sg_keystore_write_pkcs7(entries, 2, &out, &err), SG_OK);
    const unsigned char *at = out.data;
    PKCS7 *package = d2i_PKCS7(NULL, &at, (long)out.len);
    assert_non_null(package);
    assert_ptr_equal(at, out.data + out.len);
    STACK_OF(X509) *list = package->d.sign->cert;
    assert_int_equal(sk_X509_num(list), 2);
    char *name = X509_NAME_oneline(X509_get_subject_name(sk_X509_value(list, 0)), NULL, 0);
    assert_string_equal(name, "/CN=Root");
    OPENSSL_free(name);
    assert_int_equal(sk_PKCS7_SIGNER_INFO_num(package->d.sign->signer_info), 0);
    PKCS7_free(package);
}

/* What a PKCS#12 truststore holds. */
struct pkcs12_view {
    char names[20000];
    size_t bags, trusted, safes;
};

static void check_mac(PKCS12 *p12)
{
    const ASN1_INTEGER *iterations = NULL;
    const X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *hash = NULL;
    assert_int_equal(PKCS12_verify_mac(p12, "changeit", -1), 1);
    assert_int_equal(PKCS12_verify_mac(p12, "changeme", -1), 0);
    PKCS12_get0_mac(NULL, &algorithm, NULL, &iterations, p12);
    X509_ALGOR_get0(&hash, NULL, NULL, algorithm);
    assert_int_equal(OBJ_obj2nid(hash), NID_sha256);
    assert_int_equal(ASN1_INTEGER_get(iterations), 10000);
}

static void view_bag(PKCS12_SAFEBAG *bag, struct pkcs12_view *view)
{
    int nid = OBJ_txt2nid("2.16.840.1.113894.746875.1.1");
    nid = nid != NID_undef ? nid : OBJ_create("2.16.840.1.113894.746875.1.1", "trustTest", NULL);
    assert_int_equal(PKCS12_SAFEBAG_get_nid(bag), NID_certBag);
    char *name = PKCS12_get_friendlyname(bag);
    size_t used = strlen(view->names);
    (void)snprintf(view->names + used, sizeof(view->names) - used, "%s|", name);
    const ASN1_TYPE *trust = PKCS12_SAFEBAG_get0_attr(bag, nid);
    view->trusted += trust != NULL && trust->type == V_ASN1_OBJECT &&
                     OBJ_obj2nid(trust->value.object) == NID_anyExtendedKeyUsage;
    view->bags++;
    OPENSSL_free(name);
}

static void view_pkcs12(const struct sg_buffer *store, struct pkcs12_view *view)
{
    const unsigned char *at = store->data;
    PKCS12 *p12 = d2i_PKCS12(NULL, &at, (long)store->len);
    *view = (struct pkcs12_view){.bags = 0};
    assert_non_null(p12);
    check_mac(p12);
    STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);
    for (int i = 0; i < sk_PKCS7_num(safes); i++) {
        assert_true(PKCS7_type_is_data(sk_PKCS7_value(safes, i))); /* not encrypted */
        STACK_OF(PKCS12_SAFEBAG) *bags = PKCS12_unpack_p7data(sk_PKCS7_value(safes, i));
        assert_true(sk_PKCS12_SAFEBAG_num(bags) <= 32);
        for (int j = 0; j < sk_PKCS12_SAFEBAG_num(bags); j++) {
            view_bag(sk_PKCS12_SAFEBAG_value(bags, j), view);
        }
        sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
        view->safes++;
    }
    sk_PKCS7_pop_free(safes, PKCS7_free);
    PKCS12_free(p12);
}

static void pkcs12_has_the_shape_that_everybody_reads(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    static struct pkcs12_view view;
    SG_BUFFER out;
    sg_buffer_init(&out, ROOM);
    const struct sg_entry entries[] = {entry("Root CA"), entry("ROOT ca"), entry("root ca-2"),
                                       entry("Été"),     entry("éTÉ"),     entry(""),
                                       entry("root CA"), entry("𝔘ni")};
    assert_int_equal(write_pkcs12(entries, SG_COUNT(entries), password, &out, &err), SG_OK);
    view_pkcs12(&out, &view);
    assert_int_equal(view.bags, SG_COUNT(entries));
    assert_int_equal(view.trusted, SG_COUNT(entries));
    assert_int_equal(view.safes, 1);
    assert_string_equal(view.names,
                        "root ca|root ca-2|root ca-2-2|été|été-2|certificate|root ca-3|𝔘ni|");
    static const unsigned char attribute[] = {0x30, 0x16, 0x06, 0x0c, 0x60, 0x86, 0x48, 0x01,
                                              0x86, 0xf9, 0x66, 0xad, 0xca, 0x7b, 0x01, 0x01,
                                              0x31, 0x06, 0x06, 0x04, 0x55, 0x1d, 0x25, 0x00};
    assert_non_null(memmem(out.data, out.len, attribute, sizeof(attribute)));
}

/* Byte for byte, by hand. */
static void jks_is_what_the_format_says(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER out;
    sg_buffer_init(&out, ROOM);
    const struct sg_entry entries[] = {entry("É𝔘X")};
    assert_int_equal(
        sg_keystore_write_jks_trust(entries, 1, password, INT64_C(0x0102030405060708), &out, &err),
        SG_OK);
    static const unsigned char head[] = {
        0xfe, 0xed, 0xfe, 0xed, 0,    0,    0,    2,    0,    0,    0,    1,   0,   0,   0,
        2,    0,    9,    0xc3, 0xa9, 0xed, 0xa0, 0xb5, 0xed, 0xb4, 0x98, 'x', /* é, a surrogate
                                                                                  pair, x */
        1,    2,    3,    4,    5,    6,    7,    8,    0,    5,    'X',  '.', '5', '0', '9'};
    struct sg_bytes der = sg_certificate_facts(made)->der;
    assert_int_equal(out.len, sizeof(head) + 4 + der.len + 20);
    assert_memory_equal(out.data, head, sizeof(head));
    assert_int_equal(out.data[sizeof(head) + 2] << 8 | out.data[sizeof(head) + 3], der.len);
    assert_memory_equal(out.data + sizeof(head) + 4, der.data, der.len);
    static const char sealed[] = "\0c\0h\0a\0n\0g\0e\0i\0tMighty Aphrodite";
    unsigned char seal[SHA_DIGEST_LENGTH];
    unsigned char *all = malloc(sizeof(sealed) - 1 + out.len - 20);
    assert_non_null(all);
    memcpy(all, sealed, sizeof(sealed) - 1);
    memcpy(all + sizeof(sealed) - 1, out.data, out.len - 20);
    (void)SHA1(all, sizeof(sealed) - 1 + out.len - 20, seal);
    assert_memory_equal(out.data + out.len - 20, seal, 20);
    free(all);
}

static void nothing_is_no_truststore(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER out;
    sg_buffer_init(&out, ROOM);
    for (size_t i = 0; i < SG_COUNT(trust_writers); i++) {
        assert_int_equal(trust_writers[i](NULL, 0, password, &out, &err), SG_E_INPUT);
        assert_string_equal(err.code, "nothing_to_export");
        assert_true(err.hint[0] != '\0');
    }
    assert_int_equal(sg_keystore_write_pem(NULL, 0, &out, &err), SG_E_INPUT);
    assert_string_equal(err.code, "nothing_to_export");
    assert_int_equal(sg_keystore_write_pkcs7(NULL, 0, &out, &err), SG_E_INPUT);
    assert_string_equal(err.code, "nothing_to_export");
    assert_int_equal(out.len, 0);
}

static void passwords_that_java_does_not_take_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *code;
    } rows[] = {{"", "password_too_short"},
                {"xyzzy", "password_too_short"},
                {"pässword", "password_not_ascii"},
                {"pass\tword", "password_not_ascii"},
                {"password\x7f", "password_not_ascii"}};
    SG_SECRET struct sg_secret *secret = NULL;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER out;
    sg_buffer_init(&out, ROOM);
    const struct sg_entry entries[] = {entry("a")};
    assert_int_equal(sg_secret_new(&secret, &err), SG_OK);
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        assert_int_equal(sg_secret_set(secret, rows[i].text, strlen(rows[i].text), &err), SG_OK);
        for (size_t w = 0; w < SG_COUNT(trust_writers); w++) {
            assert_int_equal(trust_writers[w](entries, 1, secret, &out, &err), SG_E_INPUT);
            assert_string_equal(err.code, rows[i].code);
            /* The rejected password is a secret, too. */
            assert_true(rows[i].text[0] == '\0' || strstr(err.text, rows[i].text) == NULL);
        }
    }
    assert_int_equal(out.len, 0);
    assert_int_equal(sg_secret_set(secret, "sixsix", 6, &err), SG_OK);
    assert_int_equal(write_jks(entries, 1, secret, &out, &err), SG_OK);
}

static void bad_entries_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"\xff", "a\nb", "a\x7f", "a\xc2\x85", "\xed\xa0\x80"};
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER out;
    sg_buffer_init(&out, ROOM);
    char long_name[1100];
    memset(long_name, 'a', sizeof(long_name));
    long_name[1099] = '\0';
    struct sg_bytes der = sg_certificate_facts(made)->der;
    for (size_t w = 0; w < SG_COUNT(trust_writers); w++) {
        for (size_t i = 0; i < SG_COUNT(names); i++) {
            const struct sg_entry entries[] = {entry("a"), entry(names[i])};
            assert_int_equal(trust_writers[w](entries, 2, password, &out, &err), SG_E_INPUT);
            assert_string_equal(err.code, "bad_name");
            assert_non_null(strstr(err.text, "entry 2"));
        }
        const struct sg_entry endless[] = {entry(long_name)};
        assert_int_equal(trust_writers[w](endless, 1, password, &out, &err), SG_E_INPUT);
        const struct sg_entry cut[] = {{{der.data, der.len - 1}, "cut"}};
        assert_int_equal(trust_writers[w](cut, 1, password, &out, &err), SG_E_INPUT);
        assert_string_equal(err.code, "not_a_certificate");
        assert_non_null(strstr(err.text, "\"cut\""));
    }
    const struct sg_entry none[] = {{{NULL, 0}, "none"}};
    assert_int_equal(sg_keystore_write_pkcs7(none, 1, &out, &err), SG_E_INPUT);
    assert_int_equal(out.len, 0);
}

static void a_thousand_equal_names_become_a_thousand(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    static struct sg_entry entries[SG_BUNDLE_MAX + 1];
    static struct pkcs12_view view;
    for (size_t i = 0; i <= SG_BUNDLE_MAX; i++) {
        entries[i] = entry(i % 2 == 0 ? "Same" : "SAME");
    }
    SG_BUFFER out;
    sg_buffer_init(&out, ROOM);
    assert_int_equal(write_pkcs12(entries, SG_BUNDLE_MAX, password, &out, &err), SG_OK);
    view_pkcs12(&out, &view);
    assert_int_equal(view.bags, SG_BUNDLE_MAX);
    assert_int_equal(view.trusted, SG_BUNDLE_MAX);
    assert_int_equal(view.safes, 32);
    assert_memory_equal(view.names, "same|same-2|same-3|", 19);
    assert_non_null(strstr(view.names, "|same-1000|"));
    sg_buffer_done(&out);
    for (size_t w = 0; w < SG_COUNT(trust_writers); w++) {
        assert_int_equal(trust_writers[w](entries, SG_BUNDLE_MAX + 1, password, &out, &err),
                         SG_E_LIMIT);
    }
    assert_int_equal(out.len, 0);
}

static void a_full_buffer_is_an_error(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    const struct sg_entry entries[] = {entry("a")};
    for (size_t w = 0; w < SG_COUNT(trust_writers); w++) {
        SG_BUFFER out;
        sg_buffer_init(&out, 100);
        assert_int_equal(trust_writers[w](entries, 1, password, &out, &err), SG_E_LIMIT);
        assert_int_equal(out.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pem_is_bare_and_64_columns_wide),
        cmocka_unit_test(base64_of_every_length_reads_back),
        cmocka_unit_test(pkcs7_keeps_the_order),
        cmocka_unit_test(pkcs12_has_the_shape_that_everybody_reads),
        cmocka_unit_test(jks_is_what_the_format_says),
        cmocka_unit_test(nothing_is_no_truststore),
        cmocka_unit_test(passwords_that_java_does_not_take_are_refused),
        cmocka_unit_test(bad_entries_are_refused),
        cmocka_unit_test(a_thousand_equal_names_become_a_thousand),
        cmocka_unit_test(a_full_buffer_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_certificate, drop_certificate);
}
