/* What translations share: setting parameters, owners, files. */
#include "translate_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <signet/base/ascii.h>

sg_status sg_rac_fault(struct sg_rac_run *run, const struct sg_rac_node *node)
{
    run->out->fault = node->at;
    run->out->fault_len = node->len;
    return run->err->status;
}

sg_status sg_rac_fault_value(struct sg_rac_run *run, const struct sg_rac_node *node, unsigned i)
{
    const struct sg_rac_value *value = &run->tree->values[node->first_value + i];
    run->out->fault = value->at;
    run->out->fault_len = value->len;
    return run->err->status;
}

sg_status sg_rac_missing(struct sg_rac_run *run, const char *keyword)
{
    const struct sg_rac_node *node = run->function != NULL ? run->function : run->command;
    sg_fail(run->err, SG_E_USAGE, "missing_keyword", "%s needs %s(…)", run->out->function, keyword);
    return sg_rac_fault(run, node);
}

const char *sg_rac_value_at(const struct sg_rac_run *run, const struct sg_rac_node *node,
                            unsigned i)
{
    return node != NULL && i < node->value_count ? run->tree->values[node->first_value + i].text
                                                 : NULL;
}

const char *sg_rac_value(const struct sg_rac_run *run, const struct sg_rac_node *node)
{
    return sg_rac_value_at(run, node, 0);
}

