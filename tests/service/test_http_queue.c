/* One handler at a time, that may turn the loop itself; requests that wait for it, and for a
 * change. */
#include "cmocka_all.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_fixture.h"
#include "patience.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: x\r\n\r\n"
#define HELD GET("/v1/ring/list?owner=HELD")
#define OTHER GET("/v1/ring/list?owner=A")
#define CHANGE                                                                                     \
    "POST /v1/owner/add HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"                 \
    "Content-Length: 13\r\n\r\n{\"owner\":\"A\"}"
#define STATUS GET("/v1/status")
#define WATCH(seconds) GET("/v1/ring/wait?ring=A/B&sequence=1&wait_s=" seconds)

/* A request on a connection of its own; the server is not run. */
static int say(struct fixture *fixture, const char *request)
{
    int fd = client_open(fixture);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    return fd;
}

static void expect(struct fixture *fixture, int fd, int code)
{
    struct reply reply = client_reply(fixture, fd, 3000);
    assert_int_equal(reply.code, code);
    reply_done(&reply);
    close(fd);
}

static void what_comes_meanwhile_waits_for_its_turn(void **state)
{
    struct fixture *fixture = *state;
    int held = say(fixture, HELD);
    pump(fixture, 5);
    int other = say(fixture, OTHER);
    int second = say(fixture, HELD);
    expect(fixture, held, 200);
    expect(fixture, other, 200);
    expect(fixture, second, 200);
    assert_string_equal(fixture->trace, "Hh.Hh");
}

static void status_is_answered_at_any_time(void **state)
{
    struct fixture *fixture = *state;
    int held = say(fixture, HELD);
    int other = say(fixture, OTHER);
    int status = say(fixture, STATUS);
    int64_t start = now_ms();
    fixture_turn(fixture);
    assert_true(now_ms() - start >= FIXTURE_HOLD_MS);
    expect(fixture, status, 200);
    expect(fixture, other, 200);
    expect(fixture, held, 200);
    const char *answered = strchr(fixture->trace, 'S'), *end = strchr(fixture->trace, 'h');
    assert_true(answered != NULL && end != NULL && answered < end);
}

/* In the middle of the queue and at its end, which must stay an end. */
static void who_only_reads_is_answered_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    fixture->meanwhile = 100;
    int held = say(fixture, HELD);
    int reader = say(fixture, WATCH("0"));
    int change = say(fixture, CHANGE);
    int last = say(fixture, WATCH("0"));
    fixture_turn(fixture);
    int later = say(fixture, CHANGE);
    expect(fixture, reader, 200);
    expect(fixture, last, 200);
    expect(fixture, held, 200);
    expect(fixture, change, 200);
    expect(fixture, later, 200);
    assert_string_equal(fixture->trace, "HWWh..");
}

/* Its handler waits for a token, which answers whoever waits already. */
static void who_wants_a_private_key_waits_for_a_turn(void **state)
{
    struct fixture *fixture = *state;
    fixture->meanwhile = 100;
    int held = say(fixture, HELD);
    int key = say(fixture, GET("/v1/cert/export?certificate=A/b&recipient=BAAA"));
    int ring_key = say(fixture, GET("/v1/ring/export?ring=A/B&recipient=BAAA"));
    int reader = say(fixture, WATCH("0"));
    int certificate = say(fixture, GET("/v1/cert/export?certificate=A/b"));
    int ring = say(fixture, GET("/v1/ring/export?ring=A/B"));
    fixture_turn(fixture);
    expect(fixture, reader, 200);
    expect(fixture, certificate, 200);
    expect(fixture, ring, 200);
    expect(fixture, held, 200);
    expect(fixture, key, 200);
    expect(fixture, ring_key, 200);
    assert_string_equal(fixture->trace, "HW..h..");
}

