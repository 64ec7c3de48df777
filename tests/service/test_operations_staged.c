/* Roll-overs in stages: rollover plan, start, switch, finish, undo, list. */
#include <stdio.h>
#include <string.h>

#include <signet/operations/ring_view.h>

#include "operations_fixture.h"

static const char start_web[] = "{'certificate': 'START1/web', 'label': 'web-2'}";
static const char web[] = "{'certificate': 'START1/web'}";
static const char web_as_it_is[] = "{'certificate': 'START1/web', 'self_signed': true}";
static const char ca_1[] = "{'certificate': 'CERTAUTH/CA'}";
static const char start_ca[] = "{'certificate': 'CERTAUTH/CA', 'label': 'CA2'}";

static int setup(void **state)
{
    int failed = world_setup(state);
    must(*state, "cert generate",
         "{'certificate': 'START1/web', 'subject': 'CN=web.example.com', 'days': 90}");
    must(*state, "ring add", "{'ring': 'START1/KEY'}");
    must(*state, "ring add", "{'ring': 'START2/OTHER'}");
    return failed;
}

/* The lines of the last plan: "step state|…". */
static void assert_plan(const struct world *world, const char *expected)
{
    char text[500] = "";
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(json_object_get(world->answer, "items"), i, item)
    {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s %s", i > 0 ? "|" : "",
                 json_string_value(json_object_get(item, "step")),
                 json_string_value(json_object_get(item, "state")));
    }
    assert_string_equal(text, expected);
}

static const char *plan_text(const struct world *world, size_t i, const char *key)
{
    const char *text = json_string_value(
        json_object_get(json_array_get(json_object_get(world->answer, "items"), i), key));
    assert_non_null(text);
    return text;
}

static size_t listed(struct world *world)
{
    must(world, "rollover list", "{}");
    return json_array_size(json_object_get(world->answer, "items"));
}

/* Would the capability of START1's user let it sign with the certificate's key? */
static bool may_sign(struct world *world, const char *label)
{
    SG_CERTIFICATE_ROW row = row_of(world, "START1", label);
    struct sg_granted_key *keys = NULL;
    size_t count = 0;
    bool found = false;
    assert_int_equal(
        sg_ring_keys(&world->service, &owner_of_start1, 0, "store", &keys, &count, &world->err),
        SG_OK);
    for (size_t i = 0; row.has_key && i < count; i++) {
        found = found || (memcmp(&keys[i].id, &row.key, sizeof row.key) == 0 && keys[i].sign);
    }
    free(keys);
    return found;
}

/* ---- the plan ---- */

static void the_plan_says_what_where_and_by_when(void **state)
{
    struct world *world = *state;
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    struct snapshot before = snapshot(world);
    must(world, "rollover plan", start_web);
    struct snapshot after = snapshot(world);
    assert_same(&before, &after);
    assert_plan(world, "start now|certify later|switch later|finish later");
    assert_string_equal(
        plan_text(world, 2, "text"),
        "replace START1/web by START1/web-2 in START1/KEY as PERSONAL, the default");
    assert_string_equal(plan_text(world, 0, "due"), "2026-12-13T17:46:40Z"); /* 30 days before */
    assert_string_equal(plan_text(world, 2, "due"), "2027-01-05T17:46:40Z"); /* 7 days */
    assert_string_equal(plan_text(world, 3, "due"), "2027-01-12T17:46:40Z");
    must(world, "rollover start", start_web);
    must(world, "rollover plan", web);
    assert_plan(world, "start done|certify now|switch waits|finish later");
    assert_string_equal(plan_text(world, 0, "done_at"), "2026-10-14T17:46:40Z");
    assert_non_null(strstr(answered(world, "waits_for"), "self-signed placeholder"));
    assert_non_null(strstr(answered(world, "remedy"), "signet cert request 'START1/web-2'"));
    world->now_s += 86 * DAY;
    must(world, "rollover plan", web);
    assert_says(world, "warnings", "switch was due at 2027-01-05");
    must(world, "rollover switch", web_as_it_is);
    must(world, "rollover plan", web);
    assert_plan(world, "start done|certify now|switch done|finish now");
    assert_string_equal(answered(world, "stage"), "switched");
}

static void a_root_needs_no_ca(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA'}");
    must(world, "rollover plan", start_ca);
    assert_plan(world, "start now|switch later|finish later");
}

/* ---- out of order, and what cannot be ---- */

