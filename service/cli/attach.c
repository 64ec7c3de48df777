#include <signet/cli/attach.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/cli/client.h>
#include <signet/rings/link.h>

#define CHUNK 65536

struct line {
    int socket;
    atomic_bool ended; /* standard input has */
};

/* ---- carrying ---- */

static ssize_t read_some(int fd, void *data)
{
    ssize_t got;
    do {
        got = read(fd, data, CHUNK);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* One direction, until either end is over. False when it was the one that is written to: err says
 * why. *any: at least a byte came. */
static bool carry(int from, int to, bool *any, struct sg_error *err)
{
    unsigned char data[CHUNK];
    for (;;) {
        ssize_t got = read_some(from, data);
        if (got <= 0) {
            return true; /* end of file, or a reset: the other end left bytes unread */
        }
        *any = true;
        if (sg_fd_write_all(to, data, (size_t)got, err) != SG_OK) {
            return false;
        }
    }
}

/* The other end learns of the end of file; what it still answers is carried back. */
static void *carry_in(void *context)
{
    struct line *line = context;
    bool any = false;
    struct sg_error ignored = SG_ERROR_INIT; /* who reads the socket says that it is closed */
    if (carry(STDIN_FILENO, line->socket, &any, &ignored)) {
        atomic_store(&line->ended, true);
    }
    (void)shutdown(line->socket, SHUT_WR);
    return NULL;
}

static sg_status closed(bool any, struct sg_error *err)
{
    if (!any) {
        sg_fail(err, SG_E_SERVICE, "attach_refused",
                "the service closed the connection before it said anything");
        return sg_hint(err,
                       "It speaks p11-kit's protocol only, and lets in so many connections of a "
                       "user: connections_per_user_max; the log of signetd says which it was.");
    }
    sg_fail(err, SG_E_SERVICE, "service_gone", "the service ended the connection");
    return sg_hint(err, "The program must be started again, or load its module again; the log of "
                        "signetd says why.");
}

/* A reader that has gone has ended its work, and that is no failure of ours. */
static sg_status not_written(struct sg_error *err)
{
    if (err->sys_errno == EPIPE || err->sys_errno == ECONNRESET) {
        sg_error_clear(err);
        return SG_OK;
    }
    sg_error_prefix(err, "standard output");
    return sg_hint(err, "What the ring answers goes to standard output: connect it to the program "
                        "that asks.");
}

/* The thread ends with the process: nothing wakes it from standard input. What it uses stays until
 * then, the socket too: a descriptor that was closed would have its number given to another file,
 * and that file the program's bytes. */
static sg_status converse(struct line *line, struct sg_error *err)
{
    pthread_t thread;
    bool any = false;
    int failed = pthread_create(&thread, NULL, carry_in, line);
    if (failed != 0) {
        errno = failed;
        return sg_fail_errno(err, SG_E_NO_MEMORY, "no_memory", "cannot start a thread");
    }
    (void)pthread_detach(thread);
    if (!carry(line->socket, STDOUT_FILENO, &any, err)) {
        return not_written(err);
    }
    return !atomic_load(&line->ended) ? closed(any, err) : SG_OK;
}

/* ---- where, and which ring ---- */

static sg_status ask(const struct sg_invocation *invocation, const char *noun, const char *verb,
                     const char *ring, json_t **answer, struct sg_error *err)
{
    json_t *params = ring != NULL ? json_pack("{s:s}", "ring", ring) : json_object();
    if (params == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s = sg_client_call(sg_client_socket(invocation->socket),
                                 sg_operation_find(noun, verb), params, false, 0, answer, err);
    json_decref(params);
    return s;
}

static sg_status find_ring(const struct sg_invocation *invocation, uint32_t *out,
                           struct sg_error *err)
{
    const char *ring = json_string_value(json_object_get(invocation->params, "ring"));
    json_t *answer = NULL;
    if (ring == NULL) {
        return SG_OK;
    }
    sg_status s = ask(invocation, "ring", "show", ring, &answer, err);
    json_int_t slot = json_integer_value(json_object_get(answer, "slot"));
    json_decref(answer);
    if (s == SG_OK && (slot <= 0 || slot > (json_int_t)UINT32_MAX)) {
        sg_fail(err, SG_E_UNSUPPORTED, "no_slot", "%s is no ring that programs can attach to",
                ring);
        return sg_hint(err, "A virtual ring has no slot: name a ring of signet ring list.");
    }
    *out = (uint32_t)slot;
    return s;
}

static sg_status find_socket(const struct sg_invocation *invocation, struct sockaddr_un *out,
                             struct sg_error *err)
{
    json_t *answer = NULL;
    const char *path = sg_invocation_local(invocation, "rings_socket");
    sg_status s = path == NULL ? ask(invocation, "status", "", NULL, &answer, err) : SG_OK;
    path = path == NULL ? json_string_value(json_object_get(answer, "rings_socket")) : path;
    if (s == SG_OK && (path == NULL || strlen(path) >= sizeof out->sun_path)) {
        s = sg_fail(err, SG_E_USAGE, "bad_value", "the path of the rings' socket is too long");
    }
    if (s == SG_OK) {
        *out = (struct sockaddr_un){.sun_family = AF_UNIX};
        snprintf(out->sun_path, sizeof out->sun_path, "%s", path);
    }
    json_decref(answer);
    return s;
}

static sg_status reach(const struct sockaddr_un *address, int *out, struct sg_error *err)
{
    SG_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
        sg_fail_errno(err, SG_E_SERVICE, "service_unreachable", "cannot reach the rings at %s",
                      address->sun_path);
        sg_object(err, "%s", address->sun_path);
        return sg_hint(err, "signet status says whether the service runs and where its rings are; "
                            "--rings-socket names another place.");
    }
    *out = sg_fd_steal(&fd);
    return SG_OK;
}

/* Before the first byte of the program's: everything that follows sees this ring alone. */
static sg_status ask_for_ring(int socket, uint32_t ring, struct sg_error *err)
{
    struct sg_rings_preamble preamble = {.ring = ring};
    memcpy(preamble.magic, SG_RINGS_PREAMBLE, sizeof preamble.magic);
    return ring != 0 ? sg_fd_write_all(socket, &preamble, sizeof preamble, err) : SG_OK;
}

/* Before anything is opened: it would take the free number, and be taken for the program. */
static sg_status check_streams(struct sg_error *err)
{
    static const char *const names[] = {"standard input", "standard output"};
    for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0) {
            sg_fail(err, SG_E_USAGE, "no_stream", "%s is closed", names[fd]);
            return sg_hint(err, "attach carries bytes between standard input and output: start it "
                                "from the program that asks, as in \"remote: |signet attach …\".");
        }
    }
    return SG_OK;
}

