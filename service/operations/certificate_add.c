/* cert add: what a CA sent back. Finds the key, sorts and completes the chain, replaces the
 * placeholder, stores the issuers. */
#include "add_internal.h"

#include <string.h>

#include <signet/policy/name.h>

#include "owner_internal.h"

static void plan_done(struct sg_add *plan)
{
    for (size_t i = 0; i < plan->bundle.count; i++) {
        sg_certificate_free(plan->bundle.members[i]);
    }
    sg_certificate_row_done(&plan->replaced);
    sg_found_chain_done(&plan->found);
    sg_buffer_done(&plan->package);
}

const struct sg_certificate_facts *sg_add_facts(const struct sg_add *plan, size_t i)
{
    return sg_certificate_facts(plan->bundle.members[i]);
}

static bool in_bundle(const struct sg_add *plan, const struct sg_certificate *certificate)
{
    for (size_t i = 0; i < plan->bundle.count; i++) {
        if (memcmp(sg_add_facts(plan, i)->sha256, sg_certificate_facts(certificate)->sha256, 32) ==
            0) {
            return true;
        }
    }
    return false;
}

static sg_status read_member(const struct sg_run *run, struct sg_add *plan, const char *base64,
                             struct sg_error *err)
{
    SG_BUFFER der;
    SG_CERTIFICATE *certificate = NULL;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX + 3);
    sg_status s = sg_run_decode(base64, SG_CERTIFICATE_MAX, &der, err);
    s = s == SG_OK ? sg_certificate_parse((struct sg_bytes){der.data, der.len}, &certificate, err)
                   : s;
    if (s != SG_OK || in_bundle(plan, certificate)) {
        return s;
    }
    if (sg_run_check_form(certificate, err) != SG_OK) {
        return err->status;
    }
    const struct sg_certificate_facts *facts = sg_certificate_facts(certificate);
    if (facts->key_supported && sg_crypto_policy_strength(&run->service->policy, facts->family,
                                                          facts->key_bits, err) != SG_OK) {
        sg_error_prefix(err, "\"%.80s\"", facts->subject_text);
        return err->status;
    }
    plan->bundle.members[plan->bundle.count++] = SG_STEAL(certificate);
    return SG_OK;
}

static sg_status read_bundle(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    SG_FREE const char **texts = NULL;
    size_t count = 0;
    sg_status s = sg_run_texts(run, "certificates", &texts, &count, err);
    if (s == SG_OK && (count == 0 || count > SG_BUNDLE_MAX)) {
        return sg_fail(err, SG_E_INPUT, "too_many_certificates",
                       "%zu certificates: 1 to %d can be added at once", count, SG_BUNDLE_MAX);
    }
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        s = read_member(run, plan, texts[i], err);
    }
    return s;
}

static sg_status read_target(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    const char *text = sg_run_text(run, "target");
    if (strchr(text, '/') == NULL) {
        return sg_name_owner(text, &plan->owner, err);
    }
    struct sg_certificate_name name;
    sg_status s = sg_name_certificate(text, &name, err);
    if (s == SG_OK) {
        plan->owner = name.owner;
        plan->label = name.label;
        plan->has_label = true;
    }
    return s;
}

/* ---- connecting what was added, in the same transaction ---- */

static bool is_about_ring(const struct sg_run *run)
{
    return sg_run_flag(run, "default") || sg_run_text(run, "usage") != NULL;
}

/* Before anything is done: the ring is there. */
static sg_status find_ring(struct sg_run *run, struct sg_ring_row *out, struct sg_error *err)
{
    struct sg_ring_ref ref;
    *out = (struct sg_ring_row){.id = 0};
    if (sg_run_text(run, "connect") == NULL) {
        return is_about_ring(run) ? sg_fail(err, SG_E_USAGE, "bad_parameter",
                                            "usage and default are said of a connection: name the "
                                            "ring with connect")
                                  : SG_OK;
    }
    sg_status s = sg_run_ring_ref(run, "connect", &ref, err);
    return s == SG_OK ? sg_store_ring_get(run->service->store, &ref, out, err) : s;
}

