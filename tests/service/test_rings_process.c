/* The rings process against clients, connections and a control that misbehave. */
#include <asm/ioctls.h>
#include <asm/sockios.h>
#include <errno.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/log.h>
#include <signet/base/packet.h>

#include "cmocka_all.h"
#include "patience.h"
#include "rings_fixture.h"
#include "sandbox_internal.h"

static struct rings_fixture fixture;

/* ---- speaking the RPC by hand (p11-kit 0.24, rpc-message.h, rpc-transport.c) ---- */

enum {
    CALL_ERROR = 0,
    CALL_INITIALIZE = 1,
    CALL_FINALIZE = 2,
    CALL_INFO = 3,
    CALL_SLOT_LIST = 4,
    CALL_OPEN_SESSION = 10,
    CALL_ATTRIBUTES = 24,
    CALL_SEARCH = 26,
    CALL_FOUND = 27,
    CALL_DIGEST_FINAL = 41,
    CALL_SIGN = 43,
    CALL_RANDOM = 64,
};

struct message {
    unsigned char bytes[512];
    size_t len;
};

static void put_u32(struct message *message, uint32_t value)
{
    const unsigned char bytes[] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
                                   (unsigned char)(value >> 8), (unsigned char)value};
    memcpy(message->bytes + message->len, bytes, 4);
    message->len += 4;
}

static void put_bytes(struct message *message, const void *bytes, size_t len)
{
    put_u32(message, (uint32_t)len);
    memcpy(message->bytes + message->len, bytes, len);
    message->len += len;
}

