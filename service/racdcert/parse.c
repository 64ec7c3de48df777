/* Words become a tree of keywords, by the table. */
#include "racdcert_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <signet/policy/name.h>

#define DEPTH_MAX 4  /* RACDCERT CONNECT(USAGE(PERSONAL)) */
#define SHOWN_MAX 40 /* bytes of a word in a message */
#define CLOSE_ENOUGH 2u

struct parser {
    struct sg_lexer lexer;
    struct sg_rac_tree *tree;
    struct sg_error *err;
};

void sg_rac_tree_free(struct sg_rac_tree *tree)
{
    for (unsigned i = 0; i < tree->value_count; i++) {
        /* a password may be among them */
        explicit_bzero(tree->values[i].text, strlen(tree->values[i].text));
        free(tree->values[i].text);
    }
    free(tree);
}

struct sg_rac_node *sg_rac_child(const struct sg_rac_node *node, const char *name)
{
    struct sg_rac_node *child = node != NULL ? node->child : NULL;
    while (child != NULL && strcmp(child->keyword->name, name) != 0) {
        child = child->next;
    }
    return child;
}

static sg_status fault(struct parser *parser, size_t at, size_t len)
{
    return sg_lexer_fault(&parser->lexer, at, len, parser->err->status);
}

/* A word as a message can show it. */
struct shown {
    char text[SHOWN_MAX + 4];
};

static struct shown shown(const struct parser *parser, const struct sg_lexeme *lexeme)
{
    struct shown out;
    size_t len = lexeme->len > SHOWN_MAX ? SHOWN_MAX : lexeme->len;
    const char *text = parser->lexer.text + lexeme->at;
    if (sg_rac_is_secret(parser->lexer.text, parser->lexer.len, lexeme->at)) {
        return (struct shown){"***"};
    }
    while (len < lexeme->len && len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
        len--;
    }
    snprintf(out.text, sizeof out.text, "%.*s%s", (int)len, text, len < lexeme->len ? "…" : "");
    return out;
}

/* ---- keywords ---- */

static bool may_stand_for(const char *word, size_t len, const struct sg_rac_keyword *keyword)
{
    size_t whole = strlen(keyword->name);
    return (keyword->whole ? whole == len : whole >= len) &&
           strncasecmp(word, keyword->name, len) == 0;
}

static sg_status ambiguous(struct parser *parser, enum sg_rac_level level,
                           const struct sg_lexeme *word)
{
    size_t count = 0;
    const struct sg_rac_keyword *rows = sg_rac_keywords(&count);
    char names[400] = "";
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].level == level &&
            may_stand_for(parser->lexer.text + word->at, word->len, &rows[i]) &&
            used + strlen(rows[i].name) + 3 < sizeof names) {
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                     used > 0 ? ", " : "", rows[i].name);
        }
    }
    sg_fail(parser->err, SG_E_USAGE, "ambiguous_keyword", "%s may stand for %s",
            shown(parser, word).text, names);
    sg_hint(parser->err, "Write more of it.");
    return fault(parser, word->at, word->len);
}

static sg_status unknown(struct parser *parser, enum sg_rac_level level,
                         const struct sg_lexeme *word)
{
    size_t count = 0;
    const struct sg_rac_keyword *rows = sg_rac_keywords(&count);
    struct shown text = shown(parser, word);
    const char *best = NULL;
    unsigned best_distance = CLOSE_ENOUGH + 1;
    for (size_t i = 0; i < count; i++) {
        unsigned distance =
            rows[i].level == level ? sg_name_distance(rows[i].name, text.text) : best_distance;
        if (distance < best_distance && 2 * (size_t)distance <= strlen(text.text)) {
            best_distance = distance;
            best = rows[i].name;
        }
    }
    if (level == SG_RAC_IN_COMMANDS) {
        sg_fail(parser->err, SG_E_USAGE, "unknown_command", "%s is no command that is known here",
                text.text);
    } else {
        sg_fail(parser->err, SG_E_USAGE, "unknown_keyword", "%s is no keyword of %s", text.text,
                sg_rac_level_name(level));
    }
    bool sign = strcmp(text.text, "-") == 0 || strcmp(text.text, "+") == 0;
    if (sign) {
        sg_hint(parser->err, "A continued line ends with its sign: nothing, not even a comment, "
                             "may stand behind it.");
    } else if (best != NULL) {
        sg_hint(parser->err, "Did you mean %s?", best);
    }
    return fault(parser, word->at, word->len);
}

