/* A list as aligned columns. */
#ifndef SIGNET_CLI_TABLE_H
#define SIGNET_CLI_TABLE_H

#include <jansson.h>

#include <signet/base/buffer.h>

#define SG_COLUMNS_MAX 16

/** Append a header and a line for each item. columns: JSON keys, blank between ("owner label
 * status"). An absent or empty value is "-". */
SG_CHECKED sg_status sg_table_append(const char *columns, json_t *items, struct sg_buffer *out,
                                     struct sg_error *err);

#endif
