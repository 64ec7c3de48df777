/* What is this file? Content decides; names and PEM labels are only claims. */
#include "keystore_internal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <openssl/asn1.h>
#include <openssl/err.h>

static const struct {
    const char *text, *hint;
} contents[SG_CONTENT_COUNT] = {
    [SG_CONTENT_CERTIFICATE] = {"a certificate", ""},
    [SG_CONTENT_PKCS7] = {"a PKCS#7 package", ""},
    [SG_CONTENT_REQUEST] = {"a certificate request (CSR)",
                            "Send it to the CA and give the certificate that comes back."},
    [SG_CONTENT_CRL] = {"a certificate revocation list",
                        "Give the certificate file that came with it."},
    [SG_CONTENT_PKCS12] = {"a PKCS#12 keystore",
                           "Take its certificates out: openssl pkcs12 -in FILE -nokeys -out "
                           "certificates.pem (add -legacy for files of Java 8 or Windows)."},
    [SG_CONTENT_JKS] = {"a Java keystore (JKS)", "Take its certificates out: keytool -list -rfc "
                                                 "-keystore FILE > certificates.pem."},
    [SG_CONTENT_JCEKS] =
        {"a Java keystore (JCEKS)",
         "Take its certificates out: keytool -list -rfc -storetype JCEKS -keystore "
         "FILE > certificates.pem."},
    [SG_CONTENT_KDB] = {"an IBM key database (CMS, .kdb)",
                        "Take the certificate out on its host: runmqakm -cert -extract -db FILE "
                        "-stashed -label LABEL -target certificate.pem."},
    [SG_CONTENT_SST] = {"a Windows certificate store (.sst)",
                        "Export the certificates from Windows as Base-64 encoded X.509 (.CER)."},
    [SG_CONTENT_NSS] = {"an SQLite database, perhaps of NSS",
                        "Take the certificate out: certutil -L -d DIRECTORY -n NAME -a > "
                        "certificate.pem."},
    [SG_CONTENT_ZIP] = {"a ZIP archive", "Unpack it and give the certificate files in it."},
    [SG_CONTENT_PRIVATE_KEY] = {"a private key",
                                "Give the certificate that belongs to it, and keep this file to "
                                "yourself."},
    [SG_CONTENT_ENCRYPTED_KEY] = {"a private key, encrypted",
                                  "Give the certificate that belongs to it."},
    [SG_CONTENT_PUBLIC_KEY] = {"a bare public key",
                               "Give the certificate; a key alone says nothing about its owner."},
    [SG_CONTENT_SSH_KEY] = {"an OpenSSH key",
                            "Give an X.509 certificate; SSH keys are of another kind."},
    [SG_CONTENT_PGP] = {"an OpenPGP file",
                        "Give an X.509 certificate; OpenPGP keys are of another kind."},
    [SG_CONTENT_PARAMETERS] = {"key parameters", "Give the certificate file."},
    [SG_CONTENT_UTF16] = {"text in UTF-16", "Convert it: iconv -f UTF-16 -t UTF-8 FILE > "
                                            "certificate.pem."},
    [SG_CONTENT_EBCDIC] = {"text in EBCDIC",
                           "Transfer it from z/OS in text mode, or convert it: iconv -f IBM1047 -t "
                           "UTF-8 FILE > certificate.pem."},
    [SG_CONTENT_HTML] = {"a web page (HTML)",
                         "The download gave a page, perhaps a login or an error; download the "
                         "certificate itself."},
    [SG_CONTENT_BARE_BASE64] = {"base64 without BEGIN and END lines",
                                "Decode it: base64 -d -i FILE > certificate.der."},
    [SG_CONTENT_DASHES] = {"text whose BEGIN line has the wrong dashes",
                           "A web page or mail program changed them; write exactly "
                           "-----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----, five "
                           "hyphens each."},
    [SG_CONTENT_TEXT] = {"text without a certificate",
                         "A certificate begins with -----BEGIN CERTIFICATE-----."},
    [SG_CONTENT_DER] = {"a DER structure of another kind", "openssl asn1parse -inform DER -in FILE "
                                                           "shows what is in it."},
    [SG_CONTENT_BINARY] = {"binary data of no known kind",
                           "If it is a certificate in DER, transfer it again in binary mode."},
};

