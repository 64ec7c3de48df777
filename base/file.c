#include <signet/base/file.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
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

static sg_status sync_directory(const char *path, struct sg_error *err)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    SG_FD int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL)) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot sync the directory of %s",
                             path);
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

/* Messages name the path that was asked for: nobody knows the temporary one. */
static sg_status write_temporary(const char *temporary, const char *path, const void *data,
                                 size_t len, mode_t mode, struct sg_error *err)
{
    SG_FD int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        sg_status s = errno == ENOENT ? SG_E_NOT_FOUND : SG_E_STORAGE;
        return sg_fail_errno(err, s, "cannot_write", "cannot create %s", path);
    }
    sg_status s = write_named(fd, path, data, len, err);
    if (s == SG_OK && (fchmod(fd, mode) != 0 || fsync(fd) != 0)) {
        s = sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot write %s", path);
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

sg_status sg_file_replace(const char *path, const void *data, size_t len, mode_t mode,
                          struct sg_error *err)
{
    if (strcmp(path, "-") == 0) {
        return sg_fd_write_all(STDOUT_FILENO, data, len, err);
    }
    if (is_special(path)) {
        sg_status s = write_special(path, data, len, err);
        return s == SG_OK ? s : sg_object(err, "%s", path);
    }
    char temporary[PATH_MAX];
    int made = snprintf(temporary, sizeof temporary, "%s.%d.tmp", path, (int)getpid());
    if (made < 0 || (size_t)made >= sizeof temporary) {
        return sg_fail(err, SG_E_INPUT, "path_too_long", "the path is too long");
    }
    sg_status s = write_temporary(temporary, path, data, len, mode, err);
    if (s == SG_OK && rename(temporary, path) != 0) {
        s = sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot replace %s", path);
    }
    if (s != SG_OK) {
        (void)unlink(temporary);
        return sg_object(err, "%s", path);
    }
    return sync_directory(path, err);
}

static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

sg_status sg_file_check_replace(const char *path, struct sg_error *err)
{
    char temporary[PATH_MAX];
    if (strcmp(path, "-") == 0) {
        return SG_OK;
    }
    bool special = is_special(path);
    if (is_directory(path) || (special && access(path, W_OK) != 0)) {
        errno = special ? errno : EISDIR;
        (void)sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot replace %s", path);
        return sg_object(err, "%s", path);
    }
    int made = snprintf(temporary, sizeof temporary, "%s.%d.tmp", path, (int)getpid());
    if (special || made < 0 || (size_t)made >= sizeof temporary) {
        return special ? SG_OK : sg_fail(err, SG_E_INPUT, "path_too_long", "the path is too long");
    }
    sg_status s = write_temporary(temporary, path, "", 0, 0600, err);
    (void)unlink(temporary);
    return s == SG_OK ? s : sg_object(err, "%s", path);
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
