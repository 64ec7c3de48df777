#include "sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <signet/base/file.h>

#define FILTER_MAX 65536u /* bytes of compiled filter */

struct sg_sandbox {
    struct sg_buffer filter; /* struct sock_filter, one after the other */
};

/* ---- compiling the filter ---- */

/* All that the RPC loop, malloc, the two links, the reading of a clock and the look at where the
 * client works take (found with strace, glibc 2.36; getcpu where neither restartable sequences nor
 * the vDSO know the processor). Nothing of it takes a descriptor in, or passes one on. */
static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(recvfrom),
    SCMP_SYS(shutdown),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getcpu),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* Libraries try these and go on without: an error for them, not the end. Landlock does not cover
 * what says whether a path is there: so fstat(3), which is newfstatat, fails too. mremap and
 * mprotect could have the stack count as several, or grow at once. */
static const int refused[] = {
    SCMP_SYS(open),      SCMP_SYS(openat), SCMP_SYS(access),     SCMP_SYS(faccessat),
    SCMP_SYS(readlink),  SCMP_SYS(stat),   SCMP_SYS(newfstatat), SCMP_SYS(statx),
    SCMP_SYS(prlimit64), SCMP_SYS(mremap), SCMP_SYS(mprotect),
};

#define ALLOWED SCMP_ACT_ALLOW
#define REFUSED SCMP_ACT_ERRNO(EACCES)

/* What depends on its arguments. */
struct rule {
    uint32_t action;
    int call;
    unsigned count;
    struct scmp_arg_cmp tests[2]; /* all of them */
};

static const struct rule conditions[] = {
    /* Never F_SETOWN, F_SETSIG, F_SETFL with O_ASYNC, F_NOTIFY, F_SETLEASE: with them the kernel
     * sends any signal to any process of the same user (sigio_perm), control too, whom no filter of
     * kill(2) guards then. */
    {ALLOWED, SCMP_SYS(fcntl), 1, {{1, SCMP_CMP_EQ, F_GET_SEALS, 0}}},
    {ALLOWED, SCMP_SYS(fcntl), 1, {{1, SCMP_CMP_EQ, F_GETFD, 0}}},
    {ALLOWED, SCMP_SYS(fcntl), 1, {{1, SCMP_CMP_EQ, F_GETFL, 0}}},
    /* Descriptors come from rings alone: views and capabilities, never what a client sends along.
     * Nothing else can take the channel's number: what a packet brings gets one that is free. */
    {ALLOWED, SCMP_SYS(recvmsg), 1, {{0, SCMP_CMP_EQ, SG_SANDBOX_CHANNEL, 0}}},
    /* To no address, so to nobody but those it is connected to. And never sendmsg, which could pass
     * descriptors on whose last close holds up the process that receives them. */
    {ALLOWED, SCMP_SYS(sendto), 1, {{4, SCMP_CMP_EQ, 0, 0}}},
    /* how long a capability's answer is waited for, and no other option */
    {ALLOWED,
     SCMP_SYS(setsockopt),
     2,
     {{1, SCMP_CMP_EQ, SOL_SOCKET, 0}, {2, SCMP_CMP_EQ, SO_RCVTIMEO, 0}}},
    /* its own */
    {ALLOWED,
     SCMP_SYS(sched_setscheduler),
     2,
     {{0, SCMP_CMP_EQ, 0, 0}, {1, SCMP_CMP_EQ, SCHED_OTHER, 0}}},
    {ALLOWED,
     SCMP_SYS(sched_setscheduler),
     2,
     {{0, SCMP_CMP_EQ, 0, 0}, {1, SCMP_CMP_EQ, SCHED_BATCH, 0}}},
    /* its own: all that a cpuset (AllowedCPUs=) gives; taskset(1) and CPUAffinity= bind nobody */
    {ALLOWED, SCMP_SYS(sched_setaffinity), 1, {{0, SCMP_CMP_EQ, 0, 0}}},
    /* gives memory back; other advice cuts mappings in two, the stack too */
    {ALLOWED, SCMP_SYS(madvise), 1, {{2, SCMP_CMP_EQ, MADV_DONTNEED, 0}}},
    {REFUSED, SCMP_SYS(madvise), 1, {{2, SCMP_CMP_NE, MADV_DONTNEED, 0}}},
};

