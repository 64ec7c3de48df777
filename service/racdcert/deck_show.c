/* A command shown to a person: with the fault marked, and without its passwords. */
#include <signet/racdcert/deck.h>

#include "racdcert_internal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define WINDOW 100u /* bytes of a line that are shown */
#define BEFORE 60u  /* of them at most before the fault */
#define FOLLOWERS_MAX 3u
#define MASK "********" /* a secret's, whatever its length */
#define SQUEEZED 16u    /* bytes before a parenthesis that are looked at for a torn keyword */

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

static bool is_gap(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '-' || c == '+';
}

/* The keyword torn, by blanks or a continuation, or as the end of a longer word: "PASS WORD",
 * "PKCS12PASSWORD". The word ends at "at". */
static bool ends_as_password(const char *text, size_t at)
{
    static const char *const ends[] = {"PASSWORD", "PASSWD", "PASSPHRASE"};
    char squeezed[SQUEEZED];
    size_t from = SQUEEZED;
    while (at > 0 && from > 0 && (in_word((unsigned char)text[at - 1]) || is_gap(text[at - 1]))) {
        at--;
        if (!is_gap(text[at])) {
            squeezed[--from] = text[at];
        }
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t len = strlen(ends[i]);
        if (SQUEEZED - from >= len && strncasecmp(squeezed + SQUEEZED - len, ends[i], len) == 0) {
            return true;
        }
    }
    return false;
}

/* The word before it stands alone and begins the keyword: "PA SWORD". */
static bool follows_beginning(const char *text, size_t at)
{
    size_t end = at;
    while (end > 0 && is_gap(text[end - 1])) {
        end--;
    }
    size_t from = end;
    while (from > 0 && in_word((unsigned char)text[from - 1])) {
        from--;
    }
    bool apart = from == 0 || is_gap(text[from - 1]) || text[from - 1] == ')';
    return apart && end < at && end - from >= 2 && strncasecmp(text + from, "PA", 2) == 0 &&
           is_password(text + from, end - from);
}

/* What stands between a keyword and its parenthesis: what the lexer takes for a separator, and the
 * end of a line. */
