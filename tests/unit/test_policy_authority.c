/* Who may do what. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/cleanup.h>
#include <signet/policy/authority.h>

static const char *const start1[] = {"START1"};
static const struct sg_caller stranger = {.uid = 1000, .gid = 1000};
static const struct sg_caller attached = {
    .uid = 1001, .gid = 1001, .owners = start1, .owner_count = 1};
static const struct sg_caller administrator = {.uid = 0, .gid = 0, .administrator = true};

static bool is_open(enum sg_function function)
{
    return function == SG_FUNCTION_NONE || function == SG_FUNCTION_STATUS;
}

static bool is_reading(enum sg_function function)
{
    return function == SG_FUNCTION_LIST || function == SG_FUNCTION_LISTRING ||
           function == SG_FUNCTION_EXPORT;
}

static bool is_administrative(enum sg_function function)
{
    return function == SG_FUNCTION_OWNER || function == SG_FUNCTION_TOKEN ||
           function == SG_FUNCTION_AUTHORITY;
}

/* Every decision agrees with itself and explains itself. */
static void check(const struct sg_decision *decision)
{
    assert_int_equal(decision->allowed, decision->held >= decision->needed);
    assert_true(decision->reason[0] != '\0');
    assert_int_equal(decision->allowed, decision->remedy[0] == '\0');
    assert_true(strlen(decision->reason) < sizeof decision->reason - 1);
    assert_true(strlen(decision->remedy) < sizeof decision->remedy - 1);
    assert_int_equal(decision->ground == SG_GROUND_PROFILE, decision->profile != NULL);
}

static struct sg_decision ask(const struct sg_profiles *profiles, const struct sg_caller *caller,
                              const struct sg_request *request)
{
    struct sg_decision decision = sg_authority_decide(profiles, caller, request);
    check(&decision);
    assert_int_equal(decision.allowed, sg_authority_allows(profiles, caller, request));
    return decision;
}

/* Where there is no profile. */
static struct sg_decision decide(const struct sg_caller *caller, enum sg_function function,
                                 const char *owner)
{
    const struct sg_request request = {.function = function, .owner = owner};
    return ask(NULL, caller, &request);
}

static const char *const targets[] = {"START1", "START2", "CERTAUTH", "SITE", NULL};

static void every_function_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < SG_FUNCTION_COUNT; i++) {
        assert_non_null(sg_function_name((enum sg_function)i));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(sg_function_name((enum sg_function)i),
                                    sg_function_name((enum sg_function)k));
        }
    }
    assert_string_equal(sg_function_name(SG_FUNCTION_GENCERT), "GENCERT");
    assert_string_equal(sg_function_name(SG_FUNCTION_LISTRING), "LISTRING");
}

static void administrators_may_do_everything(void **state)
{
    (void)state;
    unsigned decided = 0;
    for (int f = 0; f < SG_FUNCTION_COUNT; f++) {
        for (size_t t = 0; t < SG_COUNT(targets); t++, decided++) {
            struct sg_decision decision = decide(&administrator, (enum sg_function)f, targets[t]);
            assert_true(decision.allowed);
            assert_int_equal(decision.held, SG_LEVEL_CONTROL);
        }
    }
    assert_int_equal(decided, SG_FUNCTION_COUNT * SG_COUNT(targets));
}

static void strangers_may_do_nothing(void **state)
{
    (void)state;
    for (int f = 0; f < SG_FUNCTION_COUNT; f++) {
        for (size_t t = 0; t < SG_COUNT(targets); t++) {
            struct sg_decision decision = decide(&stranger, (enum sg_function)f, targets[t]);
            assert_int_equal(decision.allowed, is_open((enum sg_function)f));
            assert_int_equal(decision.held, SG_LEVEL_NONE);
        }
    }
}

static void the_attached_may_read_their_own(void **state)
{
    (void)state;
    for (int f = 0; f < SG_FUNCTION_COUNT; f++) {
        enum sg_function function = (enum sg_function)f;
        for (size_t t = 0; t < SG_COUNT(targets); t++) {
            struct sg_decision decision = decide(&attached, function, targets[t]);
            bool own = targets[t] != NULL && strcmp(targets[t], "START1") == 0;
            assert_int_equal(decision.allowed, is_open(function) || (own && is_reading(function)));
        }
    }
}

static void the_level_needed_follows_the_owner(void **state)
{
    (void)state;
    for (int f = 0; f < SG_FUNCTION_COUNT; f++) {
        enum sg_function function = (enum sg_function)f;
        enum sg_level own = decide(&attached, function, "START1").needed;
        enum sg_level other = decide(&attached, function, "START2").needed;
        enum sg_level certauth = decide(&attached, function, "CERTAUTH").needed;
        enum sg_level site = decide(&attached, function, "SITE").needed;
        enum sg_level nobody = decide(&attached, function, NULL).needed;
        if (is_open(function)) {
            assert_int_equal(own | other | certauth | site | nobody, SG_LEVEL_NONE);
            continue;
        }
        bool administrative = is_administrative(function);
        assert_int_equal(own, administrative ? SG_LEVEL_CONTROL : SG_LEVEL_READ);
        assert_int_equal(other, administrative ? SG_LEVEL_CONTROL : SG_LEVEL_UPDATE);
        assert_int_equal(certauth, SG_LEVEL_CONTROL);
        assert_int_equal(site, SG_LEVEL_CONTROL);
        assert_int_equal(nobody, SG_LEVEL_CONTROL);
    }
}

