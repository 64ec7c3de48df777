/* A command shown to a person: with the fault marked, and without its passwords. */
#include <signet/racdcert/deck.h>

#include "racdcert_internal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define WINDOW 100u /* bytes of a line that are shown */
#define BEFORE 60u  /* of them at most before the fault */
#define FOLLOWERS_MAX 3u

/* ---- passwords ---- */

static bool in_word(unsigned char c)
{
    return isalnum(c) || c == '@' || c == '#' || c == '$';
}

/* Words whose operand is a secret here or in another of RACF's commands, and whatever may be meant
 * for one: PASSWORD abbreviated, or misspelt. Too much is hidden rather than too little. */
static bool is_password(const char *word, size_t len)
{
    static const char *const secrets[] = {"PASSWORD", "PASSWD", "PASSPHRASE", "PHRASE",
                                          "PWD",      "PW",     "PIN"};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (len == strlen(secrets[i]) && strncasecmp(word, secrets[i], len) == 0) {
            return true;
        }
    }
    return (len <= 8 && strncasecmp(word, "PASSWORD", len) == 0) ||
           (len >= 4 && strncasecmp(word, "PASS", 4) == 0);
}

static size_t skip_blanks(const char *text, size_t len, size_t at)
{
    while (at < len && (text[at] == ' ' || text[at] == '\n')) {
        at++;
    }
    return at;
}

/* Where what begins at "at" ends: behind its closing quote or before its closing parenthesis, or
 * the end of all. */
static size_t operand_end(const char *text, size_t len, size_t at, char close)
{
    bool quoted = false;
    for (; at < len; at++) {
        quoted = text[at] == '\'' ? !quoted : quoted;
        if (!quoted && text[at] == close) {
            break;
        }
    }
    return at;
}

/* The secret behind a word that ends at "at": *from … *to. False: there is none. Quotes before the
 * word do not count: one that is not closed would hide what is no text. */
static bool find_secret(const char *text, size_t len, size_t at, size_t *from, size_t *to)
{
    size_t open = skip_blanks(text, len, at);
    if (open < len && text[open] == '(') {
        *from = open + 1;
        *to = operand_end(text, len, *from, ')');
        return true;
    }
    bool apart = open > at || (open + 1 < len && text[open + 1] != ')' && text[open + 1] != ' ');
    if (open < len && text[open] == '\'' && apart) { /* the parenthesis was forgotten */
        *from = open + 1;
        size_t end = *from;
        while (end < len && text[end] != '\'') {
            end++;
        }
        *to = end;
        return true;
    }
    return false;
}

static size_t word_at(const char *text, size_t len, size_t at)
{
    size_t word = 0;
    while (at + word < len && in_word((unsigned char)text[at + word])) {
        word++;
    }
    return word;
}

/* The next secret from *at on; *at goes behind it. False: there is none any more. */
static bool next_secret(const char *text, size_t len, size_t *at, size_t *from, size_t *to)
{
    while (*at < len) {
        size_t word = word_at(text, len, *at);
        if (word > 0 && is_password(text + *at, word) &&
            find_secret(text, len, *at + word, from, to)) {
            *at = *to;
            return true;
        }
        *at += word > 0 ? word : 1;
    }
    return false;
}

static void hide_passwords(char *text, size_t len)
{
    size_t at = 0;
    size_t from = 0;
    size_t to = 0;
    while (next_secret(text, len, &at, &from, &to)) {
        memset(text + from, '*', to - from);
    }
}

bool sg_rac_is_secret(const char *text, size_t len, size_t place)
{
    size_t at = 0;
    size_t from = 0;
    size_t to = 0;
    while (next_secret(text, len, &at, &from, &to)) {
        if (place >= from && place < to) {
            return true;
        }
    }
    return false;
}

