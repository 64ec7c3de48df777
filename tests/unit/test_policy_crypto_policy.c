/* The profiles, the settings over them and every rule: a table of what passes and what does not. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/file.h>
#include <signet/policy/crypto_policy.h>

#define DAY INT64_C(86400)
#define ISSUED INT64_C(1795219200) /* 2026-11-21 */

/* A certificate that every profile takes. */
static struct sg_policy_certificate sound(void)
{
    return (struct sg_policy_certificate){
        .family = SG_FAMILY_EC,
        .key_bits = 256,
        .key_text = "EC P-256",
        .digest = "sha256",
        .not_before_s = ISSUED,
        .not_after_s = ISSUED + 90 * DAY,
        .server = true,
        .names_server = true,
    };
}

static struct sg_policy_certificate rsa(unsigned bits)
{
    struct sg_policy_certificate certificate = sound();
    certificate.family = SG_FAMILY_RSA;
    certificate.key_bits = bits;
    certificate.key_text = "RSA";
    return certificate;
}

static struct sg_policy_certificate curve(const char *text)
{
    struct sg_policy_certificate certificate = sound();
    certificate.key_text = text;
    return certificate;
}

static struct sg_policy_certificate ed25519(void)
{
    struct sg_policy_certificate certificate = sound();
    certificate.family = SG_FAMILY_ED25519;
    certificate.key_text = "Ed25519";
    return certificate;
}

static struct sg_policy_certificate digest(const char *text)
{
    struct sg_policy_certificate certificate = sound();
    certificate.digest = text;
    return certificate;
}

/* Both ends count: N days end a second earlier. */
static struct sg_policy_certificate days(int64_t from_s, int64_t seconds)
{
    struct sg_policy_certificate certificate = sound();
    certificate.not_before_s = from_s;
    certificate.not_after_s = from_s + seconds - 1;
    return certificate;
}

static struct sg_policy_certificate ca_days(int64_t number)
{
    struct sg_policy_certificate certificate = days(ISSUED, number * DAY);
    certificate.ca = true;
    certificate.server = certificate.names_server = false;
    return certificate;
}

static struct sg_policy_certificate nameless(bool server)
{
    struct sg_policy_certificate certificate = sound();
    certificate.names_server = false;
    certificate.server = server;
    return certificate;
}

static struct sg_policy_certificate exportable(void)
{
    struct sg_policy_certificate certificate = sound();
    certificate.extractable = true;
    return certificate;
}

/* "DFBL": the profiles that take it; a dot in the place of one that does not. */
static void check_profiles(const char *name, const struct sg_policy_certificate *certificate,
                           const char *takes, const char *code)
{
    for (unsigned i = 0; i < SG_PROFILE_COUNT; i++) {
        struct sg_crypto_policy policy = sg_crypto_policy_of((enum sg_policy_profile)i);
        struct sg_error err = SG_ERROR_INIT;
        sg_status s = sg_crypto_policy_check(&policy, certificate, &err);
        if ((s == SG_OK) != (takes[i] != '.') || (s != SG_OK && strcmp(err.code, code) != 0)) {
            fail_msg("%s under %s: \"%s\" %s", name, sg_policy_profile_name(policy.profile),
                     err.code, err.text);
        }
        if (s != SG_OK) {
            char quoted[32];
            snprintf(quoted, sizeof quoted, "\"%s\"", sg_policy_profile_name(policy.profile));
            assert_non_null(strstr(err.text, quoted));
            assert_true(err.hint[0] != '\0');
        }
    }
}

