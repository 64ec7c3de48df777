/* Curves that are kept: whoever decodes one by its name gets what libcrypto would have given. */
#include <dlfcn.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <signet/base/cleanup.h>

#include "cmocka_all.h"
#include "curves_internal.h"

static const unsigned char p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const unsigned char p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

/* The curve of that name, which must be all that is read. */
static EC_GROUP *decode(const unsigned char *name, size_t len)
{
    const unsigned char *at = name;
    EC_GROUP *group = d2i_ECPKParameters(NULL, &at, (long)len);
    assert_non_null(group);
    assert_ptr_equal(at, name + len);
    return group;
}

/* Equal to what libcrypto builds from the number, as OpenSSL compares and as it writes them. */
static void check(const EC_GROUP *group, int nid)
{
    EC_GROUP *fresh = EC_GROUP_new_by_curve_name(nid);
    unsigned char *one = NULL, *other = NULL;
    assert_non_null(fresh);
    assert_int_equal(EC_GROUP_cmp(group, fresh, NULL), 0);
    assert_int_equal(EC_GROUP_get_curve_name(group), nid);
    assert_int_equal(EC_GROUP_get_asn1_flag(group), EC_GROUP_get_asn1_flag(fresh));
    int len = i2d_ECPKParameters(group, &one);
    assert_true(len > 0);
    assert_int_equal(i2d_ECPKParameters(fresh, &other), len);
    assert_memory_equal(one, other, (size_t)len);
    OPENSSL_free(one);
    OPENSSL_free(other);
    EC_GROUP_free(fresh);
}

static void nothing_is_kept_that_nobody_asked_for(void **state)
{
    (void)state;
    EC_GROUP *group = decode(p256, sizeof p256);
    check(group, NID_X9_62_prime256v1);
    assert_int_equal(sg_pkcs11_curves_kept(), 0);
    EC_GROUP_free(group);
    sg_pkcs11_curves_keep(); /* for the tests that follow */
    assert_int_equal(sg_pkcs11_curves_kept(), 0);
}

