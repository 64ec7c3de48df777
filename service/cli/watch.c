#include <signet/cli/watch.h>

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/cli/output.h>

#include "watch_internal.h"

#define WAIT_S 20        /* one question to the service */
#define ANSWER_S 30      /* when it has not answered by then, it is asked again */
#define PAUSE_MIN_MS 200 /* before a question is repeated; doubled each time */
#define PAUSE_MAX_MS 5000
#define RETRY_MIN_MS 1000 /* before a command that failed runs again; doubled each time */
#define RETRY_MAX_MS 60000
#define FETCH_MAX 20 /* times that files are asked for, under a ring that changes meanwhile */
#define LINE_MAX_BYTES 4096

struct watch {
    const struct sg_invocation *invocation;
    const struct sg_operation *wait;
    struct sg_client *client;
    struct sg_watch_files files;
    struct sg_watch_state state;
    const char *ring, *command;
    bool once, begun;
    int64_t known;     /* the sequence that was told last */
    unsigned pause_ms; /* 0: the last question was answered */
    unsigned retry_ms; /* 0: the command has not failed; else it runs again so much after that */
    int64_t retry_at_ms;
};

static int64_t now_ms(void)
{
    return sg_monotonic_ms(sg_clock_system());
}

/* ---- what is said ---- */

void sg_watch_say(const char *format, ...)
{
    SG_BUFFER text;
    char line[LINE_MAX_BYTES];
    struct sg_error ignored = SG_ERROR_INIT;
    va_list arguments;
    sg_buffer_init(&text, (size_t)4 * LINE_MAX_BYTES);
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    sg_status s = sg_buffer_format(&text, &ignored, "signet: ");
    s = s == SG_OK ? sg_output_clean(line, &text, &ignored) : s;
    s = s == SG_OK ? sg_buffer_append(&text, "\n", 1, &ignored) : s;
    if (s == SG_OK) {
        (void)!sg_fd_write_all(STDERR_FILENO, text.data, text.len, &ignored);
    }
}

static sg_status format_line(const struct watch *watch, const char *time, struct sg_buffer *out,
                             struct sg_error *err)
{
    if (!watch->invocation->json) {
        return sg_buffer_format(out, err, "%s %lld %s\n", watch->ring, (long long)watch->known,
                                time);
    }
    json_t *line = json_pack("{s:s, s:I, s:s}", "ring", watch->ring, "sequence",
                             (json_int_t)watch->known, "time", time);
    SG_FREE char *text = line != NULL ? json_dumps(line, 0) : NULL;
    json_decref(line);
    return text != NULL ? sg_buffer_format(out, err, "%s\n", text) : sg_fail_memory(err);
}

static sg_status print_line(const struct watch *watch, struct sg_error *err)
{
    SG_BUFFER line;
    char time[SG_TIME_TEXT];
    sg_buffer_init(&line, LINE_MAX_BYTES);
    sg_time_format(sg_now_s(sg_clock_system()), time);
    sg_status s = format_line(watch, time, &line, err);
    s = s == SG_OK ? sg_fd_write_all(STDOUT_FILENO, line.data, line.len, err) : s;
    if (s != SG_OK) {
        sg_error_prefix(err, "standard output");
    }
    return s;
}

/* ---- the command ---- */

/* A command that failed runs again, later each time, until it succeeds; a change meanwhile comes
 * first. */
static void retry_later(struct watch *watch, struct sg_error *err)
{
    unsigned twice = watch->retry_ms * 2;
    watch->retry_ms = watch->retry_ms == 0   ? RETRY_MIN_MS
                      : twice < RETRY_MAX_MS ? twice
                                             : RETRY_MAX_MS;
    watch->retry_at_ms = now_ms() + watch->retry_ms;
    sg_watch_say("%s; it runs again in %u s", err->text, watch->retry_ms / 1000);
    sg_error_clear(err);
}

/* It has run for what is known now, or there is none. */
static void done(struct watch *watch)
{
    struct sg_error why = SG_ERROR_INIT;
    watch->retry_ms = 0;
    if (sg_watch_state_write(&watch->state, watch->known, &why) != SG_OK) {
        sg_watch_say("warning: %s; when the watch begins anew, the command runs once more",
                     why.text);
    }
}

static sg_status run_command(struct watch *watch, struct sg_error *err)
{
    sg_status s = SG_OK;
    if (watch->command != NULL) {
        s = sg_watch_command(watch->command, watch->ring, watch->known, err);
    }
    if (s == SG_OK) {
        done(watch);
    } else if (!watch->once) {
        retry_later(watch, err);
        s = SG_OK;
    }
    return s;
}

static bool retry_is_due(const struct watch *watch)
{
    return watch->retry_ms != 0 && now_ms() >= watch->retry_at_ms;
}

