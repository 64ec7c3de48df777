/* Questions go from connections to control, answers come back. Who asks is written here, from the
 * table: a connection's own word about itself counts for nothing. */
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/policy/model.h>

#include "process_internal.h"

enum { PACKETS_AT_ONCE = 64, ASKED_AT_ONCE = 4, LAST_WORDS = 64 };
/* What a connection may say unasked: its own code says one thing a second. While rings does not
 * read more of it piles up, as much as a channel holds. */
enum { WORD_MS = 500, WORDS_AT_ONCE = 1000 };
#define FAILURES_MAX                                                                               \
    1000000000u /* more than any client can have in the second between two words                   \
                 */

/* ---- to control ---- */

static void drop_control(struct sg_rings *rings)
{
    sg_fd_closep(&rings->control); /* which also ends its being watched */
    rings->control = -1;
    rings->control_full = false;
    for (size_t i = 0; i < rings->rows_end; i++) {
        struct sg_ring_client *client = &rings->rows[i];
        client->announced = false;
        client->question.sent = false;
        client->question.replaced = false;
        if (client->gone) {
            client->used = false; /* the control that would have to know is gone itself */
            client->gone = false;
        }
    }
}

/* The master makes a link when control ends, or we. So when it is not control that has gone, a
 * fresh process helps, and nothing else would. */
static void lose_control(struct sg_rings *rings, const struct sg_error *why)
{
    bool gone = strcmp(why->code, "peer_gone") == 0;
    sg_log_error(gone ? SG_LOG_WARNING : SG_LOG_ERROR, "control_link_lost", why);
    rings->stop = rings->stop || !gone;
    drop_control(rings);
}

static void watch_output(const struct sg_rings *rings, bool output)
{
    struct epoll_event event = {.events = output ? EPOLLIN | EPOLLOUT : EPOLLIN,
                                .data.u64 = SG_EVENT_CONTROL};
    (void)epoll_ctl(rings->epoll, EPOLL_CTL_MOD, rings->control, &event);
}

static bool send_control(struct sg_rings *rings, const struct sg_rings_packet *packet)
{
    struct sg_error err = SG_ERROR_INIT;
    if (rings->control < 0 || rings->control_full) {
        return false;
    }
    if (sg_packet_send(rings->control, packet, sizeof *packet, NULL, 0, NULL, 0, &err) == SG_OK) {
        return true;
    }
    if (strcmp(err.code, "would_block") == 0) {
        rings->control_full = true;
        watch_output(rings, true);
    } else {
        lose_control(rings, &err);
    }
    return false;
}

static struct sg_rings_packet packet_of(const struct sg_ring_client *client,
                                        enum sg_rings_kind kind)
{
    return (struct sg_rings_packet){
        .kind = kind,
        .connection = client->number,
        .uid = client->uid,
        .gid = client->gid,
        .pid = (uint32_t)client->pid,
        .ring = client->ring,
    };
}

static void send_question(struct sg_rings *rings, struct sg_ring_client *client, int64_t now_ms)
{
    struct sg_ring_question *question = &client->question;
    struct sg_rings_packet packet = packet_of(client, (enum sg_rings_kind)question->kind);
    packet.sequence = ++rings->relay_sequence;
    packet.token = question->token;
    if (send_control(rings, &packet)) {
        question->relay_sequence = packet.sequence;
        question->sent = true;
        question->sent_ms = now_ms;
        client->announced = true;
    }
}

/* Is an answer still to be expected? A connection asks again only when its time has run out; one
 * that asks faster is none of ours, and shall not be able to flood control. */
static bool is_outstanding(const struct sg_rings *rings, const struct sg_ring_question *question,
                           int64_t now_ms)
{
    return question->wanted && question->sent &&
           now_ms - question->sent_ms < rings->settings->answer_timeout_ms / 2;
}

/* Control answers one question after the other: what it has not begun waits here, where users come
 * in turns. NULL: none waits, or it has enough. */