static void a_number_that_is_no_function_is_denied(void **state)
{
    (void)state;
    const enum sg_function wrong[] = {(enum sg_function)99, (enum sg_function) - 1,
                                      (enum sg_function)SG_FUNCTION_COUNT};
    for (size_t i = 0; i < SG_COUNT(wrong); i++) {
        assert_false(decide(&stranger, wrong[i], "START1").allowed);
        assert_false(decide(&attached, wrong[i], "START1").allowed);
        assert_non_null(sg_function_name(wrong[i]));
    }
}

static void a_reason_names_profile_owner_user_and_levels(void **state)
{
    (void)state;
    assert_string_equal(decide(&stranger, SG_FUNCTION_ADD, "START1").reason,
                        "needs UPDATE to IRR.DIGTCERT.ADD for START1's certificates, "
                        "uid 1000 holds NONE (no profile)");
    assert_string_equal(decide(&attached, SG_FUNCTION_ADDRING, "START1").reason,
                        "needs READ to IRR.DIGTCERT.ADDRING for START1's rings, "
                        "uid 1001 holds NONE (no profile)");
    assert_string_equal(decide(&attached, SG_FUNCTION_GENCERT, "CERTAUTH").reason,
                        "needs CONTROL to IRR.DIGTCERT.GENCERT for CERTAUTH's certificates, "
                        "uid 1001 holds NONE (no profile)");
    assert_string_equal(decide(&stranger, SG_FUNCTION_TOKEN, NULL).reason,
                        "needs CONTROL to IRR.DIGTCERT.TOKEN for the tokens, uid 1000 holds NONE "
                        "(no profile)");
    assert_string_equal(decide(&attached, SG_FUNCTION_LIST, "START1").reason,
                        "needs READ to IRR.DIGTCERT.LIST for START1's certificates, "
                        "uid 1001 holds READ (one's own, no profile)");
    assert_string_equal(decide(&administrator, SG_FUNCTION_LIST, "START1").reason,
                        "needs UPDATE to IRR.DIGTCERT.LIST for START1's certificates, "
                        "uid 0 holds CONTROL (administrator)");
}

/* A remedy must be true: following it must change the answer. */
static void being_attached_is_offered_where_it_helps_and_only_there(void **state)
{
    (void)state;
    for (int f = 0; f < SG_FUNCTION_COUNT; f++) {
        for (size_t t = 0; t < SG_COUNT(targets); t++) {
            enum sg_function function = (enum sg_function)f;
            struct sg_decision before = decide(&stranger, function, targets[t]);
            if (before.allowed) {
                continue;
            }
            const char *const owners[] = {targets[t] != NULL ? targets[t] : "X"};
            struct sg_caller then = stranger;
            then.owners = owners;
            then.owner_count = 1;
            bool offered = strstr(before.remedy, "signet owner attach") != NULL;
            assert_int_equal(offered, decide(&then, function, targets[t]).allowed);
            assert_non_null(strstr(before.remedy, "dministrator"));
        }
    }
    assert_non_null(strstr(decide(&stranger, SG_FUNCTION_LIST, "START1").remedy,
                           "signet owner attach START1 1000"));
    assert_null(strstr(decide(&attached, SG_FUNCTION_ADD, "START1").remedy, "signet owner attach"));
}

/* What is allowed to the overflow uid is allowed to strangers: nothing of the kind is ever advised.
 */
static void nobody_is_told_to_be_somebody(void **state)
{
    (void)state;
    const struct sg_caller nobody = {.uid = 65534, .gid = 65534, .nobody = true};
    const struct sg_profiles none = {.list = NULL};
    for (int f = 0; f < SG_FUNCTION_COUNT; f++) {
        for (size_t t = 0; t < SG_COUNT(targets); t++) {
            struct sg_decision decision = decide(&nobody, (enum sg_function)f, targets[t]);
            assert_int_equal(decision.allowed,
                             decide(&stranger, (enum sg_function)f, targets[t]).allowed);
            if (!decision.allowed) {
                assert_null(strstr(decision.remedy, "signet "));
                assert_non_null(strstr(decision.remedy, "a Unix user of its own"));
            }
        }
    }
    struct sg_decision key = sg_authority_key(&none, &nobody, "START1", "KEY", "START1");
    assert_false(key.allowed);
    assert_null(strstr(key.remedy, "signet "));
    assert_non_null(strstr(key.remedy, "a Unix user of its own"));
}