static sg_status find_keyword(struct parser *parser, enum sg_rac_level level,
                              const struct sg_lexeme *word, const struct sg_rac_keyword **out)
{
    size_t count = 0;
    unsigned matches = 0;
    const struct sg_rac_keyword *rows = sg_rac_keywords(&count);
    const char *text = parser->lexer.text + word->at;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].level != level || !may_stand_for(text, word->len, &rows[i])) {
            continue;
        }
        bool whole = strlen(rows[i].name) == word->len;
        /* TSO abbreviates keywords, not the names of commands */
        if (!whole && level == SG_RAC_IN_COMMANDS) {
            continue;
        }
        *out = &rows[i];
        if (whole) {
            return SG_OK;
        }
        matches++;
    }
    if (matches == 1) {
        return SG_OK;
    }
    return matches > 1 ? ambiguous(parser, level, word) : unknown(parser, level, word);
}

static sg_status new_node(struct parser *parser, struct sg_rac_node *parent,
                          const struct sg_rac_keyword *keyword, const struct sg_lexeme *word,
                          struct sg_rac_node **out)
{
    struct sg_rac_tree *tree = parser->tree;
    struct sg_rac_node **link = parent != NULL ? &parent->child : NULL;
    if (keyword == NULL) {
        return sg_fail(parser->err, SG_E_INTERNAL, NULL, "a word was found to be no keyword");
    }
    if (tree->node_count == SG_NODES_MAX) {
        sg_fail(parser->err, SG_E_LIMIT, "too_many_keywords", "more than %d keywords in a command",
                SG_NODES_MAX);
        return fault(parser, word->at, word->len);
    }
    for (; link != NULL && *link != NULL; link = &(*link)->next) {
        if ((*link)->keyword == keyword && keyword->content != SG_CONTENT_VALUES) {
            sg_fail(parser->err, SG_E_USAGE, "duplicate_keyword", "%s stands there twice",
                    keyword->name);
            return fault(parser, word->at, word->len);
        }
    }
    struct sg_rac_node *node = &tree->nodes[tree->node_count++];
    *node = (struct sg_rac_node){.keyword = keyword,
                                 .at = word->at,
                                 .len = word->len,
                                 .end = word->at + word->len,
                                 .first_value = tree->value_count,
                                 .parent = parent};
    if (link != NULL) {
        *link = node;
    }
    *out = node;
    return SG_OK;
}

/* ---- operands ---- */

static char *unquoted(const char *text, size_t len, bool quoted)
{
    char *out = malloc(len + 1);
    size_t kept = 0;
    for (size_t i = quoted ? 1 : 0; out != NULL && i < len - (quoted ? 1 : 0); i++) {
        out[kept++] = text[i];
        i += quoted && text[i] == '\'' ? 1 : 0; /* doubled */
    }
    if (out != NULL) {
        out[kept] = '\0';
    }
    return out;
}

static sg_status take_value(struct parser *parser, struct sg_rac_node *node)
{
    struct sg_rac_tree *tree = parser->tree;
    const struct sg_lexeme lexeme = parser->lexer.next;
    if (tree->value_count == SG_VALUES_MAX) {
        sg_fail(parser->err, SG_E_LIMIT, "too_many_operands", "more than %d operands in a command",
                SG_VALUES_MAX);
        return fault(parser, lexeme.at, lexeme.len);
    }
    bool quoted = lexeme.kind == SG_TOKEN_STRING;
    char *text = unquoted(parser->lexer.text + lexeme.at, lexeme.len, quoted);
    if (text == NULL) {
        return sg_fail_memory(parser->err);
    }
    tree->values[tree->value_count++] =
        (struct sg_rac_value){.text = text, .quoted = quoted, .at = lexeme.at, .len = lexeme.len};
    node->value_count++;
    return sg_lexer_advance(&parser->lexer);
}

static sg_status expect_one(struct parser *parser, const struct sg_rac_node *node)
{
    const struct sg_rac_value *last = &parser->tree->values[parser->tree->value_count - 1];
    if (node->value_count <= 1 || node->keyword->content == SG_CONTENT_VALUES) {
        return SG_OK;
    }
    sg_fail(parser->err, SG_E_USAGE, "one_operand", "%s takes one operand", node->keyword->name);
    sg_hint(parser->err, "A value with blanks or commas stands in quotes: %s('…').",
            node->keyword->name);
    return fault(parser, last->at, last->len);
}

static sg_status parse_values(struct parser *parser, struct sg_rac_node *node)
{
    sg_status s = SG_OK;
    enum sg_token_kind kind = parser->lexer.next.kind;
    while (s == SG_OK && (kind == SG_TOKEN_WORD || kind == SG_TOKEN_STRING)) {
        s = take_value(parser, node);
        s = s == SG_OK ? expect_one(parser, node) : s;
        kind = parser->lexer.next.kind;
    }
    if (s != SG_OK || node->value_count > 0 || kind == SG_TOKEN_OPEN) {
        return s; /* the caller refuses what stands here instead of the end */
    }
    sg_fail(parser->err, SG_E_USAGE, "missing_operand", "%s needs an operand", node->keyword->name);
    return fault(parser, node->at, node->len);
}

