/* A certificate that is made here: what it shall be, gathered before anything is changed, and the
 * making of it, with a key of its own in a token. */
#ifndef SIGNET_OPERATIONS_NEW_CERTIFICATE_INTERNAL_H
#define SIGNET_OPERATIONS_NEW_CERTIFICATE_INTERNAL_H

#include "run_internal.h"

struct sg_new_certificate {
    struct sg_certificate_name name;
    const struct sg_certificate_name *renewed; /**< what it will be called instead, or NULL */
    bool handshake;                            /**< a TLS key's usage was asked for in words */
    const struct sg_key_spec *spec;            /**< NULL: its key is elsewhere */
    struct sg_key_abilities abilities;
    char token[SG_TOKEN_NAME_MAX + 1];
    bool extractable;
    bool placeholder;               /**< self-signed until a CA's answer replaces it */
    struct sg_x509_request request; /**< borrows its strings */
    bool issued;                    /**< by another key than its own */
    struct sg_certificate_row issuer_row;
    struct sg_certificate *issuer;
};
void sg_new_certificate_done(struct sg_new_certificate *made);

/** Find the configured token that shall hold the key: wanted, or the first. SG_E_NOT_FOUND
 * "token_not_found", SG_E_DENIED "extractable_not_allowed". */
SG_CHECKED sg_status sg_new_choose_token(struct sg_run *run, const char *wanted,
                                         struct sg_new_certificate *made, struct sg_error *err);
/** Warn of a kind of key that programs or rings cannot use. */
SG_CHECKED sg_status sg_new_warn_key(struct sg_run *run, const struct sg_key_spec *spec,
                                     struct sg_error *err);
/** Ask the policy what can be known before a key is made, so that a dry run knows it too (what is
 * made is asked again, sg_new_make and sg_new_build_issued do that), and warn of a server without a
 * name. A validity that nobody asked for is cut to what is allowed. spki: of the key that is
 * elsewhere. Codes: sg_crypto_policy_check's. */
SG_CHECKED sg_status sg_new_ask_policy(struct sg_run *run, struct sg_new_certificate *made,
                                       struct sg_bytes spki, struct sg_error *err);
/** Refuse a name that is taken. SG_E_CONFLICT "label_in_use". */
SG_CHECKED sg_status sg_new_check_name(struct sg_run *run, const struct sg_certificate_name *name,
                                       struct sg_error *err);
/** Sign the certificate for somebody's key with the issuer's, and parse what was made. */
SG_CHECKED sg_status sg_new_build_issued(struct sg_run *run, const struct sg_new_certificate *made,
                                         struct sg_bytes spki, struct sg_certificate **out,
                                         struct sg_error *err);
/** Make the key, sign the certificate and record both. Journals: what the handler has changed in
 * the store is undone, but for the owner. *row: fresh, named and filled here. */
SG_CHECKED sg_status sg_new_make(struct sg_run *run, const struct sg_new_certificate *made,
                                 struct sg_certificate_row *row, struct sg_error *err);

#endif
