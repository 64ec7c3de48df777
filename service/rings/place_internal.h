/* On which processor a connection process works: its client's. The two hardly ever work at the same
 * time, for each waits for the other, and to wake somebody on another processor is dear
 * (docs/decisions/0023-connections-follow-their-clients.md). */
#ifndef SIGNET_RINGS_PLACE_INTERNAL_H
#define SIGNET_RINGS_PLACE_INTERNAL_H

#include <stdbool.h>

#include <signet/base/schedule.h>

#define SG_PLACE_USES_MIN 32u   /* uses of keys between two looks at where the client is */
#define SG_PLACE_USES_MAX 2048u /* when following it has been in vain, or cannot be done */

/** Where the client is found. */
struct sg_place {
    int stat;                        /**< its /proc/PID/stat; -1: nobody is followed */
    unsigned every;                  /**< uses between two looks */
    unsigned left;                   /**< uses until the next one */
    struct sg_processors processors; /**< that this process may use, as they were at the start */
};

/** Find the process that has connected to a socket, which stays the caller's. Where it cannot be
 * found (gone, in another PID namespace, /proc mounted with hidepid) it is not followed. Before the
 * sandbox is entered, and once: an open place is closed first. sg_place_close ends it. */
void sg_place_open(struct sg_place *place, int client);
void sg_place_close(struct sg_place *place);

/** After each use of a key: now and then, move the calling process to the processor that the client
 * has worked on last. The kernel may move it on. To look takes one system call, to move two more;
 * most uses take none. */
void sg_place_follow(struct sg_place *place);

/** The processor of a process of one thread, from its /proc/PID/stat (proc(5), numbers 20 and 39).
 * False: it has several threads, which may be anywhere, or this is no such text; *out says nothing
 * then. */
bool sg_place_read(const char *stat, unsigned *out);

#endif
