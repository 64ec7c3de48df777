/* Names in the commands that hints suggest. A label may come from a stranger's certificate, and
 * whoever is called at night pastes what the hint says. */
#include <signet/base/shell.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Where a word grows. */
struct room {
    char *text;
    size_t size, used;
};

static bool put(struct room *room, const char *text)
{
    size_t len = strlen(text);
    if (room->used + len >= room->size) {
        return false;
    }
    memcpy(room->text + room->used, text, len + 1);
    room->used += len;
    return true;
}

/* Within single quotes only the quote itself is special (POSIX shell, 2.2.2). */
static bool put_quoted(struct room *room, const char *text)
{
    bool fits = true;
    for (; fits && *text != '\0'; text++) {
        char one[2] = {*text, '\0'};
        fits = put(room, *text == '\'' ? "'\\''" : one);
    }
    return fits;
}

bool sg_shell_write(const char *owner, const char *name, char *out, size_t size)
{
    struct room room = {.text = out, .size = size};
    bool fits = put(&room, "'") && put_quoted(&room, owner) && put(&room, "/") &&
                put_quoted(&room, name) && put(&room, "'");
    if (!fits) { /* half a word would be another command */
        (void)snprintf(out, size, "OWNER/NAME");
    }
    return fits;
}

struct sg_shell_word sg_shell_word(const char *owner, const char *name)
{
    struct sg_shell_word word;
    (void)sg_shell_write(owner, name, word.text, sizeof word.text);
    return word;
}

struct sg_shell_word sg_shell_quote(const char *name)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_-.@/";
    struct sg_shell_word word;
    struct room room = {.text = word.text, .size = sizeof word.text};
    const char *quote = name[0] != '\0' && name[strspn(name, plain)] == '\0' ? "" : "'";
    if (!put(&room, quote) || !put_quoted(&room, name) || !put(&room, quote)) {
        snprintf(word.text, sizeof word.text, "NAME");
    }
    return word;
}
