#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/base/log.h>

#include "softhsm_files_internal.h"
#include "softhsm_guard_internal.h"

#define GENERATION_LEN 8 /* bytes, big-endian, at the head of the file */

/* Add 1 to 65536: two processes that log in at once must not end at the same number. */
static void raise_generation(unsigned char *generation)
{
    uint16_t step = 0;
    if (getrandom(&step, sizeof step, 0) != sizeof step) {
        step = 0;
    }
    uint64_t value = 0;
    for (int i = 0; i < GENERATION_LEN; i++) {
        value = value << 8 | generation[i];
    }
    value += 1u + (uint64_t)step;
    for (int i = GENERATION_LEN; i-- > 0; value >>= 8) {
        generation[i] = (unsigned char)(value & 0xff);
    }
}

void sg_softhsm_login_prepare(const struct sg_token_settings *settings, struct softhsm_login *out)
{
    SOFTHSM_FILES files = {.directory = ""};
    struct sg_error err = SG_ERROR_INIT;
    char fresh[PATH_MAX];
    char name[64];
    out->fresh[0] = '\0';
    snprintf(name, sizeof name, SOFTHSM_FRESH ".%d", (int)getpid());
    if (sg_softhsm_files_find(settings, &files, &err) != SG_OK || !files.object.sound ||
        (files.object.mode & 07777) != 0400 || !sg_softhsm_path(fresh, files.directory, name)) {
        return; /* not guarded: SoftHSM writes as it always did, and needs no help */
    }
    raise_generation(files.object.bytes.data);
    if (sg_file_replace(fresh, files.object.bytes.data, files.object.bytes.len, 0400, &err) !=
        SG_OK) {
        sg_log_error(SG_LOG_WARNING, "token_not_refreshed", &err);
        return;
    }
    snprintf(out->object, sizeof out->object, "%s", files.object.path);
    snprintf(out->fresh, sizeof out->fresh, "%s", fresh);
}

/* Still at 0400: nobody changes the PIN meanwhile, for that begins with making the file writable.
 */
static bool still_guarded(const char *object)
{
    struct stat info;
    return stat(object, &info) == 0 && (info.st_mode & 07777) == 0400;
}

bool sg_softhsm_login_finish(struct softhsm_login *login)
{
    if (login->fresh[0] == '\0') {
        return false;
    }
    /* Not synced: both contents are good, whichever a power cut leaves. */
    if (!still_guarded(login->object) || rename(login->fresh, login->object) != 0) {
        (void)unlink(login->fresh);
    }
    return true;
}
