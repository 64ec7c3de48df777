/* docs/racf-compatibility.md has a row for every keyword of the language, and for no others. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/buffer.h>
#include <signet/base/file.h>
#include <signet/racdcert/keywords.h>

#define SECTION_MAX 120

static int read_page(void **state)
{
    static struct sg_buffer page;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&page, 1 << 20);
    if (sg_file_read(RACF_PAGE, "page", &page, &err) != SG_OK ||
        sg_buffer_append(&page, "\n#", 3, &err) != SG_OK) { /* with the NUL */
        return -1;
    }
    *state = &page;
    return 0;
}

static int drop_page(void **state)
{
    sg_buffer_done(*state);
    return 0;
}

/* The part under a level's heading; *len its bytes. */
static const char *section(const struct sg_buffer *page, const char *level, size_t *len)
{
    char heading[SECTION_MAX];
    (void)snprintf(heading, sizeof heading, "\n### %s\n", level);
    const char *start = strstr((const char *)page->data, heading);
    if (start == NULL) {
        fail_msg("the page has no section \"%s\"", level);
        return NULL;
    }
    start += strlen(heading) - 1;
    const char *end = strstr(start, "\n#");
    assert_non_null(end);
    *len = (size_t)(end - start);
    return start;
}

/* The next row of a table that begins with a keyword; its first cell, and the second one. */
struct row {
    const char *cell, *verdict, *end;
    size_t cell_len, verdict_len;
};

static bool next_row(const char **at, const char *end, struct row *out)
{
    while (*at < end) {
        const char *line = *at;
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop != NULL ? stop : end;
        *at = stop < end ? stop + 1 : end;
        if (strncmp(line, "| `", 3) != 0) {
            continue;
        }
        const char *bar = memchr(line + 1, '|', (size_t)(stop - line - 1));
        assert_non_null(bar);
        const char *second = memchr(bar + 1, '|', (size_t)(stop - bar - 1));
        assert_non_null(second);
        *out = (struct row){line, bar + 2, stop, (size_t)(bar - line), (size_t)(second - bar - 3)};
        return true;
    }
    return false;
}

static bool cell_names(const struct row *row, const char *name)
{
    char quoted[SECTION_MAX];
    (void)snprintf(quoted, sizeof quoted, "`%s`", name);
    return memmem(row->cell, row->cell_len, quoted, strlen(quoted)) != NULL;
}

static unsigned rows_of(const struct sg_buffer *page, const struct sg_rac_keyword *keyword)
{
    size_t len = 0;
    unsigned found = 0;
    struct row row;
    const char *at = section(page, sg_rac_level_name(keyword->level), &len);
    const char *end = at + len;
    while (next_row(&at, end, &row)) {
        found += cell_names(&row, keyword->name) ? 1 : 0;
    }
    return found;
}

static void every_keyword_has_its_row(void **state)
{
    size_t count = 0;
    const struct sg_rac_keyword *rows = sg_rac_keywords(&count);
    assert_true(count > 200);
    for (size_t i = 0; i < count; i++) {
        unsigned found = rows_of(*state, &rows[i]);
        if (found != 1) {
            fail_msg("%s of %s has %u rows", rows[i].name, sg_rac_level_name(rows[i].level), found);
        }
    }
}

static bool is_keyword(const char *level, const char *name, size_t len)
{
    size_t count = 0;
    const struct sg_rac_keyword *rows = sg_rac_keywords(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(sg_rac_level_name(rows[i].level), level) == 0 && strlen(rows[i].name) == len &&
            memcmp(rows[i].name, name, len) == 0) {
            return true;
        }
    }
    return false;
}

static void check_cell(const struct row *row, const char *level)
{
    const char *end = row->cell + row->cell_len;
    const char *open = memchr(row->cell, '`', row->cell_len);
    while (open != NULL) {
        const char *close = memchr(open + 1, '`', (size_t)(end - open - 1));
        assert_non_null(close);
        if (!is_keyword(level, open + 1, (size_t)(close - open - 1))) {
            fail_msg("%.*s is no keyword of %s", (int)(close - open - 1), open + 1, level);
        }
        open = memchr(close + 1, '`', (size_t)(end - close - 1));
    }
}

static void check_verdict(const struct row *row)
{
    static const char *const words[] = {"same", "same, warned", "differs", "ignored"};
    bool known = false;
    for (size_t i = 0; i < SG_COUNT(words); i++) {
        known = known || (strlen(words[i]) == row->verdict_len &&
                          memcmp(words[i], row->verdict, row->verdict_len) == 0);
    }
    if (!known) {
        fail_msg("\"%.*s\" in %.*s", (int)row->verdict_len, row->verdict, (int)row->cell_len,
                 row->cell);
    }
    /* what differs is said */
    bool differs = row->verdict_len == 7 && row->verdict[0] == 'd';
    assert_true(!differs || row->end - row->verdict > 20);
}

/* The first row of each level leads to its section. */
static void every_row_is_a_keyword(void **state)
{
    size_t count = 0;
    const struct sg_rac_keyword *rows = sg_rac_keywords(&count);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && rows[i].level == rows[i - 1].level) {
            continue;
        }
        size_t len = 0;
        struct row row;
        const char *level = sg_rac_level_name(rows[i].level);
        const char *at = section(*state, level, &len);
        const char *end = at + len;
        while (next_row(&at, end, &row)) {
            check_cell(&row, level);
            check_verdict(&row);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_keyword_has_its_row, read_page, drop_page),
        cmocka_unit_test_setup_teardown(every_row_is_a_keyword, read_page, drop_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
