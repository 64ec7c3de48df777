/* Keys, usages and what fits together. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <signet/policy/crypto_rules.h>

static const enum sg_key_family families[] = {SG_FAMILY_RSA, SG_FAMILY_EC, SG_FAMILY_ED25519};
#define ALL_USAGES 0x1Fu

static void the_table_holds_the_key_types_of_the_design(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum sg_key_family family;
        unsigned bits;
        enum sg_curve curve;
    } rows[] = {
        {"rsa:2048", SG_FAMILY_RSA, 2048, SG_CURVE_NONE},
        {"rsa:3072", SG_FAMILY_RSA, 3072, SG_CURVE_NONE},
        {"rsa:4096", SG_FAMILY_RSA, 4096, SG_CURVE_NONE},
        {"ec:p256", SG_FAMILY_EC, 256, SG_CURVE_P256},
        {"ec:p384", SG_FAMILY_EC, 384, SG_CURVE_P384},
        {"ec:p521", SG_FAMILY_EC, 521, SG_CURVE_P521},
        {"ec:secp256k1", SG_FAMILY_EC, 256, SG_CURVE_SECP256K1},
        {"ed25519", SG_FAMILY_ED25519, 255, SG_CURVE_NONE},
    };
    size_t count = 0;
    assert_non_null(sg_key_specs(&count));
    assert_int_equal(count, SG_COUNT(rows));
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        const struct sg_key_spec *spec = NULL;
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(sg_key_spec_find(rows[i].name, &spec, &err), SG_OK);
        assert_string_equal(spec->name, rows[i].name);
        assert_int_equal(spec->family, rows[i].family);
        assert_int_equal(spec->bits, rows[i].bits);
        assert_int_equal(spec->curve, rows[i].curve);
        assert_int_equal(spec->tls, rows[i].curve != SG_CURVE_SECP256K1);
    }
}

static void key_types_are_found_in_any_case(void **state)
{
    (void)state;
    const struct sg_key_spec *spec = NULL;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_key_spec_find("EC:P256", &spec, &err), SG_OK);
    assert_string_equal(spec->name, "ec:p256");
    assert_int_equal(sg_key_spec_find("Ed25519", &spec, &err), SG_OK);
}

static void every_key_type_of_ours_is_strong_enough(void **state)
{
    (void)state;
    size_t count = 0;
    const struct sg_key_spec *specs = sg_key_specs(&count);
    for (size_t i = 0; i < count; i++) {
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(sg_key_strength_check(specs[i].family, specs[i].bits, &err), SG_OK);
    }
}

static void unknown_key_types_are_refused_with_the_list(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          "rsa",   "rsa:1024", "rsa:2048 ",
                                      " rsa:2048", "ec",    "ec:p192",  "p256",
                                      "dsa:2048",  "ed448", "\x1B[2J",  "rsa:20480"};
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        const struct sg_key_spec *spec = NULL;
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(sg_key_spec_find(bad[i], &spec, &err), SG_E_INPUT);
        assert_string_equal(err.code, "unknown_key_type");
        assert_null(strchr(err.text, '\x1B'));
        bool shown = bad[i][0] >= ' ' && strstr(err.text, bad[i]) != NULL;
        assert_true(shown || bad[i][0] < ' ');
        assert_null(spec);
        size_t count = 0;
        const struct sg_key_spec *specs = sg_key_specs(&count);
        for (size_t k = 0; k < count; k++) {
            assert_non_null(strstr(err.hint, specs[k].name));
        }
    }
}

/* ---- usages ---- */

static void usage_words_are_read_back(void **state)
{
    (void)state;
    unsigned seen = 0;
    for (unsigned bit = 1; bit != 0; bit <<= 1) {
        const char *word = sg_key_usage_word(bit);
        unsigned read = 0;
        struct sg_error err = SG_ERROR_INIT;
        if (word != NULL) {
            assert_int_equal(sg_key_usage_parse(word, &read, &err), SG_OK);
            assert_int_equal(read, bit);
            seen |= bit;
        }
    }
    assert_int_equal(seen, ALL_USAGES);
    assert_null(sg_key_usage_word(0));
    assert_null(sg_key_usage_word(3));
}

static void usage_words_are_read_in_any_case(void **state)
{
    (void)state;
    unsigned bit = 0;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_key_usage_parse("HANDSHAKE", &bit, &err), SG_OK);
    assert_int_equal(bit, SG_KEY_HANDSHAKE);
    assert_int_equal(sg_key_usage_parse("CertSign", &bit, &err), SG_OK);
    assert_int_equal(bit, SG_KEY_CERTSIGN);
}

static void unknown_usages_are_refused_with_the_list(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "sign", "handshake ", "digitalSignature",
                                      "handshake,docsign"};
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        unsigned bit = 77;
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(sg_key_usage_parse(bad[i], &bit, &err), SG_E_INPUT);
        assert_string_equal(err.code, "unknown_usage");
        assert_non_null(strstr(err.hint, "dataencrypt"));
        assert_int_equal(bit, 77);
    }
}

