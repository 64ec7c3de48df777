/* The groups of Unix users: read from the system's database where a profile permits one, kept for
 * seconds, and looked at again by a timer. What a changed membership took or gave is taken and
 * given at once. While the name service is slow, what is known stands, and nobody is asked for. */
#include "control_internal.h"

#include <stdlib.h>
#include <string.h>

#include <signet/base/log.h>
#include <signet/operations/unix_groups.h>

#define FRESH_MS 3000
#define FORGET_MS 600000 /* users that nobody asked for, and groups that nobody found, so long */
#define WATCH_MS 3000
#define TURN_MS 200 /* so long one after the other is looked up, then others are served */

static int64_t now_ms(void)
{
    return sg_monotonic_ms(sg_clock_system());
}

static struct user_groups *find(struct groups *groups, uid_t uid, gid_t gid)
{
    for (size_t i = 0; i < GROUP_CACHE; i++) {
        struct user_groups *user = &groups->users[i];
        if (user->list != NULL && user->uid == uid && user->gid == gid) {
            return user;
        }
    }
    return NULL;
}

static void forget(struct user_groups *user)
{
    free(user->list);
    *user = (struct user_groups){0};
}

static sg_status read_user(struct user_groups *user, bool *changed, struct sg_error *err)
{
    gid_t *list = NULL;
    size_t count = 0;
    struct sg_groups_before before = {.list = user->list,
                                      .count = user->count,
                                      .overdue = user->unfound_ms != 0 &&
                                                 now_ms() - user->unfound_ms > FORGET_MS};
    sg_status s = sg_unix_groups(user->uid, user->gid, user->list != NULL ? &before : NULL, &list,
                                 &count, err);
    if (before.unfound && user->unfound_ms == 0) {
        user->unfound_ms = now_ms();
    }
    if (s != SG_OK) {
        return s;
    }
    *changed = user->list == NULL || user->count != count ||
               memcmp(user->list, list, count * sizeof *list) != 0;
    free(user->list);
    user->list = list;
    user->count = count;
    user->read_ms = now_ms();
    user->unfound_ms = 0;
    return SG_OK;
}

/* Whoever holds a capability, or a view that is kept: a change must reach them unasked. */
static bool is_served(const struct control *control, const struct user_groups *user)
{
    for (size_t i = 0; i < control->grants.count; i++) {
        const struct grant *grant = &control->grants.list[i];
        if (grant->uid == user->uid && grant->gid == user->gid) {
            return true;
        }
    }
    for (size_t i = 0; i < VIEW_CACHE; i++) {
        if (control->views.cache[i].memfd >= 0 && control->views.cache[i].uid == user->uid &&
            control->views.cache[i].gid == user->gid) {
            return true;
        }
    }
    return false;
}

/* Of those who are served the groups must be known, whatever the name service does: another gives
 * way. */
static struct user_groups *take_place(struct groups *groups, uid_t uid, gid_t gid)
{
    struct user_groups *user = NULL;
    for (size_t i = 0; i < GROUP_CACHE; i++) {
        user = &groups->users[groups->next++ % GROUP_CACHE];
        if (user->list == NULL || !is_served(groups->control, user)) {
            break;
        }
    }
    forget(user);
    user->uid = uid;
    user->gid = gid;
    return user;
}

/* Many look-ups of which each is fast cost as much as a slow one. */
static void note_spent(struct groups *groups, int64_t took_ms)
{
    groups->spent_ms += took_ms;
    if (groups->spent_ms >= TURN_MS) {
        groups->rests_until_ms = now_ms() + sg_names_rest_ms(groups->spent_ms);
        groups->spent_ms = 0;
    }
}

/* Is what is known taken as it is: because it is fresh, or because nobody is to be looked up? */
static bool stands(const struct groups *groups, const struct user_groups *user)
{
    const int64_t now = now_ms();
    return user->list != NULL && (now - user->read_ms <= FRESH_MS || sg_names_rest_for_known() ||
                                  now < groups->rests_until_ms);
}

/* What is found here is news to those who were served before: the timer tells them. A name service
 * that fails leaves what is known as it is. */
static sg_status refresh(struct groups *groups, struct user_groups *user, struct sg_error *err)
{
    bool changed = false;
    if (stands(groups, user)) {
        return SG_OK;
    }
    bool known = user->list != NULL;
    const int64_t began_ms = now_ms();
    sg_status s = read_user(user, &changed, err);
    note_spent(groups, known ? now_ms() - began_ms : 0);
    groups->changed = groups->changed || (changed && is_served(groups->control, user));
    if (s != SG_OK && known) {
        sg_log_error(SG_LOG_WARNING, "groups_not_read", err);
        sg_error_clear(err);
        return SG_OK;
    }
    return s;
}

