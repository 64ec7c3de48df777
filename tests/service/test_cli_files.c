/* Files that go in, and files and directories that come out. */
#include "cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <signet/cli/directory.h>
#include <signet/cli/files.h>
#include <signet/cli/password.h>
#include <signet/keystore/read.h>

#include "cli_support.h"
#include "patience.h"

static struct cli_place place;

static int make_place(void **state)
{
    (void)state;
    cli_place_make(&place);
    return 0;
}

static int remove_place(void **state)
{
    (void)state;
    cli_place_remove(&place);
    return 0;
}

static sg_status load(const char *path, struct sg_error *err)
{
    const char *const words[] = {"signet", "cert", "add", "A/b", path};
    SG_INVOCATION invocation = SG_INVOCATION_INIT;
    *err = (struct sg_error)SG_ERROR_INIT;
    assert_int_equal(sg_arguments_parse(5, words, &invocation, err), SG_OK);
    return sg_files_load(&invocation, err);
}

static void a_missing_file_is_not_found(void **state)
{
    (void)state;
    struct sg_error err;
    const char *path = cli_path(&place, "absent.pem");
    assert_int_equal(load(path, &err), SG_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "absent.pem"));
    assert_string_equal(err.object, path);
}

static void a_directory_is_bad_input(void **state)
{
    (void)state;
    struct sg_error err;
    assert_int_equal(load(place.dir, &err), SG_E_INPUT);
    assert_string_equal(err.code, "is_a_directory");
}

/* 100 MB of holes: refused by its size, before a byte of it is read. */
static void a_huge_file_is_refused_at_once(void **state)
{
    (void)state;
    struct sg_error err;
    const char *path = cli_path(&place, "huge.pem");
    cli_write(path, "-----BEGIN CERTIFICATE-----\n", 28);
    assert_int_equal(truncate(path, (off_t)100 * 1024 * 1024), 0);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(load(path, &err), SG_E_LIMIT);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_string_equal(err.code, "file_too_large");
    assert_true((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 <
                patiently(200));
}

/* A pipe does not tell its size: reading stops at the maximum. */
static void an_endless_file_is_refused(void **state)
{
    (void)state;
    struct sg_error err;
    assert_int_equal(load("/dev/zero", &err), SG_E_LIMIT);
}

static void what_is_no_certificate_is_refused(void **state)
{
    (void)state;
    struct sg_error err;
    const char *path = cli_path(&place, "text.pem");
    cli_write(path, "just text\n", 10);
    assert_int_equal(load(path, &err), SG_E_INPUT);
    assert_non_null(strstr(err.text, "text.pem"));
    cli_write(path, "", 0);
    assert_int_equal(load(path, &err), SG_E_INPUT);
}

/* ---- directories ---- */

static bool is_there(const char *name)
{
    struct stat info;
    return lstat(cli_path(&place, name), &info) == 0;
}

static void put(struct sg_directory *directory, const char *name)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_bytes content = {(const unsigned char *)"x", 1};
    assert_int_equal(sg_directory_add(directory, name, content, &err), SG_OK);
}

