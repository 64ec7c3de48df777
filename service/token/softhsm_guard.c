#include "softhsm_guard_internal.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/base/log.h>

#include "softhsm_files_internal.h"

#define REMAINS_AGE_S 60

static bool same(const struct softhsm_file *left, const struct softhsm_file *right)
{
    return left->bytes.len == right->bytes.len && left->bytes.len > 0 &&
           memcmp(left->bytes.data, right->bytes.data, left->bytes.len) == 0;
}

/* Attributes, not bytes, are counted: a new PIN has new bytes, a lost attribute is a lost token. */
static bool is_damaged(const struct softhsm_files *files)
{
    return files->copy.sound && (!files->object.sound ||
                                 files->object.object.attributes < files->copy.object.attributes);
}

static sg_status restore(const struct softhsm_files *files, struct sg_error *err)
{
    const struct sg_buffer *good = &files->copy.bytes;
    sg_status s = sg_file_replace(files->object.path, good->data, good->len, 0400, err);
    if (s == SG_OK) {
        sg_log(SG_LOG_WARNING, "event=token_restored file=\"%s\" had_bytes=%zu has_bytes=%zu",
               files->object.path, files->object.bytes.len, good->len);
    }
    return s;
}

static sg_status renew(const struct softhsm_files *files, struct sg_error *err)
{
    sg_status s = SG_OK;
    if (!same(&files->object, &files->copy)) {
        s = sg_file_replace(files->copy.path, files->object.bytes.data, files->object.bytes.len,
                            0400, err);
    }
    if (s == SG_OK && (files->object.mode & 07777) != 0400 &&
        chmod(files->object.path, 0400) != 0) {
        s = sg_fail_errno(err, SG_E_STORAGE, "cannot_guard", "cannot protect %.400s",
                          files->object.path);
    }
    return s;
}

/* A login's fresh file lives for milliseconds; an old one is the remains of a kill. So is what
 * replacements were written to formerly (those of today sweep for themselves). */
static void sweep_one(const char *directory, const char *name)
{
    char path[PATH_MAX];
    struct stat info;
    bool remains = strncmp(name, SOFTHSM_FRESH ".", strlen(SOFTHSM_FRESH ".")) == 0 ||
                   (strncmp(name, SOFTHSM_OBJECT ".", strlen(SOFTHSM_OBJECT ".")) == 0 &&
                    strcmp(name + strlen(name) - 4, ".tmp") == 0);
    if (remains && sg_softhsm_path(path, directory, name) && lstat(path, &info) == 0 &&
        time(NULL) - info.st_mtime > REMAINS_AGE_S) {
        (void)unlink(path);
    }
}

static void sweep(const char *directory)
{
    DIR *entries = opendir(directory);
    const struct dirent *entry = NULL;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        sweep_one(directory, entry->d_name);
    }
    if (entries != NULL) {
        closedir(entries);
    }
}

void sg_softhsm_guard_check(const struct sg_token_settings *settings)
{
    SOFTHSM_FILES files = {.directory = ""};
    struct sg_error err = SG_ERROR_INIT;
    if (sg_softhsm_files_find(settings, &files, &err) != SG_OK) {
        return;
    }
    sweep(files.directory);
    sg_status s = is_damaged(&files) ? restore(&files, &err) : renew(&files, &err);
    if (s != SG_OK) {
        sg_log_error(SG_LOG_WARNING, "token_not_guarded", &err);
    }
}
