/* What SoftHSM calls is what is taken over here; OpenSSL 3 would have it call something newer. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "rsa_keys_internal.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>

#include <openssl/rsa.h>

#include <p11-kit/pkcs11.h>

#include <signet/base/cleanup.h>

SG_DEFINE_CLEANUP(RSA *, RSA_free)

enum part { MODULUS, PUBLIC, PRIVATE, PRIME1, PRIME2, EXPONENT1, EXPONENT2, COEFFICIENT, PARTS };

struct place {
    CK_OBJECT_HANDLE copy;
    RSA *key; /* ours: no module has it. NULL: nothing is kept here */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* modules may have threads */
static struct place places[SG_PKCS11_RSA_KEYS_MAX];
static size_t kept;
static _Thread_local CK_OBJECT_HANDLE in_use = CK_INVALID_HANDLE;

/* Handles are counted up: two that share a place are rare, and the second is used as the module
 * makes it. */
static struct place *place_of(CK_OBJECT_HANDLE copy)
{
    return &places[copy % SG_PKCS11_RSA_KEYS_MAX];
}

static void empty(struct place *place)
{
    if (place->key != NULL) {
        RSA_free(place->key);
        *place = (struct place){.key = NULL};
        kept--;
    }
}

void sg_pkcs11_rsa_keys_begin(unsigned long copy)
{
    in_use = copy;
}

void sg_pkcs11_rsa_keys_end(void)
{
    in_use = CK_INVALID_HANDLE;
}

void sg_pkcs11_rsa_keys_forget(unsigned long copy)
{
    (void)pthread_mutex_lock(&lock);
    if (place_of(copy)->copy == copy) {
        empty(place_of(copy));
    }
    (void)pthread_mutex_unlock(&lock);
}

void sg_pkcs11_rsa_keys_forget_all(void)
{
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SG_PKCS11_RSA_KEYS_MAX && kept > 0; i++) {
        empty(&places[i]);
    }
    (void)pthread_mutex_unlock(&lock);
}

size_t sg_pkcs11_rsa_keys_kept(void)
{
    (void)pthread_mutex_lock(&lock);
    size_t count = kept;
    (void)pthread_mutex_unlock(&lock);
    return count;
}

/* False: the key lacks one. */
static bool read_parts(const RSA *key, const BIGNUM *parts[PARTS])
{
    RSA_get0_key(key, &parts[MODULUS], &parts[PUBLIC], &parts[PRIVATE]);
    RSA_get0_factors(key, &parts[PRIME1], &parts[PRIME2]);
    RSA_get0_crt_params(key, &parts[EXPONENT1], &parts[EXPONENT2], &parts[COEFFICIENT]);
    bool whole = true;
    for (int i = 0; i < PARTS; i++) {
        whole = whole && parts[i] != NULL;
    }
    return whole;
}

/* In every part: whoever has no more than another's modulus does not get the other's signatures,
 * even if a module should use a handle twice. */
static bool is_same(const RSA *one, const RSA *other)
{
    const BIGNUM *a[PARTS], *b[PARTS];
    bool same = read_parts(one, a) && read_parts(other, b);
    for (int i = 0; i < PARTS && same; i++) {
        same = BN_cmp(a[i], b[i]) == 0;
    }
    return same;
}

struct numbers {
    BIGNUM *part[PARTS];
};

static void clear_numbers(struct numbers *numbers)
{
    for (int i = 0; i < PARTS; i++) {
        BN_clear_free(numbers->part[i]);
    }
}

/* False: it lacks one, or there is no memory. */
static bool copy_numbers(const RSA *key, struct numbers *out)
{
    const BIGNUM *parts[PARTS];
    bool whole = read_parts(key, parts);
    for (int i = 0; i < PARTS && whole; i++) {
        out->part[i] = BN_dup(parts[i]);
        whole = out->part[i] != NULL;
    }
    return whole;
}

/* A key takes numbers together, or none of them. */
static bool hand_over(int taken, struct numbers *numbers, enum part first, enum part last)
{
    for (enum part i = first; taken == 1 && i <= last; i++) {
        numbers->part[i] = NULL;
    }
    return taken == 1;
}

/* With the same numbers and the same method. Not RSAPrivateKey_dup(3): that writes the key as DER,
 * and leaves it in the heap. NULL: it lacks a number, or there is no memory. */
