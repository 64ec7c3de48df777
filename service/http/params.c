/* Parameters against the row that declares them. What a name, a subject or a certificate means is
 * for the operation to say. */
#include "http_internal.h"

#include <stdio.h>
#include <string.h>

#include <signet/policy/name.h>

#define CLOSE_ENOUGH 2u

static sg_status refuse(struct sg_error *err, const struct sg_param *param, const char *reason)
{
    sg_fail(err, SG_E_USAGE, "bad_parameter", "the parameter \"%s\" %s", param->name, reason);
    return sg_hint(err, "%s: %s.", param->name,
                   param->help != NULL ? param->help : "see the documentation");
}

static bool is_client_only(const struct sg_param *param)
{
    return param->type == SG_PARAM_CLIENT_FILE || param->type == SG_PARAM_CLIENT_WORD ||
           param->type == SG_PARAM_CLIENT_FLAG;
}

/* ---- what one string may be ---- */

static sg_status check_string(const struct sg_param *param, const json_t *value, size_t max,
                              struct sg_error *err)
{
    char reason[80];
    if (!json_is_string(value)) {
        return refuse(err, param, "is not a string");
    }
    if (json_string_length(value) > max) {
        snprintf(reason, sizeof reason, "is %zu bytes long; the maximum is %zu",
                 json_string_length(value), max);
        return refuse(err, param, reason);
    }
    return SG_OK;
}

static sg_status check_word(const struct sg_param *param, const json_t *value, struct sg_error *err)
{
    sg_status s = check_string(param, value, SG_HTTP_TEXT_MAX, err);
    if (s != SG_OK) {
        return s;
    }
    char allowed[300] = "";
    size_t used = 0;
    for (const char *const *word = param->words; word != NULL && *word != NULL; word++) {
        if (strcmp(*word, json_string_value(value)) == 0) {
            return SG_OK;
        }
        int put =
            snprintf(allowed + used, sizeof allowed - used, "%s%s", used > 0 ? ", " : "", *word);
        used += put > 0 && (size_t)put < sizeof allowed - used ? (size_t)put : 0;
    }
    sg_fail(err, SG_E_USAGE, "bad_parameter", "\"%.64s\" is not a value of the parameter \"%s\"",
            json_string_value(value), param->name);
    return sg_hint(err, "Allowed: %s.", allowed);
}

static bool is_base64(const char *text, size_t len)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t digits = strspn(text, alphabet);
    size_t padding = strspn(text + digits, "=");
    return len > 0 && len % 4 == 0 && padding <= 2 && digits + padding == len;
}

static sg_status check_base64(const struct sg_param *param, const json_t *value,
                              struct sg_error *err)
{
    sg_status s = check_string(param, value, SG_HTTP_BASE64_MAX, err);
    if (s == SG_OK && !is_base64(json_string_value(value), json_string_length(value))) {
        s = refuse(err, param, "is not base64");
    }
    return s;
}

static bool read_digits(const char *text, size_t count, int *out)
{
    int number = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        number = number * 10 + (text[i] - '0');
    }
    *out = number;
    return true;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* RFC 3339 in UTC, to the second: 2026-11-21T18:00:00Z */
static bool is_time(const char *text, size_t len)
{
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (len != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
        text[16] != ':' || text[19] != 'Z') {
        return false;
    }
    if (!read_digits(text, 4, &year) || !read_digits(text + 5, 2, &month) ||
        !read_digits(text + 8, 2, &day) || !read_digits(text + 11, 2, &hour) ||
        !read_digits(text + 14, 2, &minute) || !read_digits(text + 17, 2, &second)) {
        return false;
    }
    return month >= 1 && month <= 12 && day >= 1 && day <= days_in(year, month) && hour < 24 &&
           minute < 60 && second < 60;
}

static sg_status check_time(const struct sg_param *param, const json_t *value, struct sg_error *err)
{
    sg_status s = check_string(param, value, SG_HTTP_TEXT_MAX, err);
    if (s == SG_OK && !is_time(json_string_value(value), json_string_length(value))) {
        s = refuse(err, param, "is not a time like 2026-11-21T18:00:00Z");
    }
    return s;
}

/* ---- numbers and lists ---- */

static sg_status check_integer(const struct sg_param *param, const json_t *value, int64_t min,
                               int64_t max, struct sg_error *err)
{
    char reason[120];
    if (!json_is_integer(value)) {
        return refuse(err, param, "is not an integer");
    }
    if (json_integer_value(value) < min || json_integer_value(value) > max) {
        snprintf(reason, sizeof reason, "is %lld; allowed are %lld to %lld",
                 (long long)json_integer_value(value), (long long)min, (long long)max);
        return refuse(err, param, reason);
    }
    return SG_OK;
}

