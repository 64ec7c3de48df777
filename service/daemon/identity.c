#include "identity_internal.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PASSWD_BUFFER 65536

static sg_status find_groups(const char *name, struct sg_identity *identity, struct sg_error *err)
{
    identity->group_count = SG_IDENTITY_GROUPS_MAX;
    if (getgrouplist(name, identity->gid, identity->groups, &identity->group_count) < 0) {
        return sg_fail(err, SG_E_INPUT, "bad_configuration",
                       "user \"%.32s\" is in more than %d groups", name, SG_IDENTITY_GROUPS_MAX);
    }
    return SG_OK;
}

static sg_status no_such_user(const char *setting, const char *name, struct sg_error *err)
{
    sg_fail(err, SG_E_INPUT, "bad_configuration",
            "the user \"%.32s\" of the setting %s does not exist", name, setting);
    return sg_hint(err, "Create it (adduser --system --group %.32s) or set %s = -", name, setting);
}

sg_status sg_identity_find(const char *setting, const char *name, struct sg_identity *out,
                           struct sg_error *err)
{
    struct sg_identity identity = {.change = false};
    if (geteuid() != 0 || name[0] == '\0') {
        *out = identity;
        return SG_OK;
    }
    SG_FREE char *buffer = malloc(PASSWD_BUFFER);
    if (buffer == NULL) {
        return sg_fail_memory(err);
    }
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwnam_r(name, &entry, buffer, PASSWD_BUFFER, &found) != 0 || found == NULL) {
        return no_such_user(setting, name, err);
    }
    identity.change = true;
    identity.uid = entry.pw_uid;
    identity.gid = entry.pw_gid;
    sg_status s = find_groups(name, &identity, err);
    if (s == SG_OK) {
        *out = identity;
    }
    return s;
}

static sg_status change_user(const struct sg_identity *identity, struct sg_error *err)
{
    if (setgroups((size_t)identity->group_count, identity->groups) != 0 ||
        setresgid(identity->gid, identity->gid, identity->gid) != 0 ||
        setresuid(identity->uid, identity->uid, identity->uid) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "cannot_change_user",
                             "cannot become user number %u", (unsigned)identity->uid);
    }
    uid_t ruid = 0;
    uid_t euid = 0;
    uid_t suid = 0;
    gid_t rgid = 0;
    gid_t egid = 0;
    gid_t sgid = 0;
    if (getresuid(&ruid, &euid, &suid) != 0 || getresgid(&rgid, &egid, &sgid) != 0 ||
        ruid != identity->uid || euid != identity->uid || suid != identity->uid ||
        rgid != identity->gid || egid != identity->gid || sgid != identity->gid ||
        (identity->uid != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) == 0)) {
        return sg_fail(err, SG_E_INTERNAL, "cannot_change_user",
                       "became user number %u only in part", (unsigned)identity->uid);
    }
    return SG_OK;
}

/* The bounding set needs CAP_SETPCAP: it goes while we are still root, when we are. */
static void empty_bounding_set(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
         capability++) {
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
}

/* Root without capabilities: the owner of its files and nothing more. Above all no
 * CAP_DAC_OVERRIDE, which would open a software token's write-protected object for writing again.
 */
static sg_status drop_capabilities(struct sg_error *err)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &head, none) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "cannot_drop_capabilities",
                             "cannot give up capabilities");
    }
    struct __user_cap_data_struct held[2] = {{0}};
    if (syscall(SYS_capget, &head, held) != 0 || memcmp(held, none, sizeof held) != 0) {
        return sg_fail(err, SG_E_INTERNAL, "cannot_drop_capabilities",
                       "capabilities are left after giving them up");
    }
    return SG_OK;
}

sg_status sg_identity_assume(const struct sg_identity *identity, struct sg_error *err)
{
    empty_bounding_set();
    if (identity->change) {
        sg_status s = change_user(identity, err);
        if (s != SG_OK) {
            return s;
        }
    }
    sg_status s = drop_capabilities(err);
    if (s == SG_OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        s = sg_fail_errno(err, SG_E_INTERNAL, "cannot_restrict", "cannot refuse new privileges");
    }
    return s;
}
