/* Answers as people read them: aligned, clean, complete. */
#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include <signet/cli/base64.h>
#include <signet/cli/client.h>
#include <signet/cli/output.h>
#include <signet/cli/shapes.h>

#define TEXT_MAX ((size_t)1024 * 1024)

static const struct {
    const char *noun, *verb;
    const char *answer;
    const char *out, *notes;
} answers[] = {
    {"ring", "list",
     "{\"items\":[{\"owner\":\"A\",\"ring\":\"r\",\"certificates\":2,\"slot\":17},"
     "{\"owner\":\"LONGER\",\"ring\":\"ünï\",\"certificates\":10,\"slot\":null}]}",
     "OWNER   RING  CERTIFICATES  SLOT\n"
     "A       r     2             17\n"
     "LONGER  ünï   10            -\n",
     ""},
    {"ring", "list", "{\"items\":[]}", "OWNER  RING  CERTIFICATES  SLOT\n", ""},
    {"cert", "list",
     "{\"items\":[{\"owner\":\"A\",\"label\":\"\",\"status\":\"TRUST\",\"private_key\":true,\"not_after\":\"2027\",\"subject\":\"CN=a\\nb\\u001b[2J\"}]}",
     "OWNER  LABEL  STATUS  PRIVATE_KEY  NOT_AFTER  SUBJECT\n"
     "A      -      TRUST   yes          2027       CN=a?b?[2J\n",
     ""},
    {"owner", "list",
     "{\"items\":[{\"owner\":\"A\",\"uids\":[0,33],\"certificates\":1,\"rings\":0}],\"more\":true}",
     "OWNER  UIDS  CERTIFICATES  RINGS\nA      0,33  1             0\nmore: yes\n", ""},
    {"owner", "list", "{\"items\":[{\"owner\":\"A\",\"uids\":[],\"certificates\":{\"a\":1}}]}",
     "OWNER  UIDS  CERTIFICATES  RINGS\nA      -     {\"a\":1}       -\n", ""},
    {"owner", "add",
     "{\"did\":[\"created owner A\"],\"warnings\":[\"nobody is attached\\u009b1m\"]}",
     "created owner A\n", "warning: nobody is attached?1m\n"},
    /* text that would be shown backwards, or on another line */
    {"owner", "add", "{\"did\":[\"created A\\u202etxt\\u2066.\\u2028x\\u2030\"]}",
     "created A?txt?.?x\u2030\n", ""},
    {"owner", "add", "{\"did\":[\"one\",{\"text\":\"two\"},{\"x\":1}],\"owner\":\"A\"}",
     "one\ntwo\n{\"x\":1}\n", ""},
    {"owner", "add", "{\"did\":[]}", "", ""},
    {"owner", "add", "{\"dry_run\":true,\"effects\":[\"create owner A\",\"say so\"]}",
     "would: create owner A\nwould: say so\n", ""},
    {"owner", "add", "{\"dry_run\":true,\"effects\":[]}", "would: nothing\n", ""},
    {"owner", "add", "{\"dry_run\":true,\"effects\":[],\"warnings\":[\"x\"]}", "would: nothing\n",
     "warning: x\n"},
    {"cert", "show",
     "{\"label\":\"a\",\"status\":\"TRUST\",\"private_key\":false,\"san\":[],\"usage\":null,\"rings\":[{\"ring\":\"A/r\",\"default\":true}],\"x\":{\"y\":[1,2]}}",
     "label: a\nstatus: TRUST\nprivate_key: no\nsan: none\nusage: -\nrings:\n  -\n    ring: A/r\n    default: yes\nx:\n  y:\n    - 1\n    - 2\n",
     ""},
    {"status", "", "{\"state\":\"ready\\r\\nforged: line\"}", "state: ready?\nforged: line\n", ""},
    {"status", "", "{\"items\":[{\"a\":1},{\"b\":2}]}", "a: 1\n\nb: 2\n", ""},
    {"status", "", "{}", "", ""},
};

