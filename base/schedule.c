#include <signet/base/schedule.h>

#include <unistd.h>

void sg_schedule_batch(bool batch)
{
    const struct sched_param none = {.sched_priority = 0};
    (void)sched_setscheduler(0, batch ? SCHED_BATCH : SCHED_OTHER, &none);
}

/* The number-th of the set, counted from 0; the set has more than that. */
static unsigned nth(const cpu_set_t *set, unsigned number)
{
    unsigned processor = 0;
    while (!CPU_ISSET(processor, set) || number-- > 0) {
        processor++;
    }
    return processor;
}

unsigned sg_processors_count(void)
{
    cpu_set_t allowed;
    int count = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 0;
    long all = count > 0 ? count : sysconf(_SC_NPROCESSORS_ONLN); /* more than a cpu_set_t has */
    return all > 0 ? (unsigned)all : 1;
}

void sg_processors_read(struct sg_processors *out, unsigned number)
{
    CPU_ZERO(&out->allowed);
    CPU_ZERO(&out->own);
    out->known = number > 0 && sched_getaffinity(0, sizeof out->allowed, &out->allowed) == 0 &&
                 CPU_COUNT(&out->allowed) > 0;
    if (out->known) {
        CPU_SET(nth(&out->allowed, (number - 1) % (unsigned)CPU_COUNT(&out->allowed)), &out->own);
    }
}

void sg_processors_keep(const struct sg_processors *processors)
{
    if (processors->known) {
        (void)sched_setaffinity(0, sizeof processors->own, &processors->own);
    }
}

void sg_processors_leave(const struct sg_processors *processors)
{
    if (processors->known) {
        (void)sched_setaffinity(0, sizeof processors->allowed, &processors->allowed);
    }
}

bool sg_processors_visit(const struct sg_processors *processors, unsigned processor)
{
    if (!processors->known || processor >= CPU_SETSIZE ||
        !CPU_ISSET(processor, &processors->allowed)) {
        return false;
    }
    cpu_set_t there;
    CPU_ZERO(&there);
    CPU_SET(processor, &there);
    bool moved = sched_setaffinity(0, sizeof there, &there) == 0;
    sg_processors_leave(processors);
    return moved;
}
