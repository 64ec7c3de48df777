/* A command's text as words, strings and parentheses (TSO/E: blanks and commas separate, a quote
 * inside a string is doubled). */
#include "racdcert_internal.h"

#include <string.h>

static bool is_separator(char c)
{
    return c == ' ' || c == '\t' || c == ',';
}

static bool ends_word(char c)
{
    return is_separator(c) || c == '(' || c == ')';
}

sg_status sg_lexer_fault(struct sg_lexer *lexer, size_t at, size_t len, sg_status status)
{
    lexer->fault = at;
    lexer->fault_len = len;
    return status;
}

/* A string ends at a quote that no other follows. 0: it does not end. */
static size_t string_length(const char *text, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        if (text[i] != '\'') {
            continue;
        }
        if (i + 1 < len && text[i + 1] == '\'') {
            i++;
            continue;
        }
        return i + 1;
    }
    return 0;
}

static sg_status take_string(struct sg_lexer *lexer, size_t start)
{
    size_t len = string_length(lexer->text + start, lexer->len - start);
    if (len == 0) {
        sg_fail(lexer->err, SG_E_USAGE, "unclosed_string", "the string has no closing quote");
        sg_hint(lexer->err, "A quote inside a string is written twice.");
        return sg_lexer_fault(lexer, start, lexer->len - start, lexer->err->status);
    }
    lexer->next = (struct sg_lexeme){.kind = SG_TOKEN_STRING, .at = start, .len = len};
    lexer->at = start + len;
    if (lexer->at < lexer->len && !ends_word(lexer->text[lexer->at])) {
        sg_fail(lexer->err, SG_E_USAGE, "quote_in_word",
                "something follows a string's end at once");
        sg_hint(lexer->err, "A quote inside a string is written twice; after a string comes a "
                            "blank, a comma or a parenthesis.");
        return sg_lexer_fault(lexer, start, len + 1, lexer->err->status);
    }
    return SG_OK;
}

static sg_status take_word(struct sg_lexer *lexer, size_t start)
{
    size_t at = start;
    while (at < lexer->len && !ends_word(lexer->text[at]) && lexer->text[at] != '\'' &&
           lexer->text[at] != '"') {
        at++;
    }
    lexer->next = (struct sg_lexeme){.kind = SG_TOKEN_WORD, .at = start, .len = at - start};
    lexer->at = at;
    if (at < lexer->len && !ends_word(lexer->text[at])) {
        bool single = lexer->text[at] == '\'';
        sg_fail(lexer->err, SG_E_USAGE, "quote_in_word", "a quote stands inside a word");
        sg_hint(lexer->err, single ? "Put all of the value into quotes, and write this one twice."
                                   : "Strings stand in single quotes: '…'.");
        return sg_lexer_fault(lexer, at, 1, lexer->err->status);
    }
    return SG_OK;
}

static sg_status take_sign(struct sg_lexer *lexer, size_t at)
{
    bool open = lexer->text[at] == '(';
    lexer->next =
        (struct sg_lexeme){.kind = open ? SG_TOKEN_OPEN : SG_TOKEN_CLOSE, .at = at, .len = 1};
    lexer->at = at + 1;
    return SG_OK;
}

sg_status sg_lexer_advance(struct sg_lexer *lexer)
{
    while (lexer->at < lexer->len && is_separator(lexer->text[lexer->at])) {
        lexer->at++;
    }
    size_t at = lexer->at;
    if (at == lexer->len) {
        lexer->next = (struct sg_lexeme){.kind = SG_TOKEN_END, .at = at};
        return SG_OK;
    }
    switch (lexer->text[at]) {
    case '(':
    case ')':
        return take_sign(lexer, at);
    case '\'':
        return take_string(lexer, at);
    default:
        return take_word(lexer, at);
    }
}

sg_status sg_lexer_begin(struct sg_lexer *lexer, const char *text, size_t len, struct sg_error *err)
{
    *lexer = (struct sg_lexer){.text = text, .len = len, .err = err};
    return sg_lexer_advance(lexer);
}
