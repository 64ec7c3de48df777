/* The texts of provision: what a text becomes, for people and for programs; and what is no text. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <signet/interface/spec.h>

#include "provision_internal.h"

static const struct sg_provision_value values[] = {
    {"ring", "'A/r'"}, {"label", "a@ring@b"}, {"socket", "/run/50%/\"s\""}, {NULL, NULL}};

static void free_json(json_t **json)
{
    json_decref(*json);
}

static sg_status render(const char *const *lines, json_t **answer, struct sg_error *err)
{
    *answer = json_object();
    assert_non_null(*answer);
    return sg_provision_render(lines, values, *answer, err);
}

static const char *text_at(const json_t *answer, const char *list, size_t index)
{
    return json_string_value(json_array_get(json_object_get(answer, list), index));
}

static void check_file(const json_t *answer, size_t index, const char *path, const char *mode,
                       const char *content)
{
    const json_t *file = json_array_get(json_object_get(answer, "files"), index);
    assert_string_equal(json_string_value(json_object_get(file, "path")), path);
    assert_string_equal(json_string_value(json_object_get(file, "mode")), mode);
    assert_string_equal(json_string_value(json_object_get(file, "content")), content);
}

static void a_text_becomes_lines_and_json(void **state)
{
    (void)state;
    static const char *const lines[] = {"# Hello @ring@, @@home, a@@b:",
                                        "%package one two",
                                        "%key file",
                                        "%untested",
                                        "%command signet export @ring@",
                                        "%environment ADDRESS=@socket@",
                                        "%unit web",
                                        "%file /etc/f 0600",
                                        "# @label@",
                                        "",
                                        "%package is content here",
                                        "%end",
                                        "#",
                                        "%chain_file /etc/c",
                                        "%pair_file /etc/k 0640",
                                        "chain /etc/c",
                                        "key @label@",
                                        "%end",
                                        "%main /etc/m 0644",
                                        "key = @label@",
                                        "%end",
                                        "%example try @ring@",
                                        "%limit Nothing.",
                                        "%reload web reload",
                                        "%watch watch @ring@ --exec 'web reload'",
                                        "%watch_unit web /etc/w.sh",
                                        NULL};
    __attribute__((__cleanup__(free_json))) json_t *answer = NULL;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(render(lines, &answer, &err), SG_OK);
    static const char unit[] = "[Unit]\nAfter=signetd.service\n\n[Service]\n"
                               "Environment=\"ADDRESS=/run/50%%/\\\"s\\\"\"\n";
    check_file(answer, 0, "/etc/systemd/system/web.service.d/signet.conf", "0644", unit);
    check_file(answer, 1, "/etc/f", "0600", "# a@ring@b\n\n%package is content here\n");
    check_file(answer, 2, "/etc/k", "0640", "chain /etc/c\nkey a@ring@b\n");
    assert_string_equal(json_string_value(json_object_get(answer, "pair_file")), "/etc/k");
    assert_string_equal(json_string_value(json_object_get(answer, "chain_file")), "/etc/c");
    check_file(answer, 3, "/etc/m", "0644", "key = a@ring@b\n");
    check_file(answer, 4, "/etc/w.sh", "0644", "exec watch 'A/r' --exec 'web reload'\n");
    static const char service[] =
        "[Unit]\nDescription=What web takes from a ring\nAfter=signetd.service\n\n"
        "[Service]\nExecStart=/bin/sh /etc/w.sh\nRestart=always\nRestartSec=10\n\n"
        "[Install]\nWantedBy=multi-user.target\n";
    check_file(answer, 5, "/etc/systemd/system/signet-watch-web.service", "0644", service);
    assert_string_equal(text_at(answer, "packages", 0), "one");
    assert_string_equal(text_at(answer, "packages", 1), "two");
    assert_string_equal(text_at(answer, "commands", 0), "signet export 'A/r'");
    assert_string_equal(text_at(answer, "examples", 0), "try 'A/r'");
    assert_string_equal(text_at(answer, "limits", 0), "Nothing.");
    assert_string_equal(json_string_value(json_object_get(answer, "reload")), "web reload");
    assert_string_equal(json_string_value(json_object_get(answer, "watch")),
                        "watch 'A/r' --exec 'web reload'");
    assert_string_equal(json_string_value(json_object_get(answer, "key")), "file");
    assert_true(json_is_false(json_object_get(answer, "tested")));
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(answer, "environment"), "ADDRESS")),
        "/run/50%/\"s\"");
    assert_string_equal(json_string_value(json_object_get(answer, "text")),
                        "# Hello 'A/r', @home, a@b:\n"
                        "#    apt-get install --no-install-recommends one two\n"
                        "#    signet export 'A/r'\n"
                        "#    ADDRESS=/run/50%/\"s\"\n"
                        "# /etc/systemd/system/web.service.d/signet.conf:\n"
                        "#    [Unit]\n#    After=signetd.service\n#\n#    [Service]\n"
                        "#    Environment=\"ADDRESS=/run/50%%/\\\"s\\\"\"\n"
                        "# /etc/f:\n#    # a@ring@b\n#\n#    %package is content here\n"
                        "#\n"
                        "# /etc/k:\n#    chain /etc/c\n#    key a@ring@b\n"
                        "# /etc/m:\nkey = a@ring@b\n"
                        "#    try 'A/r'\n# - Nothing.\n#    web reload\n"
                        "#    watch 'A/r' --exec 'web reload'\n"
                        "# /etc/w.sh:\n#    exec watch 'A/r' --exec 'web reload'\n"
                        "# /etc/systemd/system/signet-watch-web.service:\n"
                        "#    [Unit]\n#    Description=What web takes from a ring\n"
                        "#    After=signetd.service\n#\n"
                        "#    [Service]\n#    ExecStart=/bin/sh /etc/w.sh\n#    Restart=always\n"
                        "#    RestartSec=10\n#\n"
                        "#    [Install]\n#    WantedBy=multi-user.target\n");
}

static bool has_pair_file(const struct sg_provision_text *text)
{
    const char *const *line = text->lines;
    while (*line != NULL && strncmp(*line, "%pair_file ", 11) != 0) {
        line++;
    }
    return *line != NULL;
}

static void the_command_knows_which_programs_follow_a_ring(void **state)
{
    (void)state;
    unsigned following = 0;
    for (const struct sg_provision_text *text = sg_provision_texts; text->program != NULL; text++) {
        if (sg_program_follows(text->program) != has_pair_file(text)) {
            fail_msg("of %s the command thinks something else", text->program);
        }
        following += has_pair_file(text) ? 1 : 0;
    }
    assert_int_equal(following, 5);
    assert_false(sg_program_follows(""));
    assert_false(sg_program_follows("NGINX"));
}

static void what_is_no_text_is_refused(void **state)
{
    (void)state;
    static const char *const bad[][5] = {
        {"neither a comment nor a directive", NULL},
        {"# @unknown@", NULL},
        {"%nothing of this name", NULL},
        {"%Package x", NULL},
        {"%", NULL},
        {"%command @unknown@", NULL},
        {"%environment NO VALUE", NULL},
        {"%file /no/mode", "%end", NULL},
        {"%file /mode/too/long 00644", "%end", NULL},
        {"%main /never/ended 0644", "x", NULL},
        {"%pair_file /no/mode", "%end", NULL},
        {"%pair_file /no/chain 0644", "key", "%end", NULL},
        {"%chain_file", NULL},
        {"%chain_file /c", "%pair_file /names/none 0644", "%end", NULL},
        {"%chain_file /c", "%pair_file /names/it/alone 0644", "chain /c", "%end", NULL},
        {"%chain_file /c", "%pair_file /names/it/twice 0644", "x\ny /c /c", "%end", NULL},

        {"%watch_unit web /no/watch", NULL},
        {"%watch w", "%watch_unit nopath", NULL},
        {"%pair_file /never/ended 0644", "x", NULL},
        {"%file /a 0644", "@unknown@", "%end", NULL},
        {"%end", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        __attribute__((__cleanup__(free_json))) json_t *answer = NULL;
        struct sg_error err = SG_ERROR_INIT;
        if (render(bad[i], &answer, &err) != SG_E_INTERNAL) {
            fail_msg("\"%s\" is a text", bad[i][0]);
        }
        assert_string_equal(err.code, "bad_provision_text");
        assert_null(json_object_get(answer, "text"));
    }
}

/* The word that the command takes is the text's name, and there is no text without a word. */
static void every_program_has_its_text(void **state)
{
    (void)state;
    const struct sg_operation *operation = sg_operation_find("provision", "");
    assert_non_null(operation);
    size_t words = 0;
    size_t texts = 0;
    for (const char *const *word = operation->params[0].words; *word != NULL; word++, words++) {
        const struct sg_provision_text *text = sg_provision_texts;
        while (text->program != NULL && strcmp(text->program, *word) != 0) {
            text++;
        }
        if (text->program == NULL) {
            fail_msg("%s has no text", *word);
        }
    }
    for (const struct sg_provision_text *text = sg_provision_texts; text->program != NULL; text++) {
        const char *trust = strstr(text->program, "_trust"); /* for rings of trust anchors alone */
        texts += trust == NULL ? 1 : 0;
        assert_true(trust == NULL || strcmp(trust, "_trust") == 0);
    }
    assert_int_equal(words, texts);
    assert_true(words >= 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_becomes_lines_and_json),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(every_program_has_its_text),
        cmocka_unit_test(the_command_knows_which_programs_follow_a_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
