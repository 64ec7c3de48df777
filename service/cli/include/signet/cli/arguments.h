/* The command line of signet: words become an operation and its parameters, all by the table of
 * operations. */
#ifndef SIGNET_CLI_ARGUMENTS_H
#define SIGNET_CLI_ARGUMENTS_H

#include <jansson.h>

#include <signet/base/error.h>
#include <signet/cli/carry.h>
#include <signet/cli/kept.h>
#include <signet/interface/spec.h>

#define SG_PARAMS_MAX 32           /**< parameters of one operation */
#define SG_ARGUMENT_MAX 4096       /**< bytes of one value that has no maximum of its own */
#define SG_ARGUMENT_FILES_MAX 1000 /**< files or values given for one parameter */

enum sg_command {
    SG_COMMAND_OPERATION,
    SG_COMMAND_HELP,
    SG_COMMAND_MARKDOWN, /**< "help --markdown": docs/operations.md */
    SG_COMMAND_VERSION,
    SG_COMMAND_COMPLETION,
};

/** A value that stays in this process: a path, a word or flag for the client alone, a file that is
 * still to be read. */
struct sg_local {
    const struct sg_param *param;
    const char *value; /**< borrowed from argv; may be any bytes */
};

/** What a command line asks for. */
struct sg_invocation {
    enum sg_command command;
    const struct sg_operation
        *operation;   /**< for OPERATION; for HELP when it is about one operation, else NULL */
    const char *noun; /**< for HELP about one noun; NULL: about everything */
    json_t *params;   /**< object: what is sent */
    struct sg_local *locals;
    size_t local_count;
    bool json, dry_run;
    const char *socket;        /**< --socket, or NULL; borrowed from argv */
    struct sg_carried carried; /**< a private key between a file and the token */
    struct sg_kept *kept; /**< with .dry_run: files that would have been written; borrowed; NULL:
                             none are kept */
};
#define SG_INVOCATION_INIT                                                                         \
    {                                                                                              \
        .command = SG_COMMAND_HELP                                                                 \
    }
void sg_invocation_done(struct sg_invocation *invocation);
#define SG_INVOCATION SG_CLEANUP(sg_invocation_done) struct sg_invocation

/** Read a command line. Looks up Unix users, opens no file. *out must be SG_INVOCATION_INIT, argv
 * must outlive it, and it is to be released with sg_invocation_done in any case. SG_E_USAGE (code
 * bad_usage, unknown_command, unknown_option, missing_argument, duplicate_option, bad_value) names
 * the word that is wrong and, where there is one, the nearest right one; SG_E_NOT_FOUND
 * "unknown_unix_user". */
SG_CHECKED sg_status sg_arguments_parse(int argc, const char *const *argv,
                                        struct sg_invocation *out, struct sg_error *err);
/** True when --json is among the options, also of a command line that cannot be read otherwise. */
bool sg_arguments_want_json(int argc, const char *const *argv);

/** The first value that stayed here for a parameter, by its JSON name; NULL when it was not given.
 */
const char *sg_invocation_local(const struct sg_invocation *invocation, const char *name);

/** How a parameter is written on the command line, without leading dashes: "not-before" for
 * not_before. */
void sg_param_option(const struct sg_param *param, char out[64]);

/** A word as it can be shown in a message: control characters and what is not UTF-8 replaced, cut
 * after 60 bytes. */
struct sg_excerpt {
    char text[72];
};
struct sg_excerpt sg_excerpt(const char *word);

#endif
