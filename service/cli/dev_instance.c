#include "dev_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/base/secret.h>
#include <signet/cli/arguments.h>

#define MARK "# Made by signet dev up: a throw-away instance.\n"
#define CONFIG_MAX 65536
#define PIN_LEN 24
#define LOCK_POLL_MS 50

static void dir_closep(DIR **dir)
{
    if (*dir != NULL) {
        closedir(*dir);
    }
}

void sg_instance_done(struct sg_instance *instance)
{
    sg_fd_closep(&instance->lock);
    instance->lock = -1;
}

struct sg_instance_path sg_instance_path(const struct sg_instance *instance, const char *name)
{
    struct sg_instance_path path;
    snprintf(path.text, sizeof path.text, "%s/%s", instance->dir, name);
    return path;
}

static bool exists(const struct sg_instance *instance, const char *name)
{
    struct stat info;
    return lstat(sg_instance_path(instance, name).text, &info) == 0;
}

/* ---- which directory ---- */

/* A configuration line can hold neither a line break nor a quotation mark; SoftHSM's takes '#' for
 * a comment anywhere, and a second '=' for a line that is none. */
static bool fits_configuration(const char *dir)
{
    for (const char *c = dir; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '"' || *c == '#' || *c == '=') {
            return false;
        }
    }
    size_t len = strlen(dir);
    return len > 0 && dir[len - 1] != ' ';
}

static sg_status resolve(const char *dir, struct sg_instance *out, struct sg_error *err)
{
    char path[PATH_MAX];
    if (realpath(dir, path) == NULL) {
        sg_fail_errno(err, errno == ENOENT ? SG_E_NOT_FOUND : SG_E_STORAGE, "no_instance",
                      "cannot use %s", sg_excerpt(dir).text);
        return sg_object(err, "%s", sg_excerpt(dir).text);
    }
    if (strlen(path) >= sizeof out->dir) {
        sg_fail(err, SG_E_INPUT, "bad_directory",
                "%s has %zu bytes: for its sockets the whole name of DIR may have at most %zu",
                sg_excerpt(path).text, strlen(path), sizeof out->dir - 1);
        return sg_hint(
            err,
            "Take a shorter directory, such as one in /tmp (Unix socket names end at 107 bytes).");
    }
    if (!fits_configuration(path)) {
        sg_fail(err, SG_E_INPUT, "bad_directory",
                "%s has a character in it that a configuration file cannot hold",
                sg_excerpt(path).text);
        return sg_hint(
            err,
            "Take a directory without quotation marks, '#', '=', line breaks and blanks at the end.");
    }
    memcpy(out->dir, path, strlen(path) + 1);
    return SG_OK;
}

/* ---- what is in it ---- */

enum content { CONTENT_EMPTY, CONTENT_PARTIAL, CONTENT_COMPLETE, CONTENT_FOREIGN };

/* Ours are the names below, and what sg_file_replace leaves when it is killed (formerly
 * "pin.123.tmp"). */
static bool is_our_name(const char *name)
{
    static const char *const names[] = {"lock",          "pin",        "pin.so", "token",
                                        "softhsm2.conf", "state",      "run",    "signetd.log",
                                        "signetd.pid",   "signet.conf"};
    for (size_t i = 0; i < SG_COUNT(names); i++) {
        size_t len = strlen(names[i]);
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
        const char *rest = name + len;
        if (strncmp(name, names[i], len) == 0 && *rest == '.' &&
            strcmp(rest + 1 + strspn(rest + 1, "0123456789"), ".tmp") == 0) {
            return true;
        }
    }
    return sg_file_is_remains(name);
}

static sg_status look_inside(const struct sg_instance *instance, bool *any, bool *foreign,
                             struct sg_error *err)
{
    SG_CLEANUP(dir_closep) DIR *dir = opendir(instance->dir);
    if (dir == NULL) {
        sg_fail_errno(err, errno == ENOTDIR ? SG_E_CONFLICT : SG_E_STORAGE, "not_an_instance",
                      "cannot use %s", instance->dir);
        return sg_object(err, "%s", instance->dir);
    }
    *any = *foreign = false;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        *any = true;
        *foreign = *foreign || !is_our_name(entry->d_name);
    }
    return SG_OK;
}

