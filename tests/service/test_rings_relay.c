/* A connection process that somebody has taken over speaks the channel's protocol to rings: it gets
 * no other's identity, no other's answer, and nothing else to control than the two questions. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/log.h>
#include <signet/policy/model.h>

#include "cmocka_all.h"
#include "module_internal.h"
#include "process_internal.h"

enum { OTHERS = 2, ROWS = 8 }; /* from OTHERS on: more connections of the evil one's user */

struct world {
    struct sg_rings *rings;
    struct sg_rings_settings settings;
    int evil, innocent;        /* the connections' ends of their channels */
    int others[ROWS - OTHERS]; /* likewise */
    int control;               /* control's end of its link */
};

static int channel_of(struct sg_ring_client *client, uint64_t number, uid_t uid)
{
    int pair[2];
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    *client = (struct sg_ring_client){.used = true,
                                      .channel = pair[0],
                                      .number = number,
                                      .uid = uid,
                                      .gid = uid,
                                      .pid = (pid_t)(1000 + uid)};
    return pair[1];
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    int pair[2];
    struct sg_error err = SG_ERROR_INIT;
    assert_non_null(world);
    world->settings.answer_timeout_ms = 60000;
    world->rings = calloc(1, sizeof *world->rings + ROWS * sizeof world->rings->rows[0]);
    assert_non_null(world->rings);
    world->rings->settings = &world->settings;
    world->rings->row_count = ROWS;
    world->rings->rows_end = ROWS;
    world->rings->epoll = epoll_create1(EPOLL_CLOEXEC);
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    world->rings->control = pair[0];
    world->control = pair[1];
    world->evil = channel_of(&world->rings->rows[0], 100, 7);
    world->innocent = channel_of(&world->rings->rows[1], 200, 8);
    for (size_t i = OTHERS; i < ROWS; i++) {
        world->others[i - OTHERS] = channel_of(&world->rings->rows[i], 100 + i, 7);
    }
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    int fds[] = {world->evil, world->innocent, world->control, world->rings->control,
                 world->rings->epoll};
    for (size_t i = 0; i < SG_COUNT(fds); i++) {
        close(fds[i]);
    }
    for (size_t i = 0; i < ROWS; i++) {
        if (world->rings->rows[i].channel >= 0) {
            close(world->rings->rows[i].channel);
        }
        if (i >= OTHERS) {
            close(world->others[i - OTHERS]);
        }
    }
    free(world->rings);
    free(world);
    return 0;
}

static void say(const struct world *world, const void *data, size_t len, int fd)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_packet_send(world->evil, data, len, NULL, 0, &fd, fd >= 0 ? 1 : 0, &err),
                     SG_OK);
    sg_rings_read_channel(world->rings, &world->rings->rows[0]);
}

/* What control hears next; false: nothing. */
static bool hear(int socket, struct sg_rings_packet *out, int *fd)
{
    static struct sg_packet packet;
    struct sg_error err = SG_ERROR_INIT;
    if (sg_packet_receive(socket, 0, &packet, &err) != SG_OK) {
        return false;
    }
    assert_int_equal(packet.len, sizeof *out);
    memcpy(out, packet.data, sizeof *out);
    if (fd != NULL) {
        *fd = sg_packet_take_fd(&packet, 0);
    }
    sg_packet_close_fds(&packet);
    return true;
}

static void send_answer(const struct world *world, const struct sg_rings_packet *packet)
{
    struct sg_error err = SG_ERROR_INIT;
    int page = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(
        sg_packet_send(world->control, packet, sizeof *packet, NULL, 0, &page, 1, &err), SG_OK);
    close(page);
}

static void answer(const struct world *world, const struct sg_rings_packet *packet)
{
    send_answer(world, packet);
    sg_rings_read_control(world->rings);
}

/* Lines of the log, meanwhile in a file. */
static FILE *log_file;
static int log_saved;

static void begin_log(void)
{
    log_file = tmpfile();
    log_saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    assert_non_null(log_file);
    assert_int_equal(dup2(fileno(log_file), STDERR_FILENO), STDERR_FILENO);
    sg_log_init("test", SG_LOG_INFO);
}

