/* PKCS#7 certs-only packages ("degenerate" SignedData, RFC 2315, 9), both ways. */
#include "keystore_internal.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pkcs7.h>

SG_DEFINE_CLEANUP(CMS_ContentInfo *, CMS_ContentInfo_free)
SG_DEFINE_CLEANUP(PKCS7 *, PKCS7_free)

static inline void free_certificates(STACK_OF(X509) * certificates)
{
    sk_X509_pop_free(certificates, X509_free);
}
SG_DEFINE_CLEANUP(STACK_OF(X509) *, free_certificates)

static inline void free_der(unsigned char *der)
{
    OPENSSL_free(der);
}
SG_DEFINE_CLEANUP(unsigned char *, free_der)

static sg_status pass_on(X509 *x509, sg_der_sink sink, void *context, struct sg_error *err)
{
    SG_CLEANUP(free_derp) unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    if (len <= 0) {
        return sg_keystore_broken(err, "encoding a certificate");
    }
    return sink(context, (struct sg_bytes){der, (size_t)len}, err);
}

sg_status sg_pkcs7_certificates(struct sg_bytes der, sg_der_sink sink, void *context, size_t *count,
                                struct sg_error *err)
{
    const unsigned char *at = der.data;
    /* CMS reads PKCS#7 as well as its own later versions, and BER. */
    SG_CLEANUP(CMS_ContentInfo_freep)
    CMS_ContentInfo *package = d2i_CMS_ContentInfo(NULL, &at, (long)der.len);
    if (package == NULL || at != der.data + der.len) {
        sg_fail(err, SG_E_INPUT, "not_a_certificate", "a damaged PKCS#7 package");
        err->ossl = ERR_peek_last_error();
        ERR_clear_error();
        return err->status;
    }
    SG_CLEANUP(free_certificatesp) STACK_OF(X509) *certificates = CMS_get1_certs(package);
    ERR_clear_error();
    int number = certificates != NULL ? sk_X509_num(certificates) : 0;
    for (int i = 0; i < number; i++) {
        sg_status s = pass_on(sk_X509_value(certificates, i), sink, context, err);
        if (s != SG_OK) {
            return s;
        }
    }
    *count = (size_t)number;
    return SG_OK;
}

/* An empty SignedData with content type data and no content, as openssl crl2pkcs7 makes it. */
static sg_status make_empty(PKCS7 **out, struct sg_error *err)
{
    SG_CLEANUP(PKCS7_freep) PKCS7 *package = PKCS7_new();
    if (package == NULL || PKCS7_set_type(package, NID_pkcs7_signed) != 1) {
        return sg_keystore_broken(err, "making a PKCS#7 package");
    }
    package->d.sign->contents->type = OBJ_nid2obj(NID_pkcs7_data);
    *out = SG_STEAL(package);
    return SG_OK;
}

static sg_status add(PKCS7 *package, const struct sg_entry *entry, struct sg_error *err)
{
    SG_CLEANUP(X509_freep) X509 *x509 = NULL;
    sg_status s = sg_entry_x509(entry, &x509, err);
    if (s == SG_OK && PKCS7_add_certificate(package, x509) != 1) {
        return sg_keystore_broken(err, "filling a PKCS#7 package");
    }
    return s;
}

sg_status sg_keystore_write_pkcs7(const struct sg_entry *entries, size_t count,
                                  struct sg_buffer *out, struct sg_error *err)
{
    SG_CLEANUP(PKCS7_freep) PKCS7 *package = NULL;
    sg_status s = sg_trust_check_count(count, err);
    if (s == SG_OK) {
        s = make_empty(&package, err);
    }
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        s = add(package, &entries[i], err);
    }
    if (s != SG_OK) {
        return s;
    }
    SG_CLEANUP(free_derp) unsigned char *der = NULL;
    int len = i2d_PKCS7(package, &der);
    if (len <= 0) {
        return sg_keystore_broken(err, "encoding a PKCS#7 package");
    }
    return sg_buffer_append(out, der, (size_t)len, err);
}
