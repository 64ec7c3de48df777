/* LISTMAP: name filters. */
#include "listing_internal.h"

#include <string.h>

enum { FILTER_INDENT = 6 };

static void put_filter(struct sg_page *page, json_t *item, const char *before, const char *key)
{
    const char *filter = sg_page_find(page, item, key);
    sg_page_line(page, before, "");
    sg_page_block(page, FILTER_INDENT, filter != NULL ? filter : "");
}

static void put_map(struct sg_page *page, json_t *item)
{
    const char *criteria = sg_page_find(page, item, "criteria");
    sg_page_line(page, " Label: ", sg_page_get(page, item, "label"));
    sg_page_line(page, " Status: ", sg_page_get(page, item, "status"));
    put_filter(page, item, " Issuer's Name Filter:", "issuer_filter");
    put_filter(page, item, " Subject's Name Filter:", "subject_filter");
    if (criteria != NULL && criteria[0] != '\0') {
        sg_page_line(page, " Criteria: ", criteria);
    }
}

void sg_page_list_maps(struct sg_page *page, json_t *answer)
{
    json_t *items = sg_page_list(page, answer, "items");
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach(items, index, item)
    {
        if (index == 0 && !page->options->continued) {
            sg_page_heading(page, "Mapping information", sg_page_get(page, item, "owner"));
        } else {
            sg_page_put(page, "\n");
        }
        put_map(page, item);
    }
}
