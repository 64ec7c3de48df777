/* How often keys are used through rings, by whom. */
#include "store_internal.h"

#include <string.h>

static sg_status add_one(struct sg_store *store, const struct sg_key_use *use, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_KEY_USE_ADD, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_blob(&query, use->key.bytes, sizeof use->key.bytes);
    sg_query_int(&query, use->ring);
    sg_query_int(&query, use->uid);
    sg_query_int(&query, (int64_t)use->count);
    sg_query_int(&query, use->last_s);
    sg_query_int(&query, use->done_s);
    return sg_query_run(&query, "counting uses of a key", err);
}

static sg_status add_all(struct sg_store *store, const struct sg_key_use *uses, size_t count,
                         struct sg_error *err)
{
    SG_SCOPE scope = {0};
    sg_status s = sg_scope_open(store, &scope, err);
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        s = add_one(store, &uses[i], err);
    }
    return s == SG_OK ? sg_scope_keep(&scope, err) : s;
}

/* Every second, while keys are used: whoever wants something of control meanwhile does not wait for
 * the disk. Where that cannot be ended, no other query begins before it can. */
sg_status sg_store_key_uses_add(struct sg_store *store, const struct sg_key_use *uses, size_t count,
                                struct sg_error *err)
{
    struct sg_error ignored = SG_ERROR_INIT;
    if (sqlite3_get_autocommit(store->db) == 0) {
        return add_all(store, uses, count, err);
    }
    sg_status s = sg_store_wait_for_disk(store, false, err);
    s = s == SG_OK ? add_all(store, uses, count, err) : s;
    (void)!sg_store_wait_for_disk(store, true, &ignored);
    return s;
}

sg_status sg_store_key_uses(struct sg_store *store, const struct sg_key_id *key, int64_t ring,
                            struct sg_key_use *out, size_t room, size_t *count,
                            struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = true;
    *count = 0;
    sg_status s = sg_query_open(store, SG_Q_KEY_USES, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_blob(&query, key->bytes, sizeof key->bytes);
    sg_query_int(&query, ring);
    while (*count < room) {
        s = sg_query_step(&query, &row, "reading uses of a key", err);
        if (s != SG_OK || !row) {
            return s;
        }
        out[(*count)++] = (struct sg_key_use){
            .key = *key,
            .ring = (uint32_t)ring,
            .uid = (uint32_t)sqlite3_column_int64(query.stmt, 0),
            .count = (uint64_t)sqlite3_column_int64(query.stmt, 1),
            .last_s = sqlite3_column_int64(query.stmt, 2),
            .done_s = sqlite3_column_int64(query.stmt, 3),
        };
    }
    return SG_OK;
}

sg_status sg_store_key_use_total(struct sg_store *store, const struct sg_key_id *key, int64_t ring,
                                 uint64_t *out, struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    sg_status s = sg_query_open(store, SG_Q_KEY_USE_TOTAL, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_blob(&query, key->bytes, sizeof key->bytes);
    sg_query_int(&query, ring);
    s = sg_query_step(&query, &row, "reading uses of a key", err);
    *out = s == SG_OK && row ? (uint64_t)sqlite3_column_int64(query.stmt, 0) : 0;
    return s;
}

sg_status sg_store_key_last_use(struct sg_store *store, const struct sg_key_id *key,
                                int64_t *last_s, struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    *last_s = 0;
    sg_status s = sg_query_open(store, SG_Q_KEY_LAST_USE, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_blob(&query, key->bytes, sizeof key->bytes);
    s = sg_query_step(&query, &row, "reading uses of a key", err);
    *last_s = s == SG_OK && row ? sqlite3_column_int64(query.stmt, 0) : 0;
    return s;
}

static sg_status tell_user(struct sg_query *query, sg_key_user_sink sink, void *context,
                           struct sg_error *err)
{
    struct sg_key_user user = {.uid = (uint32_t)sqlite3_column_int64(query->stmt, 2),
                               .count = (uint64_t)sqlite3_column_int64(query->stmt, 3),
                               .last_s = sqlite3_column_int64(query->stmt, 4),
                               .other_s = sqlite3_column_int64(query->stmt, 5)};
    sg_status s = sg_query_column(query, 0, user.ring.owner.text, sizeof user.ring.owner.text, err);
    s = s == SG_OK ? sg_query_column(query, 1, user.ring.ring.text, sizeof user.ring.ring.text, err)
                   : s;
    return s == SG_OK ? sink(context, &user, err) : s;
}

sg_status sg_store_key_users_each(struct sg_store *store, const struct sg_key_id *key,
                                  const struct sg_key_id *other, int64_t since_s,
                                  sg_key_user_sink sink, void *context, struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = true;
    sg_status s = sg_query_open(store, SG_Q_KEY_USERS, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_blob(&query, key->bytes, sizeof key->bytes);
    if (other != NULL) {
        sg_query_blob(&query, other->bytes, sizeof other->bytes);
    } else {
        sg_query_null(&query);
    }
    sg_query_int(&query, since_s);
    while (s == SG_OK && row) {
        s = sg_query_step(&query, &row, "reading who used a key", err);
        s = s == SG_OK && row ? tell_user(&query, sink, context, err) : s;
    }
    return s;
}
