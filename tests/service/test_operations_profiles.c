/* authority …: profiles and permits as operations, and what they change. */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "operations_fixture.h"

/* ---- the system's names, which may fail; before the C library's functions ---- */

static bool names_fail;
static bool groups_fail;

int getpwnam_r(const char *name, struct passwd *entry, char *room, size_t size,
               struct passwd **result)
{
    int (*next)(const char *, struct passwd *, char *, size_t, struct passwd **) = NULL;
    *(void **)&next = dlsym(RTLD_NEXT, "getpwnam_r");
    *result = NULL;
    return names_fail ? EIO : next(name, entry, room, size, result);
}

int getgrnam_r(const char *name, struct group *entry, char *room, size_t size,
               struct group **result)
{
    int (*next)(const char *, struct group *, char *, size_t, struct group **) = NULL;
    *(void **)&next = dlsym(RTLD_NEXT, "getgrnam_r");
    *result = NULL;
    return names_fail || groups_fail ? EIO : next(name, entry, room, size, result);
}

static const gid_t staff[] = {700};
static const struct sg_caller member = {.uid = 1003, .groups = staff, .group_count = 1};

static void prepare(struct world *world)
{
    must(world, "cert generate", "{'certificate': 'START1/web', 'subject': 'CN=web'}");
    must(world, "ring add", "{'ring': 'START1/KEY'}");
    must(world, "ring connect", "{'ring': 'START1/KEY', 'certificate': 'START1/web'}");
}

/* As whoever, then as the administrator again. */
static void refused_to(struct world *world, const struct sg_caller *caller, const char *operation,
                       const char *params)
{
    world->caller = caller;
    refused(world, operation, params, SG_E_DENIED, "not_authorised");
    world->caller = &administrator;
}

static json_t *must_as(struct world *world, const struct sg_caller *caller, const char *operation,
                       const char *params)
{
    world->caller = caller;
    json_t *answer = must(world, operation, params);
    world->caller = &administrator;
    return answer;
}

static void profiles_are_defined_shown_and_deleted(void **state)
{
    struct world *world = *state;
    must(world, "authority define",
         "{'class': 'FACILITY', 'profile': 'irr.digtcert.list', 'uacc': 'read'}");
    assert_says(world, "did", "defined FACILITY IRR.DIGTCERT.LIST, UACC(READ)");
    must(world, "authority define", "{'class': 'RDATALIB', 'profile': 'START1.**'}");
    assert_says(world, "warnings", "permits nobody yet");
    must(world, "authority permit",
         "{'class': 'RDATALIB', 'profile': 'START1.**', 'to': 'group:700', 'level': 'update'}");
    assert_string_equal(answered(world, "to"), "group:700");
    must(world, "authority permit",
         "{'class': 'RDATALIB', 'profile': 'START1.**', 'to': 'owner:start1', 'level': 'control'}");
    json_t *items = json_object_get(must(world, "authority list", "{}"), "items");
    assert_int_equal(json_array_size(items), 2);
    must(world, "authority show", "{'class': 'RDATALIB', 'profile': 'start1.**'}");
    assert_string_equal(answered(world, "uacc"), "NONE");
    items = json_object_get(world->answer, "items");
    assert_int_equal(json_array_size(items), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "to")),
                        "owner:START1");
    must(world, "authority alter",
         "{'class': 'RDATALIB', 'profile': 'START1.**', 'uacc': 'read', 'appldata': 'note'}");
    must(world, "authority revoke",
         "{'class': 'RDATALIB', 'profile': 'START1.**', 'from': 'group:700'}");
    must(world, "authority delete", "{'class': 'RDATALIB', 'profile': 'START1.**'}");
    refused(world, "authority show", "{'class': 'RDATALIB', 'profile': 'START1.**'}",
            SG_E_NOT_FOUND, "profile_not_found");
}