static void answers_are_rendered(void **state)
{
    (void)state;
    for (size_t i = 0; i < SG_COUNT(answers); i++) {
        SG_BUFFER out;
        SG_BUFFER notes;
        struct sg_error err = SG_ERROR_INIT;
        sg_buffer_init(&out, TEXT_MAX);
        sg_buffer_init(&notes, TEXT_MAX);
        json_t *answer = json_loads(answers[i].answer, 0, NULL);
        assert_non_null(answer);
        assert_int_equal(sg_output_answer(sg_operation_find(answers[i].noun, answers[i].verb),
                                          answer, &out, &notes, &err),
                         SG_OK);
        json_decref(answer);
        assert_string_equal(out.len > 0 ? (const char *)out.data : "", answers[i].out);
        assert_string_equal(notes.len > 0 ? (const char *)notes.data : "", answers[i].notes);
    }
}

/* Deep nesting must not cost the stack, and ends as JSON. */
static void deep_answers_end_as_json(void **state)
{
    (void)state;
    SG_BUFFER out;
    SG_BUFFER notes;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&out, TEXT_MAX);
    sg_buffer_init(&notes, TEXT_MAX);
    json_t *deep = json_integer(1);
    for (int i = 0; i < 500; i++) {
        deep = json_pack("{s:o}", "d", deep);
    }
    assert_int_equal(sg_output_answer(sg_operation_find("status", ""), deep, &out, &notes, &err),
                     SG_OK);
    assert_non_null(strstr((const char *)out.data, "{\"d\":{\"d\":"));
    json_decref(deep);
}

static void what_is_too_long_is_refused(void **state)
{
    (void)state;
    SG_BUFFER out;
    SG_BUFFER notes;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&out, 20);
    sg_buffer_init(&notes, 20);
    json_t *answer = json_loads("{\"text\":\"a text of more than twenty bytes\"}", 0, NULL);
    assert_int_equal(sg_output_answer(sg_operation_find("status", ""), answer, &out, &notes, &err),
                     SG_E_LIMIT);
    assert_int_equal(sg_output_json(answer, &out, &err), SG_E_LIMIT);
    json_decref(answer);
}

static void failures_have_two_lines(void **state)
{
    (void)state;
    SG_BUFFER out;
    struct sg_error failure = SG_ERROR_INIT, err = SG_ERROR_INIT;
    sg_buffer_init(&out, TEXT_MAX);
    sg_fail(&failure, SG_E_DENIED, "denied", "you may not");
    assert_int_equal(sg_output_failure(&failure, false, &out, &err), SG_OK);
    assert_string_equal((const char *)out.data, "signet: you may not\n");
    out.len = 0;
    sg_hint(&failure, "Ask.");
    assert_int_equal(sg_output_failure(&failure, false, &out, &err), SG_OK);
    assert_string_equal((const char *)out.data, "signet: you may not\nhint: Ask.\n");
}

/* A text that was cut within a character still becomes JSON. */
static void failures_are_always_json(void **state)
{
    (void)state;
    SG_BUFFER out;
    struct sg_error failure = SG_ERROR_INIT, err = SG_ERROR_INIT;
    sg_buffer_init(&out, TEXT_MAX);
    sg_fail(&failure, SG_E_NOT_FOUND, "no_file", "cannot open \xff\xc3 it");
    sg_object(&failure, "x");
    assert_int_equal(sg_output_failure(&failure, true, &out, &err), SG_OK);
    json_t *json = json_loadb((const char *)out.data, out.len, 0, NULL);
    json_t *error = json_object_get(json, "error");
    assert_string_equal(json_string_value(json_object_get(error, "code")), "no_file");
    assert_string_equal(json_string_value(json_object_get(error, "status")), "not_found");
    assert_string_equal(json_string_value(json_object_get(error, "text")), "cannot open ?? it");
    assert_string_equal(json_string_value(json_object_get(error, "object")), "x");
    assert_string_equal(json_string_value(json_object_get(error, "hint")), "");
    json_decref(json);
}

