#include "cmocka_all.h"

#include "master_fixture.h"
#include "patience.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/base/packet.h>
#include <signet/rings/link.h>

/* The roles have no context: they find the shared memory here, as they were forked. */
static struct shared *shared;

int64_t now_ms(void)
{
    return sg_monotonic_ms(sg_clock_system());
}

void sleep_ms(int ms)
{
    (void)poll(NULL, 0, ms);
}

bool is_gone(pid_t pid)
{
    return pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
}

/* ---- what a process is ---- */

static uint64_t status_field(const char *text, const char *name)
{
    const char *found = strstr(text, name);
    return found != NULL ? strtoull(found + strlen(name), NULL, 16) : UINT64_MAX;
}

static int count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 4096; fd++) {
        count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

static void find_facts(struct facts *facts)
{
    char text[8192] = "";
    FILE *file = fopen("/proc/self/status", "re");
    if (file != NULL) {
        (void)!fread(text, 1, sizeof text - 1, file);
        (void)fclose(file);
    }
    struct rlimit limit = {1, 1};
    sigset_t blocked;
    struct sigaction on_pipe;
    (void)getrlimit(RLIMIT_CORE, &limit);
    (void)sigprocmask(SIG_BLOCK, NULL, &blocked);
    (void)sigaction(SIGPIPE, NULL, &on_pipe);
    facts->uid = geteuid();
    facts->gid = getegid();
    facts->groups = getgroups(0, NULL);
    facts->cap_effective = status_field(text, "CapEff:");
    facts->cap_permitted = status_field(text, "CapPrm:");
    facts->cap_inheritable = status_field(text, "CapInh:");
    facts->cap_bounding = status_field(text, "CapBnd:");
    facts->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    facts->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    (void)prctl(PR_GET_PDEATHSIG, &facts->death_signal, 0, 0, 0);
    facts->policy = sched_getscheduler(0);
    facts->core_limited = limit.rlim_cur == 0 && limit.rlim_max == 0;
    facts->umask = (int)umask(077);
    facts->descriptors = count_descriptors();
    facts->notify_socket = getenv("NOTIFY_SOCKET") != NULL;
    facts->blocked_signals = !sigisemptyset(&blocked);
    facts->pipe_ignored = on_pipe.sa_handler == SIG_IGN;
    (void)prctl(PR_GET_NAME, facts->name, 0, 0, 0);
}

/* ---- the roles ---- */

enum { ECHO_MS = 10000 }; /* the other process may just be starting, on a busy machine */

static void set_stubborn(void)
{
    if (shared->stubborn) {
        (void)signal(SIGTERM, SIG_IGN);
        (void)signal(SIGINT, SIG_IGN);
    }
}

/* Send a byte over a link; true when it comes back changed by the process that should be there. */
static bool echo(int link, unsigned char byte, unsigned char expected)
{
    struct sg_packet *packet = malloc(sizeof *packet);
    struct sg_error err = SG_ERROR_INIT;
    bool same = packet != NULL && sg_packet_send(link, &byte, 1, NULL, 0, NULL, 0, &err) == SG_OK &&
                sg_packet_receive(link, patiently(ECHO_MS), packet, &err) == SG_OK &&
                packet->len == 1 && packet->data[0] == expected;
    free(packet);
    return same;
}

static void take_link(const struct sg_master_packet *packet, int fd)
{
    if (packet->kind == SG_MASTER_RINGS_LINK) {
        shared->control_rings_links++;
        shared->rings_echoes += echo(fd, 7, 107) ? 1 : 0;
    } else if (packet->kind == SG_MASTER_TOKEN_LINK && packet->token == 0 &&
               packet->process < FIXTURE_PROCESSES) {
        shared->token_link_pid[packet->process] = (pid_t)packet->pid;
        shared->token_echoes[packet->process] +=
            echo(fd, 1, (unsigned char)(50 + packet->process)) ? 1 : 0;
        shared->token_links[packet->process]++;
    }
}

static void send_to_master(int master, uint8_t kind, pid_t pid)
{
    struct sg_master_packet packet = {.kind = kind, .token = 0, .process = 1, .pid = (uint32_t)pid};
    struct sg_error err = SG_ERROR_INIT;
    (void)!sg_packet_send(master, &packet, sizeof packet, NULL, 0, NULL, 0, &err);
}

static void send_junk(int master)
{
    static unsigned char junk[60000];
    struct sg_error err = SG_ERROR_INIT;
    memset(junk, 0xa5, sizeof junk);
    int fds[1] = {master};
    (void)!sg_packet_send(master, junk, sizeof junk, NULL, 0, NULL, 0, &err);
    (void)!sg_packet_send(master, junk, 1, NULL, 0, fds, 1, &err);
    (void)!sg_packet_send(master, junk, sizeof(struct sg_master_packet), NULL, 0, fds, 1, &err);
    for (unsigned kind = 0; kind < 256; kind++) {
        if (kind != SG_MASTER_READY) {
            send_to_master(master, (uint8_t)kind,
                           1); /* not even REPLACE may hit process number 1 */
        }
    }
}

static void do_as_told(int master)
{
    pid_t pid = atomic_exchange(&shared->replace_pid, 0);
    if (pid != 0) {
        send_to_master(master, SG_MASTER_REPLACE, pid);
    }
    if (atomic_exchange(&shared->junk, false)) {
        send_junk(master);
    }
    if (atomic_exchange(&shared->close_channel, false)) {
        close(master);
        for (;;) {
            sleep_ms(1000);
        }
    }
}

static bool can_map_writable(int page)
{
    void *mapped =
        mmap(NULL, sizeof(struct sg_generation_page), PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
    return mapped != MAP_FAILED;
}

static sg_status fake_control(const struct sg_config *config, int http_listener,
                              int generation_page, int master, struct sg_control_page *told,
                              struct sg_error *err)
{
    (void)config;
    (void)told;
    set_stubborn();
    shared->control_rings_links = 0;
    find_facts(&shared->control);
    snprintf(shared->control.arguments, sizeof shared->control.arguments, "%s",
             fcntl(http_listener, F_GETFD) >= 0 ? "listener" : "");
    shared->page_is_writable = can_map_writable(generation_page);
    struct sg_generation_page *page =
        mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, generation_page, 0);
    if (page != MAP_FAILED) {
        page->generation += 41;
    }
    shared->control_pid = getpid();
    shared->control_starts++;
    if (shared->control_fails) {
        return sg_fail(err, SG_E_STORAGE, "test", "told to fail");
    }
    if (!shared->no_ready) {
        send_to_master(master, SG_MASTER_READY, 0);
    }
    static struct sg_packet packet;
    for (;;) {
        do_as_told(master);
        sg_status s = sg_packet_receive(master, 20, &packet, err);
        struct sg_master_packet received;
        if (s == SG_OK && packet.len == sizeof received) {
            memcpy(&received, packet.data, sizeof received);
            take_link(&received, sg_packet_take_fd(&packet, 0));
        } else if (s != SG_OK && strcmp(err->code, "peer_gone") == 0) {
            return SG_OK;
        }
    }
}

static void answer_over(int link, unsigned char byte)
{
    struct sg_packet *packet = malloc(sizeof *packet);
    struct sg_error err = SG_ERROR_INIT;
    if (packet != NULL && sg_packet_receive(link, patiently(ECHO_MS), packet, &err) == SG_OK) {
        (void)!sg_packet_send(link, &byte, 1, NULL, 0, NULL, 0, &err);
    }
    free(packet);
}

static void leave_orphan(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)signal(SIGTERM, SIG_IGN);
        for (;;) {
            sleep_ms(1000);
        }
    }
    shared->orphan_pid = pid;
}

