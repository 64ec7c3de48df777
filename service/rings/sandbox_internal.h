/* What a connection process may still do once it reads hostile bytes. */
#ifndef SIGNET_RINGS_SANDBOX_INTERNAL_H
#define SIGNET_RINGS_SANDBOX_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include <signet/base/error.h>

#define SG_SANDBOX_FILES 64  /**< open descriptors of a connection process */
#define SG_SANDBOX_CHANNEL 4 /**< the one that new ones come through */
/** Bytes that a connection process can fill, beyond what it begins with; its view is none of them.
 */
#define SG_SANDBOX_DATA_MAX ((size_t)16 << 20)
#define SG_SANDBOX_STACK_MAX ((size_t)1 << 20) /**< bytes of stack, likewise */

/** The sanitizers' own calls pass no filter, their shadow memory no limit, and their reports want a
 * standard error. */
static inline bool sg_is_sanitized(void)
{
#ifdef SIGNET_SANITIZED
    return true;
#else
    return false;
#endif
}

/** A system call filter, compiled. */
struct sg_sandbox;

/** Compile the filter, once, before any connection process is forked. */
SG_CHECKED sg_status sg_sandbox_new(struct sg_sandbox **out, struct sg_error *err);
void sg_sandbox_free(struct sg_sandbox *sandbox);
SG_DEFINE_CLEANUP(struct sg_sandbox *, sg_sandbox_free)

/** Shut the calling process in, for good: limits on memory (memory_max bytes of address space, 0 =
 * none; SG_SANDBOX_DATA_MAX and SG_SANDBOX_STACK_MAX), descriptors and core files, no new
 * privileges, not dumpable, no file system (Landlock, where the kernel has it), and only the system
 * calls that serving a client takes: descriptors come in through SG_SANDBOX_CHANNEL alone and none
 * goes out. Any other call kills the process. Built with a sanitizer, the
 * limits on memory and the filter are left out: the sanitizers need what they forbid. */
SG_CHECKED sg_status sg_sandbox_enter(const struct sg_sandbox *sandbox, size_t memory_max,
                                      struct sg_error *err);

#endif
