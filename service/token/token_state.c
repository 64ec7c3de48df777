#include "token_state_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/base/secret.h>
#include <signet/pkcs11/object.h>
#include <signet/pkcs11/result.h>

#include "softhsm_guard_internal.h"

static sg_status find_token(struct token_state *state, struct sg_error *err)
{
    const struct sg_token_settings *settings = state->settings;
    sg_status s =
        sg_pkcs11_token_find(state->module, settings->label, settings->serial, &state->token, err);
    if (s != SG_OK) {
        sg_error_prefix(err, "token \"%s\"", settings->name);
    }
    return s;
}

/* Without its directory SoftHSM says CKR_GENERAL_ERROR and nothing else. */
static sg_status open_storage(struct token_state *state, struct sg_error *err)
{
    const char *path = state->settings->storage;
    if (path == NULL) {
        return SG_OK;
    }
    state->storage = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return state->storage >= 0 ? SG_OK
                               : sg_fail_errno(err, SG_E_TOKEN, "storage_missing",
                                               "cannot open the storage %s of token \"%s\"", path,
                                               state->settings->name);
}

void sg_token_state_open(struct token_state *state, const struct sg_token_settings *settings)
{
    *state = (struct token_state){.settings = settings, .storage = -1};
    if (open_storage(state, &state->problem) != SG_OK ||
        sg_pkcs11_module_load(settings->module, &state->module, &state->problem) != SG_OK ||
        find_token(state, &state->problem) != SG_OK) {
        sg_log_error(SG_LOG_ERROR, "token_unusable", &state->problem);
    }
}

void sg_token_state_done(struct token_state *state)
{
    sg_pkcs11_session_free(SG_STEAL(state->session));
    sg_pkcs11_module_free(SG_STEAL(state->module));
    sg_fd_closep(&state->storage);
    state->storage = -1;
}

/* Whoever fails stays: a second login asks neither the token nor the PIN file. */
static sg_status remember(struct token_state *state, const struct sg_error *err)
{
    state->problem = *err;
    sg_log_error(SG_LOG_ERROR, "login_failed", err);
    return err->status;
}

static sg_status hint_by_itself(struct sg_error *err)
{
    return sg_hint(err, "The PIN is not at fault; the login is tried again by itself, after 10 to "
                        "40 seconds. If it stays so, look after the token: its power, network, "
                        "sessions and the vendor's log.");
}

/* What an operator has to do, by what the token said of the PIN. */
static sg_status hint_login(const struct token_state *state, enum sg_pkcs11_verdict verdict,
                            struct sg_error *err)
{
    const char *name = state->settings->name;
    const char *file = state->settings->pin_file;
    switch (verdict) {
    case SG_PKCS11_PIN_REFUSED:
        return sg_hint(err, "Correct the PIN in %s, then: signet token login %s", file, name);
    case SG_PKCS11_PIN_LOCKED:
        return sg_hint(err, "Unlock it with the vendor's tool, then: signet token login %s", name);
    case SG_PKCS11_PIN_EXPIRED:
        return sg_hint(err,
                       "Set a new PIN with the vendor's tool, write it into %s, then: signet token "
                       "login %s",
                       file, name);
    case SG_PKCS11_PIN_NOT_SET:
        return sg_hint(err, "Set one with the vendor's tool, then: signet token login %s", name);
    case SG_PKCS11_PIN_UNSEEN:
        return hint_by_itself(err);
    case SG_PKCS11_PIN_UNKNOWN:
        break;
    }
    return sg_hint(err,
                   "This may have counted as a wrong PIN, so it is not repeated unasked. See what "
                   "the vendor says of this code, compare the PIN in %s, then: signet token login "
                   "%s",
                   file, name);
}

/* The token's flags from just now, not from the start: another process may have spent a try since.
 */
