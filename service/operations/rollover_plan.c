/* rollover plan and rollover list: what will be done, in which ring, and by when. */
#include "rollover_internal.h"

#include <string.h>

/* One line of the plan: a thing that a step does. */
static sg_status add_line(json_t *items, const struct sg_rollover *rollover, enum sg_life_step step,
                          enum sg_life_state state, char *text, struct sg_error *err)
{
    char time[SG_TIME_TEXT] = "";
    const struct sg_life_facts *facts = &rollover->facts;
    json_t *item = json_object();
    if (state != SG_LIFE_DONE) {
        sg_time_format(sg_life_due(facts, step), time);
    } else if (step != SG_LIFE_CERTIFY) {
        sg_time_format(step == SG_LIFE_START ? facts->started_s : facts->switched_s, time);
    }
    sg_status s =
        item == NULL || json_array_append_new(items, item) != 0 ? sg_fail_memory(err) : SG_OK;
    s = s == SG_OK ? sg_run_set(item, "step", json_string(sg_life_step_name(step)), err) : s;
    s = s == SG_OK ? sg_run_set(item, "state", json_string(sg_life_state_name(state)), err) : s;
    s = s == SG_OK ? sg_run_set(item, state == SG_LIFE_DONE ? "done_at" : "due",
                                time[0] != '\0' ? json_string(time) : json_null(), err)
                   : s;
    return s == SG_OK ? sg_run_set(item, "text", sg_run_sentence(text), err) : s;
}

static sg_status add_action(json_t *items, const struct sg_rollover *rollover,
                            enum sg_life_step step, enum sg_life_state state,
                            const struct sg_life_action *action, struct sg_error *err)
{
    char text[SG_LIFE_TEXT];
    sg_life_action_text(&rollover->facts, action, state == SG_LIFE_DONE, text);
    return add_line(items, rollover, step, state, text, err);
}

/* What was done stands in the notes: the facts of now would foretell nothing. */
static size_t done_actions(const struct sg_rollover *rollover, enum sg_life_step step,
                           struct sg_life_action *out)
{
    size_t count = 0;
    bool start = step == SG_LIFE_START;
    if (start) {
        out[count++].effect = rollover->row.made ? SG_LIFE_MAKE_NEW : SG_LIFE_TAKE_NEW;
    }
    if (step == SG_LIFE_CERTIFY) {
        out[count++].effect = SG_LIFE_CERTIFY_NEW;
    }
    enum sg_life_note wanted = start ? SG_LIFE_NOTE_BESIDE : SG_LIFE_NOTE_REPLACED;
    for (size_t i = 0; step != SG_LIFE_CERTIFY && i < rollover->facts.ring_count; i++) {
        if (rollover->rings[i].note == wanted) {
            enum sg_life_effect effect = start ? SG_LIFE_CONNECT_BESIDE : SG_LIFE_REPLACE;
            out[count++] = (struct sg_life_action){.effect = effect, .ring = i};
        }
    }
    return count;
}

static sg_status add_step(struct sg_run *run, const struct sg_rollover *rollover,
                          enum sg_life_step step, json_t *items, struct sg_error *err)
{
    size_t room = rollover->facts.ring_count + SG_LIFE_ACTIONS_EXTRA;
    SG_FREE struct sg_life_action *actions = calloc(room, sizeof *actions);
    struct sg_error why = SG_ERROR_INIT;
    char nothing[] = "no ring is concerned";
    if (actions == NULL) {
        return sg_fail_memory(err);
    }
    enum sg_life_state state = sg_life_state(&rollover->facts, step, &why);
    size_t count = state == SG_LIFE_DONE ? done_actions(rollover, step, actions)
                                         : sg_life_actions(&rollover->facts, step, actions);
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        s = add_action(items, rollover, step, state, &actions[i], err);
    }
    if (s == SG_OK && count == 0) {
        s = add_line(items, rollover, step, state, nothing, err);
    }
    if (s == SG_OK && state == SG_LIFE_WAITS) {
        s = sg_run_set(run->answer, "waits_for", sg_run_sentence(why.text), err);
        s = s == SG_OK ? sg_run_set(run->answer, "remedy", sg_run_sentence(why.hint), err) : s;
    }
    return s;
}

/* A root of one's own is certified by nobody else. */
static bool needs_ca(const struct sg_rollover *rollover)
{
    const struct sg_life_facts *facts = &rollover->facts;
    const struct sg_certificate_row *row =
        facts->new_one.exists ? &rollover->new_row : &rollover->old_row;
    bool self_issued = row->subject.len == row->issuer.len &&
                       memcmp(row->subject.data, row->issuer.data, row->issuer.len) == 0;
    bool certauth = sg_owner_kind(row->name.owner.text) == SG_OWNER_CERTAUTH;
    return facts->new_one.exists ? facts->new_one.placeholder || !self_issued
                                 : !(certauth && self_issued);
}

static sg_status warn_late(struct sg_run *run, const struct sg_rollover *rollover,
                           enum sg_life_step step, struct sg_error *err)
{
    char due[SG_TIME_TEXT];
    struct sg_error ignored = SG_ERROR_INIT; /* what it waits for is in the plan */
    enum sg_life_state state = sg_life_state(&rollover->facts, step, &ignored);
    int64_t due_s = sg_life_due(&rollover->facts, step);
    if (state == SG_LIFE_DONE || state == SG_LIFE_LATER || due_s >= rollover->facts.now_s) {
        return SG_OK;
    }
    sg_time_format(due_s, due);
    return sg_run_warn(run, err, "%s was due at %s", sg_life_step_name(step), due);
}

