/* cert check: what a file holds, and what of it is here. Nothing is stored. The command takes the
 * file apart; what a caller may not list is not told. */
#include "run_internal.h"

#include <string.h>

struct checked {
    struct sg_certificate *members[SG_BUNDLE_MAX]; /**< owned, each once */
    bool shown[SG_BUNDLE_MAX];
    size_t count;
    size_t leaf;
    struct sg_chain chain; /**< of the leaf, of what the file holds */
    bool expired, not_trusted;
    json_t *items;
};

static void checked_done(struct checked *checked)
{
    for (size_t i = 0; i < checked->count; i++) {
        sg_certificate_free(checked->members[i]);
    }
}

static bool same_bytes(struct sg_bytes a, struct sg_bytes b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static const struct sg_certificate_facts *facts_of(const struct checked *checked, size_t i)
{
    return sg_certificate_facts(checked->members[i]);
}

/* ---- reading ---- */

static bool is_twin(const struct checked *checked, const struct sg_certificate *certificate)
{
    for (size_t i = 0; i < checked->count; i++) {
        if (same_bytes(facts_of(checked, i)->der, sg_certificate_facts(certificate)->der)) {
            return true;
        }
    }
    return false;
}

static sg_status warn_form(struct sg_run *run, const struct sg_certificate *certificate,
                           struct sg_error *err)
{
    char why[SG_FORM_TEXT];
    return sg_certificate_form(certificate, why) == SG_FORM_SOUND
               ? SG_OK
               : sg_run_warn(run, err, "\"%.200s\" is malformed, and not taken as TRUST: %s",
                             sg_certificate_facts(certificate)->subject_text, why);
}

static sg_status read_one(struct sg_run *run, struct checked *checked, const char *base64,
                          struct sg_error *err)
{
    SG_BUFFER der;
    SG_CERTIFICATE *certificate = NULL;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX + 3);
    sg_status s = sg_run_decode(base64, SG_CERTIFICATE_MAX, &der, err);
    s = s == SG_OK ? sg_certificate_parse((struct sg_bytes){der.data, der.len}, &certificate, err)
                   : s;
    if (s == SG_OK && !is_twin(checked, certificate)) {
        s = warn_form(run, certificate, err);
        checked->members[checked->count++] = SG_STEAL(certificate);
    }
    return s;
}

static sg_status read_all(struct sg_run *run, struct checked *checked, struct sg_error *err)
{
    SG_FREE const char **texts = NULL;
    size_t count = 0;
    sg_status s = sg_run_texts(run, "certificates", &texts, &count, err);
    if (s == SG_OK && (count == 0 || count > SG_BUNDLE_MAX)) {
        return sg_fail(err, SG_E_INPUT, "too_many_certificates",
                       "%zu certificates: 1 to %d can be checked at once", count, SG_BUNDLE_MAX);
    }
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        s = read_one(run, checked, texts[i], err);
    }
    return s;
}

/* The first that issued none of the others. */
static size_t find_leaf(const struct checked *checked)
{
    for (size_t i = 0; i < checked->count; i++) {
        bool issues = false;
        for (size_t k = 0; k < checked->count && !issues; k++) {
            issues =
                k != i && same_bytes(facts_of(checked, k)->issuer, facts_of(checked, i)->subject);
        }
        if (!issues) {
            return i;
        }
    }
    return 0; /* two that name each other: broken, and said to be */
}

/* ---- what is here ---- */

struct lookup {
    struct sg_run *run;
    const struct sg_certificate_facts *facts;
    json_t *item; /**< of the row, when it is here and may be told; NULL otherwise */
    bool notrust;
    char key_of[SG_OWNER_MAX + SG_LABEL_BYTES + 2];
};

static sg_status take_installed(void *context, const struct sg_certificate_row *row,
                                struct sg_error *err)
{
    struct lookup *lookup = context;
    struct sg_bytes der = {row->der, row->der_len};
    if (lookup->item != NULL || !same_bytes(der, lookup->facts->der) ||
        !sg_run_allowed(lookup->run, SG_FUNCTION_LIST, row->name.owner.text)) {
        return SG_OK;
    }
    lookup->notrust = row->trust == SG_NOTRUST;
    lookup->item = sg_row_json(row, sg_now_s(lookup->run->service->clock));
    return lookup->item != NULL ? SG_OK : sg_fail_memory(err);
}

static sg_status take_key(void *context, const struct sg_certificate_row *row, struct sg_error *err)
{
    struct lookup *lookup = context;
    (void)err;
    if (lookup->key_of[0] == '\0' &&
        sg_run_allowed(lookup->run, SG_FUNCTION_LIST, row->name.owner.text)) {
        snprintf(lookup->key_of, sizeof lookup->key_of, "%s", sg_row_name(row).text);
    }
    return SG_OK;
}

static sg_status look_up(struct lookup *lookup, struct sg_error *err)
{
    const struct sg_certificate_facts *facts = lookup->facts;
    struct sg_store *store = lookup->run->service->store;
    struct sg_certificate_filter same = {
        .serial = facts->serial, .issuer = facts->issuer.data, .issuer_len = facts->issuer.len};
    struct sg_certificate_filter key = {.spki_sha256 = facts->spki_sha256, .with_key = true};
    sg_status s = sg_store_certificate_each(store, &same, take_installed, lookup, err);
    return s == SG_OK ? sg_store_certificate_each(store, &key, take_key, lookup, err) : s;
}

/* "false" is the truth for those alone who would learn of any key. */
static json_t *key_json(struct sg_run *run, bool known)
{
    return known || sg_run_allowed(run, SG_FUNCTION_LIST, "SITE") ? json_boolean(known)
                                                                  : json_null();
}

