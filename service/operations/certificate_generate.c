/* cert generate: a key in the token and a certificate for it, or a certificate for somebody's
 * request. */
#include "generate_internal.h"

#include <string.h>

#include <signet/policy/name.h>

#include "owner_internal.h"

static void plan_done(struct sg_generate *plan)
{
    free(plan->sans);
    free(plan->ekus);
    free(plan->csr);
    sg_new_certificate_done(&plan->made);
    sg_certificate_row_done(&plan->renewed);
    sg_buffer_done(&plan->csr_der);
}

static sg_status read_usage(struct sg_run *run, struct sg_generate *plan, struct sg_error *err)
{
    SG_FREE const char **words = NULL;
    size_t count = 0;
    sg_status s = sg_run_texts(run, "usage", &words, &count, err);
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        unsigned bit = 0;
        s = sg_key_usage_parse(words[i], &bit, err);
        plan->usage_words |= bit;
    }
    return s;
}

/* What a person says goes before what the profile supposes. */
static sg_status read_profile(struct sg_run *run, struct sg_generate *plan, struct sg_error *err)
{
    const char *word = sg_run_text(run, "profile");
    if (word == NULL) {
        return SG_OK;
    }
    if (sg_owner_kind(plan->made.name.owner.text) == SG_OWNER_CERTAUTH) {
        sg_fail(err, SG_E_USAGE, "bad_parameter",
                "a profile is for servers, clients and code: what stands under CERTAUTH is a CA");
        return sg_hint(err, "Leave --profile out, or make it under a user's name.");
    }
    plan->profile = sg_certificate_profile_find(word);
    if (plan->profile == NULL) {
        return sg_fail(err, SG_E_USAGE, "bad_parameter", "profile is server, client or code");
    }
    if (plan->usage_words == 0) {
        plan->usage_words = plan->profile->usage;
        plan->made.request.usage = plan->profile->x509;
    }
    plan->made.request.leaf = true;
    return SG_OK;
}

static sg_status read_signer(struct sg_run *run, struct sg_generate *plan, struct sg_error *err)
{
    if (sg_run_text(run, "signed_by") == NULL) {
        return SG_OK;
    }
    struct sg_certificate_name name;
    sg_status s = sg_run_certificate_name(run, "signed_by", &name, err);
    s = s == SG_OK
            ? sg_store_certificate_get(run->service->store, &name, &plan->made.issuer_row, err)
            : s;
    if (s != SG_OK) {
        return s;
    }
    plan->made.issued = true;
    struct sg_name_text text = sg_row_name(&plan->made.issuer_row);
    if (!plan->made.issuer_row.has_key) {
        sg_fail(err, SG_E_CONFLICT, "no_private_key", "%s has no private key here to sign with",
                text.text);
        return sg_object(err, "%s", text.text);
    }
    if (sg_run_check_signs(&plan->made.issuer_row, err) != SG_OK) {
        return err->status;
    }
    struct sg_bytes der = {plan->made.issuer_row.der, plan->made.issuer_row.der_len};
    s = sg_certificate_parse(der, &plan->made.issuer, err);
    s = s == SG_OK
            ? sg_certificate_check_time(plan->made.issuer, sg_now_s(run->service->clock), err)
            : s;
    if (s == SG_OK && !sg_certificate_facts(plan->made.issuer)->ca) {
        sg_fail(err, SG_E_INPUT, "issuer_not_a_ca", "%s is not a CA certificate", text.text);
        sg_object(err, "%s", text.text);
        return sg_hint(
            err, "CA certificates are made under CERTAUTH: signet cert generate CERTAUTH/LABEL …");
    }
    return s;
}

static sg_status read_key(struct sg_run *run, struct sg_generate *plan, struct sg_error *err)
{
    plan->made.extractable = sg_run_flag(run, "extractable");
    if (plan->from_request) {
        return sg_key_usage_check(plan->csr->family, plan->usage_words, err);
    }
    const char *key = sg_run_text(run, "key");
    sg_status s = sg_key_spec_find(key != NULL ? key : "ec:p256", &plan->made.spec, err);
    s = s == SG_OK ? sg_key_usage_check(plan->made.spec->family, plan->usage_words, err) : s;
    if (s != SG_OK) {
        return s;
    }
    bool certauth = sg_owner_kind(plan->made.name.owner.text) == SG_OWNER_CERTAUTH;
    plan->made.abilities = sg_key_abilities(plan->made.spec->family, plan->usage_words, certauth);
    return sg_new_choose_token(run, sg_run_text(run, "token"), &plan->made, err);
}

