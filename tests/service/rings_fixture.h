/* A real rings process, with the test's own control and token processes around it. */
#ifndef SIGNET_TESTS_RINGS_FIXTURE_H
#define SIGNET_TESTS_RINGS_FIXTURE_H

#include <stdatomic.h>
#include <sys/types.h>

#include <signet/rings/link.h>
#include <signet/rings/process.h>

#include "rings_material.h"

/* Shared between the test and the processes that it forks: what they shall do, and what they have
 * seen. */
struct rings_knobs {
    _Atomic int view;        /* 1 or 2: which view control gives; 0: it refuses with view_status */
    _Atomic int view_status; /* sg_status */
    _Atomic int view_silent; /* control does not answer that many times */
    _Atomic int grant_failures; /* control answers that many grants with grant_status first */
    _Atomic int grant_status;
    _Atomic int grant_silent;
    _Atomic int deaths;       /* the token process dies at that many uses */
    _Atomic int token_silent; /* it does not answer that many times */
    _Atomic int denials;      /* it says that many times that the key is not granted */
    _Atomic int refusals;     /* it refuses that many times, with refusal_rv */
    _Atomic unsigned long refusal_rv;
    _Atomic int crowded;                    /* it says that several wait for it */
    _Atomic int views, grants, gones, uses; /* seen */
    _Atomic uint64_t connection;            /* of the last question */
    _Atomic uint32_t uid, gid, pid, token, ring;
    _Atomic uint64_t gone_connection;
    _Atomic int refused, refused_packets; /* clients not let in, and how often it was told */
    _Atomic uint32_t refused_uid, refused_why;
    _Atomic int token_pid; /* of the token process forked last */
};

struct rings_fixture {
    struct rings_material material;
    struct rings_knobs *knobs;
    struct sg_generation_page *page;
    char dir[64], socket[96];
    int listener, page_fd, master, views[2];
    pid_t rings, control;
    struct sg_rings_settings settings;
};

/* Everything but the processes. */
void rings_fixture_make(struct rings_fixture *fixture);
void rings_fixture_free(struct rings_fixture *fixture);
/* Start rings, with fixture->settings as they are, and a control. */
void rings_fixture_start(struct rings_fixture *fixture);
/* Close the master's socket and wait; the exit status of rings. */
int rings_fixture_stop(struct rings_fixture *fixture);
void rings_fixture_start_control(struct rings_fixture *fixture);
void rings_fixture_kill_control(struct rings_fixture *fixture);
void rings_fixture_reset(struct rings_fixture *fixture);
/* Wait until no connection process is left; at once where the kernel does not list children. */
void rings_wait_for_nobody(const struct rings_fixture *fixture);
/* The process that serves the client that came last: the youngest child of rings. 0 where the
 * kernel does not list children. */
pid_t rings_youngest(const struct rings_fixture *fixture);
/* Wait up to ten seconds for a count to reach a value; the count then. */
int rings_wait(const _Atomic int *knob, int value);
/* A plain connection to the ring socket. */
int rings_connect(const struct rings_fixture *fixture);

/* ---- the token's side (rings_token.c) ---- */
/* Answer requests on a capability's socket with the material's keys, until it closes. */
void rings_token_serve(int socket, const struct rings_material *material,
                       struct rings_knobs *knobs);

#endif
