#include <signet/policy/lifecycle.h>

#include <stdio.h>
#include <string.h>

#include <signet/base/clock.h>
#include <signet/base/shell.h>

static sg_status object_of(const struct sg_life_certificate *one, struct sg_error *err)
{
    return sg_object(err, "%s/%s", one->name.owner.text, one->name.label.text);
}

static struct sg_shell_word word_of(const struct sg_life_certificate *one)
{
    return sg_shell_word(one->name.owner.text, one->name.label.text);
}

/* ---- may it be done ---- */

static sg_status check_old(const struct sg_life_facts *facts, struct sg_error *err)
{
    const struct sg_life_certificate *old = &facts->old_one;
    if (old->has_key) {
        return SG_OK;
    }
    sg_fail(err, SG_E_CONFLICT, "no_private_key", "%s/%s has no private key here to roll over",
            old->name.owner.text, old->name.label.text);
    sg_hint(err, "See which certificates have one: signet cert list %s", old->name.owner.text);
    return object_of(old, err);
}

static sg_status check_key(const struct sg_life_certificate *one, struct sg_error *err)
{
    const char *owner = one->name.owner.text;
    const char *label = one->name.label.text;
    if (one->has_key && !one->retired) {
        return SG_OK;
    }
    if (one->has_key) {
        sg_fail(err, SG_E_CONFLICT, "key_retired",
                "%s/%s was rolled over itself: its key signs no more", owner, label);
    } else {
        sg_fail(err, SG_E_CONFLICT, "no_private_key",
                "%s/%s has no private key here: nothing could use it", owner, label);
    }
    sg_hint(err, "See which certificates have one: signet cert list %s", owner);
    return object_of(one, err);
}

static sg_status check_trust(const struct sg_life_certificate *one, struct sg_error *err)
{
    if (one->trust != SG_NOTRUST) {
        return SG_OK;
    }
    sg_fail(err, SG_E_CONFLICT, "not_trusted", "%s/%s is NOTRUST, hidden from all rings",
            one->name.owner.text, one->name.label.text);
    sg_hint(err, "signet cert alter %s --trust", word_of(one).text);
    return object_of(one, err);
}

static sg_status check_time(const struct sg_life_certificate *one, int64_t now_s,
                            struct sg_error *err)
{
    bool early = now_s < one->not_before_s;
    if (!early && now_s <= one->not_after_s) {
        return SG_OK;
    }
    sg_fail(err, SG_E_INPUT, early ? "certificate_not_yet_valid" : "certificate_expired",
            "%s/%s %s", one->name.owner.text, one->name.label.text,
            early ? "is not valid yet" : "has expired");
    sg_hint(err, "Have it renewed: signet cert request %s", word_of(one).text);
    return object_of(one, err);
}

static sg_status check_placeholder(const struct sg_life_facts *facts, enum sg_life_step step,
                                   struct sg_error *err)
{
    const struct sg_life_certificate *one = &facts->new_one;
    if (!one->placeholder || facts->self_signed) {
        return SG_OK;
    }
    sg_fail(err, SG_E_CONFLICT, "placeholder", "%s/%s is still the self-signed placeholder",
            one->name.owner.text, one->name.label.text);
    sg_hint(err, "signet cert request %s; have it signed; signet cert add %s FILE. %s",
            word_of(one).text, word_of(one).text,
            step == SG_LIFE_SWITCH ? "To use it as it is: --self-signed"
                                   : "To use it as it is: --force");
    return object_of(one, err);
}

/* What takes the old one's place must work. */
static sg_status check_new(const struct sg_life_facts *facts, struct sg_error *err)
{
    const struct sg_life_certificate *one = &facts->new_one;
    sg_status s = check_key(one, err);
    s = s == SG_OK ? check_trust(one, err) : s;
    return s == SG_OK ? check_time(one, facts->now_s, err) : s;
}

static struct sg_shell_word other_word(const struct sg_life_facts *facts)
{
    return sg_shell_word(facts->other_old.owner.text, facts->other_old.label.text);
}

