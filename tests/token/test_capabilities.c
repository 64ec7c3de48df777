/* What the holder of a capability may do: enforced in the token process, tested with packets that
 * no client of ours would send. */
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/packet.h>
#include <signet/token/uses.h>

#include "cmocka_all.h"
#include "softhsm_fixture.h"
#include "wire_internal.h"

#define SIGNING 1   /* id of an RSA key that is granted for signing */
#define OPEN 2      /* id of an RSA key that is granted for everything */
#define AGREEING 3  /* id of an EC key that is granted for deriving only */
#define UNGRANTED 4 /* id of an EC key that is not granted */
#define EXTENDED 5  /* id of an RSA key that can decrypt but is granted for signing only */

struct world {
    struct softhsm_fixture fixture;
    struct token_process process;
    struct sg_token_link holder; /* of capability .number */
    uint64_t number;
};

static const unsigned char data[32] = {1, 2, 3};

static int setup_group(void **state)
{
    static struct world world;
    static const struct {
        const char *spec;
        struct sg_key_abilities abilities;
        unsigned char id;
    } keys[] = {{"rsa:2048", {0}, SIGNING},
                {"rsa:2048", {.decrypt = true}, OPEN},
                {"ec:p256", {.derive = true}, AGREEING},
                {"ec:p256", {0}, UNGRANTED},
                {"rsa:2048", {.decrypt = true}, EXTENDED}};
    softhsm_fixture_init(&world.fixture);
    world.fixture.settings.processor = 1;
    token_process_start_ready(&world.process, &world.fixture.settings);
    for (size_t i = 0; i < SG_COUNT(keys); i++) {
        struct sg_buffer spki;
        generate_key(&world.process.link, keys[i].spec, key_id(keys[i].id), keys[i].abilities,
                     &spki);
        sg_buffer_done(&spki);
    }
    *state = &world;
    return 0;
}

static int teardown_group(void **state)
{
    struct world *world = *state;
    int status = token_process_stop(&world->process);
    softhsm_fixture_done(&world->fixture);
    return status;
}

static void grant(struct world *world, const struct sg_granted_key *keys, size_t count)
{
    int pair[2];
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    if (sg_token_grant(&world->process.link, ++world->number, 1000, pair[1], keys, count, &err) !=
        SG_OK) {
        fail_msg("%s", err.text);
    }
    close(pair[1]);
    world->holder = (struct sg_token_link){.socket = pair[0], .timeout_ms = 20000};
}

static int setup(void **state)
{
    struct world *world = *state;
    const struct sg_granted_key keys[] = {
        {.id = key_id(EXTENDED), .ring = 5, .sign = 1},
        {.id = key_id(SIGNING), .ring = 5, .sign = 1},
        {.id = key_id(SIGNING), .ring = 4, .sign = 1},
        {.id = key_id(EXTENDED), .sign = 1}, /* out of order: the client sorts */
        {.id = key_id(SIGNING), .sign = 1},
        {.id = key_id(AGREEING), .derive = 1},
        {.id = key_id(OPEN), .sign = 1, .decrypt = 1, .derive = 1},
    };
    grant(world, keys, SG_COUNT(keys));
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_token_info info;
    close(world->holder.socket);
    /* whatever the test did, the process serves on */
    assert_int_equal(sg_token_get_info(&world->process.link, &info, &err), SG_OK);
    assert_true(info.logged_in);
    return 0;
}

static sg_status use(struct world *world, enum sg_key_verb verb, unsigned char id,
                     struct sg_mechanism mechanism, struct sg_error *err)
{
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = sizeof out;
    struct sg_key_id key = key_id(id);
    return sg_token_use(&world->holder, verb, &key, &mechanism,
                        (struct sg_bytes){data, sizeof data}, out, &len, err);
}

static const struct sg_mechanism pkcs = {.kind = SG_MECHANISM_RSA_PKCS};
static const struct sg_mechanism raw = {.kind = SG_MECHANISM_RSA_X_509};
static const struct sg_mechanism ecdsa = {.kind = SG_MECHANISM_ECDSA};
static const struct sg_mechanism ecdh = {.kind = SG_MECHANISM_ECDH};
static const struct sg_mechanism oaep = {
    .kind = SG_MECHANISM_RSA_OAEP, .hash = SG_HASH_SHA1, .mgf_hash = SG_HASH_SHA1};

static void check_denied(struct world *world, enum sg_key_verb verb, unsigned char id,
                         struct sg_mechanism mechanism)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(use(world, verb, id, mechanism, &err), SG_E_DENIED);
    assert_string_equal(err.code, "not_granted");
}

