/* Distinguished names as RACF writes them, from RFC 4514. */
#include "listing_internal.h"

#include <string.h>
#include <strings.h>

/* None is longer than what it stands for: the text may be rewritten in place. */
static const struct {
    const char *x509, *racf;
} types[] = {
    {"ST", "SP"},         {"title", "T"},           {"street", "STREET"},
    {"postalCode", "PC"}, {"emailAddress", "MAIL"}, {"mail", "MAIL"},
};

static char *put_type(const char *type, size_t len, char *out)
{
    for (size_t i = 0; i < SG_COUNT(types); i++) {
        if (strlen(types[i].x509) == len && strncasecmp(types[i].x509, type, len) == 0) {
            len = strlen(types[i].racf);
            memcpy(out, types[i].racf, len);
            return out + len;
        }
    }
    memmove(out, type, len);
    return out + len;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* What stands behind a backslash: two hexadecimal digits, or the character itself. */
static const char *put_escaped(const char *at, char *out)
{
    if (*at == '\0') {
        *out = '?'; /* the text was cut within the escape */
        return at;
    }
    int high = hex_digit(at[0]);
    int low = high >= 0 ? hex_digit(at[1]) : -1;
    if (low < 0) {
        *out = at[0];
        return at + 1;
    }
    int byte = 16 * high + low;
    *out = byte >= 0x20 && byte < 0x7F ? (char)byte : '?';
    return at + 2;
}

/* One value, up to the separator behind it. */
static const char *put_value(const char *at, char **out)
{
    while (*at != '\0' && *at != ',' && *at != '+') {
        if (*at == '\\') {
            at = put_escaped(at + 1, (*out)++);
        } else {
            *(*out)++ = *at++;
        }
    }
    return at;
}

void sg_listing_name(const char *name, char *out)
{
    while (*name != '\0') {
        size_t len = strcspn(name, "=,+\\");
        if (name[len] == '=') {
            out = put_type(name, len, out);
            *out++ = '=';
            name += len + 1;
        }
        name = put_value(name, &out);
        if (*name != '\0') {
            *out++ = *name++ == ',' ? '.' : '+';
        }
    }
    *out = '\0';
}
