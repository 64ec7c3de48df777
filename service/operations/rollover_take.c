/* Doing what the life-cycle planner says. */
#include "rollover_internal.h"

#include <string.h>

static sg_status keep_key(struct sg_run *run, const struct sg_rollover *rollover,
                          struct sg_error *err)
{
    const struct sg_certificate_row *old = &rollover->old_row;
    struct sg_shell_word word = sg_shell_word(old->name.owner.text, old->name.label.text);
    sg_status s = sg_store_key_retire(run->service->store, &old->key, err);
    s = s == SG_OK ? sg_run_set(run->answer, "old_key", json_string("kept_for_decryption"), err)
                   : s;
    return s == SG_OK
               ? sg_run_warn(run, err,
                             "what was encrypted for %s can still be read where it is connected: "
                             "signet ring connect OWNER/RING %s --usage personal. When nobody "
                             "needs that any more: signet cert delete %s",
                             sg_row_name(old).text, word.text, word.text)
               : s;
}

/* The row goes with the commit; the tombstone stays until the token has followed. */
static sg_status destroy_key(struct sg_run *run, const struct sg_rollover *rollover,
                             struct sg_error *err)
{
    const struct sg_certificate_row *old = &rollover->old_row;
    sg_status s = sg_store_key_forget(run->service->store, &old->key, err);
    s = s == SG_OK ? sg_run_settle_later(run, SG_INTENT_DESTROY, old->token, &old->key, err) : s;
    return s == SG_OK ? sg_run_set(run->answer, "old_key", json_string("destroyed"), err) : s;
}

/* Whatever it was, it stands nowhere any more. */
static sg_status delete_new(struct sg_run *run, struct sg_rollover *rollover, struct sg_error *err)
{
    const struct sg_certificate_row *row = &rollover->new_row;
    bool orphaned = false;
    sg_status s = sg_store_certificate_delete(run->service->store, row->id, &orphaned, err);
    return s == SG_OK && row->has_key
               ? sg_run_settle_later(run, orphaned ? SG_INTENT_DESTROY : SG_INTENT_CERTIFICATE,
                                     row->token, &row->key, err)
               : s;
}

static sg_status apply(struct sg_run *run, struct sg_rollover *rollover,
                       const struct sg_life_action *action, bool staged, struct sg_error *err)
{
    switch (action->effect) {
    case SG_LIFE_CONNECT_BESIDE:
    case SG_LIFE_REPLACE:
    case SG_LIFE_DROP:
    case SG_LIFE_PUT_BACK:
    case SG_LIFE_LEAVE_RING:
    case SG_LIFE_REMOVE_NEW:
        return sg_rollover_ring(run, rollover, action, staged, err);
    case SG_LIFE_KEEP_KEY:
        return keep_key(run, rollover, err);
    case SG_LIFE_DESTROY_KEY:
        return destroy_key(run, rollover, err);
    case SG_LIFE_DELETE_NEW:
        return delete_new(run, rollover, err);
    case SG_LIFE_MAKE_NEW:
    case SG_LIFE_TAKE_NEW:
    case SG_LIFE_LEAVE_NEW:
        return SG_OK;
    case SG_LIFE_CERTIFY_NEW:
        break;
    }
    return sg_fail(err, SG_E_INTERNAL, "bad_action", "action %d of a roll-over",
                   (int)action->effect);
}

static sg_status take_one(struct sg_run *run, struct sg_rollover *rollover,
                          const struct sg_life_action *action, enum sg_life_step step,
                          struct sg_error *err)
{
    char text[SG_LIFE_TEXT];
    bool staged = step == SG_LIFE_START || step == SG_LIFE_SWITCH;
    sg_life_action_text(&rollover->facts, action, true, text);
    sg_status s = apply(run, rollover, action, staged, err);
    bool said = action->effect == SG_LIFE_MAKE_NEW; /* by the plan of the new key */
    return s == SG_OK && !said ? sg_run_effect(run, err, "%s", text) : s;
}

/* The record of a staged roll-over. It goes before what it names. */
static sg_status record(struct sg_run *run, struct sg_rollover *rollover, enum sg_life_step step,
                        struct sg_error *err)
{
    struct sg_store *store = run->service->store;
    int64_t old = rollover->old_row.id;
    bool back = step == SG_LIFE_UNDO && rollover->facts.stage == SG_LIFE_SWITCHED;
    switch (step) {
    case SG_LIFE_START:
        rollover->row = (struct sg_rollover_row){.old_id = old,
                                                 .successor_id = rollover->new_row.id,
                                                 .made = !rollover->facts.new_one.exists,
                                                 .started_s = rollover->facts.now_s};
        /* a dry run has made none */
        return rollover->new_row.id != 0 ? sg_store_rollover_add(store, &rollover->row, err)
                                         : SG_OK;
    case SG_LIFE_SWITCH:
        return rollover->facts.stage != SG_LIFE_SWITCHED
                   ? sg_store_rollover_set_switched(store, old, rollover->facts.now_s, err)
                   : SG_OK;
    case SG_LIFE_FINISH:
    case SG_LIFE_UNDO:
        return back ? sg_store_rollover_set_switched(store, old, 0, err)
                    : sg_store_rollover_end(store, old, err);
    case SG_LIFE_CERTIFY:
    case SG_LIFE_ROLLOVER:
        break;
    }
    return SG_OK;
}