static void check_allowed(struct world *world)
{
    struct sg_error err = SG_ERROR_INIT;
    if (use(world, SG_VERB_SIGN, SIGNING, pkcs, &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
}

static void granted_keys_sign(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    check_allowed(*state);
    assert_int_equal(use(*state, SG_VERB_SIGN, OPEN, pkcs, &err), SG_OK);
    assert_int_equal(use(*state, SG_VERB_SIGN, EXTENDED, pkcs, &err), SG_OK);
}

static void other_keys_are_denied(void **state)
{
    check_denied(*state, SG_VERB_SIGN, UNGRANTED, ecdsa);
    check_denied(*state, SG_VERB_DERIVE, UNGRANTED, ecdh);
    check_denied(*state, SG_VERB_DECRYPT, UNGRANTED, pkcs);
    check_denied(*state, SG_VERB_SIGN, 0x00, ecdsa); /* before the first row */
    check_denied(*state, SG_VERB_SIGN, 0xff, ecdsa); /* behind the last */
    check_allowed(*state);
}

static void other_verbs_are_denied(void **state)
{
    check_denied(*state, SG_VERB_DECRYPT, SIGNING, pkcs);
    check_denied(*state, SG_VERB_DECRYPT, EXTENDED, pkcs);
    check_denied(*state, SG_VERB_DECRYPT, EXTENDED, oaep);
    check_denied(*state, SG_VERB_DERIVE, SIGNING, ecdh);
    check_denied(*state, SG_VERB_SIGN, AGREEING, ecdsa);
    check_allowed(*state);
}

static void raw_rsa_needs_decryption(void **state)
{
    unsigned char block[256] = {0, 1, 2};
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = sizeof out;
    struct sg_error err = SG_ERROR_INIT;
    struct world *world = *state;
    struct sg_key_id id = key_id(OPEN);
    check_denied(world, SG_VERB_SIGN, SIGNING, raw);
    check_denied(world, SG_VERB_SIGN, EXTENDED, raw);
    check_denied(world, SG_VERB_DECRYPT, EXTENDED, raw);
    assert_int_equal(sg_token_use(&world->holder, SG_VERB_SIGN, &id, &raw,
                                  (struct sg_bytes){block, sizeof block}, out, &len, &err),
                     SG_OK);
    assert_int_equal(len, 256);
}

/* A key that was rolled over: it decrypts, and raw RSA, which could sign, is out of its reach. */
static void a_retired_key_decrypts_only(void **state)
{
    unsigned char block[256] = {0, 1, 2};
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = sizeof out;
    struct sg_error err = SG_ERROR_INIT;
    struct world *world = *state;
    const struct sg_granted_key keys[] = {{.id = key_id(OPEN), .decrypt = 1}};
    struct sg_key_id id = key_id(OPEN);
    close(world->holder.socket);
    grant(world, keys, SG_COUNT(keys));
    check_denied(world, SG_VERB_SIGN, OPEN, pkcs);
    check_denied(world, SG_VERB_SIGN, OPEN, raw);
    check_denied(world, SG_VERB_DECRYPT, OPEN, raw);
    /* let through to the token, which finds nothing that was encrypted */
    assert_int_equal(sg_token_use(&world->holder, SG_VERB_DECRYPT, &id, &pkcs,
                                  (struct sg_bytes){block, sizeof block}, out, &len, &err),
                     SG_E_TOKEN);
}

static void send_raw(struct world *world, const struct wire_request *head, const void *body,
                     size_t len)
{
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(
        sg_packet_send(world->holder.socket, head, sizeof *head, body, len, NULL, 0, &err), SG_OK);
}

static struct wire_request head_of(uint16_t verb)
{
    return (struct wire_request){
        .magic = WIRE_MAGIC, .version = WIRE_VERSION, .verb = verb, .sequence = 77};
}

static void receive_reply(struct world *world, struct wire_reply *reply, struct sg_error *err)
{
    static struct sg_packet packet;
    struct sg_bytes body;
    assert_int_equal(sg_packet_receive(world->holder.socket, 20000, &packet, err), SG_OK);
    assert_true(sg_token_wire_reply_decode(packet.data, packet.len, reply, &body));
    if (reply->status != SG_OK) {
        (void)sg_token_wire_failure_raise(reply, body, err);
    }
}

static void check_closed(struct world *world)
{
    static struct sg_packet packet;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_packet_receive(world->holder.socket, 20000, &packet, &err), SG_E_SERVICE);
    assert_string_equal(err.code, "peer_gone");
}

static void administrative_verbs_are_denied(void **state)
{
    const uint16_t verbs[] = {WIRE_INFO,      WIRE_LOGIN,  WIRE_GENERATE, WIRE_STORE,
                              WIRE_DESTROY,   WIRE_SYNC,   WIRE_REVOKE,   WIRE_FORGET,
                              WIRE_TRANSPORT, WIRE_IMPORT, WIRE_EXPORT};
    for (size_t i = 0; i < SG_COUNT(verbs); i++) {
        struct wire_request head = head_of(verbs[i]);
        struct wire_reply reply;
        struct sg_error err = SG_ERROR_INIT;
        send_raw(*state, &head, NULL, 0);
        receive_reply(*state, &reply, &err);
        assert_int_equal(reply.status, SG_E_DENIED);
        assert_string_equal(err.code, "not_granted");
        assert_int_equal(reply.sequence, 77);
    }
    check_allowed(*state);
}

/* Destroying needs a key that exists, to see that it still does afterwards. */
static void holder_cannot_destroy_its_own_key(void **state)
{
    struct wire_request head = head_of(WIRE_DESTROY);
    struct wire_reply reply;
    struct sg_error err = SG_ERROR_INIT;
    head.key = key_id(SIGNING);
    send_raw(*state, &head, NULL, 0);
    receive_reply(*state, &reply, &err);
    assert_int_equal(reply.status, SG_E_DENIED);
    check_allowed(*state);
}

static void holder_cannot_grant(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_granted_key key = {.id = key_id(UNGRANTED), .sign = 1};
    assert_int_equal(sg_token_regrant(&world->holder, world->number, &key, 1, &err), SG_E_DENIED);
    assert_int_equal(sg_token_grant(&world->holder, 9999, 0, STDERR_FILENO, &key, 1, &err),
                     SG_E_DENIED);
    check_denied(world, SG_VERB_SIGN, UNGRANTED, ecdsa);
    check_allowed(world);
}

static void mechanisms_that_do_not_fit_are_refused_by_the_process_too(void **state)
{
    static const struct {
        uint16_t verb;
        struct sg_mechanism mechanism;
    } rows[] = {
        {WIRE_SIGN, {.kind = SG_MECHANISM_RSA_OAEP, .hash = 1, .mgf_hash = 1}},
        {WIRE_SIGN, {.kind = SG_MECHANISM_ECDH}},
        {WIRE_SIGN, {.kind = 0}},
        {WIRE_SIGN, {.kind = SG_MECHANISM_RSA_PSS, .salt_len = 20}},
        {WIRE_SIGN,
         {.kind = SG_MECHANISM_RSA_PSS, .hash = 1, .mgf_hash = 1, .salt_len = 0xffffffff}},
        {WIRE_SIGN, {.kind = SG_MECHANISM_RSA_PKCS_HASHED}},
        {WIRE_DECRYPT, {.kind = SG_MECHANISM_RSA_PSS, .hash = 1, .mgf_hash = 1}},
        {WIRE_DECRYPT, {.kind = SG_MECHANISM_EDDSA}},
        {WIRE_DERIVE, {.kind = SG_MECHANISM_RSA_PKCS}},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct wire_request head = head_of(rows[i].verb);
        struct wire_reply reply;
        struct sg_error err = SG_ERROR_INIT;
        head.key = key_id(OPEN);
        head.mechanism = rows[i].mechanism;
        head.body_len = sizeof data;
        send_raw(*state, &head, data, sizeof data);
        receive_reply(*state, &reply, &err);
        assert_int_equal(reply.status, SG_E_INPUT);
        assert_string_equal(err.code, "bad_mechanism");
    }
}

static void garbage_closes_the_capability_only(void **state)
{
    unsigned char noise[300];
    struct sg_error err = SG_ERROR_INIT;
    struct world *world = *state;
    memset(noise, 0x5a, sizeof noise);
    assert_int_equal(
        sg_packet_send(world->holder.socket, noise, sizeof noise, NULL, 0, NULL, 0, &err), SG_OK);
    check_closed(world);
}

static void truncated_head_closes_the_capability(void **state)
{
    struct world *world = *state;
    struct wire_request head = head_of(WIRE_SIGN);
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(
        sg_packet_send(world->holder.socket, &head, sizeof head - 1, NULL, 0, NULL, 0, &err),
        SG_OK);
    check_closed(world);
}

static void single_byte_closes_the_capability(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_packet_send(world->holder.socket, "x", 1, NULL, 0, NULL, 0, &err), SG_OK);
    check_closed(world);
}

