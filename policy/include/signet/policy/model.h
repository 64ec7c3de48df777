/* The words of the model: owners, trust status, usage, levels, keys. Plain values, no rules (those
 * are beside it). */
#ifndef SIGNET_POLICY_MODEL_H
#define SIGNET_POLICY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SG_OWNER_MAX 32      /**< characters = bytes (ASCII) in an owner's name */
#define SG_LABEL_MAX 32      /**< characters in a label */
#define SG_LABEL_BYTES 128   /**< bytes of UTF-8 a label may take */
#define SG_RING_MAX 237      /**< characters in a ring name */
#define SG_RING_BYTES 948    /**< bytes of UTF-8 a ring name may take */
#define SG_TOKEN_NAME_MAX 32 /**< bytes in a configured token's name */
#define SG_KEY_ID_LEN 16     /**< bytes; random; the CKA_ID of a key in its token */
#define SG_TOKENS_MAX 16     /**< configured tokens */
/** Served tokens are kept like rings; this stands where a ring has its owner. Nobody's name. */
#define SG_SERVED_TOKENS "IRRTOKEN"

/** An owner's name, upper case. */
struct sg_owner_name {
    char text[SG_OWNER_MAX + 1];
};
/** A certificate's label: exact, trailing blanks stripped. */
struct sg_label {
    char text[SG_LABEL_BYTES + 1];
};
/** A ring's name: exact. */
struct sg_ring_name {
    char text[SG_RING_BYTES + 1];
};
/** OWNER/LABEL */
struct sg_certificate_name {
    struct sg_owner_name owner;
    struct sg_label label;
};
/** OWNER/RING */
struct sg_ring_ref {
    struct sg_owner_name owner;
    struct sg_ring_name ring;
};
struct sg_key_id {
    unsigned char bytes[SG_KEY_ID_LEN];
};

enum sg_owner_kind { SG_OWNER_USER, SG_OWNER_CERTAUTH, SG_OWNER_SITE };
enum sg_trust { SG_TRUST, SG_NOTRUST, SG_HIGHTRUST };
#define SG_TRUST_COUNT 3
enum sg_usage { SG_USAGE_PERSONAL, SG_USAGE_CERTAUTH, SG_USAGE_SITE };
#define SG_USAGE_COUNT 3
enum sg_level { SG_LEVEL_NONE, SG_LEVEL_READ, SG_LEVEL_UPDATE, SG_LEVEL_CONTROL };

/** The kind that an owner's (upper-case) name means. */
enum sg_owner_kind sg_owner_kind(const char *owner);
/** "TRUST" … "HIGHTRUST"; never NULL. */
const char *sg_trust_name(enum sg_trust trust);
/** Read a status in any case; false when it is none. */
bool sg_trust_parse(const char *text, enum sg_trust *out);
/** "PERSONAL" …; never NULL. */
const char *sg_usage_name(enum sg_usage usage);
bool sg_usage_parse(const char *text, enum sg_usage *out);
/** "NONE" … "CONTROL". */
const char *sg_level_name(enum sg_level level);
/** The usage that a connection gets when none is asked for: the nature of the certificate's owner.
 */
enum sg_usage sg_usage_default(const char *certificate_owner);

#endif
