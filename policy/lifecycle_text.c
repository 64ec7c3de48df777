/* A roll-over in words. */
#include <signet/policy/lifecycle.h>

#include <stdio.h>
#include <string.h>

const char *sg_life_stage_name(enum sg_life_stage stage)
{
    switch (stage) {
    case SG_LIFE_NONE:
        return "none";
    case SG_LIFE_STARTED:
        return "started";
    case SG_LIFE_SWITCHED:
        return "switched";
    }
    return "";
}

const char *sg_life_step_name(enum sg_life_step step)
{
    switch (step) {
    case SG_LIFE_START:
        return "start";
    case SG_LIFE_CERTIFY:
        return "certify";
    case SG_LIFE_SWITCH:
        return "switch";
    case SG_LIFE_FINISH:
        return "finish";
    case SG_LIFE_UNDO:
        return "undo";
    case SG_LIFE_ROLLOVER:
        return "rollover";
    }
    return "";
}

const char *sg_life_state_name(enum sg_life_state state)
{
    switch (state) {
    case SG_LIFE_DONE:
        return "done";
    case SG_LIFE_NOW:
        return "now";
    case SG_LIFE_WAITS:
        return "waits";
    case SG_LIFE_LATER:
        return "later";
    }
    return "";
}

/* The parts of a sentence. # is the ring, $ the ring with its usage; < and > are the old and the
 * new one. */
struct sentence {
    const char *done, *to_do, *rest;
};
static const struct sentence sentences[] = {
    [SG_LIFE_MAKE_NEW] = {"made", "make", " a new key with certificate >, as < has"},
    [SG_LIFE_TAKE_NEW] = {"took", "take", " >, which is here, as the successor of <"},
    [SG_LIFE_CONNECT_BESIDE] = {"connected", "connect", " > to $, beside <"},
    [SG_LIFE_REPLACE] = {"replaced", "replace", " < by > in $"},
    [SG_LIFE_DROP] = {"removed", "remove", " < from $"},
    [SG_LIFE_KEEP_KEY] = {"retired", "retire",
                          " the key of <: kept for decryption, it signs no more"},
    [SG_LIFE_DESTROY_KEY] = {"destroyed", "destroy", " the key of <; the certificate stays"},
    [SG_LIFE_PUT_BACK] = {"put", "put", " < back in the place of > in $"},
    [SG_LIFE_LEAVE_RING] = {"left", "leave", " # as it is: > was taken out of it since the switch"},
    [SG_LIFE_REMOVE_NEW] = {"removed", "remove", " > from $"},
    [SG_LIFE_DELETE_NEW] = {"deleted", "delete", " > and its private key"},
    [SG_LIFE_LEAVE_NEW] = {"left", "leave",
                           " > as it is: it was there before, or has been put to use"},
    [SG_LIFE_CERTIFY_NEW] = {"had", "have", " > signed by a CA"},
};

/* Appends what fits; names are bounded so that all of it does. */
static void append(char out[SG_LIFE_TEXT], const char *text, size_t len)
{
    size_t used = strlen(out);
    size_t room = SG_LIFE_TEXT - 1 - used;
    size_t taken = len < room ? len : room;
    memcpy(out + used, text, taken);
    out[used + taken] = '\0';
}

static void append_certificate(char out[SG_LIFE_TEXT], const struct sg_certificate_name *name)
{
    append(out, name->owner.text, strlen(name->owner.text));
    append(out, "/", 1);
    append(out, name->label.text, strlen(name->label.text));
}

static void append_ring_name(char out[SG_LIFE_TEXT], const struct sg_life_ring *ring)
{
    append(out, ring->name.owner.text, strlen(ring->name.owner.text));
    append(out, "/", 1);
    append(out, ring->name.ring.text, strlen(ring->name.ring.text));
}

static void append_ring(char out[SG_LIFE_TEXT], const struct sg_life_ring *ring)
{
    const char *usage = sg_usage_name(ring->usage);
    append_ring_name(out, ring);
    append(out, " as ", 4);
    append(out, usage, strlen(usage));
    if (ring->is_default && ring->usage == SG_USAGE_PERSONAL) {
        append(out, ", the default", 13);
    }
}

void sg_life_action_text(const struct sg_life_facts *facts, const struct sg_life_action *action,
                         bool done, char out[SG_LIFE_TEXT])
{
    const struct sentence *sentence = &sentences[action->effect];
    const char *verb = done ? sentence->done : sentence->to_do;
    out[0] = '\0';
    append(out, verb, strlen(verb));
    for (const char *at = sentence->rest; *at != '\0'; at++) {
        switch (*at) {
        case '<':
            append_certificate(out, &facts->old_one.name);
            break;
        case '>':
            append_certificate(out, &facts->new_one.name);
            break;
        case '#':
            append_ring_name(out, &facts->rings[action->ring]);
            break;
        case '$':
            append_ring(out, &facts->rings[action->ring]);
            break;
        default:
            append(out, at, 1);
        }
    }
}
