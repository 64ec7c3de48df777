/* Requests to the service: HTTP over its Unix socket. */
#ifndef SIGNET_CLI_CLIENT_H
#define SIGNET_CLI_CLIENT_H

#include <jansson.h>

#include <signet/base/error.h>
#include <signet/interface/spec.h>

#define SG_CLIENT_BODY_MAX 8388608u    /**< bytes of a request's body that the service takes */
#define SG_CLIENT_ANSWER_MAX 67108864u /**< bytes of an answer */
#define SG_CLIENT_TIMEOUT_S 30         /**< for an answer that needs no token */
#define SG_CLIENT_TOKEN_TIMEOUT_S 300  /**< for one that does: large RSA keys take their time */

/** The socket to use: the one asked for, else $SIGNET_SOCKET, else /run/signet/signet.sock. Never
 * NULL. */
const char *sg_client_socket(const char *asked);

/** A connection that is kept between requests. */
struct sg_client;
/** Prepare requests to the service behind a socket (borrowed); connects with the first one.
 * SG_E_USAGE "bad_value" when the path is too long. */
SG_CHECKED sg_status sg_client_open(const char *socket, struct sg_client **out,
                                    struct sg_error *err);
void sg_client_free(struct sg_client *client);
SG_DEFINE_CLEANUP(struct sg_client *, sg_client_free)
/** Every further request is part of the rehearsal of this name, which was opened over the same
 * connection; where that is not so any more, they are refused. SG_E_SERVICE "bad_answer": it is no
 * name. */
SG_CHECKED sg_status sg_client_rehearse(struct sg_client *client, const char *name,
                                        struct sg_error *err);
/** That name; empty when there is none. */
const char *sg_client_rehearsal(const struct sg_client *client);
/** sg_client_call over a kept connection. */
SG_CHECKED sg_status sg_client_ask(struct sg_client *client, const struct sg_operation *operation,
                                   json_t *params, bool dry_run, int timeout_s, json_t **answer,
                                   struct sg_error *err);

/** Perform an operation. params: object (borrowed). timeout_s 0 means by the operation. *answer:
 * new reference. Fails with what the service answered, or SG_E_SERVICE: "service_unreachable",
 * "service_timeout", "service_gone" (died under the request), "bad_answer" (no answer of Signet's,
 * or one that lacks what the operation's row promises). */
SG_CHECKED sg_status sg_client_call(const char *socket, const struct sg_operation *operation,
                                    json_t *params, bool dry_run, int timeout_s, json_t **answer,
                                    struct sg_error *err);

/** Read the service's {"error": {…}} into err and return its status. */
SG_CHECKED sg_status sg_client_error(const json_t *answer, struct sg_error *err);

#endif