static void empty_packet_closes_the_capability(void **state)
{
    struct world *world = *state;
    assert_int_equal(send(world->holder.socket, "", 0, MSG_NOSIGNAL), 0);
    check_closed(world);
}

static void length_beyond_the_packet_closes_the_capability(void **state)
{
    struct wire_request head = head_of(WIRE_SIGN);
    head.mechanism = pkcs;
    head.body_len = 33;
    send_raw(*state, &head, data, 32);
    check_closed(*state);
}

static void huge_length_closes_the_capability(void **state)
{
    struct wire_request head = head_of(WIRE_SIGN);
    head.mechanism = pkcs;
    head.body_len = UINT32_MAX;
    head.label_len = 81; /* the sum wraps in 32 bits */
    send_raw(*state, &head, data, 32);
    check_closed(*state);
}

static void longest_packet_closes_the_capability(void **state)
{
    static unsigned char body[SG_PACKET_MAX - WIRE_REQUEST_LEN];
    struct wire_request head = head_of(WIRE_SIGN);
    head.mechanism = pkcs;
    head.body_len = sizeof body;
    send_raw(*state, &head, body, sizeof body);
    check_closed(*state);
}

static void oversize_packet_closes_the_capability(void **state)
{
    static unsigned char body[SG_PACKET_MAX + 100];
    struct world *world = *state;
    assert_int_equal(send(world->holder.socket, body, sizeof body, MSG_NOSIGNAL), sizeof body);
    check_closed(world);
}

static void unknown_verb_closes_the_capability(void **state)
{
    const uint16_t verbs[] = {0, 4, 15, WIRE_EXPORT + 1, 0xffff};
    struct world *world = *state;
    for (size_t i = 0; i < SG_COUNT(verbs); i++) {
        struct wire_request head = head_of(verbs[i]);
        send_raw(world, &head, NULL, 0);
        check_closed(world);
        close(world->holder.socket);
        grant(world, NULL, 0);
    }
}

static void unasked_descriptors_close_the_capability(void **state)
{
    struct world *world = *state;
    struct wire_request head = head_of(WIRE_SIGN);
    struct sg_error err = SG_ERROR_INIT;
    int gift[2];
    assert_int_equal(pipe2(gift, O_CLOEXEC), 0);
    head.mechanism = pkcs;
    head.key = key_id(SIGNING);
    head.body_len = sizeof data;
    assert_int_equal(sg_packet_send(world->holder.socket, &head, sizeof head, data, sizeof data,
                                    &gift[1], 1, &err),
                     SG_OK);
    check_closed(world);
    close(gift[1]);
    char byte = 0;
    assert_int_equal(read(gift[0], &byte, 1), 0); /* and nobody keeps the gift */
    close(gift[0]);
}

/* Ask and never read: the process must not wait for us. */
static void holder_that_does_not_read_is_dropped(void **state)
{
    struct world *world = *state;
    struct wire_request head = head_of(WIRE_INFO); /* denied: a long answer for a short request */
    struct sg_error err = SG_ERROR_INIT;
    struct sg_token_info info;
    sg_status s = SG_OK;
    for (int i = 0; i < 5000 && s == SG_OK; i++) {
        s = sg_packet_send(world->holder.socket, &head, sizeof head, NULL, 0, NULL, 0, &err);
    }
    assert_int_equal(s, SG_E_SERVICE);
    assert_int_equal(sg_token_get_info(&world->process.link, &info, &err), SG_OK);
}

static void empty_grant_allows_nothing(void **state)
{
    struct world *world = *state;
    close(world->holder.socket);
    grant(world, NULL, 0);
    check_denied(world, SG_VERB_SIGN, SIGNING, pkcs);
}

static void regrant_replaces_the_list(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    const struct sg_granted_key key = {.id = key_id(UNGRANTED), .sign = 1};
    check_allowed(world);
    assert_int_equal(sg_token_regrant(&world->process.link, world->number, &key, 1, &err), SG_OK);
    check_denied(world, SG_VERB_SIGN, SIGNING, pkcs);
    assert_int_equal(use(world, SG_VERB_SIGN, UNGRANTED, ecdsa, &err), SG_OK);
    assert_int_equal(sg_token_regrant(&world->process.link, world->number, NULL, 0, &err), SG_OK);
    check_denied(world, SG_VERB_SIGN, UNGRANTED, ecdsa);
}

/* ---- counting uses ---- */

static struct sg_uses_page *count_in_a_page(struct world *world)
{
    struct sg_uses_page *page = NULL;
    int fd = -1;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_uses_page_new(&page, &fd, &err), SG_OK);
    assert_int_equal(sg_token_count_uses(&world->process.link, fd, &err), SG_OK);
    close(fd);
    return page;
}

