/* What a token process does when the token locks its PIN, forgets handles and sessions, lies, or
 * goes away. */
#include <p11-kit/pkcs11.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/packet.h>

#include "cmocka_all.h"
#include "patience.h"
#include "softhsm_fixture.h"
#include "verify.h"
#include "wire_internal.h"

struct world {
    struct softhsm_fixture fixture;
    struct sg_token_settings settings;
    char fault[64], log[128], log_path[112], orders[128], orders_path[112];
    const char *environment[5];
    struct token_process process;
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    softhsm_fixture_init(&world->fixture);
    world->settings = world->fixture.settings;
    world->settings.module = WRAP_MODULE;
    world->settings.environment = world->environment;
    snprintf(world->log_path, sizeof world->log_path, "%s/logins", world->fixture.directory);
    snprintf(world->log, sizeof world->log, "WRAP_LOG=%s", world->log_path);
    snprintf(world->orders_path, sizeof world->orders_path, "%s/orders", world->fixture.directory);
    snprintf(world->orders, sizeof world->orders, "WRAP_ORDERS=%s", world->orders_path);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    softhsm_fixture_done(&world->fixture);
    free(world);
    return 0;
}

static void start(struct world *world, const char *fault)
{
    snprintf(world->fault, sizeof world->fault, "WRAP_FAULT=%s", fault);
    world->environment[0] = world->fixture.configuration;
    world->environment[1] = world->fault;
    world->environment[2] = world->log;
    world->environment[3] = world->orders;
    token_process_start(&world->process, &world->settings);
}

static void make_key(struct world *world)
{
    struct token_process process;
    struct sg_buffer spki;
    token_process_start_ready(&process, &world->fixture.settings);
    generate_key(&process.link, "ec:p256", key_id(1), (struct sg_key_abilities){0}, &spki);
    sg_buffer_done(&spki);
    assert_int_equal(token_process_stop(&process), 0);
}

static size_t logins(const struct world *world)
{
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER text;
    sg_buffer_init(&text, 4096);
    if (access(world->log_path, F_OK) != 0) {
        return 0;
    }
    assert_int_equal(sg_file_read(world->log_path, "log", &text, &err), SG_OK);
    return text.len / strlen("login\n");
}

static sg_status sign(struct world *world, struct sg_error *err)
{
    static const unsigned char digest[32] = {1};
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = sizeof out;
    struct sg_key_id id = key_id(1);
    struct sg_mechanism ecdsa = {.kind = SG_MECHANISM_ECDSA};
    return sg_token_use(&world->process.link, SG_VERB_SIGN, &id, &ecdsa,
                        (struct sg_bytes){digest, sizeof digest}, out, &len, err);
}

/* Log in twice, expect the same failure both times, and so many C_Login in all. */
static void check_login(struct world *world, const char *fault, const char *code, size_t tries)
{
    start(world, fault);
    for (int i = 0; i < 2; i++) {
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(sg_token_login(&world->process.link, &err), SG_E_TOKEN);
        assert_string_equal(err.code, code);
        assert_non_null(strstr(err.text, "\"store\""));
        assert_non_null(strstr(err.hint, "signet token login store"));
    }
    assert_int_equal(logins(world), tries);
    struct sg_error err = SG_ERROR_INIT;
    struct sg_token_info info;
    assert_int_equal(sg_token_get_info(&world->process.link, &info, &err), SG_OK);
    assert_false(info.logged_in);
    assert_true(info.pin_spent);
    assert_true(info.problem[0] != '\0');
    assert_int_equal(sign(world, &err), SG_E_TOKEN);
    assert_int_equal(token_process_stop(&world->process), 0);
}

static void final_try_is_not_used(void **state)
{
    check_login(*state, "final_try", "pin_final_try", 0);
}

static void locked_pin_is_not_tried(void **state)
{
    check_login(*state, "locked", "pin_locked", 0);
}

static void token_without_pin_is_not_tried(void **state)
{
    check_login(*state, "no_pin", "pin_not_set", 0);
}

static void pin_locked_by_the_answer_is_tried_once(void **state)
{
    check_login(*state, "login_locked", "pin_locked", 1);
}

static void unknown_refusal_of_the_login_is_tried_once_and_told_in_hex(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    start(world, "login_odd");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sg_token_login(&world->process.link, &err), SG_E_TOKEN);
        assert_non_null(strstr(err.text, "0x80000042"));
        assert_int_equal(err.ck_rv, 0x80000042ul);
    }
    assert_int_equal(logins(world), 1);
    assert_int_equal(token_process_stop(&world->process), 0);
}

