/* What a policy's rules ask of extensions: of a certificate that is there, and of one that a
 * request would become. */
#include "x509_internal.h"

#include <openssl/err.h>

/* RFC 9525 knows URIs too, for SIP and its like; no client finds an HTTP server by one. */
static bool names_server(const GENERAL_NAMES *sans)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(sans); i++) {
        int type = sk_GENERAL_NAME_value(sans, i)->type;
        if (type == GEN_DNS || type == GEN_IPADD) {
            return true;
        }
    }
    return false;
}

static struct sg_x509_outline outline_of(const GENERAL_NAMES *sans, const EXTENDED_KEY_USAGE *ekus,
                                         bool ca)
{
    struct sg_x509_outline outline = {.ca = ca, .names_server = names_server(sans)};
    for (int i = 0; i < sk_ASN1_OBJECT_num(ekus); i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(ekus, i));
        outline.has_eku = true;
        outline.server = outline.server || nid == NID_server_auth;
    }
    return outline;
}

struct sg_x509_outline sg_certificate_outline(const struct sg_certificate *certificate)
{
    SG_CLEANUP(GENERAL_NAMES_freep)
    GENERAL_NAMES *sans = X509_get_ext_d2i(certificate->x509, NID_subject_alt_name, NULL, NULL);
    SG_CLEANUP(EXTENDED_KEY_USAGE_freep)
    EXTENDED_KEY_USAGE *ekus = X509_get_ext_d2i(certificate->x509, NID_ext_key_usage, NULL, NULL);
    ERR_clear_error();
    return outline_of(sans, ekus, certificate->facts.ca);
}

sg_status sg_x509_request_outline(const struct sg_x509_request *request,
                                  struct sg_x509_outline *out, struct sg_error *err)
{
    SG_X509_EXTRAS extras = {.usage = 0};
    sg_status s = sg_x509_extras_collect(request, &extras, err);
    if (s != SG_OK) {
        return s;
    }
    *out = outline_of(extras.sans, extras.ekus, extras.basic != NULL && extras.basic->ca != 0);
    return SG_OK;
}
