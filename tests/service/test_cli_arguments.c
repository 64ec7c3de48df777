/* Command lines become operations by the table, and wrong ones are told by the word that is wrong.
 */
#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <signet/cli/arguments.h>
#include <signet/cli/suggest.h>
#include <signet/cli/values.h>

#define WORDS_MAX 32
#define LINE(...) ((const char *const[WORDS_MAX]){"signet", __VA_ARGS__})

static int length(const char *const *words)
{
    int count = 0;
    while (words[count] != NULL) {
        count++;
    }
    return count;
}

static sg_status parse(const char *const *words, struct sg_invocation *out, struct sg_error *err)
{
    *out = (struct sg_invocation)SG_INVOCATION_INIT;
    *err = (struct sg_error)SG_ERROR_INIT;
    return sg_arguments_parse(length(words), words, out, err);
}

/* ---- what is understood ---- */

static const struct {
    const char *words[WORDS_MAX];
    enum sg_operation_id operation;
    const char *params; /* JSON */
} good[] = {
    {{"signet", "status"}, SG_OP_STATUS, "{}"},
    {{"signet", "--json", "status", "--dry-run"}, SG_OP_STATUS, "{}"},
    {{"signet", "cert", "list"}, SG_OP_CERT_LIST, "{}"},
    {{"signet", "cert", "--json", "list", "START1"}, SG_OP_CERT_LIST, "{\"owner\":\"START1\"}"},
    {{"signet", "cert", "list", "--limit", "10", "START1"},
     SG_OP_CERT_LIST,
     "{\"limit\":10,\"owner\":\"START1\"}"},
    {{"signet", "cert", "list", "--limit=10000"}, SG_OP_CERT_LIST, "{\"limit\":10000}"},
    {{"signet", "cert", "list", "--after=--json"}, SG_OP_CERT_LIST, "{\"after\":\"--json\"}"},
    {{"signet", "cert", "list", "--after="}, SG_OP_CERT_LIST, "{\"after\":\"\"}"},
    {{"signet", "cert", "show", "A/with blank/and slash"},
     SG_OP_CERT_SHOW,
     "{\"certificate\":\"A/with blank/and slash\"}"},
    {{"signet", "cert", "show", "--", "--odd/label"},
     SG_OP_CERT_SHOW,
     "{\"certificate\":\"--odd/label\"}"},
    {{"signet", "cert", "generate", "A/b", "--subject", "CN=x,O=y", "--key=ec:p256"},
     SG_OP_CERT_GENERATE,
     "{\"certificate\":\"A/b\",\"subject\":\"CN=x,O=y\",\"key\":\"ec:p256\"}"},
    {{"signet", "cert", "generate", "--san", "dns:a", "A/b", "--san", "dns:b", "--san=ip:1.2.3.4"},
     SG_OP_CERT_GENERATE,
     "{\"san\":[\"dns:a\",\"dns:b\",\"ip:1.2.3.4\"],\"certificate\":\"A/b\"}"},
    {{"signet", "cert", "generate", "A/b", "--san", "uri:http://x/?a,b"},
     SG_OP_CERT_GENERATE,
     "{\"certificate\":\"A/b\",\"san\":[\"uri:http://x/?a,b\"]}"},
    {{"signet", "cert", "generate", "A/b", "--usage", "handshake,DOCSIGN", "--usage", "CertSign"},
     SG_OP_CERT_GENERATE,
     "{\"certificate\":\"A/b\",\"usage\":[\"handshake\",\"docsign\",\"certsign\"]}"},
    {{"signet", "cert", "generate", "A/b", "--not-before", "2026-12-31", "--not-after",
      "2027-12-31"},
     SG_OP_CERT_GENERATE,
     "{\"certificate\":\"A/b\",\"not_before\":\"2026-12-31T00:00:00Z\",\"not_after\":\"2027-12-31T23:59:59Z\"}"},
    {{"signet", "cert", "generate", "A/b", "--not-after", "2027-12-31T12:00:00+02:00"},
     SG_OP_CERT_GENERATE,
     "{\"certificate\":\"A/b\",\"not_after\":\"2027-12-31T10:00:00Z\"}"},
    {{"signet", "cert", "generate", "A/b", "--extractable", "--days", "1"},
     SG_OP_CERT_GENERATE,
     "{\"certificate\":\"A/b\",\"extractable\":true,\"days\":1}"},
    {{"signet", "cert", "alter", "A/b", "--notrust", "--label", "ü"},
     SG_OP_CERT_ALTER,
     "{\"certificate\":\"A/b\",\"status\":\"notrust\",\"label\":\"ü\"}"},
    {{"signet", "cert", "add", "A/b", "x.pem", "-", "--trust", "y.pem"},
     SG_OP_CERT_ADD,
     "{\"target\":\"A/b\",\"status\":\"trust\"}"},
    {{"signet", "ring", "connect", "A/r", "B/c", "--usage", "PERSONAL", "--default"},
     SG_OP_RING_CONNECT,
     "{\"ring\":\"A/r\",\"certificate\":\"B/c\",\"usage\":\"personal\",\"default\":true}"},
    {{"signet", "ring", "export", "A/r", "--format", "PKCS12", "--out", "f", "--chain"},
     SG_OP_RING_EXPORT,
     "{\"ring\":\"A/r\",\"chain\":true}"},
    {{"signet", "owner", "attach", "A", "root"}, SG_OP_OWNER_ATTACH, "{\"owner\":\"A\",\"uid\":0}"},
    {{"signet", "owner", "attach", "A", "4294967294"},
     SG_OP_OWNER_ATTACH,
     "{\"owner\":\"A\",\"uid\":4294967294}"},
    {{"signet", "provision", "nginx", "--ring", "A/r"},
     SG_OP_PROVISION,
     "{\"program\":\"nginx\",\"ring\":\"A/r\"}"},
    {{"signet", "dev", "up", "/tmp/x"}, SG_OP_DEV_UP, "{}"},
};

