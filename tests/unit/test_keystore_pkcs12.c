/* PKCS#12 keystores with a private key, as others write them and as we do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pkcs12.h>
#include <openssl/provider.h>

#include <signet/keystore/pkcs12.h>

#include "cmocka_all.h"
#include "x509_fixture.h"

#define ROOM (4u << 20)
#define NONE (-1) /* not encrypted */

static struct test_key *key, *ca_key;
static struct sg_certificate *root, *leaf;
static OSSL_LIB_CTX *library; /* with the old algorithms */
static OSSL_PROVIDER *usual_provider, *old_provider;

static int set_up(void **state)
{
    (void)state;
    key = test_key_new("ec:P-256");
    ca_key = test_key_new("ec:P-256");
    root = test_certificate(
        &(struct test_recipe){.subject = "CN=Root", .key = ca_key, .ca = true, .usage = 0x20});
    leaf = test_certificate(&(struct test_recipe){
        .subject = "CN=web", .key = key, .issuer = root, .issuer_key = ca_key});
    library = OSSL_LIB_CTX_new();
    usual_provider = OSSL_PROVIDER_load(library, "default");
    old_provider = OSSL_PROVIDER_load(library, "legacy");
    assert_non_null(usual_provider);
    assert_non_null(old_provider);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sg_certificate_free(leaf);
    sg_certificate_free(root);
    test_key_free(key);
    test_key_free(ca_key);
    OSSL_PROVIDER_unload(old_provider);
    OSSL_PROVIDER_unload(usual_provider);
    OSSL_LIB_CTX_free(library);
    return 0;
}

static X509 *x509_of(const struct sg_certificate *certificate)
{
    struct sg_bytes der = sg_certificate_facts(certificate)->der;
    const unsigned char *at = der.data;
    X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
    assert_non_null(x509);
    return x509;
}

static void encode(PKCS12 *store, struct sg_buffer *out)
{
    unsigned char *der = NULL;
    struct sg_error err = SG_ERROR_INIT;
    int len = i2d_PKCS12(store, &der);
    assert_true(len > 0);
    sg_buffer_init(out, ROOM);
    assert_int_equal(sg_buffer_append(out, der, (size_t)len, &err), SG_OK);
    OPENSSL_free(der);
    PKCS12_free(store);
}

/* A keystore as another program writes it. mac 0: none. */
struct recipe {
    const char *password;
    EVP_PKEY *key; /* NULL: none */
    const struct sg_certificate *certificate;
    int key_pbe, certificate_pbe, iterations, mac_iterations;
};

static void foreign(const struct recipe *recipe, struct sg_buffer *out)
{
    X509 *own = recipe->certificate != NULL ? x509_of(recipe->certificate) : NULL;
    STACK_OF(X509) *others = sk_X509_new_null();
    sk_X509_push(others, x509_of(root));
    PKCS12 *store = PKCS12_create_ex(recipe->password, "web", recipe->key, own,
                                     recipe->certificate != NULL ? others : NULL, recipe->key_pbe,
                                     recipe->certificate_pbe, recipe->iterations,
                                     recipe->mac_iterations, 0, library, NULL);
    sk_X509_pop_free(others, X509_free);
    X509_free(own);
    assert_non_null(store);
    encode(store, out);
}

static struct recipe usual(const char *password)
{
    return (struct recipe){.password = password,
                           .key = key->pkey,
                           .certificate = leaf,
                           .key_pbe = NID_aes_256_cbc,
                           .certificate_pbe = NID_aes_256_cbc,
                           .iterations = 2048,
                           .mac_iterations = 2048};
}

struct found {
    size_t count;
    unsigned char first[32];
};

static sg_status count_one(void *context, struct sg_bytes der, struct sg_error *err)
{
    struct found *found = context;
    SG_CERTIFICATE *certificate = NULL;
    assert_int_equal(sg_certificate_parse(der, &certificate, err), SG_OK);
    if (found->count++ == 0) {
        memcpy(found->first, sg_certificate_facts(certificate)->sha256, 32);
    }
    return SG_OK;
}

static sg_status read_as(const struct sg_buffer *file, const char *password, struct found *found,
                         struct sg_pkcs12_key *out, struct sg_error *err)
{
    SG_SECRET struct sg_secret *secret = NULL;
    *err = (struct sg_error)SG_ERROR_INIT;
    *found = (struct found){.count = 0};
    if (password != NULL) {
        assert_int_equal(sg_secret_new(&secret, err), SG_OK);
        assert_int_equal(sg_secret_set(secret, password, strlen(password), err), SG_OK);
    }
    return sg_keystore_read_pkcs12("FILE.p12", (struct sg_bytes){file->data, file->len}, secret,
                                   count_one, found, out, err);
}

