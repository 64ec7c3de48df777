/* How many clients keep a token process at work, and how the kernel schedules it for that. */
#ifndef SIGNET_TOKEN_CROWD_INTERNAL_H
#define SIGNET_TOKEN_CROWD_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <signet/base/schedule.h>

#define COMPANY 2          /* clients: those who wait for us work in batches */
#define CROWD 3            /* so do we */
#define CROWD_MS 2         /* with so many idle milliseconds between them */
#define CROWD_SPAN 8       /* requests, in which so many different ones come */
#define CROWD_LEVELS 64    /* requests */
#define CROWD_PAUSE_MS 100 /* without any request: whoever comes then is no crowd */

/* How sure it is that so many want something of us at the same time. */
struct crowd_scale {
    unsigned level; /* up to CROWD_LEVELS: one more for each request among so many, else one less */
    bool reached;   /* the end of the scale that was met last is the upper one */
};

/* Whether several, or many, want something of us at the same time. */
struct crowd {
    struct {
        uint64_t holder;  /* number of a capability; 0: none yet */
        uint64_t request; /* the last one that was served for it: what .requests was */
        int64_t idle_ms;  /* and .idle_ms */
    } recent[CROWD];      /* different ones, the youngest first */
    uint64_t requests;    /* in all */
    int64_t idle_ms;      /* spent between them, in all: however long one takes, those that wait
                             meanwhile are a crowd */
    int64_t ended_ms;     /* when the last one was done, monotonic; 0: none was */
    struct crowd_scale company, many;
    struct sg_processors processors;
};

/* Begin with no crowd. processor: which of the processors is ours while there is none, counted from
 * 1; 0 for any. Concerns the calling thread and those it makes. */
void sg_token_crowd_start(struct crowd *crowd, unsigned processor);

/* Somebody may have asked for something, or nobody did for a while; before _note. */
void sg_token_crowd_look(struct crowd *crowd, int64_t now_ms);
/* The holder of this capability (not 0) has asked for something. */
void sg_token_crowd_note(struct crowd *crowd, uint64_t holder);
/* It has been done. */
void sg_token_crowd_done(struct crowd *crowd);

#endif
