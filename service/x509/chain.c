/* Put a bag of certificates in order: leaf, issuer, …, root.
 *
 * A bag may hold several ways up (cross-certificates: one name and key, certified twice). All are
 * walked, depth first, within a budget of signature checks, and the best is kept: complete before
 * incomplete; certificates that can be valid together before such that cannot; the way that stays
 * valid longest; then the one that has been valid longest; then the shortest. There is no "now"
 * here: the same bag always gives the same chain. */
#include "x509_internal.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#define CHECKS_MAX (2 * SG_BUNDLE_MAX) /* signature checks in one search: about 0.2 s */

struct path {
    const struct sg_certificate *members[SG_CHAIN_MAX];
    size_t count;
    bool complete;
    int64_t from_s, until_s; /* when all members are valid */
};

struct search {
    const struct sg_certificate **sorted; /* by hash of the subject, without duplicates */
    size_t count;
    unsigned checks;
    bool have_best, exhausted, too_deep;
    struct path walk, best;
    struct sg_error bad; /* why the best way ends: a signature nobody verifies */
    bool best_is_bad;
};

static int compare_entries(const void *left, const void *right)
{
    const struct sg_certificate *a = *(const struct sg_certificate *const *)left;
    const struct sg_certificate *b = *(const struct sg_certificate *const *)right;
    if (a->subject_hash != b->subject_hash) {
        return a->subject_hash < b->subject_hash ? -1 : 1;
    }
    if (a->facts.not_after_s != b->facts.not_after_s) {
        return a->facts.not_after_s > b->facts.not_after_s ? -1 : 1;
    }
    return memcmp(a->facts.sha256, b->facts.sha256, sizeof(a->facts.sha256));
}

static sg_status index_candidates(struct search *search, const struct sg_certificate *const *all,
                                  size_t count, struct sg_error *err)
{
    search->sorted = calloc(count + 1, sizeof(const struct sg_certificate *));
    if (search->sorted == NULL) {
        return sg_fail_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        search->sorted[i] = all[i];
    }
    qsort(search->sorted, count, sizeof(const struct sg_certificate *), compare_entries);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_entries(&search->sorted[i], &search->sorted[i - 1]) != 0) {
            search->sorted[search->count++] = search->sorted[i];
        }
    }
    return SG_OK;
}

