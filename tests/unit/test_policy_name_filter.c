/* Certificate name filters and criteria. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/cleanup.h>
#include <signet/policy/name.h>
#include <signet/policy/name_filter.h>

/* "CN=a|OU=b+T=c|O=d": parts by bars, joined values by plus signs. */
static struct sg_dotted_name name_of(const char *text)
{
    struct sg_dotted_name name = {.len = 0};
    char type[32];
    for (bool joined = false; *text != '\0'; text++) {
        size_t type_len = strcspn(text, "=");
        size_t len = strcspn(text + type_len + 1, "|^");
        snprintf(type, sizeof type, "%.*s", (int)type_len, text);
        sg_dotted_add(&name, type, text + type_len + 1, len, joined);
        text += type_len + 1 + len;
        joined = *text == '^';
        if (*text == '\0') {
            break;
        }
    }
    return name;
}

static void names_are_printed_as_racf_does(void **state)
{
    (void)state;
    struct sg_dotted_name name = name_of("CN=server|T=x|OU=a|O=BobsBank,INC.|L=c|SP=d|C=GB");
    assert_string_equal(name.text, "CN=server.T=x.OU=a.O=BobsBank,INC..L=c.SP=d.C=GB");
    assert_int_equal(name.count, 7);
    assert_int_equal(name.clear_from, 0);
    name = name_of("CN=a^OU=b|O=c");
    assert_string_equal(name.text, "CN=a+OU=b.O=c");
    assert_int_equal(name.count, 2);
    name = name_of("2.5.4.97=x|O=c");
    assert_string_equal(name.text, "OID.2.5.4.97=x.O=c");
    assert_int_equal(name.clear_from, 0);
}

static void values_that_read_like_two_parts_are_not_clear(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t clear_from;
    } rows[] = {
        {"CN=x.O=Bank|C=UK", 1},
        {"CN=x|OU=y.CN=z|C=UK", 2},
        {"CN=x|C=U.K=", 2},
        {"CN=x+O=Bank|C=UK", 1},
        {"CN=x.OID.2.5.4.3=y|C=UK", 1},
        {"CN=.o=y|C=UK", 1},
        {"CN=..O=y|C=UK", 1},
        {"CN=a.b.c|C=UK", 0},
        {"CN=O=Bank|C=UK", 0},
        {"CN=x. O=Bank|C=UK", 0},
        {"CN=x.=y|C=UK", 0},
        {"CN=x.|O=y", 0},
        {"CN=a.b c=d|O=y", 0},
        {"CN=mail.example.com|O=y", 0},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_dotted_name name = name_of(rows[i].name);
        assert_int_equal(name.clear_from, rows[i].clear_from);
    }
}

static void what_cannot_be_shown_is_not_clear(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        size_t len;
    } bad[] = {{"a\nb", 3}, {"a\0b", 3},         {"\xff", 1},
               {"\xc3", 1}, {"\xe2\x80\xa8", 3}, {"\x7f", 1}};
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        struct sg_dotted_name name = {.len = 0};
        sg_dotted_add(&name, "CN", bad[i].value, bad[i].len, false);
        sg_dotted_add(&name, "O", "x", 1, false);
        assert_string_equal(name.text, "CN=?.O=x");
        assert_int_equal(name.clear_from, 1);
    }
}

static void names_that_are_too_much_are_not_clear_at_all(void **state)
{
    (void)state;
    static char big[SG_DOTTED_BYTES];
    static struct sg_dotted_name name;
    memset(big, 'a', sizeof big);
    sg_dotted_add(&name, "CN", big, sizeof big, false);
    assert_int_equal(name.count, 0);
    assert_true(name.cut);
    sg_dotted_add(&name, "O", "x", 1, false);
    assert_string_equal(name.text, "O=x");
    assert_int_equal(name.clear_from, name.count);
    memset(&name, 0, sizeof name);
    for (int i = 0; i <= SG_DOTTED_PARTS; i++) {
        sg_dotted_add(&name, "OU", "x", 1, false);
    }
    assert_int_equal(name.count, SG_DOTTED_PARTS);
    assert_true(name.cut);
    struct sg_filter_key key;
    struct sg_dotted_name none = {.len = 0};
    assert_false(sg_filter_candidate(&name, &none, 0, &key));
}

/* ---- filters as they are typed ---- */

