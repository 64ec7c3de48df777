/* Clients come and go. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/base/stranger.h>

#include "connection_internal.h"
#include "oom_internal.h"
#include "process_internal.h"
#include "stream_internal.h"

#define RESERVED_PART 8 /* a part of the connections is for root and the service's own user */
#define LAST_PART 8     /* and the last part of the others for users who have few */
#define FEW_PART 32     /* of all connections */

enum { ACCEPT_AT_ONCE = 64, START_AT_ONCE = 2 };
/* A connection's descriptors; when it starts to read there is only one more (place.c). */
enum { FD_CLIENT = 3, FD_CHANNEL = SG_SANDBOX_CHANNEL, FD_FIRST_CLOSED = 5, FD_LIFTED = 10 };

/* ---- refusals, and clients that were given up ---- */

/* What is told of the same user, for the same reason, becomes one line. */
static bool is_alike(const struct sg_rings_refusal_row *row, const struct sg_rings_refusal_row *now)
{
    return row->uid == now->uid && row->reason == now->reason && row->signal == now->signal &&
           row->failure.token == now->failure.token;
}

/* Never 0, which would be a free row. */
static uint64_t add_counts(uint64_t before, uint64_t more)
{
    uint64_t sum = 0;
    if (more == 0) {
        more = 1;
    }
    return __builtin_add_overflow(before, more, &sum) ? UINT64_MAX : sum;
}

/* One that is alike, the last of those that its user may have, a free one, or the last of all. */
static size_t row_for(const struct sg_rings_refusals *refusals,
                      const struct sg_rings_refusal_row *what)
{
    size_t of_user = 0;
    for (size_t i = 0; i < SG_REFUSALS - 1; i++) {
        const struct sg_rings_refusal_row *row = &refusals->rows[i];
        of_user += row->uid == what->uid ? 1 : 0;
        if (row->count == 0 || is_alike(row, what) || of_user == SG_REFUSALS_OF_USER) {
            return i;
        }
    }
    return SG_REFUSALS - 1;
}

void sg_rings_note(struct sg_rings *rings, const struct sg_rings_refusal_row *what)
{
    struct sg_rings_refusals *refusals = &rings->refusals;
    struct sg_rings_refusal_row *row = &refusals->rows[row_for(refusals, what)];
    uint64_t before = row->reason == what->reason ? row->count : 0;
    *row = *what;
    row->count = add_counts(before, what->count);
    refusals->any = true;
    sg_rings_tell_refusals(rings);
}

static void note(struct sg_rings *rings, enum sg_rings_notice reason, uid_t uid, pid_t pid)
{
    struct sg_rings_refusal_row row = {.reason = reason, .uid = uid, .pid = pid, .count = 1};
    sg_rings_note(rings, &row);
}

static void log_end_of_client(const struct sg_rings *rings, const struct sg_rings_refusal_row *row)
{
    const struct sg_rings_settings *settings = rings->settings;
    const struct {
        const char *event, *reason;
        size_t limit;
    } texts[SG_NOTICE_END] = {
        [SG_NOTICE_TOO_MANY] = {"refused", "too_many", settings->connections_max},
        [SG_NOTICE_TOO_MANY_OF_USER] = {"refused", "too_many_of_this_user",
                                        settings->connections_per_user_max},
        [SG_NOTICE_REQUEST_TOO_LONG] = {"ended", "request_too_long", SG_STREAM_REQUEST_MAX},
        [SG_NOTICE_REQUEST_TOO_LATE] = {"ended", "request_too_late", SG_STREAM_REQUEST_MS},
        [SG_NOTICE_ANSWER_NOT_READ] = {"ended", "answer_not_read", SG_STREAM_ANSWER_MS},
        [SG_NOTICE_NOT_THE_PROTOCOL] = {"ended", "not_the_protocol", SG_SANDBOX_DATA_MAX},
    };
    sg_log(SG_LOG_WARNING, "event=ring_client_%s reason=%s limit=%zu uid=%u pid=%d count=%lu",
           texts[row->reason].event, texts[row->reason].reason, texts[row->reason].limit,
           (unsigned)row->uid, (int)row->pid, (unsigned long)row->count);
}

