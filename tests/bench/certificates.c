/* Certificates for a long list: so many roots of one key, each with a name and a serial number of
 * its own, PEM, on standard output: bench_certificates FIRST COUNT */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define COUNT_MAX 100000u

static void require(int good, const char *what)
{
    if (!good) {
        errx(1, "%s failed", what);
    }
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    require(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, "X509_add_ext");
    X509_EXTENSION_free(extension);
}

static void name_it(X509 *certificate, unsigned number)
{
    char text[32];
    X509_NAME *name = X509_get_subject_name(certificate);
    (void)snprintf(text, sizeof text, "Bench Root %06u", number);
    require(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"Example",
                                       -1, -1, 0) == 1 &&
                X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text,
                                           -1, -1, 0) == 1 &&
                X509_set_issuer_name(certificate, name) == 1,
            "X509_NAME_add_entry");
}

static void write_root(EVP_PKEY *key, unsigned number)
{
    X509 *certificate = X509_new();
    require(certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
                ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number) == 1 &&
                X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != NULL &&
                X509_gmtime_adj(X509_getm_notAfter(certificate), 90L * 86400) != NULL &&
                X509_set_pubkey(certificate, key) == 1,
            "X509_new");
    name_it(certificate, number);
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(certificate, NID_subject_key_identifier, "hash");
    require(X509_sign(certificate, key, EVP_sha256()) > 0 &&
                PEM_write_X509(stdout, certificate) == 1,
            "X509_sign");
    X509_free(certificate);
}

int main(int argc, char **argv)
{
    unsigned long first = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (first == 0 || count == 0 || first > COUNT_MAX || count > COUNT_MAX) {
        errx(1, "usage: bench_certificates FIRST COUNT");
    }
    EVP_PKEY *key = EVP_EC_gen("P-256");
    require(key != NULL, "EVP_EC_gen");
    for (unsigned long i = 0; i < count; i++) {
        write_root(key, (unsigned)(first + i));
    }
    EVP_PKEY_free(key);
    return 0;
}
