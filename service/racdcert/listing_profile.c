/* RLIST: a profile, and with AUTHUSER whom it permits what. */
#include "listing_internal.h"

#include <string.h>

/* "owner:START1" is START1, and "owner" stands behind the level. */
static void put_permit(struct sg_page *page, json_t *item)
{
    const char *to = sg_page_get(page, item, "to");
    const char *name = sg_page_get(page, item, "name");
    const char *colon = strchr(to, ':');
    size_t kind = colon != NULL ? (size_t)(colon - to) : 0;
    const char *number = colon != NULL ? colon + 1 : to;
    sg_page_cell(page, name[0] != '\0' ? name : number, 10);
    sg_page_put(page, " ");
    sg_page_cell(page, sg_page_get(page, item, "level"), 8);
    sg_page_put(page, " ");
    if (kind > 0) {
        sg_page_some(page, to, kind);
    } else {
        sg_page_put(page, "everybody");
    }
    sg_page_put(page, "\n");
}

static void put_permits(struct sg_page *page, json_t *answer)
{
    json_t *items = sg_page_list(page, answer, "items");
    size_t index = 0;
    json_t *item = NULL;
    sg_page_put(page, "\nUSER       ACCESS   KIND\n----       ------   ----\n");
    if (json_array_size(items) == 0) {
        sg_page_put(page, "NO USERS IN ACCESS LIST\n");
    }
    json_array_foreach(items, index, item)
    {
        put_permit(page, item);
    }
}

void sg_page_list_profile(struct sg_page *page, json_t *answer)
{
    const char *name = sg_page_get(page, answer, "profile");
    const char *data = sg_page_get(page, answer, "appldata");
    bool generic = strpbrk(name, "%*") != NULL;
    sg_page_put(page, page->options->continued ? "\n" : "");
    sg_page_put(page, "CLASS      NAME\n-----      ----\n");
    sg_page_cell(page, sg_page_get(page, answer, "class"), 10);
    sg_page_put(page, " ");
    sg_page_text(page, name);
    sg_page_put(page, generic ? " (G)\n" : "\n");
    sg_page_line(page, "\nUNIVERSAL ACCESS\n----------------\n", sg_page_get(page, answer, "uacc"));
    sg_page_line(page, "\nAPPLICATION DATA\n----------------\n", data[0] != '\0' ? data : "NONE");
    if (page->options->permits) {
        put_permits(page, answer);
    }
}
