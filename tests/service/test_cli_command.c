/* The command itself against a service that answers what the test wants. */
#include "cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <signet/base/cleanup.h>

#include "cli_support.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
#define WORDS(...) ((const char *const[]){SIGNET_COMMAND, __VA_ARGS__, NULL})

static struct cli_place place;

static int make_place(void **state)
{
    (void)state;
    cli_place_make(&place);
    (void)setenv("SIGNET_SOCKET", place.socket, 1);
    (void)setenv("http_proxy", "http://192.0.2.1:1", 1); /* must not matter */
    return 0;
}

static int remove_place(void **state)
{
    (void)state;
    cli_place_remove(&place);
    return 0;
}

/* Run against one answer. */
static void ask(const char *answer, const char *const *words, struct cli_result *result)
{
    struct cli_fake fake;
    (void)unlink(cli_path(&place, "request"));
    cli_fake_start(&place, answer, &fake);
    cli_run(&place, words, NULL, result);
    cli_fake_stop(&fake);
}

#define CLI_RESULT SG_CLEANUP(cli_result_done) struct cli_result

static char *request_text(void)
{
    return cli_read(cli_path(&place, "request"), NULL);
}

/* ---- requests ---- */

static void reading_is_a_get_with_a_query(void **state)
{
    (void)state;
    CLI_RESULT result;
    ask(OK "{\"items\":[]}", WORDS("cert", "list", "START1", "--limit", "5", "--after", "a&b=c ü%"),
        &result);
    assert_int_equal(result.status, 0);
    SG_FREE char *request = request_text();
    assert_non_null(request);
    assert_int_equal(
        strncmp(request,
                "GET /v1/cert/list?owner=START1&limit=5&after=a%26b%3Dc%20%C3%BC%25 HTTP/1.1\r\n",
                77),
        0);
}

static void changing_is_a_post_with_a_body(void **state)
{
    (void)state;
    CLI_RESULT result;
    ask(OK "{\"did\":[\"made it\"]}",
        WORDS("cert", "generate", "A/b", "--san", "dns:x", "--san", "dns:y", "--extractable"),
        &result);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.out, "made it\n");
    assert_string_equal(result.err, "");
    SG_FREE char *request = request_text();
    assert_non_null(request);
    assert_int_equal(strncmp(request, "POST /v1/cert/generate HTTP/1.1\r\n", 33), 0);
    assert_null(strstr(request, "Expect"));
    json_t *body = json_loads(strstr(request, "\r\n\r\n") + 4, 0, NULL);
    json_t *expected = json_loads(
        "{\"certificate\":\"A/b\",\"san\":[\"dns:x\",\"dns:y\"],\"extractable\":true}", 0, NULL);
    assert_true(json_equal(body, expected));
    json_decref(body);
    json_decref(expected);
}

static void a_dry_run_is_asked_for_in_the_query(void **state)
{
    (void)state;
    CLI_RESULT result;
    ask(OK "{\"dry_run\":true,\"effects\":[\"created owner A\"]}",
        WORDS("owner", "add", "A", "--dry-run"), &result);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.out, "would: created owner A\n");
    SG_FREE char *request = request_text();
    assert_int_equal(strncmp(request, "POST /v1/owner/add?dry_run=1 HTTP/1.1\r\n", 39), 0);
}

static void one_word_commands_have_a_short_route(void **state)
{
    (void)state;
    CLI_RESULT result;
    ask(OK "{\"state\":\"ready\"}", WORDS("status", "--dry-run"), &result);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.out, "state: ready\n");
    SG_FREE char *request = request_text();
    assert_int_equal(strncmp(request, "GET /v1/status HTTP/1.1\r\n", 25), 0);
}

/* ---- answers ---- */

static void warnings_go_to_standard_error(void **state)
{
    (void)state;
    CLI_RESULT result;
    ask(OK "{\"did\":[\"added\"],\"warnings\":[\"stored NOTRUST\"]}", WORDS("ring", "add", "A/r"),
        &result);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.out, "added\n");
    assert_string_equal(result.err, "warning: stored NOTRUST\n");
}

