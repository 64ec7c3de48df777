/* The files that a watch keeps: what "ring export" and "provision" would write, replaced only when
 * it differs. */
#include "watch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/cli/shapes.h>

#define NEW_FILE_MODE 0644 /* nothing in them is secret */

static const char *const options[SG_WATCH_FILES] = {[SG_WATCH_CHAIN] = "chain",
                                                    [SG_WATCH_KEY] = "key",
                                                    [SG_WATCH_TRUST] = "trust",
                                                    [SG_WATCH_PAIR] = "pair"};

/* ---- which file ---- */

/* Of the directory that a path is in. */
static bool parent_of(const char *path, struct stat *info)
{
    char copy[PATH_MAX];
    int len = snprintf(copy, sizeof copy, "%s", path);
    return len >= 0 && (size_t)len < sizeof copy && stat(dirname(copy), info) == 0;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool same_node(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool sg_watch_same_file(const char *a, const char *b)
{
    struct stat one, other;
    if (strcmp(a, b) == 0 ||
        (stat(a, &one) == 0 && stat(b, &other) == 0 && same_node(&one, &other))) {
        return true;
    }
    return strcmp(last_part(a), last_part(b)) == 0 && parent_of(a, &one) && parent_of(b, &other) &&
           same_node(&one, &other);
}

sg_status sg_watch_read(const char *path, struct sg_buffer *out, struct sg_error *err)
{
    struct stat info;
    SG_FD int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return sg_fail_errno(err, errno == ENOENT ? SG_E_NOT_FOUND : SG_E_STORAGE, "cannot_read",
                             "cannot open %s", path);
    }
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return sg_fail(err, SG_E_STORAGE, "cannot_read", "%s is no regular file", path);
    }
    return sg_fd_read_all(fd, path, out, err);
}

/* ---- the command line ---- */

static sg_status check_paths(const struct sg_watch_files *files, struct sg_error *err)
{
    for (size_t i = 0; i < SG_WATCH_FILES; i++) {
        const char *path = files->file[i].path;
        if (path != NULL && strcmp(path, "-") == 0) {
            sg_fail(err, SG_E_USAGE, "bad_usage",
                    "--chain, --pair, --key and --trust name files that are kept, not standard "
                    "output");
            return sg_hint(err, "To print once: signet ring export --out -");
        }
        for (size_t j = 0; path != NULL && j < i; j++) {
            if (files->file[j].path != NULL && sg_watch_same_file(files->file[j].path, path)) {
                return sg_fail(err, SG_E_USAGE, "bad_usage", "--%s and --%s name the same file",
                               options[j], options[i]);
            }
        }
    }
    return SG_OK;
}

static sg_status refuse_program(const char *program, struct sg_error *err)
{
    sg_fail(err, SG_E_USAGE, "no_key_file", "%s has no file that names its key", program);
    return sg_hint(err,
                   "nginx, apache, stunnel, postgresql and openssl have one. What to do after a "
                   "change: signet provision %s",
                   program);
}

static sg_status bad_lines(struct sg_error *err, const char *text)
{
    sg_fail(err, SG_E_USAGE, "bad_usage", "%s", text);
    return sg_hint(err, "--chain FILE --for PROGRAM --pair FILE, as signet provision PROGRAM "
                        "prints it");
}

/* None says anything without the others. */
static sg_status check_lines(const struct sg_watch_files *files, struct sg_error *err)
{
    const char *program = sg_invocation_local(files->invocation, "for");
    const char *chain = files->file[SG_WATCH_CHAIN].path;
    bool pair = files->file[SG_WATCH_PAIR].path != NULL;
    bool key = files->file[SG_WATCH_KEY].path != NULL;
    if (pair && key) {
        return bad_lines(err, "--pair names the key too: it goes without --key");
    }
    if ((program != NULL) != (pair || key)) {
        return bad_lines(err, "--for and --pair go together, or --for and --key");
    }
    if (pair && chain == NULL) {
        return bad_lines(err, "--pair names a chain: it goes with --chain");
    }
    if (program != NULL && !sg_program_follows(program)) {
        return refuse_program(program, err);
    }
    return pair ? sg_watch_check_quotable(chain, err) : SG_OK;
}

static void warn_of_two(const struct sg_watch_files *files)
{
    if (files->file[SG_WATCH_CHAIN].path != NULL && files->file[SG_WATCH_KEY].path != NULL) {
        sg_watch_say("warning: --chain and --key are replaced one after the other, and a server "
                     "that is reloaded in between refuses them. signet provision %s prints --pair, "
                     "which replaces both at once",
                     sg_invocation_local(files->invocation, "for"));
    }
}

