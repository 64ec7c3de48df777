/* Deaths and successors, and the end of all. */
#include "children_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/base/packet.h>

#define BACKOFF_FIRST_MS 100u
#define BACKOFF_MAX_MS 30000u
/* Who lived so long, and a multiple of its delay, has a clean record. */
#define STEADY_MIN_MS 2000
#define STEADY_FACTOR 20
#define STEADY_MAX_MS 60000
#define EARLY_MS 10000 /* whoever dies sooner, before the service was ever ready, did not start */
#define FORK_RETRY_MS 1000
#define STOP_MS 5000 /* between SIGTERM and SIGKILL */
#define LOGIN_LOOK_MS 250
#define WAIT_MAX_MS 1000000

static int64_t now_ms(void)
{
    return sg_monotonic_ms(sg_clock_system());
}

/* ---- readiness ---- */

static void announce(struct sg_master *master)
{
    if (!master->control_ready || sg_master_rings(master)->pid == 0 || master->stopping) {
        return;
    }
    (void)sd_notifyf(0, "READY=1\nSTATUS=serving; tokens configured: %zu",
                     master->config->token_count);
    if (!master->ever_ready) {
        sg_log(SG_LOG_NOTICE, "event=ready socket=\"%s\" rings_socket=\"%s\" tokens=%zu",
               master->config->socket, master->config->rings_socket, master->config->token_count);
    }
    master->ever_ready = true;
}

/* ---- deaths ---- */

static void log_death(const struct sg_child *child, int status, int64_t lived_ms)
{
    if (WIFSIGNALED(status)) {
        sg_log(SG_LOG_ERROR, "event=process_died process=%s pid=%d signal=%d lived_ms=%lld",
               child->name, (int)child->pid, WTERMSIG(status), (long long)lived_ms);
        return;
    }
    sg_log(WEXITSTATUS(status) == 0 ? SG_LOG_WARNING : SG_LOG_ERROR,
           "event=process_died process=%s pid=%d exit=%d lived_ms=%lld", child->name,
           (int)child->pid, WEXITSTATUS(status), (long long)lived_ms);
}

/* Deaths that come now and then cost little time; what dies again and again is waited for. */
static bool was_steady(const struct sg_child *child, int64_t lived_ms)
{
    int64_t wanted = (int64_t)child->backoff_ms * STEADY_FACTOR;
    wanted = wanted < STEADY_MIN_MS   ? STEADY_MIN_MS
             : wanted > STEADY_MAX_MS ? STEADY_MAX_MS
                                      : wanted;
    return lived_ms >= wanted;
}

static void log_postponed(const struct sg_child *child, int64_t left_ms)
{
    static const char *const meanings[] = {
        [SG_ROLE_CONTROL] = "no command is answered, and no program can attach to a ring",
        [SG_ROLE_RINGS] = "no program can attach to a ring",
        [SG_ROLE_TOKEN] = "the token has one process less",
    };
    sg_log(
        SG_LOG_WARNING,
        "event=start_postponed process=%s starts_in_ms=%lld starts=%llu text=\"it has died again "
        "and again; until it is started again %s\"",
        child->name, (long long)left_ms, (unsigned long long)child->starts, meanings[child->role]);
}

/* The first successor comes at once, the next ones later and later. */
static void plan_successor(struct sg_child *child, int64_t now)
{
    if (was_steady(child, now - child->started_ms)) {
        child->backoff_ms = 0;
    }
    child->due_ms = now + child->backoff_ms;
    child->backoff_ms = child->backoff_ms == 0                   ? BACKOFF_FIRST_MS
                        : child->backoff_ms < BACKOFF_MAX_MS / 2 ? child->backoff_ms * 2
                                                                 : BACKOFF_MAX_MS;
    if (child->due_ms > now) {
        log_postponed(child, child->due_ms - now);
    }
}

/* Their administrative links ended with control, and so did the capabilities it granted: none may
 * outlive it. Some have seen that themselves and ended already: no fault of theirs either. One that
 * is in its login holds no capability and sees the end after it: a software token may be damaged by
 * a kill there. */
static void replace_tokens(struct sg_master *master)
{
    for (size_t i = 2; i < master->child_count; i++) {
        struct sg_child *child = &master->children[i];
        if (child->pid != 0 && sg_watch_login_left_ms(master, child) == 0) {
            (void)kill(child->pid, SIGKILL);
        }
        child->condemned = child->pid != 0;
        child->due_ms = 0;
        child->backoff_ms = 0;
        sg_child_close(child);
    }
}

static void give_up(struct sg_master *master, const struct sg_child *child)
{
    sg_fail(master->err, SG_E_SERVICE, "cannot_start",
            "%s ended %u times before the service was ready", child->name, child->early_deaths);
    master->failure = sg_hint(master->err, "The log above says why.");
    sg_supervise_stop(master);
}

