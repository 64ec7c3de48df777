/* From a request to a row of the table and back to an answer. */
#include "http_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <signet/base/clock.h>
#include <signet/policy/name.h>

#define OPENAPI_ROUTE "/v1/openapi.json"
#define CLOSE_ENOUGH 3u
#define METHOD_NOT_ALLOWED 405

bool sg_http_route(const struct sg_operation *operation, char *out, size_t room)
{
    int len = snprintf(out, room, "/v1/%s%s%s", operation->noun,
                       operation->verb[0] != '\0' ? "/" : "", operation->verb);
    return len > 0 && (size_t)len < room;
}

static const char *method_name(enum evhttp_cmd_type method)
{
    switch (method) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_OPTIONS:
        return "OPTIONS";
    case EVHTTP_REQ_TRACE:
        return "TRACE";
    case EVHTTP_REQ_CONNECT:
        return "CONNECT";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    }
    return "OTHER";
}

/* ---- who ---- */

static struct bufferevent *bufferevent_of(struct evhttp_request *request)
{
    return evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
}

static sg_status identify(struct sg_http_exchange *exchange)
{
    struct ucred credentials;
    socklen_t len = sizeof credentials;
    int fd = bufferevent_getfd(bufferevent_of(exchange->request));
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) != 0 ||
        len != sizeof credentials) {
        return sg_fail_errno(&exchange->err, SG_E_DENIED, "unknown_caller",
                             "cannot tell who is calling");
    }
    exchange->peer = (struct sg_http_peer){
        .uid = credentials.uid,
        .gid = credentials.gid,
        .pid = credentials.pid,
        .connection = sg_http_guard_number(exchange->server,
                                           evhttp_request_get_connection(exchange->request))};
    return SG_OK;
}

/* ---- which operation ---- */