/* Whose key was used, and what helps; nothing where none was. */
static void describe_use(const struct sg_rings *rings, const struct sg_rings_failure *failure,
                         char *out, size_t size)
{
    char ring[2 * sizeof failure->ring];
    const struct sg_rings_settings *settings = rings->settings;
    out[0] = '\0';
    if (failure->token == 0 || failure->token > settings->token_count) {
        return;
    }
    sg_log_quote(failure->ring, ring, sizeof ring);
    (void)snprintf(out, size,
                   " ring=\"%s\" token=\"%s\" hint=\"signet token list says how the token is, how "
                   "many uses of keys failed in it, and why the last one did\"",
                   ring, settings->token_names[failure->token - 1]);
}

static void log_failure(const struct sg_rings *rings, const struct sg_rings_refusal_row *row,
                        enum sg_log_level level, const char *event)
{
    const struct sg_rings_failure *failure = &row->failure;
    char text[2 * sizeof failure->text];
    char use[400];
    sg_log_quote(failure->text, text, sizeof text);
    describe_use(rings, failure, use, sizeof use);
    sg_log(level,
           "event=%s code=%s text=\"%s\" ck_rv=0x%lx errno=%d connection=%lu uid=%u pid=%d "
           "count=%lu%s",
           event, failure->code, text, (unsigned long)failure->ck_rv, (int)failure->sys_errno,
           (unsigned long)row->connection, (unsigned)row->uid, (int)row->pid,
           (unsigned long)row->count, use);
}

static void log_notice(const struct sg_rings *rings, const struct sg_rings_refusal_row *row)
{
    switch (row->reason) {
    case SG_NOTICE_DIED:
        sg_log(SG_LOG_WARNING,
               "event=ring_connection_died connection=%lu uid=%u pid=%d signal=%d count=%lu",
               (unsigned long)row->connection, (unsigned)row->uid, (int)row->pid, row->signal,
               (unsigned long)row->count);
        return;
    case SG_NOTICE_MISBEHAVED:
        sg_log(SG_LOG_WARNING,
               "event=ring_connection_misbehaved connection=%lu uid=%u pid=%d count=%lu",
               (unsigned long)row->connection, (unsigned)row->uid, (int)row->pid,
               (unsigned long)row->count);
        return;
    case SG_NOTICE_USE_FAILED:
        log_failure(rings, row, SG_LOG_WARNING, "ring_use_failed");
        return;
    case SG_NOTICE_CONNECTION_FAILED:
        log_failure(rings, row, SG_LOG_ERROR, "ring_connection_failed");
        return;
    case SG_NOTICE_TOO_MANY:
    case SG_NOTICE_TOO_MANY_OF_USER:
    case SG_NOTICE_REQUEST_TOO_LONG:
    case SG_NOTICE_REQUEST_TOO_LATE:
    case SG_NOTICE_ANSWER_NOT_READ:
    case SG_NOTICE_NOT_THE_PROTOCOL:
        log_end_of_client(rings, row);
    }
}

/* What control cannot hear now it does not hear: the log has it. */
void sg_rings_tell_refusals(struct sg_rings *rings)
{
    struct sg_rings_refusals *refusals = &rings->refusals;
    int64_t now_ms = sg_monotonic_ms(sg_clock_system());
    if (!refusals->any ||
        (refusals->told_ms != 0 && now_ms - refusals->told_ms < SG_REFUSALS_TELL_MS)) {
        return;
    }
    for (size_t i = 0; i < SG_REFUSALS && refusals->rows[i].count != 0; i++) {
        log_notice(rings, &refusals->rows[i]);
        if (refusals->rows[i].reason < SG_NOTICE_FIRST_END) {
            sg_rings_send_refusal(rings, (enum sg_rings_refusal)refusals->rows[i].reason,
                                  refusals->rows[i].uid, refusals->rows[i].pid,
                                  refusals->rows[i].count);
        }
    }
    *refusals = (struct sg_rings_refusals){.told_ms = now_ms};
}

