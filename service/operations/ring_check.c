/* ring check: what an application would find in a ring, before it does. */
#include "left_out_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void done(struct sg_ring_check *check)
{
    for (size_t i = 0; i < check->count; i++) {
        sg_certificate_free(check->members[i].certificate);
    }
    free(check->members);
}

struct sg_next sg_next(const char *format, ...)
{
    struct sg_next next;
    va_list args;
    va_start(args, format);
    vsnprintf(next.text, sizeof next.text, format, args);
    va_end(args);
    return next;
}

struct sg_shell_word sg_ring_word(const struct sg_ring_check *check)
{
    return sg_shell_word(check->ring.name.owner.text, check->ring.name.ring.text);
}

struct sg_shell_word sg_member_word(const struct sg_ring_member *member)
{
    return sg_shell_word(member->name.owner.text, member->name.label.text);
}

/* ---- findings ---- */

static const char *severity_name(enum sg_severity severity)
{
    switch (severity) {
    case SG_SEVERITY_ERROR:
        return "error";
    case SG_SEVERITY_WARNING:
        return "warning";
    case SG_SEVERITY_NOTE:
        break;
    }
    return "note";
}

static json_t *member_json(const struct sg_ring_member *member)
{
    return member == NULL ? json_null()
                          : json_sprintf("%s/%s", member->name.owner.text, member->name.label.text);
}

/* Errors first, each gravity in the order of finding. */
static size_t place_of(const struct sg_ring_check *check, enum sg_severity severity)
{
    size_t place = 0;
    for (size_t i = 0; i <= (size_t)severity; i++) {
        place += check->found[i];
    }
    return place;
}