static sg_status not_started(const struct sg_life_facts *facts, struct sg_error *err)
{
    const struct sg_life_certificate *old = &facts->old_one;
    if (facts->other) {
        sg_fail(err, SG_E_CONFLICT, "rollover_not_started",
                "%s/%s is the new one in a roll-over: that of %s/%s", old->name.owner.text,
                old->name.label.text, facts->other_old.owner.text, facts->other_old.label.text);
        sg_hint(err, "Name the old one: signet rollover plan %s", other_word(facts).text);
        return object_of(old, err);
    }
    sg_fail(err, SG_E_CONFLICT, "rollover_not_started", "no roll-over of %s/%s is under way",
            old->name.owner.text, old->name.label.text);
    sg_hint(err, "signet rollover start %s --label NEW", word_of(old).text);
    return object_of(old, err);
}

static sg_status under_way(const struct sg_life_facts *facts, struct sg_error *err)
{
    const struct sg_life_certificate *old = &facts->old_one;
    if (facts->stage == SG_LIFE_NONE) {
        sg_fail(err, SG_E_CONFLICT, "rollover_under_way",
                "a roll-over of %s/%s to %s/%s is under way", facts->other_old.owner.text,
                facts->other_old.label.text, facts->other_new.owner.text,
                facts->other_new.label.text);
        sg_hint(err, "Finish it or undo it first: signet rollover plan %s", other_word(facts).text);
        return object_of(old, err);
    }
    sg_fail(err, SG_E_CONFLICT, "rollover_under_way", "a roll-over of %s/%s to %s has been %s",
            old->name.owner.text, old->name.label.text, facts->new_one.name.label.text,
            sg_life_stage_name(facts->stage));
    sg_hint(err, "See where it stands: signet rollover plan %s", word_of(old).text);
    return object_of(old, err);
}

static sg_status check_root(const struct sg_life_facts *facts, struct sg_error *err)
{
    const struct sg_life_certificate *old = &facts->old_one;
    const struct sg_certificate_name *first = &facts->dependent;
    if (facts->dependents == 0) {
        return SG_OK;
    }
    sg_fail(err, SG_E_CONFLICT, "root_in_use",
            "%zu connected certificate%s issued under %s/%s: %s/%s%s", facts->dependents,
            facts->dependents == 1 ? " was" : "s were", old->name.owner.text, old->name.label.text,
            first->owner.text, first->label.text, facts->dependents == 1 ? "" : ", …");
    struct sg_shell_word it = sg_shell_word(first->owner.text, first->label.text);
    sg_hint(err,
            "Have it issued anew: signet cert request %s --out FILE; signet cert generate %s "
            "--from-request FILE --signed-by %s. Or remove it from its rings: signet cert show %s",
            it.text, it.text, word_of(&facts->new_one).text, it.text);
    return object_of(old, err);
}

/* ---- who still holds the old key ---- */

int64_t sg_life_uses_since(const struct sg_life_facts *facts)
{
    int64_t recently_s = facts->now_s - SG_LIFE_RECENT_S;
    return facts->switched_s != 0 && facts->switched_s < recently_s ? facts->switched_s
                                                                    : recently_s;
}

enum sg_life_holding sg_life_holding(const struct sg_life_facts *facts, int64_t old_s,
                                     int64_t new_s)
{
    if (old_s == 0 || old_s < sg_life_uses_since(facts)) {
        return SG_LIFE_HOLDS_NOT;
    }
    if (new_s <= old_s) { /* within one second nobody knows which came first */
        return SG_LIFE_HOLDS_STILL;
    }
    return facts->now_s - old_s < SG_LIFE_QUIET_S ? SG_LIFE_HOLDS_LATELY : SG_LIFE_HOLDS_NOT;
}

/* Whoever uses such a ring cannot load the new one. */
static bool offers_old(const struct sg_life_facts *facts)
{
    for (size_t i = 0; i < facts->ring_count; i++) {
        const struct sg_life_ring *ring = &facts->rings[i];
        if (ring->has_old && ring->usage == SG_USAGE_PERSONAL) {
            return true;
        }
    }
    return false;
}

