/* Aimed at: sg_dotted_add, sg_filter_candidate, sg_filter_check, sg_filter_from_model,
 * sg_criteria_read, sg_criteria_fill. The input is lines: the first is a filter or criteria, each
 * further one "type=value" of a name, most specific first; a line that begins with "+" joins the
 * part before. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <signet/policy/name_filter.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINE_MAX 9000

static void require(bool invariant)
{
    if (!invariant) {
        abort();
    }
}

static void check_error(const struct sg_error *err, sg_status status)
{
    require(err->status == status && (status == SG_E_INPUT || status == SG_E_LIMIT));
    require(err->code[0] != '\0' && err->text[0] != '\0');
}

/* The next line, NUL-terminated in out; its length in *len. */
static const uint8_t *next_line(const uint8_t *at, const uint8_t *end, char out[LINE_MAX],
                                size_t *len)
{
    const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
    stop = stop != NULL ? stop : end;
    *len = (size_t)(stop - at) < LINE_MAX - 1 ? (size_t)(stop - at) : LINE_MAX - 1;
    memcpy(out, at, *len);
    out[*len] = '\0';
    return stop < end ? stop + 1 : end;
}

static void add_line(struct sg_dotted_name *name, const char *line, size_t len)
{
    bool joined = line[0] == '+';
    const char *equals = memchr(line, '=', len);
    char type[16] = "CN";
    if (equals != NULL && (size_t)(equals - line) < sizeof type && equals > line + joined) {
        memcpy(type, line + joined, (size_t)(equals - line - joined));
        type[equals - line - joined] = '\0';
    }
    bool known = strspn(type, "0123456789.") == strlen(type);
    for (const char *const *word = sg_dotted_types(); *word != NULL; word++) {
        known = known || strcmp(*word, type) == 0;
    }
    const char *value = equals != NULL ? equals + 1 : line;
    sg_dotted_add(name, known ? type : "OU", value, len - (size_t)(value - line), joined);
}

/* The most specific first, ever shorter, each an end of the name that begins at a clear part. */
static void check_candidates(const struct sg_dotted_name *subject,
                             const struct sg_dotted_name *issuer)
{
    struct sg_filter_key key;
    struct sg_filter_key before = {"", "", SG_RANK_SUBJECT_AND_ISSUER};
    size_t count = 0;
    for (; sg_filter_candidate(subject, issuer, count, &key); count++) {
        require(key.subject[0] != '\0' || key.issuer[0] != '\0');
        require(key.rank >= before.rank);
        require(count == 0 || key.rank != before.rank ||
                strlen(key.subject) + strlen(key.issuer) <
                    strlen(before.subject) + strlen(before.issuer));
        require(key.subject[0] == '\0' ||
                key.subject >= subject->text + subject->starts[subject->clear_from]);
        require(key.issuer[0] == '\0' ||
                key.issuer >= issuer->text + issuer->starts[issuer->clear_from]);
        before = key;
    }
    require(count <= (size_t)4 * SG_DOTTED_PARTS);
    require(!sg_filter_candidate(subject, issuer, SIZE_MAX, &key));
}

/* What a model gives is a candidate of the model. */
static void check_model(const struct sg_dotted_name *name, const char *start)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_dotted_name none = {.len = 0};
    struct sg_filter_key key;
    char filter[SG_FILTER_BYTES + 1];
    bool partial = false;
    bool found = false;
    sg_status s = sg_filter_from_model(SG_FILTER_SUBJECT, start, name, filter, &partial, &err);
    if (s != SG_OK) {
        check_error(&err, s);
        return;
    }
    require(sg_filter_check(SG_FILTER_SUBJECT, filter, &err) == SG_OK);
    require(strncmp(filter, start, strlen(start)) == 0);
    for (size_t i = 0; !found && sg_filter_candidate(name, &none, i, &key); i++) {
        found = strcmp(key.subject, filter) == 0;
        require(!found || (key.rank == SG_RANK_PARTIAL_SUBJECT) == partial);
    }
    require(found);
}

static void check_criteria(const char *text)
{
    struct sg_error err = SG_ERROR_INIT;
    char criteria[SG_CRITERIA_MAX + 1];
    char again[SG_CRITERIA_MAX + 1];
    const struct sg_criteria_values values = {.applid = "APPL", .sysid = text};
    sg_status s = sg_criteria_read(text, criteria, &err);
    if (s != SG_OK) {
        check_error(&err, s);
        return;
    }
    require(sg_criteria_read(criteria, again, &err) == SG_OK && strcmp(criteria, again) == 0);
    s = sg_criteria_fill(criteria, &values, again, &err);
    if (s != SG_OK) {
        check_error(&err, s);
        return;
    }
    require(strchr(again, '&') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char first[LINE_MAX];
    static char line[LINE_MAX];
    static struct sg_dotted_name name;
    struct sg_error err = SG_ERROR_INIT;
    size_t len = 0;
    const uint8_t *at = next_line(data, data + size, first, &len);
    memset(&name, 0, sizeof name);
    while (at < data + size) {
        at = next_line(at, data + size, line, &len);
        add_line(&name, line, len);
    }
    require(name.len == strlen(name.text) && name.len <= SG_DOTTED_BYTES);
    require(name.count <= SG_DOTTED_PARTS && name.clear_from <= name.count);
    check_candidates(&name, &name);
    check_model(&name, first);
    check_criteria(first);
    sg_status s = sg_filter_check(SG_FILTER_ISSUER, first, &err);
    if (s != SG_OK) {
        check_error(&err, s);
    }
    return 0;
}