static sg_status fake_rings(const struct sg_rings_settings *settings, struct sg_error *err)
{
    set_stubborn();
    shared->rings_links = 0;
    find_facts(&shared->rings);
    snprintf(shared->rings.arguments, sizeof shared->rings.arguments, "%s %zu %zu %zu %d",
             fcntl(settings->listener, F_GETFD) >= 0 ? "listener" : "", settings->connections_max,
             settings->connections_per_user_max, settings->memory_max, settings->answer_timeout_ms);
    shared->rings_page_is_writable = can_map_writable(settings->generation_page);
    shared->rings_pid = getpid();
    shared->rings_starts++;
    if (shared->rings_fails) {
        return sg_fail(err, SG_E_STORAGE, "test", "told to fail");
    }
    if (shared->with_orphan) {
        leave_orphan();
    }
    const struct sg_generation_page *page =
        mmap(NULL, sizeof *page, PROT_READ, MAP_SHARED, settings->generation_page, 0);
    static struct sg_packet packet;
    for (;;) {
        sg_status s = sg_packet_receive(settings->master, 20, &packet, err);
        if (s == SG_OK && packet.len > 0 && packet.data[0] == SG_MASTER_RINGS_LINK) {
            shared->rings_links++;
            answer_over(sg_packet_take_fd(&packet, 0), 107);
        } else if (s != SG_OK && strcmp(err->code, "peer_gone") == 0) {
            return SG_OK;
        }
        shared->page_seen_by_rings = page != MAP_FAILED ? (unsigned)page->generation : 0;
    }
}