static void second_login_after_success_does_nothing(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    start(world, "none");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    assert_int_equal(logins(world), 1);
    assert_int_equal(token_process_stop(&world->process), 0);
}

static void check_repaired(struct world *world, const char *fault)
{
    struct sg_error err = SG_ERROR_INIT;
    make_key(world);
    start(world, fault);
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    for (int i = 0; i < 3; i++) {
        if (sign(world, &err) != SG_OK) {
            fail_msg("%s: %s", fault, err.text);
        }
    }
    assert_int_equal(logins(world), 1);
    assert_int_equal(token_process_stop(&world->process), 0);
}

static void invalid_key_handle_is_looked_up_again(void **state)
{
    check_repaired(*state, "handle_once");
}

static void invalid_session_is_opened_again_without_a_login(void **state)
{
    check_repaired(*state, "session_once");
}

static void operation_left_active_is_got_rid_of(void **state)
{
    check_repaired(*state, "active_once");
}

static void handle_that_stays_invalid_is_a_failure_not_a_loop(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    make_key(world);
    start(world, "handle_always");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    assert_int_equal(sign(world, &err), SG_E_TOKEN);
    assert_string_equal(err.code, "key_handle_invalid");
    assert_int_equal(token_process_stop(&world->process), 0);
}

static void refusal_names_the_ck_rv(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    make_key(world);
    start(world, "protected");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    assert_int_equal(sign(world, &err), SG_E_TOKEN);
    assert_non_null(strstr(err.text, "CKR_TOKEN_WRITE_PROTECTED"));
    assert_string_equal(err.code, "token_write_protected");
    assert_int_equal(err.ck_rv, 0xe2);
    assert_int_equal(token_process_stop(&world->process), 0);
}

/* A CK_RV that sounds final is not believed while the session is still the user's. */
static void device_removed_with_a_living_session_is_an_ordinary_refusal(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    make_key(world);
    start(world, "removed");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    assert_int_equal(sign(world, &err), SG_E_TOKEN);
    assert_string_equal(err.code, "device_removed");
    assert_int_equal(sign(world, &err), SG_E_TOKEN);
    assert_int_equal(token_process_stop(&world->process), 0);
}

static void process_ends_when_the_token_ends_the_login(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    make_key(world);
    start(world, "logout");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    assert_int_equal(sign(world, &err), SG_E_SERVICE);
    assert_string_equal(err.code, SG_TOKEN_LOGIN_LOST);
    assert_int_equal(token_process_wait(&world->process), SG_E_TOKEN);
    assert_int_equal(logins(world), 1);
    close(world->process.link.socket);
}

/* The pair is destroyed again: nothing with its CKA_ID stays behind. */
static void check_not_generated(struct world *world, const char *fault, const char *code,
                                const char *word)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_generate_request request = {.id = key_id(7)};
    unsigned count = 99;
    SG_BUFFER spki;
    sg_buffer_init(&spki, 4096);
    assert_int_equal(sg_key_spec_find("ec:p256", &request.spec, &err), SG_OK);
    start(world, fault);
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    assert_int_equal(sg_token_generate(&world->process.link, &request, &spki, &err), SG_E_TOKEN);
    assert_string_equal(err.code, code);
    assert_non_null(strstr(err.text, word));
    assert_int_equal(spki.len, 0);
    assert_int_equal(sg_token_destroy(&world->process.link, &request.id, &count, &err), SG_OK);
    assert_int_equal(count, 0);
    assert_int_equal(token_process_stop(&world->process), 0);
}

static void extractable_key_is_destroyed_again(void **state)
{
    check_not_generated(*state, "extractable", "key_attributes", "CKA_EXTRACTABLE is true");
}

static void key_off_its_curve_is_destroyed_again(void **state)
{
    check_not_generated(*state, "point", "bad_public_key", "curve");
}

static void key_with_another_id_is_destroyed_again(void **state)
{
    check_not_generated(*state, "renamed", "key_attributes", "CKA_ID");
}

static void attribute_that_the_token_does_not_have_is_no_fault(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_buffer spki;
    start(world, "no_local");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    generate_key(&world->process.link, "ec:p256", key_id(7), (struct sg_key_abilities){0}, &spki);
    sg_buffer_done(&spki);
    assert_int_equal(token_process_stop(&world->process), 0);
}

