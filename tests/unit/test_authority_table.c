/* Every operation of the table, asked for in every role about everybody's things, compared with
 * golden/authority.txt. Written anew with UPDATE_GOLDEN=1 in the environment; a person reads the
 * difference before it is committed. */
#include "cmocka_all.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signet/base/buffer.h>
#include <signet/base/file.h>

#include "run_internal.h"

/* ---- roles ---- */

static const char *const start1[] = {"START1"};
static const gid_t readers[] = {501};
static const gid_t updaters[] = {502};
static const gid_t controllers[] = {503};
#define IN(list) .groups = (list), .group_count = 1
#define ATTACHED .owners = start1, .owner_count = 1

static struct sg_permit permits[] = {
    {{.kind = SG_SUBJECT_GROUP, .id = 501}, SG_LEVEL_READ},
    {{.kind = SG_SUBJECT_GROUP, .id = 502}, SG_LEVEL_UPDATE},
    {{.kind = SG_SUBJECT_GROUP, .id = 503}, SG_LEVEL_CONTROL},
};
#define PERMITS .appldata = "", .permits = permits, .permit_count = SG_COUNT(permits)

enum profiles { NO_PROFILES, OF_FUNCTIONS, OF_RINGS };
static struct sg_profile function_profiles[] = {
    {.class = SG_CLASS_FACILITY, .name = "IRR.DIGTCERT.**", PERMITS}};
static struct sg_profile ring_profiles[] = {{.class = SG_CLASS_RDATALIB, .name = "**", PERMITS}};

static const struct {
    const char *name;
    enum profiles profiles;
    struct sg_caller caller;
} roles[] = {
    {"administrator", NO_PROFILES, {.uid = 0, .administrator = true}},
    {"attached to START1", NO_PROFILES, {.uid = 1001, ATTACHED}},
    {"another user", NO_PROFILES, {.uid = 1002}},
    {"IRR.DIGTCERT.**: nobody", OF_FUNCTIONS, {.uid = 1001, ATTACHED}},
    {"IRR.DIGTCERT.**: group READ", OF_FUNCTIONS, {.uid = 1001, ATTACHED, IN(readers)}},
    {"IRR.DIGTCERT.**: group UPDATE", OF_FUNCTIONS, {.uid = 1001, ATTACHED, IN(updaters)}},
    {"IRR.DIGTCERT.**: group CONTROL", OF_FUNCTIONS, {.uid = 1001, ATTACHED, IN(controllers)}},
    {"of the ring: nobody", OF_RINGS, {.uid = 1001, ATTACHED}},
    {"of the ring: group READ", OF_RINGS, {.uid = 1001, ATTACHED, IN(readers)}},
    {"of the ring: group UPDATE", OF_RINGS, {.uid = 1001, ATTACHED, IN(updaters)}},
    {"of the ring: group CONTROL", OF_RINGS, {.uid = 1001, ATTACHED, IN(controllers)}},
};

static const struct sg_profiles *profiles_of(enum profiles which, struct sg_profiles *out)
{
    switch (which) {
    case NO_PROFILES:
        sg_profiles_index(NULL, 0, out);
        break;
    case OF_FUNCTIONS:
        sg_profiles_index(function_profiles, SG_COUNT(function_profiles), out);
        break;
    case OF_RINGS:
        sg_profiles_index(ring_profiles, SG_COUNT(ring_profiles), out);
        break;
    }
    return out;
}

/* ---- one cell ---- */

static bool names_ring(const struct sg_operation *operation, const struct sg_need *need)
{
    return need->param != NULL && sg_param_find(operation, need->param)->type == SG_PARAM_RING;
}

static bool is_connection(const struct sg_operation *operation)
{
    const struct sg_need *need = &operation->needs[0];
    return names_ring(operation, need) && sg_param_find(operation, "certificate") != NULL;
}

/* What makes a need of an operation apply; NULL: nothing. */
static const char *condition_of(const struct sg_operation *operation)
{
    for (size_t i = 0; i < SG_NEEDS_MAX; i++) {
        if (operation->needs[i].when != NULL) {
            return operation->needs[i].when;
        }
    }
    return NULL;
}

