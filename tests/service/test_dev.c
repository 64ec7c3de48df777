/* signet dev: throw-away instances with the real signetd and SoftHSM. */
#include "cmocka_all.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include <signet/base/cleanup.h>

#include "cli_support.h"
#include "patience.h"

#define WORDS(...) ((const char *const[]){SIGNET_COMMAND, __VA_ARGS__, NULL})
#define CLI_RESULT SG_CLEANUP(cli_result_done) struct cli_result
#define AT_ONCE 3

static struct cli_place place;

static void dev(const char *verb, const char *dir, struct cli_result *result)
{
    cli_run(&place, WORDS("dev", verb, dir), NULL, result);
}

static void must(const char *verb, const char *dir)
{
    CLI_RESULT result;
    dev(verb, dir, &result);
    if (result.status != 0) {
        fail_msg("dev %s %s: %d %s", verb, dir, result.status, result.err);
    }
}

static const char *inside(const char *dir, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir + strlen(place.dir) + 1, name);
    return cli_path(&place, path);
}

static int make_place(void **state)
{
    (void)state;
    cli_place_make(&place);
    (void)chmod(place.dir, 0711);
    (void)unsetenv("SIGNET_SOCKET");
    return 0;
}

/* Whatever a failed test left running goes with its directory. */
static int remove_place(void **state)
{
    (void)state;
    DIR *dir = opendir(place.dir);
    for (struct dirent *entry = dir != NULL ? readdir(dir) : NULL; entry != NULL;
         entry = readdir(dir)) {
        if (entry->d_name[0] != '.' && entry->d_type == DT_DIR) {
            CLI_RESULT result;
            dev("down", cli_path(&place, entry->d_name), &result);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    cli_place_remove(&place);
    return 0;
}

static int status_of(const char *dir)
{
    CLI_RESULT result;
    cli_run(&place, WORDS("status", "--json", "--socket", inside(dir, "run/signet.sock")), NULL,
            &result);
    return result.status;
}

static pid_t pid_of(const char *dir)
{
    SG_FREE char *text = cli_read(inside(dir, "signetd.pid"), NULL);
    return text != NULL ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* Processes that name the instance's configuration on their command line. */
static size_t processes_of(const char *dir)
{
    size_t count = 0;
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (struct dirent *entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
        char path[300], line[4096];
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t len = fd >= 0 ? read(fd, line, sizeof line) : 0;
        close(fd);
        const char *wanted = inside(dir, "signet.conf");
        count += len > 0 && memmem(line, (size_t)len, wanted, strlen(wanted) + 1) != NULL;
    }
    closedir(proc);
    return count;
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 ? info.st_mode & 07777 : 07777;
}

/* ---- one instance ---- */

static void up_starts_and_down_stops(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "one");
    CLI_RESULT up;
    dev("up", dir, &up);
    if (up.status != 0) {
        fail_msg("%s", up.err);
    }
    assert_non_null(strstr(up.out, dir));
    assert_int_equal(status_of(dir), 0);
    assert_true(processes_of(dir) > 0);
    must("down", dir);
    assert_int_equal(status_of(dir), 7);
    assert_int_equal(processes_of(dir), 0);
    assert_int_equal(access(inside(dir, "signetd.pid"), F_OK), -1);
}

static void secrets_are_private_and_sockets_reachable(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "one");
    must("up", dir);
    assert_int_equal(mode_of(dir), 0711);
    assert_int_equal(mode_of(inside(dir, "run")), 0711);
    assert_int_equal(mode_of(inside(dir, "pin")), 0600);
    assert_int_equal(mode_of(inside(dir, "token")), 0700);
    assert_int_equal(mode_of(inside(dir, "state")), 0700);
    SG_FREE char *pin = cli_read(inside(dir, "pin"), NULL);
    assert_int_equal(strcspn(pin, "\n"), 24);
    pin[24] = '\0';
    SG_FREE char *log = cli_read(inside(dir, "signetd.log"), NULL);
    SG_FREE char *configuration = cli_read(inside(dir, "signet.conf"), NULL);
    assert_null(strstr(log, pin));
    assert_null(strstr(configuration, pin));
    assert_int_equal(access(inside(dir, "run/notify.sock"), F_OK), -1);
}

static void up_on_a_running_instance_changes_nothing(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "one");
    must("up", dir);
    pid_t before = pid_of(dir);
    CLI_RESULT again;
    dev("up", dir, &again);
    assert_int_equal(again.status, 0);
    assert_non_null(strstr(again.out, "already running"));
    assert_int_equal(pid_of(dir), before);
}

