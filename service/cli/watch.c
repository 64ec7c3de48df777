#include <signet/cli/watch.h>

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
#define LINE_MAX_BYTES 4096

struct watch {
    const struct sg_invocation *invocation;
    const struct sg_operation *wait;
    struct sg_client *client;
    const char *ring, *command;
    int64_t known;     /* the sequence that was told last */
    unsigned pause_ms; /* 0: the last question was answered */
};

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

void sg_watch_say_error(const struct sg_error *failure)
{
    sg_watch_say("%s", failure->text);
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

/* ---- one change ---- */

static sg_status run_command(const struct watch *watch, struct sg_error *err)
{
    if (watch->command == NULL) {
        return SG_OK;
    }
    sg_status s = sg_watch_command(watch->command, watch->ring, watch->known, err);
    if (s != SG_OK && sg_invocation_local(watch->invocation, "once") == NULL) {
        sg_watch_say_error(err);
        sg_error_clear(err);
        return SG_OK;
    }
    return s;
}

/* Who reads the line finds the files written. */
static sg_status tell(struct watch *watch, int64_t sequence, struct sg_error *err)
{
    watch->known = sequence;
    sg_status s = print_line(watch, err);
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
    json_decref(params);
    json_decref(answer);
    return s;
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

/* One question, and what follows. *told: a change was. */
static sg_status turn(struct watch *watch, bool *told, struct sg_error *err)
{
    int64_t sequence = 0;
    bool changed = false;
    sg_status s = ask(watch, watch->known, WAIT_S, &sequence, err);
    bool news = s == SG_OK && sequence != watch->known;
    if (news) {
        s = sg_watch_files(watch->client, watch->invocation, &changed, err);
    }
    if (s != SG_OK && sg_status_info(s)->retry) { /* a restart, a full disk: that passes */
        pause_after(watch, err);
        return SG_OK;
    }
    if (s == SG_OK && watch->pause_ms > 0) {
        sg_watch_say("watching %s again", watch->ring);
        watch->pause_ms = 0;
    }
    *told = news;
    return s == SG_OK && news ? tell(watch, sequence, err) : s;
}

/* Files that were not up to date say that the ring has changed since somebody looked. */
static sg_status begin(struct watch *watch, bool *told, struct sg_error *err)
{
    int64_t sequence = 0;
    sg_status s = ask(watch, 0, 0, &sequence, err);
    watch->known = sequence;
    s = s == SG_OK ? sg_watch_files(watch->client, watch->invocation, told, err) : s;
    return s == SG_OK && *told ? tell(watch, sequence, err) : s;
}

static sg_status go_on(struct watch *watch, struct sg_error *err)
{
    bool told = false, once = sg_invocation_local(watch->invocation, "once") != NULL;
    sg_status s = begin(watch, &told, err);
    while (s == SG_OK && !(told && once)) {
        s = turn(watch, &told, err);
        if (s != SG_OK && strcmp(err->code, "command_failed") != 0) {
            sg_error_prefix(err, "the watch of %s ends", watch->ring);
        }
    }
    return s;
}

/* ---- the command line ---- */

static sg_status check_paths(const char *chain, const char *trust, struct sg_error *err)
{
    if ((chain != NULL && strcmp(chain, "-") == 0) || (trust != NULL && strcmp(trust, "-") == 0)) {
        sg_fail(err, SG_E_USAGE, "bad_usage",
                "--chain and --trust name files that are kept, not standard output");
        return sg_hint(err, "To print once: signet ring export --out -");
    }
    if (chain != NULL && trust != NULL && strcmp(chain, trust) == 0) {
        return sg_fail(err, SG_E_USAGE, "bad_usage", "--chain and --trust name the same file");
    }
    return SG_OK;
}

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

static sg_status would(const struct sg_invocation *invocation, const char *command, json_t **answer,
                       struct sg_error *err)
{
    json_t *effects = json_array();
    sg_status s = effects != NULL ? SG_OK : sg_fail_memory(err);
    s = s == SG_OK ? add_effect(effects, "write", sg_invocation_local(invocation, "chain"), err)
                   : s;
    s = s == SG_OK ? add_effect(effects, "write", sg_invocation_local(invocation, "trust"), err)
                   : s;
    s = s == SG_OK ? add_effect(effects, "run", command, err) : s;
    if (s == SG_OK) {
        *answer = json_pack("{s:b, s:O}", "dry_run", 1, "effects", effects);
        s = *answer != NULL ? SG_OK : sg_fail_memory(err);
    }
    json_decref(effects);
    return s;
}

sg_status sg_watch_run(const struct sg_invocation *invocation, json_t **answer,
                       struct sg_error *err)
{
    struct watch watch = {
        .invocation = invocation,
        .wait = sg_operation_find("ring", "wait"),
        .ring = json_string_value(json_object_get(invocation->params, "ring")),
        .command = json_string_value(json_object_get(invocation->params, "exec")),
    };
    SG_CLEANUP(sg_client_freep) struct sg_client *client = NULL;
    sg_status s = check_paths(sg_invocation_local(invocation, "chain"),
                              sg_invocation_local(invocation, "trust"), err);
    if (s == SG_OK && invocation->dry_run) {
        return would(invocation, watch.command, answer, err);
    }
    s = s == SG_OK ? sg_watch_signals(err) : s;
    s = s == SG_OK ? sg_client_open(sg_client_socket(invocation->socket), &client, err) : s;
    watch.client = client;
    return s == SG_OK ? go_on(&watch, err) : s;
}
