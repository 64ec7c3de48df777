#include <signet/cli/directory.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/base/file.h>

static void dir_closep(DIR **dir)
{
    if (*dir != NULL) {
        closedir(*dir);
    }
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);
    return len > end_len && strcmp(name + len - end_len, end) == 0;
}

/* "5ed36f99.0": OpenSSL's link to a certificate by the hash of its subject. */
static bool is_hash_link(const char *name)
{
    size_t digits = strspn(name, "0123456789abcdef");
    size_t number = digits == 8 && name[8] == '.' ? strspn(name + 9, "0123456789") : 0;
    return number > 0 && name[9 + number] == '\0';
}

static bool is_ours(const char *name)
{
    return ends_with(name, ".pem") || ends_with(name, ".cer") || is_hash_link(name);
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Only what an export wrote may be replaced by one: --out ~ must not cost a home directory. */
static sg_status check_replaceable(const char *path, struct sg_error *err)
{
    SG_CLEANUP(dir_closep) DIR *dir = opendir(path);
    if (dir == NULL && errno == ENOENT) {
        return SG_OK;
    }
    if (dir == NULL) {
        sg_fail_errno(err, errno == ENOTDIR ? SG_E_CONFLICT : SG_E_STORAGE, "not_an_export",
                      "cannot write directory %s", path);
        return sg_object(err, "%s", path);
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (!is_dots(entry->d_name) && !is_ours(entry->d_name)) {
            sg_fail(err, SG_E_CONFLICT, "not_an_export",
                    "%s holds \"%s\", which no export wrote: it is not replaced", path,
                    entry->d_name);
            sg_object(err, "%s", path);
            return sg_hint(err, "Name a new or an empty directory.");
        }
    }
    return SG_OK;
}

/* Removes a flat directory: what we make has no directories in it. */
static void remove_flat(const char *path)
{
    SG_CLEANUP(dir_closep) DIR *dir = opendir(path);
    if (dir == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (!is_dots(entry->d_name)) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    (void)rmdir(path);
}

static void strip_slashes(char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') {
        path[--len] = '\0';
    }
}

sg_status sg_directory_begin(struct sg_directory *directory, const char *path, struct sg_error *err)
{
    int made = snprintf(directory->path, sizeof directory->path, "%s", path);
    if (made < 0 || (size_t)made >= sizeof directory->path - 32) {
        return sg_fail(err, SG_E_INPUT, "path_too_long", "the path is too long");
    }
    strip_slashes(directory->path);
    sg_status s = check_replaceable(directory->path, err);
    if (s != SG_OK) {
        return s;
    }
    char temporary[PATH_MAX + 32];
    snprintf(temporary, sizeof temporary, "%s.tmp-XXXXXX", directory->path);
    if (mkdtemp(temporary) == NULL) {
        sg_fail_errno(err, errno == ENOENT ? SG_E_NOT_FOUND : SG_E_STORAGE, "cannot_write",
                      "cannot create directory %s", path);
        return sg_object(err, "%s", path);
    }
    memcpy(directory->temporary, temporary, strlen(temporary) + 1);
    directory->fd = open(temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory->fd < 0 || fchmod(directory->fd, 0755) != 0) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot open directory %s", path);
    }
    return SG_OK;
}

sg_status sg_directory_add(struct sg_directory *directory, const char *name,
                           struct sg_bytes content, struct sg_error *err)
{
    SG_FD int fd = openat(directory->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot create %s in %s", name,
                             directory->path);
    }
    sg_status s = sg_fd_write_all(fd, content.data, content.len, err);
    if (s == SG_OK && (fchmod(fd, 0644) != 0 || fsync(fd) != 0)) {
        s = sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot write %s in %s", name,
                          directory->path);
    }
    return s;
}

sg_status sg_directory_link(struct sg_directory *directory, const char *name, const char *target,
                            struct sg_error *err)
{
    if (symlinkat(target, directory->fd, name) != 0) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot create link %s in %s", name,
                             directory->path);
    }
    return SG_OK;
}

/* An older export and the new one change places, so that there is no moment without either. Where
 * the file system cannot do that (NFS, overlays of old kernels), the older one is removed first. */
static int put_in_place(struct sg_directory *directory)
{
    if (renameat2(AT_FDCWD, directory->temporary, AT_FDCWD, directory->path, RENAME_NOREPLACE) ==
        0) {
        directory->temporary[0] = '\0';
        return 0;
    }
    if (errno == EEXIST && renameat2(AT_FDCWD, directory->temporary, AT_FDCWD, directory->path,
                                     RENAME_EXCHANGE) == 0) {
        remove_flat(directory->temporary);
        directory->temporary[0] = '\0';
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -1;
    }
    remove_flat(directory->path);
    int failed = rename(directory->temporary, directory->path);
    if (failed == 0) {
        directory->temporary[0] = '\0';
    }
    return failed;
}

sg_status sg_directory_commit(struct sg_directory *directory, struct sg_error *err)
{
    sg_status s = check_replaceable(directory->path, err);
    if (s != SG_OK) {
        return s;
    }
    if (fsync(directory->fd) != 0 || put_in_place(directory) != 0) {
        sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "cannot replace directory %s",
                      directory->path);
        return sg_object(err, "%s", directory->path);
    }
    return SG_OK;
}

void sg_directory_done(struct sg_directory *directory)
{
    sg_fd_closep(&directory->fd);
    directory->fd = -1;
    if (directory->temporary[0] != '\0') {
        remove_flat(directory->temporary);
        directory->temporary[0] = '\0';
    }
}