static void send_all(int fd, const void *bytes, size_t len)
{
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Call, with the head that the transport puts in front: a number, the lengths of options and body.
 */
static void send_call(int fd, const struct message *body)
{
    struct message head = {.len = 0};
    put_u32(&head, 1);
    put_u32(&head, 0);
    put_u32(&head, (uint32_t)body->len);
    send_all(fd, head.bytes, head.len);
    send_all(fd, body->bytes, body->len);
}

static bool receive_exactly(int fd, unsigned char *bytes, size_t len)
{
    size_t done = 0;
    while (done < len) {
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        if (poll(&entry, 1, patiently(8000)) <= 0) {
            return false;
        }
        ssize_t got = recv(fd, bytes + done, len - done, 0);
        if (got <= 0) {
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

static uint32_t get_u32(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The number of the call that an answer is for; UINT32_MAX when there is none. */
static uint32_t receive_answer(int fd)
{
    unsigned char head[12];
    unsigned char body[4096];
    if (!receive_exactly(fd, head, sizeof head) || get_u32(head + 8) > sizeof body ||
        get_u32(head + 8) < 4 || !receive_exactly(fd, body, get_u32(head + 8))) {
        return UINT32_MAX;
    }
    return get_u32(body);
}

static void initialize_call(struct message *body)
{
    body->len = 0;
    put_u32(body, CALL_INITIALIZE);
    put_bytes(body, "ayyay", 5);
    body->bytes[body->len++] = 1;
    put_bytes(body, "PRIVATE-GNOME-KEYRING-PKCS11-PROTOCOL-V-1", 41);
    body->bytes[body->len++] = 0;
    body->bytes[body->len++] = 1;
    put_bytes(body, "", 1);
}

static uint32_t initialize(int fd)
{
    struct message body;
    initialize_call(&body);
    send_call(fd, &body);
    return receive_answer(fd);
}

static bool greet(int fd)
{
    unsigned char version = 0;
    send_all(fd, &version, 1);
    return receive_exactly(fd, &version, 1);
}

/* A client that works, or not. */
static int working_client(void)
{
    int fd = rings_connect(&fixture);
    assert_true(greet(fd));
    assert_int_equal(initialize(fd), CALL_INITIALIZE);
    return fd;
}

static bool is_closed(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    char byte;
    return poll(&entry, 1, patiently(8000)) > 0 && recv(fd, &byte, 1, 0) <= 0;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        close(fds[i]);
    }
}

/* ---- fixtures ---- */

static int start(void **state)
{
    (void)state;
    rings_fixture_make(&fixture);
    rings_fixture_start(&fixture);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    int status = rings_fixture_stop(&fixture);
    rings_fixture_free(&fixture);
    return status;
}

/* The clients of the test before are gone, and control has heard of it: packets come in order, so
 * the end of one client more is the last that it hears. */
static int reset(void **state)
{
    (void)state;
    struct timespec pause = {.tv_nsec = 5000000};
    rings_fixture_reset(&fixture);
    rings_wait_for_nobody(&fixture);
    int fd = working_client();
    uint64_t last = atomic_load(&fixture.knobs->connection);
    close(fd);
    for (int i = 0; atomic_load(&fixture.knobs->gone_connection) != last; i++) {
        assert_true(i < 2000);
        nanosleep(&pause, NULL);
    }
    rings_fixture_reset(&fixture);
    return 0;
}

/* ---- clients ---- */

static void control_hears_whom_the_kernel_names(void **state)
{
    (void)state;
    int fd = working_client();
    assert_int_equal(atomic_load(&fixture.knobs->uid), getuid());
    assert_int_equal(atomic_load(&fixture.knobs->gid), getgid());
    assert_int_equal(atomic_load(&fixture.knobs->pid), getpid());
    assert_true(atomic_load(&fixture.knobs->connection) > 0);
    close(fd);
    assert_int_equal(rings_wait(&fixture.knobs->gones, 1), 1);
    assert_int_equal(atomic_load(&fixture.knobs->gone_connection),
                     atomic_load(&fixture.knobs->connection));
}

static void connections_have_different_numbers(void **state)
{
    (void)state;
    int one = working_client();
    uint64_t first = atomic_load(&fixture.knobs->connection);
    int two = working_client();
    assert_int_not_equal(first, atomic_load(&fixture.knobs->connection));
    close(one);
    close(two);
    assert_int_equal(rings_wait(&fixture.knobs->gones, 2), 2);
}

static void nobody_bothers_control_before_initialize(void **state)
{
    (void)state;
    struct message body = {.len = 0};
    int fd = rings_connect(&fixture);
    assert_true(greet(fd));
    put_u32(&body, CALL_INFO);
    put_bytes(&body, "", 0);
    send_call(fd, &body);
    assert_int_equal(receive_answer(fd), CALL_ERROR);
    close(fd);
    struct timespec pause = {.tv_nsec = 50000000};
    nanosleep(&pause, NULL);
    assert_int_equal(atomic_load(&fixture.knobs->views), 0);
    assert_int_equal(atomic_load(&fixture.knobs->gones), 0);
}

static void garbage_ends_that_connection_only(void **state)
{
    (void)state;
    int good = working_client();
    unsigned char junk[300];
    for (unsigned seed = 0; seed < 20; seed++) {
        int fd = rings_connect(&fixture);
        for (size_t i = 0; i < sizeof junk; i++) {
            junk[i] = (unsigned char)(i * (seed | 1) + seed);
        }
        junk[0] = seed % 2 == 0 ? 0 : 7; /* a right and a wrong version */
        send_all(fd, junk, sizeof junk);
        (void)shutdown(fd, SHUT_WR);
        close(fd);
    }
    struct message body = {.len = 0};
    put_u32(&body, CALL_FINALIZE);
    put_bytes(&body, "", 0);
    send_call(good, &body);
    assert_int_equal(receive_answer(good), CALL_FINALIZE);
    close(good);
}

static void silent_client_is_dropped(void **state)
{
    (void)state;
    int fd = rings_connect(&fixture);
    int64_t before_ms = sg_monotonic_ms(sg_clock_system());
    assert_true(is_closed(fd));
    int64_t took_ms = sg_monotonic_ms(sg_clock_system()) - before_ms;
    assert_true(took_ms >= fixture.settings.answer_timeout_ms - 100);
    close(fd);
}

/* ---- one ring alone ---- */

static void send_preamble(int fd, const char *magic, uint32_t ring, size_t len)
{
    struct sg_rings_preamble preamble = {.ring = ring};
    memcpy(preamble.magic, magic, sizeof preamble.magic);
    send_all(fd, &preamble, len);
}

static void ring_asked_for_goes_with_every_question(void **state)
{
    (void)state;
    int fd = rings_connect(&fixture);
    send_preamble(fd, SG_RINGS_PREAMBLE, 77, sizeof(struct sg_rings_preamble));
    /* before the first byte of the protocol */
    assert_true(rings_wait(&fixture.knobs->views, 1) >= 1);
    assert_int_equal(atomic_load(&fixture.knobs->ring), 77);
    assert_true(greet(fd));
    assert_int_equal(initialize(fd), CALL_INITIALIZE);
    int other = working_client();
    assert_int_equal(atomic_load(&fixture.knobs->ring), 0);
    atomic_fetch_add(&fixture.page->generation, 1);
    close(other);
    close(fd);
}

static void bad_preamble_ends_the_connection(void **state)
{
    (void)state;
    const size_t whole = sizeof(struct sg_rings_preamble);
    int bad[] = {rings_connect(&fixture), rings_connect(&fixture), rings_connect(&fixture)};
    send_preamble(bad[0], "\xffSRX", 77, whole);
    send_preamble(bad[1], SG_RINGS_PREAMBLE, 0, whole);
    send_preamble(bad[2], SG_RINGS_PREAMBLE, 77, whole - 3);
    (void)shutdown(bad[2], SHUT_WR);
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        assert_true(is_closed(bad[i]));
    }
    close_all(bad, SG_COUNT(bad));
    assert_int_equal(atomic_load(&fixture.knobs->views), 0);
}

static void preamble_that_does_not_end_is_waited_for_in_vain(void **state)
{
    (void)state;
    int fd = rings_connect(&fixture);
    int64_t before_ms = sg_monotonic_ms(sg_clock_system());
    send_preamble(fd, SG_RINGS_PREAMBLE, 77, 5);
    assert_true(is_closed(fd));
    assert_true(sg_monotonic_ms(sg_clock_system()) - before_ms >=
                fixture.settings.answer_timeout_ms - 100);
    close(fd);
}

static void preamble_is_for_the_beginning_only(void **state)
{
    (void)state;
    int fd = working_client();
    send_preamble(fd, SG_RINGS_PREAMBLE, 77, sizeof(struct sg_rings_preamble));
    (void)shutdown(fd, SHUT_WR);
    assert_true(is_closed(fd));
    assert_int_equal(atomic_load(&fixture.knobs->ring), 0);
    close(fd);
}

static void client_that_leaves_in_the_middle_is_forgotten(void **state)
{
    (void)state;
    struct message body;
    for (size_t cut = 1; cut < 60; cut += 7) {
        int fd = rings_connect(&fixture);
        struct message head = {.len = 0};
        initialize_call(&body);
        put_u32(&head, 1);
        put_u32(&head, 0);
        put_u32(&head, (uint32_t)body.len);
        assert_true(greet(fd));
        send_all(fd, head.bytes, head.len);
        send_all(fd, body.bytes, cut);
        close(fd);
    }
    int good = working_client();
    close(good);
    assert_int_equal(rings_wait(&fixture.knobs->gones, 1), 1);
}

static void hostile_length_takes_no_memory(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0x7fffffff, 0xffffffff, 0x40000000};
    for (size_t i = 0; i < SG_COUNT(lengths); i++) {
        struct message head = {.len = 0};
        int fd = rings_connect(&fixture);
        assert_true(greet(fd));
        put_u32(&head, 1);
        put_u32(&head, 0);
        put_u32(&head, lengths[i]);
        send_all(fd, head.bytes, head.len);
        assert_true(is_closed(fd)); /* the allocation failed at once, without a byte of it sent */
        close(fd);
    }
}

#ifndef SIGNET_SANITIZED
static void memory_of_a_connection_is_limited(void **state)
{
    (void)state;
    struct rlimit limit = {0, 0};
    int fd = working_client();
    pid_t connection = rings_youngest(&fixture);
    if (connection == 0) {
        close(fd);
        skip(); /* a kernel without CONFIG_PROC_CHILDREN */
    }
    if (geteuid() == 0) { /* others may not look into a process that is not dumpable */
        assert_int_equal(prlimit(connection, RLIMIT_AS, NULL, &limit), 0);
        assert_int_equal(limit.rlim_max, fixture.settings.memory_max);
        assert_int_equal(prlimit(connection, RLIMIT_NOFILE, NULL, &limit), 0);
        assert_int_equal(limit.rlim_max, SG_SANDBOX_FILES);
        assert_int_equal(prlimit(connection, RLIMIT_CORE, NULL, &limit), 0);
        assert_int_equal(limit.rlim_max, 0);
    }
    close(fd);
}

static long status_line(pid_t process, const char *name)
{
    char path[64];
    char line[256];
    long value = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)process);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            value = strtol(line + strlen(name), NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return value;
}

/* ---- what a client makes it fill ---- */

enum { MIB = 1 << 20, KEPT_KB = 6144 };

static void put_u64(struct message *message, uint64_t value)
{
    put_u32(message, (uint32_t)(value >> 32));
    put_u32(message, (uint32_t)value);
}

static struct message start_call(uint32_t call, const char *signature)
{
    struct message body = {.len = 0};
    put_u32(&body, call);
    put_bytes(&body, signature, strlen(signature));
    return body;
}

/* An answer of any length: CKR_OK and its body, or what it failed with. UINT32_MAX: there is none.
 */
static uint32_t receive_result(int fd, unsigned char **out, size_t *len)
{
    unsigned char head[12];
    if (!receive_exactly(fd, head, sizeof head)) {
        return UINT32_MAX;
    }
    *len = get_u32(head + 8);
    *out = malloc(*len + 1);
    assert_non_null(*out);
    assert_true(receive_exactly(fd, *out, *len) && *len >= 4);
    return get_u32(*out) == CALL_ERROR ? get_u32(*out + *len - 4) : CKR_OK;
}

static uint32_t last_word(const unsigned char *answer, size_t len)
{
    return answer != NULL && len >= 4 ? get_u32(answer + len - 4) : 0;
}

static uint32_t result_of(int fd, const struct message *body)
{
    unsigned char *answer = NULL;
    size_t len = 0;
    send_call(fd, body);
    uint32_t rv = receive_result(fd, &answer, &len);
    free(answer);
    return rv;
}

/* A session of any slot: one that the client does not see is empty. */
static uint64_t open_session(int fd, uint64_t slot)
{
    unsigned char *answer = NULL;
    size_t len = 0;
    struct message body = start_call(CALL_OPEN_SESSION, "uu");
    put_u64(&body, slot);
    put_u64(&body, CKF_SERIAL_SESSION);
    send_call(fd, &body);
    assert_int_equal(receive_result(fd, &answer, &len), CKR_OK);
    uint64_t session = last_word(answer, len);
    free(answer);
    return session;
}

static struct message random_call(uint64_t session, uint32_t len)
{
    struct message body = start_call(CALL_RANDOM, "ufy");
    put_u64(&body, session);
    put_u32(&body, len);
    return body;
}

static void random_numbers_have_a_greatest_length(void **state)
{
    (void)state;
    unsigned char *answer = NULL;
    size_t len = 0;
    int fd = working_client();
    uint64_t session = open_session(fd, 4711);
    struct message body = random_call(session, MIB);
    send_call(fd, &body);
    assert_int_equal(receive_result(fd, &answer, &len), CKR_OK);
    assert_true(len > MIB);
    free(answer);
    static const uint32_t too_long[] = {MIB + 1, 10 * MIB, 100 * MIB, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < SG_COUNT(too_long); i++) {
        body = random_call(session, too_long[i]);
        assert_int_equal(result_of(fd, &body), CKR_DEVICE_MEMORY);
    }
    body = random_call(session, 16);
    assert_int_equal(result_of(fd, &body), CKR_OK);
    close(fd);
}

/* kB that it has filled, most that it ever had. */
static void check_memory(pid_t connection)
{
    if (connection != 0) {
        assert_in_range(status_line(connection, "RssAnon:"), 1, KEPT_KB);
        assert_in_range(status_line(connection, "VmHWM:"), 1, 40 * 1024);
    }
}

/* p11-kit fills the room for an answer before anybody looks at the call. */
static void room_for_answers_is_bounded(void **state)
{
    (void)state;
    int fd = working_client();
    pid_t connection = rings_youngest(&fixture);
    uint64_t session = open_session(fd, 4711);
    struct message calls[] = {start_call(CALL_FOUND, "ufu"), start_call(CALL_DIGEST_FINAL, "ufy"),
                              start_call(CALL_SIGN, "uayfy"), start_call(CALL_ATTRIBUTES, "uufA"),
                              start_call(CALL_ATTRIBUTES, "uufA")};
    for (size_t i = 0; i < SG_COUNT(calls); i++) {
        put_u64(&calls[i], session);
    }
    put_u32(&calls[0], 20 * MIB); /* handles */
    put_u32(&calls[1], 100 * MIB);
    calls[2].bytes[calls[2].len++] = 1;
    put_bytes(&calls[2], "x", 1);
    put_u32(&calls[2], 100 * MIB);
    put_u64(&calls[3], 1);
    put_u32(&calls[3], 20 * MIB); /* attributes */
    put_u64(&calls[4], 1);
    put_u32(&calls[4], 25); /* 25 times 4 MiB for a value */
    for (int i = 0; i < 25; i++) {
        put_u32(&calls[4], CKA_LABEL);
        put_u32(&calls[4], 4 * MIB);
    }
    for (size_t i = 0; i < SG_COUNT(calls); i++) {
        assert_int_equal(result_of(fd, &calls[i]), CKR_DEVICE_MEMORY);
    }
    check_memory(connection);
    struct message body = random_call(session, 16);
    assert_int_equal(result_of(fd, &body), CKR_OK);
    close(fd);
}

static uint32_t first_certificate(int fd, uint64_t session)
{
    unsigned char *answer = NULL;
    size_t len = 0;
    struct message body = start_call(CALL_SEARCH, "uaA");
    put_u64(&body, session);
    put_u32(&body, 1);
    put_u32(&body, CKA_CLASS);
    body.bytes[body.len++] = 1;
    put_u32(&body, 8);
    put_u64(&body, CKO_CERTIFICATE);
    assert_int_equal(result_of(fd, &body), CKR_OK);
    body = start_call(CALL_FOUND, "ufu");
    put_u64(&body, session);
    put_u32(&body, 1);
    send_call(fd, &body);
    assert_int_equal(receive_result(fd, &answer, &len), CKR_OK);
    uint32_t object = last_word(answer, len);
    free(answer);
    return object;
}

/* Ask for the value of a certificate so many times, with so much room for it each time. */
static uint32_t ask_for_values(int fd, uint32_t count, uint32_t room)
{
    uint64_t session = open_session(fd, SLOT_WEB);
    uint32_t object = first_certificate(fd, session);
    struct message body = start_call(CALL_ATTRIBUTES, "uufA");
    struct message head = {.len = 0};
    put_u64(&body, session);
    put_u64(&body, object);
    put_u32(&body, count);
    put_u32(&head, 1);
    put_u32(&head, 0);
    put_u32(&head, (uint32_t)body.len + count * 8);
    send_all(fd, head.bytes, head.len);
    send_all(fd, body.bytes, body.len);
    for (uint32_t i = 0; i < count; i++) {
        struct message one = {.len = 0};
        put_u32(&one, CKA_VALUE);
        put_u32(&one, room);
        send_all(fd, one.bytes, one.len);
    }
    unsigned char *answer = NULL;
    size_t len = 0;
    uint32_t rv = receive_result(fd, &answer, &len);
    free(answer);
    return rv;
}

static void one_call_brings_no_endless_values(void **state)
{
    (void)state;
    int fd = working_client();
    assert_int_equal(ask_for_values(fd, 8000, 1500), CKR_DEVICE_MEMORY);
    check_memory(rings_youngest(&fixture));
    assert_int_equal(ask_for_values(fd, 1000, 1500), CKR_OK);
    close(fd);
}

/* The answer lies behind what was taken for it, in the heap, and keeps it there. */
static void who_rests_keeps_no_memory(void **state)
{
    (void)state;
    const struct timespec pause = {.tv_nsec = 100000000};
    int fd = working_client();
    pid_t connection = rings_youngest(&fixture);
    if (connection == 0) {
        close(fd);
        skip();
    }
    assert_int_equal(ask_for_values(fd, 100, 120000), CKR_OK);
    long kept = status_line(connection, "RssAnon:");
    for (int i = 0; kept > KEPT_KB && i < 150; i++) {
        nanosleep(&pause, NULL);
        kept = status_line(connection, "RssAnon:");
    }
    assert_in_range(kept, 1, KEPT_KB);
    close(fd);
}

static void fill_the_stack(void)
{
    volatile unsigned char bytes[2 * MIB];
    for (size_t i = sizeof bytes; i > 0; i -= 4096) {
        bytes[i - 1] = 1;
    }
}

static void fill_the_heap(void)
{
    unsigned char *most = malloc(SG_SANDBOX_DATA_MAX - MIB);
    unsigned char *more = malloc((size_t)2 * MIB);
    _exit(most != NULL && more == NULL ? 7 : 8);
}

static void connection_is_filtered_and_without_new_privileges(void **state)
{
    (void)state;
    int fd = working_client();
    pid_t connection = rings_youngest(&fixture);
    if (connection == 0) {
        close(fd);
        skip();
    }
    assert_int_equal(status_line(connection, "Seccomp:"), 2);
    assert_int_equal(status_line(connection, "NoNewPrivs:"), 1);
    close(fd);
}

static void connection_holds_nothing_of_others(void **state)
{
    (void)state;
    int before = working_client();
    int fd = working_client();
    pid_t connection = rings_youngest(&fixture);
    char path[64];
    char target[256];
    char client[32];
    int open_fds = 0;
    snprintf(client, sizeof client, "/proc/%d/stat", (int)getpid());
    if (connection == 0 || geteuid() != 0) {
        close_all((const int[]){before, fd}, 2);
        skip();
    }
    for (int i = 0; i < 256; i++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)connection, i);
        ssize_t len = readlink(path, target, sizeof target - 1);
        if (len < 0) {
            continue;
        }
        target[len] = '\0';
        open_fds++;
        assert_true(i <= 5);
        assert_true(i > 2 || strcmp(target, "/dev/null") == 0);
        assert_true(i < 5 || strcmp(target, client) == 0);
    }
    assert_int_equal(open_fds, 6); /* null three times, the client, the channel, where it works */
    close_all((const int[]){before, fd}, 2);
}

