/* The language in one table: every command, function and keyword, and what may stand in its
 * parentheses. The grammar reads it; so does whatever must know all of them. */
#ifndef SIGNET_RACDCERT_KEYWORDS_H
#define SIGNET_RACDCERT_KEYWORDS_H

#include <stdbool.h>
#include <stddef.h>

/** Keywords that may stand side by side. Abbreviations are unambiguous within one level. */
enum sg_rac_level {
    SG_RAC_IN_NONE,
    SG_RAC_IN_COMMANDS,
    SG_RAC_IN_RACDCERT,
    SG_RAC_IN_SELECTOR,
    SG_RAC_IN_LABEL,
    SG_RAC_IN_CONNECT,
    SG_RAC_IN_REMOVE,
    SG_RAC_IN_BIND,
    SG_RAC_IN_UNBIND,
    SG_RAC_IN_IMPORT,
    SG_RAC_IN_SUBJECT,
    SG_RAC_IN_DATE,
    SG_RAC_IN_SIGNER,
    SG_RAC_IN_KEY_USAGE,
    SG_RAC_IN_ALTNAME,
    SG_RAC_IN_KEY_PLACE,
    SG_RAC_IN_FORMAT,
    SG_RAC_IN_USAGE,
    SG_RAC_IN_SETROPTS,
    SG_RAC_IN_RDEFINE,
    SG_RAC_IN_RALTER,
    SG_RAC_IN_RDELETE,
    SG_RAC_IN_RLIST,
    SG_RAC_IN_PERMIT,
    SG_RAC_IN_ACCESS,
    SG_RAC_IN_AUDIT,
    SG_RAC_IN_WHEN,
    SG_RAC_IN_RESET,
};

enum sg_rac_content {
    SG_CONTENT_NONE,   /**< no parentheses */
    SG_CONTENT_VALUE,  /**< one operand */
    SG_CONTENT_VALUES, /**< one or more; the keyword may be repeated */
    SG_CONTENT_LEVEL,  /**< keywords of ->inner */
};

struct sg_rac_keyword {
    enum sg_rac_level level;
    const char *name;
    enum sg_rac_content content;
    enum sg_rac_level inner;
    bool optional;          /**< the parentheses may be left out */
    bool function;          /**< of RACDCERT: what is to be done */
    const char *belongs_to; /**< of RACDCERT: the functions that take it; NULL: all, or not asked */
    unsigned positional;    /**< of a command: operands that stand before its keywords, the last of
                                 them the profile */
    bool list;              /**< of a command: several profiles may stand in parentheses */
    bool whole; /**< not abbreviated: none of RACF's, whose abbreviations stay what they are */
};

/** All rows; *count of them. */
const struct sg_rac_keyword *sg_rac_keywords(size_t *count);
/** A level's name for messages: "CONNECT's operands". Never NULL. */
const char *sg_rac_level_name(enum sg_rac_level level);

#endif
