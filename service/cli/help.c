#include <signet/cli/help.h>

#include <stdio.h>
#include <string.h>

#include <signet/cli/arguments.h>

#define LEFT_COLUMN 26 /* characters for what is typed, before its explanation */

static const char *gap(const struct sg_operation *operation)
{
    return operation->verb[0] != '\0' ? " " : "";
}

static bool takes_value(const struct sg_param *param)
{
    return param->type != SG_PARAM_FLAG && param->type != SG_PARAM_CLIENT_FLAG &&
           !param->word_flags;
}

static bool is_list(const struct sg_param *param)
{
    return param->type == SG_PARAM_WORDS || param->type == SG_PARAM_TEXTS ||
           param->type == SG_PARAM_CERTIFICATE_FILES;
}

/* "--trust|--notrust|--hightrust" */
static sg_status append_word_flags(const struct sg_param *param, struct sg_buffer *out,
                                   struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; param->words[i] != NULL && s == SG_OK; i++) {
        s = sg_buffer_format(out, err, "%s--%s", i > 0 ? "|" : "", param->words[i]);
    }
    return s;
}

/* "OWNER/LABEL", "FILE…", "--subject DN", "--force" */
static sg_status append_param(const struct sg_param *param, struct sg_buffer *out,
                              struct sg_error *err)
{
    char option[64];
    sg_param_option(param, option);
    if (param->positional) {
        return sg_buffer_format(out, err, "%s%s", param->placeholder, is_list(param) ? "…" : "");
    }
    if (param->word_flags) {
        return append_word_flags(param, out, err);
    }
    if (!takes_value(param)) {
        return sg_buffer_format(out, err, "--%s", option);
    }
    return sg_buffer_format(out, err, "--%s %s", option,
                            param->placeholder != NULL ? param->placeholder : "VALUE");
}

static bool has_options(const struct sg_operation *operation)
{
    for (const struct sg_param *param = operation->params; param->name != NULL; param++) {
        if (!param->positional && !param->required && param->type != SG_PARAM_CARRIED) {
            return true;
        }
    }
    return false;
}

sg_status sg_help_usage(const struct sg_operation *operation, struct sg_buffer *out,
                        struct sg_error *err)
{
    sg_status s = sg_buffer_format(out, err, "signet %s%s%s", operation->noun, gap(operation),
                                   operation->verb);
    for (const struct sg_param *param = operation->params; param->name != NULL && s == SG_OK;
         param++) {
        if (!param->positional && !param->required) {
            continue;
        }
        s = sg_buffer_format(out, err, param->required ? " " : " [");
        if (s == SG_OK) {
            s = append_param(param, out, err);
        }
        if (s == SG_OK && !param->required) {
            s = sg_buffer_format(out, err, "]");
        }
    }
    return s == SG_OK && has_options(operation) ? sg_buffer_format(out, err, " [options]") : s;
}

/* "  --subject DN            distinguished name": the explanation on a line of its own when there
 * is no room. */
static sg_status append_explained(const char *left, const char *help, struct sg_buffer *out,
                                  struct sg_error *err)
{
    if (strlen(left) >= LEFT_COLUMN) {
        return sg_buffer_format(out, err, "  %s\n  %*s%s\n", left, LEFT_COLUMN, "", help);
    }
    return sg_buffer_format(out, err, "  %-*s%s\n", LEFT_COLUMN, left, help);
}

static sg_status append_param_line(const struct sg_param *param, struct sg_buffer *out,
                                   struct sg_error *err)
{
    SG_BUFFER left;
    sg_buffer_init(&left, 4096);
    sg_status s = append_param(param, &left, err);
    return s == SG_OK ? append_explained((const char *)left.data, param->help, out, err) : s;
}

static sg_status append_params(const struct sg_operation *operation, bool positional,
                               const char *title, struct sg_buffer *out, struct sg_error *err)
{
    bool first = true;
    sg_status s = SG_OK;
    for (const struct sg_param *param = operation->params; param->name != NULL && s == SG_OK;
         param++) {
        if (param->positional != positional || param->type == SG_PARAM_CARRIED) {
            continue;
        }
        if (first) {
            s = sg_buffer_format(out, err, "\n%s:\n", title);
            first = false;
        }
        if (s == SG_OK) {
            s = append_param_line(param, out, err);
        }
    }
    return s;
}

