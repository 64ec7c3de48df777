/* The rings that a caller may read, out of thousands: whose they could be follows from attachments
 * and profiles, then each is asked for by the gate. */
#include "run_internal.h"

#include <string.h>

/* The last of all owners' names: they are ASCII. */
#define LAST "\x7f"

/* Owners from first to last; both are names or beginnings of names. */
struct range {
    char first[SG_OWNER_MAX + 2];
    char last[SG_OWNER_MAX + 2];
};

struct search {
    const struct sg_profiles *profiles;
    const struct sg_caller *caller;
    struct range *ranges;
    size_t count, capacity;
    sg_ring_sink sink;
    sg_ring_outline_sink outline_sink;
    void *context;
};

static void search_done(struct search *search)
{
    free(search->ranges);
}

static sg_status add_range(struct search *search, const char *owner, size_t len, const char *end,
                           struct sg_error *err)
{
    if (search->count == search->capacity) {
        size_t capacity = search->capacity == 0 ? 16 : search->capacity * 2;
        struct range *ranges = reallocarray(search->ranges, capacity, sizeof *ranges);
        if (ranges == NULL) {
            return sg_fail_memory(err);
        }
        search->ranges = ranges;
        search->capacity = capacity;
    }
    struct range *range = &search->ranges[search->count++];
    snprintf(range->first, sizeof range->first, "%.*s", (int)len, owner);
    snprintf(range->last, sizeof range->last, "%.*s%s", (int)len, owner, end);
    return SG_OK;
}

/* Whose rings a profile's name could cover: the plain beginning is OWNER.RING… or a part of OWNER.
 * An owner's name may hold dots itself, so each beginning that ends at one could be an owner. */
static sg_status add_owners(struct search *search, const char *profile, struct sg_error *err)
{
    size_t plain = strcspn(profile, "%*");
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < plain && i <= SG_OWNER_MAX; i++) {
        if (profile[i] == '.') {
            s = add_range(search, profile, i, "", err);
        }
    }
    bool open = plain <= SG_OWNER_MAX && profile[plain] != '\0';
    return s == SG_OK && open ? add_range(search, profile, plain, LAST, err) : s;
}

static sg_status collect(struct search *search, struct sg_error *err)
{
    const struct sg_caller *caller = search->caller;
    const struct sg_request all = {.function = SG_FUNCTION_LISTRING,
                                   .owner = "MULTIID"}; /* nobody's own */
    if (caller->administrator || sg_authority_allows(search->profiles, caller, &all)) {
        return add_range(search, "", 0, LAST, err);
    }
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < caller->owner_count; i++) {
        s = add_range(search, caller->owners[i], strlen(caller->owners[i]), "", err);
    }
    size_t end = search->profiles->classes[SG_CLASS_RDATALIB].end;
    for (size_t i = search->profiles->classes[SG_CLASS_RDATALIB].first; s == SG_OK && i < end;
         i++) {
        const struct sg_profile *profile = &search->profiles->list[i];
        const struct sg_permit *permit = NULL;
        if (sg_profile_held(profile, caller, &permit) >= SG_LEVEL_READ) {
            s = add_owners(search, profile->name, err);
        }
    }
    return s;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct range *)a)->first, ((const struct range *)b)->first);
}

/* Sorted, and none begins before another ends: no ring is seen twice. */
static void merge(struct search *search)
{
    size_t kept = 0;
    if (search->count > 0) {
        qsort(search->ranges, search->count, sizeof *search->ranges, compare);
    }
    for (size_t i = 0; i < search->count; i++) {
        const struct range *next = &search->ranges[i];
        struct range *before = kept > 0 ? &search->ranges[kept - 1] : NULL;
        if (before == NULL || strcmp(next->first, before->last) > 0) {
            search->ranges[kept++] = *next;
        } else if (strcmp(next->last, before->last) > 0) {
            memcpy(before->last, next->last, sizeof before->last);
        }
    }
    search->count = kept;
}

static bool is_visible(void *context, const char *owner, const char *ring)
{
    const struct search *search = context;
    return sg_authority_ring_visible(search->profiles, search->caller, owner, ring);
}

static sg_status hand_on(void *context, const struct sg_ring_row *row, struct sg_error *err)
{
    const struct search *search = context;
    return search->sink(search->context, row, err);
}

static sg_status hand_outline_on(void *context, const struct sg_ring_outline *ring,
                                 struct sg_error *err)
{
    const struct search *search = context;
    return search->outline_sink(search->context, ring, err);
}

sg_status sg_visible_ring_outlines(struct sg_service *service, const struct sg_profiles *profiles,
                                   const struct sg_caller *caller, sg_ring_outline_sink sink,
                                   void *context, struct sg_error *err)
{
    SG_CLEANUP(search_done)
    struct search search = {
        .profiles = profiles, .caller = caller, .outline_sink = sink, .context = context};
    sg_status s = collect(&search, err);
    merge(&search);
    for (size_t i = 0; s == SG_OK && i < search.count; i++) {
        s = sg_store_ring_outlines_between(service->store, search.ranges[i].first,
                                           search.ranges[i].last, is_visible, hand_outline_on,
                                           &search, err);
    }
    return s;
}

sg_status sg_visible_rings(struct sg_service *service, const struct sg_profiles *profiles,
                           const struct sg_caller *caller, sg_ring_sink sink, void *context,
                           struct sg_error *err)
{
    SG_CLEANUP(search_done)
    struct search search = {
        .profiles = profiles, .caller = caller, .sink = sink, .context = context};
    sg_status s = collect(&search, err);
    merge(&search);
    for (size_t i = 0; s == SG_OK && i < search.count; i++) {
        s = sg_store_ring_each_between(service->store, search.ranges[i].first,
                                       search.ranges[i].last, is_visible, hand_on, &search, err);
    }
    return s;
}
