/* Profiles: RDEFINE, RALTER, RDELETE, RLIST and PERMIT, of the classes that are kept here. */
#include "translate_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <signet/policy/profile.h>

/* ---- what has no meaning here ---- */

enum meaning { NOTED, WARNED, REFUSED };

static const struct {
    const char *name;
    enum meaning meaning;
    const char *text; /* behind the keyword's name */
} without_meaning[] = {
    {"OWNER", WARNED,
     "is ignored: a profile has no owner here; who may change profiles is decided by "
     "IRR.DIGTCERT.AUTHORITY"},
    {"AUDIT", WARNED, "is ignored: no profile changes what is recorded"},
    {"GLOBALAUDIT", WARNED, "is ignored: no profile changes what is recorded"},
    {"NOTIFY", WARNED, "is ignored: nobody is notified of refusals"},
    {"HISTORY", WARNED, "is ignored: no history is kept"},
    {"STATISTICS", WARNED, "is ignored: no statistics are kept"},
    {"DATA", NOTED, "is not kept"},
    {"NODATA", NOTED, "is as it is: no data is kept"},
    {"LEVEL", NOTED, "is not kept"},
    {"NONOTIFY", NOTED, "is as it is: nobody is notified"},
    {"NOWARNING", NOTED, "is as it is: a profile always decides"},
    {"NOSECLEVEL", NOTED, "is as it is: there are no security levels"},
    {"NOSECLABEL", NOTED, "is as it is: there are no security labels"},
    {"GENERIC", NOTED, "is not needed: %, * and ** make a name generic"},
    {"RESGROUP", NOTED, "is left out: there are no resource groups"},
    {"NOYOURACC", NOTED, "is as it is: signet explain says what somebody may do"},
    {"WARNING", REFUSED,
     "is refused: it would let everybody in and only report it, and a profile here always "
     "decides"},
    {"ADDMEM", REFUSED, "is refused: there are no resource groups"},
    {"DELMEM", REFUSED, "is refused: there are no resource groups"},
    {"ADDCATEGORY", REFUSED, "is refused: categories would not be heeded"},
    {"DELCATEGORY", REFUSED, "is refused: categories would not be heeded"},
    {"SECLEVEL", REFUSED, "is refused: security levels would not be heeded"},
    {"SECLABEL", REFUSED, "is refused: security labels would not be heeded"},
    {"WHEN", REFUSED, "is refused: the condition would not be heeded"},
    {"FROM", REFUSED, "is refused: profiles are not copied, write what is permitted"},
    {"FCLASS", REFUSED, "is refused: profiles are not copied, write what is permitted"},
    {"FGENERIC", REFUSED, "is refused: profiles are not copied, write what is permitted"},
    {"NORACF", REFUSED, "is refused: nothing would be left to list"},
};

static sg_status treat(struct sg_rac_run *run, const struct sg_rac_node *node, size_t row)
{
    const char *text = without_meaning[row].text;
    switch (without_meaning[row].meaning) {
    case NOTED:
        return sg_rac_note(run, "%s %s", node->keyword->name, text);
    case WARNED:
        return sg_rac_warn(run, "%s %s", node->keyword->name, text);
    case REFUSED:
        break;
    }
    sg_fail(run->err, SG_E_UNSUPPORTED, "keyword_not_supported", "%s %s", node->keyword->name,
            text);
    sg_hint(run->err, "Leave it out when what remains is what you want.");
    return sg_rac_fault(run, node);
}

static sg_status treat_meaningless(struct sg_rac_run *run)
{
    sg_status s = SG_OK;
    for (const struct sg_rac_node *node = run->command->child; s == SG_OK && node != NULL;
         node = node->next) {
        for (size_t i = 0; s == SG_OK && i < SG_COUNT(without_meaning); i++) {
            s = strcmp(without_meaning[i].name, node->keyword->name) == 0 ? treat(run, node, i) : s;
        }
    }
    return s;
}

/* ---- classes, names, levels ---- */

/* Operand 0 of the node. */
static sg_status check_class(struct sg_rac_run *run, const struct sg_rac_node *node)
{
    enum sg_class class;
    const char *text = sg_rac_value(run, node);
    if (sg_class_parse(text, &class)) {
        return SG_OK;
    }
    sg_fail(run->err, SG_E_UNSUPPORTED, "class_not_kept", "class %.40s is not kept here", text);
    sg_hint(run->err, "The classes here are FACILITY, RDATALIB and DIGTCRIT.");
    return sg_rac_fault_value(run, node, 0);
}

