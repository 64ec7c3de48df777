/* Names in the commands that hints suggest. */
#ifndef SIGNET_BASE_SHELL_H
#define SIGNET_BASE_SHELL_H

#include <stdbool.h>
#include <stddef.h>

/** One word of a shell's command line, quoted where it must be. */
struct sg_shell_word {
    char text[400];
};
/** OWNER/NAME as one word, in single quotes (POSIX shell, 2.2.2); "OWNER/NAME" itself when that
 * would be too long for a hint. */
struct sg_shell_word sg_shell_word(const char *owner, const char *name);
/** The same into a place for the longest names: 4 bytes for each of theirs, and 4 more. False, with
 * "OWNER/NAME", when it does not fit into size bytes, which are at least 11. */
bool sg_shell_write(const char *owner, const char *name, char *out, size_t size);
/** Any other name as one word, quoted only where it holds what a shell takes for its own; "NAME"
 * when that would be too long. */
struct sg_shell_word sg_shell_quote(const char *name);

#endif
