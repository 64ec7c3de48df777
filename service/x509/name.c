/* Distinguished names: as people type them (RFC 4514, or OpenSSL's line with slashes), as DER, as
 * text. */
#include "x509_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#define PARTS_MAX 64

enum value_kind { TEXT, COUNTRY, IA5, PRINTABLE };

/* Upper bounds: RFC 5280, appendix A; X.520 for title and street; RFC 4519 for UID. */
static const struct attribute {
    const char *words[3];
    int nid;
    unsigned max; /* characters */
    enum value_kind kind;
} attributes[] = {
    {{"CN", "commonName"}, NID_commonName, 64, TEXT},
    {{"T", "title"}, NID_title, 64, TEXT},
    {{"OU", "organizationalUnitName"}, NID_organizationalUnitName, 64, TEXT},
    {{"O", "organizationName"}, NID_organizationName, 64, TEXT},
    {{"L", "localityName"}, NID_localityName, 128, TEXT},
    {{"ST", "SP", "S"}, NID_stateOrProvinceName, 128, TEXT},
    {{"stateOrProvinceName"}, NID_stateOrProvinceName, 128, TEXT},
    {{"C", "countryName"}, NID_countryName, 2, COUNTRY},
    {{"STREET", "streetAddress"}, NID_streetAddress, 128, TEXT},
    {{"DC", "domainComponent"}, NID_domainComponent, 63, IA5},
    {{"UID", "userId"}, NID_userId, 256, TEXT},
    {{"serialNumber"}, NID_serialNumber, 64, PRINTABLE},
    {{"emailAddress", "MAIL", "E"}, NID_pkcs9_emailAddress, 255, IA5},
    {{"GN", "givenName"}, NID_givenName, 64, TEXT},
    {{"SN", "surname"}, NID_surname, 64, TEXT},
    {{"dnQualifier"}, NID_dnQualifier, 64, PRINTABLE},
};

/* One "type=value" as it was read. */
struct part {
    char type[64];
    char value[SG_DN_TEXT];
    size_t len;
};

/* Where the reader stands. */
struct cursor {
    const char *at;
    char separator; /* between RDNs: ',' or '/' */
};

static sg_status bad_subject(struct sg_error *err, const char *reason, const char *what)
{
    char clean[100];
    sg_x509_clean((const unsigned char *)what, strlen(what), clean, sizeof(clean));
    return sg_fail(err, SG_E_INPUT, "bad_subject", "subject: %s: \"%s\"", reason, clean);
}

static void skip_blanks(struct cursor *c)
{
    while (*c->at == ' ') {
        c->at++;
    }
}

