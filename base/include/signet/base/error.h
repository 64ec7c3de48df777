/* One error convention: a function that can fail for more than one reason returns a status and
 * explains itself in an object that the caller owns. Texts are for the person who reads them: what
 * failed, which object, why; the hint says what to do next. Reported once, at the edge. */
#ifndef SIGNET_BASE_ERROR_H
#define SIGNET_BASE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include <signet/base/cleanup.h>

typedef enum sg_status {
    SG_OK = 0,
    SG_E_USAGE,       /**< the command or request is not well-formed */
    SG_E_NOT_FOUND,   /**< the named object does not exist (or may not be known to the caller) */
    SG_E_CONFLICT,    /**< exists already, is in use, or does not fit what is there */
    SG_E_DENIED,      /**< the caller may not */
    SG_E_INPUT,       /**< what was given is malformed, too large, expired, does not verify */
    SG_E_TOKEN,       /**< the token is unavailable or refused */
    SG_E_SERVICE,     /**< the service is unreachable or not ready */
    SG_E_UNSUPPORTED, /**< understood, but cannot be done here */
    SG_E_LIMIT,       /**< a maximum was reached */
    SG_E_STORAGE,     /**< the store or a file could not be read or written */
    SG_E_NO_MEMORY,
    SG_E_INTERNAL, /**< our own mistake */
} sg_status;
#define SG_STATUS_COUNT (SG_E_INTERNAL + 1)

/** A plain value: no destructor, usable when memory is out. Zero it before first use
 * (SG_ERROR_INIT). */
struct sg_error {
    sg_status status;
    char code[40];       /**< stable, snake_case, for programs: "label_in_use" */
    char text[640];      /**< one sentence, lower case, no full stop, never a secret */
    char hint[640];      /**< a sentence with a command or a setting in it, or empty */
    char object[320];    /**< the object's name as the person would write it, or empty */
    unsigned long ck_rv; /**< CK_RV underneath, 0 = none */
    unsigned long ossl;  /**< OpenSSL error code underneath, 0 = none */
    int sys_errno;
    int sql; /**< SQLite result code underneath, 0 = none */
    const char *file;
    int line;
};
#define SG_ERROR_INIT                                                                              \
    {                                                                                              \
        .status = SG_OK                                                                            \
    }

/** What the outside sees of a status. */
struct sg_status_info {
    const char *name; /**< wire name, snake_case; the code when none finer is set */
    int exit_code;    /**< 0 … 8, docs/commands.md */
    int http_code;
    bool retry; /**< worth trying again unchanged */
};
/** Describe a status; never NULL. */
const struct sg_status_info *sg_status_info(sg_status status);
/** Status for a wire name, SG_E_INTERNAL when unknown. */
sg_status sg_status_from_name(const char *name);

/** Set the error and return the status, in one step: return sg_fail(err, SG_E_CONFLICT,
 * "label_in_use", "label …"). */
#define sg_fail(err, status, code, ...)                                                            \
    sg_fail_at((err), (status), (code), __FILE__, __LINE__, __VA_ARGS__)
/** The same, keeping errno underneath and adding its text behind ": ". */
#define sg_fail_errno(err, status, code, ...)                                                      \
    sg_fail_errno_at((err), (status), (code), __FILE__, __LINE__, __VA_ARGS__)
#define sg_fail_memory(err)                                                                        \
    sg_no_memory(sg_fail((err), SG_E_NO_MEMORY, "no_memory", "out of memory"))

sg_status sg_fail_at(struct sg_error *err, sg_status status, const char *code, const char *file,
                     int line, const char *format, ...) SG_PRINTF(6, 7);
sg_status sg_fail_errno_at(struct sg_error *err, sg_status status, const char *code,
                           const char *file, int line, const char *format, ...) SG_PRINTF(6, 7);
/** What sg_fail_memory returns, in sight of whatever reasons about the code: never SG_OK. */
static inline sg_status sg_no_memory(sg_status failed SG_UNUSED)
{
    return SG_E_NO_MEMORY;
}
/** Set the hint and return the status that is already set: return sg_hint(err, "…"). */
sg_status sg_hint(struct sg_error *err, const char *format, ...) SG_PRINTF(2, 3);
/** Set the object's name and return the status that is already set. */
sg_status sg_object(struct sg_error *err, const char *format, ...) SG_PRINTF(2, 3);
/** Put "…: " before the text. */
void sg_error_prefix(struct sg_error *err, const char *format, ...) SG_PRINTF(2, 3);
/** Back to SG_OK, everything empty. */
void sg_error_clear(struct sg_error *err);

#endif
