/* sg_http_check_params against a row that has a parameter of every type. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <signet/http/server.h>

static const char *const words[] = {"red", "green", NULL};
static const struct sg_param every_type[] = {
    {"text", SG_PARAM_TEXT, .max = 5, .help = "h"},
    {"owner", SG_PARAM_OWNER, .help = "h"},
    {"certificate", SG_PARAM_CERTIFICATE, .required = true, .help = "h"},
    {"word", SG_PARAM_WORD, .words = words, .help = "h"},
    {"words", SG_PARAM_WORDS, .words = words, .max = 2, .help = "h"},
    {"texts", SG_PARAM_TEXTS, .max = 2, .help = "h"},
    {"number", SG_PARAM_INTEGER, .min = -2, .max = 7, .help = "h"},
    {"flag", SG_PARAM_FLAG, .help = "h"},
    {"moment", SG_PARAM_TIME, .help = "h"},
    {"uid", SG_PARAM_UNIX_USER, .help = "h"},
    {"files", SG_PARAM_CERTIFICATE_FILES, .max = 2, .help = "h"},
    {"request", SG_PARAM_CSR_FILE, .help = "h"},
    {"out", SG_PARAM_CLIENT_FILE, .help = "h"},
    {"format", SG_PARAM_CLIENT_WORD, .words = words, .required = true, .help = "h"},
    {"quiet", SG_PARAM_CLIENT_FLAG, .help = "h"},
    {0},
};
static const struct sg_operation operation = {
    .noun = "thing", .verb = "do", .flags = SG_OP_CHANGES, .params = every_type};

struct row {
    const char *json;  /* goes between the braces, behind the required certificate */
    const char *named; /* must stand in the complaint; NULL: accepted */
};

static const struct row rows[] = {
    {"", NULL},
    {", \"text\": \"abcde\"", NULL},
    {", \"text\": \"\"", NULL},
    {", \"text\": \"abcdef\"", "\"text\""},
    {", \"text\": \"\xc3\xa9\xc3\xa9\xc3\xa9\"", "\"text\""},
    {", \"text\": 5", "\"text\""},
    {", \"text\": null", "\"text\""},
    {", \"text\": [\"a\"]", "\"text\""},
    {", \"owner\": \"A\"", NULL},
    {", \"owner\": true", "\"owner\""},
    {", \"owner\": {\"a\": 1}", "\"owner\""},
    {", \"word\": \"red\"", NULL},
    {", \"word\": \"Red\"", "\"word\""},
    {", \"word\": \"blue\"", "\"word\""},
    {", \"word\": \"\"", "\"word\""},
    {", \"word\": [\"red\"]", "\"word\""},
    {", \"words\": []", NULL},
    {", \"words\": [\"red\", \"green\"]", NULL},
    {", \"words\": [\"red\", \"blue\"]", "\"words\""},
    {", \"words\": [\"red\", \"red\", \"red\"]", "\"words\""},
    {", \"words\": [1]", "\"words\""},
    {", \"words\": \"red\"", "\"words\""},
    {", \"texts\": [\"a\", \"b\"]", NULL},
    {", \"texts\": [\"a\", \"b\", \"c\"]", "\"texts\""},
    {", \"texts\": [null]", "\"texts\""},
    {", \"texts\": [[\"a\"]]", "\"texts\""},
    {", \"number\": -2", NULL},
    {", \"number\": 7", NULL},
    {", \"number\": -3", "\"number\""},
    {", \"number\": 8", "\"number\""},
    {", \"number\": 1.0", "\"number\""},
    {", \"number\": \"1\"", "\"number\""},
    {", \"number\": true", "\"number\""},
    {", \"flag\": true", NULL},
    {", \"flag\": false", NULL},
    {", \"flag\": 1", "\"flag\""},
    {", \"flag\": \"true\"", "\"flag\""},
    {", \"flag\": null", "\"flag\""},
    {", \"moment\": \"2026-11-21T18:00:00Z\"", NULL},
    {", \"moment\": \"2028-02-29T23:59:59Z\"", NULL},
    {", \"moment\": \"2000-02-29T00:00:00Z\"", NULL},
    {", \"moment\": \"2026-02-29T00:00:00Z\"", "\"moment\""},
    {", \"moment\": \"2100-02-29T00:00:00Z\"", "\"moment\""},
    {", \"moment\": \"2026-13-01T00:00:00Z\"", "\"moment\""},
    {", \"moment\": \"2026-00-01T00:00:00Z\"", "\"moment\""},
    {", \"moment\": \"2026-11-00T00:00:00Z\"", "\"moment\""},
    {", \"moment\": \"2026-11-31T00:00:00Z\"", "\"moment\""},
    {", \"moment\": \"2026-11-21T24:00:00Z\"", "\"moment\""},
    {", \"moment\": \"2026-11-21T18:60:00Z\"", "\"moment\""},
    {", \"moment\": \"2026-11-21T18:00:60Z\"", "\"moment\""},
    {", \"moment\": \"2026-11-21T18:00:00+01:00\"", "\"moment\""},
    {", \"moment\": \"2026-11-21T18:00:00z\"", "\"moment\""},
    {", \"moment\": \"2026-11-21 18:00:00Z\"", "\"moment\""},
    {", \"moment\": \"2026-11-21\"", "\"moment\""},
    {", \"moment\": \"+026-11-21T18:00:00Z\"", "\"moment\""},
    {", \"moment\": 1800000000", "\"moment\""},
    {", \"uid\": 0", NULL},
    {", \"uid\": 4294967294", NULL},
    {", \"uid\": 4294967295", "\"uid\""},
    {", \"uid\": -1", "\"uid\""},
    {", \"uid\": \"root\"", "\"uid\""},
    {", \"files\": [\"AAAA\", \"AA==\"]", NULL},
    {", \"files\": []", NULL},
    {", \"files\": [\"AAAA\", \"AAAA\", \"AAAA\"]", "\"files\""},
    {", \"files\": [\"\"]", "\"files\""},
    {", \"files\": [\"AAA\"]", "\"files\""},
    {", \"files\": [\"A===\"]", "\"files\""},
    {", \"files\": [\"AA=A\"]", "\"files\""},
    {", \"files\": [\"AA_-\"]", "\"files\""},
    {", \"files\": [\"AAA\\n\"]", "\"files\""},
    {", \"files\": \"AAAA\"", "\"files\""},
    {", \"request\": \"AAA=\"", NULL},
    {", \"request\": \"-----BEGIN\"", "\"request\""},
    {", \"request\": [\"AAAA\"]", "\"request\""},
    {", \"out\": \"/tmp/x\"", "\"out\""},
    {", \"format\": \"red\"", "\"format\""},
    {", \"quiet\": true", "\"quiet\""},
    {", \"nothing\": 1", "\"nothing\""},
    {", \"\": 1", "\"\""},
    {", \"TEXT\": \"a\"", "\"TEXT\""},
};

