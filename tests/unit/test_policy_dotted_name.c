/* Distinguished names as RACF's listings show them. */
#include "cmocka_all.h"

#include <string.h>

#include <signet/base/cleanup.h>
#include <signet/policy/certificate_id.h>
#include <signet/policy/dotted_name.h>

static void assert_dotted(const char *name, const char *expected)
{
    SG_FREE char *out = malloc(strlen(name) + 1);
    assert_non_null(out);
    sg_dotted_name(name, out);
    assert_string_equal(out, expected);
}

static void components_are_joined_by_periods(void **state)
{
    (void)state;
    assert_dotted("CN=server,title=x,OU=a,O=b,L=c,ST=d,C=GB",
                  "CN=server.T=x.OU=a.O=b.L=c.SP=d.C=GB");
    assert_dotted("CN=only", "CN=only");
    assert_dotted("", "");
}

static void types_have_racf_names(void **state)
{
    (void)state;
    assert_dotted("emailAddress=a@b.example,street=1 Way,postalCode=X1,UID=u,DC=example",
                  "MAIL=a@b.example.STREET=1 Way.PC=X1.UID=u.DC=example");
    assert_dotted("st=d,Title=x", "SP=d.T=x");
    assert_dotted("1.2.3.4=#0401AA,STX=kept", "1.2.3.4=#0401AA.STX=kept");
}

static void escapes_are_taken_out(void **state)
{
    (void)state;
    assert_dotted("CN=web\\, 2,O=BobsBank\\,INC.,ST=NY", "CN=web, 2.O=BobsBank,INC..SP=NY");
    assert_dotted("CN=\\#a\\\"b\\\\c\\+d\\=e\\ ", "CN=#a\"b\\c+d=e ");
    assert_dotted("CN=\\41\\2C", "CN=A,");
}

static void what_cannot_be_shown_is_substituted(void **state)
{
    (void)state;
    assert_dotted("CN=a\\0Ab\\7f\\FFc", "CN=a?b??c");
    assert_dotted("CN=cut\\", "CN=cut?");
    assert_dotted("CN=cut\\4", "CN=cut4");
}

static void utf8_stays(void **state)
{
    (void)state;
    assert_dotted("CN=Z\xC3\xBCrich,O=\xE2\x82\xAC", "CN=Z\xC3\xBCrich.O=\xE2\x82\xAC");
}

static void several_values_of_one_component_stay_together(void **state)
{
    (void)state;
    assert_dotted("CN=a+UID=b,ST=c+street=d", "CN=a+UID=b.SP=c+STREET=d");
}

static void malformed_text_is_only_copied(void **state)
{
    (void)state;
    assert_dotted("no equal sign,,=x", "no equal sign..=x");
    assert_dotted("...", "...");
    assert_dotted(",", ".");
}

static void it_may_be_rewritten_in_place(void **state)
{
    (void)state;
    char text[] = "emailAddress=a,street=b,ST=c\\,d";
    sg_dotted_name(text, text);
    assert_string_equal(text, "MAIL=a.STREET=b.SP=c,d");
}

/* Published samples (docs/racf-compatibility.md, certificate ID). */
static void certificate_ids_are_those_of_racf(void **state)
{
    (void)state;
    static const struct {
        const char *owner, *label, *id;
    } samples[] = {
        {"CERTAUTH", "DANSS", "2QiJmZmDhZmjgcTB1eLi"},
        {"CERTAUTH", "MQ CA", "2QiJmZmDhZmjgdTYQMPB"},
        {"CERTAUTH", "zOSMFCA", "2QiJmZmDhZmjganW4tTGw8FA"},
        {"GTM", "GTM Certificate", "2QPH49TH49RAw4WZo4mGiYOBo4VA"},
        {"AN01X", "billtst", "2QXB1fDx54KJk5OjoqNA"},
        {"WFCHOI", "ipcert2", "2QbmxsPI1smJl4OFmaPy"},
    };
    for (size_t i = 0; i < SG_COUNT(samples); i++) {
        char id[SG_CERTIFICATE_ID_TEXT];
        assert_true(sg_certificate_id(samples[i].owner, samples[i].label, id));
        assert_string_equal(id, samples[i].id);
    }
}

static void a_label_outside_ascii_has_no_certificate_id(void **state)
{
    (void)state;
    char id[SG_CERTIFICATE_ID_TEXT] = "untouched";
    assert_false(sg_certificate_id("GTM", "Z\xC3\xBCrich", id));
    assert_false(sg_certificate_id("GTM", "a\tb", id));
}

static void the_longest_names_have_a_certificate_id(void **state)
{
    (void)state;
    char id[SG_CERTIFICATE_ID_TEXT];
    static const char longest[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    assert_true(sg_certificate_id(longest, longest, id));
    assert_int_equal(strlen(id), 88);
    assert_false(sg_certificate_id("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456", "x", id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(components_are_joined_by_periods),
        cmocka_unit_test(types_have_racf_names),
        cmocka_unit_test(escapes_are_taken_out),
        cmocka_unit_test(what_cannot_be_shown_is_substituted),
        cmocka_unit_test(utf8_stays),
        cmocka_unit_test(several_values_of_one_component_stay_together),
        cmocka_unit_test(malformed_text_is_only_copied),
        cmocka_unit_test(it_may_be_rewritten_in_place),
        cmocka_unit_test(certificate_ids_are_those_of_racf),
        cmocka_unit_test(a_label_outside_ascii_has_no_certificate_id),
        cmocka_unit_test(the_longest_names_have_a_certificate_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