static void check_row(const struct sg_use_row *row, unsigned char id, uint32_t ring, uint64_t count)
{
    const struct sg_key_id key = key_id(id);
    assert_memory_equal(&row->key, &key, sizeof key);
    assert_int_equal(row->uid, 1000);
    assert_int_equal(row->ring, ring);
    assert_int_equal(atomic_load(&row->count), count);
    assert_true(atomic_load(&row->last_s) >= time(NULL) - 60);
    assert_true(atomic_load(&row->last_s) <= time(NULL));
}

static void uses_are_counted_by_key_and_ring(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    check_allowed(world); /* before anybody wants to know */
    struct sg_uses_page *page = count_in_a_page(world);
    assert_int_equal(atomic_load(&page->used), 0);
    world->holder.ring = 4;
    check_allowed(world);
    check_allowed(world);
    world->holder.ring = 5;
    check_allowed(world);
    assert_int_equal(use(world, SG_VERB_SIGN, EXTENDED, pkcs, &err), SG_OK);
    assert_int_equal(atomic_load(&page->used), 3);
    check_row(&page->rows[0], SIGNING, 4, 2);
    check_row(&page->rows[1], SIGNING, 5, 1);
    check_row(&page->rows[2], EXTENDED, 5, 1);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(atomic_load(&page->rows[i].done_s), atomic_load(&page->rows[i].last_s));
    }
    assert_int_equal(atomic_load(&page->lost), 0);
    sg_uses_page_free(page);
}

static void what_is_refused_is_not_counted(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_uses_page *page = count_in_a_page(world);
    check_denied(world, SG_VERB_SIGN, UNGRANTED, ecdsa);
    check_denied(world, SG_VERB_DECRYPT, SIGNING, pkcs);
    assert_int_not_equal(use(world, SG_VERB_SIGN, SIGNING, raw, &err), SG_OK);
    assert_int_equal(atomic_load(&page->used), 0);
    sg_uses_page_free(page);
}

/* What a key may do through one ring, it may not do through another, nor through one that is made
 * up.
 */
static void a_key_is_granted_ring_by_ring(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    const struct sg_granted_key keys[] = {{.id = key_id(OPEN), .ring = 8, .sign = 1},
                                          {.id = key_id(OPEN), .ring = 9, .decrypt = 1}};
    static const uint32_t others[] = {0, 7, 9, 10, UINT32_MAX};
    struct sg_uses_page *page = count_in_a_page(world);
    assert_int_equal(
        sg_token_regrant(&world->process.link, world->number, keys, SG_COUNT(keys), &err), SG_OK);
    for (size_t i = 0; i < SG_COUNT(others); i++) {
        world->holder.ring = others[i];
        check_denied(world, SG_VERB_SIGN, OPEN, pkcs);
    }
    assert_int_equal(atomic_load(&page->used), 0);
    world->holder.ring = 8;
    assert_int_equal(use(world, SG_VERB_SIGN, OPEN, pkcs, &err), SG_OK);
    check_denied(world, SG_VERB_DECRYPT, OPEN, pkcs);
    assert_int_equal(atomic_load(&page->used), 1);
    /* taken out of that ring, it stays in the other */
    assert_int_equal(sg_token_regrant(&world->process.link, world->number, &keys[1], 1, &err),
                     SG_OK);
    check_denied(world, SG_VERB_SIGN, OPEN, pkcs);
    sg_uses_page_free(page);
}

/* Each guess at a plaintext is a use of the key. */
static void what_does_not_decrypt_is_counted(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_uses_page *page = count_in_a_page(world);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(use(world, SG_VERB_DECRYPT, OPEN, pkcs, &err), SG_E_TOKEN);
        assert_int_not_equal(err.ck_rv, 0);
    }
    assert_int_equal(atomic_load(&page->used), 1);
    check_row(&page->rows[0], OPEN, 0, 3);
    assert_int_equal(atomic_load(&page->rows[0].done_s), 0); /* none has succeeded */
    sg_uses_page_free(page);
}

/* The token has its own reasons, and has not used the key. */
static void what_the_token_does_not_begin_is_not_counted(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    const struct sg_mechanism oaep_sha256 = {
        .kind = SG_MECHANISM_RSA_OAEP, .hash = SG_HASH_SHA256, .mgf_hash = SG_HASH_SHA256};
    const struct sg_mechanism pss_mixed = {.kind = SG_MECHANISM_RSA_PSS,
                                           .hash = SG_HASH_SHA256,
                                           .mgf_hash = SG_HASH_SHA1,
                                           .salt_len = 32};
    const struct {
        enum sg_key_verb verb;
        unsigned char id;
        const struct sg_mechanism *mechanism;
    } rows[] = {{SG_VERB_DECRYPT, OPEN, &oaep_sha256},
                {SG_VERB_SIGN, SIGNING, &pss_mixed},
                {SG_VERB_SIGN, OPEN, &pss_mixed}};
    const unsigned char point[65] = {0x04, 1};
    const struct sg_key_id open = key_id(OPEN);
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = sizeof out;
    struct sg_uses_page *page = count_in_a_page(world);
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        assert_int_not_equal(use(world, rows[i].verb, rows[i].id, *rows[i].mechanism, &err), SG_OK);
        assert_int_not_equal(err.ck_rv, 0); /* it is the token that says so */
    }
    assert_int_not_equal(sg_token_use(&world->holder, SG_VERB_DERIVE, &open, &ecdh,
                                      (struct sg_bytes){point, sizeof point}, out, &len, &err),
                         SG_OK);
    assert_int_not_equal(err.ck_rv, 0);
    assert_int_equal(atomic_load(&page->used), 0);
    sg_uses_page_free(page);
}

