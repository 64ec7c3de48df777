#include "softhsm_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/base/packet.h>

#include "cmocka_all.h"
#include "scratch.h"

#define PIN "fixture-4711"

static void write_file(const char *path, const char *text, mode_t mode)
{
    struct sg_error err = SG_ERROR_INIT;
    if (sg_file_replace(path, text, strlen(text), mode, &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
}

int run_in_child(int (*function)(void *context), void *context)
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(function(context));
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int initialise(void *context)
{
    const struct softhsm_fixture *fixture = context;
    struct sg_error err = SG_ERROR_INIT;
    if (sg_token_initialise(&fixture->settings, &err) != SG_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    return 0;
}

void softhsm_fixture_init(struct softhsm_fixture *fixture)
{
    char text[256];
    char path[96];
    *fixture = (struct softhsm_fixture){.directory = "/tmp/signet-token-XXXXXX"};
    sg_log_init("test", SG_LOG_ERROR);
    assert_true(scratch_make(fixture->directory));
    snprintf(fixture->storage, sizeof fixture->storage, "%s/tokens", fixture->directory);
    assert_int_equal(mkdir(fixture->storage, 0700), 0);
    snprintf(path, sizeof path, "%s/softhsm2.conf", fixture->directory);
    snprintf(text, sizeof text,
             "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n",
             fixture->storage);
    write_file(path, text, 0600);
    snprintf(fixture->configuration, sizeof fixture->configuration, "SOFTHSM2_CONF=%s", path);
    snprintf(fixture->pin_file, sizeof fixture->pin_file, "%s/pin", fixture->directory);
    write_file(fixture->pin_file, PIN "\n", 0600);
    fixture->environment[0] = fixture->configuration;
    fixture->settings = (struct sg_token_settings){.name = "store",
                                                   .module = SOFTHSM_MODULE,
                                                   .label = "store",
                                                   .pin_file = fixture->pin_file,
                                                   .storage = fixture->storage,
                                                   .environment = fixture->environment,
                                                   .lock = -1};
    assert_int_equal(run_in_child(initialise, fixture), 0);
}

void softhsm_fixture_done(struct softhsm_fixture *fixture)
{
    if (fixture->directory[0] != '\0') {
        scratch_remove(fixture->directory);
    }
}

void softhsm_fixture_path(const struct softhsm_fixture *fixture, const char *name, char *out,
                          size_t room)
{
    DIR *storage = opendir(fixture->storage);
    assert_non_null(storage);
    const struct dirent *entry = NULL;
    bool found = false;
    while ((entry = readdir(storage)) != NULL) {
        if (entry->d_name[0] != '.') {
            snprintf(out, room, "%s/%s/%s", fixture->storage, entry->d_name, name);
            found = true;
        }
    }
    closedir(storage);
    assert_true(found);
}

enum sg_log_level token_process_log_level = SG_LOG_ERROR;

static void serve(const struct sg_token_settings *settings, const int pair[2])
{
    struct sg_error err = SG_ERROR_INIT;
    close(pair[0]);
    sg_log_init("token", token_process_log_level);
    sg_status s = sg_token_process_run(settings, pair[1], &err);
    _exit(s == SG_OK ? 0 : (int)s);
}

void token_process_start(struct token_process *process, const struct sg_token_settings *settings)
{
    int pair[2];
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    fflush(NULL);
    process->pid = fork();
    assert_true(process->pid >= 0);
    if (process->pid == 0) {
        serve(settings, pair);
    }
    close(pair[1]);
    process->link = (struct sg_token_link){.socket = pair[0], .timeout_ms = 60000};
}

void token_process_start_ready(struct token_process *process,
                               const struct sg_token_settings *settings)
{
    struct sg_error err = SG_ERROR_INIT;
    token_process_start(process, settings);
    if (sg_token_login(&process->link, &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
}

int token_process_wait(struct token_process *process)
{
    int status = 0;
    while (waitpid(process->pid, &status, 0) < 0) {
        assert_int_equal(errno, EINTR);
    }
    process->pid = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int token_process_stop(struct token_process *process)
{
    close(process->link.socket);
    return token_process_wait(process);
}

struct sg_key_id key_id(unsigned char byte)
{
    struct sg_key_id id;
    memset(id.bytes, byte, sizeof id.bytes);
    return id;
}

void generate_key(struct sg_token_link *link, const char *spec, struct sg_key_id id,
                  struct sg_key_abilities abilities, struct sg_buffer *spki)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_generate_request request = {.id = id, .abilities = abilities, .label = "test"};
    sg_buffer_init(spki, 4096);
    assert_int_equal(sg_key_spec_find(spec, &request.spec, &err), SG_OK);
    if (sg_token_generate(link, &request, spki, &err) != SG_OK) {
        fail_msg("%s: %s", spec, err.text);
    }
}
