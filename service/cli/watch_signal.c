/* Signals, and the command that they must not leave behind. */
#include "watch_internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <signet/base/file.h>

/* The command's guard; 0: none runs. Changed only while the signals are blocked. */
static volatile sig_atomic_t running;

static sigset_t the_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    return set;
}

/* A guard ends after its command. */
static void await_guard(pid_t guard, int *status)
{
    while (waitpid(guard, status, 0) < 0 && errno == EINTR) {
    }
}

/* Comes only where nothing is half done. */
static void on_signal(int signal)
{
    int ignored = 0;
    (void)signal;
    if (running > 0) {
        (void)kill((pid_t)running, SIGTERM);
        await_guard((pid_t)running, &ignored);
    }
    _exit(0);
}

void sg_watch_uninterruptible(void)
{
    sigset_t set = the_signals();
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

void sg_watch_interruptible(void)
{
    sigset_t set = the_signals();
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

sg_status sg_watch_signals(struct sg_error *err)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_mask = the_signals()};
    sg_watch_uninterruptible();
    if (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot take signals");
    }
    return SG_OK;
}

void sg_watch_sleep(unsigned ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};
    sg_watch_interruptible();
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    sg_watch_uninterruptible();
}

/* ---- the command ---- */

static bool ends_in_time(pid_t child)
{
    sigset_t open;
    SG_FD int fd = pidfd_open(child, 0);
    struct pollfd end = {.fd = fd, .events = POLLIN};
    struct timespec left = {.tv_sec = SG_WATCH_COMMAND_S};
    (void)sigprocmask(SIG_BLOCK, NULL, &open);
    (void)sigdelset(&open, SIGTERM);
    (void)sigdelset(&open, SIGINT);
    return fd < 0 || ppoll(&end, 1, &left, &open) != 0;
}

static sg_status command_failed(const char *command, int status, bool in_time, struct sg_error *err)
{
    const char *shown = sg_excerpt(command).text;
    if (!in_time) {
        sg_fail(err, SG_E_UNSUPPORTED, "command_failed",
                "the command \"%s\" took longer than %d seconds and was killed", shown,
                SG_WATCH_COMMAND_S);
    } else if (WIFSIGNALED(status)) {
        sg_fail(err, SG_E_UNSUPPORTED, "command_failed",
                "the command \"%s\" was ended by signal %d", shown, WTERMSIG(status));
    } else {
        sg_fail(err, SG_E_UNSUPPORTED, "command_failed", "the command \"%s\" ended with status %d",
                shown, WEXITSTATUS(status));
    }
    return sg_hint(err, "What it said itself stands before this on standard error.");
}

static sg_status end_of(pid_t child, const char *command, struct sg_error *err)
{
    int status = 0;
    bool in_time = ends_in_time(child);
    if (!in_time) {
        (void)kill(child, SIGTERM);
    }
    await_guard(child, &status);
    running = 0;
    return in_time && status == 0 ? SG_OK : command_failed(command, status, in_time, err);
}

sg_status sg_watch_command(const char *command, const char *ring, int64_t sequence,
                           struct sg_error *err)
{
    pid_t watch = getpid();
    pid_t child = fork();
    if (child < 0) {
        return sg_fail_errno(err, SG_E_UNSUPPORTED, "command_failed", "cannot run the command");
    }
    if (child == 0) {
        sg_watch_guard(watch, command, ring, sequence);
    }
    running = (sig_atomic_t)child;
    return end_of(child, command, err);
}
