/* The wire, from both ends. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <signet/base/packet.h>

#include "cmocka_all.h"
#include "wire_internal.h"

static struct wire_request request_of(uint16_t verb)
{
    return (struct wire_request){.magic = WIRE_MAGIC, .version = WIRE_VERSION, .verb = verb};
}

static bool decodes(const struct wire_request *head, const char *rest, size_t len, size_t fds)
{
    unsigned char packet[512];
    struct wire_call call;
    memcpy(packet, head, sizeof *head);
    memcpy(packet + sizeof *head, rest, len);
    return sg_token_wire_request_decode(packet, sizeof *head + len, fds, &call);
}

static void plain_requests_decode(void **state)
{
    static const struct {
        uint16_t verb;
        size_t fds;
    } rows[] = {{WIRE_SIGN, 0},   {WIRE_DECRYPT, 0},   {WIRE_DERIVE, 0},  {WIRE_INFO, 0},
                {WIRE_LOGIN, 0},  {WIRE_GENERATE, 0},  {WIRE_STORE, 0},   {WIRE_DESTROY, 0},
                {WIRE_SYNC, 0},   {WIRE_GRANT, 2},     {WIRE_REGRANT, 1}, {WIRE_REVOKE, 0},
                {WIRE_FORGET, 0}, {WIRE_TRANSPORT, 0}, {WIRE_IMPORT, 0},  {WIRE_EXPORT, 0}};
    (void)state;
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        struct wire_request head = request_of(rows[i].verb);
        assert_true(decodes(&head, "", 0, rows[i].fds));
        for (size_t fds = 0; fds <= SG_PACKET_FDS; fds++) {
            assert_int_equal(decodes(&head, "", 0, fds), fds == rows[i].fds);
        }
    }
}

static void label_and_body_are_told_apart(void **state)
{
    unsigned char packet[WIRE_REQUEST_LEN + 7];
    struct wire_call call;
    struct wire_request head = request_of(WIRE_STORE);
    (void)state;
    head.label_len = 3;
    head.body_len = 4;
    memcpy(packet, &head, sizeof head);
    memcpy(packet + sizeof head, "webBODY", 7);
    assert_true(sg_token_wire_request_decode(packet, sizeof packet, 0, &call));
    assert_memory_equal(call.label.data, "web", 3);
    assert_memory_equal(call.body.data, "BODY", 4);
    packet[sizeof head + 1] = '\0';
    assert_false(sg_token_wire_request_decode(packet, sizeof packet, 0, &call));
}

static void every_shorter_packet_is_refused(void **state)
{
    unsigned char packet[WIRE_REQUEST_LEN + 8] = {0};
    struct wire_call call;
    struct wire_request head = request_of(WIRE_SIGN);
    (void)state;
    head.body_len = 8;
    memcpy(packet, &head, sizeof head);
    for (size_t len = 0; len < sizeof packet; len++) {
        assert_false(sg_token_wire_request_decode(packet, len, 0, &call));
    }
    assert_true(sg_token_wire_request_decode(packet, sizeof packet, 0, &call));
}

static void odd_heads_are_refused(void **state)
{
    struct wire_request rows[30];
    size_t count = 0;
    (void)state;
#define ROW(verb_value, field, value)                                                              \
    (rows[count] = request_of(verb_value), rows[count++].field = (value))
    ROW(WIRE_SIGN, magic, WIRE_MAGIC + 1);
    ROW(WIRE_SIGN, version, WIRE_VERSION + 1);
    ROW(WIRE_SIGN, verb, 0);
    ROW(WIRE_SIGN, verb, WIRE_USES + 1);
    ROW(WIRE_SIGN, verb, 0xffff);
    ROW(WIRE_SIGN, number, (uint64_t)UINT32_MAX + 1);
    ROW(WIRE_DERIVE, number, UINT64_MAX);
    ROW(WIRE_SIGN, bits, 1);
    ROW(WIRE_SIGN, count, 1);
    ROW(WIRE_SIGN, flags, WIRE_FLAG_DERIVE);
    ROW(WIRE_SIGN, mechanism.kind, SG_MECHANISM_KIND_COUNT);
    ROW(WIRE_SIGN, mechanism.hash, SG_HASH_COUNT);
    ROW(WIRE_SIGN, mechanism.mgf_hash, UINT32_MAX);
    ROW(WIRE_SIGN, body_len, UINT32_MAX);
    ROW(WIRE_INFO, key.bytes[15], 1);
    ROW(WIRE_INFO, mechanism.salt_len, 1);
    ROW(WIRE_GENERATE, family, SG_FAMILY_ED25519 + 1);
    ROW(WIRE_GENERATE, curve, SG_CURVE_SECP256K1 + 1);
    ROW(WIRE_GENERATE, flags, 8);
    ROW(WIRE_GENERATE, label_len, 1);
    ROW(WIRE_REVOKE, bits, 1);
    ROW(WIRE_FORGET, number, 1);
    ROW(WIRE_TRANSPORT, key.bytes[0], 1);
    ROW(WIRE_TRANSPORT, flags, WIRE_FLAG_EXTRACTABLE);
    ROW(WIRE_IMPORT, flags, 8);
    ROW(WIRE_IMPORT, family, SG_FAMILY_EC);
    ROW(WIRE_IMPORT, bits, 256);
    ROW(WIRE_IMPORT, body_len, SG_TRANSPORT_PACKAGE_MAX + 1);
    ROW(WIRE_EXPORT, flags, WIRE_FLAG_EXTRACTABLE);
    ROW(WIRE_EXPORT, body_len, sizeof(struct wire_export) + 1);
#undef ROW
    assert_int_equal(count, 30);
    for (size_t i = 0; i < count; i++) {
        if (decodes(&rows[i], "", 0, 0)) {
            fail_msg("row %zu decodes", i);
        }
    }
}

static void only_a_grant_names_a_user(void **state)
{
    (void)state;
    struct wire_request grant = request_of(WIRE_GRANT);
    struct wire_request regrant = request_of(WIRE_REGRANT);
    struct wire_request uses = request_of(WIRE_USES);
    grant.bits = UINT32_MAX;
    assert_true(decodes(&grant, "", 0, 2));
    grant.family = SG_FAMILY_EC;
    assert_false(decodes(&grant, "", 0, 2));
    assert_true(decodes(&regrant, "", 0, 1));
    regrant.bits = 1;
    assert_false(decodes(&regrant, "", 0, 1));
    assert_true(decodes(&uses, "", 0, 1));
    assert_false(decodes(&uses, "", 0, 0));
    uses.number = 1;
    assert_false(decodes(&uses, "", 0, 1));
}

static void reply_of_failure_comes_back_as_it_was(void **state)
{
    unsigned char packet[WIRE_REPLY_LEN + sizeof(struct wire_failure)];
    struct sg_error before = SG_ERROR_INIT;
    struct sg_error after = SG_ERROR_INIT;
    struct wire_failure failure;
    struct wire_reply head = {.magic = WIRE_MAGIC,
                              .version = WIRE_VERSION,
                              .status = SG_E_TOKEN,
                              .ck_rv = 0xe2,
                              .body_len = sizeof failure};
    struct sg_bytes body;
    (void)state;
    sg_fail(&before, SG_E_TOKEN, "token_write_protected", "token \"%s\" is tired", "prod");
    sg_hint(&before, "Let it rest.");
    sg_object(&before, "prod");
    sg_token_wire_failure_from(&before, &failure);
    memcpy(packet, &head, sizeof head);
    memcpy(packet + sizeof head, &failure, sizeof failure);
    assert_true(sg_token_wire_reply_decode(packet, sizeof packet, &head, &body));
    assert_int_equal(sg_token_wire_failure_raise(&head, body, &after), SG_E_TOKEN);
    assert_string_equal(after.code, before.code);
    assert_string_equal(after.text, before.text);
    assert_string_equal(after.hint, before.hint);
    assert_string_equal(after.object, before.object);
    assert_int_equal(after.ck_rv, 0xe2);
    /* a text that does not end */
    memset(packet + sizeof head, 'x', 40);
    assert_false(sg_token_wire_reply_decode(packet, sizeof packet, &head, &body));
}