static void json_is_given_as_it_is(void **state)
{
    (void)state;
    CLI_RESULT result;
    ask(OK "{\"items\":[{\"owner\":\"A\",\"x\":1}],\"warnings\":[\"w\"]}",
        WORDS("cert", "list", "--json"), &result);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.err, "");
    json_t *out = json_loads(result.out, 0, NULL);
    json_t *expected =
        json_loads("{\"items\":[{\"owner\":\"A\",\"x\":1}],\"warnings\":[\"w\"]}", 0, NULL);
    assert_true(json_equal(out, expected));
    json_decref(out);
    json_decref(expected);
}

static const struct {
    const char *name;
    int http, exit;
} statuses[] = {
    {"usage", 400, 1},
    {"not_found", 404, 2},
    {"conflict", 409, 3},
    {"denied", 403, 4},
    {"bad_input", 422, 5},
    {"limit", 413, 5},
    {"token_unavailable", 503, 6},
    {"service_unavailable", 503, 7},
    {"unsupported", 501, 8},
    {"storage", 507, 8},
    {"no_memory", 503, 8},
    {"internal", 500, 8},
    {"from the future", 500, 8},
};

static void failures_have_their_exit_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < SG_COUNT(statuses); i++) {
        char answer[512];
        snprintf(
            answer, sizeof answer,
            "HTTP/1.1 %d X\r\nConnection: close\r\n\r\n{\"error\":{\"code\":\"c\",\"status\":\"%s\","
            "\"text\":\"it is so\",\"hint\":\"Do that.\",\"object\":\"A/b\"}}",
            statuses[i].http, statuses[i].name);
        CLI_RESULT people;
        ask(answer, WORDS("cert", "show", "A/b"), &people);
        assert_int_equal(people.status, statuses[i].exit);
        assert_string_equal(people.out, "");
        assert_string_equal(people.err, "signet: it is so\nhint: Do that.\n");
        CLI_RESULT programs;
        ask(answer, WORDS("cert", "show", "A/b", "--json"), &programs);
        assert_int_equal(programs.status, statuses[i].exit);
        assert_string_equal(programs.err, "");
        json_t *out = json_loads(programs.out, 0, NULL);
        json_t *error = json_object_get(out, "error");
        assert_string_equal(json_string_value(json_object_get(error, "code")), "c");
        assert_string_equal(json_string_value(json_object_get(error, "text")), "it is so");
        assert_string_equal(json_string_value(json_object_get(error, "hint")), "Do that.");
        assert_string_equal(json_string_value(json_object_get(error, "object")), "A/b");
        json_decref(out);
    }
}

static void what_is_not_signet_is_said(void **state)
{
    (void)state;
    const char *const answers[] = {
        OK "<html>hello</html>",
        OK "",
        OK "[]",
        OK "{\"a\":",
        OK "{\"a\":1,\"a\":2}",
        OK "{} trailing",
        "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n<h1>no</h1>",
        "HTTP/1.1 500 X\r\nConnection: close\r\n\r\n{\"did\":[]}",
        "HTTP/1.1 302 Found\r\nLocation: http://localhost/elsewhere\r\nConnection: close\r\n\r\n{}",
        "SSH-2.0-OpenSSH_9.2\r\n",
    };
    for (size_t i = 0; i < SG_COUNT(answers); i++) {
        CLI_RESULT result;
        ask(answers[i], WORDS("status"), &result);
        if (result.status != 7) {
            fail_msg("answer %zu: %d %s", i, result.status, result.out);
        }
        assert_string_equal(result.out, "");
        assert_int_equal(strncmp(result.err, "signet: ", 8), 0);
    }
}

