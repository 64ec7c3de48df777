#include <signet/daemon/master.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/rings/link.h>

#include "children_internal.h"

/* ---- before the first child ---- */

static sg_status block_signals(struct sg_master *master, struct sg_error *err)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < SG_COUNT(numbers); i++) {
        sigaddset(&set, numbers[i]);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot block signals");
    }
    master->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return master->signals >= 0 ? SG_OK
                                : sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot make a signalfd");
}

/* One memory file, two descriptions: control writes the page; rings and the connections get one
 * that cannot be mapped for writing. */
static sg_status make_generation_page(struct sg_master *master, struct sg_error *err)
{
    char path[64];
    master->generation = memfd_create("signet-generation", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (master->generation < 0 ||
        ftruncate(master->generation, (off_t)sizeof(struct sg_generation_page)) != 0 ||
        fcntl(master->generation, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot make the generation page");
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", master->generation);
    master->generation_read_only = open(path, O_RDONLY | O_CLOEXEC);
    return master->generation_read_only >= 0
               ? SG_OK
               : sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot open %s", path);
}

static sg_status find_identities(const struct sg_config *config, struct sg_identity *user,
                                 struct sg_identity *token_user, struct sg_error *err)
{
    sg_status s = sg_identity_find("user", config->user, user, err);
    return s == SG_OK ? sg_identity_find("token_user", config->token_user, token_user, err) : s;
}

sg_status sg_master_check(const struct sg_config *config, struct sg_error *err)
{
    struct sg_identity user;
    struct sg_identity token_user;
    return find_identities(config, &user, &token_user, err);
}

static sg_status prepare(struct sg_master *master, struct sg_error *err)
{
    sg_status s = find_identities(master->config, &master->user, &master->token_user, err);
    if (s == SG_OK) {
        s = sg_state_lock(master->config->state, &master->user, &master->lock, err);
    }
    if (s == SG_OK) {
        s = sg_listener_open(master->config->socket, &master->http, err);
    }
    if (s == SG_OK) {
        s = sg_listener_open(master->config->rings_socket, &master->rings, err);
    }
    if (s == SG_OK) {
        s = make_generation_page(master, err);
    }
    if (s == SG_OK) {
        s = block_signals(master, err);
    }
    if (s == SG_OK) {
        s = sg_children_new(master, err);
    }
    if (s == SG_OK && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
        s = sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot become the reaper of orphans");
    }
    return s;
}

/* ---- the loop ---- */

static void take_signals(struct sg_master *master)
{
    struct signalfd_siginfo info;
    while (read(master->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
            sg_log(SG_LOG_NOTICE, "event=stopping signal=%u", info.ssi_signo);
            sg_supervise_stop(master);
        } else if (info.ssi_signo == SIGHUP) {
            sg_log(
                SG_LOG_WARNING,
                "event=reload_unsupported text=\"SIGHUP does nothing; restart to read the configuration again\"");
        }
    }
    sg_supervise_reap(master);
}

/* What rings has to say is said by its end. */
static void drop_rings_channel(struct sg_master *master)
{
    struct sg_child *rings = sg_master_rings(master);
    sg_child_close(rings);
    if (rings->pid != 0 && !master->stopping) {
        (void)kill(rings->pid, SIGKILL);
    }
}

static void wait_and_handle(struct sg_master *master, bool link_waits)
{
    short events = (short)(POLLIN | (link_waits ? POLLOUT : 0));
    struct pollfd entries[] = {
        {.fd = master->signals, .events = POLLIN},
        {.fd = sg_master_control(master)->channel, .events = events},
        {.fd = sg_master_rings(master)->channel,
         .events = (short)(master->link_rings >= 0 ? POLLOUT : 0)},
        {.fd = sg_absence_is_long(master) ? master->http.fd : -1, .events = POLLIN},
    };
    if (poll(entries, SG_COUNT(entries), sg_supervise_timeout_ms(master)) < 0) {
        return; /* EINTR; anything else shows again */
    }
    if ((entries[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        sg_supervise_control(master);
    }
    if ((entries[2].revents & (POLLHUP | POLLERR)) != 0) {
        drop_rings_channel(master);
    }
    if ((entries[3].revents & POLLIN) != 0) {
        sg_absence_answer(master);
    }
    take_signals(master);
}

static sg_status serve(struct sg_master *master)
{
    for (;;) {
        sg_supervise_tell_alive(master);
        sg_watch_kill_hung(master);
        sg_supervise_start(master);
        sg_watch_tell_control(master);
        bool link_waits = !master->stopping && sg_links_deliver(master);
        if (master->stopping && sg_supervise_stopped(master)) {
            return master->failure;
        }
        wait_and_handle(master, link_waits);
    }
}

/* ---- the whole ---- */

static void finish(struct sg_master *master)
{
    sg_children_free(master);
    sg_listener_withdraw(&master->http);
    sg_listener_withdraw(&master->rings);
    int *const fds[] = {&master->generation,   &master->generation_read_only, &master->signals,
                        &master->link_control, &master->link_rings,           &master->lock};
    for (size_t i = 0; i < SG_COUNT(fds); i++) {
        sg_fd_closep(fds[i]);
        *fds[i] = -1;
    }
}

static void warn_about(const struct sg_config *config)
{
    if (config->administrator_count == 0) {
        sg_log(
            SG_LOG_WARNING,
            "event=no_administrators text=\"nobody may change anything; set administrators in %s\"",
            config->path);
    }
}

/* A third of what it waits for at most. Nobody else looks after the master. */
static int64_t read_alive_ms(void)
{
    uint64_t most_us = 0;
    bool asked = sd_watchdog_enabled(1, &most_us) > 0 && most_us / 3000 <= INT_MAX;
    return !asked ? 0 : most_us < 3000 ? 1 : (int64_t)(most_us / 3000);
}

sg_status sg_master_run(const struct sg_config *config, const struct sg_master_roles *roles,
                        struct sg_error *err)
{
    SG_CLEANUP(finish)
    struct sg_master master = {
        .config = config,
        .roles = roles,
        .pid = getpid(),
        .http = {.fd = -1},
        .rings = {.fd = -1},
        .lock = -1,
        .generation = -1,
        .generation_read_only = -1,
        .signals = -1,
        .link_due = true,
        .link_control = -1,
        .link_rings = -1,
        .alive_ms = read_alive_ms(),
        .err = err,
    };
    (void)umask(077);
    sg_status s = prepare(&master, err);
    if (s != SG_OK) {
        return s;
    }
    warn_about(config);
    sg_log(SG_LOG_INFO, "event=started version=%s configuration=\"%s\"", SIGNET_VERSION,
           config->path);
    return serve(&master);
}