static sg_status append_global(const struct sg_operation *operation, struct sg_buffer *out,
                               struct sg_error *err)
{
    bool client =
        operation != NULL && (operation->flags & (SG_OP_CLIENT | SG_OP_ASKS)) == SG_OP_CLIENT;
    sg_status s = sg_buffer_format(out, err, "\nEverywhere:\n");
    if (s == SG_OK) {
        s = append_explained("--json", "the answer, or the error, as JSON", out, err);
    }
    if (s == SG_OK) {
        s = append_explained("--dry-run", "say what would change, and change nothing", out, err);
    }
    if (s == SG_OK && !client) {
        s = append_explained(
            "--socket PATH",
            "the service's socket (default $SIGNET_SOCKET, then /run/signet/signet.sock)", out,
            err);
    }
    return s == SG_OK ? append_explained("--help, --version", "this text; the version", out, err)
                      : s;
}

static sg_status help_operation(const struct sg_operation *operation, struct sg_buffer *out,
                                struct sg_error *err)
{
    sg_status s = sg_buffer_format(out, err, "Usage: ");
    if (s == SG_OK) {
        s = sg_help_usage(operation, out, err);
    }
    if (s == SG_OK) {
        s = sg_buffer_format(out, err, "\n\n%s\n", operation->help);
    }
    if (s == SG_OK) {
        s = append_params(operation, true, "Arguments", out, err);
    }
    if (s == SG_OK) {
        s = append_params(operation, false, "Options", out, err);
    }
    return s == SG_OK ? append_global(operation, out, err) : s;
}

static sg_status append_operation_line(const struct sg_operation *operation, struct sg_buffer *out,
                                       struct sg_error *err)
{
    char left[64], first_line[512];
    snprintf(left, sizeof left, "%s%s%s", operation->noun, gap(operation), operation->verb);
    snprintf(first_line, sizeof first_line, "%.*s", (int)strcspn(operation->help, "\n"),
             operation->help);
    return append_explained(left, first_line, out, err);
}

static sg_status append_operations(const char *noun, struct sg_buffer *out, struct sg_error *err)
{
    size_t count;
    const struct sg_operation *operations = sg_operations(&count);
    sg_status s = SG_OK;
    for (size_t i = 0; i < count && s == SG_OK; i++) {
        if (noun == NULL || strcmp(operations[i].noun, noun) == 0) {
            s = append_operation_line(&operations[i], out, err);
        }
    }
    return s;
}

static sg_status help_noun(const char *noun, struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = sg_buffer_format(out, err, "Usage: signet %s COMMAND …\n\n", noun);
    if (s == SG_OK) {
        s = append_operations(noun, out, err);
    }
    return s == SG_OK ? sg_buffer_format(out, err, "\nsignet %s COMMAND --help says more.\n", noun)
                      : s;
}

static sg_status help_all(struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = sg_buffer_format(
        out, err,
        "Usage: signet COMMAND … [--json] [--dry-run] [--socket PATH]\n\n"
        "Keys that stay in the token, and rings of certificates that programs use as PKCS#11 tokens.\n\n");
    if (s == SG_OK) {
        s = append_operations(NULL, out, err);
    }
    if (s == SG_OK) {
        s = append_explained("help COMMAND",
                             "Say what a command takes; signet COMMAND --help does the same.", out,
                             err);
    }
    if (s == SG_OK) {
        s = append_explained("completion bash",
                             "Print a completion: eval \"$(signet completion bash)\"", out, err);
    }
    if (s == SG_OK) {
        s = append_global(NULL, out, err);
    }
    return s == SG_OK
               ? sg_buffer_format(
                     out, err,
                     "\nExit status: 0 done, 1 usage, 2 not found, 3 conflict, 4 denied, 5 bad input, "
                     "6 token unavailable,\n7 service unavailable, 8 other.\n")
               : s;
}

sg_status sg_help_text(const struct sg_operation *operation, const char *noun,
                       struct sg_buffer *out, struct sg_error *err)
{
    if (operation != NULL) {
        return help_operation(operation, out, err);
    }
    return noun != NULL ? help_noun(noun, out, err) : help_all(out, err);
}