/* ---- lies about lengths, told while it runs ---- */

static void order(const struct world *world, const char *text)
{
    FILE *orders = fopen(world->orders_path, "we");
    assert_non_null(orders);
    assert_true(fprintf(orders, "%s\n", text) > 0);
    assert_int_equal(fclose(orders), 0);
}

/* A login that fails once, in a process that sends the PIN once: what is said of it, and whether a
 * fresh process may send it again. */
static void check_failed_login(struct world *world, const char *fault, bool spent, const char *hint)
{
    char text[64];
    struct sg_error err = SG_ERROR_INIT;
    struct sg_token_info info;
    snprintf(text, sizeof text, "C_Login %s once", fault);
    order(world, text);
    start(world, "none");
    for (int i = 0; i < 3; i++) {
        assert_int_not_equal(sg_token_login(&world->process.link, &err), SG_OK);
        if (strstr(err.hint, hint) == NULL) {
            fail_msg("%s: %s", fault, err.hint);
        }
    }
    assert_int_equal(sg_token_get_info(&world->process.link, &info, &err), SG_OK);
    if (info.pin_spent != spent) {
        fail_msg("%s: %s", fault, info.problem);
    }
    assert_int_equal(token_process_stop(&world->process), 0);
}

static void login_that_did_not_come_to_the_pin_may_be_tried_again(void **state)
{
    static const char *const faults[] = {"failed",  "error",  "memory",
                                         "removed", "absent", "sessions"};
    struct world *world = *state;
    for (size_t i = 0; i < SG_COUNT(faults); i++) {
        check_failed_login(world, faults[i], false, "tried again by itself");
        assert_int_equal(logins(world), i + 1);
    }
}

static void login_that_may_have_counted_is_not_tried_again(void **state)
{
    struct world *world = *state;
    check_failed_login(world, "incorrect", true, "Correct the PIN");
    check_failed_login(world, "expired", true, "Set a new PIN");
    check_failed_login(world, "odd", true, "may have counted");
    check_failed_login(world, "arguments", true, "may have counted");
    assert_int_equal(logins(world), 4);
}

static void wrong_pin_behind_a_general_error_is_found_out(void **state)
{
    struct world *world = *state;
    FILE *pin = fopen(world->settings.pin_file, "we");
    assert_non_null(pin);
    assert_true(fputs("surely-wrong-99\n", pin) >= 0);
    assert_int_equal(fclose(pin), 0);
    check_failed_login(world, "masked", true, "may have counted");
    assert_int_equal(logins(world), 1);
}

/* The PIN was good: what fails behind it says nothing of it. */
static void objects_that_cannot_be_read_do_not_spoil_the_pin(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_token_info info;
    order(world, "C_FindObjects odd always");
    start(world, "none");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_E_TOKEN);
    assert_non_null(strstr(err.text, "took the PIN"));
    assert_int_equal(sg_token_get_info(&world->process.link, &info, &err), SG_OK);
    assert_false(info.pin_spent);
    assert_int_equal(token_process_stop(&world->process), 0);
}

/* Nor does a guarded SoftHSM that is of no use behind the login. The process stays, for whoever
 * asks it of the PIN: one that were gone would not say that it was good. */
static void token_that_is_silent_after_the_login_does_not_spoil_the_pin(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_token_info info;
    order(world, "C_Login silent once");
    start(world, "none");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sg_token_login(&world->process.link, &err), SG_E_TOKEN);
        assert_string_equal(err.code, "token_busy");
        assert_non_null(strstr(err.hint, "tried again by itself"));
        assert_int_equal(sg_token_get_info(&world->process.link, &info, &err), SG_OK);
        assert_false(info.pin_spent);
        assert_false(info.logged_in);
    }
    assert_int_equal(logins(world), 1);
    assert_int_equal(token_process_stop(&world->process), 0);
}

/* A login that reads what is not there would crash, at the latest under a sanitizer. */
static void check_login_lie(struct world *world, const char *text)
{
    struct sg_error err = SG_ERROR_INIT;
    make_key(world);
    order(world, text);
    start(world, "none");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_E_TOKEN);
    assert_string_equal(err.code, "buffer_too_small");
    assert_int_equal(token_process_stop(&world->process), 0);
}

