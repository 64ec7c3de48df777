/* ring check: what is to be said of each member. */
#include "ring_check_internal.h"

#include <string.h>

#define DAY_S 86400

static enum sg_severity grave_if(bool grave)
{
    return grave ? SG_SEVERITY_ERROR : SG_SEVERITY_WARNING;
}

/* ---- hidden, or too much seen ---- */

static sg_status check_trust(struct sg_ring_check *check, const struct sg_ring_member *member,
                             struct sg_error *err)
{
    if (member->trust != SG_NOTRUST || member == check->identity || member->form != SG_FORM_SOUND) {
        return SG_OK; /* said already of a default; the malformed stay hidden as TRUST too */
    }
    struct sg_next next = sg_next("signet cert alter %s --trust", sg_member_word(member).text);
    return sg_ring_found(check, SG_SEVERITY_WARNING, "hidden", member, &next, err,
                         "it is NOTRUST: programs do not see it in the ring");
}

static sg_status check_form(struct sg_ring_check *check, const struct sg_ring_member *member,
                            struct sg_error *err)
{
    char why[SG_FORM_TEXT];
    if (sg_certificate_form(member->certificate, why) == SG_FORM_SOUND) {
        return SG_OK;
    }
    struct sg_next next =
        sg_next("signet ring remove %s %s", sg_ring_word(check).text, sg_member_word(member).text);
    return sg_ring_found(check, grave_if(member->needed), "malformed", member, &next, err,
                         "it is malformed, and programs are not shown it: %s", why);
}

static sg_status check_site(struct sg_ring_check *check, const struct sg_ring_member *member,
                            struct sg_error *err)
{
    if (member->usage != SG_USAGE_SITE) {
        return SG_OK;
    }
    struct sg_next next = sg_next("signet ring connect %s %s --usage certauth",
                                  sg_ring_word(check).text, sg_member_word(member).text);
    return sg_ring_found(check, SG_SEVERITY_WARNING, "site_usage", member, &next, err,
                         "USAGE SITE: System SSL takes such a certificate from a peer WITHOUT "
                         "VALIDATING IT, even when it has expired");
}

/* ---- time ---- */

static struct sg_next renew(const struct sg_ring_check *check, const struct sg_ring_member *member)
{
    return member->has_key ? sg_next("signet cert request %s", sg_member_word(member).text)
                           : sg_next("signet ring remove %s %s", sg_ring_word(check).text,
                                     sg_member_word(member).text);
}

static sg_status check_time(struct sg_ring_check *check, const struct sg_ring_member *member,
                            struct sg_error *err)
{
    const struct sg_certificate_facts *facts = member->facts;
    struct sg_next next = renew(check, member);
    char text[SG_TIME_TEXT];
    if (check->now_s < facts->not_before_s) {
        sg_time_format(facts->not_before_s, text);
        return sg_ring_found(check, grave_if(member->needed), "not_yet_valid", member, NULL, err,
                             "it is not valid before %s", text);
    }
    sg_time_format(facts->not_after_s, text);
    if (check->now_s > facts->not_after_s) {
        return sg_ring_found(check, grave_if(member->needed), "expired", member, &next, err,
                             "it expired on %s", text);
    }
    int64_t left_s = facts->not_after_s - check->now_s;
    if (left_s > check->days * DAY_S) {
        return SG_OK;
    }
    return sg_ring_found(check, SG_SEVERITY_WARNING, "expires_soon", member, &next, err,
                         "it expires in %lld days, on %s", (long long)(left_s / DAY_S), text);
}

/* ---- keys ---- */

static sg_status check_size(struct sg_ring_check *check, const struct sg_ring_member *member,
                            struct sg_error *err)
{
    const struct sg_certificate_facts *facts = member->facts;
    if (!facts->key_supported || facts->family != SG_FAMILY_RSA ||
        (int64_t)facts->key_bits >= check->minimum_rsa) {
        return SG_OK;
    }
    unsigned better = check->minimum_rsa <= 2048   ? 2048u
                      : check->minimum_rsa <= 3072 ? 3072u
                                                   : 4096u;
    struct sg_next next = sg_next("signet cert generate %s --key rsa:%u …",
                                  sg_shell_word(member->name.owner.text, "NEW-LABEL").text, better);
    return sg_ring_found(
        check, grave_if(member->needed), "rsa_too_small", member, member->has_key ? &next : NULL,
        err, "its RSA key has %u bits: peers that ask for %lld%s refuse it", facts->key_bits,
        (long long)check->minimum_rsa, check->mq ? " (MinimumRSAKeySize)" : "");
}

