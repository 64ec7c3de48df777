/* Hints of the service speak of signet's options; who writes RACDCERT can use its keywords only. */
#include "racdcert_internal.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/cleanup.h>

/* An option, what stands behind it if it takes a value, and what is said instead: % is the value.
 * Of several rows for one option the first counts whose keyword the function takes, else the last.
 */
static const struct {
    const char *option, *keyword, *instead;
    bool value;
} rows[] = {
    {"--force", "FORCE", "FORCE", false},
    {"--disconnect", "FORCE", "FORCE", false},
    {"--signed-by", "SIGNWITH", "SIGNWITH(CERTAUTH LABEL('…'))", true},
    {"--label", "NEWLABEL", "NEWLABEL('%')", true},
    {"--label", "WITHLABEL", "WITHLABEL('%')", true},
    {"--not-before", "NOTBEFORE", "NOTBEFORE(DATE(…))", false},
    {"--not-after", "NOTAFTER", "NOTAFTER(DATE(…))", false},
    {"--days", "NOTAFTER", "NOTAFTER(DATE(…)), % days at most", true},
    {"--san dns:", "ALTNAME", "ALTNAME(DOMAIN('%'))", true},
    {"--san ip:", "ALTNAME", "ALTNAME(IP(%))", true},
    {"ip:ADDRESS", "ALTNAME", "ALTNAME(IP(…))", false},
    {"--san", "ALTNAME", "ALTNAME(…)", true},
    {"--extractable", "EXTRACTABLE", "EXTRACTABLE", false},
    {"--trust", "TRUST", "TRUST", false},
    {"--notrust", "NOTRUST", "NOTRUST", false},
    {"--hightrust", "HIGHTRUST", "HIGHTRUST", false},
    {"--criteria", "CRITERIA", "CRITERIA(…)", false},
    {"--appldata", "APPLDATA", "APPLDATA('%')", true},
    {"--uacc", "UACC", "UACC(%)", true},
    {"--format pem, der or pkcs7", "FORMAT", "FORMAT(CERTB64) or FORMAT(PKCS7B64)", false},
    {"--password-file", "PASSWORD", "PASSWORD('…')", false},
    {"the password file", "PASSWORD", "PASSWORD('…')", false},
    {"--subject", "SUBJECTSDN", "SUBJECTSDN(…)", false},
};

/* Is it a keyword of that function? */
static bool takes(const char *function, const char *name)
{
    size_t count = 0;
    const struct sg_rac_keyword *keywords = sg_rac_keywords(&count);
    for (size_t i = 0; i < count; i++) {
        const char *functions = keywords[i].belongs_to;
        const char *at = functions != NULL && strcmp(keywords[i].name, name) == 0
                             ? strstr(functions, function)
                             : NULL;
        size_t len = strlen(function);
        if (at != NULL && (at == functions || at[-1] == ' ') &&
            (at[len] == ' ' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool starts(const char *text, const char *option)
{
    size_t len = strlen(option);
    if (strncmp(text, option, len) != 0) {
        return false;
    }
    bool value_follows = option[len - 1] == ':';
    return value_follows || (text[len] != '-' && !(text[len] >= 'a' && text[len] <= 'z'));
}

/* The row for what begins here; SG_COUNT(rows): none. */
static size_t find_row(const char *text, const char *function)
{
    size_t found = SG_COUNT(rows);
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        bool same = found == SG_COUNT(rows) || strcmp(rows[found].option, rows[i].option) == 0;
        if (!same || !starts(text, rows[i].option)) {
            continue;
        }
        found = i;
        if (takes(function, rows[i].keyword)) {
            return i;
        }
    }
    return found;
}

/* Bytes of the value behind an option: up to a blank or a sentence's sign. */
static size_t value_length(const char *text)
{
    size_t len = strcspn(text, " ,;)");
    while (len > 0 && text[len - 1] == '.') {
        len--;
    }
    return len;
}

static bool ends_command(const char *text)
{
    return *text == ')' || strncmp(text, ". ", 2) == 0 || strncmp(text, "; ", 2) == 0;
}

/* A command line for the shell stays what it is; a name in quotes (sg_shell_word) may hold
 * anything. */
static size_t command_length(const char *text)
{
    if (strncmp(text, "signet ", 7) != 0) {
        return 0;
    }
    size_t len = 0;
    bool quoted = false;
    while (text[len] != '\0' && (quoted || !ends_command(text + len))) {
        bool escaped = !quoted && text[len] == '\\' && text[len + 1] != '\0';
        quoted = text[len] == '\'' ? !quoted : quoted;
        len += escaped ? 2 : 1;
    }
    return len;
}

struct sentence {
    char text[640];
    size_t len;
};

static void add(struct sentence *out, const char *text, size_t len)
{
    size_t room = sizeof out->text - 1 - out->len;
    len = len < room ? len : room;
    memcpy(out->text + out->len, text, len);
    out->len += len;
    out->text[out->len] = '\0';
}

/* What is said instead of a row's option; how many bytes of the hint that takes up. */
static size_t replace(struct sentence *out, size_t row, const char *text)
{
    size_t used = strlen(rows[row].option);
    const char *instead = rows[row].instead;
    size_t head = strcspn(instead, "%");
    size_t gap = rows[row].value && text[used] == ' ' ? 1 : 0;
    size_t value = rows[row].value ? value_length(text + used + gap) : 0;
    size_t dots = rows[row].value && value == 0 && strncmp(text + used, "...", 3) == 0 ? 3 : 0;
    add(out, instead, head);
    if (instead[head] == '%') {
        bool said = value > 0;
        add(out, said ? text + used + gap : "…", said ? value : strlen("…"));
        add(out, instead + head + 1, strlen(instead + head + 1));
    }
    return used + dots + (value > 0 ? gap + value : 0);
}

void sg_rac_hint(const char *function, char *text, size_t size)
{
    struct sentence out = {.len = 0};
    size_t at = 0;
    while (text[at] != '\0') {
        bool begins = at == 0 || text[at - 1] == ' ' || text[at - 1] == '(';
        size_t command = begins ? command_length(text + at) : 0;
        size_t row = begins && command == 0 ? find_row(text + at, function) : SG_COUNT(rows);
        if (row < SG_COUNT(rows)) {
            at += replace(&out, row, text + at);
            continue;
        }
        command = command > 0 ? command : 1;
        add(&out, text + at, command);
        at += command;
    }
    (void)snprintf(text, size, "%s", out.text);
}
