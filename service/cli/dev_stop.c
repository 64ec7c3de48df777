#include "dev_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/buffer.h>
#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/cli/values.h>

#define PROC_FILE_MAX 65536
#define REST_MS 3000 /* for the master's children to end by themselves */
#define STEP_MS 20

static void dir_closep(DIR **dir)
{
    if (*dir != NULL) {
        closedir(*dir);
    }
}

/* ---- what /proc knows ---- */

static bool read_proc(pid_t pid, const char *file, struct sg_buffer *out)
{
    char path[64];
    struct sg_error ignored = SG_ERROR_INIT; /* the process may just be gone */
    sg_buffer_init(out, PROC_FILE_MAX);
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    return sg_file_read(path, "process", out, &ignored) == SG_OK && out->len > 0;
}

/* Is one of the process's arguments the instance's configuration? Numbers of processes come back;
 * this does not. */
static bool runs_instance(const struct sg_instance *instance, pid_t pid)
{
    SG_BUFFER line;
    struct sg_instance_path wanted = sg_instance_path(instance, "signet.conf");
    if (!read_proc(pid, "cmdline", &line)) {
        return false;
    }
    const char *text = (const char *)line.data;
    for (size_t at = 0; at < line.len; at += strlen(text + at) + 1) {
        if (strcmp(text + at, wanted.text) == 0) {
            return true;
        }
    }
    return false;
}

/* The session of a living process (proc(5), stat: the fields behind the last parenthesis); 0 for
 * the dead. */
static pid_t session_of(pid_t pid)
{
    SG_BUFFER stat;
    char state = 'Z';
    int parent, group, session = 0;
    if (!read_proc(pid, "stat", &stat)) {
        return 0;
    }
    const char *rest = strrchr((const char *)stat.data, ')');
    if (rest == NULL ||
        sscanf(rest + 1, " %c %d %d %d", &state, &parent, &group, &session) != 4 || /* NOLINT */
        state == 'Z' || state == 'X') {
        return 0;
    }
    return session;
}

/* ---- which process ---- */

static pid_t pid_from_file(const struct sg_instance *instance)
{
    SG_BUFFER text;
    int64_t number = 0;
    struct sg_error ignored = SG_ERROR_INIT; /* no file: ask the socket */
    sg_buffer_init(&text, 32);
    if (sg_file_read(sg_instance_path(instance, "signetd.pid").text, "file", &text, &ignored) !=
            SG_OK ||
        text.len < 2) {
        return 0;
    }
    text.data[strcspn((const char *)text.data, "\n")] = '\0';
    bool good =
        sg_value_integer((const char *)text.data, &number) && number > 1 && number <= INT32_MAX;
    return good ? (pid_t)number : 0;
}

static int connect_to(const struct sg_instance *instance, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s",
             sg_instance_path(instance, name).text);
    SG_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 ||
        (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 && errno != EAGAIN)) {
        return -1;
    }
    return sg_fd_steal(&fd);
}

/* Whoever called listen() on the socket: the master. */
static pid_t pid_from_socket(const struct sg_instance *instance)
{
    SG_FD int fd = connect_to(instance, "run/signet.sock");
    struct ucred peer = {.pid = 0};
    socklen_t len = sizeof peer;
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        return 0;
    }
    return peer.pid;
}

bool sg_instance_is_running(const struct sg_instance *instance, int *master)
{
    pid_t pid = pid_from_socket(instance);
    *master = pid > 0 ? pidfd_open(pid, 0) : -1;
    bool is_dead = pid > 0 && *master < 0 && errno == ESRCH;
    return !is_dead && sg_instance_answers(instance) && !sg_instance_has_ended(*master);
}

bool sg_instance_has_ended(int master)
{
    struct pollfd fd = {master, POLLIN, 0};
    return master >= 0 && poll(&fd, 1, 0) > 0;
}

pid_t sg_instance_pid(const struct sg_instance *instance)
{
    pid_t pid = pid_from_file(instance);
    if (pid > 0 && runs_instance(instance, pid)) {
        return pid;
    }
    pid = pid_from_socket(instance);
    return pid > 0 && runs_instance(instance, pid) ? pid : 0;
}

/* ---- stopping ---- */

static bool ended_within(int process, int timeout_ms)
{
    int64_t end_ms = sg_monotonic_ms(sg_clock_system()) + timeout_ms;
    for (;;) {
        int64_t left_ms = end_ms - sg_monotonic_ms(sg_clock_system());
        struct pollfd fd = {process, POLLIN, 0};
        int ready = poll(&fd, 1, left_ms > 0 ? (int)left_ms : 0);
        if (ready >= 0 || errno != EINTR) {
            return ready > 0;
        }
    }
}

