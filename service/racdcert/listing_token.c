/* LISTTOKEN: what is bound in a served token, by sequence number. */
#include "listing_internal.h"

#include <string.h>

static void put_bound(struct sg_page *page, json_t *item)
{
    sg_page_put(page, "%08lld  Default:  %s         ",
                (long long)sg_page_number(page, item, "sequence_number"),
                sg_page_truth(page, item, "default") ? "YES" : "NO ");
    sg_page_line(page, "RACF: ", sg_page_get(page, item, "label"));
    /* of what is bound as CERTAUTH or SITE the token has no key, wherever else there is one */
    const char *usage = sg_page_get(page, item, "usage");
    bool key = sg_page_truth(page, item, "private_key") && strcmp(usage, "PERSONAL") == 0;
    sg_page_put(page, "          Priv Key: %s\n", key ? "YES" : "NO");
    sg_page_line(page, "          Usage:    ", usage);
    sg_page_put(page, "          Owner:    ");
    sg_page_owner(page, sg_page_get(page, item, "owner"), 0);
    sg_page_put(page, "\n");
}

static void put_remark(struct sg_page *page, json_t *item)
{
    if (!sg_page_truth(page, item, "visible")) {
        sg_page_remark(page, "%s of %s: hidden from programs (NOTRUST)",
                       sg_page_get(page, item, "label"), sg_page_get(page, item, "owner"));
    }
}

void sg_page_list_token(struct sg_page *page, json_t *answer)
{
    static const char heading[] =
        "Seq Num   Attributes            Labels\n"
        "--------  --------------------  ------------------------------\n";
    json_t *items = sg_page_list(page, answer, "items");
    size_t index = 0;
    json_t *item = NULL;
    sg_page_line(page, page->options->continued ? "\nToken: " : "Token: ",
                 sg_page_get(page, answer, "token"));
    if (json_array_size(items) == 0) {
        sg_page_put(page, "\n  *** No certificates bound ***\n");
        return;
    }
    sg_page_put(page, "\n%s", heading);
    json_array_foreach(items, index, item)
    {
        put_bound(page, item);
    }
    json_array_foreach(items, index, item)
    {
        put_remark(page, item);
    }
}
