/* RSA keys that are kept: whoever uses one gets what libcrypto would have given. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rsa.h>

#include <signet/base/cleanup.h>

#include "cmocka_all.h"
#include "rsa_keys_internal.h"

enum { BITS = 1024, LEN = BITS / 8, PLACES = SG_PKCS11_RSA_KEYS_MAX };

static const unsigned char message[20] = "twenty bytes to sign";
static RSA *alice, *bob;

static RSA *make_key(void)
{
    BIGNUM *exponent = BN_new();
    RSA *key = RSA_new();
    assert_true(BN_set_word(exponent, RSA_F4));
    assert_int_equal(RSA_generate_key_ex(key, BITS, exponent, NULL), 1);
    BN_free(exponent);
    return key;
}

static int setup(void **state)
{
    (void)state;
    alice = make_key();
    bob = make_key();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    RSA_free(alice);
    RSA_free(bob);
    return 0;
}

enum { PARTS = 8 };

static void read_parts(const RSA *key, const BIGNUM *parts[PARTS])
{
    RSA_get0_key(key, &parts[0], &parts[1], &parts[2]);
    RSA_get0_factors(key, &parts[3], &parts[4]);
    RSA_get0_crt_params(key, &parts[5], &parts[6], &parts[7]);
}

/* Of copies of these. */
static RSA *made_of(const BIGNUM *const parts[PARTS])
{
    BIGNUM *own[PARTS];
    RSA *made = RSA_new();
    for (int i = 0; i < PARTS; i++) {
        own[i] = BN_dup(parts[i]);
        assert_non_null(own[i]);
    }
    assert_int_equal(RSA_set_method(made, RSA_PKCS1_OpenSSL()), 1);
    assert_int_equal(RSA_set0_key(made, own[0], own[1], own[2]), 1);
    assert_int_equal(RSA_set0_factors(made, own[3], own[4]), 1);
    assert_int_equal(RSA_set0_crt_params(made, own[5], own[6], own[7]), 1);
    return made;
}

/* A key as a module makes it for each use. */
static RSA *anew(const RSA *key)
{
    const BIGNUM *parts[PARTS];
    read_parts(key, parts);
    return made_of(parts);
}

/* With a key that is made for it and freed, in the way SoftHSM does. The length, or -1. */
static int sign_made(RSA *made, unsigned char signature[LEN])
{
    int len = -1;
    if (RSA_blinding_on(made, NULL) == 1) {
        len = RSA_private_encrypt(sizeof message, message, signature, made, RSA_PKCS1_PADDING);
        RSA_blinding_off(made);
    }
    RSA_free(made);
    return len;
}

static bool is_signature_of(RSA *key, const unsigned char signature[LEN])
{
    unsigned char found[LEN];
    int len = RSA_public_decrypt(LEN, signature, found, key, RSA_PKCS1_PADDING);
    return len == sizeof message && memcmp(found, message, sizeof message) == 0;
}

static void check_signs(RSA *key)
{
    unsigned char signature[LEN];
    assert_int_equal(sign_made(anew(key), signature), LEN);
    assert_true(is_signature_of(key, signature));
}

/* As the use of a copy with this handle. */
static void check_copy_signs(unsigned long copy, RSA *key)
{
    sg_pkcs11_rsa_keys_begin(copy);
    check_signs(key);
    sg_pkcs11_rsa_keys_end();
}

/* As a copy's: then its own blinding is left out. Frees it. */
static bool is_taken_for_kept(unsigned long copy, RSA *made)
{
    sg_pkcs11_rsa_keys_begin(copy);
    assert_int_equal(RSA_blinding_on(made, NULL), 1);
    sg_pkcs11_rsa_keys_end();
    bool taken = !RSA_test_flags(made, RSA_FLAG_BLINDING);
    RSA_free(made);
    return taken;
}

static void nothing_is_kept_of_what_is_no_copy(void **state)
{
    (void)state;
    check_signs(alice);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
    sg_pkcs11_rsa_keys_begin(7);
    sg_pkcs11_rsa_keys_end();
    check_signs(alice);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
}

