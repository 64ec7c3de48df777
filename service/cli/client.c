#include <signet/cli/client.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <signet/base/address.h>
#include <signet/base/buffer.h>

#include "answer_internal.h"
#include "http_internal.h"

static void json_string_freep(char **text)
{
    free(*text);
}

const char *sg_client_socket(const char *asked)
{
    if (asked != NULL) {
        return asked;
    }
    const char *named = getenv("SIGNET_SOCKET");
    return named != NULL && named[0] != '\0' ? named : SG_SOCKET_DEFAULT;
}

/* ---- the request ---- */

struct sg_client {
    struct sg_http http;
    char rehearsal[40]; /* or empty */
};

struct call {
    struct sg_http *http;
    const struct sg_operation *operation;
    const char *rehearsal;
    bool dry_run;
    struct sg_buffer target, answer;
    unsigned http_status;
};

static void call_done(struct call *call)
{
    sg_buffer_done(&call->target);
    sg_buffer_done(&call->answer);
}

static sg_status append_query(struct call *call, const char *name, const char *value,
                              struct sg_error *err)
{
    bool first = strchr((const char *)call->target.data, '?') == NULL;
    sg_status s = sg_buffer_format(&call->target, err, "%s%s=", first ? "?" : "&", name);
    return s == SG_OK ? sg_http_escape(&call->target, value, err) : s;
}

/* One value of a parameter as text; lists repeat the name. */
static sg_status append_json_query(struct call *call, const char *name, const json_t *value,
                                   struct sg_error *err)
{
    char number[24];
    switch (json_typeof(value)) {
    case JSON_STRING:
        return append_query(call, name, json_string_value(value), err);
    case JSON_INTEGER:
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        return append_query(call, name, number, err);
    case JSON_TRUE:
        return append_query(call, name, "true", err);
    case JSON_FALSE:
        return append_query(call, name, "false", err);
    case JSON_ARRAY:
        for (size_t i = 0; i < json_array_size(value); i++) {
            sg_status s = append_json_query(call, name, json_array_get(value, i), err);
            if (s != SG_OK) {
                return s;
            }
        }
        return SG_OK;
    case JSON_OBJECT:
    case JSON_REAL:
    case JSON_NULL:
        break;
    }
    return sg_fail(err, SG_E_INTERNAL, NULL, "parameter %s cannot be sent", name);
}