static void every_type_has_its_bounds(void **state)
{
    (void)state;
    size_t ran = 0;
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        char text[256];
        struct sg_error err = SG_ERROR_INIT;
        snprintf(text, sizeof text, "{\"certificate\": \"A/B\"%s}", rows[i].json);
        json_t *params = json_loads(text, 0, NULL);
        assert_non_null(params);
        sg_status s = sg_http_check_params(&operation, params, &err);
        if ((s == SG_OK) != (rows[i].named == NULL)) {
            fail_msg("%s: %s", text, err.text);
        }
        if (s != SG_OK && rows[i].named != NULL) {
            assert_int_equal(s, SG_E_USAGE);
            assert_string_equal(err.code, "bad_parameter");
            assert_non_null(strstr(err.text, rows[i].named));
            assert_true(err.hint[0] != '\0');
        }
        json_decref(params);
        ran++;
    }
    assert_int_equal(ran, SG_COUNT(rows));
}

static void required_ones_must_be_there(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    json_t *params = json_object();
    assert_int_equal(sg_http_check_params(&operation, params, &err), SG_E_USAGE);
    assert_non_null(strstr(err.text, "\"certificate\" is missing"));
    json_decref(params);
    params = json_array();
    assert_int_equal(sg_http_check_params(&operation, params, &err), SG_E_USAGE);
    json_decref(params);
}

static void a_misspelt_name_is_guessed(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    json_t *params = json_pack("{s:s}", "certifcate", "A/B");
    assert_int_equal(sg_http_check_params(&operation, params, &err), SG_E_USAGE);
    assert_string_equal(err.hint, "Did you mean certificate?");
    json_decref(params);
    params = json_pack("{s:s}", "format_", "A/B"); /* for the command alone: no guess */
    assert_int_equal(sg_http_check_params(&operation, params, &err), SG_E_USAGE);
    assert_null(strstr(err.hint, "Did you mean"));
    json_decref(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_bounds),
        cmocka_unit_test(required_ones_must_be_there),
        cmocka_unit_test(a_misspelt_name_is_guessed),
    };
    return cmocka_run_group_tests_name("http_params", tests, NULL, NULL);
}