static struct sg_ring_client *next_to_ask(struct sg_rings *rings, int64_t now_ms)
{
    struct sg_ring_client *next = NULL;
    int out = 0;
    rings->asks_wait = false;
    for (size_t i = 0; i < rings->rows_end; i++) {
        struct sg_ring_client *client = &rings->rows[i];
        const struct sg_ring_question *question = &client->question;
        out += client->used && is_outstanding(rings, question, now_ms) ? 1 : 0;
        if (client->used && question->wanted && !question->sent &&
            (next == NULL || question->turn < next->question.turn)) {
            next = client;
        }
    }
    rings->asks_wait = next != NULL && out >= ASKED_AT_ONCE;
    return out < ASKED_AT_ONCE ? next : NULL;
}

void sg_rings_ask(struct sg_rings *rings)
{
    int64_t now_ms = sg_monotonic_ms(sg_clock_system());
    while (rings->control >= 0 && !rings->control_full) {
        struct sg_ring_client *client = next_to_ask(rings, now_ms);
        if (client == NULL) {
            return;
        }
        rings->ask_turn = client->question.turn;
        send_question(rings, client, now_ms);
    }
}

void sg_rings_send_refusal(struct sg_rings *rings, enum sg_rings_refusal reason, uid_t uid,
                           pid_t pid, uint64_t count)
{
    struct sg_rings_packet packet = {.kind = SG_RINGS_REFUSED,
                                     .connection = count,
                                     .uid = uid,
                                     .pid = (uint32_t)pid,
                                     .token = reason};
    (void)send_control(rings, &packet);
}

void sg_rings_tell_gone(struct sg_rings *rings, struct sg_ring_client *client)
{
    struct sg_rings_packet packet = packet_of(client, SG_RINGS_GONE);
    client->gone = true;
    bool told = !client->announced || send_control(rings, &packet);
    /* When the link went down in this very call the row is free already. */
    if (told || rings->control < 0) {
        client->used = false;
        client->gone = false;
    }
}

void sg_rings_flush_control(struct sg_rings *rings)
{
    if (rings->control < 0) {
        return;
    }
    rings->control_full = false;
    watch_output(rings, false);
    for (size_t i = 0; i < rings->rows_end && rings->control >= 0 && !rings->control_full; i++) {
        struct sg_ring_client *client = &rings->rows[i];
        if (client->used && client->gone) {
            sg_rings_tell_gone(rings, client);
        }
    }
    sg_rings_ask(rings);
}

void sg_rings_set_control(struct sg_rings *rings, int control)
{
    struct sg_error err = SG_ERROR_INIT;
    drop_control(rings);
    rings->control = control;
    if (fcntl(control, F_SETFL, O_NONBLOCK) != 0 ||
        sg_rings_watch(rings, control, SG_EVENT_CONTROL, &err) != SG_OK) {
        sg_log(SG_LOG_ERROR, "event=control_link_refused");
        rings->stop = true; /* the next one gets another */
        drop_control(rings);
        return;
    }
    sg_log(SG_LOG_INFO, "event=control_link");
    sg_rings_flush_control(rings);
}

/* ---- from a connection ---- */

static bool is_question(const struct sg_packet *packet)
{
    const struct sg_rings_packet *asked = (const void *)packet->data;
    return packet->len == sizeof *asked && packet->fd_count == 0 &&
           (asked->kind == SG_RINGS_VIEW || asked->kind == SG_RINGS_GRANT) &&
           asked->token < SG_TOKENS_MAX;
}

static bool is_word(const char *text, size_t size)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return len > 0 && len < size && text[len] == '\0';
}

/* Who is believed: it goes into the log, under the user's own number. */
static bool is_failure(const struct sg_packet *packet)
{
    struct sg_rings_failure failure;
    if (packet->len != sizeof failure || packet->fd_count != 0) {
        return false;
    }
    memcpy(&failure, packet->data, sizeof failure);
    bool ends = memchr(failure.code, 0, sizeof failure.code) != NULL &&
                memchr(failure.text, 0, sizeof failure.text) != NULL &&
                memchr(failure.ring, 0, sizeof failure.ring) != NULL;
    bool counts = failure.count >= 1 && failure.count <= FAILURES_MAX;
    return ends && counts && failure.kind == SG_RINGS_FAILED &&
           failure.what <= SG_RINGS_CONNECTION_FAILED && failure.token <= SG_TOKENS_MAX &&
           is_word(failure.code, sizeof failure.code);
}