static sg_status check_item(const struct sg_param *param, const json_t *item, struct sg_error *err)
{
    if (param->type == SG_PARAM_WORDS) {
        return check_word(param, item, err);
    }
    return param->type == SG_PARAM_CERTIFICATE_FILES
               ? check_base64(param, item, err)
               : check_string(param, item, SG_HTTP_TEXT_MAX, err);
}

static sg_status check_list(const struct sg_param *param, const json_t *value, struct sg_error *err)
{
    char reason[80];
    if (!json_is_array(value)) {
        return refuse(err, param, "is not a list");
    }
    size_t count = json_array_size(value);
    if (param->max > 0 && count > (size_t)param->max) {
        snprintf(reason, sizeof reason, "has %zu members; the maximum is %lld", count,
                 (long long)param->max);
        return refuse(err, param, reason);
    }
    if (count == 0 && param->required) {
        return refuse(err, param, "is empty");
    }
    for (size_t i = 0; i < count; i++) {
        sg_status s = check_item(param, json_array_get(value, i), err);
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}

/* ---- one parameter, all parameters ---- */

static sg_status check_value(const struct sg_param *param, const json_t *value,
                             struct sg_error *err)
{
    switch (param->type) {
    case SG_PARAM_TEXT:
        return check_string(param, value, param->max > 0 ? (size_t)param->max : SG_HTTP_TEXT_MAX,
                            err);
    case SG_PARAM_OWNER:
    case SG_PARAM_USER:
    case SG_PARAM_CERTIFICATE:
    case SG_PARAM_OWNER_OR_CERTIFICATE:
    case SG_PARAM_RING:
        return check_string(param, value, SG_HTTP_NAME_MAX, err);
    case SG_PARAM_WORD:
        return check_word(param, value, err);
    case SG_PARAM_WORDS:
    case SG_PARAM_TEXTS:
    case SG_PARAM_CERTIFICATE_FILES:
        return check_list(param, value, err);
    case SG_PARAM_INTEGER:
        return check_integer(param, value, param->min, param->max, err);
    case SG_PARAM_FLAG:
        return json_is_boolean(value) ? SG_OK : refuse(err, param, "is neither true nor false");
    case SG_PARAM_TIME:
        return check_time(param, value, err);
    case SG_PARAM_UNIX_USER:
        return check_integer(param, value, 0, (int64_t)UINT32_MAX - 1, err);
    case SG_PARAM_CSR_FILE:
    case SG_PARAM_CARRIED:
        return check_base64(param, value, err);
    case SG_PARAM_CLIENT_FILE:
    case SG_PARAM_CLIENT_WORD:
    case SG_PARAM_CLIENT_FLAG:
        return refuse(err, param, "is for the command alone and is never sent");
    }
    return sg_fail(err, SG_E_INTERNAL, NULL, "the parameter \"%s\" has no type", param->name);
}

static sg_status refuse_unknown(const struct sg_operation *operation, const char *name,
                                struct sg_error *err)
{
    const char *best = NULL;
    unsigned best_distance = CLOSE_ENOUGH + 1;
    sg_fail(err, SG_E_USAGE, "bad_parameter", "\"%.64s\" is not a parameter of %s%s%s", name,
            operation->noun, operation->verb[0] != '\0' ? " " : "", operation->verb);
    for (const struct sg_param *param = operation->params; param->name != NULL; param++) {
        unsigned distance = sg_name_distance(param->name, name);
        if (!is_client_only(param) && distance < best_distance) {
            best = param->name;
            best_distance = distance;
        }
    }
    return best != NULL ? sg_hint(err, "Did you mean %s?", best)
                        : sg_hint(err, "See /v1/openapi.json for the parameters.");
}

sg_status sg_http_check_params(const struct sg_operation *operation, const json_t *params,
                               struct sg_error *err)
{
    if (!json_is_object(params)) {
        return sg_fail(err, SG_E_USAGE, "bad_parameter", "the parameters are not an object");
    }
    /* jansson's iterators take a non-const object and change nothing in it. */
    union {
        const json_t *given;
        json_t *iterated;
    } object = {.given = params};
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(object.iterated, name, value)
    {
        const struct sg_param *param = sg_param_find(operation, name);
        sg_status s =
            param != NULL ? check_value(param, value, err) : refuse_unknown(operation, name, err);
        if (s != SG_OK) {
            return s;
        }
    }
    for (const struct sg_param *param = operation->params; param->name != NULL; param++) {
        if (param->required && !is_client_only(param) &&
            json_object_get(params, param->name) == NULL) {
            return refuse(err, param, "is missing");
        }
    }
    return SG_OK;
}
