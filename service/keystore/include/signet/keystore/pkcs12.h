/* PKCS#12 keystores that hold a private key (RFC 7292): what other programs wrote is read, what
 * they read is written. */
#ifndef SIGNET_KEYSTORE_PKCS12_H
#define SIGNET_KEYSTORE_PKCS12_H

#include <signet/keystore/read.h>
#include <signet/keystore/write.h>

#define SG_PKCS12_KEY_MAX 16384          /**< bytes of PKCS#8 */
#define SG_PKCS12_ITERATIONS_MAX 5000000 /**< of a key derivation; Java's maximum too */

/** A private key out of a keystore. */
struct sg_pkcs12_key {
    struct sg_buffer pkcs8;        /**< DER, PrivateKeyInfo (RFC 5208) without attributes */
    unsigned char spki_sha256[32]; /**< of its SubjectPublicKeyInfo */
};
/** Wipe and free. */
void sg_pkcs12_key_done(struct sg_pkcs12_key *key);
#define SG_PKCS12_KEY SG_CLEANUP(sg_pkcs12_key_done) struct sg_pkcs12_key

/** Is this a PKCS#12 keystore, DER, BER or a PEM block around one? Content decides. */
bool sg_keystore_is_pkcs12(struct sg_bytes data);
/** Does it open without a password, or with the empty one, or has it no MAC that could say so?
 * False too when it cannot be read. */
bool sg_keystore_pkcs12_is_open(struct sg_bytes data);

/** Read a keystore with one private key: gives each certificate to the sink, in the file's order,
 * and fills *key (fresh; to be ended in any case). password NULL: none. Nothing is handed out
 * unless all of it was read. Old encryptions are read too (RC2, RC4, DES: OpenSSL's legacy
 * provider). SG_E_INPUT: "pkcs12_damaged", "pkcs12_without_mac", "wrong_password",
 * "pkcs12_unsupported" (names what), "no_private_key_in_file", "several_private_keys",
 * "key_without_certificate", "no_certificate", "too_many_certificates"; SG_E_LIMIT "too_large",
 * "pkcs12_iterations". name is for messages. */
SG_CHECKED sg_status sg_keystore_read_pkcs12(const char *name, struct sg_bytes data,
                                             struct sg_secret *password, sg_der_sink sink,
                                             void *context, struct sg_pkcs12_key *key,
                                             struct sg_error *err);

/** Read the certificates of a keystore and leave its private keys closed: to say what is in it.
 * *keys, when not NULL: how many they are, any number. It may have no MAC. Otherwise as above:
 * SG_E_INPUT "pkcs12_damaged", "wrong_password", "pkcs12_unsupported", "no_certificate",
 * "too_many_certificates", and what a certificate is refused for; SG_E_LIMIT "too_large",
 * "pkcs12_iterations". */
SG_CHECKED sg_status sg_keystore_read_pkcs12_certificates(const char *name, struct sg_bytes data,
                                                          struct sg_secret *password,
                                                          sg_der_sink sink, void *context,
                                                          unsigned *keys, struct sg_error *err);

/** Write a keystore: the key (PKCS#8 DER) and its certificates, its own first. AES-256 and
 * HMAC-SHA256, as Java 17 and OpenSSL 3.0 do; the alias is the first entry's name in lower case.
 * SG_E_INPUT "wrong_key" when the first certificate is another key's; the password's rules are a
 * truststore's (write.h). */
SG_CHECKED sg_status sg_keystore_write_pkcs12_key(struct sg_bytes pkcs8,
                                                  const struct sg_entry *entries, size_t count,
                                                  struct sg_secret *password, struct sg_buffer *out,
                                                  struct sg_error *err);

#endif
