#include "run_internal.h"

#include <fcntl.h>
#include <unistd.h>

#include <signet/base/file.h>

int64_t sg_overflow_uid(void)
{
    SG_FD int fd = open("/proc/sys/kernel/overflowuid", O_RDONLY | O_CLOEXEC);
    char text[16] = {0};
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) {
        return 65534; /* the kernel's default */
    }
    return strtoll(text, NULL, 10);
}