static void good_lines_become_operations(void **state)
{
    (void)state;
    size_t ran = 0;
    for (size_t i = 0; i < SG_COUNT(good); i++) {
        SG_INVOCATION invocation;
        struct sg_error err;
        sg_status s = parse(good[i].words, &invocation, &err);
        if (s != SG_OK) {
            fail_msg("row %zu: %s", i, err.text);
        }
        assert_int_equal(invocation.command, SG_COMMAND_OPERATION);
        assert_int_equal(invocation.operation->id, good[i].operation);
        json_t *expected = json_loads(good[i].params, 0, NULL);
        if (!json_equal(expected, invocation.params)) {
            fail_msg("row %zu: %s", i, json_dumps(invocation.params, 0));
        }
        json_decref(expected);
        ran++;
    }
    assert_int_equal(ran, SG_COUNT(good));
}

static void global_options_stand_anywhere(void **state)
{
    (void)state;
    const char *const *lines[] = {
        LINE("--socket", "/s", "--json", "--dry-run", "cert", "delete", "A/b"),
        LINE("cert", "--socket=/s", "delete", "--json", "A/b", "--dry-run"),
        LINE("cert", "delete", "A/b", "--dry-run", "--json", "--socket", "/s"),
    };
    for (size_t i = 0; i < SG_COUNT(lines); i++) {
        SG_INVOCATION invocation;
        struct sg_error err;
        assert_int_equal(parse(lines[i], &invocation, &err), SG_OK);
        assert_true(invocation.json && invocation.dry_run);
        assert_string_equal(invocation.socket, "/s");
    }
}

static void files_and_formats_stay_here(void **state)
{
    (void)state;
    SG_INVOCATION invocation;
    struct sg_error err;
    assert_int_equal(parse(LINE("ring", "export", "A/r", "--format=jks", "--out", "\xff/odd",
                                "--password-file", "-"),
                           &invocation, &err),
                     SG_OK);
    assert_string_equal(sg_invocation_local(&invocation, "format"), "jks");
    assert_string_equal(sg_invocation_local(&invocation, "out"), "\xff/odd");
    assert_string_equal(sg_invocation_local(&invocation, "password_file"), "-");
    assert_null(sg_invocation_local(&invocation, "ring"));
    assert_null(json_object_get(invocation.params, "out"));
}

