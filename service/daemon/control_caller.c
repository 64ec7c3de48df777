/* Who a Unix user is to us: administrator by the configuration, owners by the store. */
#include "control_internal.h"

#include <stdlib.h>

void sg_caller_done(struct caller *caller)
{
    free(caller->names);
    free(caller->pointers);
}

static bool is_administrator(const struct sg_config *config, uid_t uid)
{
    for (size_t i = 0; i < config->administrator_count; i++) {
        if (config->administrators[i] == uid) {
            return true;
        }
    }
    return false;
}

sg_status sg_caller_load(struct control *control, uid_t uid, gid_t gid, struct caller *out,
                         struct sg_error *err)
{
    size_t count = 0;
    sg_status s = sg_store_owners_of_uid(control->store, uid, &out->names, &count, err);
    if (s != SG_OK) {
        return s;
    }
    out->pointers = calloc(count + 1, sizeof *out->pointers);
    if (out->pointers == NULL) {
        return sg_fail_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        out->pointers[i] = out->names[i].text;
    }
    out->caller = (struct sg_caller){.uid = uid,
                                     .gid = gid,
                                     .administrator = is_administrator(control->config, uid),
                                     .owners = out->pointers,
                                     .owner_count = count};
    return SG_OK;
}
