/* What a person types: subjects, alternative names, extended key usages. */
#include <stdlib.h>
#include <string.h>

#include <signet/x509/certificate.h>

#include "cmocka_all.h"
#include "x509_fixture.h"

static struct test_key *key;

static int make_key(void **state)
{
    (void)state;
    key = test_key_new("ec:P-256");
    return 0;
}

static int drop_key(void **state)
{
    (void)state;
    test_key_free(key);
    return 0;
}

static sg_status check_subject(const char *subject, struct sg_error *err)
{
    const struct sg_x509_request request = {.subject = subject};
    sg_error_clear(err);
    return sg_x509_request_check(&request, err);
}

static struct sg_certificate *certificate_of(const char *subject)
{
    return test_certificate(&(struct test_recipe){.subject = subject, .key = key});
}

static void expect_subject(const char *typed, const char *text)
{
    SG_CERTIFICATE *made = certificate_of(typed);
    assert_string_equal(sg_certificate_facts(made)->subject_text, text);
}

static void subjects_read_back_as_rfc_4514(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"CN=web.example.com,O=Org,C=GB", "CN=web.example.com,O=Org,C=GB"},
        {" CN = web , O = Org ", "CN=web,O=Org"},
        {"CN=web,O=Example\\, Inc.,C=GB", "CN=web,O=Example\\, Inc.,C=GB"},
        {"CN=web,O=\"Example, Inc.\",C=GB", "CN=web,O=Example\\, Inc.,C=GB"},
        {"CN=a\\2Cb", "CN=a\\,b"},
        {"CN=Sm\\C3\\B8rrebr\\C3\\B8d", "CN=Smørrebrød"},
        {"CN=\\ a\\ ", "CN=\\ a\\ "},
        {"CN=\\#1", "CN=\\#1"},
        {"CN=Smørrebrød,O=株式会社", "CN=Smørrebrød,O=株式会社"},
        {"CN=web,OU=b,OU=a", "CN=web,OU=b,OU=a"},
        {"cn=web,SP=Bern,l=Thun", "CN=web,ST=Bern,L=Thun"},
        {"CN=web,S=Bern", "CN=web,ST=Bern"},
        {"CN=web,T=Boss,STREET=High St 1", "CN=web,title=Boss,street=High St 1"},
        {"UID=jo,DC=example,DC=com", "UID=jo,DC=example,DC=com"},
        {"CN=jo,MAIL=jo@example.com", "CN=jo,emailAddress=jo@example.com"},
        {"CN=jo,serialNumber=12-3", "CN=jo,serialNumber=12-3"},
        {"CN=jo,2.5.4.65=nick", "CN=jo,pseudonym=nick"},
        {"CN=jo,OID.1.3.6.1.4.1.99999.1=x", "CN=jo,1.3.6.1.4.1.99999.1=#0C0178"},
        {"CN=a=b", "CN=a=b"},
        {"/C=GB/O=Org/CN=web", "CN=web,O=Org,C=GB"},
        {"/C=GB/O=Example, Inc./CN=web", "CN=web,O=Example\\, Inc.,C=GB"},
        {"/O=a\\/b/CN=web", "CN=web,O=a/b"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        expect_subject(rows[i][0], rows[i][1]);
    }
}

/* RFC 4514, 2.1: the text is the reverse of the DER. */
static void der_holds_the_most_general_attribute_first(void **state)
{
    (void)state;
    static const unsigned char country_first[] = {0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55,
                                                  0x04, 0x06, 0x13, 0x02, 'G',  'B'};
    static const char *const subjects[] = {"CN=web,O=Org,C=GB", "/C=GB/O=Org/CN=web"};
    for (size_t i = 0; i < SG_COUNT(subjects); i++) {
        SG_CERTIFICATE *made = certificate_of(subjects[i]);
        struct sg_bytes der = sg_certificate_facts(made)->subject;
        assert_memory_equal(der.data + 2, country_first, sizeof(country_first));
        /* The organisation is UTF8String, RFC 5280's choice for new certificates. */
        assert_non_null(memmem(der.data, der.len, "\x06\x03\x55\x04\x0a\x0c\x03Org", 10));
    }
}

static void multi_valued_rdns_stay_together(void **state)
{
    (void)state;
    SG_CERTIFICATE *made = certificate_of("CN=web+UID=7,O=Org+L=Thun,C=GB");
    const struct sg_certificate_facts *f = sg_certificate_facts(made);
    /* SET OF is sorted in DER, so the order inside an RDN may change; three RDNs it is. */
    size_t sets = 0;
    for (size_t at = 2; at + 1 < f->subject.len; at += 2u + f->subject.data[at + 1]) {
        assert_int_equal(f->subject.data[at], 0x31);
        sets++;
    }
    assert_int_equal(sets, 3);
    assert_non_null(strchr(f->subject_text, '+'));
    assert_string_equal(f->common_name, "web");
}