/* Errors of a stream of bytes cannot stand on standard output. */
static sg_status refuse_json(const struct sg_invocation *invocation, struct sg_error *err)
{
    if (!invocation->json || invocation->dry_run) {
        return SG_OK;
    }
    sg_fail(err, SG_E_USAGE, "bad_usage", "attach carries bytes and has no answer in JSON");
    return sg_hint(err, "Leave --json out.");
}

sg_status sg_attach_run(const struct sg_invocation *invocation, json_t **answer,
                        struct sg_error *err)
{
    static struct line line = {.socket = -1};
    struct sockaddr_un address;
    SG_FD int socket = -1;
    uint32_t ring = 0;
    sg_status s = refuse_json(invocation, err);
    s = s == SG_OK && !invocation->dry_run ? check_streams(err) : s;
    s = s == SG_OK ? find_ring(invocation, &ring, err) : s;
    s = s == SG_OK ? find_socket(invocation, &address, err) : s;
    if (s == SG_OK && invocation->dry_run) {
        *answer = json_pack("{s:b, s:[]}", "dry_run", 1, "effects");
        return *answer != NULL ? SG_OK : sg_fail_memory(err);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    s = s == SG_OK ? reach(&address, &socket, err) : s;
    s = s == SG_OK ? ask_for_ring(socket, ring, err) : s;
    line.socket = sg_fd_steal(&socket);
    return s == SG_OK ? converse(&line, err) : s;
}