static sg_status parse_keywords(struct parser *parser, struct sg_rac_node *node,
                                enum sg_rac_level level, unsigned depth);

static sg_status parse_content(struct parser *parser, struct sg_rac_node *node, unsigned depth)
{
    const size_t open = parser->lexer.next.at;
    if (node->keyword->content == SG_CONTENT_NONE) {
        sg_fail(parser->err, SG_E_USAGE, "operand_not_expected", "%s takes no operand",
                node->keyword->name);
        return fault(parser, open, 1);
    }
    node->opened = true;
    sg_status s = sg_lexer_advance(&parser->lexer);
    if (s == SG_OK) {
        s = node->keyword->content == SG_CONTENT_LEVEL
                ? parse_keywords(parser, node, node->keyword->inner, depth + 1)
                : parse_values(parser, node);
    }
    if (s != SG_OK) {
        return s;
    }
    const struct sg_lexeme *next = &parser->lexer.next;
    if (next->kind == SG_TOKEN_CLOSE) {
        node->end = next->at + 1;
        return sg_lexer_advance(&parser->lexer);
    }
    if (next->kind == SG_TOKEN_END) {
        sg_fail(parser->err, SG_E_USAGE, "unclosed_parenthesis",
                "the parenthesis of %s is not closed", node->keyword->name);
        sg_hint(parser->err, "Close it; a command that goes on ends its line with - or +.");
        return fault(parser, open, 1);
    }
    sg_fail(parser->err, SG_E_USAGE, "unexpected_parenthesis",
            "an operand of %s has parentheses of its own", node->keyword->name);
    sg_hint(parser->err, "A value with parentheses in it stands in quotes.");
    return fault(parser, next->at, next->len);
}

static sg_status parse_keyword(struct parser *parser, struct sg_rac_node *parent,
                               enum sg_rac_level level, unsigned depth)
{
    const struct sg_lexeme word = parser->lexer.next;
    const struct sg_rac_keyword *keyword = NULL;
    struct sg_rac_node *node = NULL;
    sg_status s = find_keyword(parser, level, &word, &keyword);
    s = s == SG_OK ? new_node(parser, parent, keyword, &word, &node) : s;
    s = s == SG_OK ? sg_lexer_advance(&parser->lexer) : s;
    if (s != SG_OK || keyword == NULL || node == NULL) {
        return s;
    }
    if (parser->lexer.next.kind == SG_TOKEN_OPEN) {
        return parse_content(parser, node, depth);
    }
    if (keyword->content != SG_CONTENT_NONE && !keyword->optional) {
        sg_fail(parser->err, SG_E_USAGE, "missing_operand", "%s needs an operand", keyword->name);
        sg_hint(parser->err, "Write %s(…).", keyword->name);
        return fault(parser, word.at, word.len);
    }
    return SG_OK;
}

/* Up to the closing parenthesis or the end, which the caller looks at. */
static sg_status parse_keywords(struct parser *parser, struct sg_rac_node *node,
                                enum sg_rac_level level, unsigned depth)
{
    sg_status s = SG_OK;
    if (depth > DEPTH_MAX) {
        return sg_fail(parser->err, SG_E_INTERNAL, NULL, "the table of keywords is too deep");
    }
    while (s == SG_OK && parser->lexer.next.kind != SG_TOKEN_CLOSE &&
           parser->lexer.next.kind != SG_TOKEN_END) {
        const struct sg_lexeme next = parser->lexer.next;
        if (next.kind == SG_TOKEN_WORD) {
            s = parse_keyword(parser, node, level, depth);
            continue;
        }
        sg_fail(parser->err, SG_E_USAGE, "keyword_expected", "%s where a keyword of %s is expected",
                next.kind == SG_TOKEN_STRING ? "a string stands" : "a parenthesis opens",
                sg_rac_level_name(level));
        return fault(parser, next.at, next.len);
    }
    return s;
}

/* ---- operands before the keywords ---- */

static sg_status missing_positional(struct parser *parser, const struct sg_rac_node *command)
{
    const struct sg_lexeme *next = &parser->lexer.next;
    const char *what =
        command->value_count + 1 < command->keyword->positional ? "class" : "profile";
    sg_fail(parser->err, SG_E_USAGE, "missing_operand", "%s needs a %s before its keywords",
            command->keyword->name, what);
    sg_hint(parser->err, "%s %sPROFILE …", command->keyword->name,
            command->keyword->positional > 1 ? "CLASS " : "");
    return next->len > 0 ? fault(parser, next->at, next->len)
                         : fault(parser, command->at, command->len);
}

