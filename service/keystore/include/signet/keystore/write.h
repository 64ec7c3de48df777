/* Writing certificates as files that OpenSSL, Java, GnuTLS and NSS accept (docs/keystores.md says
 * what each one does). */
#ifndef SIGNET_KEYSTORE_WRITE_H
#define SIGNET_KEYSTORE_WRITE_H

#include <signet/base/buffer.h>
#include <signet/base/error.h>
#include <signet/base/secret.h>

/** A certificate and the name it goes by (its label). */
struct sg_entry {
    struct sg_bytes der;
    const char *name;
};

/** PEM blocks, one after the other, bare ("-----BEGIN CERTIFICATE-----", 64 columns). */
SG_CHECKED sg_status sg_keystore_write_pem(const struct sg_entry *entries, size_t count,
                                           struct sg_buffer *out, struct sg_error *err);
/** One PEM block of any label ("CERTIFICATE REQUEST"). */
SG_CHECKED sg_status sg_keystore_write_pem_block(const char *label, struct sg_bytes der,
                                                 struct sg_buffer *out, struct sg_error *err);
/** PKCS#7 certs-only (RFC 2315), DER. */
SG_CHECKED sg_status sg_keystore_write_pkcs7(const struct sg_entry *entries, size_t count,
                                             struct sg_buffer *out, struct sg_error *err);
/** PKCS#12 truststore: plain certificate bags with Oracle's trust attribute and unique lower-case
 * names, HMAC-SHA256 MAC: opens in Java with and without the password, and in OpenSSL, GnuTLS, NSS.
 * Refuses an empty list (code "nothing_to_export") and a password under 6 characters or not ASCII
 * (Java). */
SG_CHECKED sg_status sg_keystore_write_pkcs12_trust(const struct sg_entry *entries, size_t count,
                                                    struct sg_secret *password,
                                                    struct sg_buffer *out, struct sg_error *err);
/** JKS version 2 truststore, lower-case unique aliases. The same refusals. now_ms: creation time,
 * milliseconds since 1970. */
SG_CHECKED sg_status sg_keystore_write_jks_trust(const struct sg_entry *entries, size_t count,
                                                 struct sg_secret *password, int64_t now_ms,
                                                 struct sg_buffer *out, struct sg_error *err);

/** May a keystore that we write have this password? SG_E_INPUT "password_too_short",
 * "password_not_ascii". */
SG_CHECKED sg_status sg_keystore_check_password(struct sg_secret *password, struct sg_error *err);

#endif
