/* Chains from what the store has: the certificate's owner first, then CERTAUTH. */
#include "run_internal.h"

#include <string.h>

void sg_found_chain_done(struct sg_found_chain *found)
{
    for (size_t i = 0; i < found->kept_count; i++) {
        sg_certificate_free(found->kept[i]);
        found->kept[i] = NULL;
    }
    found->kept_count = 0;
}

struct search {
    struct sg_found_chain *found;
    const struct sg_certificate *leaf;
};

static bool kept_already(const struct sg_found_chain *found,
                         const struct sg_certificate_facts *facts)
{
    for (size_t i = 0; i < found->kept_count; i++) {
        const struct sg_certificate_facts *other = sg_certificate_facts(found->kept[i]);
        if (memcmp(other->sha256, facts->sha256, sizeof facts->sha256) == 0) {
            return true;
        }
    }
    return false;
}

static sg_status keep(void *context, const struct sg_certificate_row *row, struct sg_error *err)
{
    struct search *search = context;
    struct sg_found_chain *found = search->found;
    if (found->kept_count == SG_COUNT(found->kept)) {
        return SG_OK; /* more issuers of one name than a chain can have members: the first are
                         enough */
    }
    SG_CERTIFICATE *certificate = NULL;
    sg_status s =
        sg_certificate_parse((struct sg_bytes){row->der, row->der_len}, &certificate, err);
    if (s != SG_OK) {
        return s;
    }
    if (kept_already(found, sg_certificate_facts(certificate))) {
        return SG_OK;
    }
    size_t i = found->kept_count++;
    found->names[i] = row->name;
    found->trust[i] = row->trust;
    found->kept[i] = SG_STEAL(certificate);
    return SG_OK;
}

static sg_status search_issuer(struct sg_service *service, const char *owner, struct search *search,
                               const struct sg_certificate_facts *of, struct sg_error *err)
{
    struct sg_certificate_filter filter = {.owner = owner,
                                           .subject = of->issuer.data,
                                           .subject_len = of->issuer.len,
                                           .limit = SG_COUNT(search->found->kept)};
    sg_status s = sg_store_certificate_each(service->store, &filter, keep, search, err);
    if (s == SG_OK && strcmp(owner, "CERTAUTH") != 0) {
        filter.owner = "CERTAUTH";
        s = sg_store_certificate_each(service->store, &filter, keep, search, err);
    }
    return s;
}

/* Certificates whose issuers are still to be looked for. Bounded as a chain is: what does not fit
 * could not become a member either, but for many issuers of one name. */
struct queue {
    const struct sg_certificate *items[SG_CHAIN_MAX * 8];
    size_t count;
};

static void enqueue(struct queue *queue, const struct sg_certificate *certificate)
{
    for (size_t i = 0; i < queue->count; i++) {
        if (queue->items[i] == certificate) {
            return;
        }
    }
    if (queue->count < SG_COUNT(queue->items)) {
        queue->items[queue->count++] = certificate;
    }
}

static bool is_named(struct sg_bytes subject, struct sg_bytes issuer)
{
    return subject.len == issuer.len && memcmp(subject.data, issuer.data, subject.len) == 0;
}

/* Everything that could stand above the leaf: from the store, and reached by way of the extra ones,
 * of which there may be a thousand. */
static sg_status collect(struct sg_service *service, const char *owner, struct search *search,
                         const struct sg_certificate *const *extra, size_t extra_count,
                         struct sg_error *err)
{
    struct queue queue = {.items = {search->leaf}, .count = 1};
    struct sg_error ignored = SG_ERROR_INIT;
    sg_status s = SG_OK;
    if (sg_certificate_facts(search->leaf)->self_issued &&
        sg_certificate_verify_issued(search->leaf, search->leaf, &ignored) == SG_OK) {
        return SG_OK; /* it is its own chain, and there may be many of its name */
    }
    for (size_t next = 0; s == SG_OK && next < queue.count; next++) {
        const struct sg_certificate_facts *facts = sg_certificate_facts(queue.items[next]);
        size_t before = search->found->kept_count;
        if (next > 0 && facts->self_issued) {
            continue; /* its issuer has its name, and whoever brought it here looked for that */
        }
        s = search_issuer(service, owner, search, facts, err);
        for (size_t i = before; i < search->found->kept_count; i++) {
            enqueue(&queue, search->found->kept[i]);
        }
        for (size_t i = 0; i < extra_count; i++) {
            if (is_named(sg_certificate_facts(extra[i])->subject, facts->issuer)) {
                enqueue(&queue, extra[i]);
            }
        }
    }
    return s;
}

sg_status sg_chain_find(struct sg_service *service, const char *owner,
                        const struct sg_certificate *leaf,
                        const struct sg_certificate *const *extra, size_t extra_count,
                        struct sg_found_chain *out, struct sg_error *err)
{
    struct search search = {.found = out, .leaf = leaf};
    sg_status s = collect(service, owner, &search, extra, extra_count, err);
    if (s != SG_OK) {
        return s;
    }
    size_t count = extra_count + out->kept_count;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): it is pointers that are meant */
    SG_FREE const struct sg_certificate **all = calloc(count + 1, sizeof *all);
    if (all == NULL) {
        return sg_fail_memory(err);
    }
    for (size_t i = 0; i < out->kept_count; i++) {
        all[i] = out->kept[i];
    }
    for (size_t i = 0; i < extra_count; i++) {
        all[out->kept_count + i] = extra[i];
    }
    return sg_chain_build(leaf, all, count, &out->chain, err);
}

int sg_found_chain_index(const struct sg_found_chain *found, size_t member)
{
    for (size_t i = 0; i < found->kept_count; i++) {
        /* by what it is: one that came in the bundle too must not lose its place, or its NOTRUST */
        const struct sg_certificate *wanted = found->chain.members[member];
        if (memcmp(sg_certificate_facts(found->kept[i])->sha256,
                   sg_certificate_facts(wanted)->sha256, 32) == 0) {
            return (int)i;
        }
    }
    return -1;
}