/* The configuration is written last: where it stands, and bears our mark, everything does. */
static bool has_marked_configuration(const struct sg_instance *instance)
{
    SG_BUFFER text;
    struct sg_error ignored = SG_ERROR_INIT; /* unreadable is not ours */
    sg_buffer_init(&text, CONFIG_MAX);
    return sg_file_read(sg_instance_path(instance, "signet.conf").text, "configuration", &text,
                        &ignored) == SG_OK &&
           text.len >= strlen(MARK) && memcmp(text.data, MARK, strlen(MARK)) == 0;
}

static sg_status classify(const struct sg_instance *instance, enum content *out,
                          struct sg_error *err)
{
    bool any = false, foreign = true;
    sg_status s = look_inside(instance, &any, &foreign, err);
    if (s != SG_OK) {
        return s;
    }
    if (has_marked_configuration(instance)) {
        *out = CONTENT_COMPLETE; /* whatever else somebody has put beside it */
    } else if (foreign || exists(instance, "signet.conf")) {
        *out = CONTENT_FOREIGN;
    } else {
        *out = any ? CONTENT_PARTIAL : CONTENT_EMPTY;
    }
    return SG_OK;
}

sg_status sg_instance_find(const char *dir, struct sg_instance *out, struct sg_error *err)
{
    enum content content = CONTENT_FOREIGN;
    sg_status s = resolve(dir, out, err);
    if (s == SG_OK) {
        s = classify(out, &content, err);
    }
    if (s != SG_OK) {
        return s;
    }
    if (content != CONTENT_COMPLETE && !(content == CONTENT_PARTIAL && exists(out, "lock"))) {
        sg_fail(err, SG_E_NOT_FOUND, "no_instance", "there is no instance in %s", out->dir);
        sg_object(err, "%s", out->dir);
        return sg_hint(err, "signet dev up %s makes one.", out->dir);
    }
    return SG_OK;
}

/* Files of another user's directory could be changed under us while we write secrets there. */
static sg_status check_owner(const struct sg_instance *instance, struct sg_error *err)
{
    struct stat info;
    if (stat(instance->dir, &info) != 0) {
        return sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot use %s", instance->dir);
    }
    if (info.st_uid != geteuid()) {
        sg_fail(err, SG_E_CONFLICT, "not_an_instance", "%s belongs to Unix user %u, you are %u",
                instance->dir, (unsigned)info.st_uid, (unsigned)geteuid());
        return sg_hint(err, "Take a directory of your own.");
    }
    return SG_OK;
}

static sg_status refuse_foreign(const struct sg_instance *instance, struct sg_error *err)
{
    sg_fail(err, SG_E_CONFLICT, "not_an_instance", "%s is not empty, and holds no instance",
            instance->dir);
    sg_object(err, "%s", instance->dir);
    return sg_hint(err, "Name a directory that is empty or does not exist.");
}

sg_status sg_instance_prepare(const char *dir, struct sg_instance *out, struct sg_error *err)
{
    bool made = mkdir(dir, 0711) == 0;
    enum content content = CONTENT_FOREIGN;
    if (!made && errno != EEXIST) {
        sg_fail_errno(err, errno == ENOENT ? SG_E_NOT_FOUND : SG_E_STORAGE, "cannot_write",
                      "cannot create %s", sg_excerpt(dir).text);
        return sg_object(err, "%s", sg_excerpt(dir).text);
    }
    sg_status s = resolve(dir, out, err);
    if (s != SG_OK) {
        if (made) {
            (void)rmdir(dir);
        }
        return s;
    }
    s = classify(out, &content, err);
    if (s == SG_OK && content == CONTENT_FOREIGN) {
        return refuse_foreign(out, err);
    }
    return s == SG_OK ? check_owner(out, err) : s;
}

