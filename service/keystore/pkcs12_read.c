/* Reading PKCS#12 keystores (RFC 7292): one private key and certificates, or certificates alone.
 * What protects each part is named in clear in front of it and looked at before the password is
 * used, so that an encryption that is not known is not taken for a wrong password, and no file
 * makes us count for hours. */
#include <signet/keystore/pkcs12.h>

#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>

#include "keystore_internal.h"
#include "pkcs12_internal.h"

#define SAFES_DEPTH_MAX 4 /* SafeContents within SafeContents */

SG_DEFINE_CLEANUP(PBEPARAM *, PBEPARAM_free)
SG_DEFINE_CLEANUP(PBE2PARAM *, PBE2PARAM_free)
SG_DEFINE_CLEANUP(PBKDF2PARAM *, PBKDF2PARAM_free)

/* OpenSSL with the algorithms of old files, for this file only. */
struct library {
    OSSL_LIB_CTX *context;
    OSSL_PROVIDER *usual, *old; /* old: NULL where it is not installed */
};

static void library_done(struct library *library)
{
    if (library->old != NULL) {
        OSSL_PROVIDER_unload(library->old);
    }
    if (library->usual != NULL) {
        OSSL_PROVIDER_unload(library->usual);
    }
    OSSL_LIB_CTX_free(library->context);
}

static sg_status library_open(struct library *library, struct sg_error *err)
{
    library->context = OSSL_LIB_CTX_new();
    library->usual =
        library->context != NULL ? OSSL_PROVIDER_load(library->context, "default") : NULL;
    if (library->usual == NULL) {
        return sg_keystore_broken(err, "starting OpenSSL for a PKCS#12 keystore");
    }
    library->old = OSSL_PROVIDER_load(library->context, "legacy");
    ERR_clear_error();
    return SG_OK;
}

/* What was found in the file so far. */
struct reading {
    struct library library;
    PKCS12 *store;
    const char *password;
    int password_len;
    struct sg_buffer certificates;
    size_t ends[SG_BUNDLE_MAX];
    size_t count;
    EVP_PKEY *key;
    unsigned keys;
    bool certificates_only; /* private keys stay closed */
};

static void reading_free(struct reading *reading)
{
    EVP_PKEY_free(reading->key);
    PKCS12_free(reading->store);
    sg_buffer_done(&reading->certificates);
    library_done(&reading->library);
    free(reading);
}
SG_DEFINE_CLEANUP(struct reading *, reading_free)

void sg_pkcs12_key_done(struct sg_pkcs12_key *key)
{
    sg_buffer_done(&key->pkcs8);
}

/* ---- refusals ---- */

static sg_status damaged(struct sg_error *err)
{
    sg_fail(err, SG_E_INPUT, "pkcs12_damaged", "the PKCS#12 keystore is damaged");
    err->ossl = ERR_peek_last_error();
    ERR_clear_error();
    return sg_hint(err, "Get the file again. It is binary: a transfer as text destroys it.");
}

static sg_status unsupported(struct sg_error *err, const char *what)
{
    ERR_clear_error();
    sg_fail(err, SG_E_INPUT, "pkcs12_unsupported",
            "the PKCS#12 keystore uses %s, which is not read", what);
    return sg_hint(err, "Write it anew where it opens: openssl pkcs12 -in FILE -out ALL.pem, then "
                        "openssl pkcs12 -export -in ALL.pem -out NEW.p12.");
}

static sg_status wrong_password(const struct reading *reading, struct sg_error *err)
{
    ERR_clear_error();
    if (reading->password == NULL) {
        return sg_fail(err, SG_E_INPUT, "wrong_password",
                       "the PKCS#12 keystore does not open without a password");
    }
    sg_fail(err, SG_E_INPUT, "wrong_password",
            "the password does not open the PKCS#12 keystore, or the keystore is damaged");
    return sg_hint(err, "Capitals count, and so does a blank at the end.");
}

/* ---- how a part is protected ---- */

