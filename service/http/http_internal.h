/* What the files of this room share. */
#ifndef SIGNET_HTTP_INTERNAL_H
#define SIGNET_HTTP_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>

#include <signet/base/log.h>
#include <signet/http/server.h>

#define SG_HTTP_ROUTE_MAX 80  /**< bytes of the longest route */
#define SG_HTTP_DEPTH_MAX 32u /**< levels of nesting in a body */
#define SG_HTTP_VALUES_MAX                                                                         \
    16384u /**< values in a body: a small text must not become a large tree */
#define SG_HTTP_NAME_MAX                                                                           \
    1100u /**< bytes of OWNER/LABEL and the like; the model's own limits are tighter */
#define SG_HTTP_TEXT_MAX 4096u     /**< bytes of a text whose row names no maximum */
#define SG_HTTP_BASE64_MAX 262144u /**< characters of one certificate or request */

/* ---- guard.c: a deadline for each connection ---- */

struct sg_http_guard;
struct sg_http_exchange;

/** Requests that wait for their turn, oldest first. */
struct sg_http_list {
    struct sg_http_exchange *first, **end; /**< end: where the next one's address goes */
};

#define SG_HTTP_FAILURES 16 /* users */

/** Failed requests that the log has not told of yet, a row for each user. */
struct sg_http_failures {
    struct event *timer;
    struct sg_http_failure {
        uint64_t count;  /**< since its last line */
        int64_t told_ms; /**< when that was, monotonic; 0: a free row */
        uid_t uid;
        /* of the gravest, the last of several */
        enum sg_log_level level;
        char request[160];
        struct sg_error why;
    } rows[SG_HTTP_FAILURES];
};

struct sg_http_server {
    struct event_base *base;
    struct sg_http_settings settings;
    struct evhttp *http;
    struct evconnlistener *listener; /**< the evhttp's */
    struct event *resume;            /**< looks for room again while the listener is paused */
    bool paused;
    struct sg_http_guard *guards;
    size_t guard_count, watch_count;       /**< all of them, and those of watches */
    uint64_t last_connection;              /**< number of the newest */
    size_t unjudged;                       /**< of them, those whose user is not known yet */
    int64_t refused_ms, watch_refused_ms;  /**< when one was last logged, monotonic */
    bool working;                          /**< a handler is under way */
    struct sg_http_list commands, watches; /**< for the handler: of watches, and the others */
    bool watch_is_next;                    /**< these two take turns */
    struct sg_http_failures failures;
    struct sg_http_exchange *watchers; /**< answered when something has changed */
    struct event *watch;               /**< the first watcher's time is up */
    int64_t watch_ms;                  /**< when that is, monotonic; 0: no watcher */
    int64_t busy_ms; /**< spent in handlers so far: time in which no client was heard, and which
                        counts against none */
};

/** From now on what libevent reads in this process comes without descriptors (reading.c). */
void sg_http_guard_reads(void);
/** evhttp's bufferevent callback: make a connection's bufferevent and its guard. */
struct bufferevent *sg_http_guard_new(struct event_base *base, void *server);
/** A whole request came, or a whole answer went: the deadline starts again. */
void sg_http_guard_restart(struct sg_http_server *server, struct evhttp_connection *connection);
/** A request waits for its turn: its connection has no deadline until then. */
void sg_http_guard_rest(struct sg_http_server *server, struct evhttp_connection *connection);
/** The number of a connection. */
uint64_t sg_http_guard_number(const struct sg_http_server *server,
                              struct evhttp_connection *connection);
/** Have the guard end with its connection. SG_E_SERVICE "too_many_connections": its user has too
 * many; it is to be closed with the answer. */
SG_CHECKED sg_status sg_http_guard_follow(struct sg_http_server *server,
                                          struct evhttp_connection *connection,
                                          struct sg_error *err);
/** A request that waits for a change has come over the connection: from now on it counts as a
 * watch's, and takes no other's place. SG_E_SERVICE "too_many_watches": it is to be closed with the
 * answer. */