static void what_cannot_be_started_is_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *params;
        sg_status status;
        const char *code;
    } rows[] = {
        {"{'certificate': 'START1/none'}", SG_E_NOT_FOUND, "certificate_not_found"},
        {"{'certificate': 'START1/web', 'label': 'web'}", SG_E_CONFLICT, "same_certificate"},
        {"{'certificate': 'START1/web', 'label': ' x'}", SG_E_INPUT, "bad_label"},
        {"{'certificate': 'START1/keyless'}", SG_E_CONFLICT, "no_private_key"},
        {"{'certificate': 'START1/web', 'label': 'keyless'}", SG_E_CONFLICT, "no_private_key"},
        {"{'certificate': 'START1/web', 'label': 'gone'}", SG_E_CONFLICT, "not_trusted"},
        {"{'certificate': 'START1/web', 'label': 'gone', 'days': 3}", SG_E_CONFLICT, "not_trusted"},
        {"{'certificate': 'START1/web', 'label': 'here', 'key': 'ec:p256'}", SG_E_USAGE,
         "bad_parameter"},
        {"{'certificate': 'START1/web', 'label': 'here', 'token': 'store'}", SG_E_USAGE,
         "bad_parameter"},
        {"{'certificate': 'START1/web', 'label': 'x', 'key': 'dsa'}", SG_E_INPUT,
         "unknown_key_type"},
        {"{'certificate': 'START1/web', 'label': 'x', 'token': 'none'}", SG_E_NOT_FOUND,
         "token_not_found"},
    };
    struct outside_ca ca;
    outside_ca_make(&ca);
    must_json(world, "cert add", bundle_json("START1/keyless", ca.root, NULL));
    outside_ca_done(&ca);
    must(world, "cert generate", "{'certificate': 'START1/here', 'subject': 'CN=h'}");
    must(world, "cert generate", "{'certificate': 'START1/gone', 'subject': 'CN=g'}");
    must(world, "cert alter", "{'certificate': 'START1/gone', 'status': 'notrust'}");
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        refused(world, "rollover start", rows[i].params, rows[i].status, rows[i].code);
    }
    refused(world, "rollover plan", "{'certificate': 'START1/keyless'}", SG_E_CONFLICT,
            "no_private_key");
    world->down = true;
    refused(world, "rollover start", start_web, SG_E_TOKEN, "token_unavailable");
    world->down = false;
    assert_int_equal(listed(world), 0);
}

static void steps_out_of_order_are_refused(void **state)
{
    struct world *world = *state;
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    refused(world, "rollover switch", web, SG_E_CONFLICT, "rollover_not_started");
    assert_told(world, "signet rollover start 'START1/web'");
    refused(world, "rollover finish", web, SG_E_CONFLICT, "rollover_not_started");
    refused(world, "rollover undo", web, SG_E_CONFLICT, "rollover_not_started");
    must(world, "rollover start", start_web);
    refused(world, "rollover start", start_web, SG_E_CONFLICT, "rollover_under_way");
    assert_told(world, "signet rollover plan 'START1/web'");
    refused(world, "rollover finish", web, SG_E_CONFLICT, "rollover_not_switched");
    assert_told(world, "signet rollover switch 'START1/web'");
    refused(world, "rollover switch", web, SG_E_CONFLICT, "placeholder");
    assert_told(world, "--self-signed");
    refused(world, "cert rollover", start_web, SG_E_CONFLICT, "rollover_under_way");
    refused(world, "cert delete", web, SG_E_CONFLICT, "rollover_under_way");
    /* neither of the two takes part in another one */
    must(world, "cert generate", "{'certificate': 'START1/third', 'subject': 'CN=t'}");
    refused(world, "rollover start", "{'certificate': 'START1/web-2', 'label': 'third'}",
            SG_E_CONFLICT, "rollover_under_way");
    assert_told(world, "START1/web to START1/web-2");
    refused(world, "rollover start", "{'certificate': 'START1/third', 'label': 'web-2'}",
            SG_E_CONFLICT, "rollover_under_way");
    refused(world, "rollover start", "{'certificate': 'START1/third', 'label': 'web'}",
            SG_E_CONFLICT, "rollover_under_way");
    refused(world, "cert rollover",
            "{'certificate': 'START1/third', 'label': 'web', 'force': true}", SG_E_CONFLICT,
            "rollover_under_way");
    refused(world, "rollover switch", "{'certificate': 'START1/web-2'}", SG_E_CONFLICT,
            "rollover_not_started");
    assert_told(world, "Name the old one: signet rollover plan 'START1/web'");
    must(world, "cert alter", "{'certificate': 'START1/web-2', 'status': 'notrust'}");
    refused(world, "rollover switch", web_as_it_is, SG_E_CONFLICT, "not_trusted");
    must(world, "cert alter", "{'certificate': 'START1/web-2', 'status': 'trust'}");
    world->now_s += 400 * DAY;
    refused(world, "rollover switch", web_as_it_is, SG_E_INPUT, "certificate_expired");
    world->now_s -= 400 * DAY;
    must(world, "rollover switch", web_as_it_is);
    assert_int_equal(ask(world, "rollover switch", json_of(web_as_it_is), false), SG_OK);
    assert_says(world, "warnings", "had been switched already at 2026-10-14T17:46:40Z");
    refused(world, "cert delete", "{'certificate': 'START1/web-2', 'disconnect': true}",
            SG_E_CONFLICT, "rollover_under_way");
    must(world, "rollover finish", web);
    refused(world, "rollover undo", web, SG_E_CONFLICT, "rollover_not_started");
    refused(world, "rollover start", web, SG_E_CONFLICT, "no_private_key");
}

