/* HTTP/1.1 + JSON on a Unix socket (libevent's evhttp): routes, limits and callers; what an
 * operation does is the handler's. The wire is docs/protocol-http.md. */
#ifndef SIGNET_HTTP_SERVER_H
#define SIGNET_HTTP_SERVER_H

#include <sys/types.h>

#include <event2/event.h>
#include <jansson.h>

#include <signet/base/error.h>
#include <signet/interface/spec.h>

#define SG_HTTP_CONNECTIONS_MAX 512 /**< unless the settings say otherwise */
#define SG_HTTP_REHEARSAL_LEN 32    /**< hexadecimal digits of a rehearsal's name */

/** Who is at the other end, from SO_PEERCRED, and over which connection. */
struct sg_http_peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
    uint64_t connection;                       /**< its number; never 0, never given twice */
    char rehearsal[SG_HTTP_REHEARSAL_LEN + 1]; /**< that the request is a part of, or empty */
};

/** Perform an operation. params is a JSON object whose fields were checked against the row: known,
 * of their type and within bounds, required ones present (borrowed). *answer: new reference on
 * SG_OK. */
typedef sg_status (*sg_http_handler)(void *context, const struct sg_http_peer *peer,
                                     const struct sg_operation *operation, json_t *params,
                                     bool dry_run, json_t **answer, struct sg_error *err);

struct sg_http_settings {
    int listener;           /**< listening SOCK_STREAM Unix socket; stays the caller's */
    size_t body_max;        /**< bytes of a request's body (default 8 MiB when 0) */
    size_t header_max;      /**< bytes of request line and headers (default 16 KiB when 0) */
    size_t connections_max; /**< further ones wait in the listen queue (default 512 when 0) */
    size_t connections_per_user_max; /**< of one uid; further ones are answered 503 and closed
                                        (default a quarter of connections_max when 0). An eighth of
                                        all is kept for root and the service's own user */
    size_t watches_max; /**< connections over which a request that waits for a change has come,
                           beside the others (default connections_max when 0) */
    size_t watches_per_user_max; /**< of one uid (default half of watches_max when 0); further
                                    requests are answered 503 and their connections closed. An
                                    eighth of all is kept likewise */
    int request_deadline_s; /**< from a connection's start or last answer to the next whole request
                               (default 30 when 0) */
    sg_http_handler handler;
    /** A connection over which a request came has ended. Called from within the event loop, also
     * while a handler is under way. May be NULL. */
    void (*gone)(void *context, uint64_t connection);
    void *context;
};

struct sg_http_server;
SG_CHECKED sg_status sg_http_server_new(struct event_base *base,
                                        const struct sg_http_settings *settings,
                                        struct sg_http_server **out, struct sg_error *err);
void sg_http_server_free(struct sg_http_server *server);
/** Perform requests that have come, one after the other; true when there are more of them, and the
 * loop is to be turned without waiting. Call it after each turn of the event loop, outside of its
 * callbacks: a handler may turn the loop itself while it waits, and requests
 * that come then wait for their turn, except for operations that are answered at any time and for
 * sg_http_server_meanwhile. */
bool sg_http_server_work(struct sg_http_server *server);
/** Perform one of them that only reads and needs no token (who wants a private key does); false
 * when there is none. For a handler that waits, where nothing is half done: the readers see what
 * was there before it. Their handler must not wait in turn. */
bool sg_http_server_meanwhile(struct sg_http_server *server);
/** Something that watchers wait for may have changed: look again with the next work. */
void sg_http_server_changed(struct sg_http_server *server);

/** Turn an error into its JSON: {"error": {"code", "status", "text", "hint", "object"}}. New
 * reference. */
json_t *sg_http_error_json(const struct sg_error *err);
/** The OpenAPI 3.0 document of all routes, from the table. New reference. */
json_t *sg_http_openapi(void);
/** Check a JSON object against a row's parameters: unknown fields, types, bounds, required ones.
 * SG_E_USAGE "bad_parameter" names the field. */
SG_CHECKED sg_status sg_http_check_params(const struct sg_operation *operation,
                                          const json_t *params, struct sg_error *err);

#endif
