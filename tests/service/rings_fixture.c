#include "rings_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <signet/base/log.h>
#include <signet/base/packet.h>

#include "cmocka_all.h"
#include "patience.h"
#include "scratch.h"

#ifdef SIGNET_SANITIZED
/* In the place of RLIMIT_AS, which a sanitizer's shadow memory cannot have: p11-kit allocates what
 * a message says that it has, and the sanitizer writes to an eighth of that. Twenty connections of
 * garbage took gigabytes, and longer to end than the next test waits. */
#define DEFAULT_OPTIONS "allocator_may_return_null=1:max_allocation_size_mb=256"
const char *__asan_default_options(void);
const char *__tsan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return DEFAULT_OPTIONS;
}
__attribute__((visibility("default"))) const char *__tsan_default_options(void)
{
    return DEFAULT_OPTIONS;
}
#endif

/* ---- control ---- */

static void answer(int link, const struct sg_rings_packet *asked, int status, int fd)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_rings_packet out = *asked;
    out.status = (uint32_t)status;
    (void)!sg_packet_send(link, &out, sizeof out, NULL, 0, &fd, fd >= 0 ? 1 : 0, &err);
}

static bool take_one(_Atomic int *knob)
{
    int left = atomic_load(knob);
    if (left > 0) {
        atomic_store(knob, left - 1);
    }
    return left > 0;
}

static void give_view(const struct rings_fixture *fixture, int link,
                      const struct sg_rings_packet *asked)
{
    struct rings_knobs *knobs = fixture->knobs;
    atomic_fetch_add(&knobs->views, 1);
    if (take_one(&knobs->view_silent)) {
        return;
    }
    int which = atomic_load(&knobs->view);
    if (which == 0) {
        answer(link, asked, atomic_load(&knobs->view_status), -1);
    } else {
        answer(link, asked, SG_OK, fixture->views[which - 1]);
    }
}

static void give_grant(const struct rings_fixture *fixture, int link,
                       const struct sg_rings_packet *asked)
{
    struct rings_knobs *knobs = fixture->knobs;
    struct sg_error err = SG_ERROR_INIT;
    int pair[2];
    atomic_fetch_add(&knobs->grants, 1);
    atomic_store(&knobs->token, asked->token);
    if (take_one(&knobs->grant_silent)) {
        return;
    }
    if (take_one(&knobs->grant_failures)) {
        answer(link, asked, atomic_load(&knobs->grant_status), -1);
        return;
    }
    if (sg_packet_pair(pair, &err) != SG_OK) {
        _exit(3);
    }
    pid_t token = fork();
    if (token == 0) {
        close(pair[0]);
        close(link);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        rings_token_serve(pair[1], &fixture->material, knobs);
        _exit(0);
    }
    atomic_store(&knobs->token_pid, token);
    close(pair[1]);
    answer(link, asked, SG_OK, pair[0]);
    close(pair[0]);
}

static void take_question(const struct rings_fixture *fixture, int link,
                          const struct sg_rings_packet *asked)
{
    struct rings_knobs *knobs = fixture->knobs;
    switch ((enum sg_rings_kind)asked->kind) {
    case SG_RINGS_VIEW:
    case SG_RINGS_GRANT:
        atomic_store(&knobs->connection, asked->connection);
        atomic_store(&knobs->uid, asked->uid);
        atomic_store(&knobs->ring, asked->ring);
        atomic_store(&knobs->gid, asked->gid);
        atomic_store(&knobs->pid, asked->pid);
        if (asked->kind == SG_RINGS_VIEW) {
            give_view(fixture, link, asked);
        } else {
            give_grant(fixture, link, asked);
        }
        return;
    case SG_RINGS_GONE:
        atomic_store(&knobs->gone_connection, asked->connection);
        atomic_fetch_add(&knobs->gones, 1);
        return;
    case SG_RINGS_REFUSED:
        atomic_store(&knobs->refused_uid, asked->uid);
        atomic_store(&knobs->refused_why, asked->token);
        atomic_fetch_add(&knobs->refused, (int)asked->connection);
        atomic_fetch_add(&knobs->refused_packets, 1);
        return;
    case SG_RINGS_FAILED: /* is not for control */
        _exit(5);
    }
}

static void run_control(const struct rings_fixture *fixture, int link)
{
    static struct sg_packet packet;
    struct sg_error err = SG_ERROR_INIT;
    (void)signal(SIGCHLD, SIG_IGN);
    while (sg_packet_receive(link, -1, &packet, &err) == SG_OK) {
        if (packet.len != sizeof(struct sg_rings_packet) || packet.fd_count != 0) {
            _exit(4);
        }
        take_question(fixture, link, (const void *)packet.data);
    }
    _exit(0);
}

/* A copy of a client's socket in here would keep that client alive. */
static void keep_only(const struct rings_fixture *fixture, int link)
{
    for (int fd = STDERR_FILENO + 1; fd < 256; fd++) {
        if (fd != link && fd != fixture->views[0] && fd != fixture->views[1]) {
            close(fd);
        }
    }
}

