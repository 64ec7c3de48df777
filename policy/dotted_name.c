/* Distinguished names in RACF's notation, with what must be known of them to compare them safely.
 */
#include <signet/policy/name_filter.h>

#include <stdio.h>
#include <string.h>

#include "utf8_internal.h"

const char *const *sg_dotted_types(void)
{
    static const char *const types[] = {
        "CN", "T",   "OU",           "O",           "L",  "SP", "C",  "STREET", "PC", "MAIL",
        "DC", "UID", "serialNumber", "dnQualifier", "GN", "SN", NULL,
    };
    return types;
}

static bool is_word(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* Behind a period or a plus sign something like "O=" or "OID.2.5.4.3=": it could be taken for a
 * part of its own. */
static bool reads_like_two(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (value[i] != '.' && value[i] != '+') {
            continue;
        }
        size_t end = i + 1;
        while (end < len && (is_word(value[end]) || value[end] == '.')) {
            end++;
        }
        if (end > i + 1 && end < len && value[end] == '=') {
            return true;
        }
        i = end - 1; /* what ends in no "=" does not from a later period on either */
    }
    return false;
}

static bool can_be_shown(const char *value, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t point = 0;
        size_t size = sg_utf8_read(value + i, len - i, &point);
        if (size == 0 || sg_utf8_is_control(point)) {
            return false;
        }
        i += size;
    }
    return true;
}

static bool append(struct sg_dotted_name *name, const char *text, size_t len)
{
    if (len > SG_DOTTED_BYTES - name->len) {
        return false;
    }
    memcpy(name->text + name->len, text, len);
    name->len += len;
    name->text[name->len] = '\0';
    return true;
}

static bool append_type(struct sg_dotted_name *name, const char *type)
{
    bool numeric = type[0] >= '0' && type[0] <= '9';
    return (!numeric || append(name, "OID.", 4)) && append(name, type, strlen(type)) &&
           append(name, "=", 1);
}

/* The separator, and where the part begins. */
static bool begin(struct sg_dotted_name *name, bool joined)
{
    if (joined && name->count > 0) {
        return append(name, "+", 1);
    }
    if (name->count == SG_DOTTED_PARTS || (name->count > 0 && !append(name, ".", 1))) {
        return false;
    }
    name->starts[name->count++] = name->len;
    return true;
}

void sg_dotted_add(struct sg_dotted_name *name, const char *type, const char *value, size_t len,
                   bool joined)
{
    struct sg_dotted_name before = {.len = name->len, .count = name->count};
    bool shown = can_be_shown(value, len);
    bool fits = begin(name, joined) && append_type(name, type) &&
                append(name, shown ? value : "?", shown ? len : 1);
    if (!fits) {
        name->len = before.len;
        name->count = before.count;
        name->text[name->len] = '\0';
        name->cut = true;
    } else if (!shown || reads_like_two(value, len)) {
        name->clear_from = name->count;
    }
    if (name->cut) {
        name->clear_from = name->count;
    }
}