/* Who waits for its token looks between two of them whether it has come. */
static void one_reader_at_a_time_is_answered_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    fixture->meanwhile = 1;
    int held = say(fixture, HELD);
    int reader = say(fixture, WATCH("0"));
    int last = say(fixture, WATCH("0"));
    fixture_turn(fixture);
    expect(fixture, reader, 200);
    expect(fixture, held, 200);
    expect(fixture, last, 200);
    assert_string_equal(fixture->trace, "HWhW");
}

/* Very many watches may ask at the same time. */
static void watches_and_others_take_turns(void **state)
{
    struct fixture *fixture = *state;
    int watches[4];
    int held = say(fixture, HELD);
    for (size_t i = 0; i < SG_COUNT(watches); i++) {
        watches[i] = say(fixture, WATCH("0"));
    }
    int other = say(fixture, OTHER);
    fixture_turn(fixture);
    expect(fixture, held, 200);
    expect(fixture, other, 200);
    for (size_t i = 0; i < SG_COUNT(watches); i++) {
        expect(fixture, watches[i], 200);
    }
    assert_string_equal(fixture->trace, "HhW.WWW");
}

/* It copies the store, which an operation may be changing. */
static void who_opens_a_rehearsal_waits_for_a_turn(void **state)
{
    struct fixture *fixture = *state;
    fixture->meanwhile = 100;
    int held = say(fixture, HELD);
    int opens = say(fixture, GET("/v1/rehearsal/open"));
    int reader = say(fixture, WATCH("0"));
    int closes = say(fixture, GET("/v1/rehearsal/close?rehearsal=x"));
    fixture_turn(fixture);
    expect(fixture, reader, 200);
    expect(fixture, held, 200);
    expect(fixture, opens, 200);
    expect(fixture, closes, 200);
    assert_string_equal(fixture->trace, "HWh..");
}

static void nonsense_is_refused_without_a_turn(void **state)
{
    struct fixture *fixture = *state;
    int held = say(fixture, HELD);
    int wrong = say(fixture, GET("/v1/ring/list?colour=red"));
    fixture_turn(fixture);
    struct reply reply = client_reply(fixture, wrong, 1000);
    assert_int_equal(reply.code, 400);
    assert_string_equal(error_code(&reply), "bad_parameter");
    reply_done(&reply);
    close(wrong);
    expect(fixture, held, 200);
    assert_string_equal(fixture->trace, "Hh");
}

/* Longer in the queue than a connection may take for its request. */
static void waiting_for_a_turn_is_no_delay_of_the_client(void **state)
{
    struct fixture *fixture = *state;
    int fds[FIXTURE_DEADLINE_S * 1000 / FIXTURE_HOLD_MS + 1];
    assert_in_range(sizeof fds / sizeof fds[0], 2, FIXTURE_CONNECTIONS);
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        fds[i] = say(fixture, HELD);
    }
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        expect(fixture, fds[i], 200);
    }
}

static void who_leaves_the_queue_hurts_nobody(void **state)
{
    struct fixture *fixture = *state;
    unsigned before = open_descriptors();
    int held = say(fixture, HELD);
    int gone = say(fixture, OTHER);
    int other = say(fixture, OTHER);
    close(gone);
    expect(fixture, held, 200);
    expect(fixture, other, 200);
    assert_string_equal(fixture->trace, "Hh..");
    pump(fixture, 50);
    assert_int_equal(open_descriptors(), before);
}

static void the_server_can_be_freed_with_a_queue(void **state)
{
    struct fixture *fixture = *state;
    int watcher = say(fixture, WATCH("20"));
    pump(fixture, 20);
    int waiting = say(fixture, OTHER);
    fixture_stop_server(fixture);
    close(watcher);
    close(waiting);
}

static void a_watcher_is_answered_when_something_has_changed(void **state)
{
    struct fixture *fixture = *state;
    int watcher = say(fixture, WATCH("20"));
    pump(fixture, 100);
    assert_string_equal(fixture->trace, "W");
    sg_http_server_changed(fixture->server); /* something else */
    pump(fixture, 20);
    assert_string_equal(fixture->trace, "WW");
    fixture->changed = true;
    sg_http_server_changed(fixture->server);
    struct reply reply = client_reply(fixture, watcher, 1000);
    assert_int_equal(reply.code, 200);
    assert_string_equal(reply.body, "{\"changed\":true}\n");
    reply_done(&reply);
    close(watcher);
}

