/* A real master with roles that only idle, crash or misbehave, and tell what they are through
 * shared memory. */
#ifndef SIGNET_TESTS_MASTER_FIXTURE_H
#define SIGNET_TESTS_MASTER_FIXTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <signet/daemon/config.h>
#include <signet/daemon/link.h>
#include <signet/daemon/master.h>

#define FIXTURE_PROCESSES 3 /* of the one token: one for operations, two for rings */

/* What a process finds out about itself. */
struct facts {
    uid_t uid, gid;
    int groups;
    uint64_t cap_effective, cap_permitted, cap_bounding, cap_inheritable;
    int no_new_privs, dumpable, death_signal, policy, core_limited, umask;
    int descriptors;   /* open ones, standard ones included */
    int notify_socket; /* is NOTIFY_SOCKET in its environment */
    int blocked_signals, pipe_ignored;
    char name[32];
    char arguments[200]; /* of its settings */
};

struct shared {
    /* what the processes say */
    _Atomic int control_starts, rings_starts, token_starts[FIXTURE_PROCESSES];
    _Atomic pid_t control_pid, rings_pid, token_pid[FIXTURE_PROCESSES], orphan_pid;
    _Atomic int control_rings_links, rings_links; /* links received by this start of each */
    _Atomic int token_links[FIXTURE_PROCESSES];
    _Atomic pid_t token_link_pid[FIXTURE_PROCESSES];
    _Atomic int rings_echoes,
        token_echoes[FIXTURE_PROCESSES]; /* answers control got over its links */
    _Atomic int page_is_writable, rings_page_is_writable;
    _Atomic unsigned page_seen_by_rings;
    struct facts control, rings, token;
    /* what the processes shall do */
    _Atomic bool control_fails, rings_fails, token_fails, stubborn, with_orphan, junk, no_ready,
        close_channel;
    _Atomic pid_t
        replace_pid; /* control asks once for this number at token process 1, then sets it to 0 */
};

struct fixture {
    char directory[64], log_path[96], notify_path[96];
    struct sg_config config;
    struct shared *shared;
    pid_t master;
    int notify;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Start a master; fixture_wait_ready waits for its READY=1 and for every link. */
void fixture_start(struct fixture *fixture);
void fixture_wait_ready(struct fixture *fixture);
/* Wait for the master's end. Its exit status: 0 done, otherwise 100 + sg_status; -1 when it did not
 * end in time. */
int fixture_end(struct fixture *fixture, int wait_ms);
/* SIGTERM, and that everything ends and leaves nothing. */
void fixture_stop(struct fixture *fixture);
bool fixture_log_has(const struct fixture *fixture, const char *text);
/* Is there a message on the notification socket that contains the text? */
bool fixture_notified(const struct fixture *fixture, const char *text, int wait_ms);

bool is_gone(pid_t pid);
int64_t now_ms(void);
void sleep_ms(int ms);
#define WAIT_MS 20000 /* as everything that is waited for here: see patience.h */
#define wait_until(condition)                                                                      \
    do {                                                                                           \
        int64_t end_ = now_ms() + patiently(WAIT_MS);                                              \
        while (!(condition) && now_ms() < end_) {                                                  \
            sleep_ms(5);                                                                           \
        }                                                                                          \
        assert_true(condition);                                                                    \
    } while (0)

#endif