static sg_status append_params(struct call *call, json_t *params, struct sg_error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach(params, name, value)
    {
        sg_status s = append_json_query(call, name, value, err);
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}

static bool is_post(const struct sg_operation *operation)
{
    return strcmp(sg_operation_method(operation), "POST") == 0;
}

/* Those that open and close it are no part of it. */
static bool is_rehearsed(const struct call *call)
{
    return call->rehearsal[0] != '\0' && sg_param_find(call->operation, "rehearsal") == NULL;
}

static sg_status make_target(struct call *call, json_t *params, struct sg_error *err)
{
    const struct sg_operation *operation = call->operation;
    bool verb = operation->verb[0] != '\0';
    sg_status s = sg_buffer_format(&call->target, err, "/v1/%s%s%s", operation->noun,
                                   verb ? "/" : "", operation->verb);
    if (s == SG_OK && !is_post(operation)) {
        s = append_params(call, params, err);
    }
    if (s == SG_OK && call->dry_run && is_post(operation)) {
        s = append_query(call, "dry_run", "1", err);
    }
    return s == SG_OK && is_rehearsed(call) ? append_query(call, "rehearsal", call->rehearsal, err)
                                            : s;
}

/* ---- what can go wrong on the way ---- */

/* Somebody listens, and nobody answers. */
#define SILENT_HINT                                                                                \
    "What answers is signet-control: it is at something that takes long, or stopped, or hangs. "   \
    "One that gives no sign of life for silence_deadline_s (60 s) is killed and started again by " \
    "itself: try again in a minute. Whether that is so the log says (event=process_hangs): "       \
    "journalctl -u signetd, or DIR/signetd.log of signet dev up DIR. If nothing helps: systemctl " \
    "restart signetd, or signet dev down DIR and up again."

static sg_status unreachable(const struct call *call, struct sg_error *err)
{
    const char *socket = call->http->socket;
    int number = errno;
    sg_fail_errno(err, SG_E_SERVICE, "service_unreachable", "cannot reach the service at %s",
                  socket);
    sg_object(err, "%s", socket);
    if (number == EACCES) {
        return sg_hint(
            err, "The socket is there, but you may not use it: see its mode and its directory's.");
    }
    if (number == EAGAIN) { /* its queue is full */
        return sg_hint(err, SILENT_HINT);
    }
    return sg_hint(
        err, "Start signetd, or name its socket with --socket or SIGNET_SOCKET; "
             "a throw-away instance: signet dev up DIR, then eval \"$(signet dev env DIR)\".");
}

static sg_status gone(const struct call *call, struct sg_error *err)
{
    sg_fail(err, SG_E_SERVICE, "service_gone",
            "the service ended the connection without an answer");
    if ((call->operation->flags & SG_OP_CHANGES) != 0) {
        return sg_hint(
            err, "It may have been done or not: look with signet %s list before you repeat it.",
            call->operation->noun);
    }
    return sg_hint(err, "Try again; signetd's log says why.");
}

static sg_status timed_out(const struct call *call, int timeout_s, struct sg_error *err)
{
    sg_fail(err, SG_E_SERVICE, "service_timeout", "no answer from the service within %d seconds",
            timeout_s);
    if ((call->operation->flags & SG_OP_CHANGES) != 0) {
        return sg_hint(err,
                       "It may have been done or not: look with signet %s list before you repeat "
                       "it. " SILENT_HINT,
                       call->operation->noun);
    }
    return sg_hint(err, SILENT_HINT);
}

static sg_status not_signet(const struct call *call, struct sg_error *err)
{
    sg_fail(err, SG_E_SERVICE, "bad_answer", "what answers at %s is not Signet (HTTP status %u)",
            call->http->socket, call->http_status);
    return sg_hint(err, "Name the service's socket with --socket or SIGNET_SOCKET.");
}

static sg_status transport_failed(const struct call *call, enum sg_http_outcome outcome,
                                  int timeout_s, struct sg_error *err)
{
    switch (outcome) {
    case SG_HTTP_ANSWERED:
        return SG_OK;
    case SG_HTTP_UNREACHABLE:
        return unreachable(call, err);
    case SG_HTTP_TIMEOUT:
        return timed_out(call, timeout_s, err);
    case SG_HTTP_GONE:
        return gone(call, err);
    case SG_HTTP_GARBAGE:
        return not_signet(call, err);
    case SG_HTTP_TOO_LARGE:
        return sg_fail(err, SG_E_SERVICE, "bad_answer",
                       "the service's answer is longer than %u bytes", SG_CLIENT_ANSWER_MAX);
    case SG_HTTP_NO_MEMORY:
        break;
    }
    return sg_fail_memory(err);
}

/* ---- the answer ---- */

static void copy_field(const json_t *error, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(error, name));
    snprintf(out, size, "%s", text != NULL ? text : "");
}

sg_status sg_client_error(const json_t *answer, struct sg_error *err)
{
    const json_t *error = json_object_get(answer, "error");
    const char *status_name = json_string_value(json_object_get(error, "status"));
    sg_status status = sg_status_from_name(status_name != NULL ? status_name : "");
    status = status == SG_OK ? SG_E_INTERNAL : status;
    sg_fail(err, status, NULL, "the service refused, and did not say why");
    if (json_string_length(json_object_get(error, "text")) > 0) {
        copy_field(error, "text", err->text, sizeof err->text);
    }
    if (json_string_length(json_object_get(error, "code")) > 0) {
        copy_field(error, "code", err->code, sizeof err->code);
    }
    copy_field(error, "hint", err->hint, sizeof err->hint);
    copy_field(error, "object", err->object, sizeof err->object);
    return status;
}

static sg_status read_answer(struct call *call, json_t **answer, struct sg_error *err)
{
    const char *text = call->answer.len > 0 ? (const char *)call->answer.data : "";
    json_t *parsed = json_loadb(text, call->answer.len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(parsed) && json_is_object(json_object_get(parsed, "error"))) {
        sg_status s = sg_client_error(parsed, err);
        json_decref(parsed);
        return s;
    }
    if (!json_is_object(parsed) || call->http_status < 200 || call->http_status > 299) {
        json_decref(parsed);
        return not_signet(call, err);
    }
    const struct sg_asked asked = {call->operation, call->dry_run, is_rehearsed(call)};
    sg_status s = sg_answer_check(&asked, parsed, err);
    if (s != SG_OK) {
        json_decref(parsed);
        return s;
    }
    *answer = parsed;
    return SG_OK;
}