sg_status sg_rollover_take(struct sg_run *run, struct sg_rollover *rollover, enum sg_life_step step,
                           struct sg_error *err)
{
    size_t room = rollover->facts.ring_count + SG_LIFE_ACTIONS_EXTRA;
    SG_FREE struct sg_life_action *actions = calloc(room, sizeof *actions);
    if (actions == NULL) {
        return sg_fail_memory(err);
    }
    size_t count = sg_life_actions(&rollover->facts, step, actions);
    sg_status s = record(run, rollover, step, err);
    run->visible = true;
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        s = take_one(run, rollover, &actions[i], step, err);
    }
    return s == SG_OK && count == 0
               ? sg_run_effect(run, err, "no ring uses the key of %s: none was changed",
                               sg_row_name(&rollover->old_row).text)
               : s;
}

struct sharing {
    int64_t id;
    struct sg_name_text other;
    bool found;
};

static sg_status take_other(void *context, const struct sg_certificate_row *row,
                            struct sg_error *err)
{
    struct sharing *sharing = context;
    (void)err;
    if (row->id != sharing->id && !sharing->found) {
        sharing->found = true;
        sharing->other = sg_row_name(row);
    }
    return SG_OK;
}

sg_status sg_rollover_check_shared(struct sg_run *run, const struct sg_rollover *rollover,
                                   struct sg_error *err)
{
    const struct sg_certificate_row *old = &rollover->old_row;
    struct sharing sharing = {.id = old->id};
    struct sg_certificate_filter filter = {.key = &old->key};
    sg_status s =
        sg_store_certificate_each(run->service->store, &filter, take_other, &sharing, err);
    if (s != SG_OK || !sharing.found) {
        return s;
    }
    struct sg_name_text name = sg_row_name(old);
    if (rollover->facts.force) {
        return sg_run_warn(run, err, "the key of %s is that of %s too, which loses it", name.text,
                           sharing.other.text);
    }
    sg_fail(err, SG_E_CONFLICT, "key_shared", "the key of %s is that of %s too", name.text,
            sharing.other.text);
    sg_hint(err, "Both lose it with --force.");
    return sg_object(err, "%s", name.text);
}

#define DAY_S 86400

/* What is refused otherwise is done when it is forced, and said. */
static sg_status warn_forced(struct sg_run *run, const struct sg_rollover *rollover,
                             struct sg_error *err)
{
    const struct sg_life_certificate *one = &rollover->facts.new_one;
    struct sg_name_text name = sg_row_name(&rollover->new_row);
    sg_status s = SG_OK;
    if (!rollover->facts.force) {
        return SG_OK;
    }
    if (!one->has_key) {
        s = sg_run_warn(run, err, "%s has no private key here: nothing can be served with it",
                        name.text);
    }
    if (s == SG_OK && one->trust == SG_NOTRUST) {
        s = sg_run_warn(run, err, "%s is NOTRUST: no program is shown it", name.text);
    }
    if (s == SG_OK && one->not_after_s <= rollover->facts.now_s) {
        s = sg_run_warn(run, err, "%s is expired", name.text);
    }
    return s == SG_OK && one->not_before_s > rollover->facts.now_s
               ? sg_run_warn(run, err, "%s is not valid yet", name.text)
               : s;
}

sg_status sg_rollover_warn(struct sg_run *run, const struct sg_rollover *rollover,
                           struct sg_error *err)
{
    const struct sg_certificate_row *old = &rollover->old_row;
    const struct sg_certificate_row *successor = &rollover->new_row;
    struct sg_name_text name = sg_row_name(successor);
    bool same = old->subject.len == successor->subject.len &&
                memcmp(old->subject.data, successor->subject.data, old->subject.len) == 0;
    sg_status s = warn_forced(run, rollover, err);
    if (s == SG_OK && !same) {
        s = sg_run_warn(run, err, "the subject changes from \"%.200s\" to \"%.200s\"",
                        old->subject_text, successor->subject_text);
    }
    if (s == SG_OK && successor->placeholder) {
        s = sg_run_warn(run, err, "%s is self-signed: programs that verify it must know it",
                        name.text);
    }
    if (s == SG_OK && successor->not_after_s + DAY_S <= old->not_after_s) {
        s = sg_run_warn(run, err, "%s ends earlier than %s", name.text, sg_row_name(old).text);
    }
    return s;
}

sg_status sg_rollover_answer(struct sg_run *run, const struct sg_rollover *rollover,
                             struct sg_error *err)
{
    const struct sg_certificate_name *name = &rollover->old_row.name;
    const char *successor = rollover->facts.new_one.name.label.text;
    sg_status s = sg_run_set(run->answer, "owner", json_string(name->owner.text), err);
    s = s == SG_OK ? sg_run_set(run->answer, "label", json_string(name->label.text), err) : s;
    return s == SG_OK ? sg_run_set(run->answer, "new_label", json_string(successor), err) : s;
}
