/* The command racdcert: its options, its deck, its exit status. */
#include <signet/cli/racdcert.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/cli/output.h>

#include "racdcert_internal.h"

#define ECHO_MAX 400 /* characters of a command that are shown again */

static const char help[] =
    "racdcert [OPTION…] COMMAND        one RACDCERT command: racdcert 'ID(START1) ADDRING(KEY)'\n"
    "racdcert [OPTION…] < DECK         a deck of commands on standard input\n"
    "\n"
    "Options stand before the command or behind it; words behind \"--\" are the command's.\n"
    "\n"
    "RACF's certificate commands over any PKCS#11 token. Data-set names are files in the current\n"
    "directory. What is taken, and where it differs: docs/racdcert.md, docs/racf-compatibility.md.\n"
    "\n"
    "  --dry-run          say what would be done, by the whole deck; change nothing\n"
    "  --stop-on-error    end the deck at the first command that fails\n"
    "  --json             answers as one JSON object\n"
    "  --socket PATH      the service's socket (default: $SIGNET_SOCKET, then /run/signet/signet.sock)\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 done, 4 done with a warning, 8 a command failed, 12 a command was not understood,\n"
    "or the service or its token did not answer. Of a deck: the highest.\n";

static void outcome_init(struct sg_racdcert_outcome *outcome)
{
    *outcome = (struct sg_racdcert_outcome){.request = SG_RAC_REQUEST_INIT};
    sg_buffer_init(&outcome->out, SG_OUTPUT_MAX);
    sg_buffer_init(&outcome->notes, SG_OUTPUT_MAX);
}

static void outcome_done(struct sg_racdcert_outcome *outcome)
{
    sg_rac_request_done(&outcome->request);
    sg_buffer_done(&outcome->out);
    sg_buffer_done(&outcome->notes);
    json_decref(outcome->answer);
}

sg_status sg_racdcert_flush(struct sg_racdcert_outcome *outcome, struct sg_error *err)
{
    sg_status s = outcome->out.len == 0
                      ? SG_OK
                      : sg_fd_write_all(STDOUT_FILENO, outcome->out.data, outcome->out.len, err);
    struct sg_error ignored = SG_ERROR_INIT; /* standard error may be closed */
    if (outcome->notes.len > 0 && sg_fd_write_all(STDERR_FILENO, outcome->notes.data,
                                                  outcome->notes.len, &ignored) != SG_OK) {
        sg_error_clear(&ignored);
    }
    sg_buffer_done(&outcome->out);
    sg_buffer_done(&outcome->notes);
    return s;
}

/* ---- failures ---- */

/* Only what is wrong with the command's own text has a place in it. */
static bool has_place(const struct sg_racdcert_outcome *outcome,
                      const struct sg_deck_command *command)
{
    return outcome->request.fault_len > 0 || command->fault_len > 0;
}

static void take_fault(struct sg_racdcert_outcome *outcome, struct sg_deck_command *command)
{
    if (outcome->request.fault_len > 0) {
        command->fault = outcome->request.fault;
        command->fault_len = outcome->request.fault_len;
    }
}

static sg_status say_failure(struct sg_racdcert_outcome *outcome, struct sg_deck_command *command,
                             const struct sg_error *failure, struct sg_error *err)
{
    struct sg_buffer *notes = &outcome->notes;
    const struct sg_rac_message message = sg_rac_message(outcome->request.function, failure);
    const struct sg_place place = sg_deck_place(command, command->fault);
    sg_status s = SG_OK;
    if (message.number != NULL) {
        s = sg_buffer_format(notes, err, "%s %s\n", message.number, message.text);
    }
    s = s == SG_OK ? sg_buffer_format(notes, err, "racdcert: ") : s;
    if (s == SG_OK && has_place(outcome, command)) {
        s = sg_buffer_format(notes, err, "line %u, column %u: ", place.line, place.column);
    }
    s = s == SG_OK ? sg_output_clean(failure->text, notes, err) : s;
    s = s == SG_OK ? sg_buffer_append(notes, "\n", 1, err) : s;
    if (s == SG_OK && has_place(outcome, command)) {
        s = sg_deck_excerpt(command, notes, err);
    }
    if (s == SG_OK && failure->hint[0] != '\0') {
        s = sg_buffer_format(notes, err, "hint: ");
        s = s == SG_OK ? sg_output_clean(failure->hint, notes, err) : s;
        s = s == SG_OK ? sg_buffer_append(notes, "\n", 1, err) : s;
    }
    return s;
}

