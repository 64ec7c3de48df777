/* Counting the uses of keys, in the token process: the only place that sees every use and no
 * client's byte but the request itself. */
#ifndef SIGNET_TOKEN_USES_INTERNAL_H
#define SIGNET_TOKEN_USES_INTERNAL_H

#include <signet/token/uses.h>

#include "grants_internal.h"

#define USES_INDEX 8192 /* a power of two, twice the rows */

struct uses {
    struct sg_uses_page *page;  /* NULL: nobody wants to know */
    uint32_t used;              /* our own word: the page's is for the reader */
    uint16_t index[USES_INDEX]; /* row + 1, by hash; 0 = free */
};
void sg_token_uses_done(struct uses *uses);
/* Count in the page behind fd from now on. SG_E_USAGE "bad_page" unless it is one. */
SG_CHECKED sg_status sg_token_uses_take(struct uses *uses, int fd, struct sg_error *err);
/* The capability's holder has used a key, through a ring: both as they were granted. */
void sg_token_uses_count(struct uses *uses, const struct capability *capability,
                         const struct sg_key_id *key, uint32_t ring, bool succeeded);
/* What came of a use: whether the token itself, as it seems, is well. */
void sg_token_uses_judge(struct uses *uses, const struct sg_error *outcome);

#endif
