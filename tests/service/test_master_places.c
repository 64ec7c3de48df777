/* Where the master lives: sockets, state directory, lock. */
#include "cmocka_all.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "master_fixture.h"

static unsigned mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(lstat(path, &info), 0);
    return (unsigned)(info.st_mode & 07777);
}

static int bind_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 5), 0);
    return fd;
}

static void make_run(const struct fixture *fixture)
{
    char path[100];
    snprintf(path, sizeof path, "%s/run", fixture->directory);
    assert_int_equal(mkdir(path, 0755), 0);
}

static void directories_and_sockets_get_their_modes(void **state)
{
    struct fixture *fixture = *state;
    char run[100];
    char lock[sizeof fixture->config.state + 16];
    snprintf(run, sizeof run, "%s/run", fixture->directory);
    snprintf(lock, sizeof lock, "%s/signetd.lock", fixture->config.state);
    (void)umask(0);
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    assert_int_equal(mode_of(fixture->config.state), 0700);
    assert_int_equal(mode_of(lock), 0600);
    assert_int_equal(mode_of(run), 0755);
    assert_int_equal(mode_of(fixture->config.socket), 0666);
    assert_int_equal(mode_of(fixture->config.rings_socket), 0666);
    fixture_stop(fixture);
    (void)umask(022);
}

static void an_open_state_directory_is_closed(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mkdir(fixture->config.state, 0777), 0);
    assert_int_equal(chmod(fixture->config.state, 0777), 0);
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    assert_int_equal(mode_of(fixture->config.state), 0700);
    assert_true(fixture_log_has(fixture, "event=state_directory_closed"));
    fixture_stop(fixture);
}

static void a_state_directory_of_somebody_else_is_refused(void **state)
{
    struct fixture *fixture = *state;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(mkdir(fixture->config.state, 0700), 0);
    assert_int_equal(chown(fixture->config.state, 4711, 4711), 0);
    fixture_start(fixture);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 100 + SG_E_CONFLICT);
    assert_true(fixture_log_has(fixture, "belongs to user number 4711"));
    assert_int_equal(fixture->shared->control_starts, 0);
}

static void the_state_directory_of_root_goes_to_the_configured_user(void **state)
{
    struct fixture *fixture = *state;
    struct stat info;
    if (geteuid() != 0) {
        skip();
    }
    snprintf(fixture->config.user, sizeof fixture->config.user, "daemon");
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    assert_int_equal(stat(fixture->config.state, &info), 0);
    assert_int_equal(info.st_uid, 1);
    fixture_stop(fixture);
    fixture_start(fixture); /* and the second time it is right already */
    assert_true(fixture_notified(fixture, "READY=1", WAIT_MS));
    fixture_stop(fixture);
}

static void a_user_that_does_not_exist_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct sg_error err = SG_ERROR_INIT;
    snprintf(fixture->config.token_user, sizeof fixture->config.token_user, "no-such-user-1");
    if (geteuid() != 0) { /* of no consequence then */
        assert_int_equal(sg_master_check(&fixture->config, &err), SG_OK);
        return;
    }
    assert_int_equal(sg_master_check(&fixture->config, &err), SG_E_INPUT);
    assert_non_null(strstr(err.text, "\"no-such-user-1\" of the setting token_user"));
    assert_non_null(strstr(err.hint, "token_user = -"));
    fixture_start(fixture);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 100 + SG_E_INPUT);
    assert_int_not_equal(access(fixture->config.state, F_OK), 0); /* nothing was made */
}

static void a_lock_that_is_a_link_is_not_followed(void **state)
{
    struct fixture *fixture = *state;
    char lock[sizeof fixture->config.state + 16];
    char target[100];
    snprintf(lock, sizeof lock, "%s/signetd.lock", fixture->config.state);
    snprintf(target, sizeof target, "%s/target", fixture->directory);
    assert_int_equal(mkdir(fixture->config.state, 0700), 0);
    assert_int_equal(symlink(target, lock), 0);
    fixture_start(fixture);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 100 + SG_E_STORAGE);
    assert_int_not_equal(access(target, F_OK), 0);
}