static sg_status check_flags(struct token_state *state, struct sg_error *err)
{
    const char *name = state->settings->name;
    state->pin_spent = true;
    if (state->token.pin_locked) {
        sg_fail(err, SG_E_TOKEN, "pin_locked", "token \"%s\": the PIN is locked", name);
        return hint_login(state, SG_PKCS11_PIN_LOCKED, err);
    }
    if (state->token.pin_final_try) {
        sg_fail(err, SG_E_TOKEN, "pin_final_try",
                "token \"%s\": only one try is left before the PIN is locked; it was not used",
                name);
        return hint_login(state, SG_PKCS11_PIN_REFUSED, err);
    }
    if (!state->token.pin_set) {
        sg_fail(err, SG_E_TOKEN, "pin_not_set", "token \"%s\" has no user PIN", name);
        return hint_login(state, SG_PKCS11_PIN_NOT_SET, err);
    }
    state->pin_spent = false;
    return SG_OK;
}

/* A module that hides a refusal behind a general error is given away by the token's counter. */
static sg_status judge_answer(struct token_state *state, struct sg_error *err)
{
    enum sg_pkcs11_verdict verdict = sg_pkcs11_login_verdict(err->ck_rv);
    sg_error_prefix(err, "token \"%s\"", state->settings->name);
    if (verdict == SG_PKCS11_PIN_UNSEEN &&
        sg_pkcs11_token_counts_tries(state->module, state->token.slot)) {
        verdict = SG_PKCS11_PIN_UNKNOWN;
        sg_error_prefix(err, "the token counts a wrong PIN since its last login");
    }
    state->pin_spent = verdict != SG_PKCS11_PIN_UNSEEN;
    return hint_login(state, verdict, err);
}

static sg_status open_session(struct token_state *state, struct sg_error *err)
{
    if (sg_pkcs11_session_open(state->module, state->token.slot, &state->session, err) == SG_OK) {
        return SG_OK;
    }
    sg_error_prefix(err, "token \"%s\"", state->settings->name);
    return hint_by_itself(err);
}

static sg_status send_pin(struct token_state *state, struct sg_error *err)
{
    SG_SECRET struct sg_secret *pin = NULL;
    sg_status s = sg_secret_read_file(state->settings->pin_file, "PIN file", &pin, err);
    if (s == SG_OK) {
        s = open_session(state, err);
    }
    if (s != SG_OK) {
        return s;
    }
    struct softhsm_login softhsm;
    sg_softhsm_login_prepare(state->settings, &softhsm);
    state->login_tried = true;
    state->pin_spent = true;
    s = sg_pkcs11_session_login(state->session, pin, err);
    bool guarded = sg_softhsm_login_finish(&softhsm);
    bool answers = !guarded || sg_pkcs11_token_answers(state->module, state->token.slot);
    if (s != SG_OK) {
        return judge_answer(state, err);
    }
    state->pin_spent = false;
    if (answers) {
        return SG_OK;
    }
    sg_fail(err, SG_E_TOKEN, SG_TOKEN_BUSY,
            "token \"%s\" was changed by another process during the login", state->settings->name);
    return hint_by_itself(err);
}

static sg_status read_objects(struct token_state *state, struct sg_error *err)
{
    if (sg_pkcs11_object_index(state->session, err) == SG_OK) {
        return SG_OK;
    }
    sg_error_prefix(err, "token \"%s\" took the PIN", state->settings->name);
    return err->hint[0] != '\0' ? err->status : hint_by_itself(err);
}

static sg_status login_once(struct token_state *state, struct sg_error *err)
{
    sg_status s = find_token(state, err);
    if (s == SG_OK) {
        s = check_flags(state, err);
    }
    if (s == SG_OK) {
        s = send_pin(state, err);
    }
    return s == SG_OK ? read_objects(state, err) : s;
}

