/* Aims at: sg_view_parse and the readers over what it lets pass (service/rings/view_reader.c). A
 * view comes from control, but the process that maps it trusts nothing: no number in it may lead
 * outside the block. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "view_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct block {
    const unsigned char *start, *end;
};

static void must_lie_within(const struct block *block, const void *at, size_t len)
{
    const unsigned char *bytes = at;
    if (bytes < block->start || bytes > block->end || len > (size_t)(block->end - bytes)) {
        abort();
    }
}

static unsigned read_object(const struct block *block, const struct sg_view *view,
                            const struct sg_view_object *object)
{
    unsigned sum = 0;
    const struct sg_view_key *key = sg_view_key_of(view, object);
    must_lie_within(block, object, sizeof *object);
    if (key != NULL) {
        must_lie_within(block, key, sizeof *key);
        sum += key->token;
    }
    for (uint32_t i = 0; i < object->count; i++) {
        struct sg_bytes value = {NULL, 0};
        must_lie_within(block, &view->attributes[object->first + i],
                        sizeof(struct sg_view_attribute));
        if (!sg_view_find_attribute(view, object, view->attributes[object->first + i].type,
                                    &value)) {
            abort();
        }
        must_lie_within(block, value.data, value.len);
        for (size_t j = 0; j < value.len; j++) {
            sum += value.data[j];
        }
    }
    return sum;
}

static unsigned read_view(const struct block *block, const struct sg_view *view)
{
    unsigned sum = 0;
    for (size_t i = 0; i < view->slot_count; i++) {
        const struct sg_view_slot *slot = &view->slots[i];
        must_lie_within(block, slot, sizeof *slot);
        if (sg_view_find_slot(view, slot->number) == NULL) {
            abort();
        }
        for (uint32_t j = 0; j < slot->count; j++) {
            const struct sg_view_object *object = &view->objects[slot->first + j];
            sum += read_object(block, view, object);
            if (sg_view_find_object(view, slot, object->handle) == NULL) {
                abort();
            }
        }
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view view;
    unsigned char *copy =
        malloc(size > 0 ? size : 1); /* aligned, and with an end that sanitizers see */
    if (copy == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    if (sg_view_parse(copy, size, &view, &err) == SG_OK) {
        struct block block = {copy, copy + size};
        volatile unsigned sum = read_view(&block, &view);
        (void)sum;
    } else if (err.status != SG_E_INPUT || err.text[0] == '\0') {
        abort();
    }
    free(copy);
    return 0;
}
