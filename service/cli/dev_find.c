#include "dev_internal.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_program(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

static bool join(const char *dir, size_t dir_len, const char *name, char *out, size_t size)
{
    int made = snprintf(out, size, "%.*s/%s", (int)dir_len, dir, name);
    return made > 0 && (size_t)made < size;
}

/* Installed: P/bin/signet and P/sbin/signetd; built: service/cli/signet and service/daemon/signetd.
 */
static bool beside_us(char *out, size_t size)
{
    static const char *const places[] = {"../sbin/signetd", "signetd", "../daemon/signetd"};
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0) {
        return false;
    }
    self[len] = '\0';
    const char *dir = dirname(self);
    for (size_t i = 0; i < SG_COUNT(places); i++) {
        if (join(dir, strlen(dir), places[i], out, size) && is_program(out)) {
            return true;
        }
    }
    return false;
}

static bool in_path(char *out, size_t size)
{
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        size_t len = strcspn(path, ":");
        if (len > 0 && path[0] == '/' && join(path, len, "signetd", out, size) && is_program(out)) {
            return true;
        }
        path += len + (path[len] == ':' ? 1 : 0);
    }
    return snprintf(out, size, "/usr/sbin/signetd") > 0 && is_program(out);
}

sg_status sg_dev_find_signetd(char *out, size_t size, struct sg_error *err)
{
    if (beside_us(out, size) || in_path(out, size)) {
        return SG_OK;
    }
    sg_fail(err, SG_E_SERVICE, "signetd_missing",
            "signetd was found neither beside signet nor in PATH");
    return sg_hint(err, "Install the whole of Signet: cmake --install build/release --prefix P.");
}

sg_status sg_dev_find_softhsm(char *out, size_t size, struct sg_error *err)
{
    static const char *const places[] = {
        "/usr/lib/softhsm/libsofthsm2.so",
        /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one path */
        "/usr/lib/" SIGNET_MULTIARCH "/softhsm/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/usr/lib/pkcs11/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
    };
    for (size_t i = 0; i < SG_COUNT(places); i++) {
        if (access(places[i], R_OK) == 0) {
            int made = snprintf(out, size, "%s", places[i]);
            return made > 0 && (size_t)made < size ? SG_OK : sg_fail_memory(err);
        }
    }
    sg_fail(err, SG_E_UNSUPPORTED, "softhsm_missing",
            "SoftHSM's module libsofthsm2.so was not found");
    return sg_hint(err, "apt install softhsm2");
}
