/* explain: the gate's answer, for whom it is. */
#include <string.h>

#include "operations_fixture.h"

static const struct sg_caller somebody = {.uid = 1003};
static const struct sg_caller nobody = {.uid = 1004};

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

static void nobody_is_sent_away(void **state)
{
    struct world *world = *state;
    static const char *const asked[] = {
        "{'user': 65534, 'operation': 'ring show', 'object': 'START1/KEY'}",
        "{'user': 65534, 'operation': 'cert list', 'object': 'START1'}"};
    for (size_t i = 0; i < SG_COUNT(asked); i++) {
        must(world, "explain", asked[i]);
        assert_true(json_is_false(json_object_get(world->answer, "allowed")));
        const json_t *check = json_array_get(json_object_get(world->answer, "items"), 0);
        const char *remedy = json_string_value(json_object_get(check, "remedy"));
        assert_non_null(strstr(remedy, "a Unix user of its own"));
        assert_null(strstr(remedy, "attach"));
    }
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

/* ---- use of a ring ---- */

/* START1/KEY with a member of each kind. */
static void fill_ring(struct world *world)
{
    must(world, "cert generate",
         "{'certificate': 'START1/web', 'subject': 'CN=web', 'key': 'ec:p256'}");
    must(world, "cert generate",
         "{'certificate': 'START1/old', 'subject': 'CN=old', 'key': 'ec:p256'}");
    must(world, "cert generate",
         "{'certificate': 'START2/theirs', 'subject': 'CN=theirs', 'key': 'ec:p256'}");
    must(world, "cert generate",
         "{'certificate': 'CERTAUTH/ca', 'subject': 'CN=ca', 'key': 'ec:p256'}");
    must(world, "cert alter", "{'certificate': 'START1/old', 'status': 'notrust'}");
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': true}");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/old'}");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START2/theirs'}");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'CERTAUTH/ca'}");
    must(world, "owner attach", "{'owner': 'START1', 'uid': 1003}");
}

static const json_t *member(struct world *world, const char *certificate)
{
    size_t index = 0;
    const json_t *item = NULL;
    json_array_foreach(json_object_get(world->answer, "items"), index, item)
    {
        const char *name = json_string_value(json_object_get(item, "certificate"));
        if (name != NULL && strcmp(name, certificate) == 0) {
            return item;
        }
    }
    fail_msg("%s is not explained", certificate);
    return NULL;
}

static void assert_outcome(struct world *world, const char *certificate, const char *outcome,
                           const char *remedy)
{
    const json_t *item = member(world, certificate);
    assert_string_equal(json_string_value(json_object_get(item, "outcome")), outcome);
    assert_non_null(strstr(json_string_value(json_object_get(item, "remedy")), remedy));
    assert_int_equal(json_is_true(json_object_get(item, "allowed")),
                     strcmp(outcome, "key_usable") == 0);
}

static void each_member_of_a_ring_has_its_reason(void **state)
{
    struct world *world = *state;
    fill_ring(world);
    must(world, "explain", "{'user': 1003, 'operation': 'use', 'object': 'START1/KEY'}");
    assert_true(json_is_true(json_object_get(world->answer, "allowed")));
    assert_outcome(world, "START1/web", "key_usable", "");
    assert_outcome(world, "START1/old", "hidden_by_notrust",
                   "signet cert alter 'START1/old' --trust");
    assert_outcome(world, "START2/theirs", "key_not_permitted", "RDATALIB");
    assert_outcome(world, "CERTAUTH/ca", "usage_not_personal", "");
    assert_string_equal(json_string_value(json_object_get(member(world, "CERTAUTH/ca"), "remedy")),
                        ""); /* a CA is not to be a server */
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'usage': 'site'}");
    must(world, "explain", "{'user': 1003, 'operation': 'use', 'object': 'START1/KEY'}");
    assert_outcome(world, "START1/web", "usage_not_personal", "--usage personal");
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': true}");
    must(world, "explain", "{'user': 1003, 'operation': 'use', 'object': 'START1/KEY'}");
    assert_true(json_is_true(json_object_get(member(world, "START1/web"), "default")));
}

