/* Certificates and keys: what goes in comes out, and what the model forbids does not go in. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "store_internal.h"

static void get(struct fixture *fixture, const char *owner, const char *label,
                struct sg_certificate_row *out)
{
    struct sg_certificate_name name = name_of(owner, label);
    assert_ok(fixture, sg_store_certificate_get(fixture->store, &name, out, &fixture->err));
}

static void assert_missing(struct fixture *fixture, const char *owner, const char *label)
{
    struct sg_certificate_name name = name_of(owner, label);
    SG_CERTIFICATE_ROW row = {.id = 0};
    assert_fails(fixture, sg_store_certificate_get(fixture->store, &name, &row, &fixture->err),
                 SG_E_NOT_FOUND, "certificate_not_found");
}

static void assert_same(const struct sg_certificate_row *a, const struct sg_certificate_row *b)
{
    assert_int_equal(a->id, b->id);
    assert_string_equal(a->name.owner.text, b->name.owner.text);
    assert_string_equal(a->name.label.text, b->name.label.text);
    assert_int_equal(a->trust, b->trust);
    assert_string_equal(a->serial, b->serial);
    assert_int_equal(a->der_len, b->der_len);
    assert_memory_equal(a->der, b->der, a->der_len);
    assert_int_equal(a->subject.len, b->subject.len);
    assert_memory_equal(a->subject.data, b->subject.data, a->subject.len);
    assert_int_equal(a->issuer.len, b->issuer.len);
    assert_memory_equal(a->issuer.data, b->issuer.data, a->issuer.len);
    assert_string_equal(a->subject_text, b->subject_text);
    assert_string_equal(a->issuer_text, b->issuer_text);
    assert_memory_equal(a->spki_sha256, b->spki_sha256, 32);
    assert_int_equal(a->not_before_s, b->not_before_s);
    assert_int_equal(a->not_after_s, b->not_after_s);
    assert_int_equal(a->placeholder, b->placeholder);
    assert_int_equal(a->requested, b->requested);
    assert_int_equal(a->usage, b->usage);
    assert_int_equal(a->has_key, b->has_key);
    assert_memory_equal(a->key.bytes, b->key.bytes, SG_KEY_ID_LEN);
    assert_string_equal(a->token, b->token);
    assert_string_equal(a->key_type, b->key_type);
    assert_int_equal(a->may_decrypt, b->may_decrypt);
    assert_int_equal(a->may_derive, b->may_derive);
    assert_int_equal(a->extractable, b->extractable);
    assert_int_equal(a->imported, b->imported);
}

static void a_keyless_certificate_comes_back_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    SG_CERTIFICATE_ROW in = row_of("START1", "web", 1);
    SG_CERTIFICATE_ROW out = {.id = 0};
    in.trust = SG_NOTRUST;
    in.usage = 0xFFFFFFFFu;
    in.not_before_s = -1;
    in.not_after_s = INT64_MAX;
    assert_ok(fixture, sg_store_certificate_add(fixture->store, &in, &fixture->err));
    get(fixture, "START1", "web", &out);
    assert_same(&in, &out);
}

static void a_certificate_with_a_key_comes_back_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    SG_CERTIFICATE_ROW in = keyed_row_of("START1", "web", 1, 0); /* an ID of zeros is an ID too */
    SG_CERTIFICATE_ROW out = {.id = 0};
    in.placeholder = true;
    in.requested = true;
    in.extractable = true;
    in.imported = true;
    in.may_decrypt = true;
    in.trust = SG_HIGHTRUST;
    assert_ok(fixture, sg_store_key_add(fixture->store, &in, &fixture->err));
    assert_ok(fixture, sg_store_certificate_add(fixture->store, &in, &fixture->err));
    fixture_reopen(fixture);
    get(fixture, "START1", "web", &out);
    assert_same(&in, &out);
}

static void a_row_outlives_the_store(void **state)
{
    struct fixture *fixture = *state;
    SG_CERTIFICATE_ROW out = {.id = 0};
    (void)add_certificate(fixture, "START1", "web", 1);
    get(fixture, "START1", "web", &out);
    sg_store_close(SG_STEAL(fixture->store));
    assert_int_equal(out.subject.data[0], 0x30);
    assert_int_equal(out.der_len, 700);
    sg_certificate_row_done(&out);
    assert_null(out.der);
    sg_certificate_row_done(&out); /* twice is once */
}