static sg_status check_kind(struct sg_ring_check *check, const struct sg_ring_member *member,
                            struct sg_error *err)
{
    const struct sg_certificate_facts *facts = member->facts;
    if (!facts->key_supported) {
        return sg_ring_found(check, grave_if(member->needed), "unknown_key", member, NULL, err,
                             "its key (%s) is of a kind that programs here do not know",
                             facts->key_text);
    }
    if (facts->family == SG_FAMILY_ED25519 && member->usage != SG_USAGE_PERSONAL) {
        return sg_ring_found(check, SG_SEVERITY_NOTE, "ed25519", member, NULL, err,
                             "an Ed25519 key: System SSL, MQ and older programs cannot verify what "
                             "it signed");
    }
    if (facts->family == SG_FAMILY_EC && strstr(facts->key_text, "secp256k1") != NULL &&
        member->usage == SG_USAGE_PERSONAL) {
        return sg_ring_found(check, grave_if(member->needed), "curve_without_tls", member, NULL,
                             err, "TLS implementations do not take secp256k1 keys");
    }
    return SG_OK;
}

/* The policy may have become stricter since it was stored. */
static sg_status check_policy(struct sg_ring_check *check, const struct sg_ring_member *member,
                              struct sg_error *err)
{
    sg_status s = SG_OK;
    for (unsigned rule = 0; s == SG_OK && member->has_key && rule < SG_RULE_COUNT; rule++) {
        struct sg_error why = SG_ERROR_INIT;
        if (sg_run_policy_ask(check->run, member->certificate, (enum sg_policy_rule)rule, &why) !=
            SG_OK) {
            s = sg_ring_found(check, SG_SEVERITY_WARNING, why.code, member, NULL, err, "%s",
                              why.text);
        }
    }
    return s;
}

/* ---- the same name twice ---- */

static bool same_subject(const struct sg_ring_member *a, const struct sg_ring_member *b)
{
    return a->facts->subject.len == b->facts->subject.len &&
           memcmp(a->facts->subject.data, b->facts->subject.data, a->facts->subject.len) == 0;
}

static sg_status report_twin(struct sg_ring_check *check, const struct sg_ring_member *member,
                             const struct sg_ring_member *twin, struct sg_error *err)
{
    bool personal = member->usage == SG_USAGE_PERSONAL && twin->usage == SG_USAGE_PERSONAL;
    struct sg_next next =
        sg_next("signet ring remove %s %s", sg_ring_word(check).text, sg_member_word(member).text);
    return sg_ring_found(check, personal ? SG_SEVERITY_WARNING : SG_SEVERITY_NOTE, "same_subject",
                         member, &next, err, "it has the same subject as %s/%s: %s",
                         twin->name.owner.text, twin->name.label.text,
                         personal ? "programs that choose by name may take either"
                                  : "right while a CA rolls over, to be removed afterwards");
}

/* By subject, sorted: a ring may hold thousands. */
static int by_subject(const void *left, const void *right)
{
    const struct sg_ring_member *const *a = left;
    const struct sg_ring_member *const *b = right;
    size_t a_len = (*a)->facts->subject.len;
    size_t b_len = (*b)->facts->subject.len;
    if (a_len != b_len) {
        return a_len < b_len ? -1 : 1;
    }
    int order = memcmp((*a)->facts->subject.data, (*b)->facts->subject.data, a_len);
    /* in the ring's order among themselves, the default first */
    return order != 0 ? order : *a < *b ? -1 : 1;
}

/* ---- the same label twice: of different owners ---- */

static bool same_label(const struct sg_ring_member *a, const struct sg_ring_member *b)
{
    return strcmp(a->name.label.text, b->name.label.text) == 0;
}