static void files_keep_their_order(void **state)
{
    (void)state;
    SG_INVOCATION invocation;
    struct sg_error err;
    assert_int_equal(
        parse(LINE("cert", "add", "A", "one", "--force", "-", "three"), &invocation, &err), SG_OK);
    assert_int_equal(invocation.local_count, 3);
    assert_string_equal(invocation.locals[0].value, "one");
    assert_string_equal(invocation.locals[1].value, "-");
    assert_string_equal(invocation.locals[2].value, "three");
}

static void help_is_understood_everywhere(void **state)
{
    (void)state;
    const struct {
        const char *words[WORDS_MAX];
        const char *noun, *verb; /* what it is about */
    } rows[] = {
        {{"signet", "--help"}, NULL, NULL},
        {{"signet", "-h"}, NULL, NULL},
        {{"signet", "help"}, NULL, NULL},
        {{"signet", "cert", "--help"}, "cert", NULL},
        {{"signet", "help", "cert"}, "cert", NULL},
        {{"signet", "cert", "generate", "--help", "--nonsense"}, "cert", "generate"},
        {{"signet", "cert", "generate", "a", "b", "--help"},
         NULL,
         NULL}, /* a wrong line comes first */
        {{"signet", "help", "cert", "generate"}, "cert", "generate"},
        {{"signet", "help", "status"}, "status", ""},
        {{"signet", "provision", "-h"}, "provision", ""},
        {{"signet", "--json", "dev", "up", "--help"}, "dev", "up"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        SG_INVOCATION invocation;
        struct sg_error err;
        if (i == 6) {
            assert_int_equal(parse(rows[i].words, &invocation, &err), SG_E_USAGE);
            continue;
        }
        assert_int_equal(parse(rows[i].words, &invocation, &err), SG_OK);
        assert_int_equal(invocation.command, SG_COMMAND_HELP);
        assert_ptr_equal(invocation.operation, rows[i].verb != NULL
                                                   ? sg_operation_find(rows[i].noun, rows[i].verb)
                                                   : NULL);
        if (rows[i].noun != NULL) {
            assert_string_equal(invocation.noun, rows[i].noun);
        }
    }
}

static void version_and_completion_are_commands(void **state)
{
    (void)state;
    SG_INVOCATION version;
    SG_INVOCATION completion;
    SG_INVOCATION markdown;
    struct sg_error err;
    assert_int_equal(parse(LINE("--version", "whatever"), &version, &err), SG_OK);
    assert_int_equal(version.command, SG_COMMAND_VERSION);
    assert_int_equal(parse(LINE("completion", "bash"), &completion, &err), SG_OK);
    assert_int_equal(completion.command, SG_COMMAND_COMPLETION);
    assert_int_equal(parse(LINE("help", "--markdown"), &markdown, &err), SG_OK);
    assert_int_equal(markdown.command, SG_COMMAND_MARKDOWN);
}

/* ---- what is refused ---- */

static const struct {
    const char *words[WORDS_MAX];
    sg_status status;
    const char *code, *text, *hint; /* parts that must be in there */
} bad[] = {
    {{"signet"}, SG_E_USAGE, "missing_argument", "needs a command", "--help"},
    {{"signet", ""}, SG_E_USAGE, "unknown_command", "unknown command", ""},
    {{"signet", "crt"}, SG_E_USAGE, "unknown_command", "crt", "signet cert"},
    {{"signet", "generate"}, SG_E_USAGE, "unknown_command", "generate", "signet cert generate"},
    {{"signet", "cert"}, SG_E_USAGE, "missing_argument", "one more word", "generate, request"},
    {{"signet", "cert", "gnerate"},
     SG_E_USAGE,
     "unknown_command",
     "cert gnerate",
     "signet cert generate"},
    {{"signet", "cert", "xyzzy"}, SG_E_USAGE, "unknown_command", "xyzzy", "generate, request"},
    {{"signet", "help", "nothing"}, SG_E_USAGE, "unknown_command", "nothing", ""},
    {{"signet", "help", "cert", "nothing"}, SG_E_USAGE, "unknown_command", "nothing", ""},
    {{"signet", "completion"}, SG_E_USAGE, "bad_usage", "bash", "completion bash"},
    {{"signet", "completion", "zsh"}, SG_E_USAGE, "bad_usage", "zsh", "completion bash"},
    {{"signet", "status", "now"},
     SG_E_USAGE,
     "bad_usage",
     "\"now\" is one argument too many",
     "signet status"},
    {{"signet", "cert", "show"},
     SG_E_USAGE,
     "missing_argument",
     "OWNER/LABEL",
     "signet cert show OWNER/LABEL"},
    {{"signet", "cert", "show", "A/b", "C/d"}, SG_E_USAGE, "bad_usage", "C/d", "signet cert show"},
    {{"signet", "cert", "add", "A/b"}, SG_E_USAGE, "missing_argument", "FILE", "signet cert add"},
    {{"signet", "ring", "export", "A/r", "--format", "pem"},
     SG_E_USAGE,
     "missing_argument",
     "--out",
     "--format FORMAT"},
    {{"signet", "cert", "generate", "A/b", "--subjct", "x"},
     SG_E_USAGE,
     "unknown_option",
     "--subjct",
     "--subject"},
    {{"signet", "cert", "generate", "A/b", "--subjct=x"},
     SG_E_USAGE,
     "unknown_option",
     "--subjct=x",
     "--subject"},
    {{"signet", "cert", "alter", "A/b", "--trsut"},
     SG_E_USAGE,
     "unknown_option",
     "--trsut",
     "--trust"},
    {{"signet", "cert", "alter", "A/b", "--status", "trust"},
     SG_E_USAGE,
     "unknown_option",
     "--status",
     ""},
    {{"signet", "cert", "show", "--certificate", "A/b"},
     SG_E_USAGE,
     "unknown_option",
     "--certificate",
     ""},
    {{"signet", "cert", "generate", "A/b", "--not_after", "x"},
     SG_E_USAGE,
     "unknown_option",
     "--not_after",
     "--not-after"},
    {{"signet", "cert", "list", "-x"}, SG_E_USAGE, "unknown_option", "-x", ""},
    {{"signet", "cert", "list", "--jso"}, SG_E_USAGE, "unknown_option", "--jso", "--json"},
    {{"signet", "--limit", "3", "cert", "list"}, SG_E_USAGE, "unknown_option", "--limit", ""},
    {{"signet", "cert", "list", "--limit"},
     SG_E_USAGE,
     "bad_usage",
     "--limit needs a value",
     "--limit=VALUE"},
    {{"signet", "cert", "list", "--after", "--json"},
     SG_E_USAGE,
     "bad_usage",
     "--after needs a value",
     ""},
    {{"signet", "cert", "list", "--limit", "x"},
     SG_E_USAGE,
     "bad_value",
     "--limit \"x\" is not a whole number",
     "--help"},
    {{"signet", "cert", "list", "--limit", "1x"}, SG_E_USAGE, "bad_value", "1x", ""},
    {{"signet", "cert", "list", "--limit", " 1"}, SG_E_USAGE, "bad_value", "whole number", ""},
    {{"signet", "cert", "list", "--limit", ""}, SG_E_USAGE, "bad_value", "whole number", ""},
    {{"signet", "cert", "list", "--limit", "-"}, SG_E_USAGE, "bad_value", "whole number", ""},
    {{"signet", "cert", "list", "--limit", "0"},
     SG_E_USAGE,
     "bad_value",
     "between 1 and 10000",
     ""},
    {{"signet", "cert", "list", "--limit", "-1"},
     SG_E_USAGE,
     "bad_value",
     "between 1 and 10000",
     ""},
    {{"signet", "cert", "list", "--limit", "10001"},
     SG_E_USAGE,
     "bad_value",
     "between 1 and 10000",
     ""},
    {{"signet", "cert", "list", "--limit", "9223372036854775808"},
     SG_E_USAGE,
     "bad_value",
     "whole number",
     ""},
    {{"signet", "cert", "list", "--limit", "1", "--limit", "1"},
     SG_E_USAGE,
     "duplicate_option",
     "--limit",
     ""},
    {{"signet", "cert", "delete", "A/b", "--force", "--force"},
     SG_E_USAGE,
     "duplicate_option",
     "--force",
     ""},
    {{"signet", "cert", "delete", "A/b", "--force=yes"},
     SG_E_USAGE,
     "bad_usage",
     "--force takes no value",
     ""},
    {{"signet", "cert", "alter", "A/b", "--trust", "--notrust"},
     SG_E_USAGE,
     "duplicate_option",
     "--notrust",
     ""},
    {{"signet", "cert", "alter", "A/b", "--trust=1"},
     SG_E_USAGE,
     "bad_usage",
     "--trust takes no value",
     ""},
    {{"signet", "ring", "export", "A/r", "--format", "pem", "--out", "a", "--out", "b"},
     SG_E_USAGE,
     "duplicate_option",
     "--out",
     ""},
    {{"signet", "ring", "export", "A/r", "--format", "pfx", "--out", "a"},
     SG_E_USAGE,
     "bad_value",
     "pfx",
     "pkcs12"},
    {{"signet", "ring", "export", "A/r", "--format", "pkcs112", "--out", "a"},
     SG_E_USAGE,
     "bad_value",
     "pkcs112",
     "Did you mean pkcs12"},
    {{"signet", "ring", "export", "A/r", "--format", "pem", "--out", ""},
     SG_E_USAGE,
     "bad_value",
     "no file name",
     ""},
    {{"signet", "ring", "connect", "A/r", "A/b", "--usage", "server"},
     SG_E_USAGE,
     "bad_value",
     "server",
     "personal, certauth, site"},
    {{"signet", "cert", "generate", "A/b", "--usage", "handshake,"},
     SG_E_USAGE,
     "bad_value",
     "--usage",
     "keyagree"},
    {{"signet", "cert", "generate", "A/b", "--usage", "handshake,sign"},
     SG_E_USAGE,
     "bad_value",
     "\"sign\"",
     "keyagree"},
    {{"signet", "cert", "generate", "A/b", "--usage",
      "handshake,handshake,handshake,handshake,handshake,handshake"},
     SG_E_USAGE,
     "bad_value",
     "more than 5",
     ""},
    {{"signet", "cert", "generate", "A/b", "--not-after", "tomorrow"},
     SG_E_USAGE,
     "bad_value",
     "tomorrow",
     ""},
    {{"signet", "cert", "generate", "A/b", "--not-after", "2026-02-30"},
     SG_E_USAGE,
     "bad_value",
     "2026-02-30",
     ""},
    {{"signet", "cert", "generate", "A/b", "--subject", "CN=\xc3\x28"},
     SG_E_USAGE,
     "bad_value",
     "UTF-8",
     ""},
    {{"signet", "cert", "show", "A/\xff"}, SG_E_USAGE, "bad_value", "UTF-8", ""},
    {{"signet", "cert", "generate", "A/b", "--key", "rsa:2048rsa:2048rsa:2048rsa:2048x"},
     SG_E_USAGE,
     "bad_value",
     "at most 32",
     ""},
    {{"signet", "owner", "attach", "A", "no-such-user-here"},
     SG_E_NOT_FOUND,
     "unknown_unix_user",
     "no-such-user-here",
     ""},
    {{"signet", "owner", "attach", "A", "4294967295"}, SG_E_USAGE, "bad_value", "4294967295", ""},
    {{"signet", "owner", "attach", "A", "99999999999999999999"},
     SG_E_USAGE,
     "bad_value",
     "99999999999999999999",
     ""},
    {{"signet", "owner", "attach", "A", ""}, SG_E_NOT_FOUND, "unknown_unix_user", "Unix user", ""},
    {{"signet", "--socket"}, SG_E_USAGE, "bad_usage", "--socket needs a value", ""},
    {{"signet", "--socket=", "status"}, SG_E_USAGE, "bad_value", "--socket", ""},
    {{"signet", "--socket=a", "status", "--socket=b"},
     SG_E_USAGE,
     "duplicate_option",
     "--socket",
     ""},
    {{"signet", "status", "--json=yes"}, SG_E_USAGE, "bad_usage", "--json takes no value", ""},
    {{"signet", "--", "--help"}, SG_E_USAGE, "unknown_command", "--help", ""},
    {{"signet", "provision", "iis", "--ring", "A/r"},
     SG_E_USAGE,
     "bad_value",
     "iis",
     "nginx, apache, haproxy"},
};

static void bad_lines_name_the_word(void **state)
{
    (void)state;
    size_t ran = 0;
    for (size_t i = 0; i < SG_COUNT(bad); i++, ran++) {
        SG_INVOCATION invocation;
        struct sg_error err;
        sg_status s = parse(bad[i].words, &invocation, &err);
        if (s != bad[i].status || strcmp(err.code, bad[i].code) != 0 ||
            strstr(err.text, bad[i].text) == NULL || strstr(err.hint, bad[i].hint) == NULL) {
            fail_msg("row %zu: %d %s \"%s\" \"%s\"", i, (int)s, err.code, err.text, err.hint);
        }
    }
    assert_true(ran >= 60);
}

static void ten_megabytes_are_refused_shortly(void **state)
{
    (void)state;
    size_t len = (size_t)10 * 1024 * 1024;
    char *huge = malloc(len + 1);
    assert_non_null(huge);
    memset(huge, 'x', len);
    huge[len] = '\0';
    const char *const *lines[] = {
        LINE(huge),
        LINE("cert", huge),
        LINE("cert", "list", huge),
        LINE("cert", "show", huge),
        LINE("cert", "list", "--limit", huge),
        LINE("cert", "generate", "A/b", "--subject", huge),
        LINE("cert", "generate", "A/b", "--san", huge),
        LINE("cert", "generate", "A/b", "--usage", huge),
        LINE("cert", "generate", "A/b", "--not-after", huge),
        LINE("cert", "add", "A/b", huge),
        LINE("owner", "attach", "A", huge),
    };
    for (size_t i = 0; i < SG_COUNT(lines); i++) {
        SG_INVOCATION invocation;
        struct sg_error err;
        assert_int_equal(parse(lines[i], &invocation, &err), SG_E_USAGE);
        assert_true(strlen(err.text) < 400);
    }
    memcpy(huge, "--", 2);
    SG_INVOCATION invocation;
    struct sg_error err;
    assert_int_equal(parse(LINE("cert", "list", huge), &invocation, &err), SG_E_USAGE);
    assert_string_equal(err.code, "unknown_option");
    free(huge);
}

static void too_many_values_are_refused(void **state)
{
    (void)state;
    enum { FILES = SG_ARGUMENT_FILES_MAX + 1 };
    const char **words = calloc(FILES + 5, sizeof *words);
    assert_non_null(words);
    const char *const head[] = {"signet", "cert", "add", "A/b"};
    memcpy(words, head, sizeof head);
    for (size_t i = 0; i < FILES; i++) {
        words[4 + i] = "file";
    }
    SG_INVOCATION invocation = SG_INVOCATION_INIT;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_arguments_parse(FILES + 4, words, &invocation, &err), SG_E_USAGE);
    assert_non_null(strstr(err.text, "FILE"));
    free(words);
}

