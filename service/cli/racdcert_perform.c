/* racdcert: one command, understood and done. */
#include "racdcert_internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <signet/base/clock.h>
#include <signet/cli/files.h>
#include <signet/cli/output.h>
#include <signet/cli/shapes.h>

static void json_freep(json_t **value)
{
    json_decref(*value);
}

/* ---- understanding ---- */

/* The caller's own user ID: the one owner that it is attached to. */
static sg_status ask_own(struct sg_racdcert *session, struct sg_error *err)
{
    SG_CLEANUP(json_freep) json_t *answer = NULL;
    SG_CLEANUP(json_freep) json_t *params = json_object();
    session->asked_own = true;
    sg_status s = sg_client_ask(session->client, sg_operation_find("status", ""), params, false, 0,
                                &answer, err);
    json_t *owners = json_object_get(json_object_get(answer, "caller"), "owners");
    const char *own = json_string_value(json_array_get(owners, 0));
    if (s == SG_OK && json_array_size(owners) == 1 && own != NULL) {
        snprintf(session->own, sizeof session->own, "%s", own);
    }
    return s;
}

static sg_status translate(struct sg_racdcert *session, const struct sg_deck_command *command,
                           struct sg_rac_request *request, struct sg_error *err)
{
    const struct sg_bytes text = {command->text.data, command->text.len};
    for (;;) {
        const struct sg_rac_context context = {.own = session->own[0] != '\0' ? session->own : NULL,
                                               .now_s = sg_now_s(sg_clock_system()),
                                               .visible = session->single};
        sg_status s = sg_rac_translate(text, &context, request, err);
        if (s == SG_OK || session->asked_own || strcmp(err->code, "own_unknown") != 0) {
            return s;
        }
        struct sg_error failed = SG_ERROR_INIT;
        if (ask_own(session, &failed) != SG_OK) {
            *err = failed;
            return failed.status;
        }
        if (session->own[0] == '\0') {
            return s;
        }
        sg_error_clear(err);
        sg_rac_request_done(request);
    }
}

/* A single command of a dry run is only tried; those of a deck are performed, in a rehearsal. */
static bool only_tries(const struct sg_racdcert *session)
{
    return session->options.dry_run && !session->rehearsing;
}

/* ---- as a command line of signet ---- */

/* The paths behind data-set names; what a local points at. */
struct paths {
    struct sg_buffer text[SG_RAC_LOCALS_MAX];
};

static void paths_done(struct paths *paths)
{
    for (size_t i = 0; i < SG_RAC_LOCALS_MAX; i++) {
        sg_buffer_done(&paths->text[i]);
    }
}

static bool is_read(const struct sg_param *param)
{
    return param->type == SG_PARAM_CERTIFICATE_FILES || param->type == SG_PARAM_CSR_FILE;
}

static bool is_file(const struct sg_param *param)
{
    return is_read(param) || param->type == SG_PARAM_CLIENT_FILE;
}

static sg_status add_local(const struct sg_racdcert *session, struct sg_invocation *invocation,
                           const struct sg_rac_local *local, struct sg_buffer *path,
                           struct sg_error *err)
{
    const struct sg_param *param = sg_param_find(invocation->operation, local->param);
    if (param == NULL) {
        return sg_fail(err, SG_E_INTERNAL, NULL, "%s %s has no parameter %s",
                       invocation->operation->noun, invocation->operation->verb, local->param);
    }
    const char *value = local->value;
    if (is_file(param)) {
        sg_buffer_init(path, PATH_MAX);
        sg_status s = sg_racdcert_file(session, local->value, is_read(param), path, err);
        if (s != SG_OK) {
            return s;
        }
        value = (const char *)path->data;
    }
    invocation->locals[invocation->local_count++] =
        (struct sg_local){.param = param, .value = value};
    return SG_OK;
}

/* The deck's password, or none: a deck asks nobody. */
static sg_status take_password(const struct sg_rac_request *request, struct sg_carried *carried,
                               struct sg_error *err)
{
    carried->silent = true;
    if (request->password == NULL) {
        return SG_OK;
    }
    sg_status s = sg_secret_new(&carried->password, err);
    return s == SG_OK
               ? sg_secret_set(carried->password, request->password, strlen(request->password), err)
               : s;
}