static sg_status filter_failure(struct sg_error *err, int rc)
{
    errno = -rc;
    return sg_fail_errno(err, SG_E_INTERNAL, "no_sandbox", "cannot make a system call filter");
}

/* RLIMIT_DATA counts no shared mapping and no stack, and RLIMIT_STACK is for each piece of the
 * stack alone: so there are no shared mappings, no more stacks, and nobody cuts this one, which
 * never reaches down to here. Nor is anything executable. */
static int add_memory_rules(scmp_filter_ctx filter)
{
    scmp_datum_t here = (uintptr_t)&filter - (size_t)2 * SG_SANDBOX_STACK_MAX;
    const struct scmp_arg_cmp below = {0, SCMP_CMP_LT, here, 0};
    const struct scmp_arg_cmp map[] = {
        below,
        {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0},
        {3, SCMP_CMP_MASKED_EQ, MAP_TYPE | MAP_GROWSDOWN, MAP_PRIVATE}};
    int rc = seccomp_rule_add_array(filter, ALLOWED, SCMP_SYS(mmap), SG_COUNT(map), map);
    return rc == 0 ? seccomp_rule_add_array(filter, ALLOWED, SCMP_SYS(munmap), 1, &below) : rc;
}

static int add_rules(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < SG_COUNT(allowed); i++) {
        int rc = seccomp_rule_add(filter, ALLOWED, allowed[i], 0);
        if (rc != 0) {
            return rc;
        }
    }
    for (size_t i = 0; i < SG_COUNT(refused); i++) {
        int rc = seccomp_rule_add(filter, REFUSED, refused[i], 0);
        if (rc != 0 && rc != -EDOM) { /* EDOM: this architecture has no such call */
            return rc;
        }
    }
    for (size_t i = 0; i < SG_COUNT(conditions); i++) {
        const struct rule *rule = &conditions[i];
        int rc = seccomp_rule_add_array(filter, rule->action, rule->call, rule->count, rule->tests);
        if (rc != 0) {
            return rc;
        }
    }
    return add_memory_rules(filter);
}

static void release_filter(const scmp_filter_ctx *filter)
{
    if (*filter != NULL) {
        seccomp_release(*filter);
    }
}

/* libseccomp takes some milliseconds and 100 KiB to compile: so once, and each connection process
 * loads the result. */
static sg_status compile(struct sg_buffer *out, struct sg_error *err)
{
    SG_CLEANUP(release_filter) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL) {
        return sg_fail_memory(err);
    }
    SG_FD int fd = memfd_create("signet-filter", MFD_CLOEXEC);
    if (fd < 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "no_sandbox", "cannot make a memfd");
    }
    int rc = add_rules(filter);
    if (rc == 0) {
        rc = seccomp_export_bpf(filter, fd);
    }
    if (rc != 0) {
        return filter_failure(err, rc);
    }
    if (lseek(fd, 0, SEEK_SET) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "no_sandbox", "cannot read a memfd");
    }
    return sg_fd_read_all(fd, "system call filter", out, err);
}

sg_status sg_sandbox_new(struct sg_sandbox **out, struct sg_error *err)
{
    SG_CLEANUP(sg_sandbox_freep) struct sg_sandbox *sandbox = calloc(1, sizeof *sandbox);
    if (sandbox == NULL) {
        return sg_fail_memory(err);
    }
    sg_buffer_init(&sandbox->filter, FILTER_MAX);
    sg_status s = compile(&sandbox->filter, err);
    if (s != SG_OK) {
        return s;
    }
    *out = SG_STEAL(sandbox);
    return SG_OK;
}

void sg_sandbox_free(struct sg_sandbox *sandbox)
{
    if (sandbox != NULL) {
        sg_buffer_done(&sandbox->filter);
        free(sandbox);
    }
}

/* ---- entering ---- */