static void odd_replies_are_refused(void **state)
{
    const struct wire_reply good = {.magic = WIRE_MAGIC, .version = WIRE_VERSION};
    struct wire_reply rows[6];
    struct wire_reply head;
    struct sg_bytes body;
    (void)state;
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        rows[i] = good;
    }
    rows[0].magic = 0;
    rows[1].version = 2;
    rows[2].status = SG_STATUS_COUNT;
    rows[3].body_len = 1;
    rows[4].crowded = 2;
    rows[5].status = SG_E_TOKEN; /* a failure without its texts */
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        assert_false(sg_token_wire_reply_decode((const unsigned char *)&rows[i], sizeof rows[i],
                                                &head, &body));
    }
    assert_true(
        sg_token_wire_reply_decode((const unsigned char *)&good, sizeof good, &head, &body));
    assert_false(
        sg_token_wire_reply_decode((const unsigned char *)&good, sizeof good - 1, &head, &body));
}

/* A token process gone mad, or not ours: the client must end with an error whatever comes. */
static void check_answer(const void *answer, size_t len, const char *code)
{
    int pair[2];
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    struct sg_token_link link = {.socket = pair[0], .sequence = 6, .timeout_ms = 100};
    assert_int_equal(sg_packet_send(pair[1], answer, len, NULL, 0, NULL, 0, &err), SG_OK);
    assert_int_equal(sg_token_login(&link, &err), SG_E_SERVICE);
    assert_string_equal(err.code, code);
    close(pair[0]);
    close(pair[1]);
}

