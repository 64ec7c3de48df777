/* cert add: which certificate of the bundle is meant, which key and label it belongs to, and what
 * stands in its way. */
#include "add_internal.h"

#include <stdio.h>
#include <string.h>

#include <signet/policy/name.h>

static bool issues_another(const struct sg_add *plan, size_t i)
{
    struct sg_bytes subject = sg_add_facts(plan, i)->subject;
    for (size_t other = 0; other < plan->bundle.count; other++) {
        struct sg_bytes issuer = sg_add_facts(plan, other)->issuer;
        if (other != i && issuer.len == subject.len &&
            memcmp(issuer.data, subject.data, issuer.len) == 0) {
            return true;
        }
    }
    return false;
}

struct matching {
    struct sg_add *plan;
    size_t member;
    bool end;  /**< it issued no other one of the bundle */
    bool seen; /**< the owner has its key */
};

/* The label that was named, then what is no issuer of the others, then what waits for an answer. */
static sg_status take_match(void *context, const struct sg_certificate_row *row,
                            struct sg_error *err)
{
    struct matching *matching = context;
    const struct sg_add *plan = matching->plan;
    struct sg_add_match *match = &matching->plan->match;
    bool wanted = plan->has_label && strcmp(row->name.label.text, plan->label.text) == 0;
    unsigned rank = (wanted ? 4u : 0u) + (matching->end ? 2u : 0u) + (row->placeholder ? 1u : 0u);
    (void)err;
    matching->seen = true;
    if (!match->found || rank > match->rank) {
        match->found = true;
        match->rank = rank;
        match->member = matching->member;
        match->name = row->name;
    }
    return SG_OK;
}

sg_status sg_add_match_keys(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    for (size_t i = 0; i < plan->bundle.count; i++) {
        struct sg_certificate_filter filter = {.owner = plan->owner.text,
                                               .spki_sha256 = sg_add_facts(plan, i)->spki_sha256,
                                               .with_key = true};
        struct matching matching = {.plan = plan, .member = i, .end = !issues_another(plan, i)};
        sg_status s =
            sg_store_certificate_each(run->service->store, &filter, take_match, &matching, err);
        if (s != SG_OK) {
            return s;
        }
        plan->match.ends += matching.seen && matching.end ? 1 : 0;
    }
    return SG_OK;
}

/* Without a key to go by: the one certificate that issued none of the others. */
sg_status sg_add_find_leaf(struct sg_add *plan, struct sg_error *err)
{
    if (plan->match.found && plan->match.ends > 1 && plan->match.rank < 4) {
        sg_fail(err, SG_E_INPUT, "ambiguous_bundle",
                "%zu of the %zu certificates are for keys of %s", plan->match.ends,
                plan->bundle.count, plan->owner.text);
        return sg_hint(err, "Add them one at a time, or name the label.");
    }
    if (plan->match.found) {
        plan->leaf = plan->match.member;
        return SG_OK;
    }
    size_t candidates = 0;
    for (size_t i = 0; i < plan->bundle.count; i++) {
        if (!issues_another(plan, i)) {
            plan->leaf = i;
            candidates++;
        }
    }
    if (candidates == 1) {
        return SG_OK;
    }
    sg_fail(err, SG_E_INPUT, "ambiguous_bundle",
            "%zu of the %zu certificates could be the one meant, and none belongs to a key of %s",
            candidates, plan->bundle.count, plan->owner.text);
    return sg_hint(err, "Add them one at a time.");
}

sg_status sg_add_take_elsewhere(void *context, const struct sg_certificate_row *row,
                                struct sg_error *err)
{
    struct sg_elsewhere *elsewhere = context;
    (void)err;
    if (elsewhere->name[0] == '\0') {
        snprintf(elsewhere->name, sizeof elsewhere->name, "%s", sg_row_name(row).text);
    }
    return SG_OK;
}

