/* Extensions of what is there already: a certificate that is renewed, a request that is signed. */
#include "x509_internal.h"

#include <openssl/err.h>

static sg_status copy_from_request(struct sg_bytes der, struct sg_x509_extras *out,
                                   struct sg_error *err)
{
    const unsigned char *at = der.data;
    SG_CLEANUP(X509_REQ_freep) X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)der.len);
    if (request == NULL || at != der.data + der.len) {
        sg_fail(err, SG_E_INPUT, "not_a_request",
                "neither a certificate nor a certificate request to copy extensions from");
        return sg_x509_ossl(err);
    }
    SG_CLEANUP(sg_x509_extensions_freep)
    STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(request);
    ERR_clear_error();
    return sg_x509_extras_read(list, out, err);
}

sg_status sg_x509_extras_copy(struct sg_bytes der, struct sg_x509_extras *out, struct sg_error *err)
{
    if (der.len > SG_CERTIFICATE_MAX) {
        return sg_fail(err, SG_E_INPUT, "too_large", "%zu bytes, at most %d are allowed", der.len,
                       SG_CERTIFICATE_MAX);
    }
    const unsigned char *at = der.data;
    SG_CLEANUP(X509_freep) X509 *certificate = d2i_X509(NULL, &at, (long)der.len);
    ERR_clear_error();
    if (certificate != NULL && at == der.data + der.len) {
        return sg_x509_extras_read(X509_get0_extensions(certificate), out, err);
    }
    return copy_from_request(der, out, err);
}
