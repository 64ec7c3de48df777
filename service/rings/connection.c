#include "connection_internal.h"

#define P11_KIT_FUTURE_UNSTABLE_API
#include <p11-kit/remote.h>

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/schedule.h>
#include <signet/rings/view.h>

#include "module_internal.h"
#include "stream_internal.h"

void sg_connection_init(struct sg_connection *connection, int client, int channel, int timeout_ms,
                        const struct sg_generation_page *page)
{
    *connection = (struct sg_connection){.client = client,
                                         .channel = channel,
                                         .timeout_ms = timeout_ms,
                                         .page = page,
                                         .place = {.stat = -1},
                                         .views_room = sg_views_room(0)};
    for (size_t i = 0; i < SG_TOKENS_MAX; i++) {
        connection->links[i].socket = -1;
    }
}

static void drop_link(struct sg_token_link *link)
{
    sg_fd_closep(&link->socket);
    link->socket = -1;
}

void sg_connection_done(struct sg_connection *connection)
{
    for (size_t i = 0; i < SG_TOKENS_MAX; i++) {
        drop_link(&connection->links[i]);
    }
    sg_place_close(&connection->place);
    sg_view_free(connection->view);
    connection->view = NULL;
}

/* ---- the view ---- */

/* What is shown until the next question is answered. */
static sg_status forget_current(struct sg_connection *connection, struct sg_error *err)
{
    struct sg_view *none = NULL;
    sg_status s = sg_view_empty(&none, err);
    if (s != SG_OK) {
        return s;
    }
    none->generation = UINT64_MAX; /* out of date */
    sg_view_free(connection->view);
    connection->view = none;
    return SG_OK;
}

/* Views that are out of date go, the oldest first, until there is room for one more; the last of
 * them is the connection's own. */
static sg_status make_room(struct sg_connection *connection, size_t bytes, struct sg_error *err)
{
    size_t current = connection->view != NULL ? connection->view->map_len : 0;
    size_t others = bytes < connection->views_room ? connection->views_room - bytes : 0;
    if (current > others) {
        sg_status s = forget_current(connection, err);
        if (s != SG_OK) {
            return s;
        }
        current = 0;
    }
    sg_sessions_make_room(others - current);
    return SG_OK;
}

static sg_status fetch_view(struct sg_connection *connection, struct sg_view **out,
                            struct sg_error *err)
{
    SG_FD int fd = -1;
    sg_status s = sg_channel_ask(connection, SG_RINGS_VIEW, 0, &fd, err);
    if (s == SG_E_DENIED || s == SG_E_NOT_FOUND) {
        return sg_view_empty(out, err); /* a stranger: sees nothing, and no error either */
    }
    s = s == SG_OK ? make_room(connection, sg_view_size(fd), err) : s;
    return s == SG_OK ? sg_view_open(fd, out, err) : s;
}

sg_status sg_connection_refresh(struct sg_connection *connection, struct sg_error *err)
{
    uint64_t generation = atomic_load(&connection->page->generation);
    if (connection->view != NULL && connection->view->generation == generation) {
        return SG_OK;
    }
    struct sg_view *view = NULL;
    connection->used = (struct sg_used_place){.token = 0};
    sg_status s = fetch_view(connection, &view, err);
    if (s != SG_OK) {
        return s;
    }
    if (view->map == NULL) {
        view->generation =
            generation; /* an empty view is asked for again after the next change only */
    }
    sg_view_free(connection->view);
    connection->view = view;
    return SG_OK;
}

/* ---- the capabilities ---- */

/* One call less for each signature than waiting with poll(2) before receiving. */
static int wait_in_socket(int fd, int timeout_ms)
{
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000L};
    bool set = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0;
    return set ? -1 : timeout_ms;
}

static sg_status grant(struct sg_connection *connection, uint32_t token, struct sg_error *err)
{
    struct sg_token_link *link = &connection->links[token];
    if (link->socket >= 0) {
        return SG_OK;
    }
    int fd = -1;
    connection->asked_at[token] = atomic_load(&connection->page->generation);
    sg_status s = sg_channel_ask(connection, SG_RINGS_GRANT, token, &fd, err);
    if (s != SG_OK) {
        return s;
    }
    *link = (struct sg_token_link){.socket = fd,
                                   .timeout_ms = wait_in_socket(fd, connection->timeout_ms)};
    return SG_OK;
}