static void what_a_profile_permits_is_taken_back_at_once(void **state)
{
    struct world *world = *state;
    must(world, "authority define", "{'class': 'RDATALIB', 'profile': 'START1.**'}");
    must(world, "authority reset", "{'class': 'RDATALIB', 'profile': 'START1.**'}");
    assert_says(world, "did", "permits nobody");
    must(world, "authority permit",
         "{'class': 'RDATALIB', 'profile': 'START1.**', 'to': 'group:700', 'level': 'update'}");
    must(world, "authority permit",
         "{'class': 'RDATALIB', 'profile': 'START1.**', 'to': 'owner:start1', 'level': 'control'}");
    refused_to(world, &member, "authority reset", "{'class': 'RDATALIB', 'profile': 'START1.**'}");
    refused(world, "authority reset", "{'class': 'RDATALIB', 'profile': 'START1.*'}",
            SG_E_NOT_FOUND, "profile_not_found");
    refused(world, "authority reset", "{'class': 'FACILITY', 'profile': 'START1.**'}",
            SG_E_NOT_FOUND, "profile_not_found");
    must(world, "authority reset", "{'class': 'RDATALIB', 'profile': 'START1.**'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "did")), 3);
    assert_says(world, "did", "permits nobody any more");
    must(world, "authority show", "{'class': 'RDATALIB', 'profile': 'START1.**'}");
    assert_int_equal(json_array_size(json_object_get(world->answer, "items")), 0);
}

static void the_profile_that_decides_is_shown_when_asked_for(void **state)
{
    struct world *world = *state;
    must(world, "authority define", "{'class': 'RDATALIB', 'profile': 'START1.**'}");
    refused(world, "authority show", "{'class': 'RDATALIB', 'profile': 'START1.KEY.LST'}",
            SG_E_NOT_FOUND, "profile_not_found");
    must(world, "authority show",
         "{'class': 'RDATALIB', 'profile': 'START1.KEY.LST', 'covering': true}");
    assert_string_equal(answered(world, "profile"), "START1.**");
    refused(world, "authority show",
            "{'class': 'RDATALIB', 'profile': 'START2.KEY.LST', 'covering': true}", SG_E_NOT_FOUND,
            "profile_not_found");
}

static void what_cannot_be_is_refused(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *operation, *params;
        sg_status status;
        const char *code;
    } cases[] = {
        {"authority define", "{'class': 'FACILITY', 'profile': 'A..B'}", SG_E_INPUT, "bad_profile"},
        {"authority define", "{'class': 'FACILITY', 'profile': 'A B'}", SG_E_INPUT, "bad_profile"},
        {"authority define", "{'class': 'FACILITY', 'profile': 'LIST.HERE'}", SG_E_CONFLICT,
         "profile_exists"},
        {"authority define", "{'class': 'DIGTCRIT', 'profile': 'X=1', 'appldata': 'CERTAUTH'}",
         SG_E_INPUT, "bad_owner"},
        {"authority alter", "{'class': 'FACILITY', 'profile': 'LIST.HERE'}", SG_E_USAGE,
         "nothing_to_change"},
        {"authority alter", "{'class': 'FACILITY', 'profile': 'NONE', 'uacc': 'read'}",
         SG_E_NOT_FOUND, "profile_not_found"},
        {"authority delete", "{'class': 'RDATALIB', 'profile': 'LIST.HERE'}", SG_E_NOT_FOUND,
         "profile_not_found"},
        {"authority permit", "{'class': 'FACILITY', 'profile': 'NONE', 'to': '*', 'level': 'read'}",
         SG_E_NOT_FOUND, "profile_not_found"},
        {"authority permit",
         "{'class': 'FACILITY', 'profile': 'LIST.HERE', 'to': 'START1', 'level': 'read'}",
         SG_E_INPUT, "bad_subject"},
        {"authority permit",
         "{'class': 'FACILITY', 'profile': 'LIST.HERE', 'to': 'owner:NOBODYHERE', 'level': 'read'}",
         SG_E_NOT_FOUND, "owner_not_found"},
        {"authority permit",
         "{'class': 'FACILITY', 'profile': 'LIST.HERE', 'to': 'user:no-such-user', 'level': 'read'}",
         SG_E_NOT_FOUND, "unknown_unix_user"},
        {"authority permit",
         "{'class': 'FACILITY', 'profile': 'LIST.HERE', 'to': 'group:no-such-group', 'level': 'read'}",
         SG_E_NOT_FOUND, "unknown_unix_group"},
        {"authority permit",
         "{'class': 'FACILITY', 'profile': 'LIST.HERE', 'to': 'user:4294967295', 'level': 'read'}",
         SG_E_NOT_FOUND, "unknown_unix_user"},
        {"authority permit",
         "{'class': 'FACILITY', 'profile': 'LIST.HERE', 'to': 'id:NOSUCH', 'level': 'read'}",
         SG_E_NOT_FOUND, "unknown_id"},
        {"authority revoke", "{'class': 'FACILITY', 'profile': 'LIST.HERE', 'from': '*'}",
         SG_E_NOT_FOUND, "permit_not_found"},
    };
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'LIST.HERE'}");
    assert_says(world, "warnings", "no function of Signet asks for LIST.HERE");
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        refused(world, cases[i].operation, cases[i].params, cases[i].status, cases[i].code);
    }
}

