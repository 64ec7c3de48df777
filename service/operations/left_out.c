#include "left_out_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signet/base/log.h>
#include <signet/rings/view.h>

#include "unix_names.h"

#define MIB ((size_t)1 << 20)

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

static struct sg_left_out_user *find(struct sg_left_out *all, const struct sg_left_out_user *now)
{
    for (size_t i = 0; i < SG_LEFT_OUT_USERS; i++) {
        struct sg_left_out_user *user = &all->users[i];
        if (user->count > 0 && user->uid == now->uid && user->gid == now->gid &&
            user->alone == now->alone) {
            return user;
        }
    }
    return NULL;
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

static bool is_same(const struct sg_left_out_user *before, const struct sg_left_out_user *now)
{
    return before != NULL && before->count == now->count &&
           memcmp(before->rings, now->rings, now->count * sizeof *now->rings) == 0;
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
    struct sg_left_out_user *row = all != NULL ? find(all, now) : NULL;
    if (row == NULL && now->count == 0) {
        return;
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

static sg_status add_user(struct sg_run *run, json_t *items, const struct sg_left_out_user *user,
                          struct sg_error *err)
{
    struct user_text name = name_of(user->uid);
    struct sg_ring_text first = sg_ring_text(&user->first);
    char last[SG_TIME_TEXT];
    sg_time_format(user->last_s, last);
    json_t *item = json_pack("{s:I, s:o, s:I, s:s, s:s}", "uid", (json_int_t)user->uid, "user",
                             name.name[0] != '\0' ? json_string(name.name) : json_null(), "rings",
                             (json_int_t)user->count, "first", first.text, "last", last);
    if (item == NULL || json_array_append_new(items, item) != 0) {
        return sg_fail_memory(err);
    }
    return sg_run_warn(run, err,
                       "%s is not shown %zu of the rings that it may see: they do not fit its view "
                       "of %s. The first: signet ring check %s",
                       name.text, user->count, limit_text(run->service).text,
                       sg_shell_word(user->first.owner.text, user->first.ring.text).text);
}

sg_status sg_left_out_status(struct sg_run *run, struct sg_error *err)
{
    const struct sg_left_out *all = run->service->left_out;
    json_t *items = json_array();
    sg_status s = sg_run_set(run->answer, "rings_left_out", items, err);
    for (size_t i = 0; s == SG_OK && all != NULL && i < SG_LEFT_OUT_USERS; i++) {
        s = all->users[i].count > 0 ? add_user(run, items, &all->users[i], err) : SG_OK;
    }
    return s;
}

static bool holds(const struct sg_left_out_user *user, int64_t ring)
{
    for (size_t i = 0; i < user->count; i++) {
        if ((int64_t)user->rings[i] == ring) {
            return true;
        }
    }
    return false;
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
                         "%s, and %zu were left out; a program that asks for this ring alone has "
                         "it",
                         name.text, last, limit.text, user->count);
}

sg_status sg_ring_check_room(struct sg_ring_check *check, struct sg_error *err)
{
    const struct sg_left_out *all = check->run->service->left_out;
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && all != NULL && i < SG_LEFT_OUT_USERS; i++) {
        s = holds(&all->users[i], check->ring.id) ? report(check, &all->users[i], err) : SG_OK;
    }
    return s;
}