static void every_profile_decides_as_its_table_says(void **state)
{
    (void)state;
    static const int64_t before_2026 = 1773532799, in_2027 = 1805068800, in_2029 = 1868227200;
    const struct {
        const char *name;
        struct sg_policy_certificate certificate;
        const char *takes, *code;
    } rows[] = {
        {"sound", sound(), "DFBL", ""},
        {"rsa 1023", rsa(1023), "....", "policy_key_size"},
        {"rsa 1024", rsa(1024), "...L", "policy_key_size"},
        {"rsa 2047", rsa(2047), "...L", "policy_key_size"},
        {"rsa 2048", rsa(2048), "DFBL", ""},
        {"p384", curve("EC P-384"), "DFBL", ""},
        {"p521", curve("EC P-521"), "DFBL", ""},
        {"ec:p521", curve("ec:p521"), "DFBL", ""},
        {"secp256k1", curve("EC secp256k1"), "D..L", "policy_curve"},
        {"ec:secp256k1", curve("ec:secp256k1"), "D..L", "policy_curve"},
        {"brainpool", curve("EC brainpoolP256r1"), "D..L", "policy_curve"},
        {"unknown curve", curve("EC wap-wsg-idm-ecid-wtls12"), "....", "policy_curve"},
        {"no curve", curve(""), "....", "policy_curve"},
        {"ed25519", ed25519(), "DF.L", "policy_curve"},
        {"sha1", digest("sha1"), "...L", "policy_digest"},
        {"md5", digest("md5"), "....", "policy_digest"},
        {"sha224", digest("sha224"), "....", "policy_digest"},
        {"SHA512", digest("SHA512"), "DFBL", ""},
        {"no digest", digest(""), "DFBL", ""},
        {"398 days early", days(before_2026, 398 * DAY), "DFBL", ""},
        {"398 days and a second early", days(before_2026, 398 * DAY + 1), "DF.L",
         "policy_validity"},
        {"200 days", days(ISSUED, 200 * DAY), "DFBL", ""},
        {"200 days and a second", days(ISSUED, 200 * DAY + 1), "DF.L", "policy_validity"},
        {"100 days in 2027", days(in_2027, 100 * DAY), "DFBL", ""},
        {"101 days in 2027", days(in_2027, 101 * DAY), "DF.L", "policy_validity"},
        {"47 days in 2029", days(in_2029, 47 * DAY), "DFBL", ""},
        {"48 days in 2029", days(in_2029, 48 * DAY), "DF.L", "policy_validity"},
        {"a century", days(ISSUED, 36525 * DAY), "DF.L", "policy_validity"},
        {"ca of 25 years", ca_days(9132), "DFBL", ""},
        {"ca of 25 years and a day", ca_days(9133), "DF.L", "policy_validity"},
        {"server without names", nameless(true), "DF.L", "policy_san"},
        {"client without names", nameless(false), "DFBL", ""},
        {"exportable", exportable(), "D.BL", "policy_extractable"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        check_profiles(rows[i].name, &rows[i].certificate, rows[i].takes, rows[i].code);
    }
}

/* A policy that nobody filled in allows nothing but what it cannot judge. */
static void nothing_is_allowed_by_nothing(void **state)
{
    (void)state;
    struct sg_crypto_policy policy = {0};
    struct sg_policy_certificate certificate = sound();
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_crypto_policy_check(&policy, &certificate, &err), SG_E_INPUT);
    certificate = rsa(4096);
    assert_int_equal(sg_crypto_policy_check(&policy, &certificate, &err), SG_E_INPUT);
    assert_string_equal(err.code, "policy_digest");
}

static struct sg_crypto_policy with(const char *profile, const char *name, const char *value)
{
    struct sg_policy_settings settings = {0};
    assert_true(sg_policy_setting_parse(name, value, &settings));
    assert_true(sg_policy_setting_parse("policy", profile, &settings)); /* in any order */
    return sg_crypto_policy_resolve(&settings);
}