static void only_who_may_does_it_and_sees_it(void **state)
{
    struct world *world = *state;
    static const char *const verbs[] = {"rollover plan", "rollover start", "rollover switch",
                                        "rollover finish", "rollover undo"};
    must(world, "cert generate", "{'certificate': 'START2/other', 'subject': 'CN=o'}");
    must(world, "rollover start", "{'certificate': 'START2/other'}");
    must(world, "rollover start", start_web);
    assert_int_equal(listed(world), 2);
    world->caller = &owner_of_start1;
    assert_int_equal(listed(world), 1);
    assert_string_equal(plan_text(world, 0, "label"), "web");
    for (size_t i = 0; i < SG_COUNT(verbs); i++) {
        refused(world, verbs[i], web, SG_E_DENIED, "not_authorised");
    }
    world->caller = &stranger;
    assert_int_equal(listed(world), 0);
    world->caller = &administrator;
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.ROLLOVER'}");
    must(world, "authority permit",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.ROLLOVER', 'to': 'owner:START1',"
         " 'level': 'read'}");
    world->caller = &owner_of_start1;
    must(world, "rollover switch", web_as_it_is);
    refused(world, "rollover switch", "{'certificate': 'START2/other'}", SG_E_DENIED,
            "not_authorised");
    refused(world, "rollover start", "{'certificate': 'START1/web-2'}", SG_E_DENIED,
            "not_authorised"); /* and REKEY */
    world->caller = &administrator;
}

/* ---- start, switch, finish ---- */

static void all_rings_are_switched_in_one_step(void **state)
{
    struct world *world = *state;
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    must(world, "ring add", "{'ring': 'START1/SECOND'}");
    connect_as(world, "START1/SECOND", "START1/web", "personal", false);
    must(world, "rollover start", start_web);
    assert_string_equal(answered(world, "next"), "signet cert request 'START1/web-2'");
    assert_ring(world, "START1/KEY", "web PERSONAL*");
    assert_true(may_sign(world, "web") && !may_sign(world, "web-2"));
    world_reopen(world);
    world->refuse_narrow = true;
    assert_int_not_equal(ask(world, "rollover switch", json_of(web_as_it_is), false), SG_OK);
    world->refuse_narrow = false;
    assert_ring(world, "START1/KEY", "web PERSONAL*");
    must(world, "rollover switch", web_as_it_is);
    assert_string_equal(answered(world, "next"), "signet rollover finish 'START1/web'");
    assert_ring(world, "START1/KEY", "web-2 PERSONAL*");
    assert_ring(world, "START1/SECOND", "web-2 PERSONAL");
    assert_true(may_sign(world, "web") && may_sign(world, "web-2"));
    world_reopen(world);
    assert_true(may_sign(world, "web"));
    assert_int_equal(listed(world), 1);
    assert_string_equal(plan_text(world, 0, "next_step"), "finish");
    uint64_t keys = snapshot(world).private_keys;
    uint64_t first = sequence_of(world, "START1", "KEY");
    uint64_t second = sequence_of(world, "START1", "SECOND");
    uint64_t other = sequence_of(world, "START2", "OTHER");
    must(world, "rollover finish", web);
    assert_false(may_sign(world, "web"));
    /* neither shows the old one any more */
    assert_true(sequence_of(world, "START1", "KEY") > first);
    assert_true(sequence_of(world, "START1", "SECOND") > second);
    assert_int_equal(sequence_of(world, "START2", "OTHER"), other);
    assert_true(may_sign(world, "web-2"));
    assert_int_equal(snapshot(world).private_keys, keys - 1);
    assert_int_equal(listed(world), 0);
    SG_CERTIFICATE_ROW old = row_of(world, "START1", "web");
    assert_false(old.has_key);
}

/* The key whose place another has taken is offered all the same, and whatever changes in that is a
 * change of the ring. */
static void what_is_held_counts_in_its_ring(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *operation, *params;
    } steps[] = {
        {"cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}"},
        {"cert alter", "{'certificate': 'START1/web', 'status': 'trust'}"},
        {"rollover undo", web}, /* the new one is held now */
        {"cert alter", "{'certificate': 'START1/web-2', 'status': 'notrust'}"},
        {"cert alter", "{'certificate': 'START1/web-2', 'status': 'trust'}"},
        {"rollover undo", web}, /* and now none */
    };
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    must(world, "rollover start", start_web);
    must(world, "rollover switch", web_as_it_is);
    for (size_t i = 0; i < SG_COUNT(steps); i++) {
        uint64_t before = sequence_of(world, "START1", "KEY");
        must(world, steps[i].operation, steps[i].params);
        assert_true(sequence_of(world, "START1", "KEY") > before);
    }
    assert_true(may_sign(world, "web"));
    assert_false(has_row(world, "START1", "web-2"));
}

static void rings_that_come_later_are_caught_up_with(void **state)
{
    struct world *world = *state;
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    must(world, "rollover start", start_web);
    must(world, "rollover switch", web_as_it_is);
    must(world, "ring add", "{'ring': 'START1/LATE'}");
    connect_as(world, "START1/LATE", "START1/web", "personal", true);
    must(world, "rollover switch", web_as_it_is);
    assert_says(world, "did", "START1/LATE");
    assert_ring(world, "START1/LATE", "web-2 PERSONAL*");
    must(world, "ring add", "{'ring': 'START1/LATER'}");
    connect_as(world, "START1/LATER", "START1/web", "personal", true);
    must(world, "rollover finish", web);
    assert_ring(world, "START1/LATER", "web-2 PERSONAL*");
}