static void more_objects_than_asked_for_are_not_read(void **state)
{
    check_login_lie(*state, "C_FindObjects long once");
}

static void check_sign_lie(struct world *world, const char *text, const char *code)
{
    struct sg_error err = SG_ERROR_INIT;
    make_key(world);
    start(world, "none");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    order(world, text);
    assert_int_equal(sign(world, &err), SG_E_TOKEN);
    assert_string_equal(err.code, code);
    assert_int_equal(sign(world, &err), SG_OK); /* and it has done no harm */
    assert_int_equal(token_process_stop(&world->process), 0);
}

static void signature_longer_than_its_room_is_not_read(void **state)
{
    check_sign_lie(*state, "C_Sign long once", "buffer_too_small");
}

/* A module that does not end the operation that it failed at: each time the cause is told, also
 * where the session is asked to search first, for a key that it has not seen. */
static void check_cause(struct world *world, const char *text, const char *code)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_key_id unseen = key_id(77);
    struct sg_mechanism mechanism = {.kind = SG_MECHANISM_ECDSA};
    unsigned char out[SG_SIGNATURE_MAX];
    order(world, text);
    for (int i = 0; i < 3; i++) {
        size_t room = sizeof out;
        assert_int_equal(sign(world, &err), SG_E_TOKEN);
        assert_string_equal(err.code, code);
        unseen.bytes[1]++;
        assert_int_equal(sg_token_use(&world->process.link, SG_VERB_SIGN, &unseen, &mechanism,
                                      (struct sg_bytes){out, 32}, out, &room, &err),
                         SG_E_NOT_FOUND);
        assert_string_equal(err.code, "key_missing");
    }
}

static void operation_that_a_failure_leaves_active_hides_no_cause(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    make_key(world);
    start(world, "none");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    check_cause(world, "C_Sign failed always", "function_failed");
    check_cause(world, "C_Sign removed always", "device_removed");
    check_cause(world, "C_Sign sessions always", "session_count");
    check_cause(world, "C_Sign arguments always", "arguments_bad");
    check_cause(world, "C_Sign long always", "buffer_too_small");
    order(world, "");
    assert_int_equal(sign(world, &err), SG_OK);
    assert_int_equal(logins(world), 1);
    assert_int_equal(token_process_stop(&world->process), 0);
}

/* ---- keys that go and come back ---- */

static void start_signing(struct world *world)
{
    struct sg_error err = SG_ERROR_INIT;
    make_key(world);
    start(world, "none");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    assert_int_equal(sign(world, &err), SG_OK);
}

static void check_missing(struct world *world)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sign(world, &err), SG_E_NOT_FOUND);
    assert_string_equal(err.code, "key_missing");
    assert_int_equal(err.ck_rv, CKR_KEY_HANDLE_INVALID);
}

/* Nobody is granted anything meanwhile. */
static void key_that_was_away_is_found_again(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    start_signing(world);
    order(world, "C_SignInit handle always\nC_FindObjects nothing always");
    check_missing(world);
    order(world, "");
    int64_t end_ms = sg_monotonic_ms(sg_clock_system()) + patiently(5000);
    while (sign(world, &err) != SG_OK) {
        assert_true(sg_monotonic_ms(sg_clock_system()) < end_ms);
        (void)poll(NULL, 0, 20);
    }
    assert_int_equal(token_process_stop(&world->process), 0);
}

/* A search costs a scan of the token, and whoever may use the key may ask without end. */
static void missing_key_is_searched_for_once_in_a_second(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    start_signing(world);
    int64_t begin_ms = sg_monotonic_ms(sg_clock_system());
    order(world, "C_SignInit handle always\nC_FindObjects nothing always");
    check_missing(world);
    order(world, "C_FindObjects crash always");
    for (int i = 0; i < 50; i++) {
        sg_status s = sign(world, &err);
        if (sg_monotonic_ms(sg_clock_system()) - begin_ms >= 1000) {
            break; /* it may have searched by now */
        }
        assert_int_equal(s, SG_E_NOT_FOUND);
    }
    close(world->process.link.socket);
    (void)token_process_wait(&world->process);
}

/* ---- what is known of the objects when a failure has cost their handles ---- */

static void check_counts(struct world *world, uint64_t private_keys, uint64_t certificates)
{
    struct sg_token_info info;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_token_get_info(&world->process.link, &info, &err), SG_OK);
    assert_int_equal(info.private_keys, private_keys);
    assert_int_equal(info.certificates, certificates);
}

