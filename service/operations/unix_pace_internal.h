/* Each look-up in the system's users and groups is timed. */
#ifndef SIGNET_OPERATIONS_UNIX_PACE_INTERNAL_H
#define SIGNET_OPERATIONS_UNIX_PACE_INTERNAL_H

#include <signet/operations/unix_groups.h>

struct sg_look_up {
    char asked[80];
    int64_t began_ms;
};
/** kind: "user" or "group". */
struct sg_look_up sg_look_up_begin(const char *kind, const char *name);
void sg_look_up_end(const struct sg_look_up *it);
/** SG_E_SERVICE "name_service_slow": sg_names_rest(). */
sg_status sg_names_resting(const char *kind, const char *name, struct sg_error *err);

#endif
