/* The table of operations: what every row must hold, for the command, the routes and the gate to be
 * derivable from it. */
#include "cmocka_all.h"

#include <string.h>

#include <signet/interface/spec.h>

static const struct sg_operation *rows;
static size_t count;

static bool is_snake(const char *name)
{
    return name[0] >= 'a' && name[0] <= 'z' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static void rows_stand_at_their_identifier(void **state)
{
    (void)state;
    assert_true(count >=
                27); /* what there was when this was written: fewer means that rows got lost */
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rows[i].id, i);
    }
}

static void words_are_unique_and_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true(is_snake(rows[i].noun));
        assert_true(rows[i].verb[0] == '\0' || is_snake(rows[i].verb));
        assert_ptr_equal(sg_operation_find(rows[i].noun, rows[i].verb), &rows[i]);
    }
}

/* "status" alone and "status something" cannot both be: the command could not tell a verb from an
 * argument. */
static void a_noun_has_verbs_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            if (i != j && strcmp(rows[i].noun, rows[j].noun) == 0) {
                assert_true(rows[i].verb[0] != '\0');
            }
        }
    }
}

/* Help and documentation begin a section where the noun changes. */
static void rows_of_a_noun_stand_together(void **state)
{
    (void)state;
    for (size_t i = 1; i < count; i++) {
        if (strcmp(rows[i].noun, rows[i - 1].noun) == 0) {
            continue;
        }
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(rows[i].noun, rows[j].noun);
        }
    }
}

static void unknown_words_find_nothing(void **state)
{
    (void)state;
    assert_null(sg_operation_find("cert", ""));
    assert_null(sg_operation_find("cert", "nope"));
    assert_null(sg_operation_find("", ""));
    assert_null(sg_operation_find("CERT", "list"));
    assert_null(sg_operation_find("status", "list"));
    assert_null(sg_param_find(sg_operation_find("cert", "list"), "subject"));
    assert_null(sg_param_find(sg_operation_find("status", ""), ""));
}

static void parameters_are_named_once_and_explained(void **state)
{
    (void)state;
    size_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        for (const struct sg_param *param = rows[i].params; param->name != NULL; param++, seen++) {
            assert_true(is_snake(param->name));
            assert_ptr_equal(sg_param_find(&rows[i], param->name), param);
            assert_non_null(param->help);
            assert_true(param->help[0] != '\0');
            assert_true(!param->positional || param->placeholder != NULL);
            assert_true(!param->word_flags || param->type == SG_PARAM_WORD);
        }
    }
    assert_true(seen > 50);
}

static bool has_words(enum sg_param_type type)
{
    return type == SG_PARAM_WORD || type == SG_PARAM_WORDS || type == SG_PARAM_CLIENT_WORD;
}

static void words_and_bounds_stand_where_they_are_needed(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (const struct sg_param *param = rows[i].params; param->name != NULL; param++) {
            assert_int_equal(has_words(param->type), param->words != NULL);
            assert_true(param->words == NULL || param->words[0] != NULL);
            if (param->type == SG_PARAM_INTEGER) {
                assert_true(param->min < param->max);
            }
            if (param->type == SG_PARAM_TEXT || param->type == SG_PARAM_TEXTS ||
                param->type == SG_PARAM_WORDS) {
                assert_true(param->max > 0);
            }
        }
    }
}

/* An argument that may be left out cannot stand before one that may not; a list takes all the rest.
 */
static void arguments_can_be_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++) {
        bool optional = false, list = false;
        for (const struct sg_param *param = rows[i].params; param->name != NULL; param++) {
            if (!param->positional) {
                continue;
            }
            assert_false(list);
            assert_false(optional && param->required);
            optional = optional || !param->required;
            list = param->type == SG_PARAM_CERTIFICATE_FILES;
        }
    }
}

static bool is_owned(enum sg_param_type type)
{
    return type == SG_PARAM_OWNER || type == SG_PARAM_USER || type == SG_PARAM_CERTIFICATE ||
           type == SG_PARAM_OWNER_OR_CERTIFICATE || type == SG_PARAM_RING;
}

/* A need for somebody's things names a parameter that has an owner. */
static void needs_name_parameters_of_their_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t n = 0; n < SG_NEEDS_MAX; n++) {
            const struct sg_need *need = &rows[i].needs[n];
            if (need->param != NULL) {
                const struct sg_param *param = sg_param_find(&rows[i], need->param);
                assert_non_null(param);
                assert_true(is_owned(param->type));
                assert_int_not_equal(need->function, SG_FUNCTION_NONE);
            }
        }
    }
}

