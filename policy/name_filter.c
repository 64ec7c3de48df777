#include <signet/policy/name_filter.h>

#include <string.h>
#include <strings.h>

#include <signet/base/cleanup.h>

#include "utf8_internal.h"

/* The words of a side: in sentences, and its option. */
struct side {
    const char *noun, *option;
};
static const struct side sides[] = {
    [SG_FILTER_SUBJECT] = {"subject", "--subject-filter"},
    [SG_FILTER_ISSUER] = {"issuer", "--issuer-filter"},
};

/* ---- a filter's text ---- */

static sg_status count_characters(const struct side *side, const char *text, size_t *count,
                                  struct sg_error *err)
{
    size_t len = strlen(text);
    *count = 0;
    for (size_t i = 0; i < len; ++*count) {
        uint32_t point = 0;
        size_t size = sg_utf8_read(text + i, len - i, &point);
        if (size == 0 || sg_utf8_is_control(point)) {
            return sg_fail(err, SG_E_INPUT, "bad_filter",
                           "character %zu of the %s filter is a control character or no UTF-8",
                           *count + 1, side->noun);
        }
        i += size;
    }
    return SG_OK;
}

static sg_status check_length(const struct side *side, const char *text, struct sg_error *err)
{
    size_t count = 0;
    sg_status s = count_characters(side, text, &count, err);
    if (s == SG_OK && count == 0) {
        return sg_fail(err, SG_E_INPUT, "bad_filter", "the %s filter is empty", side->noun);
    }
    if (s == SG_OK && count > SG_FILTER_MAX) {
        (void)sg_fail(err, SG_E_INPUT, "filter_too_long",
                      "the %s filter has %zu characters, at most %d are allowed", side->noun, count,
                      SG_FILTER_MAX);
        return sg_hint(err, "Begin at a later part of the name: a filter is the name's end.");
    }
    return s;
}

/* "O" of "O=IBM.C=UK"; empty when there is no "=". */
static size_t type_length(const char *text)
{
    size_t len = strcspn(text, "=");
    return text[len] == '=' ? len : 0;
}

static bool is_type(const char *text, size_t len, bool any_case)
{
    if (len > 4 && strncmp(text, "OID.", 4) == 0) {
        return strspn(text + 4, "0123456789.") == len - 4;
    }
    for (const char *const *type = sg_dotted_types(); *type != NULL; type++) {
        bool same = strlen(*type) == len && strncasecmp(*type, text, len) == 0;
        if (same && (any_case || strncmp(*type, text, len) == 0)) {
            return true;
        }
    }
    return false;
}

/* What RACF calls otherwise than the rest of the world. */
static const char *racf_word(const char *text, size_t len)
{
    static const char *const words[][2] = {
        {"ST", "SP"},
        {"S", "SP"},
        {"E", "MAIL"},
        {"EMAIL", "MAIL"},
        {"EMAILADDRESS", "MAIL"},
        {"TITLE", "T"},
        {"POSTALCODE", "PC"},
    };
    for (size_t i = 0; i < SG_COUNT(words); i++) {
        if (strlen(words[i][0]) == len && strncasecmp(words[i][0], text, len) == 0) {
            return words[i][1];
        }
    }
    return NULL;
}

static sg_status bad_type(const struct side *side, const char *text, struct sg_error *err)
{
    size_t len = type_length(text);
    const char *word = racf_word(text, len);
    (void)sg_fail(err, SG_E_INPUT, "bad_filter",
                  "the %s filter does not begin with a part of a distinguished name", side->noun);
    if (word != NULL) {
        return sg_hint(err, "Write %s=, as RACF's listings do, for %.*s=.", word, (int)len, text);
    }
    if (is_type(text, len, true)) {
        return sg_hint(err, "Write the type as RACF's listings do: filters are compared exactly.");
    }
    return sg_hint(err,
                   "Write it as RACF prints names, the end of the name from a part on: "
                   "%s 'OU=Sales.O=Example.C=GB'. Types are CN T OU O L SP C STREET PC MAIL "
                   "DC UID serialNumber and OID.<digits>.",
                   side->option);
}

sg_status sg_filter_check(enum sg_filter_side side, const char *text, struct sg_error *err)
{
    const struct side *words = &sides[side];
    sg_status s = check_length(words, text, err);
    if (s == SG_OK && !is_type(text, type_length(text), false)) {
        return bad_type(words, text, err);
    }
    return s;
}

/* ---- a filter from a model certificate ---- */

static const char *from_part(const struct sg_dotted_name *name, size_t part)
{
    return name->text + name->starts[part];
}

/* Does a starting point end where a part ends? */
static bool is_whole_start(const struct sg_dotted_name *name, size_t part, size_t len)
{
    size_t end = name->starts[part] + len;
    bool at_part = end == name->len;
    for (size_t i = part + 1; i < name->count && !at_part; i++) {
        at_part = end + 1 == name->starts[i];
    }
    return at_part;
}

struct start {
    size_t part;  /* the only, or the last one found */
    size_t count; /* how many parts begin so */
};

static struct start find_start(const struct sg_dotted_name *name, const char *start, bool whole)
{
    struct start found = {.count = 0};
    size_t len = strlen(start);
    for (size_t i = 0; i < name->count; i++) {
        bool begins = strncmp(from_part(name, i), start, len) == 0;
        if (begins && (!whole || is_whole_start(name, i, len))) {
            found.part = i;
            found.count++;
        }
    }
    return found;
}