/* The command writes "started"; a program learns the same from the environment that env prints. */
static void env_can_be_evaluated(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "it's one");
    must("up", dir);
    char script[1024];
    snprintf(
        script, sizeof script,
        "eval \"$(%s dev env \"$0\")\" && %s status --json && echo \"$P11_KIT_SERVER_ADDRESS\"",
        SIGNET_COMMAND, SIGNET_COMMAND);
    CLI_RESULT result;
    cli_run(&place, (const char *const[]){"/bin/sh", "-c", script, dir, NULL}, NULL, &result);
    assert_int_equal(result.status, 0);
    assert_non_null(strstr(result.out, "unix:path=/"));
    assert_non_null(strstr(result.out, "it%27s%20one/run/pkcs11.sock\n"));
    must("down", dir);
}

static void env_works_on_a_stopped_instance(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "one");
    must("down", dir);
    CLI_RESULT result;
    cli_run(&place, WORDS("dev", "env", dir, "--json"), NULL, &result);
    assert_int_equal(result.status, 0);
    json_t *out = json_loads(result.out, 0, NULL);
    json_t *variables = json_object_get(out, "environment");
    assert_string_equal(json_string_value(json_object_get(variables, "SIGNET_SOCKET")),
                        inside(dir, "run/signet.sock"));
    json_decref(out);
}

static void what_was_made_is_there_after_a_restart(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "one");
    const char *socket = inside(dir, "run/signet.sock");
    must("up", dir);
    CLI_RESULT owner;
    cli_run(&place, WORDS("owner", "add", "START1", "--socket", socket), NULL, &owner);
    assert_int_equal(owner.status, 0);
    CLI_RESULT made;
    cli_run(&place,
            WORDS("cert", "generate", "START1/web", "--subject", "CN=web", "--socket", socket),
            NULL, &made);
    assert_int_equal(made.status, 0);
    must("down", dir);
    must("up", dir);
    CLI_RESULT shown;
    cli_run(&place, WORDS("cert", "list", "START1", "--socket", socket), NULL, &shown);
    assert_int_equal(shown.status, 0);
    assert_non_null(strstr(shown.out, "CN=web"));
    CLI_RESULT signed_request;
    cli_run(&place, WORDS("cert", "request", "START1/web", "--socket", socket), NULL,
            &signed_request);
    assert_int_equal(signed_request.status, 0);
    assert_non_null(strstr(signed_request.out, "BEGIN CERTIFICATE REQUEST"));
    must("down", dir);
}

static void down_twice_is_no_failure(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "one");
    must("down", dir);
    CLI_RESULT again;
    dev("down", dir, &again);
    assert_int_equal(again.status, 0);
    assert_non_null(strstr(again.out, "nothing was running"));
}

static void a_dry_run_starts_and_stops_nothing(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "dry");
    CLI_RESULT up;
    cli_run(&place, WORDS("dev", "up", dir, "--dry-run"), NULL, &up);
    assert_int_equal(up.status, 0);
    assert_int_equal(access(dir, F_OK), -1);
}

/* ---- what comes in between ---- */

static void wait_for(size_t wanted, const char *dir)
{
    for (int i = 0; i < patiently(500) && processes_of(dir) != wanted; i++) {
        (void)poll(NULL, 0, 20);
    }
    assert_int_equal(processes_of(dir), wanted);
}

/* A process that answers on the instance's socket as a running service does, for two seconds,
 * though the one that listened there has ended. */
