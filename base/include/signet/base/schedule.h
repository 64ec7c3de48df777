/* How the kernel schedules this process beside others. */
#ifndef SIGNET_BASE_SCHEDULE_H
#define SIGNET_BASE_SCHEDULE_H

#include <sched.h>
#include <stdbool.h>

/** Work in batches (SCHED_BATCH: whoever is woken interrupts nobody, so more gets done when many
 * wait for us) or as everybody does (SCHED_OTHER: who is woken works at once, also on a busy
 * machine). One system call; where it is refused everything stays as it is. sched(7). */
void sg_schedule_batch(bool batch);

/** The processors that a thread may use, and one of them to keep to. */
struct sg_processors {
    cpu_set_t allowed;
    cpu_set_t own;
    bool known; /**< false: keep and leave do nothing, nothing is visited */
};

/** How many processors the calling thread may use (cpusets, taskset(1)): 1 and more. */
unsigned sg_processors_count(void);

/** What the calling thread may use now (cpusets, taskset(1)), and of those the number-th, counted
 * from 1 and round again when there are fewer. Unknown with number 0, and where the kernel does not
 * tell. */
void sg_processors_read(struct sg_processors *out, unsigned number);

/** Keep the calling thread to its own processor, or let it use every one that was allowed. One
 * system call; where it is refused everything stays as it is. */
void sg_processors_keep(const struct sg_processors *processors);
void sg_processors_leave(const struct sg_processors *processors);

/** Move the calling thread to a processor, counted from 0, of those that were allowed, and let it
 * use every one of those again: the kernel may move it on. Two system calls. False: it is none of
 * them, or the kernel refused. */
bool sg_processors_visit(const struct sg_processors *processors, unsigned processor);

#endif
