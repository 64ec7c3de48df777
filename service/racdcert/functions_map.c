/* Name filters: MAP, ALTMAP, DELMAP, LISTMAP. */
#include "translate_internal.h"

#include <string.h>

/* The filter's owner and, when it is said, its label. */
static sg_status filter_name(struct sg_rac_run *run, const char *label)
{
    sg_status s = sg_rac_outer_owner(run);
    if (s != SG_OK) {
        return s;
    }
    return label != NULL ? sg_rac_set_name(run, "map", run->owner, label)
                         : sg_rac_set_text(run, "map", run->owner);
}

static sg_status named_filter(struct sg_rac_run *run, enum sg_rac_task task, const char *verb)
{
    sg_status s = sg_rac_operation(run, task, "map", verb);
    return s == SG_OK ? filter_name(run, sg_rac_value(run, sg_rac_child(run->function, "LABEL")))
                      : s;
}

static sg_status set_operand(struct sg_rac_run *run, const char *param, const char *keyword)
{
    const char *text = sg_rac_value(run, sg_rac_keyword(run, keyword));
    return text != NULL ? sg_rac_set_text(run, param, text) : SG_OK;
}

sg_status sg_rac_map(struct sg_rac_run *run)
{
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "map", "add");
    s = s == SG_OK ? filter_name(run, sg_rac_value(run, sg_rac_keyword(run, "WITHLABEL"))) : s;
    s = s == SG_OK ? set_operand(run, "issuer_filter", "IDNFILTER") : s;
    s = s == SG_OK ? set_operand(run, "subject_filter", "SDNFILTER") : s;
    s = s == SG_OK ? set_operand(run, "criteria", "CRITERIA") : s;
    s = s == SG_OK ? sg_rac_status_word(run) : s;
    return s == SG_OK && run->function->value_count > 0
               ? sg_rac_data_set(run, "model", run->function)
               : s;
}

sg_status sg_rac_altmap(struct sg_rac_run *run)
{
    sg_status s = named_filter(run, SG_RAC_CHANGE, "alter");
    s = s == SG_OK ? set_operand(run, "criteria", "NEWCRITERIA") : s;
    s = s == SG_OK ? set_operand(run, "label", "NEWLABEL") : s;
    return s == SG_OK ? sg_rac_status_word(run) : s;
}

sg_status sg_rac_delmap(struct sg_rac_run *run)
{
    return named_filter(run, SG_RAC_CHANGE, "delete");
}

sg_status sg_rac_listmap(struct sg_rac_run *run)
{
    return named_filter(run, SG_RAC_LISTMAP, "list");
}
