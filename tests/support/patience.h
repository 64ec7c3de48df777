/* Upper bounds on time. */
#ifndef SIGNET_SUPPORT_PATIENCE_H
#define SIGNET_SUPPORT_PATIENCE_H

/** What takes at most so long (ms, s, turns) on a machine that does nothing else, without
 * sanitizers, takes so long here: SIGNET_PATIENCE (tests/CMakeLists.txt) times as long, 1 when it
 * is not set. Every upper bound on time goes through this. */
int patiently(int limit);

#endif
