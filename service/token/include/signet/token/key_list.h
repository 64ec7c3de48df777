/* Lists of granted keys. Whoever may use many keys may have many connections: equal lists are held
 * in memory once. One thread. */
#ifndef SIGNET_TOKEN_KEY_LIST_H
#define SIGNET_TOKEN_KEY_LIST_H

#include <signet/token/client.h>

/** Starts as {0}: no key. Copied by sg_key_list_share only. */
struct sg_key_list {
    const struct sg_granted_key *keys; /**< ascending (sg_granted_key_compare), each once */
    size_t count;
    uint64_t digest; /**< of all of them: lists that differ mostly differ in it */
    size_t *holders; /**< how many lists share the keys; NULL where there are none */
};
#define SG_KEY_LIST SG_CLEANUP(sg_key_list_done) struct sg_key_list

/** Make a list of keys from malloc(3), which it takes and gives back what they do not fill of it;
 * without memory they are freed. */
SG_CHECKED sg_status sg_key_list_take(struct sg_granted_key *keys, size_t count,
                                      struct sg_key_list *out, struct sg_error *err);
/** Make it empty; the keys are freed with the last list that shares them. */
void sg_key_list_done(struct sg_key_list *list);
bool sg_key_list_equal(const struct sg_key_list *a, const struct sg_key_list *b);
/** Hand it over: the list is empty afterwards. */
static inline struct sg_key_list sg_key_list_steal(struct sg_key_list *list)
{
    struct sg_key_list stolen = *list;
    *list = (struct sg_key_list){0};
    return stolen;
}
/** Another list of the same keys. */
struct sg_key_list sg_key_list_share(const struct sg_key_list *list);
/** Where both are equal: let the list share the keys of the other, and free its own. */
bool sg_key_list_join(struct sg_key_list *list, const struct sg_key_list *other);

#endif
