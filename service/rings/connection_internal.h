/* A connection process: one client, its view, and the capabilities that control has granted it. */
#ifndef SIGNET_RINGS_CONNECTION_INTERNAL_H
#define SIGNET_RINGS_CONNECTION_INTERNAL_H

#include <signet/rings/link.h>
#include <signet/token/client.h>

#include "notice_internal.h"
#include "place_internal.h"
#include "sandbox_internal.h"
#include "view_internal.h"

/** Where a use of a key failed: the ring's token label, and the token, counted from 1; 0: nowhere.
 */
struct sg_used_place {
    uint32_t token;
    char ring[33];
};

struct sg_connection {
    int client;  /**< the client's stream */
    int channel; /**< to rings: packets of struct sg_rings_packet */
    int timeout_ms;
    uint32_t ring; /**< the only one that the client wants to see; 0 = all */
    const struct sg_generation_page *page;
    struct sg_view *view;     /**< NULL before the first sg_connection_refresh */
    size_t views_room;        /**< bytes for it, the next one, and those that sessions still hold */
    enum sg_rings_notice end; /**< why the client was given up; 0: it was not */
    bool batch;            /**< how we are scheduled: the last answer says whether several wait */
    struct sg_place place; /**< where the client works */
    uint32_t sequence;     /**< of the last request on the channel */
    struct sg_used_place used; /**< of the use that has failed, until that is told */
    struct sg_token_link links[SG_TOKENS_MAX]; /**< .socket is -1 where nothing was granted */
    uint64_t asked_at[SG_TOKENS_MAX]; /**< the generation when a grant was last asked for */
};

/** A connection without view and capabilities, over descriptors that stay the caller's. */
void sg_connection_init(struct sg_connection *connection, int client, int channel, int timeout_ms,
                        const struct sg_generation_page *page);
void sg_connection_done(struct sg_connection *connection);

/** Serve the client until it goes, or until it is given up (connection->end); the whole life of a
 * freshly forked process. Enters the sandbox first. */
SG_CHECKED sg_status sg_connection_serve(struct sg_connection *connection,
                                         const struct sg_sandbox *sandbox, size_t memory_max,
                                         struct sg_error *err);

/** Bring the view up to date with the generation page: one comparison when nothing has changed.
 * Otherwise waits up to timeout_ms for control. SG_E_SERVICE when it does not answer; the old view
 * is kept then. Where there is not room for all, sessions lose the oldest views that they hold. */
SG_CHECKED sg_status sg_connection_refresh(struct sg_connection *connection, struct sg_error *err);

/** Use a key of a ring through its token's capability, asking for one first where there is none. A
 * capability that dies under the operation is replaced and the operation repeated, once; a second
 * death is SG_E_SERVICE "token_died" and the client's connection ends behind the answer. */
SG_CHECKED sg_status sg_connection_use(struct sg_connection *connection, uint64_t ring,
                                       enum sg_key_verb verb, const struct sg_view_key *key,
                                       const struct sg_mechanism *mechanism, struct sg_bytes data,
                                       unsigned char *out, size_t *out_len, struct sg_error *err);

/** What failed is a use of this key of the ring: until that is told. sg_connection_use says it of
 * its own failures. */
void sg_connection_blame(struct sg_connection *connection, uint64_t ring,
                         const struct sg_view_key *key);

/** Have rings say it in the log: this process has none. Never waits; what rings has no room for is
 * lost. place: NULL for what is no use of a key. */
void sg_channel_tell(const struct sg_connection *connection, enum sg_rings_failed what,
                     const struct sg_used_place *place, uint64_t count, const struct sg_error *why);

/** The code of SG_E_LIMIT when it is control's or a token process's, not the caller's input. */
#define SG_CHANNEL_NO_ROOM "no_room"
/** Ask control something over the channel: SG_RINGS_VIEW or SG_RINGS_GRANT for token. Waits up to
 * timeout_ms, asking again while control or the token is away. *out_fd becomes the caller's.
 * SG_E_LIMIT SG_CHANNEL_NO_ROOM: one client, or one key, too many. */
SG_CHECKED sg_status sg_channel_ask(struct sg_connection *connection, enum sg_rings_kind kind,
                                    uint32_t token, int *out_fd, struct sg_error *err);

#endif