static void keys_are_kept_once_and_told_apart(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        check_copy_signs(7, alice);
        check_copy_signs(8, bob);
        assert_int_equal(sg_pkcs11_rsa_keys_kept(), 2);
    }
    sg_pkcs11_rsa_keys_forget(7);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
    sg_pkcs11_rsa_keys_forget(7);
    sg_pkcs11_rsa_keys_forget(9);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
    check_copy_signs(8, bob);
    sg_pkcs11_rsa_keys_forget(8);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
    check_copy_signs(7, alice);
    sg_pkcs11_rsa_keys_forget(7);
}

/* A module that gives a number twice: the second key is never the first. */
static void number_that_means_another_key_now_signs_with_that_one(void **state)
{
    (void)state;
    check_copy_signs(7, alice);
    check_copy_signs(7, bob);
    assert_true(is_taken_for_kept(7, anew(bob)));
    assert_false(is_taken_for_kept(7, anew(alice)));
    check_copy_signs(7, alice);
    assert_true(is_taken_for_kept(7, anew(alice)));
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
    sg_pkcs11_rsa_keys_forget(7);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
}

static void second_of_two_that_share_a_place_is_not_kept(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        check_copy_signs(7, alice);
        check_copy_signs(7 + PLACES, bob);
        assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
        assert_true(is_taken_for_kept(7, anew(alice)));
        assert_false(is_taken_for_kept(7 + PLACES, anew(alice)));
    }
    sg_pkcs11_rsa_keys_forget(7 + PLACES);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
    sg_pkcs11_rsa_keys_forget(7);
    check_copy_signs(7 + PLACES, bob);
    sg_pkcs11_rsa_keys_forget(7);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
    sg_pkcs11_rsa_keys_forget(7 + PLACES);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
}

static void all_are_forgotten_together(void **state)
{
    (void)state;
    sg_pkcs11_rsa_keys_forget_all();
    for (unsigned long copy = 0; copy < 3; copy++) {
        check_copy_signs(PLACES - 1 + copy, copy == 1 ? bob : alice);
    }
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 3);
    sg_pkcs11_rsa_keys_forget_all();
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
}

/* Everybody knows alice's modulus; with secrets of his own beside it nobody signs for her. */
static RSA *impostor(void)
{
    const BIGNUM *parts[PARTS], *known[PARTS];
    read_parts(bob, parts);
    read_parts(alice, known);
    parts[0] = known[0];
    parts[1] = known[1];
    return made_of(parts);
}

static void modulus_of_a_kept_key_is_not_enough(void **state)
{
    unsigned char signature[LEN] = {0};
    (void)state;
    check_copy_signs(7, alice);
    sg_pkcs11_rsa_keys_begin(7);
    (void)sign_made(impostor(), signature);
    sg_pkcs11_rsa_keys_end();
    assert_false(is_signature_of(alice, signature));
    check_copy_signs(7, alice);
    sg_pkcs11_rsa_keys_forget(7);
}

/* Alice's key with another number in one place. */
static RSA *changed(int place)
{
    const BIGNUM *parts[PARTS];
    read_parts(alice, parts);
    BIGNUM *other = BN_dup(parts[place]);
    assert_true(BN_add_word(other, 2));
    parts[place] = other;
    RSA *made = made_of(parts);
    BN_free(other);
    return made;
}

static void key_that_differs_in_one_part_is_not_the_kept_one(void **state)
{
    (void)state;
    assert_false(is_taken_for_kept(7, anew(alice)));
    check_copy_signs(7, alice);
    assert_true(is_taken_for_kept(7, anew(alice)));
    assert_false(is_taken_for_kept(7, anew(bob)));
    for (int place = 0; place < PARTS; place++) {
        RSA *other = changed(place);
        if (is_taken_for_kept(7, other)) {
            fail_msg("part %d is not looked at", place);
        }
    }
    sg_pkcs11_rsa_keys_forget(7);
    assert_false(is_taken_for_kept(7, anew(alice)));
}