/* What is missing is named; whoever changed something is told to look. */
static void an_answer_that_lacks_what_it_promises_is_a_failure(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *lacks;
        const char *words[6];
    } cases[] = {
        {OK "{}", "\"did\"", {"cert", "generate", "A/b"}},
        {OK "{\"did\":\"x\"}", "\"did\"", {"ring", "add", "A/b"}},
        {OK "{\"warnings\":[]}", "\"did\"", {"cert", "alter", "A/b", "--trust"}},
        {OK "{\"dry_run\":true,\"effects\":[]}", "\"did\"", {"ring", "delete", "A/b"}},
        {OK "{}", "\"dry_run\"", {"ring", "delete", "A/b", "--dry-run"}},
        {OK "{\"did\":[\"x\"]}", "\"dry_run\"", {"ring", "delete", "A/b", "--dry-run"}},
        {OK "{\"dry_run\":true}", "\"effects\"", {"ring", "delete", "A/b", "--dry-run"}},
        {OK "{\"did\":[]}", "\"csr\"", {"cert", "request", "A/b"}},
        {OK "{}", "\"items\"", {"cert", "list"}},
        {OK "{\"items\":{}}", "\"items\"", {"ring", "list"}},
        {OK "{\"items\":[]}", "\"ok\"", {"ring", "check", "A/b"}},
        {OK "{\"items\":[],\"ok\":1}", "\"ok\"", {"ring", "check", "A/b"}},
        {OK "{}", "\"state\"", {"status"}},
        {OK "{\"owner\":\"A\",\"label\":null}", "\"label\"", {"cert", "show", "A/b"}},
        {OK "{\"sequence\":1}", "\"changed\"", {"ring", "wait", "A/b", "--sequence", "1"}},
        {OK "{\"rehearsed\":true}", "\"rehearsal\"", {"rehearsal", "open"}},
    };
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        const char *words[8] = {SIGNET_COMMAND};
        memcpy(words + 1, cases[i].words, sizeof cases[i].words);
        CLI_RESULT result;
        ask(cases[i].answer, words, &result);
        bool changes = strstr(result.err, "may have been done") != NULL;
        bool asked_for =
            strstr(cases[i].lacks, "did") != NULL || strstr(cases[i].lacks, "csr") != NULL ||
            strstr(cases[i].lacks, "dry_run") != NULL || strstr(cases[i].lacks, "effects") != NULL;
        if (result.status != 7 || strstr(result.err, "lacks") == NULL ||
            strstr(result.err, cases[i].lacks) == NULL || changes != asked_for) {
            fail_msg("answer %zu: %d %s%s", i, result.status, result.out, result.err);
        }
        assert_string_equal(result.out, "");
    }
    CLI_RESULT json;
    ask(OK "{}", WORDS("cert", "list", "--json"), &json);
    assert_int_equal(json.status, 7);
    assert_non_null(strstr(json.out, "\"code\": \"bad_answer\""));
}

/* A change that was under way when the service died may have been done: it is not repeated and not
 * called failed. */
static void a_service_that_dies_is_said(void **state)
{
    (void)state;
    CLI_RESULT result;
    ask("", WORDS("ring", "delete", "A/r"), &result);
    assert_int_equal(result.status, 7);
    assert_non_null(strstr(result.err, "may have been done"));
    CLI_RESULT partial;
    ask("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"did\"", WORDS("ring", "delete", "A/r"),
        &partial);
    assert_int_equal(partial.status, 7);
}

static void an_absent_service_is_said(void **state)
{
    (void)state;
    CLI_RESULT absent;
    (void)unlink(place.socket);
    cli_run(&place, WORDS("status", "--json"), NULL, &absent);
    assert_int_equal(absent.status, 7);
    json_t *out = json_loads(absent.out, 0, NULL);
    json_t *error = json_object_get(out, "error");
    assert_string_equal(json_string_value(json_object_get(error, "code")), "service_unreachable");
    assert_string_equal(json_string_value(json_object_get(error, "object")), place.socket);
    assert_non_null(strstr(json_string_value(json_object_get(error, "hint")), "signet dev up"));
    json_decref(out);
    CLI_RESULT refused; /* a socket that nobody listens on */
    struct cli_fake fake;
    cli_fake_start(&place, OK "{}", &fake);
    cli_fake_stop(&fake);
    cli_run(&place, WORDS("status"), NULL, &refused);
    assert_int_equal(refused.status, 7);
    assert_non_null(strstr(refused.err, place.socket));
}

