#include "softhsm_files_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <signet/base/file.h>
#include <signet/base/log.h>

#define DIRECTORIES_MAX 4096 /* looked at in the storage */
#define LOCK_TRIES 50
#define LOCK_PAUSE_MS 10

void sg_softhsm_file_done(struct softhsm_file *file)
{
    sg_buffer_done(&file->bytes);
}

void sg_softhsm_files_done(struct softhsm_files *files)
{
    sg_softhsm_file_done(&files->object);
    sg_softhsm_file_done(&files->copy);
}

bool sg_softhsm_path(char out[PATH_MAX], const char *directory, const char *name)
{
    int made = snprintf(out, PATH_MAX, "%s/%s", directory, name);
    return made > 0 && made < PATH_MAX;
}

/* SoftHSM holds an fcntl lock while it writes: never look at a half-written file, never wait for
 * long. */
static bool lock_for_reading(int fd)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (fcntl(fd, F_SETLK, &lock) == 0) {
            return true;
        }
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

static sg_status read_one(const char *directory, const char *name, struct softhsm_file *out,
                          struct sg_error *err)
{
    sg_softhsm_file_done(out);
    *out = (struct softhsm_file){.exists = false};
    sg_buffer_init(&out->bytes, SOFTHSM_OBJECT_MAX);
    if (!sg_softhsm_path(out->path, directory, name)) {
        return sg_fail(err, SG_E_INPUT, "path_too_long",
                       "the path of the token's storage is too long");
    }
    SG_FD int fd = open(out->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat info;
    if (fd < 0 && errno == ENOENT) {
        return SG_OK;
    }
    if (fd < 0 || fstat(fd, &info) != 0) {
        return sg_fail_errno(err, SG_E_STORAGE, "cannot_read", "cannot open %.400s", out->path);
    }
    if (!lock_for_reading(fd)) {
        return sg_fail(err, SG_E_STORAGE, "locked", "%.400s is being written by another process",
                       out->path);
    }
    out->exists = true;
    out->mode = info.st_mode;
    sg_status s = sg_fd_read_all(fd, out->path, &out->bytes, err);
    out->sound =
        s == SG_OK &&
        sg_softhsm_object_parse((struct sg_bytes){out->bytes.data, out->bytes.len}, &out->object);
    return s;
}

static bool is_ours(const struct sg_token_settings *settings, const struct softhsm_file *file)
{
    return file->sound &&
           (settings->label == NULL || strcmp(file->object.label, settings->label) == 0) &&
           (settings->serial == NULL || strcmp(file->object.serial, settings->serial) == 0);
}

/* Whether the token in this directory is the one that the settings name. Files that cannot be read
 * are logged and are not ours. */
static bool try_directory(const struct sg_token_settings *settings, const char *directory,
                          struct softhsm_files *out)
{
    struct sg_error err = SG_ERROR_INIT;
    sg_status s = read_one(directory, SOFTHSM_OBJECT, &out->object, &err);
    if (s == SG_OK) {
        s = read_one(directory, SOFTHSM_COPY, &out->copy, &err);
    }
    if (s != SG_OK) {
        sg_log_error(SG_LOG_WARNING, "token_not_guarded", &err);
        return false;
    }
    if (!out->object.exists ||
        (!is_ours(settings, &out->object) && !is_ours(settings, &out->copy))) {
        return false;
    }
    snprintf(out->directory, sizeof out->directory, "%s", directory);
    return true;
}

static void close_directory(DIR **directory)
{
    if (*directory != NULL) {
        closedir(*directory);
    }
}

sg_status sg_softhsm_files_find(const struct sg_token_settings *settings, struct softhsm_files *out,
                                struct sg_error *err)
{
    if (settings->storage != NULL && try_directory(settings, settings->storage, out)) {
        return SG_OK; /* the token's own directory was named */
    }
    SG_CLEANUP(close_directory)
    DIR *storage = settings->storage != NULL ? opendir(settings->storage) : NULL;
    const struct dirent *entry = NULL;
    for (int i = 0; storage != NULL && i < DIRECTORIES_MAX; i++) {
        char path[PATH_MAX];
        if ((entry = readdir(storage)) == NULL) {
            break;
        }
        if (entry->d_name[0] != '.' && sg_softhsm_path(path, settings->storage, entry->d_name) &&
            entry->d_type == DT_DIR && try_directory(settings, path, out)) {
            return SG_OK;
        }
    }
    return sg_fail(err, SG_E_NOT_FOUND, "no_softhsm", "token \"%s\" has no token.object to guard",
                   settings->name);
}