static void bad_subjects_are_refused_and_say_why(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "empty"},
        {"/", "empty"},
        {"web.example.com", "expected an attribute"},
        {"CN=web,Example Inc", "expected an attribute"},
        {"CN=", "without a value"},
        {"CN=web,O=,C=GB", "without a value"},
        {"CN=web,", "last separator"},
        {",CN=web", "expected an attribute"},
        {"CN=web,,O=a", "expected an attribute"},
        {"=web", "expected an attribute"},
        {"XX=web", "unknown attribute"},
        {"1.=web", "unknown attribute"},
        {"CN=web,C=GBR", "two letters"},
        {"CN=web,C=G1", "two letters"},
        {"CN=web,C=G", "two letters"},
        {"CN=web,C=ÄÖ", "two letters"},
        {"CN=we\\qb", "escapes nothing"},
        {"CN=web\\", "escapes nothing"},
        {"CN=\"web", "not closed"},
        {"CN=\"web\"x", "closing quotation"},
        {"CN=we\"b", "must be escaped"},
        {"CN=a;O=b", "must be escaped"},
        {"CN=#0c01", "hexadecimal"},
        {"CN=a\nb", "control"},
        {"CN=a\\00b", "control"},
        {"CN=a\\FFb", "control characters or invalid UTF-8"},
        {"CN=\xff", "UTF-8"},
        {"CN=\xed\xa0\x80", "UTF-8"},
        {"CN=\xc0\x80", "UTF-8"},
        {"DC=exämple", "ASCII"},
        {"CN=x,MAIL=ä@example.com", "ASCII"},
        {"CN=x,serialNumber=a_b", "allowed here"},
        {"CN=web+", "expected an attribute"},
        {"/C=GB/web", "expected an attribute"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(check_subject(rows[i][0], &err), SG_E_INPUT);
        assert_string_equal(err.code, "bad_subject");
        if (strstr(err.text, rows[i][1]) == NULL) {
            fail_msg("%s: %s", rows[i][0], err.text);
        }
    }
}

static void attributes_have_upper_bounds_in_characters(void **state)
{
    (void)state;
    char subject[600] = "CN=";
    struct sg_error err = SG_ERROR_INIT;
    for (size_t i = 0; i < 64; i++) {
        memcpy(subject + 3 + 2 * i, "ø", 3);
    }
    assert_int_equal(check_subject(subject, &err), SG_OK);
    memcpy(subject + 3 + 128, "x", 2);
    assert_int_equal(check_subject(subject, &err), SG_E_INPUT);
    assert_non_null(strstr(err.text, "CN has 65 characters, at most 64"));
    assert_true(err.hint[0] != '\0');
}

static void endless_subjects_are_refused(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    char *huge = calloc(1, 100001);
    assert_non_null(huge);
    memset(huge, 'a', 100000);
    assert_int_equal(check_subject(huge, &err), SG_E_INPUT);
    char many[1000] = "CN=a";
    for (size_t at = 4; at < 900; at += 5) {
        memcpy(many + at, ",OU=a", 6);
    }
    assert_int_equal(check_subject(many, &err), SG_E_INPUT);
    assert_non_null(strstr(err.text, "more than 64 attributes"));
    free(huge);
}

static sg_status check_san(const char *san, struct sg_error *err)
{
    const struct sg_x509_request request = {.subject = "CN=x", .sans = &san, .san_count = 1};
    sg_error_clear(err);
    return sg_x509_request_check(&request, err);
}

static void good_alternative_names_are_taken(void **state)
{
    (void)state;
    static const char *const good[] = {"dns:localhost",
                                       "dns:web.example.com",
                                       "DNS:Web.Example.COM",
                                       "dns:*.example.com",
                                       "dns:xn--bcher-kva.example",
                                       "dns:1.example",
                                       "ip:127.0.0.1",
                                       "ip:::1",
                                       "IP:2001:db8::1",
                                       "email:jo@example.com",
                                       "email:jo+x@mail.example.com",
                                       "uri:https://example.com/a?b#c",
                                       "uri:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                                       "uri:spiffe://example.org/web"};
    struct sg_error err = SG_ERROR_INIT;
    for (size_t i = 0; i < SG_COUNT(good); i++) {
        if (check_san(good[i], &err) != SG_OK) {
            fail_msg("%s: %s", good[i], err.text);
        }
    }
}

static void bad_alternative_names_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "localhost",
        "",
        "dns:",
        "dns: ",
        "dns:a b",
        "dns:a..b",
        "dns:.a",
        "dns:a.",
        "dns:-a",
        "dns:a-",
        "dns:a_b",
        "dns:bücher.example",
        "dns:*",
        "dns:*.",
        "dns:a.*.b",
        "dns:w*.b",
        "dns:**.b",
        "dns:https://a",
        "dns:a:443",
        "dns:127.0.0.1",
        "dns:::1",
        "dns:a,dns:b",
        "ip:",
        "ip:1.2.3",
        "ip:1.2.3.256",
        "ip:[::1]",
        "ip:10.0.0.0/8",
        "ip:fe80::1%eth0",
        "ip:localhost",
        "email:",
        "email:jo",
        "email:jo@",
        "email:@example.com",
        "email:Jo <jo@example.com>",
        "email:j o@example.com",
        "email:jö@example.com",
        "email:jo@exa_mple.com",
        "uri:",
        "uri:/relative",
        "uri:example.com",
        "uri:https:",
        "uri:https://a b",
        "uri:https://a/<b>",
        "uri:https://ä",
        "rid:1.2.3",
        "dirname:CN=a",
        "dns:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example"};
    struct sg_error err = SG_ERROR_INIT;
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        if (check_san(bad[i], &err) != SG_E_INPUT) {
            fail_msg("%s was taken", bad[i]);
        }
        assert_string_equal(err.code, "bad_san");
    }
}

