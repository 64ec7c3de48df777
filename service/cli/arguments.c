#include <signet/cli/arguments.h>

#include <stdio.h>
#include <string.h>

#include <signet/cli/suggest.h>

#include "arguments_internal.h"

void sg_invocation_done(struct sg_invocation *invocation)
{
    json_decref(invocation->params);
    free(invocation->locals);
    invocation->params = NULL;
    invocation->locals = NULL;
    invocation->local_count = 0;
    sg_carried_done(&invocation->carried);
}

bool sg_arguments_want_json(int argc, const char *const *argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

const char *sg_invocation_local(const struct sg_invocation *invocation, const char *name)
{
    for (size_t i = 0; i < invocation->local_count; i++) {
        if (strcmp(invocation->locals[i].param->name, name) == 0) {
            return invocation->locals[i].value;
        }
    }
    return NULL;
}

void sg_param_option(const struct sg_param *param, char out[64])
{
    snprintf(out, 64, "%s", param->name);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '_') {
            *c = '-';
        }
    }
}

/* ---- options ---- */

static bool is_flag(const struct sg_param *param)
{
    return param->type == SG_PARAM_FLAG || param->type == SG_PARAM_CLIENT_FLAG;
}

static bool is_list(const struct sg_param *param)
{
    return param->type == SG_PARAM_WORDS || param->type == SG_PARAM_TEXTS ||
           param->type == SG_PARAM_CERTIFICATE_FILES;
}

static sg_status give(struct sg_parser *p, const struct sg_param *param, const char *value)
{
    size_t number = (size_t)(param - p->out->operation->params);
    if (number >= SG_PARAMS_MAX) {
        return sg_fail(p->err, SG_E_INTERNAL, NULL, "an operation has too many parameters");
    }
    if (p->seen[number] && !is_list(param)) {
        char shown[72];
        if (param->word_flags) {
            return sg_fail(p->err, SG_E_USAGE, "duplicate_option",
                           "--%s: only one of these options can be given, once", value);
        }
        return sg_fail(p->err, SG_E_USAGE, "duplicate_option", "%s was given twice",
                       sg_argument_shown(param, shown));
    }
    p->seen[number] = true;
    return sg_argument_set(p, param, value);
}

/* An option's text, taken apart: name without dashes, value behind "=" or NULL. */
struct option {
    const char *whole;
    char name[64];
    const char *value;
};

static struct option split(const char *word)
{
    struct option option = {.whole = word};
    size_t len = strcspn(word + 2, "=");
    snprintf(option.name, sizeof option.name, "%.*s", (int)(len < 64 ? len : 63), word + 2);
    option.value = word[2 + len] == '=' ? word + 2 + len + 1 : NULL;
    if (len >= sizeof option.name) {
        option.name[0] = '\0'; /* no option is that long */
    }
    return option;
}

static sg_status option_value(struct sg_parser *p, struct option *option)
{
    if (option->value != NULL) {
        return SG_OK;
    }
    if (p->next >= p->argc || strncmp(p->argv[p->next], "--", 2) == 0) {
        sg_fail(p->err, SG_E_USAGE, "bad_usage", "option --%s needs a value", option->name);
        return sg_hint(p->err, "Write --%s=VALUE when the value itself begins with dashes.",
                       option->name);
    }
    option->value = p->argv[p->next++];
    return SG_OK;
}

static sg_status no_value(struct sg_parser *p, const struct option *option)
{
    if (option->value == NULL) {
        return SG_OK;
    }
    return sg_fail(p->err, SG_E_USAGE, "bad_usage", "option --%s takes no value", option->name);
}

static const char *flag_word(const struct sg_param *param, const char *name)
{
    if (param->type != SG_PARAM_WORD || !param->word_flags) {
        return NULL;
    }
    for (const char *const *word = param->words; *word != NULL; word++) {
        if (strcmp(*word, name) == 0) {
            return *word;
        }
    }
    return NULL;
}

static bool is_option(const struct sg_param *param, const char *name)
{
    char option[64];
    sg_param_option(param, option);
    return !param->positional && !param->word_flags && param->type != SG_PARAM_CARRIED &&
           strcmp(option, name) == 0;
}

