#include "oom_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <signet/base/file.h>
#include <signet/base/log.h>

enum { MORE = 500, SCORE_MAX = 1000 };

/* What a process that is not dumpable has in /proc belongs to root. So it is dumpable for as long
 * as the file is being opened; at that time rings has no client, and a connection process no
 * descriptor of any but its own, of whom it has read nothing. */
static int open_own(void)
{
    bool hidden = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1;
    if (hidden) {
        (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    }
    int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    int reason = errno;
    if (hidden && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        _exit(1);
    }
    errno = reason;
    return fd;
}

int sg_oom_score(void)
{
    char text[16] = "";
    SG_FD int fd = open_own();
    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0) {
        sg_log(SG_LOG_WARNING,
               "event=oom_score_not_set reason=\"%s\": when memory runs out, the processes of "
               "clients are not the first to go",
               strerrordesc_np(errno));
        return SG_OOM_UNKNOWN;
    }
    return (int)strtol(text, NULL, 10);
}

void sg_oom_go_first(int score)
{
    char text[16];
    int wanted = score + MORE < SCORE_MAX ? score + MORE : SCORE_MAX;
    if (score == SG_OOM_UNKNOWN || wanted <= score) {
        return;
    }
    SG_FD int fd = open_own();
    int len = snprintf(text, sizeof text, "%d", wanted);
    if (fd >= 0) {
        (void)!write(fd, text, (size_t)len);
    }
}
