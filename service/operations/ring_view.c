#include <signet/operations/ring_view.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <signet/policy/name.h>
#include <signet/rings/view.h>
#include <signet/store/rollover.h>

#include "left_out_internal.h"
#include "view_rings_internal.h"
#include "view_share.h"

struct view_walk {
    struct fair_walk fair;
    struct sg_service *service;
    struct sg_view_rings *rings;
    const struct sg_caller *caller;
    struct sg_view_writer *writer;
    uint64_t generation;
    const struct sg_profiles *profiles;
    const struct sg_ring_ref *ring;
    int (*token_index)(void *context, const char *name);
    void *context;
};

static void view_walk_done(struct view_walk *walk)
{
    sg_view_writer_free(walk->writer);
    sg_fair_walk_done(&walk->fair);
}

static void user_done(struct sg_left_out_user *user)
{
    free(user->rings);
}

static sg_status write_member(struct view_walk *walk, const struct sg_certificate_row *row,
                              struct sg_view_member member, struct sg_error *err)
{
    enum sg_usage usage = member.usage;
    if (!sg_row_shown(row)) {
        return SG_OK;
    }
    member.der = (struct sg_bytes){row->der, row->der_len};
    member.label = row->name.label.text;
    int token = sg_row_key_deliverable(row) ? walk->token_index(walk->context, row->token) : -1;
    if (token >= 0 && sg_authority_key_usable(walk->profiles, walk->caller, walk->ring->owner.text,
                                              walk->ring->ring.text, usage, row->name.owner.text)) {
        member.key_usable = true;
        member.key = row->key;
        member.token = (uint32_t)token;
        member.may_decrypt = row->may_decrypt;
        member.may_derive = row->may_derive;
        member.retired = row->retired;
        member.extractable = row->extractable;
        member.imported = row->imported;
    }
    return sg_view_add_member(walk->writer, &member, err);
}

static sg_status add_member(void *context, const struct sg_certificate_row *row,
                            enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct sg_view_member member = {.usage = usage, .is_default = is_default};
    return write_member(context, row, member, err);
}

/* One whose place another has taken, until the roll-over's end. */
static sg_status add_held(void *context, const struct sg_certificate_row *row, struct sg_error *err)
{
    struct sg_view_member member = {.usage = SG_USAGE_PERSONAL, .hidden = true};
    return write_member(context, row, member, err);
}

/* What is hidden comes last: what stands there openly as well is not hidden. */
static sg_status add_members(struct view_walk *walk, int64_t ring, struct sg_error *err)
{
    struct sg_store *store = walk->service->store;
    sg_status s = sg_store_connection_each(store, ring, add_member, walk, err);
    return s == SG_OK ? sg_store_rollover_held_each(store, ring, add_held, walk, err) : s;
}

/* Bytes for rings. */
static size_t room(const struct sg_service *service)
{
    size_t limit = sg_view_limit(service);
    return limit > SG_VIEW_EMPTY ? limit - SG_VIEW_EMPTY : 0;
}

static sg_status start_view(struct view_walk *walk, struct sg_error *err)
{
    sg_view_writer_free(SG_STEAL(walk->writer));
    return sg_view_writer_new(walk->generation, &walk->writer, err);
}

/* The ring has been added, as far as there was room: may it stay? */
static sg_status weigh_ring(struct view_walk *walk, size_t before, bool whole, struct sg_error *err)
{
    size_t after = sg_view_length(walk->writer);
    bool stays = true;
    sg_error_clear(err);
    sg_status s = sg_fair_weigh(&walk->fair, walk->ring, whole ? after - before : SG_VIEW_MAX,
                                whole ? after - SG_VIEW_EMPTY : SIZE_MAX, &stays, err);
    if (stays) {
        return s;
    }
    sg_view_drop_slot(walk->writer);
    walk->rings->list[walk->rings->at].no_room = true;
    return s;
}

static sg_status write_ring(struct view_walk *walk, const struct sg_ring_row *row,
                            struct sg_error *err)
{
    char label[32];
    sg_name_token_label(&row->name, label);
    size_t before = sg_view_length(walk->writer);
    sg_status s = sg_view_add_slot(walk->writer, (uint64_t)row->id, label, row->sequence, err);
    s = s == SG_OK ? add_members(walk, row->id, err) : s;
    return s == SG_OK || s == SG_E_LIMIT ? weigh_ring(walk, before, s == SG_OK, err) : s;
}

