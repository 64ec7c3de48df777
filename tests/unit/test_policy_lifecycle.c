/* The planner of roll-overs. */
#include <stdio.h>
#include <string.h>

#include <signet/policy/lifecycle.h>

#include "cmocka_all.h"

#define DAY INT64_C(86400)
#define NOW INT64_C(1792000000)

static struct sg_life_certificate certificate(const char *label)
{
    struct sg_life_certificate made = {.not_before_s = NOW - 10 * DAY,
                                       .not_after_s = NOW + 80 * DAY,
                                       .trust = SG_TRUST,
                                       .exists = true,
                                       .has_key = true};
    snprintf(made.name.owner.text, sizeof made.name.owner.text, "START1");
    snprintf(made.name.label.text, sizeof made.name.label.text, "%s", label);
    return made;
}

static struct sg_life_facts facts(enum sg_life_stage stage)
{
    return (struct sg_life_facts){
        .now_s = NOW, .old_one = certificate("old"), .new_one = certificate("new"), .stage = stage};
}

static struct sg_life_ring ring(const char *name, enum sg_usage usage, bool has_old, bool has_new,
                                enum sg_life_note note)
{
    struct sg_life_ring made = {
        .has_old = has_old, .has_new = has_new, .usage = usage, .note = note};
    snprintf(made.name.owner.text, sizeof made.name.owner.text, "START1");
    snprintf(made.name.ring.text, sizeof made.name.ring.text, "%s", name);
    return made;
}

/* Every refusal has a code, and a hint with what to do. */
static void assert_refused(const struct sg_life_facts *what, enum sg_life_step step,
                           sg_status status, const char *code)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_life_check(what, step, &err), status);
    assert_string_equal(err.code, code);
    assert_true(strlen(err.text) > 10);
    assert_true(strlen(err.hint) > 10);
}

static void assert_allowed(const struct sg_life_facts *what, enum sg_life_step step)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_life_check(what, step, &err), SG_OK);
}

/* "effect ring, effect ring, …" by number of the ring. */
static void assert_does(const struct sg_life_facts *what, enum sg_life_step step,
                        const char *expected)
{
    struct sg_life_action actions[16];
    char text[16 * 302] = "";
    assert_true(what->ring_count + SG_LIFE_ACTIONS_EXTRA <= SG_COUNT(actions));
    size_t count = sg_life_actions(what, step, actions);
    for (size_t i = 0; i < count; i++) {
        char sentence[SG_LIFE_TEXT];
        size_t used = strlen(text);
        sg_life_action_text(what, &actions[i], false, sentence);
        snprintf(text + used, sizeof text - used, "%s%.300s", i > 0 ? "; " : "", sentence);
    }
    assert_string_equal(text, expected);
}

/* ---- order ---- */

static void stages_come_in_order(void **state)
{
    (void)state;
    struct sg_life_facts none = facts(SG_LIFE_NONE);
    struct sg_life_facts started = facts(SG_LIFE_STARTED);
    struct sg_life_facts switched = facts(SG_LIFE_SWITCHED);
    assert_allowed(&none, SG_LIFE_START);
    assert_allowed(&none, SG_LIFE_ROLLOVER);
    assert_refused(&none, SG_LIFE_SWITCH, SG_E_CONFLICT, "rollover_not_started");
    assert_refused(&none, SG_LIFE_FINISH, SG_E_CONFLICT, "rollover_not_started");
    assert_refused(&none, SG_LIFE_UNDO, SG_E_CONFLICT, "rollover_not_started");
    assert_allowed(&started, SG_LIFE_SWITCH);
    assert_allowed(&started, SG_LIFE_UNDO);
    assert_refused(&started, SG_LIFE_START, SG_E_CONFLICT, "rollover_under_way");
    assert_refused(&started, SG_LIFE_FINISH, SG_E_CONFLICT, "rollover_not_switched");
    assert_refused(&started, SG_LIFE_ROLLOVER, SG_E_CONFLICT, "rollover_under_way");
    assert_allowed(&switched, SG_LIFE_SWITCH);
    assert_allowed(&switched, SG_LIFE_FINISH);
    assert_allowed(&switched, SG_LIFE_UNDO);
    assert_refused(&switched, SG_LIFE_START, SG_E_CONFLICT, "rollover_under_way");
    assert_refused(&switched, SG_LIFE_ROLLOVER, SG_E_CONFLICT, "rollover_under_way");
}

