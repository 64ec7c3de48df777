/* Subject alternative names: "dns:web.example.com", "ip:192.0.2.1", "email:a@example.com",
 * "uri:https://…" (RFC 5280, 4.2.1.6). */
#include "x509_internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#define DNS_MAX 253   /* characters */
#define LABEL_MAX 63  /* characters of one DNS label */
#define EMAIL_MAX 254 /* characters (RFC 5321, 4.5.3.1.3) */
#define URI_MAX 2048
#define SANS_MAX 1000 /* in one certificate */

static sg_status bad_san(struct sg_error *err, const char *text, const char *reason)
{
    char clean[300];
    sg_x509_clean((const unsigned char *)text, strlen(text), clean, sizeof(clean));
    sg_fail(err, SG_E_INPUT, "bad_san", "alternative name \"%s\": %s", clean, reason);
    return sg_object(err, "%s", clean);
}

static bool is_ascii_graph(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= 0x20 || *text >= 0x7f) {
            return false;
        }
    }
    return true;
}

static bool label_is_sound(const char *label, size_t len)
{
    if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)label[i]) && label[i] != '-') {
            return false;
        }
    }
    return true;
}

/* Letters, digits and hyphens in labels of 1 to 63 (RFC 1123, 2.1). */
static bool domain_is_sound(const char *name)
{
    if (strlen(name) > DNS_MAX) {
        return false;
    }
    for (;;) {
        size_t len = strcspn(name, ".");
        if (!label_is_sound(name, len)) {
            return false;
        }
        if (name[len] == '\0') {
            return true;
        }
        name += len + 1;
    }
}

static bool is_ip(const char *text, unsigned char bytes[16], size_t *len)
{
    if (inet_pton(AF_INET, text, bytes) == 1) {
        *len = 4;
        return true;
    }
    *len = 16;
    return inet_pton(AF_INET6, text, bytes) == 1;
}

static bool is_utf8_letterly(const char *name)
{
    for (; *name != '\0'; name++) {
        if ((unsigned char)*name >= 0x80) {
            return true;
        }
    }
    return false;
}

static sg_status check_dns(const char *text, const char *name, struct sg_error *err)
{
    unsigned char bytes[16];
    size_t len = 0;
    if (is_ip(name, bytes, &len)) {
        bad_san(err, text, "this is an address, not a host name");
        return sg_hint(err, "Write ip:%s; clients compare addresses with ip: entries only.", name);
    }
    if (is_utf8_letterly(name)) {
        bad_san(err, text, "host names hold ASCII only");
        return sg_hint(err, "Write an internationalised name in its ASCII form (\"xn--...\"); "
                            "\"idn2 NAME\" prints it.");
    }
    const char *rest = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
    if (strlen(name) > DNS_MAX) {
        return bad_san(err, text, "host names have at most 253 characters");
    }
    if (strchr(rest, '*') != NULL) {
        bad_san(err, text, "a wildcard stands alone as the leftmost label");
        return sg_hint(err, "Write dns:*.example.com.");
    }
    if (!domain_is_sound(rest)) {
        bad_san(err, text, "not a host name");
        return sg_hint(err, "Labels of 1 to 63 letters, digits and hyphens, separated by dots; no "
                            "blank, underscore, port, path or dot at the end.");
    }
    return SG_OK;
}

static bool mailbox_is_sound(const char *local, size_t len)
{
    if (len == 0 || len > 64 || local[0] == '.' || local[len - 1] == '.') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)local[i]) && strchr("!#$%&'*+-/=?^_`{|}~.", local[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static sg_status check_email(const char *text, const char *address, struct sg_error *err)
{
    const char *at = strrchr(address, '@');
    if (at == NULL || strlen(address) > EMAIL_MAX ||
        !mailbox_is_sound(address, (size_t)(at - address)) || !domain_is_sound(at + 1)) {
        bad_san(err, text, "not a mail address");
        return sg_hint(err,
                       "Write email:someone@example.com, in ASCII and without a display name.");
    }
    return SG_OK;
}

/* A scheme (RFC 3986, 3.1) and something behind it; relative references are forbidden (RFC 5280).
 */
static sg_status check_uri(const char *text, const char *uri, struct sg_error *err)
{
    size_t scheme =
        strspn(uri, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-.");
    bool sound = isalpha((unsigned char)uri[0]) && uri[scheme] == ':' && uri[scheme + 1] != '\0' &&
                 strlen(uri) <= URI_MAX && is_ascii_graph(uri) &&
                 strpbrk(uri, "<>\"{}|\\^`") == NULL;
    if (!sound) {
        bad_san(err, text, "not an absolute URI");
        return sg_hint(err, "Write uri:https://example.com/path; encode other characters with %%.");
    }
    return SG_OK;
}

static sg_status make_text_name(const char *value, int type, GENERAL_NAME **out,
                                struct sg_error *err)
{
    SG_CLEANUP(GENERAL_NAME_freep) GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *string = ASN1_IA5STRING_new();
    if (name == NULL || string == NULL || ASN1_STRING_set(string, value, -1) != 1) {
        ASN1_IA5STRING_free(string);
        return sg_fail_memory(err);
    }
    GENERAL_NAME_set0_value(name, type, string);
    *out = SG_STEAL(name);
    return SG_OK;
}

static sg_status make_ip(const char *text, const char *value, GENERAL_NAME **out,
                         struct sg_error *err)
{
    unsigned char bytes[16];
    size_t len = 0;
    if (!is_ip(value, bytes, &len)) {
        bad_san(err, text, "not an IPv4 or IPv6 address");
        return sg_hint(err, "Write ip:192.0.2.1 or ip:2001:db8::1, without brackets, zone, port or "
                            "prefix length.");
    }
    SG_CLEANUP(GENERAL_NAME_freep) GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_OCTET_STRING *string = ASN1_OCTET_STRING_new();
    if (name == NULL || string == NULL || ASN1_OCTET_STRING_set(string, bytes, (int)len) != 1) {
        ASN1_OCTET_STRING_free(string);
        return sg_fail_memory(err);
    }
    GENERAL_NAME_set0_value(name, GEN_IPADD, string);
    *out = SG_STEAL(name);
    return SG_OK;
}

/* The value behind a prefix such as "dns:", or NULL. */
static const char *behind(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncasecmp(text, prefix, len) == 0 ? text + len : NULL;
}

static const struct text_kind {
    const char *prefix;
    int type;
    sg_status (*check)(const char *text, const char *value, struct sg_error *err);
} text_kinds[] = {
    {"dns:", GEN_DNS, check_dns}, {"email:", GEN_EMAIL, check_email}, {"uri:", GEN_URI, check_uri}};

sg_status sg_x509_san_parse(const char *text, GENERAL_NAME **out, struct sg_error *err)
{
    for (size_t i = 0; i < SG_COUNT(text_kinds); i++) {
        const char *value = behind(text, text_kinds[i].prefix);
        if (value != NULL) {
            sg_status s = text_kinds[i].check(text, value, err);
            return s == SG_OK ? make_text_name(value, text_kinds[i].type, out, err) : s;
        }
    }
    const char *address = behind(text, "ip:");
    if (address != NULL) {
        return make_ip(text, address, out, err);
    }
    bad_san(err, text, "unknown kind");
    return sg_hint(err, "Write dns:NAME, ip:ADDRESS, email:ADDRESS or uri:URI.");
}

sg_status sg_x509_san_add(GENERAL_NAMES *names, GENERAL_NAME **name, struct sg_error *err)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, i), *name) == 0) {
            GENERAL_NAME_free(SG_STEAL(*name));
            return SG_OK;
        }
    }
    if (sk_GENERAL_NAME_num(names) >= SANS_MAX) {
        return sg_fail(err, SG_E_LIMIT, "too_many_sans", "more than %d alternative names",
                       SANS_MAX);
    }
    if (sk_GENERAL_NAME_push(names, *name) <= 0) {
        return sg_fail_memory(err);
    }
    *name = NULL;
    return SG_OK;
}