static sg_status connect_added(struct sg_run *run, const struct sg_ring_row *ring,
                               const struct sg_certificate_row *row, struct sg_error *err)
{
    struct sg_connected made;
    if (ring->id == 0) {
        return SG_OK;
    }
    sg_status s = sg_run_connect(run, ring, row, &made, err);
    json_t *answer = json_pack("{s:s, s:s, s:s, s:b, s:b}", "owner", ring->name.owner.text, "ring",
                               ring->name.ring.text, "usage", sg_usage_name(made.usage), "default",
                               (int)made.is_default, "replaced", (int)made.replaced);
    if (s != SG_OK) {
        json_decref(answer);
        return s;
    }
    return sg_run_set(run->answer, "connection", answer, err);
}

/* ---- the certificate itself ---- */

static bool same_issuer(const struct sg_certificate_row *row,
                        const struct sg_certificate_facts *facts)
{
    return row->issuer.len == facts->issuer.len &&
           memcmp(row->issuer.data, facts->issuer.data, facts->issuer.len) == 0;
}

static sg_status check_replacement(struct sg_run *run, const struct sg_add *plan,
                                   struct sg_error *err)
{
    const struct sg_certificate_facts *leaf = sg_add_facts(plan, plan->leaf);
    const struct sg_certificate_row *old = &plan->replaced;
    bool certauth = sg_owner_kind(plan->owner.text) == SG_OWNER_CERTAUTH;
    sg_status s = SG_OK;
    if (!old->placeholder && !same_issuer(old, leaf)) {
        if (certauth && !sg_run_flag(run, "force")) {
            sg_fail(err, SG_E_CONFLICT, "issuer_changes",
                    "%s was issued by \"%.150s\", this one by \"%.150s\"", sg_row_name(old).text,
                    old->issuer_text, leaf->issuer_text);
            return sg_hint(
                err, "Export the old one first if both are needed; then replace it with --force.");
        }
        s = sg_run_warn(run, err, "the issuer changes from \"%.200s\" to \"%.200s\"",
                        old->issuer_text, leaf->issuer_text);
    }
    if (s == SG_OK && !old->placeholder && leaf->not_after_s < old->not_after_s) {
        s = sg_run_warn(run, err, "it ends earlier than the certificate that it replaces");
    }
    return s;
}

/* What serves must not be lost to last year's file: it is replaced by what does not verify only
 * where that is asked for in as many words. */
static sg_status check_loss(struct sg_run *run, const struct sg_add *plan, struct sg_error *err)
{
    const struct sg_certificate_row *old = &plan->replaced;
    bool asked = sg_run_text(run, "status") != NULL || sg_run_flag(run, "force");
    if (!plan->unverified || asked || old->placeholder || old->trust == SG_NOTRUST) {
        return SG_OK;
    }
    sg_fail(err, SG_E_CONFLICT, "would_lose_trust",
            "%s is %s and would be replaced by a certificate that does not verify",
            sg_row_name(old).text, sg_trust_name(old->trust));
    return sg_hint(err, "Nothing was changed. If it is to be so, say NOTRUST (or TRUST) with it.");
}

/* A certificate of a key of ours is held to the policy, another's is what it is. */
static sg_status ask_policy(struct sg_run *run, const struct sg_certificate *certificate,
                            const struct sg_certificate_row *row, struct sg_error *err)
{
    return row->has_key ? sg_run_policy_check(run, certificate, row->extractable, err)
                        : sg_run_policy_warn(run, certificate, err);
}

