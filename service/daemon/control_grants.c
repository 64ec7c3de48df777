/* Capabilities: only control grants. Narrowed before a change is committed, widened after it. */
#include "control_internal.h"

#include <stdatomic.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/operations/ring_view.h>
#include <signet/operations/unix_groups.h>

/* A little more than it takes to be stuck. Everybody else who comes to a ring waits meanwhile. */
#define HAND_OVER_TIMEOUT_MS 1500

static void free_grant(struct grants *grants, size_t i)
{
    struct grant *grant = &grants->list[i];
    struct pool_process *process =
        &grants->control->pool.tokens[grant->token].processes[grant->process];
    if (process->grants > 0) {
        process->grants--;
    }
    sg_key_list_done(&grant->keys);
    grants->list[i] = grants->list[--grants->count];
}

void sg_grants_done(struct grants *grants)
{
    while (grants->count > 0) {
        free_grant(grants, grants->count - 1);
    }
    free(grants->list);
    grants->list = NULL;
    grants->capacity = 0;
}

void sg_grants_forget(struct grants *grants, uint64_t connection)
{
    for (size_t i = grants->count; i-- > 0;) {
        if (grants->list[i].connection == connection) {
            free_grant(grants, i);
        }
    }
}

void sg_grants_process_gone(struct grants *grants, uint32_t token, uint32_t process)
{
    for (size_t i = grants->count; i-- > 0;) {
        if (grants->list[i].token == token && grants->list[i].process == process) {
            free_grant(grants, i);
        }
    }
}

/* Its holder has closed it, by its own account. A process that does not say so too is replaced:
 * nobody would narrow that capability any more. */
static void take_back(struct grants *grants, size_t i)
{
    struct sg_error err = SG_ERROR_INIT;
    const struct grant grant = grants->list[i];
    struct pool *pool = &grants->control->pool;
    sg_status s = sg_token_revoke(&pool->tokens[grant.token].processes[grant.process].link,
                                  grant.number, &err);
    if (s == SG_OK || s == SG_E_NOT_FOUND) {
        free_grant(grants, i);
        return;
    }
    sg_log_error(SG_LOG_WARNING, "capability_not_taken_back", &err);
    sg_pool_drop(pool, grant.token, grant.process);
}

/* A connection holds one capability for a token: a new one replaces it. */
static void drop_old(struct grants *grants, uint64_t connection, uint32_t token)
{
    for (size_t i = grants->count; i-- > 0;) {
        if (i < grants->count && grants->list[i].connection == connection &&
            grants->list[i].token == token) {
            take_back(grants, i);
        }
    }
}

static sg_status reserve(struct grants *grants, struct sg_error *err)
{
    if (grants->count < grants->capacity) {
        return SG_OK;
    }
    size_t capacity = grants->capacity == 0 ? 64 : grants->capacity * 2;
    struct grant *list = realloc(grants->list, capacity * sizeof *list);
    if (list == NULL) {
        return sg_fail_memory(err);
    }
    grants->list = list;
    grants->capacity = capacity;
    return SG_OK;
}

/* What a grant's caller may use of its token, and of its ring when it asked for one. */
static sg_status keys_of(struct grants *grants, const struct grant *grant, struct sg_key_list *out,
                         struct sg_error *err)
{
    SG_LOADED_CALLER caller = {0};
    struct control *control = grants->control;
    struct sg_granted_key *keys = NULL;
    size_t count = 0;
    sg_status s = sg_caller_load(&control->service, grant->uid, grant->gid, &caller, err);
    s = s == SG_OK ? sg_ring_keys(&control->service, &caller.caller, grant->ring,
                                  control->config->tokens[grant->token].name, &keys, &count, err)
                   : s;
    return s == SG_OK ? sg_key_list_take(keys, count, out, err) : s;
}

/* Whoever may use many keys may have many connections: what is the same is kept once. */
static void join_others(const struct grants *grants, struct sg_key_list *keys)
{
    for (size_t i = 0; i < grants->count; i++) {
        if (sg_key_list_join(keys, &grants->list[i].keys)) {
            return;
        }
    }
}

