/* What token processes are told when a change takes rights away, by control's own functions: a real
 * store, real rules, and token processes of the test's own. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <signet/base/packet.h>
#include <signet/daemon/link.h>
#include <signet/store/profiles.h>

#include "control_internal.h"
#include "grants_token.h"
#include "store_fixture.h"
#include "x509_fixture.h"

#define ANNA 1001
#define BERT 1002 /* between the two, whichever way they are walked */
#define CARL 1003
#define UNTOLD_CODE "groups_unreadable"

struct world {
    struct fixture *fixture;
    struct control *control;
    struct sg_config config;
    struct sg_generation_page page;
    struct grants_token tokens[2]; /* of processes 1 and 2 */
    int master;                    /* its end */
    uid_t untold;                  /* whose groups cannot be read; 0: nobody */
    const char *untold_code;
    unsigned untold_asked; /* how often */
    struct sg_error err;
};

static sg_status groups_of(void *context, uid_t uid, gid_t gid, gid_t **out, size_t *count,
                           struct sg_error *err)
{
    struct world *world = context;
    if (uid == world->untold) {
        world->untold_asked++;
        return sg_fail(err, SG_E_SERVICE, world->untold_code, "the groups of uid %u cannot be read",
                       (unsigned)uid);
    }
    *out = malloc(sizeof **out);
    assert_non_null(*out);
    **out = gid;
    *count = 1;
    return SG_OK;
}

/* ---- what is stored ---- */

static void add_key(struct world *world, const char *owner, const char *label, unsigned char key)
{
    struct fixture *fixture = world->fixture;
    struct test_key *pair = test_key_new("ec:P-256");
    struct sg_certificate *certificate =
        test_certificate(&(struct test_recipe){.subject = "CN=server", .key = pair});
    SG_CERTIFICATE_ROW row = keyed_row_of(owner, label, key, key);
    struct sg_bytes der = sg_certificate_facts(certificate)->der;
    row.der = realloc(row.der, der.len);
    assert_non_null(row.der);
    memcpy(row.der, der.data, der.len);
    row.der_len = der.len;
    assert_ok(fixture, sg_store_key_add(fixture->store, &row, &fixture->err));
    assert_ok(fixture, sg_store_certificate_add(fixture->store, &row, &fixture->err));
    sg_certificate_free(certificate);
    test_key_free(pair);
}

static int64_t ring_id(struct fixture *fixture, const char *owner, const char *ring)
{
    struct sg_ring_row row = {0};
    const struct sg_ring_ref name = ring_of(owner, ring);
    assert_ok(fixture, sg_store_ring_get(fixture->store, &name, &row, &fixture->err));
    return row.id;
}

static int64_t certificate_id(struct fixture *fixture, const char *owner, const char *label)
{
    SG_CERTIFICATE_ROW row = {0};
    const struct sg_certificate_name name = name_of(owner, label);
    assert_ok(fixture, sg_store_certificate_get(fixture->store, &name, &row, &fixture->err));
    return row.id;
}

/* To its owner's ring R. */
static void put_in(struct world *world, const char *owner, const char *label)
{
    bool replaced = false;
    struct fixture *fixture = world->fixture;
    struct sg_certificate_name displaced = {0};
    assert_ok(fixture, sg_store_connect(fixture->store, ring_id(fixture, owner, "R"),
                                        certificate_id(fixture, owner, label), SG_USAGE_PERSONAL,
                                        false, &replaced, &displaced, &fixture->err));
}

static void take_out(struct world *world, const char *owner, const char *label)
{
    struct fixture *fixture = world->fixture;
    assert_ok(fixture, sg_store_disconnect(fixture->store, ring_id(fixture, owner, "R"),
                                           certificate_id(fixture, owner, label), &fixture->err));
}

static void attach(struct world *world, const char *owner, uid_t uid)
{
    assert_ok(world->fixture,
              sg_store_owner_attach(world->fixture->store, owner, uid, &world->fixture->err));
}

static void detach(struct world *world, const char *owner, uid_t uid)
{
    assert_ok(world->fixture,
              sg_store_owner_detach(world->fixture->store, owner, uid, &world->fixture->err));
}