static void the_socket_can_be_named(void **state)
{
    (void)state;
    CLI_RESULT named;
    cli_run(&place, WORDS("status", "--socket", "/nonexistent/socket"), NULL, &named);
    assert_int_equal(named.status, 7);
    assert_non_null(strstr(named.err, "/nonexistent/socket"));
    char huge[200];
    memset(huge, 's', sizeof huge - 1);
    huge[0] = '/';
    huge[sizeof huge - 1] = '\0';
    CLI_RESULT long_name;
    cli_run(&place, WORDS("status", "--socket", huge), NULL, &long_name);
    assert_int_equal(long_name.status, 1);
    assert_non_null(strstr(long_name.err, "107"));
}

/* Nobody may be told "done" when what was asked for did not arrive. */
static void a_full_disk_is_a_failure(void **state)
{
    (void)state;
    struct cli_fake fake;
    CLI_RESULT result;
    cli_fake_start(&place, OK "{\"state\":\"ready\"}", &fake);
    cli_run(
        &place,
        (const char *const[]){"/bin/sh", "-c", "exec " SIGNET_COMMAND " status > /dev/full", NULL},
        NULL, &result);
    cli_fake_stop(&fake);
    assert_int_equal(result.status, 8);
    assert_non_null(strstr(result.err, "standard output"));
}

static void wrong_lines_never_reach_the_service(void **state)
{
    (void)state;
    CLI_RESULT result;
    ask(OK "{}", WORDS("cert", "list", "--nope"), &result);
    assert_int_equal(result.status, 1);
    assert_null(request_text());
    CLI_RESULT format;
    ask(OK "{}", WORDS("ring", "export", "A/r", "--format", "hashdir", "--out", "-"), &format);
    assert_int_equal(format.status, 1);
    assert_null(request_text());
    CLI_RESULT password;
    ask(OK "{}",
        WORDS("ring", "export", "A/r", "--format", "pem", "--out", "x", "--password-file", "y"),
        &password);
    assert_int_equal(password.status, 1);
    assert_null(request_text());
}

/* ---- certificates made here ---- */

static EVP_PKEY *key;

static int make_key(void **state)
{
    key = EVP_EC_gen("P-256");
    return key != NULL ? make_place(state) : -1;
}

static int free_key(void **state)
{
    EVP_PKEY_free(key);
    return remove_place(state);
}

/* A self-signed certificate as base64 DER. */
static char *certificate(const char *name, long serial)
{
    X509 *x = X509_new();
    assert_non_null(x);
    X509_NAME *subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_set_issuer_name(x, subject);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    assert_true(len > 0);
    char *text = malloc((size_t)len * 2);
    assert_non_null(text);
    EVP_EncodeBlock((unsigned char *)text, der, len);
    OPENSSL_free(der);
    X509_free(x);
    return text;
}

/* An answer with two certificates of one subject and one of another. */
static void make_entries(char *out, size_t size)
{
    SG_FREE char *a = certificate("Root One", 1);
    SG_FREE char *b = certificate("Root One", 2);
    SG_FREE char *c = certificate("Root Two", 3);
    int len = snprintf(
        out, size,
        OK
        "{\"entries\":[{\"der\":\"%s\",\"name\":\"Root One\"},{\"der\":\"%s\",\"name\":\"../x\"},"
        "{\"der\":\"%s\",\"name\":\"Root Two\"}],\"warnings\":[\"one is hidden\"]}",
        a, b, c);
    assert_true(len > 0 && (size_t)len < size);
}

static int count_pem(const char *text)
{
    int count = 0;
    for (const char *at = strstr(text, "-----BEGIN CERTIFICATE-----"); at != NULL;
         at = strstr(at + 1, "-----BEGIN CERTIFICATE-----")) {
        count++;
    }
    return count;
}

static void certificates_are_exported_to_standard_output(void **state)
{
    (void)state;
    char answer[16384];
    make_entries(answer, sizeof answer);
    CLI_RESULT result;
    ask(answer, WORDS("cert", "export", "A/b", "--chain"), &result);
    assert_int_equal(result.status, 0);
    assert_int_equal(count_pem(result.out), 3);
    assert_string_equal(result.err, "warning: one is hidden\n");
}