/* ---- JSON ---- */

/* JSON is UTF-8 and decks need not be: then only the ASCII of the text is shown. NULL for an empty
 * one and when memory is out. */
static json_t *text_json(const char *text)
{
    json_t *value = text[0] != '\0' ? json_string(text) : NULL;
    SG_FREE char *copy = value == NULL && text[0] != '\0' ? strdup(text) : NULL;
    if (copy == NULL) {
        return value;
    }
    for (char *c = copy; *c != '\0'; c++) {
        if (((unsigned char)*c & 0x80) != 0) {
            *c = '?';
        }
    }
    return json_string(copy);
}

static json_t *failure_json(const struct sg_racdcert_outcome *outcome,
                            const struct sg_deck_command *command, const struct sg_error *failure)
{
    const struct sg_rac_message message = sg_rac_message(outcome->request.function, failure);
    const struct sg_place place = sg_deck_place(command, command->fault);
    json_t *error = json_pack("{s:s, s:s, s:o*, s:o*, s:o*, s:s*}", "code", failure->code, "status",
                              sg_status_info(failure->status)->name, "text",
                              text_json(failure->text), "hint", text_json(failure->hint), "object",
                              text_json(failure->object), "message", message.number);
    if (has_place(outcome, command)) {
        json_object_set_new(error, "line", json_integer(place.line));
        json_object_set_new(error, "column", json_integer(place.column));
    }
    return error;
}

static sg_status keep_result(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                             const struct sg_deck_command *command, const struct sg_error *failure,
                             struct sg_error *err)
{
    SG_BUFFER echo;
    sg_buffer_init(&echo, SG_DECK_COMMAND_MAX + 8);
    sg_status s = sg_deck_echo(command, ECHO_MAX, &echo, err);
    if (s != SG_OK) {
        return s;
    }
    json_t *shown = echo.len > 0 ? text_json((const char *)echo.data) : json_string("");
    json_t *result = json_pack("{s:i, s:o, s:s, s:i}", "line", (int)sg_deck_place(command, 0).line,
                               "command", shown, "function", outcome->request.function,
                               "return_code", outcome->return_code);
    int failed = result == NULL;
    failed = failed || (json_array_size(outcome->request.notes) > 0 &&
                        json_object_set(result, "notes", outcome->request.notes) != 0);
    failed = failed || (json_array_size(outcome->request.warnings) > 0 &&
                        json_object_set(result, "warnings", outcome->request.warnings) != 0);
    failed = failed ||
             (outcome->answer != NULL && json_object_set(result, "answer", outcome->answer) != 0);
    failed = failed ||
             (failure != NULL &&
              json_object_set_new(result, "error", failure_json(outcome, command, failure)) != 0);
    if (failed || json_array_append(session->results, result) != 0) {
        json_decref(result);
        return sg_fail_memory(err);
    }
    json_decref(result);
    return SG_OK;
}

static sg_status print_results(struct sg_racdcert *session, struct sg_error *err)
{
    SG_BUFFER text;
    sg_buffer_init(&text, SG_OUTPUT_MAX);
    json_t *all =
        json_pack("{s:O, s:i}", "commands", session->results, "return_code", session->return_code);
    int failed = all == NULL;
    if (!failed && json_array_size(session->notes) > 0) {
        failed = json_object_set(all, "notes", session->notes);
    }
    if (!failed && session->options.dry_run) {
        failed = json_object_set_new(all, "dry_run", json_true());
    }
    if (!failed && session->outdated) {
        failed = json_object_set_new(all, "outdated", json_true());
    }
    sg_status s = !failed ? sg_output_json(all, &text, err) : sg_fail_memory(err);
    json_decref(all);
    return s == SG_OK ? sg_fd_write_all(STDOUT_FILENO, text.data, text.len, err) : s;
}

