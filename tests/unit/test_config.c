/* The configuration file, and that docs/configuration.md knows every setting. */
#include "cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <signet/base/buffer.h>
#include <signet/base/file.h>
#include <signet/base/schedule.h>

#include "config_internal.h"

#define TOKEN "[token soft]\nmodule = /lib/m.so\nlabel = x\npin_file = /pin\n"

struct fixture {
    char directory[64], path[80];
    struct sg_config config;
    struct sg_error err;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/signet-config-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    snprintf(fixture->path, sizeof fixture->path, "%s/c", fixture->directory);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    unlink(fixture->path);
    rmdir(fixture->directory);
    sg_config_done(&fixture->config);
    free(fixture);
    return 0;
}

static sg_status read_bytes(struct fixture *fixture, const char *text, size_t len)
{
    int fd = open(fixture->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
    sg_config_done(&fixture->config);
    memset(&fixture->config, 0, sizeof fixture->config);
    sg_error_clear(&fixture->err);
    return sg_config_read(fixture->path, &fixture->config, &fixture->err);
}

static sg_status read_text(struct fixture *fixture, const char *text)
{
    return read_bytes(fixture, text, strlen(text));
}

static void the_smallest_one_has_every_default(void **state)
{
    struct fixture *fixture = *state;
    const struct sg_config *config = &fixture->config;
    const struct sg_config_token *token = &config->tokens[0];
    assert_int_equal(read_text(fixture, TOKEN), SG_OK);
    assert_string_equal(config->path, fixture->path);
    assert_string_equal(config->socket, "/run/signet/signet.sock");
    assert_string_equal(config->rings_socket, "/run/signet/pkcs11.sock");
    assert_string_equal(config->state, "/var/lib/signet");
    assert_string_equal(config->user, "signet");
    assert_string_equal(config->token_user, "signet-token");
    assert_int_equal(config->administrator_count, 0);
    assert_int_equal(config->log, SG_LOG_INFO);
    assert_int_equal(config->connections_max, 4096);
    assert_int_equal(config->connections_per_user_max, 2048);
    assert_int_equal(config->watches_max, 4096);
    assert_int_equal(config->watches_per_user_max, 2048);
    assert_int_equal(config->connection_memory_max, 256u << 20);
    assert_int_equal(config->request_deadline_s, 30);
    assert_int_equal(config->silence_deadline_s, 60);
    assert_int_equal(config->policy.profile, SG_PROFILE_DEFAULT);
    assert_int_equal(config->policy.given, 0);
    assert_int_equal(config->token_count, 1);
    assert_string_equal(token->name, "soft");
    assert_string_equal(token->module, "/lib/m.so");
    assert_string_equal(token->label, "x");
    assert_string_equal(token->serial, "");
    assert_string_equal(token->pin_file, "/pin");
    assert_string_equal(token->storage, "");
    assert_null(token->environment[0]);
    assert_in_range(token->processes, 1, SG_TOKEN_PROCESSES_MAX);
    assert_int_equal(token->processes, sg_processors_count()); /* fewer than 64 here */
    assert_int_equal(token->login_deadline_s, 60);
    assert_int_equal(token->call_deadline_s, 120);
    assert_int_equal(token->use_deadline_s, 20);
    assert_false(token->extractable_allowed);
}

static void check_whole_token(const struct sg_config_token *token)
{
    assert_string_equal(token->name, "one.2_3-x");
    assert_string_equal(token->serial, "0123456789abcdef");
    assert_string_equal(token->storage, "/s");
    assert_string_equal(token->environment[0], "SOFTHSM2_CONF=/x y=z");
    assert_string_equal(token->environment[1], "EMPTY=");
    assert_null(token->environment[2]);
    assert_int_equal(token->processes, 64);
    assert_int_equal(token->login_deadline_s, 1);
    assert_int_equal(token->call_deadline_s, 3600);
    assert_int_equal(token->use_deadline_s, 3600);
    assert_true(token->extractable_allowed);
}

static void every_setting_can_be_set(void **state)
{
    struct fixture *fixture = *state;
    const struct sg_config *config = &fixture->config;
    static const char text[] = "# a comment\r\n"
                               "\r\n"
                               "  socket=/a/http   # behind a value\r\n"
                               "rings_socket\t=\t/a/rings#1\n"
                               "state = \"/a/state # not a comment\"\n"
                               "administrators = root, 1001 ,1002\n"
                               "user = -\n"
                               "token_user = nobody\n"
                               "log = Debug\n"
                               "connections_max = 1\n"
                               "connections_per_user_max = 64K\n"
                               "watches_max = 1K\n"
                               "watches_per_user_max = 1\n"
                               "connection_memory_max = 0\n"
                               "request_deadline_s = 3600\n"
                               "silence_deadline_s = 12\n"
                               "curves = p384, p521   # before the profile\n"
                               "policy = Browser\n"
                               "minimum_rsa_bits = 3072\n"
                               "signature_digests = sha384\n"
                               "leaf_days_max = 90\n"
                               "ca_days_max = none\n"
                               "server_san_required = no\n"
                               "extractable_keys = never\n"
                               "ec_ca = no\n"
                               "[ token one.2_3-x ]   # comment\n"
                               "module = /m\n"
                               "serial = 0123456789abcdef\n"
                               "pin_file = /p\n"
                               "storage = /s\n"
                               "environment = SOFTHSM2_CONF=/x y=z\n"
                               "environment = EMPTY=\n"
                               "processes = 64\n"
                               "login_deadline_s = 1\n"
                               "use_deadline_s = 3600\n"
                               "call_deadline_s = 3600\n"
                               "extractable_allowed = YES\n"
                               "[token two]\n"
                               "module = /m\n"
                               "label = \"a label of thirty-two characters\"\n"
                               "pin_file = /p\n"
                               "call_deadline_s = 7";
    assert_int_equal(read_text(fixture, text), SG_OK);
    assert_string_equal(config->socket, "/a/http");
    assert_string_equal(config->rings_socket, "/a/rings#1");
    assert_string_equal(config->state, "/a/state # not a comment");
    assert_int_equal(config->administrator_count, 3);
    assert_int_equal(config->administrators[0], 0);
    assert_int_equal(config->administrators[2], 1002);
    assert_string_equal(config->user, "");
    assert_string_equal(config->token_user, "nobody");
    assert_int_equal(config->log, SG_LOG_DEBUG);
    assert_int_equal(config->connections_max, 1);
    assert_int_equal(config->connections_per_user_max, 65536);
    assert_int_equal(config->watches_max, 1024);
    assert_int_equal(config->watches_per_user_max, 1);
    assert_int_equal(config->connection_memory_max, 0);
    assert_int_equal(config->request_deadline_s, 3600);
    assert_int_equal(config->silence_deadline_s, 12);
    struct sg_crypto_policy policy = sg_crypto_policy_resolve(&config->policy);
    assert_int_equal(policy.profile, SG_PROFILE_BROWSER);
    assert_int_equal(policy.curves, SG_POLICY_P384 | SG_POLICY_P521);
    assert_int_equal(policy.minimum_rsa_bits, 3072);
    assert_int_equal(policy.digests, SG_POLICY_SHA384);
    assert_int_equal(policy.leaf_days_max, 90);
    assert_int_equal(policy.ca_days_max, SG_DAYS_NONE);
    assert_false(policy.server_san);
    assert_false(policy.extractable_keys);
    assert_false(policy.ec_ca);
    assert_int_equal(config->token_count, 2);
    check_whole_token(&config->tokens[0]);
    assert_int_equal(config->tokens[1].use_deadline_s, 7); /* follows, for nobody set it */
    assert_string_equal(config->tokens[1].label, "a label of thirty-two characters");
    assert_null(config->tokens[1].environment[0]);
}

#define LONG100                                                                                    \
    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct bad {
    const char *text;
    unsigned line;
    const char *says; /* in the text */
    const char *hint; /* in the hint */
};

static const struct bad bad_ones[] = {
    /* lines */
    {"nonsense\n" TOKEN, 1, "not a setting", "name = value"},
    {"\n\n= 5\n" TOKEN, 3, "unknown setting \"\"", "Allowed here: socket, rings_socket"},
    {"log = info\nlog = info\n" TOKEN, 2, "log is set twice", "Remove"},
    {"log =\n" TOKEN, 1, "log has no value", "error, warning"},
    {"policy = strict\n" TOKEN, 1, "\"strict\" is not a value of policy", "fips, browser"},
    {"policy = fips\npolicy = fips\n" TOKEN, 2, "policy is set twice", "Remove"},
    {"ec_ca = no\nminimum_rsa_bits = 512\n" TOKEN, 2, "minimum_rsa_bits", "1024 to 16384"},
    {"curves = p256, p192\n" TOKEN, 1, "\"p256, p192\" is not a value of curves", "brainpool"},
    {"signature_digests = md5\n" TOKEN, 1, "signature_digests", "sha256"},
    {"ca_days_max = baseline\n" TOKEN, 1, "ca_days_max", "or none"},
    {"extractable_keys = yes\n" TOKEN, 1, "extractable_keys", "allowed or never"},
    {"log = # nothing\n" TOKEN, 1, "log has no value", "error, warning"},
    {"log = \"\"\n" TOKEN, 1, "log has no value", ""},
    {"log = \"info\n" TOKEN, 1, "not closed", ""},
    {"log = \"info\" x\n" TOKEN, 1, "behind the closing", ""},
    {"log = \"in\"fo\"\n" TOKEN, 1, "behind the closing", ""},
    {"log = in\x01"
     "fo\n" TOKEN,
     1, "0x01", ""},
    {"# \x1b[31m\n" TOKEN, 1, "0x1b", ""},
    {"log = info\rx\n" TOKEN, 1, "0x0d", ""},
    /* names */
    {"sokcet = /x\n" TOKEN, 1, "unknown setting \"sokcet\"", "Did you mean socket?"},
    {"Socket = /x\n" TOKEN, 1, "unknown setting \"Socket\"", "Did you mean socket?"},
    {"module = /x\n" TOKEN, 1, "unknown setting \"module\"", "below a [token NAME]"},
    {TOKEN "socket = /x\n", 5, "unknown setting \"socket\"", "before the first [token NAME]"},
    {TOKEN "libel = x\n", 5, "unknown setting \"libel\"", "Did you mean label?"},
    {"zzzzzzzzzzzz = 1\n" TOKEN, 1, "unknown setting", "Allowed here: socket"},
    {TOKEN "zzzzzzzzzzzz = 1\n", 5, "unknown setting", "Allowed here: module"},
    /* sections */
    {"[tokens soft]\n" TOKEN, 1, "not a section", "[token NAME]"},
    {"[token]\n", 1, "not a section", "[token NAME]"},
    {"[token ]\n", 1, "not a token's name", "1 to 32"},
    {"[token soft\n" TOKEN, 1, "not a section", "[token NAME]"},
    {"[]\n" TOKEN, 1, "not a section", "[token NAME]"},
    {"[\n" TOKEN, 1, "not a section", "[token NAME]"},
    {"[token a b]\n", 1, "not a token's name", "1 to 32"},
    {"[token ../x]\n", 1, "not a token's name", "1 to 32"},
    {"[token t\xc3\xa9]\n", 1, "not a token's name", "1 to 32"},
    {"[token abcdefghijklmnopqrstuvwxyz1234567]\n", 1, "not a token's name", "1 to 32"},
    {TOKEN TOKEN, 5, "token \"soft\" is configured twice", ""},
    {"", 1, "no token is configured", "[token NAME]"},
    {"log = info\n", 2, "no token is configured", "[token NAME]"},
    {"\n[token a]\n", 2, "token \"a\" has no module", "module = "},
    {"[token a]\nmodule = /m\nlabel = x\n", 1, "token \"a\" has no pin_file", "pin_file = "},
    {"[token a]\nmodule = /m\npin_file = /p\n" TOKEN, 1, "neither label nor serial",
     "one of the two"},
    {TOKEN "serial = 1\n", 1, "both label and serial", "one of the two"},
    /* paths */
    {"socket = run/x\n" TOKEN, 1, "not an absolute path", "an absolute path"},
    {"socket = " LONG100 "/1234567\n" TOKEN, 1, "the path in socket is 108 bytes long", "107"},
    {"rings_socket = " LONG100 LONG100 "\n" TOKEN, 1, "the path in rings_socket", "107"},
    {"state = var\n" TOKEN, 1, "not an absolute path", ""},
    {"socket = /same\nrings_socket = /same\n" TOKEN, 7, "the same path", ""},
    {"[token a]\nmodule = m.so\n", 2, "not an absolute path", ""},
    {"[token a]\npin_file = ~/pin\n", 2, "not an absolute path", ""},
    {"[token a]\nstorage = .\n", 2, "not an absolute path", ""},
    /* texts */
    {"[token a]\nlabel = 123456789012345678901234567890123\n", 2, "label is 33 bytes long",
     "1 to 32"},
    {"[token a]\nserial = 12345678901234567\n", 2, "serial is 17 bytes long", "1 to 16"},
    /* users */
    {"user = a:b\n" TOKEN, 1, "not a value of user", "or -"},
    {"user = -x\n" TOKEN, 1, "not a value of user", "or -"},
    {"user = a b\n" TOKEN, 1, "not a value of user", "or -"},
    {"token_user = abcdefghijklmnopqrstuvwxyz1234567\n" TOKEN, 1, "not a value of token_user", ""},
    {"administrators = root, no-such-user-1\n" TOKEN, 1,
     "the user \"no-such-user-1\" does not exist", "getent"},
    {"administrators = root bin\n" TOKEN, 1, "not a value of administrators", "commas"},
    {"administrators = root,,bin\n" TOKEN, 1, "not a value of administrators", "commas"},
    {"administrators = ,\n" TOKEN, 1, "not a value of administrators", "commas"},
    {"administrators = root,\n" TOKEN, 1, "not a value of administrators", "commas"},
    {"administrators = root, 0\n" TOKEN, 1, "named twice", ""},
    {"administrators = 65534\n" TOKEN, 1, "\"65534\" cannot be an administrator", "account"},
    {"administrators = nobody\n" TOKEN, 1, "\"nobody\" cannot be an administrator", "account"},
    {"administrators = 4294967295\n" TOKEN, 1, "does not exist", ""},
    {"administrators = -1\n" TOKEN, 1, "does not exist", ""},
    {"administrators = 99999999999999999999999\n" TOKEN, 1, "does not exist", ""},
    /* words and numbers */
    {"log = verbose\n" TOKEN, 1, "\"verbose\" is not a value of log",
     "error, warning, notice, info or debug"},
    {"log = 7\n" TOKEN, 1, "not a value of log", ""},
    {"connections_max = 0\n" TOKEN, 1, "not a value of connections_max", "1 to 65536"},
    {"connections_max = 65537\n" TOKEN, 1, "not a value of connections_max", "1 to 65536"},
    {"connections_max = -1\n" TOKEN, 1, "not a value of connections_max", "1 to 65536"},
    {"connections_max = +1\n" TOKEN, 1, "not a value of connections_max", "1 to 65536"},
    {"connections_max = 1.5\n" TOKEN, 1, "not a value of connections_max", "1 to 65536"},
    {"connections_max = 1 2\n" TOKEN, 1, "not a value of connections_max", "1 to 65536"},
    {"connections_max = 0x10\n" TOKEN, 1, "not a value of connections_max", "1 to 65536"},
    {"connections_max = 18446744073709551617\n" TOKEN, 1, "not a value of connections_max", ""},
    {"connections_per_user_max = many\n" TOKEN, 1, "not a value of connections_per_user_max", ""},
    {"watches_max = 0\n" TOKEN, 1, "not a value of watches_max", "1 to 65536"},
    {"watches_per_user_max = 65537\n" TOKEN, 1, "not a value of watches_per_user_max",
     "1 to 65536"},
    {"connection_memory_max = 1M\n" TOKEN, 1, "not a value of connection_memory_max", "32M"},
    {"connection_memory_max = 31M\n" TOKEN, 1, "not a value of connection_memory_max", "32M"},
    {"connection_memory_max = 65G\n" TOKEN, 1, "not a value of connection_memory_max", "64G"},
    {"connection_memory_max = 18014398509481985K\n" TOKEN, 1,
     "not a value of connection_memory_max", ""},
    {"connection_memory_max = 256MB\n" TOKEN, 1, "not a value of connection_memory_max", ""},
    {"connection_memory_max = M\n" TOKEN, 1, "not a value of connection_memory_max", ""},
    {"request_deadline_s = 0\n" TOKEN, 1, "not a value of request_deadline_s", "1 to 3600"},
    {"request_deadline_s = 1K\n" TOKEN, 1, "not a value of request_deadline_s", "1 to 3600"},
    {"silence_deadline_s = 11\n" TOKEN, 1, "not a value of silence_deadline_s", "12 to 3600"},
    {"silence_deadline_s = 3601\n" TOKEN, 1, "not a value of silence_deadline_s", "12 to 3600"},
    {"silence_deadline_s = 0\n" TOKEN, 1, "not a value of silence_deadline_s", "12 to 3600"},
    {"[token a]\nprocesses = 0\n", 2, "not a value of processes", "1 to 64"},
    {"[token a]\nprocesses = 65\n", 2, "not a value of processes", "1 to 64"},
    {"[token a]\nlogin_deadline_s = 3601\n", 2, "not a value of login_deadline_s", ""},
    {"[token a]\ncall_deadline_s = -5\n", 2, "not a value of call_deadline_s", ""},
    {"[token a]\nuse_deadline_s = 0\n", 2, "not a value of use_deadline_s", "1 to 3600"},
    {"[token a]\nuse_deadline_s = 2m\n", 2, "not a value of use_deadline_s", "1 to 3600"},
    {"[token a]\nuse_deadline_s = 121\nmodule = /m\nlabel = x\npin_file = /p\n", 1,
     "use_deadline_s = 121 is more than call_deadline_s = 120", "Raise call_deadline_s"},
    {"[token a]\nmodule = /m\nlabel = x\npin_file = /p\ncall_deadline_s = 5\nuse_deadline_s = 6\n",
     1, "token \"a\": use_deadline_s = 6", "5 at most"},
    {"[token a]\nextractable_allowed = maybe\n", 2, "not a value of extractable_allowed",
     "yes or no"},
    {"[token a]\nextractable_allowed = 1\n", 2, "not a value of extractable_allowed", "yes or no"},
    /* environment */
    {"[token a]\nenvironment = X\n", 2, "not a value of environment", "NAME=value"},
    {"[token a]\nenvironment = =x\n", 2, "not a value of environment", "NAME=value"},
    {"[token a]\nenvironment = 1X=x\n", 2, "not a value of environment", "NAME=value"},
    {"[token a]\nenvironment = A B=x\n", 2, "not a value of environment", "NAME=value"},
    {"[token a]\nenvironment = A=1\nenvironment = B=1\nenvironment = A=2\n", 4,
     "the variable A is set twice", "Remove"},
};

static void every_fault_is_named_with_its_line(void **state)
{
    struct fixture *fixture = *state;
    size_t ran = 0;
    for (size_t i = 0; i < SG_COUNT(bad_ones); i++) {
        const struct bad *bad = &bad_ones[i];
        char where[120];
        snprintf(where, sizeof where, "%s:%u: ", fixture->path, bad->line);
        sg_status s = read_text(fixture, bad->text);
        if (s != SG_E_INPUT || strcmp(fixture->err.code, "bad_configuration") != 0 ||
            strncmp(fixture->err.text, where, strlen(where)) != 0 ||
            strstr(fixture->err.text, bad->says) == NULL ||
            strstr(fixture->err.hint, bad->hint) == NULL || fixture->err.hint[0] == '\0') {
            fail_msg("%.60s…: %d %s | %s", bad->text, (int)s, fixture->err.text, fixture->err.hint);
        }
        assert_int_equal(fixture->config.token_count, 0); /* nothing is handed out */
        ran++;
    }
    assert_int_equal(ran, SG_COUNT(bad_ones));
}

static void too_many_of_anything_are_refused(void **state)
{
    struct fixture *fixture = *state;
    char text[8192];
    size_t len = 0;
    for (int i = 0; i <= SG_TOKENS_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "[token t%d]\nmodule = /m\nlabel = x\npin_file = /p\n", i);
    }
    assert_int_equal(read_text(fixture, text), SG_E_INPUT);
    assert_non_null(strstr(fixture->err.text, "more than 16 tokens"));
    len = (size_t)snprintf(text, sizeof text, "administrators = 1");
    for (int i = 2; i <= SG_ADMINISTRATORS_MAX + 1; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, ",%d", i);
    }
    assert_int_equal(read_text(fixture, text), SG_E_INPUT);
    assert_non_null(strstr(fixture->err.text, ":1: more than 64 administrators"));
    len = (size_t)snprintf(text, sizeof text, "%s", TOKEN);
    for (int i = 0; i <= SG_TOKEN_ENVIRONMENT_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "environment = A%d=x\n", i);
    }
    assert_int_equal(read_text(fixture, text), SG_E_INPUT);
    assert_non_null(strstr(fixture->err.text, "more than 16 variables"));
}