static bool is_class(const char *text, enum sg_class wanted)
{
    enum sg_class class;
    return sg_class_parse(text, &class) && class == wanted;
}

/* Operand i of the command. Whoever defines the switch for RACF's other way of deciding must not
 * believe that it works. */
static sg_status check_name(struct sg_rac_run *run, const char *class, unsigned i)
{
    const char *text = sg_rac_value_at(run, run->command, i);
    if (!is_class(class, SG_CLASS_RDATALIB) || strcasecmp(text, "IRR.RACDCERT.GRANULAR") != 0) {
        return SG_OK;
    }
    sg_fail(run->err, SG_E_UNSUPPORTED, "granular_not_supported",
            "RACDCERT's granular control is not done here: the profiles of FACILITY decide");
    sg_hint(run->err, "Permit functions by IRR.DIGTCERT.<function> in class FACILITY.");
    return sg_rac_fault_value(run, run->command, i);
}

static sg_status set_profile(struct sg_rac_run *run, const char *class, const char *profile)
{
    enum sg_class known;
    bool kept = sg_class_parse(class, &known); /* in capitals or not */
    sg_status s = sg_rac_set_text(run, "class", kept ? sg_class_name(known) : class);
    return s == SG_OK ? sg_rac_set_text(run, "profile", profile) : s;
}

/* RACF's levels are six. Where ours are fewer, the lower one is given. */
static const struct {
    const char *name, *level;
} levels[] = {
    {"NONE", "none"},     {"EXECUTE", "none"},    {"READ", "read"},
    {"UPDATE", "update"}, {"CONTROL", "control"}, {"ALTER", "control"},
};

/* *out: NULL when the keyword is not there. */
static sg_status read_level(struct sg_rac_run *run, const char *keyword, const char **out)
{
    const struct sg_rac_node *node = sg_rac_keyword(run, keyword);
    const struct sg_rac_node *word = node != NULL ? node->child : NULL;
    *out = NULL;
    if (node == NULL) {
        return SG_OK;
    }
    if (word == NULL || word->next != NULL) {
        sg_fail(run->err, SG_E_USAGE, "one_operand", "%s takes one level", keyword);
        sg_hint(run->err, "Write %s(NONE), (READ), (UPDATE) or (CONTROL).", keyword);
        return sg_rac_fault(run, word == NULL ? node : word->next);
    }
    const char *name = word->keyword->name;
    for (size_t i = 0; i < SG_COUNT(levels); i++) {
        *out = strcmp(levels[i].name, name) == 0 ? levels[i].level : *out;
    }
    if (strcmp(name, "EXECUTE") == 0) {
        return sg_rac_warn(run, "EXECUTE is taken as NONE: there is nothing to execute");
    }
    return strcmp(name, "ALTER") == 0
               ? sg_rac_warn(run, "ALTER is taken as CONTROL: who may change profiles is decided "
                                  "by IRR.DIGTCERT.AUTHORITY")
               : SG_OK;
}

/* ---- RDEFINE, RALTER, RDELETE ---- */

static sg_status warn_open(struct sg_rac_run *run, const char *class, const char *uacc)
{
    if (uacc == NULL || strcmp(uacc, "none") == 0) {
        return SG_OK;
    }
    if (is_class(class, SG_CLASS_DIGTCRIT)) {
        return sg_rac_note(run, "UACC means nothing in class DIGTCRIT");
    }
    return sg_rac_warn(run,
                       "UACC other than NONE: every user of this system who is permitted "
                       "nothing else has \"%s\" of all that the profile covers",
                       uacc);
}

/* What RDEFINE and RALTER say of a profile. */
struct content {
    const char *uacc, *appldata; /* NULL: nothing */
};

static sg_status read_content(struct sg_rac_run *run, struct content *out)
{
    const struct sg_rac_node *data = sg_rac_keyword(run, "APPLDATA");
    const struct sg_rac_node *none = sg_rac_keyword(run, "NOAPPLDATA");
    if (data != NULL && none != NULL) {
        sg_fail(run->err, SG_E_USAGE, "two_values", "APPLDATA and NOAPPLDATA exclude each other");
        return sg_rac_fault(run, none);
    }
    out->appldata = none != NULL ? "" : sg_rac_value(run, data);
    sg_status s = read_level(run, "UACC", &out->uacc);
    return s == SG_OK ? warn_open(run, sg_rac_value(run, run->command), out->uacc) : s;
}

