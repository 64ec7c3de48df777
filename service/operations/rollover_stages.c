/* rollover start, switch, finish, undo: a roll-over in stages, with a way back until its end
 * (docs/rollover.md). */
#include "rekey_internal.h"
#include "rollover_internal.h"

#include <signet/policy/name.h>

static struct sg_shell_word word_of(const struct sg_certificate_name *name)
{
    return sg_shell_word(name->owner.text, name->label.text);
}

static sg_status load(struct sg_run *run, bool starts, struct sg_rollover *rollover,
                      struct sg_error *err)
{
    struct sg_certificate_name old;
    struct sg_certificate_name successor;
    sg_status s = sg_run_certificate_name(run, "certificate", &old, err);
    s = s == SG_OK && starts ? sg_rollover_successor(run, &old, &successor, err) : s;
    return s == SG_OK ? sg_rollover_load(run, &old, starts ? &successor : NULL, rollover, err) : s;
}

/* What is to be done next, for programs. */
static sg_status set_next(struct sg_run *run, enum sg_life_step step,
                          const struct sg_certificate_name *name, struct sg_error *err)
{
    const char *command = step == SG_LIFE_CERTIFY ? "signet cert request" : "signet rollover";
    const char *verb = step == SG_LIFE_CERTIFY ? "" : sg_life_step_name(step);
    return sg_run_set(
        run->answer, "next",
        json_sprintf("%s%s%s %s", command, verb[0] != '\0' ? " " : "", verb, word_of(name).text),
        err);
}

static sg_status answer(struct sg_run *run, const struct sg_rollover *rollover,
                        enum sg_life_stage stage, struct sg_error *err)
{
    sg_status s = sg_rollover_answer(run, rollover, err);
    return s == SG_OK
               ? sg_run_set(run->answer, "stage", json_string(sg_life_stage_name(stage)), err)
               : s;
}

/* ---- start ---- */

/* What a new key would be like means nothing for a certificate that is there. */
static sg_status check_options(struct sg_run *run, const struct sg_rollover *rollover,
                               struct sg_error *err)
{
    static const char *const options[] = {"key", "days", "not_before", "not_after", "token"};
    const struct sg_certificate_name *name = &rollover->facts.new_one.name;
    for (size_t i = 0; i < SG_COUNT(options); i++) {
        if (json_object_get(run->params, options[i]) != NULL) {
            sg_fail(err, SG_E_USAGE, "bad_parameter",
                    "%s/%s is here already: %s would make nothing", name->owner.text,
                    name->label.text, options[i]);
            return sg_hint(err, "Leave it out, or give another label for a new key.");
        }
    }
    return SG_OK;
}

static sg_status make(struct sg_run *run, struct sg_rollover *rollover, struct sg_error *err)
{
    SG_CLEANUP(sg_new_certificate_done) struct sg_new_certificate made = {0};
    const struct sg_label label = rollover->facts.new_one.name.label;
    sg_status s = sg_rekey_plan(run, &rollover->old_row, &label, &made, err);
    rollover->facts.new_one.placeholder = made.placeholder;
    return s == SG_OK && !run->dry_run ? sg_new_make(run, &made, &rollover->new_row, err) : s;
}

/* A placeholder is worth nothing to those who verify it. */
static sg_status say_next(struct sg_run *run, const struct sg_rollover *rollover,
                          struct sg_error *err)
{
    const struct sg_life_certificate *one = &rollover->facts.new_one;
    const struct sg_certificate_name *old = &rollover->facts.old_one.name;
    if (!one->placeholder) {
        return set_next(run, SG_LIFE_SWITCH, old, err);
    }
    sg_status s = sg_run_warn(run, err,
                              "%s/%s is self-signed until a CA's answer replaces it: signet cert "
                              "request %s; signet cert add %s FILE; then signet rollover switch %s",
                              one->name.owner.text, one->name.label.text, word_of(&one->name).text,
                              word_of(&one->name).text, word_of(old).text);
    return s == SG_OK ? set_next(run, SG_LIFE_CERTIFY, &one->name, err) : s;
}

