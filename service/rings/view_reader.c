#include <signet/rings/view.h>

#include "view_internal.h"

#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static sg_status bad(struct sg_error *err, const char *what)
{
    return sg_fail(err, SG_E_INPUT, "bad_view", "a view is malformed: %s", what);
}

/* Where the next table starts; false when it would not fit. The product of two 32-bit numbers
 * cannot overflow. */
static bool table(const unsigned char *block, size_t len, size_t *at, uint32_t count, size_t size,
                  const unsigned char **out)
{
    uint64_t bytes = (uint64_t)count * size;
    if (bytes > len - *at) {
        return false;
    }
    *out = block + *at;
    *at += (size_t)bytes;
    return true;
}

static bool lay_out(const unsigned char *block, size_t len, const struct sg_view_header *header,
                    struct sg_view *view)
{
    const unsigned char *slots = NULL;
    const unsigned char *objects = NULL;
    const unsigned char *attributes = NULL;
    const unsigned char *keys = NULL;
    size_t at = sizeof *header;
    if (!table(block, len, &at, header->slots, sizeof *view->slots, &slots) ||
        !table(block, len, &at, header->objects, sizeof *view->objects, &objects) ||
        !table(block, len, &at, header->attributes, sizeof *view->attributes, &attributes) ||
        !table(block, len, &at, header->keys, sizeof *view->keys, &keys)) {
        return false;
    }
    view->generation = header->generation;
    view->slots = (const void *)slots;
    view->slot_count = header->slots;
    view->objects = (const void *)objects;
    view->object_count = header->objects;
    view->attributes = (const void *)attributes;
    view->attribute_count = header->attributes;
    view->keys = (const void *)keys;
    view->key_count = header->keys;
    view->data = block + at;
    view->data_len = len - at;
    return true;
}

static bool slots_fit(const struct sg_view *view)
{
    size_t next = 0;
    for (size_t i = 0; i < view->slot_count; i++) {
        const struct sg_view_slot *slot = &view->slots[i];
        if (slot->first != next || slot->count > view->object_count - next) {
            return false;
        }
        next += slot->count;
    }
    return next == view->object_count;
}

static bool object_fits(const struct sg_view *view, const struct sg_view_object *object)
{
    if (object->handle == 0 || object->handle > INT32_MAX || object->hidden > 1) {
        return false;
    }
    switch (object->object_class) {
    case CKO_CERTIFICATE:
        return object->key == SG_VIEW_NO_KEY;
    case CKO_PRIVATE_KEY:
    case CKO_PUBLIC_KEY:
        return object->key < view->key_count;
    default:
        return false;
    }
}

static bool objects_fit(const struct sg_view *view)
{
    size_t next = 0;
    for (size_t i = 0; i < view->object_count; i++) {
        const struct sg_view_object *object = &view->objects[i];
        if (object->first != next || object->count > view->attribute_count - next ||
            !object_fits(view, object)) {
            return false;
        }
        next += object->count;
    }
    return next == view->attribute_count;
}

static bool attributes_fit(const struct sg_view *view)
{
    for (size_t i = 0; i < view->attribute_count; i++) {
        const struct sg_view_attribute *attribute = &view->attributes[i];
        if (attribute->at > view->data_len || attribute->len > view->data_len - attribute->at) {
            return false;
        }
    }
    return true;
}

static bool keys_fit(const struct sg_view *view)
{
    for (size_t i = 0; i < view->key_count; i++) {
        const struct sg_view_key *key = &view->keys[i];
        if ((key->family != SG_VIEW_RSA && key->family != SG_VIEW_EC) || key->may_decrypt > 1 ||
            key->may_derive > 1 || key->retired > 1 || key->token >= SG_TOKENS_MAX ||
            key->bits == 0 || key->bits > SG_VIEW_KEY_BITS_MAX) {
            return false;
        }
    }
    return true;
}

