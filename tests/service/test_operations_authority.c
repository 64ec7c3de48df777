/* Every operation, asked for by everybody, about everybody's things: compared with
 * authority.golden. Written anew with UPDATE_GOLDEN=1 in the environment; a person reads the
 * difference before it is committed. */
#include <stdio.h>
#include <string.h>

#include <signet/base/file.h>
#include <signet/http/server.h>

#include "operations_fixture.h"

static const struct {
    const char *name;
    const struct sg_caller *caller;
} callers[] = {{"administrator", &administrator},
               {"attached to START1", &owner_of_start1},
               {"stranger", &stranger}};
static const char *const targets[] = {"START1", "START2", "CERTAUTH"};

static struct outside_ca ca;

/* What makes a need of an operation apply; NULL: nothing. */
static const char *condition_of(const struct sg_operation *operation)
{
    for (size_t i = 0; i < SG_NEEDS_MAX; i++) {
        if (operation->needs[i].when != NULL) {
            return operation->needs[i].when;
        }
    }
    return NULL;
}

/* A listing is asked for all owners: what it shows is what counts. */
static bool is_needed(const struct sg_operation *operation, const struct sg_param *param,
                      const char *condition)
{
    bool filtered = (operation->flags & SG_OP_FILTERED) != 0;
    for (size_t i = 0; !filtered && i < SG_NEEDS_MAX; i++) {
        const char *needed = operation->needs[i].param;
        bool applies = operation->needs[i].when == NULL || condition != NULL;
        if (applies && needed != NULL && strcmp(needed, param->name) == 0) {
            return true;
        }
    }
    return param->required || (condition != NULL && strcmp(condition, param->name) == 0);
}

/* A value that names the target where the parameter names somebody. */
static json_t *value_of(const struct sg_param *param, const char *target)
{
    switch (param->type) {
    case SG_PARAM_OWNER:
    case SG_PARAM_USER:
        return json_string(target);
    case SG_PARAM_CERTIFICATE:
    case SG_PARAM_OWNER_OR_CERTIFICATE:
    case SG_PARAM_RING:
        return json_sprintf("%s/mine", target);
    case SG_PARAM_WORD:
        return json_string(param->words[0]);
    case SG_PARAM_UNIX_USER:
        return json_integer(4711);
    case SG_PARAM_CERTIFICATE_FILES:
        return json_pack("[o]", certificate_json(ca.root));
    case SG_PARAM_TEXT:
        return json_string("store");
    case SG_PARAM_INTEGER:
        return json_integer((json_int_t)param->min);
    case SG_PARAM_CARRIED:
        return json_string("AAAA");
    case SG_PARAM_WORDS:
    case SG_PARAM_TEXTS:
    case SG_PARAM_FLAG:
    case SG_PARAM_TIME:
    case SG_PARAM_CSR_FILE:
    case SG_PARAM_CLIENT_FILE:
    case SG_PARAM_CLIENT_WORD:
    case SG_PARAM_CLIENT_FLAG:
        break;
    }
    return NULL; /* none of these is required of the service, and none names an owner */
}

static json_t *params_of(const struct sg_operation *operation, const char *target,
                         const char *condition)
{
    json_t *params = json_object();
    for (const struct sg_param *param = operation->params; param->name != NULL; param++) {
        json_t *value = is_needed(operation, param, condition) ? value_of(param, target) : NULL;
        if (value != NULL) {
            json_object_set_new(params, param->name, value);
        }
    }
    return params;
}

static void list_owners(const json_t *items, char *out, size_t room)
{
    size_t i = 0;
    json_t *item = NULL;
    size_t used = (size_t)snprintf(out, room, "sees");
    json_array_foreach(items, i, item)
    {
        const char *owner = json_string_value(json_object_get(item, "owner"));
        const char *kind = json_string_value(json_object_get(item, "kind")); /* of a token */
        char marked[64];
        snprintf(marked, sizeof marked, " %s", owner != NULL ? owner : kind != NULL ? kind : "?");
        if (strstr(out, marked) == NULL) {
            used += (size_t)snprintf(out + used, room - used, "%s", marked);
        }
    }
    if (i == 0) {
        snprintf(out + used, room - used, " nothing");
    }
}

/* What came of it: denied by the gate, or through it; of a listing over all owners, whose things it
 * shows. */
static void outcome(struct world *world, const struct sg_operation *operation, const char *target,
                    const char *condition, char *out, size_t room)
{
    char words[64];
    snprintf(words, sizeof words, "%s%s%s", operation->noun, operation->verb[0] != '\0' ? " " : "",
             operation->verb);
    bool changes = (operation->flags & SG_OP_CHANGES) != 0;
    json_t *params = params_of(operation, target, condition);
    if (sg_http_check_params(operation, params, &world->err) != SG_OK) {
        fail_msg("%s: %s", words, world->err.text);
    }
    sg_status s = ask(world, words, params, changes);
    if (s == SG_E_DENIED) {
        assert_string_equal(world->err.code, "not_authorised");
        assert_non_null(strstr(world->err.text, "not authorised: needs "));
        assert_true(strlen(world->err.hint) > 10);
        snprintf(out, room, "denied");
    } else if (s == SG_OK && (operation->flags & SG_OP_FILTERED) != 0) {
        list_owners(json_object_get(world->answer, "items"), out, room);
    } else {
        snprintf(out, room, "passes");
    }
}