static void leave_an_answer(const char *dir)
{
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        "{\"state\":\"ready\",\"tokens\":[]}";
    pid_t listens = fork();
    assert_true(listens >= 0);
    if (listens == 0) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof address.sun_path, "%s", inside(dir, "run/signet.sock"));
        (void)unlink(address.sun_path);
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int failed =
            bind(listener, (const struct sockaddr *)&address, sizeof address) + listen(listener, 8);
        if (failed != 0 || fork() != 0) {
            _exit(failed != 0);
        }
        alarm(2); /* dev up waits three for sockets to close */
        for (;;) {
            char request[4096];
            int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            (void)!read(client, request, sizeof request);
            (void)!write(client, answer, sizeof answer - 1);
            close(client);
        }
    }
    int status = -1;
    assert_int_equal(waitpid(listens, &status, 0), listens);
    assert_int_equal(status, 0);
}

static void up_is_not_taken_in_by_what_outlives_the_service(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "one");
    must("down", dir);
    leave_an_answer(dir);
    assert_int_equal(status_of(dir), 0);
    CLI_RESULT up;
    dev("up", dir, &up);
    assert_int_equal(up.status, 0);
    assert_non_null(strstr(up.out, "started in"));
    assert_true(pid_of(dir) > 1 && processes_of(dir) > 0);
    must("down", dir);
    wait_for(0, dir);
}

/* It may have ended already. */
static void kill_and_wait(pid_t pid)
{
    int process = pidfd_open(pid, 0);
    struct pollfd fd = {process, POLLIN, 0};
    assert_true(pid > 1);
    (void)kill(pid, SIGKILL);
    assert_true(process < 0 || poll(&fd, 1, patiently(10000)) == 1);
    close(process);
}

static void up_recovers_from_a_killed_service(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "one");
    must("up", dir);
    for (int i = 0; i < 5; i++) { /* it and its other processes may still answer for a moment */
        pid_t before = pid_of(dir);
        assert_true(before > 1 && kill(before, SIGKILL) == 0);
        must("up", dir);
        kill_and_wait(pid_of(dir));
        must("up", dir);
        assert_int_equal(status_of(dir), 0);
        assert_int_not_equal(pid_of(dir), before);
    }
    must("down", dir);
    wait_for(0, dir);
}

/* A number in a file is no proof: whoever has it now must not die for it. */
static void down_spares_a_stranger_with_the_old_number(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "one");
    must("down", dir);
    pid_t stranger = fork();
    assert_true(stranger >= 0);
    if (stranger == 0) {
        (void)setsid();
        (void)poll(NULL, 0, 60000);
        _exit(0);
    }
    char text[32];
    int len = snprintf(text, sizeof text, "%d\n", (int)stranger);
    cli_write(inside(dir, "signetd.pid"), text, (size_t)len);
    must("down", dir);
    assert_int_equal(waitpid(stranger, NULL, WNOHANG), 0);
    const char *const wrong[] = {"", "x\n", "-1\n", "0\n", "1\n", "99999999999\n", "4194304000\n"};
    for (size_t i = 0; i < SG_COUNT(wrong); i++) {
        cli_write(inside(dir, "signetd.pid"), wrong[i], strlen(wrong[i]));
        must("down", dir);
    }
    (void)kill(stranger, SIGKILL);
    (void)waitpid(stranger, NULL, 0);
}

/* The file that names the process is lost: the socket still knows who listens. */
static void down_finds_the_service_by_its_socket(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "one");
    must("up", dir);
    assert_int_equal(unlink(inside(dir, "signetd.pid")), 0);
    must("down", dir);
    assert_int_equal(status_of(dir), 7);
    wait_for(0, dir);
}

/* A service that does not answer SIGTERM any more is ended all the same. */
static void down_ends_what_is_stopped(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "one");
    must("up", dir);
    assert_int_equal(kill(pid_of(dir), SIGSTOP), 0);
    must("down", dir);
    wait_for(0, dir);
}