static void a_certificate_that_is_here_is_taken(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'START1/mine', 'subject': 'CN=web.example.com'}");
    struct snapshot before = snapshot(world);
    must(world, "rollover start", "{'certificate': 'START1/web', 'label': 'mine'}");
    assert_says(world, "did", "took START1/mine, which is here");
    struct snapshot after = snapshot(world);
    assert_int_equal(after.private_keys, before.private_keys);
    must(world, "rollover undo", web);
    assert_says(world, "did", "left START1/mine as it is");
    assert_true(has_row(world, "START1", "mine"));
    after = snapshot(world);
    assert_same(&before, &after);
}

static void a_key_that_decrypts_is_kept_for_that(void **state)
{
    struct world *world = *state;
    static const char mail[] = "{'certificate': 'START1/mail'}";
    must(world, "cert generate",
         "{'certificate': 'START1/mail', 'subject': 'CN=mail', 'key': 'rsa:2048',"
         " 'usage': ['handshake', 'dataencrypt']}");
    connect_as(world, "START1/KEY", "START1/mail", "personal", true);
    must(world, "rollover start", "{'certificate': 'START1/mail', 'label': 'mail2'}");
    must(world, "rollover switch", "{'certificate': 'START1/mail', 'self_signed': true}");
    must(world, "rollover finish", mail);
    assert_string_equal(answered(world, "old_key"), "kept_for_decryption");
    SG_CERTIFICATE_ROW old = row_of(world, "START1", "mail");
    assert_true(old.has_key && old.retired);
    refused(world, "rollover start", mail, SG_E_CONFLICT, "key_retired");
    refused(world, "rollover start", "{'certificate': 'START1/web', 'label': 'mail'}",
            SG_E_CONFLICT, "key_retired");
    /* or not */
    must(world, "rollover start", "{'certificate': 'START1/mail2', 'label': 'mail3'}");
    must(world, "rollover switch", "{'certificate': 'START1/mail2', 'self_signed': true}");
    must(world, "rollover finish", "{'certificate': 'START1/mail2', 'destroy_key': true}");
    assert_string_equal(answered(world, "old_key"), "destroyed");
}

/* ---- who still uses the old key ---- */

#define NOBODYS_UID 4000000001u /* has no name */

/* uid has used the key of START1's LABEL through START1/RING so many seconds ago. */
static void use_or_try(struct world *world, const char *label, const char *ring, uint32_t uid,
                       int64_t ago_s, bool succeeds)
{
    SG_CERTIFICATE_ROW row = row_of(world, "START1", label);
    struct sg_ring_ref ref = {.owner = {.text = "START1"}};
    struct sg_ring_row found;
    assert_true(row.has_key);
    snprintf(ref.ring.text, sizeof ref.ring.text, "%s", ring);
    assert_int_equal(sg_store_ring_get(world->service.store, &ref, &found, &world->err), SG_OK);
    const struct sg_key_use used = {
        row.key, (uint32_t)found.id,   uid,
        1,       world->now_s - ago_s, succeeds ? world->now_s - ago_s : 0};
    assert_int_equal(sg_store_key_uses_add(world->service.store, &used, 1, &world->err), SG_OK);
}

static void use(struct world *world, const char *label, const char *ring, uint32_t uid,
                int64_t ago_s)
{
    use_or_try(world, label, ring, uid, ago_s, true);
}

static void use_in_vain(struct world *world, const char *label, const char *ring, uint32_t uid,
                        int64_t ago_s)
{
    use_or_try(world, label, ring, uid, ago_s, false);
}

static void switch_web(struct world *world)
{
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    must(world, "rollover start", start_web);
    must(world, "rollover switch", web_as_it_is);
}

static void a_key_that_is_still_used_is_not_destroyed(void **state)
{
    struct world *world = *state;
    switch_web(world);
    world->now_s += 100;
    use(world, "web", "KEY", NOBODYS_UID, 1);
    refused(world, "rollover finish", web, SG_E_CONFLICT, "key_in_use");
    assert_told(world, "the key of START1/web was used at 2026-10-14T17:48:19Z by uid 4000000001");
    assert_told(world, "through START1/KEY");
    assert_told(world, "--force");
    assert_int_equal(ask(world, "rollover finish", json_of(web), true), SG_E_CONFLICT);
    assert_string_equal(world->err.code, "key_in_use");
    world->now_s += 30 * DAY; /* whoever was not seen since has not changed for that */
    refused(world, "rollover finish", web, SG_E_CONFLICT, "key_in_use");
    must(world, "ring add", "{'ring': 'START1/SECOND'}");
    connect_as(world, "START1/SECOND", "START1/web", "personal", false);
    refused(world, "rollover finish", web, SG_E_CONFLICT, "key_in_use");
    assert_told(world, "signet rollover switch 'START1/web'");
    assert_true(may_sign(world, "web"));
    must(world, "rollover finish", "{'certificate': 'START1/web', 'force': true}");
    assert_says(world, "warnings", "fail until they load that of START1/web-2");
    assert_says(world, "warnings", "uid 4000000001 through START1/KEY");
    assert_says(world, "did", "destroyed the key of START1/web");
}

