/* Secrets. */
#include "cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/secret.h>

#define SECRET_TEXT "correct horse 4711"

static char directory[64];
static char path[96];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/signet-secret-XXXXXX");
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/pin", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

static void write_pin(const void *data, size_t len, mode_t mode)
{
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void a_secret_keeps_what_is_put_in(void **state)
{
    SG_SECRET struct sg_secret *secret = NULL;
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    assert_int_equal(sg_secret_new(&secret, &err), SG_OK);
    assert_int_equal(sg_secret_len(secret), 0);
    assert_string_equal(sg_secret_data(secret), "");
    assert_int_equal(sg_secret_set(secret, "a\0b", 3, &err), SG_OK);
    assert_int_equal(sg_secret_len(secret), 3);
    assert_memory_equal(sg_secret_data(secret), "a\0b", 4);
    assert_int_equal(sg_secret_set(secret, "z", 1, &err), SG_OK);
    assert_string_equal(sg_secret_data(secret), "z");
}

static void a_secret_has_a_maximum(void **state)
{
    SG_SECRET struct sg_secret *secret = NULL;
    struct sg_error err = SG_ERROR_INIT;
    char text[SG_SECRET_MAX + 1];
    (void)state;
    memset(text, 'p', sizeof text);
    assert_int_equal(sg_secret_new(&secret, &err), SG_OK);
    assert_int_equal(sg_secret_set(secret, text, SG_SECRET_MAX, &err), SG_OK);
    assert_int_equal(strlen(sg_secret_data(secret)), SG_SECRET_MAX);
    assert_int_equal(sg_secret_set(secret, text, SG_SECRET_MAX + 1, &err), SG_E_LIMIT);
    assert_null(strstr(err.text, "pp"));
    assert_int_equal(sg_secret_len(secret), SG_SECRET_MAX);
}

static void free_takes_null(void **state)
{
    (void)state;
    sg_secret_free(NULL);
}

/* Where the kernel says so: the page is locked and left out of core files. */
static void a_secret_is_locked_and_not_dumped(void **state)
{
    SG_SECRET struct sg_secret *secret = NULL;
    struct sg_error err = SG_ERROR_INIT;
    char line[512];
    bool inside = false;
    bool found = false;
    (void)state;
    assert_int_equal(sg_secret_new(&secret, &err), SG_OK);
    unsigned long address = (unsigned long)(uintptr_t)sg_secret_data(secret);
    FILE *maps = fopen("/proc/self/smaps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from = 0;
        unsigned long to = 0;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            inside = from <= address && address < to;
        } else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            found = true;
#ifndef SIGNET_SANITIZED                          /* whose mlock does nothing */
            assert_non_null(strstr(line, " lo")); /* locked */
#endif
            assert_non_null(strstr(line, " dd")); /* do not dump */
        }
    }
    (void)fclose(maps);
    assert_true(found);
}

