/* Checking what a token made, with OpenSSL and nothing but the SubjectPublicKeyInfo. */
#ifndef SIGNET_TESTS_VERIFY_H
#define SIGNET_TESTS_VERIFY_H

#include <openssl/evp.h>

#include <signet/base/buffer.h>

EVP_PKEY *key_from_spki(const struct sg_buffer *spki);
/** padding: RSA_PKCS1_PADDING or RSA_PKCS1_PSS_PADDING; md of the digest; salt_len for PSS. */
bool verify_rsa(EVP_PKEY *key, int padding, const EVP_MD *md, int salt_len, struct sg_bytes digest,
                struct sg_bytes signature);
/** signature is r || s. */
bool verify_ecdsa(EVP_PKEY *key, struct sg_bytes digest, struct sg_bytes signature);
bool verify_ed25519(EVP_PKEY *key, struct sg_bytes message, struct sg_bytes signature);
/** Encrypt to the key. oaep_md NULL: PKCS#1 v1.5. */
size_t encrypt_rsa(EVP_PKEY *key, const EVP_MD *oaep_md, struct sg_bytes plain, unsigned char *out,
                   size_t room);
/** A self-signed certificate of a fresh key, DER appended to out. */
void make_certificate(const char *common_name, struct sg_buffer *out);

#endif
