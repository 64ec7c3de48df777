/* explain: what the gate says to an operation of somebody, check by check. It asks the gate alone
 * and looks up no object, so that it tells nobody what there is; use of a ring is explain_use.c's.
 */
#include "explain_internal.h"

#include <string.h>

#include <signet/policy/name.h>

#include "unix_names.h"

#define WORDS_MAX 64
#define ALIKE 3 /* edits at most */

static void release_json(json_t **value)
{
    json_decref(*value);
}
#define SG_JSON SG_CLEANUP(release_json) json_t

/* Administrators about anybody, everybody about themself. */
static sg_status may_ask(struct sg_run *run, int64_t uid, struct sg_error *err)
{
    return (int64_t)run->caller->uid == uid ? SG_OK
                                            : sg_run_require(run, SG_FUNCTION_AUTHORITY, NULL, err);
}

struct operation_words {
    char text[WORDS_MAX + 2];
};

static struct operation_words words_of(const struct sg_operation *operation)
{
    struct operation_words out;
    (void)snprintf(out.text, sizeof out.text, "%s%s%s", operation->noun,
                   operation->verb[0] != '\0' ? " " : "", operation->verb);
    return out;
}

static sg_status unknown_operation(const char *words, struct sg_error *err)
{
    size_t count = 0;
    const struct sg_operation *rows = sg_operations(&count);
    const struct sg_operation *nearest = NULL;
    unsigned least = ALIKE + 1;
    for (size_t i = 0; i < count; i++) {
        unsigned distance = sg_name_distance(words, words_of(&rows[i]).text);
        if (distance < least) {
            least = distance;
            nearest = &rows[i];
        }
    }
    sg_fail(err, SG_E_USAGE, "unknown_operation", "there is no operation \"%s\"", words);
    if (nearest != NULL) {
        return sg_hint(err, "Did you mean \"%s\"?", words_of(nearest).text);
    }
    return sg_hint(err, "Its words are one argument: \"ring connect\"; or \"use\" for the use of a "
                        "ring's keys. See: signet help");
}

static sg_status find_operation(struct sg_run *run, const struct sg_operation **out,
                                struct sg_error *err)
{
    char words[WORDS_MAX + 1];
    (void)snprintf(words, sizeof words, "%s", sg_run_text(run, "operation"));
    char *blank = strchr(words, ' ');
    if (blank != NULL) {
        *blank = '\0';
    }
    *out = sg_operation_find(words, blank != NULL ? blank + 1 : "");
    return *out != NULL ? SG_OK : unknown_operation(sg_run_text(run, "operation"), err);
}

static bool names_something(const struct sg_param *param)
{
    switch ((int)param->type) {
    case SG_PARAM_TEXT:
    case SG_PARAM_OWNER:
    case SG_PARAM_USER:
    case SG_PARAM_CERTIFICATE:
    case SG_PARAM_OWNER_OR_CERTIFICATE:
    case SG_PARAM_RING:
        return true;
    default:
        return false;
    }
}

/* What OBJECT stands for: what the operation names first on its command line; where that is no name
 * (provision PROGRAM), what the gate heeds. NULL: nothing. */
static const struct sg_param *object_param(const struct sg_operation *operation)
{
    const struct sg_param *first = &operation->params[0];
    if (first->name != NULL && first->positional && names_something(first)) {
        return first;
    }
    return operation->needs[0].param != NULL ? sg_param_find(operation, operation->needs[0].param)
                                             : NULL;
}

/* Half a name would be answered for something else than was meant. */
static sg_status check_name(const struct sg_param *param, const char *text, struct sg_error *err)
{
    struct sg_certificate_name certificate;
    struct sg_ring_ref ring;
    struct sg_owner_name owner;
    if (param->type == SG_PARAM_CERTIFICATE) {
        return sg_name_certificate(text, &certificate, err);
    }
    if (param->type == SG_PARAM_RING && !sg_name_virtual_ring(text, &owner)) {
        return sg_name_ring_ref(text, &ring, err);
    }
    return SG_OK;
}

static sg_status set_name(const struct sg_param *param, const char *text, json_t *out,
                          struct sg_error *err)
{
    if (param == NULL || text == NULL) {
        return SG_OK;
    }
    sg_status s = check_name(param, text, err);
    return s == SG_OK ? sg_run_set(out, param->name, json_string(text), err) : s;
}

static sg_status missing(const struct sg_operation *operation, const char *what,
                         struct sg_error *err)
{
    sg_fail(err, SG_E_USAGE, "missing_parameter", "\"%s %s\" needs %s", operation->noun,
            operation->verb, what);
    return sg_hint(err, "Who may do it depends on what it is done to.");
}