static void force_does_not_change_the_order(void **state)
{
    (void)state;
    struct sg_life_facts started = facts(SG_LIFE_STARTED);
    started.force = true;
    assert_refused(&started, SG_LIFE_ROLLOVER, SG_E_CONFLICT, "rollover_under_way");
    assert_refused(&started, SG_LIFE_FINISH, SG_E_CONFLICT, "rollover_not_switched");
    started.stage = SG_LIFE_SWITCHED;
    started.dependents = 1;
    started.dependent = started.old_one.name;
    assert_refused(&started, SG_LIFE_FINISH, SG_E_CONFLICT, "root_in_use");
}

static void nobody_is_in_two(void **state)
{
    (void)state;
    struct sg_life_facts what = facts(SG_LIFE_NONE);
    what.other = true;
    what.other_old = certificate("older").name;
    what.other_new = what.old_one.name;
    assert_refused(&what, SG_LIFE_START, SG_E_CONFLICT, "rollover_under_way");
    assert_refused(&what, SG_LIFE_ROLLOVER, SG_E_CONFLICT, "rollover_under_way");
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_life_check(&what, SG_LIFE_SWITCH, &err), SG_E_CONFLICT);
    assert_string_equal(err.hint, "Name the old one: signet rollover plan 'START1/older'");
}

/* ---- what is not ready ---- */

static void a_successor_must_work(void **state)
{
    (void)state;
    struct sg_life_facts what = facts(SG_LIFE_STARTED);
    what.new_one.placeholder = true;
    assert_refused(&what, SG_LIFE_SWITCH, SG_E_CONFLICT, "placeholder");
    what.self_signed = true;
    assert_allowed(&what, SG_LIFE_SWITCH);
    what.new_one.trust = SG_NOTRUST;
    assert_refused(&what, SG_LIFE_SWITCH, SG_E_CONFLICT, "not_trusted");
    what.new_one.trust = SG_HIGHTRUST;
    what.now_s = what.new_one.not_after_s + 1;
    assert_refused(&what, SG_LIFE_SWITCH, SG_E_INPUT, "certificate_expired");
    what.now_s = what.new_one.not_after_s;
    assert_allowed(&what, SG_LIFE_SWITCH);
    what.now_s = what.new_one.not_before_s - 1;
    assert_refused(&what, SG_LIFE_SWITCH, SG_E_INPUT, "certificate_not_yet_valid");
    what.now_s = NOW;
    what.new_one.retired = true;
    assert_refused(&what, SG_LIFE_SWITCH, SG_E_CONFLICT, "key_retired");
    what.new_one.has_key = false;
    assert_refused(&what, SG_LIFE_SWITCH, SG_E_CONFLICT, "no_private_key");
    what.stage = SG_LIFE_SWITCHED;
    assert_refused(&what, SG_LIFE_FINISH, SG_E_CONFLICT, "no_private_key");
}

static void what_cannot_be_started(void **state)
{
    (void)state;
    struct sg_life_facts what = facts(SG_LIFE_NONE);
    what.new_one = what.old_one;
    assert_refused(&what, SG_LIFE_START, SG_E_CONFLICT, "same_certificate");
    what = facts(SG_LIFE_NONE);
    what.same_key = true;
    assert_refused(&what, SG_LIFE_START, SG_E_CONFLICT, "same_key");
    what = facts(SG_LIFE_NONE);
    what.new_one.trust = SG_NOTRUST;
    assert_refused(&what, SG_LIFE_START, SG_E_CONFLICT, "not_trusted");
    what.new_one.retired = true;
    assert_refused(&what, SG_LIFE_START, SG_E_CONFLICT, "key_retired");
    what = facts(SG_LIFE_NONE);
    what.old_one.retired = true;
    assert_refused(&what, SG_LIFE_START, SG_E_CONFLICT, "key_retired");
    what.old_one.has_key = false;
    assert_refused(&what, SG_LIFE_START, SG_E_CONFLICT, "no_private_key");
    what = facts(SG_LIFE_NONE);
    what.new_one = (struct sg_life_certificate){.name = what.new_one.name};
    assert_allowed(&what, SG_LIFE_START); /* it will be made */
}

/* ---- what is done ---- */