static sg_status add_ring(void *context, const struct sg_ring_row *row, struct sg_error *err)
{
    struct view_walk *walk = context;
    sg_status s = SG_OK;
    walk->ring = &row->name;
    if (sg_fair_turns(&walk->fair, walk->ring) && walk->fair.pass == FAIR_MEASURE) {
        s = start_view(walk, err);
    }
    if (s != SG_OK) {
        return s;
    }
    if (sg_fair_skips(&walk->fair)) {
        walk->rings->list[walk->rings->at].no_room = true;
        return SG_OK;
    }
    return write_ring(walk, row, err);
}

static sg_status write_all(void *context, struct sg_error *err)
{
    struct view_walk *walk = context;
    for (size_t i = 0; i < walk->rings->count; i++) {
        walk->rings->list[i].no_room = false;
    }
    sg_status s = start_view(walk, err);
    return s == SG_OK ? sg_view_rings_each(walk->service, walk->rings, add_ring, walk, err) : s;
}

/* For who asks why a ring is not there. */
static sg_status note_left_out(struct view_walk *walk, struct sg_left_out_user *user,
                               struct sg_error *err)
{
    const struct sg_view_rings *rings = walk->rings;
    struct sg_ring_row first = {.id = 0};
    bool found = false;
    sg_status s = SG_OK;
    user->rings = calloc(rings->count + 1, sizeof *user->rings);
    if (user->rings == NULL) {
        return sg_fail_memory(err);
    }
    for (size_t i = 0; i < rings->count; i++) {
        if (rings->list[i].left_out || rings->list[i].no_room) {
            user->rings[user->count++] = (struct sg_left_out_ring){
                .number = (uint32_t)rings->list[i].id, .sequence = rings->list[i].sequence};
        }
    }
    if (user->count > 0) {
        s = sg_store_ring_find(walk->service->store, user->rings[0].number, &first, &found, err);
        user->first = first.name;
    }
    if (s == SG_OK) {
        sg_left_out_note(walk->service, user);
    }
    return s;
}

sg_status sg_ring_view_write(struct sg_service *service, const struct sg_caller *caller,
                             uint32_t ring, uint64_t generation,
                             int (*token_index)(void *context, const char *name), void *context,
                             int *out_fd, struct sg_error *err)
{
    SG_CLEANUP(sg_profile_set_unrefp) struct sg_profile_set *set = NULL;
    SG_VIEW_RINGS rings = {.count = 0};
    sg_status s = sg_service_profiles(service, &set, err);
    s = s == SG_OK ? sg_view_rings_find(service, &set->profiles, caller, ring, &rings, err) : s;
    if (s != SG_OK) {
        return s;
    }
    SG_CLEANUP(user_done)
    struct sg_left_out_user user = {.uid = caller->uid, .gid = caller->gid, .alone = ring};
    SG_CLEANUP(view_walk_done)
    struct view_walk walk = {.fair = {.limit = room(service)},
                             .service = service,
                             .rings = &rings,
                             .caller = caller,
                             .profiles = &set->profiles,
                             .generation = generation,
                             .token_index = token_index,
                             .context = context};
    /* One owner's many rings must not hide another's few. */
    s = sg_fair_walk(&walk.fair, write_all, &walk, err);
    s = s == SG_OK ? note_left_out(&walk, &user, err) : s;
    return s == SG_OK ? sg_view_finish(walk.writer, out_fd, err) : s;
}

/* ---- keys ---- */

struct key_walk {
    struct fair_walk fair;
    struct sg_service *service;
    struct sg_view_rings *rings;
    const struct sg_caller *caller;
    const char *token;
    const struct sg_profiles *profiles;
    const struct sg_ring_row *ring;
    struct sg_granted_key *keys;
    size_t count, capacity;
};

static void key_walk_done(struct key_walk *walk)
{
    free(walk->keys);
    sg_fair_walk_done(&walk->fair);
}

static sg_status add_key(void *context, const struct sg_certificate_row *row, enum sg_usage usage,
                         bool is_default, struct sg_error *err)
{
    struct key_walk *walk = context;
    (void)is_default;
    bool usable = sg_row_key_deliverable(row) && strcmp(row->token, walk->token) == 0 &&
                  sg_row_shown(row) &&
                  sg_authority_key_usable(walk->profiles, walk->caller, walk->ring->name.owner.text,
                                          walk->ring->name.ring.text, usage, row->name.owner.text);
    if (!usable) {
        return SG_OK;
    }
    if (walk->count == walk->capacity) {
        size_t capacity = walk->capacity == 0 ? 16 : walk->capacity * 2;
        struct sg_granted_key *keys = realloc(walk->keys, capacity * sizeof *keys);
        if (keys == NULL) {
            return sg_fail_memory(err);
        }
        walk->keys = keys;
        walk->capacity = capacity;
    }
    walk->keys[walk->count++] = (struct sg_granted_key){.id = row->key,
                                                        .ring = (uint32_t)walk->ring->id,
                                                        .sign = !row->retired,
                                                        .decrypt = row->may_decrypt,
                                                        .derive = row->may_derive};
    return SG_OK;
}