static sg_status make_body(const struct call *call, json_t *params, char **body,
                           struct sg_error *err)
{
    if (!is_post(call->operation)) {
        return SG_OK;
    }
    *body = json_dumps(params, JSON_COMPACT);
    if (*body == NULL) {
        return sg_fail_memory(err);
    }
    size_t len = strlen(*body);
    if (len > SG_CLIENT_BODY_MAX) {
        sg_fail(err, SG_E_LIMIT, "request_too_large",
                "the request has %zu bytes, the service takes %u", len, SG_CLIENT_BODY_MAX);
        return sg_hint(err, "Give fewer files at a time.");
    }
    return SG_OK;
}

static sg_status perform(struct call *call, const char *body, int timeout_s, struct sg_error *err)
{
    struct sg_http_request request = {.method = sg_operation_method(call->operation),
                                      .target = (const char *)call->target.data,
                                      .body = body,
                                      .timeout_s = timeout_s};
    enum sg_http_outcome outcome =
        sg_http_exchange(call->http, &request, &call->answer, &call->http_status);
    return transport_failed(call, outcome, timeout_s, err);
}

static sg_status check_socket(const char *socket, struct sg_error *err)
{
    size_t max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if (strlen(socket) > max) {
        sg_fail(err, SG_E_USAGE, "bad_value", "the socket's path has %zu bytes, %zu are possible",
                strlen(socket), max);
        return sg_hint(err, "Name it from a shorter directory.");
    }
    return SG_OK;
}

static int timeout_of(const struct sg_operation *operation, int asked_s)
{
    if (asked_s > 0) {
        return asked_s;
    }
    return (operation->flags & SG_OP_TOKEN) != 0 ? SG_CLIENT_TOKEN_TIMEOUT_S : SG_CLIENT_TIMEOUT_S;
}

sg_status sg_client_open(const char *socket, struct sg_client **out, struct sg_error *err)
{
    sg_status s = check_socket(socket, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return sg_fail_memory(err);
    }
    client->http = (struct sg_http){.socket = socket, .fd = -1};
    *out = client;
    return SG_OK;
}

sg_status sg_client_rehearse(struct sg_client *client, const char *name, struct sg_error *err)
{
    if (name == NULL || name[0] == '\0' || strlen(name) >= sizeof client->rehearsal) {
        return sg_fail(err, SG_E_SERVICE, "bad_answer", "the service named no rehearsal");
    }
    snprintf(client->rehearsal, sizeof client->rehearsal, "%s", name);
    return SG_OK;
}

const char *sg_client_rehearsal(const struct sg_client *client)
{
    return client->rehearsal;
}

void sg_client_free(struct sg_client *client)
{
    sg_http_close(&client->http);
    free(client);
}

sg_status sg_client_ask(struct sg_client *client, const struct sg_operation *operation,
                        json_t *params, bool dry_run, int timeout_s, json_t **answer,
                        struct sg_error *err)
{
    SG_CLEANUP(call_done)
    struct call call = {.http = &client->http,
                        .operation = operation,
                        .rehearsal = client->rehearsal,
                        .dry_run = dry_run};
    SG_CLEANUP(json_string_freep) char *body = NULL;
    sg_buffer_init(&call.target, 65536);
    sg_buffer_init(&call.answer, SG_CLIENT_ANSWER_MAX);
    sg_status s = make_body(&call, params, &body, err);
    if (s == SG_OK) {
        s = make_target(&call, params, err);
    }
    if (s == SG_OK) {
        s = perform(&call, body, timeout_of(operation, timeout_s), err);
    }
    return s == SG_OK ? read_answer(&call, answer, err) : s;
}

sg_status sg_client_call(const char *socket, const struct sg_operation *operation, json_t *params,
                         bool dry_run, int timeout_s, json_t **answer, struct sg_error *err)
{
    SG_CLEANUP(sg_client_freep) struct sg_client *client = NULL;
    sg_status s = sg_client_open(socket, &client, err);
    return s == SG_OK ? sg_client_ask(client, operation, params, dry_run, timeout_s, answer, err)
                      : s;
}