/* Of the ring KEY. */
static bool key(const struct sg_profiles *profiles, const struct sg_caller *caller,
                const char *ring_owner, enum sg_usage usage, const char *certificate_owner)
{
    struct sg_decision decision =
        sg_authority_key(profiles, caller, ring_owner, "KEY", certificate_owner);
    check(&decision);
    bool usable =
        sg_authority_key_usable(profiles, caller, ring_owner, "KEY", usage, certificate_owner);
    bool visible = sg_authority_ring_visible(profiles, caller, ring_owner, "KEY");
    assert_int_equal(usable, visible && usage == SG_USAGE_PERSONAL && decision.allowed);
    return usable;
}

static void an_attachment_to_an_anchor_gives_nothing(void **state)
{
    (void)state;
    const char *const anchors[] = {"CERTAUTH", "SITE"};
    const struct sg_caller odd = {.uid = 5, .owners = anchors, .owner_count = 2};
    for (int f = 0; f < SG_FUNCTION_COUNT; f++) {
        assert_int_equal(decide(&odd, (enum sg_function)f, "CERTAUTH").allowed,
                         is_open((enum sg_function)f));
    }
    assert_false(sg_authority_ring_visible(NULL, &odd, "CERTAUTH", "*"));
    assert_false(key(NULL, &odd, "CERTAUTH", SG_USAGE_PERSONAL, "CERTAUTH"));
}

static void owners_are_matched_exactly(void **state)
{
    (void)state;
    assert_true(sg_caller_is(&attached, "START1"));
    const char *const others[] = {"START", "START11", "start1", "", "START2", NULL};
    for (size_t i = 0; i < SG_COUNT(others); i++) {
        assert_false(sg_caller_is(&attached, others[i]));
    }
    assert_false(sg_caller_is(&stranger, "START1"));
    assert_false(sg_caller_is(&administrator, "START1"));
}

/* ---- rings and keys ---- */

static void rings_are_seen_by_their_own_and_by_administrators(void **state)
{
    (void)state;
    assert_true(sg_authority_ring_visible(NULL, &attached, "START1", "KEY"));
    assert_false(sg_authority_ring_visible(NULL, &attached, "START2", "KEY"));
    assert_false(sg_authority_ring_visible(NULL, &stranger, "START1", "KEY"));
    assert_true(sg_authority_ring_visible(NULL, &administrator, "START1", "KEY"));
    assert_true(sg_authority_ring_visible(NULL, &administrator, "START2", "KEY"));
}

static void keys_come_with_personal_connections_of_ones_own_certificates(void **state)
{
    (void)state;
    const enum sg_usage usages[] = {SG_USAGE_PERSONAL, SG_USAGE_CERTAUTH, SG_USAGE_SITE};
    for (size_t u = 0; u < SG_COUNT(usages); u++) {
        bool personal = usages[u] == SG_USAGE_PERSONAL;
        for (size_t t = 0; t + 1 < SG_COUNT(targets); t++) {
            bool own = strcmp(targets[t], "START1") == 0;
            assert_int_equal(key(NULL, &attached, "START1", usages[u], targets[t]),
                             personal && own);
            assert_int_equal(key(NULL, &administrator, "START1", usages[u], targets[t]), personal);
            assert_false(key(NULL, &stranger, "START1", usages[u], targets[t]));
            assert_false(key(NULL, &attached, "START2", usages[u], targets[t]));
        }
    }
}

static void whoever_is_two_owners_may_use_both_keys(void **state)
{
    (void)state;
    const char *const owners[] = {"START1", "START2"};
    const struct sg_caller both = {.uid = 7, .owners = owners, .owner_count = 2};
    assert_true(key(NULL, &both, "START1", SG_USAGE_PERSONAL, "START2"));
    assert_false(key(NULL, &both, "START1", SG_USAGE_PERSONAL, "START3"));
    assert_false(key(NULL, &both, "START1", SG_USAGE_PERSONAL, "SITE"));
    assert_false(key(NULL, &both, "START1", (enum sg_usage)9, "START2"));
}

/* ---- profiles ---- */

#define OWNER(name)                                                                                \
    {                                                                                              \
        .kind = SG_SUBJECT_OWNER, .owner = { name }                                                \
    }
#define USER(uid)                                                                                  \
    {                                                                                              \
        .kind = SG_SUBJECT_USER, .id = (uid)                                                       \
    }
#define GROUP(gid)                                                                                 \
    {                                                                                              \
        .kind = SG_SUBJECT_GROUP, .id = (gid)                                                      \
    }
#define ALL                                                                                        \
    {                                                                                              \
        .kind = SG_SUBJECT_ALL                                                                     \
    }

/* One profile and what asks it. */
struct one {
    struct sg_profile profile;
    struct sg_profiles profiles;
};

static const struct sg_profiles *one(struct one *one, enum sg_class class, const char *name,
                                     enum sg_level uacc, const struct sg_permit *permits,
                                     size_t count)
{
    one->profile = (struct sg_profile){.class = class,
                                       .name = name,
                                       .uacc = uacc,
                                       .appldata = "",
                                       .permits = permits,
                                       .permit_count = count};
    sg_profiles_index(&one->profile, 1, &one->profiles);
    return &one->profiles;
}

