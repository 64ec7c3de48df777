/* The master and its children: starting, wiring, deaths, successors, the end. */
#include "cmocka_all.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "master_fixture.h"
#include "patience.h"

static void everything_is_started_and_wired(void **state)
{
    struct fixture *fixture = *state;
    struct shared *shared = fixture->shared;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    assert_int_equal(shared->control_starts, 1);
    assert_int_equal(shared->rings_starts, 1);
    assert_int_equal(shared->rings_echoes, 1);
    for (int i = 0; i < FIXTURE_PROCESSES; i++) {
        assert_int_equal(shared->token_starts[i], 1);
        assert_int_equal(shared->token_echoes[i], 1);
        assert_int_equal(shared->token_link_pid[i], shared->token_pid[i]);
    }
    assert_true(shared->page_is_writable);
    assert_false(shared->rings_page_is_writable);
    wait_until(shared->page_seen_by_rings == 41);
    fixture_stop(fixture);
}

static void settings_reach_their_processes(void **state)
{
    struct fixture *fixture = *state;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    assert_string_equal(fixture->shared->control.arguments, "listener");
    assert_string_equal(fixture->shared->rings.arguments, "listener 11 7 123456789 14000");
    assert_string_equal(fixture->shared->token.arguments,
                        "soft /lib/x.so lab - /pin - A=b signetd.lock");
    fixture_stop(fixture);
}

static void assert_confined(const struct facts *facts, const char *name, int descriptors)
{
    assert_string_equal(facts->name, name);
    assert_int_equal(facts->cap_effective, 0);
    assert_int_equal(facts->cap_permitted, 0);
    assert_int_equal(facts->cap_inheritable, 0);
    assert_true(geteuid() != 0 || facts->cap_bounding == 0);
    assert_int_equal(facts->no_new_privs, 1);
    assert_int_equal(facts->dumpable, 0);
    assert_int_equal(facts->death_signal, SIGKILL);
    assert_int_equal(facts->policy, SCHED_OTHER);
    assert_true(facts->core_limited);
    assert_int_equal(facts->umask, 077);
    assert_int_equal(facts->descriptors, descriptors);
    assert_false(facts->notify_socket);
    assert_false(facts->blocked_signals);
    assert_true(facts->pipe_ignored);
}

static void children_hold_nothing_that_they_do_not_need(void **state)
{
    struct fixture *fixture = *state;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    /* 0, 1, 2 and: listener, page, channel, lock; listener, page, channel; link, lock */
    assert_confined(&fixture->shared->control, "signet-control", 3 + 4);
    assert_confined(&fixture->shared->rings, "signet-rings", 3 + 3);
    assert_confined(&fixture->shared->token, "signet-token0.0", 3 + 2);
    fixture_stop(fixture);
}

static void children_of_root_become_the_configured_users(void **state)
{
    struct fixture *fixture = *state;
    if (geteuid() != 0) {
        skip();
    }
    snprintf(fixture->config.user, sizeof fixture->config.user, "daemon");
    snprintf(fixture->config.token_user, sizeof fixture->config.token_user, "bin");
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    assert_int_equal(fixture->shared->control.uid, 1);
    assert_int_equal(fixture->shared->control.gid, 1);
    assert_int_equal(fixture->shared->rings.uid, 1);
    assert_int_equal(fixture->shared->token.uid, 2);
    assert_int_equal(fixture->shared->token.gid, 2);
    assert_int_equal(fixture->shared->token.groups, 1);
    assert_confined(&fixture->shared->control, "signet-control", 3 + 4);
    assert_confined(&fixture->shared->token, "signet-token0.0", 3 + 2);
    fixture_stop(fixture);
}

