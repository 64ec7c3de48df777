#include "operations_fixture.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>

#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/base/packet.h>
#include <signet/http/server.h>
#include <signet/store/rollover.h>

#include "scratch.h"

static const char *const start1[] = {"START1"};
const struct sg_caller administrator = {.uid = 0, .administrator = true};
const struct sg_caller owner_of_start1 = {.uid = 1001, .owners = start1, .owner_count = 1};
const struct sg_caller stranger = {.uid = 1002};

/* ---- clock, tokens, listener ---- */

static int64_t now_s(void *context)
{
    return ((struct world *)context)->now_s;
}

static int64_t monotonic_ms(void *context)
{
    return ((struct world *)context)->monotonic_ms;
}

static size_t token_count(void *context SG_UNUSED)
{
    return 1;
}

static void token_state(void *context, size_t i SG_UNUSED, struct sg_token_state *out)
{
    const struct world *world = context;
    *out = (struct sg_token_state){.name = "store",
                                   .ready = !world->down,
                                   .state = world->down ? "waiting_for_operator" : "ready",
                                   .label = "store",
                                   .processes = 1,
                                   .processes_ready = world->down ? 0 : 1,
                                   .extractable_allowed = world->extractable_allowed};
}

static enum sg_serving token_serving(void *context, const char *name)
{
    assert_string_equal(name, "store");
    return ((struct world *)context)->serving;
}

static void token_settle(void *context SG_UNUSED)
{
}

static sg_status token_link(void *context, const char *name, struct sg_token_link **out,
                            struct sg_error *err)
{
    struct world *world = context;
    if (strcmp(name, "store") != 0) {
        return sg_fail(err, SG_E_NOT_FOUND, "token_not_found", "no token \"%s\"", name);
    }
    if (world->down) {
        return sg_fail(err, SG_E_TOKEN, "token_unavailable",
                       "token \"store\" is not available: the test says so");
    }
    *out = &world->process.link;
    return SG_OK;
}

/* As the daemon does: what failed once is not used again. */
static void token_failed(void *context, const char *name, const struct sg_error *why)
{
    struct world *world = context;
    assert_string_equal(name, "store");
    assert_int_equal(why->status, SG_E_SERVICE);
    world->failures++;
    world->down = true;
}

static sg_status token_login(void *context, const char *name, struct sg_error *err)
{
    struct world *world = context;
    struct sg_token_link *link = NULL;
    struct sg_login_record record = {.state =
                                         world->refuse_pin ? SG_LOGIN_REFUSED : SG_LOGIN_TRYING};
    world->logins++;
    /* the record is durable before the PIN is tried: no transaction may be open now */
    assert_int_equal(sg_store_login_set(world->service.store, "store", &record, err), SG_OK);
    assert_int_equal(sg_store_begin(world->service.store, err), SG_OK);
    sg_store_rollback(world->service.store);
    return token_link(world, name, &link, err);
}

static sg_status narrow(void *context, struct sg_error *err)
{
    struct world *world = context;
    world->narrowed++;
    return world->refuse_narrow
               ? sg_fail(err, SG_E_STORAGE, "cannot_narrow", "the test refuses to narrow")
               : SG_OK;
}

static void widen(void *context)
{
    struct world *world = context;
    world->widened++;
    world->counted = counts(world).certificates;
}

/* As the test says. */
static sg_status groups_of(void *context, uid_t uid SG_UNUSED, gid_t gid, gid_t **out,
                           size_t *count, struct sg_error *err SG_UNUSED)
{
    const struct world *world = context;
    *out = calloc(2, sizeof **out);
    assert_non_null(*out);
    (*out)[0] = gid;
    (*out)[1] = world->group;
    *count = world->group != 0 ? 2 : 1;
    return SG_OK;
}

/* ---- the go-between ---- */

static bool pass(int from, int to)
{
    unsigned char packet[65536];
    ssize_t len = recv(from, packet, sizeof packet, 0);
    return len > 0 && send(to, packet, (size_t)len, MSG_NOSIGNAL) == len;
}