static void up_completes_what_was_left_half_made(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "half");
    const char *const leftovers[] = {"pin", "pin.17.tmp", "softhsm2.conf", "signet.conf.17.tmp",
                                     "token/junk"};
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(mkdir(inside(dir, "token"), 0700), 0);
    assert_int_equal(mkdir(inside(dir, ".signet-0123456789abcdef.tmp"), 0700), 0);
    for (size_t i = 0; i < SG_COUNT(leftovers); i++) {
        cli_write(inside(dir, leftovers[i]), "half", 4);
    }
    must("up", dir);
    assert_int_equal(status_of(dir), 0);
    assert_int_equal(access(inside(dir, "token/junk"), F_OK), -1);
    must("down", dir);
}

/* dev up, killed at any moment, leaves what the next one makes whole. */
static void up_survives_being_killed(void **state)
{
    (void)state;
    for (int delay_ms = 0; delay_ms <= 60; delay_ms += 6) {
        char name[32];
        snprintf(name, sizeof name, "killed%d", delay_ms);
        const char *dir = cli_path(&place, name);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            int null = open("/dev/null", O_WRONLY);
            (void)dup2(null, STDOUT_FILENO);
            (void)execl(SIGNET_COMMAND, "signet", "dev", "up", dir, (char *)NULL);
            _exit(127);
        }
        (void)poll(NULL, 0, delay_ms);
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        must("up", dir);
        assert_int_equal(status_of(dir), 0);
        must("down", dir);
        wait_for(0, dir);
    }
}

/* The letter of proc(5), stat; 0 when there is no such process. */
static char state_of(pid_t pid)
{
    char path[64], name[64], state = 0;
    int number;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = pid > 0 ? fopen(path, "re") : NULL;
    if (file != NULL && fscanf(file, "%d %63s %c", &number, name, &state) != 3) { /* NOLINT */
        state = 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return state;
}

static bool is_locked(const char *dir)
{
    int fd = open(inside(dir, "lock"), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    bool locked = flock(fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    return locked;
}

/* dev up is killed when its child has not become signetd yet, and so cannot be told from a
 * stranger: until then the child keeps others out. */
static void what_was_just_started_keeps_the_lock(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "begun");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)setenv("LD_PRELOAD", FAULT_AT, 1);
        (void)setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
        (void)setenv("FAULT_STOP", "1", 1);
        (void)execl(SIGNET_COMMAND, "signet", "dev", "up", dir, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < patiently(500) && state_of(pid_of(dir)) != 'T'; i++) {
        (void)poll(NULL, 0, 20);
    }
    pid_t begun = pid_of(dir);
    bool stopped = state_of(begun) == 'T';
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    size_t known = processes_of(dir);
    bool locked = is_locked(dir);
    assert_true(begun > 1 && kill(begun, SIGCONT) == 0);
    assert_true(stopped && locked);
    assert_int_equal(known, 0);
    must("up", dir);
    assert_int_equal(status_of(dir), 0);
    must("down", dir);
    wait_for(0, dir);
}

/* A store without its configuration may stand for keys: the token stays. */
static void up_keeps_a_token_that_was_served(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "one");
    const char *socket = inside(dir, "run/signet.sock");
    must("down", dir);
    assert_int_equal(unlink(inside(dir, "signet.conf")), 0);
    must("up", dir);
    CLI_RESULT signed_request;
    cli_run(&place, WORDS("cert", "request", "START1/web", "--socket", socket), NULL,
            &signed_request);
    assert_int_equal(signed_request.status, 0);
    must("down", dir);
}

/* ---- what is refused ---- */

static void a_directory_of_somebody_else_is_refused(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "foreign");
    assert_int_equal(mkdir(dir, 0755), 0);
    cli_write(inside(dir, "letter.txt"), "Dear all", 8);
    CLI_RESULT up;
    dev("up", dir, &up);
    assert_int_equal(up.status, 3);
    assert_non_null(strstr(up.err, "not empty"));
    assert_int_equal(access(inside(dir, "lock"), F_OK), -1);
    CLI_RESULT down;
    dev("down", dir, &down);
    assert_int_equal(down.status, 2);
    CLI_RESULT env;
    dev("env", dir, &env);
    assert_int_equal(env.status, 2);
    assert_string_equal(env.out, "");
    assert_int_equal(mode_of(dir), 0755);
}

