/* PKCS#12 truststores (RFC 7292) in the one shape that all readers take, with the password and, in
 * Java, without it: certificates not encrypted, each with Oracle's trust attribute and a name,
 * integrity by HMAC-SHA256. */
#include "pkcs12_internal.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

/* Java shows a certificate bag only when this attribute is there; its value is what Java's own
 * keytool writes. */
#define TRUST_ATTRIBUTE "2.16.840.1.113894.746875.1.1"
#define SALT_BYTES 20
#define BAGS_IN_SAFE                                                                               \
    32 /* GnuTLS 3.7 reads so many of one SafeContents and passes over the rest in silence */

SG_DEFINE_CLEANUP(PKCS12 *, PKCS12_free)

/* As UTF-16: OpenSSL's UTF-8 variant refuses characters beyond the basic plane, Java reads their
 * surrogate pairs. */
bool sg_pkcs12_add_name(PKCS12_SAFEBAG *bag, const char *alias)
{
    int len = 0;
    unsigned char *wide = OPENSSL_utf82uni(alias, -1, NULL, &len);
    /* The terminator that OPENSSL_utf82uni counts is not part of a BMPString. */
    bool done = wide != NULL && len >= 2 && PKCS12_add_friendlyname_uni(bag, wide, len - 2) == 1;
    OPENSSL_free(wide);
    return done;
}

static bool add_attributes(PKCS12_SAFEBAG *bag, const char *alias)
{
    /* -1: for an object identifier any other length makes a broken attribute (OpenSSL 3.0). */
    const void *any = OBJ_nid2obj(NID_anyExtendedKeyUsage);
    return sg_pkcs12_add_name(bag, alias) &&
           PKCS12_add1_attr_by_txt(bag, TRUST_ATTRIBUTE, V_ASN1_OBJECT, any, -1) == 1;
}

static sg_status add(STACK_OF(PKCS12_SAFEBAG) * *bags, const struct sg_entry *entry,
                     const char *alias, struct sg_error *err)
{
    SG_CLEANUP(X509_freep) X509 *x509 = NULL;
    sg_status s = sg_entry_x509(entry, &x509, err);
    if (s != SG_OK) {
        return s;
    }
    PKCS12_SAFEBAG *bag = PKCS12_add_cert(bags, x509);
    return bag != NULL && add_attributes(bag, alias)
               ? SG_OK
               : sg_keystore_broken(err, "filling a PKCS#12 truststore");
}

/* One SafeContents, not encrypted. */
static sg_status add_safe(STACK_OF(PKCS7) * *safes, const struct sg_entry *entries,
                          char *const *aliases, size_t count, struct sg_error *err)
{
    SG_CLEANUP(sg_pkcs12_bags_freep) STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        s = add(&bags, &entries[i], aliases[i], err);
    }
    if (s == SG_OK && PKCS12_add_safe(safes, bags, -1, 0, NULL) != 1) {
        return sg_keystore_broken(err, "filling a PKCS#12 truststore");
    }
    return s;
}

static sg_status fill(const struct sg_entry *entries, size_t count, STACK_OF(PKCS7) * *safes,
                      struct sg_error *err)
{
    SG_ALIASES aliases = {.count = 0};
    sg_status s = sg_aliases_make(entries, count, &aliases, err);
    for (size_t at = 0; s == SG_OK && at < count; at += BAGS_IN_SAFE) {
        size_t take = count - at < BAGS_IN_SAFE ? count - at : BAGS_IN_SAFE;
        s = add_safe(safes, entries + at, aliases.names + at, take, err);
    }
    return s;
}

static sg_status encode(PKCS12 *store, const char *what, struct sg_buffer *out,
                        struct sg_error *err)
{
    char doing[80];
    int len = i2d_PKCS12(store, NULL);
    unsigned char *room = NULL;
    if (len <= 0) {
        (void)snprintf(doing, sizeof doing, "encoding %s", what);
        return sg_keystore_broken(err, doing);
    }
    sg_status s = sg_buffer_reserve(out, (size_t)len, &room, err);
    if (s == SG_OK) {
        out->len += (size_t)i2d_PKCS12(store, &room);
    }
    return s;
}

sg_status sg_pkcs12_seal(STACK_OF(PKCS7) * safes, struct sg_secret *password, const char *what,
                         struct sg_buffer *out, struct sg_error *err)
{
    char doing[80];
    SG_CLEANUP(PKCS12_freep) PKCS12 *store = PKCS12_add_safes(safes, 0);
    if (store == NULL ||
        PKCS12_set_mac(store, sg_secret_data(password), (int)sg_secret_len(password), NULL,
                       SALT_BYTES, SG_PKCS12_ITERATIONS, EVP_sha256()) != 1) {
        (void)snprintf(doing, sizeof doing, "sealing %s", what);
        return sg_keystore_broken(err, doing);
    }
    return encode(store, what, out, err);
}

sg_status sg_keystore_write_pkcs12_trust(const struct sg_entry *entries, size_t count,
                                         struct sg_secret *password, struct sg_buffer *out,
                                         struct sg_error *err)
{
    SG_CLEANUP(sg_pkcs12_safes_freep) STACK_OF(PKCS7) *safes = NULL;
    sg_status s = sg_trust_check(count, password, sg_secret_data(password), err);
    if (s == SG_OK) {
        s = fill(entries, count, &safes, err);
    }
    return s == SG_OK ? sg_pkcs12_seal(safes, password, "a PKCS#12 truststore", out, err) : s;
}
