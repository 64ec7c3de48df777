#include "verify.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "cmocka_all.h"

EVP_PKEY *key_from_spki(const struct sg_buffer *spki)
{
    const unsigned char *next = spki->data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &next, (long)spki->len);
    assert_non_null(key);
    assert_ptr_equal(next, spki->data + spki->len);
    return key;
}

bool verify_rsa(EVP_PKEY *key, int padding, const EVP_MD *md, int salt_len, struct sg_bytes digest,
                struct sg_bytes signature)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_verify_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, padding), 1);
    assert_int_equal(EVP_PKEY_CTX_set_signature_md(context, md), 1);
    if (padding == RSA_PKCS1_PSS_PADDING) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt_len), 1);
    }
    int verified = EVP_PKEY_verify(context, signature.data, signature.len, digest.data, digest.len);
    EVP_PKEY_CTX_free(context);
    return verified == 1;
}

bool verify_ecdsa(EVP_PKEY *key, struct sg_bytes digest, struct sg_bytes signature)
{
    int half = (int)(signature.len / 2);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    assert_int_equal(ECDSA_SIG_set0(pair, BN_bin2bn(signature.data, half, NULL),
                                    BN_bin2bn(signature.data + half, half, NULL)),
                     1);
    unsigned char *der = NULL;
    int len = i2d_ECDSA_SIG(pair, &der);
    assert_true(len > 0);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_verify_init(context), 1);
    int verified = EVP_PKEY_verify(context, der, (size_t)len, digest.data, digest.len);
    EVP_PKEY_CTX_free(context);
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return verified == 1;
}

bool verify_ed25519(EVP_PKEY *key, struct sg_bytes message, struct sg_bytes signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, NULL, NULL, key), 1);
    int verified =
        EVP_DigestVerify(context, signature.data, signature.len, message.data, message.len);
    EVP_MD_CTX_free(context);
    return verified == 1;
}

size_t encrypt_rsa(EVP_PKEY *key, const EVP_MD *oaep_md, struct sg_bytes plain, unsigned char *out,
                   size_t room)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
    int padding = oaep_md != NULL ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING;
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, padding), 1);
    if (oaep_md != NULL) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(context, oaep_md), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(context, oaep_md), 1);
    }
    size_t len = room;
    assert_int_equal(EVP_PKEY_encrypt(context, out, &len, plain.data, plain.len), 1);
    EVP_PKEY_CTX_free(context);
    return len;
}

void make_certificate(const char *common_name, struct sg_buffer *out)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    assert_non_null(key);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 77), 1);
    X509_NAME *name = X509_get_subject_name(x509);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)common_name, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(x509, name), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x509), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x509), 3600));
    assert_int_equal(X509_set_pubkey(x509, key), 1);
    assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    assert_true(len > 0);
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_buffer_append(out, der, (size_t)len, &err), SG_OK);
    OPENSSL_free(der);
    X509_free(x509);
    EVP_PKEY_free(key);
}
