#include <signet/cli/base64.h>

#include <limits.h>
#include <string.h>

#include <openssl/evp.h>

json_t *sg_base64_json(struct sg_bytes data)
{
    if (data.len > INT_MAX / 2) {
        return NULL;
    }
    SG_FREE char *text = malloc((data.len + 2) / 3 * 4 + 1);
    if (text == NULL) {
        return NULL;
    }
    int len = EVP_EncodeBlock((unsigned char *)text, data.data, (int)data.len);
    return len >= 0 ? json_stringn(text, (size_t)len) : NULL;
}

static sg_status bad(struct sg_error *err)
{
    return sg_fail(err, SG_E_SERVICE, "bad_answer", "the service answered what is no base64");
}

sg_status sg_base64_read(const json_t *text, struct sg_buffer *out, struct sg_error *err)
{
    const char *from = json_string_value(text);
    size_t len = json_string_length(text);
    if (from == NULL || len == 0 || len % 4 != 0 || len > INT_MAX) {
        return bad(err);
    }
    /* EVP_DecodeBlock counts the padding as bytes, and takes it anywhere. */
    size_t padding = len - strcspn(from, "=");
    if (padding > 2) {
        return bad(err);
    }
    unsigned char *to = NULL;
    sg_status s = sg_buffer_reserve(out, len / 4 * 3, &to, err);
    if (s != SG_OK) {
        return s;
    }
    int made = EVP_DecodeBlock(to, (const unsigned char *)from, (int)len);
    if (made < 0 || (size_t)made <= padding || memcmp(from + len - padding, "==", padding) != 0) {
        return bad(err);
    }
    out->len += (size_t)made - padding;
    return SG_OK;
}
