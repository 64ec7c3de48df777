#include "store_internal.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/shell.h>

sg_status sg_certificate_missing(int64_t id, struct sg_error *err)
{
    return sg_fail(err, SG_E_NOT_FOUND, "certificate_not_found",
                   "no certificate has the number %lld (any more)", (long long)id);
}

/* ---- conflicts, each with its own message ---- */

static sg_status label_in_use(const char *owner, const char *label, struct sg_error *err)
{
    (void)sg_fail(err, SG_E_CONFLICT, "label_in_use",
                  "%s has a certificate with the label \"%s\" already", owner, label);
    (void)sg_object(err, "%s/%s", owner, label);
    return sg_hint(err, "Choose another label, or see what is there: signet cert show %s",
                   sg_shell_word(owner, label).text);
}

static sg_status label_used(struct sg_store *store, const char *owner, const char *label,
                            bool *used, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_CERTIFICATE_LABEL_USED, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, owner);
    sg_query_text(&query, label);
    return sg_query_step(&query, used, "looking for a label", err);
}

/* The other certificate with this serial number and issuer. */
static sg_status find_same(struct sg_store *store, const struct sg_certificate_row *row,
                           struct sg_certificate_name *other, bool *found, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_CERTIFICATE_SAME, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_blob(&query, row->issuer.data, row->issuer.len);
    sg_query_text(&query, row->serial);
    sg_query_int(&query, row->id);
    s = sg_query_step(&query, found, "looking for the same certificate", err);
    if (s != SG_OK || !*found) {
        return s;
    }
    s = sg_query_column(&query, 0, other->owner.text, sizeof other->owner.text, err);
    return s == SG_OK ? sg_query_column(&query, 1, other->label.text, sizeof other->label.text, err)
                      : s;
}

static sg_status certificate_exists(const struct sg_certificate_name *other, struct sg_error *err)
{
    const char *owner = other->owner.text;
    const char *label = other->label.text;
    (void)sg_fail(
        err, SG_E_CONFLICT, "certificate_exists",
        "this certificate (same serial number and issuer) is %s's already, with the label \"%s\"",
        owner, label);
    (void)sg_object(err, "%s/%s", owner, label);
    return sg_hint(
        err,
        "A certificate is stored once and connected to as many rings as need it: signet ring connect OWNER/RING %s",
        sg_shell_word(owner, label).text);
}

static sg_status unique_refused(struct sg_store *store, int rc,
                                const struct sg_certificate_row *row, struct sg_error *err)
{
    struct sg_certificate_name other = {.owner = {""}};
    bool found = false;
    sg_status s = SG_OK;
    if (row->id == 0) {
        s = label_used(store, row->name.owner.text, row->name.label.text, &found, err);
    }
    if (s == SG_OK && found) {
        return label_in_use(row->name.owner.text, row->name.label.text, err);
    }
    s = s == SG_OK ? find_same(store, row, &other, &found, err) : s;
    if (s != SG_OK) {
        return s;
    }
    return found ? certificate_exists(&other, err)
                 : sg_store_fail(store, rc, "storing a certificate", err);
}

static sg_status reference_refused(struct sg_store *store, int rc,
                                   const struct sg_certificate_row *row, struct sg_error *err)
{
    bool exists = false;
    sg_status s = sg_store_owner_exists(store, row->name.owner.text, &exists, err);
    if (s != SG_OK) {
        return s;
    }
    return exists ? sg_store_fail(store, rc, "storing a certificate whose key is not recorded", err)
                  : sg_owner_missing(row->name.owner.text, err);
}

static sg_status trigger_refused(struct sg_store *store, int rc,
                                 const struct sg_certificate_row *row, struct sg_error *err)
{
    if (strcmp(sqlite3_errmsg(store->db), "key_mismatch") != 0) {
        return sg_store_fail(store, rc, "storing a certificate", err);
    }
    (void)sg_fail(err, SG_E_CONFLICT, "key_mismatch",
                  "the certificate is for another key than the one that \"%s\" of %s has",
                  row->name.label.text, row->name.owner.text);
    return sg_object(err, "%s/%s", row->name.owner.text, row->name.label.text);
}

