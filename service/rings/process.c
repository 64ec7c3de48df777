#include <signet/rings/process.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/log.h>

#include "module_internal.h"
#include "oom_internal.h"
#include "process_internal.h"

enum { EVENTS_AT_ONCE = 64, LOOK_AGAIN_MS = 100, MAPPED_FROM = 131072 };
/* The first byte of the master's packet that brings a link to control (daemon/link.h). */
enum { MASTER_RINGS_LINK = 1 };

sg_status sg_rings_watch(const struct sg_rings *rings, int fd, uint64_t what, struct sg_error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = what};
    if (epoll_ctl(rings->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot watch a descriptor");
    }
    return SG_OK;
}

/* ---- making ---- */

/* Opened again for reading only: a mapping of the writable descriptor could be made writable by
 * mprotect, and then one connection could tell all others that nothing has changed. */
static sg_status map_page(struct sg_rings *rings, int fd, struct sg_error *err)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    SG_FD int readable = open(path, O_RDONLY | O_CLOEXEC);
    if (readable < 0) {
        return sg_fail_errno(err, SG_E_SERVICE, "no_proc", "cannot open %s", path);
    }
    void *page = mmap(NULL, sizeof *rings->page, PROT_READ, MAP_SHARED, readable, 0);
    if (page == MAP_FAILED) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot map the generation page");
    }
    rings->page_map = page;
    rings->page = page;
    return SG_OK;
}

static size_t size_of(size_t row_count)
{
    return sizeof(struct sg_rings) + row_count * sizeof(struct sg_ring_client);
}

/* Numbers must be unique among all connections since the master's start, also those of a rings
 * process before this one: nobody makes more than one connection in a nanosecond. */
static uint64_t first_number(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void free_rings(struct sg_rings *rings)
{
    sg_fd_closep(&rings->epoll);
    sg_fd_closep(&rings->signals);
    sg_fd_closep(&rings->null);
    sg_fd_closep(&rings->control);
    if (rings->page_map != NULL) {
        (void)munmap(rings->page_map, sizeof *rings->page);
    }
    (void)munmap(rings, size_of(rings->row_count));
}
SG_DEFINE_CLEANUP(struct sg_rings *, free_rings)

static struct sg_rings *allocate(size_t row_count)
{
    size_t size = size_of(row_count);
    struct sg_rings *rings =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (rings == MAP_FAILED) {
        return NULL;
    }
    rings->row_count = row_count;
    rings->epoll = rings->signals = rings->null = rings->control = -1;
    if (madvise(rings, size, MADV_WIPEONFORK) != 0) {
        free_rings(rings);
        return NULL;
    }
    return rings;
}

static sg_status open_descriptors(struct sg_rings *rings, const sigset_t *signals,
                                  struct sg_error *err)
{
    rings->epoll = epoll_create1(EPOLL_CLOEXEC);
    rings->signals = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
    rings->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (rings->epoll < 0 || rings->signals < 0 || rings->null < 0 ||
        fcntl(rings->settings->listener, F_SETFL, O_NONBLOCK) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot prepare the rings process");
    }
    return SG_OK;
}

static sg_status watch_all(struct sg_rings *rings, struct sg_error *err)
{
    sg_status s = sg_rings_watch(rings, rings->settings->listener, SG_EVENT_LISTENER, err);
    if (s == SG_OK) {
        s = sg_rings_watch(rings, rings->settings->master, SG_EVENT_MASTER, err);
    }
    if (s == SG_OK) {
        s = sg_rings_watch(rings, rings->signals, SG_EVENT_SIGNALS, err);
    }
    rings->accepting = s == SG_OK;
    return s;
}

static sg_status prepare(struct sg_rings *rings, const sigset_t *signals, struct sg_error *err)
{
    rings->next_number = first_number();
    rings->oom_score = sg_oom_score();
    sg_status s = map_page(rings, rings->settings->generation_page, err);
    if (s == SG_OK) {
        s = open_descriptors(rings, signals, err);
    }
    if (s == SG_OK) {
        s = watch_all(rings, err);
    }
    return s;
}

/* Each connection costs one descriptor here. */
static void raise_descriptor_limit(const struct sg_rings_settings *settings)
{
    struct rlimit limit;
    rlim_t needed = settings->connections_max + SG_RINGS_SPARE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) {
        return;
    }
    limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < needed) {
        sg_log(SG_LOG_WARNING,
               "event=few_descriptors limit=%" PRIu64
               " connections_max=%zu: clients may have to wait for each other",
               (uint64_t)limit.rlim_cur, settings->connections_max);
    }
}

/* ---- the loop ---- */

static void read_master(struct sg_rings *rings)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_packet *packet = &rings->packet;
    sg_status s = sg_packet_receive(rings->settings->master, 0, packet, &err);
    if (s != SG_OK) {
        rings->stop = s != SG_E_SERVICE || strcmp(err.code, "peer_gone") == 0;
        return;
    }
    int control =
        packet->len > 0 && packet->data[0] == MASTER_RINGS_LINK ? sg_packet_take_fd(packet, 0) : -1;
    sg_packet_close_fds(packet);
    if (control >= 0) {
        sg_rings_set_control(rings, control);
    }
}

