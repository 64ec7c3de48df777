#include <signet/cli/client.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <curl/curl.h>

#include <signet/base/buffer.h>

#define DEFAULT_SOCKET "/run/signet/signet.sock"
#define CONNECT_TIMEOUT_S 10L

static void slist_freep(struct curl_slist **list)
{
    curl_slist_free_all(*list);
}
static void curl_string_freep(char **text)
{
    curl_free(*text);
}
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
    return named != NULL && named[0] != '\0' ? named : DEFAULT_SOCKET;
}

/* ---- the request ---- */

struct call {
    const char *socket;
    const struct sg_operation *operation;
    CURL *curl;
    struct sg_buffer url, answer;
    bool too_large;
};

struct sg_client {
    const char *socket;
    CURL *curl; /* keeps the connection between two requests */
};

static void call_done(struct call *call)
{
    sg_buffer_done(&call->url);
    sg_buffer_done(&call->answer);
}

static sg_status append_query(struct call *call, const char *name, const char *value,
                              struct sg_error *err)
{
    SG_CLEANUP(curl_string_freep) char *escaped = curl_easy_escape(call->curl, value, 0);
    if (escaped == NULL) {
        return sg_fail_memory(err);
    }
    bool first = strchr((const char *)call->url.data, '?') == NULL;
    return sg_buffer_format(&call->url, err, "%s%s=%s", first ? "?" : "&", name, escaped);
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

static sg_status make_url(struct call *call, json_t *params, bool dry_run, struct sg_error *err)
{
    const struct sg_operation *operation = call->operation;
    bool verb = operation->verb[0] != '\0';
    sg_status s = sg_buffer_format(&call->url, err, "http://localhost/v1/%s%s%s", operation->noun,
                                   verb ? "/" : "", operation->verb);
    if (s == SG_OK && !is_post(operation)) {
        s = append_params(call, params, err);
    }
    if (s == SG_OK && dry_run && is_post(operation)) {
        s = append_query(call, "dry_run", "1", err);
    }
    return s;
}

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    struct call *call = context;
    struct sg_error ignored = SG_ERROR_INIT; /* told by too_large */
    if (sg_buffer_append(&call->answer, data, size * count, &ignored) != SG_OK) {
        call->too_large = true;
        return 0;
    }
    return size * count;
}

static CURLcode set_options(struct call *call, int timeout_s, struct curl_slist *headers)
{
    CURL *curl = call->curl;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, call->socket);
    if (code == CURLE_OK) {
        code = curl_easy_setopt(curl, CURLOPT_URL, (const char *)call->url.data);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, (void *)call);
    }
    /* A proxy in the environment is not for a socket on this machine. */
    if (code == CURLE_OK) {
        code = curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "signet/" SIGNET_VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)timeout_s);
    return code;
}

static CURLcode set_body(CURL *curl, const char *body)
{
    CURLcode code = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
    return code == CURLE_OK ? curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body) : code;
}

/* ---- what can go wrong on the way ---- */

static sg_status unreachable(const struct call *call, struct sg_error *err)
{
    long number = 0;
    (void)curl_easy_getinfo(call->curl, CURLINFO_OS_ERRNO, &number);
    if (number != 0) {
        errno = (int)number;
        sg_fail_errno(err, SG_E_SERVICE, "service_unreachable", "cannot reach the service at %s",
                      call->socket);
    } else {
        sg_fail(err, SG_E_SERVICE, "service_unreachable", "cannot reach the service at %s",
                call->socket);
    }
    sg_object(err, "%s", call->socket);
    if (number == EACCES) {
        return sg_hint(
            err, "The socket is there, but you may not use it: see its mode and its directory's.");
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

static sg_status transport_failed(const struct call *call, CURLcode code, int timeout_s,
                                  struct sg_error *err)
{
    if (call->too_large) {
        return sg_fail(err, SG_E_SERVICE, "bad_answer",
                       "the service's answer is longer than %u bytes", SG_CLIENT_ANSWER_MAX);
    }
    if (code == CURLE_COULDNT_CONNECT) {
        return unreachable(call, err);
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        sg_fail(err, SG_E_SERVICE, "service_timeout",
                "no answer from the service within %d seconds", timeout_s);
        return sg_hint(err, "signet status says whether the token answers.");
    }
    if (code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
        code == CURLE_PARTIAL_FILE) {
        return gone(call, err);
    }
    return sg_fail(err, code == CURLE_OUT_OF_MEMORY ? SG_E_NO_MEMORY : SG_E_SERVICE,
                   "service_unreachable", "cannot speak with the service at %s: %s", call->socket,
                   curl_easy_strerror(code));
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
    long http = 0;
    (void)curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &http);
    const char *text = call->answer.len > 0 ? (const char *)call->answer.data : "";
    json_t *parsed = json_loadb(text, call->answer.len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(parsed) && json_is_object(json_object_get(parsed, "error"))) {
        sg_status s = sg_client_error(parsed, err);
        json_decref(parsed);
        return s;
    }
    if (!json_is_object(parsed) || http < 200 || http > 299) {
        json_decref(parsed);
        sg_fail(err, SG_E_SERVICE, "bad_answer",
                "what answers at %s is not Signet (HTTP status %ld)", call->socket, http);
        return sg_hint(err, "Name the service's socket with --socket or SIGNET_SOCKET.");
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
    /* No "Expect: 100-continue": nothing would be gained on a Unix socket, and a second lost. */
    SG_CLEANUP(slist_freep)
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    struct curl_slist *more = headers != NULL ? curl_slist_append(headers, "Expect:") : NULL;
    if (more == NULL) {
        return sg_fail_memory(err);
    }
    CURLcode code = set_options(call, timeout_s, headers);
    if (code == CURLE_OK && body != NULL) {
        code = set_body(call->curl, body);
    }
    if (code == CURLE_OK) {
        code = curl_easy_perform(call->curl);
    }
    return code == CURLE_OK ? SG_OK : transport_failed(call, code, timeout_s, err);
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
    CURL *curl = client != NULL ? curl_easy_init() : NULL;
    if (curl == NULL) {
        free(client);
        return sg_fail_memory(err);
    }
    *client = (struct sg_client){.socket = socket, .curl = curl};
    *out = client;
    return SG_OK;
}

void sg_client_free(struct sg_client *client)
{
    curl_easy_cleanup(client->curl);
    free(client);
}

sg_status sg_client_ask(struct sg_client *client, const struct sg_operation *operation,
                        json_t *params, bool dry_run, int timeout_s, json_t **answer,
                        struct sg_error *err)
{
    SG_CLEANUP(call_done)
    struct call call = {.socket = client->socket, .operation = operation, .curl = client->curl};
    SG_CLEANUP(json_string_freep) char *body = NULL;
    sg_buffer_init(&call.url, 65536);
    sg_buffer_init(&call.answer, SG_CLIENT_ANSWER_MAX);
    curl_easy_reset(client->curl);
    sg_status s = make_body(&call, params, &body, err);
    if (s == SG_OK) {
        s = make_url(&call, params, dry_run, err);
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
