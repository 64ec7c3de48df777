/* A deck: TSO commands line by line, as they stand in a batch job's SYSTSIN. Here it becomes single
 * commands, each of which knows where its text came from. Pure. */
#ifndef SIGNET_RACDCERT_DECK_H
#define SIGNET_RACDCERT_DECK_H

#include <stdbool.h>

#include <signet/base/buffer.h>

#define SG_DECK_LINE_MAX 32768u    /**< bytes of a line */
#define SG_DECK_COMMAND_MAX 65536u /**< bytes of a command, its continued lines together */
#define SG_DECK_MAX 16777216u      /**< bytes of a deck */

/** Where something stands: both count from 1; the column counts characters. */
struct sg_place {
    unsigned line, column;
};

/** From this offset on, a command's text stands at this line and byte of the deck. */
struct sg_deck_piece {
    size_t offset;
    unsigned line, byte;
};

/** One command: comments are blanks, continued lines are joined, quotes are as they were. */
struct sg_deck_command {
    struct sg_buffer text; /**< len 0: the deck is at its end */
    struct sg_deck_piece *pieces;
    size_t piece_count, piece_room;
    unsigned skipped_first, skipped_last; /**< lines of job control before it, 0 when none */
    size_t fault, fault_len;              /**< what a failure is about, in the text */
};
void sg_deck_command_init(struct sg_deck_command *command);
void sg_deck_command_done(struct sg_deck_command *command);
#define SG_DECK_COMMAND SG_CLEANUP(sg_deck_command_done) struct sg_deck_command

/** Where the reading stands. */
struct sg_deck {
    struct sg_bytes text; /**< borrowed */
    size_t at;
    unsigned line;
    bool numbered;     /**< a data set with sequence numbers in columns 73 to 80 */
    bool foreign;      /**< inside the data of another DD statement than SYSTSIN */
    bool data;         /**< foreign data that may hold lines with two slashes (DD DATA) */
    char delimiter[3]; /**< DLM= of the open DD statement, or empty */
    bool broken;       /**< nothing after this failure can be read safely */
};
/** Start a deck. SG_E_LIMIT "deck_too_large". */
SG_CHECKED sg_status sg_deck_begin(struct sg_deck *deck, struct sg_bytes text,
                                   struct sg_error *err);
/** Read the next command into *command (initialised; what it held is dropped). Its text stays empty
 * at the deck's end. SG_E_USAGE (unclosed_string, unclosed_comment, unfinished_command,
 * bad_character) or SG_E_LIMIT (line_too_long, command_too_long) with command->fault set: the next
 * call goes on behind it, unless deck->broken. */
SG_CHECKED sg_status sg_deck_next(struct sg_deck *deck, struct sg_deck_command *command,
                                  struct sg_error *err);
/** Make a command of text that comes from no deck: one line. SG_E_USAGE and SG_E_LIMIT as above. */
SG_CHECKED sg_status sg_deck_single(struct sg_bytes text, struct sg_deck_command *command,
                                    struct sg_error *err);

/** Where a byte of the command's text stands in the deck. */
struct sg_place sg_deck_place(const struct sg_deck_command *command, size_t offset);
/** Append two lines: the part of the command that stands on the faulty line, and a caret under the
 * fault. Long lines are cut around it; passwords are hidden. */
SG_CHECKED sg_status sg_deck_excerpt(const struct sg_deck_command *command, struct sg_buffer *out,
                                     struct sg_error *err);
/** Append the command on one line, cut after max characters; passwords are hidden. */
SG_CHECKED sg_status sg_deck_echo(const struct sg_deck_command *command, size_t max,
                                  struct sg_buffer *out, struct sg_error *err);

#endif
