/* The handler takes one request at a time, and may take long: it waits for tokens. What comes
 * meanwhile waits for its turn here; watchers wait for a change. Connections of both are not read
 * from, so that they end when their answer finds nobody, and not before. */
#include "http_internal.h"

#include <poll.h>
#include <stdlib.h>

#include <signet/base/clock.h>

static void on_watch(evutil_socket_t unused, short what, void *context)
{
    (void)unused;
    (void)what;
    sg_http_server_changed(context);
}

sg_status sg_http_queue_init(struct sg_http_server *server, struct sg_error *err)
{
    server->queue_end = &server->queue;
    server->watch = evtimer_new(server->base, on_watch, server);
    return server->watch != NULL ? SG_OK : sg_fail_memory(err);
}

static void free_all(struct sg_http_exchange *list)
{
    while (list != NULL) {
        struct sg_http_exchange *next = list->next;
        sg_http_exchange_free(list);
        list = next;
    }
}

void sg_http_queue_free(struct sg_http_server *server)
{
    free_all(server->queue);
    free_all(server->watchers);
    if (server->watch != NULL) {
        event_free(server->watch);
    }
}

static void append(struct sg_http_server *server, struct sg_http_exchange *exchange)
{
    exchange->next = NULL;
    *server->queue_end = exchange;
    server->queue_end = &exchange->next;
}

static void prepend(struct sg_http_server *server, struct sg_http_exchange *exchange)
{
    exchange->next = server->queue;
    if (server->queue == NULL) {
        server->queue_end = &exchange->next;
    }
    server->queue = exchange;
}

static struct sg_http_exchange *take_first(struct sg_http_server *server)
{
    struct sg_http_exchange *first = server->queue;
    server->queue = first->next;
    if (server->queue == NULL) {
        server->queue_end = &server->queue;
    }
    return first;
}

static void watch_until(struct sg_http_server *server, int64_t until_ms)
{
    int64_t left_ms = until_ms - sg_monotonic_ms(sg_clock_system());
    left_ms = left_ms > 0 ? left_ms : 0;
    struct timeval left = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
    if (server->watch_ms == 0 || until_ms < server->watch_ms) {
        server->watch_ms = until_ms;
        (void)event_base_update_cache_time(server->base);
        (void)event_add(server->watch, &left);
    }
}

static void perform(struct sg_http_server *server, struct sg_http_exchange *exchange)
{
    if (sg_http_exchange_finish(exchange)) {
        return;
    }
    exchange->next = server->watchers;
    server->watchers = exchange;
    watch_until(server, exchange->until_ms);
}

void sg_http_queue_add(struct sg_http_server *server, struct sg_http_exchange *exchange)
{
    bool anytime = (exchange->operation->flags & SG_OP_ANYTIME) != 0;
    if (anytime && server->working) {
        perform(server, exchange);
    } else if (anytime) {
        prepend(server, exchange);
    } else {
        append(server, exchange);
    }
}

void sg_http_server_work(struct sg_http_server *server)
{
    if (server->working) {
        return;
    }
    server->working = true;
    while (server->queue != NULL) {
        perform(server, take_first(server));
    }
    server->working = false;
}

/* It sees what is there, lets nobody wait, and is not one that waits for its turn itself. */
static bool only_reads(const struct sg_http_exchange *exchange)
{
    return (exchange->operation->flags & (SG_OP_CHANGES | SG_OP_TOKEN | SG_OP_ALONE)) == 0;
}

/* NULL: there is none. */
static struct sg_http_exchange *take_reader(struct sg_http_server *server)
{
    struct sg_http_exchange **link = &server->queue;
    while (*link != NULL && !only_reads(*link)) {
        link = &(*link)->next;
    }
    struct sg_http_exchange *reader = *link;
    if (reader != NULL) {
        *link = reader->next;
        if (server->queue_end == &reader->next) {
            server->queue_end = link;
        }
    }
    return reader;
}

bool sg_http_server_meanwhile(struct sg_http_server *server)
{
    struct sg_http_exchange *reader = take_reader(server);
    if (reader != NULL) {
        perform(server, reader);
    }
    return reader != NULL;
}

/* Newest first, as they are kept: the order among watchers means nothing. */
void sg_http_server_changed(struct sg_http_server *server)
{
    server->watch_ms = 0;
    while (server->watchers != NULL) {
        struct sg_http_exchange *next = server->watchers->next;
        append(server, server->watchers);
        server->watchers = next;
    }
}

bool sg_http_hung_up(struct bufferevent *connection)
{
    struct pollfd socket = {.fd = bufferevent_getfd(connection)};
    return socket.fd >= 0 && poll(&socket, 1, 0) == 1 &&
           (socket.revents & (POLLHUP | POLLERR)) != 0;
}

void sg_http_watchers_let_go(struct sg_http_server *server)
{
    struct sg_http_exchange **link = &server->watchers;
    while (*link != NULL) {
        struct sg_http_exchange *watcher = *link;
        struct evhttp_connection *connection = evhttp_request_get_connection(watcher->request);
        if (!sg_http_hung_up(evhttp_connection_get_bufferevent(connection))) {
            link = &watcher->next;
            continue;
        }
        *link = watcher->next;
        watcher->until_ms = 1; /* long ago: its answer ends the connection */
        append(server, watcher);
    }
}
