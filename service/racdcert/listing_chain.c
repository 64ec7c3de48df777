/* LISTCHAIN: a certificate and its issuers, and what is to be said of all of them. CHECKCERT: the
 * same of a file, with what is here of it. */
#include "listing_internal.h"

#include <string.h>

static bool has_ring(struct sg_page *page, json_t *item, const char *owner, const char *name)
{
    size_t index = 0;
    json_t *ring = NULL;
    if (json_object_get(item, "rings") == NULL) {
        return false; /* one that may not be listed */
    }
    json_array_foreach(sg_page_list(page, item, "rings"), index, ring)
    {
        if (strcmp(sg_page_get(page, ring, "owner"), owner) == 0 &&
            strcmp(sg_page_get(page, ring, "ring"), name) == 0) {
            return true;
        }
    }
    return false;
}

static bool all_have_ring(struct sg_page *page, json_t *items, const char *owner, const char *name)
{
    for (size_t i = 1; i < json_array_size(items); i++) {
        if (!has_ring(page, json_array_get(items, i), owner, name)) {
            return false;
        }
    }
    return true;
}

static void put_common_rings(struct sg_page *page, json_t *items)
{
    size_t index = 0;
    json_t *ring = NULL;
    json_array_foreach(sg_page_list(page, json_array_get(items, 0), "rings"), index, ring)
    {
        const char *owner = sg_page_get(page, ring, "owner");
        const char *name = sg_page_get(page, ring, "ring");
        if (all_have_ring(page, items, owner, name)) {
            sg_page_put(page, "  Chain contains ring in common: ");
            sg_page_text(page, owner);
            sg_page_line(page, "/", name);
        }
    }
}

static bool is_expired(struct sg_page *page, json_t *item)
{
    return page->options->now_s > sg_page_time(page, sg_page_get(page, item, "not_after"));
}

static bool is_notrust(struct sg_page *page, json_t *item)
{
    const char *status = sg_page_find(page, item, "status");
    return status != NULL && strcmp(status, "NOTRUST") == 0;
}

static void put_summary(struct sg_page *page, json_t *answer, json_t *items)
{
    bool expired = false;
    bool notrust = false;
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach(items, index, item)
    {
        expired = is_expired(page, item) || expired;
        notrust = is_notrust(page, item) || notrust;
    }
    sg_page_put(page, "Chain information:\n");
    sg_page_put(page, "  Chain contains %zu certificate(s), chain is %s\n", json_array_size(items),
                sg_page_truth(page, answer, "complete") ? "complete" : "incomplete");
    if (expired) {
        sg_page_put(page, "  Chain contains expired certificate(s)\n");
    }
    if (notrust) {
        sg_page_put(page, "  Chain contains NOTRUST certificate(s)\n");
    }
    put_common_rings(page, items);
}

/* What is not here, or may not be listed, has no owner. */
static void put_heading(struct sg_page *page, json_t *item)
{
    const char *owner = sg_page_find(page, item, "owner");
    if (owner != NULL) {
        sg_page_heading(page, "Digital certificate information", owner);
    } else {
        sg_page_put(page, "Digital certificate information:\n");
    }
    sg_page_put(page, "\n");
}

void sg_page_list_chain(struct sg_page *page, json_t *answer)
{
    json_t *items = sg_page_list(page, answer, "items");
    size_t index = 0;
    json_t *item = NULL;
    if (json_array_size(items) == 0) {
        return;
    }
    json_array_foreach(items, index, item)
    {
        sg_page_put(page, "Certificate %zu:\n", index + 1);
        put_heading(page, item);
        sg_page_certificate(page, item);
    }
    put_summary(page, answer, items);
}

/* ---- CHECKCERT ---- */

/* What is not here has no owner; its key may be. */
static void put_checked(struct sg_page *page, json_t *item)
{
    bool installed = sg_page_truth(page, item, "installed");
    const char *key_of = sg_page_find(page, item, "key_of");
    put_heading(page, item);
    sg_page_certificate(page, item);
    if (!installed) {
        sg_page_remark(page, "not installed");
    }
    if (!installed && key_of != NULL) {
        sg_page_remark(page, "its key is that of %s", key_of);
    }
}

static void put_check_summary(struct sg_page *page, json_t *answer)
{
    const char *fault = sg_page_find(page, answer, "chain_error");
    sg_page_put(page, "Chain information:\n");
    sg_page_put(page, "  Chain contains %lld certificate(s), chain is %s\n",
                (long long)sg_page_number(page, answer, "count"),
                sg_page_truth(page, answer, "complete") ? "complete" : "incomplete");
    if (sg_page_truth(page, answer, "expired")) {
        sg_page_put(page, "  Chain contains expired certificate(s)\n");
    }
    if (sg_page_truth(page, answer, "not_trusted")) {
        sg_page_put(page, "  Chain contains NOTRUST certificate(s)\n");
    }
    if (fault != NULL) {
        sg_page_line(page, "IRRD302I The chain has an error: ", fault);
    }
    if (json_is_true(json_object_get(answer, "complete_here")) &&
        !sg_page_truth(page, answer, "complete")) {
        sg_page_remark(page, "complete with what is installed under CERTAUTH");
    }
}

void sg_page_check_file(struct sg_page *page, json_t *answer)
{
    json_t *items = sg_page_list(page, answer, "items");
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach(items, index, item)
    {
        sg_page_put(page, "Certificate %zu:\n", index + 1);
        put_checked(page, item);
    }
    put_check_summary(page, answer);
}