/* Groups are asked for. */
static void permit_group(struct world *world)
{
    struct fixture *fixture = world->fixture;
    const char *name = "IRR.DIGTCERT.ROLLOVER";
    const struct sg_permit permit = {.subject = {.kind = SG_SUBJECT_GROUP, .id = 60},
                                     .level = SG_LEVEL_READ};
    assert_ok(fixture, sg_store_profile_define(fixture->store, SG_CLASS_FACILITY, name,
                                               SG_LEVEL_NONE, "", &fixture->err));
    assert_ok(fixture,
              sg_store_permit_set(fixture->store, SG_CLASS_FACILITY, name, &permit, &fixture->err));
}

/* START1/R has the keys 1 and 2, START2/R has 3; all three users are START1. */
static void fill(struct world *world)
{
    add_key(world, "START1", "one", 1);
    add_key(world, "START1", "two", 2);
    add_key(world, "START2", "three", 3);
    (void)add_ring(world->fixture, "START1", "R");
    (void)add_ring(world->fixture, "START2", "R");
    put_in(world, "START1", "one");
    put_in(world, "START1", "two");
    put_in(world, "START2", "three");
    attach(world, "START1", ANNA);
    attach(world, "START1", BERT);
    attach(world, "START1", CARL);
    permit_group(world);
}

/* ---- control ---- */

static void start_processes(struct world *world)
{
    struct pool *pool = &world->control->pool;
    for (size_t p = 0; p < SG_COUNT(world->tokens); p++) {
        pool->tokens[0].processes[p + 1].link = (struct sg_token_link){
            .socket = grants_token_start(&world->tokens[p]), .timeout_ms = 20000};
        pool->tokens[0].processes[p + 1].state = POOL_READY;
        pool->tokens[0].processes[p + 1].pid = (uint32_t)(100 + p);
    }
}

static void start_control(struct world *world)
{
    int pair[2] = {-1, -1};
    struct control *control = calloc(1, sizeof *control);
    assert_non_null(control);
    assert_int_equal(sg_packet_pair(pair, &world->err), SG_OK);
    world->control = control;
    world->master = pair[0];
    world->config.token_count = 1;
    world->config.tokens[0].processes = SG_COUNT(world->tokens);
    snprintf(world->config.tokens[0].name, sizeof world->config.tokens[0].name, "main");
    control->master = pair[1];
    control->config = &world->config;
    control->page = &world->page;
    control->store = world->fixture->store;
    control->grants.control = control;
    sg_pool_init(&control->pool, control);
    control->service = (struct sg_service){.store = control->store,
                                           .clock = sg_clock_system(),
                                           .changes = sg_grants_listener(&control->grants),
                                           .groups = {.of_user = groups_of, .context = world}};
    start_processes(world);
}

static void grant_over(struct world *world, uint64_t connection, uid_t uid)
{
    int socket = -1;
    const struct sg_rings_packet request = {.connection = connection, .uid = uid, .gid = uid};
    if (sg_grants_make(&world->control->grants, &request, &socket, &world->err) != SG_OK) {
        fail_msg("%s", world->err.text);
    }
    close(socket);
}

static void grant(struct world *world, uid_t uid)
{
    grant_over(world, uid, uid);
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    void *fixture = NULL;
    if (world == NULL || fixture_store(&fixture) != 0) {
        return -1;
    }
    world->fixture = fixture;
    world->untold_code = UNTOLD_CODE;
    *state = world;
    fill(world);
    start_control(world);
    grant(world, ANNA);
    grant(world, BERT);
    grant(world, CARL);
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    void *fixture = world->fixture;
    sg_grants_done(&world->control->grants);
    sg_pool_done(&world->control->pool);
    sg_service_done(&world->control->service);
    for (size_t p = 0; p < SG_COUNT(world->tokens); p++) {
        grants_token_join(&world->tokens[p]);
    }
    close(world->control->master);
    close(world->master);
    free(world->control);
    free(world);
    return fixture_gone(&fixture);
}

/* What a user may do, as the token processes were told. */
static const char *keys(struct world *world, uid_t uid)
{
    const char *first = grants_token_keys(&world->tokens[0], uid);
    return strcmp(first, "ended") != 0 ? first : grants_token_keys(&world->tokens[1], uid);
}

static sg_status narrow(struct world *world)
{
    const struct sg_change_listener *changes = &world->control->service.changes;
    sg_error_clear(&world->err);
    return changes->narrow(changes->context, &world->err);
}

static void widen(struct world *world)
{
    const struct sg_change_listener *changes = &world->control->service.changes;
    changes->widen(changes->context);
}

static unsigned lists(struct world *world)
{
    return atomic_load(&world->tokens[0].lists) + atomic_load(&world->tokens[1].lists);
}

