/* Lines become commands: job control is skipped, comments become blanks, continued lines are joined
 * (TSO/E User's Guide, "Continuing a command"). */
#include <signet/racdcert/deck.h>

#include <string.h>
#include <strings.h>

#define CARD 80u /* a punched card's columns: what a data set's records still are */
#define NUMBER_AT 72u

/* A line without its end. */
struct line {
    const char *text;
    size_t len;
    unsigned number;
};

/* A command that is being put together. */
struct joining {
    struct sg_deck_command *command;
    struct sg_error *err;
    bool quoted, commented;
    size_t quote_at; /* where the open string begins, in the text */
};

void sg_deck_command_init(struct sg_deck_command *command)
{
    *command = (struct sg_deck_command){.piece_count = 0};
    sg_buffer_init(&command->text, SG_DECK_COMMAND_MAX);
}

void sg_deck_command_done(struct sg_deck_command *command)
{
    sg_buffer_done(&command->text);
    free(command->pieces);
    command->pieces = NULL;
    command->piece_count = command->piece_room = 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static size_t trimmed(const char *text, size_t len)
{
    while (len > 0 && is_blank(text[len - 1])) {
        len--;
    }
    return len;
}

/* ---- lines ---- */

static bool all_digits(const char *text, size_t len)
{
    size_t digits = 0;
    while (digits < len && text[digits] >= '0' && text[digits] <= '9') {
        digits++;
    }
    return digits == len;
}

/* A numbered data set numbers its first record too; elsewhere eight digits at that place mean
 * themselves. */
static bool is_numbered(const char *text, size_t len)
{
    return len == CARD && all_digits(text + NUMBER_AT, CARD - NUMBER_AT);
}

static bool next_line(struct sg_deck *deck, struct line *out)
{
    if (deck->at >= deck->text.len) {
        return false;
    }
    const char *start = (const char *)deck->text.data + deck->at;
    size_t left = deck->text.len - deck->at;
    const char *end = memchr(start, '\n', left);
    size_t len = end != NULL ? (size_t)(end - start) : left;
    deck->at += len + (end != NULL ? 1 : 0);
    deck->line++;
    len -= len > 0 && start[len - 1] == '\r' ? 1 : 0;
    if (deck->numbered && is_numbered(start, len)) {
        len = NUMBER_AT;
    }
    *out = (struct line){.text = start, .len = trimmed(start, len), .number = deck->line};
    return true;
}

/* ---- job control ---- */

static bool starts_with(const struct line *line, const char *prefix)
{
    size_t len = strlen(prefix);
    return line->len >= len && strncmp(line->text, prefix, len) == 0;
}

/* JES2's own statements look like a comment's beginning. */
static bool is_jes_statement(const struct line *line)
{
    static const char *const words[] = {"JOBPARM", "MESSAGE",  "NETACCT", "NOTIFY",
                                        "OUTPUT",  "PRIORITY", "ROUTE",   "SETUP",
                                        "SIGNOFF", "SIGNON",   "XEQ",     "XMIT"};
    for (size_t i = 0; i < SG_COUNT(words); i++) {
        size_t len = strlen(words[i]);
        if (line->len >= 2 + len && strncmp(line->text, "/*", 2) == 0 &&
            strncmp(line->text + 2, words[i], len) == 0 &&
            (line->len == 2 + len || is_blank(line->text[2 + len]))) {
            return true;
        }
    }
    return false;
}

static bool is_delimiter(const struct sg_deck *deck, const struct line *line)
{
    if (deck->delimiter[0] != '\0') {
        return starts_with(line, deck->delimiter);
    }
    return line->len == 2 && starts_with(line, "/*");
}

static bool is_job_control(const struct sg_deck *deck, const struct line *line)
{
    return starts_with(line, "//") || is_delimiter(deck, line) || is_jes_statement(line);
}

/* The next word of a line, up to a blank. */
static struct sg_bytes next_word(const struct line *line, size_t *at)
{
    while (*at < line->len && is_blank(line->text[*at])) {
        (*at)++;
    }
    size_t start = *at;
    while (*at < line->len && !is_blank(line->text[*at])) {
        (*at)++;
    }
    return (struct sg_bytes){(const unsigned char *)line->text + start, *at - start};
}

static bool word_is(struct sg_bytes word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.data, text, word.len) == 0;
}