static int own_process_number(void)
{
    char name[32] = "";
    (void)prctl(PR_GET_NAME, name, 0, 0, 0);
    const char *dot = strchr(name, '.');
    return dot != NULL ? dot[1] - '0' : 0;
}

/* The last part of an open file's path. */
static void file_of(int fd, char *out, size_t room)
{
    char link[32];
    char path[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    const char *slash = strrchr(path, '/');
    snprintf(out, room, "%s", slash != NULL ? slash + 1 : "-");
}

static sg_status fake_token(const struct sg_token_settings *settings, int admin_socket,
                            struct sg_error *err)
{
    int number = own_process_number();
    set_stubborn();
    if (number == 0) {
        char lock[64];
        find_facts(&shared->token);
        file_of(settings->lock, lock, sizeof lock);
        snprintf(shared->token.arguments, sizeof shared->token.arguments, "%s %s %s %s %s %s %s %s",
                 settings->name, settings->module, settings->label != NULL ? settings->label : "-",
                 settings->serial != NULL ? settings->serial : "-", settings->pin_file,
                 settings->storage != NULL ? settings->storage : "-", settings->environment[0],
                 lock);
    }
    shared->token_pid[number] = getpid();
    shared->token_starts[number]++;
    if (shared->token_fails) {
        return sg_fail(err, SG_E_TOKEN, "test", "told to fail");
    }
    static struct sg_packet packet;
    for (;;) {
        sg_status s = sg_packet_receive(admin_socket, -1, &packet, err);
        if (s != SG_OK) {
            return SG_OK;
        }
        unsigned char byte = (unsigned char)(50 + number);
        (void)!sg_packet_send(admin_socket, &byte, 1, NULL, 0, NULL, 0, err);
    }
}

/* ---- the fixture ---- */

static void fill_config(struct fixture *fixture)
{
    struct sg_config *config = &fixture->config;
    struct sg_config_token *token = &config->tokens[0];
    snprintf(config->path, sizeof config->path, "%s/conf", fixture->directory);
    snprintf(config->socket, sizeof config->socket, "%s/run/http", fixture->directory);
    snprintf(config->rings_socket, sizeof config->rings_socket, "%s/run/rings", fixture->directory);
    snprintf(config->state, sizeof config->state, "%s/state", fixture->directory);
    config->administrators[config->administrator_count++] = geteuid();
    config->log = SG_LOG_DEBUG;
    config->connections_max = 11;
    config->connections_per_user_max = 7;
    config->connection_memory_max = 123456789;
    config->request_deadline_s = 3;
    config->silence_deadline_s = 60;
    config->token_count = 1;
    snprintf(token->name, sizeof token->name, "soft");
    snprintf(token->module, sizeof token->module, "/lib/x.so");
    snprintf(token->label, sizeof token->label, "lab");
    snprintf(token->pin_file, sizeof token->pin_file, "/pin");
    token->environment[0] = strdup("A=b");
    token->processes = FIXTURE_PROCESSES - 1;
    token->call_deadline_s = 9;
    token->login_deadline_s = 9;
}

static int bind_notify(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    fixture->shared = shared;
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/signet-master-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    snprintf(fixture->log_path, sizeof fixture->log_path, "%s/log", fixture->directory);
    snprintf(fixture->notify_path, sizeof fixture->notify_path, "%s/notify", fixture->directory);
    fixture->notify = bind_notify(fixture->notify_path);
    fill_config(fixture);
    *state = fixture;
    return 0;
}

static _Noreturn void be_master(struct fixture *fixture)
{
    static const struct sg_master_roles roles = {fake_control, fake_rings, fake_token};
    struct sg_error err = SG_ERROR_INIT;
    int log = open(fixture->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    (void)dup2(log, STDERR_FILENO);
    close(log);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0); /* a failing test leaves nothing behind */
    (void)setenv("NOTIFY_SOCKET", fixture->notify_path, 1);
    sg_log_init("master", SG_LOG_DEBUG);
    sg_status s = sg_master_run(&fixture->config, &roles, &err);
    if (s != SG_OK) {
        sg_log_error(SG_LOG_ERROR, "master_failed", &err);
    }
    _exit(s == SG_OK ? 0 : 100 + (int)s);
}

void fixture_start(struct fixture *fixture)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        be_master(fixture);
    }
    fixture->master = pid;
}