static sg_status replace(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    struct sg_certificate_row *row = &plan->replaced;
    bool placeholder = row->placeholder;
    char until[SG_TIME_TEXT];
    sg_status s = check_replacement(run, plan, err);
    s = s == SG_OK ? check_loss(run, plan, err) : s;
    s = s == SG_OK ? sg_renewal_check(run, row, sg_add_facts(plan, plan->leaf), err) : s;
    s = s == SG_OK ? ask_policy(run, plan->bundle.members[plan->leaf], row, err) : s;
    s = s == SG_OK ? sg_row_from_certificate(plan->bundle.members[plan->leaf], row, err) : s;
    s = s == SG_OK ? sg_row_check_size(row, err) : s;
    if (s != SG_OK) {
        return s;
    }
    row->placeholder = false;
    row->requested = false;
    row->trust = plan->trust;
    sg_time_format(row->not_after_s, until);
    s = sg_store_certificate_replace(run->service->store, row, err);
    s = s == SG_OK ? sg_store_ring_bump_holding(run->service->store, row->id, err) : s;
    if (s == SG_OK && row->has_key) {
        s = sg_run_settle_later(run, SG_INTENT_CERTIFICATE, row->token, &row->key, err);
    }
    s = s == SG_OK ? sg_row_answer(run, row, err) : s;
    s = s == SG_OK ? sg_run_effect(run, err, "%s %s, issued by \"%.200s\", %s, valid until %s",
                                   placeholder ? "replaced the placeholder of" : "renewed",
                                   sg_row_name(row).text, row->issuer_text,
                                   sg_trust_name(row->trust), until)
                   : s;
    return s == SG_OK ? connect_added(run, &plan->ring, row, err) : s;
}

static sg_status warn_keyless(struct sg_run *run, const struct sg_add *plan,
                              const struct sg_certificate_name *name, struct sg_error *err)
{
    struct sg_elsewhere elsewhere;
    if (sg_owner_kind(plan->owner.text) == SG_OWNER_CERTAUTH) {
        return SG_OK;
    }
    sg_status s = sg_add_find_elsewhere(run, plan, &elsewhere, err);
    if (s == SG_OK && elsewhere.name[0] == '\0' && sg_add_facts(plan, plan->leaf)->ca) {
        return sg_run_warn(run, err,
                           "%s/%s is a CA's: programs trust it through a ring as CERTAUTH only: "
                           "signet cert add CERTAUTH FILE, or connect it with --usage certauth",
                           name->owner.text, name->label.text);
    }
    if (s != SG_OK || elsewhere.name[0] == '\0') {
        return s == SG_OK
                   ? sg_run_warn(
                         run, err,
                         "%s/%s has no private key here: programs can be shown it, not use it",
                         name->owner.text, name->label.text)
                   : s;
    }
    return sg_run_warn(run, err, "%s/%s has no private key: its key is that of %s, another owner's",
                       name->owner.text, name->label.text, elsewhere.name);
}

static sg_status add_new(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {.name = {.owner = plan->owner, .label = plan->label},
                              .trust = plan->trust};
    sg_status s = sg_run_ensure_owner(run, plan->owner.text, err);
    if (s == SG_OK && !plan->has_label) {
        s = sg_add_free_label(run, plan, plan->owner.text, sg_add_facts(plan, plan->leaf),
                              &row.name.label, err);
    }
    s = s == SG_OK ? sg_add_row(run, plan->bundle.members[plan->leaf], &row, err) : s;
    s = s == SG_OK ? sg_row_answer(run, &row, err) : s;
    s = s == SG_OK ? warn_keyless(run, plan, &row.name, err) : s;
    return s == SG_OK ? connect_added(run, &plan->ring, &row, err) : s;
}

/* ---- CERTAUTH: a bundle of CA certificates ---- */

static bool is_ca_bundle(const struct sg_add *plan)
{
    return sg_owner_kind(plan->owner.text) == SG_OWNER_CERTAUTH && !plan->match.found &&
           !plan->has_label && !plan->brings_key && plan->bundle.count > 1;
}

static sg_status refuse_known(const struct sg_add *plan, struct sg_error *err)
{
    if (plan->twins == 0) {
        return sg_fail(err, SG_E_CONFLICT, "certificate_exists",
                       "all %zu certificates are here already", plan->bundle.count);
    }
    sg_fail(err, SG_E_CONFLICT, "serial_number_taken",
            "none of the %zu certificates is new: %zu of them have issuer and serial number of "
            "another one that is here already",
            plan->bundle.count, plan->twins);
    return sg_hint(err, "Added one at a time, each names the other one.");
}

