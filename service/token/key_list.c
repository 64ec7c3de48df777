#include <signet/token/key_list.h>

#include <string.h>

#include <signet/base/unconst.h>

_Static_assert(sizeof(struct sg_granted_key) % sizeof(uint64_t) == 0, "keys are read in words");

/* Whose keys collide by intent costs a comparison, nothing else. */
static uint64_t digest(const struct sg_granted_key *keys, size_t count)
{
    const unsigned char *at = (const unsigned char *)keys;
    uint64_t mixed = count;
    for (size_t left = count * sizeof *keys; left > 0; left -= sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, at, sizeof word);
        at += sizeof word;
        mixed = (mixed ^ word) * 0x9e3779b97f4a7c15u;
        mixed ^= mixed >> 32;
    }
    return mixed;
}

sg_status sg_key_list_take(struct sg_granted_key *keys, size_t count, struct sg_key_list *out,
                           struct sg_error *err)
{
    *out = (struct sg_key_list){0};
    if (count == 0) {
        free(keys);
        return SG_OK;
    }
    size_t *holders = malloc(sizeof *holders);
    if (holders == NULL) {
        free(keys);
        return sg_fail_memory(err);
    }
    struct sg_granted_key *fitting = realloc(keys, count * sizeof *keys);
    keys = fitting != NULL ? fitting : keys;
    *holders = 1;
    *out = (struct sg_key_list){
        .keys = keys, .count = count, .digest = digest(keys, count), .holders = holders};
    return SG_OK;
}

void sg_key_list_done(struct sg_key_list *list)
{
    if (list->holders != NULL && --*list->holders == 0) {
        free(sg_unconst(list->keys));
        free(list->holders);
    }
    *list = (struct sg_key_list){0};
}

bool sg_key_list_equal(const struct sg_key_list *a, const struct sg_key_list *b)
{
    return a->keys == b->keys || (a->count == b->count && a->digest == b->digest && a->count > 0 &&
                                  memcmp(a->keys, b->keys, a->count * sizeof *a->keys) == 0);
}

struct sg_key_list sg_key_list_share(const struct sg_key_list *list)
{
    if (list->holders != NULL) {
        ++*list->holders;
    }
    return *list;
}

bool sg_key_list_join(struct sg_key_list *list, const struct sg_key_list *other)
{
    if (!sg_key_list_equal(list, other)) {
        return false;
    }
    struct sg_key_list own = *list;
    *list = sg_key_list_share(other);
    sg_key_list_done(&own);
    return true;
}
