/* Files and descriptors. */
#include "cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/file.h>

struct place {
    char directory[64];
    char path[96];
    struct sg_error err;
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (place == NULL) {
        return -1;
    }
    snprintf(place->directory, sizeof place->directory, "/tmp/signet-file-XXXXXX");
    *state = place;
    if (mkdtemp(place->directory) == NULL) {
        return -1;
    }
    snprintf(place->path, sizeof place->path, "%s/file", place->directory);
    return 0;
}

static unsigned count_files(const char *path, bool remove)
{
    unsigned count = 0;
    DIR *directory = opendir(path);
    for (struct dirent *entry = NULL; directory != NULL && (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] != '.') {
            count++;
            if (remove) {
                (void)unlinkat(dirfd(directory), entry->d_name, 0);
            }
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return count;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    (void)chmod(place->directory, 0700);
    (void)count_files(place->directory, true);
    int rc = rmdir(place->directory);
    free(place);
    return rc;
}

static void assert_content(struct place *place, const char *expected, size_t len)
{
    SG_BUFFER buffer;
    sg_buffer_init(&buffer, 1u << 20);
    assert_int_equal(sg_file_read(place->path, "file", &buffer, &place->err), SG_OK);
    assert_int_equal(buffer.len, len);
    if (len > 0) {
        assert_memory_equal(buffer.data, expected, len);
    }
}

static sg_status replace(struct place *place, const char *text, mode_t mode)
{
    return sg_file_replace(place->path, text, strlen(text), mode, &place->err);
}

/* ---- reading ---- */

static void a_whole_file_is_appended(void **state)
{
    struct place *place = *state;
    SG_BUFFER buffer;
    char *large = malloc(100000);
    assert_non_null(large);
    memset(large, 'l', 100000);
    assert_int_equal(sg_file_replace(place->path, large, 100000, 0600, &place->err), SG_OK);
    free(large);
    sg_buffer_init(&buffer, 100001);
    assert_int_equal(sg_buffer_append(&buffer, "x", 1, &place->err), SG_OK);
    assert_int_equal(sg_file_read(place->path, "file", &buffer, &place->err), SG_OK);
    assert_int_equal(buffer.len, 100001);
    assert_memory_equal(buffer.data, "xlll", 4);
}

static void a_file_larger_than_the_buffer_is_refused(void **state)
{
    struct place *place = *state;
    SG_BUFFER buffer;
    assert_int_equal(replace(place, "12345678901", 0600), SG_OK);
    sg_buffer_init(&buffer, 10);
    assert_int_equal(sg_file_read(place->path, "deck", &buffer, &place->err), SG_E_LIMIT);
    assert_non_null(strstr(place->err.text, place->path));
    assert_string_equal(place->err.object, place->path);
}

static void a_stream_without_end_is_refused(void **state)
{
    struct place *place = *state;
    SG_BUFFER buffer;
    sg_buffer_init(&buffer, 1u << 20);
    assert_int_equal(sg_file_read("/dev/zero", "deck", &buffer, &place->err), SG_E_LIMIT);
    assert_in_range(buffer.len, 0, 1u << 20);
}

static void a_file_that_is_not_there_is_not_found(void **state)
{
    struct place *place = *state;
    SG_BUFFER buffer;
    sg_buffer_init(&buffer, 10);
    assert_int_equal(sg_file_read(place->path, "deck", &buffer, &place->err), SG_E_NOT_FOUND);
    assert_non_null(strstr(place->err.text, "deck"));
    assert_int_equal(place->err.sys_errno, ENOENT);
    assert_string_equal(place->err.object, place->path);
}

static void a_directory_is_no_file(void **state)
{
    struct place *place = *state;
    SG_BUFFER buffer;
    sg_buffer_init(&buffer, 10);
    assert_int_equal(sg_file_read(place->directory, "deck", &buffer, &place->err), SG_E_STORAGE);
    assert_int_equal(place->err.sys_errno, EISDIR);
}

static void a_bad_descriptor_is_said(void **state)
{
    struct place *place = *state;
    SG_BUFFER buffer;
    sg_buffer_init(&buffer, 10);
    assert_int_equal(sg_fd_read_all(-1, "input", &buffer, &place->err), SG_E_STORAGE);
    assert_int_equal(sg_fd_write_all(-1, "x", 1, &place->err), SG_E_STORAGE);
    assert_int_equal(sg_fd_write_all(-1, "x", 0, &place->err), SG_OK); /* nothing to do */
}

static void a_dash_is_standard_input(void **state)
{
    struct place *place = *state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        SG_BUFFER buffer;
        sg_buffer_init(&buffer, 100);
        (void)dup2(ends[0], STDIN_FILENO);
        close(ends[1]);
        sg_status s = sg_file_read("-", "deck", &buffer, &place->err);
        int result = s == SG_OK && buffer.len == 5 && memcmp(buffer.data, "piped", 5) == 0 ? 0 : 1;
        sg_buffer_done(&buffer);
        _exit(result);
    }
    close(ends[0]);
    assert_int_equal(write(ends[1], "piped", 5), 5);
    close(ends[1]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- replacing ---- */

static void a_file_is_made_with_its_mode_whatever_the_umask(void **state)
{
    struct place *place = *state;
    const mode_t modes[] = {0600, 0644, 0400};
    struct stat info;
    mode_t before = umask(0077);
    for (size_t i = 0; i < SG_COUNT(modes); i++) {
        assert_int_equal(replace(place, "text", modes[i]), SG_OK);
        assert_int_equal(stat(place->path, &info), 0);
        assert_int_equal(info.st_mode & 07777, modes[i]);
    }
    (void)umask(before);
    assert_content(place, "text", 4);
    assert_int_equal(count_files(place->directory, false), 1); /* no temporary is left */
}

static void replacing_leaves_open_readers_with_the_old_file(void **state)
{
    struct place *place = *state;
    char text[4] = "";
    assert_int_equal(replace(place, "old", 0600), SG_OK);
    SG_FD int old = open(place->path, O_RDONLY | O_CLOEXEC);
    assert_true(old >= 0);
    assert_int_equal(replace(place, "new", 0600), SG_OK);
    assert_int_equal(read(old, text, 3), 3);
    assert_string_equal(text, "old");
    assert_content(place, "new", 3);
}

static void nothing_can_be_written_too(void **state)
{
    struct place *place = *state;
    assert_int_equal(replace(place, "something", 0600), SG_OK);
    assert_int_equal(sg_file_replace(place->path, NULL, 0, 0600, &place->err), SG_OK);
    assert_content(place, "", 0);
}

static void a_relative_path_works(void **state)
{
    struct place *place = *state;
    SG_FD int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(chdir(place->directory), 0);
    sg_status s = sg_file_replace("file", "rel", 3, 0600, &place->err);
    assert_int_equal(fchdir(here), 0);
    assert_int_equal(s, SG_OK);
    assert_content(place, "rel", 3);
}

static void a_directory_that_is_not_there_is_said(void **state)
{
    struct place *place = *state;
    assert_int_equal(sg_file_replace("/nonexistent/file", "x", 1, 0600, &place->err),
                     SG_E_NOT_FOUND);
    assert_string_equal(place->err.text,
                        "cannot create /nonexistent/file: No such file or directory");
    assert_string_equal(place->err.object, "/nonexistent/file");
    assert_int_equal(place->err.sys_errno, ENOENT);
}

static void a_directory_is_not_replaced(void **state)
{
    struct place *place = *state;
    char inner[128];
    struct stat info;
    snprintf(inner, sizeof inner, "%s/inner", place->directory);
    assert_int_equal(mkdir(inner, 0700), 0);
    assert_int_equal(sg_file_replace(inner, "x", 1, 0600, &place->err), SG_E_STORAGE);
    assert_int_equal(stat(inner, &info), 0);
    assert_true(S_ISDIR(info.st_mode));
    assert_int_equal(count_files(place->directory, false), 1); /* the temporary is gone again */
    assert_int_equal(rmdir(inner), 0);
}

/* Whatever could not be written is said before, and nothing is left behind. */
static void what_could_not_be_written_is_known_before(void **state)
{
    struct place *place = *state;
    char inner[128];
    size_t before = count_files(place->directory, false);
    assert_int_equal(sg_file_check_replace(place->path, &place->err), SG_OK);
    assert_int_equal(sg_file_check_replace("-", &place->err), SG_OK);
    assert_int_equal(sg_file_check_replace("/dev/null", &place->err), SG_OK);
    assert_int_equal(count_files(place->directory, false), before);
    assert_int_equal(sg_file_check_replace("/nonexistent/file", &place->err), SG_E_NOT_FOUND);
    assert_string_equal(place->err.object, "/nonexistent/file");
    place->err = (struct sg_error)SG_ERROR_INIT;
    snprintf(inner, sizeof inner, "%s/inner", place->directory);
    assert_int_equal(mkdir(inner, 0700), 0);
    assert_int_equal(sg_file_check_replace(inner, &place->err), SG_E_STORAGE);
    assert_int_equal(rmdir(inner), 0);
}

/* A dry run changes nothing, not even for a moment. */
static void asking_whether_it_could_be_written_writes_nothing(void **state)
{
    struct place *place = *state;
    struct stat before, after;
    const struct timespec past[] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, place->directory, past, 0), 0);
    assert_int_equal(stat(place->directory, &before), 0);
    assert_int_equal(sg_file_check_replace(place->path, &place->err), SG_OK);
    assert_int_equal(stat(place->directory, &after), 0);
    assert_int_equal(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
}

static void too_long_a_path_is_refused(void **state)
{
    struct place *place = *state;
    char path[PATH_MAX + 10];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(sg_file_replace(path, "x", 1, 0600, &place->err), SG_E_INPUT);
    assert_string_equal(place->err.code, "path_too_long");
}

static int replace_without_rights(struct place *place)
{
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
        return 2;
    }
    bool refused = sg_file_check_replace(place->path, &place->err) == SG_E_STORAGE &&
                   place->err.sys_errno == EACCES && replace(place, "new", 0600) == SG_E_STORAGE &&
                   place->err.sys_errno == EACCES;
    return refused ? 0 : 1;
}