static sg_status hand_over(struct grants *grants, struct grant *grant, int *out_socket,
                           struct sg_error *err)
{
    int pair[2] = {-1, -1};
    struct pool_process *process =
        &grants->control->pool.tokens[grant->token].processes[grant->process];
    const int usual_ms = process->link.timeout_ms;
    sg_status s = sg_packet_pair(pair, err);
    if (s != SG_OK) {
        return s;
    }
    SG_FD int theirs = pair[0];
    SG_FD int ours = pair[1];
    process->link.timeout_ms = HAND_OVER_TIMEOUT_MS;
    s = sg_token_grant(&process->link, grant->number, grant->uid, theirs, grant->keys.keys,
                       grant->keys.count, err);
    process->link.timeout_ms = usual_ms;
    if (s == SG_E_SERVICE &&
        sg_pool_is_stuck(&grants->control->pool, grant->token, grant->process)) {
        /* The master knows how long it may be so. The capability's holder is gone: our end closes.
         */
        return sg_fail(err, SG_E_TOKEN, "token_unavailable", "a process of token %u is busy",
                       grant->token);
    }
    if (s == SG_E_SERVICE) {
        sg_pool_drop(&grants->control->pool, grant->token, grant->process);
    }
    if (s == SG_OK) {
        *out_socket = sg_fd_steal(&ours);
    }
    return s;
}

sg_status sg_grants_make(struct grants *grants, const struct sg_rings_packet *request,
                         int *out_socket, struct sg_error *err)
{
    drop_old(grants, request->connection, request->token); /* which may show that a process died */
    int process = sg_pool_choose(&grants->control->pool, request->token);
    if (process < 0 && sg_pool_waits(&grants->control->pool, request->token)) {
        /* Unlike SG_E_TOKEN nothing to be asked for again and again: the client hears of it now. */
        return sg_fail(err, SG_E_CONFLICT, "token_unavailable", "token \"%s\" is not available",
                       grants->control->config->tokens[request->token].name);
    }
    if (process < 0) {
        return sg_fail(err, SG_E_TOKEN, "token_unavailable", "no process of token %u is ready",
                       request->token);
    }
    struct grant grant = {.number = ++grants->last_number,
                          .connection = request->connection,
                          .uid = request->uid,
                          .gid = request->gid,
                          .ring = request->ring,
                          .token = request->token,
                          .process = (uint32_t)process};
    sg_status s = reserve(grants, err);
    s = s == SG_OK ? keys_of(grants, &grant, &grant.keys, err) : s;
    s = s == SG_OK ? hand_over(grants, &grant, out_socket, err) : s;
    if (s != SG_OK) {
        sg_key_list_done(&grant.keys);
        return s;
    }
    join_others(grants, &grant.keys);
    grants->list[grants->count++] = grant;
    grants->control->pool.tokens[grant.token].processes[grant.process].grants++;
    return SG_OK;
}

/* ---- what token processes are told of many capabilities at once ---- */

/* One at a time, each would wait for a signature that somebody else has asked for. */
struct change {
    uint64_t number; /* of the capability */
    size_t at;       /* where it was in the list */
    bool revoke;
    bool narrow; /* must be so: else the capability ends */
    struct sg_key_list keys;
    struct sg_token_ticket ticket;
    sg_status status;
};
struct changes {
    struct change list[SG_TOKEN_ASKED_MAX];
    size_t count;
};

static void changes_done(struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        sg_key_list_done(&changes->list[i].keys);
    }
    changes->count = 0;
}

/* NULL: its process was dropped meanwhile. */
static struct grant *grant_of(const struct grants *grants, const struct change *change)
{
    if (change->at < grants->count && grants->list[change->at].number == change->number) {
        return &grants->list[change->at];
    }
    for (size_t i = 0; i < grants->count; i++) {
        if (grants->list[i].number == change->number) {
            return &grants->list[i];
        }
    }
    return NULL;
}

static struct sg_token_link *link_of(const struct grants *grants, const struct grant *grant)
{
    return &grants->control->pool.tokens[grant->token].processes[grant->process].link;
}

