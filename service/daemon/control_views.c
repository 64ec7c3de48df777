/* What rings asks of control: views and capabilities for the callers it names. */
#include "control_internal.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/operations/ring_view.h>

void sg_views_init(struct views *views, struct control *control)
{
    views->control = control;
    views->link = -1;
    for (size_t i = 0; i < VIEW_CACHE; i++) {
        views->cache[i].memfd = -1;
    }
}

static void detach(struct views *views)
{
    if (views->event != NULL) {
        event_free(views->event);
        views->event = NULL;
    }
    if (views->link >= 0) {
        close(views->link);
        views->link = -1;
    }
}

void sg_views_done(struct views *views)
{
    detach(views);
    for (size_t i = 0; i < VIEW_CACHE; i++) {
        if (views->cache[i].memfd >= 0) {
            close(views->cache[i].memfd);
            views->cache[i].memfd = -1;
        }
    }
    sg_left_out_done(&views->left_out);
}

static sg_status write_view(struct views *views, const struct sg_rings_packet *request,
                            uint64_t generation, int *out, struct sg_error *err)
{
    SG_LOADED_CALLER caller = {0};
    struct control *control = views->control;
    sg_status s = sg_caller_load(&control->service, request->uid, request->gid, &caller, err);
    return s == SG_OK ? sg_ring_view_write(&control->service, &caller.caller, request->ring,
                                           generation, sg_pool_index, &control->pool, out, err)
                      : s;
}

/* Views are sealed, so callers of one identity may share one. *out stays the cache's. */
static sg_status cached_view(struct views *views, const struct sg_rings_packet *request, int *out,
                             struct sg_error *err)
{
    uint64_t generation = atomic_load(&views->control->page->generation);
    for (size_t i = 0; i < VIEW_CACHE; i++) {
        bool fits = views->cache[i].memfd >= 0 && views->cache[i].generation == generation &&
                    views->cache[i].uid == request->uid && views->cache[i].gid == request->gid &&
                    views->cache[i].ring == request->ring;
        if (fits) {
            sg_left_out_seen(&views->left_out, request->uid, request->gid, request->ring,
                             sg_now_s(views->control->service.clock));
            *out = views->cache[i].memfd;
            return SG_OK;
        }
    }
    int memfd = -1;
    sg_status s = write_view(views, request, generation, &memfd, err);
    if (s != SG_OK) {
        return s;
    }
    size_t slot = views->next++ % VIEW_CACHE;
    if (views->cache[slot].memfd >= 0) {
        close(views->cache[slot].memfd);
    }
    views->cache[slot].generation = generation;
    views->cache[slot].uid = request->uid;
    views->cache[slot].gid = request->gid;
    views->cache[slot].ring = request->ring;
    views->cache[slot].memfd = memfd;
    *out = memfd;
    return SG_OK;
}

/* A client can have it fail as often as it likes. */
static void log_failure(struct views *views, const struct sg_rings_packet *request,
                        const struct sg_error *why)
{
    if (strcmp(why->code, "token_unavailable") == 0) { /* told by who found it out, once */
        sg_log_error(SG_LOG_DEBUG, "rings_request_failed", why);
        return;
    }
    uint64_t count = sg_log_due(&views->failures, sg_monotonic_ms(sg_clock_system()));
    if (count > 0) {
        sg_log_error(SG_LOG_ERROR, "rings_request_failed", why);
        sg_log(SG_LOG_NOTICE, "event=rings_requests_failed uid=%u pid=%u kind=%u count=%llu",
               request->uid, request->pid, request->kind, (unsigned long long)count);
    }
}

static void reply(struct views *views, const struct sg_rings_packet *request,
                  const struct sg_error *why, int fd)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_rings_packet packet = *request;
    packet.status = (uint32_t)why->status;
    if (why->status != SG_OK) {
        log_failure(views, request, why);
    }
    size_t count = why->status == SG_OK && fd >= 0 ? 1 : 0;
    if (sg_packet_send(views->link, &packet, sizeof packet, NULL, 0, &fd, count, &err) != SG_OK) {
        sg_log_error(SG_LOG_WARNING, "rings_does_not_listen", &err);
    }
}

static void answer_view(struct views *views, const struct sg_rings_packet *request)
{
    struct sg_error err = SG_ERROR_INIT;
    int memfd = -1;
    (void)!cached_view(views, request, &memfd, &err);
    reply(views, request, &err, memfd);
}

static void answer_grant(struct views *views, const struct sg_rings_packet *request)
{
    struct sg_error err = SG_ERROR_INIT;
    SG_FD int socket = -1;
    if (request->token >= views->control->pool.count) {
        sg_fail(&err, SG_E_NOT_FOUND, "token_not_found", "there is no token %u", request->token);
    } else {
        (void)!sg_grants_make(&views->control->grants, request, &socket, &err);
    }
    reply(views, request, &err, socket);
}

/* A row for each user and reason; the one that is longest ago makes room. */
static struct sg_refused_user *refused_row(struct sg_refused_clients *refused, uid_t uid,
                                           bool of_user)
{
    struct sg_refused_user *oldest = &refused->users[0];
    for (size_t i = 0; i < SG_REFUSED_USERS; i++) {
        struct sg_refused_user *user = &refused->users[i];
        if (user->count != 0 && user->uid == uid && user->of_user == of_user) {
            return user;
        }
        oldest = user->last_s < oldest->last_s ? user : oldest;
    }
    *oldest = (struct sg_refused_user){.uid = uid, .of_user = of_user};
    return oldest;
}

static void note_refused(struct views *views, const struct sg_rings_packet *packet)
{
    struct sg_refused_user *user =
        refused_row(&views->refused, packet->uid, packet->token == SG_RINGS_TOO_MANY_OF_USER);
    user->count += packet->connection;
    user->last_s = sg_now_s(views->control->service.clock);
}

static void handle(struct views *views, const struct sg_packet *packet)
{
    struct sg_rings_packet request;
    if (packet->len != sizeof request) {
        sg_log(SG_LOG_ERROR, "event=bad_packet_from_rings len=%zu", packet->len);
        return;
    }
    memcpy(&request, packet->data, sizeof request);
    switch (request.kind) {
    case SG_RINGS_VIEW:
        answer_view(views, &request);
        break;
    case SG_RINGS_GRANT:
        answer_grant(views, &request);
        break;
    case SG_RINGS_GONE:
        sg_grants_forget(&views->control->grants, request.connection);
        break;
    case SG_RINGS_REFUSED:
        note_refused(views, &request);
        break;
    default:
        sg_log(SG_LOG_ERROR, "event=bad_packet_from_rings kind=%u", request.kind);
    }
}

void sg_views_serve(struct views *views)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_packet *packet = &views->control->packet;
    if (sg_packet_receive(views->link, 0, packet, &err) == SG_OK) {
        sg_packet_close_fds(packet);
        sg_control_beat(views->control);
        handle(views, packet);
        return;
    }
    if (strcmp(err.code, "peer_gone") == 0) {
        sg_log(SG_LOG_WARNING, "event=rings_gone");
        detach(views);
        sg_grants_revoke(&views->control->grants);
    }
}

static void on_readable(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    sg_views_serve(context);
}

void sg_views_attach(struct views *views, int socket)
{
    detach(views);
    sg_grants_revoke(&views->control->grants);
    views->link = socket;
    views->event =
        event_new(views->control->base, socket, EV_READ | EV_PERSIST, on_readable, views);
    if (views->event == NULL || event_add(views->event, NULL) != 0) {
        sg_log(SG_LOG_ERROR, "event=no_memory");
        detach(views);
    }
}
