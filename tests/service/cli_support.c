#include "cli_support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"

#define PATHS_MAX 512
#define REQUEST_MAX ((size_t)16 * 1024 * 1024)

/* A broken set-up is no failed test: it stops everything, aloud. */
static void need(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

void cli_place_make(struct cli_place *place)
{
    snprintf(place->dir, sizeof place->dir, "/tmp/signet-cli.XXXXXX");
    need(scratch_make(place->dir), "mkdtemp");
    snprintf(place->socket, sizeof place->socket, "%s/socket", place->dir);
}

void cli_place_remove(struct cli_place *place)
{
    scratch_remove(place->dir);
}

/* Kept for ever: a test may hold on to a path while others are made. */
const char *cli_path(const struct cli_place *place, const char *name)
{
    static char paths[PATHS_MAX][256];
    static unsigned used;
    char path[256];
    snprintf(path, sizeof path, "%s/%s", place->dir, name);
    for (unsigned i = 0; i < used; i++) {
        if (strcmp(paths[i], path) == 0) {
            return paths[i];
        }
    }
    need(used < PATHS_MAX, "too many paths");
    memcpy(paths[used], path, sizeof path);
    return paths[used++];
}

void cli_write(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    need(fd >= 0 && write(fd, data, len) == (ssize_t)len, path);
    close(fd);
}

char *cli_read(const char *path, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0) {
        return NULL;
    }
    char *text = calloc(1, (size_t)info.st_size + 1);
    need(text != NULL && read(fd, text, (size_t)info.st_size) == info.st_size, path);
    close(fd);
    if (len != NULL) {
        *len = (size_t)info.st_size;
    }
    return text;
}

/* ---- the command ---- */

static void redirect(const char *path, int flags, int to)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    need(fd >= 0 && dup2(fd, to) == to, path);
}

/* The files that one run reads and writes. */
struct streams {
    char in[128], out[128], err[128];
};

static struct streams name_streams(const struct cli_place *place)
{
    static unsigned runs;
    struct streams streams;
    int pid = (int)getpid();
    snprintf(streams.in, sizeof streams.in, "%s/in.%d.%u", place->dir, pid, runs);
    snprintf(streams.out, sizeof streams.out, "%s/out.%d.%u", place->dir, pid, runs);
    snprintf(streams.err, sizeof streams.err, "%s/err.%d.%u", place->dir, pid, runs);
    runs++;
    return streams;
}

static void become(const struct streams *streams, const char *const *words)
{
    redirect(streams->in, O_RDONLY, STDIN_FILENO);
    redirect(streams->out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
    redirect(streams->err, O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
    char *copy[CLI_WORDS_MAX + 1] = {NULL};
    for (size_t i = 0; words[i] != NULL && i < CLI_WORDS_MAX; i++) {
        copy[i] = strdup(words[i]);
    }
    (void)setsid(); /* no terminal: nothing can ask us */
    (void)execv(copy[0] != NULL ? copy[0] : "", copy);
    _exit(127);
}

void cli_run(const struct cli_place *place, const char *const *words, const char *input,
             struct cli_result *result)
{
    struct streams streams = name_streams(place);
    int status = 0;
    cli_write(streams.in, input != NULL ? input : "", input != NULL ? strlen(input) : 0);
    pid_t child = fork();
    need(child >= 0, "fork");
    if (child == 0) {
        become(&streams, words);
    }
    need(waitpid(child, &status, 0) == child, "waitpid");
    result->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result->out = cli_read(streams.out, &result->out_len);
    result->err = cli_read(streams.err, NULL);
    (void)unlink(streams.in);
    (void)unlink(streams.out);
    (void)unlink(streams.err);
}

void cli_result_done(struct cli_result *result)
{
    free(result->out);
    free(result->err);
    result->out = result->err = NULL;
}

/* ---- the fake service ---- */

/* Reads head and body; the length that the head announces is what follows it. */
static size_t read_request(int client, char *request)
{
    size_t len = 0, wanted = REQUEST_MAX;
    while (len < wanted && len < REQUEST_MAX) {
        ssize_t got = recv(client, request + len, REQUEST_MAX - len, 0);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
        request[len] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        if (end != NULL && wanted == REQUEST_MAX) {
            const char *length = strcasestr(request, "Content-Length:");
            wanted = (size_t)(end - request) + 4;
            wanted += length != NULL && length < end ? strtoul(length + 15, NULL, 10) : 0;
        }
    }
    return len;
}

static void serve(int listener, const char *kept, const char *answer)
{
    char *request = malloc(REQUEST_MAX + 1);
    need(request != NULL, "malloc");
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0) {
            continue;
        }
        size_t len = read_request(client, request);
        cli_write(kept, request, len);
        size_t sent = 0, all = strlen(answer);
        while (sent < all) {
            ssize_t put = send(client, answer + sent, all - sent, MSG_NOSIGNAL);
            if (put <= 0) {
                break;
            }
            sent += (size_t)put;
        }
        close(client);
    }
}

void cli_fake_start(const struct cli_place *place, const char *answer, struct cli_fake *fake)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", place->socket);
    (void)unlink(place->socket);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(listener >= 0 && bind(listener, (const struct sockaddr *)&address, sizeof address) == 0 &&
             listen(listener, 8) == 0,
         place->socket);
    fake->pid = fork();
    need(fake->pid >= 0, "fork");
    if (fake->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed assertion leaves nothing running */
        serve(listener, cli_path(place, "request"), answer);
        _exit(0);
    }
    close(listener);
}

void cli_fake_stop(struct cli_fake *fake)
{
    if (fake->pid > 0) {
        (void)kill(fake->pid, SIGKILL);
        (void)waitpid(fake->pid, NULL, 0);
    }
    fake->pid = 0;
}
