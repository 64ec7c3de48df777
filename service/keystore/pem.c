/* PEM, both ways. The reader takes what OpenSSL's takes and more: lines that end in CR alone, blank
 * lines in the middle, indentation, fixed records padded with blanks, mail quoting, "\n" written
 * out, everything on one line. docs/keystores.md has the table. */
#include "keystore_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#define LINE_BYTES 48 /* of DER in one line of 64 characters */

static const char begin_mark[] = "-----BEGIN ";
static const char end_mark[] = "-----END ";
static const char dashes[] = "-----";

void sg_pem_reader_init(struct sg_pem_reader *reader, struct sg_bytes data)
{
    *reader = (struct sg_pem_reader){.data = data, .line = 1};
}

/* Move on to an offset and count the lines on the way: LF, CR LF and CR alone end one. */
static void advance(struct sg_pem_reader *reader, size_t to)
{
    const unsigned char *data = reader->data.data;
    for (; reader->at < to; reader->at++) {
        bool lf = data[reader->at] == '\n' && (reader->at == 0 || data[reader->at - 1] != '\r');
        reader->line += lf || data[reader->at] == '\r' ? 1 : 0;
    }
}

static size_t find(struct sg_bytes data, size_t from, const char *mark, size_t until)
{
    const unsigned char *hit =
        from < until ? memmem(data.data + from, until - from, mark, strlen(mark)) : NULL;
    return hit != NULL ? (size_t)(hit - data.data) : until;
}

/* The label from here to the closing dashes; its length, or 0 when this is no BEGIN or END line. */
static size_t read_label(struct sg_bytes data, size_t at, char out[SG_PEM_LABEL_MAX + 1])
{
    size_t len = 0;
    while (len <= SG_PEM_LABEL_MAX && at + len < data.len && data.data[at + len] >= 0x20 &&
           data.data[at + len] < 0x7f && data.data[at + len] != '-') {
        len++;
    }
    bool closed = len > 0 && len <= SG_PEM_LABEL_MAX && at + len + 5 <= data.len &&
                  memcmp(data.data + at + len, dashes, 5) == 0;
    if (!closed) {
        return 0;
    }
    memcpy(out, data.data + at, len);
    out[len] = '\0';
    return len;
}

/* The body reaches to END; the block is damaged when that is missing or names something else. */
static void read_body(struct sg_pem_reader *reader, size_t start, struct sg_pem_block *out)
{
    struct sg_bytes data = reader->data;
    char label[SG_PEM_LABEL_MAX + 1] = "";
    size_t next = find(data, start, begin_mark, data.len);
    size_t end = find(data, start, end_mark, next);
    out->body = (struct sg_bytes){data.data + start, end - start};
    out->fault = NULL;
    if (end == next) {
        out->fault = "its END line is missing";
        advance(reader, end);
        return;
    }
    size_t len = read_label(data, end + strlen(end_mark), label);
    if (len == 0 || strcmp(label, out->label) != 0) {
        out->fault = "its END line does not fit its BEGIN line";
    }
    advance(reader, end + strlen(end_mark) + len);
}

bool sg_pem_next(struct sg_pem_reader *reader, struct sg_pem_block *out)
{
    for (;;) {
        size_t begin = find(reader->data, reader->at, begin_mark, reader->data.len);
        advance(reader, begin);
        if (begin == reader->data.len) {
            return false;
        }
        size_t start = begin + strlen(begin_mark);
        size_t len = read_label(reader->data, start, out->label);
        if (len > 0) {
            out->line = reader->line;
            read_body(reader, start + len + strlen(dashes), out);
            return true;
        }
        advance(reader, start);
    }
}

static bool is_base64(unsigned char c)
{
    return isalnum(c) || c == '+' || c == '/' || c == '=';
}

/* How many bytes of decoration stand at this place: white space, a mail's ">" at the start of a
 * line, "\n" written out. */
static size_t decoration(struct sg_bytes body, size_t at, bool line_start)
{
    unsigned char c = body.data[at];
    if (isspace(c) || (c == '>' && line_start)) {
        return 1;
    }
    bool escape =
        c == '\\' && at + 1 < body.len && (body.data[at + 1] == 'n' || body.data[at + 1] == 'r');
    return escape ? 2 : 0;
}

static sg_status bad_character(struct sg_error *err, unsigned char c, size_t line)
{
    return isgraph(c) ? sg_fail(err, SG_E_INPUT, "bad_base64",
                                "character \"%c\" on line %zu does not belong to base64", c, line)
                      : sg_fail(err, SG_E_INPUT, "bad_base64",
                                "byte 0x%02x on line %zu does not belong to base64", c, line);
}