static void der_holds_one_certificate(void **state)
{
    (void)state;
    char answer[16384];
    make_entries(answer, sizeof answer);
    CLI_RESULT result;
    ask(answer, WORDS("cert", "export", "A/b", "--format", "der", "--chain"), &result);
    assert_int_equal(result.status, 1);
    assert_string_equal(result.out, "");
    SG_FREE char *one = certificate("One", 1);
    snprintf(answer, sizeof answer, OK "{\"entries\":[{\"der\":\"%s\",\"name\":\"One\"}]}", one);
    CLI_RESULT single;
    ask(answer, WORDS("cert", "export", "A/b", "--format", "der"), &single);
    assert_int_equal(single.status, 0);
    const unsigned char *next = (const unsigned char *)single.out;
    X509 *x = d2i_X509(NULL, &next, (long)single.out_len);
    assert_non_null(x);
    assert_ptr_equal(next, single.out + single.out_len);
    X509_free(x);
}

static void files_are_replaced_and_reported(void **state)
{
    (void)state;
    char answer[16384];
    make_entries(answer, sizeof answer);
    const char *path = cli_path(&place, "chain.pem");
    cli_write(path, "old", 3);
    CLI_RESULT dry;
    ask(answer, WORDS("cert", "export", "A/b", "--out", path, "--dry-run"), &dry);
    assert_int_equal(dry.status, 0);
    assert_int_equal(strncmp(dry.out, "would: wrote ", 13), 0);
    SG_FREE char *old = cli_read(path, NULL);
    assert_string_equal(old, "old");
    CLI_RESULT result;
    ask(answer, WORDS("cert", "export", "A/b", "--out", path), &result);
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.out, "3 certificates"));
    SG_FREE char *new = cli_read(path, NULL);
    assert_int_equal(count_pem(new), 3);
    CLI_RESULT json;
    ask(answer, WORDS("cert", "export", "A/b", "--out", path, "--json"), &json);
    assert_int_equal(json.status, 0);
    assert_non_null(strstr(json.out, "\"did\""));
}

static void a_hash_directory_finds_each_subject(void **state)
{
    (void)state;
    char answer[16384], name[64];
    make_entries(answer, sizeof answer);
    const char *path = cli_path(&place, "anchors");
    CLI_RESULT result;
    ask(answer, WORDS("ring", "export", "A/r", "--format", "hashdir", "--out", path), &result);
    assert_int_equal(result.status, 0);
    X509_NAME *subject = X509_NAME_new();
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)"Root One", -1,
                               -1, 0);
    unsigned long hash = X509_NAME_hash_ex(subject, NULL, NULL, NULL);
    X509_NAME_free(subject);
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "anchors/%08lx.%d", hash, i);
        SG_FREE char *pem = cli_read(cli_path(&place, name), NULL);
        assert_non_null(pem);
        assert_int_equal(count_pem(pem), 1);
    }
    snprintf(name, sizeof name, "anchors/%08lx.2", hash);
    assert_int_not_equal(access(cli_path(&place, name), F_OK), 0);
    assert_int_equal(access(cli_path(&place, "anchors/2-_._x.pem"), F_OK), 0);
}

static void der_of_a_ring_is_a_directory(void **state)
{
    (void)state;
    char answer[16384];
    make_entries(answer, sizeof answer);
    CLI_RESULT result;
    ask(answer,
        WORDS("ring", "export", "A/r", "--format", "der", "--out", cli_path(&place, "ders")),
        &result);
    assert_int_equal(result.status, 0);
    assert_int_equal(access(cli_path(&place, "ders/1-Root_One.cer"), F_OK), 0);
    assert_int_equal(access(cli_path(&place, "ders/3-Root_Two.cer"), F_OK), 0);
}