/* How many lines there were; *one: the last that has the text. */
static size_t end_log(const char *text, char *one, size_t size)
{
    char line[4096];
    size_t lines = 0;
    assert_int_equal(dup2(log_saved, STDERR_FILENO), STDERR_FILENO);
    close(log_saved);
    rewind(log_file);
    one[0] = '\0';
    while (fgets(line, sizeof line, log_file) != NULL) {
        lines++;
        if (strstr(line, text) != NULL) {
            snprintf(one, size, "%s", line);
        }
    }
    (void)fclose(log_file);
    return lines;
}

static void identity_is_from_the_table(void **state)
{
    struct world *world = *state;
    struct sg_rings_packet heard = {.kind = 0};
    struct sg_rings_packet forged = {.kind = SG_RINGS_GRANT,
                                     .sequence = 5,
                                     .connection = 200,
                                     .uid = 8,
                                     .gid = 0,
                                     .pid = 1,
                                     .token = 3,
                                     .status = 9};
    say(world, &forged, sizeof forged, -1);
    assert_true(hear(world->control, &heard, NULL));
    assert_int_equal(heard.connection, 100);
    assert_int_equal(heard.uid, 7);
    assert_int_equal(heard.gid, 7);
    assert_int_equal(heard.pid, 1007);
    assert_int_equal(heard.token, 3);
    assert_int_equal(heard.status, 0);
}

static void answer_goes_to_who_asked(void **state)
{
    struct world *world = *state;
    struct sg_rings_packet heard = {.kind = 0};
    int fd = -1;
    struct sg_rings_packet forged = {.kind = SG_RINGS_VIEW, .sequence = 5, .connection = 200};
    say(world, &forged, sizeof forged, -1);
    assert_true(hear(world->control, &heard, NULL));
    /* as if control believed what the connection said */
    struct sg_rings_packet wrong = heard;
    wrong.connection = 200;
    answer(world, &wrong);
    assert_false(hear(world->innocent, &heard, NULL));
    assert_false(hear(world->evil, &heard, NULL));
    wrong.connection = 100;
    answer(world, &wrong);
    assert_true(hear(world->evil, &heard, &fd));
    assert_int_equal(heard.sequence, 5);
    assert_true(fd >= 0);
    close(fd);
    assert_false(hear(world->innocent, &heard, NULL));
    answer(world, &wrong); /* and once only */
    assert_false(hear(world->evil, &heard, NULL));
}

/* A row's connection, by its end of the channel, asks for its view. */
static void ask(const struct world *world, int channel, size_t row)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_rings_packet question = {.kind = SG_RINGS_VIEW, .sequence = 1};
    assert_int_equal(sg_packet_send(channel, &question, sizeof question, NULL, 0, NULL, 0, &err),
                     SG_OK);
    sg_rings_read_channel(world->rings, &world->rings->rows[row]);
}

static void others_ask(const struct world *world)
{
    for (size_t i = OTHERS; i < ROWS; i++) {
        ask(world, world->others[i - OTHERS], i);
    }
}

/* However many questions of one user wait, another's is next. */
static void users_are_asked_about_in_turns(void **state)
{
    struct world *world = *state;
    struct sg_rings_packet heard[ROWS] = {{.kind = 0}};
    enum { AT_ONCE = 4 };
    others_ask(world);
    for (size_t i = 0; i < AT_ONCE; i++) {
        assert_true(hear(world->control, &heard[i], NULL));
        assert_int_equal(heard[i].connection, 100 + OTHERS + i);
    }
    assert_false(hear(world->control, &heard[AT_ONCE], NULL)); /* control has enough */
    ask(world, world->innocent, 1);
    assert_false(hear(world->control, &heard[AT_ONCE], NULL));
    answer(world, &heard[0]);
    assert_true(hear(world->control, &heard[AT_ONCE], NULL));
    assert_int_equal(heard[AT_ONCE].connection, 200);
    for (size_t i = 1; i < 3; i++) {
        answer(world, &heard[i]);
        assert_true(hear(world->control, &heard[AT_ONCE + i], NULL));
        assert_int_equal(heard[AT_ONCE + i].connection, 100 + OTHERS + AT_ONCE + i - 1);
    }
    answer(world, &heard[3]);
    assert_false(hear(world->control, &heard[0], NULL)); /* nobody waits any more */
}

