/* What the parts of cert add share: the bundle, what was found out about it, and the next steps. */
#ifndef SIGNET_OPERATIONS_ADD_INTERNAL_H
#define SIGNET_OPERATIONS_ADD_INTERNAL_H

#include "run_internal.h"

struct sg_add_bundle {
    struct sg_certificate *members[SG_BUNDLE_MAX]; /**< owned, each once */
    size_t count;
};

/** A key that the store knows and one of the bundle's certificates is for. */
struct sg_add_match {
    size_t member;
    struct sg_certificate_name name;
    bool found;
    unsigned rank; /**< of several, the highest is taken */
    size_t ends;   /**< how many that issued no other one are for keys of the owner */
};

/** A cert add under way. */
struct sg_add {
    struct sg_owner_name owner;
    struct sg_label label;
    bool has_label;
    struct sg_add_bundle bundle;
    struct sg_add_match match;          /**< the owner's own key */
    size_t leaf;                        /**< index into the bundle */
    struct sg_certificate_row replaced; /**< id 0: a new certificate is added */
    struct sg_found_chain found;
    enum sg_trust trust;
    bool unverified; /**< it is stored although its chain does not verify */
    bool keyless;
    json_t *added;              /**< the answer's list of issuers */
    struct sg_label last_label; /**< that sg_add_free_label made, before it numbered it */
    unsigned next_number;
    struct sg_ring_row ring;           /**< to be connected to; id 0: none */
    struct sg_buffer package;          /**< a private key that comes along, encrypted */
    bool brings_key;                   /**< .package is to be taken: it is the leaf's */
    char token[SG_TOKEN_NAME_MAX + 1]; /**< that will hold it */
    size_t twins; /**< issuers that were not stored, for another's issuer and serial number */
    struct sg_certificate_name keyless_name; /**< with a private key: whose place it takes, which
                                                  has none; an empty label: nobody's */
};
/** The facts of a member of the bundle. */
const struct sg_certificate_facts *sg_add_facts(const struct sg_add *plan, size_t i);

/* ---- which certificate is meant (certificate_match.c) ---- */
/** Look for the owner's keys that members of the bundle are for. */
SG_CHECKED sg_status sg_add_match_keys(struct sg_run *run, struct sg_add *plan,
                                       struct sg_error *err);
/** Decide on the leaf. SG_E_INPUT "ambiguous_bundle". */
SG_CHECKED sg_status sg_add_find_leaf(struct sg_add *plan, struct sg_error *err);
/** A label was named: what stands there decides. SG_E_CONFLICT "wrong_key", "label_in_use". */
SG_CHECKED sg_status sg_add_check_label(struct sg_run *run, struct sg_add *plan,
                                        struct sg_error *err);
/** SG_E_CONFLICT "certificate_exists": this very certificate is here already;
 * "serial_number_taken": another one has its issuer and serial number; or SG_E_INPUT
 * "bad_signature": that is so because this one was altered. With --force the place of one that has
 * no private key is taken by one that brings it. */
SG_CHECKED sg_status sg_add_check_duplicate(struct sg_run *run, struct sg_add *plan,
                                            struct sg_error *err);
/** Read what is replaced, if anything is. SG_E_CONFLICT "wrong_label". */
SG_CHECKED sg_status sg_add_load_replaced(struct sg_run *run, struct sg_add *plan,
                                          struct sg_error *err);
/** The name of a certificate that was found elsewhere; empty: none, or none to be told of. */
struct sg_elsewhere {
    char name[SG_OWNER_MAX + SG_LABEL_BYTES + 2];
};
/** The stored certificate that has a member's issuer and serial number. */
struct sg_twin {
    struct sg_elsewhere at; /**< empty: there is none */
    bool differs;           /**< it is another certificate all the same */
    bool may_be_told;       /**< the caller may know whose it is */
};
SG_CHECKED sg_status sg_add_find_twin(struct sg_run *run, const struct sg_certificate_facts *facts,
                                      struct sg_twin *out, struct sg_error *err);