sg_status sg_instance_lock(struct sg_instance *instance, struct sg_error *err)
{
    SG_FD int fd = open(sg_instance_path(instance, "lock").text,
                        O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot open the lock file in %s",
                             instance->dir);
    }
    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += LOCK_POLL_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return sg_fail_errno(err, SG_E_STORAGE, NULL, "cannot lock %s", instance->dir);
        }
        if (waited_ms >= SG_DEV_LOCK_MS) {
            sg_fail(err, SG_E_CONFLICT, "instance_busy",
                    "another signet dev command has been at work in %s for %d seconds",
                    instance->dir, SG_DEV_LOCK_MS / 1000);
            return sg_object(err, "%s", instance->dir);
        }
        (void)poll(NULL, 0, LOCK_POLL_MS);
    }
    instance->lock = sg_fd_steal(&fd);
    return SG_OK;
}

/* ---- making it ---- */

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)ftw;
    return type == FTW_DP ? rmdir(path) : unlink(path);
}

static sg_status remove_token(const struct sg_instance *instance, struct sg_error *err)
{
    struct sg_instance_path token = sg_instance_path(instance, "token");
    if (nftw(token.text, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot remove the half-made %s",
                             token.text);
    }
    return SG_OK;
}

static sg_status make_directory(const struct sg_instance *instance, const char *name, mode_t mode,
                                struct sg_error *err)
{
    struct sg_instance_path path = sg_instance_path(instance, name);
    if ((mkdir(path.text, mode) != 0 && errno != EEXIST) || chmod(path.text, mode) != 0) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot create %s", path.text);
    }
    return SG_OK;
}

static sg_status make_directories(const struct sg_instance *instance, struct sg_error *err)
{
    struct stat info;
    /* Other Unix users (nginx's workers) must come to the sockets; nobody else may write. */
    if (stat(instance->dir, &info) != 0 ||
        chmod(instance->dir, ((info.st_mode & 07777) | 0111) & ~(mode_t)022) != 0) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot change the mode of %s",
                             instance->dir);
    }
    sg_status s = make_directory(instance, "token", 0700, err);
    if (s == SG_OK) {
        s = make_directory(instance, "state", 0700, err);
    }
    return s == SG_OK ? make_directory(instance, "run", 0711, err) : s;
}

static sg_status make_pin(const struct sg_instance *instance, struct sg_error *err)
{
    SG_SECRET struct sg_secret *pin = NULL;
    SG_BUFFER line;
    sg_buffer_init(&line, PIN_LEN + 1);
    sg_status s = sg_secret_random(PIN_LEN, &pin, err);
    if (s == SG_OK) {
        s = sg_buffer_append(&line, sg_secret_data(pin), sg_secret_len(pin), err);
    }
    if (s == SG_OK) {
        s = sg_buffer_append(&line, "\n", 1, err);
    }
    return s == SG_OK ? sg_file_replace(sg_instance_path(instance, "pin").text, line.data, line.len,
                                        0600, err)
                      : s;
}

static sg_status make_softhsm_configuration(const struct sg_instance *instance,
                                            struct sg_error *err)
{
    SG_BUFFER text;
    sg_buffer_init(&text, CONFIG_MAX);
    sg_status s = sg_buffer_format(&text, err,
                                   "directories.tokendir = %s\nobjectstore.backend = file\n"
                                   "log.level = ERROR\n",
                                   sg_instance_path(instance, "token").text);
    return s == SG_OK ? sg_file_replace(sg_instance_path(instance, "softhsm2.conf").text, text.data,
                                        text.len, 0600, err)
                      : s;
}

static sg_status append_path(const struct sg_instance *instance, const char *setting,
                             const char *name, struct sg_buffer *out, struct sg_error *err)
{
    return sg_buffer_format(out, err, "%s = \"%s\"\n", setting,
                            sg_instance_path(instance, name).text);
}