const char *sg_keystore_content_text(enum sg_content content)
{
    return contents[content].text;
}

const char *sg_keystore_content_hint(enum sg_content content)
{
    return contents[content].hint;
}

/* ---- DER ---- */

struct value {
    int tag;
    bool constructed, universal;
    struct sg_bytes content; /* as much of it as is there */
    size_t total;            /* header and content; 0 when indefinite */
};

/* Read one value's header; content that is cut off is no fault here. */
static bool read_value(struct sg_bytes der, struct value *out)
{
    const unsigned char *at = der.data;
    long len = 0;
    int class = 0;
    int flags = der.len > 1 ? ASN1_get_object(&at, &len, &out->tag, &class, (long)der.len) : 0x80;
    bool cut_off = (flags & 0x80) != 0 && ERR_GET_REASON(ERR_peek_last_error()) == ASN1_R_TOO_LONG;
    ERR_clear_error();
    if ((flags & 0x80) != 0 && !cut_off) {
        return false;
    }
    size_t header = (size_t)(at - der.data);
    size_t there = der.len - header;
    bool indefinite = (flags & 1) != 0;
    out->universal = class == V_ASN1_UNIVERSAL;
    out->constructed = (flags & V_ASN1_CONSTRUCTED) != 0;
    out->content = (struct sg_bytes){at, indefinite || (size_t)len > there ? there : (size_t)len};
    out->total = indefinite ? 0 : header + (size_t)len;
    return true;
}

static bool is(const struct value *value, int tag)
{
    return value->universal && value->tag == tag;
}

size_t sg_keystore_first_value(struct sg_bytes der)
{
    struct value value;
    return read_value(der, &value) && value.total <= der.len ? value.total : 0;
}

/* Step over a value to the next one in the same content. */
static struct sg_bytes behind(struct sg_bytes content, const struct value *value)
{
    size_t used = value->total < content.len ? value->total : content.len;
    return (struct sg_bytes){content.data + used, content.len - used};
}

bool sg_keystore_is_der(struct sg_bytes data)
{
    if (data.len < 3 || data.data[0] != 0x30) {
        return false;
    }
    /* A length in long form (or indefinite) is no character that follows "0" in any text. In short
     * form, as small keys have it, the length must fit and a value must follow. */
    unsigned char length = data.data[1];
    unsigned char next = data.data[2];
    bool short_form = length < 0x80 && (next == V_ASN1_INTEGER || next == 0x30) &&
                      data.len >= 2u + length && data.len <= 4u + length;
    return short_form || (length >= 0x80 && length <= 0x84);
}

/* SEQUENCE { INTEGER version, … }: keys and PKCS#12. */
static enum sg_content identify_versioned(const struct value *version, struct sg_bytes content)
{
    struct value next;
    if (version->content.len != 1 || !read_value(behind(content, version), &next)) {
        return is(version, V_ASN1_INTEGER) && version->content.len > 16 ? SG_CONTENT_PUBLIC_KEY
                                                                        : SG_CONTENT_DER;
    }
    unsigned char number = version->content.data[0];
    if (number == 3) {
        return SG_CONTENT_PKCS12;
    }
    bool key = (number <= 1 && is(&next, V_ASN1_SEQUENCE)) ||
               (number == 0 && is(&next, V_ASN1_INTEGER)) ||
               (number == 1 && is(&next, V_ASN1_OCTET_STRING));
    return key ? SG_CONTENT_PRIVATE_KEY : SG_CONTENT_DER;
}

