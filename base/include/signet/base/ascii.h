/* Case of ASCII letters, whatever the locale is. Other bytes, also those of UTF-8, stay as they
 * are. */
#ifndef SIGNET_BASE_ASCII_H
#define SIGNET_BASE_ASCII_H

static inline char sg_ascii_upper(char c)
{
    if (c >= 'a' && c <= 'z') {
        c = (char)(c - 'a' + 'A');
    }
    return c;
}

static inline char sg_ascii_lower(char c)
{
    if (c >= 'A' && c <= 'Z') {
        c = (char)(c - 'A' + 'a');
    }
    return c;
}

#endif