/* Every certificate of the bundle stands for itself: several roots, or a root and its
 * intermediates. */
static sg_status add_ca_bundle(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    if (sg_add_asked_notrust(run)) {
        return sg_fail(err, SG_E_USAGE, "bad_parameter",
                       "add CA certificates that are not to be trusted one at a time");
    }
    if (sg_run_text(run, "connect") != NULL) {
        return sg_fail(err, SG_E_USAGE, "bad_parameter",
                       "add CA certificates that are to be connected one at a time");
    }
    sg_status s = SG_OK;
    size_t before = json_array_size(run->effects);
    for (size_t i = 0; s == SG_OK && i < plan->bundle.count; i++) {
        plan->leaf = i;
        sg_found_chain_done(&plan->found);
        plan->found = (struct sg_found_chain){0};
        s = sg_add_decide_trust(run, plan, err);
        s = s == SG_OK ? sg_add_warn_no_ca(run, plan, err) : s;
        s = s == SG_OK ? sg_add_issuer(run, plan, plan->bundle.members[i], plan->trust, err) : s;
    }
    return s == SG_OK && json_array_size(run->effects) == before ? refuse_known(plan, err) : s;
}

/* The leaf stands in the store before its issuers: the journal comes before either. */
static sg_status add_with_key(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {0};
    sg_status s = sg_add_with_key(run, plan, &row, err);
    s = s == SG_OK ? sg_add_issuers(run, plan, err) : s;
    s = s == SG_OK ? sg_row_answer(run, &row, err) : s;
    return s == SG_OK ? connect_added(run, &plan->ring, &row, err) : s;
}

static sg_status add_or_replace(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    if (plan->brings_key) {
        return add_with_key(run, plan, err);
    }
    sg_status s = sg_add_issuers(run, plan, err);
    if (s != SG_OK) {
        return s;
    }
    return plan->keyless ? add_new(run, plan, err) : replace(run, plan, err);
}

static sg_status add_one(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    sg_status s =
        plan->brings_key ? sg_add_find_key_leaf(run, plan, err) : sg_add_find_leaf(plan, err);
    s = s == SG_OK ? sg_add_check_label(run, plan, err) : s;
    s = s == SG_OK ? sg_add_check_duplicate(run, plan, err) : s;
    s = s == SG_OK && plan->brings_key ? sg_add_plan_key(run, plan, err) : s;
    s = s == SG_OK ? sg_add_load_replaced(run, plan, err) : s;
    s = s == SG_OK ? sg_add_decide_trust(run, plan, err) : s;
    s = s == SG_OK ? sg_add_warn_no_ca(run, plan, err) : s;
    s = s == SG_OK ? add_or_replace(run, plan, err) : s;
    return s == SG_OK ? sg_add_warn_left_out(run, plan, err) : s;
}

sg_status sg_operation_CERT_ADD(struct sg_run *run, struct sg_error *err)
{
    SG_FREE struct sg_add *memory = calloc(1, sizeof *memory);
    if (memory == NULL) {
        return sg_fail_memory(err);
    }
    struct sg_add *plan = memory;
    plan->added = json_array();
    sg_status s = sg_run_set(run->answer, "added", plan->added, err);
    s = s == SG_OK ? read_target(run, plan, err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "owner", json_string(plan->owner.text), err) : s;
    s = s == SG_OK ? sg_add_read_key(run, plan, err) : s;
    s = s == SG_OK ? find_ring(run, &plan->ring, err) : s;
    s = s == SG_OK ? read_bundle(run, plan, err) : s;
    s = s == SG_OK ? sg_add_match_keys(run, plan, err) : s;
    run->visible = true;
    if (s == SG_OK) {
        s = is_ca_bundle(plan) ? add_ca_bundle(run, plan, err) : add_one(run, plan, err);
    }
    s = s == SG_OK ? sg_run_set(run->answer, "replaced", json_boolean(plan->replaced.id != 0), err)
                   : s;
    plan_done(plan);
    return s;
}
