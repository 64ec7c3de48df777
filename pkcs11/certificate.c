#include <signet/pkcs11/object.h>

#include <openssl/x509.h>

#include "object_internal.h"
#include "staged_internal.h"
#include "template_internal.h"

SG_DEFINE_CLEANUP(X509 *, X509_free)

struct encoded {
    unsigned char *data;
    int len;
};
static void encoded_done(struct encoded *encoded)
{
    OPENSSL_free(encoded->data);
}
#define ENCODED SG_CLEANUP(encoded_done) struct encoded

static sg_status parse(struct sg_bytes der, X509 **out, struct sg_error *err)
{
    const unsigned char *next = der.data;
    *out = der.len <= 0x7fffffff ? d2i_X509(NULL, &next, (long)der.len) : NULL;
    if (*out == NULL || next != der.data + der.len) {
        return sg_fail(err, SG_E_INPUT, "bad_certificate", "this is not one X.509 certificate");
    }
    return SG_OK;
}

/* CKA_SUBJECT, CKA_ISSUER and CKA_SERIAL_NUMBER are DER (PKCS#11 v2.40 base, 4.6.3); programs find
 * chains by them. */
static CK_RV create(struct sg_pkcs11_session *session, const struct sg_pkcs11_id *id,
                    const char *label, struct sg_bytes der, X509 *x509, CK_OBJECT_HANDLE *out)
{
    static const CK_OBJECT_CLASS ck_class = CKO_CERTIFICATE;
    static const CK_CERTIFICATE_TYPE type = CKC_X_509;
    ENCODED subject = {0};
    ENCODED issuer = {0};
    ENCODED serial = {0};
    subject.len = i2d_X509_NAME(X509_get_subject_name(x509), &subject.data);
    issuer.len = i2d_X509_NAME(X509_get_issuer_name(x509), &issuer.data);
    serial.len = i2d_ASN1_INTEGER(X509_get_serialNumber(x509), &serial.data);
    if (subject.len <= 0 || issuer.len <= 0 || serial.len <= 0) {
        return CKR_HOST_MEMORY;
    }
    struct template template = {.count = 0};
    sg_pkcs11_template_add(&template, CKA_CLASS, &ck_class, sizeof ck_class);
    sg_pkcs11_template_add(&template, CKA_CERTIFICATE_TYPE, &type, sizeof type);
    sg_pkcs11_template_add_bool(&template, CKA_TOKEN, sg_pkcs11_made_in_token(session));
    sg_pkcs11_template_add_bool(&template, CKA_PRIVATE, false);
    sg_pkcs11_template_add(&template, CKA_ID, id->bytes, sizeof id->bytes);
    sg_pkcs11_template_add_text(&template, CKA_LABEL, label);
    sg_pkcs11_template_add(&template, CKA_SUBJECT, subject.data, (size_t)subject.len);
    sg_pkcs11_template_add(&template, CKA_ISSUER, issuer.data, (size_t)issuer.len);
    sg_pkcs11_template_add(&template, CKA_SERIAL_NUMBER, serial.data, (size_t)serial.len);
    sg_pkcs11_template_add(&template, CKA_VALUE, der.data, der.len);
    CK_RV rv = session->call->C_CreateObject(session->handle, template.rows, template.count, out);
    return rv == CKR_OK ? sg_pkcs11_staged_keep(session, out) : rv;
}

static CK_RV destroy_one(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE handle)
{
    CK_RV rv = session->call->C_DestroyObject(session->handle, handle);
    return rv == CKR_OBJECT_HANDLE_INVALID ? CKR_OK : rv;
}

/* Destroy the certificates with this CKA_ID but one. More than SAME_ID_MAX of them never come from
 * us. */
static CK_RV destroy_others(struct sg_pkcs11_session *session, const struct sg_pkcs11_id *id,
                            CK_OBJECT_HANDLE keep)
{
    struct sg_pkcs11_id value = *id;
    CK_OBJECT_CLASS ck_class = CKO_CERTIFICATE;
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &ck_class, sizeof ck_class},
                            {CKA_ID, value.bytes, sizeof value.bytes}};
    CK_OBJECT_HANDLE handles[SAME_ID_MAX];
    CK_ULONG found = 0;
    CK_RV rv = sg_pkcs11_search(session, match, SG_COUNT(match), handles, SAME_ID_MAX, &found);
    for (CK_ULONG i = 0; rv == CKR_OK && i < found; i++) {
        if (handles[i] != keep) {
            rv = destroy_one(session, handles[i]);
        }
    }
    return rv;
}

sg_status sg_pkcs11_certificate_store(struct sg_pkcs11_session *session,
                                      const struct sg_pkcs11_id *id, const char *label,
                                      struct sg_bytes der, struct sg_error *err)
{
    SG_CLEANUP(X509_freep) X509 *x509 = NULL;
    sg_status s = parse(der, &x509, err);
    if (s != SG_OK) {
        return s;
    }
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    unsigned long old = 0;
    enum index_state known = sg_pkcs11_index_get(&session->index, SG_PKCS11_CERTIFICATE, id, &old);
    CK_RV rv = create(session, id, label, der, x509, &handle);
    if (rv != CKR_OK) {
        return sg_pkcs11_fail(err, rv, "cannot store the certificate in the token");
    }
    s = sg_pkcs11_index_put(&session->index, SG_PKCS11_CERTIFICATE, id, INDEX_PRESENT, handle, err);
    if (s != SG_OK) {
        return s;
    }
    /* A search costs as much as the token is full; it is needed only where the listing found more
     * than one, or the predecessor's handle is not known. */
    if (session->doubled || known == INDEX_UNNUMBERED) {
        rv = destroy_others(session, id, handle);
    } else {
        rv = known == INDEX_PRESENT ? session->call->C_DestroyObject(session->handle, old) : CKR_OK;
        /* gone, or the token has numbered its objects anew */
        rv = rv == CKR_OBJECT_HANDLE_INVALID ? destroy_others(session, id, handle) : rv;
    }
    return rv == CKR_OK ? SG_OK
                        : sg_pkcs11_fail(err, rv, "cannot destroy the certificate's predecessor");
}
