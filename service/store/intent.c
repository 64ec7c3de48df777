#include "store_internal.h"

#include <string.h>

sg_status sg_store_intent_add(struct sg_store *store, struct sg_intent *intent,
                              struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_INTENT_ADD, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, intent->kind);
    sg_query_text(&query, intent->token);
    sg_query_blob(&query, intent->key.bytes, sizeof intent->key.bytes);
    sg_query_text(&query, intent->operation);
    sg_query_int(&query, intent->created_s);
    s = sg_query_run(&query, "recording an intent", err);
    if (s == SG_OK) {
        intent->id = sqlite3_last_insert_rowid(store->db);
    }
    return s;
}

sg_status sg_store_intent_remove(struct sg_store *store, int64_t id, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_INTENT_REMOVE, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, id);
    s = sg_query_run(&query, "removing an intent", err);
    if (s == SG_OK && sqlite3_changes(store->db) == 0) {
        return sg_fail(err, SG_E_NOT_FOUND, "intent_not_found", "no intent has the number %lld",
                       (long long)id);
    }
    return s;
}

static sg_status from_query(struct sg_query *query, struct sg_intent *out, struct sg_error *err)
{
    struct sg_intent intent = {
        .id = sqlite3_column_int64(query->stmt, 0),
        .kind = (enum sg_intent_kind)sqlite3_column_int(query->stmt, 1),
        .created_s = sqlite3_column_int64(query->stmt, 5),
    };
    const void *key = sqlite3_column_blob(query->stmt, 3);
    if (key == NULL || sqlite3_column_bytes(query->stmt, 3) != SG_KEY_ID_LEN) {
        return sg_store_fail(query->store, SQLITE_CORRUPT, "reading an intent", err);
    }
    memcpy(intent.key.bytes, key, SG_KEY_ID_LEN);
    sg_status s = sg_query_column(query, 2, intent.token, sizeof intent.token, err);
    s = s == SG_OK ? sg_query_column(query, 4, intent.operation, sizeof intent.operation, err) : s;
    if (s == SG_OK) {
        *out = intent;
    }
    return s;
}

static sg_status read_one(struct sg_store *store, int64_t id, struct sg_intent *out, bool *found,
                          struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_INTENT_BY_ID, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, id);
    s = sg_query_step(&query, found, "reading an intent", err);
    return s == SG_OK && *found ? from_query(&query, out, err) : s;
}

static sg_status find(struct sg_store *store, const char *token, struct sg_ids *ids,
                      struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_INTENT_IDS, &query, err);
    if (s != SG_OK) {
        return s;
    }
    if (token != NULL) {
        sg_query_text(&query, token);
    } else {
        sg_query_null(&query);
    }
    return sg_query_ids(&query, ids, "reading the intents", err);
}

sg_status sg_store_intent_each(struct sg_store *store, const char *token, sg_intent_sink sink,
                               void *context, struct sg_error *err)
{
    SG_IDS ids = {0};
    sg_status s = find(store, token, &ids, err);
    for (size_t i = 0; s == SG_OK && i < ids.count; i++) {
        struct sg_intent intent;
        bool found = false;
        s = read_one(store, ids.items[i], &intent, &found, err);
        if (s == SG_OK && found) {
            s = sink(context, &intent, err);
        }
    }
    return s;
}
