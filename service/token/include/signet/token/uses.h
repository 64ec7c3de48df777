/* The page in which a token process counts the uses of keys: made by control, written by that token
 * process, read by control without asking it, also when it has died. docs/protocol-token.md. */
#ifndef SIGNET_TOKEN_USES_H
#define SIGNET_TOKEN_USES_H

#include <stdatomic.h>

#include <signet/token/client.h>

#define SG_USES_MAX 4096 /**< rows of a page */

/** One key, used by one user through one ring. The first three are written once, before .used of
 * the page counts the row. */
struct sg_use_row {
    struct sg_key_id key;
    uint32_t uid;           /**< of the capability: control's word */
    uint32_t ring;          /**< as granted; 0 = none */
    _Atomic uint64_t count; /**< written after the times (release) */
    _Atomic int64_t last_s; /**< seconds since 1970 */
    _Atomic int64_t done_s; /**< the same of the last that succeeded; 0: none did */
};

struct sg_uses_page {
    _Atomic uint32_t used; /**< rows; the writer's word: to be bounded by who reads it */
    uint32_t reserved;
    _Atomic uint64_t lost; /**< uses for which there was no row */
    /* Uses that failed for what the token says of itself, not of the caller's input. */
    _Atomic uint64_t failed;    /**< so many */
    _Atomic uint64_t failed_rv; /**< the last one's CK_RV */
    _Atomic int64_t failed_s;   /**< when that was, seconds since 1970 */
    _Atomic int64_t failed_ms;  /**< the same, monotonic; 0: never */
    _Atomic int64_t done_ms;    /**< when a use last succeeded, monotonic; 0: never. Not failed_ms:
                                   whichever came later is greater */
    struct sg_use_row rows[SG_USES_MAX];
};

/** Make an empty page. *out_fd: its memfd, which cannot shrink; both are the caller's. */
SG_CHECKED sg_status sg_uses_page_new(struct sg_uses_page **out, int *out_fd, struct sg_error *err);
void sg_uses_page_free(struct sg_uses_page *page);
/** Let a token process count in this page from now on (acknowledged). The administrative link. */
SG_CHECKED sg_status sg_token_count_uses(struct sg_token_link *link, int page_fd,
                                         struct sg_error *err);

#endif
