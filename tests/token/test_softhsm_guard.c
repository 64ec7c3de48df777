/* A damaged token.object comes back, a new PIN is kept, other people's files are left alone. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <signet/base/file.h>

#include "cmocka_all.h"
#include "softhsm_files_internal.h"
#include "softhsm_fixture.h"
#include "softhsm_guard_internal.h"

struct world {
    struct softhsm_fixture fixture;
    char object[256], copy[256];
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    softhsm_fixture_init(&world->fixture);
    softhsm_fixture_path(&world->fixture, SOFTHSM_OBJECT, world->object, sizeof world->object);
    softhsm_fixture_path(&world->fixture, SOFTHSM_COPY, world->copy, sizeof world->copy);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    softhsm_fixture_done(&world->fixture);
    free(world);
    return 0;
}

static void read_file(const char *path, struct sg_buffer *out)
{
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(out, SOFTHSM_OBJECT_MAX);
    assert_int_equal(sg_file_read(path, "file", out, &err), SG_OK);
}

static void write_file(const char *path, const void *data, size_t len, mode_t mode)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_file_replace(path, data, len, mode, &err), SG_OK);
}

static void check_same(const char *path, const struct sg_buffer *expected)
{
    struct stat info;
    SG_BUFFER content;
    read_file(path, &content);
    assert_int_equal(content.len, expected->len);
    assert_memory_equal(content.data + 8, expected->data + 8,
                        content.len - 8); /* behind the generation */
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0400);
}

static void new_token_is_guarded(void **state)
{
    struct world *world = *state;
    SG_BUFFER object;
    read_file(world->object, &object);
    assert_true(object.len > 0);
    check_same(world->object, &object);
    check_same(world->copy, &object);
}

/* Damage the object, start a real process, and find the key that was made before. */
static void check_comes_back(struct world *world, const void *damaged, size_t len)
{
    static const unsigned char digest[32] = {1};
    unsigned char out[SG_SIGNATURE_MAX];
    size_t out_len = sizeof out;
    struct token_process process;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_key_id id = key_id(1);
    struct sg_mechanism ecdsa = {.kind = SG_MECHANISM_ECDSA};
    SG_BUFFER object;
    SG_BUFFER spki;
    read_file(world->object, &object);
    token_process_start_ready(&process, &world->fixture.settings);
    generate_key(&process.link, "ec:p256", id, (struct sg_key_abilities){0}, &spki);
    assert_int_equal(token_process_stop(&process), 0);
    write_file(world->object, damaged, len, 0600);
    token_process_start_ready(&process, &world->fixture.settings);
    check_same(world->object, &object);
    assert_int_equal(sg_token_use(&process.link, SG_VERB_SIGN, &id, &ecdsa,
                                  (struct sg_bytes){digest, sizeof digest}, out, &out_len, &err),
                     SG_OK);
    assert_int_equal(token_process_stop(&process), 0);
}

static void emptied_object_comes_back(void **state)
{
    check_comes_back(*state, "", 0);
}

static void object_cut_in_an_attribute_comes_back(void **state)
{
    struct world *world = *state;
    SG_BUFFER object;
    read_file(world->object, &object);
    check_comes_back(world, object.data, object.len - 5);
}

/* Well-formed, but an attribute short: label and serial number only, 8 + 2*24 + 32 + 16 bytes. */
static void object_cut_between_attributes_comes_back(void **state)
{
    struct world *world = *state;
    struct softhsm_object parsed;
    SG_BUFFER object;
    read_file(world->object, &object);
    assert_true(sg_softhsm_object_parse((struct sg_bytes){object.data, 104}, &parsed));
    assert_int_equal(parsed.attributes, 2);
    check_comes_back(world, object.data, 104);
}

static void object_of_noise_comes_back(void **state)
{
    check_comes_back(*state, "this is not a SoftHSM object at all", 35);
}

static void changed_pin_renews_the_copy(void **state)
{
    struct world *world = *state;
    SG_BUFFER object;
    read_file(world->object, &object);
    object.data[object.len - 1] ^= 1; /* within the user PIN's blob */
    write_file(world->object, object.data, object.len, 0600);
    sg_softhsm_guard_check(&world->fixture.settings);
    check_same(world->object, &object);
    check_same(world->copy, &object);
}

static void missing_copy_is_made(void **state)
{
    struct world *world = *state;
    SG_BUFFER object;
    read_file(world->object, &object);
    assert_int_equal(unlink(world->copy), 0);
    sg_softhsm_guard_check(&world->fixture.settings);
    check_same(world->copy, &object);
}

static void damaged_copy_is_renewed_never_restored(void **state)
{
    struct world *world = *state;
    SG_BUFFER object;
    read_file(world->object, &object);
    write_file(world->copy, object.data, 50, 0400);
    sg_softhsm_guard_check(&world->fixture.settings);
    check_same(world->object, &object);
    check_same(world->copy, &object);
}

static void both_damaged_stay_as_they_are(void **state)
{
    struct world *world = *state;
    SG_BUFFER content;
    write_file(world->object, "", 0, 0600);
    write_file(world->copy, "junk", 4, 0400);
    sg_softhsm_guard_check(&world->fixture.settings);
    read_file(world->object, &content);
    assert_int_equal(content.len, 0);
}