static sg_status stop_master(const struct sg_instance *instance, pid_t pid, struct sg_error *err)
{
    SG_FD int process = pidfd_open(pid, 0);
    /* Looked at once more now that the number cannot come to mean another process. */
    if (process < 0 || !runs_instance(instance, pid)) {
        return SG_OK;
    }
    if (pidfd_send_signal(process, SIGTERM, NULL, 0) != 0 && errno != ESRCH) {
        sg_fail_errno(err, errno == EPERM ? SG_E_DENIED : SG_E_INTERNAL, "cannot_stop",
                      "cannot stop the instance in %s", instance->dir);
        return sg_object(err, "%s", instance->dir);
    }
    if (!ended_within(process, SG_DEV_STOP_MS)) {
        (void)pidfd_send_signal(process, SIGKILL, NULL, 0);
        if (!ended_within(process, REST_MS)) {
            sg_fail(err, SG_E_SERVICE, "cannot_stop",
                    "process %d of %s does not end, not even by SIGKILL", (int)pid, instance->dir);
            return sg_object(err, "%s", instance->dir);
        }
    }
    (void)waitpid(pid, NULL, WNOHANG); /* when it is our own child */
    return SG_OK;
}

static void kill_member(pid_t pid, pid_t session)
{
    SG_FD int process = pidfd_open(pid, 0);
    if (process >= 0 && session_of(pid) == session) {
        (void)pidfd_send_signal(process, SIGKILL, NULL, 0);
    }
}

/* Living processes of the master's session (it began one of its own), killed on demand. sure: the
 * session is known to be the instance's; otherwise each process must show that it is. */
static size_t session_members(const struct sg_instance *instance, pid_t session, bool sure,
                              bool end_them)
{
    size_t count = 0;
    SG_CLEANUP(dir_closep) DIR *proc = opendir("/proc");
    for (struct dirent *entry = proc != NULL ? readdir(proc) : NULL; entry != NULL;
         entry = readdir(proc)) {
        int64_t number = 0;
        if (!sg_value_integer(entry->d_name, &number) || number <= 1 || number > INT32_MAX) {
            continue;
        }
        pid_t pid = (pid_t)number;
        if (session_of(pid) != session || (!sure && !runs_instance(instance, pid))) {
            continue;
        }
        count++;
        if (end_them) {
            kill_member(pid, session);
        }
    }
    return count;
}

/* The master's children end with it; what does not is ended. */
static bool stop_rest(const struct sg_instance *instance, pid_t session, bool sure)
{
    for (int waited_ms = 0; waited_ms < 2 * REST_MS; waited_ms += STEP_MS) {
        if (session_members(instance, session, sure, waited_ms >= REST_MS) == 0) {
            return true;
        }
        (void)poll(NULL, 0, STEP_MS);
    }
    return false;
}

/* The socket, of the two, that somebody listens on; NULL for none. */
static const char *still_listening(const struct sg_instance *instance)
{
    static const char *const names[] = {"run/signet.sock", "run/pkcs11.sock"};
    for (size_t i = 0; i < SG_COUNT(names); i++) {
        SG_FD int fd = connect_to(instance, names[i]);
        if (fd >= 0) {
            return names[i];
        }
    }
    return NULL;
}

/* What is about to end has lost its arguments, by which it is known, before it closes its
 * sockets: a while. */
static sg_status check_refuses(const struct sg_instance *instance, struct sg_error *err)
{
    const char *name = still_listening(instance);
    for (int waited_ms = 0; name != NULL && waited_ms < REST_MS; waited_ms += STEP_MS) {
        (void)poll(NULL, 0, STEP_MS);
        name = still_listening(instance);
    }
    if (name == NULL) {
        return SG_OK;
    }
    sg_fail(err, SG_E_SERVICE, "cannot_stop", "somebody still listens on %s",
            sg_instance_path(instance, name).text);
    return sg_hint(err, "It is no process that signet dev up started; see ss -xlp.");
}

sg_status sg_instance_stop(const struct sg_instance *instance, bool *was, struct sg_error *err)
{
    pid_t master = sg_instance_pid(instance);
    pid_t session = master > 0 ? master : pid_from_file(instance);
    session = session > 0 ? session : pid_from_socket(instance); /* of a dead one too */
    bool rest = session > 0 && session_members(instance, session, master > 0, false) > 0;
    if (master > 0) {
        sg_status s = stop_master(instance, master, err);
        if (s != SG_OK) {
            return s;
        }
    }
    if (session > 0 && !stop_rest(instance, session, master > 0)) {
        return sg_fail(err, SG_E_SERVICE, "cannot_stop", "processes of %s do not end",
                       instance->dir);
    }
    sg_status s = check_refuses(instance, err);
    if (s != SG_OK) {
        return s;
    }
    (void)unlink(sg_instance_path(instance, "signetd.pid").text);
    *was = master > 0 || rest;
    return SG_OK;
}
