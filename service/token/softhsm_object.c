#include "softhsm_object_internal.h"

#include <stdint.h>
#include <string.h>

#define TYPE_LABEL 0x80005349u  /* CKA_OS_TOKENLABEL */
#define TYPE_SERIAL 0x8000534au /* CKA_OS_TOKENSERIAL */

enum kind { KIND_BOOL = 1, KIND_NUMBER = 2, KIND_BYTES = 3 };

static bool take_number(struct sg_bytes *rest, uint64_t *out)
{
    if (rest->len < 8) {
        return false;
    }
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8 | rest->data[i];
    }
    rest->data += 8;
    rest->len -= 8;
    *out = value;
    return true;
}

static bool take_bytes(struct sg_bytes *rest, uint64_t len, struct sg_bytes *out)
{
    if (len > rest->len) {
        return false;
    }
    *out = (struct sg_bytes){rest->data, (size_t)len};
    rest->data += len;
    rest->len -= (size_t)len;
    return true;
}

static bool take_value(struct sg_bytes *rest, uint64_t kind, struct sg_bytes *out)
{
    uint64_t len = 0;
    switch (kind) {
    case KIND_BOOL:
        return take_bytes(rest, 1, out);
    case KIND_NUMBER:
        return take_bytes(rest, 8, out);
    case KIND_BYTES:
        return take_number(rest, &len) && take_bytes(rest, len, out);
    default:
        return false; /* maps and mechanism sets do not occur in a token.object */
    }
}

/* Blank-padded text of up to room-1 bytes. */
static void copy_text(struct sg_bytes value, char *out, size_t room)
{
    size_t len = value.len < room - 1 ? value.len : room - 1;
    while (len > 0 && value.data[len - 1] == ' ') {
        len--;
    }
    memcpy(out, value.data, len);
    out[len] = '\0';
}

bool sg_softhsm_object_parse(struct sg_bytes file, struct softhsm_object *out)
{
    struct softhsm_object object = {0};
    struct sg_bytes rest = file;
    uint64_t generation = 0;
    if (!take_number(&rest, &generation)) {
        return false;
    }
    while (rest.len > 0) {
        uint64_t type = 0;
        uint64_t kind = 0;
        struct sg_bytes value = {0};
        if (!take_number(&rest, &type) || !take_number(&rest, &kind) ||
            !take_value(&rest, kind, &value)) {
            return false;
        }
        if (type == TYPE_LABEL) {
            copy_text(value, object.label, sizeof object.label);
        } else if (type == TYPE_SERIAL) {
            copy_text(value, object.serial, sizeof object.serial);
        }
        object.attributes++;
    }
    *out = object;
    return object.attributes > 0;
}