static pid_t parent; /* asked for before: to ask, in there, is deadly itself */

/* The filter kills whoever leaves the list: tried on a process of our own. */
static int end_of(void (*what)(void))
{
    int status = 0;
    pid_t process = fork();
    if (process == 0) {
        struct sg_error err = SG_ERROR_INIT;
        struct sg_sandbox *sandbox = NULL;
        parent = getppid();
        if (sg_sandbox_new(&sandbox, &err) != SG_OK ||
            sg_sandbox_enter(sandbox, 256u << 20, &err) != SG_OK) {
            _exit(99);
        }
        what();
        _exit(0);
    }
    assert_int_equal(waitpid(process, &status, 0), process);
    return status;
}

static void open_a_file(void)
{
    _exit(fopen("/etc/passwd", "re") == NULL && errno == EACCES ? 7 : 8);
}

static void make_a_socket(void)
{
    (void)!socket(AF_UNIX, SOCK_STREAM, 0);
}

static void fork_again(void)
{
    (void)!fork();
}

static void make_code(void)
{
    (void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* What RLIMIT_DATA does not count. */
static void map_shared(void)
{
    (void)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void map_shared_and_validated(void)
{
    (void)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0);
}

static void map_a_stack(void)
{
    (void)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1,
               0);
}

/* A page in the stack's unused part, of which the kernel has made some room. */
static unsigned char *page_of_stack(void)
{
    volatile unsigned char room[128 * 1024];
    unsigned char *here = __builtin_frame_address(0);
    room[0] = 1;
    return here - sizeof room / 2 - (uintptr_t)here % 4096;
}

/* The lower of two pieces could grow by RLIMIT_STACK again. */
static void cut_the_stack(void)
{
    (void)munmap(page_of_stack(), 4096);
}

static void lay_over_the_stack(void)
{
    (void)mmap(page_of_stack(), 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void change_the_stack(void)
{
    unsigned char *page = page_of_stack();
    bool kept = mremap(page, 4096, (size_t)32 * MIB, MREMAP_MAYMOVE) == MAP_FAILED;
    kept = kept && mprotect(page, 4096, PROT_READ) != 0 && mprotect(page, 4096, PROT_NONE) != 0;
    kept = kept && madvise(page, 4096, MADV_DONTDUMP) != 0 && errno == EACCES;
    _exit(kept && madvise(page, 4096, MADV_DONTNEED) == 0 ? 7 : 8);
}

static void grow_in_the_heap(void)
{
    unsigned char *block = NULL;
    for (size_t len = 1000; len < (size_t)5 * MIB; len *= 2) {
        unsigned char *more = realloc(block, len);
        if (more == NULL || (block != NULL && more[len / 2 - 1] != 7)) {
            _exit(8);
        }
        block = more;
        memset(block, 7, len);
    }
    free(block);
    _exit(7);
}

/* Descriptors come from rings, through the channel, and go nowhere. */
static void take_in_through(int fd)
{
    char byte = 0;
    struct iovec part = {&byte, 1};
    _Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(int))];
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    (void)recvmsg(fd, &message, MSG_DONTWAIT);
}

static void take_in_from_the_client(void)
{
    take_in_through(3);
}

static void take_in_from_a_capability(void)
{
    take_in_through(SG_SANDBOX_CHANNEL + 1);
}

static void take_in_from_rings(void)
{
    take_in_through(SG_SANDBOX_CHANNEL);
    _exit(7);
}

static void pass_on(void)
{
    struct msghdr message = {.msg_iovlen = 0};
    (void)sendmsg(SG_SANDBOX_CHANNEL, &message, MSG_DONTWAIT);
}

static void pass_much_on(void)
{
    struct mmsghdr message = {.msg_len = 0};
    (void)sendmmsg(SG_SANDBOX_CHANNEL, &message, 1, MSG_DONTWAIT);
}

static void take_much_in(void)
{
    struct mmsghdr message = {.msg_len = 0};
    (void)recvmmsg(SG_SANDBOX_CHANNEL, &message, 1, MSG_DONTWAIT, NULL);
}

static void send_to_an_address(void)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX,
                                        .sun_path = "/run/systemd/journal/socket"};
    (void)sendto(3, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT, (const void *)&address, sizeof address);
}

