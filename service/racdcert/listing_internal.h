/* What the listings share: a page that remembers the first fault, so that a layout reads as one. */
#ifndef SIGNET_RACDCERT_LISTING_INTERNAL_H
#define SIGNET_RACDCERT_LISTING_INTERNAL_H

#include <signet/racdcert/listing.h>

struct sg_page {
    const struct sg_racdcert_listing_options *options;
    struct sg_buffer *out;
    struct sg_error *err;
    sg_status status; /**< once it is not SG_OK, everything below does nothing */
};

/* ---- writing ---- */
/** Our own words only: nothing of the answer goes through the format. */
void sg_page_put(struct sg_page *page, const char *format, ...) SG_PRINTF(2, 3);
/** Text of the answer; controls become "?". */
void sg_page_text(struct sg_page *page, const char *text);
/** The same of its first len bytes, which end with a whole character. */
void sg_page_some(struct sg_page *page, const char *text, size_t len);
/** The same, filled with blanks to width characters. A longer one is not cut. */
void sg_page_cell(struct sg_page *page, const char *text, size_t width);
/** before, text, end of line. */
void sg_page_line(struct sg_page *page, const char *before, const char *text);
enum { SG_LISTING_INDENT = 7 }; /**< blanks before the ">" of most blocks */
/** indent blanks, ">text<", in pieces of 68 characters. */
void sg_page_block(struct sg_page *page, size_t indent, const char *text);
/** A remark of our own as RACF writes those of its own, "  *** … ***", so that what reads RACF's
 * rows passes it by. */
void sg_page_remark(struct sg_page *page, const char *format, ...) SG_PRINTF(2, 3);
/** "YYYY/MM/DD HH:MM:SS", local time, of an RFC 3339 text. */
void sg_page_date(struct sg_page *page, const char *before, const char *time);
/** before, "for CERTAUTH", "for SITE", "for MULTIID" or "for user START1", a colon, end of line. */
void sg_page_heading(struct sg_page *page, const char *before, const char *owner);

/* ---- reading ---- */
/** The text, "" after a fault. */
const char *sg_page_get(struct sg_page *page, json_t *object, const char *key);
/** NULL when the key is absent or null; a fault when it is something else than a text. */
const char *sg_page_find(struct sg_page *page, json_t *object, const char *key);
bool sg_page_truth(struct sg_page *page, json_t *object, const char *key);
int64_t sg_page_number(struct sg_page *page, json_t *object, const char *key);
/** Seconds since 1970 of an RFC 3339 text. */
int64_t sg_page_time(struct sg_page *page, const char *time);
/** The list, NULL (which has no elements) after a fault. */
json_t *sg_page_list(struct sg_page *page, json_t *object, const char *key);
/** Remember that the answer lacks a key, or has it of another type. */
void sg_page_fault(struct sg_page *page, const char *key, const char *wanted);

/* ---- certificates and rings ---- */
/** "CERTAUTH", "SITE", "ID(START1)". */
void sg_page_owner(struct sg_page *page, const char *owner, size_t width);
/** The lines of one certificate, from Label to Ring Associations. */
void sg_page_certificate(struct sg_page *page, json_t *item);
void sg_page_list_certificates(struct sg_page *page, json_t *answer);
void sg_page_list_ring(struct sg_page *page, json_t *answer);
void sg_page_list_chain(struct sg_page *page, json_t *answer);
void sg_page_check_file(struct sg_page *page, json_t *answer);
void sg_page_list_token(struct sg_page *page, json_t *answer);
void sg_page_list_profile(struct sg_page *page, json_t *answer);
void sg_page_list_maps(struct sg_page *page, json_t *answer);

/** RACF's words for what X.509 says (listing_words.c). */
enum { SG_LISTING_WORD = 64 };
void sg_listing_signature(const char *algorithm, char out[SG_LISTING_WORD]);
void sg_listing_key_type(const char *key, char out[SG_LISTING_WORD]);
/** "HANDSHAKE, CERTSIGN"; empty without any. bits: of the names in RFC 5280, 4.2.1.3, in order. */
void sg_listing_key_usage(unsigned bits, char out[SG_LISTING_WORD]);
/** The bit of a name ("digitalSignature" is 1), 0 for an unknown one. */
unsigned sg_listing_usage_bit(const char *name);

#endif
