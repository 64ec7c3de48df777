/* Rings: ADDRING, DELRING, LISTRING, CONNECT, REMOVE. */
#include "translate_internal.h"

#include <string.h>

static sg_status ring_named(struct sg_rac_run *run, const char *verb)
{
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "ring", verb);
    s = s == SG_OK ? sg_rac_outer_owner(run) : s;
    return s == SG_OK ? sg_rac_set_name(run, "ring", run->owner, sg_rac_value(run, run->function))
                      : s;
}

sg_status sg_rac_addring(struct sg_rac_run *run)
{
    return ring_named(run, "add");
}

sg_status sg_rac_delring(struct sg_rac_run *run)
{
    return ring_named(run, "delete");
}

sg_status sg_rac_listring(struct sg_rac_run *run)
{
    const char *name = sg_rac_value(run, run->function);
    bool all = strcmp(name, "*") == 0;
    sg_status s = all ? sg_rac_operation(run, SG_RAC_LISTRINGS, "ring", "list")
                      : sg_rac_operation(run, SG_RAC_LISTRING, "ring", "show");
    s = s == SG_OK ? sg_rac_outer_owner(run) : s;
    if (s != SG_OK) {
        return s;
    }
    return all ? sg_rac_set_text(run, "owner", run->owner)
               : sg_rac_set_name(run, "ring", run->owner, name);
}

/* The ring is the outer owner's, the certificate the inner one's. */
static sg_status ring_and_certificate(struct sg_rac_run *run)
{
    char certificate_owner[40];
    const struct sg_rac_node *label = sg_rac_child(run->function, "LABEL");
    const struct sg_rac_node *ring = sg_rac_child(run->function, "RING");
    if (label == NULL || ring == NULL) {
        return sg_rac_missing(run, label == NULL ? "LABEL" : "RING");
    }
    sg_status s = sg_rac_outer_owner(run);
    s = s == SG_OK ? sg_rac_owner(run, run->function, run->owner, certificate_owner) : s;
    s = s == SG_OK ? sg_rac_set_name(run, "ring", run->owner, sg_rac_value(run, ring)) : s;
    return s == SG_OK
               ? sg_rac_set_name(run, "certificate", certificate_owner, sg_rac_value(run, label))
               : s;
}

sg_status sg_rac_usage_word(struct sg_rac_run *run)
{
    static const char *const pairs[][2] = {
        {"PERSONAL", "personal"}, {"CERTAUTH", "certauth"}, {"SITE", "site"}};
    const struct sg_rac_node *usage = sg_rac_child(run->function, "USAGE");
    const struct sg_rac_node *word = usage != NULL ? usage->child : NULL;
    if (usage == NULL) {
        return SG_OK;
    }
    if (word == NULL || word->next != NULL) {
        sg_fail(run->err, SG_E_USAGE, "one_operand",
                "USAGE takes one of PERSONAL, CERTAUTH and SITE");
        return sg_rac_fault(run, word == NULL ? usage : word->next);
    }
    for (size_t i = 0; i < SG_COUNT(pairs); i++) {
        if (strcmp(word->keyword->name, pairs[i][0]) == 0) {
            return sg_rac_set_text(run, "usage", pairs[i][1]);
        }
    }
    return SG_OK;
}

sg_status sg_rac_connect(struct sg_rac_run *run)
{
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "ring", "connect");
    s = s == SG_OK ? ring_and_certificate(run) : s;
    s = s == SG_OK ? sg_rac_usage_word(run) : s;
    return s == SG_OK && sg_rac_child(run->function, "DEFAULT") != NULL
               ? sg_rac_set(run, "default", json_true())
               : s;
}

sg_status sg_rac_remove(struct sg_rac_run *run)
{
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "ring", "remove");
    return s == SG_OK ? ring_and_certificate(run) : s;
}