static sg_status add_held_key(void *context, const struct sg_certificate_row *row,
                              struct sg_error *err)
{
    return add_key(context, row, SG_USAGE_PERSONAL, false, err);
}

static sg_status weigh_keys(struct key_walk *walk, size_t before, struct sg_error *err)
{
    bool stay = true;
    sg_status s = sg_fair_weigh(&walk->fair, &walk->ring->name, walk->count - before, walk->count,
                                &stay, err);
    walk->count = stay ? walk->count : before;
    return s;
}

static sg_status add_ring_keys(void *context, const struct sg_ring_row *row, struct sg_error *err)
{
    struct key_walk *walk = context;
    struct sg_store *store = walk->service->store;
    walk->ring = row;
    if (sg_fair_turns(&walk->fair, &row->name) && walk->fair.pass == FAIR_MEASURE) {
        walk->count = 0;
    }
    if (sg_fair_skips(&walk->fair)) {
        return SG_OK;
    }
    size_t before = walk->count;
    sg_status s = sg_store_connection_each(store, row->id, add_key, walk, err);
    s = s == SG_OK ? sg_store_rollover_held_each(store, row->id, add_held_key, walk, err) : s;
    return s == SG_OK ? weigh_keys(walk, before, err) : s;
}

static sg_status collect_keys(void *context, struct sg_error *err)
{
    struct key_walk *walk = context;
    walk->count = 0;
    return sg_view_rings_each(walk->service, walk->rings, add_ring_keys, walk, err);
}

/* Neither do one owner's many keys take another's few away from who may use both. */
static sg_status collect_fairly(struct key_walk *walk, uint32_t alone, struct sg_error *err)
{
    sg_status s = sg_fair_walk(&walk->fair, collect_keys, walk, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_keys_left_out now = {.uid = walk->caller->uid,
                                   .gid = walk->caller->gid,
                                   .alone = alone,
                                   .rings = walk->fair.left_out};
    (void)snprintf(now.token, sizeof now.token, "%s", walk->token);
    sg_keys_left_out_note(walk->service, &now, walk->fair.limit);
    return s;
}

/* A key that a ring has twice, with two certificates, may do what either of them allows. */
static size_t unique(struct sg_granted_key *keys, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || sg_granted_key_compare(&keys[kept - 1], &keys[i]) != 0) {
            keys[kept++] = keys[i];
            continue;
        }
        keys[kept - 1].sign |= keys[i].sign;
        keys[kept - 1].decrypt |= keys[i].decrypt;
        keys[kept - 1].derive |= keys[i].derive;
    }
    return kept;
}

sg_status sg_ring_keys(struct sg_service *service, const struct sg_caller *caller, uint32_t ring,
                       const char *token, struct sg_granted_key **out, size_t *count,
                       struct sg_error *err)
{
    SG_CLEANUP(sg_profile_set_unrefp) struct sg_profile_set *set = NULL;
    SG_VIEW_RINGS rings = {.count = 0};
    sg_status s = sg_service_profiles(service, &set, err);
    s = s == SG_OK ? sg_view_rings_find(service, &set->profiles, caller, ring, &rings, err) : s;
    if (s != SG_OK) {
        return s;
    }
    SG_CLEANUP(key_walk_done)
    struct key_walk walk = {
        .fair = {.limit = service->keys_max != 0 ? service->keys_max : SG_GRANTED_KEYS_MAX,
                 .exact = true},
        .service = service,
        .rings = &rings,
        .caller = caller,
        .profiles = &set->profiles,
        .token = token};
    s = collect_fairly(&walk, ring, err);
    if (s != SG_OK) {
        return s;
    }
    if (walk.count > 0) {
        qsort(walk.keys, walk.count, sizeof *walk.keys, sg_granted_key_compare);
    }
    *count = unique(walk.keys, walk.count);
    *out = SG_STEAL(walk.keys);
    return SG_OK;
}