static void filters_begin_with_a_part(void **state)
{
    (void)state;
    const char *const good[] = {"C=UK",
                                "O=IBM.C=UK",
                                "OU=Michael's Music General Subscriber.O=VeriSign, Inc.L=Internet",
                                "CN=J\xc3\xb6rg.O=x",
                                "MAIL=a@b.c",
                                "OID.2.5.4.97=x",
                                "SP=x",
                                "O="};
    for (size_t i = 0; i < SG_COUNT(good); i++) {
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(sg_filter_check(SG_FILTER_SUBJECT, good[i], &err), SG_OK);
    }
}

static void filters_that_could_never_match_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hint;
    } rows[] = {
        {"", ""},
        {"IBM", "OU=Sales"},
        {"=x", "OU=Sales"},
        {" O=IBM", "OU=Sales"},
        {"o=IBM", "compared exactly"},
        {"cn=x", "compared exactly"},
        {"ST=x", "SP="},
        {"S=x", "SP="},
        {"E=a@b", "MAIL="},
        {"emailAddress=a", "MAIL="},
        {"O =x", "OU=Sales"},
        {"X=y", "OU=Sales"},
        {"OID.=x", "OU=Sales"},
        {"OID.a=x", "OU=Sales"},
        {"2.5.4.3=x", "OU=Sales"},
        {"O=a\tb", ""},
        {"O=\xff", ""},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(sg_filter_check(SG_FILTER_ISSUER, rows[i].text, &err), SG_E_INPUT);
        assert_string_equal(err.code, "bad_filter");
        assert_non_null(strstr(err.text, "issuer"));
        assert_non_null(strstr(err.hint, rows[i].hint));
    }
}

static void filters_have_255_characters_at_most(void **state)
{
    (void)state;
    char text[SG_FILTER_BYTES + 8] = "CN=";
    struct sg_error err = SG_ERROR_INIT;
    for (size_t i = 3; i < 3 + 252 * 2; i += 2) {
        memcpy(text + i, "\xc3\xa4", 3);
    }
    assert_int_equal(sg_filter_check(SG_FILTER_SUBJECT, text, &err), SG_OK);
    text[strlen(text)] = 'x'; /* zeros follow */
    assert_int_equal(sg_filter_check(SG_FILTER_SUBJECT, text, &err), SG_E_INPUT);
    assert_string_equal(err.code, "filter_too_long");
    assert_non_null(strstr(err.text, "256 characters"));
}

/* ---- filters from a model ---- */

static void a_model_gives_the_rest_of_the_name(void **state)
{
    (void)state;
    struct sg_dotted_name name = name_of("CN=Rob|OU=Sales|OU=Salesmen|O=IBM|C=UK");
    static const struct {
        const char *start, *filter;
        bool partial;
    } rows[] = {
        {"CN=Rob", "CN=Rob.OU=Sales.OU=Salesmen.O=IBM.C=UK", false},
        {"CN", "CN=Rob.OU=Sales.OU=Salesmen.O=IBM.C=UK", false},
        {"OU=Sales", "OU=Sales.OU=Salesmen.O=IBM.C=UK", true}, /* the whole part goes first */
        {"OU=Sales.OU", "OU=Sales.OU=Salesmen.O=IBM.C=UK", true},
        {"OU=Salesm", "OU=Salesmen.O=IBM.C=UK", true},
        {"C=UK", "C=UK", true},
        {"O=IBM.C=UK", "O=IBM.C=UK", true},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_error err = SG_ERROR_INIT;
        char out[SG_FILTER_BYTES + 1] = "";
        bool partial = !rows[i].partial;
        assert_int_equal(
            sg_filter_from_model(SG_FILTER_SUBJECT, rows[i].start, &name, out, &partial, &err),
            SG_OK);
        assert_string_equal(out, rows[i].filter);
        assert_int_equal(partial, rows[i].partial);
    }
}

static void refuse_start(const struct sg_dotted_name *name, const char *start, const char *code)
{
    struct sg_error err = SG_ERROR_INIT;
    char out[SG_FILTER_BYTES + 1] = "untouched";
    bool partial = true;
    assert_int_equal(sg_filter_from_model(SG_FILTER_SUBJECT, start, name, out, &partial, &err),
                     SG_E_INPUT);
    assert_string_equal(err.code, code);
    assert_string_equal(out, "untouched");
}

static void starts_that_are_not_in_the_model_are_refused(void **state)
{
    (void)state;
    struct sg_dotted_name name = name_of("CN=Rob|OU=Sales|OU=Sales|OU=Salesmen|O=IBM|C=UK");
    refuse_start(&name, "OU=sales", "filter_start_not_found");
    refuse_start(&name, "Sales", "filter_start_not_found");
    refuse_start(&name, "O=IBM.C=UK.", "filter_start_not_found");
    refuse_start(&name, "O=IBMC=UK", "filter_start_not_found");
    refuse_start(&name, "O=IBM ", "filter_start_not_found");
    refuse_start(&name, "", "bad_filter");
    refuse_start(&name, "OU=Sales", "filter_start_ambiguous"); /* two whole ones */
    refuse_start(&name, "OU", "filter_start_ambiguous");
    struct sg_dotted_name none = {.len = 0};
    refuse_start(&none, "CN=x", "filter_start_not_found");
}