static void *cut(void *context)
{
    struct cutter *cutter = context;
    unsigned char packet[65536];
    for (unsigned i = 0; i < cutter->through; i++) {
        if (!pass(cutter->ours, cutter->theirs) || !pass(cutter->theirs, cutter->ours)) {
            break;
        }
    }
    ssize_t len = recv(cutter->ours, packet, sizeof packet, 0);
    if (len > 0 && cutter->does_the_last) {
        assert_true(send(cutter->theirs, packet, (size_t)len, MSG_NOSIGNAL) == len);
        assert_true(recv(cutter->theirs, packet, sizeof packet, 0) > 0);
    }
    kill(cutter->victim, SIGKILL);
    close(cutter->theirs);
    close(cutter->ours);
    return NULL;
}

void world_cut_after(struct world *world, unsigned requests, bool does_the_last)
{
    int pair[2];
    assert_int_equal(sg_packet_pair(pair, &world->err), SG_OK);
    world->cutter = (struct cutter){.ours = pair[1],
                                    .theirs = world->process.link.socket,
                                    .through = requests,
                                    .does_the_last = does_the_last,
                                    .victim = world->process.pid};
    world->process.link.socket = pair[0];
    assert_int_equal(pthread_create(&world->cutter.thread, NULL, cut, &world->cutter), 0);
}

static void end_cutter(struct world *world)
{
    if (world->cutter.victim > 0) {
        pthread_join(world->cutter.thread, NULL);
        world->cutter = (struct cutter){0};
    }
}

/* ---- token and store ---- */

void world_kill_token(struct world *world)
{
    if (world->process.pid <= 0) {
        return;
    }
    kill(world->process.pid, SIGKILL);
    close(world->process.link.socket);
    end_cutter(world);
    token_process_wait(&world->process);
}

void world_start_token(struct world *world)
{
    token_process_start_ready(&world->process, &world->token.settings);
    world->down = false;
}

int world_setup_group(void **state)
{
    static struct world world;
    world = (struct world){.process.pid = -1, .now_s = NOW};
    world.clock =
        (struct sg_clock){.now_s = now_s, .monotonic_ms = monotonic_ms, .context = &world};
    softhsm_fixture_init(&world.token);
    world_start_token(&world);
    *state = &world;
    return 0;
}

int world_teardown_group(void **state)
{
    struct world *world = *state;
    world_kill_token(world);
    softhsm_fixture_done(&world->token);
    return 0;
}

static void open_store(struct world *world)
{
    char path[96];
    struct sg_error err = SG_ERROR_INIT;
    snprintf(path, sizeof path, "%s/signet.db", world->directory);
    if (sg_store_open(path, &world->service.store, &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
}

void world_reopen(struct world *world)
{
    sg_service_done(&world->service);
    sg_store_close(world->service.store);
    world->service.store = NULL;
    open_store(world);
}

int world_setup(void **state)
{
    struct world *world = *state;
    if (world->process.pid <= 0) {
        world_start_token(world);
    }
    snprintf(world->directory, sizeof world->directory, "/tmp/signet-operations-XXXXXX");
    assert_true(scratch_make(world->directory));
    world->service = (struct sg_service){
        .clock = &world->clock,
        .tokens = {.count = token_count,
                   .state = token_state,
                   .serving = token_serving,
                   .settle = token_settle,
                   .link = token_link,
                   .failed = token_failed,
                   .login = token_login,
                   .context = world},
        .changes = {.narrow = narrow, .widen = widen, .context = world},
        .administrators = &administrator.uid,
        .administrator_count = 1,
        .groups = {.of_user = groups_of, .context = world},
        .rings_socket = "/run/test/pkcs11.sock",
        .socket = "/run/test/signet.sock",
        .started_s = NOW - DAY,
        .policy = sg_crypto_policy_of(SG_PROFILE_DEFAULT),
    };
    open_store(world);
    world->caller = &administrator;
    world->group = 0;
    world->serving = SG_SERVES;
    world->now_s = NOW;
    world->monotonic_ms = 0;
    world->down = world->extractable_allowed = world->refuse_narrow = world->refuse_pin = false;
    world->failures = world->narrowed = world->widened = world->logins = 0;
    must(world, "owner add", "{'owner': 'START1'}");
    must(world, "owner add", "{'owner': 'START2'}");
    return 0;
}

int world_teardown(void **state)
{
    struct world *world = *state;
    json_decref(world->answer);
    world->answer = NULL;
    sg_service_done(&world->service);
    sg_store_close(world->service.store);
    world->service.store = NULL;
    scratch_remove(world->directory);
    return 0;
}

/* ---- what must not change ---- */

static void mix(uint64_t *digest, const void *data, size_t len)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < len; i++) {
        *digest = (*digest ^ bytes[i]) * UINT64_C(1099511628211); /* FNV-1a */
    }
}