static size_t skip_blanks(const char *text, size_t len, size_t at)
{
    while (at < len && strchr(" \t,\n", text[at]) != NULL && text[at] != '\0') {
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
    bool sign = open < len && (text[open] == '=' || text[open] == ':');
    open = sign ? skip_blanks(text, len, open + 1) : open;
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
    *from = open;
    *to = operand_end(text, len, open, ' ');
    return sign && *to > open;
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
        bool meant =
            word > 0 && (is_password(text + *at, word) || ends_as_password(text, *at + word) ||
                         follows_beginning(text, *at));
        if (meant && find_secret(text, len, *at + word, from, to)) {
            *at = *to;
            return true;
        }
        *at += word > 0 ? word : 1;
    }
    return false;
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

/* Where the command's text, as it may be shown, differs from it. */
struct moves {
    size_t from, to; /* of the secret that was replaced last, in the command */
    size_t shown;    /* where its mask begins */
};

/* Where an offset of the command stands in what is shown; not before the last secret. */
static size_t moved(const struct moves *moves, size_t offset)
{
    size_t mask = moves->to > moves->from ? sizeof MASK - 1 : 0;
    if (offset >= moves->to) {
        return moves->shown + mask + (offset - moves->to);
    }
    size_t inside = offset > moves->from ? offset - moves->from : 0;
    return moves->shown + (inside < mask ? inside : mask);
}

/* Offsets from the end of the last secret to the next one's. */
static void move_places(const struct sg_deck_command *command, const struct moves *moves,
                        size_t first, size_t last, struct sg_deck_command *out)
{
    size_t end = command->fault + command->fault_len;
    for (size_t i = 0; i < command->piece_count; i++) {
        size_t offset = command->pieces[i].offset;
        if (offset >= first && offset <= last) {
            out->pieces[i].offset = moved(moves, offset);
        }
    }
    if (command->fault >= first && command->fault <= last) {
        out->fault = moved(moves, command->fault);
    }
    if (end >= first && end <= last) {
        size_t shown = moved(moves, end);
        out->fault_len = shown > out->fault ? shown - out->fault : 0;
    }
}

static sg_status add_plain(const struct sg_deck_command *command, size_t from, size_t to,
                           struct sg_deck_command *out, struct sg_error *err)
{
    sg_status s =
        to > from ? sg_buffer_append(&out->text, command->text.data + from, to - from, err) : SG_OK;
    for (size_t i = out->text.len - (to - from); s == SG_OK && i < out->text.len; i++) {
        out->text.data[i] = out->text.data[i] == '\t' ? ' ' : out->text.data[i];
    }
    return s;
}

static sg_status copy_pieces(const struct sg_deck_command *command, struct sg_deck_command *out,
                             struct sg_error *err)
{
    if (command->piece_count == 0) {
        return SG_OK;
    }
    out->pieces = calloc(command->piece_count, sizeof *out->pieces);
    if (out->pieces == NULL) {
        return sg_fail_memory(err);
    }
    memcpy(out->pieces, command->pieces, command->piece_count * sizeof *out->pieces);
    out->piece_count = out->piece_room = command->piece_count;
    return SG_OK;
}

/* The command as it may be shown: tabs are blanks, and every secret is one mask. */
static sg_status showable(const struct sg_deck_command *command, struct sg_deck_command *out,
                          struct sg_error *err)
{
    const char *text = command->text.len > 0 ? (const char *)command->text.data : "";
    size_t len = command->text.len;
    size_t at = 0;
    struct moves moves = {0};
    sg_deck_command_init(out);
    out->text.max = len * sizeof MASK + sizeof MASK;
    sg_status s = copy_pieces(command, out, err);
    while (s == SG_OK) {
        size_t from = len;
        size_t to = len;
        bool secret = next_secret(text, len, &at, &from, &to);
        from = secret ? from : len;
        s = add_plain(command, moves.to, from, out, err);
        move_places(command, &moves, moves.to, secret ? from : SIZE_MAX, out);
        if (s != SG_OK || !secret) {
            break;
        }
        moves = (struct moves){.from = from, .to = to, .shown = out->text.len};
        s = to > from ? sg_buffer_append(&out->text, MASK, sizeof MASK - 1, err) : s;
        move_places(command, &moves, from, to, out);
    }
    return s == SG_OK ? sg_buffer_append(&out->text, "", 0, err) : s;
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
    SG_DECK_COMMAND shown;
    sg_status s = showable(command, &shown, err);
    if (s != SG_OK) {
        return s;
    }
    const char *text = shown.text.len > 0 ? (const char *)shown.text.data : "";
    size_t fault = shown.fault < shown.text.len ? shown.fault : shown.text.len;
    size_t piece = piece_of(&shown, fault);
    size_t start = shown.pieces[first_of_line(&shown, piece)].offset;
    size_t end = end_of_line(&shown, piece);
    size_t len = shown.fault_len > end - fault ? end - fault : shown.fault_len;
    return add_window(text + start, end - start, fault - start, len, out, err);
}

/* Runs of blanks, left by continued lines, become one; in strings they count. */
static size_t squeeze(char *text, size_t len)
{
    size_t kept = 0;
    bool blank = true;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != ' ' || !blank || quoted) {
            text[kept++] = text[i];
        }
        blank = text[i] == ' ';
        quoted = text[i] == '\'' ? !quoted : quoted;
    }
    return kept;
}

sg_status sg_deck_echo(const struct sg_deck_command *command, size_t max, struct sg_buffer *out,
                       struct sg_error *err)
{
    SG_DECK_COMMAND shown;
    sg_status s = showable(command, &shown, err);
    if (s != SG_OK || shown.text.len == 0) {
        return s;
    }
    char *text = (char *)shown.text.data;
    size_t kept = squeeze(text, shown.text.len);
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
