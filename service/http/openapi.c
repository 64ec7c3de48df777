/* The OpenAPI 3.0 document, from the table of operations. */
#include "http_internal.h"

#include <stdio.h>
#include <string.h>

#define ROUTE_ID_MAX 80

static bool is_sent(const struct sg_param *param)
{
    return param->type != SG_PARAM_CLIENT_FILE && param->type != SG_PARAM_CLIENT_WORD &&
           param->type != SG_PARAM_CLIENT_FLAG;
}

static json_t *word_schema(const struct sg_param *param)
{
    json_t *words = json_array();
    for (const char *const *word = param->words; word != NULL && *word != NULL; word++) {
        (void)json_array_append_new(words, json_string(*word));
    }
    return json_pack("{s:s, s:o}", "type", "string", "enum", words);
}

static json_t *text_schema(json_int_t max)
{
    return json_pack("{s:s, s:I}", "type", "string", "maxLength", max);
}

static json_t *base64_schema(void)
{
    return json_pack("{s:s, s:s, s:I}", "type", "string", "format", "byte", "maxLength",
                     (json_int_t)SG_HTTP_BASE64_MAX);
}

static json_t *list_schema(const struct sg_param *param, json_t *items)
{
    json_t *schema = json_pack("{s:s, s:o}", "type", "array", "items", items);
    if (param->max > 0) {
        (void)json_object_set_new(schema, "maxItems", json_integer(param->max));
    }
    return schema;
}

static json_t *integer_schema(json_int_t min, json_int_t max)
{
    return json_pack("{s:s, s:s, s:I, s:I}", "type", "integer", "format", "int64", "minimum", min,
                     "maximum", max);
}

static json_t *schema_of(const struct sg_param *param)
{
    switch (param->type) {
    case SG_PARAM_TEXT:
        return text_schema(param->max > 0 ? param->max : (json_int_t)SG_HTTP_TEXT_MAX);
    case SG_PARAM_OWNER:
    case SG_PARAM_USER:
    case SG_PARAM_CERTIFICATE:
    case SG_PARAM_OWNER_OR_CERTIFICATE:
    case SG_PARAM_RING:
        return text_schema((json_int_t)SG_HTTP_NAME_MAX);
    case SG_PARAM_WORD:
        return word_schema(param);
    case SG_PARAM_WORDS:
        return list_schema(param, word_schema(param));
    case SG_PARAM_TEXTS:
        return list_schema(param, text_schema((json_int_t)SG_HTTP_TEXT_MAX));
    case SG_PARAM_INTEGER:
        return integer_schema(param->min, param->max);
    case SG_PARAM_FLAG:
        return json_pack("{s:s}", "type", "boolean");
    case SG_PARAM_TIME:
        return json_pack("{s:s, s:s}", "type", "string", "format", "date-time");
    case SG_PARAM_UNIX_USER:
        return integer_schema(0, (json_int_t)UINT32_MAX - 1);
    case SG_PARAM_CERTIFICATE_FILES:
        return list_schema(param, base64_schema());
    case SG_PARAM_CSR_FILE:
    case SG_PARAM_CARRIED:
        return base64_schema();
    case SG_PARAM_CLIENT_FILE:
    case SG_PARAM_CLIENT_WORD:
    case SG_PARAM_CLIENT_FLAG:
        return NULL;
    }
    return NULL;
}

static void describe(json_t *thing, const char *text)
{
    if (text != NULL) {
        (void)json_object_set_new(thing, "description", json_string(text));
    }
}

static json_t *query_parameters(const struct sg_operation *operation)
{
    json_t *list = json_array();
    for (const struct sg_param *param = operation->params; param->name != NULL; param++) {
        if (!is_sent(param)) {
            continue;
        }
        json_t *entry = json_pack("{s:s, s:s, s:b, s:o}", "name", param->name, "in", "query",
                                  "required", (int)param->required, "schema", schema_of(param));
        describe(entry, param->help);
        (void)json_array_append_new(list, entry);
    }
    return list;
}

static json_t *dry_run_parameter(void)
{
    return json_pack("{s:s, s:s, s:b, s:s, s:{s:s, s:[s, s]}}", "name", "dry_run", "in", "query",
                     "required", 0, "description", "1: say what would change, and change nothing",
                     "schema", "type", "string", "enum", "0", "1");
}