static void control_characters_never_come_back(void **state)
{
    (void)state;
    SG_INVOCATION invocation;
    struct sg_error err;
    assert_int_equal(
        parse(LINE("cert", "list", "--limit", "1\x1b[2J\n\xc2\x9b\x7f"), &invocation, &err),
        SG_E_USAGE);
    for (const char *c = err.text; *c != '\0'; c++) {
        assert_true((unsigned char)*c >= 0x20 && *c != 0x7f && (unsigned char)*c != 0x9b);
    }
}

static void json_is_seen_in_lines_that_are_wrong(void **state)
{
    (void)state;
    assert_true(sg_arguments_want_json(4, LINE("nope", "--wrong", "--json")));
    assert_false(sg_arguments_want_json(4, LINE("cert", "--", "--json")));
    assert_false(sg_arguments_want_json(2, LINE("json")));
}

/* ---- values ---- */

static void times_are_read_strictly(void **state)
{
    (void)state;
    const struct {
        const char *text, *out; /* NULL: refused */
        bool end;
    } rows[] = {
        {"2026-12-31", "2026-12-31T00:00:00Z", false},
        {"2026-12-31", "2026-12-31T23:59:59Z", true},
        {"2028-02-29", "2028-02-29T00:00:00Z", false},
        {"9999-12-31", "9999-12-31T23:59:59Z", true},
        {"1950-01-01", "1950-01-01T00:00:00Z", false},
        {"2026-12-31T01:02:03Z", "2026-12-31T01:02:03Z", true},
        {"2026-12-31t01:02:03z", "2026-12-31T01:02:03Z", false},
        {"2026-12-31 01:02:03Z", "2026-12-31T01:02:03Z", false},
        {"2026-12-31T01:02:03.999Z", "2026-12-31T01:02:03Z", false},
        {"2027-01-01T01:00:00+02:30", "2026-12-31T22:30:00Z", false},
        {"2026-12-31T23:00:00-02:00", "2027-01-01T01:00:00Z", false},
        {"2027-02-29", NULL, false},
        {"2026-13-01", NULL, false},
        {"2026-00-01", NULL, false},
        {"2026-01-00", NULL, false},
        {"2026-1-1", NULL, false},
        {"26-01-01", NULL, false},
        {"1949-12-31", NULL, false},
        {"12026-01-01", NULL, false},
        {"", NULL, false},
        {"2026-12-31T", NULL, false},
        {"2026-12-31T01:02:03", NULL, false},
        {"2026-12-31T24:00:00Z", NULL, false},
        {"2026-12-31T23:60:00Z", NULL, false},
        {"2026-12-31T23:59:60Z", NULL, false},
        {"2026-12-31T01:02:03.Z", NULL, false},
        {"2026-12-31T01:02:03+2:00", NULL, false},
        {"2026-12-31T01:02:03+24:00", NULL, false},
        {"2026-12-31T01:02:03Zx", NULL, false},
        {"2026-12-31x", NULL, false},
        {"-026-12-31", NULL, false},
        {"tomorrow", NULL, false},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        char out[SG_TIME_TEXT];
        bool good_time = sg_value_time(rows[i].text, rows[i].end, out);
        assert_int_equal(good_time, rows[i].out != NULL);
        if (good_time) {
            assert_string_equal(out, rows[i].out);
        }
    }
}

