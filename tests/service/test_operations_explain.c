/* explain: the gate's answer, for whom it is. */
#include <string.h>

#include "operations_fixture.h"

static const struct sg_caller somebody = {.uid = 1003};

static void everybody_learns_about_themself(void **state)
{
    struct world *world = *state;
    world->caller = &somebody;
    must(world, "explain", "{'user': 1003, 'operation': 'cert delete', 'object': 'START1/web'}");
    assert_true(json_is_false(json_object_get(world->answer, "allowed")));
    const json_t *check = json_array_get(json_object_get(world->answer, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(check, "resource")),
                        "IRR.DIGTCERT.DELETE");
    assert_string_equal(json_string_value(json_object_get(check, "ground")), "none");
    world->caller = &administrator;
}

/* The resource and the level needed of check i, and what it came to. */
static void assert_check(struct world *world, size_t i, const char *resource, const char *needed,
                         bool allowed)
{
    const json_t *check = json_array_get(json_object_get(world->answer, "items"), i);
    assert_string_equal(json_string_value(json_object_get(check, "resource")), resource);
    assert_string_equal(json_string_value(json_object_get(check, "needed")), needed);
    assert_int_equal(json_is_true(json_object_get(check, "allowed")), allowed);
}

static void a_profile_and_its_permit_are_named(void **state)
{
    struct world *world = *state;
    static const char ring[] = "{'user': 1003, 'operation': 'ring show', 'object': 'START1/KEY'}";
    must(world, "explain", ring);
    assert_check(world, 0, "IRR.DIGTCERT.LISTRING", "UPDATE", false);
    must(world, "authority define", "{'class': 'RDATALIB', 'profile': 'START1.**'}");
    must(world, "explain", ring);
    assert_check(world, 0, "START1.KEY.LST", "READ", false);
    must(world, "authority permit",
         "{'class': 'RDATALIB', 'profile': 'START1.**', 'to': 'user:1003', 'level': 'read'}");
    must(world, "explain", ring);
    assert_check(world, 0, "START1.KEY.LST", "READ", true);
    const json_t *check = json_array_get(json_object_get(world->answer, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(check, "profile")), "START1.**");
    assert_string_equal(json_string_value(json_object_get(check, "permit")), "user:1003");
}

static void both_objects_and_the_usage_are_heeded(void **state)
{
    struct world *world = *state;
    must(world, "explain",
         "{'user': 1003, 'operation': 'token bind', 'object': 'T', 'certificate': 'SITE/x'}");
    assert_check(world, 0, "IRR.DIGTCERT.BIND", "CONTROL", false);
    assert_check(world, 1, "IRR.DIGTCERT.BIND", "CONTROL", false); /* SITE's, not T's */
    must(world, "explain",
         "{'user': 1003, 'operation': 'ring connect', 'object': 'START1/KEY',"
         " 'certificate': 'START1/x', 'usage': 'certauth'}");
    bool promotes = false;
    size_t index = 0;
    const json_t *check = NULL;
    json_array_foreach(json_object_get(world->answer, "items"), index, check)
    {
        const char *resource = json_string_value(json_object_get(check, "resource"));
        promotes = promotes || strcmp(resource, "IRR.DIGTCERT.ADD") == 0;
    }
    assert_true(promotes); /* a user's certificate becomes a trust anchor */
}

static void half_a_name_is_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *params;
        sg_status status;
        const char *code;
    } cases[] = {
        {"{'user': 0, 'operation': 'ring show', 'object': 'START1'}", SG_E_INPUT, "bad_ring_name"},
        {"{'user': 0, 'operation': 'ring show', 'object': 'START1/'}", SG_E_INPUT, "bad_ring_name"},
        {"{'user': 0, 'operation': 'ring show', 'object': ''}", SG_E_INPUT, "bad_ring_name"},
        {"{'user': 0, 'operation': 'cert delete', 'object': 'START1'}", SG_E_INPUT, "bad_label"},
        {"{'user': 0, 'operation': 'ring connect', 'object': 'START1/KEY', 'certificate': 'x'}",
         SG_E_INPUT, "bad_label"},
    };
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        refused(world, "explain", cases[i].params, cases[i].status, cases[i].code);
    }
    refused(world, "explain", "{'user': 0, 'operation': 'ring connect', 'object': 'START1/KEY'}",
            SG_E_USAGE, "missing_parameter");
}

static void what_cannot_be_is_refused(void **state)
{
    struct world *world = *state;
    world->caller = &somebody;
    refused(world, "explain", "{'user': 1004, 'operation': 'status'}", SG_E_DENIED,
            "not_authorised");
    refused(world, "explain", "{'user': 1003, 'operation': 'cert fly'}", SG_E_USAGE,
            "unknown_operation");
    refused(world, "explain", "{'user': 1003, 'operation': 'cert delete'}", SG_E_USAGE,
            "missing_parameter");
    world->caller = &administrator;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everybody_learns_about_themself, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_profile_and_its_permit_are_named, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(both_objects_and_the_usage_are_heeded, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(half_a_name_is_refused, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
