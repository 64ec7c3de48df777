/* How control keeps the groups of Unix users, by a name service of the test's own: its functions
 * stand before the C library's. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include <signet/operations/unix_groups.h>

#include "control_internal.h"
#include "store_fixture.h"

#define NGINX 33
#define STAFF 50 /* of files, with no members */
#define WEB 60   /* of the directory */
#define TEN_MINUTES_MS 600000

struct world {
    struct fixture *fixture;
    struct control *control;
    unsigned widened;
    struct sg_error err;
};

/* ---- the name service ---- */

static struct {
    bool user_unfound;
    bool staff, web;   /* told of the user */
    int web_error;     /* looking for the group ends so */
    bool web_unfound;  /* or so */
    bool web_lists;    /* it has the user as a member */
    bool web_too_long; /* for any room */
    long takes_ms;     /* to list a user's groups */
    unsigned asked;    /* for them */
} names;

static char member[] = "nginx";
static char *listed[] = {member, NULL};
static char *nobody[] = {NULL};

int getpwuid_r(uid_t uid, struct passwd *entry, char *room, size_t size, struct passwd **result)
{
    (void)room;
    (void)size;
    *entry = (struct passwd){.pw_name = member, .pw_uid = uid, .pw_gid = uid};
    *result = names.user_unfound ? NULL : entry;
    return 0;
}

int getgrouplist(const char *user, gid_t group, gid_t *groups, int *count)
{
    const struct timespec time = {.tv_nsec = names.takes_ms * 1000000};
    int found = 0;
    (void)user;
    (void)nanosleep(&time, NULL);
    names.asked++;
    groups[found++] = group;
    if (names.staff) {
        groups[found++] = STAFF;
    }
    if (names.web) {
        groups[found++] = WEB;
    }
    *count = found;
    return found;
}

int getgrgid_r(gid_t gid, struct group *entry, char *room, size_t size, struct group **result)
{
    const bool web = gid == WEB;
    (void)room;
    (void)size;
    *result = NULL;
    if (web && (names.web_error != 0 || names.web_too_long)) {
        return names.web_too_long ? ERANGE : names.web_error;
    }
    *entry = (struct group){.gr_gid = gid, .gr_mem = web && names.web_lists ? listed : nobody};
    *result = web && names.web_unfound ? NULL : entry;
    return 0;
}

/* ---- control ---- */

static void widen(void *context)
{
    struct world *world = context;
    world->widened++;
}

static void permit_group(struct world *world)
{
    struct fixture *fixture = world->fixture;
    const char *name = "IRR.DIGTCERT.ROLLOVER";
    const struct sg_permit permit = {.subject = {.kind = SG_SUBJECT_GROUP, .id = WEB},
                                     .level = SG_LEVEL_READ};
    assert_ok(fixture, sg_store_profile_define(fixture->store, SG_CLASS_FACILITY, name,
                                               SG_LEVEL_NONE, "", &fixture->err));
    assert_ok(fixture,
              sg_store_permit_set(fixture->store, SG_CLASS_FACILITY, name, &permit, &fixture->err));
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct control *control = calloc(1, sizeof *control);
    void *fixture = NULL;
    if (world == NULL || control == NULL || fixture_store(&fixture) != 0) {
        return -1;
    }
    world->fixture = fixture;
    world->control = control;
    control->base = event_base_new();
    control->store = world->fixture->store;
    control->service = (struct sg_service){.store = control->store,
                                           .clock = sg_clock_system(),
                                           .changes = {.widen = widen, .context = world}};
    control->groups.control = control;
    for (size_t i = 0; i < VIEW_CACHE; i++) {
        control->views.cache[i].memfd = -1;
    }
    permit_group(world);
    memset(&names, 0, sizeof names);
    names.staff = true;
    names.web = true;
    *state = world;
    return sg_groups_watch(&control->groups, control, &world->err) == SG_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct world *world = *state;
    void *fixture = world->fixture;
    sg_groups_done(&world->control->groups);
    sg_service_done(&world->control->service);
    event_base_free(world->control->base);
    free(world->control);
    free(world);
    return fixture_gone(&fixture);
}

/* "33 50 60" */
static const char *groups_of(struct world *world, uid_t uid)
{
    static char text[128];
    gid_t *list = NULL;
    size_t count = 0;
    size_t len = 0;
    struct sg_groups source = sg_groups_source(&world->control->groups);
    sg_error_clear(&world->err);
    if (source.of_user(source.context, uid, uid, &list, &count, &world->err) != SG_OK) {
        return world->err.code;
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || list[i] != list[i - 1]) {
            len += (size_t)snprintf(text + len, sizeof text - len, len > 0 ? " %u" : "%u",
                                    (unsigned)list[i]);
        }
    }
    free(list);
    return text;
}