/* Who is here, as one user's next client finds it. */
struct census {
    size_t all, of_user;
    uint64_t turn;               /* the user's last one that waits */
    struct sg_ring_client *free; /* NULL: none */
};

static void count_client(struct census *census, const struct sg_ring_client *client, uid_t uid)
{
    census->all++;
    if (client->gone || client->uid != uid) {
        return;
    }
    census->of_user++;
    if (client->waits && client->turn > census->turn) {
        census->turn = client->turn;
    }
}

static struct census take_census(struct sg_rings *rings, uid_t uid)
{
    struct census census = {.turn = rings->start_turn};
    size_t end = 0;
    for (size_t i = 0; i < rings->rows_end; i++) {
        struct sg_ring_client *client = &rings->rows[i];
        if (client->used) {
            end = i + 1;
            count_client(&census, client, uid);
        } else if (census.free == NULL) {
            census.free = client;
        }
    }
    rings->rows_end = end;
    if ((census.free == NULL || census.free > &rings->rows[end]) && end < rings->row_count) {
        census.free = &rings->rows[end];
    }
    return census;
}

/* How many one more of this user must leave free: two users with many keep nobody else out. */
static size_t left_free(const struct sg_rings_settings *settings, const struct census *census,
                        uid_t uid)
{
    size_t all = settings->connections_max;
    if (uid == 0 || uid == geteuid()) {
        return 0;
    }
    return all / RESERVED_PART + (census->of_user > all / FEW_PART ? all / LAST_PART : 0);
}

static struct sg_ring_client *admit(struct sg_rings *rings, const struct ucred *who, uint64_t *turn)
{
    const struct sg_rings_settings *settings = rings->settings;
    struct census census = take_census(rings, who->uid);
    *turn = census.turn + 1;
    if (census.of_user >= settings->connections_per_user_max) {
        note(rings, SG_NOTICE_TOO_MANY_OF_USER, who->uid, who->pid);
        return NULL;
    }
    size_t others = left_free(settings, &census, who->uid);
    bool room = census.free != NULL && census.all + others < settings->connections_max;
    if (!room) {
        note(rings, SG_NOTICE_TOO_MANY, who->uid, who->pid);
    }
    return room ? census.free : NULL;
}

/* ---- the forked process ---- */

/* What it needs; a copy, because the rest of rings' memory is wiped by the fork. */
struct start {
    int client, channel, null, timeout_ms, oom_score;
    size_t memory_max;
    const struct sg_generation_page *page;
    const struct sg_sandbox *sandbox;
    pid_t parent;
};

/* The log is none of them: whoever takes this process over could fill the disk with it. */
static bool keep_descriptors(const struct start *start)
{
    int client = fcntl(start->client, F_DUPFD, FD_LIFTED);
    int channel = fcntl(start->channel, F_DUPFD, FD_LIFTED);
    bool mute = sg_is_sanitized() || dup2(start->null, STDERR_FILENO) >= 0;
    return client >= 0 && channel >= 0 && mute && dup2(start->null, STDIN_FILENO) >= 0 &&
           dup2(start->null, STDOUT_FILENO) >= 0 && dup2(client, FD_CLIENT) >= 0 &&
           dup2(channel, FD_CHANNEL) >= 0 && close_range(FD_FIRST_CLOSED, ~0u, 0) == 0;
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGPIPE,
                 SIG_IGN); /* a client that leaves in the middle of an answer is no event */
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void run_connection(const struct start *start)
{
    struct sg_connection connection;
    struct sg_error err = SG_ERROR_INIT;
    /* Without rings nobody counts this connection or passes its questions on. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != start->parent ||
        !keep_descriptors(start)) {
        _exit(1);
    }
    sg_oom_go_first(start->oom_score); /* now that it has nothing of other clients */
    reset_signals();
    sg_connection_init(&connection, FD_CLIENT, FD_CHANNEL, start->timeout_ms, start->page);
    sg_status s = sg_connection_serve(&connection, start->sandbox, start->memory_max, &err);
    if (s != SG_OK) {
        sg_channel_tell(&connection, SG_RINGS_CONNECTION_FAILED, NULL, 1, &err);
    }
    sg_connection_done(&connection);
    _exit(s == SG_OK ? (int)connection.end : 1);
}

