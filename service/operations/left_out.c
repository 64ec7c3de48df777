#include "left_out_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signet/base/log.h>
#include <signet/rings/view.h>

#include "unix_names.h"
#include "view_rings_internal.h"

#define MIB ((size_t)1 << 20)
#define KEYS_KEPT_S 60 /* no row is taken from its user before */

size_t sg_view_limit(const struct sg_service *service)
{
    return service->view_max != 0 ? service->view_max : SG_VIEW_MAX;
}

void sg_left_out_done(struct sg_left_out *left_out)
{
    for (size_t i = 0; i < SG_LEFT_OUT_USERS; i++) {
        free(left_out->users[i].rings);
    }
    *left_out = (struct sg_left_out){0};
}

/* ---- when a view is made ---- */

static struct sg_left_out_user *find(struct sg_left_out *all, uid_t uid, gid_t gid, uint32_t alone)
{
    for (size_t i = 0; i < SG_LEFT_OUT_USERS; i++) {
        struct sg_left_out_user *user = &all->users[i];
        if (user->count > 0 && user->uid == uid && user->gid == gid && user->alone == alone) {
            return user;
        }
    }
    return NULL;
}

void sg_left_out_seen(struct sg_left_out *left_out, uid_t uid, gid_t gid, uint32_t alone,
                      int64_t now_s)
{
    struct sg_left_out_user *user = find(left_out, uid, gid, alone);
    if (user != NULL) {
        user->last_s = now_s;
    }
}

static struct sg_left_out_user *place(struct sg_left_out *all)
{
    struct sg_left_out_user *oldest = &all->users[0];
    for (size_t i = 0; i < SG_LEFT_OUT_USERS; i++) {
        struct sg_left_out_user *user = &all->users[i];
        if (user->count == 0) {
            return user;
        }
        oldest = user->last_s < oldest->last_s ? user : oldest;
    }
    return oldest;
}

static int by_number(const void *a, const void *b)
{
    const struct sg_left_out_ring *left = a;
    const struct sg_left_out_ring *right = b;
    return left->number < right->number ? -1 : left->number > right->number;
}

/* The same rings: that one of them has changed is no news. */
static bool is_same(const struct sg_left_out_user *before, const struct sg_left_out_user *now)
{
    bool same = before != NULL && before->count == now->count;
    for (size_t i = 0; same && i < now->count; i++) {
        same = before->rings[i].number == now->rings[i].number;
    }
    return same;
}

static void tell(const struct sg_left_out_user *now)
{
    char first[2 * sizeof(struct sg_ring_ref)];
    if (now->count == 0) {
        sg_log(SG_LOG_NOTICE, "event=rings_fit uid=%u gid=%u", (unsigned)now->uid,
               (unsigned)now->gid);
        return;
    }
    sg_log_quote(sg_ring_text(&now->first).text, first, sizeof first);
    sg_log(SG_LOG_WARNING, "event=rings_left_out uid=%u gid=%u rings=%zu first=\"%s\"",
           (unsigned)now->uid, (unsigned)now->gid, now->count, first);
}

void sg_left_out_note(struct sg_service *service, struct sg_left_out_user *now)
{
    struct sg_left_out *all = service->left_out;
    struct sg_left_out_user *row = all != NULL ? find(all, now->uid, now->gid, now->alone) : NULL;
    if (row == NULL && now->count == 0) {
        return;
    }
    if (now->count > 0) {
        qsort(now->rings, now->count, sizeof *now->rings, by_number);
    }
    if (!is_same(row, now)) {
        tell(now);
    }
    if (all == NULL) {
        return;
    }
    row = row != NULL ? row : place(all);
    free(row->rings);
    *row = *now;
    row->last_s = sg_now_s(service->clock);
    now->rings = NULL;
}

/* ---- when keys are granted ---- */

static struct sg_keys_left_out *find_keys(struct sg_left_out *all,
                                          const struct sg_keys_left_out *now)
{
    for (size_t i = 0; i < SG_KEYS_LEFT_OUT; i++) {
        struct sg_keys_left_out *row = &all->keys[i];
        if (row->rings > 0 && row->uid == now->uid && row->gid == now->gid &&
            row->alone == now->alone && strcmp(row->token, now->token) == 0) {
            return row;
        }
    }
    return NULL;
}