static void tick(struct world *world)
{
    event_active(world->control->groups.timer, EV_TIMEOUT, 0);
    (void)event_base_loop(world->control->base, EVLOOP_NONBLOCK);
}

/* As if it had a view, made of what is known. */
static void serve(struct world *world, size_t i, uid_t uid)
{
    (void)groups_of(world, uid);
    world->control->views.cache[i].memfd = 0;
    world->control->views.cache[i].uid = uid;
    world->control->views.cache[i].gid = uid;
}

static struct user_groups *user_of(struct world *world, uid_t uid)
{
    struct groups *groups = &world->control->groups;
    for (size_t i = 0; i < GROUP_CACHE; i++) {
        if (groups->users[i].list != NULL && groups->users[i].uid == uid) {
            return &groups->users[i];
        }
    }
    fail_msg("the user %u is not known", (unsigned)uid);
    return NULL;
}

/* The timer looks, and nothing is lost. */
static void expect_nothing_lost(struct world *world)
{
    tick(world);
    assert_int_equal(world->widened, 0);
    assert_string_equal(groups_of(world, NGINX), "33 50 60");
}

static void expect_web_lost(struct world *world)
{
    tick(world);
    assert_int_equal(world->widened, 1);
    assert_string_equal(groups_of(world, NGINX), "33 50");
}

/* ---- a source that fails at once ---- */

static void a_membership_that_ended_is_lost_at_once(void **state)
{
    struct world *world = *state;
    serve(world, 0, NGINX);
    names.web = false;
    expect_web_lost(world);
}

static void a_group_too_long_to_be_read_is_found(void **state)
{
    struct world *world = *state;
    serve(world, 0, NGINX);
    names.web = false;
    names.web_too_long = true;
    expect_web_lost(world);
}

static void a_group_that_cannot_be_looked_up_is_not_lost(void **state)
{
    struct world *world = *state;
    serve(world, 0, NGINX);
    names.web = false;
    names.web_error = ECONNREFUSED;
    expect_nothing_lost(world);
    assert_int_equal(user_of(world, NGINX)->unfound_ms, 0); /* so it stands while that is so */
    names.web_error = 0;
    expect_web_lost(world);
}

static void a_group_that_is_not_found_any_more_is_not_lost(void **state)
{
    static const int ways[] = {0, ENOENT, ESRCH};
    struct world *world = *state;
    serve(world, 0, NGINX);
    names.web = false;
    names.web_unfound = true;
    for (size_t i = 0; i < SG_COUNT(ways); i++) {
        names.web_error = ways[i];
        expect_nothing_lost(world);
    }
    memset(&names, 0, sizeof names);
    names.staff = true;
    names.web = true;
    expect_nothing_lost(world);
    assert_int_equal(user_of(world, NGINX)->unfound_ms, 0);
}

/* It came back between the two look-ups. */
static void a_group_that_lists_the_user_is_not_lost(void **state)
{
    struct world *world = *state;
    serve(world, 0, NGINX);
    names.web = false;
    names.web_lists = true;
    expect_nothing_lost(world);
}

static void a_user_who_is_not_found_any_more_loses_nothing(void **state)
{
    struct world *world = *state;
    serve(world, 0, NGINX);
    names.user_unfound = true;
    expect_nothing_lost(world);
    user_of(world, NGINX)->unfound_ms -= TEN_MINUTES_MS + 1;
    tick(world);
    assert_int_equal(world->widened, 1);
    assert_string_equal(groups_of(world, NGINX), "33");
}

static void what_is_not_found_for_ten_minutes_is_gone(void **state)
{
    struct world *world = *state;
    serve(world, 0, NGINX);
    names.web = false;
    names.web_unfound = true;
    expect_nothing_lost(world);
    user_of(world, NGINX)->unfound_ms -= TEN_MINUTES_MS / 2;
    expect_nothing_lost(world);
    user_of(world, NGINX)->unfound_ms -= TEN_MINUTES_MS / 2 + 1;
    expect_web_lost(world);
    assert_int_equal(user_of(world, NGINX)->unfound_ms, 0);
}

/* Of those too who ask, and are served nothing yet. */
static void whoever_asks_meanwhile_has_what_is_known(void **state)
{
    struct world *world = *state;
    assert_string_equal(groups_of(world, NGINX), "33 50 60");
    names.web = false;
    names.web_unfound = true;
    user_of(world, NGINX)->read_ms -= 4000;
    assert_string_equal(groups_of(world, NGINX), "33 50 60");
    assert_int_not_equal(user_of(world, NGINX)->unfound_ms, 0);
}

static void whoever_was_never_seen_has_what_is_told(void **state)
{
    struct world *world = *state;
    names.web = false;
    names.web_unfound = true;
    assert_string_equal(groups_of(world, NGINX), "33 50");
}

/* ---- many look-ups, each of them fast ---- */

#define FIRST 1 /* user */

