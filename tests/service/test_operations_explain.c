/* explain: the gate's answer, for whom it is. */
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
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
