/* A certificate's names in RACF's notation. */
#include "x509_internal.h"

#include <openssl/err.h>
#include <openssl/objects.h>

/* RACF's words for attribute types; the others are shown by their object identifier. */
static const char *racf_type(int nid)
{
    static const struct {
        int nid;
        const char *type;
    } types[] = {
        {NID_commonName, "CN"},
        {NID_title, "T"},
        {NID_organizationalUnitName, "OU"},
        {NID_organizationName, "O"},
        {NID_localityName, "L"},
        {NID_stateOrProvinceName, "SP"},
        {NID_countryName, "C"},
        {NID_streetAddress, "STREET"},
        {NID_postalCode, "PC"},
        {NID_pkcs9_emailAddress, "MAIL"},
        {NID_domainComponent, "DC"},
        {NID_userId, "UID"},
        {NID_serialNumber, "serialNumber"},
        {NID_dnQualifier, "dnQualifier"},
        {NID_givenName, "GN"},
        {NID_surname, "SN"},
    };
    for (size_t i = 0; i < SG_COUNT(types); i++) {
        if (types[i].nid == nid) {
            return types[i].type;
        }
    }
    return NULL;
}

/* What can be told neither by word nor by number is shown as "?" and makes the part unclear. */
static void add_unreadable(struct sg_dotted_name *out, const char *type, bool joined)
{
    sg_dotted_add(out, type, "\n", 1, joined);
}

static void add_entry(const X509_NAME_ENTRY *entry, bool joined, struct sg_dotted_name *out)
{
    const ASN1_OBJECT *object = X509_NAME_ENTRY_get_object(entry);
    const char *type = racf_type(OBJ_obj2nid(object));
    char dotted[128] = "0";
    if (type == NULL) {
        int len = OBJ_obj2txt(dotted, sizeof dotted, object, 1);
        if (len <= 0 || (size_t)len >= sizeof dotted) {
            add_unreadable(out, "0", joined);
            return;
        }
        type = dotted;
    }
    SG_DER unsigned char *text = NULL;
    int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
    if (len < 0) {
        add_unreadable(out, type, joined);
        return;
    }
    sg_dotted_add(out, type, (const char *)text, (size_t)len, joined);
}

/* DER has the most specific part last. */
static void fill(const X509_NAME *name, struct sg_dotted_name *out)
{
    int before = -1;
    *out = (struct sg_dotted_name){.len = 0};
    for (int i = X509_NAME_entry_count(name) - 1; i >= 0; i--) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        int set = X509_NAME_ENTRY_set(entry);
        add_entry(entry, set == before, out);
        before = set;
    }
    ERR_clear_error();
}

void sg_certificate_dotted(const struct sg_certificate *certificate, struct sg_dotted_name *subject,
                           struct sg_dotted_name *issuer)
{
    fill(X509_get_subject_name(certificate->x509), subject);
    fill(X509_get_issuer_name(certificate->x509), issuer);
}