static void begin(struct sg_directory *directory, const char *name)
{
    struct sg_error err = SG_ERROR_INIT;
    if (sg_directory_begin(directory, cli_path(&place, name), &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
}

static void a_directory_appears_whole(void **state)
{
    (void)state;
    SG_DIRECTORY directory = SG_DIRECTORY_INIT;
    struct sg_error err = SG_ERROR_INIT;
    begin(&directory, "out/");
    put(&directory, "1-a.pem");
    assert_int_equal(sg_directory_link(&directory, "01234567.0", "1-a.pem", &err), SG_OK);
    assert_false(is_there("out"));
    assert_int_equal(sg_directory_commit(&directory, &err), SG_OK);
    assert_true(is_there("out/1-a.pem") && is_there("out/01234567.0"));
    struct stat info;
    assert_int_equal(stat(cli_path(&place, "out"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0755);
    assert_int_equal(stat(cli_path(&place, "out/1-a.pem"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0644);
}

/* An anchor that was taken out of the ring must not stay trusted because its file does. */
static void an_older_export_goes_away_whole(void **state)
{
    (void)state;
    SG_DIRECTORY directory = SG_DIRECTORY_INIT;
    struct sg_error err = SG_ERROR_INIT;
    begin(&directory, "out");
    put(&directory, "1-b.pem");
    assert_int_equal(sg_directory_commit(&directory, &err), SG_OK);
    assert_true(is_there("out/1-b.pem"));
    assert_false(is_there("out/1-a.pem"));
    assert_false(is_there("out/01234567.0"));
}

static void what_is_not_committed_leaves_nothing(void **state)
{
    (void)state;
    char temporary[PATH_MAX];
    {
        SG_DIRECTORY directory = SG_DIRECTORY_INIT;
        begin(&directory, "never");
        put(&directory, "1-a.pem");
        memcpy(temporary, directory.temporary, sizeof temporary);
        assert_int_equal(access(temporary, F_OK), 0);
    }
    assert_int_not_equal(access(temporary, F_OK), 0);
    assert_false(is_there("never"));
}

static void other_peoples_directories_are_not_replaced(void **state)
{
    (void)state;
    const char *const foreign[] = {"home/letter.txt", "home/.bashrc", "home/0123456g.0",
                                   "home/01234567.x", "home/pem"};
    assert_int_equal(mkdir(cli_path(&place, "home"), 0755), 0);
    for (size_t i = 0; i < SG_COUNT(foreign); i++) {
        SG_DIRECTORY directory = SG_DIRECTORY_INIT;
        struct sg_error err = SG_ERROR_INIT;
        cli_write(cli_path(&place, foreign[i]), "x", 1);
        assert_int_equal(sg_directory_begin(&directory, cli_path(&place, "home"), &err),
                         SG_E_CONFLICT);
        assert_string_equal(err.code, "not_an_export");
        assert_true(is_there(foreign[i]));
        (void)unlink(cli_path(&place, foreign[i]));
    }
    SG_DIRECTORY directory = SG_DIRECTORY_INIT;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_directory_begin(&directory, cli_path(&place, "text.pem"), &err),
                     SG_E_CONFLICT);
    assert_int_equal(sg_directory_begin(&directory, cli_path(&place, "no/such/place"), &err),
                     SG_E_NOT_FOUND);
}

/* What comes into the directory between begin and commit counts too. */
static void a_late_file_stops_the_commit(void **state)
{
    (void)state;
    SG_DIRECTORY directory = SG_DIRECTORY_INIT;
    struct sg_error err = SG_ERROR_INIT;
    begin(&directory, "home");
    put(&directory, "1-a.pem");
    cli_write(cli_path(&place, "home/late"), "x", 1);
    assert_int_equal(sg_directory_commit(&directory, &err), SG_E_CONFLICT);
    assert_true(is_there("home/late"));
}

/* ---- passwords ---- */

static void passwords_come_from_files(void **state)
{
    (void)state;
    SG_SECRET struct sg_secret *secret = NULL;
    struct sg_error err = SG_ERROR_INIT;
    const char *path = cli_path(&place, "password");
    cli_write(path, "changeit\n", 9);
    assert_int_equal(chmod(path, 0644), 0); /* password.c says why this is no fault */
    assert_int_equal(sg_password_get(path, "x.p12", &secret, &err), SG_OK);
    assert_string_equal(sg_secret_data(secret), "changeit");
}

static void passwords_that_cannot_be_read_are_told(void **state)
{
    (void)state;
    SG_SECRET struct sg_secret *secret = NULL;
    struct sg_error err = SG_ERROR_INIT;
    const char *path = cli_path(&place, "no-password");
    assert_int_equal(sg_password_get(path, "x.p12", &secret, &err), SG_E_NOT_FOUND);
    assert_string_equal(err.object, path);
    cli_write(path, "\n", 1);
    assert_int_equal(sg_password_get(path, "x.p12", &secret, &err), SG_E_INPUT);
    char huge[2000];
    memset(huge, 'p', sizeof huge);
    cli_write(path, huge, sizeof huge);
    assert_int_equal(sg_password_get(path, "x.p12", &secret, &err), SG_E_INPUT);
    assert_null(strstr(err.text, "pppp"));
    assert_null(secret);
}

/* Without a terminal nothing waits for one. */
static void without_a_terminal_nothing_is_asked(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sg_secret *secret = NULL;
        struct sg_error err = SG_ERROR_INIT;
        (void)setsid();
        sg_status s = sg_password_get(NULL, "x.p12", &secret, &err);
        _exit(s == SG_E_USAGE && strcmp(err.code, "password_needed") == 0 ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_file_is_not_found),
        cmocka_unit_test(a_directory_is_bad_input),
        cmocka_unit_test(a_huge_file_is_refused_at_once),
        cmocka_unit_test(an_endless_file_is_refused),
        cmocka_unit_test(what_is_no_certificate_is_refused),
        cmocka_unit_test(a_directory_appears_whole),
        cmocka_unit_test(an_older_export_goes_away_whole),
        cmocka_unit_test(what_is_not_committed_leaves_nothing),
        cmocka_unit_test(other_peoples_directories_are_not_replaced),
        cmocka_unit_test(a_late_file_stops_the_commit),
        cmocka_unit_test(passwords_come_from_files),
        cmocka_unit_test(passwords_that_cannot_be_read_are_told),
        cmocka_unit_test(without_a_terminal_nothing_is_asked),
    };
    return cmocka_run_group_tests(tests, make_place, remove_place);
}
