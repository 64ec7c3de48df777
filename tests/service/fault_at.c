/* For LD_PRELOAD: something happens at the n-th call that changes a file system.
 *
 *   FAULT_KILL_AT=N   the process is killed before it
 *   FAULT_FULL_AT=N   from it on the disk is full: nothing is made, written or renamed any more
 *
 *   FAULT_STOP=1      the process stops (SIGSTOP) before it first changes its directory */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#pragma GCC visibility push(default) /* what the dynamic linker is to find */

static long calls;

static long number_of(const char *name)
{
    const char *text = getenv(name);
    return text != NULL ? strtol(text, NULL, 10) : 0;
}

/* True when the call fails because the disk is full. */
static int counted(void)
{
    long full = number_of("FAULT_FULL_AT");
    calls++;
    if (calls == number_of("FAULT_KILL_AT")) {
        (void)kill(getpid(), SIGKILL);
    }
    errno = ENOSPC;
    return full > 0 && calls >= full;
}

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

int mkdirat(int directory, const char *path, mode_t mode)
{
    return counted() ? -1 : REAL(mkdirat)(directory, path, mode);
}

ssize_t write(int fd, const void *data, size_t len)
{
    struct stat info;
    int is_file = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    return is_file && counted() ? -1 : REAL(write)(fd, data, len);
}

int fsync(int fd)
{
    return counted() ? -1 : REAL(fsync)(fd);
}

int renameat(int from, const char *old, int to, const char *new)
{
    return counted() ? -1 : REAL(renameat)(from, old, to, new);
}

/* These need no room. */
int fchmod(int fd, mode_t mode)
{
    (void)counted();
    return REAL(fchmod)(fd, mode);
}

int unlinkat(int directory, const char *path, int flags)
{
    (void)counted();
    return REAL(unlinkat)(directory, path, flags);
}

int utimensat(int directory, const char *path, const struct timespec times[2], int flags)
{
    (void)counted();
    return REAL(utimensat)(directory, path, times, flags);
}

int chdir(const char *path)
{
    if (number_of("FAULT_STOP") == 1) {
        (void)unsetenv("FAULT_STOP");
        (void)raise(SIGSTOP);
    }
    return REAL(chdir)(path);
}