/* The operation's parameters as far as the gate heeds them. */
static sg_status gate_params(struct sg_run *run, const struct sg_operation *operation, json_t *out,
                             struct sg_error *err)
{
    const struct sg_param *object = object_param(operation);
    const struct sg_param *certificate = sg_param_find(operation, "certificate");
    const char *usage = sg_run_text(run, "usage");
    sg_status s = set_name(certificate, sg_run_text(run, "certificate"), out, err);
    s = s == SG_OK ? set_name(object, sg_run_text(run, "object"), out, err) : s;
    if (s == SG_OK && usage != NULL) {
        s = sg_run_set(out, "usage", json_string(usage), err);
    }
    if (s != SG_OK) {
        return s;
    }
    if (object != NULL && object->required && json_object_get(out, object->name) == NULL) {
        return missing(operation, "OBJECT", err);
    }
    if (certificate != NULL && certificate->type == SG_PARAM_CERTIFICATE && certificate->required &&
        json_object_get(out, "certificate") == NULL) {
        return missing(operation, "--certificate OWNER/LABEL", err);
    }
    return SG_OK;
}

static const char *ground_text(enum sg_ground ground)
{
    switch (ground) {
    case SG_GROUND_NONE:
        return "none";
    case SG_GROUND_OPEN:
        return "open";
    case SG_GROUND_ADMINISTRATOR:
        return "administrator";
    case SG_GROUND_OWN:
        return "own";
    case SG_GROUND_PROFILE:
        return "profile";
    }
    return "none";
}

static json_t *permit_json(const struct sg_decision *decision)
{
    if (decision->permit == NULL) {
        return decision->ground == SG_GROUND_PROFILE ? json_string("UACC") : json_null();
    }
    return json_string(sg_subject_text(&decision->permit->subject).text);
}

json_t *sg_explain_check(struct sg_decision *decision)
{
    bool open = decision->ground == SG_GROUND_OPEN;
    const char *profile = decision->profile != NULL ? decision->profile->name : NULL;
    return json_pack("{s:b,s:s,s:s?,s:s?,s:s?,s:s,s:s,s:o,s:o,s:o}", "allowed", decision->allowed,
                     "ground", ground_text(decision->ground), "class",
                     open ? NULL : sg_class_name(decision->class), "resource",
                     open ? NULL : decision->resource.text, "profile", profile, "needed",
                     sg_level_name(decision->needed), "held", sg_level_name(decision->held),
                     "permit", permit_json(decision), "reason", sg_run_sentence(decision->reason),
                     "remedy", sg_run_sentence(decision->remedy));
}

static sg_status explain_request(struct sg_run *run, const struct sg_caller *caller,
                                 const struct sg_request *request, json_t *items, bool *allowed,
                                 struct sg_error *err)
{
    struct sg_decision checks[SG_CHECKS_MAX];
    size_t count = sg_authority_checks(run->profiles, caller, request, checks);
    for (size_t i = 0; i < count; i++) {
        *allowed = *allowed && checks[i].allowed;
        if (json_array_append_new(items, sg_explain_check(&checks[i])) != 0) {
            return sg_fail_memory(err);
        }
    }
    return SG_OK;
}

/* ---- what is asked for only sometimes ---- */

/* How a person says that it shall be so: "--trust-ring", or "OWNER/LABEL" as the help has it. */
struct option_text {
    char text[64];
};
static struct option_text option_of(const struct sg_operation *operation,
                                    const struct sg_need *need)
{
    struct option_text option = {.text = "--format pkcs12"};
    const char *name = need->when != NULL ? need->when : need->param;
    const struct sg_param *param = sg_param_find(operation, name);
    if (param != NULL && param->positional && param->placeholder != NULL) {
        (void)snprintf(option.text, sizeof option.text, "%s", param->placeholder);
    } else if (strcmp(name, "recipient") != 0) {
        (void)snprintf(option.text, sizeof option.text, "--%s", name);
        for (char *at = option.text; *at != '\0'; at++) {
            if (*at == '_') {
                *at = '-';
            }
        }
    }
    return option;
}

/* The parameters as if it were said: a signer is CERTAUTH's as a rule. False: of what is not
 * known. */
static bool suppose(const struct sg_operation *operation, const struct sg_need *need,
                    json_t *params)
{
    if (json_object_get(params, need->param) != NULL) {
        return need->when != NULL && json_object_set_new(params, need->when, json_true()) == 0;
    }
    return sg_param_find(operation, need->param)->type == SG_PARAM_CERTIFICATE &&
           json_object_set_new(params, need->param, json_string("CERTAUTH/CA")) == 0;
}

