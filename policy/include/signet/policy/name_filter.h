/* Certificate name filters: which user a certificate stands for that is not installed itself
 * (docs/racf-compatibility.md, name filters). A filter is the end of a distinguished name as RACF
 * prints it: most specific part first, joined by periods. Pure.
 *
 * Text cannot tell a period inside a value from one between two parts. So a filter is only ever
 * compared with whole parts, and a part whose value reads like two ("CN=x.O=Bank") is not clear:
 * neither it nor anything with it inside matches or makes a filter. */
#ifndef SIGNET_POLICY_NAME_FILTER_H
#define SIGNET_POLICY_NAME_FILTER_H

#include <signet/base/error.h>
#include <signet/policy/model.h>

#define SG_FILTER_MAX 255    /**< characters of a filter, as RACF has it */
#define SG_FILTER_BYTES 1020 /**< bytes of UTF-8 a filter may take */
#define SG_DOTTED_PARTS 64   /**< parts of a name */
#define SG_DOTTED_BYTES 8192 /**< bytes of a name's text */
#define SG_CRITERIA_MAX 255  /**< characters, also with the values in place */
#define SG_CRITERIA_VALUE 32 /**< characters of a variable's value */
#define SG_MULTIID "MULTIID" /**< owner of filters that find the user by criteria */

/** A distinguished name as RACF prints it. Start with {0}, add parts from the most specific one
 * on. */
struct sg_dotted_name {
    char text[SG_DOTTED_BYTES + 1];
    size_t starts[SG_DOTTED_PARTS]; /**< where each part begins in the text */
    size_t count;
    size_t clear_from; /**< the parts from this one to the end can be told apart in the text */
    bool cut;          /**< parts were left out: too many, too long; nothing is clear then */
    size_t len;        /**< bytes of text */
};
/** Add one type and value. joined: it belongs to the part before (a relative name of several
 * values, shown with "+"). type is one of sg_dotted_types or an object identifier in dotted digits.
 * What has no place is left out and nothing of the name is clear then; what cannot be shown (bad
 * UTF-8, control characters) is shown as "?" and is not clear. */
void sg_dotted_add(struct sg_dotted_name *name, const char *type, const char *value, size_t len,
                   bool joined);
/** The types that a filter can begin with, NULL-terminated: "CN", "T" … */
const char *const *sg_dotted_types(void);

/** Whose name a filter is for. */
enum sg_filter_side { SG_FILTER_SUBJECT, SG_FILTER_ISSUER };

/** Check a filter that was typed whole: 1–255 characters, begins with a known type and "=", no
 * control characters. SG_E_INPUT: "bad_filter"; "filter_too_long". */
SG_CHECKED sg_status sg_filter_check(enum sg_filter_side side, const char *text,
                                     struct sg_error *err);
/** A filter from its beginning and a model certificate's name: from there to the end. *partial:
 * it does not begin with the name's first part. SG_E_INPUT: "filter_start_not_found" (RACF's
 * IRRD141I), "filter_too_long" (IRRD142I), "filter_start_ambiguous", "filter_not_clear". */
SG_CHECKED sg_status sg_filter_from_model(enum sg_filter_side side, const char *start,
                                          const struct sg_dotted_name *name,
                                          char out[SG_FILTER_BYTES + 1], bool *partial,
                                          struct sg_error *err);

/** How specific a filter is for a certificate, the most specific first. */
enum sg_filter_rank {
    SG_RANK_SUBJECT_AND_ISSUER,
    SG_RANK_PARTIAL_SUBJECT_AND_ISSUER,
    SG_RANK_SUBJECT,
    SG_RANK_PARTIAL_SUBJECT,
    SG_RANK_ISSUER,
    SG_RANK_PARTIAL_ISSUER,
};
#define SG_RANK_COUNT 6
/** "the full subject and the full issuer" … */
const char *sg_filter_rank_words(enum sg_filter_rank rank);

/** A filter that would match a certificate. Absent sides are "". The texts are borrowed from the
 * names. */
struct sg_filter_key {
    const char *subject, *issuer;
    enum sg_filter_rank rank;
};
/** Candidate number i (from 0) for a certificate of these names, the most specific first, longer
 * before shorter; false when there are no more. The first candidate that exists as a filter
 * decides. At most 4 * SG_DOTTED_PARTS. A filter for both sides has the whole issuer. */
bool sg_filter_candidate(const struct sg_dotted_name *subject, const struct sg_dotted_name *issuer,
                         size_t i, struct sg_filter_key *out);

/** What is known where a certificate is presented; NULL: not known. */
struct sg_criteria_values {
    const char *applid, *sysid;
};
/** Read criteria: "NAME=&VARIABLE" terms joined by periods, each name once, the variables &APPLID
 * and &SYSID; folded to upper case. SG_E_INPUT "bad_criteria". */
SG_CHECKED sg_status sg_criteria_read(const char *text, char out[SG_CRITERIA_MAX + 1],
                                      struct sg_error *err);
/** Put the values in: the name of a DIGTCRIT profile. Values are 1–32 letters, digits, @ # $ _ -,
 * folded to upper case, so that none can pretend to be more than one term. SG_E_INPUT:
 * "criteria_value_missing", "bad_criteria_value"; SG_E_LIMIT "criteria_too_long". */
SG_CHECKED sg_status sg_criteria_fill(const char *criteria, const struct sg_criteria_values *values,
                                      char out[SG_CRITERIA_MAX + 1], struct sg_error *err);

#endif
