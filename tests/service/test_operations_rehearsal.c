/* Rehearsals: each operation upon what those before it would have made, and nothing of it real. */
#include <string.h>

#include <openssl/x509v3.h>

#include <signet/http/server.h>
#include <signet/operations/rehearsal.h>

#include "operations_fixture.h"

#define HERE 7 /* the connection of most tests */

static const char ca_params[] = "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=Real CA'}";

static int setup(void **state)
{
    struct world *world = *state;
    int failed = world_setup(state);
    assert_int_equal(sg_rehearsals_allow(&world->service, &world->err), SG_OK);
    world->service.connection = HERE;
    return failed;
}

static int teardown(void **state)
{
    sg_rehearsals_done(&((struct world *)*state)->service);
    return world_teardown(state);
}

/* ---- asking ---- */

static sg_status try_open(struct world *world, const struct sg_caller *caller, uint64_t connection)
{
    const struct sg_caller *before = world->caller;
    world->caller = caller;
    world->service.connection = connection;
    sg_status s = ask(world, "rehearsal open", json_object(), false);
    world->service.connection = HERE;
    world->caller = before;
    return s;
}

/* Its name; valid until the next call. */
static const char *open_for(struct world *world, const struct sg_caller *caller,
                            uint64_t connection)
{
    static char id[SG_REHEARSAL_ID_LEN + 1];
    if (try_open(world, caller, connection) != SG_OK) {
        fail_msg("%s", world->err.text);
    }
    snprintf(id, sizeof id, "%s", answered(world, "rehearsal"));
    assert_int_equal(strlen(id), SG_REHEARSAL_ID_LEN);
    return id;
}

static struct sg_service *find(struct world *world, const char *id, const struct sg_caller *caller)
{
    struct sg_service *found = NULL;
    if (sg_rehearsal_find(&world->service, id, caller->uid, HERE, &found, &world->err) != SG_OK) {
        fail_msg("%s", world->err.text);
    }
    return found;
}

static struct sg_service *begin(struct world *world)
{
    return find(world, open_for(world, world->caller, HERE), world->caller);
}

/* As ask(), in a rehearsal. */
static sg_status ask_in(struct world *world, struct sg_service *rehearsal, const char *operation,
                        json_t *params)
{
    char noun[32] = "";
    const char *blank = strchr(operation, ' ');
    memcpy(noun, operation, (size_t)(blank - operation));
    const struct sg_operation *row = sg_operation_find(noun, blank + 1);
    json_t *answer = NULL;
    sg_error_clear(&world->err);
    sg_status s = sg_http_check_params(row, params, &world->err);
    s = s == SG_OK
            ? sg_operation_run(rehearsal, row, world->caller, params, false, &answer, &world->err)
            : s;
    json_decref(params);
    if (s == SG_OK) {
        json_decref(world->answer);
        world->answer = answer;
    }
    return s;
}

/* Whatever comes of it, nothing real changes and nobody hears of it. */
static sg_status try_in(struct world *world, struct sg_service *rehearsal, const char *operation,
                        const char *params)
{
    struct snapshot before = snapshot(world);
    unsigned heard = world->narrowed + world->widened + world->logins + world->failures;
    sg_status s = ask_in(world, rehearsal, operation, json_of(params));
    struct snapshot after = snapshot(world);
    assert_same(&before, &after);
    assert_int_equal(world->narrowed + world->widened + world->logins + world->failures, heard);
    return s;
}

static json_t *rehearse(struct world *world, struct sg_service *rehearsal, const char *operation,
                        const char *params)
{
    if (try_in(world, rehearsal, operation, params) != SG_OK) {
        fail_msg("%s: %s", operation, world->err.text);
    }
    assert_true(json_is_true(json_object_get(world->answer, "rehearsed")));
    return world->answer;
}

static void refuse(struct world *world, struct sg_service *rehearsal, const char *operation,
                   const char *params, sg_status status, const char *code)
{
    assert_int_equal(try_in(world, rehearsal, operation, params), status);
    assert_string_equal(world->err.code, code);
    assert_true(strlen(world->err.text) > 10);
}