static void integers_are_read_strictly(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_true(sg_value_integer("9223372036854775807", &value));
    assert_true(value == INT64_MAX);
    assert_true(sg_value_integer("-9223372036854775808", &value));
    assert_true(value == INT64_MIN);
    assert_true(sg_value_integer("007", &value));
    assert_int_equal(value, 7);
    const char *const wrong[] = {"",
                                 "-",
                                 "+1",
                                 " 1",
                                 "1 ",
                                 "0x1",
                                 "1e3",
                                 "--1",
                                 "9223372036854775808",
                                 "-9223372036854775809",
                                 "1.0"};
    for (size_t i = 0; i < SG_COUNT(wrong); i++) {
        assert_false(sg_value_integer(wrong[i], &value));
    }
}

static void excerpts_are_short_and_clean(void **state)
{
    (void)state;
    assert_string_equal(sg_excerpt("plain").text, "plain");
    assert_string_equal(sg_excerpt("").text, "");
    assert_string_equal(sg_excerpt("a\x01\xff"
                                   "b")
                            .text,
                        "a??b");
    assert_string_equal(sg_excerpt("\xc3").text, "?");
    assert_string_equal(sg_excerpt("\xc2\x85x").text, "??x");
    char many[201] = "";
    for (size_t i = 0; i < 100; i++) {
        many[2 * i] = '\xc3';
        many[2 * i + 1] = '\xbc';
    }
    struct sg_excerpt cut = sg_excerpt(many);
    assert_int_equal(strlen(cut.text), 60 + strlen("…"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines_become_operations),
        cmocka_unit_test(global_options_stand_anywhere),
        cmocka_unit_test(files_and_formats_stay_here),
        cmocka_unit_test(files_keep_their_order),
        cmocka_unit_test(help_is_understood_everywhere),
        cmocka_unit_test(version_and_completion_are_commands),
        cmocka_unit_test(bad_lines_name_the_word),
        cmocka_unit_test(ten_megabytes_are_refused_shortly),
        cmocka_unit_test(too_many_values_are_refused),
        cmocka_unit_test(control_characters_never_come_back),
        cmocka_unit_test(json_is_seen_in_lines_that_are_wrong),
        cmocka_unit_test(times_are_read_strictly),
        cmocka_unit_test(integers_are_read_strictly),
        cmocka_unit_test(excerpts_are_short_and_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
