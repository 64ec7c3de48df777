/* Where a client works, and who follows it there: real processes, the real /proc. */
#include "cmocka_all.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/cleanup.h>

#include "patience.h"
#include "place_internal.h"

/* ---- the text ---- */

/* Each number as proc(5) counts them. */
#define BEHIND_NAME " R 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19"
#define TO_PROCESSOR " 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38"

static void processor_is_read(void **state)
{
    (void)state;
    unsigned processor = 99;
    assert_true(sg_place_read("7 (nginx)" BEHIND_NAME " 1" TO_PROCESSOR " 3 0 0", &processor));
    assert_int_equal(processor, 3);
    assert_true(sg_place_read("7 (n)" BEHIND_NAME " 1" TO_PROCESSOR " 4294967295 0", &processor));
    assert_int_equal(processor, 4294967295u);
}

static void name_of_the_program_decides_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"a b", ")", ") R 1 1 1", "((", "", "1) 2 (3"};
    for (size_t i = 0; i < SG_COUNT(names); i++) {
        char text[512];
        unsigned processor = 0;
        snprintf(text, sizeof text, "7 (%s)" BEHIND_NAME " 1" TO_PROCESSOR " 5 0", names[i]);
        assert_true(sg_place_read(text, &processor));
        assert_int_equal(processor, 5);
    }
}

static void what_is_no_such_text_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "7",
        "7 (nginx",
        "7 (nginx)",
        "7 (nginx)" BEHIND_NAME,
        "7 (nginx)" BEHIND_NAME " 1",
        "7 (nginx)" BEHIND_NAME " 1" TO_PROCESSOR,
        "7 (nginx)" BEHIND_NAME " 1" TO_PROCESSOR " ",
        "7 (nginx)" BEHIND_NAME " 1" TO_PROCESSOR " 3", /* cut off: 3, or 30? */
        "7 (nginx)" BEHIND_NAME " 1" TO_PROCESSOR " -1 0",
        "7 (nginx)" BEHIND_NAME " 1" TO_PROCESSOR " x 0",
        "7 (nginx)" BEHIND_NAME " 1" TO_PROCESSOR " 3x 0",
        "7 (nginx)" BEHIND_NAME " 1" TO_PROCESSOR " 4294967296 0",
        "7 (nginx)" BEHIND_NAME " 1" TO_PROCESSOR " 99999999999999999999999 0",
        "7 (nginx)" BEHIND_NAME " 2" TO_PROCESSOR " 3 0", /* threads may be anywhere */
        "7 (nginx)" BEHIND_NAME " 0" TO_PROCESSOR " 3 0",
        "7 (nginx)" BEHIND_NAME " x" TO_PROCESSOR " 3 0",
    };
    for (size_t i = 0; i < SG_COUNT(texts); i++) {
        unsigned processor = 0;
        if (sg_place_read(texts[i], &processor)) {
            print_error("read: %s\n", texts[i]);
            fail();
        }
    }
}

/* ---- a client ---- */

struct world {
    cpu_set_t all;
    struct sg_processors first;
    unsigned last; /* processor, another one than the first where there is more than one */
    struct sg_place place;
    pid_t client;
    int socket;
};

static int look_around(void **state)
{
    static struct world world;
    world = (struct world){.client = -1, .socket = -1, .place = {.stat = -1}};
    assert_int_equal(sched_getaffinity(0, sizeof world.all, &world.all), 0);
    sg_processors_read(&world.first, 1);
    for (unsigned i = 0; i < CPU_SETSIZE; i++) {
        world.last = CPU_ISSET(i, &world.all) ? i : world.last;
    }
    *state = &world;
    return 0;
}

static void end_client(struct world *world)
{
    if (world->client > 0) {
        kill(world->client, SIGKILL);
        assert_int_equal(waitpid(world->client, NULL, 0), world->client);
        world->client = -1;
    }
}

static int leave(void **state)
{
    struct world *world = *state;
    sg_place_close(&world->place);
    end_client(world);
    close(world->socket);
    return sched_setaffinity(0, sizeof world->all, &world->all);
}

static void *wait_for_ever(void *nothing)
{
    for (;;) {
        pause();
    }
    return nothing;
}

static bool keep_to(unsigned processor)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
}

/* A program of its own: forked and no more, it would have a thread of the sanitizer's. */
static int be_client(const char *name, const char *processor, bool threads)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pthread_t thread;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s", name);
    bool ready = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
                 keep_to((unsigned)strtoul(processor, NULL, 10)) &&
                 connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
                 (!threads || pthread_create(&thread, NULL, wait_for_ever, NULL) == 0) &&
                 write(fd, "x", 1) == 1;
    if (ready) {
        (void)wait_for_ever(NULL);
    }
    return 1;
}

static void wait_for(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&entry, 1, patiently(5000)), 1);
}

static int listen_at(char *name, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(name, size, "signet-place-%d", (int)getpid());
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s", name);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    return listener;
}

