/* map …: filters, and whom a certificate stands for. */
#include <string.h>

#include <signet/store/profiles.h>

#include "operations_fixture.h"

#define ISSUER "CN=Outside Intermediate.O=Outside"

static struct outside_ca ca;
static EVP_PKEY *key;

static int setup_group(void **state)
{
    outside_ca_make(&ca);
    key = new_key();
    return world_setup_group(state);
}

static int teardown_group(void **state)
{
    EVP_PKEY_free(key);
    outside_ca_done(&ca);
    return world_teardown_group(state);
}

static X509 *issued(const char *name)
{
    return outside(&(struct recipe){
        .name = name, .key = key, .issuer = ca.intermediate, .signer = ca.int_key});
}

/* {"map": …, "subject_filter": …, "issuer_filter": …} and a model; NULL leaves out. */
static json_t *filter_json(const char *map, const char *subject, const char *issuer, X509 *model)
{
    json_t *params = json_pack("{s:s, s:s*, s:s*}", "map", map, "subject_filter", subject,
                               "issuer_filter", issuer);
    if (model != NULL) {
        json_object_set_new(params, "model", json_pack("[o]", certificate_json(model)));
    }
    return params;
}

static void add(struct world *world, const char *map, const char *subject, const char *issuer)
{
    must_json(world, "map add", filter_json(map, subject, issuer, NULL));
}

/* Whom it stands for: the owner, or "nobody". */
static const char *match(struct world *world, X509 *certificate)
{
    json_t *params = json_pack("{s:[o]}", "certificate", certificate_json(certificate));
    if (ask(world, "map match", params, false) != SG_OK) {
        fail_msg("map match: %s", world->err.text);
    }
    bool mapped = json_is_true(json_object_get(world->answer, "mapped"));
    const char *owner = answered(world, "owner");
    assert_int_equal(mapped, owner[0] != '\0');
    assert_true(strlen(answered(world, "reason")) > 10);
    return mapped ? owner : "nobody";
}

/* ---- adding ---- */