static sg_status make_invocation(const struct sg_racdcert *session,
                                 const struct sg_rac_request *request, struct paths *paths,
                                 struct sg_invocation *out, struct sg_error *err)
{
    out->command = SG_COMMAND_OPERATION;
    out->operation = request->operation;
    out->params = json_incref(request->params);
    out->dry_run = session->options.dry_run;
    out->kept = session->kept;
    out->locals = calloc(SG_RAC_LOCALS_MAX, sizeof *out->locals);
    sg_status s =
        out->locals != NULL ? take_password(request, &out->carried, err) : sg_fail_memory(err);
    for (unsigned i = 0; s == SG_OK && i < request->local_count; i++) {
        s = add_local(session, out, &request->locals[i], &paths->text[i], err);
    }
    return s;
}

/* RACF takes it for what it is; here it is said. */
static sg_status warn_password(const struct sg_invocation *invocation,
                               struct sg_racdcert_outcome *outcome, struct sg_error *err)
{
    if (outcome->request.password == NULL || sg_shape_applies(invocation->operation) ||
        invocation->carried.keystore) {
        return SG_OK;
    }
    json_t *text = json_string("PASSWORD is ignored: the data set is no PKCS#12 keystore");
    return text != NULL && json_array_append_new(outcome->request.warnings, text) == 0
               ? SG_OK
               : sg_fail_memory(err);
}

/* LIST's "Private Key:" is about what stands here. */
static sg_status note_closed_keys(const struct sg_invocation *invocation,
                                  struct sg_racdcert_outcome *outcome, struct sg_error *err)
{
    unsigned keys = invocation->carried.closed_keys;
    if (keys == 0) {
        return SG_OK;
    }
    json_t *text = json_sprintf("the data set holds %u private key%s too, left closed", keys,
                                keys == 1 ? "" : "s");
    return text != NULL && json_array_append_new(outcome->request.notes, text) == 0
               ? SG_OK
               : sg_fail_memory(err);
}

static sg_status ask(struct sg_racdcert *session, struct sg_invocation *invocation,
                     struct sg_racdcert_outcome *outcome, struct sg_error *err)
{
    sg_status s = sg_shape_check(invocation, err);
    s = s == SG_OK ? sg_files_load(invocation, err) : s;
    s = s == SG_OK ? warn_password(invocation, outcome, err) : s;
    s = s == SG_OK ? note_closed_keys(invocation, outcome, err) : s;
    s = s == SG_OK ? sg_carry_in(session->client, invocation, err) : s;
    s = s == SG_OK ? sg_carry_ask(invocation, err) : s;
    bool changes = (invocation->operation->flags & SG_OP_CHANGES) != 0;
    return s == SG_OK ? sg_client_ask(session->client, invocation->operation, invocation->params,
                                      only_tries(session) && changes, 0, &outcome->answer, err)
                      : s;
}

/* An answer that becomes a file: what was written is said, and the warnings stay. */
static sg_status shape(const struct sg_racdcert *session, const struct sg_invocation *invocation,
                       struct sg_racdcert_outcome *outcome, struct sg_error *err)
{
    SG_CLEANUP(json_freep) json_t *report = NULL;
    if (!sg_shape_applies(invocation->operation)) {
        return SG_OK;
    }
    sg_status s = sg_shape_write(invocation, outcome->answer, &outcome->out, &report, err);
    (void)json_object_del(outcome->answer, "private_key"); /* encrypted to nobody any more */
    json_t *did = json_object_get(report, invocation->dry_run ? "effects" : "did");
    const char *name = only_tries(session) ? "effects" : "did";
    json_t *list = json_object_get(outcome->answer, name);
    if (s != SG_OK || did == NULL) {
        return s;
    }
    int failed =
        list != NULL ? json_array_extend(list, did) : json_object_set(outcome->answer, name, did);
    return failed == 0 ? SG_OK : sg_fail_memory(err);
}

static sg_status change(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                        struct sg_error *err)
{
    SG_CLEANUP(paths_done) struct paths paths = {0};
    SG_INVOCATION invocation = SG_INVOCATION_INIT;
    sg_status s = make_invocation(session, &outcome->request, &paths, &invocation, err);
    s = s == SG_OK ? ask(session, &invocation, outcome, err) : s;
    return s == SG_OK ? shape(session, &invocation, outcome, err) : s;
}

/* ---- several operations of one command ---- */