/* ---- one command after the other ---- */

struct skipped {
    char text[80];
};

static struct skipped skipped_text(const struct sg_deck_command *command)
{
    struct skipped out;
    if (command->skipped_first == command->skipped_last) {
        snprintf(out.text, sizeof out.text, "line %u skipped: job control", command->skipped_first);
    } else {
        snprintf(out.text, sizeof out.text, "lines %u to %u skipped: job control",
                 command->skipped_first, command->skipped_last);
    }
    return out;
}

static sg_status say_command(const struct sg_racdcert *session,
                             const struct sg_deck_command *command, struct sg_buffer *out,
                             struct sg_error *err)
{
    if (session->single || session->options.json) {
        return SG_OK;
    }
    sg_status s = session->commands > 1 ? sg_buffer_append(out, "\n", 1, err) : SG_OK;
    s = s == SG_OK ? sg_deck_echo(command, ECHO_MAX, out, err) : s;
    return s == SG_OK ? sg_buffer_append(out, "\n", 1, err) : s;
}

static sg_status say_skipped(const struct sg_racdcert *session,
                             const struct sg_deck_command *command, struct sg_buffer *out,
                             struct sg_error *err)
{
    if (command->skipped_first == 0 || session->options.json) {
        return SG_OK;
    }
    return sg_buffer_format(out, err, "note: %s\n", skipped_text(command).text);
}

/* Programs read of it where they read everything else. */
static sg_status keep_skipped(struct sg_racdcert *session, const struct sg_deck_command *command,
                              struct sg_error *err)
{
    if (command->skipped_first == 0) {
        return SG_OK;
    }
    json_t *text = json_string(skipped_text(command).text);
    return text != NULL && json_array_append_new(session->notes, text) == 0 ? SG_OK
                                                                            : sg_fail_memory(err);
}

/* Everything that one command says is written at once, its failure included. */
static sg_status finish_command(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                                struct sg_deck_command *command, const struct sg_error *failure,
                                struct sg_error *err)
{
    sg_status s = SG_OK;
    if (failure != NULL) {
        take_fault(outcome, command);
        outcome->return_code = sg_rac_return_code(failure);
        session->unreachable = failure->status == SG_E_SERVICE;
        s = say_failure(outcome, command, failure, err);
    }
    if (outcome->return_code > session->return_code) {
        session->return_code = outcome->return_code;
    }
    if (s != SG_OK) {
        return s;
    }
    return session->options.json ? keep_result(session, outcome, command, failure, err)
                                 : sg_racdcert_flush(outcome, err);
}

/* read: how reading the command ended. */
static sg_status run_command(struct sg_racdcert *session, struct sg_deck_command *command,
                             struct sg_error *read, struct sg_error *err)
{
    SG_CLEANUP(outcome_done) struct sg_racdcert_outcome outcome;
    outcome_init(&outcome);
    session->commands++;
    sg_status s = say_skipped(session, command, &outcome.notes, err);
    s = s == SG_OK ? keep_skipped(session, command, err) : s;
    s = s == SG_OK ? say_command(session, command, &outcome.out, err) : s;
    s = s == SG_OK && !session->options.json ? sg_racdcert_flush(&outcome, err) : s;
    if (s != SG_OK) {
        return s;
    }
    struct sg_error failure = *read;
    if (failure.status == SG_OK &&
        sg_racdcert_perform(session, command, &outcome, &failure) == SG_OK) {
        return finish_command(session, &outcome, command, NULL, err);
    }
    return finish_command(session, &outcome, command, &failure, err);
}

static bool stops(const struct sg_racdcert *session)
{
    return session->unreachable || (session->options.stop_on_error && session->return_code >= 8);
}