static void serve_all(struct world *world)
{
    for (unsigned i = 0; i < VIEW_CACHE; i++) {
        serve(world, i, FIRST + i);
        user_of(world, FIRST + i)->read_ms -= 4000;
    }
    names.asked = 0;
}

static void a_turn_ends_and_the_next_goes_on(void **state)
{
    struct world *world = *state;
    serve_all(world);
    const int64_t began_ms = sg_monotonic_ms(sg_clock_system());
    names.takes_ms = 60;
    tick(world);
    assert_in_range(names.asked, 1, 4);
    for (unsigned i = 0; i < VIEW_CACHE; i++) {
        tick(world);
    }
    for (unsigned i = 0; i < VIEW_CACHE; i++) {
        assert_true(user_of(world, FIRST + i)->read_ms >= began_ms);
    }
}

/* In ms from now, by two clocks whose difference is not exact. */
static int64_t next_turn(struct world *world)
{
    struct timeval at = {0};
    struct timeval now = {0};
    assert_true(event_pending(world->control->groups.timer, EV_TIMEOUT, &at));
    (void)gettimeofday(&now, NULL);
    return (at.tv_sec - now.tv_sec) * INT64_C(1000) + (at.tv_usec - now.tv_usec) / 1000;
}

/* Three seconds and ten times as long as the turn took. */
static void check_turn(struct world *world)
{
    const int64_t began_ms = sg_monotonic_ms(sg_clock_system());
    tick(world);
    const int64_t took_ms = sg_monotonic_ms(sg_clock_system()) - began_ms + 1;
    const int64_t at_least_ms = names.takes_ms > 0 ? 3000 + 10 * names.takes_ms - 1000 : 2000;
    assert_in_range(next_turn(world), at_least_ms, 3000 + 10 * took_ms + 100);
}

static void a_turn_is_followed_by_ten_times_its_length(void **state)
{
    struct world *world = *state;
    serve_all(world);
    check_turn(world);
    assert_int_equal(names.asked, VIEW_CACHE);
    names.takes_ms = 600;
    check_turn(world);
    assert_int_equal(names.asked, VIEW_CACHE + 1);
    names.takes_ms = 0;
    world->control->operating = true; /* nobody is looked up */
    check_turn(world);
    assert_int_equal(names.asked, VIEW_CACHE + 1);
}

/* A slow look-up's rest has ended so many ms ago; -1: there was none. */
static void end_rest(int64_t ago_ms)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
    struct sg_name_pace *pace = (struct sg_name_pace *)sg_name_pace_now();
#pragma GCC diagnostic pop
    pace->rests_until_ms = ago_ms < 0 ? 0 : sg_monotonic_ms(sg_clock_system()) - ago_ms;
}

static void after_a_rest_who_is_new_comes_first(void **state)
{
    struct world *world = *state;
    serve_all(world);
    end_rest(1);
    tick(world);
    (void)groups_of(world, FIRST);
    assert_int_equal(names.asked, 0);
    assert_string_equal(groups_of(world, NGINX), "33 50 60");
    assert_int_equal(names.asked, 1);
    end_rest(SG_NAMES_FIRST_MS + 1);
    tick(world);
    assert_true(names.asked > 1);
    end_rest(-1);
}

/* As those do whose capabilities are made anew, all of them at once. */
static void those_who_ask_do_not_wait_for_all_others(void **state)
{
    struct world *world = *state;
    serve_all(world);
    names.takes_ms = 60;
    for (unsigned i = 0; i < VIEW_CACHE; i++) {
        assert_string_equal(strchr(groups_of(world, FIRST + i), ' '), " 50 60");
    }
    assert_in_range(names.asked, 1, 4);
    const unsigned before = names.asked;
    assert_string_equal(groups_of(world, NGINX), "33 50 60"); /* nothing is known of it */
    assert_int_equal(names.asked, before + 1);
    world->control->groups.rests_until_ms = 0; /* it is over */
    (void)groups_of(world, FIRST + VIEW_CACHE - 1);
    assert_int_equal(names.asked, before + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_membership_that_ended_is_lost_at_once),
        TEST(a_group_too_long_to_be_read_is_found),
        TEST(a_group_that_cannot_be_looked_up_is_not_lost),
        TEST(a_group_that_is_not_found_any_more_is_not_lost),
        TEST(a_group_that_lists_the_user_is_not_lost),
        TEST(a_user_who_is_not_found_any_more_loses_nothing),
        TEST(what_is_not_found_for_ten_minutes_is_gone),
        TEST(whoever_asks_meanwhile_has_what_is_known),
        TEST(whoever_was_never_seen_has_what_is_told),
        TEST(a_turn_ends_and_the_next_goes_on),
        TEST(a_turn_is_followed_by_ten_times_its_length),
        TEST(after_a_rest_who_is_new_comes_first),
        TEST(those_who_ask_do_not_wait_for_all_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
