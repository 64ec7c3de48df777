/* The world outside: CAs that know nothing of Signet, made with OpenSSL alone. */
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "operations_fixture.h"

EVP_PKEY *new_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    return key;
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void set_serial(X509 *certificate)
{
    unsigned char bytes[16];
    assert_int_equal(RAND_bytes(bytes, sizeof bytes), 1);
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    assert_non_null(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)));
    BN_free(number);
}

X509 *outside(const struct recipe *recipe)
{
    X509 *made = X509_new();
    X509 *issuer = recipe->issuer != NULL ? recipe->issuer : made;
    X509_NAME *name = X509_get_subject_name(made);
    assert_int_equal(X509_set_version(made, X509_VERSION_3), 1);
    set_serial(made);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Outside", -1, -1,
                               0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)recipe->name, -1,
                               -1, 0);
    assert_int_equal(X509_set_issuer_name(made, X509_get_subject_name(issuer)), 1);
    int64_t from = recipe->from_s != 0 ? recipe->from_s : NOW - DAY;
    int64_t until = recipe->until_s != 0 ? recipe->until_s : NOW + 90 * DAY;
    ASN1_TIME_set(X509_getm_notBefore(made), (time_t)from);
    ASN1_TIME_set(X509_getm_notAfter(made), (time_t)until);
    assert_int_equal(X509_set_pubkey(made, recipe->key), 1);
    add_extension(made, issuer, NID_basic_constraints,
                  recipe->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (recipe->ca) {
        add_extension(made, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    add_extension(made, issuer, NID_subject_key_identifier, "hash");
    if (recipe->issuer != NULL) {
        add_extension(made, issuer, NID_authority_key_identifier, "keyid");
    }
    if (recipe->sans != NULL) {
        add_extension(made, issuer, NID_subject_alt_name, recipe->sans);
    }
    EVP_PKEY *signer = recipe->signer != NULL ? recipe->signer : recipe->key;
    assert_true(X509_sign(made, signer, EVP_sha256()) > 0);
    return made;
}

static void add_raw(X509 *certificate, const char *oid, bool critical, const char *der, int len)
{
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    assert_non_null(value);
    assert_non_null(object);
    assert_int_equal(ASN1_OCTET_STRING_set(value, (const unsigned char *)der, len), 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, critical ? 1 : 0, value);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(value);
}

static void spoil(X509 *made, enum malformed how)
{
    X509_NAME *empty = X509_NAME_new();
    switch (how) {
    case EMPTY_ISSUER:
        X509_set_issuer_name(made, empty);
        X509_set_subject_name(made, empty);
        break;
    case EMPTY_SUBJECT:
        X509_set_subject_name(made, empty);
        break;
    case EXTENSION_TWICE:
        add_raw(made, "1.2.3.4", false, "\x05\x00", 2);
        add_raw(made, "1.2.3.4", false, "\x05\x00", 2);
        break;
    case SHORT_ADDRESS:
        add_raw(made, "2.5.29.17", true, "\x30\x05\x87\x03\x01\x02\x03", 7);
        break;
    case NO_NAME:
        add_raw(made, "2.5.29.17", true, "\x30\x00", 2);
        break;
    case NO_USAGE:
        X509_EXTENSION_free(X509_delete_ext(made, X509_get_ext_by_NID(made, NID_key_usage, -1)));
        add_raw(made, "2.5.29.15", true, "\x03\x01\x00", 3);
        break;
    case NO_PURPOSES:
        add_raw(made, "2.5.29.37", true, "\x05\x00", 2);
        break;
    case MALFORMED_COUNT:
        break;
    }
    X509_NAME_free(empty);
}

X509 *malformed(enum malformed how, const struct recipe *recipe)
{
    X509 *made = outside(recipe);
    spoil(made, how);
    EVP_PKEY *signer = recipe->signer != NULL ? recipe->signer : recipe->key;
    assert_true(X509_sign(made, signer, EVP_sha256()) > 0);
    return made;
}

X509 *malformed_ca(enum malformed how, const char *name)
{
    EVP_PKEY *key = new_key();
    X509 *made = malformed(how, &(struct recipe){.name = name, .key = key, .ca = true});
    EVP_PKEY_free(key);
    return made;
}

void outside_ca_make(struct outside_ca *ca)
{
    ca->root_key = new_key();
    ca->int_key = new_key();
    ca->root = outside(&(struct recipe){
        .name = "Outside Root", .key = ca->root_key, .ca = true, .until_s = NOW + 3650 * DAY});
    ca->intermediate = outside(&(struct recipe){.name = "Outside Intermediate",
                                                .key = ca->int_key,
                                                .issuer = ca->root,
                                                .signer = ca->root_key,
                                                .ca = true,
                                                .until_s = NOW + 1800 * DAY});
}

void outside_ca_done(struct outside_ca *ca)
{
    X509_free(ca->root);
    X509_free(ca->intermediate);
    EVP_PKEY_free(ca->root_key);
    EVP_PKEY_free(ca->int_key);
}

EVP_PKEY *key_of(struct world *world, const char *owner, const char *label)
{
    SG_CERTIFICATE_ROW row = row_of(world, owner, label);
    const unsigned char *at = row.der;
    X509 *certificate = d2i_X509(NULL, &at, (long)row.der_len);
    assert_non_null(certificate);
    EVP_PKEY *key = X509_get_pubkey(certificate);
    X509_free(certificate);
    assert_non_null(key);
    return key;
}

X509 *certify(struct world *world, const struct outside_ca *ca, const char *owner,
              const char *label)
{
    EVP_PKEY *key = key_of(world, owner, label);
    X509 *made = outside(&(struct recipe){.name = "web.example.com",
                                          .key = key,
                                          .issuer = ca->intermediate,
                                          .signer = ca->int_key,
                                          .sans = "DNS:web.example.com"});
    EVP_PKEY_free(key);
    return made;
}

json_t *der_json(const unsigned char *der, int len)
{
    unsigned char *text = malloc(((size_t)len + 2) / 3 * 4 + 1);
    assert_non_null(text);
    EVP_EncodeBlock(text, der, len);
    json_t *value = json_string((const char *)text);
    free(text);
    return value;
}

json_t *certificate_json(X509 *certificate)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    assert_true(len > 0);
    json_t *value = der_json(der, len);
    OPENSSL_free(der);
    return value;
}

json_t *bundle_json(const char *target, ...)
{
    json_t *list = json_array();
    va_list args;
    va_start(args, target);
    for (X509 *next = va_arg(args, X509 *); next != NULL; next = va_arg(args, X509 *)) {
        json_array_append_new(list, certificate_json(next));
    }
    va_end(args);
    return json_pack("{s:s, s:o}", "target", target, "certificates", list);
}

static int decode(const struct world *world, const char *key, unsigned char *out, size_t room)
{
    const char *text = answered(world, key);
    size_t len = strlen(text);
    assert_true(len > 0 && len / 4 * 3 <= room);
    int got = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
    assert_true(got > 0);
    return got; /* up to two bytes of padding more than the DER, which knows its length */
}

X509 *answered_certificate(const struct world *world)
{
    unsigned char der[65536];
    const unsigned char *at = der;
    X509 *certificate = d2i_X509(NULL, &at, decode(world, "der", der, sizeof der));
    assert_non_null(certificate);
    return certificate;
}

X509_REQ *answered_request(const struct world *world)
{
    unsigned char der[65536];
    const unsigned char *at = der;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, decode(world, "csr", der, sizeof der));
    assert_non_null(request);
    return request;
}
