/* What a caller sees and may use through the ring socket. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#include <signet/base/log.h>
#include <signet/operations/ring_view.h>
#include <signet/rings/view.h>

#include "operations_fixture.h"
#include "view_internal.h"

static int index_of(void *context, const char *name)
{
    const bool *unknown = context;
    return *unknown || strcmp(name, "store") != 0 ? -1 : 3;
}

static struct sg_view *view_for(struct world *world, const struct sg_caller *caller, bool unknown)
{
    int fd = -1;
    struct sg_view *view = NULL;
    if (sg_ring_view_write(&world->service, caller, 0, 9, index_of, &unknown, &fd, &world->err) !=
            SG_OK ||
        sg_view_open(fd, &view, &world->err) != SG_OK) {
        fail_msg("%s", world->err.text);
    }
    close(fd);
    assert_int_equal(view->generation, 9);
    return view;
}

static size_t objects_of(const struct sg_view *view, CK_OBJECT_CLASS class)
{
    size_t found = 0;
    for (size_t i = 0; i < view->object_count; i++) {
        found += view->objects[i].object_class == class ? 1 : 0;
    }
    return found;
}

static void check_view(struct world *world, const struct sg_caller *caller, size_t slots,
                       size_t certificates, size_t keys)
{
    struct sg_view *view = view_for(world, caller, false);
    struct sg_granted_key *granted = NULL;
    size_t count = 0;
    assert_int_equal(view->slot_count, slots);
    assert_int_equal(objects_of(view, CKO_CERTIFICATE), certificates);
    assert_int_equal(objects_of(view, CKO_PRIVATE_KEY), keys);
    for (size_t i = 0; i < view->key_count; i++) {
        assert_int_equal(view->keys[i].token, 3);
    }
    sg_view_free(view);
    /* the capability names the same keys, each once for a ring */
    assert_int_equal(
        sg_ring_keys(&world->service, caller, 0, "store", &granted, &count, &world->err), SG_OK);
    assert_true(count <= keys);
    assert_int_equal(count > 0, keys > 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(granted[i].sign, 1);
        assert_true(i == 0 || sg_granted_key_compare(&granted[i - 1], &granted[i]) < 0);
    }
    free(granted);
    assert_int_equal(
        sg_ring_keys(&world->service, caller, 0, "another", &granted, &count, &world->err), SG_OK);
    assert_int_equal(count, 0);
    free(granted);
}

static void connect(struct world *world, const char *ring, const char *certificate,
                    const char *usage)
{
    json_t *params = json_pack("{s:s, s:s}", "ring", ring, "certificate", certificate);
    if (usage != NULL) {
        json_object_set_new(params, "usage", json_string(usage));
    }
    must_json(world, "ring connect", params);
}

static int setup(void **state)
{
    int failed = world_setup(state);
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'START1/web', 'subject': 'CN=web'}");
    must(world, "cert generate", "{'certificate': 'START2/app', 'subject': 'CN=app'}");
    must(world, "cert generate", "{'certificate': 'CERTAUTH/CA', 'subject': 'CN=CA'}");
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    must(world, "ring add", "{'ring': 'START2/KEY'}");
    connect(world, "START1/KEY", "START1/web", NULL);
    connect(world, "START1/KEY", "CERTAUTH/CA", NULL);
    connect(world, "START2/KEY", "START2/app", NULL);
    return failed;
}

static void everybody_sees_their_own(void **state)
{
    check_view(*state, &stranger, 0, 0, 0);
    check_view(*state, &owner_of_start1, 1, 2, 1);
    check_view(*state, &administrator, 2, 3, 2);
}

static void only_personal_connections_bring_keys(void **state)
{
    struct world *world = *state;
    connect(world, "START1/KEY", "START1/web", "site");
    check_view(world, &owner_of_start1, 1, 2, 0);
    connect(world, "START1/KEY", "START1/web", "certauth");
    check_view(world, &owner_of_start1, 1, 2, 0);
    connect(world, "START1/KEY", "START1/web", "personal");
    check_view(world, &owner_of_start1, 1, 2, 1);
}

static void the_keys_of_others_are_for_administrators(void **state)
{
    struct world *world = *state;
    connect(world, "START1/KEY", "CERTAUTH/CA", "personal");
    connect(world, "START1/KEY", "START2/app", "personal");
    check_view(world, &owner_of_start1, 1, 3, 1);
    check_view(world, &administrator, 2, 4, 4);
}

static void what_is_not_trusted_is_not_seen(void **state)
{
    struct world *world = *state;
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    check_view(world, &owner_of_start1, 1, 1, 0);
    must(world, "cert alter", "{'certificate': 'CERTAUTH/CA', 'status': 'notrust'}");
    check_view(world, &owner_of_start1, 1, 0, 0);
    check_view(world, &administrator, 2, 1, 1);
}

/* As it was stored before such ones were refused. */
static void store_malformed(struct world *world, const char *owner, const char *label,
                            enum malformed how)
{
    SG_CERTIFICATE_ROW row = row_of(world, owner, label);
    X509 *bad = malformed_ca(how, "Bad");
    unsigned char *der = NULL;
    int len = i2d_X509(bad, &der);
    assert_true(len > 0);
    row.der = realloc(row.der, (size_t)len);
    assert_non_null(row.der);
    memcpy(row.der, der, (size_t)len);
    row.der_len = (size_t)len;
    assert_int_equal(sg_store_certificate_replace(world->service.store, &row, &world->err), SG_OK);
    OPENSSL_free(der);
    X509_free(bad);
}

static bool found(const struct world *world, const char *code)
{
    size_t i = 0;
    json_t *item = NULL;
    json_array_foreach(json_object_get(world->answer, "items"), i, item)
    {
        if (strcmp(json_string_value(json_object_get(item, "code")), code) == 0) {
            return true;
        }
    }
    return false;
}

/* One malformed member would hide all others of the ring from Java. */
static void what_is_malformed_is_left_out(void **state)
{
    struct world *world = *state;
    must(world, "cert generate", "{'certificate': 'CERTAUTH/Good', 'subject': 'CN=Good'}");
    connect(world, "START1/KEY", "CERTAUTH/Good", NULL);
    check_view(world, &owner_of_start1, 1, 3, 1);
    for (enum malformed how = EMPTY_ISSUER; how < MALFORMED_COUNT; how++) {
        store_malformed(world, "CERTAUTH", "CA", how);
        check_view(world, &owner_of_start1, 1, 2, 1);
        must(world, "ring export", "{'ring': 'START1/KEY'}");
        assert_int_equal(json_array_size(json_object_get(world->answer, "entries")), 1);
        assert_says(world, "warnings", "left out CERTAUTH/CA");
        must(world, "ring export", "{'ring': 'CERTAUTH/*'}");
        assert_int_equal(json_array_size(json_object_get(world->answer, "entries")), 1);
        assert_says(world, "warnings", "left out CERTAUTH/CA");
        must(world, "ring check", "{'ring': 'START1/KEY'}");
        assert_true(found(world, "malformed"));
    }
    store_malformed(world, "START1", "web", EXTENSION_TWICE);
    check_view(world, &owner_of_start1, 1, 1, 0);
    must(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'CERTAUTH/CA'}");
    refused(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'CERTAUTH/CA'}",
            SG_E_INPUT, "malformed_certificate");
}