/* Whoever will encrypt asks first what the token decrypts: SoftHSM knows OAEP with SHA-1 only. */
static void decrypting_nothing_asks_for_the_mechanism(void **state)
{
    struct world *world = *state;
    const struct sg_mechanism oaep_sha256 = {
        .kind = SG_MECHANISM_RSA_OAEP, .hash = SG_HASH_SHA256, .mgf_hash = SG_HASH_SHA256};
    const struct sg_mechanism mixed = {
        .kind = SG_MECHANISM_RSA_OAEP, .hash = SG_HASH_SHA1, .mgf_hash = SG_HASH_SHA256};
    const struct {
        const struct sg_mechanism *mechanism;
        unsigned long answer;
    } rows[] = {{&oaep, CKR_ENCRYPTED_DATA_INVALID},
                {&oaep_sha256, CKR_ARGUMENTS_BAD},
                {&mixed, CKR_ARGUMENTS_BAD},
                {&pkcs, CKR_ENCRYPTED_DATA_INVALID},
                {&oaep, CKR_ENCRYPTED_DATA_INVALID}};
    struct sg_uses_page *page = count_in_a_page(world);
    struct sg_key_id id = key_id(OPEN);
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        unsigned char out[SG_SIGNATURE_MAX];
        size_t len = sizeof out;
        struct sg_error err = SG_ERROR_INIT;
        assert_int_equal(sg_token_use(&world->holder, SG_VERB_DECRYPT, &id, rows[i].mechanism,
                                      (struct sg_bytes){data, 0}, out, &len, &err),
                         SG_E_TOKEN);
        assert_int_equal(err.ck_rv, rows[i].answer);
    }
    id = key_id(SIGNING);
    struct sg_error err = SG_ERROR_INIT;
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = sizeof out;
    assert_int_equal(sg_token_use(&world->holder, SG_VERB_DECRYPT, &id, &oaep,
                                  (struct sg_bytes){data, 0}, out, &len, &err),
                     SG_E_DENIED);
    assert_int_equal(atomic_load(&page->used), 0); /* no guess, and no use */
    sg_uses_page_free(page);
}

static void another_page_begins_anew(void **state)
{
    struct world *world = *state;
    struct sg_uses_page *first = count_in_a_page(world);
    check_allowed(world);
    struct sg_uses_page *second = count_in_a_page(world);
    check_allowed(world);
    assert_int_equal(atomic_load(&first->rows[0].count), 1);
    check_row(&second->rows[0], SIGNING, 0, 1);
    sg_uses_page_free(first);
    sg_uses_page_free(second);
}

static void odd_pages_are_refused(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    int small = -1;
    int unsealed = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(unsealed >= 0);
    assert_int_equal(ftruncate(unsealed, sizeof(struct sg_uses_page)), 0);
    assert_int_equal(sg_memfd_sealed("test", data, sizeof data, &small, &err), SG_OK);
    const int odd[] = {small, unsealed, STDIN_FILENO};
    for (size_t i = 0; i < SG_COUNT(odd); i++) {
        assert_int_equal(sg_token_count_uses(&world->process.link, odd[i], &err), SG_E_USAGE);
        assert_string_equal(err.code, "bad_page");
    }
    close(small);
    close(unsealed);
    check_allowed(world);
}

static void holder_cannot_have_uses_counted_elsewhere(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_uses_page *page = NULL;
    int fd = -1;
    assert_int_equal(sg_uses_page_new(&page, &fd, &err), SG_OK);
    assert_int_equal(sg_token_count_uses(&world->holder, fd, &err), SG_E_DENIED);
    close(fd);
    sg_uses_page_free(page);
    check_allowed(world);
}

static void revoked_capability_is_closed(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_token_revoke(&world->process.link, world->number, &err), SG_OK);
    check_closed(world);
    assert_int_equal(use(world, SG_VERB_SIGN, SIGNING, pkcs, &err), SG_E_SERVICE);
    assert_string_equal(err.code, "peer_gone");
    assert_int_equal(sg_token_revoke(&world->process.link, world->number, &err), SG_E_NOT_FOUND);
    assert_int_equal(sg_token_regrant(&world->process.link, world->number, NULL, 0, &err),
                     SG_E_NOT_FOUND);
}

static void number_in_use_is_a_conflict(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    int pair[2];
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    assert_int_equal(sg_token_grant(&world->process.link, world->number, 0, pair[1], NULL, 0, &err),
                     SG_E_CONFLICT);
    close(pair[0]);
    close(pair[1]);
    check_allowed(world);
}

static void capability_ends_with_its_holder(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    close(world->holder.socket);
    sg_status s = SG_OK;
    for (int i = 0; i < 100 && s == SG_OK; i++) {
        s = sg_token_regrant(&world->process.link, world->number, NULL, 0, &err);
    }
    assert_int_equal(s, SG_E_NOT_FOUND);
    grant(world, NULL, 0);
}

/* As when control has given the grant up, and still has its copy of the process's end. */
static void capability_whose_end_has_a_copy_is_closed_all_the_same(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_token_info info;
    int pair[2];
    close(world->holder.socket);
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    assert_int_equal(
        sg_token_grant(&world->process.link, ++world->number, 0, pair[1], NULL, 0, &err), SG_OK);
    close(pair[0]);
    sg_status s = SG_OK;
    for (int i = 0; i < 100 && s == SG_OK; i++) {
        s = sg_token_regrant(&world->process.link, world->number, NULL, 0, &err);
    }
    assert_int_equal(s, SG_E_NOT_FOUND);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(sg_token_get_info(&world->process.link, &info, &err), SG_OK);
    }
    close(pair[1]);
    grant(world, NULL, 0);
}

/* Send a grant by hand, with a key list that the client would not make. */
static sg_status grant_raw(struct world *world, int list, uint32_t count, struct sg_error *err)
{
    static struct sg_packet packet;
    int pair[2];
    struct wire_request head = head_of(WIRE_GRANT);
    struct wire_reply reply;
    struct sg_bytes body;
    assert_int_equal(sg_packet_pair(pair, err), SG_OK);
    head.number = ++world->number;
    head.count = count;
    head.sequence = ++world->process.link.sequence;
    const int fds[2] = {list, pair[1]};
    assert_int_equal(
        sg_packet_send(world->process.link.socket, &head, sizeof head, NULL, 0, fds, 2, err),
        SG_OK);
    assert_int_equal(sg_packet_receive(world->process.link.socket, 20000, &packet, err), SG_OK);
    close(pair[0]);
    close(pair[1]);
    assert_true(sg_token_wire_reply_decode(packet.data, packet.len, &reply, &body));
    return reply.status == SG_OK ? SG_OK : sg_token_wire_failure_raise(&reply, body, err);
}