static void a_token_process_that_dies_gets_a_successor_and_a_new_link(void **state)
{
    struct fixture *fixture = *state;
    struct shared *shared = fixture->shared;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    pid_t old = shared->token_pid[1];
    assert_int_equal(kill(old, SIGKILL), 0);
    wait_until(shared->token_links[1] == 2);
    assert_int_equal(shared->token_echoes[1], 2);
    assert_int_not_equal(shared->token_pid[1], old);
    assert_int_equal(shared->token_link_pid[1], shared->token_pid[1]);
    assert_int_equal(shared->token_starts[0], 1);
    assert_int_equal(shared->token_starts[2], 1);
    assert_int_equal(shared->control_starts, 1);
    assert_true(fixture_log_has(fixture, "process_died process=signet-token0.1"));
    fixture_stop(fixture);
}

static void successors_come_at_once_and_then_later_and_later(void **state)
{
    struct fixture *fixture = *state;
    struct shared *shared = fixture->shared;
    shared->token_fails = true;
    int64_t start = now_ms();
    fixture_start(fixture);
    wait_until(shared->token_starts[1] >= 2);
    wait_until(shared->token_starts[1] >= 5); /* 0, 0, 100, 300, 700, 1500 ms */
    assert_true(now_ms() - start >= 690);
    assert_int_equal(shared->control_starts, 1); /* a token alone is no reason to give up */
    shared->token_fails = false;
    wait_until(shared->token_links[1] > 0 && shared->token_echoes[1] > 0);
    fixture_stop(fixture);
}

/* ---- what clients hear while control waits for its next start ---- */

static int connect_http(const struct fixture *fixture)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", fixture->config.socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* What comes within so long; the length, 0 for nothing. */
static size_t hear(int fd, int wait_ms, char *out, size_t room)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    ssize_t len = poll(&end, 1, wait_ms) > 0 ? recv(fd, out, room - 1, 0) : 0;
    out[len > 0 ? len : 0] = '\0';
    return len > 0 ? (size_t)len : 0;
}

static void whoever_asks_while_control_is_away_for_long_learns_why(void **state)
{
    static const char request[] = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
    struct fixture *fixture = *state;
    struct shared *shared = fixture->shared;
    char text[2000] = "";
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    int early = connect_http(fixture); /* control never takes it */
    shared->control_fails = true;
    int64_t start = now_ms();
    assert_int_equal(kill(shared->control_pid, SIGKILL), 0);
    assert_true(hear(early, patiently(WAIT_MS), text, sizeof text) > 0);
    assert_true(now_ms() - start >= 1500); /* 0, 100, 300, 700, 1500 ms */
    assert_non_null(strstr(text, "HTTP/1.1 503 "));
    assert_non_null(strstr(text, "\r\nRetry-After: "));
    assert_non_null(strstr(text, "\"code\":\"control_restarting\""));
    assert_non_null(strstr(text, "the last time with status 1, and is started again in "));
    close(early);
    for (int i = 0; i < 200; i++) { /* whatever they say; in this pause, or in the next one */
        int late = connect_http(fixture);
        (void)send(late, request, sizeof request - 1, MSG_NOSIGNAL);
        assert_true(hear(late, patiently(WAIT_MS), text, sizeof text) > 0);
        assert_non_null(strstr(text, "control_restarting"));
        close(late);
    }
    shared->control_fails = false;
    int starts = shared->control_starts;
    wait_until(shared->control_starts > starts);
    int there = connect_http(fixture);
    assert_int_equal(hear(there, 300, text, sizeof text), 0); /* this one is control's */
    close(there);
    fixture_stop(fixture);
}

static void control_can_have_a_token_process_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct shared *shared = fixture->shared;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    pid_t old = shared->token_pid[1];
    shared->replace_pid = old;
    wait_until(shared->token_links[1] == 2);
    assert_true(is_gone(old));
    assert_true(fixture_log_has(fixture, "event=process_replaced process=signet-token0.1"));
    fixture_stop(fixture);
}