/* "SYSTSIN" itself, or behind a step's name: "STEP1.SYSTSIN". Without a name: one more of the same.
 */
static bool names_commands(struct sg_bytes name)
{
    static const char wanted[] = "SYSTSIN";
    size_t len = sizeof wanted - 1;
    return name.len == 0 ||
           (name.len >= len && memcmp(name.data + name.len - len, wanted, len) == 0 &&
            (name.len == len || name.data[name.len - len - 1] == '.'));
}

static void take_delimiter(struct sg_deck *deck, struct sg_bytes operands)
{
    static const char keyword[] = "DLM=";
    size_t len = sizeof keyword - 1;
    for (size_t i = 0; i + len + 2 <= operands.len; i++) {
        if (memcmp(operands.data + i, keyword, len) == 0) {
            const unsigned char *value = operands.data + i + len;
            size_t left = operands.len - i - len;
            bool quoted = value[0] == '\'' && left >= 3;
            memcpy(deck->delimiter, value + (quoted ? 1 : 0), 2);
            deck->delimiter[2] = '\0';
            return;
        }
    }
}

/* "//NAME DD *" opens data: ours when it is SYSTSIN's, to be skipped otherwise. */
static void take_statement(struct sg_deck *deck, const struct line *line)
{
    deck->foreign = deck->data = false;
    deck->delimiter[0] = '\0';
    if (!starts_with(line, "//") || starts_with(line, "//*")) {
        return;
    }
    size_t at = 2;
    struct sg_bytes name = {(const unsigned char *)line->text + 2, 0};
    if (line->len > 2 && !is_blank(line->text[2])) {
        name = next_word(line, &at);
    }
    struct sg_bytes verb = next_word(line, &at);
    struct sg_bytes operands = next_word(line, &at);
    bool stars = operands.len > 0 && operands.data[0] == '*';
    bool data = operands.len >= 4 && memcmp(operands.data, "DATA", 4) == 0;
    if (word_is(verb, "DD") && (stars || data)) {
        take_delimiter(deck, operands);
        deck->foreign = !names_commands(name);
        deck->data = deck->foreign && data;
    }
}

/* True when the line is no command's: job control, or another program's data. */
static bool skip_line(struct sg_deck *deck, const struct line *line)
{
    if (deck->foreign && deck->data && !is_delimiter(deck, line)) {
        return true;
    }
    if (is_job_control(deck, line)) {
        take_statement(deck, line);
        return true;
    }
    return deck->foreign;
}

/* ---- putting a command together ---- */

static sg_status add_piece(struct sg_deck_command *command, unsigned line, size_t byte,
                           struct sg_error *err)
{
    if (command->piece_count == command->piece_room) {
        size_t room = command->piece_room == 0 ? 8 : command->piece_room * 2;
        struct sg_deck_piece *grown = realloc(command->pieces, room * sizeof *grown);
        if (grown == NULL) {
            return sg_fail_memory(err);
        }
        command->pieces = grown;
        command->piece_room = room;
    }
    command->pieces[command->piece_count++] = (struct sg_deck_piece){
        .offset = command->text.len, .line = line, .byte = (unsigned)byte + 1};
    return SG_OK;
}

static sg_status fault_at(struct sg_deck_command *command, size_t offset, size_t len, sg_status s)
{
    command->fault = offset;
    command->fault_len = len;
    return s;
}

static sg_status append(struct joining *joining, const char *text, size_t len)
{
    struct sg_deck_command *command = joining->command;
    if (len > SG_DECK_COMMAND_MAX - command->text.len) {
        sg_fail(joining->err, SG_E_LIMIT, "command_too_long", "the command has more than %u bytes",
                SG_DECK_COMMAND_MAX);
        return fault_at(command, 0, 0, joining->err->status);
    }
    return len == 0 ? SG_OK : sg_buffer_append(&command->text, text, len, joining->err);
}

