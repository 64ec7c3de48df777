#include "utf8_internal.h"

/* Lead byte: how many bytes follow, and the least code point that needs so many. */
static bool read_lead(unsigned char lead, size_t *following, uint32_t *bits, uint32_t *least)
{
    if (lead < 0x80) {
        *following = 0;
        *bits = lead;
        *least = 0;
    } else if ((lead & 0xE0) == 0xC0) {
        *following = 1;
        *bits = lead & 0x1Fu;
        *least = 0x80;
    } else if ((lead & 0xF0) == 0xE0) {
        *following = 2;
        *bits = lead & 0x0Fu;
        *least = 0x800;
    } else if ((lead & 0xF8) == 0xF0) {
        *following = 3;
        *bits = lead & 0x07u;
        *least = 0x10000;
    } else {
        return false;
    }
    return true;
}

size_t sg_utf8_read(const char *text, size_t len, uint32_t *point)
{
    size_t following = 0;
    uint32_t value = 0;
    uint32_t least = 0;
    if (len == 0 || !read_lead((unsigned char)text[0], &following, &value, &least) ||
        following >= len) {
        return 0;
    }
    for (size_t i = 1; i <= following; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (byte & 0x3Fu);
    }
    if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *point = value;
    return following + 1;
}

bool sg_utf8_is_control(uint32_t point)
{
    bool line = point == 0x2028 || point == 0x2029;
    bool direction = (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || line || direction;
}
