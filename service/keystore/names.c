/* Names of entries. Java looks aliases up in lower case, and of two that are equal then it silently
 * keeps one; a JKS file with a capital letter in an alias cannot even be listed. So what is written
 * is lower case already, and unique. */
#include "keystore_internal.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <wctype.h>

#include <openssl/asn1.h>

#define NAME_MAX_BYTES 1024

static void locale_freep(const locale_t *locale)
{
    if (*locale != (locale_t)0) {
        freelocale(*locale);
    }
}

static sg_status bad_name(struct sg_error *err, size_t index)
{
    return sg_fail(err, SG_E_INPUT, "bad_name",
                   "the name of entry %zu is not UTF-8 without control characters, or too long",
                   index + 1);
}

/* Write one character in lower case; what Java does in Locale.ENGLISH. */
static size_t put_lower(unsigned long value, locale_t locale, unsigned char out[8])
{
    if (value == 0x130) { /* I with dot above: the one capital whose small form is two characters */
        static const unsigned char small[] = {'i', 0xcc, 0x87};
        memcpy(out, small, sizeof(small));
        return sizeof(small);
    }
    int used = UTF8_putc(out, 8, (unsigned long)towlower_l((wint_t)value, locale));
    return used > 0 ? (size_t)used : 0;
}

static sg_status lower(const char *name, size_t index, locale_t locale, char **out,
                       struct sg_error *err)
{
    const unsigned char *text = (const unsigned char *)name;
    size_t len = strlen(name);
    SG_BUFFER folded;
    sg_buffer_init(&folded, (size_t)4 * NAME_MAX_BYTES);
    for (size_t at = 0; at < len;) {
        unsigned long value = 0;
        unsigned char small[8];
        int used = UTF8_getc(text + at, len - at > 4 ? 4 : (int)(len - at), &value);
        if (used <= 0 || value < 0x20 || (value >= 0x7f && value < 0xa0) || value > 0x10ffff ||
            (value >= 0xd800 && value <= 0xdfff) || len > NAME_MAX_BYTES) {
            return bad_name(err, index);
        }
        sg_status s = sg_buffer_append(&folded, small, put_lower(value, locale, small), err);
        if (s != SG_OK) {
            return s;
        }
        at += (size_t)used;
    }
    if (folded.len == 0) {
        sg_status s = sg_buffer_format(&folded, err, "certificate");
        if (s != SG_OK) {
            return s;
        }
    }
    *out = (char *)sg_buffer_take(&folded, NULL);
    return SG_OK;
}

static bool is_same(const char *left, const char *right)
{
    return left != NULL && right != NULL && strcmp(left, right) == 0;
}

static bool is_taken(const struct sg_aliases *aliases, size_t before, const char *name)
{
    for (size_t i = 0; i < before; i++) {
        if (is_same(aliases->names[i], name)) {
            return true;
        }
    }
    return false;
}

/* How many of the entries before have the same name by themselves: where counting begins. */
static size_t count_same(char *const *bases, size_t before, const char *base)
{
    size_t same = 0;
    for (size_t i = 0; i < before; i++) {
        same += is_same(bases[i], base) ? 1 : 0;
    }
    return same;
}

static sg_status make_unique(struct sg_aliases *aliases, char *const *bases, size_t index,
                             struct sg_error *err)
{
    char *name = bases[index] != NULL ? strdup(bases[index]) : NULL;
    size_t number = count_same(bases, index, bases[index]) + 1;
    /* Ends: each of the names before can be in the way once. */
    while (name != NULL && is_taken(aliases, index, name)) {
        free(name);
        number = number < 2 ? 2 : number;
        if (asprintf(&name, "%s-%zu", bases[index], number++) < 0) {
            name = NULL;
        }
    }
    if (name == NULL) {
        return sg_fail_memory(err);
    }
    aliases->names[index] = name;
    aliases->count = index + 1;
    return SG_OK;
}

void sg_aliases_done(struct sg_aliases *aliases)
{
    for (size_t i = 0; i < aliases->count; i++) {
        free(aliases->names[i]);
    }
    free(aliases->names);
    *aliases = (struct sg_aliases){.count = 0};
}

static sg_status new_list(size_t count, struct sg_aliases *out, struct sg_error *err)
{
    out->names = calloc(count + 1, sizeof(char *));
    return out->names != NULL ? SG_OK : sg_fail_memory(err);
}

static sg_status lower_all(const struct sg_entry *entries, size_t count, struct sg_aliases *out,
                           struct sg_error *err)
{
    SG_CLEANUP(locale_freep) locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (locale == (locale_t)0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "the locale C.UTF-8 is missing");
    }
    for (size_t i = 0; i < count; i++) {
        sg_status s = lower(entries[i].name, i, locale, &out->names[i], err);
        if (s != SG_OK) {
            return s;
        }
        out->count = i + 1;
    }
    return SG_OK;
}

sg_status sg_aliases_make(const struct sg_entry *entries, size_t count, struct sg_aliases *out,
                          struct sg_error *err)
{
    SG_ALIASES bases = {.count = 0};
    SG_ALIASES made = {.count = 0};
    sg_status s = new_list(count, &bases, err);
    if (s == SG_OK) {
        s = new_list(count, &made, err);
    }
    if (s == SG_OK) {
        s = lower_all(entries, count, &bases, err);
    }
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        s = make_unique(&made, bases.names, i, err);
    }
    if (s == SG_OK) {
        *out = made;
        made = (struct sg_aliases){.count = 0};
    }
    return s;
}