static sg_status check_iterations(const ASN1_INTEGER *number, struct sg_error *err)
{
    int64_t iterations = 0;
    if (number != NULL && (ASN1_INTEGER_get_int64(&iterations, number) != 1 || iterations < 1 ||
                           iterations > SG_PKCS12_ITERATIONS_MAX)) {
        ERR_clear_error();
        sg_fail(err, SG_E_LIMIT, "pkcs12_iterations",
                "the PKCS#12 keystore asks for more than %d rounds of key derivation",
                SG_PKCS12_ITERATIONS_MAX);
        return sg_hint(err, "No program writes so many. Ask whoever made the file.");
    }
    return SG_OK;
}

static void *unpack(const X509_ALGOR *algorithm, const ASN1_ITEM *item)
{
    const void *value = NULL;
    int type = V_ASN1_UNDEF;
    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    return type == V_ASN1_SEQUENCE ? ASN1_item_unpack(value, item) : NULL;
}

static sg_status check_pbkdf2(const X509_ALGOR *algorithm, struct sg_error *err)
{
    SG_CLEANUP(PBKDF2PARAM_freep)
    PBKDF2PARAM *derivation = unpack(algorithm, ASN1_ITEM_rptr(PBKDF2PARAM));
    return derivation != NULL ? check_iterations(derivation->iter, err) : damaged(err);
}

static sg_status check_pbes2(struct reading *reading, const X509_ALGOR *algorithm,
                             struct sg_error *err)
{
    char name[80] = "an unknown encryption";
    SG_CLEANUP(PBE2PARAM_freep)
    PBE2PARAM *both = unpack(algorithm, ASN1_ITEM_rptr(PBE2PARAM));
    if (both == NULL) {
        return damaged(err);
    }
    if (OBJ_obj2nid(both->keyfunc->algorithm) != NID_id_pbkdf2) {
        OBJ_obj2txt(name, sizeof name, both->keyfunc->algorithm, 0);
        return unsupported(err, name);
    }
    OBJ_obj2txt(name, sizeof name, both->encryption->algorithm, 0);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(reading->library.context, name, NULL);
    if (cipher == NULL) {
        return unsupported(err, name);
    }
    EVP_CIPHER_free(cipher);
    return check_pbkdf2(both->keyfunc, err);
}

static bool knows_cipher(struct reading *reading, int pbe)
{
    int cipher = NID_undef;
    if (EVP_PBE_find(EVP_PBE_TYPE_OUTER, pbe, &cipher, NULL, NULL) != 1 || cipher == NID_undef) {
        return false;
    }
    EVP_CIPHER *fetched = EVP_CIPHER_fetch(reading->library.context, OBJ_nid2sn(cipher), NULL);
    EVP_CIPHER_free(fetched);
    return fetched != NULL;
}

static sg_status check_encryption(struct reading *reading, const X509_ALGOR *algorithm,
                                  struct sg_error *err)
{
    char name[80] = "an unknown encryption";
    int pbe = OBJ_obj2nid(algorithm->algorithm);
    if (pbe == NID_pbes2) {
        return check_pbes2(reading, algorithm, err);
    }
    if (pbe == NID_undef || !knows_cipher(reading, pbe)) {
        OBJ_obj2txt(name, sizeof name, algorithm->algorithm, 0);
        return unsupported(err, name);
    }
    SG_CLEANUP(PBEPARAM_freep) PBEPARAM *one = unpack(algorithm, ASN1_ITEM_rptr(PBEPARAM));
    return one != NULL ? check_iterations(one->iter, err) : damaged(err);
}

/* ---- what it holds ---- */

static sg_status keep_certificate(struct reading *reading, const PKCS12_SAFEBAG *bag,
                                  struct sg_error *err)
{
    unsigned char *der = NULL;
    if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate) {
        return SG_OK; /* SDSI certificates: nobody has them */
    }
    SG_CLEANUP(X509_freep) X509 *x509 = PKCS12_SAFEBAG_get1_cert(bag);
    int len = x509 != NULL ? i2d_X509(x509, &der) : -1;
    if (len <= 0) {
        return damaged(err);
    }
    sg_status s = reading->count < SG_BUNDLE_MAX
                      ? sg_buffer_append(&reading->certificates, der, (size_t)len, err)
                      : sg_fail(err, SG_E_INPUT, "too_many_certificates",
                                "more than %d certificates", SG_BUNDLE_MAX);
    OPENSSL_free(der);
    if (s == SG_OK) {
        reading->ends[reading->count++] = reading->certificates.len;
    }
    return s;
}

