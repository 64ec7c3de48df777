/* How the kernel schedules this process beside others. */
#ifndef SIGNET_BASE_SCHEDULE_H
#define SIGNET_BASE_SCHEDULE_H

#include <stdbool.h>

/** Work in batches (SCHED_BATCH: whoever is woken interrupts nobody, so more gets done when many
 * wait for us) or as everybody does (SCHED_OTHER: who is woken works at once, also on a busy
 * machine). One system call; where it is refused everything stays as it is. sched(7). */
void sg_schedule_batch(bool batch);

#endif
