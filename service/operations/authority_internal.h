/* What authority … and explain share. */
#ifndef SIGNET_OPERATIONS_AUTHORITY_INTERNAL_H
#define SIGNET_OPERATIONS_AUTHORITY_INTERNAL_H

#include "run_internal.h"

/** All that a name may mean; the first is the one that is meant. */
struct sg_subjects {
    struct sg_subject list[3];
    size_t count;
    struct sg_error untold; /**< why users or groups of that name are not among them; else SG_OK */
};
/** Read whom a permit is for: owner:NAME, user:NAME or UID, group:NAME or GID, "*"; id:NAME is what
 * there is of that name (racdcert's ID(NAME)): an owner, a system user, a system group, in this
 * order; once one is found, a name service that fails keeps nobody waiting (untold). SG_E_INPUT
 * "bad_subject"; SG_E_NOT_FOUND "owner_not_found", "unknown_unix_user", "unknown_unix_group",
 * "unknown_id". */
SG_CHECKED sg_status sg_subject_read(struct sg_service *service, const char *text,
                                     struct sg_subjects *out, struct sg_error *err);
/** A Unix user's name or number. */
SG_CHECKED sg_status sg_subject_read_user(const char *text, uid_t *out, struct sg_error *err);
/** What the system calls the subject; empty when it has no name there. */
void sg_subject_name(const struct sg_subject *subject, char *out, size_t size);

#endif
