/* Names in the commands that hints suggest. */
#ifndef SIGNET_BASE_SHELL_H
#define SIGNET_BASE_SHELL_H

/** One word of a shell's command line, quoted where it must be. */
struct sg_shell_word {
    char text[400];
};
/** OWNER/NAME as one word, in single quotes (POSIX shell, 2.2.2); "OWNER/NAME" itself when that
 * would be too long for a hint. */
struct sg_shell_word sg_shell_word(const char *owner, const char *name);
/** Any other name as one word, quoted only where it holds what a shell takes for its own; "NAME"
 * when that would be too long. */
struct sg_shell_word sg_shell_quote(const char *name);

#endif