static void assert_gone(struct world *world, const char *id, const struct sg_caller *caller,
                        uint64_t connection)
{
    struct sg_service *found = NULL;
    sg_error_clear(&world->err);
    assert_int_equal(
        sg_rehearsal_find(&world->service, id, caller->uid, connection, &found, &world->err),
        SG_E_SERVICE);
    assert_string_equal(world->err.code, "rehearsal_gone");
    assert_null(found);
}

static void make_chain(struct world *world, struct sg_service *rehearsal)
{
    rehearse(world, rehearsal, "cert generate",
             "{'certificate': 'CERTAUTH/New', 'subject': 'CN=New'}");
    rehearse(world, rehearsal, "cert generate",
             "{'certificate': 'START1/web', 'subject': 'CN=web', 'signed_by': 'CERTAUTH/New'}");
    rehearse(world, rehearsal, "ring add", "{'ring': 'START1/KEY'}");
    rehearse(world, rehearsal, "ring connect",
             "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': true}");
    rehearse(world, rehearsal, "ring connect",
             "{'ring': 'START1/KEY', 'certificate': 'CERTAUTH/New'}");
}

/* ---- what is there ---- */

static void later_operations_see_what_earlier_ones_would_make(void **state)
{
    struct world *world = *state;
    struct sg_service *rehearsal = begin(world);
    make_chain(world, rehearsal);
    rehearse(world, rehearsal, "ring show", "{'ring': 'START1/KEY'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 2);
    rehearse(world, rehearsal, "cert chain", "{'certificate': 'START1/web'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 2);
    rehearse(world, rehearsal, "cert delete", "{'certificate': 'START1/web', 'force': true}");
    refuse(world, rehearsal, "cert show", "{'certificate': 'START1/web'}", SG_E_NOT_FOUND,
           "certificate_not_found");
    refused(world, "ring show", "{'ring': 'START1/KEY'}", SG_E_NOT_FOUND, "ring_not_found");
    assert_false(has_row(world, "CERTAUTH", "New"));
}

static void every_kind_of_key_is_rehearsed(void **state)
{
    struct world *world = *state;
    struct sg_service *rehearsal = begin(world);
    size_t count = 0;
    const struct sg_key_spec *specs = sg_key_specs(&count);
    for (size_t i = 0; i < count; i++) {
        char params[200];
        snprintf(params, sizeof params,
                 "{'certificate': 'CERTAUTH/k%zu', 'subject': 'CN=k%zu', 'key': '%s'}", i, i,
                 specs[i].name);
        rehearse(world, rehearsal, "cert generate", params);
        assert_int_equal(strncmp(answered(world, "serial"), "52454845415253414C", 18), 0);
        X509 *made = answered_certificate(world);
        assert_true(X509_verify(made, X509_get0_pubkey(made)) != 1);
        X509_free(made);
        snprintf(
            params, sizeof params,
            "{'certificate': 'START1/k%zu', 'subject': 'CN=leaf', 'signed_by': 'CERTAUTH/k%zu'}", i,
            i);
        rehearse(world, rehearsal, "cert generate", params);
        snprintf(params, sizeof params, "{'certificate': 'START1/k%zu'}", i);
        rehearse(world, rehearsal, "cert chain", params);
        assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 2);
        rehearse(world, rehearsal, "cert request", params);
    }
}

static void keys_that_are_real_go_on_in_it(void **state)
{
    struct world *world = *state;
    must(world, "cert generate",
         "{'certificate': 'START1/old', 'subject': 'CN=old', 'key': 'rsa:2048'}");
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    connect_as(world, "START1/KEY", "START1/old", "personal", true);
    uint64_t sequence = sequence_of(world, "START1", "KEY");
    struct sg_service *rehearsal = begin(world);
    rehearse(world, rehearsal, "cert request", "{'certificate': 'START1/old'}");
    rehearse(world, rehearsal, "cert rekey", "{'certificate': 'START1/old', 'label': 'new'}");
    rehearse(world, rehearsal, "cert rollover",
             "{'certificate': 'START1/old', 'label': 'new', 'force': true}");
    rehearse(world, rehearsal, "ring show", "{'ring': 'START1/KEY'}");
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(world->answer, "items"), 0), "label")),
                        "new");
    rehearse(world, rehearsal, "cert delete", "{'certificate': 'START1/old', 'force': true}");
    assert_int_equal(sequence_of(world, "START1", "KEY"), sequence);
    must(world, "cert request", "{'certificate': 'START1/old'}"); /* its key is where it was */
}