/* It is our key and our certificates. */
static void opens_with(const struct sg_buffer *file, const char *password)
{
    struct sg_error err = SG_ERROR_INIT;
    struct found found;
    SG_PKCS12_KEY got = {.pkcs8 = {0}};
    if (read_as(file, password, &found, &got, &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(found.count, 2);
    assert_memory_equal(got.spki_sha256, sg_certificate_facts(leaf)->spki_sha256, 32);
    const unsigned char *at = got.pkcs8.data;
    EVP_PKEY *read = d2i_AutoPrivateKey(NULL, &at, (long)got.pkcs8.len);
    assert_non_null(read);
    assert_int_equal(EVP_PKEY_eq(read, key->pkey), 1);
    EVP_PKEY_free(read);
}

/* Nothing is handed out, and the password is not repeated. */
static void refuses(const struct sg_buffer *file, const char *password, const char *code)
{
    struct sg_error err = SG_ERROR_INIT;
    struct found found;
    SG_PKCS12_KEY got = {.pkcs8 = {0}};
    sg_status s = read_as(file, password, &found, &got, &err);
    assert_true(s == SG_E_INPUT || s == SG_E_LIMIT);
    assert_string_equal(err.code, code);
    assert_non_null(strstr(err.text, "FILE.p12"));
    assert_int_equal(found.count, 0);
    assert_int_equal(got.pkcs8.len, 0);
    if (password != NULL && strlen(password) > 3) {
        assert_null(strstr(err.text, password));
        assert_null(strstr(err.hint, password));
    }
}

static void every_common_encryption_is_read(void **state)
{
    (void)state;
    static const struct {
        int key, certificate;
    } pairs[] = {
        {NID_aes_256_cbc, NID_aes_256_cbc},
        {NID_aes_128_cbc, NID_aes_128_cbc},
        {NID_pbe_WithSHA1And3_Key_TripleDES_CBC, NID_pbe_WithSHA1And3_Key_TripleDES_CBC},
        {NID_pbe_WithSHA1And3_Key_TripleDES_CBC, NID_pbe_WithSHA1And40BitRC2_CBC}, /* Java 8 */
        {NID_pbe_WithSHA1And128BitRC2_CBC, NID_pbe_WithSHA1And128BitRC2_CBC},
        {NID_aes_256_cbc, NONE},
        {NONE, NONE},
    };
    for (size_t i = 0; i < SG_COUNT(pairs); i++) {
        SG_BUFFER file;
        struct recipe recipe = usual("geheim pass");
        recipe.key_pbe = pairs[i].key;
        recipe.certificate_pbe = pairs[i].certificate;
        foreign(&recipe, &file);
        opens_with(&file, "geheim pass");
        refuses(&file, "geheim pasS", "wrong_password");
        refuses(&file, NULL, "wrong_password");
        assert_false(sg_keystore_pkcs12_is_open((struct sg_bytes){file.data, file.len}));
    }
}

static void every_kind_of_key_comes_out_as_it_went_in(void **state)
{
    (void)state;
    static const char *const kinds[] = {"rsa:2048", "ec:P-384", "ec:P-521", "ec:secp256k1",
                                        "ed25519"};
    struct test_key *before = key;
    struct sg_certificate *leaf_before = leaf;
    for (size_t i = 0; i < SG_COUNT(kinds); i++) {
        SG_BUFFER file;
        key = test_key_new(kinds[i]);
        leaf = test_certificate(&(struct test_recipe){
            .subject = "CN=web", .key = key, .issuer = root, .issuer_key = ca_key});
        struct recipe recipe = usual("changeit");
        foreign(&recipe, &file);
        opens_with(&file, "changeit");
        sg_certificate_free(leaf);
        test_key_free(key);
    }
    key = before;
    leaf = leaf_before;
}

/* Programs differ in what no password is. */
static void an_empty_password_is_none(void **state)
{
    (void)state;
    static const char *const empties[] = {"", NULL};
    for (size_t i = 0; i < SG_COUNT(empties); i++) {
        SG_BUFFER file;
        struct recipe recipe = usual(empties[i]);
        foreign(&recipe, &file);
        assert_true(sg_keystore_pkcs12_is_open((struct sg_bytes){file.data, file.len}));
        opens_with(&file, NULL);
        refuses(&file, "something", "wrong_password");
    }
}

static void a_pem_block_around_it_is_taken_off(void **state)
{
    (void)state;
    SG_BUFFER file;
    SG_BUFFER text;
    struct sg_error err = SG_ERROR_INIT;
    struct recipe recipe = usual("changeit");
    foreign(&recipe, &file);
    sg_buffer_init(&text, ROOM);
    struct sg_bytes der = {file.data, file.len};
    assert_int_equal(sg_keystore_write_pem_block("PKCS12", der, &text, &err), SG_OK);
    assert_true(sg_keystore_is_pkcs12((struct sg_bytes){text.data, text.len}));
    opens_with(&text, "changeit");
}

static void what_is_no_keystore_of_one_key_is_refused(void **state)
{
    (void)state;
    SG_BUFFER no_mac;
    SG_BUFFER no_key;
    SG_BUFFER other_key;
    SG_BUFFER no_certificate;
    struct recipe recipe = usual("changeit");
    recipe.mac_iterations = -1;
    foreign(&recipe, &no_mac);
    refuses(&no_mac, "changeit", "pkcs12_without_mac");
    recipe = usual("changeit");
    recipe.key = NULL;
    foreign(&recipe, &no_key);
    refuses(&no_key, "changeit", "no_private_key_in_file");
    recipe = usual("changeit");
    recipe.certificate = NULL;
    foreign(&recipe, &no_certificate);
    refuses(&no_certificate, "changeit", "no_certificate");
    /* OpenSSL refuses to write it together: a key, and another's certificates */
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    STACK_OF(PKCS7) *safes = NULL;
    X509 *x509 = x509_of(root);
    assert_non_null(PKCS12_add_cert(&bags, x509));
    assert_non_null(PKCS12_add_key(&bags, key->pkey, 0, 100, NID_aes_256_cbc, "changeit"));
    assert_int_equal(PKCS12_add_safe(&safes, bags, -1, 0, NULL), 1);
    PKCS12 *store = PKCS12_add_safes(safes, 0);
    assert_int_equal(PKCS12_set_mac(store, "changeit", -1, NULL, 0, 100, NULL), 1);
    encode(store, &other_key);
    refuses(&other_key, "changeit", "key_without_certificate");
    sk_PKCS7_pop_free(safes, PKCS7_free);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    X509_free(x509);
}

static void bags_of(STACK_OF(PKCS12_SAFEBAG) * bags, const char *password, struct sg_buffer *out)
{
    STACK_OF(PKCS7) *safes = NULL;
    assert_int_equal(PKCS12_add_safe(&safes, bags, -1, 0, NULL), 1);
    PKCS12 *store = PKCS12_add_safes(safes, 0);
    assert_int_equal(PKCS12_set_mac(store, password, -1, NULL, 0, 100, NULL), 1);
    encode(store, out);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
}

static void two_keys_are_one_too_many(void **state)
{
    (void)state;
    SG_BUFFER file;
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    X509 *x509 = x509_of(leaf);
    assert_non_null(PKCS12_add_cert(&bags, x509));
    assert_non_null(PKCS12_add_key(&bags, key->pkey, 0, 100, NID_aes_256_cbc, "changeit"));
    assert_non_null(PKCS12_add_key(&bags, ca_key->pkey, 0, 100, NID_aes_256_cbc, "changeit"));
    bags_of(bags, "changeit", &file);
    refuses(&file, "changeit", "several_private_keys");
    X509_free(x509);
}

static void a_key_with_a_password_of_its_own_is_said_so(void **state)
{
    (void)state;
    SG_BUFFER file;
    struct sg_error err = SG_ERROR_INIT;
    struct found found;
    SG_PKCS12_KEY got = {.pkcs8 = {0}};
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    X509 *x509 = x509_of(leaf);
    assert_non_null(PKCS12_add_cert(&bags, x509));
    assert_non_null(PKCS12_add_key(&bags, key->pkey, 0, 100, NID_aes_256_cbc, "another"));
    bags_of(bags, "changeit", &file);
    refuses(&file, "changeit", "wrong_password");
    assert_int_equal(read_as(&file, "changeit", &found, &got, &err), SG_E_INPUT);
    assert_non_null(strstr(err.text, "but not the private key in it"));
    X509_free(x509);
}

/* Years of key derivation are not begun: the MAC's. */
static void rounds_of_the_mac_are_looked_at(void **state)
{
    (void)state;
    static const unsigned char rounds[] = {0x02, 0x03, 0x01, 0x22, 0x33};
    SG_BUFFER file;
    struct recipe recipe = usual("changeit");
    recipe.mac_iterations = 0x012233;
    foreign(&recipe, &file);
    unsigned char *at = memmem(file.data, file.len, rounds, sizeof rounds);
    assert_non_null(at);
    at[2] = 0x7f; /* 8,331,827 */
    refuses(&file, "changeit", "pkcs12_iterations");
    at[2] = 0x80; /* less than none */
    refuses(&file, "changeit", "pkcs12_iterations");
}

/* With its MAC made anew the number is seen before it is used. */
static void rounds_of_an_encryption_are_looked_at(void **state)
{
    (void)state;
    static const int ciphers[] = {NID_aes_256_cbc, NID_pbe_WithSHA1And3_Key_TripleDES_CBC};
    for (size_t i = 0; i < SG_COUNT(ciphers); i++) {
        SG_BUFFER file;
        STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
        X509 *x509 = x509_of(leaf);
        assert_non_null(PKCS12_add_cert(&bags, x509));
        PKCS12_SAFEBAG *bag = PKCS12_add_key(&bags, key->pkey, 0, 0x012233, ciphers[i], "changeit");
        assert_non_null(bag);
        const X509_ALGOR *algorithm = NULL;
        X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, NULL);
        const void *value = NULL;
        int type = 0;
        X509_ALGOR_get0(NULL, &type, &value, algorithm);
        const ASN1_STRING *parameters = value;
        static const unsigned char rounds[] = {0x02, 0x03, 0x01, 0x22, 0x33};
        unsigned char *at = memmem(parameters->data, (size_t)parameters->length, rounds, 5);
        assert_non_null(at);
        at[2] = 0x7f; /* 8,331,827 */
        bags_of(bags, "changeit", &file);
        refuses(&file, "changeit", "pkcs12_iterations");
        X509_free(x509);
    }
}

static void an_unknown_encryption_is_no_wrong_password(void **state)
{
    (void)state;
    static const unsigned char aes[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a};
    SG_BUFFER file;
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    X509 *x509 = x509_of(leaf);
    assert_non_null(PKCS12_add_cert(&bags, x509));
    PKCS12_SAFEBAG *bag = PKCS12_add_key(&bags, key->pkey, 0, 100, NID_aes_256_cbc, "changeit");
    const X509_ALGOR *algorithm = NULL;
    const void *value = NULL;
    int type = 0;
    X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, NULL);
    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    const ASN1_STRING *parameters = value;
    unsigned char *at = memmem(parameters->data, (size_t)parameters->length, aes, sizeof aes);
    assert_non_null(at);
    at[8] = 0x7f; /* 2.16.840.1.101.3.4.1.127: no cipher */
    bags_of(bags, "changeit", &file);
    refuses(&file, "changeit", "pkcs12_unsupported");
    X509_free(x509);
}