static void truststores_need_a_password(void **state)
{
    (void)state;
    char answer[16384];
    make_entries(answer, sizeof answer);
    const char *const formats[] = {"pkcs12", "jks"};
    const char *password = cli_path(&place, "password");
    cli_write(password, "changeit\n", 9);
    for (size_t i = 0; i < SG_COUNT(formats); i++) {
        const char *path = cli_path(&place, formats[i]);
        CLI_RESULT without;
        ask(answer, WORDS("ring", "export", "A/r", "--format", formats[i], "--out", path),
            &without);
        assert_int_equal(without.status, 1);
        assert_non_null(strstr(without.err, "--password-file"));
        assert_int_not_equal(access(path, F_OK), 0);
        CLI_RESULT with;
        ask(answer,
            WORDS("ring", "export", "A/r", "--format", formats[i], "--out", path, "--password-file",
                  password),
            &with);
        assert_int_equal(with.status, 0);
        SG_FREE char *store = cli_read(path, NULL);
        assert_non_null(store);
        assert_true((unsigned char)store[0] == (i == 0 ? 0x30 : 0xfe));
        assert_null(strstr(with.out, "changeit"));
    }
}

static void an_empty_truststore_is_refused(void **state)
{
    (void)state;
    const char *path = cli_path(&place, "empty.pem");
    CLI_RESULT result;
    ask(OK "{\"entries\":[]}", WORDS("ring", "export", "A/r", "--format", "pem", "--out", path),
        &result);
    assert_int_equal(result.status, 3);
    assert_non_null(strstr(result.err, "A/r"));
    assert_non_null(strstr(result.err, "trusts nobody"));
    assert_int_not_equal(access(path, F_OK), 0);
}

static void damaged_entries_write_nothing(void **state)
{
    (void)state;
    const char *const answers[] = {
        OK "{\"entries\":[{}]}",
        OK "{\"entries\":[{\"der\":\"\"}]}",
        OK "{\"entries\":[{\"der\":\"no base64\"}]}",
        OK "{\"entries\":[7]}",
        OK "{\"entries\":{\"a\":1}}",
        OK "{}",
        OK "{\"entries\":[{\"der\":\"MAA=\",\"name\":\"x\"}]}",
    };
    const char *path = cli_path(&place, "damaged");
    for (size_t i = 0; i < SG_COUNT(answers); i++) {
        CLI_RESULT result;
        ask(answers[i], WORDS("ring", "export", "A/r", "--format", "hashdir", "--out", path),
            &result);
        assert_int_not_equal(result.status, 0);
        assert_int_not_equal(access(path, F_OK), 0);
    }
}

static void requests_become_pem(void **state)
{
    (void)state;
    CLI_RESULT result;
    ask(OK "{\"did\":[\"made a request\"],\"csr\":\"MAA=\",\"warnings\":[\"weak\"]}",
        WORDS("cert", "request", "A/b"), &result);
    assert_int_equal(result.status, 0);
    assert_string_equal(
        result.out,
        "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n");
    assert_string_equal(result.err, "warning: weak\n");
    const char *path = cli_path(&place, "web.csr");
    CLI_RESULT file;
    ask(OK "{\"did\":[],\"csr\":\"MAA=\"}", WORDS("cert", "request", "A/b", "--out", path), &file);
    assert_int_equal(file.status, 0);
    assert_non_null(strstr(file.out, "1 request"));
    SG_FREE char *pem = cli_read(path, NULL);
    assert_non_null(strstr(pem, "BEGIN CERTIFICATE REQUEST"));
    CLI_RESULT bad;
    ask(OK "{\"did\":[],\"csr\":7}", WORDS("cert", "request", "A/b"), &bad);
    assert_int_equal(bad.status, 7);
}

static void provision_is_printed_as_it_is(void **state)
{
    (void)state;
    CLI_RESULT result;
    ask(OK "{\"text\":\"ssl_certificate x;\\n\\tindented\\n\"}",
        WORDS("provision", "nginx", "--ring", "A/r"), &result);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.out, "ssl_certificate x;\n\tindented\n");
    CLI_RESULT nothing;
    ask(OK "{}", WORDS("provision", "nginx", "--ring", "A/r"), &nothing);
    assert_int_equal(nothing.status, 7);
}

/* ---- certificates read here ---- */

