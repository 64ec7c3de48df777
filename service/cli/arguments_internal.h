/* Between the two halves of reading a command line: its grammar (arguments.c) and its values
 * (arguments_set.c). */
#ifndef SIGNET_CLI_ARGUMENTS_INTERNAL_H
#define SIGNET_CLI_ARGUMENTS_INTERNAL_H

#include <signet/cli/arguments.h>

struct sg_parser {
    int argc;
    const char *const *argv;
    int next;
    bool options_ended; /* behind "--" */
    size_t positionals; /* filled so far */
    bool seen[SG_PARAMS_MAX];
    struct sg_invocation *out;
    struct sg_error *err;
};

/** Give a parameter a value as it was typed; lists grow. SG_E_USAGE "bad_value" names the parameter
 * and the value. */
SG_CHECKED sg_status sg_argument_set(struct sg_parser *p, const struct sg_param *param,
                                     const char *value);
/** The parameter as the person knows it: "--not-before", "OWNER/LABEL". */
const char *sg_argument_shown(const struct sg_param *param, char out[72]);

#endif