static void a_watcher_is_answered_when_its_time_is_up(void **state)
{
    struct fixture *fixture = *state;
    int64_t start = now_ms();
    int longer = say(fixture, WATCH("20"));
    int watcher = say(fixture, WATCH("1"));
    struct reply reply = client_reply(fixture, watcher, 3000);
    assert_int_equal(reply.code, 200);
    assert_string_equal(reply.body, "{\"changed\":false}\n");
    assert_in_range(now_ms() - start, 900, patiently(2500));
    assert_string_equal(fixture->trace, "WWW"); /* the other was not asked anew */
    reply_done(&reply);
    close(watcher);
    fixture->changed = true;
    sg_http_server_changed(fixture->server);
    expect(fixture, longer, 200);
}

static void without_patience_the_answer_comes_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply = ask(fixture, GET("/v1/ring/wait?ring=A/B&sequence=1"));
    assert_int_equal(reply.code, 200);
    assert_string_equal(fixture->trace, "W");
    reply_done(&reply);
}

static void patience_has_an_end(void **state)
{
    struct reply reply = ask(*state, WATCH("21"));
    assert_int_equal(reply.code, 400);
    assert_string_equal(error_code(&reply), "bad_parameter");
    reply_done(&reply);
}

static void a_watcher_that_has_gone_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    unsigned before = open_descriptors();
    int watcher = say(fixture, WATCH("1"));
    pump(fixture, 50);
    close(watcher);
    pump(fixture, 1300);
    assert_int_equal(open_descriptors(), before);
}

static void watch_all(struct fixture *fixture, int fds[FIXTURE_WATCHES])
{
    for (size_t i = 0; i < FIXTURE_WATCHES; i++) {
        fds[i] = say(fixture, WATCH("20"));
        pump(fixture, 10);
    }
}

static void close_all(const int fds[FIXTURE_WATCHES])
{
    for (size_t i = 0; i < FIXTURE_WATCHES; i++) {
        close(fds[i]);
    }
}

/* Three other connections are all that this user may have. */
static void watchers_take_the_place_of_no_command(void **state)
{
    struct fixture *fixture = *state;
    int watchers[FIXTURE_WATCHES], others[3];
    watch_all(fixture, watchers);
    for (size_t i = 0; i < SG_COUNT(others); i++) {
        others[i] = say(fixture, STATUS);
        struct reply reply = client_reply(fixture, others[i], 3000);
        assert_int_equal(reply.code, 200);
        reply_done(&reply);
    }
    expect(fixture, say(fixture, STATUS), 503); /* the fourth */
    for (size_t i = 0; i < SG_COUNT(others); i++) {
        close(others[i]);
    }
    pump(fixture, 20);
    expect(fixture, say(fixture, STATUS), 200);
    fixture->changed = true;
    sg_http_server_changed(fixture->server);
    for (size_t i = 0; i < FIXTURE_WATCHES; i++) {
        expect(fixture, watchers[i], 200);
    }
}

/* Its answer, while the connections are there: between two questions they are watches too. */
static void a_watch_keeps_its_place_between_two_questions(void **state)
{
    struct fixture *fixture = *state;
    int watchers[FIXTURE_WATCHES];
    for (size_t i = 0; i < FIXTURE_WATCHES; i++) {
        watchers[i] = say(fixture, WATCH("0"));
        struct reply reply = client_reply(fixture, watchers[i], 3000);
        assert_int_equal(reply.code, 200);
        reply_done(&reply);
    }
    expect(fixture, say(fixture, STATUS), 200);
    for (size_t i = 0; i < FIXTURE_WATCHES; i++) { /* whatever they ask next */
        assert_true(client_say(fixture, watchers[i], i % 2 == 0 ? STATUS : WATCH("0")));
        expect(fixture, watchers[i], 200);
    }
}

