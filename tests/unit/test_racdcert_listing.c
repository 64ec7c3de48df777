/* RACF's listings, from the answers of the operations. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <signet/racdcert/listing.h>

#define NOW_S 1795000000 /* 2026-11-18T10:26:40Z */
#define FINGERPRINT "a3f27400112233445566778899aabbcc9fc800000000000000000000000000ff"
#define NOT_HEX "g3f27400112233445566778899aabbcc9fc800000000000000000000000000ff"

struct listing {
    json_t *answer;
    struct sg_racdcert_listing_options options;
    struct sg_buffer out;
    struct sg_error err;
};

static int begin(void **state)
{
    struct listing *listing = calloc(1, sizeof *listing);
    listing->options.now_s = NOW_S;
    sg_buffer_init(&listing->out, 1 << 20);
    *state = listing;
    return setenv("TZ", "UTC", 1);
}

static int end(void **state)
{
    struct listing *listing = *state;
    json_decref(listing->answer);
    sg_buffer_done(&listing->out);
    free(listing);
    return 0;
}

static json_t *certificate(void)
{
    json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "owner", "CERTAUTH",
                             "label", "zOSMFCA", "certificate_id", "2QiJmZmDhZmjganW4tTGw8FA",
                             "status", "TRUST", "not_before", "2013-11-18T16:00:00Z", "not_after",
                             "2031-08-21T15:59:59Z", "serial", "00", "issuer_dotted",
                             "CN=z/OSMF CertAuth for Security Domain.OU=IZUDFLT", "subject_dotted",
                             "CN=z/OSMF CertAuth for Security Domain.OU=IZUDFLT");
    json_t *rest =
        json_pack("{s:[sss], s:s, s:[ss], s:s, s:i, s:b, s:s, s:[{s:s, s:s}], s:b}", "sans",
                  "dns:www.ibm.com", "ip:127.0.0.5", "email:choi@us.ibm.com", "signature_algorithm",
                  "sha1WithRSAEncryption", "key_usage", "keyCertSign", "cRLSign", "key", "RSA 1024",
                  "key_bits", 1024, "private_key", 1, "fingerprint_sha256", FINGERPRINT, "rings",
                  "owner", "IZUSVR", "ring", "IZUKeyring.IZUDFLT", "placeholder", 0);
    assert_non_null(item);
    assert_non_null(rest);
    assert_int_equal(json_object_update(item, rest), 0);
    json_decref(rest);
    return item;
}

static sg_status run(struct listing *listing, enum sg_racdcert_listing kind)
{
    listing->out.len = 0;
    sg_error_clear(&listing->err);
    return sg_racdcert_listing(kind, listing->answer, &listing->options, &listing->out,
                               &listing->err);
}

static const char *text(struct listing *listing, enum sg_racdcert_listing kind)
{
    sg_status s = run(listing, kind);
    if (s != SG_OK) {
        print_error("%s\n", listing->err.text);
    }
    assert_int_equal(s, SG_OK);
    return listing->out.len > 0 ? (const char *)listing->out.data : "";
}

static void assert_listed(struct listing *listing, enum sg_racdcert_listing kind,
                          const char *expected)
{
    assert_string_equal(text(listing, kind), expected);
}

static void assert_holds(struct listing *listing, enum sg_racdcert_listing kind, const char *piece)
{
    const char *out = text(listing, kind);
    if (strstr(out, piece) == NULL) {
        print_error("not found:\n%s\nin:\n%s\n", piece, out);
        fail();
    }
}

static void assert_lacks(struct listing *listing, enum sg_racdcert_listing kind, const char *piece)
{
    assert_null(strstr(text(listing, kind), piece));
}

static void set(json_t *object, const char *key, json_t *value)
{
    assert_non_null(value);
    assert_int_equal(json_object_set_new(object, key, value), 0);
}

/* ---- LIST ---- */

static const char whole[] = "Digital certificate information for CERTAUTH:\n"
                            "\n"
                            "  Label: zOSMFCA\n"
                            "  Certificate ID: 2QiJmZmDhZmjganW4tTGw8FA\n"
                            "  Status: TRUST\n"
                            "  Start Date: 2013/11/18 16:00:00\n"
                            "  End Date:   2031/08/21 15:59:59\n"
                            "  Serial Number:\n"
                            "       >00<\n"
                            "  Issuer's Name:\n"
                            "       >CN=z/OSMF CertAuth for Security Domain.OU=IZUDFLT<\n"
                            "  Subject's Name:\n"
                            "       >CN=z/OSMF CertAuth for Security Domain.OU=IZUDFLT<\n"
                            "  Subject's AltNames:\n"
                            "    IP: 127.0.0.5\n"
                            "    EMail: choi at us.ibm.com\n"
                            "    Domain: www.ibm.com\n"
                            "  Signing Algorithm: sha1RSA\n"
                            "  Key Usage: CERTSIGN\n"
                            "  Key Type: RSA\n"
                            "  Key Size: 1024\n"
                            "  Private Key: YES\n"
                            "  Certificate Fingerprint (SHA256):\n"
                            "       A3:F2:74:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:\n"
                            "       9F:C8:00:00:00:00:00:00:00:00:00:00:00:00:00:FF\n"
                            "  Ring Associations:\n"
                            "    Ring Owner: IZUSVR\n"
                            "    Ring:\n"
                            "       >IZUKeyring.IZUDFLT<\n";

static void list_of_one_certificate_has_every_line(void **state)
{
    struct listing *listing = *state;
    listing->answer = certificate();
    assert_listed(listing, SG_LISTING_LIST, whole);
}

static void list_of_many_has_one_heading(void **state)
{
    struct listing *listing = *state;
    listing->answer = json_pack("{s:[o, o]}", "items", certificate(), certificate());
    const char *out = text(listing, SG_LISTING_LIST);
    size_t heading = strlen("Digital certificate information for CERTAUTH:\n");
    assert_memory_equal(out, whole, strlen(whole));
    assert_string_equal(out + strlen(whole), whole + heading);
}

static void a_further_page_has_no_heading(void **state)
{
    struct listing *listing = *state;
    listing->options.continued = true;
    listing->answer = json_pack("{s:[o]}", "items", certificate());
    assert_listed(listing, SG_LISTING_LIST, strchr(whole, '\n') + 1);
}