static void the_largest_certificate_fits(void **state)
{
    struct fixture *fixture = *state;
    SG_CERTIFICATE_ROW in = row_of("START1", "big", 1);
    SG_CERTIFICATE_ROW out = {.id = 0};
    free(in.der);
    in.der_len = 65536;
    in.der = malloc(in.der_len);
    assert_non_null(in.der);
    memset(in.der, 0x5A, in.der_len);
    memset(in.subject_text, 'x', sizeof in.subject_text - 1);
    memset(in.serial, 'F', sizeof in.serial - 1);
    assert_ok(fixture, sg_store_certificate_add(fixture->store, &in, &fixture->err));
    get(fixture, "START1", "big", &out);
    assert_same(&in, &out);
}

/* ---- labels ---- */

static void a_label_is_used_once_by_an_owner(void **state)
{
    struct fixture *fixture = *state;
    (void)add_certificate(fixture, "START1", "web", 1);
    SG_CERTIFICATE_ROW row = row_of("START1", "web", 2);
    assert_fails(fixture, sg_store_certificate_add(fixture->store, &row, &fixture->err),
                 SG_E_CONFLICT, "label_in_use");
    assert_has(fixture->err.text, "START1");
    assert_has(fixture->err.text, "\"web\"");
    assert_string_equal(fixture->err.object, "START1/web");
    assert_int_equal(fixture->err.sql, SQLITE_CONSTRAINT_UNIQUE);
    assert_int_equal(row.id, 0);
}

static void the_same_label_serves_several_owners(void **state)
{
    struct fixture *fixture = *state;
    (void)add_certificate(fixture, "START1", "CA Cert", 1);
    (void)add_certificate(fixture, "START2", "CA Cert", 2);
    (void)add_certificate(fixture, "CERTAUTH", "CA Cert", 3);
    (void)add_certificate(fixture, "SITE", "CA Cert", 4);
}

static void labels_that_differ_in_case_are_different(void **state)
{
    struct fixture *fixture = *state;
    int64_t lower = add_certificate(fixture, "START1", "web", 1);
    int64_t upper = add_certificate(fixture, "START1", "WEB", 2);
    int64_t umlaut = add_certificate(fixture, "START1", "\xC3\xA4", 3);
    int64_t umlaut_upper = add_certificate(fixture, "START1", "\xC3\x84", 4);
    assert_int_not_equal(lower, upper);
    assert_int_not_equal(umlaut, umlaut_upper);
    SG_CERTIFICATE_ROW row = {.id = 0};
    get(fixture, "START1", "WEB", &row);
    assert_int_equal(row.id, upper);
    assert_missing(fixture, "START1", "Web");
}

static void labels_are_compared_byte_by_byte(void **state)
{
    struct fixture *fixture = *state;
    (void)add_certificate(fixture, "START1", "\xC3\xA9", 1);  /* é */
    (void)add_certificate(fixture, "START1", "e\xCC\x81", 2); /* e and an accent */
    (void)add_certificate(fixture, "START1", "e", 3);
}

static void a_label_is_data_whatever_it_looks_like(void **state)
{
    struct fixture *fixture = *state;
    const char *const labels[] = {
        "'; DROP TABLE certificate; --",
        "\"",
        "%",
        "_",
        "*",
        "?1",
        "x' OR '1'='1",
        ":label",
        "$a",
        "../../etc/passwd",
        "%s%n",
        "\\",
        "a/b",
        "[a-z]",
        "NULL",
        "(SELECT 1)",
    };
    for (unsigned i = 0; i < SG_COUNT(labels); i++) {
        SG_CERTIFICATE_ROW row = {.id = 0};
        int64_t id = add_certificate(fixture, "START1", labels[i], i + 1);
        get(fixture, "START1", labels[i], &row);
        assert_int_equal(row.id, id);
        assert_string_equal(row.name.label.text, labels[i]);
    }
    assert_missing(fixture, "START1", "a%");
    assert_missing(fixture, "START1", "' OR ''='");
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM certificate"), SG_COUNT(labels));
}

static void repeat(char *out, const char *character, unsigned count)
{
    out[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        memcpy(out + strlen(out), character, strlen(character) + 1);
    }
}