static void signal_the_parent(void)
{
    kill(parent, 0);
}

/* Whoever may not call kill(2) can have the kernel do it. */
static void own_by_descriptor(void)
{
    (void)fcntl(STDERR_FILENO, F_SETOWN, parent);
}

static void own_by_structure(void)
{
    struct f_owner_ex owner = {F_OWNER_PID, parent};
    (void)fcntl(STDERR_FILENO, F_SETOWN_EX, &owner);
}

static void choose_the_signal(void)
{
    (void)fcntl(STDERR_FILENO, F_SETSIG, SIGKILL);
}

static void be_told(void)
{
    (void)fcntl(STDERR_FILENO, F_SETFL, O_ASYNC);
}

static void be_told_of_names(void)
{
    (void)fcntl(STDERR_FILENO, F_NOTIFY, DN_MODIFY);
}

static void lease(void)
{
    (void)fcntl(STDERR_FILENO, F_SETLEASE, F_RDLCK);
}

static void own_by_ioctl(void)
{
    int owner = parent;
    (void)ioctl(STDERR_FILENO, FIOSETOWN, &owner);
}

static void own_group_by_ioctl(void)
{
    int owner = parent;
    (void)ioctl(STDERR_FILENO, SIOCSPGRP, &owner);
}

static void be_told_by_ioctl(void)
{
    int on = 1;
    (void)ioctl(STDERR_FILENO, FIOASYNC, &on);
}