sg_status sg_watch_files_init(struct sg_watch_files *files, const struct sg_invocation *invocation,
                              struct sg_error *err)
{
    *files = (struct sg_watch_files){.invocation = invocation};
    for (size_t i = 0; i < SG_WATCH_FILES; i++) {
        files->file[i].path = sg_invocation_local(invocation, options[i]);
        sg_buffer_init(&files->file[i].content, SG_WATCH_FILE_MAX);
    }
    sg_status s = check_paths(files, err);
    s = s == SG_OK ? check_lines(files, err) : s;
    if (s == SG_OK) {
        warn_of_two(files);
    }
    return s;
}

void sg_watch_files_done(struct sg_watch_files *files)
{
    for (size_t i = 0; i < SG_WATCH_FILES; i++) {
        sg_buffer_done(&files->file[i].content);
    }
    free(files->named);
    files->named = NULL;
}

/* ---- what they shall hold ---- */

static const char *ring_of(const struct sg_watch_files *files)
{
    return json_string_value(json_object_get(files->invocation->params, "ring"));
}

static sg_status export_params(struct sg_invocation *export, const char *ring, bool chain,
                               struct sg_error *err)
{
    export->command = SG_COMMAND_OPERATION;
    export->operation = sg_operation_find("ring", "export");
    export->params = json_pack("{s:s}", "ring", ring);
    bool made = export->params != NULL &&
                (!chain || json_object_set_new(export->params, "chain", json_true()) == 0);
    return made ? SG_OK : sg_fail_memory(err);
}

static void say_warnings(const json_t *answer)
{
    const json_t *warnings = json_object_get(answer, "warnings");
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        const char *text = json_string_value(json_array_get(warnings, i));
        sg_watch_say("warning: %s", text != NULL ? text : "");
    }
}

static sg_status fetch_export(struct sg_client *client, const char *ring, bool chain,
                              struct sg_buffer *out, struct sg_error *err)
{
    SG_INVOCATION export = SG_INVOCATION_INIT;
    json_t *answer = NULL;
    sg_status s = export_params(&export, ring, chain, err);
    if (s == SG_OK) {
        s = sg_client_ask(client, export.operation, export.params, false, 0, &answer, err);
    }
    if (s == SG_OK) {
        say_warnings(answer);
        s = sg_shape_content(&export, answer, out, err);
    }
    json_decref(answer);
    return s;
}

/* Among the files that "provision" prints: NULL, or the text. */
static const char *pair_of(const json_t *answer)
{
    const char *wanted = json_string_value(json_object_get(answer, "pair_file"));
    const json_t *files = json_object_get(answer, "files");
    for (size_t i = 0; wanted != NULL && i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        const char *path = json_string_value(json_object_get(file, "path"));
        if (path != NULL && strcmp(path, wanted) == 0) {
            return json_string_value(json_object_get(file, "content"));
        }
    }
    return NULL;
}

/* The lines that do not name the chain. */
static sg_status key_lines(const char *text, const char *chain, struct sg_buffer *out,
                           struct sg_error *err)
{
    sg_status s = SG_OK;
    while (s == SG_OK && *text != '\0') {
        size_t len = strcspn(text, "\n");
        len += text[len] == '\n' ? 1 : 0;
        if (memmem(text, len, chain, strlen(chain)) == NULL) {
            s = sg_buffer_append(out, text, len, err);
        }
        text += len;
    }
    return s;
}

static sg_status take_lines(struct sg_watch_files *files, size_t i, const json_t *answer,
                            struct sg_error *err)
{
    const char *text = pair_of(answer);
    const char *chain = json_string_value(json_object_get(answer, "chain_file"));
    if (text == NULL || chain == NULL || *chain == '\0') {
        return refuse_program(sg_invocation_local(files->invocation, "for"), err);
    }
    if (i == SG_WATCH_KEY) {
        return key_lines(text, chain, &files->file[i].content, err);
    }
    free(files->named);
    files->named = strdup(chain);
    return files->named != NULL ? sg_buffer_append(&files->file[i].content, text, strlen(text), err)
                                : sg_fail_memory(err);
}

