/* The command racdcert: a deck of RACF commands, one connection to the service, one exit status. */
#ifndef SIGNET_CLI_RACDCERT_INTERNAL_H
#define SIGNET_CLI_RACDCERT_INTERNAL_H

#include <jansson.h>

#include <signet/cli/arguments.h>
#include <signet/cli/client.h>
#include <signet/cli/kept.h>
#include <signet/racdcert/command.h>

struct sg_racdcert_options {
    bool json, dry_run, stop_on_error;
    const char *socket; /**< or NULL */
};

/** A deck, or a single command, under way. */
struct sg_racdcert {
    struct sg_racdcert_options options;
    struct sg_client *client;
    char own[40];     /**< the caller's own user ID, or empty */
    bool asked_own;   /**< the service was asked for it */
    bool single;      /**< the command came as arguments */
    bool unreachable; /**< the service does not answer: nothing more is tried */
    bool rehearsing;  /**< a dry run: the service performs it all, in a rehearsal */
    bool outdated;    /**< somebody really changed something while it was rehearsed */
    struct sg_kept
        *kept;         /**< files that the rehearsed deck would have written; NULL: no rehearsal */
    int return_code;   /**< the highest so far */
    unsigned commands; /**< so far */
    json_t *results;   /**< for --json: one object a command */
    json_t *notes;     /**< for --json: what is about no command */
};

/** One command's outcome. */
struct sg_racdcert_outcome {
    struct sg_rac_request request;
    struct sg_buffer out;   /**< for standard output */
    struct sg_buffer notes; /**< for standard error */
    json_t *answer;         /**< or NULL */
    int return_code;
};

/** Perform one command that was read. Text and answer go into *outcome; fails with what is wrong
 * with the command or what the service refused. */
SG_CHECKED sg_status sg_racdcert_perform(struct sg_racdcert *session,
                                         const struct sg_deck_command *command,
                                         struct sg_racdcert_outcome *outcome, struct sg_error *err);
/** Find the label of a certificate that was selected in another way and set the parameter.
 * SG_E_NOT_FOUND "certificate_not_found"; SG_E_CONFLICT "ambiguous_selection". */
SG_CHECKED sg_status sg_racdcert_select(struct sg_racdcert *session, struct sg_rac_request *request,
                                        struct sg_error *err);
/** List all certificates or rings of an owner, in pages that are written at once unless --json
 * collects them. SG_E_NOT_FOUND "no_certificates", "no_rings". */
SG_CHECKED sg_status sg_racdcert_list_all(struct sg_racdcert *session,
                                          struct sg_racdcert_outcome *outcome,
                                          struct sg_error *err);
/** List the answer: one certificate or one ring. */
SG_CHECKED sg_status sg_racdcert_list_one(struct sg_racdcert_outcome *outcome,
                                          struct sg_error *err);
/** The file that a data set's name stands for: as typed, or, to be read, else in lower or upper
 * case. */
SG_CHECKED sg_status sg_racdcert_file(const struct sg_racdcert *session, const char *name,
                                      bool read, struct sg_buffer *out, struct sg_error *err);
/** Before a command asks the service for anything: open a rehearsal for the dry run of a deck,
 * once. SG_E_SERVICE, with the reason, when there can be none. */
SG_CHECKED sg_status sg_racdcert_rehearse(struct sg_racdcert *session, struct sg_error *err);
/** End it; session->outdated tells whether somebody really changed something meanwhile. */
void sg_racdcert_rehearsal_end(struct sg_racdcert *session);
/** Turn the answer to a rehearsed change into that of a dry run. */
SG_CHECKED sg_status sg_racdcert_rehearsed(json_t *answer, struct sg_error *err);
/** Write what a command has to say, now. */
SG_CHECKED sg_status sg_racdcert_flush(struct sg_racdcert_outcome *outcome, struct sg_error *err);

#endif
