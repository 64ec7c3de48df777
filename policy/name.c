#include <signet/base/ascii.h>
#include <signet/policy/name.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <signet/policy/name_filter.h>

#include "utf8_internal.h"

/* What a kind of name allows, and what its failures are called. */
struct rule {
    const char *noun; /* "label" */
    const char *code;
    size_t max; /* characters */
};
static const struct rule owner_rule = {"owner", "bad_owner", SG_OWNER_MAX};
static const struct rule label_rule = {"label", "bad_label", SG_LABEL_MAX};
static const struct rule ring_rule = {"ring name", "bad_ring_name", SG_RING_MAX};

/* ---- owners ---- */

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_national(char c)
{
    return c == '@' || c == '#' || c == '$';
}

static bool is_owner_character(char c, bool first)
{
    if (is_letter(c) || is_national(c)) {
        return true;
    }
    return !first && ((c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.');
}

/* The anchors' user IDs and MULTIID own nothing that can be asked for by name (RACF: "cannot be
 * defined"). */
static bool is_anchor(const char *owner)
{
    static const char *const anchors[] = {"MULTIID", "IRRCERTA", "IRRSITEC", "IRRMULTI",
                                          SG_SERVED_TOKENS};
    for (size_t i = 0; i < SG_COUNT(anchors); i++) {
        if (strcmp(anchors[i], owner) == 0) {
            return true;
        }
    }
    return false;
}

static sg_status bad_length(const struct rule *rule, size_t count, struct sg_error *err)
{
    if (count == 0) {
        return sg_fail(err, SG_E_INPUT, rule->code, "the %s is empty", rule->noun);
    }
    return sg_fail(err, SG_E_INPUT, rule->code,
                   "the %s has %zu characters, at most %zu are allowed", rule->noun, count,
                   rule->max);
}

static sg_status check_owner_characters(const char *text, size_t len, struct sg_error *err)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_owner_character(text[i], i == 0)) {
            (void)sg_fail(err, SG_E_INPUT, owner_rule.code,
                          "character %zu of the owner is not allowed there", i + 1);
            return sg_hint(
                err,
                "An owner starts with a letter, @, # or $ and goes on with these, digits, _, - and dots.");
        }
    }
    return SG_OK;
}