static void a_label_holds_32_characters_of_any_width(void **state)
{
    struct fixture *fixture = *state;
    const char *const characters[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x94\x91"};
    for (unsigned i = 0; i < SG_COUNT(characters); i++) {
        char label[SG_LABEL_BYTES + 8];
        repeat(label, characters[i], 32);
        SG_CERTIFICATE_ROW row = {.id = 0};
        (void)add_certificate(fixture, "START1", label, i + 1);
        get(fixture, "START1", label, &row);
        assert_string_equal(row.name.label.text, label);
    }
}

static void the_schema_refuses_bad_labels(void **state)
{
    struct fixture *fixture = *state;
    char long_label[40];
    repeat(long_label, "a", 33);
    const char *const bad[] = {"",         " a",          "a ",        "a\nb",         "\x01",
                               "a\x7F",    "\xC2\x80",    "a\xC2\x9F", "\xE2\x80\xA8", "\t",
                               long_label, "\xE2\x80\xA9"};
    for (unsigned i = 0; i < SG_COUNT(bad); i++) {
        SG_CERTIFICATE_ROW row = row_of("START1", bad[i], i);
        assert_fails(fixture, sg_store_certificate_add(fixture->store, &row, &fixture->err),
                     SG_E_INTERNAL, "store_constraint");
        assert_int_equal(fixture->err.sql, SQLITE_CONSTRAINT_CHECK);
    }
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM certificate"), 0);
}

/* ---- the same certificate twice ---- */

static void a_certificate_is_stored_once_whoever_owns_it(void **state)
{
    struct fixture *fixture = *state;
    (void)add_certificate(fixture, "START1", "web's own", 1);
    const char *const owners[] = {"START1", "START2", "CERTAUTH"};
    for (size_t i = 0; i < SG_COUNT(owners); i++) {
        SG_CERTIFICATE_ROW row = row_of(owners[i], "another", 1);
        assert_fails(fixture, sg_store_certificate_add(fixture->store, &row, &fixture->err),
                     SG_E_CONFLICT, "certificate_exists");
        assert_has(fixture->err.text, "START1");
        assert_has(fixture->err.text, "web's own");
        assert_string_equal(fixture->err.object, "START1/web's own");
        assert_has(fixture->err.hint, "ring connect");
    }
}

static void the_same_serial_of_another_issuer_is_another_certificate(void **state)
{
    struct fixture *fixture = *state;
    (void)add_certificate(fixture, "START1", "one", 1);
    SG_CERTIFICATE_ROW row = row_of("START1", "two", 2);
    snprintf(row.serial, sizeof row.serial, "%08X", 1u);
    assert_ok(fixture, sg_store_certificate_add(fixture->store, &row, &fixture->err));
}

static void an_owner_must_exist(void **state)
{
    struct fixture *fixture = *state;
    SG_CERTIFICATE_ROW row = row_of("NOBODY", "web", 1);
    assert_fails(fixture, sg_store_certificate_add(fixture->store, &row, &fixture->err),
                 SG_E_NOT_FOUND, "owner_not_found");
    assert_has(fixture->err.text, "NOBODY");
    assert_int_equal(fixture->err.sql, SQLITE_CONSTRAINT_FOREIGNKEY);
}

static void the_schema_refuses_bad_columns(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < 9; i++) {
        SG_CERTIFICATE_ROW row = row_of("START1", "web", i);
        switch (i) {
        case 0:
            row.trust = (enum sg_trust)3;
            break;
        case 1:
            row.serial[0] = 'g';
            break;
        case 2:
            row.serial[0] = '\0';
            break;
        case 3:
            row.serial[2] = 'a';
            break;
        case 4:
            row.der_len = 1;
            break;
        case 5:
            row.subject.len = 0;
            break;
        case 6:
            row.issuer.len = 1;
            break;
        case 7:
            row.trust = (enum sg_trust) - 1;
            break;
        default:
            row.subject.data = NULL;
            row.subject.len = 0;
            break;
        }
        assert_fails(fixture, sg_store_certificate_add(fixture->store, &row, &fixture->err),
                     SG_E_INTERNAL, "store_constraint");
    }
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM certificate"), 0);
}

/* ---- keys ---- */

static void a_key_must_be_recorded_first(void **state)
{
    struct fixture *fixture = *state;
    SG_CERTIFICATE_ROW row = keyed_row_of("START1", "web", 1, 7);
    assert_fails(fixture, sg_store_certificate_add(fixture->store, &row, &fixture->err),
                 SG_E_INTERNAL, "store_constraint");
    bool exists = true;
    assert_ok(fixture, sg_store_key_exists(fixture->store, &row.key, &exists, &fixture->err));
    assert_false(exists);
}

static void a_key_is_recorded_once(void **state)
{
    struct fixture *fixture = *state;
    SG_CERTIFICATE_ROW row = keyed_row_of("START1", "web", 1, 7);
    bool exists = false;
    assert_ok(fixture, sg_store_key_add(fixture->store, &row, &fixture->err));
    assert_fails(fixture, sg_store_key_add(fixture->store, &row, &fixture->err), SG_E_CONFLICT,
                 "key_exists");
    assert_ok(fixture, sg_store_key_exists(fixture->store, &row.key, &exists, &fixture->err));
    assert_true(exists);
}

