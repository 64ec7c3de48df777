#include <signet/cli/output.h>

#include <string.h>

#include <signet/cli/table.h>

#define INDENT_MAX 8 /* levels that are shown; deeper ones as JSON */

/* True for the two bytes of a C1 control character in UTF-8 (U+0080 … U+009F). */
static bool is_c1(const char *text)
{
    return (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] >= 0x80 &&
           (unsigned char)text[1] < 0xa0;
}

/* True for the three bytes of a line or paragraph separator, or of an embedding, override or
 * isolate of direction (U+2028 … U+202E, U+2066 … U+2069): text behind it would be shown as
 * something else. */
static bool is_direction(const char *text)
{
    if ((unsigned char)text[0] != 0xe2 || text[1] == '\0') {
        return false;
    }
    unsigned char second = (unsigned char)text[1];
    unsigned char third = (unsigned char)text[2];
    return (second == 0x80 && third >= 0xa8 && third <= 0xae) ||
           (second == 0x81 && third >= 0xa6 && third <= 0xa9);
}

static bool is_control(const char *text)
{
    unsigned char c = (unsigned char)*text;
    return (c < 0x20 && c != '\n') || c == 0x7f || is_c1(text) || is_direction(text);
}

sg_status sg_output_clean(const char *text, struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = SG_OK;
    while (*text != '\0' && s == SG_OK) {
        size_t plain = 0;
        while (text[plain] != '\0' && !is_control(text + plain)) {
            plain++;
        }
        if (plain > 0) {
            s = sg_buffer_append(out, text, plain, err);
        } else {
            plain = is_direction(text) ? 3 : is_c1(text) ? 2 : 1;
            s = sg_buffer_append(out, "?", 1, err);
        }
        text += plain;
    }
    return s;
}

static int take_json(const char *data, size_t len, void *context)
{
    struct sg_error ignored = SG_ERROR_INIT; /* json_dump_callback only knows failed */
    return sg_buffer_append(context, data, len, &ignored) == SG_OK ? 0 : -1;
}

static sg_status append_json(json_t *value, size_t flags, struct sg_buffer *out,
                             struct sg_error *err)
{
    if (json_dump_callback(value, take_json, out, flags | JSON_ENCODE_ANY) != 0) {
        return sg_fail(err, SG_E_LIMIT, NULL, "the answer is too large to be shown");
    }
    return SG_OK;
}

sg_status sg_output_json(json_t *value, struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = append_json(value, JSON_INDENT(2), out, err);
    return s == SG_OK ? sg_buffer_append(out, "\n", 1, err) : s;
}

/* ---- "key: value" ---- */

static sg_status append_scalar(json_t *value, struct sg_buffer *out, struct sg_error *err)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return sg_output_clean(json_string_value(value), out, err);
    case JSON_INTEGER:
        return sg_buffer_format(out, err, "%lld", (long long)json_integer_value(value));
    case JSON_REAL:
        return sg_buffer_format(out, err, "%g", json_real_value(value));
    case JSON_TRUE:
        return sg_buffer_append(out, "yes", 3, err);
    case JSON_FALSE:
        return sg_buffer_append(out, "no", 2, err);
    case JSON_NULL:
        return sg_buffer_append(out, "-", 1, err);
    case JSON_OBJECT:
    case JSON_ARRAY:
        break;
    }
    return append_json(value, JSON_COMPACT, out, err);
}

static bool is_nested(json_t *value)
{
    return (json_is_object(value) && json_object_size(value) > 0) ||
           (json_is_array(value) && json_array_size(value) > 0);
}

static sg_status append_block(json_t *value, unsigned level, struct sg_buffer *out,
                              struct sg_error *err);

/* One member of an object, or one element of a list ("- "). */
static sg_status append_member(const char *name, json_t *value, unsigned level,
                               struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = sg_buffer_format(out, err, "%*s", (int)(level * 2), "");
    if (s == SG_OK) {
        s = name != NULL ? sg_output_clean(name, out, err) : sg_buffer_append(out, "-", 1, err);
    }
    if (s == SG_OK && name != NULL) {
        s = sg_buffer_append(out, ":", 1, err);
    }
    if (s == SG_OK && is_nested(value) && level < INDENT_MAX) {
        s = sg_buffer_append(out, "\n", 1, err);
        return s == SG_OK ? append_block(value, level + 1, out, err) : s;
    }
    bool empty = json_is_array(value) && json_array_size(value) == 0;
    if (s == SG_OK) {
        s = sg_buffer_append(out, " ", 1, err);
    }
    if (s == SG_OK) {
        s = empty ? sg_buffer_append(out, "none", 4, err) : append_scalar(value, out, err);
    }
    return s == SG_OK ? sg_buffer_append(out, "\n", 1, err) : s;
}

static sg_status append_block(json_t *value, unsigned level, struct sg_buffer *out,
                              struct sg_error *err)
{
    sg_status s = SG_OK;
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value) && s == SG_OK; i++) {
            s = append_member(NULL, json_array_get(value, i), level, out, err);
        }
        return s;
    }
    for (void *at = json_object_iter(value); at != NULL && s == SG_OK;
         at = json_object_iter_next(value, at)) {
        s = append_member(json_object_iter_key(at), json_object_iter_value(at), level, out, err);
    }
    return s;
}

