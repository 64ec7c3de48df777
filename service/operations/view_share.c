#include "view_share.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sg_view_shares_done(struct view_shares *shares)
{
    free(shares->list);
    *shares = (struct view_shares){.count = 0};
}

static sg_status append(struct view_shares *shares, const char *owner, struct sg_error *err)
{
    if (shares->count == shares->capacity) {
        size_t capacity = shares->capacity == 0 ? 16 : shares->capacity * 2;
        struct view_share *list = reallocarray(shares->list, capacity, sizeof *list);
        if (list == NULL) {
            return sg_fail_memory(err);
        }
        shares->list = list;
        shares->capacity = capacity;
    }
    struct view_share *share = &shares->list[shares->count++];
    *share = (struct view_share){.bytes = 0};
    snprintf(share->owner, sizeof share->owner, "%s", owner);
    return SG_OK;
}

sg_status sg_view_shares_add(struct view_shares *shares, const char *owner, size_t bytes,
                             struct sg_error *err)
{
    if (shares->count == 0 || strcmp(shares->list[shares->count - 1].owner, owner) != 0) {
        sg_status s = append(shares, owner, err);
        if (s != SG_OK) {
            return s;
        }
    }
    shares->list[shares->count - 1].bytes += bytes;
    return SG_OK;
}

static int compare(const void *a, const void *b)
{
    size_t left = ((const struct view_share *)a)->bytes;
    size_t right = ((const struct view_share *)b)->bytes;
    return (left > right) - (left < right);
}

size_t sg_view_shares_most(const struct view_shares *shares, size_t room)
{
    if (shares->count > 0) {
        qsort(shares->list, shares->count, sizeof *shares->list, compare);
    }
    for (size_t i = 0; i < shares->count; i++) {
        size_t equal = room / (shares->count - i);
        if (shares->list[i].bytes > equal) {
            return equal;
        }
        room -= shares->list[i].bytes;
    }
    return SIZE_MAX;
}