/* Whatever is cut or turned: refused, or (outside of what the MAC covers) the same as before. */
static void no_damage_goes_unnoticed(void **state)
{
    (void)state;
    SG_BUFFER file;
    struct recipe recipe = usual("changeit");
    recipe.iterations = recipe.mac_iterations = 1;
    foreign(&recipe, &file);
    for (size_t len = 0; len < file.len; len += 7) {
        struct sg_buffer cut = {.data = file.data, .len = len};
        struct sg_error err = SG_ERROR_INIT;
        struct found found;
        SG_PKCS12_KEY got = {.pkcs8 = {0}};
        assert_int_equal(read_as(&cut, "changeit", &found, &got, &err), SG_E_INPUT);
        assert_int_equal(found.count, 0);
    }
    for (size_t i = 0; i < file.len; i += 5) {
        struct sg_error err = SG_ERROR_INIT;
        struct found found;
        SG_PKCS12_KEY got = {.pkcs8 = {0}};
        file.data[i] ^= 0x10;
        sg_status s = read_as(&file, "changeit", &found, &got, &err);
        assert_true(s != SG_OK || found.count == 2);
        assert_true(s == SG_OK || found.count == 0);
        file.data[i] ^= 0x10;
    }
    opens_with(&file, "changeit");
}

static void other_files_are_none(void **state)
{
    (void)state;
    struct sg_bytes der = sg_certificate_facts(leaf)->der;
    assert_false(sg_keystore_is_pkcs12(der));
    assert_false(sg_keystore_is_pkcs12((struct sg_bytes){(const unsigned char *)"text", 4}));
    assert_false(sg_keystore_is_pkcs12((struct sg_bytes){NULL, 0}));
    assert_false(sg_keystore_pkcs12_is_open(der));
}

