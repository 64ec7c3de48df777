/* A deadline for each connection, and their number. evhttp's own time-out starts again with every
 * byte, so that a client that sends one a second is never cut (libevent 2.1.12). A guard keeps a
 * reference on the connection's bufferevent and a timer.
 *
 * evhttp does not say when it frees a connection that never sent a whole request; what can be seen
 * is that bufferevent_free() takes the callbacks away. Until the guard lets go too the bufferevent
 * stays registered for its descriptor. Therefore the descriptor is the bufferevent's, closed with
 * it and never before: its number is nobody else's meanwhile, and what a client left in it can be
 * seen to before. And the guard looks soon: when evhttp's own answer is written (it may close
 * behind it), and when another connection comes. */
#include "http_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/log.h>
#include <signet/base/stranger.h>

#define RESUME_US 50000L
#define AFTER_CUT_MS 20 /* how soon a cut connection is looked at again */
#define UNJUDGED_MAX 16 /* connections that are let in before it is looked whose they are */
#define REFUSED_LOG_MS 1000
#define RESERVED_PART 8 /* a part of all is for the service's own user and root */

static const char refusal[] =
    "{\"error\": {\"code\": \"too_many_connections\", \"status\": \"service_unavailable\", "
    "\"text\": \"too many connections to the service\", "
    "\"hint\": \"Close some, or ask again later.\", \"object\": \"\"}}";

struct sg_http_guard {
    struct sg_http_server *server;
    struct bufferevent *connection;
    struct event *timer;
    struct event *look; /* is evhttp writing a page of its own, has it closed behind one? */
    int64_t busy_ms;    /* the server's, when the deadline started */
    bool known;         /* uid says whose it is */
    bool cut;           /* it has been shut down, and ends by itself */
    bool heard;         /* a request has come over it */
    bool watches;       /* one that waits for a change has: it is a watch's from then on */
    uid_t uid;
    uint64_t number;
    struct sg_http_guard *next, *previous;
};

static void arm(struct sg_http_guard *guard, int64_t wait_ms)
{
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = (wait_ms % 1000) * 1000};
    guard->busy_ms = guard->server->busy_ms;
    /* libevent counts from when it last looked at the clock, before the handler ran: after a long
     * one the connection would be cut with its answer. */
    (void)event_base_update_cache_time(guard->server->base);
    (void)event_add(guard->timer, &wait);
}

static int64_t deadline_ms(const struct sg_http_server *server)
{
    return (int64_t)server->settings.request_deadline_s * 1000;
}

/* evhttp is about to write, perhaps a page of its own; or it has written: after a whole request it
 * says by itself when it closes. */
static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *context)
{
    struct sg_http_guard *guard = context;
    bool written = info->n_deleted > 0 && evbuffer_get_length(output) == 0;
    if (info->n_added > 0 || (written && !guard->heard)) {
        event_active(guard->look, EV_TIMEOUT, 0); /* in its turn: evhttp goes on after this */
    }
}

static void free_guard(struct sg_http_guard *guard)
{
    if (guard->timer != NULL) {
        event_free(guard->timer);
    }
    if (guard->look != NULL) {
        event_free(guard->look);
    }
    free(guard);
}

static void release(struct sg_http_guard *guard)
{
    struct sg_http_server *server = guard->server;
    server->unjudged -= guard->known ? 0 : 1;
    if (guard->next != NULL) {
        guard->next->previous = guard->previous;
    }
    if (guard->previous != NULL) {
        guard->previous->next = guard->next;
    } else {
        server->guards = guard->next;
    }
    server->guard_count--;
    server->watch_count -= guard->watches ? 1 : 0;
    if (guard->heard && server->settings.gone != NULL) {
        server->settings.gone(server->settings.context, guard->number);
    }
    sg_stranger_end(bufferevent_getfd(guard->connection));
    (void)evbuffer_remove_cb(bufferevent_get_output(guard->connection), on_output, guard);
    (void)bufferevent_decref(guard->connection);
    free_guard(guard);
}

