/* token … and status. */
#include <signet/operations/unix_groups.h>

#include "left_out_internal.h"

#include <string.h>

/* Of uses through rings: what operations ask of the token they tell themselves. */
static json_t *add_failures(json_t *object, const struct sg_token_state *state)
{
    char last[SG_TIME_TEXT];
    sg_time_format(state->last_failure_s, last);
    json_object_set_new(object, "failed_uses", json_integer((json_int_t)state->failed_uses));
    json_object_set_new(object, "last_failure", json_string(state->last_failure));
    json_object_set_new(object, "last_failure_at", json_string(last));
    json_object_set_new(object, "failing", json_boolean(state->failing));
    return object;
}

static json_t *state_json(const struct sg_token_state *state)
{
    json_t *object =
        json_pack("{s:s, s:s, s:b, s:s, s:s, s:i, s:i, s:I}", "name", state->name, "kind",
                  "configured", "ready", (int)state->ready, "state", state->state, "label",
                  state->label, "processes", (int)state->processes_ready, "processes_configured",
                  (int)state->processes, "private_keys", (json_int_t)state->private_keys);
    if (object != NULL && state->problem[0] != '\0') {
        json_object_set_new(object, "problem", json_string(state->problem));
    }
    return object != NULL && state->failed_uses > 0 ? add_failures(object, state) : object;
}

static sg_status add_tokens(struct sg_run *run, json_t *items, struct sg_error *err)
{
    const struct sg_tokens *tokens = &run->service->tokens;
    for (size_t i = 0; i < tokens->count(tokens->context); i++) {
        struct sg_token_state state = {0};
        tokens->state(tokens->context, i, &state);
        json_t *item = state_json(&state);
        if (item == NULL || json_array_append_new(items, item) != 0) {
            return sg_fail_memory(err);
        }
    }
    return SG_OK;
}

static sg_status add_served(void *context, const struct sg_ring_row *row, struct sg_error *err)
{
    json_t *items = context;
    const char *name = row->name.ring.text;
    json_t *item = json_pack("{s:s, s:s, s:b, s:s, s:s, s:I, s:I, s:I}", "name", name, "kind",
                             "served", "ready", 1, "state", "served", "label", name, "certificates",
                             (json_int_t)row->connections, "slot", (json_int_t)row->id, "sequence",
                             (json_int_t)row->sequence);
    return json_array_append_new(items, item) == 0 ? SG_OK : sg_fail_memory(err);
}

sg_status sg_operation_TOKEN_LIST(struct sg_run *run, struct sg_error *err)
{
    json_t *items = json_array();
    sg_status s = sg_run_set(run->answer, "items", items, err);
    s = s == SG_OK && sg_run_allowed(run, SG_FUNCTION_TOKEN, NULL) ? add_tokens(run, items, err)
                                                                   : s;
    return s == SG_OK && sg_run_allowed(run, SG_FUNCTION_LISTTOKEN, NULL)
               ? sg_store_ring_each(run->service->store, SG_SERVED_TOKENS, add_served, items, err)
               : s;
}

/* What the token process advises is the best advice. Else the record says whether it was the PIN.
 */
static sg_status login_failed(struct sg_run *run, const char *name, struct sg_error *err)
{
    struct sg_error ignored = SG_ERROR_INIT; /* what failed first is told */
    struct sg_login_record record = {.state = SG_LOGIN_NEVER};
    if (err->hint[0] != '\0') {
        return err->status;
    }
    sg_status s = sg_store_login_get(run->service->store, name, &record, &ignored);
    if (s != SG_OK || record.state != SG_LOGIN_REFUSED) {
        return err->status;
    }
    sg_error_prefix(err, "the token refused the PIN again");
    return sg_hint(err,
                   "Put the right PIN into the file that pin_file of [token %s] names, then: "
                   "signet token login %s",
                   name, sg_shell_quote(name).text);
}