static void usages_fit_their_family(void **state)
{
    (void)state;
    unsigned refused = 0;
    for (size_t f = 0; f < SG_COUNT(families); f++) {
        for (unsigned usage = 0; usage <= ALL_USAGES; usage++) {
            bool fits = true;
            fits = fits && ((usage & SG_KEY_DATAENCRYPT) == 0 || families[f] == SG_FAMILY_RSA);
            fits = fits && ((usage & SG_KEY_KEYAGREE) == 0 || families[f] == SG_FAMILY_EC);
            struct sg_error err = SG_ERROR_INIT;
            sg_status s = sg_key_usage_check(families[f], usage, &err);
            assert_int_equal(s, fits ? SG_OK : SG_E_INPUT);
            assert_string_equal(err.code, fits ? "" : "usage_not_for_key");
            refused += !fits;
        }
    }
    assert_int_equal(refused, 16 + 16 + 24);
}

static void a_usage_that_does_not_fit_is_named(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_key_usage_check(SG_FAMILY_EC, SG_KEY_HANDSHAKE | SG_KEY_DATAENCRYPT, &err),
                     SG_E_INPUT);
    assert_non_null(strstr(err.text, "dataencrypt"));
    assert_non_null(strstr(err.text, "EC"));
    assert_int_equal(sg_key_usage_check(SG_FAMILY_RSA, SG_KEY_KEYAGREE, &err), SG_E_INPUT);
    assert_non_null(strstr(err.text, "keyagree"));
    assert_non_null(strstr(err.text, "RSA"));
}

static void bits_that_are_no_usage_are_refused(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_key_usage_check(SG_FAMILY_RSA, 1u << 5, &err), SG_E_INPUT);
    assert_string_equal(err.code, "unknown_usage");
    assert_int_equal(sg_key_usage_check(SG_FAMILY_RSA, 0x80000001u, &err), SG_E_INPUT);
}

/* RACF's KEYUSAGE table, cell by cell. */
static void usages_become_x509_bits(void **state)
{
    (void)state;
    const unsigned ca = SG_X509_KEY_CERT_SIGN | SG_X509_CRL_SIGN;
    const struct {
        enum sg_key_family family;
        unsigned usage;
        bool certauth;
        unsigned expected;
    } rows[] = {
        {SG_FAMILY_RSA, 0, false, 0},
        {SG_FAMILY_EC, 0, false, 0},
        {SG_FAMILY_RSA, 0, true, ca},
        {SG_FAMILY_ED25519, 0, true, ca},
        {SG_FAMILY_RSA, SG_KEY_HANDSHAKE, false,
         SG_X509_DIGITAL_SIGNATURE | SG_X509_KEY_ENCIPHERMENT},
        {SG_FAMILY_EC, SG_KEY_HANDSHAKE, false, SG_X509_DIGITAL_SIGNATURE},
        {SG_FAMILY_ED25519, SG_KEY_HANDSHAKE, false, SG_X509_DIGITAL_SIGNATURE},
        {SG_FAMILY_RSA, SG_KEY_DATAENCRYPT, false, SG_X509_DATA_ENCIPHERMENT},
        {SG_FAMILY_RSA, SG_KEY_DOCSIGN, false, SG_X509_NON_REPUDIATION},
        {SG_FAMILY_EC, SG_KEY_CERTSIGN, false, ca},
        {SG_FAMILY_EC, SG_KEY_CERTSIGN, true, ca},
        {SG_FAMILY_EC, SG_KEY_KEYAGREE, false, SG_X509_KEY_AGREEMENT},
        {SG_FAMILY_EC, SG_KEY_HANDSHAKE | SG_KEY_KEYAGREE, false,
         SG_X509_DIGITAL_SIGNATURE | SG_X509_KEY_AGREEMENT},
        {SG_FAMILY_RSA, SG_KEY_HANDSHAKE, true,
         SG_X509_DIGITAL_SIGNATURE | SG_X509_KEY_ENCIPHERMENT | ca},
        /* HANDSHAKE DATAENCRYPT DOCSIGN, as seen in a certificate of RACF's */
        {SG_FAMILY_RSA, SG_KEY_HANDSHAKE | SG_KEY_DATAENCRYPT | SG_KEY_DOCSIGN, false,
         SG_X509_DIGITAL_SIGNATURE | SG_X509_NON_REPUDIATION | SG_X509_KEY_ENCIPHERMENT |
             SG_X509_DATA_ENCIPHERMENT},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        assert_int_equal(sg_key_usage_x509(rows[i].family, rows[i].usage, rows[i].certauth),
                         rows[i].expected);
    }
}