static void what_will_not_work_is_said_at_define(void **state)
{
    struct world *world = *state;
    must(world, "authority define", "{'class': 'RDATALIB', 'profile': 'START1.KEY'}");
    assert_says(world, "warnings", "covers no ring");
    must(world, "authority define", "{'class': 'DIGTCRIT', 'profile': 'APPLID=X'}");
    assert_says(world, "warnings", "means nobody");
    must(world, "authority define",
         "{'class': 'DIGTCRIT', 'profile': 'APPLID=Y', 'appldata': 'royalid'}");
    assert_says(world, "warnings", "there is no owner ROYALID yet");
    must(world, "authority show", "{'class': 'DIGTCRIT', 'profile': 'APPLID=Y'}");
    assert_string_equal(answered(world, "appldata"), "ROYALID");
    must(world, "authority alter",
         "{'class': 'DIGTCRIT', 'profile': 'APPLID=Y', 'appldata': 'start1'}");
    assert_null(json_object_get(world->answer, "warnings"));
}

/* ID(NAME) of a deck: an owner, else a user, else a group, whatever the case. */
static void an_id_is_an_owner_else_a_user_else_a_group(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *id, *to;
    } cases[] = {{"START1", "owner:START1"}, {"start1", "owner:START1"},
                 {"ROOT", "user:0"}, /* a user and a group root are everywhere */
                 {"shadow", "group:42"},     {"user:1002", "user:1002"},
                 {"group:root", "group:0"},  {"*", "*"}};
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST'}");
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        json_t *params =
            json_pack("{s:s, s:s, s:s, s:o}", "class", "FACILITY", "profile", "IRR.DIGTCERT.LIST",
                      "level", "read", "to", json_sprintf("id:%s", cases[i].id));
        must_json(world, "authority permit", params);
        assert_string_equal(answered(world, "to"), cases[i].to);
    }
}

static void permit_list(struct world *world, const char *to, const char *level)
{
    must_json(world, "authority permit",
              json_pack("{s:s, s:s, s:s, s:s}", "class", "FACILITY", "profile", "IRR.DIGTCERT.LIST",
                        "level", level, "to", to));
}

static void revoke_list(struct world *world, const char *from)
{
    must_json(world, "authority revoke",
              json_pack("{s:s, s:s, s:s}", "class", "FACILITY", "profile", "IRR.DIGTCERT.LIST",
                        "from", from));
}