static void read_signals(struct sg_rings *rings)
{
    struct signalfd_siginfo info;
    while (read(rings->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        rings->stop = rings->stop || info.ssi_signo != SIGCHLD;
    }
    sg_rings_reap(rings);
}

static void handle(struct sg_rings *rings, const struct epoll_event *event)
{
    switch (event->data.u64) {
    case SG_EVENT_LISTENER:
        sg_rings_accept(rings);
        return;
    case SG_EVENT_MASTER:
        read_master(rings);
        return;
    case SG_EVENT_SIGNALS:
        read_signals(rings);
        return;
    case SG_EVENT_CONTROL:
        if ((event->events & EPOLLOUT) != 0) {
            sg_rings_flush_control(rings);
        }
        sg_rings_read_control(rings);
        return;
    default:
        sg_rings_read_channel(rings, &rings->rows[event->data.u64]);
    }
}

/* ---- life ---- */

/* No connection process may speak for us. */
static sg_status keep_to_ourselves(struct sg_busy_page *page, struct sg_error *err)
{
    if (page != NULL && madvise(page, sizeof *page, MADV_DONTFORK) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot keep a page from other processes");
    }
    return SG_OK;
}

static void say_that_we_live(const struct sg_rings *rings)
{
    sg_busy_beat(rings->settings->busy, sg_monotonic_ms(sg_clock_system()));
}

static int beat_ms(const struct sg_rings *rings)
{
    return rings->settings->busy != NULL ? rings->settings->beat_ms : -1;
}

static int sooner(int ms, int beat_ms)
{
    return beat_ms >= 0 && beat_ms < ms ? beat_ms : ms;
}

static int timeout_ms(const struct sg_rings *rings)
{
    if (rings->waiting > 0) {
        return 0;
    }
    if (!rings->accepting || rings->asks_wait) {
        return LOOK_AGAIN_MS;
    }
    return rings->refusals.any ? sooner(SG_REFUSALS_TELL_MS, beat_ms(rings)) : beat_ms(rings);
}

static sg_status serve(struct sg_rings *rings, struct sg_error *err)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    sg_busy_set(rings->settings->busy, SG_BUSY_NOT, 0);
    while (!rings->stop) {
        say_that_we_live(rings);
        int count = epoll_wait(rings->epoll, events, EVENTS_AT_ONCE, timeout_ms(rings));
        if (count < 0 && errno != EINTR) {
            return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot wait for events");
        }
        for (int i = 0; i < count; i++) {
            handle(rings, &events[i]);
        }
        sg_rings_start_waiting(rings);
        sg_rings_tell_refusals(rings);
        if (count == 0 && rings->waiting == 0) {
            sg_rings_resume(rings);
            sg_rings_ask(rings);
        }
    }
    return SG_OK;
}

static void end_connections(struct sg_rings *rings)
{
    for (size_t i = 0; i < rings->row_count; i++) {
        struct sg_ring_client *client = &rings->rows[i];
        if (client->used && client->process > 0) {
            sg_rings_kill(client);
            (void)waitpid(client->process, NULL, 0);
            sg_fd_closep(&client->channel);
        }
    }
}

static sg_status run(const struct sg_rings_settings *settings, const sigset_t *signals,
                     struct sg_error *err)
{
    SG_CLEANUP(sg_sandbox_freep) struct sg_sandbox *sandbox = NULL;
    SG_CLEANUP(free_ringsp) struct sg_rings *rings = allocate(settings->connections_max);
    if (rings == NULL) {
        return sg_fail_errno(err, SG_E_NO_MEMORY, "no_memory", "cannot map the table of clients");
    }
    sg_status s = sg_sandbox_new(&sandbox, err);
    if (s != SG_OK) {
        return s;
    }
    rings->settings = settings;
    rings->sandbox = sandbox;
    s = keep_to_ourselves(settings->busy, err);
    s = s == SG_OK ? prepare(rings, signals, err) : s;
    if (s != SG_OK) {
        return s;
    }
    sg_module_warm_up();
    /* A threshold that is set stays: what a connection process has taken for one large call goes
     * back to the system at its end. */
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
    /* Loose free memory would be tidied up by each connection process, in pages of its own. */
    (void)malloc_trim(0);
    s = serve(rings, err);
    rings->refusals.told_ms = 0; /* there is no later time */
    sg_rings_tell_refusals(rings);
    end_connections(rings);
    return s;
}

sg_status sg_rings_process_run(const struct sg_rings_settings *settings, struct sg_error *err)
{
    sigset_t signals;
    sigset_t before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    raise_descriptor_limit(settings);
    if (sigprocmask(SIG_BLOCK, &signals, &before) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot block signals");
    }
    sg_status s = run(settings, &signals, err);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return s;
}