static sg_status keep_key(struct reading *reading, const PKCS8_PRIV_KEY_INFO *info,
                          struct sg_error *err)
{
    if (reading->keys++ > 0) {
        return SG_OK; /* counted: more than one is refused */
    }
    reading->key = EVP_PKCS82PKEY_ex(info, reading->library.context, NULL);
    if (reading->key == NULL) {
        return unsupported(err, "a private key of a kind that is unknown, or damaged,");
    }
    return SG_OK;
}

static sg_status open_key(struct reading *reading, const PKCS12_SAFEBAG *bag, struct sg_error *err)
{
    const X509_ALGOR *algorithm = NULL;
    X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, NULL);
    sg_status s = check_encryption(reading, algorithm, err);
    if (s != SG_OK) {
        return s;
    }
    PKCS8_PRIV_KEY_INFO *info = PKCS12_decrypt_skey_ex(
        bag, reading->password, reading->password_len, reading->library.context, NULL);
    if (info == NULL) {
        ERR_clear_error();
        sg_fail(err, SG_E_INPUT, "wrong_password",
                "the password opens the PKCS#12 keystore, but not the private key in it");
        return sg_hint(err, "The key has a password of its own. Give both the same one: keytool "
                            "-importkeystore … -destkeypass.");
    }
    s = keep_key(reading, info, err);
    PKCS8_PRIV_KEY_INFO_free(info); /* which wipes it */
    return s;
}

static sg_status pass_key(struct reading *reading)
{
    reading->keys++;
    return SG_OK;
}

static sg_status take_bags(struct reading *reading, const STACK_OF(PKCS12_SAFEBAG) * bags,
                           unsigned depth, struct sg_error *err);

static sg_status take_bag(struct reading *reading, const PKCS12_SAFEBAG *bag, unsigned depth,
                          struct sg_error *err)
{
    switch (PKCS12_SAFEBAG_get_nid(bag)) {
    case NID_keyBag:
        return reading->certificates_only ? pass_key(reading)
                                          : keep_key(reading, PKCS12_SAFEBAG_get0_p8inf(bag), err);
    case NID_pkcs8ShroudedKeyBag:
        return reading->certificates_only ? pass_key(reading) : open_key(reading, bag, err);
    case NID_certBag:
        return keep_certificate(reading, bag, err);
    case NID_safeContentsBag:
        return take_bags(reading, PKCS12_SAFEBAG_get0_safes(bag), depth + 1, err);
    default:
        return SG_OK; /* revocation lists, secrets */
    }
}

static sg_status take_bags(struct reading *reading, const STACK_OF(PKCS12_SAFEBAG) * bags,
                           unsigned depth, struct sg_error *err)
{
    sg_status s = depth <= SAFES_DEPTH_MAX ? SG_OK : damaged(err);
    for (int i = 0; s == SG_OK && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
        s = take_bag(reading, sk_PKCS12_SAFEBAG_value(bags, i), depth, err);
    }
    return s;
}

static sg_status open_safe(struct reading *reading, PKCS7 *safe, STACK_OF(PKCS12_SAFEBAG) * *out,
                           struct sg_error *err)
{
    if (PKCS7_type_is_data(safe)) {
        *out = PKCS12_unpack_p7data(safe);
        return *out != NULL ? SG_OK : damaged(err);
    }
    if (!PKCS7_type_is_encrypted(safe)) {
        return unsupported(err, "encryption to a public key");
    }
    sg_status s = check_encryption(reading, safe->d.encrypted->enc_data->algorithm, err);
    if (s == SG_OK) {
        *out = PKCS12_unpack_p7encdata(safe, reading->password, reading->password_len);
    }
    return s != SG_OK || *out != NULL ? s : wrong_password(reading, err);
}

