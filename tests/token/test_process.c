/* The life of a token process: what it is without a token, its one login, its end, its confinement,
 * its siblings. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/base/packet.h>

#include "cmocka_all.h"
#include "confine_internal.h"
#include "softhsm_fixture.h"

static int setup(void **state)
{
    struct softhsm_fixture *fixture = calloc(1, sizeof *fixture);
    softhsm_fixture_init(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    softhsm_fixture_done(*state);
    free(*state);
    return 0;
}

static void get_info(struct token_process *process, struct sg_token_info *out)
{
    struct sg_error err = SG_ERROR_INIT;
    if (sg_token_get_info(&process->link, out, &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
}

static sg_status sign(struct sg_token_link *link, struct sg_key_id id, struct sg_error *err)
{
    static const unsigned char digest[32] = {1};
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = sizeof out;
    struct sg_mechanism ecdsa = {.kind = SG_MECHANISM_ECDSA};
    return sg_token_use(link, SG_VERB_SIGN, &id, &ecdsa, (struct sg_bytes){digest, sizeof digest},
                        out, &len, err);
}

static void rewrite_pin(const struct softhsm_fixture *fixture, const char *pin)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_file_replace(fixture->pin_file, pin, strlen(pin), 0600, &err), SG_OK);
}

static void info_describes_the_token(void **state)
{
    struct softhsm_fixture *fixture = *state;
    struct token_process process;
    struct sg_token_info info;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_buffer spki;
    token_process_start(&process, &fixture->settings);
    get_info(&process, &info);
    assert_false(info.logged_in);
    assert_string_equal(info.label, "store");
    assert_int_equal(strlen(info.serial), 16);
    assert_string_equal(info.manufacturer, "SoftHSM project");
    assert_string_equal(info.problem, "");
    assert_true(info.pin_version != 0);
    assert_int_equal(sign(&process.link, key_id(1), &err), SG_E_TOKEN);
    assert_string_equal(err.code, "not_logged_in");
    assert_int_equal(sg_token_login(&process.link, &err), SG_OK);
    generate_key(&process.link, "ec:p256", key_id(1), (struct sg_key_abilities){0}, &spki);
    sg_buffer_done(&spki);
    get_info(&process, &info);
    assert_true(info.logged_in);
    assert_int_equal(info.private_keys, 1);
    assert_int_equal(info.certificates, 0);
    assert_string_equal(info.label, "store"); /* kept: SoftHSM no longer tells */
    assert_int_equal(token_process_stop(&process), 0);
}

static void token_is_found_by_its_serial_number(void **state)
{
    struct softhsm_fixture *fixture = *state;
    struct sg_token_settings settings = fixture->settings;
    struct token_process process;
    struct sg_token_info info;
    token_process_start(&process, &settings);
    get_info(&process, &info);
    assert_int_equal(token_process_stop(&process), 0);
    char serial[17];
    memcpy(serial, info.serial, sizeof serial);
    settings.label = NULL;
    settings.serial = serial;
    token_process_start_ready(&process, &settings);
    assert_int_equal(token_process_stop(&process), 0);
}

/* The process stays, says why, and fails every use with the same reason. */
static void check_unusable(const struct sg_token_settings *settings, const char *code,
                           const char *word)
{
    struct token_process process;
    struct sg_token_info info;
    struct sg_error err = SG_ERROR_INIT;
    token_process_start(&process, settings);
    get_info(&process, &info);
    assert_false(info.logged_in);
    assert_non_null(strstr(info.problem, word));
    assert_int_equal(sg_token_login(&process.link, &err), SG_E_TOKEN);
    assert_string_equal(err.code, code);
    assert_int_equal(sign(&process.link, key_id(1), &err), SG_E_TOKEN);
    unsigned count = 0;
    struct sg_key_id id = key_id(1);
    assert_int_equal(sg_token_destroy(&process.link, &id, &count, &err), SG_E_TOKEN);
    assert_string_equal(err.code, code);
    assert_int_equal(token_process_stop(&process), 0);
}

