/* JKS truststores, version 2: Sun's own format, big-endian, with a SHA-1 over password, a fixed
 * text and the content at its end. Certificates and names are plain; the digest is the only use of
 * the password. */
#include "keystore_internal.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#define MAGIC 0xfeedfeedu
#define VERSION 2
#define TAG_TRUSTED 2

static sg_status put_number(struct sg_buffer *out, uint64_t value, size_t bytes,
                            struct sg_error *err)
{
    unsigned char text[8];
    for (size_t i = 0; i < bytes; i++) {
        text[i] = (unsigned char)(value >> (8 * (bytes - 1 - i)));
    }
    return sg_buffer_append(out, text, bytes, err);
}

/* A UTF-16 unit as "modified UTF-8" has it: always by its own, also when it is half of a surrogate
 * pair. */
static size_t put_unit(unsigned long unit, unsigned char *out)
{
    if (unit < 0x80) {
        out[0] = (unsigned char)unit;
        return 1;
    }
    if (unit < 0x800) {
        out[0] = (unsigned char)(0xc0 | unit >> 6);
        out[1] = (unsigned char)(0x80 | (unit & 0x3f));
        return 2;
    }
    out[0] = (unsigned char)(0xe0 | unit >> 12);
    out[1] = (unsigned char)(0x80 | (unit >> 6 & 0x3f));
    out[2] = (unsigned char)(0x80 | (unit & 0x3f));
    return 3;
}

static size_t put_character(unsigned long value, unsigned char out[6])
{
    if (value < 0x10000) {
        return put_unit(value, out);
    }
    size_t high = put_unit(0xd800 + ((value - 0x10000) >> 10), out);
    return high + put_unit(0xdc00 + ((value - 0x10000) & 0x3ff), out + high);
}

/* java.io.DataOutput.writeUTF. The alias is valid UTF-8 and short (names.c). */
static sg_status put_alias(struct sg_buffer *out, const char *alias, struct sg_error *err)
{
    SG_BUFFER text;
    sg_buffer_init(&text, UINT16_MAX);
    size_t len = strlen(alias);
    for (size_t at = 0; at < len;) {
        unsigned long value = 0;
        unsigned char bytes[6];
        int used = UTF8_getc((const unsigned char *)alias + at, (int)(len - at), &value);
        if (used <= 0) {
            return sg_fail(err, SG_E_INTERNAL, NULL, "an alias is not UTF-8");
        }
        sg_status s = sg_buffer_append(&text, bytes, put_character(value, bytes), err);
        if (s != SG_OK) {
            return s;
        }
        at += (size_t)used;
    }
    sg_status s = put_number(out, text.len, 2, err);
    return s == SG_OK ? sg_buffer_append(out, text.data, text.len, err) : s;
}

static sg_status put_certificate(struct sg_buffer *out, struct sg_bytes der, struct sg_error *err)
{
    static const char type[] = "X.509";
    sg_status s = put_number(out, sizeof(type) - 1, 2, err);
    if (s == SG_OK) {
        s = sg_buffer_append(out, type, sizeof(type) - 1, err);
    }
    if (s == SG_OK) {
        s = put_number(out, der.len, 4, err);
    }
    return s == SG_OK ? sg_buffer_append(out, der.data, der.len, err) : s;
}

static sg_status put_entry(struct sg_buffer *out, const struct sg_entry *entry, const char *alias,
                           int64_t now_ms, struct sg_error *err)
{
    SG_CLEANUP(X509_freep) X509 *proof = NULL;
    sg_status s = sg_entry_x509(entry, &proof, err);
    if (s == SG_OK) {
        s = put_number(out, TAG_TRUSTED, 4, err);
    }
    if (s == SG_OK) {
        s = put_alias(out, alias, err);
    }
    if (s == SG_OK) {
        s = put_number(out, (uint64_t)now_ms, 8, err);
    }
    return s == SG_OK ? put_certificate(out, entry->der, err) : s;
}

static sg_status put_content(struct sg_buffer *out, const struct sg_entry *entries, size_t count,
                             int64_t now_ms, struct sg_error *err)
{
    SG_ALIASES aliases = {.count = 0};
    sg_status s = sg_aliases_make(entries, count, &aliases, err);
    if (s == SG_OK) {
        s = put_number(out, MAGIC, 4, err);
    }
    if (s == SG_OK) {
        s = put_number(out, VERSION, 4, err);
    }
    if (s == SG_OK) {
        s = put_number(out, count, 4, err);
    }
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        s = put_entry(out, &entries[i], aliases.names[i], now_ms, err);
    }
    return s;
}

SG_DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)

/* SHA-1 over the password in UTF-16BE, "Mighty Aphrodite" and the content. SHA-1 is what the format
 * has; nothing rests on it. */
static sg_status digest(struct sg_bytes content, struct sg_secret *password,
                        unsigned char out[SHA_DIGEST_LENGTH], struct sg_error *err)
{
    static const char salt[] = "Mighty Aphrodite";
    unsigned char wide[2 * SG_SECRET_MAX];
    size_t len = sg_secret_len(password);
    for (size_t i = 0; i < len; i++) { /* ASCII: checked before */
        wide[2 * i] = 0;
        wide[2 * i + 1] = (unsigned char)sg_secret_data(password)[i];
    }
    SG_CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool done = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha1(), NULL) == 1 &&
                EVP_DigestUpdate(hash, wide, 2 * len) == 1 &&
                EVP_DigestUpdate(hash, salt, sizeof(salt) - 1) == 1 &&
                EVP_DigestUpdate(hash, content.data, content.len) == 1 &&
                EVP_DigestFinal_ex(hash, out, NULL) == 1;
    explicit_bzero(wide, sizeof(wide));
    return done ? SG_OK : sg_keystore_broken(err, "sealing a JKS truststore");
}

sg_status sg_keystore_write_jks_trust(const struct sg_entry *entries, size_t count,
                                      struct sg_secret *password, int64_t now_ms,
                                      struct sg_buffer *out, struct sg_error *err)
{
    SG_BUFFER store;
    unsigned char seal[SHA_DIGEST_LENGTH];
    sg_buffer_init(&store, (size_t)SG_BUNDLE_MAX * (SG_CERTIFICATE_MAX + 8192));
    sg_status s = sg_trust_check(count, password, sg_secret_data(password), err);
    if (s == SG_OK) {
        s = put_content(&store, entries, count, now_ms, err);
    }
    if (s == SG_OK) {
        s = digest((struct sg_bytes){store.data, store.len}, password, seal, err);
    }
    if (s == SG_OK) {
        s = sg_buffer_append(&store, seal, sizeof(seal), err);
    }
    return s == SG_OK ? sg_buffer_append(out, store.data, store.len, err) : s;
}
