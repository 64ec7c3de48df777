/* For foreign interfaces that have no const for what they only read (Cryptoki, struct iovec). */
#ifndef SIGNET_BASE_UNCONST_H
#define SIGNET_BASE_UNCONST_H

/** The same pointer without its const, to be handed to what only reads behind it. */
static inline void *sg_unconst(const void *pointer)
{
    const union {
        const void *in;
        void *out;
    } either = {.in = pointer};
    return either.out;
}

#endif