static void one_setting_overrides_one_value(void **state)
{
    (void)state;
    const struct {
        const char *profile, *name, *value;
        struct sg_policy_certificate refused, taken;
        const char *code;
    } rows[] = {
        {"default", "minimum_rsa_bits", "3072", rsa(3071), rsa(3072), "policy_key_size"},
        {"browser", "minimum_rsa_bits", "1024", rsa(1023), rsa(1024), "policy_key_size"},
        {"default", "curves", "p384", curve("EC P-256"), curve("EC P-384"), "policy_curve"},
        {"fips", "curves", "P256 ,ed25519", curve("EC P-521"), ed25519(), "policy_curve"},
        {"default", "signature_digests", "sha384, sha512", digest("sha256"), digest("sha384"),
         "policy_digest"},
        {"default", "leaf_days_max", "30", days(ISSUED, 30 * DAY + 1), days(ISSUED, 30 * DAY),
         "policy_validity"},
        {"default", "leaf_days_max", "baseline", days(ISSUED, 201 * DAY), days(ISSUED, 200 * DAY),
         "policy_validity"},
        {"default", "ca_days_max", "3650", ca_days(3651), ca_days(3650), "policy_validity"},
        {"default", "server_san_required", "yes", nameless(true), nameless(false), "policy_san"},
        {"default", "extractable_keys", "never", exportable(), sound(), "policy_extractable"},
        {"default", "ec_ca", "no", ca_days(10), sound(), "policy_ca_key"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_crypto_policy policy = with(rows[i].profile, rows[i].name, rows[i].value);
        struct sg_error err = SG_ERROR_INIT;
        if (sg_crypto_policy_check(&policy, &rows[i].taken, &err) != SG_OK) {
            fail_msg("%s = %s: %s", rows[i].name, rows[i].value, err.text);
        }
        assert_int_not_equal(sg_crypto_policy_check(&policy, &rows[i].refused, &err), SG_OK);
        assert_string_equal(err.code, rows[i].code);
        assert_non_null(strstr(err.text, rows[i].name)); /* the setting to change */
        assert_non_null(strstr(err.text, rows[i].profile));
    }
}

static void a_setting_can_loosen_a_profile_too(void **state)
{
    (void)state;
    struct sg_policy_settings settings = {0};
    struct sg_error err = SG_ERROR_INIT;
    assert_true(sg_policy_setting_parse("policy", "Browser", &settings));
    assert_true(sg_policy_setting_parse("leaf_days_max", "none", &settings));
    assert_true(sg_policy_setting_parse("server_san_required", "no", &settings));
    struct sg_crypto_policy policy = sg_crypto_policy_resolve(&settings);
    struct sg_policy_certificate certificate = nameless(true);
    certificate.not_after_s += 4000 * DAY;
    assert_int_equal(sg_crypto_policy_check(&policy, &certificate, &err), SG_OK);
    certificate.key_text = "EC secp256k1"; /* the rest of the profile stays */
    assert_int_equal(sg_crypto_policy_check(&policy, &certificate, &err), SG_E_INPUT);
}

static void values_that_are_none_change_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"policy", ""},
        {"policy", "strict"},
        {"policy", "fips "},
        {"minimum_rsa_bits", "1023"},
        {"minimum_rsa_bits", "16385"},
        {"minimum_rsa_bits", "-2048"},
        {"minimum_rsa_bits", "2048 bits"},
        {"minimum_rsa_bits", "0x800"},
        {"minimum_rsa_bits", "99999999999999999999"},
        {"curves", ""},
        {"curves", "p256,"},
        {"curves", ",p256"},
        {"curves", "p256,,p384"},
        {"curves", "p256 p384"},
        {"curves", "p256,p256"},
        {"curves", "p192"},
        {"curves", "none"},
        {"signature_digests", "md5"},
        {"signature_digests", "sha256,"},
        {"leaf_days_max", "0"},
        {"leaf_days_max", "36526"},
        {"leaf_days_max", "1000000"},
        {"leaf_days_max", "forever"},
        {"ca_days_max", "baseline"},
        {"ca_days_max", "-1"},
        {"server_san_required", "maybe"},
        {"extractable_keys", "yes"},
        {"ec_ca", "1"},
        {"no_such_setting", "yes"},
        {"", ""},
    };
    const struct sg_policy_settings none = {0};
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_policy_settings settings = {0};
        if (sg_policy_setting_parse(rows[i].name, rows[i].value, &settings)) {
            fail_msg("%s = \"%s\" was taken", rows[i].name, rows[i].value);
        }
        assert_memory_equal(&settings, &none, sizeof none);
    }
}