/* It is the gate that allows; whether the token gives is another matter. */
static void a_token_that_serves_nobody_is_said(void **state)
{
    struct world *world = *state;
    fill_ring(world);
    world->serving = SG_SERVES_WHEN_TOLD;
    must(world, "explain", "{'user': 1003, 'operation': 'use', 'object': 'START1/KEY'}");
    assert_true(json_is_true(json_object_get(world->answer, "allowed")));
    const json_t *item = member(world, "START1/web");
    assert_string_equal(json_string_value(json_object_get(item, "outcome")), "token_unavailable");
    assert_true(json_is_true(json_object_get(item, "allowed")));
    const char *reason = json_string_value(json_object_get(item, "reason"));
    assert_non_null(strstr(reason, "START1.KEY.LST")); /* the gate's reason stays */
    assert_non_null(strstr(reason, "; but no program can use it now: token \"store\" waits for an "
                                   "operator: its PIN was refused"));
    assert_string_equal(json_string_value(json_object_get(item, "remedy")),
                        "signet token login store");
    world->serving = SG_SERVES_SLOWLY;
    must(world, "explain", "{'user': 1003, 'operation': 'use', 'object': 'START1/KEY'}");
    item = member(world, "START1/web");
    assert_string_equal(json_string_value(json_object_get(item, "outcome")), "token_busy");
    assert_non_null(strstr(json_string_value(json_object_get(item, "reason")),
                           "; but programs wait for it now: token \"store\" is busy"));
    /* what is not given anyway has its own reason */
    assert_outcome(world, "START1/old", "hidden_by_notrust", "--trust");
    assert_outcome(world, "START2/theirs", "key_not_permitted", "RDATALIB");
    assert_outcome(world, "CERTAUTH/ca", "usage_not_personal", "");
}

static void one_certificate_decides_the_answer(void **state)
{
    struct world *world = *state;
    fill_ring(world);
    must(world, "explain",
         "{'user': 1003, 'operation': 'use', 'object': 'START1/KEY', 'certificate': 'START1/web'}");
    assert_true(json_is_true(json_object_get(world->answer, "allowed")));
    must(world, "explain",
         "{'user': 1003, 'operation': 'use', 'object': 'START1/KEY', 'certificate': 'START1/old'}");
    assert_true(json_is_false(json_object_get(world->answer, "allowed")));
    refused(world, "explain",
            "{'user': 1003, 'operation': 'use', 'object': 'START1/KEY', 'certificate': 'START1/x'}",
            SG_E_NOT_FOUND, "not_connected");
}

static void who_may_not_read_a_ring_does_not_learn_of_it(void **state)
{
    struct world *world = *state;
    fill_ring(world);
    world->caller = &nobody;
    must(world, "explain", "{'user': 1004, 'operation': 'use', 'object': 'START1/KEY'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 1);
    assert_true(json_is_false(json_object_get(world->answer, "allowed")));
    must(world, "explain", "{'user': 1004, 'operation': 'use', 'object': 'START1/NONE'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 1);
    assert_true(json_is_false(json_object_get(world->answer, "allowed")));
    world->caller = &administrator;
    refused(world, "explain", "{'user': 1004, 'operation': 'use', 'object': 'START1/KEYS'}",
            SG_E_NOT_FOUND, "ring_not_found");
    assert_non_null(strstr(world->err.hint, "Did you mean 'START1/KEY'"));
    must(world, "explain", "{'user': 1004, 'operation': 'use', 'object': 'START1/KEY'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")),
                     1); /* sees nothing */
}

static void use_of_what_is_no_ring_is_refused(void **state)
{
    struct world *world = *state;
    refused(world, "explain", "{'user': 0, 'operation': 'use'}", SG_E_USAGE, "missing_parameter");
    refused(world, "explain", "{'user': 0, 'operation': 'use', 'object': 'START1'}", SG_E_INPUT,
            "bad_ring_name");
    refused(world, "explain", "{'user': 0, 'operation': 'use', 'object': 'START1/K K'}",
            SG_E_NOT_FOUND, "ring_not_found");
    refused(world, "explain",
            "{'user': 0, 'operation': 'use', 'object': 'START1/KEY', 'certificate': 'x'}",
            SG_E_INPUT, "bad_label");
}