static const gid_t groups[] = {100, 200};
static const struct sg_caller member = {
    .uid = 1002, .gid = 100, .groups = groups, .group_count = SG_COUNT(groups)};

static void the_closest_permit_counts(void **state)
{
    (void)state;
    static const struct sg_permit by_group[] = {{GROUP(100), SG_LEVEL_READ},
                                                {GROUP(200), SG_LEVEL_UPDATE},
                                                {GROUP(300), SG_LEVEL_CONTROL},
                                                {ALL, SG_LEVEL_CONTROL}};
    static const struct sg_permit by_user[] = {{GROUP(100), SG_LEVEL_CONTROL},
                                               {USER(1002), SG_LEVEL_READ},
                                               {USER(1001), SG_LEVEL_CONTROL}};
    static const struct sg_permit refused[] = {{ALL, SG_LEVEL_CONTROL},
                                               {GROUP(200), SG_LEVEL_NONE}};
    static const struct sg_permit by_owner[] = {{OWNER("START1"), SG_LEVEL_UPDATE},
                                                {USER(1001), SG_LEVEL_READ}};
    static const struct {
        const struct sg_caller *caller;
        const struct sg_permit *permits;
        size_t count;
        enum sg_level uacc, held;
        int permit; /* -1: the UACC */
    } cases[] = {
        {&member, by_group, 4, SG_LEVEL_NONE, SG_LEVEL_UPDATE, 1},
        {&stranger, by_group, 4, SG_LEVEL_NONE, SG_LEVEL_CONTROL, 3},
        {&member, by_user, 3, SG_LEVEL_NONE, SG_LEVEL_READ, 1},
        {&stranger, by_user, 3, SG_LEVEL_READ, SG_LEVEL_READ, -1},
        {&member, refused, 2, SG_LEVEL_CONTROL, SG_LEVEL_NONE, 1},
        {&attached, by_owner, 2, SG_LEVEL_NONE, SG_LEVEL_UPDATE, 0},
        {&stranger, NULL, 0, SG_LEVEL_UPDATE, SG_LEVEL_UPDATE, -1},
    };
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        struct one memory;
        const struct sg_permit *permit = NULL;
        one(&memory, SG_CLASS_FACILITY, "X", cases[i].uacc, cases[i].permits, cases[i].count);
        assert_int_equal(sg_profile_held(&memory.profile, cases[i].caller, &permit), cases[i].held);
        assert_ptr_equal(permit, cases[i].permit < 0 ? NULL : &cases[i].permits[cases[i].permit]);
    }
}

static void a_profile_decides_alone(void **state)
{
    (void)state;
    struct one memory;
    const struct sg_profiles *closed =
        one(&memory, SG_CLASS_FACILITY, "IRR.DIGTCERT.*", SG_LEVEL_NONE, NULL, 0);
    const struct sg_request own = {.function = SG_FUNCTION_LIST, .owner = "START1"};
    assert_true(decide(&attached, SG_FUNCTION_LIST, "START1").allowed);
    struct sg_decision decision = ask(closed, &attached, &own);
    assert_false(decision.allowed);
    assert_string_equal(decision.reason,
                        "needs READ to IRR.DIGTCERT.LIST for START1's certificates, uid 1001 holds "
                        "NONE (profile IRR.DIGTCERT.*, UACC)");
    assert_non_null(strstr(decision.remedy,
                           "signet authority permit FACILITY 'IRR.DIGTCERT.*' --to "
                           "user:1001 --level READ"));
    assert_true(ask(closed, &administrator, &own).allowed);
}

static void levels_reach_as_far_as_racf_says(void **state)
{
    (void)state;
    static const struct {
        enum sg_level level;
        bool own, other, certauth, nobody;
    } cases[] = {{SG_LEVEL_NONE, false, false, false, false},
                 {SG_LEVEL_READ, true, false, false, false},
                 {SG_LEVEL_UPDATE, true, true, false, false},
                 {SG_LEVEL_CONTROL, true, true, true, true}};
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        const struct sg_permit permits[] = {{USER(1001), cases[i].level}};
        struct one memory;
        const struct sg_profiles *profiles =
            one(&memory, SG_CLASS_FACILITY, "IRR.DIGTCERT.GENCERT", SG_LEVEL_NONE, permits, 1);
        const char *const owners[] = {"START1", "START2", "CERTAUTH", "SITE", NULL};
        const bool expected[] = {cases[i].own, cases[i].other, cases[i].certauth, cases[i].certauth,
                                 cases[i].nobody};
        for (size_t k = 0; k < SG_COUNT(owners); k++) {
            struct sg_request request = {.function = SG_FUNCTION_GENCERT, .owner = owners[k]};
            assert_int_equal(ask(profiles, &attached, &request).allowed, expected[k]);
            request.function = SG_FUNCTION_ADD; /* no profile of it */
            assert_false(ask(profiles, &attached, &request).allowed);
        }
    }
}