static void store_certificate(struct world *world, const char *name)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_key_id id = key_id(1);
    SG_BUFFER der;
    sg_buffer_init(&der, 8192);
    make_certificate(name, &der);
    assert_int_equal(sg_token_store_certificate(&world->process.link, &id, "web",
                                                (struct sg_bytes){der.data, der.len}, &err),
                     SG_OK);
}

static void fail_once(struct world *world)
{
    struct sg_error err = SG_ERROR_INIT;
    order(world, "C_Sign failed once");
    assert_int_equal(sign(world, &err), SG_E_TOKEN);
    assert_string_equal(err.code, "function_failed");
}

static void failure_leaves_the_counts_as_they_are(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    unsigned count = 0;
    start_signing(world);
    store_certificate(world, "first");
    check_counts(world, 1, 1);
    fail_once(world);
    check_counts(world, 1, 1);
    assert_int_equal(sign(world, &err), SG_OK);
    check_counts(world, 1, 1);
    fail_once(world);
    struct sg_key_id id = key_id(1);
    assert_int_equal(sg_token_destroy(&world->process.link, &id, &count, &err), SG_OK);
    check_counts(world, 0, 0);
    assert_int_equal(token_process_stop(&world->process), 0);
}

/* A private key, a public one, one certificate: a fresh process destroys no more. */
static void check_one_certificate(struct world *world)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_key_id id = key_id(1);
    unsigned count = 0;
    assert_int_equal(token_process_stop(&world->process), 0);
    start(world, "none");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    assert_int_equal(sg_token_destroy(&world->process.link, &id, &count, &err), SG_OK);
    assert_int_equal(count, 3);
    assert_int_equal(token_process_stop(&world->process), 0);
}

static void certificate_is_replaced_after_a_failure_too(void **state)
{
    struct world *world = *state;
    start_signing(world);
    store_certificate(world, "first");
    fail_once(world);
    store_certificate(world, "second");
    check_one_certificate(world);
}

/* The number that it had is no object's any more, and it is there under another one. */
static void certificate_is_replaced_in_a_token_that_numbers_anew(void **state)
{
    struct world *world = *state;
    start_signing(world);
    store_certificate(world, "first");
    order(world, "C_DestroyObject gone once");
    store_certificate(world, "second");
    check_one_certificate(world);
}

static void identity_is_taken_after_a_failure_too(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_generate_request request = {.id = key_id(1)};
    SG_BUFFER spki;
    sg_buffer_init(&spki, 4096);
    assert_int_equal(sg_key_spec_find("ec:p256", &request.spec, &err), SG_OK);
    start_signing(world);
    fail_once(world);
    assert_int_equal(sg_token_generate(&world->process.link, &request, &spki, &err), SG_E_CONFLICT);
    assert_string_equal(err.code, "key_exists");
    check_counts(world, 1, 0);
    assert_int_equal(token_process_stop(&world->process), 0);
}

static unsigned long decrypt(struct world *world, const struct sg_mechanism *mechanism, size_t len)
{
    static const unsigned char block[256] = {0};
    unsigned char out[SG_SIGNATURE_MAX];
    size_t room = sizeof out;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_key_id id = key_id(2);
    assert_int_equal(sg_token_use(&world->process.link, SG_VERB_DECRYPT, &id, mechanism,
                                  (struct sg_bytes){block, len}, out, &room, &err),
                     SG_E_TOKEN);
    return err.ck_rv;
}

/* Its Init has taken the mechanism; that it minds nothing more than data is no refusal of it. */
static void token_that_takes_nothing_for_an_argument_knows_the_mechanism(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_buffer spki;
    const struct sg_mechanism oaep = {
        .kind = SG_MECHANISM_RSA_OAEP, .hash = SG_HASH_SHA1, .mgf_hash = SG_HASH_SHA1};
    const struct sg_mechanism unknown = {
        .kind = SG_MECHANISM_RSA_OAEP, .hash = SG_HASH_SHA256, .mgf_hash = SG_HASH_SHA256};
    start(world, "none");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    generate_key(&world->process.link, "rsa:2048", key_id(2),
                 (struct sg_key_abilities){.decrypt = true}, &spki);
    sg_buffer_done(&spki);
    order(world, "C_Decrypt arguments always");
    assert_int_equal(decrypt(world, &oaep, 0), CKR_ENCRYPTED_DATA_INVALID);
    assert_int_equal(decrypt(world, &unknown, 0), CKR_ARGUMENTS_BAD);
    assert_int_equal(decrypt(world, &oaep, 256), CKR_ARGUMENTS_BAD);
    assert_int_equal(token_process_stop(&world->process), 0);
}