/* libcrypto refuses to blind it, and whoever asked stops. */
static void key_without_numbers_is_refused_as_by_libcrypto(void **state)
{
    unsigned char signature[LEN];
    (void)state;
    sg_pkcs11_rsa_keys_begin(7);
    for (int i = 0; i < 2; i++) {
        RSA *hollow = RSA_new();
        assert_int_equal(RSA_set0_key(hollow, BN_new(), BN_new(), BN_new()), 1);
        assert_int_equal(sign_made(hollow, signature), -1);
        assert_int_equal(sign_made(RSA_new(), signature), -1);
    }
    sg_pkcs11_rsa_keys_end();
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
}

static void key_without_factors_signs_and_is_not_kept(void **state)
{
    const BIGNUM *n, *e, *d;
    (void)state;
    RSA_get0_key(alice, &n, &e, &d);
    for (int i = 0; i < 2; i++) {
        unsigned char signature[LEN];
        RSA *made = RSA_new();
        assert_int_equal(RSA_set0_key(made, BN_dup(n), BN_dup(e), BN_dup(d)), 1);
        sg_pkcs11_rsa_keys_begin(7);
        assert_int_equal(sign_made(made, signature), LEN);
        sg_pkcs11_rsa_keys_end();
        assert_true(is_signature_of(alice, signature));
        assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
    }
}

/* The kept key is nobody's but ours: what a module does with its own is nothing to it. */
static void module_that_spoils_its_key_spoils_nothing_else(void **state)
{
    unsigned char signature[LEN];
    (void)state;
    sg_pkcs11_rsa_keys_begin(7);
    RSA *made = anew(alice);
    assert_int_equal(
        RSA_private_encrypt(sizeof message, message, signature, made, RSA_PKCS1_PADDING), LEN);
    assert_int_equal(RSA_set0_key(made, BN_new(), BN_new(), BN_new()), 1);
    RSA_blinding_off(made);
    RSA_free(made);
    sg_pkcs11_rsa_keys_end();
    for (int i = 0; i < 100; i++) { /* blinding is changed every 32 uses */
        check_copy_signs(7, alice);
    }
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
    sg_pkcs11_rsa_keys_forget(7);
}

/* Where libcrypto was told not to blind a key, and then to blind it, it does: whether another
 * stands in for it or not. */
static void blinding_that_was_turned_off_comes_back(void **state)
{
    (void)state;
    check_copy_signs(7, alice);
    for (int i = 0; i < 2; i++) {
        RSA *made = anew(i == 0 ? alice : bob);
        RSA_blinding_off(made);
        assert_true(RSA_test_flags(made, RSA_FLAG_NO_BLINDING));
        sg_pkcs11_rsa_keys_begin(7);
        assert_int_equal(RSA_blinding_on(made, NULL), 1);
        sg_pkcs11_rsa_keys_end();
        assert_false(RSA_test_flags(made, RSA_FLAG_NO_BLINDING));
        RSA_free(made);
    }
    sg_pkcs11_rsa_keys_forget(7);
}

/* What the arithmetic is given, by libcrypto's own way to a key's method. */
enum { USES = 100 };
static struct {
    BIGNUM *input[USES];
    int count;
} seen;
static int (*real_exponent)(BIGNUM *, const BIGNUM *, RSA *, BN_CTX *);
static const RSA *made_now; /* the module's: another stands in for it */

static int spy(BIGNUM *result, const BIGNUM *input, RSA *key, BN_CTX *context)
{
    bool bad = key == made_now;
    for (int i = 0; i < seen.count; i++) {
        bad = bad || BN_cmp(seen.input[i], input) == 0;
    }
    if (bad) {
        return 0; /* a signature that fails */
    }
    seen.input[seen.count++] = BN_dup(input);
    return real_exponent(result, input, key, context);
}

/* The same message each time: blinded, it never looks the same to whoever can measure the
 * arithmetic. Leaves nothing kept. */