static void check_bad_list(struct world *world, const struct sg_granted_key *keys, size_t rows,
                           uint32_t count)
{
    struct sg_error err = SG_ERROR_INIT;
    SG_FD int list = -1;
    assert_int_equal(sg_memfd_sealed("keys", keys, rows * sizeof *keys, &list, &err), SG_OK);
    assert_int_equal(grant_raw(world, list, count, &err), SG_E_USAGE);
    assert_string_equal(err.code, "bad_key_list");
}

static void odd_key_lists_are_refused(void **state)
{
    const struct sg_granted_key descending[] = {{.id = key_id(2), .sign = 1},
                                                {.id = key_id(1), .sign = 1}};
    const struct sg_granted_key twice[] = {{.id = key_id(1), .sign = 1},
                                           {.id = key_id(1), .decrypt = 1}};
    const struct sg_granted_key flag = {.id = key_id(1), .sign = 2};
    const struct sg_granted_key reserved = {.id = key_id(1), .reserved = 1};
    const struct sg_granted_key rings[] = {{.id = key_id(1), .ring = 7, .sign = 1},
                                           {.id = key_id(1), .ring = 6, .sign = 1}};
    check_bad_list(*state, descending, 2, 2);
    check_bad_list(*state, twice, 2, 2);
    check_bad_list(*state, rings, 2, 2);
    check_bad_list(*state, &flag, 1, 1);
    check_bad_list(*state, &reserved, 1, 1);
    check_bad_list(*state, descending, 1, 2); /* shorter than announced */
    check_bad_list(*state, descending, 2, 1); /* longer */
}

static void unsealed_key_list_is_refused(void **state)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_granted_key key = {.id = key_id(1), .sign = 1};
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(&key, sizeof key, 1, file), 1);
    assert_int_equal(fflush(file), 0);
    assert_int_equal(grant_raw(*state, fileno(file), 1, &err), SG_E_USAGE);
    assert_string_equal(err.code, "bad_key_list");
    fclose(file);
}

#ifndef SIGNET_SANITIZED
/* ---- many capabilities of many keys ---- */

enum { MANY_KEYS = 20000, MANY_HOLDERS = 100, MIB = 1 << 20 };

static size_t resident_bytes(pid_t process)
{
    char path[64];
    size_t total = 0;
    size_t resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)process);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu %zu", &total, &resident), 2);
    assert_int_equal(fclose(file), 0);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static struct sg_granted_key *many_keys(void)
{
    struct sg_granted_key *keys = calloc(MANY_KEYS, sizeof *keys);
    assert_non_null(keys);
    for (unsigned i = 0; i < MANY_KEYS; i++) {
        memcpy(keys[i].id.bytes, &i, sizeof i);
        keys[i].sign = 1;
    }
    return keys;
}

/* Each list has 480,000 bytes, of which the process keeps two sets: before the change, after it. */
static void equal_lists_are_kept_once(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    int sockets[MANY_HOLDERS];
    SG_FREE struct sg_granted_key *keys = many_keys();
    uint64_t first = world->number + 1;
    close(world->holder.socket);
    grant(world, keys, MANY_KEYS);
    sockets[0] = world->holder.socket;
    size_t before = resident_bytes(world->process.pid);
    for (int i = 1; i < MANY_HOLDERS; i++) {
        grant(world, keys, MANY_KEYS);
        sockets[i] = world->holder.socket;
    }
    assert_true(resident_bytes(world->process.pid) < before + (size_t)8 * MIB);
    for (uint64_t i = 0; i < MANY_HOLDERS; i++) {
        assert_int_equal(
            sg_token_regrant(&world->process.link, first + i, keys, MANY_KEYS - 1, &err), SG_OK);
    }
    assert_true(resident_bytes(world->process.pid) < before + (size_t)8 * MIB);
    for (int i = 0; i < MANY_HOLDERS - 1; i++) {
        close(sockets[i]);
    }
    check_denied(world, SG_VERB_SIGN, SIGNING, pkcs); /* the last one has its list still */
}
#endif

/* A process of its own, whose log is a file. */
static void start_logged(struct token_process *process, struct world *world, FILE *log)
{
    int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    assert_int_equal(dup2(fileno(log), STDERR_FILENO), STDERR_FILENO);
    token_process_log_level = SG_LOG_WARNING;
    token_process_start_ready(process, &world->fixture.settings);
    token_process_log_level = SG_LOG_ERROR;
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
}

static void send_garbage(struct token_process *process, uint64_t number)
{
    static struct sg_packet packet;
    const struct sg_granted_key key = {.id = key_id(SIGNING), .sign = 1};
    int pair[2];
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    assert_int_equal(sg_token_grant(&process->link, number, 1000, pair[1], &key, 1, &err), SG_OK);
    close(pair[1]);
    assert_int_equal(sg_packet_send(pair[0], data, sizeof data, NULL, 0, NULL, 0, &err), SG_OK);
    assert_int_equal(sg_packet_receive(pair[0], 20000, &packet, &err), SG_E_SERVICE);
    close(pair[0]);
}

static void malformed_requests_fill_no_log(void **state)
{
    struct world *world = *state;
    struct token_process process;
    char line[4096];
    size_t lines = 0;
    FILE *log = tmpfile();
    assert_non_null(log);
    start_logged(&process, world, log);
    int64_t begin_ms = sg_monotonic_ms(sg_clock_system());
    for (uint64_t i = 1; i <= 200; i++) {
        send_garbage(&process, i);
    }
    int64_t took_s = (sg_monotonic_ms(sg_clock_system()) - begin_ms) / 1000;
    assert_int_equal(token_process_stop(&process), 0);
    rewind(log);
    while (fgets(line, sizeof line, log) != NULL) {
        lines += strstr(line, "event=malformed_request token=") != NULL &&
                 strstr(line, " uid=1000 bytes=32 count=") != NULL;
    }
    (void)fclose(log);
    assert_in_range(lines, 1, (uintmax_t)took_s + 1);
}