/* SEQUENCE { SEQUENCE …, … }: what is signed, or a key behind its algorithm. */
static enum sg_content identify_nested(struct sg_bytes der, const struct value *inner,
                                       struct sg_bytes content)
{
    struct value next;
    struct value algorithm;
    if (read_value(inner->content, &algorithm) && is(&algorithm, V_ASN1_OBJECT) &&
        read_value(behind(content, inner), &next)) {
        if (is(&next, V_ASN1_OCTET_STRING)) {
            return SG_CONTENT_ENCRYPTED_KEY;
        }
        return is(&next, V_ASN1_BIT_STRING) ? SG_CONTENT_PUBLIC_KEY : SG_CONTENT_DER;
    }
    const unsigned char *at = der.data;
    SG_CLEANUP(X509_freep) X509 *certificate = d2i_X509(NULL, &at, (long)der.len);
    at = der.data;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)der.len);
    at = der.data;
    X509_CRL *crl = request == NULL ? d2i_X509_CRL(NULL, &at, (long)der.len) : NULL;
    enum sg_content found = certificate != NULL ? SG_CONTENT_CERTIFICATE
                            : request != NULL   ? SG_CONTENT_REQUEST
                            : crl != NULL       ? SG_CONTENT_CRL
                                                : SG_CONTENT_DER;
    X509_REQ_free(request);
    X509_CRL_free(crl);
    ERR_clear_error();
    return found;
}

enum sg_content sg_keystore_identify_der(struct sg_bytes der)
{
    static const unsigned char signed_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                                0x0d, 0x01, 0x07, 0x02};
    struct value outer;
    struct value first;
    if (!read_value(der, &outer) || !is(&outer, V_ASN1_SEQUENCE) ||
        !read_value(outer.content, &first)) {
        return SG_CONTENT_BINARY;
    }
    if (is(&first, V_ASN1_OBJECT)) {
        return first.content.len == sizeof(signed_data) &&
                       memcmp(first.content.data, signed_data, sizeof(signed_data)) == 0
                   ? SG_CONTENT_PKCS7
                   : SG_CONTENT_DER;
    }
    if (is(&first, V_ASN1_INTEGER)) {
        return identify_versioned(&first, outer.content);
    }
    return is(&first, V_ASN1_SEQUENCE) ? identify_nested(der, &first, outer.content)
                                       : SG_CONTENT_DER;
}

/* ---- text and magic numbers ---- */

enum sg_content sg_keystore_identify_label(const char *label)
{
    static const struct {
        const char *part;
        enum sg_content content;
    } labels[] = {
        {"OPENSSH PRIVATE KEY", SG_CONTENT_SSH_KEY},
        {"SSH2 ", SG_CONTENT_SSH_KEY},
        {"PGP ", SG_CONTENT_PGP},
        {"ENCRYPTED PRIVATE KEY", SG_CONTENT_ENCRYPTED_KEY},
        {"PRIVATE KEY", SG_CONTENT_PRIVATE_KEY},
        {"PUBLIC KEY", SG_CONTENT_PUBLIC_KEY},
        {"CERTIFICATE REQUEST", SG_CONTENT_REQUEST},
        {"ATTRIBUTE CERTIFICATE", SG_CONTENT_DER},
        {"CRL", SG_CONTENT_CRL},
        {"PARAMETERS", SG_CONTENT_PARAMETERS},
        {"PKCS7", SG_CONTENT_PKCS7},
        {"PKCS #7", SG_CONTENT_PKCS7},
        {"CMS", SG_CONTENT_PKCS7},
        {"PKCS12", SG_CONTENT_PKCS12},
        {"CERTIFICATE", SG_CONTENT_CERTIFICATE},
    };
    for (size_t i = 0; i < SG_COUNT(labels); i++) {
        if (strstr(label, labels[i].part) != NULL) {
            return labels[i].content;
        }
    }
    return SG_CONTENT_TEXT;
}

static bool contains(struct sg_bytes data, const void *part, size_t len)
{
    return memmem(data.data, data.len, part, len) != NULL;
}

static bool contains_text(struct sg_bytes data, const char *part)
{
    return contains(data, part, strlen(part));
}