static void only_rsa_encrypts_keys(void **state)
{
    (void)state;
    for (unsigned usage = 0; usage <= ALL_USAGES; usage++) {
        assert_int_equal(sg_key_usage_x509(SG_FAMILY_EC, usage, true) & SG_X509_KEY_ENCIPHERMENT,
                         0);
        assert_int_equal(
            sg_key_usage_x509(SG_FAMILY_ED25519, usage, false) & SG_X509_KEY_ENCIPHERMENT, 0);
    }
}

/* ---- abilities ---- */

static void only_rsa_decrypts_and_only_ec_derives(void **state)
{
    (void)state;
    for (size_t f = 0; f < SG_COUNT(families); f++) {
        for (unsigned usage = 0; usage <= ALL_USAGES; usage++) {
            for (int certauth = 0; certauth < 2; certauth++) {
                struct sg_key_abilities can = sg_key_abilities(families[f], usage, certauth != 0);
                assert_true(!can.decrypt || families[f] == SG_FAMILY_RSA);
                assert_true(!can.derive || families[f] == SG_FAMILY_EC);
            }
        }
    }
}

static void abilities_follow_the_usage(void **state)
{
    (void)state;
    assert_true(sg_key_abilities(SG_FAMILY_RSA, 0, false).decrypt);
    assert_false(sg_key_abilities(SG_FAMILY_RSA, 0, true).decrypt);
    assert_true(sg_key_abilities(SG_FAMILY_RSA, SG_KEY_HANDSHAKE, false).decrypt);
    assert_true(sg_key_abilities(SG_FAMILY_RSA, SG_KEY_HANDSHAKE, true).decrypt);
    assert_true(sg_key_abilities(SG_FAMILY_RSA, SG_KEY_DATAENCRYPT, false).decrypt);
    assert_false(sg_key_abilities(SG_FAMILY_RSA, SG_KEY_DOCSIGN, false).decrypt);
    assert_false(sg_key_abilities(SG_FAMILY_RSA, SG_KEY_CERTSIGN, false).decrypt);
    assert_false(sg_key_abilities(SG_FAMILY_EC, 0, false).derive);
    assert_false(sg_key_abilities(SG_FAMILY_EC, SG_KEY_HANDSHAKE, false).derive);
    assert_true(sg_key_abilities(SG_FAMILY_EC, SG_KEY_KEYAGREE, false).derive);
    assert_true(sg_key_abilities(SG_FAMILY_EC, SG_KEY_KEYAGREE | SG_KEY_HANDSHAKE, true).derive);
}

/* ---- strength ---- */

static void weak_keys_are_refused_at_the_border(void **state)
{
    (void)state;
    static const struct {
        enum sg_key_family family;
        unsigned bits;
        bool good;
    } rows[] = {
        {SG_FAMILY_RSA, 0, true},
        {SG_FAMILY_RSA, 1, false},
        {SG_FAMILY_RSA, 1024, false},
        {SG_FAMILY_RSA, 2047, false},
        {SG_FAMILY_RSA, 2048, true},
        {SG_FAMILY_RSA, 16384, true},
        {SG_FAMILY_RSA, 16385, false},
        {SG_FAMILY_EC, 0, true},
        {SG_FAMILY_EC, 192, false},
        {SG_FAMILY_EC, 255, false},
        {SG_FAMILY_EC, 256, true},
        {SG_FAMILY_EC, 521, true},
        {SG_FAMILY_ED25519, 0, true},
        {SG_FAMILY_ED25519, 253, true},
        {SG_FAMILY_RSA, 4294967295u, false},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_error err = SG_ERROR_INIT;
        sg_status s = sg_key_strength_check(rows[i].family, rows[i].bits, &err);
        assert_int_equal(s, rows[i].good ? SG_OK : SG_E_INPUT);
        assert_string_equal(err.code, rows[i].good ? "" : "weak_key");
        if (!rows[i].good) {
            char bits[16];
            snprintf(bits, sizeof bits, "%u", rows[i].bits);
            assert_non_null(strstr(err.text, bits));
            assert_true(err.hint[0] != '\0');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_holds_the_key_types_of_the_design),
        cmocka_unit_test(key_types_are_found_in_any_case),
        cmocka_unit_test(every_key_type_of_ours_is_strong_enough),
        cmocka_unit_test(unknown_key_types_are_refused_with_the_list),
        cmocka_unit_test(usage_words_are_read_back),
        cmocka_unit_test(usage_words_are_read_in_any_case),
        cmocka_unit_test(unknown_usages_are_refused_with_the_list),
        cmocka_unit_test(usages_fit_their_family),
        cmocka_unit_test(a_usage_that_does_not_fit_is_named),
        cmocka_unit_test(bits_that_are_no_usage_are_refused),
        cmocka_unit_test(usages_become_x509_bits),
        cmocka_unit_test(only_rsa_encrypts_keys),
        cmocka_unit_test(only_rsa_decrypts_and_only_ec_derives),
        cmocka_unit_test(abilities_follow_the_usage),
        cmocka_unit_test(weak_keys_are_refused_at_the_border),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
