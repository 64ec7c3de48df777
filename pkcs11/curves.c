#include "curves_internal.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <openssl/ec.h>

/* The DER of a curve's name: an OBJECT IDENTIFIER, tag, length and content (X.690, 8.19). */
enum { NAME_MAX_LEN = 16, CURVES_MAX = 8, TAG_OBJECT_IDENTIFIER = 0x06, DER_HEAD = 2 };

struct curve {
    unsigned char name[NAME_MAX_LEN];
    size_t len;
    EC_GROUP *group; /* nobody gets it but as a copy */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* modules may have threads */
static bool keeping;
static struct curve curves[CURVES_MAX];
static size_t kept;

void sg_pkcs11_curves_keep(void)
{
    (void)pthread_mutex_lock(&lock);
    keeping = true;
    (void)pthread_mutex_unlock(&lock);
}

size_t sg_pkcs11_curves_kept(void)
{
    (void)pthread_mutex_lock(&lock);
    size_t count = kept;
    (void)pthread_mutex_unlock(&lock);
    return count;
}

/* Bytes of the name that data begin with; 0: they begin with anything else. */
static size_t name_len(const unsigned char *data, long len)
{
    if (data == NULL || len <= DER_HEAD || data[0] != TAG_OBJECT_IDENTIFIER) {
        return 0;
    }
    size_t whole = (size_t)data[1] + DER_HEAD; /* long lengths are larger than any name */
    return whole <= NAME_MAX_LEN && whole <= (size_t)len ? whole : 0;
}

static EC_GROUP *copy_of(const unsigned char *name, size_t len)
{
    for (size_t i = 0; i < kept; i++) {
        if (curves[i].len == len && memcmp(curves[i].name, name, len) == 0) {
            return EC_GROUP_dup(curves[i].group);
        }
    }
    return NULL;
}

static void keep(const unsigned char *name, size_t len, const EC_GROUP *group)
{
    struct curve *curve = &curves[kept];
    curve->group = EC_GROUP_dup(group);
    if (curve->group != NULL) {
        memcpy(curve->name, name, len);
        curve->len = len;
        kept++;
    }
}

typedef EC_GROUP *decode_function(EC_GROUP **out, const unsigned char **data, long len);

static EC_GROUP *decode(EC_GROUP **out, const unsigned char **data, long len)
{
    static decode_function *libcrypto;
    if (libcrypto == NULL) {
        *(void **)&libcrypto = dlsym(RTLD_NEXT, "d2i_ECPKParameters");
    }
    return libcrypto != NULL ? libcrypto(out, data, len) : NULL;
}

static EC_GROUP *decode_kept(const unsigned char **data, long len, size_t whole)
{
    const unsigned char *name = *data;
    EC_GROUP *group = copy_of(name, whole);
    if (group != NULL) {
        *data += whole;
        return group;
    }
    group = decode(NULL, data, len);
    if (group != NULL && kept < CURVES_MAX) {
        keep(name, whole, group);
    }
    return group;
}

/* This takes the place of libcrypto's function for every shared library of the process (ELF symbol
 * look-up: the program comes first), and does what that one does. */
__attribute__((visibility("default"))) EC_GROUP *
d2i_ECPKParameters(EC_GROUP **out, const unsigned char **data, long len)
{
    (void)pthread_mutex_lock(&lock);
    size_t whole = keeping && out == NULL && data != NULL ? name_len(*data, len) : 0;
    EC_GROUP *group = whole > 0 ? decode_kept(data, len, whole) : decode(out, data, len);
    (void)pthread_mutex_unlock(&lock);
    return group;
}