static void nothing_is_listed_of_nothing(void **state)
{
    struct listing *listing = *state;
    listing->answer = json_pack("{s:[]}", "items");
    assert_listed(listing, SG_LISTING_LIST, "");
}

static void a_user_is_called_a_user(void **state)
{
    struct listing *listing = *state;
    listing->answer = certificate();
    set(listing->answer, "owner", json_string("START1"));
    assert_holds(listing, SG_LISTING_LIST, "Digital certificate information for user START1:\n");
    set(listing->answer, "owner", json_string("SITE"));
    assert_holds(listing, SG_LISTING_LIST, "Digital certificate information for SITE:\n");
}

static void what_a_certificate_lacks_has_no_line(void **state)
{
    struct listing *listing = *state;
    listing->answer = certificate();
    set(listing->answer, "sans", json_array());
    set(listing->answer, "key_usage", json_array());
    set(listing->answer, "certificate_id", json_null());
    set(listing->answer, "private_key", json_false());
    assert_lacks(listing, SG_LISTING_LIST, "AltNames");
    assert_lacks(listing, SG_LISTING_LIST, "Key Usage");
    assert_lacks(listing, SG_LISTING_LIST, "Certificate ID");
    assert_holds(listing, SG_LISTING_LIST, "  Private Key: NO\n");
    set(listing->answer, "private_key", json_null());
    assert_lacks(listing, SG_LISTING_LIST, "Private Key");
}

static void no_ring_and_many_rings(void **state)
{
    struct listing *listing = *state;
    listing->answer = certificate();
    set(listing->answer, "rings", json_array());
    assert_holds(listing, SG_LISTING_LIST, "  Ring Associations:\n  *** No rings associated ***\n");
    set(listing->answer, "rings",
        json_pack("[{s:s, s:s}, {s:s, s:s}]", "owner", "A", "ring", "one", "owner", "B", "ring",
                  "two"));
    assert_holds(listing, SG_LISTING_LIST,
                 "  Ring Associations:\n    Ring Owner: A\n    Ring:\n       >one<\n"
                 "    Ring Owner: B\n    Ring:\n       >two<\n");
}

static void long_values_are_wrapped_at_68_characters(void **state)
{
    struct listing *listing = *state;
    char name[2 + 1 + 137 + 1] = "CN=";
    memset(name + 3, 'x', 133);
    listing->answer = certificate();
    set(listing->answer, "subject_dotted", json_string(name)); /* 136: exactly two pieces */
    char expected[400];
    snprintf(expected, sizeof expected,
             "  Subject's Name:\n       >CN=%.65s<\n       >%.68s<\n  Subject's AltNames", name + 3,
             name + 3);
    assert_holds(listing, SG_LISTING_LIST, expected);
    memset(name + 3, 'x', 134);
    set(listing->answer, "subject_dotted", json_string(name));
    snprintf(expected, sizeof expected,
             "  Subject's Name:\n       >CN=%.65s<\n       >%.68s<\n       >x<\n", name + 3,
             name + 3);
    assert_holds(listing, SG_LISTING_LIST, expected);
}

static void no_character_is_split_by_wrapping(void **state)
{
    struct listing *listing = *state;
    char name[3 + 2 * 70 + 1] = "CN=";
    char expected[400];
    for (size_t i = 0; i < 70; i++) {
        memcpy(name + 3 + 2 * i, "\xC3\xBC", 2);
    }
    name[3 + 2 * 70] = '\0';
    listing->answer = certificate();
    set(listing->answer, "subject_dotted", json_string(name));
    snprintf(expected, sizeof expected, "       >CN=%.130s<\n       >%.10s<\n  Subject's Alt",
             name + 3, name + 3);
    assert_holds(listing, SG_LISTING_LIST, expected);
}

static void an_empty_subject_is_an_empty_block(void **state)
{
    struct listing *listing = *state;
    listing->answer = certificate();
    set(listing->answer, "subject_dotted", json_string(""));
    assert_holds(listing, SG_LISTING_LIST, "  Subject's Name:\n       ><\n  Subject's AltNames");
}

static void dates_are_local_time_on_both_sides_of_a_change(void **state)
{
    struct listing *listing = *state;
    listing->answer = certificate();
    setenv("TZ", "Europe/Berlin", 1);
    /* summer time ended 2026-10-25 at 01:00 UTC: the hour before and the hour after it look alike
     */
    set(listing->answer, "not_before", json_string("2026-10-25T00:30:00Z"));
    set(listing->answer, "not_after", json_string("2026-10-25T01:30:00Z"));
    assert_holds(listing, SG_LISTING_LIST,
                 "  Start Date: 2026/10/25 02:30:00\n  End Date:   2026/10/25 02:30:00\n");
    /* and began 2027-03-28 at 01:00 UTC: 02:xx does not exist */
    set(listing->answer, "not_before", json_string("2027-03-28T00:59:59Z"));
    set(listing->answer, "not_after", json_string("2027-03-28T01:00:00Z"));
    assert_holds(listing, SG_LISTING_LIST,
                 "  Start Date: 2027/03/28 01:59:59\n  End Date:   2027/03/28 03:00:00\n");
    setenv("TZ", "America/New_York", 1);
    assert_holds(listing, SG_LISTING_LIST, "  Start Date: 2027/03/27 20:59:59\n");
}

static void far_years_are_listed(void **state)
{
    struct listing *listing = *state;
    listing->answer = certificate();
    set(listing->answer, "not_before", json_string("1950-01-01T00:00:00Z"));
    set(listing->answer, "not_after", json_string("9999-12-31T23:59:59Z"));
    assert_holds(listing, SG_LISTING_LIST,
                 "  Start Date: 1950/01/01 00:00:00\n  End Date:   9999/12/31 23:59:59\n");
}