static const struct sg_operation *find_route(const char *path)
{
    char route[SG_HTTP_ROUTE_MAX];
    size_t count = 0;
    const struct sg_operation *rows = sg_operations(&count);
    for (size_t i = 0; i < count; i++) {
        if ((rows[i].flags & SG_OP_CLIENT) == 0 && sg_http_route(&rows[i], route, sizeof route) &&
            strcmp(route, path) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static sg_status no_such_route(struct sg_http_exchange *exchange, const char *path)
{
    char route[SG_HTTP_ROUTE_MAX];
    char best[SG_HTTP_ROUTE_MAX] = OPENAPI_ROUTE;
    unsigned best_distance = CLOSE_ENOUGH + 1;
    size_t count = 0;
    const struct sg_operation *rows = sg_operations(&count);
    for (size_t i = 0; strlen(path) < SG_HTTP_ROUTE_MAX && i < count; i++) {
        if ((rows[i].flags & SG_OP_CLIENT) != 0 || !sg_http_route(&rows[i], route, sizeof route)) {
            continue;
        }
        unsigned distance = sg_name_distance(route, path);
        if (distance < best_distance) {
            best_distance = distance;
            memcpy(best, route, sizeof best);
        }
    }
    sg_fail(&exchange->err, SG_E_NOT_FOUND, "unknown_route", "there is no %.*s", SG_HTTP_ROUTE_MAX,
            path);
    return best_distance <= CLOSE_ENOUGH
               ? sg_hint(&exchange->err, "Did you mean %s?", best)
               : sg_hint(&exchange->err, "See %s for what there is.", OPENAPI_ROUTE);
}

static sg_status check_method(struct sg_http_exchange *exchange, const char *allowed)
{
    const char *method = method_name(evhttp_request_get_command(exchange->request));
    if (strcmp(method, allowed) == 0) {
        return SG_OK;
    }
    exchange->allow = allowed;
    sg_fail(&exchange->err, SG_E_USAGE, "wrong_method", "%s takes %s, not %s", exchange->route,
            allowed, method);
    return sg_hint(&exchange->err, "Send %s %s.", allowed, exchange->route);
}

/* ---- its parameters ---- */

static size_t body_len(const struct sg_http_exchange *exchange)
{
    return evbuffer_get_length(evhttp_request_get_input_buffer(exchange->request));
}

static sg_status refuse_body(struct sg_http_exchange *exchange)
{
    sg_fail(&exchange->err, SG_E_USAGE, "bad_parameter", "GET takes no body");
    return sg_hint(&exchange->err, "Send the parameters in the query string.");
}

/* Every request may say which rehearsal it belongs to, in the query string: a service that knows no
 * rehearsals refuses that, where it would not look at a header and do it. */
static sg_status take_rehearsal(struct sg_http_exchange *exchange, json_t *fields)
{
    const json_t *value = json_object_get(fields, "rehearsal");
    if (value == NULL || sg_param_find(exchange->operation, "rehearsal") != NULL) {
        return SG_OK;
    }
    const char *name = json_string_value(value);
    if (name == NULL || strlen(name) != SG_HTTP_REHEARSAL_LEN ||
        strspn(name, "0123456789abcdef") != SG_HTTP_REHEARSAL_LEN) {
        sg_fail(&exchange->err, SG_E_USAGE, "bad_parameter",
                "rehearsal is a name that rehearsal open gave: %d hexadecimal digits",
                SG_HTTP_REHEARSAL_LEN);
        return sg_hint(&exchange->err, "Send GET /v1/rehearsal/open over the same connection.");
    }
    memcpy(exchange->peer.rehearsal, name, SG_HTTP_REHEARSAL_LEN + 1);
    (void)json_object_del(fields, "rehearsal");
    return SG_OK;
}

/* Of a POST's query string only rehearsal is known, and dry_run where something changes. */
static sg_status take_dry_run(struct sg_http_exchange *exchange, const char *query)
{
    json_t *fields = NULL;
    sg_status s = sg_http_query_parse(exchange->operation, query, &fields, &exchange->err);
    s = s == SG_OK ? take_rehearsal(exchange, fields) : s;
    if (s != SG_OK) {
        json_decref(fields);
        return s;
    }
    const char *value = json_string_value(json_object_get(fields, "dry_run"));
    bool on = value != NULL && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0);
    bool off = value != NULL && (strcmp(value, "0") == 0 || strcmp(value, "false") == 0);
    size_t count = json_object_size(fields);
    bool changes = (exchange->operation->flags & SG_OP_CHANGES) != 0;
    json_decref(fields);
    if (count > (on || off ? 1u : 0u) || (count > 0 && !changes)) {
        sg_fail(&exchange->err, SG_E_USAGE, "bad_parameter",
                "the query string of %s holds something else than %s", exchange->route,
                changes ? "dry_run=1" : "nothing");
        return sg_hint(&exchange->err, "Send the parameters as a JSON object in the body.");
    }
    exchange->dry_run = on;
    return SG_OK;
}

static sg_status take_params(struct sg_http_exchange *exchange)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(exchange->request);
    const char *query = evhttp_uri_get_query(uri);
    sg_status s = SG_OK;
    if (evhttp_request_get_command(exchange->request) == EVHTTP_REQ_GET) {
        s = body_len(exchange) > 0 ? refuse_body(exchange)
                                   : sg_http_query_parse(exchange->operation, query,
                                                         &exchange->params, &exchange->err);
        return s == SG_OK ? take_rehearsal(exchange, exchange->params) : s;
    }
    s = take_dry_run(exchange, query);
    if (s != SG_OK) {
        return s;
    }
    size_t len = body_len(exchange);
    const unsigned char *body =
        evbuffer_pullup(evhttp_request_get_input_buffer(exchange->request), -1);
    if (len > 0 && body == NULL) {
        return sg_fail_memory(&exchange->err);
    }
    return sg_http_body_parse((const char *)body, len, &exchange->params, &exchange->err);
}

/* ---- doing it ---- */

static void add_busy(struct sg_http_server *server, int64_t start_ms)
{
    server->busy_ms += sg_monotonic_ms(sg_clock_system()) - start_ms;
}

static sg_status call_handler(struct sg_http_exchange *exchange)
{
    struct sg_http_server *server = exchange->server;
    int64_t start_ms = sg_monotonic_ms(sg_clock_system());
    sg_status s = server->settings.handler(server->settings.context, &exchange->peer,
                                           exchange->operation, exchange->params, exchange->dry_run,
                                           &exchange->answer, &exchange->err);
    add_busy(server, start_ms);
    return s;
}

static sg_status answer_openapi(struct sg_http_exchange *exchange)
{
    snprintf(exchange->route, sizeof exchange->route, "%s", OPENAPI_ROUTE);
    sg_status s = check_method(exchange, "GET");
    if (s == SG_OK && body_len(exchange) > 0) {
        s = refuse_body(exchange);
    }
    if (s != SG_OK) {
        return s;
    }
    exchange->answer = sg_http_openapi();
    return exchange->answer != NULL ? SG_OK : sg_fail_memory(&exchange->err);
}

/* Everything before the handler. SG_OK with an operation: it is the handler's turn. */
static sg_status prepare(struct sg_http_exchange *exchange)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(exchange->request);
    const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
    if (path == NULL) {
        return sg_fail(&exchange->err, SG_E_USAGE, "bad_request", "the request names no path");
    }
    if (strcmp(path, OPENAPI_ROUTE) == 0) {
        return answer_openapi(exchange);
    }
    exchange->operation = find_route(path);
    if (exchange->operation == NULL) {
        return no_such_route(exchange, path);
    }
    (void)sg_http_route(exchange->operation, exchange->route, sizeof exchange->route);
    sg_status s = check_method(exchange, sg_operation_method(exchange->operation));
    if (s == SG_OK) {
        s = take_params(exchange);
    }
    if (s == SG_OK) {
        s = sg_http_check_params(exchange->operation, exchange->params, &exchange->err);
    }
    return s;
}