static void a_directory_without_rights_is_said_and_the_file_stays(void **state)
{
    struct place *place = *state;
    int status = 0;
    assert_int_equal(replace(place, "old", 0644), SG_OK);
    assert_int_equal(chmod(place->directory, 0555), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(replace_without_rights(place));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_content(place, "old", 3);
}

static void a_pipe_is_written_and_not_replaced(void **state)
{
    struct place *place = *state;
    struct stat info;
    char text[8] = "";
    assert_int_equal(mkfifo(place->path, 0600), 0);
    SG_FD int reader = open(place->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_int_equal(replace(place, "fifo", 0600), SG_OK);
    assert_int_equal(read(reader, text, sizeof text), 4);
    assert_string_equal(text, "fifo");
    assert_int_equal(stat(place->path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
}

static void a_full_device_is_said(void **state)
{
    struct place *place = *state;
    assert_int_equal(sg_file_replace("/dev/full", "x", 1, 0600, &place->err), SG_E_STORAGE);
    assert_int_equal(place->err.sys_errno, ENOSPC);
    assert_string_equal(place->err.text, "/dev/full: cannot write: No space left on device");
    assert_string_equal(place->err.object, "/dev/full");
}

/* ---- what a killed process leaves ---- */

#define REMAINS ".signet-0123456789abcdef.tmp"

/* Entries of a kind (DT_REG, DT_DIR), hidden ones too. */
static unsigned count_kind(const struct place *place, unsigned char kind)
{
    unsigned count = 0;
    DIR *directory = opendir(place->directory);
    assert_non_null(directory);
    for (struct dirent *entry = NULL; (entry = readdir(directory)) != NULL;) {
        bool dots = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        count += !dots && entry->d_type == kind ? 1 : 0;
    }
    (void)closedir(directory);
    return count;
}

static const char *make_remains(const struct place *place, const char *name)
{
    static char path[160];
    char file[192];
    snprintf(path, sizeof path, "%s/%s", place->directory, name);
    snprintf(file, sizeof file, "%s/new", path);
    assert_int_equal(mkdir(path, 0700), 0);
    SG_FD int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return path;
}

static void remove_remains(const char *path)
{
    char file[192];
    snprintf(file, sizeof file, "%s/new", path);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(path), 0);
}

/* Killed by SIGXFSZ amid the write. */
static void replace_and_die(struct place *place)
{
    static const char large[100000] = "half";
    const struct rlimit limit = {.rlim_cur = 1000, .rlim_max = 1000};
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        (void)!sg_file_replace(place->path, large, sizeof large, 0600, &place->err);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

/* Programs read every file of a directory: stunnel by "include". */
static void a_killed_replacement_leaves_no_file(void **state)
{
    struct place *place = *state;
    assert_int_equal(replace(place, "old", 0600), SG_OK);
    replace_and_die(place);
    assert_int_equal(count_kind(place, DT_REG), 1);
    assert_content(place, "old", 3);
    assert_int_equal(count_kind(place, DT_DIR), 1);
    assert_int_equal(replace(place, "new", 0600), SG_OK);
    assert_int_equal(count_kind(place, DT_REG), 1);
    assert_int_equal(count_kind(place, DT_DIR), 0);
    assert_content(place, "new", 3);
}

/* In a container every process may have the number of the one that was killed. */
static void what_a_process_of_the_same_number_left_is_no_hindrance(void **state)
{
    struct place *place = *state;
    char name[128];
    snprintf(name, sizeof name, "%s.%d.tmp", place->path, (int)getpid());
    SG_FD int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(sg_file_check_replace(place->path, &place->err), SG_OK);
    assert_int_equal(replace(place, "new", 0600), SG_OK);
    assert_content(place, "new", 3);
}

static void a_replacement_under_way_is_left_alone(void **state)
{
    struct place *place = *state;
    struct stat info;
    const char *path = make_remains(place, REMAINS);
    SG_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(replace(place, "new", 0600), SG_OK);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(flock(fd, LOCK_UN), 0);
    assert_int_equal(replace(place, "new", 0600), SG_OK);
    assert_int_equal(stat(path, &info), -1);
}

static void directories_of_other_names_are_left_alone(void **state)
{
    struct place *place = *state;
    const char *const names[] = {".signet-0123456789abcde.tmp", ".signet-0123456789abcdef0.tmp",
                                 ".signet-0123456789ABCDEF.tmp", ".signet-0123456789abcdef",
                                 "signet-0123456789abcdef.tmp"};
    for (size_t i = 0; i < SG_COUNT(names); i++) {
        const char *path = make_remains(place, names[i]);
        assert_false(sg_file_is_remains(names[i]));
        assert_int_equal(replace(place, "new", 0600), SG_OK);
        assert_int_equal(count_kind(place, DT_DIR), 1);
        remove_remains(path);
    }
    assert_true(sg_file_is_remains(REMAINS));
}

/* Every beginning of such a name, in memory that ends with it. */
static void a_name_that_ends_early_is_none(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(REMAINS); len++) {
        char *name = strndup(REMAINS, len);
        assert_non_null(name);
        assert_false(sg_file_is_remains(name));
        free(name);
    }
}

static void remains_of_another_user_are_left_alone(void **state)
{
    struct place *place = *state;
    const char *path = make_remains(place, REMAINS);
    if (chown(path, 65534, 65534) != 0) {
        remove_remains(path);
        skip();
    }
    assert_int_equal(replace(place, "new", 0600), SG_OK);
    assert_int_equal(count_kind(place, DT_DIR), 1);
    remove_remains(path);
}

/* A name of all bytes that a file system takes has no room for another one made of it. */
static void the_longest_name_can_be_replaced(void **state)
{
    struct place *place = *state;
    char path[64 + 1 + NAME_MAX + 1] = "";
    int len = snprintf(path, sizeof path, "%s/", place->directory);
    memset(path + len, 'n', NAME_MAX);
    assert_int_equal(sg_file_replace(path, "x", 1, 0600, &place->err), SG_OK);
    assert_int_equal(count_kind(place, DT_REG), 1);
}

static void a_path_that_ends_with_a_slash_is_refused(void **state)
{
    struct place *place = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/", place->path);
    assert_int_equal(sg_file_replace(path, "x", 1, 0600, &place->err), SG_E_STORAGE);
    assert_int_equal(count_kind(place, DT_REG), 0);
    assert_int_equal(count_kind(place, DT_DIR), 0);
}

/* ---- descriptors ---- */

static void a_stolen_descriptor_stays_open(void **state)
{
    (void)state;
    int stolen = -1;
    {
        SG_FD int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        stolen = sg_fd_steal(&fd);
        assert_int_equal(fd, -1);
    }
    assert_true(fcntl(stolen, F_GETFD) >= 0);
    {
        SG_FD int fd = stolen;
        (void)fd;
    }
    assert_int_equal(fcntl(stolen, F_GETFD), -1);
}

static void closing_keeps_errno(void **state)
{
    (void)state;
    errno = E2BIG;
    const int nothing = -1;
    sg_fd_closep(&nothing);
    assert_int_equal(errno, E2BIG);
    const int odd = 1 << 20; /* not open: close fails */
    sg_fd_closep(&odd);
    assert_int_equal(errno, E2BIG);
}

static void a_sealed_memfd_cannot_be_changed(void **state)
{
    struct place *place = *state;
    SG_FD int fd = -1;
    char text[8] = "";
    assert_int_equal(sg_memfd_sealed("view", "sealed", 6, &fd, &place->err), SG_OK);
    assert_int_equal(pread(fd, text, sizeof text, 0), 6);
    assert_string_equal(text, "sealed");
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(ftruncate(fd, 100), -1);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), -1);
    assert_ptr_equal(mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
}

static void an_empty_memfd_is_sealed_too(void **state)
{
    struct place *place = *state;
    SG_FD int fd = -1;
    assert_int_equal(sg_memfd_sealed("view", NULL, 0, &fd, &place->err), SG_OK);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(a_whole_file_is_appended),
        IN_PLACE(a_file_larger_than_the_buffer_is_refused),
        IN_PLACE(a_stream_without_end_is_refused),
        IN_PLACE(a_file_that_is_not_there_is_not_found),
        IN_PLACE(a_directory_is_no_file),
        IN_PLACE(a_bad_descriptor_is_said),
        IN_PLACE(a_dash_is_standard_input),
        IN_PLACE(a_file_is_made_with_its_mode_whatever_the_umask),
        IN_PLACE(replacing_leaves_open_readers_with_the_old_file),
        IN_PLACE(nothing_can_be_written_too),
        IN_PLACE(a_relative_path_works),
        IN_PLACE(a_directory_that_is_not_there_is_said),
        IN_PLACE(a_directory_is_not_replaced),
        IN_PLACE(what_could_not_be_written_is_known_before),
        IN_PLACE(asking_whether_it_could_be_written_writes_nothing),
        IN_PLACE(too_long_a_path_is_refused),
        IN_PLACE(a_directory_without_rights_is_said_and_the_file_stays),
        IN_PLACE(a_pipe_is_written_and_not_replaced),
        IN_PLACE(a_full_device_is_said),
        IN_PLACE(a_killed_replacement_leaves_no_file),
        IN_PLACE(what_a_process_of_the_same_number_left_is_no_hindrance),
        IN_PLACE(a_replacement_under_way_is_left_alone),
        IN_PLACE(directories_of_other_names_are_left_alone),
        IN_PLACE(a_name_that_ends_early_is_none),
        IN_PLACE(remains_of_another_user_are_left_alone),
        IN_PLACE(the_longest_name_can_be_replaced),
        IN_PLACE(a_path_that_ends_with_a_slash_is_refused),
        IN_PLACE(a_stolen_descriptor_stays_open),
        IN_PLACE(closing_keeps_errno),
        IN_PLACE(a_sealed_memfd_cannot_be_changed),
        IN_PLACE(an_empty_memfd_is_sealed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
