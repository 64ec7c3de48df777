/* Who gets which socket. Everything that is on its way is in the table; a receiver that is not
 * there yet, or that is full, is asked again when it reads. */
#include "children_internal.h"

#include <string.h>

#include <signet/base/file.h>
#include <signet/base/log.h>
#include <signet/base/packet.h>

enum sent { SENT, WAITS, LOST };

static enum sent send_link(int channel, const struct sg_master_packet *packet, int *fd, int *second)
{
    struct sg_error err = SG_ERROR_INIT;
    const int fds[] = {*fd, second != NULL ? *second : -1};
    sg_status s =
        sg_packet_send(channel, packet, sizeof *packet, NULL, 0, fds, second != NULL ? 2 : 1, &err);
    if (s == SG_OK) {
        /* Nobody but the two ends may hold one: a death shows as end of file. */
        sg_fd_closep(fd);
        *fd = -1;
        if (second != NULL) {
            sg_fd_closep(second);
            *second = -1;
        }
        return SENT;
    }
    if (strcmp(err.code, "would_block") == 0) {
        return WAITS;
    }
    if (strcmp(err.code, "peer_gone") != 0) {
        sg_log_error(SG_LOG_WARNING, "cannot_hand_over_link", &err);
    }
    return LOST; /* it is dying: its successor gets another one */
}

void sg_links_reset(struct sg_master *master)
{
    sg_fd_closep(&master->link_control);
    sg_fd_closep(&master->link_rings);
    master->link_control = -1;
    master->link_rings = -1;
    master->link_due = true;
}

static void make_link(struct sg_master *master)
{
    int pair[2];
    struct sg_error err = SG_ERROR_INIT;
    if (sg_packet_pair(pair, &err) != SG_OK) {
        sg_log_error(SG_LOG_ERROR, "cannot_make_link", &err);
        return; /* still due */
    }
    master->link_control = pair[0];
    master->link_rings = pair[1];
    master->link_due = false;
}

static bool deliver_half(const struct sg_child *child, int *half)
{
    static const struct sg_master_packet packet = {.kind = SG_MASTER_RINGS_LINK};
    return *half >= 0 && child->channel >= 0 &&
           send_link(child->channel, &packet, half, NULL) == WAITS;
}

static bool deliver_token_links(struct sg_master *master)
{
    int channel = sg_master_control(master)->channel;
    for (size_t i = 2; channel >= 0 && i < master->child_count; i++) {
        struct sg_child *child = &master->children[i];
        struct sg_master_packet packet = {.kind = SG_MASTER_TOKEN_LINK,
                                          .token = child->token,
                                          .process = child->process,
                                          .pid = (uint32_t)child->pid};
        if (child->link >= 0 &&
            send_link(channel, &packet, &child->link, &child->busy_fd) == WAITS) {
            return true;
        }
    }
    return false;
}

bool sg_links_deliver(struct sg_master *master)
{
    const struct sg_child *control = sg_master_control(master);
    const struct sg_child *rings = sg_master_rings(master);
    if (master->link_due && control->pid != 0 && rings->pid != 0) {
        make_link(master);
    }
    bool rings_waits = deliver_half(rings, &master->link_rings);
    bool control_waits = deliver_half(control, &master->link_control);
    return deliver_token_links(master) || control_waits || rings_waits;
}
