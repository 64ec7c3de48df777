/* Who was issued by the certificates of a roll-over. */
#include "rollover_internal.h"

#include <string.h>

struct issuer {
    int64_t id;
    struct sg_certificate *certificate; /* owned */
};

/* Issuers whose certificates are still to be looked for, each once, the old root first. */
struct below {
    struct sg_run *run;
    struct sg_rollover *rollover;
    struct issuer *issuers;
    size_t count, capacity;
    const struct sg_certificate *issuer; /* whose are looked for */
};

static void below_done(struct below *below)
{
    for (size_t i = 0; i < below->count; i++) {
        sg_certificate_free(below->issuers[i].certificate);
    }
    free(below->issuers);
}

static bool known(const struct below *below, int64_t id)
{
    for (size_t i = 0; i < below->count; i++) {
        if (below->issuers[i].id == id) {
            return true;
        }
    }
    return false;
}

static sg_status grow(struct below *below, struct sg_error *err)
{
    if (below->count < below->capacity) {
        return SG_OK;
    }
    size_t capacity = below->capacity == 0 ? 16 : below->capacity * 2;
    struct issuer *issuers = reallocarray(below->issuers, capacity, sizeof *issuers);
    if (issuers == NULL) {
        return sg_fail_memory(err);
    }
    below->issuers = issuers;
    below->capacity = capacity;
    return SG_OK;
}

/* Takes the certificate over. */
static sg_status add(struct below *below, int64_t id, struct sg_certificate *certificate,
                     struct sg_error *err)
{
    SG_CERTIFICATE *mine = certificate;
    sg_status s = grow(below, err);
    if (s == SG_OK) {
        below->issuers[below->count++] = (struct issuer){id, SG_STEAL(mine)};
    }
    return s;
}

static sg_status count_ring(void *context, const struct sg_ring_row *ring, enum sg_usage usage,
                            bool is_default, struct sg_error *err)
{
    size_t *rings = context;
    (void)ring;
    (void)usage;
    (void)is_default;
    (void)err;
    ++*rings;
    return SG_OK;
}

static sg_status count(struct below *below, const struct sg_certificate_row *row,
                       struct sg_error *err)
{
    struct sg_life_facts *facts = &below->rollover->facts;
    size_t rings = 0;
    sg_status s =
        sg_store_membership_each(below->run->service->store, row->id, count_ring, &rings, err);
    if (s == SG_OK && rings > 0 && facts->dependents++ == 0) {
        facts->dependent = row->name;
    }
    return s;
}

/* Issued by that very key, not by another of the same name: a CA that was rekeyed has one name. */
static bool is_issued(const struct sg_certificate *certificate, const struct sg_certificate *issuer)
{
    struct sg_error ignored = SG_ERROR_INIT; /* it is not */
    return sg_certificate_verify_issued(certificate, issuer, &ignored) == SG_OK;
}

static sg_status look_at(void *context, const struct sg_certificate_row *row, struct sg_error *err)
{
    struct below *below = context;
    SG_CERTIFICATE *certificate = NULL;
    bool own = row->id == below->rollover->old_row.id || row->id == below->rollover->new_row.id;
    if (own || known(below, row->id)) {
        return SG_OK;
    }
    sg_status s =
        sg_certificate_parse((struct sg_bytes){row->der, row->der_len}, &certificate, err);
    if (s != SG_OK || !is_issued(certificate, below->issuer)) {
        return s;
    }
    s = count(below, row, err);
    return s == SG_OK ? add(below, row->id, SG_STEAL(certificate), err) : s;
}

sg_status sg_rollover_count_dependents(struct sg_run *run, struct sg_rollover *rollover,
                                       struct sg_error *err)
{
    SG_CLEANUP(below_done) struct below below = {.run = run, .rollover = rollover};
    SG_CERTIFICATE *root = NULL;
    const struct sg_certificate_row *old = &rollover->old_row;
    rollover->facts.dependents = 0;
    sg_status s = sg_certificate_parse((struct sg_bytes){old->der, old->der_len}, &root, err);
    s = s == SG_OK ? add(&below, old->id, SG_STEAL(root), err) : s;
    for (size_t i = 0; s == SG_OK && i < below.count; i++) {
        below.issuer = below.issuers[i].certificate;
        s = sg_store_issued_each(run->service->store, sg_certificate_facts(below.issuer)->subject,
                                 look_at, &below, err);
    }
    return s;
}

/* ---- the new one ---- */

struct issuing {
    const struct sg_certificate *issuer;
    int64_t id;
    bool found;
};

static sg_status find_issued(void *context, const struct sg_certificate_row *row,
                             struct sg_error *err)
{
    struct issuing *issuing = context;
    SG_CERTIFICATE *certificate = NULL;
    if (issuing->found || row->id == issuing->id) {
        return SG_OK;
    }
    sg_status s =
        sg_certificate_parse((struct sg_bytes){row->der, row->der_len}, &certificate, err);
    issuing->found = s == SG_OK && is_issued(certificate, issuing->issuer);
    return s;
}

static sg_status find_issuing(struct sg_run *run, const struct sg_certificate_row *row,
                              bool *issues, struct sg_error *err)
{
    SG_CERTIFICATE *certificate = NULL;
    struct sg_certificate_filter filter = {.issuer = row->subject.data,
                                           .issuer_len = row->subject.len};
    sg_status s =
        sg_certificate_parse((struct sg_bytes){row->der, row->der_len}, &certificate, err);
    struct issuing issuing = {.issuer = certificate, .id = row->id};
    s = s == SG_OK
            ? sg_store_certificate_each(run->service->store, &filter, find_issued, &issuing, err)
            : s;
    *issues = issuing.found;
    return s;
}

static bool connected_elsewhere(const struct sg_rollover *rollover)
{
    for (size_t i = 0; i < rollover->facts.ring_count; i++) {
        const struct sg_life_ring *ring = &rollover->rings[i];
        if (ring->has_new && ring->note != SG_LIFE_NOTE_BESIDE &&
            ring->note != SG_LIFE_NOTE_REPLACED) {
            return true;
        }
    }
    return false;
}

sg_status sg_rollover_find_use(struct sg_run *run, struct sg_rollover *rollover,
                               struct sg_error *err)
{
    const struct sg_certificate_row *row = &rollover->new_row;
    bool self_issued = row->subject.len == row->issuer.len &&
                       memcmp(row->subject.data, row->issuer.data, row->issuer.len) == 0;
    bool answered = !self_issued && !row->placeholder;
    bool in_use =
        !rollover->row.made || row->requested || answered || connected_elsewhere(rollover);
    sg_status s = SG_OK;
    if (!in_use) {
        s = find_issuing(run, row, &in_use, err);
    }
    rollover->facts.new_one.in_use = in_use;
    return s;
}