sg_status sg_x509_sans_parse(const char *const *sans, size_t count, GENERAL_NAMES **out,
                             struct sg_error *err)
{
    SG_CLEANUP(GENERAL_NAMES_freep) GENERAL_NAMES *names = GENERAL_NAMES_new();
    if (names == NULL) {
        return sg_fail_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        SG_CLEANUP(GENERAL_NAME_freep) GENERAL_NAME *name = NULL;
        sg_status s = sg_x509_san_parse(sans[i], &name, err);
        if (s == SG_OK) {
            s = sg_x509_san_add(names, &name, err);
        }
        if (s != SG_OK) {
            return s;
        }
    }
    *out = SG_STEAL(names);
    return SG_OK;
}

static sg_status append_clean(struct sg_buffer *out, const char *prefix, const ASN1_STRING *string,
                              struct sg_error *err)
{
    char clean[URI_MAX + 16];
    int len = ASN1_STRING_length(string);
    sg_x509_clean(ASN1_STRING_get0_data(string), len > 0 ? (size_t)len : 0, clean, sizeof(clean));
    return sg_buffer_format(out, err, "%s%s", prefix, clean);
}

static sg_status append_ip(struct sg_buffer *out, const ASN1_OCTET_STRING *address,
                           struct sg_error *err)
{
    char text[INET6_ADDRSTRLEN] = "";
    int len = ASN1_STRING_length(address);
    if (len != 4 && len != 16) {
        return sg_buffer_format(out, err, "ip:malformed (%d bytes)", len);
    }
    (void)inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text,
                    sizeof(text));
    return sg_buffer_format(out, err, "ip:%s", text);
}

static sg_status append_directory(struct sg_buffer *out, const X509_NAME *name,
                                  struct sg_error *err)
{
    char text[SG_DN_TEXT];
    sg_x509_name_text(name, text);
    return sg_buffer_format(out, err, "dirname:%s", text);
}

static sg_status append_object(struct sg_buffer *out, const char *prefix, const ASN1_OBJECT *object,
                               struct sg_error *err)
{
    char text[128] = "";
    (void)OBJ_obj2txt(text, sizeof(text), object, 1);
    return sg_buffer_format(out, err, "%s%s", prefix, text);
}

static sg_status append_name(const GENERAL_NAME *name, struct sg_buffer *out, struct sg_error *err)
{
    switch (name->type) {
    case GEN_DNS:
        return append_clean(out, "dns:", name->d.dNSName, err);
    case GEN_EMAIL:
        return append_clean(out, "email:", name->d.rfc822Name, err);
    case GEN_URI:
        return append_clean(out, "uri:", name->d.uniformResourceIdentifier, err);
    case GEN_IPADD:
        return append_ip(out, name->d.iPAddress, err);
    case GEN_DIRNAME:
        return append_directory(out, name->d.directoryName, err);
    case GEN_RID:
        return append_object(out, "rid:", name->d.registeredID, err);
    case GEN_OTHERNAME:
        return append_object(out, "other:", name->d.otherName->type_id, err);
    default:
        return sg_buffer_format(out, err, "other:%d", name->type);
    }
}

sg_status sg_x509_san_text(const GENERAL_NAME *name, struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = append_name(name, out, err);
    return s == SG_OK ? sg_buffer_append(out, "", 1, err) : s;
}