static sg_status ask_step(struct sg_racdcert *session, const struct sg_racdcert_outcome *outcome,
                          unsigned i, bool dry_run, json_t **answer, struct sg_error *err)
{
    const struct sg_rac_request *request = &outcome->request;
    const struct sg_operation *operation =
        i == 0 ? request->operation : request->steps[i - 1].operation;
    json_t *params = i == 0 ? request->params : request->steps[i - 1].params;
    return sg_client_ask(session->client, operation, params, dry_run, 0, answer, err);
}

static int extend(json_t *to, const char *key, json_t *from)
{
    json_t *list = json_object_get(from, key);
    if (list == NULL) {
        return 0;
    }
    if (json_object_get(to, key) == NULL && json_object_set_new(to, key, json_array()) != 0) {
        return -1;
    }
    return json_array_extend(json_object_get(to, key), list);
}

/* What each of them did, as if one had done it; "items" has the answers themselves. */
static sg_status keep_step(struct sg_racdcert_outcome *outcome, json_t *answer,
                           struct sg_error *err)
{
    if (outcome->answer == NULL) {
        outcome->answer = json_pack("{s:[]}", "items");
    }
    json_t *all = outcome->answer;
    int failed = all == NULL || extend(all, "did", answer) != 0 ||
                 extend(all, "effects", answer) != 0 || extend(all, "warnings", answer) != 0;
    failed = failed || json_array_append(json_object_get(all, "items"), answer) != 0;
    return failed ? sg_fail_memory(err) : SG_OK;
}

/* All of them are tried before the first is done: what one of them is refused, nothing is done. */
static sg_status change_all(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                            struct sg_error *err)
{
    sg_status s = SG_OK;
    unsigned count = outcome->request.step_count + 1;
    for (unsigned i = 0; s == SG_OK && !only_tries(session) && i < count; i++) {
        SG_CLEANUP(json_freep) json_t *answer = NULL;
        s = ask_step(session, outcome, i, true, &answer, err);
    }
    for (unsigned i = 0; s == SG_OK && i < count; i++) {
        SG_CLEANUP(json_freep) json_t *answer = NULL;
        s = ask_step(session, outcome, i, only_tries(session), &answer, err);
        if (s != SG_OK && i > 0 && !only_tries(session)) {
            /* it could be done when it was tried: somebody else has changed something since */
            sg_error_prefix(err, "%u of %u were done and stay so, then", i, count);
        }
        s = s == SG_OK ? keep_step(outcome, answer, err) : s;
    }
    if (s != SG_OK && only_tries(session)) { /* none of them would be done */
        json_decref(outcome->answer);
        outcome->answer = NULL;
    }
    return s;
}

/* ---- saying it ---- */

static sg_status say_list(const json_t *list, const char *before, struct sg_buffer *out,
                          struct sg_error *err)
{
    size_t index;
    json_t *sentence;
    sg_status s = SG_OK;
    json_array_foreach(list, index, sentence)
    {
        s = s == SG_OK ? sg_buffer_format(out, err, "%s", before) : s;
        s = s == SG_OK ? sg_output_clean(json_string_value(sentence), out, err) : s;
        s = s == SG_OK ? sg_buffer_append(out, "\n", 1, err) : s;
    }
    return s;
}

/* What stands before a line about something that is not really done. */
static const char *mark(const struct sg_racdcert *session)
{
    return session->options.dry_run ? "dry run: " : "";
}

/* What recent releases of RACF say of an addition. */
static sg_status say_added(const struct sg_racdcert *session,
                           const struct sg_racdcert_outcome *outcome, struct sg_buffer *out,
                           struct sg_error *err)
{
    const char *label = json_string_value(json_object_get(outcome->answer, "label"));
    if (strcmp(outcome->request.function, "ADD") != 0 || label == NULL) {
        return SG_OK;
    }
    const char *subject = json_string_value(json_object_get(outcome->answer, "subject"));
    const char *issuer = json_string_value(json_object_get(outcome->answer, "issuer"));
    sg_status s = SG_OK;
    if (subject != NULL && issuer != NULL && strcmp(subject, issuer) == 0) {
        s = sg_buffer_format(out, err, "%sIRRD113I The certificate that is added is self-signed.\n",
                             mark(session));
    }
    return s == SG_OK
               ? sg_buffer_format(out, err,
                                  "%sIRRD199I Certificate with label '%s' is added for %s.\n",
                                  mark(session), label, outcome->request.owner)
               : s;
}

