/* Token processes as control sees them: logins (a PIN is tried once), readiness, loss. */
#include "control_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/base/unconst.h>
#include <signet/operations/run.h>
#include <signet/pkcs11/result.h>
#include <signet/token/busy.h>

#define GET_INFO_TIMEOUT_MS 20000
#define GRANT_TIMEOUT_MS 5000
#define REFRESH_TIMEOUT_MS 500
#define STUCK_MS 1000     /* in one call of the module: it may hang */
#define PATIENCE 2        /* a part of use_deadline_s: who takes no longer is busy */
#define SILENT_MS 2500    /* idle, and has not said so: it may be frozen */
#define RETRY_MS 10000    /* a token that is not there is looked for again so much later */
#define LINK_WAIT_MS 5000 /* how long an operation waits for a process that is being replaced */

void sg_pool_init(struct pool *pool, struct control *control)
{
    pool->control = control;
    pool->count = control->config->token_count;
    for (size_t t = 0; t < pool->count; t++) {
        pool->tokens[t].config = &control->config->tokens[t];
        for (size_t p = 0; p < SG_COUNT(pool->tokens[t].processes); p++) {
            pool->tokens[t].processes[p].link.socket = -1;
            pool->tokens[t].processes[p].successor = -1;
            pool->tokens[t].processes[p].successor_page = -1;
        }
    }
}

static void close_process(struct pool_process *process)
{
    if (process->gone != NULL) {
        event_free(process->gone);
        process->gone = NULL;
    }
    if (process->link.socket >= 0) {
        close(process->link.socket);
        process->link.socket = -1;
    }
    if (process->busy != NULL) {
        (void)munmap(sg_unconst(process->busy), sizeof *process->busy);
        process->busy = NULL;
    }
    sg_uses_end(process);
    process->state = POOL_ABSENT;
    process->grants = 0;
    process->failed_ms = 0;
}

void sg_pool_done(struct pool *pool)
{
    for (size_t t = 0; t < pool->count; t++) {
        for (size_t p = 0; p < SG_COUNT(pool->tokens[t].processes); p++) {
            close_process(&pool->tokens[t].processes[p]);
            sg_fd_closep(&pool->tokens[t].processes[p].successor);
            sg_fd_closep(&pool->tokens[t].processes[p].successor_page);
        }
    }
}

static bool known(const struct pool *pool, uint32_t token, uint32_t process)
{
    return token < pool->count && process <= pool->tokens[token].config->processes;
}

void sg_pool_drop(struct pool *pool, uint32_t token, uint32_t process)
{
    if (!known(pool, token, process) || pool->tokens[token].processes[process].link.socket < 0) {
        return;
    }
    struct pool_process *it = &pool->tokens[token].processes[process];
    uint32_t pid = it->pid;
    close_process(it);
    sg_grants_process_gone(&pool->control->grants, token, process);
    sg_control_replace(pool->control, token, process, pid);
}

static struct pool_process *process_of(struct pool *pool, int socket)
{
    for (uint32_t t = 0; socket >= 0 && t < pool->count; t++) {
        for (uint32_t p = 0; p <= pool->tokens[t].config->processes; p++) {
            if (pool->tokens[t].processes[p].link.socket == socket) {
                return &pool->tokens[t].processes[p];
            }
        }
    }
    return NULL;
}

static struct pool_token *token_of(struct pool *pool, const struct pool_process *process)
{
    size_t t = 0;
    while (process < pool->tokens[t].processes ||
           process >= pool->tokens[t].processes + SG_COUNT(pool->tokens[t].processes)) {
        t++;
    }
    return &pool->tokens[t];
}

void sg_pool_calling(struct pool *pool, int socket, bool calling)
{
    struct pool_process *process = process_of(pool, socket);
    if (process == NULL || process->gone == NULL) {
        return;
    }
    process->calling = calling;
    (void)(calling ? event_del(process->gone) : event_add(process->gone, NULL));
}

