/* What listings say of the uses of keys. */
#include "ring_uses_internal.h"

#include <stdio.h>

#include <signet/policy/name.h>

#include "unix_names.h"

#define USERS_SHOWN 100 /* the latest */

static json_t *time_json(int64_t time_s)
{
    char text[SG_TIME_TEXT];
    sg_time_format(time_s, text);
    return json_string(text);
}

static json_t *user_json(uint32_t uid)
{
    char name[SG_UNIX_NAME];
    sg_unix_user_name((uid_t)uid, name);
    return name[0] != '\0' ? json_string(name) : json_null();
}

static sg_status add_user(json_t *users, const struct sg_key_use *use, struct sg_error *err)
{
    json_t *user =
        json_pack("{s:I, s:o, s:I, s:o}", "uid", (json_int_t)use->uid, "user", user_json(use->uid),
                  "uses", (json_int_t)use->count, "last_used", time_json(use->last_s));
    return user != NULL && json_array_append_new(users, user) == 0 ? SG_OK : sg_fail_memory(err);
}

/* For people the last one by name, or by number where there is no name. */
static json_t *last_user_json(uint32_t uid)
{
    json_t *name = user_json(uid);
    char number[16];
    if (json_is_string(name)) {
        return name;
    }
    json_decref(name);
    snprintf(number, sizeof number, "%u", uid);
    return json_string(number);
}

sg_status sg_ring_uses(struct sg_run *run, int64_t ring, const struct sg_certificate_row *row,
                       json_t *item, struct sg_error *err)
{
    struct sg_key_use uses[USERS_SHOWN];
    size_t count = 0;
    uint64_t total = 0;
    json_t *users = json_array();
    struct sg_store *store = run->service->store;
    sg_status s = sg_run_set(item, "used_by", users, err);
    s = s == SG_OK ? sg_store_key_uses(store, &row->key, ring, uses, USERS_SHOWN, &count, err) : s;
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        s = add_user(users, &uses[i], err);
    }
    s = s == SG_OK ? sg_store_key_use_total(store, &row->key, ring, &total, err) : s;
    s = s == SG_OK ? sg_run_set(item, "uses", json_integer((json_int_t)total), err) : s;
    if (s != SG_OK || count == 0) {
        return s;
    }
    s = sg_run_set(item, "last_used", time_json(uses[0].last_s), err);
    return s == SG_OK ? sg_run_set(item, "last_user", last_user_json(uses[0].uid), err) : s;
}

/* ---- through everything ---- */

struct sum {
    uint64_t uses;
    struct sg_key_user last; /* with uses not 0 */
};

/* The latest comes first. */
static sg_status add_up(void *context, const struct sg_key_user *user, struct sg_error *err)
{
    struct sum *sum = context;
    (void)err;
    if (sum->uses == 0) {
        sum->last = *user;
    }
    sum->uses += user->count;
    return SG_OK;
}

json_t *sg_place_json(const struct sg_ring_ref *ref)
{
    return sg_is_served_token(ref) ? json_string(ref->ring.text)
                                   : json_string(sg_ring_text(ref).text);
}

sg_status sg_key_uses(struct sg_run *run, const struct sg_certificate_row *row, json_t *item,
                      struct sg_error *err)
{
    struct sum sum = {0};
    sg_status s =
        sg_store_key_users_each(run->service->store, &row->key, NULL, 0, add_up, &sum, err);
    s = s == SG_OK ? sg_run_set(item, "uses", json_integer((json_int_t)sum.uses), err) : s;
    if (s != SG_OK || sum.uses == 0) {
        return s;
    }
    s = sg_run_set(item, "last_used", time_json(sum.last.last_s), err);
    s = s == SG_OK ? sg_run_set(item, "last_user", last_user_json(sum.last.uid), err) : s;
    return s == SG_OK ? sg_run_set(item, "last_used_in", sg_place_json(&sum.last.ring), err) : s;
}
