/* Aimed at: sg_http_query_parse, sg_http_body_parse and sg_http_check_params, which stand before
 * every operation that anybody on the machine may ask for. The first line is the operation's
 * words, the second a query string, all the rest a body. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <signet/base/buffer.h>

#include "http_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool invariant)
{
    if (!invariant) {
        abort();
    }
}

static void check_error(const struct sg_error *err, sg_status status, const char *code)
{
    require(err->status == status && status == SG_E_USAGE);
    require(strcmp(err->code, code) == 0 && err->text[0] != '\0' && err->hint[0] != '\0');
    json_t *failure = sg_http_error_json(err);
    char *text = json_dumps(failure, JSON_COMPACT);
    require(text != NULL);
    free(text);
    json_decref(failure);
}

/* The next line as a string of its own. */
static char *take_line(struct sg_bytes *rest)
{
    const uint8_t *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->data) : rest->len;
    size_t past = end != NULL ? len + 1 : len;
    char *line = malloc(len + 1);
    require(line != NULL);
    if (len > 0) {
        memcpy(line, rest->data, len);
    }
    line[len] = '\0';
    rest->data = past > 0 ? rest->data + past : rest->data;
    rest->len -= past;
    return line;
}

static const struct sg_operation *find(char *words)
{
    char *blank = strchr(words, ' ');
    const char *verb = blank != NULL ? blank + 1 : "";
    if (blank != NULL) {
        *blank = '\0';
    }
    const struct sg_operation *operation = sg_operation_find(words, verb);
    return operation != NULL ? operation : sg_operation_find("cert", "list");
}

/* What passes is known, complete, and can be written down again. */
static void check_passed(const struct sg_operation *operation, json_t *params)
{
    const char *name;
    json_t *value;
    json_object_foreach(params, name, value)
    {
        const struct sg_param *param = sg_param_find(operation, name);
        require(param != NULL && param->type != SG_PARAM_CLIENT_FILE &&
                param->type != SG_PARAM_CLIENT_WORD && param->type != SG_PARAM_CLIENT_FLAG);
        require(!json_is_null(value) && !json_is_object(value) && !json_is_real(value));
    }
    char *text = json_dumps(params, JSON_COMPACT);
    json_t *again = NULL;
    struct sg_error err = SG_ERROR_INIT;
    require(text != NULL);
    require(sg_http_body_parse(text, strlen(text), &again, &err) == SG_OK);
    require(json_equal(params, again) == 1);
    json_decref(again);
    free(text);
}

static void check(const struct sg_operation *operation, json_t *params)
{
    struct sg_error err = SG_ERROR_INIT;
    require(json_is_object(params));
    sg_status s = sg_http_check_params(operation, params, &err);
    if (s == SG_OK) {
        check_passed(operation, params);
    } else {
        check_error(&err, s, "bad_parameter");
    }
    json_decref(params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sg_bytes rest = {data, size};
    SG_FREE char *words = take_line(&rest);
    SG_FREE char *query = take_line(&rest);
    const struct sg_operation *operation = find(words);
    struct sg_error err = SG_ERROR_INIT;
    json_t *params = NULL;
    sg_status s = sg_http_query_parse(operation, query, &params, &err);
    if (s == SG_OK) {
        check(operation, params);
    } else {
        check_error(&err, s, "bad_query");
    }
    sg_error_clear(&err);
    s = sg_http_body_parse((const char *)rest.data, rest.len, &params, &err);
    if (s == SG_OK) {
        check(operation, params);
    } else {
        check_error(&err, s, "bad_json");
    }
    return 0;
}
