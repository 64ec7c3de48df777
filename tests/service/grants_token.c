#include "grants_token.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <signet/base/packet.h>

#include "cmocka_all.h"
#include "wire_internal.h"

static struct grants_token_capability *find(struct grants_token *token, uint64_t number)
{
    for (size_t i = 0; i < GRANTS_TOKEN_CAPABILITIES; i++) {
        if (token->capabilities[i].number == number) {
            return &token->capabilities[i];
        }
    }
    return NULL;
}

static void end(struct grants_token_capability *capability)
{
    close(capability->holder);
    *capability = (struct grants_token_capability){.number = 0};
}

static sg_status take_list(struct grants_token_capability *capability, uint32_t count, int list)
{
    ssize_t size = (ssize_t)(count * sizeof *capability->keys);
    if (capability == NULL) {
        return SG_E_NOT_FOUND;
    }
    if (count > GRANTS_TOKEN_KEYS || pread(list, capability->keys, (size_t)size, 0) != size) {
        return SG_E_INTERNAL;
    }
    capability->count = count;
    return SG_OK;
}

static sg_status grant(struct grants_token *token, const struct wire_request *head,
                       struct sg_packet *packet)
{
    struct grants_token_capability *capability = find(token, 0);
    sg_status s = take_list(capability, head->count, packet->fds[0]);
    if (s == SG_OK) {
        capability->number = head->number;
        capability->uid = head->bits;
        capability->holder = sg_packet_take_fd(packet, 1);
    }
    return s;
}

static sg_status regrant(struct grants_token *token, const struct wire_request *head, int list)
{
    struct grants_token_capability *capability = find(token, head->number);
    atomic_fetch_add(&token->lists, 1);
    if (capability != NULL && capability->uid == atomic_load(&token->refuses)) {
        return SG_E_LIMIT;
    }
    return take_list(capability, head->count, list);
}

static sg_status take_back(struct grants_token *token, const struct wire_request *head)
{
    struct grants_token_capability *capability = find(token, head->number);
    if (capability == NULL) {
        return SG_E_NOT_FOUND;
    }
    end(capability);
    return SG_OK;
}

static sg_status perform(struct grants_token *token, const struct wire_request *head,
                         struct sg_packet *packet)
{
    if (head->verb == WIRE_GRANT) {
        return grant(token, head, packet);
    }
    return head->verb == WIRE_REGRANT  ? regrant(token, head, packet->fds[0])
           : head->verb == WIRE_REVOKE ? take_back(token, head)
                                       : SG_E_UNSUPPORTED;
}

static void reply(int socket, const struct wire_request *head, sg_status status)
{
    struct sg_error err = SG_ERROR_INIT;
    struct wire_failure failure = {.code = "refused", .text = "the test's token refuses"};
    struct wire_reply answer = {.magic = WIRE_MAGIC,
                                .version = WIRE_VERSION,
                                .verb = head->verb,
                                .sequence = head->sequence,
                                .status = status,
                                .body_len = status == SG_OK ? 0 : sizeof failure};
    (void)!sg_packet_send(socket, &answer, sizeof answer, &failure, answer.body_len, NULL, 0, &err);
}

/* False: it dies. */
static bool serve(struct grants_token *token, struct sg_packet *packet)
{
    struct wire_call call;
    if (!sg_token_wire_request_decode(packet->data, packet->len, packet->fd_count, &call) ||
        (call.head.verb == WIRE_REGRANT && atomic_load(&token->dies))) {
        return false;
    }
    pthread_mutex_lock(&token->lock);
    sg_status s = perform(token, &call.head, packet);
    pthread_mutex_unlock(&token->lock);
    reply(token->socket, &call.head, s);
    return true;
}

static void *run(void *context)
{
    struct grants_token *token = context;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_packet *packet = malloc(sizeof *packet);
    bool on = packet != NULL;
    while (on && sg_packet_receive(token->socket, -1, packet, &err) == SG_OK) {
        on = serve(token, packet);
        sg_packet_close_fds(packet);
    }
    free(packet);
    close(token->socket);
    return NULL;
}

int grants_token_start(struct grants_token *token)
{
    int pair[2] = {-1, -1};
    struct sg_error err = SG_ERROR_INIT;
    memset(token, 0, sizeof *token);
    assert_int_equal(sg_packet_pair(pair, &err), SG_OK);
    token->socket = pair[0];
    assert_int_equal(pthread_mutex_init(&token->lock, NULL), 0);
    assert_int_equal(pthread_create(&token->thread, NULL, run, token), 0);
    return pair[1];
}

void grants_token_join(struct grants_token *token)
{
    assert_int_equal(pthread_join(token->thread, NULL), 0);
    for (size_t i = 0; i < GRANTS_TOKEN_CAPABILITIES; i++) {
        if (token->capabilities[i].number != 0) {
            end(&token->capabilities[i]);
        }
    }
    pthread_mutex_destroy(&token->lock);
}

static const char *keys_text(const struct grants_token_capability *capability)
{
    static char text[GRANTS_TOKEN_KEYS * 16];
    size_t used = 0;
    text[0] = '\0';
    for (size_t k = 0; k < capability->count; k++) {
        const struct sg_granted_key *key = &capability->keys[k];
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d%s%s", k > 0 ? " " : "",
                                 key->id.bytes[0], key->sign ? "" : "-sign",
                                 key->derive ? "" : "-derive");
    }
    return text;
}

const char *grants_token_keys(struct grants_token *token, uid_t uid)
{
    const char *text = "ended";
    pthread_mutex_lock(&token->lock);
    for (size_t i = 0; i < GRANTS_TOKEN_CAPABILITIES; i++) {
        if (token->capabilities[i].number != 0 && token->capabilities[i].uid == uid) {
            text = keys_text(&token->capabilities[i]);
        }
    }
    pthread_mutex_unlock(&token->lock);
    return text;
}