static sg_status set_content(struct sg_rac_run *run, const struct content *content)
{
    sg_status s = content->uacc != NULL ? sg_rac_set_text(run, "uacc", content->uacc) : SG_OK;
    return s == SG_OK && content->appldata != NULL
               ? sg_rac_set_text(run, "appldata", content->appldata)
               : s;
}

/* The second time it would exist already, or no more. */
static sg_status check_once(struct sg_rac_run *run, unsigned i)
{
    const char *name = sg_rac_value_at(run, run->command, i);
    for (unsigned k = 1; k < i; k++) {
        if (strcasecmp(sg_rac_value_at(run, run->command, k), name) == 0) {
            sg_fail(run->err, SG_E_USAGE, "duplicate_operand", "%.100s stands there twice", name);
            return sg_rac_fault_value(run, run->command, i);
        }
    }
    return SG_OK;
}

/* One operation for each profile: operand 0 is the class. */
static sg_status each_profile(struct sg_rac_run *run, const char *verb,
                              const struct content *content)
{
    const char *class = sg_rac_value(run, run->command);
    sg_status s = SG_OK;
    for (unsigned i = 1; s == SG_OK && i < run->command->value_count; i++) {
        s = check_name(run, class, i);
        s = s == SG_OK ? check_once(run, i) : s;
        s = s == SG_OK ? sg_rac_step(run, SG_RAC_CHANGE, "authority", verb) : s;
        s = s == SG_OK ? set_profile(run, class, sg_rac_value_at(run, run->command, i)) : s;
        s = s == SG_OK ? set_content(run, content) : s;
    }
    return s;
}

sg_status sg_rac_rdefine(struct sg_rac_run *run)
{
    struct content content = {0};
    sg_status s = check_class(run, run->command);
    s = s == SG_OK ? treat_meaningless(run) : s;
    s = s == SG_OK ? read_content(run, &content) : s;
    return s == SG_OK ? each_profile(run, "define", &content) : s;
}

sg_status sg_rac_ralter(struct sg_rac_run *run)
{
    struct content content = {0};
    sg_status s = check_class(run, run->command);
    s = s == SG_OK ? treat_meaningless(run) : s;
    s = s == SG_OK ? read_content(run, &content) : s;
    if (s != SG_OK || content.uacc != NULL || content.appldata != NULL) {
        return s != SG_OK ? s : each_profile(run, "alter", &content);
    }
    if (run->command->child != NULL) {
        run->out->task = SG_RAC_NOTHING;
        return sg_rac_note(run, "nothing is changed");
    }
    sg_fail(run->err, SG_E_USAGE, "nothing_to_change", "nothing is said that could be changed");
    sg_hint(run->err, "Give UACC(…), APPLDATA('…') or NOAPPLDATA.");
    return sg_rac_fault(run, run->command);
}

sg_status sg_rac_rdelete(struct sg_rac_run *run)
{
    static const struct content nothing = {0};
    sg_status s = check_class(run, run->command);
    return s == SG_OK ? each_profile(run, "delete", &nothing) : s;
}

/* ---- RLIST ---- */

static sg_status list_named(struct sg_rac_run *run, const char *class)
{
    bool covering = sg_rac_keyword(run, "NOGENERIC") == NULL;
    sg_status s = SG_OK;
    for (unsigned i = 1; s == SG_OK && i < run->command->value_count; i++) {
        s = sg_rac_step(run, SG_RAC_RLIST, "authority", "show");
        s = s == SG_OK ? set_profile(run, class, sg_rac_value_at(run, run->command, i)) : s;
        s = s == SG_OK && covering ? sg_rac_set(run, "covering", json_true()) : s;
    }
    return s;
}

sg_status sg_rac_rlist(struct sg_rac_run *run)
{
    const char *class = sg_rac_value(run, run->command);
    bool all =
        run->command->value_count == 2 && strcmp(sg_rac_value_at(run, run->command, 1), "*") == 0;
    sg_status s = check_class(run, run->command);
    s = s == SG_OK ? treat_meaningless(run) : s;
    run->out->permits =
        sg_rac_keyword(run, "AUTHUSER") != NULL || sg_rac_keyword(run, "ALL") != NULL;
    if (s != SG_OK || !all) {
        return s != SG_OK ? s : list_named(run, class);
    }
    s = sg_rac_operation(run, SG_RAC_RLISTS, "authority", "list");
    return s == SG_OK ? sg_rac_set_text(run, "class", class) : s;
}