static void a_filter_is_added_and_listed(void **state)
{
    struct world *world = *state;
    must(world, "map add",
         "{'map': 'start1/staff', 'subject_filter': 'O=Example.C=GB', 'status': 'notrust'}");
    assert_says(world, "did", "filter START1/staff, NOTRUST");
    assert_string_equal(answered(world, "subject_filter"), "O=Example.C=GB");
    assert_string_equal(answered(world, "issuer_filter"), "");
    add(world, "START1", NULL, ISSUER);
    assert_string_equal(answered(world, "label"), "LABEL00000001");
    assert_string_equal(answered(world, "status"), "TRUST");
    must(world, "map add",
         "{'map': 'multiid/m', 'issuer_filter': 'O=x', 'criteria': 'applid=&applid'}");
    assert_string_equal(answered(world, "criteria"), "APPLID=&APPLID");
    must(world, "map list", "{}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 3);
    must(world, "map list", "{'map': 'MULTIID'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 1);
    must(world, "map list", "{'map': 'START1/staff'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 1);
    must(world, "map list", "{'map': 'START2'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 0);
    refused(world, "map list", "{'map': 'NOBODY'}", SG_E_NOT_FOUND, "owner_not_found");
    refused(world, "map list", "{'map': 'START1/none'}", SG_E_NOT_FOUND, "map_not_found");
}

static void what_is_no_filter_is_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *params, *code;
        sg_status status;
    } rows[] = {
        {"{'map': 'START1'}", "filter_needed", SG_E_USAGE},
        {"{'map': 'START1', 'subject_filter': ''}", "bad_filter", SG_E_INPUT},
        {"{'map': 'START1', 'subject_filter': 'Example'}", "bad_filter", SG_E_INPUT},
        {"{'map': 'START1', 'issuer_filter': 'st=x'}", "bad_filter", SG_E_INPUT},
        {"{'map': 'START1', 'issuer_filter': 'O=x', 'criteria': 'A=&APPLID'}",
         "criteria_not_for_user", SG_E_USAGE},
        {"{'map': 'MULTIID', 'issuer_filter': 'O=x'}", "criteria_needed", SG_E_USAGE},
        {"{'map': 'MULTIID', 'issuer_filter': 'O=x', 'criteria': 'A=B'}", "bad_criteria",
         SG_E_INPUT},
        {"{'map': 'CERTAUTH', 'issuer_filter': 'O=x'}", "owner_cannot_have_filters", SG_E_INPUT},
        {"{'map': 'SITE/x', 'issuer_filter': 'O=x'}", "owner_cannot_have_filters", SG_E_INPUT},
        {"{'map': 'START1/', 'issuer_filter': 'O=x'}", "bad_label", SG_E_INPUT},
        {"{'map': 'START1', 'issuer_filter': 'O=x', 'model': ['AAAA']}", "not_a_certificate",
         SG_E_INPUT},
        {"{'map': 'START1', 'issuer_filter': 'O=x', 'status': 'hightrust'}", "bad_parameter",
         SG_E_USAGE},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        refused(world, "map add", rows[i].params, rows[i].status, rows[i].code);
    }
    add(world, "START1/a", "O=x", NULL);
    refused(world, "map add", "{'map': 'START1/a', 'subject_filter': 'O=y'}", SG_E_CONFLICT,
            "label_in_use");
    refused(world, "map add", "{'map': 'START2/b', 'subject_filter': 'O=x'}", SG_E_CONFLICT,
            "filter_exists");
    assert_told(world, "START1/a");
}

static void a_model_says_how_the_name_goes_on(void **state)
{
    struct world *world = *state;
    X509 *leaf = issued("Rob");
    must_json(world, "map add", filter_json("START1/a", "CN=R", NULL, leaf));
    assert_string_equal(answered(world, "subject_filter"), "CN=Rob.O=Outside");
    must_json(world, "map add", filter_json("START1/b", "O", "CN", leaf));
    assert_string_equal(answered(world, "subject_filter"), "O=Outside");
    assert_string_equal(answered(world, "issuer_filter"), ISSUER);
    must_json(world, "map add", filter_json("START1/c", NULL, "O=Out", leaf));
    assert_string_equal(answered(world, "issuer_filter"), "O=Outside");
    refused_json(world, "map add", filter_json("START1", "CN", "O", leaf), SG_E_INPUT,
                 "partial_issuer");
    refused_json(world, "map add", filter_json("START1", "OU", NULL, leaf), SG_E_INPUT,
                 "filter_start_not_found");
    refused_json(world, "map add", filter_json("START1", "CN=rob", NULL, leaf), SG_E_INPUT,
                 "filter_start_not_found");
    X509_free(leaf);
}

static void filters_are_altered_and_deleted(void **state)
{
    struct world *world = *state;
    add(world, "START1/a", "O=x", NULL);
    must(world, "map alter", "{'map': 'START1', 'status': 'notrust', 'label': 'b'}");
    assert_says(world, "did", "START1/a to NOTRUST");
    assert_says(world, "did", "renamed filter START1/a to START1/b");
    must(world, "map alter", "{'map': 'START1/b', 'status': 'notrust'}");
    assert_says(world, "did", "so already");
    refused(world, "map alter", "{'map': 'START1/b'}", SG_E_USAGE, "bad_parameter");
    refused(world, "map alter", "{'map': 'START1/b', 'criteria': 'A=&SYSID'}", SG_E_USAGE,
            "criteria_not_for_user");
    refused(world, "map alter", "{'map': 'START1/b', 'label': ' c'}", SG_E_INPUT, "bad_label");
    refused(world, "map alter", "{'map': 'START1/a', 'label': 'c'}", SG_E_NOT_FOUND,
            "map_not_found");
    add(world, "START1/c", "O=y", NULL);
    refused(world, "map alter", "{'map': 'START1/b', 'label': 'c'}", SG_E_CONFLICT, "label_in_use");
    refused(world, "map alter", "{'map': 'START1', 'label': 'd'}", SG_E_CONFLICT, "label_needed");
    refused(world, "map delete", "{'map': 'START1'}", SG_E_CONFLICT, "label_needed");
    must(world, "map delete", "{'map': 'START1/b'}");
    must(world, "map delete", "{'map': 'START1'}");
    refused(world, "map delete", "{'map': 'START1'}", SG_E_NOT_FOUND, "map_not_found");
    must(world, "map add", "{'map': 'MULTIID/m', 'issuer_filter': 'O=x', 'criteria': 'A=&APPLID'}");
    must(world, "map alter", "{'map': 'MULTIID', 'criteria': 'A=&SYSID'}");
    assert_string_equal(answered(world, "criteria"), "A=&SYSID");
    refused(world, "map alter", "{'map': 'MULTIID', 'criteria': ''}", SG_E_INPUT, "bad_criteria");
}

/* ---- matching ---- */

static void the_most_specific_filter_decides(void **state)
{
    struct world *world = *state;
    X509 *leaf = issued("Rob");
    /* from the least specific one on: each takes over from those before it */
    static const struct {
        const char *subject, *issuer, *matched;
    } rows[] = {
        {NULL, "O=Outside", "the end of the issuer"},
        {NULL, ISSUER, "the full issuer"},
        {"O=Outside", NULL, "the end of the subject"},
        {"CN=Rob.O=Outside", NULL, "the full subject"},
        {"O=Outside", ISSUER, "the end of the subject and the full issuer"},
        {"CN=Rob.O=Outside", ISSUER, "the full subject and the full issuer"},
    };
    assert_string_equal(match(world, leaf), "nobody");
    assert_string_equal(answered(world, "by"), "nothing");
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        char map[32];
        snprintf(map, sizeof map, "USER%zu/f", i);
        add(world, map, rows[i].subject, rows[i].issuer);
        map[5] = '\0';
        assert_string_equal(match(world, leaf), map);
        assert_string_equal(answered(world, "matched"), rows[i].matched);
    }
    must(world, "map alter", "{'map': 'USER5', 'status': 'notrust'}");
    assert_string_equal(match(world, leaf), "nobody"); /* and not USER4 */
    assert_string_equal(answered(world, "by"), "filter");
    assert_non_null(strstr(answered(world, "reason"), "NOTRUST"));
    must(world, "map delete", "{'map': 'USER5'}");
    assert_string_equal(match(world, leaf), "USER4");
    X509_free(leaf);
}

static void names_that_pretend_match_nothing(void **state)
{
    struct world *world = *state;
    add(world, "START1/a", "O=Bank.O=Outside", NULL);
    add(world, "START1/b", "CN=x.O=Bank.O=Outside", NULL);
    X509 *liar = issued("x.O=Bank");
    assert_string_equal(match(world, liar), "nobody");
    X509_free(liar);
    add(world, "START2/c", "O=Outside", NULL);
    liar = issued("x.O=Bank");
    assert_string_equal(match(world, liar), "START2"); /* what its CA really says of it */
    X509_free(liar);
}

static void an_installed_certificate_is_its_owner_s(void **state)
{
    struct world *world = *state;
    X509 *leaf = issued("Rob");
    add(world, "START2/f", "CN=Rob.O=Outside", ISSUER);
    must_json(world, "cert add",
              bundle_json("START1/rob", leaf, ca.intermediate, ca.root, (void *)NULL));
    assert_string_equal(match(world, leaf), "START1");
    assert_string_equal(answered(world, "by"), "certificate");
    assert_string_equal(answered(world, "installed_as"), "START1/rob");
    must(world, "cert alter", "{'certificate': 'START1/rob', 'status': 'notrust'}");
    assert_string_equal(match(world, leaf), "nobody"); /* no filter takes over */
    assert_string_equal(match(world, ca.root), "nobody");
    assert_non_null(strstr(answered(world, "reason"), "no user"));
    must(world, "cert delete", "{'certificate': 'START1/rob'}");
    assert_string_equal(match(world, leaf), "START2");
    X509_free(leaf);
}

/* Another certificate with the serial number and issuer of an installed one is somebody's forgery.
 */
static void a_twin_is_nobody(void **state)
{
    struct world *world = *state;
    X509 *leaf = issued("Rob");
    X509 *twin = issued("Eve");
    assert_int_equal(X509_set_serialNumber(twin, X509_get_serialNumber(leaf)), 1);
    assert_true(X509_sign(twin, ca.int_key, EVP_sha256()) > 0);
    must_json(world, "cert add",
              bundle_json("START1/rob", leaf, ca.intermediate, ca.root, (void *)NULL));
    add(world, "START2/f", NULL, ISSUER);
    assert_string_equal(match(world, twin), "nobody");
    assert_non_null(strstr(answered(world, "reason"), "START1/rob"));
    X509_free(twin);
    X509_free(leaf);
}

static void validity_is_told(void **state)
{
    struct world *world = *state;
    X509 *old = outside(&(struct recipe){
        .name = "old", .key = key, .from_s = NOW - 20 * DAY, .until_s = NOW - 10 * DAY});
    add(world, "START1/f", "CN=old.O=Outside", NULL);
    assert_string_equal(match(world, old), "START1");
    assert_says(world, "warnings", "expired");
    X509_free(old);
}

/* ---- criteria ---- */

static void define(struct world *world, const char *profile, const char *appldata)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_store_profile_define(world->service.store, SG_CLASS_DIGTCRIT, profile,
                                             SG_LEVEL_NONE, appldata, &err),
                     SG_OK);
}

