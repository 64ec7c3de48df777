/* Names in the commands that hints suggest. A label may come from a stranger's certificate, and
 * whoever is called at night pastes what the hint says. */
#include <signet/base/shell.h>

#include <stdbool.h>
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
static bool put_quoted(struct sg_shell_word *word, size_t *used, const char *text)
{
    bool fits = true;
    for (; fits && *text != '\0'; text++) {
        char one[2] = {*text, '\0'};
        fits = put(word, used, *text == '\'' ? "'\\''" : one);
    }
    return fits;
}

struct sg_shell_word sg_shell_word(const char *owner, const char *name)
{
    struct sg_shell_word word;
    size_t used = 0;
    bool fits = put(&word, &used, "'") && put_quoted(&word, &used, owner) &&
                put(&word, &used, "/") && put_quoted(&word, &used, name) && put(&word, &used, "'");
    if (!fits) { /* half a word would be another command */
        snprintf(word.text, sizeof word.text, "OWNER/NAME");
    }
    return word;
}

struct sg_shell_word sg_shell_quote(const char *name)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_-.@/";
    struct sg_shell_word word;
    size_t used = 0;
    const char *quote = name[0] != '\0' && name[strspn(name, plain)] == '\0' ? "" : "'";
    if (!put(&word, &used, quote) || !put_quoted(&word, &used, name) || !put(&word, &used, quote)) {
        snprintf(word.text, sizeof word.text, "NAME");
    }
    return word;
}
