/* Who goes first when the machine has no memory left: proc(5), oom_score_adj. */
#ifndef SIGNET_RINGS_OOM_INTERNAL_H
#define SIGNET_RINGS_OOM_INTERNAL_H

#define SG_OOM_UNKNOWN (-1001) /**< no score: the least is -1000 */

/** The calling process's own score, -1000 to 1000, as it has inherited it. SG_OOM_UNKNOWN when it
 * can be neither read nor changed: the log says so. */
int sg_oom_score(void);
/** Let the calling process go before every one with this score: its own becomes 500 more, 1000 at
 * most. Never less than it was. Nothing for SG_OOM_UNKNOWN. */
void sg_oom_go_first(int score);

#endif
