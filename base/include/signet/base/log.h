/* The log: one event, one line, on standard error, with the <n> prefixes of sd-daemon(3). Not the
 * audit trail. */
#ifndef SIGNET_BASE_LOG_H
#define SIGNET_BASE_LOG_H

#include <stdint.h>

#include <signet/base/error.h>

enum sg_log_level {
    SG_LOG_ERROR = 3,   /**< somebody must act */
    SG_LOG_WARNING = 4, /**< we went on, and the line says so */
    SG_LOG_NOTICE = 5,  /**< state changed */
    SG_LOG_INFO = 6,    /**< start, stop, configuration */
    SG_LOG_DEBUG = 7,
};

/** Name this process in its lines ("control") and set the least important level that is written.
 * Call once, early. */
void sg_log_init(const char *process, enum sg_log_level least);
/** Write one line; control characters in it become '?'. Write key=value, quote strings:
 * "event=started token=\"%s\"". */
void sg_log(enum sg_log_level level, const char *format, ...) SG_PRINTF(2, 3);
/** Text as it stands between the quotes of a value, a backslash before quotes and backslashes: so
 * that it can neither end the value nor look like a field. Cut where out is full. */
void sg_log_quote(const char *text, char *out, size_t size);
/** Write an error with what lies underneath it (CK_RV, errno, OpenSSL, SQLite, file and line) and
 * its hint. Quotes and backslashes in text and hint are escaped by a backslash. */
void sg_log_error(enum sg_log_level level, const char *event, const struct sg_error *err);

/** What others can bring about as often as they like is logged once a second. Zeroed at first. */
struct sg_log_pace {
    int64_t told_ms;
    uint64_t untold;
};
/** It happened once more; now_ms is monotonic. How often since the last line, this time too, for a
 * line now; 0: no line now. */
uint64_t sg_log_due(struct sg_log_pace *pace, int64_t now_ms);

#endif