/* A process that dies takes all its capabilities with it. */
static void lose_process(struct grants *grants, const struct grant *grant)
{
    const uint32_t token = grant->token;
    const uint32_t process = grant->process;
    sg_pool_drop(&grants->control->pool, token, process);
    sg_grants_process_gone(grants, token, process);
}

static void failed(struct grants *grants, const struct grant *grant, const struct change *change,
                   const struct sg_error *err)
{
    if (change->status == SG_E_NOT_FOUND) {
        return;
    }
    sg_log_error(SG_LOG_ERROR, change->revoke ? "capability_not_revoked" : "capability_not_changed",
                 err);
    if (change->status == SG_E_SERVICE) {
        lose_process(grants, grant);
    }
}

static void ask(struct grants *grants, struct change *change)
{
    struct sg_error err = SG_ERROR_INIT;
    const struct grant *grant = grant_of(grants, change);
    if (grant == NULL) {
        return;
    }
    struct sg_token_link *link = link_of(grants, grant);
    change->status = change->revoke
                         ? sg_token_revoke_ask(link, change->number, &change->ticket, &err)
                         : sg_token_regrant_ask(link, change->number, change->keys.keys,
                                                change->keys.count, &change->ticket, &err);
    if (change->status != SG_OK) {
        failed(grants, grant, change, &err);
    }
}

static void take_answer(struct grants *grants, struct change *change)
{
    struct sg_error err = SG_ERROR_INIT;
    const struct grant *grant = grant_of(grants, change);
    if (grant == NULL || change->status != SG_OK) {
        return;
    }
    sg_control_beat(grants->control); /* each of them may take its time */
    change->status = sg_token_answer(link_of(grants, grant), &change->ticket, &err);
    if (change->status != SG_OK) {
        failed(grants, grant, change, &err);
    }
}

/* A list that cannot be handed over (too many keys, no memory, refused): nothing is wrong with the
 * process. What was to be taken away must not stay, so the capability ends and its holder asks for
 * another; what was to be added is not, and the narrower list goes on. */
static void without_new_list(struct grants *grants, struct grant *grant,
                             const struct change *change)
{
    struct sg_error err = SG_ERROR_INIT;
    if (!change->revoke && !change->narrow) {
        return;
    }
    sg_control_beat(grants->control);
    sg_status s = change->revoke ? change->status
                                 : sg_token_revoke(link_of(grants, grant), grant->number, &err);
    if (s == SG_OK || s == SG_E_NOT_FOUND) {
        free_grant(grants, (size_t)(grant - grants->list));
    } else {
        lose_process(grants, grant);
    }
}

static void settle(struct grants *grants, struct change *change)
{
    struct grant *grant = grant_of(grants, change);
    if (grant == NULL) {
        return;
    }
    if (change->status == SG_E_NOT_FOUND || (change->revoke && change->status == SG_OK)) {
        free_grant(grants, (size_t)(grant - grants->list));
    } else if (change->status == SG_OK) {
        sg_key_list_done(&grant->keys);
        grant->keys = sg_key_list_steal(&change->keys);
    } else {
        without_new_list(grants, grant, change);
    }
}

/* All are told before the first one is waited for. Afterwards each is as it shall be, or its
 * process is replaced: then the old list counts no more either. */
static void carry_out(struct grants *grants, struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        ask(grants, &changes->list[i]);
    }
    for (size_t i = 0; i < changes->count; i++) {
        take_answer(grants, &changes->list[i]);
    }
    for (size_t i = 0; i < changes->count; i++) {
        settle(grants, &changes->list[i]);
    }
    changes_done(changes);
}

void sg_grants_revoke(struct grants *grants)
{
    struct changes changes;
    while (grants->count > 0) {
        changes.count = 0;
        for (size_t i = grants->count; i-- > 0 && changes.count < SG_COUNT(changes.list);) {
            changes.list[changes.count++] =
                (struct change){.number = grants->list[i].number, .at = i, .revoke = true};
        }
        carry_out(grants, &changes);
    }
}

/* ---- changes of what is stored ---- */