static void a_secret_that_cannot_be_locked_is_refused(void **state)
{
    (void)state;
#ifdef SIGNET_SANITIZED
    skip(); /* the sanitizers' mlock does nothing and says it did */
#endif
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit none = {0, 0};
        struct sg_error err = SG_ERROR_INIT;
        struct sg_secret *secret = NULL;
        (void)setrlimit(RLIMIT_MEMLOCK, &none);
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(2);
        }
        sg_status s = sg_secret_new(&secret, &err);
        bool refused = s == SG_E_NO_MEMORY && strcmp(err.code, "cannot_lock_memory") == 0 &&
                       secret == NULL && strstr(err.hint, "ulimit") != NULL;
        _exit(refused ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- files ---- */

static void the_first_line_of_a_file_is_the_secret(void **state)
{
    static const char *const files[] = {SECRET_TEXT, SECRET_TEXT "\n", SECRET_TEXT "\r\n",
                                        SECRET_TEXT "\nsecond\n", SECRET_TEXT "\n\n"};
    (void)state;
    for (size_t i = 0; i < SG_COUNT(files); i++) {
        SG_SECRET struct sg_secret *secret = NULL;
        struct sg_error err = SG_ERROR_INIT;
        write_pin(files[i], strlen(files[i]), 0600);
        assert_int_equal(sg_secret_read_file(path, "PIN file", &secret, &err), SG_OK);
        assert_int_equal(sg_secret_len(secret), strlen(SECRET_TEXT));
        assert_string_equal(sg_secret_data(secret), SECRET_TEXT);
    }
}

static void blanks_belong_to_the_secret(void **state)
{
    SG_SECRET struct sg_secret *secret = NULL;
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    write_pin(" a \n", 4, 0400);
    assert_int_equal(sg_secret_read_file(path, "PIN file", &secret, &err), SG_OK);
    assert_string_equal(sg_secret_data(secret), " a ");
}

static void empty_files_are_refused(void **state)
{
    static const char *const files[] = {"", "\n", "\r\n", "\nsecond line\n"};
    (void)state;
    for (size_t i = 0; i < SG_COUNT(files); i++) {
        SG_SECRET struct sg_secret *secret = NULL;
        struct sg_error err = SG_ERROR_INIT;
        write_pin(files[i], strlen(files[i]), 0600);
        assert_int_equal(sg_secret_read_file(path, "PIN file", &secret, &err), SG_E_INPUT);
        assert_string_equal(err.code, "bad_secret");
        assert_non_null(strstr(err.text, "PIN file"));
        assert_null(secret);
    }
}

static void too_long_secrets_are_refused_and_not_told(void **state)
{
    char text[3 * SG_SECRET_MAX];
    (void)state;
    memset(text, 'p', sizeof text);
    const size_t lengths[] = {SG_SECRET_MAX, SG_SECRET_MAX + 1, sizeof text};
    for (size_t i = 0; i < SG_COUNT(lengths); i++) {
        SG_SECRET struct sg_secret *secret = NULL;
        struct sg_error err = SG_ERROR_INIT;
        write_pin(text, lengths[i], 0600);
        assert_int_equal(sg_secret_read_file(path, "PIN file", &secret, &err), SG_E_INPUT);
        assert_null(strstr(err.text, "ppp"));
        assert_null(strstr(err.hint, "ppp"));
        assert_null(secret);
    }
    SG_SECRET struct sg_secret *secret = NULL;
    struct sg_error err = SG_ERROR_INIT;
    write_pin(text, SG_SECRET_MAX - 1, 0600);
    assert_int_equal(sg_secret_read_file(path, "PIN file", &secret, &err), SG_OK);
    assert_int_equal(sg_secret_len(secret), SG_SECRET_MAX - 1);
}

static void a_file_that_others_may_read_is_refused(void **state)
{
    const mode_t modes[] = {0640, 0604, 0660, 0644, 0666, 0610, 0602, 0601};
    (void)state;
    for (size_t i = 0; i < SG_COUNT(modes); i++) {
        SG_SECRET struct sg_secret *secret = NULL;
        struct sg_error err = SG_ERROR_INIT;
        write_pin(SECRET_TEXT, strlen(SECRET_TEXT), modes[i]);
        assert_int_equal(sg_secret_read_file(path, "PIN file", &secret, &err), SG_E_INPUT);
        assert_string_equal(err.code, "secret_exposed");
        assert_non_null(strstr(err.text, path));
        assert_non_null(strstr(err.hint, "chmod 600"));
        assert_null(strstr(err.text, SECRET_TEXT));
        assert_null(secret);
    }
}

static void a_file_that_is_not_there_is_said(void **state)
{
    SG_SECRET struct sg_secret *secret = NULL;
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    assert_int_equal(sg_secret_read_file("/nonexistent/pin", "PIN file", &secret, &err),
                     SG_E_STORAGE);
    assert_non_null(strstr(err.text, "/nonexistent/pin"));
    assert_int_equal(sg_secret_read_file(directory, "PIN file", &secret, &err), SG_E_STORAGE);
    assert_null(secret);
}

static void a_descriptor_is_read_to_its_end_in_pieces(void **state)
{
    SG_SECRET struct sg_secret *secret = NULL;
    struct sg_error err = SG_ERROR_INIT;
    int ends[2];
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)!write(ends[1], "ab", 2);
        usleep(20000);
        (void)!write(ends[1], "cd\nrest", 7);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(sg_secret_read_fd(ends[0], "password", &secret, &err), SG_OK);
    assert_string_equal(sg_secret_data(secret), "abcd");
    close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void a_closed_descriptor_is_said(void **state)
{
    SG_SECRET struct sg_secret *secret = NULL;
    struct sg_error err = SG_ERROR_INIT;
    (void)state;
    assert_int_equal(sg_secret_read_fd(-1, "password", &secret, &err), SG_E_STORAGE);
    assert_non_null(strstr(err.text, "password"));
    assert_null(secret);
}

/* ---- random ones ---- */

static void random_secrets_are_letters_and_digits_and_differ(void **state)
{
    SG_SECRET struct sg_secret *one = NULL;
    SG_SECRET struct sg_secret *two = NULL;
    struct sg_error err = SG_ERROR_INIT;
    bool seen[256] = {false};
    unsigned kinds = 0;
    (void)state;
    assert_int_equal(sg_secret_random(1000, &one, &err), SG_OK);
    assert_int_equal(sg_secret_random(1000, &two, &err), SG_OK);
    assert_int_equal(sg_secret_len(one), 1000);
    assert_int_equal(strlen(sg_secret_data(one)), 1000);
    assert_string_not_equal(sg_secret_data(one), sg_secret_data(two));
    for (const char *c = sg_secret_data(one); *c != '\0'; c++) {
        bool allowed =
            (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z');
        assert_true(allowed);
        kinds += !seen[(unsigned char)*c];
        seen[(unsigned char)*c] = true;
    }
    assert_in_range(kinds, 50, 62); /* of 62; fewer than 50 in 1,000 does not happen */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_keeps_what_is_put_in),
        cmocka_unit_test(a_secret_has_a_maximum),
        cmocka_unit_test(free_takes_null),
        cmocka_unit_test(a_secret_is_locked_and_not_dumped),
        cmocka_unit_test(a_secret_that_cannot_be_locked_is_refused),
        cmocka_unit_test(the_first_line_of_a_file_is_the_secret),
        cmocka_unit_test(blanks_belong_to_the_secret),
        cmocka_unit_test(empty_files_are_refused),
        cmocka_unit_test(too_long_secrets_are_refused_and_not_told),
        cmocka_unit_test(a_file_that_others_may_read_is_refused),
        cmocka_unit_test(a_file_that_is_not_there_is_said),
        cmocka_unit_test(a_descriptor_is_read_to_its_end_in_pieces),
        cmocka_unit_test(a_closed_descriptor_is_said),
        cmocka_unit_test(random_secrets_are_letters_and_digits_and_differ),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