static void add_row(struct world *world, const struct sg_operation *operation,
                    const char *condition, size_t who, struct sg_buffer *out)
{
    struct sg_error err = SG_ERROR_INIT;
    char cells[SG_COUNT(targets)][200];
    world->caller = callers[who].caller;
    for (size_t i = 0; i < SG_COUNT(targets); i++) {
        outcome(world, operation, targets[i], condition, cells[i], sizeof cells[i]);
    }
    world->caller = &administrator;
    bool same = strcmp(cells[0], cells[1]) == 0 && strcmp(cells[0], cells[2]) == 0;
    sg_status s =
        same ? sg_buffer_format(out, &err, "    %-20s %s\n", callers[who].name, cells[0])
             : sg_buffer_format(out, &err, "    %-20s START1's: %s, START2's: %s, CERTAUTH's: %s\n",
                                callers[who].name, cells[0], cells[1], cells[2]);
    assert_int_equal(s, SG_OK);
}

/* Once as it is, and once with what makes it need more. */
static void add_operation(struct world *world, const struct sg_operation *operation,
                          const char *condition, struct sg_buffer *out)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_buffer_format(out, &err, "%s%s%s%s%s\n", operation->noun,
                                      operation->verb[0] != '\0' ? " " : "", operation->verb,
                                      condition != NULL ? ", with " : "",
                                      condition != NULL ? condition : ""),
                     SG_OK);
    for (size_t who = 0; who < SG_COUNT(callers); who++) {
        add_row(world, operation, condition, who, out);
    }
    if (condition == NULL && condition_of(operation) != NULL) {
        add_operation(world, operation, condition_of(operation), out);
    }
}

static void write_table(struct world *world, struct sg_buffer *out)
{
    size_t count = 0;
    const struct sg_operation *operations = sg_operations(&count);
    assert_true(count >= 20);
    for (size_t i = 0; i < count; i++) {
        if ((operations[i].flags & SG_OP_CLIENT) != 0) {
            continue;
        }
        add_operation(world, &operations[i], NULL, out);
    }
}

static void prepare(struct world *world)
{
    must(world, "cert generate", "{'certificate': 'START1/mine', 'subject': 'CN=a'}");
    must(world, "cert generate", "{'certificate': 'START2/mine', 'subject': 'CN=b'}");
    must(world, "cert generate", "{'certificate': 'CERTAUTH/mine', 'subject': 'CN=c'}");
    must(world, "ring add", "{'ring': 'START1/mine'}");
    must(world, "ring add", "{'ring': 'START2/mine'}");
}

static void everybody_may_do_what_the_table_says(void **state)
{
    struct world *world = *state;
    SG_BUFFER table;
    SG_BUFFER golden;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&table, 65536);
    sg_buffer_init(&golden, 65536);
    outside_ca_make(&ca);
    prepare(world);
    struct snapshot before = snapshot(world);
    write_table(world, &table);
    struct snapshot after = snapshot(world);
    assert_same(&before, &after);
    if (getenv("UPDATE_GOLDEN") != NULL) {
        assert_int_equal(sg_file_replace(AUTHORITY_GOLDEN, table.data, table.len, 0644, &err),
                         SG_OK);
    }
    assert_int_equal(sg_file_read(AUTHORITY_GOLDEN, "authority.golden", &golden, &err), SG_OK);
    assert_string_equal((const char *)table.data, (const char *)golden.data);
    outside_ca_done(&ca);
}

/* Authority for one of two is authority for neither. */
static void both_ends_of_a_connection_count(void **state)
{
    struct world *world = *state;
    prepare(world);
    world->caller = &owner_of_start1;
    refused(world, "ring connect", "{'ring': 'START1/mine', 'certificate': 'START2/mine'}",
            SG_E_DENIED, "not_authorised");
    refused(world, "ring connect", "{'ring': 'START2/mine', 'certificate': 'START1/mine'}",
            SG_E_DENIED, "not_authorised");
    refused(world, "cert generate",
            "{'certificate': 'START1/x', 'subject': 'CN=x', 'signed_by': 'CERTAUTH/mine'}",
            SG_E_DENIED, "not_authorised");
    /* what is denied is denied before anybody learns whether it exists */
    refused(world, "cert show", "{'certificate': 'START2/mine'}", SG_E_DENIED, "not_authorised");
    refused(world, "cert show", "{'certificate': 'START2/none'}", SG_E_DENIED, "not_authorised");
    refused(world, "ring show", "{'ring': 'NOBODY/none'}", SG_E_DENIED, "not_authorised");
    refused(world, "cert show", "{'certificate': 'START1/none'}", SG_E_NOT_FOUND,
            "certificate_not_found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        TEST(everybody_may_do_what_the_table_says),
        TEST(both_ends_of_a_connection_count),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