static sg_status refused(struct sg_store *store, int rc, const struct sg_certificate_row *row,
                         struct sg_error *err)
{
    sg_status s;
    switch (rc) {
    case SQLITE_CONSTRAINT_UNIQUE:
        s = unique_refused(store, rc, row, err);
        break;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        s = reference_refused(store, rc, row, err);
        break;
    case SQLITE_CONSTRAINT_TRIGGER:
        s = trigger_refused(store, rc, row, err);
        break;
    default:
        return sg_store_fail(store, rc, "storing a certificate", err);
    }
    err->sql = rc;
    return s;
}

/* ---- adding and replacing ---- */

sg_status sg_store_key_add(struct sg_store *store, const struct sg_certificate_row *row,
                           struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_KEY_ADD, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_blob(&query, row->key.bytes, sizeof row->key.bytes);
    sg_query_text(&query, row->token);
    sg_query_text(&query, row->key_type);
    sg_query_int(&query, row->may_decrypt);
    sg_query_int(&query, row->may_derive);
    sg_query_int(&query, row->extractable);
    sg_query_int(&query, row->imported);
    int rc = sg_query_try(&query);
    if (rc == SQLITE_CONSTRAINT_PRIMARYKEY) {
        (void)sg_fail(err, SG_E_CONFLICT, "key_exists",
                      "this key of token \"%s\" is recorded already", row->token);
        err->sql = rc;
        return err->status;
    }
    return rc == SQLITE_DONE ? SG_OK : sg_store_fail(store, rc, "recording a key", err);
}

/* The columns that a certificate may change, in the order of both statements. */
static void bind_content(struct sg_query *query, const struct sg_certificate_row *row)
{
    sg_query_int(query, row->trust);
    sg_query_text(query, row->serial);
    sg_query_blob(query, row->der, row->der_len);
    sg_query_blob(query, row->subject.data, row->subject.len);
    sg_query_blob(query, row->issuer.data, row->issuer.len);
    sg_query_text(query, row->subject_text);
    sg_query_text(query, row->issuer_text);
    sg_query_blob(query, row->spki_sha256, sizeof row->spki_sha256);
    sg_query_int(query, row->not_before_s);
    sg_query_int(query, row->not_after_s);
    sg_query_int(query, row->placeholder);
    sg_query_int(query, row->requested);
    sg_query_int(query, row->usage);
    sg_query_text(query, row->has_key ? "" : row->key_type); /* the key's own row tells its type */
    sg_query_int(query, row->self_signed);
}

sg_status sg_store_certificate_add(struct sg_store *store, struct sg_certificate_row *row,
                                   struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_CERTIFICATE_ADD, &query, err);
    if (s != SG_OK) {
        return s;
    }
    row->id = 0;
    bind_content(&query, row);
    sg_query_text(&query, row->name.owner.text);
    sg_query_text(&query, row->name.label.text);
    if (row->has_key) {
        sg_query_blob(&query, row->key.bytes, sizeof row->key.bytes);
    } else {
        sg_query_null(&query);
    }
    int rc = sg_query_try(&query);
    if (rc != SQLITE_DONE) {
        return refused(store, rc, row, err);
    }
    row->id = sqlite3_last_insert_rowid(store->db);
    return SG_OK;
}

sg_status sg_store_certificate_replace(struct sg_store *store, const struct sg_certificate_row *row,
                                       struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_CERTIFICATE_REPLACE, &query, err);
    if (s != SG_OK) {
        return s;
    }
    bind_content(&query, row);
    sg_query_int(&query, row->id);
    int rc = sg_query_try(&query);
    if (rc != SQLITE_DONE) {
        return refused(store, rc, row, err);
    }
    return sqlite3_changes(store->db) == 0 ? sg_certificate_missing(row->id, err) : SG_OK;
}

/* ---- altering ---- */

/* Run a bound change of one certificate. */
static sg_status change_one(struct sg_query *query, int64_t id, struct sg_error *err)
{
    sg_status s = sg_query_run(query, "changing a certificate", err);
    if (s == SG_OK && sqlite3_changes(query->store->db) == 0) {
        return sg_certificate_missing(id, err);
    }
    return s;
}

