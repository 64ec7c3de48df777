/* The client's stream: what is kept and when it goes, and what never touches it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "stream_internal.h"

struct ends {
    struct sg_stream stream;
    int peer;
};

static int open_ends(void **state)
{
    int pair[2];
    struct ends *ends = calloc(1, sizeof *ends);
    assert_non_null(ends);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ends->stream.fd = pair[0];
    ends->peer = pair[1];
    *state = ends;
    return 0;
}

static int close_ends(void **state)
{
    struct ends *ends = *state;
    sg_stream_join(NULL);
    close(ends->stream.fd);
    if (ends->peer >= 0) {
        close(ends->peer);
    }
    free(ends);
    return 0;
}

static void say(const struct ends *ends, const char *text)
{
    assert_int_equal(send(ends->peer, text, strlen(text), 0), strlen(text));
}

/* Everything that has arrived at the peer, without waiting. */
static ssize_t arrived(const struct ends *ends, char *out, size_t room)
{
    return recv(ends->peer, out, room, MSG_DONTWAIT);
}

static void writes_are_joined_and_go_before_a_wait(void **state)
{
    struct ends *ends = *state;
    char text[64] = "";
    assert_int_equal(sg_stream_write(&ends->stream, "head", 4), 4);
    assert_int_equal(sg_stream_write(&ends->stream, "body", 4), 4);
    assert_int_equal(arrived(ends, text, sizeof text), -1);
    say(ends, "next");
    assert_int_equal(sg_stream_read(&ends->stream, text, 4), 4);
    assert_memory_equal(text, "next", 4);
    assert_int_equal(arrived(ends, text, sizeof text), 8);
    assert_memory_equal(text, "headbody", 8);
}

static void a_read_takes_what_is_there_and_hands_it_out(void **state)
{
    struct ends *ends = *state;
    char text[64];
    say(ends, "headoptionsbody");
    assert_int_equal(sg_stream_read(&ends->stream, text, 4), 4);
    assert_int_equal(arrived(&(struct ends){.peer = ends->stream.fd}, text + 4, 8), -1);
    assert_int_equal(sg_stream_read(&ends->stream, text + 4, 7), 7);
    assert_int_equal(sg_stream_read(&ends->stream, text + 11, 50), 4); /* less than was asked for */
    assert_memory_equal(text, "headoptionsbody", 15);
}

/* What a client sent at once is answered before it is waited for, whole messages or not. */
static void nothing_is_sent_while_bytes_are_left(void **state)
{
    struct ends *ends = *state;
    char text[64];
    say(ends, "ab");
    assert_int_equal(sg_stream_read(&ends->stream, text, 1), 1);
    assert_int_equal(sg_stream_write(&ends->stream, "answer", 6), 6);
    assert_int_equal(sg_stream_read(&ends->stream, text, 1), 1);
    assert_int_equal(arrived(ends, text, sizeof text), -1);
    assert_int_equal(sg_stream_flush(&ends->stream), 0);
    assert_int_equal(arrived(ends, text, sizeof text), 6);
}

static void more_than_there_is_room_for_goes_by_in_order(void **state)
{
    struct ends *ends = *state;
    static unsigned char big[3 * SG_STREAM_ROOM], back[sizeof big + 1];
    for (size_t i = 0; i < sizeof big; i++) {
        big[i] = (unsigned char)(i * 7 / 3);
    }
    assert_int_equal(sg_stream_write(&ends->stream, big, 1), 1);
    assert_int_equal(sg_stream_write(&ends->stream, big + 1, SG_STREAM_ROOM - 1),
                     SG_STREAM_ROOM - 1);
    assert_int_equal(
        sg_stream_write(&ends->stream, big + SG_STREAM_ROOM, (size_t)2 * SG_STREAM_ROOM),
        2 * SG_STREAM_ROOM);
    assert_int_equal(recv(ends->peer, back, sizeof big, MSG_WAITALL), sizeof big);
    assert_memory_equal(back, big, sizeof big);
    assert_int_equal(send(ends->peer, big, sizeof big, 0), sizeof big);
    size_t got = 0;
    while (got < sizeof big) {
        ssize_t len = sg_stream_read(&ends->stream, back + got, got % 2 == 0 ? 5000 : 33);
        assert_true(len > 0 && got + (size_t)len <= sizeof big);
        got += (size_t)len;
    }
    assert_memory_equal(back, big, sizeof big);
}