/* The first candidate whose subject has this hash, or count. */
static size_t first_of(const struct search *search, uint32_t hash)
{
    size_t low = 0;
    size_t high = search->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (search->sorted[middle]->subject_hash < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Name, and the key identifier where both sides have one (RFC 5280, 4.2.1.1): X509_verify_cert
 * insists on it too. */
static bool may_have_issued(const struct sg_certificate *issuer, const struct sg_certificate *c)
{
    if (X509_NAME_cmp(X509_get_issuer_name(c->x509), X509_get_subject_name(issuer->x509)) != 0) {
        return false;
    }
    SG_CLEANUP(AUTHORITY_KEYID_freep)
    AUTHORITY_KEYID *akid = X509_get_ext_d2i(c->x509, NID_authority_key_identifier, NULL, NULL);
    ERR_clear_error();
    return X509_check_akid(issuer->x509, akid) == X509_V_OK;
}

static bool check_signature(struct search *search, const struct sg_certificate *c,
                            const struct sg_certificate *issuer, struct sg_error *err)
{
    if (search->checks >= CHECKS_MAX) {
        search->exhausted = true;
        return false;
    }
    search->checks++;
    return sg_certificate_verify_issued(c, issuer, err) == SG_OK;
}

/* The same name with the same key leads nowhere new: this is what ends loops of cross-certificates.
 */
static bool is_in_walk(const struct search *search, const struct sg_certificate *c)
{
    for (size_t i = 0; i < search->walk.count; i++) {
        const struct sg_certificate *member = search->walk.members[i];
        if (member->subject_hash == c->subject_hash &&
            memcmp(member->facts.spki_sha256, c->facts.spki_sha256, 32) == 0) {
            return true;
        }
    }
    return false;
}

static void measure(struct path *path)
{
    path->from_s = INT64_MIN;
    path->until_s = INT64_MAX;
    for (size_t i = 0; i < path->count; i++) {
        const struct sg_certificate_facts *f = &path->members[i]->facts;
        path->from_s = f->not_before_s > path->from_s ? f->not_before_s : path->from_s;
        path->until_s = f->not_after_s < path->until_s ? f->not_after_s : path->until_s;
    }
}

static bool is_better(const struct path *a, bool a_bad, const struct path *b, bool b_bad)
{
    if (a->complete != b->complete) {
        return a->complete;
    }
    if (a_bad != b_bad) {
        return !a_bad;
    }
    bool a_possible = a->from_s <= a->until_s;
    if (a_possible != (b->from_s <= b->until_s)) {
        return a_possible;
    }
    if (a->until_s != b->until_s) {
        return a->until_s > b->until_s;
    }
    if (a->from_s != b->from_s) {
        return a->from_s < b->from_s;
    }
    return a->complete ? a->count < b->count : a->count > b->count;
}

/* The walk ends here; bad says why it ends with a signature that nobody verifies. */
static void consider(struct search *search, bool complete, const struct sg_error *bad)
{
    struct path path = search->walk;
    path.complete = complete;
    measure(&path);
    if (search->have_best && !is_better(&path, bad != NULL, &search->best, search->best_is_bad)) {
        return;
    }
    search->have_best = true;
    search->best = path;
    search->best_is_bad = bad != NULL;
    if (bad != NULL) {
        search->bad = *bad;
    }
}

static void walk_from(struct search *search, const struct sg_certificate *c);

static void step_to(struct search *search, const struct sg_certificate *issuer)
{
    if (search->walk.count == SG_CHAIN_MAX) {
        search->too_deep = true;
        return;
    }
    search->walk.members[search->walk.count++] = issuer;
    walk_from(search, issuer);
    search->walk.count--;
}

/* Go up through every candidate that issued c. Says whether there was one. */
static bool walk_issuers(struct search *search, const struct sg_certificate *c,
                         struct sg_error *bad)
{
    bool found = false;
    for (size_t i = first_of(search, c->issuer_hash);
         i < search->count && search->sorted[i]->subject_hash == c->issuer_hash; i++) {
        const struct sg_certificate *issuer = search->sorted[i];
        if (is_in_walk(search, issuer) || !may_have_issued(issuer, c)) {
            continue;
        }
        if (check_signature(search, c, issuer, bad)) {
            found = true;
            step_to(search, issuer);
        }
        if (search->exhausted) {
            return true;
        }
    }
    return found;
}

/* c is the last of the walk. */
static void walk_from(struct search *search, const struct sg_certificate *c)
{
    struct sg_error bad = SG_ERROR_INIT;
    if (c->facts.self_issued && may_have_issued(c, c) && check_signature(search, c, c, &bad)) {
        consider(search, true, NULL);
        return;
    }
    if (!walk_issuers(search, c, &bad) && !search->exhausted) {
        consider(search, false, bad.status != SG_OK ? &bad : NULL);
    }
}

static sg_status conclude(const struct search *search, struct sg_chain *out, struct sg_error *err)
{
    bool complete = search->have_best && search->best.complete;
    if (!complete && search->exhausted) {
        return sg_fail(err, SG_E_LIMIT, "too_many_candidates",
                       "no chain found within %d signature checks: too many certificates of the "
                       "same name",
                       CHECKS_MAX);
    }
    if (!complete && search->too_deep) {
        return sg_fail(err, SG_E_LIMIT, "chain_too_long", "the chain has more than %d certificates",
                       SG_CHAIN_MAX);
    }
    if (search->best_is_bad) {
        *err = search->bad;
        return err->status;
    }
    *out = (struct sg_chain){.count = search->best.count, .complete = complete};
    memcpy(out->members, search->best.members, sizeof(out->members));
    return SG_OK;
}

sg_status sg_chain_build(const struct sg_certificate *leaf,
                         const struct sg_certificate *const *candidates, size_t count,
                         struct sg_chain *out, struct sg_error *err)
{
    struct search search = {.walk = {.members = {leaf}, .count = 1}};
    sg_status s = index_candidates(&search, candidates, count, err);
    if (s == SG_OK) {
        walk_from(&search, leaf);
        s = conclude(&search, out, err);
    }
    free(search.sorted);
    return s;
}