static bool has_ended(const struct sg_http_guard *guard)
{
    bufferevent_event_cb on_event = NULL;
    bufferevent_getcb(guard->connection, NULL, NULL, &on_event, NULL);
    return on_event == NULL;
}

/* ---- whose it is ---- */

struct census {
    size_t of_user, all;
};

/* Those that were let in and are there, watches' or the others. gone_too: also those whose client
 * is gone, as it may be for a while when they wait for their turn. */
static struct census count_of(const struct sg_http_server *server, uid_t uid, bool watches,
                              bool gone_too)
{
    struct census census = {0};
    for (const struct sg_http_guard *guard = server->guards; guard != NULL; guard = guard->next) {
        bool counts = guard->known && guard->watches == watches && !guard->cut &&
                      !has_ended(guard) && (gone_too || !sg_http_hung_up(guard->connection));
        census.all += counts ? 1 : 0;
        census.of_user += counts && guard->uid == uid ? 1 : 0;
    }
    return census;
}

static bool is_trusted(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

/* How many of max are for this user's kind. */
static size_t open_to(uid_t uid, size_t max)
{
    return is_trusted(uid) ? max : max - max / RESERVED_PART;
}

static bool fits(const struct sg_http_guard *guard, bool gone_too)
{
    const struct sg_http_settings *settings = &guard->server->settings;
    struct census census = count_of(guard->server, guard->uid, false, gone_too);
    return census.of_user <= settings->connections_per_user_max &&
           census.all <= open_to(guard->uid, settings->connections_max);
}

static bool may_stay(const struct sg_http_guard *guard)
{
    return fits(guard, true) || fits(guard, false);
}

/* evhttp sees the end of file and frees the connection by itself. */
static void cut(struct sg_http_guard *guard)
{
    (void)shutdown(bufferevent_getfd(guard->connection), SHUT_RDWR);
    guard->cut = true;
    arm(guard, AFTER_CUT_MS);
}

/* Written past evhttp, which has seen no request yet. */
static void refuse(int fd)
{
    char answer[600];
    int len = snprintf(answer, sizeof answer,
                       "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                       sizeof refusal - 1, refusal);
    (void)send(fd, answer, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void log_refused(const struct sg_http_guard *guard)
{
    struct sg_http_server *server = guard->server;
    int64_t now_ms = sg_monotonic_ms(sg_clock_system());
    if (now_ms - server->refused_ms < REFUSED_LOG_MS) {
        return;
    }
    server->refused_ms = now_ms;
    sg_log(SG_LOG_WARNING, "event=http_client_refused uid=%lu connections_of_user=%zu",
           (unsigned long)guard->uid, count_of(server, guard->uid, false, true).of_user - 1);
}

/* The socket is known only after evhttp has made the connection: in the next turn of the loop, or
 * when its first request has come. */
static bool admit(struct sg_http_guard *guard)
{
    struct ucred who = {.uid = (uid_t)-1};
    socklen_t len = sizeof who;
    (void)getsockopt(bufferevent_getfd(guard->connection), SOL_SOCKET, SO_PEERCRED, &who, &len);
    guard->known = true;
    guard->uid = who.uid;
    guard->server->unjudged--;
    if (may_stay(guard)) {
        arm(guard, deadline_ms(guard->server));
        return true;
    }
    log_refused(guard);
    return false;
}

static bool has_room(const struct sg_http_server *server)
{
    return server->guard_count - server->watch_count < server->settings.connections_max &&
           server->unjudged < UNJUDGED_MAX;
}

static void resume_if_room(struct sg_http_server *server)
{
    if (server->paused && has_room(server)) {
        server->paused = false;
        (void)evconnlistener_enable(server->listener);
    }
}

static void on_deadline(evutil_socket_t unused, short what, void *context)
{
    struct sg_http_guard *guard = context;
    (void)unused;
    (void)what;
    if (has_ended(guard)) {
        struct sg_http_server *server = guard->server;
        release(guard);
        resume_if_room(server);
        return;
    }
    if (!guard->known) {
        struct sg_http_server *server = guard->server;
        if (!admit(guard)) {
            refuse(bufferevent_getfd(guard->connection));
            cut(guard);
        }
        resume_if_room(server);
        return;
    }
    /* While a handler ran nobody was listened to. */
    int64_t owed_ms = guard->server->busy_ms - guard->busy_ms;
    if (owed_ms > 0) {
        arm(guard, owed_ms);
        return;
    }
    sg_log(SG_LOG_INFO, "event=http_connection_cut reason=deadline deadline_s=%d",
           guard->server->settings.request_deadline_s);
    cut(guard);
}

static void on_look(evutil_socket_t unused, short what, void *context)
{
    struct sg_http_guard *guard = context;
    struct sg_http_server *server = guard->server;
    (void)unused;
    (void)what;
    if (has_ended(guard)) {
        release(guard);
        resume_if_room(server);
    } else {
        (void)sg_http_page_replace(server, bufferevent_get_output(guard->connection));
    }
}

static void release_ended(struct sg_http_server *server)
{
    for (struct sg_http_guard *guard = server->guards, *next = NULL; guard != NULL; guard = next) {
        next = guard->next;
        if (has_ended(guard)) {
            release(guard);
        }
    }
}

static bool watch(struct sg_http_guard *guard, struct sg_http_server *server,
                  struct bufferevent *connection)
{
    guard->timer = evtimer_new(server->base, on_deadline, guard);
    guard->look = evtimer_new(server->base, on_look, guard);
    /* before anything is written that is ready to be */
    return guard->timer != NULL && guard->look != NULL && event_priority_set(guard->look, 0) == 0 &&
           evbuffer_add_cb(bufferevent_get_output(connection), on_output, guard) != NULL;
}

static struct sg_http_guard *make_guard(struct sg_http_server *server,
                                        struct bufferevent *connection)
{
    struct sg_http_guard *guard = calloc(1, sizeof *guard);
    if (guard == NULL) {
        return NULL;
    }
    if (!watch(guard, server, connection)) {
        free_guard(guard);
        return NULL;
    }
    bufferevent_incref(connection);
    guard->connection = connection;
    guard->server = server;
    guard->number = ++server->last_connection;
    guard->next = server->guards;
    if (guard->next != NULL) {
        guard->next->previous = guard;
    }
    server->guards = guard;
    server->guard_count++;
    server->unjudged++;
    return guard;
}

struct bufferevent *sg_http_guard_new(struct event_base *base, void *context)
{
    struct sg_http_server *server = context;
    release_ended(server);
    struct bufferevent *connection = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (connection == NULL) {
        return NULL;
    }
    struct sg_http_guard *guard = make_guard(server, connection);
    if (guard == NULL) {
        bufferevent_free(connection);
        return NULL;
    }
    arm(guard, 0);
    if (!has_room(server)) {
        sg_http_pause(server);
    }
    return connection;
}

static struct sg_http_guard *find(const struct sg_http_server *server,
                                  struct evhttp_connection *connection)
{
    const struct bufferevent *wanted = evhttp_connection_get_bufferevent(connection);
    struct sg_http_guard *guard = server->guards;
    while (guard != NULL && guard->connection != wanted) {
        guard = guard->next;
    }
    return guard;
}

void sg_http_guard_restart(struct sg_http_server *server, struct evhttp_connection *connection)
{
    struct sg_http_guard *guard = find(server, connection);
    if (guard != NULL) {
        arm(guard, deadline_ms(server));
    }
}

void sg_http_guard_rest(struct sg_http_server *server, struct evhttp_connection *connection)
{
    struct sg_http_guard *guard = find(server, connection);
    if (guard != NULL) {
        (void)event_del(guard->timer);
    }
}

uint64_t sg_http_guard_number(const struct sg_http_server *server,
                              struct evhttp_connection *connection)
{
    const struct sg_http_guard *guard = find(server, connection);
    return guard != NULL ? guard->number : 0;
}

static void on_close(struct evhttp_connection *connection, void *context)
{
    struct sg_http_server *server = context;
    struct sg_http_guard *guard = find(server, connection);
    if (guard != NULL) {
        release(guard);
        resume_if_room(server);
    }
}

sg_status sg_http_guard_follow(struct sg_http_server *server, struct evhttp_connection *connection,
                               struct sg_error *err)
{
    struct sg_http_guard *guard = find(server, connection);
    evhttp_connection_set_closecb(connection, on_close, server);
    if (guard != NULL) {
        guard->heard = true;
    }
    if (guard == NULL || guard->known || admit(guard)) {
        return SG_OK;
    }
    sg_fail(err, SG_E_SERVICE, "too_many_connections", "too many connections to the service");
    return sg_hint(err, "Close some, or ask again later.");
}

/* ---- watches ---- */

/* What keeps one more watch out; without a setting: nothing. */
struct full {
    const char *setting, *of_whom;
    size_t max;
};

static struct full watches_full(const struct sg_http_guard *guard)
{
    const struct sg_http_settings *settings = &guard->server->settings;
    struct census there = count_of(guard->server, guard->uid, true, true);
    if (there.of_user >= settings->watches_per_user_max) {
        return (struct full){"watches_per_user_max", " of one user",
                             settings->watches_per_user_max};
    }
    if (there.all >= open_to(guard->uid, settings->watches_max) ||
        guard->server->watch_count >= settings->watches_max) {
        return (struct full){"watches_max",
                             ", an eighth of them for root and the service's own user",
                             settings->watches_max};
    }
    return (struct full){.setting = NULL};
}

static void log_refused_watch(const struct sg_http_guard *guard, const struct full *full)
{
    struct sg_http_server *server = guard->server;
    int64_t now_ms = sg_monotonic_ms(sg_clock_system());
    if (now_ms - server->watch_refused_ms < REFUSED_LOG_MS) {
        return;
    }
    struct census there = count_of(server, guard->uid, true, true);
    server->watch_refused_ms = now_ms;
    sg_log(SG_LOG_WARNING,
           "event=http_watch_refused reason=%s limit=%zu uid=%lu watches_of_user=%zu watches=%zu",
           full->setting, full->max, (unsigned long)guard->uid, there.of_user, there.all);
}

static sg_status refuse_watch(const struct sg_http_guard *guard, const struct full *full,
                              struct sg_error *err)
{
    log_refused_watch(guard, full);
    sg_fail(err, SG_E_SERVICE, "too_many_watches",
            "no room for another watch: the setting %s allows %zu%s", full->setting, full->max,
            full->of_whom);
    return sg_hint(err, "Raise %s in signetd's configuration and restart it, or end some watches.",
                   full->setting);
}

sg_status sg_http_guard_watch(struct sg_http_server *server, struct evhttp_connection *connection,
                              struct sg_error *err)
{
    struct sg_http_guard *guard = find(server, connection);
    if (guard == NULL || guard->watches) {
        return SG_OK;
    }
    struct full full = watches_full(guard);
    if (full.setting != NULL) {
        sg_http_watchers_let_go(server); /* this one is none of them yet */
        full = watches_full(guard);
    }
    if (full.setting != NULL) {
        return refuse_watch(guard, &full, err);
    }
    guard->watches = true;
    server->watch_count++;
    resume_if_room(server);
    return SG_OK;
}

bool sg_http_guard_watches(const struct sg_http_server *server,
                           struct evhttp_connection *connection)
{
    const struct sg_http_guard *guard = find(server, connection);
    return guard != NULL && guard->watches;
}

void sg_http_pause(struct sg_http_server *server)
{
    struct timeval soon = {.tv_usec = RESUME_US};
    server->paused = true;
    (void)evconnlistener_disable(server->listener);
    (void)event_add(server->resume, &soon);
}

void sg_http_guards_sweep(struct sg_http_server *server)
{
    sg_http_watchers_let_go(server);
    release_ended(server);
    resume_if_room(server);
    if (server->paused) {
        sg_http_pause(server);
    }
}

void sg_http_guards_free(struct sg_http_server *server)
{
    while (server->guards != NULL) {
        release(server->guards);
    }
}
