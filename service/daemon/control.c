#include <signet/daemon/control.h>

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/daemon/link.h>
#include <signet/operations/rehearsal.h>
#include <signet/operations/run.h>
#include <signet/operations/unix_groups.h>
#include <signet/rings/view.h>

#include "control_internal.h"

#define ANNOUNCE_ANYWAY_S                                                                          \
    25             /* a token that does not start does not keep the service from serving */
#define SETTLE_S 3 /* a turn of the timer that looks for intents left behind */
#define SETTLE_PAUSE_MAX 128u /* turns */
#define DESCRIPTORS_SPARE 256 /* the store, views, links in the making */
#define DESCRIPTORS_OF_TOKEN_PROCESS 4
#define PRIORITIES 2
#define PRIORITY_FIRST 0 /* whoever waits for one thing; everything else comes after it */

void sg_control_replace(struct control *control, uint32_t token, uint32_t process, uint32_t pid)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_master_packet packet = {
        .kind = SG_MASTER_REPLACE, .token = token, .process = process, .pid = pid};
    if (sg_packet_send(control->master, &packet, sizeof packet, NULL, 0, NULL, 0, &err) != SG_OK) {
        sg_log_error(SG_LOG_ERROR, "master_does_not_listen", &err);
    }
}

static void announce(struct control *control)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_master_packet packet = {.kind = SG_MASTER_READY};
    if (control->announced) {
        return;
    }
    control->announced = true;
    if (sg_packet_send(control->master, &packet, sizeof packet, NULL, 0, NULL, 0, &err) != SG_OK) {
        sg_log_error(SG_LOG_ERROR, "master_does_not_listen", &err);
    }
    sg_log(SG_LOG_INFO, "event=serving");
}

static void take(struct control *control, struct sg_packet *packet)
{
    struct sg_master_packet head;
    if (packet->len != sizeof head) {
        sg_log(SG_LOG_ERROR, "event=bad_packet_from_master len=%zu", packet->len);
        sg_packet_close_fds(packet);
        return;
    }
    memcpy(&head, packet->data, sizeof head);
    int fd = sg_packet_take_fd(packet, 0);
    SG_FD int page = sg_packet_take_fd(packet, 1);
    sg_packet_close_fds(packet);
    if (head.kind == SG_MASTER_RINGS_LINK && fd >= 0) {
        sg_views_attach(&control->views, fd);
    } else if (head.kind == SG_MASTER_TOKEN_LINK && fd >= 0) {
        sg_pool_attach(&control->pool, head.token, head.process, head.pid, fd, page);
    } else if (fd >= 0) {
        close(fd);
    }
}

bool sg_control_from_master(struct control *control, int timeout_ms)
{
    struct sg_error err = SG_ERROR_INIT;
    SG_FREE struct sg_packet *packet =
        malloc(sizeof *packet); /* the loop's own may be in use: operations come here too */
    if (packet == NULL || sg_packet_receive(control->master, timeout_ms, packet, &err) != SG_OK) {
        return strcmp(err.code, "peer_gone") != 0;
    }
    take(control, packet);
    return true;
}

void sg_control_beat(const struct control *control)
{
    if (control->shared != NULL) {
        sg_busy_beat(&control->shared->busy, sg_monotonic_ms(sg_clock_system()));
    }
}

/* The name service may be slow, which the master has to know: nobody else can tell it. */
static void on_look_up(void *context, bool begins)
{
    const struct control *control = context;
    sg_control_beat(control);
    if (control->shared != NULL) {
        sg_busy_set(&control->shared->busy, begins ? SG_BUSY_LOOK_UP : SG_BUSY_NOT,
                    sg_monotonic_ms(sg_clock_system()));
    }
}

/* One turn of the event loop; in a hurry it waits for no event. */
static void turn(struct control *control, bool hurry)
{
    sg_control_beat(control);
    control->dispatching = true;
    (void)event_base_loop(control->base, hurry ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE);
    control->dispatching = false;
    sg_control_beat(control);
}

struct wait {
    struct control *control;
    bool ready, over;
};

static bool is_readable(int socket)
{
    struct pollfd end = {.fd = socket, .events = POLLIN};
    return poll(&end, 1, 0) > 0;
}

/* It goes before all other events of its turn: an end of file is seen before the successor's link
 * is taken, which would take its place under whoever waits. */
static void on_wait(evutil_socket_t socket, short what, void *context)
{
    struct wait *wait = context;
    /* where the loop was busy until the time was over, it tells of that alone */
    wait->ready = (what & EV_READ) != 0 || (socket >= 0 && is_readable(socket));
    wait->over = !wait->ready;
    event_base_loopbreak(wait->control->base);
}

