/* The files that a watch keeps: what "ring export" would write, replaced only when it differs. */
#include "watch_internal.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/cli/shapes.h>

#define FILE_MAX 16777216u /* bytes of one file */
#define NEW_FILE_MODE 0644 /* certificates are public */

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

static sg_status fetch(struct sg_client *client, const char *ring, bool chain,
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

/* A file that cannot be read is another one: writing it says what is wrong. */
static bool holds(const char *path, const struct stat *info, const struct sg_buffer *content)
{
    SG_BUFFER old;
    struct sg_error ignored = SG_ERROR_INIT;
    sg_buffer_init(&old, FILE_MAX);
    return S_ISREG(info->st_mode) && (size_t)info->st_size == content->len &&
           sg_file_read(path, "file", &old, &ignored) == SG_OK && old.len == content->len &&
           memcmp(old.data, content->data, old.len) == 0;
}

/* The server may read the file by its group. */
static void keep_group(const char *path, gid_t group)
{
    struct stat now;
    if (lstat(path, &now) == 0 && now.st_gid != group && lchown(path, (uid_t)-1, group) != 0) {
        sg_watch_say("warning: %s belongs to group %lu now, and belonged to %lu",
                     sg_excerpt(path).text, (unsigned long)now.st_gid, (unsigned long)group);
    }
}

static sg_status put(const char *path, const struct sg_buffer *content, bool *changed,
                     struct sg_error *err)
{
    struct stat info;
    bool exists = stat(path, &info) == 0;
    if (exists && holds(path, &info, content)) {
        return SG_OK;
    }
    mode_t mode = exists && S_ISREG(info.st_mode) ? info.st_mode & 0777 : NEW_FILE_MODE;
    sg_status s = sg_file_replace(path, content->data, content->len, mode, err);
    *changed = *changed || s == SG_OK;
    if (s == SG_OK && exists) {
        keep_group(path, info.st_gid);
    }
    return s;
}

/* Nobody is served by an empty file: programs refuse it, or trust nobody. */
static bool has_nothing(const struct sg_error *failure)
{
    static const char *const codes[] = {"nothing_to_export", "no_default", "default_not_usable"};
    for (size_t i = 0; i < SG_COUNT(codes); i++) {
        if (strcmp(failure->code, codes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static sg_status keep(struct sg_client *client, const char *ring, const char *path, bool chain,
                      bool *changed, struct sg_error *err)
{
    SG_BUFFER content;
    sg_buffer_init(&content, FILE_MAX);
    if (path == NULL) {
        return SG_OK;
    }
    sg_status s = fetch(client, ring, chain, &content, err);
    if (s != SG_OK && has_nothing(err)) {
        sg_watch_say("warning: %s stays as it is: %s", sg_excerpt(path).text, err->text);
        sg_error_clear(err);
        return SG_OK;
    }
    return s == SG_OK ? put(path, &content, changed, err) : s;
}

sg_status sg_watch_files(struct sg_client *client, const struct sg_invocation *invocation,
                         bool *changed, struct sg_error *err)
{
    const char *ring = json_string_value(json_object_get(invocation->params, "ring"));
    *changed = false;
    sg_status s = keep(client, ring, sg_invocation_local(invocation, "chain"), true, changed, err);
    return s == SG_OK
               ? keep(client, ring, sg_invocation_local(invocation, "trust"), false, changed, err)
               : s;
}
