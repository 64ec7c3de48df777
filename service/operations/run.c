#include <signet/operations/run.h>

#include <string.h>

#include <signet/base/log.h>
#include <signet/policy/name.h>
#include <signet/x509/pretence.h>

#include "run_internal.h"

typedef sg_status (*handler)(struct sg_run *run, struct sg_error *err);

/* Rows that the client runs itself have no handler in the service; no route leads to them. */
#define HANDLED_BY_CLIENT(flags) (((flags)&SG_OP_CLIENT) != 0)

static const handler handlers[] = {
#define SG_OPERATION(identifier, noun, verb, flags, ...)                                           \
    [SG_OP_##identifier] = HANDLED_BY_CLIENT(flags) ? NULL : sg_operation_##identifier,
#include <signet/interface/operations.def>
#undef SG_OPERATION
};

static handler handler_of(enum sg_operation_id id)
{
    return (size_t)id < SG_COUNT(handlers) ? handlers[id] : NULL;
}

static void release_json(json_t **value)
{
    json_decref(*value);
}
#define SG_JSON SG_CLEANUP(release_json) json_t

bool sg_run_allowed(struct sg_run *run, enum sg_function function, const char *owner)
{
    const struct sg_request request = {.function = function, .owner = owner};
    return sg_authority_allows(run->profiles, run->caller, &request);
}

bool sg_run_ring_allowed(struct sg_run *run, const struct sg_ring_ref *ring)
{
    return sg_authority_ring_visible(run->profiles, run->caller, ring->owner.text, ring->ring.text);
}

sg_status sg_run_require_request(struct sg_run *run, const struct sg_request *request,
                                 struct sg_error *err)
{
    struct sg_decision decision = sg_authority_decide(run->profiles, run->caller, request);
    if (decision.allowed) {
        return SG_OK;
    }
    sg_fail(err, SG_E_DENIED, "not_authorised", "not authorised: %s", decision.reason);
    return sg_hint(err, "%s", decision.remedy);
}

sg_status sg_run_require(struct sg_run *run, enum sg_function function, const char *owner,
                         struct sg_error *err)
{
    const struct sg_request request = {.function = function, .owner = owner};
    return sg_run_require_request(run, &request, err);
}

static sg_status authorise(struct sg_run *run, struct sg_error *err)
{
    if ((run->operation->flags & SG_OP_FILTERED) != 0) {
        return SG_OK; /* its handler asks for each thing that it would show */
    }
    for (size_t i = 0; i < SG_NEEDS_MAX; i++) {
        const struct sg_need *need = &run->operation->needs[i];
        struct sg_request_memory memory;
        struct sg_request request;
        bool asked = false;
        if (need->function == SG_FUNCTION_NONE) {
            return SG_OK;
        }
        sg_status s =
            sg_need_request(run->operation, need, run->params, &memory, &request, &asked, err);
        s = s == SG_OK && asked ? sg_run_require_request(run, &request, err) : s;
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}

/* Bytes of the character that begins here, by its first byte and the followers that are there; 0:
 * it was cut. */
static size_t character_len(const char *text)
{
    unsigned char first = (unsigned char)text[0];
    size_t len = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)text[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return first >= 0x80 && first < 0xC2 ? 0 : len;
}

/* Names are cut by "%.200s" and by the sentence's own end, amid characters too. JSON takes whole
 * ones only, and an answer that cannot be written would hide a change that was made. */
static void drop_cut_characters(char *text)
{
    char *to = text;
    while (*text != '\0') {
        size_t len = character_len(text);
        memmove(to, text, len);
        to += len;
        text += len > 0 ? len : 1;
    }
    *to = '\0';
}

json_t *sg_run_sentence(char *text)
{
    drop_cut_characters(text);
    return json_string(text);
}

SG_PRINTF(3, 0)
static sg_status add_sentence(json_t *list, struct sg_error *err, const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    json_t *value = sg_run_sentence(text);
    if (value == NULL || json_array_append_new(list, value) != 0) {
        return sg_fail_memory(err);
    }
    return SG_OK;
}

sg_status sg_run_effect(struct sg_run *run, struct sg_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sg_status s = add_sentence(run->effects, err, format, args);
    va_end(args);
    return s;
}

sg_status sg_run_warn(struct sg_run *run, struct sg_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sg_status s = add_sentence(run->warnings, err, format, args);
    va_end(args);
    return s;
}

sg_status sg_run_journal(struct sg_run *run, struct sg_intent *intent, struct sg_error *err)
{
    if (run->dry_run || run->journal.id != 0) {
        return sg_fail(err, SG_E_INTERNAL, "bad_journal",
                       "an intent in a dry run, or a second one in one run");
    }
    snprintf(intent->operation, sizeof intent->operation, "%s.%s", run->operation->noun,
             run->operation->verb);
    intent->created_s = sg_now_s(run->service->clock);
    sg_store_rollback(run->service->store);
    sg_status s = sg_store_intent_add(run->service->store, intent, err);
    if (s != SG_OK) {
        return s;
    }
    run->journal = *intent;
    return sg_store_begin(run->service->store, err);
}

sg_status sg_run_settle_later(struct sg_run *run, enum sg_intent_kind kind, const char *token,
                              const struct sg_key_id *key, struct sg_error *err)
{
    if (run->settle_count == SG_COUNT(run->settle)) {
        return sg_fail(err, SG_E_LIMIT, "too_many", "too many keys in one operation");
    }
    struct sg_intent *intent = &run->settle[run->settle_count];
    *intent = (struct sg_intent){.kind = kind, .key = *key};
    snprintf(intent->token, sizeof intent->token, "%s", token);
    snprintf(intent->operation, sizeof intent->operation, "%s.%s", run->operation->noun,
             run->operation->verb);
    intent->created_s = sg_now_s(run->service->clock);
    sg_status s = sg_store_intent_add(run->service->store, intent, err);
    if (s == SG_OK) {
        run->settle_count++;
    }
    return s;
}

sg_status sg_run_token_failed(struct sg_run *run, const char *token, struct sg_error *err)
{
    const struct sg_tokens *tokens = &run->service->tokens;
    if (err->status == SG_E_SERVICE) {
        tokens->failed(tokens->context, token, err);
        char reason[200];
        snprintf(reason, sizeof reason, "%.199s", err->text);
        sg_fail(err, SG_E_TOKEN, "token_unavailable", "token \"%s\" did not answer: %s", token,
                reason);
        return sg_hint(err, "Nothing was changed. See: signet token list");
    }
    if (strcmp(err->code, "token_unavailable") != 0) { /* that one names the token already */
        sg_error_prefix(err, "token \"%s\"", token);
    }
    if (err->hint[0] == '\0' && err->status == SG_E_TOKEN) {
        return sg_hint(err,
                       "Nothing was changed. Check that the token's storage directory is writable "
                       "by the token's user and not full; see: signet token list");
    }
    return err->status;
}

/* What was made in the token is taken back; if that fails too, recovery does it later, by the
 * intent. */
static void take_back(struct sg_run *run)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_token_link *link = NULL;
    const struct sg_tokens *tokens = &run->service->tokens;
    sg_store_rollback(run->service->store);
    if (run->journal.id == 0) {
        return;
    }
    sg_status s = tokens->link(tokens->context, run->journal.token, &link, &err);
    s = s == SG_OK ? sg_intent_settle(run->service, link, &run->journal, &err) : s;
    if (s == SG_E_SERVICE) {
        tokens->failed(tokens->context, run->journal.token, &err);
    }
    if (s != SG_OK) {
        sg_log_error(SG_LOG_WARNING, "intent_left_for_recovery", &err);
        run->service->unsettled = true;
    }
}

/* The change is durable; what remains to be done in tokens is recorded. A token that is away gets
 * it done when it is back. */
static void settle(struct sg_run *run)
{
    const struct sg_tokens *tokens = &run->service->tokens;
    for (size_t i = 0; i < run->settle_count; i++) {
        struct sg_error err = SG_ERROR_INIT;
        struct sg_token_link *link = NULL;
        const struct sg_intent *intent = &run->settle[i];
        sg_status s = tokens->link(tokens->context, intent->token, &link, &err);
        if (s == SG_OK) {
            s = sg_intent_settle(run->service, link, intent, &err);
        }
        if (s == SG_E_SERVICE) {
            tokens->failed(tokens->context, intent->token, &err);
        }
        if (s != SG_OK) {
            struct sg_error ignored = SG_ERROR_INIT; /* the change stands, said or not */
            sg_log_error(SG_LOG_WARNING, "intent_left_for_recovery", &err);
            run->service->unsettled = true;
            (void)!sg_run_warn(
                run, &ignored,
                "token \"%s\" could not follow at once and will when it is ready: %s",
                intent->token, err.text);
        }
    }
}

/* What is granted follows what is stored, never what was only about to be. */
static void widen(struct sg_run *run)
{
    const struct sg_change_listener *changes = &run->service->changes;
    sg_store_rollback(run->service->store);
    if (changes->widen != NULL) {
        changes->widen(changes->context);
    }
}

static sg_status commit(struct sg_run *run, struct sg_error *err)
{
    const struct sg_change_listener *changes = &run->service->changes;
    if (run->visible && changes->narrow != NULL) {
        sg_status s = changes->narrow(changes->context, err);
        if (s != SG_OK) {
            widen(run); /* some may have been narrowed: back to what is stored */
            return s;
        }
    }
    sg_status s = sg_store_commit(run->service->store, err);
    run->service->change_count += s == SG_OK ? 1 : 0;
    if (run->visible) {
        widen(run);
    }
    return s;
}

static sg_status run_changing(struct sg_run *run, handler handle, struct sg_error *err)
{
    const struct sg_tokens *tokens = &run->service->tokens;
    if ((run->operation->flags & SG_OP_TOKEN) != 0) {
        tokens->settle(tokens->context);
    }
    sg_status s = sg_store_begin(run->service->store, err);
    if (s != SG_OK) {
        return s;
    }
    SG_TRANSACTION struct sg_store *open = run->service->store;
    s = handle(run, err);
    if (s == SG_OK && run->dry_run) {
        return s;
    }
    s = s == SG_OK ? commit(run, err) : s;
    if (s == SG_OK) {
        settle(run);
    } else {
        take_back(run);
    }
    return s;
}

/* As if it had not been tried. */
static void begin_anew(struct sg_run *run)
{
    (void)json_object_clear(run->answer);
    (void)json_array_clear(run->effects);
    (void)json_array_clear(run->warnings);
    run->visible = false;
    run->settle_count = 0;
}

/* A right that was taken away must not come back because a disk is full. */
static bool spend_reserve(const struct sg_run *run, const struct sg_error *err)
{
    struct sg_store *store = run->service->store;
    bool may = (run->operation->flags & SG_OP_REVOKES) != 0 && err->status == SG_E_STORAGE &&
               strcmp(err->code, "disk_full") == 0 &&
               sg_store_reserve_spend(store, run->caller->administrator);
    if (may) {
        sg_log(SG_LOG_WARNING, "event=store_reserve_spent operation=%s.%s bytes_left=%lu",
               run->operation->noun, run->operation->verb,
               (unsigned long)sg_store_reserve_left(store));
    }
    return may;
}

static sg_status run_handler(struct sg_run *run, handler handle, struct sg_error *err)
{
    if ((run->operation->flags & SG_OP_CHANGES) == 0) {
        return handle(run, err);
    }
    sg_status s = run_changing(run, handle, err);
    while (s != SG_OK && spend_reserve(run, err)) {
        sg_error_clear(err);
        begin_anew(run);
        s = run_changing(run, handle, err);
    }
    return s;
}

static sg_status finish(struct sg_run *run, json_t **answer, struct sg_error *err)
{
    bool changes = (run->operation->flags & SG_OP_CHANGES) != 0;
    json_t *result = run->dry_run ? json_object() : json_incref(run->answer);
    int failed = result == NULL;
    if (!failed && run->dry_run) {
        failed = json_object_set_new(result, "dry_run", json_true());
    }
    if (!failed && changes) {
        failed = json_object_set(result, run->dry_run ? "effects" : "did", run->effects);
    }
    if (!failed && json_array_size(run->warnings) > 0) {
        failed = json_object_set(result, "warnings", run->warnings);
    }
    if (!failed && run->service->pretence != NULL) {
        failed = json_object_set_new(result, "rehearsed", json_true());
    }
    if (failed) {
        json_decref(result);
        return sg_fail_memory(err);
    }
    *answer = result;
    return SG_OK;
}

#define MEANT "Did you mean "

/* Is the first name of "Did you mean 'OWNER/NAME'?…" the caller's own? */
static bool means_own(const struct sg_caller *caller, const char *hint)
{
    char owner[SG_OWNER_MAX + 1];
    if (strncmp(hint, MEANT, sizeof MEANT - 1) != 0) {
        return false;
    }
    const char *name = hint + sizeof MEANT - 1;
    name += name[0] == '\'' ? 1 : 0;
    size_t len = strcspn(name, "/");
    if (len >= sizeof owner) {
        return false;
    }
    memcpy(owner, name, len);
    owner[len] = '\0';
    return sg_caller_is(caller, owner);
}

/* "Did you mean" knows all owners' names; whoever is no administrator is not told of others'. */
static void drop_foreign_hint(const struct sg_caller *caller, struct sg_error *err)
{
    if (err->status != SG_E_NOT_FOUND || caller->administrator) {
        return;
    }
    char *end = strstr(err->hint, "; "); /* others' that are called the same */
    if (!means_own(caller, err->hint)) {
        err->hint[0] = '\0';
    } else if (end != NULL) {
        end[0] = '\0';
    }
}

sg_status sg_operation_run(struct sg_service *service, const struct sg_operation *operation,
                           const struct sg_caller *caller, json_t *params, bool dry_run,
                           json_t **answer, struct sg_error *err)
{
    SG_JSON *object = json_object();
    SG_JSON *effects = json_array();
    SG_JSON *warnings = json_array();
    if (object == NULL || effects == NULL || warnings == NULL) {
        return sg_fail_memory(err);
    }
    SG_FREE struct sg_run *run = calloc(1, sizeof *run);
    SG_CLEANUP(sg_profile_set_unrefp) struct sg_profile_set *profiles = NULL;
    handler handle = handler_of(operation->id);
    if (run == NULL) {
        return sg_fail_memory(err);
    }
    if (handle == NULL) {
        return sg_fail(err, SG_E_USAGE, "client_operation", "\"%s %s\" is not done by the service",
                       operation->noun, operation->verb);
    }
    if (service->pretence != NULL && (operation->flags & SG_OP_WATCHES) != 0) {
        return sg_fail(err, SG_E_UNSUPPORTED, "not_rehearsed",
                       "\"%s %s\" cannot be rehearsed: nobody else changes anything here",
                       operation->noun, operation->verb);
    }
    sg_status read = sg_service_profiles(service, &profiles, err);
    if (read != SG_OK) {
        return read;
    }
    SG_PRETENCE before = sg_pretence_enter(service->pretence);
    *run = (struct sg_run){.service = service,
                           .operation = operation,
                           .caller = caller,
                           .profiles = &profiles->profiles,
                           .params = params,
                           .dry_run = dry_run,
                           .answer = object,
                           .effects = effects,
                           .warnings = warnings};
    sg_status s = authorise(run, err);
    s = s == SG_OK ? run_handler(run, handle, err) : s;
    if (s != SG_OK) {
        drop_foreign_hint(caller, err);
        return s;
    }
    return finish(run, answer, err);
}