static void who_uses_the_new_key_has_changed(void **state)
{
    struct world *world = *state;
    switch_web(world);
    world->now_s += 100;
    use(world, "web", "KEY", NOBODYS_UID, 20);
    use(world, "web-2", "KEY", NOBODYS_UID, 15);
    use(world, "web", "KEY", 0, 30);
    refused(world, "rollover finish", web, SG_E_CONFLICT, "key_in_use"); /* one has not */
    use(world, "web-2", "KEY", 0, 0);
    must(world, "rollover plan", web);
    assert_plan(world, "start done|certify now|switch done|finish now");
    use(world, "web", "KEY", 0, 1); /* a process that is ending */
    refused(world, "rollover finish", web, SG_E_CONFLICT, "key_in_use");
    assert_told(world, "a moment ago, by root");
    world->now_s += 10;
    must(world, "rollover finish", web);
    assert_null(json_object_get(world->answer, "warnings"));
}

/* A token may refuse the new key; whoever was refused needs the old one still. */
static void who_used_the_new_key_in_vain_has_not_changed(void **state)
{
    struct world *world = *state;
    switch_web(world);
    world->now_s += 100;
    use(world, "web", "KEY", NOBODYS_UID, 30);
    use_in_vain(world, "web-2", "KEY", NOBODYS_UID, 20);
    refused(world, "rollover finish", web, SG_E_CONFLICT, "key_in_use");
    assert_told(world, "and that of START1/web-2 not since");
    must(world, "rollover plan", web);
    assert_plan(world, "start done|certify now|switch done|finish waits");
    assert_non_null(strstr(answered(world, "remedy"), "a use that fails is none"));
    use(world, "web-2", "KEY", NOBODYS_UID, 15);
    use_in_vain(world, "web-2", "KEY", NOBODYS_UID, 14); /* now and then one fails */
    must(world, "rollover plan", web);
    assert_plan(world, "start done|certify now|switch done|finish now");
    use_in_vain(world, "web", "KEY", NOBODYS_UID, 12); /* whoever tried holds it */
    refused(world, "rollover finish", web, SG_E_CONFLICT, "key_in_use");
}

static void the_same_user_of_two_rings_is_two(void **state)
{
    struct world *world = *state;
    must(world, "ring add", "{'ring': 'START1/SECOND'}");
    connect_as(world, "START1/SECOND", "START1/web", "personal", false);
    switch_web(world);
    world->now_s += 100;
    use(world, "web", "KEY", NOBODYS_UID, 30);
    use(world, "web", "SECOND", NOBODYS_UID, 40);
    use(world, "web-2", "KEY", NOBODYS_UID, 20);
    refused(world, "rollover finish", web, SG_E_CONFLICT, "key_in_use");
    assert_told(world, "through START1/SECOND");
    use(world, "web-2", "SECOND", NOBODYS_UID, 20);
    must(world, "rollover finish", web);
}

static void the_plan_says_who_used_which_key(void **state)
{
    struct world *world = *state;
    switch_web(world);
    world->now_s += 100;
    use(world, "web", "KEY", NOBODYS_UID, 30);
    use(world, "web-2", "KEY", NOBODYS_UID, 20);
    use(world, "web", "KEY", 0, 40);
    must(world, "rollover plan", web);
    assert_plan(world, "start done|certify now|switch done|finish waits");
    assert_non_null(strstr(answered(world, "waits_for"), "by root, and that of START1/web-2 not"));
    assert_non_null(strstr(answered(world, "remedy"), "--force"));
    json_t *expected = json_of("[{'ring': 'START1/KEY', 'uid': 4000000001, 'user': null,"
                               " 'old_last_used': '2026-10-14T17:47:50Z',"
                               " 'new_last_used': '2026-10-14T17:48:00Z', 'changed': true},"
                               "{'ring': 'START1/KEY', 'uid': 0, 'user': 'root',"
                               " 'old_last_used': '2026-10-14T17:47:40Z',"
                               " 'new_last_used': null, 'changed': false}]");
    assert_true(json_equal(json_object_get(world->answer, "old_used_by"), expected));
    json_decref(expected);
}

/* A server that signs rarely shows what it holds only after a while. */
static void who_used_it_just_before_the_switch_may_hold_it(void **state)
{
    struct world *world = *state;
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    use(world, "web", "KEY", NOBODYS_UID, 5);
    must(world, "rollover start", start_web);
    must(world, "rollover switch", web_as_it_is);
    refused(world, "rollover finish", web, SG_E_CONFLICT, "key_in_use");
    world->now_s += 3600 - 5;
    refused(world, "rollover finish", web, SG_E_CONFLICT, "key_in_use");
    world->now_s++;
    must(world, "rollover finish", web);
}