/* Every parameter that a need heeds names something of the target's; a connection's ring is ring's.
 */
static json_t *params_of(const struct sg_operation *operation, const char *ring,
                         const char *condition, const char *target)
{
    json_t *params = json_object();
    if (condition != NULL) {
        json_object_set_new(params, condition, json_string("AAAA"));
    }
    for (size_t i = 0; i < SG_NEEDS_MAX; i++) {
        bool applies = operation->needs[i].when == NULL || condition != NULL;
        if (operation->needs[i].param == NULL || !applies) {
            continue;
        }
        const char *owner =
            is_connection(operation) && names_ring(operation, &operation->needs[i]) ? ring : target;
        json_object_set_new(params, operation->needs[i].param, json_sprintf("%s/thing", owner));
    }
    if (is_connection(operation)) {
        json_object_set_new(params, "certificate", json_sprintf("%s/thing", target));
    }
    return params;
}

/* What it takes beyond what is held: "UPDATE GENCERT", or "yes". */
static void judge(const struct sg_operation *operation, size_t role, const json_t *params,
                  char *out, size_t room)
{
    struct sg_profiles profiles;
    struct sg_error err = SG_ERROR_INIT;
    profiles_of(roles[role].profiles, &profiles);
    snprintf(out, room, "yes");
    for (size_t i = 0; i < SG_NEEDS_MAX; i++) {
        struct sg_request_memory memory;
        struct sg_request request;
        bool asked = false;
        const struct sg_need *need = &operation->needs[i];
        if (need->function == SG_FUNCTION_NONE) {
            return;
        }
        if (sg_need_request(operation, need, params, &memory, &request, &asked, &err) != SG_OK) {
            assert_int_equal(err.status, SG_E_INPUT); /* CERTAUTH has no such thing */
            snprintf(out, room, "-");
            return;
        }
        if (!asked) { /* all that needs heed was given, but for a condition */
            assert_non_null(need->when);
            assert_null(json_object_get(params, need->when));
            continue;
        }
        struct sg_decision decision = sg_authority_decide(&profiles, &roles[role].caller, &request);
        if (!decision.allowed) {
            assert_true(decision.remedy[0] != '\0');
            const char *dot = strrchr(decision.resource.text, '.');
            snprintf(out, room, "no: %s %s", sg_level_name(decision.needed), dot + 1);
            return;
        }
    }
}

/* ---- the table ---- */

static const char *const targets[] = {"START1", "START2", "CERTAUTH"};

static void put(struct sg_buffer *out, const char *text)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_buffer_append(out, text, strlen(text), &err), SG_OK);
}

/* A role that makes no difference to the one before it in its class of profiles is left out only
 * where the profile is of rings and the operation names none. */
static bool concerns(const struct sg_operation *operation, size_t role)
{
    bool ring = false;
    for (size_t i = 0; i < SG_NEEDS_MAX; i++) {
        ring = ring || names_ring(operation, &operation->needs[i]);
    }
    return ring || roles[role].profiles != OF_RINGS;
}

static void put_row(const struct sg_operation *operation, size_t role, const char *ring,
                    const char *condition, struct sg_buffer *out)
{
    char cells[SG_COUNT(targets)][60];
    char line[300];
    for (size_t i = 0; i < SG_COUNT(targets); i++) {
        json_t *params = params_of(operation, ring, condition, targets[i]);
        judge(operation, role, params, cells[i], sizeof cells[i]);
        json_decref(params);
    }
    bool same = strcmp(cells[0], cells[1]) == 0 && strcmp(cells[0], cells[2]) == 0;
    int len = same ? snprintf(line, sizeof line, "    %-32s %s", roles[role].name, cells[0])
                   : snprintf(line, sizeof line, "    %-32s %-22s %-22s %s", roles[role].name,
                              cells[0], cells[1], cells[2]);
    assert_true(len > 0 && len < (int)sizeof line - 1);
    put(out, line);
    put(out, "\n");
}