static void refuse_lists_of(struct world *world, uid_t uid)
{
    atomic_store(&world->tokens[0].refuses, uid);
    atomic_store(&world->tokens[1].refuses, uid);
}

static size_t replaced(struct world *world)
{
    size_t count = 0;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_packet *packet = malloc(sizeof *packet);
    assert_non_null(packet);
    while (sg_packet_receive(world->master, 0, packet, &err) == SG_OK) {
        count++;
    }
    free(packet);
    return count;
}

/* ---- a user whose keys cannot be told ---- */

static void all_lose_though_one_cannot_be_told(void **state)
{
    struct world *world = *state;
    world->untold = BERT;
    take_out(world, "START1", "one");
    assert_int_equal(narrow(world), SG_E_SERVICE);
    assert_string_equal(world->err.code, UNTOLD_CODE); /* so the change is refused */
    assert_string_equal(keys(world, ANNA), "2");
    assert_string_equal(keys(world, CARL), "2");
    assert_string_equal(keys(world, BERT), "1 2");
}

static void it_may_be_the_first_one_looked_at(void **state)
{
    struct world *world = *state;
    world->untold = CARL;
    take_out(world, "START1", "one");
    assert_int_equal(narrow(world), SG_E_SERVICE);
    assert_non_null(strstr(world->err.text, "1003"));
    assert_string_equal(keys(world, ANNA), "2");
    assert_string_equal(keys(world, BERT), "2");
}

static void a_change_that_was_refused_gives_back_what_it_took(void **state)
{
    struct world *world = *state;
    world->untold = BERT;
    take_out(world, "START1", "one");
    assert_int_equal(narrow(world), SG_E_SERVICE);
    put_in(world, "START1", "one"); /* as rolled back */
    widen(world);
    assert_string_equal(keys(world, ANNA), "1 2");
    assert_string_equal(keys(world, CARL), "1 2");
}

/* What groups give is taken away by the pass that also adds. */
static void whoever_leaves_a_group_loses_though_another_cannot_be_told(void **state)
{
    struct world *world = *state;
    world->untold = BERT;
    detach(world, "START1", ANNA);
    detach(world, "START1", CARL);
    widen(world);
    assert_string_equal(keys(world, ANNA), "");
    assert_string_equal(keys(world, CARL), "");
    assert_string_equal(keys(world, BERT), "1 2");
    assert_int_equal(world->page.generation, 1);
}

/* ---- a name service that does not tell a user's groups ---- */

static void what_is_taken_away_waits_for_no_name_service(void **state)
{
    struct world *world = *state;
    world->untold = BERT;
    world->untold_code = "name_service_slow";
    take_out(world, "START1", "one");
    assert_int_equal(narrow(world), SG_OK);
    assert_string_equal(keys(world, BERT), "ended");
    assert_string_equal(keys(world, ANNA), "2");
    assert_string_equal(keys(world, CARL), "2");
    assert_int_equal(world->control->grants.count, 2);
    widen(world);
    assert_int_equal(replaced(world), 0);
    world->untold = 0; /* it answers again */
    grant(world, BERT);
    assert_int_equal(world->control->grants.count, 3);
}

static void it_is_asked_once_for_all_of_a_user(void **state)
{
    struct world *world = *state;
    grant_over(world, 7, BERT);
    grant_over(world, 8, BERT);
    world->untold = BERT;
    world->untold_code = "name_service";
    take_out(world, "START1", "one");
    assert_int_equal(narrow(world), SG_OK);
    assert_int_equal(world->untold_asked, 1);
    assert_int_equal(world->control->grants.count, 2);
    assert_string_equal(keys(world, ANNA), "2");
}

static void what_is_added_later_takes_nothing_from_whom_it_does_not_tell(void **state)
{
    struct world *world = *state;
    world->untold = BERT;
    world->untold_code = "name_service_slow";
    attach(world, "START2", ANNA);
    widen(world);
    assert_string_equal(keys(world, ANNA), "1 2 3");
    assert_string_equal(keys(world, BERT), "1 2");
    assert_int_equal(world->control->grants.count, 3);
}

/* ---- a list that cannot be handed over ---- */

static void what_was_to_be_taken_away_ends_where_the_list_is_refused(void **state)
{
    struct world *world = *state;
    refuse_lists_of(world, BERT);
    take_out(world, "START1", "one");
    assert_int_equal(narrow(world), SG_OK);
    assert_string_equal(keys(world, BERT), "ended");
    assert_string_equal(keys(world, ANNA), "2");
    assert_string_equal(keys(world, CARL), "2");
    assert_int_equal(world->control->grants.count, 2);
    assert_int_equal(replaced(world), 0);
}