static void servers_keep_the_old_one_until_the_switch(void **state)
{
    (void)state;
    struct sg_life_ring rings[] = {ring("A", SG_USAGE_PERSONAL, true, false, SG_LIFE_NOTE_NONE),
                                   ring("B", SG_USAGE_CERTAUTH, true, false, SG_LIFE_NOTE_NONE)};
    struct sg_life_facts what = facts(SG_LIFE_NONE);
    what.rings = rings;
    what.ring_count = 2;
    rings[0].is_default = true;
    assert_does(&what, SG_LIFE_START,
                "take START1/new, which is here, as the successor of START1/old; "
                "connect START1/new to START1/B as CERTAUTH, beside START1/old");
    assert_does(&what, SG_LIFE_SWITCH,
                "replace START1/old by START1/new in START1/A as PERSONAL, the default");
    what.stage = SG_LIFE_STARTED;
    rings[1].has_new = true;
    rings[1].note = SG_LIFE_NOTE_BESIDE;
    assert_does(&what, SG_LIFE_SWITCH,
                "replace START1/old by START1/new in START1/A as PERSONAL, the default");
    assert_does(
        &what, SG_LIFE_UNDO,
        "remove START1/new from START1/B as CERTAUTH; delete START1/new and its private key");
    what.new_one.in_use = true;
    assert_does(
        &what, SG_LIFE_UNDO,
        "remove START1/new from START1/B as CERTAUTH; leave START1/new as it is: it was there "
        "before, or has been put to use");
    what.stage = SG_LIFE_SWITCHED;
    rings[0] = ring("A", SG_USAGE_PERSONAL, false, true, SG_LIFE_NOTE_REPLACED);
    assert_does(&what, SG_LIFE_UNDO,
                "put START1/old back in the place of START1/new in START1/A as PERSONAL");
    rings[0].has_new = false;
    assert_does(&what, SG_LIFE_UNDO,
                "leave START1/A as it is: START1/new was taken out of it since the switch");
    rings[0].has_old = true;
    assert_does(&what, SG_LIFE_UNDO,
                "leave START1/A as it is: START1/new was taken out of it since the switch");
    rings[0].note = SG_LIFE_NOTE_NONE;
    assert_does(&what, SG_LIFE_UNDO, "");
    rings[0] = ring("A", SG_USAGE_PERSONAL, false, true, SG_LIFE_NOTE_REPLACED);
    assert_does(&what, SG_LIFE_FINISH,
                "remove START1/old from START1/B as CERTAUTH; "
                "destroy the key of START1/old; the certificate stays");
    what.old_one.decrypts = true;
    assert_does(&what, SG_LIFE_FINISH,
                "remove START1/old from START1/B as CERTAUTH; "
                "retire the key of START1/old: kept for decryption, it signs no more");
    what.stage = SG_LIFE_STARTED;
    rings[0] = ring("A", SG_USAGE_PERSONAL, true, false, SG_LIFE_NOTE_RETURNED);
    assert_does(
        &what, SG_LIFE_UNDO,
        "remove START1/new from START1/B as CERTAUTH; leave START1/new as it is: it was there "
        "before, or has been put to use");
}

static void a_ring_that_came_later_is_caught_up_with(void **state)
{
    (void)state;
    struct sg_life_ring rings[] = {ring("A", SG_USAGE_PERSONAL, true, false, SG_LIFE_NOTE_NONE),
                                   ring("B", SG_USAGE_SITE, true, false, SG_LIFE_NOTE_NONE)};
    struct sg_life_facts what = facts(SG_LIFE_SWITCHED);
    what.rings = rings;
    what.ring_count = 2;
    assert_does(&what, SG_LIFE_SWITCH,
                "replace START1/old by START1/new in START1/A as PERSONAL; "
                "connect START1/new to START1/B as SITE, beside START1/old");
    assert_does(&what, SG_LIFE_FINISH,
                "replace START1/old by START1/new in START1/A as PERSONAL; "
                "replace START1/old by START1/new in START1/B as SITE; "
                "destroy the key of START1/old; the certificate stays");
}

/* ---- when ---- */

static void steps_are_due_before_the_end(void **state)
{
    (void)state;
    struct sg_life_facts what = facts(SG_LIFE_NONE);
    int64_t end = what.old_one.not_after_s;
    assert_int_equal(sg_life_due(&what, SG_LIFE_START), end - 30 * DAY);
    assert_int_equal(sg_life_due(&what, SG_LIFE_CERTIFY), end - 7 * DAY);
    assert_int_equal(sg_life_due(&what, SG_LIFE_SWITCH), end - 7 * DAY);
    assert_int_equal(sg_life_due(&what, SG_LIFE_FINISH), end);
    what.old_one.not_before_s = end - 30 * DAY; /* a short one */
    assert_int_equal(sg_life_due(&what, SG_LIFE_START), end - 10 * DAY);
    assert_int_equal(sg_life_due(&what, SG_LIFE_SWITCH), end - 3 * DAY);
}

