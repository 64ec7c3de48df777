/* What HTTP itself forbids. evhttp writes a page of its own for what it refuses (libevent 2.1.12
 * has no call that would have it otherwise), and takes head fields over which readers differ. */
#include "http_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/keyvalq_struct.h>

#define HEAD_PEEK 512 /* bytes; those of evhttp's pages are shorter */
#define FIRST_REFUSAL 400
#define GO_ON 100

/* ---- evhttp's pages ---- */

/* The status of an answer that begins here; 0: none does. */
static int status_of(const char *head)
{
    bool begins = strncmp(head, "HTTP/1.", 7) == 0 && head[7] != '\0' && head[8] == ' ';
    long status = begins ? strtol(head + 9, NULL, 10) : 0;
    return status >= GO_ON && status < 600 ? (int)status : 0;
}

/* Where the page begins that waits to be written, behind a "go on" perhaps; NULL: there is none. */
static const char *find_page(const char *head)
{
    const char *end = status_of(head) == GO_ON ? strstr(head, "\r\n\r\n") : NULL;
    const char *page = end != NULL ? end + 4 : head;
    bool own = status_of(page) >= FIRST_REFUSAL && strstr(page, "\r\nContent-Type: text/html\r\n");
    return own ? page : NULL;
}

static void say_why(int status, const struct sg_http_settings *settings, struct sg_error *err)
{
    switch (status) {
    case 413:
        sg_fail(err, SG_E_LIMIT, "request_too_large",
                "the request's body is longer than %zu bytes, or the length that it gives is none",
                settings->body_max);
        sg_hint(err, "Send less at a time.");
        return;
    case 417:
        sg_fail(err, SG_E_USAGE, "bad_request", "nothing but 100-continue can be expected");
        sg_hint(err, "Send Expect: 100-continue, or no Expect.");
        return;
    case 400:
        sg_fail(err, SG_E_USAGE, "bad_request",
                "this is no HTTP/1.1 request, or its request line and head fields are longer than "
                "%zu bytes",
                settings->header_max);
        sg_hint(err, "See docs/protocol-http.md for what is taken.");
        return;
    default:
        sg_fail(err, status < 500 ? SG_E_USAGE : SG_E_INTERNAL, "bad_request",
                "the request was refused with HTTP status %d", status);
    }
}

static void put_answer(struct evbuffer *output, int status, const struct sg_error *err)
{
    json_t *failure = sg_http_error_json(err);
    char *text = failure != NULL ? json_dumps(failure, JSON_COMPACT) : NULL;
    const char *body = text != NULL ? text : "{\"error\":{}}";
    (void)evbuffer_add_printf(output,
                              "HTTP/1.1 %d Refused\r\nContent-Type: application/json\r\n"
                              "Cache-Control: no-store\r\nConnection: close\r\n"
                              "Content-Length: %zu\r\n\r\n%s\n",
                              status, strlen(body) + 1, body);
    free(text);
    json_decref(failure);
}

static bool replace(const struct sg_http_settings *settings, struct evbuffer *output)
{
    char head[HEAD_PEEK + 1];
    struct sg_error err = SG_ERROR_INIT;
    ev_ssize_t len = evbuffer_copyout(output, head, HEAD_PEEK);
    head[len > 0 ? len : 0] = '\0';
    const char *page = find_page(head);
    if (page == NULL) {
        return false;
    }
    size_t before = (size_t)(page - head);
    int status = status_of(page);
    say_why(status, settings, &err);
    (void)evbuffer_drain(output, evbuffer_get_length(output));
    (void)evbuffer_add(output, head, before);
    put_answer(output, status, &err);
    return true;
}

/* A bufferevent keeps everybody but itself from taking something out of its output. */
bool sg_http_page_replace(const struct sg_http_server *server, struct evbuffer *output)
{
    (void)evbuffer_unfreeze(output, 1);
    bool replaced = replace(&server->settings, output);
    (void)evbuffer_freeze(output, 1);
    return replaced;
}

/* ---- head fields ---- */

/* RFC 9110, 5.6.2: no blank before the colon, above all. */
static bool is_token(const char *name)
{
    static const char characters[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return name[0] != '\0' && name[strspn(name, characters)] == '\0';
}

static bool has_controls(const char *value)
{
    for (; *value != '\0'; value++) {
        if (((unsigned char)*value < 0x20 && *value != '\t') || *value == 0x7f) {
            return true;
        }
    }
    return false;
}

static sg_status refuse(struct sg_error *err, const char *what)
{
    sg_fail(err, SG_E_USAGE, "bad_request", "%s", what);
    return sg_hint(err, "Such a request has more than one meaning; the connection is closed.");
}

static sg_status check_length(const char *value, unsigned count, struct sg_error *err)
{
    if (count > 1) {
        return refuse(err, "Content-Length stands there twice");
    }
    value += strspn(value, " \t");
    bool number = value[0] != '\0' && value[strspn(value, "0123456789")] == '\0';
    return number ? SG_OK : refuse(err, "Content-Length is no number");
}

static sg_status check_encoding(const char *value, unsigned count, bool length,
                                struct sg_error *err)
{
    if (length) {
        return refuse(err, "Transfer-Encoding and Content-Length stand there both");
    }
    bool chunked = count == 1 && strcasecmp(value, "chunked") == 0;
    return chunked ? SG_OK : refuse(err, "a Transfer-Encoding that is not chunked");
}

/* Behind the others evhttp looks for the next request at once. */
static bool reads_body(enum evhttp_cmd_type method)
{
    return (method & (EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                      EVHTTP_REQ_OPTIONS | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)) != 0;
}

sg_status sg_http_check_head(struct evhttp_request *request, struct sg_error *err)
{
    const struct evkeyvalq *fields = evhttp_request_get_input_headers(request);
    const char *length = NULL, *encoding = NULL;
    unsigned lengths = 0, encodings = 0;
    for (const struct evkeyval *field = fields->tqh_first; field != NULL;
         field = field->next.tqe_next) {
        if (!is_token(field->key) || has_controls(field->value)) {
            return refuse(err, "a head field has a blank before its colon, or a character that has "
                               "no place in it");
        }
        if (strcasecmp(field->key, "Content-Length") == 0) {
            length = field->value;
            lengths++;
        } else if (strcasecmp(field->key, "Transfer-Encoding") == 0) {
            encoding = field->value;
            encodings++;
        }
    }
    if ((length != NULL || encoding != NULL) && !reads_body(evhttp_request_get_command(request))) {
        return refuse(err, "a body behind a method that has none");
    }
    sg_status s = length != NULL ? check_length(length, lengths, err) : SG_OK;
    return s == SG_OK && encoding != NULL ? check_encoding(encoding, encodings, length != NULL, err)
                                          : s;
}
