/* cert add: the issuers that come along, and the labels they get. */
#include "add_internal.h"

#include <stdio.h>
#include <string.h>

#include <signet/policy/name.h>

#define NUMBERS_MAX 2000 /* of one label: two bundles of one name */

/* A free label under an owner: RACF's, or one from the certificate's name. A bundle may hold a
 * thousand of one name: counting goes on where it ended. */
sg_status sg_add_free_label(struct sg_run *run, struct sg_add *plan, const char *owner,
                            const struct sg_certificate_facts *facts, struct sg_label *out,
                            struct sg_error *err)
{
    if (sg_run_flag(run, "racf")) {
        return sg_run_free_label(run, owner, out, err);
    }
    struct sg_label first;
    const char *caption = facts->common_name[0] != '\0' ? facts->common_name : facts->subject_text;
    sg_name_label_from_caption(caption, strlen(caption), 0, &first);
    if (strcmp(first.text, plan->last_label.text) != 0) {
        plan->last_label = first;
        plan->next_number = 0;
    }
    while (plan->next_number < NUMBERS_MAX) {
        unsigned attempt = plan->next_number++;
        SG_CERTIFICATE_ROW row = {0};
        struct sg_certificate_name name = {0};
        snprintf(name.owner.text, sizeof name.owner.text, "%s", owner);
        sg_name_label_from_caption(caption, strlen(caption), attempt, &name.label);
        bool found = false;
        sg_status s = sg_store_certificate_find(run->service->store, &name, &row, &found, err);
        if (s != SG_OK) {
            return s;
        }
        if (!found) {
            *out = name.label;
            return SG_OK;
        }
    }
    return sg_fail(err, SG_E_LIMIT, "no_free_label",
                   "%d certificates of %s are named like \"%.64s\"", NUMBERS_MAX, owner, caption);
}

static sg_status answer_issuer(struct sg_run *run, const struct sg_add *plan,
                               const struct sg_certificate_row *row, struct sg_error *err)
{
    json_t *item = sg_row_json(row, sg_now_s(run->service->clock));
    if (item == NULL || json_array_append_new(plan->added, item) != 0) {
        return sg_fail_memory(err);
    }
    return SG_OK;
}

/* The row has a name and a status; the rest is filled in. */
sg_status sg_add_row(struct sg_run *run, const struct sg_certificate *certificate,
                     struct sg_certificate_row *row, struct sg_error *err)
{
    char until[SG_TIME_TEXT];
    sg_status s = sg_run_policy_warn(run, certificate, err);
    s = s == SG_OK ? sg_row_from_certificate(certificate, row, err) : s;
    s = s == SG_OK ? sg_store_certificate_add(run->service->store, row, err) : s;
    if (s != SG_OK) {
        return s;
    }
    sg_time_format(row->not_after_s, until);
    return sg_run_effect(run, err, "added %s, issued by \"%.200s\", %s, valid until %s",
                         sg_row_name(row).text, row->issuer_text, sg_trust_name(row->trust), until);
}

static bool is_of_certauth(const struct sg_twin *twin)
{
    char owner[SG_OWNER_MAX + 1] = {0};
    memcpy(owner, twin->at.name, strcspn(twin->at.name, "/"));
    return sg_owner_kind(owner) == SG_OWNER_CERTAUTH;
}

static sg_status warn_twin(struct sg_run *run, const struct sg_certificate_facts *facts,
                           const struct sg_twin *twin, struct sg_error *err)
{
    const char *before = twin->may_be_told ? ", " : "";
    const char *name = twin->may_be_told ? twin->at.name : "";
    if (twin->differs) {
        return sg_run_warn(run, err,
                           "\"%.200s\" is not stored under CERTAUTH: another certificate with its "
                           "issuer and serial number is here already%s%s",
                           facts->subject_text, before, name);
    }
    return is_of_certauth(twin)
               ? SG_OK
               : sg_run_warn(run, err,
                             "\"%.200s\" is not stored under CERTAUTH: it is another owner's "
                             "already%s%s",
                             facts->subject_text, before, name);
}

sg_status sg_add_issuer(struct sg_run *run, struct sg_add *plan,
                        const struct sg_certificate *certificate, enum sg_trust trust,
                        struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {.name = {.owner = {"CERTAUTH"}}, .trust = trust};
    const struct sg_certificate_facts *facts = sg_certificate_facts(certificate);
    struct sg_twin twin;
    sg_status s = sg_add_find_twin(run, facts, &twin, err);
    if (s != SG_OK || twin.at.name[0] != '\0') {
        plan->twins += s == SG_OK && twin.differs ? 1 : 0;
        return s == SG_OK ? warn_twin(run, facts, &twin, err) : s;
    }
    s = sg_add_free_label(run, plan, row.name.owner.text, facts, &row.name.label, err);
    s = s == SG_OK ? sg_add_row(run, certificate, &row, err) : s;
    return s == SG_OK ? answer_issuer(run, plan, &row, err) : s;
}

/* Root first, as the order of trust is. Issuers whose chain did not verify are not made trust
 * anchors by the way. */
sg_status sg_add_issuers(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    const struct sg_chain *chain = &plan->found.chain;
    bool missing = false;
    for (size_t i = 1; i < chain->count; i++) {
        missing = missing || sg_found_chain_index(&plan->found, i) < 0;
    }
    if (!missing) {
        return SG_OK;
    }
    if (plan->trust == SG_NOTRUST || plan->unverified) {
        return sg_run_warn(run, err,
                           "its issuers were not stored: add them under CERTAUTH by themselves");
    }
    if (!sg_run_allowed(run, SG_FUNCTION_ADD, "CERTAUTH")) {
        return sg_run_warn(
            run, err, "its issuers were not stored: you may not add certificates under CERTAUTH");
    }
    sg_status s = SG_OK;
    for (size_t i = chain->count; s == SG_OK && i-- > 1;) {
        s = sg_found_chain_index(&plan->found, i) < 0
                ? sg_add_issuer(run, plan, chain->members[i], SG_TRUST, err)
                : SG_OK;
    }
    return s;
}

sg_status sg_add_warn_left_out(struct sg_run *run, const struct sg_add *plan, struct sg_error *err)
{
    size_t left = 0;
    for (size_t i = 0; i < plan->bundle.count; i++) {
        bool used = i == plan->leaf;
        for (size_t k = 1; k < plan->found.chain.count; k++) {
            const struct sg_certificate_facts *member =
                sg_certificate_facts(plan->found.chain.members[k]);
            used = used || memcmp(member->sha256, sg_add_facts(plan, i)->sha256, 32) == 0;
        }
        left += used ? 0 : 1;
    }
    return left == 0 ? SG_OK
                     : sg_run_warn(run, err,
                                   "left out %zu certificate%s that do%s not belong to the chain",
                                   left, left == 1 ? "" : "s", left == 1 ? "es" : "");
}