/* The command's text as it may be shown, with a NUL. malloc'd; NULL when memory is out. */
static char *showable(const struct sg_deck_command *command)
{
    size_t len = command->text.len;
    char *copy = malloc(len + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (len > 0) {
        memcpy(copy, command->text.data, len);
    }
    copy[len] = '\0';
    for (size_t i = 0; i < len; i++) {
        if (copy[i] == '\t') {
            copy[i] = ' ';
        }
    }
    hide_passwords(copy, len);
    return copy;
}

/* ---- places ---- */

static bool is_follower(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static unsigned characters(const char *text, size_t len)
{
    unsigned count = 0;
    for (size_t i = 0; i < len; i++) {
        count += is_follower(text[i]) ? 0 : 1;
    }
    return count;
}

static size_t piece_of(const struct sg_deck_command *command, size_t offset)
{
    size_t piece = 0;
    while (piece + 1 < command->piece_count && command->pieces[piece + 1].offset <= offset) {
        piece++;
    }
    return piece;
}

/* The first and the last piece of the line that a piece stands on. */
static size_t first_of_line(const struct sg_deck_command *command, size_t piece)
{
    while (piece > 0 && command->pieces[piece - 1].line == command->pieces[piece].line) {
        piece--;
    }
    return piece;
}

static size_t end_of_line(const struct sg_deck_command *command, size_t piece)
{
    unsigned line = command->pieces[piece].line;
    while (piece < command->piece_count && command->pieces[piece].line == line) {
        piece++;
    }
    return piece < command->piece_count ? command->pieces[piece].offset : command->text.len;
}

struct sg_place sg_deck_place(const struct sg_deck_command *command, size_t offset)
{
    if (command->piece_count == 0) {
        return (struct sg_place){.line = 1, .column = 1};
    }
    const struct sg_deck_piece *piece = &command->pieces[piece_of(command, offset)];
    const char *text = (const char *)command->text.data + piece->offset;
    size_t bytes = offset - piece->offset;
    unsigned column = piece->byte + (bytes > 0 ? characters(text, bytes) : 0);
    return (struct sg_place){.line = piece->line, .column = column};
}

/* ---- showing ---- */

static sg_status add_caret(const char *line, size_t until, size_t len, struct sg_buffer *out,
                           struct sg_error *err)
{
    sg_status s = sg_buffer_format(out, err, "    %*s", (int)characters(line, until), "");
    size_t wide = len > 0 ? characters(line + until, len) : 1;
    for (size_t i = 0; s == SG_OK && i < wide; i++) {
        s = sg_buffer_append(out, "^", 1, err);
    }
    return s == SG_OK ? sg_buffer_append(out, "\n", 1, err) : s;
}

static sg_status add_window(const char *line, size_t len, size_t fault, size_t fault_len,
                            struct sg_buffer *out, struct sg_error *err)
{
    /* no character is cut; what has more followers than a character can have is none */
    size_t from = fault > BEFORE ? fault - BEFORE : 0;
    for (unsigned i = 0; i < FOLLOWERS_MAX && from > 0 && is_follower(line[from]); i++) {
        from--;
    }
    size_t to = len - from > WINDOW ? from + WINDOW : len;
    for (unsigned i = 0; i < FOLLOWERS_MAX && to < len && is_follower(line[to]); i++) {
        to++;
    }
    size_t marked = fault + fault_len > to ? to - fault : fault_len;
    sg_status s = sg_buffer_format(out, err, "    %.*s\n", (int)(to - from), line + from);
    return s == SG_OK ? add_caret(line + from, fault - from, marked, out, err) : s;
}

sg_status sg_deck_excerpt(const struct sg_deck_command *command, struct sg_buffer *out,
                          struct sg_error *err)
{
    if (command->piece_count == 0) {
        return SG_OK;
    }
    SG_FREE char *text = showable(command);
    if (text == NULL) {
        return sg_fail_memory(err);
    }
    size_t fault = command->fault < command->text.len ? command->fault : command->text.len;
    size_t piece = piece_of(command, fault);
    size_t start = command->pieces[first_of_line(command, piece)].offset;
    size_t end = end_of_line(command, piece);
    size_t len = command->fault_len > end - fault ? end - fault : command->fault_len;
    return add_window(text + start, end - start, fault - start, len, out, err);
}

sg_status sg_deck_echo(const struct sg_deck_command *command, size_t max, struct sg_buffer *out,
                       struct sg_error *err)
{
    SG_FREE char *text = showable(command);
    if (text == NULL) {
        return sg_fail_memory(err);
    }
    size_t len = command->text.len;
    size_t kept = 0;
    bool blank = true; /* runs of blanks, left by continued lines, become one */
    for (size_t i = 0; i < len; i++) {
        if (text[i] != ' ' || !blank) {
            text[kept++] = text[i];
        }
        blank = text[i] == ' ';
    }
    bool cut = kept > max;
    kept = cut ? max : kept;
    while (kept > 0 && cut && is_follower(text[kept])) {
        kept--;
    }
    while (kept > 0 && text[kept - 1] == ' ') {
        kept--;
    }
    return sg_buffer_format(out, err, "%.*s%s", (int)kept, text, cut ? " …" : "");
}