static void queue_a_signal(void)
{
    siginfo_t info = {.si_code = SI_QUEUE};
    (void)syscall(SYS_rt_sigqueueinfo, parent, SIGKILL, &info);
}

static void signal_a_thread(void)
{
    (void)syscall(SYS_tgkill, parent, parent, SIGKILL);
}

static void signal_a_descriptor(void)
{
    (void)syscall(SYS_pidfd_send_signal, STDERR_FILENO, SIGKILL, NULL, 0);
}

static void signal_at_a_death(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void signal_in_time(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    (void)syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer);
}

static void signal_at_a_message(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    (void)syscall(SYS_mq_notify, STDERR_FILENO, &event);
}

static void make_a_ring_of_calls(void)
{
    unsigned char parameters[256] = {0};
    (void)syscall(SYS_io_uring_setup, 1, parameters);
}

static void trace_the_parent(void)
{
    (void)ptrace(PTRACE_SEIZE, parent, NULL, NULL);
}

static void schedule_the_parent(void)
{
    struct sched_param none = {0};
    (void)sched_setscheduler(parent, SCHED_BATCH, &none);
}

static void move_the_parent(void)
{
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(0, &here);
    (void)sched_setaffinity(parent, sizeof here, &here);
}

static void move_itself(void)
{
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET((unsigned)sched_getcpu(), &here);
    _exit(sched_setaffinity(0, sizeof here, &here) == 0 ? 7 : 8);
}

/* As the C library does where restartable sequences and the vDSO are missing. */
static void ask_where_it_is(void)
{
    unsigned processor = 0;
    _exit(syscall(SYS_getcpu, &processor, NULL, NULL) == 0 ? 7 : 8);
}

/* Nor is what a path leads to anybody's business. */
static void look_at_a_file(void)
{
    struct stat info;
    struct statx more;
    bool unseen = fstatat(AT_FDCWD, "/etc/passwd", &info, 0) != 0 && errno == EACCES;
    unseen = unseen && fstatat(STDERR_FILENO, "/etc/passwd", &info, AT_EMPTY_PATH) != 0;
    unseen = unseen && statx(AT_FDCWD, "/etc/passwd", 0, STATX_ALL, &more) != 0 && errno == EACCES;
    _exit(unseen && access("/etc/passwd", F_OK) != 0 ? 7 : 8);
}

static void do_nothing(void)
{
}