static void attributes_longer_than_their_room_are_not_read(void **state)
{
    struct world *world = *state;
    static const char *const specs[] = {"rsa:2048", "ec:p256", "ed25519"};
    order(world, "C_GetAttributeValue long always");
    start(world, "none");
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    for (size_t i = 0; i < SG_COUNT(specs); i++) {
        struct sg_generate_request request = {.id = key_id((unsigned char)(20 + i))};
        SG_BUFFER spki;
        sg_buffer_init(&spki, 4096);
        assert_int_equal(sg_key_spec_find(specs[i], &request.spec, &err), SG_OK);
        assert_int_equal(sg_token_generate(&world->process.link, &request, &spki, &err),
                         SG_E_TOKEN);
        assert_int_equal(spki.len, 0);
    }
    assert_int_equal(token_process_stop(&world->process), 0);
}

/* Behind the checks of single attributes, which the lie above fails first. */
static void modulus_longer_than_its_room_is_not_read(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_generate_request request = {.id = key_id(7)};
    SG_BUFFER spki;
    sg_buffer_init(&spki, 4096);
    assert_int_equal(sg_key_spec_find("rsa:2048", &request.spec, &err), SG_OK);
    start(world, "modulus_long");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    assert_int_equal(sg_token_generate(&world->process.link, &request, &spki, &err), SG_E_TOKEN);
    assert_string_equal(err.code, "buffer_too_small");
    assert_int_equal(token_process_stop(&world->process), 0);
}

static void out_of_sessions_is_told_and_the_pin_is_not_tried(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    order(world, "C_OpenSession sessions always");
    start(world, "none");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_E_TOKEN);
    assert_string_equal(err.code, "session_count");
    assert_int_equal(logins(world), 0);
    order(world, "");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    assert_int_equal(logins(world), 1);
    assert_int_equal(token_process_stop(&world->process), 0);
}

/* ---- a slow token, for which many wait ---- */

#define HOLDERS 40
#define SLOW_MS 100 /* one signature, then */

struct crowd {
    struct world *world;
    int holders[HOLDERS];
    struct sg_busy_page *busy;
};

static void grant(struct crowd *crowd, uint64_t number, uint32_t uid, int *holder)
{
    int pair[2];
    struct sg_error err = SG_ERROR_INIT;
    const struct sg_granted_key key = {.id = key_id(1), .sign = 1};
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    assert_int_equal(
        sg_token_grant(&crowd->world->process.link, number, uid, pair[1], &key, 1, &err), SG_OK);
    close(pair[1]);
    *holder = pair[0];
}

static void send_use(int holder, uint32_t sequence)
{
    static const unsigned char digest[32] = {1};
    struct sg_error err = SG_ERROR_INIT;
    const struct wire_request head = {.magic = WIRE_MAGIC,
                                      .version = WIRE_VERSION,
                                      .verb = WIRE_SIGN,
                                      .sequence = sequence,
                                      .key = key_id(1),
                                      .mechanism = {.kind = SG_MECHANISM_ECDSA},
                                      .body_len = sizeof digest};
    assert_int_equal(
        sg_packet_send(holder, &head, sizeof head, digest, sizeof digest, NULL, 0, &err), SG_OK);
}

static uint32_t receive_status(int holder)
{
    static struct sg_packet packet;
    struct sg_bytes body;
    struct wire_reply reply;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_packet_receive(holder, 20000, &packet, &err), SG_OK);
    assert_true(sg_token_wire_reply_decode(packet.data, packet.len, &reply, &body));
    return reply.status;
}

