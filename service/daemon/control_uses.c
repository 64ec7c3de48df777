/* How often keys are used, by whom: the token processes count in pages that they share with us one
 * by one; every second, and before somebody looks, what is new there goes into the store. */
#include "control_internal.h"

#include <string.h>

#include <signet/base/file.h>
#include <signet/base/log.h>

#define STORE_EVERY_S 1
#define PAGES_MAX 256                 /* of ended processes, when the store takes nothing */
#define COUNT_MAX 1000000000000       /* uses at a time; more is a page that was tampered with */
#define LAST_S_MAX 253402300799       /* the year 9999 */
#define NEARLY_FULL (SG_USES_MAX / 2) /* rows: then the process gets another page */
#define AHEAD_MS 60000 /* a time that lies further in the future was not told by a clock */

struct uses_page {
    struct sg_uses_page *page;
    uint32_t token;               /* index */
    bool ended;                   /* its process counts in it no more */
    uint64_t lost;                /* as logged */
    uint64_t stored[SG_USES_MAX]; /* of each row's count */
    struct uses_page *next;
};

static void free_page(struct uses_page *page)
{
    if (page->page != NULL) {
        sg_uses_page_free(page->page);
    }
    free(page);
}
SG_DEFINE_CLEANUP(struct uses_page *, free_page)

void sg_uses_end(struct pool_process *process)
{
    if (process->uses != NULL) {
        process->uses->ended = true;
        process->uses = NULL;
    }
}

/* Index of the token whose process this is. */
static uint32_t token_of(const struct pool *pool, const struct pool_process *process)
{
    uint32_t t = 0;
    while (process < pool->tokens[t].processes ||
           process >= pool->tokens[t].processes + SG_COUNT(pool->tokens[t].processes)) {
        t++;
    }
    return t;
}

sg_status sg_uses_begin(struct uses *uses, struct pool_process *process)
{
    struct sg_error err = SG_ERROR_INIT;
    SG_FD int fd = -1;
    SG_CLEANUP(free_pagep) struct uses_page *page = calloc(1, sizeof *page);
    sg_status s = page == NULL ? sg_fail_memory(&err) : sg_uses_page_new(&page->page, &fd, &err);
    s = s == SG_OK ? sg_token_count_uses(&process->link, fd, &err) : s;
    if (s != SG_OK) { /* it serves all the same */
        sg_log_error(SG_LOG_WARNING, "uses_not_counted", &err);
        return s;
    }
    sg_uses_end(process);
    process->uses = page;
    page->token = token_of(&uses->control->pool, process);
    page->next = uses->pages;
    uses->pages = SG_STEAL(page);
    return SG_OK;
}

/* ---- what is new in a page ---- */

static uint32_t rows_of(const struct uses_page *page)
{
    uint32_t used = atomic_load_explicit(&page->page->used, memory_order_acquire);
    return used < SG_USES_MAX ? used : SG_USES_MAX;
}

static bool is_new(const struct uses_page *page, uint32_t i, struct sg_key_use *out)
{
    const struct sg_use_row *row = &page->page->rows[i];
    uint64_t count = atomic_load_explicit(&row->count, memory_order_acquire);
    *out = (struct sg_key_use){.key = row->key,
                               .ring = row->ring,
                               .uid = row->uid,
                               .count = count - page->stored[i],
                               .last_s = atomic_load_explicit(&row->last_s, memory_order_relaxed),
                               .done_s = atomic_load_explicit(&row->done_s, memory_order_relaxed)};
    return count > page->stored[i] && out->count <= COUNT_MAX && out->last_s >= 0 &&
           out->done_s >= 0;
}

static size_t collect(const struct uses_page *page, struct sg_key_use *out)
{
    size_t count = 0;
    for (uint32_t i = 0; i < rows_of(page); i++) {
        count += is_new(page, i, &out[count]) ? 1 : 0;
    }
    return count;
}

/* In the order in which they were collected. */
static void mark_stored(struct uses_page *page, const struct sg_key_use *stored, size_t count)
{
    size_t at = 0;
    for (uint32_t i = 0; i < SG_USES_MAX && at < count; i++) {
        const struct sg_use_row *row = &page->page->rows[i];
        bool same = memcmp(&row->key, &stored[at].key, sizeof row->key) == 0 &&
                    row->ring == stored[at].ring && row->uid == stored[at].uid;
        page->stored[i] += same ? stored[at].count : 0;
        at += same ? 1 : 0;
    }
}

static void log_lost(struct uses_page *page)
{
    uint64_t lost = atomic_load_explicit(&page->page->lost, memory_order_relaxed);
    if (lost > page->lost) {
        sg_log(SG_LOG_WARNING, "event=uses_lost count=%llu",
               (unsigned long long)(lost - page->lost));
        page->lost = lost;
    }
}

static sg_status store_page(struct uses *uses, struct uses_page *page, struct sg_error *err)
{
    SG_FREE struct sg_key_use *found = calloc(SG_USES_MAX, sizeof *found);
    if (found == NULL) {
        return sg_fail_memory(err);
    }
    log_lost(page);
    size_t count = collect(page, found);
    sg_status s =
        count > 0 ? sg_store_key_uses_add(uses->control->store, found, count, err) : SG_OK;
    if (s == SG_OK) {
        mark_stored(page, found, count);
    }
    return s;
}

/* ---- what failed ---- */