static void remarks_follow_racf_lines(void **state)
{
    struct listing *listing = *state;
    listing->answer = certificate();
    set(listing->answer, "status", json_string("NOTRUST"));
    set(listing->answer, "not_after", json_string("2026-11-18T10:00:00Z"));
    set(listing->answer, "placeholder", json_true());
    assert_holds(listing, SG_LISTING_LIST,
                 "       >IZUKeyring.IZUDFLT<\n"
                 "  *** NOTRUST: hidden from programs in every ring ***\n"
                 "  *** expired ***\n"
                 "  *** self-signed until a CA's answer is added ***\n");
    set(listing->answer, "not_before", json_string("2027-01-01T00:00:00Z"));
    set(listing->answer, "not_after", json_string("2028-01-01T00:00:00Z"));
    assert_holds(listing, SG_LISTING_LIST, "  *** not yet valid ***\n");
    assert_lacks(listing, SG_LISTING_LIST, "rolled over");
    set(listing->answer, "may_sign", json_true());
    assert_lacks(listing, SG_LISTING_LIST, "rolled over");
    set(listing->answer, "may_sign", json_false());
    assert_holds(listing, SG_LISTING_LIST,
                 "  *** rolled over: the key is kept for decryption and signs no more ***\n");
}

static void other_kinds_of_altnames_come_last(void **state)
{
    struct listing *listing = *state;
    listing->answer = certificate();
    set(listing->answer, "sans",
        json_pack("[ssssss]", "other:1.2.3", "uri:https://a/", "dns:a", "dns:b", "email:no sign",
                  "email:a@b@c"));
    assert_holds(listing, SG_LISTING_LIST,
                 "  Subject's AltNames:\n    EMail: no sign\n    EMail: a@b at c\n    Domain: a\n"
                 "    Domain: b\n    URI: https://a/\n    Other: other:1.2.3\n  Signing");
}

static void key_usages_have_racf_words(void **state)
{
    struct listing *listing = *state;
    listing->answer = certificate();
    set(listing->answer, "key_usage",
        json_pack("[sssssss]", "digitalSignature", "nonRepudiation", "keyEncipherment",
                  "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign"));
    assert_holds(listing, SG_LISTING_LIST,
                 "  Key Usage: HANDSHAKE, DATAENCRYPT, DOCSIGN, CERTSIGN, KEYAGREE\n");
    set(listing->answer, "key_usage", json_pack("[s]", "digitalSignature"));
    assert_holds(listing, SG_LISTING_LIST, "  Key Usage: HANDSHAKE\n");
    set(listing->answer, "key_usage", json_pack("[s]", "encipherOnly"));
    assert_lacks(listing, SG_LISTING_LIST, "Key Usage");
}

static void algorithms_and_keys_have_racf_words(void **state)
{
    static const struct {
        const char *algorithm, *shown, *key, *type;
        int bits;
    } cases[] = {
        {"sha256WithRSAEncryption", "sha256RSA", "rsa:2048", "RSA", 2048},
        {"ecdsa-with-SHA384", "sha384ECDSA", "ec:p384", "NIST ECC", 384},
        {"ecdsa-with-SHA256", "sha256ECDSA", "EC brainpoolP256r1", "Brainpool ECC", 256},
        {"dsa_with_SHA256", "sha256DSA", "DSA 2048", "DSA", 2048},
        {"ED25519", "ED25519", "ed25519", "Ed25519", 256},
        {"unknown", "UNKNOWN", "ec:secp256k1", "ECC secp256k1", 256},
        {"rsassaPss", "rsassaPss", "EC secp224r1", "NIST ECC", 224},
        {"1.2.3", "1.2.3", "X9 17", "X9 17", 17},
    };
    struct listing *listing = *state;
    listing->answer = certificate();
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        char expected[200];
        set(listing->answer, "signature_algorithm", json_string(cases[i].algorithm));
        set(listing->answer, "key", json_string(cases[i].key));
        set(listing->answer, "key_bits", json_integer(cases[i].bits));
        snprintf(expected, sizeof expected, "  Signing Algorithm: %s\n", cases[i].shown);
        assert_holds(listing, SG_LISTING_LIST, expected);
        snprintf(expected, sizeof expected, "  Key Type: %s\n  Key Size: %d\n", cases[i].type,
                 cases[i].bits);
        assert_holds(listing, SG_LISTING_LIST, expected);
    }
}

static void nothing_reaches_the_terminal_as_a_control(void **state)
{
    struct listing *listing = *state;
    listing->answer = certificate();
    set(listing->answer, "label", json_string("a\nb\x1b[31m\x7f\xC2\x9B"));
    set(listing->answer, "subject_dotted", json_string("CN=a\nb"));
    assert_holds(listing, SG_LISTING_LIST, "  Label: a?b?[31m??\n");
    assert_holds(listing, SG_LISTING_LIST, "       >CN=a?b<\n");
}

static void list_names_the_key_that_is_missing(void **state)
{
    static const char *const keys[] = {
        "owner",         "status",         "not_before",  "not_after",           "serial",
        "issuer_dotted", "subject_dotted", "sans",        "signature_algorithm", "key_usage",
        "key",           "key_bits",       "private_key", "fingerprint_sha256"};
    struct listing *listing = *state;
    for (size_t i = 0; i < SG_COUNT(keys); i++) {
        char quoted[64];
        json_decref(listing->answer);
        listing->answer = certificate();
        assert_int_equal(json_object_del(listing->answer, keys[i]), 0);
        assert_int_equal(run(listing, SG_LISTING_LIST), SG_E_SERVICE);
        assert_string_equal(listing->err.code, "bad_answer");
        snprintf(quoted, sizeof quoted, "\"%s\"", keys[i]);
        assert_non_null(strstr(listing->err.text, quoted));
    }
}

static void list_refuses_other_types(void **state)
{
    static const char *const keys[] = {"owner",
                                       "label",
                                       "certificate_id",
                                       "status",
                                       "not_before",
                                       "not_after",
                                       "serial",
                                       "issuer_dotted",
                                       "subject_dotted",
                                       "sans",
                                       "signature_algorithm",
                                       "key_usage",
                                       "key",
                                       "key_bits",
                                       "private_key",
                                       "fingerprint_sha256",
                                       "rings"};
    struct listing *listing = *state;
    for (size_t i = 0; i < SG_COUNT(keys); i++) {
        json_decref(listing->answer);
        listing->answer = certificate();
        set(listing->answer, keys[i], json_pack("{s:i}", "x", 1));
        assert_int_equal(run(listing, SG_LISTING_LIST), SG_E_SERVICE);
        assert_string_equal(listing->err.code, "bad_answer");
    }
}