/* Whoever only reads does not wait with us: what is stored is there to be read as long as what we
 * wait in has written nothing. One at a time: what we wait for may have come meanwhile. */
static bool serve_reader(struct control *control)
{
    if (control->server == NULL || !sg_store_is_clean(control->store)) {
        return false;
    }
    control->dispatching = true; /* nobody waits within */
    bool served = sg_http_server_meanwhile(control->server);
    control->dispatching = false;
    return served;
}

static void wait_turning(struct wait *wait, int socket)
{
    struct control *control = wait->control;
    sg_pool_calling(&control->pool, socket, true);
    do {
        turn(control, serve_reader(control));
        if (!wait->ready && !wait->over) {
            sg_pool_resume(&control->pool);
        }
    } while (socket >= 0 && !wait->ready && !wait->over && !control->stopping);
    sg_pool_calling(&control->pool, socket, false);
}

static bool wait_in_loop(struct control *control, int socket, int timeout_ms)
{
    struct wait wait = {.control = control};
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000L};
    struct event *event =
        event_new(control->base, socket, socket >= 0 ? EV_READ : 0, on_wait, &wait);
    if (event == NULL) {
        return false;
    }
    if (event_priority_set(event, PRIORITY_FIRST) == 0 && event_add(event, &timeout) == 0) {
        wait_turning(&wait, socket);
    }
    event_free(event);
    return wait.ready;
}

/* Within an event's callback the loop cannot be turned. */
static bool wait_still(const struct control *control, int socket, int timeout_ms)
{
    struct pollfd entry = {.fd = socket, .events = POLLIN};
    sg_control_beat(control);
    bool ready = poll(&entry, 1, timeout_ms) > 0;
    sg_control_beat(control);
    return ready;
}

bool sg_control_wait(void *context, int socket, int timeout_ms)
{
    struct control *control = context;
    bool outer = control->waiting;
    if (control->dispatching) {
        return wait_still(control, socket, timeout_ms);
    }
    control->waiting = outer || (control->operating && socket >= 0);
    bool ready = wait_in_loop(control, socket, timeout_ms);
    control->waiting = outer;
    return ready;
}

static void stop(struct control *control)
{
    control->stopping = true;
    event_base_loopbreak(control->base);
}

static void on_master(evutil_socket_t socket, short what, void *context)
{
    struct control *control = context;
    (void)socket;
    (void)what;
    if (!sg_control_from_master(control, 0)) {
        stop(control);
    }
}

static void on_announce_anyway(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    announce(context);
}

/* An operation that could not settle its intent, for want of disk space above all, must not leave
 * it until the next start: it is tried again, less and less often. */
static void on_settle(evutil_socket_t socket, short what, void *context)
{
    struct control *control = context;
    (void)socket;
    (void)what;
    if (!control->service.unsettled) {
        control->settle_pause = 1;
        control->settle_wait = 0;
        return;
    }
    if (control->settle_wait > 0) {
        control->settle_wait--;
        return;
    }
    control->recovery_due = true;
    control->settle_wait = control->settle_pause;
    control->settle_pause =
        control->settle_pause < SETTLE_PAUSE_MAX ? control->settle_pause * 2 : SETTLE_PAUSE_MAX;
}

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
    struct control *control = context;
    (void)signal_number;
    (void)what;
    stop(control);
}

/* The service that a request is for: the real one, or the rehearsal that it names. */
static sg_status find_service(struct control *control, const struct sg_http_peer *peer,
                              struct sg_service **out, struct sg_error *err)
{
    if (peer->rehearsal[0] != '\0') {
        return sg_rehearsal_find(&control->service, peer->rehearsal, peer->uid, peer->connection,
                                 out, err);
    }
    *out = &control->service;
    return SG_OK;
}

static sg_status perform(struct control *control, struct sg_service *service,
                         const struct sg_http_peer *peer, const struct sg_operation *operation,
                         json_t *params, bool dry_run, json_t **answer, struct sg_error *err)
{
    SG_LOADED_CALLER caller = {0};
    sg_status s = sg_caller_load(service, peer->uid, peer->gid, &caller, err);
    bool outer = control->operating;
    uint64_t outer_connection = service->connection;
    control->operating = true;
    service->connection = peer->connection;
    s = s == SG_OK
            ? sg_operation_run(service, operation, &caller.caller, params, dry_run, answer, err)
            : s;
    service->connection = outer_connection;
    control->operating = outer;
    return s;
}

/* Who looks sees the use of a moment ago. */
static void store_uses(struct control *control, const struct sg_operation *operation)
{
    bool looks = (operation->flags & SG_OP_USES) != 0;
    if (looks && !control->operating && !control->dispatching) {
        sg_uses_store(&control->uses);
    }
}

