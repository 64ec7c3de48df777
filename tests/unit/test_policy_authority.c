/* Who may do what. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/cleanup.h>
#include <signet/policy/authority.h>

static const char *const start1[] = {"START1"};
static const struct sg_caller stranger = {.uid = 1000, .gid = 1000};
static const struct sg_caller attached = {
    .uid = 1001, .gid = 1001, .owners = start1, .owner_count = 1};
static const struct sg_caller administrator = {.uid = 0, .gid = 0, .administrator = true};

static bool is_open(enum sg_function function)
{
    return function == SG_FUNCTION_NONE || function == SG_FUNCTION_STATUS;
}

static bool is_reading(enum sg_function function)
{
    return function == SG_FUNCTION_LIST || function == SG_FUNCTION_LISTRING ||
           function == SG_FUNCTION_EXPORT;
}

static bool is_administrative(enum sg_function function)
{
    return function == SG_FUNCTION_OWNER || function == SG_FUNCTION_TOKEN;
}

/* Every decision agrees with itself and explains itself. */
static struct sg_decision decide(const struct sg_caller *caller, enum sg_function function,
                                 const char *owner)
{
    struct sg_decision decision = sg_authority_decide(caller, function, owner);
    assert_int_equal(decision.allowed, decision.held >= decision.needed);
    assert_true(decision.reason[0] != '\0');
    assert_int_equal(decision.allowed, decision.remedy[0] == '\0');
    assert_true(strlen(decision.reason) < sizeof decision.reason - 1);
    assert_true(strlen(decision.remedy) < sizeof decision.remedy - 1);
    return decision;
}

static const char *const targets[] = {"START1", "START2", "CERTAUTH", "SITE", NULL};

static void every_function_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < SG_FUNCTION_COUNT; i++) {
        assert_non_null(sg_function_name((enum sg_function)i));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(sg_function_name((enum sg_function)i),
                                    sg_function_name((enum sg_function)k));
        }
    }
    assert_string_equal(sg_function_name(SG_FUNCTION_GENCERT), "GENCERT");
    assert_string_equal(sg_function_name(SG_FUNCTION_LISTRING), "LISTRING");
}

static void administrators_may_do_everything(void **state)
{
    (void)state;
    unsigned decided = 0;
    for (int f = 0; f < SG_FUNCTION_COUNT; f++) {
        for (size_t t = 0; t < SG_COUNT(targets); t++, decided++) {
            struct sg_decision decision = decide(&administrator, (enum sg_function)f, targets[t]);
            assert_true(decision.allowed);
            assert_int_equal(decision.held, SG_LEVEL_CONTROL);
        }
    }
    assert_int_equal(decided, SG_FUNCTION_COUNT * SG_COUNT(targets));
}

static void strangers_may_do_nothing(void **state)
{
    (void)state;
    for (int f = 0; f < SG_FUNCTION_COUNT; f++) {
        for (size_t t = 0; t < SG_COUNT(targets); t++) {
            struct sg_decision decision = decide(&stranger, (enum sg_function)f, targets[t]);
            assert_int_equal(decision.allowed, is_open((enum sg_function)f));
            assert_int_equal(decision.held, SG_LEVEL_NONE);
        }
    }
}

static void the_attached_may_read_their_own(void **state)
{
    (void)state;
    for (int f = 0; f < SG_FUNCTION_COUNT; f++) {
        enum sg_function function = (enum sg_function)f;
        for (size_t t = 0; t < SG_COUNT(targets); t++) {
            struct sg_decision decision = decide(&attached, function, targets[t]);
            bool own = targets[t] != NULL && strcmp(targets[t], "START1") == 0;
            assert_int_equal(decision.allowed, is_open(function) || (own && is_reading(function)));
        }
    }
}