/* What nobody can do is not advised. */
static void nobody_is_told_to_trust_what_is_malformed(void **state)
{
    struct world *world = *state;
    size_t i = 0;
    json_t *item = NULL;
    must(world, "ring connect",
         "{'ring': 'START1/KEY', 'certificate': 'START1/web', 'default': true}");
    must(world, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    must(world, "cert alter", "{'certificate': 'CERTAUTH/CA', 'status': 'notrust'}");
    store_malformed(world, "START1", "web", SHORT_ADDRESS);
    store_malformed(world, "CERTAUTH", "CA", SHORT_ADDRESS);
    must(world, "ring check", "{'ring': 'START1/KEY'}");
    assert_true(found(world, "malformed"));
    assert_false(found(world, "hidden"));
    json_array_foreach(json_object_get(world->answer, "items"), i, item)
    {
        const char *next = json_string_value(json_object_get(item, "next"));
        assert_true(next == NULL || strstr(next, "--trust") == NULL);
    }
    must(world, "owner attach", "{'owner': 'START1', 'uid': 1003}");
    must(world, "explain", "{'user': 1003, 'operation': 'use', 'object': 'START1/KEY'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 3);
    json_array_foreach(json_object_get(world->answer, "items"), i, item)
    {
        const char *remedy = json_string_value(json_object_get(item, "remedy"));
        assert_true(remedy == NULL || strstr(remedy, "--trust") == NULL);
    }
    refused(world, "provision", "{'program': 'nginx', 'ring': 'START1/KEY'}", SG_E_CONFLICT,
            "default_not_usable");
    assert_told(world, "is malformed");
    assert_null(strstr(world->err.hint, "--trust"));
    refused(world, "provision", "{'program': 'haproxy', 'ring': 'START1/KEY'}", SG_E_CONFLICT,
            "default_not_usable");
    assert_told(world, "is malformed");
}

static void ed25519_is_not_delivered(void **state)
{
    struct world *world = *state;
    must(world, "cert generate",
         "{'certificate': 'START1/ed', 'subject': 'CN=ed', 'key': 'ed25519'}");
    connect(world, "START1/KEY", "START1/ed", NULL);
    check_view(world, &owner_of_start1, 1, 3, 1);
    check_view(world, &administrator, 2, 4, 2);
}

static void a_key_of_an_unknown_token_is_left_out(void **state)
{
    struct sg_view *view = view_for(*state, &owner_of_start1, true);
    assert_int_equal(objects_of(view, CKO_CERTIFICATE), 2);
    assert_int_equal(objects_of(view, CKO_PRIVATE_KEY), 0);
    sg_view_free(view);
}

static uint32_t number_of(struct world *world, const char *ring)
{
    char params[64];
    snprintf(params, sizeof params, "{'ring': '%s'}", ring);
    json_t *answer = must(world, "ring show", params);
    return (uint32_t)json_integer_value(json_object_get(answer, "slot"));
}

static void one_key_in_two_rings_is_granted_for_each(void **state)
{
    struct world *world = *state;
    struct sg_granted_key *granted = NULL;
    size_t count = 0;
    must(world, "ring add", "{'ring': 'START1/SECOND'}");
    connect(world, "START1/SECOND", "START1/web", NULL);
    check_view(world, &owner_of_start1, 2, 3, 2);
    assert_int_equal(
        sg_ring_keys(&world->service, &owner_of_start1, 0, "store", &granted, &count, &world->err),
        SG_OK);
    assert_int_equal(count, 2);
    assert_memory_equal(&granted[0].id, &granted[1].id, sizeof granted[0].id);
    assert_true(granted[0].ring < granted[1].ring);
    assert_int_equal(granted[0].ring + granted[1].ring,
                     number_of(world, "START1/KEY") + number_of(world, "START1/SECOND"));
    free(granted);
    must(world, "ring remove", "{'ring': 'START1/SECOND', 'certificate': 'START1/web'}");
    assert_int_equal(
        sg_ring_keys(&world->service, &owner_of_start1, 0, "store", &granted, &count, &world->err),
        SG_OK);
    assert_int_equal(count, 1);
    assert_int_equal(granted[0].ring, number_of(world, "START1/KEY"));
    free(granted);
}

/* Slots and keys of one ring alone. */
static void check_alone(struct world *world, const struct sg_caller *caller, uint32_t ring,
                        size_t slots, size_t keys)
{
    bool unknown = false;
    int fd = -1;
    struct sg_view *view = NULL;
    struct sg_granted_key *granted = NULL;
    size_t count = 0;
    assert_int_equal(
        sg_ring_view_write(&world->service, caller, ring, 9, index_of, &unknown, &fd, &world->err),
        SG_OK);
    assert_int_equal(sg_view_open(fd, &view, &world->err), SG_OK);
    close(fd);
    assert_int_equal(view->slot_count, slots);
    assert_true(slots == 0 || view->slots[0].number == ring);
    sg_view_free(view);
    assert_int_equal(
        sg_ring_keys(&world->service, caller, ring, "store", &granted, &count, &world->err), SG_OK);
    assert_int_equal(count, keys);
    free(granted);
}

static void one_ring_alone_brings_its_own_keys_only(void **state)
{
    struct world *world = *state;
    must(world, "ring add", "{'ring': 'START1/SECOND'}");
    must(world, "cert generate", "{'certificate': 'START1/second', 'subject': 'CN=s'}");
    connect(world, "START1/SECOND", "START1/second", NULL);
    must(world, "ring add", "{'ring': 'START1/EMPTY'}");
    check_alone(world, &owner_of_start1, number_of(world, "START1/KEY"), 1, 1);
    check_alone(world, &owner_of_start1, number_of(world, "START1/SECOND"), 1, 1);
    check_alone(world, &owner_of_start1, number_of(world, "START1/EMPTY"), 1, 0);
    check_alone(world, &owner_of_start1, 4000000000u, 0, 0);
    check_alone(world, &stranger, number_of(world, "START1/KEY"), 0, 0);
}

static void the_capability_follows_the_usage(void **state)
{
    struct world *world = *state;
    struct sg_granted_key *granted = NULL;
    size_t count = 0;
    must(world, "cert generate",
         "{'certificate': 'START1/enc', 'subject': 'CN=e', 'key': 'rsa:2048',"
         " 'usage': ['dataencrypt']}");
    must(world, "cert generate",
         "{'certificate': 'START1/agree', 'subject': 'CN=a', 'usage': ['keyagree']}");
    connect(world, "START1/KEY", "START1/enc", NULL);
    connect(world, "START1/KEY", "START1/agree", NULL);
    assert_int_equal(
        sg_ring_keys(&world->service, &owner_of_start1, 0, "store", &granted, &count, &world->err),
        SG_OK);
    unsigned decrypt = 0;
    unsigned derive = 0;
    for (size_t i = 0; i < count; i++) {
        decrypt += granted[i].decrypt;
        derive += granted[i].derive;
    }
    free(granted);
    assert_int_equal(count, 3);
    assert_int_equal(decrypt, 1);
    assert_int_equal(derive, 1);
}

/* ---- by the rules of RDATALIB ---- */

#define NOT_SEEN "not seen"

static const char *const start2[] = {"START2"};
static const struct sg_caller owner_of_start2 = {.uid = 1003, .owners = start2, .owner_count = 1};

/* The slot's object of that class with the same CKA_ID, or NULL. */
static const struct sg_view_object *beside(const struct sg_view *view,
                                           const struct sg_view_slot *slot,
                                           const struct sg_view_object *object,
                                           CK_OBJECT_CLASS class)
{
    struct sg_bytes id = {NULL, 0};
    struct sg_bytes other = {NULL, 0};
    assert_true(sg_view_find_attribute(view, object, CKA_ID, &id));
    for (uint32_t i = 0; i < slot->count; i++) {
        const struct sg_view_object *found = &view->objects[slot->first + i];
        if (found->object_class == class && sg_view_find_attribute(view, found, CKA_ID, &other) &&
            other.len == id.len && memcmp(other.data, id.data, id.len) == 0) {
            return found;
        }
    }
    return NULL;
}

/* How many keys the capability lets the caller sign with through the ring: that one, or (NULL) all.
 */
static size_t granted_in(struct world *world, const struct sg_caller *caller, uint64_t ring,
                         const struct sg_key_id *key)
{
    struct sg_granted_key *granted = NULL;
    size_t count = 0;
    size_t found = 0;
    assert_int_equal(
        sg_ring_keys(&world->service, caller, 0, "store", &granted, &count, &world->err), SG_OK);
    for (size_t i = 0; i < count; i++) {
        bool is_it = key == NULL || memcmp(&granted[i].id, key, sizeof *key) == 0;
        found += is_it && granted[i].ring == ring && granted[i].sign == 1 ? 1 : 0;
    }
    free(granted);
    return found;
}

/* The key of the certificate whose label stands there: every one in these tests has one. */
static struct sg_key_id key_behind(struct world *world, struct sg_bytes label)
{
    static const char *const owners[] = {"START1", "START2", "CERTAUTH", "SITE"};
    char text[SG_LABEL_BYTES + 1];
    snprintf(text, sizeof text, "%.*s", (int)label.len, (const char *)label.data);
    for (size_t i = 0; i < SG_COUNT(owners); i++) {
        if (has_row(world, owners[i], text)) {
            SG_CERTIFICATE_ROW row = row_of(world, owners[i], text);
            return row.key;
        }
    }
    fail_msg("no certificate %s", text);
    return (struct sg_key_id){.bytes = {0}};
}

/* " label", and "+" behind it when its key can be used: view and capability say the same. */
static bool describe(struct world *world, const struct sg_caller *caller,
                     const struct sg_view *view, const struct sg_view_slot *slot,
                     const struct sg_view_object *certificate, FILE *out)
{
    struct sg_bytes label = {NULL, 0};
    assert_true(sg_view_find_attribute(view, certificate, CKA_LABEL, &label));
    const struct sg_view_object *key = beside(view, slot, certificate, CKO_PRIVATE_KEY);
    struct sg_key_id expected = key_behind(world, label);
    if (key != NULL) {
        assert_memory_equal(&sg_view_key_of(view, key)->id, &expected, sizeof expected);
    }
    assert_int_equal(beside(view, slot, certificate, CKO_PUBLIC_KEY) != NULL, key != NULL);
    assert_int_equal(granted_in(world, caller, slot->number, &expected), key != NULL);
    fprintf(out, " %.*s%s", (int)label.len, (const char *)label.data, key != NULL ? "+" : "");
    return key != NULL;
}

/* "label+ label …" of what the caller finds in a ring, in order, or NOT_SEEN. */
static void assert_found(struct world *world, const struct sg_caller *caller, const char *ring,
                         const char *expected)
{
    char text[200] = "";
    size_t keys = 0;
    uint32_t number = number_of(world, ring);
    struct sg_view *view = view_for(world, caller, false);
    const struct sg_view_slot *slot = sg_view_find_slot(view, number);
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    (void)fputs(slot == NULL ? " " NOT_SEEN : "", out);
    for (uint32_t i = 0; slot != NULL && i < slot->count; i++) {
        const struct sg_view_object *object = &view->objects[slot->first + i];
        if (object->object_class == CKO_CERTIFICATE) {
            keys += describe(world, caller, view, slot, object, out) ? 1 : 0;
        }
    }
    (void)fclose(out);
    sg_view_free(view);
    assert_int_equal(granted_in(world, caller, number, NULL), keys);
    assert_string_equal(text + 1, expected);
}

/* The four who may own what is in a ring: its owner, another user, CERTAUTH and SITE. */
static void fill_with_identities(struct world *world)
{
    must(world, "cert generate", "{'certificate': 'SITE/gate', 'subject': 'CN=gate'}");
    connect(world, "START1/KEY", "CERTAUTH/CA", "personal");
    connect(world, "START1/KEY", "START2/app", "personal");
    connect(world, "START1/KEY", "SITE/gate", "personal");
}

static void profile(struct world *world, const char *operation, const char *class, const char *name,
                    const char *key, const char *value, const char *level)
{
    json_t *params = json_pack("{s:s, s:s}", "class", class, "profile", name);
    if (key != NULL) {
        json_object_set_new(params, key, json_string(value));
    }
    if (level != NULL) {
        json_object_set_new(params, "level", json_string(level));
    }
    must_json(world, operation, params);
}

static void permit(struct world *world, const char *name, const char *to, const char *level)
{
    profile(world, "authority permit", "RDATALIB", name, "to", to, level);
}

struct level_row {
    const char *level;
    const char *owners, *another_owners, *nobodys; /* what each finds who holds that level */
};
static const struct level_row level_rows[] = {
    {"none", NOT_SEEN, NOT_SEEN, NOT_SEEN},
    {"read", "web+ CA app gate", "web CA app+ gate", "web CA app gate"},
    {"update", "web+ CA app+ gate", "web+ CA app+ gate", "web+ CA app+ gate"},
    {"control", "web+ CA+ app+ gate+", "web+ CA+ app+ gate+", "web+ CA+ app+ gate+"},
};

static void assert_level(struct world *world, const struct level_row *row)
{
    assert_found(world, &owner_of_start1, "START1/KEY", row->owners);
    assert_found(world, &owner_of_start2, "START1/KEY", row->another_owners);
    assert_found(world, &stranger, "START1/KEY", row->nobodys);
    assert_found(world, &administrator, "START1/KEY", "web+ CA+ app+ gate+");
}

static void a_profile_gives_keys_by_its_level(void **state)
{
    struct world *world = *state;
    static const char *const users[] = {"user:1001", "user:1002", "user:1003"};
    fill_with_identities(world);
    profile(world, "authority define", "RDATALIB", "START1.KEY.LST", "uacc", "control", NULL);
    for (size_t i = 0; i < SG_COUNT(level_rows); i++) { /* permits count before the UACC */
        for (size_t k = 0; k < SG_COUNT(users); k++) {
            permit(world, "START1.KEY.LST", users[k], level_rows[i].level);
        }
        assert_level(world, &level_rows[i]);
    }
    profile(world, "authority reset", "RDATALIB", "START1.KEY.LST", NULL, NULL, NULL);
    for (size_t i = 0; i < SG_COUNT(level_rows); i++) {
        profile(world, "authority alter", "RDATALIB", "START1.KEY.LST", "uacc", level_rows[i].level,
                NULL);
        assert_level(world, &level_rows[i]);
    }
}

/* One at a time: what is permitted to one is nobody else's. */
static void a_permit_is_for_whom_it_names(void **state)
{
    struct world *world = *state;
    struct sg_caller member = stranger;
    static const gid_t groups[] = {700};
    member.uid = 1004;
    member.groups = groups;
    member.group_count = SG_COUNT(groups);
    fill_with_identities(world);
    profile(world, "authority define", "RDATALIB", "START1.KEY.LST", NULL, NULL, NULL);
    assert_level(world, &level_rows[0]);
    permit(world, "START1.KEY.LST", "owner:START2", "update");
    assert_found(world, &owner_of_start2, "START1/KEY", "web+ CA app+ gate");
    assert_found(world, &owner_of_start1, "START1/KEY", NOT_SEEN);
    assert_found(world, &stranger, "START1/KEY", NOT_SEEN);
    profile(world, "authority revoke", "RDATALIB", "START1.KEY.LST", "from", "owner:START2", NULL);
    assert_level(world, &level_rows[0]);
    permit(world, "START1.KEY.LST", "group:700", "control");
    assert_found(world, &member, "START1/KEY", "web+ CA+ app+ gate+");
    assert_level(world, &level_rows[0]);
    permit(world, "START1.KEY.LST", "user:1004", "read"); /* his own before his group's */
    assert_found(world, &member, "START1/KEY", "web CA app gate");
    profile(world, "authority delete", "RDATALIB", "START1.KEY.LST", NULL, NULL, NULL);
    assert_found(world, &member, "START1/KEY", NOT_SEEN);
    assert_found(world, &owner_of_start1, "START1/KEY", "web+ CA app gate");
}

/* CERTAUTH's and SITE's keys by GENCERT, the caller's own, and no others. */
static void without_a_profile_gencert_gives_what_is_nobodys(void **state)
{
    struct world *world = *state;
    static const char gencert[] = "IRR.DIGTCERT.GENCERT";
    fill_with_identities(world);
    assert_found(world, &owner_of_start1, "START1/KEY", "web+ CA app gate");
    assert_found(world, &owner_of_start2, "START1/KEY", NOT_SEEN);
    profile(world, "authority define", "FACILITY", gencert, "uacc", "update", NULL);
    assert_found(world, &owner_of_start1, "START1/KEY", "web+ CA app gate");
    profile(world, "authority alter", "FACILITY", gencert, "uacc", "control", NULL);
    assert_found(world, &owner_of_start1, "START1/KEY", "web+ CA+ app gate+");
    assert_found(world, &owner_of_start2, "START1/KEY", NOT_SEEN);
    profile(world, "authority define", "FACILITY", "IRR.DIGTCERT.LISTRING", "uacc", "update", NULL);
    assert_found(world, &owner_of_start2, "START1/KEY", "web CA+ app+ gate+");
    assert_found(world, &stranger, "START1/KEY", "web CA+ app gate+");
    /* a profile of the ring decides alone */
    profile(world, "authority define", "RDATALIB", "START1.*.LST", "uacc", "read", NULL);
    assert_level(world, &level_rows[1]);
}

static void profiles_of_something_else_change_nothing(void **state)
{
    static const char *const others[] = {"START1.KEY.UPD", "START1.OTHER.LST", "START2.KEY.LST",
                                         "START1.KEY.LST.LST", "START1.IRR_VIRTUAL_KEYRING.LST"};
    struct world *world = *state;
    fill_with_identities(world);
    for (size_t i = 0; i < SG_COUNT(others); i++) {
        profile(world, "authority define", "RDATALIB", others[i], "uacc", "control", NULL);
        assert_found(world, &owner_of_start1, "START1/KEY", "web+ CA app gate");
        assert_found(world, &stranger, "START1/KEY", NOT_SEEN);
    }
    assert_found(world, &stranger, "START2/KEY", "app+");
}

/* Upper case, and the most specific of those that cover it. */
static void a_profile_is_of_the_ring_that_its_name_says(void **state)
{
    struct world *world = *state;
    must(world, "ring add", "{'ring': 'START1/Mixed case'}");
    connect(world, "START1/Mixed case", "START1/web", NULL);
    profile(world, "authority define", "RDATALIB", "START1.**", "uacc", "none", NULL);
    assert_found(world, &owner_of_start1, "START1/Mixed case", NOT_SEEN);
    profile(world, "authority define", "RDATALIB", "START1.MIXED_CASE.LST", "uacc", "update", NULL);
    assert_found(world, &owner_of_start1, "START1/Mixed case", "web+");
    assert_found(world, &stranger, "START1/Mixed case", "web+");
    assert_found(world, &owner_of_start1, "START1/KEY", NOT_SEEN);
    /* START1's ring, never START1.X's */
    must(world, "owner add", "{'owner': 'START1.X'}");
    must(world, "ring add", "{'ring': 'START1.X/Y'}");
    must(world, "ring add", "{'ring': 'START1/X.Y'}");
    connect(world, "START1.X/Y", "START1/web", NULL);
    connect(world, "START1/X.Y", "START1/web", NULL);
    profile(world, "authority define", "RDATALIB", "START1.X.Y.LST", "uacc", "control", NULL);
    assert_found(world, &stranger, "START1/X.Y", "web+");
    assert_found(world, &stranger, "START1.X/Y", NOT_SEEN);
}

/* No level gives what its connection or its status withholds. */
static void control_gives_no_key_that_is_not_connected_for_it(void **state)
{
    struct world *world = *state;
    fill_with_identities(world);
    profile(world, "authority define", "RDATALIB", "START1.KEY.LST", "uacc", "control", NULL);
    assert_level(world, &level_rows[3]);
    connect(world, "START1/KEY", "START1/web", "site");
    connect(world, "START1/KEY", "CERTAUTH/CA", "certauth");
    connect(world, "START1/KEY", "SITE/gate", "site");
    assert_found(world, &owner_of_start1, "START1/KEY", "web CA app+ gate");
    assert_found(world, &stranger, "START1/KEY", "web CA app+ gate");
    must(world, "cert alter", "{'certificate': 'START2/app', 'status': 'notrust'}");
    assert_found(world, &owner_of_start1, "START1/KEY", "web CA gate");
    must(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
    assert_found(world, &stranger, "START1/KEY", "CA gate");
}

/* ---- when there is no room for all rings ---- */

static size_t length_for(struct world *world, const struct sg_caller *caller)
{
    struct sg_view *view = view_for(world, caller, false);
    size_t length = view->map_len;
    sg_view_free(view);
    return length;
}

static bool sees(struct world *world, const struct sg_caller *caller, const char *ring)
{
    struct sg_view *view = view_for(world, caller, false);
    bool found = sg_view_find_slot(view, number_of(world, ring)) != NULL;
    sg_view_free(view);
    return found;
}

/* START1 has ten more rings, each with a certificate of its own; START0 and START2 have one. */
static void make_many(struct world *world)
{
    char params[120];
    char ring[20];
    char name[20];
    must(world, "cert generate", "{'certificate': 'START0/first', 'subject': 'CN=first'}");
    must(world, "ring add", "{'ring': 'START0/KEY'}");
    connect(world, "START0/KEY", "START0/first", NULL);
    for (int i = 0; i < 10; i++) {
        snprintf(ring, sizeof ring, "START1/R%d", i);
        snprintf(name, sizeof name, "START1/c%d", i);
        snprintf(params, sizeof params, "{'certificate': '%s', 'subject': 'CN=%s'}", name, name);
        must(world, "cert generate", params);
        snprintf(params, sizeof params, "{'ring': '%s'}", ring);
        must(world, "ring add", params);
        connect(world, ring, name, NULL);
    }
}

static void many_rings_of_one_hide_no_ring_of_another(void **state)
{
    struct world *world = *state;
    make_many(world);
    size_t all = length_for(world, &administrator);
    world->service.view_max = all - 1; /* one too many */
    assert_true(length_for(world, &administrator) < all);
    assert_true(sees(world, &administrator, "START0/KEY"));
    assert_true(sees(world, &administrator, "START2/KEY"));
    assert_true(sees(world, &administrator, "START1/KEY"));
    assert_true(sees(world, &administrator, "START1/R8"));
    assert_false(sees(world, &administrator, "START1/R9"));
    world->service.view_max = all / 2;
    assert_true(length_for(world, &administrator) <= all / 2);
    assert_true(length_for(world, &administrator) > all / 4);
    assert_true(sees(world, &administrator, "START0/KEY"));
    assert_true(sees(world, &administrator, "START2/KEY"));
    assert_false(sees(world, &administrator, "START1/R9"));
}

static void who_sees_fewer_rings_has_room_for_them(void **state)
{
    struct world *world = *state;
    make_many(world);
    world->service.view_max = length_for(world, &owner_of_start1);
    assert_true(length_for(world, &administrator) <= world->service.view_max);
    assert_int_equal(length_for(world, &owner_of_start1), world->service.view_max);
    assert_true(sees(world, &owner_of_start1, "START1/R9"));
    /* and one ring alone is there for everybody */
    check_alone(world, &administrator, number_of(world, "START1/R9"), 1, 1);
}

static void without_any_room_no_ring_is_an_error(void **state)
{
    struct world *world = *state;
    world->service.view_max = 1;
    check_view(world, &stranger, 0, 0, 0);
    struct sg_view *view = view_for(world, &administrator, false);
    assert_int_equal(view->slot_count, 0);
    sg_view_free(view);
}

/* ---- when there are more than control looks at ---- */

/* START1/KEY weighs 3, it and its two certificates; all others 2: 27 together. */
static void no_more_rings_are_looked_at_than_may_be(void **state)
{
    struct world *world = *state;
    make_many(world);
    world->service.view_rings_weight = 27;
    check_view(world, &administrator, 13, 14, 13);
    world->service.view_rings_weight = 26;
    check_view(world, &administrator, 12, 13, 12);
    assert_false(sees(world, &administrator, "START1/R9"));
    world->service.view_rings_weight = 13;
    check_view(world, &administrator, 6, 7, 6);
    assert_true(sees(world, &administrator, "START0/KEY"));
    assert_true(sees(world, &administrator, "START1/KEY"));
    assert_true(sees(world, &administrator, "START1/R2"));
    assert_false(sees(world, &administrator, "START1/R3"));
    assert_true(sees(world, &administrator, "START2/KEY"));
    world->service.view_rings_weight = 23; /* who sees fewer sees all of them, as before */
    check_view(world, &owner_of_start1, 11, 12, 11);
    world->service.view_rings_weight = 1; /* and one ring alone is never too much */
    check_view(world, &administrator, 0, 0, 0);
    check_alone(world, &administrator, number_of(world, "START1/R9"), 1, 1);
    check_alone(world, &stranger, number_of(world, "START1/R9"), 0, 0);
}

/* It is not made up for by others, and does not take their place either. */
static void a_ring_that_is_too_large_hides_itself_alone(void **state)
{
    struct world *world = *state;
    must(world, "ring add", "{'ring': 'START1/A'}");
    connect(world, "START1/A", "START1/web", NULL);
    world->service.view_rings_weight = 4; /* KEY weighs 3, A 2, START2/KEY 2 */
    check_view(world, &administrator, 2, 2, 2);
    assert_true(sees(world, &administrator, "START1/A"));
    assert_true(sees(world, &administrator, "START2/KEY"));
}

static void as_many_rings_as_control_looks_at_are_seen(void **state)
{
    enum { MORE = 9000 };
    struct world *world = *state;
    struct sg_ring_ref name = {.owner = {"START1"}};
    int64_t id = 0;
    assert_int_equal(sg_store_begin(world->service.store, &world->err), SG_OK);
    for (int i = 0; i < MORE; i++) {
        snprintf(name.ring.text, sizeof name.ring.text, "M%05d", i);
        assert_int_equal(sg_store_ring_add(world->service.store, &name, &id, &world->err), SG_OK);
    }
    assert_int_equal(sg_store_commit(world->service.store, &world->err), SG_OK);
    struct sg_view *view = view_for(world, &administrator, false);
    assert_int_equal(view->slot_count, 8192 - 3); /* and three certificates */
    sg_view_free(view);
    assert_true(sees(world, &administrator, "START2/KEY"));
    assert_false(sees(world, &administrator, "START1/M08999"));
}

/* ---- and who is told of it ---- */

static struct sg_left_out left_out;

static json_t *left_out_users(struct world *world)
{
    return json_object_get(must(world, "status", "{}"), "rings_left_out");
}

/* What ring check finds of it, or NULL. */
static const char *no_room(struct world *world, const char *ring)
{
    char params[64];
    snprintf(params, sizeof params, "{'ring': '%s'}", ring);
    json_t *items = json_object_get(must(world, "ring check", params), "items");
    for (size_t i = 0; i < json_array_size(items); i++) {
        json_t *item = json_array_get(items, i);
        if (strcmp(json_string_value(json_object_get(item, "code")), "no_room") == 0) {
            return json_string_value(json_object_get(item, "text"));
        }
    }
    return NULL;
}

static void who_is_not_shown_a_ring_is_said(void **state)
{
    struct world *world = *state;
    char figure[80];
    make_many(world);
    world->service.left_out = &left_out;
    size_t all = length_for(world, &administrator);
    assert_int_equal(json_array_size(left_out_users(world)), 0);
    world->service.view_max = all / 2;
    (void)length_for(world, &administrator);
    (void)length_for(world, &stranger);
    json_t *users = left_out_users(world);
    assert_int_equal(json_array_size(users), 1);
    json_t *user = json_array_get(users, 0);
    long long rings = json_integer_value(json_object_get(user, "rings"));
    assert_int_equal(json_integer_value(json_object_get(user, "uid")), 0);
    assert_string_equal(json_string_value(json_object_get(user, "user")), "root");
    assert_string_equal(json_string_value(json_object_get(user, "last")), "2026-10-14T17:46:40Z");
    assert_in_range(rings, 2, 10);
    snprintf(figure, sizeof figure, "root (uid 0) is not shown %lld of the rings", rings);
    assert_says(world, "warnings", figure);
    assert_says(world, "warnings", "signet ring check 'START1/R");
    snprintf(figure, sizeof figure, "and %lld were left out", rings);
    assert_non_null(strstr(no_room(world, "START1/R9"), figure));
    assert_non_null(strstr(no_room(world, "START1/R9"), "not shown to root (uid 0)"));
    assert_null(no_room(world, "START0/KEY"));
    assert_null(no_room(world, "START1/KEY"));
    world->service.view_max = all;
    (void)length_for(world, &administrator);
    assert_null(no_room(world, "START1/R9"));
    assert_int_equal(json_array_size(left_out_users(world)), 0);
    assert_false(says(world, "warnings", "not shown"));
    sg_left_out_done(&left_out);
}

/* For either reason, in the order of the rings. */
static void what_is_one_too_many_is_said_as_well(void **state)
{
    struct world *world = *state;
    make_many(world);
    world->service.left_out = &left_out;
    world->service.view_rings_weight = 25;
    (void)length_for(world, &administrator);
    json_t *user = json_array_get(left_out_users(world), 0);
    assert_int_equal(json_integer_value(json_object_get(user, "rings")), 1);
    assert_string_equal(json_string_value(json_object_get(user, "first")), "START1/R9");
    assert_says(world, "warnings", ", and of 25 rings and certificates. The first");
    assert_non_null(
        strstr(no_room(world, "START1/R9"), "of 25 rings and certificates, and 1 were"));
    world->service.view_max = length_for(world, &owner_of_start1) / 2;
    (void)length_for(world, &administrator);
    user = json_array_get(left_out_users(world), 0);
    assert_in_range(json_integer_value(json_object_get(user, "rings")), 5, 9);
    assert_string_not_equal(json_string_value(json_object_get(user, "first")), "START1/R9");
    assert_non_null(no_room(world, "START1/R9"));
    assert_non_null(no_room(world, "START1/R8"));
    assert_null(no_room(world, "START2/KEY"));
    sg_left_out_done(&left_out);
}

static void a_ring_that_does_not_fit_alone_is_said_to_be_so(void **state)
{
    struct world *world = *state;
    world->service.left_out = &left_out;
    world->service.view_max = 200;
    check_alone(world, &administrator, number_of(world, "START1/KEY"), 0, 1);
    assert_non_null(strstr(no_room(world, "START1/KEY"), "even alone"));
    assert_null(no_room(world, "START2/KEY"));
    sg_left_out_done(&left_out);
}

static void more_users_than_there_are_rows_lose_the_oldest(void **state)
{
    struct world *world = *state;
    world->service.left_out = &left_out;
    world->service.view_max = 1;
    uid_t administrators[SG_LEFT_OUT_USERS + 1];
    world->service.administrators = administrators;
    world->service.administrator_count = SG_COUNT(administrators);
    for (uid_t uid = 0; uid <= SG_LEFT_OUT_USERS; uid++) {
        struct sg_caller caller = administrator;
        caller.uid = administrators[uid] = 50000 + uid;
        world->now_s++;
        (void)length_for(world, &caller);
    }
    json_t *users = left_out_users(world);
    assert_int_equal(json_array_size(users), SG_LEFT_OUT_USERS);
    for (size_t i = 0; i < SG_LEFT_OUT_USERS; i++) {
        json_t *uid = json_object_get(json_array_get(users, i), "uid");
        assert_int_not_equal(json_integer_value(uid), 50000);
    }
    sg_left_out_done(&left_out);
}

static long long rings_of_first(struct world *world)
{
    json_t *user = json_array_get(left_out_users(world), 0);
    return user != NULL ? json_integer_value(json_object_get(user, "rings")) : 0;
}

/* Nobody need look again for it. */
static void what_is_not_so_any_more_is_not_said(void **state)
{
    struct world *world = *state;
    must(world, "owner attach", "{'owner': 'START1', 'uid': 1001}");
    make_many(world);
    world->service.left_out = &left_out;
    world->service.view_max = 1;
    (void)length_for(world, &owner_of_start1);
    long long rings = rings_of_first(world);
    assert_int_equal(rings, 11);
    must(world, "ring delete", "{'ring': 'START1/R9'}");
    assert_int_equal(rings_of_first(world), rings - 1);
    must(world, "ring add", "{'ring': 'START1/R9'}"); /* of the same number, and nobody looked */
    assert_int_equal(rings_of_first(world), rings - 1);
    assert_null(no_room(world, "START1/R9"));
    assert_non_null(no_room(world, "START1/R8"));
    must(world, "ring remove", "{'ring': 'START1/R8', 'certificate': 'START1/c8'}"); /* smaller */
    assert_int_equal(rings_of_first(world), rings - 2);
    assert_null(no_room(world, "START1/R8"));
    assert_non_null(no_room(world, "START1/R7"));
    (void)length_for(world, &owner_of_start1); /* it has looked, and they do not fit either */
    assert_int_equal(rings_of_first(world), rings);
    assert_non_null(no_room(world, "START1/R8"));
    must(world, "authority define", "{'class': 'RDATALIB', 'profile': 'START1.R7.LST'}");
    assert_null(no_room(world, "START1/R7"));
    must(world, "owner detach", "{'owner': 'START1', 'uid': 1001}");
    assert_int_equal(json_array_size(left_out_users(world)), 0);
    assert_null(no_room(world, "START1/R6"));
    assert_false(says(world, "warnings", "not shown"));
    sg_left_out_done(&left_out);
}

static sg_status no_groups(void *context SG_UNUSED, uid_t uid SG_UNUSED, gid_t gid SG_UNUSED,
                           gid_t **out SG_UNUSED, size_t *count SG_UNUSED, struct sg_error *err)
{
    return sg_fail(err, SG_E_SERVICE, "name_service_slow", "the test's name service is slow");
}

/* The status is what an administrator looks at then. */
static void whose_groups_cannot_be_known_is_passed_over(void **state)
{
    struct world *world = *state;
    must(world, "owner attach", "{'owner': 'START1', 'uid': 1001}");
    make_many(world);
    world->service.left_out = &left_out;
    world->service.view_max = 1;
    (void)length_for(world, &owner_of_start1);
    assert_int_equal(json_array_size(left_out_users(world)), 1);
    assert_non_null(no_room(world, "START1/R9"));
    const struct sg_groups groups = world->service.groups;
    world->service.groups.of_user = no_groups;
    assert_int_equal(json_array_size(left_out_users(world)), 1); /* groups decide nothing yet */
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.ROLLOVER'}");
    must(world, "authority permit",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.ROLLOVER', 'to': 'group:60', 'level': "
         "'read'}");
    assert_int_equal(json_array_size(left_out_users(world)), 0);
    assert_null(no_room(world, "START1/R9"));
    world->service.groups = groups;
    assert_int_equal(json_array_size(left_out_users(world)), 1);
    sg_left_out_done(&left_out);
}

static void who_has_not_looked_for_a_day_is_not_spoken_of(void **state)
{
    struct world *world = *state;
    must(world, "owner attach", "{'owner': 'START1', 'uid': 1001}");
    make_many(world);
    world->service.left_out = &left_out;
    world->service.view_max = 1;
    (void)length_for(world, &owner_of_start1);
    world->now_s += SG_LEFT_OUT_S - 1;
    assert_int_equal(json_array_size(left_out_users(world)), 1);
    assert_says(world, "warnings", "as of 2026-10-14T17:46:40Z ");
    assert_non_null(no_room(world, "START1/R9"));
    world->now_s++;
    assert_int_equal(json_array_size(left_out_users(world)), 0);
    assert_null(no_room(world, "START1/R9"));
    /* asked for again, whether anything has changed or not */
    sg_left_out_seen(&left_out, 1002, owner_of_start1.gid, 0, world->now_s);
    assert_int_equal(json_array_size(left_out_users(world)), 0);
    sg_left_out_seen(&left_out, owner_of_start1.uid, owner_of_start1.gid, 0, world->now_s);
    assert_int_equal(json_array_size(left_out_users(world)), 1);
    assert_non_null(no_room(world, "START1/R9"));
    sg_left_out_done(&left_out);
}

/* Lines of the log that views have written, meanwhile in a file. */
struct log_lines {
    FILE *file;
    int saved;
};

static struct log_lines begin_log(void)
{
    struct log_lines lines = {.file = tmpfile(), .saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)};
    assert_non_null(lines.file);
    assert_int_equal(dup2(fileno(lines.file), STDERR_FILENO), STDERR_FILENO);
    sg_log_init("test", SG_LOG_NOTICE);
    return lines;
}

static void end_log(const struct log_lines *lines)
{
    sg_log_init("test", SG_LOG_ERROR);
    assert_int_equal(dup2(lines->saved, STDERR_FILENO), STDERR_FILENO);
    close(lines->saved);
    (void)fclose(lines->file);
}

static size_t lines_with(const struct log_lines *lines, const char *text)
{
    char line[4096];
    size_t found = 0;
    rewind(lines->file);
    while (fgets(line, sizeof line, lines->file) != NULL) {
        found += strstr(line, text) != NULL ? 1 : 0;
    }
    (void)fseek(lines->file, 0, SEEK_END);
    return found;
}

static void the_log_says_what_has_changed(void **state)
{
    struct world *world = *state;
    must_json(world, "ring add", json_pack("{s:s}", "ring", "START1/A\"B\\"));
    world->service.left_out = &left_out;
    size_t all = length_for(world, &owner_of_start1);
    struct log_lines lines = begin_log();
    for (int i = 0; i < 3; i++) {
        world->service.view_max = 1;
        (void)length_for(world, &owner_of_start1);
        (void)length_for(world, &stranger);
    }
    assert_int_equal(lines_with(&lines, "event=rings_left_out uid=1001"), 1);
    assert_int_equal(lines_with(&lines, " rings=2 first=\"START1/A\\\"B\\\\\"\n"), 1);
    must(world, "ring add", "{'ring': 'START1/THIRD'}");
    (void)length_for(world, &owner_of_start1);
    assert_int_equal(lines_with(&lines, "event=rings_left_out"), 2);
    assert_int_equal(lines_with(&lines, " rings=3 "), 1);
    assert_int_equal(lines_with(&lines, "event=rings_fit"), 0);
    world->service.view_max = 2 * all;
    (void)length_for(world, &owner_of_start1);
    (void)length_for(world, &owner_of_start1);
    assert_int_equal(lines_with(&lines, "event=rings_fit uid=1001"), 1);
    assert_int_equal(lines_with(&lines, "uid="), 3);
    end_log(&lines);
    sg_left_out_done(&left_out);
}

static void what_rings_have_in_common_takes_room_once(void **state)
{
    struct world *world = *state;
    must(world, "ring add", "{'ring': 'START1/A'}");
    must(world, "ring add", "{'ring': 'START1/B'}");
    size_t none = length_for(world, &owner_of_start1);
    connect(world, "START1/A", "START1/web", "site");
    size_t one = length_for(world, &owner_of_start1);
    connect(world, "START1/B", "START1/web", "site");
    size_t two = length_for(world, &owner_of_start1);
    assert_true(one > none && two > one);
    /* it stands in START1/KEY already: objects and attributes only, the same for each */
    assert_int_equal(two - one, one - none);
    assert_true(two - one < 600);
}

/* A certificate that takes about so many KiB. */
static void generate_big(struct world *world, const char *certificate, int kib)
{
    char name[64];
    json_t *sans = json_array();
    for (int i = 0; i < kib * 16; i++) { /* 64 bytes each */
        snprintf(name, sizeof name, "dns:%010d.%s.example", i,
                 "a-name-that-is-as-long-as-40-bytes-say");
        json_array_append_new(sans, json_string(name));
    }
    must_json(
        world, "cert generate",
        json_pack("{s:s, s:s, s:o}", "certificate", certificate, "subject", "CN=big", "san", sans));
}

/* One owner's big ring and small one, which brings an anchor that another's ring has too: the big
 * one goes, the other pays for the anchor, and for those behind there is room all the same. */
static void what_rings_have_in_common_costs_nobody_a_share(void **state)
{
    struct world *world = *state;
    static const char *const others[] = {"START1/KEY", "START2/KEY", "START3/KEY"};
    must(world, "ring remove", "{'ring': 'START1/KEY', 'certificate': 'CERTAUTH/CA'}");
    generate_big(world, "CERTAUTH/Anchor", 8);
    generate_big(world, "START0/big", 28);
    must(world, "ring add", "{'ring': 'START0/A1'}");
    connect(world, "START0/A1", "START0/big", NULL);
    must(world, "ring add", "{'ring': 'START0/A2'}");
    connect(world, "START0/A2", "CERTAUTH/Anchor", NULL);
    connect(world, "START1/KEY", "CERTAUTH/Anchor", NULL);
    must(world, "cert generate", "{'certificate': 'START3/app', 'subject': 'CN=app'}");
    must(world, "ring add", "{'ring': 'START3/KEY'}");
    connect(world, "START3/KEY", "START3/app", NULL);
    size_t all = length_for(world, &administrator);
    for (size_t less = 1; less < all / 2; less += 500) {
        world->service.view_max = all - less;
        assert_true(length_for(world, &administrator) <= all - less);
        for (size_t i = 0; i < SG_COUNT(others); i++) {
            assert_true(sees(world, &administrator, others[i]));
        }
        assert_false(sees(world, &administrator, "START0/A1") &&
                     sees(world, &administrator, "START0/A2"));
    }
}

static size_t keys_for(struct world *world, const struct sg_caller *caller, const char *ring)
{
    struct sg_granted_key *granted = NULL;
    size_t count = 0;
    size_t found = 0;
    uint32_t number = number_of(world, ring);
    assert_int_equal(
        sg_ring_keys(&world->service, caller, 0, "store", &granted, &count, &world->err), SG_OK);
    for (size_t i = 0; i < count; i++) {
        found += granted[i].ring == number ? 1 : 0;
    }
    free(granted);
    assert_true(count <= world->service.keys_max);
    return found;
}

static void many_keys_of_one_leave_another_his(void **state)
{
    struct world *world = *state;
    make_many(world); /* START1: eleven rings with one key each; START0, START2: one */
    world->service.keys_max = 13;
    assert_int_equal(keys_for(world, &administrator, "START1/R9"), 1);
    world->service.keys_max = 12;
    assert_int_equal(keys_for(world, &administrator, "START1/R8"), 1);
    assert_int_equal(keys_for(world, &administrator, "START1/R9"), 0);
    for (size_t max = 3; max <= 12; max++) {
        world->service.keys_max = max;
        assert_int_equal(keys_for(world, &administrator, "START0/KEY"), 1);
        assert_int_equal(keys_for(world, &administrator, "START1/KEY"), 1);
        assert_int_equal(keys_for(world, &administrator, "START2/KEY"), 1);
    }
    world->service.keys_max = 11; /* who sees fewer has room for them, and one ring alone too */
    assert_int_equal(keys_for(world, &owner_of_start1, "START1/R9"), 1);
    check_alone(world, &administrator, number_of(world, "START1/R9"), 1, 1);
}

/* However often a capability is made. */
static void the_log_says_once_that_keys_have_no_room(void **state)
{
    struct world *world = *state;
    make_many(world);
    world->service.left_out = &left_out;
    struct log_lines lines = begin_log();
    world->service.keys_max = 12;
    for (int i = 0; i < 5; i++) {
        (void)keys_for(world, &administrator, "START1/R9");
        (void)keys_for(world, &owner_of_start1, "START1/R9");
    }
    assert_int_equal(lines_with(&lines, "event=keys_left_out"), 1);
    assert_int_equal(
        lines_with(&lines,
                   "event=keys_left_out uid=0 gid=0 token=store limit=12 rings=1 count=1\n"),
        1);
    world->service.keys_max = 10; /* another user's too */
    for (int i = 0; i < 5; i++) {
        (void)keys_for(world, &administrator, "START1/R9");
        (void)keys_for(world, &owner_of_start1, "START1/R9");
    }
    assert_int_equal(lines_with(&lines, "event=keys_left_out"), 3);
    assert_int_equal(lines_with(&lines, "uid=1001 gid=0 token=store limit=10 rings=1 count=1"), 1);
    assert_int_equal(lines_with(&lines, "uid=0 gid=0 token=store limit=10 rings=3 count=6\n"), 1);
    world->service.keys_max = 13;
    for (int i = 0; i < 5; i++) {
        (void)keys_for(world, &administrator, "START1/R9");
        (void)keys_for(world, &owner_of_start1, "START1/R9");
    }
    assert_int_equal(lines_with(&lines, "event=keys_left_out"), 3);
    assert_int_equal(lines_with(&lines, "event=keys_fit uid=0 "), 1);
    assert_int_equal(lines_with(&lines, "event=keys_fit uid=1001 "), 1);
    world->service.keys_max = 12;
    (void)keys_for(world, &administrator, "START1/R9");
    assert_int_equal(lines_with(&lines, "event=keys_left_out"), 4);
    end_log(&lines);
    sg_left_out_done(&left_out);
}

/* The memory is bounded, and what it has no room for cannot fill the log either. */
static void more_users_without_their_keys_than_rows_fill_no_log(void **state)
{
    struct world *world = *state;
    world->service.left_out = &left_out;
    world->service.keys_max = 1;
    struct log_lines lines = begin_log();
    for (int round = 0; round < 3; round++) {
        for (uid_t uid = 0; uid < SG_KEYS_LEFT_OUT + 20; uid++) {
            struct sg_caller caller = administrator;
            caller.uid = 50000 + uid;
            (void)keys_for(world, &caller, "START1/KEY");
        }
    }
    assert_int_equal(lines_with(&lines, "event=keys_left_out"), SG_KEYS_LEFT_OUT);
    world->now_s += 60;
    (void)keys_for(world, &administrator, "START1/KEY");
    assert_int_equal(lines_with(&lines, "event=keys_left_out uid=0 "), 1);
    end_log(&lines);
    sg_left_out_done(&left_out);
}

/* Nothing of it fits: not every one is written to see that. */
static int counted_index(void *context, const char *name)
{
    int *asked = context;
    (*asked)++;
    return strcmp(name, "store") == 0 ? 3 : -1;
}

static void what_does_not_fit_costs_no_endless_time(void **state)
{
    struct world *world = *state;
    int fd = -1;
    int asked = 0; /* once for each ring that is written */
    make_many(world);
    world->service.view_max = SG_VIEW_EMPTY + 1000;
    assert_int_equal(sg_ring_view_write(&world->service, &owner_of_start1, 0, 9, counted_index,
                                        &asked, &fd, &world->err),
                     SG_OK);
    close(fd);
    assert_in_range(asked, 1, 10); /* of three walks over eleven */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
        TEST(everybody_sees_their_own),
        TEST(only_personal_connections_bring_keys),
        TEST(the_keys_of_others_are_for_administrators),
        TEST(what_is_not_trusted_is_not_seen),
        TEST(what_is_malformed_is_left_out),
        TEST(nobody_is_told_to_trust_what_is_malformed),
        TEST(ed25519_is_not_delivered),
        TEST(a_key_of_an_unknown_token_is_left_out),
        TEST(one_ring_alone_brings_its_own_keys_only),
        TEST(one_key_in_two_rings_is_granted_for_each),
        TEST(the_capability_follows_the_usage),
        TEST(a_profile_gives_keys_by_its_level),
        TEST(a_permit_is_for_whom_it_names),
        TEST(without_a_profile_gencert_gives_what_is_nobodys),
        TEST(profiles_of_something_else_change_nothing),
        TEST(a_profile_is_of_the_ring_that_its_name_says),
        TEST(control_gives_no_key_that_is_not_connected_for_it),
        TEST(many_rings_of_one_hide_no_ring_of_another),
        TEST(who_sees_fewer_rings_has_room_for_them),
        TEST(without_any_room_no_ring_is_an_error),
        TEST(no_more_rings_are_looked_at_than_may_be),
        TEST(a_ring_that_is_too_large_hides_itself_alone),
        TEST(as_many_rings_as_control_looks_at_are_seen),
        TEST(what_rings_have_in_common_takes_room_once),
        TEST(what_rings_have_in_common_costs_nobody_a_share),
        TEST(many_keys_of_one_leave_another_his),
        TEST(the_log_says_once_that_keys_have_no_room),
        TEST(more_users_without_their_keys_than_rows_fill_no_log),
        TEST(what_does_not_fit_costs_no_endless_time),
        TEST(who_is_not_shown_a_ring_is_said),
        TEST(what_is_one_too_many_is_said_as_well),
        TEST(a_ring_that_does_not_fit_alone_is_said_to_be_so),
        TEST(more_users_than_there_are_rows_lose_the_oldest),
        TEST(what_is_not_so_any_more_is_not_said),
        TEST(whose_groups_cannot_be_known_is_passed_over),
        TEST(who_has_not_looked_for_a_day_is_not_spoken_of),
        TEST(the_log_says_what_has_changed),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
