/* A request's body. jansson nests up to 2048 levels and makes some hundred bytes out of every "[],"
 * : both are bounded by one pass over the text before it is parsed. */
#include "http_internal.h"

struct scan {
    unsigned depth, values;
    bool in_string, escaped;
};

/* False when a bound is passed. What is not JSON at all is the parser's to say. */
static bool scan_byte(struct scan *scan, char byte)
{
    if (scan->in_string) {
        bool ends = byte == '"' && !scan->escaped;
        scan->escaped = byte == '\\' && !scan->escaped;
        scan->in_string = !ends;
        return true;
    }
    switch (byte) {
    case '"':
        scan->in_string = true;
        return true;
    case '[':
    case '{':
        scan->depth++;
        scan->values++;
        break;
    case ',':
        scan->values++;
        break;
    case ']':
    case '}':
        scan->depth -= scan->depth > 0 ? 1u : 0u;
        return true;
    default:
        return true;
    }
    return scan->depth <= SG_HTTP_DEPTH_MAX && scan->values <= SG_HTTP_VALUES_MAX;
}

static sg_status check_bounds(const char *data, size_t len, struct sg_error *err)
{
    struct scan scan = {0};
    for (size_t i = 0; i < len; i++) {
        if (!scan_byte(&scan, data[i])) {
            sg_fail(err, SG_E_USAGE, "bad_json",
                    "the body is nested too deeply or holds too many values, at byte %zu", i);
            return sg_hint(err, "Allowed: %u levels, %u values.", SG_HTTP_DEPTH_MAX,
                           SG_HTTP_VALUES_MAX);
        }
    }
    return SG_OK;
}

static sg_status empty_object(json_t **out, struct sg_error *err)
{
    json_t *object = json_object();
    if (object == NULL) {
        return sg_fail_memory(err);
    }
    *out = object;
    return SG_OK;
}

sg_status sg_http_body_parse(const char *data, size_t len, json_t **out, struct sg_error *err)
{
    if (len == 0) {
        return empty_object(out, err);
    }
    sg_status s = check_bounds(data, len, err);
    if (s != SG_OK) {
        return s;
    }
    json_error_t fault;
    json_t *value = json_loadb(data, len, JSON_REJECT_DUPLICATES, &fault);
    if (value == NULL) {
        sg_fail(err, SG_E_USAGE, "bad_json", "the body is not valid JSON: line %d, column %d: %s",
                fault.line, fault.column, fault.text);
        return sg_hint(err, "Send a JSON object with the operation's parameters.");
    }
    if (!json_is_object(value)) {
        json_decref(value);
        sg_fail(err, SG_E_USAGE, "bad_json", "the body is not a JSON object");
        return sg_hint(err, "Send a JSON object with the operation's parameters.");
    }
    *out = value;
    return SG_OK;
}