/* At once, as RACF does it: nothing is asked, but said. */
static void a_rollover_at_once_says_who_used_the_key(void **state)
{
    struct world *world = *state;
    static const char at_once[] = "{'certificate': 'START1/web', 'label': 'web-2', 'force': true}";
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    must(world, "cert rekey", start_web);
    use(world, "web", "KEY", NOBODYS_UID, 5);
    must(world, "cert rollover", at_once);
    assert_says(world, "warnings",
                "programs that sign with the key of START1/web fail until they load that of "
                "START1/web-2: it was used at 2026-10-14T17:46:35Z by uid 4000000001 through "
                "START1/KEY");
    assert_says(world, "did", "destroyed the key of START1/web");
    use(world, "web-2", "KEY", NOBODYS_UID, 3601); /* long ago */
    must(world, "cert rekey", "{'certificate': 'START1/web-2', 'label': 'web-3'}");
    must(world, "cert rollover",
         "{'certificate': 'START1/web-2', 'label': 'web-3', 'force': true}");
    assert_false(says(world, "warnings", "it was used"));
}

/* Renewed under another label: two certificates, one key. */
static void a_key_that_two_certificates_have_is_not_taken_unasked(void **state)
{
    struct world *world = *state;
    struct sg_certificate_row twin = row_of(world, "START1", "web");
    twin.id = 0;
    snprintf(twin.name.label.text, sizeof twin.name.label.text, "twin");
    snprintf(twin.serial, sizeof twin.serial, "7777");
    assert_int_equal(sg_store_certificate_add(world->service.store, &twin, &world->err), SG_OK);
    sg_certificate_row_done(&twin);
    refused(world, "rollover start", "{'certificate': 'START1/web', 'label': 'twin'}",
            SG_E_CONFLICT, "same_key");
    switch_web(world);
    use(world, "web", "KEY", NOBODYS_UID, 1); /* --force is for both: the worse one first */
    refused(world, "rollover finish", web, SG_E_CONFLICT, "key_shared");
    assert_told(world, "START1/twin");
    must(world, "rollover finish", "{'certificate': 'START1/web', 'force': true}");
    assert_says(world, "warnings", "START1/twin too, which loses it");
    SG_CERTIFICATE_ROW other = row_of(world, "START1", "twin");
    assert_false(other.has_key);
}

/* ---- undo ---- */

static void undo_puts_everything_back(void **state)
{
    struct world *world = *state;
    struct snapshot before;
    must(world, "ring add", "{'ring': 'START1/BOTH'}");
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    connect_as(world, "START1/BOTH", "START1/web", "personal", false);
    must(world, "rollover start", start_web);
    connect_as(world, "START1/BOTH", "START1/web-2", "personal", true);
    must(world, "rollover switch", web_as_it_is);
    assert_ring(world, "START1/KEY", "web-2 PERSONAL*");
    assert_ring(world, "START1/BOTH", "web-2 PERSONAL*");
    before = snapshot(world);
    must(world, "rollover undo", web);
    assert_string_equal(answered(world, "stage"), "started");
    assert_ring(world, "START1/KEY", "web PERSONAL*");
    assert_ring(world, "START1/BOTH", "web-2 PERSONAL*|web PERSONAL");
    assert_true(may_sign(world, "web") && may_sign(world, "web-2"));
    must(world, "ring remove", "{'ring': 'START1/BOTH', 'certificate': 'START1/web-2'}");
    assert_true(may_sign(world, "web-2")); /* by START1/KEY, until the roll-over ends */
    must(world, "rollover undo", web);
    assert_says(world, "did", "deleted START1/web-2 and its private key");
    assert_false(has_row(world, "START1", "web-2"));
    assert_int_equal(snapshot(world).private_keys, before.private_keys - 1);
    assert_int_equal(listed(world), 0);
}

/* Whoever emptied a ring meant it: the old key does not come back behind his back. */
static void undo_leaves_a_ring_that_the_new_one_was_taken_out_of(void **state)
{
    struct world *world = *state;
    must(world, "ring add", "{'ring': 'START1/OTHER'}");
    must(world, "ring add", "{'ring': 'START1/AGAIN'}");
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    connect_as(world, "START1/OTHER", "START1/web", "personal", true);
    connect_as(world, "START1/AGAIN", "START1/web", "personal", true);
    must(world, "rollover start", start_web);
    must(world, "rollover switch", web_as_it_is);
    must(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'START1/web-2'}");
    must(world, "ring remove", "{'ring': 'START1/AGAIN', 'certificate': 'START1/web-2'}");
    connect_as(world, "START1/AGAIN", "START1/web", "personal", false);
    must(world, "rollover undo", web);
    assert_says(world, "did",
                "left START1/KEY as it is: START1/web-2 was taken out of it since the switch");
    assert_says(world, "did",
                "left START1/AGAIN as it is: START1/web-2 was taken out of it since the switch");
    assert_says(world, "did", "put START1/web back in the place of START1/web-2 in START1/OTHER");
    assert_ring(world, "START1/KEY", "");
    assert_ring(world, "START1/AGAIN", "web PERSONAL");
    assert_ring(world, "START1/OTHER", "web PERSONAL*");
    /* and it goes on from there */
    must(world, "rollover switch", web_as_it_is);
    assert_false(says(world, "did", "START1/KEY"));
    assert_ring(world, "START1/KEY", "");
    assert_ring(world, "START1/AGAIN", "web-2 PERSONAL");
    must(world, "rollover undo", web);
    assert_false(says(world, "did", "START1/KEY"));
    assert_ring(world, "START1/AGAIN", "web PERSONAL");
    must(world, "ring delete", "{'ring': 'START1/KEY'}");
    must(world, "rollover undo", web);
    assert_int_equal(listed(world), 0);
}

