/* The process between a watch and its command: whatever ends the watch, SIGKILL too, ends the
 * command, with all that it has started in its process group. */
#include "watch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE_MS 3000 /* between SIGTERM and SIGKILL */
#define STEP_MS 20

static sigset_t awaited(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGCHLD);
    return set;
}

static void be_unblocked(void)
{
    sigset_t set = awaited();
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Nothing of ours reaches it but the three standard streams; its words are not among our lines. */
static _Noreturn void be_command(pid_t guard, const char *command, const char *ring,
                                 int64_t sequence)
{
    char number[24];
    int null = open("/dev/null", O_RDONLY);
    snprintf(number, sizeof number, "%lld", (long long)sequence);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* somebody kills the guard too */
    if (getppid() != guard) {
        _exit(127);
    }
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGPIPE, SIG_DFL);
    be_unblocked();
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 &&
        setenv("SIGNET_RING", ring, 1) == 0 && setenv("SIGNET_SEQUENCE", number, 1) == 0) {
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    }
    _exit(127);
}

/* Orphans of the command are ours, so that a group of which nobody runs any more is seen. */
static bool is_gone(pid_t group)
{
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    return kill(-group, 0) != 0;
}

static _Noreturn void end_group(pid_t group)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    (void)kill(-group, SIGTERM);
    (void)kill(-group, SIGCONT);
    for (unsigned ms = 0; ms < GRACE_MS && !is_gone(group); ms += STEP_MS) {
        (void)nanosleep(&step, NULL);
    }
    (void)kill(-group, SIGKILL);
    _exit(128 + SIGTERM); /* the command has not done its work */
}

/* The watch takes our end for the command's. */
static _Noreturn void end_like(int status)
{
    if (WIFSIGNALED(status)) {
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* one core file is enough */
        (void)signal(WTERMSIG(status), SIG_DFL);
        be_unblocked();
        (void)raise(WTERMSIG(status));
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 127);
}

static _Noreturn void attend(pid_t shell)
{
    const sigset_t set = awaited();
    int status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(shell, &status, WNOHANG)) == 0) {
        int got = sigwaitinfo(&set, NULL);
        if (got == SIGTERM || got == SIGINT) {
            end_group(shell);
        }
    }
    end_like(ended == shell ? status : 127 << 8);
}

_Noreturn void sg_watch_guard(pid_t watch, const char *command, const char *ring, int64_t sequence)
{
    const sigset_t set = awaited();
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGCHLD, SIG_DFL); /* ignored, it would take away what waitpid tells */
    (void)setpgid(0, 0);
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    pid_t guard = getpid();
    pid_t shell = getppid() == watch ? fork() : -1; /* else it has ended already */
    if (shell == 0) {
        be_command(guard, command, ring, sequence);
    }
    if (shell < 0) {
        _exit(127);
    }
    (void)setpgid(shell, shell); /* whoever is first */
    attend(shell);
}