/* Certificate administrators are commonly given IRR.DIGTCERT.*: that must not hand out authority.
 */
static void authority_itself_takes_a_profile_of_its_own(void **state)
{
    (void)state;
    static const enum sg_function own[] = {SG_FUNCTION_AUTHORITY, SG_FUNCTION_OWNER,
                                           SG_FUNCTION_TOKEN};
    static const struct sg_permit permits[] = {{USER(1000), SG_LEVEL_CONTROL}};
    for (size_t i = 0; i < SG_COUNT(own); i++) {
        struct one memory;
        char name[64];
        const struct sg_request request = {.function = own[i]};
        const struct sg_profiles *profiles =
            one(&memory, SG_CLASS_FACILITY, "IRR.DIGTCERT.*", SG_LEVEL_CONTROL, permits, 1);
        assert_false(ask(profiles, &stranger, &request).allowed);
        snprintf(name, sizeof name, "IRR.DIGTCERT.%s", sg_function_name(own[i]));
        profiles = one(&memory, SG_CLASS_FACILITY, name, SG_LEVEL_NONE, permits, 1);
        assert_true(ask(profiles, &stranger, &request).allowed);
        assert_false(ask(profiles, &attached, &request).allowed);
    }
}

/* ---- connections ---- */

static const char *letter(const struct sg_decision checks[], size_t count, char out[32])
{
    static const char letters[] = "NRUC";
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const char *dot = strrchr(checks[i].resource.text, '.');
        used += (size_t)snprintf(out + used, 32 - used, "%s%c:%s", i > 0 ? "+" : "",
                                 letters[checks[i].needed], dot + 1);
    }
    return out;
}

/* The table of docs/racf-compatibility.md, cell by cell. */
static void connecting_needs_what_the_table_says(void **state)
{
    (void)state;
    static const struct {
        const char *ring, *certificate;
        enum sg_usage usage;
        const char *plain, *by_profile; /* without and with an RDATALIB profile of the ring */
    } cells[] = {
        {"START1", "START1", SG_USAGE_PERSONAL, "R:CONNECT", "R:UPD"},
        {"START1", "START2", SG_USAGE_PERSONAL, "U:CONNECT", "R:UPD+U:CONNECT"},
        {"START1", "CERTAUTH", SG_USAGE_PERSONAL, "C:CONNECT", "R:UPD+C:CONNECT"},
        {"START1", "SITE", SG_USAGE_PERSONAL, "C:CONNECT", "R:UPD+C:CONNECT"},
        {"START1", "START1", SG_USAGE_CERTAUTH, "R:CONNECT+C:ADD", "R:UPD+C:ADD"},
        {"START1", "START2", SG_USAGE_SITE, "U:CONNECT+C:ADD", "R:UPD+U:CONNECT+C:ADD"},
        {"START1", "CERTAUTH", SG_USAGE_CERTAUTH, "U:CONNECT", "R:UPD+U:CONNECT"},
        {"START1", "SITE", SG_USAGE_CERTAUTH, "U:CONNECT", "R:UPD+U:CONNECT"},
        {"START2", "START1", SG_USAGE_PERSONAL, "C:CONNECT", "U:UPD"},
        {"START2", "START2", SG_USAGE_PERSONAL, "C:CONNECT", "U:UPD+U:CONNECT"},
        {"START2", "CERTAUTH", SG_USAGE_PERSONAL, "C:CONNECT", "U:UPD+C:CONNECT"},
        {"START2", "START1", SG_USAGE_SITE, "C:CONNECT+C:ADD", "U:UPD+C:ADD"},
        {"START2", "START3", SG_USAGE_CERTAUTH, "C:CONNECT+C:ADD", "U:UPD+U:CONNECT+C:ADD"},
        {"START2", "SITE", SG_USAGE_SITE, "C:CONNECT", "U:UPD+U:CONNECT"},
    };
    struct one memory;
    const struct sg_profiles *profiles =
        one(&memory, SG_CLASS_RDATALIB, "*.KEY.UPD", SG_LEVEL_NONE, NULL, 0);
    for (size_t i = 0; i < SG_COUNT(cells); i++) {
        char text[32];
        struct sg_decision checks[SG_CHECKS_MAX];
        const struct sg_request request = {.function = SG_FUNCTION_CONNECT,
                                           .owner = cells[i].ring,
                                           .ring = "key",
                                           .certificate_owner = cells[i].certificate,
                                           .usage = cells[i].usage};
        size_t count = sg_authority_checks(NULL, &attached, &request, checks);
        assert_string_equal(letter(checks, count, text), cells[i].plain);
        count = sg_authority_checks(profiles, &attached, &request, checks);
        assert_string_equal(letter(checks, count, text), cells[i].by_profile);
        assert_false(ask(NULL, &attached, &request).allowed);
        assert_false(ask(profiles, &attached, &request).allowed);
        assert_true(ask(profiles, &administrator, &request).allowed);
    }
}

