#include <signet/base/ascii.h>
#include <signet/policy/profile.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "utf8_internal.h"

static const char *const class_names[SG_CLASS_COUNT] = {"FACILITY", "RDATALIB", "DIGTCRIT"};

const char *sg_class_name(enum sg_class class)
{
    return (unsigned)class < SG_CLASS_COUNT ? class_names[class] : "?";
}

bool sg_class_parse(const char *text, enum sg_class *out)
{
    for (unsigned i = 0; i < SG_CLASS_COUNT; i++) {
        if (strcasecmp(text, class_names[i]) == 0) {
            *out = (enum sg_class)i;
            return true;
        }
    }
    return false;
}

bool sg_level_parse(const char *text, enum sg_level *out)
{
    for (int i = SG_LEVEL_NONE; i <= SG_LEVEL_CONTROL; i++) {
        if (strcasecmp(text, sg_level_name((enum sg_level)i)) == 0) {
            *out = (enum sg_level)i;
            return true;
        }
    }
    return false;
}

/* ---- names ---- */

static sg_status refuse(struct sg_error *err, size_t position, const char *reason)
{
    (void)sg_fail(err, SG_E_INPUT, "bad_profile",
                  "the profile's name is not well-formed: %s at character %zu", reason, position);
    return sg_hint(
        err, "Qualifiers are parted by dots: IRR.DIGTCERT.LIST, START1.KEY.LST. Generic: %% for "
             "one character, * at the end of a qualifier, ** for any number of them.");
}

/* What stands at p, seen from where it stands; NULL when it may stand there. */
static const char *wrong_with(const char *start, const char *p, bool *had_double)
{
    bool begins = p == start || p[-1] == '.';
    if (*p == '.' && begins) {
        return "an empty qualifier";
    }
    if (*p == '*' && p[1] == '*') {
        bool alone = begins && (p[2] == '.' || p[2] == '\0');
        bool again = *had_double;
        *had_double = true;
        return !alone ? "** is more than a qualifier" : again ? "a second **" : NULL;
    }
    if (*p == '*' && p[1] != '.' && p[1] != '\0') {
        return "* before the end of a qualifier";
    }
    return *p == ' ' ? "a blank" : *p == '&' ? "an &" : NULL;
}

static sg_status check_name(const char *text, size_t len, struct sg_error *err)
{
    size_t count = 0;
    bool had_double = false;
    for (size_t at = 0; at < len;) {
        uint32_t point = 0;
        size_t bytes = sg_utf8_read(text + at, len - at, &point);
        count++;
        if (bytes == 0 || sg_utf8_is_control(point)) {
            return refuse(err, count, bytes == 0 ? "no UTF-8" : "a control character");
        }
        const char *wrong = wrong_with(text, text + at, &had_double);
        if (wrong != NULL) {
            return refuse(err, count, wrong);
        }
        bool second = text[at] == '*' && text[at + 1] == '*';
        at += second ? 2 : bytes;
        count += second;
    }
    if (count == 0 || count > SG_PROFILE_MAX || text[len - 1] == '.') {
        return refuse(err, count,
                      count == 0             ? "nothing"
                      : text[len - 1] == '.' ? "an empty qualifier"
                                             : "more than 280 characters");
    }
    return SG_OK;
}

sg_status sg_profile_name_read(const char *text, struct sg_profile_name *out, struct sg_error *err)
{
    size_t len = strnlen(text, SG_PROFILE_BYTES + 1);
    if (len > SG_PROFILE_BYTES) {
        return refuse(err, SG_PROFILE_MAX + 1, "more than 280 characters");
    }
    sg_status s = check_name(text, len, err);
    if (s != SG_OK) {
        return s;
    }
    for (size_t i = 0; i <= len; i++) {
        out->text[i] = sg_ascii_upper(text[i]);
    }
    return SG_OK;
}

bool sg_profile_is_generic(const char *profile)
{
    return strpbrk(profile, "%*") != NULL;
}

/* ---- matching ---- */

static const char *qualifier_end(const char *text)
{
    return text + strcspn(text, ".");
}

static const char *next_character(const char *text)
{
    text++;
    while (((unsigned char)*text & 0xC0) == 0x80) {
        text++;
    }
    return text;
}

static bool matches(const char *profile, const char *resource);

/* rest follows a "**": "" or ".…". The qualifiers from resource on are taken one by one. */
static bool matches_double(const char *rest, const char *resource)
{
    if (*rest == '\0') {
        return true;
    }
    for (;; resource++) {
        if (matches(rest + 1, resource)) {
            return true;
        }
        resource = qualifier_end(resource);
        if (*resource == '\0') {
            return false;
        }
    }
}

/* "**" stands once, so that this goes down once; "*" ends its qualifier, so that nothing is tried
 * twice. */