static bool has_ended(int socket)
{
    char byte;
    ssize_t got = recv(socket, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

/* An answer that came too late for its call is no end. */
static void drop_late_answer(int socket)
{
    char byte;
    (void)!recv(socket, &byte, sizeof byte, MSG_DONTWAIT);
}

static void on_gone(evutil_socket_t socket, short what, void *context)
{
    struct pool *pool = context;
    struct pool_process *process = process_of(pool, socket);
    (void)what;
    if (process == NULL) {
        return;
    }
    if (!has_ended(socket)) {
        drop_late_answer(socket);
        return;
    }
    struct pool_token *token = token_of(pool, process);
    uint32_t number = (uint32_t)(process - token->processes);
    sg_log(SG_LOG_WARNING, "event=token_process_gone token=\"%s\" process=%u pid=%u",
           token->config->name, number, process->pid);
    sg_pool_drop(pool, (uint32_t)(token - pool->tokens), number);
}

/* ---- logging in ---- */

static sg_status record(struct pool *pool, struct pool_token *token, struct sg_login_record *record,
                        enum sg_login_state state, struct sg_error *err)
{
    record->state = state;
    record->changed_s = sg_now_s(pool->control->service.clock);
    if (state == SG_LOGIN_ACCEPTED) {
        record->accepted_before = true;
    }
    sg_status s = sg_store_login_set(pool->control->store, token->config->name, record, err);
    if (s == SG_OK) {
        token->refusal_unstored = false;
    } else if (state == SG_LOGIN_REFUSED) {
        token->refusal_unstored = true;
        token->refusal_ms = sg_monotonic_ms(pool->control->service.clock);
    }
    return s;
}

/* Whether the PIN may have counted as a wrong one. A process that does not say has not said no. */
static bool is_pin_spent(struct pool_process *process, const struct sg_error *why)
{
    struct sg_error err = SG_ERROR_INIT;
    if (why->status == SG_OK || why->status == SG_E_SERVICE) {
        return false; /* it was good; or it was cut short, which may_try knows */
    }
    process->link.timeout_ms = GET_INFO_TIMEOUT_MS;
    return sg_token_get_info(&process->link, &process->info, &err) != SG_OK ||
           process->info.pin_spent;
}

static void log_problem(enum sg_log_level level, const char *event, const struct pool_token *token,
                        const struct pool_process *process, const char *why)
{
    char quoted[2 * sizeof((struct sg_error *)0)->text];
    sg_log_quote(why, quoted, sizeof quoted);
    sg_log(level, "event=%s token=\"%s\" process=%td why=\"%s\"", event, token->config->name,
           process - token->processes, quoted);
}

static void judge_waiting(const struct pool_token *token, struct pool_process *process,
                          const char *why)
{
    process->state = POOL_WAITING;
    snprintf(process->problem, sizeof process->problem,
             "%.180s; it is not tried again until an operator says: signet token login %s", why,
             token->config->name);
    process->hint[0] = '\0';
    log_problem(SG_LOG_ERROR, "token_waits_for_operator", token, process, why);
}

static void judge_failed(struct pool *pool, const struct pool_token *token,
                         struct pool_process *process, const char *why)
{
    process->state = POOL_FAILED;
    process->failed_ms = sg_monotonic_ms(pool->control->service.clock);
    char copy[sizeof process->problem]; /* why may be in the process itself */
    snprintf(copy, sizeof copy, "%.310s", why);
    memcpy(process->problem, copy, sizeof copy);
    process->hint[0] = '\0';
    log_problem(SG_LOG_ERROR, "token_failed", token, process, copy);
}

/* May this PIN be tried? One that was refused, or whose trial ended nobody knows how, may not; one
 * that was accepted before may. */
static bool may_try(const struct pool_token *token, struct pool_process *process,
                    const struct sg_login_record *old)
{
    bool same = old->state != SG_LOGIN_NEVER && old->pin_version == process->info.pin_version;
    if ((same && old->state == SG_LOGIN_REFUSED) ||
        token->refused_pin == process->info.pin_version) {
        judge_waiting(token, process,
                      "the token refused this PIN, or may have counted it as a wrong one");
        return false;
    }
    if (same && old->state == SG_LOGIN_TRYING && !old->accepted_before) {
        judge_waiting(token, process, "the last login with this PIN was cut short");
        return false;
    }
    return true;
}

static void recover(struct pool *pool, const struct pool_token *token)
{
    unsigned count = 0;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_service *service = &pool->control->service;
    if (sg_operations_recover(service, token->config->name, &count, &err) != SG_OK) {
        sg_log_error(SG_LOG_ERROR, "recovery_incomplete", &err);
        service->unsettled = true;
    }
}

static void tell_empty_store(struct pool *pool, const struct pool_token *token,
                             const struct pool_process *process)
{
    struct sg_error err = SG_ERROR_INIT;
    if (sg_service_check_store(&pool->control->service, token->config->name,
                               process->info.private_keys, &err) != SG_OK) {
        sg_log_error(SG_LOG_WARNING, "store_unlike_token", &err);
    }
}

void sg_pool_recover(struct pool *pool)
{
    pool->control->service.unsettled = false;
    for (size_t t = 0; t < pool->count; t++) {
        if (pool->tokens[t].processes[0].state == POOL_READY) {
            recover(pool, &pool->tokens[t]);
        }
    }
}

static void accepted(struct pool *pool, struct pool_token *token, struct pool_process *process)
{
    struct sg_error err = SG_ERROR_INIT;
    process->state = POOL_READY;
    process->problem[0] = '\0';
    process->hint[0] = '\0';
    /* Those that serve rings are only told what they may do, and whoever takes something away does
     * not wait long for one that hangs: it is replaced. */
    bool operations = process == &token->processes[0];
    process->link.wait = operations ? sg_control_wait : NULL;
    process->link.timeout_ms =
        operations ? (int)token->config->call_deadline_s * 1000 : GRANT_TIMEOUT_MS;
    if (sg_token_get_info(&process->link, &process->info, &err) != SG_OK) {
        sg_log_error(SG_LOG_WARNING, "token_info", &err);
    }
    sg_log(SG_LOG_INFO, "event=token_ready token=\"%s\" process=%td pid=%u keys=%llu",
           token->config->name, process - token->processes, process->pid,
           (unsigned long long)process->info.private_keys);
    if (operations) {
        tell_empty_store(pool, token, process);
        recover(pool, token);
    } else {
        (void)sg_uses_begin(&pool->control->uses, process);
    }
}

static enum sg_login_state state_after(const struct sg_login_record *now, bool spent,
                                       const struct sg_error *why)
{
    if (spent) {
        return SG_LOGIN_REFUSED;
    }
    return why->status == SG_OK || now->accepted_before ? SG_LOGIN_ACCEPTED : SG_LOGIN_NEVER;
}

/* What was cut short stays as it is recorded: as tried, or as accepted before. */
static sg_status record_after(struct pool *pool, struct pool_token *token,
                              struct sg_login_record *now, enum sg_login_state before,
                              enum sg_login_state after, struct sg_error *err)
{
    if (after == SG_LOGIN_REFUSED) {
        token->refused_pin = now->pin_version; /* also where the disk is full */
    }
    return after == before ? SG_OK : record(pool, token, now, after, err);
}

static void settle_login(struct pool *pool, struct pool_token *token, struct pool_process *process,
                         struct sg_login_record *now, enum sg_login_state before,
                         const struct sg_error *why)
{
    struct sg_error err = SG_ERROR_INIT;
    bool spent = is_pin_spent(process, why);
    sg_status s = why->status == SG_E_SERVICE
                      ? SG_OK
                      : record_after(pool, token, now, before, state_after(now, spent, why), &err);
    if (s != SG_OK) {
        sg_log_error(SG_LOG_ERROR, "login_not_recorded", &err);
    }
    if (why->status == SG_OK && s == SG_OK) {
        accepted(pool, token, process);
        return;
    }
    if (spent) {
        judge_waiting(token, process, why->text);
    } else {
        judge_failed(pool, token, process, why->status != SG_OK ? why->text : err.text);
    }
    snprintf(process->hint, sizeof process->hint, "%s", why->hint);
}

static void try_login(struct pool *pool, struct pool_token *token, struct pool_process *process)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_login_record old = {0};
    sg_status s = sg_store_login_get(pool->control->store, token->config->name, &old, &err);
    if (s != SG_OK) {
        judge_failed(pool, token, process, err.text);
        return;
    }
    if (!may_try(token, process, &old)) {
        return;
    }
    bool same = old.state != SG_LOGIN_NEVER && old.pin_version == process->info.pin_version;
    struct sg_login_record now = {.pin_version = process->info.pin_version,
                                  .accepted_before = same && old.accepted_before};
    enum sg_login_state before = same ? old.state : SG_LOGIN_NEVER;
    if (before != SG_LOGIN_ACCEPTED) {
        if (record(pool, token, &now, SG_LOGIN_TRYING, &err) != SG_OK) {
            judge_failed(pool, token, process, err.text);
            return;
        }
        before = SG_LOGIN_TRYING;
    }
    process->link.timeout_ms = (int)token->config->login_deadline_s * 1000;
    (void)!sg_token_login(&process->link, &err);
    settle_login(pool, token, process, &now, before, &err);
}

/* While an operation waits, its transaction may be open: a login that has something to record, and
 * recovery, come after it. A PIN that is known to be good has nothing to record. */
static bool must_wait(struct pool *pool, uint32_t t, uint32_t p)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_login_record known = {0};
    const struct pool_token *token = &pool->tokens[t];
    if (!pool->control->waiting) {
        return false;
    }
    sg_status s = sg_store_login_get(pool->control->store, token->config->name, &known, &err);
    return p == 0 || s != SG_OK || known.state != SG_LOGIN_ACCEPTED ||
           known.pin_version != token->processes[p].info.pin_version;
}

