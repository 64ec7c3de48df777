/* A deadline for each connection, and their number. evhttp's own time-out starts again with every
 * byte, so that a client that sends one a second is never cut (libevent 2.1.12). A guard keeps a
 * reference on the connection's bufferevent and a timer. evhttp does not say when it frees a
 * connection that never sent a whole request; what can be seen is that bufferevent_free() takes the
 * callbacks away. */
#include "http_internal.h"

#include <stdlib.h>
#include <sys/socket.h>

#include <signet/base/clock.h>
#include <signet/base/log.h>

#define RESUME_US 50000L
#define AFTER_CUT_MS 1000 /* how soon a cut connection is looked at again */

struct sg_http_guard {
    struct sg_http_server *server;
    struct bufferevent *connection;
    struct event *timer;
    int64_t busy_ms; /* the server's, when the deadline started */
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

static void release(struct sg_http_guard *guard)
{
    struct sg_http_server *server = guard->server;
    if (guard->next != NULL) {
        guard->next->previous = guard->previous;
    }
    if (guard->previous != NULL) {
        guard->previous->next = guard->next;
    } else {
        server->guards = guard->next;
    }
    server->guard_count--;
    event_free(guard->timer);
    (void)bufferevent_decref(guard->connection);
    free(guard);
}

static bool has_ended(const struct sg_http_guard *guard)
{
    bufferevent_event_cb on_event = NULL;
    bufferevent_getcb(guard->connection, NULL, NULL, &on_event, NULL);
    return on_event == NULL;
}

static void on_deadline(evutil_socket_t unused, short what, void *context)
{
    struct sg_http_guard *guard = context;
    (void)unused;
    (void)what;
    if (has_ended(guard)) {
        release(guard);
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
    /* evhttp sees the end of file and frees the connection by itself. */
    (void)shutdown(bufferevent_getfd(guard->connection), SHUT_RDWR);
    arm(guard, AFTER_CUT_MS);
}

static struct sg_http_guard *make_guard(struct sg_http_server *server,
                                        struct bufferevent *connection)
{
    struct sg_http_guard *guard = calloc(1, sizeof *guard);
    if (guard == NULL) {
        return NULL;
    }
    guard->timer = evtimer_new(server->base, on_deadline, guard);
    if (guard->timer == NULL) {
        free(guard);
        return NULL;
    }
    bufferevent_incref(connection);
    guard->connection = connection;
    guard->server = server;
    guard->next = server->guards;
    if (guard->next != NULL) {
        guard->next->previous = guard;
    }
    server->guards = guard;
    server->guard_count++;
    return guard;
}

struct bufferevent *sg_http_guard_new(struct event_base *base, void *context)
{
    struct sg_http_server *server = context;
    struct bufferevent *connection = bufferevent_socket_new(base, -1, 0);
    if (connection == NULL) {
        return NULL;
    }
    struct sg_http_guard *guard = make_guard(server, connection);
    if (guard == NULL) {
        bufferevent_free(connection);
        return NULL;
    }
    arm(guard, deadline_ms(server));
    if (server->guard_count >= server->settings.connections_max) {
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

static void resume_if_room(struct sg_http_server *server)
{
    if (server->paused && server->guard_count < server->settings.connections_max) {
        server->paused = false;
        (void)evconnlistener_enable(server->listener);
    }
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

void sg_http_guard_follow(struct sg_http_server *server, struct evhttp_connection *connection)
{
    evhttp_connection_set_closecb(connection, on_close, server);
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
    for (struct sg_http_guard *guard = server->guards, *next = NULL; guard != NULL; guard = next) {
        next = guard->next;
        if (has_ended(guard)) {
            release(guard);
        }
    }
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
