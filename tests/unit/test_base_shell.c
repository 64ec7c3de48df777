/* Names in the commands that hints suggest: pasted into a shell they are what they were. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/cleanup.h>
#include <signet/base/shell.h>

/* What a shell makes of the word, put behind a command by somebody who trusts it. */
static void pasted(const char *word, char *out, size_t size)
{
    char command[2200];
    int ends[2];
    int status = -1;
    snprintf(command, sizeof command, "printf '<%%s>' %s", word);
    assert_int_equal(pipe(ends), 0);
    pid_t shell = fork();
    assert_true(shell >= 0);
    if (shell == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)execl("/bin/sh", "sh", "-fc", command, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    size_t len = 0;
    for (ssize_t got = 1; got > 0 && len<size - 1; len += got> 0 ? (size_t)got : 0) {
        got = read(ends[0], out + len, size - 1 - len);
    }
    out[len] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(shell, &status, 0), shell);
    assert_int_equal(status, 0);
}

static const char *const names[] = {
    "web",   "Web Server",  "it's",     "'",     "''; id #",
    "$(id)", "`id`",        "a\\",      "\"x\"", "*",
    "-rf",   "a;b&c|d>e<f", "!history", "$HOME", "\xC3\xA9\xE2\x82\xAC",
    "#",     "~root",       "a{b,c}",
};

static void a_shell_gives_back_owner_and_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < SG_COUNT(names); i++) {
        char wanted[64];
        char got[600];
        snprintf(wanted, sizeof wanted, "<$TART1/%s>", names[i]);
        pasted(sg_shell_word("$TART1", names[i]).text, got, sizeof got);
        assert_string_equal(got, wanted);
    }
}

static void the_longest_names_have_a_word_of_their_own(void **state)
{
    char name[500], word[4 * 500 + 8], got[600];
    (void)state;
    memset(name, '\'', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_string_equal(sg_shell_word("A", name).text, "OWNER/NAME");
    assert_true(sg_shell_write("A", name, word, sizeof word));
    pasted(word, got, sizeof got);
    char wanted[sizeof name + 8];
    snprintf(wanted, sizeof wanted, "<A/%s>", name);
    assert_string_equal(got, wanted);
    assert_false(sg_shell_write("A", name, word, strlen(word)));
    assert_string_equal(word, "OWNER/NAME");
}

static void a_shell_gives_back_a_name_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < SG_COUNT(names); i++) {
        char wanted[64];
        char got[600];
        snprintf(wanted, sizeof wanted, "<%s>", names[i]);
        pasted(sg_shell_quote(names[i]).text, got, sizeof got);
        assert_string_equal(got, wanted);
    }
    assert_string_equal(sg_shell_quote("").text, "''");
    assert_string_equal(sg_shell_quote("START1").text, "START1"); /* as people write it */
    assert_string_equal(sg_shell_quote("$1").text, "'$1'");
}

static void what_does_not_fit_is_a_placeholder(void **state)
{
    (void)state;
    char name[sizeof(struct sg_shell_word)];
    size_t room = sizeof(struct sg_shell_word) - 1;
    memset(name, 'x', sizeof name);
    name[room - strlen("'A/'")] = '\0';
    assert_int_equal(strlen(sg_shell_word("A", name).text), room);
    name[room - strlen("'A/'")] = 'x';
    name[room - strlen("'A/'") + 1] = '\0';
    assert_string_equal(sg_shell_word("A", name).text, "OWNER/NAME");
    memset(name, '\'', 120); /* each becomes four */
    name[120] = '\0';
    assert_string_equal(sg_shell_word("A", name).text, "OWNER/NAME");
    assert_string_equal(sg_shell_quote(name).text, "NAME");
    memset(name, 'x', sizeof name);
    name[room] = '\0';
    assert_int_equal(strlen(sg_shell_quote(name).text), room);
    name[0] = ' ';
    assert_string_equal(sg_shell_quote(name).text, "NAME");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shell_gives_back_owner_and_name),
        cmocka_unit_test(the_longest_names_have_a_word_of_their_own),
        cmocka_unit_test(a_shell_gives_back_a_name_alone),
        cmocka_unit_test(what_does_not_fit_is_a_placeholder),
    };
    return cmocka_run_group_tests_name("shell", tests, NULL, NULL);
}