static void undo_of_a_ring_that_alone_was_emptied(void **state)
{
    struct world *world = *state;
    connect_as(world, "START1/KEY", "START1/web", "personal", true);
    must(world, "rollover start", start_web);
    must(world, "rollover switch", web_as_it_is);
    must(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'START1/web-2'}");
    assert_false(may_sign(world, "web")); /* it is held with its successor, not without */
    must(world, "rollover undo", web);
    assert_ring(world, "START1/KEY", "");
    assert_false(may_sign(world, "web"));
    assert_false(may_sign(world, "web-2"));
    must(world, "ring delete", "{'ring': 'START1/KEY'}");
    must(world, "rollover undo", web);
}

/* Without a subject it is issued by another name, and nobody has answered all the same. */
static void a_placeholder_without_a_subject_is_deleted(void **state)
{
    struct world *world = *state;
    static const char nameless[] = "{'certificate': 'START1/nameless'}";
    must(world, "cert generate",
         "{'certificate': 'START1/nameless', 'subject': '', 'san': ['dns:web.example.com']}");
    must(world, "rollover start", "{'certificate': 'START1/nameless', 'label': 'nameless-2'}");
    must(world, "rollover undo", nameless);
    assert_says(world, "did", "deleted START1/nameless-2 and its private key");
    assert_false(has_row(world, "START1", "nameless-2"));
}

static void what_was_put_to_use_is_left(void **state)
{
    struct world *world = *state;
    must(world, "rollover start", start_web);
    must(world, "cert request", "{'certificate': 'START1/web-2'}");
    must(world, "rollover undo", web);
    assert_says(world, "did", "left START1/web-2 as it is");
    assert_true(has_row(world, "START1", "web-2"));
    must(world, "rollover start", "{'certificate': 'START1/web', 'label': 'web-3'}");
    connect_as(world, "START2/OTHER", "START1/web-3", "personal", false);
    must(world, "rollover undo", web);
    assert_true(has_row(world, "START1", "web-3"));
    must(world, "cert generate", "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA'}");
    must(world, "rollover start", start_ca);
    must(world, "cert generate",
         "{'certificate': 'START1/leaf', 'subject': 'CN=leaf', 'signed_by': 'CERTAUTH/CA2'}");
    must(world, "rollover undo", ca_1);
    assert_true(has_row(world, "CERTAUTH", "CA2"));
}

static void deleting_by_force_ends_it(void **state)
{
    struct world *world = *state;
    must(world, "rollover start", start_web);
    must(world, "cert delete", "{'certificate': 'START1/web-2', 'force': true}");
    assert_int_equal(listed(world), 0);
    must(world, "rollover start", start_web);
}

/* ---- roots ---- */

static void an_old_root_stays_while_something_under_it_is_connected(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA'}");
    must(world, "cert generate",
         "{'certificate': 'CERTAUTH/Sub', 'subject': 'CN=Sub', 'signed_by': 'CERTAUTH/CA'}");
    must(world, "cert generate",
         "{'certificate': 'START1/leaf', 'subject': 'CN=leaf', 'signed_by': 'CERTAUTH/Sub'}");
    must(world, "cert generate",
         "{'certificate': 'START1/idle', 'subject': 'CN=idle', 'signed_by': 'CERTAUTH/CA'}");
    connect_as(world, "START1/KEY", "CERTAUTH/CA", "certauth", false);
    connect_as(world, "START2/OTHER", "START1/leaf", "personal", false);
    must(world, "rollover start", start_ca);
    assert_says(world, "did", "connected CERTAUTH/CA2 to START1/KEY as CERTAUTH, beside");
    assert_ring(world, "START1/KEY", "CA CERTAUTH|CA2 CERTAUTH");
    must(world, "cert generate",
         "{'certificate': 'START1/new', 'subject': 'CN=new', 'signed_by': 'CERTAUTH/CA2'}");
    connect_as(world, "START2/OTHER", "START1/new", "personal", true);
    must(world, "ring add", "{'ring': 'START1/LATE'}");
    connect_as(world, "START1/LATE", "CERTAUTH/CA", "site", false);
    must(world, "rollover switch", ca_1);
    assert_ring(world, "START1/LATE", "CA SITE|CA2 SITE");
    refused(world, "rollover finish", ca_1, SG_E_CONFLICT, "root_in_use");
    assert_told(world, "1 connected certificate was issued under CERTAUTH/CA: START1/leaf");
    refused(world, "rollover finish", "{'certificate': 'CERTAUTH/CA', 'force': true}",
            SG_E_CONFLICT, "root_in_use");
    must(world, "rollover plan", ca_1);
    assert_non_null(strstr(answered(world, "waits_for"), "START1/leaf"));
    connect_as(world, "START1/KEY", "START1/idle", "personal", false);
    refused(world, "rollover finish", ca_1, SG_E_CONFLICT, "root_in_use");
    assert_told(world, "2 connected certificates were issued under");
    must(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'START1/idle'}");
    must(world, "ring remove", "{'ring': 'START2/OTHER', 'certificate': 'START1/leaf'}");
    must(world, "rollover finish", ca_1);
    assert_ring(world, "START1/KEY", "CA2 CERTAUTH");
    assert_ring(world, "START1/LATE", "CA2 SITE");
}