/* Where the key of the leaf is, for the message; only what the caller may know. */
sg_status sg_add_find_elsewhere(struct sg_run *run, const struct sg_add *plan,
                                struct sg_elsewhere *out, struct sg_error *err)
{
    struct sg_certificate_filter filter = {
        .spki_sha256 = sg_add_facts(plan, plan->leaf)->spki_sha256, .with_key = true};
    out->name[0] = '\0';
    sg_status s =
        sg_store_certificate_each(run->service->store, &filter, sg_add_take_elsewhere, out, err);
    if (s == SG_OK && out->name[0] != '\0') {
        char owner[SG_OWNER_MAX + 1] = {0};
        memcpy(owner, out->name, strcspn(out->name, "/"));
        if (!sg_run_allowed(run, SG_FUNCTION_LIST, owner)) {
            out->name[0] = '\0';
        }
    }
    return s;
}

static struct sg_shell_word shell_word_of(const struct sg_elsewhere *elsewhere)
{
    char owner[SG_OWNER_MAX + 1] = {0};
    size_t len = strcspn(elsewhere->name, "/");
    memcpy(owner, elsewhere->name, len);
    return sg_shell_word(owner, elsewhere->name + len + 1);
}

static sg_status refuse_wrong_key(struct sg_run *run, const struct sg_add *plan,
                                  const struct sg_certificate_row *row, struct sg_error *err)
{
    struct sg_elsewhere elsewhere;
    struct sg_name_text name = sg_row_name(row);
    sg_status s = sg_add_find_elsewhere(run, plan, &elsewhere, err);
    if (s != SG_OK) {
        return s;
    }
    sg_fail(err, SG_E_CONFLICT, "wrong_key",
            "the certificate of \"%.200s\" is for another key than that of %s",
            sg_add_facts(plan, plan->leaf)->subject_text, name.text);
    if (elsewhere.name[0] != '\0') {
        sg_hint(err, "Its key is %s: signet cert add %s …", elsewhere.name,
                shell_word_of(&elsewhere).text);
    } else {
        sg_hint(err, "Make a request from this key and have it signed: signet cert request %s",
                sg_shell_word(row->name.owner.text, row->name.label.text).text);
    }
    return sg_object(err, "%s", name.text);
}

/* A label was named: what stands there decides. */
sg_status sg_add_check_label(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    if (!plan->has_label) {
        return SG_OK;
    }
    SG_CERTIFICATE_ROW row = {0};
    struct sg_certificate_name name = {.owner = plan->owner, .label = plan->label};
    bool found = false;
    sg_status s = sg_store_certificate_find(run->service->store, &name, &row, &found, err);
    if (s != SG_OK || !found) {
        return s;
    }
    bool same_key = memcmp(row.spki_sha256, sg_add_facts(plan, plan->leaf)->spki_sha256, 32) == 0;
    if (row.has_key && !same_key) {
        return refuse_wrong_key(run, plan, &row, err);
    }
    if (!same_key) {
        sg_fail(err, SG_E_CONFLICT, "label_in_use", "%s exists already and is another certificate",
                sg_row_name(&row).text);
        sg_hint(err, "Choose another label.");
        return sg_object(err, "%s", sg_row_name(&row).text);
    }
    plan->match.found = true;
    plan->match.member = plan->leaf;
    plan->match.name = name;
    return SG_OK;
}

/* RACF takes a renewal for what it is and leaves the label alone; here it says so. */
static sg_status keep_label(struct sg_run *run, const struct sg_add *plan, struct sg_error *err)
{
    const struct sg_certificate_name *name = &plan->match.name;
    if (sg_run_flag(run, "racf")) {
        return sg_run_warn(run, err,
                           "the label \"%s\" is not taken: the certificate belongs to the key of "
                           "%s/%s, which keeps its own",
                           plan->label.text, name->owner.text, name->label.text);
    }
    sg_fail(err, SG_E_CONFLICT, "wrong_label",
            "the certificate belongs to the key of %s/%s, not to %s/%s", name->owner.text,
            name->label.text, plan->owner.text, plan->label.text);
    sg_hint(err, "signet cert add %s …", sg_shell_word(name->owner.text, name->label.text).text);
    return sg_object(err, "%s/%s", name->owner.text, name->label.text);
}

