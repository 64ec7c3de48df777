/* What RFC 5280 says of one certificate by itself. OpenSSL reads more than other programs do: Java
 * gives up a whole truststore, or a whole token, for one member that it cannot read. */
#include "x509_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#define EXTENSIONS_MAX 128 /* of one certificate; each is compared with each */

static const char *extension_name(const ASN1_OBJECT *object, char out[80])
{
    int nid = OBJ_obj2nid(object);
    if (nid != NID_undef) {
        return OBJ_nid2sn(nid);
    }
    (void)OBJ_obj2txt(out, 80, object, 1);
    return out;
}

static bool has_empty_name(const X509_NAME *name)
{
    return X509_NAME_entry_count(name) == 0;
}

static bool stands_again(const X509 *x509, int index)
{
    ASN1_OBJECT *object = X509_EXTENSION_get_object(X509_get_ext(x509, index));
    return X509_get_ext_by_OBJ(x509, object, index) >= 0;
}

/* A scheme and something behind it (4.2.1.6: no relative URI). */
static bool is_absolute(const ASN1_STRING *uri)
{
    const unsigned char *text = ASN1_STRING_get0_data(uri);
    int len = ASN1_STRING_length(uri);
    const unsigned char *colon = len > 0 ? memchr(text, ':', (size_t)len) : NULL;
    if (colon == NULL || colon == text || colon + 1 == text + len || !isalpha(text[0])) {
        return false;
    }
    for (const unsigned char *at = text; at < text + len; at++) {
        bool scheme = isalnum(*at) || *at == '+' || *at == '-' || *at == '.';
        if ((at < colon && !scheme) || *at <= 0x20 || *at >= 0x7f ||
            strchr("<>\"{}|\\^`", *at) != NULL) {
            return false;
        }
    }
    return true;
}

/* NULL: all can be read. */
static const char *names_fault(const GENERAL_NAMES *names)
{
    if (sk_GENERAL_NAME_num(names) == 0) {
        return "holds no name";
    }
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        int len = name->type == GEN_IPADD ? ASN1_STRING_length(name->d.iPAddress) : 4;
        if (len != 4 && len != 16) {
            return "holds an IP address that has neither 4 nor 16 bytes";
        }
        if (name->type == GEN_URI && !is_absolute(name->d.uniformResourceIdentifier)) {
            return "holds a URI that is not absolute";
        }
    }
    return NULL;
}

static const char *bits_fault(const ASN1_BIT_STRING *bits)
{
    for (int i = 0; i < ASN1_STRING_length(bits); i++) {
        if (ASN1_STRING_get0_data(bits)[i] != 0) {
            return NULL;
        }
    }
    return "names no use at all";
}

static void free_value(const X509V3_EXT_METHOD *method, void *value)
{
    if (method->it != NULL) {
        ASN1_item_free(value, ASN1_ITEM_ptr(method->it));
    } else {
        method->ext_free(value);
    }
}

/* Of one that OpenSSL knows; what it does not know cannot be judged. NULL: nothing is wrong. */
static const char *value_fault(X509_EXTENSION *extension)
{
    const X509V3_EXT_METHOD *method = X509V3_EXT_get(extension);
    if (method == NULL) {
        return NULL;
    }
    void *value = X509V3_EXT_d2i(extension);
    if (value == NULL) {
        return "is malformed";
    }
    bool names = method->ext_nid == NID_subject_alt_name || method->ext_nid == NID_issuer_alt_name;
    const char *fault = names                              ? names_fault(value)
                        : method->ext_nid == NID_key_usage ? bits_fault(value)
                                                           : NULL;
    free_value(method, value);
    return fault;
}

/* The first of its extensions that is wrong so; critical ones alone, or all. */
static bool find_fault(const X509 *x509, bool critical_alone, char why[SG_FORM_TEXT])
{
    for (int i = 0; i < X509_get_ext_count(x509); i++) {
        X509_EXTENSION *extension = X509_get_ext(x509, i);
        bool critical = X509_EXTENSION_get_critical(extension) != 0;
        const char *fault = critical || !critical_alone ? value_fault(extension) : NULL;
        char dotted[80];
        if (fault != NULL) {
            (void)snprintf(why, SG_FORM_TEXT, "its %sextension %s %s", critical ? "critical " : "",
                           extension_name(X509_EXTENSION_get_object(extension), dotted), fault);
            return true;
        }
    }
    return false;
}