static void judge(struct pool *pool, uint32_t t, uint32_t p)
{
    struct sg_error err = SG_ERROR_INIT;
    struct pool_token *token = &pool->tokens[t];
    struct pool_process *process = &token->processes[p];
    process->link.timeout_ms = GET_INFO_TIMEOUT_MS;
    if (sg_token_get_info(&process->link, &process->info, &err) != SG_OK) {
        judge_failed(pool, token, process, err.text);
    } else if (process->info.problem[0] != '\0') {
        judge_failed(pool, token, process, process->info.problem);
    } else if (process->info.pin_version == 0) {
        judge_failed(pool, token, process, "the PIN file cannot be read");
    } else if (must_wait(pool, t, p)) {
        process->held = true;
    } else {
        try_login(pool, token, process);
    }
    if (err.status == SG_E_SERVICE) {
        sg_pool_drop(pool, t, p);
    }
}

/* One at a time: the next one finds in the store what became of this one's PIN. */
static void start_process(struct pool *pool, uint32_t t, uint32_t p)
{
    struct control *control = pool->control;
    control->starting = true;
    judge(pool, t, p);
    control->starting = false;
}

static const struct sg_busy_page *map_busy(int page)
{
    void *map = page >= 0 ? mmap(NULL, sizeof(struct sg_busy_page), PROT_READ, MAP_SHARED, page, 0)
                          : MAP_FAILED;
    return map != MAP_FAILED ? map : NULL;
}

