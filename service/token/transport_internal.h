/* The key pairs that this process has offered private keys to be sealed to. */
#ifndef SIGNET_TOKEN_TRANSPORT_INTERNAL_H
#define SIGNET_TOKEN_TRANSPORT_INTERNAL_H

#include <signet/base/clock.h>
#include <signet/token/client.h>

struct offer {
    unsigned char id[SG_TRANSPORT_ID_LEN];
    struct sg_transport_key *key; /* NULL: a free place */
    int64_t made_ms;              /* monotonic */
};
struct offers {
    struct offer list[SG_TRANSPORT_OFFERS_MAX];
};
void sg_token_offers_done(struct offers *offers);
/* Make a key pair; when all places are taken, the oldest one goes. now_ms: monotonic. */
SG_CHECKED sg_status sg_token_offers_add(struct offers *offers, int64_t now_ms,
                                         const struct offer **out, struct sg_error *err);
/* Take the key pair of that id out: it is the caller's, and nobody's afterwards. SG_E_CONFLICT
 * "transport_key_gone" when there is none, or it has expired. */
SG_CHECKED sg_status sg_token_offers_take(struct offers *offers, const unsigned char *id,
                                          int64_t now_ms, struct sg_transport_key **out,
                                          struct sg_error *err);

#endif
