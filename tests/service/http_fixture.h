/* A real server in this process, its loop pumped by hand, and clients that write raw bytes. */
#ifndef SIGNET_TESTS_HTTP_FIXTURE_H
#define SIGNET_TESTS_HTTP_FIXTURE_H

#include <sys/types.h>

#include <event2/event.h>
#include <jansson.h>
#include <signet/http/server.h>

#define FIXTURE_DEADLINE_S 2
#define FIXTURE_CONNECTIONS 8
#define FIXTURE_WATCHES 6
#define FIXTURE_BODY 100000
#define FIXTURE_HEADER 2000
#define FIXTURE_HOLD_MS 300           /* how long the handler of owner HELD turns the loop */
#define FIXTURE_BIG ((size_t)3 << 20) /* bytes of the answer to "ring list" of owner BIG */

struct fixture {
    char directory[64], path[80];
    int listener;
    struct event_base *base;
    struct sg_http_server *server;
    /* when the loop last turned, and the longest that it did not since fixture_watch(): a server
     * that does not run cuts nobody */
    int64_t turned_ms, longest_gap_ms;
    /* what the handler saw last */
    unsigned calls;
    unsigned gone_count; /* connections that have ended, and the last of them */
    uint64_t gone;
    struct sg_http_peer peer;
    enum sg_operation_id operation;
    bool dry_run;
    json_t *params;
    bool changed;       /* what "ring wait" finds */
    unsigned meanwhile; /* so many readers the handler of owner HELD lets be answered at most */
    char trace[32];     /* handlers: H h "ring list" of owner HELD begins and ends, S status, W ring
                           wait, . others */
};

struct reply {
    int code; /* 0: the connection was closed without an answer; -1: nothing came in time */
    char head[2048];
    char *body;
    size_t body_len;
    bool closed;
};

int fixture_setup(void **state);
/** The same, and a user may have three connections. */
int fixture_setup_three(void **state);
int fixture_teardown(void **state);
void fixture_stop_server(struct fixture *fixture);

int client_open(struct fixture *fixture);
/* Send while the server runs; false when the server closed the connection meanwhile. */
bool client_send(struct fixture *fixture, int fd, const char *data, size_t len);
bool client_say(struct fixture *fixture, int fd, const char *text);
/* Read one answer, pumping the server, for at most wait_ms, which is an upper bound on time from a
 * second on: see patience.h. */
struct reply client_reply(struct fixture *fixture, int fd, int wait_ms);
/* All of it on a connection of its own. */
struct reply ask(struct fixture *fixture, const char *request);
struct reply post(struct fixture *fixture, const char *target, const char *body);
void reply_done(struct reply *reply);

/* Begin to measure for how long this process, and the server in it, was kept from running. */
void fixture_watch(struct fixture *fixture);
/* One turn of the server's loop. */
void fixture_turn(struct fixture *fixture);
void pump(struct fixture *fixture, int for_ms);
int64_t now_ms(void);
/* The error's code in an answer; "" when there is none. Valid until the next call. */
const char *error_code(const struct reply *reply);
/* The descriptors that this process has open. */
unsigned open_descriptors(void);

#endif