/** A sink: keeps the first name in its context, a struct sg_elsewhere. */
SG_CHECKED sg_status sg_add_take_elsewhere(void *context, const struct sg_certificate_row *row,
                                           struct sg_error *err);
/** Where the key of the leaf is, for the message; only what the caller may know. */
SG_CHECKED sg_status sg_add_find_elsewhere(struct sg_run *run, const struct sg_add *plan,
                                           struct sg_elsewhere *out, struct sg_error *err);

/* ---- with a private key (certificate_add_key.c) ---- */
/** Read --private_key, if there is one. SG_E_INPUT "sealed_key_damaged". */
SG_CHECKED sg_status sg_add_read_key(struct sg_run *run, struct sg_add *plan, struct sg_error *err);
/** The leaf is the key's certificate. SG_E_INPUT "key_without_certificate", "unsupported_key". */
SG_CHECKED sg_status sg_add_find_key_leaf(struct sg_run *run, struct sg_add *plan,
                                          struct sg_error *err);
/** After the label was checked: may the key be taken, and into which token? .brings_key is false
 * afterwards when the owner has it already. SG_E_CONFLICT "key_exists", "key_not_here";
 * sg_new_choose_token's and the policy's codes. */
SG_CHECKED sg_status sg_add_plan_key(struct sg_run *run, struct sg_add *plan, struct sg_error *err);
/** Store the row of a certificate that brought its key, in .keyless_name's place when there is one
 * (certificate_take_place.c). */
SG_CHECKED sg_status sg_add_store_row(struct sg_run *run, const struct sg_add *plan,
                                      struct sg_certificate_row *row, struct sg_error *err);
/** Does it stand here, the owner's and without its private key, and may that one go? Then its name
 * is noted and its label kept. SG_E_CONFLICT "key_not_here" without --force. */
SG_CHECKED sg_status sg_add_take_place(struct sg_run *run, struct sg_add *plan,
                                       const struct sg_certificate_name *name, bool *taken,
                                       struct sg_error *err);
/** Take the key into the token and store the leaf, a new certificate. Journals: before it nothing
 * of the store may be changed. *row: fresh, filled here. */
SG_CHECKED sg_status sg_add_with_key(struct sg_run *run, struct sg_add *plan,
                                     struct sg_certificate_row *row, struct sg_error *err);

/* ---- may it be trusted (certificate_trust.c) ---- */
/** --notrust was given. */
bool sg_add_asked_notrust(struct sg_run *run);
/** Build and verify the chain and set the status; refuses what does not verify, unless NOTRUST was
 * asked for. */
SG_CHECKED sg_status sg_add_decide_trust(struct sg_run *run, struct sg_add *plan,
                                         struct sg_error *err);
SG_CHECKED sg_status sg_add_warn_no_ca(struct sg_run *run, const struct sg_add *plan,
                                       struct sg_error *err);

/* ---- its issuers (certificate_issuers.c) ---- */
/** A free label under an owner, from the certificate's name. SG_E_LIMIT "no_free_label". */
SG_CHECKED sg_status sg_add_free_label(struct sg_run *run, struct sg_add *plan, const char *owner,
                                       const struct sg_certificate_facts *facts,
                                       struct sg_label *out, struct sg_error *err);
/** Store a certificate without a key. The row has a name and a status; the rest is filled in. */
SG_CHECKED sg_status sg_add_row(struct sg_run *run, const struct sg_certificate *certificate,
                                struct sg_certificate_row *row, struct sg_error *err);
/** Store a CA certificate under CERTAUTH unless it is here. */
SG_CHECKED sg_status sg_add_issuer(struct sg_run *run, struct sg_add *plan,
                                   const struct sg_certificate *certificate, enum sg_trust trust,
                                   struct sg_error *err);
/** Store the leaf's issuers, root first. */
SG_CHECKED sg_status sg_add_issuers(struct sg_run *run, struct sg_add *plan, struct sg_error *err);
SG_CHECKED sg_status sg_add_warn_left_out(struct sg_run *run, const struct sg_add *plan,
                                          struct sg_error *err);

#endif