void sg_pool_attach(struct pool *pool, uint32_t token, uint32_t process, uint32_t pid, int socket,
                    int page)
{
    if (!known(pool, token, process)) {
        close(socket);
        return;
    }
    struct pool_process *it = &pool->tokens[token].processes[process];
    if (it->calling) { /* whoever waits finds the end of the old one first */
        sg_fd_closep(&it->successor);
        it->successor = socket;
        sg_fd_closep(&it->successor_page);
        it->successor_page = page >= 0 ? fcntl(page, F_DUPFD_CLOEXEC, 0) : -1;
        it->successor_pid = pid;
        return;
    }
    close_process(it);
    sg_grants_process_gone(&pool->control->grants, token, process);
    it->link = (struct sg_token_link){.socket = socket};
    it->pid = pid;
    it->busy = map_busy(page);
    it->state = POOL_CONNECTED;
    it->deferred = true; /* logs in between two turns of the event loop */
    it->held = false;
    it->link.wait = sg_control_wait; /* whoever waits for it lets the others go on */
    it->link.context = pool->control;
    it->gone = event_new(pool->control->base, socket, EV_READ | EV_PERSIST, on_gone, pool);
    if (it->gone == NULL || event_add(it->gone, NULL) != 0) {
        sg_log(SG_LOG_ERROR, "event=no_memory");
        close_process(it);
    }
}