static void count_early_death(struct sg_master *master, struct sg_child *child, int64_t lived_ms)
{
    if (master->ever_ready || child->role == SG_ROLE_TOKEN || lived_ms >= EARLY_MS) {
        return;
    }
    child->early_deaths++;
    if (child->early_deaths >= SG_MASTER_TRIES) {
        give_up(master, child);
    }
}

static void after_death(struct sg_master *master, const struct sg_child *child)
{
    switch (child->role) {
    case SG_ROLE_CONTROL:
        master->control_ready = false;
        sg_links_reset(master);
        replace_tokens(master);
        (void)sd_notify(0, "STATUS=control ended; starting it again");
        return;
    case SG_ROLE_RINGS:
        sg_links_reset(master);
        sg_log(SG_LOG_WARNING, "event=clients_lost reason=\"the rings process ended\"");
        return;
    case SG_ROLE_TOKEN:
        return;
    }
}

static void bury(struct sg_master *master, struct sg_child *child, int status)
{
    int64_t now = now_ms();
    int64_t lived_ms = now - child->started_ms;
    bool wanted = child->condemned || master->stopping;
    if (wanted) {
        sg_log(SG_LOG_INFO, "event=process_ended process=%s pid=%d", child->name, (int)child->pid);
        child->due_ms = now;
    } else {
        child->ended = status;
        log_death(child, status, lived_ms);
        plan_successor(child, now);
    }
    child->pid = 0;
    child->condemned = false;
    sg_child_close(child);
    sg_watch_end(child);
    if (!master->stopping) {
        after_death(master, child);
        count_early_death(master, child, wanted ? EARLY_MS : lived_ms);
    }
}

void sg_supervise_reap(struct sg_master *master)
{
    int status = 0;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
        for (size_t i = 0; i < master->child_count; i++) {
            if (master->children[i].pid == pid) {
                bury(master, &master->children[i], status);
                break;
            }
        }
        /* Others are orphans of a rings that died: reaped, and that is all. */
    }
}

/* ---- starting ---- */

static void start(struct sg_master *master, struct sg_child *child)
{
    struct sg_error err = SG_ERROR_INIT;
    if (sg_child_start(master, child, &err) != SG_OK) {
        sg_log_error(SG_LOG_ERROR, "cannot_start_process", &err);
        child->due_ms = now_ms() + FORK_RETRY_MS;
        return;
    }
    if (child->role != SG_ROLE_TOKEN) {
        sg_links_reset(master);
        announce(master);
    }
}

/* Somebody who served the control before this one has not ended: it may be in its login, and logins
 * come one after the other. */
static bool is_still_used(const struct sg_master *master, uint32_t token)
{
    for (size_t i = 2; i < master->child_count; i++) {
        const struct sg_child *child = &master->children[i];
        if (child->token == token && child->condemned && child->pid != 0) {
            return true;
        }
    }
    return false;
}

/* No token process without a control: it would have nobody to obey. When control dies its sockets
 * close before we can reap it, and the token processes that end because of that must not be started
 * only to be killed again. */
static bool is_wanted(const struct sg_master *master, const struct sg_child *child)
{
    return child->pid == 0 &&
           (child->role != SG_ROLE_TOKEN ||
            (sg_master_control(master)->channel >= 0 && !is_still_used(master, child->token)));
}

void sg_supervise_start(struct sg_master *master)
{
    for (size_t i = 0; i < master->child_count && !master->stopping; i++) {
        struct sg_child *child = &master->children[i];
        if (is_wanted(master, child) && child->due_ms <= now_ms()) {
            start(master, child);
        }
    }
}

static int until(int64_t moment_ms)
{
    int64_t left = moment_ms - now_ms();
    return left <= 0 ? 0 : left > WAIT_MAX_MS ? WAIT_MAX_MS : (int)left;
}

/* -1: never. */
static int sooner(int one, int other)
{
    return one < 0 || (other >= 0 && other < one) ? other : one;
}

int sg_supervise_timeout_ms(const struct sg_master *master)
{
    int timeout = master->alive_ms > 0 ? until(master->alive_due_ms) : -1;
    if (master->stopping) {
        return sooner(timeout, until(master->kill_ms));
    }
    timeout = sooner(timeout, sg_watch_timeout_ms(master));
    for (size_t i = 0; i < master->child_count; i++) {
        const struct sg_child *child = &master->children[i];
        timeout = sooner(timeout, is_wanted(master, child) ? until(child->due_ms) : -1);
    }
    return timeout;
}

void sg_supervise_tell_alive(struct sg_master *master)
{
    int64_t now = now_ms();
    if (master->alive_ms > 0 && now >= master->alive_due_ms) {
        (void)sd_notify(0, "WATCHDOG=1");
        master->alive_due_ms = now + master->alive_ms;
    }
}

/* ---- what control says ---- */

/* A number stays its process's until we reap it, so that none but the one that control means is
 * hit. */
