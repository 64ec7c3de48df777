/* What the two ways of cert generate share: with a key of our own, and for somebody's request. */
#ifndef SIGNET_OPERATIONS_GENERATE_INTERNAL_H
#define SIGNET_OPERATIONS_GENERATE_INTERNAL_H

#include "new_certificate_internal.h"

/** What the operation works with, gathered before anything is changed. */
struct sg_generate {
    struct sg_new_certificate made;
    unsigned usage_words;
    const struct sg_certificate_profile *profile; /**< NULL: none was asked for */
    const char **sans, **ekus;
    bool from_request; /**< the key is elsewhere */
    struct sg_buffer csr_der;
    struct sg_csr_facts *csr;
    struct sg_certificate_row
        renewed; /**< with a request: the certificate of the same owner and key */
};

/** Read --from-request, if it is given. */
SG_CHECKED sg_status sg_generate_read_request(struct sg_run *run, struct sg_generate *plan,
                                              struct sg_error *err);
/** Find the certificate that a request renews: of the same owner, for the same key. */
SG_CHECKED sg_status sg_generate_find_renewed(struct sg_run *run, struct sg_generate *plan,
                                              struct sg_error *err);
SG_CHECKED sg_status sg_generate_warn_renewal(struct sg_run *run, const struct sg_generate *plan,
                                              struct sg_error *err);
/** Sign the request; add the certificate, or replace the one that is renewed. */
SG_CHECKED sg_status sg_generate_for_request(struct sg_run *run, struct sg_generate *plan,
                                             struct sg_certificate_row *row, struct sg_error *err);

#endif
