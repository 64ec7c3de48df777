#include <signet/base/file.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

void sg_fd_closep(const int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
    }
}

int sg_fd_steal(int *fd)
{
    int number = *fd;
    *fd = -1;
    return number;
}

sg_status sg_fd_read_all(int fd, const char *what, struct sg_buffer *out, struct sg_error *err)
{
    for (;;) {
        unsigned char block[16384];
        ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return sg_fail_errno(err, SG_E_STORAGE, "cannot_read", "cannot read %s", what);
        }
        if (got == 0) {
            return SG_OK;
        }
        sg_status s = sg_buffer_append(out, block, (size_t)got, err);
        explicit_bzero(block, sizeof block);
        if (s != SG_OK) {
            sg_error_prefix(err, "%s is too large", what);
            return s;
        }
    }
}

sg_status sg_file_read(const char *path, const char *what, struct sg_buffer *out,
                       struct sg_error *err)
{
    if (strcmp(path, "-") == 0) {
        return sg_fd_read_all(STDIN_FILENO, "standard input", out, err);
    }
    SG_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        sg_status s = errno == ENOENT ? SG_E_NOT_FOUND : SG_E_STORAGE;
        sg_fail_errno(err, s, "cannot_read", "cannot open %s %s", what, path);
        return sg_object(err, "%s", path);
    }
    sg_status s = sg_fd_read_all(fd, path, out, err);
    return s == SG_OK ? s : sg_object(err, "%s", path);
}

sg_status sg_fd_write_all(int fd, const void *data, size_t len, struct sg_error *err)
{
    const unsigned char *next = data;
    while (len > 0) {
        ssize_t put = write(fd, next, len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot write");
        }
        next += put;
        len -= (size_t)put;
    }
    return SG_OK;
}

static sg_status write_named(int fd, const char *path, const void *data, size_t len,
                             struct sg_error *err)
{
    sg_status s = sg_fd_write_all(fd, data, len, err);
    if (s != SG_OK) {
        sg_error_prefix(err, "%s", path);
    }
    return s;
}

/* A device or a pipe (/dev/stdout, a FIFO) is written, not replaced. */
static bool is_special(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

static sg_status write_special(const char *path, const void *data, size_t len, struct sg_error *err)
{
    SG_FD int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot open %s", path);
    }
    return write_named(fd, path, data, len, err);
}

/* ---- the temporary file ---- */

/* It stands in a directory of its own: what reads every file of a directory (stunnel's "include")
 * finds a file whole, or none. Whoever writes holds a lock on that directory; without one it is the
 * remains of a process that was killed. */
#define SCRATCH_PREFIX ".signet-"
#define SCRATCH_SUFFIX ".tmp"
#define SCRATCH_FILE "new"
#define SCRATCH_HEX "0123456789abcdef"
#define SCRATCH_DIGITS 16
#define SCRATCH_NAME 32
#define SCRATCH_TRIES 100

struct scratch {
    const char *path; /* as it was asked for: messages name it, nobody knows the temporary one */
    const char *base; /* its last part */
    int parent;
    int directory; /* -1: none; locked */
    int file;
    char name[SCRATCH_NAME];
};

bool sg_file_is_remains(const char *name)
{
    const size_t before = strlen(SCRATCH_PREFIX);
    return strncmp(name, SCRATCH_PREFIX, before) == 0 &&
           strspn(name + before, SCRATCH_HEX) == SCRATCH_DIGITS &&
           strcmp(name + before + SCRATCH_DIGITS, SCRATCH_SUFFIX) == 0;
}

static int open_scratch(int parent, const char *name)
{
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void remove_remains(int parent, const char *name)
{
    SG_FD int fd = open_scratch(parent, name);
    struct stat info;
    if (fd >= 0 && fstat(fd, &info) == 0 && info.st_uid == geteuid() &&
        flock(fd, LOCK_EX | LOCK_NB) == 0) {
        (void)unlinkat(fd, SCRATCH_FILE, 0);
        (void)unlinkat(parent, name, AT_REMOVEDIR);
    }
}

static void sweep(int parent)
{
    int copy = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry = NULL;
    if (entries == NULL) {
        sg_fd_closep(&copy);
        return;
    }
    while ((entry = readdir(entries)) != NULL) {
        if (sg_file_is_remains(entry->d_name)) {
            remove_remains(parent, entry->d_name);
        }
    }
    closedir(entries);
}

static void scratch_done(struct scratch *scratch)
{
    if (scratch->directory >= 0) {
        (void)unlinkat(scratch->directory, SCRATCH_FILE, 0);
        (void)unlinkat(scratch->parent, scratch->name, AT_REMOVEDIR);
    }
    sg_fd_closep(&scratch->file);
    sg_fd_closep(&scratch->directory);
    sg_fd_closep(&scratch->parent);
}
#define SCRATCH SG_CLEANUP(scratch_done) struct scratch

static sg_status cannot_create(const struct scratch *scratch, struct sg_error *err)
{
    sg_status s = errno == ENOENT ? SG_E_NOT_FOUND : SG_E_STORAGE;
    return sg_fail_errno(err, s, "cannot_write", "cannot create %s", scratch->path);
}

static bool random_name(char out[SCRATCH_NAME])
{
    unsigned char bytes[SCRATCH_DIGITS / 2];
    char digits[SCRATCH_DIGITS + 1] = "";
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return false;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        digits[2 * i] = SCRATCH_HEX[bytes[i] >> 4];
        digits[2 * i + 1] = SCRATCH_HEX[bytes[i] & 15u];
    }
    snprintf(out, SCRATCH_NAME, SCRATCH_PREFIX "%s" SCRATCH_SUFFIX, digits);
    return true;
}