sg_status sg_view_parse(const void *block, size_t len, struct sg_view *out, struct sg_error *err)
{
    const struct sg_view_header *header = block;
    struct sg_view view = {.map = NULL};
    if (len < sizeof *header || len > SG_VIEW_MAX ||
        (uintptr_t)block % _Alignof(struct sg_view_header) != 0) {
        return bad(err, "its size");
    }
    if (memcmp(header->magic, SG_VIEW_MAGIC, sizeof header->magic) != 0 || header->length != len) {
        return bad(err, "its header");
    }
    if (!lay_out(block, len, header, &view)) {
        return bad(err, "its tables");
    }
    if (!slots_fit(&view) || !objects_fit(&view)) {
        return bad(err, "a slot or an object");
    }
    if (!attributes_fit(&view) || !keys_fit(&view)) {
        return bad(err, "an attribute or a key");
    }
    *out = view;
    return SG_OK;
}

/* What was checked must stay as it was: only a descriptor that nobody can write to any more is
 * worth checking. */
static bool is_sealed(int fd)
{
    const int needed = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & needed) == needed;
}

/* fstat(3) is newfstatat, which takes any path: a connection process may not call it. */
size_t sg_view_size(int fd)
{
    struct stat info;
    bool fits = syscall(SYS_fstat, fd, &info) == 0 && info.st_size > 0 &&
                info.st_size <= (off_t)SG_VIEW_MAX;
    return fits ? (size_t)info.st_size : 0;
}

static sg_status map_view(int fd, struct sg_view *view, struct sg_error *err)
{
    size_t size = sg_view_size(fd);
    if (!is_sealed(fd)) {
        return bad(err, "it is not sealed");
    }
    if (size == 0) {
        return bad(err, "its size");
    }
    /* MAP_PRIVATE: before Linux 6.7 a shared mapping of a sealed memfd is refused even for reading.
     */
    void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
        return sg_fail_errno(err, SG_E_NO_MEMORY, "no_memory", "cannot map a view");
    }
    sg_status s = sg_view_parse(map, size, view, err);
    if (s != SG_OK) {
        (void)munmap(map, size);
        return s;
    }
    view->map = map;
    view->map_len = size;
    return SG_OK;
}

sg_status sg_view_empty(struct sg_view **out, struct sg_error *err)
{
    struct sg_view *view = calloc(1, sizeof *view);
    if (view == NULL) {
        return sg_fail_memory(err);
    }
    *out = view;
    return SG_OK;
}

sg_status sg_view_open(int fd, struct sg_view **out, struct sg_error *err)
{
    SG_CLEANUP(sg_view_freep) struct sg_view *view = calloc(1, sizeof *view);
    if (view == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s = map_view(fd, view, err);
    if (s != SG_OK) {
        return s;
    }
    *out = SG_STEAL(view);
    return SG_OK;
}

struct sg_view *sg_view_keep(struct sg_view *view)
{
    if (view != NULL) {
        view->kept++;
    }
    return view;
}

void sg_view_free(struct sg_view *view)
{
    if (view == NULL) {
        return;
    }
    if (view->kept > 0) {
        view->kept--;
        return;
    }
    if (view->map != NULL) {
        (void)munmap(view->map, view->map_len);
    }
    free(view);
}

const struct sg_view_slot *sg_view_find_slot(const struct sg_view *view, uint64_t number)
{
    for (size_t i = 0; i < view->slot_count; i++) {
        if (view->slots[i].number == number) {
            return &view->slots[i];
        }
    }
    return NULL;
}

const struct sg_view_object *sg_view_find_object(const struct sg_view *view,
                                                 const struct sg_view_slot *slot, uint64_t handle)
{
    for (size_t i = 0; slot != NULL && i < slot->count; i++) {
        if (view->objects[slot->first + i].handle == handle) {
            return &view->objects[slot->first + i];
        }
    }
    return NULL;
}

bool sg_view_find_attribute(const struct sg_view *view, const struct sg_view_object *object,
                            uint64_t type, struct sg_bytes *out)
{
    for (size_t i = 0; i < object->count; i++) {
        const struct sg_view_attribute *attribute = &view->attributes[object->first + i];
        if (attribute->type == type) {
            *out = (struct sg_bytes){view->data + attribute->at, attribute->len};
            return true;
        }
    }
    return false;
}

const struct sg_view_key *sg_view_key_of(const struct sg_view *view,
                                         const struct sg_view_object *object)
{
    return object->key == SG_VIEW_NO_KEY ? NULL : &view->keys[object->key];
}