static sg_status take_safe(struct reading *reading, PKCS7 *safe, struct sg_error *err)
{
    SG_CLEANUP(sg_pkcs12_bags_freep) STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    sg_status s = open_safe(reading, safe, &bags, err);
    return s == SG_OK ? take_bags(reading, bags, 0, err) : s;
}

static sg_status take_safes(struct reading *reading, struct sg_error *err)
{
    SG_CLEANUP(sg_pkcs12_safes_freep)
    STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(reading->store);
    sg_status s = safes != NULL ? SG_OK : damaged(err);
    for (int i = 0; s == SG_OK && i < sk_PKCS7_num(safes); i++) {
        s = take_safe(reading, sk_PKCS7_value(safes, i), err);
    }
    return s;
}

/* ---- the whole ---- */

static sg_status parse(struct reading *reading, struct sg_bytes der, struct sg_error *err)
{
    const unsigned char *at = der.data;
    reading->store = PKCS12_init_ex(NID_pkcs7_data, reading->library.context, NULL);
    if (reading->store == NULL || d2i_PKCS12(&reading->store, &at, (long)der.len) == NULL) {
        return damaged(err);
    }
    return SG_OK;
}

static sg_status check_mac_form(struct reading *reading, struct sg_error *err)
{
    const ASN1_INTEGER *iterations = NULL;
    const X509_ALGOR *algorithm = NULL;
    char name[80] = "an unknown MAC";
    if (!PKCS12_mac_present(reading->store)) {
        sg_fail(err, SG_E_INPUT, "pkcs12_without_mac",
                "the PKCS#12 keystore has no MAC: nothing shows that it is as it was written");
        return sg_hint(err, "Have it written with one: openssl pkcs12 -export without -nomac.");
    }
    PKCS12_get0_mac(NULL, &algorithm, NULL, &iterations, reading->store);
    OBJ_obj2txt(name, sizeof name, algorithm->algorithm, 0);
    EVP_MD *digest = EVP_MD_fetch(reading->library.context, name, NULL);
    if (digest == NULL) {
        return unsupported(err, name);
    }
    EVP_MD_free(digest);
    return check_iterations(iterations, err);
}

/* No password and the empty one are two things (RFC 7292, B.1), and programs take either for the
 * other. */
static bool opens(struct reading *reading, const char *password, int len)
{
    reading->password = password;
    reading->password_len = len;
    bool opened = PKCS12_verify_mac(reading->store, password, len) == 1;
    ERR_clear_error();
    return opened;
}

static sg_status check_mac(struct reading *reading, struct sg_secret *password,
                           struct sg_error *err)
{
    sg_status s = check_mac_form(reading, err);
    if (s != SG_OK) {
        return s;
    }
    bool opened = password == NULL
                      ? opens(reading, "", 0) || opens(reading, NULL, 0)
                      : opens(reading, sg_secret_data(password), (int)sg_secret_len(password));
    return opened ? SG_OK : wrong_password(reading, err);
}

static sg_status check_content(const struct reading *reading, struct sg_error *err)
{
    if (reading->keys == 0) {
        sg_fail(err, SG_E_INPUT, "no_private_key_in_file",
                "there is no private key in the PKCS#12 keystore");
        return sg_hint(err, "To add its certificates alone: openssl pkcs12 -in FILE -nokeys -out "
                            "certificates.pem, and add that file.");
    }
    if (reading->keys > 1) {
        sg_fail(err, SG_E_INPUT, "several_private_keys",
                "there are %u private keys in the PKCS#12 keystore", reading->keys);
        return sg_hint(err, "Add them one at a time: keytool -importkeystore … -srcalias ALIAS "
                            "makes a keystore of one.");
    }
    if (reading->count == 0) {
        sg_fail(err, SG_E_INPUT, "no_certificate",
                "there is a private key in the PKCS#12 keystore, and no certificate");
        return sg_hint(err, "Have it written together with its certificate: openssl pkcs12 -export "
                            "-inkey … -in CERTIFICATE.");
    }
    return SG_OK;
}