static void the_level_needed_follows_the_owner(void **state)
{
    (void)state;
    for (int f = 0; f < SG_FUNCTION_COUNT; f++) {
        enum sg_function function = (enum sg_function)f;
        enum sg_level own = decide(&attached, function, "START1").needed;
        enum sg_level other = decide(&attached, function, "START2").needed;
        enum sg_level certauth = decide(&attached, function, "CERTAUTH").needed;
        enum sg_level site = decide(&attached, function, "SITE").needed;
        enum sg_level nobody = decide(&attached, function, NULL).needed;
        if (is_open(function)) {
            assert_int_equal(own | other | certauth | site | nobody, SG_LEVEL_NONE);
            continue;
        }
        bool administrative = is_administrative(function);
        assert_int_equal(own, administrative ? SG_LEVEL_CONTROL : SG_LEVEL_READ);
        assert_int_equal(other, administrative ? SG_LEVEL_CONTROL : SG_LEVEL_UPDATE);
        assert_int_equal(certauth, SG_LEVEL_CONTROL);
        assert_int_equal(site, SG_LEVEL_CONTROL);
        assert_int_equal(nobody, SG_LEVEL_CONTROL);
    }
}

static void a_number_that_is_no_function_is_denied(void **state)
{
    (void)state;
    const enum sg_function wrong[] = {(enum sg_function)99, (enum sg_function) - 1,
                                      (enum sg_function)SG_FUNCTION_COUNT};
    for (size_t i = 0; i < SG_COUNT(wrong); i++) {
        assert_false(decide(&stranger, wrong[i], "START1").allowed);
        assert_false(decide(&attached, wrong[i], "START1").allowed);
        assert_non_null(sg_function_name(wrong[i]));
    }
}

static void a_reason_names_profile_owner_user_and_levels(void **state)
{
    (void)state;
    assert_string_equal(decide(&stranger, SG_FUNCTION_ADD, "START1").reason,
                        "needs UPDATE to IRR.DIGTCERT.ADD for START1's certificates, "
                        "uid 1000 holds NONE");
    assert_string_equal(decide(&attached, SG_FUNCTION_ADDRING, "START1").reason,
                        "needs READ to IRR.DIGTCERT.ADDRING for START1's rings, "
                        "uid 1001 holds NONE");
    assert_string_equal(decide(&attached, SG_FUNCTION_GENCERT, "CERTAUTH").reason,
                        "needs CONTROL to IRR.DIGTCERT.GENCERT for CERTAUTH's certificates, "
                        "uid 1001 holds NONE");
    assert_string_equal(decide(&stranger, SG_FUNCTION_TOKEN, NULL).reason,
                        "needs CONTROL to IRR.DIGTCERT.TOKEN for the tokens, uid 1000 holds NONE");
    assert_string_equal(decide(&attached, SG_FUNCTION_LIST, "START1").reason,
                        "needs READ to IRR.DIGTCERT.LIST for START1's certificates, "
                        "uid 1001 holds READ");
}

/* A remedy must be true: following it must change the answer. */
static void being_attached_is_offered_where_it_helps_and_only_there(void **state)
{
    (void)state;
    for (int f = 0; f < SG_FUNCTION_COUNT; f++) {
        for (size_t t = 0; t < SG_COUNT(targets); t++) {
            enum sg_function function = (enum sg_function)f;
            struct sg_decision before = decide(&stranger, function, targets[t]);
            if (before.allowed) {
                continue;
            }
            const char *const owners[] = {targets[t] != NULL ? targets[t] : "X"};
            struct sg_caller then = stranger;
            then.owners = owners;
            then.owner_count = 1;
            bool offered = strstr(before.remedy, "signet owner attach") != NULL;
            assert_int_equal(offered, decide(&then, function, targets[t]).allowed);
            assert_non_null(strstr(before.remedy, "dministrator"));
        }
    }
    assert_non_null(strstr(decide(&stranger, SG_FUNCTION_LIST, "START1").remedy,
                           "signet owner attach START1 <user>"));
    assert_null(strstr(decide(&attached, SG_FUNCTION_ADD, "START1").remedy, "signet owner attach"));
}

