/* What a command asks for: its function's operation and parameters. */
#include "translate_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void sg_rac_request_done(struct sg_rac_request *request)
{
    json_decref(request->params);
    json_decref(request->notes);
    json_decref(request->warnings);
    for (unsigned i = 0; i < request->step_count; i++) {
        json_decref(request->steps[i].params);
    }
    free(request->steps);
    for (unsigned i = 0; i < request->local_count; i++) {
        free(request->locals[i].value);
    }
    free(request->selection.serial);
    free(request->selection.issuer);
    if (request->password != NULL) {
        explicit_bzero(request->password, strlen(request->password));
    }
    free(request->password);
    sg_rac_tree_freep(&request->tree);
    *request = (struct sg_rac_request)SG_RAC_REQUEST_INIT;
}

/* ---- which function ---- */

static const struct {
    const char *name;
    sg_status (*translate)(struct sg_rac_run *run);
} functions[] = {
    {"ADD", sg_rac_add},
    {"ADDRING", sg_rac_addring},
    {"ADDTOKEN", sg_rac_addtoken},
    {"ALTER", sg_rac_alter},
    {"ALTMAP", sg_rac_altmap},
    {"BIND", sg_rac_bind},
    {"CHECKCERT", sg_rac_checkcert},
    {"CONNECT", sg_rac_connect},
    {"DELETE", sg_rac_delete},
    {"DELMAP", sg_rac_delmap},
    {"DELRING", sg_rac_delring},
    {"DELTOKEN", sg_rac_deltoken},
    {"EXPORT", sg_rac_export},
    {"GENCERT", sg_rac_gencert},
    {"GENREQ", sg_rac_genreq},
    {"IMPORT", sg_rac_import},
    {"LIST", sg_rac_list},
    {"LISTCHAIN", sg_rac_listchain},
    {"LISTMAP", sg_rac_listmap},
    {"LISTRING", sg_rac_listring},
    {"LISTTOKEN", sg_rac_listtoken},
    {"MAP", sg_rac_map},
    {"REKEY", sg_rac_rekey},
    {"REMOVE", sg_rac_remove},
    {"ROLLOVER", sg_rac_rollover},
    {"UNBIND", sg_rac_unbind},
};

/* RACF performs the last of several functions and says nothing about the others. */
static sg_status find_function(struct sg_rac_run *run)
{
    for (const struct sg_rac_node *node = run->command->child; node != NULL; node = node->next) {
        if (!node->keyword->function) {
            continue;
        }
        if (run->function != NULL) {
            sg_fail(run->err, SG_E_USAGE, "two_functions",
                    "%s and %s are two functions: a command has one", run->function->keyword->name,
                    node->keyword->name);
            sg_hint(run->err, "Write two commands. RACF would perform the last function and "
                              "ignore the others.");
            return sg_rac_fault(run, node);
        }
        run->function = node;
    }
    run->out->function = run->function != NULL ? run->function->keyword->name : "LIST";
    return SG_OK;
}

/* RACF ignores what does not belong to the function; so do we, aloud. */
static sg_status warn_ignored(struct sg_rac_run *run)
{
    sg_status s = SG_OK;
    for (const struct sg_rac_node *node = run->command->child; s == SG_OK && node != NULL;
         node = node->next) {
        if (!sg_rac_belongs(run, node->keyword)) {
            s = sg_rac_warn(run, "%s is ignored: it does not belong to %s", node->keyword->name,
                            run->out->function);
        }
    }
    return s;
}

/* MULTIID owns filters and nothing else. */
static sg_status check_multiid(struct sg_rac_run *run)
{
    const struct sg_rac_node *node = sg_rac_child(run->command, "MULTIID");
    size_t len = strlen(run->out->function);
    if (node == NULL || (len >= 3 && strcmp(run->out->function + len - 3, "MAP") == 0)) {
        return SG_OK;
    }
    sg_fail(run->err, SG_E_USAGE, "multiid_not_allowed",
            "MULTIID goes with MAP, ALTMAP, DELMAP and LISTMAP, not with %s", run->out->function);
    return sg_rac_fault(run, node);
}

static sg_status translate_racdcert(struct sg_rac_run *run)
{
    sg_status s = find_function(run);
    s = s == SG_OK ? sg_rac_written_owner(run, run->command, run->owner) : s;
    s = s == SG_OK ? check_multiid(run) : s;
    s = s == SG_OK ? warn_ignored(run) : s;
    for (size_t i = 0; s == SG_OK && i < SG_COUNT(functions); i++) {
        if (strcmp(functions[i].name, run->out->function) == 0) {
            return functions[i].translate(run);
        }
    }
    return s != SG_OK ? s
                      : sg_fail(run->err, SG_E_INTERNAL, NULL, "%s has no translation",
                                run->out->function);
}

static sg_status translate_setropts(struct sg_rac_run *run)
{
    run->out->task = SG_RAC_NOTHING;
    return sg_rac_note(run, "not needed here: what is committed is in effect at once");
}

/* By their keywords: TSO has short names too. */
static const struct {
    enum sg_rac_level keywords;
    const char *name;
    sg_status (*translate)(struct sg_rac_run *run);
} commands[] = {
    {SG_RAC_IN_RACDCERT, "RACDCERT", translate_racdcert},
    {SG_RAC_IN_SETROPTS, "SETROPTS", translate_setropts},
    {SG_RAC_IN_RDEFINE, "RDEFINE", sg_rac_rdefine},
    {SG_RAC_IN_RALTER, "RALTER", sg_rac_ralter},
    {SG_RAC_IN_RDELETE, "RDELETE", sg_rac_rdelete},
    {SG_RAC_IN_RLIST, "RLIST", sg_rac_rlist},
    {SG_RAC_IN_PERMIT, "PERMIT", sg_rac_permit},
};

static sg_status translate_command(struct sg_rac_run *run)
{
    for (size_t i = 0; i < SG_COUNT(commands); i++) {
        if (commands[i].keywords == run->command->keyword->inner) {
            run->out->function = commands[i].name;
            return commands[i].translate(run);
        }
    }
    return sg_fail(run->err, SG_E_INTERNAL, NULL, "%s has no translation",
                   run->command->keyword->name);
}

static sg_status begin(struct sg_rac_request *out, struct sg_error *err)
{
    out->params = json_object();
    out->notes = json_array();
    out->warnings = json_array();
    return out->params != NULL && out->notes != NULL && out->warnings != NULL ? SG_OK
                                                                              : sg_fail_memory(err);
}

sg_status sg_rac_translate(struct sg_bytes text, const struct sg_rac_context *context,
                           struct sg_rac_request *out, struct sg_error *err)
{
    struct sg_rac_tree *tree = NULL;
    struct sg_rac_run run = {.context = context, .out = out, .err = err};
    sg_status s = begin(out, err);
    if (s != SG_OK) {
        return s;
    }
    s = sg_rac_parse((const char *)text.data, text.len, &tree, err);
    out->tree = tree;
    if (s != SG_OK) {
        out->fault = tree != NULL ? tree->fault : 0;
        out->fault_len = tree != NULL ? tree->fault_len : 0;
        return s;
    }
    run.tree = tree;
    run.params = out->params;
    run.command = &tree->nodes[0];
    return translate_command(&run);
}