static void list_refuses_lists_of_other_things(void **state)
{
    struct listing *listing = *state;
    static const char *const keys[] = {"sans", "key_usage", "rings"};
    for (size_t i = 0; i < SG_COUNT(keys); i++) {
        json_decref(listing->answer);
        listing->answer = certificate();
        set(listing->answer, keys[i], json_pack("[i]", 7));
        assert_int_equal(run(listing, SG_LISTING_LIST), SG_E_SERVICE);
    }
    json_decref(listing->answer);
    listing->answer = json_pack("{s:[i]}", "items", 7);
    assert_int_equal(run(listing, SG_LISTING_LIST), SG_E_SERVICE);
    json_decref(listing->answer);
    listing->answer = json_pack("{s:{}}", "items");
    assert_int_equal(run(listing, SG_LISTING_LIST), SG_E_SERVICE);
    json_decref(listing->answer);
    listing->answer = json_array();
    assert_int_equal(run(listing, SG_LISTING_LIST), SG_E_SERVICE);
}

static void list_refuses_values_it_cannot_show(void **state)
{
    struct listing *listing = *state;
    static const char *const times[] = {"", "2026-11-18", "2026-11-18T10:00:00",
                                        "2026-11-18T10:00:00Zx", "yesterday"};
    static const char *const prints[] = {"", "00", (FINGERPRINT "00"), (NOT_HEX)};
    for (size_t i = 0; i < SG_COUNT(times); i++) {
        json_decref(listing->answer);
        listing->answer = certificate();
        set(listing->answer, "not_after", json_string(times[i]));
        assert_int_equal(run(listing, SG_LISTING_LIST), SG_E_SERVICE);
    }
    for (size_t i = 0; i < SG_COUNT(prints); i++) {
        json_decref(listing->answer);
        listing->answer = certificate();
        set(listing->answer, "fingerprint_sha256", json_string(prints[i]));
        assert_int_equal(run(listing, SG_LISTING_LIST), SG_E_SERVICE);
    }
}

static void a_full_buffer_is_said(void **state)
{
    struct listing *listing = *state;
    listing->answer = certificate();
    for (size_t max = 0; max < strlen(whole); max += 97) {
        sg_buffer_done(&listing->out);
        sg_buffer_init(&listing->out, max);
        assert_int_equal(run(listing, SG_LISTING_LIST), SG_E_LIMIT);
    }
}

static void the_next_page_begins_after_a_label(void **state)
{
    struct listing *listing = *state;
    listing->answer = json_pack("{s:[], s:s}", "items", "next", "web 100");
    assert_string_equal(sg_racdcert_listing_next(listing->answer), "web 100");
    assert_int_equal(json_object_del(listing->answer, "next"), 0);
    assert_null(sg_racdcert_listing_next(listing->answer));
    set(listing->answer, "next", json_integer(7));
    assert_null(sg_racdcert_listing_next(listing->answer));
}

/* ---- LISTRING ---- */

static json_t *member(const char *owner, const char *label, const char *usage, int is_default,
                      int visible)
{
    json_t *item =
        json_pack("{s:s, s:s, s:s, s:b, s:b, s:s}", "owner", owner, "label", label, "usage", usage,
                  "default", is_default, "visible", visible, "not_after", "2031-08-21T15:59:59Z");
    assert_non_null(item);
    return item;
}

static json_t *ring(json_t *items)
{
    json_t *answer =
        json_pack("{s:s, s:s, s:o}", "owner", "IZUSVR", "ring", "zOSMFRing2", "items", items);
    assert_non_null(answer);
    return answer;
}

#define RING_HEADING                                                                               \
    "Digital ring information for user IZUSVR:\n"                                                  \
    "\n"                                                                                           \
    "  Ring:\n"                                                                                    \
    "       >zOSMFRing2<\n"
#define RING_COLUMNS                                                                               \
    "  Certificate Label Name             Cert Owner     USAGE      DEFAULT\n"                     \
    "  --------------------------------   ------------   --------   -------\n"

static void listring_keeps_the_columns(void **state)
{
    struct listing *listing = *state;
    listing->answer = ring(json_pack("[o, o]", member("CERTAUTH", "zOSMFCA2", "CERTAUTH", 0, 1),
                                     member("IZUSVR", "zOSMFServer2", "PERSONAL", 1, 1)));
    assert_listed(listing, SG_LISTING_LISTRING,
                  RING_HEADING RING_COLUMNS
                  "  zOSMFCA2                           CERTAUTH       CERTAUTH     NO\n"
                  "  zOSMFServer2                       ID(IZUSVR)     PERSONAL     YES\n");
}

static void listring_of_an_empty_ring(void **state)
{
    struct listing *listing = *state;
    listing->answer = ring(json_array());
    assert_listed(listing, SG_LISTING_LISTRING,
                  RING_HEADING "\n  *** No certificates connected ***\n");
}

static void a_further_ring_has_no_heading(void **state)
{
    struct listing *listing = *state;
    listing->options.continued = true;
    listing->answer = ring(json_array());
    assert_listed(listing, SG_LISTING_LISTRING,
                  "\n  Ring:\n       >zOSMFRing2<\n\n  *** No certificates connected ***\n");
}

static void listring_says_what_programs_do_not_see(void **state)
{
    struct listing *listing = *state;
    json_t *old = member("SITE", "old", "SITE", 0, 0);
    set(old, "not_after", json_string("2020-01-01T00:00:00Z"));
    json_t *late = member("SITE", "late", "SITE", 0, 1);
    set(late, "not_after", json_string("2020-01-01T00:00:00Z"));
    listing->answer =
        ring(json_pack("[o, o, o]", member("IZUSVR", "web", "PERSONAL", 1, 0), old, late));
    assert_listed(listing, SG_LISTING_LISTRING,
                  RING_HEADING RING_COLUMNS
                  "  web                                ID(IZUSVR)     PERSONAL     YES\n"
                  "  old                                SITE           SITE         NO\n"
                  "  late                               SITE           SITE         NO\n"
                  "\n"
                  "  *** web of IZUSVR: hidden from programs (NOTRUST) ***\n"
                  "  *** old of SITE: hidden from programs (NOTRUST), expired ***\n"
                  "  *** late of SITE: expired ***\n");
}