static void an_attachment_to_an_anchor_gives_nothing(void **state)
{
    (void)state;
    const char *const anchors[] = {"CERTAUTH", "SITE"};
    const struct sg_caller odd = {.uid = 5, .owners = anchors, .owner_count = 2};
    for (int f = 0; f < SG_FUNCTION_COUNT; f++) {
        assert_int_equal(decide(&odd, (enum sg_function)f, "CERTAUTH").allowed,
                         is_open((enum sg_function)f));
    }
    assert_false(sg_authority_ring_visible(&odd, "CERTAUTH"));
    assert_false(sg_authority_key_usable(&odd, "CERTAUTH", SG_USAGE_PERSONAL, "CERTAUTH"));
}

static void owners_are_matched_exactly(void **state)
{
    (void)state;
    assert_true(sg_caller_is(&attached, "START1"));
    const char *const others[] = {"START", "START11", "start1", "", "START2", NULL};
    for (size_t i = 0; i < SG_COUNT(others); i++) {
        assert_false(sg_caller_is(&attached, others[i]));
    }
    assert_false(sg_caller_is(&stranger, "START1"));
    assert_false(sg_caller_is(&administrator, "START1"));
}

/* ---- rings and keys ---- */

static void rings_are_seen_by_their_own_and_by_administrators(void **state)
{
    (void)state;
    assert_true(sg_authority_ring_visible(&attached, "START1"));
    assert_false(sg_authority_ring_visible(&attached, "START2"));
    assert_false(sg_authority_ring_visible(&stranger, "START1"));
    assert_true(sg_authority_ring_visible(&administrator, "START1"));
    assert_true(sg_authority_ring_visible(&administrator, "START2"));
}

static void keys_come_with_personal_connections_of_ones_own_certificates(void **state)
{
    (void)state;
    const enum sg_usage usages[] = {SG_USAGE_PERSONAL, SG_USAGE_CERTAUTH, SG_USAGE_SITE};
    for (size_t u = 0; u < SG_COUNT(usages); u++) {
        bool personal = usages[u] == SG_USAGE_PERSONAL;
        for (size_t t = 0; t + 1 < SG_COUNT(targets); t++) {
            bool own = strcmp(targets[t], "START1") == 0;
            assert_int_equal(sg_authority_key_usable(&attached, "START1", usages[u], targets[t]),
                             personal && own);
            assert_int_equal(
                sg_authority_key_usable(&administrator, "START1", usages[u], targets[t]), personal);
            assert_false(sg_authority_key_usable(&stranger, "START1", usages[u], targets[t]));
            assert_false(sg_authority_key_usable(&attached, "START2", usages[u], targets[t]));
        }
    }
}

static void whoever_is_two_owners_may_use_both_keys(void **state)
{
    (void)state;
    const char *const owners[] = {"START1", "START2"};
    const struct sg_caller both = {.uid = 7, .owners = owners, .owner_count = 2};
    assert_true(sg_authority_key_usable(&both, "START1", SG_USAGE_PERSONAL, "START2"));
    assert_false(sg_authority_key_usable(&both, "START1", SG_USAGE_PERSONAL, "START3"));
    assert_false(sg_authority_key_usable(&both, "START1", SG_USAGE_PERSONAL, "SITE"));
    assert_false(sg_authority_key_usable(&both, "START1", (enum sg_usage)9, "START2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_has_a_name_of_its_own),
        cmocka_unit_test(administrators_may_do_everything),
        cmocka_unit_test(strangers_may_do_nothing),
        cmocka_unit_test(the_attached_may_read_their_own),
        cmocka_unit_test(the_level_needed_follows_the_owner),
        cmocka_unit_test(a_number_that_is_no_function_is_denied),
        cmocka_unit_test(a_reason_names_profile_owner_user_and_levels),
        cmocka_unit_test(being_attached_is_offered_where_it_helps_and_only_there),
        cmocka_unit_test(an_attachment_to_an_anchor_gives_nothing),
        cmocka_unit_test(owners_are_matched_exactly),
        cmocka_unit_test(rings_are_seen_by_their_own_and_by_administrators),
        cmocka_unit_test(keys_come_with_personal_connections_of_ones_own_certificates),
        cmocka_unit_test(whoever_is_two_owners_may_use_both_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
