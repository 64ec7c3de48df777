/* The client's stream: what is kept and when it goes, and what never touches it. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/clock.h>

#include "cmocka_all.h"
#include "stream_internal.h"

#include <signet/base/clock.h>

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
    ends->stream.answer_ms = SG_STREAM_ANSWER_MS;
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
    say(ends, "later");
    assert_int_equal(sg_stream_read(&ends->stream, text + 4, 7), 7);
    assert_int_equal(sg_stream_read(&ends->stream, text + 11, 50), 4); /* less than was asked for */
    assert_memory_equal(text, "headoptionsbody", 15);
    assert_int_equal(sg_stream_read(&ends->stream, text, 50), 5);
    assert_memory_equal(text, "later", 5);
}

static size_t left_in_socket(const struct ends *ends)
{
    char bytes[64];
    ssize_t there = recv(ends->stream.fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    return there > 0 ? (size_t)there : 0;
}

static void a_request_leaves_the_socket_after_its_answer(void **state)
{
    struct ends *ends = *state;
    char text[64];
    say(ends, "request");
    assert_int_equal(sg_stream_read(&ends->stream, text, 7), 7);
    assert_int_equal(sg_stream_write(&ends->stream, "answer", 6), 6);
    assert_int_equal(left_in_socket(ends), 7);
    say(ends, "next"); /* of a client that does not wait for answers */
    assert_int_equal(sg_stream_flush(&ends->stream), 0);
    assert_int_equal(left_in_socket(ends), 4);
    assert_int_equal(sg_stream_read(&ends->stream, text, sizeof text), 4);
    assert_memory_equal(text, "next", 4);
}

/* An unfinished one leaves it when more is waited for, and is not read twice. */
static void pieces_of_a_request_are_read_once(void **state)
{
    struct ends *ends = *state;
    char text[64];
    say(ends, "first");
    assert_int_equal(sg_stream_read(&ends->stream, text, sizeof text), 5);
    say(ends, "second");
    assert_int_equal(sg_stream_read(&ends->stream, text + 5, sizeof text - 5), 6);
    assert_memory_equal(text, "firstsecond", 11);
    assert_int_equal(left_in_socket(ends), 6);
    shutdown(ends->peer, SHUT_WR);
    assert_int_equal(sg_stream_read(&ends->stream, text, sizeof text), 0);
    assert_int_equal(left_in_socket(ends), 0);
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

/* A request may be long, but not without end; each has the whole length for itself. */
static void a_request_has_a_greatest_length(void **state)
{
    struct ends *ends = *state;
    static unsigned char piece[65536];
    size_t most = SG_STREAM_REQUEST_MAX / sizeof piece;
    for (size_t i = 0; i < 2 * most; i++) {
        assert_int_equal(send(ends->peer, piece, sizeof piece, 0), sizeof piece);
        for (size_t got = 0; got < sizeof piece;) {
            ssize_t len = sg_stream_read(&ends->stream, piece, sizeof piece - got);
            assert_true(len > 0);
            got += (size_t)len;
        }
        if (i + 1 == most) {
            assert_int_equal(sg_stream_write(&ends->stream, "answer", 6), 6);
        }
    }
    say(ends, "x");
    assert_int_equal(sg_stream_read(&ends->stream, piece, 8), -1);
    assert_int_equal(errno, EMSGSIZE);
    assert_int_equal(ends->stream.end, SG_STREAM_TOO_LONG);
}

static void the_rest_of_a_request_comes_in_time(void **state)
{
    struct ends *ends = *state;
    char text[8];
    say(ends, "a");
    assert_int_equal(sg_stream_read(&ends->stream, text, 8), 1);
    assert_true(ends->stream.request_ms > 0);
    ends->stream.request_ms -= SG_STREAM_REQUEST_MS + 1; /* so long ago */
    say(ends, "b");
    assert_int_equal(sg_stream_read(&ends->stream, text, 8), -1);
    assert_int_equal(errno, ETIMEDOUT);
    assert_int_equal(ends->stream.end, SG_STREAM_TOO_LATE);
}

/* A client that sends on without waiting for answers: the time of what has begun runs. */
static void a_request_that_came_with_another_has_begun(void **state)
{
    struct ends *ends = *state;
    char text[8];
    say(ends, "ab");
    assert_int_equal(sg_stream_read(&ends->stream, text, 1), 1);
    assert_int_equal(sg_stream_write(&ends->stream, "answer", 6), 6);
    assert_int_equal(sg_stream_read(&ends->stream, text, 1), 1);
    say(ends, "c");
    assert_int_equal(sg_stream_read(&ends->stream, text, 8), 1);
    assert_int_equal(ends->stream.request_len, 2);
    ends->stream.request_ms -= SG_STREAM_REQUEST_MS + 1;
    assert_int_equal(sg_stream_read(&ends->stream, text, 8), -1);
    assert_int_equal(errno, ETIMEDOUT);
}

/* As before, and the answer is one that goes out at once. */
static void a_request_behind_one_with_a_long_answer_has_begun(void **state)
{
    struct ends *ends = *state;
    static unsigned char answer[2 * SG_STREAM_ROOM];
    char text[8];
    say(ends, "ab");
    assert_int_equal(sg_stream_read(&ends->stream, text, 1), 1);
    assert_int_equal(sg_stream_write(&ends->stream, answer, sizeof answer), sizeof answer);
    assert_int_equal(sg_stream_read(&ends->stream, text, 1), 1);
    say(ends, "c");
    assert_int_equal(sg_stream_read(&ends->stream, text, 8), 1);
    assert_int_equal(ends->stream.request_len, 2);
}

/* Nothing comes at all: told from a client that rests between two requests. */
static void silence_ends_a_request_and_no_rest(void **state)
{
    struct ends *ends = *state;
    char text[8];
    ends->stream.request_ms = 1; /* of one that has been answered */
    pid_t speaker = fork();
    assert_true(speaker >= 0);
    if (speaker == 0) {
        usleep(200000);
        _exit(send(ends->peer, "a", 1, 0) == 1 ? 0 : 1);
    }
    assert_int_equal(sg_stream_read(&ends->stream, text, 8), 1);
    assert_int_equal(waitpid(speaker, NULL, 0), speaker);
    ends->stream.request_ms -= SG_STREAM_REQUEST_MS - 200; /* so much is left */
    int64_t start_ms = sg_monotonic_ms(sg_clock_system());
    assert_int_equal(sg_stream_read(&ends->stream, text, 8), -1);
    assert_int_equal(errno, ETIMEDOUT);
    assert_in_range(sg_monotonic_ms(sg_clock_system()) - start_ms, 50, 5000);
}

/* The rest comes a while later, and in pieces. */
static void the_rest_of_a_request_is_waited_for(void **state)
{
    struct ends *ends = *state;
    char text[8];
    say(ends, "a");
    assert_int_equal(sg_stream_read(&ends->stream, text, 8), 1);
    pid_t speaker = fork();
    assert_true(speaker >= 0);
    if (speaker == 0) {
        usleep(100000);
        bool said = send(ends->peer, "b", 1, 0) == 1;
        usleep(100000);
        _exit(said && send(ends->peer, "c", 1, 0) == 1 ? 0 : 1);
    }
    assert_int_equal(sg_stream_read(&ends->stream, text, 1), 1);
    assert_int_equal(sg_stream_read(&ends->stream, text + 1, 1), 1);
    assert_memory_equal(text, "bc", 2);
    assert_int_equal(waitpid(speaker, NULL, 0), speaker);
}

/* A client that goes amid a request. */
static void the_end_of_half_a_request_is_the_end(void **state)
{
    struct ends *ends = *state;
    char text[8];
    say(ends, "a");
    assert_int_equal(sg_stream_read(&ends->stream, text, 8), 1);
    assert_int_equal(shutdown(ends->peer, SHUT_WR), 0);
    assert_int_equal(sg_stream_read(&ends->stream, text, 8), 0);
}

/* ---- answers that nobody takes ---- */

enum { ANSWER = 4 << 20, SOON_MS = 200 };

static void an_answer_is_not_kept_for_who_does_not_read(void **state)
{
    struct ends *ends = *state;
    unsigned char *answer = calloc(1, ANSWER);
    assert_non_null(answer);
    ends->stream.answer_ms = SOON_MS;
    int64_t before_ms = sg_monotonic_ms(sg_clock_system());
    assert_int_equal(sg_stream_write(&ends->stream, answer, ANSWER), -1);
    assert_int_equal(errno, ETIMEDOUT);
    int64_t took_ms = sg_monotonic_ms(sg_clock_system()) - before_ms;
    assert_in_range(took_ms, SOON_MS, SOON_MS + 5000);
    assert_int_equal(ends->stream.end, SG_STREAM_NOT_READ);
    /* nor what was kept, when the next read would wait */
    assert_int_equal(sg_stream_write(&ends->stream, "last", 4), 4);
    assert_int_equal(sg_stream_read(&ends->stream, answer, 8), -1);
    assert_int_equal(errno, ETIMEDOUT);
    free(answer);
}

/* Reads with a pause before each piece, until the end; exits with 0 when it got everything. */
static pid_t start_reader(const struct ends *ends, unsigned pause_us, size_t piece)
{
    static char bytes[65536];
    pid_t reader = fork();
    assert_true(reader >= 0);
    if (reader != 0) {
        return reader;
    }
    close(ends->stream.fd);
    size_t have = 0;
    ssize_t got = 1;
    while (have < ANSWER && got > 0) {
        usleep(pause_us);
        got = recv(ends->peer, bytes, piece, 0);
        have += got > 0 ? (size_t)got : 0;
    }
    _exit(have == ANSWER ? 0 : 1);
}

/* Somebody who takes a little now and then has no more time than somebody who takes nothing. */
static void an_answer_is_taken_in_time_as_a_whole(void **state)
{
    struct ends *ends = *state;
    unsigned char *answer = calloc(1, ANSWER);
    assert_non_null(answer);
    ends->stream.answer_ms = SOON_MS;
    pid_t reader = start_reader(ends, 20000, 1024);
    assert_int_equal(sg_stream_write(&ends->stream, answer, ANSWER), -1);
    assert_int_equal(errno, ETIMEDOUT);
    assert_int_equal(shutdown(ends->stream.fd, SHUT_RDWR), 0);
    assert_int_equal(waitpid(reader, NULL, 0), reader);
    free(answer);
}

static void a_long_answer_is_waited_for(void **state)
{
    struct ends *ends = *state;
    int status = -1;
    unsigned char *answer = calloc(1, ANSWER);
    assert_non_null(answer);
    pid_t reader = start_reader(ends, 1000, 65536);
    assert_int_equal(sg_stream_write(&ends->stream, answer, ANSWER), ANSWER);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    free(answer);
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
    assert_true(ends->stream.gone && ends->stream.end == SG_STREAM_OPEN);
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
        STREAM_TEST(a_request_leaves_the_socket_after_its_answer),
        STREAM_TEST(pieces_of_a_request_are_read_once),
        STREAM_TEST(nothing_is_sent_while_bytes_are_left),
        STREAM_TEST(more_than_there_is_room_for_goes_by_in_order),
        STREAM_TEST(a_request_has_a_greatest_length),
        STREAM_TEST(the_rest_of_a_request_comes_in_time),
        STREAM_TEST(a_request_that_came_with_another_has_begun),
        STREAM_TEST(a_request_behind_one_with_a_long_answer_has_begun),
        STREAM_TEST(silence_ends_a_request_and_no_rest),
        STREAM_TEST(an_answer_is_not_kept_for_who_does_not_read),
        STREAM_TEST(an_answer_is_taken_in_time_as_a_whole),
        STREAM_TEST(a_long_answer_is_waited_for),
        STREAM_TEST(the_rest_of_a_request_is_waited_for),
        STREAM_TEST(the_end_of_half_a_request_is_the_end),
        STREAM_TEST(the_end_is_the_end),
        STREAM_TEST(a_client_that_has_gone_is_an_error_and_no_signal),
        STREAM_TEST(a_full_write_reports_what_could_not_be_sent),
        STREAM_TEST(read_and_write_use_the_joined_stream),
        STREAM_TEST(other_descriptors_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