static void removing_needs_what_the_table_says(void **state)
{
    (void)state;
    static const struct {
        const char *ring, *certificate, *plain, *by_profile;
    } cells[] = {
        {"START1", "START1", "R:REMOVE", "R:UPD"},   {"START1", "START2", "U:REMOVE", "R:UPD"},
        {"START1", "CERTAUTH", "U:REMOVE", "R:UPD"}, {"START1", "SITE", "U:REMOVE", "R:UPD"},
        {"START2", "START1", "C:REMOVE", "U:UPD"},   {"START2", "CERTAUTH", "C:REMOVE", "U:UPD"},
    };
    struct one memory;
    const struct sg_profiles *profiles =
        one(&memory, SG_CLASS_RDATALIB, "**.UPD", SG_LEVEL_NONE, NULL, 0);
    for (size_t i = 0; i < SG_COUNT(cells); i++) {
        char text[32];
        struct sg_decision checks[SG_CHECKS_MAX];
        const struct sg_request request = {.function = SG_FUNCTION_REMOVE,
                                           .owner = cells[i].ring,
                                           .ring = "KEY",
                                           .certificate_owner = cells[i].certificate};
        size_t count = sg_authority_checks(NULL, &attached, &request, checks);
        assert_string_equal(letter(checks, count, text), cells[i].plain);
        count = sg_authority_checks(profiles, &attached, &request, checks);
        assert_string_equal(letter(checks, count, text), cells[i].by_profile);
    }
}

/* One of two is none: what the ring's profile allows does not reach another's certificate. */
static void every_check_of_a_connection_counts(void **state)
{
    (void)state;
    static const struct sg_permit permits[] = {{USER(1001), SG_LEVEL_CONTROL}};
    struct one memory;
    const struct sg_profiles *profiles =
        one(&memory, SG_CLASS_RDATALIB, "START1.KEY.UPD", SG_LEVEL_NONE, permits, 1);
    struct sg_request request = {.function = SG_FUNCTION_CONNECT,
                                 .owner = "START1",
                                 .ring = "KEY",
                                 .certificate_owner = "START1",
                                 .usage = SG_USAGE_PERSONAL};
    assert_true(ask(profiles, &attached, &request).allowed);
    request.certificate_owner = "START2";
    assert_string_equal(ask(profiles, &attached, &request).resource.text, "IRR.DIGTCERT.CONNECT");
    request.certificate_owner = "START1";
    request.usage = SG_USAGE_CERTAUTH;
    struct sg_decision decision = ask(profiles, &attached, &request);
    assert_string_equal(decision.reason,
                        "needs CONTROL to IRR.DIGTCERT.ADD for making a trust anchor of START1's "
                        "certificate, uid 1001 holds NONE (no profile)");
    assert_false(ask(profiles, &stranger, &request).allowed);
}

/* ---- rings and keys by profile ---- */

static void rings_names_become_resources(void **state)
{
    (void)state;
    static const struct {
        const char *owner, *ring, *resource;
    } cases[] = {{"START1", "Key ring", "START1.KEY_RING.LST"},
                 {"START1", "a*b%c&d", "START1.A_B_C_D.LST"},
                 {"A.B", "c.d", "A.B.C.D.LST"},
                 {"START1", "*", "START1.IRR_VIRTUAL_KEYRING.LST"},
                 {"CERTAUTH", "*", "CERTAUTH.IRR_VIRTUAL_KEYRING.LST"},
                 {"START1", "gr\xc3\xbcn", "START1.GR\xc3\xbcN.LST"}};
    struct sg_profile_name name;
    for (size_t i = 0; i < SG_COUNT(cases); i++) {
        sg_ring_resource(cases[i].owner, cases[i].ring, false, &name);
        assert_string_equal(name.text, cases[i].resource);
    }
    sg_ring_resource("START1", "KEY", true, &name);
    assert_string_equal(name.text, "START1.KEY.UPD");
}

/* docs/racf-compatibility.md, private keys. */
static void keys_come_by_the_level_of_the_rings_profile(void **state)
{
    (void)state;
    static const struct {
        enum sg_level level;
        bool visible, own, other, site;
    } cases[] = {{SG_LEVEL_NONE, false, false, false, false},
                 {SG_LEVEL_READ, true, true, false, false},
                 {SG_LEVEL_UPDATE, true, true, true, false},
                 {SG_LEVEL_CONTROL, true, true, true, true}};
    static const char *const rings[] = {"START1", "START2"};
    for (size_t i = 0; i < SG_COUNT(cases) * 2; i++) {
        const struct sg_permit permits[] = {{OWNER("START1"), cases[i / 2].level}};
        struct one memory;
        const char *ring = rings[i % 2]; /* one's own or not: the profile alone decides */
        const struct sg_profiles *profiles =
            one(&memory, SG_CLASS_RDATALIB, "%%%%%%.KEY.LST", SG_LEVEL_NONE, permits, 1);
        assert_int_equal(sg_authority_ring_visible(profiles, &attached, ring, "Key"),
                         cases[i / 2].visible);
        assert_int_equal(key(profiles, &attached, ring, SG_USAGE_PERSONAL, "START1"),
                         cases[i / 2].own);
        assert_int_equal(key(profiles, &attached, ring, SG_USAGE_PERSONAL, "START2"),
                         cases[i / 2].other);
        assert_int_equal(key(profiles, &attached, ring, SG_USAGE_PERSONAL, "SITE"),
                         cases[i / 2].site);
        assert_false(key(profiles, &attached, ring, SG_USAGE_SITE, "START1"));
        assert_false(key(profiles, &stranger, ring, SG_USAGE_PERSONAL, "START1"));
        assert_true(key(profiles, &administrator, ring, SG_USAGE_PERSONAL, "SITE"));
    }
}