static sg_status handle_request(void *context, const struct sg_http_peer *peer,
                                const struct sg_operation *operation, json_t *params, bool dry_run,
                                json_t **answer, struct sg_error *err)
{
    struct control *control = context;
    struct sg_service *service = NULL;
    sg_status s = find_service(control, peer, &service, err);
    if (s != SG_OK) {
        return s;
    }
    bool real = service == &control->service;
    sg_control_beat(control);
    if (real) {
        store_uses(control, operation);
    }
    s = perform(control, service, peer, operation, params, dry_run, answer, err);
    if (s == SG_OK && real && (operation->flags & SG_OP_CHANGES) != 0 && !dry_run) {
        sg_http_server_changed(control->server);
    }
    return s;
}

static void connection_gone(void *context, uint64_t connection)
{
    sg_rehearsals_end_of(&((struct control *)context)->service, connection);
}

static sg_status open_store(struct control *control, struct sg_error *err)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/signet.db", control->config->state);
    sg_status s = sg_store_open(path, &control->store, err);
    if (s == SG_OK) {
        sg_store_reserve_keep(control->store);
    }
    return s;
}

static sg_status map_page(struct control *control, int memfd, struct sg_error *err)
{
    void *page = mmap(NULL, sizeof *control->page, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
    if (page == MAP_FAILED) {
        return sg_fail_errno(err, SG_E_INTERNAL, "no_memory", "cannot map the generation page");
    }
    control->page = page;
    /* views from before a restart may be stale in any way: all are renewed */
    atomic_fetch_add(&control->page->generation, 1);
    return SG_OK;
}

static void rings_state(void *context, struct sg_rings_state *out)
{
    const struct control *control = context;
    const struct sg_control_page *page = control->shared;
    int64_t due_ms = atomic_load(&page->rings_due_ms);
    int64_t left_ms = due_ms - sg_monotonic_ms(control->service.clock);
    int64_t silent_ms = atomic_load(&page->rings_silent_ms);
    out->restarts = atomic_load(&page->rings_restarts);
    if (due_ms != 0) {
        out->doing = SG_RINGS_RESTARTS;
        out->ms = left_ms > 0 ? left_ms : 0;
    } else if (silent_ms != 0) {
        out->doing = SG_RINGS_SILENT;
        out->ms = silent_ms;
    } else {
        out->doing = atomic_load(&page->rings_starting) != 0 ? SG_RINGS_STARTS : SG_RINGS_SERVES;
    }
}

static void fill_service(struct control *control)
{
    control->service = (struct sg_service){
        .store = control->store,
        .clock = sg_clock_system(),
        .tokens = sg_pool_tokens(&control->pool),
        .changes = sg_grants_listener(&control->grants),
        .administrators = control->config->administrators,
        .administrator_count = control->config->administrator_count,
        .groups = sg_groups_source(&control->groups),
        .view_max = sg_view_max(control->config->connection_memory_max),
        .rings_socket = control->config->rings_socket,
        .socket = control->config->socket,
        .refused = &control->views.refused,
        .left_out = &control->views.left_out,
        .rings_state = control->shared != NULL ? rings_state : NULL,
        .rings_context = control,
        .policy = sg_crypto_policy_resolve(&control->config->policy),
    };
    control->service.started_s = sg_now_s(control->service.clock);
}

struct loop_events {
    struct event *master, *announce, *settle, *term, *interrupt;
};

static sg_status add_events(struct control *control, struct loop_events *events,
                            struct sg_error *err)
{
    struct timeval later = {.tv_sec = ANNOUNCE_ANYWAY_S};
    struct timeval often = {.tv_sec = SETTLE_S};
    events->master =
        event_new(control->base, control->master, EV_READ | EV_PERSIST, on_master, control);
    events->announce = evtimer_new(control->base, on_announce_anyway, control);
    events->settle = event_new(control->base, -1, EV_PERSIST, on_settle, control);
    events->term = evsignal_new(control->base, SIGTERM, on_stop, control);
    events->interrupt = evsignal_new(control->base, SIGINT, on_stop, control);
    bool made = events->master != NULL && events->announce != NULL && events->settle != NULL &&
                events->term != NULL && events->interrupt != NULL &&
                event_add(events->master, NULL) == 0 && event_add(events->announce, &later) == 0 &&
                event_add(events->settle, &often) == 0 && event_add(events->term, NULL) == 0 &&
                event_add(events->interrupt, NULL) == 0;
    return made ? SG_OK : sg_fail_memory(err);
}

static void remove_events(const struct loop_events *events)
{
    struct event *all[] = {events->master, events->announce, events->settle, events->term,
                           events->interrupt};
    for (size_t i = 0; i < SG_COUNT(all); i++) {
        if (all[i] != NULL) {
            event_free(all[i]);
        }
    }
}

/* What needs the tokens is done between the turns, where it may wait. True: there is more to do. */
static bool work(struct control *control)
{
    sg_pool_retry(&control->pool);
    sg_pool_resume(&control->pool);
    if (sg_pool_settled(&control->pool)) {
        announce(control);
    }
    if (control->recovery_due) {
        control->recovery_due = false;
        sg_pool_recover(&control->pool);
    }
    sg_uses_work(&control->uses);
    sg_rehearsals_sweep(&control->service);
    return sg_http_server_work(control->server);
}

static rlim_t descriptors_without_watches(const struct sg_config *config)
{
    rlim_t processes = 0;
    for (size_t i = 0; i < config->token_count; i++) {
        processes += config->tokens[i].processes + 1;
    }
    return DESCRIPTORS_SPARE + processes * DESCRIPTORS_OF_TOKEN_PROCESS + SG_HTTP_CONNECTIONS_MAX;
}

/* Each costs a descriptor, and none may be taken from whatever else is done here. */
static size_t watches_that_fit(const struct sg_config *config)
{
    struct rlimit limit = {0};
    rlim_t others = descriptors_without_watches(config);
    rlim_t wanted = others + config->watches_max;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= wanted) {
        return config->watches_max;
    }
    size_t fit = limit.rlim_cur > others ? (size_t)(limit.rlim_cur - others) : 1;
    sg_log(SG_LOG_WARNING,
           "event=few_descriptors limit=%llu watches_max=%zu: no more than %zu are possible",
           (unsigned long long)limit.rlim_cur, config->watches_max, fit);
    return fit;
}