/* What stands before the next comment or, in a comment, up to its end. */
static size_t plain_length(struct joining *joining, const char *text, size_t len)
{
    size_t i = 0;
    for (; i < len; i++) {
        bool opens = !joining->quoted && text[i] == '/' && i + 1 < len && text[i + 1] == '*';
        if (opens) {
            break;
        }
        if (text[i] == '\'') {
            joining->quoted = !joining->quoted;
            joining->quote_at = joining->command->text.len + i;
        }
    }
    return i;
}

static size_t comment_length(struct joining *joining, const char *text, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++) {
        if (text[i] == '*' && text[i + 1] == '/') {
            joining->commented = false;
            return i + 2;
        }
    }
    return len;
}

/* One line's text, its continuation sign taken off. */
static sg_status join_line(struct joining *joining, const struct line *line, size_t from, size_t to)
{
    size_t at = from;
    sg_status s = SG_OK;
    while (s == SG_OK && at < to) {
        const char *text = line->text + at;
        if (joining->commented) {
            at += comment_length(joining, text, to - at);
            continue;
        }
        size_t len = plain_length(joining, text, to - at);
        s = add_piece(joining->command, line->number, at, joining->err);
        s = s == SG_OK ? append(joining, text, len) : s;
        at += len;
        if (s == SG_OK && at < to) {
            joining->commented = true;
            at += 2;
            s = append(joining, " ", 1);
        }
    }
    return s;
}

/* Control characters are no part of any command; they would reach terminals and logs. */
static sg_status check_line(struct joining *joining, const struct line *line)
{
    if (line->len > SG_DECK_LINE_MAX) {
        sg_status s = add_piece(joining->command, line->number, 0, joining->err);
        return s != SG_OK ? s
                          : sg_fail(joining->err, SG_E_LIMIT, "line_too_long",
                                    "the line has %zu bytes, %u are possible", line->len,
                                    SG_DECK_LINE_MAX);
    }
    for (size_t i = 0; i < line->len; i++) {
        unsigned char c = (unsigned char)line->text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            size_t offset = joining->command->text.len;
            sg_status s = add_piece(joining->command, line->number, i, joining->err);
            s = s == SG_OK ? append(joining, "?", 1) : s;
            if (s == SG_OK) {
                sg_fail(joining->err, SG_E_USAGE, "bad_character",
                        "the character with the code %u is no part of a command", c);
            }
            return fault_at(joining->command, offset, 1, joining->err->status);
        }
    }
    return SG_OK;
}

static sg_status unclosed_comment(struct sg_deck *deck, struct joining *joining)
{
    struct sg_deck_command *command = joining->command;
    size_t at = command->text.len - 1; /* the blank that stands for it */
    deck->broken = true;
    command->text.data[at] = '/';
    if (append(joining, "*", 1) != SG_OK) {
        return joining->err->status;
    }
    sg_fail(joining->err, SG_E_USAGE, "unclosed_comment",
            "the comment that begins here does not end on its line");
    sg_hint(joining->err, "TSO would end it there, other programs at the next \"*/\": close it, "
                          "so that nobody can read a command into it. Nothing behind it was run.");
    return fault_at(command, at, 2, joining->err->status);
}

/* The line ends, and the command with it. */
static sg_status check_closed(struct sg_deck *deck, struct joining *joining)
{
    struct sg_deck_command *command = joining->command;
    if (joining->commented) {
        return unclosed_comment(deck, joining);
    }
    if (joining->quoted) {
        sg_fail(joining->err, SG_E_USAGE, "unclosed_string",
                "the string that begins here has no closing quote on its line");
        sg_hint(joining->err,
                "Close it, or end the line with - or + to continue it; a quote inside "
                "a string is written twice.");
        return fault_at(command, joining->quote_at, command->text.len - joining->quote_at,
                        joining->err->status);
    }
    return SG_OK;
}

static sg_status unfinished(struct joining *joining, const char *what)
{
    sg_fail(joining->err, SG_E_USAGE, "unfinished_command", "the command is continued, but %s",
            what);
    sg_hint(joining->err, "Take the last - or + away, or add what is missing.");
    return fault_at(joining->command, joining->command->text.len, 0, joining->err->status);
}

