#include <signet/cli/table.h>

#include <stdio.h>
#include <string.h>

#include <signet/cli/output.h>

#define CELL_MAX 65536 /* bytes; one certificate's subject has 2,048 at most */

struct table {
    char names[SG_COLUMNS_MAX][40];
    size_t widths[SG_COLUMNS_MAX]; /* characters */
    size_t count;
};

/* Characters, not bytes: all that start no continuation of UTF-8. */
static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

static struct table read_columns(const char *columns)
{
    struct table table = {.count = 0};
    while (*columns != '\0' && table.count < SG_COLUMNS_MAX) {
        size_t len = strcspn(columns, " ");
        char *name = table.names[table.count];
        snprintf(name, sizeof table.names[0], "%.*s", (int)len, columns);
        table.widths[table.count++] = strlen(name);
        columns += len + strspn(columns + len, " ");
    }
    return table;
}

static sg_status append_cell(json_t *value, struct sg_buffer *out, struct sg_error *err);

static sg_status append_list(json_t *list, struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; i < json_array_size(list) && s == SG_OK; i++) {
        if (i > 0) {
            s = sg_buffer_append(out, ",", 1, err);
        }
        if (s == SG_OK) {
            s = append_cell(json_array_get(list, i), out, err);
        }
    }
    return s;
}

/* A cell is one line, whatever a name holds. */
static sg_status append_text(const char *text, struct sg_buffer *out, struct sg_error *err)
{
    size_t start = out->len;
    sg_status s = sg_output_clean(text, out, err);
    for (size_t i = start; i < out->len; i++) {
        if (out->data[i] == '\n') {
            out->data[i] = '?';
        }
    }
    return s;
}

static sg_status append_cell(json_t *value, struct sg_buffer *out, struct sg_error *err)
{
    if (json_is_integer(value)) {
        return sg_buffer_format(out, err, "%lld", (long long)json_integer_value(value));
    }
    if (json_is_boolean(value)) {
        return sg_buffer_format(out, err, json_is_true(value) ? "yes" : "no");
    }
    if (json_string_length(value) > 0) {
        return append_text(json_string_value(value), out, err);
    }
    if (json_array_size(value) > 0) {
        return append_list(value, out, err);
    }
    if (json_object_size(value) > 0) {
        char *text = json_dumps(value, JSON_COMPACT);
        sg_status s = text != NULL ? append_text(text, out, err) : sg_fail_memory(err);
        free(text);
        return s;
    }
    return sg_buffer_append(out, "-", 1, err);
}

static sg_status measure(struct table *table, json_t *items, struct sg_error *err)
{
    SG_BUFFER cell;
    sg_buffer_init(&cell, CELL_MAX);
    for (size_t i = 0; i < json_array_size(items); i++) {
        for (size_t c = 0; c < table->count; c++) {
            cell.len = 0;
            sg_status s =
                append_cell(json_object_get(json_array_get(items, i), table->names[c]), &cell, err);
            if (s != SG_OK) {
                return s;
            }
            size_t width = characters((const char *)cell.data);
            table->widths[c] = width > table->widths[c] ? width : table->widths[c];
        }
    }
    return SG_OK;
}

/* Blanks behind a cell that started at start; a line end behind the last. */
static sg_status finish_cell(const struct table *table, size_t column, size_t start,
                             struct sg_buffer *out, struct sg_error *err)
{
    if (column + 1 == table->count) {
        return sg_buffer_append(out, "\n", 1, err);
    }
    size_t width = characters((const char *)out->data + start);
    return sg_buffer_format(out, err, "%*s", (int)(table->widths[column] - width + 2), "");
}

static sg_status append_header(const struct table *table, struct sg_buffer *out,
                               struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t c = 0; c < table->count && s == SG_OK; c++) {
        size_t start = out->len;
        s = sg_buffer_format(out, err, "%s", table->names[c]);
        for (size_t i = start; i < out->len; i++) {
            bool lower = out->data[i] >= 'a' && out->data[i] <= 'z';
            out->data[i] = lower ? (unsigned char)(out->data[i] - 'a' + 'A') : out->data[i];
        }
        if (s == SG_OK) {
            s = finish_cell(table, c, start, out, err);
        }
    }
    return s;
}

static sg_status append_row(const struct table *table, json_t *item, struct sg_buffer *out,
                            struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t c = 0; c < table->count && s == SG_OK; c++) {
        size_t start = out->len;
        s = append_cell(json_object_get(item, table->names[c]), out, err);
        if (s == SG_OK) {
            s = finish_cell(table, c, start, out, err);
        }
    }
    return s;
}

sg_status sg_table_append(const char *columns, json_t *items, struct sg_buffer *out,
                          struct sg_error *err)
{
    struct table table = read_columns(columns);
    sg_status s = measure(&table, items, err);
    if (s == SG_OK) {
        s = append_header(&table, out, err);
    }
    for (size_t i = 0; i < json_array_size(items) && s == SG_OK; i++) {
        s = append_row(&table, json_array_get(items, i), out, err);
    }
    return s;
}