static void only_the_process_that_is_meant_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct shared *shared = fixture->shared;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    /* another token process, rings, the test itself: none of them is token process 1 */
    pid_t others[] = {shared->token_pid[2], shared->rings_pid, getpid(), fixture->master, 1};
    for (size_t i = 0; i < SG_COUNT(others); i++) {
        shared->replace_pid = others[i];
        wait_until(shared->replace_pid == 0);
    }
    sleep_ms(100);
    assert_int_equal(shared->token_starts[1], 1);
    assert_int_equal(shared->token_starts[2], 1);
    assert_int_equal(shared->rings_starts, 1);
    fixture_stop(fixture);
}

static void when_control_dies_tokens_are_replaced_and_rings_stays(void **state)
{
    struct fixture *fixture = *state;
    struct shared *shared = fixture->shared;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    pid_t old[FIXTURE_PROCESSES];
    for (int i = 0; i < FIXTURE_PROCESSES; i++) {
        old[i] = shared->token_pid[i];
    }
    pid_t rings = shared->rings_pid;
    assert_int_equal(kill(shared->control_pid, SIGKILL), 0);
    wait_until(shared->control_starts == 2 && shared->rings_echoes >= 2);
    for (int i = 0; i < FIXTURE_PROCESSES; i++) {
        wait_until(shared->token_echoes[i] == 2);
        assert_true(is_gone(old[i]));
        assert_int_equal(shared->token_starts[i], 2);
    }
    assert_int_equal(shared->rings_pid, rings);
    assert_int_equal(shared->rings_starts, 1);
    assert_int_equal(shared->rings_links, 2);
    wait_until(shared->page_seen_by_rings == 82); /* the page outlives control */
    assert_true(fixture_notified(fixture, "READY=1", 2000));
    fixture_stop(fixture);
}

static void a_watchdog_hears_of_it_as_long_as_it_runs(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(setenv("WATCHDOG_USEC", "600000", 1), 0);
    fixture_start(fixture);
    assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
    fixture_wait_ready(fixture);
    for (int i = 0; i < 3; i++) {
        assert_true(fixture_notified(fixture, "WATCHDOG=1", 1000));
    }
    assert_int_equal(kill(fixture->master, SIGSTOP), 0);
    assert_int_equal(waitpid(fixture->master, NULL, WUNTRACED), fixture->master);
    while (fixture_notified(fixture, "WATCHDOG=1", 0)) {
    }
    assert_false(fixture_notified(fixture, "WATCHDOG=1", 400));
    assert_int_equal(kill(fixture->master, SIGCONT), 0);
    assert_true(fixture_notified(fixture, "WATCHDOG=1", 1000));
    fixture_stop(fixture);
}

static void without_a_watchdog_nobody_is_told(void **state)
{
    struct fixture *fixture = *state;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    assert_false(fixture_notified(fixture, "WATCHDOG=1", 500));
    fixture_stop(fixture);
}

static void when_rings_dies_control_and_tokens_stay(void **state)
{
    struct fixture *fixture = *state;
    struct shared *shared = fixture->shared;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    assert_int_equal(kill(shared->rings_pid, SIGKILL), 0);
    wait_until(shared->rings_starts == 2 && shared->rings_echoes == 2);
    assert_int_equal(shared->control_starts, 1);
    assert_int_equal(shared->control_rings_links, 2);
    assert_int_equal(shared->token_starts[1], 1);
    assert_true(fixture_log_has(fixture, "event=clients_lost"));
    fixture_stop(fixture);
}

static void a_control_that_closes_its_channel_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct shared *shared = fixture->shared;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    pid_t old = shared->control_pid;
    shared->close_channel = true;
    wait_until(shared->control_starts == 2);
    assert_true(is_gone(old));
    fixture_stop(fixture);
}