static bool in_list(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += len) {
        bool starts = at == list || at[-1] == ' ';
        if (starts && (at[len] == ' ' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

bool sg_rac_belongs(const struct sg_rac_run *run, const struct sg_rac_keyword *keyword)
{
    return keyword->belongs_to == NULL || in_list(keyword->belongs_to, run->out->function);
}

const struct sg_rac_node *sg_rac_keyword(const struct sg_rac_run *run, const char *name)
{
    const struct sg_rac_node *node = sg_rac_child(run->command, name);
    return node != NULL && sg_rac_belongs(run, node->keyword) ? node : NULL;
}

sg_status sg_rac_operation(struct sg_rac_run *run, enum sg_rac_task task, const char *noun,
                           const char *verb)
{
    run->out->task = task;
    run->out->operation = sg_operation_find(noun, verb);
    return run->out->operation != NULL
               ? SG_OK
               : sg_fail(run->err, SG_E_INTERNAL, NULL, "there is no operation %s %s", noun, verb);
}

sg_status sg_rac_step(struct sg_rac_run *run, enum sg_rac_task task, const char *noun,
                      const char *verb)
{
    struct sg_rac_request *out = run->out;
    if (out->operation == NULL) {
        return sg_rac_operation(run, task, noun, verb);
    }
    struct sg_rac_step *steps = realloc(out->steps, (out->step_count + 1) * sizeof *steps);
    json_t *params = json_object();
    if (steps != NULL) {
        out->steps = steps;
    }
    if (steps == NULL || params == NULL) {
        json_decref(params);
        return sg_fail_memory(run->err);
    }
    steps[out->step_count++] = (struct sg_rac_step){sg_operation_find(noun, verb), params};
    run->params = params;
    return SG_OK;
}

sg_status sg_rac_set(struct sg_rac_run *run, const char *param, json_t *value)
{
    return value != NULL && json_object_set_new(run->params, param, value) == 0
               ? SG_OK
               : sg_fail_memory(run->err);
}

/* JSON takes valid UTF-8 only; so do names. */
sg_status sg_rac_set_text(struct sg_rac_run *run, const char *param, const char *text)
{
    json_t *value = json_string(text);
    if (value == NULL) {
        return sg_fail(run->err, SG_E_INPUT, "bad_character", "an operand is no valid UTF-8");
    }
    return sg_rac_set(run, param, value);
}

sg_status sg_rac_local(struct sg_rac_run *run, const char *param, const char *value)
{
    struct sg_rac_local *local = &run->out->locals[run->out->local_count];
    char *copy = strdup(value);
    if (copy == NULL || run->out->local_count == SG_RAC_LOCALS_MAX) {
        free(copy);
        return sg_fail_memory(run->err);
    }
    *local = (struct sg_rac_local){.param = param, .value = copy};
    run->out->local_count++;
    return SG_OK;
}

SG_PRINTF(3, 0)
static sg_status add_sentence(struct sg_rac_run *run, json_t *list, const char *format,
                              va_list args)
{
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    json_t *value = json_string(text);
    return value != NULL && json_array_append_new(list, value) == 0 ? SG_OK
                                                                    : sg_fail_memory(run->err);
}

sg_status sg_rac_note(struct sg_rac_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sg_status s = add_sentence(run, run->out->notes, format, args);
    va_end(args);
    return s;
}

sg_status sg_rac_warn(struct sg_rac_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sg_status s = add_sentence(run, run->out->warnings, format, args);
    va_end(args);
    return s;
}

/* ---- owners and names ---- */

/* at: the keyword that names no owner, when it is not the command. */
static sg_status own(struct sg_rac_run *run, const struct sg_rac_node *at, char out[40])
{
    if (run->context->own == NULL && at != NULL) {
        sg_fail(run->err, SG_E_USAGE, "own_unknown",
                "%s names no owner, and you are not attached to exactly one", at->keyword->name);
        sg_hint(run->err, "Write CERTAUTH or SITE into it; signet status says who you are.");
        return sg_rac_fault(run, at);
    }
    if (run->context->own == NULL) {
        sg_fail(run->err, SG_E_USAGE, "own_unknown",
                "the command names no owner, and you are not attached to exactly one");
        sg_hint(run->err, "Write ID(user), CERTAUTH or SITE; signet status says who you are.");
        return sg_rac_fault(run, run->function != NULL ? run->function : run->command);
    }
    snprintf(out, 40, "%.39s", run->context->own);
    return SG_OK;
}

static sg_status named_user(struct sg_rac_run *run, const struct sg_rac_node *id, char out[40])
{
    const char *text = sg_rac_value(run, id);
    static const char *const taken[] = {"CERTAUTH", "SITE", "MULTIID"};
    bool reserved = false;
    for (size_t i = 0; i < SG_COUNT(taken); i++) {
        reserved = reserved || strcasecmp(text, taken[i]) == 0;
    }
    if (reserved || text[0] == '\0' || strlen(text) > 38 || strchr(text, '/') != NULL) {
        sg_fail(run->err, SG_E_USAGE, "bad_owner", "ID(%.40s) is no user ID", text);
        if (reserved) {
            sg_hint(run->err, "Write %.8s without ID.", text);
        }
        return sg_rac_fault(run, id);
    }
    snprintf(out, 40, "%s", text);
    for (char *c = out; *c != '\0'; c++) {
        *c = sg_ascii_upper(*c);
    }
    return SG_OK;
}

/* ID, CERTAUTH and SITE exclude each other. */
sg_status sg_rac_written_owner(struct sg_rac_run *run, const struct sg_rac_node *node, char out[40])
{
    static const char *const words[] = {"ID", "CERTAUTH", "SITE", "MULTIID"};
    const struct sg_rac_node *found = NULL;
    out[0] = '\0';
    for (size_t i = 0; i < SG_COUNT(words); i++) {
        const struct sg_rac_node *child = sg_rac_child(node, words[i]);
        if (child != NULL && found != NULL) {
            sg_fail(run->err, SG_E_USAGE, "two_owners", "%s and %s exclude each other",
                    found->keyword->name, child->keyword->name);
            return sg_rac_fault(run, child);
        }
        found = child != NULL ? child : found;
    }
    if (found == NULL || found->keyword->content == SG_CONTENT_VALUE) {
        return found == NULL ? SG_OK : named_user(run, found, out);
    }
    snprintf(out, 40, "%s", found->keyword->name);
    return SG_OK;
}

sg_status sg_rac_owner(struct sg_rac_run *run, const struct sg_rac_node *node, const char *outer,
                       char out[40])
{
    sg_status s = sg_rac_written_owner(run, node, out);
    if (s != SG_OK || out[0] != '\0') {
        return s;
    }
    if (outer[0] == '\0') {
        return own(run, strcmp(node->keyword->name, "SIGNWITH") == 0 ? node : NULL, out);
    }
    snprintf(out, 40, "%s", outer);
    return SG_OK;
}

/* The outer owner, or the caller's own. */
sg_status sg_rac_outer_owner(struct sg_rac_run *run)
{
    sg_status s = run->owner[0] != '\0' ? SG_OK : own(run, NULL, run->owner);
    snprintf(run->out->owner, sizeof run->out->owner, "%s", run->owner);
    return s;
}

sg_status sg_rac_set_name(struct sg_rac_run *run, const char *param, const char *owner,
                          const char *name)
{
    SG_BUFFER text;
    sg_buffer_init(&text, SG_DECK_COMMAND_MAX);
    sg_status s = sg_buffer_format(&text, run->err, "%s/%s", owner, name);
    return s == SG_OK ? sg_rac_set_text(run, param, (const char *)text.data) : s;
}

/* ---- files ---- */

/* A data set's name is a file in the directory where the command was given. */
sg_status sg_rac_data_set(struct sg_rac_run *run, const char *param, const struct sg_rac_node *node)
{
    const char *name = sg_rac_value(run, node);
    if (name == NULL || name[0] == '\0' || name[0] == '.' || name[0] == '-' ||
        strchr(name, '/') != NULL || strlen(name) > 200) {
        sg_fail(run->err, SG_E_USAGE, "bad_data_set",
                "\"%.60s\" cannot be a data set's name: it stands for a file in this directory",
                name != NULL ? name : "");
        sg_hint(run->err, "Name a file without its directory; run the command where it stands.");
        return sg_rac_fault(run, node);
    }
    return sg_rac_local(run, param, name);
}

sg_status sg_rac_take_password(struct sg_rac_run *run)
{
    const struct sg_rac_node *node = sg_rac_keyword(run, "PASSWORD");
    const char *text = sg_rac_value(run, node);
    if (text == NULL) {
        return SG_OK;
    }
    if (run->context->visible) {
        sg_fail(run->err, SG_E_USAGE, "password_visible",
                "a password among a program's arguments can be seen by others");
        sg_hint(run->err, "Give the command on standard input: racdcert < deck");
        return sg_rac_fault(run, node);
    }
    if (text[0] == '\0' || strlen(text) > 255) {
        sg_fail(run->err, SG_E_USAGE, "bad_password", "a password has 1 to 255 bytes");
        return sg_rac_fault(run, node);
    }
    run->out->password = strdup(text);
    return run->out->password != NULL ? SG_OK : sg_fail_memory(run->err);
}
