/* A value as it was typed becomes the parameter's, by its type. */
#include "arguments_internal.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <signet/cli/suggest.h>
#include <signet/cli/values.h>

const char *sg_argument_shown(const struct sg_param *param, char out[72])
{
    if (param->positional) {
        snprintf(out, 72, "%s", param->placeholder);
        return out;
    }
    char option[64];
    sg_param_option(param, option);
    snprintf(out, 72, "--%s", option);
    return out;
}

static sg_status bad_value(struct sg_parser *p, const struct sg_param *param, const char *value,
                           const char *reason)
{
    char shown[72];
    sg_fail(p->err, SG_E_USAGE, "bad_value", "%s \"%s\" %s", sg_argument_shown(param, shown),
            sg_excerpt(value).text, reason);
    return sg_hint(p->err, "signet %s%s%s --help says what it takes.", p->out->operation->noun,
                   p->out->operation->verb[0] != '\0' ? " " : "", p->out->operation->verb);
}

static sg_status too_many(struct sg_parser *p, const struct sg_param *param, int64_t max)
{
    char shown[72];
    return sg_fail(p->err, SG_E_USAGE, "bad_value", "%s was given more than %lld times",
                   sg_argument_shown(param, shown), (long long)max);
}

/* Every value has a maximum: the parameter's own, or what any name needs. */
static sg_status check_length(struct sg_parser *p, const struct sg_param *param, const char *value)
{
    bool own = param->type == SG_PARAM_TEXT && param->max > 0;
    size_t max = own ? (size_t)param->max : SG_ARGUMENT_MAX;
    size_t len = strlen(value);
    if (len <= max) {
        return SG_OK;
    }
    char reason[96];
    snprintf(reason, sizeof reason, "is too long: %zu bytes, at most %zu are taken", len, max);
    return bad_value(p, param, value, reason);
}

static sg_status set_json(struct sg_parser *p, const struct sg_param *param, json_t *value)
{
    if (value == NULL || json_object_set_new(p->out->params, param->name, value) != 0) {
        return sg_fail_memory(p->err);
    }
    return SG_OK;
}

/* jansson takes UTF-8 only, and so does the service. */
static sg_status to_string(struct sg_parser *p, const struct sg_param *param, const char *value,
                           json_t **out)
{
    sg_status s = check_length(p, param, value);
    if (s != SG_OK) {
        return s;
    }
    *out = json_string(value);
    return *out != NULL ? SG_OK : bad_value(p, param, value, "is not valid UTF-8");
}

static sg_status set_string(struct sg_parser *p, const struct sg_param *param, const char *value)
{
    json_t *string = NULL;
    sg_status s = to_string(p, param, value, &string);
    return s == SG_OK ? set_json(p, param, string) : s;
}

static sg_status append_json(struct sg_parser *p, const struct sg_param *param, json_t *value)
{
    json_t *list = json_object_get(p->out->params, param->name);
    if (list == NULL) {
        sg_status s = set_json(p, param, json_array());
        if (s != SG_OK) {
            json_decref(value);
            return s;
        }
        list = json_object_get(p->out->params, param->name);
    }
    if (param->max > 0 && json_array_size(list) >= (size_t)param->max) {
        json_decref(value);
        return too_many(p, param, param->max);
    }
    return json_array_append_new(list, value) == 0 ? SG_OK : sg_fail_memory(p->err);
}

static sg_status append_text(struct sg_parser *p, const struct sg_param *param, const char *value)
{
    json_t *string = NULL;
    sg_status s = to_string(p, param, value, &string);
    return s == SG_OK ? append_json(p, param, string) : s;
}

/* One of the parameter's words, as the table writes it. */
static sg_status find_word(struct sg_parser *p, const struct sg_param *param, const char *value,
                           size_t len, const char **out)
{
    for (const char *const *word = param->words; *word != NULL; word++) {
        if (strlen(*word) == len && strncasecmp(*word, value, len) == 0) {
            *out = *word;
            return SG_OK;
        }
    }
    char shown[72], copy[80];
    snprintf(copy, sizeof copy, "%.*s", (int)(len < 79 ? len : 79), value);
    sg_fail(p->err, SG_E_USAGE, "bad_value", "%s does not know \"%s\"",
            sg_argument_shown(param, shown), sg_excerpt(copy).text);
    return sg_suggest_word(copy, param->words, p->err);
}

static sg_status append_words(struct sg_parser *p, const struct sg_param *param, const char *value)
{
    for (;;) {
        size_t len = strcspn(value, ",");
        const char *word = NULL;
        sg_status s = find_word(p, param, value, len, &word);
        if (s == SG_OK) {
            s = append_json(p, param, json_string(word));
        }
        if (s != SG_OK || value[len] == '\0') {
            return s;
        }
        value += len + 1;
    }
}

