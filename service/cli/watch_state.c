/* What a watch has done already: a command that was lost with its watch, or that failed, runs when
 * somebody watches again. */
#include "watch_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <signet/base/file.h>

#define STATE_MAX 1024u /* bytes */
#define STATE_MODE 0644

static const char *first_kept(const struct sg_watch_files *files)
{
    for (size_t i = 0; i < SG_WATCH_FILES; i++) {
        if (files->file[i].path != NULL) {
            return files->file[i].path;
        }
    }
    return NULL;
}

static sg_status check_path(const char *path, const struct sg_watch_files *files,
                            struct sg_error *err)
{
    if (strcmp(path, "-") == 0) {
        return sg_fail(err, SG_E_USAGE, "bad_usage",
                       "--state names a file that is kept, not standard output");
    }
    for (size_t i = 0; i < SG_WATCH_FILES; i++) {
        if (files->file[i].path != NULL && sg_watch_same_file(files->file[i].path, path)) {
            return sg_fail(err, SG_E_USAGE, "bad_usage",
                           "--state names the same file as another option");
        }
    }
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        sg_fail(err, SG_E_USAGE, "bad_usage",
                "%s is no regular file: the state cannot be kept in it", sg_excerpt(path).text);
        return sg_hint(err, "--state FILE names another one.");
    }
    return SG_OK;
}

sg_status sg_watch_state_init(struct sg_watch_state *state, const struct sg_watch_files *files,
                              struct sg_error *err)
{
    const json_t *params = files->invocation->params;
    const char *given = sg_invocation_local(files->invocation, "state");
    const char *beside = first_kept(files);
    *state = (struct sg_watch_state){.done = SG_WATCH_UNKNOWN};
    state->ring = json_string_value(json_object_get(params, "ring"));
    if (given == NULL && (beside == NULL || json_object_get(params, "exec") == NULL)) {
        return SG_OK;
    }
    if (asprintf(&state->path, given != NULL ? "%s" : "%s.watched",
                 given != NULL ? given : beside) < 0) {
        state->path = NULL;
        return sg_fail_memory(err);
    }
    return check_path(state->path, files, err);
}

void sg_watch_state_done(struct sg_watch_state *state)
{
    free(state->path);
    state->path = NULL;
}

/* "OWNER/RING N\n"; a ring's name may hold blanks. */
static int64_t parse(const struct sg_watch_state *state, const char *text)
{
    const char *blank = strrchr(text, ' ');
    char *end = NULL;
    if (blank == NULL || strlen(state->ring) != (size_t)(blank - text) ||
        memcmp(text, state->ring, (size_t)(blank - text)) != 0) {
        return SG_WATCH_NOTHING;
    }
    errno = 0;
    long long number = strtoll(blank + 1, &end, 10);
    return errno == 0 && end != blank + 1 && strcmp(end, "\n") == 0 && number > 0
               ? number
               : SG_WATCH_NOTHING;
}

void sg_watch_state_read(struct sg_watch_state *state)
{
    SG_BUFFER text;
    struct sg_error why = SG_ERROR_INIT;
    sg_buffer_init(&text, STATE_MAX);
    if (state->path == NULL) {
        return;
    }
    sg_status s = sg_watch_read(state->path, &text, &why);
    if (s != SG_OK) {
        state->done = s == SG_E_NOT_FOUND ? SG_WATCH_UNKNOWN : SG_WATCH_NOTHING;
        return;
    }
    s = sg_buffer_append(&text, "", 1, &why);
    bool whole = s == SG_OK && strlen((const char *)text.data) + 1 == text.len;
    state->done = whole ? parse(state, (const char *)text.data) : SG_WATCH_NOTHING;
}

sg_status sg_watch_state_write(struct sg_watch_state *state, int64_t done, struct sg_error *err)
{
    char text[STATE_MAX];
    if (state->path == NULL || state->done == done) {
        return SG_OK;
    }
    int len = snprintf(text, sizeof text, "%s %lld\n", state->ring, (long long)done);
    sg_status s = len > 0 && (size_t)len < sizeof text
                      ? sg_file_replace_regular(state->path, text, (size_t)len, STATE_MODE, err)
                      : sg_fail(err, SG_E_INPUT, "bad_value", "the ring's name is too long");
    if (s == SG_OK) {
        state->done = done;
    }
    return s;
}
