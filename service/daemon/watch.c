/* Processes that hang, token processes in the vendor's module above all: they cannot say so
 * themselves, and nobody who waits for one may wait for ever. */
#include "children_internal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/log.h>

#define MS INT64_C(1000) /* in a second */
#define TICK_MAX_MS 1000
#define TICKS 4 /* in a deadline: a hanging process lives so much longer at most */
/* Control has the same deadlines for what it waits for, and knows more to say about it. */
#define MARGIN_MS 2000
/* An idle process says every second that it lives. */
#define SILENCE_MS 5000
/* Whoever was not there himself for so long (a machine that was paused) blames nobody for it. */
#define ABSENCE_MS 3000
/* Control may be at one request for long; rings never is. */
#define RINGS_PART 4 /* of silence_deadline_s */
/* So many times the deadline for a start, where a large store may have to become a newer one, and
 * for each look-up of a user or group, which takes as long as somebody else's service does. */
#define PATIENCE_FACTOR 10
#define BEAT_MAX_MS 5000
#define BEATS 3 /* in a deadline of rings */
/* A look counts for so much at most: what we have not seen, nobody is blamed for. */
#define LOOK_MAX_MS 1500

/* ---- the page ---- */

static size_t page_size(const struct sg_child *child)
{
    return child->role == SG_ROLE_CONTROL ? sizeof(struct sg_control_page) : sizeof *child->busy;
}

struct sg_control_page *sg_watch_control_page(const struct sg_master *master)
{
    return (struct sg_control_page *)(void *)sg_master_control(master)->busy;
}

sg_status sg_watch_begin(struct sg_child *child, struct sg_error *err)
{
    char path[40];
    SG_FD int fd = memfd_create("signet-busy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, (off_t)page_size(child)) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot make a page");
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    SG_FD int readable = open(path, O_RDONLY | O_CLOEXEC);
    void *page = mmap(NULL, page_size(child), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED || readable < 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot map a page");
    }
    sg_watch_end(child);
    child->busy = page;
    sg_busy_beat(child->busy, sg_monotonic_ms(sg_clock_system()));
    child->beat = 0;
    child->silent_ms = 0;
    if (child->role == SG_ROLE_TOKEN) {
        child->busy_fd = sg_fd_steal(&readable);
    } else { /* until it says that it serves */
        sg_busy_set(child->busy, SG_BUSY_CALL, sg_monotonic_ms(sg_clock_system()));
    }
    return SG_OK;
}

void sg_watch_keep(const struct sg_child *child)
{
    /* Children to come shall not find it in their memory. */
    (void)madvise(child->busy, page_size(child), MADV_DONTFORK);
}

void sg_watch_end(struct sg_child *child)
{
    if (child->busy != NULL) {
        (void)munmap(child->busy, page_size(child));
    }
    child->busy = NULL;
    sg_fd_closep(&child->busy_fd);
    child->busy_fd = -1;
}

/* ---- the deadlines ---- */

static int64_t limit_ms(const struct sg_config_token *token, enum sg_busy_kind kind)
{
    switch (kind) {
    case SG_BUSY_USE:
        return token->use_deadline_s * MS;
    case SG_BUSY_CALL:
        return token->call_deadline_s * MS + MARGIN_MS;
    case SG_BUSY_LOGIN:
        return token->login_deadline_s * MS + MARGIN_MS;
    case SG_BUSY_NOT:
        break;
    }
    return INT64_MAX;
}

static const char *kind_name(enum sg_busy_kind kind)
{
    return kind == SG_BUSY_USE ? "use" : kind == SG_BUSY_LOGIN ? "login" : "call";
}

/* How long it may go on; INT64_MAX: it does nothing. */
static int64_t left_ms(const struct sg_master *master, const struct sg_child *child,
                       enum sg_busy_kind *kind)
{
    int64_t for_ms = 0;
    *kind = sg_busy_get(child->busy, sg_monotonic_ms(sg_clock_system()), &for_ms);
    return *kind == SG_BUSY_NOT ? INT64_MAX
                                : limit_ms(&master->config->tokens[child->token], *kind) - for_ms;
}

