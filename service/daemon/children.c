/* Making a child. A fork without exec: the master holds no secret and no client's byte, so a child
 * has nothing to forget but descriptors. */
#include "children_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/base/packet.h>

#define KEPT_MAX 4
#define ANSWER_MARGIN_MS                                                                           \
    5000 /* a connection gives up after the token's own deadline, not with it */

/* ---- the table ---- */

static void name_child(struct sg_child *child)
{
    switch (child->role) {
    case SG_ROLE_CONTROL:
        snprintf(child->name, sizeof child->name, "signet-control");
        return;
    case SG_ROLE_RINGS:
        snprintf(child->name, sizeof child->name, "signet-rings");
        return;
    case SG_ROLE_TOKEN:
        snprintf(child->name, sizeof child->name, "signet-token%u.%u", child->token,
                 child->process);
        return;
    }
}

static void add_child(struct sg_master *master, enum sg_role role, uint32_t token, uint32_t process)
{
    struct sg_child *child = &master->children[master->child_count++];
    *child = (struct sg_child){
        .role = role, .token = token, .process = process, .channel = -1, .link = -1, .busy_fd = -1};
    name_child(child);
}

sg_status sg_children_new(struct sg_master *master, struct sg_error *err)
{
    size_t total = 2;
    for (size_t i = 0; i < master->config->token_count; i++) {
        total += master->config->tokens[i].processes + 1;
    }
    master->children = calloc(total, sizeof *master->children);
    if (master->children == NULL) {
        return sg_fail_memory(err);
    }
    add_child(master, SG_ROLE_CONTROL, 0, 0);
    add_child(master, SG_ROLE_RINGS, 0, 0);
    for (uint32_t token = 0; token < master->config->token_count; token++) {
        for (uint32_t process = 0; process <= master->config->tokens[token].processes; process++) {
            add_child(master, SG_ROLE_TOKEN, token, process);
        }
    }
    return SG_OK;
}

void sg_child_close(struct sg_child *child)
{
    sg_fd_closep(&child->channel);
    sg_fd_closep(&child->link);
    child->channel = -1;
    child->link = -1;
}

void sg_children_free(struct sg_master *master)
{
    for (size_t i = 0; i < master->child_count; i++) {
        sg_child_close(&master->children[i]);
        sg_watch_end(&master->children[i]);
    }
    free(SG_STEAL(master->children));
    master->child_count = 0;
}

/* ---- in the child ---- */

static int by_number(const void *a, const void *b)
{
    int left = *(const int *)a;
    int right = *(const int *)b;
    return left < right ? -1 : left > right ? 1 : 0;
}

/* Standard input and output become nothing, standard error stays for the log; of the rest only what
 * is kept. */
static sg_status keep_only(int *kept, size_t count, struct sg_error *err)
{
    SG_FD int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot open /dev/null");
    }
    qsort(kept, count, sizeof *kept, by_number);
    unsigned first = STDERR_FILENO + 1;
    for (size_t i = 0; i <= count; i++) {
        unsigned last = i < count ? (unsigned)kept[i] : ~0u;
        if (last > first && close_range(first, i < count ? last - 1 : last, 0) != 0) {
            return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot close descriptors");
        }
        first = last + 1;
    }
    (void)sg_fd_steal(&nothing); /* is among the closed ones */
    return SG_OK;
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    /* A client that goes away is an error of one write, not the end of the process. */
    (void)signal(SIGPIPE, SIG_IGN);
}

/* Everything that every child gives up. The order matters: the parent-death signal and the dumpable
 * flag are lost by a change of user. */
static sg_status confine(const struct sg_master *master, const struct sg_child *child,
                         struct sg_error *err)
{
    struct rlimit no_core = {0, 0};
    (void)prctl(PR_SET_NAME, child->name, 0, 0, 0);
    (void)umask(077);
    if (setrlimit(RLIMIT_CORE, &no_core) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot forbid core files");
    }
    sg_status s =
        sg_identity_assume(child->role == SG_ROLE_TOKEN ? &master->token_user : &master->user, err);
    if (s != SG_OK) {
        return s;
    }
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot protect the process");
    }
    if (getppid() != master->pid) {
        return sg_fail(err, SG_E_SERVICE, "master_gone", "the master has ended");
    }
    return SG_OK;
}

static int answer_timeout_ms(const struct sg_config *config)
{
    unsigned longest_s = 0;
    for (size_t i = 0; i < config->token_count; i++) {
        if (config->tokens[i].call_deadline_s > longest_s) {
            longest_s = config->tokens[i].call_deadline_s;
        }
    }
    return (int)(longest_s * 1000u) + ANSWER_MARGIN_MS;
}