/* *taken says whether the operation has such an option. */
static sg_status own_option(struct sg_parser *p, struct option *option, bool *taken)
{
    *taken = true;
    for (const struct sg_param *param = p->out->operation->params; param->name != NULL; param++) {
        const char *word = flag_word(param, option->name);
        bool flag = word != NULL || is_flag(param);
        if (word == NULL && !is_option(param, option->name)) {
            continue;
        }
        sg_status s = flag ? no_value(p, option) : option_value(p, option);
        if (s != SG_OK) {
            return s;
        }
        return give(p, param, word != NULL ? word : option->value);
    }
    *taken = false;
    return SG_OK;
}

static sg_status set_socket(struct sg_parser *p, struct option *option)
{
    if (p->out->socket != NULL) {
        return sg_fail(p->err, SG_E_USAGE, "duplicate_option", "--socket was given twice");
    }
    sg_status s = option_value(p, option);
    if (s == SG_OK && option->value[0] == '\0') {
        return sg_fail(p->err, SG_E_USAGE, "bad_value", "--socket \"\" is no path");
    }
    p->out->socket = s == SG_OK ? option->value : NULL;
    return s;
}

/* Options of every command. *done: the command line is understood, whatever follows. */
static sg_status global_option(struct sg_parser *p, struct option *option, bool *taken, bool *done)
{
    struct sg_invocation *out = p->out;
    *taken = true;
    if (strcmp(option->name, "socket") == 0) {
        return set_socket(p, option);
    }
    if (strcmp(option->name, "json") == 0) {
        out->json = true;
    } else if (strcmp(option->name, "dry-run") == 0) {
        out->dry_run = true;
    } else if (strcmp(option->name, "help") == 0) {
        out->command = SG_COMMAND_HELP;
        *done = true;
    } else if (strcmp(option->name, "version") == 0) {
        out->command = SG_COMMAND_VERSION;
        *done = true;
    } else {
        *taken = false;
        return SG_OK;
    }
    return no_value(p, option);
}

static sg_status unknown_option(struct sg_parser *p, const char *word)
{
    sg_fail(p->err, SG_E_USAGE, "unknown_option", "unknown option %s", sg_excerpt(word).text);
    return sg_suggest_option(word, p->out->operation, p->err);
}

/* "-h" is what many hands type; there are no other short options. */
static sg_status take_option(struct sg_parser *p, const char *word, bool *done)
{
    bool taken = false;
    if (strcmp(word, "-h") == 0) {
        word = "--help";
    }
    if (word[1] != '-') {
        return unknown_option(p, word);
    }
    struct option option = split(word);
    sg_status s = global_option(p, &option, &taken, done);
    if (s == SG_OK && !taken && p->out->operation != NULL) {
        s = own_option(p, &option, &taken);
    }
    return s == SG_OK && !taken ? unknown_option(p, word) : s;
}

static bool looks_like_option(const struct sg_parser *p, const char *word)
{
    return !p->options_ended && word[0] == '-' && word[1] != '\0';
}

/* The next word that is no option; NULL at the end or when *done. */
static sg_status next_word(struct sg_parser *p, const char **word, bool *done)
{
    *word = NULL;
    while (p->next < p->argc && !*done) {
        const char *here = p->argv[p->next++];
        if (!looks_like_option(p, here)) {
            *word = here;
            return SG_OK;
        }
        if (strcmp(here, "--") == 0) {
            p->options_ended = true;
            continue;
        }
        sg_status s = take_option(p, here, done);
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}

/* ---- positionals ---- */

static const struct sg_param *positional(const struct sg_operation *operation, size_t number)
{
    const struct sg_param *last = NULL;
    for (const struct sg_param *param = operation->params; param->name != NULL; param++) {
        if (param->positional) {
            last = param;
            if (number-- == 0) {
                return param;
            }
        }
    }
    return last != NULL && is_list(last) ? last : NULL; /* a list takes all that follows */
}

static sg_status take_positional(struct sg_parser *p, const char *word)
{
    const struct sg_param *param = positional(p->out->operation, p->positionals++);
    if (param != NULL) {
        return give(p, param, word);
    }
    sg_fail(p->err, SG_E_USAGE, "bad_usage", "\"%s\" is one argument too many",
            sg_excerpt(word).text);
    return sg_suggest_usage(p->out->operation, p->err);
}

static sg_status check_required(struct sg_parser *p)
{
    const struct sg_operation *operation = p->out->operation;
    for (const struct sg_param *param = operation->params; param->name != NULL; param++) {
        if (param->required && !p->seen[param - operation->params]) {
            char shown[72];
            sg_fail(p->err, SG_E_USAGE, "missing_argument", "%s is missing",
                    sg_argument_shown(param, shown));
            return sg_suggest_usage(operation, p->err);
        }
    }
    return SG_OK;
}

static sg_status parse_operation(struct sg_parser *p)
{
    bool done = false;
    p->out->command = SG_COMMAND_OPERATION;
    for (;;) {
        const char *word = NULL;
        sg_status s = next_word(p, &word, &done);
        if (s != SG_OK || done) {
            return s;
        }
        if (word == NULL) {
            return check_required(p);
        }
        s = take_positional(p, word);
        if (s != SG_OK) {
            return s;
        }
    }
}

/* ---- commands ---- */

static const char *known_noun(const char *word)
{
    size_t count;
    const struct sg_operation *operations = sg_operations(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(operations[i].noun, word) == 0) {
            return operations[i].noun;
        }
    }
    return NULL;
}