static void models_that_are_not_clear_are_refused(void **state)
{
    (void)state;
    struct sg_dotted_name name = name_of("CN=x|OU=y.O=z|O=IBM|C=UK");
    refuse_start(&name, "CN=x", "filter_not_clear");
    refuse_start(&name, "OU=y.O=z", "filter_not_clear");
    struct sg_error err = SG_ERROR_INIT;
    char out[SG_FILTER_BYTES + 1];
    bool partial = false;
    assert_int_equal(sg_filter_from_model(SG_FILTER_SUBJECT, "O=IBM", &name, out, &partial, &err),
                     SG_OK);
    assert_string_equal(out, "O=IBM.C=UK");
}

static void a_model_s_rest_may_be_too_long(void **state)
{
    (void)state;
    char value[300];
    struct sg_dotted_name name = {.len = 0};
    memset(value, 'v', sizeof value);
    sg_dotted_add(&name, "CN", value, 252, false);
    sg_dotted_add(&name, "O", "x", 1, false);
    refuse_start(&name, "CN", "filter_too_long");
    struct sg_error err = SG_ERROR_INIT;
    char out[SG_FILTER_BYTES + 1];
    bool partial = false;
    name = (struct sg_dotted_name){.len = 0};
    sg_dotted_add(&name, "CN", value, 252, false);
    assert_int_equal(sg_filter_from_model(SG_FILTER_SUBJECT, "CN", &name, out, &partial, &err),
                     SG_OK);
    assert_int_equal(strlen(out), 255);
}

/* ---- which filters match ---- */

static size_t all_candidates(const struct sg_dotted_name *subject,
                             const struct sg_dotted_name *issuer, struct sg_filter_key *keys)
{
    size_t count = 0;
    while (sg_filter_candidate(subject, issuer, count, &keys[count])) {
        count++;
        assert_true(count <= (size_t)4 * SG_DOTTED_PARTS);
    }
    return count;
}

static void the_most_specific_filter_comes_first(void **state)
{
    (void)state;
    struct sg_dotted_name subject = name_of("CN=a|O=b|C=UK");
    struct sg_dotted_name issuer = name_of("CN=CA|O=i");
    static const struct sg_filter_key expected[] = {
        {"CN=a.O=b.C=UK", "CN=CA.O=i", SG_RANK_SUBJECT_AND_ISSUER},
        {"O=b.C=UK", "CN=CA.O=i", SG_RANK_PARTIAL_SUBJECT_AND_ISSUER},
        {"C=UK", "CN=CA.O=i", SG_RANK_PARTIAL_SUBJECT_AND_ISSUER},
        {"CN=a.O=b.C=UK", "", SG_RANK_SUBJECT},
        {"O=b.C=UK", "", SG_RANK_PARTIAL_SUBJECT},
        {"C=UK", "", SG_RANK_PARTIAL_SUBJECT},
        {"", "CN=CA.O=i", SG_RANK_ISSUER},
        {"", "O=i", SG_RANK_PARTIAL_ISSUER},
    };
    struct sg_filter_key keys[4 * SG_DOTTED_PARTS + 1];
    assert_int_equal(all_candidates(&subject, &issuer, keys), SG_COUNT(expected));
    for (size_t i = 0; i < SG_COUNT(expected); i++) {
        assert_string_equal(keys[i].subject, expected[i].subject);
        assert_string_equal(keys[i].issuer, expected[i].issuer);
        assert_int_equal(keys[i].rank, expected[i].rank);
    }
}

static bool matches(const char *subject_name, const char *issuer_name, const char *subject,
                    const char *issuer)
{
    struct sg_dotted_name names[] = {name_of(subject_name), name_of(issuer_name)};
    struct sg_filter_key keys[4 * SG_DOTTED_PARTS + 1];
    size_t count = all_candidates(&names[0], &names[1], keys);
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        found =
            found || (strcmp(keys[i].subject, subject) == 0 && strcmp(keys[i].issuer, issuer) == 0);
    }
    return found;
}