static void what_is_no_text_file_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_bytes(fixture, "log = info\n\0\n", 13), SG_E_INPUT);
    assert_non_null(strstr(fixture->err.text, ":2: a NUL byte"));
    char *large = malloc(SG_CONFIG_FILE_MAX + 1);
    assert_non_null(large);
    memset(large, '#', SG_CONFIG_FILE_MAX + 1);
    assert_int_equal(read_bytes(fixture, large, SG_CONFIG_FILE_MAX + 1), SG_E_INPUT);
    assert_non_null(strstr(fixture->err.text, "larger than 1048576 bytes"));
    memset(large, '\n', SG_CONFIG_FILE_MAX);
    memcpy(large, TOKEN, sizeof TOKEN - 1);
    assert_int_equal(read_bytes(fixture, large, SG_CONFIG_FILE_MAX), SG_OK);
    free(large);
    unlink(fixture->path);
    struct sg_config config;
    assert_int_equal(sg_config_read(fixture->path, &config, &fixture->err), SG_E_NOT_FOUND);
    assert_non_null(strstr(fixture->err.text, fixture->path));
    assert_int_equal(sg_config_read(fixture->directory, &config, &fixture->err), SG_E_STORAGE);
}

/* ---- the page ---- */

static void check_rows(const char *page, const struct sg_setting *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char heading[64];
        snprintf(heading, sizeof heading, "\n### `%s`\n", rows[i].name);
        const char *found = strstr(page, heading);
        if (found == NULL) {
            fail_msg("docs/configuration.md has no section for %s", rows[i].name);
            return;
        }
        const char *end = strstr(found + strlen(heading), "\n#");
        char initial[64];
        snprintf(initial, sizeof initial, "Default: `%s`",
                 rows[i].initial != NULL ? rows[i].initial : "");
        const char *stated = rows[i].initial != NULL ? strstr(found, initial)
                             : rows[i].required      ? strstr(found, "Required")
                                                     : strstr(found, "Default: ");
        if (stated == NULL || (end != NULL && stated > end)) {
            fail_msg("docs/configuration.md does not state the default of %s", rows[i].name);
        }
    }
}

static void the_page_explains_every_setting_and_no_other(void **state)
{
    (void)state;
    SG_BUFFER page;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&page, (size_t)1 << 20);
    assert_int_equal(sg_file_read(SIGNET_CONFIGURATION_PAGE, "page", &page, &err), SG_OK);
    const char *text = (const char *)page.data;
    size_t service = 0;
    size_t token = 0;
    const struct sg_setting *service_rows = sg_config_service_settings(&service);
    const struct sg_setting *token_rows = sg_config_token_settings(&token);
    check_rows(text, service_rows, service);
    check_rows(text, token_rows, token);
    size_t headings = 0;
    for (const char *next = strstr(text, "\n### `"); next != NULL;
         next = strstr(next + 1, "\n### `")) {
        headings++;
    }
    assert_int_equal(headings, service + token);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_smallest_one_has_every_default),
        CASE(every_setting_can_be_set),
        CASE(every_fault_is_named_with_its_line),
        CASE(too_many_of_anything_are_refused),
        CASE(what_is_no_text_file_is_refused),
        cmocka_unit_test(the_page_explains_every_setting_and_no_other),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
