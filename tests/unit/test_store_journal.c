/* Intents and login records. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "store_internal.h"

static struct sg_intent intent_of(enum sg_intent_kind kind, const char *token, unsigned char key)
{
    struct sg_intent intent;
    memset(&intent, 0, sizeof intent);
    intent.kind = kind;
    intent.created_s = 1700000000 + key;
    memset(intent.key.bytes, key, sizeof intent.key.bytes);
    snprintf(intent.token, sizeof intent.token, "%s", token);
    snprintf(intent.operation, sizeof intent.operation, "cert.generate START1/web");
    return intent;
}

static int64_t add_intent(struct fixture *fixture, enum sg_intent_kind kind, const char *token,
                          unsigned char key)
{
    struct sg_intent intent = intent_of(kind, token, key);
    assert_ok(fixture, sg_store_intent_add(fixture->store, &intent, &fixture->err));
    assert_true(intent.id > 0);
    return intent.id;
}

struct seen {
    struct sg_store *store;
    struct sg_intent items[8];
    unsigned count, stop_after;
};

static sg_status see(void *context, const struct sg_intent *intent, struct sg_error *err)
{
    struct seen *seen = context;
    assert_in_range(seen->count, 0, SG_COUNT(seen->items) - 1);
    seen->items[seen->count++] = *intent;
    if (seen->count == seen->stop_after) {
        return sg_fail(err, SG_E_LIMIT, "enough", "enough");
    }
    return SG_OK;
}

static void an_intent_comes_back_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {.store = fixture->store};
    struct sg_intent intent = intent_of(SG_INTENT_DESTROY, "main", 0xFE);
    memset(intent.operation, 'o', sizeof intent.operation - 1);
    memset(intent.token, 't', sizeof intent.token - 1);
    assert_ok(fixture, sg_store_intent_add(fixture->store, &intent, &fixture->err));
    fixture_reopen(fixture);
    assert_ok(fixture, sg_store_intent_each(fixture->store, NULL, see, &seen, &fixture->err));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.items[0].id, intent.id);
    assert_int_equal(seen.items[0].kind, intent.kind);
    assert_int_equal(seen.items[0].created_s, intent.created_s);
    assert_string_equal(seen.items[0].token, intent.token);
    assert_string_equal(seen.items[0].operation, intent.operation);
    assert_memory_equal(seen.items[0].key.bytes, intent.key.bytes, SG_KEY_ID_LEN);
}

static void intents_come_oldest_first_by_token(void **state)
{
    struct fixture *fixture = *state;
    struct seen all = {.store = fixture->store};
    struct seen main_only = {.store = fixture->store};
    struct seen none = {.store = fixture->store};
    int64_t first = add_intent(fixture, SG_INTENT_GENERATE, "main", 3);
    int64_t second = add_intent(fixture, SG_INTENT_CERTIFICATE, "other", 2);
    int64_t third = add_intent(fixture, SG_INTENT_DESTROY, "main", 1);
    assert_ok(fixture, sg_store_intent_each(fixture->store, NULL, see, &all, &fixture->err));
    assert_int_equal(all.count, 3);
    assert_int_equal(all.items[0].id, first);
    assert_int_equal(all.items[1].id, second);
    assert_int_equal(all.items[2].id, third);
    assert_ok(fixture,
              sg_store_intent_each(fixture->store, "main", see, &main_only, &fixture->err));
    assert_int_equal(main_only.count, 2);
    assert_int_equal(main_only.items[1].id, third);
    assert_ok(fixture, sg_store_intent_each(fixture->store, "MAIN", see, &none, &fixture->err));
    assert_int_equal(none.count, 0);
}

static sg_status remove_it(void *context, const struct sg_intent *intent, struct sg_error *err)
{
    struct seen *seen = context;
    seen->count++;
    return sg_store_intent_remove(seen->store, intent->id, err);
}

static void a_sink_may_remove_the_intent_it_is_given(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {.store = fixture->store};
    for (unsigned char i = 0; i < 200; i++) {
        (void)add_intent(fixture, SG_INTENT_GENERATE, "main", i);
    }
    assert_ok(fixture,
              sg_store_intent_each(fixture->store, "main", remove_it, &seen, &fixture->err));
    assert_int_equal(seen.count, 200);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM intent"), 0);
}

static void a_sink_that_fails_ends_the_walk(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {.store = fixture->store, .stop_after = 1};
    (void)add_intent(fixture, SG_INTENT_GENERATE, "main", 1);
    (void)add_intent(fixture, SG_INTENT_GENERATE, "main", 2);
    assert_fails(fixture, sg_store_intent_each(fixture->store, NULL, see, &seen, &fixture->err),
                 SG_E_LIMIT, "enough");
    assert_int_equal(seen.count, 1);
}

static void an_intent_is_removed_once(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = add_intent(fixture, SG_INTENT_GENERATE, "main", 1);
    assert_ok(fixture, sg_store_intent_remove(fixture->store, id, &fixture->err));
    assert_fails(fixture, sg_store_intent_remove(fixture->store, id, &fixture->err), SG_E_NOT_FOUND,
                 "intent_not_found");
}

static void an_intent_goes_with_its_transaction(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    (void)add_intent(fixture, SG_INTENT_GENERATE, "main", 1);
    sg_store_rollback(fixture->store);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM intent"), 0);
    (void)add_intent(fixture, SG_INTENT_GENERATE, "main", 1);
    struct sg_store_counts counts;
    assert_ok(fixture, sg_store_count(fixture->store, &counts, &fixture->err));
    assert_int_equal(counts.intents, 1);
}

static void bad_intents_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct sg_intent intent = intent_of((enum sg_intent_kind)0, "main", 1);
    assert_fails(fixture, sg_store_intent_add(fixture->store, &intent, &fixture->err),
                 SG_E_INTERNAL, "store_constraint");
    intent = intent_of((enum sg_intent_kind)4, "main", 1);
    assert_fails(fixture, sg_store_intent_add(fixture->store, &intent, &fixture->err),
                 SG_E_INTERNAL, "store_constraint");
    intent = intent_of(SG_INTENT_DESTROY, "", 1);
    assert_fails(fixture, sg_store_intent_add(fixture->store, &intent, &fixture->err),
                 SG_E_INTERNAL, "store_constraint");
    assert_int_equal(intent.id, 0);
}

/* ---- logins ---- */