/* ---- the answer ---- */

static int add_text(const char *text, size_t len, void *buffer)
{
    return evbuffer_add(buffer, text, len);
}

/* Not for a moment's reading: a connection that answers a client who has already closed its sending
 * half must not take that for the end before everything is written. evhttp reads again once it is.
 */
static void stop_reading(struct evhttp_request *request)
{
    (void)bufferevent_disable(bufferevent_of(request), EV_READ);
}

static void send_answer(const struct sg_http_exchange *exchange, int code, const json_t *answer)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(exchange->request);
    struct evbuffer *body = evbuffer_new();
    (void)evhttp_add_header(headers, "Content-Type", "application/json");
    (void)evhttp_add_header(headers, "Cache-Control", "no-store");
    if (exchange->allow != NULL) {
        (void)evhttp_add_header(headers, "Allow", exchange->allow);
    }
    bool has_body = evhttp_request_get_command(exchange->request) != EVHTTP_REQ_HEAD;
    if (body == NULL ||
        (has_body && (json_dump_callback(answer, add_text, body, JSON_COMPACT) != 0 ||
                      evbuffer_add(body, "\n", 1) != 0))) {
        code = sg_status_info(SG_E_NO_MEMORY)->http_code;
        if (body != NULL) {
            (void)evbuffer_drain(body, evbuffer_get_length(body));
        }
    }
    evhttp_send_reply(exchange->request, code, NULL, body);
    if (body != NULL) {
        evbuffer_free(body);
    }
    stop_reading(exchange->request);
}

static void log_failure(const struct sg_http_exchange *exchange)
{
    char request[sizeof((struct sg_http_failure *)0)->request];
    snprintf(request, sizeof request, "method=%s route=%s uid=%u pid=%d%s",
             method_name(evhttp_request_get_command(exchange->request)),
             exchange->route[0] != '\0' ? exchange->route : "-", (unsigned)exchange->peer.uid,
             (int)exchange->peer.pid, exchange->peer.rehearsal[0] != '\0' ? " rehearsed=yes" : "");
    sg_http_failures_note(&exchange->server->failures, exchange->peer.uid, request, &exchange->err);
}

