/* The groups of a Unix user, from the system's database. */
#ifndef SIGNET_OPERATIONS_UNIX_GROUPS_H
#define SIGNET_OPERATIONS_UNIX_GROUPS_H

#include <sys/types.h>

#include <signet/base/error.h>

/** The groups that the system's database gives the user, and gid, sorted: malloc'd. A user that it
 * does not know has gid alone; at most 1,025 are heeded. May block as long as the name service
 * does. SG_E_SERVICE "name_service". */
SG_CHECKED sg_status sg_unix_groups(uid_t uid, gid_t gid, gid_t **out, size_t *count,
                                    struct sg_error *err);

#endif