static void the_end_is_the_end(void **state)
{
    struct ends *ends = *state;
    char text[8];
    say(ends, "x");
    assert_int_equal(shutdown(ends->peer, SHUT_WR), 0);
    assert_int_equal(sg_stream_read(&ends->stream, text, 8), 1);
    assert_int_equal(sg_stream_write(&ends->stream, "last", 4), 4);
    assert_int_equal(sg_stream_read(&ends->stream, text, 8), 0);
    assert_int_equal(sg_stream_read(&ends->stream, text, 8), 0);
    assert_int_equal(arrived(ends, text, sizeof text),
                     4); /* said to whoever has only stopped talking */
}

static void a_client_that_has_gone_is_an_error_and_no_signal(void **state)
{
    struct ends *ends = *state;
    char text[8];
    static unsigned char big[SG_STREAM_ROOM + 1];
    close(ends->peer);
    ends->peer = -1;
    assert_int_equal(sg_stream_write(&ends->stream, "lost", 4), 4);
    assert_int_equal(sg_stream_read(&ends->stream, text, 8), -1);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(sg_stream_write(&ends->stream, big, sizeof big), -1);
    assert_int_equal(errno, EPIPE);
}

static void a_full_write_reports_what_could_not_be_sent(void **state)
{
    struct ends *ends = *state;
    unsigned char most[SG_STREAM_ROOM] = {0};
    close(ends->peer);
    ends->peer = -1;
    assert_int_equal(sg_stream_write(&ends->stream, most, sizeof most), sizeof most);
    assert_int_equal(sg_stream_write(&ends->stream, "x", 1), -1);
    assert_int_equal(errno, EPIPE);
}

static void read_and_write_use_the_joined_stream(void **state)
{
    struct ends *ends = *state;
    char text[16];
    sg_stream_join(&ends->stream);
    assert_int_equal(write(ends->stream.fd, "kept", 4), 4);
    assert_int_equal(arrived(ends, text, sizeof text), -1);
    say(ends, "12");
    assert_int_equal(read(ends->stream.fd, text, 1), 1);
    assert_int_equal(arrived(ends, text, sizeof text), 4);
    assert_int_equal(ends->stream.in_end - ends->stream.in_start, 1);
}

static void other_descriptors_are_left_alone(void **state)
{
    struct ends *ends = *state;
    char text[8];
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
    sg_stream_join(&ends->stream);
    assert_int_equal(write(pipes[1], "now", 3), 3);
    assert_int_equal(read(pipes[0], text, sizeof text), 3);
    assert_int_equal(read(pipes[0], text, sizeof text), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(ends->stream.out_len, 0);
    close(pipes[0]);
    assert_int_equal(read(pipes[0], text, sizeof text), -1);
    assert_int_equal(errno, EBADF);
    close(pipes[1]);
    sg_stream_join(NULL);
    assert_int_equal(write(ends->stream.fd, "plain", 5), 5);
    assert_int_equal(arrived(ends, text, sizeof text), 5);
}

#define STREAM_TEST(name) cmocka_unit_test_setup_teardown(name, open_ends, close_ends)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(writes_are_joined_and_go_before_a_wait),
        STREAM_TEST(a_read_takes_what_is_there_and_hands_it_out),
        STREAM_TEST(nothing_is_sent_while_bytes_are_left),
        STREAM_TEST(more_than_there_is_room_for_goes_by_in_order),
        STREAM_TEST(the_end_is_the_end),
        STREAM_TEST(a_client_that_has_gone_is_an_error_and_no_signal),
        STREAM_TEST(a_full_write_reports_what_could_not_be_sent),
        STREAM_TEST(read_and_write_use_the_joined_stream),
        STREAM_TEST(other_descriptors_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