sg_status sg_operation_ROLLOVER_START(struct sg_run *run, struct sg_error *err)
{
    SG_ROLLOVER rollover = {.capacity = 0};
    sg_status s = load(run, true, &rollover, err);
    s = s == SG_OK ? sg_life_check(&rollover.facts, SG_LIFE_START, err) : s;
    if (s != SG_OK) {
        return s;
    }
    s = rollover.facts.new_one.exists ? check_options(run, &rollover, err)
                                      : make(run, &rollover, err);
    s = s == SG_OK ? sg_rollover_take(run, &rollover, SG_LIFE_START, err) : s;
    s = s == SG_OK ? say_next(run, &rollover, err) : s;
    return s == SG_OK ? answer(run, &rollover, SG_LIFE_STARTED, err) : s;
}

/* ---- switch ---- */

static sg_status warn_switch(struct sg_run *run, const struct sg_rollover *rollover,
                             struct sg_error *err)
{
    char when[SG_TIME_TEXT];
    if (rollover->facts.stage != SG_LIFE_SWITCHED) {
        return sg_rollover_warn(run, rollover, err);
    }
    sg_time_format(rollover->facts.switched_s, when);
    return sg_run_warn(run, err,
                       "it had been switched already at %s: only rings that were connected since "
                       "are changed",
                       when);
}

sg_status sg_operation_ROLLOVER_SWITCH(struct sg_run *run, struct sg_error *err)
{
    SG_ROLLOVER rollover = {.capacity = 0};
    sg_status s = load(run, false, &rollover, err);
    rollover.facts.self_signed = sg_run_flag(run, "self_signed");
    s = s == SG_OK ? sg_life_check(&rollover.facts, SG_LIFE_SWITCH, err) : s;
    s = s == SG_OK ? warn_switch(run, &rollover, err) : s;
    s = s == SG_OK ? sg_rollover_take(run, &rollover, SG_LIFE_SWITCH, err) : s;
    s = s == SG_OK ? set_next(run, SG_LIFE_FINISH, &rollover.facts.old_one.name, err) : s;
    return s == SG_OK ? answer(run, &rollover, SG_LIFE_SWITCHED, err) : s;
}

/* ---- finish ---- */

sg_status sg_operation_ROLLOVER_FINISH(struct sg_run *run, struct sg_error *err)
{
    SG_ROLLOVER rollover = {.capacity = 0};
    sg_status s = load(run, false, &rollover, err);
    rollover.facts.force = sg_run_flag(run, "force");
    rollover.facts.destroy = sg_run_flag(run, "destroy_key");
    s = s == SG_OK ? sg_rollover_count_dependents(run, &rollover, err) : s;
    s = s == SG_OK ? sg_rollover_find_holders(run, &rollover, NULL, err) : s;
    /* Before the holders: these could not even load the new one, and --force is for both. */
    if (rollover.facts.stage == SG_LIFE_SWITCHED) {
        s = s == SG_OK ? sg_rollover_check_shared(run, &rollover, err) : s;
    }
    s = s == SG_OK ? sg_life_check(&rollover.facts, SG_LIFE_FINISH, err) : s;
    s = s == SG_OK ? sg_rollover_warn_holders(run, &rollover, err) : s;
    s = s == SG_OK ? sg_rollover_take(run, &rollover, SG_LIFE_FINISH, err) : s;
    return s == SG_OK ? answer(run, &rollover, SG_LIFE_NONE, err) : s;
}

/* ---- undo ---- */

sg_status sg_operation_ROLLOVER_UNDO(struct sg_run *run, struct sg_error *err)
{
    SG_ROLLOVER rollover = {.capacity = 0};
    sg_status s = load(run, false, &rollover, err);
    s = s == SG_OK ? sg_life_check(&rollover.facts, SG_LIFE_UNDO, err) : s;
    s = s == SG_OK ? sg_rollover_find_use(run, &rollover, err) : s;
    if (s != SG_OK) {
        return s;
    }
    bool switched = rollover.facts.stage == SG_LIFE_SWITCHED;
    s = sg_rollover_take(run, &rollover, SG_LIFE_UNDO, err);
    s = s == SG_OK && switched ? set_next(run, SG_LIFE_SWITCH, &rollover.facts.old_one.name, err)
                               : s;
    return s == SG_OK ? answer(run, &rollover, switched ? SG_LIFE_STARTED : SG_LIFE_NONE, err) : s;
}