static void a_key_needs_a_token_and_a_type(void **state)
{
    struct fixture *fixture = *state;
    SG_CERTIFICATE_ROW row = keyed_row_of("START1", "web", 1, 7);
    row.token[0] = '\0';
    assert_fails(fixture, sg_store_key_add(fixture->store, &row, &fixture->err), SG_E_INTERNAL,
                 "store_constraint");
    row.token[0] = 'm';
    row.key_type[0] = '\0';
    assert_fails(fixture, sg_store_key_add(fixture->store, &row, &fixture->err), SG_E_INTERNAL,
                 "store_constraint");
}

static void a_key_goes_with_its_last_certificate(void **state)
{
    struct fixture *fixture = *state;
    int64_t first = add_keyed(fixture, "START1", "old", 1, 7);
    int64_t second = add_keyed(fixture, "START1", "new", 2, 7);
    bool orphaned = true;
    assert_ok(fixture,
              sg_store_certificate_delete(fixture->store, first, &orphaned, &fixture->err));
    assert_false(orphaned);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM key"), 1);
    assert_ok(fixture,
              sg_store_certificate_delete(fixture->store, second, &orphaned, &fixture->err));
    assert_true(orphaned);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM key"), 0);
}

static void deleting_a_keyless_certificate_orphans_nothing(void **state)
{
    struct fixture *fixture = *state;
    bool orphaned = true;
    (void)add_keyed(fixture, "START1", "keyed", 2, 7);
    int64_t id = add_certificate(fixture, "START1", "web", 1);
    assert_ok(fixture, sg_store_certificate_delete(fixture->store, id, &orphaned, &fixture->err));
    assert_false(orphaned);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM key"), 1);
    assert_missing(fixture, "START1", "web");
}

static void a_certificates_number_is_never_used_again(void **state)
{
    struct fixture *fixture = *state;
    bool orphaned = false;
    int64_t first = add_certificate(fixture, "START1", "web", 1);
    assert_ok(fixture,
              sg_store_certificate_delete(fixture->store, first, &orphaned, &fixture->err));
    assert_true(add_certificate(fixture, "START1", "web", 1) > first);
}

static void another_key_behind_the_same_key_is_refused(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = add_keyed(fixture, "START1", "web", 1, 7);
    SG_CERTIFICATE_ROW added = keyed_row_of("START1", "web2", 2, 7);
    added.spki_sha256[0] ^= 1;
    assert_fails(fixture, sg_store_certificate_add(fixture->store, &added, &fixture->err),
                 SG_E_CONFLICT, "key_mismatch");
    assert_has(fixture->err.text, "web2");
    added.id = id;
    added.name = name_of("START1", "web");
    assert_fails(fixture, sg_store_certificate_replace(fixture->store, &added, &fixture->err),
                 SG_E_CONFLICT, "key_mismatch");
    assert_string_equal(fixture->err.object, "START1/web");
}

/* ---- changing ---- */

static void replacing_keeps_number_owner_label_key_and_connections(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = add_keyed(fixture, "START1", "web", 1, 7);
    int64_t ring = add_ring(fixture, "START1", "ring");
    SG_CERTIFICATE_ROW row = keyed_row_of("START2", "ignored", 9, 7);
    SG_CERTIFICATE_ROW out = {.id = 0};
    assert_ok(fixture, sg_store_connect(fixture->store, ring, id, SG_USAGE_PERSONAL, true, NULL,
                                        NULL, &fixture->err));
    row.id = id;
    row.trust = SG_NOTRUST;
    assert_ok(fixture, sg_store_certificate_replace(fixture->store, &row, &fixture->err));
    get(fixture, "START1", "web", &out);
    row.name = name_of("START1", "web");
    assert_same(&row, &out);
    assert_int_equal(number_of_sql(fixture, "SELECT count(*) FROM connection WHERE is_default"), 1);
}

static void replacing_with_one_that_is_elsewhere_is_refused(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = add_certificate(fixture, "START1", "web", 1);
    (void)add_certificate(fixture, "START2", "other", 2);
    SG_CERTIFICATE_ROW row = row_of("START1", "web", 2);
    row.id = id;
    assert_fails(fixture, sg_store_certificate_replace(fixture->store, &row, &fixture->err),
                 SG_E_CONFLICT, "certificate_exists");
    assert_string_equal(fixture->err.object, "START2/other");
}

static void replacing_by_itself_is_allowed(void **state)
{
    struct fixture *fixture = *state;
    SG_CERTIFICATE_ROW row = row_of("START1", "web", 1);
    assert_ok(fixture, sg_store_certificate_add(fixture->store, &row, &fixture->err));
    assert_ok(fixture, sg_store_certificate_replace(fixture->store, &row, &fixture->err));
}

