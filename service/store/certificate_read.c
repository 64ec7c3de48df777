#include "store_internal.h"

#include <string.h>

void sg_certificate_row_done(struct sg_certificate_row *row)
{
    free(row->der);
    free(row->memory);
    *row = (struct sg_certificate_row){.id = 0};
}

/* The columns of SG_Q_CERTIFICATE_BY_ID. */
enum column {
    COLUMN_ID,
    COLUMN_OWNER,
    COLUMN_LABEL,
    COLUMN_TRUST,
    COLUMN_SERIAL,
    COLUMN_DER,
    COLUMN_SUBJECT,
    COLUMN_ISSUER,
    COLUMN_SUBJECT_TEXT,
    COLUMN_ISSUER_TEXT,
    COLUMN_SPKI,
    COLUMN_NOT_BEFORE,
    COLUMN_NOT_AFTER,
    COLUMN_PLACEHOLDER,
    COLUMN_REQUESTED,
    COLUMN_USAGE,
    COLUMN_KEY,
    COLUMN_TOKEN,
    COLUMN_KEY_TYPE,
    COLUMN_MAY_DECRYPT,
    COLUMN_MAY_DERIVE,
    COLUMN_EXTRACTABLE,
    COLUMN_MAY_SIGN,
    COLUMN_IMPORTED,
};

static struct sg_bytes bytes_of(struct sg_query *query, int column)
{
    const void *data = sqlite3_column_blob(query->stmt, column);
    return (struct sg_bytes){data, (size_t)sqlite3_column_bytes(query->stmt, column)};
}

static sg_status read_texts(struct sg_query *query, struct sg_certificate_row *row,
                            struct sg_error *err)
{
    const struct {
        int column;
        char *out;
        size_t size;
    } texts[] = {
        {COLUMN_OWNER, row->name.owner.text, sizeof row->name.owner.text},
        {COLUMN_LABEL, row->name.label.text, sizeof row->name.label.text},
        {COLUMN_SERIAL, row->serial, sizeof row->serial},
        {COLUMN_SUBJECT_TEXT, row->subject_text, sizeof row->subject_text},
        {COLUMN_ISSUER_TEXT, row->issuer_text, sizeof row->issuer_text},
        {COLUMN_TOKEN, row->token, sizeof row->token},
        {COLUMN_KEY_TYPE, row->key_type, sizeof row->key_type},
    };
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < SG_COUNT(texts); i++) {
        s = sg_query_column(query, texts[i].column, texts[i].out, texts[i].size, err);
    }
    return s;
}

static void read_numbers(struct sg_query *query, struct sg_certificate_row *row)
{
    sqlite3_stmt *stmt = query->stmt;
    row->id = sqlite3_column_int64(stmt, COLUMN_ID);
    row->trust = (enum sg_trust)sqlite3_column_int(stmt, COLUMN_TRUST);
    row->not_before_s = sqlite3_column_int64(stmt, COLUMN_NOT_BEFORE);
    row->not_after_s = sqlite3_column_int64(stmt, COLUMN_NOT_AFTER);
    row->placeholder = sqlite3_column_int(stmt, COLUMN_PLACEHOLDER) != 0;
    row->requested = sqlite3_column_int(stmt, COLUMN_REQUESTED) != 0;
    row->usage = (unsigned)sqlite3_column_int64(stmt, COLUMN_USAGE);
    row->may_decrypt = sqlite3_column_int(stmt, COLUMN_MAY_DECRYPT) != 0;
    row->may_derive = sqlite3_column_int(stmt, COLUMN_MAY_DERIVE) != 0;
    row->extractable = sqlite3_column_int(stmt, COLUMN_EXTRACTABLE) != 0;
    row->imported = sqlite3_column_int(stmt, COLUMN_IMPORTED) != 0;
    row->retired = sqlite3_column_type(stmt, COLUMN_MAY_SIGN) != SQLITE_NULL &&
                   sqlite3_column_int(stmt, COLUMN_MAY_SIGN) == 0;
}