static sg_status say(const struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                     struct sg_error *err)
{
    const json_t *warnings = json_object_get(outcome->answer, "warnings");
    bool warned = json_array_size(warnings) + json_array_size(outcome->request.warnings) > 0;
    outcome->return_code = warned ? 4 : 0;
    bool trial = only_tries(session);
    sg_status s = trial ? SG_OK : say_added(session, outcome, &outcome->out, err);
    s = s == SG_OK ? say_list(json_object_get(outcome->answer, trial ? "effects" : "did"),
                              mark(session), &outcome->out, err)
                   : s;
    s = s == SG_OK ? say_list(outcome->request.notes, "note: ", &outcome->notes, err) : s;
    s = s == SG_OK ? say_list(outcome->request.warnings, "warning: ", &outcome->notes, err) : s;
    return s == SG_OK ? say_list(warnings, "warning: ", &outcome->notes, err) : s;
}

/* ---- doing it ---- */

static sg_status list_one(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                          struct sg_error *err)
{
    sg_status s = sg_client_ask(session->client, outcome->request.operation,
                                outcome->request.params, false, 0, &outcome->answer, err);
    return s == SG_OK ? sg_racdcert_list_one(outcome, err) : s;
}

/* The file is read here; what of it is installed the service says. */
static sg_status check_file(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                            struct sg_error *err)
{
    sg_status s = change(session, outcome, err);
    return s == SG_OK ? sg_racdcert_list_one(outcome, err) : s;
}

static sg_status perform(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                         struct sg_error *err)
{
    if (outcome->request.task == SG_RAC_NOTHING) {
        return SG_OK;
    }
    sg_status opened = sg_racdcert_rehearse(session, err);
    if (opened != SG_OK) {
        return opened;
    }
    if (only_tries(session) && outcome->request.task > SG_RAC_CHANGE) {
        return SG_OK; /* a listing changes nothing */
    }
    if (outcome->request.selection.wanted) {
        sg_status s = sg_racdcert_select(session, &outcome->request, err);
        if (s != SG_OK) {
            return s;
        }
    }
    switch (outcome->request.task) {
    case SG_RAC_NOTHING:
        return SG_OK;
    case SG_RAC_CHANGE:
        return outcome->request.step_count > 0 ? change_all(session, outcome, err)
                                               : change(session, outcome, err);
    case SG_RAC_CHECKCERT:
        return check_file(session, outcome, err);
    case SG_RAC_LIST:
    case SG_RAC_LISTRING:
    case SG_RAC_LISTCHAIN:
    case SG_RAC_LISTMAP:
    case SG_RAC_LISTTOKEN:
        return list_one(session, outcome, err);
    case SG_RAC_LIST_ALL:
    case SG_RAC_LISTRINGS:
    case SG_RAC_LISTTOKENS:
    case SG_RAC_RLIST:
    case SG_RAC_RLISTS:
        return sg_racdcert_list_all(session, outcome, err);
    }
    return sg_fail(err, SG_E_INTERNAL, NULL, "unknown task");
}

/* Several operations, of which a later one failed although it had been tried: what was done is
 * said. */
static void say_done(const struct sg_racdcert *session, struct sg_racdcert_outcome *outcome)
{
    struct sg_error ignored = SG_ERROR_INIT;
    sg_status s =
        say_list(json_object_get(outcome->answer, "did"), mark(session), &outcome->out, &ignored);
    s = s == SG_OK && session->rehearsing ? sg_racdcert_rehearsed(outcome->answer, &ignored) : s;
    if (s != SG_OK) {
        sg_error_clear(&ignored);
    }
}

sg_status sg_racdcert_perform(struct sg_racdcert *session, const struct sg_deck_command *command,
                              struct sg_racdcert_outcome *outcome, struct sg_error *err)
{
    sg_status s = translate(session, command, &outcome->request, err);
    s = s == SG_OK ? perform(session, outcome, err) : s;
    if (s != SG_OK) {
        (void)sg_rac_blame(&outcome->request, err);
        sg_rac_hint(outcome->request.function, err->hint, sizeof err->hint);
        say_done(session, outcome);
        return s;
    }
    s = say(session, outcome, err);
    return s == SG_OK && session->rehearsing ? sg_racdcert_rehearsed(outcome->answer, err) : s;
}
