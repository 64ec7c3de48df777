#include <signet/cli/help.h>

#include <string.h>

#include <signet/cli/arguments.h>

static const char *type_name(enum sg_param_type type)
{
    switch (type) {
    case SG_PARAM_TEXT:
    case SG_PARAM_OWNER:
    case SG_PARAM_USER:
    case SG_PARAM_CERTIFICATE:
    case SG_PARAM_OWNER_OR_CERTIFICATE:
    case SG_PARAM_RING:
    case SG_PARAM_WORD:
        return "string";
    case SG_PARAM_WORDS:
    case SG_PARAM_TEXTS:
        return "array of strings";
    case SG_PARAM_INTEGER:
    case SG_PARAM_UNIX_USER:
        return "integer";
    case SG_PARAM_FLAG:
        return "boolean";
    case SG_PARAM_TIME:
        return "string, RFC 3339 UTC";
    case SG_PARAM_CERTIFICATE_FILES:
        return "array of base64 DER";
    case SG_PARAM_CSR_FILE:
        return "base64 DER";
    case SG_PARAM_CARRIED:
        return "base64";
    case SG_PARAM_CLIENT_FILE:
    case SG_PARAM_CLIENT_WORD:
    case SG_PARAM_CLIENT_FLAG:
        return "not sent";
    }
    return "";
}

/* A cell of a table must not hold a bare '|', and "<…>" would be taken for HTML. */
static sg_status append_cell(const char *text, struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (; *text != '\0' && s == SG_OK; text++) {
        if (*text == '|' || *text == '<') {
            s = sg_buffer_append(out, "\\", 1, err);
        }
        if (s == SG_OK) {
            s = sg_buffer_append(out, *text == '\n' ? " " : text, 1, err);
        }
    }
    return s;
}

static sg_status append_words(const char *const *words, const char *before, const char *between,
                              struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; words[i] != NULL && s == SG_OK; i++) {
        s = sg_buffer_format(out, err, "%s`%s%s`", i > 0 ? between : "", before, words[i]);
    }
    return s;
}

static sg_status append_typed(const struct sg_param *param, struct sg_buffer *out,
                              struct sg_error *err)
{
    char option[64];
    sg_param_option(param, option);
    if (param->type == SG_PARAM_CARRIED) {
        return SG_OK; /* no option */
    }
    if (param->word_flags) {
        return append_words(param->words, "--", ", ", out, err);
    }
    if (param->positional) {
        return sg_buffer_format(out, err, "`%s`", param->placeholder);
    }
    bool value = param->placeholder != NULL;
    return sg_buffer_format(out, err, "`--%s%s%s`", option, value ? " " : "",
                            value ? param->placeholder : "");
}

static sg_status append_row(const struct sg_param *param, struct sg_buffer *out,
                            struct sg_error *err)
{
    sg_status s = sg_buffer_format(out, err, "| ");
    if (s == SG_OK) {
        s = append_typed(param, out, err);
    }
    if (s == SG_OK) {
        s = sg_buffer_format(out, err, " | `%s` | %s | %s | ", param->name, type_name(param->type),
                             param->required ? "yes" : "");
    }
    if (s == SG_OK) {
        s = append_cell(param->help, out, err);
    }
    return s == SG_OK ? sg_buffer_format(out, err, " |\n") : s;
}

static sg_status append_table(const struct sg_operation *operation, struct sg_buffer *out,
                              struct sg_error *err)
{
    const struct sg_param *param = operation->params;
    sg_status s = SG_OK;
    if (param->name != NULL) {
        s = sg_buffer_format(out, err,
                             "| command line | JSON | type | required | meaning |\n"
                             "|---|---|---|---|---|\n");
    }
    for (; param->name != NULL && s == SG_OK; param++) {
        s = append_row(param, out, err);
    }
    return s == SG_OK && operation->params->name != NULL ? sg_buffer_format(out, err, "\n") : s;
}