static void whoever_only_gains_keeps_what_was_where_the_list_is_refused(void **state)
{
    struct world *world = *state;
    refuse_lists_of(world, BERT);
    attach(world, "START2", ANNA);
    attach(world, "START2", BERT);
    widen(world);
    assert_string_equal(keys(world, BERT), "1 2");
    assert_string_equal(keys(world, ANNA), "1 2 3");
    assert_int_equal(lists(world), 2);
    assert_int_equal(world->control->grants.count, 3);
}

/* One list takes away and adds: it must not stay as it was. */
static void whoever_loses_and_gains_ends_where_the_list_is_refused(void **state)
{
    struct world *world = *state;
    refuse_lists_of(world, BERT);
    detach(world, "START1", BERT);
    attach(world, "START2", BERT);
    widen(world);
    assert_string_equal(keys(world, BERT), "ended");
    assert_string_equal(keys(world, ANNA), "1 2");
    assert_int_equal(world->control->grants.count, 2);
}

static void a_key_that_may_do_less_is_a_loss(void **state)
{
    struct world *world = *state;
    SG_CERTIFICATE_ROW one = keyed_row_of("START1", "one", 1, 1);
    refuse_lists_of(world, BERT);
    assert_ok(world->fixture,
              sg_store_key_retire(world->fixture->store, &one.key, &world->fixture->err));
    attach(world, "START2", BERT);
    widen(world);
    assert_string_equal(keys(world, BERT), "ended");
    assert_string_equal(keys(world, ANNA), "1-sign 2");
}

static void a_process_that_dies_keeps_no_other_from_losing(void **state)
{
    struct world *world = *state;
    atomic_store(&world->tokens[0].dies, true); /* Anna's and Carl's */
    take_out(world, "START1", "one");
    assert_int_equal(narrow(world), SG_OK);
    assert_string_equal(keys(world, BERT), "2");
    assert_int_equal(world->control->grants.count, 1);
    assert_int_equal(replaced(world), 1);
}

/* ---- before the change, and after it ---- */

static void nothing_is_added_before_the_change_is_durable(void **state)
{
    struct world *world = *state;
    attach(world, "START2", ANNA);
    detach(world, "START1", CARL);
    assert_int_equal(narrow(world), SG_OK);
    assert_string_equal(keys(world, ANNA), "1 2");
    assert_string_equal(keys(world, CARL), "");
    assert_int_equal(lists(world), 1);
    widen(world);
    assert_string_equal(keys(world, ANNA), "1 2 3");
    assert_string_equal(keys(world, CARL), "");
    assert_int_equal(lists(world), 2);
}

static void whoever_loses_and_gains_loses_first(void **state)
{
    struct world *world = *state;
    attach(world, "START2", BERT);
    take_out(world, "START1", "two");
    assert_int_equal(narrow(world), SG_OK);
    assert_string_equal(keys(world, BERT), "1");
    widen(world);
    assert_string_equal(keys(world, BERT), "1 3");
}

/* How many lists of keys control keeps for all its grants. */
static size_t kept(const struct world *world)
{
    const struct grants *grants = &world->control->grants;
    size_t count = 0;
    for (size_t i = 0; i < grants->count; i++) {
        bool known = grants->list[i].keys.count == 0;
        for (size_t k = 0; k < i; k++) {
            known = known || grants->list[k].keys.keys == grants->list[i].keys.keys;
        }
        count += known ? 0 : 1;
    }
    return count;
}

static void equal_lists_are_kept_once(void **state)
{
    struct world *world = *state;
    grant_over(world, 77, ANNA);
    assert_int_equal(world->control->grants.count, 4);
    assert_int_equal(kept(world), 1);
    attach(world, "START2", ANNA);
    assert_int_equal(narrow(world), SG_OK);
    widen(world);
    assert_int_equal(kept(world), 2); /* 1 2 3 of two, 1 2 of two */
    attach(world, "START2", BERT);
    take_out(world, "START1", "one");
    assert_int_equal(narrow(world), SG_OK);
    assert_string_equal(keys(world, ANNA), "2 3");
    assert_string_equal(keys(world, BERT), "2"); /* which is not yet what it shall have */
    assert_int_equal(kept(world), 2);
    widen(world);
    assert_string_equal(keys(world, BERT), "2 3");
    assert_string_equal(keys(world, CARL), "2");
    assert_int_equal(kept(world), 2);
    detach(world, "START2", ANNA);
    detach(world, "START2", BERT);
    assert_int_equal(narrow(world), SG_OK);
    assert_int_equal(kept(world), 1);
}