/* Whole parts go before parts that only begin so: OU=Sales is not OU=Salesmen where both stand. */
static sg_status find_part(const struct side *side, const struct sg_dotted_name *name,
                           const char *start, size_t *part, struct sg_error *err)
{
    struct start found = find_start(name, start, true);
    if (found.count == 0) {
        found = find_start(name, start, false);
    }
    if (found.count == 0) {
        (void)sg_fail(err, SG_E_INPUT, "filter_start_not_found",
                      "no part of the model certificate's %s begins with \"%.200s\"", side->noun,
                      start);
        return sg_hint(err, "Case and blanks count. The %s is %.400s", side->noun, name->text);
    }
    if (found.count > 1) {
        (void)sg_fail(err, SG_E_INPUT, "filter_start_ambiguous",
                      "%zu parts of the model certificate's %s begin with \"%.200s\"", found.count,
                      side->noun, start);
        return sg_hint(err, "Give more of it. The %s is %.400s", side->noun, name->text);
    }
    *part = found.part;
    return SG_OK;
}

sg_status sg_filter_from_model(enum sg_filter_side side, const char *start,
                               const struct sg_dotted_name *name, char out[SG_FILTER_BYTES + 1],
                               bool *partial, struct sg_error *err)
{
    const struct side *words = &sides[side];
    size_t part = 0;
    sg_status s = start[0] == '\0' ? check_length(words, start, err)
                                   : find_part(words, name, start, &part, err);
    if (s == SG_OK && part < name->clear_from) {
        (void)sg_fail(err, SG_E_INPUT, "filter_not_clear",
                      "the model certificate's %s has a value that reads like two parts, or cannot "
                      "be shown",
                      words->noun);
        return sg_hint(err, "Begin the filter behind it. The %s is %.400s", words->noun,
                       name->text);
    }
    s = s == SG_OK ? sg_filter_check(side, from_part(name, part), err) : s;
    if (s != SG_OK) {
        return s;
    }
    memcpy(out, from_part(name, part), strlen(from_part(name, part)) + 1);
    *partial = part > 0;
    return SG_OK;
}

/* ---- which filters would match ---- */

const char *sg_filter_rank_words(enum sg_filter_rank rank)
{
    static const char *const words[SG_RANK_COUNT] = {
        [SG_RANK_SUBJECT_AND_ISSUER] = "the full subject and the full issuer",
        [SG_RANK_PARTIAL_SUBJECT_AND_ISSUER] = "the end of the subject and the full issuer",
        [SG_RANK_SUBJECT] = "the full subject",
        [SG_RANK_PARTIAL_SUBJECT] = "the end of the subject",
        [SG_RANK_ISSUER] = "the full issuer",
        [SG_RANK_PARTIAL_ISSUER] = "the end of the issuer",
    };
    return (unsigned)rank < SG_RANK_COUNT ? words[rank] : "nothing";
}

static bool has_full(const struct sg_dotted_name *name)
{
    return name->count > 0 && name->clear_from == 0;
}

static size_t first_partial(const struct sg_dotted_name *name)
{
    return name->clear_from > 0 ? name->clear_from : 1;
}

static size_t partials(const struct sg_dotted_name *name)
{
    size_t first = first_partial(name);
    return name->count > first ? name->count - first : 0;
}

static size_t candidates(enum sg_filter_rank rank, const struct sg_dotted_name *subject,
                         const struct sg_dotted_name *issuer)
{
    switch (rank) {
    case SG_RANK_SUBJECT_AND_ISSUER:
        return has_full(subject) && has_full(issuer);
    case SG_RANK_PARTIAL_SUBJECT_AND_ISSUER:
        return has_full(issuer) ? partials(subject) : 0;
    case SG_RANK_SUBJECT:
        return has_full(subject);
    case SG_RANK_PARTIAL_SUBJECT:
        return partials(subject);
    case SG_RANK_ISSUER:
        return has_full(issuer);
    case SG_RANK_PARTIAL_ISSUER:
        return partials(issuer);
    }
    return 0;
}

static const char *end_of(const struct sg_dotted_name *name, bool partial, size_t i)
{
    return from_part(name, partial ? first_partial(name) + i : 0);
}

static struct sg_filter_key candidate(enum sg_filter_rank rank, size_t i,
                                      const struct sg_dotted_name *subject,
                                      const struct sg_dotted_name *issuer)
{
    bool part_subject =
        rank == SG_RANK_PARTIAL_SUBJECT_AND_ISSUER || rank == SG_RANK_PARTIAL_SUBJECT;
    bool for_subject =
        part_subject || rank == SG_RANK_SUBJECT_AND_ISSUER || rank == SG_RANK_SUBJECT;
    bool both = rank == SG_RANK_SUBJECT_AND_ISSUER || rank == SG_RANK_PARTIAL_SUBJECT_AND_ISSUER;
    return (struct sg_filter_key){
        .subject = for_subject ? end_of(subject, part_subject, i) : "",
        .issuer = both || !for_subject ? end_of(issuer, rank == SG_RANK_PARTIAL_ISSUER, i) : "",
        .rank = rank,
    };
}

bool sg_filter_candidate(const struct sg_dotted_name *subject, const struct sg_dotted_name *issuer,
                         size_t i, struct sg_filter_key *out)
{
    for (unsigned r = 0; r < SG_RANK_COUNT; r++) {
        enum sg_filter_rank rank = (enum sg_filter_rank)r;
        size_t count = candidates(rank, subject, issuer);
        if (i < count) {
            *out = candidate(rank, i, subject, issuer);
            return true;
        }
        i -= count;
    }
    return false;
}