static void hints_tell_the_usual_mistakes_apart(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(check_san("dns:192.0.2.1", &err), SG_E_INPUT);
    assert_non_null(strstr(err.hint, "ip:192.0.2.1"));
    assert_int_equal(check_san("dns:bücher.example", &err), SG_E_INPUT);
    assert_non_null(strstr(err.hint, "xn--"));
    assert_int_equal(check_san("web.example.com", &err), SG_E_INPUT);
    assert_non_null(strstr(err.hint, "dns:NAME"));
}

static void host_names_have_at_most_253_characters(void **state)
{
    (void)state;
    char san[300] = "dns:";
    struct sg_error err = SG_ERROR_INIT;
    for (size_t i = 0; i < 253; i++) {
        san[4 + i] = i % 50 == 49 ? '.' : 'a';
    }
    assert_int_equal(check_san(san, &err), SG_OK);
    san[4 + 253] = 'a';
    assert_int_equal(check_san(san, &err), SG_E_INPUT);
}

static void extended_key_usages_are_words_or_oids(void **state)
{
    (void)state;
    static const char *const good[] = {
        "serverAuth",      "SERVERAUTH",   "clientAuth",  "codeSigning",
        "emailProtection", "timeStamping", "OCSPSigning", "1.3.6.1.4.1.311.20.2.2"};
    static const char *const bad[] = {"",     "server", "serverAuth ",          "1", "1.2.x", "9.9",
                                      "1..2", "CN",     "serverAuth,clientAuth"};
    struct sg_error err = SG_ERROR_INIT;
    struct sg_x509_request request = {.subject = "CN=x", .ekus = good, .eku_count = SG_COUNT(good)};
    assert_int_equal(sg_x509_request_check(&request, &err), SG_OK);
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        request.ekus = &bad[i];
        request.eku_count = 1;
        if (sg_x509_request_check(&request, &err) != SG_E_INPUT) {
            fail_msg("%s was taken", bad[i]);
        }
        assert_string_equal(err.code, "unknown_eku");
    }
}

static void an_empty_subject_needs_an_alternative_name(void **state)
{
    (void)state;
    static const char *const sans[] = {"dns:web.example.com"};
    struct sg_error err = SG_ERROR_INIT;
    struct sg_x509_request request = {.subject = "", .sans = sans, .san_count = 1};
    assert_int_equal(sg_x509_request_check(&request, &err), SG_OK);
    request.ca = true;
    assert_int_equal(sg_x509_request_check(&request, &err), SG_E_INPUT);
    request = (struct sg_x509_request){.subject = NULL};
    assert_int_equal(sg_x509_request_check(&request, &err), SG_E_INPUT);
    assert_string_equal(err.code, "bad_subject");
}

static void subject_der_must_be_one_name(void **state)
{
    (void)state;
    static const unsigned char junk[] = {0x30, 0x03, 0x02, 0x01, 0x01};
    struct sg_error err = SG_ERROR_INIT;
    SG_CERTIFICATE *made = certificate_of("CN=web,C=GB");
    struct sg_bytes name = sg_certificate_facts(made)->subject;
    struct sg_x509_request request = {.subject_der = name};
    assert_int_equal(sg_x509_request_check(&request, &err), SG_OK);
    request.subject_der.len--;
    assert_int_equal(sg_x509_request_check(&request, &err), SG_E_INPUT);
    request.subject_der = (struct sg_bytes){junk, sizeof(junk)};
    assert_int_equal(sg_x509_request_check(&request, &err), SG_E_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subjects_read_back_as_rfc_4514),
        cmocka_unit_test(der_holds_the_most_general_attribute_first),
        cmocka_unit_test(multi_valued_rdns_stay_together),
        cmocka_unit_test(bad_subjects_are_refused_and_say_why),
        cmocka_unit_test(attributes_have_upper_bounds_in_characters),
        cmocka_unit_test(endless_subjects_are_refused),
        cmocka_unit_test(good_alternative_names_are_taken),
        cmocka_unit_test(bad_alternative_names_are_refused),
        cmocka_unit_test(hints_tell_the_usual_mistakes_apart),
        cmocka_unit_test(host_names_have_at_most_253_characters),
        cmocka_unit_test(extended_key_usages_are_words_or_oids),
        cmocka_unit_test(an_empty_subject_needs_an_alternative_name),
        cmocka_unit_test(subject_der_must_be_one_name),
    };
    return cmocka_run_group_tests(tests, make_key, drop_key);
}