static void a_second_master_on_the_same_state_is_refused(void **state)
{
    struct fixture *fixture = *state;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    pid_t first = fixture->master;
    fixture_start(fixture);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 100 + SG_E_CONFLICT);
    assert_true(fixture_log_has(fixture, "already running with the state directory"));
    assert_int_equal(access(fixture->config.socket, F_OK), 0); /* the first one's are untouched */
    assert_int_equal(access(fixture->config.rings_socket, F_OK), 0);
    assert_int_equal(fixture->shared->control_starts, 1);
    fixture->master = first;
    fixture_stop(fixture);
}

static void a_second_master_on_the_same_socket_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char own[sizeof fixture->config.state];
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    pid_t first = fixture->master;
    memcpy(own, fixture->config.state, sizeof own);
    snprintf(fixture->config.state, sizeof fixture->config.state, "%s/other", fixture->directory);
    fixture_start(fixture);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 100 + SG_E_CONFLICT);
    assert_true(fixture_log_has(fixture, "somebody already listens on"));
    memcpy(fixture->config.state, own, sizeof own);
    fixture->master = first;
    assert_int_equal(access(fixture->config.socket, F_OK), 0);
    fixture_stop(fixture);
}

static void a_rings_socket_in_use_leaves_no_http_socket(void **state)
{
    struct fixture *fixture = *state;
    make_run(fixture);
    int fd = bind_at(fixture->config.rings_socket);
    fixture_start(fixture);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 100 + SG_E_CONFLICT);
    assert_int_not_equal(access(fixture->config.socket, F_OK), 0);
    assert_int_equal(access(fixture->config.rings_socket, F_OK), 0);
    close(fd);
}

static void stale_sockets_are_replaced(void **state)
{
    struct fixture *fixture = *state;
    make_run(fixture);
    close(bind_at(fixture->config.socket));
    close(bind_at(fixture->config.rings_socket));
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    fixture_stop(fixture);
}

static void what_is_not_a_socket_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    make_run(fixture);
    int fd = open(fixture->config.socket, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "mine", 4), 4);
    close(fd);
    fixture_start(fixture);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 100 + SG_E_CONFLICT);
    assert_true(fixture_log_has(fixture, "exists and is not a socket"));
    struct stat info;
    assert_int_equal(stat(fixture->config.socket, &info), 0);
    assert_int_equal(info.st_size, 4);
}

static void a_socket_that_became_another_ones_is_not_removed(void **state)
{
    struct fixture *fixture = *state;
    fixture_start(fixture);
    fixture_wait_ready(fixture);
    assert_int_equal(unlink(fixture->config.socket), 0);
    int fd = bind_at(fixture->config.socket);
    assert_int_equal(kill(fixture->master, SIGTERM), 0);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 0);
    assert_int_equal(access(fixture->config.socket, F_OK), 0);
    close(fd);
}

static void a_directory_that_cannot_be_made_is_named(void **state)
{
    struct fixture *fixture = *state;
    snprintf(fixture->config.state, sizeof fixture->config.state, "%s/no/such/state",
             fixture->directory);
    fixture_start(fixture);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 100 + SG_E_STORAGE);
    assert_true(fixture_log_has(fixture, "cannot make the state directory"));
    snprintf(fixture->config.state, sizeof fixture->config.state, "%s/state", fixture->directory);
    snprintf(fixture->config.socket, sizeof fixture->config.socket, "%s/no/such/s",
             fixture->directory);
    fixture_start(fixture);
    assert_int_equal(fixture_end(fixture, WAIT_MS), 100 + SG_E_STORAGE);
    assert_true(fixture_log_has(fixture, "cannot make the directory"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        CASE(directories_and_sockets_get_their_modes),
        CASE(an_open_state_directory_is_closed),
        CASE(a_state_directory_of_somebody_else_is_refused),
        CASE(the_state_directory_of_root_goes_to_the_configured_user),
        CASE(a_user_that_does_not_exist_is_refused),
        CASE(a_lock_that_is_a_link_is_not_followed),
        CASE(a_second_master_on_the_same_state_is_refused),
        CASE(a_second_master_on_the_same_socket_is_refused),
        CASE(a_rings_socket_in_use_leaves_no_http_socket),
        CASE(stale_sockets_are_replaced),
        CASE(what_is_not_a_socket_is_left_alone),
        CASE(a_socket_that_became_another_ones_is_not_removed),
        CASE(a_directory_that_cannot_be_made_is_named),
    };
    return cmocka_run_group_tests_name("master_places", tests, NULL, NULL);
}