static sg_status read_type(struct cursor *c, struct part *part, struct sg_error *err)
{
    skip_blanks(c);
    size_t len = strspn(c->at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-");
    const char *start = c->at;
    c->at += len;
    skip_blanks(c);
    if (len == 0 || *c->at != '=') {
        bad_subject(err, "expected an attribute such as CN=", start);
        return c->separator == '/'
                   ? sg_hint(err, "Write a slash inside a value as \"\\/\".")
                   : sg_hint(err, "Separate attributes with commas (CN=web,O=Org,C=GB); write a "
                                  "comma inside a value as \"\\,\".");
    }
    if (len >= sizeof(part->type)) {
        return bad_subject(err, "attribute name is too long", start);
    }
    memcpy(part->type, start, len);
    part->type[len] = '\0';
    c->at++;
    skip_blanks(c);
    return SG_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    int lower = tolower((unsigned char)c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Behind a backslash: one special character, or two hexadecimal digits of a byte (RFC 4514, 3). */
static bool read_escape(struct cursor *c, char *out)
{
    int high = hex_digit(c->at[0]);
    int low = high >= 0 ? hex_digit(c->at[1]) : -1;
    if (low >= 0) {
        *out = (char)(high * 16 + low);
        c->at += 2;
        return true;
    }
    if (*c->at == '\0' || strchr(" \"#+,;<=>\\/", *c->at) == NULL) {
        return false;
    }
    *out = *c->at++;
    return true;
}

static bool value_ends(const struct cursor *c)
{
    return *c->at == '\0' || *c->at == c->separator || *c->at == '+';
}

/* Read up to the next separator. Blanks at the end are dropped, except where they were escaped. */
static sg_status read_plain(struct cursor *c, struct part *part, struct sg_error *err)
{
    size_t kept = 0;
    while (!value_ends(c)) {
        bool escaped = *c->at == '\\';
        char byte = *c->at++;
        if (escaped && !read_escape(c, &byte)) {
            return bad_subject(err, "a backslash that escapes nothing", c->at - 1);
        }
        if (!escaped && (byte == '"' || (byte == ';' && c->separator == ','))) {
            bad_subject(err, "this character must be escaped", c->at - 1);
            return sg_hint(err, "Put a backslash before it: \\%c", byte);
        }
        part->value[part->len++] = byte;
        kept = escaped || byte != ' ' ? part->len : kept;
    }
    part->len = kept;
    return SG_OK;
}

/* A value in quotation marks (RFC 1779; many people still type it). */
static sg_status read_quoted(struct cursor *c, struct part *part, struct sg_error *err)
{
    const char *start = c->at++;
    while (*c->at != '"') {
        char byte = *c->at;
        if (byte == '\0') {
            return bad_subject(err, "a quotation mark is not closed", start);
        }
        c->at++;
        if (byte == '\\' && !read_escape(c, &byte)) {
            return bad_subject(err, "a backslash that escapes nothing", c->at - 1);
        }
        part->value[part->len++] = byte;
    }
    c->at++;
    skip_blanks(c);
    return value_ends(c) ? SG_OK : bad_subject(err, "text behind a closing quotation mark", c->at);
}

static sg_status read_part(struct cursor *c, struct part *part, struct sg_error *err)
{
    part->len = 0;
    sg_status s = read_type(c, part, err);
    if (s != SG_OK) {
        return s;
    }
    if (*c->at == '#' && c->separator == ',') {
        bad_subject(err, "values in hexadecimal DER are not taken", c->at);
        return sg_hint(err, "Write a leading # as \"\\#\".");
    }
    s = *c->at == '"' ? read_quoted(c, part, err) : read_plain(c, part, err);
    if (s == SG_OK && part->len == 0) {
        return bad_subject(err, "attribute without a value", part->type);
    }
    return s;
}

static const struct attribute *find_attribute(const char *type)
{
    for (size_t i = 0; i < SG_COUNT(attributes); i++) {
        for (size_t w = 0; w < SG_COUNT(attributes[i].words); w++) {
            const char *word = attributes[i].words[w];
            if (word != NULL && strcasecmp(word, type) == 0) {
                return &attributes[i];
            }
        }
    }
    return NULL;
}

static bool is_printable(const char *value, size_t len)
{
    return ASN1_PRINTABLE_type((const unsigned char *)value, (int)len) == V_ASN1_PRINTABLESTRING;
}

static bool is_ascii(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)value[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static bool is_country(const char *value, size_t len)
{
    return len == 2 && isalpha((unsigned char)value[0]) && isalpha((unsigned char)value[1]);
}

static const char *kind_fault(const struct attribute *attribute, const struct part *part)
{
    switch (attribute->kind) {
    case COUNTRY:
        return is_country(part->value, part->len)
                   ? NULL
                   : "a country is two letters (ISO 3166), such as GB";
    case IA5:
        return is_ascii(part->value, part->len) ? NULL : "only ASCII characters are allowed here";
    case PRINTABLE:
        return is_printable(part->value, part->len)
                   ? NULL
                   : "only letters, digits and '()+,-./:=? are allowed here";
    case TEXT:
        return NULL;
    }
    return NULL;
}

static bool has_control(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static sg_status check_value(const struct attribute *attribute, const struct part *part,
                             struct sg_error *err)
{
    size_t characters = 0;
    if (has_control(part->value, part->len) || !sg_x509_utf8(part->value, part->len, &characters)) {
        return bad_subject(err, "a value with control characters or invalid UTF-8", part->type);
    }
    if (attribute == NULL) {
        return SG_OK;
    }
    const char *fault = kind_fault(attribute, part);
    if (fault != NULL) {
        char value[SG_DN_TEXT];
        (void)snprintf(value, sizeof(value), "%s=%.*s", part->type, (int)part->len, part->value);
        return bad_subject(err, fault, value);
    }
    if (characters > attribute->max) {
        sg_fail(err, SG_E_INPUT, "bad_subject",
                "subject: %s has %zu characters, at most %u are allowed", part->type, characters,
                attribute->max);
        return sg_hint(err, "Shorten it; host names belong in a subject alternative name "
                            "(--san dns:...).");
    }
    return SG_OK;
}

static ASN1_OBJECT *attribute_object(const struct attribute *attribute, const char *type)
{
    if (attribute != NULL) {
        return OBJ_nid2obj(attribute->nid);
    }
    const char *dotted = strncasecmp(type, "oid.", 4) == 0 ? type + 4 : type;
    return sg_x509_dotted_object(dotted);
}

/* loc and set are X509_NAME_add_entry's: where to insert, and -1 to join the RDN before. */
static sg_status add_part(X509_NAME *name, const struct part *part, int loc, int set,
                          struct sg_error *err)
{
    const struct attribute *attribute = find_attribute(part->type);
    SG_CLEANUP(ASN1_OBJECT_freep) ASN1_OBJECT *object = attribute_object(attribute, part->type);
    if (object == NULL) {
        bad_subject(err, "unknown attribute", part->type);
        (void)sg_x509_ossl(err);
        return sg_hint(err, "Known are CN, T, OU, O, L, ST (SP), C, STREET, DC, UID, serialNumber, "
                            "emailAddress, GN, SN, dnQualifier and dotted object identifiers.");
    }
    sg_status s = check_value(attribute, part, err);
    if (s != SG_OK) {
        return s;
    }
    if (X509_NAME_add_entry_by_OBJ(name, object, MBSTRING_UTF8, (const unsigned char *)part->value,
                                   (int)part->len, loc, set) != 1) {
        bad_subject(err, "OpenSSL refuses this attribute", part->type);
        return sg_x509_ossl(err);
    }
    return SG_OK;
}

/* Read one RDN, which has several parts when they are joined by "+". Typed with commas the most
 * specific comes first, and DER wants it last (RFC 4514, 2.1): so each RDN goes before those
 * already there. */
static sg_status read_rdn(struct cursor *c, X509_NAME *name, struct part *part, size_t *parts,
                          struct sg_error *err)
{
    for (int in_rdn = 0;; in_rdn++) {
        sg_status s = read_part(c, part, err);
        if (s == SG_OK) {
            s = add_part(name, part, c->separator == ',' ? in_rdn : -1, in_rdn > 0 ? -1 : 0, err);
        }
        if (s != SG_OK) {
            return s;
        }
        if (++*parts > PARTS_MAX) {
            return sg_fail(err, SG_E_INPUT, "bad_subject", "subject: more than %d attributes",
                           PARTS_MAX);
        }
        if (*c->at != '+') {
            return SG_OK;
        }
        c->at++;
    }
}

static sg_status read_name(struct cursor *c, X509_NAME *name, struct sg_error *err)
{
    SG_FREE struct part *part = calloc(1, sizeof(*part));
    size_t parts = 0;
    if (part == NULL) {
        return sg_fail_memory(err);
    }
    skip_blanks(c);
    while (*c->at != '\0') {
        sg_status s = read_rdn(c, name, part, &parts, err);
        if (s != SG_OK) {
            return s;
        }
        if (*c->at == c->separator) {
            c->at++;
            if (*c->at == '\0') {
                return bad_subject(err, "nothing follows the last separator", part->type);
            }
        }
    }
    return SG_OK;
}

sg_status sg_x509_name_parse(const char *text, X509_NAME **out, struct sg_error *err)
{
    size_t len = strlen(text);
    if (len >= SG_DN_TEXT) {
        return sg_fail(err, SG_E_INPUT, "bad_subject", "subject: %zu bytes, at most %d are allowed",
                       len, SG_DN_TEXT - 1);
    }
    if (!sg_x509_utf8(text, len, NULL)) {
        return sg_fail(err, SG_E_INPUT, "bad_subject", "subject: not valid UTF-8");
    }
    SG_CLEANUP(X509_NAME_freep) X509_NAME *name = X509_NAME_new();
    if (name == NULL) {
        return sg_fail_memory(err);
    }
    struct cursor c = {.at = text, .separator = ','};
    if (*text == '/') {
        c = (struct cursor){.at = text + 1, .separator = '/'};
    }
    sg_status s = read_name(&c, name, err);
    if (s == SG_OK) {
        *out = SG_STEAL(name);
    }
    return s;
}

sg_status sg_x509_name_from_der(struct sg_bytes der, X509_NAME **out, struct sg_error *err)
{
    const unsigned char *at = der.data;
    SG_CLEANUP(X509_NAME_freep)
    X509_NAME *name = der.len > 0 && der.len <= SG_CERTIFICATE_MAX
                          ? d2i_X509_NAME(NULL, &at, (long)der.len)
                          : NULL;
    if (name == NULL || at != der.data + der.len) {
        sg_fail(err, SG_E_INPUT, "bad_subject", "subject: not a distinguished name in DER");
        return sg_x509_ossl(err);
    }
    *out = SG_STEAL(name);
    return SG_OK;
}

/* RFC 4514 with UTF-8 left as it is. A string OpenSSL cannot convert is shown as hexadecimal DER
 * instead. */
static bool print_name(BIO *bio, const X509_NAME *name)
{
    const unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    if (X509_NAME_print_ex(bio, name, 0, flags) >= 0) {
        return true;
    }
    (void)BIO_reset(bio);
    return X509_NAME_print_ex(bio, name, 0, flags | ASN1_STRFLGS_DUMP_ALL) >= 0;
}

void sg_x509_name_text(const X509_NAME *name, char out[SG_DN_TEXT])
{
    SG_CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
    const char *text = NULL;
    out[0] = '\0';
    if (bio != NULL && print_name(bio, name)) {
        long len = BIO_get_mem_data(bio, &text);
        sg_x509_clean((const unsigned char *)text, len > 0 ? (size_t)len : 0, out, SG_DN_TEXT);
    }
    ERR_clear_error();
}

void sg_x509_name_cn(const X509_NAME *name, char *out, size_t room)
{
    int last = -1;
    out[0] = '\0';
    for (int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1); i >= 0;
         i = X509_NAME_get_index_by_NID(name, NID_commonName, i)) {
        last = i;
    }
    if (last < 0) {
        return;
    }
    SG_DER unsigned char *text = NULL;
    int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
    if (len > 0) {
        sg_x509_clean(text, (size_t)len, out, room);
    }
    ERR_clear_error();
}
