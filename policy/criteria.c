/* Criteria of filters that find the user by where the certificate is presented. */
#include <signet/policy/name_filter.h>

#include <stdio.h>
#include <string.h>

#include <signet/base/ascii.h>
#include <signet/base/cleanup.h>

#define NAME_MAX_LEN 32

static bool is_name_character(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '@' || c == '#' || c == '$';
}

static sg_status bad_criteria(struct sg_error *err, const char *reason)
{
    (void)sg_fail(err, SG_E_INPUT, "bad_criteria", "criteria: %s", reason);
    return sg_hint(err, "Write terms joined by periods, such as 'APPLID=&APPLID.SYSID=&SYSID'; "
                        "the variables are &APPLID and &SYSID.");
}

/* One "NAME=&VARIABLE" of folded criteria. */
struct term {
    const char *name, *variable;
    size_t name_len, variable_len; /* the variable with its "&" */
};

static const char *read_term(const char *at, struct term *out)
{
    out->name = at;
    out->name_len = strcspn(at, "=.");
    at += out->name_len;
    out->variable = *at == '=' ? at + 1 : at;
    out->variable_len = *at == '=' ? strcspn(out->variable, ".") : 0;
    return out->variable + out->variable_len;
}

/* The place of the variable's value; NULL: no such variable. */
static const char *const *value_of(const struct term *term, const struct sg_criteria_values *values)
{
    bool applid = term->variable_len == 7 && strncmp(term->variable, "&APPLID", 7) == 0;
    bool sysid = term->variable_len == 6 && strncmp(term->variable, "&SYSID", 6) == 0;
    if (applid) {
        return &values->applid;
    }
    return sysid ? &values->sysid : NULL;
}

static bool stands_before(const char *criteria, const struct term *term)
{
    struct term other;
    for (const char *at = criteria; at < term->name; at++) {
        at = read_term(at, &other);
        if (other.name_len == term->name_len && other.name < term->name &&
            strncmp(other.name, term->name, term->name_len) == 0) {
            return true;
        }
    }
    return false;
}

static sg_status check_term(const char *criteria, const struct term *term, struct sg_error *err)
{
    static const struct sg_criteria_values none = {0};
    if (term->name_len == 0 || term->name_len > NAME_MAX_LEN) {
        return bad_criteria(err, "a term lacks its name, or it is too long");
    }
    for (size_t i = 0; i < term->name_len; i++) {
        if (!is_name_character(term->name[i])) {
            return bad_criteria(err, "a name consists of letters, digits, @, # and $");
        }
    }
    if (value_of(term, &none) == NULL) {
        return bad_criteria(err, "a term has no variable that is known");
    }
    return stands_before(criteria, term) ? bad_criteria(err, "a name stands twice") : SG_OK;
}

sg_status sg_criteria_read(const char *text, char out[SG_CRITERIA_MAX + 1], struct sg_error *err)
{
    char folded[SG_CRITERIA_MAX + 1] = "";
    size_t len = strlen(text);
    if (len == 0 || len > SG_CRITERIA_MAX) {
        return bad_criteria(err, len == 0 ? "they are empty" : "more than 255 characters");
    }
    for (size_t i = 0; i < len; i++) {
        folded[i] = sg_ascii_upper(text[i]);
    }
    const char *at = folded;
    for (bool more = true; more; at++) {
        struct term term;
        at = read_term(at, &term);
        sg_status s = check_term(folded, &term, err);
        if (s != SG_OK) {
            return s;
        }
        more = *at == '.';
    }
    memcpy(out, folded, sizeof folded);
    return SG_OK;
}

/* ---- filling in ---- */

static sg_status check_value(const struct term *term, const char *value, struct sg_error *err)
{
    size_t len = value != NULL ? strlen(value) : 0;
    if (value == NULL) {
        return sg_fail(err, SG_E_INPUT, "criteria_value_missing",
                       "the criteria need a value for %.*s", (int)term->variable_len,
                       term->variable);
    }
    bool good = len > 0 && len <= SG_CRITERIA_VALUE;
    for (size_t i = 0; good && i < len; i++) {
        good = is_name_character(sg_ascii_upper(value[i])) || value[i] == '_' || value[i] == '-';
    }
    if (!good) {
        (void)sg_fail(err, SG_E_INPUT, "bad_criteria_value", "the value for %.*s cannot be used",
                      (int)term->variable_len, term->variable);
        return sg_hint(err, "Values are 1 to %d letters, digits, @ # $ _ and -.",
                       SG_CRITERIA_VALUE);
    }
    return SG_OK;
}

static sg_status add_term(const struct term *term, const char *value, char *out, size_t *used,
                          struct sg_error *err)
{
    size_t room = SG_CRITERIA_MAX + 1 - *used;
    int put = snprintf(out + *used, room, "%s%.*s=", *used > 0 ? "." : "", (int)term->name_len,
                       term->name);
    size_t need = (size_t)put + strlen(value);
    if (need >= room) {
        return sg_fail(err, SG_E_LIMIT, "criteria_too_long",
                       "the criteria have more than %d characters with the values in them",
                       SG_CRITERIA_MAX);
    }
    for (size_t i = 0; value[i] != '\0'; i++) {
        out[*used + (size_t)put + i] = sg_ascii_upper(value[i]);
    }
    *used += need;
    out[*used] = '\0';
    return SG_OK;
}

sg_status sg_criteria_fill(const char *criteria, const struct sg_criteria_values *values,
                           char out[SG_CRITERIA_MAX + 1], struct sg_error *err)
{
    char filled[SG_CRITERIA_MAX + 1] = "";
    size_t used = 0;
    const char *at = criteria;
    for (bool more = true; more; at++) {
        struct term term;
        at = read_term(at, &term);
        const char *const *value = value_of(&term, values);
        if (value == NULL) {
            return bad_criteria(err, "a term has no variable that is known");
        }
        sg_status s = check_value(&term, *value, err);
        s = s == SG_OK && *value != NULL ? add_term(&term, *value, filled, &used, err) : s;
        if (s != SG_OK) {
            return s;
        }
        more = *at == '.';
    }
    memcpy(out, filled, sizeof filled);
    return SG_OK;
}