/* What it is in has a deadline; between two requests it must say that it lives. */
static bool is_silent(const struct sg_master *master, const struct sg_child *child, int64_t now_ms)
{
    int64_t ignored = 0;
    return now_ms >= master->excuse_ms &&
           sg_busy_get(child->busy, now_ms, &ignored) == SG_BUSY_NOT &&
           sg_busy_silent_ms(child->busy, now_ms) >= SILENCE_MS;
}

/* ---- control and rings ---- */

static int64_t silence_limit_ms(const struct sg_master *master, const struct sg_child *child)
{
    int64_t ms = master->config->silence_deadline_s * MS;
    return child->role == SG_ROLE_RINGS ? ms / RINGS_PART : ms;
}

int sg_watch_beat_ms(const struct sg_master *master)
{
    int64_t ms = silence_limit_ms(master, sg_master_rings(master)) / BEATS;
    return ms < BEAT_MAX_MS ? (int)ms : BEAT_MAX_MS;
}

/* The letter of proc(5); 0: not known. */
static char state_of(pid_t pid)
{
    char path[40];
    SG_BUFFER text;
    struct sg_error ignored = SG_ERROR_INIT;
    sg_buffer_init(&text, 4096);
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (sg_file_read(path, "stat", &text, &ignored) != SG_OK) {
        return 0;
    }
    const char *begin = (const char *)text.data;
    const char *name_end = memrchr(begin, ')', text.len);
    size_t at = name_end != NULL ? (size_t)(name_end - begin) + 2 : text.len;
    if (at >= text.len) {
        return 0;
    }
    return begin[at];
}

static const char *hint_for(char state)
{
    switch (state) {
    case 'T':
    case 't':
        return "Something stopped it (SIGSTOP, a debugger): find out who.";
    case 'D':
        return "It waits in the kernel, for a disk or a file system mostly: see dmesg and the one "
               "that state is on.";
    case 'R':
        return "It computes without an end, which is an error of the program: report it, with "
               "what the log says before this.";
    default:
        return "Is its control group frozen (systemctl thaw, cgroup.freeze)? If not, what it waits "
               "for does not come, which is an error of the program: report it, with what the log "
               "says before this.";
    }
}

#define NAMES_HINT                                                                                 \
    "The system's name service does not answer: see getent passwd and getent group, "              \
    "/etc/nsswitch.conf and the directory service behind it."

static const char *meaning(enum sg_role role)
{
    return role == SG_ROLE_RINGS
               ? "it does not come by any more: no program can attach to a ring until it is "
                 "started again; those attached lose their connection now"
               : "it does not come by any more: no command is answered and no program can attach "
                 "until it is started again; programs that are attached wait, and nothing that was "
                 "stored is lost";
}

static const char *silent_in(enum sg_busy_kind kind)
{
    return kind == SG_BUSY_NOT ? "silence" : kind == SG_BUSY_LOOK_UP ? "look-up" : "start";
}

static void kill_silent(struct sg_child *child, enum sg_busy_kind kind, int64_t limit)
{
    char state = state_of(child->pid);
    child->hangs = true;
    sg_log(SG_LOG_ERROR,
           "event=process_hangs process=%s pid=%d in=%s limit_ms=%lld state=%c text=\"%s\" "
           "hint=\"%s\"",
           child->name, (int)child->pid, silent_in(kind), (long long)limit,
           state != 0 ? state : '?', meaning(child->role),
           kind == SG_BUSY_LOOK_UP && state == 'S' ? NAMES_HINT : hint_for(state));
    (void)kill(child->pid, SIGKILL);
}

static void judge_service(const struct sg_master *master, struct sg_child *child, int64_t now_ms,
                          int64_t look_ms)
{
    if (child->pid == 0 || child->hangs || master->stopping) {
        return;
    }
    int64_t ignored = 0;
    /* Before the beat: whoever ends what may take long says first that it lives. */
    enum sg_busy_kind kind = sg_busy_get(child->busy, now_ms, &ignored);
    uint64_t beat = atomic_load_explicit(&child->busy->beat_ms, memory_order_relaxed);
    child->silent_ms = beat == child->beat ? child->silent_ms + look_ms : 0;
    child->beat = beat;
    int64_t limit = silence_limit_ms(master, child) * (kind != SG_BUSY_NOT ? PATIENCE_FACTOR : 1);
    if (child->silent_ms >= limit && now_ms >= master->excuse_ms) {
        kill_silent(child, kind, limit);
    }
}