static void what_only_looks_alike_does_not_match(void **state)
{
    (void)state;
    assert_true(matches("CN=x|O=Bank|C=UK", "O=CA", "O=Bank.C=UK", ""));
    /* a stranger's value that ends like the filter */
    assert_false(matches("CN=x.O=Bank|C=UK", "O=CA", "O=Bank.C=UK", ""));
    assert_false(matches("CN=x.O=Bank|C=UK", "O=CA", "CN=x.O=Bank.C=UK", ""));
    assert_false(matches("CN=x.O=Bank.C=UK", "O=CA", "C=UK", ""));
    assert_false(matches("CN=x+O=Bank|C=UK", "O=CA", "CN=x+O=Bank.C=UK", ""));
    assert_false(matches("CN=x|O=Bank|C=UK", "O=CA", "O=Bank", ""));
    assert_false(matches("CN=x|O=Bank|C=UK", "O=CA", "o=bank.c=uk", ""));
    assert_false(matches("CN=x|O=Bank |C=UK", "O=CA", "O=Bank.C=UK", ""));
    assert_false(matches("CN=x|O=My Bank|C=UK", "O=CA", "Bank.C=UK", ""));
    /* with a subject, only the whole issuer */
    assert_true(matches("CN=x", "CN=CA|O=i", "CN=x", "CN=CA.O=i"));
    assert_false(matches("CN=x", "CN=CA|O=i", "CN=x", "O=i"));
    assert_false(matches("CN=x", "CN=CA.O=i|C=UK", "CN=x", "CN=CA.O=i.C=UK"));
    /* what is behind an unclear part is clear */
    assert_true(matches("CN=x.O=y|O=Bank|C=UK", "O=CA", "O=Bank.C=UK", ""));
    assert_true(matches("CN=x.O=y|O=Bank|C=UK", "O=CA", "", "O=CA"));
    /* nothing matches nothing */
    assert_false(matches("", "", "", ""));
    assert_false(matches("", "O=CA", "", ""));
    assert_true(matches("", "O=CA", "", "O=CA"));
}

static void ranks_have_words(void **state)
{
    (void)state;
    for (int i = 0; i < SG_RANK_COUNT; i++) {
        assert_true(strlen(sg_filter_rank_words((enum sg_filter_rank)i)) > 5);
    }
    assert_string_equal(sg_filter_rank_words((enum sg_filter_rank)99), "nothing");
}

/* ---- criteria ---- */

static void criteria_are_terms_with_variables(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"APPLID=&APPLID", "APPLID=&APPLID"},
        {"applid=&applid.sysid=&sysid", "APPLID=&APPLID.SYSID=&SYSID"},
        {"A=&APPLID.B=&APPLID", "A=&APPLID.B=&APPLID"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_error err = SG_ERROR_INIT;
        char out[SG_CRITERIA_MAX + 1];
        assert_int_equal(sg_criteria_read(rows[i][0], out, &err), SG_OK);
        assert_string_equal(out, rows[i][1]);
    }
}

static void other_criteria_are_refused(void **state)
{
    (void)state;
    char longest[300];
    memset(longest, 'A', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *const bad[] = {"",
                               ".",
                               "=",
                               "APPLID",
                               "APPLID=",
                               "=&APPLID",
                               "APPLID=APPLID",
                               "APPLID=&OTHER",
                               "APPLID=&APPLIDX",
                               "APPLID=&APPLID.",
                               ".APPLID=&APPLID",
                               "APPLID=&APPLID..SYSID=&SYSID",
                               "APPLID=&APPLID APPLID=&APPLID",
                               "A B=&APPLID",
                               "A=&APPLID=&SYSID",
                               "A=&APPLID.A=&SYSID",
                               "A=&APPLID.B=&SYSID.a=&sysid",
                               "A*=&APPLID",
                               "A=&SYSID\n",
                               longest};
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        struct sg_error err = SG_ERROR_INIT;
        char out[SG_CRITERIA_MAX + 1] = "untouched";
        assert_int_equal(sg_criteria_read(bad[i], out, &err), SG_E_INPUT);
        assert_string_equal(err.code, "bad_criteria");
        assert_string_equal(out, "untouched");
        assert_true(strlen(err.hint) > 0);
    }
}

static void values_fill_criteria(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    char out[SG_CRITERIA_MAX + 1];
    struct sg_criteria_values values = {.applid = "eRoyal", .sysid = "SYS_1"};
    assert_int_equal(sg_criteria_fill("APPLID=&APPLID.S=&SYSID", &values, out, &err), SG_OK);
    assert_string_equal(out, "APPLID=EROYAL.S=SYS_1");
    values.sysid = NULL;
    assert_int_equal(sg_criteria_fill("APPLID=&APPLID", &values, out, &err), SG_OK);
    assert_string_equal(out, "APPLID=EROYAL");
}