static void hint_holders(const struct sg_life_facts *facts, struct sg_error *err)
{
    const struct sg_life_certificate *old = &facts->old_one;
    const char *what = facts->destroy || !old->decrypts
                           ? ""
                           : " Decryption counts as a use and goes on: only signing ends.";
    if (offers_old(facts)) {
        sg_hint(
            err,
            "A ring offers the old one again: signet rollover switch %s puts the new one in its "
            "place.",
            word_of(old).text);
    } else if (facts->holder.holding == SG_LIFE_HOLDS_STILL) {
        sg_hint(
            err,
            "Have every program that holds it load the new one (a reload, a restart) and use it (a "
            "use that fails is none): signet rollover plan %s says who used which. With --force it "
            "goes all the same, and whoever signs with it fails.%s",
            word_of(old).text, what);
    } else {
        sg_hint(err,
                "Its old processes may be ending, or another program of that user holds it: signet "
                "rollover plan %s. Ask again when nobody has used it for %d s, or with --force.%s",
                word_of(old).text, SG_LIFE_QUIET_S, what);
    }
}

/* The ring comes last: its name may be so long that it is cut. */
static sg_status check_holders(const struct sg_life_facts *facts, struct sg_error *err)
{
    char when[SG_TIME_TEXT];
    char others[48] = "";
    const struct sg_life_certificate *old = &facts->old_one;
    const struct sg_life_holder *last = &facts->holder;
    if (facts->holders == 0 || facts->force) {
        return SG_OK;
    }
    sg_time_format(last->old_s, when);
    if (facts->holders > 1) {
        snprintf(others, sizeof others, " and %zu other%s", facts->holders - 1,
                 facts->holders == 2 ? "" : "s");
    }
    if (last->holding == SG_LIFE_HOLDS_STILL) {
        sg_fail(err, SG_E_CONFLICT, "key_in_use",
                "the key of %s/%s was used at %s by %s%s, and that of %s/%s not since, through "
                "%s",
                old->name.owner.text, old->name.label.text, when, last->user, others,
                facts->new_one.name.owner.text, facts->new_one.name.label.text, last->place);
    } else {
        sg_fail(err, SG_E_CONFLICT, "key_in_use",
                "the key of %s/%s was used at %s, a moment ago, by %s%s, through %s",
                old->name.owner.text, old->name.label.text, when, last->user, others, last->place);
    }
    hint_holders(facts, err);
    return object_of(old, err);
}

static sg_status check_same_key(const struct sg_life_facts *facts, struct sg_error *err)
{
    const struct sg_life_certificate *old = &facts->old_one;
    const struct sg_life_certificate *one = &facts->new_one;
    if (!facts->same_key) {
        return SG_OK;
    }
    sg_fail(err, SG_E_CONFLICT, "same_key", "%s/%s has the key of %s/%s: no key would retire",
            one->name.owner.text, one->name.label.text, old->name.owner.text, old->name.label.text);
    sg_hint(err, "Let a new key be made: signet rollover start %s", word_of(old).text);
    return object_of(one, err);
}

/* Both are to be trusted from the start. */
static sg_status check_successor(const struct sg_life_facts *facts, struct sg_error *err)
{
    sg_status s = check_key(&facts->new_one, err);
    s = s == SG_OK ? check_same_key(facts, err) : s;
    return s == SG_OK ? check_trust(&facts->new_one, err) : s;
}

static sg_status check_start(const struct sg_life_facts *facts, struct sg_error *err)
{
    if (facts->stage != SG_LIFE_NONE || facts->other) {
        return under_way(facts, err);
    }
    sg_status s = check_old(facts, err);
    s = s == SG_OK ? check_key(&facts->old_one, err) : s;
    return s == SG_OK && facts->new_one.exists ? check_successor(facts, err) : s;
}

static sg_status check_switch(const struct sg_life_facts *facts, struct sg_error *err)
{
    if (facts->stage == SG_LIFE_NONE) {
        return not_started(facts, err);
    }
    sg_status s = check_new(facts, err);
    return s == SG_OK ? check_placeholder(facts, SG_LIFE_SWITCH, err) : s;
}