static sg_status run_control(const struct sg_master *master, int channel, struct sg_error *err)
{
    int kept[KEPT_MAX] = {master->http.fd, master->generation, channel, master->lock};
    sg_status s = keep_only(kept, 4, err);
    return s == SG_OK ? master->roles->control(master->config, master->http.fd, master->generation,
                                               channel, sg_watch_control_page(master), err)
                      : s;
}

static sg_status run_rings(const struct sg_master *master, int channel, struct sg_error *err)
{
    int kept[KEPT_MAX] = {master->rings.fd, master->generation_read_only, channel};
    sg_status s = keep_only(kept, 3, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_rings_settings settings = {
        .listener = master->rings.fd,
        .generation_page = master->generation_read_only,
        .master = channel,
        .connections_max = master->config->connections_max,
        .connections_per_user_max = master->config->connections_per_user_max,
        .memory_max = master->config->connection_memory_max,
        .answer_timeout_ms = answer_timeout_ms(master->config),
        .busy = sg_master_rings(master)->busy,
        .beat_ms = sg_watch_beat_ms(master),
    };
    settings.token_count = master->config->token_count;
    for (size_t i = 0; i < settings.token_count; i++) {
        settings.token_names[i] = master->config->tokens[i].name;
    }
    return master->roles->rings(&settings, err);
}

static const char *or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

/* Those that serve one token's keys are at work at the same time: each on a processor of its own.
 * The process for operations (number 0), and one that serves alone, go where there is room. */
static unsigned processor_of(const struct sg_config_token *token, const struct sg_child *child)
{
    return token->processes > 1 && child->process > 0 ? child->token + child->process : 0;
}

static sg_status run_token(const struct sg_master *master, const struct sg_child *child, int link,
                           struct sg_error *err)
{
    int kept[KEPT_MAX] = {link, master->lock};
    sg_status s = keep_only(kept, 2, err);
    if (s != SG_OK) {
        return s;
    }
    const struct sg_config_token *token = &master->config->tokens[child->token];
    struct sg_token_settings settings = {
        .name = token->name,
        .module = token->module,
        .label = or_null(token->label),
        .serial = or_null(token->serial),
        .pin_file = token->pin_file,
        .storage = or_null(token->storage),
        .environment = (const char *const *)token->environment,
        .processor = processor_of(token, child),
        .busy = child->busy,
        .lock = master->lock,
    };
    return master->roles->token(&settings, link, err);
}

static sg_status run_role(const struct sg_master *master, const struct sg_child *child, int socket,
                          struct sg_error *err)
{
    sg_status s = confine(master, child, err);
    if (s != SG_OK) {
        return s;
    }
    switch (child->role) {
    case SG_ROLE_CONTROL:
        return run_control(master, socket, err);
    case SG_ROLE_RINGS:
        return run_rings(master, socket, err);
    case SG_ROLE_TOKEN:
        return run_token(master, child, socket, err);
    }
    return sg_fail(err, SG_E_INTERNAL, NULL, "no such role");
}

/* _exit: what the master or a vendor's module registered for exit() is not this process's to run.
 */
static _Noreturn void live(const struct sg_master *master, const struct sg_child *child, int socket)
{
    struct sg_error err = SG_ERROR_INIT;
    reset_signals();
    sg_log_init(child->name + strlen("signet-"), master->config->log);
    (void)unsetenv("NOTIFY_SOCKET"); /* only the master speaks for the service */
    sg_status s = run_role(master, child, socket, &err);
    if (s != SG_OK) {
        sg_log_error(SG_LOG_ERROR, "process_failed", &err);
    }
    _exit(s == SG_OK ? 0 : 1);
}

/* ---- in the master ---- */

/* Our ends never block: a child that does not read must not stop the one who watches over it. */
static void never_block(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0) {
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    }
}

sg_status sg_child_start(struct sg_master *master, struct sg_child *child, struct sg_error *err)
{
    int pair[2] = {-1, -1};
    sg_status s = sg_packet_pair(pair, err);
    if (s != SG_OK) {
        return s;
    }
    SG_FD int theirs = pair[1];
    SG_FD int ours = pair[0];
    s = sg_watch_begin(child, err);
    if (s != SG_OK) {
        return s;
    }
    pid_t pid = fork();
    if (pid < 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "cannot_fork", "cannot start %s", child->name);
    }
    if (pid == 0) {
        live(master, child, theirs);
    }
    sg_child_close(child);
    child->hangs = false;
    sg_watch_keep(child);
    if (child->role == SG_ROLE_TOKEN) {
        child->link = sg_fd_steal(&ours);
    } else {
        never_block(ours);
        child->channel = sg_fd_steal(&ours);
    }
    child->pid = pid;
    child->starts++;
    child->started_ms = sg_monotonic_ms(sg_clock_system());
    sg_log(SG_LOG_INFO, "event=process_started process=%s pid=%d", child->name, (int)pid);
    return SG_OK;
}