static void a_token_without_a_record_never_logged_in(void **state)
{
    struct fixture *fixture = *state;
    struct sg_login_record record = {.state = SG_LOGIN_REFUSED, .pin_version = 9};
    assert_ok(fixture, sg_store_login_get(fixture->store, "main", &record, &fixture->err));
    assert_int_equal(record.state, SG_LOGIN_NEVER);
    assert_int_equal(record.pin_version, 0);
    assert_false(record.accepted_before);
    assert_int_equal(record.changed_s, 0);
}

static void a_login_record_comes_back_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    const struct sg_login_record records[] = {
        {SG_LOGIN_TRYING, 0, false, 0},
        {SG_LOGIN_ACCEPTED, 1, true, 1700000000},
        {SG_LOGIN_REFUSED, UINT64_MAX, true, INT64_MAX},
        {SG_LOGIN_REFUSED, (uint64_t)INT64_MAX + 1, false, -1},
        {SG_LOGIN_NEVER, 5, false, 5},
    };
    for (size_t i = 0; i < SG_COUNT(records); i++) {
        struct sg_login_record out;
        assert_ok(fixture, sg_store_login_set(fixture->store, "main", &records[i], &fixture->err));
        fixture_reopen(fixture);
        assert_ok(fixture, sg_store_login_get(fixture->store, "main", &out, &fixture->err));
        assert_int_equal(out.state, records[i].state);
        assert_true(out.pin_version == records[i].pin_version);
        assert_int_equal(out.accepted_before, records[i].accepted_before);
        assert_int_equal(out.changed_s, records[i].changed_s);
    }
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM login"), 1);
}

static void each_token_has_its_own_record(void **state)
{
    struct fixture *fixture = *state;
    struct sg_login_record record = {.state = SG_LOGIN_REFUSED, .pin_version = 1};
    struct sg_login_record out;
    assert_ok(fixture, sg_store_login_set(fixture->store, "main", &record, &fixture->err));
    assert_ok(fixture, sg_store_login_get(fixture->store, "Main", &out, &fixture->err));
    assert_int_equal(out.state, SG_LOGIN_NEVER);
}

static void bad_login_records_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct sg_login_record record = {.state = (enum sg_login_state)4};
    assert_fails(fixture, sg_store_login_set(fixture->store, "main", &record, &fixture->err),
                 SG_E_INTERNAL, "store_constraint");
    record.state = SG_LOGIN_TRYING;
    assert_fails(fixture, sg_store_login_set(fixture->store, "", &record, &fixture->err),
                 SG_E_INTERNAL, "store_constraint");
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_store, fixture_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_STORE(an_intent_comes_back_as_it_was),
        IN_STORE(intents_come_oldest_first_by_token),
        IN_STORE(a_sink_may_remove_the_intent_it_is_given),
        IN_STORE(a_sink_that_fails_ends_the_walk),
        IN_STORE(an_intent_is_removed_once),
        IN_STORE(an_intent_goes_with_its_transaction),
        IN_STORE(bad_intents_are_refused),
        IN_STORE(a_token_without_a_record_never_logged_in),
        IN_STORE(a_login_record_comes_back_as_it_was),
        IN_STORE(each_token_has_its_own_record),
        IN_STORE(bad_login_records_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
