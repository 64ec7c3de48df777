/* Aimed at: sg_watch_state_read, what a watch finds of one before it: nothing, or a sequence that
 * it may take for done. The input is the state of a watch for A/B C. */
#include <string.h>

#include "memory_file.h"
#include "watch_internal.h"

#define RING "A/B C"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Only what a watch writes is believed, blanks and zeros before the number apart. */
static bool is_written(const uint8_t *data, size_t size, int64_t done)
{
    char expected[64];
    int len = snprintf(expected, sizeof expected, "%lld\n", (long long)done);
    return size > sizeof RING && memcmp(data, RING " ", sizeof RING) == 0 && (size_t)len < size &&
           memcmp(data + size - (size_t)len, expected, (size_t)len) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory_file file = memory_file_new(data, size);
    struct sg_watch_state state = {.path = file.path, .ring = RING, .done = -2};
    sg_watch_state_read(&state);
    if (state.done != SG_WATCH_NOTHING && !is_written(data, size, state.done)) {
        abort();
    }
    (void)close(file.fd);
    return 0;
}