static pid_t fork_connection(const struct sg_rings *rings, int client, int channel)
{
    const struct start start = {
        .client = client,
        .channel = channel,
        .null = rings->null,
        .timeout_ms = rings->settings->answer_timeout_ms,
        .oom_score = rings->oom_score,
        .memory_max = rings->settings->memory_max,
        .page = rings->page,
        .sandbox = rings->sandbox,
        .parent = getpid(),
    };
    pid_t process = fork();
    if (process == 0) {
        run_connection(&start);
    }
    return process;
}

/* ---- accepting ---- */

static sg_status start_client(struct sg_rings *rings, struct sg_ring_client *client,
                              struct sg_error *err)
{
    int pair[2] = {-1, -1};
    sg_status s = sg_packet_pair(pair, err);
    if (s != SG_OK) {
        return s;
    }
    SG_FD int ours = pair[0];
    SG_FD int theirs = pair[1];
    /* Only our end: a connection that does not read must not stop the others. */
    if (fcntl(ours, F_SETFL, O_NONBLOCK) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot prepare a channel");
    }
    s = sg_rings_watch(rings, ours, (uint64_t)(client - rings->rows), err);
    if (s != SG_OK) {
        return s;
    }
    pid_t process = fork_connection(rings, client->socket, theirs);
    if (process < 0) {
        return sg_fail_errno(err, SG_E_LIMIT, "no_process", "cannot fork a connection process");
    }
    client->channel = sg_fd_steal(&ours);
    client->process = process;
    client->number = rings->next_number++;
    return SG_OK;
}