static sg_status append_needs(const struct sg_operation *operation, struct sg_buffer *out,
                              struct sg_error *err)
{
    sg_status s = SG_OK;
    bool any = false;
    for (size_t i = 0; i < SG_NEEDS_MAX && s == SG_OK; i++) {
        const struct sg_need *need = &operation->needs[i];
        if (need->function == SG_FUNCTION_NONE) {
            break;
        }
        s = sg_buffer_format(out, err, "%s%s%s%s%s", any ? ", " : " Needs ",
                             sg_function_name(need->function), need->param != NULL ? " for `" : "",
                             need->param != NULL ? need->param : "",
                             need->param != NULL ? "`" : "");
        bool own =
            need->when != NULL && need->param != NULL && strcmp(need->when, need->param) == 0;
        if (s == SG_OK && need->when != NULL && !own) {
            s = sg_buffer_format(out, err, " (with `%s`)", need->when);
        }
        any = true;
    }
    return s == SG_OK && any ? sg_buffer_format(out, err, ".") : s;
}

/* Where it runs, what it needs, what it does to the state. */
static sg_status append_nature(const struct sg_operation *operation, struct sg_buffer *out,
                               struct sg_error *err)
{
    unsigned flags = operation->flags;
    sg_status s;
    if ((flags & SG_OP_CLIENT) != 0) {
        s = sg_buffer_format(out, err, "Runs in the command alone.");
    } else {
        bool verb = operation->verb[0] != '\0';
        s = sg_buffer_format(out, err, "`%s /v1/%s%s%s`.", sg_operation_method(operation),
                             operation->noun, verb ? "/" : "", operation->verb);
    }
    bool filtered = (flags & SG_OP_FILTERED) != 0;
    if (s == SG_OK) {
        s = filtered ? sg_buffer_format(out, err, " Shows what the caller may see.")
                     : append_needs(operation, out, err);
    }
    if (s == SG_OK && (flags & SG_OP_TOKEN) != 0) {
        s = sg_buffer_format(out, err, " Needs a token.");
    }
    if (s == SG_OK && (flags & SG_OP_REPEATABLE) != 0) {
        s = sg_buffer_format(out, err, " Safe to repeat.");
    }
    return s == SG_OK ? sg_buffer_format(out, err, "\n\n") : s;
}

static sg_status append_columns(const struct sg_operation *operation, struct sg_buffer *out,
                                struct sg_error *err)
{
    if (operation->columns == NULL) {
        return SG_OK;
    }
    return sg_buffer_format(out, err, "Lists `items` with: `%s`.\n\n", operation->columns);
}

static sg_status append_operation(const struct sg_operation *operation, struct sg_buffer *out,
                                  struct sg_error *err)
{
    sg_status s = sg_buffer_format(out, err, "### signet %s%s%s\n\n```\n", operation->noun,
                                   operation->verb[0] != '\0' ? " " : "", operation->verb);
    if (s == SG_OK) {
        s = sg_help_usage(operation, out, err);
    }
    if (s == SG_OK) {
        s = sg_buffer_format(out, err, "\n```\n\n%s\n\n", operation->help);
    }
    if (s == SG_OK) {
        s = append_nature(operation, out, err);
    }
    if (s == SG_OK) {
        s = append_table(operation, out, err);
    }
    return s == SG_OK ? append_columns(operation, out, err) : s;
}

sg_status sg_help_markdown(struct sg_buffer *out, struct sg_error *err)
{
    size_t count;
    const struct sg_operation *operations = sg_operations(&count);
    sg_status s = sg_buffer_format(
        out, err,
        "# Operations\n\n"
        "Every operation, from the table in `service/interface`. Made by `signet help --markdown`; a test compares.\n"
        "What holds for all of them, exit statuses and examples: [commands.md](commands.md).\n\n");
    for (size_t i = 0; i < count && s == SG_OK; i++) {
        if (i == 0 || strcmp(operations[i].noun, operations[i - 1].noun) != 0) {
            s = sg_buffer_format(out, err, "## %s\n\n", operations[i].noun);
        }
        if (s == SG_OK) {
            s = append_operation(&operations[i], out, err);
        }
    }
    return s;
}