/* One use of a key, as the caller of sg_connection_use describes it. */
struct use {
    uint32_t ring;
    enum sg_key_verb verb;
    const struct sg_view_key *key;
    const struct sg_mechanism *mechanism;
    struct sg_bytes data;
    unsigned char *out;
    size_t room;
    bool died; /* the capability was lost under it */
};

/* Those who wait for the same token process work in batches. */
static void keep_pace(struct sg_connection *connection, const struct sg_token_link *link)
{
    if (link->crowded != connection->batch) {
        connection->batch = link->crowded;
        sg_schedule_batch(connection->batch);
    }
}

static sg_status use_link(struct sg_connection *connection, struct use *use, size_t *out_len,
                          struct sg_error *err)
{
    sg_error_clear(err);
    sg_status s = grant(connection, use->key->token, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_token_link *link = &connection->links[use->key->token];
    size_t len = use->room;
    link->ring = use->ring;
    s = sg_token_use(link, use->verb, &use->key->id, use->mechanism, use->data, use->out, &len,
                     err);
    keep_pace(connection, link);
    /* Only a lost link is SG_E_SERVICE: whatever the token itself says is an answer. */
    if (s == SG_E_SERVICE) {
        use->died = true;
        drop_link(link);
    } else if (s == SG_OK) {
        *out_len = len;
    }
    return s;
}

/* A token process that died before it took the request up, while it was idle or under another
 * client's request, is no death under this operation: others' deaths are waited out, as long as a
 * connection waits for anything. */
static sg_status use_once(struct sg_connection *connection, struct use *use, size_t *out_len,
                          struct sg_error *err)
{
    const struct sg_clock *clock = sg_clock_system();
    int64_t end_ms = 0; /* the clock is read only when something has gone wrong */
    for (;;) {
        use->died = false;
        sg_status s = use_link(connection, use, out_len, err);
        if (!use->died || err->sys_errno == 0) {
            return s;
        }
        int64_t now_ms = sg_monotonic_ms(clock);
        end_ms = end_ms == 0 ? now_ms + connection->timeout_ms : end_ms;
        if (now_ms >= end_ms) {
            return s;
        }
    }
}

/* A refusal from before a change may be out of date: control decides anew, once for each change. */
static sg_status use_granted(struct sg_connection *connection, struct use *use, size_t *out_len,
                             struct sg_error *err)
{
    uint32_t token = use->key->token;
    sg_status s = use_once(connection, use, out_len, err);
    if (s != SG_E_DENIED ||
        connection->asked_at[token] == atomic_load(&connection->page->generation)) {
        return s;
    }
    drop_link(&connection->links[token]);
    return use_once(connection, use, out_len, err);
}

/* A capability that dies under the operation is replaced, once. */
static sg_status use_twice(struct sg_connection *connection, struct use *use, size_t *out_len,
                           struct sg_error *err)
{
    sg_status s = use_granted(connection, use, out_len, err);
    if (!use->died) {
        return s;
    }
    s = use_granted(connection, use, out_len, err);
    if (!use->died) {
        return s;
    }
    if (strcmp(err->code, SG_TOKEN_LOGIN_LOST) == 0) { /* as if the device had been unplugged */
        return s;
    }
    /* The same request has met two deaths: perhaps it is the cause. The RPC loop still writes this
     * answer, then reads the end of file and returns. */
    (void)shutdown(connection->client, SHUT_RD);
    return sg_fail(err, SG_E_SERVICE, "token_died", "the token process died twice");
}

/* Labels are padded with blanks. */
void sg_connection_blame(struct sg_connection *connection, uint64_t ring,
                         const struct sg_view_key *key)
{
    struct sg_used_place place = {.token = key->token + 1};
    const struct sg_view_slot *slot =
        connection->view != NULL ? sg_view_find_slot(connection->view, ring) : NULL;
    size_t len = slot != NULL ? strnlen(slot->label, sizeof slot->label) : 0;
    while (len > 0 && slot->label[len - 1] == ' ') {
        len--;
    }
    memcpy(place.ring, slot != NULL ? slot->label : "", len);
    connection->used = place;
}

sg_status sg_connection_use(struct sg_connection *connection, uint64_t ring, enum sg_key_verb verb,
                            const struct sg_view_key *key, const struct sg_mechanism *mechanism,
                            struct sg_bytes data, unsigned char *out, size_t *out_len,
                            struct sg_error *err)
{
    struct use use = {(uint32_t)ring, verb, key, mechanism, data, out, *out_len, false};
    sg_status s = use_twice(connection, &use, out_len, err);
    if (s != SG_OK) {
        sg_connection_blame(connection, ring, key);
    }
    sg_place_follow(&connection->place);
    return s;
}

/* ---- the life of the process ---- */

/* The RPC loop has no time-out of its own; at least somebody who says nothing at all does not stay.
 */
static bool client_speaks(const struct sg_connection *connection)
{
    struct pollfd entry = {.fd = connection->client, .events = POLLIN};
    int ready;
    do {
        ready = poll(&entry, 1, connection->timeout_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* Bytes that are none of p11-kit's are a preamble, or nothing at all. */
static bool has_preamble(const struct sg_connection *connection)
{
    unsigned char first = 0;
    return recv(connection->client, &first, 1, MSG_PEEK) == 1 &&
           first == (unsigned char)SG_RINGS_PREAMBLE[0];
}

static bool read_preamble(struct sg_connection *connection)
{
    struct sg_rings_preamble preamble = {.ring = 0};
    unsigned char *at = (unsigned char *)&preamble;
    for (size_t have = 0; have < sizeof preamble;) {
        ssize_t got = client_speaks(connection) ? recv(connection->client, at + have,
                                                       sizeof preamble - have, MSG_DONTWAIT)
                                                : 0;
        if (got <= 0) {
            return false;
        }
        have += (size_t)got;
    }
    connection->ring = preamble.ring;
    return preamble.ring != 0 &&
           memcmp(preamble.magic, SG_RINGS_PREAMBLE, sizeof preamble.magic) == 0;
}

/* Asking for the view binds this process to the ring, at rings and beyond, before it reads the
 * first byte of p11-kit's protocol. */
static bool bind_to_ring(struct sg_connection *connection, struct sg_error *err)
{
    if (!has_preamble(connection)) {
        return true;
    }
    return read_preamble(connection) && sg_connection_refresh(connection, err) == SG_OK;
}

static enum sg_rings_notice end_of(const struct sg_stream *stream, int rc)
{
    switch (stream->end) {
    case SG_STREAM_TOO_LONG:
        return SG_NOTICE_REQUEST_TOO_LONG;
    case SG_STREAM_TOO_LATE:
        return SG_NOTICE_REQUEST_TOO_LATE;
    case SG_STREAM_NOT_READ:
        return SG_NOTICE_ANSWER_NOT_READ;
    case SG_STREAM_OPEN:
        break;
    }
    return rc != 0 && !stream->gone ? SG_NOTICE_NOT_THE_PROTOCOL : 0;
}

sg_status sg_connection_serve(struct sg_connection *connection, const struct sg_sandbox *sandbox,
                              size_t memory_max, struct sg_error *err)
{
    struct sg_stream stream = {.fd = connection->client, .answer_ms = SG_STREAM_ANSWER_MS};
    sg_place_open(&connection->place, connection->client);
    sg_status s = sg_sandbox_enter(sandbox, memory_max, err);
    connection->views_room = sg_views_room(memory_max);
    if (s != SG_OK || !client_speaks(connection)) {
        return s;
    }
    if (!bind_to_ring(connection, err)) {
        return err->status;
    }
    CK_FUNCTION_LIST *module = NULL;
    s = sg_module_new(connection, &module, err);
    if (s != SG_OK) {
        return s;
    }
    sg_stream_join(&stream);
    int rc = p11_kit_remote_serve_module(module, connection->client, connection->client);
    sg_stream_join(NULL);
    connection->end = end_of(&stream, rc);
    sg_module_free(module);
    return SG_OK;
}
