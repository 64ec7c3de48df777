/* cert add: may what is added be trusted. */
#include "add_internal.h"

#include <stdio.h>
#include <string.h>

bool sg_add_asked_notrust(struct sg_run *run)
{
    enum sg_trust asked = SG_TRUST;
    const char *word = sg_run_text(run, "status");
    return word != NULL && sg_trust_parse(word, &asked) && asked == SG_NOTRUST;
}

/* An issuer that the store holds as NOTRUST passes no trust on. */
static sg_status check_issuers(const struct sg_add *plan, struct sg_error *err)
{
    for (size_t i = 1; i < plan->found.chain.count; i++) {
        int at = sg_found_chain_index(&plan->found, i);
        if (at >= 0 && plan->found.trust[at] == SG_NOTRUST) {
            sg_fail(err, SG_E_INPUT, "issuer_not_trusted", "the issuer %s/%s is NOTRUST",
                    plan->found.names[at].owner.text, plan->found.names[at].label.text);
            sg_object(err, "%s/%s", plan->found.names[at].owner.text,
                      plan->found.names[at].label.text);
            return sg_hint(
                err, "To trust it: signet cert alter %s --trust",
                sg_shell_word(plan->found.names[at].owner.text, plan->found.names[at].label.text)
                    .text);
        }
    }
    return SG_OK;
}