/* "CLASS(FACILITY)" where a profile should stand is a keyword. */
static bool is_keyword_with_operand(const struct parser *parser)
{
    const struct sg_lexer *lexer = &parser->lexer;
    return lexer->next.kind == SG_TOKEN_WORD && lexer->at < lexer->len &&
           lexer->text[lexer->at] == '(';
}

static sg_status parse_list(struct parser *parser, struct sg_rac_node *command)
{
    const struct sg_lexeme open = parser->lexer.next;
    const unsigned before = command->value_count;
    sg_status s = sg_lexer_advance(&parser->lexer);
    while (s == SG_OK && (parser->lexer.next.kind == SG_TOKEN_WORD ||
                          parser->lexer.next.kind == SG_TOKEN_STRING)) {
        s = take_value(parser, command);
    }
    if (s != SG_OK) {
        return s;
    }
    if (parser->lexer.next.kind != SG_TOKEN_CLOSE) {
        sg_fail(parser->err, SG_E_USAGE, "unclosed_parenthesis",
                "the parenthesis of the profiles is not closed");
        return fault(parser, open.at, open.len);
    }
    return command->value_count > before ? sg_lexer_advance(&parser->lexer)
                                         : missing_positional(parser, command);
}

static sg_status parse_positional(struct parser *parser, struct sg_rac_node *command)
{
    const struct sg_rac_keyword *row = command->keyword;
    bool last = command->value_count + 1 == row->positional;
    const struct sg_lexeme *next = &parser->lexer.next;
    if (last && row->list && next->kind == SG_TOKEN_OPEN) {
        return parse_list(parser, command);
    }
    bool operand = next->kind == SG_TOKEN_WORD || next->kind == SG_TOKEN_STRING;
    return operand && !(last && is_keyword_with_operand(parser))
               ? take_value(parser, command)
               : missing_positional(parser, command);
}

static sg_status parse_positionals(struct parser *parser, struct sg_rac_node *command)
{
    sg_status s = SG_OK;
    while (s == SG_OK && command->value_count < command->keyword->positional) {
        s = parse_positional(parser, command);
    }
    return s;
}

/* ---- the command ---- */

static sg_status parse_command(struct parser *parser)
{
    const struct sg_lexeme word = parser->lexer.next;
    const struct sg_rac_keyword *keyword = NULL;
    struct sg_rac_node *command = NULL;
    if (word.kind != SG_TOKEN_WORD) {
        sg_fail(parser->err, SG_E_USAGE, "unknown_command", "a command begins with its name");
        return fault(parser, word.at, word.len);
    }
    sg_status s = find_keyword(parser, SG_RAC_IN_COMMANDS, &word, &keyword);
    s = s == SG_OK ? new_node(parser, NULL, keyword, &word, &command) : s;
    s = s == SG_OK ? sg_lexer_advance(&parser->lexer) : s;
    s = s == SG_OK && command != NULL ? parse_positionals(parser, command) : s;
    s = s == SG_OK && keyword != NULL ? parse_keywords(parser, command, keyword->inner, 0) : s;
    if (s == SG_OK && parser->lexer.next.kind == SG_TOKEN_CLOSE) {
        sg_fail(parser->err, SG_E_USAGE, "unexpected_parenthesis",
                "a parenthesis closes that was not opened");
        return fault(parser, parser->lexer.next.at, 1);
    }
    return s;
}

sg_status sg_rac_parse(const char *text, size_t len, struct sg_rac_tree **out, struct sg_error *err)
{
    struct sg_rac_tree *tree = calloc(1, sizeof *tree);
    if (tree == NULL) {
        return sg_fail_memory(err);
    }
    *out = tree;
    struct parser parser = {.tree = tree, .err = err};
    sg_status s = sg_lexer_begin(&parser.lexer, text, len, err);
    s = s == SG_OK ? parse_command(&parser) : s;
    tree->fault = parser.lexer.fault;
    tree->fault_len = parser.lexer.fault_len;
    return s;
}

bool sg_rac_is_command(const char *word, size_t len)
{
    size_t count = 0;
    const struct sg_rac_keyword *rows = sg_rac_keywords(&count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].level == SG_RAC_IN_COMMANDS && strlen(rows[i].name) == len &&
            strncasecmp(word, rows[i].name, len) == 0) {
            return true;
        }
    }
    return false;
}