/* SHA-256 of the SubjectPublicKeyInfo as the certificate writes it, so that a key and its
 * certificate are known by the same digest. */
static sg_status find_certificate(const struct reading *reading, struct sg_pkcs12_key *key,
                                  struct sg_error *err)
{
    size_t start = 0;
    for (size_t i = 0; i < reading->count; i++) {
        SG_CERTIFICATE *certificate = NULL;
        const unsigned char *at = reading->certificates.data + start;
        struct sg_bytes der = {at, reading->ends[i] - start};
        SG_CLEANUP(X509_freep) X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
        bool fits = x509 != NULL && X509_check_private_key(x509, reading->key) == 1;
        ERR_clear_error();
        sg_status s = sg_certificate_parse(der, &certificate, err);
        if (s != SG_OK) {
            return s;
        }
        if (fits) {
            memcpy(key->spki_sha256, sg_certificate_facts(certificate)->spki_sha256,
                   sizeof key->spki_sha256);
            return SG_OK;
        }
        start = reading->ends[i];
    }
    sg_fail(err, SG_E_INPUT, "key_without_certificate",
            "none of the %zu certificates in the PKCS#12 keystore is the private key's",
            reading->count);
    return sg_hint(err, "Whoever made the file took a certificate of another key.");
}

/* Each of them is one that can be shown. */
static sg_status check_certificates(const struct reading *reading, struct sg_error *err)
{
    size_t start = 0;
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < reading->count; i++) {
        SG_CERTIFICATE *certificate = NULL;
        s = sg_certificate_parse(
            (struct sg_bytes){reading->certificates.data + start, reading->ends[i] - start},
            &certificate, err);
        start = reading->ends[i];
    }
    return s;
}

static sg_status write_key(const struct reading *reading, struct sg_pkcs12_key *key,
                           struct sg_error *err)
{
    unsigned char *der = NULL;
    sg_buffer_init(&key->pkcs8, SG_PKCS12_KEY_MAX);
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(reading->key);
    int len = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;
    PKCS8_PRIV_KEY_INFO_free(info);
    if (len <= 0) {
        return sg_keystore_broken(err, "writing a private key");
    }
    sg_status s = sg_buffer_append(&key->pkcs8, der, (size_t)len, err);
    OPENSSL_clear_free(der, (size_t)len);
    return s;
}

static sg_status hand_out(const struct reading *reading, sg_der_sink sink, void *context,
                          struct sg_error *err)
{
    size_t start = 0;
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < reading->count; i++) {
        struct sg_bytes der = {reading->certificates.data + start, reading->ends[i] - start};
        s = sink(context, der, err);
        start = reading->ends[i];
    }
    return s;
}

/* ---- files ---- */

/* A PEM block around one: how mail and RACF's PKCS12B64 carry it. */
static bool unwrap_pem(struct sg_bytes data, struct sg_buffer *out)
{
    struct sg_pem_reader reader;
    struct sg_pem_block block;
    struct sg_error ignored = SG_ERROR_INIT;
    sg_pem_reader_init(&reader, data);
    if (!sg_pem_next(&reader, &block) || block.fault != NULL ||
        sg_pem_decode(&block, out, &ignored) != SG_OK) {
        return false;
    }
    return sg_keystore_identify_der((struct sg_bytes){out->data, out->len}) == SG_CONTENT_PKCS12;
}

/* *out points into data or into room. */
static bool find_der(struct sg_bytes data, struct sg_buffer *room, struct sg_bytes *out)
{
    sg_buffer_init(room, SG_INPUT_FILE_MAX);
    if (data.len == 0 || data.len > SG_INPUT_FILE_MAX) {
        return false;
    }
    if (sg_keystore_is_der(data)) {
        *out = data;
        return sg_keystore_identify_der(data) == SG_CONTENT_PKCS12;
    }
    if (!unwrap_pem(data, room)) {
        return false;
    }
    *out = (struct sg_bytes){room->data, room->len};
    return true;
}