static sg_status set_word(struct sg_parser *p, const struct sg_param *param, const char *value)
{
    const char *word = NULL;
    sg_status s = find_word(p, param, value, strlen(value), &word);
    return s == SG_OK ? set_json(p, param, json_string(word)) : s;
}

static sg_status set_integer(struct sg_parser *p, const struct sg_param *param, const char *value)
{
    int64_t number;
    if (!sg_value_integer(value, &number)) {
        return bad_value(p, param, value, "is not a whole number");
    }
    if (number < param->min || number > param->max) {
        char reason[96];
        snprintf(reason, sizeof reason, "is not between %lld and %lld", (long long)param->min,
                 (long long)param->max);
        return bad_value(p, param, value, reason);
    }
    return set_json(p, param, json_integer(number));
}

static sg_status set_time(struct sg_parser *p, const struct sg_param *param, const char *value)
{
    /* A day as an end is meant with that day. */
    size_t len = strlen(param->name);
    bool end = len > 6 && strcmp(param->name + len - 6, "_after") == 0;
    char text[SG_TIME_TEXT];
    if (!sg_value_time(value, end, text)) {
        return bad_value(p, param, value,
                         "is neither a day (2026-12-31) nor a time (2026-12-31T12:00:00Z)");
    }
    return set_json(p, param, json_string(text));
}

static sg_status set_unix_user(struct sg_parser *p, const struct sg_param *param, const char *value)
{
    uid_t uid = 0;
    sg_status s = check_length(p, param, value);
    if (s == SG_OK) {
        s = sg_value_unix_user(value, &uid, p->err);
    }
    return s == SG_OK ? set_json(p, param, json_integer((json_int_t)uid)) : s;
}

static sg_status keep_local(struct sg_parser *p, const struct sg_param *param, const char *value)
{
    struct sg_invocation *out = p->out;
    if (out->local_count >= SG_ARGUMENT_FILES_MAX) {
        return too_many(p, param, SG_ARGUMENT_FILES_MAX);
    }
    if (out->local_count % 16 == 0) {
        struct sg_local *more =
            reallocarray(out->locals, out->local_count + 16, sizeof *out->locals);
        if (more == NULL) {
            return sg_fail_memory(p->err);
        }
        out->locals = more;
    }
    out->locals[out->local_count++] = (struct sg_local){param, value};
    return SG_OK;
}

static sg_status keep_path(struct sg_parser *p, const struct sg_param *param, const char *value)
{
    if (value[0] == '\0') {
        return bad_value(p, param, value, "is no file name");
    }
    if (strlen(value) >= PATH_MAX) {
        return bad_value(p, param, value, "is too long for a file name");
    }
    return keep_local(p, param, value);
}

static sg_status keep_word(struct sg_parser *p, const struct sg_param *param, const char *value)
{
    const char *word = NULL;
    sg_status s = find_word(p, param, value, strlen(value), &word);
    return s == SG_OK ? keep_local(p, param, word) : s;
}

sg_status sg_argument_set(struct sg_parser *p, const struct sg_param *param, const char *value)
{
    switch (param->type) {
    case SG_PARAM_TEXT:
    case SG_PARAM_OWNER:
    case SG_PARAM_USER:
    case SG_PARAM_CERTIFICATE:
    case SG_PARAM_OWNER_OR_CERTIFICATE:
    case SG_PARAM_RING:
        return set_string(p, param, value);
    case SG_PARAM_WORD:
        return set_word(p, param, value);
    case SG_PARAM_WORDS:
        return append_words(p, param, value);
    case SG_PARAM_TEXTS:
        return append_text(p, param, value);
    case SG_PARAM_INTEGER:
        return set_integer(p, param, value);
    case SG_PARAM_FLAG:
        return set_json(p, param, json_true());
    case SG_PARAM_TIME:
        return set_time(p, param, value);
    case SG_PARAM_UNIX_USER:
        return set_unix_user(p, param, value);
    case SG_PARAM_CERTIFICATE_FILES:
    case SG_PARAM_CSR_FILE:
    case SG_PARAM_CLIENT_FILE:
        return keep_path(p, param, value);
    case SG_PARAM_CLIENT_WORD:
        return keep_word(p, param, value);
    case SG_PARAM_CLIENT_FLAG:
        return keep_local(p, param, "");
    case SG_PARAM_CARRIED:
        break; /* not typed */
    }
    return sg_fail(p->err, SG_E_INTERNAL, NULL, "parameter %s has no type", param->name);
}