sg_status sg_ring_found(struct sg_ring_check *check, enum sg_severity severity, const char *code,
                        const struct sg_ring_member *member, const struct sg_next *next,
                        struct sg_error *err, const char *format, ...)
{
    char text[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_t *item = json_object();
    sg_status s = sg_run_set(item, "severity", json_string(severity_name(severity)), err);
    s = s == SG_OK ? sg_run_set(item, "code", json_string(code), err) : s;
    s = s == SG_OK ? sg_run_set(item, "certificate", member_json(member), err) : s;
    s = s == SG_OK ? sg_run_set(item, "text", sg_run_sentence(text), err) : s;
    s = s == SG_OK
            ? sg_run_set(item, "next", next != NULL ? json_string(next->text) : json_null(), err)
            : s;
    if (s != SG_OK || json_array_insert_new(check->items, place_of(check, severity), item) != 0) {
        return s != SG_OK ? s : sg_fail_memory(err);
    }
    check->found[severity]++;
    return SG_OK;
}

/* ---- gathering ---- */

static sg_status take_member(void *context, const struct sg_certificate_row *row,
                             enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct sg_ring_check *check = context;
    if (check->count == check->ring.connections) {
        return SG_OK; /* one transaction reads both numbers: cannot be */
    }
    struct sg_ring_member *member = &check->members[check->count];
    *member = (struct sg_ring_member){
        .name = row->name,
        .usage = usage,
        .trust = row->trust,
        .obstacle = sg_server_obstacle(check->run, &check->ring.name, row, usage),
        .is_default = is_default,
        .has_key = row->has_key,
        .placeholder = row->placeholder,
    };
    memcpy(member->token, row->token, sizeof member->token);
    sg_status s =
        sg_certificate_parse((struct sg_bytes){row->der, row->der_len}, &member->certificate, err);
    if (s == SG_OK) {
        char why[SG_FORM_TEXT];
        member->facts = sg_certificate_facts(member->certificate);
        member->form = sg_certificate_form(member->certificate, why);
        check->count++;
    }
    return s;
}

static sg_status gather(struct sg_ring_check *check, struct sg_error *err)
{
    struct sg_ring_text name = sg_ring_text(&check->ring.name);
    if (check->ring.connections > SG_RING_CHECK_MAX) {
        sg_fail(err, SG_E_LIMIT, "ring_too_large",
                "ring %.300s has %llu certificates, and at most %d can be checked", name.text,
                (unsigned long long)check->ring.connections, SG_RING_CHECK_MAX);
        return sg_object(err, "%s", name.text);
    }
    check->members = calloc(check->ring.connections + 1, sizeof *check->members);
    if (check->members == NULL) {
        return sg_fail_memory(err);
    }
    return sg_store_connection_each(check->run->service->store, check->ring.id, take_member, check,
                                    err);
}

/* As sg_run_server_identity chooses, but for a default that cannot be used: that one is what
 * programs would take. */
static void choose_identity(struct sg_ring_check *check)
{
    for (size_t i = 0; i < check->count; i++) {
        struct sg_ring_member *member = &check->members[i];
        if (member->is_default ||
            (check->identity == NULL && member->obstacle == SG_OBSTACLE_NONE)) {
            check->identity = member;
        }
        if (member->is_default) {
            break;
        }
    }
    if (check->identity != NULL) {
        check->identity->needed = true;
    }
}

static sg_status read_parameters(struct sg_run *run, struct sg_ring_check *check,
                                 struct sg_error *err)
{
    struct sg_ring_ref ref;
    check->minimum_rsa = 2048;
    check->days = 30;
    (void)sg_run_integer(run, "minimum_rsa", &check->minimum_rsa);
    (void)sg_run_integer(run, "days", &check->days);
    check->host = sg_run_text(run, "host");
    check->mq = sg_run_flag(run, "mq");
    if (check->host != NULL && check->host[0] == '\0') {
        return sg_fail(err, SG_E_USAGE, "bad_parameter", "the host has no name");
    }
    sg_status s = sg_run_ring_ref(run, "ring", &ref, err);
    return s == SG_OK ? sg_store_ring_get(run->service->store, &ref, &check->ring, err) : s;
}

static sg_status answer(struct sg_run *run, const struct sg_ring_check *check, struct sg_error *err)
{
    json_t *found = json_pack("{s:i, s:i, s:i}", "error", (int)check->found[SG_SEVERITY_ERROR],
                              "warning", (int)check->found[SG_SEVERITY_WARNING], "note",
                              (int)check->found[SG_SEVERITY_NOTE]);
    sg_status s = sg_run_set(run->answer, "findings", found, err);
    s = s == SG_OK ? sg_run_set(run->answer, "owner", json_string(check->ring.name.owner.text), err)
                   : s;
    s = s == SG_OK ? sg_run_set(run->answer, "ring", json_string(check->ring.name.ring.text), err)
                   : s;
    s = s == SG_OK ? sg_run_set(run->answer, "identity", member_json(check->identity), err) : s;
    return s == SG_OK ? sg_run_set(run->answer, "ok",
                                   json_boolean(check->found[SG_SEVERITY_ERROR] == 0), err)
                      : s;
}

sg_status sg_operation_RING_CHECK(struct sg_run *run, struct sg_error *err)
{
    SG_FREE struct sg_ring_check *check = calloc(1, sizeof *check);
    if (check == NULL) {
        return sg_fail_memory(err);
    }
    *check = (struct sg_ring_check){
        .run = run, .items = json_array(), .now_s = sg_now_s(run->service->clock)};
    sg_status s = sg_run_set(run->answer, "items", check->items, err);
    s = s == SG_OK ? read_parameters(run, check, err) : s;
    s = s == SG_OK ? gather(check, err) : s;
    if (s == SG_OK) {
        choose_identity(check);
        s = sg_ring_check_default(check, err);
    }
    s = s == SG_OK ? sg_ring_check_keys(check, err) : s;
    s = s == SG_OK ? sg_ring_check_tokens(check, err) : s;
    s = s == SG_OK ? sg_ring_check_chain(check, err) : s;
    s = s == SG_OK ? sg_ring_check_names(check, err) : s;
    s = s == SG_OK ? sg_ring_check_members(check, err) : s;
    s = s == SG_OK ? sg_ring_check_room(check, err) : s;
    s = s == SG_OK ? answer(run, check, err) : s;
    done(check);
    return s;
}
