/* ring check: what its parts share. */
#ifndef SIGNET_OPERATIONS_RING_CHECK_INTERNAL_H
#define SIGNET_OPERATIONS_RING_CHECK_INTERNAL_H

#include "run_internal.h"

#define SG_RING_CHECK_MAX 10000 /**< members of a ring that is checked */

struct sg_ring_member {
    struct sg_certificate_name name;
    enum sg_usage usage;
    enum sg_trust trust;
    enum sg_x509_form form;
    enum sg_obstacle obstacle;         /**< that keeps a server from using it */
    char token[SG_TOKEN_NAME_MAX + 1]; /**< of its key; empty: none */
    bool is_default, has_key, placeholder;
    bool needed; /**< the server identity, or one of its issuers: what is wrong with it is an error
                  */
    struct sg_certificate *certificate; /**< owned */
    const struct sg_certificate_facts *facts;
};

enum sg_severity { SG_SEVERITY_ERROR, SG_SEVERITY_WARNING, SG_SEVERITY_NOTE };
#define SG_SEVERITY_COUNT 3

/** A ring under examination. */
struct sg_ring_check {
    struct sg_run *run;
    struct sg_ring_row ring;
    struct sg_ring_member *members;
    size_t count;
    struct sg_ring_member *identity; /**< what a server uses: the default, or the first that can be
                                        used; NULL: there is none */
    struct sg_chain chain;           /**< of the identity, of what the ring shows; count 0: none */
    int64_t now_s, days, minimum_rsa;
    const char *host; /**< NULL: not asked for */
    bool mq;
    json_t *items;
    unsigned found[SG_SEVERITY_COUNT];
};

/** A command to type next. */
struct sg_next {
    char text[1000];
};
struct sg_next sg_next(const char *format, ...) SG_PRINTF(1, 2);
/** The ring, and a member's name, as words of a command. */
struct sg_shell_word sg_ring_word(const struct sg_ring_check *check);
struct sg_shell_word sg_member_word(const struct sg_ring_member *member);

/** Add a finding. member NULL: about the ring itself. next: NULL when there is nothing to type. */
SG_CHECKED sg_status sg_ring_found(struct sg_ring_check *check, enum sg_severity severity,
                                   const char *code, const struct sg_ring_member *member,
                                   const struct sg_next *next, struct sg_error *err,
                                   const char *format, ...) SG_PRINTF(7, 8);

/** Is this member one that programs are shown? */
static inline bool sg_member_visible(const struct sg_ring_member *member)
{
    return member->trust != SG_NOTRUST && member->form == SG_FORM_SOUND;
}

/* ---- about the ring and who serves from it (ring_check_identity.c) ---- */
/** Contents and default, the obstacles of PERSONAL members. */
SG_CHECKED sg_status sg_ring_check_default(struct sg_ring_check *check, struct sg_error *err);
SG_CHECKED sg_status sg_ring_check_keys(struct sg_ring_check *check, struct sg_error *err);
/** Do the tokens that hold the keys serve? */
SG_CHECKED sg_status sg_ring_check_tokens(struct sg_ring_check *check, struct sg_error *err);
/** Does the identity's chain end in a root that the ring holds? */
SG_CHECKED sg_status sg_ring_check_chain(struct sg_ring_check *check, struct sg_error *err);
/** Names, what it is for, who signed it. */
SG_CHECKED sg_status sg_ring_check_names(struct sg_ring_check *check, struct sg_error *err);

/* ---- about each member (ring_check_members.c) ---- */
SG_CHECKED sg_status sg_ring_check_members(struct sg_ring_check *check, struct sg_error *err);

#endif