/* ---- looking ---- */

static unsigned closed; /* private keys that the last one held */

static sg_status look(const struct sg_buffer *file, const char *password, struct found *found,
                      struct sg_error *err)
{
    SG_SECRET struct sg_secret *secret = NULL;
    *err = (struct sg_error)SG_ERROR_INIT;
    *found = (struct found){.count = 0};
    if (password != NULL) {
        assert_int_equal(sg_secret_new(&secret, err), SG_OK);
        assert_int_equal(sg_secret_set(secret, password, strlen(password), err), SG_OK);
    }
    return sg_keystore_read_pkcs12_certificates("FILE.p12",
                                                (struct sg_bytes){file->data, file->len}, secret,
                                                count_one, found, &closed, err);
}

static void shows(const struct sg_buffer *file, const char *password, size_t count)
{
    struct sg_error err = SG_ERROR_INIT;
    struct found found;
    assert_int_equal(look(file, password, &found, &err), SG_OK);
    assert_int_equal(found.count, count);
}

static void shows_nothing(const struct sg_buffer *file, const char *password, const char *code)
{
    struct sg_error err = SG_ERROR_INIT;
    struct found found;
    assert_int_not_equal(look(file, password, &found, &err), SG_OK);
    assert_string_equal(err.code, code);
    assert_int_equal(found.count, 0);
    assert_non_null(strstr(err.text, "FILE.p12"));
}