static void start_crowd(struct crowd *crowd, struct world *world)
{
    struct sg_error err = SG_ERROR_INIT;
    crowd->world = world;
    crowd->busy =
        mmap(NULL, sizeof *crowd->busy, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(crowd->busy != MAP_FAILED);
    world->settings.busy = crowd->busy;
    make_key(world);
    start(world, "none");
    assert_int_equal(sg_token_login(&world->process.link, &err), SG_OK);
    for (uint32_t i = 0; i < HOLDERS; i++) {
        grant(crowd, i + 1, 1000, &crowd->holders[i]);
    }
    assert_int_equal(sign(world, &err), SG_OK); /* looked up */
}

/* Everybody asks; the first one is being served. */
static void ask_all(const struct crowd *crowd)
{
    int64_t ignored = 0;
    order(crowd->world, "C_Sign slow always");
    for (size_t i = 0; i < HOLDERS; i++) {
        send_use(crowd->holders[i], 1);
    }
    while (sg_busy_get(crowd->busy, 0, &ignored) != SG_BUSY_USE) {
        (void)usleep(1000);
    }
}

static void end_crowd(struct crowd *crowd)
{
    for (size_t i = 0; i < HOLDERS; i++) {
        close(crowd->holders[i]);
    }
    order(crowd->world, "");
    assert_int_equal(token_process_stop(&crowd->world->process), 0);
    (void)munmap(crowd->busy, sizeof *crowd->busy);
}

static int64_t now_ms(void)
{
    return sg_monotonic_ms(sg_clock_system());
}

/* How many have their answer. */
static size_t answered(const struct crowd *crowd)
{
    size_t count = 0;
    for (size_t i = 0; i < HOLDERS; i++) {
        struct pollfd entry = {.fd = crowd->holders[i], .events = POLLIN};
        count += poll(&entry, 1, 0) > 0 ? 1 : 0;
    }
    return count;
}

static void administrator_waits_for_one_signature_not_for_all(void **state)
{
    struct crowd crowd;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_token_info info;
    int late = -1;
    start_crowd(&crowd, *state);
    ask_all(&crowd);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sg_token_get_info(&crowd.world->process.link, &info, &err), SG_OK);
    }
    grant(&crowd, 1000, 1001, &late);
    assert_in_range(answered(&crowd), 1, 10);
    for (size_t i = 0; i < HOLDERS; i++) {
        assert_int_equal(receive_status(crowd.holders[i]), SG_OK);
    }
    close(late);
    end_crowd(&crowd);
}

static void whoever_is_revoked_does_not_sign_any_more_though_it_has_asked(void **state)
{
    struct crowd crowd;
    struct sg_error err = SG_ERROR_INIT;
    start_crowd(&crowd, *state);
    ask_all(&crowd);
    for (uint64_t i = 0; i < HOLDERS / 2; i++) {
        assert_int_equal(sg_token_revoke(&crowd.world->process.link, HOLDERS - i, &err), SG_OK);
    }
    assert_in_range(answered(&crowd), 1, HOLDERS); /* an end of file, most of them */
    for (size_t i = 0; i < HOLDERS / 4; i++) {
        assert_int_equal(receive_status(crowd.holders[i]), SG_OK);
    }
    static struct sg_packet packet;
    assert_int_equal(sg_packet_receive(crowd.holders[HOLDERS - 1], 20000, &packet, &err),
                     SG_E_SERVICE);
    assert_string_equal(err.code, "peer_gone");
    end_crowd(&crowd);
}

/* Some are gone, the others have their new lists, and each has its own answer. */
static void many_lists_are_replaced_for_the_price_of_one_signature(void **state)
{
    struct crowd crowd;
    struct sg_token_ticket tickets[SG_TOKEN_ASKED_MAX];
    struct sg_error err = SG_ERROR_INIT;
    start_crowd(&crowd, *state);
    ask_all(&crowd);
    struct sg_token_link *link = &crowd.world->process.link;
    for (uint64_t i = 0; i < SG_TOKEN_ASKED_MAX; i++) {
        assert_int_equal(sg_token_regrant_ask(link, i + 1, NULL, 0, &tickets[i], &err), SG_OK);
    }
    for (size_t i = 0; i < SG_TOKEN_ASKED_MAX; i++) {
        assert_int_equal(sg_token_answer(link, &tickets[i], &err),
                         i < HOLDERS ? SG_OK : SG_E_NOT_FOUND);
    }
    size_t signatures = 0; /* the others are refused what they have asked for before */
    for (size_t i = 0; i < HOLDERS; i++) {
        uint32_t status = receive_status(crowd.holders[i]);
        assert_true(status == SG_OK || status == SG_E_DENIED);
        signatures += status == SG_OK ? 1 : 0;
    }
    assert_in_range(signatures, 1, 10);
    assert_int_equal(sg_token_revoke_ask(link, 1, &tickets[0], &err), SG_OK);
    assert_int_equal(sg_token_revoke_ask(link, 1, &tickets[1], &err), SG_OK);
    assert_int_equal(sg_token_answer(link, &tickets[0], &err), SG_OK);
    assert_int_equal(sg_token_answer(link, &tickets[1], &err), SG_E_NOT_FOUND);
    end_crowd(&crowd);
}