static void missing_module_is_a_problem_not_an_end(void **state)
{
    struct sg_token_settings settings = ((struct softhsm_fixture *)*state)->settings;
    settings.module = "/nowhere/libnothing.so";
    check_unusable(&settings, "module_missing", "/nowhere/libnothing.so");
}

static void library_that_is_no_module_is_a_problem(void **state)
{
    struct sg_token_settings settings = ((struct softhsm_fixture *)*state)->settings;
    settings.module = "libm.so.6";
    check_unusable(&settings, "module_invalid", "not a PKCS#11 module");
}

static void missing_token_is_a_problem_that_lists_the_others(void **state)
{
    struct sg_token_settings settings = ((struct softhsm_fixture *)*state)->settings;
    struct token_process process;
    struct sg_error err = SG_ERROR_INIT;
    settings.label = "elsewhere";
    check_unusable(&settings, "token_missing", "\"elsewhere\"");
    token_process_start(&process, &settings);
    assert_int_equal(sg_token_login(&process.link, &err), SG_E_TOKEN);
    assert_non_null(strstr(err.hint, "\"store\""));
    assert_int_equal(token_process_stop(&process), 0);
}

static void missing_pin_file_is_a_problem_until_it_is_there(void **state)
{
    struct softhsm_fixture *fixture = *state;
    struct sg_token_settings settings = fixture->settings;
    struct token_process process;
    struct sg_token_info info;
    struct sg_error err = SG_ERROR_INIT;
    char path[128];
    snprintf(path, sizeof path, "%s/later", fixture->directory);
    settings.pin_file = path;
    token_process_start(&process, &settings);
    get_info(&process, &info);
    assert_non_null(strstr(info.problem, path));
    assert_int_equal(info.pin_version, 0);
    assert_int_equal(sg_token_login(&process.link, &err), SG_E_STORAGE);
    assert_int_equal(rename(fixture->pin_file, path), 0);
    assert_int_equal(sg_token_login(&process.link, &err), SG_OK); /* the PIN had not been sent */
    assert_int_equal(token_process_stop(&process), 0);
}

static void exposed_pin_file_is_refused(void **state)
{
    struct softhsm_fixture *fixture = *state;
    struct token_process process;
    struct sg_token_info info;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(chmod(fixture->pin_file, 0644), 0);
    token_process_start(&process, &fixture->settings);
    get_info(&process, &info);
    assert_non_null(strstr(info.problem, "read by others"));
    assert_int_equal(sg_token_login(&process.link, &err), SG_E_INPUT);
    assert_int_equal(token_process_stop(&process), 0);
}

static void wrong_pin_is_tried_once_and_never_told(void **state)
{
    struct softhsm_fixture *fixture = *state;
    struct token_process process;
    struct sg_token_info info;
    struct sg_error err = SG_ERROR_INIT;
    rewrite_pin(fixture, "surely-wrong-99\n");
    token_process_start(&process, &fixture->settings);
    assert_int_equal(sg_token_login(&process.link, &err), SG_E_TOKEN);
    assert_string_equal(err.code, "pin_incorrect");
    assert_non_null(strstr(err.hint, "signet token login store"));
    assert_null(strstr(err.text, "surely-wrong"));
    assert_null(strstr(err.hint, "surely-wrong"));
    get_info(&process, &info);
    uint64_t version = info.pin_version;
    assert_non_null(strstr(info.problem, "CKR_PIN_INCORRECT"));
    rewrite_pin(fixture, "fixture-4711\n"); /* right, but not for this process */
    assert_int_equal(sg_token_login(&process.link, &err), SG_E_TOKEN);
    assert_string_equal(err.code, "pin_incorrect");
    get_info(&process, &info);
    assert_true(info.pin_version != version);
    assert_int_equal(token_process_stop(&process), 0);
    token_process_start_ready(&process, &fixture->settings);
    assert_int_equal(token_process_stop(&process), 0);
}

static void bad_environment_ends_the_start(void **state)
{
    struct sg_token_settings settings = ((struct softhsm_fixture *)*state)->settings;
    struct token_process process;
    const char *const environment[] = {"NO_EQUALS_SIGN", NULL};
    settings.environment = environment;
    token_process_start(&process, &settings);
    assert_int_equal(token_process_wait(&process), SG_E_INPUT);
    close(process.link.socket);
}