static void certificates_are_shown_with_and_without_keys(void **state)
{
    (void)state;
    SG_BUFFER both;
    SG_BUFFER alone;
    SG_BUFFER no_mac;
    struct recipe recipe = usual("changeit");
    foreign(&recipe, &both);
    shows(&both, "changeit", 2);
    assert_int_equal(closed, 1);
    recipe.key = NULL;
    foreign(&recipe, &alone);
    shows(&alone, "changeit", 2);
    assert_int_equal(closed, 0);
    recipe.mac_iterations = -1;
    foreign(&recipe, &no_mac);
    shows(&no_mac, "changeit", 2);
}

/* Neither two keys nor one with a password of its own hinder anybody from looking. */
static void keys_stay_closed_when_one_looks(void **state)
{
    (void)state;
    SG_BUFFER file;
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    X509 *x509 = x509_of(leaf);
    assert_non_null(PKCS12_add_cert(&bags, x509));
    assert_non_null(PKCS12_add_key(&bags, key->pkey, 0, 100, NID_aes_256_cbc, "another"));
    assert_non_null(PKCS12_add_key(&bags, ca_key->pkey, 0, 100, NID_aes_256_cbc, "changeit"));
    bags_of(bags, "changeit", &file);
    shows(&file, "changeit", 1);
    assert_int_equal(closed, 2);
    X509_free(x509);
}

static void what_does_not_open_is_not_shown(void **state)
{
    (void)state;
    SG_BUFFER file;
    SG_BUFFER no_mac;
    SG_BUFFER keys_only;
    struct recipe recipe = usual("changeit");
    foreign(&recipe, &file);
    shows_nothing(&file, "Changeit", "wrong_password");
    shows_nothing(&file, NULL, "wrong_password");
    struct sg_buffer cut = {.data = file.data, .len = file.len / 2};
    shows_nothing(&cut, "changeit", "pkcs12_damaged");
    recipe.mac_iterations = -1;
    foreign(&recipe, &no_mac);
    shows_nothing(&no_mac, "Changeit", "wrong_password");
    shows_nothing(&no_mac, NULL, "wrong_password");
    recipe = usual("changeit");
    recipe.certificate = NULL;
    foreign(&recipe, &keys_only);
    shows_nothing(&keys_only, "changeit", "no_certificate");
}

/* ---- writing ---- */

static struct sg_secret *secret_of(const char *text)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_secret *secret = NULL;
    assert_int_equal(sg_secret_new(&secret, &err), SG_OK);
    assert_int_equal(sg_secret_set(secret, text, strlen(text), &err), SG_OK);
    return secret;
}