static void wide_names_are_never_cut(void **state)
{
    struct listing *listing = *state;
    listing->answer = ring(json_pack(
        "[o, o, o]", member("IZUSVR", "12345678901234567890123456789012", "PERSONAL", 0, 1),
        member("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", "Z\xC3\xBCrich \xE2\x82\xAC", "CERTAUTH", 0, 1),
        member("ABCDEFGHI", "x", "SITE", 0, 1)));
    assert_holds(listing, SG_LISTING_LISTRING,
                 "\n  12345678901234567890123456789012   ID(IZUSVR)     PERSONAL     NO\n");
    assert_holds(listing, SG_LISTING_LISTRING,
                 "\n  Z\xC3\xBCrich \xE2\x82\xAC                           "
                 "ID(ABCDEFGHIJKLMNOPQRSTUVWXYZ012345)   CERTAUTH     NO\n");
    assert_holds(listing, SG_LISTING_LISTRING,
                 "\n  x                                  ID(ABCDEFGHI)   SITE         NO\n");
}

static void a_long_ring_name_is_wrapped(void **state)
{
    struct listing *listing = *state;
    char name[238];
    char expected[400];
    memset(name, 'r', 237);
    name[237] = '\0';
    listing->answer = ring(json_array());
    set(listing->answer, "ring", json_string(name));
    snprintf(expected, sizeof expected,
             "  Ring:\n       >%.68s<\n       >%.68s<\n       >%.68s<\n       >%.33s<\n\n", name,
             name, name, name);
    assert_holds(listing, SG_LISTING_LISTRING, expected);
}

static void listring_names_the_key_that_is_wrong(void **state)
{
    static const char *const keys[] = {"owner",   "label",   "usage",
                                       "default", "visible", "not_after"};
    struct listing *listing = *state;
    for (size_t i = 0; i < SG_COUNT(keys); i++) {
        for (int wrong = 0; wrong < 2; wrong++) {
            json_t *item = member("IZUSVR", "web", "PERSONAL", 1, 1);
            if (wrong) {
                set(item, keys[i], json_array());
            } else {
                assert_int_equal(json_object_del(item, keys[i]), 0);
            }
            json_decref(listing->answer);
            listing->answer = ring(json_pack("[o]", item));
            assert_int_equal(run(listing, SG_LISTING_LISTRING), SG_E_SERVICE);
            assert_string_equal(listing->err.code, "bad_answer");
            assert_non_null(strstr(listing->err.text, keys[i]));
        }
    }
}

static void listring_refuses_what_is_no_ring(void **state)
{
    static const char *const keys[] = {"owner", "ring", "items"};
    struct listing *listing = *state;
    for (size_t i = 0; i < SG_COUNT(keys); i++) {
        json_decref(listing->answer);
        listing->answer = ring(json_array());
        assert_int_equal(json_object_del(listing->answer, keys[i]), 0);
        assert_int_equal(run(listing, SG_LISTING_LISTRING), SG_E_SERVICE);
    }
}

/* ---- LISTCHAIN ---- */

static json_t *chain(int complete)
{
    json_t *leaf = certificate();
    set(leaf, "owner", json_string("CHOI"));
    set(leaf, "label", json_string("samplecert"));
    json_t *answer =
        json_pack("{s:[o, o], s:b}", "items", leaf, certificate(), "complete", complete);
    assert_non_null(answer);
    return answer;
}

static json_t *chain_member(struct listing *listing, size_t i)
{
    return json_array_get(json_object_get(listing->answer, "items"), i);
}

static void listchain_numbers_the_certificates(void **state)
{
    struct listing *listing = *state;
    listing->answer = chain(1);
    const char *out = text(listing, SG_LISTING_LISTCHAIN);
    static const char first[] = "Certificate 1:\n"
                                "Digital certificate information for user CHOI:\n"
                                "\n"
                                "  Label: samplecert\n";
    assert_memory_equal(out, first, strlen(first));
    assert_holds(listing, SG_LISTING_LISTCHAIN,
                 "       >IZUKeyring.IZUDFLT<\n"
                 "Certificate 2:\n"
                 "Digital certificate information for CERTAUTH:\n"
                 "\n"
                 "  Label: zOSMFCA\n");
    assert_holds(listing, SG_LISTING_LISTCHAIN,
                 "       >IZUKeyring.IZUDFLT<\n"
                 "Chain information:\n"
                 "  Chain contains 2 certificate(s), chain is complete\n"
                 "  Chain contains ring in common: IZUSVR/IZUKeyring.IZUDFLT\n");
}

static void listchain_sums_up_what_is_wrong(void **state)
{
    struct listing *listing = *state;
    listing->answer = chain(0);
    set(chain_member(listing, 1), "status", json_string("NOTRUST"));
    set(chain_member(listing, 0), "not_after", json_string("2020-01-01T00:00:00Z"));
    set(chain_member(listing, 1), "rings", json_array());
    assert_holds(listing, SG_LISTING_LISTCHAIN,
                 "Chain information:\n"
                 "  Chain contains 2 certificate(s), chain is incomplete\n"
                 "  Chain contains expired certificate(s)\n"
                 "  Chain contains NOTRUST certificate(s)\n");
    assert_lacks(listing, SG_LISTING_LISTCHAIN, "in common");
}

static void rings_of_one_name_are_not_in_common(void **state)
{
    struct listing *listing = *state;
    listing->answer = chain(1);
    set(chain_member(listing, 1), "rings",
        json_pack("[{s:s, s:s}]", "owner", "OTHER", "ring", "IZUKeyring.IZUDFLT"));
    assert_lacks(listing, SG_LISTING_LISTCHAIN, "in common");
    set(chain_member(listing, 1), "rings",
        json_pack("[{s:s, s:s}]", "owner", "IZUSVR", "ring", "izukeyring.izudflt"));
    assert_lacks(listing, SG_LISTING_LISTCHAIN, "in common");
}