/* An empty subject is right where a critical subjectAltName stands for it (4.1.2.6). */
static bool lacks_subject(const X509 *x509)
{
    int at = X509_get_ext_by_NID(x509, NID_subject_alt_name, -1);
    return has_empty_name(X509_get_subject_name(x509)) &&
           (at < 0 || X509_EXTENSION_get_critical(X509_get_ext(x509, at)) == 0);
}

static bool is_forbidden(const X509 *x509, char why[SG_FORM_TEXT])
{
    char dotted[80];
    if (has_empty_name(X509_get_issuer_name(x509))) {
        (void)snprintf(why, SG_FORM_TEXT, "its issuer has no name");
        return true;
    }
    for (int i = 0; i < X509_get_ext_count(x509); i++) {
        if (stands_again(x509, i)) {
            (void)snprintf(
                why, SG_FORM_TEXT, "it has the extension %s twice",
                extension_name(X509_EXTENSION_get_object(X509_get_ext(x509, i)), dotted));
            return true;
        }
    }
    if (lacks_subject(x509)) {
        (void)snprintf(why, SG_FORM_TEXT,
                       "it has no subject, and no critical subjectAltName in its place");
        return true;
    }
    return false;
}

static bool is_crowded(const X509 *x509, char why[SG_FORM_TEXT])
{
    int count = X509_get_ext_count(x509);
    if (count <= EXTENSIONS_MAX) {
        return false;
    }
    (void)snprintf(why, SG_FORM_TEXT, "it has %d extensions, at most %d are taken", count,
                   EXTENSIONS_MAX);
    return true;
}

const char *sg_form_reason(enum sg_x509_form form)
{
    switch (form) {
    case SG_FORM_SOUND:
        return "";
    case SG_FORM_FORBIDDEN:
        return "RFC 5280 forbids it, and Java reads nothing of a ring or truststore that holds it";
    case SG_FORM_UNREADABLE:
        return "Whoever uses it must reject it (RFC 5280, 4.2), and Java does so with the whole "
               "truststore or ring that holds it";
    case SG_FORM_CROWDED:
        return "That is a limit of Signet, which compares each with each";
    }
    return "";
}

static enum sg_x509_form form_of(const X509 *x509, char why[SG_FORM_TEXT])
{
    enum sg_x509_form form = is_crowded(x509, why)         ? SG_FORM_CROWDED
                             : is_forbidden(x509, why)     ? SG_FORM_FORBIDDEN
                             : find_fault(x509, true, why) ? SG_FORM_UNREADABLE
                                                           : SG_FORM_SOUND;
    ERR_clear_error();
    return form;
}

enum sg_x509_form sg_certificate_form(const struct sg_certificate *certificate,
                                      char why[SG_FORM_TEXT])
{
    return form_of(certificate->x509, why);
}

enum sg_x509_form sg_der_form(struct sg_bytes der, char why[SG_FORM_TEXT])
{
    const unsigned char *at = der.data;
    OSSL_LIB_CTX *keyless = sg_x509_keyless();
    SG_CLEANUP(X509_freep) X509 *x509 = keyless != NULL ? X509_new_ex(keyless, NULL) : X509_new();
    if (x509 == NULL || d2i_X509(&x509, &at, (long)der.len) == NULL) {
        ERR_clear_error();
        (void)snprintf(why, SG_FORM_TEXT, "it cannot be read");
        return SG_FORM_FORBIDDEN;
    }
    return form_of(x509, why);
}

bool sg_x509_extension_fault(const X509 *x509, char why[SG_FORM_TEXT])
{
    bool found = find_fault(x509, false, why);
    ERR_clear_error();
    return found;
}
