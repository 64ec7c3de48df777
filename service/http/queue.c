/* The handler takes one request at a time, and may take long: it waits for tokens. What comes
 * meanwhile waits for its turn here; watchers wait for a change. Connections of both are not read
 * from, so that they end when their answer finds nobody, and not before. */
#include "http_internal.h"

#include <poll.h>
#include <stdlib.h>

#include <signet/base/clock.h>

#define WORK_MAX 64 /* requests between two turns of the event loop */

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
    free_all(server->commands.first);
    free_all(server->watches.first);
    free_all(server->watchers);
    if (server->watch != NULL) {
        event_free(server->watch);
    }
}

static struct sg_http_list *list_of(struct sg_http_server *server,
                                    const struct sg_http_exchange *exchange)
{
    return exchange->of_watch ? &server->watches : &server->commands;
}

static void append(struct sg_http_server *server, struct sg_http_exchange *exchange)
{
    struct sg_http_list *list = list_of(server, exchange);
    exchange->next = NULL;
    *list->end = exchange;
    list->end = &exchange->next;
}

static void prepend(struct sg_http_server *server, struct sg_http_exchange *exchange)
{
    struct sg_http_list *list = list_of(server, exchange);
    exchange->next = list->first;
    if (list->first == NULL) {
        list->end = &exchange->next;
    }
    list->first = exchange;
}

/* A private key is on its way, out of a token or into one. */
static bool asks_a_token(const struct sg_http_exchange *exchange)
{
    for (const struct sg_param *param = exchange->operation->params; param->name != NULL; param++) {
        if (param->type == SG_PARAM_CARRIED &&
            json_object_get(exchange->params, param->name) != NULL) {
            return true;
        }
    }
    return false;
}

/* It sees what is there, lets nobody wait, and is not one that waits for its turn itself. */
static bool only_reads(const struct sg_http_exchange *exchange)
{
    return (exchange->operation->flags & (SG_OP_CHANGES | SG_OP_TOKEN | SG_OP_ALONE)) == 0 &&
           !asks_a_token(exchange);
}

/* NULL: there is none. */
static struct sg_http_exchange *take_from(struct sg_http_list *list, bool reader)
{
    struct sg_http_exchange **link = &list->first;
    while (reader && *link != NULL && !only_reads(*link)) {
        link = &(*link)->next;
    }
    struct sg_http_exchange *taken = *link;
    if (taken != NULL) {
        *link = taken->next;
        list->end = list->end == &taken->next ? link : list->end;
    }
    return taken;
}

/* The oldest, or the oldest that only reads. There may be very many watches, all of one user: a
 * command waits for one of them at most, whoever else waits before it. */
static struct sg_http_exchange *take(struct sg_http_server *server, bool reader)
{
    struct sg_http_list *lists[] = {&server->commands, &server->watches};
    size_t first = server->watch_is_next ? 1 : 0;
    struct sg_http_exchange *taken = take_from(lists[first], reader);
    taken = taken != NULL ? taken : take_from(lists[1 - first], reader);
    server->watch_is_next = taken != NULL && !taken->of_watch;
    return taken;
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

bool sg_http_server_work(struct sg_http_server *server)
{
    struct sg_http_exchange *next = NULL;
    if (server->working) {
        return false;
    }
    server->working = true;
    for (unsigned i = 0; i < WORK_MAX && (next = take(server, false)) != NULL; i++) {
        perform(server, next);
    }
    server->working = false;
    return server->commands.first != NULL || server->watches.first != NULL;
}

/* Only those whose time is up: the others would be asked again and again for nothing. */
static void on_watch(evutil_socket_t unused, short what, void *context)
{
    struct sg_http_server *server = context;
    struct sg_http_exchange **link = &server->watchers;
    int64_t now_ms = sg_monotonic_ms(sg_clock_system()), next_ms = INT64_MAX;
    (void)unused;
    (void)what;
    while (*link != NULL) {
        struct sg_http_exchange *watcher = *link;
        if (watcher->until_ms > now_ms) {
            next_ms = watcher->until_ms < next_ms ? watcher->until_ms : next_ms;
            link = &watcher->next;
        } else {
            *link = watcher->next;
            append(server, watcher);
        }
    }
    server->watch_ms = 0;
    if (server->watchers != NULL) {
        watch_until(server, next_ms);
    }
}

sg_status sg_http_queue_init(struct sg_http_server *server, struct sg_error *err)
{
    server->commands.end = &server->commands.first;
    server->watches.end = &server->watches.first;
    server->watch = evtimer_new(server->base, on_watch, server);
    return server->watch != NULL ? SG_OK : sg_fail_memory(err);
}

bool sg_http_server_meanwhile(struct sg_http_server *server)
{
    struct sg_http_exchange *reader = take(server, true);
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
        sg_http_exchange_free(watcher);
        evhttp_connection_free(connection); /* and the request; its guard hears of it */
    }
}