static struct sg_rings_refusal_row row_for(const struct sg_ring_client *client,
                                           enum sg_rings_notice reason)
{
    return (struct sg_rings_refusal_row){.reason = reason,
                                         .uid = client->uid,
                                         .count = 1,
                                         .pid = client->pid,
                                         .connection = client->number};
}

static void take_failure(struct sg_rings *rings, const struct sg_ring_client *client)
{
    struct sg_rings_refusal_row row = row_for(client, SG_NOTICE_USE_FAILED);
    memcpy(&row.failure, rings->packet.data, sizeof row.failure);
    if (row.failure.what == SG_RINGS_CONNECTION_FAILED) {
        row.reason = SG_NOTICE_CONNECTION_FAILED;
    }
    row.count = row.failure.count;
    sg_rings_note(rings, &row);
}

void sg_rings_read_last_words(struct sg_rings *rings, struct sg_ring_client *client)
{
    struct sg_error err = SG_ERROR_INIT;
    for (int i = 0; client->channel >= 0 && i < LAST_WORDS; i++) {
        if (sg_packet_receive(client->channel, 0, &rings->packet, &err) != SG_OK) {
            return;
        }
        if (is_failure(&rings->packet)) {
            take_failure(rings, client);
        }
        sg_packet_close_fds(&rings->packet);
    }
}

/* Somebody who has taken a connection process over keeps rings busy for two packets a second. */
static bool keeps_its_pace(struct sg_ring_client *client)
{
    int64_t now_ms = sg_monotonic_ms(sg_clock_system());
    int64_t begin_ms = client->words_ms > now_ms ? client->words_ms : now_ms;
    client->words_ms = begin_ms + WORD_MS;
    return client->words_ms - now_ms <= (int64_t)WORDS_AT_ONCE * WORD_MS;
}

/* The first question comes before the client's first call: what it says of the ring stays. */
static bool keeps_to_its_ring(struct sg_ring_client *client, const struct sg_packet *packet)
{
    const struct sg_rings_packet *asked = (const void *)packet->data;
    if (!client->bound) {
        client->bound = true;
        client->ring = asked->ring;
    }
    return client->ring == asked->ring;
}

static uint64_t next_turn(const struct sg_rings *rings, uid_t uid)
{
    uint64_t turn = rings->ask_turn;
    for (size_t i = 0; i < rings->rows_end; i++) {
        const struct sg_ring_client *client = &rings->rows[i];
        const struct sg_ring_question *question = &client->question;
        if (client->used && client->uid == uid && question->wanted && !question->sent &&
            question->turn > turn) {
            turn = question->turn;
        }
    }
    return turn + 1;
}

/* One question at a time is out for each connection. What it asks again meanwhile gets the answer
 * that is under way if it is the same question, and otherwise waits for that. */
static void take_question(struct sg_rings *rings, struct sg_ring_client *client,
                          const struct sg_rings_packet *asked)
{
    struct sg_ring_question *question = &client->question;
    bool outstanding = is_outstanding(rings, question, sg_monotonic_ms(sg_clock_system()));
    bool same = question->kind == asked->kind && question->token == asked->token;
    question->replaced = outstanding && (question->replaced || !same);
    question->sent = outstanding;
    question->wanted = false;
    question->turn = next_turn(rings, client->uid);
    question->wanted = true;
    question->kind = asked->kind;
    question->token = asked->token;
    question->sequence = asked->sequence;
    sg_rings_ask(rings);
}

/* False: our own code does not say that. A question is unasked while the one before waits. */
static bool take_packet(struct sg_rings *rings, struct sg_ring_client *client)
{
    const struct sg_packet *packet = &rings->packet;
    bool question = is_question(packet);
    if ((!question || client->question.wanted) && !keeps_its_pace(client)) {
        return false;
    }
    if (question && keeps_to_its_ring(client, packet)) {
        take_question(rings, client, (const void *)packet->data);
        return true;
    }
    bool failure = is_failure(packet);
    if (failure) {
        take_failure(rings, client);
    }
    return failure;
}