static void mix_text(uint64_t *digest, const char *text)
{
    mix(digest, text, strlen(text) + 1);
}

static sg_status mix_certificate(void *context, const struct sg_certificate_row *row,
                                 struct sg_error *err SG_UNUSED)
{
    const bool flags[] = {row->placeholder, row->requested, row->has_key, row->extractable};
    mix_text(context, row->name.owner.text);
    mix_text(context, row->name.label.text);
    mix(context, &row->trust, sizeof row->trust);
    mix(context, row->der, row->der_len);
    mix(context, flags, sizeof flags);
    return SG_OK;
}

static sg_status mix_ring(void *context, const struct sg_ring_row *row,
                          struct sg_error *err SG_UNUSED)
{
    mix_text(context, row->name.owner.text);
    mix_text(context, row->name.ring.text);
    mix(context, &row->sequence, sizeof row->sequence);
    mix(context, &row->connections, sizeof row->connections);
    return SG_OK;
}

static sg_status mix_map(void *context, const struct sg_map_row *row,
                         struct sg_error *err SG_UNUSED)
{
    mix_text(context, row->name.owner.text);
    mix_text(context, row->name.label.text);
    mix_text(context, row->subject);
    mix_text(context, row->issuer);
    mix_text(context, row->criteria);
    mix(context, &row->trusted, sizeof row->trusted);
    return SG_OK;
}

static sg_status mix_note(void *context, const struct sg_ring_row *ring,
                          const struct sg_rollover_note *note, struct sg_error *err SG_UNUSED)
{
    mix(context, &ring->id, sizeof ring->id);
    mix(context, &note->note, sizeof note->note);
    return SG_OK;
}

struct rollovers {
    struct sg_store *store;
    uint64_t *digest;
};

static sg_status mix_rollover(void *context, const struct sg_rollover_row *row,
                              struct sg_error *err)
{
    const struct rollovers *rollovers = context;
    mix_text(rollovers->digest, row->old_name.label.text);
    mix_text(rollovers->digest, row->successor_name.label.text);
    mix(rollovers->digest, &row->started_s, sizeof row->started_s);
    mix(rollovers->digest, &row->switched_s, sizeof row->switched_s);
    return sg_store_rollover_note_each(rollovers->store, row->old_id, mix_note, rollovers->digest,
                                       err);
}

static sg_status mix_owner(void *context, const char *owner, const uid_t *uids, size_t uid_count,
                           uint64_t certificates SG_UNUSED, uint64_t rings SG_UNUSED,
                           struct sg_error *err SG_UNUSED)
{
    mix_text(context, owner);
    mix(context, uids, uid_count * sizeof *uids);
    return SG_OK;
}

struct sg_store_counts counts(struct world *world)
{
    struct sg_store_counts found;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_store_count(world->service.store, &found, &err), SG_OK);
    return found;
}

struct snapshot snapshot(struct world *world)
{
    struct sg_error err = SG_ERROR_INIT;
    struct snapshot taken = {.counts = counts(world), .digest = UINT64_C(14695981039346656037)};
    struct sg_store *store = world->service.store;
    struct sg_certificate_filter all = {0};
    struct sg_token_info info = {0};
    assert_int_equal(sg_store_certificate_each(store, &all, mix_certificate, &taken.digest, &err),
                     SG_OK);
    assert_int_equal(sg_store_ring_each(store, NULL, mix_ring, &taken.digest, &err), SG_OK);
    assert_int_equal(sg_store_owner_each(store, mix_owner, &taken.digest, &err), SG_OK);
    assert_int_equal(sg_store_map_each(store, NULL, mix_map, &taken.digest, &err), SG_OK);
    struct rollovers rollovers = {store, &taken.digest};
    assert_int_equal(sg_store_rollover_each(store, mix_rollover, &rollovers, &err), SG_OK);
    assert_int_equal(sg_store_profiles_stamp(store, &taken.profiles, &err), SG_OK);
    if (world->cutter.victim == 0 && world->process.pid > 0 &&
        sg_token_get_info(&world->process.link, &info, &err) == SG_OK) {
        taken.private_keys = info.private_keys;
        taken.certificates = info.certificates;
    }
    return taken;
}