static sg_status read_owner(const char *text, size_t len, struct sg_owner_name *out,
                            struct sg_error *err)
{
    if (len == 0 || len > SG_OWNER_MAX) {
        return bad_length(&owner_rule, len, err);
    }
    sg_status s = check_owner_characters(text, len, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_owner_name name = {.text = ""};
    for (size_t i = 0; i < len; i++) {
        bool lower = text[i] >= 'a' && text[i] <= 'z';
        name.text[i] = text[i];
        if (lower) {
            name.text[i] = (char)(text[i] - 'a' + 'A');
        }
    }
    if (is_anchor(name.text)) {
        (void)sg_fail(err, SG_E_INPUT, owner_rule.code, "%s is a reserved name, not an owner",
                      name.text);
        return sg_hint(err, "Write CERTAUTH or SITE for what belongs to no user.");
    }
    *out = name;
    return SG_OK;
}

sg_status sg_name_owner(const char *text, struct sg_owner_name *out, struct sg_error *err)
{
    return read_owner(text, strlen(text), out, err);
}

sg_status sg_name_user(const char *text, struct sg_owner_name *out, struct sg_error *err)
{
    struct sg_owner_name name;
    sg_status s = sg_name_owner(text, &name, err);
    if (s != SG_OK) {
        return s;
    }
    if (sg_owner_kind(name.text) != SG_OWNER_USER) {
        return sg_fail(err, SG_E_INPUT, owner_rule.code, "%s is not a user ID", name.text);
    }
    *out = name;
    return SG_OK;
}

/* ---- labels and ring names ---- */

/* Count characters, refusing bad UTF-8 and controls; positions are told in bytes and characters,
 * never the bytes themselves. */
static sg_status count_characters(const struct rule *rule, const char *text, size_t len,
                                  size_t *count, struct sg_error *err)
{
    size_t found = 0;
    for (size_t i = 0; i < len; found++) {
        uint32_t point = 0;
        size_t size = sg_utf8_read(text + i, len - i, &point);
        if (size == 0) {
            return sg_fail(err, SG_E_INPUT, rule->code, "byte %zu of the %s is not valid UTF-8",
                           i + 1, rule->noun);
        }
        if (sg_utf8_is_control(point)) {
            return sg_fail(err, SG_E_INPUT, rule->code,
                           "character %zu of the %s is a control character", found + 1, rule->noun);
        }
        i += size;
    }
    *count = found;
    return SG_OK;
}

static sg_status check_text(const struct rule *rule, const char *text, size_t len,
                            struct sg_error *err)
{
    size_t count = 0;
    sg_status s = count_characters(rule, text, len, &count, err);
    if (s != SG_OK) {
        return s;
    }
    if (count == 0 || count > rule->max) {
        return bad_length(rule, count, err);
    }
    if (text[0] == ' ') {
        return sg_fail(err, SG_E_INPUT, rule->code, "the %s starts with a blank", rule->noun);
    }
    return SG_OK;
}

static size_t without_trailing_blanks(const char *text, size_t len)
{
    while (len > 0 && text[len - 1] == ' ') {
        len--;
    }
    return len;
}

sg_status sg_name_label(const char *text, struct sg_label *out, struct sg_error *err)
{
    size_t len = without_trailing_blanks(text, strlen(text));
    sg_status s = check_text(&label_rule, text, len, err);
    if (s != SG_OK) {
        return s;
    }
    memset(out, 0, sizeof *out);
    memcpy(out->text, text, len);
    return SG_OK;
}

sg_status sg_name_ring(const char *text, struct sg_ring_name *out, struct sg_error *err)
{
    size_t len = strlen(text);
    sg_status s = check_text(&ring_rule, text, len, err);
    if (s != SG_OK) {
        return s;
    }
    if (text[len - 1] == ' ') {
        return sg_fail(err, SG_E_INPUT, ring_rule.code, "the ring name ends with a blank");
    }
    if (strcmp(text, "*") == 0) {
        (void)sg_fail(err, SG_E_INPUT, ring_rule.code, "* is a virtual ring, not a ring's name");
        return sg_hint(
            err,
            "A virtual ring holds whatever its owner has: it is neither made, changed nor deleted.");
    }
    memset(out, 0, sizeof *out);
    memcpy(out->text, text, len);
    return SG_OK;
}

/* ---- OWNER/NAME ---- */

static sg_status split(const struct rule *rule, const char *text, const char *form,
                       struct sg_owner_name *owner, const char **rest, struct sg_error *err)
{
    const char *slash = strchr(text, '/');
    if (slash == NULL) {
        (void)sg_fail(err, SG_E_INPUT, rule->code, "the %s lacks its owner: there is no slash",
                      rule->noun);
        (void)sg_hint(err, "Write %s.", form);
        return SG_E_INPUT;
    }
    sg_status s = read_owner(text, (size_t)(slash - text), owner, err);
    if (s != SG_OK) {
        return s;
    }
    *rest = slash + 1;
    return SG_OK;
}

sg_status sg_name_certificate(const char *text, struct sg_certificate_name *out,
                              struct sg_error *err)
{
    struct sg_certificate_name name;
    const char *label = NULL;
    sg_status s =
        split(&label_rule, text, "OWNER/LABEL, such as START1/web", &name.owner, &label, err);
    if (s == SG_OK) {
        s = sg_name_label(label, &name.label, err);
    }
    if (s == SG_OK) {
        *out = name;
    }
    return s;
}

bool sg_name_virtual_ring(const char *text, struct sg_owner_name *owner)
{
    static const struct {
        const char *reader, *owner;
    } anchors[] = {{"*AUTH*", "CERTAUTH"}, {"*SITE*", "SITE"}};
    struct sg_error ignored = SG_ERROR_INIT;
    const char *slash = strchr(text, '/');
    if (slash == NULL || strcmp(slash, "/*") != 0) {
        return false;
    }
    size_t len = (size_t)(slash - text);
    for (size_t i = 0; i < SG_COUNT(anchors); i++) {
        if (len == strlen(anchors[i].reader) && strncasecmp(text, anchors[i].reader, len) == 0) {
            return read_owner(anchors[i].owner, strlen(anchors[i].owner), owner, &ignored) == SG_OK;
        }
    }
    return read_owner(text, len, owner, &ignored) == SG_OK;
}

sg_status sg_name_ring_ref(const char *text, struct sg_ring_ref *out, struct sg_error *err)
{
    struct sg_ring_ref ref;
    const char *ring = NULL;
    sg_status s =
        split(&ring_rule, text, "OWNER/RING, such as START1/webring", &ref.owner, &ring, err);
    if (s != SG_OK) {
        return s;
    }
    if (sg_owner_kind(ref.owner.text) != SG_OWNER_USER) {
        (void)sg_fail(err, SG_E_INPUT, "owner_cannot_have_rings", "%s cannot own a ring",
                      ref.owner.text);
        return sg_hint(
            err, "Rings belong to user IDs; %s's certificates can be connected to any of them.",
            ref.owner.text);
    }
    s = sg_name_ring(ring, &ref.ring, err);
    if (s == SG_OK) {
        *out = ref;
    }
    return s;
}

static sg_status read_map_owner(const char *text, size_t len, struct sg_owner_name *out,
                                struct sg_error *err)
{
    if (len == strlen(SG_MULTIID) && strncasecmp(text, SG_MULTIID, len) == 0) {
        *out = (struct sg_owner_name){.text = SG_MULTIID};
        return SG_OK;
    }
    sg_status s = read_owner(text, len, out, err);
    if (s == SG_OK && sg_owner_kind(out->text) != SG_OWNER_USER) {
        (void)sg_fail(err, SG_E_INPUT, "owner_cannot_have_filters",
                      "%s cannot own a certificate name filter", out->text);
        return sg_hint(err, "Filters lead to user IDs: name one, or MULTIID with criteria.");
    }
    return s;
}

sg_status sg_name_map(const char *text, struct sg_certificate_name *out, struct sg_error *err)
{
    struct sg_certificate_name name = {.label = {""}};
    size_t len = strcspn(text, "/");
    sg_status s = read_map_owner(text, len, &name.owner, err);
    if (s == SG_OK && text[len] == '/') {
        s = sg_name_label(text + len + 1, &name.label, err);
    }
    if (s == SG_OK) {
        *out = name;
    }
    return s;
}

/* ---- served tokens ---- */

static bool is_token_character(char c, bool first)
{
    bool later = (c >= '0' && c <= '9') || c == '.';
    return is_letter(c) || is_national(c) || (!first && later);
}

sg_status sg_name_token(const char *text, struct sg_ring_ref *out, struct sg_error *err)
{
    static const struct rule rule = {"token name", "bad_token_name", SG_TOKEN_NAME_MAX};
    struct sg_ring_ref ref = {.owner = {.text = SG_SERVED_TOKENS}};
    size_t len = strlen(text);
    if (len == 0 || len > rule.max) {
        return bad_length(&rule, len, err);
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_token_character(text[i], i == 0)) {
            (void)sg_fail(err, SG_E_INPUT, rule.code,
                          "character %zu of the token name is not allowed there", i + 1);
            return sg_hint(err, "A token's name starts with a letter, @, # or $ and goes on with "
                                "these, digits and periods.");
        }
        ref.ring.text[i] = sg_ascii_upper(text[i]);
    }
    *out = ref;
    return SG_OK;
}

