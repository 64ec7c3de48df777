#include "place_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <signet/base/file.h>

/* Of the numbers in /proc/PID/stat, as proc(5) counts them. The second is the program's name, in
 * parentheses, and may have blanks and parentheses of its own. */
enum { NUMBER_NAME = 2, NUMBER_THREADS = 20, NUMBER_PROCESSOR = 39, STAT_MAX = 1024 };

static bool number_at(const char *name_end, int number, unsigned *out)
{
    const char *at = name_end;
    for (int i = NUMBER_NAME; i < number && at != NULL; i++) {
        at = strchr(at, ' ');
        at = at != NULL ? at + 1 : NULL;
    }
    char *end = NULL;
    errno = 0;
    unsigned long value = at != NULL && *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : 0;
    *out = (unsigned)value;
    return end != NULL && *end == ' ' && errno == 0 && value <= UINT_MAX;
}

bool sg_place_read(const char *stat, unsigned *out)
{
    const char *name_end = strrchr(stat, ')');
    unsigned threads = 0;
    return name_end != NULL && number_at(name_end, NUMBER_THREADS, &threads) && threads == 1 &&
           number_at(name_end, NUMBER_PROCESSOR, out);
}

void sg_place_open(struct sg_place *place, int client)
{
    struct ucred who = {.pid = 0};
    socklen_t len = sizeof who;
    char path[32];
    *place = (struct sg_place){.stat = -1, .every = SG_PLACE_USES_MIN, .left = SG_PLACE_USES_MIN};
    sg_processors_read(&place->processors, 1);
    if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.pid > 0) {
        (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)who.pid);
        place->stat = open(path, O_RDONLY | O_CLOEXEC);
    }
}

void sg_place_close(struct sg_place *place)
{
    sg_fd_closep(&place->stat);
    place->stat = -1;
}

static bool where_is_client(const struct sg_place *place, unsigned *out)
{
    char stat[STAT_MAX];
    ssize_t len = pread(place->stat, stat, sizeof stat - 1, 0);
    stat[len > 0 ? len : 0] = '\0';
    return sg_place_read(stat, out);
}

void sg_place_follow(struct sg_place *place)
{
    if (place->stat < 0 || --place->left > 0) {
        return;
    }
    unsigned processor = 0;
    bool found = where_is_client(place, &processor);
    bool together = found && sched_getcpu() == (int)processor;
    if (found && !together) {
        (void)sg_processors_visit(&place->processors, processor);
    }
    unsigned next = place->every < SG_PLACE_USES_MAX ? place->every * 2 : SG_PLACE_USES_MAX;
    place->every = together ? SG_PLACE_USES_MIN : next;
    place->left = place->every;
}