static enum sg_life_state state_of(const struct sg_life_facts *what, enum sg_life_step step)
{
    struct sg_error why = SG_ERROR_INIT;
    enum sg_life_state found = sg_life_state(what, step, &why);
    assert_int_equal(found == SG_LIFE_WAITS, why.status != SG_OK);
    return found;
}

static void the_plan_says_where_each_step_stands(void **state)
{
    (void)state;
    struct sg_life_facts what = facts(SG_LIFE_NONE);
    assert_int_equal(state_of(&what, SG_LIFE_START), SG_LIFE_NOW);
    assert_int_equal(state_of(&what, SG_LIFE_SWITCH), SG_LIFE_LATER);
    assert_int_equal(state_of(&what, SG_LIFE_FINISH), SG_LIFE_LATER);
    what.old_one.has_key = false;
    assert_int_equal(state_of(&what, SG_LIFE_START), SG_LIFE_WAITS);
    what = facts(SG_LIFE_STARTED);
    what.new_one.placeholder = true;
    assert_int_equal(state_of(&what, SG_LIFE_START), SG_LIFE_DONE);
    assert_int_equal(state_of(&what, SG_LIFE_CERTIFY), SG_LIFE_NOW);
    assert_int_equal(state_of(&what, SG_LIFE_SWITCH), SG_LIFE_WAITS);
    assert_int_equal(state_of(&what, SG_LIFE_FINISH), SG_LIFE_LATER);
    what.new_one.placeholder = false;
    assert_int_equal(state_of(&what, SG_LIFE_CERTIFY), SG_LIFE_DONE);
    assert_int_equal(state_of(&what, SG_LIFE_SWITCH), SG_LIFE_NOW);
    what.stage = SG_LIFE_SWITCHED;
    assert_int_equal(state_of(&what, SG_LIFE_SWITCH), SG_LIFE_DONE);
    assert_int_equal(state_of(&what, SG_LIFE_FINISH), SG_LIFE_NOW);
    what.dependents = 2;
    what.dependent = what.new_one.name;
    assert_int_equal(state_of(&what, SG_LIFE_FINISH), SG_LIFE_WAITS);
}

/* ---- who still holds the old key ---- */

static void who_has_not_gone_over_may_hold_the_old_key(void **state)
{
    (void)state;
    static const struct {
        int64_t switched_ago, old_ago, new_ago; /* seconds; -1: never */
        enum sg_life_holding holding;
    } rows[] = {
        {600, -1, -1, SG_LIFE_HOLDS_NOT},
        {600, -1, 5, SG_LIFE_HOLDS_NOT},
        {600, 300, -1, SG_LIFE_HOLDS_STILL},
        {600, 300, 301, SG_LIFE_HOLDS_STILL},
        {600, 300, 300, SG_LIFE_HOLDS_STILL}, /* whichever came first */
        {600, 300, 299, SG_LIFE_HOLDS_NOT},
        {600, SG_LIFE_QUIET_S, 0, SG_LIFE_HOLDS_NOT},
        {600, SG_LIFE_QUIET_S - 1, 0, SG_LIFE_HOLDS_LATELY},
        {600, 0, 0, SG_LIFE_HOLDS_STILL},
        {600, 600, -1, SG_LIFE_HOLDS_STILL}, /* in the second of the switch */
        {600, 601, -1, SG_LIFE_HOLDS_STILL}, /* before it, but lately */
        {600, 601, 500, SG_LIFE_HOLDS_NOT},
        {600, SG_LIFE_RECENT_S, -1, SG_LIFE_HOLDS_STILL},
        {600, SG_LIFE_RECENT_S + 1, -1, SG_LIFE_HOLDS_NOT},
        {30 * DAY, 30 * DAY, -1, SG_LIFE_HOLDS_STILL}, /* after it, however long ago */
        {30 * DAY, 30 * DAY + 1, -1, SG_LIFE_HOLDS_NOT},
        {30 * DAY, -100, -50, SG_LIFE_HOLDS_STILL}, /* by a clock that was ahead */
        {30 * DAY, -50, -100, SG_LIFE_HOLDS_LATELY},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_life_facts what = facts(SG_LIFE_SWITCHED);
        what.switched_s = NOW - rows[i].switched_ago;
        int64_t old_s = rows[i].old_ago == -1 ? 0 : NOW - rows[i].old_ago;
        int64_t new_s = rows[i].new_ago == -1 ? 0 : NOW - rows[i].new_ago;
        if (sg_life_holding(&what, old_s, new_s) != rows[i].holding) {
            fail_msg("row %zu", i);
        }
    }
}

