/* Kill a writer at any moment: after the next start every transaction is there as a whole or not at
 * all, and what was answered is there. (A process that dies is not a disk that loses its last
 * write; for that there is synchronous=FULL.) */
#include "store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_internal.h"

#define ROUNDS 12

/* One transaction: a key, its certificate, its ring, the connection, an intent; then the
 * acknowledgement. */
static sg_status write_one(struct sg_store *store, unsigned number, struct sg_error *err)
{
    SG_TRANSACTION struct sg_store *open = store;
    char label[32];
    snprintf(label, sizeof label, "c%08u", number);
    SG_CERTIFICATE_ROW row = row_of("START1", label, number);
    struct sg_ring_ref ring = ring_of("START1", label);
    struct sg_intent intent = {.kind = SG_INTENT_CERTIFICATE, .token = "main"};
    int64_t ring_id = 0;
    row.has_key = true;
    memcpy(row.key.bytes, &number, sizeof number);
    snprintf(row.token, sizeof row.token, "main");
    sg_status s = sg_store_begin(open, err);
    s = s == SG_OK ? sg_store_key_add(open, &row, err) : s;
    s = s == SG_OK ? sg_store_certificate_add(open, &row, err) : s;
    s = s == SG_OK ? sg_store_ring_add(open, &ring, &ring_id, err) : s;
    s = s == SG_OK
            ? sg_store_connect(open, ring_id, row.id, SG_USAGE_PERSONAL, true, NULL, NULL, err)
            : s;
    s = s == SG_OK ? sg_store_intent_add(open, &intent, err) : s;
    return s == SG_OK ? sg_store_commit(open, err) : s;
}

/* Writes until it is killed; each number goes into the pipe once its transaction was answered. */
static void write_for_ever(const char *path, unsigned from, int acknowledge)
{
    struct sg_store *store = NULL;
    struct sg_error err = SG_ERROR_INIT;
    if (sg_store_open(path, &store, &err) != SG_OK) {
        fprintf(stderr, "%s\n", err.text);
        _exit(1);
    }
    for (unsigned number = from;; number++) {
        if (write_one(store, number, &err) != SG_OK) {
            fprintf(stderr, "%s\n", err.text);
            _exit(2);
        }
        if (write(acknowledge, &number, sizeof number) != (ssize_t)sizeof number) {
            _exit(3);
        }
    }
}

/* Start a writer, kill it after so many microseconds from its first answer; gives the last number
 * that it acknowledged. */
static unsigned kill_a_writer(const char *path, unsigned from, unsigned delay_us)
{
    int pipe_fds[2];
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipe_fds[0]);
        write_for_ever(path, from, pipe_fds[1]);
    }
    close(pipe_fds[1]);
    unsigned last = 0;
    assert_int_equal(read(pipe_fds[0], &last, sizeof last), sizeof last);
    usleep(delay_us);
    assert_int_equal(kill(child, SIGKILL), 0);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    for (unsigned number = 0;
         read(pipe_fds[0], &number, sizeof number) == (ssize_t)sizeof number;) {
        last = number;
    }
    close(pipe_fds[0]);
    return last;
}

static void assert_sound(struct fixture *fixture)
{
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM pragma_integrity_check"
                                            " WHERE integrity_check <> 'ok'"),
                     0);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM pragma_integrity_check"), 1);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

static unsigned assert_whole(struct fixture *fixture)
{
    struct sg_store_counts counts;
    assert_ok(fixture, sg_store_count(fixture->store, &counts, &fixture->err));
    assert_int_equal(counts.certificates, counts.keys);
    assert_int_equal(counts.certificates, counts.rings);
    assert_int_equal(counts.certificates, counts.connections);
    assert_int_equal(counts.certificates, counts.intents);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM ring WHERE sequence < 2"), 0);
    return (unsigned)counts.certificates;
}

static void a_killed_writer_leaves_whole_transactions(void **state)
{
    struct fixture *fixture = *state;
    sg_store_close(SG_STEAL(fixture->store));
    unsigned next = 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned last = kill_a_writer(fixture->path, next, round * round * 137 % 9000);
        assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
        assert_sound(fixture);
        unsigned stored = assert_whole(fixture);
        /* all that was answered, and at most the one whose answer was cut off */
        assert_in_range(stored, last, last + 1);
        next = stored + 1;
        sg_store_close(SG_STEAL(fixture->store));
    }
    assert_in_range(next, ROUNDS, 1000000);
}

/* Killed in the middle of a transaction: nothing of it. */
static void a_writer_killed_before_its_commit_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    sg_store_close(SG_STEAL(fixture->store));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sg_store *store = NULL;
        struct sg_error err = SG_ERROR_INIT;
        sg_status s = sg_store_open(fixture->path, &store, &err);
        s = s == SG_OK ? sg_store_begin(store, &err) : s;
        for (unsigned i = 0; s == SG_OK && i < 5000; i++) { /* more than the page cache holds */
            char label[16];
            snprintf(label, sizeof label, "c%u", i);
            SG_CERTIFICATE_ROW row = row_of("START1", label, i);
            s = sg_store_certificate_add(store, &row, &err);
        }
        if (s != SG_OK) {
            _exit(1);
        }
        (void)raise(SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
    assert_sound(fixture);
    assert_int_equal(assert_whole(fixture), 0);
}

/* Killed while the file is being made: the next start makes it. */
static void a_killed_migration_is_done_again(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct sg_store *store = NULL;
            struct sg_error err = SG_ERROR_INIT;
            (void)!sg_store_open(fixture->path, &store, &err);
            (void)raise(SIGKILL);
        }
        usleep(round * 900);
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_ok(fixture, sg_store_open(fixture->path, &fixture->store, &fixture->err));
        assert_sound(fixture);
        assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM owner"), 3);
        sg_store_close(SG_STEAL(fixture->store));
        assert_int_equal(unlink(fixture->path), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_killed_writer_leaves_whole_transactions, fixture_store,
                                        fixture_gone),
        cmocka_unit_test_setup_teardown(a_writer_killed_before_its_commit_leaves_nothing,
                                        fixture_store, fixture_gone),
        cmocka_unit_test_setup_teardown(a_killed_migration_is_done_again, fixture_directory,
                                        fixture_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