sg_status sg_store_certificate_set_trust(struct sg_store *store, int64_t id, enum sg_trust trust,
                                         struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_CERTIFICATE_TRUST, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, trust);
    sg_query_int(&query, id);
    return change_one(&query, id, err);
}

static sg_status label_refused(struct sg_store *store, int rc, int64_t id, const char *label,
                               struct sg_error *err)
{
    struct sg_certificate_name name = {.owner = {""}};
    if (rc != SQLITE_CONSTRAINT_UNIQUE) {
        return sg_store_fail(store, rc, "changing a label", err);
    }
    sg_status s = sg_certificate_name_of(store, id, &name, err);
    if (s != SG_OK) {
        return s;
    }
    (void)label_in_use(name.owner.text, label, err);
    err->sql = rc;
    return err->status;
}

sg_status sg_store_certificate_set_label(struct sg_store *store, int64_t id, const char *label,
                                         struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_CERTIFICATE_LABEL, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, label);
    sg_query_int(&query, id);
    int rc = sg_query_try(&query);
    if (rc != SQLITE_DONE) {
        return label_refused(store, rc, id, label, err);
    }
    return sqlite3_changes(store->db) == 0 ? sg_certificate_missing(id, err) : SG_OK;
}

sg_status sg_store_certificate_set_requested(struct sg_store *store, int64_t id,
                                             struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_CERTIFICATE_REQUESTED, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, id);
    return change_one(&query, id, err);
}

/* ---- deleting ---- */

static sg_status key_of(struct sg_store *store, int64_t id, struct sg_key_id *key, bool *has_key,
                        struct sg_error *err)
{
    SG_QUERY query = {0};
    bool row = false;
    sg_status s = sg_query_open(store, SG_Q_CERTIFICATE_KEY, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, id);
    s = sg_query_step(&query, &row, "reading a certificate", err);
    if (s != SG_OK || !row) {
        return s != SG_OK ? s : sg_certificate_missing(id, err);
    }
    const void *bytes = sqlite3_column_blob(query.stmt, 0);
    *has_key = bytes != NULL && sqlite3_column_bytes(query.stmt, 0) == SG_KEY_ID_LEN;
    if (*has_key) {
        memcpy(key->bytes, bytes, sizeof key->bytes);
    }
    return SG_OK;
}

static sg_status delete_row(struct sg_store *store, int64_t id, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_CERTIFICATE_DELETE, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, id);
    return change_one(&query, id, err);
}

static sg_status delete_unused_key(struct sg_store *store, const struct sg_key_id *key,
                                   bool *deleted, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_KEY_DELETE_UNUSED, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_blob(&query, key->bytes, sizeof key->bytes);
    s = sg_query_run(&query, "deleting a key's row", err);
    *deleted = s == SG_OK && sqlite3_changes(store->db) > 0;
    return s;
}

/* The connections go by ON DELETE CASCADE, and their triggers count the change in each ring. */
sg_status sg_store_certificate_delete(struct sg_store *store, int64_t id, bool *key_orphaned,
                                      struct sg_error *err)
{
    SG_SCOPE scope = {0};
    struct sg_key_id key = {{0}};
    bool has_key = false;
    bool deleted = false;
    sg_status s = sg_scope_open(store, &scope, err);
    s = s == SG_OK ? key_of(store, id, &key, &has_key, err) : s;
    s = s == SG_OK ? delete_row(store, id, err) : s;
    s = s == SG_OK && has_key ? delete_unused_key(store, &key, &deleted, err) : s;
    s = s == SG_OK ? sg_scope_keep(&scope, err) : s;
    if (s == SG_OK) {
        *key_orphaned = deleted;
    }
    return s;
}

sg_status sg_store_key_exists(struct sg_store *store, const struct sg_key_id *key, bool *exists,
                              struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_KEY_EXISTS, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_blob(&query, key->bytes, sizeof key->bytes);
    return sg_query_step(&query, exists, "looking for a key", err);
}
