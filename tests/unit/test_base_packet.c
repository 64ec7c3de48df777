/* Packets with descriptors. */
#include "cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/base/packet.h>

struct pair {
    int ends[2];
    struct sg_packet packet;
    struct sg_error err;
};

static int make_pair(void **state)
{
    struct pair *pair = calloc(1, sizeof *pair);
    if (pair == NULL || sg_packet_pair(pair->ends, &pair->err) != SG_OK) {
        return -1;
    }
    *state = pair;
    return 0;
}

static int close_pair(void **state)
{
    struct pair *pair = *state;
    sg_packet_close_fds(&pair->packet);
    sg_fd_closep(&pair->ends[0]);
    sg_fd_closep(&pair->ends[1]);
    free(pair);
    return 0;
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    return count;
}

static sg_status send_text(struct pair *pair, const char *text)
{
    return sg_packet_send(pair->ends[0], text, strlen(text), NULL, 0, NULL, 0, &pair->err);
}

static sg_status receive(struct pair *pair, int timeout_ms)
{
    return sg_packet_receive(pair->ends[1], timeout_ms, &pair->packet, &pair->err);
}

static void packets_arrive_one_by_one(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(send_text(pair, "first"), SG_OK);
    assert_int_equal(send_text(pair, "2nd"), SG_OK);
    assert_int_equal(receive(pair, 0), SG_OK);
    assert_int_equal(pair->packet.len, 5);
    assert_memory_equal(pair->packet.data, "first", 5);
    assert_int_equal(receive(pair, -1), SG_OK);
    assert_int_equal(pair->packet.len, 3);
    assert_int_equal(pair->packet.fd_count, 0);
}

static void head_and_body_are_one_packet(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(sg_packet_send(pair->ends[0], "head", 4, "body\0!", 6, NULL, 0, &pair->err),
                     SG_OK);
    assert_int_equal(receive(pair, 0), SG_OK);
    assert_int_equal(pair->packet.len, 10);
    assert_memory_equal(pair->packet.data, "headbody\0!", 10);
}

static void the_largest_packet_passes_and_no_larger_one(void **state)
{
    struct pair *pair = *state;
    unsigned char *data = malloc(SG_PACKET_MAX);
    assert_non_null(data);
    memset(data, 0xA5, SG_PACKET_MAX);
    assert_int_equal(
        sg_packet_send(pair->ends[0], "h", 1, data, SG_PACKET_MAX, NULL, 0, &pair->err),
        SG_E_LIMIT);
    assert_string_equal(pair->err.code, "packet_too_large");
    assert_int_equal(
        sg_packet_send(pair->ends[0], "h", 1, data, SG_PACKET_MAX - 1, NULL, 0, &pair->err), SG_OK);
    assert_int_equal(receive(pair, 0), SG_OK);
    assert_int_equal(pair->packet.len, SG_PACKET_MAX);
    assert_memory_equal(pair->packet.data + 1, data, SG_PACKET_MAX - 1);
    free(data);
}

static void a_packet_larger_than_ours_is_refused_whole(void **state)
{
    struct pair *pair = *state;
    unsigned char *data = calloc(1, SG_PACKET_MAX + 1);
    assert_non_null(data);
    assert_int_equal(send(pair->ends[0], data, SG_PACKET_MAX + 1, 0), SG_PACKET_MAX + 1);
    free(data);
    assert_int_equal(receive(pair, 0), SG_E_INPUT);
    assert_string_equal(pair->err.code, "packet_truncated");
    assert_int_equal(send_text(pair, "next"), SG_OK);
    assert_int_equal(receive(pair, 0), SG_OK);
    assert_memory_equal(pair->packet.data, "next", 4);
}

/* ---- descriptors ---- */

static void descriptors_arrive_and_close_on_exec(void **state)
{
    struct pair *pair = *state;
    int before = open_descriptors();
    int pipes[SG_PACKET_FDS];
    assert_int_equal(pipe2(pipes, 0), 0);
    assert_int_equal(pipe2(pipes + 2, 0), 0);
    assert_int_equal(sg_packet_send(pair->ends[0], "x", 1, NULL, 0, pipes, 4, &pair->err), SG_OK);
    assert_int_equal(receive(pair, 0), SG_OK);
    assert_int_equal(pair->packet.fd_count, 4);
    for (size_t i = 0; i < SG_PACKET_FDS; i++) {
        struct stat sent;
        struct stat arrived;
        assert_int_equal(fcntl(pair->packet.fds[i], F_GETFD), FD_CLOEXEC);
        assert_int_equal(fstat(pipes[i], &sent), 0);
        assert_int_equal(fstat(pair->packet.fds[i], &arrived), 0);
        assert_int_equal(sent.st_ino, arrived.st_ino);
        close(pipes[i]);
    }
    assert_int_equal(open_descriptors(), before + 4);
    sg_packet_close_fds(&pair->packet);
    assert_int_equal(open_descriptors(), before);
}

static void a_taken_descriptor_is_not_closed_with_the_packet(void **state)
{
    struct pair *pair = *state;
    int before = open_descriptors();
    assert_int_equal(sg_packet_send(pair->ends[0], "x", 1, NULL, 0, pair->ends, 2, &pair->err),
                     SG_OK);
    assert_int_equal(receive(pair, 0), SG_OK);
    int taken = sg_packet_take_fd(&pair->packet, 1);
    assert_true(taken >= 0);
    assert_int_equal(sg_packet_take_fd(&pair->packet, 1), -1);
    assert_int_equal(sg_packet_take_fd(&pair->packet, 2), -1);
    assert_int_equal(sg_packet_take_fd(&pair->packet, SIZE_MAX), -1);
    sg_packet_close_fds(&pair->packet);
    assert_int_equal(open_descriptors(), before + 1);
    assert_true(fcntl(taken, F_GETFD) >= 0);
    close(taken);
}