static json_t *rehearsal_parameter(void)
{
    return json_pack("{s:s, s:s, s:b, s:s, s:{s:s, s:s}}", "name", "rehearsal", "in", "query",
                     "required", 0, "description",
                     "perform it in this rehearsal, opened over the same connection", "schema",
                     "type", "string", "pattern", "^[0-9a-f]{32}$");
}

/* What stands in the query string of every operation. */
static json_t *common_parameters(const struct sg_operation *operation, json_t *list)
{
    if ((operation->flags & SG_OP_CHANGES) != 0) {
        (void)json_array_append_new(list, dry_run_parameter());
    }
    if (sg_param_find(operation, "rehearsal") == NULL) {
        (void)json_array_append_new(list, rehearsal_parameter());
    }
    return list;
}

static json_t *body_of(const struct sg_operation *operation)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    for (const struct sg_param *param = operation->params; param->name != NULL; param++) {
        if (!is_sent(param)) {
            continue;
        }
        json_t *schema = schema_of(param);
        describe(schema, param->help);
        (void)json_object_set_new(properties, param->name, schema);
        if (param->required) {
            (void)json_array_append_new(required, json_string(param->name));
        }
    }
    json_t *schema = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
                               "properties", properties);
    if (json_array_size(required) > 0) { /* an empty list is not allowed there */
        (void)json_object_set(schema, "required", required);
    }
    bool needed = json_array_size(required) > 0;
    json_decref(required);
    return json_pack("{s:b, s:{s:{s:o}}}", "required", (int)needed, "content", "application/json",
                     "schema", schema);
}

static json_t *responses(void)
{
    return json_pack("{s:{s:s, s:{s:{s:{s:s}}}}, s:{s:s, s:{s:{s:{s:s}}}}}", "200", "description",
                     "done", "content", "application/json", "schema", "type", "object", "default",
                     "description", "not done", "content", "application/json", "schema", "$ref",
                     "#/components/schemas/Error");
}

static json_t *describe_operation(const struct sg_operation *operation)
{
    char id[ROUTE_ID_MAX];
    snprintf(id, sizeof id, "%s%s%s", operation->noun, operation->verb[0] != '\0' ? "_" : "",
             operation->verb);
    const char *help = operation->help != NULL ? operation->help : "";
    json_t *entry = json_pack("{s:s, s:s%, s:o}", "operationId", id, "summary", help,
                              strcspn(help, "\n"), "responses", responses());
    describe(entry, help);
    if (strcmp(sg_operation_method(operation), "GET") == 0) {
        (void)json_object_set_new(entry, "parameters",
                                  common_parameters(operation, query_parameters(operation)));
        return entry;
    }
    (void)json_object_set_new(entry, "parameters", common_parameters(operation, json_array()));
    (void)json_object_set_new(entry, "requestBody", body_of(operation));
    return entry;
}

static json_t *describe_paths(void)
{
    char route[ROUTE_ID_MAX];
    json_t *paths = json_object();
    size_t count = 0;
    const struct sg_operation *rows = sg_operations(&count);
    for (size_t i = 0; i < count; i++) {
        if ((rows[i].flags & SG_OP_CLIENT) != 0 || !sg_http_route(&rows[i], route, sizeof route)) {
            continue;
        }
        const char *method = strcmp(sg_operation_method(&rows[i]), "GET") == 0 ? "get" : "post";
        (void)json_object_set_new(paths, route,
                                  json_pack("{s:o}", method, describe_operation(&rows[i])));
    }
    return paths;
}

static json_t *error_schema(void)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    static const char *const fields[][2] = {
        {"code", "stable, for programs"},
        {"status", "the kind of failure"},
        {"text", "what failed and why"},
        {"hint", "what to do next; may be empty"},
        {"object", "what it is about; may be empty"},
    };
    for (size_t i = 0; i < SG_COUNT(fields); i++) {
        (void)json_object_set_new(
            properties, fields[i][0],
            json_pack("{s:s, s:s}", "type", "string", "description", fields[i][1]));
        (void)json_array_append_new(required, json_string(fields[i][0]));
    }
    json_t *inner = json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties,
                              "required", required);
    return json_pack("{s:s, s:[s], s:{s:o}}", "type", "object", "required", "error", "properties",
                     "error", inner);
}

json_t *sg_http_openapi(void)
{
    return json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:{s:o}}}", "openapi", "3.0.3", "info",
                     "title", "Signet", "version", SIGNET_VERSION, "description",
                     "Key management on a Unix socket; the caller is known by its user.", "paths",
                     describe_paths(), "components", "schemas", "Error", error_schema());
}
