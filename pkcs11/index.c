#include "index_internal.h"

#include <string.h>

#define FIRST_PLACES 256

void sg_pkcs11_index_done(struct index *index)
{
    free(index->entries);
    *index = (struct index){0};
}

void sg_pkcs11_index_clear(struct index *index)
{
    if (index->entries != NULL) {
        memset(index->entries, 0, index->places * sizeof *index->entries);
    }
    index->used = 0;
    memset(index->present, 0, sizeof index->present);
}

/* Our own identifiers are random, others' are often small numbers: mix both halves. */
static size_t start_of(const struct index *index, enum sg_pkcs11_class object_class,
                       const struct sg_pkcs11_id *id)
{
    uint64_t high = 0;
    uint64_t low = 0;
    memcpy(&high, id->bytes, sizeof high);
    memcpy(&low, id->bytes + sizeof high, sizeof low);
    uint64_t mixed = (high + (uint64_t)object_class) * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 32) ^ low) * 0xd6e8feb86659fd93u;
    return (size_t)(mixed >> 32) & (index->places - 1);
}

/* The entry, or the free place where it would stand. places must not be 0; a free place always
 * exists. */
static struct index_entry *place_of(const struct index *index, enum sg_pkcs11_class object_class,
                                    const struct sg_pkcs11_id *id)
{
    for (size_t i = start_of(index, object_class, id);; i = (i + 1) & (index->places - 1)) {
        struct index_entry *entry = &index->entries[i];
        if (entry->state == INDEX_EMPTY ||
            (entry->object_class == object_class &&
             memcmp(entry->id.bytes, id->bytes, sizeof id->bytes) == 0)) {
            return entry;
        }
    }
}

static bool is_there(const struct index_entry *entry)
{
    return entry->state == INDEX_PRESENT || entry->state == INDEX_UNNUMBERED;
}

static void insert(struct index *index, const struct index_entry *entry)
{
    struct index_entry *place =
        place_of(index, (enum sg_pkcs11_class)entry->object_class, &entry->id);
    if (place->state == INDEX_EMPTY) {
        index->used++;
    }
    index->present[entry->object_class] -= is_there(place) ? 1 : 0;
    *place = *entry;
    index->present[entry->object_class] += is_there(entry) ? 1 : 0;
}

/* Move all entries (with drop_missing, but the missing ones) into a table of that many places. */
static bool rebuild(struct index *index, size_t places, bool drop_missing)
{
    struct index fresh = {.entries = calloc(places, sizeof *fresh.entries), .places = places};
    if (fresh.entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < index->places; i++) {
        const struct index_entry *entry = &index->entries[i];
        if (entry->state != INDEX_EMPTY && !(drop_missing && entry->state == INDEX_MISSING)) {
            insert(&fresh, entry);
        }
    }
    sg_pkcs11_index_done(index);
    *index = fresh;
    return true;
}

void sg_pkcs11_index_forget_missing(struct index *index)
{
    size_t present = 0;
    for (size_t i = 0; i < SG_PKCS11_CLASS_COUNT; i++) {
        present += index->present[i];
    }
    if (present < index->used && !rebuild(index, index->places, true)) {
        sg_pkcs11_index_clear(index); /* no memory: everything is looked up again, one by one */
    }
}

void sg_pkcs11_index_forget_handles(struct index *index)
{
    sg_pkcs11_index_forget_missing(index);
    for (size_t i = 0; i < index->places; i++) {
        struct index_entry *entry = &index->entries[i];
        if (entry->state == INDEX_PRESENT) {
            entry->state = INDEX_UNNUMBERED;
        }
    }
}

enum index_state sg_pkcs11_index_get(const struct index *index, enum sg_pkcs11_class object_class,
                                     const struct sg_pkcs11_id *id, unsigned long *handle)
{
    if (index->places == 0) {
        return INDEX_EMPTY;
    }
    const struct index_entry *entry = place_of(index, object_class, id);
    *handle = entry->handle;
    return (enum index_state)entry->state;
}

sg_status sg_pkcs11_index_put(struct index *index, enum sg_pkcs11_class object_class,
                              const struct sg_pkcs11_id *id, enum index_state state,
                              unsigned long handle, struct sg_error *err)
{
    if (2 * (index->used + 1) > index->places) {
        size_t places = index->places == 0 ? FIRST_PLACES : 2 * index->places;
        if (places > INDEX_MAX) {
            return sg_fail(err, SG_E_LIMIT, "too_many_objects", "the token holds too many objects");
        }
        if (!rebuild(index, places, false)) {
            return sg_fail_memory(err);
        }
    }
    insert(index, &(struct index_entry){.id = *id,
                                        .handle = handle,
                                        .object_class = (uint8_t)object_class,
                                        .state = (uint8_t)state});
    return SG_OK;
}

/* Linear probing has no holes: what stands behind the gap, and was put there because the gap was
 * taken, moves into it. */
static void close_gap(struct index *index, size_t gap)
{
    size_t last = index->places - 1;
    for (size_t i = (gap + 1) & last; index->entries[i].state != INDEX_EMPTY; i = (i + 1) & last) {
        const struct index_entry *entry = &index->entries[i];
        size_t start = start_of(index, (enum sg_pkcs11_class)entry->object_class, &entry->id);
        if (((i - start) & last) >= ((i - gap) & last)) {
            index->entries[gap] = *entry;
            gap = i;
        }
    }
    index->entries[gap] = (struct index_entry){.state = INDEX_EMPTY};
}

void sg_pkcs11_index_drop(struct index *index, enum sg_pkcs11_class object_class,
                          const struct sg_pkcs11_id *id)
{
    if (index->places == 0) {
        return;
    }
    const struct index_entry *entry = place_of(index, object_class, id);
    if (entry->state != INDEX_EMPTY) {
        index->used--;
        index->present[object_class] -= is_there(entry) ? 1 : 0;
        close_gap(index, (size_t)(entry - index->entries));
    }
}
