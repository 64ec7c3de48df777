/* Writing PKCS#12 keystores: a private key, its certificate and the issuers, all encrypted. */
#include <signet/keystore/pkcs12.h>

#include <openssl/err.h>
#include <openssl/sha.h>

#include "pkcs12_internal.h"

#define DOING "writing a PKCS#12 keystore"
#define SALT_BYTES 16

SG_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
SG_DEFINE_CLEANUP(PKCS8_PRIV_KEY_INFO *, PKCS8_PRIV_KEY_INFO_free)

/* What binds a key to its certificate: SHA-1 of the certificate, as OpenSSL writes it. */
struct binding {
    unsigned char id[SHA_DIGEST_LENGTH];
    const char *alias;
};

static sg_status broken(struct sg_error *err)
{
    return sg_keystore_broken(err, DOING);
}

static bool bind(PKCS12_SAFEBAG *bag, struct binding *binding)
{
    return bag != NULL && sg_pkcs12_add_name(bag, binding->alias) &&
           PKCS12_add_localkeyid(bag, binding->id, sizeof binding->id) == 1;
}

static sg_status add_certificates(STACK_OF(PKCS7) * *safes, const struct sg_entry *entries,
                                  const struct sg_aliases *aliases, struct binding *binding,
                                  struct sg_secret *password, struct sg_error *err)
{
    SG_CLEANUP(sg_pkcs12_bags_freep) STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    for (size_t i = 0; i < aliases->count; i++) {
        SG_CLEANUP(X509_freep) X509 *x509 = NULL;
        sg_status s = sg_entry_x509(&entries[i], &x509, err);
        if (s != SG_OK) {
            return s;
        }
        PKCS12_SAFEBAG *bag = PKCS12_add_cert(&bags, x509);
        bool added =
            i == 0 ? bind(bag, binding) : bag != NULL && sg_pkcs12_add_name(bag, aliases->names[i]);
        if (!added) {
            return broken(err);
        }
    }
    return PKCS12_add_safe(safes, bags, NID_aes_256_cbc, SG_PKCS12_ITERATIONS,
                           sg_secret_data(password)) == 1
               ? SG_OK
               : broken(err);
}

/* The bag is encrypted by itself, as everybody writes it: the SafeContents around it is not. */
static sg_status add_key(STACK_OF(PKCS7) * *safes, PKCS8_PRIV_KEY_INFO *info,
                         struct binding *binding, struct sg_secret *password, struct sg_error *err)
{
    SG_CLEANUP(sg_pkcs12_bags_freep)
    STACK_OF(PKCS12_SAFEBAG) *bags = sk_PKCS12_SAFEBAG_new_null();
    PKCS12_SAFEBAG *bag = PKCS12_SAFEBAG_create_pkcs8_encrypt(
        NID_aes_256_cbc, sg_secret_data(password), (int)sg_secret_len(password), NULL, SALT_BYTES,
        SG_PKCS12_ITERATIONS, info);
    if (bags == NULL || !bind(bag, binding) || sk_PKCS12_SAFEBAG_push(bags, bag) == 0) {
        PKCS12_SAFEBAG_free(bag);
        return broken(err);
    }
    return PKCS12_add_safe(safes, bags, -1, 0, NULL) == 1 ? SG_OK : broken(err);
}

static sg_status read_key(struct sg_bytes pkcs8, PKCS8_PRIV_KEY_INFO **info, EVP_PKEY **key,
                          struct sg_error *err)
{
    const unsigned char *at = pkcs8.data;
    *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8.len);
    *key = *info != NULL ? EVP_PKCS82PKEY(*info) : NULL;
    if (*key == NULL) {
        ERR_clear_error();
        return sg_fail(err, SG_E_INPUT, "bad_private_key", "the private key cannot be read");
    }
    return SG_OK;
}

static sg_status bind_to(const struct sg_entry *leaf, EVP_PKEY *key, struct binding *out,
                         struct sg_error *err)
{
    SG_CLEANUP(X509_freep) X509 *x509 = NULL;
    sg_status s = sg_entry_x509(leaf, &x509, err);
    if (s == SG_OK && X509_check_private_key(x509, key) != 1) {
        ERR_clear_error();
        return sg_fail(err, SG_E_INPUT, "wrong_key",
                       "the certificate \"%.200s\" is for another private key", leaf->name);
    }
    if (s == SG_OK) {
        SHA1(leaf->der.data, leaf->der.len, out->id);
    }
    return s;
}

sg_status sg_keystore_write_pkcs12_key(struct sg_bytes pkcs8, const struct sg_entry *entries,
                                       size_t count, struct sg_secret *password,
                                       struct sg_buffer *out, struct sg_error *err)
{
    SG_ALIASES aliases = {.count = 0};
    SG_CLEANUP(sg_pkcs12_safes_freep) STACK_OF(PKCS7) *safes = NULL;
    SG_CLEANUP(PKCS8_PRIV_KEY_INFO_freep) PKCS8_PRIV_KEY_INFO *info = NULL;
    SG_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    struct binding binding = {.alias = NULL};
    sg_status s = sg_trust_check(count, password, sg_secret_data(password), err);
    s = s == SG_OK ? sg_aliases_make(entries, count, &aliases, err) : s;
    s = s == SG_OK ? read_key(pkcs8, &info, &key, err) : s;
    s = s == SG_OK ? bind_to(&entries[0], key, &binding, err) : s;
    if (s != SG_OK) {
        return s;
    }
    binding.alias = aliases.names[0];
    s = add_certificates(&safes, entries, &aliases, &binding, password, err);
    s = s == SG_OK ? add_key(&safes, info, &binding, password, err) : s;
    return s == SG_OK ? sg_pkcs12_seal(safes, password, "a PKCS#12 keystore", out, err) : s;
}
