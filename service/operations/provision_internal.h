/* The texts of provision: one file for each program, service/operations/provision/NAME.txt,
 * compiled in as lines.
 *
 * A line is printed as it is, with @name@ replaced by a value, unless it begins with '%':
 *
 *   %package NAME …        what Debian calls what must be installed
 *   %command WORDS         to be done once, before the program starts
 *   %environment NAME=TEXT in the program's environment
 *   %unit NAME             a drop-in of that systemd service with the environment so far
 *   %file PATH MODE        begins a file of its own, up to %end; printed as comments
 *   %main PATH MODE        begins the program's own configuration, up to %end; printed bare
 *   %chain_file PATH       where a command puts the chain that %pair_file names
 *   %pair_file PATH MODE   the same as %file, and the one that names chain and key: signet watch
 *                          --pair keeps it
 *   %example WORDS         a command that uses the ring
 *   %reload WORDS          after the ring's certificate has changed
 *   %watch WORDS           a service of its own that does so by itself (signet watch)
 *   %watch_unit NAME PATH  a systemd service signet-watch-NAME that does it, from a script at PATH
 *   %several LINE          a line of any kind, where the ring has several keys (value "several")
 *   %limit SENTENCE        what the program cannot do
 *   %key file              the program's key cannot stay in the token ("token" otherwise)
 *   %untested              Debian has no such program: the text was checked as text only
 *
 * What is printed: every line outside the program's own configuration begins with '#'. */
#ifndef SIGNET_OPERATIONS_PROVISION_INTERNAL_H
#define SIGNET_OPERATIONS_PROVISION_INTERNAL_H

#include <jansson.h>

#include <signet/base/buffer.h>
#include <signet/base/error.h>

struct sg_provision_text {
    const char *program;
    const char *const *lines; /**< ends with NULL */
};
/** Sorted by program; ends with a row of NULL. */
extern const struct sg_provision_text sg_provision_texts[];

struct sg_provision_value {
    const char *name;
    const char *text;
};

/** How long the beginning "%several " of a line is; 0: it has none. */
size_t sg_provision_is_choice(const char *line);

/** Fill the answer's keys (docs/json.md) from a text. values ends with a name of NULL.
 * SG_E_INTERNAL "bad_provision_text" when the text is not well-formed, SG_E_NO_MEMORY. */
SG_CHECKED sg_status sg_provision_render(const char *const *lines,
                                         const struct sg_provision_value *values, json_t *answer,
                                         struct sg_error *err);

#endif
