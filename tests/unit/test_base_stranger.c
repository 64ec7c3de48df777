/* Descriptors that strangers send: neither taken nor waited for. */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/stranger.h>

#include "lingering.h"
#include "patience.h"

struct fixture {
    int ours, theirs, peer;
    int64_t begin_ms;
};

static int setup(void **state)
{
    static struct fixture fixture;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    fixture = (struct fixture){.ours = pair[0], .theirs = pair[1], .peer = -1};
    fixture.begin_ms = sg_monotonic_ms(sg_clock_system());
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    sg_stranger_close(fixture->ours);
    if (fixture->theirs >= 0) {
        (void)close(fixture->theirs);
    }
    if (fixture->peer >= 0) {
        (void)close(fixture->peer);
    }
    int64_t took_ms = sg_monotonic_ms(sg_clock_system()) - fixture->begin_ms;
    return took_ms < patiently(LINGERING_S * 1000 / 6) ? 0 : -1; /* nobody was waited for */
}

static void poison(struct fixture *fixture, const char *text)
{
    int lingering = -1;
    assert_int_equal(fixture->peer, -1);
    assert_true(lingering_make(&lingering, &fixture->peer));
    assert_true(lingering_send(fixture->theirs, text, lingering));
}

static void say(const struct fixture *fixture, const char *text)
{
    assert_int_equal(send(fixture->theirs, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static ssize_t hear(const struct fixture *fixture, char out[8])
{
    const struct iovec pieces[] = {{out, 3}, {out + 3, 4}};
    memset(out, 0, 8);
    return sg_stranger_readv(fixture->ours, pieces, 2);
}

static void bytes_are_read_as_ever(void **state)
{
    struct fixture *fixture = *state;
    char text[8];
    assert_int_equal(hear(fixture, text), -1);
    assert_int_equal(errno, EAGAIN);
    say(fixture, "abcdefghij");
    assert_int_equal(hear(fixture, text), 7);
    assert_string_equal(text, "abcdefg");
    assert_int_equal(hear(fixture, text), 3);
    assert_string_equal(text, "hij");
    assert_int_equal(shutdown(fixture->theirs, SHUT_WR), 0);
    assert_int_equal(hear(fixture, text), 0);
}

static void descriptors_end_the_reading(void **state)
{
    struct fixture *fixture = *state;
    char text[8];
    poison(fixture, "x");
    for (int i = 0; i < 3; i++) { /* and stay where they are */
        assert_int_equal(hear(fixture, text), -1);
        assert_int_equal(errno, EPROTO);
    }
}

static void descriptors_behind_bytes_do_so_too(void **state)
{
    struct fixture *fixture = *state;
    char text[8];
    say(fixture, "abcdefghijklmnop");
    poison(fixture, "x");
    ssize_t heard = 0;
    for (ssize_t got; (got = hear(fixture, text)) >= 0; heard += got) {
        assert_int_equal(got, 7); /* not the last two, which the one with the descriptor follows */
    }
    assert_int_equal(errno, EPROTO);
    assert_in_range(heard, 0, 14); /* some kernels tell of it sooner */
}

static void poison_out_of_band(struct fixture *fixture)
{
    int lingering = -1;
    assert_true(lingering_make(&lingering, &fixture->peer));
    assert_true(lingering_send_as(fixture->theirs, "x", lingering, MSG_OOB));
}

static void descriptors_out_of_band_do_so_too(void **state)
{
    struct fixture *fixture = *state;
    char text[8];
    poison_out_of_band(fixture);
    assert_int_equal(hear(fixture, text), -1);
    assert_int_equal(errno, EPROTO);
    say(fixture, "behind");
    assert_int_equal(hear(fixture, text), -1);
    assert_int_equal(errno, EPROTO);
}

static void a_close_with_some_out_of_band_waits_for_nobody(void **state)
{
    struct fixture *fixture = *state;
    poison_out_of_band(fixture);
    sg_stranger_close(fixture->ours);
    fixture->ours = -1;
}

static void a_byte_out_of_band_is_read(void **state)
{
    struct fixture *fixture = *state;
    char text[8], all[32] = "";
    assert_int_equal(hear(fixture, text), -1);
    assert_int_equal(send(fixture->theirs, "o", 1, MSG_OOB | MSG_NOSIGNAL), 1);
    say(fixture, "ab");
    while (strlen(all) < 3) {
        assert_true(hear(fixture, text) > 0);
        (void)snprintf(all + strlen(all), sizeof all - strlen(all), "%s", text);
    }
    assert_string_equal(all, "oab");
}

static void what_is_no_socket_is_said(void **state)
{
    char byte;
    const struct iovec piece = {&byte, 1};
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    (void)state;
    assert_int_equal(sg_stranger_readv(zero, &piece, 1), -1);
    assert_int_equal(errno, ENOTSOCK);
    assert_int_equal(sg_stranger_readv(-1, &piece, 1), -1);
    assert_int_equal(errno, EBADF);
    sg_stranger_end(zero); /* has no effect */
    assert_int_equal(read(zero, &byte, 1), 1);
    sg_stranger_close(zero);
    sg_stranger_close(-1);
}

static void a_close_waits_for_nobody(void **state)
{
    struct fixture *fixture = *state;
    char byte;
    poison(fixture, "x");
    sg_stranger_close(fixture->ours);
    fixture->ours = -1;
    while (recv(fixture->theirs, &byte, 1, MSG_DONTWAIT) < 0) { /* whoever closes it does so soon */
        assert_true(errno == EAGAIN || errno == ECONNRESET);
        if (errno == ECONNRESET) {
            break;
        }
    }
}

static void an_end_leaves_the_number_and_what_was_sent(void **state)
{
    struct fixture *fixture = *state;
    char text[8];
    assert_int_equal(send(fixture->ours, "answer", 6, MSG_NOSIGNAL), 6);
    poison(fixture, "x");
    sg_stranger_end(fixture->ours);
    assert_true(fcntl(fixture->ours, F_GETFD) >= 0);
    assert_int_equal(send(fixture->theirs, "more", 4, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(recv(fixture->theirs, text, sizeof text, 0), 6);
}

static void an_end_without_descriptors_is_an_end_too(void **state)
{
    struct fixture *fixture = *state;
    char text[8];
    assert_int_equal(send(fixture->ours, "answer", 6, MSG_NOSIGNAL), 6);
    say(fixture, "not looked at");
    sg_stranger_end(fixture->ours);
    assert_int_equal(send(fixture->theirs, "more", 4, MSG_NOSIGNAL), -1);
    sg_stranger_close(fixture->ours);
    fixture->ours = -1;
    assert_int_equal(recv(fixture->theirs, text, sizeof text, 0), 6);
    assert_int_equal(recv(fixture->theirs, text, sizeof text, 0), 0); /* no ECONNRESET */
}

/* That is no reason to make a process. */
static void who_leaves_our_answer_unread_leaves_a_socket(void **state)
{
    struct fixture *fixture = *state;
    struct stat info;
    assert_int_equal(send(fixture->ours, "answer", 6, MSG_NOSIGNAL), 6);
    assert_int_equal(close(fixture->theirs), 0);
    fixture->theirs = -1;
    sg_stranger_end(fixture->ours);
    assert_int_equal(fstat(fixture->ours, &info), 0);
    assert_true(S_ISSOCK(info.st_mode));
}

/* Where the kernel knows how; the others have what is above. */
static void a_listener_takes_none(void **state)
{
    struct fixture *fixture = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int value = 1, lingering = -1;
    socklen_t len = sizeof(sa_family_t); /* a name that the kernel chooses (unix(7), autobind) */
    socklen_t value_len = sizeof value;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    len = sizeof address;
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    sg_stranger_listen(listener);
    assert_int_equal(listen(listener, 1), 0);
    bool known = getsockopt(listener, SOL_SOCKET, 83, &value, &value_len) == 0;
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, len), 0);
    int accepted = accept(listener, NULL, NULL);
    assert_true(lingering_make(&lingering, &fixture->peer));
    assert_int_equal(lingering_send(client, "x", lingering), !known);
    if (known) {
        assert_int_equal(errno, EPERM);
        assert_int_equal(value, 0);
        (void)close(fixture->peer); /* resets it: nothing lingers */
        fixture->peer = -1;
        (void)close(lingering);
    }
    sg_stranger_close(accepted);
    (void)close(client);
    (void)close(listener);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_are_read_as_ever),
        TEST(descriptors_end_the_reading),
        TEST(descriptors_behind_bytes_do_so_too),
        TEST(descriptors_out_of_band_do_so_too),
        TEST(a_close_with_some_out_of_band_waits_for_nobody),
        TEST(a_byte_out_of_band_is_read),
        TEST(what_is_no_socket_is_said),
        TEST(a_close_waits_for_nobody),
        TEST(an_end_leaves_the_number_and_what_was_sent),
        TEST(an_end_without_descriptors_is_an_end_too),
        TEST(who_leaves_our_answer_unread_leaves_a_socket),
        TEST(a_listener_takes_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