static void attach_successor(struct pool *pool, uint32_t t, uint32_t p)
{
    struct pool_process *process = &pool->tokens[t].processes[p];
    if (process->successor >= 0 && !process->calling) {
        int socket = process->successor;
        SG_FD int page = sg_fd_steal(&process->successor_page);
        process->successor = -1;
        sg_pool_attach(pool, t, p, process->successor_pid, socket, page);
    }
}

static void resume(struct pool *pool, uint32_t t, uint32_t p)
{
    struct pool_process *process = &pool->tokens[t].processes[p];
    attach_successor(pool, t, p);
    bool due = process->deferred || (process->held && !pool->control->waiting);
    if (due && process->state == POOL_CONNECTED) {
        process->deferred = false;
        process->held = false;
        start_process(pool, t, p);
    }
}

void sg_pool_resume(struct pool *pool)
{
    if (pool->control->starting) {
        return;
    }
    for (uint32_t t = 0; t < pool->count; t++) {
        for (uint32_t p = 0; p <= pool->tokens[t].config->processes; p++) {
            resume(pool, t, p);
        }
    }
}

/* Else our successor would send a refused PIN again that the store holds for good. */
static void store_refusal(struct pool *pool, struct pool_token *token, int64_t now_ms)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_login_record now = {.pin_version = token->refused_pin};
    if (token->refusal_unstored && !pool->control->waiting &&
        now_ms - token->refusal_ms >= RETRY_MS &&
        record(pool, token, &now, SG_LOGIN_REFUSED, &err) == SG_OK) {
        sg_log(SG_LOG_NOTICE, "event=login_recorded token=\"%s\"", token->config->name);
    }
}

void sg_pool_retry(struct pool *pool)
{
    int64_t now_ms = sg_monotonic_ms(pool->control->service.clock);
    for (uint32_t t = 0; !pool->control->starting && t < pool->count; t++) {
        store_refusal(pool, &pool->tokens[t], now_ms);
        for (uint32_t p = 0; p <= pool->tokens[t].config->processes; p++) {
            const struct pool_process *process = &pool->tokens[t].processes[p];
            if (process->state == POOL_FAILED && now_ms - process->failed_ms >= RETRY_MS) {
                sg_pool_drop(pool, t, p);
            }
        }
    }
}

/* ---- what the rest of control asks ---- */

bool sg_pool_is_stuck(const struct pool *pool, uint32_t token, uint32_t process)
{
    int64_t for_ms = 0;
    const struct sg_busy_page *busy = pool->tokens[token].processes[process].busy;
    int64_t now_ms = sg_monotonic_ms(pool->control->service.clock);
    return sg_busy_get(busy, now_ms, &for_ms) != SG_BUSY_NOT
               ? for_ms >= STUCK_MS
               : sg_busy_silent_ms(busy, now_ms) >= SILENT_MS;
}

int sg_pool_choose(const struct pool *pool, uint32_t token)
{
    int best = -1;
    if (token >= pool->count) {
        return -1;
    }
    const struct pool_token *it = &pool->tokens[token];
    for (unsigned p = 1; p <= it->config->processes; p++) {
        bool better = best < 0 || it->processes[p].grants < it->processes[best].grants;
        if (it->processes[p].state == POOL_READY && better && !sg_pool_is_stuck(pool, token, p)) {
            best = (int)p;
        }
    }
    return best;
}

bool sg_pool_waits(const struct pool *pool, uint32_t token)
{
    const struct pool_token *it = &pool->tokens[token];
    for (unsigned p = 1; p <= it->config->processes; p++) {
        if (it->processes[p].state != POOL_WAITING && it->processes[p].state != POOL_FAILED) {
            return false;
        }
    }
    return true;
}

int sg_pool_index(void *context, const char *name)
{
    const struct pool *pool = context;
    for (size_t t = 0; t < pool->count; t++) {
        if (strcmp(pool->tokens[t].config->name, name) == 0) {
            return (int)t;
        }
    }
    return -1;
}

bool sg_pool_settled(const struct pool *pool)
{
    for (size_t t = 0; t < pool->count; t++) {
        for (unsigned p = 0; p <= pool->tokens[t].config->processes; p++) {
            enum pool_state state = pool->tokens[t].processes[p].state;
            if (state == POOL_ABSENT || state == POOL_CONNECTED) {
                return false;
            }
        }
    }
    return true;
}

