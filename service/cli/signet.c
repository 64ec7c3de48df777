/* signet: one command, one request, one answer. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/cli/arguments.h>
#include <signet/cli/attach.h>
#include <signet/cli/client.h>
#include <signet/cli/dev.h>
#include <signet/cli/files.h>
#include <signet/cli/help.h>
#include <signet/cli/output.h>
#include <signet/cli/shapes.h>
#include <signet/cli/watch.h>

/* What goes to standard output and to standard error. */
struct result {
    struct sg_buffer out, notes;
    bool negative; /* a verdict (SG_OP_VERDICT) that something is wrong */
};

static void result_done(struct result *result)
{
    sg_buffer_done(&result->out);
    sg_buffer_done(&result->notes);
}

static void json_freep(json_t **value)
{
    json_decref(*value);
}

static sg_status ask_nobody(const struct sg_invocation *invocation, json_t **answer,
                            struct sg_error *err)
{
    enum sg_operation_id id = invocation->operation->id;
    if (id == SG_OP_WATCH) {
        return sg_watch_run(invocation, answer, err);
    }
    return id == SG_OP_ATTACH ? sg_attach_run(invocation, answer, err)
                              : sg_dev_run(invocation, answer, err);
}

static sg_status ask(struct sg_invocation *invocation, json_t **answer, struct sg_error *err)
{
    if ((invocation->operation->flags & SG_OP_CLIENT) != 0) {
        return ask_nobody(invocation, answer, err);
    }
    SG_CLEANUP(sg_client_freep) struct sg_client *client = NULL;
    sg_status s = sg_shape_check(invocation, err);
    s = s == SG_OK ? sg_files_load(invocation, err) : s;
    s = s == SG_OK ? sg_client_open(sg_client_socket(invocation->socket), &client, err) : s;
    s = s == SG_OK ? sg_carry_in(client, invocation, err) : s;
    s = s == SG_OK ? sg_carry_ask(invocation, err) : s;
    return s == SG_OK ? sg_client_ask(client, invocation->operation, invocation->params,
                                      invocation->dry_run, 0, answer, err)
                      : s;
}

/* With --json and nowhere to write, the answer itself is what a program wants. */
static bool is_shaped(const struct sg_invocation *invocation, const json_t *answer)
{
    bool file = sg_invocation_local(invocation, "out") != NULL &&
                strcmp(sg_invocation_local(invocation, "out"), "-") != 0;
    return sg_shape_applies(invocation->operation) &&
           !json_is_true(json_object_get(answer, "dry_run")) && (file || !invocation->json);
}

static sg_status show(const struct sg_invocation *invocation, json_t *answer, struct result *result,
                      struct sg_error *err)
{
    return invocation->json
               ? sg_output_json(answer, &result->out, err)
               : sg_output_answer(invocation->operation, answer, &result->out, &result->notes, err);
}

/* The warnings of an answer that became a file are said like any other's. */
static sg_status show_shaped(const struct sg_invocation *invocation, json_t *answer,
                             struct result *result, struct sg_error *err)
{
    SG_CLEANUP(json_freep) json_t *report = NULL;
    sg_status s = sg_shape_write(invocation, answer, &result->out, &report, err);
    s = s == SG_OK ? sg_shape_warn(invocation, answer, err) : s;
    json_t *warnings = json_object_get(answer, "warnings");
    if (s != SG_OK) {
        return s;
    }
    if (report == NULL && warnings == NULL) {
        return SG_OK;
    }
    if (report == NULL && (report = json_pack("{s:[]}", "did")) == NULL) {
        return sg_fail_memory(err);
    }
    if (warnings != NULL && json_object_set(report, "warnings", warnings) != 0) {
        return sg_fail_memory(err);
    }
    return show(invocation, report, result, err);
}

static sg_status run_operation(struct sg_invocation *invocation, struct result *result,
                               struct sg_error *err)
{
    SG_CLEANUP(json_freep) json_t *answer = NULL;
    sg_status s = ask(invocation, &answer, err);
    if (s != SG_OK || answer == NULL) {
        return s; /* without an answer everything was said on the way */
    }
    result->negative = (invocation->operation->flags & SG_OP_VERDICT) != 0 &&
                       json_is_false(json_object_get(answer, "ok"));
    return is_shaped(invocation, answer) ? show_shaped(invocation, answer, result, err)
                                         : show(invocation, answer, result, err);
}

static sg_status run_command(struct sg_invocation *invocation, struct result *result,
                             struct sg_error *err)
{
    switch (invocation->command) {
    case SG_COMMAND_OPERATION:
        return run_operation(invocation, result, err);
    case SG_COMMAND_HELP:
        return sg_help_text(invocation->operation, invocation->noun, &result->out, err);
    case SG_COMMAND_MARKDOWN:
        return sg_help_markdown(&result->out, err);
    case SG_COMMAND_VERSION:
        return sg_buffer_format(&result->out, err, "signet %s\n", SIGNET_VERSION);
    case SG_COMMAND_COMPLETION:
        return sg_completion_bash(&result->out, err);
    }
    return sg_fail(err, SG_E_INTERNAL, NULL, "unknown command");
}

static sg_status write_result(const struct result *result, struct sg_error *err)
{
    struct sg_error ignored =
        SG_ERROR_INIT; /* standard error may be closed; that is nobody's failure */
    if (result->notes.len > 0 &&
        sg_fd_write_all(STDERR_FILENO, result->notes.data, result->notes.len, &ignored) != SG_OK) {
        sg_error_clear(&ignored);
    }
    sg_status s = sg_fd_write_all(STDOUT_FILENO, result->out.data, result->out.len, err);
    if (s != SG_OK) {
        sg_error_prefix(err, "standard output");
    }
    return s;
}

static sg_status run(int argc, const char *const *argv, bool *negative, struct sg_error *err)
{
    SG_INVOCATION invocation = SG_INVOCATION_INIT;
    SG_CLEANUP(result_done) struct result result = {.negative = false};
    sg_buffer_init(&result.out, SG_OUTPUT_MAX);
    sg_buffer_init(&result.notes, SG_OUTPUT_MAX);
    sg_status s = sg_arguments_parse(argc, argv, &invocation, err);
    if (s == SG_OK) {
        s = run_command(&invocation, &result, err);
    }
    *negative = result.negative;
    return s == SG_OK ? write_result(&result, err) : s;
}

/* Programs read failures where they read answers, people where they read warnings. */
static void report(const struct sg_error *failure, bool json)
{
    SG_BUFFER text;
    sg_buffer_init(&text, 65536);
    struct sg_error err = SG_ERROR_INIT;
    if (sg_output_failure(failure, json, &text, &err) != SG_OK ||
        sg_fd_write_all(json ? STDOUT_FILENO : STDERR_FILENO, text.data, text.len, &err) != SG_OK) {
        (void)fprintf(stderr, "signet: cannot report a failure\n");
    }
}

int main(int argc, char **argv)
{
    struct sg_error err = SG_ERROR_INIT;
    const char *const *words = (const char *const *)argv;
    bool negative = false;
    sg_status s = run(argc, words, &negative, &err);
    if (s != SG_OK) {
        report(&err, sg_arguments_want_json(argc, words));
    }
    return s == SG_OK && negative ? sg_status_info(SG_E_CONFLICT)->exit_code
                                  : sg_status_info(s)->exit_code;
}