/* Keep the base64 characters only. */
static sg_status strip(const struct sg_pem_block *block, struct sg_buffer *out,
                       struct sg_error *err)
{
    struct sg_bytes body = block->body;
    bool line_start = false;
    unsigned char *room = NULL;
    size_t line = block->line;
    sg_status s = sg_buffer_reserve(out, body.len + 4, &room, err);
    if (s != SG_OK) {
        return s;
    }
    for (size_t at = 0; at < body.len;) {
        unsigned char c = body.data[at];
        size_t skip = decoration(body, at, line_start);
        line += c == '\r' || (c == '\n' && (at == 0 || body.data[at - 1] != '\r')) ? 1 : 0;
        line_start = c == '\n' || c == '\r' || (line_start && skip > 0);
        if (skip > 0) {
            at += skip;
            continue;
        }
        if (!is_base64(c)) {
            return bad_character(err, c, line);
        }
        room[out->len++] = c;
        at++;
    }
    return SG_OK;
}

/* Put the padding right; *padding characters of it. False when it stands anywhere but at the end.
 */
static bool pad(struct sg_buffer *text, size_t *padding)
{
    size_t len = text->len;
    while (len > 0 && text->data[len - 1] == '=') {
        len--;
    }
    if (len == 0 || memchr(text->data, '=', len) != NULL || len % 4 == 1 || text->len - len > 2) {
        return false;
    }
    *padding = (4 - len % 4) % 4;
    memset(text->data + len, '=', *padding); /* strip() left room */
    text->len = len + *padding;
    return true;
}

sg_status sg_pem_decode(const struct sg_pem_block *block, struct sg_buffer *out,
                        struct sg_error *err)
{
    SG_BUFFER text;
    sg_buffer_init(&text, SG_INPUT_FILE_MAX + 4);
    sg_status s = strip(block, &text, err);
    if (s != SG_OK) {
        return s;
    }
    size_t padding = 0;
    if (!pad(&text, &padding)) {
        return sg_fail(err, SG_E_INPUT, "bad_base64",
                       text.len == 0 ? "it is empty" : "its base64 is incomplete");
    }
    unsigned char *room = NULL;
    s = sg_buffer_reserve(out, text.len / 4 * 3, &room, err);
    if (s != SG_OK) {
        return s;
    }
    int len = EVP_DecodeBlock(room, text.data, (int)text.len);
    if (len < 0 || (size_t)len < padding) {
        return sg_fail(err, SG_E_INPUT, "bad_base64", "its base64 cannot be decoded");
    }
    out->len += (size_t)len - padding;
    return SG_OK;
}

bool sg_pem_is_bare_base64(struct sg_bytes data)
{
    size_t characters = 0;
    unsigned char first[4] = "";
    for (size_t i = 0; i < data.len; i++) {
        if (isspace(data.data[i])) {
            continue;
        }
        if (!is_base64(data.data[i])) {
            return false;
        }
        if (characters < sizeof(first)) {
            first[characters] = data.data[i];
        }
        characters++;
    }
    unsigned char start[3] = "";
    return characters >= 64 && EVP_DecodeBlock(start, first, 4) == 3 &&
           sg_keystore_is_der((struct sg_bytes){start, sizeof(start)});
}

/* ---- writing ---- */

static sg_status write_line(struct sg_bytes der, size_t at, struct sg_buffer *out,
                            struct sg_error *err)
{
    unsigned char line[LINE_BYTES / 3 * 4 + 2];
    size_t take = der.len - at < LINE_BYTES ? der.len - at : LINE_BYTES;
    int len = EVP_EncodeBlock(line, der.data + at, (int)take);
    line[len] = '\n';
    return sg_buffer_append(out, line, (size_t)len + 1, err);
}

sg_status sg_keystore_write_pem_block(const char *label, struct sg_bytes der, struct sg_buffer *out,
                                      struct sg_error *err)
{
    sg_status s = sg_buffer_format(out, err, "%s%s%s\n", begin_mark, label, dashes);
    for (size_t at = 0; s == SG_OK && at < der.len; at += LINE_BYTES) {
        s = write_line(der, at, out, err);
    }
    return s == SG_OK ? sg_buffer_format(out, err, "%s%s%s\n", end_mark, label, dashes) : s;
}

/* Bare blocks, nothing around them: IBM's Java refuses text before BEGIN. */
sg_status sg_keystore_write_pem(const struct sg_entry *entries, size_t count, struct sg_buffer *out,
                                struct sg_error *err)
{
    sg_status s = sg_trust_check_count(count, err);
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        s = sg_keystore_write_pem_block("CERTIFICATE", entries[i].der, out, err);
    }
    return s;
}