/* ---- the operations' table ---- */

static size_t count(void *context)
{
    return ((struct pool *)context)->count;
}

static const char *state_name(enum pool_state state)
{
    switch (state) {
    case POOL_READY:
        return "ready";
    case POOL_WAITING:
        return "waiting_for_operator";
    case POOL_FAILED:
        return "failed";
    case POOL_ABSENT:
    case POOL_CONNECTED:
        break;
    }
    return "starting";
}

/* Keys come and go after the login. A process that does not answer at once keeps its last word. */
static void refresh(struct pool_process *process)
{
    struct sg_error err = SG_ERROR_INIT;
    int usual_ms = process->link.timeout_ms;
    if (process->state == POOL_READY && !process->calling) {
        process->link.timeout_ms = REFRESH_TIMEOUT_MS;
        (void)!sg_token_get_info(&process->link, &process->info, &err);
        process->link.timeout_ms = usual_ms;
    }
}

static unsigned count_in_state(const struct pool_token *token, enum pool_state state)
{
    unsigned found = 0;
    for (unsigned p = 1; p <= token->config->processes; p++) {
        found += token->processes[p].state == state ? 1 : 0;
    }
    return found;
}

/* One that can be worked on and serves nobody is in the state of those that should serve. */
static enum pool_state state_of(const struct pool_token *token)
{
    enum pool_state first = token->processes[0].state;
    if (first != POOL_READY || count_in_state(token, POOL_READY) > 0) {
        return first;
    }
    if (count_in_state(token, POOL_WAITING) > 0) {
        return POOL_WAITING;
    }
    return count_in_state(token, POOL_FAILED) > 0 ? POOL_FAILED : POOL_CONNECTED;
}

/* The first that serves rings and has a problem; NULL: none. */
static const struct pool_process *troubled(const struct pool_token *token)
{
    for (unsigned p = 1; p <= token->config->processes; p++) {
        if (token->processes[p].problem[0] != '\0') {
            return &token->processes[p];
        }
    }
    return NULL;
}

static void describe_problem(const struct pool_token *token, unsigned ready, char *out, size_t room)
{
    const struct pool_process *other = troubled(token);
    if (token->processes[0].problem[0] != '\0') {
        snprintf(out, room, "%s", token->processes[0].problem);
    } else if (other != NULL) {
        snprintf(out, room, "%u of %u processes serve rings, process %td does not: %.200s", ready,
                 token->config->processes, other - token->processes, other->problem);
    }
}

static void tell_failures(const struct uses *uses, uint32_t token, struct sg_token_state *out)
{
    struct use_failures failures = sg_uses_failures(uses, token);
    out->failed_uses = failures.count;
    out->last_failure_s = failures.last_s;
    out->failing = sg_uses_fail(uses, token);
    sg_pkcs11_result_name((unsigned long)failures.rv, out->last_failure);
}

static void state(void *context, size_t i, struct sg_token_state *out)
{
    struct pool_token *token = &((struct pool *)context)->tokens[i];
    struct pool_process *first = &token->processes[0];
    refresh(first);
    enum pool_state state = state_of(token);
    *out = (struct sg_token_state){.name = token->config->name,
                                   .ready = state == POOL_READY,
                                   .state = state_name(state),
                                   .processes_ready = count_in_state(token, POOL_READY),
                                   .processes = token->config->processes,
                                   .private_keys = first->info.private_keys,
                                   .extractable_allowed = token->config->extractable_allowed};
    snprintf(out->label, sizeof out->label, "%s", first->info.label);
    describe_problem(token, out->processes_ready, out->problem, sizeof out->problem);
    tell_failures(&((struct pool *)context)->control->uses, (uint32_t)i, out);
}