static void all_rings_in_common_are_named(void **state)
{
    struct listing *listing = *state;
    listing->answer = chain(1);
    for (size_t i = 0; i < 2; i++) {
        set(chain_member(listing, i), "rings",
            json_pack("[{s:s, s:s}, {s:s, s:s}]", "owner", "A", "ring", "x", "owner", "B", "ring",
                      "y z"));
    }
    assert_holds(listing, SG_LISTING_LISTCHAIN,
                 "  Chain contains ring in common: A/x\n  Chain contains ring in common: B/y z\n");
}

static void listchain_refuses_what_is_no_chain(void **state)
{
    struct listing *listing = *state;
    static const char *const keys[] = {"items", "complete"};
    for (size_t i = 0; i < SG_COUNT(keys); i++) {
        json_decref(listing->answer);
        listing->answer = chain(1);
        assert_int_equal(json_object_del(listing->answer, keys[i]), 0);
        assert_int_equal(run(listing, SG_LISTING_LISTCHAIN), SG_E_SERVICE);
        assert_non_null(strstr(listing->err.text, keys[i]));
    }
}

/* An issuer that may not be listed has no owner and no rings. */
static void listchain_shows_what_may_not_be_listed_bare(void **state)
{
    struct listing *listing = *state;
    json_decref(listing->answer);
    listing->answer = chain(1);
    assert_int_equal(json_object_del(chain_member(listing, 1), "rings"), 0);
    assert_int_equal(json_object_del(chain_member(listing, 1), "owner"), 0);
    assert_int_equal(run(listing, SG_LISTING_LISTCHAIN), SG_OK);
    assert_non_null(strstr((const char *)listing->out.data,
                           "Certificate 2:\nDigital certificate information:\n"));
    assert_null(strstr((const char *)listing->out.data, "ring in common"));
}

/* ---- LISTMAP ---- */

static void listmap_has_the_filters(void **state)
{
    struct listing *listing = *state;
    listing->answer =
        json_pack("{s:[{s:s, s:s, s:s, s:s, s:n, s:s}]}", "items", "owner", "MULTIID", "label",
                  "All Michael's Music Employees", "status", "TRUST", "issuer_filter",
                  "OU=Michael's Music General Subscriber.O=VeriSign, Inc.L=Internet",
                  "subject_filter", "criteria", "APPLID=&APPLID");
    assert_listed(listing, SG_LISTING_LISTMAP,
                  "Mapping information for MULTIID:\n"
                  " Label: All Michael's Music Employees\n"
                  " Status: TRUST\n"
                  " Issuer's Name Filter:\n"
                  "      >OU=Michael's Music General Subscriber.O=VeriSign, Inc.L=Internet<\n"
                  " Subject's Name Filter:\n"
                  "      ><\n"
                  " Criteria: APPLID=&APPLID\n");
}

static void listmap_of_many_has_one_heading(void **state)
{
    struct listing *listing = *state;
    char filter[256];
    char expected[600];
    memset(filter, 'f', 255);
    filter[255] = '\0';
    listing->answer = json_pack("{s:[{s:s, s:s, s:s, s:s, s:s}, {s:s, s:s, s:s, s:s}]}", "items",
                                "owner", "WEBUSER", "label", "one", "status", "NOTRUST",
                                "subject_filter", "O=a", "criteria", "", "owner", "WEBUSER",
                                "label", "two", "status", "TRUST", "issuer_filter", filter);
    snprintf(expected, sizeof expected,
             "Mapping information for user WEBUSER:\n"
             " Label: one\n Status: NOTRUST\n Issuer's Name Filter:\n      ><\n"
             " Subject's Name Filter:\n      >O=a<\n"
             "\n"
             " Label: two\n Status: TRUST\n Issuer's Name Filter:\n"
             "      >%.68s<\n      >%.68s<\n      >%.68s<\n      >%.51s<\n"
             " Subject's Name Filter:\n      ><\n",
             filter, filter, filter, filter);
    assert_listed(listing, SG_LISTING_LISTMAP, expected);
}

static void listmap_refuses_what_is_no_map(void **state)
{
    static const char *const keys[] = {"owner", "label", "status"};
    struct listing *listing = *state;
    listing->answer = json_object();
    assert_int_equal(run(listing, SG_LISTING_LISTMAP), SG_E_SERVICE);
    for (size_t i = 0; i < SG_COUNT(keys); i++) {
        json_decref(listing->answer);
        listing->answer = json_pack("{s:[{s:s, s:s, s:s}]}", "items", "owner", "A", "label", "x",
                                    "status", "TRUST");
        assert_int_equal(run(listing, SG_LISTING_LISTMAP), SG_OK);
        json_object_del(json_array_get(json_object_get(listing->answer, "items"), 0), keys[i]);
        assert_int_equal(run(listing, SG_LISTING_LISTMAP), SG_E_SERVICE);
    }
    set(json_array_get(json_object_get(listing->answer, "items"), 0), "status",
        json_string("TRUST"));
    set(json_array_get(json_object_get(listing->answer, "items"), 0), "criteria", json_true());
    assert_int_equal(run(listing, SG_LISTING_LISTMAP), SG_E_SERVICE);
}

#define LISTING_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static json_t *token(json_t *items)
{
    json_t *answer = json_pack("{s:s, s:o}", "token", "FTP.TLS", "items", items);
    assert_non_null(answer);
    return answer;
}

static json_t *bound(int number, const char *owner, const char *label, int visible)
{
    json_t *item = member(owner, label, "PERSONAL", number == 7, visible);
    set(item, "sequence_number", json_integer(number));
    set(item, "private_key", json_boolean(number == 7));
    return item;
}

static void listtoken_shows_what_is_bound(void **state)
{
    struct listing *listing = *state;
    listing->answer =
        token(json_pack("[o, o]", bound(7, "FTPSRV", "FTP key", 1), bound(12, "SITE", "late", 0)));
    assert_listed(listing, SG_LISTING_LISTTOKEN,
                  "Token: FTP.TLS\n\n"
                  "Seq Num   Attributes            Labels\n"
                  "--------  --------------------  ------------------------------\n"
                  "00000007  Default:  YES         RACF: FTP key\n"
                  "          Priv Key: YES\n"
                  "          Usage:    PERSONAL\n"
                  "          Owner:    ID(FTPSRV)\n"
                  "00000012  Default:  NO          RACF: late\n"
                  "          Priv Key: NO\n"
                  "          Usage:    PERSONAL\n"
                  "          Owner:    SITE\n"
                  "  *** late of SITE: hidden from programs (NOTRUST) ***\n");
}