static void check_blinded(void)
{
    RSA_METHOD *method = RSA_meth_dup(RSA_PKCS1_OpenSSL());
    real_exponent = RSA_meth_get_mod_exp(method);
    assert_int_equal(RSA_meth_set_mod_exp(method, spy), 1);
    for (int i = 0; i < USES; i++) {
        unsigned char signature[LEN];
        RSA *made = anew(alice);
        assert_int_equal(RSA_set_method(made, method), 1);
        made_now = made;
        sg_pkcs11_rsa_keys_begin(7);
        assert_int_equal(sign_made(made, signature), LEN);
        sg_pkcs11_rsa_keys_end();
        assert_true(is_signature_of(alice, signature));
        assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
    }
    assert_int_equal(seen.count, USES);
    sg_pkcs11_rsa_keys_forget(7);
    while (seen.count > 0) {
        BN_free(seen.input[--seen.count]);
    }
    RSA_meth_free(method);
}

static void kept_key_is_blinded_anew_at_each_use(void **state)
{
    (void)state;
    check_blinded();
}

/* The arithmetic of an engine that nobody has asked for. */
static int refuse(BIGNUM *result, const BIGNUM *input, RSA *key, BN_CTX *context)
{
    (void)result, (void)input, (void)key, (void)context;
    return 0;
}

/* SoftHSM asks for libcrypto's own arithmetic, whatever an engine has made the default. The flags
 * of that one come with each new key, and stay. */
static void kept_key_has_the_method_of_the_modules_key(void **state)
{
    const RSA_METHOD *before = RSA_get_default_method();
    RSA_METHOD *other = RSA_meth_dup(RSA_PKCS1_OpenSSL());
    (void)state;
    assert_int_equal(RSA_meth_set_mod_exp(other, refuse), 1);
    assert_int_equal(RSA_meth_set_flags(other, RSA_meth_get_flags(other) | RSA_FLAG_NO_BLINDING),
                     1);
    RSA_set_default_method(other);
    check_blinded();
    for (int i = 0; i < 2; i++) {
        check_copy_signs(7, alice);
    }
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
    sg_pkcs11_rsa_keys_forget(7);
    RSA_set_default_method(before);
    RSA_meth_free(other);
}

#ifndef SIGNET_SANITIZED /* whose heap is elsewhere, and quarantines what is freed */
/* How often the heap holds these bytes. */
static size_t count_in_heap(const unsigned char *bytes, size_t len)
{
    char line[256], name[64];
    unsigned long start = 0, end = 0;
    size_t count = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %63s", &start, &end, name) == 3 &&
            strcmp(name, "[heap]") == 0) {
            break;
        }
    }
    (void)fclose(maps);
    if (start == 0 || end <= start) {
        fail_msg("there is no heap");
        return 0;
    }
    const unsigned char *at = (const unsigned char *)start; // NOLINT(performance-no-int-to-ptr)
    size_t left = end - start;
    const unsigned char *found = memmem(at, left, bytes, len);
    while (found != NULL) {
        count++;
        left -= (size_t)(found + 1 - at);
        at = found + 1;
        found = memmem(at, left, bytes, len);
    }
    return count;
}

/* In both ways in which a number of the key can lie in memory: as BIGNUM, and as in DER. (What lies
 * in freed memory is often written over before anybody looks: finding nothing proves little.) */