static void what_is_not_there_cannot_be_changed(void **state)
{
    struct fixture *fixture = *state;
    struct sg_store *store = fixture->store;
    struct sg_error *err = &fixture->err;
    bool orphaned = false;
    SG_CERTIFICATE_ROW row = row_of("START1", "web", 1);
    row.id = 4711;
    assert_fails(fixture, sg_store_certificate_replace(store, &row, err), SG_E_NOT_FOUND,
                 "certificate_not_found");
    assert_has(err->text, "4711");
    assert_fails(fixture, sg_store_certificate_set_trust(store, 4711, SG_TRUST, err),
                 SG_E_NOT_FOUND, "certificate_not_found");
    assert_fails(fixture, sg_store_certificate_set_label(store, 4711, "x", err), SG_E_NOT_FOUND,
                 "certificate_not_found");
    assert_fails(fixture, sg_store_certificate_set_requested(store, 4711, err), SG_E_NOT_FOUND,
                 "certificate_not_found");
    assert_fails(fixture, sg_store_certificate_delete(store, 4711, &orphaned, err), SG_E_NOT_FOUND,
                 "certificate_not_found");
}

static void trust_label_and_request_change_alone(void **state)
{
    struct fixture *fixture = *state;
    SG_CERTIFICATE_ROW in = row_of("START1", "web", 1);
    SG_CERTIFICATE_ROW out = {.id = 0};
    assert_ok(fixture, sg_store_certificate_add(fixture->store, &in, &fixture->err));
    assert_ok(fixture,
              sg_store_certificate_set_trust(fixture->store, in.id, SG_HIGHTRUST, &fixture->err));
    assert_ok(fixture, sg_store_certificate_set_label(fixture->store, in.id, "Web", &fixture->err));
    assert_ok(fixture, sg_store_certificate_set_requested(fixture->store, in.id, &fixture->err));
    get(fixture, "START1", "Web", &out);
    in.trust = SG_HIGHTRUST;
    in.requested = true;
    in.name = name_of("START1", "Web");
    assert_same(&in, &out);
    assert_missing(fixture, "START1", "web");
}

static void a_label_in_use_cannot_be_given(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = add_certificate(fixture, "START1", "web", 1);
    (void)add_certificate(fixture, "START1", "taken", 2);
    (void)add_certificate(fixture, "START2", "free here", 3);
    assert_fails(fixture,
                 sg_store_certificate_set_label(fixture->store, id, "taken", &fixture->err),
                 SG_E_CONFLICT, "label_in_use");
    assert_string_equal(fixture->err.object, "START1/taken");
    assert_ok(fixture, sg_store_certificate_set_label(fixture->store, id, "web", &fixture->err));
    assert_ok(fixture,
              sg_store_certificate_set_label(fixture->store, id, "free here", &fixture->err));
}

static void a_bad_trust_status_is_refused(void **state)
{
    struct fixture *fixture = *state;
    int64_t id = add_certificate(fixture, "START1", "web", 1);
    assert_fails(
        fixture,
        sg_store_certificate_set_trust(fixture->store, id, (enum sg_trust)7, &fixture->err),
        SG_E_INTERNAL, "store_constraint");
}

static void a_certificate_changes_neither_owner_nor_key(void **state)
{
    struct fixture *fixture = *state;
    (void)add_keyed(fixture, "START1", "web", 1, 7);
    assert_int_equal(run_sql(fixture, "UPDATE certificate SET owner = 'START2'"),
                     SQLITE_CONSTRAINT_TRIGGER);
    assert_int_equal(run_sql(fixture, "UPDATE certificate SET key = NULL"),
                     SQLITE_CONSTRAINT_TRIGGER);
    assert_int_not_equal(run_sql(fixture, "DELETE FROM key"), SQLITE_OK);
}

/* ---- walking ---- */

struct walk {
    struct sg_store *store;
    char labels[512];
    unsigned seen, stop_after;
};

static sg_status note(void *context, const struct sg_certificate_row *row, struct sg_error *err)
{
    struct walk *walk = context;
    size_t used = strlen(walk->labels);
    snprintf(walk->labels + used, sizeof walk->labels - used, "%s/%s;", row->name.owner.text,
             row->name.label.text);
    if (++walk->seen == walk->stop_after) {
        return sg_fail(err, SG_E_LIMIT, "enough", "enough");
    }
    return SG_OK;
}

static void assert_walk(struct fixture *fixture, const struct sg_certificate_filter *filter,
                        const char *expected)
{
    struct walk walk = {.store = fixture->store};
    assert_ok(fixture,
              sg_store_certificate_each(fixture->store, filter, note, &walk, &fixture->err));
    assert_string_equal(walk.labels, expected);
}

static void add_some(struct fixture *fixture)
{
    (void)add_certificate(fixture, "START2", "b", 1);
    (void)add_certificate(fixture, "START1", "c", 2);
    (void)add_certificate(fixture, "START1", "a", 3);
    (void)add_certificate(fixture, "START1", "B", 104);
    (void)add_certificate(fixture, "CERTAUTH", "z", 5);
    (void)add_keyed(fixture, "START1", "k", 4, 7);
}