/* A configuration that is not of our making is somebody's service. */
static void a_real_configuration_is_refused(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "etc");
    assert_int_equal(mkdir(dir, 0755), 0);
    cli_write(inside(dir, "signet.conf"), "socket = /run/signet/signet.sock\n", 33);
    CLI_RESULT up;
    dev("up", dir, &up);
    assert_int_equal(up.status, 3);
    SG_FREE char *kept = cli_read(inside(dir, "signet.conf"), NULL);
    assert_string_equal(kept, "socket = /run/signet/signet.sock\n");
}

static void a_moved_instance_is_refused(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "half");
    const char *moved = cli_path(&place, "moved");
    must("down", dir);
    assert_int_equal(rename(dir, moved), 0);
    CLI_RESULT up;
    dev("up", moved, &up);
    assert_int_equal(up.status, 3);
    assert_non_null(strstr(up.err, "another place"));
    assert_int_equal(rename(moved, dir), 0);
}

static void unusable_names_are_refused(void **state)
{
    (void)state;
    char name[120];
    memset(name, 'd', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const struct {
        const char *dir;
        int status;
    } rows[] = {
        {cli_path(&place, name), 5},
        {cli_path(&place, "with#hash"), 5},
        {cli_path(&place, "with=equals"), 5},
        {cli_path(&place, "with\"quote"), 5},
        {cli_path(&place, "with\nline"), 5},
        {cli_path(&place, "blank "), 5},
        {cli_path(&place, "no/such/parent"), 2},
        {"/dev/null", 3},
        {"", 1},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        CLI_RESULT up;
        dev("up", rows[i].dir, &up);
        if (up.status != rows[i].status) {
            fail_msg("%s: %d %s", rows[i].dir, up.status, up.err);
        }
        if (rows[i].status == 5) {
            assert_int_equal(access(rows[i].dir, F_OK), -1); /* what we made for nothing is gone */
        }
    }
    CLI_RESULT down;
    dev("down", cli_path(&place, "absent"), &down);
    assert_int_equal(down.status, 2);
}

static void a_service_that_cannot_start_is_told(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "broken");
    must("up", dir);
    must("down", dir);
    SG_FREE char *good = cli_read(inside(dir, "signet.conf"), NULL);
    char bad[4096];
    int len = snprintf(bad, sizeof bad, "%s\nnonsense = 1\n", good);
    cli_write(inside(dir, "signet.conf"), bad, (size_t)len);
    CLI_RESULT up;
    dev("up", dir, &up);
    assert_int_equal(up.status, 7);
    assert_non_null(strstr(up.err, "nonsense"));
    assert_non_null(strstr(up.err, "signetd.log"));
    assert_null(strstr(up.err, "event="));
    assert_int_equal(processes_of(dir), 0);
    cli_write(inside(dir, "signet.conf"), good, strlen(good));
    must("up", dir);
    must("down", dir);
}

static void a_damaged_store_is_told_in_words(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "damaged");
    must("up", dir);
    must("down", dir);
    cli_write(inside(dir, "state/signet.db"), "no database at all", 18);
    CLI_RESULT up;
    dev("up", dir, &up);
    assert_int_equal(up.status, 7);
    assert_non_null(strstr(up.err, "file is not a database"));
    assert_non_null(strstr(up.err, "restore a backup"));
    assert_null(strstr(up.err, "event=")); /* no raw lines of the log */
    assert_int_equal(processes_of(dir), 0);
}

/* signet WORDS… --socket, of an instance. */
static void ask_instance(const char *dir, const char *const words[4], struct cli_result *result)
{
    cli_run(&place,
            WORDS(words[0], words[1] != NULL ? words[1] : "--socket",
                  words[1] != NULL ? words[2] : inside(dir, "run/signet.sock"),
                  words[1] != NULL ? "--socket" : NULL, inside(dir, "run/signet.sock")),
            NULL, result);
}