static struct sg_life_facts held(enum sg_life_holding holding, size_t holders)
{
    struct sg_life_facts what = facts(SG_LIFE_SWITCHED);
    what.switched_s = NOW - 600;
    what.holders = holders;
    what.holder = (struct sg_life_holder){
        .user = "www-data", .place = "START1/KEY", .old_s = NOW - 3, .holding = holding};
    return what;
}

static void a_key_in_use_does_not_go_unasked(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_life_facts what = held(SG_LIFE_HOLDS_STILL, 1);
    assert_refused(&what, SG_LIFE_FINISH, SG_E_CONFLICT, "key_in_use");
    assert_int_equal(sg_life_check(&what, SG_LIFE_FINISH, &err), SG_E_CONFLICT);
    assert_string_equal(err.text, "the key of START1/old was used at 2026-10-14T17:46:37Z by "
                                  "www-data, and that of START1/new not since, through START1/KEY");
    assert_non_null(strstr(err.hint, "signet rollover plan 'START1/old'"));
    assert_non_null(strstr(err.hint, "--force"));
    assert_string_equal(err.object, "START1/old");
    assert_int_equal(state_of(&what, SG_LIFE_FINISH), SG_LIFE_WAITS);
    what = held(SG_LIFE_HOLDS_LATELY, 3);
    assert_refused(&what, SG_LIFE_FINISH, SG_E_CONFLICT, "key_in_use");
    sg_error_clear(&err);
    assert_int_equal(sg_life_check(&what, SG_LIFE_FINISH, &err), SG_E_CONFLICT);
    assert_string_equal(err.text, "the key of START1/old was used at 2026-10-14T17:46:37Z, a "
                                  "moment ago, by www-data and 2 others, through START1/KEY");
    assert_non_null(strstr(err.hint, "10 s"));
    what.force = true;
    assert_allowed(&what, SG_LIFE_FINISH);
    what.force = false;
    assert_allowed(&what, SG_LIFE_UNDO);
    assert_allowed(&what, SG_LIFE_SWITCH);
}

static void what_goes_on_decrypting_is_said(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_life_facts what = held(SG_LIFE_HOLDS_STILL, 1);
    what.old_one.decrypts = true;
    assert_int_equal(sg_life_check(&what, SG_LIFE_FINISH, &err), SG_E_CONFLICT);
    assert_non_null(strstr(err.hint, "only signing ends"));
    sg_error_clear(&err);
    what.destroy = true;
    assert_int_equal(sg_life_check(&what, SG_LIFE_FINISH, &err), SG_E_CONFLICT);
    assert_null(strstr(err.hint, "only signing ends"));
}

/* The longest names fit into a sentence. */
static void sentences_hold_the_longest_names(void **state)
{
    (void)state;
    struct sg_life_ring rings[] = {ring("A", SG_USAGE_CERTAUTH, true, false, SG_LIFE_NOTE_NONE)};
    struct sg_life_facts what = facts(SG_LIFE_NONE);
    struct sg_life_action action = {SG_LIFE_CONNECT_BESIDE, 0};
    char text[SG_LIFE_TEXT];
    what.rings = rings;
    what.ring_count = 1;
    memset(what.old_one.name.label.text, 'o', sizeof what.old_one.name.label.text - 1);
    memset(what.new_one.name.label.text, 'n', sizeof what.new_one.name.label.text - 1);
    memset(rings[0].name.ring.text, 'r', sizeof rings[0].name.ring.text - 1);
    sg_life_action_text(&what, &action, true, text);
    assert_string_equal(text + strlen(text) - 4, "oooo");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_come_in_order),
        cmocka_unit_test(force_does_not_change_the_order),
        cmocka_unit_test(nobody_is_in_two),
        cmocka_unit_test(a_successor_must_work),
        cmocka_unit_test(what_cannot_be_started),
        cmocka_unit_test(servers_keep_the_old_one_until_the_switch),
        cmocka_unit_test(a_ring_that_came_later_is_caught_up_with),
        cmocka_unit_test(steps_are_due_before_the_end),
        cmocka_unit_test(the_plan_says_where_each_step_stands),
        cmocka_unit_test(who_has_not_gone_over_may_hold_the_old_key),
        cmocka_unit_test(a_key_in_use_does_not_go_unasked),
        cmocka_unit_test(what_goes_on_decrypting_is_said),
        cmocka_unit_test(sentences_hold_the_longest_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