static void process_ends_with_the_link(void **state)
{
    struct token_process process;
    token_process_start_ready(&process, &((struct softhsm_fixture *)*state)->settings);
    assert_int_equal(token_process_stop(&process), 0);
}

static void process_ends_at_sigterm(void **state)
{
    struct token_process process;
    token_process_start_ready(&process, &((struct softhsm_fixture *)*state)->settings);
    assert_int_equal(kill(process.pid, SIGTERM), 0);
    assert_int_equal(token_process_wait(&process), 0);
    close(process.link.socket);
}

/* As the next master would. */
static bool is_locked(const char *path)
{
    SG_FD int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return flock(fd, LOCK_EX | LOCK_NB) != 0;
}

static bool others_are_closed(const char *path, pid_t pid)
{
    char link[64];
    char target[256] = "";
    for (int fd = STDERR_FILENO + 1; fd < 64; fd++) {
        snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, fd);
        ssize_t len = readlink(link, target, sizeof target - 1);
        target[len > 0 ? len : 0] = '\0';
        if (len > 0 && strcmp(target, path) == 0) {
            return false;
        }
    }
    return true;
}

/* Below, above and without the link. */
static void lock_is_held_until_the_process_has_ended(void **state)
{
    struct softhsm_fixture *fixture = *state;
    struct sg_token_settings settings = fixture->settings;
    struct token_process process;
    char path[160];
    char other[160];
    snprintf(path, sizeof path, "%s/lock", fixture->directory);
    snprintf(other, sizeof other, "%s/other", fixture->directory);
    const int lowest[] = {STDERR_FILENO + 1, 60};
    for (size_t i = 0; i < SG_COUNT(lowest); i++) {
        SG_FD int made = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        SG_FD int others = open(other, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        settings.lock = fcntl(made, F_DUPFD_CLOEXEC, lowest[i]);
        assert_true(others >= 0 && settings.lock >= lowest[i]);
        assert_int_equal(flock(settings.lock, LOCK_EX | LOCK_NB), 0);
        token_process_start_ready(&process, &settings);
        close(settings.lock);
        sg_fd_closep(&made);
        made = -1;
        assert_true(is_locked(path));
        assert_true(others_are_closed(other, process.pid));
        assert_int_equal(token_process_stop(&process), 0);
        assert_false(is_locked(path));
    }
}

static void nothing_is_locked_where_no_lock_is_given(void **state)
{
    struct softhsm_fixture *fixture = *state;
    struct token_process process;
    char path[160];
    snprintf(path, sizeof path, "%s/lock", fixture->directory);
    SG_FD int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
    token_process_start_ready(&process, &fixture->settings);
    sg_fd_closep(&lock);
    lock = -1;
    assert_false(is_locked(path));
    assert_int_equal(token_process_stop(&process), 0);
}

static void capabilities_end_with_the_process(void **state)
{
    struct token_process process;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_granted_key key = {.id = key_id(1), .sign = 1};
    int pair[2];
    token_process_start_ready(&process, &((struct softhsm_fixture *)*state)->settings);
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    assert_int_equal(sg_token_grant(&process.link, 1, 7, pair[1], &key, 1, &err), SG_OK);
    close(pair[1]);
    struct sg_token_link holder = {.socket = pair[0], .timeout_ms = -1};
    assert_int_equal(sign(&holder, key.id, &err), SG_E_NOT_FOUND);
    assert_int_equal(kill(process.pid, SIGKILL), 0);
    assert_int_equal(token_process_wait(&process), 128 + SIGKILL);
    assert_int_equal(sign(&holder, key.id, &err), SG_E_SERVICE);
    assert_string_equal(err.code, "peer_gone");
    assert_int_equal(sg_token_login(&process.link, &err), SG_E_SERVICE);
    assert_string_equal(err.code, "peer_gone");
    close(pair[0]);
    close(process.link.socket);
}

static void silent_process_is_a_timeout(void **state)
{
    struct token_process process;
    struct sg_token_info info;
    struct sg_error err = SG_ERROR_INIT;
    token_process_start_ready(&process, &((struct softhsm_fixture *)*state)->settings);
    assert_int_equal(kill(process.pid, SIGSTOP), 0);
    process.link.timeout_ms = 50;
    assert_int_equal(sg_token_get_info(&process.link, &info, &err), SG_E_SERVICE);
    assert_string_equal(err.code, "timeout");
    assert_int_equal(kill(process.pid, SIGCONT), 0);
    process.link.timeout_ms = 20000;
    /* the late answer is skipped: its number is not ours */
    assert_int_equal(sign(&process.link, key_id(9), &err), SG_E_NOT_FOUND);
    assert_string_equal(err.code, "key_missing");
    assert_int_equal(token_process_stop(&process), 0);
}

static void sibling_sees_a_new_key(void **state)
{
    struct softhsm_fixture *fixture = *state;
    struct token_process first;
    struct token_process second;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_buffer spki;
    struct sg_key_id id = key_id(0x31);
    struct sg_granted_key key = {.id = id, .sign = 1};
    int pair[2];
    token_process_start_ready(&first, &fixture->settings);
    token_process_start_ready(&second, &fixture->settings);
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    assert_int_equal(sg_token_grant(&second.link, 1, 7, pair[1], &key, 1, &err), SG_OK);
    close(pair[1]);
    struct sg_token_link holder = {.socket = pair[0], .timeout_ms = 20000};
    assert_int_equal(sign(&holder, id, &err), SG_E_NOT_FOUND);
    generate_key(&first.link, "ec:p256", id, (struct sg_key_abilities){0}, &spki);
    sg_buffer_done(&spki);
    /* "missing" is remembered until somebody grants, which control does after each new key */
    assert_int_equal(sg_token_regrant(&second.link, 1, &key, 1, &err), SG_OK);
    if (sign(&holder, id, &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
    unsigned count = 0;
    assert_int_equal(sg_token_destroy(&first.link, &id, &count, &err), SG_OK);
    assert_int_equal(count, 2);
    /* the second may keep a copy for use until it is told, which control does after each
     * destruction */
    assert_int_equal(sg_token_forget(&second.link, &err), SG_OK);
    assert_int_not_equal(sign(&holder, id, &err), SG_OK); /* its handle is stale now */
    close(pair[0]);
    assert_int_equal(token_process_stop(&first), 0);
    assert_int_equal(token_process_stop(&second), 0);
}

static struct sg_token_link grant_key(struct token_process *process, uint64_t number,
                                      const struct sg_granted_key *key)
{
    struct sg_error err = SG_ERROR_INIT;
    int pair[2];
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    assert_int_equal(sg_token_grant(&process->link, number, 7, pair[1], key, 1, &err), SG_OK);
    close(pair[1]);
    return (struct sg_token_link){.socket = pair[0], .timeout_ms = 20000};
}

/* What a process keeps of a key for use goes whenever anybody's rights change. Seen by a key that a
 * sibling has destroyed meanwhile: a copy still signs. */
static void copies_go_when_rights_change(void **state)
{
    struct softhsm_fixture *fixture = *state;
    struct token_process first, second;
    struct sg_error err = SG_ERROR_INIT;
    token_process_start_ready(&first, &fixture->settings);
    token_process_start_ready(&second, &fixture->settings);
    for (unsigned char i = 0; i < 2; i++) {
        const struct sg_granted_key key = {.id = key_id((unsigned char)(0x41 + i)), .sign = 1};
        struct sg_buffer spki;
        unsigned count = 0;
        generate_key(&first.link, "ec:p256", key.id, (struct sg_key_abilities){0}, &spki);
        sg_buffer_done(&spki);
        struct sg_token_link holder = grant_key(&second, 1u + 2u * i, &key);
        struct sg_token_link other = grant_key(&second, 2u + 2u * i, &key);
        assert_int_equal(sign(&holder, key.id, &err), SG_OK);
        assert_int_equal(sg_token_destroy(&first.link, &key.id, &count, &err), SG_OK);
        assert_int_equal(sign(&holder, key.id, &err), SG_OK);
        assert_int_equal(i == 0 ? sg_token_regrant(&second.link, 2, NULL, 0, &err)
                                : sg_token_revoke(&second.link, 4, &err),
                         SG_OK);
        assert_int_not_equal(sign(&holder, key.id, &err), SG_OK);
        close(holder.socket);
        close(other.socket);
    }
    assert_int_equal(token_process_stop(&first), 0);
    assert_int_equal(token_process_stop(&second), 0);
}

static void keys_survive_a_kill(void **state)
{
    struct softhsm_fixture *fixture = *state;
    struct token_process process;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_buffer spki;
    token_process_start_ready(&process, &fixture->settings);
    generate_key(&process.link, "ec:p256", key_id(5), (struct sg_key_abilities){0}, &spki);
    sg_buffer_done(&spki);
    assert_int_equal(kill(process.pid, SIGKILL), 0);
    (void)token_process_stop(&process);
    token_process_start_ready(&process, &fixture->settings);
    assert_int_equal(sign(&process.link, key_id(5), &err), SG_OK);
    assert_int_equal(token_process_stop(&process), 0);
}

/* The value of a line "Name:\tvalue" in /proc/PID/status. */
static void status_line(pid_t pid, const char *name, char *out, size_t room)
{
    char path[64];
    char line[256];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    out[0] = '\0';
    while (fgets(line, sizeof line, file) != NULL) {
        size_t len = strlen(name);
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            snprintf(out, room, "%s", line + len + 2);
            out[strcspn(out, "\n")] = '\0';
        }
    }
    fclose(file);
}

static void process_has_no_capabilities(void **state)
{
    static const char none[] = "0000000000000000";
    const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"};
    struct token_process process;
    char value[64];
    token_process_start_ready(&process, &((struct softhsm_fixture *)*state)->settings);
    size_t checked = geteuid() == 0 ? SG_COUNT(sets) : SG_COUNT(sets) - 1;
    for (size_t i = 0; i < checked; i++) {
        status_line(process.pid, sets[i], value, sizeof value);
        assert_string_equal(value, none);
    }
    status_line(process.pid, "NoNewPrivs", value, sizeof value);
    assert_string_equal(value, "1");
    assert_int_equal(token_process_stop(&process), 0);
}

static int open_for_writing(void *context)
{
    struct sg_error err = SG_ERROR_INIT;
    SG_FD int before = open(context, O_WRONLY | O_CLOEXEC);
    if (geteuid() == 0 && before < 0) {
        return 2; /* root with capabilities may: else this test would prove nothing */
    }
    if (sg_token_confine(&err) != SG_OK) {
        return 3;
    }
    SG_FD int fd = open(context, O_WRONLY | O_CLOEXEC);
    return fd < 0 && errno == EACCES ? 0 : 1;
}

/* What the guard rests on: mode 0400 keeps a confined process from writing, root's too. */
static void token_object_is_not_writable_in_the_process(void **state)
{
    char path[256];
    struct stat info;
    softhsm_fixture_path(*state, "token.object", path, sizeof path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0400);
    assert_int_equal(run_in_child(open_for_writing, path), 0);
}

/* SoftHSM would rewrite the file in place; what stands there after a login is ours, whole, with
 * another generation number and nothing else. */
static void login_replaces_the_token_object_and_never_rewrites_it(void **state)
{
    struct softhsm_fixture *fixture = *state;
    struct token_process process;
    char path[256];
    struct stat before;
    struct stat after;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER old;
    SG_BUFFER new;
    sg_buffer_init(&old, 65536);
    sg_buffer_init(&new, 65536);
    softhsm_fixture_path(fixture, "token.object", path, sizeof path);
    SG_FD int held = open(path, O_RDONLY | O_CLOEXEC); /* its inode stays ours to look at */
    assert_int_equal(fstat(held, &before), 0);
    assert_int_equal(sg_fd_read_all(held, "object", &old, &err), SG_OK);
    token_process_start_ready(&process, &fixture->settings);
    assert_int_equal(fstat(held, &after), 0);
    assert_int_equal(after.st_nlink, 0);
    assert_int_equal(after.st_size, before.st_size);
    assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
    assert_int_equal(sg_file_read(path, "object", &new, &err), SG_OK);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_mode & 07777, 0400);
    assert_int_equal(old.len, new.len);
    assert_memory_not_equal(old.data, new.data, 8);
    assert_memory_equal(old.data + 8, new.data + 8, old.len - 8);
    assert_int_equal(token_process_stop(&process), 0);
}

/* Without its file made readable again, SoftHSM would give the token up at a sibling's first new
 * object. */
static void every_sibling_generates_and_sees_the_others_keys(void **state)
{
    enum { PROCESSES = 3 };
    struct softhsm_fixture *fixture = *state;
    struct token_process processes[PROCESSES];
    struct sg_error err = SG_ERROR_INIT;
    for (int i = 0; i < PROCESSES; i++) {
        token_process_start_ready(&processes[i], &fixture->settings);
    }
    for (unsigned round = 0; round < 2 * PROCESSES; round++) {
        struct sg_buffer spki;
        struct sg_key_id id = key_id((unsigned char)(0x10 + round));
        generate_key(&processes[round % PROCESSES].link, "ec:p256", id,
                     (struct sg_key_abilities){0}, &spki);
        sg_buffer_done(&spki);
        for (int i = 0; i < PROCESSES; i++) {
            if (sign(&processes[i].link, id, &err) != SG_OK) {
                fail_msg("round %u, process %d: %s", round, i, err.text);
            }
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(token_process_stop(&processes[i]), 0);
    }
}

static void sync_works_with_and_without_a_storage(void **state)
{
    struct softhsm_fixture *fixture = *state;
    struct sg_token_settings settings = fixture->settings;
    struct token_process process;
    struct sg_error err = SG_ERROR_INIT;
    const struct {
        const char *storage;
        sg_status expected;
    } rows[] = {{fixture->storage, SG_OK}, {NULL, SG_OK}, {"/nowhere/at/all", SG_E_STORAGE}};
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        settings.storage = rows[i].storage;
        token_process_start(&process, &settings);
        assert_int_equal(sg_token_sync(&process.link, &err), rows[i].expected);
        assert_int_equal(token_process_stop(&process), 0);
    }
}

static int initialise_again(void *context)
{
    struct sg_error err = SG_ERROR_INIT;
    sg_status s = sg_token_initialise(context, &err);
    return s == SG_E_CONFLICT && strcmp(err.code, "token_exists") == 0 ? 0 : 1;
}

static void initialising_twice_is_a_conflict_and_keeps_the_so_pin(void **state)
{
    struct softhsm_fixture *fixture = *state;
    char path[128];
    struct stat before;
    struct stat after;
    snprintf(path, sizeof path, "%s.so", fixture->pin_file);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(before.st_mode & 07777, 0600);
    assert_int_equal(before.st_size, 24);
    assert_int_equal(run_in_child(initialise_again, &fixture->settings), 0);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(info_describes_the_token),
        TEST(token_is_found_by_its_serial_number),
        TEST(missing_module_is_a_problem_not_an_end),
        TEST(library_that_is_no_module_is_a_problem),
        TEST(missing_token_is_a_problem_that_lists_the_others),
        TEST(missing_pin_file_is_a_problem_until_it_is_there),
        TEST(exposed_pin_file_is_refused),
        TEST(wrong_pin_is_tried_once_and_never_told),
        TEST(bad_environment_ends_the_start),
        TEST(process_ends_with_the_link),
        TEST(process_ends_at_sigterm),
        TEST(lock_is_held_until_the_process_has_ended),
        TEST(nothing_is_locked_where_no_lock_is_given),
        TEST(capabilities_end_with_the_process),
        TEST(silent_process_is_a_timeout),
        TEST(sibling_sees_a_new_key),
        TEST(copies_go_when_rights_change),
        TEST(keys_survive_a_kill),
        TEST(process_has_no_capabilities),
        TEST(token_object_is_not_writable_in_the_process),
        TEST(login_replaces_the_token_object_and_never_rewrites_it),
        TEST(every_sibling_generates_and_sees_the_others_keys),
        TEST(sync_works_with_and_without_a_storage),
        TEST(initialising_twice_is_a_conflict_and_keeps_the_so_pin),
    };
    return cmocka_run_group_tests_name("token process", tests, NULL, NULL);
}