sg_status sg_operation_TOKEN_LOGIN(struct sg_run *run, struct sg_error *err)
{
    const struct sg_tokens *tokens = &run->service->tokens;
    const char *name = sg_run_text(run, "token");
    sg_status s = sg_run_effect(run, err, "logged in to token \"%s\"", name);
    if (s != SG_OK || run->dry_run) {
        return s;
    }
    sg_store_rollback(
        run->service
            ->store); /* logins keep their own records, each durable before the PIN is tried */
    s = tokens->login(tokens->context, name, err);
    return s == SG_OK ? sg_store_begin(run->service->store, err) : login_failed(run, name, err);
}

static sg_status add_counts(struct sg_run *run, struct sg_error *err)
{
    struct sg_store_counts counts;
    sg_status s = sg_store_count(run->service->store, &counts, err);
    if (s != SG_OK) {
        return s;
    }
    json_t *store =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "owners", (json_int_t)counts.owners,
                  "certificates", (json_int_t)counts.certificates, "keys", (json_int_t)counts.keys,
                  "rings", (json_int_t)counts.rings, "connections", (json_int_t)counts.connections,
                  "unsettled_intents", (json_int_t)counts.intents);
    return sg_run_set(run->answer, "store", store, err);
}

static bool all_ready(const struct sg_tokens *tokens)
{
    for (size_t i = 0; i < tokens->count(tokens->context); i++) {
        struct sg_token_state state = {0};
        tokens->state(tokens->context, i, &state);
        if (!state.ready || state.processes_ready == 0 || state.problem[0] != '\0' ||
            state.failing) {
            return false;
        }
    }
    return true;
}

static sg_status add_identity(struct sg_run *run, struct sg_error *err)
{
    json_t *owners = json_array();
    for (size_t i = 0; i < run->caller->owner_count; i++) {
        json_array_append_new(owners, json_string(run->caller->owners[i]));
    }
    json_t *you = json_pack("{s:I, s:b, s:o}", "uid", (json_int_t)run->caller->uid, "administrator",
                            (int)run->caller->administrator, "owners", owners);
    return sg_run_set(run->answer, "caller", you, err);
}

static bool is_writable(const struct sg_run *run)
{
    struct sg_error why = SG_ERROR_INIT;
    int64_t at_s = 0;
    return !sg_store_write_failed(run->service->store, &why, &at_s);
}

static const char *what_still_goes(const struct sg_error *why, uint64_t reserve)
{
    return strcmp(why->code, "disk_full") == 0 && reserve > 0
               ? "nothing can be changed but what takes rights or trust away, a few times yet"
               : "nothing can be changed, revocations neither";
}

/* Reading and signing go on, and nothing else says so. */
static sg_status add_unwritten(struct sg_run *run, struct sg_error *err)
{
    struct sg_error why = SG_ERROR_INIT;
    int64_t at_s = 0;
    char at[SG_TIME_TEXT];
    if (!sg_store_write_failed(run->service->store, &why, &at_s)) {
        return SG_OK;
    }
    sg_time_format(at_s, at);
    uint64_t left = sg_store_reserve_left(run->service->store);
    json_t *problem =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "code", "store_not_writable", "reason",
                  why.code, "text", why.text, "hint", why.hint, "last", at, "uses_not_stored",
                  (json_int_t)run->service->uses_not_stored, "reserve_bytes", (json_int_t)left);
    sg_status s = sg_run_set(run->answer, "store_problem", problem, err);
    return s == SG_OK ? sg_run_warn(run, err, "%s, and uses of keys are not stored: %s. %s",
                                    what_still_goes(&why, left), why.text, why.hint)
                      : s;
}