static sg_status add_steps(struct sg_run *run, const struct sg_rollover *rollover, json_t *items,
                           struct sg_error *err)
{
    sg_status s = SG_OK;
    for (enum sg_life_step step = SG_LIFE_START; s == SG_OK && step < SG_LIFE_STAGED; step++) {
        if (step != SG_LIFE_CERTIFY || needs_ca(rollover)) {
            s = add_step(run, rollover, step, items, err);
            s = s == SG_OK ? warn_late(run, rollover, step, err) : s;
        }
    }
    return s;
}

/* Who must still change shows here before the old key goes. */
static sg_status add_users(struct sg_run *run, struct sg_rollover *rollover, struct sg_error *err)
{
    json_t *users = json_array();
    sg_status s = sg_run_set(run->answer, "old_used_by", users, err);
    return s == SG_OK ? sg_rollover_find_holders(run, rollover, users, err) : s;
}

static sg_status load(struct sg_run *run, struct sg_rollover *rollover, struct sg_error *err)
{
    struct sg_certificate_name old;
    struct sg_certificate_name successor;
    sg_status s = sg_run_certificate_name(run, "certificate", &old, err);
    s = s == SG_OK ? sg_rollover_successor(run, &old, &successor, err) : s;
    s = s == SG_OK ? sg_rollover_load(run, &old, &successor, rollover, err) : s;
    s = s == SG_OK && rollover->facts.stage == SG_LIFE_NONE
            ? sg_life_check(&rollover->facts, SG_LIFE_START, err)
            : s;
    s = s == SG_OK ? sg_rollover_count_dependents(run, rollover, err) : s;
    return s == SG_OK && rollover->facts.stage == SG_LIFE_SWITCHED ? add_users(run, rollover, err)
                                                                   : s;
}

sg_status sg_operation_ROLLOVER_PLAN(struct sg_run *run, struct sg_error *err)
{
    SG_ROLLOVER rollover = {.capacity = 0};
    json_t *items = json_array();
    sg_status s = sg_run_set(run->answer, "items", items, err);
    s = s == SG_OK ? load(run, &rollover, err) : s;
    s = s == SG_OK ? add_steps(run, &rollover, items, err) : s;
    s = s == SG_OK ? sg_rollover_answer(run, &rollover, err) : s;
    const char *stage = sg_life_stage_name(rollover.facts.stage);
    return s == SG_OK ? sg_run_set(run->answer, "stage", json_string(stage), err) : s;
}

/* ---- all that are under way ---- */

struct listing {
    struct sg_run *run;
    json_t *items;
};

static sg_status set_time(json_t *item, const char *key, int64_t time_s, struct sg_error *err)
{
    char text[SG_TIME_TEXT];
    sg_time_format(time_s, text);
    return sg_run_set(item, key, time_s != 0 ? json_string(text) : json_null(), err);
}

static enum sg_life_step next_step(const struct sg_life_facts *facts)
{
    if (facts->stage == SG_LIFE_SWITCHED) {
        return SG_LIFE_FINISH;
    }
    return facts->new_one.placeholder ? SG_LIFE_CERTIFY : SG_LIFE_SWITCH;
}

static sg_status describe(const struct sg_rollover *rollover, json_t *item, struct sg_error *err)
{
    const struct sg_life_facts *facts = &rollover->facts;
    const struct sg_rollover_row *row = &rollover->row;
    enum sg_life_step next = next_step(facts);
    sg_status s = sg_run_set(item, "owner", json_string(row->old_name.owner.text), err);
    s = s == SG_OK ? sg_run_set(item, "label", json_string(row->old_name.label.text), err) : s;
    s = s == SG_OK ? sg_run_set(item, "new_label", json_string(row->successor_name.label.text), err)
                   : s;
    s = s == SG_OK ? sg_run_set(item, "stage", json_string(sg_life_stage_name(facts->stage)), err)
                   : s;
    s = s == SG_OK ? set_time(item, "started", row->started_s, err) : s;
    s = s == SG_OK ? set_time(item, "switched", row->switched_s, err) : s;
    s = s == SG_OK ? sg_run_set(item, "next_step", json_string(sg_life_step_name(next)), err) : s;
    return s == SG_OK ? set_time(item, "due", sg_life_due(facts, next), err) : s;
}

static sg_status say_last_use(struct sg_run *run, const struct sg_rollover *rollover, json_t *item,
                              struct sg_error *err)
{
    const struct sg_certificate_row *old = &rollover->old_row;
    int64_t last_s = 0;
    sg_status s =
        old->has_key ? sg_store_key_last_use(run->service->store, &old->key, &last_s, err) : SG_OK;
    return s == SG_OK ? set_time(item, "old_last_used", last_s, err) : s;
}

static sg_status list_one(void *context, const struct sg_rollover_row *row, struct sg_error *err)
{
    struct listing *listing = context;
    SG_ROLLOVER rollover = {.capacity = 0};
    if (!sg_run_allowed(listing->run, SG_FUNCTION_LIST, row->old_name.owner.text)) {
        return SG_OK;
    }
    json_t *item = json_object();
    if (item == NULL || json_array_append_new(listing->items, item) != 0) {
        return sg_fail_memory(err);
    }
    sg_status s = sg_rollover_load(listing->run, &row->old_name, NULL, &rollover, err);
    s = s == SG_OK ? describe(&rollover, item, err) : s;
    return s == SG_OK ? say_last_use(listing->run, &rollover, item, err) : s;
}

sg_status sg_operation_ROLLOVER_LIST(struct sg_run *run, struct sg_error *err)
{
    struct listing listing = {.run = run, .items = json_array()};
    sg_status s = sg_run_set(run->answer, "items", listing.items, err);
    return s == SG_OK ? sg_store_rollover_each(run->service->store, list_one, &listing, err) : s;
}