static json_t *permits_of_list(struct world *world)
{
    must(world, "authority show", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST'}");
    return json_object_get(world->answer, "items");
}

/* Root is a user and a group: a revocation must reach the permit, whichever of them holds it. */
static void no_permit_that_a_name_holds_survives_its_end(void **state)
{
    struct world *world = *state;
    static const char *const holders[] = {"user:0", "group:0"};
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST'}");
    for (size_t i = 0; i < SG_COUNT(holders); i++) {
        permit_list(world, holders[i], "control");
        permit_list(world, "id:ROOT", "none");
        size_t index;
        json_t *item;
        json_array_foreach(permits_of_list(world), index, item)
        {
            assert_string_equal(json_string_value(json_object_get(item, "level")), "NONE");
        }
        revoke_list(world, "id:ROOT");
        assert_int_equal(json_array_size(permits_of_list(world)), 0);
        refused(world, "authority revoke",
                "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST', 'from': 'id:ROOT'}",
                SG_E_NOT_FOUND, "permit_not_found");
        permit_list(world, holders[i], "read");
        revoke_list(world, "id:ROOT");
        assert_string_equal(answered(world, "to"), holders[i]);
        assert_int_equal(json_array_size(permits_of_list(world)), 0);
    }
}

static void what_else_has_the_name_is_said(void **state)
{
    struct world *world = *state;
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST'}");
    permit_list(world, "id:ROOT", "read"); /* root's own group */
    assert_says(world, "did", "the user is meant, not the group of that name: group:root");
    permit_list(world, "group:0", "control");
    permit_list(world, "id:ROOT", "read");
    assert_says(world, "warnings", "group:0 (root) has that name too and keeps CONTROL");
    permit_list(world, "id:user:0", "read");
    assert_null(json_object_get(world->answer, "warnings"));
    refused(world, "authority permit",
            "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST', 'to': 'id:user:nosuch', "
            "'level': 'read'}",
            SG_E_NOT_FOUND, "unknown_unix_user");
}

#define UNTOLD "were not looked at, and keep what they hold: cannot look up the "

/* An owner is meant first, whatever users and groups have that name. */
static void an_owner_loses_though_names_cannot_be_looked_up(void **state)
{
    struct world *world = *state;
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST'}");
    permit_list(world, "owner:START1", "control");
    names_fail = true;
    permit_list(world, "id:START1", "none");
    assert_says(world, "warnings", UNTOLD "user START1");
    assert_string_equal(answered(world, "to"), "owner:START1");
    permit_list(world, "id:START1", "read");
    assert_says(world, "warnings", UNTOLD "user START1");
    revoke_list(world, "id:START1");
    assert_says(world, "warnings", UNTOLD "user START1");
    names_fail = false;
    assert_int_equal(json_array_size(permits_of_list(world)), 0);
}

static void a_user_loses_though_groups_cannot_be_looked_up(void **state)
{
    struct world *world = *state;
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST'}");
    permit_list(world, "user:0", "control");
    groups_fail = true;
    revoke_list(world, "id:root");
    assert_says(world, "warnings", UNTOLD "group root");
    groups_fail = false;
    assert_int_equal(json_array_size(permits_of_list(world)), 0);
}

/* Whether the name means somebody, or what it means holds anything, is not known. */
static void without_names_nothing_is_said_not_to_be_there(void **state)
{
    struct world *world = *state;
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST'}");
    names_fail = true;
    refused(world, "authority revoke",
            "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST', 'from': 'id:START1'}",
            SG_E_SERVICE, "name_service");
    refused(world, "authority permit",
            "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST', 'to': 'id:ROOT', 'level': "
            "'none'}",
            SG_E_SERVICE, "name_service");
    names_fail = false;
}

static int names_again(void **state)
{
    names_fail = false;
    groups_fail = false;
    return world_teardown(state);
}

static void a_permit_opens_and_its_end_closes(void **state)
{
    struct world *world = *state;
    const char *show = "{'certificate': 'START1/web'}";
    prepare(world);
    refused_to(world, &member, "cert show", show);
    must(world, "authority define",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.*', 'uacc': 'read'}");
    must(world, "authority permit",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.*', 'to': "
         "'group:700', 'level': 'update'}");
    must_as(world, &member, "cert show", show);
    must_as(world, &member, "cert alter", "{'certificate': 'START1/web', 'status': 'notrust'}");
    must_as(world, &owner_of_start1, "cert show", show); /* READ by the UACC: one's own */
    refused_to(world, &stranger, "cert show", show);
    refused_to(world, &member, "cert show", "{'certificate': 'CERTAUTH/x'}");
    assert_told(world, "needs CONTROL to IRR.DIGTCERT.LIST");
    assert_told(world, "holds UPDATE (profile IRR.DIGTCERT.*, permitted to group:700)");
    must(world, "authority revoke",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.*', 'from': 'group:700'}");
    refused_to(world, &member, "cert show", show);
}

/* A closed profile closes for the owner too; administrators are never shut out. */
static void a_profile_decides_alone(void **state)
{
    struct world *world = *state;
    prepare(world);
    must_as(world, &owner_of_start1, "ring show", "{'ring': 'START1/KEY'}");
    must(world, "authority define", "{'class': 'RDATALIB', 'profile': 'START1.KEY.LST'}");
    refused_to(world, &owner_of_start1, "ring show", "{'ring': 'START1/KEY'}");
    json_t *items = json_object_get(must_as(world, &owner_of_start1, "ring list", "{}"), "items");
    assert_int_equal(json_array_size(items), 0);
    must(world, "ring show", "{'ring': 'START1/KEY'}");
    must(world, "authority permit",
         "{'class': 'RDATALIB', 'profile': 'START1.KEY.LST', 'to': "
         "'owner:START1', 'level': 'read'}");
    must_as(world, &owner_of_start1, "ring show", "{'ring': 'START1/KEY'}");
}

static void only_authority_gives_authority(void **state)
{
    struct world *world = *state;
    const char *define = "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.DELETE'}";
    must(world, "authority define",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.**', 'uacc': 'control'}");
    refused_to(world, &stranger, "authority define", define);
    refused_to(world, &stranger, "authority list", "{}");
    refused_to(world, &stranger, "owner attach", "{'owner': 'START1', 'uid': 1002}");
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.AUTHORITY'}");
    must(world, "authority permit",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.AUTHORITY', "
         "'to': 'user:1002', 'level': 'control'}");
    must_as(world, &stranger, "authority define", define);
    refused_to(world, &member, "authority list", "{}");
}

/* What is taken away is narrowed before the change is there, and views are renewed after it. */
static void changes_reach_those_who_read(void **state)
{
    struct world *world = *state;
    unsigned narrowed = world->narrowed;
    unsigned widened = world->widened;
    must(world, "authority define", "{'class': 'RDATALIB', 'profile': 'START1.KEY.LST'}");
    assert_int_equal(world->narrowed, narrowed + 1);
    assert_int_equal(world->widened, widened + 1);
    must(world, "authority list", "{}");
    assert_int_equal(world->narrowed, narrowed + 1);
    world->refuse_narrow = true;
    refused(world, "authority delete", "{'class': 'RDATALIB', 'profile': 'START1.KEY.LST'}",
            SG_E_STORAGE, "cannot_narrow");
    world->refuse_narrow = false;
    must(world, "authority show", "{'class': 'RDATALIB', 'profile': 'START1.KEY.LST'}");
}

/* A trial's profiles must not stay in what the service keeps of them. */
static void a_dry_run_decides_nothing_afterwards(void **state)
{
    struct world *world = *state;
    prepare(world);
    assert_int_equal(ask(world, "authority define",
                         json_of("{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST'}"), true),
                     SG_OK);
    must_as(world, &owner_of_start1, "cert show", "{'certificate': 'START1/web'}");
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.GENREQ'}");
    must_as(world, &owner_of_start1, "cert show", "{'certificate': 'START1/web'}");
}

static void near_misses_are_named(void **state)
{
    struct world *world = *state;
    must(world, "authority define", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LIST'}");
    refused(world, "authority show", "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LISST'}",
            SG_E_NOT_FOUND, "profile_not_found");
    assert_string_equal(world->err.hint, "Did you mean IRR.DIGTCERT.LIST?");
}

/* ---- what is told to who waits for changes of a ring ---- */

static const char *const watched[] = {"START1/KEY", "START1/OTHER", "START2/OWN", "START2/MIXED",
                                      "START1.X/KEY"};

static void read_sequences(struct world *world, uint64_t out[SG_COUNT(watched)])
{
    out[0] = sequence_of(world, "START1", "KEY");
    out[1] = sequence_of(world, "START1", "OTHER");
    out[2] = sequence_of(world, "START2", "OWN");
    out[3] = sequence_of(world, "START2", "MIXED"); /* holds START1's key */
    out[4] = sequence_of(world, "START1.X", "KEY"); /* no RDATALIB profile covers it */
}

/* A change, and the rings that it is one of: "0" is watched[0]. */
struct authority_step {
    const char *operation, *params, *rings;
};

static void take_steps(struct world *world, const struct authority_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t before[SG_COUNT(watched)];
        uint64_t after[SG_COUNT(watched)];
        read_sequences(world, before);
        assert_int_equal(ask(world, steps[i].operation, json_of(steps[i].params), true), SG_OK);
        read_sequences(world, after);
        assert_memory_equal(before, after, sizeof before); /* a dry run */
        must(world, steps[i].operation, steps[i].params);
        read_sequences(world, after);
        for (size_t k = 0; k < SG_COUNT(watched); k++) {
            bool expected = strchr(steps[i].rings, (int)('0' + k)) != NULL;
            if ((after[k] > before[k]) != expected) {
                print_error("%s %s: %s %s\n", steps[i].operation, steps[i].params, watched[k],
                            expected ? "is not told" : "is told");
                fail();
            }
        }
    }
}

static void prepare_watched(struct world *world)
{
    prepare(world);
    must(world, "ring add", "{'ring': 'START1/OTHER'}");
    must(world, "ring add", "{'ring': 'START2/OWN'}");
    must(world, "ring add", "{'ring': 'START2/MIXED'}");
    must(world, "ring add", "{'ring': 'START1.X/KEY'}");
    must(world, "ring connect",
         "{'ring': 'START2/MIXED', 'certificate': 'START1/web', 'usage': 'personal'}");
}

#define LST(ring) "{'class': 'RDATALIB', 'profile': '" ring ".LST'}"
#define LST_TO(ring, to, level)                                                                    \
    "{'class': 'RDATALIB', 'profile': '" ring ".LST', 'to': '" to "', 'level': '" level "'}"
#define OF(function) "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT." function "'}"

static void a_profile_counts_in_the_rings_that_it_decides_about(void **state)
{
    struct world *world = *state;
    prepare_watched(world);
    static const struct authority_step steps[] = {
        {"authority define", LST("START1.KEY"), "0"},
        {"authority permit", LST_TO("START1.KEY", "user:101", "read"), "0"},
        {"authority permit", LST_TO("START1.KEY", "user:101", "update"), "0"},
        {"authority define", "{'class': 'RDATALIB', 'profile': 'START1.**'}", "1"},
        {"authority define", "{'class': 'RDATALIB', 'profile': '**'}", "23"},
        {"authority alter", "{'class': 'RDATALIB', 'profile': '**', 'uacc': 'read'}", "23"},
        {"authority alter", "{'class': 'RDATALIB', 'profile': '**', 'appldata': 'note'}", ""},
        {"authority define", "{'class': 'RDATALIB', 'profile': 'START1.KEY.UPD'}", ""},
        {"authority define", LST("START1.NONE"), ""},
        {"authority define", LST("START9.KEY"), ""},
        {"authority define", "{'class': 'DIGTCRIT', 'profile': 'X=1'}", ""},
        {"authority revoke",
         "{'class': 'RDATALIB', 'profile': 'START1.KEY.LST', 'from': 'user:101'}", "0"},
        {"authority reset", LST("START1.KEY"), ""}, /* permits nobody */
        {"authority permit", LST_TO("START1.KEY", "*", "read"), "0"},
        {"authority reset", LST("START1.KEY"), "0"},
        {"authority delete", LST("START1.KEY"), "0"},
        {"authority delete", "{'class': 'RDATALIB', 'profile': 'START1.**'}", "01"},
    };
    take_steps(world, steps, SG_COUNT(steps));
}

static void a_function_counts_where_no_profile_of_rdatalib_decides(void **state)
{
    struct world *world = *state;
    prepare_watched(world);
    static const struct authority_step steps[] = {
        {"authority define", LST("START1.KEY"), "0"},
        {"authority define", "{'class': 'RDATALIB', 'profile': 'START1.X.**'}", ""},
        {"authority define", OF("LISTRING"), "1234"},
        {"authority alter",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LISTRING', 'uacc': 'read'}", "1234"},
        {"authority define", OF("GENCERT"), "1234"},
        {"authority define", OF("ADD"), ""},
        {"authority define", OF("*"), "1234"},
        {"authority delete", OF("LISTRING"), "1234"},
    };
    take_steps(world, steps, SG_COUNT(steps));
}

static void a_user_who_becomes_another_counts(void **state)
{
    struct world *world = *state;
    prepare_watched(world);
    static const struct authority_step steps[] = {
        {"owner attach", "{'owner': 'START1', 'uid': 4001}", "013"},
        {"owner detach", "{'owner': 'START1', 'uid': 4001}", "013"},
        {"owner attach", "{'owner': 'START2', 'uid': 4001}", "23"},
        {"authority define", "{'class': 'RDATALIB', 'profile': 'START1.OTHER.LST'}", "1"},
        {"authority permit", LST_TO("START1.OTHER", "owner:START2", "read"), "1"},
        {"owner detach", "{'owner': 'START2', 'uid': 4001}", "123"},
        {"authority define", OF("LISTRING"), "0234"},
        {"authority permit",
         "{'class': 'FACILITY', 'profile': 'IRR.DIGTCERT.LISTRING', 'to': 'owner:START2', 'level': 'update'}",
         "0234"},
        {"owner attach", "{'owner': 'START2', 'uid': 4001}", "01234"},
        {"owner add", "{'owner': 'START3'}", ""},
    };
    take_steps(world, steps, SG_COUNT(steps));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, names_again)
        TEST(profiles_are_defined_shown_and_deleted),
        TEST(what_cannot_be_is_refused),
        TEST(what_a_profile_permits_is_taken_back_at_once),
        TEST(the_profile_that_decides_is_shown_when_asked_for),
        TEST(what_will_not_work_is_said_at_define),
        TEST(an_id_is_an_owner_else_a_user_else_a_group),
        TEST(no_permit_that_a_name_holds_survives_its_end),
        TEST(what_else_has_the_name_is_said),
        TEST(an_owner_loses_though_names_cannot_be_looked_up),
        TEST(a_user_loses_though_groups_cannot_be_looked_up),
        TEST(without_names_nothing_is_said_not_to_be_there),
        TEST(a_permit_opens_and_its_end_closes),
        TEST(a_profile_decides_alone),
        TEST(only_authority_gives_authority),
        TEST(changes_reach_those_who_read),
        TEST(a_dry_run_decides_nothing_afterwards),
        TEST(near_misses_are_named),
        TEST(a_profile_counts_in_the_rings_that_it_decides_about),
        TEST(a_function_counts_where_no_profile_of_rdatalib_decides),
        TEST(a_user_who_becomes_another_counts),
    };
    return cmocka_run_group_tests(tests, world_setup_group, world_teardown_group);
}