/* A free one, or the one of longest ago; NULL: that is no minute ago. */
static struct sg_keys_left_out *place_for_keys(struct sg_left_out *all, int64_t now_s)
{
    struct sg_keys_left_out *oldest = &all->keys[0];
    for (size_t i = 0; i < SG_KEYS_LEFT_OUT; i++) {
        struct sg_keys_left_out *row = &all->keys[i];
        if (row->rings == 0) {
            return row;
        }
        oldest = row->last_s < oldest->last_s ? row : oldest;
    }
    return now_s - oldest->last_s >= KEYS_KEPT_S ? oldest : NULL;
}

static void tell_keys(const struct sg_keys_left_out *now, size_t limit, uint64_t count)
{
    sg_log(now->rings > 0 ? SG_LOG_WARNING : SG_LOG_NOTICE,
           "event=%s uid=%u gid=%u token=%s limit=%zu rings=%zu count=%llu",
           now->rings > 0 ? "keys_left_out" : "keys_fit", (unsigned)now->uid, (unsigned)now->gid,
           now->token, limit, now->rings, (unsigned long long)count);
}

void sg_keys_left_out_note(struct sg_service *service, const struct sg_keys_left_out *now,
                           size_t limit)
{
    struct sg_left_out *all = service->left_out;
    int64_t now_s = sg_now_s(service->clock);
    struct sg_keys_left_out *row = all != NULL ? find_keys(all, now) : NULL;
    if (all == NULL || (row == NULL && now->rings == 0)) {
        return;
    }
    struct sg_keys_left_out before = row != NULL ? *row : *now;
    row = row != NULL ? row : place_for_keys(all, now_s);
    if (row == NULL) {
        return;
    }
    *row = *now;
    row->last_s = now_s;
    row->count = before.count + (now->rings > 0 ? 1 : 0);
    if (before.rings != now->rings || row->count == 1) {
        tell_keys(now, limit, row->count);
    }
}

/* ---- when somebody asks ---- */

struct user_text {
    char name[SG_UNIX_NAME]; /* empty: it has none */
    char text[SG_UNIX_NAME + 24];
};

static struct user_text name_of(uid_t uid)
{
    struct user_text user;
    sg_unix_user_name(uid, user.name);
    if (user.name[0] != '\0') {
        (void)snprintf(user.text, sizeof user.text, "%s (uid %u)", user.name, (unsigned)uid);
    } else {
        (void)snprintf(user.text, sizeof user.text, "uid %u", (unsigned)uid);
    }
    return user;
}

struct amount {
    char text[32];
};

static struct amount limit_text(const struct sg_service *service)
{
    struct amount amount;
    size_t bytes = sg_view_limit(service);
    (void)snprintf(amount.text, sizeof amount.text, bytes < MIB ? "%zu bytes" : "%zu MiB",
                   bytes < MIB ? bytes : bytes / MIB);
    return amount;
}

/* It may be otherwise by now: the ring has changed since, or nobody has looked for long. */
static bool is_still(const struct sg_run *run, const struct sg_left_out_user *user, int64_t ring,
                     uint64_t sequence)
{
    const struct sg_left_out_ring wanted = {.number = (uint32_t)ring};
    if (user->count == 0 || sg_now_s(run->service->clock) - user->last_s >= SG_LEFT_OUT_S) {
        return false;
    }
    const struct sg_left_out_ring *found =
        bsearch(&wanted, user->rings, user->count, sizeof wanted, by_number);
    return found != NULL && found->sequence == sequence;
}

/* *known: false when the name service cannot say in what groups the user is, which is no reason to
 * say nothing of everything else. */
static sg_status load_user(const struct sg_run *run, const struct sg_left_out_user *user,
                           struct sg_loaded_caller *out, bool *known, struct sg_error *err)
{
    sg_status s = sg_caller_load(run->service, user->uid, user->gid, out, err);
    *known = s == SG_OK;
    if (s == SG_E_SERVICE) {
        sg_error_clear(err);
        return SG_OK;
    }
    return s;
}

/* Of one user's rings those that it may see and is not shown. */
struct still {
    const struct sg_run *run;
    const struct sg_left_out_user *user;
    size_t count;
    int64_t first_id;
    struct sg_ring_ref first;
};

static sg_status count_ring(void *context, const struct sg_ring_outline *ring, struct sg_error *err)
{
    struct still *still = context;
    (void)err;
    if (is_still(still->run, still->user, ring->id, ring->sequence)) {
        still->first_id = still->count == 0 ? ring->id : still->first_id;
        still->count++;
    }
    return SG_OK;
}

static sg_status name_first(struct still *still, struct sg_error *err)
{
    struct sg_ring_row row;
    bool found = false;
    if (still->count == 0) {
        return SG_OK;
    }
    sg_status s =
        sg_store_ring_find(still->run->service->store, still->first_id, &row, &found, err);
    if (s == SG_OK && found) {
        still->first = row.name;
    }
    return s;
}