static void client_survives_every_answer(void **state)
{
    static unsigned char noise[SG_PACKET_MAX];
    struct wire_reply reply = {
        .magic = WIRE_MAGIC, .version = WIRE_VERSION, .verb = WIRE_LOGIN, .sequence = 7};
    (void)state;
    check_answer(noise, 1, "bad_reply");
    check_answer(noise, WIRE_REPLY_LEN, "bad_reply");
    check_answer(noise, WIRE_REPLY_MAX, "bad_reply");
    check_answer(noise, WIRE_REPLY_MAX + 1, "bad_reply");
    check_answer(noise, sizeof noise, "bad_reply");
    reply.verb = WIRE_INFO;
    check_answer(&reply, sizeof reply, "bad_reply");
    reply.verb = WIRE_LOGIN;
    reply.sequence = 6; /* late: skipped, and then nothing comes */
    check_answer(&reply, sizeof reply, "timeout");
}

static void endless_late_answers_end(void **state)
{
    int pair[2];
    struct sg_error err = SG_ERROR_INIT;
    struct wire_reply reply = {.magic = WIRE_MAGIC, .version = WIRE_VERSION, .verb = WIRE_LOGIN};
    (void)state;
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    struct sg_token_link link = {.socket = pair[0], .timeout_ms = 1000};
    for (int i = 0; i < 100; i++) {
        reply.sequence = 1000;
        assert_int_equal(sg_packet_send(pair[1], &reply, sizeof reply, NULL, 0, NULL, 0, &err),
                         SG_OK);
    }
    assert_int_equal(sg_token_login(&link, &err), SG_E_SERVICE);
    assert_string_equal(err.code, "bad_reply");
    close(pair[0]);
    close(pair[1]);
}

static void odd_offers_are_refused(void **state)
{
    int pair[2];
    unsigned char packet[WIRE_REPLY_LEN + 80] = {0};
    struct sg_transport_offer offer = {.id = {7}};
    struct sg_error err = SG_ERROR_INIT;
    struct wire_reply reply = {.magic = WIRE_MAGIC,
                               .version = WIRE_VERSION,
                               .verb = WIRE_TRANSPORT,
                               .sequence = 1,
                               .body_len = 80};
    (void)state;
    memcpy(packet, &reply, sizeof reply);
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    struct sg_token_link link = {.socket = pair[0], .timeout_ms = 1000};
    assert_int_equal(sg_packet_send(pair[1], packet, sizeof packet, NULL, 0, NULL, 0, &err), SG_OK);
    assert_int_equal(sg_token_transport(&link, &offer, &err), SG_E_SERVICE);
    assert_string_equal(err.code, "bad_reply");
    assert_int_equal(offer.id[0], 7);
    close(pair[0]);
    close(pair[1]);
}

static void client_refuses_before_it_sends(void **state)
{
    static unsigned char data[SG_TOKEN_DATA_MAX + 1];
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = sizeof out;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_token_link link = {.socket = -1}; /* sending would fail otherwise */
    struct sg_key_id id = {{0}};
    struct sg_mechanism ecdsa = {.kind = SG_MECHANISM_ECDSA};
    (void)state;
    assert_int_equal(sg_token_use(&link, SG_VERB_SIGN, &id, &ecdsa,
                                  (struct sg_bytes){data, sizeof data}, out, &len, &err),
                     SG_E_LIMIT);
    assert_int_equal(sg_token_use(&link, SG_VERB_DECRYPT, &id, &ecdsa, (struct sg_bytes){data, 1},
                                  out, &len, &err),
                     SG_E_INPUT);
    struct sg_generate_request request = {.label = "x"};
    SG_BUFFER spki;
    sg_buffer_init(&spki, 64);
    assert_int_equal(sg_token_import(&link, &request,
                                     (struct sg_bytes){data, SG_TRANSPORT_PACKAGE_MAX + 1}, &spki,
                                     &err),
                     SG_E_LIMIT);
    assert_int_equal(link.sequence, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_requests_decode),
        cmocka_unit_test(label_and_body_are_told_apart),
        cmocka_unit_test(every_shorter_packet_is_refused),
        cmocka_unit_test(odd_heads_are_refused),
        cmocka_unit_test(only_a_grant_names_a_user),
        cmocka_unit_test(reply_of_failure_comes_back_as_it_was),
        cmocka_unit_test(odd_replies_are_refused),
        cmocka_unit_test(client_survives_every_answer),
        cmocka_unit_test(endless_late_answers_end),
        cmocka_unit_test(odd_offers_are_refused),
        cmocka_unit_test(client_refuses_before_it_sends),
    };
    return cmocka_run_group_tests_name("token wire", tests, NULL, NULL);
}