static void junk_from_control_harms_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct shared *shared = fixture->shared;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    shared->junk = true;
    wait_until(fixture_log_has(fixture, "event=bad_packet from=control kind=255"));
    assert_true(fixture_log_has(fixture, "event=bad_packet from=control len=60000"));
    pid_t old = shared->token_pid[1];
    shared->replace_pid = old; /* it still listens */
    wait_until(shared->token_links[1] == 2);
    assert_int_equal(shared->control_starts, 1);
    assert_int_equal(shared->rings_starts, 1);
    fixture_stop(fixture);
}

static void readiness_waits_for_control(void **state)
{
    struct fixture *fixture = *state;
    fixture->shared->no_ready = true;
    fixture_start(fixture);
    wait_until(fixture->shared->rings_echoes == 1);
    assert_false(fixture_notified(fixture, "READY=1", 300));
    fixture_stop(fixture);
}

static void a_control_that_cannot_start_ends_the_master(void **state)
{
    struct fixture *fixture = *state;
    fixture->shared->control_fails = true;
    fixture_start(fixture);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 100 + SG_E_SERVICE);
    assert_int_equal(fixture->shared->control_starts, SG_MASTER_TRIES);
    assert_true(
        fixture_log_has(fixture, "signet-control ended 5 times before the service was ready"));
    assert_true(fixture_log_has(fixture, "told to fail"));
    assert_int_not_equal(access(fixture->config.socket, F_OK), 0);
    for (int i = 0; i < FIXTURE_PROCESSES; i++) {
        assert_true(is_gone(fixture->shared->token_pid[i]));
    }
}

static void rings_that_cannot_start_end_the_master(void **state)
{
    struct fixture *fixture = *state;
    fixture->shared->rings_fails = true;
    fixture->shared->no_ready = true;
    fixture_start(fixture);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 100 + SG_E_SERVICE);
    assert_true(is_gone(fixture->shared->control_pid));
}

static void a_control_that_fails_later_is_tried_for_ever(void **state)
{
    struct fixture *fixture = *state;
    struct shared *shared = fixture->shared;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    shared->control_fails = true;
    assert_int_equal(kill(shared->control_pid, SIGKILL), 0);
    wait_until(shared->control_starts > SG_MASTER_TRIES + 1);
    shared->control_fails = false;
    assert_true(fixture_notified(fixture, "READY=1", WAIT_MS));
    fixture_stop(fixture);
}

static void a_stop_signal_ends_everything(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SG_COUNT(signals); i++) {
        fixture_start(fixture);
        fixture_wait_ready(fixture);
        assert_int_equal(kill(fixture->master, signals[i]), 0);
        assert_true(fixture_notified(fixture, "STOPPING=1", 2000));
        assert_int_equal(fixture_end(fixture, WAIT_MS), 0);
        assert_true(is_gone(fixture->shared->control_pid));
        assert_true(is_gone(fixture->shared->rings_pid));
        assert_true(is_gone(fixture->shared->token_pid[0]));
        assert_int_not_equal(access(fixture->config.socket, F_OK), 0);
        assert_int_not_equal(access(fixture->config.rings_socket, F_OK), 0);
    }
}

static void children_that_do_not_stop_are_killed_after_five_seconds(void **state)
{
    struct fixture *fixture = *state;
    fixture->shared->stubborn = true;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    int64_t start = now_ms();
    assert_int_equal(kill(fixture->master, SIGTERM), 0);
    assert_int_equal(fixture_end(fixture, 15000), 0);
    assert_in_range(now_ms() - start, 4900, patiently(7000));
    assert_true(is_gone(fixture->shared->control_pid));
    assert_true(is_gone(fixture->shared->token_pid[2]));
}

static void a_second_stop_signal_kills_at_once(void **state)
{
    struct fixture *fixture = *state;
    fixture->shared->stubborn = true;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    int64_t start = now_ms();
    assert_int_equal(kill(fixture->master, SIGTERM), 0);
    assert_true(fixture_notified(fixture, "STOPPING=1", 2000));
    assert_int_equal(kill(fixture->master, SIGTERM), 0);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 0);
    assert_in_range(now_ms() - start, 0, patiently(2000));
    assert_true(is_gone(fixture->shared->control_pid));
}

