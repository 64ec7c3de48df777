/* Rolling a key over: from what is there to what is done next, in every ring. Pure: it changes
 * nothing, so it also answers what would happen. Rules: docs/rollover.md,
 * docs/racf-compatibility.md (REKEY, ROLLOVER). */
#ifndef SIGNET_POLICY_LIFECYCLE_H
#define SIGNET_POLICY_LIFECYCLE_H

#include <stdint.h>

#include <signet/base/error.h>
#include <signet/policy/model.h>

/** How far a staged roll-over is. */
enum sg_life_stage { SG_LIFE_NONE, SG_LIFE_STARTED, SG_LIFE_SWITCHED };
/** "none", "started", "switched". */
const char *sg_life_stage_name(enum sg_life_stage stage);

/** What can be done. The first four in this order make a staged roll-over; certify is what a CA
 * outside does. */
enum sg_life_step {
    SG_LIFE_START,
    SG_LIFE_CERTIFY,
    SG_LIFE_SWITCH,
    SG_LIFE_FINISH,
    SG_LIFE_UNDO,     /**< one stage back */
    SG_LIFE_ROLLOVER, /**< at once, as RACF does it */
};
#define SG_LIFE_STAGED (SG_LIFE_FINISH + 1)
/** "start", "certify" … */
const char *sg_life_step_name(enum sg_life_step step);

/** A certificate as far as it matters here. */
struct sg_life_certificate {
    struct sg_certificate_name name;
    int64_t not_before_s, not_after_s;
    enum sg_trust trust;
    bool exists;
    bool has_key;
    bool retired;     /**< its key signs no more */
    bool decrypts;    /**< what was encrypted for its key may have to be read */
    bool placeholder; /**< self-signed until a CA's answer replaces it */
    bool in_use; /**< somebody has put it to a use of its own: requested, signed by a CA, connected
                    elsewhere, an issuer */
};

/** What a staged roll-over has done in a ring, to be taken back by undo. */
enum sg_life_note {
    SG_LIFE_NOTE_NONE,
    SG_LIFE_NOTE_BESIDE,   /**< connected the new one beside the old one */
    SG_LIFE_NOTE_REPLACED, /**< put the new one in the old one's place */
    SG_LIFE_NOTE_RETURNED, /**< and, undone, the old one back in the new one's place */
};

/** A ring that holds one of the two, or did. */
struct sg_life_ring {
    struct sg_ring_ref name;
    bool has_old, has_new;
    enum sg_usage usage; /**< of the old one, or of the new one where the old one is not */
    bool is_default;     /**< the same */
    enum sg_life_note note;
};

/** How far somebody who has used the old key has gone over to the new one. */
enum sg_life_holding {
    SG_LIFE_HOLDS_NOT,    /**< uses the new one; or has not used the old one for long */
    SG_LIFE_HOLDS_STILL,  /**< has not used the new one since, or in vain */
    SG_LIFE_HOLDS_LATELY, /**< has, but used the old one a moment ago: an old process, or another */
};
#define SG_LIFE_QUIET_S 10    /**< how long nobody must have used the old key */
#define SG_LIFE_RECENT_S 3600 /**< uses so lately count, though before the switch */
#define SG_LIFE_USER 64       /**< bytes of a user's name, with its end */
#define SG_LIFE_PLACE 1024    /**< bytes of a ring's name, with its end */

/** Somebody who has used the old key, and may still hold it. */
struct sg_life_holder {
    char user[SG_LIFE_USER];   /**< the Unix user's name, or its number */
    char place[SG_LIFE_PLACE]; /**< through what: "START1/KEY", "token FTP.SRV" */
    int64_t old_s;             /**< when last; seconds since 1970 */
    enum sg_life_holding holding;
};

