#include "confine_internal.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc has no wrapper for these two, and libcap would be a library for two calls. */
static int set_capabilities(const struct __user_cap_data_struct data[2])
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    return (int)syscall(SYS_capset, &head, data);
}

static int get_capabilities(struct __user_cap_data_struct data[2])
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    return (int)syscall(SYS_capget, &head, data);
}

/* Needs CAP_SETPCAP; without it there is nothing that could come back either. */
static void empty_bounding_set(void)
{
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (unsigned long capability = 0; capability < 64; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno == EINVAL) {
            break;
        }
    }
    (void)prctl(PR_SET_SECUREBITS,
                SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                    SECBIT_NO_SETUID_FIXUP_LOCKED,
                0, 0, 0);
}

/* Without CAP_DAC_OVERRIDE a token.object of mode 0400 is not writable for root either: what the
 * SoftHSM guard rests on. */
static sg_status drop_capabilities(struct sg_error *err)
{
    struct __user_cap_data_struct data[2] = {{0}};
    empty_bounding_set();
    if (set_capabilities(data) != 0 || get_capabilities(data) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "cannot_confine", "cannot drop capabilities");
    }
    for (int i = 0; i < 2; i++) {
        if ((data[i].effective | data[i].permitted | data[i].inheritable) != 0) {
            return sg_fail(err, SG_E_INTERNAL, "cannot_confine", "a capability is left");
        }
    }
    return SG_OK;
}

/* Every client is a descriptor, and SoftHSM opens two files for each signature. */
static void raise_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

sg_status sg_token_confine(struct sg_error *err)
{
    static const struct rlimit none = {0, 0};
    raise_open_files();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0) {
        return sg_fail_errno(err, SG_E_INTERNAL, "cannot_confine", "cannot confine the process");
    }
    return drop_capabilities(err);
}
