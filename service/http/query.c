/* A query string: name=value&name=value, strictly decoded. */
#include "http_internal.h"

#include <stdlib.h>
#include <string.h>

#include <signet/base/hex.h>

static sg_status refuse(struct sg_error *err, const char *reason)
{
    sg_fail(err, SG_E_USAGE, "bad_query", "the query string %s", reason);
    return sg_hint(err,
                   "Write name=value&name=value, other characters as %%XX of their UTF-8 bytes.");
}

/* Decode in place; the text only becomes shorter. */
static bool decode(char *text)
{
    char *out = text;
    for (const char *next = text; *next != '\0'; next++) {
        unsigned char byte = (unsigned char)*next;
        if (byte == '+') {
            byte = ' ';
        } else if (byte == '%') {
            char digits[3] = {0};
            memcpy(digits, next + 1, strnlen(next + 1, 2));
            if (!sg_hex_decode(digits, &byte, 1) || byte == 0) {
                return false;
            }
            next += 2;
        }
        *out++ = (char)byte;
    }
    *out = '\0';
    return true;
}

static json_t *read_integer(const char *text)
{
    size_t sign = text[0] == '-' ? 1 : 0;
    size_t digits = strspn(text + sign, "0123456789");
    if (digits == 0 || digits > 18 || text[sign + digits] != '\0') {
        return json_string(text); /* the check of types says what is wrong */
    }
    json_int_t number = 0;
    for (size_t i = 0; i < digits; i++) {
        number = number * 10 + (text[sign + i] - '0');
    }
    return json_integer(sign == 1 ? -number : number);
}

static json_t *read_flag(const char *text)
{
    if (strcmp(text, "1") == 0 || strcmp(text, "true") == 0) {
        return json_true();
    }
    if (strcmp(text, "0") == 0 || strcmp(text, "false") == 0) {
        return json_false();
    }
    return json_string(text);
}

enum shape { SHAPE_TEXT, SHAPE_LIST, SHAPE_INTEGER, SHAPE_FLAG };

static enum shape shape_of(const struct sg_param *param)
{
    if (param == NULL) {
        return SHAPE_TEXT;
    }
    switch (param->type) {
    case SG_PARAM_WORDS:
    case SG_PARAM_TEXTS:
    case SG_PARAM_CERTIFICATE_FILES:
        return SHAPE_LIST;
    case SG_PARAM_INTEGER:
    case SG_PARAM_UNIX_USER:
        return SHAPE_INTEGER;
    case SG_PARAM_FLAG:
        return SHAPE_FLAG;
    case SG_PARAM_TEXT:
    case SG_PARAM_OWNER:
    case SG_PARAM_USER:
    case SG_PARAM_CERTIFICATE:
    case SG_PARAM_OWNER_OR_CERTIFICATE:
    case SG_PARAM_RING:
    case SG_PARAM_WORD:
    case SG_PARAM_TIME:
    case SG_PARAM_CSR_FILE:
    case SG_PARAM_CARRIED:
    case SG_PARAM_CLIENT_FILE:
    case SG_PARAM_CLIENT_WORD:
    case SG_PARAM_CLIENT_FLAG:
        return SHAPE_TEXT;
    }
    return SHAPE_TEXT;
}

static json_t *read_value(enum shape shape, const char *text)
{
    switch (shape) {
    case SHAPE_INTEGER:
        return read_integer(text);
    case SHAPE_FLAG:
        return read_flag(text);
    case SHAPE_TEXT:
    case SHAPE_LIST:
        return json_string(text);
    }
    return NULL;
}

static sg_status add(const struct sg_operation *operation, json_t *object, const char *name,
                     const char *text, struct sg_error *err)
{
    const struct sg_param *param = sg_param_find(operation, name);
    enum shape shape = shape_of(param);
    json_t *value = read_value(shape, text);
    if (value == NULL) {
        return refuse(err, "is not UTF-8");
    }
    json_t *present = json_object_get(object, name);
    if (shape != SHAPE_LIST && present != NULL) {
        json_decref(value);
        sg_fail(err, SG_E_USAGE, "bad_query", "the parameter \"%.64s\" stands twice", name);
        return sg_hint(err, "Send it once.");
    }
    if (shape == SHAPE_LIST && present == NULL) {
        present = json_array();
        if (json_object_set_new(object, name, present) != 0) {
            json_decref(value);
            return sg_fail_memory(err);
        }
    }
    int failed = shape == SHAPE_LIST ? json_array_append_new(present, value)
                                     : json_object_set_new(object, name, value);
    return failed == 0 ? SG_OK : refuse(err, "is not UTF-8");
}

static sg_status parse_pairs(const struct sg_operation *operation, char *text, json_t *object,
                             struct sg_error *err)
{
    char *rest = text;
    for (char *pair = strsep(&rest, "&"); pair != NULL; pair = strsep(&rest, "&")) {
        char *equals = strchr(pair, '=');
        if (equals == NULL || equals == pair) {
            return refuse(err, "holds something that is not name=value");
        }
        *equals = '\0';
        if (!decode(pair) || !decode(equals + 1)) {
            return refuse(err, "holds a % that two hexadecimal digits do not follow, or a NUL");
        }
        sg_status s = add(operation, object, pair, equals + 1, err);
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}

sg_status sg_http_query_parse(const struct sg_operation *operation, const char *query, json_t **out,
                              struct sg_error *err)
{
    json_t *object = json_object();
    SG_FREE char *copy = strdup(query != NULL ? query : "");
    if (object == NULL || copy == NULL) {
        json_decref(object);
        return sg_fail_memory(err);
    }
    sg_status s = copy[0] != '\0' ? parse_pairs(operation, copy, object, err) : SG_OK;
    if (s != SG_OK) {
        json_decref(object);
        return s;
    }
    *out = object;
    return SG_OK;
}