/* The sign that continues a line, or 0. */
static char continuation(const struct line *line)
{
    if (line->len == 0) {
        return '\0';
    }
    switch (line->text[line->len - 1]) {
    case '-':
        return '-';
    case '+':
        return '+';
    default:
        return '\0';
    }
}

static size_t leading_blanks(const struct line *line)
{
    size_t blanks = 0;
    while (blanks < line->len && is_blank(line->text[blanks])) {
        blanks++;
    }
    return blanks;
}

/* The rest of a command that was refused: no command of its own. */
static void skip_continued(struct sg_deck *deck, char sign)
{
    struct line line;
    while (sign != '\0' && next_line(deck, &line)) {
        if (is_job_control(deck, &line)) {
            take_statement(deck, &line);
            return;
        }
        sign = continuation(&line);
    }
}

static sg_status join_lines(struct sg_deck *deck, struct joining *joining, struct line line)
{
    bool strip = false;
    for (;;) {
        char sign = continuation(&line);
        sg_status s = check_line(joining, &line);
        if (s == SG_OK) {
            s = join_line(joining, &line, strip ? leading_blanks(&line) : 0,
                          line.len - (sign != '\0' ? 1 : 0));
        }
        if (s != SG_OK) {
            skip_continued(deck, sign);
            return s;
        }
        if (sign == '\0') {
            return check_closed(deck, joining);
        }
        strip = sign == '+';
        if (!next_line(deck, &line)) {
            return unfinished(joining, "the deck ends");
        }
        if (is_job_control(deck, &line)) {
            take_statement(deck, &line);
            return unfinished(joining, "job control follows");
        }
    }
}

static void note_skipped(struct sg_deck_command *command, unsigned line)
{
    command->skipped_first = command->skipped_first == 0 ? line : command->skipped_first;
    command->skipped_last = line;
}

static bool is_empty(const struct sg_deck_command *command)
{
    return trimmed((const char *)command->text.data, command->text.len) == 0;
}

static void forget_text(struct sg_deck_command *command)
{
    sg_buffer_done(&command->text);
    command->piece_count = 0;
    command->fault = command->fault_len = 0;
}

sg_status sg_deck_begin(struct sg_deck *deck, struct sg_bytes text, struct sg_error *err)
{
    if (text.len > SG_DECK_MAX) {
        return sg_fail(err, SG_E_LIMIT, "deck_too_large", "the deck has %zu bytes, %u are possible",
                       text.len, SG_DECK_MAX);
    }
    static const unsigned char mark[] = {0xef, 0xbb, 0xbf}; /* what some editors put first */
    bool marked = text.len >= 3 && memcmp(text.data, mark, 3) == 0;
    *deck = (struct sg_deck){.text = text, .at = marked ? 3 : 0};
    struct sg_deck peek = *deck;
    struct line first;
    deck->numbered = next_line(&peek, &first) && is_numbered(first.text, first.len);
    return SG_OK;
}

sg_status sg_deck_next(struct sg_deck *deck, struct sg_deck_command *command, struct sg_error *err)
{
    struct line line;
    forget_text(command);
    command->skipped_first = command->skipped_last = 0;
    while (!deck->broken && next_line(deck, &line)) {
        if (skip_line(deck, &line)) {
            note_skipped(command, line.number);
            continue;
        }
        struct joining joining = {.command = command, .err = err};
        sg_status s = join_lines(deck, &joining, line);
        if (s != SG_OK || !is_empty(command)) {
            return s;
        }
        forget_text(command);
    }
    return SG_OK;
}

sg_status sg_deck_single(struct sg_bytes text, struct sg_deck_command *command,
                         struct sg_error *err)
{
    struct sg_deck alone = {.text = text};
    struct joining joining = {.command = command, .err = err};
    struct line line = {.text = (const char *)text.data,
                        .len = trimmed((const char *)text.data, text.len),
                        .number = 1};
    forget_text(command);
    sg_status s = check_line(&joining, &line);
    s = s == SG_OK ? join_line(&joining, &line, 0, line.len) : s;
    return s == SG_OK ? check_closed(&alone, &joining) : s;
}
