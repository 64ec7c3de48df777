/* The Certificate ID of RACF's listings. */
#include "cmocka_all.h"

#include <string.h>

#include <signet/base/cleanup.h>
#include <signet/policy/certificate_id.h>

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
        cmocka_unit_test(certificate_ids_are_those_of_racf),
        cmocka_unit_test(a_label_outside_ascii_has_no_certificate_id),
        cmocka_unit_test(the_longest_names_have_a_certificate_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