/* Digest and key have one length each; the schema checks it, and so does this. */
static sg_status read_fixed(struct sg_query *query, struct sg_certificate_row *row,
                            struct sg_error *err)
{
    struct sg_bytes spki = bytes_of(query, COLUMN_SPKI);
    struct sg_bytes key = bytes_of(query, COLUMN_KEY);
    bool fits =
        spki.len == sizeof row->spki_sha256 && (key.len == 0 || key.len == sizeof row->key.bytes);
    if (!fits) {
        return sg_store_fail(query->store, SQLITE_CORRUPT, "reading a certificate", err);
    }
    memcpy(row->spki_sha256, spki.data, spki.len);
    row->has_key = key.len > 0;
    if (row->has_key) {
        memcpy(row->key.bytes, key.data, key.len);
    }
    return SG_OK;
}

static sg_status read_der(struct sg_query *query, struct sg_certificate_row *row,
                          struct sg_error *err)
{
    struct sg_bytes der = bytes_of(query, COLUMN_DER);
    struct sg_bytes subject = bytes_of(query, COLUMN_SUBJECT);
    struct sg_bytes issuer = bytes_of(query, COLUMN_ISSUER);
    if (der.data == NULL || subject.data == NULL || issuer.data == NULL) {
        return sg_store_fail(query->store, SQLITE_CORRUPT, "reading a certificate", err);
    }
    row->der = malloc(der.len);
    unsigned char *names = malloc(subject.len + issuer.len);
    row->memory = names;
    if (row->der == NULL || names == NULL) {
        return sg_fail_memory(err);
    }
    memcpy(row->der, der.data, der.len);
    row->der_len = der.len;
    memcpy(names, subject.data, subject.len);
    memcpy(names + subject.len, issuer.data, issuer.len);
    row->subject = (struct sg_bytes){names, subject.len};
    row->issuer = (struct sg_bytes){names + subject.len, issuer.len};
    return SG_OK;
}

sg_status sg_certificate_from_query(struct sg_query *query, struct sg_certificate_row *out,
                                    struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {.id = 0};
    read_numbers(query, &row);
    sg_status s = read_texts(query, &row, err);
    s = s == SG_OK ? read_fixed(query, &row, err) : s;
    s = s == SG_OK ? read_der(query, &row, err) : s;
    if (s == SG_OK) {
        *out = row;
        row.der = NULL;
        row.memory = NULL;
    }
    return s;
}

sg_status sg_certificate_read(struct sg_store *store, int64_t id, struct sg_certificate_row *out,
                              bool *found, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_CERTIFICATE_BY_ID, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, id);
    s = sg_query_step(&query, found, "reading a certificate", err);
    return s == SG_OK && *found ? sg_certificate_from_query(&query, out, err) : s;
}

sg_status sg_store_certificate_find(struct sg_store *store, const struct sg_certificate_name *name,
                                    struct sg_certificate_row *out, bool *found,
                                    struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, SG_Q_CERTIFICATE_BY_NAME, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, name->owner.text);
    sg_query_text(&query, name->label.text);
    s = sg_query_step(&query, found, "reading a certificate", err);
    return s == SG_OK && *found ? sg_certificate_from_query(&query, out, err) : s;
}

sg_status sg_store_certificate_get(struct sg_store *store, const struct sg_certificate_name *name,
                                   struct sg_certificate_row *out, struct sg_error *err)
{
    bool found = false;
    sg_status s = sg_store_certificate_find(store, name, out, &found, err);
    if (s != SG_OK || found) {
        return s;
    }
    (void)sg_fail(err, SG_E_NOT_FOUND, "certificate_not_found",
                  "%s has no certificate with the label \"%s\"", name->owner.text,
                  name->label.text);
    (void)sg_object(err, "%s/%s", name->owner.text, name->label.text);
    return sg_suggest_certificate(store, name, err);
}

sg_status sg_certificate_name_of(struct sg_store *store, int64_t id,
                                 struct sg_certificate_name *out, struct sg_error *err)
{
    SG_QUERY query = {0};
    bool found = false;
    sg_status s = sg_query_open(store, SG_Q_CERTIFICATE_NAME, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_int(&query, id);
    s = sg_query_step(&query, &found, "reading a certificate's name", err);
    if (s != SG_OK || !found) {
        return s;
    }
    s = sg_query_column(&query, 0, out->owner.text, sizeof out->owner.text, err);
    return s == SG_OK ? sg_query_column(&query, 1, out->label.text, sizeof out->label.text, err)
                      : s;
}