static void malformed_request_of_the_administrator_is_answered(void **state)
{
    static struct sg_packet packet;
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct wire_request head = head_of(99);
    struct wire_reply reply;
    struct sg_bytes body;
    head.sequence = ++world->process.link.sequence;
    assert_int_equal(
        sg_packet_send(world->process.link.socket, &head, sizeof head, NULL, 0, NULL, 0, &err),
        SG_OK);
    assert_int_equal(sg_packet_receive(world->process.link.socket, 20000, &packet, &err), SG_OK);
    assert_true(sg_token_wire_reply_decode(packet.data, packet.len, &reply, &body));
    assert_int_equal(reply.status, SG_E_USAGE);
    check_allowed(world);
}

/* Two rings of one token, each with a capability of its own: what one may do, said over the other's
 * socket word for word, is refused, and does the other no harm. */
static void request_of_another_ring_is_denied_when_replayed(void **state)
{
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct wire_reply reply;
    const struct sg_granted_key other_key = {.id = key_id(UNGRANTED), .sign = 1};
    struct wire_request head = head_of(WIRE_SIGN);
    head.key = key_id(UNGRANTED);
    head.mechanism = ecdsa;
    head.body_len = sizeof data;
    struct sg_token_link mine = world->holder;
    grant(world, &other_key, 1);
    struct sg_token_link other = world->holder;
    for (int i = 0; i < 3; i++) {
        world->holder = other;
        send_raw(world, &head, data, sizeof data);
        receive_reply(world, &reply, &err);
        assert_int_equal(reply.status, SG_OK);
        world->holder = mine;
        send_raw(world, &head, data, sizeof data);
        receive_reply(world, &reply, &err);
        assert_int_equal(reply.status, SG_E_DENIED);
        check_allowed(world);
        mine = world->holder;
    }
    close(other.socket);
}

/* Said again and again it is done again and again: a replay gives nothing that was not granted.
 * Sent without reading an answer, all at once, it fills its own socket and nobody else's. */
static void replays_are_served_and_no_more(void **state)
{
    enum { TIMES = 20 };
    struct world *world = *state;
    struct sg_error err = SG_ERROR_INIT;
    struct wire_reply reply;
    struct wire_request head = head_of(WIRE_SIGN);
    head.key = key_id(SIGNING);
    head.mechanism = pkcs;
    head.body_len = sizeof data;
    for (int i = 0; i < TIMES; i++) {
        send_raw(world, &head, data, sizeof data);
    }
    for (int i = 0; i < TIMES; i++) {
        receive_reply(world, &reply, &err);
        assert_int_equal(reply.status, SG_OK);
        assert_int_equal(reply.sequence, head.sequence);
    }
    /* taken away meanwhile: what was said before counts no more */
    assert_int_equal(sg_token_regrant(&world->process.link, world->number, NULL, 0, &err), SG_OK);
    send_raw(world, &head, data, sizeof data);
    receive_reply(world, &reply, &err);
    assert_int_equal(reply.status, SG_E_DENIED);
}

static void many_capabilities_live_side_by_side(void **state)
{
    enum { MANY = 200 };
    struct world *world = *state;
    struct sg_token_link links[MANY];
    const struct sg_granted_key key = {.id = key_id(UNGRANTED), .sign = 1};
    close(world->holder.socket);
    for (int i = 0; i < MANY; i++) {
        grant(world, &key, i % 2 == 0 ? 1 : 0);
        links[i] = world->holder;
    }
    for (int i = 0; i < MANY; i++) {
        struct sg_error err = SG_ERROR_INIT;
        world->holder = links[i];
        sg_status s = use(world, SG_VERB_SIGN, UNGRANTED, ecdsa, &err);
        assert_int_equal(s, i % 2 == 0 ? SG_OK : SG_E_DENIED);
        if (i + 1 < MANY) {
            close(world->holder.socket);
        }
    }
}

/* A request of each holder, all of them before the first answer: what the last answer says. */
static bool ask_together(struct world *world, const struct sg_token_link *links, size_t count,
                         unsigned char id)
{
    struct wire_reply reply = {.crowded = 0};
    struct sg_error err = SG_ERROR_INIT;
    for (size_t i = 0; i < count; i++) {
        struct wire_request head = head_of(WIRE_SIGN);
        head.key = key_id(id);
        head.mechanism = id == UNGRANTED ? ecdsa : pkcs;
        head.body_len = sizeof data;
        world->holder = links[i];
        send_raw(world, &head, data, sizeof data);
    }
    for (size_t i = 0; i < count; i++) {
        world->holder = links[i];
        receive_reply(world, &reply, &err);
    }
    return reply.crowded == 1;
}

static cpu_set_t processors_of(pid_t pid)
{
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(pid, sizeof set, &set), 0);
    return set;
}

static void assert_unhurried(pid_t process)
{
    const cpu_set_t set = processors_of(process);
    assert_int_equal(sched_getscheduler(process), SCHED_OTHER);
    assert_int_equal(CPU_COUNT(&set), 1);
}

static void assert_in_batches(pid_t process)
{
    const cpu_set_t set = processors_of(process);
    const cpu_set_t ours = processors_of(0);
    assert_int_equal(sched_getscheduler(process), SCHED_BATCH);
    assert_true(CPU_EQUAL(&set, &ours));
}

enum { CROWD_HOLDERS = 8, CROWD_ROUNDS = 500 };

static void make_holders(struct world *world, struct sg_token_link links[CROWD_HOLDERS],
                         unsigned char id)
{
    const struct sg_granted_key key = {.id = key_id(id), .sign = 1};
    close(world->holder.socket);
    for (int i = 0; i < CROWD_HOLDERS; i++) {
        grant(world, &key, 1);
        links[i] = world->holder;
    }
}