/* What both lists allow. Returns the number written to out, which has room for the shorter list. */
static size_t intersect(const struct sg_key_list *a, const struct sg_key_list *b,
                        struct sg_granted_key *out)
{
    size_t i = 0;
    size_t k = 0;
    size_t made = 0;
    while (i < a->count && k < b->count) {
        int order = sg_granted_key_compare(&a->keys[i], &b->keys[k]);
        if (order == 0) {
            out[made] = a->keys[i];
            out[made].sign &= b->keys[k].sign;
            out[made].decrypt &= b->keys[k].decrypt;
            out[made++].derive &= b->keys[k].derive;
        }
        i += order <= 0 ? 1 : 0;
        k += order >= 0 ? 1 : 0;
    }
    return made;
}

static sg_status in_both(const struct sg_key_list *a, const struct sg_key_list *b,
                         struct sg_key_list *out, struct sg_error *err)
{
    size_t room = a->count < b->count ? a->count : b->count;
    struct sg_granted_key *keys = calloc(room + 1, sizeof *keys);
    if (keys == NULL) {
        return sg_fail_memory(err);
    }
    return sg_key_list_take(keys, intersect(a, b, keys), out, err);
}

/* What one user may use of one token (and of one ring, for who wants no other), worked out once for
 * all their connections. */
struct allowance {
    uid_t uid;
    gid_t gid;
    uint32_t ring, token;
    bool untold; /* not known: the name service does not tell the user's groups */
    struct sg_key_list keys;
};

/* One walk over all grants, before a commit or after it. */
struct pass {
    bool narrow_only;
    struct allowance *list;
    size_t count, capacity;
    struct changes changes;
};

static void pass_done(struct pass *pass)
{
    changes_done(&pass->changes);
    for (size_t i = 0; i < pass->count; i++) {
        sg_key_list_done(&pass->list[i].keys);
    }
    free(pass->list);
}

/* Groups that cannot be told now keep nothing from being taken away: nobody waits for a directory
 * service with that. Whose they are loses the capability, and gets another when they can be. */
static bool is_untold(const struct pass *pass, const struct sg_error *err)
{
    if (!pass->narrow_only || !sg_names_failed(err)) {
        return false;
    }
    sg_log_error(SG_LOG_WARNING, "capability_revoked", err);
    return true;
}

static void join_known(const struct grants *grants, const struct pass *pass,
                       struct sg_key_list *keys)
{
    for (size_t i = 0; i < pass->count; i++) {
        if (sg_key_list_join(keys, &pass->list[i].keys)) {
            return;
        }
    }
    for (size_t i = 0; i < pass->changes.count; i++) {
        if (sg_key_list_join(keys, &pass->changes.list[i].keys)) {
            return;
        }
    }
    join_others(grants, keys);
}

static sg_status add_allowance(struct grants *grants, struct pass *pass, const struct grant *grant,
                               struct sg_error *err)
{
    if (pass->count == pass->capacity) {
        size_t capacity = pass->capacity == 0 ? 16 : pass->capacity * 2;
        struct allowance *list = reallocarray(pass->list, capacity, sizeof *list);
        if (list == NULL) {
            return sg_fail_memory(err);
        }
        pass->list = list;
        pass->capacity = capacity;
    }
    struct allowance made = {
        .uid = grant->uid, .gid = grant->gid, .ring = grant->ring, .token = grant->token};
    sg_status s = keys_of(grants, grant, &made.keys, err);
    if (s != SG_OK && is_untold(pass, err)) {
        made.untold = true;
        sg_error_clear(err);
        s = SG_OK;
    }
    if (s == SG_OK) {
        join_known(grants, pass, &made.keys);
        pass->list[pass->count++] = made;
    }
    return s;
}

static sg_status find_allowance(struct grants *grants, struct pass *pass, const struct grant *grant,
                                const struct allowance **out, struct sg_error *err)
{
    for (size_t i = 0; i < pass->count; i++) {
        const struct allowance *it = &pass->list[i];
        if (it->uid == grant->uid && it->gid == grant->gid && it->ring == grant->ring &&
            it->token == grant->token) {
            *out = it;
            return SG_OK;
        }
    }
    sg_status s = add_allowance(grants, pass, grant, err);
    if (s == SG_OK) {
        *out = &pass->list[pass->count - 1];
    }
    return s;
}