bool sg_is_served_token(const struct sg_ring_ref *ref)
{
    return strcmp(ref->owner.text, SG_SERVED_TOKENS) == 0;
}

/* ---- labels from captions ---- */

/* Bytes of the first max characters. The text is known to be valid. */
static size_t cut(const char *text, size_t max)
{
    size_t len = strlen(text);
    size_t i = 0;
    for (size_t count = 0; i < len && count < max; count++) {
        uint32_t point = 0;
        i += sg_utf8_read(text + i, len - i, &point);
    }
    return i;
}

/* The first SG_LABEL_MAX characters that a label may hold, without leading blanks. */
static void sift(const char *caption, size_t len, struct sg_label *out)
{
    size_t used = 0;
    size_t count = 0;
    for (size_t i = 0; i < len && count < SG_LABEL_MAX;) {
        uint32_t point = 0;
        size_t size = sg_utf8_read(caption + i, len - i, &point);
        bool kept = size > 0 && !sg_utf8_is_control(point) && !(point == ' ' && used == 0);
        if (kept) {
            memcpy(out->text + used, caption + i, size);
            used += size;
            count++;
        }
        i += size > 0 ? size : 1;
    }
    out->text[without_trailing_blanks(out->text, used)] = '\0';
}

void sg_name_label_from_caption(const char *caption, size_t len, unsigned attempt,
                                struct sg_label *out)
{
    struct sg_label base = {.text = ""};
    char suffix[16] = "";
    sift(caption, len, &base);
    if (base.text[0] == '\0') {
        snprintf(base.text, sizeof base.text, "certificate");
    }
    if (attempt > 0) {
        snprintf(suffix, sizeof suffix, "-%llu", (unsigned long long)attempt + 1);
    }
    base.text[cut(base.text, SG_LABEL_MAX - strlen(suffix))] = '\0';
    size_t kept = without_trailing_blanks(base.text, strlen(base.text));
    memset(out, 0, sizeof *out);
    memcpy(out->text, base.text, kept);
    memcpy(out->text + kept, suffix, strlen(suffix));
}

