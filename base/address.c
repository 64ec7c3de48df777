#include <signet/base/address.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* p11-kit decodes %XX in an address; ';' and ',' would end it. */
static bool is_plain(char c)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./\\";
    return strchr(plain, c) != NULL;
}

void sg_address_of_socket(const char *path, struct sg_address *out)
{
    size_t size = sizeof out->text;
    size_t len = (size_t)snprintf(out->text, size, "unix:path=");
    for (; *path != '\0' && len + 4 < size; path++) {
        char *end = out->text + len;
        int made = is_plain(*path) ? snprintf(end, size - len, "%c", *path)
                                   : snprintf(end, size - len, "%%%02X", (unsigned char)*path);
        len += made > 0 ? (size_t)made : 0;
    }
}