static sg_status fill_item(const struct lookup *lookup, const struct sg_certificate *certificate,
                           bool installed, json_t *item, struct sg_error *err)
{
    bool known = lookup->key_of[0] != '\0';
    sg_status s = sg_run_set(item, "installed", json_boolean(installed), err);
    s = s == SG_OK ? sg_run_set(item, "private_key", key_json(lookup->run, known), err) : s;
    s = s == SG_OK
            ? sg_run_set(item, "key_of", known ? json_string(lookup->key_of) : json_null(), err)
            : s;
    return s == SG_OK && sg_run_flag(lookup->run, "details")
               ? sg_certificate_details(item, certificate, err)
               : s;
}

static sg_status show(struct sg_run *run, struct checked *checked,
                      const struct sg_certificate *certificate, struct sg_error *err)
{
    struct lookup lookup = {.run = run, .facts = sg_certificate_facts(certificate)};
    sg_status s = look_up(&lookup, err);
    bool installed = lookup.item != NULL;
    json_t *item =
        s == SG_OK && !installed ? sg_certificate_bare(run, certificate, err) : lookup.item;
    if (item == NULL || json_array_append_new(checked->items, item) != 0) {
        return s != SG_OK ? s : err->status != SG_OK ? err->status : sg_fail_memory(err);
    }
    int64_t now_s = sg_now_s(run->service->clock);
    checked->expired = checked->expired || now_s > lookup.facts->not_after_s;
    checked->not_trusted = checked->not_trusted || lookup.notrust;
    return s == SG_OK ? fill_item(&lookup, certificate, installed, item, err) : s;
}

/* Leaf first, as far as the file's chain goes; then the rest, as it came. */
static sg_status show_all(struct sg_run *run, struct checked *checked, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < checked->chain.count; i++) {
        for (size_t k = 0; k < checked->count; k++) {
            bool this_one = same_bytes(sg_certificate_facts(checked->chain.members[i])->der,
                                       facts_of(checked, k)->der);
            checked->shown[k] = checked->shown[k] || this_one;
        }
        s = show(run, checked, checked->chain.members[i], err);
    }
    for (size_t i = 0; s == SG_OK && i < checked->count; i++) {
        s = checked->shown[i] ? SG_OK : show(run, checked, checked->members[i], err);
    }
    return s;
}

/* ---- all of them together ---- */

static sg_status warn_incomplete(struct sg_run *run, const struct checked *checked,
                                 struct sg_error *err)
{
    const struct sg_certificate *last = checked->chain.members[checked->chain.count - 1];
    return sg_run_warn(run, err,
                       "the file's chain is incomplete: the certificate of \"%.300s\" is "
                       "missing in it",
                       sg_certificate_facts(last)->issuer_text);
}

/* With what stands under CERTAUTH, for those who may know that. */
static sg_status answer_complete_here(struct sg_run *run, const struct checked *checked,
                                      struct sg_error *err)
{
    SG_CLEANUP(sg_found_chain_done) struct sg_found_chain found = {0};
    struct sg_error why = SG_ERROR_INIT;
    if (!sg_run_allowed(run, SG_FUNCTION_LIST, "CERTAUTH")) {
        return SG_OK;
    }
    bool complete = sg_chain_find(run->service, "CERTAUTH", checked->members[checked->leaf],
                                  (const struct sg_certificate *const *)checked->members,
                                  checked->count, &found, &why) == SG_OK &&
                    found.chain.complete;
    return sg_run_set(run->answer, "complete_here", json_boolean(complete), err);
}

static sg_status build_chain(struct sg_run *run, struct checked *checked, struct sg_error *err)
{
    struct sg_error why = SG_ERROR_INIT;
    sg_status s = sg_chain_build(checked->members[checked->leaf],
                                 (const struct sg_certificate *const *)checked->members,
                                 checked->count, &checked->chain, &why);
    if (s == SG_OK) {
        return checked->chain.complete ? SG_OK : warn_incomplete(run, checked, err);
    }
    checked->chain = (struct sg_chain){.members = {checked->members[checked->leaf]}, .count = 1};
    s = sg_run_set(run->answer, "chain_error", json_string(why.text), err);
    return s == SG_OK ? sg_run_warn(run, err, "the file's chain is broken: %s", why.text) : s;
}

static sg_status answer(struct sg_run *run, const struct checked *checked, struct sg_error *err)
{
    sg_status s = sg_run_set(run->answer, "count", json_integer((json_int_t)checked->count), err);
    s = s == SG_OK ? sg_run_set(run->answer, "complete", json_boolean(checked->chain.complete), err)
                   : s;
    s = s == SG_OK ? sg_run_set(run->answer, "expired", json_boolean(checked->expired), err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "not_trusted", json_boolean(checked->not_trusted), err)
                   : s;
    return s == SG_OK ? answer_complete_here(run, checked, err) : s;
}

sg_status sg_operation_CERT_CHECK(struct sg_run *run, struct sg_error *err)
{
    SG_FREE struct checked *checked = calloc(1, sizeof *checked);
    if (checked == NULL) {
        return sg_fail_memory(err);
    }
    checked->items = json_array();
    sg_status s = sg_run_set(run->answer, "items", checked->items, err);
    s = s == SG_OK ? read_all(run, checked, err) : s;
    if (s == SG_OK) {
        checked->leaf = find_leaf(checked);
        s = build_chain(run, checked, err);
    }
    s = s == SG_OK ? show_all(run, checked, err) : s;
    s = s == SG_OK ? answer(run, checked, err) : s;
    checked_done(checked);
    return s;
}