static sg_status limit(__rlimit_resource_t what, rlim_t value, struct sg_error *err)
{
    struct rlimit both = {value, value};
    struct rlimit now;
    if (getrlimit(what, &now) == 0 && now.rlim_max != RLIM_INFINITY && now.rlim_max < value) {
        both = (struct rlimit){now.rlim_max, now.rlim_max}; /* it is tighter already */
    }
    if (setrlimit(what, &both) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "no_sandbox", "cannot set a resource limit");
    }
    return SG_OK;
}

/* Bytes of data that the process has already, most of them its parent's; 0 when nobody says so
 * (proc(5), statm: the sixth number, in pages, stack and all). */
static size_t data_now(void)
{
    char text[128] = "";
    SG_FD int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) {
        return 0;
    }
    unsigned long pages = 0;
    char *at = text;
    for (int i = 0; i < 6; i++) {
        pages = strtoul(at, &at, 10);
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Bytes of stack in use: the program's name stands at its beginning, above arguments and
 * environment (getauxval(3)). */
static size_t stack_now(void)
{
    uintptr_t first = getauxval(AT_EXECFN);
    uintptr_t last = (uintptr_t)&first;
    return first > last ? first - last : 0;
}

/* p11-kit fills whatever room a client says that it has for an answer, before it calls us. */
static sg_status limit_data(struct sg_error *err)
{
    size_t now = data_now();
    size_t stack = stack_now();
    return now > stack ? limit(RLIMIT_DATA, now - stack + SG_SANDBOX_DATA_MAX, err) : SG_OK;
}

static sg_status set_limits(size_t memory_max, struct sg_error *err)
{
    sg_status s = limit(RLIMIT_CORE, 0, err);
    if (s == SG_OK) {
        s = limit(RLIMIT_NOFILE, SG_SANDBOX_FILES, err);
    }
    if (s == SG_OK && memory_max > 0 && !sg_is_sanitized()) {
        s = limit(RLIMIT_AS, memory_max, err);
    }
    if (s == SG_OK && !sg_is_sanitized()) {
        s = limit(RLIMIT_STACK, stack_now() + SG_SANDBOX_STACK_MAX, err);
    }
    if (s == SG_OK && !sg_is_sanitized()) {
        s = limit_data(err);
    }
    return s;
}

/* All rights that this header knows and this kernel handles (ABI 1 has 13, ABI 2 adds REFER, ABI 3
 * TRUNCATE). */
static uint64_t landlock_rights(long abi)
{
    uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
#ifdef LANDLOCK_ACCESS_FS_REFER
    rights |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
#endif
#ifdef LANDLOCK_ACCESS_FS_TRUNCATE
    rights |= abi >= 3 ? LANDLOCK_ACCESS_FS_TRUNCATE : 0;
#endif
    return rights;
}

/* No rule is added: nothing in the file system may be touched. A kernel without Landlock has the
 * filter still. */
static sg_status deny_files(struct sg_error *err)
{
    long abi =
        syscall(SYS_landlock_create_ruleset, NULL, 0, (unsigned)LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        return SG_OK;
    }
    struct landlock_ruleset_attr rules = {.handled_access_fs = landlock_rights(abi)};
    SG_FD int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0u);
    if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0u) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "no_sandbox", "cannot shut out the file system");
    }
    return SG_OK;
}

static sg_status load_filter(const struct sg_sandbox *sandbox, struct sg_error *err)
{
    struct sock_fprog program = {
        .len = (unsigned short)(sandbox->filter.len / sizeof(struct sock_filter)),
        .filter = (void *)sandbox->filter.data,
    };
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "no_sandbox", "cannot load a system call filter");
    }
    return SG_OK;
}

sg_status sg_sandbox_enter(const struct sg_sandbox *sandbox, size_t memory_max,
                           struct sg_error *err)
{
    sg_status s = set_limits(memory_max, err);
    if (s != SG_OK) {
        return s;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "no_sandbox", "cannot give up privileges");
    }
    s = deny_files(err);
    if (s != SG_OK || sg_is_sanitized()) {
        return s;
    }
    return load_filter(sandbox, err);
}
