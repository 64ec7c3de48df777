/* The listings' entry, and what a page can do. */
#include "listing_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BLOCK_CHARACTERS 68 /* of one "> <" piece, as in IBM's samples */

/* ---- writing ---- */

static void append(struct sg_page *page, const void *data, size_t len)
{
    if (page->status == SG_OK) {
        page->status = sg_buffer_append(page->out, data, len, page->err);
    }
}

void sg_page_put(struct sg_page *page, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    append(page, text, len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

static size_t character_bytes(const char *text)
{
    size_t len = 1;
    while (((unsigned char)text[len] & 0xC0) == 0x80) {
        len++;
    }
    return len;
}

/* C0, DEL, and C1 as UTF-8 writes them: what a terminal would act upon. */
static bool is_control(const char *text)
{
    unsigned char first = (unsigned char)text[0];
    unsigned char second = first != '\0' ? (unsigned char)text[1] : 0;
    return first < 0x20 || first == 0x7F || (first == 0xC2 && second >= 0x80 && second < 0xA0);
}

static void append_character(struct sg_page *page, const char *text, size_t len)
{
    bool control = is_control(text);
    append(page, control ? "?" : text, control ? 1 : len);
}

/* At most limit characters; gives how many bytes of text they were, and counts them. */
static size_t append_some(struct sg_page *page, const char *text, size_t limit, size_t *count)
{
    size_t at = 0;
    for (*count = 0; text[at] != '\0' && *count < limit; (*count)++) {
        size_t len = character_bytes(text + at);
        append_character(page, text + at, len);
        at += len;
    }
    return at;
}

void sg_page_text(struct sg_page *page, const char *text)
{
    sg_page_some(page, text, strlen(text));
}

void sg_page_some(struct sg_page *page, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t bytes = character_bytes(text + at);
        append_character(page, text + at, bytes);
        at += bytes;
    }
}

void sg_page_cell(struct sg_page *page, const char *text, size_t width)
{
    size_t count = 0;
    (void)append_some(page, text, SIZE_MAX, &count);
    for (; count < width; count++) {
        append(page, " ", 1);
    }
}

void sg_page_line(struct sg_page *page, const char *before, const char *text)
{
    append(page, before, strlen(before));
    sg_page_text(page, text);
    append(page, "\n", 1);
}

void sg_page_block(struct sg_page *page, size_t indent, const char *text)
{
    do {
        size_t count = 0;
        sg_page_cell(page, "", indent);
        append(page, ">", 1);
        text += append_some(page, text, BLOCK_CHARACTERS, &count);
        append(page, "<\n", 2);
    } while (*text != '\0' && page->status == SG_OK);
}

void sg_page_remark(struct sg_page *page, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    append(page, "  *** ", 6);
    sg_page_text(page, text);
    append(page, " ***\n", 5);
}

void sg_page_date(struct sg_page *page, const char *before, const char *time)
{
    struct tm local;
    time_t seconds = (time_t)sg_page_time(page, time);
    char text[32] = "";
    if (page->status == SG_OK && localtime_r(&seconds, &local) != NULL) {
        (void)strftime(text, sizeof text, "%Y/%m/%d %H:%M:%S", &local);
    }
    sg_page_line(page, before, text);
}

void sg_page_heading(struct sg_page *page, const char *before, const char *owner)
{
    static const char *const nobodys[] = {"CERTAUTH", "SITE", "MULTIID"};
    bool user = true;
    for (size_t i = 0; i < SG_COUNT(nobodys); i++) {
        user = user && strcmp(owner, nobodys[i]) != 0;
    }
    sg_page_put(page, "%s for %s", before, user ? "user " : "");
    sg_page_text(page, owner);
    sg_page_put(page, ":\n");
}

/* ---- reading ---- */

void sg_page_fault(struct sg_page *page, const char *key, const char *wanted)
{
    if (page->status == SG_OK) {
        sg_fail(page->err, SG_E_SERVICE, "bad_answer",
                "the service's answer cannot be listed: \"%s\" is not %s", key, wanted);
        page->status = sg_hint(page->err, "Are command and service of the same version? See: "
                                          "signet status");
    }
}

const char *sg_page_find(struct sg_page *page, json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (value != NULL && !json_is_null(value) && !json_is_string(value)) {
        sg_page_fault(page, key, "a text");
    }
    return json_string_value(value);
}

const char *sg_page_get(struct sg_page *page, json_t *object, const char *key)
{
    const char *text = sg_page_find(page, object, key);
    if (text == NULL) {
        sg_page_fault(page, key, "a text");
    }
    return text != NULL ? text : "";
}

bool sg_page_truth(struct sg_page *page, json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_boolean(value)) {
        sg_page_fault(page, key, "true or false");
    }
    return json_is_true(value);
}

int64_t sg_page_number(struct sg_page *page, json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_integer(value)) {
        sg_page_fault(page, key, "a number");
    }
    return json_integer_value(value);
}

int64_t sg_page_time(struct sg_page *page, const char *time)
{
    struct tm parts = {.tm_isdst = 0};
    const char *end = strptime(time, "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (end == NULL || *end != '\0') {
        sg_page_fault(page, "not_before or not_after", "a time");
        return 0;
    }
    return (int64_t)timegm(&parts);
}

json_t *sg_page_list(struct sg_page *page, json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (!json_is_array(value)) {
        sg_page_fault(page, key, "a list");
        return NULL;
    }
    return value;
}

/* ---- the entry ---- */

sg_status sg_racdcert_listing(enum sg_racdcert_listing kind, json_t *answer,
                              const struct sg_racdcert_listing_options *options,
                              struct sg_buffer *out, struct sg_error *err)
{
    struct sg_page page = {.options = options, .out = out, .err = err};
    tzset(); /* localtime_r alone need not look at TZ */
    switch (kind) {
    case SG_LISTING_LIST:
        sg_page_list_certificates(&page, answer);
        break;
    case SG_LISTING_LISTRING:
        sg_page_list_ring(&page, answer);
        break;
    case SG_LISTING_LISTCHAIN:
        sg_page_list_chain(&page, answer);
        break;
    case SG_LISTING_CHECKCERT:
        sg_page_check_file(&page, answer);
        break;
    case SG_LISTING_LISTTOKEN:
        sg_page_list_token(&page, answer);
        break;
    case SG_LISTING_RLIST:
        sg_page_list_profile(&page, answer);
        break;
    case SG_LISTING_LISTMAP:
        sg_page_list_maps(&page, answer);
        break;
    }
    return page.status;
}

const char *sg_racdcert_listing_next(json_t *answer)
{
    return json_string_value(json_object_get(answer, "next"));
}