static void too_many_descriptors_are_not_sent(void **state)
{
    struct pair *pair = *state;
    const int fds[SG_PACKET_FDS + 1] = {0, 0, 0, 0, 0};
    assert_int_equal(sg_packet_send(pair->ends[0], "x", 1, NULL, 0, fds, SG_COUNT(fds), &pair->err),
                     SG_E_LIMIT);
    assert_int_equal(receive(pair, 0), SG_E_SERVICE);
    assert_string_equal(pair->err.code, "timeout");
}

/* A peer that does not use our code sends more than we take: nothing of it stays open. */
static void too_many_descriptors_from_outside_are_refused_and_closed(void **state)
{
    struct pair *pair = *state;
    int before = open_descriptors();
    enum { MANY = 30 };
    _Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(MANY * sizeof(int))] = {0};
    char byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(MANY * sizeof(int));
    for (size_t i = 0; i < MANY; i++) {
        memcpy(CMSG_DATA(head) + i * sizeof(int), &pair->ends[0], sizeof(int));
    }
    assert_int_equal(sendmsg(pair->ends[0], &message, 0), 1);
    assert_int_equal(receive(pair, 0), SG_E_INPUT);
    assert_string_equal(pair->err.code, "packet_truncated");
    assert_int_equal(pair->packet.fd_count, 0);
    assert_int_equal(open_descriptors(), before);
}

static void a_closed_descriptor_cannot_be_sent(void **state)
{
    struct pair *pair = *state;
    const int closed = -1;
    assert_int_equal(sg_packet_send(pair->ends[0], "x", 1, NULL, 0, &closed, 1, &pair->err),
                     SG_E_INTERNAL);
    assert_int_equal(pair->err.sys_errno, EBADF);
}

/* ---- the other end ---- */

static void nothing_in_time_is_a_timeout(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(receive(pair, 0), SG_E_SERVICE);
    assert_string_equal(pair->err.code, "timeout");
    assert_int_equal(receive(pair, 20), SG_E_SERVICE);
    assert_string_equal(pair->err.code, "timeout");
    assert_int_equal(pair->packet.len, 0);
}

static void a_peer_that_is_gone_is_said_on_both_ways(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(send_text(pair, "last words"), SG_OK);
    int gone = sg_fd_steal(&pair->ends[0]);
    close(gone);
    assert_int_equal(receive(pair, 100), SG_OK); /* what was sent before still arrives */
    assert_int_equal(receive(pair, 100), SG_E_SERVICE);
    assert_string_equal(pair->err.code, "peer_gone");
    assert_int_equal(receive(pair, -1), SG_E_SERVICE);
    assert_int_equal(sg_packet_send(pair->ends[1], "x", 1, NULL, 0, NULL, 0, &pair->err),
                     SG_E_SERVICE);
    assert_string_equal(pair->err.code, "peer_gone"); /* and no SIGPIPE: we are still here */
}

static void a_full_socket_would_block(void **state)
{
    struct pair *pair = *state;
    unsigned char *data = calloc(1, SG_PACKET_MAX);
    assert_non_null(data);
    assert_int_equal(fcntl(pair->ends[0], F_SETFL, O_NONBLOCK), 0);
    sg_status s = SG_OK;
    unsigned sent = 0;
    while (s == SG_OK && sent < 1000) {
        s = sg_packet_send(pair->ends[0], data, SG_PACKET_MAX, NULL, 0, NULL, 0, &pair->err);
        sent += s == SG_OK;
    }
    free(data);
    assert_int_equal(s, SG_E_SERVICE);
    assert_string_equal(pair->err.code, "would_block");
    assert_in_range(sent, 1, 999);
}

static void packets_cross_processes(void **state)
{
    struct pair *pair = *state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pair->ends[0]);
        if (receive(pair, 5000) != SG_OK || pair->packet.fd_count != 1) {
            _exit(1);
        }
        _exit(write(pair->packet.fds[0], pair->packet.data, pair->packet.len) == 5 ? 0 : 2);
    }
    int ends[2];
    char answer[8] = "";
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(sg_packet_send(pair->ends[0], "hello", 5, NULL, 0, &ends[1], 1, &pair->err),
                     SG_OK);
    close(ends[1]);
    assert_int_equal(read(ends[0], answer, sizeof answer), 5);
    assert_string_equal(answer, "hello");
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_pair_closes_on_exec(void **state)
{
    struct pair *pair = *state;
    assert_int_equal(fcntl(pair->ends[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(pair->ends[1], F_GETFD), FD_CLOEXEC);
}

#define IN_PAIR(test) cmocka_unit_test_setup_teardown(test, make_pair, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PAIR(packets_arrive_one_by_one),
        IN_PAIR(head_and_body_are_one_packet),
        IN_PAIR(the_largest_packet_passes_and_no_larger_one),
        IN_PAIR(a_packet_larger_than_ours_is_refused_whole),
        IN_PAIR(descriptors_arrive_and_close_on_exec),
        IN_PAIR(a_taken_descriptor_is_not_closed_with_the_packet),
        IN_PAIR(too_many_descriptors_are_not_sent),
        IN_PAIR(too_many_descriptors_from_outside_are_refused_and_closed),
        IN_PAIR(a_closed_descriptor_cannot_be_sent),
        IN_PAIR(nothing_in_time_is_a_timeout),
        IN_PAIR(a_peer_that_is_gone_is_said_on_both_ways),
        IN_PAIR(a_full_socket_would_block),
        IN_PAIR(packets_cross_processes),
        IN_PAIR(a_pair_closes_on_exec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