/* All but the first, which is the world's own. */
static void close_holders(struct world *world, const struct sg_token_link links[CROWD_HOLDERS])
{
    for (int i = 1; i < CROWD_HOLDERS; i++) {
        close(links[i].socket);
    }
    world->holder = links[0];
}

static void crowd_in(struct world *world, const struct sg_token_link links[CROWD_HOLDERS],
                     unsigned char id)
{
    bool crowded = false, batches = false;
    for (int i = 0; i < CROWD_ROUNDS && !batches; i++) {
        crowded = ask_together(world, links, CROWD_HOLDERS, id);
        batches = sched_getscheduler(world->process.pid) == SCHED_BATCH;
    }
    assert_true(crowded);
    assert_in_batches(world->process.pid);
}

/* And as soon as they are few again, each is served at once, on the process's own processor. */
static void check_crowd(struct world *world, unsigned char id)
{
    struct sg_token_link links[CROWD_HOLDERS];
    bool crowded = false;
    make_holders(world, links, id);
    for (int i = 0; i < CROWD_ROUNDS / 5; i++) { /* whoever was there before counts no more then */
        crowded = ask_together(world, links, 1, id);
    }
    assert_false(crowded);
    assert_unhurried(world->process.pid);
    for (int i = 0; i < CROWD_ROUNDS && !crowded; i++) {
        crowded = ask_together(world, links, 2, id);
    }
    assert_true(crowded); /* for those two to know */
    for (int i = 0; i < CROWD_ROUNDS / 5; i++) {
        (void)ask_together(world, links, 2, id); /* none too many for the process */
    }
    assert_unhurried(world->process.pid);
    crowd_in(world, links, id);
    crowded = true;
    for (int i = 0; i < CROWD_ROUNDS && crowded; i++) {
        crowded = ask_together(world, links, 1, id);
    }
    assert_false(crowded);
    assert_unhurried(world->process.pid);
    close_holders(world, links);
}

/* Whoever comes after a pause is served at once: the crowd of before has nothing to do with it. */
static void a_crowd_ends_with_a_pause(void **state)
{
    struct world *world = *state;
    const struct timespec pause = {.tv_nsec = 150L * 1000 * 1000};
    struct sg_token_link links[CROWD_HOLDERS];
    make_holders(world, links, UNGRANTED);
    crowd_in(world, links, UNGRANTED);
    assert_int_equal(nanosleep(&pause, NULL), 0);
    assert_false(ask_together(world, links, 1, UNGRANTED));
    assert_unhurried(world->process.pid);
    close_holders(world, links);
}

/* Two clients, but never both within a moment. */
static void two_that_take_their_time_are_no_company(void **state)
{
    struct world *world = *state;
    const struct timespec moment = {.tv_nsec = 3L * 1000 * 1000};
    struct sg_token_link links[CROWD_HOLDERS];
    make_holders(world, links, UNGRANTED);
    for (int i = 0; i < 100; i++) {
        bool crowded = ask_together(world, links + i % 2, 1, UNGRANTED);
        assert_true(i < 64 || !crowded); /* what was before has been counted down by then */
        assert_int_equal(nanosleep(&moment, NULL), 0);
    }
    assert_unhurried(world->process.pid);
    close_holders(world, links);
}

static void many_at_once_are_served_in_batches(void **state)
{
    check_crowd(*state, UNGRANTED);
}

/* Three of them never come within a moment of each other. */
static void many_whose_requests_take_long_too(void **state)
{
    check_crowd(*state, SIGNING);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(granted_keys_sign),
        TEST(other_keys_are_denied),
        TEST(other_verbs_are_denied),
        TEST(raw_rsa_needs_decryption),
        TEST(a_retired_key_decrypts_only),
        TEST(administrative_verbs_are_denied),
        TEST(holder_cannot_destroy_its_own_key),
        TEST(holder_cannot_grant),
        TEST(mechanisms_that_do_not_fit_are_refused_by_the_process_too),
        TEST(garbage_closes_the_capability_only),
        TEST(truncated_head_closes_the_capability),
        TEST(single_byte_closes_the_capability),
        TEST(empty_packet_closes_the_capability),
        TEST(length_beyond_the_packet_closes_the_capability),
        TEST(huge_length_closes_the_capability),
        TEST(longest_packet_closes_the_capability),
        TEST(oversize_packet_closes_the_capability),
        TEST(unknown_verb_closes_the_capability),
        TEST(unasked_descriptors_close_the_capability),
        TEST(holder_that_does_not_read_is_dropped),
        TEST(empty_grant_allows_nothing),
        TEST(regrant_replaces_the_list),
        TEST(uses_are_counted_by_key_and_ring),
        TEST(what_is_refused_is_not_counted),
        TEST(a_key_is_granted_ring_by_ring),
        TEST(what_does_not_decrypt_is_counted),
        TEST(what_the_token_does_not_begin_is_not_counted),
        TEST(another_page_begins_anew),
        TEST(odd_pages_are_refused),
        TEST(decrypting_nothing_asks_for_the_mechanism),
        TEST(holder_cannot_have_uses_counted_elsewhere),
        TEST(revoked_capability_is_closed),
        TEST(number_in_use_is_a_conflict),
        TEST(capability_ends_with_its_holder),
#ifndef SIGNET_SANITIZED
        TEST(equal_lists_are_kept_once),
#endif
        TEST(capability_whose_end_has_a_copy_is_closed_all_the_same),
        TEST(odd_key_lists_are_refused),
        TEST(unsealed_key_list_is_refused),
        TEST(malformed_requests_fill_no_log),
        TEST(malformed_request_of_the_administrator_is_answered),
        TEST(request_of_another_ring_is_denied_when_replayed),
        TEST(replays_are_served_and_no_more),
        TEST(many_capabilities_live_side_by_side),
        TEST(many_at_once_are_served_in_batches),
        TEST(many_whose_requests_take_long_too),
        TEST(a_crowd_ends_with_a_pause),
        TEST(two_that_take_their_time_are_no_company),
    };
    return cmocka_run_group_tests_name("capabilities", tests, setup_group, teardown_group);
}
