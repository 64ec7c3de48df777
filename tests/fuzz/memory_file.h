/* A file that has a path and is on no disk, for parsers that read files themselves. */
#ifndef SIGNET_TESTS_FUZZ_MEMORY_FILE_H
#define SIGNET_TESTS_FUZZ_MEMORY_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct memory_file {
    int fd; /* close(2) ends it */
    char path[40];
};

static inline struct memory_file memory_file_new(const uint8_t *data, size_t size)
{
    struct memory_file file = {.fd = memfd_create("input", MFD_CLOEXEC)};
    if (file.fd < 0 || (size > 0 && write(file.fd, data, size) != (ssize_t)size)) {
        abort();
    }
    (void)snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.fd);
    return file;
}

#endif