static void a_walk_goes_by_owner_and_label(void **state)
{
    struct fixture *fixture = *state;
    struct sg_certificate_filter filter = {.owner = NULL};
    assert_walk(fixture, &filter, "");
    add_some(fixture);
    assert_walk(fixture, &filter, "CERTAUTH/z;START1/B;START1/a;START1/c;START1/k;START2/b;");
}

static void filters_restrict_and_combine(void **state)
{
    struct fixture *fixture = *state;
    add_some(fixture);
    struct sg_certificate_filter filter = {.owner = "START1"};
    assert_walk(fixture, &filter, "START1/B;START1/a;START1/c;START1/k;");
    filter = (struct sg_certificate_filter){.with_key = true};
    assert_walk(fixture, &filter, "START1/k;");
    SG_CERTIFICATE_ROW four = row_of("START1", "x", 4);
    filter = (struct sg_certificate_filter){.subject = four.subject.data,
                                            .subject_len = four.subject.len};
    assert_walk(fixture, &filter, "START1/B;START1/k;");
    filter.with_key = true;
    assert_walk(fixture, &filter, "START1/k;");
    filter.owner = "START2";
    assert_walk(fixture, &filter, "");
    SG_CERTIFICATE_ROW one = row_of("START1", "x", 1);
    filter = (struct sg_certificate_filter){.spki_sha256 = one.spki_sha256};
    assert_walk(fixture, &filter, "START2/b;");
    filter.owner = "START1";
    assert_walk(fixture, &filter, "");
    filter = (struct sg_certificate_filter){
        .serial = one.serial, .issuer = one.issuer.data, .issuer_len = one.issuer.len};
    assert_walk(fixture, &filter, "START2/b;");
    filter.serial = "00000099";
    assert_walk(fixture, &filter, "");
    filter = (struct sg_certificate_filter){.owner = "START1", .serial = "00000002"};
    assert_walk(fixture, &filter, "START1/c;");
    filter = (struct sg_certificate_filter){.owner = "start1"};
    assert_walk(fixture, &filter, "");
}

static void a_walk_finds_the_members_of_a_ring(void **state)
{
    struct fixture *fixture = *state;
    add_some(fixture);
    int64_t ring = add_ring(fixture, "START1", "ring");
    SG_CERTIFICATE_ROW row = {.id = 0};
    get(fixture, "START2", "b", &row);
    assert_ok(fixture, sg_store_connect(fixture->store, ring, row.id, SG_USAGE_SITE, false, NULL,
                                        NULL, &fixture->err));
    struct sg_certificate_filter filter = {.connected_to = ring};
    assert_walk(fixture, &filter, "START2/b;");
    filter.spki_sha256 = row.spki_sha256;
    assert_walk(fixture, &filter, "START2/b;");
    filter.connected_to = ring + 1;
    assert_walk(fixture, &filter, "");
}

static void pages_follow_each_other_without_gap(void **state)
{
    struct fixture *fixture = *state;
    char all[2048] = "";
    char seen[2048] = "";
    for (unsigned i = 0; i < 25; i++) {
        char label[16];
        snprintf(label, sizeof label, "l%02u", i);
        (void)add_certificate(fixture, "START1", label, i + 1);
        snprintf(all + strlen(all), sizeof all - strlen(all), "START1/%s;", label);
    }
    struct sg_certificate_filter filter = {.owner = "START1", .limit = 10, .after_label = ""};
    char after[16] = "";
    for (unsigned page = 0; page < 4; page++) {
        struct walk walk = {.store = fixture->store};
        filter.after_label = after;
        assert_ok(fixture,
                  sg_store_certificate_each(fixture->store, &filter, note, &walk, &fixture->err));
        assert_int_equal(walk.seen, page == 2 ? 5 : page == 3 ? 0 : 10);
        snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s", walk.labels);
        if (walk.seen > 0) {
            snprintf(after, sizeof after, "%.3s", walk.labels + strlen(walk.labels) - 4);
        }
    }
    assert_string_equal(seen, all);
}

static void a_filter_that_makes_no_sense_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct walk walk = {.store = fixture->store};
    struct sg_certificate_filter filter = {.after_label = "a"};
    assert_fails(fixture,
                 sg_store_certificate_each(fixture->store, &filter, note, &walk, &fixture->err),
                 SG_E_INTERNAL, "bad_filter");
    filter = (struct sg_certificate_filter){.limit = (size_t)-1};
    assert_fails(fixture,
                 sg_store_certificate_each(fixture->store, &filter, note, &walk, &fixture->err),
                 SG_E_INTERNAL, "bad_filter");
}