/* Job control behind the last command. */
static sg_status end_deck(struct sg_racdcert *session, const struct sg_deck_command *command,
                          struct sg_error *err)
{
    SG_CLEANUP(outcome_done) struct sg_racdcert_outcome outcome;
    outcome_init(&outcome);
    sg_status s = keep_skipped(session, command, err);
    s = s == SG_OK ? say_skipped(session, command, &outcome.notes, err) : s;
    return s == SG_OK ? sg_racdcert_flush(&outcome, err) : s;
}

/* What a dry run cannot know, said once; and that it may be outdated already. */
static void say_rehearsed(const struct sg_racdcert *session)
{
    static const char always[] =
        "note: dry run: nothing was changed; keys, serial numbers and fingerprints of what the deck "
        "would make are made up\n";
    static const char changed[] =
        "note: others changed something meanwhile, which this dry run has not seen\n";
    struct sg_error ignored = SG_ERROR_INIT; /* standard error may be closed */
    sg_status s = sg_fd_write_all(STDERR_FILENO, always, sizeof always - 1, &ignored);
    s = s == SG_OK && session->outdated
            ? sg_fd_write_all(STDERR_FILENO, changed, sizeof changed - 1, &ignored)
            : s;
    if (s != SG_OK) {
        sg_error_clear(&ignored);
    }
}

static sg_status run_commands(struct sg_racdcert *session, struct sg_bytes text,
                              struct sg_error *err)
{
    SG_DECK_COMMAND command;
    struct sg_deck deck;
    sg_deck_command_init(&command);
    sg_status s = sg_deck_begin(&deck, text, err);
    while (s == SG_OK && !stops(session)) {
        struct sg_error read = SG_ERROR_INIT;
        if (sg_deck_next(&deck, &command, &read) == SG_OK && command.text.len == 0) {
            return end_deck(session, &command, err);
        }
        s = run_command(session, &command, &read, err);
    }
    return s;
}

static sg_status run_deck(struct sg_racdcert *session, struct sg_bytes text, struct sg_error *err)
{
    sg_status s = run_commands(session, text, err);
    bool rehearsed = session->rehearsing;
    sg_racdcert_rehearsal_end(session);
    if (rehearsed && !session->options.json) {
        say_rehearsed(session);
    }
    return s;
}

/* Arguments as one command; RACDCERT itself may be left out. */
static sg_status run_single(struct sg_racdcert *session, int argc, const char *const *argv,
                            struct sg_error *err)
{
    SG_BUFFER text;
    SG_DECK_COMMAND command;
    sg_buffer_init(&text, SG_DECK_COMMAND_MAX);
    sg_deck_command_init(&command);
    sg_status s = SG_OK;
    size_t word = strcspn(argv[0], " (");
    if (!sg_rac_is_command(argv[0], word)) {
        s = sg_buffer_format(&text, err, "RACDCERT ");
    }
    for (int i = 0; s == SG_OK && i < argc; i++) {
        s = sg_buffer_format(&text, err, "%s%s", i > 0 ? " " : "", argv[i]);
    }
    if (s != SG_OK) {
        return s;
    }
    struct sg_error read = SG_ERROR_INIT;
    if (sg_deck_single((struct sg_bytes){text.data, text.len}, &command, &read) != SG_OK) {
        return run_command(session, &command, &read, err);
    }
    return run_command(session, &command, &read, err);
}

/* ---- the command line ---- */

enum wanted { WANTED_RUN, WANTED_HELP, WANTED_VERSION };

static sg_status read_option(int argc, const char *const *argv, int *at,
                             struct sg_racdcert_options *options, enum wanted *wanted,
                             struct sg_error *err)
{
    const char *word = argv[*at];
    if (strcmp(word, "--json") == 0) {
        options->json = true;
    } else if (strcmp(word, "--dry-run") == 0) {
        options->dry_run = true;
    } else if (strcmp(word, "--stop-on-error") == 0) {
        options->stop_on_error = true;
    } else if (strcmp(word, "--help") == 0) {
        *wanted = WANTED_HELP;
    } else if (strcmp(word, "--version") == 0) {
        *wanted = WANTED_VERSION;
    } else if (strcmp(word, "--socket") == 0 && *at + 1 < argc) {
        options->socket = argv[++*at];
    } else {
        sg_fail(err, SG_E_USAGE, "unknown_option",
                "%s is no option of racdcert, or lacks its value", sg_excerpt(word).text);
        return sg_hint(err, "racdcert --help says which there are. Words of the command that begin "
                            "so stand behind \"--\".");
    }
    return SG_OK;
}

