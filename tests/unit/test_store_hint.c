/* "Did you mean": what a name that is not there gets. */
#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

#include <signet/policy/name.h>

#include "store_internal.h"

static const char *certificate_hint(struct fixture *fixture, const char *owner, const char *label)
{
    struct sg_certificate_name name = name_of(owner, label);
    SG_CERTIFICATE_ROW row = {.id = 0};
    assert_fails(fixture, sg_store_certificate_get(fixture->store, &name, &row, &fixture->err),
                 SG_E_NOT_FOUND, "certificate_not_found");
    assert_has(fixture->err.text, owner);
    return fixture->err.hint;
}

static const char *ring_hint(struct fixture *fixture, const char *owner, const char *ring)
{
    struct sg_ring_ref name = ring_of(owner, ring);
    struct sg_ring_row row;
    assert_fails(fixture, sg_store_ring_get(fixture->store, &name, &row, &fixture->err),
                 SG_E_NOT_FOUND, "ring_not_found");
    return fixture->err.hint;
}

static void another_case_is_meant(void **state)
{
    struct fixture *fixture = *state;
    (void)add_certificate(fixture, "START1", "WebServer", 1);
    (void)add_certificate(fixture, "START1", "webserver2", 2);
    const char *hint = certificate_hint(fixture, "START1", "webserver");
    assert_has(hint, "'START1/WebServer'");
    assert_has(hint, "case");
    assert_string_equal(fixture->err.object, "START1/webserver");
}

static void a_typing_error_is_seen(void **state)
{
    struct fixture *fixture = *state;
    (void)add_certificate(fixture, "START1", "webserver", 1);
    assert_has(certificate_hint(fixture, "START1", "wbserver"), "'START1/webserver'");
    assert_has(certificate_hint(fixture, "START1", "webservers"), "'START1/webserver'");
}

static void what_is_not_alike_is_not_offered(void **state)
{
    struct fixture *fixture = *state;
    (void)add_certificate(fixture, "START1", "mail", 1);
    (void)add_certificate(fixture, "START1", "b", 2);
    const char *const others[] = {"webserver", "a", "ab"};
    for (size_t i = 0; i < SG_COUNT(others); i++) {
        const char *hint = certificate_hint(fixture, "START1", others[i]);
        assert_null(strstr(hint, "Did you mean"));
        assert_has(hint, "signet cert list START1");
    }
}

static void another_owner_with_that_label_is_named(void **state)
{
    struct fixture *fixture = *state;
    (void)add_certificate(fixture, "START2", "web", 1);
    (void)add_certificate(fixture, "CERTAUTH", "web", 2);
    (void)add_certificate(fixture, "SITE", "Web", 3);
    const char *hint = certificate_hint(fixture, "START1", "web");
    assert_has(hint, "START2");
    assert_has(hint, "CERTAUTH");
    assert_null(strstr(hint, "SITE"));
}

static void an_owner_that_is_not_there_is_said(void **state)
{
    struct fixture *fixture = *state;
    (void)add_certificate(fixture, "START1", "web", 1);
    const char *hint = certificate_hint(fixture, "START9", "web");
    assert_has(hint, "no owner START9");
    assert_has(hint, "START1");
}

static void rings_get_the_same(void **state)
{
    struct fixture *fixture = *state;
    (void)add_ring(fixture, "START1", "WebRing");
    (void)add_ring(fixture, "START2", "mail");
    assert_has(ring_hint(fixture, "START1", "webring"), "'START1/WebRing'");
    assert_has(ring_hint(fixture, "START1", "WebRong"), "'START1/WebRing'");
    const char *hint = ring_hint(fixture, "START1", "mail");
    assert_has(hint, "START2");
    assert_null(strstr(hint, "Did you mean"));
    assert_has(ring_hint(fixture, "NOBODY", "mail"), "no owner NOBODY");
}

/* A hint with half a character in it would be no UTF-8, and no JSON. */
static void the_longest_names_are_cut_between_characters(void **state)
{
    struct fixture *fixture = *state;
    const char *const characters[] = {"\xE2\x82\xAC", "\xF0\x9F\x94\x91", "\xC3\xA9", "r"};
    for (size_t c = 0; c < SG_COUNT(characters); c++) {
        struct sg_ring_ref name = ring_of("START1", "");
        struct sg_ring_name checked;
        struct sg_error err = SG_ERROR_INIT;
        size_t width = strlen(characters[c]);
        for (size_t i = 0; i < 237; i++) {
            memcpy(name.ring.text + i * width, characters[c], width);
        }
        (void)add_ring(fixture, "START1", name.ring.text);
        name.ring.text[236 * width] = '\0';
        const char *hint = ring_hint(fixture, "START1", name.ring.text);
        assert_has(hint, "Did you mean");
        assert_in_range(strlen(hint), 100, sizeof fixture->err.hint - 1);
        if (width > 2) { /* then it is short enough in characters for this check of its UTF-8 */
            assert_int_equal(sg_name_ring(hint, &checked, &err), SG_OK);
        }
    }
}

static void of_many_labels_the_nearest_is_offered(void **state)
{
    struct fixture *fixture = *state;
    assert_ok(fixture, sg_store_begin(fixture->store, &fixture->err));
    for (unsigned i = 0; i < 2500; i++) {
        char label[16];
        snprintf(label, sizeof label, "server-%04u", i);
        (void)add_certificate(fixture, "START1", label, i);
    }
    assert_ok(fixture, sg_store_commit(fixture->store, &fixture->err));
    assert_has(certificate_hint(fixture, "START1", "Server-0042"), "'START1/server-0042'");
    /* looking is bounded: beyond 2,000 labels there is still an answer, if not the best */
    assert_true(certificate_hint(fixture, "START1", "Server-2499")[0] != '\0');
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, fixture_store, fixture_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_STORE(another_case_is_meant),
        IN_STORE(a_typing_error_is_seen),
        IN_STORE(what_is_not_alike_is_not_offered),
        IN_STORE(another_owner_with_that_label_is_named),
        IN_STORE(an_owner_that_is_not_there_is_said),
        IN_STORE(rings_get_the_same),
        IN_STORE(the_longest_names_are_cut_between_characters),
        IN_STORE(of_many_labels_the_nearest_is_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