static sg_status unknown_command(struct sg_parser *p, const char *noun, const char *word)
{
    sg_fail(p->err, SG_E_USAGE, "unknown_command", "unknown command %s%s%s",
            noun != NULL ? noun : "", noun != NULL ? " " : "", sg_excerpt(word).text);
    return sg_suggest_command(noun, word, p->err);
}

/* Reads the verb and finds the row. *done as in next_word. */
static sg_status parse_verb(struct sg_parser *p, bool *done)
{
    const char *noun = p->out->noun, *verb = NULL;
    p->out->operation = sg_operation_find(noun, "");
    if (p->out->operation != NULL) {
        return SG_OK;
    }
    sg_status s = next_word(p, &verb, done);
    if (s != SG_OK || *done) {
        return s;
    }
    if (verb == NULL) {
        sg_fail(p->err, SG_E_USAGE, "missing_argument", "signet %s needs one more word", noun);
        return sg_suggest_command(noun, "", p->err);
    }
    p->out->operation = sg_operation_find(noun, verb);
    return p->out->operation != NULL ? SG_OK : unknown_command(p, noun, verb);
}

static sg_status parse_help(struct sg_parser *p)
{
    bool done = false;
    const char *word = NULL;
    if (p->next < p->argc && strcmp(p->argv[p->next], "--markdown") == 0) {
        p->out->command = SG_COMMAND_MARKDOWN;
        return SG_OK;
    }
    sg_status s = next_word(p, &word, &done);
    if (s != SG_OK || word == NULL) {
        return s;
    }
    p->out->noun = known_noun(word);
    if (p->out->noun == NULL) {
        return unknown_command(p, NULL, word);
    }
    if (p->next >= p->argc) {
        p->out->operation = sg_operation_find(p->out->noun, "");
        return SG_OK;
    }
    return parse_verb(p, &done);
}

static sg_status parse_completion(struct sg_parser *p)
{
    bool done = false;
    const char *shell = NULL;
    sg_status s = next_word(p, &shell, &done);
    if (s != SG_OK || done) {
        return s;
    }
    if (shell == NULL || strcmp(shell, "bash") != 0) {
        sg_fail(p->err, SG_E_USAGE, "bad_usage", "there is a completion for bash, not for \"%s\"",
                sg_excerpt(shell != NULL ? shell : "").text);
        return sg_hint(p->err, "signet completion bash");
    }
    p->out->command = SG_COMMAND_COMPLETION;
    return SG_OK;
}

static sg_status parse_command(struct sg_parser *p)
{
    bool done = false;
    const char *noun = NULL;
    sg_status s = next_word(p, &noun, &done);
    if (s != SG_OK || done) {
        return s;
    }
    if (noun == NULL) {
        sg_fail(p->err, SG_E_USAGE, "missing_argument", "signet needs a command");
        return sg_hint(p->err, "signet --help lists them.");
    }
    if (strcmp(noun, "help") == 0) {
        return parse_help(p);
    }
    if (strcmp(noun, "completion") == 0) {
        return parse_completion(p);
    }
    p->out->noun = known_noun(noun);
    if (p->out->noun == NULL) {
        return unknown_command(p, NULL, noun);
    }
    s = parse_verb(p, &done);
    return s == SG_OK && !done ? parse_operation(p) : s;
}

sg_status sg_arguments_parse(int argc, const char *const *argv, struct sg_invocation *out,
                             struct sg_error *err)
{
    struct sg_parser p = {.argc = argc, .argv = argv, .next = 1, .out = out, .err = err};
    out->command = SG_COMMAND_HELP;
    out->params = json_object();
    return out->params != NULL ? parse_command(&p) : sg_fail_memory(err);
}
