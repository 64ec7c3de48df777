#include "uses_internal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include <signet/base/clock.h>
#include <signet/pkcs11/result.h>

void sg_token_uses_done(struct uses *uses)
{
    if (uses->page != NULL) {
        sg_uses_page_free(uses->page);
        uses->page = NULL;
    }
}

/* What cannot shrink cannot kill us when it is written. */
static bool is_page(int fd)
{
    struct stat info;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && fstat(fd, &info) == 0 &&
           info.st_size == (off_t)sizeof(struct sg_uses_page);
}

sg_status sg_token_uses_take(struct uses *uses, int fd, struct sg_error *err)
{
    if (!is_page(fd)) {
        return sg_fail(err, SG_E_USAGE, "bad_page", "this is no page to count uses in");
    }
    void *page = mmap(NULL, sizeof(struct sg_uses_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        return sg_fail_errno(err, SG_E_NO_MEMORY, "no_memory", "cannot map a page of uses");
    }
    sg_token_uses_done(uses);
    uses->page = page;
    uses->used = 0;
    memset(uses->index, 0, sizeof uses->index);
    return SG_OK;
}

/* Key identities are random already. */
static uint32_t hash(const struct sg_key_id *key, uint32_t uid, uint32_t ring)
{
    uint32_t word;
    memcpy(&word, key->bytes, sizeof word);
    return word ^ (uid * 2654435761u) ^ (ring * 2246822519u);
}

/* The place of a row in the index, or the free place where it belongs. */
static uint16_t *place(struct uses *uses, const struct sg_key_id *key, uint32_t uid, uint32_t ring)
{
    for (uint32_t at = hash(key, uid, ring);; at++) {
        uint16_t *place = &uses->index[at % USES_INDEX];
        if (*place == 0) {
            return place;
        }
        const struct sg_use_row *row = &uses->page->rows[*place - 1];
        if (row->uid == uid && row->ring == ring && memcmp(&row->key, key, sizeof *key) == 0) {
            return place;
        }
    }
}

static void add(struct uses *uses, uint16_t *at, const struct sg_key_id *key, uint32_t uid,
                uint32_t ring)
{
    struct sg_use_row *row = &uses->page->rows[uses->used];
    row->key = *key;
    row->uid = uid;
    row->ring = ring;
    *at = (uint16_t)++uses->used;
    atomic_store_explicit(&uses->page->used, uses->used, memory_order_release);
}

static int64_t now_s(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
}

/* We are the only writer. */
static void count(struct sg_use_row *row, bool succeeded)
{
    int64_t now = now_s();
    uint64_t count = atomic_load_explicit(&row->count, memory_order_relaxed);
    atomic_store_explicit(&row->last_s, now, memory_order_relaxed);
    if (succeeded) {
        atomic_store_explicit(&row->done_s, now, memory_order_relaxed);
    }
    atomic_store_explicit(&row->count, count + 1, memory_order_release);
}

/* One user's many keys and rings must not leave another without a row: of the last quarter nobody
 * has more rows than are free. Control brings another page from the middle on. */
static bool may_add(const struct uses *uses, uint32_t uid)
{
    uint32_t own = 0;
    if (uses->used < SG_USES_MAX / 4 * 3) {
        return true;
    }
    for (uint32_t i = 0; i < uses->used; i++) {
        own += uses->page->rows[i].uid == uid ? 1 : 0;
    }
    return own < SG_USES_MAX - uses->used;
}

void sg_token_uses_count(struct uses *uses, const struct capability *capability,
                         const struct sg_key_id *key, uint32_t ring, bool succeeded)
{
    if (uses->page == NULL) {
        return;
    }
    uint16_t *at = place(uses, key, capability->uid, ring);
    if (*at == 0 && !may_add(uses, capability->uid)) {
        atomic_fetch_add_explicit(&uses->page->lost, 1, memory_order_relaxed);
        return;
    }
    if (*at == 0) {
        add(uses, at, key, capability->uid, ring);
    }
    count(&uses->page->rows[*at - 1], succeeded);
}

static int64_t later(int64_t one, int64_t other)
{
    return one > other ? one : other;
}

static void note_failure(struct sg_uses_page *page, unsigned long rv, int64_t now_ms)
{
    uint64_t failed = atomic_load_explicit(&page->failed, memory_order_relaxed);
    int64_t done_ms = atomic_load_explicit(&page->done_ms, memory_order_relaxed);
    atomic_store_explicit(&page->failed_rv, rv, memory_order_relaxed);
    atomic_store_explicit(&page->failed_s, now_s(), memory_order_relaxed);
    atomic_store_explicit(&page->failed_ms, later(now_ms, done_ms + 1), memory_order_relaxed);
    atomic_store_explicit(&page->failed, failed + 1, memory_order_relaxed);
}

void sg_token_uses_judge(struct uses *uses, const struct sg_error *outcome)
{
    struct sg_uses_page *page = uses->page;
    if (page == NULL) {
        return;
    }
    int64_t now_ms = sg_monotonic_ms(sg_clock_system());
    if (outcome->status == SG_OK) {
        int64_t failed_ms = atomic_load_explicit(&page->failed_ms, memory_order_relaxed);
        atomic_store_explicit(&page->done_ms, later(now_ms, failed_ms + 1), memory_order_relaxed);
    } else if (outcome->ck_rv != 0 && sg_pkcs11_is_about_token(outcome->ck_rv)) {
        note_failure(page, outcome->ck_rv, now_ms);
    }
}