static void a_signal_during_the_start_ends_everything_too(void **state)
{
    struct fixture *fixture = *state;
    fixture->shared->control_fails = true;
    fixture_start(fixture);
    wait_until(fixture->shared->control_starts > 0);
    assert_int_equal(kill(fixture->master, SIGTERM), 0);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 0);
    assert_true(fixture->shared->rings_pid == 0 || is_gone(fixture->shared->rings_pid));
}

static void orphans_of_rings_are_ended_too(void **state)
{
    struct fixture *fixture = *state;
    fixture->shared->with_orphan = true;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    wait_until(fixture->shared->orphan_pid > 0);
    pid_t orphan = fixture->shared->orphan_pid;
    assert_int_equal(kill(fixture->master, SIGTERM), 0);
    wait_until(is_gone(fixture->shared->rings_pid));
    assert_false(is_gone(orphan));
    assert_int_equal(fixture_end(fixture, 50), -1); /* the master waits for it too */
    assert_int_equal(kill(fixture->master, SIGTERM), 0);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 0);
    assert_true(is_gone(orphan));
}

static void sighup_is_logged_and_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    assert_int_equal(kill(fixture->master, SIGHUP), 0);
    wait_until(fixture_log_has(fixture, "event=reload_unsupported"));
    assert_int_equal(fixture->shared->control_starts, 1);
    fixture_stop(fixture);
}

static void when_the_master_is_killed_all_end_and_the_next_can_start(void **state)
{
    struct fixture *fixture = *state;
    struct shared *shared = fixture->shared;
    fixture->shared->stubborn = true; /* SIGKILL it is */
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    pid_t control = shared->control_pid;
    pid_t rings = shared->rings_pid;
    pid_t token = shared->token_pid[1];
    assert_int_equal(kill(fixture->master, SIGKILL), 0);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 1000 + SIGKILL);
    fixture->shared->stubborn = false;
    fixture_start(fixture); /* at once, over the sockets that are left */
    wait_until(is_gone(control) && is_gone(rings) && is_gone(token));
    wait_until(shared->control_starts == 2 && shared->rings_echoes >= 2);
    fixture_stop(fixture);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(everything_is_started_and_wired),
        CASE(settings_reach_their_processes),
        CASE(children_hold_nothing_that_they_do_not_need),
        CASE(children_of_root_become_the_configured_users),
        CASE(a_token_process_that_dies_gets_a_successor_and_a_new_link),
        CASE(successors_come_at_once_and_then_later_and_later),
        CASE(whoever_asks_while_control_is_away_for_long_learns_why),
        CASE(control_can_have_a_token_process_replaced),
        CASE(only_the_process_that_is_meant_is_replaced),
        CASE(when_control_dies_tokens_are_replaced_and_rings_stays),
        CASE(a_watchdog_hears_of_it_as_long_as_it_runs),
        CASE(without_a_watchdog_nobody_is_told),
        CASE(when_rings_dies_control_and_tokens_stay),
        CASE(a_control_that_closes_its_channel_is_replaced),
        CASE(junk_from_control_harms_nobody),
        CASE(readiness_waits_for_control),
        CASE(a_control_that_cannot_start_ends_the_master),
        CASE(rings_that_cannot_start_end_the_master),
        CASE(a_control_that_fails_later_is_tried_for_ever),
        CASE(a_stop_signal_ends_everything),
        CASE(children_that_do_not_stop_are_killed_after_five_seconds),
        CASE(a_second_stop_signal_kills_at_once),
        CASE(a_signal_during_the_start_ends_everything_too),
        CASE(orphans_of_rings_are_ended_too),
        CASE(sighup_is_logged_and_changes_nothing),
        CASE(when_the_master_is_killed_all_end_and_the_next_can_start),
    };
    return cmocka_run_group_tests_name("master", tests, NULL, NULL);
}