/* Where it is presented; NULL leaves out. */
static const char *match_at(struct world *world, X509 *certificate, const char *appl_id,
                            const char *sys_id)
{
    json_t *params = json_pack("{s:[o], s:s*, s:s*}", "certificate", certificate_json(certificate),
                               "appl_id", appl_id, "sys_id", sys_id);
    if (ask(world, "map match", params, false) != SG_OK) {
        fail_msg("map match: %s", world->err.text);
    }
    bool mapped = json_is_true(json_object_get(world->answer, "mapped"));
    return mapped ? answered(world, "owner") : "nobody";
}

static void criteria_find_the_user(void **state)
{
    struct world *world = *state;
    X509 *leaf = issued("Rob");
    must(world, "map add",
         "{'map': 'MULTIID/m', 'issuer_filter': '" ISSUER "',"
         " 'criteria': 'APPLID=&APPLID.SYSID=&SYSID'}");
    add(world, "START1/less", NULL, "O=Outside");
    must(world, "owner add", "{'owner': 'ROYALID'}");
    define(world, "APPLID=EROYAL.SYSID=S1", "royalid");
    define(world, "APPLID=EROYAL.SYSID=*", "START2");
    define(world, "APPLID=GONE.SYSID=S1", "NOBODY");
    define(world, "APPLID=CA.SYSID=S1", "CERTAUTH");
    define(world, "APPLID=NONE.SYSID=S1", "");
    static const struct {
        const char *appl_id, *sys_id, *owner, *reason;
    } rows[] = {
        {"eroyal", "S1", "ROYALID", "names ROYALID"},
        {"EROYAL", "S2", "START2", "names START2"}, /* the generic one */
        {"EINV", "S1", "nobody", "names no user"},
        {"GONE", "S1", "nobody", "names no user"},
        {"CA", "S1", "nobody", "names no user"},
        {"NONE", "S1", "nobody", "names no user"},
        {"EROYAL", NULL, "nobody", "&SYSID"},
        {NULL, NULL, "nobody", "&APPLID"},
        {"EROYAL.SYSID=S1", "S1", "nobody", "cannot be used"},
        {"*", "S1", "nobody", "cannot be used"},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        assert_string_equal(match_at(world, leaf, rows[i].appl_id, rows[i].sys_id), rows[i].owner);
        assert_non_null(strstr(answered(world, "reason"), rows[i].reason));
        const json_t *filter = json_object_get(world->answer, "filter");
        assert_string_equal(json_string_value(json_object_get(filter, "label")), "m");
    }
    X509_free(leaf);
}