struct sg_life_facts {
    int64_t now_s;
    struct sg_life_certificate old_one, new_one;
    enum sg_life_stage stage;
    int64_t started_s, switched_s;
    bool same_key; /**< both certificates are for one key */
    bool other;    /**< one of the two is in another roll-over: that of other_old to other_new */
    struct sg_certificate_name other_old, other_new;
    const struct sg_life_ring *rings;
    size_t ring_count;
    size_t dependents; /**< connected certificates that were issued under the old one */
    struct sg_certificate_name dependent; /**< the first of them */
    size_t holders;                       /**< who may still hold the old key (sg_life_holding) */
    struct sg_life_holder holder;         /**< the one of them who used it last */
    bool force;
    bool destroy;     /**< the old key, although it may be needed to decrypt */
    bool self_signed; /**< the new one may stay self-signed */
};

/** From when on uses of the old key say something about who holds it, seconds since 1970: the
 * switch, or SG_LIFE_RECENT_S ago. */
int64_t sg_life_uses_since(const struct sg_life_facts *facts);
/** May one user of a ring still hold the old key? When that user last used the two keys through
 * it, the new one with success, seconds since 1970; 0: never. */
enum sg_life_holding sg_life_holding(const struct sg_life_facts *facts, int64_t old_s,
                                     int64_t new_s);

/** May the step be taken now? SG_OK or why not, with the next command: SG_E_CONFLICT
 * "same_certificate", "same_key", "no_private_key", "key_retired", "rollover_under_way",
 * "rollover_not_started", "rollover_not_switched", "placeholder", "not_trusted", "root_in_use",
 * "key_in_use";
 * SG_E_INPUT "certificate_expired", "certificate_not_yet_valid". */
SG_CHECKED sg_status sg_life_check(const struct sg_life_facts *facts, enum sg_life_step step,
                                   struct sg_error *err);

/** One thing that a step does. */
enum sg_life_effect {
    SG_LIFE_MAKE_NEW,       /**< key and certificate */
    SG_LIFE_TAKE_NEW,       /**< what stands there is used */
    SG_LIFE_CONNECT_BESIDE, /**< in a ring */
    SG_LIFE_REPLACE,        /**< in a ring */
    SG_LIFE_DROP,           /**< take the old one out of a ring */
    SG_LIFE_KEEP_KEY,       /**< for decryption */
    SG_LIFE_DESTROY_KEY,
    SG_LIFE_PUT_BACK,   /**< the old one in the new one's place */
    SG_LIFE_LEAVE_RING, /**< whoever took the new one out of it meant something by it */
    SG_LIFE_REMOVE_NEW, /**< from a ring */
    SG_LIFE_DELETE_NEW, /**< with its key */
    SG_LIFE_LEAVE_NEW,
    SG_LIFE_CERTIFY_NEW, /**< outside */
};
struct sg_life_action {
    enum sg_life_effect effect;
    size_t ring; /**< index into the facts' rings, where it concerns one */
};
#define SG_LIFE_ACTIONS_EXTRA 2 /**< actions that concern no ring, at most */

/** What the step does, in order. A later step of a staged roll-over is foretold from the facts of
 * now. out has room for ring_count + SG_LIFE_ACTIONS_EXTRA; returns how many. */
size_t sg_life_actions(const struct sg_life_facts *facts, enum sg_life_step step,
                       struct sg_life_action *out);

/** Where a step of a staged roll-over stands. */
enum sg_life_state { SG_LIFE_DONE, SG_LIFE_NOW, SG_LIFE_WAITS, SG_LIFE_LATER };
/** "done", "now", "waits", "later". */
const char *sg_life_state_name(enum sg_life_state state);
/** One of the four staged steps. With SG_LIFE_WAITS *why says what for. */
enum sg_life_state sg_life_state(const struct sg_life_facts *facts, enum sg_life_step step,
                                 struct sg_error *why);
/** By when a staged step should have been taken, seconds since 1970: the old certificate's end less
 * a margin (start: 30 days, at most a third of its validity; certify and switch: 7 days, at most a
 * tenth). */
int64_t sg_life_due(const struct sg_life_facts *facts, enum sg_life_step step);

#define SG_LIFE_TEXT 1400 /**< bytes of a sentence, with two certificates' and a ring's name */
/** The action as a sentence: "replaced …" when done, else "replace …". */
void sg_life_action_text(const struct sg_life_facts *facts, const struct sg_life_action *action,
                         bool done, char out[SG_LIFE_TEXT]);

#endif