/* Nobody but the reader of its lines is served by this watch. */
static bool only_prints(const struct watch *watch)
{
    bool keeps = watch->command != NULL;
    for (size_t i = 0; i < SG_WATCH_FILES; i++) {
        keeps = keeps || watch->files.file[i].path != NULL;
    }
    return !keeps;
}

/* Who reads the line finds the files written. Where it cannot be written, a full disk or a reader
 * that is gone, the server is reloaded all the same. */
static sg_status tell(struct watch *watch, struct sg_error *err)
{
    watch->retry_ms = 0;
    sg_status s = print_line(watch, err);
    if (s != SG_OK && !only_prints(watch)) {
        sg_watch_say("warning: %s; the change to %lld was not told", err->text,
                     (long long)watch->known);
        sg_error_clear(err);
        s = SG_OK;
    }
    return s == SG_OK ? run_command(watch, err) : s;
}

/* ---- questions ---- */

static sg_status ask(struct watch *watch, int64_t known, int wait_s, int64_t *sequence,
                     struct sg_error *err)
{
    json_t *answer = NULL;
    json_t *params = json_pack("{s:s, s:I, s:i}", "ring", watch->ring, "sequence",
                               (json_int_t)known, "wait_s", wait_s);
    if (params == NULL) {
        return sg_fail_memory(err);
    }
    sg_watch_interruptible();
    sg_status s = sg_client_ask(watch->client, watch->wait, params, false, ANSWER_S, &answer, err);
    sg_watch_uninterruptible();
    *sequence = s == SG_OK ? (int64_t)json_integer_value(json_object_get(answer, "sequence")) : 0;
    if (s == SG_OK && *sequence <= 0) { /* to be asked again, and no reason to replace a file */
        s = sg_fail(err, SG_E_SERVICE, "bad_answer",
                    "the service's answer lacks the ring's sequence");
    }
    json_decref(params);
    json_decref(answer);
    return s;
}

/* A command that is to run again does not wait for a change. */
static int patience_s(const struct watch *watch)
{
    int64_t left_ms = watch->retry_ms != 0 ? watch->retry_at_ms - now_ms() : WAIT_S * INT64_C(1000);
    int64_t left_s = left_ms > 0 ? (left_ms + 999) / 1000 : 0;
    return left_s < WAIT_S ? (int)left_s : WAIT_S;
}

/* Says so once, and waits longer each time. */
static void pause_after(struct watch *watch, struct sg_error *err)
{
    if (watch->pause_ms == 0) {
        sg_watch_say("%s; trying again", err->text);
    }
    sg_error_clear(err);
    unsigned twice = watch->pause_ms * 2;
    watch->pause_ms = watch->pause_ms == 0   ? PAUSE_MIN_MS
                      : twice < PAUSE_MAX_MS ? twice
                                             : PAUSE_MAX_MS;
    sg_watch_sleep(watch->pause_ms);
}

/* ---- one change ---- */

/* Chain and key are asked for one after the other, and must be of one state of the ring: a server
 * that was given others would not start. *sequence: that state. */
static sg_status fetch(struct watch *watch, int64_t *sequence, struct sg_error *err)
{
    int64_t before = 0;
    sg_status s = SG_OK;
    for (unsigned i = 0; s == SG_OK && before != *sequence && i < FETCH_MAX; i++) {
        before = *sequence;
        s = sg_watch_fetch(watch->client, &watch->files, err);
        s = s == SG_OK ? ask(watch, before, 0, sequence, err) : s;
    }
    if (s == SG_OK && before != *sequence) {
        return sg_fail(err, SG_E_SERVICE, "ring_unsteady", "%s changes too fast to be read",
                       watch->ring);
    }
    return s;
}

/* A watch that ends amid a change leaves a state that says so. */
static sg_status replace(struct watch *watch, int64_t sequence, bool *changed, struct sg_error *err)
{
    sg_status s = SG_OK;
    if (watch->state.done == SG_WATCH_UNKNOWN) {
        s = sg_watch_state_write(&watch->state, SG_WATCH_NOTHING, err);
    }
    s = s == SG_OK ? sg_watch_put(&watch->files, changed, err) : s;
    if (s == SG_OK) {
        watch->known = sequence;
    }
    if (s == SG_E_NOT_FOUND && watch->begun) { /* a file's directory, never the ring */
        s = err->status = SG_E_STORAGE;
    }
    return s;
}

/* Files that were not up to date say that the ring has changed since somebody looked; so does a
 * state of another time. */