/* ---- nothing of it is worth anything ---- */

static json_t *last_der(struct world *world, const char *key)
{
    return json_string(answered(world, key));
}

static void what_a_real_ca_would_sign_is_not_signed(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", ca_params);
    X509 *authority = answered_certificate(world);
    struct sg_service *rehearsal = begin(world);
    rehearse(world, rehearsal, "cert generate",
             "{'certificate': 'START1/web', 'subject': 'CN=web', 'signed_by': 'CERTAUTH/CA'}");
    X509 *made = answered_certificate(world);
    json_t *der = last_der(world, "der");
    assert_int_equal(X509_check_issued(authority, made), X509_V_OK); /* it says so, and lies */
    assert_true(X509_verify(made, X509_get0_pubkey(authority)) != 1);
    rehearse(world, rehearsal, "cert chain", "{'certificate': 'START1/web'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 2);
    refused_json(world, "cert add",
                 json_pack("{s:s, s:[O]}", "target", "START1/web", "certificates", der), SG_E_INPUT,
                 "bad_signature");
    json_decref(der);
    X509_free(made);
    X509_free(authority);
}

static void a_rehearsed_request_is_a_request_there_alone(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", ca_params);
    struct sg_service *rehearsal = begin(world);
    rehearse(world, rehearsal, "cert generate",
             "{'certificate': 'START1/web', 'subject': 'CN=web'}");
    rehearse(world, rehearsal, "cert request", "{'certificate': 'START1/web'}");
    X509_REQ *made = answered_request(world);
    assert_true(X509_REQ_verify(made, X509_REQ_get0_pubkey(made)) != 1);
    X509_REQ_free(made);
    json_t *der = last_der(world, "csr");
    json_t *params = json_pack("{s:s, s:s, s:O}", "certificate", "START1/web", "signed_by",
                               "CERTAUTH/CA", "from_request", der);
    char *text = json_dumps(params, 0);
    rehearse(world, rehearsal, "cert generate", text); /* renews START1/web */
    free(text);
    refused_json(world, "cert generate", params, SG_E_INPUT, "bad_signature");
    json_decref(der);
}

static void one_rehearsal_does_not_believe_another(void **state)
{
    struct world *world = *state;
    struct sg_service *mine = begin(world);
    make_chain(world, mine);
    rehearse(world, mine, "cert show", "{'certificate': 'START1/web'}");
    rehearse(world, mine, "cert export", "{'certificate': 'START1/web', 'chain': true}");
    json_t *entries = json_incref(json_object_get(world->answer, "entries"));
    assert_int_equal(json_array_size(entries), 2);
    json_t *params = json_pack("{s:s, s:[O, O], s:b}", "target", "START1/copy", "certificates",
                               json_object_get(json_array_get(entries, 0), "der"),
                               json_object_get(json_array_get(entries, 1), "der"), "force", 1);
    char *text = json_dumps(params, 0);
    struct sg_caller other = {.uid = 4711, .administrator = true};
    struct sg_service *theirs = find(world, open_for(world, &other, HERE), &other);
    refuse(world, theirs, "cert add", text, SG_E_INPUT, "bad_signature");
    refused_json(world, "cert add", params, SG_E_INPUT, "bad_signature");
    free(text);
    json_decref(entries);
}

static void private_keys_stay_where_they_are(void **state)
{
    struct world *world = *state;
    world->extractable_allowed = true;
    world->service.policy.extractable_keys = true;
    must(world, "cert generate",
         "{'certificate': 'START1/free', 'subject': 'CN=free', 'extractable': true}");
    must(world, "cert generate", "{'certificate': 'START1/kept', 'subject': 'CN=kept'}");
    EVP_PKEY *point = new_key();
    unsigned char raw[65];
    size_t len = 0;
    assert_int_equal(EVP_PKEY_get_octet_string_param(point, "pub", raw, sizeof raw, &len), 1);
    assert_int_equal(len, sizeof raw);
    json_t *recipient = der_json(raw, (int)len);
    struct sg_service *rehearsal = begin(world);
    json_t *params = json_pack("{s:s, s:O}", "certificate", "START1/free", "recipient", recipient);
    char *text = json_dumps(params, 0);
    rehearse(world, rehearsal, "cert export", text);
    assert_null(json_object_get(world->answer, "private_key"));
    assert_int_equal(json_array_size(json_object_get(world->answer, "entries")), 1);
    must_json(world, "cert export", params);
    assert_non_null(json_object_get(world->answer, "private_key"));
    free(text);
    params = json_pack("{s:s, s:o}", "certificate", "START1/kept", "recipient", recipient);
    text = json_dumps(params, 0);
    refuse(world, rehearsal, "cert export", text, SG_E_DENIED, "key_not_extractable");
    free(text);
    json_decref(params);
    EVP_PKEY_free(point);
}

/* ---- whose it is, and how long ---- */

static void it_belongs_to_one_user_and_one_connection(void **state)
{
    struct world *world = *state;
    char id[SG_REHEARSAL_ID_LEN + 1];
    snprintf(id, sizeof id, "%s", open_for(world, &owner_of_start1, HERE));
    (void)find(world, id, &owner_of_start1);
    assert_gone(world, id, &administrator, HERE);
    assert_gone(world, id, &stranger, HERE);
    assert_gone(world, id, &owner_of_start1, HERE + 1);
    assert_gone(world, "", &owner_of_start1, HERE);
    assert_gone(world, "00000000000000000000000000000000", &owner_of_start1, HERE);
    id[0] = id[0] == 'a' ? 'b' : 'a';
    assert_gone(world, id, &owner_of_start1, HERE);
}

static void nobody_else_ends_it(void **state)
{
    struct world *world = *state;
    char params[80];
    char id[SG_REHEARSAL_ID_LEN + 1];
    snprintf(id, sizeof id, "%s", open_for(world, &owner_of_start1, HERE));
    snprintf(params, sizeof params, "{'rehearsal': '%s'}", id);
    refused(world, "rehearsal close", params, SG_E_SERVICE, "rehearsal_gone");
    world->caller = &owner_of_start1;
    world->service.connection = HERE + 1;
    refused(world, "rehearsal close", params, SG_E_SERVICE, "rehearsal_gone");
    sg_rehearsals_end_of(&world->service, HERE + 1);
    sg_rehearsals_sweep(&world->service);
    (void)find(world, id, &owner_of_start1);
    world->service.connection = HERE;
    assert_int_equal(ask(world, "rehearsal close", json_of(params), false), SG_OK);
    assert_gone(world, id, &owner_of_start1, HERE);
    assert_int_equal(sg_rehearsals_count(&world->service), 0);
    refused(world, "rehearsal close", params, SG_E_SERVICE, "rehearsal_gone");
}

static void it_ends_with_its_connection(void **state)
{
    struct world *world = *state;
    char id[SG_REHEARSAL_ID_LEN + 1];
    snprintf(id, sizeof id, "%s", open_for(world, &owner_of_start1, HERE));
    sg_rehearsals_end_of(&world->service, HERE);
    assert_gone(world, id, &owner_of_start1, HERE);
    sg_rehearsals_sweep(&world->service);
    assert_int_equal(sg_rehearsals_count(&world->service), 0);
    (void)open_for(world, &owner_of_start1, HERE);
}

static void it_ends_in_time(void **state)
{
    struct world *world = *state;
    char id[SG_REHEARSAL_ID_LEN + 1];
    snprintf(id, sizeof id, "%s", open_for(world, &owner_of_start1, HERE));
    world->monotonic_ms = (int64_t)SG_REHEARSAL_LIFE_S * 1000 - 1;
    sg_rehearsals_sweep(&world->service);
    (void)find(world, id, &owner_of_start1);
    world->monotonic_ms++;
    assert_gone(world, id, &owner_of_start1, HERE);
    sg_rehearsals_sweep(&world->service);
    assert_int_equal(sg_rehearsals_count(&world->service), 0);
}

static void a_user_has_one_and_all_have_few(void **state)
{
    struct world *world = *state;
    size_t i = 0;
    for (; i < SG_REHEARSALS_MAX - SG_REHEARSALS_RESERVED; i++) {
        struct sg_caller caller = {.uid = 2000 + (uid_t)i};
        (void)open_for(world, &caller, HERE + i);
        assert_int_equal(try_open(world, &caller, HERE + 100), SG_E_SERVICE);
        assert_string_equal(world->err.code, "rehearsal_open");
    }
    struct sg_caller one_more = {.uid = 3000};
    assert_int_equal(try_open(world, &one_more, HERE), SG_E_SERVICE);
    assert_string_equal(world->err.code, "too_many_rehearsals");
    for (; i < SG_REHEARSALS_MAX; i++) {
        struct sg_caller caller = {.uid = 2000 + (uid_t)i, .administrator = true};
        (void)open_for(world, &caller, HERE);
    }
    assert_int_equal(try_open(world, &administrator, HERE), SG_E_SERVICE);
    assert_string_equal(world->err.code, "too_many_rehearsals");
    assert_int_equal(sg_rehearsals_count(&world->service), SG_REHEARSALS_MAX);
    sg_rehearsals_end_of(&world->service, HERE + 1);
    sg_rehearsals_sweep(&world->service);
    (void)open_for(world, &administrator, HERE);
}

/* An operation may be under way in it. */
static void opening_one_frees_no_other(void **state)
{
    struct world *world = *state;
    (void)open_for(world, &owner_of_start1, HERE);
    sg_rehearsals_end_of(&world->service, HERE);
    world->monotonic_ms = (int64_t)SG_REHEARSAL_LIFE_S * 2000;
    (void)open_for(world, &stranger, HERE + 1);
    assert_int_equal(sg_rehearsals_count(&world->service), 2);
    assert_int_equal(try_open(world, &owner_of_start1, HERE), SG_E_SERVICE);
    assert_string_equal(world->err.code, "rehearsal_open");
    sg_rehearsals_sweep(&world->service);
    assert_int_equal(sg_rehearsals_count(&world->service), 1);
    (void)open_for(world, &owner_of_start1, HERE);
}

static void none_is_opened_within_another_or_over_nothing(void **state)
{
    struct world *world = *state;
    assert_int_equal(try_open(world, &administrator, 0), SG_E_UNSUPPORTED);
    assert_string_equal(world->err.code, "not_rehearsed");
    struct sg_service *rehearsal = begin(world);
    refuse(world, rehearsal, "rehearsal open", "{}", SG_E_UNSUPPORTED, "not_rehearsed");
}

/* ---- the same gate ---- */

static void whoever_may_not_may_not_rehearse_it(void **state)
{
    struct world *world = *state;
    world->caller = &stranger;
    struct sg_service *rehearsal = begin(world);
    refuse(world, rehearsal, "cert generate", "{'certificate': 'START1/web', 'subject': 'CN=web'}",
           SG_E_DENIED, "not_authorised");
    refuse(world, rehearsal, "ring add", "{'ring': 'START1/KEY'}", SG_E_DENIED, "not_authorised");
    refuse(
        world, rehearsal, "authority permit",
        "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.GENCERT', 'to': '*', 'level': 'control'}",
        SG_E_DENIED, "not_authorised");
    refuse(world, rehearsal, "owner attach", "{'owner': 'START1', 'uid': 1002}", SG_E_DENIED,
           "not_authorised");
    refuse(world, rehearsal, "token login", "{'token': 'store'}", SG_E_DENIED, "not_authorised");
    rehearse(world, rehearsal, "cert list", "{}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 0);
}

static void what_is_permitted_in_it_is_permitted_there_alone(void **state)
{
    struct world *world = *state;
    struct sg_service *rehearsal = begin(world);
    rehearse(world, rehearsal, "authority define",
             "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.ADDRING'}");
    rehearse(world, rehearsal, "authority permit",
             "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.ADDRING', 'to': 'user:1002', 'level': "
             "'control'}");
    world->caller = &stranger;
    rehearse(world, rehearsal, "ring add", "{'ring': 'START1/KEY'}"); /* the permit is in force */
    refused(world, "ring add", "{'ring': 'START1/KEY'}", SG_E_DENIED, "not_authorised");
    rehearsal = begin(world);
    refuse(world, rehearsal, "ring add", "{'ring': 'START1/KEY'}", SG_E_DENIED, "not_authorised");
}

static void assert_outdated(struct world *world, const char *id, const struct sg_caller *caller)
{
    struct sg_service *found = NULL;
    sg_error_clear(&world->err);
    assert_int_equal(sg_rehearsal_find(&world->service, id, caller->uid, HERE, &found, &world->err),
                     SG_E_SERVICE);
    assert_string_equal(world->err.code, "rehearsal_outdated");
    assert_null(found);
}

static void what_is_really_taken_is_taken_at_once(void **state)
{
    struct world *world = *state;
    const struct sg_caller caller = {.uid = 1002};
    char id[SG_REHEARSAL_ID_LEN + 1];
    must(world, "owner attach", "{'owner': 'START1', 'uid': 1002}");
    snprintf(id, sizeof id, "%s", open_for(world, &caller, HERE));
    must(world, "owner attach", "{'owner': 'START2', 'uid': 1003}"); /* not this user's */
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    (void)find(world, id, &caller);
    must(world, "owner detach", "{'owner': 'START1', 'uid': 1002}");
    assert_outdated(world, id, &caller);
    must(world, "owner attach", "{'owner': 'START2', 'uid': 1002}");
    assert_outdated(world, id, &caller);
}

static void permits_that_really_change_end_it(void **state)
{
    struct world *world = *state;
    char id[SG_REHEARSAL_ID_LEN + 1];
    snprintf(id, sizeof id, "%s", open_for(world, &stranger, HERE));
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST'}");
    assert_outdated(world, id, &stranger);
    sg_rehearsals_end_of(&world->service, HERE);
    sg_rehearsals_sweep(&world->service);
    snprintf(id, sizeof id, "%s", open_for(world, &stranger, HERE));
    must(world, "authority permit",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST', 'to': '*', 'level': 'read'}");
    assert_outdated(world, id, &stranger);
}

/* ---- beside the real thing ---- */

static void real_changes_go_on_beside_it(void **state)
{
    struct world *world = *state;
    char params[80];
    char id[SG_REHEARSAL_ID_LEN + 1];
    snprintf(id, sizeof id, "%s", open_for(world, world->caller, HERE));
    snprintf(params, sizeof params, "{'rehearsal': '%s'}", id);
    struct sg_service *rehearsal = find(world, id, world->caller);
    rehearse(world, rehearsal, "ring add", "{'ring': 'START1/KEY'}");
    must(world, "ring add", "{'ring': 'START1/KEY'}"); /* not in the way of each other */
    must(world, "cert generate", "{'certificate': 'START1/real', 'subject': 'CN=real'}");
    refuse(world, rehearsal, "cert show", "{'certificate': 'START1/real'}", SG_E_NOT_FOUND,
           "certificate_not_found");
    assert_int_equal(ask(world, "rehearsal close", json_of(params), false), SG_OK);
    assert_true(json_is_true(json_object_get(world->answer, "changed")));
    assert_true(has_row(world, "START1", "real"));
}

static void its_end_says_that_nothing_changed(void **state)
{
    struct world *world = *state;
    char params[80];
    snprintf(params, sizeof params, "{'rehearsal': '%s'}", open_for(world, world->caller, HERE));
    assert_int_equal(ask(world, "ring add", json_of("{'ring': 'START1/KEY'}"), true), SG_OK);
    assert_int_equal(ask(world, "rehearsal close", json_of(params), false), SG_OK);
    assert_true(json_is_false(json_object_get(world->answer, "changed")));
}

static void a_token_that_is_away_is_away_in_it(void **state)
{
    struct world *world = *state;
    struct sg_service *rehearsal = begin(world);
    refuse(world, rehearsal, "token login", "{'token': 'store'}", SG_E_UNSUPPORTED,
           "not_rehearsed");
    world->down = true;
    refuse(world, rehearsal, "cert generate", "{'certificate': 'START1/web', 'subject': 'CN=web'}",
           SG_E_TOKEN, "token_unavailable");
    refuse(world, rehearsal, "cert generate",
           "{'certificate': 'START1/web', 'subject': 'CN=web', 'token': 'none'}", SG_E_NOT_FOUND,
           "token_not_found");
}

static void nobody_waits_in_it(void **state)
{
    struct world *world = *state;
    struct sg_service *rehearsal = begin(world);
    rehearse(world, rehearsal, "ring add", "{'ring': 'START1/KEY'}");
    refuse(world, rehearsal, "ring wait", "{'ring': 'START1/KEY', 'sequence': 0}", SG_E_UNSUPPORTED,
           "not_rehearsed");
}

static void what_is_refused_leaves_it_as_it_was(void **state)
{
    struct world *world = *state;
    struct sg_service *rehearsal = begin(world);
    make_chain(world, rehearsal);
    refuse(world, rehearsal, "cert generate", "{'certificate': 'START1/web', 'subject': 'CN=web'}",
           SG_E_CONFLICT, "label_in_use");
    refuse(world, rehearsal, "ring add", "{'ring': 'START1/KEY'}", SG_E_CONFLICT, "ring_exists");
    refuse(world, rehearsal, "cert delete", "{'certificate': 'CERTAUTH/New'}", SG_E_CONFLICT,
           "in_use");
    rehearse(world, rehearsal, "ring show", "{'ring': 'START1/KEY'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 2);
}

static size_t groups_in(struct world *world, struct sg_service *service)
{
    SG_LOADED_CALLER loaded = {0};
    assert_int_equal(sg_caller_load(service, 4001, 100, &loaded, &world->err), SG_OK);
    return loaded.caller.group_count;
}

static void a_permit_for_a_group_counts_in_it_and_there_alone(void **state)
{
    struct world *world = *state;
    struct sg_service *rehearsal = begin(world);
    world->group = 60;
    rehearse(world, rehearsal, "authority define",
             "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST'}");
    assert_int_equal(groups_in(world, rehearsal), 1);
    rehearse(world, rehearsal, "authority permit",
             "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST', 'to': 'group:60', 'level': "
             "'read'}");
    assert_int_equal(groups_in(world, rehearsal), 2);
    assert_int_equal(groups_in(world, &world->service), 1);
}

static void the_last_permit_for_a_group_is_gone_in_it_alone(void **state)
{
    struct world *world = *state;
    world->group = 60;
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST'}");
    must(world, "authority permit",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST', 'to': 'group:60', 'level': "
         "'read'}");
    struct sg_service *rehearsal = begin(world);
    assert_int_equal(groups_in(world, rehearsal), 2);
    rehearse(world, rehearsal, "authority delete",
             "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST'}");
    assert_int_equal(groups_in(world, rehearsal), 1);
    assert_int_equal(groups_in(world, &world->service), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(later_operations_see_what_earlier_ones_would_make),
        TEST(every_kind_of_key_is_rehearsed),
        TEST(keys_that_are_real_go_on_in_it),
        TEST(what_a_real_ca_would_sign_is_not_signed),
        TEST(a_rehearsed_request_is_a_request_there_alone),
        TEST(one_rehearsal_does_not_believe_another),
        TEST(private_keys_stay_where_they_are),
        TEST(it_belongs_to_one_user_and_one_connection),
        TEST(nobody_else_ends_it),
        TEST(it_ends_with_its_connection),
        TEST(it_ends_in_time),
        TEST(a_user_has_one_and_all_have_few),
        TEST(opening_one_frees_no_other),
        TEST(none_is_opened_within_another_or_over_nothing),
        TEST(whoever_may_not_may_not_rehearse_it),
        TEST(what_is_permitted_in_it_is_permitted_there_alone),
        TEST(what_is_really_taken_is_taken_at_once),
        TEST(permits_that_really_change_end_it),
        TEST(real_changes_go_on_beside_it),
        TEST(its_end_says_that_nothing_changed),
        TEST(a_token_that_is_away_is_away_in_it),
        TEST(nobody_waits_in_it),
        TEST(what_is_refused_leaves_it_as_it_was),
        TEST(a_permit_for_a_group_counts_in_it_and_there_alone),
        TEST(the_last_permit_for_a_group_is_gone_in_it_alone),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
