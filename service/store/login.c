#include "store_internal.h"

#include <string.h>

sg_status sg_store_login_get(struct sg_store *store, const char *token, struct sg_login_record *out,
                             struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    sg_status s = sg_query_open(store, SG_Q_LOGIN_GET, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, token);
    s = sg_query_step(&query, &row, "reading a login", err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_login_record record = {.state = SG_LOGIN_NEVER};
    if (row) {
        record.state = (enum sg_login_state)sqlite3_column_int(query.stmt, 0);
        record.pin_version = (uint64_t)sqlite3_column_int64(query.stmt, 1);
        record.accepted_before = sqlite3_column_int(query.stmt, 2) != 0;
        record.changed_s = sqlite3_column_int64(query.stmt, 3);
    }
    *out = record;
    return SG_OK;
}

sg_status sg_store_login_set(struct sg_store *store, const char *token,
                             const struct sg_login_record *record, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_LOGIN_SET, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, token);
    sg_query_int(&query, record->state);
    sg_query_int(&query, (int64_t)record->pin_version);
    sg_query_int(&query, record->accepted_before);
    sg_query_int(&query, record->changed_s);
    return sg_query_run(&query, "recording a login", err);
}