void fixture_wait_ready(struct fixture *fixture)
{
    assert_true(fixture_notified(fixture, "READY=1", WAIT_MS));
    wait_until(shared->rings_echoes > 0);
    for (int i = 0; i < FIXTURE_PROCESSES; i++) {
        wait_until(shared->token_links[i] > 0);
    }
}

int fixture_end(struct fixture *fixture, int wait_ms)
{
    int64_t end = now_ms() + patiently(wait_ms);
    int status = 0;
    pid_t got = 0;
    while ((got = waitpid(fixture->master, &status, WNOHANG)) == 0 && now_ms() < end) {
        sleep_ms(5);
    }
    if (got != fixture->master) {
        return -1;
    }
    fixture->master = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void assert_nothing_left(const struct fixture *fixture)
{
    assert_true(shared->control_pid == 0 || is_gone(shared->control_pid));
    assert_true(shared->rings_pid == 0 || is_gone(shared->rings_pid));
    for (int i = 0; i < FIXTURE_PROCESSES; i++) {
        assert_true(shared->token_pid[i] == 0 || is_gone(shared->token_pid[i]));
    }
    assert_int_not_equal(access(fixture->config.socket, F_OK), 0);
    assert_int_not_equal(access(fixture->config.rings_socket, F_OK), 0);
}

void fixture_stop(struct fixture *fixture)
{
    assert_int_equal(kill(fixture->master, SIGTERM), 0);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 0);
    assert_nothing_left(fixture);
}

static void remove_all(const char *directory)
{
    char path[400];
    DIR *entries = opendir(directory);
    const struct dirent *entry = NULL;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlink(path) != 0) {
            remove_all(path);
        }
    }
    if (entries != NULL) {
        closedir(entries);
    }
    (void)rmdir(directory);
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->master > 0) {
        (void)kill(fixture->master, SIGKILL);
        (void)waitpid(fixture->master, NULL, 0);
    }
    close(fixture->notify);
    remove_all(fixture->directory);
    free(fixture->config.tokens[0].environment[0]);
    munmap(fixture->shared, sizeof *fixture->shared);
    free(fixture);
    return 0;
}

bool fixture_log_has(const struct fixture *fixture, const char *text)
{
    SG_BUFFER log;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&log, (size_t)1 << 20);
    return sg_file_read(fixture->log_path, "log", &log, &err) == SG_OK && log.data != NULL &&
           strstr((const char *)log.data, text) != NULL;
}

bool fixture_notified(const struct fixture *fixture, const char *text, int wait_ms)
{
    int64_t end = now_ms() + patiently(wait_ms);
    do {
        char message[512];
        ssize_t got = recv(fixture->notify, message, sizeof message - 1, 0);
        if (got > 0) {
            message[got] = '\0';
            if (strstr(message, text) != NULL) {
                return true;
            }
            continue;
        }
        sleep_ms(5);
    } while (now_ms() < end);
    return false;
}
