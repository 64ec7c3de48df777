/* Checking what a person asked for before anything is made. */
#include "x509_internal.h"

sg_status sg_x509_request_subject(const struct sg_x509_request *request, X509_NAME **out,
                                  struct sg_error *err)
{
    if (request->subject != NULL) {
        return sg_x509_name_parse(request->subject, out, err);
    }
    if (request->subject_der.len > 0) {
        return sg_x509_name_from_der(request->subject_der, out, err);
    }
    return sg_x509_name_parse("", out, err);
}

static sg_status check_emptiness(const X509_NAME *subject, const struct sg_x509_request *request,
                                 const struct sg_x509_extras *extras, struct sg_error *err)
{
    if (X509_NAME_entry_count(subject) > 0) {
        return SG_OK;
    }
    if (request->ca || (extras->basic != NULL && extras->basic->ca != 0)) {
        /* RFC 5280, 4.1.2.6 */
        return sg_fail(err, SG_E_INPUT, "bad_subject", "subject: a CA needs one, this is empty");
    }
    if (extras->sans == NULL) {
        sg_fail(err, SG_E_INPUT, "bad_subject", "subject: empty, and there is no alternative name");
        return sg_hint(err, "Give --subject 'CN=web.example.com,O=Org,C=GB' or --san "
                            "dns:web.example.com.");
    }
    return SG_OK;
}

sg_status sg_x509_request_check(const struct sg_x509_request *request, struct sg_error *err)
{
    SG_CLEANUP(X509_NAME_freep) X509_NAME *subject = NULL;
    sg_status s = sg_x509_request_subject(request, &subject, err);
    if (s != SG_OK) {
        return s;
    }
    SG_X509_EXTRAS extras = {.usage = 0};
    s = sg_x509_extras_collect(request, &extras, err);
    return s == SG_OK ? check_emptiness(subject, request, &extras, err) : s;
}