void assert_same(const struct snapshot *before, const struct snapshot *after)
{
    assert_memory_equal(&before->counts, &after->counts, sizeof before->counts);
    assert_true(before->digest == after->digest);
    assert_int_equal(before->private_keys, after->private_keys);
    assert_int_equal(before->certificates, after->certificates);
    assert_true(before->profiles == after->profiles);
}

/* ---- asking ---- */

json_t *json_of(const char *text)
{
    char copy[8192];
    json_error_t error;
    size_t len = strlen(text);
    assert_true(len < sizeof copy);
    memcpy(copy, text, len + 1);
    for (char *quote = strchr(copy, '\''); quote != NULL; quote = strchr(quote, '\'')) {
        *quote = '"';
    }
    json_t *value = json_loads(copy, 0, &error);
    if (value == NULL) {
        fail_msg("%s: %s", text, error.text);
    }
    return value;
}

static const struct sg_operation *operation_of(const char *words)
{
    char noun[32] = "";
    const char *blank = strchrnul(words, ' ');
    memcpy(noun, words, (size_t)(blank - words));
    const struct sg_operation *found = sg_operation_find(noun, *blank == '\0' ? "" : blank + 1);
    assert_non_null(found);
    return found;
}

sg_status ask(struct world *world, const char *operation, json_t *params, bool dry_run)
{
    const struct sg_operation *row = operation_of(operation);
    json_t *answer = NULL;
    sg_error_clear(&world->err);
    assert_non_null(params);
    sg_status s = sg_http_check_params(row, params, &world->err);
    s = s == SG_OK ? sg_operation_run(&world->service, row, world->caller, params, dry_run, &answer,
                                      &world->err)
                   : s;
    json_decref(params);
    assert_int_equal(s, world->err.status);
    if (s == SG_OK) {
        char *text = json_dumps(answer, 0); /* what cannot be written cannot be told */
        assert_non_null(text);
        assert_null(strstr(text, "fixture-4711"));
        free(text);
        json_decref(world->answer);
        world->answer = answer;
    } else {
        assert_null(answer);
    }
    /* nothing is left open */
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_store_begin(world->service.store, &err), SG_OK);
    sg_store_rollback(world->service.store);
    return s;
}

/* What the operation would do, by a dry run that must change nothing and tell nobody. */
static json_t *foretell(struct world *world, const char *operation, json_t *params)
{
    struct snapshot before = snapshot(world);
    unsigned narrowed = world->narrowed;
    unsigned widened = world->widened;
    unsigned logins = world->logins;
    if (ask(world, operation, json_incref(params), true) != SG_OK) {
        fail_msg("dry run of %s: %s", operation, world->err.text);
    }
    struct snapshot after = snapshot(world);
    assert_same(&before, &after);
    assert_int_equal(world->narrowed, narrowed);
    assert_int_equal(world->widened, widened);
    assert_int_equal(world->logins, logins);
    assert_true(json_is_true(json_object_get(world->answer, "dry_run")));
    return json_incref(json_object_get(world->answer, "effects"));
}

json_t *must_json(struct world *world, const char *operation, json_t *params)
{
    bool changes = (operation_of(operation)->flags & SG_OP_CHANGES) != 0;
    json_t *effects = changes ? foretell(world, operation, params) : NULL;
    if (ask(world, operation, params, false) != SG_OK) {
        fail_msg("%s: %s: %s (%s)", operation, world->err.code, world->err.text, world->err.hint);
    }
    if (changes) {
        assert_true(json_array_size(effects) > 0);
        assert_true(json_equal(effects, json_object_get(world->answer, "did")));
        json_decref(effects);
    }
    return world->answer;
}

