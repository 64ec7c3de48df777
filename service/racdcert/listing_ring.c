/* LISTRING: a ring and what is connected to it, in columns. */
#include "listing_internal.h"

#include <string.h>

/* Columns, counted from 1: label 3, owner 38, usage 53, default 66. */
enum { LABEL_WIDTH = 32, OWNER_WIDTH = 12, USAGE_WIDTH = 8 };

void sg_page_owner(struct sg_page *page, const char *owner, size_t width)
{
    if (strcmp(owner, "CERTAUTH") == 0 || strcmp(owner, "SITE") == 0) {
        sg_page_cell(page, owner, width);
        return;
    }
    sg_page_put(page, "ID(");
    sg_page_text(page, owner);
    /* a user ID is ASCII: bytes are characters */
    sg_page_cell(page, ")", width > strlen(owner) + 3 ? width - strlen(owner) - 3 : 1);
}

static void put_member(struct sg_page *page, json_t *item)
{
    sg_page_put(page, "  ");
    sg_page_cell(page, sg_page_get(page, item, "label"), LABEL_WIDTH);
    sg_page_put(page, "   ");
    sg_page_owner(page, sg_page_get(page, item, "owner"), OWNER_WIDTH);
    sg_page_put(page, "   ");
    sg_page_cell(page, sg_page_get(page, item, "usage"), USAGE_WIDTH);
    sg_page_line(page, "     ", sg_page_truth(page, item, "default") ? "YES" : "NO");
}

static void put_remark(struct sg_page *page, json_t *item, bool *any)
{
    const char *label = sg_page_get(page, item, "label");
    const char *owner = sg_page_get(page, item, "owner");
    bool hidden = !sg_page_truth(page, item, "visible");
    bool expired = page->options->now_s > sg_page_time(page, sg_page_get(page, item, "not_after"));
    if (!hidden && !expired) {
        return;
    }
    sg_page_put(page, "%s", *any ? "" : "\n");
    *any = true;
    sg_page_remark(page, "%s of %s: %s%s%s", label, owner,
                   hidden ? "hidden from programs (NOTRUST)" : "", hidden && expired ? ", " : "",
                   expired ? "expired" : "");
}

static void put_members(struct sg_page *page, json_t *items)
{
    static const char heading[] =
        "  Certificate Label Name             Cert Owner     USAGE      DEFAULT\n"
        "  --------------------------------   ------------   --------   -------\n";
    size_t index = 0;
    json_t *item = NULL;
    bool any = false;
    sg_page_put(page, "%s", heading);
    json_array_foreach(items, index, item)
    {
        put_member(page, item);
    }
    json_array_foreach(items, index, item)
    {
        put_remark(page, item, &any);
    }
}

void sg_page_list_ring(struct sg_page *page, json_t *answer)
{
    json_t *items = sg_page_list(page, answer, "items");
    if (!page->options->continued) {
        sg_page_heading(page, "Digital ring information", sg_page_get(page, answer, "owner"));
    }
    sg_page_put(page, "\n  Ring:\n");
    sg_page_block(page, SG_LISTING_INDENT, sg_page_get(page, answer, "ring"));
    if (json_array_size(items) == 0) {
        sg_page_put(page, "\n  *** No certificates connected ***\n");
        return;
    }
    put_members(page, items);
}