/* The CA's key is in another token: none of it is in this one. */
static void listtoken_has_keys_of_identities_only(void **state)
{
    struct listing *listing = *state;
    json_t *item = member("CERTAUTH", "CA", "CERTAUTH", 0, 1);
    set(item, "sequence_number", json_integer(3));
    set(item, "private_key", json_true());
    listing->answer = token(json_pack("[o]", item));
    assert_listed(listing, SG_LISTING_LISTTOKEN,
                  "Token: FTP.TLS\n\n"
                  "Seq Num   Attributes            Labels\n"
                  "--------  --------------------  ------------------------------\n"
                  "00000003  Default:  NO          RACF: CA\n"
                  "          Priv Key: NO\n"
                  "          Usage:    CERTAUTH\n"
                  "          Owner:    CERTAUTH\n");
}

static void listtoken_of_an_empty_token(void **state)
{
    struct listing *listing = *state;
    listing->answer = token(json_array());
    assert_listed(listing, SG_LISTING_LISTTOKEN,
                  "Token: FTP.TLS\n\n  *** No certificates bound ***\n");
}

static void listtoken_wants_a_sequence_number(void **state)
{
    struct listing *listing = *state;
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER out;
    sg_buffer_init(&out, 1 << 16);
    listing->answer = token(json_pack("[o]", member("SITE", "x", "SITE", 0, 1)));
    assert_int_equal(
        sg_racdcert_listing(SG_LISTING_LISTTOKEN, listing->answer, &listing->options, &out, &err),
        SG_E_SERVICE);
    assert_string_equal(err.code, "bad_answer");
}

/* One that is installed, one that is not. */
static json_t *checked(void)
{
    json_t *here = certificate();
    json_t *away = certificate();
    static const char *const ours[] = {"owner", "label", "status", "certificate_id", "placeholder"};
    json_object_del(here, "rings");
    json_object_del(away, "rings");
    for (size_t i = 0; i < SG_COUNT(ours); i++) {
        json_object_del(away, ours[i]);
    }
    assert_int_equal(json_object_set_new(away, "installed", json_false()), 0);
    assert_int_equal(json_object_set_new(away, "key_of", json_null()), 0);
    assert_int_equal(json_object_set_new(here, "installed", json_true()), 0);
    assert_int_equal(json_object_set_new(here, "key_of", json_null()), 0);
    return json_pack("{s:[o, o], s:i, s:b, s:b, s:b}", "items", away, here, "count", 2, "complete",
                     0, "expired", 0, "not_trusted", 0);
}

static void checkcert_says_what_is_installed(void **state)
{
    struct listing *listing = *state;
    listing->answer = checked();
    const char *out = text(listing, SG_LISTING_CHECKCERT);
    static const char first[] = "Certificate 1:\n"
                                "Digital certificate information:\n"
                                "\n"
                                "  Start Date: ";
    assert_memory_equal(out, first, strlen(first));
    assert_holds(listing, SG_LISTING_CHECKCERT,
                 "  *** not installed ***\n"
                 "Certificate 2:\n"
                 "Digital certificate information for CERTAUTH:\n"
                 "\n"
                 "  Label: zOSMFCA\n");
    assert_holds(listing, SG_LISTING_CHECKCERT,
                 "Chain information:\n"
                 "  Chain contains 2 certificate(s), chain is incomplete\n");
    assert_lacks(listing, SG_LISTING_CHECKCERT, "Ring");
    assert_lacks(listing, SG_LISTING_CHECKCERT, "expired");
    assert_lacks(listing, SG_LISTING_CHECKCERT, "IRRD302I");
    assert_lacks(listing, SG_LISTING_CHECKCERT, "complete with");
}

static void checkcert_sums_up_what_is_wrong(void **state)
{
    struct listing *listing = *state;
    listing->answer = checked();
    set(listing->answer, "expired", json_true());
    set(listing->answer, "not_trusted", json_true());
    set(listing->answer, "complete_here", json_true());
    set(listing->answer, "chain_error", json_string("the signature of \"x\" is wrong"));
    set(json_array_get(json_object_get(listing->answer, "items"), 0), "key_of",
        json_string("START1/web"));
    assert_holds(listing, SG_LISTING_CHECKCERT,
                 "  *** not installed ***\n  *** its key is that of START1/web ***\n");
    assert_holds(listing, SG_LISTING_CHECKCERT,
                 "  Chain contains expired certificate(s)\n"
                 "  Chain contains NOTRUST certificate(s)\n"
                 "IRRD302I The chain has an error: the signature of \"x\" is wrong\n"
                 "  *** complete with what is installed under CERTAUTH ***\n");
}

static void checkcert_refuses_what_is_no_check(void **state)
{
    struct listing *listing = *state;
    static const char *const keys[] = {"items",   "count",       "complete",
                                       "expired", "not_trusted", "chain_error"};
    static const char *const of_items[] = {"installed", "key_of", "serial", "not_after"};
    for (size_t i = 0; i < SG_COUNT(keys) + SG_COUNT(of_items); i++) {
        bool top = i < SG_COUNT(keys);
        json_decref(listing->answer);
        listing->answer = checked();
        json_t *broken =
            top ? listing->answer : json_array_get(json_object_get(listing->answer, "items"), 0);
        set(broken, top ? keys[i] : of_items[i - SG_COUNT(keys)],
            top && strcmp(keys[i], "count") == 0 ? json_true() : json_integer(1));
        assert_int_equal(run(listing, SG_LISTING_CHECKCERT), SG_E_SERVICE);
        assert_string_equal(listing->err.code, "bad_answer");
    }
}

static json_t *profile(const char *name, json_t *permits)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "class", "FACILITY", "profile", name, "uacc",
                     "NONE", "appldata", "", "items", permits);
}

