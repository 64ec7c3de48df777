#include "dev_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/cli/client.h>

#define ANSWER_TIMEOUT_S 15
#define LOG_TAIL 65536u /* bytes of the log in which the reason is looked for */

bool sg_instance_answers(const struct sg_instance *instance)
{
    const struct sg_operation *status = sg_operation_find("status", "");
    struct sg_error err = SG_ERROR_INIT; /* whatever it answers, it is there */
    json_t *params = json_object(), *answer = NULL;
    sg_status s = params == NULL || status == NULL
                      ? SG_E_NO_MEMORY
                      : sg_client_call(sg_instance_path(instance, "run/signet.sock").text, status,
                                       params, false, ANSWER_TIMEOUT_S, &answer, &err);
    json_decref(answer);
    json_decref(params);
    return s == SG_OK;
}

/* ---- being told (sd_notify(3)) ---- */

static sg_status open_notify(const struct sg_instance *instance, int *out, struct sg_error *err)
{
    struct sg_instance_path path = sg_instance_path(instance, "run/notify.sock");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path.text);
    SG_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)unlink(path.text);
    mode_t before = umask(077); /* only we, and what we start, may tell */
    int bound = fd < 0 ? -1 : bind(fd, (const struct sockaddr *)&address, sizeof address);
    umask(before);
    if (bound != 0) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot create %s", path.text);
    }
    *out = sg_fd_steal(&fd);
    return SG_OK;
}