static void keys_from_outside_are_weak_where_the_policy_does_not_say_otherwise(void **state)
{
    (void)state;
    struct sg_crypto_policy usual = sg_crypto_policy_of(SG_PROFILE_DEFAULT);
    struct sg_crypto_policy legacy = sg_crypto_policy_of(SG_PROFILE_LEGACY);
    struct sg_crypto_policy strict = with("default", "minimum_rsa_bits", "4096");
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_crypto_policy_strength(&usual, SG_FAMILY_RSA, 1024, &err), SG_E_INPUT);
    assert_string_equal(err.code, "weak_key");
    assert_int_equal(sg_crypto_policy_strength(&legacy, SG_FAMILY_RSA, 1023, &err), SG_E_INPUT);
    assert_int_equal(sg_crypto_policy_strength(&legacy, SG_FAMILY_RSA, 16385, &err), SG_E_INPUT);
    assert_int_equal(sg_crypto_policy_strength(&legacy, SG_FAMILY_EC, 192, &err), SG_E_INPUT);
    assert_int_equal(sg_crypto_policy_strength(&legacy, SG_FAMILY_RSA, 1024, &err), SG_OK);
    /* what is stricter is for keys of ours: others' are warned about */
    assert_int_equal(sg_crypto_policy_strength(&strict, SG_FAMILY_RSA, 2048, &err), SG_OK);
}

static void certificates_of_a_kind_have_what_they_are_for(void **state)
{
    (void)state;
    const struct sg_certificate_profile *code = sg_certificate_profile_find("CODE");
    assert_string_equal(sg_certificate_profile_find("server")->eku, "serverAuth");
    assert_string_equal(sg_certificate_profile_find("client")->eku, "clientAuth");
    assert_string_equal(code->eku, "codeSigning");
    assert_true((code->x509 & SG_X509_DIGITAL_SIGNATURE) != 0);
    assert_false(sg_key_abilities(SG_FAMILY_RSA, code->usage, false).decrypt);
    assert_null(sg_certificate_profile_find("ca"));
    assert_null(sg_certificate_profile_find(""));
    assert_null(sg_certificate_profile_find("serve"));
}

/* ---- docs/policy.md ---- */

static void days_text(unsigned number, char out[16])
{
    if (number == SG_DAYS_BASELINE || number == SG_DAYS_NONE) {
        snprintf(out, 16, "%s", number == SG_DAYS_NONE ? "none" : "baseline");
    } else {
        snprintf(out, 16, "%u", number);
    }
}

static void must_have(const char *page, const char *line)
{
    if (strstr(page, line) == NULL) {
        fail_msg("docs/policy.md does not say: %s", line);
    }
}

static void the_page_has_the_table(void **state)
{
    (void)state;
    SG_BUFFER page;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&page, (size_t)1 << 20);
    assert_int_equal(sg_file_read(SIGNET_POLICY_PAGE, "page", &page, &err), SG_OK);
    const char *text = (const char *)page.data;
    char bits[200] = "| `minimum_rsa_bits` |", leaf[200] = "| `leaf_days_max` |",
         ca[200] = "| `ca_days_max` |", san[200] = "| `server_san_required` |",
         keys[200] = "| `extractable_keys` |", ec[200] = "| `ec_ca` |";
    for (unsigned i = 0; i < SG_PROFILE_COUNT; i++) {
        struct sg_crypto_policy policy = sg_crypto_policy_of((enum sg_policy_profile)i);
        char number[16];
#define ADD(line, ...) snprintf((line) + strlen(line), sizeof(line) - strlen(line), __VA_ARGS__)
        ADD(bits, " %u |", policy.minimum_rsa_bits);
        days_text(policy.leaf_days_max, number);
        ADD(leaf, " %s |", number);
        days_text(policy.ca_days_max, number);
        ADD(ca, " %s |", number);
        ADD(san, " %s |", policy.server_san ? "yes" : "no");
        ADD(keys, " %s |", policy.extractable_keys ? "allowed" : "never");
        ADD(ec, " %s |", policy.ec_ca ? "yes" : "no");
#undef ADD
    }
    const char *const lines[] = {bits, leaf, ca, san, keys, ec};
    for (size_t i = 0; i < SG_COUNT(lines); i++) {
        must_have(text, lines[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_profile_decides_as_its_table_says),
        cmocka_unit_test(nothing_is_allowed_by_nothing),
        cmocka_unit_test(one_setting_overrides_one_value),
        cmocka_unit_test(a_setting_can_loosen_a_profile_too),
        cmocka_unit_test(values_that_are_none_change_nothing),
        cmocka_unit_test(keys_from_outside_are_weak_where_the_policy_does_not_say_otherwise),
        cmocka_unit_test(certificates_of_a_kind_have_what_they_are_for),
        cmocka_unit_test(the_page_has_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