/* What control has not answered in all this time it does not count as having. */
static void lost_answers_hold_nobody_up(void **state)
{
    struct world *world = *state;
    struct sg_rings_packet heard = {.kind = 0};
    others_ask(world);
    while (hear(world->control, &heard, NULL)) {
    }
    ask(world, world->innocent, 1);
    assert_false(hear(world->control, &heard, NULL));
    for (size_t i = OTHERS; i < ROWS; i++) {
        world->rings->rows[i].question.sent_ms -= world->settings.answer_timeout_ms;
    }
    sg_rings_ask(world->rings);
    assert_true(hear(world->control, &heard, NULL));
    assert_int_equal(heard.connection, 200);
}

/* A process that has no descriptor left gets what it is sent without those that come with it. */
static void an_answer_without_its_descriptor_is_asked_for_again(void **state)
{
    struct world *world = *state;
    struct sg_rings_packet heard = {.kind = 0};
    struct sg_rings_packet question = {.kind = SG_RINGS_GRANT, .sequence = 5};
    struct rlimit before;
    int fd = -1;
    char line[4096];
    say(world, &question, sizeof question, -1);
    assert_true(hear(world->control, &heard, NULL));
    send_answer(world, &heard);
    begin_log();
    int free_one = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    close(free_one);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit few = {(rlim_t)free_one, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    sg_rings_read_control(world->rings);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    (void)end_log("event=answer_lost", line, sizeof line);
    assert_int_not_equal(line[0], 0);
    assert_true(world->rings->control >= 0);
    assert_true(hear(world->evil, &heard, &fd));
    assert_int_equal(heard.sequence, 5);
    assert_int_equal(heard.status, SG_E_SERVICE); /* for which it asks again */
    assert_int_equal(fd, -1);
    question.sequence++;
    say(world, &question, sizeof question, -1);
    assert_true(hear(world->control, &heard, NULL));
    answer(world, &heard);
    assert_true(hear(world->evil, &heard, &fd));
    assert_int_equal(heard.status, SG_OK);
    assert_true(fd >= 0);
    close(fd);
}

static void end_of_control_does_not_end_rings(void **state)
{
    struct world *world = *state;
    int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(dup2(other, world->control), world->control);
    close(other);
    sg_rings_read_control(world->rings);
    assert_int_equal(world->rings->control, -1);
    assert_false(world->rings->stop);
}

/* Nobody makes another one while both live. */
static void link_that_fails_while_control_lives_ends_rings(void **state)
{
    struct world *world = *state;
    struct sg_rings_packet question = {.kind = SG_RINGS_VIEW, .sequence = 1};
    for (int sends = 0; sends < 2; sends++) {
        int link = world->rings->control;
        int other = open("/dev/null", O_RDONLY | O_CLOEXEC); /* no socket, and for no writing */
        int kept = fcntl(link, F_DUPFD_CLOEXEC, 0);
        assert_int_equal(dup2(other, link), link);
        close(other);
        world->rings->stop = false;
        if (sends == 0) {
            sg_rings_read_control(world->rings);
        } else {
            say(world, &question, sizeof question, -1);
        }
        assert_true(world->rings->stop);
        assert_int_equal(world->rings->control, -1);
        world->rings->control = kept;
    }
}

static void link_that_cannot_be_watched_ends_rings(void **state)
{
    struct world *world = *state;
    sg_rings_set_control(world->rings, open("/dev/null", O_RDONLY | O_CLOEXEC)); /* EPERM */
    assert_true(world->rings->stop);
    assert_int_equal(world->rings->control, -1);
}

static void same_question_again_is_not_asked_again(void **state)
{
    struct world *world = *state;
    struct sg_rings_packet heard = {.kind = 0};
    struct sg_rings_packet question = {.kind = SG_RINGS_VIEW, .sequence = 1};
    for (int i = 0; i < 50; i++) {
        question.sequence++;
        say(world, &question, sizeof question, -1);
    }
    assert_true(hear(world->control, &heard, NULL));
    assert_false(hear(world->control, &heard, NULL));
}

/* Its channel is closed, which ends it, and control has heard nothing. */
static void check_ends(struct world *world, const void *data, size_t len, int fd)
{
    struct sg_rings_packet heard = {.kind = 0};
    say(world, data, len, fd);
    assert_int_equal(world->rings->rows[0].channel, -1);
    assert_true(world->rings->rows[1].channel >= 0);
    assert_false(hear(world->control, &heard, NULL));
}

static void it_cannot_say_that_another_has_gone(void **state)
{
    struct sg_rings_packet packet = {.kind = SG_RINGS_GONE, .connection = 200};
    check_ends(*state, &packet, sizeof packet, -1);
}

static void it_cannot_have_another_user_counted(void **state)
{
    struct sg_rings_packet packet = {
        .kind = SG_RINGS_REFUSED, .connection = 1u << 30, .uid = 8, .token = 2};
    check_ends(*state, &packet, sizeof packet, -1);
}

static void unknown_question_ends_it(void **state)
{
    struct sg_rings_packet packet = {.kind = 77};
    check_ends(*state, &packet, sizeof packet, -1);
}

static void token_out_of_range_ends_it(void **state)
{
    struct sg_rings_packet packet = {.kind = SG_RINGS_GRANT, .token = SG_TOKENS_MAX};
    check_ends(*state, &packet, sizeof packet, -1);
}

static void short_packet_ends_it(void **state)
{
    struct sg_rings_packet packet = {.kind = SG_RINGS_VIEW};
    check_ends(*state, &packet, sizeof packet - 1, -1);
}

static void long_packet_ends_it(void **state)
{
    static unsigned char packet[50000] = {SG_RINGS_VIEW};
    check_ends(*state, packet, sizeof packet, -1);
}

static void descriptor_ends_it(void **state)
{
    struct sg_rings_packet packet = {.kind = SG_RINGS_VIEW};
    check_ends(*state, &packet, sizeof packet, STDIN_FILENO);
}

/* ---- what it says of itself, for the log ---- */

static struct sg_rings_failure failure_of(const char *code, const char *text)
{
    struct sg_rings_failure failure = {
        .kind = SG_RINGS_FAILED, .what = SG_RINGS_USE_FAILED, .count = 3, .ck_rv = 0x30};
    snprintf(failure.code, sizeof failure.code, "%s", code);
    snprintf(failure.text, sizeof failure.text, "%s", text);
    return failure;
}

static void its_failures_are_logged_under_its_user(void **state)
{
    struct world *world = *state;
    char line[4096];
    struct sg_rings_packet heard = {.kind = 0};
    struct sg_rings_failure failure = failure_of("token_died", "a \"b\" uid=8\nc");
    begin_log();
    say(world, &failure, sizeof failure, -1);
    assert_int_equal(end_log("event=ring_use_failed", line, sizeof line), 1);
    assert_non_null(strstr(line, "code=token_died text=\"a \\\"b\\\" uid=8?c\" ck_rv=0x30 errno=0 "
                                 "connection=100 uid=7 pid=1007 count=3\n"));
    assert_null(strstr(line, " ring="));
    assert_true(world->rings->rows[0].channel >= 0);
    assert_false(hear(world->control, &heard, NULL)); /* it is nobody else's business */
}

/* Whose key: the token by its configured name, the ring as the process says. */
static void a_failed_use_is_told_with_ring_and_token(void **state)
{
    struct world *world = *state;
    char line[4096];
    struct sg_rings_failure failure =
        failure_of("function_failed", "the token did not sign (CKR_FUNCTION_FAILED)");
    world->settings.token_names[0] = "one";
    world->settings.token_names[1] = "two";
    world->settings.token_count = 2;
    failure.token = 2;
    snprintf(failure.ring, sizeof failure.ring, "A/R\" uid=0");
    begin_log();
    say(world, &failure, sizeof failure, -1);
    assert_int_equal(end_log("event=ring_use_failed", line, sizeof line), 1);
    assert_non_null(strstr(line, " uid=7 pid=1007 count=3 ring=\"A/R\\\" uid=0\" token=\"two\" "
                                 "hint=\"signet token list "));
    assert_non_null(strstr(line, "CKR_FUNCTION_FAILED"));
}

static void a_token_that_is_not_configured_has_no_name(void **state)
{
    struct world *world = *state;
    char line[4096];
    struct sg_rings_failure failure = failure_of("token_died", "whatever");
    world->settings.token_names[0] = "one";
    world->settings.token_count = 1;
    failure.token = SG_TOKENS_MAX;
    begin_log();
    say(world, &failure, sizeof failure, -1);
    assert_int_equal(end_log("event=ring_use_failed", line, sizeof line), 1);
    assert_null(strstr(line, " token="));
}

static void it_cannot_fill_the_log(void **state)
{
    struct world *world = *state;
    char line[4096];
    struct sg_rings_failure failure = failure_of("token_died", "whatever");
    int64_t begin_ms = sg_monotonic_ms(sg_clock_system());
    begin_log();
    for (int i = 0; i < 20000; i++) {
        failure.what = (uint32_t)i % 2;
        world->rings->rows[0].words_ms = 0; /* it has had time for it */
        say(world, &failure, sizeof failure, -1);
    }
    size_t lines = end_log("count=", line, sizeof line);
    int64_t took_s = (sg_monotonic_ms(sg_clock_system()) - begin_ms) / 1000;
    assert_in_range(lines, 1, 2 * (size_t)took_s + 3);
    assert_true(world->rings->refusals.any); /* the rest is told later */
    begin_log();
    world->rings->refusals.told_ms = 0;
    sg_rings_tell_refusals(world->rings);
    assert_int_equal(end_log("event=ring_connection_failed", line, sizeof line), 2);
    assert_non_null(strstr(line, " uid=7 "));
}

/* What it has said when it is ended for it. */
static int say_until_the_end(const struct world *world, const void *data, size_t len)
{
    int said = 0;
    while (world->rings->rows[0].channel >= 0 && said < 20000) {
        say(world, data, len, -1);
        said++;
    }
    return said;
}

enum { WORDS = 1000, WORDS_A_SECOND = 2 };

static void check_words(const struct world *world, const void *data, size_t len)
{
    char line[4096];
    int64_t begin_ms = sg_monotonic_ms(sg_clock_system());
    begin_log();
    int said = say_until_the_end(world, data, len);
    int64_t took_s = (sg_monotonic_ms(sg_clock_system()) - begin_ms) / 1000 + 1;
    world->rings->refusals.told_ms = 0;
    sg_rings_tell_refusals(world->rings);
    (void)end_log("event=ring_connection_misbehaved", line, sizeof line);
    assert_int_not_equal(line[0], 0);
    assert_in_range(said, WORDS, WORDS + 2 + WORDS_A_SECOND * took_s);
}

/* Its own code says one thing a second. */
static void it_cannot_keep_rings_busy_with_failures(void **state)
{
    struct sg_rings_failure failure = failure_of("token_died", "whatever");
    check_words(*state, &failure, sizeof failure);
}

static void it_cannot_keep_rings_busy_with_questions(void **state)
{
    struct sg_rings_packet question = {.kind = SG_RINGS_VIEW, .sequence = 1};
    check_words(*state, &question, sizeof question);
}

static void questions_that_are_answered_come_as_fast_as_answers(void **state)
{
    struct world *world = *state;
    struct sg_rings_packet question = {.kind = SG_RINGS_VIEW, .sequence = 1};
    struct sg_rings_packet heard = {.kind = 0};
    int fd = -1;
    for (int i = 0; i < WORDS + 200; i++) {
        say(world, &question, sizeof question, -1);
        assert_true(hear(world->control, &heard, NULL));
        answer(world, &heard);
        assert_true(hear(world->evil, &heard, &fd));
        close(fd);
    }
    assert_true(world->rings->rows[0].channel >= 0);
}

/* What has piled up while rings did not read, a long time. */
static void what_it_said_in_its_time_is_heard(void **state)
{
    struct world *world = *state;
    struct sg_rings_failure failure = failure_of("token_died", "whatever");
    int64_t now_ms = sg_monotonic_ms(sg_clock_system());
    world->rings->refusals.told_ms = now_ms; /* nothing is told now */
    for (int i = 0; i < 5 * WORDS; i++) {
        world->rings->rows[0].words_ms -= 1000;
        say(world, &failure, sizeof failure, -1);
    }
    assert_true(world->rings->rows[0].channel >= 0);
    world->rings->rows[0].words_ms = 0;
    for (int i = 0; i < WORDS; i++) {
        say(world, &failure, sizeof failure, -1);
    }
    assert_true(world->rings->rows[0].channel >= 0);
}

/* Nothing is told before tell_now. */
static void begin_notes(const struct world *world)
{
    begin_log();
    world->rings->refusals.told_ms = sg_monotonic_ms(sg_clock_system());
}

static void note(const struct world *world, enum sg_rings_notice reason, uid_t uid, uint64_t count)
{
    const struct sg_rings_refusal_row row = {.reason = reason, .uid = uid, .count = count};
    sg_rings_note(world->rings, &row);
}

static void tell_now(const struct world *world)
{
    world->rings->refusals.told_ms = 0;
    sg_rings_tell_refusals(world->rings);
}

/* A sum that were 0 would be a free row, and the end of all that is told. */
static void a_count_without_end_hides_nobody(void **state)
{
    const struct world *world = *state;
    char line[4096];
    begin_notes(world);
    note(world, SG_NOTICE_MISBEHAVED, 7, 1);
    note(world, SG_NOTICE_MISBEHAVED, 8, 1);
    note(world, SG_NOTICE_MISBEHAVED, 7, UINT64_MAX);
    tell_now(world);
    assert_int_equal(end_log(" uid=7 pid=0 count=18446744073709551615\n", line, sizeof line), 2);
    assert_int_not_equal(line[0], 0);
}

/* More users than rows: the last row counts what it says, and nothing else. */
static void users_that_share_a_row_share_no_reason(void **state)
{
    const struct world *world = *state;
    char line[4096];
    begin_notes(world);
    for (uid_t uid = 1; uid < SG_REFUSALS; uid++) {
        note(world, SG_NOTICE_MISBEHAVED, uid, 1);
    }
    note(world, SG_NOTICE_MISBEHAVED, 100, 40);
    note(world, SG_NOTICE_DIED, 101, 1);
    note(world, SG_NOTICE_DIED, 102, 1);
    tell_now(world);
    assert_int_equal(end_log("event=ring_connection_died", line, sizeof line), SG_REFUSALS);
    assert_non_null(strstr(line, " uid=102 pid=0 signal=0 count=2\n"));
}

/* One that makes tokens and reasons up. */
static void one_user_leaves_rows_for_others(void **state)
{
    const struct world *world = *state;
    char line[4096];
    begin_notes(world);
    for (uint32_t token = 1; token <= SG_TOKENS_MAX; token++) {
        struct sg_rings_refusal_row row = {.reason = SG_NOTICE_USE_FAILED, .uid = 7, .count = 1};
        row.failure.token = token;
        sg_rings_note(world->rings, &row);
    }
    for (uid_t uid = 8; uid < 8 + SG_REFUSALS - SG_REFUSALS_OF_USER; uid++) {
        note(world, SG_NOTICE_MISBEHAVED, uid, 1);
    }
    tell_now(world);
    size_t others = end_log("event=ring_connection_misbehaved", line, sizeof line);
    assert_int_equal(others, SG_REFUSALS); /* lines in all */
    assert_non_null(strstr(line, " uid=19 pid=0 count=1\n"));
}

static void what_it_said_before_its_end_is_heard(void **state)
{
    struct world *world = *state;
    char line[4096];
    struct sg_error err = SG_ERROR_INIT;
    struct sg_rings_packet question = {.kind = SG_RINGS_VIEW};
    struct sg_rings_packet heard = {.kind = 0};
    struct sg_rings_failure failure = failure_of("no_sandbox", "cannot set a resource limit");
    failure.what = SG_RINGS_CONNECTION_FAILED;
    assert_int_equal(
        sg_packet_send(world->evil, &question, sizeof question, NULL, 0, NULL, 0, &err), SG_OK);
    assert_int_equal(sg_packet_send(world->evil, &failure, sizeof failure, NULL, 0, NULL, 0, &err),
                     SG_OK);
    begin_log();
    sg_rings_read_last_words(world->rings, &world->rings->rows[0]);
    assert_int_equal(end_log("event=ring_connection_failed code=no_sandbox", line, sizeof line), 1);
    assert_int_not_equal(line[0], 0);
    assert_false(hear(world->control, &heard, NULL)); /* nobody waits for the answer */
}

static void failures_that_are_none_end_it(void **state)
{
    struct sg_rings_failure failure = failure_of("ok uid=0", "x");
    check_ends(*state, &failure, sizeof failure, -1);
}

static void failure_without_a_code_ends_it(void **state)
{
    struct sg_rings_failure failure = failure_of("", "x");
    check_ends(*state, &failure, sizeof failure, -1);
}

static void failure_that_does_not_end_ends_it(void **state)
{
    struct sg_rings_failure failure = failure_of("ok", "");
    memset(failure.text, 'x', sizeof failure.text);
    check_ends(*state, &failure, sizeof failure, -1);
}

static void code_that_does_not_end_ends_it(void **state)
{
    struct sg_rings_failure failure = failure_of("ok", "x");
    memset(failure.code, 'x', sizeof failure.code);
    check_ends(*state, &failure, sizeof failure, -1);
}

static void unknown_failure_ends_it(void **state)
{
    struct sg_rings_failure failure = failure_of("ok", "x");
    failure.what = SG_RINGS_CONNECTION_FAILED + 1;
    check_ends(*state, &failure, sizeof failure, -1);
}

static void failure_that_did_not_happen_ends_it(void **state)
{
    struct sg_rings_failure failure = failure_of("ok", "x");
    failure.count = 0;
    check_ends(*state, &failure, sizeof failure, -1);
}

static void more_failures_than_there_can_be_end_it(void **state)
{
    struct sg_rings_failure failure = failure_of("ok", "x");
    failure.count = UINT64_MAX;
    check_ends(*state, &failure, sizeof failure, -1);
}

static void one_failure_too_many_ends_it(void **state)
{
    struct sg_rings_failure failure = failure_of("ok", "x");
    failure.count = 1000000001;
    check_ends(*state, &failure, sizeof failure, -1);
}

static void short_failure_ends_it(void **state)
{
    struct sg_rings_failure failure = failure_of("ok", "x");
    check_ends(*state, &failure, sizeof failure - 1, -1);
}

static void failure_with_a_descriptor_ends_it(void **state)
{
    struct sg_rings_failure failure = failure_of("ok", "x");
    check_ends(*state, &failure, sizeof failure, STDIN_FILENO);
}

static void question_as_long_as_a_failure_ends_it(void **state)
{
    struct sg_rings_failure failure = failure_of("ok", "x");
    failure.kind = SG_RINGS_VIEW;
    check_ends(*state, &failure, sizeof failure, -1);
}

/* ---- what an honest one says of its client's uses ---- */

static void check_told(int channel, uint64_t count, const char *text)
{
    static struct sg_packet packet;
    struct sg_rings_failure failure;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_packet_receive(channel, 0, &packet, &err), SG_OK);
    assert_int_equal(packet.len, sizeof failure);
    memcpy(&failure, packet.data, sizeof failure);
    assert_int_equal(failure.count, count);
    assert_string_equal(failure.text, text);
    assert_string_equal(failure.ring, "A/R");
}

