/* The token of an instance is initialised in a process of its own: a vendor's module must not stay
 * in this one. */
#include "dev_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/token/process.h>

#define INITIALISE_MS 60000

static sg_status initialise_here(const struct sg_instance *instance, struct sg_error *err)
{
    char module[PATH_MAX], environment[SG_INSTANCE_PATH + 32];
    struct sg_instance_path pin = sg_instance_path(instance, "pin");
    struct sg_instance_path token = sg_instance_path(instance, "token");
    snprintf(environment, sizeof environment, "SOFTHSM2_CONF=%s",
             sg_instance_path(instance, "softhsm2.conf").text);
    const char *const variables[] = {environment, NULL};
    sg_status s = sg_dev_find_softhsm(module, sizeof module, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_token_settings settings = {.name = "softhsm",
                                         .module = module,
                                         .label = "signet",
                                         .pin_file = pin.text,
                                         .storage = token.text,
                                         .environment = variables};
    return sg_token_initialise(&settings, err);
}

/* The error is a plain value: the child writes it as it is, the same program reads it. */
_Noreturn static void initialise_child(const struct sg_instance *instance, int result)
{
    struct sg_error err = SG_ERROR_INIT, ignored = SG_ERROR_INIT;
    sg_status s = initialise_here(instance, &err);
    err.status = s;
    err.file = NULL; /* a pointer means nothing over there */
    _exit(sg_fd_write_all(result, &err, sizeof err, &ignored) == SG_OK ? 0 : 1);
}

static sg_status read_result(int result, pid_t child, struct sg_error *err)
{
    struct pollfd fd = {result, POLLIN, 0};
    struct sg_error told = SG_ERROR_INIT;
    int ready = poll(&fd, 1, INITIALISE_MS);
    ssize_t got = ready == 1 ? read(result, &told, sizeof told) : 0;
    if (ready == 0) {
        (void)kill(child, SIGKILL);
    }
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    if (got != (ssize_t)sizeof told) {
        return sg_fail(err, SG_E_TOKEN, "token_not_initialised",
                       ready == 0 ? "SoftHSM did not initialise a token in time"
                                  : "SoftHSM crashed while a token was initialised");
    }
    *err = told;
    err->file = __FILE__;
    return told.status;
}

sg_status sg_dev_initialise_token(const struct sg_instance *instance, struct sg_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot make a pipe");
    }
    SG_FD int in = ends[0];
    SG_FD int out = ends[1];
    pid_t child = fork();
    if (child < 0) {
        return sg_fail_errno(err, SG_E_NO_MEMORY, NULL, "cannot start a process");
    }
    if (child == 0) {
        initialise_child(instance, out);
    }
    close(sg_fd_steal(&out));
    return read_result(in, child, err);
}