static void must_ask(const char *dir, const char *noun, const char *verb, const char *object)
{
    CLI_RESULT result;
    ask_instance(dir, (const char *const[4]){noun, verb, object}, &result);
    if (result.status != 0) {
        fail_msg("%s %s: %s", noun, verb, result.err);
    }
}

/* Everything that says of an empty store that the token knows more, or none of it does. */
static void assert_empty_store_told(const char *dir, bool told)
{
    CLI_RESULT up, again, status;
    dev("up", dir, &up);
    dev("up", dir, &again);
    ask_instance(dir, (const char *const[4]){"status"}, &status);
    const struct cli_result *results[] = {&up, &again, &status};
    for (size_t i = 0; i < SG_COUNT(results); i++) {
        assert_int_equal(results[i]->status, 0);
        assert_int_equal(strstr(results[i]->err, "warning: ") != NULL, told);
        assert_int_equal(strstr(results[i]->err,
                                "signet.db holds no certificate and no ring, and token") != NULL,
                         told);
        assert_int_equal(strstr(results[i]->err, "restore signet.db") != NULL, told);
        assert_int_equal(strstr(results[i]->err, "On a first start") != NULL, told);
    }
    must("down", dir);
    SG_FREE char *log = cli_read(inside(dir, "signetd.log"), NULL);
    const char *last = log;
    for (const char *at = log; (at = strstr(at, "event=started version=")) != NULL; at++) {
        last = at;
    }
    if ((strstr(last, "code=store_empty") != NULL) != told) {
        fail_msg("the log of the last start: %s", last);
    }
}

static void a_store_that_was_lost_is_told_and_a_first_start_is_none(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "lost");
    const char *store = inside(dir, "state/signet.db");
    size_t len = 0;
    assert_empty_store_told(dir, false); /* nothing anywhere: a first start */
    must("up", dir);
    must_ask(dir, "owner", "add", "START1");
    must("down", dir);
    assert_empty_store_told(dir, false); /* no key yet */
    must("up", dir);
    CLI_RESULT made;
    cli_run(&place,
            WORDS("cert", "generate", "START1/web", "--subject", "CN=web", "--socket",
                  inside(dir, "run/signet.sock")),
            NULL, &made);
    assert_int_equal(made.status, 0);
    must("down", dir);
    assert_empty_store_told(dir, false);
    SG_FREE char *kept = cli_read(store, &len);
    assert_int_equal(unlink(store), 0);
    assert_empty_store_told(dir, true);
    cli_write(store, "", 0);
    (void)unlink(inside(dir, "state/signet.db-wal"));
    assert_empty_store_told(dir, true);
    must("up", dir);
    must_ask(dir, "owner", "add", "START2");
    must_ask(dir, "token", "add", "SERVED");
    must("down", dir);
    assert_empty_store_told(dir, true); /* nothing in it is for a key */
    cli_write(store, kept, len);        /* the backup */
    (void)unlink(inside(dir, "state/signet.db-wal"));
    assert_empty_store_told(dir, false);
    must("up", dir);
    must_ask(dir, "cert", "show", "START1/web");
    must("down", dir);
}

static void a_token_that_is_not_ready_is_told_and_the_service_stays(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "pinless");
    must("up", dir);
    must("down", dir);
    const char *pin = inside(dir, "pin");
    const char *aside = inside(dir, "pin.aside");
    assert_int_equal(rename(pin, aside), 0);
    CLI_RESULT up;
    dev("up", dir, &up);
    assert_int_equal(up.status, 6);
    assert_non_null(strstr(up.err, "is running"));
    assert_non_null(strstr(up.err, pin));
    assert_non_null(strstr(up.err, "signet token login softhsm"));
    assert_int_equal(status_of(dir), 0);
    CLI_RESULT again; /* it runs already, and is no better */
    dev("up", dir, &again);
    assert_int_equal(again.status, 6);
    assert_int_equal(rename(aside, pin), 0);
    CLI_RESULT login;
    cli_run(&place, WORDS("token", "login", "softhsm", "--socket", inside(dir, "run/signet.sock")),
            NULL, &login);
    assert_int_equal(login.status, 0);
    must("up", dir);
    must("down", dir);
}