static sg_status read_x509(struct sg_run *run, struct sg_generate *plan, struct sg_error *err)
{
    bool certauth = sg_owner_kind(plan->made.name.owner.text) == SG_OWNER_CERTAUTH;
    enum sg_key_family family = plan->from_request ? plan->csr->family : plan->made.spec->family;
    size_t sans = 0;
    size_t ekus = 0;
    sg_status s = sg_run_texts(run, "san", &plan->sans, &sans, err);
    s = s == SG_OK ? sg_run_texts(run, "eku", &plan->ekus, &ekus, err) : s;
    if (s != SG_OK) {
        return s;
    }
    plan->made.request.subject = sg_run_text(run, "subject");
    plan->made.request.sans = plan->sans;
    plan->made.request.san_count = sans;
    plan->made.request.ekus = plan->ekus;
    plan->made.request.eku_count = ekus;
    if (ekus == 0 && plan->profile != NULL) {
        plan->made.request.ekus = &plan->profile->eku;
        plan->made.request.eku_count = 1;
    }
    plan->made.request.usage |= sg_key_usage_x509(family, plan->usage_words, certauth);
    plan->made.request.ca = certauth;
    plan->made.handshake = plan->profile == NULL && (plan->usage_words & SG_KEY_HANDSHAKE) != 0;
    plan->made.placeholder = sg_run_text(run, "signed_by") == NULL && !certauth;
    if (plan->made.request.subject == NULL && !plan->from_request) {
        sg_fail(err, SG_E_USAGE, "bad_parameter", "a new certificate needs a subject");
        return sg_hint(err, "Add --subject 'CN=…,O=…,C=…'.");
    }
    return sg_x509_request_check(&plan->made.request, err);
}

static sg_status check_name(struct sg_run *run, struct sg_generate *plan, struct sg_error *err)
{
    sg_status s = plan->from_request ? sg_generate_find_renewed(run, plan, err) : SG_OK;
    plan->made.renewed = plan->renewed.id != 0 ? &plan->renewed.name : NULL;
    return s == SG_OK && plan->renewed.id == 0 ? sg_new_check_name(run, &plan->made.name, err) : s;
}

static sg_status ask_policy(struct sg_run *run, struct sg_generate *plan, struct sg_error *err)
{
    struct sg_bytes spki = {0};
    if (plan->from_request) {
        spki = (struct sg_bytes){plan->csr->spki, plan->csr->spki_len};
    }
    return sg_new_ask_policy(run, &plan->made, spki, err);
}

static sg_status warn_time(struct sg_run *run, const struct sg_generate *plan, struct sg_error *err)
{
    char text[SG_TIME_TEXT];
    const struct sg_x509_request *request = &plan->made.request;
    int64_t now_s = sg_now_s(run->service->clock);
    if (request->not_after_s <= now_s) {
        sg_time_format(request->not_after_s, text);
        return sg_run_warn(run, err, "it is expired already, since %s: no program takes it", text);
    }
    sg_time_format(request->not_before_s, text);
    return request->not_before_s > now_s
               ? sg_run_warn(run, err, "it is not valid before %s: no program takes it until then",
                             text)
               : SG_OK;
}

static sg_status warn(struct sg_run *run, const struct sg_generate *plan, struct sg_error *err)
{
    bool certauth = sg_owner_kind(plan->made.name.owner.text) == SG_OWNER_CERTAUTH;
    sg_status s = warn_time(run, plan, err);
    if (s == SG_OK && plan->made.spec != NULL) {
        s = sg_new_warn_key(run, plan->made.spec, err);
    }
    if (s == SG_OK && !certauth && (plan->usage_words & SG_KEY_CERTSIGN) != 0) {
        s = sg_run_warn(run, err, "certsign outside CERTAUTH does not make it a CA certificate");
    }
    if (s == SG_OK && plan->made.issued && plan->made.issuer_row.trust == SG_NOTRUST) {
        s = sg_run_warn(run, err, "its issuer %s is NOTRUST, hidden from all rings",
                        sg_row_name(&plan->made.issuer_row).text);
    }
    if (s == SG_OK && plan->renewed.id != 0) {
        s = sg_generate_warn_renewal(run, plan, err);
    }
    if (s == SG_OK && plan->made.issued &&
        plan->made.request.not_after_s > sg_certificate_facts(plan->made.issuer)->not_after_s) {
        char text[SG_TIME_TEXT];
        sg_time_format(sg_certificate_facts(plan->made.issuer)->not_after_s, text);
        s = sg_run_warn(run, err, "the validity reaches past its issuer's end, %s", text);
    }
    return s;
}