static bool sends_files(const struct sg_operation *row)
{
    bool files = false;
    for (const struct sg_param *param = row->params; param->name != NULL; param++) {
        files =
            files || param->type == SG_PARAM_CERTIFICATE_FILES || param->type == SG_PARAM_CSR_FILE;
    }
    return files;
}

/* Nothing changes the service's state without an authority. */
static void changes_need_an_authority(void **state)
{
    (void)state;
    size_t changes = 0;
    for (size_t i = 0; i < count; i++) {
        if ((rows[i].flags & SG_OP_CHANGES) != 0 && (rows[i].flags & SG_OP_CLIENT) == 0) {
            assert_int_not_equal(rows[i].needs[0].function, SG_FUNCTION_NONE);
            assert_string_equal(sg_operation_method(&rows[i]), "POST");
            changes++;
        } else if ((rows[i].flags & SG_OP_CHANGES) == 0) {
            assert_string_equal(sg_operation_method(&rows[i]),
                                sends_files(&rows[i]) ? "POST" : "GET");
        }
    }
    assert_true(changes > 10);
}

/* What reads nothing that is somebody's: a rehearsal's requests pass the gate one by one. */
static bool reads_nothing(const struct sg_operation *row)
{
    return row->id == SG_OP_STATUS || row->id == SG_OP_REHEARSAL_OPEN ||
           row->id == SG_OP_REHEARSAL_CLOSE;
}

/* Reading what belongs to somebody needs an authority too, unless the handler asks the gate for
 * each owner. */
static void reading_without_authority_is_filtered(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].needs[0].function == SG_FUNCTION_NONE) {
            unsigned excuse = SG_OP_FILTERED | SG_OP_CLIENT;
            assert_true((rows[i].flags & excuse) != 0 || reads_nothing(&rows[i]));
        }
    }
}

/* The gate is not asked before the handler of a listing runs. */
static void what_is_filtered_changes_nothing(void **state)
{
    (void)state;
    unsigned found = 0;
    for (size_t i = 0; i < count; i++) {
        bool filtered = (rows[i].flags & SG_OP_FILTERED) != 0;
        assert_false(filtered && (rows[i].flags & (SG_OP_CHANGES | SG_OP_TOKEN)) != 0);
        found += filtered ? 1 : 0;
    }
    assert_true(found >= 4);
}

/* It may be run a second time, on the space that is kept back: nothing of it is in a token. */
static void what_revokes_changes_the_store_alone(void **state)
{
    (void)state;
    unsigned found = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned kind = rows[i].flags & (SG_OP_CHANGES | SG_OP_TOKEN | SG_OP_CLIENT);
        bool revokes = (rows[i].flags & SG_OP_REVOKES) != 0;
        assert_true(!revokes || kind == SG_OP_CHANGES);
        found += revokes ? 1 : 0;
    }
    assert_true(found >= 4);
}

static void help_is_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++) {
        size_t first = strcspn(rows[i].help, "\n");
        assert_true(first > 10);
        assert_true(rows[i].help[0] >= 'A' && rows[i].help[0] <= 'Z');
        assert_true(rows[i].help[strlen(rows[i].help) - 1] != '\n');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_stand_at_their_identifier),
        cmocka_unit_test(words_are_unique_and_found),
        cmocka_unit_test(a_noun_has_verbs_or_none),
        cmocka_unit_test(rows_of_a_noun_stand_together),
        cmocka_unit_test(unknown_words_find_nothing),
        cmocka_unit_test(parameters_are_named_once_and_explained),
        cmocka_unit_test(words_and_bounds_stand_where_they_are_needed),
        cmocka_unit_test(arguments_can_be_told_apart),
        cmocka_unit_test(needs_name_parameters_of_their_row),
        cmocka_unit_test(changes_need_an_authority),
        cmocka_unit_test(reading_without_authority_is_filtered),
        cmocka_unit_test(what_is_filtered_changes_nothing),
        cmocka_unit_test(what_revokes_changes_the_store_alone),
        cmocka_unit_test(help_is_a_sentence),
    };
    rows = sg_operations(&count);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