static RSA *duplicate(const RSA *key)
{
    SG_CLEANUP(clear_numbers) struct numbers n = {.part = {NULL}};
    SG_CLEANUP(RSA_freep) RSA *own = RSA_new();
    bool made =
        own != NULL && RSA_set_method(own, RSA_get_method(key)) == 1 && copy_numbers(key, &n) &&
        hand_over(RSA_set0_key(own, n.part[MODULUS], n.part[PUBLIC], n.part[PRIVATE]), &n, MODULUS,
                  PRIVATE) &&
        hand_over(RSA_set0_factors(own, n.part[PRIME1], n.part[PRIME2]), &n, PRIME1, PRIME2) &&
        hand_over(
            RSA_set0_crt_params(own, n.part[EXPONENT1], n.part[EXPONENT2], n.part[COEFFICIENT]), &n,
            EXPONENT1, COEFFICIENT);
    if (!made) {
        return NULL;
    }
    RSA_clear_flags(own, RSA_FLAG_NO_BLINDING); /* which a default method can bring along */
    return SG_STEAL(own);
}

/* Whether the place has what will do this key's work. */
static bool is_ready(const struct place *place, const RSA *key)
{
    return place->key != NULL && place->copy == in_use && is_same(place->key, key);
}

/* NULL: the place is another copy's, or the key cannot be kept. */
static RSA *keep(struct place *place, const RSA *key)
{
    RSA *own = place->key == NULL || place->copy == in_use ? duplicate(key) : NULL;
    if (own != NULL) {
        empty(place);
        *place = (struct place){.copy = in_use, .key = own};
        kept++;
    }
    return own;
}

/* The key that does this key's work, to be freed. */
static RSA *stand_in(RSA *key)
{
    (void)pthread_mutex_lock(&lock);
    struct place *place = place_of(in_use);
    RSA *chosen = is_ready(place, key) ? place->key : keep(place, key);
    chosen = chosen != NULL ? chosen : key;
    (void)RSA_up_ref(chosen);
    (void)pthread_mutex_unlock(&lock);
    return chosen;
}

static bool has_stand_in(const RSA *key)
{
    if (in_use == CK_INVALID_HANDLE || key == NULL) {
        return false;
    }
    (void)pthread_mutex_lock(&lock);
    bool ready = is_ready(place_of(in_use), key);
    (void)pthread_mutex_unlock(&lock);
    return ready;
}

typedef int use_function(int len, const unsigned char *in, unsigned char *out, RSA *key,
                         int padding);
typedef int blind_function(RSA *key, BN_CTX *context);

static struct {
    use_function *encrypt, *decrypt;
    blind_function *blind;
} libcrypto;

static void find_libcrypto(void)
{
    *(void **)&libcrypto.encrypt = dlsym(RTLD_NEXT, "RSA_private_encrypt");
    *(void **)&libcrypto.decrypt = dlsym(RTLD_NEXT, "RSA_private_decrypt");
    *(void **)&libcrypto.blind = dlsym(RTLD_NEXT, "RSA_blinding_on");
}

/* False: there is none, and nobody who could call us. */
static bool is_libcrypto_there(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, find_libcrypto);
    return libcrypto.encrypt != NULL && libcrypto.decrypt != NULL && libcrypto.blind != NULL;
}

static int use(use_function *function, int len, const unsigned char *in, unsigned char *out,
               RSA *key, int padding)
{
    if (in_use == CK_INVALID_HANDLE || key == NULL) {
        return function(len, in, out, key, padding);
    }
    SG_CLEANUP(RSA_freep) RSA *chosen = stand_in(key);
    return function(len, in, out, chosen, padding);
}

/* These take the places of libcrypto's functions for every shared library of the process (ELF
 * symbol look-up: the program comes first), and do what those do. */
__attribute__((visibility("default"))) int
RSA_private_encrypt(int len, const unsigned char *in, unsigned char *out, RSA *key, int padding)
{
    return is_libcrypto_there() ? use(libcrypto.encrypt, len, in, out, key, padding) : -1;
}

__attribute__((visibility("default"))) int
RSA_private_decrypt(int len, const unsigned char *in, unsigned char *out, RSA *key, int padding)
{
    return is_libcrypto_there() ? use(libcrypto.decrypt, len, in, out, key, padding) : -1;
}

/* A key that another stands in for needs no blinding now; should it be used all the same, libcrypto
 * blinds it then. Any other is libcrypto's to blind, or to refuse: SoftHSM makes RSA keys without
 * numbers of keys of other types, and stops here. */
__attribute__((visibility("default"))) int RSA_blinding_on(RSA *key, BN_CTX *context)
{
    if (!has_stand_in(key)) {
        return is_libcrypto_there() ? libcrypto.blind(key, context) : 0;
    }
    RSA_clear_flags(key, RSA_FLAG_NO_BLINDING);
    return 1;
}