/* ---- PERMIT ---- */

/* The words of one PERMIT. */
struct permit {
    const struct sg_rac_node *class, *id, *access, *take, *reset;
    const char *level;
};

static sg_status check_permit(struct sg_rac_run *run, const struct permit *permit)
{
    if (permit->class == NULL) {
        (void)sg_rac_missing(run, "CLASS");
        return sg_hint(run->err, "RACF would take class DATASET. The classes here are FACILITY, "
                                 "RDATALIB and DIGTCRIT.");
    }
    if (permit->id == NULL &&
        (permit->reset == NULL || permit->access != NULL || permit->take != NULL)) {
        return sg_rac_missing(run, "ID");
    }
    if (permit->access != NULL && permit->take != NULL) {
        sg_fail(run->err, SG_E_USAGE, "two_values", "ACCESS and DELETE exclude each other");
        return sg_rac_fault(run, permit->take);
    }
    return check_class(run, permit->class);
}

/* Conditional access lists alone: there are none. */
static bool resets_nothing(const struct permit *permit)
{
    return permit->reset->child != NULL && permit->reset->child->next == NULL &&
           strcmp(permit->reset->child->keyword->name, "WHEN") == 0;
}

static sg_status reset(struct sg_rac_run *run, const struct permit *permit)
{
    if (permit->reset == NULL) {
        return SG_OK;
    }
    if (permit->reset->child != NULL && permit->reset->child->next != NULL) {
        sg_fail(run->err, SG_E_USAGE, "one_operand", "RESET takes one of ALL, STANDARD and WHEN");
        return sg_rac_fault(run, permit->reset->child->next);
    }
    if (resets_nothing(permit)) {
        return sg_rac_note(run, "RESET(WHEN) is as it is: there are no conditional permits");
    }
    sg_status s = sg_rac_step(run, SG_RAC_CHANGE, "authority", "reset");
    return s == SG_OK
               ? set_profile(run, sg_rac_value(run, permit->class), sg_rac_value(run, run->command))
               : s;
}

/* ID(NAME): what there is of that name; the service knows. */
static sg_status set_id(struct sg_rac_run *run, const char *param, const char *id)
{
    SG_BUFFER text;
    sg_buffer_init(&text, SG_DECK_COMMAND_MAX + 4);
    sg_status s = sg_buffer_format(&text, run->err, "id:%s", id);
    return s == SG_OK ? sg_rac_set_text(run, param, (const char *)text.data) : s;
}

static sg_status permit_one(struct sg_rac_run *run, const struct permit *permit, unsigned i)
{
    bool take = permit->take != NULL;
    sg_status s = sg_rac_step(run, SG_RAC_CHANGE, "authority", take ? "revoke" : "permit");
    s = s == SG_OK
            ? set_profile(run, sg_rac_value(run, permit->class), sg_rac_value(run, run->command))
            : s;
    s = s == SG_OK ? set_id(run, take ? "from" : "to", sg_rac_value_at(run, permit->id, i)) : s;
    return s == SG_OK && !take ? sg_rac_set_text(run, "level", permit->level) : s;
}

sg_status sg_rac_permit(struct sg_rac_run *run)
{
    struct permit permit = {.class = sg_rac_keyword(run, "CLASS"),
                            .id = sg_rac_keyword(run, "ID"),
                            .access = sg_rac_keyword(run, "ACCESS"),
                            .take = sg_rac_keyword(run, "DELETE"),
                            .reset = sg_rac_keyword(run, "RESET")};
    sg_status s = check_permit(run, &permit);
    s = s == SG_OK ? treat_meaningless(run) : s;
    s = s == SG_OK ? check_name(run, sg_rac_value(run, permit.class), 0) : s;
    s = s == SG_OK ? read_level(run, "ACCESS", &permit.level) : s;
    permit.level = permit.level != NULL ? permit.level : "read";
    s = s == SG_OK ? reset(run, &permit) : s;
    for (unsigned i = 0; s == SG_OK && permit.id != NULL && i < permit.id->value_count; i++) {
        s = permit_one(run, &permit, i);
    }
    if (s == SG_OK && run->out->operation == NULL) {
        run->out->task = SG_RAC_NOTHING;
    }
    return s;
}