/* Where a file system has no locks, nothing is ever taken for remains. */
static bool lock_scratch(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

static void give_up_scratch(struct scratch *scratch)
{
    int saved = errno;
    (void)unlinkat(scratch->parent, scratch->name, AT_REMOVEDIR);
    sg_fd_closep(&scratch->directory);
    scratch->directory = -1;
    errno = saved == EWOULDBLOCK ? ENOENT : saved;
}

/* False with errno; ENOENT too when another process took the directory for remains before it was
 * locked. */
static bool try_scratch(struct scratch *scratch)
{
    if (!random_name(scratch->name) || mkdirat(scratch->parent, scratch->name, 0700) != 0) {
        return false;
    }
    scratch->directory = open_scratch(scratch->parent, scratch->name);
    if (scratch->directory >= 0 && lock_scratch(scratch->directory)) {
        scratch->file = openat(scratch->directory, SCRATCH_FILE,
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    }
    if (scratch->file < 0) {
        give_up_scratch(scratch);
    }
    return scratch->file >= 0;
}

static sg_status open_parent(struct scratch *scratch, struct sg_error *err)
{
    char copy[PATH_MAX];
    const char *slash = strrchr(scratch->path, '/');
    if (strlen(scratch->path) >= sizeof copy) {
        return sg_fail(err, SG_E_INPUT, "path_too_long", "the path is too long");
    }
    snprintf(copy, sizeof copy, "%s", scratch->path);
    scratch->base = slash != NULL ? slash + 1 : scratch->path;
    scratch->parent = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (scratch->parent >= 0 && *scratch->base != '\0') {
        return SG_OK;
    }
    errno = scratch->parent >= 0 ? EISDIR : errno;
    return cannot_create(scratch, err);
}

/* scratch->path is set. */
static sg_status scratch_open(struct scratch *scratch, struct sg_error *err)
{
    sg_status s = open_parent(scratch, err);
    if (s != SG_OK) {
        return s;
    }
    sweep(scratch->parent);
    for (unsigned i = 0; i < SCRATCH_TRIES; i++) {
        if (try_scratch(scratch)) {
            return SG_OK;
        }
        if (errno != EEXIST && errno != ENOENT) {
            break;
        }
    }
    return cannot_create(scratch, err);
}

static sg_status scratch_write(const struct scratch *scratch, const void *data, size_t len,
                               mode_t mode, struct sg_error *err)
{
    sg_status s = write_named(scratch->file, scratch->path, data, len, err);
    if (s == SG_OK && (fchmod(scratch->file, mode) != 0 || fsync(scratch->file) != 0)) {
        s = sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot write %s", scratch->path);
    }
    return s;
}

static sg_status scratch_put(const struct scratch *scratch, struct sg_error *err)
{
    if (renameat(scratch->directory, SCRATCH_FILE, scratch->parent, scratch->base) != 0) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot replace %s", scratch->path);
    }
    if (fsync(scratch->parent) != 0 && errno != EINVAL) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot sync the directory of %s",
                             scratch->path);
    }
    return SG_OK;
}

static sg_status replace_regular(const char *path, const void *data, size_t len, mode_t mode,
                                 struct sg_error *err)
{
    SCRATCH scratch = {.path = path, .parent = -1, .directory = -1, .file = -1};
    sg_status s = scratch_open(&scratch, err);
    s = s == SG_OK ? scratch_write(&scratch, data, len, mode, err) : s;
    return s == SG_OK ? scratch_put(&scratch, err) : s;
}

static sg_status check_regular(const char *path, struct sg_error *err)
{
    SCRATCH scratch = {.path = path, .parent = -1, .directory = -1, .file = -1};
    sg_status s = open_parent(&scratch, err);
    if (s == SG_OK && faccessat(scratch.parent, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        s = cannot_create(&scratch, err);
    }
    return s;
}

/* ---- replacing ---- */

static sg_status name_path(sg_status s, const char *path, struct sg_error *err)
{
    return s == SG_OK || strcmp(err->code, "path_too_long") == 0 ? s : sg_object(err, "%s", path);
}

sg_status sg_file_replace_regular(const char *path, const void *data, size_t len, mode_t mode,
                                  struct sg_error *err)
{
    return name_path(replace_regular(path, data, len, mode, err), path, err);
}

sg_status sg_file_replace(const char *path, const void *data, size_t len, mode_t mode,
                          struct sg_error *err)
{
    if (strcmp(path, "-") == 0) {
        return sg_fd_write_all(STDOUT_FILENO, data, len, err);
    }
    if (is_special(path)) {
        return name_path(write_special(path, data, len, err), path, err);
    }
    return sg_file_replace_regular(path, data, len, mode, err);
}

static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

sg_status sg_file_check_replace(const char *path, struct sg_error *err)
{
    if (strcmp(path, "-") == 0) {
        return SG_OK;
    }
    bool special = is_special(path);
    if (is_directory(path) || (special && access(path, W_OK) != 0)) {
        errno = special ? errno : EISDIR;
        (void)sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot replace %s", path);
        return sg_object(err, "%s", path);
    }
    return special ? SG_OK : name_path(check_regular(path, err), path, err);
}

sg_status sg_memfd_sealed(const char *name, const void *data, size_t len, int *out_fd,
                          struct sg_error *err)
{
    SG_FD int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return sg_fail_errno(err, SG_E_NO_MEMORY, "no_memory", "cannot make a memfd");
    }
    sg_status s = sg_fd_write_all(fd, data, len, err);
    if (s != SG_OK) {
        return s;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "cannot_seal", "cannot seal a memfd");
    }
    *out_fd = sg_fd_steal(&fd);
    return SG_OK;
}
