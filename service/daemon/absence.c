/* Control dies again and again, and its successor waits: whoever asks meanwhile learns why at once,
 * instead of running into a time-out of its own. What a client sent is not looked at. */
#include "children_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <signet/base/clock.h>
#include <signet/base/stranger.h>

#define WORTH_WAITING_MS 2000 /* whoever comes within this is the successor's, and sees a delay */
#define ANSWERS_MAX 64        /* at a time: the master has others to look after */
#define BODY_SIZE ((size_t)1024)
#define ANSWER_SIZE ((size_t)2048)

static int64_t left_ms(const struct sg_master *master)
{
    return sg_master_control(master)->due_ms - sg_monotonic_ms(sg_clock_system());
}

bool sg_absence_is_long(const struct sg_master *master)
{
    return !master->stopping && master->ever_ready && sg_master_control(master)->pid == 0 &&
           left_ms(master) > WORTH_WAITING_MS;
}

/* By hand, for the master is the privileged process and uses no library for JSON: what varies here
 * are numbers, and nothing needs to be escaped. */
static int make_body(const struct sg_master *master, long long left_s, char out[BODY_SIZE])
{
    int status = sg_master_control(master)->ended;
    return snprintf(
        out, BODY_SIZE,
        "{\"error\":{\"code\":\"control_restarting\",\"status\":\"service_unavailable\","
        "\"text\":\"the service's control process has ended again and again, the last "
        "time with %s %d, and is started again in %lld s\","
        "\"hint\":\"signetd's log says why: look for process=signet-control and what "
        "stands before it.\",\"object\":\"\"}}\n",
        WIFSIGNALED(status) ? "signal" : "status",
        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), left_s);
}

static size_t make_answer(const struct sg_master *master, char out[ANSWER_SIZE])
{
    char body[BODY_SIZE];
    long long left_s = (left_ms(master) + 999) / 1000;
    int body_len = make_body(master, left_s, body);
    int len = snprintf(out, ANSWER_SIZE,
                       "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                       "Cache-Control: no-store\r\nRetry-After: %lld\r\nConnection: close\r\n"
                       "Content-Length: %d\r\n\r\n%s",
                       left_s, body_len, body);
    return (size_t)len;
}

/* What is in a Unix socket's buffer is read by the client although we have closed. */
void sg_absence_answer(const struct sg_master *master)
{
    char answer[ANSWER_SIZE];
    if (!sg_absence_is_long(master)) {
        return;
    }
    size_t len = make_answer(master, answer);
    for (unsigned i = 0; i < ANSWERS_MAX; i++) {
        SG_CLEANUP(sg_stranger_closep)
        int fd = accept4(master->http.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            return;
        }
        (void)send(fd, answer, len, MSG_NOSIGNAL);
    }
}
