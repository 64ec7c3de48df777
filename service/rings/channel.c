/* Questions to control, through rings. */
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/packet.h>

#include "connection_internal.h"

enum { PAUSE_FIRST_MS = 5, PAUSE_MAX_MS = 250 };

static sg_status answer_failure(const struct sg_rings_packet *answer, struct sg_error *err)
{
    if (answer->status == SG_OK) {
        return sg_fail(err, SG_E_INTERNAL, NULL, "an answer of control lacks its descriptor");
    }
    sg_status status = answer->status < SG_STATUS_COUNT ? (sg_status)answer->status : SG_E_INTERNAL;
    if (answer->kind == SG_RINGS_GRANT && status == SG_E_CONFLICT) {
        return sg_fail(err, status, "token_unavailable",
                       "the token of the processes signet-token%u is not available: signet status "
                       "says why",
                       answer->token);
    }
    const char *code = status == SG_E_LIMIT ? SG_CHANNEL_NO_ROOM : NULL;
    return sg_fail(err, status, code, "control refused (%s)", sg_status_info(status)->name);
}

static bool is_answer(const struct sg_packet *packet, const struct sg_rings_packet *question)
{
    const struct sg_rings_packet *answer = (const void *)packet->data;
    return packet->len == sizeof *answer && answer->sequence == question->sequence &&
           answer->kind == question->kind;
}

/* Answers to questions that were given up may still come: they are thrown away. */
static sg_status await_answer(struct sg_connection *connection,
                              const struct sg_rings_packet *question, int64_t deadline_ms,
                              struct sg_packet *packet, struct sg_error *err)
{
    for (;;) {
        int64_t left_ms = deadline_ms - sg_monotonic_ms(sg_clock_system());
        sg_status s =
            sg_packet_receive(connection->channel, left_ms > 0 ? (int)left_ms : 0, packet, err);
        if (s != SG_OK) {
            return s;
        }
        if (is_answer(packet, question)) {
            return SG_OK;
        }
        sg_packet_close_fds(packet);
    }
}

static sg_status ask_once(struct sg_connection *connection, enum sg_rings_kind kind, uint32_t token,
                          int64_t deadline_ms, int *out_fd, struct sg_error *err)
{
    /* From the heap and not zeroed: only the page that is used becomes this process's own. */
    SG_FREE struct sg_packet *packet = malloc(sizeof *packet);
    if (packet == NULL) {
        return sg_fail_memory(err);
    }
    struct sg_rings_packet question = {
        .kind = kind, .sequence = ++connection->sequence, .token = token, .ring = connection->ring};
    sg_status s =
        sg_packet_send(connection->channel, &question, sizeof question, NULL, 0, NULL, 0, err);
    if (s == SG_OK) {
        s = await_answer(connection, &question, deadline_ms, packet, err);
    }
    if (s != SG_OK) {
        return s;
    }
    const struct sg_rings_packet *answer = (const void *)packet->data;
    SG_FD int fd = answer->status == SG_OK ? sg_packet_take_fd(packet, 0) : -1;
    sg_packet_close_fds(packet);
    if (fd < 0) {
        return answer_failure(answer, err);
    }
    *out_fd = sg_fd_steal(&fd);
    return SG_OK;
}

static void pause_ms(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

sg_status sg_channel_ask(struct sg_connection *connection, enum sg_rings_kind kind, uint32_t token,
                         int *out_fd, struct sg_error *err)
{
    int64_t deadline_ms = sg_monotonic_ms(sg_clock_system()) + connection->timeout_ms;
    int64_t wait_ms = PAUSE_FIRST_MS;
    for (;;) {
        sg_status s = ask_once(connection, kind, token, deadline_ms, out_fd, err);
        int64_t left_ms = deadline_ms - sg_monotonic_ms(sg_clock_system());
        if ((s != SG_E_TOKEN && s != SG_E_SERVICE) || left_ms <= wait_ms) {
            return s;
        }
        pause_ms(wait_ms);
        wait_ms = wait_ms * 2 < PAUSE_MAX_MS ? wait_ms * 2 : PAUSE_MAX_MS;
    }
}

void sg_channel_tell(const struct sg_connection *connection, enum sg_rings_failed what,
                     const struct sg_used_place *place, uint64_t count, const struct sg_error *why)
{
    struct sg_rings_failure failure = {.kind = SG_RINGS_FAILED,
                                       .what = what,
                                       .count = count,
                                       .ck_rv = why->ck_rv,
                                       .sys_errno = why->sys_errno};
    if (place != NULL) {
        failure.token = place->token;
        (void)snprintf(failure.ring, sizeof failure.ring, "%s", place->ring);
    }
    (void)snprintf(failure.code, sizeof failure.code, "%s", why->code);
    (void)snprintf(failure.text, sizeof failure.text, "%.200s", why->text);
    (void)send(connection->channel, &failure, sizeof failure, MSG_DONTWAIT | MSG_NOSIGNAL);
}