static void replace(struct sg_master *master, const struct sg_master_packet *packet)
{
    for (size_t i = 2; i < master->child_count; i++) {
        const struct sg_child *child = &master->children[i];
        if (child->token == packet->token && child->process == packet->process && child->pid != 0 &&
            (uint32_t)child->pid == packet->pid) {
            sg_log(SG_LOG_NOTICE, "event=process_replaced process=%s pid=%d", child->name,
                   (int)child->pid);
            (void)kill(child->pid, SIGKILL);
            return;
        }
    }
    sg_log(SG_LOG_DEBUG, "event=already_replaced token=%u process=%u pid=%u", packet->token,
           packet->process, packet->pid);
}

static void obey(struct sg_master *master, const struct sg_packet *received)
{
    struct sg_master_packet packet;
    if (received->len != sizeof packet) {
        sg_log(SG_LOG_WARNING, "event=bad_packet from=control len=%zu", received->len);
        return;
    }
    memcpy(&packet, received->data, sizeof packet);
    if (packet.kind == SG_MASTER_REPLACE) {
        replace(master, &packet);
    } else if (packet.kind == SG_MASTER_READY) {
        master->control_ready = true;
        announce(master);
    } else {
        sg_log(SG_LOG_WARNING, "event=bad_packet from=control kind=%u", packet.kind);
    }
}

/* A control that closes its channel is as good as dead, whatever else it still does. */
static void end_control(struct sg_master *master)
{
    struct sg_child *control = sg_master_control(master);
    sg_child_close(control);
    if (control->pid != 0 && !master->stopping) {
        (void)kill(control->pid, SIGKILL);
    }
}

void sg_supervise_control(struct sg_master *master)
{
    SG_FREE struct sg_packet *packet = malloc(sizeof *packet);
    struct sg_error err = SG_ERROR_INIT;
    if (packet == NULL) {
        return;
    }
    sg_status s = sg_packet_receive(sg_master_control(master)->channel, 0, packet, &err);
    if (s == SG_OK) {
        obey(master, packet);
        sg_packet_close_fds(packet);
    } else if (strcmp(err.code, "peer_gone") == 0) {
        end_control(master);
    }
}

/* ---- the end ---- */

static bool any_runs(const struct sg_master *master, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        if (master->children[i].pid != 0) {
            return true;
        }
    }
    return false;
}

static void signal_children(const struct sg_master *master, size_t first, size_t end, int number)
{
    for (size_t i = first; i < end; i++) {
        if (master->children[i].pid != 0) {
            (void)kill(master->children[i].pid, number);
        }
    }
}

void sg_supervise_stop(struct sg_master *master)
{
    if (master->stopping) {
        master->impatient = true;
        master->kill_ms = now_ms();
        return;
    }
    master->stopping = true;
    master->kill_ms = now_ms() + STOP_MS;
    (void)sd_notify(0, "STOPPING=1");
    signal_children(master, 0, 2, SIGTERM);
}

/* Children of children: a rings that was killed leaves connection processes to us. */
static void kill_orphans(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    SG_BUFFER list;
    sg_buffer_init(&list, (size_t)1 << 20);
    struct sg_error err =
        SG_ERROR_INIT; /* a kernel without this file: they die of their own parent-death signal */
    if (sg_file_read(path, "children", &list, &err) != SG_OK || list.len == 0) {
        return;
    }
    char *next = (char *)list.data;
    for (char *end = next;; next = end) {
        unsigned long pid = strtoul(next, &end, 10);
        if (end == next) {
            return;
        }
        (void)kill((pid_t)pid, SIGKILL);
    }
}

static void kill_all(struct sg_master *master)
{
    if (any_runs(master, 0, master->child_count)) {
        sg_log(SG_LOG_WARNING, "event=children_killed reason=\"they did not end within %d ms\"",
               STOP_MS);
    }
    signal_children(master, 0, master->child_count, SIGKILL);
    kill_orphans();
    master->killed = true;
    master->kill_ms = now_ms() + STOP_MS;
}

/* Logins are let end, unless somebody is in a hurry. */
static bool login_goes_on(struct sg_master *master)
{
    int64_t longest = 0;
    for (size_t i = 2; i < master->child_count && !master->impatient; i++) {
        int64_t left = sg_watch_login_left_ms(master, &master->children[i]);
        longest = left > longest ? left : longest;
    }
    master->kill_ms = now_ms() + (longest < LOGIN_LOOK_MS ? longest : LOGIN_LOOK_MS);
    return longest > 0;
}

bool sg_supervise_stopped(struct sg_master *master)
{
    /* Control and rings first: the tokens serve what they have begun. */
    if (!master->tokens_stopped && !any_runs(master, 0, 2)) {
        signal_children(master, 2, master->child_count, SIGTERM);
        master->tokens_stopped = true;
    }
    bool nothing_left = !any_runs(master, 0, master->child_count) &&
                        waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
    if (nothing_left || now_ms() < master->kill_ms) {
        return nothing_left;
    }
    if (master->killed) {
        sg_log(SG_LOG_ERROR, "event=children_left reason=\"they cannot be killed\"");
        return true;
    }
    if (!login_goes_on(master)) {
        kill_all(master);
    }
    return false;
}
