/* HTTP/1.1 over a Unix socket, as a client (RFC 9112). */
#ifndef SIGNET_CLI_HTTP_INTERNAL_H
#define SIGNET_CLI_HTTP_INTERNAL_H

#include <stdbool.h>

#include <signet/base/buffer.h>

/** A connection, kept between two requests as long as the other end keeps it. */
struct sg_http {
    const char *socket; /**< path, borrowed */
    int fd;             /**< -1: none */
};

struct sg_http_request {
    const char *method;
    const char *target; /**< path and query, escaped */
    const char *body;   /**< JSON; NULL: none */
    int timeout_s;      /**< for everything but connecting, which has ten seconds of its own */
};

enum sg_http_outcome {
    SG_HTTP_ANSWERED,
    SG_HTTP_UNREACHABLE, /**< not connected; errno says why */
    SG_HTTP_TIMEOUT,
    SG_HTTP_GONE,      /**< the connection ended before the answer did */
    SG_HTTP_GARBAGE,   /**< what came is no HTTP */
    SG_HTTP_TOO_LARGE, /**< the answer is longer than the buffer may become */
    SG_HTTP_NO_MEMORY,
};

/** Send a request and read the answer's body into answer (emptied by the caller); *status: the
 * HTTP status. Nothing is sent twice. */
enum sg_http_outcome sg_http_exchange(struct sg_http *http, const struct sg_http_request *request,
                                      struct sg_buffer *answer, unsigned *status);
void sg_http_close(struct sg_http *http);

/** Append text with everything but unreserved characters as %XX (RFC 3986, 2.3). */
SG_CHECKED sg_status sg_http_escape(struct sg_buffer *out, const char *text, struct sg_error *err);

#endif