void sg_rings_read_channel(struct sg_rings *rings, struct sg_ring_client *client)
{
    struct sg_error err = SG_ERROR_INIT;
    if (!client->used || client->channel < 0) {
        return; /* an event from before it was reaped */
    }
    sg_status s = sg_packet_receive(client->channel, 0, &rings->packet, &err);
    if (s == SG_E_SERVICE && strcmp(err.code, "peer_gone") != 0) {
        return; /* nothing there */
    }
    if (s == SG_OK && take_packet(rings, client)) {
        return;
    }
    if (s == SG_OK) {
        struct sg_rings_refusal_row row = row_for(client, SG_NOTICE_MISBEHAVED);
        sg_rings_note(rings, &row);
        sg_packet_close_fds(&rings->packet);
    }
    /* Its end, or something that our own code does not say: either way it is finished. */
    sg_fd_closep(&client->channel);
    client->channel = -1;
    if (s != SG_E_SERVICE) {
        sg_rings_kill(client);
    }
}

/* ---- from control ---- */

static struct sg_ring_client *asker_of(struct sg_rings *rings, const struct sg_rings_packet *answer)
{
    for (size_t i = 0; i < rings->rows_end; i++) {
        struct sg_ring_client *client = &rings->rows[i];
        if (client->used && client->number == answer->connection) {
            const struct sg_ring_question *question = &client->question;
            bool fits =
                question->wanted && question->sent && question->relay_sequence == answer->sequence;
            return fits ? client : NULL;
        }
    }
    return NULL;
}

static void pass_on(struct sg_ring_client *client, const struct sg_packet *packet)
{
    const struct sg_rings_packet *answer = (const void *)packet->data;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_rings_packet out = {
        .kind = client->question.kind,
        .sequence = client->question.sequence,
        .token = client->question.token,
        .status = answer->status,
    };
    client->question.wanted = false;
    client->question.sent = false;
    size_t count = packet->fd_count > 0 ? 1 : 0;
    if (client->channel >= 0 && sg_packet_send(client->channel, &out, sizeof out, NULL, 0,
                                               packet->fds, count, &err) != SG_OK) {
        sg_rings_kill(client); /* it does not read, or has ended */
    }
}

/* What came without its descriptor, for we had none left, is asked for again, after a pause. */
static void take_answer(struct sg_rings *rings, bool cut)
{
    struct sg_packet *packet = &rings->packet;
    struct sg_rings_packet *answer = (void *)packet->data;
    answer->status = cut ? SG_E_SERVICE : answer->status;
    struct sg_ring_client *client = packet->len == sizeof *answer ? asker_of(rings, answer) : NULL;
    if (client == NULL) {
        return; /* whoever asked is gone or has given up */
    }
    if (client->question.replaced) {
        client->question.replaced = false;
        client->question.sent = false;
    } else {
        pass_on(client, packet);
    }
    sg_rings_ask(rings);
}

void sg_rings_read_control(struct sg_rings *rings)
{
    for (int i = 0; i < PACKETS_AT_ONCE && rings->control >= 0; i++) {
        struct sg_error err = SG_ERROR_INIT;
        sg_status s = sg_packet_receive(rings->control, 0, &rings->packet, &err);
        bool cut = s == SG_E_INPUT;
        if (cut && sg_log_due(&rings->no_descriptor, sg_monotonic_ms(sg_clock_system())) > 0) {
            sg_log_error(SG_LOG_ERROR, "answer_lost", &err);
        }
        if (s == SG_OK || cut) {
            take_answer(rings, cut);
            sg_packet_close_fds(&rings->packet);
        } else if (s == SG_E_SERVICE && strcmp(err.code, "peer_gone") != 0) {
            return;
        } else {
            lose_control(rings, &err);
        }
    }
}
