/* Whom a child becomes, and what it gives up for good. */
#ifndef SIGNET_DAEMON_IDENTITY_INTERNAL_H
#define SIGNET_DAEMON_IDENTITY_INTERNAL_H

#include <sys/types.h>

#include <signet/base/error.h>

#define SG_IDENTITY_GROUPS_MAX 64

/** Looked up before any fork, so that no child needs the system's databases for it. */
struct sg_identity {
    bool change; /**< false: stay as started */
    uid_t uid;
    gid_t gid;
    gid_t groups[SG_IDENTITY_GROUPS_MAX];
    int group_count;
};

/** Look a user up. name "" stays as started, and so does everybody who is not root. setting names
 * the setting in messages. */
SG_CHECKED sg_status sg_identity_find(const char *setting, const char *name,
                                      struct sg_identity *out, struct sg_error *err);
/** Become that user for good, verified, and give up every capability and the way to new ones. */
SG_CHECKED sg_status sg_identity_assume(const struct sg_identity *identity, struct sg_error *err);

#endif