/* What has taken half of the time after which it is killed hangs, rather than that it works. */
static bool is_at_work(const struct pool *pool, const struct pool_token *token,
                       const struct pool_process *process)
{
    int64_t for_ms = 0;
    int64_t limit_ms = (int64_t)token->config->use_deadline_s * 1000 / PATIENCE;
    int64_t now_ms = sg_monotonic_ms(pool->control->service.clock);
    bool works = sg_busy_get(process->busy, now_ms, &for_ms) != SG_BUSY_NOT
                     ? for_ms < limit_ms
                     : sg_busy_silent_ms(process->busy, now_ms) < SILENT_MS;
    return process->state == POOL_READY && works;
}

/* Of one whose processes are ready, and get no new client. */
static enum sg_serving serving_late(const struct pool *pool, const struct pool_token *token)
{
    for (unsigned p = 1; p <= token->config->processes; p++) {
        if (is_at_work(pool, token, &token->processes[p])) {
            return SG_SERVES_SLOWLY;
        }
    }
    return SG_SERVES_NOBODY;
}

/* A token of which something bad is known is not just starting. */
static enum sg_serving serving(void *context, const char *name)
{
    struct pool *pool = context;
    int index = sg_pool_index(pool, name);
    if (index < 0) {
        return SG_SERVES_NO_MORE;
    }
    const struct pool_token *token = &pool->tokens[index];
    if (sg_pool_choose(pool, (uint32_t)index) >= 0) {
        return sg_uses_fail(&pool->control->uses, (uint32_t)index) ? SG_SERVES_BADLY : SG_SERVES;
    }
    if (count_in_state(token, POOL_READY) > 0) {
        return serving_late(pool, token);
    }
    if (count_in_state(token, POOL_WAITING) > 0) {
        return SG_SERVES_WHEN_TOLD;
    }
    bool bad = count_in_state(token, POOL_FAILED) > 0 || token->processes[0].problem[0] != '\0' ||
               troubled(token) != NULL;
    return bad ? SG_SERVES_NOT : SG_SERVES_SOON;
}

static bool are_judged(const struct pool_token *token, unsigned processes)
{
    for (unsigned p = 0; p < processes; p++) {
        enum pool_state state = token->processes[p].state;
        if (state == POOL_ABSENT || state == POOL_CONNECTED) {
            return false;
        }
    }
    return true;
}

/* Processes that are being replaced are worth waiting for: it takes milliseconds. The links arrive
 * over the master's socket. */
static void wait_for(struct pool *pool, const struct pool_token *token, unsigned processes,
                     int timeout_ms)
{
    const struct sg_clock *clock = pool->control->service.clock;
    int64_t end = sg_monotonic_ms(clock) + timeout_ms;
    while (!are_judged(token, processes)) {
        int64_t left = end - sg_monotonic_ms(clock);
        if (left <= 0) {
            return;
        }
        (void)sg_control_wait(pool->control, -1, (int)left);
    }
}

/* Its death may not have come to the event loop yet, for an operation runs first. */
static void notice_death(struct pool *pool, uint32_t token, uint32_t process)
{
    int socket = pool->tokens[token].processes[process].link.socket;
    if (socket >= 0 && has_ended(socket)) {
        sg_pool_drop(pool, token, process);
    }
}

static void settle_tokens(void *context)
{
    struct pool *pool = context;
    for (uint32_t t = 0; !pool->control->dispatching && t < pool->count; t++) {
        notice_death(pool, t, 0);
        wait_for(pool, &pool->tokens[t], 1, LINK_WAIT_MS);
    }
}

static struct pool_token *find(struct pool *pool, const char *name, struct sg_error *err)
{
    int index = sg_pool_index(pool, name);
    if (index < 0) {
        sg_fail(err, SG_E_NOT_FOUND, "token_not_found", "no token \"%.64s\" is configured", name);
        sg_hint(err, "signet token list");
        return NULL;
    }
    return &pool->tokens[index];
}

/* A second request over a link would take the answer of whoever waits for the first; and within the
 * event loop, or under another operation's wait, nobody waits for any token. */
static bool may_call(const struct pool *pool, const struct pool_process *process)
{
    return !process->calling && !pool->control->dispatching;
}