static void
without_a_rings_profile_gencert_gives_shared_keys_and_nothing_gives_anothers(void **state)
{
    (void)state;
    static const struct sg_permit permits[] = {{USER(1001), SG_LEVEL_CONTROL}};
    struct one memory;
    const struct sg_profiles *profiles =
        one(&memory, SG_CLASS_FACILITY, "IRR.DIGTCERT.**", SG_LEVEL_NONE, permits, 1);
    assert_true(key(profiles, &attached, "START1", SG_USAGE_PERSONAL, "SITE"));
    assert_true(key(profiles, &attached, "START1", SG_USAGE_PERSONAL, "START1"));
    assert_false(key(profiles, &attached, "START1", SG_USAGE_PERSONAL, "START2"));
    /* CONTROL to LISTRING shows another's ring; its keys never */
    assert_true(sg_authority_ring_visible(profiles, &attached, "START2", "KEY"));
    assert_false(key(profiles, &attached, "START2", SG_USAGE_PERSONAL, "START2"));
    assert_false(key(NULL, &attached, "START1", SG_USAGE_PERSONAL, "SITE"));
    struct sg_decision decision = sg_authority_key(profiles, &attached, "START1", "KEY", "START2");
    assert_non_null(strstr(decision.remedy, "decides alone"));
}

static void a_rings_profile_decides_who_makes_and_deletes_it(void **state)
{
    (void)state;
    static const struct sg_permit permits[] = {{USER(1000), SG_LEVEL_UPDATE},
                                               {USER(1001), SG_LEVEL_READ}};
    static const enum sg_function changing[] = {SG_FUNCTION_ADDRING, SG_FUNCTION_DELRING};
    struct one memory;
    const struct sg_profiles *profiles =
        one(&memory, SG_CLASS_RDATALIB, "START1.**", SG_LEVEL_NONE, permits, 2);
    for (size_t i = 0; i < SG_COUNT(changing); i++) {
        struct sg_request request = {.function = changing[i], .owner = "START1", .ring = "KEY"};
        assert_true(ask(profiles, &attached, &request).allowed);
        assert_true(ask(profiles, &stranger, &request).allowed);
        assert_false(ask(profiles, &member, &request).allowed);
        request.ring = NULL; /* no ring named: no profile of it */
        assert_false(ask(profiles, &stranger, &request).allowed);
        request = (struct sg_request){.function = changing[i], .owner = "START2", .ring = "KEY"};
        assert_false(ask(profiles, &attached, &request).allowed);
    }
}

/* ---- remedies ---- */

/* Do what the remedy says: the permit, in the deciding profile or in a new one. */
static void follow(const struct sg_decision *decision, const struct sg_caller *caller,
                   struct one *memory, struct sg_permit *permit)
{
    char command[400];
    const char *name =
        decision->profile != NULL ? decision->profile->name : decision->resource.text;
    static char kept[SG_PROFILE_BYTES + 1];
    snprintf(kept, sizeof kept, "%s", name);
    snprintf(command, sizeof command, "--to user:%u --level %s", caller->uid,
             sg_level_name(decision->needed));
    assert_non_null(strstr(decision->remedy, command));
    assert_int_equal(strstr(decision->remedy, "signet authority define") != NULL,
                     decision->profile == NULL);
    *permit = (struct sg_permit){USER(caller->uid), decision->needed};
    one(memory, decision->class, kept, SG_LEVEL_NONE, permit, 1);
}

static void following_a_remedy_changes_the_answer(void **state)
{
    (void)state;
    const struct sg_caller *const callers[] = {&stranger, &attached, &member};
    unsigned followed = 0;
    for (int f = 0; f < SG_FUNCTION_COUNT; f++) {
        for (size_t t = 0; t < SG_COUNT(targets) * 3; t++) {
            const struct sg_caller *caller = callers[t % 3];
            const struct sg_request request = {.function = (enum sg_function)f,
                                               .owner = targets[t / 3],
                                               .ring = targets[t / 3] != NULL ? "KEY" : NULL};
            struct one memory;
            struct sg_permit permit;
            struct sg_decision before = ask(NULL, caller, &request);
            if (!before.allowed) {
                follow(&before, caller, &memory, &permit);
                assert_true(ask(&memory.profiles, caller, &request).allowed);
                followed++;
            }
        }
    }
    assert_true(followed > 200);
}