static sg_status count_still(struct still *still, struct sg_error *err)
{
    const struct sg_run *run = still->run;
    const struct sg_left_out_user *user = still->user;
    SG_LOADED_CALLER caller = {0};
    if (user->count == 0 || sg_now_s(run->service->clock) - user->last_s >= SG_LEFT_OUT_S) {
        return SG_OK;
    }
    bool known = false;
    sg_status s = load_user(run, user, &caller, &known, err);
    if (!known) {
        return s;
    }
    s = sg_visible_ring_outlines(run->service, run->profiles, &caller.caller, count_ring, still,
                                 err);
    return s == SG_OK ? name_first(still, err) : s;
}

static sg_status add_user(struct sg_run *run, json_t *items, const struct sg_left_out_user *user,
                          struct sg_error *err)
{
    struct still still = {.run = run, .user = user};
    sg_status s = count_still(&still, err);
    if (s != SG_OK || still.count == 0) {
        return s;
    }
    struct user_text name = name_of(user->uid);
    struct sg_ring_text first = sg_ring_text(&still.first);
    char last[SG_TIME_TEXT];
    sg_time_format(user->last_s, last);
    json_t *item = json_pack("{s:I, s:o, s:I, s:s, s:s}", "uid", (json_int_t)user->uid, "user",
                             name.name[0] != '\0' ? json_string(name.name) : json_null(), "rings",
                             (json_int_t)still.count, "first", first.text, "last", last);
    if (item == NULL || json_array_append_new(items, item) != 0) {
        return sg_fail_memory(err);
    }
    return sg_run_warn(run, err,
                       "as of %s %s is not shown %zu of the rings that it may see: they do not fit "
                       "its view of %s, and of %zu rings and certificates. The first: signet ring "
                       "check %s",
                       last, name.text, still.count, limit_text(run->service).text,
                       sg_view_rings_limit(run->service),
                       sg_shell_word(still.first.owner.text, still.first.ring.text).text);
}

sg_status sg_left_out_status(struct sg_run *run, struct sg_error *err)
{
    const struct sg_left_out *all = run->service->left_out;
    json_t *items = json_array();
    sg_status s = sg_run_set(run->answer, "rings_left_out", items, err);
    for (size_t i = 0; s == SG_OK && all != NULL && i < SG_LEFT_OUT_USERS; i++) {
        s = add_user(run, items, &all->users[i], err);
    }
    return s;
}

static sg_status report(struct sg_ring_check *check, const struct sg_left_out_user *user,
                        struct sg_error *err)
{
    struct user_text name = name_of(user->uid);
    struct amount limit = limit_text(check->run->service);
    struct sg_next next = sg_next("signet attach %s", sg_ring_word(check).text);
    char last[SG_TIME_TEXT];
    sg_time_format(user->last_s, last);
    if (user->alone != 0) {
        return sg_ring_found(check, SG_SEVERITY_WARNING, "no_room", NULL, NULL, err,
                             "not shown to %s at %s: it does not fit a view of %s even alone",
                             name.text, last, limit.text);
    }
    return sg_ring_found(check, SG_SEVERITY_WARNING, "no_room", NULL, &next, err,
                         "not shown to %s at %s: the rings that it may see do not fit a view of "
                         "%s, and of %zu rings and certificates, and %zu were left out; a program "
                         "that asks for this ring alone has it",
                         name.text, last, limit.text, sg_view_rings_limit(check->run->service),
                         user->count);
}

/* Who may not see it any more misses nothing. */
static sg_status check_user(struct sg_ring_check *check, const struct sg_left_out_user *user,
                            struct sg_error *err)
{
    const struct sg_run *run = check->run;
    const struct sg_ring_ref *name = &check->ring.name;
    SG_LOADED_CALLER caller = {0};
    if (!is_still(run, user, check->ring.id, check->ring.sequence)) {
        return SG_OK;
    }
    bool known = false;
    sg_status s = load_user(run, user, &caller, &known, err);
    bool sees = known && sg_authority_ring_visible(run->profiles, &caller.caller, name->owner.text,
                                                   name->ring.text);
    return sees ? report(check, user, err) : s;
}

sg_status sg_ring_check_room(struct sg_ring_check *check, struct sg_error *err)
{
    const struct sg_left_out *all = check->run->service->left_out;
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && all != NULL && i < SG_LEFT_OUT_USERS; i++) {
        s = check_user(check, &all->users[i], err);
    }
    return s;
}