/* Who came too often for the configuration's maxima. */
static sg_status add_refused(struct sg_run *run, struct sg_error *err)
{
    const struct sg_refused_clients *refused = run->service->refused;
    json_t *items = json_array();
    for (size_t i = 0; refused != NULL && i < SG_REFUSED_USERS; i++) {
        const struct sg_refused_user *user = &refused->users[i];
        char last[SG_TIME_TEXT];
        if (user->count == 0) {
            continue;
        }
        sg_time_format(user->last_s, last);
        json_array_append_new(items, json_pack("{s:I, s:s, s:I, s:s}", "uid", (json_int_t)user->uid,
                                               "reason",
                                               user->of_user ? "too_many_of_this_user" : "too_many",
                                               "count", (json_int_t)user->count, "last", last));
    }
    return sg_run_set(run->answer, "refused_clients", items, err);
}

/* Owners, profiles and filters may be there: nothing that a key could be for. After an operation
 * was cut short its key is in the token, and an intent tells of it. */
static bool is_blank(const struct sg_store_counts *counts)
{
    return counts->certificates == 0 && counts->keys == 0 && counts->rings == 0 &&
           counts->intents == 0;
}

sg_status sg_service_check_store(struct sg_service *service, const char *token,
                                 uint64_t private_keys, struct sg_error *err)
{
    struct sg_store_counts counts;
    sg_status s = private_keys > 0 ? sg_store_count(service->store, &counts, err) : SG_OK;
    if (s != SG_OK || private_keys == 0 || !is_blank(&counts)) {
        return s;
    }
    sg_fail(
        err, SG_E_CONFLICT, "store_empty",
        "the store %.300s holds no certificate and no ring, and token \"%s\" holds private keys "
        "that it does not know: %llu",
        sg_store_path(service->store), token, (unsigned long long)private_keys);
    return sg_hint(err, "On a first start with a token that other programs use that is right. "
                        "Otherwise the store was lost: stop the service, restore signet.db (and "
                        "signet.db-wal, if the backup has it) and start again, before anything new "
                        "is made. In the token nothing was changed.");
}

static sg_status warn_empty_store(struct sg_run *run, const struct sg_token_state *state,
                                  struct sg_error *err)
{
    struct sg_error found = SG_ERROR_INIT;
    uint64_t keys = state->ready ? state->private_keys : 0;
    sg_status s = sg_service_check_store(run->service, state->name, keys, &found);
    if (s == SG_E_CONFLICT) {
        return sg_run_warn(run, err, "%s. %s", found.text, found.hint);
    }
    *err = s != SG_OK ? found : *err;
    return s;
}

static sg_status warn_empty_stores(struct sg_run *run, struct sg_error *err)
{
    const struct sg_tokens *tokens = &run->service->tokens;
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < tokens->count(tokens->context); i++) {
        struct sg_token_state state = {0};
        tokens->state(tokens->context, i, &state);
        s = warn_empty_store(run, &state, err);
    }
    return s;
}

/* While it is so: nobody else waits who is not looked up. */
static sg_status add_name_service(struct sg_run *run, struct sg_error *err)
{
    const struct sg_name_pace *pace = sg_name_pace_now();
    if (pace->took_ms == 0) {
        return SG_OK;
    }
    json_t *item = json_pack("{s:s, s:I, s:b}", "asked", pace->asked, "took_ms",
                             (json_int_t)pace->took_ms, "rests", (int)sg_names_rest());
    sg_status s = sg_run_set(run->answer, "name_service", item, err);
    return s != SG_OK
               ? s
               : sg_run_warn(run, err,
                             "the system's name service took %lld.%lld s to answer for %s, and "
                             "everybody waited: it is asked less often, groups are those known "
                             "before, and who is not known and needs them is refused. See getent "
                             "passwd, and the directory service that /etc/nsswitch.conf names",
                             (long long)(pace->took_ms / 1000),
                             (long long)(pace->took_ms / 100 % 10), pace->asked);
}

static const char *rings_word(const struct sg_rings_state *rings)
{
    static const char *const words[] = {[SG_RINGS_SERVES] = "serving",
                                        [SG_RINGS_STARTS] = "starting",
                                        [SG_RINGS_RESTARTS] = "restarting",
                                        [SG_RINGS_SILENT] = "silent"};
    return words[rings->doing];
}

