/* Running the command, and a service that answers what a test wants. */
#ifndef SIGNET_TESTS_CLI_SUPPORT_H
#define SIGNET_TESTS_CLI_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CLI_WORDS_MAX 64

/** A directory that is the test's own. */
struct cli_place {
    char dir[64];
    char socket[96]; /**< of the fake service, in it */
};
void cli_place_make(struct cli_place *place);
void cli_place_remove(struct cli_place *place);
/** DIR/name; stays as long as the test runs. */
const char *cli_path(const struct cli_place *place, const char *name);
void cli_write(const char *path, const void *data, size_t len);

/** How a command ended; NUL-terminated texts, released by cli_result_done. */
struct cli_result {
    int status; /**< exit status; 128 + number when a signal ended it */
    char *out, *err;
    size_t out_len;
};
/** Run words[0] with words, input (may be NULL) as standard input. */
void cli_run(const struct cli_place *place, const char *const *words, const char *input,
             struct cli_result *result);
void cli_result_done(struct cli_result *result);

/** A service in a child process that answers every request with the same bytes, and keeps the last
 * request in DIR/request. */
struct cli_fake {
    pid_t pid;
};
void cli_fake_start(const struct cli_place *place, const char *answer, struct cli_fake *fake);
void cli_fake_stop(struct cli_fake *fake);
/** The whole file (malloc'd, NUL-terminated), or NULL. */
char *cli_read(const char *path, size_t *len);

#endif
