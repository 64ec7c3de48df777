/* "Did you mean": hints for command lines that nearly are one. Each sets the hint and returns the
 * status already set. */
#ifndef SIGNET_CLI_SUGGEST_H
#define SIGNET_CLI_SUGGEST_H

#include <signet/base/error.h>
#include <signet/interface/spec.h>

/** The nearest of a parameter's words, or all of them. */
sg_status sg_suggest_word(const char *word, const char *const *words, struct sg_error *err);
/** The nearest option of an operation (NULL: of every command). */
sg_status sg_suggest_option(const char *word, const struct sg_operation *operation,
                            struct sg_error *err);
/** The nearest command: noun NULL: among the first words, else among that noun's verbs. */
sg_status sg_suggest_command(const char *noun, const char *word, struct sg_error *err);
/** How the operation is called. */
sg_status sg_suggest_usage(const struct sg_operation *operation, struct sg_error *err);

#endif
