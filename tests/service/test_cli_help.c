/* Help, completion and documentation say everything that the table holds. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signet/cli/arguments.h>
#include <signet/cli/help.h>

#define TEXT_MAX ((size_t)1024 * 1024)

static const struct sg_operation *rows;
static size_t count;

static const char *text_of(const struct sg_buffer *buffer)
{
    return (const char *)buffer->data;
}

static void assert_holds(const struct sg_buffer *text, const char *part)
{
    if (strstr(text_of(text), part) == NULL) {
        fail_msg("\"%s\" is missing in:\n%.400s", part, text_of(text));
    }
}

static void help_names_every_parameter(void **state)
{
    (void)state;
    size_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        SG_BUFFER text;
        struct sg_error err = SG_ERROR_INIT;
        sg_buffer_init(&text, TEXT_MAX);
        assert_int_equal(sg_help_text(&rows[i], rows[i].noun, &text, &err), SG_OK);
        assert_holds(&text, rows[i].help);
        for (const struct sg_param *param = rows[i].params; param->name != NULL; param++, seen++) {
            char option[64], shown[72];
            if (param->type == SG_PARAM_CARRIED) {
                continue; /* nobody types it */
            }
            sg_param_option(param, option);
            snprintf(shown, sizeof shown, "--%s", param->word_flags ? param->words[0] : option);
            assert_holds(&text, param->positional ? param->placeholder : shown);
            assert_holds(&text, param->help);
        }
    }
    assert_true(seen > 50);
}

static void help_of_a_noun_names_its_verbs(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++) {
        SG_BUFFER text;
        struct sg_error err = SG_ERROR_INIT;
        sg_buffer_init(&text, TEXT_MAX);
        assert_int_equal(sg_help_text(NULL, rows[i].noun, &text, &err), SG_OK);
        assert_holds(&text, rows[i].verb);
    }
}

static void help_of_all_names_every_operation(void **state)
{
    (void)state;
    SG_BUFFER text;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&text, TEXT_MAX);
    assert_int_equal(sg_help_text(NULL, NULL, &text, &err), SG_OK);
    for (size_t i = 0; i < count; i++) {
        char words[64];
        snprintf(words, sizeof words, "  %s%s%s ", rows[i].noun, rows[i].verb[0] != '\0' ? " " : "",
                 rows[i].verb);
        assert_holds(&text, words);
    }
    assert_holds(&text, "--socket PATH");
    assert_holds(&text, "--dry-run");
    assert_holds(&text, "Exit status");
}

static void usage_shows_what_must_be_given(void **state)
{
    (void)state;
    const struct {
        const char *noun, *verb, *usage;
    } lines[] = {
        {"status", "", "signet status"},
        {"cert", "list", "signet cert list [OWNER] [options]"},
        {"cert", "show", "signet cert show OWNER/LABEL"},
        {"cert", "add", "signet cert add OWNER[/LABEL] FILE… [options]"},
        {"provision", "", "signet provision PROGRAM --ring OWNER/RING [options]"},
        {"ring", "export", "signet ring export OWNER/RING --format FORMAT --out PATH [options]"},
    };
    for (size_t i = 0; i < SG_COUNT(lines); i++) {
        SG_BUFFER text;
        struct sg_error err = SG_ERROR_INIT;
        sg_buffer_init(&text, TEXT_MAX);
        assert_int_equal(
            sg_help_usage(sg_operation_find(lines[i].noun, lines[i].verb), &text, &err), SG_OK);
        assert_string_equal(text_of(&text), lines[i].usage);
    }
}

static void documentation_names_every_parameter(void **state)
{
    (void)state;
    SG_BUFFER text;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&text, TEXT_MAX);
    assert_int_equal(sg_help_markdown(&text, &err), SG_OK);
    for (size_t i = 0; i < count; i++) {
        char title[64];
        snprintf(title, sizeof title, "### signet %s", rows[i].noun);
        assert_holds(&text, title);
        for (const struct sg_param *param = rows[i].params; param->name != NULL; param++) {
            char key[64];
            snprintf(key, sizeof key, "| `%s` |", param->name);
            assert_holds(&text, key);
        }
    }
}

static void too_little_room_is_an_error(void **state)
{
    (void)state;
    SG_BUFFER text;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&text, 100);
    assert_int_equal(sg_help_text(NULL, NULL, &text, &err), SG_E_LIMIT);
    sg_buffer_done(&text);
    assert_int_equal(sg_help_markdown(&text, &err), SG_E_LIMIT);
    sg_buffer_done(&text);
    assert_int_equal(sg_completion_bash(&text, &err), SG_E_LIMIT);
}

/* ---- completion: run by bash itself ---- */

static void write_completion(char path[32], const char *more)
{
    SG_BUFFER text;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&text, TEXT_MAX);
    assert_int_equal(sg_completion_bash(&text, &err), SG_OK);
    snprintf(path, 32, "/tmp/signet-bash.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_true(fputs(text_of(&text), file) >= 0 && fputs(more, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void completion_is_valid_bash(void **state)
{
    (void)state;
    char path[32], command[64];
    write_completion(path, "");
    snprintf(command, sizeof command, "bash -n %s", path);
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): a name of our own making */
    assert_non_null(pipe);
    int status = pclose(pipe);
    remove(path);
    assert_int_equal(status, 0);
}

/* What bash would offer for the words, the last of which is being typed. */
static void offers(const char *words, char *out, size_t size)
{
    char path[32], command[64], more[512];
    snprintf(more, sizeof more,
             "COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _signet 2>/dev/null\n"
             "echo \" ${COMPREPLY[*]} \"\n",
             words);
    write_completion(path, more);
    snprintf(command, sizeof command, "bash --norc %s", path);
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c) */
    assert_non_null(pipe);
    size_t len = fread(out, 1, size - 1, pipe);
    out[len] = '\0';
    int status = pclose(pipe);
    remove(path);
    assert_int_equal(status, 0);
}

static void completion_offers_what_the_table_holds(void **state)
{
    (void)state;
    const struct {
        const char *words, *offered, *not_offered;
    } lines[] = {
        {"signet ''", " cert ", " generate "},
        {"signet ce", " cert ", " ring "},
        {"signet cert ''", " generate ", " connect "},
        {"signet --socket /s cert ''", " generate ", " cert "},
        {"signet cert generate A/b --su", " --subject ", " --san "},
        {"signet cert generate A/b --usage ''", " keyagree ", " --subject "},
        {"signet cert alter A/b ''", " --hightrust ", " --status "},
        {"signet provision ''", " nginx ", " --format "},
        {"signet ring export A/r --format ''", " hashdir ", " --out "},
        {"signet completion ''", " bash ", " cert "},
        {"signet nonsense ''", " --json ", " cert "},
    };
    for (size_t i = 0; i < SG_COUNT(lines); i++) {
        char out[4096];
        offers(lines[i].words, out, sizeof out);
        if (strstr(out, lines[i].offered) == NULL || strstr(out, lines[i].not_offered) != NULL) {
            fail_msg("%s offers %s", lines[i].words, out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_names_every_parameter),
        cmocka_unit_test(help_of_a_noun_names_its_verbs),
        cmocka_unit_test(help_of_all_names_every_operation),
        cmocka_unit_test(usage_shows_what_must_be_given),
        cmocka_unit_test(documentation_names_every_parameter),
        cmocka_unit_test(too_little_room_is_an_error),
        cmocka_unit_test(completion_is_valid_bash),
        cmocka_unit_test(completion_offers_what_the_table_holds),
    };
    rows = sg_operations(&count);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