static void a_sink_that_fails_ends_the_walk(void **state)
{
    struct fixture *fixture = *state;
    add_some(fixture);
    struct walk walk = {.store = fixture->store, .stop_after = 2};
    struct sg_certificate_filter filter = {.owner = "START1"};
    assert_fails(fixture,
                 sg_store_certificate_each(fixture->store, &filter, note, &walk, &fixture->err),
                 SG_E_LIMIT, "enough");
    assert_int_equal(walk.seen, 2);
}

/* Reads the row it is given, walks everything, adds a certificate that the walk would meet, deletes
 * the one it is given. */
static sg_status meddle(void *context, const struct sg_certificate_row *row, struct sg_error *err)
{
    struct walk *walk = context;
    struct walk inner = {.store = walk->store};
    struct sg_certificate_filter all = {.owner = NULL};
    SG_CERTIFICATE_ROW again = {.id = 0};
    SG_CERTIFICATE_ROW extra = row_of("START2", "", 1000 + walk->seen);
    bool orphaned = false;
    snprintf(extra.name.label.text, sizeof extra.name.label.text, "zz%u", walk->seen++);
    sg_status s = sg_store_certificate_get(walk->store, &row->name, &again, err);
    s = s == SG_OK ? sg_store_certificate_each(walk->store, &all, note, &inner, err) : s;
    s = s == SG_OK ? sg_store_begin(walk->store, err) : s;
    s = s == SG_OK ? sg_store_certificate_add(walk->store, &extra, err) : s;
    sg_store_rollback(walk->store);
    s = s == SG_OK ? sg_store_certificate_add(walk->store, &extra, err) : s;
    return s == SG_OK ? sg_store_certificate_delete(walk->store, row->id, &orphaned, err) : s;
}

static void a_sink_may_change_what_is_walked(void **state)
{
    struct fixture *fixture = *state;
    add_some(fixture);
    struct walk walk = {.store = fixture->store};
    struct sg_certificate_filter filter = {.owner = NULL};
    assert_ok(fixture,
              sg_store_certificate_each(fixture->store, &filter, meddle, &walk, &fixture->err));
    assert_int_equal(walk.seen, 6);
    assert_walk(fixture, &filter,
                "START2/zz0;START2/zz1;START2/zz2;START2/zz3;START2/zz4;START2/zz5;");
}

static sg_status delete_all_others(void *context, const struct sg_certificate_row *row,
                                   struct sg_error *err)
{
    struct walk *walk = context;
    walk->seen++;
    (void)row;
    return sqlite3_exec(walk->store->db, "DELETE FROM certificate", NULL, NULL, NULL) == SQLITE_OK
               ? SG_OK
               : sg_fail(err, SG_E_INTERNAL, "test", "could not delete");
}

static void what_went_during_a_walk_is_passed_over(void **state)
{
    struct fixture *fixture = *state;
    add_some(fixture);
    struct walk walk = {.store = fixture->store};
    struct sg_certificate_filter filter = {.owner = NULL};
    assert_ok(fixture, sg_store_certificate_each(fixture->store, &filter, delete_all_others, &walk,
                                                 &fixture->err));
    assert_int_equal(walk.seen, 1);
}

static void everything_is_counted(void **state)
{
    struct fixture *fixture = *state;
    struct sg_store_counts counts;
    assert_ok(fixture, sg_store_count(fixture->store, &counts, &fixture->err));
    assert_int_equal(counts.owners, 4);
    assert_int_equal(
        counts.certificates + counts.keys + counts.rings + counts.connections + counts.intents, 0);
    add_some(fixture);
    int64_t ring = add_ring(fixture, "START1", "ring");
    (void)add_ring(fixture, "START1", "ring2");
    SG_CERTIFICATE_ROW row = {.id = 0};
    get(fixture, "START2", "b", &row);
    assert_ok(fixture, sg_store_connect(fixture->store, ring, row.id, SG_USAGE_SITE, false, NULL,
                                        NULL, &fixture->err));
    assert_ok(fixture, sg_store_count(fixture->store, &counts, &fixture->err));
    assert_int_equal(counts.certificates, 6);
    assert_int_equal(counts.keys, 1);
    assert_int_equal(counts.rings, 2);
    assert_int_equal(counts.connections, 1);
}

/* ---- the end of a key ---- */