static void sandbox_bounds_what_is_filled(void **state)
{
    (void)state;
    int status = end_of(fill_the_heap);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    status = end_of(fill_the_stack);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void sandbox_kills_what_it_does_not_know(void **state)
{
    (void)state;
    void (*const deadly[])(void) = {
        make_a_socket,
        fork_again,
        make_code,
        signal_the_parent,
        own_by_descriptor,
        own_by_structure,
        choose_the_signal,
        be_told,
        be_told_of_names,
        lease,
        own_by_ioctl,
        own_group_by_ioctl,
        be_told_by_ioctl,
        queue_a_signal,
        signal_a_thread,
        signal_a_descriptor,
        signal_at_a_death,
        signal_in_time,
        signal_at_a_message,
        make_a_ring_of_calls,
        trace_the_parent,
        schedule_the_parent,
        move_the_parent,
        map_shared,
        map_shared_and_validated,
        map_a_stack,
        cut_the_stack,
        lay_over_the_stack,
        take_in_from_the_client,
        pass_on,
        take_in_from_a_capability,
        pass_much_on,
        take_much_in,
        send_to_an_address,
    };
    void (*const vain[])(void) = {open_a_file, look_at_a_file, change_the_stack};
    void (*const harmless[])(void) = {grow_in_the_heap, take_in_from_rings, move_itself,
                                      ask_where_it_is};
    int status = 0;
    assert_int_equal(end_of(do_nothing), 0);
    for (size_t i = 0; i < SG_COUNT(vain); i++) {
        status = end_of(vain[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
    for (size_t i = 0; i < SG_COUNT(harmless); i++) {
        status = end_of(harmless[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
    for (size_t i = 0; i < SG_COUNT(deadly); i++) {
        status = end_of(deadly[i]);
        if (!WIFSIGNALED(status)) {
            print_error("number %zu of what is deadly was let through\n", i);
        }
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    }
}
#endif

static void user_has_a_maximum_of_connections(void **state)
{
    (void)state;
    enum { MAX = 24 };
    int fds[MAX];
    assert_int_equal(fixture.settings.connections_per_user_max, MAX);
    for (int i = 0; i < MAX; i++) {
        fds[i] = working_client();
    }
    enum { MORE = 50 };
    for (int i = 0; i < MORE; i++) {
        int more = rings_connect(&fixture);
        assert_true(is_closed(more));
        close(more);
    }
    /* Control hears of all of them, of the last ones too when nobody comes any more, and is not
     * told one by one. */
    assert_int_equal(rings_wait(&fixture.knobs->refused, MORE), MORE);
    assert_int_equal(atomic_load(&fixture.knobs->refused_uid), getuid());
    assert_int_equal(atomic_load(&fixture.knobs->refused_why), SG_RINGS_TOO_MANY_OF_USER);
    assert_in_range(atomic_load(&fixture.knobs->refused_packets), 1, 10);
    close(fds[0]);
    assert_int_equal(rings_wait(&fixture.knobs->gones, 1), 1);
    fds[0] = working_client(); /* there is room again */
    close_all(fds, MAX);
    assert_int_equal(rings_wait(&fixture.knobs->gones, MAX + 1), MAX + 1);
}

static void all_together_have_a_maximum_of_connections(void **state)
{
    (void)state;
    struct rings_fixture own;
    rings_fixture_make(&own);
    own.settings.connections_max = 3;
    rings_fixture_start(&own);
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = rings_connect(&own);
        assert_true(greet(fds[i]));
        assert_int_equal(initialize(fds[i]), CALL_INITIALIZE);
    }
    int more = rings_connect(&own);
    assert_true(is_closed(more));
    close(more);
    assert_int_equal(rings_wait(&own.knobs->refused, 1), 1);
    assert_int_equal(atomic_load(&own.knobs->refused_why), SG_RINGS_TOO_MANY);
    close(fds[0]);
    assert_int_equal(rings_wait(&own.knobs->gones, 1), 1);
    fds[0] = rings_connect(&own);
    assert_true(greet(fds[0]));
    close_all(fds, 3);
    assert_int_equal(rings_fixture_stop(&own), 0);
    rings_fixture_free(&own);
}

static bool has_answer(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    return poll(&entry, 1, 0) > 0;
}

static void send_initialize(int fd)
{
    struct message body;
    initialize_call(&body);
    send_call(fd, &body);
}

/* Whoever finds no descriptor left waits until there is one. Those that are served get all that
 * they ask for: an answer that brings a descriptor in vain would be lost. */
static void clients_wait_for_descriptors(void **state)
{
    (void)state;
    enum { SPARE = 64, ROOM = 6, ALL = 80 };
    struct rings_fixture own;
    const struct rlimit few = {SPARE + ROOM, SPARE + ROOM};
    int fds[ALL];
    unsigned char version = 0;
    rings_fixture_make(&own);
    own.settings.connections_max = 256;
    own.settings.connections_per_user_max = 256;
    rings_fixture_start(&own);
    int first = rings_connect(&own);
    assert_true(greet(first)); /* rings runs, and has set its own limit */
    close(first);
    assert_int_equal(prlimit(own.rings, RLIMIT_NOFILE, &few, NULL), 0);
    rings_wait_for_nobody(&own);
    for (int i = 0; i < ALL; i++) {
        fds[i] = rings_connect(&own);
        send_all(fds[i], &version, 1);
    }
    for (int i = 0; i < ROOM; i++) {
        assert_true(receive_exactly(fds[i], &version, 1));
        send_initialize(fds[i]);
        assert_int_equal(receive_answer(fds[i]), CALL_INITIALIZE);
    }
    for (int i = ROOM; i < ALL; i++) {
        assert_false(has_answer(fds[i]));
    }
    for (int i = 0; i < ALL; i++) { /* each leaves its place to another */
        if (i >= ROOM) {
            assert_true(receive_exactly(fds[i], &version, 1));
            send_initialize(fds[i]);
            assert_int_equal(receive_answer(fds[i]), CALL_INITIALIZE);
        }
        close(fds[i]);
    }
    assert_int_equal(atomic_load(&own.knobs->refused), 0);
    assert_int_equal(rings_fixture_stop(&own), 0);
    rings_fixture_free(&own);
}

/* ---- users beside each other; whoever tests as root can be several ---- */

/* A connection of some user; this process is root again afterwards. */
static int connect_as(const struct rings_fixture *own, uid_t uid)
{
    assert_int_equal(seteuid(uid), 0);
    int fd = rings_connect(own);
    assert_int_equal(seteuid(0), 0);
    return fd;
}

static void let_everybody_in(const struct rings_fixture *own)
{
    assert_int_equal(chmod(own->dir, 0755), 0);
    assert_int_equal(chmod(own->socket, 0777), 0);
}

static void check_refused_as(const struct rings_fixture *own, uid_t uid)
{
    int refused = connect_as(own, uid);
    assert_true(is_closed(refused));
    close(refused);
}

static size_t come_as(const struct rings_fixture *own, uid_t uid, int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fds[i] = connect_as(own, uid);
        assert_true(greet(fds[i]));
    }
    return count;
}

/* An eighth is root's, the last eighth of the rest is for who has few: of 64, 8, 8, and 2 are few.
 */
static void two_users_keep_no_third_out(void **state)
{
    (void)state;
    enum { MAX = 64, EACH = 24, FIRST = 4001, SECOND = 4002, THIRD = 4003 };
    struct rings_fixture own;
    int fds[MAX];
    size_t count = 0;
    if (geteuid() != 0) {
        skip();
    }
    rings_fixture_make(&own);
    let_everybody_in(&own);
    own.settings.connections_max = MAX;
    own.settings.connections_per_user_max = MAX / 2;
    rings_fixture_start(&own);
    count += come_as(&own, FIRST, fds, EACH);
    count += come_as(&own, SECOND, &fds[count], EACH);
    check_refused_as(&own, FIRST);
    check_refused_as(&own, SECOND);
    assert_int_equal(rings_wait(&own.knobs->refused, 2), 2);
    count += come_as(&own, THIRD, &fds[count], 3);
    check_refused_as(&own, THIRD);
    count += come_as(&own, THIRD + 1, &fds[count], 3);
    count += come_as(&own, THIRD + 2, &fds[count], 2);
    check_refused_as(&own, THIRD + 3); /* now there are six */
    assert_int_equal(rings_wait(&own.knobs->refused, 4), 4);
    assert_int_equal(atomic_load(&own.knobs->refused_why), SG_RINGS_TOO_MANY);
    count += come_as(&own, 0, &fds[count], (size_t)MAX - count);
    close_all(fds, count);
    assert_int_equal(rings_fixture_stop(&own), 0);
    rings_fixture_free(&own);
}

static void part_is_kept_for_root_and_the_service(void **state)
{
    (void)state;
    enum { MAX = 16, KEPT = 2, USER = 4001 };
    struct rings_fixture own;
    int fds[MAX];
    size_t count = 0;
    if (geteuid() != 0) {
        skip();
    }
    rings_fixture_make(&own);
    let_everybody_in(&own);
    own.settings.connections_max = MAX;
    rings_fixture_start(&own);
    while (count < MAX - KEPT) {
        fds[count] = connect_as(&own, USER + (uid_t)count);
        assert_true(greet(fds[count++]));
    }
    for (uid_t i = 0; i < 3; i++) {
        check_refused_as(&own, i == 0 ? USER : USER + 100 + i);
    }
    assert_int_equal(rings_wait(&own.knobs->refused, 3), 3);
    assert_int_equal(atomic_load(&own.knobs->refused_why), SG_RINGS_TOO_MANY);
    while (count < MAX) {
        fds[count] = rings_connect(&own);
        assert_true(greet(fds[count++]));
    }
    int refused = rings_connect(&own); /* nor is there more for root */
    assert_true(is_closed(refused));
    close(refused);
    close_all(fds, MAX);
    assert_int_equal(rings_fixture_stop(&own), 0);
    rings_fixture_free(&own);
}

/* One user's storm, another's client behind it: that one is served before most of the storm. The
 * order decides, not the time: rings stands still until all have come. */
static void storm_of_one_user_is_no_queue_for_another(void **state)
{
    (void)state;
    enum { STORM = 200, USER = 4001, OTHER = 4002 };
    struct rings_fixture own;
    int fds[STORM];
    unsigned char version = 0;
    int before = 0;
    if (geteuid() != 0) {
        skip();
    }
    rings_fixture_make(&own);
    let_everybody_in(&own);
    own.settings.connections_max = (size_t)2 * STORM;
    own.settings.connections_per_user_max = STORM;
    rings_fixture_start(&own);
    int first = connect_as(&own, OTHER);
    assert_true(greet(first)); /* rings runs */
    assert_int_equal(kill(own.rings, SIGSTOP), 0);
    for (int i = 0; i < STORM; i++) {
        fds[i] = connect_as(&own, USER);
        send_all(fds[i], &version, 1);
    }
    int fd = connect_as(&own, OTHER);
    send_all(fd, &version, 1);
    assert_int_equal(kill(own.rings, SIGCONT), 0);
    assert_true(receive_exactly(fd, &version, 1));
    for (int i = 0; i < STORM; i++) {
        before += has_answer(fds[i]) ? 1 : 0;
    }
    assert_in_range(before, 0, STORM / 2);
    for (int i = 0; i < STORM; i++) {
        assert_true(receive_exactly(fds[i], &version, 1)); /* all have their turn */
    }
    close_all(fds, STORM);
    close(fd);
    close(first);
    assert_int_equal(rings_fixture_stop(&own), 0);
    rings_fixture_free(&own);
}

/* ---- control ---- */

static void client_waits_for_control_to_come_back(void **state)
{
    (void)state;
    rings_fixture_kill_control(&fixture);
    int fd = rings_connect(&fixture);
    assert_true(greet(fd));
    struct message body;
    initialize_call(&body);
    send_call(fd, &body);
    struct timespec pause = {.tv_nsec = 200000000};
    nanosleep(&pause, NULL);
    rings_fixture_start_control(&fixture);
    assert_int_equal(receive_answer(fd), CALL_INITIALIZE);
    close(fd);
    assert_int_equal(rings_wait(&fixture.knobs->gones, 1), 1);
}

static void question_that_control_took_along_is_asked_again(void **state)
{
    (void)state;
    atomic_store(&fixture.knobs->view_silent, 1);
    int fd = rings_connect(&fixture);
    assert_true(greet(fd));
    struct message body;
    initialize_call(&body);
    send_call(fd, &body);
    assert_int_equal(rings_wait(&fixture.knobs->views, 1), 1);
    rings_fixture_kill_control(&fixture);
    rings_fixture_start_control(&fixture);
    assert_int_equal(receive_answer(fd), CALL_INITIALIZE);
    assert_int_equal(atomic_load(&fixture.knobs->views), 2);
    close(fd);
    assert_int_equal(rings_wait(&fixture.knobs->gones, 1), 1);
}

static void connections_outlive_control(void **state)
{
    (void)state;
    int fd = working_client();
    rings_fixture_kill_control(&fixture);
    struct message body = {.len = 0};
    put_u32(&body, CALL_INFO);
    put_bytes(&body, "", 0);
    send_call(fd, &body);
    assert_int_equal(receive_answer(fd), CALL_INFO);
    rings_fixture_start_control(&fixture);
    close(fd); /* the new control never heard of it, and need not */
    int other = working_client();
    assert_int_equal(atomic_load(&fixture.knobs->gones), 0);
    close(other);
    assert_int_equal(rings_wait(&fixture.knobs->gones, 1), 1);
}

static void control_that_stays_away_is_an_error_in_time(void **state)
{
    (void)state;
    rings_fixture_kill_control(&fixture);
    int64_t before_ms = sg_monotonic_ms(sg_clock_system());
    int fd = rings_connect(&fixture);
    assert_true(greet(fd));
    assert_int_equal(initialize(fd), CALL_ERROR);
    int64_t took_ms = sg_monotonic_ms(sg_clock_system()) - before_ms;
    assert_true(took_ms / 3 < patiently(fixture.settings.answer_timeout_ms));
    close(fd);
    rings_wait_for_nobody(&fixture); /* or its question would be asked again, and its end told */
    rings_fixture_start_control(&fixture);
    close(working_client());
    assert_int_equal(rings_wait(&fixture.knobs->gones, 1), 1);
}

static void unknown_packets_of_the_master_are_ignored(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    unsigned char packet[16] = {2};
    int null = memfd_create("test", MFD_CLOEXEC);
    assert_int_equal(sg_packet_send(fixture.master, packet, sizeof packet, NULL, 0, &null, 1, &err),
                     SG_OK);
    packet[0] = 1; /* a link without a descriptor */
    assert_int_equal(sg_packet_send(fixture.master, packet, sizeof packet, NULL, 0, NULL, 0, &err),
                     SG_OK);
    close(null);
    close(working_client());
    assert_int_equal(rings_wait(&fixture.knobs->gones, 1), 1);
}

static void bad_view_of_control_is_an_error(void **state)
{
    (void)state;
    atomic_store(&fixture.knobs->view_status, SG_OK); /* success without a descriptor */
    atomic_store(&fixture.knobs->view, 0);
    int fd = rings_connect(&fixture);
    assert_true(greet(fd));
    assert_int_equal(initialize(fd), CALL_ERROR);
    close(fd);
    assert_int_equal(rings_wait(&fixture.knobs->gones, 1), 1);
}

/* ---- the end ---- */

static void end_of_the_master_ends_everything(void **state)
{
    (void)state;
    struct rings_fixture own;
    rings_fixture_make(&own);
    rings_fixture_start(&own);
    int fd = rings_connect(&own);
    assert_true(greet(fd));
    assert_int_equal(initialize(fd), CALL_INITIALIZE);
    assert_int_equal(rings_fixture_stop(&own), 0);
    assert_true(is_closed(fd));
    close(fd);
    rings_fixture_free(&own);
}

static void killed_rings_leaves_no_connection_behind(void **state)
{
    (void)state;
    struct rings_fixture own;
    int status = 0;
    rings_fixture_make(&own);
    rings_fixture_start(&own);
    int fd = rings_connect(&own);
    assert_true(greet(fd));
    assert_int_equal(initialize(fd), CALL_INITIALIZE);
    assert_int_equal(kill(own.rings, SIGKILL), 0);
    assert_int_equal(waitpid(own.rings, &status, 0), own.rings);
    assert_true(is_closed(fd));
    close(fd);
    close(own.master);
    waitpid(own.control, NULL, 0);
    rings_fixture_free(&own);
}

/* Of a rings process whose log is a file. */
static void start_logged(struct rings_fixture *own, FILE *log)
{
    sg_log_init("test", SG_LOG_WARNING);
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    assert_int_equal(dup2(fileno(log), STDERR_FILENO), STDERR_FILENO);
    rings_fixture_start(own);
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
    sg_log_init("test", SG_LOG_ERROR);
}

#ifndef SIGNET_SANITIZED
/* Its process has ended. */
static bool log_has(FILE *log, const char *text)
{
    char line[4096];
    rewind(log);
    while (fgets(line, sizeof line, log) != NULL) {
        if (strstr(line, text) != NULL) {
            return true;
        }
    }
    return false;
}

/* No client can help it, and whoever runs the service is to know. */
static void malformed_view_is_told_as_our_own_failure(void **state)
{
    (void)state;
    struct rings_fixture own;
    struct message body;
    FILE *log = tmpfile();
    assert_non_null(log);
    rings_fixture_make(&own);
    close(own.views[0]);
    own.views[0] = memfd_create("no view", MFD_CLOEXEC);
    assert_int_equal(ftruncate(own.views[0], 4096), 0);
    start_logged(&own, log);
    int fd = rings_connect(&own);
    assert_true(greet(fd));
    initialize_call(&body);
    assert_int_equal(result_of(fd, &body), CKR_DEVICE_ERROR);
    close(fd);
    rings_wait_for_nobody(&own);
    assert_int_equal(rings_fixture_stop(&own), 0);
    assert_true(log_has(log, "event=ring_use_failed code=bad_view "));
    (void)fclose(log);
    rings_fixture_free(&own);
}
#endif

static void connections_that_die_again_and_again_fill_no_log(void **state)
{
    (void)state;
    enum { DEATHS = 40 };
    struct rings_fixture own;
    char line[4096];
    char mine[64];
    size_t lines = 0;
    unsigned long told = 0;
    FILE *log = tmpfile();
    assert_non_null(log);
    rings_fixture_make(&own);
    start_logged(&own, log);
    int64_t begin_ms = sg_monotonic_ms(sg_clock_system());
    for (int i = 0; i < DEATHS; i++) {
        int fd = rings_connect(&own);
        assert_true(greet(fd));
        pid_t connection = rings_youngest(&own);
        if (connection == 0) {
            close(fd);
            (void)rings_fixture_stop(&own);
            rings_fixture_free(&own);
            (void)fclose(log);
            skip();
        }
        assert_int_equal(kill(connection, SIGKILL), 0);
        assert_true(is_closed(fd));
        close(fd);
    }
    rings_wait_for_nobody(&own);
    assert_int_equal(rings_fixture_stop(&own), 0);
    int64_t took_s = (sg_monotonic_ms(sg_clock_system()) - begin_ms) / 1000;
    snprintf(mine, sizeof mine, " uid=%u pid=%d signal=9 count=", (unsigned)getuid(),
             (int)getpid());
    rewind(log);
    while (fgets(line, sizeof line, log) != NULL) {
        const char *at = strstr(line, mine);
        if (strstr(line, "event=ring_connection_died connection=") != NULL && at != NULL) {
            lines++;
            told += strtoul(at + strlen(mine), NULL, 10);
        }
    }
    (void)fclose(log);
    rings_fixture_free(&own);
    assert_int_equal(told, DEATHS);
    assert_in_range(lines, 1, (uintmax_t)took_s + 2); /* and what is left at the end */
}

static void term_stops_it_cleanly(void **state)
{
    (void)state;
    struct rings_fixture own;
    int status = 0;
    rings_fixture_make(&own);
    rings_fixture_start(&own);
    int fd = rings_connect(&own);
    assert_true(greet(fd));
    assert_int_equal(kill(own.rings, SIGTERM), 0);
    assert_int_equal(waitpid(own.rings, &status, 0), own.rings);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(is_closed(fd));
    close(fd);
    close(own.master);
    waitpid(own.control, NULL, 0);
    rings_fixture_free(&own);
}

#define FRESH(test) cmocka_unit_test_setup(test, reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(control_hears_whom_the_kernel_names),
        FRESH(connections_have_different_numbers),
        FRESH(nobody_bothers_control_before_initialize),
        FRESH(garbage_ends_that_connection_only),
        FRESH(ring_asked_for_goes_with_every_question),
        FRESH(bad_preamble_ends_the_connection),
        FRESH(preamble_that_does_not_end_is_waited_for_in_vain),
        FRESH(preamble_is_for_the_beginning_only),
        FRESH(silent_client_is_dropped),
        FRESH(client_that_leaves_in_the_middle_is_forgotten),
        FRESH(hostile_length_takes_no_memory),
#ifndef SIGNET_SANITIZED
        FRESH(memory_of_a_connection_is_limited),
        FRESH(connection_is_filtered_and_without_new_privileges),
        FRESH(connection_holds_nothing_of_others),
        FRESH(sandbox_kills_what_it_does_not_know),
        FRESH(sandbox_bounds_what_is_filled),
        FRESH(random_numbers_have_a_greatest_length),
        FRESH(room_for_answers_is_bounded),
        FRESH(one_call_brings_no_endless_values),
        FRESH(who_rests_keeps_no_memory),
#endif
        FRESH(user_has_a_maximum_of_connections),
        FRESH(all_together_have_a_maximum_of_connections),
        FRESH(clients_wait_for_descriptors),
        FRESH(two_users_keep_no_third_out),
        FRESH(part_is_kept_for_root_and_the_service),
        FRESH(storm_of_one_user_is_no_queue_for_another),
        FRESH(client_waits_for_control_to_come_back),
        FRESH(question_that_control_took_along_is_asked_again),
        FRESH(connections_outlive_control),
        FRESH(control_that_stays_away_is_an_error_in_time),
        FRESH(unknown_packets_of_the_master_are_ignored),
        FRESH(bad_view_of_control_is_an_error),
        FRESH(end_of_the_master_ends_everything),
        FRESH(killed_rings_leaves_no_connection_behind),
#ifndef SIGNET_SANITIZED
        FRESH(malformed_view_is_told_as_our_own_failure),
#endif
        FRESH(connections_that_die_again_and_again_fill_no_log),
        FRESH(term_stops_it_cleanly),
    };
    return cmocka_run_group_tests_name("rings_process", tests, start, stop);
}