SG_CHECKED sg_status sg_http_guard_watch(struct sg_http_server *server,
                                         struct evhttp_connection *connection,
                                         struct sg_error *err);
bool sg_http_guard_watches(const struct sg_http_server *server,
                           struct evhttp_connection *connection);
/** Stop accepting for a moment. */
void sg_http_pause(struct sg_http_server *server);
/** Release guards whose connections have ended; accept again when there is room. */
void sg_http_guards_sweep(struct sg_http_server *server);
void sg_http_guards_free(struct sg_http_server *server);

/* ---- routes.c ---- */

/** One request on its way. */
struct sg_http_exchange {
    struct sg_http_server *server;
    struct sg_http_exchange *next;
    struct evhttp_request *request;
    struct sg_http_peer peer;
    char route[SG_HTTP_ROUTE_MAX]; /**< as the table writes it; empty when there is none */
    const char *allow;             /**< the method of a route that was asked with another one */
    const struct sg_operation *operation;
    bool dry_run;
    bool of_watch; /**< its connection counts as a watch's */
    json_t *params, *answer;
    struct sg_error err;
    int64_t until_ms; /**< a watcher's: answered then whatever is the case; 0: not known yet */
};
/** Let the handler perform it, and answer. False: nothing has changed for a watcher, and it goes on
 * waiting. */
bool sg_http_exchange_finish(struct sg_http_exchange *exchange);
void sg_http_exchange_free(struct sg_http_exchange *exchange);

/* ---- queue.c: the handler's turn ---- */

/** Takes the exchange over: performed at once when it may be, otherwise in its turn. */
void sg_http_queue_add(struct sg_http_server *server, struct sg_http_exchange *exchange);
/** Has the other end closed altogether? One that only says nothing more has not. */
bool sg_http_hung_up(struct bufferevent *connection);
/** Watchers are not read from: end the connections of those whose client is gone. Not from within
 * evhttp's callbacks for one of them. */
void sg_http_watchers_let_go(struct sg_http_server *server);
SG_CHECKED sg_status sg_http_queue_init(struct sg_http_server *server, struct sg_error *err);
void sg_http_queue_free(struct sg_http_server *server);

/** evhttp's general callback; context: struct sg_http_server. */
void sg_http_on_request(struct evhttp_request *request, void *context);

/* ---- refusals.c ---- */

/** Put an answer in JSON in the place of a page of evhttp's own that waits to be written: of the
 * same status. False: there is none. */
bool sg_http_page_replace(const struct sg_http_server *server, struct evbuffer *output);
/** Refuse head fields that can be read in more than one way. SG_E_USAGE "bad_request": it is to be
 * closed with the answer, for where the next request begins is not known. */
SG_CHECKED sg_status sg_http_check_head(struct evhttp_request *request, struct sg_error *err);

/* ---- query.c, body.c ---- */

/** Read a query string (may be NULL) into an object, each field by the row's type. Undeclared names
 * come as strings, for the check to refuse. SG_E_USAGE "bad_query". *out: new reference. */
SG_CHECKED sg_status sg_http_query_parse(const struct sg_operation *operation, const char *query,
                                         json_t **out, struct sg_error *err);
/** Read a body: a JSON object, or nothing, which is {}. SG_E_USAGE "bad_json" with the position.
 * *out: new reference. */
SG_CHECKED sg_status sg_http_body_parse(const char *data, size_t len, json_t **out,
                                        struct sg_error *err);

/* ---- failures.c: failed requests in the log ---- */

SG_CHECKED sg_status sg_http_failures_init(struct sg_http_failures *failures,
                                           struct event_base *base, struct sg_error *err);
/** Log what is not told yet, and end. */
void sg_http_failures_done(struct sg_http_failures *failures);
/** A user's request has failed, as request describes it (key=value): a line now, or one for all of
 * this second behind it. More users than there are rows share the last one. */
void sg_http_failures_note(struct sg_http_failures *failures, uid_t uid, const char *request,
                           const struct sg_error *why);

/** The route of a row, "/v1/cert/add". False when it does not fit. */
bool sg_http_route(const struct sg_operation *operation, char *out, size_t room);

#endif
