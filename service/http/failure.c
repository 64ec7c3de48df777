/* An error as JSON. */
#include "http_internal.h"

#include <string.h>

/* How many bytes a UTF-8 sequence that starts here has; 0 when it is none (RFC 3629). */
static size_t sequence_len(const unsigned char *text)
{
    if (text[0] < 0x80) {
        return 1;
    }
    size_t len = text[0] >= 0xc2 && text[0] <= 0xdf   ? 2
                 : text[0] >= 0xe0 && text[0] <= 0xef ? 3
                 : text[0] >= 0xf0 && text[0] <= 0xf4 ? 4
                                                      : 0;
    for (size_t i = 1; i < len; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0; /* a NUL is none either: nothing behind it is read */
        }
    }
    bool overlong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
    bool beyond = (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f);
    return overlong || beyond ? 0 : len;
}

/* A text that was cut to its field may end amid a character, and a name from outside may never have
 * been UTF-8. JSON is. */
static json_t *utf8_string(const char *text)
{
    char clean[sizeof(((struct sg_error *)0)->text)];
    size_t used = 0;
    size_t len = strnlen(text, sizeof clean - 1);
    for (size_t i = 0; i < len;) {
        size_t step = sequence_len((const unsigned char *)text + i);
        if (step == 0 || i + step > len) {
            clean[used++] = '?';
            i++;
            continue;
        }
        memcpy(clean + used, text + i, step);
        used += step;
        i += step;
    }
    return json_stringn(clean, used);
}

json_t *sg_http_error_json(const struct sg_error *err)
{
    return json_pack("{s:{s:s, s:s, s:o, s:o, s:o}}", "error", "code",
                     err->code[0] != '\0' ? err->code : sg_status_info(err->status)->name, "status",
                     sg_status_info(err->status)->name, "text", utf8_string(err->text), "hint",
                     utf8_string(err->hint), "object", utf8_string(err->object));
}
