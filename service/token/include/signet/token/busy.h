/* What a process is doing and since when, on a page that it shares with who watches over it: a
 * vendor's module that hangs cannot say so itself. Control and rings have one too. */
#ifndef SIGNET_TOKEN_BUSY_H
#define SIGNET_TOKEN_BUSY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum sg_busy_kind {
    SG_BUSY_NOT = 0,
    SG_BUSY_USE = 1,               /**< signs, decrypts or derives */
    SG_BUSY_LOOK_UP = SG_BUSY_USE, /**< control: asks the system's name service */
    SG_BUSY_CALL = 2,  /**< anything else that may call the module; control and rings: starting */
    SG_BUSY_LOGIN = 3, /**< the PIN is with the token */
};

#define SG_BUSY_BEAT_MS 1000 /* how often an idle process says that it lives */

/** Written by the process, read by the master (of token processes, by control too). One word, so
 * that kind and time fit each other: since (monotonic, ms) * 4 + kind; 0 when nothing is under way.
 * The beat is when it last came by between two requests (monotonic, ms). */
struct sg_busy_page {
    _Atomic uint64_t word;
    _Atomic uint64_t beat_ms;
};

/** page may be NULL, likewise. */
static inline void sg_busy_beat(struct sg_busy_page *page, int64_t now_ms)
{
    if (page != NULL) {
        atomic_store_explicit(&page->beat_ms, (uint64_t)now_ms, memory_order_relaxed);
    }
}

/** How long it has not come by, ms; 0 for a time that cannot be. What it is in a request for is
 * another matter: sg_busy_get. */
static inline int64_t sg_busy_silent_ms(const struct sg_busy_page *page, int64_t now_ms)
{
    int64_t beat_ms =
        page != NULL ? (int64_t)atomic_load_explicit(&page->beat_ms, memory_order_relaxed) : now_ms;
    return beat_ms < now_ms ? now_ms - beat_ms : 0;
}

/** page may be NULL: nobody watches. */
static inline void sg_busy_set(struct sg_busy_page *page, enum sg_busy_kind kind, int64_t now_ms)
{
    if (page != NULL) {
        uint64_t word = kind == SG_BUSY_NOT ? 0 : (uint64_t)now_ms * 4 + (uint64_t)kind;
        atomic_store_explicit(&page->word, word, memory_order_release);
    }
}

/** What it does; *for_ms says how long already, 0 for a time that cannot be. */
static inline enum sg_busy_kind sg_busy_get(const struct sg_busy_page *page, int64_t now_ms,
                                            int64_t *for_ms)
{
    uint64_t word = page != NULL ? atomic_load_explicit(&page->word, memory_order_acquire) : 0;
    int64_t since_ms = (int64_t)(word / 4);
    *for_ms = word != 0 && since_ms < now_ms ? now_ms - since_ms : 0;
    return (enum sg_busy_kind)(word % 4);
}

#endif
