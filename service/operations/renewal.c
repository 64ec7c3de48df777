/* A certificate that takes another's place, for the same key: rings that hold the old one hold the
 * new one from then on, and trust it as they trusted that. */
#include "run_internal.h"

#include <string.h>

static sg_status find_anchor(void *context, const struct sg_ring_row *ring, enum sg_usage usage,
                             bool is_default, struct sg_error *err)
{
    bool *anchor = context;
    (void)ring;
    (void)is_default;
    (void)err;
    *anchor = *anchor || usage != SG_USAGE_PERSONAL;
    return SG_OK;
}

static sg_status was_ca(const struct sg_certificate_row *old, bool *out, struct sg_error *err)
{
    SG_CERTIFICATE *certificate = NULL;
    sg_status s =
        sg_certificate_parse((struct sg_bytes){old->der, old->der_len}, &certificate, err);
    *out = s == SG_OK && sg_certificate_facts(certificate)->ca;
    return s;
}

/* Rings that trust the old one would trust something else: a CA that was none, another name.
 * Whoever could not connect that as CERTAUTH cannot bring it in this way either. */
static sg_status check_promotion(struct sg_run *run, const struct sg_certificate_row *old,
                                 const struct sg_certificate_facts *facts, bool other_name,
                                 struct sg_error *err)
{
    bool anchor = false;
    bool ca = false;
    if (sg_owner_kind(old->name.owner.text) == SG_OWNER_CERTAUTH) {
        return SG_OK; /* the gate asked for CONTROL already */
    }
    sg_status s = sg_store_membership_each(run->service->store, old->id, find_anchor, &anchor, err);
    s = s == SG_OK && anchor ? was_ca(old, &ca, err) : s;
    bool promotes = anchor && (other_name || (facts->ca && !ca));
    return s == SG_OK && promotes ? sg_run_require(run, SG_FUNCTION_ADD, "CERTAUTH", err) : s;
}

sg_status sg_renewal_check(struct sg_run *run, const struct sg_certificate_row *old,
                           const struct sg_certificate_facts *facts, struct sg_error *err)
{
    bool other_name = old->subject.len != facts->subject.len ||
                      memcmp(old->subject.data, facts->subject.data, facts->subject.len) != 0;
    sg_status s = check_promotion(run, old, facts, other_name, err);
    return s == SG_OK && other_name && !old->placeholder
               ? sg_run_warn(run, err, "the subject changes from \"%.200s\" to \"%.200s\"",
                             old->subject_text, facts->subject_text)
               : s;
}