static sg_status check_finish(const struct sg_life_facts *facts, struct sg_error *err)
{
    const struct sg_life_certificate *old = &facts->old_one;
    if (facts->stage == SG_LIFE_NONE) {
        return not_started(facts, err);
    }
    if (facts->stage == SG_LIFE_STARTED) {
        sg_fail(err, SG_E_CONFLICT, "rollover_not_switched",
                "the rings still use %s/%s: they have not been switched to %s",
                old->name.owner.text, old->name.label.text, facts->new_one.name.label.text);
        sg_hint(err, "signet rollover switch %s", word_of(old).text);
        return object_of(old, err);
    }
    sg_status s = check_new(facts, err);
    s = s == SG_OK ? check_root(facts, err) : s;
    return s == SG_OK ? check_holders(facts, err) : s;
}

static sg_status check_rollover(const struct sg_life_facts *facts, struct sg_error *err)
{
    if (facts->stage != SG_LIFE_NONE || facts->other) {
        return under_way(facts, err);
    }
    sg_status s = check_old(facts, err);
    if (s != SG_OK || facts->force) {
        return s;
    }
    s = check_new(facts, err);
    return s == SG_OK ? check_placeholder(facts, SG_LIFE_ROLLOVER, err) : s;
}

sg_status sg_life_check(const struct sg_life_facts *facts, enum sg_life_step step,
                        struct sg_error *err)
{
    const struct sg_certificate_name *a = &facts->old_one.name;
    const struct sg_certificate_name *b = &facts->new_one.name;
    if (strcmp(a->owner.text, b->owner.text) == 0 && strcmp(a->label.text, b->label.text) == 0) {
        sg_fail(err, SG_E_CONFLICT, "same_certificate",
                "%s/%s cannot take its own place: the new one needs another label", a->owner.text,
                a->label.text);
        return sg_hint(err, "Give the new one's label: --label NEW");
    }
    switch (step) {
    case SG_LIFE_START:
        return check_start(facts, err);
    case SG_LIFE_SWITCH:
        return check_switch(facts, err);
    case SG_LIFE_FINISH:
        return check_finish(facts, err);
    case SG_LIFE_UNDO:
        return facts->stage == SG_LIFE_NONE ? not_started(facts, err) : SG_OK;
    case SG_LIFE_ROLLOVER:
        return check_rollover(facts, err);
    case SG_LIFE_CERTIFY:
        break;
    }
    return SG_OK;
}

/* ---- what it does ---- */

static bool undo_effect(const struct sg_life_facts *facts, const struct sg_life_ring *ring,
                        enum sg_life_effect *out)
{
    if (facts->stage != SG_LIFE_SWITCHED) {
        *out = SG_LIFE_REMOVE_NEW;
        return ring->note == SG_LIFE_NOTE_BESIDE && ring->has_new;
    }
    *out = ring->has_new ? SG_LIFE_PUT_BACK : SG_LIFE_LEAVE_RING;
    return ring->note == SG_LIFE_NOTE_REPLACED;
}

/* In one ring: false when the step leaves it alone and there is nothing to say. */
static bool ring_effect(const struct sg_life_facts *facts, const struct sg_life_ring *ring,
                        enum sg_life_step step, enum sg_life_effect *out)
{
    bool personal = ring->usage == SG_USAGE_PERSONAL;
    bool beside = ring->has_old && !personal && !ring->has_new;
    switch (step) {
    case SG_LIFE_START:
        *out = SG_LIFE_CONNECT_BESIDE;
        return beside;
    case SG_LIFE_SWITCH:
    case SG_LIFE_ROLLOVER:
        /* a ring that was connected after the start is caught up with here */
        *out = personal ? SG_LIFE_REPLACE : SG_LIFE_CONNECT_BESIDE;
        return ring->has_old &&
               (personal || (beside && (step == SG_LIFE_ROLLOVER || facts->stage != SG_LIFE_NONE)));
    case SG_LIFE_FINISH:
        *out = personal || beside ? SG_LIFE_REPLACE : SG_LIFE_DROP;
        return ring->has_old && (!personal || facts->stage == SG_LIFE_SWITCHED);
    case SG_LIFE_UNDO:
        return undo_effect(facts, ring, out);
    case SG_LIFE_CERTIFY:
        break;
    }
    return false;
}