static void whom_a_change_does_not_concern_is_told_nothing(void **state)
{
    struct world *world = *state;
    take_out(world, "START2", "three");
    assert_int_equal(narrow(world), SG_OK);
    widen(world);
    assert_int_equal(lists(world), 0);
    assert_string_equal(keys(world, ANNA), "1 2");
}

/* ---- links ---- */

static sg_status link_of_main(struct world *world)
{
    struct sg_token_link *link = NULL;
    const struct sg_tokens tokens = sg_pool_tokens(&world->control->pool);
    sg_error_clear(&world->err);
    return tokens.link(tokens.context, "main", &link, &world->err);
}

static void assert_waited_for(struct world *world)
{
    assert_int_equal(link_of_main(world), SG_E_TOKEN);
    assert_string_equal(world->err.code, "token_unavailable");
    assert_string_equal(world->err.object, "main");
    assert_non_null(strstr(world->err.text, "another operation waits for its token"));
    assert_true(world->err.hint[0] != '\0');
}

static void a_link_that_somebody_waits_for_is_given_to_nobody(void **state)
{
    struct world *world = *state;
    struct pool_process *first = &world->control->pool.tokens[0].processes[0];
    first->state = POOL_READY;
    assert_int_equal(link_of_main(world), SG_OK);
    first->calling = true;
    assert_waited_for(world);
    first->calling = false;
    assert_int_equal(link_of_main(world), SG_OK);
}

/* Control would not say that it lives, and serve nobody. */
static void nobody_calls_a_token_within_the_event_loop(void **state)
{
    struct world *world = *state;
    world->control->pool.tokens[0].processes[0].state = POOL_READY;
    world->control->dispatching = true;
    assert_waited_for(world);
    world->control->dispatching = false;
    assert_int_equal(link_of_main(world), SG_OK);
}

/* ---- who watches over control ---- */

static bool has_beaten(struct sg_control_page *page)
{
    return atomic_exchange(&page->busy.beat_ms, 0) != 0;
}

/* Any of them may need all of its time, and they are waited for one after the other. */
static void control_says_that_it_lives_while_it_waits_for_them(void **state)
{
    struct world *world = *state;
    struct sg_control_page page = {.rings_restarts = 0};
    const struct sg_tokens tokens = sg_pool_tokens(&world->control->pool);
    world->control->shared = &page;
    attach(world, "START2", ANNA);
    assert_int_equal(narrow(world), SG_OK);
    assert_false(has_beaten(&page)); /* nobody was to be told */
    widen(world);
    assert_true(has_beaten(&page));
    tokens.forget(tokens.context, "main");
    assert_true(has_beaten(&page));
    tokens.forget(tokens.context, "another");
    assert_false(has_beaten(&page));
    world->control->shared = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_link_that_somebody_waits_for_is_given_to_nobody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nobody_calls_a_token_within_the_event_loop, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(control_says_that_it_lives_while_it_waits_for_them, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(all_lose_though_one_cannot_be_told, setup, teardown),
        cmocka_unit_test_setup_teardown(it_may_be_the_first_one_looked_at, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_that_was_refused_gives_back_what_it_took, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(whoever_leaves_a_group_loses_though_another_cannot_be_told,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_taken_away_waits_for_no_name_service, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(it_is_asked_once_for_all_of_a_user, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_is_added_later_takes_nothing_from_whom_it_does_not_tell, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_to_be_taken_away_ends_where_the_list_is_refused,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(whoever_only_gains_keeps_what_was_where_the_list_is_refused,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(whoever_loses_and_gains_ends_where_the_list_is_refused,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_that_may_do_less_is_a_loss, setup, teardown),
        cmocka_unit_test_setup_teardown(a_process_that_dies_keeps_no_other_from_losing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_is_added_before_the_change_is_durable, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(whoever_loses_and_gains_loses_first, setup, teardown),
        cmocka_unit_test_setup_teardown(equal_lists_are_kept_once, setup, teardown),
        cmocka_unit_test_setup_teardown(whom_a_change_does_not_concern_is_told_nothing, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