sg_status sg_token_state_login(struct token_state *state, struct sg_error *err)
{
    if (state->logged_in) {
        return SG_OK;
    }
    if (state->login_tried || state->module == NULL) {
        *err = state->problem;
        return err->status;
    }
    sg_pkcs11_session_free(SG_STEAL(state->session));
    sg_status s = login_once(state, err);
    if (s != SG_OK) {
        return remember(state, err);
    }
    sg_error_clear(&state->problem);
    state->logged_in = true;
    state->logged_in_ms = sg_monotonic_ms(sg_clock_system());
    sg_log(SG_LOG_NOTICE, "event=logged_in token=\"%s\" private_keys=%zu", state->settings->name,
           sg_pkcs11_object_count(state->session, SG_PKCS11_PRIVATE_KEY));
    return SG_OK;
}

sg_status sg_token_state_check(const struct token_state *state, struct sg_error *err)
{
    if (state->logged_in) {
        return SG_OK;
    }
    if (state->problem.status != SG_OK) {
        *err = state->problem;
        return err->status;
    }
    sg_fail(err, SG_E_TOKEN, "not_logged_in", "token \"%s\" is not logged in",
            state->settings->name);
    return sg_hint(err, "signet token login %s", state->settings->name);
}

/* FNV-1a over whatever changes when somebody writes or replaces the file. */
static uint64_t digest(const uint64_t *words, size_t count)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < count; i++) {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            hash = (hash ^ ((words[i] >> shift) & 0xff)) * 0x100000001b3u;
        }
    }
    return hash != 0 ? hash : 1;
}

static uint64_t pin_version(const char *path)
{
    struct stat info;
    SG_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0) {
        return 0;
    }
    const uint64_t words[] = {
        (uint64_t)info.st_dev,          (uint64_t)info.st_ino,
        (uint64_t)info.st_size,         (uint64_t)info.st_mtim.tv_sec,
        (uint64_t)info.st_mtim.tv_nsec, (uint64_t)info.st_ctim.tv_sec,
        (uint64_t)info.st_ctim.tv_nsec,
    };
    return digest(words, SG_COUNT(words));
}

static void describe_problem(const struct token_state *state, char *out, size_t room)
{
    if (state->logged_in) {
        return;
    }
    struct sg_error err = SG_ERROR_INIT;
    SG_SECRET struct sg_secret *pin = NULL;
    if (state->problem.status != SG_OK) {
        snprintf(out, room, "%.255s", state->problem.text);
    } else if (sg_secret_read_file(state->settings->pin_file, "PIN file", &pin, &err) != SG_OK) {
        snprintf(out, room, "%.255s", err.text);
    }
}

void sg_token_state_info(const struct token_state *state, struct wire_info *out)
{
    *out = (struct wire_info){.logged_in = state->logged_in,
                              .pin_spent = state->pin_spent,
                              .pin_version = pin_version(state->settings->pin_file)};
    snprintf(out->label, sizeof out->label, "%s", state->token.label);
    snprintf(out->serial, sizeof out->serial, "%s", state->token.serial);
    snprintf(out->manufacturer, sizeof out->manufacturer, "%s", state->token.manufacturer);
    snprintf(out->model, sizeof out->model, "%s", state->token.model);
    describe_problem(state, out->problem, sizeof out->problem);
    if (state->logged_in) {
        out->private_keys = sg_pkcs11_object_count(state->session, SG_PKCS11_PRIVATE_KEY);
        out->certificates = sg_pkcs11_object_count(state->session, SG_PKCS11_CERTIFICATE);
    }
}

sg_status sg_token_state_sync(const struct token_state *state, struct sg_error *err)
{
    if (state->storage < 0) {
        return state->settings->storage == NULL
                   ? SG_OK
                   : sg_fail(err, SG_E_STORAGE, "cannot_sync", "cannot open the storage %s",
                             state->settings->storage);
    }
    return syncfs(state->storage) == 0
               ? SG_OK
               : sg_fail_errno(err, SG_E_STORAGE, "cannot_sync", "cannot sync the storage %s",
                               state->settings->storage);
}