static void deleted_token_stays_deleted(void **state)
{
    struct world *world = *state;
    assert_int_equal(unlink(world->object), 0);
    sg_softhsm_guard_check(&world->fixture.settings);
    assert_int_equal(access(world->object, F_OK), -1);
}

static void another_token_is_left_alone(void **state)
{
    struct world *world = *state;
    struct sg_token_settings settings = world->fixture.settings;
    struct stat info;
    assert_int_equal(unlink(world->copy), 0);
    assert_int_equal(chmod(world->object, 0600), 0);
    settings.label = "another";
    sg_softhsm_guard_check(&settings);
    settings.label = "store";
    settings.serial = "0000000000000000";
    sg_softhsm_guard_check(&settings);
    assert_int_equal(access(world->copy, F_OK), -1);
    assert_int_equal(stat(world->object, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
}

static void check_swept(struct world *world, const char *name, time_t age_s, bool expected)
{
    char path[256];
    softhsm_fixture_path(&world->fixture, name, path, sizeof path);
    write_file(path, "x", 1, 0400);
    const struct timespec times[2] = {{.tv_sec = time(NULL) - age_s},
                                      {.tv_sec = time(NULL) - age_s}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    sg_softhsm_guard_check(&world->fixture.settings);
    assert_int_equal(access(path, F_OK), expected ? -1 : 0);
}

static void remains_of_killed_logins_are_swept_away(void **state)
{
    check_swept(*state, "token.object.signet-fresh.4711", 3600, true);
    check_swept(*state, "token.object.signet-fresh.4711.4711.tmp", 3600, true);
    check_swept(*state, "token.object.signet-copy.4711.tmp", 3600, true);
    check_swept(*state, "token.object.signet-fresh.4712", 5, false); /* a login that is going on */
    check_swept(*state, "0123.object", 3600, false);
    check_swept(*state, "other.tmp", 3600, false);
}

static void login_leaves_nothing_behind(void **state)
{
    struct world *world = *state;
    struct token_process process;
    char directory[256];
    token_process_start_ready(&process, &world->fixture.settings);
    assert_int_equal(token_process_stop(&process), 0);
    softhsm_fixture_path(&world->fixture, "", directory, sizeof directory);
    DIR *entries = opendir(directory);
    assert_non_null(entries);
    const struct dirent *entry = NULL;
    while ((entry = readdir(entries)) != NULL) {
        assert_null(strstr(entry->d_name, "fresh"));
        assert_null(strstr(entry->d_name, ".tmp"));
    }
    closedir(entries);
}

static void storage_that_is_missing_is_no_end(void **state)
{
    struct sg_token_settings settings = ((struct world *)*state)->fixture.settings;
    settings.storage = "/nowhere/at/all";
    sg_softhsm_guard_check(&settings);
    settings.storage = NULL;
    sg_softhsm_guard_check(&settings);
}

static void tokens_own_directory_may_be_named(void **state)
{
    struct world *world = *state;
    struct sg_token_settings settings = world->fixture.settings;
    char path[256];
    SG_BUFFER object;
    read_file(world->object, &object);
    snprintf(path, sizeof path, "%.*s", (int)(strrchr(world->object, '/') - world->object),
             world->object);
    write_file(world->object, "", 0, 0600);
    settings.storage = path;
    sg_softhsm_guard_check(&settings);
    check_same(world->object, &object);
}

static void parser_refuses_what_does_not_end_where_it_should(void **state)
{
    struct world *world = *state;
    struct softhsm_object parsed;
    size_t accepted = 0;
    SG_BUFFER object;
    read_file(world->object, &object);
    for (size_t len = 0; len <= object.len; len++) {
        accepted += sg_softhsm_object_parse((struct sg_bytes){object.data, len}, &parsed);
    }
    assert_int_equal(accepted, 5); /* only the ends of its five attributes */
    assert_string_equal(parsed.label, "store");
    object.data[24] = 0xff; /* a length of 2^63 and more */
    assert_false(sg_softhsm_object_parse((struct sg_bytes){object.data, object.len}, &parsed));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(new_token_is_guarded),
        TEST(emptied_object_comes_back),
        TEST(object_cut_in_an_attribute_comes_back),
        TEST(object_cut_between_attributes_comes_back),
        TEST(object_of_noise_comes_back),
        TEST(changed_pin_renews_the_copy),
        TEST(missing_copy_is_made),
        TEST(damaged_copy_is_renewed_never_restored),
        TEST(both_damaged_stay_as_they_are),
        TEST(deleted_token_stays_deleted),
        TEST(another_token_is_left_alone),
        TEST(remains_of_killed_logins_are_swept_away),
        TEST(login_leaves_nothing_behind),
        TEST(storage_that_is_missing_is_no_end),
        TEST(tokens_own_directory_may_be_named),
        TEST(parser_refuses_what_does_not_end_where_it_should),
    };
    return cmocka_run_group_tests_name("softhsm guard", tests, NULL, NULL);
}