static void values_cannot_pretend_to_be_more(void **state)
{
    (void)state;
    const char *const bad[] = {
        "",    "A.SYSID=B", "A=B", "*",        "A%",
        "A B", "&APPLID",   "A\n", "\xc3\xa4", "A23456789012345678901234567890123"};
    char out[SG_CRITERIA_MAX + 1] = "untouched";
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        struct sg_error err = SG_ERROR_INIT;
        struct sg_criteria_values values = {.applid = bad[i]};
        assert_int_equal(sg_criteria_fill("APPLID=&APPLID", &values, out, &err), SG_E_INPUT);
        assert_string_equal(err.code, "bad_criteria_value");
        assert_string_equal(out, "untouched");
    }
}

static void missing_and_overlong_values_are_told(void **state)
{
    (void)state;
    struct sg_error err = SG_ERROR_INIT;
    char out[SG_CRITERIA_MAX + 1] = "untouched";
    struct sg_criteria_values values = {.sysid = "A"};
    assert_int_equal(sg_criteria_fill("S=&SYSID.APPLID=&APPLID", &values, out, &err), SG_E_INPUT);
    assert_string_equal(err.code, "criteria_value_missing");
    assert_non_null(strstr(err.text, "&APPLID"));
    values.sysid = "A2345678901234567890123456789012";
    assert_int_equal(sg_criteria_fill("A=&SYSID.B=&SYSID.C=&SYSID.D=&SYSID.E=&SYSID.F=&SYSID.G=&"
                                      "SYSID.H=&SYSID",
                                      &values, out, &err),
                     SG_E_LIMIT);
    assert_string_equal(err.code, "criteria_too_long");
    assert_string_equal(out, "untouched");
    assert_int_equal(sg_criteria_fill("A=&SYSID.B", &values, out, &err), SG_E_INPUT);
}

/* ---- owners ---- */

static void filters_belong_to_users_and_multiid(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"start1", "START1", ""},
        {"START1/My filter", "START1", "My filter"},
        {"multiid/a/b", "MULTIID", "a/b"},
        {"MULTIID", "MULTIID", ""},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct sg_error err = SG_ERROR_INIT;
        struct sg_certificate_name name;
        assert_int_equal(sg_name_map(rows[i][0], &name, &err), SG_OK);
        assert_string_equal(name.owner.text, rows[i][1]);
        assert_string_equal(name.label.text, rows[i][2]);
    }
}

static void nobody_else_has_filters(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"CERTAUTH", "owner_cannot_have_filters"},
        {"site/x", "owner_cannot_have_filters"},
        {"", "bad_owner"},
        {"/x", "bad_owner"},
        {"IRRMULTI", "bad_owner"},
        {"MULTIID ", "bad_owner"},
        {"START1/", "bad_label"},
        {"START1/ x", "bad_label"},
    };
    for (size_t i = 0; i < SG_COUNT(bad); i++) {
        struct sg_error err = SG_ERROR_INIT;
        struct sg_certificate_name name = {.owner = {"untouched"}};
        assert_int_equal(sg_name_map(bad[i][0], &name, &err), SG_E_INPUT);
        assert_string_equal(err.code, bad[i][1]);
        assert_string_equal(name.owner.text, "untouched");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_printed_as_racf_does),
        cmocka_unit_test(values_that_read_like_two_parts_are_not_clear),
        cmocka_unit_test(what_cannot_be_shown_is_not_clear),
        cmocka_unit_test(names_that_are_too_much_are_not_clear_at_all),
        cmocka_unit_test(filters_begin_with_a_part),
        cmocka_unit_test(filters_that_could_never_match_are_refused),
        cmocka_unit_test(filters_have_255_characters_at_most),
        cmocka_unit_test(a_model_gives_the_rest_of_the_name),
        cmocka_unit_test(starts_that_are_not_in_the_model_are_refused),
        cmocka_unit_test(models_that_are_not_clear_are_refused),
        cmocka_unit_test(a_model_s_rest_may_be_too_long),
        cmocka_unit_test(the_most_specific_filter_comes_first),
        cmocka_unit_test(what_only_looks_alike_does_not_match),
        cmocka_unit_test(ranks_have_words),
        cmocka_unit_test(criteria_are_terms_with_variables),
        cmocka_unit_test(other_criteria_are_refused),
        cmocka_unit_test(values_fill_criteria),
        cmocka_unit_test(values_cannot_pretend_to_be_more),
        cmocka_unit_test(missing_and_overlong_values_are_told),
        cmocka_unit_test(filters_belong_to_users_and_multiid),
        cmocka_unit_test(nobody_else_has_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