json_t *must(struct world *world, const char *operation, const char *params)
{
    return must_json(world, operation, json_of(params));
}

static void check_sentence(const char *text)
{
    assert_null(strstr(text, "fixture-4711"));
    for (; *text != '\0'; text++) {
        assert_true((unsigned char)*text >= 0x20 && *text != 0x7f);
    }
}

void refused_json(struct world *world, const char *operation, json_t *params, sg_status status,
                  const char *code)
{
    struct snapshot before = snapshot(world);
    if (ask(world, operation, params, false) != status || strcmp(world->err.code, code) != 0) {
        fail_msg("%s: wanted %s, got status %d, %s: %s", operation, code, (int)world->err.status,
                 world->err.code, world->err.text);
    }
    struct snapshot after = snapshot(world);
    assert_same(&before, &after);
    assert_true(strlen(world->err.text) > 10);
    check_sentence(world->err.text);
    check_sentence(world->err.hint);
    check_sentence(world->err.object);
}

void refused(struct world *world, const char *operation, const char *params, sg_status status,
             const char *code)
{
    refused_json(world, operation, json_of(params), status, code);
}

const char *answered(const struct world *world, const char *key)
{
    const char *text = json_string_value(json_object_get(world->answer, key));
    return text != NULL ? text : "";
}

bool says(const struct world *world, const char *list, const char *part)
{
    size_t i = 0;
    json_t *sentence = NULL;
    json_array_foreach(json_object_get(world->answer, list), i, sentence)
    {
        if (strstr(json_string_value(sentence), part) != NULL) {
            return true;
        }
    }
    return false;
}

static struct sg_certificate_name name_of(const char *owner, const char *label)
{
    struct sg_certificate_name name = {0};
    snprintf(name.owner.text, sizeof name.owner.text, "%s", owner);
    snprintf(name.label.text, sizeof name.label.text, "%s", label);
    return name;
}

struct sg_certificate_row row_of(struct world *world, const char *owner, const char *label)
{
    struct sg_certificate_row row = {0};
    struct sg_error err = SG_ERROR_INIT;
    struct sg_certificate_name name = name_of(owner, label);
    if (sg_store_certificate_get(world->service.store, &name, &row, &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
    return row;
}

bool has_row(struct world *world, const char *owner, const char *label)
{
    SG_CERTIFICATE_ROW row = {0};
    struct sg_error err = SG_ERROR_INIT;
    struct sg_certificate_name name = name_of(owner, label);
    return sg_store_certificate_get(world->service.store, &name, &row, &err) == SG_OK;
}

uint64_t sequence_of(struct world *world, const char *owner, const char *ring)
{
    struct sg_ring_ref ref = {0};
    struct sg_ring_row row = {0};
    struct sg_error err = SG_ERROR_INIT;
    snprintf(ref.owner.text, sizeof ref.owner.text, "%s", owner);
    snprintf(ref.ring.text, sizeof ref.ring.text, "%s", ring);
    assert_int_equal(sg_store_ring_get(world->service.store, &ref, &row, &err), SG_OK);
    return row.sequence;
}

void connect_as(struct world *world, const char *ring, const char *certificate, const char *usage,
                bool is_default)
{
    must_json(world, "ring connect",
              json_pack("{s:s, s:s, s:s, s:b}", "ring", ring, "certificate", certificate, "usage",
                        usage, "default", is_default));
}

void assert_ring(struct world *world, const char *ring, const char *expected)
{
    char text[500] = "";
    size_t i = 0;
    json_t *item = NULL;
    must_json(world, "ring show", json_pack("{s:s}", "ring", ring));
    json_array_foreach(json_object_get(world->answer, "items"), i, item)
    {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s %s%s", i > 0 ? "|" : "",
                 json_string_value(json_object_get(item, "label")),
                 json_string_value(json_object_get(item, "usage")),
                 json_is_true(json_object_get(item, "default")) ? "*" : "");
    }
    assert_string_equal(text, expected);
}
