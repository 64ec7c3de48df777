/* Space that is kept back: a file beside the store that holds nothing but its length. What it is
 * shortened by is free for the write-ahead log, in which the next commit wants to stand. */
#include "store_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signet/base/file.h>

#define PART ((off_t)128 << 10) /* more than a change of a few rows takes */
#define PARTS 4

/* -1: there is none, and none can be made. */
static int open_reserve(const struct sg_store *store)
{
    SG_FREE char *path = NULL;
    if (store->copied || asprintf(&path, "%s-reserve", store->path) < 0) {
        return -1;
    }
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Bytes that it surely holds; a file that was copied without its blocks holds none. */
static off_t held(int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return 0;
    }
    off_t blocks = (off_t)info.st_blocks * 512;
    return blocks < info.st_size ? blocks : info.st_size;
}

/* Part by part: half of it is better than nothing. */
static bool fill(int fd)
{
    off_t len = held(fd) / PART * PART;
    while (len < PARTS * PART && posix_fallocate(fd, 0, len + PART) == 0) {
        len += PART;
    }
    return len >= PARTS * PART;
}

/* One part more can be had, and is given back. */
static bool has_room(int fd)
{
    bool room = posix_fallocate(fd, PARTS * PART, PART) == 0;
    return ftruncate(fd, PARTS * PART) == 0 && room;
}

static bool is_full(const struct sg_store *store)
{
    return store->write_failure.status != SG_OK &&
           strcmp(store->write_failure.code, "disk_full") == 0;
}

void sg_store_reserve_keep(struct sg_store *store)
{
    bool full = is_full(store);
    if (store->reserve_whole && !full) {
        return;
    }
    if (full && sg_store_is_clean(store)) { /* the log's own space, often more than the reserve */
        (void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    SG_FD int fd = open_reserve(store);
    store->reserve_whole = fd >= 0 && fill(fd);
    store->reserve_spent = store->reserve_spent && !store->reserve_whole;
    if (full && store->reserve_whole && has_room(fd)) {
        sg_error_clear(&store->write_failure);
    }
}

bool sg_store_reserve_spend(struct sg_store *store, bool last)
{
    SG_FD int fd = open_reserve(store);
    off_t len = fd >= 0 ? held(fd) : 0;
    store->reserve_whole = false;
    store->reserve_spent = true;
    return len > (last ? 0 : PART) && ftruncate(fd, len > PART ? len - PART : 0) == 0;
}

uint64_t sg_store_reserve_left(const struct sg_store *store)
{
    SG_FD int fd = open_reserve(store);
    return fd >= 0 ? (uint64_t)held(fd) : 0;
}
