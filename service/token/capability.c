#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "grants_internal.h"

static sg_status fail_list(struct sg_error *err, const char *why)
{
    return sg_fail(err, SG_E_USAGE, "bad_key_list", "the key list %s", why);
}

static bool is_sealed(int fd)
{
    const int needed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & needed) == needed;
}

static bool row_valid(const struct sg_granted_key *row)
{
    return row->sign <= 1 && row->decrypt <= 1 && row->derive <= 1 && row->reserved == 0;
}

/* Searching by halving is only right in an ordered list, so the order is part of what is checked.
 */
static bool rows_valid(const struct sg_granted_key *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!row_valid(&rows[i]) ||
            (i > 0 && sg_granted_key_compare(&rows[i - 1], &rows[i]) >= 0)) {
            return false;
        }
    }
    return true;
}

sg_status sg_token_keys_read(int fd, size_t count, struct sg_key_list *out, struct sg_error *err)
{
    struct stat info;
    size_t len = count * sizeof(struct sg_granted_key);
    if (!is_sealed(fd) || fstat(fd, &info) != 0) {
        return fail_list(err, "is not sealed");
    }
    if ((uint64_t)info.st_size != len) {
        return fail_list(err, "has another length than announced");
    }
    SG_FREE struct sg_granted_key *rows = calloc(count + 1, sizeof *rows);
    if (rows == NULL) {
        return sg_fail_memory(err);
    }
    if (pread(fd, rows, len, 0) != (ssize_t)len) {
        return fail_list(err, "cannot be read");
    }
    if (!rows_valid(rows, count)) {
        return fail_list(err, "is not in order");
    }
    return sg_key_list_take(SG_STEAL(rows), count, out, err);
}

/* Raw RSA is signing and decryption in one: whoever may use it can do both. */
static bool allows(const struct sg_granted_key *key, const struct wire_call *call)
{
    bool raw = call->head.mechanism.kind == SG_MECHANISM_RSA_X_509;
    switch ((enum sg_key_verb)call->head.verb) {
    case SG_VERB_SIGN:
        return key->sign != 0 && (!raw || key->decrypt != 0);
    case SG_VERB_DECRYPT:
        return key->decrypt != 0 && (!raw || key->sign != 0);
    case SG_VERB_DERIVE:
        return key->derive != 0;
    }
    return false; /* an administrative verb */
}

sg_status sg_token_capability_check(const struct capability *capability,
                                    const struct wire_call *call, struct sg_error *err)
{
    const struct sg_granted_key asked = {.id = call->head.key, .ring = (uint32_t)call->head.number};
    const struct sg_granted_key *key = NULL;
    if (capability->list.count > 0) {
        key = bsearch(&asked, capability->list.keys, capability->list.count, sizeof asked,
                      sg_granted_key_compare);
    }
    if (key == NULL || !allows(key, call)) {
        return sg_fail(err, SG_E_DENIED, "not_granted", "this use of the key was not granted");
    }
    return SG_OK;
}