/* ---- several ---- */

static pid_t start_in_background(const char *verb, const char *dir)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        (void)dup2(null, STDOUT_FILENO);
        (void)execl(SIGNET_COMMAND, "signet", "dev", verb, dir, (char *)NULL);
        _exit(127);
    }
    return child;
}

static void must_end_well(pid_t child)
{
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void instances_do_not_touch_each_other(void **state)
{
    (void)state;
    const char *dirs[AT_ONCE];
    pid_t children[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) {
        char name[32];
        snprintf(name, sizeof name, "par%d", i);
        dirs[i] = cli_path(&place, name);
        children[i] = start_in_background("up", dirs[i]);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        must_end_well(children[i]);
    }
    must("down", dirs[0]);
    assert_int_equal(status_of(dirs[0]), 7);
    for (int i = 1; i < AT_ONCE; i++) {
        assert_int_equal(status_of(dirs[i]), 0);
        must("down", dirs[i]);
        wait_for(0, dirs[i]);
    }
}

/* Two dev up on one directory: one starts it, the other finds it running. */
static void a_race_starts_one(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "race");
    pid_t children[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) {
        children[i] = start_in_background("up", dir);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        must_end_well(children[i]);
    }
    assert_int_equal(status_of(dir), 0);
    must("down", dir);
    wait_for(0, dir);
}

/* A caller that waits for the end of our output must not wait for the service. */
static void nothing_of_the_caller_is_held(void **state)
{
    (void)state;
    const char *dir = cli_path(&place, "one");
    char script[512];
    snprintf(script, sizeof script, "out=$(%s dev up \"$0\" 2>&1) && echo \"got $out\"",
             SIGNET_COMMAND);
    CLI_RESULT result;
    cli_run(&place, (const char *const[]){"/bin/sh", "-c", script, dir, NULL}, NULL, &result);
    assert_int_equal(result.status, 0);
    assert_int_equal(strncmp(result.out, "got ", 4), 0);
    must("down", dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_starts_and_down_stops),
        cmocka_unit_test(secrets_are_private_and_sockets_reachable),
        cmocka_unit_test(up_on_a_running_instance_changes_nothing),
        cmocka_unit_test(env_can_be_evaluated),
        cmocka_unit_test(env_works_on_a_stopped_instance),
        cmocka_unit_test(what_was_made_is_there_after_a_restart),
        cmocka_unit_test(down_twice_is_no_failure),
        cmocka_unit_test(a_dry_run_starts_and_stops_nothing),
        cmocka_unit_test(up_is_not_taken_in_by_what_outlives_the_service),
        cmocka_unit_test(up_recovers_from_a_killed_service),
        cmocka_unit_test(down_spares_a_stranger_with_the_old_number),
        cmocka_unit_test(down_finds_the_service_by_its_socket),
        cmocka_unit_test(down_ends_what_is_stopped),
        cmocka_unit_test(up_completes_what_was_left_half_made),
        cmocka_unit_test(up_survives_being_killed),
        cmocka_unit_test(what_was_just_started_keeps_the_lock),
        cmocka_unit_test(up_keeps_a_token_that_was_served),
        cmocka_unit_test(a_directory_of_somebody_else_is_refused),
        cmocka_unit_test(a_real_configuration_is_refused),
        cmocka_unit_test(a_moved_instance_is_refused),
        cmocka_unit_test(unusable_names_are_refused),
        cmocka_unit_test(a_service_that_cannot_start_is_told),
        cmocka_unit_test(a_damaged_store_is_told_in_words),
        cmocka_unit_test(a_store_that_was_lost_is_told_and_a_first_start_is_none),
        cmocka_unit_test(a_token_that_is_not_ready_is_told_and_the_service_stays),
        cmocka_unit_test(instances_do_not_touch_each_other),
        cmocka_unit_test(a_race_starts_one),
        cmocka_unit_test(nothing_of_the_caller_is_held),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