static struct sg_rings_state rings_state(const struct sg_service *service)
{
    struct sg_rings_state rings = {.doing = SG_RINGS_SERVES};
    if (service->rings_state != NULL) {
        service->rings_state(service->rings_context, &rings);
    }
    return rings;
}

static bool lets_clients_in(const struct sg_rings_state *rings)
{
    return rings->doing == SG_RINGS_SERVES || rings->doing == SG_RINGS_STARTS;
}

static sg_status warn_rings(struct sg_run *run, const struct sg_rings_state *rings,
                            struct sg_error *err)
{
    long long s = (long long)(rings->ms + 999) / 1000;
    if (rings->doing == SG_RINGS_RESTARTS) {
        return sg_run_warn(run, err,
                           "no program can attach to a ring: signet-rings has died again and "
                           "again and is started again in %lld s. signetd's log says why: look for "
                           "process=signet-rings and what stands before it.",
                           s);
    }
    return sg_run_warn(
        run, err,
        "no program can attach to a ring: signet-rings has given no sign of life for "
        "%lld s. It is killed and started again when that lasts: look for "
        "process_hangs in signetd's log.",
        s);
}

static sg_status add_rings(struct sg_run *run, const struct sg_rings_state *rings,
                           struct sg_error *err)
{
    if (run->service->rings_state == NULL) {
        return SG_OK;
    }
    json_t *object = json_pack("{s:s, s:I}", "state", rings_word(rings), "restarts",
                               (json_int_t)rings->restarts);
    if (object != NULL && !lets_clients_in(rings)) {
        json_object_set_new(object, rings->doing == SG_RINGS_RESTARTS ? "starts_in_s" : "silent_s",
                            json_integer((json_int_t)(rings->ms + 999) / 1000));
    }
    sg_status s = sg_run_set(run->answer, "rings_process", object, err);
    return s == SG_OK && !lets_clients_in(rings) ? warn_rings(run, rings, err) : s;
}

/* Everybody may see that the service runs and who they are; administrators the rest. */
sg_status sg_operation_STATUS(struct sg_run *run, struct sg_error *err)
{
    const struct sg_tokens *tokens = &run->service->tokens;
    const struct sg_rings_state rings = rings_state(run->service);
    bool well = all_ready(tokens) && lets_clients_in(&rings) && is_writable(run);
    const char *state = well ? "ready" : "degraded";
    char since[SG_TIME_TEXT];
    sg_time_format(run->service->started_s, since);
    sg_status s = sg_run_set(run->answer, "state", json_string(state), err);
    s = s == SG_OK ? sg_run_set(run->answer, "version", json_string(SIGNET_VERSION), err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "since", json_string(since), err) : s;
    s = s == SG_OK
            ? sg_run_set(run->answer, "rings_socket", json_string(run->service->rings_socket), err)
            : s;
    s = s == SG_OK ? add_rings(run, &rings, err) : s;
    s = s == SG_OK ? add_identity(run, err) : s;
    s = s == SG_OK
            ? sg_run_set(run->answer, "policy",
                         sg_policy_json(&run->service->policy, sg_now_s(run->service->clock)), err)
            : s;
    if (s != SG_OK || !sg_run_allowed(run, SG_FUNCTION_TOKEN, NULL)) {
        return s;
    }
    json_t *items = json_array();
    s = sg_run_set(run->answer, "tokens", items, err);
    s = s == SG_OK ? add_tokens(run, items, err) : s;
    s = s == SG_OK ? add_refused(run, err) : s;
    s = s == SG_OK ? sg_left_out_status(run, err) : s;
    s = s == SG_OK ? add_name_service(run, err) : s;
    s = s == SG_OK ? add_counts(run, err) : s;
    s = s == SG_OK ? add_unwritten(run, err) : s;
    return s == SG_OK ? warn_empty_stores(run, err) : s;
}
