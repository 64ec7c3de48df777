/* Served tokens: ADDTOKEN, DELTOKEN, LISTTOKEN, BIND, UNBIND, IMPORT. They belong to nobody: an
 * owner that is written outside does not matter, but for IMPORT. */
#include "translate_internal.h"

#include <stdlib.h>
#include <string.h>

static sg_status named(struct sg_rac_run *run, enum sg_rac_task task, const char *verb)
{
    sg_status s = sg_rac_operation(run, task, "token", verb);
    return s == SG_OK ? sg_rac_set_text(run, "token", sg_rac_value(run, run->function)) : s;
}

sg_status sg_rac_addtoken(struct sg_rac_run *run)
{
    return named(run, SG_RAC_CHANGE, "add");
}

sg_status sg_rac_deltoken(struct sg_rac_run *run)
{
    sg_status s = named(run, SG_RAC_CHANGE, "delete");
    return s == SG_OK && sg_rac_keyword(run, "FORCE") != NULL
               ? sg_rac_set(run, "force", json_true())
               : s;
}

sg_status sg_rac_listtoken(struct sg_rac_run *run)
{
    return strcmp(sg_rac_value(run, run->function), "*") == 0
               ? sg_rac_operation(run, SG_RAC_LISTTOKENS, "token", "list")
               : named(run, SG_RAC_LISTTOKEN, "show");
}

/* TOKEN(…) among the operands. */
static sg_status set_token(struct sg_rac_run *run)
{
    const struct sg_rac_node *token = sg_rac_child(run->function, "TOKEN");
    return token != NULL ? sg_rac_set_text(run, "token", sg_rac_value(run, token))
                         : sg_rac_missing(run, "TOKEN");
}

static sg_status set_certificate(struct sg_rac_run *run)
{
    char owner[40];
    const struct sg_rac_node *label = sg_rac_child(run->function, "LABEL");
    if (label == NULL) {
        return sg_rac_missing(run, "LABEL");
    }
    sg_status s = sg_rac_owner(run, run->function, run->owner, owner);
    return s == SG_OK ? sg_rac_set_name(run, "certificate", owner, sg_rac_value(run, label)) : s;
}

sg_status sg_rac_bind(struct sg_rac_run *run)
{
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "token", "bind");
    s = s == SG_OK ? set_token(run) : s;
    s = s == SG_OK ? set_certificate(run) : s;
    s = s == SG_OK ? sg_rac_usage_word(run) : s;
    return s == SG_OK && sg_rac_child(run->function, "DEFAULT") != NULL
               ? sg_rac_set(run, "default", json_true())
               : s;
}

static sg_status set_sequence(struct sg_rac_run *run, const struct sg_rac_node *node)
{
    const char *text = sg_rac_value(run, node);
    size_t digits = strspn(text, "0123456789");
    long number = digits > 0 && digits <= 8 && text[digits] == '\0' ? strtol(text, NULL, 10) : 0;
    if (number == 0) {
        sg_fail(run->err, SG_E_USAGE, "bad_sequence_number",
                "\"%.20s\" is no sequence number: 1 to 99999999", text);
        sg_hint(run->err, "LISTTOKEN shows them.");
        return sg_rac_fault(run, node);
    }
    return sg_rac_set(run, "sequence", json_integer(number));
}

sg_status sg_rac_unbind(struct sg_rac_run *run)
{
    const struct sg_rac_node *sequence = sg_rac_child(run->function, "SEQNUM");
    const struct sg_rac_node *label = sg_rac_child(run->function, "LABEL");
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "token", "unbind");
    s = s == SG_OK ? set_token(run) : s;
    if (s != SG_OK) {
        return s;
    }
    if (sequence != NULL && label != NULL) {
        sg_fail(run->err, SG_E_USAGE, "two_selectors", "UNBIND takes LABEL or SEQNUM, not both");
        return sg_rac_fault(run, sequence);
    }
    return sequence != NULL ? set_sequence(run, sequence) : set_certificate(run);
}

sg_status sg_rac_import(struct sg_rac_run *run)
{
    const struct sg_rac_node *sequence = sg_rac_child(run->function, "SEQNUM");
    const char *label = sg_rac_value(run, sg_rac_keyword(run, "WITHLABEL"));
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "token", "import");
    s = s == SG_OK ? set_token(run) : s;
    if (s != SG_OK || sequence == NULL) {
        return s != SG_OK ? s : sg_rac_missing(run, "SEQNUM");
    }
    s = set_sequence(run, sequence);
    s = s == SG_OK ? sg_rac_outer_owner(run) : s;
    s = s == SG_OK ? sg_rac_status_word(run) : s;
    s = s == SG_OK ? sg_rac_note_key_place(run) : s;
    if (s != SG_OK) {
        return s;
    }
    return label != NULL ? sg_rac_set_name(run, "target", run->owner, label)
                         : sg_rac_set_text(run, "target", run->owner);
}