static void rlist_shows_a_profile(void **state)
{
    struct listing *listing = *state;
    listing->answer = profile("IRR.DIGTCERT.LIST", json_array());
    assert_listed(listing, SG_LISTING_RLIST,
                  "CLASS      NAME\n-----      ----\nFACILITY   IRR.DIGTCERT.LIST\n"
                  "\nUNIVERSAL ACCESS\n----------------\nNONE\n"
                  "\nAPPLICATION DATA\n----------------\nNONE\n");
}

static void rlist_shows_whom_a_profile_permits(void **state)
{
    struct listing *listing = *state;
    listing->options.permits = true;
    listing->answer =
        profile("IRR.DIGTCERT.*",
                json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s}, {s:s, s:s, s:s}, {s:s, s:s, s:s}]",
                          "to", "owner:START1", "name", "", "level", "READ", "to", "group:33",
                          "name", "www-data", "level", "UPDATE", "to", "user:1001", "name", "",
                          "level", "CONTROL", "to", "*", "name", "", "level", "NONE"));
    assert_listed(listing, SG_LISTING_RLIST,
                  "CLASS      NAME\n-----      ----\nFACILITY   IRR.DIGTCERT.* (G)\n"
                  "\nUNIVERSAL ACCESS\n----------------\nNONE\n"
                  "\nAPPLICATION DATA\n----------------\nNONE\n"
                  "\nUSER       ACCESS   KIND\n----       ------   ----\n"
                  "START1     READ     owner\nwww-data   UPDATE   group\n"
                  "1001       CONTROL  user\n*          NONE     everybody\n");
}

static void rlist_of_an_empty_access_list(void **state)
{
    struct listing *listing = *state;
    listing->options.permits = true;
    listing->options.continued = true;
    listing->answer = profile("A", json_array());
    assert_listed(listing, SG_LISTING_RLIST,
                  "\nCLASS      NAME\n-----      ----\nFACILITY   A\n"
                  "\nUNIVERSAL ACCESS\n----------------\nNONE\n"
                  "\nAPPLICATION DATA\n----------------\nNONE\n"
                  "\nUSER       ACCESS   KIND\n----       ------   ----\n"
                  "NO USERS IN ACCESS LIST\n");
}

static void rlist_refuses_what_is_no_profile(void **state)
{
    struct listing *listing = *state;
    static const char *const keys[] = {"class", "profile", "uacc", "appldata", "items"};
    listing->options.permits = true;
    for (size_t i = 0; i < SG_COUNT(keys); i++) {
        struct sg_error err = SG_ERROR_INIT;
        SG_BUFFER out;
        sg_buffer_init(&out, 1 << 16);
        json_t *answer = profile("A", json_array());
        assert_int_equal(json_object_set_new(answer, keys[i], json_integer(1)), 0);
        assert_int_equal(
            sg_racdcert_listing(SG_LISTING_RLIST, answer, &listing->options, &out, &err),
            SG_E_SERVICE);
        assert_string_equal(err.code, "bad_answer");
        assert_non_null(strstr(err.text, keys[i]));
        json_decref(answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LISTING_TEST(list_of_one_certificate_has_every_line),
        LISTING_TEST(list_of_many_has_one_heading),
        LISTING_TEST(a_further_page_has_no_heading),
        LISTING_TEST(nothing_is_listed_of_nothing),
        LISTING_TEST(a_user_is_called_a_user),
        LISTING_TEST(what_a_certificate_lacks_has_no_line),
        LISTING_TEST(no_ring_and_many_rings),
        LISTING_TEST(long_values_are_wrapped_at_68_characters),
        LISTING_TEST(no_character_is_split_by_wrapping),
        LISTING_TEST(an_empty_subject_is_an_empty_block),
        LISTING_TEST(dates_are_local_time_on_both_sides_of_a_change),
        LISTING_TEST(far_years_are_listed),
        LISTING_TEST(remarks_follow_racf_lines),
        LISTING_TEST(other_kinds_of_altnames_come_last),
        LISTING_TEST(key_usages_have_racf_words),
        LISTING_TEST(algorithms_and_keys_have_racf_words),
        LISTING_TEST(nothing_reaches_the_terminal_as_a_control),
        LISTING_TEST(list_names_the_key_that_is_missing),
        LISTING_TEST(list_refuses_other_types),
        LISTING_TEST(list_refuses_lists_of_other_things),
        LISTING_TEST(list_refuses_values_it_cannot_show),
        LISTING_TEST(a_full_buffer_is_said),
        LISTING_TEST(the_next_page_begins_after_a_label),
        LISTING_TEST(listring_keeps_the_columns),
        LISTING_TEST(listring_of_an_empty_ring),
        LISTING_TEST(listtoken_shows_what_is_bound),
        LISTING_TEST(listtoken_has_keys_of_identities_only),
        LISTING_TEST(listtoken_of_an_empty_token),
        LISTING_TEST(listtoken_wants_a_sequence_number),
        LISTING_TEST(rlist_shows_a_profile),
        LISTING_TEST(rlist_shows_whom_a_profile_permits),
        LISTING_TEST(rlist_of_an_empty_access_list),
        LISTING_TEST(rlist_refuses_what_is_no_profile),
        LISTING_TEST(a_further_ring_has_no_heading),
        LISTING_TEST(listring_says_what_programs_do_not_see),
        LISTING_TEST(wide_names_are_never_cut),
        LISTING_TEST(a_long_ring_name_is_wrapped),
        LISTING_TEST(listring_names_the_key_that_is_wrong),
        LISTING_TEST(listring_refuses_what_is_no_ring),
        LISTING_TEST(listchain_numbers_the_certificates),
        LISTING_TEST(listchain_sums_up_what_is_wrong),
        LISTING_TEST(rings_of_one_name_are_not_in_common),
        LISTING_TEST(all_rings_in_common_are_named),
        LISTING_TEST(listchain_refuses_what_is_no_chain),
        LISTING_TEST(listchain_shows_what_may_not_be_listed_bare),
        LISTING_TEST(checkcert_says_what_is_installed),
        LISTING_TEST(checkcert_sums_up_what_is_wrong),
        LISTING_TEST(checkcert_refuses_what_is_no_check),
        LISTING_TEST(listmap_has_the_filters),
        LISTING_TEST(listmap_of_many_has_one_heading),
        LISTING_TEST(listmap_refuses_what_is_no_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
