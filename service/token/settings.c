#include "settings_internal.h"

#include <stdlib.h>
#include <string.h>

/* Splits the text itself: putenv would keep the settings' own memory. */
static bool set_one(const char *entry)
{
    const char *equals = strchr(entry, '=');
    if (equals == NULL || equals == entry) {
        return false;
    }
    SG_FREE char *name = strndup(entry, (size_t)(equals - entry));
    return name != NULL && setenv(name, equals + 1, 1) == 0;
}

sg_status sg_token_set_environment(const char *const *environment, struct sg_error *err)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        if (!set_one(*environment)) {
            return sg_fail(err, SG_E_INPUT, "bad_environment",
                           "an entry of the token's environment is not NAME=value");
        }
    }
    return SG_OK;
}