static void undo_takes_the_new_root_out(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA'}");
    connect_as(world, "START1/KEY", "CERTAUTH/CA", "certauth", false);
    must(world, "rollover start", start_ca);
    must(world, "rollover undo", ca_1);
    assert_says(world, "did", "removed CERTAUTH/CA2 from START1/KEY");
    assert_ring(world, "START1/KEY", "CA CERTAUTH");
    assert_false(has_row(world, "CERTAUTH", "CA2"));
}

/* A user's certificate becomes a trust anchor only by those who may do that. */
static void promotion_is_asked_for(void **state)
{
    struct world *world = *state;
    connect_as(world, "START1/KEY", "START1/web", "certauth", false);
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.ROLLOVER'}");
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.REKEY'}");
    must(world, "authority permit",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.ROLLOVER', 'to': 'owner:START1',"
         " 'level': 'read'}");
    must(world, "authority permit",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.REKEY', 'to': 'owner:START1',"
         " 'level': 'read'}");
    world->caller = &owner_of_start1;
    refused(world, "rollover start", start_web, SG_E_DENIED, "not_authorised");
    world->caller = &administrator;
    must(world, "rollover start", start_web);
    assert_ring(world, "START1/KEY", "web CERTAUTH|web-2 CERTAUTH");
}

/* Whichever of the two goes, by force: the end of the roll-over is said, and what stays. */
static void a_deletion_says_what_it_ends(void **state)
{
    struct world *world = *state;
    must(world, "rollover start", start_web);
    refused(world, "cert delete", web, SG_E_CONFLICT, "rollover_under_way");
    must(world, "cert delete", "{'certificate': 'START1/web-2', 'force': true}");
    assert_says(world, "did",
                "the roll-over of START1/web to web-2 ended with it: START1/web stays as it is");
    must(world, "rollover start", start_web);
    must(world, "cert delete", "{'certificate': 'START1/web', 'force': true}");
    assert_says(world, "did",
                "the roll-over of START1/web to web-2 ended with it: START1/web-2 stays as it is");
    assert_int_equal(listed(world), 0);
}

static void a_deletion_names_the_rings(void **state)
{
    struct world *world = *state;
    char ring[40];
    for (int i = 0; i < 22; i++) {
        snprintf(ring, sizeof ring, "START1/R%02d", i);
        must_json(world, "ring add", json_pack("{s:s}", "ring", ring));
        must_json(world, "ring connect",
                  json_pack("{s:s, s:s}", "ring", ring, "certificate", "START1/web"));
    }
    must(world, "cert delete", "{'certificate': 'START1/web', 'force': true}");
    assert_says(world, "did", "START1/R00, START1/R01, START1/R02");
    assert_says(world, "did", "START1/R19");
    assert_says(world, "did", "from 2 more rings");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
        TEST(a_deletion_says_what_it_ends),
        TEST(a_deletion_names_the_rings),
        TEST(the_plan_says_what_where_and_by_when),
        TEST(a_root_needs_no_ca),
        TEST(what_cannot_be_started_is_refused),
        TEST(steps_out_of_order_are_refused),
        TEST(only_who_may_does_it_and_sees_it),
        TEST(all_rings_are_switched_in_one_step),
        TEST(what_is_held_counts_in_its_ring),
        TEST(rings_that_come_later_are_caught_up_with),
        TEST(a_certificate_that_is_here_is_taken),
        TEST(a_key_that_decrypts_is_kept_for_that),
        TEST(a_key_that_is_still_used_is_not_destroyed),
        TEST(who_uses_the_new_key_has_changed),
        TEST(who_used_the_new_key_in_vain_has_not_changed),
        TEST(the_same_user_of_two_rings_is_two),
        TEST(the_plan_says_who_used_which_key),
        TEST(who_used_it_just_before_the_switch_may_hold_it),
        TEST(a_rollover_at_once_says_who_used_the_key),
        TEST(a_key_that_two_certificates_have_is_not_taken_unasked),
        TEST(undo_puts_everything_back),
        TEST(undo_leaves_a_ring_that_the_new_one_was_taken_out_of),
        TEST(undo_of_a_ring_that_alone_was_emptied),
        TEST(a_placeholder_without_a_subject_is_deleted),
        TEST(what_was_put_to_use_is_left),
        TEST(deleting_by_force_ends_it),
        TEST(an_old_root_stays_while_something_under_it_is_connected),
        TEST(undo_takes_the_new_root_out),
        TEST(promotion_is_asked_for),
#undef TEST
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