static bool matches(const char *profile, const char *resource)
{
    for (; *profile != '\0'; profile++) {
        if (strcmp(profile, ".**") == 0 && *resource == '\0') {
            return true;
        }
        if (profile[0] == '*' && profile[1] == '*') {
            return matches_double(profile + 2, resource);
        }
        if (*profile == '*') {
            resource = profile[1] == '\0' ? resource + strlen(resource) : qualifier_end(resource);
        } else if (*profile == '%') {
            if (*resource == '\0' || *resource == '.') {
                return false;
            }
            resource = next_character(resource);
        } else if (*profile != *resource++) {
            return false;
        }
    }
    return *resource == '\0';
}

bool sg_profile_matches(const char *profile, const char *resource)
{
    return matches(profile, resource);
}

/* ---- order ---- */

enum rank { RANK_PLAIN, RANK_END, RANK_TAIL, RANK_PERCENT, RANK_STAR, RANK_DOUBLE };

/* What stands at *p, which is moved past it. ".**" is one thing: what follows a dot is more
 * specific than a "*" there, but less than the name's end. */
static enum rank take(const char **p)
{
    if (**p == '\0') {
        return RANK_END;
    }
    if (strncmp(*p, ".**", 3) == 0) {
        *p += 3;
        return RANK_TAIL;
    }
    if (strncmp(*p, "**", 2) == 0) {
        *p += 2;
        return RANK_DOUBLE;
    }
    char c = *(*p)++;
    return c == '*' ? RANK_STAR : c == '%' ? RANK_PERCENT : RANK_PLAIN;
}

int sg_profile_order(const char *a, const char *b)
{
    int kind = (int)sg_profile_is_generic(a) - (int)sg_profile_is_generic(b);
    if (kind != 0) {
        return kind;
    }
    for (;;) {
        unsigned char first = (unsigned char)*a;
        unsigned char second = (unsigned char)*b;
        enum rank left = take(&a);
        enum rank right = take(&b);
        if (left != right) {
            return (int)left - (int)right;
        }
        if (left == RANK_END || (left == RANK_PLAIN && first != second)) {
            return (int)first - (int)second;
        }
    }
}

/* ---- subjects ---- */

struct sg_subject_text sg_subject_text(const struct sg_subject *subject)
{
    struct sg_subject_text out = {.text = "*"};
    switch (subject->kind) {
    case SG_SUBJECT_OWNER:
        (void)snprintf(out.text, sizeof out.text, "owner:%s", subject->owner.text);
        break;
    case SG_SUBJECT_USER:
        (void)snprintf(out.text, sizeof out.text, "user:%lu", (unsigned long)subject->id);
        break;
    case SG_SUBJECT_GROUP:
        (void)snprintf(out.text, sizeof out.text, "group:%lu", (unsigned long)subject->id);
        break;
    case SG_SUBJECT_ALL:
        break;
    }
    return out;
}

/* ---- the snapshot ---- */

static int compare(const void *a, const void *b)
{
    const struct sg_profile *left = a;
    const struct sg_profile *right = b;
    int class = (int)left->class - (int)right->class;
    return class != 0 ? class : sg_profile_order(left->name, right->name);
}

void sg_profiles_index(struct sg_profile *list, size_t count, struct sg_profiles *out)
{
    *out = (struct sg_profiles){.list = list};
    if (count > 0) {
        qsort(list, count, sizeof *list, compare);
    }
    size_t i = 0;
    for (unsigned class = 0; class < SG_CLASS_COUNT; class ++) {
        out->classes[class].first = i;
        for (; i < count && (unsigned)list[i].class == class; i++) {
            out->classes[class].generic += !sg_profile_is_generic(list[i].name);
        }
        out->classes[class].generic += out->classes[class].first;
        out->classes[class].end = i;
    }
}

const struct sg_profile *sg_profile_get(const struct sg_profiles *profiles, enum sg_class class,
                                        const char *name)
{
    struct sg_profile wanted = {.class = class, .name = name};
    if (profiles == NULL || profiles->list == NULL || (unsigned)class >= SG_CLASS_COUNT) {
        return NULL;
    }
    size_t first = profiles->classes[class].first;
    return bsearch(&wanted, profiles->list + first, profiles->classes[class].end - first,
                   sizeof wanted, compare);
}

const struct sg_profile *sg_profile_find(const struct sg_profiles *profiles, enum sg_class class,
                                         const char *resource)
{
    const struct sg_profile *found = sg_profile_get(profiles, class, resource);
    if (found != NULL || profiles == NULL || profiles->list == NULL ||
        (unsigned)class >= SG_CLASS_COUNT) {
        return found;
    }
    for (size_t i = profiles->classes[class].generic; i < profiles->classes[class].end; i++) {
        if (sg_profile_matches(profiles->list[i].name, resource)) {
            return &profiles->list[i];
        }
    }
    return NULL;
}