/* ---- the parts that many answers have ---- */

/* A line for each string of a list; an object stands for itself by its "text". */
static sg_status append_lines(json_t *list, const char *before, struct sg_buffer *out,
                              struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; i < json_array_size(list) && s == SG_OK; i++) {
        json_t *line = json_array_get(list, i);
        json_t *text = json_is_object(line) ? json_object_get(line, "text") : line;
        s = sg_buffer_format(out, err, "%s", before);
        if (s == SG_OK) {
            s = append_scalar(text != NULL ? text : line, out, err);
        }
        if (s == SG_OK) {
            s = sg_buffer_append(out, "\n", 1, err);
        }
    }
    return s;
}

static bool is_known_part(const char *name)
{
    static const char *const parts[] = {"items", "did", "warnings", "effects", "dry_run"};
    for (size_t i = 0; i < SG_COUNT(parts); i++) {
        if (strcmp(parts[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* A list of objects without columns: one block each, a blank line between. */
static sg_status append_blocks(json_t *items, struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; i < json_array_size(items) && s == SG_OK; i++) {
        if (i > 0) {
            s = sg_buffer_append(out, "\n", 1, err);
        }
        json_t *item = json_array_get(items, i);
        if (s == SG_OK) {
            s = json_is_object(item) ? append_block(item, 0, out, err)
                                     : append_member(NULL, item, 0, out, err);
        }
    }
    return s;
}

static sg_status append_items(const struct sg_operation *operation, json_t *items,
                              struct sg_buffer *out, struct sg_error *err)
{
    if (!json_is_array(items)) {
        return SG_OK;
    }
    return operation->columns != NULL ? sg_table_append(operation->columns, items, out, err)
                                      : append_blocks(items, out, err);
}

/* Everything that has no form of its own. What was done is enough: its details are for --json. */
static sg_status append_rest(json_t *answer, struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (void *at = json_object_iter(answer); at != NULL && s == SG_OK;
         at = json_object_iter_next(answer, at)) {
        if (!is_known_part(json_object_iter_key(at))) {
            s = append_member(json_object_iter_key(at), json_object_iter_value(at), 0, out, err);
        }
    }
    return s;
}

static sg_status append_dry_run(json_t *answer, struct sg_buffer *out, struct sg_error *err)
{
    json_t *effects = json_object_get(answer, "effects");
    if (json_array_size(effects) == 0) {
        return sg_buffer_format(out, err, "would: nothing\n");
    }
    return append_lines(effects, "would: ", out, err);
}

sg_status sg_output_answer(const struct sg_operation *operation, json_t *answer,
                           struct sg_buffer *out, struct sg_buffer *notes, struct sg_error *err)
{
    sg_status s = append_lines(json_object_get(answer, "warnings"), "warning: ", notes, err);
    if (s != SG_OK) {
        return s;
    }
    if (json_is_true(json_object_get(answer, "dry_run"))) {
        return append_dry_run(answer, out, err);
    }
    json_t *did = json_object_get(answer, "did");
    if (json_is_array(did)) {
        return append_lines(did, "", out, err);
    }
    s = append_items(operation, json_object_get(answer, "items"), out, err);
    return s == SG_OK ? append_rest(answer, out, err) : s;
}

/* ---- failures ---- */

/* A path in a text may be no UTF-8, and a text that was cut may end within a character. */
static json_t *lenient_string(const char *text)
{
    json_t *string = json_string(text);
    if (string != NULL) {
        return string;
    }
    SG_FREE char *ascii = strdup(text);
    for (char *c = ascii; c != NULL && *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80) {
            *c = '?';
        }
    }
    return ascii != NULL ? json_string(ascii) : NULL;
}

static sg_status append_failure_json(const struct sg_error *failure, struct sg_buffer *out,
                                     struct sg_error *err)
{
    json_t *object =
        json_pack("{s:{s:s, s:s, s:o, s:o, s:o}}", "error", "code", failure->code, "status",
                  sg_status_info(failure->status)->name, "text", lenient_string(failure->text),
                  "hint", lenient_string(failure->hint), "object", lenient_string(failure->object));
    if (object == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s = sg_output_json(object, out, err);
    json_decref(object);
    return s;
}

static sg_status append_failure_line(const char *before, const char *text, struct sg_buffer *out,
                                     struct sg_error *err)
{
    sg_status s = sg_buffer_format(out, err, "%s: ", before);
    if (s == SG_OK) {
        s = sg_output_clean(text, out, err);
    }
    return s == SG_OK ? sg_buffer_append(out, "\n", 1, err) : s;
}

sg_status sg_output_failure(const struct sg_error *failure, bool json, struct sg_buffer *out,
                            struct sg_error *err)
{
    if (json) {
        return append_failure_json(failure, out, err);
    }
    sg_status s = append_failure_line("signet", failure->text, out, err);
    if (s == SG_OK && failure->hint[0] != '\0') {
        s = append_failure_line("hint", failure->hint, out, err);
    }
    return s;
}