static void what_is_no_curves_name_is_not_kept(void **state)
{
    static const struct {
        unsigned char data[20];
        long len;
    } rows[] = {
        {{0}, 0},
        {{0x06}, 1},
        {{0x06, 0x00}, 2},
        {{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01}, 9},        /* cut */
        {{0x06, 0x09, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, 10}, /* too long */
        {{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x7f}, 10}, /* nobody's */
        {{0x06, 0x80, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, 10}, /* without end */
        {{0x06, 0xff, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, 10},
        {{0x04, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, 10}, /* no name */
        {{0x05, 0x00}, 2},
    };
    (void)state;
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        const unsigned char *at = rows[i].data;
        assert_null(d2i_ECPKParameters(NULL, &at, rows[i].len));
        assert_ptr_equal(at, rows[i].data);
        assert_int_equal(sg_pkcs11_curves_kept(), 0);
    }
}

/* Ed25519 is a name as well, and no curve of this kind. */
static void names_of_something_else_are_refused_each_time(void **state)
{
    static const unsigned char ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    (void)state;
    for (int i = 0; i < 3; i++) {
        const unsigned char *at = ed25519;
        assert_null(d2i_ECPKParameters(NULL, &at, sizeof ed25519));
        assert_int_equal(sg_pkcs11_curves_kept(), 0);
    }
}

/* Where a curve is to be put into the caller's variable, or is written out, libcrypto does it. */
static void what_is_not_a_bare_name_goes_to_libcrypto(void **state)
{
    const unsigned char *at = p256;
    unsigned char *text = NULL;
    EC_GROUP *own = NULL;
    (void)state;
    assert_non_null(d2i_ECPKParameters(&own, &at, sizeof p256));
    check(own, NID_X9_62_prime256v1);
    EC_GROUP_set_asn1_flag(own, OPENSSL_EC_EXPLICIT_CURVE);
    int len = i2d_ECPKParameters(own, &text);
    assert_true(len > 100);
    at = text;
    EC_GROUP *read = d2i_ECPKParameters(NULL, &at, len);
    assert_non_null(read);
    assert_ptr_equal(at, text + len);
    assert_int_equal(EC_GROUP_cmp(read, own, NULL), 0);
    assert_int_equal(sg_pkcs11_curves_kept(), 0);
    OPENSSL_free(text);
    EC_GROUP_free(read);
    EC_GROUP_free(own);
}

static void curves_are_kept_once_and_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        EC_GROUP *one = decode(p256, sizeof p256), *other = decode(p384, sizeof p384);
        check(one, NID_X9_62_prime256v1);
        check(other, NID_secp384r1);
        assert_int_equal(sg_pkcs11_curves_kept(), 2);
        EC_GROUP_free(one);
        EC_GROUP_free(other);
    }
}

static void bytes_behind_the_name_are_left_alone(void **state)
{
    unsigned char data[sizeof p256 + 3] = {0};
    const unsigned char *at = data;
    (void)state;
    memcpy(data, p256, sizeof p256);
    EC_GROUP *group = d2i_ECPKParameters(NULL, &at, sizeof data);
    assert_non_null(group);
    assert_ptr_equal(at, data + sizeof p256);
    check(group, NID_X9_62_prime256v1);
    EC_GROUP_free(group);
}

/* What one does with its copy is nothing to the next. */
static void copies_are_their_holders_own(void **state)
{
    (void)state;
    EC_GROUP *one = decode(p256, sizeof p256), *other = decode(p256, sizeof p256);
    assert_ptr_not_equal(one, other);
    EC_GROUP_set_asn1_flag(one, OPENSSL_EC_EXPLICIT_CURVE);
    EC_GROUP_set_point_conversion_form(one, POINT_CONVERSION_COMPRESSED);
    EC_GROUP_set_curve_name(one, NID_secp521r1);
    check(other, NID_X9_62_prime256v1);
    EC_GROUP_free(one);
    check(other, NID_X9_62_prime256v1);
    EC_GROUP_free(other);
    other = decode(p256, sizeof p256);
    assert_int_equal(EC_GROUP_get_point_conversion_form(other), POINT_CONVERSION_UNCOMPRESSED);
    check(other, NID_X9_62_prime256v1);
    EC_GROUP_free(other);
}

/* A module with a libcrypto of its own, of another version, must not get our curves. */
static void only_callers_of_this_libcrypto_are_answered(void **state)
{
    EC_GROUP *(*ours)(EC_GROUP **, const unsigned char **, long) = d2i_ECPKParameters;
    (void)state;
    assert_ptr_equal(dlvsym(RTLD_DEFAULT, "d2i_ECPKParameters", "OPENSSL_3.0.0"), *(void **)&ours);
    assert_null(dlvsym(RTLD_DEFAULT, "d2i_ECPKParameters", "OPENSSL_1_1_0"));
    assert_null(dlvsym(RTLD_DEFAULT, "d2i_ECPKParameters", "OPENSSL_4.0.0"));
}

/* There are more than eighty. */
static void few_are_kept_and_all_are_right(void **state)
{
    EC_builtin_curve curves[32];
    size_t count = EC_get_builtin_curves(curves, SG_COUNT(curves));
    (void)state;
    assert_true(count >= SG_COUNT(curves));
    for (size_t i = 0; i < 2 * SG_COUNT(curves); i++) {
        int nid = curves[i % SG_COUNT(curves)].nid;
        unsigned char *name = NULL;
        EC_GROUP *fresh = EC_GROUP_new_by_curve_name(nid);
        int len = i2d_ECPKParameters(fresh, &name);
        assert_true(len > 0);
        EC_GROUP *group = decode(name, (size_t)len);
        check(group, nid);
        OPENSSL_free(name);
        EC_GROUP_free(group);
        EC_GROUP_free(fresh);
    }
    assert_int_equal(sg_pkcs11_curves_kept(), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_kept_that_nobody_asked_for),
        cmocka_unit_test(what_is_no_curves_name_is_not_kept),
        cmocka_unit_test(names_of_something_else_are_refused_each_time),
        cmocka_unit_test(what_is_not_a_bare_name_goes_to_libcrypto),
        cmocka_unit_test(curves_are_kept_once_and_told_apart),
        cmocka_unit_test(bytes_behind_the_name_are_left_alone),
        cmocka_unit_test(copies_are_their_holders_own),
        cmocka_unit_test(only_callers_of_this_libcrypto_are_answered),
        cmocka_unit_test(few_are_kept_and_all_are_right),
    };
    return cmocka_run_group_tests_name("curves", tests, NULL, NULL);
}