/* Who has gone while it waited needs no process. */
static bool has_left(const struct sg_ring_client *client)
{
    char byte = 0;
    return recv(client->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void serve_client(struct sg_rings *rings, struct sg_ring_client *client)
{
    struct sg_error err = SG_ERROR_INIT;
    client->used = !has_left(client);
    if (client->used && start_client(rings, client, &err) != SG_OK) {
        if (sg_log_due(&rings->no_process, sg_monotonic_ms(sg_clock_system())) > 0) {
            sg_log_error(SG_LOG_ERROR, "ring_client_refused", &err);
        }
        client->used = false;
    }
    if (!client->used) {
        sg_stranger_end(client->socket);
    }
    sg_fd_closep(&client->socket); /* the process has its own */
    client->socket = -1;
    client->waits = false;
    rings->waiting--;
    if (client->used) {
        sg_log(SG_LOG_DEBUG, "event=ring_client connection=%lu uid=%u pid=%d process=%d",
               (unsigned long)client->number, (unsigned)client->uid, (int)client->pid,
               (int)client->process);
    }
}

static struct sg_ring_client *whose_turn(struct sg_rings *rings)
{
    struct sg_ring_client *next = NULL;
    for (size_t i = 0; i < rings->rows_end; i++) {
        struct sg_ring_client *client = &rings->rows[i];
        if (client->used && client->waits && (next == NULL || client->turn < next->turn)) {
            next = client;
        }
    }
    return next;
}

void sg_rings_start_waiting(struct sg_rings *rings)
{
    for (int i = 0; i < START_AT_ONCE && rings->waiting > 0; i++) {
        struct sg_ring_client *client = whose_turn(rings);
        if (client == NULL) {
            return;
        }
        rings->start_turn = client->turn;
        serve_client(rings, client);
    }
}

static void welcome(struct sg_rings *rings, int *socket)
{
    struct ucred who = {0};
    socklen_t len = sizeof who;
    uint64_t turn = 0;
    if (getsockopt(*socket, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0) {
        return;
    }
    struct sg_ring_client *client = admit(rings, &who, &turn);
    if (client == NULL) {
        return;
    }
    *client = (struct sg_ring_client){
        .used = true,
        .waits = true,
        .socket = sg_fd_steal(socket),
        .turn = turn,
        .channel = -1,
        .uid = who.uid,
        .gid = who.gid,
        .pid = who.pid,
    };
    size_t end = (size_t)(client - rings->rows) + 1;
    rings->rows_end = end > rings->rows_end ? end : rings->rows_end;
    rings->waiting++;
}

static void pause_accepting(struct sg_rings *rings)
{
    const char *reason = strerrordesc_np(errno);
    if (sg_log_due(&rings->no_descriptor, sg_monotonic_ms(sg_clock_system())) > 0) {
        sg_log(SG_LOG_ERROR, "event=ring_accept_paused reason=\"%s\"", reason);
    }
    (void)epoll_ctl(rings->epoll, EPOLL_CTL_DEL, rings->settings->listener, NULL);
    rings->accepting = false;
}

void sg_rings_resume(struct sg_rings *rings)
{
    struct sg_error err = SG_ERROR_INIT;
    if (!rings->accepting) {
        rings->accepting =
            sg_rings_watch(rings, rings->settings->listener, SG_EVENT_LISTENER, &err) == SG_OK;
    }
}

/* Each client is a descriptor. */
static bool has_room(const struct sg_rings *rings, size_t room)
{
    size_t held = 0;
    for (size_t i = 0; i < rings->rows_end; i++) {
        const struct sg_ring_client *client = &rings->rows[i];
        held += client->used && (client->waits || client->channel >= 0) ? 1 : 0;
    }
    return held < room;
}

static size_t room_for_clients(void)
{
    struct rlimit limit;
    bool few = getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= SG_RINGS_SPARE;
    return few ? 1 : (size_t)limit.rlim_cur - SG_RINGS_SPARE;
}

/* Where there are few descriptors clients wait in the listener's queue. */
void sg_rings_accept(struct sg_rings *rings)
{
    size_t room = room_for_clients();
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        if (room < rings->row_count && !has_room(rings, room)) {
            errno = EMFILE;
            pause_accepting(rings);
            return;
        }
        SG_CLEANUP(sg_stranger_closep)
        int socket = accept4(rings->settings->listener, NULL, NULL, SOCK_CLOEXEC);
        if (socket >= 0) {
            welcome(rings, &socket);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            pause_accepting(rings);
        }
        return;
    }
}

/* ---- the end ---- */

void sg_rings_kill(struct sg_ring_client *client)
{
    if (client->process > 0) {
        (void)kill(client->process,
                   SIGKILL); /* our child and not reaped: the number is still its own */
    }
}

static struct sg_ring_client *row_of(struct sg_rings *rings, pid_t process)
{
    for (size_t i = 0; i < rings->rows_end; i++) {
        if (rings->rows[i].used && rings->rows[i].process == process) {
            return &rings->rows[i];
        }
    }
    return NULL;
}

static void log_end(struct sg_rings *rings, const struct sg_ring_client *client, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    if (code >= SG_NOTICE_FIRST_END && code < SG_NOTICE_END) {
        note(rings, (enum sg_rings_notice)code, client->uid, client->pid);
    }
    if (WIFSIGNALED(status)) {
        struct sg_rings_refusal_row row = {.reason = SG_NOTICE_DIED,
                                           .signal = WTERMSIG(status),
                                           .uid = client->uid,
                                           .count = 1,
                                           .pid = client->pid,
                                           .connection = client->number};
        sg_rings_note(rings, &row);
    }
}

void sg_rings_reap(struct sg_rings *rings)
{
    int status = 0;
    pid_t process;
    while ((process = waitpid(-1, &status, WNOHANG)) > 0) {
        struct sg_ring_client *client = row_of(rings, process);
        if (client == NULL) {
            continue;
        }
        sg_rings_read_last_words(rings, client);
        log_end(rings, client, status);
        sg_fd_closep(&client->channel);
        client->channel = -1;
        client->process = 0;
        client->question = (struct sg_ring_question){.wanted = false};
        sg_rings_tell_gone(rings, client);
        sg_rings_resume(rings);
    }
    sg_rings_ask(rings); /* in the place of those who have gone */
}
