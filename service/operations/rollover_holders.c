/* Who may still hold the old key of a roll-over, by the counts of its uses. */
#include "rollover_internal.h"

#include <stdio.h>

#include <signet/policy/name.h>

#include "ring_uses_internal.h"
#include "unix_names.h"

#define USERS_SHOWN 100

struct holders {
    struct sg_life_facts *facts;
    json_t *out; /* NULL: nobody wants to see them */
};

/* By name, or by number where there is no name. */
static void name_user(uint32_t uid, char out[SG_LIFE_USER])
{
    char name[SG_UNIX_NAME];
    sg_unix_user_name((uid_t)uid, name);
    if (name[0] != '\0') {
        snprintf(out, SG_LIFE_USER, "%s", name);
    } else {
        snprintf(out, SG_LIFE_USER, "uid %u", uid);
    }
}

static void name_place(const struct sg_ring_ref *ring, char out[SG_LIFE_PLACE])
{
    if (sg_is_served_token(ring)) {
        snprintf(out, SG_LIFE_PLACE, "token %s", ring->ring.text);
    } else {
        snprintf(out, SG_LIFE_PLACE, "%s/%s", ring->owner.text, ring->ring.text);
    }
}

static json_t *time_json(int64_t time_s)
{
    char text[SG_TIME_TEXT];
    sg_time_format(time_s, text);
    return time_s != 0 ? json_string(text) : json_null();
}

static sg_status show(json_t *out, const struct sg_key_user *user, enum sg_life_holding holding,
                      struct sg_error *err)
{
    char name[SG_UNIX_NAME];
    if (out == NULL || json_array_size(out) >= USERS_SHOWN) {
        return SG_OK;
    }
    sg_unix_user_name((uid_t)user->uid, name);
    json_t *item =
        json_pack("{s:o, s:I, s:o, s:o, s:o, s:b}", "ring", sg_place_json(&user->ring), "uid",
                  (json_int_t)user->uid, "user", name[0] != '\0' ? json_string(name) : json_null(),
                  "old_last_used", time_json(user->last_s), "new_last_used",
                  time_json(user->other_s), "changed", (int)(holding == SG_LIFE_HOLDS_NOT));
    return item != NULL && json_array_append_new(out, item) == 0 ? SG_OK : sg_fail_memory(err);
}

/* The latest first. */
static sg_status look_at(void *context, const struct sg_key_user *user, struct sg_error *err)
{
    struct holders *holders = context;
    struct sg_life_facts *facts = holders->facts;
    enum sg_life_holding holding = sg_life_holding(facts, user->last_s, user->other_s);
    if (holding != SG_LIFE_HOLDS_NOT && facts->holders++ == 0) {
        facts->holder = (struct sg_life_holder){.old_s = user->last_s, .holding = holding};
        name_user(user->uid, facts->holder.user);
        name_place(&user->ring, facts->holder.place);
    }
    return show(holders->out, user, holding, err);
}

sg_status sg_rollover_find_holders(struct sg_run *run, struct sg_rollover *rollover, json_t *out,
                                   struct sg_error *err)
{
    const struct sg_certificate_row *old = &rollover->old_row;
    const struct sg_certificate_row *successor = &rollover->new_row;
    struct holders holders = {.facts = &rollover->facts, .out = out};
    rollover->facts.holders = 0;
    if (!old->has_key) {
        return SG_OK;
    }
    return sg_store_key_users_each(run->service->store, &old->key,
                                   successor->has_key ? &successor->key : NULL,
                                   sg_life_uses_since(&rollover->facts), look_at, &holders, err);
}

sg_status sg_rollover_warn_holders(struct sg_run *run, const struct sg_rollover *rollover,
                                   struct sg_error *err)
{
    char when[SG_TIME_TEXT];
    const struct sg_life_facts *facts = &rollover->facts;
    const struct sg_life_holder *last = &facts->holder;
    if (facts->holders == 0) {
        return SG_OK;
    }
    sg_time_format(last->old_s, when);
    return sg_run_warn(
        run, err,
        "programs that sign with the key of %s fail until they load that of %s: it was "
        "used at %s by %s through %s",
        sg_row_name(&rollover->old_row).text, sg_row_name(&rollover->new_row).text, when,
        last->user, last->place);
}
