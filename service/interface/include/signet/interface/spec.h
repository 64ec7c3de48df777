/* The one table of operations, its declarative half: linked by the commands and the daemon alike.
 * Command words, HTTP routes, help, completion, OpenAPI, the authority gate and the audit record
 * come from these rows and from nowhere else. */
#ifndef SIGNET_INTERFACE_SPEC_H
#define SIGNET_INTERFACE_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <signet/policy/authority.h>

enum sg_param_type {
    SG_PARAM_TEXT,                 /**< JSON string, at most .max bytes */
    SG_PARAM_OWNER,                /**< JSON string */
    SG_PARAM_USER,                 /**< JSON string: an owner that is a user ID */
    SG_PARAM_CERTIFICATE,          /**< JSON string OWNER/LABEL */
    SG_PARAM_OWNER_OR_CERTIFICATE, /**< JSON string OWNER or OWNER/LABEL */
    SG_PARAM_RING,                 /**< JSON string OWNER/RING */
    SG_PARAM_WORD,                 /**< JSON string, one of .words */
    SG_PARAM_WORDS,                /**< JSON array of strings out of .words */
    SG_PARAM_TEXTS,                /**< JSON array of strings, at most .max of them */
    SG_PARAM_INTEGER,              /**< JSON integer, .min … .max */
    SG_PARAM_FLAG,                 /**< JSON true/false; on the command line --name */
    SG_PARAM_TIME,      /**< JSON string RFC 3339 UTC; on the command line also YYYY-MM-DD */
    SG_PARAM_UNIX_USER, /**< JSON integer uid; on the command line a user's name or a number, looked
                           up by the client */
    SG_PARAM_CERTIFICATE_FILES, /**< JSON array of base64 DER; on the command line files that the
                                   client reads and takes apart */
    SG_PARAM_CSR_FILE,          /**< JSON string base64 DER; on the command line a file */
    SG_PARAM_CARRIED,     /**< JSON string base64; made by the client on the way of a private key
                             (docs/keys-in-and-out.md), no option of the command line */
    SG_PARAM_CLIENT_FILE, /**< a path that only the client uses: never sent */
    SG_PARAM_CLIENT_WORD, /**< one of .words, used by the client only: never sent */
    SG_PARAM_CLIENT_FLAG, /**< a flag for the client only: never sent */
};

struct sg_param {
    const char
        *name; /**< JSON key, snake_case; on the command line --with-dashes unless positional */
    enum sg_param_type type;
    bool positional;
    bool required;
    const char *const *words; /**< NULL-terminated, for WORD(S) */
    bool word_flags; /**< for WORD: on the command line each word is a flag of its own (--trust) */
    int64_t min, max;
    const char *placeholder; /**< "OWNER/LABEL", "FILE" for help */
    const char *help;
};

/** An authority that an operation needs before anything else happens. */
struct sg_need {
    enum sg_function function;
    const char *param; /**< the parameter whose owner is the target, and, when it names a ring, that
                          ring; skipped when an optional parameter is absent; NULL: nobody's.
                          CONNECT and REMOVE of a ring heed its parameters "certificate" ("target",
                          when something is added and connected) and "usage" too */
    const char *when;  /**< needed only when this parameter is given; NULL: always */
};
#define SG_NEEDS_MAX 3

enum sg_operation_flags {
    SG_OP_CHANGES = 1u << 0,    /**< changes state: POST, takes dry_run */
    SG_OP_TOKEN = 1u << 1,      /**< needs a token */
    SG_OP_REPEATABLE = 1u << 2, /**< safe to repeat */
    SG_OP_CLIENT = 1u << 3,     /**< runs in the client alone: no route */
    SG_OP_FILTERED = 1u << 4,   /**< a listing over many owners: anybody may ask, the handler shows
                                   what the gate allows for each; its needs say by which function */
    SG_OP_VERDICT = 1u << 5,  /**< its answer says "ok"; the command ends with status 3 when that is
                                 false */
    SG_OP_ANYTIME = 1u << 6,  /**< answered although another operation is waiting for its token;
                                 changes nothing */
    SG_OP_WATCHES = 1u << 7,  /**< answered when its "changed" is true, or "wait_s" seconds later;
                                 changes nothing */
    SG_OP_ASKS = 1u << 8,     /**< beside CLIENT: it asks the service by other operations */
    SG_OP_ALONE = 1u << 9,    /**< waits for its turn although it changes nothing that is stored */
    SG_OP_USES = 1u << 10,    /**< looks at the uses of keys: what has been counted up to now is
                                 stored first, where nothing else is under way */
    SG_OP_REVOKES = 1u << 11, /**< may take rights or trust away: recorded on a full disk too, in
                                 the space that is kept back for it */
};

/* One row: SG_OPERATION(IDENTIFIER, noun, verb, flags, needs, params, columns, help, further
 * members). A row without
 * needs does not compile; a row without a handler does not link. */
enum sg_operation_id {
#define SG_OPERATION(identifier, ...) SG_OP_##identifier,
#include <signet/interface/operations.def>
#undef SG_OPERATION
};

struct sg_operation {
    enum sg_operation_id id;
    const char *noun, *verb; /**< "cert", "generate"; verb "" for one-word commands ("status") */
    unsigned flags;
    struct sg_need needs[SG_NEEDS_MAX]; /**< up to the first with SG_FUNCTION_NONE (unless it is the
                                           only one) */
    const struct sg_param *params;      /**< up to the first with a NULL name */
    const char
        *columns; /**< for lists: JSON keys shown by the command, "owner label status"; or NULL */
    const char *help;    /**< first line: what it does; further lines: more */
    const char *answers; /**< JSON keys that its answer holds, "sequence changed", beside those that
                            follow from flags and columns: "did" of what changes something (of a dry
                            run "dry_run" and "effects" alone), "items" of a list, "ok" of a
                            verdict; or NULL */
};

/** All rows; *count of them. */
const struct sg_operation *sg_operations(size_t *count);
/** Find a row by its words; NULL when there is none. */
const struct sg_operation *sg_operation_find(const char *noun, const char *verb);
const struct sg_param *sg_param_find(const struct sg_operation *operation, const char *name);
/** "GET", or "POST" for what changes something or takes files; the route is /v1/<noun>/<verb> (or
 * /v1/<noun>). */
const char *sg_operation_method(const struct sg_operation *operation);

/** Does "provision" print a file by which this program follows the default of its ring? The texts
 * say the same. */
bool sg_program_follows(const char *program);

#endif