/* What may be stored NOTRUST all the same; a signature that does not verify never. */
static bool may_be_stored(const struct sg_error *err)
{
    static const char *const codes[] = {"certificate_expired", "certificate_not_yet_valid",
                                        "chain_incomplete",    "issuer_not_trusted",
                                        "issuer_not_a_ca",     "path_too_long",
                                        "chain_invalid",       "unreadable_extension"};
    for (size_t i = 0; i < SG_COUNT(codes); i++) {
        if (strcmp(err->code, codes[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Renewing keeps label, rings and status (docs/racf-compatibility.md, renewal): a certificate that
 * somebody has hidden does not reappear by the way. */
static sg_status keep_trust(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    if (plan->replaced.id == 0) {
        return SG_OK;
    }
    plan->trust = plan->replaced.trust;
    return plan->trust != SG_NOTRUST
               ? SG_OK
               : sg_run_warn(run, err,
                             "%s stays NOTRUST, hidden from all rings, until --trust is said",
                             sg_row_name(&plan->replaced).text);
}

static sg_status check_hightrust(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    if (plan->trust != SG_HIGHTRUST || sg_owner_kind(plan->owner.text) == SG_OWNER_CERTAUTH) {
        return SG_OK;
    }
    plan->trust = SG_TRUST;
    return sg_run_warn(run, err, "HIGHTRUST is for CERTAUTH: it is stored as TRUST");
}

static sg_status hint_notrust(struct sg_error *err)
{
    char hint[sizeof err->hint];
    snprintf(hint, sizeof hint, "%.500s", err->hint);
    return sg_hint(err, "%s%sTo store it all the same, hidden from rings: --notrust", hint,
                   hint[0] != '\0' ? "; " : "");
}

/* NOTRUST was asked for; or RACF's rule: what does not verify is stored NOTRUST, unless somebody
 * says TRUST, as ALTER could a moment later. */
static bool store_unverified(struct sg_run *run)
{
    return sg_add_asked_notrust(run) || sg_run_flag(run, "racf");
}

/* What is malformed is never TRUST, whatever was found wrong with the chain first. */
static sg_status warn_unverified(struct sg_run *run, struct sg_add *plan, bool asked,
                                 struct sg_error *err)
{
    char why[300];
    struct sg_error form = SG_ERROR_INIT;
    bool sound = sg_chain_check_form(&plan->found.chain, &form) == SG_OK;
    snprintf(why, sizeof why, "%.299s", asked && !sound ? form.text : err->text);
    sg_error_clear(err);
    plan->unverified = true;
    plan->trust = asked && sound ? plan->trust : SG_NOTRUST;
    sg_status s = sg_run_warn(run, err, "stored %s%s: %s", sg_trust_name(plan->trust),
                              plan->trust == SG_NOTRUST ? "" : " as asked", why);
    return s == SG_OK ? check_hightrust(run, plan, err) : s;
}

static bool same_name(struct sg_bytes a, struct sg_bytes b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* A CA that was made anew keeps its name: the one that is here did not sign this certificate, and
 * the person would look for what seems to be there. */
static void hint_namesake(struct sg_run *run, const struct sg_add *plan, struct sg_error *err)
{
    const struct sg_found_chain *found = &plan->found;
    if (strcmp(err->code, "chain_incomplete") != 0 || found->chain.count == 0) {
        return;
    }
    const struct sg_certificate *last = found->chain.members[found->chain.count - 1];
    for (size_t i = 0; i < found->kept_count; i++) {
        const struct sg_certificate_name *name = &found->names[i];
        bool namesake =
            name->owner.text[0] != '\0' && same_name(sg_certificate_facts(found->kept[i])->subject,
                                                     sg_certificate_facts(last)->issuer);
        if (namesake && sg_run_allowed(run, SG_FUNCTION_LIST, name->owner.text)) {
            sg_hint(err,
                    "%s/%s has its issuer's name, \"%.150s\", but did not sign it: that CA has a "
                    "new key. Add the CA certificate that did.",
                    name->owner.text, name->label.text, sg_certificate_facts(last)->issuer_text);
            return;
        }
    }
}

static sg_status warn_outlives(struct sg_run *run, const struct sg_add *plan, struct sg_error *err)
{
    const struct sg_chain *chain = &plan->found.chain;
    char text[SG_TIME_TEXT];
    if (chain->count < 2 || sg_certificate_facts(chain->members[0])->not_after_s <=
                                sg_certificate_facts(chain->members[1])->not_after_s) {
        return SG_OK;
    }
    sg_time_format(sg_certificate_facts(chain->members[1])->not_after_s, text);
    return sg_run_warn(run, err,
                       "the validity reaches past its issuer's end, %s: from then on it is not "
                       "trusted any more",
                       text);
}

sg_status sg_add_decide_trust(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    enum sg_trust asked = SG_TRUST;
    const char *word = sg_run_text(run, "status");
    const struct sg_certificate *leaf = plan->bundle.members[plan->leaf];
    const struct sg_certificate *const *members =
        (const struct sg_certificate *const *)plan->bundle.members;
    sg_status s = sg_chain_find(run->service, plan->owner.text, leaf, members, plan->bundle.count,
                                &plan->found, err);
    if (s != SG_OK) {
        return s;
    }
    s = sg_chain_verify(&plan->found.chain, sg_now_s(run->service->clock), err);
    s = s == SG_OK ? check_issuers(plan, err) : s;
    if (s == SG_OK) {
        s = warn_outlives(run, plan, err);
    } else {
        hint_namesake(run, plan, err);
    }
    if (s != SG_OK && !(store_unverified(run) && may_be_stored(err))) {
        return may_be_stored(err) ? hint_notrust(err) : s;
    }
    if (word != NULL) {
        (void)sg_trust_parse(word, &asked);
    }
    plan->trust = asked;
    if (s != SG_OK) {
        return warn_unverified(run, plan, word != NULL, err);
    }
    return word == NULL ? keep_trust(run, plan, err) : check_hightrust(run, plan, err);
}

/* A root that is old or home-made may lack basicConstraints; what somebody else issued without them
 * is no CA. */
sg_status sg_add_warn_no_ca(struct sg_run *run, const struct sg_add *plan, struct sg_error *err)
{
    const struct sg_certificate_facts *leaf = sg_add_facts(plan, plan->leaf);
    if (sg_owner_kind(plan->owner.text) != SG_OWNER_CERTAUTH || leaf->ca || leaf->self_issued) {
        return SG_OK;
    }
    return sg_run_warn(run, err,
                       "\"%.200s\" is not a CA certificate: it can verify only itself, nothing "
                       "that is issued in its name",
                       leaf->subject_text);
}