static sg_status look(struct watch *watch, int64_t sequence, bool *news, struct sg_error *err)
{
    bool changed = false, first = !watch->begun;
    sg_status s = fetch(watch, &sequence, err);
    /* what was fetched, which may be younger than what was asked for */
    bool owed = watch->state.done != SG_WATCH_UNKNOWN && watch->state.done != sequence;
    s = s == SG_OK ? replace(watch, sequence, &changed, err) : s;
    if (s != SG_OK) {
        return s;
    }
    watch->begun = true;
    *news = !first || changed || owed;
    if (!*news) {
        done(watch);
    }
    return SG_OK;
}

/* At the start, a file that cannot be written is a mistake of whoever began the watch. */
static bool passes(const struct watch *watch, sg_status s)
{
    return sg_status_info(s)->retry && (watch->begun || s != SG_E_STORAGE);
}

/* One question, and what follows. *told: a change was. */
static sg_status turn(struct watch *watch, bool *told, struct sg_error *err)
{
    int64_t sequence = 0;
    bool news = false, first = !watch->begun;
    sg_status s = ask(watch, watch->known, first ? 0 : patience_s(watch), &sequence, err);
    if (s == SG_OK && (first || sequence != watch->known)) {
        s = look(watch, sequence, &news, err);
    }
    if (s != SG_OK && passes(watch, s)) { /* a restart, a full disk */
        pause_after(watch, err);
        return SG_OK;
    }
    if (s == SG_OK && watch->pause_ms > 0) {
        sg_watch_say("watching %s%s", watch->ring, first ? "" : " again");
        watch->pause_ms = 0;
    }
    sg_watch_tidy(&watch->files);
    *told = news;
    if (s == SG_OK && news) {
        return tell(watch, err);
    }
    return s == SG_OK && retry_is_due(watch) ? run_command(watch, err) : s;
}

static sg_status go_on(struct watch *watch, struct sg_error *err)
{
    bool told = false;
    sg_status s = SG_OK;
    while (s == SG_OK && !(told && watch->once)) {
        bool begun = watch->begun;
        s = turn(watch, &told, err);
        if (s != SG_OK && begun && strcmp(err->code, "command_failed") != 0) {
            sg_error_prefix(err, "the watch of %s ends", watch->ring);
        }
    }
    return s;
}

/* ---- the command line ---- */

static sg_status add_effect(json_t *effects, const char *before, const char *what,
                            struct sg_error *err)
{
    char line[256];
    if (what == NULL) {
        return SG_OK;
    }
    snprintf(line, sizeof line, "%s %s after each change", before, sg_excerpt(what).text);
    return json_array_append_new(effects, json_string(line)) == 0 ? SG_OK : sg_fail_memory(err);
}

static sg_status would(const struct watch *watch, json_t **answer, struct sg_error *err)
{
    json_t *effects = json_array();
    sg_status s = effects != NULL ? SG_OK : sg_fail_memory(err);
    for (size_t i = 0; s == SG_OK && i < SG_WATCH_FILES; i++) {
        s = add_effect(effects, "write", watch->files.file[i].path, err);
    }
    s = s == SG_OK ? add_effect(effects, "run", watch->command, err) : s;
    if (s == SG_OK) {
        *answer = json_pack("{s:b, s:O}", "dry_run", 1, "effects", effects);
        s = *answer != NULL ? SG_OK : sg_fail_memory(err);
    }
    json_decref(effects);
    return s;
}

static sg_status begin(struct watch *watch, json_t **answer, struct sg_error *err)
{
    SG_CLEANUP(sg_client_freep) struct sg_client *client = NULL;
    sg_status s = sg_watch_files_init(&watch->files, watch->invocation, err);
    s = s == SG_OK ? sg_watch_state_init(&watch->state, &watch->files, err) : s;
    if (s == SG_OK && watch->invocation->dry_run) {
        return would(watch, answer, err);
    }
    if (!only_prints(watch)) {
        (void)signal(SIGPIPE, SIG_IGN);
    }
    s = s == SG_OK ? sg_watch_signals(err) : s;
    s = s == SG_OK ? sg_client_open(sg_client_socket(watch->invocation->socket), &client, err) : s;
    watch->client = client;
    sg_watch_state_read(&watch->state);
    return s == SG_OK ? go_on(watch, err) : s;
}

sg_status sg_watch_run(const struct sg_invocation *invocation, json_t **answer,
                       struct sg_error *err)
{
    struct watch watch = {
        .invocation = invocation,
        .wait = sg_operation_find("ring", "wait"),
        .ring = json_string_value(json_object_get(invocation->params, "ring")),
        .command = json_string_value(json_object_get(invocation->params, "exec")),
        .once = sg_invocation_local(invocation, "once") != NULL,
    };
    sg_status s = begin(&watch, answer, err);
    sg_watch_files_done(&watch.files);
    sg_watch_state_done(&watch.state);
    return s;
}