/* What the grant shall be. */
static sg_status wanted_keys(const struct grants *grants, const struct pass *pass,
                             const struct grant *grant, const struct allowance *now,
                             struct sg_key_list *out, struct sg_error *err)
{
    if (!pass->narrow_only) {
        *out = sg_key_list_share(&now->keys);
        return SG_OK;
    }
    sg_status s = in_both(&grant->keys, &now->keys, out, err);
    if (s == SG_OK) {
        join_known(grants, pass, out);
    }
    return s;
}

/* Has the grant something that the list does not allow? Without memory to see that: yes. */
static bool loses(const struct grant *grant, const struct sg_key_list *keys)
{
    struct sg_error ignored = SG_ERROR_INIT;
    SG_KEY_LIST both = {0};
    return in_both(&grant->keys, keys, &both, &ignored) != SG_OK ||
           !sg_key_list_equal(&grant->keys, &both);
}

static void add_change(struct grants *grants, struct pass *pass, const struct change *change)
{
    pass->changes.list[pass->changes.count++] = *change;
    if (pass->changes.count == SG_COUNT(pass->changes.list)) {
        carry_out(grants, &pass->changes);
    }
}

static sg_status adjust(struct grants *grants, size_t i, struct pass *pass, struct sg_error *err)
{
    const struct grant *grant = &grants->list[i];
    const struct allowance *now = NULL;
    SG_KEY_LIST keys = {0};
    if (pass->narrow_only && grant->keys.count == 0) {
        return SG_OK;
    }
    sg_status s = find_allowance(grants, pass, grant, &now, err);
    if (s == SG_OK && now->untold) {
        add_change(grants, pass,
                   &(struct change){.number = grant->number, .at = i, .revoke = true});
        return SG_OK;
    }
    if (s != SG_OK || sg_key_list_equal(&grant->keys, &now->keys)) {
        return s;
    }
    s = wanted_keys(grants, pass, grant, now, &keys, err);
    if (s != SG_OK || sg_key_list_equal(&grant->keys, &keys)) {
        return s;
    }
    /* A user who leaves a group loses by the pass that adds. */
    bool narrows = pass->narrow_only || loses(grant, &keys);
    add_change(
        grants, pass,
        &(struct change){
            .number = grant->number, .at = i, .narrow = narrows, .keys = sg_key_list_steal(&keys)});
    return SG_OK;
}

static sg_status adjust_all(struct grants *grants, bool narrow_only, struct sg_error *err)
{
    SG_CLEANUP(pass_done) struct pass pass;
    struct sg_error later = SG_ERROR_INIT;
    sg_status s = SG_OK;
    pass.narrow_only = narrow_only;
    pass.list = NULL;
    pass.count = pass.capacity = 0;
    pass.changes.count = 0;
    for (size_t i = grants->count; i-- > 0;) {
        if (i >= grants->count) {
            continue; /* a process was dropped, and its grants with it */
        }
        /* One whose keys cannot be told now keeps nobody else's from being taken away. */
        sg_status one = adjust(grants, i, &pass, s == SG_OK ? err : &later);
        s = s == SG_OK ? one : s;
    }
    carry_out(grants, &pass.changes);
    return s;
}

static sg_status narrow(void *context, struct sg_error *err)
{
    return adjust_all(context, true, err);
}

static void widen(void *context)
{
    struct grants *grants = context;
    struct sg_error err = SG_ERROR_INIT;
    if (adjust_all(grants, false, &err) != SG_OK) {
        sg_log_error(SG_LOG_ERROR, "capabilities_not_widened", &err);
    }
    atomic_fetch_add(&grants->control->page->generation, 1);
}

struct sg_change_listener sg_grants_listener(struct grants *grants)
{
    return (struct sg_change_listener){.narrow = narrow, .widen = widen, .context = grants};
}
