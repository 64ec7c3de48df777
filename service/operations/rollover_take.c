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

/* A user's certificate as a trust anchor is a matter of CERTAUTH, as when it is connected. */
static sg_status connect_beside(struct sg_run *run, const struct sg_rollover *rollover, size_t ring,
                                struct sg_error *err)
{
    bool promotes = sg_owner_kind(rollover->new_row.name.owner.text) == SG_OWNER_USER;
    sg_status s = promotes ? sg_run_require(run, SG_FUNCTION_ADD, "CERTAUTH", err) : SG_OK;
    return s == SG_OK ? sg_store_connect(run->service->store, rollover->ring_ids[ring],
                                         rollover->new_row.id, rollover->rings[ring].usage, false,
                                         NULL, NULL, err)
                      : s;
}

static sg_status apply(struct sg_run *run, struct sg_rollover *rollover,
                       const struct sg_life_action *action, struct sg_error *err)
{
    struct sg_store *store = run->service->store;
    int64_t old = rollover->old_row.id;
    int64_t successor = rollover->new_row.id;
    switch (action->effect) {
    case SG_LIFE_CONNECT_BESIDE:
        return connect_beside(run, rollover, action->ring, err);
    case SG_LIFE_REPLACE:
    case SG_LIFE_DROP: /* the new one is there; being the default passes over to it */
        return sg_store_connection_replace(store, rollover->ring_ids[action->ring], old, successor,
                                           err);
    case SG_LIFE_KEEP_KEY:
        return keep_key(run, rollover, err);
    case SG_LIFE_DESTROY_KEY:
        return destroy_key(run, rollover, err);
    case SG_LIFE_MAKE_NEW:
    case SG_LIFE_TAKE_NEW:
    case SG_LIFE_PUT_BACK:
    case SG_LIFE_REMOVE_NEW:
    case SG_LIFE_DELETE_NEW:
    case SG_LIFE_LEAVE_NEW:
    case SG_LIFE_CERTIFY_NEW:
        break;
    }
    return sg_fail(err, SG_E_INTERNAL, "bad_action", "action %d of a roll-over",
                   (int)action->effect);
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
    sg_status s = SG_OK;
    run->visible = true;
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        char text[SG_LIFE_TEXT];
        sg_life_action_text(&rollover->facts, &actions[i], true, text);
        s = apply(run, rollover, &actions[i], err);
        s = s == SG_OK ? sg_run_effect(run, err, "%s", text) : s;
    }
    return s;
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
    if (s != SG_OK || !sharing.found || rollover->facts.force) {
        return s;
    }
    struct sg_name_text name = sg_row_name(old);
    sg_fail(err, SG_E_CONFLICT, "key_shared", "the key of %s is that of %s too", name.text,
            sharing.other.text);
    sg_hint(err, "Both lose it with --force.");
    return sg_object(err, "%s", name.text);
}

sg_status sg_rollover_warn(struct sg_run *run, const struct sg_rollover *rollover,
                           struct sg_error *err)
{
    const struct sg_certificate_row *old = &rollover->old_row;
    const struct sg_certificate_row *successor = &rollover->new_row;
    struct sg_name_text name = sg_row_name(successor);
    bool same = old->subject.len == successor->subject.len &&
                memcmp(old->subject.data, successor->subject.data, old->subject.len) == 0;
    sg_status s = SG_OK;
    if (!same) {
        s = sg_run_warn(run, err, "the subject changes from \"%.200s\" to \"%.200s\"",
                        old->subject_text, successor->subject_text);
    }
    if (s == SG_OK && successor->placeholder) {
        s = sg_run_warn(run, err, "%s is self-signed: programs that verify it must know it",
                        name.text);
    }
    if (s == SG_OK && successor->not_after_s < old->not_after_s) {
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