static void users_take_turns(void **state)
{
    struct crowd crowd;
    int other = -1;
    start_crowd(&crowd, *state);
    grant(&crowd, 1000, 1001, &other);
    ask_all(&crowd);
    for (uint32_t i = 1; i <= 3; i++) {
        send_use(other, i);
        assert_int_equal(receive_status(other), SG_OK);
    }
    assert_in_range(answered(&crowd), 3, 12); /* for each of ours one of theirs */
    for (size_t i = 0; i < HOLDERS; i++) {
        assert_int_equal(receive_status(crowd.holders[i]), SG_OK);
    }
    close(other);
    end_crowd(&crowd);
}

static void process_at_work_says_that_it_lives(void **state)
{
    struct crowd crowd;
    start_crowd(&crowd, *state);
    ask_all(&crowd);
    int64_t begin_ms = now_ms();
    int64_t longest_ms = 0;
    while (answered(&crowd) < HOLDERS && now_ms() - begin_ms < patiently(30000)) {
        int64_t silent_ms = sg_busy_silent_ms(crowd.busy, now_ms());
        longest_ms = silent_ms > longest_ms ? silent_ms : longest_ms;
        (void)usleep(1000);
    }
    assert_in_range(longest_ms, SLOW_MS - 5, patiently(15 * SLOW_MS));
    end_crowd(&crowd);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(final_try_is_not_used),
        TEST(locked_pin_is_not_tried),
        TEST(token_without_pin_is_not_tried),
        TEST(pin_locked_by_the_answer_is_tried_once),
        TEST(unknown_refusal_of_the_login_is_tried_once_and_told_in_hex),
        TEST(login_that_did_not_come_to_the_pin_may_be_tried_again),
        TEST(login_that_may_have_counted_is_not_tried_again),
        TEST(wrong_pin_behind_a_general_error_is_found_out),
        TEST(objects_that_cannot_be_read_do_not_spoil_the_pin),
        TEST(token_that_is_silent_after_the_login_does_not_spoil_the_pin),
        TEST(second_login_after_success_does_nothing),
        TEST(invalid_key_handle_is_looked_up_again),
        TEST(invalid_session_is_opened_again_without_a_login),
        TEST(operation_left_active_is_got_rid_of),
        TEST(handle_that_stays_invalid_is_a_failure_not_a_loop),
        TEST(refusal_names_the_ck_rv),
        TEST(device_removed_with_a_living_session_is_an_ordinary_refusal),
        TEST(process_ends_when_the_token_ends_the_login),
        TEST(extractable_key_is_destroyed_again),
        TEST(key_off_its_curve_is_destroyed_again),
        TEST(key_with_another_id_is_destroyed_again),
        TEST(attribute_that_the_token_does_not_have_is_no_fault),
        TEST(more_objects_than_asked_for_are_not_read),
        TEST(signature_longer_than_its_room_is_not_read),
        TEST(operation_that_a_failure_leaves_active_hides_no_cause),
        TEST(key_that_was_away_is_found_again),
        TEST(missing_key_is_searched_for_once_in_a_second),
        TEST(failure_leaves_the_counts_as_they_are),
        TEST(certificate_is_replaced_after_a_failure_too),
        TEST(certificate_is_replaced_in_a_token_that_numbers_anew),
        TEST(identity_is_taken_after_a_failure_too),
        TEST(token_that_takes_nothing_for_an_argument_knows_the_mechanism),
        TEST(attributes_longer_than_their_room_are_not_read),
        TEST(modulus_longer_than_its_room_is_not_read),
        TEST(out_of_sessions_is_told_and_the_pin_is_not_tried),
        TEST(administrator_waits_for_one_signature_not_for_all),
        TEST(whoever_is_revoked_does_not_sign_any_more_though_it_has_asked),
        TEST(many_lists_are_replaced_for_the_price_of_one_signature),
        TEST(users_take_turns),
        TEST(process_at_work_says_that_it_lives),
    };
    return cmocka_run_group_tests_name("misbehaving token", tests, NULL, NULL);
}