static bool begins(struct sg_bytes data, const void *part, size_t len)
{
    return data.len >= len && memcmp(data.data, part, len) == 0;
}

static bool begins_word(struct sg_bytes data, const char *word)
{
    size_t len = strlen(word);
    return data.len >= len && strncasecmp((const char *)data.data, word, len) == 0;
}

static struct sg_bytes without_blanks(struct sg_bytes data)
{
    while (data.len > 0 && isspace(data.data[0])) {
        data.data++;
        data.len--;
    }
    return data;
}

static bool is_text(struct sg_bytes data)
{
    for (size_t i = 0; i < data.len; i++) {
        if (data.data[i] < 0x20 && !isspace(data.data[i])) {
            return false;
        }
    }
    return true;
}

static enum sg_content identify_text(struct sg_bytes data)
{
    struct sg_bytes start = without_blanks(data);
    if (begins_word(start, "<!doctype html") || begins_word(start, "<html") ||
        begins_word(start, "<head")) {
        return SG_CONTENT_HTML;
    }
    if (begins_word(start, "ssh-") || begins_word(start, "ecdsa-sha2-") ||
        begins_word(start, "PuTTY-User-Key-File")) {
        return SG_CONTENT_SSH_KEY;
    }
    if (sg_pem_is_bare_base64(data)) {
        return SG_CONTENT_BARE_BASE64;
    }
    if (contains_text(data, "BEGIN CERTIFICATE") || contains_text(data, "BEGIN PKCS7") ||
        contains_text(data, "BEGIN NEW CERTIFICATE")) {
        return SG_CONTENT_DASHES;
    }
    return is_text(data) ? SG_CONTENT_TEXT : SG_CONTENT_BINARY;
}

/* "-----BEGIN " in code pages 037 and 1047, which agree on it. */
static bool is_ebcdic(struct sg_bytes data)
{
    static const unsigned char begin[] = {0x60, 0x60, 0x60, 0x60, 0x60, 0xc2,
                                          0xc5, 0xc7, 0xc9, 0xd5, 0x40};
    return contains(data, begin, sizeof(begin));
}

static bool is_utf16(struct sg_bytes data)
{
    return begins(data, "\xff\xfe", 2) || begins(data, "\xfe\xff", 2) ||
           contains(data, "-\0-\0B\0E\0G\0", 10) || contains(data, "\0-\0-\0B\0E\0G", 10);
}

static bool is_key_database(struct sg_bytes data)
{
    return data.len > 16 && data.data[0] == 0x37 && data.data[1] == 0x48 &&
           (begins((struct sg_bytes){data.data + 8, data.len - 8}, "X509KEY", 8) ||
            begins((struct sg_bytes){data.data + 8, data.len - 8}, "X509KYP", 8) ||
            begins((struct sg_bytes){data.data + 8, data.len - 8}, "X509CRL", 8));
}

enum sg_content sg_keystore_identify(struct sg_bytes data)
{
    static const struct {
        const char *magic;
        size_t len;
        enum sg_content content;
    } magics[] = {
        {"\xfe\xed\xfe\xed", 4, SG_CONTENT_JKS}, {"\xce\xce\xce\xce", 4, SG_CONTENT_JCEKS},
        {"\0\0\0\0CERT", 8, SG_CONTENT_SST},     {"SQLite format 3", 16, SG_CONTENT_NSS},
        {"PK\003\004", 4, SG_CONTENT_ZIP},
    };
    for (size_t i = 0; i < SG_COUNT(magics); i++) {
        if (begins(data, magics[i].magic, magics[i].len)) {
            return magics[i].content;
        }
    }
    if (is_key_database(data)) {
        return SG_CONTENT_KDB;
    }
    if (is_utf16(data)) {
        return SG_CONTENT_UTF16;
    }
    if (is_ebcdic(data)) {
        return SG_CONTENT_EBCDIC;
    }
    return sg_keystore_is_der(data) ? sg_keystore_identify_der(data) : identify_text(data);
}