/* FACILITY has no owners: who may change what is another's may change what is anybody's. */
static void a_level_that_reaches_all_owners_says_so(void **state)
{
    (void)state;
    const char *reach = "; that allows it for the rings of all owners";
    struct sg_decision others = decide(&attached, SG_FUNCTION_LISTRING, "START2");
    assert_int_equal(others.needed, SG_LEVEL_UPDATE);
    assert_non_null(strstr(others.remedy, reach));
    assert_non_null(strstr(decide(&attached, SG_FUNCTION_ADDRING, "SITE").remedy, "of all owners"));
    assert_non_null(strstr(decide(&stranger, SG_FUNCTION_ADD, "START1").remedy,
                           "; that allows it for the certificates of all owners"));
    struct one memory;
    const struct sg_request own = {.function = SG_FUNCTION_LISTRING, .owner = "START1"};
    const struct sg_profiles *closed =
        one(&memory, SG_CLASS_FACILITY, "IRR.DIGTCERT.*", SG_LEVEL_NONE, NULL, 0);
    assert_null(strstr(ask(closed, &attached, &own).remedy, "all owners")); /* READ: one's own */
    assert_null(strstr(decide(&stranger, SG_FUNCTION_TOKEN, NULL).remedy, "all owners"));
}

static void nobody_in_particular_is_named_by_the_owner(void **state)
{
    (void)state;
    const struct sg_caller somebody = {.uid = (uid_t)-1, .owners = start1, .owner_count = 1};
    const struct sg_request request = {.function = SG_FUNCTION_ADD, .owner = "START1"};
    struct sg_decision decision = ask(NULL, &somebody, &request);
    assert_non_null(strstr(decision.reason, "a user of START1 holds NONE"));
    assert_non_null(strstr(decision.remedy, "--to owner:START1"));
}

static void long_names_are_cut_between_characters(void **state)
{
    (void)state;
    char ring[SG_RING_BYTES + 1] = "";
    for (size_t i = 0; i + 4 < sizeof ring; i += 4) {
        memcpy(ring + i, "\xf0\x9f\x94\x91", 5);
    }
    struct one memory;
    const struct sg_profiles *profiles =
        one(&memory, SG_CLASS_RDATALIB, "**", SG_LEVEL_NONE, NULL, 0);
    const struct sg_request request = {
        .function = SG_FUNCTION_LISTRING, .owner = "START1", .ring = ring};
    struct sg_decision decision = ask(profiles, &attached, &request);
    const char *end = strstr(decision.reason, " for ");
    assert_non_null(end);
    assert_memory_equal(end - 4, "\xf0\x9f\x94\x91", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_has_a_name_of_its_own),
        cmocka_unit_test(administrators_may_do_everything),
        cmocka_unit_test(strangers_may_do_nothing),
        cmocka_unit_test(the_attached_may_read_their_own),
        cmocka_unit_test(the_level_needed_follows_the_owner),
        cmocka_unit_test(a_number_that_is_no_function_is_denied),
        cmocka_unit_test(a_reason_names_profile_owner_user_and_levels),
        cmocka_unit_test(being_attached_is_offered_where_it_helps_and_only_there),
        cmocka_unit_test(a_level_that_reaches_all_owners_says_so),
        cmocka_unit_test(nobody_is_told_to_be_somebody),
        cmocka_unit_test(an_attachment_to_an_anchor_gives_nothing),
        cmocka_unit_test(owners_are_matched_exactly),
        cmocka_unit_test(rings_are_seen_by_their_own_and_by_administrators),
        cmocka_unit_test(keys_come_with_personal_connections_of_ones_own_certificates),
        cmocka_unit_test(whoever_is_two_owners_may_use_both_keys),
        cmocka_unit_test(the_closest_permit_counts),
        cmocka_unit_test(a_profile_decides_alone),
        cmocka_unit_test(levels_reach_as_far_as_racf_says),
        cmocka_unit_test(authority_itself_takes_a_profile_of_its_own),
        cmocka_unit_test(connecting_needs_what_the_table_says),
        cmocka_unit_test(removing_needs_what_the_table_says),
        cmocka_unit_test(every_check_of_a_connection_counts),
        cmocka_unit_test(rings_names_become_resources),
        cmocka_unit_test(keys_come_by_the_level_of_the_rings_profile),
        cmocka_unit_test(
            without_a_rings_profile_gencert_gives_shared_keys_and_nothing_gives_anothers),
        cmocka_unit_test(a_rings_profile_decides_who_makes_and_deletes_it),
        cmocka_unit_test(following_a_remedy_changes_the_answer),
        cmocka_unit_test(nobody_in_particular_is_named_by_the_owner),
        cmocka_unit_test(long_names_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