struct list {
    struct sg_life_action *out;
    size_t count;
};

static void add(struct list *list, enum sg_life_effect effect, size_t ring)
{
    list->out[list->count++] = (struct sg_life_action){.effect = effect, .ring = ring};
}

static void each_ring(const struct sg_life_facts *facts, struct list *list, enum sg_life_step step)
{
    for (size_t i = 0; i < facts->ring_count; i++) {
        enum sg_life_effect effect = SG_LIFE_REPLACE;
        if (ring_effect(facts, &facts->rings[i], step, &effect)) {
            add(list, effect, i);
        }
    }
}

static void retire(const struct sg_life_facts *facts, struct list *list)
{
    bool keep = facts->old_one.decrypts && !facts->destroy;
    add(list, keep ? SG_LIFE_KEEP_KEY : SG_LIFE_DESTROY_KEY, 0);
}

size_t sg_life_actions(const struct sg_life_facts *facts, enum sg_life_step step,
                       struct sg_life_action *out)
{
    struct list list = {.out = out};
    if (step == SG_LIFE_START) {
        add(&list, facts->new_one.exists ? SG_LIFE_TAKE_NEW : SG_LIFE_MAKE_NEW, 0);
    }
    if (step == SG_LIFE_CERTIFY) {
        add(&list, SG_LIFE_CERTIFY_NEW, 0);
    }
    each_ring(facts, &list, step);
    if (step == SG_LIFE_FINISH || step == SG_LIFE_ROLLOVER) {
        retire(facts, &list);
    }
    if (step == SG_LIFE_UNDO && facts->stage == SG_LIFE_STARTED) {
        add(&list, facts->new_one.in_use ? SG_LIFE_LEAVE_NEW : SG_LIFE_DELETE_NEW, 0);
    }
    return list.count;
}

/* ---- when ---- */

static enum sg_life_stage stage_after(enum sg_life_step step)
{
    return step == SG_LIFE_START ? SG_LIFE_STARTED : SG_LIFE_SWITCHED;
}

static enum sg_life_state certify_state(const struct sg_life_facts *facts)
{
    if (facts->stage == SG_LIFE_NONE && !facts->new_one.exists) {
        return SG_LIFE_LATER;
    }
    return facts->new_one.placeholder ? SG_LIFE_NOW : SG_LIFE_DONE;
}

enum sg_life_state sg_life_state(const struct sg_life_facts *facts, enum sg_life_step step,
                                 struct sg_error *why)
{
    if (step == SG_LIFE_CERTIFY) {
        return certify_state(facts);
    }
    if (step != SG_LIFE_FINISH && facts->stage >= stage_after(step)) {
        return SG_LIFE_DONE;
    }
    bool next = step == SG_LIFE_START || (step == SG_LIFE_SWITCH && facts->stage != SG_LIFE_NONE) ||
                facts->stage == SG_LIFE_SWITCHED;
    if (!next) {
        return SG_LIFE_LATER;
    }
    return sg_life_check(facts, step, why) == SG_OK ? SG_LIFE_NOW : SG_LIFE_WAITS;
}

#define DAY INT64_C(86400)

int64_t sg_life_due(const struct sg_life_facts *facts, enum sg_life_step step)
{
    const struct sg_life_certificate *old = &facts->old_one;
    int64_t validity = old->not_after_s - old->not_before_s;
    int64_t margin = 0;
    if (step == SG_LIFE_START) {
        margin = validity / 3 < 30 * DAY ? validity / 3 : 30 * DAY;
    } else if (step == SG_LIFE_CERTIFY || step == SG_LIFE_SWITCH) {
        margin = validity / 10 < 7 * DAY ? validity / 10 : 7 * DAY;
    }
    return old->not_after_s - margin;
}