/* A process that keeps to the last processor has connected, and is there. */
static void connect_client(struct world *world, bool threads)
{
    char name[64];
    char processor[16];
    char byte = 0;
    int listener = listen_at(name, sizeof name);
    snprintf(processor, sizeof processor, "%u", world->last);
    world->client = fork();
    if (world->client == 0) {
        execl("/proc/self/exe", "client", name, processor, threads ? "threads" : NULL, NULL);
        _exit(1);
    }
    wait_for(listener);
    world->socket = accept(listener, NULL, NULL);
    wait_for(world->socket);
    assert_int_equal(read(world->socket, &byte, 1), 1);
    close(listener);
}

static void start_client(struct world *world, bool threads)
{
    connect_client(world, threads);
    sg_place_open(&world->place, world->socket);
    assert_true(world->place.stat >= 0);
}

/* Who has moved may use all processors again, also when a test has kept it to the first. */
static bool is_kept_to_the_first(const struct world *world)
{
    cpu_set_t now;
    assert_int_equal(sched_getaffinity(0, sizeof now, &now), 0);
    return CPU_EQUAL(&now, &world->first.own);
}

static void follow(struct world *world, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        sg_place_follow(&world->place);
    }
}

static bool has_moved_after(struct world *world, unsigned uses)
{
    sg_processors_keep(&world->first);
    follow(world, uses - 1);
    assert_true(CPU_COUNT(&world->all) == 1 || is_kept_to_the_first(world));
    follow(world, 1);
    return !is_kept_to_the_first(world);
}

static void client_is_followed_now_and_then(void **state)
{
    struct world *world = *state;
    start_client(world, false);
    bool elsewhere = CPU_COUNT(&world->all) > 1;
    unsigned uses = SG_PLACE_USES_MIN;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(has_moved_after(world, uses), elsewhere);
        uses *= elsewhere ? 2 : 1; /* in vain: the test has brought it back each time */
    }
}

static void follower_is_seen_where_its_client_is(void **state)
{
    struct world *world = *state;
    start_client(world, false);
    bool seen = false;
    for (int i = 0; i < 100 && !seen; i++) { /* the kernel may move it on */
        sg_processors_keep(&world->first);
        world->place.left = 1;
        follow(world, 1);
        seen = sched_getcpu() == (int)world->last;
    }
    assert_true(seen);
}

static void who_is_there_already_stays_and_looks_often(void **state)
{
    struct world *world = *state;
    start_client(world, false);
    world->place.every = SG_PLACE_USES_MAX;
    assert_true(keep_to(world->last));
    follow(world, SG_PLACE_USES_MIN);
    assert_int_equal(world->place.every, SG_PLACE_USES_MIN);
    cpu_set_t now;
    assert_int_equal(sched_getaffinity(0, sizeof now, &now), 0);
    assert_true(CPU_COUNT(&now) == 1 && CPU_ISSET(world->last, &now));
}

static void client_with_threads_is_not_followed(void **state)
{
    struct world *world = *state;
    start_client(world, true);
    sg_processors_keep(&world->first);
    follow(world, 3 * SG_PLACE_USES_MAX);
    assert_true(is_kept_to_the_first(world));
    assert_int_equal(world->place.every, SG_PLACE_USES_MAX); /* looked for less and less often */
}

static void client_that_is_dead_is_not_followed(void **state)
{
    struct world *world = *state;
    start_client(world, false);
    end_client(world);
    sg_processors_keep(&world->first);
    follow(world, 3 * SG_PLACE_USES_MAX);
    assert_true(is_kept_to_the_first(world));
}

static void client_that_was_dead_before_is_not_found(void **state)
{
    struct world *world = *state;
    connect_client(world, false);
    end_client(world);
    sg_place_open(&world->place, world->socket);
    assert_int_equal(world->place.stat, -1);
}

static void nobody_is_followed_before_the_place_is_open(void **state)
{
    struct world *world = *state;
    int pair[2];
    assert_int_equal(pipe(pair), 0); /* has no process at its other end that the kernel knows */
    sg_processors_keep(&world->first);
    follow(world, SG_PLACE_USES_MAX);
    sg_place_open(&world->place, pair[0]);
    assert_int_equal(world->place.stat, -1);
    follow(world, SG_PLACE_USES_MAX);
    assert_true(is_kept_to_the_first(world));
    close(pair[0]);
    close(pair[1]);
}

/* taskset(1) and cpusets of the service are kept to. */
static void client_is_not_followed_to_what_was_not_given(void **state)
{
    struct world *world = *state;
    start_client(world, false);
    sg_place_close(&world->place);
    sg_processors_keep(&world->first);
    sg_place_open(&world->place, world->socket);
    follow(world, SG_PLACE_USES_MAX);
    assert_true(is_kept_to_the_first(world));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, look_around, leave)
int main(int argc, char **argv)
{
    if (argc > 2) {
        return be_client(argv[1], argv[2], argc > 3);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processor_is_read),
        cmocka_unit_test(name_of_the_program_decides_nothing),
        cmocka_unit_test(what_is_no_such_text_is_refused),
        TEST(client_is_followed_now_and_then),
        TEST(follower_is_seen_where_its_client_is),
        TEST(who_is_there_already_stays_and_looks_often),
        TEST(client_with_threads_is_not_followed),
        TEST(client_that_is_dead_is_not_followed),
        TEST(client_that_was_dead_before_is_not_found),
        TEST(nobody_is_followed_before_the_place_is_open),
        TEST(client_is_not_followed_to_what_was_not_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