static void one_watch_too_many_is_told_the_setting(void **state)
{
    struct fixture *fixture = *state;
    int watchers[FIXTURE_WATCHES];
    watch_all(fixture, watchers);
    for (unsigned i = 0; i < 20; i++) {
        int late = say(fixture, WATCH("20"));
        struct reply reply = client_reply(fixture, late, 3000);
        assert_int_equal(reply.code, 503);
        assert_string_equal(error_code(&reply), "too_many_watches");
        assert_non_null(strstr(reply.body, "watches_per_user_max allows 6"));
        assert_non_null(strstr(reply.head, "Connection: close"));
        reply_done(&reply);
        reply = client_reply(fixture, late, 1000); /* and it takes no other place either */
        assert_true(reply.closed);
        reply_done(&reply);
        close(late);
    }
    expect(fixture, say(fixture, STATUS), 200);
    fixture->changed = true;
    sg_http_server_changed(fixture->server);
    for (size_t i = 0; i < FIXTURE_WATCHES; i++) { /* those that were there are none the worse */
        expect(fixture, watchers[i], 200);
    }
}

static void watchers_that_have_gone_make_room(void **state)
{
    struct fixture *fixture = *state;
    unsigned before = open_descriptors();
    int watchers[FIXTURE_WATCHES];
    watch_all(fixture, watchers);
    close_all(watchers);
    fixture->gone_count = 0;
    int late = say(fixture, WATCH("1"));
    pump(fixture, 50);
    assert_int_equal(fixture->gone_count, FIXTURE_WATCHES);
    expect(fixture, late, 200);
    pump(fixture, 50);
    assert_int_equal(open_descriptors(), before);
}

/* Also while a handler is under way, which their answers would have to wait for. */
static void they_make_room_while_a_handler_runs(void **state)
{
    struct fixture *fixture = *state;
    int watchers[FIXTURE_WATCHES];
    watch_all(fixture, watchers);
    close_all(watchers);
    fixture->gone_count = 0;
    int held = say(fixture, HELD);
    int late = say(fixture, WATCH("0"));
    fixture_turn(fixture);
    assert_int_equal(fixture->gone_count, FIXTURE_WATCHES);
    expect(fixture, held, 200);
    expect(fixture, late, 200);
}

#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(what_comes_meanwhile_waits_for_its_turn),
        QUEUE_TEST(status_is_answered_at_any_time),
        QUEUE_TEST(who_only_reads_is_answered_meanwhile),
        QUEUE_TEST(who_wants_a_private_key_waits_for_a_turn),
        QUEUE_TEST(one_reader_at_a_time_is_answered_meanwhile),
        QUEUE_TEST(watches_and_others_take_turns),
        QUEUE_TEST(who_opens_a_rehearsal_waits_for_a_turn),
        QUEUE_TEST(nonsense_is_refused_without_a_turn),
        QUEUE_TEST(waiting_for_a_turn_is_no_delay_of_the_client),
        QUEUE_TEST(who_leaves_the_queue_hurts_nobody),
        QUEUE_TEST(the_server_can_be_freed_with_a_queue),
        QUEUE_TEST(a_watcher_is_answered_when_something_has_changed),
        QUEUE_TEST(a_watcher_is_answered_when_its_time_is_up),
        QUEUE_TEST(without_patience_the_answer_comes_at_once),
        QUEUE_TEST(patience_has_an_end),
        QUEUE_TEST(a_watcher_that_has_gone_is_forgotten),
        cmocka_unit_test_setup_teardown(watchers_take_the_place_of_no_command, fixture_setup_three,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_watch_keeps_its_place_between_two_questions,
                                        fixture_setup_three, fixture_teardown),
        cmocka_unit_test_setup_teardown(one_watch_too_many_is_told_the_setting, fixture_setup_three,
                                        fixture_teardown),
        QUEUE_TEST(watchers_that_have_gone_make_room),
        QUEUE_TEST(they_make_room_while_a_handler_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