static sg_status write_with(EVP_PKEY *pkey, size_t count, const char *password,
                            struct sg_buffer *out, struct sg_error *err)
{
    const struct sg_entry entries[] = {{sg_certificate_facts(leaf)->der, "Web Server"},
                                       {sg_certificate_facts(root)->der, "Root"}};
    SG_SECRET struct sg_secret *secret = secret_of(password);
    unsigned char *der = NULL;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    sg_buffer_init(out, ROOM);
    sg_status s = sg_keystore_write_pkcs12_key((struct sg_bytes){der, (size_t)len}, entries, count,
                                               secret, out, err);
    OPENSSL_free(der);
    PKCS8_PRIV_KEY_INFO_free(info);
    return s;
}

static void what_we_write_is_read_by_openssl_and_us(void **state)
{
    (void)state;
    SG_BUFFER file;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(write_with(key->pkey, 2, "changeit", &file, &err), SG_OK);
    opens_with(&file, "changeit");
    const unsigned char *at = file.data;
    PKCS12 *store = d2i_PKCS12(NULL, &at, (long)file.len);
    EVP_PKEY *got = NULL;
    X509 *own = NULL;
    STACK_OF(X509) *others = NULL;
    assert_int_equal(PKCS12_parse(store, "changeit", &got, &own, &others), 1);
    assert_int_equal(EVP_PKEY_eq(got, key->pkey), 1);
    assert_int_equal(sk_X509_num(others), 1);
    int len = 0;
    assert_memory_equal(X509_alias_get0(own, &len), "web server", 10);
    X509_free(own);
    EVP_PKEY_free(got);
    sk_X509_pop_free(others, X509_free);
    PKCS12_free(store);
}

static void the_key_is_nowhere_in_clear(void **state)
{
    (void)state;
    SG_BUFFER file;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(write_with(key->pkey, 1, "changeit", &file, &err), SG_OK);
    BIGNUM *number = NULL;
    unsigned char secret[32];
    assert_int_equal(EVP_PKEY_get_bn_param(key->pkey, "priv", &number), 1);
    assert_int_equal(BN_bn2binpad(number, secret, 32), 32);
    assert_null(memmem(file.data, file.len, secret, 32));
    BN_clear_free(number);
}

static void what_cannot_be_used_is_not_written(void **state)
{
    (void)state;
    static const struct {
        const char *password;
        size_t count;
        bool other;
        const char *code;
    } rows[] = {{"short", 1, false, "password_too_short"},
                {"pass\xc3\xa4word", 1, false, "password_not_ascii"},
                {"changeit", 0, false, "nothing_to_export"},
                {"changeit", 2, true, "wrong_key"}};
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        SG_BUFFER file;
        struct sg_error err = SG_ERROR_INIT;
        EVP_PKEY *pkey = rows[i].other ? ca_key->pkey : key->pkey;
        assert_int_equal(write_with(pkey, rows[i].count, rows[i].password, &file, &err),
                         SG_E_INPUT);
        assert_string_equal(err.code, rows[i].code);
        assert_int_equal(file.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_common_encryption_is_read),
        cmocka_unit_test(every_kind_of_key_comes_out_as_it_went_in),
        cmocka_unit_test(an_empty_password_is_none),
        cmocka_unit_test(a_pem_block_around_it_is_taken_off),
        cmocka_unit_test(what_is_no_keystore_of_one_key_is_refused),
        cmocka_unit_test(two_keys_are_one_too_many),
        cmocka_unit_test(a_key_with_a_password_of_its_own_is_said_so),
        cmocka_unit_test(rounds_of_the_mac_are_looked_at),
        cmocka_unit_test(rounds_of_an_encryption_are_looked_at),
        cmocka_unit_test(an_unknown_encryption_is_no_wrong_password),
        cmocka_unit_test(no_damage_goes_unnoticed),
        cmocka_unit_test(other_files_are_none),
        cmocka_unit_test(certificates_are_shown_with_and_without_keys),
        cmocka_unit_test(keys_stay_closed_when_one_looks),
        cmocka_unit_test(what_does_not_open_is_not_shown),
        cmocka_unit_test(what_we_write_is_read_by_openssl_and_us),
        cmocka_unit_test(the_key_is_nowhere_in_clear),
        cmocka_unit_test(what_cannot_be_used_is_not_written),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
