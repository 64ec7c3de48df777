/* Distinguished names as RACF's listings show them. */
#include "cmocka_all.h"

#include <string.h>

#include "listing_internal.h"

static void assert_dotted(const char *name, const char *expected)
{
    SG_FREE char *out = malloc(strlen(name) + 1);
    assert_non_null(out);
    sg_listing_name(name, out);
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
    sg_listing_name(text, text);
    assert_string_equal(text, "MAIL=a.STREET=b.SP=c,d");
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
