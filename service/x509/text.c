/* Text for people, and what OpenSSL has to say. */
#include "x509_internal.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

sg_status sg_x509_ossl(struct sg_error *err)
{
    err->ossl = ERR_peek_last_error();
    ERR_clear_error();
    return err->status;
}

const char *sg_x509_reason(void)
{
    unsigned long last = ERR_peek_last_error();
    const char *reason = last != 0 ? ERR_reason_error_string(last) : NULL;
    return reason != NULL ? reason : "no reason given";
}

sg_status sg_x509_broken(struct sg_error *err, const char *doing)
{
    unsigned long last = ERR_peek_last_error();
    if (ERR_GET_REASON(last) == ERR_R_MALLOC_FAILURE) {
        sg_fail_memory(err);
    } else {
        sg_fail(err, SG_E_INTERNAL, NULL, "%s failed: %s", doing, sg_x509_reason());
    }
    return sg_x509_ossl(err);
}

/* Length of the character at text, 0 when there is none that UTF-8 allows. OpenSSL's reader takes
 * more than RFC 3629 does. */
static size_t character(const unsigned char *text, size_t len, unsigned long *value)
{
    int used = UTF8_getc(text, len > 4 ? 4 : (int)len, value);
    bool good = used > 0 && *value <= 0x10ffff && (*value < 0xd800 || *value > 0xdfff);
    return good ? (size_t)used : 0;
}

bool sg_x509_utf8(const char *text, size_t len, size_t *characters)
{
    size_t count = 0;
    for (size_t at = 0; at < len; count++) {
        unsigned long value = 0;
        size_t used = character((const unsigned char *)text + at, len - at, &value);
        if (used == 0 || value == 0) {
            return false;
        }
        at += used;
    }
    if (characters != NULL) {
        *characters = count;
    }
    return true;
}

static bool is_control(unsigned long value)
{
    return value < 0x20 || (value >= 0x7f && value < 0xa0) || value == 0x2028 || value == 0x2029;
}

/* Write one character of the input, or its first byte as \XX; *used bytes of input, the bytes
 * written. */
static size_t clean_one(const unsigned char *text, size_t len, char out[16], size_t *used)
{
    unsigned long value = 0;
    *used = character(text, len, &value);
    if (*used > 0 && !is_control(value)) {
        memcpy(out, text, *used);
        return *used;
    }
    size_t bad = *used > 0 ? *used : 1;
    *used = bad;
    for (size_t i = 0; i < bad; i++) {
        (void)snprintf(out + 3 * i, 4, "\\%02X", text[i]);
    }
    return 3 * bad;
}

void sg_x509_clean(const unsigned char *text, size_t len, char *out, size_t room)
{
    static const char cut[] = "...";
    size_t written = 0;
    for (size_t at = 0; at < len;) {
        char piece[16];
        size_t used = 0;
        size_t add = clean_one(text + at, len - at, piece, &used);
        bool last = at + used == len;
        if (written + add + (last ? 1 : sizeof(cut)) > room) {
            memcpy(out + written, cut, sizeof(cut));
            return;
        }
        memcpy(out + written, piece, add);
        written += add;
        at += used;
    }
    out[written] = '\0';
}

void sg_x509_duration(int64_t seconds, char out[32])
{
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    size_t i = 0;
    while (i + 1 < SG_COUNT(units) && seconds < units[i].seconds) {
        i++;
    }
    int64_t count = seconds / units[i].seconds;
    (void)snprintf(out, 32, "%lld %s%s", (long long)count, units[i].unit, count == 1 ? "" : "s");
}

ASN1_OBJECT *sg_x509_dotted_object(const char *text)
{
    size_t len = strlen(text);
    /* OBJ_txt2obj reads "1..2" as well. */
    bool dotted = len > 2 && len < 128 && text[strspn(text, "0123456789.")] == '\0' &&
                  text[0] != '.' && text[len - 1] != '.' && strchr(text, '.') != NULL &&
                  strstr(text, "..") == NULL;
    return dotted ? OBJ_txt2obj(text, 1) : NULL;
}