/* The process writes, and need not be believed: a time that cannot be told is none. */
static struct use_failures failures_in(const struct sg_uses_page *page)
{
    int64_t latest_ms = sg_monotonic_ms(sg_clock_system()) + AHEAD_MS;
    struct use_failures found = {
        .count = atomic_load_explicit(&page->failed, memory_order_relaxed),
        .rv = atomic_load_explicit(&page->failed_rv, memory_order_relaxed),
        .last_s = atomic_load_explicit(&page->failed_s, memory_order_relaxed),
        .failed_ms = atomic_load_explicit(&page->failed_ms, memory_order_relaxed),
        .done_ms = atomic_load_explicit(&page->done_ms, memory_order_relaxed),
    };
    found.count = found.count <= COUNT_MAX ? found.count : 0;
    found.last_s = found.last_s >= 0 && found.last_s <= LAST_S_MAX ? found.last_s : 0;
    found.failed_ms = found.failed_ms <= latest_ms ? found.failed_ms : 0;
    found.done_ms = found.done_ms <= latest_ms ? found.done_ms : 0;
    return found;
}

static void add_failures(struct use_failures *sum, const struct use_failures *more)
{
    sum->count += more->count;
    sum->done_ms = more->done_ms > sum->done_ms ? more->done_ms : sum->done_ms;
    if (more->failed_ms > sum->failed_ms) {
        sum->failed_ms = more->failed_ms;
        sum->last_s = more->last_s;
        sum->rv = more->rv;
    }
}

struct use_failures sg_uses_failures(const struct uses *uses, uint32_t token)
{
    struct use_failures sum = uses->failures[token];
    for (const struct uses_page *page = uses->pages; page != NULL; page = page->next) {
        if (page->token == token) {
            struct use_failures found = failures_in(page->page);
            add_failures(&sum, &found);
        }
    }
    return sum;
}

bool sg_uses_fail(const struct uses *uses, uint32_t token)
{
    struct use_failures failures = sg_uses_failures(uses, token);
    return failures.count > 0 && failures.failed_ms > failures.done_ms;
}

/* ---- all of them ---- */

/* Ended pages that are stored go; those that cannot be are kept, within bounds. */
static void drop_ended(struct uses *uses, bool all)
{
    size_t kept = 0;
    struct uses_page **at = &uses->pages;
    while (*at != NULL) {
        struct uses_page *page = *at;
        if (page->ended && (all || ++kept > PAGES_MAX)) {
            struct use_failures found = failures_in(page->page);
            add_failures(&uses->failures[page->token], &found);
            *at = page->next;
            free_page(page);
        } else {
            at = &page->next;
        }
    }
}

/* What the store does not have yet. */
static uint64_t count_waiting(const struct uses *uses)
{
    uint64_t waiting = 0;
    struct sg_key_use use;
    for (const struct uses_page *page = uses->pages; page != NULL; page = page->next) {
        for (uint32_t i = 0; i < rows_of(page); i++) {
            waiting += is_new(page, i, &use) ? use.count : 0;
        }
    }
    return waiting;
}

void sg_uses_store(struct uses *uses)
{
    struct sg_error err = SG_ERROR_INIT;
    sg_status s = SG_OK;
    for (struct uses_page *page = uses->pages; s == SG_OK && page != NULL; page = page->next) {
        s = store_page(uses, page, &err);
    }
    if (s != SG_OK) {
        sg_log_error(SG_LOG_WARNING, "uses_not_stored", &err);
    }
    uses->control->service.uses_not_stored = s != SG_OK ? count_waiting(uses) : 0;
    drop_ended(uses, s == SG_OK);
}

/* A process that does not acknowledge is replaced, as when it is granted something. */
static void renew_full(struct uses *uses, uint32_t t, uint32_t p)
{
    struct pool *pool = &uses->control->pool;
    struct pool_process *process = &pool->tokens[t].processes[p];
    bool full = process->uses != NULL && rows_of(process->uses) >= NEARLY_FULL;
    if (full && process->state == POOL_READY && !process->calling &&
        sg_uses_begin(uses, process) == SG_E_SERVICE) {
        sg_pool_drop(pool, t, p);
    }
}

void sg_uses_work(struct uses *uses)
{
    if (!uses->due) {
        return;
    }
    uses->due = false;
    sg_uses_store(uses);
    sg_store_reserve_keep(uses->control->store);
    for (uint32_t t = 0; t < uses->control->pool.count; t++) {
        for (uint32_t p = 0; p < SG_COUNT(uses->control->pool.tokens[t].processes); p++) {
            renew_full(uses, t, p);
        }
    }
}

static void on_due(evutil_socket_t socket, short what, void *context)
{
    struct uses *uses = context;
    (void)socket;
    (void)what;
    uses->due = true;
}

sg_status sg_uses_watch(struct uses *uses, struct control *control, struct sg_error *err)
{
    struct timeval often = {.tv_sec = STORE_EVERY_S};
    uses->control = control;
    uses->timer = event_new(control->base, -1, EV_PERSIST, on_due, uses);
    bool made = uses->timer != NULL && event_add(uses->timer, &often) == 0;
    return made ? SG_OK : sg_fail_memory(err);
}

void sg_uses_done(struct uses *uses)
{
    if (uses->timer != NULL) {
        event_free(uses->timer);
        uses->timer = NULL;
    }
    if (uses->control != NULL) {
        sg_uses_store(uses);
    }
    for (struct uses_page *page = uses->pages; page != NULL; page = page->next) {
        page->ended = true;
    }
    drop_ended(uses, true);
}
