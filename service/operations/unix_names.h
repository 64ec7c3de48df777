/* The system's users and groups. Asked where a person names them; may block as long as the system's
 * name service does, and is not asked for a while after it has (unix_groups.h). */
#ifndef SIGNET_OPERATIONS_UNIX_NAMES_H
#define SIGNET_OPERATIONS_UNIX_NAMES_H

#include <sys/types.h>

#include <signet/base/error.h>

#define SG_UNIX_NAME 64 /* bytes of a name that is shown, with its end */

/** *found tells; SG_E_SERVICE "name_service", "name_service_slow" when it cannot be known now. */
SG_CHECKED sg_status sg_unix_user_find(const char *name, uid_t *uid, bool *found,
                                       struct sg_error *err);
SG_CHECKED sg_status sg_unix_group_find(const char *name, gid_t *gid, bool *found,
                                        struct sg_error *err);
/** The name of a user or group, empty when it has none, or it cannot be known now. */
void sg_unix_user_name(uid_t uid, char out[SG_UNIX_NAME]);
void sg_unix_group_name(gid_t gid, char out[SG_UNIX_NAME]);
/** A user's primary group; false when the user is not known, or cannot be now. */
bool sg_unix_primary_group(uid_t uid, gid_t *out);

#endif