/* Options out of the arguments, wherever they stand: no keyword begins with two hyphens. What is
 * left are the command's words. */
static sg_status read_words(int argc, const char *const *argv, struct sg_racdcert_options *options,
                            enum wanted *wanted, const char **words, int *count,
                            struct sg_error *err)
{
    bool ended = false;
    sg_status s = SG_OK;
    for (int at = 1; s == SG_OK && at < argc; at++) {
        if (!ended && strcmp(argv[at], "--") == 0) {
            ended = true;
        } else if (!ended && strncmp(argv[at], "--", 2) == 0) {
            s = read_option(argc, argv, &at, options, wanted, err);
        } else {
            words[(*count)++] = argv[at];
        }
    }
    return s;
}

static sg_status run(struct sg_racdcert *session, int argc, const char *const *argv,
                     struct sg_error *err)
{
    SG_BUFFER text;
    sg_buffer_init(&text, SG_DECK_MAX + 1);
    session->results = json_array();
    session->notes = json_array();
    sg_status s = session->results != NULL && session->notes != NULL ? SG_OK : sg_fail_memory(err);
    s = s == SG_OK
            ? sg_client_open(sg_client_socket(session->options.socket), &session->client, err)
            : s;
    if (s != SG_OK) {
        return s;
    }
    session->single = argc > 0;
    if (session->single) {
        s = run_single(session, argc, argv, err);
    } else if (isatty(STDIN_FILENO)) {
        sg_fail(err, SG_E_USAGE, "bad_usage", "no command, and no deck on standard input");
        s = sg_hint(err, "racdcert --help");
    } else {
        s = sg_fd_read_all(STDIN_FILENO, "deck", &text, err);
        s = s == SG_OK ? run_deck(session, (struct sg_bytes){text.data, text.len}, err) : s;
    }
    return s == SG_OK && session->options.json ? print_results(session, err) : s;
}

static int report(const struct sg_error *failure, bool json)
{
    SG_BUFFER text;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&text, 65536);
    if (sg_output_failure(failure, json, &text, &err) == SG_OK &&
        sg_fd_write_all(json ? STDOUT_FILENO : STDERR_FILENO, text.data, text.len, &err) != SG_OK) {
        sg_error_clear(&err); /* nobody listens */
    }
    return 12;
}

static void session_done(struct sg_racdcert *session)
{
    json_decref(session->results);
    json_decref(session->notes);
    sg_kept_freep(&session->kept);
    if (session->client != NULL) {
        sg_client_free(session->client);
    }
}

int sg_racdcert_main(int argc, const char *const *argv)
{
    SG_CLEANUP(session_done) struct sg_racdcert session = {.options = {.json = false}};
    struct sg_error err = SG_ERROR_INIT;
    enum wanted wanted = WANTED_RUN;
    SG_FREE const char **words = calloc((size_t)argc + 1, sizeof *words);
    int count = 0;
    sg_status s = words != NULL
                      ? read_words(argc, argv, &session.options, &wanted, words, &count, &err)
                      : sg_fail_memory(&err);
    if (s == SG_OK && wanted != WANTED_RUN) {
        static const char version[] = "racdcert (signet) " SIGNET_VERSION "\n";
        const char *text = wanted == WANTED_HELP ? help : version;
        s = sg_fd_write_all(STDOUT_FILENO, text, strlen(text), &err);
        return s == SG_OK ? 0 : report(&err, false);
    }
    s = s == SG_OK ? run(&session, count, words, &err) : s;
    return s == SG_OK ? session.return_code : report(&err, session.options.json);
}