/* ---- who may ---- */

static void filters_are_for_those_who_may(void **state)
{
    struct world *world = *state;
    add(world, "START1/a", "O=x", NULL);
    world->caller = &owner_of_start1;
    refused(world, "map add", "{'map': 'START2', 'subject_filter': 'O=y'}", SG_E_DENIED,
            "not_authorised");
    refused(world, "map add", "{'map': 'MULTIID', 'subject_filter': 'O=y', 'criteria': 'A=&SYSID'}",
            SG_E_DENIED, "not_authorised");
    refused(world, "map delete", "{'map': 'START2/a'}", SG_E_DENIED, "not_authorised");
    refused(world, "map alter", "{'map': 'MULTIID/a', 'label': 'b'}", SG_E_DENIED,
            "not_authorised");
    refused(world, "map list", "{'map': 'MULTIID'}", SG_E_DENIED, "not_authorised");
    refused_json(world, "map match", json_pack("{s:[o]}", "certificate", certificate_json(ca.root)),
                 SG_E_DENIED, "not_authorised");
    world->caller = &stranger;
    must(world, "map list", "{}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 0);
    refused(world, "map list", "{'map': 'START1'}", SG_E_DENIED, "not_authorised");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
        TEST(a_filter_is_added_and_listed),
        TEST(what_is_no_filter_is_refused),
        TEST(a_model_says_how_the_name_goes_on),
        TEST(filters_are_altered_and_deleted),
        TEST(the_most_specific_filter_decides),
        TEST(names_that_pretend_match_nothing),
        TEST(an_installed_certificate_is_its_owner_s),
        TEST(a_twin_is_nobody),
        TEST(validity_is_told),
        TEST(criteria_find_the_user),
        TEST(filters_are_for_those_who_may),
    };
    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