void rings_fixture_start_control(struct rings_fixture *fixture)
{
    struct sg_error err = SG_ERROR_INIT;
    int pair[2];
    unsigned char hello[16] = {1}; /* SG_MASTER_RINGS_LINK */
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    fixture->control = fork();
    if (fixture->control == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        keep_only(fixture, pair[1]);
        run_control(fixture, pair[1]);
    }
    assert_true(fixture->control > 0);
    close(pair[1]);
    assert_int_equal(
        sg_packet_send(fixture->master, hello, sizeof hello, NULL, 0, &pair[0], 1, &err), SG_OK);
    close(pair[0]);
}

void rings_fixture_kill_control(struct rings_fixture *fixture)
{
    assert_true(fixture->control > 0);
    kill(fixture->control, SIGKILL);
    waitpid(fixture->control, NULL, 0);
    fixture->control = 0;
}

/* ---- rings ---- */

static void *shared(size_t size)
{
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(map != MAP_FAILED);
    return map;
}

static void make_page(struct rings_fixture *fixture)
{
    fixture->page_fd = memfd_create("generation", MFD_CLOEXEC);
    assert_true(fixture->page_fd >= 0);
    assert_int_equal(ftruncate(fixture->page_fd, 4096), 0);
    fixture->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fixture->page_fd, 0);
    assert_true(fixture->page != MAP_FAILED);
    atomic_store(&fixture->page->generation, 1);
}

static void make_listener(struct rings_fixture *fixture)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(fixture->dir, sizeof fixture->dir, "/tmp/signet-rings-XXXXXX");
    assert_true(scratch_make(fixture->dir));
    snprintf(fixture->socket, sizeof fixture->socket, "%s/pkcs11.sock", fixture->dir);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", fixture->socket);
    fixture->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fixture->listener >= 0);
    assert_int_equal(bind(fixture->listener, (const void *)&address, sizeof address), 0);
    assert_int_equal(listen(fixture->listener, 256), 0);
}

void rings_fixture_make(struct rings_fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    sg_log_init("test", SG_LOG_ERROR);
    rings_material_make(&fixture->material);
    fixture->knobs = shared(sizeof *fixture->knobs);
    fixture->views[0] = rings_view_first(&fixture->material, 1);
    fixture->views[1] = rings_view_second(&fixture->material, 2);
    make_page(fixture);
    make_listener(fixture);
    fixture->settings = (struct sg_rings_settings){
        .listener = fixture->listener,
        .generation_page = fixture->page_fd,
        .connections_max = 32,
        .connections_per_user_max = 24,
        .memory_max = 256u << 20,
        .answer_timeout_ms = 2000,
    };
    rings_fixture_reset(fixture);
}

void rings_fixture_free(struct rings_fixture *fixture)
{
    scratch_remove(fixture->dir);
    close(fixture->listener);
    close(fixture->page_fd);
    close(fixture->views[0]);
    close(fixture->views[1]);
    munmap(fixture->page, 4096);
    munmap(fixture->knobs, sizeof *fixture->knobs);
    rings_material_free(&fixture->material);
}

void rings_fixture_start(struct rings_fixture *fixture)
{
    struct sg_error err = SG_ERROR_INIT;
    int pair[2];
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    fixture->rings = fork();
    if (fixture->rings == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pair[0]);
        fixture->settings.master = pair[1];
        sg_status s = sg_rings_process_run(&fixture->settings, &err);
        if (s != SG_OK) {
            sg_log_error(SG_LOG_ERROR, "rings_failed", &err);
        }
        _exit(s == SG_OK ? 0 : 1);
    }
    assert_true(fixture->rings > 0);
    close(pair[1]);
    fixture->master = pair[0];
    rings_fixture_start_control(fixture);
}

int rings_fixture_stop(struct rings_fixture *fixture)
{
    int status = -1;
    close(fixture->master);
    assert_int_equal(waitpid(fixture->rings, &status, 0), fixture->rings);
    if (fixture->control > 0) {
        waitpid(fixture->control, NULL, 0); /* its link has ended */
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void rings_fixture_reset(struct rings_fixture *fixture)
{
    struct rings_knobs *knobs = fixture->knobs;
    memset(knobs, 0, sizeof *knobs);
    atomic_store(&knobs->view, 1);
    atomic_store(&fixture->page->generation, 1);
}

static bool has_children(pid_t process)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)process, (int)process);
    FILE *file = fopen(path, "re");
    bool found = file != NULL && fgetc(file) != EOF;
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

void rings_wait_for_nobody(const struct rings_fixture *fixture)
{
    struct timespec pause = {.tv_nsec = 5000000};
    for (int i = 0; has_children(fixture->rings); i++) {
        assert_true(i < patiently(2000));
        nanosleep(&pause, NULL);
    }
}

pid_t rings_youngest(const struct rings_fixture *fixture)
{
    char path[64];
    char text[4096] = {0};
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)fixture->rings,
             (int)fixture->rings);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    (void)!fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    pid_t last = 0;
    for (char *at = text, *end = NULL;; at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at) {
            return last;
        }
        last = (pid_t)pid;
    }
}

int rings_wait(const _Atomic int *knob, int value)
{
    struct timespec pause = {.tv_nsec = 5000000};
    for (int i = 0; i < patiently(2000) && atomic_load(knob) < value; i++) {
        nanosleep(&pause, NULL);
    }
    return atomic_load(knob);
}

int rings_connect(const struct rings_fixture *fixture)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", fixture->socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const void *)&address, sizeof address), 0);
    return fd;
}