sg_status sg_add_load_replaced(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    if (!plan->match.found) {
        plan->keyless = true;
        return SG_OK;
    }
    sg_status s = SG_OK;
    if (plan->has_label && strcmp(plan->match.name.label.text, plan->label.text) != 0) {
        s = keep_label(run, plan, err);
    }
    return s == SG_OK ? sg_store_certificate_get(run->service->store, &plan->match.name,
                                                 &plan->replaced, err)
                      : s;
}

/* The very certificate, which may lack the key that comes now. */
static sg_status take_place_of(struct sg_run *run, struct sg_add *plan,
                               const struct sg_elsewhere *other, bool *taken, struct sg_error *err)
{
    struct sg_certificate_name name;
    sg_status s = sg_name_certificate(other->name, &name, err);
    return s == SG_OK ? sg_add_take_place(run, plan, &name, taken, err) : s;
}

struct twin_search {
    const struct sg_certificate_facts *facts;
    struct sg_twin *twin;
};

static sg_status take_twin(void *context, const struct sg_certificate_row *row,
                           struct sg_error *err)
{
    const struct twin_search *search = context;
    struct sg_bytes der = search->facts->der;
    search->twin->differs = row->der_len != der.len || memcmp(row->der, der.data, der.len) != 0;
    return sg_add_take_elsewhere(&search->twin->at, row, err);
}

sg_status sg_add_find_twin(struct sg_run *run, const struct sg_certificate_facts *facts,
                           struct sg_twin *out, struct sg_error *err)
{
    struct twin_search search = {.facts = facts, .twin = out};
    struct sg_certificate_filter filter = {
        .serial = facts->serial, .issuer = facts->issuer.data, .issuer_len = facts->issuer.len};
    char owner[SG_OWNER_MAX + 1] = {0};
    *out = (struct sg_twin){.at = {.name = ""}};
    sg_status s = sg_store_certificate_each(run->service->store, &filter, take_twin, &search, err);
    memcpy(owner, out->at.name, strcspn(out->at.name, "/"));
    out->may_be_told = owner[0] != '\0' && sg_run_allowed(run, SG_FUNCTION_LIST, owner);
    return s;
}

/* Two certificates of one issuer never have one serial number: most likely this one was altered. */
static sg_status refuse_twin(struct sg_run *run, struct sg_add *plan, const struct sg_twin *twin,
                             struct sg_error *err)
{
    const struct sg_certificate_facts *leaf = sg_add_facts(plan, plan->leaf);
    sg_status s = sg_add_decide_trust(run, plan, err);
    if (s != SG_OK && (s != SG_E_INPUT || strcmp(err->code, "bad_signature") == 0)) {
        return s;
    }
    sg_error_clear(err);
    sg_fail(err, SG_E_CONFLICT, "serial_number_taken",
            "another certificate with serial number %.48s of \"%.200s\" is here already%s%s",
            leaf->serial, leaf->issuer_text, twin->may_be_told ? ": " : "",
            twin->may_be_told ? twin->at.name : "");
    sg_hint(err, "Its issuer may use a serial number once only (RFC 5280, 4.1.2.2): have this one "
                 "made anew, with a number of its own, or delete the other one first. Nothing was "
                 "changed.");
    return sg_object(err, "%s", twin->may_be_told ? twin->at.name : "");
}

sg_status sg_add_check_duplicate(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    const struct sg_certificate_facts *leaf = sg_add_facts(plan, plan->leaf);
    struct sg_twin twin;
    sg_status s = sg_add_find_twin(run, leaf, &twin, err);
    if (s != SG_OK || twin.at.name[0] == '\0') {
        return s;
    }
    if (twin.differs) {
        return refuse_twin(run, plan, &twin, err);
    }
    bool taken = false;
    s = plan->brings_key ? take_place_of(run, plan, &twin.at, &taken, err) : s;
    if (s != SG_OK || taken) {
        return s;
    }
    sg_fail(err, SG_E_CONFLICT, "certificate_exists",
            "the certificate with serial number %.48s of \"%.200s\" is here already%s%s",
            leaf->serial, leaf->issuer_text, twin.may_be_told ? ": " : "",
            twin.may_be_told ? twin.at.name : "");
    sg_hint(err, "A certificate is stored once and connected to as many rings as need it.");
    return sg_object(err, "%s", twin.may_be_told ? twin.at.name : "");
}