/* A truststore is searched by subject: there labels matter to nobody. */
static sg_status report_label(struct sg_ring_check *check, const struct sg_ring_member *member,
                              const struct sg_ring_member *twin, struct sg_error *err)
{
    if (member->usage != SG_USAGE_PERSONAL && twin->usage != SG_USAGE_PERSONAL) {
        return SG_OK;
    }
    struct sg_next next =
        sg_next("signet cert alter %s --label NEW-LABEL", sg_member_word(member).text);
    return sg_ring_found(check, SG_SEVERITY_WARNING, "same_label", member, &next, err,
                         "it has the same label as %s/%s: programs that choose by label may take "
                         "either, or find neither",
                         twin->name.owner.text, twin->name.label.text);
}

static int by_label(const void *left, const void *right)
{
    const struct sg_ring_member *const *a = left;
    const struct sg_ring_member *const *b = right;
    int order = strcmp((*a)->name.label.text, (*b)->name.label.text);
    return order != 0 ? order : *a < *b ? -1 : 1;
}

/* ---- the visible ones, with those beside each other that have the same of something ---- */

struct twins {
    int (*order)(const void *left, const void *right);
    bool (*same)(const struct sg_ring_member *a, const struct sg_ring_member *b);
    sg_status (*report)(struct sg_ring_check *check, const struct sg_ring_member *member,
                        const struct sg_ring_member *twin, struct sg_error *err);
};
static const struct twins subjects = {by_subject, same_subject, report_twin};
static const struct twins labels = {by_label, same_label, report_label};

static sg_status check_twins(struct sg_ring_check *check, const struct twins *twins,
                             struct sg_error *err)
{
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): it is pointers that are meant */
    SG_FREE const struct sg_ring_member **sorted = calloc(check->count + 1, sizeof *sorted);
    sg_status s = SG_OK;
    size_t count = 0;
    if (sorted == NULL) {
        return sg_fail_memory(err);
    }
    for (size_t i = 0; i < check->count; i++) {
        if (sg_member_visible(&check->members[i])) {
            sorted[count++] = &check->members[i];
        }
    }
    /* NOLINTNEXTLINE(bugprone-sizeof-expression) */
    qsort(sorted, count, sizeof *sorted, twins->order);
    for (size_t i = 1, first = 0; s == SG_OK && i < count; i++) {
        if (twins->same(sorted[first], sorted[i])) {
            s = twins->report(check, sorted[i], sorted[first], err);
        } else {
            first = i;
        }
    }
    return s;
}

static sg_status check_one(struct sg_ring_check *check, const struct sg_ring_member *member,
                           struct sg_error *err)
{
    sg_status s = check_trust(check, member, err);
    s = s == SG_OK ? check_form(check, member, err) : s;
    s = s == SG_OK ? check_site(check, member, err) : s;
    s = s == SG_OK ? check_time(check, member, err) : s;
    s = s == SG_OK ? check_size(check, member, err) : s;
    s = s == SG_OK ? check_kind(check, member, err) : s;
    return s == SG_OK ? check_policy(check, member, err) : s;
}

/* ---- the ring itself ---- */

static sg_status check_ring_label(struct sg_ring_check *check, struct sg_error *err)
{
    struct sg_ring_ref twin;
    bool found = false;
    sg_status s = sg_ring_find_twin(check->run, &check->ring.name, &twin, &found, err);
    return s == SG_OK && found
               ? sg_ring_found(check, SG_SEVERITY_WARNING, "same_token_label", NULL, NULL, err,
                               "it has the same token label as ring %s: programs that ask for it "
                               "may take either",
                               sg_ring_text(&twin).text)
               : s;
}

sg_status sg_ring_check_members(struct sg_ring_check *check, struct sg_error *err)
{
    sg_status s = check_ring_label(check, err);
    for (size_t i = 0; s == SG_OK && i < check->count; i++) {
        s = check_one(check, &check->members[i], err);
    }
    s = s == SG_OK ? check_twins(check, &subjects, err) : s;
    return s == SG_OK ? check_twins(check, &labels, err) : s;
}