static sg_status append_token_section(const struct sg_instance *instance, struct sg_buffer *out,
                                      struct sg_error *err)
{
    char module[PATH_MAX];
    sg_status s = sg_dev_find_softhsm(module, sizeof module, err);
    if (s == SG_OK) {
        s = sg_buffer_format(out, err, "\n[token softhsm]\nmodule = \"%s\"\nlabel = signet\n",
                             module);
    }
    if (s == SG_OK) {
        s = append_path(instance, "pin_file", "pin", out, err);
    }
    if (s == SG_OK) {
        s = append_path(instance, "storage", "token", out, err);
    }
    return s == SG_OK ? sg_buffer_format(out, err, "environment = \"SOFTHSM2_CONF=%s\"\n",
                                         sg_instance_path(instance, "softhsm2.conf").text)
                      : s;
}

static sg_status make_configuration(const struct sg_instance *instance, struct sg_error *err)
{
    SG_BUFFER text;
    sg_buffer_init(&text, CONFIG_MAX);
    sg_status s = sg_buffer_format(&text, err, "%s", MARK);
    if (s == SG_OK) {
        s = append_path(instance, "socket", "run/signet.sock", &text, err);
    }
    if (s == SG_OK) {
        s = append_path(instance, "rings_socket", "run/pkcs11.sock", &text, err);
    }
    if (s == SG_OK) {
        s = append_path(instance, "state", "state", &text, err);
    }
    if (s == SG_OK) {
        s = sg_buffer_format(&text, err, "administrators = %u\nuser = -\ntoken_user = -\n",
                             (unsigned)geteuid());
    }
    if (s == SG_OK) {
        s = append_token_section(instance, &text, err);
    }
    return s == SG_OK ? sg_file_replace(sg_instance_path(instance, "signet.conf").text, text.data,
                                        text.len, 0600, err)
                      : s;
}

static sg_status make_token(const struct sg_instance *instance, struct sg_error *err)
{
    sg_status s = remove_token(instance, err);
    if (s == SG_OK) {
        s = make_directories(instance, err);
    }
    if (s == SG_OK) {
        s = make_pin(instance, err);
    }
    if (s == SG_OK) {
        s = make_softhsm_configuration(instance, err);
    }
    return s == SG_OK ? sg_dev_initialise_token(instance, err) : s;
}

/* An instance knows its own place: a copy or a moved one would work on the files of another. */
static sg_status check_place(const struct sg_instance *instance, struct sg_error *err)
{
    SG_BUFFER text, expected;
    sg_buffer_init(&text, CONFIG_MAX);
    sg_buffer_init(&expected, CONFIG_MAX);
    sg_status s =
        sg_file_read(sg_instance_path(instance, "signet.conf").text, "configuration", &text, err);
    if (s == SG_OK) {
        s = append_path(instance, "state", "state", &expected, err);
    }
    if (s == SG_OK && strstr((const char *)text.data, (const char *)expected.data) == NULL) {
        sg_fail(err, SG_E_CONFLICT, "instance_moved",
                "the configuration in %s is of an instance in another place", instance->dir);
        sg_object(err, "%s", instance->dir);
        return sg_hint(err,
                       "Move it back, or correct the paths in its signet.conf and softhsm2.conf.");
    }
    return s;
}

sg_status sg_instance_complete(const struct sg_instance *instance, struct sg_error *err)
{
    enum content content = CONTENT_FOREIGN;
    sg_status s = classify(instance, &content, err);
    if (s != SG_OK) {
        return s;
    }
    if (content == CONTENT_FOREIGN) {
        return refuse_foreign(instance, err);
    }
    if (content == CONTENT_COMPLETE) {
        s = make_directory(instance, "run", 0711, err);
        return s == SG_OK ? check_place(instance, err) : s;
    }
    /* A store says that signetd has run here, so that the token may hold keys: it stays, only the
     * configuration is missing. */
    if (!exists(instance, "state/signet.db")) {
        s = make_token(instance, err);
    }
    return s == SG_OK ? make_configuration(instance, err) : s;
}