static sg_status say_further(struct sg_run *run, const struct sg_caller *caller,
                             const struct sg_operation *operation, const struct sg_need *need,
                             const json_t *params, struct sg_error *err)
{
    struct sg_request_memory memory;
    struct sg_request request;
    struct sg_decision checks[SG_CHECKS_MAX];
    bool asked = false;
    SG_JSON *supposed = json_deep_copy(params);
    if (need->param == NULL || supposed == NULL) {
        return supposed == NULL ? sg_fail_memory(err) : SG_OK;
    }
    if (!suppose(operation, need, supposed)) {
        return sg_run_warn(run, err, "with %s it asks for %s too", option_of(operation, need).text,
                           sg_function_name(need->function));
    }
    sg_status s = sg_need_request(operation, need, supposed, &memory, &request, &asked, err);
    size_t count =
        s == SG_OK && asked ? sg_authority_checks(run->profiles, caller, &request, checks) : 0;
    for (size_t i = 0; i < count; i++) {
        if (!checks[i].allowed) {
            return sg_run_warn(run, err, "with %s it asks for %s of %s too, which is refused: %s",
                               option_of(operation, need).text, sg_function_name(need->function),
                               request.owner, checks[i].reason);
        }
    }
    return count > 0 ? sg_run_warn(run, err, "with %s it asks for %s of %s too, which is allowed",
                                   option_of(operation, need).text,
                                   sg_function_name(need->function), request.owner)
                     : s;
}

static sg_status explain_needs(struct sg_run *run, const struct sg_caller *caller,
                               const struct sg_operation *operation, const json_t *params,
                               json_t *items, bool *allowed, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < SG_NEEDS_MAX; i++) {
        const struct sg_need *need = &operation->needs[i];
        struct sg_request_memory memory;
        struct sg_request request;
        bool asked = false;
        if (i > 0 && need->function == SG_FUNCTION_NONE) {
            return SG_OK;
        }
        s = sg_need_request(operation, need, params, &memory, &request, &asked, err);
        if (s == SG_OK && asked) {
            s = explain_request(run, caller, &request, items, allowed, err);
        } else if (s == SG_OK && i > 0) {
            s = say_further(run, caller, operation, need, params, err);
        }
    }
    return s;
}

/* A listing of what each may see asks about what is named. */
static sg_status say_filtered(struct sg_run *run, const struct sg_operation *operation,
                              const json_t *items, struct sg_error *err)
{
    bool open = operation->needs[0].function == SG_FUNCTION_NONE;
    if ((operation->flags & SG_OP_FILTERED) == 0 || open || json_array_size(items) > 0) {
        return SG_OK;
    }
    return sg_run_warn(run, err, "\"%s\" shows of each owner what %s allows: name an OWNER",
                       words_of(operation).text, sg_function_name(operation->needs[0].function));
}

static sg_status explain_operation(struct sg_run *run, const struct sg_caller *caller,
                                   json_t *items, bool *allowed, struct sg_error *err)
{
    const struct sg_operation *operation = NULL;
    SG_JSON *params = json_object();
    if (params == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s = find_operation(run, &operation, err);
    s = s == SG_OK ? gate_params(run, operation, params, err) : s;
    s = s == SG_OK ? explain_needs(run, caller, operation, params, items, allowed, err) : s;
    return s == SG_OK ? say_filtered(run, operation, items, err) : s;
}

static sg_status explain(struct sg_run *run, const struct sg_caller *caller, struct sg_error *err)
{
    SG_JSON *items = json_array();
    bool allowed = true;
    bool use = strcmp(sg_run_text(run, "operation"), "use") == 0;
    if (items == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s = use ? sg_explain_use(run, caller, items, &allowed, err)
                      : explain_operation(run, caller, items, &allowed, err);
    s = s == SG_OK ? sg_run_set(run->answer, "items", json_incref(items), err) : s;
    return s == SG_OK ? sg_run_set(run->answer, "allowed", json_boolean(allowed), err) : s;
}

sg_status sg_operation_EXPLAIN(struct sg_run *run, struct sg_error *err)
{
    int64_t uid = 0;
    gid_t gid = (gid_t)-1;
    SG_CLEANUP(sg_loaded_caller_done) struct sg_loaded_caller loaded = {0};
    (void)sg_run_integer(run, "user", &uid);
    sg_status s = may_ask(run, uid, err);
    if (s != SG_OK || (int64_t)run->caller->uid == uid) {
        return s == SG_OK ? explain(run, run->caller, err) : s;
    }
    (void)sg_unix_primary_group((uid_t)uid, &gid);
    s = sg_caller_load(run->service, (uid_t)uid, gid, &loaded, err);
    return s == SG_OK ? explain(run, &loaded.caller, err) : s;
}