static void fail_a_use(struct sg_connection *connection, const char *text)
{
    struct sg_error err = SG_ERROR_INIT;
    connection->used = (struct sg_used_place){.token = 1, .ring = "A/R"};
    sg_fail(&err, SG_E_TOKEN, "function_failed", "%s", text);
    assert_int_equal(sg_module_rv(&err), CKR_DEVICE_ERROR);
}

/* The second is not over when the client goes: the rest is told then, the last one's reason. */
static void failures_that_were_not_told_yet_are_told_at_the_end(void **state)
{
    int pair[2];
    CK_FUNCTION_LIST *module = NULL;
    struct sg_rings_packet heard = {.kind = 0};
    struct sg_error err = SG_ERROR_INIT;
    struct sg_generation_page page = {.generation = 1};
    struct sg_connection *connection = calloc(1, sizeof *connection);
    (void)state;
    assert_non_null(connection);
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    sg_connection_init(connection, -1, pair[0], 1000, &page);
    assert_int_equal(sg_module_new(connection, &module, &err), SG_OK);
    fail_a_use(connection, "one");
    check_told(pair[1], 1, "one");
    fail_a_use(connection, "two");
    fail_a_use(connection, "three");
    assert_false(hear(pair[1], &heard, NULL));
    sg_module_free(module);
    check_told(pair[1], 2, "three");
    assert_int_equal(sg_module_new(connection, &module, &err), SG_OK);
    sg_module_free(module); /* nothing has failed */
    assert_false(hear(pair[1], &heard, NULL));
    sg_connection_done(connection);
    free(connection);
    close(pair[0]);
    close(pair[1]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(identity_is_from_the_table),
        TEST(answer_goes_to_who_asked),
        TEST(users_are_asked_about_in_turns),
        TEST(lost_answers_hold_nobody_up),
        TEST(an_answer_without_its_descriptor_is_asked_for_again),
        TEST(end_of_control_does_not_end_rings),
        TEST(link_that_fails_while_control_lives_ends_rings),
        TEST(link_that_cannot_be_watched_ends_rings),
        TEST(same_question_again_is_not_asked_again),
        TEST(it_cannot_say_that_another_has_gone),
        TEST(it_cannot_have_another_user_counted),
        TEST(unknown_question_ends_it),
        TEST(token_out_of_range_ends_it),
        TEST(short_packet_ends_it),
        TEST(long_packet_ends_it),
        TEST(descriptor_ends_it),
        TEST(its_failures_are_logged_under_its_user),
        TEST(a_failed_use_is_told_with_ring_and_token),
        TEST(a_token_that_is_not_configured_has_no_name),
        TEST(it_cannot_fill_the_log),
        TEST(it_cannot_keep_rings_busy_with_failures),
        TEST(it_cannot_keep_rings_busy_with_questions),
        TEST(questions_that_are_answered_come_as_fast_as_answers),
        TEST(what_it_said_in_its_time_is_heard),
        TEST(a_count_without_end_hides_nobody),
        TEST(users_that_share_a_row_share_no_reason),
        TEST(one_user_leaves_rows_for_others),
        TEST(what_it_said_before_its_end_is_heard),
        TEST(failures_that_are_none_end_it),
        TEST(failure_without_a_code_ends_it),
        TEST(failure_that_does_not_end_ends_it),
        TEST(code_that_does_not_end_ends_it),
        TEST(unknown_failure_ends_it),
        TEST(failure_that_did_not_happen_ends_it),
        TEST(more_failures_than_there_can_be_end_it),
        TEST(one_failure_too_many_ends_it),
        TEST(short_failure_ends_it),
        TEST(failure_with_a_descriptor_ends_it),
        TEST(question_as_long_as_a_failure_ends_it),
        TEST(failures_that_were_not_told_yet_are_told_at_the_end),
    };
    return cmocka_run_group_tests_name("a connection that was taken over", tests, NULL, NULL);
}
