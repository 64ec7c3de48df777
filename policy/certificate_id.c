#include <signet/policy/certificate_id.h>

#include <stddef.h>
#include <string.h>

#include <signet/policy/model.h>

/* Code page 1047 for ASCII 0x20 to 0x7E. */
static const unsigned char ebcdic[] = {
    0x40, 0x5A, 0x7F, 0x7B, 0x5B, 0x6C, 0x50, 0x7D, 0x4D, 0x5D, 0x5C, 0x4E, 0x6B, 0x60, 0x4B, 0x61,
    0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0x7A, 0x5E, 0x4C, 0x7E, 0x6E, 0x6F,
    0x7C, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6,
    0xD7, 0xD8, 0xD9, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xAD, 0xE0, 0xBD, 0x5F, 0x6D,
    0x79, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xC0, 0x4F, 0xD0, 0xA1,
};

static bool put(const char *text, unsigned char *out, size_t *len)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c > 0x7E || *len >= 2 + SG_OWNER_MAX + SG_LABEL_MAX) {
            return false;
        }
        out[(*len)++] = ebcdic[c - 0x20];
    }
    return true;
}

/* Always whole groups of three: the padding with blanks sees to that. */
static void base64(const unsigned char *data, size_t len, char *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i + 2 < len; i += 3) {
        unsigned value = (unsigned)data[i] << 16 | (unsigned)data[i + 1] << 8 | data[i + 2];
        for (unsigned shift = 24; shift > 0; shift -= 6) {
            *out++ = alphabet[(value >> (shift - 6)) & 63];
        }
    }
    *out = '\0';
}

static const char *anchor(const char *owner)
{
    switch (sg_owner_kind(owner)) {
    case SG_OWNER_CERTAUTH:
        return "irrcerta";
    case SG_OWNER_SITE:
        return "irrsitec";
    case SG_OWNER_USER:
        break;
    }
    return owner;
}

bool sg_certificate_id(const char *owner, const char *label, char out[SG_CERTIFICATE_ID_TEXT])
{
    unsigned char bytes[2 + SG_OWNER_MAX + SG_LABEL_MAX + 2] = {0xD9};
    size_t len = 2;
    const char *id = anchor(owner);
    if (strlen(id) > SG_OWNER_MAX || !put(id, bytes, &len)) {
        return false;
    }
    bytes[1] = (unsigned char)(len - 2);
    if (!put(label, bytes, &len)) {
        return false;
    }
    while (len % 3 != 0) {
        bytes[len++] = 0x40;
    }
    base64(bytes, len, out);
    return true;
}