/* What comes late is told before it is too late. */
#define LATE_BEATS 2

void sg_watch_tell_control(const struct sg_master *master)
{
    struct sg_control_page *page = sg_watch_control_page(master);
    const struct sg_child *rings = sg_master_rings(master);
    if (page == NULL) {
        return;
    }
    bool runs = rings->pid != 0;
    bool starting = runs && atomic_load(&rings->busy->word) != 0;
    bool late =
        runs && !starting && rings->silent_ms > (int64_t)sg_watch_beat_ms(master) * LATE_BEATS;
    atomic_store(&page->rings_restarts, rings->starts > 0 ? rings->starts - 1 : 0);
    atomic_store(&page->rings_due_ms, runs || rings->starts == 0 ? 0 : rings->due_ms);
    atomic_store(&page->rings_silent_ms, late ? rings->silent_ms : 0);
    atomic_store(&page->rings_starting, starting || rings->starts == 0 ? 1 : 0);
}

/* ---- token processes ---- */

static void kill_hung(struct sg_child *child, const char *in, int64_t limit)
{
    child->hangs = true;
    sg_log(SG_LOG_ERROR, "event=process_hangs process=%s pid=%d in=%s limit_ms=%lld", child->name,
           (int)child->pid, in, (long long)limit);
    (void)kill(child->pid, SIGKILL);
}

static void judge(const struct sg_master *master, struct sg_child *child, int64_t now_ms)
{
    enum sg_busy_kind kind = SG_BUSY_NOT;
    if (child->pid == 0 || child->hangs) {
        return;
    }
    if (left_ms(master, child, &kind) <= 0) {
        kill_hung(child, kind_name(kind), limit_ms(&master->config->tokens[child->token], kind));
    } else if (is_silent(master, child, now_ms)) {
        kill_hung(child, "silence", SILENCE_MS);
    }
}

void sg_watch_kill_hung(struct sg_master *master)
{
    int64_t now_ms = sg_monotonic_ms(sg_clock_system());
    int64_t look_ms = master->looked_ms != 0 ? now_ms - master->looked_ms : 0;
    if (look_ms >= ABSENCE_MS) {
        master->excuse_ms = now_ms + ABSENCE_MS;
    }
    master->looked_ms = now_ms;
    look_ms = look_ms < LOOK_MAX_MS ? look_ms : LOOK_MAX_MS;
    judge_service(master, sg_master_control(master), now_ms, look_ms);
    judge_service(master, sg_master_rings(master), now_ms, look_ms);
    for (size_t i = 2; i < master->child_count; i++) {
        judge(master, &master->children[i], now_ms);
    }
}

static int64_t tick_ms(const struct sg_config_token *token)
{
    int64_t ms = token->use_deadline_s * MS / TICKS;
    return ms < TICK_MAX_MS ? ms : TICK_MAX_MS;
}

static bool is_watched(const struct sg_child *child)
{
    return child->pid != 0 && !child->hangs;
}

int sg_watch_timeout_ms(const struct sg_master *master)
{
    int64_t timeout = is_watched(sg_master_control(master)) || is_watched(sg_master_rings(master))
                          ? TICK_MAX_MS
                          : -1;
    for (size_t i = 2; i < master->child_count; i++) {
        const struct sg_child *child = &master->children[i];
        enum sg_busy_kind kind = SG_BUSY_NOT;
        if (!is_watched(child)) {
            continue;
        }
        int64_t wait = tick_ms(&master->config->tokens[child->token]);
        int64_t left = left_ms(master, child, &kind);
        wait = left < wait ? left : wait;
        wait = wait > 0 ? wait : 0;
        timeout = timeout < 0 || wait < timeout ? wait : timeout;
    }
    return (int)timeout;
}

int64_t sg_watch_login_left_ms(const struct sg_master *master, const struct sg_child *child)
{
    enum sg_busy_kind kind = SG_BUSY_NOT;
    int64_t left = child->pid != 0 && !child->hangs ? left_ms(master, child, &kind) : 0;
    return kind == SG_BUSY_LOGIN && left > 0 ? left : 0;
}
