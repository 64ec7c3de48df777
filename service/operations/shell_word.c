/* Names in the commands that hints suggest. A label may come from a stranger's certificate, and
 * whoever is called at night pastes what the hint says. */
#include "run_internal.h"

#include <stdio.h>
#include <string.h>

static bool put(struct sg_shell_word *word, size_t *used, const char *text)
{
    size_t len = strlen(text);
    if (*used + len >= sizeof word->text) {
        return false;
    }
    memcpy(word->text + *used, text, len + 1);
    *used += len;
    return true;
}

/* Within single quotes only the quote itself is special (POSIX shell, 2.2.2). */
struct sg_shell_word sg_shell_word(const char *owner, const char *name)
{
    struct sg_shell_word word;
    size_t used = 0;
    bool fits = put(&word, &used, "'") && put(&word, &used, owner) && put(&word, &used, "/");
    for (; fits && *name != '\0'; name++) {
        char one[2] = {*name, '\0'};
        fits = put(&word, &used, *name == '\'' ? "'\\''" : one);
    }
    if (!fits || !put(&word, &used, "'")) { /* half a word would be another command */
        snprintf(word.text, sizeof word.text, "OWNER/NAME");
    }
    return word;
}
