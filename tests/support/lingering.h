/* A descriptor whose last close waits, and a way to send it to somebody. */
#ifndef SIGNET_SUPPORT_LINGERING_H
#define SIGNET_SUPPORT_LINGERING_H

#include <stdbool.h>

#define LINGERING_S 30

/** A TCP socket whose last close(2) takes LINGERING_S seconds in whoever does it (SO_LINGER, bytes
 * that nobody reads). Both are the caller's, *peer to be closed last; false: none can be made. */
bool lingering_make(int *out, int *peer);
/** Send it with a text over a Unix socket, and close it here. False, errno: sendmsg(2)'s. */
bool lingering_send(int unix_socket, const char *text, int lingering);
/** The same with flags of sendmsg(2). */
bool lingering_send_as(int unix_socket, const char *text, int lingering, int flags);

#endif
