#include <signet/cli/password.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include <signet/base/file.h>

/* A terminal that does not show what is typed. Signals wait meanwhile, so that none leaves it like
 * that. */
struct silence {
    int tty, signals;
    struct termios before;
    sigset_t mask_before;
    bool active;
};

static void silence_end(struct silence *silence)
{
    if (silence->active) {
        (void)tcsetattr(silence->tty, TCSAFLUSH, &silence->before);
        (void)sigprocmask(SIG_SETMASK, &silence->mask_before,
                          NULL); /* a pending signal acts here */
    }
    sg_fd_closep(&silence->signals);
    sg_fd_closep(&silence->tty);
}

static sg_status silence_begin(struct silence *silence, struct sg_error *err)
{
    silence->tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (silence->tty < 0 || tcgetattr(silence->tty, &silence->before) != 0) {
        sg_fail(err, SG_E_USAGE, "password_needed",
                "a password is needed, and there is no terminal to ask for it");
        return sg_hint(
            err, "Put it into a file that only you can read, and name it with --password-file.");
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGQUIT);
    sigaddset(&signals, SIGTSTP);
    struct termios quiet = silence->before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    if (sigprocmask(SIG_BLOCK, &signals, &silence->mask_before) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot hold signals back");
    }
    silence->active = true;
    silence->signals = signalfd(-1, &signals, SFD_CLOEXEC);
    if (silence->signals < 0 || tcsetattr(silence->tty, TCSAFLUSH, &quiet) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot silence the terminal");
    }
    return SG_OK;
}

/* Poll, do not read, the signal: it stays pending and acts once the terminal is as it was. */
static sg_status wait_for_line(const struct silence *silence, struct sg_error *err)
{
    struct pollfd fds[2] = {{silence->tty, POLLIN, 0}, {silence->signals, POLLIN, 0}};
    while (poll(fds, 2, -1) < 0) {
        if (errno != EINTR) {
            return sg_fail_errno(err, SG_E_INTERNAL, NULL, "cannot wait for the terminal");
        }
    }
    if (fds[1].revents != 0) {
        return sg_fail(err, SG_E_USAGE, "cancelled", "cancelled while a password was asked for");
    }
    return SG_OK;
}

static sg_status read_line(const struct silence *silence, struct sg_secret *secret,
                           struct sg_error *err)
{
    char line[SG_SECRET_MAX + 1];
    ssize_t len = read(silence->tty, line, sizeof line);
    if (len > 0 && line[len - 1] == '\n') {
        len--;
    }
    sg_status s;
    if (len <= 0) {
        s = sg_fail(err, SG_E_INPUT, "empty_password", "the password is empty");
    } else {
        s = sg_secret_set(secret, line, (size_t)len, err);
    }
    explicit_bzero(line, sizeof line);
    return s;
}

static sg_status ask(bool again, const char *what, struct sg_secret **out, struct sg_error *err)
{
    SG_SECRET struct sg_secret *secret = NULL;
    SG_CLEANUP(silence_end) struct silence silence = {.tty = -1, .signals = -1};
    sg_status s = sg_secret_new(&secret, err);
    if (s == SG_OK) {
        s = silence_begin(&silence, err);
    }
    if (s != SG_OK) {
        return s;
    }
    if (again) {
        (void)dprintf(silence.tty, "The same password again: ");
    } else {
        (void)dprintf(silence.tty, "Password for %s: ", what);
    }
    s = wait_for_line(&silence, err);
    if (s == SG_OK) {
        s = read_line(&silence, secret, err);
    }
    (void)dprintf(silence.tty, "\n");
    if (s == SG_OK) {
        *out = SG_STEAL(secret);
    }
    return s;
}

static bool same(struct sg_secret *a, struct sg_secret *b)
{
    return sg_secret_len(a) == sg_secret_len(b) &&
           CRYPTO_memcmp(sg_secret_data(a), sg_secret_data(b), sg_secret_len(a)) == 0;
}

/* The password of a truststore keeps nothing secret, only its integrity, and is "changeit" as often
 * as not: its file may be anybody's to read. */
static sg_status read_file(const char *path, struct sg_secret **out, struct sg_error *err)
{
    SG_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        sg_fail_errno(err, errno == ENOENT ? SG_E_NOT_FOUND : SG_E_STORAGE, "cannot_read",
                      "cannot open the password file %s", path);
        return sg_object(err, "%s", path);
    }
    return sg_secret_read_fd(fd, "password file", out, err);
}

static sg_status ask_twice(const char *what, struct sg_secret **out, struct sg_error *err)
{
    SG_SECRET struct sg_secret *first = NULL;
    SG_SECRET struct sg_secret *second = NULL;
    sg_status s = ask(false, what, &first, err);
    if (s == SG_OK) {
        s = ask(true, what, &second, err);
    }
    if (s == SG_OK && !same(first, second)) {
        s = sg_fail(err, SG_E_INPUT, "passwords_differ", "the two passwords differ");
    }
    if (s == SG_OK) {
        *out = SG_STEAL(first);
    }
    return s;
}

static sg_status read_stdin(struct sg_secret **out, struct sg_error *err)
{
    return sg_secret_read_fd(STDIN_FILENO, "password on standard input", out, err);
}

sg_status sg_password_get(const char *file, const char *what, struct sg_secret **out,
                          struct sg_error *err)
{
    if (file == NULL) {
        return ask_twice(what, out, err);
    }
    return strcmp(file, "-") == 0 ? read_stdin(out, err) : read_file(file, out, err);
}

sg_status sg_password_get_strict(const char *file, const char *what, bool twice,
                                 struct sg_secret **out, struct sg_error *err)
{
    if (file == NULL) {
        return twice ? ask_twice(what, out, err) : ask(false, what, out, err);
    }
    return strcmp(file, "-") == 0 ? read_stdin(out, err)
                                  : sg_secret_read_file(file, "password file", out, err);
}
