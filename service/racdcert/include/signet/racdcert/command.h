/* What a RACDCERT command asks for: an operation of the table with its parameters, and files that
 * the client reads or writes. Text goes in, rows of the table come out. Pure but for the time zone
 * (TZ): dates of commands are local time. */
#ifndef SIGNET_RACDCERT_COMMAND_H
#define SIGNET_RACDCERT_COMMAND_H

#include <jansson.h>

#include <signet/base/buffer.h>
#include <signet/interface/spec.h>
#include <signet/racdcert/deck.h>

#define SG_RAC_LOCALS_MAX 4

/** What is to be done with the answer. */
enum sg_rac_task {
    SG_RAC_NOTHING,   /**< accepted; there is nothing to do, and a note says why */
    SG_RAC_CHANGE,    /**< perform the operation, say what it did */
    SG_RAC_LIST,      /**< list one certificate */
    SG_RAC_LIST_ALL,  /**< list all certificates of an owner */
    SG_RAC_LISTRING,  /**< list one ring */
    SG_RAC_LISTRINGS, /**< list all rings of an owner */
    SG_RAC_LISTCHAIN,
    SG_RAC_CHECKCERT, /**< list what a file holds */
    SG_RAC_LISTMAP,
    SG_RAC_LISTTOKEN,  /**< list one served token */
    SG_RAC_LISTTOKENS, /**< list all served tokens */
    SG_RAC_RLIST,      /**< list profiles: the operation and the further ones */
    SG_RAC_RLISTS,     /**< list all profiles of a class */
};

/** A further operation of the same command: PERMIT … ID(A B) asks for two. */
struct sg_rac_step {
    const struct sg_operation *operation;
    json_t *params; /**< object, owned */
};

/** A parameter that stays with the client: a file, a format. */
struct sg_rac_local {
    const char *param; /**< of the operation's row */
    char *value;       /**< owned */
};

/** Which certificate is meant, when its label is not said. */
struct sg_rac_selection {
    bool wanted;       /**< the client finds the label and sets params.<param> to OWNER/LABEL */
    const char *param; /**< "certificate" */
    char *serial;      /**< hexadecimal, lower case, no leading zeros; NULL: the owner's only one */
    char *issuer;      /**< as LIST prints it; NULL: any */
};

/** What a command asks for. */
struct sg_rac_request {
    enum sg_rac_task task;
    const char *function; /**< "ADDRING"; never NULL once a command was understood */
    const struct sg_operation *operation; /**< NULL for SG_RAC_NOTHING */
    json_t *params;                       /**< object */
    struct sg_rac_step *steps;            /**< what follows, in order; owned */
    unsigned step_count;
    struct sg_rac_local locals[SG_RAC_LOCALS_MAX];
    unsigned local_count;
    struct sg_rac_selection selection;
    char owner[40];           /**< whose certificate or ring it is about: START1, CERTAUTH, SITE */
    char *password;           /**< of a PKCS#12 file, or NULL; wiped */
    bool permits;             /**< of RLIST: the access lists too */
    json_t *notes;            /**< sentences: what was understood in another way */
    json_t *warnings;         /**< sentences: the same, worth return code 4 */
    size_t fault, fault_len;  /**< what a failure is about, in the command's text */
    struct sg_rac_tree *tree; /**< the command's words, for sg_rac_blame; owned, wiped */
};
#define SG_RAC_REQUEST_INIT                                                                        \
    {                                                                                              \
        .function = "RACDCERT"                                                                     \
    }
void sg_rac_request_done(struct sg_rac_request *request);
#define SG_RAC_REQUEST SG_CLEANUP(sg_rac_request_done) struct sg_rac_request

/** What the translation needs to know of its surroundings. */
struct sg_rac_context {
    const char *own; /**< the caller's own user ID; NULL: not known */
    int64_t now_s;   /**< seconds since 1970 */
    bool visible;    /**< the command's text can be seen by others (process arguments) */
};

/** Understand a command. *out must be SG_RAC_REQUEST_INIT and is to be ended in any case.
 * SG_E_USAGE names what is wrong and out->fault is where; its code is "own_unknown" when the
 * command speaks of the caller's own user ID and context->own is NULL. SG_E_UNSUPPORTED:
 * understood, but not done here; the hint says what to use. */
SG_CHECKED sg_status sg_rac_translate(struct sg_bytes text, const struct sg_rac_context *context,
                                      struct sg_rac_request *out, struct sg_error *err);

/** True for the name of a command: "RACDCERT", "SETROPTS" …, in any case. */
bool sg_rac_is_command(const char *word, size_t len);

/** Is a certificate with this serial number (hexadecimal) meant? */
bool sg_rac_selects_serial(const struct sg_rac_selection *selection, const char *serial);
/** Is a certificate of this issuer meant? Names as LIST prints them, exact. */
bool sg_rac_selects_issuer(const struct sg_rac_selection *selection, const char *issuer);

/** A message of RACF or TSO. */
struct sg_rac_message {
    const char *number; /**< "IRRD114I"; NULL when none is known */
    const char *text;
};
/** What RACF says in this case. */
struct sg_rac_message sg_rac_message(const char *function, const struct sg_error *failure);
/** Set ->fault to the operand that a refusal of the service, or of a file, is about; false when
 * none can be told. What the translation has found already stays. */
bool sg_rac_blame(struct sg_rac_request *request, const struct sg_error *failure);
/** Let a sentence of the service (at most 639 bytes, in a field of that size) speak RACDCERT's
 * keywords where it speaks signet's options; command lines of signet in it stay. */
void sg_rac_hint(const char *function, char *text, size_t size);
/** What a failure is worth: 8 (refused), or 12 (not understood, or nobody there to do it). */
int sg_rac_return_code(const struct sg_error *failure);

/** Read "2030-12-31" or "2030/12/31" and "23:59:59" as local time. *ambiguous: that time came twice
 * (clocks were put back), and the earlier one is taken. SG_E_USAGE "bad_date"; SG_E_INPUT
 * "no_such_time" when clocks were put forward over it. */
SG_CHECKED sg_status sg_rac_local_time(const char *date, const char *time, int64_t *out_s,
                                       bool *ambiguous, struct sg_error *err);

#endif