static void errors_of_the_service_are_read(void **state)
{
    (void)state;
    const struct {
        const char *answer;
        sg_status status;
        const char *code, *text;
    } rows[] = {
        {"{\"error\":{\"status\":\"denied\",\"code\":\"x\",\"text\":\"no\",\"hint\":\"h\",\"object\":\"o\"}}",
         SG_E_DENIED, "x", "no"},
        {"{\"error\":{\"status\":\"not_found\"}}", SG_E_NOT_FOUND, "not_found", "did not say why"},
        {"{\"error\":{}}", SG_E_INTERNAL, "internal", "did not say why"},
        {"{\"error\":{\"status\":\"ok\",\"text\":\"odd\"}}", SG_E_INTERNAL, "internal", "odd"},
        {"{\"error\":{\"status\":7,\"text\":7,\"code\":7}}", SG_E_INTERNAL, "internal",
         "did not say why"},
        {"{\"error\":{\"status\":\"made up\",\"text\":\"t\"}}", SG_E_INTERNAL, "internal", "t"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_error err = SG_ERROR_INIT;
        json_t *answer = json_loads(rows[i].answer, 0, NULL);
        assert_int_equal(sg_client_error(answer, &err), rows[i].status);
        assert_int_equal(err.status, rows[i].status);
        assert_string_equal(err.code, rows[i].code);
        assert_non_null(strstr(err.text, rows[i].text));
        json_decref(answer);
    }
}

static void base64_goes_both_ways(void **state)
{
    (void)state;
    for (size_t len = 1; len < 70; len++) {
        unsigned char bytes[70];
        memset(bytes, (int)len, sizeof bytes);
        SG_BUFFER back;
        struct sg_error err = SG_ERROR_INIT;
        sg_buffer_init(&back, TEXT_MAX);
        json_t *text = sg_base64_json((struct sg_bytes){bytes, len});
        assert_non_null(text);
        assert_int_equal(sg_base64_read(text, &back, &err), SG_OK);
        assert_int_equal(back.len, len);
        assert_memory_equal(back.data, bytes, len);
        json_decref(text);
    }
}

static void wrong_base64_is_the_services_fault(void **state)
{
    (void)state;
    const char *const wrong[] = {
        "", "A", "AAA", "====", "A===", "AAAA*AAA", "AA=A", "\xc3\xbc\xc3\xbc"};
    for (size_t i = 0; i < SG_COUNT(wrong); i++) {
        SG_BUFFER out;
        struct sg_error err = SG_ERROR_INIT;
        sg_buffer_init(&out, TEXT_MAX);
        json_t *text = json_string(wrong[i]);
        if (sg_base64_read(text, &out, &err) != SG_E_SERVICE) {
            fail_msg("\"%s\" was taken", wrong[i]);
        }
        json_decref(text);
    }
    SG_BUFFER out;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&out, TEXT_MAX);
    assert_int_equal(sg_base64_read(NULL, &out, &err), SG_E_SERVICE);
    assert_int_equal(sg_base64_read(json_true(), &out, &err), SG_E_SERVICE);
}

static void labels_become_harmless_file_names(void **state)
{
    (void)state;
    const struct {
        const char *label, *name;
    } rows[] = {
        {"plain-1_a.b", "plain-1_a.b"},
        {"../../etc/passwd", "_._.._etc_passwd"},
        {"", ""},
        {".hidden", "_hidden"},
        {"a b/c\\d", "a_b_c_d"},
        {"ünï", "_n_"},
        {"-rf", "-rf"},
        {"x\n\x1b", "x__"},
    };
    char name[65];
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        sg_shape_file_name(rows[i].label, name);
        assert_string_equal(name, rows[i].name);
        assert_null(strchr(name, '/'));
    }
    char huge[400];
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    sg_shape_file_name(huge, name);
    assert_int_equal(strlen(name), 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_rendered),
        cmocka_unit_test(deep_answers_end_as_json),
        cmocka_unit_test(what_is_too_long_is_refused),
        cmocka_unit_test(failures_have_two_lines),
        cmocka_unit_test(failures_are_always_json),
        cmocka_unit_test(errors_of_the_service_are_read),
        cmocka_unit_test(base64_goes_both_ways),
        cmocka_unit_test(wrong_base64_is_the_services_fault),
        cmocka_unit_test(labels_become_harmless_file_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
