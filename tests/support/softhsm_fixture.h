/* A throw-away SoftHSM token, and real token processes on it. Each fixture has a directory of its
 * own. Helpers fail the test they are called in. */
#ifndef SIGNET_TESTS_SOFTHSM_FIXTURE_H
#define SIGNET_TESTS_SOFTHSM_FIXTURE_H

#include <sys/types.h>

#include <signet/base/log.h>
#include <signet/token/client.h>
#include <signet/token/process.h>

#define SOFTHSM_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define FIXTURE_ENVIRONMENT_MAX 6

struct softhsm_fixture {
    char directory[64];
    char storage[96];        /**< directories.tokendir */
    char configuration[128]; /**< "SOFTHSM2_CONF=…" */
    char pin_file[96];
    const char *environment[FIXTURE_ENVIRONMENT_MAX + 1];
    struct sg_token_settings settings; /**< of the token "store"; tests change copies */
};

/** Make the directory, the configuration, the PIN file, and a token through sg_token_initialise (in
 * a child). */
void softhsm_fixture_init(struct softhsm_fixture *fixture);
/** Remove everything. */
void softhsm_fixture_done(struct softhsm_fixture *fixture);
/** Put a path below the token's own directory (storage/UUID/name) into out. */
void softhsm_fixture_path(const struct softhsm_fixture *fixture, const char *name, char *out,
                          size_t room);

/** A running token process and its administrative link. */
struct token_process {
    pid_t pid;
    struct sg_token_link link;
};
/** What the processes that are started from now on log: SG_LOG_ERROR by itself. */
extern enum sg_log_level token_process_log_level;
void token_process_start(struct token_process *process, const struct sg_token_settings *settings);
/** Start and log in. */
void token_process_start_ready(struct token_process *process,
                               const struct sg_token_settings *settings);
/** Close the link and wait; gives the exit status (0 after an orderly end), 128 + n for a signal.
 */
int token_process_stop(struct token_process *process);
/** Wait for the process to end by itself. */
int token_process_wait(struct token_process *process);

/** Run a function in a child and give its exit status: for what loads a module and must not stay.
 */
int run_in_child(int (*function)(void *context), void *context);

/** An id made of one byte. */
struct sg_key_id key_id(unsigned char byte);
/** Generate a key by its spec's name; spki is initialised here. */
void generate_key(struct sg_token_link *link, const char *spec, struct sg_key_id id,
                  struct sg_key_abilities abilities, struct sg_buffer *spki);

#endif
