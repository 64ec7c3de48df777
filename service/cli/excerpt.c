#include <stdio.h>
#include <string.h>

#include <signet/cli/arguments.h>

#define EXCERPT_BYTES 60

/* Length of the UTF-8 sequence that a byte starts; 0 when it starts none. */
static size_t sequence(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Bytes of one presentable character at text, or 0. C1 controls (U+0080 … U+009F) move some
 * terminals' cursors. */
static size_t presentable(const unsigned char *text)
{
    size_t len = sequence(text[0]);
    if (len <= 1) {
        return len == 1 && text[0] >= 0x20 && text[0] != 0x7f ? 1 : 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return text[0] == 0xc2 && text[1] < 0xa0 ? 0 : len;
}

struct sg_excerpt sg_excerpt(const char *word)
{
    struct sg_excerpt excerpt = {.text = ""};
    const unsigned char *next = (const unsigned char *)word;
    size_t len = 0;
    while (*next != '\0') {
        size_t step = presentable(next);
        if (len + (step > 0 ? step : 1) > EXCERPT_BYTES) {
            memcpy(excerpt.text + len, "…", sizeof "…");
            return excerpt;
        }
        if (step == 0) {
            excerpt.text[len++] = '?';
            next++;
            continue;
        }
        memcpy(excerpt.text + len, next, step);
        len += step;
        next += step;
    }
    excerpt.text[len] = '\0';
    return excerpt;
}