static bool has_line(const char *message, const char *line)
{
    size_t len = strlen(line);
    for (; message != NULL && *message != '\0'; message = strchr(message, '\n')) {
        message += *message == '\n';
        if (strncmp(message, line, len) == 0 && (message[len] == '\n' || message[len] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool told_ready(int notify)
{
    char message[4096];
    ssize_t len;
    while ((len = recv(notify, message, sizeof message - 1, 0)) >= 0) {
        message[len] = '\0';
        if (has_line(message, "READY=1")) {
            return true;
        }
    }
    return false;
}

/* ---- the process ---- */

/* Everything that the child needs, made before the fork. */
struct launch {
    char program[PATH_MAX];
    struct sg_instance_path configuration, pid_file, notify;
    int log, null;
};

static void write_pid(const struct launch *launch)
{
    struct sg_error ignored = SG_ERROR_INIT; /* without it, dev down asks the socket */
    char text[24];
    int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (sg_file_replace(launch->pid_file.text, text, (size_t)len, 0600, &ignored) != SG_OK) {
        sg_error_clear(&ignored);
    }
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL);
    }
}

/* It writes its own number, so that it can be found even when we are killed right now. Nothing of
 * ours goes with it but the log; what else is open, the instance's lock among it, closes when the
 * program has begun: until then nobody could tell whose process this is. */
_Noreturn static void launch_child(const struct launch *launch)
{
    (void)setsid();
    reset_signals();
    write_pid(launch);
    if (dup2(launch->null, STDIN_FILENO) < 0 || dup2(launch->log, STDOUT_FILENO) < 0 ||
        dup2(launch->log, STDERR_FILENO) < 0 || close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0 ||
        chdir("/") != 0 || setenv("NOTIFY_SOCKET", launch->notify.text, 1) != 0) {
        dprintf(STDERR_FILENO, "cannot prepare to run %s: %s\n", launch->program, strerror(errno));
        _exit(126);
    }
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("WATCHDOG_USEC");
    (void)umask(022);
    (void)execl(launch->program, launch->program, "--config", launch->configuration.text,
                (char *)NULL);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", launch->program, strerror(errno));
    _exit(127);
}

/* How the wait for readiness ended. */
enum wait_end { WAIT_READY, WAIT_DIED, WAIT_TIMEOUT };

static enum wait_end wait_ready(int notify, int child)
{
    int64_t end_ms = sg_monotonic_ms(sg_clock_system()) + SG_DEV_READY_MS;
    for (;;) {
        int64_t left_ms = end_ms - sg_monotonic_ms(sg_clock_system());
        struct pollfd fds[2] = {{notify, POLLIN, 0}, {child, POLLIN, 0}};
        int ready = left_ms > 0 ? poll(fds, 2, (int)left_ms) : 0;
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0) {
            return WAIT_TIMEOUT;
        }
        if (told_ready(notify)) {
            return WAIT_READY;
        }
        if (fds[1].revents != 0) {
            return WAIT_DIED;
        }
    }
}

/* ---- when it does not start ---- */

/* What signetd wrote to its log since then. */
static struct sg_dev_reason reason_since(const struct sg_instance *instance, off_t from)
{
    struct sg_dev_reason reason = {0};
    SG_FREE char *tail = malloc(LOG_TAIL + 1);
    SG_FD int fd = open(sg_instance_path(instance, "signetd.log").text, O_RDONLY | O_CLOEXEC);
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    if (tail == NULL || end <= from) {
        return reason;
    }
    from = end - from > (off_t)LOG_TAIL ? end - (off_t)LOG_TAIL : from;
    ssize_t len = pread(fd, tail, LOG_TAIL, from);
    tail[len > 0 ? len : 0] = '\0';
    sg_dev_last_reason(tail, &reason);
    return reason;
}

/* Its own reason and advice, and where more is. */
static sg_status explain(const struct sg_instance *instance, off_t log_start, const char *what,
                         struct sg_error *err)
{
    struct sg_dev_reason reason = reason_since(instance, log_start);
    struct sg_instance_path log = sg_instance_path(instance, "signetd.log");
    bool told = reason.text[0] != '\0';
    sg_fail(err, SG_E_SERVICE, "service_not_ready", "%s%s%s", what, told ? ": " : "", reason.text);
    sg_object(err, "%s", instance->dir);
    return sg_hint(err, "%s%sIts log: %s", reason.hint, reason.hint[0] != '\0' ? " " : "",
                   log.text);
}

static sg_status died(const struct sg_instance *instance, pid_t pid, off_t log_start,
                      struct sg_error *err)
{
    int status = 0;
    char what[96];
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    bool signalled = WIFSIGNALED(status);
    snprintf(what, sizeof what, "signetd ended with %s %d instead of being ready",
             signalled ? "signal" : "status", signalled ? WTERMSIG(status) : WEXITSTATUS(status));
    return explain(instance, log_start, what, err);
}

/* What has not become signetd yet is known by nothing but this descriptor. */
static sg_status too_slow(const struct sg_instance *instance, int child, off_t log_start,
                          struct sg_error *err)
{
    bool was = false;
    struct sg_error ignored = SG_ERROR_INIT; /* what is told is why it was stopped */
    if (sg_instance_stop(instance, &was, &ignored) != SG_OK) {
        sg_error_clear(&ignored);
    }
    (void)pidfd_send_signal(child, SIGKILL, NULL, 0);
    char what[64];
    snprintf(what, sizeof what, "signetd was not ready after %d seconds", SG_DEV_READY_MS / 1000);
    return explain(instance, log_start, what, err);
}

static sg_status watch(const struct sg_instance *instance, pid_t pid, int notify, off_t log_start,
                       struct sg_error *err)
{
    SG_FD int child = pidfd_open(pid, 0);
    if (child < 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot watch signetd");
    }
    switch (wait_ready(notify, child)) {
    case WAIT_READY:
        return SG_OK;
    case WAIT_DIED:
        return died(instance, pid, log_start, err);
    case WAIT_TIMEOUT:
        break;
    }
    return too_slow(instance, child, log_start, err);
}

static sg_status open_log(const struct sg_instance *instance, int *out, struct sg_error *err)
{
    *out = open(sg_instance_path(instance, "signetd.log").text,
                O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *out >= 0 ? SG_OK
                     : sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot open the log in %s",
                                     instance->dir);
}

static sg_status launch(const struct sg_instance *instance, pid_t *pid, off_t *log_start,
                        struct sg_error *err)
{
    struct launch plan = {.configuration = sg_instance_path(instance, "signet.conf"),
                          .pid_file = sg_instance_path(instance, "signetd.pid"),
                          .notify = sg_instance_path(instance, "run/notify.sock")};
    sg_status s = sg_dev_find_signetd(plan.program, sizeof plan.program, err);
    if (s != SG_OK) {
        return s;
    }
    SG_FD int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    SG_FD int log = -1;
    s = open_log(instance, &log, err);
    if (s != SG_OK) {
        return s;
    }
    plan.log = log;
    plan.null = null;
    *log_start = lseek(log, 0, SEEK_END);
    *pid = fork();
    if (*pid == 0) {
        launch_child(&plan);
    }
    return *pid > 0 ? SG_OK : sg_fail_errno(err, SG_E_NO_MEMORY, NULL, "cannot start a process");
}

sg_status sg_instance_start(const struct sg_instance *instance, pid_t *pid, struct sg_error *err)
{
    bool was = false;
    off_t log_start = 0;
    SG_FD int notify = -1;
    /* What does not answer but still runs (a dev up killed half-way) would hold the locks and
     * sockets. */
    sg_status s = sg_instance_stop(instance, &was, err);
    if (s == SG_OK) {
        s = open_notify(instance, &notify, err);
    }
    if (s == SG_OK) {
        s = launch(instance, pid, &log_start, err);
    }
    if (s == SG_OK) {
        s = watch(instance, *pid, notify, log_start, err);
    }
    (void)unlink(sg_instance_path(instance, "run/notify.sock").text);
    return s;
}
