/* From a command's text to words, and from words to a tree of keywords. */
#ifndef SIGNET_RACDCERT_INTERNAL_H
#define SIGNET_RACDCERT_INTERNAL_H

#include <jansson.h>

#include <signet/racdcert/command.h>
#include <signet/racdcert/deck.h>
#include <signet/racdcert/keywords.h>

/* ---- words (lexer.c) ---- */

enum sg_token_kind { SG_TOKEN_END, SG_TOKEN_OPEN, SG_TOKEN_CLOSE, SG_TOKEN_WORD, SG_TOKEN_STRING };

/** A piece of a command. A string's text is still quoted, with its quotes doubled. */
struct sg_lexeme {
    enum sg_token_kind kind;
    size_t at, len; /**< in the command's text */
};

struct sg_lexer {
    const char *text;
    size_t len, at;
    struct sg_lexeme next; /**< the one that stands before the reader */
    size_t fault, fault_len;
    struct sg_error *err;
};
/** Start reading; the first lexeme stands in ->next. SG_E_USAGE "unclosed_string",
 * "quote_in_word", "bad_character". */
SG_CHECKED sg_status sg_lexer_begin(struct sg_lexer *lexer, const char *text, size_t len,
                                    struct sg_error *err);
SG_CHECKED sg_status sg_lexer_advance(struct sg_lexer *lexer);
/** Note what a failure is about, and give its status. */
sg_status sg_lexer_fault(struct sg_lexer *lexer, size_t at, size_t len, sg_status status);

/* ---- the tree (parse.c) ---- */

#define SG_NODES_MAX 512  /* keywords of one command */
#define SG_VALUES_MAX 512 /* operands of one command */

/** One operand, unquoted. */
struct sg_rac_value {
    char *text; /**< owned by the tree */
    bool quoted;
    size_t at, len;
};

/** A keyword with what stands in its parentheses. */
struct sg_rac_node {
    const struct sg_rac_keyword *keyword;
    size_t at, len; /**< the keyword as typed */
    size_t end;     /**< behind its closing parenthesis */
    bool opened;    /**< it has parentheses */
    unsigned first_value, value_count;
    struct sg_rac_node *parent, *child, *next;
};

struct sg_rac_tree {
    struct sg_rac_node nodes[SG_NODES_MAX]; /**< [0] is the command itself */
    unsigned node_count;
    struct sg_rac_value values[SG_VALUES_MAX];
    unsigned value_count;
    size_t fault, fault_len;
};
void sg_rac_tree_free(struct sg_rac_tree *tree);
SG_DEFINE_CLEANUP(struct sg_rac_tree *, sg_rac_tree_free)
/** Read a command into *out; on failure too there is a tree, with the fault's place. */
SG_CHECKED sg_status sg_rac_parse(const char *text, size_t len, struct sg_rac_tree **out,
                                  struct sg_error *err);

/** The keyword among a node's children; NULL when it is not there. */
struct sg_rac_node *sg_rac_child(const struct sg_rac_node *node, const char *name);

/** Does the byte at place stand where a password stands, or may be meant to (deck_show.c)? */
bool sg_rac_is_secret(const char *text, size_t len, size_t place);

#endif