bool sg_keystore_is_pkcs12(struct sg_bytes data)
{
    SG_BUFFER room;
    struct sg_bytes der;
    return find_der(data, &room, &der);
}

static sg_status begin(struct reading *reading, struct sg_bytes data, struct sg_error *err)
{
    SG_BUFFER room;
    struct sg_bytes der;
    sg_buffer_init(&reading->certificates, SG_INPUT_FILE_MAX);
    if (!find_der(data, &room, &der)) {
        return damaged(err);
    }
    sg_status s = library_open(&reading->library, err);
    return s == SG_OK ? parse(reading, der, err) : s;
}

bool sg_keystore_pkcs12_is_open(struct sg_bytes data)
{
    struct sg_error ignored = SG_ERROR_INIT;
    SG_CLEANUP(reading_freep) struct reading *reading = calloc(1, sizeof *reading);
    return reading != NULL && begin(reading, data, &ignored) == SG_OK &&
           (PKCS12_mac_present(reading->store) == 0 || check_mac(reading, NULL, &ignored) == SG_OK);
}

static sg_status name_the_file(const char *name, struct sg_error *err)
{
    sg_error_prefix(err, "%.150s", name);
    return sg_object(err, "%.300s", name);
}

static sg_status read_all(struct reading *reading, struct sg_bytes data, struct sg_secret *password,
                          struct sg_pkcs12_key *key, struct sg_error *err)
{
    sg_status s = begin(reading, data, err);
    s = s == SG_OK ? check_mac(reading, password, err) : s;
    s = s == SG_OK ? take_safes(reading, err) : s;
    s = s == SG_OK ? check_content(reading, err) : s;
    s = s == SG_OK ? find_certificate(reading, key, err) : s;
    return s == SG_OK ? write_key(reading, key, err) : s;
}

sg_status sg_keystore_read_pkcs12(const char *name, struct sg_bytes data,
                                  struct sg_secret *password, sg_der_sink sink, void *context,
                                  struct sg_pkcs12_key *key, struct sg_error *err)
{
    SG_CLEANUP(reading_freep) struct reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL) {
        return sg_fail_memory(err);
    }
    return read_all(reading, data, password, key, err) == SG_OK
               ? hand_out(reading, sink, context, err)
               : name_the_file(name, err);
}

/* ---- looking ---- */

/* Nothing is taken from it that its own signature does not prove: a MAC may be missing. */
static sg_status open_to_look(struct reading *reading, struct sg_secret *password,
                              struct sg_error *err)
{
    if (PKCS12_mac_present(reading->store) != 0) {
        return check_mac(reading, password, err);
    }
    reading->password = password != NULL ? sg_secret_data(password) : NULL;
    reading->password_len = password != NULL ? (int)sg_secret_len(password) : 0;
    return SG_OK;
}

static sg_status check_any(const struct reading *reading, struct sg_error *err)
{
    if (reading->count > 0) {
        return SG_OK;
    }
    sg_fail(err, SG_E_INPUT, "no_certificate", "there is no certificate in the PKCS#12 keystore");
    return sg_hint(err, "What it holds: openssl pkcs12 -in FILE -info -noout");
}

sg_status sg_keystore_read_pkcs12_certificates(const char *name, struct sg_bytes data,
                                               struct sg_secret *password, sg_der_sink sink,
                                               void *context, unsigned *keys, struct sg_error *err)
{
    SG_CLEANUP(reading_freep) struct reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL) {
        return sg_fail_memory(err);
    }
    reading->certificates_only = true;
    sg_status s = begin(reading, data, err);
    s = s == SG_OK ? open_to_look(reading, password, err) : s;
    s = s == SG_OK ? take_safes(reading, err) : s;
    s = s == SG_OK ? check_any(reading, err) : s;
    s = s == SG_OK ? check_certificates(reading, err) : s;
    if (keys != NULL) {
        *keys = reading->keys;
    }
    return s == SG_OK ? hand_out(reading, sink, context, err) : name_the_file(name, err);
}
