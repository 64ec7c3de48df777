/* Aimed at: sg_softhsm_object_parse, SoftHSM's token.object as the guard finds it on the disk. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "softhsm_object_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ATTRIBUTE_MIN 17 /* bytes: type, kind, a bool */

static void require(bool invariant)
{
    if (!invariant) {
        abort();
    }
}

/* Every length to which a good one can be cut, but those between two attributes, is refused. */
static void check_cut(const uint8_t *data, size_t size)
{
    struct softhsm_object object;
    size_t accepted = 0;
    for (size_t len = 0; len < size; len++) {
        accepted += sg_softhsm_object_parse((struct sg_bytes){data, len}, &object) ? 1 : 0;
    }
    require(sg_softhsm_object_parse((struct sg_bytes){data, size}, &object));
    require(accepted + 1 == object.attributes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct softhsm_object object;
    if (size > SOFTHSM_OBJECT_MAX) {
        return 0;
    }
    if (!sg_softhsm_object_parse((struct sg_bytes){data, size}, &object)) {
        return 0;
    }
    require(object.attributes > 0 && object.attributes <= (size - 8) / ATTRIBUTE_MIN);
    require(strnlen(object.label, sizeof object.label) < sizeof object.label);
    require(strnlen(object.serial, sizeof object.serial) < sizeof object.serial);
    if (size < 4096) {
        check_cut(data, size);
    }
    return 0;
}