static void put_block(const struct sg_operation *operation, const char *ring, const char *condition,
                      struct sg_buffer *out)
{
    char title[160];
    char words[64];
    bool verb = operation->verb[0] != '\0';
    const char *more = ring != NULL ? ", ring of " : condition != NULL ? ", with " : "";
    const char *which = ring != NULL ? ring : condition != NULL ? condition : "";
    snprintf(words, sizeof words, "%s%s%s%s%s", operation->noun, verb ? " " : "", operation->verb,
             more, which);
    snprintf(title, sizeof title, "%-36s %-22s %-22s %s\n", words, "START1's", "START2's",
             "CERTAUTH's");
    put(out, title);
    for (size_t role = 0; role < SG_COUNT(roles); role++) {
        if (concerns(operation, role)) {
            put_row(operation, role, ring, condition, out);
        }
    }
    put(out, "\n");
}

static void put_open(const struct sg_operation *operation, struct sg_buffer *out)
{
    char line[160];
    bool verb = operation->verb[0] != '\0';
    bool filtered = (operation->flags & SG_OP_FILTERED) != 0;
    snprintf(line, sizeof line, "%s%s%s: %s\n\n", operation->noun, verb ? " " : "", operation->verb,
             filtered ? "everybody; shows what each may see" : "everybody");
    put(out, line);
}

static size_t put_table(struct sg_buffer *out)
{
    size_t count = 0;
    size_t written = 0;
    const struct sg_operation *operations = sg_operations(&count);
    put(out,
        "Who may do what: every operation, every role, whose thing it is.\n"
        "\"no: UPDATE GENCERT\" is what is missing. Written by tests/unit/test_authority_table.c.\n\n");
    for (size_t i = 0; i < count; i++) {
        const struct sg_operation *operation = &operations[i];
        if ((operation->flags & SG_OP_CLIENT) != 0) {
            continue;
        }
        written++;
        bool filtered = (operation->flags & SG_OP_FILTERED) != 0;
        if (filtered || operation->needs[0].function == SG_FUNCTION_NONE) {
            put_open(operation, out);
        } else if (is_connection(operation)) {
            put_block(operation, "START1", NULL, out);
            put_block(operation, "START2", NULL, out);
        } else {
            put_block(operation, NULL, NULL, out);
        }
        if (condition_of(operation) != NULL) {
            put_block(operation, NULL, condition_of(operation), out);
        }
    }
    return written;
}

static void everybody_may_do_what_the_golden_table_says(void **state)
{
    (void)state;
    SG_BUFFER table;
    SG_BUFFER golden;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&table, 1u << 20);
    sg_buffer_init(&golden, 1u << 20);
    assert_true(put_table(&table) >= 30);
    if (getenv("UPDATE_GOLDEN") != NULL) {
        assert_int_equal(sg_file_replace(GOLDEN, table.data, table.len, 0644, &err), SG_OK);
    }
    assert_int_equal(sg_file_read(GOLDEN, "authority.txt", &golden, &err), SG_OK);
    if (table.len != golden.len || memcmp(table.data, golden.data, table.len) != 0) {
        fail_msg("%s is old, or authority has changed: UPDATE_GOLDEN=1, and read the difference",
                 GOLDEN);
    }
}

/* The same table would be written by a gate that lets everything pass: it holds both answers. */
static void the_table_has_both_answers(void **state)
{
    (void)state;
    SG_BUFFER table;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&table, 1u << 20);
    (void)put_table(&table);
    assert_int_equal(sg_buffer_append(&table, "", 1, &err), SG_OK);
    const char *text = (const char *)table.data;
    assert_non_null(strstr(text, "no: READ ADDRING "));
    assert_non_null(strstr(text, "no: CONTROL TOKEN"));
    assert_non_null(strstr(text, "no: UPDATE UPD"));
    assert_non_null(strstr(text, "no: READ LST"));
    assert_non_null(strstr(text, " yes "));
    /* an administrator is never refused */
    for (const char *at = text; (at = strstr(at, "    administrator")) != NULL; at++) {
        char line[200] = "";
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        assert_null(strstr(line, "no:"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_may_do_what_the_golden_table_says),
        cmocka_unit_test(the_table_has_both_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
