/* A certificate that is about to be made, as the policy sees it. */
#include "new_certificate_internal.h"

#define DAY_S 86400

static const struct sg_certificate_name *name_of(const struct sg_new_certificate *made)
{
    return made->renewed != NULL ? made->renewed : &made->name;
}

static sg_status warn_shortened(struct sg_run *run, const struct sg_new_certificate *made,
                                unsigned days, struct sg_error *err)
{
    char until[SG_TIME_TEXT];
    const struct sg_x509_request *request = &made->request;
    sg_time_format(request->not_after_s, until);
    return sg_run_warn(run, err, "%s/%s is valid until %s only: policy \"%s\" allows %u days (%s)",
                       name_of(made)->owner.text, name_of(made)->label.text, until,
                       sg_policy_profile_name(run->service->policy.profile), days,
                       request->ca ? "ca_days_max" : "leaf_days_max");
}

/* Where the policy allows so many days, the first and the last second count among them: "--days" of
 * just as many ends a second earlier. Without "--days" it is never too long, nor with an end that
 * nobody asked for. */
static sg_status fit_validity(struct sg_run *run, struct sg_new_certificate *made,
                              struct sg_error *err)
{
    struct sg_x509_request *request = &made->request;
    unsigned days =
        sg_crypto_policy_days(&run->service->policy, request->ca, request->not_before_s);
    int64_t last_s = request->not_before_s + (int64_t)days * DAY_S - 1;
    int64_t asked = 0;
    bool has_end = sg_run_text(run, "not_after") != NULL;
    bool shorten = sg_run_flag(run, "shorten");
    if (days == SG_DAYS_NONE || (has_end && (!shorten || request->not_after_s <= last_s))) {
        return SG_OK;
    }
    bool has_days = sg_run_integer(run, "days", &asked);
    if (request->not_after_s == last_s + 1 || (!has_days && request->not_after_s > last_s)) {
        request->not_after_s = last_s;
    }
    return has_end ? warn_shortened(run, made, days, err) : SG_OK;
}

struct kind {
    enum sg_key_family family;
    unsigned bits;
    char text[32];
};

static sg_status describe_key(const struct sg_new_certificate *made, struct sg_bytes spki,
                              struct kind *out, struct sg_error *err)
{
    if (made->spec == NULL) {
        return sg_spki_describe(spki, &out->family, &out->bits, out->text, err);
    }
    out->family = made->spec->family;
    out->bits = made->spec->bits;
    snprintf(out->text, sizeof out->text, "%s", made->spec->name);
    return SG_OK;
}

/* Who signs decides on the digest. */
static const char *digest_of(const struct sg_new_certificate *made, const struct kind *kind)
{
    if (made->issuer == NULL) {
        return sg_x509_signing_digest(kind->family, kind->bits);
    }
    const struct sg_certificate_facts *issuer = sg_certificate_facts(made->issuer);
    return sg_x509_signing_digest(issuer->family, issuer->key_bits);
}

static sg_status warn_nameless(struct sg_run *run, const struct sg_new_certificate *made,
                               struct sg_error *err)
{
    return sg_run_warn(run, err,
                       "%s/%s names no server: TLS clients look at subject alternative names and "
                       "at nothing else (--san dns:HOST)",
                       name_of(made)->owner.text, name_of(made)->label.text);
}

/* Without extended key usage it is for any purpose, and RACF's HANDSHAKE says for which. */
static bool may_serve(const struct sg_new_certificate *made, const struct sg_x509_outline *outline)
{
    return outline->server || (made->handshake && !outline->ca && !outline->has_eku);
}

sg_status sg_new_ask_policy(struct sg_run *run, struct sg_new_certificate *made,
                            struct sg_bytes spki, struct sg_error *err)
{
    struct sg_x509_outline outline = {0};
    struct kind kind = {0};
    sg_status s = fit_validity(run, made, err);
    s = s == SG_OK ? sg_x509_request_outline(&made->request, &outline, err) : s;
    s = s == SG_OK ? describe_key(made, spki, &kind, err) : s;
    if (s != SG_OK) {
        return s;
    }
    struct sg_policy_certificate certificate = {
        .family = kind.family,
        .key_bits = kind.bits,
        .key_text = kind.text,
        .digest = digest_of(made, &kind),
        .not_before_s = made->request.not_before_s,
        .not_after_s = made->request.not_after_s,
        .ca = outline.ca,
        .server = may_serve(made, &outline),
        .names_server = outline.names_server,
        .extractable = made->extractable,
    };
    if (sg_crypto_policy_check(&run->service->policy, &certificate, err) != SG_OK) {
        const struct sg_certificate_name *name = name_of(made);
        sg_error_prefix(err, "%s/%s", name->owner.text, name->label.text);
        return sg_object(err, "%s/%s", name->owner.text, name->label.text);
    }
    return outline.server && !outline.names_server ? warn_nameless(run, made, err) : SG_OK;
}
