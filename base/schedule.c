#include <signet/base/schedule.h>

#include <sched.h>

void sg_schedule_batch(bool batch)
{
    const struct sched_param none = {.sched_priority = 0};
    (void)sched_setscheduler(0, batch ? SCHED_BATCH : SCHED_OTHER, &none);
}
