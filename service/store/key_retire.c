/* The end of a key: kept for decryption only, or forgotten. */
#include "store_internal.h"

/* Run a statement over one key's rows; *changed of them. */
static sg_status change(struct sg_store *store, enum sg_query_id id, const struct sg_key_id *key,
                        const char *doing, int *changed, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, id, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_blob(&query, key->bytes, sizeof key->bytes);
    s = sg_query_run(&query, doing, err);
    if (s == SG_OK) {
        *changed = sqlite3_changes(store->db);
    }
    return s;
}

static sg_status must_change(int changed, struct sg_error *err)
{
    return changed > 0 ? SG_OK
                       : sg_fail(err, SG_E_NOT_FOUND, "key_not_found", "the key is not recorded");
}

sg_status sg_store_key_retire(struct sg_store *store, const struct sg_key_id *key,
                              struct sg_error *err)
{
    int changed = 0;
    sg_status s = change(store, SG_Q_KEY_RETIRE, key, "retiring a key", &changed, err);
    return s == SG_OK ? must_change(changed, err) : s;
}

sg_status sg_store_key_forget(struct sg_store *store, const struct sg_key_id *key,
                              struct sg_error *err)
{
    SG_SCOPE scope = {0};
    int changed = 0;
    sg_status s = sg_scope_open(store, &scope, err);
    s = s == SG_OK ? sg_store_key_retire(store, key, err) : s; /* the schema insists on it */
    s = s == SG_OK ? change(store, SG_Q_KEY_LEAVE, key, "taking a key from its certificates",
                            &changed, err)
                   : s;
    s = s == SG_OK
            ? change(store, SG_Q_KEY_DELETE_UNUSED, key, "deleting a key's row", &changed, err)
            : s;
    s = s == SG_OK ? must_change(changed, err) : s;
    return s == SG_OK ? sg_scope_keep(&scope, err) : s;
}