static void answer(struct sg_http_exchange *exchange, sg_status status)
{
    if (status == SG_OK) {
        json_t *nothing = exchange->answer == NULL ? json_object() : NULL;
        send_answer(exchange, sg_status_info(SG_OK)->http_code,
                    nothing != NULL ? nothing : exchange->answer);
        json_decref(nothing);
        return;
    }
    if (exchange->err.status != status) { /* a handler that failed without saying why */
        sg_fail(&exchange->err, status, NULL, "the operation failed without a reason");
    }
    log_failure(exchange);
    json_t *failure = sg_http_error_json(&exchange->err);
    int code = exchange->allow != NULL ? METHOD_NOT_ALLOWED : sg_status_info(status)->http_code;
    send_answer(exchange, code, failure);
    json_decref(failure);
}

static void on_answered(struct evhttp_request *request, void *context)
{
    sg_http_guard_restart(context, evhttp_request_get_connection(request));
}

void sg_http_exchange_free(struct sg_http_exchange *exchange)
{
    json_decref(exchange->params);
    json_decref(exchange->answer);
    free(exchange);
}

static bool nothing_changed(const struct sg_http_exchange *exchange, sg_status status)
{
    return status == SG_OK && (exchange->operation->flags & SG_OP_WATCHES) != 0 &&
           !json_is_true(json_object_get(exchange->answer, "changed"));
}

/* A watcher's patience is a parameter of its operation, seconds. */
static bool goes_on_waiting(struct sg_http_exchange *exchange)
{
    int64_t now_ms = sg_monotonic_ms(sg_clock_system());
    if (exchange->until_ms == 0) {
        json_int_t wait_s = json_integer_value(json_object_get(exchange->params, "wait_s"));
        exchange->until_ms = now_ms + (int64_t)wait_s * 1000;
    }
    return now_ms < exchange->until_ms;
}

static void finish(struct sg_http_exchange *exchange, sg_status status)
{
    sg_http_guard_restart(exchange->server, evhttp_request_get_connection(exchange->request));
    answer(exchange, status);
    sg_http_exchange_free(exchange);
}

bool sg_http_exchange_finish(struct sg_http_exchange *exchange)
{
    sg_status status = call_handler(exchange);
    if (nothing_changed(exchange, status) && goes_on_waiting(exchange)) {
        json_decref(exchange->answer);
        exchange->answer = NULL;
        return false;
    }
    finish(exchange, status);
    return true;
}

static void close_with_answer(struct evhttp_request *request)
{
    (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
}

/* Who is it, is there room for its connection, and what does it want? */
static sg_status receive(struct sg_http_exchange *exchange)
{
    struct sg_http_server *server = exchange->server;
    struct evhttp_connection *connection = evhttp_request_get_connection(exchange->request);
    sg_status s = identify(exchange);
    s = s == SG_OK ? sg_http_guard_follow(server, connection, &exchange->err) : s;
    s = s == SG_OK ? sg_http_check_head(exchange->request, &exchange->err) : s;
    if (s != SG_OK) {
        close_with_answer(exchange->request);
        return s;
    }
    s = prepare(exchange);
    if (s == SG_OK && exchange->operation != NULL &&
        (exchange->operation->flags & SG_OP_WATCHES) != 0) {
        s = sg_http_guard_watch(server, connection, &exchange->err);
        if (s != SG_OK) {
            close_with_answer(exchange->request);
        }
    }
    return s;
}

void sg_http_on_request(struct evhttp_request *request, void *context)
{
    struct sg_http_server *server = context;
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    struct sg_http_exchange *exchange = calloc(1, sizeof *exchange);
    evhttp_request_set_on_complete_cb(request, on_answered, server);
    if (exchange == NULL) {
        evhttp_send_error(request, sg_status_info(SG_E_NO_MEMORY)->http_code, NULL);
        return;
    }
    *exchange =
        (struct sg_http_exchange){.server = server, .request = request, .err = SG_ERROR_INIT};
    sg_status status = receive(exchange);
    if (status != SG_OK || exchange->operation == NULL) {
        finish(exchange, status);
        return;
    }
    stop_reading(request);
    exchange->of_watch = sg_http_guard_watches(server, connection);
    sg_http_guard_rest(server, connection);
    sg_http_queue_add(server, exchange);
}