/* ---- token labels ---- */

#define TOKEN_LABEL 32 /* bytes of CK_TOKEN_INFO.label */
#define TOKEN_CUT 23   /* what is left beside '~' and 8 digits */

/* 64-bit FNV-1a: it tells names apart that were cut alike and protects nothing. */
static uint64_t fnv1a(const char *text, size_t len)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (size_t i = 0; i < len; i++) {
        hash ^= (unsigned char)text[i];
        hash *= 0x100000001B3u;
    }
    return hash;
}

void sg_name_token_label(const struct sg_ring_ref *ring, char out[32])
{
    char whole[SG_OWNER_MAX + 1 + SG_RING_BYTES + 1];
    char cut_name[TOKEN_LABEL + 1];
    if (sg_is_served_token(ring)) {
        (void)snprintf(whole, sizeof whole, "%s", ring->ring.text);
    } else {
        (void)snprintf(whole, sizeof whole, "%s/%s", ring->owner.text, ring->ring.text);
    }
    size_t len = strlen(whole);
    const char *label = whole;
    if (len > TOKEN_LABEL) {
        size_t kept = TOKEN_CUT;
        while (kept > 0 && ((unsigned char)whole[kept] & 0xC0) == 0x80) {
            kept--; /* the byte behind the cut goes on a character: give that one up */
        }
        (void)snprintf(cut_name, sizeof cut_name, "%.*s~%08x", (int)kept, whole,
                       (unsigned)(fnv1a(whole, len) >> 32));
        label = cut_name;
    }
    memset(out, ' ', TOKEN_LABEL);
    for (size_t i = 0; label[i] != '\0'; i++) {
        out[i] = label[i];
    }
}
