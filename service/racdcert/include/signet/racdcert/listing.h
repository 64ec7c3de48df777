/* What RACDCERT's listing functions print, in RACF's layout, from the answers of the operations
 * (docs/json.md). Column and wrapping rules: docs/racf-compatibility.md. Pure but for the time
 * zone: dates are local time, by TZ. */
#ifndef SIGNET_RACDCERT_LISTING_H
#define SIGNET_RACDCERT_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <signet/base/buffer.h>
#include <signet/base/error.h>

enum sg_racdcert_listing {
    SG_LISTING_LIST,      /**< cert show, or cert list OWNER --details */
    SG_LISTING_LISTRING,  /**< ring show */
    SG_LISTING_LISTCHAIN, /**< cert chain --details */
    SG_LISTING_CHECKCERT, /**< cert check --details */
    SG_LISTING_LISTMAP,   /**< items of owner, label, status, issuer_filter, subject_filter,
                             criteria */
    SG_LISTING_LISTTOKEN, /**< token show */
    SG_LISTING_RLIST,     /**< authority show */
};

struct sg_racdcert_listing_options {
    bool continued; /**< a further page of LIST, a further ring of LISTRING(*): no heading */
    bool permits;   /**< of RLIST: the access list too */
    int64_t now_s;  /**< seconds since 1970: which certificates are expired */
};

/** Append the listing of an answer to out. Appends nothing for an empty list: the caller has a
 * message for that (IRRD105I). SG_E_SERVICE "bad_answer" names what the answer lacks, or has of
 * another type; SG_E_LIMIT when out is full. */
SG_CHECKED sg_status sg_racdcert_listing(enum sg_racdcert_listing kind, json_t *answer,
                                         const struct sg_racdcert_listing_options *options,
                                         struct sg_buffer *out, struct sg_error *err);

/** The label to go on after (cert list OWNER --details --after LABEL); NULL when this page was the
 * last. Borrowed from the answer. */
const char *sg_racdcert_listing_next(json_t *answer);

#endif
