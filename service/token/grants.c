#include <unistd.h>

#include <signet/base/file.h>

#include "grants_internal.h"

#define FIRST_ROOM 64

void sg_token_grants_init(struct grants *grants)
{
    *grants = (struct grants){0};
    sg_token_turns_init(&grants->turns);
}

void sg_token_grants_bury(struct grants *grants)
{
    while (grants->closed != NULL) {
        struct capability *capability = grants->closed;
        grants->closed = capability->next_closed;
        sg_key_list_done(&capability->list);
        free(capability);
    }
}

void sg_token_grants_close(struct grants *grants, struct capability *capability)
{
    if (capability->socket < 0) {
        return;
    }
    close(capability->socket);
    capability->socket = -1;
    sg_token_turns_leave(&grants->turns, &capability->place_in_turn);
    struct capability *last = grants->table[--grants->count];
    grants->table[capability->place] = last;
    last->place = capability->place;
    capability->next_closed = grants->closed;
    grants->closed = capability;
}

void sg_token_grants_done(struct grants *grants)
{
    while (grants->count > 0) {
        sg_token_grants_close(grants, grants->table[grants->count - 1]);
    }
    sg_token_grants_bury(grants);
    free(grants->table);
    sg_token_grants_init(grants);
}

struct capability *sg_token_grants_find(const struct grants *grants, uint64_t number)
{
    for (size_t i = 0; i < grants->count; i++) {
        if (grants->table[i]->number == number) {
            return grants->table[i];
        }
    }
    return NULL;
}

void sg_token_grants_join(const struct grants *grants, struct sg_key_list *list)
{
    for (size_t i = 0; i < grants->count; i++) {
        if (sg_key_list_join(list, &grants->table[i]->list)) {
            return;
        }
    }
}

static sg_status make_room(struct grants *grants, struct sg_error *err)
{
    if (grants->count < grants->room) {
        return SG_OK;
    }
    size_t room = grants->room == 0 ? FIRST_ROOM : 2 * grants->room;
    if (room > GRANTS_MAX) {
        return sg_fail(err, SG_E_LIMIT, "too_many_clients",
                       "a token process serves %d clients at most", GRANTS_MAX);
    }
    struct capability **table = reallocarray(grants->table, room, sizeof(struct capability *));
    if (table == NULL) {
        return sg_fail_memory(err);
    }
    grants->table = table;
    grants->room = room;
    return SG_OK;
}

sg_status sg_token_grants_add(struct grants *grants, uint64_t number, uint32_t uid, int *socket,
                              struct sg_key_list *list, struct capability **out,
                              struct sg_error *err)
{
    if (sg_token_grants_find(grants, number) != NULL) {
        return sg_fail(err, SG_E_CONFLICT, "number_in_use", "capability %llu exists",
                       (unsigned long long)number);
    }
    sg_status s = make_room(grants, err);
    if (s != SG_OK) {
        return s;
    }
    struct capability *capability = calloc(1, sizeof *capability);
    if (capability == NULL) {
        return sg_fail_memory(err);
    }
    s = sg_token_turns_join(&grants->turns, &capability->place_in_turn, uid, err);
    if (s != SG_OK) {
        free(capability);
        return s;
    }
    capability->number = number;
    capability->uid = uid;
    capability->socket = sg_fd_steal(socket);
    capability->list = sg_key_list_steal(list);
    capability->place = grants->count;
    grants->table[grants->count++] = capability;
    *out = capability;
    return SG_OK;
}
