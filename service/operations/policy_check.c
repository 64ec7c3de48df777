/* The policy, asked about certificates as they would be stored. */
#include "run_internal.h"

static struct sg_policy_certificate facts_for_policy(const struct sg_certificate *certificate,
                                                     bool extractable)
{
    const struct sg_certificate_facts *facts = sg_certificate_facts(certificate);
    struct sg_x509_outline outline = sg_certificate_outline(certificate);
    return (struct sg_policy_certificate){
        .family = facts->family,
        .key_bits = facts->key_bits,
        .key_text = facts->key_text,
        .digest = facts->digest_text,
        .not_before_s = facts->not_before_s,
        .not_after_s = facts->not_after_s,
        .ca = outline.ca,
        .server = outline.server,
        .names_server = outline.names_server,
        .extractable = extractable,
    };
}

sg_status sg_run_policy_check(struct sg_run *run, const struct sg_certificate *certificate,
                              bool extractable, struct sg_error *err)
{
    struct sg_policy_certificate asked = facts_for_policy(certificate, extractable);
    if (sg_crypto_policy_check(&run->service->policy, &asked, err) != SG_OK) {
        const char *subject = sg_certificate_facts(certificate)->subject_text;
        sg_error_prefix(err, "\"%.120s\"", subject);
        return sg_object(err, "%.300s", subject);
    }
    return SG_OK;
}

sg_status sg_run_policy_ask(struct sg_run *run, const struct sg_certificate *certificate,
                            enum sg_policy_rule rule, struct sg_error *err)
{
    struct sg_policy_certificate asked = facts_for_policy(certificate, false);
    return sg_crypto_policy_ask(&run->service->policy, rule, &asked, err);
}

sg_status sg_run_policy_warn(struct sg_run *run, const struct sg_certificate *certificate,
                             struct sg_error *err)
{
    const struct sg_certificate_facts *facts = sg_certificate_facts(certificate);
    struct sg_policy_certificate asked = facts_for_policy(certificate, false);
    sg_status s = SG_OK;
    if (!facts->key_supported) {
        return SG_OK; /* of a kind that the rules do not know, and that serves nothing here */
    }
    for (unsigned rule = 0; s == SG_OK && rule < SG_RULE_COUNT; rule++) {
        struct sg_error why = SG_ERROR_INIT;
        if (sg_crypto_policy_ask(&run->service->policy, (enum sg_policy_rule)rule, &asked, &why) !=
            SG_OK) {
            s = sg_run_warn(run, err, "\"%.200s\": %s", facts->subject_text, why.text);
        }
    }
    return s;
}

static json_t *words_json(unsigned mask, const char *(*word_of)(unsigned bit))
{
    json_t *list = json_array();
    for (unsigned bit = 1; bit != 0; bit <<= 1) {
        if ((mask & bit) != 0 && json_array_append_new(list, json_string(word_of(bit))) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *days_json(unsigned days)
{
    return days == SG_DAYS_NONE ? json_null() : json_integer(days);
}

json_t *sg_policy_json(const struct sg_crypto_policy *policy, int64_t now_s)
{
    return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:b, s:b, s:b}", "profile",
                     sg_policy_profile_name(policy->profile), "minimum_rsa_bits",
                     (int)policy->minimum_rsa_bits, "curves",
                     words_json(policy->curves, sg_policy_curve_word), "signature_digests",
                     words_json(policy->digests, sg_policy_digest_word), "leaf_days_max",
                     days_json(sg_crypto_policy_days(policy, false, now_s)), "ca_days_max",
                     days_json(sg_crypto_policy_days(policy, true, now_s)), "server_san_required",
                     (int)policy->server_san, "extractable_keys", (int)policy->extractable_keys,
                     "ec_ca", (int)policy->ec_ca);
}
