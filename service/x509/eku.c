/* Extended key usages: words and object identifiers (RFC 5280, 4.2.1.12). */
#include "x509_internal.h"

#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#define EKUS_MAX 64

static const struct {
    const char *word;
    int nid;
} words[] = {
    {"serverAuth", NID_server_auth},
    {"clientAuth", NID_client_auth},
    {"codeSigning", NID_code_sign},
    {"emailProtection", NID_email_protect},
    {"timeStamping", NID_time_stamp},
    {"OCSPSigning", NID_OCSP_sign},
    {"anyExtendedKeyUsage", NID_anyExtendedKeyUsage},
};

static ASN1_OBJECT *find(const char *text)
{
    for (size_t i = 0; i < SG_COUNT(words); i++) {
        if (strcasecmp(words[i].word, text) == 0) {
            return OBJ_nid2obj(words[i].nid);
        }
    }
    return sg_x509_dotted_object(text);
}

static bool contains(const EXTENDED_KEY_USAGE *list, const ASN1_OBJECT *object)
{
    for (int i = 0; i < sk_ASN1_OBJECT_num(list); i++) {
        if (OBJ_cmp(sk_ASN1_OBJECT_value(list, i), object) == 0) {
            return true;
        }
    }
    return false;
}

static sg_status add(EXTENDED_KEY_USAGE *list, const char *text, struct sg_error *err)
{
    SG_CLEANUP(ASN1_OBJECT_freep) ASN1_OBJECT *object = find(text);
    if (object == NULL) {
        char clean[100];
        sg_x509_clean((const unsigned char *)text, strlen(text), clean, sizeof(clean));
        sg_fail(err, SG_E_INPUT, "unknown_eku", "unknown extended key usage \"%s\"", clean);
        (void)sg_x509_ossl(err);
        if (strchr(text, ',') != NULL) {
            return sg_hint(err, "One at a time: --eku serverAuth --eku clientAuth.");
        }
        return sg_hint(err, "Known are serverAuth, clientAuth, codeSigning, emailProtection, "
                            "timeStamping, OCSPSigning, anyExtendedKeyUsage and dotted object "
                            "identifiers.");
    }
    if (contains(list, object)) {
        return SG_OK;
    }
    if (sk_ASN1_OBJECT_push(list, object) <= 0) {
        return sg_fail_memory(err);
    }
    object = NULL;
    return SG_OK;
}

sg_status sg_x509_ekus_parse(const char *const *ekus, size_t count, EXTENDED_KEY_USAGE **out,
                             struct sg_error *err)
{
    if (count > EKUS_MAX) {
        return sg_fail(err, SG_E_LIMIT, "too_many_ekus", "more than %d extended key usages",
                       EKUS_MAX);
    }
    SG_CLEANUP(EXTENDED_KEY_USAGE_freep) EXTENDED_KEY_USAGE *list = EXTENDED_KEY_USAGE_new();
    if (list == NULL) {
        return sg_fail_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        sg_status s = add(list, ekus[i], err);
        if (s != SG_OK) {
            return s;
        }
    }
    *out = SG_STEAL(list);
    return SG_OK;
}

static sg_status append(const ASN1_OBJECT *object, struct sg_buffer *out, struct sg_error *err)
{
    char dotted[256] = "";
    int nid = OBJ_obj2nid(object);
    const char *text = dotted;
    for (size_t i = 0; i < SG_COUNT(words); i++) {
        text = words[i].nid == nid ? words[i].word : text;
    }
    if (text == dotted && OBJ_obj2txt(dotted, sizeof(dotted), object, 1) <= 0) {
        text = "malformed";
    }
    return sg_buffer_append(out, text, strlen(text) + 1, err);
}

sg_status sg_certificate_ekus(const struct sg_certificate *certificate, struct sg_buffer *out,
                              size_t *count, struct sg_error *err)
{
    SG_CLEANUP(EXTENDED_KEY_USAGE_freep)
    EXTENDED_KEY_USAGE *list = X509_get_ext_d2i(certificate->x509, NID_ext_key_usage, NULL, NULL);
    ERR_clear_error();
    int number = list != NULL ? sk_ASN1_OBJECT_num(list) : 0;
    for (int i = 0; i < number; i++) {
        sg_status s = append(sk_ASN1_OBJECT_value(list, i), out, err);
        if (s != SG_OK) {
            return s;
        }
    }
    *count = (size_t)number;
    return SG_OK;
}