static sg_status describe(struct sg_run *run, const struct sg_generate *plan, struct sg_error *err)
{
    char until[SG_TIME_TEXT];
    sg_time_format(plan->made.request.not_after_s, until);
    const char *owner = plan->made.name.owner.text;
    const char *label = plan->made.name.label.text;
    sg_status s = SG_OK;
    if (!plan->from_request) {
        s = sg_run_effect(run, err, "generated an %s key in token \"%s\"", plan->made.spec->name,
                          plan->made.token);
    }
    if (s != SG_OK) {
        return s;
    }
    if (plan->renewed.id != 0) {
        return sg_run_effect(run, err, "renewed %s/%s, signed by %s, valid until %s",
                             plan->renewed.name.owner.text, plan->renewed.name.label.text,
                             sg_row_name(&plan->made.issuer_row).text, until);
    }
    if (plan->made.issued) {
        return sg_run_effect(run, err, "made certificate %s/%s, signed by %s, valid until %s%s",
                             owner, label, sg_row_name(&plan->made.issuer_row).text, until,
                             plan->from_request ? ", for a key that is elsewhere" : "");
    }
    bool certauth = sg_owner_kind(owner) == SG_OWNER_CERTAUTH;
    return sg_run_effect(run, err, "made certificate %s/%s, self-signed%s, valid until %s", owner,
                         label, certauth ? "" : " until a CA's answer replaces it", until);
}

static sg_status make_plan(struct sg_run *run, struct sg_generate *plan, struct sg_error *err)
{
    sg_status s = sg_run_new_name(run, "certificate", &plan->made.name, err);
    s = s == SG_OK ? read_usage(run, plan, err) : s;
    s = s == SG_OK ? read_profile(run, plan, err) : s;
    s = s == SG_OK ? sg_generate_read_request(run, plan, err) : s;
    s = s == SG_OK ? sg_run_validity(run, &plan->made.request.not_before_s,
                                     &plan->made.request.not_after_s, err)
                   : s;
    s = s == SG_OK ? read_key(run, plan, err) : s;
    s = s == SG_OK ? read_x509(run, plan, err) : s;
    s = s == SG_OK ? read_signer(run, plan, err) : s;
    s = s == SG_OK ? check_name(run, plan, err) : s;
    s = s == SG_OK ? ask_policy(run, plan, err) : s;
    s = s == SG_OK ? sg_run_ensure_owner(run, plan->made.name.owner.text, err) : s;
    s = s == SG_OK ? warn(run, plan, err) : s;
    return s == SG_OK ? describe(run, plan, err) : s;
}

static sg_status answer(struct sg_run *run, const struct sg_certificate_row *row,
                        struct sg_error *err)
{
    sg_status s = sg_row_answer(run, row, err);
    return s == SG_OK ? sg_run_set(run->answer, "der", sg_run_base64(row->der, row->der_len), err)
                      : s;
}

sg_status sg_operation_CERT_GENERATE(struct sg_run *run, struct sg_error *err)
{
    SG_CLEANUP(plan_done) struct sg_generate plan = {0};
    SG_CERTIFICATE_ROW row = {0};
    sg_buffer_init(&plan.csr_der, SG_CERTIFICATE_MAX + 3);
    sg_status s = make_plan(run, &plan, err);
    if (s != SG_OK || run->dry_run) {
        return s;
    }
    row.name = plan.made.name;
    s = plan.from_request ? sg_generate_for_request(run, &plan, &row, err)
                          : sg_new_make(run, &plan.made, &row, err);
    return s == SG_OK ? answer(run, plan.renewed.id != 0 ? &plan.renewed : &row, err) : s;
}