/* What the gate asks for only with an option is no part of the answer, but is said. */
static void what_an_option_needs_is_said(void **state)
{
    struct world *world = *state;
    static const char make[] = "{'user': 1003, 'operation': 'cert generate', 'object': 'START1/x'}";
    static const char export[] =
        "{'user': 1003, 'operation': 'cert export', 'object': 'START1/web'}";
    must(world, "authority define",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.*', 'uacc': 'update'}");
    must(world, "explain", make);
    assert_true(json_is_true(json_object_get(world->answer, "allowed")));
    assert_says(world, "warnings",
                "with --signed-by it asks for GENCERT of CERTAUTH too, which is "
                "refused");
    must(world, "explain", export);
    assert_true(json_is_true(json_object_get(world->answer, "allowed")));
    assert_says(world, "warnings", "with --format pkcs12 it asks for EXPORTKEY of START1 too");
    must(world, "ring add", "{'ring': 'START1/T'}");
    must(world, "explain", "{'user': 1003, 'operation': 'provision', 'object': 'START1/T'}");
    assert_says(world, "warnings", "with --trust-ring it asks for LISTRING too");
    must(world, "explain", "{'user': 1003, 'operation': 'token import', 'object': 'store'}");
    assert_says(world, "warnings", "with OWNER[/LABEL] it asks for ADD too");
    must(world, "explain", "{'user': 1003, 'operation': 'cert delete', 'object': 'START1/web'}");
    assert_null(json_object_get(world->answer, "warnings"));
    must(world, "authority alter",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.*', 'uacc': 'control'}");
    must(world, "explain", make);
    assert_says(world, "warnings", "GENCERT of CERTAUTH too, which is allowed");
}

static void listings_are_explained_by_what_they_show(void **state)
{
    struct world *world = *state;
    must(world, "explain", "{'user': 1003, 'operation': 'cert list', 'object': 'START1'}");
    assert_check(world, 0, "IRR.DIGTCERT.LIST", "UPDATE", false);
    must(world, "explain", "{'user': 1003, 'operation': 'ring list', 'object': 'CERTAUTH'}");
    assert_check(world, 0, "IRR.DIGTCERT.LISTRING", "CONTROL", false);
    must(world, "explain", "{'user': 1003, 'operation': 'cert list'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 0);
    assert_int_equal(json_array_size(json_object_get(world->answer, "warnings")), 1);
}

/* SRV.X's ring Y and SRV's ring X.Y have one name as a resource: it is SRV's. */
static void owners_with_periods_have_no_ring_profiles(void **state)
{
    struct world *world = *state;
    must(world, "authority define",
         "{'class': 'RDATALIB', 'profile': 'START1.X.Y.LST', 'uacc': 'control'}");
    must(world, "explain", "{'user': 1003, 'operation': 'ring show', 'object': 'START1/X.Y'}");
    assert_check(world, 0, "START1.X.Y.LST", "READ", true);
    must(world, "explain", "{'user': 1003, 'operation': 'ring show', 'object': 'START1.X/Y'}");
    assert_check(world, 0, "IRR.DIGTCERT.LISTRING", "UPDATE", false);
}

static void operations_have_near_misses(void **state)
{
    struct world *world = *state;
    refused(world, "explain", "{'user': 0, 'operation': 'ring conect'}", SG_E_USAGE,
            "unknown_operation");
    assert_string_equal(world->err.hint, "Did you mean \"ring connect\"?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everybody_learns_about_themself, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(nobody_is_sent_away, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_profile_and_its_permit_are_named, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(both_objects_and_the_usage_are_heeded, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(half_a_name_is_refused, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(each_member_of_a_ring_has_its_reason, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_token_that_serves_nobody_is_said, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(one_certificate_decides_the_answer, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(who_may_not_read_a_ring_does_not_learn_of_it, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(use_of_what_is_no_ring_is_refused, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(what_an_option_needs_is_said, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(listings_are_explained_by_what_they_show, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(owners_with_periods_have_no_ring_profiles, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(operations_have_near_misses, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