static size_t count_secrets(void)
{
    static unsigned char bytes[LEN], reversed[LEN];
    const BIGNUM *parts[PARTS];
    size_t count = 0;
    read_parts(alice, parts);
    for (int i = 2; i < PARTS; i++) {
        int len = BN_bn2bin(parts[i], bytes);
        assert_true(len > 32);
        for (int j = 0; j < len; j++) {
            reversed[j] = bytes[len - 1 - j];
        }
        count += count_in_heap(bytes + 16, 16) + count_in_heap(reversed + 16, 16);
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    OPENSSL_cleanse(reversed, sizeof reversed);
    return count;
}

/* Alice's own key is there all the time. */
static void nothing_of_a_forgotten_key_stays_in_the_heap(void **state)
{
    (void)state;
    size_t before = count_secrets();
    assert_true(before > 0);
    check_copy_signs(7, alice);
    assert_true(count_secrets() > before);
    sg_pkcs11_rsa_keys_forget(7);
    assert_int_equal(count_secrets(), before);
}
#endif

static void ciphertexts_are_opened_and_bad_ones_are_not(void **state)
{
    static const unsigned char garbage[LEN] = {1, 2, 3};
    unsigned char sealed[LEN], opened[LEN];
    (void)state;
    assert_int_equal(
        RSA_public_encrypt(sizeof message, message, sealed, alice, RSA_PKCS1_OAEP_PADDING), LEN);
    sg_pkcs11_rsa_keys_begin(7);
    for (int i = 0; i < 3; i++) {
        RSA *made = anew(alice);
        assert_int_equal(RSA_private_decrypt(LEN, sealed, opened, made, RSA_PKCS1_OAEP_PADDING),
                         sizeof message);
        assert_memory_equal(opened, message, sizeof message);
        assert_int_equal(RSA_private_decrypt(LEN, garbage, opened, made, RSA_PKCS1_OAEP_PADDING),
                         -1);
        assert_int_equal(RSA_private_decrypt(LEN + 1, sealed, opened, made, RSA_PKCS1_OAEP_PADDING),
                         -1);
        RSA_free(made);
        assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
    }
    sg_pkcs11_rsa_keys_end();
    sg_pkcs11_rsa_keys_forget(7);
}

static void *sign_elsewhere(void *context)
{
    check_signs(context);
    return NULL;
}

/* A module's other threads use other keys than the one that it was asked for here. */
static void other_thread_keeps_nothing(void **state)
{
    pthread_t thread;
    (void)state;
    sg_pkcs11_rsa_keys_begin(7);
    assert_int_equal(pthread_create(&thread, NULL, sign_elsewhere, bob), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    sg_pkcs11_rsa_keys_end();
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
}

/* A module with a libcrypto of its own, of another version, must not get our keys. */
static void only_callers_of_this_libcrypto_are_answered(void **state)
{
    static const char *const names[] = {"RSA_private_encrypt", "RSA_private_decrypt",
                                        "RSA_blinding_on"};
    int (*const use[])(int, const unsigned char *, unsigned char *, RSA *,
                       int) = {RSA_private_encrypt, RSA_private_decrypt};
    (void)state;
    for (size_t i = 0; i < SG_COUNT(names); i++) {
        void *ours = dlvsym(RTLD_DEFAULT, names[i], "OPENSSL_3.0.0");
        assert_non_null(ours);
        assert_ptr_not_equal(ours, dlvsym(RTLD_NEXT, names[i], "OPENSSL_3.0.0"));
        assert_null(dlvsym(RTLD_DEFAULT, names[i], "OPENSSL_1_1_0"));
        assert_null(dlvsym(RTLD_DEFAULT, names[i], "OPENSSL_4.0.0"));
        assert_true(i >= SG_COUNT(use) || *(void *const *)&use[i] == ours);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_kept_of_what_is_no_copy),
        cmocka_unit_test(keys_are_kept_once_and_told_apart),
        cmocka_unit_test(number_that_means_another_key_now_signs_with_that_one),
        cmocka_unit_test(second_of_two_that_share_a_place_is_not_kept),
        cmocka_unit_test(all_are_forgotten_together),
        cmocka_unit_test(modulus_of_a_kept_key_is_not_enough),
        cmocka_unit_test(key_that_differs_in_one_part_is_not_the_kept_one),
        cmocka_unit_test(key_without_numbers_is_refused_as_by_libcrypto),
        cmocka_unit_test(key_without_factors_signs_and_is_not_kept),
        cmocka_unit_test(module_that_spoils_its_key_spoils_nothing_else),
        cmocka_unit_test(blinding_that_was_turned_off_comes_back),
        cmocka_unit_test(kept_key_is_blinded_anew_at_each_use),
        cmocka_unit_test(kept_key_has_the_method_of_the_modules_key),
#ifndef SIGNET_SANITIZED
        cmocka_unit_test(nothing_of_a_forgotten_key_stays_in_the_heap),
#endif
        cmocka_unit_test(ciphertexts_are_opened_and_bad_ones_are_not),
        cmocka_unit_test(other_thread_keeps_nothing),
        cmocka_unit_test(only_callers_of_this_libcrypto_are_answered),
    };
    return cmocka_run_group_tests_name("rsa keys", tests, setup, teardown);
}