static void certificates_are_sent_as_der(void **state)
{
    (void)state;
    SG_FREE char *one = certificate("One", 1);
    char answer[] = OK "{\"did\":[\"added\"]}";
    char pem[8192];
    snprintf(pem, sizeof pem,
             "text before\n-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n", one);
    struct cli_fake fake;
    CLI_RESULT result;
    cli_fake_start(&place, answer, &fake);
    cli_run(&place, WORDS("cert", "add", "A/b", "-"), pem, &result);
    cli_fake_stop(&fake);
    assert_int_equal(result.status, 0);
    SG_FREE char *request = request_text();
    json_t *body = json_loads(strstr(request, "\r\n\r\n") + 4, 0, NULL);
    json_t *list = json_object_get(body, "certificates");
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_array_get(list, 0)), one);
    assert_string_equal(json_string_value(json_object_get(body, "target")), "A/b");
    json_decref(body);
}

static void wrong_files_never_reach_the_service(void **state)
{
    (void)state;
    const char *text = cli_path(&place, "text");
    cli_write(text, "no certificate\n", 15);
    (void)unlink(cli_path(&place, "request"));
    CLI_RESULT input;
    ask(OK "{}", WORDS("cert", "add", "A/b", text), &input);
    assert_int_equal(input.status, 5);
    CLI_RESULT absent;
    ask(OK "{}", WORDS("cert", "add", "A/b", "/nonexistent"), &absent);
    assert_int_equal(absent.status, 2);
    CLI_RESULT request;
    ask(OK "{}", WORDS("cert", "generate", "A/b", "--from-request", text), &request);
    assert_int_equal(request.status, 5);
    assert_null(request_text());
}

/* ---- without a service ---- */

static void help_and_version_need_no_service(void **state)
{
    (void)state;
    CLI_RESULT version;
    cli_run(&place, WORDS("--version"), NULL, &version);
    assert_int_equal(version.status, 0);
    assert_int_equal(strncmp(version.out, "signet ", 7), 0);
    CLI_RESULT help;
    cli_run(&place, WORDS("cert", "add", "--help"), NULL, &help);
    assert_int_equal(help.status, 0);
    assert_non_null(strstr(help.out, "--notrust"));
    CLI_RESULT none;
    cli_run(&place, (const char *const[]){SIGNET_COMMAND, NULL}, NULL, &none);
    assert_int_equal(none.status, 1);
    assert_string_equal(none.out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_is_a_get_with_a_query),
        cmocka_unit_test(changing_is_a_post_with_a_body),
        cmocka_unit_test(a_dry_run_is_asked_for_in_the_query),
        cmocka_unit_test(one_word_commands_have_a_short_route),
        cmocka_unit_test(warnings_go_to_standard_error),
        cmocka_unit_test(json_is_given_as_it_is),
        cmocka_unit_test(failures_have_their_exit_status),
        cmocka_unit_test(what_is_not_signet_is_said),
        cmocka_unit_test(an_answer_that_lacks_what_it_promises_is_a_failure),
        cmocka_unit_test(a_service_that_dies_is_said),
        cmocka_unit_test(an_absent_service_is_said),
        cmocka_unit_test(the_socket_can_be_named),
        cmocka_unit_test(a_full_disk_is_a_failure),
        cmocka_unit_test(wrong_lines_never_reach_the_service),
        cmocka_unit_test(certificates_are_exported_to_standard_output),
        cmocka_unit_test(der_holds_one_certificate),
        cmocka_unit_test(files_are_replaced_and_reported),
        cmocka_unit_test(a_hash_directory_finds_each_subject),
        cmocka_unit_test(der_of_a_ring_is_a_directory),
        cmocka_unit_test(truststores_need_a_password),
        cmocka_unit_test(an_empty_truststore_is_refused),
        cmocka_unit_test(damaged_entries_write_nothing),
        cmocka_unit_test(requests_become_pem),
        cmocka_unit_test(provision_is_printed_as_it_is),
        cmocka_unit_test(certificates_are_sent_as_der),
        cmocka_unit_test(wrong_files_never_reach_the_service),
        cmocka_unit_test(help_and_version_need_no_service),
    };
    return cmocka_run_group_tests(tests, make_key, free_key);
}
