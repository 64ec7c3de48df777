#include <string.h>
#include <sys/random.h>

#include "transport_internal.h"

static void end(struct offer *offer)
{
    sg_transport_key_free(offer->key);
    *offer = (struct offer){.key = NULL};
}

void sg_token_offers_done(struct offers *offers)
{
    for (size_t i = 0; i < SG_COUNT(offers->list); i++) {
        end(&offers->list[i]);
    }
}

/* What nobody came back for is not kept any longer than it may be used. */
static void end_expired(struct offers *offers, int64_t now_ms)
{
    for (size_t i = 0; i < SG_COUNT(offers->list); i++) {
        struct offer *offer = &offers->list[i];
        if (offer->key != NULL && now_ms - offer->made_ms >= INT64_C(1000) * SG_TRANSPORT_LIFE_S) {
            end(offer);
        }
    }
}

static struct offer *free_place(struct offers *offers)
{
    struct offer *oldest = &offers->list[0];
    for (size_t i = 0; i < SG_COUNT(offers->list); i++) {
        struct offer *offer = &offers->list[i];
        if (offer->key == NULL) {
            return offer;
        }
        oldest = offer->made_ms < oldest->made_ms ? offer : oldest;
    }
    end(oldest);
    return oldest;
}

sg_status sg_token_offers_add(struct offers *offers, int64_t now_ms, const struct offer **out,
                              struct sg_error *err)
{
    end_expired(offers, now_ms);
    struct offer fresh = {.made_ms = now_ms};
    if (getrandom(fresh.id, sizeof fresh.id, 0) != (ssize_t)sizeof fresh.id) {
        return sg_fail_errno(err, SG_E_INTERNAL, "no_random", "no random numbers");
    }
    sg_status s = sg_transport_key_new(&fresh.key, err);
    if (s == SG_OK) {
        struct offer *place = free_place(offers);
        *place = fresh;
        *out = place;
    }
    return s;
}

sg_status sg_token_offers_take(struct offers *offers, const unsigned char *id, int64_t now_ms,
                               struct sg_transport_key **out, struct sg_error *err)
{
    end_expired(offers, now_ms);
    for (size_t i = 0; i < SG_COUNT(offers->list); i++) {
        struct offer *offer = &offers->list[i];
        if (offer->key != NULL && memcmp(offer->id, id, sizeof offer->id) == 0) {
            *out = SG_STEAL(offer->key);
            end(offer);
            return SG_OK;
        }
    }
    sg_fail(err, SG_E_CONFLICT, "transport_key_gone",
            "the key pair that the private key was encrypted to is no more: it serves once, for %d "
            "seconds, in one token process",
            SG_TRANSPORT_LIFE_S);
    return sg_hint(err, "Repeat the command; each one encrypts the key anew.");
}
