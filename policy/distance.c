#include <signet/policy/name.h>

#include <stdint.h>
#include <string.h>

#include "utf8_internal.h"

/* Distances from here on are all "not alike". */
#define FAR 4u

struct points {
    size_t count;
    uint32_t at[SG_RING_MAX];
};

/* Case is ignored for ASCII: owners, labels and rings differ by that in practice, and tables of
 * Unicode do not belong here. */
static uint32_t fold(uint32_t point)
{
    return point >= 'A' && point <= 'Z' ? point - 'A' + 'a' : point;
}

/* False when the text has more characters than any name of ours. Bytes that are not UTF-8 stand for
 * themselves. */
static bool read_points(const char *text, struct points *out)
{
    size_t len = strlen(text);
    out->count = 0;
    for (size_t i = 0; i < len;) {
        if (out->count == SG_RING_MAX) {
            return false;
        }
        uint32_t point = (unsigned char)text[i];
        size_t size = sg_utf8_read(text + i, len - i, &point);
        out->at[out->count++] = fold(point);
        i += size > 0 ? size : 1;
    }
    return true;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* One row of Levenshtein's table. Only cells closer than FAR to the diagonal can hold less than
 * FAR. */
static void next_row(const struct points *a, const struct points *b, size_t i,
                     const unsigned *above, unsigned *row)
{
    size_t first = i > FAR ? i - FAR : 0;
    size_t last = i + FAR < b->count ? i + FAR : b->count;
    for (size_t j = 0; j <= b->count; j++) {
        row[j] = FAR;
    }
    for (size_t j = first; j <= last; j++) {
        unsigned best = above[j] + 1;
        if (j > 0) {
            best = least(best, row[j - 1] + 1);
            best = least(best, above[j - 1] + (a->at[i - 1] != b->at[j - 1]));
        }
        row[j] = least(best, FAR);
    }
}

unsigned sg_name_distance(const char *a, const char *b)
{
    struct points left;
    struct points right;
    if (!read_points(a, &left) || !read_points(b, &right)) {
        return strcmp(a, b) == 0 ? 0 : FAR;
    }
    if (left.count > right.count + FAR || right.count > left.count + FAR) {
        return FAR;
    }
    unsigned rows[2][SG_RING_MAX + 1] = {{0}};
    for (size_t j = 0; j <= right.count; j++) {
        rows[0][j] = j < FAR ? (unsigned)j : FAR;
    }
    for (size_t i = 1; i <= left.count; i++) {
        next_row(&left, &right, i, rows[(i - 1) % 2], rows[i % 2]);
    }
    return rows[left.count % 2][right.count];
}