static sg_status get_link(void *context, const char *name, struct sg_token_link **out,
                          struct sg_error *err)
{
    struct pool *pool = context;
    struct pool_token *token = find(pool, name, err);
    if (token == NULL) {
        return err->status;
    }
    const struct pool_process *first = &token->processes[0];
    if (first->state != POOL_READY) {
        sg_fail(err, SG_E_TOKEN, "token_unavailable", "token \"%s\" is not available: %s", name,
                first->problem[0] != '\0' ? first->problem : "its process is starting");
        sg_hint(err, "signet token list");
        return sg_object(err, "%s", name);
    }
    if (!may_call(pool, first)) {
        sg_fail(err, SG_E_TOKEN, "token_unavailable",
                "token \"%s\" is not available: another operation waits for its token", name);
        sg_hint(err, "Ask again when that operation has ended.");
        return sg_object(err, "%s", name);
    }
    *out = &token->processes[0].link;
    return SG_OK;
}

static void failed(void *context, const char *name, const struct sg_error *why)
{
    struct pool *pool = context;
    int index = sg_pool_index(pool, name);
    sg_log_error(SG_LOG_ERROR, "token_call_failed", why);
    if (index >= 0) {
        sg_pool_drop(pool, (uint32_t)index, 0);
    }
}

/* A refused PIN may be tried once more, and one whose trial was cut short. What is known of an
 * accepted one stays known. */
static sg_status allow_trial(struct pool *pool, const char *name, struct sg_error *err)
{
    struct sg_login_record record = {.state = SG_LOGIN_NEVER};
    sg_status s = sg_store_login_get(pool->control->store, name, &record, err);
    if (s != SG_OK || (record.state != SG_LOGIN_REFUSED && record.state != SG_LOGIN_TRYING)) {
        return s;
    }
    record = (struct sg_login_record){.state = SG_LOGIN_NEVER};
    return sg_store_login_set(pool->control->store, name, &record, err);
}

/* Processes that wait or failed are replaced by fresh ones. False: there are none. */
static bool replace_unready(struct pool *pool, const struct pool_token *token)
{
    bool any = false;
    for (uint32_t p = 0; p <= token->config->processes; p++) {
        enum pool_state state = token->processes[p].state;
        if (state == POOL_WAITING || state == POOL_FAILED) {
            sg_pool_drop(pool, (uint32_t)(token - pool->tokens), p);
            any = true;
        }
    }
    return any;
}

static void forget(void *context, const char *name)
{
    struct pool *pool = context;
    int index = sg_pool_index(pool, name);
    for (uint32_t p = 1; index >= 0 && p <= pool->tokens[index].config->processes; p++) {
        struct pool_process *process = &pool->tokens[index].processes[p];
        struct sg_error err = SG_ERROR_INIT;
        sg_control_beat(pool->control); /* each of them may take its time */
        if (process->state == POOL_READY && sg_token_forget(&process->link, &err) != SG_OK) {
            sg_log_error(SG_LOG_WARNING, "token_process_keeps_a_key", &err);
            sg_pool_drop(pool, (uint32_t)index, p);
        }
    }
}

static sg_status login(void *context, const char *name, struct sg_error *err)
{
    struct pool *pool = context;
    struct pool_token *token = find(pool, name, err);
    if (token == NULL) {
        return err->status;
    }
    unsigned processes = token->config->processes + 1;
    int timeout_ms = (int)token->config->login_deadline_s * 1000;
    wait_for(pool, token, processes, LINK_WAIT_MS);
    sg_status s = allow_trial(pool, name, err);
    if (s != SG_OK) {
        return s;
    }
    token->refused_pin = 0;
    token->refusal_unstored = false;
    if (replace_unready(pool, token)) {
        wait_for(pool, token, processes, timeout_ms);
    }
    const struct pool_process *first = &token->processes[0];
    if (first->state != POOL_READY) {
        sg_fail(err, SG_E_TOKEN, "token_unavailable", "token \"%s\" is not available: %s", name,
                first->problem[0] != '\0' ? first->problem : "no answer");
        sg_hint(err, "%s", first->hint);
        return sg_object(err, "%s", name);
    }
    return SG_OK;
}

struct sg_tokens sg_pool_tokens(struct pool *pool)
{
    return (struct sg_tokens){.count = count,
                              .state = state,
                              .serving = serving,
                              .settle = settle_tokens,
                              .link = get_link,
                              .failed = failed,
                              .forget = forget,
                              .login = login,
                              .context = pool};
}