static void a_retired_key_stays_with_its_certificate(void **state)
{
    struct fixture *fixture = *state;
    (void)add_keyed(fixture, "START1", "web", 1, 7);
    struct sg_certificate_name name = name_of("START1", "web");
    SG_CERTIFICATE_ROW before = {.id = 0};
    assert_ok(fixture, sg_store_certificate_get(fixture->store, &name, &before, &fixture->err));
    assert_false(before.retired);
    struct sg_key_id key = before.key;
    assert_ok(fixture, sg_store_key_retire(fixture->store, &key, &fixture->err));
    SG_CERTIFICATE_ROW after = {.id = 0};
    assert_ok(fixture, sg_store_certificate_get(fixture->store, &name, &after, &fixture->err));
    assert_true(after.retired && after.has_key);
    memset(key.bytes, 0xEE, sizeof key.bytes);
    assert_fails(fixture, sg_store_key_retire(fixture->store, &key, &fixture->err), SG_E_NOT_FOUND,
                 "key_not_found");
}

static void a_forgotten_key_leaves_its_certificate(void **state)
{
    struct fixture *fixture = *state;
    (void)add_keyed(fixture, "START1", "web", 1, 7);
    struct sg_certificate_name name = name_of("START1", "web");
    SG_CERTIFICATE_ROW before = {.id = 0};
    SG_CERTIFICATE_ROW after = {.id = 0};
    bool exists = true;
    assert_ok(fixture, sg_store_certificate_get(fixture->store, &name, &before, &fixture->err));
    assert_ok(fixture, sg_store_key_forget(fixture->store, &before.key, &fixture->err));
    assert_ok(fixture, sg_store_certificate_get(fixture->store, &name, &after, &fixture->err));
    assert_false(after.has_key);
    assert_string_equal(after.key_type, before.key_type);
    assert_int_equal(after.der_len, before.der_len);
    assert_ok(fixture, sg_store_key_exists(fixture->store, &before.key, &exists, &fixture->err));
    assert_false(exists);
    assert_fails(fixture, sg_store_key_forget(fixture->store, &before.key, &fixture->err),
                 SG_E_NOT_FOUND, "key_not_found");
    /* what has lost its key does not get another one by the way */
    assert_int_equal(run_sql(fixture, "UPDATE certificate SET key = zeroblob(16)"),
                     SQLITE_CONSTRAINT_TRIGGER);
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_store, fixture_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_STORE(a_keyless_certificate_comes_back_as_it_was),
        IN_STORE(a_certificate_with_a_key_comes_back_as_it_was),
        IN_STORE(a_row_outlives_the_store),
        IN_STORE(the_largest_certificate_fits),
        IN_STORE(a_label_is_used_once_by_an_owner),
        IN_STORE(the_same_label_serves_several_owners),
        IN_STORE(labels_that_differ_in_case_are_different),
        IN_STORE(labels_are_compared_byte_by_byte),
        IN_STORE(a_label_is_data_whatever_it_looks_like),
        IN_STORE(a_label_holds_32_characters_of_any_width),
        IN_STORE(the_schema_refuses_bad_labels),
        IN_STORE(a_certificate_is_stored_once_whoever_owns_it),
        IN_STORE(the_same_serial_of_another_issuer_is_another_certificate),
        IN_STORE(an_owner_must_exist),
        IN_STORE(the_schema_refuses_bad_columns),
        IN_STORE(a_key_must_be_recorded_first),
        IN_STORE(a_key_is_recorded_once),
        IN_STORE(a_key_needs_a_token_and_a_type),
        IN_STORE(a_key_goes_with_its_last_certificate),
        IN_STORE(deleting_a_keyless_certificate_orphans_nothing),
        IN_STORE(a_certificates_number_is_never_used_again),
        IN_STORE(another_key_behind_the_same_key_is_refused),
        IN_STORE(replacing_keeps_number_owner_label_key_and_connections),
        IN_STORE(replacing_with_one_that_is_elsewhere_is_refused),
        IN_STORE(replacing_by_itself_is_allowed),
        IN_STORE(what_is_not_there_cannot_be_changed),
        IN_STORE(trust_label_and_request_change_alone),
        IN_STORE(a_label_in_use_cannot_be_given),
        IN_STORE(a_bad_trust_status_is_refused),
        IN_STORE(a_certificate_changes_neither_owner_nor_key),
        IN_STORE(a_walk_goes_by_owner_and_label),
        IN_STORE(filters_restrict_and_combine),
        IN_STORE(a_walk_finds_the_members_of_a_ring),
        IN_STORE(pages_follow_each_other_without_gap),
        IN_STORE(a_filter_that_makes_no_sense_is_refused),
        IN_STORE(a_sink_that_fails_ends_the_walk),
        IN_STORE(a_sink_may_change_what_is_walked),
        IN_STORE(what_went_during_a_walk_is_passed_over),
        IN_STORE(everything_is_counted),
        IN_STORE(a_retired_key_stays_with_its_certificate),
        IN_STORE(a_forgotten_key_leaves_its_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
