#include <signet/http/server.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <signet/base/log.h>

#include "http_internal.h"

#define BODY_MAX ((size_t)8 << 20)
#define HEADER_MAX ((size_t)16 << 10)
#define DEADLINE_S 30

/* Every method comes to us: which one a route takes is ours to say, with an Allow header. */
#define ALL_METHODS 0xffffu

static void on_resume(evutil_socket_t unused, short what, void *context)
{
    (void)unused;
    (void)what;
    sg_http_guards_sweep(context);
}

/* Out of descriptors, most often: trying again at once would only burn time. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
    (void)listener;
    sg_log(SG_LOG_ERROR, "event=http_accept_failed errno=%d", errno);
    sg_http_pause(context);
}

static void take_settings(struct sg_http_server *server, const struct sg_http_settings *settings)
{
    struct sg_http_settings *own = &server->settings;
    *own = *settings;
    own->body_max = own->body_max != 0 ? own->body_max : BODY_MAX;
    own->header_max = own->header_max != 0 ? own->header_max : HEADER_MAX;
    own->connections_max =
        own->connections_max != 0 ? own->connections_max : SG_HTTP_CONNECTIONS_MAX;
    own->connections_per_user_max = own->connections_per_user_max != 0
                                        ? own->connections_per_user_max
                                        : (own->connections_max + 3) / 4;
    own->watches_max = own->watches_max != 0 ? own->watches_max : own->connections_max;
    own->watches_per_user_max =
        own->watches_per_user_max != 0 ? own->watches_per_user_max : (own->watches_max + 1) / 2;
    own->request_deadline_s = own->request_deadline_s > 0 ? own->request_deadline_s : DEADLINE_S;
}

static void set_limits(struct sg_http_server *server)
{
    evhttp_set_max_body_size(server->http, (ev_ssize_t)server->settings.body_max);
    evhttp_set_max_headers_size(server->http, (ev_ssize_t)server->settings.header_max);
    evhttp_set_allowed_methods(server->http, (ev_uint16_t)ALL_METHODS);
    evhttp_set_default_content_type(server->http, "application/json");
    evhttp_set_bevcb(server->http, sg_http_guard_new, server);
    evhttp_set_gencb(server->http, sg_http_on_request, server);
}

static sg_status listen_here(struct sg_http_server *server, struct sg_error *err)
{
    int fd = server->settings.listener;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot prepare the HTTP socket");
    }
    server->listener = evconnlistener_new(server->base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (server->listener == NULL) {
        return sg_fail_memory(err);
    }
    if (evhttp_bind_listener(server->http, server->listener) == NULL) {
        evconnlistener_free(SG_STEAL(server->listener));
        return sg_fail_memory(err);
    }
    evconnlistener_set_error_cb(server->listener, on_accept_error);
    return SG_OK;
}

SG_DEFINE_CLEANUP(struct sg_http_server *, sg_http_server_free)

sg_status sg_http_server_new(struct event_base *base, const struct sg_http_settings *settings,
                             struct sg_http_server **out, struct sg_error *err)
{
    SG_CLEANUP(sg_http_server_freep) struct sg_http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return sg_fail_memory(err);
    }
    server->base = base;
    take_settings(server, settings);
    server->resume = evtimer_new(base, on_resume, server);
    server->http = evhttp_new(base);
    if (server->http == NULL || server->resume == NULL) {
        return sg_fail_memory(err);
    }
    set_limits(server);
    sg_http_guard_reads();
    sg_status s = sg_http_queue_init(server, err);
    s = s == SG_OK ? sg_http_failures_init(&server->failures, base, err) : s;
    s = s == SG_OK ? listen_here(server, err) : s;
    if (s == SG_OK) {
        *out = SG_STEAL(server);
    }
    return s;
}

void sg_http_server_free(struct sg_http_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->http != NULL) {
        server->paused = false;    /* or the end of a connection opens a listener that has gone */
        evhttp_free(server->http); /* and the listener; its descriptor stays open */
    }
    sg_http_queue_free(server);
    sg_http_guards_free(server);
    sg_http_failures_done(&server->failures);
    if (server->resume != NULL) {
        event_free(server->resume);
    }
    free(server);
}