static sg_status of_user(void *context, uid_t uid, gid_t gid, gid_t **out, size_t *count,
                         struct sg_error *err)
{
    struct groups *groups = context;
    struct user_groups *user = find(groups, uid, gid);
    if (user == NULL) {
        user = take_place(groups, uid, gid);
    }
    sg_status s = refresh(groups, user, err);
    gid_t *copy = s == SG_OK ? reallocarray(NULL, user->count, sizeof *copy) : NULL;
    if (copy == NULL) {
        return s != SG_OK ? s : sg_fail_memory(err);
    }
    memcpy(copy, user->list, user->count * sizeof *copy);
    *out = copy;
    *count = user->count;
    return SG_OK;
}

struct sg_groups sg_groups_source(struct groups *groups)
{
    return (struct sg_groups){.of_user = of_user, .context = groups};
}

/* ---- changes ---- */

/* A name service that fails leaves what is known as it is; it says so once each time. */
static bool look_again(struct user_groups *user)
{
    struct sg_error err = SG_ERROR_INIT;
    bool changed = false;
    if (read_user(user, &changed, &err) != SG_OK) {
        sg_log_error(SG_LOG_WARNING, "groups_not_read", &err);
    }
    return changed;
}

/* While no profile permits a group, groups decide nothing. */
static bool groups_matter(struct control *control)
{
    SG_CLEANUP(sg_profile_set_unrefp) struct sg_profile_set *set = NULL;
    struct sg_error err = SG_ERROR_INIT;
    if (sg_service_profiles(&control->service, &set, &err) != SG_OK) {
        sg_log_error(SG_LOG_WARNING, "profiles_not_read", &err);
        return true;
    }
    return set->names_group;
}

/* As many as can be in one turn; the next goes on with the others. */
static bool look_at_some(struct groups *groups)
{
    const struct control *control = groups->control;
    const int64_t began_ms = now_ms();
    bool changed = false;
    for (size_t i = 0;
         i < GROUP_CACHE && !sg_names_rest_for_known() && now_ms() - began_ms < TURN_MS; i++) {
        struct user_groups *user = &groups->users[groups->watched++ % GROUP_CACHE];
        if (user->list != NULL && is_served(control, user)) {
            changed = look_again(user) || changed;
        } else if (user->list != NULL && now_ms() - user->read_ms > FORGET_MS) {
            forget(user);
        }
    }
    return changed;
}

/* For how long it looked. */
static int64_t watch(struct groups *groups)
{
    struct control *control = groups->control;
    const int64_t began_ms = now_ms();
    if (control->operating || !groups_matter(control)) {
        return 0;
    }
    bool changed = look_at_some(groups) || groups->changed;
    const int64_t took_ms = now_ms() - began_ms;
    groups->changed = false;
    if (changed) {
        const struct sg_change_listener *changes = &control->service.changes;
        sg_log(SG_LOG_NOTICE, "event=groups_changed");
        changes->widen(changes->context);
    }
    return took_ms;
}

static bool again_in(const struct groups *groups, int64_t ms)
{
    const struct timeval time = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    return event_add(groups->timer, &time) == 0;
}

/* What a turn cost is made up for before the next one. When that cannot be said, it comes as soon
 * as this one did. */
static void on_watch(evutil_socket_t socket, short what, void *context)
{
    struct groups *groups = context;
    (void)socket;
    (void)what;
    const int64_t rest_ms = sg_names_rest_ms(watch(groups));
    (void)event_base_update_cache_time(groups->control->base); /* it still has the turn's begin */
    (void)again_in(groups, rest_ms + WATCH_MS);
}

sg_status sg_groups_watch(struct groups *groups, struct control *control, struct sg_error *err)
{
    groups->timer = event_new(control->base, -1, EV_PERSIST, on_watch, groups);
    bool made = groups->timer != NULL && again_in(groups, WATCH_MS);
    return made ? SG_OK : sg_fail_memory(err);
}

void sg_groups_done(struct groups *groups)
{
    if (groups->timer != NULL) {
        event_free(groups->timer);
    }
    for (size_t i = 0; i < GROUP_CACHE; i++) {
        forget(&groups->users[i]);
    }
}
