#include <signet/token/process.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/log.h>

#include "confine_internal.h"
#include "process_internal.h"
#include "settings_internal.h"
#include "softhsm_guard_internal.h"

#define EVENTS 256 /* taken from epoll in one go */

_Static_assert(offsetof(struct capability, place_in_turn) == 0, "one stands for the other");

static sg_status watch(const struct process *process, int fd, void *tag, struct sg_error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
    if (epoll_ctl(process->poller, EPOLL_CTL_ADD, fd, &event) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "cannot_watch", "cannot watch a socket");
    }
    return SG_OK;
}

sg_status sg_token_watch(struct process *process, struct capability *capability,
                         struct sg_error *err)
{
    return watch(process, capability->socket, capability, err);
}

void sg_token_drop(struct process *process, struct capability *capability)
{
    /* Closing would not do: control may hold a copy still, of a grant that it has given up. */
    (void)epoll_ctl(process->poller, EPOLL_CTL_DEL, capability->socket, NULL);
    sg_token_grants_close(&process->grants, capability);
}

static void serve_capability(struct process *process, struct capability *capability)
{
    struct sg_error err = SG_ERROR_INIT;
    sg_status s = sg_packet_receive(capability->socket, -1, &process->packet, &err);
    if (s == SG_E_SERVICE && strcmp(err.code, "would_block") == 0) {
        return;
    }
    sg_token_crowd_note(&process->crowd, capability->number);
    if (s != SG_OK || !sg_token_dispatch(process, capability)) {
        sg_token_drop(process, capability);
    }
    sg_token_crowd_done(&process->crowd);
}

static bool is_ending(const struct process *process)
{
    return process->login_lost || process->reread;
}

static bool is_readable(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    return poll(&entry, 1, 0) > 0;
}

/* Whatever control wants now. False: time to end. When the link is closed nobody administers us any
 * more, and what was granted may no longer hold. */
static bool serve_admin(struct process *process)
{
    struct sg_error err = SG_ERROR_INIT;
    while (is_readable(process->admin)) {
        if (sg_packet_receive(process->admin, -1, &process->packet, &err) != SG_OK ||
            !sg_token_dispatch(process, NULL) || is_ending(process)) {
            return false;
        }
    }
    return true;
}

/* Control is served, holders are noted. Where there are more events than these, control's may be
 * among the others. False: time to end. */
static bool take_events(struct process *process, const struct epoll_event *events, int count)
{
    bool admin = count == EVENTS;
    for (int i = 0; i < count; i++) {
        void *tag = events[i].data.ptr;
        if (tag == &process->signals) {
            return false;
        }
        if (tag == &process->admin) {
            admin = true;
        } else {
            struct capability *capability = tag;
            sg_token_turns_wait(&process->grants.turns, &capability->place_in_turn);
        }
    }
    if (admin && !serve_admin(process)) {
        return false;
    }
    sg_token_grants_bury(&process->grants); /* no event names them any more */
    return true;
}

static int wait_ms(const struct process *process)
{
    int idle_ms = process->state.settings->busy != NULL ? SG_BUSY_BEAT_MS : -1;
    return sg_token_turns_none(&process->grants.turns) ? idle_ms : 0;
}

/* How often epoll is asked in one go. Those that wait already are named each time: where they are
 * many it is asked only as often as goes without notice beside what was done since looked_ms. */
static int64_t look_times(const struct process *process, int64_t looked_ms)
{
    int64_t passed_ms = sg_monotonic_ms(sg_clock_system()) - looked_ms;
    int64_t enough = (int64_t)(process->grants.count / EVENTS) + 1;
    return passed_ms < enough ? passed_ms : enough;
}

/* Who has sent something. *ends: it is time to. */
static sg_status look(struct process *process, int64_t looked_ms, bool *ends, struct sg_error *err)
{
    struct epoll_event events[EVENTS];
    int64_t times = look_times(process, looked_ms);
    int count = 0;
    do {
        count = epoll_wait(process->poller, events, EVENTS, wait_ms(process));
        if (count < 0 && errno != EINTR) {
            return sg_fail_errno(err, SG_E_INTERNAL, "cannot_wait", "cannot wait for requests");
        }
        *ends = !take_events(process, events, count);
    } while (!*ends && count == EVENTS && --times > 0);
    return SG_OK;
}

/* Users take turns. It is looked for others, control above all, in each millisecond: nobody waits
 * for more than one request of each user. False: time to end. */
static bool serve_turns(struct process *process, int64_t looked_ms)
{
    do {
        struct turn_place *next = sg_token_turns_next(&process->grants.turns);
        if (next == NULL) {
            return true;
        }
        serve_capability(process, (struct capability *)next);
        if (is_ending(process)) {
            return false;
        }
    } while (sg_monotonic_ms(sg_clock_system()) == looked_ms);
    return true;
}