static sg_status fetch_lines(struct sg_client *client, struct sg_watch_files *files, size_t i,
                             struct sg_error *err)
{
    json_t *answer = NULL;
    const char *program = sg_invocation_local(files->invocation, "for");
    json_t *params = json_pack("{s:s, s:s}", "program", program, "ring", ring_of(files));
    if (params == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s =
        sg_client_ask(client, sg_operation_find("provision", ""), params, false, 0, &answer, err);
    s = s == SG_OK ? take_lines(files, i, answer, err) : s;
    json_decref(params);
    json_decref(answer);
    return s;
}

/* Nobody is served by an empty file: programs refuse it, or trust nobody. */
static bool has_nothing(const struct sg_error *failure)
{
    static const char *const codes[] = {"nothing_to_export", "no_default", "no_usable_key",
                                        "default_not_usable"};
    for (size_t i = 0; i < SG_COUNT(codes); i++) {
        if (strcmp(failure->code, codes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static sg_status fetch_one(struct sg_client *client, struct sg_watch_files *files, size_t i,
                           struct sg_error *err)
{
    struct sg_watch_file *file = &files->file[i];
    sg_buffer_done(&file->content);
    sg_buffer_init(&file->content, SG_WATCH_FILE_MAX);
    file->nothing = false;
    if (file->path == NULL) {
        return SG_OK;
    }
    sg_status s =
        i == SG_WATCH_KEY || i == SG_WATCH_PAIR
            ? fetch_lines(client, files, i, err)
            : fetch_export(client, ring_of(files), i == SG_WATCH_CHAIN, &file->content, err);
    if (s != SG_OK && has_nothing(err)) {
        sg_watch_say("warning: %s stays as it is: %s", sg_excerpt(file->path).text, err->text);
        sg_error_clear(err);
        file->nothing = true;
        return SG_OK;
    }
    return s;
}

sg_status sg_watch_fetch(struct sg_client *client, struct sg_watch_files *files,
                         struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < SG_WATCH_FILES; i++) {
        s = fetch_one(client, files, i, err);
    }
    if (files->file[SG_WATCH_CHAIN].nothing || files->file[SG_WATCH_KEY].nothing ||
        files->file[SG_WATCH_PAIR].nothing) {
        files->file[SG_WATCH_CHAIN].nothing = true;
        files->file[SG_WATCH_KEY].nothing = true;
        files->file[SG_WATCH_PAIR].nothing = true;
    }
    return s;
}

/* ---- the files ---- */

static bool is_trusted(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

/* A file that cannot be read is another one: writing it says what is wrong. So is somebody else's,
 * who could change it later. */
static bool holds(const char *path, const struct sg_buffer *content)
{
    SG_BUFFER old;
    struct stat info;
    struct sg_error ignored = SG_ERROR_INIT;
    SG_FD int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    sg_buffer_init(&old, SG_WATCH_FILE_MAX);
    return fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && is_trusted(info.st_uid) &&
           (size_t)info.st_size == content->len &&
           sg_fd_read_all(fd, path, &old, &ignored) == SG_OK && old.len == content->len &&
           memcmp(old.data, content->data, old.len) == 0;
}

/* Ours, just written, and by no other name: whoever may write in the directory could have put
 * something else there meanwhile. */
static bool is_fresh(int fd, struct stat *now)
{
    return fd >= 0 && fstat(fd, now) == 0 && S_ISREG(now->st_mode) && now->st_uid == geteuid() &&
           now->st_nlink == 1;
}

/* The server may read the file by its group. */
static void keep_group(const char *path, gid_t group)
{
    struct stat now;
    SG_FD int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (is_fresh(fd, &now) && now.st_gid != group && fchown(fd, (uid_t)-1, group) != 0) {
        sg_watch_say("warning: %s belongs to group %lu now, and belonged to %lu",
                     sg_excerpt(path).text, (unsigned long)now.st_gid, (unsigned long)group);
    }
}

/* Nothing that a watch would wait for, or write over. */
static sg_status check_regular(const char *path, const struct stat *info, struct sg_error *err)
{
    if (S_ISREG(info->st_mode)) {
        return SG_OK;
    }
    sg_fail(err, SG_E_STORAGE, "cannot_write", "%s is no regular file", sg_excerpt(path).text);
    sg_hint(err, "Name a file that is to be kept; it need not be there.");
    return sg_object(err, "%s", path);
}

/* Somebody else's file lends its mode, but nobody else may write what takes its place. */
static mode_t mode_like(const struct stat *model)
{
    return model->st_mode & (is_trusted(model->st_uid) ? 0777 : 0755);
}

static sg_status hint_foreign(const struct stat *info, struct sg_error *err)
{
    return sg_hint(err,
                   "It belongs to another user (uid %lu), who could change it later, and cannot be "
                   "replaced. Remove it, or name a file in a directory where nobody else writes.",
                   (unsigned long)info->st_uid);
}

sg_status sg_watch_put_file(const char *path, const char *like, const struct sg_buffer *content,
                            bool *changed, struct sg_error *err)
{
    struct stat info;
    bool exists = lstat(path, &info) == 0;
    bool modelled = exists || (like != NULL && lstat(like, &info) == 0);
    sg_status s = modelled ? check_regular(exists ? path : like, &info, err) : SG_OK;
    if (s != SG_OK || (exists && holds(path, content))) {
        return s;
    }
    mode_t mode = modelled ? mode_like(&info) : NEW_FILE_MODE;
    s = sg_file_replace_regular(path, content->data, content->len, mode, err);
    *changed = *changed || s == SG_OK;
    if (s == SG_OK && modelled) {
        keep_group(path, info.st_gid);
    }
    bool refused = s != SG_OK && (err->sys_errno == EPERM || err->sys_errno == EACCES);
    return refused && exists && !is_trusted(info.st_uid) ? hint_foreign(&info, err) : s;
}

/* ---- links ---- */

#define LINKS_MAX 40 /* as many as the kernel follows */

/* Nobody else can have made the link, or put it there. */
static bool is_safe(const char *path, const struct stat *link)
{
    struct stat parent;
    return is_trusted(link->st_uid) && parent_of(path, &parent) && is_trusted(parent.st_uid) &&
           ((parent.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (parent.st_mode & S_ISVTX) != 0);
}

static sg_status refuse_link(const char *path, struct sg_error *err)
{
    sg_fail(err, SG_E_STORAGE, "unsafe_link",
            "%s is a symbolic link that another user may have made: it is not followed",
            sg_excerpt(path).text);
    sg_hint(err,
            "Name the file itself. Or let the link and its directory belong to you or to root, "
            "and nobody else write there.");
    return sg_object(err, "%s", path);
}

static sg_status refuse_nowhere(const char *path, struct sg_error *err)
{
    sg_fail_errno(err, SG_E_STORAGE, "cannot_write", "%s is a symbolic link that leads nowhere",
                  sg_excerpt(path).text);
    sg_hint(err, "Make the file that it names, or remove the link.");
    return sg_object(err, "%s", path);
}

/* A link's target, from where the link is. */
static sg_status target_of(int link, const char *path, char **out, struct sg_error *err)
{
    char target[PATH_MAX];
    ssize_t len = readlinkat(link, "", target, sizeof target);
    if (len < 0 || (size_t)len >= sizeof target) {
        return refuse_nowhere(path, err);
    }
    size_t before = target[0] == '/' ? 0 : (size_t)(last_part(path) - path);
    if (asprintf(out, "%.*s%.*s", (int)before, path, (int)len, target) < 0) {
        *out = NULL;
        return sg_fail_memory(err);
    }
    return SG_OK;
}

/* *next: NULL where a path is no link, or nothing is there. */
static sg_status follow_one(const char *path, char **next, struct sg_error *err)
{
    struct stat info;
    SG_FD int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    *next = NULL;
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISLNK(info.st_mode)) {
        return SG_OK;
    }
    return is_safe(path, &info) ? target_of(fd, path, next, err) : refuse_link(path, err);
}

static bool leads_nowhere(const char *path, unsigned links)
{
    struct stat info;
    if (links >= LINKS_MAX) {
        errno = ELOOP;
        return true;
    }
    return links > 0 && lstat(path, &info) != 0;
}

/* A link stays a link. */
sg_status sg_watch_follow(const char *path, char **out, struct sg_error *err)
{
    SG_FREE char *now = strdup(path);
    char *next = now;
    sg_status s = now != NULL ? SG_OK : sg_fail_memory(err);
    unsigned links = 0;
    for (; s == SG_OK && next != NULL && links < LINKS_MAX; links += next != NULL ? 1 : 0) {
        s = follow_one(now, &next, err);
        if (next != NULL) {
            free(now);
            now = next;
        }
    }
    if (s == SG_OK && leads_nowhere(now, links)) {
        return refuse_nowhere(path, err);
    }
    if (s == SG_OK) {
        *out = now;
        now = NULL;
    }
    return s;
}

static sg_status put_one(const struct sg_watch_file *file, bool *changed, struct sg_error *err)
{
    SG_FREE char *path = NULL;
    sg_status s = sg_watch_follow(file->path, &path, err);
    return path != NULL ? sg_watch_put_file(path, NULL, &file->content, changed, err) : s;
}

/* The chain's own name comes after the pair: where lines name it that somebody wrote by hand, they
 * are replaced before it is. */
sg_status sg_watch_put(struct sg_watch_files *files, bool *changed, struct sg_error *err)
{
    sg_status s = SG_OK;
    const struct sg_watch_file *pair = &files->file[SG_WATCH_PAIR];
    *changed = false;
    if (pair->path != NULL && !pair->nothing) {
        s = sg_watch_put_pair(files, changed, err);
    }
    for (size_t i = 0; s == SG_OK && i < SG_WATCH_PAIR; i++) {
        const struct sg_watch_file *file = &files->file[i];
        s = file->path != NULL && !file->nothing ? put_one(file, changed, err) : s;
    }
    return s;
}