static sg_status serve(struct control *control, int http_listener, struct sg_error *err)
{
    struct loop_events events = {0};
    const struct sg_config *config = control->config;
    struct sg_http_settings settings = {.listener = http_listener,
                                        .connections_max = SG_HTTP_CONNECTIONS_MAX,
                                        .watches_max = watches_that_fit(config),
                                        .watches_per_user_max = config->watches_per_user_max,
                                        .request_deadline_s = (int)config->request_deadline_s,
                                        .handler = handle_request,
                                        .gone = connection_gone,
                                        .context = control};
    sg_status s = add_events(control, &events, err);
    s = s == SG_OK ? sg_groups_watch(&control->groups, control, err) : s;
    s = s == SG_OK ? sg_uses_watch(&control->uses, control, err) : s;
    s = s == SG_OK ? sg_http_server_new(control->base, &settings, &control->server, err) : s;
    if (control->shared != NULL) {
        sg_busy_set(&control->shared->busy, SG_BUSY_NOT, 0);
    }
    sg_names_tell(on_look_up, control);
    for (bool more = false; s == SG_OK && !control->stopping;) {
        turn(control, more);
        more = work(control);
    }
    sg_names_tell(NULL, NULL);
    sg_http_server_free(control->server);
    remove_events(&events);
    return s;
}

static void close_all(struct control *control)
{
    sg_groups_done(&control->groups);
    sg_views_done(&control->views);
    sg_grants_done(&control->grants);
    sg_pool_done(&control->pool);
    sg_uses_done(&control->uses);
    sg_rehearsals_done(&control->service);
    sg_service_done(&control->service);
    sg_store_close(control->store);
    if (control->page != NULL) {
        munmap(control->page, sizeof *control->page);
    }
    if (control->base != NULL) {
        event_base_free(control->base);
    }
}

sg_status sg_control_run(const struct sg_config *config, int http_listener, int generation_page,
                         int master, struct sg_control_page *page, struct sg_error *err)
{
    SG_FREE struct control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        return sg_fail_memory(err);
    }
    control->config = config;
    control->master = master;
    control->shared = page;
    control->base = event_base_new();
    control->grants.control = control;
    control->groups.control = control;
    sg_views_init(&control->views, control);
    sg_pool_init(&control->pool, control);
    bool ready = control->base != NULL && event_base_priority_init(control->base, PRIORITIES) == 0;
    sg_status s = ready ? SG_OK : sg_fail_memory(err);
    s = s == SG_OK ? open_store(control, err) : s;
    s = s == SG_OK ? map_page(control, generation_page, err) : s;
    if (s == SG_OK) {
        fill_service(control);
        s = sg_rehearsals_allow(&control->service, err);
    }
    if (s == SG_OK) {
        s = serve(control, http_listener, err);
    }
    close_all(control);
    return s;
}