static sg_status loop(struct process *process, struct sg_error *err)
{
    int64_t looked_ms = sg_monotonic_ms(sg_clock_system());
    for (bool ends = false; !ends;) {
        sg_busy_beat(process->state.settings->busy, sg_monotonic_ms(sg_clock_system()));
        sg_status s = look(process, looked_ms, &ends, err);
        if (s != SG_OK) {
            return s;
        }
        looked_ms = sg_monotonic_ms(sg_clock_system());
        sg_token_crowd_look(&process->crowd, looked_ms);
        ends = ends || !serve_turns(process, looked_ms);
    }
    if (process->login_lost) {
        return sg_fail(err, SG_E_TOKEN, SG_TOKEN_LOGIN_LOST, "token \"%s\" ended our login",
                       process->state.settings->name);
    }
    if (process->reread) {
        return sg_fail(err, SG_E_TOKEN, SG_TOKEN_IN_DOUBT,
                       "a write to token \"%s\" failed: a fresh process reads it anew",
                       process->state.settings->name);
    }
    return SG_OK;
}

static sg_status open_signals(int *out, struct sg_error *err)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    /* A module's own threads inherit the mask, so that the signal comes to us. */
    if (sigprocmask(SIG_BLOCK, &stop, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
        (*out = signalfd(-1, &stop, SFD_CLOEXEC)) < 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "no_signals", "cannot listen to signals");
    }
    return SG_OK;
}

static sg_status open_loop(struct process *process, struct sg_error *err)
{
    sg_status s = open_signals(&process->signals, err);
    if (s != SG_OK) {
        return s;
    }
    process->poller = epoll_create1(EPOLL_CLOEXEC);
    if (process->poller < 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "no_epoll", "cannot make an epoll");
    }
    s = watch(process, process->signals, &process->signals, err);
    return s == SG_OK ? watch(process, process->admin, &process->admin, err) : s;
}

/* From first up to the kept one; where to go on. */
static unsigned close_up_to(unsigned first, int kept)
{
    if (kept < 0 || (unsigned)kept < first) {
        return first;
    }
    if ((unsigned)kept > first) {
        (void)close_range(first, (unsigned)kept - 1, 0);
    }
    return (unsigned)kept + 1;
}

/* Whatever else we inherited, a sibling's link above all: its process would not see the end of it
 * while we live. The lock is kept: nobody else is to use the token as long as we do. */
static void close_others(int admin, int lock)
{
    unsigned first = close_up_to(STDERR_FILENO + 1, admin < lock ? admin : lock);
    first = close_up_to(first, admin < lock ? lock : admin);
    (void)close_range(first, ~0u, 0);
}

static void process_free(struct process *process)
{
    sg_token_grants_done(&process->grants);
    sg_token_offers_done(&process->offers);
    sg_token_uses_done(&process->uses);
    sg_token_state_done(&process->state);
    sg_fd_closep(&process->poller);
    sg_fd_closep(&process->signals);
    free(process);
}
SG_DEFINE_CLEANUP(struct process *, process_free)

static struct process *process_new(int admin_socket)
{
    struct process *process = calloc(1, sizeof *process);
    if (process != NULL) {
        sg_token_grants_init(&process->grants);
        process->poller = -1;
        process->signals = -1;
        process->state.storage = -1;
        process->admin = admin_socket;
    }
    return process;
}

/* Everything before the module is loaded: from then on foreign code runs. */
static sg_status prepare(const struct sg_token_settings *settings, struct process *process,
                         struct sg_error *err)
{
    sg_status s = open_loop(process, err);
    if (s == SG_OK) {
        s = sg_token_set_environment(settings->environment, err);
    }
    if (s == SG_OK) {
        s = sg_token_confine(err);
    }
    if (s == SG_OK) {
        sg_softhsm_guard_check(settings);
    }
    return s;
}

sg_status sg_token_process_run(const struct sg_token_settings *settings, int admin_socket,
                               struct sg_error *err)
{
    close_others(admin_socket, settings->lock);
    SG_CLEANUP(process_freep) struct process *process = process_new(admin_socket);
    if (process == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s = prepare(settings, process, err);
    if (s != SG_OK) {
        return s;
    }
    sg_busy_set(settings->busy, SG_BUSY_CALL, sg_monotonic_ms(sg_clock_system()));
    sg_token_state_open(&process->state, settings);
    sg_busy_beat(settings->busy, sg_monotonic_ms(sg_clock_system()));
    sg_busy_set(settings->busy, SG_BUSY_NOT, 0);
    sg_token_crowd_start(&process->crowd, settings->processor); /* not the module's threads */
    sg_log(SG_LOG_INFO, "event=started token=\"%s\"", settings->name);
    s = loop(process, err);
    /* The module is called once more, to be unloaded, and may hang in that too. */
    sg_busy_set(settings->busy, SG_BUSY_CALL, sg_monotonic_ms(sg_clock_system()));
    return s;
}
